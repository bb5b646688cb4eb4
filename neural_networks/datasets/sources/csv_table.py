"""Tables: a CSV file with a column of labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets.files.csv_reader import csv_chunks, first_line
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.datasets.targets import TargetScale
from neural_networks.utils.factories import suggestion
from neural_networks.utils.validation import true_or_false


def load_csv(
    path: str,
    label: str,
    drop: Sequence[str] = (),
    regression: bool = False,
    scale_target: bool = True,
) -> dict[str, Any]:
    """Load a table: column names in its first line, then rows of numbers; split 70/10/20 percent.

    The split is stratified by class, and the same for every seed.

    Parameters
    ----------
    path : str
        The file; compressed if its name ends in ``.gz``.
    label : str
        The column to be predicted. Classes may be numbers or words, and are sorted.
    drop : sequence of str
        Columns to leave out, such as row numbers.
    regression : bool
        If True, the label is a number; if False, a class.
    scale_target : bool
        If True, the numbers of a regression are standardized for training, see ``TargetScale``.

    Raises
    ------
    ValueError
        If a column is missing, or a cell is empty or not a number; the message names it.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"path must be the name of a file, got {path!r}")
    file = Path(path).expanduser()
    names = header(file)
    label = _column_name("label", label)
    drop = [drop] if isinstance(drop, str) or not isinstance(drop, Sequence) else drop
    drop = [_column_name("drop", name) for name in drop]
    for name in (label, *drop):
        _check_column(file, name, names)
    if label in drop:
        raise ValueError(f"the label {label!r} cannot be left out, too")
    features = [name for name in names if name not in (label, *drop)]
    if not features:
        raise ValueError(f"{file} has no column of numbers besides {label!r}")
    true_or_false("scale_target", scale_target)
    words = drop if true_or_false("regression", regression) else [label, *drop]
    numbers, texts = read_columns(file, names, words)
    if regression:
        kept = [name for name in names if name not in drop]
        y = numbers[:, [kept.index(label)]]
        X = np.delete(numbers, kept.index(label), axis=1)
        parts = _split(file, X, y, None) | {"feature_names": features}
        if scale_target:
            parts["target_scale"] = TargetScale.of(parts["training_labels"])
        return parts
    column = [name for name in names if name in words].index(label)
    class_names, y = _classes(file, label, texts[:, column])
    return _split(file, numbers, y, class_names) | {"feature_names": features}


def header(file: Path) -> list[str]:
    """The column names in the first line; ``ValueError`` if one is empty or repeated."""
    names = first_line(file)
    for i, name in enumerate(names):
        if not name or name in names[:i]:
            what = "has no name" if not name else f"is called {name!r}, as is another one"
            raise ValueError(f"{file}, row 1: column {i + 1} {what}")
    return names


def _column_name(option: str, name: object) -> str:
    """The name of a column as text; flags give names such as 2 as integers."""
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise TypeError(f"{option} must name a column, got {name!r}")
    return str(name)


def _check_column(file: Path, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise ValueError(
            f"{file} has no column {name!r}{suggestion(name, names)} (columns: {', '.join(names)})"
        )


def read_columns(
    file: Path, names: Sequence[str], words: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Read all numbers and all words below the line of column names."""
    numbers, texts = zip(*csv_chunks(file, names, header=True, words=words), strict=True)
    return np.concatenate(numbers), np.concatenate(texts)


def _classes(file: Path, label: str, column: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The sorted class names, numerically if they are numbers, and each row's class (n,)."""
    column = np.char.strip(column)
    if (column == "").any():
        row = int(np.flatnonzero(column == "")[0]) + 2
        raise ValueError(f"{file}, row {row}, column {label!r}: the cell is empty")
    names, y, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.min() < 3:
        rare = str(names[counts.argmin()])
        raise ValueError(
            f"{file}: a class needs at least 3 rows, one for each set, and there must be 2 "
            f"classes; column {label!r} has {len(names)}, of which {rare!r} has {counts.min()} "
            "(regression=true predicts numbers)"
        )
    try:
        order = np.argsort(names.astype(float), kind="stable")
    except ValueError:  # words, sorted by np.unique
        order = np.arange(len(names))
    return names[order].tolist(), np.argsort(order)[y]


def _split(
    file: Path, X: np.ndarray, y: np.ndarray, class_names: list[str] | None
) -> dict[str, Any]:
    """Split the rows: training, validation and test, 70, 10 and 20 percent."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(X))
    if len(X) < 10:
        raise ValueError(f"{file} has {len(X)} rows, and needs at least 10 to be split")
    classes = None if class_names is None else y
    try:
        rows, test = train_test_split(rows, test_size=0.2, stratify=classes, random_state=0)
        classes = None if class_names is None else y[rows]
        train, validation = train_test_split(
            rows, test_size=1 / 8, stratify=classes, random_state=0
        )
    except ValueError:
        raise ValueError(
            f"{file} has {len(X)} rows, too few for {len(class_names or [])} classes to be in "
            "each of three sets"
        ) from None
    sets = {"training": train, "validation": validation, "test": test}
    parts: dict[str, Any] = {f"{what}_set": X[rows] for what, rows in sets.items()}
    parts |= {f"{what}_labels": y[rows] for what, rows in sets.items()}
    return parts | {"class_names": class_names, "standardization": Standardization.of(X[train])}
