"""The formulas of convolution.md."""

import numpy as np

from neural_networks.layers import Conv2D
from tests.derivations.differences import along, joined
from tests.derivations.registry import check, example, formula, gradient
from tests.derivations.windows import cut, image, padded, places, sizes, windows


def plain(rng):
    """One image without a border, at stride 1."""
    kernel, _, _, image = sizes(rng)
    return convolved(rng, kernel, 1, (0, 0), image)


def strided(rng):
    """One image with a border, at a stride of up to 2."""
    return convolved(rng, *sizes(rng))


def convolved(rng, kernel, s, p, image, m=1):
    n = int(rng.integers(1, 4))
    return {
        "X": rng.standard_normal((m, *image)),
        "W": rng.standard_normal((*kernel, image[2], n)),
        "b": rng.standard_normal((1, n)),
        "dLdZ": rng.standard_normal((m, *windows(image, kernel, s, p), n)),
        "s": s,
        "p": p,
    }


def batch(rng):
    return convolved(rng, *sizes(rng), m=int(rng.integers(1, 3)))


@formula("convolution/forward")
def forward(X, W, b):
    r"""
    Z[r, q, f] = \sum_{i=0}^{k_1 - 1} \sum_{k=0}^{k_2 - 1} \sum_{c=0}^{C - 1}
    X[r + i, q + k, c] \, W[i, k, c, f] + b[f]
    """
    image, (k1, k2, C, n) = X[0], W.shape
    Z = np.zeros((*windows(image.shape, (k1, k2), 1, (0, 0)), n))
    for r, q, f in np.ndindex(Z.shape):
        Z[r, q, f] = b[0, f]
        for i, k, c in np.ndindex(k1, k2, C):
            Z[r, q, f] += image[r + i, q + k, c] * W[i, k, c, f]
    return Z[None]


@formula("convolution/bias")
def bias(b, dLdZ):
    r"""
    \frac{\partial L}{\partial b[f]} = \sum_{r} \sum_{q} \frac{\partial L}{\partial Z[r, q, f]}
    """
    dLdb = np.zeros(b.shape)
    for r, q, f in np.ndindex(dLdZ[0].shape):
        dLdb[0, f] += dLdZ[0, r, q, f]
    return dLdb


@formula("convolution/weights")
def weights(X, W, dLdZ):
    r"""
    \frac{\partial L}{\partial W[i, k, c, f]} = \sum_{r} \sum_{q}
    X[r + i, q + k, c] \, \frac{\partial L}{\partial Z[r, q, f]}
    """
    dLdW = np.zeros(W.shape)
    for i, k, c, f in np.ndindex(W.shape):
        for r, q in np.ndindex(dLdZ.shape[1:3]):
            dLdW[i, k, c, f] += X[0, r + i, q + k, c] * dLdZ[0, r, q, f]
    return dLdW


@formula("convolution/input")
def inputs(X, W, dLdZ):
    r"""
    \frac{\partial L}{\partial X[x, y, c]}
    = \sum_{i=0}^{k_1 - 1} \sum_{k=0}^{k_2 - 1} \sum_{f=0}^{n - 1}
    W[i, k, c, f] \, \frac{\partial L}{\partial Z[x - i, y - k, f]}
    """
    dLdX, (_, rows, columns, _) = np.zeros(X.shape), dLdZ.shape
    for _, x, y, c in np.ndindex(X.shape):
        for i, k, _, f in np.ndindex(W.shape[0], W.shape[1], 1, W.shape[3]):
            if 0 <= x - i < rows and 0 <= y - k < columns:  # 0 outside the output
                dLdX[0, x, y, c] += W[i, k, c, f] * dLdZ[0, x - i, y - k, f]
    return dLdX


@formula("convolution/strided_forward")
def strided_forward(X, W, b, s, p):
    r"""
    Z[r, q, f] = \sum_{i} \sum_{k} \sum_{c}
    X_\mathrm{pad}[rs + i, qs + k, c] \, W[i, k, c, f] + b[f]
    """
    X_pad, (k1, k2, C, n) = padded(X[0], p), W.shape
    Z = np.zeros((*windows(X.shape[1:], (k1, k2), s, p), n))
    for r, q, f in np.ndindex(Z.shape):
        Z[r, q, f] = b[0, f]
        for i, k, c in np.ndindex(k1, k2, C):
            Z[r, q, f] += X_pad[r * s + i, q * s + k, c] * W[i, k, c, f]
    return Z[None]


@formula("convolution/strided_input")
def strided_input(X, W, dLdZ, s, p):
    r"""
    \frac{\partial L}{\partial X[x, y, c]}
    = \sum_{\substack{r, q \text{ with} \\ 0 \le x + p_1 - rs < k_1 \\ 0 \le y + p_2 - qs < k_2}}
    \sum_{f} W[x + p_1 - rs, \, y + p_2 - qs, \, c, f] \, \frac{\partial L}{\partial Z[r, q, f]}
    """
    dLdX, (k1, k2, _, _), (p1, p2) = np.zeros(X.shape), W.shape, p
    for _, x, y, c in np.ndindex(X.shape):
        for _, r, q, f in np.ndindex(dLdZ.shape):
            i, k = x + p1 - r * s, y + p2 - q * s
            if 0 <= i < k1 and 0 <= k < k2:
                dLdX[0, x, y, c] += W[i, k, c, f] * dLdZ[0, r, q, f]
    return dLdX


@formula("convolution/batch")
def of_places(X, W, dLdZ, s, p):
    r"""
    \frac{\partial L}{\partial K} = \sum_{r, q} V_{rq}^\top G_{rq} \qquad
    \frac{\partial L}{\partial b} = \sum_{r, q} \mathbf{1}_m^\top G_{rq} \qquad
    \frac{\partial L}{\partial V_{rq}} = G_{rq} K^\top
    """
    K, ones = W.reshape(-1, W.shape[3]), np.ones((len(X), 1))
    dLdK, dLdb = np.zeros(K.shape), np.zeros((1, K.shape[1]))
    dLdX_pad = np.stack([padded(0 * one, p) for one in X])
    for (r, q), at, window in places(X, W.shape[:2], s, p):
        V, G = window.reshape(len(X), -1), dLdZ[:, r, q]
        dLdK += V.T @ G
        dLdb += ones.T @ G
        dLdX_pad[at] += (G @ K.T).reshape(window.shape)
    return joined(dLdK, dLdb, cut(dLdX_pad, X, p))


def conv_layer(X, W, b, s=1, p=(0, 0)):
    layer = Conv2D(W.shape[3], W.shape[:2], "linear", s, p)
    layer.check_input(X)
    layer.parameters.update(W=W, b=b)
    return layer, layer.forward(X)


def conv_gradients(X, W, b, dLdZ, s=1, p=(0, 0)):
    """dL/dX, dL/dW and dL/db by the layer."""
    layer, _ = conv_layer(X, W, b, s, p)
    dLdX = layer.backward(dLdZ)
    return {"X": dLdX, **layer.gradients}


def conv_loss(X, W, b, dLdZ, s, p):
    each = [strided_forward(X[i : i + 1], W, b, s, p)[0] for i in range(len(X))]
    return (dLdZ * np.stack(each)).sum()


def of_layer(name):
    """dL/d(X, W or b) by the layer, as a function of the inputs of a check."""
    return lambda X, W, b, dLdZ, s, p: conv_gradients(X, W, b, dLdZ, s, p)[name]


def all_of_layer(X, W, b, dLdZ, s, p):
    found = conv_gradients(X, W, b, dLdZ, s, p)
    return joined(*(found[name] for name in "WbX"))


for label, draw in (("forward", plain), ("strided_forward", strided)):
    check(
        f"convolution/{label}",
        draw=draw,
        library=lambda X, W, b, s, p: conv_layer(X, W, b, s, p)[1],
    )
for label, name in (("bias", "b"), ("weights", "W"), ("input", "X")):
    check(
        f"convolution/{label}",
        draw=plain,
        library=of_layer(name),
        numeric=gradient(of="convolution/forward", wrt=name, upstream="dLdZ"),
    )
check(
    "convolution/strided_input",
    draw=strided,
    library=of_layer("X"),
    numeric=gradient(of="convolution/strided_forward", wrt="X", upstream="dLdZ"),
)
check(
    "convolution/batch",
    draw=batch,
    library=all_of_layer,
    numeric=lambda given: joined(*(along(conv_loss, given, name) for name in "WbX")),
)


@example("convolution")
def convolution_example():
    X, W = image([1, 2, 0], [0, 1, 3], [2, 1, 1]), image([1, 2], [0, -1])[0, ..., None]
    b, dLdZ = np.array([[1.0]]), image([1, 0], [2, -1])
    Z, found = conv_layer(X, W, b)[1][0, ..., 0], conv_gradients(X, W, b, dLdZ)
    dLdX, dLdW = found["X"][0, ..., 0], found["W"][..., 0, 0]
    return {
        "X": X[0, ..., 0],
        "W": W[..., 0, 0],
        "b": b,
        "Z": Z,
        "Z[0, 0]": Z[0, 0],
        r"\frac{\partial L}{\partial Z}": dLdZ[0, ..., 0],
        r"\frac{\partial L}{\partial W}": dLdW,
        r"\frac{\partial L}{\partial W[0, 1]}": dLdW[0, 1],
        r"\frac{\partial L}{\partial b}": found["b"],
        r"\frac{\partial L}{\partial X}": dLdX,
        r"\frac{\partial L}{\partial X[1, 1]}": dLdX[1, 1],
    }
