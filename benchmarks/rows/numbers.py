"""Random inputs of the rows, and fingerprints of their results."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def draw(seed: int, *stream: int, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    """Normal numbers in float32, drawn from one random stream of a seed."""
    rng = np.random.default_rng([seed, *stream])
    return (scale * rng.standard_normal(shape)).astype("float32")


def fingerprints(arrays: Iterable[Any]) -> list[float]:
    """One number for each array: different arrays have different numbers.

    The projection on a random direction changes with every entry. Three times the norm keeps the
    sum away from 0, where rounding would be large in relation to it.
    """
    rng = np.random.default_rng(0)
    result = []
    for array in arrays:
        A = np.asarray(array).astype("float64")
        result.append(3 * np.linalg.norm(A) + np.vdot(rng.standard_normal(A.shape), A))
    return result
