"""Sizes and splits shared by the datasets that are read from publishers' files."""

from typing import Any

import numpy as np

from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.utils.validation import positive_integer

Examples = tuple[np.ndarray, np.ndarray]
"""Examples (n, ...) and their labels (n,)."""


def set_size(name: str, asked: int | None, default: int, most: int) -> int:
    """Number of examples in a set: as requested, else the default; an error above ``most``."""
    n = default if asked is None else positive_integer(name, asked)
    if n > most:
        raise ValueError(f"{name} must be at most {most:,}, the number available, got {n:,}")
    return n


def take_rows(examples: Examples, rows: slice) -> Examples:
    """Take rows of the examples, with their labels."""
    X, y = examples
    return X[rows], y[rows]


def dataset_parts(dataset: str, sets: dict[str, Examples]) -> dict[str, Any]:
    """Arguments of ``Dataset`` for these sets, with class names and standardization."""
    parts: dict[str, Any] = {}
    for what, (X, y) in sets.items():
        parts |= {f"{what}_set": X, f"{what}_labels": np.asarray(y)}
    return parts | {
        "class_names": CATALOGUE[dataset].class_names,
        "standardization": Standardization.of(parts["training_set"]),
    }
