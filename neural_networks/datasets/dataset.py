"""Dataset: a training set with an optional validation and test set."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neural_networks.datasets.checks import check_finite, check_forecast_sequences
from neural_networks.datasets.data import Data
from neural_networks.datasets.preprocessing import Preprocessing
from neural_networks.datasets.targets import TargetScale
from neural_networks.utils.randomness import draw_seed, spawn_generator
from neural_networks.utils.state import entry
from neural_networks.utils.validation import error_prefix, positive_integer


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
        The ``Id`` of the first test example in a Kaggle file, 0 or greater.
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
    ids : sequence or None
        The Ids of the test examples, if they have some of their own.
    id_column : str
        The name of their column in a Kaggle file.
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
        self.class_names = _names("class_names", class_names)
        self.feature_names = _names("feature_names", feature_names)
        self.first_id = positive_integer("first_id", first_id, least=0)
        self.ids: Sequence[int | str] | None = None
        self.id_column = "Id"
        self.kaggle_file = kaggle_file
        self.preprocessing = preprocessing
        self.target_scale = target_scale

        def make(what: str, data: np.ndarray | None, labels: np.ndarray | None) -> Data | None:
            scales = {"preprocessing": preprocessing, "target_scale": target_scale}
            return _make_set(what, data, labels, batch_size, self.seed, scales)

        self.train = _check_training_set(make("training", training_set, training_labels))
        self.raw_shape: tuple[int, ...] = training_set.shape[1:]
        self.raw_dtype = training_set.dtype
        self.out_dim: int = training_labels.shape[1]
        for what, data in (("validation", validation_set), ("test", test_set)):
            self._check_shape(what, data)
        self.validate = make("validation", validation_set, validation_labels)
        self.test = make("test", test_set, test_labels)
        self._check_label_shapes()
        self.forecast_sequences = self._preprocess_sequences(forecast_sequences)

    @property
    def test_ids(self) -> Sequence[int | str] | np.ndarray:
        """The ``Id`` of each test example in a Kaggle file."""
        n = 0 if self.test is None else self.test.n_samples
        return np.arange(self.first_id, self.first_id + n) if self.ids is None else self.ids

    def to_predict(
        self,
        examples: np.ndarray,
        ids: Sequence[int | str] | None = None,
        id_column: str = "Id",
    ) -> "Dataset":
        """A copy of the dataset, with unlabeled examples as its test set.

        Parameters
        ----------
        examples : array, (n, ...)
            Raw examples, before preprocessing.
        ids : sequence, (n,), optional
            Their Ids in a Kaggle file; by default numbers from ``first_id`` on.
        id_column : str
            The name of the column of the Ids.

        Raises
        ------
        TypeError, ValueError
            As in ``Data``; also if the number of Ids is another, or one of them occurs twice.
        """
        other = copy.copy(self)
        batch_size, preprocessing = self.train.batch_size, self.preprocessing
        self._check_shape("test", examples)
        names = ("test set", "labels")
        other.test = Data(examples, None, batch_size, preprocessing=preprocessing, names=names)
        other.ids = None if ids is None else _check_ids(ids, len(examples))
        other.id_column = id_column
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
    """Make one of a dataset's sets, shuffled by its own generator; errors name the argument."""
    if data is None:
        if labels is not None:
            raise ValueError(f"there are {what} labels, but no {what} set")
        return None
    options = {**scales, "names": (f"{what}_set", f"{what}_labels")}
    if what == "training":
        options["augmentation_rng"] = spawn_generator(seed, "augmentation")
    rng = spawn_generator(seed, "shuffling", SETS.index(what))
    return Data(data, labels, batch_size, rng, **options)


def _check_ids(ids: Sequence[int | str], n: int) -> list[int | str]:
    """The Ids as a list; ``ValueError`` unless there are n that are all different."""
    if len(ids) != n:
        raise ValueError(f"there are {n} examples, but {len(ids)} ids")
    rows: dict[int | str, int] = {}
    for row, key in enumerate(ids, start=1):
        if rows.setdefault(key, row) != row:
            raise ValueError(f"ids must differ, but those of rows {rows[key]} and {row} are {key}")
    return list(ids)


def _names(argument: str, names: Sequence[str] | None) -> Sequence[str] | None:
    """A list or tuple of names; ``TypeError`` for a text, each letter of which would be a name."""
    if isinstance(names, str):
        raise TypeError(f"{argument} must be a list of names, got {names!r}")
    return names if names is None or isinstance(names, list | tuple) else list(names)


def _check_training_set(train: Data | None) -> Data:
    if train is None:
        raise ValueError("there is no training set")
    if train.labels is None:
        raise ValueError("there are no training labels")
    return train
