"""The formulas of fully_connected.md."""

import numpy as np

from neural_networks.layers import FullyConnected
from tests.derivations.registry import check, example, formula, gradient


def drawn(rng):
    """A batch, parameters, and the gradient with respect to Z."""
    m, d, n = rng.integers(1, 6, 3)
    return {
        "X": rng.standard_normal((m, d)),
        "W": rng.standard_normal((d, n)),
        "b": rng.standard_normal((1, n)),
        "dLdZ": rng.standard_normal((m, n)),
    }


def layer_of(X, W, b, activation="linear"):
    """A layer with these parameters, after a forward pass, and its output."""
    layer = FullyConnected(W.shape[1], activation, rng=0)
    layer.forward(X)
    layer.parameters.update(W=W, b=b)
    return layer, layer.forward(X)


def gradients(X, W, b, dLdY, activation="linear"):
    """The three gradients by the library."""
    layer, _ = layer_of(X, W, b, activation)
    dLdX = layer.backward(dLdY)
    return {"W": layer.gradients["W"], "b": layer.gradients["b"], "X": dLdX}


@formula("fully_connected/forward_elements")
def forward_elements(X, W, b):
    r"""Z_{rj} = \sum_{i=1}^{d} X_{ri} W_{ij} + b_{1j}"""
    Z = np.zeros((len(X), W.shape[1]))
    for r, j in np.ndindex(Z.shape):
        Z[r, j] = sum(X[r, i] * W[i, j] for i in range(len(W))) + b[0, j]
    return Z


@formula("fully_connected/dLdW_elements")
def dLdW_elements(X, dLdZ):
    r"""
    \left[\frac{\partial L}{\partial W}\right]_{ij}
    = \sum_{r=1}^{m} \left[\frac{\partial L}{\partial Z}\right]_{rj}
    \frac{\partial Z_{rj}}{\partial W_{ij}}
    = \sum_{r=1}^{m} X_{ri} \left[\frac{\partial L}{\partial Z}\right]_{rj}
    """
    dLdW = np.zeros((X.shape[1], dLdZ.shape[1]))
    for i, j in np.ndindex(dLdW.shape):
        dLdW[i, j] = sum(X[r, i] * dLdZ[r, j] for r in range(len(X)))
    return dLdW


@formula("fully_connected/dLdb_elements")
def dLdb_elements(dLdZ):
    r"""
    \left[\frac{\partial L}{\partial b}\right]_{1j}
    = \sum_{r=1}^{m} \left[\frac{\partial L}{\partial Z}\right]_{rj}
    """
    dLdb = np.zeros((1, dLdZ.shape[1]))
    for j in range(dLdZ.shape[1]):
        dLdb[0, j] = sum(dLdZ[r, j] for r in range(len(dLdZ)))
    return dLdb


@formula("fully_connected/dLdX_elements")
def dLdX_elements(W, dLdZ):
    r"""
    \left[\frac{\partial L}{\partial X}\right]_{ri}
    = \sum_{j=1}^{n} \left[\frac{\partial L}{\partial Z}\right]_{rj}
    \frac{\partial Z_{rj}}{\partial X_{ri}}
    = \sum_{j=1}^{n} \left[\frac{\partial L}{\partial Z}\right]_{rj} W_{ij}
    """
    dLdX = np.zeros((len(dLdZ), len(W)))
    for r, i in np.ndindex(dLdX.shape):
        dLdX[r, i] = sum(dLdZ[r, j] * W[i, j] for j in range(W.shape[1]))
    return dLdX


@formula("fully_connected/forward")
def forward(X, W, b):
    r"""Z = X W + \mathbf{1}_m \, b"""
    return X @ W + np.ones((len(X), 1)) @ b


@formula("fully_connected/dLdW")
def dLdW(X, dLdZ):
    r"""\frac{\partial L}{\partial W} = X^\top \frac{\partial L}{\partial Z}"""
    return X.T @ dLdZ


@formula("fully_connected/dLdb")
def dLdb(dLdZ):
    r"""\frac{\partial L}{\partial b} = \mathbf{1}_m^\top \frac{\partial L}{\partial Z}"""
    return np.ones((1, len(dLdZ))) @ dLdZ


@formula("fully_connected/dLdX")
def dLdX(W, dLdZ):
    r"""\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Z} W^\top"""
    return dLdZ @ W.T


check(
    "fully_connected/forward_elements",
    "fully_connected/forward",
    draw=drawn,
    library=lambda X, W, b: layer_of(X, W, b)[1],
)
for name in ("W", "b", "X"):
    check(
        f"fully_connected/dLd{name}_elements",
        f"fully_connected/dLd{name}",
        draw=drawn,
        numeric=gradient(of="fully_connected/forward_elements", wrt=name, upstream="dLdZ"),
        library=lambda X, W, b, dLdZ, name=name: gradients(X, W, b, dLdZ)[name],
    )


@example("fully_connected")
def fully_connected_example():
    X, W = np.array([[1.0, 2], [3, -1]]), np.array([[1.0, 0, -1], [2, 1, 0]])
    b, dLdY = np.array([[0.5, 0, -1]]), np.array([[1.0, -1, 2], [2, 3, 1]])
    layer, Y = layer_of(X, W, b, "relu")
    found = gradients(X, W, b, dLdY, "relu")
    return {
        "X": X,
        "W": W,
        "b": b,
        "Z": layer.cache["Z"],
        "Y": Y,
        r"\frac{\partial L}{\partial Y}": dLdY,
        r"\frac{\partial L}{\partial Z}": layer.activation.backward(layer.cache["Z"], dLdY),
        r"\frac{\partial L}{\partial W}": found["W"],
        r"\frac{\partial L}{\partial b}": found["b"],
        r"\frac{\partial L}{\partial X}": found["X"],
    }
