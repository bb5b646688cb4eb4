"""What rows work on, and what their results are checked by."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def draw(seed: int, *purpose: int, shape: tuple[int, ...], scale: float = 1.0) -> np.ndarray:
    """Normal numbers in float32; other numbers for another purpose."""
    rng = np.random.default_rng([seed, *purpose])
    return (scale * rng.standard_normal(shape)).astype("float32")


def fingerprints(arrays: Iterable[Any]) -> list[float]:
    """A number for each array, such that other numbers mean other arrays.

    The projection on a random direction changes with every entry. It may be close to 0, and
    rounding then looks large beside it; three times the norm moves it away from there.
    """
    rng = np.random.default_rng(0)
    result = []
    for array in arrays:
        A = np.asarray(array).astype("float64")
        result.append(3 * np.linalg.norm(A) + np.vdot(rng.standard_normal(A.shape), A))
    return result
