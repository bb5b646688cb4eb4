"""Labeled rows of a CSV file without a header, read with NumPy alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neural_networks.datasets.files.csv_reader import is_number
from neural_networks.utils.data_structures import integers_to_one_hot
from neural_networks.utils.files import display_path


class LabelledRows(NamedTuple):
    """Features X (n, d) in [0, 1] and one-hot labels Y (n, classes), both of float64."""

    X: np.ndarray
    Y: np.ndarray


def read_labelled_rows(
    path: Path, n_classes: int, like: tuple[Path, int] | None = None
) -> LabelledRows:
    """Read a file with an example on each line: a label, then at least one feature.

    Parameters
    ----------
    path : Path
    n_classes : int
        Labels are 0 ... n_classes - 1.
    like : (Path, int), optional
        Another file and its number of columns, which this one must have, too.

    Raises
    ------
    ValueError
        If the file is empty, or a line has another number of columns, an unknown label, or a
        feature that is not a number from 0 to 1. The message names file, line and value.
    OSError
        If the file cannot be read.
    """
    rows: list[np.ndarray] = []
    model, n_columns = (display_path(like[0]), like[1]) if like else ("", 0)
    for where, line in _lines(path):
        row = _numbers(line, where, n_classes)
        if not n_columns:
            model, n_columns = where.rpartition(", ")[2], len(row)
        if len(row) != n_columns:
            raise ValueError(f"{where}: there are {len(row)} columns, but {n_columns} in {model}")
        rows.append(row)
    if not rows:
        raise ValueError(f"{display_path(path)} is empty")
    table = np.stack(rows)
    labels = integers_to_one_hot(table[:, 0].astype(int), n_classes - 1)
    return LabelledRows(table[:, 1:], labels.astype(np.float64, copy=False))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Pairs of place and line of a text file; only the last lines may be empty."""
    empty = ""
    with path.open(encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, start=1):
                where = f"{display_path(path)}, line {number}"
                if not line.strip():
                    empty = empty or where
                elif empty:
                    raise ValueError(f"{empty} is empty")
                else:
                    yield where, line
        except UnicodeDecodeError:
            raise ValueError(f"{display_path(path)} is not a text file") from None


def _numbers(line: str, where: str, n_classes: int) -> np.ndarray:
    """The cells of a line as numbers; ``ValueError`` names the first wrong cell."""
    cells = line.split(",")
    # Python also accepts 1_000 and digits of other scripts.
    plain = line.isascii() and "_" not in line
    try:
        row = np.array(cells if plain else [], np.float64)
    except ValueError:
        row = np.array([])
    if not len(row):
        wrong = next(i for i, cell in enumerate(cells) if not is_number(cell))
        raise _mistake(where, cells, wrong, "must be a number")
    if row[0] not in range(n_classes):
        raise _mistake(where, cells, 0, f"must be a label from 0 to {n_classes - 1}")
    within = (row >= 0) & (row <= 1)
    within[0] = True
    if not within.all():
        raise _mistake(where, cells, int(within.argmin()), "must be a number from 0 to 1")
    if len(row) < 2:
        raise ValueError(f"{where}: there is only a label, {cells[0].strip()!r}")
    return row


def _mistake(where: str, cells: list[str], column: int, rule: str) -> ValueError:
    found = cells[column].strip()[:40]
    return ValueError(f"{where}, column {column + 1} {rule}, got {found!r}")
