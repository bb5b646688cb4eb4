"""Record of a run: all that its pictures show, kept in memory or read from the run's folder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neural_networks.datasets import Data, Dataset
from neural_networks.datasets.files.catalogue import image_shape
from neural_networks.logs.data_description import DataDescription, read_data_description
from neural_networks.logs.run_folder import read_config
from neural_networks.losses import LOSSES
from neural_networks.plots import surest_mistakes
from neural_networks.training.history import StepBin
from neural_networks.utils.files import read_arrays
from neural_networks.utils.validation import error_prefix

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = "numbers"

EXAMPLES = {"test": "examples.npz", "validation": "validation_examples.npz"}
"""The file of the images of ``mistakes.png``, by their set."""


class Predictions(NamedTuple):
    """Classes of the test set, a row for each example, or for each step of each sequence.

    Attributes
    ----------
    true, predicted : arrays of int, (n,)
        Classes.
    outputs : array, (n, k)
        The network's outputs; of many classes, those of the first three may be all.
    by_step : bool
        True if they are of the steps of sequences.
    """

    true: np.ndarray
    predicted: np.ndarray
    outputs: np.ndarray
    by_step: bool

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> Predictions | None:
        """Read ``test_predictions.csv``; None if it is the table of a regression."""
        if "label" not in table:
            return None
        for name in ("prediction", "output_0"):
            if name not in table:
                raise ValueError(f"there is no column {name}")
        true, predicted = (table[name].to_numpy() for name in ("label", "prediction"))
        outputs = table[[name for name in table if name.startswith("output_")]].to_numpy()
        if any(values.dtype.kind not in "iu" or len(values) == 0 for values in (true, predicted)):
            raise ValueError("label and prediction must be numbers of classes")
        if outputs.dtype.kind not in "fiu":
            raise ValueError("output_0 ... must be numbers")
        return cls(true, predicted, outputs, "step" in table)


class PredictedNumbers(NamedTuple):
    """Numbers of the test set, a row for each example, or for each step of each sequence.

    Attributes
    ----------
    true, predicted : arrays, (n, k)
        In the units of the targets.
    """

    true: np.ndarray
    predicted: np.ndarray

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> PredictedNumbers | None:
        """Read ``test_predictions.csv``; None if it is the table of a classifier."""
        names = {
            what: [name for name in table if name.startswith(f"{what}_")]
            for what in ("label", "prediction")
        }
        if not names["label"] or len(table) == 0:
            return None
        if len(names["label"]) != len(names["prediction"]):
            raise ValueError("there must be a column prediction_0 ... for each label_0 ...")
        numbers = cls(*(table[columns].to_numpy() for columns in names.values()))
        if any(values.dtype.kind not in "fiu" for values in numbers):
            raise ValueError("label_0 ... and prediction_0 ... must be numbers")
        return numbers


class Mistakes(NamedTuple):
    """Misclassified test images, in the order in which ``mistakes.png`` shows them.

    Attributes
    ----------
    images : array, (n, H, W, C)
    true, predicted : arrays of int, (n,)
    scores : array, (n,)
        The score or probability of each predicted class.
    """

    images: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, predictions: Predictions, images: Callable[[np.ndarray], np.ndarray]) -> Mistakes:
        """Those among predictions; ``images`` gives the images with these numbers."""
        true, predicted, outputs, _ = predictions
        # A single output is the probability of class 1.
        scores = outputs if outputs.shape[1] > 1 else np.hstack([1 - outputs, outputs])
        score = scores[np.arange(len(scores)), predicted]
        shown = surest_mistakes(true, predicted, score)
        return cls(images(shown), true[shown], predicted[shown], score[shown])

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Mistakes:
        """Read ``examples.npz``."""
        missing = [name for name in cls._fields if name not in arrays]
        if missing:
            raise ValueError(f"there are no {missing[0]}")
        mistakes = cls(**{name: arrays[name] for name in cls._fields})
        n = len(mistakes.images)
        if mistakes.images.ndim != 4 or any(values.shape != (n,) for values in mistakes[1:]):
            raise ValueError("images must be (n, H, W, C), with a class and a score for each")
        return mistakes


def shows_images(dataset: Dataset) -> bool:
    """True if the examples of a dataset are images, or rows of the pixels of known images."""
    return image_shape(dataset.name, dataset.raw_shape) != ()


def images_of(dataset: Dataset, data: Data, rows: np.ndarray) -> np.ndarray:
    """The images (n, H, W, C) in these rows of one of a dataset's sets.

    Rows of pixels that were standardized one by one are shown as they were before.
    """
    X = data.data[rows].reshape(-1, *dataset.raw_shape)
    done = None if data.is_lazy else dataset.preprocessing
    if X.ndim == 2 and done is not None and done.standardization is not None:
        X = done.standardization.undo(X)
    return X.reshape(-1, *image_shape(dataset.name, dataset.raw_shape))


class FirstFeature(NamedTuple):
    """The first feature of forecasts.

    Attributes
    ----------
    true : array, (k, T)
    one_step, free : arrays, (k, T - window)
        Predicted one step ahead, and free-running.
    """

    true: np.ndarray
    one_step: np.ndarray
    free: np.ndarray

    @classmethod
    def from_table(cls, table: pd.DataFrame) -> FirstFeature:
        """Read ``forecast.csv``; ``ValueError`` if it lacks the first steps, as in older runs."""
        if table["step"].iloc[0] != 0:
            raise ValueError("an older version has left out the values of the first window")
        k = table["Id"].nunique()
        columns = (table[f"{name}_0"].to_numpy(float).reshape(k, -1) for name in cls._fields)
        true, one_step, free = columns
        predicted = np.isfinite(one_step).any(axis=0) | np.isfinite(free).any(axis=0)
        window = int(predicted.argmax()) if predicted.any() else true.shape[1]
        return cls(true, one_step[:, window:], free[:, window:])


@dataclass
class RunRecord:
    """All that the pictures of a run show; whatever it lacks is empty or None.

    Attributes
    ----------
    title : str
        The name of the run's folder.
    dataset : str
        The name of the dataset.
    model : mapping
        As in ``config.json``.
    loss : str
        The name of the loss.
    standardized : bool
        If True, losses and errors are those of standardized targets.
    outputs : str
        As in ``DataDescription``: ``"probabilities"`` or ``"scores"`` of classes, or ``"numbers"``.
    classes : list of str or None
        Their names.
    example_shape : tuple of int
        The shape of a raw example, (H, W, C) for images.
    rows : list of dict
        The results of each epoch, as in ``log.csv``.
    steps : list of StepBin, or array (n, 6)
        The rows of ``steps.csv``.
    parameters : mapping
        Names such as ``layer1.W`` to arrays, in the order of the layers.
    best_epoch : int or None
        The best of the epochs, if there is one.
    split : str
        The set of the predictions: ``"test"`` or ``"validation"``.
    predictions : Predictions or None
    numbers : PredictedNumbers or None
    mistakes : Mistakes or None
    forecast : DataFrame or None
        As in ``forecast.csv``.
    """

    title: str
    dataset: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)
    loss: str = ""
    standardized: bool = False
    outputs: str = NUMBERS
    classes: list[str] | None = None
    example_shape: tuple[int, ...] = ()
    rows: list[dict[str, float]] = field(default_factory=list)
    steps: list[StepBin] | np.ndarray = field(default_factory=list)
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    best_epoch: int | None = None
    split: str = "test"
    predictions: Predictions | None = None
    numbers: PredictedNumbers | None = None
    mistakes: Mistakes | None = None
    forecast: pd.DataFrame | None = None

    @property
    def classifies(self) -> bool:
        """True if the outputs are those of classes."""
        return self.outputs != NUMBERS

    def describe(self, data: DataDescription) -> None:
        """Take over what a description of the data says."""
        self.loss, self.outputs, self.classes = data.loss, data.outputs, data.classes
        self.example_shape, self.dataset = data.example_shape, data.dataset
        self.standardized = data.target_scale is not None


def read_record(folder: Path) -> RunRecord:
    """Read the record of a run from its folder; what an older version has not saved is empty.

    Raises
    ------
    FileNotFoundError
        If the folder is not a run.
    ValueError
        If a file is damaged.
    """
    config = read_config(folder)
    model = config.get("model")
    record = RunRecord(folder.resolve().name, model=model if isinstance(model, dict) else {})
    record.rows = read_rows(folder / "log.csv")
    record.steps = read_step_array(folder / "steps.csv")
    if (path := folder / "parameters.npz").exists():
        record.parameters = read_arrays(path)
    if (path := folder / "best_parameters.npz").exists():
        record.best_epoch = best_epoch(read_arrays(path, ["epoch"]))
    _read_predictions(record, folder)
    if (path := folder / "forecast.csv").exists():
        with error_prefix(str(path)):
            record.forecast = read_table(path)
    data = read_data_description(folder)
    if data is None:
        _describe_older(record, config)
    else:
        record.describe(data)
    return record


def best_epoch(best_parameters: Mapping[str, np.ndarray]) -> int | None:
    """The epoch whose parameters these are; None if they do not say it."""
    epoch = best_parameters.get("epoch")
    return None if epoch is None or epoch.shape != () else int(epoch)


def _read_predictions(record: RunRecord, folder: Path) -> None:
    """Read the predictions of the test set, or else those of the validation set."""
    files = {split: folder / f"{split}_predictions.csv" for split in EXAMPLES}
    record.split = next((split for split in files if files[split].exists()), "test")
    if (path := files[record.split]).exists():
        with error_prefix(str(path)):
            table = read_predictions(path)
            record.predictions = Predictions.from_table(table)
            record.numbers = PredictedNumbers.from_table(table)
    if (path := folder / EXAMPLES[record.split]).exists():
        arrays = read_arrays(path)
        with error_prefix(str(path)):
            record.mistakes = Mistakes.from_arrays(arrays)


def _describe_older(record: RunRecord, config: Mapping[str, Any]) -> None:
    """Describe the record of a run without ``data.json``, as far as its other files tell."""
    record.loss = str(record.model.get("loss", ""))
    data = config.get("data")
    record.dataset = str(data.get("name", "")) if isinstance(data, Mapping) else ""
    loss = LOSSES.get(record.loss)
    if loss is not None and loss.classifies:
        record.outputs = "probabilities" if loss.outputs_probabilities else "scores"
    elif record.predictions is not None:  # a loss that is not registered here
        record.outputs = "scores"


def read_steps(path: Path) -> list[StepBin]:
    """Read ``steps.csv``."""
    return [StepBin(int(step), *others) for step, *others in read_step_array(path).tolist()]


def read_step_array(path: Path) -> np.ndarray:
    """Read ``steps.csv``, which may have a million rows, as an array (n, 6)."""
    header, *lines = read_lines(path) or [""]
    if not lines:
        return np.empty((0, len(StepBin._fields)))
    if tuple(next(csv.reader([header]))) != StepBin._fields:
        raise ValueError(f"{path}: the columns must be {','.join(StepBin._fields)}")
    with suppress(ValueError):
        steps = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
        if steps.shape[1] == len(StepBin._fields):
            return steps
    # Its error names the line.
    return np.array([list(row.values()) for row in read_rows(path)])


def read_lines(path: Path) -> list[str]:
    """The whole lines of a text file that grows by them; none if there is no file."""
    if not path.exists():
        return []
    with error_prefix(str(path)):
        text = path.read_text(encoding="utf-8", errors="replace")
    return text[: text.rfind("\n") + 1].splitlines()


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read the rows of a CSV file of numbers that grows by lines; none if there is no file.

    A last line that has not been written to its end is left out.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    lines = read_lines(path)
    with error_prefix(str(path)):
        header = next(csv.reader(lines), [])
        rows = []
        for number, line in enumerate(lines[1:], start=2):
            values = line.split(",")
            try:
                rows.append(dict(zip(header, map(float, values), strict=True)))
            except ValueError:
                raise ValueError(
                    f"line {number} must hold {len(header)} numbers, got {line[:60]!r}"
                ) from None
    return rows


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a CSV file as a table, or some columns of it."""
    import pandas as pd

    options: Any = {"low_memory": False, "encoding_errors": "replace", "usecols": columns}
    return pd.read_csv(path, **options)


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a table of predictions, without the outputs of many classes: no picture shows them."""
    with path.open(encoding="utf-8", errors="replace") as file:
        columns = next(csv.reader(file), [])
    unused = [name for name in columns if name.startswith("output_")][3:]
    return read_table(path, [name for name in columns if name not in unused] if unused else None)
