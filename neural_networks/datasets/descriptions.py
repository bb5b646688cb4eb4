"""Descriptions of data as JSON, checked when they are read back."""

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def entries(
    what: str, content: object, names: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """A mapping read from JSON; an error unless it has exactly these entries.

    Entries that are ``optional`` may also be missing.

    Raises
    ------
    TypeError
        If it is not a mapping.
    ValueError
        If an entry is missing, or unknown.
    """
    if not isinstance(content, dict):
        raise TypeError(f"{what} must be a mapping, got {reprlib.repr(content)}")
    for name in names:
        if name not in content:
            raise ValueError(f"{what} has no {name!r}")
    for name in content:
        if name not in (*names, *optional):
            raise ValueError(f"{what} has an unknown entry {name!r} (known: {', '.join(names)})")
    return content


def finite_numbers(name: str, value: object) -> np.ndarray:
    """A list of numbers as an array; ``ValueError`` if it is not one."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a list of numbers, got {reprlib.repr(value)}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {reprlib.repr(value)}")
    return array
