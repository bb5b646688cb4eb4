"""Data and Dataset: examples with their labels, sampled in batches."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from neural_networks.datasets.preprocessing import Preprocessing, row_chunks
from neural_networks.utils.randomness import spawn_generator
from neural_networks.utils.validation import error_prefix, first_index, positive_integer

EVALUATION_BATCH = 256

Rows = slice | np.ndarray
"""Rows of an array: a slice, or their numbers."""


class Data:
    """Examples with their labels, sampled in batches.

    Parameters
    ----------
    data : array of float, (n, ...)
        n examples; with ``preprocessing``, bytes are possible, too.
    labels : array, (n, k) or (n, k, t), optional
        One row for each example.
    batch_size : int
        Examples per batch; if it exceeds n, a single batch holds all.
    rng : numpy.random.Generator or int, optional
        Generator that shuffles the examples, or a seed for one.
    preprocessing : Preprocessing, optional
        Applied once to floats in memory, and batch by batch to bytes and memory maps.
    augmentation_rng : numpy.random.Generator, optional
        Generator of the random augmentation in ``sample``; none by default.

    Attributes
    ----------
    data : array, (n, ...)
        The examples as stored.
    n_samples : int
        n.
    example_shape : tuple of int
        The shape of one example in a batch.
    is_lazy : bool
        If True, examples are preprocessed batch by batch, and ``data`` holds the raw ones.
    samples_per_epoch : int
        Batches per epoch: ⌈n / batch_size⌉.

    Raises
    ------
    TypeError
        If the data is not an array of floats, or of bytes with ``preprocessing``.
    ValueError
        If the data is empty, contains NaN or infinity, or does not have one label per example.
    """

    def __init__(
        self,
        data: np.ndarray,
        labels: np.ndarray | None = None,
        batch_size: int = 50,
        rng: np.random.Generator | int | None = None,
        *,
        preprocessing: Preprocessing | None = None,
        augmentation_rng: np.random.Generator | None = None,
    ) -> None:
        _check_examples(data, bytes_too=preprocessing is not None)
        if labels is not None:
            _check_labels(labels, len(data))
        self._augmentation_rng = augmentation_rng
        self.is_lazy = preprocessing is not None and self._must_be_lazy(data, preprocessing)
        if preprocessing is not None and not self.is_lazy:
            data, preprocessing = preprocessing(data), None
        _check_finite(data, preprocessing)
        self.data = data
        self.labels = labels
        self._preprocessing = preprocessing
        self.example_shape = self._batch(slice(0, 1)).shape[1:]
        self.batch_size = positive_integer("batch_size", batch_size)
        self.n_samples = len(data)
        self.samples_per_epoch = math.ceil(self.n_samples / self.batch_size)
        self._rng = np.random.default_rng(rng)
        self.reset()

    def _must_be_lazy(self, data: np.ndarray, preprocessing: Preprocessing) -> bool:
        """True if examples must be preprocessed batch by batch instead of once."""
        augments = self._augmentation_rng is not None and preprocessing.augmentation is not None
        floating = np.issubdtype(data.dtype, np.floating)
        return augments or not floating or isinstance(data, np.memmap)

    def reset(self) -> None:
        """Start a new epoch: the next ``sample`` returns its first batch."""
        self._position = 0
        self._order: np.ndarray | None = None

    def sample(self, shuffle: bool = True) -> tuple[np.ndarray, Any]:
        """The next batch; ``samples_per_epoch`` calls return each example once.

        Parameters
        ----------
        shuffle : bool
            If True, each epoch has a new random order; if False, the order of the data. The
            first call of an epoch decides for the whole epoch.

        Returns
        -------
        X : array, (batch_size, ...); fewer rows in the last batch of an epoch
        Y : array, (batch_size, k) or (batch_size, k, t), or None without labels
        """
        if self._position == 0:
            self._order = self._rng.permutation(self.n_samples) if shuffle else None
        start = self._position
        stop = min(start + self.batch_size, self.n_samples)
        self._position = stop if stop < self.n_samples else 0
        rows = slice(start, stop) if self._order is None else self._order[start:stop]
        return self._batch(rows, self._augmentation_rng), self._labels(rows)

    def batches(self, batch_size: int = EVALUATION_BATCH) -> Iterator[tuple[np.ndarray, Any]]:
        """All examples once, in the order of the data; ``sample`` is not affected."""
        for start in range(0, self.n_samples, batch_size):
            rows = slice(start, start + batch_size)
            yield self._batch(rows), self._labels(rows)

    def _batch(self, rows: Rows, augmentation_rng: np.random.Generator | None = None) -> np.ndarray:
        X = self.data[rows]
        return X if self._preprocessing is None else self._preprocessing(X, augmentation_rng)

    def _labels(self, rows: Rows) -> np.ndarray | None:
        return None if self.labels is None else self.labels[rows]


class Dataset:
    """A training set with an optional validation and test set.

    Parameters
    ----------
    training_set : array of float, (n, ...)
    training_labels : array, (n, k) or (n, k, t)
    batch_size : int
        Examples per batch.
    validation_set, validation_labels : arrays, optional
    test_set, test_labels : arrays, optional
        An unlabeled test set has no labels, or rows of zeros.
    seed : int, optional
        Seed for shuffling and augmentation.
    name : str
        A label for the dataset.
    class_names, feature_names : sequence of str, optional
        Names for plots and tables.
    first_id : int
        The ``Id`` of the first test example in a Kaggle file.
    kaggle_file : str
        Name of the file of predictions for Kaggle; empty without a competition.
    forecast_sequences : array of float, (k, d, T), optional
        Longer sequences (k, d, T), T > t, for forecasting beyond examples of shape (d, t).
    preprocessing : Preprocessing, optional
        Applied to the examples of all three sets; only training examples are augmented.

    Attributes
    ----------
    raw_shape : tuple of int
        The shape of one example before preprocessing.
    raw_dtype : numpy.dtype
        The type of the examples before preprocessing.
    train, validate, test : Data
        ``validate`` and ``test`` are None if the set is missing.
    out_dim : int
        k, the number of outputs of a network for this dataset.

    Raises
    ------
    TypeError, ValueError
        As in ``Data``; also if the three sets differ in shape, or ``forecast_sequences`` do not
        fit the examples.
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
        kaggle_file: str = "",
        forecast_sequences: np.ndarray | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        self.name = name
        self.class_names = class_names
        self.feature_names = feature_names
        self.first_id = first_id
        self.kaggle_file = kaggle_file
        self.preprocessing = preprocessing
        self.raw_shape: tuple[int, ...] = np.shape(training_set)[1:]
        self.raw_dtype = np.asarray(training_set).dtype

        def make(what: str, data: np.ndarray | None, labels: np.ndarray | None) -> Data | None:
            self._check_shape(what, data)
            return _make_set(what, data, labels, batch_size, seed, preprocessing)

        self.train = _check_training_set(make("training", training_set, training_labels))
        self.validate = make("validation", validation_set, validation_labels)
        self.test = make("test", test_set, test_labels)
        self.out_dim: int = training_labels.shape[1]
        self._check_label_shapes()
        self.forecast_sequences = self._preprocess_sequences(forecast_sequences)

    def to_predict(self, examples: np.ndarray) -> "Dataset":
        """A copy of the dataset, with unlabeled examples as its test set.

        Parameters
        ----------
        examples : array, (n, ...)
            Raw examples, before preprocessing.
        """
        other = copy.copy(self)
        batch_size, preprocessing = self.train.batch_size, self.preprocessing
        self._check_shape("test", examples)
        with error_prefix("test set"):
            other.test = Data(examples, None, batch_size, preprocessing=preprocessing)
        return other

    def _check_shape(self, what: str, examples: object) -> None:
        """Raise ``ValueError`` if examples do not have the shape of the training examples."""
        found = np.shape(examples)[1:] if isinstance(examples, np.ndarray) else self.raw_shape
        if found != self.raw_shape:
            raise ValueError(
                f"{what} examples have shape {found}, training examples {self.raw_shape}"
            )

    def _check_label_shapes(self) -> None:
        """Raise ``ValueError`` if labels or class names do not fit ``out_dim``."""
        for what, data in (("validation", self.validate), ("test", self.test)):
            if data is not None and data.labels is not None:
                k = data.labels.shape[1]
                if k != self.out_dim:
                    raise ValueError(f"{what} labels have {k} columns, training {self.out_dim}")
        n = None if self.class_names is None else len(self.class_names)
        if n not in (None, max(self.out_dim, 2)):
            raise ValueError(f"{n} class names do not fit {self.out_dim} outputs")

    def _preprocess_sequences(self, sequences: np.ndarray | None) -> np.ndarray | None:
        if sequences is None:
            return None
        self._check_forecast_sequences(sequences)
        if self.preprocessing is None:
            return sequences
        sequences = self.preprocessing(sequences)
        with error_prefix("forecast_sequences"):
            _check_finite(sequences)
        return sequences

    def _check_forecast_sequences(self, sequences: np.ndarray) -> None:
        with error_prefix("forecast_sequences"):
            _check_examples(sequences)
            _check_finite(sequences)
        shape = self.train.example_shape
        if len(shape) != 2 or sequences.ndim != 3 or shape[0] != self.out_dim:
            raise ValueError(
                f"forecast_sequences need examples (d, t) and d outputs, got {shape} and "
                f"{self.out_dim}, and sequences of shape {sequences.shape}"
            )
        (d, t), (_, features, length) = shape, sequences.shape
        if features != d or length <= t:
            raise ValueError(
                f"forecast_sequences must be (k, {d}, T) with T > {t}, got shape {sequences.shape}"
            )


SETS = ("training", "validation", "test")


def _make_set(
    what: str,
    data: np.ndarray | None,
    labels: np.ndarray | None,
    batch_size: int,
    seed: int | None,
    preprocessing: Preprocessing | None,
) -> Data | None:
    """Make one of a dataset's sets, shuffled by its own generator; errors name the set."""
    if data is None:
        if labels is not None:
            raise ValueError(f"there are {what} labels, but no {what} set")
        return None
    options: dict[str, Any] = {"preprocessing": preprocessing}
    if what == "training":
        options["augmentation_rng"] = spawn_generator(seed, "augmentation")
    rng = spawn_generator(seed, "shuffling", SETS.index(what))
    with error_prefix(f"{what} set"):
        return Data(data, labels, batch_size, rng, **options)


def _check_training_set(train: Data | None) -> Data:
    if train is None:
        raise ValueError("there is no training set")
    if train.labels is None:
        raise ValueError("there are no training labels")
    return train


def _check_examples(data: object, bytes_too: bool = False) -> None:
    if not isinstance(data, np.ndarray):
        raise TypeError(f"examples must be a NumPy array, got {type(data).__name__}")
    stored_as_bytes = bytes_too and data.dtype == np.uint8
    if not np.issubdtype(data.dtype, np.floating) and not stored_as_bytes:
        raise TypeError(f"examples must be floats, got {data.dtype}; X.astype('float32') converts")
    if data.ndim < 2:
        raise ValueError(f"examples must be (n, d) or have more axes, got shape {data.shape}")
    if data.size == 0:
        raise ValueError(f"there are no examples: shape {data.shape}")


def _check_finite(data: np.ndarray, preprocessing: Preprocessing | None = None) -> None:
    """Raise ``ValueError`` for NaN or infinity; in chunks, as the data may be a memory map."""
    if not np.issubdtype(data.dtype, np.floating):
        return
    # A stored value can be finite and yet overflow in the type of a batch.
    narrowed = preprocessing is not None and preprocessing.dtype.itemsize < data.dtype.itemsize
    count, first = 0, ""
    for rows in row_chunks(data):
        part = data[rows]
        if preprocessing is not None and narrowed:
            part = preprocessing.convert(part)
        bad = ~np.isfinite(part)
        if bad.any():
            row, *others = first_index(bad)
            first = first or str((rows.start + row, *others))
            count += int(bad.sum())
    if count:
        raise ValueError(f"{count} values are NaN or infinite, the first one at {first}")


def _check_labels(labels: object, n: int) -> None:
    if not isinstance(labels, np.ndarray) or labels.ndim < 2:
        shape = f"shape {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise ValueError(f"labels must be an array (n, k), got {shape}")
    if len(labels) != n:
        raise ValueError(f"there are {n} examples, but labels for {len(labels)}")
    if not np.isfinite(labels).all():
        raise ValueError("labels are NaN or infinite")
