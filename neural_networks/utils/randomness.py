"""Independent random streams from one seed: a generator for each use."""

import numpy as np

STREAMS = ("initialization", "shuffling", "dropout", "augmentation", "data")


def spawn_generator(seed: int | None, stream: str, index: int = 0) -> np.random.Generator:
    """Create the generator of a stream of a seed.

    Streams are independent, so drawing one more number for, say, dropout does not change the
    order in which the data is shuffled.

    Parameters
    ----------
    seed : int or None
        A whole number, 0 or greater; None for a fresh one from the operating system.
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
    return np.random.default_rng(np.random.SeedSequence(check_seed(seed), spawn_key=spawn_key))


def check_seed(seed: int | None) -> int | None:
    """Check a seed and return it; an error if it is not a whole number, 0 or greater, or None."""
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise TypeError(f"seed must be a whole number or None, got {seed!r}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or greater, got {seed}")
    return seed
