"""Hints for cells of a table that should hold numbers, and do not."""

import re

from neural_networks.datasets.files.csv_reader import is_number
from neural_networks.datasets.labels import is_missing

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = "|".join(
    (
        r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?",  # 2026-01-31, 31.1.2026 12:00
        r"\d{1,2}:\d{2}(:\d{2}.*)?( ?[ap]m)?",  # 12:00
        rf"(\w+, ?)?\d{{1,2}}[-. ]+{_MONTH}([-., ]+\d.*)?",  # 31 Jan 2026
        rf"{_MONTH}[-., ]+\d{{1,4}}\b.*",  # January 31, 2026
    )
)
DATE = re.compile(_DATE, re.IGNORECASE)
"""Dates and times, as they are written in tables."""

THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(([,' ]\d{3})+(\.\d+)?|([.' ]\d{3})+(,\d+)?)")
"""Numbers with a character between thousands."""

FILL_HINT = "; missing=median fills in missing cells"


def training_hint(name: str, cell: str) -> str:
    """The hint for a cell of a table for training that should hold a number."""
    if is_missing(cell):
        return FILL_HINT
    if DATE.fullmatch(cell):
        return (
            f", but a date or time; write it as numbers, such as year and month, or leave it out: "
            f"drop={name}"
        )
    return number_hint(name, cell) or (
        f"; categories={name} encodes a column of words, drop={name} leaves it out"
    )


def number_hint(name: str, cell: str) -> str:
    """The hint for a cell that may be a number in another form; empty if there is none."""
    if THOUSANDS.fullmatch(cell):
        return "; numbers with separated thousands are not read"
    if is_number(cell, ","):
        return "; decimal=comma reads decimal commas"
    return ""
