"""Convolution with fewer multiplications: Winograd's minimal filtering, for stride 1.

Filtering with three taps w takes three multiplications for each number,

    z_c = x_c w_0 + x_{c+1} w_1 + x_{c+2} w_2,

twelve for four neighboring ones, c = 0 ... 3. Six are enough. With the six pixels x that the four
numbers see, and constant matrices A (6, 4), B (6, 6) and G (6, 3),

    z = Aᵀ [(G w) ∘ (Bᵀ x)],    ∘: entry by entry.

``filter_matrices`` derives them. In two dimensions the same is done along both axes: a *tile* x of
6×6 pixels gives 4×4 numbers, Z = Aᵀ [(G w Gᵀ) ∘ (Bᵀ x B)] A, by 36 multiplications in place of
144. With C channels in and n_out out, sums over the channels make each of the 36 entries a matrix
product, for all tiles at once:

    M_qp = V_qp U_qp,    V = Bᵀ x B (36, tiles, C),    U = G w Gᵀ (36, C, n_out),

where q is the column of an entry and p its row. The transforms with A, B and G cost the more the
larger the images, the products also the more channels there are: from some number of channels on,
the saved multiplications outweigh the transforms (``fast_convolution`` has the number).

Sums of six numbers with factors up to 3.4 round more than plain sums: the root mean square of the
errors is up to ten times as large.

``docs/convolution.md`` has two dimensions as a drawing, an example by hand, and the errors.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from neural_networks.utils.convolution import Padding, chunks

TILE = 6
"""Pixels along a side of a tile; k taps then give 7 - k numbers."""

POINTS = (0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)
"""Polynomials are evaluated there; 0, ±1, ±2, as in the source, round two to four times as much."""

WORKSPACE = 2**21
"""Bytes of V at a time. Less would fit into the second-level cache, but two threads would wait for
Python's global interpreter lock (GIL) more often than the cache saves."""


def filter_matrices(
    points: Sequence[float], n: int, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (s, n), B (s, s) and G (s, k) for n numbers of a filter with k taps, s = n + k - 1.

    Parameters
    ----------
    points : sequence of float
        s - 1 different numbers.
    n, k : int

    Notes
    -----
    A product of two polynomials, with n and k coefficients p and w, has s coefficients. They
    follow from its values at s - 1 points and its leading coefficient, the "value at infinity".
    Each value is that of one factor times that of the other: s multiplications. So let A and G
    evaluate the factors (Vandermonde matrices), and let B interpolate (Lagrange's polynomials):
    the coefficients are B [(A p) ∘ (G w)].

    They are sums Σ_c p_c w_{r-c}, linear in p. Filtering, z_c = Σ_j x_{c+j} w_j = Σ_r x_r w_{r-c},
    is the transpose of that map: z = Aᵀ [(G w) ∘ (Bᵀ x)].
    """
    at = np.array(points, float)
    A, G = (np.vander(at, size, increasing=True) for size in (n, k))
    A, G = (np.vstack([matrix, np.eye(matrix.shape[1])[-1]]) for matrix in (A, G))  # at infinity
    B = np.zeros((n + k - 1, n + k - 1))
    B[:, -1] = np.poly(at)[::-1]  # 0 at all points, with leading coefficient 1
    for j, point in enumerate(at):
        others = np.delete(at, j)
        B[:-1, j] = np.poly(others)[::-1]  # 0 at all other points ...
        G[j] /= np.prod(point - others)  # ... and 1 at its own, with this factor
    return A, B, G


@cache
def matrices(k: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``filter_matrices`` of tiles, A (6, 7 - k), B (6, 6) and G (6, k), in a type; read-only."""
    A, B, G = (a.astype(dtype) for a in filter_matrices(POINTS, TILE + 1 - k, k))
    for matrix in (A, B, G):
        matrix.setflags(write=False)
    return A, B, G


def convolve(
    X: np.ndarray, W: np.ndarray, b: np.ndarray, padding: Padding, out: np.ndarray
) -> Iterator[tuple[slice, slice]]:
    """Z = Aᵀ [U ∘ V] A + b; see ``fast_convolution.convolve``.

    Parameters
    ----------
    X : array, (m, H, W, C)
    W : array, (k, k, C, n_out)
    b : array, (1, n_out)
    padding : (top, bottom, left, right)
        Each less than k.
    out : array, (m, H_out, W_out, n_out), contiguous
        Z is written to it.

    Yields
    ------
    images, rows : slice
        A part of ``out`` that is done, and still in the cache.
    """
    assert out.flags.c_contiguous, "Z is written to views of out"
    k, U = len(W), transformed_kernels(W)
    for images, bands in _parts(out.shape, k, max(X.shape[3], out.shape[3]) * X.itemsize):
        V = transformed_images(X[images], bands, k, padding, out.shape[2])
        rows = slice(bands.start * (TILE + 1 - k), bands.stop * (TILE + 1 - k))
        _numbers_of_tiles(V @ U, k, b, out=out[images, rows])
        yield images, rows


def gradient_of_images(dLdZ: np.ndarray, W: np.ndarray, padding: Padding, out: np.ndarray) -> None:
    """dL/dX: dL/dZ (m, H_out, W_out, n_out), convolved with the kernels rotated by 180°."""
    # A pixel of X_pad meets w_ij in the window that begins i rows above it and j columns to its
    # left: dL/dx_rc = Σ_ij dL/dz_{r-i, c-j} w_ij. With i' = k - 1 - i, j' likewise, that is a
    # convolution of dL/dZ, in a border of k - 1, less what the padding added to X.
    k, _, C, _ = W.shape
    top, bottom, left, right = padding
    border = k - 1 - top, k - 1 - bottom, k - 1 - left, k - 1 - right
    rotated = W[::-1, ::-1].swapaxes(2, 3)
    for _ in convolve(dLdZ, rotated, np.zeros((1, C), W.dtype), border, out):
        pass


def gradient_of_kernels(X: np.ndarray, dLdZ: np.ndarray, k: int, padding: Padding) -> np.ndarray:
    """dL/dW (k, k, C, n_out) from images (m, H, W, C) and dL/dZ (m, H_out, W_out, n_out)."""
    # M = V U gives dL/dU = Vᵀ dL/dM for each of the 36 entries, and Z = Aᵀ M A gives
    # dL/dM = A dL/dZ Aᵀ. At last, U = G w Gᵀ gives dL/dw = Gᵀ dL/dU G.
    C, n_out = X.shape[3], dLdZ.shape[3]
    dLdU = np.zeros((TILE * TILE, C, n_out), X.dtype)
    for images, bands in _parts(dLdZ.shape, k, max(C, n_out) * X.itemsize):
        V = transformed_images(X[images], bands, k, padding, dLdZ.shape[2])
        dLdU += V.swapaxes(1, 2) @ _transformed_gradients(dLdZ[images], bands, k)
    _, _, G = matrices(k, X.dtype)
    dLdW = (G.T @ dLdU.reshape(TILE, -1)).reshape(k, TILE, C * n_out)
    return (G.T @ dLdW).reshape(k, k, C, n_out).swapaxes(0, 1)


def transformed_kernels(W: np.ndarray) -> np.ndarray:
    """U = G w Gᵀ of kernels (k, k, C, n_out), as (36, C, n_out)."""
    k, _, C, n_out = W.shape
    _, _, G = matrices(k, W.dtype)
    by_columns = W.swapaxes(0, 1).reshape(k, k, C * n_out)
    return (G @ (G @ by_columns).reshape(k, -1)).reshape(TILE * TILE, C, n_out)


def transformed_images(
    X: np.ndarray, bands: slice, k: int, padding: Padding, n_columns: int
) -> np.ndarray:
    """V = Bᵀ x B of the tiles of images (n, H, W, C), as (36, tiles, C).

    Parameters
    ----------
    X : array, (n, H, W, C)
    bands : slice
        The rows of tiles, from 0.
    k : int
        Taps of the filter along an axis.
    padding : (top, bottom, left, right)
    n_columns : int
        W_out, the numbers in a row of the output.
    """
    step, C = TILE + 1 - k, X.shape[3]
    n_bands, n_tiles = bands.stop - bands.start, -(-n_columns // step)
    _, B, _ = matrices(k, X.dtype)
    shape = (n_bands * step + k - 1, n_tiles * step + k - 1)
    X_pad = _framed(X, bands.start * step - padding[0], padding[2], shape)
    # Neighboring tiles share k - 1 columns. Copied: column q of all tiles, (n, 6, H, tiles, C).
    columns = sliding_window_view(X_pad, TILE, axis=2)[:, :, ::step]
    columns = np.ascontiguousarray(columns.transpose(0, 4, 1, 2, 3))
    xB = (B.T @ columns.reshape(len(X), TILE, -1)).reshape(len(X), TILE, -1, n_tiles * C)
    # Their k - 1 common rows need no copy: six rows from each step-th row on, (n, 6, bands, ., 6).
    rows = sliding_window_view(xB, TILE, axis=2)[:, :, ::step].swapaxes(3, 4)
    V = np.empty((TILE, TILE, len(X), n_bands, n_tiles * C), X.dtype)
    np.matmul(B.T, rows, out=V.transpose(2, 0, 3, 1, 4))
    return V.reshape(TILE * TILE, -1, C)


def _numbers_of_tiles(M: np.ndarray, k: int, b: np.ndarray, out: np.ndarray) -> None:
    """Z = Aᵀ M A + b of tiles (36, tiles, n_out), written to rows (n, H, W, n_out) of images."""
    (n, H, W, n_out), step = out.shape, TILE + 1 - k
    n_bands, n_tiles = -(-H // step), -(-W // step)
    A, _, _ = matrices(k, M.dtype)
    M = M.reshape(TILE, TILE, n, n_bands, n_tiles * n_out)
    AM = A.T @ M.transpose(2, 0, 3, 1, 4)  # (n, 6, bands, step, tiles·n_out)
    Z = (A.T @ AM.reshape(n, TILE, -1)).reshape(n, step, n_bands * step, n_tiles, n_out)
    Z = Z.transpose(0, 2, 3, 1, 4)
    if H % step == W % step == 0:
        np.add(Z, b[0], out=out.reshape(n, H, n_tiles, step, n_out))
    else:  # the last tiles reach beyond the image
        np.add(Z.reshape(n, n_bands * step, -1, n_out)[:, :H, :W], b[0], out=out)


def _transformed_gradients(dLdZ: np.ndarray, bands: slice, k: int) -> np.ndarray:
    """dL/dM = A dL/dZ Aᵀ of the tiles of images (n, H, W, n_out), as (36, tiles, n_out)."""
    (n, _, W, n_out), step = dLdZ.shape, TILE + 1 - k
    n_bands, n_tiles = bands.stop - bands.start, -(-W // step)
    A, _, _ = matrices(k, dLdZ.dtype)
    dLdZ = _framed(dLdZ, bands.start * step, 0, (n_bands * step, n_tiles * step))
    columns = dLdZ.reshape(n, n_bands * step, n_tiles, step, n_out).transpose(0, 3, 1, 2, 4)
    by_columns = A @ np.ascontiguousarray(columns).reshape(n, step, -1)
    by_columns = by_columns.reshape(n, TILE, n_bands, step, n_tiles * n_out)
    dLdM = np.empty((TILE, TILE, n, n_bands, n_tiles * n_out), dLdZ.dtype)
    np.matmul(A, by_columns, out=dLdM.transpose(2, 0, 3, 1, 4))
    return dLdM.reshape(TILE * TILE, -1, n_out)


def _framed(X: np.ndarray, first: int, left: int, shape: tuple[int, int]) -> np.ndarray:
    """Rows of images from ``first`` on, columns from -``left`` on, with zeros where X has none.

    Returns
    -------
    array, (n, *shape, C)
        X itself if it is no different.
    """
    n, H, W, C = X.shape
    if (first, left, *shape) == (0, 0, H, W):
        return X
    framed = np.zeros((n, *shape, C), X.dtype)
    source = X[:, max(0, first) : max(0, first + shape[0])]
    above = max(0, -first)
    framed[:, above : above + source.shape[1], left : left + W] = source
    return framed


def _parts(shape: tuple[int, ...], k: int, bytes_per_tile: int) -> Iterator[tuple[slice, slice]]:
    """Images and rows of tiles to work on at a time, for an output (m, H, W, n_out)."""
    m, H, W, _ = shape
    n_bands, n_tiles = (-(-size // (TILE + 1 - k)) for size in (H, W))
    bytes_per_band = TILE * TILE * n_tiles * bytes_per_tile
    at_once = min(n_bands, max(1, WORKSPACE // bytes_per_band))
    for images in chunks(slice(0, m), bytes_per_band * n_bands, WORKSPACE):
        for start in range(0, n_bands, at_once):
            yield images, slice(start, min(start + at_once, n_bands))
