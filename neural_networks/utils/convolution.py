"""Padding and windows of images, shared by convolution and pooling.

Images are (m, H, W, C). A kernel of k1×k2 pixels is applied to every window of that size whose
corner lies a multiple of the stride from the corner of the padded image.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Pad = int | str | Sequence[int]
"""``"same"``, ``"valid"``, an int, (p1, p2) or (top, bottom, left, right)."""

Padding = tuple[int, int, int, int]
"""Rows of zeros at the top and bottom, columns of zeros left and right."""


def window_shape(kernel_shape: int | Sequence[int]) -> tuple[int, int]:
    """The kernel's size (k1, k2); an int means a square.

    Raises
    ------
    ValueError
        If it is neither a positive whole number nor two of them.
    """
    sizes = _whole_numbers(kernel_shape)
    sizes = sizes * 2 if len(sizes) == 1 else sizes
    if len(sizes) != 2 or min(sizes) < 1:
        raise ValueError(
            f"kernel_shape must be a positive whole number or two of them, got {kernel_shape!r}"
        )
    return sizes[0], sizes[1]


def padding(pad: Pad, kernel_shape: int | Sequence[int]) -> Padding:
    """The number of zeros on each side of an image: (top, bottom, left, right).

    Parameters
    ----------
    pad : int, str or sequence of int
        ``"same"`` is (k1 - 1) // 2 rows above and below and (k2 - 1) // 2 columns left and
        right, which keeps the size of an image if k1 and k2 are odd and the stride is 1.
        ``"valid"`` is no border; an int is a border of that width; (p1, p2) is p1 rows above
        and below and p2 columns left and right; four numbers are the result itself.
    kernel_shape : int or (int, int)
        (k1, k2).

    Raises
    ------
    ValueError
        If it is not one of these.
    """
    k1, k2 = window_shape(kernel_shape)
    named = {"same": ((k1 - 1) // 2, (k2 - 1) // 2), "valid": (0, 0)}
    sizes = named.get(pad, ()) if isinstance(pad, str) else _whole_numbers(pad)
    if len(sizes) == 1:
        sizes = sizes * 2
    if len(sizes) == 2:
        sizes = (sizes[0], sizes[0], sizes[1], sizes[1])
    if len(sizes) != 4 or min(sizes) < 0:
        raise ValueError(
            "pad must be 'same', 'valid', a whole number that is not negative, or two or four of "
            f"them, got {pad!r}"
        )
    return sizes[0], sizes[1], sizes[2], sizes[3]


def check_image_shape(X_shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless the shape is that of images, (m, H, W, C)."""
    if len(X_shape) != 4 or 0 in X_shape[1:]:
        hint = "; X[..., np.newaxis] adds the channel of gray images" if len(X_shape) == 3 else ""
        raise ValueError(f"X must be images (m, H, W, C), got shape {X_shape}{hint}")


def check_stride(stride: int) -> int:
    """The stride as an int, checked: ``ValueError`` unless it is a positive whole number."""
    sizes = _whole_numbers(stride)
    if len(sizes) != 1 or np.ndim(stride) or sizes[0] < 1:
        raise ValueError(f"stride must be a positive whole number, got {stride!r}")
    return sizes[0]


def _whole_numbers(value: object) -> tuple[int, ...]:
    """One whole number, or a sequence of them, as a tuple; empty if it is neither."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    if all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in values):
        return tuple(int(n) for n in values)
    return ()


def output_shape(
    image_shape: tuple[int, ...], kernel_shape: tuple[int, int], stride: int, sides: Padding
) -> tuple[int, int]:
    """The number of windows vertically and horizontally: floor((n + 2p - k) / stride) + 1.

    Parameters
    ----------
    image_shape : (H, W)
    kernel_shape : (k1, k2)
    stride : int
    sides : (top, bottom, left, right)
        The padding.

    Raises
    ------
    ValueError
        If the kernel is larger than the padded image.
    """
    (H, W), (k1, k2), (top, bottom, left, right) = image_shape, kernel_shape, sides
    H_pad, W_pad = H + top + bottom, W + left + right
    if k1 > H_pad or k2 > W_pad:
        padded = f", padded to {H_pad}×{W_pad}" if any(sides) else ""
        raise ValueError(f"a kernel of {k1}×{k2} is larger than the image of {H}×{W}{padded}")
    return (H_pad - k1) // stride + 1, (W_pad - k2) // stride + 1


def pad2d(
    X: np.ndarray,
    pad: Pad,
    kernel_shape: int | Sequence[int],
    stride: int | None = None,
    *,
    value: float = 0.0,
) -> tuple[np.ndarray, Padding]:
    """Images with a border.

    Parameters
    ----------
    X : array, (m, H, W, C)
    pad : int, str or sequence of int
        See ``padding``.
    kernel_shape : int or (int, int)
        (k1, k2), which ``"same"`` depends on.
    stride : int, optional
        Ignored: ``"same"`` is the same border for every stride.
    value : float
        The border's value.

    Returns
    -------
    X_pad : array, (m, top + H + bottom, left + W + right, C)
        X itself if there is no border.
    padding : (top, bottom, left, right)
    """
    top, bottom, left, right = sides = padding(pad, kernel_shape)
    if not any(sides):
        return X, sides
    m, H, W, C = X.shape
    X_pad = np.full((m, top + H + bottom, left + W + right, C), value, X.dtype)
    X_pad[:, top : top + H, left : left + W] = X
    return X_pad, sides


def unpad2d(X_pad: np.ndarray, sides: Padding) -> np.ndarray:
    """Images without the border (top, bottom, left, right) that ``pad2d`` added: a view."""
    top, bottom, left, right = sides
    _, H_pad, W_pad, _ = X_pad.shape
    return X_pad[:, top : H_pad - bottom, left : W_pad - right]


def window_entry(
    X_pad: np.ndarray, offset: tuple[int, int], stride: int, n_windows: tuple[int, int]
) -> np.ndarray:
    """The pixel of every window under one entry of the kernel.

    Parameters
    ----------
    X_pad : array, (m, H_pad, W_pad, C)
    offset : (i, j)
        The entry of the kernel.
    stride : int
    n_windows : (H_out, W_out)

    Returns
    -------
    array, (m, H_out, W_out, C)
        A view of X_pad.
    """
    (i, j), (rows, columns) = offset, n_windows
    below, right = i + stride * (rows - 1) + 1, j + stride * (columns - 1) + 1
    return X_pad[:, i:below:stride, j:right:stride]


WORKSPACE = 2**20
"""Bytes to work on at a time; they fit into a core's second-level cache."""


def images_at_once(bytes_per_image: int, workspace: int | None = None) -> int:
    """The number of images that fit into the workspace, at least one."""
    return max(1, (workspace or WORKSPACE) // bytes_per_image)


def chunks(images: slice, bytes_per_image: int, workspace: int | None = None) -> Iterator[slice]:
    """Consecutive slices of a slice of images, each small enough for the workspace."""
    n = images_at_once(bytes_per_image, workspace)
    for start in range(images.start, images.stop, n):
        yield slice(start, min(start + n, images.stop))


def im2col(X: np.ndarray, kernel_shape: int | Sequence[int], stride: int, pad: Pad) -> np.ndarray:
    """The windows of the images as rows of a matrix; a convolution is then one matrix product.

    Parameters
    ----------
    X : array, (m, H, W, C)
    kernel_shape : int or (int, int)
        (k1, k2).
    stride : int
    pad : int, str or sequence of int
        See ``padding``.

    Returns
    -------
    array, (m·H_out·W_out, k1·k2·C)
        In the order of kernels W (k1, k2, C, n_out): ``im2col(X, ...) @ W.reshape(-1, n_out)``.

    Raises
    ------
    ValueError
        If the kernel is larger than the padded image.

    Notes
    -----
    It takes k1·k2 times the memory of X.
    """
    k1, k2 = window_shape(kernel_shape)
    X_pad, sides = pad2d(X, pad, (k1, k2))
    m, H, W, C = X.shape
    rows, columns = output_shape((H, W), (k1, k2), stride, sides)
    windows = sliding_window_view(X_pad, (k1, k2), axis=(1, 2))[:, ::stride, ::stride]
    # (m, H_out, W_out, C, k1, k2): the channels go last, as in the kernels.
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(m * rows * columns, k1 * k2 * C)


def col2im(
    X_col: np.ndarray, X: np.ndarray, W_shape: tuple[int, ...], stride: int, pad: Pad
) -> np.ndarray:
    """The adjoint of ``im2col``: entries of the rows, added to the pixels that they came from.

    It is not the inverse: a pixel in four windows becomes the sum of four entries.

    Parameters
    ----------
    X_col : array, (m·H_out·W_out, k1·k2·C)
    X : array, (m, H, W, C)
        The argument of ``im2col``; only its shape matters.
    W_shape : (k1, k2, ...)
        Shape of the kernels.
    stride : int
    pad : int, str or sequence of int
        See ``padding``.

    Returns
    -------
    array, (m, H, W, C)
    """
    (m, H, W, C), (k1, k2) = X.shape, W_shape[:2]
    top, bottom, left, right = sides = padding(pad, (k1, k2))
    n_windows = output_shape((H, W), (k1, k2), stride, sides)
    entries = X_col.reshape(m, *n_windows, k1, k2, C)
    total = np.zeros((m, top + H + bottom, left + W + right, C), X_col.dtype)
    # One addition for each entry of the kernel: for one entry, no two windows share a pixel.
    for i, j in np.ndindex(k1, k2):
        window_entry(total, (i, j), stride, n_windows)[:] += entries[:, :, :, i, j]
    return unpad2d(total, sides)
