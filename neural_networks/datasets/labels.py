"""Label encoding: stored labels to those of a network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.utils.data_structures import integers_to_one_hot
from neural_networks.utils.validation import number_in, true_or_false


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
