"""Tables of unlabeled examples: their columns found by name or place, and encoded."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neural_networks.datasets.files.csv_reader import first_line, is_number
from neural_networks.datasets.files.dialect import (
    BYTE_ORDER_MARKS,
    PLAIN,
    Dialect,
    encoding_of,
    is_utf8,
)
from neural_networks.datasets.files.recognition import (
    Form,
    find_separator,
    likely_separator,
    sample,
)
from neural_networks.datasets.sources.cell_hints import number_hint
from neural_networks.datasets.sources.table_file import (
    SKIPPED,
    UNNAMED,
    TableFile,
    counts_from,
    may_be_number,
    say,
    with_row_names,
)
from neural_networks.datasets.table_encoder import TableEncoder
from neural_networks.utils.factories import suggestion
from neural_networks.utils.text import listed


class ExampleTable:
    """A CSV file of examples for a network that was trained on a dataset.

    Parameters
    ----------
    path : Path
    dataset : str
        The dataset's name, for errors.
    encoder : TableEncoder
        Its columns.
    named : bool
        If False, the columns of the dataset have no names.
    form : Form
        What is given of the file's form; the rest is recognized, or that of the training file.
    """

    def __init__(
        self, path: Path, dataset: str, encoder: TableEncoder, named: bool, form: Form
    ) -> None:
        self.path, self.dataset, self.encoder, self.form = path, dataset, encoder, form
        self._inputs = set(encoder.inputs)
        self._named = named and encoder.header
        self._notes: list[str] = []

    def read(self) -> np.ndarray:
        """The features of all examples, (n, d).

        Raises
        ------
        ValueError
            If a column is missing, a cell is wrong, or the first line may hold names or not.
        """
        table, encoder = self._open(), self.encoder
        numbers, words = table.read(encoder.numbers, encoder.words, bool(encoder.fill), number_hint)
        X = encoder.encode(numbers, words, table.place)
        filled = dict(zip(encoder.numbers, np.isnan(numbers).sum(axis=0).tolist(), strict=True))
        if any(filled.values()):
            cells = listed([f"{name} ({count})" for name, count in filled.items() if count])
            self._notes.append(f"missing cells filled: {cells}")
        say(self.path, [*self.form.notes(table.dialect, encoder.dialect), *self._notes])
        return X

    def _open(self) -> TableFile:
        """The file with its form, and names of columns as the encoder has them."""
        dialect = self._dialect()
        cells, rows = first_line(self.path, dialect), sample(self.path, dialect)[1:]
        header = self._has_names(cells)
        names = self._names(cells, rows, header)
        table = TableFile(self.path, dialect, header, tuple(names))
        return table.recognized(self.form, self.encoder.numbers, self.encoder.dialect)

    def _dialect(self) -> Dialect:
        """Separator and encoding: as given, else those with which the columns are found."""
        usual, form = self.encoder.dialect, self.form
        marked = usual.encoding in BYTE_ORDER_MARKS.values()  # without a mark, it is not likely
        likely = form.encoding or (PLAIN.encoding if marked else usual.encoding)
        encoding = encoding_of(self.path, likely)
        if form.encoding is None and encoding != PLAIN.encoding and is_utf8(self.path):
            encoding = PLAIN.encoding
        sep = form.sep or find_separator(self.path, encoding, self._fits, usual.sep)
        return Dialect(sep or likely_separator(self.path, encoding, usual.sep), encoding=encoding)

    def _fits(self, cells: list[str]) -> bool:
        """True if these may be the cells of the first line: the names, or an example."""
        if self._named and self._inputs <= set(cells):
            return True
        names, numbers = self._by_place(cells), set(self.encoder.numbers)
        return len(names) == len(cells) and all(
            may_be_number(cell) for cell, name in zip(cells, names, strict=True) if name in numbers
        )

    def _has_names(self, cells: list[str]) -> bool:
        """True if the first line holds names.

        Raises
        ------
        ValueError
            If it may hold names or an example, or has not the names that are needed.
        """
        given = self.form.header
        if given is not False and self._named and self._inputs <= set(cells):
            return True
        filled = cells[1:] if cells[0] == "" else cells
        if given is None and filled and counts_from(0, filled):
            shown = listed(filled, 3)
            raise ValueError(
                f"{self.path}: the first line is {shown}, as programs number columns without "
                "names: say by --header that it is not an example, or by --no-header that it is "
                "one (in Python header=True, header=False)"
            )
        if given is None and len(cells) > 1 and counts_from(1, cells):
            self._notes.append(f"the first line, {listed(cells, 3)}, is read as an example")
        numbers = all(map(may_be_number, filled))
        if given is True and (numbers or not self.encoder.header):
            return True
        if given is True or (given is None and not self._is_example(cells)):
            why = missing_columns(cells, self.dataset, self.encoder.inputs if self._named else [])
            raise ValueError(f"{self.path} has names in its first line, but {why}")
        return False

    def _is_example(self, cells: Sequence[str]) -> bool:
        """True if one cell is a number, or one of the categories of its column."""
        known = self.encoder.categories
        return any(is_number(cell) or is_number(cell, ",") for cell in cells) or any(
            cell in known.get(name, ())
            for cell, name in zip(cells, self._by_place(cells), strict=False)
        )

    def _names(self, cells: list[str], rows: list[list[str]], header: bool) -> list[str]:
        """The names of the columns; those that are not needed are ``SKIPPED``."""
        if not (header and self._named and self._inputs <= set(cells)):
            return self._by_place(cells, header)
        names = cells if UNNAMED in self._inputs else with_row_names(cells, rows)
        counts = Counter(names)
        for name in self.encoder.inputs:
            if counts[name] > 1:
                number = len(names) - names[::-1].index(name)
                what = f"column {number} is called {listed([name])!r}, as is another one"
                raise ValueError(f"{self.path}, row 1: {what}")
        return [name if name in self._inputs else SKIPPED for name in names]

    def _by_place(self, cells: Sequence[str], header: bool = True) -> list[str]:
        """The names of columns without names: as in the training file, or the features alone."""
        inputs, width = self.encoder.inputs, len(cells)
        if not self.encoder.header and width == len(self.encoder.columns):
            return list(self.encoder.columns)
        if header and width == len(inputs) + 1 and cells[0] == "":
            return [SKIPPED, *inputs]  # the numbers of rows, as pandas writes them
        surplus = width - len(inputs)
        return inputs + [""] * surplus if surplus > 0 and not any(cells[-surplus:]) else inputs


def missing_columns(names: Sequence[str], dataset: str, features: Sequence[str]) -> str:
    """The reason why columns with these names are not the features of a dataset."""
    present, wanted = set(names), set(features)
    missing = next((name for name in features if name not in present), None)
    if missing is None:
        return f"for {dataset} its features have no names"
    others = [name for name in names if name not in wanted]
    return f"for {dataset} there is no column {missing!r}{suggestion(missing, others)}"
