"""Compatibility of network, loss and data: combinations without a meaning are refused.

What the library's own activations and losses are defined for is known: the ``range`` of an
activation, and the ``output_activation`` of a loss. Layers, activations and losses of a user's
own are not judged.
"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from neural_networks.activations import ACTIVATIONS, Sigmoid, SoftMax
from neural_networks.datasets import Dataset
from neural_networks.layers import Layer
from neural_networks.layers.arrays import check_batches, check_trainable
from neural_networks.layers.factory import set_output_size
from neural_networks.layers.sequential import create_parameters
from neural_networks.losses import LOSSES, Loss
from neural_networks.utils.factories import find_name
from neural_networks.utils.grad_check import check_gradients
from neural_networks.utils.text import percent
from neural_networks.utils.validation import first_index

ROUNDING = 1e-3
"""Distance from a range, or from a sum of 1, that does not count."""


class Outputs(NamedTuple):
    """The outputs that a network can have.

    Parameters
    ----------
    source : str
        The activation that they come from, in words.
    low, high : float
        Their range.
    sums_to_one : bool
        True if those of one example sum to 1.
    """

    source: str
    low: float
    high: float
    sums_to_one: bool

    def __str__(self) -> str:
        numbers = f"{self.source} gives numbers in [{self.low:.4g}, {self.high:.4g}]"
        return f"{numbers} that sum to 1" if self.sums_to_one else numbers


def check_dataset(loss: Loss, layers: list[Layer], dataset: Dataset) -> None:
    """Check that a network can be trained on a dataset.

    Parameters
    ----------
    loss : Loss
    layers : list of Layer
        The network's layers, first to last, which it completes for the dataset.
    dataset : Dataset

    Raises
    ------
    ValueError
        If layers, loss, labels or batches do not fit each other; see ``check_outputs``.
    """
    label_sets = []
    for data in (dataset.train, dataset.validate):
        if data is not None:
            if data.labels is None:
                raise ValueError("training and validation sets need labels")
            check_labels(loss, data.labels)
            label_sets.append(data.labels)
    set_output_size(layers, dataset.out_dim)
    n_out = layers[-1].n_out
    if n_out not in (None, dataset.out_dim):
        raise ValueError(
            f"the output layer has {n_out} units, but labels have {dataset.out_dim} columns"
        )
    out = create_parameters(layers, dataset.train.example_shape)
    check_outputs(loss, layers, label_sets, out)
    check_own_gradients(loss, layers, label_sets[0])
    check_trainable(layers)
    check_batches(layers, dataset.train.n_samples, dataset.train.batch_size)


def check_labels(loss: Loss, Y: np.ndarray) -> None:
    """Raise ``ValueError`` if labels are not valid for a loss; it names the losses they fit."""
    try:
        loss.check_labels(Y)
    except ValueError as error:
        fitting = [name for name, kind in LOSSES.items() if takes_labels(kind, name, Y)]
        hint = f" (losses for such labels: {', '.join(fitting)})" if fitting else ""
        raise ValueError(f"{error}{hint}") from None


def takes_labels(kind: type[Loss], name: str, Y: np.ndarray) -> bool:
    """True if labels are valid for a kind of loss."""
    try:
        kind(name).check_labels(Y)
    except (TypeError, ValueError):  # one of a user's own may take other arguments
        return False
    return True


def check_outputs(
    loss: Loss, layers: Sequence[Layer], label_sets: Sequence[np.ndarray], out: np.ndarray
) -> None:
    """Check that a loss is defined for the outputs of a network, and that they can fit the labels.

    Parameters
    ----------
    loss : Loss
    layers : sequence of Layer
        First to last.
    label_sets : sequence of array, (n, ...)
        The labels for training and validation.
    out : array, (1, ...)
        The network's output for one example.

    Raises
    ------
    ValueError
        If outputs and labels differ in shape; if the outputs are not the probabilities or scores
        that the loss is defined for, or are constant; if they can reach no label of a column. The
        message names the output activation that fits.

    Warns
    -----
    UserWarning
        If probabilities of classes need not sum to 1, or only some of the labels can be reached.
    """
    for Y in label_sets:
        if out.shape != (1, *Y.shape[1:]):
            raise ValueError(
                f"the network's output for one example has shape {out.shape}, but its label has "
                f"shape {(1, *Y.shape[1:])}"
            )
    outputs = known_outputs(layers)
    if outputs is None or is_own(loss):
        return
    k = out.shape[1]
    if k == 1 and loss.output_activation is SoftMax:
        raise ValueError(f"{loss.name} needs an output for each class: with one class it is 0")
    if k == 1 and outputs.sums_to_one:
        raise ValueError(f"a softmax over one output is always 1: {advice(loss)}")
    if loss.outputs_probabilities:
        check_probabilities(loss, outputs, out)
    elif loss.classifies and outputs.high - outputs.low <= 1:
        raise ValueError(
            f"{loss.name} needs scores that can differ by more than 1, but {outputs}: "
            f"{advice(loss)}"
        )
    elif not loss.classifies:
        for Y in label_sets:
            check_reach(loss, outputs, Y)


def check_probabilities(loss: Loss, outputs: Outputs, out: np.ndarray) -> None:
    """Check that the outputs are probabilities, and of classes that they sum to 1.

    Errors and warnings are those of ``check_outputs``.
    """
    if outputs.low < 0 or outputs.high > 1:
        raise ValueError(f"{loss.name} needs probabilities, but {outputs}: {advice(loss)}")
    if loss.output_activation is not SoftMax:
        return
    total = float(out[0].sum(axis=0).max())
    if outputs.sums_to_one and abs(total - 1) > ROUNDING:
        raise ValueError(
            f"{loss.name} needs probabilities of classes, but those of one example sum to "
            f"{total:.4g}: {advice(loss)}"
        )
    if not outputs.sums_to_one:
        others = [name for name, kind in LOSSES.items() if kind.output_activation is Sigmoid]
        other = f", or for two classes in one column {others[0]}" if others else ""
        warnings.warn(
            f"{loss.name} is defined for probabilities that sum to 1, but {outputs} that need not, "
            f"and training can raise them all: {advice(loss)}{other}",
            stacklevel=3,
        )


def check_reach(loss: Loss, outputs: Outputs, Y: np.ndarray) -> None:
    """Check that the outputs can equal the labels Y, (n, k) or (n, k, t); see ``check_outputs``."""
    outside = (outputs.low - ROUNDING > Y) | (outputs.high + ROUNDING < Y)
    if outputs.sums_to_one:
        outside |= np.abs(Y.sum(axis=1, keepdims=True) - 1) > ROUNDING
    missed = np.atleast_1d(outside.all(axis=(0, *range(2, Y.ndim))))
    where = f"labels in [{Y.min():.4g}, {Y.max():.4g}], but {outputs}: {advice(loss)}"
    if missed.any():
        column = first_index(missed)[0] + 1
        raise ValueError(f"{loss.name} can reach no label of output {column}: {where}")
    if outside.any():
        share = percent(1 - outside.mean())
        warnings.warn(f"{loss.name} can reach {share} of the labels: {where}", stacklevel=3)


def advice(loss: Loss) -> str:
    """The output activation that goes with a loss."""
    fitting = loss.output_activation
    return f"the last layer needs the activation {find_name(fitting, ACTIVATIONS)}"


def known_outputs(layers: Sequence[Layer]) -> Outputs | None:
    """The outputs of a network; None if they come from a layer or an activation of one's own."""
    after: list[Layer] = []
    for layer in reversed(layers):
        if is_own(layer):
            return None
        if layer.passed_on(0, 1) is None:
            break
        after.append(layer)
    else:
        return None
    activation = layer.activation
    if activation.range is None or is_own(activation):
        return None
    low, high = activation.range
    for passing in reversed(after):
        low, high = passing.passed_on(low, high) or (low, high)
    source = f"the output activation {find_name(type(activation), ACTIVATIONS)}"
    if after:
        names = ", ".join(type(passing).__name__ for passing in reversed(after))
        source = f"{source} with {names} after it"
    return Outputs(source, low, high, activation.sums_to_one)


def check_own_gradients(loss: Loss, layers: Sequence[Layer], Y: np.ndarray) -> None:
    """Compare loss and activations that have a ``forward`` of their own alone with differences.

    Such a class inherits a ``backward``, which is the gradient of another function unless the new
    ``forward`` is the old one in other words.

    Warns
    -----
    UserWarning
        If ``backward`` is not the gradient of ``forward``.
    """
    rng = np.random.default_rng(0)
    if inherits_backward(loss):
        Y = Y[:3].astype(np.float64)
        P = rng.uniform(0.2, 0.8, Y.shape)
        P = P / P.sum(axis=1, keepdims=True) if Y.ndim > 1 and Y.shape[1] > 1 else P
        check_gradient(loss, lambda P: loss.forward(Y, P), lambda: loss.backward(Y, P), P, 1.0)
    for activation in [inner.activation for layer in layers for inner in layer.walk()]:
        if inherits_backward(activation):
            Z, dY = rng.normal(size=(2, 3, 4))
            check_gradient(
                activation, activation.forward, partial(activation.backward, Z, dY), Z, dY
            )


def inherits_backward(thing: object) -> bool:
    """True if a ``forward`` is a class's own, or an object's, and its ``backward`` another's."""
    for names in (vars(thing), *map(vars, type(thing).__mro__)):
        if "forward" in names or "backward" in names:
            return "backward" not in names
    return False


def check_gradient(
    thing: object,
    function: Callable[[np.ndarray], Any],
    gradient: Callable[[], np.ndarray],
    x: np.ndarray,
    dLdf: np.ndarray | float,
) -> None:
    """Warn if the gradient of a function at x is not that of its differences."""
    error = 0.0
    # What it raises, the first step of a training raises, too.
    with suppress(Exception), np.errstate(all="ignore"):
        error = check_gradients(function, gradient(), x, dLdf)
    if error > 1e-3:
        warnings.warn(
            f"{type(thing).__name__} has a forward of its own, but the backward of another class, "
            f"which is not its gradient (relative error {error:.2g}): override backward, too",
            stacklevel=4,
        )


def is_own(thing: object) -> bool:
    """True if an object is of a class of a user's own, or has a ``forward`` of its own."""
    package = type(thing).__module__.partition(".")[0]
    return package != __name__.partition(".")[0] or "forward" in vars(thing)
