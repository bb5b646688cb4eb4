"""Validation of arguments, with helpful error messages."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np


def positive_integer(name: str, value: object, least: int = 1) -> int:
    """``value`` as an int; ``TypeError`` if not whole, ``ValueError`` if below ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


@contextmanager
def error_prefix(what: str) -> Iterator[None]:
    """A context whose ``TypeError`` or ``ValueError`` begins with ``what`` it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what}: {error}") from None


def true_or_false(name: str, value: object) -> bool:
    """``value`` itself; ``TypeError`` if it is not a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, got {value!r}")
    return value


def number_in(
    name: str, value: Any, low: float, high: float = math.inf, *, open_low: bool = False
) -> float:
    """``value`` as a float in [low, high), or (low, high) with ``open_low``.

    Raises
    ------
    TypeError
        If ``value`` is no number.
    ValueError
        If it is outside the interval, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    number = float(value)
    inside = low < number < high if open_low else low <= number < high
    if not inside:
        rule = f"{'greater than' if open_low else 'at least'} {low:g}"
        rule += " and finite" if high == math.inf else f" and below {high:g}"
        raise ValueError(f"{name} must be {rule}, got {value!r}")
    return number


def floating_type(dtype: Any) -> np.dtype[Any]:
    """``dtype`` as a NumPy type; ``ValueError`` unless it is float32 or float64."""
    # Not by equality with np.dtype(dtype) alone: to NumPy, None is a name of float64.
    with suppress(TypeError):
        if dtype is not None and np.dtype(dtype) in (np.float32, np.float64):
            return np.dtype(dtype)
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
