"""The formulas of relu.md, sigmoid.md and softmax.md."""

import numpy as np

from neural_networks.activations import ReLU
from tests.derivations.registry import check, example, formula, gradient


def drawn(rng):
    """A batch of up to five rows, away from the kinks at 0, and the gradient from above."""
    m, n = rng.integers(1, 6, 2)
    Z = rng.choice([-1, 1], (m, n)) * rng.uniform(0.1, 3, (m, n))
    return {"Z": Z, "dLdY": rng.standard_normal((m, n))}


# ------------------------------------------------------------------------------------ ReLU


@formula("relu/forward")
def relu_forward(Z):
    r"""Y_{ij} = \max(0, Z_{ij})"""
    return np.array([[max(0, z) for z in row] for row in Z])


@formula("relu/elements")
def relu_elements(Z, dLdY):
    r"""
    \left[\frac{\partial L}{\partial Z}\right]_{ij}
    = \begin{cases}
    \left[\dfrac{\partial L}{\partial Y}\right]_{ij} & \text{if } Z_{ij} > 0, \\
    0 & \text{otherwise.}
    \end{cases}
    """
    dLdZ = np.zeros(Z.shape)
    for i, j in np.ndindex(Z.shape):
        dLdZ[i, j] = dLdY[i, j] if Z[i, j] > 0 else 0
    return dLdZ


@formula("relu/batch")
def relu_batch(Z, dLdY):
    r"""\frac{\partial L}{\partial Z} = \frac{\partial L}{\partial Y} \odot [Z > 0]"""
    return dLdY * np.where(Z > 0, 1, 0)


def relu_edges():
    """Zeros of both signs, and numbers far from them."""
    Z = np.array([[0.0, -0.0, 1e-300], [-1e4, 1e4, -1e-300]])
    return [{"Z": Z, "dLdY": np.array([[1.0, -2.0, 3.0], [-4.0, 5.0, 6.0]])}]


check("relu/forward", draw=drawn, edges=relu_edges, library=lambda Z: ReLU().forward(Z))
check(
    "relu/elements",
    "relu/batch",
    draw=drawn,
    edges=relu_edges,
    numeric=gradient(of="relu/forward", wrt="Z", upstream="dLdY"),
    library=lambda Z, dLdY: ReLU().backward(Z, dLdY),
)


@example("relu")
def relu_example():
    Z, dLdY = np.array([[1.5, -2], [0, 0.5]]), np.array([[2.0, 3], [-1, -4]])
    return {
        "Z": Z,
        "Y": ReLU().forward(Z),
        "[Z > 0]": Z > 0,
        r"\frac{\partial L}{\partial Y}": dLdY,
        r"\frac{\partial L}{\partial Z}": ReLU().backward(Z, dLdY),
    }
