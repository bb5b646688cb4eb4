"""What examples go through before a network sees them: standardized, and perhaps augmented."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from neural_networks.utils.validation import floating_type, positive_integer, true_or_false

CHUNK = 2**18
"""Numbers of an array that are worked on at a time where it may be larger than the memory."""


def row_chunks(X: np.ndarray) -> list[slice]:
    """Slices that make up the rows of X, each of about ``CHUNK`` numbers."""
    rows = max(1, CHUNK // max(1, X[:1].size))
    return [slice(start, start + rows) for start in range(0, len(X), rows)]


class Standardization:
    """(X - mean) / std, with the mean and the standard deviation of a training set.

    Parameters
    ----------
    mean, std : array of float64
        Numbers for each feature, or for each channel of images; a std of 0 counts as 1.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean = np.asarray(mean, np.float64)
        std = np.asarray(std, np.float64)
        self.std = np.where(std == 0, 1.0, std)

    @classmethod
    def of(cls, X: np.ndarray) -> "Standardization":
        """That of a training set: of each feature of rows (n, d), of each channel of images.

        X is read in chunks, so it may be larger than the memory.
        """
        # With D = X - x, E[D²] - E[D]² is the variance whatever x is. Any middling x keeps the
        # difference from losing digits; one out of the data makes it exactly 0 for a constant.
        middle = np.median(X[:1001].reshape(-1, X.shape[-1]).astype(np.float64), axis=0)
        total, squares = np.zeros_like(middle), np.zeros_like(middle)
        for rows in row_chunks(X):
            D = X[rows].reshape(-1, X.shape[-1]) - middle
            ones = np.ones(len(D))  # times D it is D.sum(axis=0), three times as fast
            total += ones @ D
            squares += ones @ np.square(D, out=D)
        n = X.size // X.shape[-1]
        return cls(middle + total / n, np.sqrt(squares / n - (total / n) ** 2))

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """X, which holds floats, standardized in its own type."""
        return (X - self.mean.astype(X.dtype)) / self.std.astype(X.dtype)

    def undo(self, X: np.ndarray) -> np.ndarray:
        """What was standardized to X."""
        return X * self.std.astype(X.dtype) + self.mean.astype(X.dtype)


class Augmentation:
    """Images changed at random in ways that leave what they show the same.

    A network that sees each image a little different in every epoch cannot learn the images by
    heart.

    Parameters
    ----------
    flip : bool
        Whether every second image, by chance, is mirrored: left becomes right.
    shift : int
        By how many pixels, at most, an image is moved in each direction; what was outside comes
        in as zeros.
    """

    def __init__(self, flip: bool = False, shift: int = 0) -> None:
        self.flip = true_or_false("flip", flip)
        self.shift = positive_integer("shift", shift, least=0)

    def __bool__(self) -> bool:
        return self.flip or self.shift > 0

    def __call__(self, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Images (m, H, W, C), each changed in its own way."""
        if self.flip:
            mirrored = rng.random(len(X)) < 0.5
            X = np.where(mirrored[:, None, None, None], X[:, :, ::-1], X)
        return self._shifted(X, rng) if self.shift else X

    def _shifted(self, X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        s = self.shift
        padded = np.pad(X, ((0, 0), (s, s), (s, s), (0, 0)))
        # (m, 2s + 1, 2s + 1, C, H, W): every piece of the size of an image, without a copy.
        pieces = sliding_window_view(padded, X.shape[1:3], axis=(1, 2))
        down, right = rng.integers(0, 2 * s + 1, (2, len(X)))
        return np.ascontiguousarray(pieces[np.arange(len(X)), down, right].transpose(0, 2, 3, 1))


class Preprocessing:
    """The way of examples from where they are stored to a batch.

    Parameters
    ----------
    dtype : str or type
        The type of a batch: float32 or float64.
    standardization : Standardization, optional
    augmentation : Augmentation, optional
        Of training batches.
    as_rows : bool
        Whether an image (H, W, C) becomes a row of H·W·C features.
    """

    def __init__(
        self,
        dtype: Any = "float64",
        standardization: Standardization | None = None,
        augmentation: Augmentation | None = None,
        as_rows: bool = False,
    ) -> None:
        self.dtype = floating_type(dtype)
        self.standardization = standardization
        self.augmentation = augmentation or None
        self.as_rows = as_rows

    def __call__(self, X: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Examples (m, ...) as a network gets them; augmented if there is a generator."""
        X = self.convert(X, rng)
        return X.reshape(len(X), -1) if self.as_rows else X

    def convert(self, X: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The same, but images stay images."""
        # Measurements in float64 are standardized as such; bytes have no type of their own.
        floating = np.issubdtype(X.dtype, np.floating)
        X = np.asarray(X, np.result_type(X.dtype, self.dtype) if floating else self.dtype)
        if self.standardization is not None:
            X = self.standardization(X)
        with np.errstate(over="ignore"):  # what is too large for the type, Data refuses
            X = X.astype(self.dtype, copy=False)
        if self.augmentation is not None and rng is not None:
            X = self.augmentation(X, rng)
        return X
