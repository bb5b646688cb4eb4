"""Labels: the classes in a column of text, and the encoding of classes for a network."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.datasets.files import csv_reader
from neural_networks.datasets.files.csv_reader import is_number
from neural_networks.utils.data_structures import integers_to_one_hot
from neural_networks.utils.validation import number_in, true_or_false

# "none" may be a class beside "mild" and "severe"; "None" is what Python writes for no value.
MISSING = frozenset(word.casefold() for word in csv_reader.MISSING) - {"none"}


def is_missing(word: str) -> bool:
    """True if a label is a word for a missing value, such as ``NaN``, ``n/a`` or ``NULL``."""
    return word == "None" or word.casefold() in MISSING


def find_classes(cells: Iterable[str], place: Callable[[int], str]) -> tuple[list[str], np.ndarray]:
    """Find the classes in a column of labels, which are words or numbers.

    Parameters
    ----------
    cells : iterable of str
        Blanks around a word do not count. Numbers that are equal are one class, however they are
        written: ``1``, ``1.0`` and ``1e0``.
    place : function
        The place of a cell, from its number, for errors.

    Returns
    -------
    names : list of str
        Classes by number if all are numbers, else by alphabet; of a number written in several ways
        the shortest.
    y : array of int, (n,)
        The class of each cell, an index into ``names``.

    Raises
    ------
    ValueError
        If a label is missing; see ``is_missing``.
    """
    numbers: dict[str, int] = {}
    y = np.fromiter((numbers.setdefault(cell.strip(), len(numbers)) for cell in cells), np.intp)
    words = list(numbers)
    first_missing = min((numbers[word] for word in words if is_missing(word)), default=None)
    if first_missing is not None:
        word, where = words[first_missing], place(int(np.argmax(y == first_missing)))
        what = f"{word!r} is not a label, but a missing one" if word else "the cell is empty"
        raise ValueError(f"{where}: {what}")
    names: dict[str | Decimal, str] = {}
    for word in sorted(words, key=lambda word: (len(word), word)):
        names.setdefault(class_key(word), word)
    of_numbers = all(is_number(word) for word in words)
    sorted_names = sorted(names.values(), key=Decimal if of_numbers else None)
    order = {class_key(name): i for i, name in enumerate(sorted_names)}
    return sorted_names, np.array([order[class_key(word)] for word in words], np.intp)[y]


def class_key(word: str) -> str | Decimal:
    """The key that equal labels share: the exact number, or the word."""
    return Decimal(word) if is_number(word) else word


class LabelEncoder:
    """One-hot or binary encoding of classes, with label smoothing; other labels stay numbers.

    Parameters
    ----------
    dataset : str
        The dataset's name, for errors.
    class_names : sequence of str or None
        The names of the classes; None if labels are not classes.
    dtype : type
        The type of encoded labels.
    binary_labels, label_smoothing
        See ``initialize_dataset``.

    Raises
    ------
    TypeError, ValueError
        If an option has the wrong type, is out of range, or does not fit the classes.
    """

    def __init__(
        self,
        dataset: str,
        class_names: Sequence[str] | None,
        dtype: DTypeLike,
        binary_labels: bool,
        label_smoothing: float,
    ) -> None:
        true_or_false("binary_labels", binary_labels)
        self.label_smoothing = number_in("label_smoothing", label_smoothing, 0, 0.5)
        if class_names is None and (binary_labels or label_smoothing):
            raise ValueError(f"the dataset {dataset!r} has no classes to encode or smooth")
        if class_names is not None and binary_labels and len(class_names) != 2:
            raise ValueError(
                f"one output, as for binary_cross_entropy, is for two classes, and {dataset!r} has "
                f"{len(class_names)}"
            )
        self.class_names = class_names
        self.dtype = dtype
        self.binary_labels = binary_labels

    def __call__(self, y: np.ndarray, training: bool) -> np.ndarray:
        """Labels (n, k): classes (n,) encoded, numbers (n, k) in the encoder's type.

        Parameters
        ----------
        y : array, (n,) or (n, k)
        training : bool
            Label smoothing applies to training labels only.
        """
        if self.class_names is None:
            return y.astype(self.dtype)
        Y = integers_to_one_hot(y, len(self.class_names) - 1).astype(self.dtype)
        if training and self.label_smoothing:
            Y = np.where(Y == 1, 1 - self.label_smoothing, self.label_smoothing / (Y.shape[1] - 1))
            Y = Y.astype(self.dtype)
        return Y[:, 1:].copy() if self.binary_labels else Y
