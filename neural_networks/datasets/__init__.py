"""Datasets: loading by name, preprocessing, and sampling in batches."""

from neural_networks.datasets.data import Data
from neural_networks.datasets.dataset import Dataset
from neural_networks.datasets.factory import (
    DATASETS,
    RENAMED,
    SEVERAL,
    dataset_options,
    holds_numbers,
    initialize_dataset,
)
from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.datasets.preprocessing import Augmentation, Preprocessing, Standardization
from neural_networks.datasets.sources.bundled import load_digits, load_iris
from neural_networks.datasets.sources.csv_table import load_csv
from neural_networks.datasets.sources.examples import read_examples
from neural_networks.datasets.sources.higgs import load_higgs
from neural_networks.datasets.sources.images import load_cifar10, load_fashion_mnist
from neural_networks.datasets.sources.letters import load_letters
from neural_networks.datasets.sources.sinewave import load_sinewave
from neural_networks.datasets.targets import TargetScale

__all__ = [
    "CATALOGUE",
    "DATASETS",
    "RENAMED",
    "SEVERAL",
    "Augmentation",
    "Data",
    "Dataset",
    "Preprocessing",
    "Standardization",
    "TargetScale",
    "dataset_options",
    "holds_numbers",
    "initialize_dataset",
    "load_cifar10",
    "load_csv",
    "load_digits",
    "load_fashion_mnist",
    "load_higgs",
    "load_iris",
    "load_letters",
    "load_sinewave",
    "read_examples",
]
