"""L2 and L1 penalties on the weights, added to the loss."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from neural_networks.layers import Layer
from neural_networks.utils.validation import number_in

WEIGHTS = ("W", "U")
"""Names of weights in the layers, as opposed to biases and scales."""


class WeightPenalty:
    """A penalty on large weights: R = (l2 / 2) Σ W² + l1 Σ |W|, over all weights.

    Weights are the parameters named ``W`` or ``U``, as in the layers of this library. Biases, and
    the scales and shifts of normalizations, are not penalized, nor are weights of frozen layers.
    With plain gradient descent, l2 acts on the weights as a ``weight_decay`` of that size; l1 makes
    many of them almost 0.

    Parameters
    ----------
    l2, l1 : float
        Strengths, 0 or greater.
    """

    def __init__(self, l2: float = 0.0, l1: float = 0.0) -> None:
        self.l2, self.l1 = number_in("l2", l2, 0), number_in("l1", l1, 0)

    def __bool__(self) -> bool:
        """True if there is any penalty."""
        return bool(self.l2 or self.l1)

    def apply(self, layers: Sequence[Layer]) -> float:
        """Add the gradients of the penalty to those of all layers; returns the penalty."""
        if not self:
            return 0.0
        self.add_gradients(layers)
        return self.penalty(layers)

    def penalty(self, layers: Iterable[Layer]) -> float:
        """R, over the weights of all layers."""
        total = 0.0
        for layer, name in penalized_weights(layers):
            W = layer.parameters[name].astype(np.float64, copy=False)
            if self.l2:
                total += self.l2 / 2 * float(np.vdot(W, W))
            if self.l1:
                total += self.l1 * float(np.abs(W).sum())
        return total

    def add_gradients(self, layers: Iterable[Layer]) -> None:
        """Add dR/dW to the gradient of each weight array; at 0, |W| has the slope 0."""
        # d/dw (l2 w² / 2 + l1 |w|) = l2 w + l1 sign(w)
        for layer, name in penalized_weights(layers):
            W = layer.parameters[name]
            slope = self.l2 * W
            if self.l1:
                slope += self.l1 * np.sign(W)
            slope += layer.gradients[name]
            layer.gradients[name] = slope


def penalized_weights(layers: Iterable[Layer]) -> Iterator[tuple[Layer, str]]:
    """The layer and the name of each weight array: ``W``, ``U``, ``1.W`` in a residual block.

    Those of frozen layers are left out.
    """
    for layer in layers:
        for name in layer.trained():
            if name.rpartition(".")[2] in WEIGHTS:
                yield layer, name
