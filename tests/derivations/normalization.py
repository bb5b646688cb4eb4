"""The formulas of batch_normalization.md."""

import math

import numpy as np

from neural_networks.layers import BatchNorm
from tests.derivations.differences import along, joined
from tests.derivations.registry import check, example, formula, jacobian


def one_feature(rng):
    """The values of one feature, x (m,), with scale and shift, and a gradient from above."""
    m = int(rng.integers(2, 6))
    gamma, beta = rng.uniform(0.5, 2), rng.standard_normal()
    x, dLdz = 3 * rng.standard_normal((2, m))
    return {"x": x, "gamma": gamma, "beta": beta, "epsilon": rng.uniform(0.01, 1), "dLdz": dLdz}


def batch(rng):
    """A batch X (m, d)."""
    m, d = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    X, dLdZ = 3 * rng.standard_normal((2, m, d))
    gamma, beta = rng.uniform(0.5, 2, (1, d)), rng.standard_normal((1, d))
    return {"X": X, "gamma": gamma, "beta": beta, "epsilon": rng.uniform(0.01, 1), "dLdZ": dLdZ}


def constant():
    """Features of which one has the same value in all examples, so that its variance is 0."""
    X, dLdZ = np.array([[2.0, 1], [2, -1], [2, 3]]), np.array([[1.0, 4], [0, -1], [2, 3]])
    return [
        {"X": X, "gamma": np.array([[1.5, 2]]), "beta": np.zeros((1, 2)), "epsilon": 0.25}
        | {"dLdZ": dLdZ}
    ]


# ------------------------------------------------------------------------- one feature


@formula("batch_normalization/statistics")
def statistics(x, epsilon):
    r"""
    \mu = \frac{1}{m} \sum_{i=1}^{m} x_i \qquad
    v = \frac{1}{m} \sum_{i=1}^{m} (x_i - \mu)^2 \qquad
    s = \frac{1}{\sqrt{v + \varepsilon}}
    """
    m = len(x)
    mu = 1 / m * sum(x)
    v = 1 / m * sum((x_i - mu) ** 2 for x_i in x)
    return np.array([mu, v, 1 / math.sqrt(v + epsilon)])


@formula("batch_normalization/forward")
def forward(x, gamma, beta, epsilon):
    r"""\hat{x}_i = (x_i - \mu) \, s \qquad z_i = \gamma \hat{x}_i + \beta"""
    return np.array([gamma * x_hat_i + beta for x_hat_i in normalized(x, epsilon)])


def normalized(x, epsilon):
    mu, _, s = statistics(x, epsilon)
    return np.array([(x_i - mu) * s for x_i in x])


@formula("batch_normalization/parameters")
def parameters(x, epsilon, dLdz):
    r"""
    \frac{\partial L}{\partial \gamma} = \sum_{i=1}^{m} \frac{\partial L}{\partial z_i} \hat{x}_i
    \qquad \frac{\partial L}{\partial \beta} = \sum_{i=1}^{m} \frac{\partial L}{\partial z_i}
    """
    x_hat = normalized(x, epsilon)
    return np.array([sum(dLdz[i] * x_hat[i] for i in range(len(x))), sum(dLdz)])


@formula("batch_normalization/scale")
def scale(x, epsilon):
    r"""
    \frac{\partial s}{\partial x_i} = -\frac{1}{2} s^3 \cdot \frac{2}{m} (x_i - \mu)
    = -\frac{1}{m} s^2 \hat{x}_i
    """
    (mu, _, s), m = statistics(x, epsilon), len(x)
    middle = [-1 / 2 * s**3 * 2 / m * (x_i - mu) for x_i in x]
    right = [-1 / m * s**2 * x_hat_i for x_hat_i in normalized(x, epsilon)]
    return both(middle, right)


@formula("batch_normalization/jacobian")
def of_normalized(x, epsilon):
    r"""
    \frac{\partial \hat{x}_j}{\partial x_i}
    = \Big( \delta_{ij} - \frac{\partial \mu}{\partial x_i} \Big) s
    + (x_j - \mu) \frac{\partial s}{\partial x_i}
    = s \, \Big( \delta_{ij} - \frac{1}{m} - \frac{\hat{x}_i \hat{x}_j}{m} \Big)
    """
    (mu, _, s), x_hat, m = statistics(x, epsilon), normalized(x, epsilon), len(x)
    dsdx = scale(x, epsilon)
    middle, right = np.zeros((m, m)), np.zeros((m, m))
    for j, i in np.ndindex(m, m):
        delta = 1 if i == j else 0
        middle[j, i] = (delta - 1 / m) * s + (x[j] - mu) * dsdx[i]
        right[j, i] = s * (delta - 1 / m - x_hat[i] * x_hat[j] / m)
    return both(middle, right)


@formula("batch_normalization/input")
def inputs(x, gamma, epsilon, dLdz):
    r"""
    \frac{\partial L}{\partial x_i} = \sum_{j=1}^{m} g_j \frac{\partial \hat{x}_j}{\partial x_i}
    = s \, \Big( g_i - \frac{1}{m} \sum_{j=1}^{m} g_j
    - \hat{x}_i \, \frac{1}{m} \sum_{j=1}^{m} g_j \hat{x}_j \Big)
    """
    (_, _, s), x_hat, m = statistics(x, epsilon), normalized(x, epsilon), len(x)
    g, dx_hat = [gamma * dLdz_j for dLdz_j in dLdz], of_normalized(x, epsilon)
    middle, right = np.zeros(m), np.zeros(m)
    for i in range(m):
        middle[i] = sum(g[j] * dx_hat[j, i] for j in range(m))
        along_x_hat = 1 / m * sum(g[j] * x_hat[j] for j in range(m))
        right[i] = s * (g[i] - 1 / m * sum(g) - x_hat[i] * along_x_hat)
    return both(middle, right)


def both(middle, right):
    """The right side of an equation with two, which must be equal."""
    np.testing.assert_allclose(middle, right, rtol=0, atol=1e-12 * (1 + np.abs(right).max()))
    return np.asarray(right)


# ----------------------------------------------------------------------------- a batch


def batch_normalized(X, epsilon):
    """X_hat (m, d) and s (1, d)."""
    s = 1 / np.sqrt(X.var(axis=0, keepdims=True) + epsilon)
    return (X - X.mean(axis=0)) * s, s


@formula("batch_normalization/batch_parameters")
def batch_parameters(X, epsilon, dLdZ):
    r"""
    \frac{\partial L}{\partial \gamma}
    = \mathbf{1}_m^\top \Big( \frac{\partial L}{\partial Z} \odot \hat{X} \Big) \qquad
    \frac{\partial L}{\partial \beta} = \mathbf{1}_m^\top \frac{\partial L}{\partial Z}
    """
    ones, (X_hat, _) = np.ones((len(X), 1)), batch_normalized(X, epsilon)
    return joined(ones.T @ (dLdZ * X_hat), ones.T @ dLdZ)


@formula("batch_normalization/batch_input")
def batch_inputs(X, gamma, epsilon, dLdZ):
    r"""
    \frac{\partial L}{\partial X} = s \odot \Big( G - \frac{1}{m} \mathbf{1}_m \mathbf{1}_m^\top G
    - \hat{X} \odot \frac{1}{m} \mathbf{1}_m \mathbf{1}_m^\top (G \odot \hat{X}) \Big)
    \qquad G = \frac{\partial L}{\partial Z} \odot \gamma
    """
    (X_hat, s), m, ones = batch_normalized(X, epsilon), len(X), np.ones((len(X), 1))
    G = dLdZ * gamma
    return s * (G - 1 / m * ones @ ones.T @ G - X_hat * (1 / m * ones @ ones.T @ (G * X_hat)))


# ---------------------------------------------------------------- what they agree with


def layer_on(X, gamma, beta, epsilon):
    """The layer with these parameters, and its output."""
    layer = BatchNorm(epsilon=epsilon, momentum=0)
    layer.check_input(X)
    layer.parameters.update(gamma=np.reshape(gamma, (1, -1)), beta=np.reshape(beta, (1, -1)))
    return layer, layer.forward(X)


def gradients(X, gamma, beta, epsilon, dLdZ):
    """dL/dX, and those of γ and β, one after the other."""
    layer, _ = layer_on(X, gamma, beta, epsilon)
    dLdX = layer.backward(dLdZ)
    return dLdX, joined(layer.gradients["gamma"], layer.gradients["beta"])


def library_statistics(x, epsilon):
    """Mean, variance and scale of the layer, which keeps the variance with m - 1 for m."""
    layer, m = layer_on(x[:, None], 1.0, 0.0, epsilon)[0], len(x)
    variance = layer.buffers["running_var"] * (m - 1) / m
    return joined(layer.buffers["running_mean"], variance, layer.cache["scale"])


def library_jacobian(x, epsilon):
    """Row j is the gradient of x_hat_j alone."""
    rows = np.eye(len(x))[..., None]
    return np.stack([gradients(x[:, None], 1.0, 0.0, epsilon, row)[0][:, 0] for row in rows])


def library_scale(x, epsilon):
    """ds/dx_i from the Jacobian J of the layer.

    It is in Σ_j (x_j - μ) J_ji = (x_i - μ) s + Σ_j (x_j - μ)² ds/dx_i.
    """
    mu, v, s = library_statistics(x, epsilon)
    centered = x - mu
    return (centered @ library_jacobian(x, epsilon) - centered * s) / (len(x) * v)


def loss(X, gamma, beta, epsilon, dLdZ):
    """L = Σ dL/dZ · Z of all features."""
    columns = zip(X.T, gamma[0], beta[0], dLdZ.T, strict=True)
    return sum(dLdz @ forward(x, of_x, shift, epsilon) for x, of_x, shift, dLdz in columns)


def of_one_feature(given):
    """The inputs of one feature as those of a batch."""
    columns = {"X": given["x"][:, None], "dLdZ": given["dLdz"][:, None]}
    rows = {name: np.array([[given[name]]]) for name in ("gamma", "beta")}
    return {**columns, **rows, "epsilon": given["epsilon"]}


def numeric_parameters(given):
    return joined(*(along(loss, given, name) for name in ("gamma", "beta")))


check("batch_normalization/statistics", draw=one_feature, library=library_statistics)
check(
    "batch_normalization/forward",
    draw=one_feature,
    library=lambda x, gamma, beta, epsilon: layer_on(x[:, None], gamma, beta, epsilon)[1][:, 0],
)
check(
    "batch_normalization/scale",
    draw=one_feature,
    library=library_scale,
    numeric=lambda given: jacobian("batch_normalization/statistics", "x")(given)[2],
)
check(
    "batch_normalization/jacobian",
    draw=one_feature,
    library=library_jacobian,
    numeric=lambda given: jacobian("batch_normalization/forward", "x")(
        {**given, "gamma": 1.0, "beta": 0.0}
    ),
)
check(
    "batch_normalization/parameters",
    draw=one_feature,
    library=lambda x, gamma, beta, epsilon, dLdz: gradients(
        x[:, None], gamma, beta, epsilon, dLdz[:, None]
    )[1],
    numeric=lambda given: numeric_parameters(of_one_feature(given)),
)
check(
    "batch_normalization/input",
    draw=one_feature,
    library=lambda x, gamma, beta, epsilon, dLdz: gradients(
        x[:, None], gamma, beta, epsilon, dLdz[:, None]
    )[0][:, 0],
    numeric=lambda given: along(loss, of_one_feature(given), "X")[:, 0],
)
check(
    "batch_normalization/batch_parameters",
    draw=batch,
    edges=constant,
    library=lambda X, gamma, beta, epsilon, dLdZ: gradients(X, gamma, beta, epsilon, dLdZ)[1],
    numeric=numeric_parameters,
)
check(
    "batch_normalization/batch_input",
    draw=batch,
    edges=constant,
    library=lambda X, gamma, beta, epsilon, dLdZ: gradients(X, gamma, beta, epsilon, dLdZ)[0],
    numeric=lambda given: along(loss, given, "X"),
)


@example("batch_normalization")
def batch_normalization_example():
    X, dLdZ = np.array([[0.0], [3], [6]]), np.array([[1.0], [0], [2]])
    gamma, beta, epsilon = 3.0, 1.0, 3.0
    layer, Z = layer_on(X, gamma, beta, epsilon)
    mu, v, s = library_statistics(X[:, 0], epsilon)
    dLdX, (dLdgamma, dLdbeta) = gradients(X, gamma, beta, epsilon, dLdZ)
    return {
        "X": X,
        r"\varepsilon": epsilon,
        r"\gamma": gamma,
        r"\beta": beta,
        r"\mu": mu,
        "v": v,
        "s": s,
        r"\hat{X}": layer.cache["X_hat"],
        "Z": Z,
        r"\frac{\partial L}{\partial Z}": dLdZ,
        r"\frac{\partial L}{\partial \gamma}": dLdgamma,
        r"\frac{\partial L}{\partial \beta}": dLdbeta,
        r"\frac{\partial L}{\partial X}": dLdX,
    }
