"""Columns of a table as features: numbers, and categories as one-hot columns."""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from neural_networks.datasets.descriptions import entries, finite_numbers
from neural_networks.datasets.files.dialect import (
    PLAIN,
    Dialect,
    decimal_sign,
    separator,
    text_encoding,
)
from neural_networks.datasets.labels import class_key, find_classes, is_missing
from neural_networks.utils.text import listed
from neural_networks.utils.validation import true_or_false

MOST_CATEGORIES = 1000
"""Categories of a column, at most: each becomes a feature."""

Place = Callable[[int, str], str]
"""The place of a cell, for errors: from the number of the example, from 0, and the column."""


@dataclass(frozen=True)
class TableEncoder:
    """Columns of a table as features, as the training rows define them.

    A column of numbers is a feature. A column of categories becomes a feature for each category of
    the training rows, ``column=category``: 1 where a cell holds it, else 0.

    Attributes
    ----------
    columns : tuple of str
        All columns with names, in the file's order.
    left_out : tuple of str
        Those that do not become features: the label, and dropped ones.
    categories : mapping of str to tuple of str
        The categories of each column that has some.
    fill : mapping of str to float or str
        The value for a missing cell, by column: the median of the training rows or, of categories,
        the most frequent one. Empty if no cell may be missing.
    dialect : Dialect
        The form of the training file.
    header : bool
        If False, the training file has no names, and its columns are called 1, 2 ...
    """

    columns: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fill: Mapping[str, float | str] = field(default_factory=dict)
    dialect: Dialect = PLAIN
    header: bool = True

    @cached_property
    def inputs(self) -> list[str]:
        """The columns that become features, in order."""
        left_out = set(self.left_out)
        return [name for name in self.columns if name not in left_out]

    @cached_property
    def numbers(self) -> list[str]:
        """The columns of numbers among the inputs."""
        return [name for name in self.inputs if name not in self.categories]

    @cached_property
    def words(self) -> list[str]:
        """The columns of categories among the inputs."""
        return [name for name in self.inputs if name in self.categories]

    @property
    def feature_names(self) -> list[str]:
        """The names of the features, in order."""
        names: list[str] = []
        for name in self.inputs:
            known = self.categories.get(name)
            names += [name] if known is None else [f"{name}={category}" for category in known]
        return names

    def fitted(self, numbers: np.ndarray, words: np.ndarray, fill: bool) -> "TableEncoder":
        """The encoder with the categories of training rows and, to ``fill``, their medians.

        Parameters
        ----------
        numbers : array of float64, (m, columns)
            The columns of numbers; missing ones are NaN.
        words : array of str, (m, columns)
            The columns of categories; missing ones are words for which ``is_missing`` is true.
        fill : bool
            If True, missing cells will be filled; otherwise there are none.

        Raises
        ------
        ValueError
            If a column has no value, or too many categories.
        """
        values: dict[str, float | str] = {}
        if fill:
            values |= zip(self.numbers, _medians(self.numbers, numbers), strict=True)
        categories = {}
        for name, column in zip(self.words, words.T, strict=True):
            present = [cell for cell in column if not is_missing(cell.strip())]
            _check_any(name, len(present))
            found, codes = find_classes(present, str)
            if len(found) > MOST_CATEGORIES:
                raise ValueError(
                    f"column {name!r} has {len(found):,} categories in the training rows "
                    f"({listed(found, 3)}); at most {MOST_CATEGORIES:,} are possible"
                )
            categories[name] = tuple(found)
            if fill:
                values[name] = found[int(np.bincount(codes).argmax())]
        return replace(self, categories=categories, fill=values)

    def encode(self, numbers: np.ndarray, words: np.ndarray, place: Place) -> np.ndarray:
        """Features (n, d) of float64, see ``fitted``.

        Raises
        ------
        ValueError
            If a category is not one of the training rows, or missing.
        """
        if self.fill:
            numbers = self._filled(numbers, self.numbers)
        if not self.categories:
            return numbers
        parts = dict(zip(self.numbers, numbers.T[:, :, np.newaxis], strict=True))
        for name, column in zip(self.words, words.T, strict=True):
            codes = self._codes(name, column, place)
            parts[name] = np.eye(len(self.categories[name]))[codes]
        return np.concatenate([parts[name] for name in self.inputs], axis=1)

    def fill_features(self, X: np.ndarray) -> np.ndarray:
        """Features (n, d) with the medians in place of NaN; X itself without ``fill``."""
        return self._filled(X, self.feature_names) if self.fill else X

    def _filled(self, X: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """X (n, columns), where NaN in a column of numbers is replaced by its value in ``fill``."""
        missing = np.isnan(X)
        if not missing.any():
            return X
        medians = {name: x for name, x in self.fill.items() if not isinstance(x, str)}
        values = [medians.get(name, np.nan) for name in names]
        return np.where(missing, np.array(values, X.dtype), X)

    def _codes(self, name: str, column: Sequence[str], place: Place) -> list[int]:
        """The category of each cell, an index into the column's categories."""
        known = {class_key(category): i for i, category in enumerate(self.categories[name])}
        codes: dict[str, int] = {}  # of cells as they are written
        for i, cell in enumerate(column):
            if cell in codes:
                continue
            word = cell.strip()
            if is_missing(word):
                if name not in self.fill:
                    raise ValueError(f"{place(i, name)}: {_missing(word)}")
                word = str(self.fill[name])
            if class_key(word) not in known:
                raise ValueError(
                    f"{place(i, name)}: {listed([word])!r} is not among the categories of the "
                    f"training rows: {listed(self.categories[name])}"
                )
            codes[cell] = known[class_key(word)]
        return [codes[cell] for cell in column]

    def description(self) -> dict[str, Any]:
        """The encoder for JSON."""
        return {
            "sep": self.dialect.sep,
            "decimal": self.dialect.decimal,
            "encoding": self.dialect.encoding,
            "header": self.header,
            "columns": list(self.columns),
            "left_out": list(self.left_out),
            "categories": {name: list(known) for name, known in self.categories.items()},
            "fill": dict(self.fill),
        }

    @classmethod
    def from_description(cls, description: object) -> "TableEncoder":
        """The inverse of ``description``; ``ValueError`` or ``TypeError`` if it is not one."""
        rules = ("sep", "decimal", "encoding", "header", "columns", "left_out")
        given = entries("table", description, (*rules, "categories", "fill"))
        dialect = Dialect(
            separator(given["sep"]),
            decimal_sign(given["decimal"]),
            text_encoding(given["encoding"]),
        )
        columns, left_out = (_names(key, given[key]) for key in ("columns", "left_out"))
        for key in ("categories", "fill"):
            if not isinstance(given[key], dict) or not set(given[key]) <= set(columns):
                raise ValueError(
                    f"{key} must be a mapping of columns, got {reprlib.repr(given[key])}"
                )
        categories = {name: _names(name, known) for name, known in given["categories"].items()}
        for name, value in given["fill"].items():
            if name not in categories:
                finite_numbers(name, value)
            elif value not in categories[name]:
                raise ValueError(f"{value!r} is not a category of {name!r}")
        header = true_or_false("header", given["header"])
        return cls(columns, left_out, categories, given["fill"], dialect, header)


def _medians(names: Sequence[str], numbers: np.ndarray) -> list[float]:
    """The median of each column, without NaN; ``ValueError`` if one has nothing else."""
    for name, count in zip(names, (~np.isnan(numbers)).sum(axis=0).tolist(), strict=True):
        _check_any(name, count)
    medians: list[float] = np.nanmedian(numbers, axis=0).tolist() if names else []
    return medians


def _check_any(name: str, count: int) -> None:
    if not count:
        raise ValueError(f"column {name!r} has no value in the training rows: leave it out")


def check_present(names: Sequence[str], words: np.ndarray, place: Place, hint: str = "") -> None:
    """Raise ``ValueError``, with a hint, if a cell of words (n, columns) is missing."""
    for name, column in zip(names, words.T, strict=True):
        for i, cell in enumerate(column):
            if is_missing(cell.strip()):
                raise ValueError(f"{place(i, name)}: {_missing(cell.strip())}{hint}")


def _missing(word: str) -> str:
    return f"the cell holds {word!r}, so its value is missing" if word else "the cell is empty"


def _names(key: str, value: object) -> tuple[str, ...]:
    """A list of names, each of them once; ``ValueError`` if it is not one."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{key} must be a list of names, got {reprlib.repr(value)}")
    if len(set(value)) < len(value):
        raise ValueError(f"{key} must name each only once, got {listed(value)}")
    return tuple(value)
