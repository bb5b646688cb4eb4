"""Tables: a CSV file with a column of labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neural_networks.datasets.files.recognition import Form
from neural_networks.datasets.labels import find_classes, is_missing
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.datasets.sources.cell_hints import FILL_HINT, training_hint
from neural_networks.datasets.sources.table_file import (
    TableFile,
    column_name,
    column_names,
    open_training_table,
    say,
)
from neural_networks.datasets.table_encoder import TableEncoder, check_present
from neural_networks.datasets.targets import TargetScale
from neural_networks.utils.files import user_path
from neural_networks.utils.text import counted, listed
from neural_networks.utils.validation import true_or_false

MISSING = ("refuse", "median")
"""Ways to treat missing cells."""


def load_csv(
    path: str,
    label: str,
    drop: Sequence[str] = (),
    regression: bool = False,
    scale_target: bool = True,
    categories: Sequence[str] = (),
    missing: str = "refuse",
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
) -> dict[str, Any]:
    """Load a table: rows of numbers, and of words in some columns; split 70/10/20 percent.

    The split is stratified by class, and the same for every seed. What is recognized of the file's
    form, and left out because of it, is printed to standard error.

    Parameters
    ----------
    path : str
        The file; compressed if its name ends in ``.gz``. The first line holds the names of the
        columns; a first column without a name, of words or whole numbers that are all different,
        is left out, and so are empty columns without a name.
    label : str
        The column to be predicted. Classes may be numbers or words, and are sorted.
    drop : sequence of str, or str
        Columns to leave out, such as row numbers; in a text, commas part them: ``"row,batch"``.
    regression : bool
        If True, the label is a number; if False, a class.
    scale_target : bool
        If True, the numbers of a regression are standardized for training, see ``TargetScale``.
    categories : sequence of str, or str
        Columns of categories, words or numbers, which become one-hot columns, see
        ``TableEncoder``; named as in ``drop``.
    missing : str
        ``"refuse"``, or ``"median"``: a missing cell gets the median of the training rows or, in a
        column of categories, the most frequent one. A missing label is always an error.
    sep : str, optional
        The character between cells, or its name: comma, semicolon, tab, pipe or space. By default
        the one with which the first line names the label.
    decimal : str, optional
        ``"point"`` or ``"comma"``; by default commas are recognized, unless they may be those
        between thousands.
    encoding : str, optional
        By default UTF-8, or what a byte order mark says.
    header : bool, optional
        If False, the first line is a row like others, and the columns are called 1, 2 ... If True,
        it holds names even if they look like numbers.

    Raises
    ------
    ValueError
        If a column is missing, or a cell is empty or not a number; the message names it.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"path must be the name of a file, got {path!r}")
    true_or_false("scale_target", scale_target)
    true_or_false("regression", regression)
    if missing not in MISSING:
        raise ValueError(f"missing must be one of {', '.join(MISSING)}, got {missing!r}")
    form = Form.of(sep, decimal, encoding, header)
    label = column_name("label", label)
    table, notes = open_training_table(user_path(path), form, label)
    encoder = _roles(table, label, drop, categories)
    table = table.recognized(form, [*encoder.numbers, *([label] if regression else [])])
    encoder = replace(encoder, dialect=table.dialect)
    cells = _read(table, encoder, label, regression, missing == "median")
    rows = _split(table.path, len(cells.y), None if cells.class_names is None else cells.y)
    encoder = encoder.fitted(*cells.of(rows["training"]), fill=missing == "median")
    X = encoder.encode(cells.numbers, cells.words, table.place)
    say(table.path, [*form.notes(table.dialect), *notes, *_notes(encoder, cells)])
    parts: dict[str, Any] = {f"{what}_set": X[chosen] for what, chosen in rows.items()}
    parts |= {f"{what}_labels": cells.y[chosen] for what, chosen in rows.items()}
    if regression and scale_target:
        parts["target_scale"] = TargetScale.of(parts["training_labels"])
    return parts | {
        "class_names": cells.class_names,
        "feature_names": encoder.feature_names,
        "standardization": Standardization.of(parts["training_set"]),
        "table": encoder,
    }


class _Cells(NamedTuple):
    """The cells of a table: of columns of numbers and of words, and the labels."""

    numbers: np.ndarray
    words: np.ndarray
    y: np.ndarray
    class_names: list[str] | None

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers and the words in some rows."""
        return self.numbers[rows], self.words[rows]


def _roles(table: TableFile, label: str, drop: object, categories: object) -> TableEncoder:
    """The encoder of a table, not fitted yet: the roles of its columns."""
    names = tuple(name for name in table.names if name.strip())
    dropped = [name for name in column_names("drop", drop, names) if name != table.row_names]
    encoded = column_names("categories", categories, names)
    table.check_columns([label, *dropped, *encoded])
    if label in dropped:
        raise ValueError(f"the label {label!r} cannot be left out, too")
    both = {label, *dropped} & {*encoded}
    if both:
        raise ValueError(f"categories={min(both)}: this column is the label, or left out")
    encoder = TableEncoder(
        names, (label, *dropped), dict.fromkeys(encoded, ()), header=table.header
    )
    if not encoder.inputs:
        raise ValueError(f"{table.path} has no column of numbers besides {label!r}")
    return encoder


def _read(
    table: TableFile, encoder: TableEncoder, label: str, regression: bool, fill: bool
) -> _Cells:
    """Read the columns of a table that become features, and the labels."""
    numbers, words = encoder.numbers, encoder.words
    if regression:
        N, W = table.read([*numbers, label], words, fill, training_hint)
        N, y, class_names = N[:, :-1], N[:, -1:], None
        if np.isnan(y).any():
            raise ValueError(f"{table.place(int(np.isnan(y).argmax()), label)}: there is no label")
    else:
        N, W = table.read(numbers, [*words, label], fill, training_hint)
        class_names, y = _classes(table, label, W[:, -1])
        W = W[:, :-1]
    if not fill:
        check_present(words, W, table.place, FILL_HINT)
    return _Cells(N, W, y, class_names)


def _notes(encoder: TableEncoder, cells: _Cells) -> list[str]:
    """Words for what was done to the columns."""
    notes = [
        f"{name}: {counted(len(known), 'category', 'categories')}"
        for name, known in encoder.categories.items()
    ]
    missing = dict(zip(encoder.numbers, np.isnan(cells.numbers).sum(axis=0).tolist(), strict=True))
    for name, column in zip(encoder.words, cells.words.T, strict=True):
        missing[name] = sum(is_missing(cell.strip()) for cell in column) if encoder.fill else 0
    filled = [f"{name} ({count})" for name, count in missing.items() if count]
    return notes + ([f"missing cells filled: {listed(filled)}"] if filled else [])


def _classes(table: TableFile, label: str, column: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The class names, in order, and each row's class (n,)."""
    names, y = find_classes(column, lambda i: table.place(i, label))
    counts = np.bincount(y)
    if len(names) < 2 or counts.min() < 3:
        rarest = [f"{names[k]} ({counts[k]})" for k in np.argsort(counts, kind="stable")]
        raise ValueError(
            f"{table.path}: a class needs at least 3 rows, and there must be 2 classes; column "
            f"{label!r} has {counted(len(names), 'class', 'classes')} (rows): {listed(rarest)}; "
            "regression=true predicts numbers"
        )
    return names, y


def _split(file: Path, n: int, classes: np.ndarray | None) -> dict[str, np.ndarray]:
    """Split n rows: the numbers of those for training, validation and test, 70, 10, 20 percent."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(n)
    if n < 10:
        raise ValueError(f"{file} has {n} rows, and needs at least 10 to be split")
    try:
        rows, test = train_test_split(rows, test_size=0.2, stratify=classes, random_state=0)
        train, validation = train_test_split(
            rows,
            test_size=1 / 8,
            stratify=None if classes is None else classes[rows],
            random_state=0,
        )
    except ValueError:
        count = 0 if classes is None else int(classes.max()) + 1
        raise ValueError(
            f"{file} has {n} rows, too few to split {count} classes among three sets"
        ) from None
    return {"training": train, "validation": validation, "test": test}
