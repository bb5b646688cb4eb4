"""Bundled datasets: Iris and digits, from scikit-learn."""

from typing import Any

import numpy as np

from neural_networks.datasets.preprocessing import Standardization


def load_iris() -> dict[str, Any]:
    """150 irises of 3 species, 4 lengths in cm per flower; split 105/15/30.

    Source: Fisher, "The use of multiple measurements in taxonomic problems", 1936; the copy
    that comes with scikit-learn.
    """
    from sklearn.datasets import load_iris as load

    return _split(load(), n_validation=15, n_test=30)


def load_digits(images: bool = False) -> dict[str, Any]:
    """1,797 handwritten digits of 8×8 pixels; split 70/10/20 percent.

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
    """Split a scikit-learn dataset, stratified by class.

    The split is the same for every seed, so that runs can be compared. Rows are standardized per
    feature; images per channel, which preserves their look.
    """
    from sklearn.model_selection import train_test_split

    rows, y = np.arange(len(bunch.data)), bunch.target
    rows, test = train_test_split(rows, test_size=n_test, stratify=y, random_state=0)
    train, validation = train_test_split(
        rows, test_size=n_validation, stratify=y[rows], random_state=0
    )
    X = bunch.data if image_shape is None else bunch.data.reshape(-1, *image_shape)
    return {
        "training_set": X[train],
        "training_labels": y[train],
        "validation_set": X[validation],
        "validation_labels": y[validation],
        "test_set": X[test],
        "test_labels": y[test],
        "class_names": [str(name) for name in bunch.target_names],
        "feature_names": [str(name) for name in bunch.feature_names],
        "standardization": Standardization.of(X[train]),
    }
