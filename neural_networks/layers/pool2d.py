"""The pooling layer."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.utils.convolution import (
    Pad,
    check_image_shape,
    check_stride,
    output_shape,
    pad2d,
    padding,
    unpad2d,
    window_entry,
    window_shape,
)
from neural_networks.utils.factories import lookup
from neural_networks.utils.threads import map_chunks

BORDERS = {"max": -np.inf, "average": 0.0}
"""The value of the padding: never a maximum, and counted in an average."""


class Pool2D(Layer):
    """Pooling: the maximum, or the average, of each window of an image in each channel.

    With the stride s,

        Y[r, c, k] = max_ij X_pad[r·s + i, c·s + j, k]    or    (1 / k1·k2) Σ_ij of the same.

    Parameters
    ----------
    kernel_shape : int or (int, int)
        (k1, k2), the height and width of a window in pixels; an int means a square.
    mode : str
        ``"max"`` or ``"average"``.
    stride : int
        Distance of neighboring windows in pixels.
    pad : str, int or (int, int)
        Width of the border around an image, see ``Conv2D``; narrower than the window. It is never
        the maximum, and its zeros count in the average.
    dtype, rng
        See ``Layer``.

    Attributes
    ----------
    cache : OrderedDict
        ``X``, the images, and ``Y``, the output.

    Raises
    ------
    ValueError
        If an argument is not one of those above; later, if images are not (m, H, W, C), or a
        window is larger than a padded image.

    Notes
    -----
    Where several numbers of a window equal its maximum, as zeros after a ReLU often do, the
    gradient goes to the first of them in row-major order.

    There are two implementations, which agree to rounding. ``forward`` and ``backward`` go from
    window to window, written to be read. ``forward_faster`` and ``backward_faster`` go from entry
    to entry of all windows at once; networks use them.
    """

    def __init__(
        self,
        kernel_shape: int | Sequence[int],
        mode: str = "max",
        stride: int = 1,
        pad: Pad = 0,
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(dtype=dtype, rng=rng)
        self.kernel_shape = k1, k2 = window_shape(kernel_shape)
        lookup("mode", mode, BORDERS)
        self.mode = mode
        self.stride = check_stride(stride)
        self.pad = pad
        self.padding = top, bottom, left, right = padding(pad, self.kernel_shape)
        if max(top, bottom) >= k1 or max(left, right) >= k2:
            raise ValueError(
                f"pad must be smaller than the window of {k1}×{k2}, which would lie outside the "
                f"image otherwise, got {pad!r}"
            )

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the maximum, or the average, of each window, one after the other.

        Parameters
        ----------
        X : array of float, (m, H, W, C)

        Returns
        -------
        array, (m, H_out, W_out, C)
            H_out = floor((H + 2 p1 - k1) / s) + 1 and W_out likewise.
        """
        X = self.check_input(X)
        (k1, k2), step = self.kernel_shape, self.stride
        X_pad = self._padded(X)
        Y = np.empty(self.output_shape(X.shape), self.dtype)
        for r, c in np.ndindex(Y.shape[1:3]):
            window = X_pad[:, r * step : r * step + k1, c * step : c * step + k2]
            pool = np.max if self.mode == "max" else np.mean
            Y[:, r, c] = pool(window, axis=(1, 2))
        if self.training:
            self.cache["X"], self.cache["Y"] = X, Y
        return Y

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """Compute the gradient with respect to X, one window after the other.

        Parameters
        ----------
        dLdY : array, (m, H_out, W_out, C)

        Returns
        -------
        array, (m, H, W, C)
            dL/dX.
        """
        # y = max x: the first maximum of a window gets the whole gradient, the others none.
        # y = Σ x / (k1·k2): each number of a window gets an equal share.
        X, Y = self.from_cache("X"), self.from_cache("Y")
        dLdY = self.check_gradient(dLdY, Y.shape)
        (k1, k2), step = self.kernel_shape, self.stride
        m, _, _, n_channels = X.shape
        X_pad = self._padded(X)
        dLdX_pad = np.zeros_like(X_pad)
        for r, c in np.ndindex(Y.shape[1:3]):
            rows, columns = slice(r * step, r * step + k1), slice(c * step, c * step + k2)
            gradient = dLdY[:, r : r + 1, c : c + 1]  # (m, 1, 1, C)
            if self.mode == "average":
                dLdX_pad[:, rows, columns] += gradient / (k1 * k2)
            else:
                window = X_pad[:, rows, columns].reshape(m, k1 * k2, n_channels)
                first = window.argmax(axis=1)[:, np.newaxis]  # (m, 1, C)
                is_first = np.arange(k1 * k2)[:, np.newaxis] == first  # (m, k1·k2, C)
                dLdX_pad[:, rows, columns] += gradient * is_first.reshape(m, k1, k2, n_channels)
        return unpad2d(dLdX_pad, self.padding)

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """``forward``, entry by entry of all windows at once: few, large operations."""
        if self.replaces("forward"):
            return super().forward_faster(X)
        X = self.check_input(X)
        Y = np.empty(self.output_shape(X.shape), self.dtype)

        def work(few: slice) -> None:
            self._pool(X[few], out=Y[few])

        map_chunks(work, len(X), math.prod(X.shape[1:]) * X.itemsize)
        if self.training:
            self.cache["X"], self.cache["Y"] = X, Y
        return Y

    def backward_faster(self, dLdY: np.ndarray) -> np.ndarray:
        """``backward``, entry by entry of all windows, a few images at a time."""
        if self.replaces("backward"):
            return super().backward_faster(dLdY)
        X, Y = self.from_cache("X"), self.from_cache("Y")
        dLdY = self.check_gradient(dLdY, Y.shape)
        dLdX = np.empty_like(X)

        def work(few: slice) -> None:
            dLdX[few] = self._gradient(X[few], Y[few], dLdY[few])

        map_chunks(work, len(X), math.prod(X.shape[1:]) * X.itemsize)
        return dLdX

    def _pool(self, X: np.ndarray, out: np.ndarray) -> None:
        """Y of the images X, (n, H, W, C)."""
        first, *others = self._entries(self._padded(X))
        out[:] = first
        for entry in others:
            if self.mode == "max":
                np.maximum(out, entry, out=out)
            else:
                out += entry
        if self.mode == "average":
            out /= len(others) + 1

    def _gradient(self, X: np.ndarray, Y: np.ndarray, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX of the images X, (n, H, W, C)."""
        X_pad = self._padded(X)
        dLdX_pad = np.zeros_like(X_pad)
        if self.mode == "average":
            share = dLdY / np.prod(self.kernel_shape, dtype=self.dtype)
            for gradient in self._entries(dLdX_pad):
                gradient += share
        else:
            rest = dLdY.copy()  # 0 as soon as a window's maximum has been found
            for entry, gradient in zip(self._entries(X_pad), self._entries(dLdX_pad), strict=True):
                given = rest * (entry == Y)
                gradient += given
                rest -= given
        return unpad2d(dLdX_pad, self.padding)

    def output_shape(self, X_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape of the output (m, H_out, W_out, C) for images of shape (m, H, W, C)."""
        m, height, width, channels = X_shape
        size = output_shape((height, width), self.kernel_shape, self.stride, self.padding)
        return m, *size, channels

    def passed_on(self, low: float, high: float) -> tuple[float, float]:
        """The range itself, of averages with a border also 0."""
        if self.mode == "average" and any(self.padding):
            return min(0, low), max(0, high)
        return low, high

    def details(self) -> list[str]:
        """Mode, window, stride and, if there is any, padding."""
        k1, k2 = self.kernel_shape
        pad = [f"pad {self.pad}"] if any(self.padding) else []
        return [self.mode, f"{k1}×{k2}", f"stride {self.stride}", *pad]

    def _padded(self, X: np.ndarray) -> np.ndarray:
        return pad2d(X, self.padding, self.kernel_shape, value=BORDERS[self.mode])[0]

    def _entries(self, X_pad: np.ndarray) -> list[np.ndarray]:
        """For each entry of a window, in row-major order: that entry of all windows, a view."""
        n_windows = output_shape(X_pad.shape[1:3], self.kernel_shape, self.stride, (0, 0, 0, 0))
        return [
            window_entry(X_pad, offset, self.stride, n_windows)
            for offset in np.ndindex(self.kernel_shape)
        ]

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        check_image_shape(X_shape)
        self.output_shape(X_shape)
