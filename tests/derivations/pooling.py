"""The formulas of pooling.md."""

import numpy as np

from neural_networks.layers import Pool2D
from tests.derivations.differences import along
from tests.derivations.registry import check, example, formula, gradient
from tests.derivations.windows import cut, image, padded, places, sizes, windows


def drawn(rng, m=1):
    """Images with distinct numbers, so that no window has two maxima."""
    kernel, s, p, shape = sizes(rng)
    X = rng.permutation(m * int(np.prod(shape))).reshape(m, *shape) / 10 - 2
    dLdY = rng.standard_normal((m, *windows(shape, kernel, s, p), shape[2]))
    return {"X": X, "dLdY": dLdY, "kernel": kernel, "s": s, "p": p}


def batch(rng):
    return drawn(rng, m=int(rng.integers(1, 3)))


def ties():
    """Windows of zeros, as below a ReLU, with and without a border; and maxima in two windows."""
    zeros, dLdY = np.zeros((1, 3, 3, 1)), np.arange(1.0, 5).reshape(1, 2, 2, 1)
    where = {"kernel": (2, 2), "s": 1, "p": (0, 0)}
    crossed = image([1, 5, 2], [5, 4, 5], [0, 5, 1])
    bordered = {"kernel": (3, 2), "s": 2, "p": (1, 1)}
    return [
        {"X": zeros, "dLdY": dLdY, **where},
        {"X": crossed, "dLdY": dLdY, **where},
        {"X": zeros, "dLdY": dLdY, **bordered},
    ]


# --------------------------------------------------------------------------- one image


@formula("pooling/max_forward")
def max_forward(X, kernel, s, p):
    r"""Y[r, q, c] = \max_{i, k} \, X_\mathrm{pad}[rs + i, qs + k, c]"""
    X_pad, (k1, k2) = padded(X[0], p, -np.inf), kernel
    Y = np.zeros((*windows(X.shape[1:], kernel, s, p), X.shape[3]))
    for r, q, c in np.ndindex(Y.shape):
        Y[r, q, c] = max(X_pad[r * s + i, q * s + k, c] for i, k in np.ndindex(k1, k2))
    return Y[None]


@formula("pooling/average_forward")
def average_forward(X, kernel, s, p):
    r"""
    Y[r, q, c] = \frac{1}{k_1 k_2} \sum_{i=0}^{k_1 - 1} \sum_{k=0}^{k_2 - 1}
    X_\mathrm{pad}[rs + i, qs + k, c]
    """
    X_pad, (k1, k2) = padded(X[0], p), kernel
    Y = np.zeros((*windows(X.shape[1:], kernel, s, p), X.shape[3]))
    for r, q, c in np.ndindex(Y.shape):
        entries = [X_pad[r * s + i, q * s + k, c] for i, k in np.ndindex(k1, k2)]
        Y[r, q, c] = 1 / (k1 * k2) * sum(entries)
    return Y[None]


def place_of_maximum(X_pad, r, q, c, kernel, s):
    """a(r, q, c), row and column in X_pad: the first one in row-major order."""
    best, place = -np.inf, None
    for i, k in np.ndindex(kernel):
        if X_pad[r * s + i, q * s + k, c] > best:
            best, place = X_pad[r * s + i, q * s + k, c], (r * s + i, q * s + k)
    return place


@formula("pooling/max_input")
def max_input(X, dLdY, kernel, s, p):
    r"""
    \frac{\partial L}{\partial X[x, y, c]}
    = \sum_{\substack{r, q \text{ with} \\ a(r, q, c) = (x + p_1, \, y + p_2)}}
    \frac{\partial L}{\partial Y[r, q, c]}
    """
    X_pad, dLdX = padded(X[0], p, -np.inf), np.zeros(X.shape)
    for _, x, y, c in np.ndindex(X.shape):
        for r, q in np.ndindex(dLdY.shape[1:3]):
            if place_of_maximum(X_pad, r, q, c, kernel, s) == (x + p[0], y + p[1]):
                dLdX[0, x, y, c] += dLdY[0, r, q, c]
    return dLdX


@formula("pooling/average_input")
def average_input(X, dLdY, kernel, s, p):
    r"""
    \frac{\partial L}{\partial X[x, y, c]} = \frac{1}{k_1 k_2}
    \sum_{\substack{r, q \text{ with} \\ 0 \le x + p_1 - rs < k_1 \\ 0 \le y + p_2 - qs < k_2}}
    \frac{\partial L}{\partial Y[r, q, c]}
    """
    dLdX, (k1, k2) = np.zeros(X.shape), kernel
    for _, x, y, c in np.ndindex(X.shape):
        for r, q in np.ndindex(dLdY.shape[1:3]):
            if 0 <= x + p[0] - r * s < k1 and 0 <= y + p[1] - q * s < k2:
                dLdX[0, x, y, c] += 1 / (k1 * k2) * dLdY[0, r, q, c]
    return dLdX


# ----------------------------------------------------------------------------- a batch


@formula("pooling/batch_max")
def batch_max(X, dLdY, kernel, s, p):
    r"""
    \frac{\partial L}{\partial V_{rq}[l, i, k, c]} = M_{rq}[l, i, k, c] \,
    \frac{\partial L}{\partial Y[l, r, q, c]}
    """
    dLdX_pad = np.stack([padded(0 * one, p) for one in X])
    for (r, q), at, V in places(X, kernel, s, p, -np.inf):
        M = np.zeros(V.shape)
        for j, c in np.ndindex(len(X), X.shape[3]):
            M[j, *place_of_maximum(V[j], 0, 0, c, kernel, 1), c] = 1
        dLdX_pad[at] += M * dLdY[:, r, q][:, None, None]
    return cut(dLdX_pad, X, p)


@formula("pooling/batch_average")
def batch_average(X, dLdY, kernel, s, p):
    r"""
    \frac{\partial L}{\partial V_{rq}[l, i, k, c]} = \frac{1}{k_1 k_2} \,
    \frac{\partial L}{\partial Y[l, r, q, c]}
    """
    dLdX_pad = np.stack([padded(0 * one, p) for one in X])
    for (r, q), at, V in places(X, kernel, s, p):
        dLdX_pad[at] += np.ones(V.shape) / (kernel[0] * kernel[1]) * dLdY[:, r, q][:, None, None]
    return cut(dLdX_pad, X, p)


# ---------------------------------------------------------------- what they agree with


def forward_of(mode):
    return lambda X, kernel, s, p: Pool2D(kernel, mode, s, p).forward(X)


def gradient_of(mode):
    def backward(X, dLdY, kernel, s, p):
        layer = Pool2D(kernel, mode, s, p)
        layer.forward(X)
        return layer.backward(dLdY)

    return backward


def loss_of(forward):
    """L = Σ dL/dY · Y of all images."""

    def loss(X, dLdY, kernel, s, p):
        each = [forward(X[i : i + 1], kernel, s, p)[0] for i in range(len(X))]
        return (dLdY * np.stack(each)).sum()

    return loss


for mode, forward in (("max", max_forward), ("average", average_forward)):
    check(f"pooling/{mode}_forward", draw=drawn, edges=ties, library=forward_of(mode))
    check(
        f"pooling/{mode}_input",
        draw=drawn,
        edges=ties,
        library=gradient_of(mode),
        numeric=gradient(of=f"pooling/{mode}_forward", wrt="X", upstream="dLdY"),
    )
    check(
        f"pooling/batch_{mode}",
        draw=batch,
        edges=ties,
        library=gradient_of(mode),
        numeric=lambda given, forward=forward: along(loss_of(forward), given, "X"),
    )


@example("pooling")
def pooling_example():
    X, dLdY = image([1, 5, 2], [3, 4, 5], [0, 5, 1]), image([1, 2], [3, 4])
    values = {"X": X[0, ..., 0], r"\frac{\partial L}{\partial Y}": dLdY[0, ..., 0]}
    for name, mode in (("max", "max"), ("avg", "average")):
        dLdX = gradient_of(mode)(X, dLdY, (2, 2), 1, (0, 0))
        values[rf"Y_\mathrm{{{name}}}"] = forward_of(mode)(X, (2, 2), 1, (0, 0))[0, ..., 0]
        values[rf"\left[ \frac{{\partial L}}{{\partial X}} \right]_\mathrm{{{name}}}"] = dLdX[
            0, ..., 0
        ]
    return values
