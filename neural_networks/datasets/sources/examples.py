"""Unlabeled examples to be predicted: arrays, data frames and files."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from neural_networks.datasets.files.csv_reader import csv_chunks, first_line, is_number
from neural_networks.datasets.files.formats import check_regular_file
from neural_networks.datasets.sources.csv_table import header, read_columns
from neural_networks.utils.factories import suggestion

if TYPE_CHECKING:
    import pandas as pd


class Described(Protocol):
    """The examples of a dataset, before preprocessing; a ``Dataset`` is one of these."""

    @property
    def name(self) -> str:
        """The dataset's name."""

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """The shape of an example."""

    @property
    def feature_names(self) -> Sequence[str] | None:
        """The names of the features, in order."""


class ExampleFormat(NamedTuple):
    """The examples of a dataset that need not be there."""

    name: str
    raw_shape: tuple[int, ...]
    feature_names: Sequence[str] | None


def as_examples(examples: Any, dataset: Described) -> np.ndarray:
    """Raw examples (n, ...) in the shape of a dataset's, from an array, a data frame or a file.

    Parameters
    ----------
    examples : array, data frame or path
        An array holds floats, integers or bytes. The columns of a data frame may be in any order,
        and others are ignored, if they have names; without names, they are the features alone. For
        files, see ``read_examples``.
    dataset : Dataset or ExampleFormat
        The dataset whose features, before preprocessing, these are.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If there are none, a column is missing, or their shape is not that of the dataset's.
    """
    if isinstance(examples, str | os.PathLike):
        return read_examples(examples, dataset)
    if hasattr(examples, "iloc") and hasattr(examples, "columns"):
        X = _from_frame(examples, dataset)
        return _in_shape(X, dataset, "the data frame")
    if np.ma.is_masked(examples):
        raise ValueError("examples must not be masked: fill in the missing values first")
    try:
        X = np.asarray(examples)
    except ValueError:
        raise ValueError(
            "examples must be an array (n, ...), got rows of several lengths"
        ) from None
    if X.dtype.kind not in "biuf":
        raise TypeError(f"examples must be numbers, got {X.dtype}")
    return _in_shape(X, dataset, "the array")


def read_examples(path: str | os.PathLike[str], dataset: Described) -> np.ndarray:
    """Read unlabeled examples, to be predicted by a network trained on a dataset.

    Parameters
    ----------
    path : str or Path
        An ``.npy`` file, one example per row, or a CSV file. If the first line of a CSV file
        contains the names of all the dataset's features, columns may be in any order, and others
        are ignored; otherwise the file must contain the features alone.
    dataset : Dataset or ExampleFormat
        The dataset whose features, before preprocessing, the file contains.

    Raises
    ------
    ValueError
        If the file does not contain such examples.
    """
    file = Path(path).expanduser()
    check_regular_file(file)
    # C order, like the training set: BLAS rounds differently in other layouts.
    X = _read_npy(file) if file.suffix == ".npy" else np.ascontiguousarray(_read_csv(file, dataset))
    return _in_shape(X, dataset, str(file))


def _in_shape(X: np.ndarray, dataset: Described, what: str) -> np.ndarray:
    """X as (n, ...) with the dataset's shape: rows become images, or sequences.

    Shapes are compared, not sizes: images with their channels first have the right size, too.
    """
    shape = tuple(dataset.raw_shape)
    allowed = [shape, (math.prod(shape),)]
    if len(shape) == 3 and shape[-1] == 1:
        allowed.append(shape[:-1])  # gray images
    if X.ndim > 0 and len(X) == 0:
        raise ValueError(f"there are no examples in {what}")
    found = X.shape[1:]
    if X.ndim < 2 or found not in allowed:
        hint = ""
        if X.shape in allowed:
            hint = "; for a single example X, write X[np.newaxis]"
        elif len(shape) == 3 and found == (shape[2], *shape[:2]):
            hint = "; X.transpose(0, 2, 3, 1) puts channels last"
        raise ValueError(
            f"{what} holds examples of shape {found}; those of {dataset.name} have {shape}{hint}"
        )
    return X.reshape(len(X), *shape)


def _from_frame(frame: pd.DataFrame, dataset: Described) -> np.ndarray:
    """The features in a data frame, in the dataset's order, (n, d) of float64."""
    names = [str(label) for label in frame.columns]
    features = list(dataset.feature_names or [])
    if features and set(features) <= set(names):
        counts = Counter(names)
        for name in features:
            if counts[name] > 1:
                raise ValueError(f"the data frame has the column {name!r} more than once")
        places = {name: i for i, name in enumerate(names)}
        positions = [places[name] for name in features]
    elif all(isinstance(label, int) for label in frame.columns):  # pandas' own numbers
        positions = list(range(len(names)))
    else:
        raise ValueError(f"the data frame has names of columns, but {_missing(names, dataset)}")
    columns = [_numbers(frame.iloc[:, i], names[i]) for i in positions]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def _numbers(column: pd.Series, name: str) -> np.ndarray:
    """A column of a data frame as float64, with NaN where a cell is missing."""
    if column.dtype.kind not in "biuf":
        raise TypeError(f"column {name!r} of the data frame must hold numbers, got {column.dtype}")
    return column.to_numpy(np.float64, na_value=np.nan)


def _missing(names: Sequence[str], dataset: Described) -> str:
    """The reason why columns with these names are not the dataset's features."""
    features = list(dataset.feature_names or [])
    present, wanted = set(names), set(features)
    missing = next((name for name in features if name not in present), None)
    if missing is None:
        return f"for {dataset.name} its features have no names"
    others = [name for name in names if name not in wanted]
    return f"for {dataset.name} there is no column {missing!r}{suggestion(missing, others)}"


def _read_npy(file: Path) -> np.ndarray:
    """Read the numbers in an ``.npy`` file: floats and bytes memory-mapped, others as float64."""
    try:
        X = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file} is not an .npy file of numbers: {error}") from None
    if not isinstance(X, np.ndarray):
        raise ValueError(f"{file} is not an .npy file of numbers, but an archive of arrays")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{file} must hold numbers, got {X.dtype}")
    return X.astype(np.float64) if X.dtype.kind in "biu" and X.dtype != np.uint8 else X


def _read_csv(file: Path, dataset: Described) -> np.ndarray:
    """Read the features in a CSV file, in the dataset's order."""
    names = first_line(file)
    features = list(dataset.feature_names or [])
    if features and set(features) <= set(names):
        names, kept = header(file), set(features)
        numbers, _ = read_columns(file, names, skip=[name for name in names if name not in kept])
        present = {name: i for i, name in enumerate(name for name in names if name in kept)}
        return numbers[:, [present[name] for name in features]]
    if not is_number(names[0]):
        why = _missing(names, dataset)
        raise ValueError(f"{file} has names in its first line, but {why}")
    count = math.prod(dataset.raw_shape)
    columns = features if len(features) == count else [f"{i + 1}" for i in range(count)]
    return np.concatenate([numbers for numbers, _ in csv_chunks(file, columns)])
