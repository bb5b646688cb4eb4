"""Memory of a network in training: bytes of parameters, gradients, caches, optimizer's slots."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from neural_networks.layers import Layer

Interval = tuple[int, int]


class Memory(NamedTuple):
    """Bytes of a layer, those of the layers inside it included.

    Attributes
    ----------
    parameters, gradients : int
    cache : int
        What it keeps of a batch for ``backward``.
    slots : int
        What the optimizer keeps for its parameters.
    """

    parameters: int
    gradients: int
    cache: int
    slots: int


def numbered(layers: Sequence[Layer], before: str = "") -> Iterator[tuple[str, Layer]]:
    """Each layer with its number, those inside it after it: 1, 2, 2.1, 2.2, 3."""
    for i, layer in enumerate(layers, start=1):
        number = f"{before}{i}"
        yield number, layer
        yield from numbered(layer.children, f"{number}.")


def is_inside(number: str, outer: str) -> bool:
    """True if a layer is another one or lies in it, by their numbers: 2, 2.1 and 2.1.3 in 2."""
    return f"{number}.".startswith(f"{outer}.")


def measure_memory(layers: Sequence[Layer], slots: Mapping[str, object]) -> dict[str, Memory]:
    """Memory of each layer after a step, by its number, see ``numbered``.

    An array in two caches, such as the output of one layer, which is the input of the next one,
    is counted once, in the first of them.

    Parameters
    ----------
    layers : sequence of Layer
    slots : mapping
        The optimizer's, by the names of the parameters: ``layer1.W``.
    """
    all_layers = list(numbered(layers))
    own: dict[str, int] = {}
    found: list[Interval] = []
    for number, layer in all_layers:
        before = bytes_in(found)
        found += [byte_bounds(array) for array in arrays_in(layer.cache) if array.nbytes]
        own[number] = bytes_in(found) - before
    return {
        number: Memory(
            sum(array.nbytes for array in arrays_in(layer.parameters)),
            sum(array.nbytes for array in arrays_in(layer.gradients)),
            sum(size for inner, size in own.items() if is_inside(inner, number)),
            sum(
                array.nbytes
                for key, held in slots.items()
                if is_inside(key, f"layer{number}")
                for array in arrays_in(held)
            ),
        )
        for number, layer in all_layers
    }


def arrays_in(value: object) -> Iterator[np.ndarray]:
    """The arrays in a mapping or a list, at any depth."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        inner: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
        for part in inner:
            yield from arrays_in(part)


def bytes_in(intervals: Iterable[Interval]) -> int:
    """Number of bytes in intervals of addresses; one that lies in several is counted once."""
    total = end = 0
    for low, high in sorted(intervals):
        total += max(high, end) - max(low, end)
        end = max(high, end)
    return total
