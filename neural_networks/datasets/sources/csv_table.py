"""Tables: a CSV file with a column of labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets.files.csv_reader import csv_chunks, first_line
from neural_networks.datasets.labels import find_classes
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.datasets.targets import TargetScale
from neural_networks.utils.factories import suggestion
from neural_networks.utils.text import counted, listed
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
    drop : sequence of str, or str
        Columns to leave out, such as row numbers; in a text, commas part them: ``"row,batch"``.
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
    drop = _column_names("drop", drop, names)
    _check_columns(file, [label, *drop], names)
    if label in drop:
        raise ValueError(f"the label {label!r} cannot be left out, too")
    others = {label, *drop}
    features = [name for name in names if name not in others]
    if not features:
        raise ValueError(f"{file} has no column of numbers besides {label!r}")
    true_or_false("scale_target", scale_target)
    words = [] if true_or_false("regression", regression) else [label]
    numbers, texts = read_columns(file, names, words, drop)
    if regression:
        dropped = set(drop)
        place = [name for name in names if name not in dropped].index(label)
        y, X = numbers[:, [place]], np.delete(numbers, place, axis=1)
        parts = _split(file, X, y, None) | {"feature_names": features}
        if scale_target:
            parts["target_scale"] = TargetScale.of(parts["training_labels"])
        return parts
    class_names, y = _classes(file, label, texts[:, 0])
    return _split(file, numbers, y, class_names) | {"feature_names": features}


def header(file: Path) -> list[str]:
    """The column names in the first line; ``ValueError`` if one is empty or repeated."""
    names = first_line(file)
    known = set[str]()
    for i, name in enumerate(names):
        if not name or name in known:
            what = "has no name" if not name else f"is called {name!r}, as is another one"
            raise ValueError(f"{file}, row 1: column {i + 1} {what}")
        known.add(name)
    return names


def _column_name(option: str, name: object) -> str:
    """The name of a column as text; flags give names such as 2 as integers."""
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise TypeError(f"{option} must name a column, got {name!r}")
    return str(name)


def _column_names(option: str, columns: object, names: Sequence[str]) -> list[str]:
    """The columns that an option names, each once: a list, or a text with commas between them."""
    is_list = isinstance(columns, Sequence) and not isinstance(columns, str)
    several: Sequence[object] = columns if is_list else [columns]  # type: ignore[assignment]
    found, known = dict[str, None](), set(names)
    for column in several:
        name = _column_name(option, column)
        parts = [name] if name in known else [part.strip() for part in name.split(",")]
        found |= dict.fromkeys(parts)
    return list(found)


def _check_columns(file: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    """Raise ``ValueError`` if a wanted column is not among the names."""
    known = set(names)
    for name in wanted:
        if name not in known:
            hint = suggestion(name, names)
            raise ValueError(f"{file} has no column {name!r}{hint} (columns: {listed(names)})")


def read_columns(
    file: Path, names: Sequence[str], words: Sequence[str] = (), skip: Sequence[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Read numbers and words below the line of column names, but for the columns to skip."""
    chunks = csv_chunks(file, names, header=True, words=words, skip=skip)
    numbers, texts = zip(*chunks, strict=True)
    return np.concatenate(numbers), np.concatenate(texts)


def _classes(file: Path, label: str, column: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The class names, in order, and each row's class (n,)."""
    names, y = find_classes(column, lambda i: f"{file}, row {i + 2}, column {label!r}")
    counts = np.bincount(y)
    if len(names) < 2 or counts.min() < 3:
        rarest = [f"{names[k]} ({counts[k]})" for k in np.argsort(counts, kind="stable")]
        raise ValueError(
            f"{file}: a class needs at least 3 rows, and there must be 2 classes; column {label!r} "
            f"has {counted(len(names), 'class', 'classes')} (rows): {listed(rarest)}; "
            "regression=true predicts numbers"
        )
    return names, y


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
            f"{file} has {len(X)} rows, too few to split {len(class_names or [])} classes among "
            "three sets"
        ) from None
    sets = {"training": train, "validation": validation, "test": test}
    parts: dict[str, Any] = {f"{what}_set": X[rows] for what, rows in sets.items()}
    parts |= {f"{what}_labels": y[rows] for what, rows in sets.items()}
    return parts | {"class_names": class_names, "standardization": Standardization.of(X[train])}
