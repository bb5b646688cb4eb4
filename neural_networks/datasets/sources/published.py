"""Datasets that are downloaded, or put into the data folder by hand."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets.files import formats
from neural_networks.datasets.files.cache import Arrays, prepared
from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.datasets.files.csv_reader import csv_chunks
from neural_networks.datasets.files.folders import find, find_original
from neural_networks.datasets.files.formats import NpyWriter
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.utils.factories import lookup
from neural_networks.utils.validation import positive_integer, true_or_false

# ----------------------------------------------------------------------------------------- Higgs

HIGGS_SIZES = {"training": 500_000, "validation": 50_000, "test": 50_000}


def load_higgs(
    n_training: int | None = None, n_validation: int | None = None, n_test: int | None = None
) -> dict[str, Any]:
    """Collisions in which a Higgs boson was made, or none: 21 measurements and 7 derived numbers.

    The first 500,000 rows are for training, 50,000 each follow for validation and test. Of a file
    with fewer rows than that, all are used, in the same proportion.

    Parameters
    ----------
    n_training, n_validation, n_test : int, optional
        Other sizes. Validation rows stay where they are unless there are more training rows.

    Source: Baldi, Sadowski and Whiteson, "Searching for exotic particles in high-energy physics
    with deep learning", Nature Communications 2014.
    """
    arrays = prepared("higgs", "", find_original("higgs"), _convert_higgs)
    pair = arrays["X"], arrays["y"]
    n = len(arrays["X"])
    share = min(1.0, n / sum(HIGGS_SIZES.values()))
    usual, validation, test = (max(1, round(size * share)) for size in HIGGS_SIZES.values())
    n_training = _size("n_training", n_training, usual, n - 2)
    start = max(n_training, usual)
    n_validation = _size(
        "n_validation", n_validation, min(validation, n - start - 1), n - start - 1
    )
    end = start + n_validation
    n_test = _size("n_test", n_test, min(test, n - end), n - end)
    sets = {
        "training": _rows(pair, slice(n_training)),
        "validation": _rows(pair, slice(start, end)),
        "test": _rows(pair, slice(end, end + n_test)),
    }
    return _parts("higgs", sets) | {"feature_names": CATALOGUE["higgs"].feature_names}


def _convert_higgs(folder: Path, sources: Sequence[Path]) -> None:
    card = CATALOGUE["higgs"]
    names = ["label", *card.feature_names]
    _convert_csv(folder, "", sources[0], names, len(card.class_names))


def _convert_csv(
    folder: Path, prefix: str, path: Path, names: Sequence[str], n_classes: int
) -> None:
    """Write the rows of a CSV file, label first, as float32 features and one byte of label."""
    with (
        NpyWriter(folder / f"{prefix}X.npy", (len(names) - 1,), np.float32) as X,
        NpyWriter(folder / f"{prefix}y.npy", (), np.uint8) as y,
    ):
        for rows, _ in csv_chunks(path, names):
            formats.check_labels(rows[:, 0], n_classes, path, before=y.n)
            X.append(rows[:, 1:])
            y.append(rows[:, 0])


def _size(name: str, asked: int | None, usual: int, most: int) -> int:
    """How many examples a set has: as many as are asked for, or the usual number."""
    n = usual if asked is None else positive_integer(name, asked)
    if n > most:
        raise ValueError(f"{name} must be at most {most:,}, as there are no more, got {n:,}")
    return n


def _parts(dataset: str, sets: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Examples and labels as the arguments of ``Dataset``, with what else goes with them."""
    parts: dict[str, Any] = {}
    for what, (X, y) in sets.items():
        parts |= {f"{what}_set": X, f"{what}_labels": np.asarray(y)}
    return parts | {
        "class_names": CATALOGUE[dataset].class_names,
        "standardization": Standardization.of(parts["training_set"]),
    }


# ---------------------------------------------------------------------------------------- images


def load_fashion_mnist(
    n_training: int | None = None,
    n_validation: int | None = None,
    n_test: int | None = None,
    validate_on_test: bool = False,
) -> dict[str, Any]:
    """70,000 photographs of clothing, 28×28 pixels in gray; split 50,000/10,000/10,000.

    Parameters
    ----------
    n_training, n_validation, n_test : int, optional
        Other sizes. Validation examples are the last of the publisher's training set.
    validate_on_test : bool
        Whether to train on all 60,000, and validate on the test set.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms", 2017.
    """
    arrays = prepared("fashion_mnist", "", find_original("fashion_mnist"), _convert_fashion_mnist)
    sizes = (n_training, n_validation, n_test)
    return _split_images("fashion_mnist", arrays, 10_000 / 60_000, *sizes, validate_on_test)


def _convert_fashion_mnist(folder: Path, sources: Sequence[Path]) -> None:
    for part, (images, labels) in (("train", sources[:2]), ("test", sources[2:])):
        with NpyWriter(folder / f"{part}_X.npy", (28, 28, 1), np.uint8) as X:
            for chunk in formats.idx_chunks(images, 3):
                if chunk.shape[1:] != (28, 28):
                    raise ValueError(f"{images} has images of {chunk.shape[1:]}, not (28, 28)")
                X.append(chunk[..., np.newaxis])
        with NpyWriter(folder / f"{part}_y.npy", (), np.uint8) as y:
            for chunk in formats.idx_chunks(labels, 1):
                formats.check_labels(chunk, 10, labels, before=y.n)
                y.append(chunk)
        if X.n != y.n:
            raise ValueError(f"{images} has {X.n} images, but {labels} has {y.n} labels")


def load_cifar10(
    n_training: int | None = None,
    n_validation: int | None = None,
    n_test: int | None = None,
    validate_on_test: bool = False,
) -> dict[str, Any]:
    """60,000 photographs of ten kinds, 32×32 pixels in colour; split 49,000/1,000/10,000.

    Parameters
    ----------
    n_training, n_validation, n_test : int, optional
        Other sizes. Validation examples are the last of the publisher's training set.
    validate_on_test : bool
        Whether to train on all 50,000, and validate on the test set.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    arrays = prepared("cifar10", "", find_original("cifar10"), _convert_cifar10)
    sizes = (n_training, n_validation, n_test)
    return _split_images("cifar10", arrays, 1_000 / 50_000, *sizes, validate_on_test)


def _convert_cifar10(folder: Path, sources: Sequence[Path]) -> None:
    source = sources[0] if len(sources) == 1 else sources[0].parent
    for part, names in (("train", formats.CIFAR_TRAINING), ("test", formats.CIFAR_TEST)):
        with ExitStack() as stack:
            X = stack.enter_context(NpyWriter(folder / f"{part}_X.npy", (32, 32, 3), np.uint8))
            y = stack.enter_context(NpyWriter(folder / f"{part}_y.npy", (), np.uint8))
            for name in names:
                images, labels = formats.cifar_batch(source, name)
                formats.check_labels(labels, 10, source / name)
                X.append(images)
                y.append(labels)


def _split_images(
    dataset: str,
    arrays: Arrays,
    validation_share: float,
    n_training: int | None,
    n_validation: int | None,
    n_test: int | None,
    validate_on_test: bool,
) -> dict[str, Any]:
    """A publisher's training and test set as three: validation is the end of the former."""
    if true_or_false("validate_on_test", validate_on_test) and n_validation is not None:
        raise ValueError("with validate_on_test, n_test says how many are for validation")
    train, test = ((arrays[f"{part}_X"], arrays[f"{part}_y"]) for part in ("train", "test"))
    n, n_held_out = len(train[0]), 0
    if not validate_on_test:
        usual = max(1, round(n * validation_share))
        n_held_out = _size("n_validation", n_validation, usual, n - 1)
    n_training = _size("n_training", n_training, n - n_held_out, n - n_held_out)
    n_test = _size("n_test", n_test, len(test[0]), len(test[0]))
    sets = {
        "training": _rows(train, slice(n_training)),
        "validation": _rows(train, slice(n - n_held_out, n)),
        "test": _rows(test, slice(n_test)),
    }
    if validate_on_test:
        sets["validation"] = sets["test"]
    return _parts(dataset, sets)


def _rows(pair: tuple[np.ndarray, np.ndarray], rows: slice) -> tuple[np.ndarray, np.ndarray]:
    X, y = pair
    return X[rows], y[rows]


# --------------------------------------------------------------------------------------- letters

LETTERS = {"small": (500, 100), "medium": (5000, 1000), "large": (9000, 1000)}


def load_letters(size: str = "large") -> dict[str, Any]:
    """Handwritten letters, 16×8 pixels between 0 and 1, for training and validation.

    Parameters
    ----------
    size : str
        ``"small"``, ``"medium"`` or ``"large"``: 500, 5,000 or 9,000 for training, 100 or 1,000
        for validation.

    Source: R. Kassel's letters, as a course at Carnegie Mellon hands out ten of them.
    """
    lookup("size of letters", size, LETTERS)
    sources = find("letters", [f"{size}Train.csv", f"{size}Validation.csv"])
    arrays = prepared("letters", size, sources, _convert_letters)
    return _parts(
        "letters",
        {
            "training": (_as_letters(arrays["train_X"]), arrays["train_y"]),
            "validation": (_as_letters(arrays["validation_X"]), arrays["validation_y"]),
        },
    )


def _as_letters(X: np.ndarray) -> np.ndarray:
    return X.reshape(-1, 16, 8, 1)


def _convert_letters(folder: Path, sources: Sequence[Path]) -> None:
    names = ["label", *(f"pixel {i}" for i in range(1, 129))]
    for part, path in zip(("train", "validation"), sources, strict=True):
        _convert_csv(folder, f"{part}_", path, names, 10)
