"""Targets of a regression: standardized for training, and given back in their own units."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from neural_networks.datasets.descriptions import entries, finite_numbers
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.utils.data_processing import divisors
from neural_networks.utils.validation import error_prefix, first_index


class TargetScale:
    """Scale on which a network learns numbers: (Y - mean) / spread, per output.

    Numbers such as prices, around 200,000, are far from the first outputs of a network, and their
    squared error has gradients of the same size: no learning rate suits them. On this scale they
    have mean 0 and standard deviation 1, as standardized features have.

    Parameters
    ----------
    mean, spread : array of float, (k,)
        In the units of the targets, a number for each output; a spread of 0, or of
        rounding alone, is replaced by 1.

    Raises
    ------
    ValueError
        If they are not k finite numbers each, or a spread is negative.

    Examples
    --------
    ::

        dataset = Dataset(X, prices, 25, target_scale=TargetScale.of(prices))
        model.train(dataset, epochs=60)
        dataset.target_scale.to_units(model.predict(X, None)[0])
    """

    def __init__(self, mean: ArrayLike, spread: ArrayLike) -> None:
        self.mean, self.spread = finite_numbers("mean", mean), finite_numbers("spread", spread)
        if self.mean.ndim != 1 or self.mean.shape != self.spread.shape or not self.mean.size:
            raise ValueError(
                "mean and spread must have a number for each output, got the shapes "
                f"{self.mean.shape} and {self.spread.shape}"
            )
        if self.spread.min() < 0:
            raise ValueError(f"spread must not be negative, got {self.spread.min():g}")
        self.spread = divisors(self.spread, self.mean)

    @classmethod
    def of(cls, Y: np.ndarray) -> "TargetScale":
        """The scale of training targets: their mean and standard deviation.

        Parameters
        ----------
        Y : array of numbers, (n, k) or (n, k, t)
            Targets in their units. Those of an output that does not vary get the spread 1.

        Raises
        ------
        TypeError
            If they are not an array of numbers.
        ValueError
            If they have another shape, one of them is NaN or infinite, or they are too large.
        """
        _check_targets(Y)
        with error_prefix("targets"):
            found = Standardization.of(np.moveaxis(Y, 1, -1))
            return cls(found.mean, found.std)

    @property
    def n_outputs(self) -> int:
        """k."""
        return len(self.mean)

    def to_training(self, Y: np.ndarray, dtype: DTypeLike | None = None) -> np.ndarray:
        """Targets on the scale of the training: (Y - mean) / spread, computed in float64.

        Parameters
        ----------
        Y : array of numbers, (n, k) or (n, k, t)
            Targets in their units.
        dtype : type, optional
            The type of the result, by default that of Y; float64 if Y holds integers.
        """
        mean, spread = self._shaped_like(Y)
        if dtype is None:
            dtype = Y.dtype if np.issubdtype(Y.dtype, np.floating) else np.float64
        return ((Y.astype(np.float64) - mean) / spread).astype(dtype)

    def to_units(self, Y: np.ndarray) -> np.ndarray:
        """The inverse: targets or predictions (n, k) or (n, k, t) in their units, in float64."""
        mean, spread = self._shaped_like(Y)
        return Y.astype(np.float64) * spread + mean

    def _shaped_like(self, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread in a shape that fits Y: (k,), or (k, 1) for an output at each step."""
        if Y.ndim not in (2, 3) or Y.shape[1] != self.n_outputs:
            raise ValueError(
                f"the target scale is for {self.n_outputs} columns, got targets of shape {Y.shape}"
            )
        shape = (-1,) if Y.ndim == 2 else (-1, 1)
        return self.mean.reshape(shape), self.spread.reshape(shape)

    def description(self) -> dict[str, Any]:
        """Mean and spread as lists, for JSON; every digit is kept."""
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def from_description(cls, description: object) -> "TargetScale":
        """The inverse of ``description``; ``ValueError`` or ``TypeError`` if it is not one."""
        given = entries("target_scale", description, ("mean", "spread"))
        return cls(given["mean"], given["spread"])

    def __repr__(self) -> str:
        return f"TargetScale(mean={self.mean.tolist()}, spread={self.spread.tolist()})"


def _check_targets(Y: object) -> None:
    """Raise an error unless Y is an array of finite numbers, (n, k) or (n, k, t)."""
    if not isinstance(Y, np.ndarray) or Y.dtype.kind not in "biuf":
        what = Y.dtype if isinstance(Y, np.ndarray) else type(Y).__name__
        raise TypeError(f"targets must be an array of numbers, got {what}")
    if np.ma.is_masked(Y):
        raise ValueError("targets must not be masked: leave out the rows that have none")
    if Y.ndim not in (2, 3) or Y.size == 0:
        raise ValueError(f"targets must be (n, k) or (n, k, t), got shape {Y.shape}")
    finite = np.isfinite(Y)
    if not finite.all():
        row, column, *_ = first_index(~finite)
        value = Y[first_index(~finite)]
        raise ValueError(
            f"targets must be finite, got {value} in row {row} (from 0), column {column}"
        )
