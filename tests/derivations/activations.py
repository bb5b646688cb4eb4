"""The formulas of relu.md, sigmoid.md and softmax.md."""

import numpy as np

from neural_networks.activations import ReLU, Sigmoid, SoftMax
from neural_networks.canonical import logit_gradient
from neural_networks.losses import BinaryCrossEntropy
from tests.derivations.registry import check, example, formula, gradient, jacobian


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


# --------------------------------------------------------------------------------- sigmoid


@formula("sigmoid/forward")
def sigmoid_forward(Z):
    r"""Y_{ij} = \sigma(Z_{ij}) = \frac{1}{1 + e^{-Z_{ij}}}"""
    return np.array([[1 / (1 + np.exp(-z)) for z in row] for row in Z])


@formula("sigmoid/elements")
def sigmoid_elements(Z, dLdY):
    r"""
    \left[\frac{\partial L}{\partial Z}\right]_{ij}
    = \left[\frac{\partial L}{\partial Y}\right]_{ij} Y_{ij} \, (1 - Y_{ij})
    """
    Y, dLdZ = sigmoid_forward(Z), np.zeros(Z.shape)
    for i, j in np.ndindex(Z.shape):
        dLdZ[i, j] = dLdY[i, j] * Y[i, j] * (1 - Y[i, j])
    return dLdZ


@formula("sigmoid/batch")
def sigmoid_batch(Z, dLdY):
    r"""
    \frac{\partial L}{\partial Z}
    = \frac{\partial L}{\partial Y} \odot Y \odot (1 - Y)
    """
    Y = sigmoid_forward(Z)
    return dLdY * Y * (1 - Y)


def sigmoid_edges():
    """Zero, and numbers at which exp overflows or vanishes."""
    Z = np.array([[0.0, 1e4], [-1e4, 40]])
    return [{"Z": Z, "dLdY": np.array([[1.0, -2.0], [3.0, -4.0]])}]


check("sigmoid/forward", draw=drawn, edges=sigmoid_edges, library=lambda Z: Sigmoid().forward(Z))
check(
    "sigmoid/elements",
    "sigmoid/batch",
    draw=drawn,
    edges=sigmoid_edges,
    numeric=gradient(of="sigmoid/forward", wrt="Z", upstream="dLdY"),
    library=lambda Z, dLdY: Sigmoid().backward(Z, dLdY),
)


@formula("sigmoid/loss")
def binary_cross_entropy(Y, Z):
    r"""
    L = -\frac{1}{m} \sum_{i=1}^{m}
    \left( Y_i \ln \hat{Y}_i + (1 - Y_i) \ln(1 - \hat{Y}_i) \right),
    \qquad \hat{Y}_i = \sigma(Z_i)
    """
    Y_hat = sigmoid_forward(Z)
    pairs = zip(Y.ravel(), Y_hat.ravel(), strict=True)
    return -sum(y * np.log(p) + (1 - y) * np.log(1 - p) for y, p in pairs) / len(Y)


@formula("sigmoid/pair")
def sigmoid_pair(Y, Z):
    r"""\frac{\partial L}{\partial Z} = \frac{1}{m} (\hat{Y} - Y)"""
    return (sigmoid_forward(Z) - Y) / len(Y)


def drawn_labels(rng):
    """Labels of one unit, some of them between 0 and 1, and logits."""
    m = rng.integers(1, 6)
    Y = rng.choice([0, 1, 0.85], (m, 1))
    return {"Y": Y, "Z": rng.uniform(-4, 4, (m, 1))}


check(
    "sigmoid/loss",
    draw=drawn_labels,
    library=lambda Y, Z: BinaryCrossEntropy("bce").forward(Y, Sigmoid().forward(Z)),
)
check(
    "sigmoid/pair",
    draw=drawn_labels,
    edges=lambda: [{"Y": np.array([[0.0], [1.0]]), "Z": np.array([[1e4], [-1e4]])}],
    numeric=gradient(of="sigmoid/loss", wrt="Z"),
    library=lambda Y, Z: logit_gradient(Y, Sigmoid().forward(Z)),
)


@example("sigmoid")
def sigmoid_example():
    Z, dLdY = np.log([[1, 3], [1 / 3, 9]]), np.array([[2.0, -4], [1, 10]])
    Y = Sigmoid().forward(Z)
    return {
        "Z": Z,
        "Y": Y,
        r"\frac{\partial L}{\partial Y}": dLdY,
        r"Y \odot (1 - Y)": Sigmoid().backward(Z, np.ones((2, 2))),
        r"\frac{\partial L}{\partial Z}": Sigmoid().backward(Z, dLdY),
    }


# --------------------------------------------------------------------------------- softmax


def drawn_row(rng):
    """Scores of one example, and the gradient from above."""
    k = rng.integers(1, 6)
    return {"z": rng.uniform(-3, 3, k), "dLdy": rng.standard_normal(k)}


def drawn_rows(rng):
    """Scores of a batch, and the gradient from above."""
    m, k = rng.integers(1, 6, 2)
    return {"Z": rng.uniform(-3, 3, (m, k)), "dLdY": rng.standard_normal((m, k))}


@formula("softmax/forward")
def softmax_forward(z):
    r"""y_i = \frac{e^{z_i}}{\sum_{l=1}^{k} e^{z_l}}"""
    return np.array([np.exp(z[i]) / sum(np.exp(z_l) for z_l in z) for i in range(len(z))])


@formula("softmax/jacobian")
def softmax_jacobian(z):
    r"""
    \frac{\partial y_i}{\partial z_j} = y_i \, (\delta_{ij} - y_j),
    \qquad \delta_{ij} = \begin{cases} 1 & \text{if } i = j, \\ 0 & \text{otherwise} \end{cases}
    """
    y, J = softmax_forward(z), np.zeros((len(z), len(z)))
    for i, j in np.ndindex(J.shape):
        J[i, j] = y[i] * ((1 if i == j else 0) - y[j])
    return J


@formula("softmax/jacobian_matrix")
def softmax_jacobian_matrix(z):
    r"""J = \frac{\partial y}{\partial z} = \mathrm{diag}(y) - y \, y^\top"""
    y = softmax_forward(z).reshape(-1, 1)
    return np.diag(y[:, 0]) - y @ y.T


@formula("softmax/elements")
def softmax_elements(z, dLdy):
    r"""
    \frac{\partial L}{\partial z_j}
    = y_j \left( \frac{\partial L}{\partial y_j}
    - \sum_{i=1}^{k} \frac{\partial L}{\partial y_i} y_i \right)
    """
    y = softmax_forward(z)
    return np.array([y[j] * (dLdy[j] - sum(dLdy * y)) for j in range(len(z))])


@formula("softmax/batch_forward")
def softmax_batch_forward(Z):
    r"""
    Y_{rj} = \frac{e^{Z_{rj} - c_r}}{\sum_{l=1}^{k} e^{Z_{rl} - c_r}},
    \qquad c_r = \max_l Z_{rl}
    """
    Y = np.zeros(Z.shape)
    for r, j in np.ndindex(Z.shape):
        c = max(Z[r])
        Y[r, j] = np.exp(Z[r, j] - c) / sum(np.exp(z - c) for z in Z[r])
    return Y


@formula("softmax/batch")
def softmax_batch(Z, dLdY):
    r"""
    \frac{\partial L}{\partial Z}
    = Y \odot \left( \frac{\partial L}{\partial Y} - s \, \mathbf{1}_k^\top \right),
    \qquad s = \left( \frac{\partial L}{\partial Y} \odot Y \right) \mathbf{1}_k
    """
    Y, ones = softmax_batch_forward(Z), np.ones((Z.shape[1], 1))
    s = (dLdY * Y) @ ones
    return Y * (dLdY - s @ ones.T)


def softmax_rows(z):
    """The Jacobian by the library: row i is the gradient of y_i."""
    return SoftMax().backward(np.tile(z, (len(z), 1)), np.eye(len(z)))


def softmax_edges():
    """Scores at which exp overflows or vanishes, and ties."""
    Z = np.array([[1000.0, 1001, 1002], [-1000, -1001, -1002], [-1000, 0, 1000], [7, 7, 7]])
    return [{"Z": Z, "dLdY": np.arange(12.0).reshape(4, 3) - 5}]


check("softmax/forward", draw=drawn_row, library=lambda z: SoftMax().forward(z))
check(
    "softmax/jacobian",
    "softmax/jacobian_matrix",
    draw=drawn_row,
    numeric=jacobian(of="softmax/forward", wrt="z"),
    library=softmax_rows,
)
check(
    "softmax/elements",
    draw=drawn_row,
    numeric=gradient(of="softmax/forward", wrt="z", upstream="dLdy"),
    library=lambda z, dLdy: SoftMax().backward(z, dLdy),
)
check(
    "softmax/batch_forward",
    draw=drawn_rows,
    edges=softmax_edges,
    library=lambda Z: SoftMax().forward(Z),
)
check(
    "softmax/batch",
    draw=drawn_rows,
    edges=softmax_edges,
    numeric=gradient(of="softmax/batch_forward", wrt="Z", upstream="dLdY"),
    library=lambda Z, dLdY: SoftMax().backward(Z, dLdY),
)


@example("softmax")
def softmax_example():
    z, dLdy = np.log([1, 2, 5]), np.array([0.0, 4, 8])
    y = SoftMax().forward(z)
    return {
        "z": z,
        "y": y,
        "J": softmax_rows(z),
        r"\frac{\partial L}{\partial y}": dLdy,
        "s": dLdy @ y,
        r"\frac{\partial L}{\partial z}": SoftMax().backward(z, dLdy),
    }
