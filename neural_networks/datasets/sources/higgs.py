"""Higgs: particle collisions with and without a Higgs boson."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neural_networks.datasets.files.cache import load_prepared
from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.datasets.files.csv_reader import csv_to_npy
from neural_networks.datasets.files.folders import find_original
from neural_networks.datasets.sources.splitting import dataset_parts, set_size, take_rows

HIGGS_SIZES = {"training": 500_000, "validation": 50_000, "test": 50_000}


def load_higgs(
    n_training: int | None = None, n_validation: int | None = None, n_test: int | None = None
) -> dict[str, Any]:
    """Collisions with and without a Higgs boson: 21 measurements and 7 derived numbers.

    The first 500,000 rows are for training; the next 50,000 are for validation, and 50,000 more
    for testing. A smaller file is used whole, in the same proportions.

    Parameters
    ----------
    n_training, n_validation, n_test : int, optional
        Other sizes. Validation rows keep their place unless there are more training rows.

    Source: Baldi, Sadowski and Whiteson, "Searching for exotic particles in high-energy physics
    with deep learning", Nature Communications 2014.
    """
    arrays = load_prepared("higgs", "", find_original("higgs"), _convert)
    examples = arrays["X"], arrays["y"]
    n = len(arrays["X"])
    share = min(1.0, n / sum(HIGGS_SIZES.values()))
    usual, validation, test = (max(1, round(size * share)) for size in HIGGS_SIZES.values())
    n_training = set_size("n_training", n_training, usual, n - 2)
    start = max(n_training, usual)
    most = n - start - 1
    end = start + set_size("n_validation", n_validation, min(validation, most), most)
    n_test = set_size("n_test", n_test, min(test, n - end), n - end)
    sets = {
        "training": take_rows(examples, slice(n_training)),
        "validation": take_rows(examples, slice(start, end)),
        "test": take_rows(examples, slice(end, end + n_test)),
    }
    return dataset_parts("higgs", sets) | {"feature_names": CATALOGUE["higgs"].feature_names}


def _convert(folder: Path, sources: Sequence[Path]) -> None:
    info = CATALOGUE["higgs"]
    csv_to_npy(sources[0], folder, "", ["label", *info.feature_names], len(info.class_names))
