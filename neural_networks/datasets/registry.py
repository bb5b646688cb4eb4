"""From a dataset's name and options to the dataset."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from neural_networks.datasets.bundled import load_digits, load_iris
from neural_networks.datasets.data import Dataset
from neural_networks.datasets.sinewave import load_sinewave
from neural_networks.utils.names import (
    check_keys,
    floating_type,
    lookup,
    positive_integer,
    without_none,
)
from neural_networks.utils.randomness import spawn_generator

DATASETS: dict[str, Callable[..., dict[str, Any]]] = {
    "iris": load_iris,
    "digits": load_digits,
    "sinewave": load_sinewave,
}


def initialize_dataset(
    name: str,
    batch_size: int = 50,
    *,
    seed: int | None = None,
    dtype: Any = "float64",
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
        Fixes the order in which examples are shuffled, and those that are drawn at random.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of examples and labels.
    **options
        The dataset's own: ``images`` of ``load_digits``, ``window``, ``step``, ``noise`` and
        ``every_step`` of ``load_sinewave``.

    Raises
    ------
    ValueError
        If the name is unknown, the batch size is not positive, the dataset has no such option,
        or there are no images.
    """
    load = lookup("dataset", name, DATASETS)
    positive_integer("batch_size", batch_size)
    dtype = floating_type(dtype)
    known = set(inspect.signature(load).parameters)
    check_keys(f"dataset {name!r}", options, sorted(known - {"rng"}))
    if "rng" in known:  # examples that are drawn, not read
        options["rng"] = spawn_generator(seed, "data")
    with np.errstate(over="ignore"):  # what is too large for float32, Dataset refuses
        parts: dict[str, Any] = {
            key: value.astype(dtype) if isinstance(value, np.ndarray) else value
            for key, value in load(**without_none(options)).items()
        }
    return Dataset(**parts, batch_size=batch_size, seed=seed, name=name)
