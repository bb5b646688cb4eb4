"""The convolutional layer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.activations import Linear
from neural_networks.layers.base import Layer
from neural_networks.utils.convolution import (
    Pad,
    check_image_shape,
    check_stride,
    images_at_once,
    output_shape,
    pad2d,
    padding,
    unpad2d,
    window_shape,
)
from neural_networks.utils.fast_convolution import (
    convolve,
    gradient_of_biases,
    gradient_of_images,
    gradient_of_kernels,
)
from neural_networks.utils.threads import map_slices
from neural_networks.utils.validation import positive_integer
from neural_networks.weights import initialize_weights

IDENTITY = Linear.forward
"""The activation without which Y is Z itself."""


class Conv2D(Layer):
    """A convolution: each output channel is one kernel, applied to every window of an image.

    Each output is the sum of the elementwise product of the kernel and one window of the padded
    image. With the stride s,

        Z[r, c, n] = Σ_i Σ_j Σ_k X_pad[r·s + i, c·s + j, k] W[i, j, k, n] + b[n],  Y = σ(Z).

    Signal processing calls this cross-correlation; neural networks call it convolution.

    Parameters
    ----------
    n_out : int
        Number of kernels, and so of output channels.
    kernel_shape : int or (int, int)
        (k1, k2), the height and width of a kernel in pixels; an int means a square.
    activation : str
        Name of σ, see ``activations``; a softmax goes over the output channels.
    stride : int
        Distance of neighboring windows in pixels.
    pad : str, int or (int, int)
        Border of zeros around an image: ``"same"``, (k1 - 1) // 2 rows above and below and
        (k2 - 1) // 2 columns left and right; ``"valid"``, none; an int, a border of that width;
        (p1, p2), p1 rows above and below and p2 columns left and right.
    weight_init : str or mapping
        The initializer of W, see ``weights``: its name, or a mapping with ``name`` and
        parameters such as ``std``. The biases start at 0.
    dtype, rng
        See ``Layer``.

    Attributes
    ----------
    parameters : OrderedDict
        ``W`` (k1, k2, C, n_out) and ``b`` (1, n_out).
    cache : OrderedDict
        ``X``, the images, and ``Z``, the output before σ.

    Raises
    ------
    ValueError
        If a size, the stride or the padding is not one of those above; later, if images are not
        (m, H, W, C), their channels change in number, or a kernel is larger than a padded image.

    Notes
    -----
    There are two implementations, which agree to rounding. ``forward`` and ``backward`` are the
    formulas, written to be read. ``forward_faster`` and ``backward_faster`` are matrix products,
    about ten times faster; networks use them (see ``Layer.forward_faster``). Both leave the same
    cache, so either ``backward`` may follow either ``forward``.
    """

    splits_batch = True

    def __init__(
        self,
        n_out: int,
        kernel_shape: int | Sequence[int],
        activation: str,
        stride: int = 1,
        pad: Pad = "same",
        weight_init: str | Mapping[str, Any] = "xavier_uniform",
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(activation, dtype=dtype, rng=rng)
        self.n_out: int = positive_integer("n_out", n_out)
        self.kernel_shape = window_shape(kernel_shape)
        self.stride = check_stride(stride)
        self.pad = pad
        self.padding = padding(pad, self.kernel_shape)
        self._draw_weights = initialize_weights(
            weight_init, activation, rng=self.rng, dtype=self.dtype
        )

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = σ(Z), with Z as in the class's formula; one window after the other.

        Parameters
        ----------
        X : array of float, (m, H, W, C)

        Returns
        -------
        array, (m, H_out, W_out, n_out)
            H_out = floor((H + 2 p1 - k1) / s) + 1 and W_out likewise.
        """
        X = self.check_input(X)
        W, b = self.parameter("W"), self.parameter("b")
        (k1, k2), step = self.kernel_shape, self.stride
        X_pad, _ = pad2d(X, self.padding, self.kernel_shape)
        Z = np.empty(self.output_shape(X.shape), self.dtype)
        for r, c in np.ndindex(Z.shape[1:3]):
            window = X_pad[:, r * step : r * step + k1, c * step : c * step + k2]
            Z[:, r, c] = np.einsum("mijk,ijkn->mn", window, W) + b
        if self.training:
            self.cache["X"], self.cache["Z"] = X, Z
        return self.activation(Z)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """Compute the gradients with respect to W, b and X, one window after the other.

        Parameters
        ----------
        dLdY : array, (m, H_out, W_out, n_out)

        Returns
        -------
        array, (m, H, W, C)
            dL/dX. dL/dW and dL/db go to ``gradients``, in place of those before.
        """
        # z_rcn = Σ_ijk window_ijk w_ijkn + b_n for each window, so by the chain rule
        # dL/dw_ijkn = Σ_rc window_ijk dL/dz_rcn,  dL/db_n = Σ_rc dL/dz_rcn, and each pixel of a
        # window gets Σ_n dL/dz_rcn w_ijkn; a pixel in several windows gets the sum of them.
        X, W, Z = self.from_cache("X"), self.parameter("W"), self.from_cache("Z")
        dLdZ = self.activation.backward(Z, self.check_gradient(dLdY, Z.shape))
        (k1, k2), step = self.kernel_shape, self.stride
        X_pad, _ = pad2d(X, self.padding, self.kernel_shape)
        dLdW, dLdX_pad = np.zeros_like(W), np.zeros_like(X_pad)
        for r, c in np.ndindex(dLdZ.shape[1:3]):
            rows, columns = slice(r * step, r * step + k1), slice(c * step, c * step + k2)
            dLdW += np.einsum("mijk,mn->ijkn", X_pad[:, rows, columns], dLdZ[:, r, c])
            dLdX_pad[:, rows, columns] += np.einsum("mn,ijkn->mijk", dLdZ[:, r, c], W)
        self.gradients["W"] = dLdW
        self.gradients["b"] = dLdZ.sum(axis=(0, 1, 2))[np.newaxis]
        return unpad2d(dLdX_pad, self.padding)

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """``forward`` as matrix products; see ``utils.fast_convolution``."""
        if self.replaces("forward"):
            return super().forward_faster(X)
        X = self.check_input(X)
        W, b = self.parameter("W"), self.parameter("b")
        Z = np.empty(self.output_shape(X.shape), self.dtype)  # (m, H_out, W_out, n_out)
        linear = getattr(self.activation.forward, "__func__", None) is IDENTITY
        Y = Z if linear else np.empty_like(Z)

        def work(images: slice) -> None:
            z, y = Z[images], Y[images]
            for done in convolve(X[images], W, b, self.stride, self.padding, out=z):
                if not linear:
                    y[done] = self.activation(z[done])  # while they are in the cache

        map_slices(work, len(X), self._min_slice(Z))
        if self.training:
            self.cache["X"], self.cache["Z"] = X, Z
        return Y

    def backward_faster(self, dLdY: np.ndarray) -> np.ndarray | None:
        """``backward`` as matrix products; a network's first layer leaves out dL/dX."""
        if self.replaces("backward"):
            return super().backward_faster(dLdY)
        X, W, Z = self.from_cache("X"), self.parameter("W"), self.from_cache("Z")
        dLdY = self.check_gradient(dLdY, Z.shape)
        dLdX = np.empty(X.shape, self.dtype) if self.input_gradient else None
        where = self.stride, self.padding

        def work(images: slice) -> tuple[np.ndarray, np.ndarray]:
            dLdZ = self.activation.backward(Z[images], dLdY[images])
            if dLdX is not None:
                gradient_of_images(dLdZ, W, *where, out=dLdX[images])
            dLdW = gradient_of_kernels(X[images], dLdZ, self.kernel_shape, *where)
            return dLdW, gradient_of_biases(dLdZ)  # (k1, k2, C, n_out) and (1, n_out)

        parts = map_slices(work, len(X), self._min_slice(Z))
        self.gradients["W"] = np.sum([dLdW for dLdW, _ in parts], axis=0)
        self.gradients["b"] = np.sum([dLdb for _, dLdb in parts], axis=0)
        return dLdX

    def _min_slice(self, Z: np.ndarray) -> int:
        """Smallest number of images worth a thread: one workspace of windows."""
        n_windows, n_numbers = math.prod(Z.shape[1:3]), self.parameters["W"][..., 0].size
        return images_at_once(n_windows * n_numbers * Z.itemsize)

    def output_shape(self, X_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape of the output (m, H_out, W_out, n_out) for images of shape (m, H, W, C)."""
        m, height, width, _ = X_shape
        size = output_shape((height, width), self.kernel_shape, self.stride, self.padding)
        return m, *size, self.n_out

    def details(self) -> list[str]:
        """Kernel, stride, padding and activation."""
        k1, k2 = self.kernel_shape
        return [f"{k1}×{k2}", f"stride {self.stride}", f"pad {self.pad}", *super().details()]

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create W (k1, k2, C, n_out) from the initializer and b (1, n_out) of zeros.

        ``n_in`` becomes C, and ``gradients`` gets zeros under the same names.
        """
        self.parameters["W"] = self._draw_weights((*self.kernel_shape, X_shape[3], self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out), self.dtype)
        self.n_in = X_shape[3]
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        check_image_shape(X_shape)
        self._check_n_in(X_shape[3], "channels")
        self.output_shape(X_shape)
