"""Checks of the arrays of a dataset; errors say what is wrong and where."""

import numpy as np

from neural_networks.datasets.preprocessing import Preprocessing, row_chunks
from neural_networks.utils.validation import error_prefix, first_index


def _refuse_masked(what: str, data: object) -> None:
    """Raise ``TypeError`` for a masked array: its mask would be ignored."""
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(f"{what} must not be a masked array: fill in the missing values first")


def check_examples(data: object, bytes_too: bool = False) -> None:
    """Raise an error unless these are examples (n, ...) of floats, or of bytes if allowed."""
    _refuse_masked("examples", data)
    if not isinstance(data, np.ndarray):
        raise TypeError(f"examples must be a NumPy array, got {type(data).__name__}")
    stored_as_bytes = bytes_too and data.dtype == np.uint8
    if not np.issubdtype(data.dtype, np.floating) and not stored_as_bytes:
        raise TypeError(f"examples must be floats, got {data.dtype}; X.astype('float32') converts")
    if data.ndim < 2:
        raise ValueError(f"examples must be (n, d) or have more axes, got shape {data.shape}")
    if data.size == 0:
        raise ValueError(f"there are no examples: shape {data.shape}")


def check_finite(data: np.ndarray, preprocessing: Preprocessing | None = None) -> None:
    """Raise ``ValueError`` for NaN or infinity; in chunks, as the data may be a memory map."""
    if not np.issubdtype(data.dtype, np.floating):
        return
    # A stored value can be finite and yet overflow in the type of a batch.
    narrowed = preprocessing is not None and preprocessing.dtype.itemsize < data.dtype.itemsize
    count, first = 0, ""
    for rows in row_chunks(data):
        part = data[rows]
        if preprocessing is not None and narrowed:
            part = preprocessing.convert(part)
        bad = ~np.isfinite(part)
        if bad.any():
            row, *others = first_index(bad)
            first = first or str((rows.start + row, *others))
            count += int(bad.sum())
    if count:
        raise ValueError(f"{count} values are NaN or infinite, the first one at {first}")


def check_labels(labels: object, n: int) -> None:
    """Raise an error unless these are finite labels (n, ...), an array of numbers."""
    _refuse_masked("labels", labels)
    if not isinstance(labels, np.ndarray) or labels.ndim < 2:
        shape = f"shape {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise ValueError(f"labels must be an array (n, k), got {shape}")
    if labels.dtype.kind not in "biuf":
        raise TypeError(
            f"labels must be numbers, got {labels.dtype}; integers_to_one_hot makes rows of the "
            "numbers of classes"
        )
    if len(labels) != n:
        raise ValueError(f"there are {n} examples, but labels for {len(labels)}")
    finite = np.isfinite(labels)
    if not finite.all():
        row, *others = first_index(~finite)
        value = labels[(row, *others)]
        raise ValueError(f"labels are NaN or infinite, first in row {row} (from 0): {value}")


def check_forecast_sequences(sequences: np.ndarray, shape: tuple[int, ...], out_dim: int) -> None:
    """Raise an error unless sequences (k, d, T) go on from examples of a shape (d, t), t < T."""
    with error_prefix("forecast_sequences"):
        check_examples(sequences)
        check_finite(sequences)
    if len(shape) != 2 or sequences.ndim != 3 or shape[0] != out_dim:
        raise ValueError(
            f"forecast_sequences need examples (d, t) and d outputs, got {shape} and "
            f"{out_dim}, and sequences of shape {sequences.shape}"
        )
    (d, t), (_, features, length) = shape, sequences.shape
    if features != d or length <= t:
        raise ValueError(
            f"forecast_sequences must be (k, {d}, T) with T > {t}, got shape {sequences.shape}"
        )
