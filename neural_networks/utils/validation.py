"""Validation of arguments, with helpful error messages."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def positive_integer(name: str, value: object, least: int = 1) -> int:
    """``value`` as an int; ``TypeError`` if it is not one, ``ValueError`` if below ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


@contextmanager
def error_prefix(what: str) -> Iterator[None]:
    """A context that puts ``what`` before the message of a ``TypeError`` or ``ValueError``.

    The error remains the same object, with its traceback, if its message is all that it was made
    of. Another ``ValueError`` is the cause of a plain one; another ``TypeError``, such as NumPy's
    of types that do not fit, gets ``what`` as a note.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        message = f"{what}: {error}"
        if error.args == (str(error),):
            error.args = (message,)
        elif isinstance(error, ValueError):
            raise ValueError(message) from error
        else:
            error.add_note(what)
        raise


def true_or_false(name: str, value: object) -> bool:
    """``value`` itself; ``TypeError`` if it is not a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, got {value!r}")
    return value


def number_in(
    name: str, value: object, low: float, high: float = math.inf, *, open_low: bool = False
) -> float:
    """``value`` as a float in [low, high), or (low, high) with ``open_low``.

    Raises
    ------
    TypeError
        If ``value`` is not a number.
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


def floating_type(dtype: DTypeLike) -> np.dtype[Any]:
    """``dtype`` as a NumPy type; ``ValueError`` unless it is float32 or float64."""
    # NumPy takes None for float64.
    with suppress(TypeError):
        if dtype is not None and np.dtype(dtype) in (np.float32, np.float64):
            return np.dtype(dtype)
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")


def first_index(mask: np.ndarray) -> tuple[int, ...]:
    """The index of the first True of a mask, in row-major order; the mask must have one."""
    return tuple(int(i) for i in np.argwhere(mask)[0])
