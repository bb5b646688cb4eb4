"""Convolution as matrix products: the fast implementation, used in training.

BLAS multiplies matrices at nearly the processor's peak speed, so the task is to arrange images
as matrices with few copies. ``im2col`` writes every window as a row, which makes k1·k2 copies of
each pixel. At stride 1 most of them are unnecessary: here an image is unfolded along its width
only. U[y, x] holds the k2 pixels from (y, x) to the right, and

    Z[r, c] = Σ_i Σ_j X[r + i, c + j] W[i, j] = Σ_i U[r + i, c] W_i

with W_i, (k2·C, n_out), the row i of the kernels. The factor of W_i is U from its row i on, a
view without a copy. In all there are k2 copies and k1 products.

Three rules, measured, choose the method: ``uses_winograd`` takes many channels to ``winograd``,
which saves multiplications; strides above 1, and small windows (``FEW``), to ``im2col``; and all
else is unfolded.

``docs/convolution.md`` has drawings, the reasons and the measurements.

This is done for a few images at a time, so that U stays in the processor's cache and the memory
needed does not grow with the batch. ``Conv2D`` splits the batch among threads
(``utils.threads``).
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from neural_networks.utils import winograd
from neural_networks.utils.convolution import (
    Padding,
    chunks,
    col2im,
    im2col,
    output_shape,
    pad2d,
    unpad2d,
)

FEW = 32
"""Size of the largest window for which one product with ``im2col`` is faster than k1 products."""

MIN_CHANNELS = {3: 24, 5: 32}
"""Channels, in and out, from which on Winograd's method is faster, by the side of the kernel."""

Matrices = list[np.ndarray]
"""U_0, U_1, ...: (n, H_out·W_out, k); Z = Σ_i U_i W_i for n images."""


def uses_winograd(W_shape: tuple[int, ...], stride: int, padding: Padding) -> bool:
    """True if kernels (k1, k2, C, n_out) are convolved by ``winograd``."""
    k1, k2, C, n_out = W_shape
    fits = k1 == k2 and stride == 1 and max(padding) < k1
    return fits and min(C, n_out) >= MIN_CHANNELS.get(k1, math.inf)


def convolve(
    X: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    stride: int,
    padding: Padding,
    out: np.ndarray,
) -> Iterator[tuple[slice, slice]]:
    """Z[r, c, n] = Σ_i Σ_j Σ_k X_pad[r·s + i, c·s + j, k] W[i, j, k, n] + b[n], for each image.

    Parameters
    ----------
    X : array, (m, H, W, C)
    W : array, (k1, k2, C, n_out)
    b : array, (1, n_out)
    stride : int
        s.
    padding : (top, bottom, left, right)
    out : array, (m, H_out, W_out, n_out)
        Z is written to it.

    Yields
    ------
    images, rows : slice
        A part of ``out`` that is done, and still in the cache.
    """
    if uses_winograd(W.shape, stride, padding):
        yield from winograd.convolve(X, W, b, padding, out)
        return
    m, rows, columns, n_out = out.shape
    Z = out.reshape(m, rows * columns, n_out)
    for images, (U_0, *others) in _as_matrices(X, W.shape[:2], stride, padding):
        W_0, *W_others = W.reshape(1 + len(others), -1, n_out)
        Z_images = np.matmul(U_0, W_0, out=Z[images])
        for U_i, W_i in zip(others, W_others, strict=True):
            Z_images += U_i @ W_i
        Z_images += b  # while they are in the cache
        yield images, slice(None)


def gradient_of_kernels(
    X: np.ndarray,
    dLdZ: np.ndarray,
    kernel_shape: tuple[int, int],
    stride: int,
    padding: Padding,
) -> np.ndarray:
    """dL/dW of ``convolve``.

    Parameters
    ----------
    X : array, (m, H, W, C)
    dLdZ : array, (m, H_out, W_out, n_out)
    kernel_shape : (k1, k2)
    stride : int
    padding : (top, bottom, left, right)

    Returns
    -------
    array, (k1, k2, C, n_out)
    """
    if uses_winograd((*kernel_shape, X.shape[3], dLdZ.shape[3]), stride, padding):
        return winograd.gradient_of_kernels(X, dLdZ, kernel_shape[0], padding)
    # Z = Σ_i U_i W_i for each image, so dL/dW_i = U_iᵀ dL/dZ, summed over the images.
    C, (m, rows, columns, n_out) = X.shape[3], dLdZ.shape
    dLdZ = dLdZ.reshape(m, rows * columns, n_out)
    dLdW = np.zeros((*kernel_shape, C, n_out), X.dtype)
    for images, matrices in _as_matrices(X, kernel_shape, stride, padding):
        parts = dLdW.reshape(len(matrices), -1, n_out)
        for dLdW_i, U_i in zip(parts, matrices, strict=True):
            dLdW_i += (U_i.swapaxes(1, 2) @ dLdZ[images]).sum(axis=0)
    return dLdW


def gradient_of_biases(dLdZ: np.ndarray) -> np.ndarray:
    """dL/db of ``convolve``, (1, n_out), from dL/dZ (m, H_out, W_out, n_out)."""
    # dL/db = Σ dL/dZ over images and windows. As a product it takes a fifth of sum's time.
    rows = dLdZ.reshape(-1, dLdZ.shape[3])
    return np.ones((1, len(rows)), rows.dtype) @ rows


def gradient_of_images(
    dLdZ: np.ndarray, W: np.ndarray, stride: int, padding: Padding, out: np.ndarray
) -> None:
    """dL/dX of ``convolve``.

    Parameters
    ----------
    dLdZ : array, (m, H_out, W_out, n_out)
    W : array, (k1, k2, C, n_out)
    stride : int
    padding : (top, bottom, left, right)
    out : array, (m, H, W, C)
        dL/dX is written to it.
    """
    if uses_winograd(W.shape, stride, padding):
        winograd.gradient_of_images(dLdZ, W, padding, out)
        return
    dLdX, m, (k1, k2, C, n_out) = out, len(dLdZ), W.shape
    rows, columns = dLdZ.shape[1:3]
    dLdZ = dLdZ.reshape(m, rows * columns, n_out)
    if stride > 1:
        for images in chunks(slice(0, m), rows * columns * k1 * k2 * C * dLdX.itemsize):
            dLdX_col = dLdZ[images] @ W.reshape(-1, n_out).T
            dLdX[images] = col2im(dLdX_col, dLdX[images], W.shape, stride, padding)
        return
    W_rows = W.reshape(k1, k2 * C, n_out)
    H_pad = rows + k1 - 1
    for images in chunks(slice(0, m), H_pad * columns * k2 * C * dLdX.itemsize):
        # Z = Σ_i U_i W_i, so dL/dU_i = dL/dZ W_iᵀ; the U_i overlap in U, where these add up.
        dLdU = np.zeros((len(dLdZ[images]), H_pad * columns, k2 * C), dLdX.dtype)
        for i, W_i in enumerate(W_rows):
            dLdU[:, i * columns :][:, : rows * columns] += dLdZ[images] @ W_i.T
        dLdU = dLdU.reshape(-1, H_pad, columns, k2, C)
        dLdX[images] = unpad2d(_folded(dLdU), padding)


def _folded(dLdU: np.ndarray) -> np.ndarray:
    """The adjoint of unfolding: from dL/dU (n, H_pad, W_out, k2, C) to dL/dX_pad."""
    n, H_pad, columns, k2, C = dLdU.shape
    dLdX_pad = np.zeros((n, H_pad, columns + k2 - 1, C), dLdU.dtype)
    # NumPy adds rows of very few numbers slowly; one channel at a time has longer ones.
    channels = range(C) if C < 8 else [slice(None)]
    for j in range(k2):
        for c in channels:
            dLdX_pad[:, :, j : j + columns, c] += dLdU[:, :, :, j, c]
    return dLdX_pad


def _as_matrices(
    X: np.ndarray, kernel_shape: tuple[int, int], stride: int, padding: Padding
) -> Iterator[tuple[slice, Matrices]]:
    """A few images at a time: their slice of the batch, and their U_0, U_1, ...

    There is a single U_0, the result of ``im2col``, at strides above 1, and for small windows,
    such as 3×3 pixels in color. The next images may overwrite the matrices yielded.
    """
    (m, H, W, C), (k1, k2) = X.shape, kernel_shape
    rows, columns = output_shape((H, W), kernel_shape, stride, padding)
    window = k1 * k2 * C
    if stride == 1 and window > FEW:
        yield from _unfolded(X, kernel_shape, padding)
        return
    for images in chunks(slice(0, m), rows * columns * window * X.itemsize):
        if stride == 1:
            X_col = _transposed_columns(X[images], kernel_shape, padding)
        else:
            X_col = im2col(X[images], kernel_shape, stride, padding)
        yield images, [X_col.reshape(-1, rows * columns, window)]


def _transposed_columns(
    X: np.ndarray, kernel_shape: tuple[int, int], padding: Padding
) -> np.ndarray:
    """``im2col`` at stride 1 with contiguous columns in memory, as (n, H_out·W_out, k1·k2·C).

    A window of few channels has short rows, k2·C numbers, which NumPy copies slowly. A column
    consists of longer ones: rows of the image, W_out numbers each.
    """
    X_pad, _ = pad2d(X, padding, kernel_shape)
    by_channel = np.ascontiguousarray(np.moveaxis(X_pad, 3, 0))  # (C, n, H_pad, W_pad)
    windows = sliding_window_view(by_channel, kernel_shape, axis=(2, 3))
    C, n, rows, columns, k1, k2 = windows.shape
    X_col = windows.transpose(4, 5, 0, 1, 2, 3).reshape(k1 * k2 * C, n, rows * columns)
    return np.moveaxis(X_col, 0, 2)


def _unfolded(
    X: np.ndarray, kernel_shape: tuple[int, int], padding: Padding
) -> Iterator[tuple[slice, Matrices]]:
    """The unfolding of the module's docstring, at stride 1; see ``_as_matrices``."""
    (m, H, W, C), (k1, k2) = X.shape, kernel_shape
    rows, columns = output_shape((H, W), kernel_shape, 1, padding)
    H_pad, size = rows + k1 - 1, rows * columns
    parts = list(chunks(slice(0, m), H_pad * columns * k2 * C * X.itemsize))
    most = parts[0].stop if parts else 0
    workspace = np.empty((most, H_pad, columns, k2, C), X.dtype)
    for images in parts:
        X_pad, _ = pad2d(X[images], padding, kernel_shape)
        U = workspace[: len(X_pad)]
        # A window's axes are (C, k2), the kernels' (k2, C).
        U[:] = sliding_window_view(X_pad, k2, axis=2).swapaxes(3, 4)
        by_rows = U.reshape(-1, H_pad * columns, k2 * C)
        yield images, [by_rows[:, i * columns :][:, :size] for i in range(k1)]
