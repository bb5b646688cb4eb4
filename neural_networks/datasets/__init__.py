"""Datasets: from a name to batches of examples and labels."""

from neural_networks.datasets.bundled import load_digits, load_iris
from neural_networks.datasets.data import Data, Dataset
from neural_networks.datasets.registry import DATASETS, initialize_dataset
from neural_networks.datasets.sinewave import load_sinewave

__all__ = [
    "DATASETS",
    "Data",
    "Dataset",
    "initialize_dataset",
    "load_digits",
    "load_iris",
    "load_sinewave",
]
