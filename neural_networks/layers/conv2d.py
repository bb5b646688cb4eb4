"""The convolutional layer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
from neural_networks.utils.threads import batch_threads, map_slices
from neural_networks.utils.validation import positive_integer
from neural_networks.weights import initialize_weights


class Conv2D(Layer):
    """Every output channel looks for one pattern, its kernel, everywhere in an image.

    The kernel is laid on each window of the padded image, and the products of the numbers that
    lie on each other are added up. With the stride s,

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
        How many pixels lie between neighbouring windows.
    pad : str, int or (int, int)
        How many zeros go around an image: ``"same"``, (k1 - 1) // 2 rows above and below and
        (k2 - 1) // 2 columns left and right; ``"valid"``, none; an int, as many on each side;
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
    formulas, to be read. ``forward_faster`` and ``backward_faster`` are matrix products, about
    ten times faster; networks go through them (see ``Layer.forward_faster``). Both leave the same
    cache, so that either ``backward`` may follow either ``forward``.
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
        dtype: Any = "float64",
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
        """Y = σ(Z), with Z as the class describes it; one window after the other.

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
        X_pad, _ = pad2d(X, self.padding, self.kernel_shape)
        Z = np.empty(self.output_shape(X.shape), self.dtype)
        for r, c in np.ndindex(Z.shape[1:3]):
            window = X_pad[self._window(r, c)]
            Z[:, r, c] = np.einsum("mijk,ijkn->mn", window, W) + b
        return self._remember(X, Z)

    def backward(self, dLdY: np.ndarray) -> np.ndarray | None:
        """The gradients with respect to W, b and X; one window after the other.

        Parameters
        ----------
        dLdY : array, (m, H_out, W_out, n_out)

        Returns
        -------
        array, (m, H, W, C)
            dL/dX.
        """
        # z_rcn = Σ_ijk window_ijk w_ijkn + b_n for each window, so by the chain rule
        # dL/dw_ijkn = Σ_rc window_ijk dL/dz_rcn,  dL/db_n = Σ_rc dL/dz_rcn, and each pixel of a
        # window gets Σ_n dL/dz_rcn w_ijkn; a pixel in several windows gets the sum of them.
        X, W, Z = self.from_cache("X"), self.parameter("W"), self.from_cache("Z")
        dLdZ = self.activation.backward(Z, self.check_gradient(dLdY, Z.shape))
        X_pad, _ = pad2d(X, self.padding, self.kernel_shape)
        dLdW, dLdX_pad = np.zeros_like(W), np.zeros_like(X_pad)
        for r, c in np.ndindex(dLdZ.shape[1:3]):
            window = self._window(r, c)
            dLdW += np.einsum("mijk,mn->ijkn", X_pad[window], dLdZ[:, r, c])
            if self.input_gradient:
                dLdX_pad[window] += np.einsum("mn,ijkn->mijk", dLdZ[:, r, c], W)
        self.gradients["W"] = dLdW
        self.gradients["b"] = dLdZ.sum(axis=(0, 1, 2))[np.newaxis]
        return unpad2d(dLdX_pad, self.padding) if self.input_gradient else None

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """The same as ``forward``, as matrix products; see ``utils.fast_convolution``."""
        X = self.check_input(X)
        W, b = self.parameter("W"), self.parameter("b")
        Z = np.empty(self.output_shape(X.shape), self.dtype)

        def work(share: slice) -> None:
            convolve(X[share], W, b, self.stride, self.padding, out=Z[share])

        with batch_threads():
            map_slices(work, len(X), self._min_slice(Z))
        return self._remember(X, Z)

    def backward_faster(self, dLdY: np.ndarray) -> np.ndarray | None:
        """The same as ``backward``, as matrix products; see ``utils.fast_convolution``."""
        X, W, Z = self.from_cache("X"), self.parameter("W"), self.from_cache("Z")
        dLdY = self.check_gradient(dLdY, Z.shape)
        dLdX = np.empty_like(X) if self.input_gradient else None
        where = self.stride, self.padding

        def work(share: slice) -> tuple[np.ndarray, np.ndarray]:
            dLdZ = self.activation.backward(Z[share], dLdY[share])
            if dLdX is not None:
                gradient_of_images(dLdZ, W, *where, out=dLdX[share])
            dLdW = gradient_of_kernels(X[share], dLdZ, self.kernel_shape, *where)
            return dLdW, gradient_of_biases(dLdZ)

        with batch_threads():
            shares = map_slices(work, len(X), self._min_slice(Z))
        self.gradients["W"] = np.sum([dLdW for dLdW, _ in shares], axis=0)
        self.gradients["b"] = np.sum([dLdb for _, dLdb in shares], axis=0)
        return dLdX

    def _min_slice(self, Z: np.ndarray) -> int:
        """How many images are worth a thread: as many as make a workspace of windows."""
        n_windows, n_numbers = math.prod(Z.shape[1:3]), self.parameters["W"][..., 0].size
        return images_at_once(n_windows * n_numbers * Z.itemsize)

    def output_shape(self, X_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Shape of the output (m, H_out, W_out, n_out) for images of shape (m, H, W, C)."""
        m, height, width, _ = X_shape
        size = output_shape((height, width), self.kernel_shape, self.stride, self.padding)
        return m, *size, self.n_out

    def _window(self, r: int, c: int) -> tuple[slice, slice, slice]:
        """Where, in all padded images, the window of the output (r, c) is."""
        (k1, k2), top, left = self.kernel_shape, r * self.stride, c * self.stride
        return slice(None), slice(top, top + k1), slice(left, left + k2)

    def _remember(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """Y = σ(Z), the end of both kinds of ``forward``."""
        if self.training:
            self.cache["X"], self.cache["Z"] = X, Z
        return self.activation(Z)

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create W (k1, k2, C, n_out) from the initializer and b (1, n_out) of zeros."""
        self.parameters["W"] = self._draw_weights((*self.kernel_shape, X_shape[3], self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out), self.dtype)
        self.n_in = X_shape[3]
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        check_image_shape(X_shape)
        self._check_n_in(X_shape[3], "channels")
        self.output_shape(X_shape)
