"""Data structures: a dictionary with attributes, one-hot labels, batches as rows."""

from typing import Any

import numpy as np

from neural_networks.utils.validation import suggestion


class AttrDict(dict[str, Any]):
    """A dictionary whose keys can also be read and written as attributes.

    Examples
    --------
    >>> layer = AttrDict(name="fully_connected", n_out=10)
    >>> layer.n_out
    10
    >>> layer.activation = "relu"
    >>> layer["activation"]
    'relu'
    """

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"no key {key!r}{suggestion(key, self)}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        try:
            del self[key]
        except KeyError:
            raise AttributeError(f"no key {key!r}{suggestion(key, self)}") from None


def first_index(mask: np.ndarray) -> tuple[int, ...]:
    """Where the first True of a mask stands, in row-major order; there has to be one."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def integers_to_one_hot(v: np.ndarray, max_val: int | None = None) -> np.ndarray:
    """One-hot rows of integer class labels.

    Parameters
    ----------
    v : array of int, any shape
        Class labels, 0 or greater; read in row-major order.
    max_val : int, optional
        The largest label there can be; the largest in ``v`` by default.

    Returns
    -------
    array of float64, (v.size, max_val + 1)
        Row i is 1 in column ``v[i]`` and 0 elsewhere.

    Raises
    ------
    TypeError
        If ``v`` holds anything but whole numbers.
    ValueError
        If ``v`` is empty and ``max_val`` not given, or a label is outside 0 ... max_val.
    """
    labels = np.asarray(v).ravel()
    if labels.dtype.kind not in "biuf":
        raise TypeError(f"v must hold whole numbers, got {labels.dtype}")
    if labels.size == 0 and max_val is None:
        raise ValueError("v is empty: give max_val to say how many classes there are")
    if labels.size and not np.array_equal(labels, labels.astype(np.int64)):
        raise TypeError(f"v must hold whole numbers, got {labels.dtype} with fractions")
    labels = labels.astype(np.int64)
    if max_val is None:
        max_val = int(labels.max())
    if labels.size and not 0 <= labels.min() <= labels.max() <= max_val:
        raise ValueError(
            f"labels must lie in 0 ... {max_val}, got {labels.min()} ... {labels.max()}"
        )
    one_hot = np.zeros((labels.size, max_val + 1))
    one_hot[np.arange(labels.size), labels] = 1
    return one_hot


def as_rows(X: np.ndarray) -> np.ndarray:
    """A batch as rows of features.

    (m, d) stays as it is, (m, d, t) becomes (m·t, d), a row for each example and time step, and
    (m, H, W, C) becomes (m·H·W, C), a row for each example and pixel.
    """
    if X.ndim == 2:
        return X
    return (X if X.ndim == 4 else X.transpose(0, 2, 1)).reshape(-1, feature_count(X.shape))


def from_rows(rows: np.ndarray, X_shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of ``as_rows``, for an array whose X had the shape ``X_shape``."""
    if len(X_shape) == 2:
        return rows
    if len(X_shape) == 4:
        return rows.reshape(*X_shape[:-1], rows.shape[1])
    m, _, t = X_shape
    return rows.reshape(m, t, rows.shape[1]).transpose(0, 2, 1)


def feature_count(X_shape: tuple[int, ...]) -> int:
    """How many features a batch has: d of (m, d) or (m, d, t), C of images (m, H, W, C)."""
    return X_shape[-1] if len(X_shape) == 4 else X_shape[1]
