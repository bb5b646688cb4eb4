"""Objects that remember the arguments of their constructor, so that a file can describe them."""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from neural_networks.utils.factories import find_name


class Recorded:
    """Base class of layers, losses and optimizers: remembers how an object was made."""

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Create the object, and keep copies of the constructor's arguments."""
        thing = super().__new__(cls)
        thing._arguments = tuple(map(_kept, args)), {k: _kept(v) for k, v in options.items()}
        return thing


def _kept(value: Any) -> Any:
    """A copy of an argument, which may change later; of an array the shape alone."""
    if isinstance(value, Mapping):
        return {key: _kept(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_kept(inner) for inner in value]
    return f"array of shape {value.shape}" if isinstance(value, np.ndarray) else value


def description(thing: Recorded, table: Mapping[str, object]) -> dict[str, Any]:
    """The arguments that make such an object again, as in a run's ``config.json``.

    Parameters
    ----------
    thing : Recorded
    table : mapping
        Classes by name, such as ``LAYERS``.

    Returns
    -------
    dict
        ``name``, in the table, or else module and name of the class; then the arguments of its
        constructor that were given, but for a random generator.
    """
    kind = type(thing)
    args, options = thing._arguments
    signature = inspect.signature(kind)
    given: dict[str, Any] = {}
    for key, value in signature.bind(*args, **options).arguments.items():
        collects = signature.parameters[key].kind == inspect.Parameter.VAR_KEYWORD
        given |= value if collects else {key: value}
    if not isinstance(given.get("rng"), int):
        given.pop("rng", None)
    name = find_name(kind, table) or f"{kind.__module__}.{kind.__qualname__}"
    return {"name": name} | {key: value for key, value in given.items() if key != "name"}


def check_free(what: str, thing: Recorded) -> None:
    """Raise ``ValueError`` if an object has a place in a network."""
    if vars(thing).get("_taken") == id(thing):  # a copy has the number of the original
        raise ValueError(
            f"{what} has a place in a network or a block already: make another one, or a copy of "
            "it by copy.deepcopy"
        )


def take(thing: Recorded) -> None:
    """Note that an object has a place in a network."""
    vars(thing)["_taken"] = id(thing)
