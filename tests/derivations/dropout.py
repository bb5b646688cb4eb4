"""The formulas of dropout.md."""

import numpy as np

from neural_networks.layers import Dropout
from tests.derivations.registry import check, example, formula, gradient


def drawn(rng):
    """A batch, a gradient from above, p, and a seed of the mask."""
    m, d, seed = (int(n) for n in rng.integers(1, 6, 3))
    X, dLdY = rng.standard_normal((2, m, d))
    p, chance = rng.uniform(0, 0.9), np.random.default_rng(seed).random((m, d))
    M = mask(p, chance)
    return {"X": X, "dLdY": dLdY, "p": p, "seed": seed, "chance": chance, "M": M}


@formula("dropout/mask")
def mask(p, chance):
    r"""
    M_{ij} = \begin{cases}
    0 & \text{with probability } p, \\
    1 / (1 - p) & \text{with probability } 1 - p.
    \end{cases}
    """
    M = np.zeros(chance.shape)  # chance is uniform in [0, 1): below p with probability p
    for i, j in np.ndindex(M.shape):
        M[i, j] = 0 if chance[i, j] < p else 1 / (1 - p)
    return M


@formula("dropout/forward")
def dropout_forward(X, M):
    r"""Y_{ij} = X_{ij} \, M_{ij}"""
    Y = np.zeros(X.shape)
    for i, j in np.ndindex(X.shape):
        Y[i, j] = X[i, j] * M[i, j]
    return Y


@formula("dropout/elements")
def dropout_elements(X, M, dLdY):
    r"""\frac{\partial L}{\partial X_{ij}} = \frac{\partial L}{\partial Y_{ij}} \, M_{ij}"""
    dLdX = np.zeros(X.shape)
    for i, j in np.ndindex(X.shape):
        dLdX[i, j] = dLdY[i, j] * M[i, j]
    return dLdX


@formula("dropout/batch")
def dropout_batch(M, dLdY):
    r"""\frac{\partial L}{\partial X} = \frac{\partial L}{\partial Y} \odot M"""
    return dLdY * M


def dropout_layer(X, p, seed):
    """The layer after its forward pass in training, and the output."""
    layer = Dropout(p, seed)
    return layer, layer.forward(X)


check(
    "dropout/mask",
    draw=drawn,
    library=lambda X, p, seed: dropout_layer(X, p, seed)[0].cache["mask"],
)
check("dropout/forward", draw=drawn, library=lambda X, p, seed: dropout_layer(X, p, seed)[1])
check(
    "dropout/elements",
    "dropout/batch",
    draw=drawn,
    library=lambda X, p, seed, dLdY: dropout_layer(X, p, seed)[0].backward(dLdY),
    numeric=gradient(of="dropout/forward", wrt="X", upstream="dLdY"),
)


@example("dropout")
def dropout_example():
    X, dLdY = np.array([[4.0, -2, 8], [1, 6, -4]]), np.array([[2.0, 3, -1], [5, 0, 4]])
    layer, Y = dropout_layer(X, 0.2, seed=72)
    return {
        "X": X,
        "M": layer.cache["mask"],
        "Y": Y,
        r"\frac{\partial L}{\partial Y}": dLdY,
        r"\frac{\partial L}{\partial X}": layer.backward(dLdY),
    }
