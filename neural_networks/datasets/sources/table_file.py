"""Tables in CSV files: their form, the names of their columns, and their cells."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neural_networks.datasets.files.csv_reader import csv_chunks, first_line, is_number
from neural_networks.datasets.files.dialect import PLAIN, Dialect, encoding_of
from neural_networks.datasets.files.recognition import (
    DECIMAL_COMMA,
    Form,
    find_separator,
    likely_separator,
    recognize_decimal,
    sample,
)
from neural_networks.datasets.labels import is_missing
from neural_networks.utils.factories import suggestion
from neural_networks.utils.files import display_path
from neural_networks.utils.text import listed

SKIPPED = " "
"""The name of a column that is not read; names from a file have no blanks around them."""

UNNAMED = "Unnamed: 0"
"""pandas' name for a first column without one."""


@dataclass(frozen=True)
class TableFile:
    """A CSV file whose form is known.

    Attributes
    ----------
    path : Path
    dialect : Dialect
    header : bool
        If True, the first line holds names.
    names : tuple of str
        The name of each column. One without a name must be empty; ``SKIPPED`` may hold anything.
    row_names : str
        The name in the file of a first column that is skipped, as it names or numbers the rows.
    """

    path: Path
    dialect: Dialect
    header: bool
    names: tuple[str, ...]
    row_names: str = ""

    def recognized(self, form: Form, numbers: Iterable[str], usual: Dialect = PLAIN) -> "TableFile":
        """The file with its decimal sign, from the cells in the columns of numbers."""
        decimal = form.decimal
        if decimal is None:
            wanted = set(numbers)
            places = {i: name for i, name in enumerate(self.names) if name in wanted}
            rows = sample(self.path, self.dialect)[int(self.header) :]
            decimal = recognize_decimal(self.path, rows, places, usual.decimal)
        return replace(self, dialect=replace(self.dialect, decimal=decimal))

    def read(
        self,
        numbers: Sequence[str],
        words: Sequence[str] = (),
        missing: bool = False,
        hint: Callable[[str, str], str] = lambda name, cell: "",
    ) -> tuple[np.ndarray, np.ndarray]:
        """The cells of some columns, see ``csv_chunks``; columns in the order asked for.

        Returns
        -------
        numbers : array of float64, (n, columns)
        words : array of object, (n, columns)
        """
        wanted = {"", *numbers, *words}
        names = [name if name in wanted else SKIPPED for name in self.names]
        chunks = csv_chunks(
            self.path,
            names,
            header=self.header,
            words=words,
            skip=[SKIPPED],
            dialect=self.dialect,
            missing=missing,
            hint=hint,
        )
        found, texts = zip(*chunks, strict=True)
        return (
            _in_order(np.concatenate(found), names, numbers),
            self._with_points(_in_order(np.concatenate(texts), names, words)),
        )

    def _with_points(self, words: np.ndarray) -> np.ndarray:
        """Words among which numbers have a decimal point."""
        if self.dialect.decimal != ".":
            for column in words.T:
                for i, cell in enumerate(column):
                    if "," in cell and is_number(cell, self.dialect.decimal):
                        column[i] = cell.replace(",", ".")
        return words

    def check_columns(self, wanted: Sequence[str]) -> None:
        """Raise ``ValueError`` if a wanted column is not there; the message says what may help."""
        known = set(self.names)
        missing = next((name for name in wanted if name not in known), None)
        if missing is None:
            return
        names = [name for name in self.names if name.strip()]
        hint, more = suggestion(missing, names), ""
        if len(names) == 1:
            more = "; sep= names the character between cells, if it is not one of , ; | or a tab"
        elif self.header and are_numbers(names):
            more = f"; header=false reads this line as a row; its columns are 1 … {len(self.names)}"
        raise ValueError(
            f"{self.path} has no column {missing!r}{hint} (columns: {listed(names)}){more}"
        )

    def place(self, i: int, name: str) -> str:
        """The place of a cell, in the i-th row of cells, for errors."""
        return f"{self.path}, row {i + 1 + self.header}, column {self._number(name)} ({name})"

    def _number(self, name: str) -> int:
        return self.names.index(name) + 1


def _in_order(cells: np.ndarray, names: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Columns in the file's order as those that are wanted."""
    there = set(wanted)
    present = [name for name in names if name in there]
    if present == list(wanted):
        return cells
    places = {name: i for i, name in enumerate(present)}
    return cells[:, [places[name] for name in wanted]]


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise ``ValueError`` if a column has the name of another one."""
    known = set[str]()
    for i, name in enumerate(names):
        if name.strip() and name in known:
            what = f"column {i + 1} is called {listed([name])!r}, as is another one"
            raise ValueError(f"{path}, row 1: {what}")
        known.add(name)


def counts_from(first: int, cells: Sequence[str]) -> bool:
    """True if cells are the numbers first, first + 1 ..., as programs write names of columns."""
    return all(is_number(cell) and float(cell) == first + i for i, cell in enumerate(cells))


def may_be_number(cell: str) -> bool:
    """True if a cell holds a number, with either decimal sign, or stands for a missing one."""
    return is_number(cell) or bool(DECIMAL_COMMA.fullmatch(cell)) or is_missing(cell)


def are_numbers(names: Sequence[str]) -> bool:
    """True if at least half of the names are numbers, and these do not count, as years may."""
    numbers = [name for name in names if may_be_number(name)]
    if 2 * len(numbers) < max(1, len(names)):
        return False
    first = float(numbers[0]) if is_number(numbers[0]) else 0.5
    return not (first.is_integer() and counts_from(int(first), numbers))


def say(path: Path, notes: Sequence[str]) -> None:
    """Print what was recognized of a file, in one line on standard error."""
    if notes:
        print(f"{display_path(path)}: {'; '.join(notes)}", file=sys.stderr)


# ---------------------------------------------------------------------------- tables for training


def column_name(option: str, name: object) -> str:
    """The name of a column as text; flags give names such as 2 as integers."""
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise TypeError(f"{option} must name a column, got {name!r}")
    return str(name)


def column_names(option: str, columns: object, names: Sequence[str]) -> list[str]:
    """The columns that an option names, each once: a list, or a text with commas between them."""
    is_list = isinstance(columns, Sequence) and not isinstance(columns, str)
    several: Sequence[object] = columns if is_list else [columns]  # type: ignore[assignment]
    found, known = dict[str, None](), set(names)
    for column in several:
        name = column_name(option, column)
        parts = [name] if name in known else [part.strip() for part in name.split(",")]
        found |= dict.fromkeys(parts)
    return list(found)


def open_training_table(path: Path, form: Form, label: str) -> tuple[TableFile, list[str]]:
    """Recognize the form of a table, all but its decimal sign, and the names of its columns.

    Parameters
    ----------
    path : Path
    form : Form
        What is given.
    label : str
        The name of the label, which tells the separator.

    Returns
    -------
    table : TableFile
    notes : list of str
        What is left out, in words.

    Raises
    ------
    ValueError
        If a column has no name or that of another, or the first line seems to hold no names.
    """
    encoding = encoding_of(path, form.encoding or PLAIN.encoding)
    header = form.header is not False

    def fits(cells: list[str]) -> bool:
        if header:
            return label in cells
        others = [cell for i, cell in enumerate(cells, start=1) if str(i) != label]
        return len(others) < len(cells) and all(map(may_be_number, others))

    sep = form.sep or find_separator(path, encoding, fits) or likely_separator(path, encoding)
    dialect = Dialect(sep, encoding=encoding)
    cells = first_line(path, dialect)
    rows = sample(path, dialect)[int(header) :]
    if form.header is None and label in cells:
        _check_header(path, cells, label, rows)
    names = cells if header else [str(i + 1) for i in range(len(cells))]
    names, row_names, notes = _name_all(path, names, rows)
    check_names(path, names)
    return TableFile(path, dialect, header, tuple(names), row_names), notes


def _check_header(
    path: Path, cells: Sequence[str], label: str, rows: Sequence[Sequence[str]]
) -> None:
    """Raise ``ValueError`` if the first line seems to be a row of numbers, and not of names.

    A label that is a word is a name unless it is in the rows below, too.
    """
    place = cells.index(label)
    recurs = any(row[place].strip() == label for row in rows if place < len(row))
    others = [cell for cell in cells if cell and (cell != label or is_number(cell))]
    if (recurs or is_number(label)) and are_numbers(others):
        raise ValueError(
            f"{path}, row 1 holds numbers, such as {listed(others, 2)}: header=false reads it as a "
            f"row, and calls the columns 1 … {len(cells)}; header=true takes the numbers as names"
        )


def _name_all(
    path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[str], str, list[str]]:
    """Names of columns, and of one that is skipped as ``with_row_names`` says; notes about them.

    Raises
    ------
    ValueError
        If another column has no name, and is not empty.
    """
    found, first, notes = with_row_names(names, rows), "", list[str]()
    if found and found[0] == SKIPPED:
        first = names[0] if len(names) == len(found) else ""
        what = f"called {first!r}" if first else "without a name"
        notes.append(f"names or numbers of rows, left out: column 1, {what}")
    unnamed = [i for i, name in enumerate(found) if not name]
    for i in unnamed:
        example = next((row[i] for row in rows if i < len(row) and row[i].strip()), None)
        if example is not None:
            what = f"column {i + 1} has no name, and holds {listed([example])!r}"
            raise ValueError(f"{path}, row 1: {what}")
    if unnamed:
        numbers = listed([str(i + 1) for i in unnamed])
        notes.append(f"without a name, empty and left out: column {numbers}")
    return found, first, notes


def with_row_names(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Names of columns, and ``SKIPPED`` for a first one that holds the names or numbers of rows.

    That has no name, or that which pandas gives it, and its cells are all different; or there is
    one name too few, and it counts or holds words.
    """
    column = [row[0].strip() if row else "" for row in rows]
    if not names or not column or not all(column) or len(set(column)) < len(column):
        return list(names)
    whole = all(is_number(cell) and float(cell).is_integer() for cell in column)
    words = not any(map(is_number, column))
    if (names[0] == "" and (whole or words)) or (names[0] == UNNAMED and whole):
        return [SKIPPED, *names[1:]]
    surplus = {len(row) for row in rows} == {len(names) + 1} and any(row[-1] for row in rows)
    if surplus and (counts_from(0, column) or counts_from(1, column) or words):
        return [SKIPPED, *names]
    return list(names)
