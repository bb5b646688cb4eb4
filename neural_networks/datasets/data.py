"""Examples with their labels: split, and handed out in batches."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from neural_networks.utils.data_structures import first_index
from neural_networks.utils.names import errors_of, positive_integer
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
        Y : array, (batch_size, k) or (batch_size, k, t), or None without labels
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
    long_sequences : array of float, (k, d, T), optional
        A few sequences that are longer than the examples (d, t) and begin like them: what a
        network that predicts the next d values can try to go on with.

    Attributes
    ----------
    train, validate, test : Data
        ``validate`` and ``test`` are None if there is no such set.
    out_dim : int
        k, the number of outputs that a network for this dataset has.

    Raises
    ------
    TypeError, ValueError
        As ``Data`` does, or if the three sets differ in shape, or the long sequences do not fit.
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
        long_sequences: np.ndarray | None = None,
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
        if long_sequences is not None:
            self._check_long_sequences(long_sequences)
        self.long_sequences = long_sequences

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

    def _check_long_sequences(self, sequences: np.ndarray) -> None:
        with errors_of("long_sequences"):
            _check_examples(sequences)
        shape = self.train.data.shape[1:]
        if len(shape) != 2 or sequences.ndim != 3 or shape[0] != self.out_dim:
            raise ValueError(
                f"long_sequences go with examples (d, t) and d outputs, got {shape} and "
                f"{self.out_dim}, and sequences of shape {sequences.shape}"
            )
        (d, t), (_, features, length) = shape, sequences.shape
        if features != d or length <= t:
            raise ValueError(
                f"long_sequences must be (k, {d}, T) with T > {t}, got shape {sequences.shape}"
            )


SETS = ("training", "validation", "test")


def _make_set(what: str, data: Any, labels: Any, batch_size: int, seed: int | None) -> Data | None:
    """One of a dataset's sets, shuffled by a generator of its own; errors say which set it is."""
    if data is None:
        if labels is not None:
            raise ValueError(f"there are {what} labels, but no {what} set")
        return None
    rng = spawn_generator(seed, "shuffling", SETS.index(what))
    with errors_of(f"{what} set"):
        return Data(data, labels, batch_size, rng)


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
