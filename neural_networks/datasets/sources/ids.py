"""Ids of unlabeled examples, from a column of their table."""

import os

from neural_networks.datasets.files.csv_reader import first_line
from neural_networks.datasets.files.dialect import Dialect, encoding_of
from neural_networks.datasets.files.formats import check_regular_file
from neural_networks.datasets.files.recognition import find_separator, likely_separator
from neural_networks.datasets.sources.table_file import SKIPPED, TableFile
from neural_networks.utils.files import user_path


def read_ids(path: str | os.PathLike[str], column: str) -> list[str]:
    """Read the Ids of examples, as they are written, from a column of a CSV file.

    Parameters
    ----------
    path : str or Path
        The file of the examples, with names in its first line.
    column : str

    Raises
    ------
    ValueError
        If there is no such column, a cell is empty, or an Id occurs twice.
    """
    file = user_path(path)
    check_regular_file(file)
    if file.suffix == ".npy":
        raise ValueError(f"{file} has no column {column!r}: it is not a CSV file")
    encoding = encoding_of(file)
    sep = find_separator(file, encoding, lambda cells: column in cells)
    dialect = Dialect(sep or likely_separator(file, encoding), encoding=encoding)
    cells = first_line(file, dialect)
    TableFile(file, dialect, True, tuple(cells)).check_columns([column])
    if cells.count(column) > 1:
        raise ValueError(f"{file}, row 1: two columns are called {column!r}")
    names = tuple(name if name == column else SKIPPED for name in cells)
    table = TableFile(file, dialect, True, names)
    _, words = table.read([], [column])
    ids = [word.strip() for word in words[:, 0]]
    rows: dict[str, int] = {}
    for row, key in enumerate(ids):
        if not key:
            raise ValueError(f"{table.place(row, column)}: the Id is empty")
        if rows.setdefault(key, row) != row:
            raise ValueError(f"{table.place(row, column)}: the Id {key[:40]!r} occurs twice")
    return ids
