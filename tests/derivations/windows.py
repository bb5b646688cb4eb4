"""Windows of images, and images with a border, for the formulas of convolution and pooling."""

import numpy as np


def sizes(rng):
    """Kernel, stride, border (p1, p2), and an image (H, W, C) with two windows each way or more."""
    kernel, s = rng.integers(1, 4, 2), int(rng.integers(1, 3))
    border = [int(rng.integers(0, k)) for k in kernel]
    image = [*(kernel + s + rng.integers(0, 2, 2)), rng.integers(1, 3)]
    return tuple(map(int, kernel)), s, tuple(border), tuple(map(int, image))


def windows(image, kernel, s, p):
    """Number of rows and columns of windows, counted by walking."""
    counts = []
    for size, k, border in zip(image[:2], kernel, p, strict=True):
        counts.append(
            len([top for top in range(0, size + 2 * border, s) if top + k <= size + 2 * border])
        )
    return tuple(counts)


def padded(X, p, value=0.0):
    """An image (H, W, C) with a border."""
    (H, W, C), (p1, p2) = X.shape, p
    X_pad = np.full((H + 2 * p1, W + 2 * p2, C), value)
    X_pad[p1 : p1 + H, p2 : p2 + W] = X
    return X_pad


def places(X, kernel, s, p, value=0.0):
    """For each place [r, q]: the rows and columns of its window, and the window in all images."""
    X_pad = np.stack([padded(image, p, value) for image in X])
    for r, q in np.ndindex(windows(X.shape[1:], kernel, s, p)):
        at = np.s_[:, r * s : r * s + kernel[0], q * s : q * s + kernel[1]]
        yield (r, q), at, X_pad[at]


def cut(dLdX_pad, X, p):
    """Without the border."""
    return dLdX_pad[:, p[0] : p[0] + X.shape[1], p[1] : p[1] + X.shape[2]]


def image(*rows):
    """One image, or one kernel, with one channel."""
    return np.array(rows, dtype=float)[None, :, :, None]
