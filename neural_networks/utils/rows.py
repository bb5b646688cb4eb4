"""Batches of examples, sequences or images as rows of features, and back."""

import numpy as np


def as_rows(X: np.ndarray) -> np.ndarray:
    """A batch as rows of features.

    (m, d) stays as it is, (m, d, t) becomes (m·t, d), a row for each example and time step, and
    (m, H, W, C) becomes (m·H·W, C), a row for each example and pixel.
    """
    if X.ndim == 2:
        return X
    return (X if X.ndim == 4 else X.transpose(0, 2, 1)).reshape(-1, feature_count(X.shape))


def from_rows(rows: np.ndarray, X_shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of ``as_rows``, for an array whose X had the shape ``X_shape``."""
    if len(X_shape) == 2:
        return rows
    if len(X_shape) == 4:
        return rows.reshape(*X_shape[:-1], rows.shape[1])
    m, _, t = X_shape
    return rows.reshape(m, t, rows.shape[1]).transpose(0, 2, 1)


def feature_count(X_shape: tuple[int, ...]) -> int:
    """The number of features: d of (m, d) or (m, d, t), C of images (m, H, W, C)."""
    return X_shape[-1] if len(X_shape) == 4 else X_shape[1]
