"""The network: a sequence of layers, a loss, and an optimizer that trains them."""

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.canonical import CanonicalPair, canonical_pair
from neural_networks.compatibility import check_dataset
from neural_networks.datasets import Dataset
from neural_networks.layers import Layer
from neural_networks.layers.arrays import (
    assign_arrays,
    checked_gradients,
    load_arrays,
    named_parameters,
    network_arrays,
    read_network_arrays,
    trained_parameters,
    trial_copies,
)
from neural_networks.layers.factory import LayerArgs, make_layers, set_output_size
from neural_networks.layers.sequential import create_parameters, inference
from neural_networks.layers.table import layer_table
from neural_networks.losses import Loss, initialize_loss
from neural_networks.optimizers import Optimizer, make_optimizer
from neural_networks.regularization import WeightPenalty
from neural_networks.training import evaluation, loop
from neural_networks.training.early_stopping import BestEpoch, EarlyStopping
from neural_networks.training.history import History
from neural_networks.training.loop import TrainingDiverged
from neural_networks.training.protocols import RunLog
from neural_networks.training.state import load_network_state, network_state
from neural_networks.utils.files import save_arrays, user_path
from neural_networks.utils.randomness import draw_seed
from neural_networks.utils.recorded import take
from neural_networks.utils.threads import check_threads, network_threads
from neural_networks.utils.validation import floating_type, positive_integer, true_or_false

CREATING = threading.Lock()
"""Held while parameters are created: several threads may begin to predict at once."""

__all__ = ["NeuralNetwork", "TrainingDiverged", "initialize_model"]


class NeuralNetwork:
    """A feed-forward network: each layer takes the output of the one before it.

    One training step is ``out = forward(X)``, ``backward(Y, out)``, ``update(epoch)``;
    ``train`` repeats it.

    Parameters
    ----------
    loss : str or Loss
        Name of the loss, see ``losses``, or the loss itself.
    layer_args : sequence of mapping or Layer
        The arguments of ``initialize_layer`` for each layer, or the layer itself, first to last.
        The last layer's ``n_out`` may be None: the dataset's ``out_dim`` sets it.
    optimizer_args : mapping or Optimizer
        The arguments of ``initialize_optimizer``, or the optimizer itself.
    logger : Logger, optional
        Saves the results of training and tests; see ``logs``.
    seed : int, optional
        Fixes initial weights and dropout, except of layers that were made with an ``rng``; by
        default NumPy's global state draws one.
    name : str
        A label.
    l2, l1 : float
        Strengths of a penalty on the weights, see ``regularization``.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of every array in the network.
    canonical : bool
        If True, ``backward`` starts at the logits where loss and output layer form a canonical
        pair, see ``canonical``. If False, it always goes through ``loss.backward``.
    n_threads : int, optional
        The number of threads, at most; by default that of BLAS, or 1 for a small network, see
        ``utils.threads``.

    Attributes
    ----------
    layers : list of Layer
    seed : int
        The seed, also if it was drawn.
    input_shape : tuple of int or None
        Shape of one example; None before the first one.
    penalty : float
        The penalty on the weights within the loss that ``backward`` returned last.
    best : BestEpoch or None
        The best of the epochs on the data of the last training, with its parameters.
    restored : bool
        True if the parameters of the best epoch have been restored since the last training.
    records : History
        Results by epoch and losses by step.

    Raises
    ------
    ValueError
        If a name or an option is unknown, or a value is out of range.
    """

    def __init__(
        self,
        loss: str | Loss,
        layer_args: Sequence[LayerArgs],
        optimizer_args: Mapping[str, Any] | Optimizer,
        logger: RunLog | None = None,
        seed: int | None = None,
        *,
        name: str = "neural_network",
        l2: float = 0.0,
        l1: float = 0.0,
        dtype: DTypeLike = "float64",
        canonical: bool = True,
        n_threads: int | None = None,
    ) -> None:
        self.name = name
        self.dtype = floating_type(dtype)
        self.seed = draw_seed(seed)
        self.layers: list[Layer] = make_layers(layer_args, self.dtype, self.seed)
        self.layers[0].input_gradient = False  # the data needs no gradient
        self.loss = initialize_loss(loss)
        self.optimizer = make_optimizer(optimizer_args)
        self.regularization = WeightPenalty(l2, l1)
        self.canonical = true_or_false("canonical", canonical)
        self.n_threads = check_threads(n_threads)
        self.logger = logger
        self.input_shape: tuple[int, ...] | None = None
        self.penalty = 0.0
        self.best: BestEpoch | None = None
        self.restored = False
        self.records = History()
        self._label_shape: tuple[int, ...] | None = None
        for part in (*self.layers, self.optimizer):
            take(part)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the output for a batch, through all layers.

        Parameters
        ----------
        X : array of float, (m, ...)

        Returns
        -------
        array of the network's type, (m, n_out), or (m, n_out, t) with an output at every step
        """
        out = X
        for layer in self.layers:
            out = layer.forward_faster(out)
        self.input_shape = X.shape[1:]
        return out

    def backward(self, target: np.ndarray, out: np.ndarray) -> float:
        """Compute the loss of the last batch, and the gradients of all parameters.

        The loss includes the penalty on the weights; that of ``predict`` does not.

        Parameters
        ----------
        target : array, (m, n_out) or (m, n_out, t)
            Labels.
        out : array, the shape of target
            The output of ``forward``.

        Returns
        -------
        float
            The loss. The gradients are in each layer's ``gradients``; no forward pass runs again.
        """
        target = self._check_labels(target, out)
        *hidden, last = self.layers
        pair = self._canonical_pair()
        if pair is None:
            loss = self.loss.forward(target, out)
            gradient = last.backward_faster(self.loss.backward(target, out))
        else:  # exact even where σ of the output layer saturates, see canonical
            loss = pair.forward(target, last.from_cache("Z"))
            gradient = last.backward_from_logits(pair.backward(target, out))
        while hidden and hidden[0].frozen:
            del hidden[0]  # below the first layer that learns, there is no need for a gradient
        for layer in reversed(hidden):
            gradient = layer.backward_faster(gradient)
        self.penalty = self.regularization.apply(self.layers)
        return loss + self.penalty

    def update(self, epoch: float) -> None:
        """Step every parameter, except those of frozen layers.

        Parameters
        ----------
        epoch : float
            The epoch, from 0, possibly a fraction; the learning rate depends on it.

        Raises
        ------
        ValueError
            If a gradient is missing, or of another shape than its parameter.
        """
        named = list(trained_parameters(self.layers))
        gradients = self.optimizer.clip_by_global_norm(checked_gradients(named))
        # New arrays: the old ones may belong to the caller. All of them before the first is
        # assigned: an exception leaves the parameters of one step.
        values = []
        for (key, layer, name), gradient in zip(named, gradients, strict=True):
            value = layer.parameters[name]
            values.append(value - self.optimizer.update(key, value, gradient, epoch))
        for (_, layer, name), value in zip(named, values, strict=True):
            layer.parameters[name] = value

    def error(self, target: np.ndarray, out: np.ndarray) -> float:
        """The share of misclassified examples, or the mean squared error of a regression."""
        if target.shape != out.shape:
            raise ValueError(f"labels have shape {target.shape} but predictions {out.shape}")
        if target.dtype.kind not in "biuf":
            raise TypeError(f"labels must be numbers, got {target.dtype}")
        return self.loss.error(target, out)

    def predict(self, X: np.ndarray, Y: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """Compute output and loss of a batch. Creates missing parameters, and changes nothing else.

        Parameters
        ----------
        X : array of float, (m, ...)
        Y : array, (m, n_out), or None
            Labels; without them the loss is NaN.

        Returns
        -------
        Y_hat : array, (m, n_out)
        loss : float
        """
        if self.input_shape is None:
            self.create_parameters(X.shape[1:])
        layers, pair = inference(self.layers), self._canonical_pair()
        layers[-1].training = pair is not None  # a layer in training keeps its logits in the cache
        Y_hat = X
        with self.threads(X.shape):
            for layer in layers:
                Y_hat = layer.forward_faster(Y_hat)
        if Y is None:
            return Y_hat, math.nan
        Y = self._check_labels(Y, Y_hat)
        if pair is None:
            return Y_hat, self.loss.forward(Y, Y_hat)
        return Y_hat, pair.forward(Y, layers[-1].from_cache("Z"))

    def train(
        self,
        dataset: Dataset,
        epochs: int,
        *,
        patience: int | None = None,
        monitor: str | None = None,
        restore_best: bool | None = None,
    ) -> dict[str, np.ndarray]:
        """Train on ``dataset.train``; see ``training.loop.train``.

        Calling it again continues training. The other arguments are those of
        ``training.early_stopping.EarlyStopping``. It returns ``history``.
        """
        positive_integer("epochs", epochs)
        stopping = EarlyStopping(dataset.validate is not None, patience, monitor, restore_best)
        loop.train(self, dataset, epochs, stopping)
        return self.history

    def test(
        self, dataset: Dataset, save_predictions: bool = False, split: str = "test"
    ) -> dict[str, float]:
        """Loss and error on ``dataset.test``; see ``training.evaluation.test``."""
        return evaluation.test(self, dataset, save_predictions, split)

    def test_kaggle(self, dataset: Dataset, file_name: str | None = None) -> Any:
        """Predicted classes of ``dataset.test``; see ``training.evaluation.test_kaggle``."""
        return evaluation.test_kaggle(self, dataset, file_name)

    def prepare(self, dataset: Dataset) -> None:
        """Complete the network for a dataset: its last layer's ``n_out``, and all parameters.

        ``train`` calls it; call it yourself to look at a network before it is trained.

        Raises
        ------
        ValueError
            If network and dataset do not fit, or loss, outputs and labels do not fit each other;
            see ``compatibility``.
        """
        # On copies: a dataset that is refused changes nothing.
        check_dataset(self.loss, trial_copies(self.layers), dataset)
        set_output_size(self.layers, dataset.out_dim)
        if self.input_shape is None:
            self.create_parameters(dataset.train.example_shape)

    def create_parameters(self, input_shape: Sequence[int]) -> None:
        """Create all parameters that do not exist yet, for examples of a shape."""
        with CREATING:
            create_parameters(self.layers, input_shape)
            self.input_shape = self.input_shape or tuple(input_shape)

    def threads(self, X_shape: Sequence[int]) -> AbstractContextManager[None]:
        """A context with the threads that the network needs for batches of a shape.

        ``train``, ``test`` and ``predict`` enter it. Enter it once around steps of your own, since
        ``forward``, ``backward`` and ``update`` set no threads; see ``utils.threads``.
        """
        steps = X_shape[2] if len(X_shape) == 3 else 1
        sizes = [value.size for layer in self.layers for value in layer.parameters.values()]
        largest_product = X_shape[0] * steps * max(sizes, default=0)
        splits_batch = any(layer.splits_batch for layer in self.layers)
        return network_threads(largest_product, splits_batch, self.n_threads)

    @property
    def epoch(self) -> int:
        """Number of epochs trained so far."""
        return self.records.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self.records.epoch = value

    @property
    def history(self) -> dict[str, np.ndarray]:
        """Results by epoch, an array (epochs,) for each column; NaN where there was no result.

        The columns are ``train_loss`` and ``train_error``, means over the steps of the epoch;
        ``penalty``, likewise, of a model with one, which is not part of the losses;
        ``validation_loss`` and ``validation_error`` at the end of the epoch.
        """
        return self.records.columns()

    @property
    def step_losses(self) -> np.ndarray:
        """The loss of every training step so far, without the penalty: an array (steps,)."""
        return np.array(self.records.steps)

    def parameters(self) -> Iterator[tuple[str, Layer, str]]:
        """Each parameter's name in the network, its layer, and its name there."""
        yield from named_parameters(self.layers)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that ``load`` needs: parameters (``layer1.W``), buffers, input shape and epoch.

        Empty before the first ``forward``, when there are no parameters yet.
        """
        return network_arrays(self.layers, self.input_shape, self.epoch)

    def restore_best(self) -> None:
        """Restore the parameters of the best epoch; ``ValueError`` if none has been trained.

        The optimizer forgets its slots: after a divergence they would lead away at once.
        """
        if self.best is None:
            raise ValueError("there is no best epoch yet: train first")
        assign_arrays(self.layers, self.best.arrays)
        self.restored = True
        self.optimizer.reset()

    def save(self, path: str | Path) -> None:
        """Write the parameters to an ``.npz`` file, whole or not at all."""
        if not (arrays := self.arrays()):
            raise ValueError("there is nothing to save: the first forward creates the parameters")
        save_arrays(user_path(path), arrays)

    def load(self, path: str | Path) -> None:
        """Read the parameters from a file that ``save`` or a run has written.

        The epoch becomes that of the file, and ``best`` None. The history and the optimizer's
        slots do not change.

        Raises
        ------
        ValueError
            If it is not such a file, or belongs to another network; this one is then unchanged.
        """
        arrays = read_network_arrays(user_path(path))
        try:
            load_arrays(self.layers, arrays)
        except ValueError as error:
            raise ValueError(f"{path} belongs to another network: {error}") from None
        self.input_shape = self.input_shape or tuple(arrays["input_shape"].tolist())
        self.epoch = int(arrays["epoch"])
        self.best = None  # it was the best of another training

    def state(self) -> dict[str, Any]:
        """All that a training continues from, in copies; see ``training.state``."""
        return network_state(self)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is of another network: no change then."""
        load_network_state(self, state)

    def summary(self) -> str:
        """A table of the layers: options, shapes of outputs and parameters, their number."""
        if self.input_shape is None:
            raise ValueError("there are no parameters yet: call prepare(dataset) first")
        return layer_table(self.layers, self.input_shape)

    def __repr__(self) -> str:
        head = f"NeuralNetwork {self.name!r}: {self.loss.name}, {type(self.optimizer).__name__}"
        layers = (f"  {i}  {layer!r}" for i, layer in enumerate(self.layers, start=1))
        return "\n".join([head, *layers])

    def _canonical_pair(self) -> CanonicalPair | None:
        """The canonical pair of loss and output layer, if they form one."""
        return canonical_pair(self.loss, self.layers[-1]) if self.canonical else None

    def _check_labels(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """Labels in the network's type, checked when their shape is new."""
        is_new = Y.shape != Y_hat.shape or Y.shape[1:] != self._label_shape
        if is_new or Y.dtype.kind not in "biuf":
            self.loss.check(Y, Y_hat)
            self._label_shape = Y.shape[1:]
        return Y.astype(self.dtype, copy=False)


def initialize_model(
    name: str,
    loss: str | Loss,
    layer_args: Sequence[LayerArgs],
    optimizer_args: Mapping[str, Any] | Optimizer,
    logger: RunLog | None = None,
    seed: int | None = None,
    **options: Any,
) -> NeuralNetwork:
    """Create a network; the arguments are those of ``NeuralNetwork``.

    Examples
    --------
    >>> hidden = {"name": "fully_connected", "activation": "relu", "n_out": 10}
    >>> output = {"name": "fully_connected", "activation": "softmax", "n_out": 3}
    >>> sgd = {"name": "SGD", "lr": 0.1}
    >>> model = initialize_model("two_layers", "cross_entropy", [hidden, output], sgd)
    >>> model.forward(np.zeros((5, 4))).shape
    (5, 3)
    """
    return NeuralNetwork(loss, layer_args, optimizer_args, logger, seed, name=name, **options)
