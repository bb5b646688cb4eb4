"""The formulas of cross_entropy.md, squared_error.md and hinge.md."""

import numpy as np

from neural_networks.canonical import logit_gradient, softmax_cross_entropy
from neural_networks.losses import L2, CrossEntropy, Hinge, SquaredHinge
from tests.derivations.activations import softmax_batch_forward
from tests.derivations.registry import check, example, formula, gradient

CROSS_ENTROPY, SQUARED_ERROR = CrossEntropy("cross_entropy"), L2("l2")
HINGE, SQUARED_HINGE = Hinge("hinge"), SquaredHinge("squared_hinge")


def one_hot(rng, m, k):
    """A class for each of m examples."""
    return np.eye(k)[rng.integers(k, size=m)]


# --------------------------------------------------------------------------- cross-entropy


def drawn_probabilities(rng):
    """Labels, one-hot or distributions, with predictions and the scores that they come from."""
    m, k = rng.integers(1, 6), rng.integers(2, 6)
    Y = one_hot(rng, m, k) if rng.random() < 0.5 else rng.dirichlet(np.ones(k), m)
    Z = rng.uniform(-2, 2, (m, k))
    return {"Y": Y, "Z": Z, "Y_hat": softmax_batch_forward(Z)}


@formula("cross_entropy/forward")
def cross_entropy_forward(Y, Y_hat):
    r"""L = -\frac{1}{m} \sum_{i=1}^{m} \sum_{j=1}^{k} Y_{ij} \ln \hat{Y}_{ij}"""
    terms = [Y[i] * np.log(Y_hat[i]) if Y[i] else 0 for i in np.ndindex(Y.shape)]
    return -sum(terms) / len(Y)


@formula("cross_entropy/elements")
def cross_entropy_elements(Y, Y_hat):
    r"""
    \left[\frac{\partial L}{\partial \hat{Y}}\right]_{ij}
    = -\frac{1}{m} \cdot \frac{Y_{ij}}{\hat{Y}_{ij}}
    """
    dLdY = np.zeros(Y.shape)
    for i, j in np.ndindex(Y.shape):
        dLdY[i, j] = -1 / len(Y) * Y[i, j] / Y_hat[i, j] if Y[i, j] else 0
    return dLdY


@formula("cross_entropy/batch")
def cross_entropy_batch(Y, Y_hat):
    r"""\frac{\partial L}{\partial \hat{Y}} = -\frac{1}{m} \cdot \frac{Y}{\hat{Y}}"""
    return -1 / len(Y) * np.divide(Y, Y_hat, out=np.zeros(Y.shape), where=Y > 0)


@formula("cross_entropy/pair_elements")
def pair_elements(Y, Z):
    r"""\left[\frac{\partial L}{\partial Z}\right]_{ij} = \frac{1}{m} (\hat{Y}_{ij} - Y_{ij})"""
    Y_hat, dLdZ = softmax_batch_forward(Z), np.zeros(Z.shape)
    for i, j in np.ndindex(Z.shape):
        dLdZ[i, j] = 1 / len(Y) * (Y_hat[i, j] - Y[i, j])
    return dLdZ


@formula("cross_entropy/pair")
def pair(Y, Z):
    r"""\frac{\partial L}{\partial Z} = \frac{1}{m} (\hat{Y} - Y)"""
    return 1 / len(Y) * (softmax_batch_forward(Z) - Y)


@formula("cross_entropy/of_scores")
def cross_entropy_of_scores(Y, Z):
    r"""
    L = \frac{1}{m} \sum_{i=1}^{m}
    \left( \ln \sum_{l=1}^{k} e^{Z_{il}} - \sum_{j=1}^{k} Y_{ij} Z_{ij} \right)
    """
    rows = [np.log(sum(np.exp(z) for z in Z[i])) - sum(Y[i] * Z[i]) for i in range(len(Z))]
    return sum(rows) / len(Z)


check(
    "cross_entropy/forward",
    draw=drawn_probabilities,
    edges=lambda: [{"Y": np.eye(3), "Y_hat": np.eye(3)}],
    library=lambda Y, Y_hat: CROSS_ENTROPY.forward(Y, Y_hat),
)
check(
    "cross_entropy/elements",
    "cross_entropy/batch",
    draw=drawn_probabilities,
    edges=lambda: [{"Y": np.eye(3), "Y_hat": np.eye(3)}],
    numeric=gradient(of="cross_entropy/forward", wrt="Y_hat"),
    library=lambda Y, Y_hat: CROSS_ENTROPY.backward(Y, Y_hat),
)
check(
    "cross_entropy/of_scores",
    draw=drawn_probabilities,
    library=lambda Y, Z: softmax_cross_entropy(Y, Z),
)
check(
    "cross_entropy/pair_elements",
    "cross_entropy/pair",
    draw=drawn_probabilities,
    edges=lambda: [{"Y": np.eye(2), "Z": np.array([[-1e4, 1e4], [-1e4, 1e4]])}],
    numeric=gradient(of="cross_entropy/of_scores", wrt="Z"),
    library=lambda Y, Z: logit_gradient(Y, softmax_batch_forward(Z)),
)


@example("cross_entropy")
def cross_entropy_example():
    Y = np.array([[1.0, 0, 0], [0, 1, 0]])
    Y_hat = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    return {
        "Y": Y,
        r"\hat{Y}": Y_hat,
        "L": CROSS_ENTROPY.forward(Y, Y_hat),
        r"\frac{\partial L}{\partial \hat{Y}}": CROSS_ENTROPY.backward(Y, Y_hat),
        r"\frac{\partial L}{\partial Z}": logit_gradient(Y, Y_hat),
    }


# --------------------------------------------------------------------------- squared error


def drawn_numbers(rng):
    """Targets and predictions."""
    m, k = rng.integers(1, 6, 2)
    return {"Y": 3 * rng.standard_normal((m, k)), "Y_hat": 3 * rng.standard_normal((m, k))}


@formula("squared_error/forward")
def squared_error_forward(Y, Y_hat):
    r"""L = \frac{1}{m} \sum_{i=1}^{m} \sum_{j=1}^{k} (Y_{ij} - \hat{Y}_{ij})^2"""
    return sum((Y[i] - Y_hat[i]) ** 2 for i in np.ndindex(Y.shape)) / len(Y)


@formula("squared_error/elements")
def squared_error_elements(Y, Y_hat):
    r"""
    \left[\frac{\partial L}{\partial \hat{Y}}\right]_{ij} = \frac{2}{m} (\hat{Y}_{ij} - Y_{ij})
    """
    dLdY = np.zeros(Y.shape)
    for i, j in np.ndindex(Y.shape):
        dLdY[i, j] = 2 / len(Y) * (Y_hat[i, j] - Y[i, j])
    return dLdY


@formula("squared_error/batch")
def squared_error_batch(Y, Y_hat):
    r"""\frac{\partial L}{\partial \hat{Y}} = \frac{2}{m} (\hat{Y} - Y)"""
    return 2 / len(Y) * (Y_hat - Y)


check(
    "squared_error/forward",
    draw=drawn_numbers,
    library=lambda Y, Y_hat: SQUARED_ERROR.forward(Y, Y_hat),
)
check(
    "squared_error/elements",
    "squared_error/batch",
    draw=drawn_numbers,
    edges=lambda: [{"Y": np.ones((2, 2)), "Y_hat": np.array([[1.0, 1], [-1e4, 1e4]])}],
    numeric=gradient(of="squared_error/forward", wrt="Y_hat"),
    library=lambda Y, Y_hat: SQUARED_ERROR.backward(Y, Y_hat),
)


@example("squared_error")
def squared_error_example():
    Y = np.array([[1.0, 2], [0, -1], [2, 2], [-1, 0]])
    Y_hat = np.array([[1.5, 2], [-1, 2], [2, 1], [-1, 0.5]])
    moved = np.where(Y_hat - Y == 3, 2.01, Y_hat)

    return {
        "Y": Y,
        r"\hat{Y}": Y_hat,
        r"\hat{Y} - Y": Y_hat - Y,
        "L": SQUARED_ERROR.forward(Y, Y_hat),
        r"\frac{\partial L}{\partial \hat{Y}}": SQUARED_ERROR.backward(Y, Y_hat),
        "L'": SQUARED_ERROR.forward(Y, moved),
    }


# ----------------------------------------------------------------------------------- hinge


def drawn_scores(rng):
    """One-hot labels and scores; none of the differences is near the kink."""
    m, k = rng.integers(1, 6), rng.integers(2, 6)
    while True:
        Y, S = one_hot(rng, m, k), 2 * rng.standard_normal((m, k))
        if np.abs(S - S[Y > 0][:, None] + 1)[Y == 0].min() > 1e-3:
            return {"Y": Y, "S": S}


def hinge_edges():
    """Scores with differences of exactly 1, above it, and below."""
    return [{"Y": np.eye(3), "S": np.array([[2.0, 1, 3], [0, 1, -1], [5, 1e4, 6]])}]


def terms(Y, S):
    """The margins of each example's wrong classes, and its true class."""
    for i in range(len(S)):
        c = int(Y[i].argmax())
        yield i, c, {j: max(0, S[i, j] - S[i, c] + 1) for j in range(S.shape[1]) if j != c}


@formula("hinge/forward")
def hinge_forward(Y, S):
    r"""
    L = \frac{1}{m} \sum_{i=1}^{m} \sum_{j \neq c_i} \max(0, S_{ij} - S_{i c_i} + 1)
    """
    return sum(sum(M.values()) for _, _, M in terms(Y, S)) / len(S)


@formula("hinge/elements")
def hinge_elements(Y, S):
    r"""
    \left[\frac{\partial L}{\partial S}\right]_{ij}
    = \begin{cases}
    \tfrac{1}{m} [M_{ij} > 0] & \text{if } j \neq c_i, \\
    -\tfrac{1}{m} \sum_{l \neq c_i} [M_{il} > 0] & \text{if } j = c_i
    \end{cases}
    """
    dLdS = np.zeros(S.shape)
    for i, c, M in terms(Y, S):
        for j in M:
            dLdS[i, j] = 1 / len(S) * (M[j] > 0)
        dLdS[i, c] = -1 / len(S) * sum(M[j] > 0 for j in M)
    return dLdS


@formula("hinge/margins")
def hinge_margins(Y, S):
    r"""
    M = \max\left(0, S - (Y \odot S) \mathbf{1}_k \mathbf{1}_k^\top + 1\right) \odot (1 - Y)
    """
    ones = np.ones((S.shape[1], 1))
    return np.maximum(0, S - (Y * S) @ ones @ ones.T + 1) * (1 - Y)


@formula("hinge/batch")
def hinge_batch(Y, S):
    r"""
    \frac{\partial L}{\partial S} = D - Y \odot (D \, \mathbf{1}_k \mathbf{1}_k^\top),
    \qquad D = \frac{1}{m} [M > 0]
    """
    D, ones = 1 / len(S) * (hinge_margins(Y, S) > 0), np.ones((S.shape[1], 1))
    return D - Y * (D @ ones @ ones.T)


@formula("hinge/squared_forward")
def squared_hinge_forward(Y, S):
    r"""
    L = \frac{1}{m} \sum_{i=1}^{m} \sum_{j \neq c_i} \max(0, S_{ij} - S_{i c_i} + 1)^2
    """
    return sum(sum(margin**2 for margin in M.values()) for _, _, M in terms(Y, S)) / len(S)


@formula("hinge/squared_elements")
def squared_hinge_elements(Y, S):
    r"""
    \left[\frac{\partial L}{\partial S}\right]_{ij}
    = \begin{cases}
    \tfrac{2}{m} M_{ij} & \text{if } j \neq c_i, \\
    -\tfrac{2}{m} \sum_{l \neq c_i} M_{il} & \text{if } j = c_i
    \end{cases}
    """
    dLdS = np.zeros(S.shape)
    for i, c, M in terms(Y, S):
        for j in M:
            dLdS[i, j] = 2 / len(S) * M[j]
        dLdS[i, c] = -2 / len(S) * sum(M.values())
    return dLdS


@formula("hinge/squared_batch")
def squared_hinge_batch(Y, S):
    r"""
    \frac{\partial L}{\partial S} = D - Y \odot (D \, \mathbf{1}_k \mathbf{1}_k^\top),
    \qquad D = \frac{2}{m} M
    """
    D, ones = 2 / len(S) * hinge_margins(Y, S), np.ones((S.shape[1], 1))
    return D - Y * (D @ ones @ ones.T)


def hinge_check(*labels, library, **more):
    """A check with scores."""
    check(*labels, draw=drawn_scores, edges=hinge_edges, library=library, **more)


hinge_check("hinge/forward", library=lambda Y, S: HINGE.forward(Y, S))
hinge_check("hinge/margins", library=lambda Y, S: HINGE.margins(Y, S))
hinge_check("hinge/squared_forward", library=lambda Y, S: SQUARED_HINGE.forward(Y, S))
hinge_check(
    "hinge/elements",
    "hinge/batch",
    numeric=gradient(of="hinge/forward", wrt="S"),
    library=lambda Y, S: HINGE.backward(Y, S),
)
hinge_check(
    "hinge/squared_elements",
    "hinge/squared_batch",
    numeric=gradient(of="hinge/squared_forward", wrt="S"),
    library=lambda Y, S: SQUARED_HINGE.backward(Y, S),
)


@example("hinge")
def hinge_example():
    Y, S = np.eye(3)[[0, 2]], np.array([[2.0, 1.5, 3], [1, 0.5, 2]])
    return {
        "Y": Y,
        "S": S,
        "M": HINGE.margins(Y, S),
        "L": HINGE.forward(Y, S),
        r"\frac{\partial L}{\partial S}": HINGE.backward(Y, S),
        "L_2": SQUARED_HINGE.forward(Y, S),
        r"\frac{\partial L_2}{\partial S}": SQUARED_HINGE.backward(Y, S),
    }
