"""Values packed for a file of JSON, and the numbers in them for a file of arrays.

Equal arrays are kept once. Nothing is pickled: an object that is neither an array nor a number is
kept as the name of its type.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

KINDS = "fiub"
"""The kinds of numbers that are kept: floating-point, whole, unsigned, true and false."""


class Packer:
    """Values as JSON, and their numbers in one long array for each type of number."""

    def __init__(self) -> None:
        self._parts: dict[str, list[np.ndarray]] = {}
        self._ends: dict[str, int] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], list[Any]] = {}

    def value(self, value: Any) -> Any:
        """A value as JSON: an array or number, None, or the name of another type."""
        if value is None:
            return None
        if isinstance(value, np.ndarray | np.generic | int | float):
            array = np.asarray(value)
            if array.dtype.kind in KINDS:
                return self._array(array)
            if array.dtype.kind == "U" and array.ndim == 0:
                return {"text": str(array)}
        return {"type": type(value).__name__}

    def values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by name, as JSON."""
        return {name: self.value(value) for name, value in values.items()}

    def _array(self, array: np.ndarray) -> list[Any]:
        """The type, shape and place of an array."""
        array = array.astype(array.dtype.newbyteorder("<"))
        kind = array.dtype.str
        key = kind, array.shape, array.tobytes()
        if key not in self._known:
            start = self._ends.get(kind, 0)
            self._parts.setdefault(kind, []).append(array.ravel())
            self._ends[kind] = start + array.size
            self._known[key] = [kind, list(array.shape), start]
        return self._known[key]

    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers of all values, by type."""
        return {kind: np.concatenate(parts) for kind, parts in sorted(self._parts.items())}


class Unpacker:
    """Values from JSON and the arrays of a ``Packer``.

    Parameters
    ----------
    arrays : mapping of np.ndarray
        The numbers, by type.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays
        for kind, array in arrays.items():
            if array.ndim != 1 or array.dtype.str != kind or array.dtype.kind not in KINDS:
                raise ValueError(f"{kind!r} is not an array of that type")
            array.flags.writeable = False

    def value(self, packed: Any) -> Any:
        """A value; ``ValueError`` if it is none that a ``Packer`` makes."""
        if packed is None:
            return None
        if isinstance(packed, dict) and len(packed) == 1:
            [(what, text)] = packed.items()
            if what == "text" and isinstance(text, str):
                return np.array(text)
            if what == "type" and isinstance(text, str):
                return stand_in(text)
        if isinstance(packed, list) and len(packed) == 3:
            return self._array(*packed)
        raise ValueError(f"not a packed value: {str(packed)[:60]}")

    def values(self, packed: Any) -> dict[str, Any]:
        """Values by name."""
        if not isinstance(packed, dict):
            raise ValueError(f"not packed values: {str(packed)[:60]}")
        return {name: self.value(value) for name, value in packed.items()}

    def inputs(self, packed: Any) -> dict[str, np.ndarray]:
        """Arrays by name."""
        found = self.values(packed)
        if not all(isinstance(value, np.ndarray) for value in found.values()):
            raise ValueError(f"not arrays: {', '.join(found)}")
        return found

    def _array(self, kind: Any, shape: Any, start: Any) -> np.ndarray:
        sizes = [*shape, start] if isinstance(shape, list) else [None]
        if any(type(n) is not int or n < 0 for n in sizes) or kind not in self._arrays:
            raise ValueError(f"not the place of an array: {kind}, {shape}, {start}"[:90])
        end = start + math.prod(shape)
        if end > len(self._arrays[kind]):
            raise ValueError(f"there is no array at {kind}, {shape}, {start}"[:90])
        return self._arrays[kind][start:end].reshape(shape)


def stand_in(name: str) -> object:
    """An object whose type has a name, in place of one that is not kept."""
    return type(name, (), {})()
