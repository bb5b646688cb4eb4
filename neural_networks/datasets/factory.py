"""From a dataset's name and options to the dataset."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neural_networks.datasets.data import SETS, Dataset
from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.datasets.preprocessing import Augmentation, Preprocessing
from neural_networks.datasets.sources.bundled import load_digits, load_iris
from neural_networks.datasets.sources.csv_table import load_csv
from neural_networks.datasets.sources.published import (
    load_cifar10,
    load_fashion_mnist,
    load_higgs,
    load_letters,
)
from neural_networks.datasets.sources.sinewave import load_sinewave
from neural_networks.utils.data_structures import integers_to_one_hot
from neural_networks.utils.factories import build, check_keys, lookup
from neural_networks.utils.randomness import spawn_generator
from neural_networks.utils.validation import (
    floating_type,
    number_in,
    positive_integer,
    true_or_false,
)

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
"""The functions that load a dataset: its sets as arrays, and labels as whole numbers (n,) if they
are classes."""


def initialize_dataset(
    name: str,
    batch_size: int = 50,
    *,
    seed: int | None = None,
    dtype: Any = "float64",
    images: bool = False,
    flip: bool = False,
    shift: int = 0,
    binary_labels: bool = False,
    label_smoothing: float = 0.0,
    **options: Any,
) -> Dataset:
    """The dataset of that name, one of ``DATASETS``: split, and standardized if it is measured.

    The features of all three sets are shifted and scaled by the mean and the standard deviation
    of the training set, so that nothing about the other two enters the training. Of images, it
    is the mean and the standard deviation of each channel. Sine waves are left as they are.

    Parameters
    ----------
    name : str
        The dataset.
    batch_size : int
        Examples in a batch.
    seed : int, optional
        Fixes the order in which examples are shuffled, and all that is drawn at random.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of examples and labels.
    images : bool
        Whether an example of a set of images is an array (H, W, C), rather than a row of features.
    flip, shift : bool, int
        How training images are changed at random, see ``Augmentation``.
    binary_labels : bool
        Whether a label of two classes is 0 or 1, for one sigmoid unit, rather than one-hot.
    label_smoothing : float
        Below ½. What training labels have in place of 0: of two classes, 0.15 makes them 0.15 and
        0.85. Of more, the true one gets 1 - label_smoothing, and the others share the rest.
    **options
        The dataset's own: the further arguments of ``load_higgs``, ``load_sinewave`` and the like.

    Raises
    ------
    ValueError
        If the name is unknown, the batch size is not positive, the dataset has no such option,
        or there are no images.
    FileNotFoundError
        If the dataset has to be downloaded first.
    """
    load = lookup("dataset", name, DATASETS)
    positive_integer("batch_size", batch_size)
    dtype = floating_type(dtype)
    augmentation = Augmentation(flip, shift)
    with_images = true_or_false("images", images) or bool(augmentation)
    if with_images and not has_images(name):
        raise ValueError(f"the dataset {name!r} has no images")
    check_keys(f"dataset {name!r}", options, options_of(name))
    # Digits can be images or rows, and sine waves are drawn.
    given = {"images": with_images, "rng": spawn_generator(seed, "data")}
    options |= {key: given[key] for key in given if key in inspect.signature(load).parameters}
    parts = build(f"dataset {name!r}", load, options)
    labels = Labels(name, parts.pop("class_names", None), dtype, binary_labels, label_smoothing)
    for what in SETS:
        y = parts.get(f"{what}_labels")
        if y is not None:
            parts[f"{what}_labels"] = labels(y, training=what == "training")
    as_rows = not images and parts["training_set"].ndim == 4
    standardization = parts.pop("standardization", None)
    return Dataset(
        **parts,
        batch_size=batch_size,
        seed=seed,
        name=name,
        class_names=labels.class_names,
        preprocessing=Preprocessing(dtype, standardization, augmentation, as_rows),
        **kaggle_options(name),
    )


def has_images(name: str) -> bool:
    """Whether the examples of a dataset are images, or can be."""
    return name in CATALOGUE and CATALOGUE[name].images


def options_of(name: str) -> list[str]:
    """The options that ``initialize_dataset`` takes for a dataset.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    keys = [
        *inspect.signature(initialize_dataset).parameters,
        *inspect.signature(lookup("dataset", name, DATASETS)).parameters,
    ]
    common = ("name", "seed", "dtype", "options", "rng")
    return [key for key in dict.fromkeys(keys) if key not in common]


def kaggle_options(name: str) -> dict[str, Any]:
    """What a dataset's competition says about the file of predictions."""
    if name not in CATALOGUE:  # somebody's own entry of DATASETS
        return {}
    card = CATALOGUE[name]
    return {"first_id": card.first_id, "kaggle_file": card.kaggle_file}


class Labels:
    """From labels as a dataset has them to those of a network.

    Parameters
    ----------
    dataset : str
        The dataset's name, for errors.
    class_names : sequence of str or None
        The names of the classes; None if labels are no classes.
    dtype : type
    binary_labels, label_smoothing
        See ``initialize_dataset``.
    """

    def __init__(
        self,
        dataset: str,
        class_names: Sequence[str] | None,
        dtype: Any,
        binary_labels: bool,
        label_smoothing: float,
    ) -> None:
        true_or_false("binary_labels", binary_labels)
        self.label_smoothing = number_in("label_smoothing", label_smoothing, 0, 0.5)
        if class_names is None and (binary_labels or label_smoothing):
            raise ValueError(f"the dataset {dataset!r} has no classes to encode or smooth")
        if class_names is not None and binary_labels and len(class_names) != 2:
            raise ValueError(
                f"one output, as for binary_cross_entropy, tells two classes apart, and "
                f"{dataset!r} has {len(class_names)}"
            )
        self.class_names = class_names
        self.dtype = dtype
        self.binary_labels = binary_labels

    def __call__(self, y: np.ndarray, training: bool) -> np.ndarray:
        """Labels (n, k): y itself if it is no classes, else the classes (n,) encoded."""
        if self.class_names is None:
            return y.astype(self.dtype)
        Y = integers_to_one_hot(y, len(self.class_names) - 1).astype(self.dtype)
        if training and self.label_smoothing:
            Y = np.where(Y == 1, 1 - self.label_smoothing, self.label_smoothing / (Y.shape[1] - 1))
            Y = Y.astype(self.dtype)
        return Y[:, 1:].copy() if self.binary_labels else Y
