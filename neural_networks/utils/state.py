"""States of objects: the class and options that they belong to, and the entries in them."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from neural_networks.utils.randomness import copied

T = TypeVar("T")

PLAIN = bool | int | float | str | None


def kind_of(thing: object, changing: Iterable[str] = ()) -> dict[str, Any]:
    """The class of an object, and its options: what must be equal where its state is loaded.

    Parameters
    ----------
    thing : object
    changing : iterable of str
        Attributes that are not options: they change during training.

    Returns
    -------
    dict
        ``name``, the name of the class, and ``options``, the attributes that hold numbers, text,
        types, or lists of them; those that are None or begin with ``_`` are left out.
    """
    options = {
        name: _plain(value)
        for name, value in vars(thing).items()
        if not name.startswith("_")
        and name not in changing
        and value is not None
        and _is_plain(value)
    }
    return {"name": type(thing).__name__, "options": options}


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(inner) for inner in value)
    return isinstance(value, PLAIN | np.generic | np.dtype)


def _plain(value: Any) -> Any:
    """An option as Python's own number, text or list."""
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.dtype):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def check_kind(kind: Mapping[str, Any], state: object) -> None:
    """Raise ``ValueError`` if a state belongs to another class than ``kind``, or other options."""
    name, found = kind["name"], entry(state, "name", str)
    if found != name:
        raise ValueError(f"the state is of {found}, this is {name}")
    here, there = kind["options"], entry(state, "options", dict)
    for key in here | there:
        if here.get(key) != there.get(key):
            raise ValueError(
                f"the state is of {name} with {key} = {there.get(key)!r}, this one has "
                f"{here.get(key)!r}"
            )


def entry(state: object, key: str, kind: type[T]) -> T:
    """A copy of an entry of a state; ``ValueError`` unless it is there, and of that type."""
    if not isinstance(state, Mapping):
        raise ValueError(f"a state is a dictionary, got {type(state).__name__}")
    if key not in state:
        raise ValueError(f"the state has no {key!r}")
    value = state[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{key!r} of the state must be of type {kind.__name__}, got {value!r}")
    copy: T = copied(value)
    return copy


def entry_arrays(state: object, key: str) -> dict[str, np.ndarray]:
    """An entry that holds arrays by name, as ``entry`` copies and checks it."""
    arrays = entry(state, key, dict)
    return {name: entry(arrays, name, np.ndarray) for name in arrays}


def changing_values(thing: object, changing: Iterable[str]) -> dict[str, Any]:
    """Copies of the attributes that change during training, by name."""
    return {name: copied(getattr(thing, name)) for name in changing}


def saved_values(thing: object, changing: Iterable[str], state: object) -> dict[str, Any]:
    """The values of these attributes in a state; ``ValueError`` if one is not of its type."""
    return {name: entry(state, name, type(getattr(thing, name))) for name in changing}
