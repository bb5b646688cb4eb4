"""Datasets: from a name to batches of examples and labels."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from neural_networks.utils.data_processing import standardize
from neural_networks.utils.data_structures import first_index, integers_to_one_hot
from neural_networks.utils.names import floating_type, lookup, positive_integer
from neural_networks.utils.randomness import spawn_generator

EVALUATION_BATCH = 256


class Data:
    """Examples with their labels, handed out in batches.

    Parameters
    ----------
    data : array of float, (n, ...)
        n examples.
    labels : array, (n, k) or (n, k, t), optional
        A row for each example.
    batch_size : int
        Examples in a batch; more than there are makes one batch of all.
    rng : numpy.random.Generator or int, optional
        Where the order of shuffled examples comes from, or a seed for it.

    Attributes
    ----------
    n_samples : int
        n.
    samples_per_epoch : int
        Number of batches in which ``sample`` goes through all examples once: ⌈n / batch_size⌉.

    Raises
    ------
    TypeError
        If the data does not hold floats.
    ValueError
        If there is none, it has NaN or infinity in it, or labels and examples differ in number.
    """

    def __init__(
        self,
        data: np.ndarray,
        labels: np.ndarray | None = None,
        batch_size: int = 50,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        _check_examples(data)
        if labels is not None:
            _check_labels(labels, len(data))
        self.data = data
        self.labels = labels
        self.batch_size = positive_integer("batch_size", batch_size)
        self.n_samples = len(data)
        self.samples_per_epoch = math.ceil(self.n_samples / self.batch_size)
        self._rng = np.random.default_rng(rng)
        self.reset()

    def reset(self) -> None:
        """Begin again: the next ``sample`` is the first batch of a new epoch."""
        self._position = 0
        self._order: np.ndarray | None = None

    def sample(self, shuffle: bool = True) -> tuple[np.ndarray, Any]:
        """The next batch. Each example comes once in ``samples_per_epoch`` calls.

        Parameters
        ----------
        shuffle : bool
            Whether the order is a new random one in every epoch, or that of the data. What the
            first call of an epoch says holds for the epoch.

        Returns
        -------
        X : array, (batch_size, ...); fewer rows in the last batch of an epoch
        Y : array, (batch_size, k), or None without labels
        """
        if self._position == 0:
            self._order = self._rng.permutation(self.n_samples) if shuffle else None
        start = self._position
        stop = min(start + self.batch_size, self.n_samples)
        self._position = stop if stop < self.n_samples else 0
        rows = slice(start, stop) if self._order is None else self._order[start:stop]
        return self.data[rows], None if self.labels is None else self.labels[rows]

    def batches(self, batch_size: int = EVALUATION_BATCH) -> Iterator[tuple[np.ndarray, Any]]:
        """All examples once, in the order of the data, without a trace in ``sample``."""
        for start in range(0, self.n_samples, batch_size):
            rows = slice(start, start + batch_size)
            yield self.data[rows], None if self.labels is None else self.labels[rows]


class Dataset:
    """A training set, and perhaps a validation and a test set.

    Parameters
    ----------
    training_set : array of float, (n, ...)
    training_labels : array, (n, k) or (n, k, t)
    batch_size : int
        Examples in a batch.
    validation_set, validation_labels : arrays, optional
    test_set, test_labels : arrays, optional
        A test set to be predicted has no labels: None, or rows of zeros.
    seed : int, optional
        Fixes the order in which examples are shuffled.
    name : str
        A label.
    class_names, feature_names : sequence of str, optional
        Names for pictures and tables.
    first_id : int
        The ``Id`` of the first test example in a Kaggle file.

    Attributes
    ----------
    train, validate, test : Data
        ``validate`` and ``test`` are None if there is no such set.
    out_dim : int
        k, the number of outputs that a network for this dataset has.

    Raises
    ------
    TypeError, ValueError
        As ``Data`` does, or if the three sets differ in shape.
    """

    def __init__(
        self,
        training_set: np.ndarray,
        training_labels: np.ndarray,
        batch_size: int,
        validation_set: np.ndarray | None = None,
        validation_labels: np.ndarray | None = None,
        test_set: np.ndarray | None = None,
        test_labels: np.ndarray | None = None,
        *,
        seed: int | None = None,
        name: str = "dataset",
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        first_id: int = 0,
    ) -> None:
        def make(what: str, data: Any, labels: Any) -> Data | None:
            return _make_set(what, data, labels, batch_size, seed)

        self.name = name
        train = make("training", training_set, training_labels)
        if train is None:
            raise ValueError("there is no training set")
        if train.labels is None:
            raise ValueError("there are no training labels")
        self.train = train
        self.validate = make("validation", validation_set, validation_labels)
        self.test = make("test", test_set, test_labels)
        self.out_dim: int = train.labels.shape[1]
        self._check_shapes()
        if class_names is not None and len(class_names) != max(self.out_dim, 2):
            raise ValueError(f"{len(class_names)} class names do not fit {self.out_dim} outputs")
        self.class_names = class_names
        self.feature_names = feature_names
        self.first_id = first_id

    def _check_shapes(self) -> None:
        shape = self.train.data.shape[1:]
        for what, data in (("validation", self.validate), ("test", self.test)):
            found = shape if data is None else data.data.shape[1:]
            if found != shape:
                raise ValueError(f"{what} examples have shape {found}, training examples {shape}")
            if data is not None and data.labels is not None:
                k = data.labels.shape[1]
                if k != self.out_dim:
                    raise ValueError(f"{what} labels have {k} columns, training {self.out_dim}")


SETS = ("training", "validation", "test")


def _make_set(what: str, data: Any, labels: Any, batch_size: int, seed: int | None) -> Data | None:
    """One of a dataset's sets, shuffled by a generator of its own; errors say which set it is."""
    if data is None:
        if labels is not None:
            raise ValueError(f"there are {what} labels, but no {what} set")
        return None
    rng = spawn_generator(seed, "shuffling", SETS.index(what))
    try:
        return Data(data, labels, batch_size, rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{what} set: {error}") from None


def _check_examples(data: Any) -> None:
    if not isinstance(data, np.ndarray):
        raise TypeError(f"examples must be a NumPy array, got {type(data).__name__}")
    if not np.issubdtype(data.dtype, np.floating):
        raise TypeError(f"examples must be floats, got {data.dtype}; X.astype('float32') converts")
    if data.ndim < 2:
        raise ValueError(f"examples must be (n, d) or have more axes, got shape {data.shape}")
    if data.size == 0:
        raise ValueError(f"there are no examples: shape {data.shape}")
    finite = np.isfinite(data)
    if not finite.all():
        count = finite.size - finite.sum()
        raise ValueError(
            f"{count} values are NaN or infinite, the first one at {first_index(~finite)}"
        )


def _check_labels(labels: Any, n: int) -> None:
    if not isinstance(labels, np.ndarray) or labels.ndim < 2:
        shape = f"shape {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise ValueError(f"labels must be an array (n, k), got {shape}")
    if len(labels) != n:
        raise ValueError(f"there are {n} examples, but labels for {len(labels)}")
    if not np.isfinite(labels).all():
        raise ValueError("labels are NaN or infinite")


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


DATASETS: dict[str, Callable[[bool], dict[str, Any]]] = {"iris": load_iris, "digits": load_digits}


def initialize_dataset(
    name: str,
    batch_size: int = 50,
    *,
    images: bool = False,
    seed: int | None = None,
    dtype: Any = "float64",
) -> Dataset:
    """The dataset of that name, one of ``DATASETS``: split, and standardized.

    The features of all three sets are shifted and scaled by the mean and the standard deviation
    of the training set, so that nothing about the other two enters the training. Of images, it
    is the mean and the standard deviation of each channel.

    Parameters
    ----------
    name : str
        The dataset.
    batch_size : int
        Examples in a batch.
    images : bool
        Whether examples are images (H, W, C), as convolutions take them, rather than rows.
    seed : int, optional
        Fixes the order in which examples are shuffled.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of examples and labels.

    Raises
    ------
    ValueError
        If the name is unknown, the batch size is not positive, or there are no images.
    """
    load = lookup("dataset", name, DATASETS)
    positive_integer("batch_size", batch_size)
    dtype = floating_type(dtype)
    parts: dict[str, Any] = {
        key: value.astype(dtype) if isinstance(value, np.ndarray) else value
        for key, value in load(images).items()
    }
    return Dataset(**parts, batch_size=batch_size, seed=seed, name=name)
