"""Images: Fashion-MNIST and CIFAR-10."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets.files import formats
from neural_networks.datasets.files.cache import Arrays, load_prepared
from neural_networks.datasets.files.folders import find_original
from neural_networks.datasets.files.formats import NpyWriter
from neural_networks.datasets.sources.splitting import dataset_parts, set_size, take_rows
from neural_networks.utils.validation import true_or_false

# --------------------------------------------------------------------------------- Fashion-MNIST


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
        If True, train on all 60,000, and use the test set for validation, too.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms", 2017.
    """
    sources = find_original("fashion_mnist")
    arrays = load_prepared("fashion_mnist", "", sources, _convert_fashion_mnist)
    sizes = (n_training, n_validation, n_test)
    return _split("fashion_mnist", arrays, 10_000 / 60_000, *sizes, validate_on_test)


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


# -------------------------------------------------------------------------------------- CIFAR-10


def load_cifar10(
    n_training: int | None = None,
    n_validation: int | None = None,
    n_test: int | None = None,
    validate_on_test: bool = False,
) -> dict[str, Any]:
    """60,000 photographs of ten classes, 32×32 pixels in color; split 49,000/1,000/10,000.

    Parameters
    ----------
    n_training, n_validation, n_test : int, optional
        Other sizes. Validation examples are the last of the publisher's training set.
    validate_on_test : bool
        If True, train on all 50,000, and use the test set for validation, too.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    arrays = load_prepared("cifar10", "", find_original("cifar10"), _convert_cifar10)
    sizes = (n_training, n_validation, n_test)
    return _split("cifar10", arrays, 1_000 / 50_000, *sizes, validate_on_test)


def _convert_cifar10(folder: Path, sources: Sequence[Path]) -> None:
    """Convert the archive, or the six files of batches."""
    names = [*formats.CIFAR_TRAINING, *formats.CIFAR_TEST]
    batches = [(file.parent, file.name) for file in sources]
    if len(sources) == 1:
        batches = [(sources[0], name) for name in names]
    n = len(formats.CIFAR_TRAINING)
    for part, places in (("train", batches[:n]), ("test", batches[n:])):
        with ExitStack() as stack:
            X = stack.enter_context(NpyWriter(folder / f"{part}_X.npy", (32, 32, 3), np.uint8))
            y = stack.enter_context(NpyWriter(folder / f"{part}_y.npy", (), np.uint8))
            for source, name in places:
                images, labels = formats.cifar_batch(source, name)
                formats.check_labels(labels, 10, source / name)
                X.append(images)
                y.append(labels)


# -----------------------------------------------------------------------------------------------


def _split(
    dataset: str,
    arrays: Arrays,
    validation_share: float,
    n_training: int | None,
    n_validation: int | None,
    n_test: int | None,
    validate_on_test: bool,
) -> dict[str, Any]:
    """Three sets from a publisher's two: the end of its training set is for validation."""
    if true_or_false("validate_on_test", validate_on_test) and n_validation is not None:
        raise ValueError("with validate_on_test, n_test also sets the size of the validation set")
    train, test = ((arrays[f"{part}_X"], arrays[f"{part}_y"]) for part in ("train", "test"))
    n, n_held_out = len(train[0]), 0
    if not validate_on_test:
        default = max(1, round(n * validation_share))
        n_held_out = set_size("n_validation", n_validation, default, n - 1)
    n_training = set_size("n_training", n_training, n - n_held_out, n - n_held_out)
    n_test = set_size("n_test", n_test, len(test[0]), len(test[0]))
    sets = {
        "training": take_rows(train, slice(n_training)),
        "validation": take_rows(train, slice(n - n_held_out, n)),
        "test": take_rows(test, slice(n_test)),
    }
    if validate_on_test:
        sets["validation"] = sets["test"]
    return dataset_parts(dataset, sets)
