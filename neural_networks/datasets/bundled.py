"""Datasets that come with scikit-learn, so that nothing has to be downloaded."""

from typing import Any

import numpy as np

from neural_networks.utils.data_processing import standardize
from neural_networks.utils.data_structures import integers_to_one_hot


def load_iris(images: bool = False) -> dict[str, Any]:
    """150 irises of 3 species, 4 lengths in cm each; split 105/15/30. There are no images of them.

    Source: Fisher, "The use of multiple measurements in taxonomic problems", 1936; the copy
    that comes with scikit-learn.
    """
    from sklearn.datasets import load_iris as load

    if images:
        raise ValueError("the dataset 'iris' has no images: its examples are 4 lengths each")
    return _split(load(), n_validation=15, n_test=30)


def load_digits(images: bool = False) -> dict[str, Any]:
    """1,797 handwritten digits of 8×8 pixels; split 70/10/20 per cent.

    An example is a row of 64 features, or with ``images`` an array (8, 8, 1).

    Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI 1998; the copy
    of its test set that comes with scikit-learn.
    """
    from sklearn.datasets import load_digits as load

    bunch = load()
    sizes = {"n_validation": len(bunch.data) // 10, "n_test": len(bunch.data) // 5}
    return _split(bunch, **sizes, image_shape=(8, 8, 1) if images else None)


def _split(
    bunch: Any, n_validation: int, n_test: int, image_shape: tuple[int, int, int] | None = None
) -> dict[str, Any]:
    """Split a scikit-learn set, the classes in proportion, and standardize it.

    The split is the same for every seed, so that runs can be compared. Features are standardized
    one by one; images one channel at a time, so that they go on looking like what they show.
    """
    from sklearn.model_selection import train_test_split

    rows, y = np.arange(len(bunch.data)), bunch.target
    rows, test = train_test_split(rows, test_size=n_test, stratify=y, random_state=0)
    train, validation = train_test_split(
        rows, test_size=n_validation, stratify=y[rows], random_state=0
    )
    labels = integers_to_one_hot(y)
    X, axes = bunch.data, 0 if image_shape is None else (0, 1, 2)
    if image_shape is not None:
        X = X.reshape(-1, *image_shape)
    X = standardize(X, axes, reference=X[train])
    return {
        "training_set": X[train],
        "training_labels": labels[train],
        "validation_set": X[validation],
        "validation_labels": labels[validation],
        "test_set": X[test],
        "test_labels": labels[test],
        "class_names": [str(name) for name in bunch.target_names],
        "feature_names": [str(name) for name in bunch.feature_names],
    }
