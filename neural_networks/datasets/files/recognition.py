"""Recognition of a CSV file's form where there is no doubt; otherwise an error asks for it."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from neural_networks.datasets.files.csv_reader import first_line, is_number, read_rows
from neural_networks.datasets.files.dialect import (
    PLAIN,
    SEPARATORS,
    Dialect,
    decimal_sign,
    separator,
    separator_name,
    text_encoding,
)
from neural_networks.utils.validation import true_or_false

SAMPLE_ROWS = 1000
SAMPLE_CELLS = 200_000
"""The first rows of a file from which its form is recognized: so many, or so many cells."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


class Form(NamedTuple):
    """The form of a CSV file, as far as it is given; None is recognized.

    Attributes
    ----------
    sep, decimal, encoding : str or None
        See ``Dialect``.
    header : bool or None
        If True, the first line holds the names of the columns; if False, it is a row like others.
    """

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None

    @classmethod
    def of(cls, sep: Any, decimal: Any, encoding: Any, header: Any) -> "Form":
        """The form of options as they are typed; an error if one of them is not valid."""
        return cls(
            None if sep is None else separator(sep),
            None if decimal is None else decimal_sign(decimal),
            None if encoding is None else text_encoding(encoding),
            None if header is None else true_or_false("header", header),
        )

    def notes(self, found: Dialect, usual: Dialect = PLAIN) -> list[str]:
        """Words for what was recognized: nothing that is plain or usual, nothing that was given."""
        notes = []
        if self.sep is None and found.sep not in (PLAIN.sep, usual.sep):
            notes.append(f"separated by {separator_name(found.sep)}s")
        if self.decimal is None and found.decimal not in (PLAIN.decimal, usual.decimal):
            notes.append("with decimal commas")
        encoding = found.encoding.removesuffix("-sig")  # UTF-8 with a mark is UTF-8
        if self.encoding is None and encoding not in (PLAIN.encoding, usual.encoding):
            notes.append(f"in {encoding.upper()}")
        return notes


def sample(path: Path, dialect: Dialect) -> list[list[str]]:
    """The cells of the first rows of a file, the first line among them."""
    with read_rows(path, dialect) as rows:
        first = list(islice(rows, 1))
        width = max(1, len(first[0]) if first else 1)
        return first + list(islice(rows, max(3, min(SAMPLE_ROWS, SAMPLE_CELLS // width))))


def find_separator(
    path: Path, encoding: str, fits: Callable[[list[str]], bool], usual: str = PLAIN.sep
) -> str | None:
    """The separator with which the first line has the cells that are expected.

    Parameters
    ----------
    path : Path
    encoding : str
    fits : function
        Takes the cells of the first line; returns True if they are as expected.
    usual : str
        The separator to try first.

    Returns
    -------
    str or None
        None if no separator fits.
    """
    for sep in dict.fromkeys((usual, *SEPARATORS.values())):
        dialect = Dialect(sep, encoding=encoding)
        # Blanks may also stand within names.
        if fits(first_line(path, dialect)):
            rows = sample(path, dialect) if sep == " " else []
            # pandas and R leave out the name of a first column of row numbers.
            if sep != " " or _is_regular(rows) or _is_regular([["", *rows[0]], *rows[1:]]):
                return sep
    return None


def likely_separator(path: Path, encoding: str, usual: str = PLAIN.sep) -> str:
    """The separator of a file whose first line is not as expected, for a message about it."""
    shares = {}
    for sep in dict.fromkeys((usual, *SEPARATORS.values())):
        rows = sample(path, Dialect(sep, encoding=encoding))
        if _is_regular(rows):
            cells = [cell for row in rows for cell in row]
            numbers = sum(is_number(cell) or bool(DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
            shares[sep] = numbers / len(cells)
    return max(shares, key=lambda sep: shares[sep], default=usual)


def _is_regular(rows: Sequence[Sequence[str]]) -> bool:
    """True if all rows have the same number of cells, at least two."""
    widths = {len(row) for row in rows}
    return len(widths) == 1 and min(widths) > 1


def recognize_decimal(
    path: Path,
    rows: Sequence[Sequence[str]],
    numbers: Mapping[int, str],
    usual: str = PLAIN.decimal,
) -> str:
    """The decimal sign in some rows.

    Parameters
    ----------
    path : Path
        The file, for errors.
    rows : sequence of rows of cells
    numbers : mapping
        The places of the columns of numbers, with their names.
    usual : str
        The sign where the numbers do not tell.

    Raises
    ------
    ValueError
        If a comma may also be one between thousands.
    """
    cells = [(i, row[i].strip()) for row in rows for i in numbers if i < len(row)]
    commas = [(i, cell) for i, cell in cells if "," in cell and DECIMAL_COMMA.fullmatch(cell)]
    points = any("." in cell and is_number(cell) for _, cell in cells)
    if points or not commas:
        return "." if points else usual
    if all(THOUSANDS.fullmatch(cell) for _, cell in commas) and usual != ",":
        place, cell = commas[0]
        raise ValueError(
            f"{path}, column {numbers[place]!r}: {cell!r} may have a decimal comma, or one between "
            "thousands: decimal=comma reads it as a number below 1,000; numbers with separated "
            "thousands are not read"
        )
    return ","
