"""Canonical pairs: a loss and the output activation that goes with it, as one function.

Softmax with cross-entropy, and a sigmoid with binary cross-entropy, are smooth functions of the
logits Z, the pre-activations of the output layer. Computed from the logits, the loss is finite and
the gradient exact even when a prediction saturates at 0 or 1, where separate gradients would
vanish or overflow. A linear output equals its logit, so the other losses need no such function.
Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.6.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from neural_networks.activations import Activation, Sigmoid, SoftMax
from neural_networks.layers import Layer
from neural_networks.losses import BinaryCrossEntropy, CrossEntropy, Loss
from neural_networks.utils.rows import as_rows


class CanonicalPair(NamedTuple):
    """A loss as a function of the logits.

    Parameters
    ----------
    forward : function
        From labels Y, (m, k) or (m, k, t), and logits Z as rows, (m, k) or (m·t, k), to the loss.
    backward : function
        From labels Y and predictions Y_hat of their shape to dL/dZ as rows.
    methods : tuple of function
        The passes of loss and activation that the pair replaces; it replaces no others.
    """

    forward: Callable[[np.ndarray, np.ndarray], float]
    backward: Callable[[np.ndarray, np.ndarray], np.ndarray]
    methods: tuple[Any, ...]


def softmax_cross_entropy(Y: np.ndarray, Z: np.ndarray) -> float:
    """-(1/m) Σ Y ln softmax(Z), for distributions Y over the classes."""
    # ln softmax(z)_i = z_i - max z - ln Σ_j exp(z_j - max z), and the y_i sum to 1.
    Z = Z - Z.max(axis=1, keepdims=True)
    log_normalizer = np.log(np.exp(Z).sum(axis=1)).sum()
    return float((log_normalizer - (as_rows(Y) * Z).sum()) / len(Y))


def sigmoid_cross_entropy(Y: np.ndarray, Z: np.ndarray) -> float:
    """-(1/m) Σ (Y ln σ(Z) + (1 - Y) ln(1 - σ(Z))), for labels Y in [0, 1]."""
    # -ln σ(z) = ln(1 + exp(-z)) and -ln(1 - σ(z)) = z + ln(1 + exp(-z)). Together:
    # (1 - y) z + ln(1 + exp(-z)), and ln(1 + exp(-z)) = max(-z, 0) + ln(1 + exp(-|z|)).
    terms = (1 - Y) * Z + np.maximum(-Z, 0) + np.log1p(np.exp(-np.abs(Z)))
    return float(terms.sum() / len(Y))


def logit_gradient(Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
    """dL/dZ of either pair, as rows."""
    # Softmax with cross-entropy: L = (1/m) Σ (ln Σ_j exp(z_j) - Σ_i y_i z_i), because the
    # y_i sum to 1. The derivative of the first term is exp(z_i) / Σ_j exp(z_j) = ŷ_i, so
    # dL/dz_i = (ŷ_i - y_i) / m. A sigmoid is a softmax over the two logits 0 and z.
    return as_rows((Y_hat - Y.astype(Y_hat.dtype, copy=False)) / len(Y))


PAIRS: dict[tuple[type[Loss], type[Activation]], CanonicalPair] = {
    (CrossEntropy, SoftMax): CanonicalPair(
        softmax_cross_entropy,
        logit_gradient,
        (CrossEntropy.forward, CrossEntropy.backward, SoftMax.forward, SoftMax.backward),
    ),
    (BinaryCrossEntropy, Sigmoid): CanonicalPair(
        sigmoid_cross_entropy,
        logit_gradient,
        (
            BinaryCrossEntropy.forward,
            BinaryCrossEntropy.backward,
            Sigmoid.forward,
            Sigmoid.backward,
        ),
    ),
}


def canonical_pair(loss: Loss, output: Layer) -> CanonicalPair | None:
    """The pair that a loss and an output layer form, or None.

    None if they form none, if the layer cannot start from its logits, or if a pass of the loss, the
    activation or the layer is overridden, in a subclass or by assignment to the class or the
    object: an override is never bypassed.
    """
    kind, activation = type(loss), type(output.activation)
    pair = PAIRS.get((kind, activation))
    if pair is None or not starts_at_logits(type(output)):
        return None
    for own in (loss.__dict__, output.activation.__dict__, output.__dict__):
        if "forward" in own or "backward" in own:
            return None
    layer, written = type(output), output.as_written
    if layer.forward is not written["forward"] or layer.backward is not written["backward"]:
        return None
    methods = kind.forward, kind.backward, activation.forward, activation.backward
    return pair if methods == pair.methods else None


@cache  # asked in every step
def starts_at_logits(layer: type[Layer]) -> bool:
    """True if a class of layers sets ``has_logits``, and none below it overrides a pass."""
    for kind in layer.__mro__:
        if "has_logits" in vars(kind):
            return layer.has_logits
        if not vars(kind).keys().isdisjoint(("forward", "backward")):
            return False
    return False
