"""Memory of a training step by a formula: all arrays that exist at its worst moment.

With s bytes a number, P parameters, of which an optimizer keeps k further copies, and a batch of m,

    M = s · [(2 + k) P + K + max(T_forward, T_backward, T_update)].

- (2 + k) P: parameters, their gradients, and the optimizer's slots, k = 2 for Adam.
- K: the batch, and what layers keep for ``backward``: X and Z of a dense layer or a convolution, X
  and Y of a pooling layer, x_t, z_t and s_t of each step of a recurrent one. The output of a layer
  is the input of the next one, and counts once.
- T: arrays that exist for a moment only. A forward pass computes the new input and output of a
  layer beside the old ones; a backward pass has the gradients dL/dY, dL/dZ and dL/dX of one layer,
  and the workspaces of a convolution; an update has the new parameters beside the old ones, and one
  step.

``docs/scaling.md`` goes through an example number by number.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from neural_networks.activations import Activation, Linear, ReLU, Sigmoid, TanH
from neural_networks.datasets import Dataset
from neural_networks.layers import (
    Conv2D,
    Dropout,
    Elman,
    Flatten,
    FullyConnected,
    Layer,
    Pool2D,
)
from neural_networks.layers.arrays import trained_parameters
from neural_networks.layers.normalization import BatchNorm, Normalization
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.utils import convolution, winograd
from neural_networks.utils.factories import find_name
from neural_networks.utils.fast_convolution import FEW, uses_winograd
from neural_networks.utils.threads import slices

Shape = tuple[int, ...]

SLOTS = {"SGD": 0, "RMSProp": 1, "AdaGrad": 1, "AdaDelta": 2, "Adam": 2, "AdamW": 2}
"""k of each optimizer; SGD with momentum has one more."""

AT_WORK = {"AdaDelta": 3}
"""Arrays like a parameter while its new value is computed; in the other rules 2, step and value."""

ORDER, CHECK = 8, 24
"""Bytes for each row of a dataset: its place in the random order of an epoch; and once, before the
first step, sums of its label, as a loss checks them."""

THROUGH: dict[type[Activation], tuple[float, float]] = {
    Linear: (0, 0),
    ReLU: (2, 1.25),
    TanH: (1, 3),
    Sigmoid: (2, 3),
}
"""Arrays like Z, the result included, in the forward and in the backward pass of an activation.

In float32: the comparison Z > 0 of ReLU has a byte for each number. The backward pass of others,
such as a softmax with cross-entropy, counts as none, as their loss returns dL/dZ.
"""


class Memory(NamedTuple):
    """Bytes of a training step, by their purpose.

    Attributes
    ----------
    parameters, gradients, slots : int
        Parameters with buffers, their gradients, and the optimizer's copies.
    kept : int
        The batch, and all that layers keep for ``backward``.
    forward, backward, update : int
        The most that each part of a step needs in addition, for a moment.
    """

    parameters: int
    gradients: int
    slots: int
    kept: int
    forward: int
    backward: int
    update: int

    @property
    def total(self) -> int:
        """All that exists at the worst moment of a step."""
        steady = self.parameters + self.gradients + self.slots + self.kept
        return steady + max(self.forward, self.backward, self.update)


class Arrays(NamedTuple):
    """Numbers in the arrays of one layer, for a batch.

    Attributes
    ----------
    kept : float
        From one forward pass to the next, without the input.
    new_output : bool
        True if the output is an array of its own, as opposed to one of those kept.
    forward : float
        During the forward pass, beside all that is kept and the new input.
    output : float
        At its end, when arrays of the step before have been replaced, while σ is applied.
    backward : float
        During the backward pass, beside all that is kept and dL/dY.
    """

    kept: float
    new_output: bool
    forward: float
    output: float
    backward: float


def training_memory(model: NeuralNetwork, batch_shape: Sequence[int]) -> Memory:
    """The memory of a training step, from the second one on, by the formula of this module.

    Parameters
    ----------
    model : NeuralNetwork
        Missing parameters are created.
    batch_shape : sequence of int
        (m, ...), the shape of a batch.

    Raises
    ------
    ValueError
        If there is no formula for a layer or the optimizer.
    """
    shape = tuple(batch_shape)
    if model.input_shape is None:
        model.create_parameters(shape[1:])
    P = sum(layer.parameters[name].size for _, layer, name in model.parameters())
    buffers = sum(value.size for layer in model.layers for value in layer.buffers.values())
    trained = [layer.parameters[name].size for _, layer, name in trained_parameters(model.layers)]
    at_work = AT_WORK.get(find_name(type(model.optimizer), OPTIMIZERS), 2)
    with model.threads(shape):
        stages = list(walk(model.layers, shape))
    numbers = Memory(
        parameters=P + buffers,
        gradients=P,
        slots=sum(trained) * slots_of(model.optimizer),
        kept=math.prod(shape) + stages[-1].Y + math.ceil(sum(stage.kept for stage in stages)),
        forward=math.ceil(max(stage.forward for stage in stages)),
        backward=math.ceil(max(stage.backward for stage in stages)),
        # The new values so far, and the arrays from which the next one is computed.
        update=max((sum(trained[:i]) + at_work * n for i, n in enumerate(trained)), default=0),
    )
    return Memory(*(n * model.dtype.itemsize for n in numbers))


def run_memory(model: NeuralNetwork, dataset: Dataset) -> int:
    """Bytes of a training on a dataset, without a validation set and a logger."""
    data, n = dataset.train, dataset.train.n_samples
    batch = (min(data.batch_size, n), *data.example_shape)
    step = training_memory(model, batch).total
    rows = data_bytes(dataset)
    # A batch is a copy of its rows, and is made while that of the step before still exists.
    copied = batch[0] * rows // n
    return rows + max(CHECK * n, ORDER * n + copied + step)


def data_bytes(dataset: Dataset) -> int:
    """Bytes of the examples and labels of a training set."""
    return dataset.train.data.nbytes + dataset.train.labels.nbytes


def slots_of(optimizer: Any) -> int:
    """k, the numbers that an optimizer keeps for each parameter."""
    name = find_name(type(optimizer), OPTIMIZERS)
    if name not in SLOTS:
        raise ValueError(f"there is no formula for the optimizer {type(optimizer).__name__}")
    return SLOTS[name] + (name == "SGD" and bool(optimizer.momentum))


class Stage(NamedTuple):
    """A layer in its network: numbers in its output, and as in ``Memory``."""

    Y: int
    kept: float
    forward: float
    backward: float


def walk(layers: Sequence[Layer], shape: Shape) -> Iterator[Stage]:
    """The layers of a network, first to last, without those that only reshape."""
    followers = [layer for layer in layers if not isinstance(layer, Flatten)][1:]
    is_new = False  # is the input an array that no layer keeps but the one that takes it?
    for layer in layers:
        X_shape, shape = shape, output_shape(layer, shape)
        if isinstance(layer, Flatten):
            continue
        arrays = arrays_of(layer, X_shape, shape)
        follower = followers.pop(0) if followers else None
        keeps_output = follower is None or keeps_input(follower)
        X, Y = math.prod(X_shape), math.prod(shape)
        # It is computed while the layer still keeps the one of the step before.
        new_input = X if layer.input_gradient and (is_new or keeps_input(layer)) else 0
        yield Stage(
            Y,
            kept=arrays.kept + (Y if arrays.new_output and keeps_output else 0),
            forward=max(new_input + arrays.forward, arrays.output),
            backward=Y + arrays.backward,
        )
        # A recurrent layer returns steps in the order in which the next one keeps them: no copy.
        is_new = arrays.new_output and not isinstance(layer, Elman)


def keeps_input(layer: Layer) -> bool:
    """True if a layer keeps the array that it takes, rather than a copy or something else."""
    return isinstance(layer, FullyConnected | Conv2D | Pool2D)


def output_shape(layer: Layer, X_shape: Shape) -> Shape:
    """The shape of a layer's output."""
    if isinstance(layer, Conv2D | Pool2D):
        return layer.output_shape(X_shape)
    if isinstance(layer, Flatten):
        last = layer.keep_dim == "last"
        return (-1, X_shape[-1]) if last else (X_shape[0], math.prod(X_shape[1:]))
    m, *rest = X_shape
    if isinstance(layer, FullyConnected):
        return (m, layer.n_out, *rest[1:])
    if isinstance(layer, Elman):
        return (m, layer.n_out, *(rest[1:] if layer.return_sequences else []))
    return X_shape


def arrays_of(layer: Layer, X_shape: Shape, Y_shape: Shape) -> Arrays:
    """The arrays of a layer; ``ValueError`` if there is no formula for it."""
    X, Y, is_linear = math.prod(X_shape), math.prod(Y_shape), type(layer.activation) is Linear
    there, back = THROUGH.get(type(layer.activation), (2, 0))
    dLdZ, dLdX = min(back, 1) * Y, X if layer.input_gradient else 0
    few = min(X, convolution.WORKSPACE / layer.dtype.itemsize)  # of images at a time
    match layer:
        case FullyConnected():
            # dL/dX follows dL/dW, which replaces the one of the step before.
            largest = layer.parameters["W"].size
            back_through = max(back * Y, dLdZ + max(dLdX, largest))
            return Arrays(Y, not is_linear, Y, there * Y, back_through)
        case Conv2D():
            forward, backward = workspaces(layer, X_shape, Y_shape)
            output = 0 if is_linear else Y
            back_through = dLdX + max(back * Y, dLdZ + backward)
            return Arrays(Y, not is_linear, Y + output + forward, 0, back_through)
        case Pool2D():
            return Arrays(Y, False, Y, 0, dLdX + few)
        case Elman():
            return of_steps(layer, X_shape)
        case BatchNorm() if len(X_shape) == 4 and not layer.frozen:
            return Arrays(2 * X, True, 3 * X + there * few, 0, X + max(back, 1) * few)
        case Normalization():
            return Arrays(2 * X, not is_linear, 2 * X, there * Y, dLdZ + 2 * X)
        case Dropout():
            return Arrays(X, True, 1.25 * X, X, X)
    raise ValueError(f"there is no formula for the layer {type(layer).__name__}")


def of_steps(layer: Elman, X_shape: Shape) -> Arrays:
    """The arrays of a recurrent layer."""
    m, d, t = X_shape
    X, Z = m * d * t, m * layer.n_out * t
    kept = X + 2 * Z + m * layer.n_out  # one state more than steps
    # Rows of all steps for dL/dW, then for dL/dU, beside dL/dZ; then dL/dX.
    return Arrays(kept, layer.return_sequences, kept, 0, Z + max(X, Z))


def workspaces(layer: Conv2D, X_shape: Shape, Y_shape: Shape) -> tuple[float, float]:
    """Numbers in the workspaces of a convolution, forward and backward, of all threads.

    See ``utils.fast_convolution`` and ``utils.winograd``: both work on a few images at a time, or
    on a part of one.
    """
    kernels, (m, rows, columns, n_out), C = layer.parameters["W"].size, Y_shape, X_shape[3]
    # As many threads as get a workspace full of windows each, see ``Conv2D``.
    windows = rows * columns * (kernels // n_out) * layer.dtype.itemsize
    n_threads = max(1, min(slices(), m // convolution.images_at_once(windows)))
    X_shape, Y_shape = (-(-m // n_threads), *X_shape[1:]), (-(-m // n_threads), *Y_shape[1:])
    by_tiles = uses_winograd((*layer.kernel_shape, C, n_out), layer.stride, layer.padding)
    forward, backward = (of_tiles if by_tiles else of_windows)(layer, X_shape, Y_shape)
    # dL/dW of each thread, in a list and in an array, and their sum.
    return n_threads * forward, max(n_threads * backward, (2 * n_threads + 1) * kernels)


def of_tiles(layer: Conv2D, X_shape: Shape, Y_shape: Shape) -> tuple[float, float]:
    """Workspaces of Winograd's method in one thread."""
    (m, rows, columns, n_out), step = Y_shape, winograd.TILE + 1 - layer.kernel_shape[0]
    channels, U = max(X_shape[3], n_out), winograd.TILE**2 * X_shape[3] * n_out
    bands, of_band = -(-rows // step), winograd.TILE**2 * -(-columns // step) * channels
    fit = max(1, winograd.WORKSPACE // (of_band * layer.dtype.itemsize))
    at_once = fit if fit < bands else fit // bands * bands
    V = of_band * min(at_once, m * bands)
    following = of_band * min(at_once, m * bands - min(at_once, m * bands))
    # V, M, Aᵀ M and Aᵀ M A, or steps on the way to V beside the V of the part before.
    share = step / winograd.TILE
    at_a_time = 2 + share + share**2
    forward = U + max(at_a_time * V, V + at_a_time * following)
    # dL/dU of all parts and of one, V and dL/dM.
    return forward, max(forward, 2 * (U + V))


def of_windows(layer: Conv2D, X_shape: Shape, Y_shape: Shape) -> tuple[float, float]:
    """Workspaces of plain sums in one thread."""
    (m, H, W, C), (_, rows, columns, n_out) = X_shape, Y_shape
    (k1, k2), (top, bottom, left, right) = layer.kernel_shape, layer.padding

    def at_once(numbers_per_image: int) -> int:
        return min(m, convolution.images_at_once(numbers_per_image * layer.dtype.itemsize))

    size, kernels = rows * columns, layer.parameters["W"].size
    there, _ = THROUGH.get(type(layer.activation), (2, 0))
    X_pad = (H + top + bottom) * (W + left + right) * C
    unfolded, windows = (rows + k1 - 1) * columns * k2 * C, size * k1 * k2 * C  # of an image
    n = at_once(unfolded)
    # dL/dU, and the part of it from one row of the kernels.
    of_images = 2 * n * unfolded
    if layer.stride == 1 and k1 * k2 * C > FEW:
        windows = unfolded
        forward = n * (unfolded + max(X_pad, size * n_out))
        of_kernels = kernels + n * (unfolded + max(X_pad, kernels // k1))
    else:
        n = at_once(windows)
        # Few channels are copied, one by one. The windows of a part wait for those of the next.
        padded = windows + (2 if layer.stride == 1 else 1) * X_pad
        forward = max(n * padded, n * windows + min(n, m - n) * padded)
        of_kernels = kernels + max(forward, n * (windows + kernels))
        of_images = of_images if layer.stride == 1 else forward
    # σ follows while the windows of the part are there.
    forward = max(forward, n * (windows + there * size * n_out))
    return forward, max(of_kernels, of_images if layer.input_gradient else 0)
