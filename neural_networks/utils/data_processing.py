"""Preprocessing of features; each function returns a new array of floats."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, DTypeLike


def center(
    X: ArrayLike, axis: int | tuple[int, ...] = 0, *, reference: ArrayLike | None = None
) -> np.ndarray:
    """Shift X to mean 0 along an axis: X - mean.

    Parameters
    ----------
    X : array of numbers
        Data, one example a row.
    axis : int or tuple of int
        The axis (or axes) over which the mean is taken.
    reference : array of numbers, optional
        The data whose mean is used, ``X`` by default; the training data, for validation and test
        data.

    Returns
    -------
    array of float, the shape of X
        In the type of X if it holds floats; integers and bytes give float64.

    Raises
    ------
    TypeError
        If ``X`` or ``reference`` is a masked array, or does not hold numbers.
    """
    X, reference = _floats(X, reference)
    return X - _in_float64(np.mean, reference, axis).astype(X.dtype)


def normalize(
    X: ArrayLike,
    axis: int | tuple[int, ...] = 0,
    max_val: float | None = None,
    *,
    reference: ArrayLike | None = None,
) -> np.ndarray:
    """Scale X to [0, 1] along an axis: (X - min) / (max - min).

    Parameters
    ----------
    X : array of numbers
        Data, one example a row.
    axis : int or tuple of int
        The axis (or axes) over which minimum and maximum are taken.
    max_val : float, optional
        The largest possible value (255 for 8-bit images), used in place of the largest in the
        data.
    reference : array of numbers, optional
        The data whose minimum and maximum are used, ``X`` by default.

    Returns
    -------
    array of float, the shape of X
        In the type of X if it holds floats; integers and bytes give float64. A feature that does
        not vary, except for rounding, is divided by 1, so it becomes 0.

    Raises
    ------
    TypeError
        As in ``center``.
    """
    X, reference = _floats(X, reference)
    low = reference.min(axis=axis, keepdims=True)
    high = reference.max(axis=axis, keepdims=True) if max_val is None else float(max_val)
    spread = divisors(high - low, np.maximum(np.abs(low), np.abs(high)), reference.dtype)
    return (X - low.astype(X.dtype)) / spread.astype(X.dtype)


def standardize(
    X: ArrayLike, axis: int | tuple[int, ...] = 0, *, reference: ArrayLike | None = None
) -> np.ndarray:
    """Scale X to mean 0 and standard deviation 1 along an axis: (X - mean) / std.

    Parameters
    ----------
    X : array of numbers
        Data, one example a row.
    axis : int or tuple of int
        The axis (or axes) over which mean and standard deviation are taken.
    reference : array of numbers, optional
        The data whose mean and standard deviation are used, ``X`` by default; the training data,
        for validation and test data.

    Returns
    -------
    array of float, the shape of X
        In the type of X if it holds floats; integers and bytes give float64. A feature that does
        not vary, except for rounding, is divided by 1, so it becomes 0.

    Raises
    ------
    TypeError
        As in ``center``.
    """
    X, reference = _floats(X, reference)
    mean, std = (_in_float64(statistic, reference, axis) for statistic in (np.mean, np.std))
    std = divisors(std, mean, reference.dtype).astype(X.dtype)
    return (X - mean.astype(X.dtype)) / std


def divisors(spread: ArrayLike, size: ArrayLike, dtype: DTypeLike = np.float64) -> np.ndarray:
    """The spread of features, to divide by; 1 where a feature does not vary except for rounding.

    A spread is no more than rounding if the values agree in five sixths of their type's digits, 13
    of 16 for float64. Divided by it, rounding would become a feature, and a new value a huge one.

    Parameters
    ----------
    spread : array of float
        Standard deviation, or maximum - minimum, of each feature.
    size : array of float, the shape of ``spread``
        The mean of each feature, or its largest absolute value.
    dtype : type
        The type of the values; other types than floats hold exact numbers, as float64 does.
    """
    spread = np.asarray(spread)
    return np.where(varies(spread, size, dtype), spread, np.ones_like(spread))


def varies(spread: ArrayLike, size: ArrayLike, dtype: DTypeLike = np.float64) -> np.ndarray:
    """True for each feature whose spread is more than rounding, or NaN; see ``divisors``."""
    kind = np.dtype(dtype) if np.issubdtype(dtype, np.floating) else np.dtype(np.float64)
    return ~(np.asarray(spread) <= np.finfo(kind).eps ** (5 / 6) * np.abs(size))


def _floats(X: ArrayLike, reference: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """``X`` and ``reference``, which is ``X`` by default, as arrays of floats."""
    found = _as_floats("X", X)
    return found, found if reference is None else _as_floats("reference", reference)


def _as_floats(name: str, X: ArrayLike) -> np.ndarray:
    """An array of floats: itself, or numbers as float64. Bytes would overflow in a difference."""
    if isinstance(X, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: fill in the missing values first")
    array = np.asarray(X)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of numbers, got {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _in_float64(
    statistic: Callable[..., np.ndarray], X: np.ndarray, axis: int | tuple[int, ...]
) -> np.ndarray:
    """A statistic of X, computed in float64: sums of float32 lose digits."""
    return statistic(X, axis=axis, dtype=np.float64, keepdims=True)
