"""OCR letters: ten handwritten letters of 16×8 pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets.files.cache import load_prepared
from neural_networks.datasets.files.csv_reader import csv_to_npy
from neural_networks.datasets.files.folders import find
from neural_networks.datasets.sources.splitting import dataset_parts
from neural_networks.utils.factories import lookup

LETTERS = {"small": (500, 100), "medium": (5000, 1000), "large": (9000, 1000)}
"""Training and validation examples of each size."""


def load_letters(size: str = "large") -> dict[str, Any]:
    """Handwritten letters, 16×8 pixels between 0 and 1; training and validation set.

    Parameters
    ----------
    size : str
        ``"small"``, ``"medium"`` or ``"large"``: 500, 5,000 or 9,000 training examples, and 100,
        1,000 or 1,000 validation examples.

    Source: R. Kassel's letters, ten of them, as distributed by a course at Carnegie Mellon.
    """
    lookup("size of letters", size, LETTERS)
    sources = find("letters", [f"{size}Train.csv", f"{size}Validation.csv"])
    arrays = load_prepared("letters", size, sources, _convert)
    sets = {
        "training": (_as_images(arrays["train_X"]), arrays["train_y"]),
        "validation": (_as_images(arrays["validation_X"]), arrays["validation_y"]),
    }
    return dataset_parts("letters", sets)


def _as_images(X: np.ndarray) -> np.ndarray:
    return X.reshape(-1, 16, 8, 1)


def _convert(folder: Path, sources: Sequence[Path]) -> None:
    names = ["label", *(f"pixel {i}" for i in range(1, 129))]
    for part, path in zip(("train", "validation"), sources, strict=True):
        csv_to_npy(path, folder, f"{part}_", names, 10)
