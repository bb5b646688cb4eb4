"""Textbook versions of a convolutional network in NumPy: correct, short and slow.

All convolutions have stride 1, and kernels of odd size on images padded to keep theirs.
"""

import numpy as np

from neural_networks.utils.convolution import col2im, im2col


def window_indices(
    image_shape: tuple[int, int, int], kernel_shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """i, j and k such that ``X_pad[:, i, j, k]`` is every window as a row, (m, H·W, k1·k2·C)."""
    H, W, C = image_shape
    row, column = (axis.reshape(-1, 1) for axis in np.indices((H, W)))
    below, right, channel = (axis.reshape(1, -1) for axis in np.indices((*kernel_shape, C)))
    return row + below, column + right, channel


def indexed_convolution(
    X: np.ndarray, W: np.ndarray, b: np.ndarray, dLdZ: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A convolution and all its gradients, by arrays of indices and ``np.add.at``.

    Parameters
    ----------
    X : array, (m, H, W, C)
    W : array, (k1, k2, C, n_out)
    b : array, (1, n_out)
    dLdZ : array, (m, H, W, n_out)

    Returns
    -------
    Z, dLdX, dLdW, dLdb : arrays
    """
    (k1, k2, C, n_out), (_, H, width, _) = W.shape, X.shape
    p1, p2 = k1 // 2, k2 // 2
    X_pad = np.pad(X, ((0, 0), (p1, p1), (p2, p2), (0, 0)))
    i, j, k = window_indices(X.shape[1:], (k1, k2))
    X_col = X_pad[:, i, j, k].reshape(-1, k1 * k2 * C)
    W_col = W.reshape(-1, n_out)
    Z = (X_col @ W_col + b).reshape(dLdZ.shape)

    dLdZ_col = dLdZ.reshape(-1, n_out)
    dLdW = (X_col.T @ dLdZ_col).reshape(W.shape)
    dLdb = dLdZ_col.sum(axis=0, keepdims=True)
    dLdX_col = dLdZ_col @ W_col.T
    dLdX_pad = np.zeros_like(X_pad)
    np.add.at(dLdX_pad, (slice(None), i, j, k), dLdX_col.reshape(len(X), H * width, -1))
    return Z, dLdX_pad[:, p1 : p1 + H, p2 : p2 + width], dLdW, dLdb


class Dense:
    """Z = X W + b."""

    def __init__(self, W: np.ndarray, b: np.ndarray) -> None:
        self.W, self.b = W, b

    def forward(self, X: np.ndarray) -> np.ndarray:
        self.X = X
        return X @ self.W + self.b

    def backward(self, dLdZ: np.ndarray) -> np.ndarray:
        self.dLdW, self.dLdb = self.X.T @ dLdZ, dLdZ.sum(axis=0, keepdims=True)
        return dLdZ @ self.W.T

    def update(self, lr: float) -> None:
        self.W = self.W - lr * self.dLdW
        self.b = self.b - lr * self.dLdb


class Convolution(Dense):
    """Z = X_col W + b, with ``im2col`` of the whole batch."""

    def __init__(self, W: np.ndarray, b: np.ndarray) -> None:
        super().__init__(W.reshape(-1, W.shape[3]), b)
        self.W_shape = W.shape

    def forward(self, X: np.ndarray) -> np.ndarray:
        self.images = X
        Z = super().forward(im2col(X, self.W_shape[:2], 1, "same"))
        return Z.reshape(*X.shape[:3], -1)

    def backward(self, dLdZ: np.ndarray) -> np.ndarray:
        dLdX_col = super().backward(dLdZ.reshape(-1, self.W_shape[3]))
        return col2im(dLdX_col, self.images, self.W_shape, 1, "same")


class ReLU:
    """Y = max(0, X)."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        self.X = X
        return np.maximum(X, 0)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        return dLdY * (self.X > 0)


class MaxPool:
    """The maximum of each 2×2 pixels.

    All pixels equal to the maximum get the gradient. Ties occur here only where all are 0, and the
    ReLU before this layer then blocks the gradient.
    """

    def forward(self, X: np.ndarray) -> np.ndarray:
        m, H, W, C = X.shape
        self.windows = X.reshape(m, H // 2, 2, W // 2, 2, C)
        self.Y = self.windows.max(axis=(2, 4), keepdims=True)
        return self.Y[:, :, 0, :, 0]

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        dLdX = (self.windows == self.Y) * dLdY[:, :, np.newaxis, :, np.newaxis]
        m, H, _, W, _, C = dLdX.shape
        return dLdX.reshape(m, 2 * H, 2 * W, C)


class Flatten:
    """Each image as a row."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        self.shape = X.shape
        return X.reshape(len(X), -1)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        return dLdY.reshape(self.shape)


def cross_entropy(Z: np.ndarray, classes: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss of logits Z (m, n), and its gradient."""
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    examples = np.arange(len(Z))
    loss = -np.log(P[examples, classes]).mean()
    P[examples, classes] -= 1
    return loss, P / len(Z)
