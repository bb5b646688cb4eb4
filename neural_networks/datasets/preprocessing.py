"""Preprocessing of examples: standardization and augmentation."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from neural_networks.datasets.descriptions import entries, finite_numbers
from neural_networks.datasets.table_encoder import TableEncoder
from neural_networks.utils.data_processing import divisors
from neural_networks.utils.validation import floating_type, positive_integer, true_or_false

CHUNK = 2**18
"""Numbers per chunk where an array may be larger than the memory."""


def row_chunks(X: np.ndarray) -> list[slice]:
    """Consecutive slices of the rows of X, each of about ``CHUNK`` numbers."""
    rows = max(1, CHUNK // max(1, X[:1].size))
    return [slice(start, start + rows) for start in range(0, len(X), rows)]


class Standardization:
    """(X - mean) / std, with the mean and the standard deviation of a training set.

    Parameters
    ----------
    mean, std : array of float64
        One number per feature, or per channel of images; a std of 0, or of rounding alone, is
        replaced by 1, see ``divisors``.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean = np.asarray(mean, np.float64)
        self.std = divisors(np.asarray(std, np.float64), self.mean)

    @classmethod
    def of(cls, X: np.ndarray) -> "Standardization":
        """The standardization of a training set X: per feature of rows (n, d), per image channel.

        X is read in chunks, so it may be larger than the memory.

        Raises
        ------
        ValueError
            If finite numbers are so large that their squares overflow, from about 1e154 on.
        """
        # With D = X - x, the variance is E[D²] - E[D]² for any x. A central x keeps digits from
        # canceling; one taken from the data makes the variance of a constant exactly 0.
        middle = np.median(X[:1001].reshape(-1, X.shape[-1]).astype(np.float64), axis=0)
        total, squares = np.zeros_like(middle), np.zeros_like(middle)
        for rows in row_chunks(X):
            with np.errstate(over="ignore", invalid="ignore"):  # refused below
                D = X[rows].reshape(-1, X.shape[-1]) - middle
                ones = np.ones(len(D))  # ones @ D is D.sum(axis=0), three times as fast
                total += ones @ D
                squares += ones @ np.square(D, out=D)
        n = X.size // X.shape[-1]
        mean, variance = middle + total / n, squares / n - (total / n) ** 2
        if np.isinf(variance[np.isfinite(mean)]).any():
            raise ValueError(f"values up to {np.abs(X).max():g} are too large to be standardized")
        return cls(mean, divisors(np.sqrt(np.maximum(variance, 0)), mean, X.dtype))

    def description(self) -> dict[str, Any]:
        """Mean and standard deviation as lists, for JSON; every digit is kept."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_description(cls, description: object) -> "Standardization":
        """The inverse of ``description``; ``ValueError`` or ``TypeError`` if it is not one."""
        given = entries("standardization", description, ("mean", "std"))
        return cls(*(finite_numbers(name, given[name]) for name in ("mean", "std")))

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """X, an array of floats, standardized in its own type."""
        return (X - self.mean.astype(X.dtype)) / self.std.astype(X.dtype)

    def undo(self, X: np.ndarray) -> np.ndarray:
        """The inverse: X before it was standardized."""
        return X * self.std.astype(X.dtype) + self.mean.astype(X.dtype)


class Augmentation:
    """Data augmentation: random changes of images that keep their class.

    Each epoch shows a different version of every image, which reduces overfitting.

    Parameters
    ----------
    flip : bool
        If True, each image is mirrored left to right with probability ½.
    shift : int
        Largest shift in pixels, in each direction; the border is filled with zeros.
    """

    def __init__(self, flip: bool = False, shift: int = 0) -> None:
        self.flip = true_or_false("flip", flip)
        self.shift = positive_integer("shift", shift, least=0)

    def __bool__(self) -> bool:
        return self.flip or self.shift > 0

    def __call__(self, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Images (m, H, W, C), each with its own random change."""
        if self.flip:
            mirrored = rng.random(len(X)) < 0.5
            X = np.where(mirrored[:, None, None, None], X[:, :, ::-1], X)
        return self._shifted(X, rng) if self.shift else X

    def _shifted(self, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        s = self.shift
        padded = np.pad(X, ((0, 0), (s, s), (s, s), (0, 0)))
        # (m, 2s + 1, 2s + 1, C, H, W): a view of every shifted image.
        views = sliding_window_view(padded, X.shape[1:3], axis=(1, 2))
        down, right = rng.integers(0, 2 * s + 1, (2, len(X)))
        return np.ascontiguousarray(views[np.arange(len(X)), down, right].transpose(0, 2, 3, 1))


class Preprocessing:
    """Preprocessing of stored examples for a batch: type, standardization, augmentation.

    Parameters
    ----------
    dtype : str or type
        The type of a batch: float32 or float64.
    standardization : Standardization, optional
    augmentation : Augmentation, optional
        Applied to training batches.
    as_rows : bool
        If True, an image (H, W, C) becomes a row of H·W·C features.
    table : TableEncoder, optional
        Turns the columns of a table into stored examples, before all that.
    """

    def __init__(
        self,
        dtype: DTypeLike = "float64",
        standardization: Standardization | None = None,
        augmentation: Augmentation | None = None,
        as_rows: bool = False,
        table: TableEncoder | None = None,
    ) -> None:
        self.table = table
        self.dtype = floating_type(dtype)
        self.standardization = standardization
        self.augmentation = augmentation or None
        self.as_rows = as_rows

    def description(self) -> dict[str, Any]:
        """Type, standardization, shape and table, for JSON; augmentation is for training only."""
        standardization, table = self.standardization, self.table
        description = {
            "dtype": self.dtype.name,
            "standardization": standardization and standardization.description(),
            "as_rows": self.as_rows,
        }
        return description if table is None else {**description, "table": table.description()}

    @classmethod
    def from_description(cls, description: object) -> "Preprocessing":
        """The inverse of ``description``; ``ValueError`` or ``TypeError`` if it is not one."""
        names = ("dtype", "standardization", "as_rows")
        given = entries("preprocessing", description, names, optional=("table",))
        standardization = given["standardization"]
        if standardization is not None:
            standardization = Standardization.from_description(standardization)
        as_rows = true_or_false("as_rows", given["as_rows"])
        table = given.get("table")  # which other datasets, and older runs, do not have
        table = None if table is None else TableEncoder.from_description(table)
        return cls(given["dtype"], standardization, as_rows=as_rows, table=table)

    def __call__(self, X: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Examples (m, ...) preprocessed, and augmented if ``rng`` is given."""
        X = self.convert(X, rng)
        return X.reshape(len(X), -1) if self.as_rows else X

    def convert(self, X: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Preprocess examples, but leave images as images."""
        # Float64 data is standardized in float64; bytes in the type of the batch.
        floating = np.issubdtype(X.dtype, np.floating)
        X = np.asarray(X, np.result_type(X.dtype, self.dtype) if floating else self.dtype)
        if self.standardization is not None:
            X = self.standardization(X)
        with np.errstate(over="ignore"):  # Data refuses the infinities
            X = X.astype(self.dtype, copy=False)
        if self.augmentation is not None and rng is not None:
            X = self.augmentation(X, rng)
        return X
