"""CSV files, read in chunks; errors name the row and the column."""

import csv
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neural_networks.datasets.files.formats import (
    ROWS,
    NpyWriter,
    check_labels,
    open_with_progress,
)


def csv_chunks(
    path: Path,
    names: Sequence[str],
    *,
    header: bool = False,
    words: Sequence[str] = (),
    rows: int = ROWS,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The content of a CSV file, ``rows`` lines at a time.

    Parameters
    ----------
    path : Path
        A file, compressed if its name ends in ``.gz``.
    names : sequence of str
        Names of the columns.
    header : bool
        If True, the first line is skipped.
    words : sequence of str
        The columns of text.
    rows : int
        Lines per chunk.

    Yields
    ------
    numbers : array of float64, (m, columns)
        The columns of numbers, in the file's order.
    texts : array of str, (m, len(words))
        The columns of text, in the file's order.

    Raises
    ------
    ValueError
        If the file is empty or has another number of columns, or a cell is empty or not a number.
    """
    from pandas.errors import ParserWarning

    done, n = 0, len(names)
    kept = [i for i, name in enumerate(names) if name not in words]
    kinds = dict.fromkeys(range(n + 1), str) | dict.fromkeys(kept, np.float64)
    with open_with_progress(path, path.name) as file:
        # One extra column catches surplus cells.
        chunks = _reader(file, n + 1, skiprows=int(header), dtype=kinds, chunksize=rows)
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", ParserWarning)
                    chunk = next(chunks, None)
            except (ValueError, ParserWarning):  # pandas does not name row and column
                raise _mistake(path, names, kept, header) from None
            if chunk is None:
                break
            numbers = chunk[kept].to_numpy()
            if not (np.isfinite(numbers).all() and (chunk[n] == "").all()):
                raise _mistake(path, names, kept, header)
            yield numbers, chunk.drop(columns=[*kept, n]).to_numpy(str)
            done += len(chunk)
    if not done:
        raise ValueError(
            f"{path} {'has no rows' if header and path.stat().st_size else 'is empty'}"
        )


def csv_to_npy(path: Path, folder: Path, prefix: str, names: Sequence[str], n_classes: int) -> None:
    """Convert a CSV file, label first, to ``X.npy`` (float32) and ``y.npy`` (bytes).

    Parameters
    ----------
    path : Path
    folder : Path
        The folder of the new files.
    prefix : str
        Put before their names.
    names : sequence of str
        Names of the columns, that of the label first.
    n_classes : int
        Labels are 0 ... n_classes - 1.

    Raises
    ------
    ValueError
        As in ``csv_chunks``, or for a label out of range.
    """
    with (
        NpyWriter(folder / f"{prefix}X.npy", (len(names) - 1,), np.float32) as X,
        NpyWriter(folder / f"{prefix}y.npy", (), np.uint8) as y,
    ):
        for rows, _ in csv_chunks(path, names):
            check_labels(rows[:, 0], n_classes, path, before=y.n)
            X.append(rows[:, 1:])
            y.append(rows[:, 0])


def _reader(file: BinaryIO, n_columns: int, **options: Any) -> Any:
    """pandas' CSV reader, set to neither skip lines nor use a column as the index."""
    import pandas as pd

    rules = {"header": None, "index_col": False, "skip_blank_lines": False}
    return pd.read_csv(file, names=range(n_columns), **rules, na_filter=False, **options)


def _mistake(path: Path, names: Sequence[str], numbers: Sequence[int], header: bool) -> ValueError:
    """The error for the first mistake in a file, with its row and, for a cell, its column."""
    n, where = len(names), f"{path}"
    with read_rows(path) as rows:
        numbered = islice(enumerate(rows, start=1), int(header), None)
        first = list(islice(numbered, 2))
        widths = [len(row) for _, row in first]
        if len(first) == 2 and widths[0] == widths[1] not in (0, n):
            return ValueError(f"{path} has {widths[0]} columns, not {n}")
        for number, row in chain(first, numbered):
            where = f"{path}, row {number}"
            if len(row) > n:
                return ValueError(f"{where}: there are {len(row)} columns, not {n}")
            row += [""] * (n - len(row))
            wrong = next((i for i in numbers if not is_number(row[i])), None)
            if wrong is not None:
                text = row[wrong].strip()
                what = f"holds {text[:40]!r}, not a finite number" if text else "is empty"
                return ValueError(f"{where}, column {wrong + 1} ({names[wrong]}): the cell {what}")
    return ValueError(f"{where}: this cannot be read")


def is_number(text: str) -> bool:
    """True if a cell holds a finite number."""
    try:
        # Python also accepts 1_000 and digits of other scripts; other programs do not.
        return math.isfinite(float(text)) and text.isascii() and "_" not in text
    except ValueError:
        return False


@contextmanager
def read_rows(path: Path) -> Iterator[Iterator[list[str]]]:
    """Read the rows of a CSV file as lists of cells: slower than ``csv_chunks``, but tolerant."""
    with open_with_progress(path, path.name) as file:
        try:
            # Spreadsheets may write a byte order mark.
            yield csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not a text file") from None
        except csv.Error as error:
            raise ValueError(f"{path}: {error}") from None


def first_line(path: Path) -> list[str]:
    """The cells of the first line of a CSV file."""
    with read_rows(path) as rows:
        row = next(rows, None)
    if not row:
        raise ValueError(f"{path} is empty")
    return [cell.strip() for cell in row]
