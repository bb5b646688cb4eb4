"""Batch normalization of images, a few at a time: the implementation used in training.

``Normalization.forward`` and ``backward`` make a dozen passes over whole batches, which are larger
than the cache. Here each pass does all that it can with a few images while they are in the
cache, and the threads share the images (``utils.threads``).

A number for each of a few channels makes NumPy's loops short: 32 channels, 32 numbers. Repeated
for each pixel of a row of the image, such numbers make them W times as long; therefore an image
(H, W, C) is used as rows (H, W·C).
"""

from collections.abc import Callable

import numpy as np

from neural_networks.activations import Activation
from neural_networks.utils.threads import map_chunks


def moments(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, its rest, and variance of each channel of images (m, H, W, C), (1, C) each.

    Two passes: subtracting a mean much larger than the spread leaves a rounding error. The second
    pass finds it, the rest. Their sum, rounded, would leave it again: both are subtracted in turn.
    """
    n = X.size // X.shape[3]
    mean = sums(lambda few: [_by_rows(X[few])], X)[0] / n
    wide = np.tile(mean, X.shape[2])

    def centered(few: slice) -> list[np.ndarray]:
        difference = _by_rows(X[few]) - wide
        return [difference, difference * difference]

    rest, squares = (total / n for total in sums(centered, X))
    return mean, rest, squares - rest * rest


def normalized(
    X: np.ndarray,
    mean: np.ndarray,
    rest: np.ndarray,
    scale: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    activation: Activation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X_hat = (X - mean - rest) scale, Z = γ X_hat + β, and Y = σ(Z), of images (m, H, W, C).

    Parameters
    ----------
    X : array, (m, H, W, C)
    mean, rest, scale, gamma, beta : array, (1, C)
    activation : Activation
        σ.
    """
    X_hat, Z, Y = (np.empty(X.shape, X.dtype) for _ in range(3))
    columns = (np.tile(a, X.shape[2]) for a in (mean, rest, scale, gamma, beta))
    mean, rest, scale, gamma, beta = columns

    def work(few: slice) -> None:
        x_hat, z = _by_rows(X_hat[few]), _by_rows(Z[few])
        np.subtract(_by_rows(X[few]), mean, out=x_hat)
        x_hat -= rest
        x_hat *= scale
        np.multiply(x_hat, gamma, out=z)
        z += beta
        Y[few] = activation(Z[few])

    map_chunks(work, len(X), X[0].nbytes)
    return X_hat, Z, Y


def gradients(
    dLdY: np.ndarray,
    X_hat: np.ndarray,
    Z: np.ndarray,
    scale: np.ndarray,
    gamma: np.ndarray,
    activation: Activation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dL/dX (m, H, W, C), dL/dγ and dL/dβ (1, C) of ``normalized``, with ``moments`` of X itself.

    Parameters
    ----------
    dLdY, X_hat, Z : array, (m, H, W, C)
    scale, gamma : array, (1, C)
    activation : Activation
    """
    dLdX = np.empty(Z.shape, Z.dtype)

    def work(few: slice) -> list[np.ndarray]:
        dLdX[few] = activation.backward(Z[few], dLdY[few])  # dL/dZ at first
        dLdZ = _by_rows(dLdX[few])
        return [dLdZ * _by_rows(X_hat[few]), dLdZ]

    dLdgamma, dLdbeta = sums(work, Z)
    # As in ``Normalization.backward``, where the means of dL/dX_hat = γ dL/dZ, and of its product
    # with X_hat, are γ dL/dβ / n and γ dL/dγ / n:
    # dL/dX = γ scale (dL/dZ - dL/dβ / n - X_hat dL/dγ / n).
    n = Z.size // Z.shape[3]
    spread, mean, factor = (
        np.tile(a, Z.shape[2]) for a in (dLdgamma / n, dLdbeta / n, gamma * scale)
    )

    def finish(few: slice) -> None:
        G = _by_rows(dLdX[few])
        G -= _by_rows(X_hat[few]) * spread
        G -= mean
        G *= factor

    map_chunks(finish, len(Z), Z[0].nbytes)
    return dLdX, dLdgamma, dLdbeta


def sums(arrays: Callable[[slice], list[np.ndarray]], X: np.ndarray) -> list[np.ndarray]:
    """Sums over all pixels, (1, C), of arrays that are computed for a few images at a time.

    Parameters
    ----------
    arrays : function
        From a slice of images to arrays of rows (n·H, W·C).
    X : array, (m, H, W, C)
        Images of the same shape.
    """

    def work(few: slice) -> list[np.ndarray]:
        # A product with a row of ones: BLAS is faster than sum, and loses fewer digits.
        return [np.ones((1, len(rows)), rows.dtype) @ rows for rows in arrays(few)]

    parts = zip(*map_chunks(work, len(X), X[0].nbytes), strict=True)
    by_columns = (np.sum(part, axis=0).reshape(X.shape[2:]) for part in parts)
    return [columns.sum(axis=0, keepdims=True) for columns in by_columns]


def _by_rows(images: np.ndarray) -> np.ndarray:
    """Images (n, H, W, C) as rows (n·H, W·C): a view."""
    n, H, W, C = images.shape
    return images.reshape(n * H, W * C)
