"""Independent random streams from one seed: a generator for each use, and its state."""

from collections.abc import Mapping
from typing import Any

import numpy as np

STREAMS = ("initialization", "shuffling", "dropout", "augmentation", "data")


def spawn_generator(seed: int | None, stream: str, index: int = 0) -> np.random.Generator:
    """Create the generator of a stream of a seed.

    Streams are independent, so drawing one more number for, say, dropout does not change the
    order in which the data is shuffled.

    Parameters
    ----------
    seed : int or None
        A whole number, 0 or greater; None for one from ``draw_seed``.
    stream : str
        One of ``STREAMS``.
    index : int
        Number of the generator within the stream; a layer's number, for instance.

    Returns
    -------
    numpy.random.Generator
        In its initial state; the same for the same three arguments.

    Raises
    ------
    TypeError
        If the seed is not a whole number.
    ValueError
        If the seed is negative.
    """
    spawn_key = (STREAMS.index(stream), index)
    return np.random.default_rng(np.random.SeedSequence(draw_seed(seed), spawn_key=spawn_key))


def draw_seed(seed: int | None = None) -> int:
    """``seed`` itself if it is one; for None, a seed drawn from NumPy's global state.

    So ``np.random.seed`` repeats a program that gives no seeds, as it does in scikit-learn. Errors
    are those of ``check_seed``.
    """
    checked = check_seed(seed)
    if checked is None:
        return int(np.random.randint(2**32, dtype=np.uint64))  # noqa: NPY002 - see above
    return int(checked)


def generator_of(rng: np.random.Generator | int | None) -> np.random.Generator:
    """A generator: ``rng`` itself, or a new one from a seed; None draws the seed."""
    return np.random.default_rng(draw_seed() if rng is None else rng)


def check_seed(seed: int | None) -> int | None:
    """Check a seed and return it; an error if it is not a whole number, 0 or greater, or None."""
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise TypeError(f"seed must be a whole number or None, got {seed!r}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or greater, got {seed}")
    return seed


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """The state of a generator, for ``restore_generator``: numbers, text, arrays.

    It includes the number of generators spawned so far, which ``bit_generator.state`` lacks: with
    it, the next one to be spawned is the same, too.
    """
    state: dict[str, Any] = {"bit_generator": copied(rng.bit_generator.state)}
    seeds = rng.bit_generator.seed_seq
    if isinstance(seeds, np.random.SeedSequence):
        state["seeds"] = {
            "entropy": copied(seeds.entropy),
            "spawn_key": list(seeds.spawn_key),
            "pool_size": seeds.pool_size,
            "n_children_spawned": seeds.n_children_spawned,
        }
    return state


def restore_generator(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Restore a state in a generator itself, so that all who share it continue from there.

    Raises
    ------
    ValueError
        If it is not the state of such a generator, which is then unchanged.
    """
    name, here = _kind(state), type(rng.bit_generator).__name__
    if name != here:
        raise ValueError(f"this is the state of a {name} generator, not of a {here}")
    try:
        seeds = np.random.SeedSequence(**state["seeds"]) if "seeds" in state else None
        restored = type(rng.bit_generator)(seeds)
        restored.state = copied(state["bit_generator"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"this is not the state of a generator: {error!r}") from None
    # Assigning ``state`` would not reach the seeds of further generators; what pickle uses does.
    target: Any = rng.bit_generator
    target.__setstate__(restored.__getstate__())


def _kind(state: object) -> str:
    """The name of the bit generator that a state belongs to."""
    try:
        return str(state["bit_generator"]["bit_generator"])  # type: ignore[index]
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"this is not the state of a generator: {str(state)[:60]}") from None


def copied(value: Any) -> Any:
    """A deep copy of a nested state: mappings, lists and arrays are copied."""
    if isinstance(value, Mapping):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in value]
    return value.copy() if isinstance(value, np.ndarray) else value
