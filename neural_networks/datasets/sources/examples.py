"""Unlabeled examples to be predicted: arrays, data frames and files."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from neural_networks.datasets.files.formats import check_regular_file
from neural_networks.datasets.files.recognition import Form
from neural_networks.datasets.preprocessing import Preprocessing
from neural_networks.datasets.sources.example_table import ExampleTable, missing_columns
from neural_networks.datasets.table_encoder import TableEncoder
from neural_networks.utils.files import user_path

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

    @property
    def preprocessing(self) -> Preprocessing | None:
        """The steps from examples to a network's input, and from the columns of a table."""


class ExampleFormat(NamedTuple):
    """The examples of a dataset that need not be there."""

    name: str
    raw_shape: tuple[int, ...]
    feature_names: Sequence[str] | None
    preprocessing: Preprocessing | None = None


def as_examples(examples: Any, dataset: Described, **form: Any) -> np.ndarray:
    """Raw examples (n, ...) in the shape of a dataset's, from an array, a data frame or a file.

    Parameters
    ----------
    examples : array, data frame or path
        An array holds floats, integers or bytes. The columns of a data frame may be in any order,
        and others are ignored, if they have names; without names, they are the features alone. For
        files, see ``read_examples``. In a data frame or a list of rows, columns of categories
        hold words; an array of numbers holds the features.
    dataset : Dataset or ExampleFormat
        The dataset whose features, before preprocessing, these are.
    **form
        The form of a CSV file, see ``read_examples``.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If there are none, a column is missing, or their shape is not that of the dataset's.
    """
    if isinstance(examples, str | os.PathLike):
        return read_examples(examples, dataset, **form)
    if any(value is not None for value in form.values()):
        raise ValueError(f"{', '.join(form)}: only a CSV file has such a form")
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
    if X.dtype.kind in "OU" and X.ndim == 2 and _encoder(dataset)[0].categories:
        import pandas as pd

        return as_examples(pd.DataFrame(examples).infer_objects(), dataset)
    if X.dtype.kind not in "biuf":
        raise TypeError(f"examples must be numbers, got {X.dtype}")
    return _filled(_in_shape(X, dataset, "the array"), dataset)


def read_examples(
    path: str | os.PathLike[str],
    dataset: Described,
    *,
    header: bool | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> np.ndarray:
    """Read unlabeled examples, to be predicted by a network trained on a dataset.

    Parameters
    ----------
    path : str or Path
        An ``.npy`` file, one example per row, or a CSV file. If the first line of a CSV file
        contains the names of all the dataset's features, columns may be in any order, and others
        are ignored; otherwise the file must contain the features alone, or all columns of a
        training table that had no names, either.
    dataset : Dataset or ExampleFormat
        The dataset whose features, before preprocessing, the file contains.
    header : bool, optional
        If True, the first line of a CSV file holds names; if False, an example. By default it
        holds names if these are the features', and a line 0, 1, 2 ... is an error.
    sep, decimal, encoding : str, optional
        The form of a CSV file, see ``load_csv``; by default it is recognized, or that of the
        training table.

    Raises
    ------
    ValueError
        If the file does not contain such examples.
    """
    file = user_path(path)
    check_regular_file(file)
    form = Form.of(sep, decimal, encoding, header)
    if file.suffix == ".npy":
        if any(value is not None for value in form):
            raise ValueError(f"{file}: only a CSV file has a header, sep, decimal or encoding")
        return _filled(_in_shape(_read_npy(file), dataset, str(file)), dataset)
    encoder, named = _encoder(dataset)
    X = ExampleTable(file, dataset.name, encoder, named, form).read()
    # C order, like the training set: BLAS rounds differently in other layouts.
    return _in_shape(np.ascontiguousarray(X), dataset, str(file))


def _filled(X: np.ndarray, dataset: Described) -> np.ndarray:
    """Features with medians in place of NaN, if the training filled missing cells."""
    steps = dataset.preprocessing
    return X if steps is None or steps.table is None else steps.table.fill_features(X)


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
    encoder, named = _encoder(dataset)
    names = [str(label) for label in frame.columns]
    if named and set(encoder.inputs) <= set(names):
        counts = Counter(names)
        for name in encoder.inputs:
            if counts[name] > 1:
                raise ValueError(f"the data frame has the column {name!r} more than once")
        places = {name: i for i, name in enumerate(names)}
    elif all(isinstance(label, int) for label in frame.columns):  # pandas' own numbers
        whole = not encoder.header and len(names) == len(encoder.columns)
        places = {name: i for i, name in enumerate(encoder.columns if whole else encoder.inputs)}
        if not whole and len(names) != len(places):
            _in_shape(np.empty((len(frame), len(names))), dataset, "the data frame")
    else:
        why = missing_columns(names, dataset.name, encoder.inputs if named else [])
        raise ValueError(f"the data frame has names of columns, but {why}")
    words = [_words(frame.iloc[:, places[name]]) for name in encoder.words]
    return encoder.encode(
        _numbers(frame.iloc[:, [places[name] for name in encoder.numbers]], encoder.numbers),
        np.column_stack(words) if words else np.empty((len(frame), 0)),
        lambda i, name: f"the data frame, row {i + 1}, column {name!r}",
    )


def _encoder(dataset: Described) -> tuple[TableEncoder, bool]:
    """The columns of a dataset's features, and False if they have no names."""
    steps = dataset.preprocessing
    if steps is not None and steps.table is not None:
        return steps.table, True
    features = tuple(dataset.feature_names or ())
    count = math.prod(dataset.raw_shape)
    named = len(features) == count
    return TableEncoder(features if named else tuple(str(i + 1) for i in range(count))), named


def _numbers(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """A data frame as float64, with NaN where a cell is missing; ``names`` are for messages."""
    # All at once: taking the columns one by one costs 50 µs each.
    for name, dtype in zip(names, frame.dtypes, strict=True):
        if dtype.kind not in "biuf":
            raise TypeError(f"column {name!r} of the data frame must hold numbers, got {dtype}")
    return frame.to_numpy(np.float64, na_value=np.nan)


def _words(column: pd.Series) -> np.ndarray:
    """A column of a data frame as text, empty where a cell is missing."""
    missing = column.isna().to_numpy()
    cells = zip(column.tolist(), missing.tolist(), strict=True)
    return np.array(["" if gone else str(cell) for cell, gone in cells], object)


def _read_npy(file: Path) -> np.ndarray:
    """Read the numbers in an ``.npy`` file: floats and bytes memory-mapped, others as float64."""
    try:
        X = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file} is not an .npy file of numbers: {error}") from None
    if not isinstance(X, np.ndarray):
        X.close()
        raise ValueError(f"{file} is not an .npy file of numbers, but an archive of arrays")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"{file} must hold numbers, got {X.dtype}")
    return X.astype(np.float64) if X.dtype.kind in "biu" and X.dtype != np.uint8 else X
