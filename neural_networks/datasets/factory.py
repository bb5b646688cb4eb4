"""Datasets by name: the table of loaders, and ``initialize_dataset``."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.datasets.dataset import SETS, Dataset
from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.datasets.labels import LabelEncoder
from neural_networks.datasets.preprocessing import Augmentation, Preprocessing
from neural_networks.datasets.sources.bundled import load_digits, load_iris
from neural_networks.datasets.sources.csv_table import load_csv
from neural_networks.datasets.sources.higgs import load_higgs
from neural_networks.datasets.sources.images import load_cifar10, load_fashion_mnist
from neural_networks.datasets.sources.letters import load_letters
from neural_networks.datasets.sources.sinewave import load_sinewave
from neural_networks.utils.factories import build, check_keys, lookup, option_names
from neural_networks.utils.randomness import draw_seed, spawn_generator
from neural_networks.utils.validation import floating_type, positive_integer, true_or_false

DATASETS: dict[str, Callable[..., dict[str, Any]]] = {
    "iris": load_iris,
    "digits": load_digits,
    "sinewave": load_sinewave,
    "higgs": load_higgs,
    "fashion_mnist": load_fashion_mnist,
    "cifar10": load_cifar10,
    "letters": load_letters,
    "csv": load_csv,
}
"""Functions that load a dataset as arrays; class labels are integers (n,)."""

RENAMED = {"one_output": "binary_labels", "softened": "label_smoothing"}
"""Options of datasets in the config.json of older runs, and their names today."""

SEVERAL = ("drop", "categories")
"""Options that name several columns: flags that repeat them add up."""


def initialize_dataset(
    name: str,
    batch_size: int = 50,
    *,
    seed: int | None = None,
    dtype: DTypeLike = "float64",
    images: bool = False,
    flip: bool = False,
    shift: int = 0,
    binary_labels: bool = False,
    label_smoothing: float = 0.0,
    **options: Any,
) -> Dataset:
    """Load a dataset by its name, one of ``DATASETS``: split, standardized, in batches.

    All three sets are standardized by the mean and the standard deviation of each feature (of
    images, each channel) of the training set, so nothing leaks from the other two into training.
    Sine waves are not standardized.

    Parameters
    ----------
    name : str
        The dataset.
    batch_size : int
        Examples per batch.
    seed : int, optional
        Seed for shuffling, augmentation and generated data; by default NumPy's global state draws
        one.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of examples and labels.
    images : bool
        If True, an example is an image (H, W, C); if False, a row of features.
    flip, shift : bool, int
        Random changes of training images, see ``Augmentation``.
    binary_labels : bool
        If True, two classes are labeled 0 and 1 (one column, for one sigmoid unit); if False,
        labels are one-hot.
    label_smoothing : float
        s < ½. Smoothed training labels: 1 - s for the true class, s shared equally by the
        others. Two classes with s = 0.15 have labels 0.15 and 0.85.
    **options
        Options of the dataset: the arguments of ``load_higgs``, ``load_sinewave`` and so on.

    Raises
    ------
    ValueError
        If the name or an option is unknown, the batch size is not positive, or the dataset does
        not consist of images.
    FileNotFoundError
        If the dataset has to be downloaded first.
    """
    lookup("dataset", name, DATASETS)
    seed = draw_seed(seed)
    positive_integer("batch_size", batch_size)
    dtype = floating_type(dtype)
    augmentation = Augmentation(flip, shift)
    with_images = true_or_false("images", images) or bool(augmentation)
    parts = _load(name, with_images, spawn_generator(seed, "data"), options)
    class_names = parts.pop("class_names", None)
    encode = LabelEncoder(name, class_names, dtype, binary_labels, label_smoothing)
    for what in SETS:
        y = parts.get(f"{what}_labels")
        if y is not None and "target_scale" not in parts:  # which takes every digit
            parts[f"{what}_labels"] = encode(y, training=what == "training")
    as_rows = not images and parts["training_set"].ndim == 4
    standardization, table = parts.pop("standardization", None), parts.pop("table", None)
    return Dataset(
        **parts,
        batch_size=batch_size,
        seed=seed,
        name=name,
        class_names=class_names,
        preprocessing=Preprocessing(dtype, standardization, augmentation, as_rows, table),
        **kaggle_options(name),
    )


def _load(
    name: str, images: bool, rng: np.random.Generator, options: dict[str, Any]
) -> dict[str, Any]:
    """Load the arrays of a dataset, as images if requested; ``rng`` draws generated data."""
    if images and not has_images(name):
        raise ValueError(f"the dataset {name!r} has no images")
    check_keys(f"dataset {name!r}", options, dataset_options(name))
    known = option_names(DATASETS[name])
    given = {key: value for key, value in (("images", images), ("rng", rng)) if key in known}
    return build("dataset", DATASETS, name, options | given)


def has_images(name: str) -> bool:
    """True if the examples of a dataset are images, or can be."""
    return name in CATALOGUE and CATALOGUE[name].images


def holds_numbers(name: str, **options: Any) -> bool:
    """True if the labels of a dataset with these options are numbers, and not classes."""
    return name == "sinewave" or options.get("regression") is True


def dataset_options(name: str) -> list[str]:
    """The options that ``initialize_dataset`` takes for a dataset.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    keys = [*option_names(initialize_dataset), *option_names(lookup("dataset", name, DATASETS))]
    common = ("name", "seed", "dtype", "rng")
    return [key for key in dict.fromkeys(keys) if key not in common]


def kaggle_options(name: str) -> dict[str, Any]:
    """The first ``Id`` and the file name that a dataset's Kaggle competition asks for."""
    if name not in CATALOGUE:  # an entry that a user has added to DATASETS
        return {}
    info = CATALOGUE[name]
    return {"first_id": info.first_id, "kaggle_file": info.kaggle_file}
