"""CSV files, read in chunks; errors name the row and the column."""

import csv
import math
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

import numpy as np

from neural_networks.datasets.files.dialect import PLAIN, Dialect, as_text, open_text
from neural_networks.datasets.files.formats import (
    ROWS,
    NpyWriter,
    check_labels,
    open_with_progress,
)
from neural_networks.utils.text import listed

CHUNK = 80_000_000
"""Bytes of text, and of numbers, per chunk: fewer lines than ``ROWS`` are read if they are long."""

_WORDS = ["NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "#N/A", "#NA", "<NA>", "NaT"]
MISSING = ("", *_WORDS, "null", "NULL", "Null", "None", "?")
"""Cells without a value, as programs write them."""

_MISSING = [cell + blank for cell in MISSING for blank in ("", " ")]

# A cell may be longer than Python's limit of 128 KB.
csv.field_size_limit(2**31 - 1)


class Columns(NamedTuple):
    """The columns of a file: their names, and the places of those of each kind."""

    names: Sequence[str]
    numbers: list[int]
    words: list[int]
    empty: list[int]

    @classmethod
    def of(cls, names: Sequence[str], words: Collection[str], skip: Collection[str]) -> "Columns":
        """The columns with these names; those without one must be empty, and so beyond the last."""
        words, others = set(words), {"", *words, *skip}
        return cls(
            names,
            [i for i, name in enumerate(names) if name not in others],
            [i for i, name in enumerate(names) if name in words],
            [i for i, name in enumerate(names) if not name] + [len(names)],
        )


def csv_chunks(
    path: Path,
    names: Sequence[str],
    *,
    header: bool = False,
    words: Collection[str] = (),
    skip: Collection[str] = (),
    rows: int = ROWS,
    dialect: Dialect = PLAIN,
    missing: bool = False,
    hint: Callable[[str, str], str] = lambda name, cell: "",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The content of a CSV file, up to ``rows`` lines at a time, fewer if they are long.

    Parameters
    ----------
    path : Path
        A file, compressed if its name ends in ``.gz``.
    names : sequence of str
        Names of the columns; a column whose name is empty must be so itself.
    header : bool
        If True, the first line is skipped.
    words : collection of str
        The columns of text.
    skip : collection of str
        The columns to leave out; their cells may hold anything, and are not kept.
    rows : int
        Lines per chunk, at most.
    dialect : Dialect
        The file's form.
    missing : bool
        If True, a number may be missing, and is NaN then: the cell is one of ``MISSING``.
    hint : function
        Called with the column's name and the text of a cell that is not a number; returns the end
        of the error's message.

    Yields
    ------
    numbers : array of float64, (m, columns)
        The columns of numbers, in the file's order.
    texts : array of object, (m, len(words))
        The columns of text, in the file's order, as Python's strings.

    Raises
    ------
    ValueError
        If the file is empty or has another number of columns, a cell is not a number, or bytes are
        not text.
    """
    table = _Table(path, Columns.of(names, words, skip), header, dialect, missing, hint)
    lines = min(rows, _lines_per_chunk(path, len(names)))
    with open_with_progress(path, path.name) as file:
        if dialect.encoding in ("utf-8", "utf-8-sig"):  # pandas' own, and the fastest
            yield from table.chunks(file, lines)
        else:
            with as_text(file, dialect.encoding) as text:
                yield from table.chunks(text, lines)


def _lines_per_chunk(path: Path, n_columns: int) -> int:
    """Lines of which ``CHUNK`` bytes consist, by the length of the first ones."""
    with open_with_progress(path, path.name) as file:
        start = file.read(2**16)
    length = max(len(start) / max(1, start.count(b"\n")), 8 * n_columns)
    return max(1, int(CHUNK / length))


@dataclass(frozen=True)
class _Table:
    """A CSV file to be read, see ``csv_chunks``."""

    path: Path
    columns: Columns
    header: bool
    dialect: Dialect
    missing: bool
    hint: Callable[[str, str], str]

    def chunks(self, file: BinaryIO | TextIO, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers and words of the opened file, ``rows`` lines at a time."""
        columns, done, checked = self.columns, 0, not self.missing
        chunks = self._reader(file, chunksize=rows)
        while (chunk := _next(chunks)) is not None:
            if isinstance(chunk, Exception):  # pandas does not name row and column
                raise self._mistake() from None
            numbers = chunk[columns.numbers].to_numpy(np.float64)
            wrong = np.isinf(numbers) if self.missing else ~np.isfinite(numbers)
            if wrong.any() or not (chunk[columns.empty] == "").all(axis=None):
                raise self._mistake()
            if not checked and chunk[len(columns.names) - 1].isin(["", np.nan]).any():
                self._check_ends()  # a cell of the last column is missing, or a row is too short
                checked = True
            yield numbers, chunk[columns.words].to_numpy(object)
            done += len(chunk)
        if not done:
            empty = not self.header or not self.path.stat().st_size
            raise ValueError(f"{self.path} {'is empty' if empty else 'has no rows'}")

    def _reader(self, file: BinaryIO | TextIO, chunksize: int) -> Any:
        """pandas' CSV reader, set to neither skip lines nor use a column as the index."""
        import pandas as pd

        n, numbers = len(self.columns.names), self.columns.numbers
        return pd.read_csv(
            file,
            sep=self.dialect.sep,
            decimal=self.dialect.decimal,
            skipinitialspace=True,
            header=None,
            skiprows=int(self.header),
            skip_blank_lines=False,
            index_col=False,
            names=range(n + 1),  # one more catches surplus cells
            dtype=dict.fromkeys(range(n + 1), object) | dict.fromkeys(numbers, np.float64),
            na_filter=self.missing,
            na_values=dict.fromkeys(numbers, _MISSING) if self.missing else None,
            keep_default_na=False,
            chunksize=chunksize,
        )

    def _mistake(self) -> ValueError:
        """The error for the first mistake in the file, with its row and, for a cell, its column."""
        n, where = len(self.columns.names), f"{self.path}"
        with read_rows(self.path, self.dialect) as rows:
            numbered = islice(enumerate(rows, start=1), int(self.header), None)
            first = list(islice(numbered, 2))
            widths = [len(row) for _, row in first]
            if len(first) == 2 and widths[0] == widths[1] not in (0, n):
                return ValueError(f"{self.path} has {widths[0]} columns, not {n}")
            for number, row in chain(first, numbered):
                where = f"{self.path}, row {number}"
                if len(row) > n + 1 or any(row[n:]):
                    return ValueError(f"{where}: there are {len(row)} columns, not {n}")
                what = self._wrong_cell(row + [""] * (n + 1 - len(row)))
                if what:
                    return ValueError(f"{where}{what}")
        return ValueError(f"{where}: this cannot be read")

    def _wrong_cell(self, row: Sequence[str]) -> str:
        """A description of the first wrong cell in a row; empty if there is none."""
        names, accepted = self.columns.names, _MISSING if self.missing else ()
        for i in self.columns.empty:
            if row[i]:
                return f": column {i + 1} has no name, but holds {row[i][:40]!r}"
        for i in self.columns.numbers:
            if not is_number(row[i], self.dialect.decimal) and row[i] not in accepted:
                text = row[i].strip()
                what = f"holds {text[:40]!r}, not a finite number" if text else "is empty"
                name = listed([names[i]])
                return f", column {i + 1} ({name}): the cell {what}{self.hint(names[i], text)}"
        return ""

    def _check_ends(self) -> None:
        """Raise ``ValueError`` if a row has too few cells."""
        n = len(self.columns.names)
        with read_rows(self.path, self.dialect) as rows:
            for number, row in enumerate(rows, start=1):
                if len(row) < n and number > self.header:
                    raise ValueError(
                        f"{self.path}, row {number}: there are {len(row)} columns, not {n}"
                    )


def _next(chunks: Any) -> Any:
    """The next chunk of a reader; None at the end, or the error about its content."""
    from pandas.errors import ParserWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)
            return next(chunks, None)
    except (ValueError, ParserWarning) as error:
        return error


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
        As in ``csv_chunks``, for a label out of range, or if the first line numbers the columns.
    """
    with (
        NpyWriter(folder / f"{prefix}X.npy", (len(names) - 1,), np.float32) as X,
        NpyWriter(folder / f"{prefix}y.npy", (), np.uint8) as y,
    ):
        for rows, _ in csv_chunks(path, names):
            if y.n == 0 and np.array_equal(rows[0], np.arange(len(names))):
                raise ValueError(
                    f"{path}: the first line is 0, 1 … {len(names) - 1}, numbers of columns and "
                    "not an example: remove it"
                )
            check_labels(rows[:, 0], n_classes, path, before=y.n)
            X.append(rows[:, 1:])
            y.append(rows[:, 0])


def is_number(text: str, decimal: str = ".") -> bool:
    """True if a cell holds a finite number."""
    if decimal != ".":
        text = text.replace(".", "x").replace(decimal, ".")
    try:
        # Python also accepts 1_000 and digits of other scripts; other programs do not.
        return math.isfinite(float(text)) and text.isascii() and "_" not in text
    except ValueError:
        return False


@contextmanager
def read_rows(path: Path, dialect: Dialect = PLAIN) -> Iterator[Iterator[list[str]]]:
    """Read the rows of a CSV file as lists of cells: slower than ``csv_chunks``, but tolerant."""
    with open_text(path, dialect.encoding) as file:
        try:
            yield csv.reader(file, delimiter=dialect.sep, skipinitialspace=True)
        except csv.Error as error:
            raise ValueError(f"{path}: {error}") from None


def first_line(path: Path, dialect: Dialect = PLAIN) -> list[str]:
    """The cells of the first line of a CSV file."""
    with read_rows(path, dialect) as rows:
        row = next(rows, None)
    if not row:
        raise ValueError(f"{path} is empty")
    return [cell.strip() for cell in row]
