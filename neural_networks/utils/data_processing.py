"""Preprocessing of features; each function returns a new array."""

from collections.abc import Callable

import numpy as np


def center(
    X: np.ndarray, axis: int | tuple[int, ...] = 0, *, reference: np.ndarray | None = None
) -> np.ndarray:
    """Shift X to mean 0 along an axis: X - mean.

    Parameters
    ----------
    X : array of float
        Data, one example a row.
    axis : int or tuple of int
        The axis (or axes) over which the mean is taken.
    reference : array of float, optional
        The data whose mean is used, ``X`` by default; the training data, for validation and test
        data.

    Returns
    -------
    array of float, the shape and type of X
    """
    reference = X if reference is None else reference
    return X - _in_float64(np.mean, reference, axis)


def normalize(
    X: np.ndarray,
    axis: int | tuple[int, ...] = 0,
    max_val: float | None = None,
    *,
    reference: np.ndarray | None = None,
) -> np.ndarray:
    """Scale X to [0, 1] along an axis: (X - min) / (max - min).

    Parameters
    ----------
    X : array of float
        Data, one example a row.
    axis : int or tuple of int
        The axis (or axes) over which minimum and maximum are taken.
    max_val : float, optional
        The largest possible value (255 for 8-bit images), used in place of the largest in the
        data.
    reference : array of float, optional
        The data whose minimum and maximum are used, ``X`` by default.

    Returns
    -------
    array of float, the shape and type of X
        A feature that does not vary is divided by 1, so it becomes 0.
    """
    reference = X if reference is None else reference
    low = reference.min(axis=axis, keepdims=True)
    high = reference.max(axis=axis, keepdims=True) if max_val is None else float(max_val)
    return (X - low) / _one_for_zero(high - low)


def standardize(
    X: np.ndarray, axis: int | tuple[int, ...] = 0, *, reference: np.ndarray | None = None
) -> np.ndarray:
    """Scale X to mean 0 and standard deviation 1 along an axis: (X - mean) / std.

    Parameters
    ----------
    X : array of float
        Data, one example a row.
    axis : int or tuple of int
        The axis (or axes) over which mean and standard deviation are taken.
    reference : array of float, optional
        The data whose mean and standard deviation are used, ``X`` by default; the training data,
        for validation and test data.

    Returns
    -------
    array of float, the shape and type of X
        A feature that does not vary is divided by 1, so it becomes 0.
    """
    reference = X if reference is None else reference
    std = _in_float64(np.std, reference, axis)
    # Rounding in the mean gives a constant feature a standard deviation of about 1e-16 of its size.
    constant = reference.min(axis=axis, keepdims=True) == reference.max(axis=axis, keepdims=True)
    return center(X, axis, reference=reference) / _one_for_zero(np.where(constant, 0, std))


def _in_float64(
    statistic: Callable[..., np.ndarray], X: np.ndarray, axis: int | tuple[int, ...]
) -> np.ndarray:
    """A statistic in the type of X, computed in float64: sums of float32 lose digits."""
    return statistic(X, axis=axis, dtype=np.float64, keepdims=True).astype(X.dtype, copy=False)


def _one_for_zero(spread: np.ndarray) -> np.ndarray:
    return np.where(spread == 0, np.ones_like(spread), spread)
