"""A dictionary with attributes, and one-hot labels."""

from typing import Any

import numpy as np

from neural_networks.utils.factories import suggestion


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


def integers_to_one_hot(v: np.ndarray, max_val: int | None = None) -> np.ndarray:
    """One-hot rows of integer class labels.

    Parameters
    ----------
    v : array of int, any shape
        Class labels, 0 or greater; read in row-major order.
    max_val : int, optional
        The largest possible label; the largest in ``v`` by default.

    Returns
    -------
    array of float64, (v.size, max_val + 1)
        Row i is 1 in column ``v[i]`` and 0 elsewhere.

    Raises
    ------
    TypeError
        If ``v`` does not hold whole numbers.
    ValueError
        If ``v`` is empty and ``max_val`` not given, or a label is outside 0 ... max_val.
    """
    labels = np.asarray(v).ravel()
    if labels.dtype.kind not in "biuf":
        raise TypeError(f"v must hold whole numbers, got {labels.dtype}")
    if labels.size == 0 and max_val is None:
        raise ValueError("v is empty: give max_val, the largest possible label")
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
