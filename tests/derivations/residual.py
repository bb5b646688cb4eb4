"""The formulas of residual.md."""

import numpy as np

from neural_networks.layers import FullyConnected, Residual
from tests.derivations.differences import along, central
from tests.derivations.registry import check, example, formula, gradient


def one_example(rng):
    return block_drawn(rng, m=1)


def block_drawn(rng, m=None):
    """A batch, and a block F(x) = tanh(x A + a) B + c with h units inside."""
    d, h, m = *(int(n) for n in rng.integers(1, 4, 2)), m or int(rng.integers(1, 4))
    shapes = {"X": (m, d), "A": (d, h), "a": (1, h), "B": (h, d), "c": (1, d), "dLdY": (m, d)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def inner(x, A, a, B, c):
    """F_j of one example, and the Jacobian ∂F_j / ∂x_i with a row for each j."""
    d, h = A.shape
    t = [np.tanh(a[0, u] + sum(x[i] * A[i, u] for i in range(d))) for u in range(h)]
    F = np.array([c[0, j] + sum(t[u] * B[u, j] for u in range(h)) for j in range(d)])
    J = np.zeros((d, d))
    for j, i, u in np.ndindex(d, d, h):
        J[j, i] += A[i, u] * (1 - t[u] ** 2) * B[u, j]
    return F, J


def slope(z):
    """The derivative of σ = tanh, the activation of the block."""
    return 1 - np.tanh(z) ** 2


@formula("residual/forward")
def residual_forward(X, A, a, B, c):
    r"""y_j = \sigma(z_j) \qquad z_j = x_j + F_j(x_1, \dots, x_d)"""
    return np.array([[np.tanh(z_j) for z_j in sum_of(X, A, a, B, c)]])


def sum_of(X, A, a, B, c):
    """z_j = x_j + F_j of one example."""
    x, (F, _) = X[0], inner(X[0], A, a, B, c)
    return np.array([x[j] + F[j] for j in range(len(x))])


@formula("residual/sum")
def residual_sum(X, A, a, B, c, dLdY):
    r"""\frac{\partial L}{\partial z_j} = \sigma'(z_j) \, \frac{\partial L}{\partial y_j}"""
    z = sum_of(X, A, a, B, c)
    return np.array([[slope(z[j]) * dLdY[0, j] for j in range(len(z))]])


@formula("residual/jacobian")
def residual_jacobian(X, A, a, B, c):
    r"""\frac{\partial z_j}{\partial x_i} = \delta_{ij} + \frac{\partial F_j}{\partial x_i}"""
    _, J = inner(X[0], A, a, B, c)
    dzdx = np.zeros(J.shape)
    for j, i in np.ndindex(J.shape):
        dzdx[j, i] = (1 if i == j else 0) + J[j, i]
    return dzdx


@formula("residual/input")
def residual_input(X, A, a, B, c, dLdY):
    r"""
    \frac{\partial L}{\partial x_i}
    = \sum_{j=1}^{d} \frac{\partial L}{\partial z_j} \frac{\partial z_j}{\partial x_i}
    = \frac{\partial L}{\partial z_i}
    + \sum_{j=1}^{d} \frac{\partial L}{\partial z_j} \frac{\partial F_j}{\partial x_i}
    """
    d, (_, J) = X.shape[1], inner(X[0], A, a, B, c)
    dLdz, dzdx = residual_sum(X, A, a, B, c, dLdY)[0], residual_jacobian(X, A, a, B, c)
    middle = [sum(dLdz[j] * dzdx[j, i] for j in range(d)) for i in range(d)]
    right = [dLdz[i] + sum(dLdz[j] * J[j, i] for j in range(d)) for i in range(d)]
    np.testing.assert_allclose(middle, right, rtol=0, atol=1e-12)
    return np.array([right])


@formula("residual/batch")
def residual_batch(X, A, a, B, c, dLdY):
    r"""
    \frac{\partial L}{\partial X} = \frac{\partial L}{\partial Z}
    + B_F \Big( \frac{\partial L}{\partial Z} \Big) \qquad
    \frac{\partial L}{\partial Z} = \sigma'(Z) \odot \frac{\partial L}{\partial Y}
    """
    T = np.tanh(X @ A + a)
    dLdZ = slope(X + T @ B + c) * dLdY
    through_F = (dLdZ @ B.T * (1 - T**2)) @ A.T
    return dLdZ + through_F


@formula("residual/batch_fully_connected")
def residual_fully_connected(X, W, dLdZ):
    r"""
    \frac{\partial L}{\partial X} = \frac{\partial L}{\partial Z}
    + \frac{\partial L}{\partial Z} W^\top
    """
    return dLdZ + dLdZ @ W.T


def dense(W, b, activation="linear"):
    """A fully connected layer with these parameters."""
    layer = FullyConnected(W.shape[1], activation)
    layer.check_input(np.zeros((1, len(W))))
    layer.parameters.update(W=W, b=b)
    return layer


def block(A, a, B, c, activation="tanh"):
    return Residual([dense(A, a, "tanh"), dense(B, c)], activation)


def block_gradient(X, A, a, B, c, dLdY):
    layer = block(A, a, B, c)
    layer.forward(X)
    return layer.backward(dLdY)


def block_loss(X, A, a, B, c, dLdY):
    """L = Σ dL/dY · Y of all examples."""
    each = [residual_forward(X[i : i + 1], A, a, B, c)[0] for i in range(len(X))]
    return (dLdY * np.stack(each)).sum()


def library_sum(X, A, a, B, c, dLdY):
    """dL/dz of one example, which is also that of c, the biases of the last inner layer."""
    layer = block(A, a, B, c)
    layer.forward(X)
    layer.backward(dLdY)
    return layer.gradients["2.b"]


def numeric_sum(given):
    z = sum_of(**{name: given[name] for name in ("X", "A", "a", "B", "c")})
    return central(lambda z: (given["dLdY"] * np.tanh(z)).sum(), z)[None]


def library_jacobian(X, A, a, B, c):
    """Row j is the gradient of z_j alone."""
    layer = block(A, a, B, c, "linear")
    layer.forward(X)
    return np.concatenate([layer.backward(row[None]) for row in np.eye(X.shape[1])])


def numeric_jacobian(given):
    own = {name: given[name] for name in ("X", "A", "a", "B", "c")}
    rows = range(given["X"].shape[1])
    return np.concatenate([along(lambda j=j, **x: sum_of(**x)[j], own, "X") for j in rows])


def with_one_layer(rng):
    m, d = (int(n) for n in rng.integers(1, 4, 2))
    shapes = {"X": (m, d), "W": (d, d), "b": (1, d), "dLdZ": (m, d)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def one_layer(X, W, b, dLdZ, activation="linear"):
    """The block with one inner layer after both passes, its output, and dL/dX."""
    layer = Residual([dense(W, b)], activation)
    Y = layer.forward(X)
    return layer, Y, layer.backward(dLdZ)


check(
    "residual/forward",
    draw=one_example,
    library=lambda X, A, a, B, c: block(A, a, B, c).forward(X),
)
check("residual/sum", draw=one_example, library=library_sum, numeric=numeric_sum)
check("residual/jacobian", draw=one_example, library=library_jacobian, numeric=numeric_jacobian)
check(
    "residual/input",
    draw=one_example,
    library=block_gradient,
    numeric=gradient(of="residual/forward", wrt="X", upstream="dLdY"),
)
check(
    "residual/batch",
    draw=block_drawn,
    library=block_gradient,
    numeric=lambda given: along(block_loss, given, "X"),
)
check(
    "residual/batch_fully_connected",
    draw=with_one_layer,
    library=lambda X, W, b, dLdZ: one_layer(X, W, b, dLdZ)[2],
    numeric=lambda given: central(
        lambda X: (given["dLdZ"] * (X + X @ given["W"] + given["b"])).sum(), given["X"]
    ),
)


@example("residual")
def residual_example():
    X, dLdY = np.array([[1.0, 2]]), np.array([[2.0, 5]])
    W, b = np.array([[0.0, -1], [1, 0]]), np.array([[1.0, -2]])
    layer, Y, dLdX = one_layer(X, W, b, dLdY, "relu")
    return {
        "X": X,
        "W": W,
        "b": b,
        "Z": layer.cache["Z"],
        "Y": Y,
        r"\frac{\partial L}{\partial Y}": dLdY,
        r"\frac{\partial L}{\partial Z}": layer.gradients["1.b"],
        r"\frac{\partial L}{\partial X}": dLdX,
        r"\frac{\partial L}{\partial W}": layer.gradients["1.W"],
        r"\frac{\partial L}{\partial b}": layer.gradients["1.b"],
    }
