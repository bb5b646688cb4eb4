"""Data and Dataset: examples with their labels, sampled in batches."""

import copy
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from neural_networks.datasets.checks import (
    check_examples,
    check_finite,
    check_forecast_sequences,
    check_labels,
)
from neural_networks.datasets.preprocessing import Preprocessing, row_chunks
from neural_networks.datasets.targets import TargetScale
from neural_networks.utils.randomness import (
    copied,
    draw_seed,
    generator_of,
    generator_state,
    restore_generator,
    spawn_generator,
)
from neural_networks.utils.state import entry
from neural_networks.utils.validation import error_prefix, positive_integer

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
    target_scale : TargetScale, optional
        Applied once to the labels.

    Attributes
    ----------
    data : array, (n, ...)
        The examples as stored.
    labels, labels_in_units : array or None
        The labels of batches, on the scale of the training; and as they were given. Without
        ``target_scale`` they are the same.
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
        target_scale: TargetScale | None = None,
    ) -> None:
        check_examples(data, bytes_too=preprocessing is not None)
        if labels is not None:
            check_labels(labels, len(data))
        self.labels = self.labels_in_units = labels
        if labels is not None and target_scale is not None:
            self.labels = target_scale.to_training(labels, preprocessing and preprocessing.dtype)
        self._augmentation_rng = augmentation_rng
        self.is_lazy = preprocessing is not None and self._must_be_lazy(data, preprocessing)
        if preprocessing is not None and not self.is_lazy:
            data, preprocessing = preprocessing(data), None
        check_finite(data, preprocessing)
        self.data = data
        self._preprocessing = preprocessing
        self.example_shape = self._batch(slice(0, 1)).shape[1:]
        self.batch_size = positive_integer("batch_size", batch_size)
        self.n_samples = len(data)
        self.samples_per_epoch = math.ceil(self.n_samples / self.batch_size)
        self._rng = generator_of(rng)
        self.reset()

    def _must_be_lazy(self, data: np.ndarray, preprocessing: Preprocessing) -> bool:
        """True if examples must be preprocessed batch by batch instead of once."""
        augments = self._augmentation_rng is not None and preprocessing.augmentation is not None
        floating = np.issubdtype(data.dtype, np.floating)
        return augments or not floating or isinstance(data, np.memmap)

    def reset(self) -> None:
        """Start a new epoch: the next ``sample`` returns its first batch."""
        self._position = 0
        self._order: np.ndarray | None = None  # None: that of the data
        self._before: dict[str, Any] | None = None  # the generator's state before it drew the order

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
        if self._position in (0, self.n_samples):
            self.reset()
            if shuffle:
                self._draw_order()
        start = self._position
        self._position = min(start + self.batch_size, self.n_samples)
        rows: Rows = slice(start, self._position)
        if self._order is not None:
            rows = self._order[rows]
        return self._batch(rows, self._augmentation_rng), self._labels(rows)

    def _draw_order(self) -> None:
        """Draw a random order for an epoch, and keep the generator's state from before."""
        self._before = dict(self._rng.bit_generator.state)
        self._order = self._rng.permutation(self.n_samples)

    @property
    def steps(self) -> int:
        """Batches returned in this epoch, from 0 to ``samples_per_epoch``."""
        return -(-self._position // self.batch_size)

    def batches(self, batch_size: int = EVALUATION_BATCH) -> Iterator[tuple[np.ndarray, Any]]:
        """All examples once, in the order of the data; ``sample`` is not affected."""
        for start in range(0, self.n_samples, batch_size):
            rows = slice(start, start + batch_size)
            yield self._batch(rows), self._labels(rows)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of examples, labels and preprocessing: equal sets have equal ones."""
        content = hashlib.blake2b(digest_size=16)
        first = self._batch(slice(0, 16))  # depends on the preprocessing, if it is done by batches
        for X in (self.data, self.labels, first):
            if X is not None:
                content.update(f"{X.shape} {X.dtype}".encode())
                for rows in row_chunks(X):
                    content.update(np.ascontiguousarray(X[rows]).data)
        augmentation = self._preprocessing and self._preprocessing.augmentation
        content.update(f"{augmentation and vars(augmentation)}".encode())
        return content.hexdigest()

    def state(self) -> dict[str, Any]:
        """Place in the epoch, and generators: copies, for ``load_state``."""
        state: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "batch_size": self.batch_size,
            "position": self._position,
            "before_order": copied(self._before or {}),  # small, unlike the order drawn from it
            "generator": generator_state(self._rng),
        }
        if self._augmentation_rng is not None:
            state["augmentation"] = generator_state(self._augmentation_rng)
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is of other data: this one is unchanged."""
        rngs = self.check_state(state)
        position, before = entry(state, "position", int), entry(state, "before_order", dict)
        self.reset()
        if before:
            self._rng.bit_generator.state = before
            self._draw_order()
        self._position = position
        for rng, key in rngs:
            restore_generator(rng, state[key])

    def check_state(self, state: Mapping[str, Any]) -> list[tuple[np.random.Generator, str]]:
        """Check a state as ``load_state`` does; returns each generator and its key there."""
        for key, here in (("fingerprint", self.fingerprint), ("batch_size", self.batch_size)):
            found = entry(state, key, type(here))
            if found != here:
                raise ValueError(f"the state is of other data: {key} {found}, not {here}")
        if not 0 <= entry(state, "position", int) <= self.n_samples:
            raise ValueError(f"the state is at example {state['position']} of {self.n_samples}")
        rngs = [(self._rng, "generator")]
        if self._augmentation_rng is not None:
            rngs.append((self._augmentation_rng, "augmentation"))
        for rng, key in rngs:
            restore_generator(copy.deepcopy(rng), entry(state, key, dict))
        if before := entry(state, "before_order", dict):
            restore_generator(copy.deepcopy(self._rng), {"bit_generator": before})
        return rngs

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
        Seed for shuffling and augmentation; by default NumPy's global state draws one.
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
    target_scale : TargetScale, optional
        Applied to the labels of all three sets, which are the numbers of a regression. Losses are
        those of this scale; predictions in files and the scores of a test are in units.

    Attributes
    ----------
    seed : int
        The seed, also if it was drawn.
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
        target_scale: TargetScale | None = None,
    ) -> None:
        self.name = name
        self.seed = draw_seed(seed)
        self.class_names = class_names
        self.feature_names = feature_names
        self.first_id = first_id
        self.kaggle_file = kaggle_file
        self.preprocessing = preprocessing
        self.target_scale = target_scale
        self.raw_shape: tuple[int, ...] = np.shape(training_set)[1:]
        self.raw_dtype = np.asarray(training_set).dtype

        def make(what: str, data: np.ndarray | None, labels: np.ndarray | None) -> Data | None:
            self._check_shape(what, data)
            scales = {"preprocessing": preprocessing, "target_scale": target_scale}
            return _make_set(what, data, labels, batch_size, self.seed, scales)

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

    def state(self) -> dict[str, Any]:
        """The states of the sets, see ``Data.state``, by ``train``, ``validate``, ``test``."""
        return {key: data.state() for key, data in self._sets().items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is of another dataset: no set has changed."""
        for key, data in self._sets().items():
            with error_prefix(key):
                data.check_state(entry(state, key, dict))
        for key, data in self._sets().items():
            data.load_state(state[key])

    def _sets(self) -> dict[str, Data]:
        sets = {"train": self.train, "validate": self.validate, "test": self.test}
        return {key: data for key, data in sets.items() if data is not None}

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
        check_forecast_sequences(sequences, self.train.example_shape, self.out_dim)
        if self.preprocessing is None:
            return sequences
        sequences = self.preprocessing(sequences)
        with error_prefix("forecast_sequences"):
            check_finite(sequences)
        return sequences


SETS = ("training", "validation", "test")


def _make_set(
    what: str,
    data: np.ndarray | None,
    labels: np.ndarray | None,
    batch_size: int,
    seed: int,
    scales: Mapping[str, Any],
) -> Data | None:
    """Make one of a dataset's sets, shuffled by its own generator; errors name the set."""
    if data is None:
        if labels is not None:
            raise ValueError(f"there are {what} labels, but no {what} set")
        return None
    options = dict(scales)
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
