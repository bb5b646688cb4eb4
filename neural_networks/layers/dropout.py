"""Dropout: zeroes random units during training."""

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.utils.randomness import check_seed
from neural_networks.utils.validation import number_in


class Dropout(Layer):
    """Inverted dropout: during training, each number becomes 0 with probability p.

    Y = X · M, where each entry of the mask M is 0 with probability p, and 1 / (1 - p) otherwise.
    So E[Y] = X, and prediction needs no correction: there, Y = X. Source: Srivastava, Hinton,
    Krizhevsky, Sutskever and Salakhutdinov, "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting", JMLR 15, 2014.

    Parameters
    ----------
    p : float
        Probability to drop, in [0, 1).
    seed : int, optional
        Draws the same mask in every ``forward`` on a batch of the same shape, as a gradient
        check needs it. Without it, each ``forward`` draws a new mask.
    dtype : str or type
        See ``Layer``.
    rng : numpy.random.Generator or int, optional
        Source of the masks, if there is no ``seed``.

    Attributes
    ----------
    cache : OrderedDict
        ``mask``, M.

    Raises
    ------
    TypeError, ValueError
        If p is not a number in [0, 1), or the seed not a whole number.
    """

    rng_stream = "dropout"

    def __init__(
        self,
        p: float = 0.5,
        seed: int | None = None,
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.seed = check_seed(seed)
        super().__init__(dtype=dtype, rng=self.seed if rng is None else rng)
        self.p = number_in("p", p, 0, 1)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = X · M with a new mask M in training, Y = X in prediction.

        Parameters
        ----------
        X : array of float, (m, ...)

        Returns
        -------
        array, the shape of X
        """
        X = self.check_input(X)
        if not self.training:
            return X
        rng = self.rng if self.seed is None else np.random.default_rng(self.seed)
        kept = rng.random(X.shape, self.dtype.type) >= self.p
        self.cache["mask"] = np.multiply(kept, 1 / (1 - self.p), dtype=self.dtype)
        return X * self.cache["mask"]

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX of Y = X · M.

        Parameters
        ----------
        dLdY : array, the shape of X

        Returns
        -------
        array, the shape of X
        """
        # Every y is its own x times a number that does not depend on it.
        mask = self.from_cache("mask")
        return self.check_gradient(dLdY, mask.shape) * mask

    def passed_on(self, low: float, high: float) -> tuple[float, float]:
        """In training: 0, and the range times 1 / (1 - p)."""
        return min(0, low / (1 - self.p)), max(0, high / (1 - self.p))

    def details(self) -> list[str]:
        """The probability to drop."""
        return [f"p = {self.p:g}"]
