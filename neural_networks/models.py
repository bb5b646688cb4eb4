"""The network: layers in a row, a loss at their end, and an optimizer that trains them."""

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks import saving, training
from neural_networks.datasets import Dataset
from neural_networks.layers import Layer, registry
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.optimizers import initialize_optimizer
from neural_networks.utils.names import build, floating_type, positive_integer
from neural_networks.utils.parallel import sharing
from neural_networks.utils.randomness import spawn_generator

__all__ = ["NeuralNetwork", "TrainingDiverged", "initialize_model"]

TrainingDiverged = training.TrainingDiverged


class NeuralNetwork:
    """A feed-forward network: each layer takes what the one before it returns.

    One training step is ``out = forward(X)``, ``backward(Y, out)``, ``update(epoch)``;
    ``train`` repeats it.

    Parameters
    ----------
    loss : str
        Name of the loss, see ``losses``.
    layer_args : sequence of mapping
        The arguments of ``initialize_layer`` for each layer, first to last. The last layer's
        ``n_out`` may be None: the dataset's ``out_dim`` sets it.
    optimizer_args : mapping
        The arguments of ``initialize_optimizer``.
    logger : Logger, optional
        Keeps the results of training and tests; see ``logs``.
    seed : int, optional
        Fixes the initial weights.
    name : str
        A label.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of every array in the network.

    Attributes
    ----------
    layers : list of Layer
    epoch : int
        Number of epochs trained so far.
    input_shape : tuple of int or None
        Shape of one example; None before the first one.
    history : dict of list of float
        By epoch: ``train_loss``, ``train_error``, ``validation_loss``, ``validation_error``.

    Raises
    ------
    ValueError
        If a name or an option is unknown, or a value is out of range.
    """

    def __init__(
        self,
        loss: str,
        layer_args: Sequence[Mapping[str, Any]],
        optimizer_args: Mapping[str, Any],
        logger: Logger | None = None,
        seed: int | None = None,
        *,
        name: str = "neural_network",
        dtype: Any = "float64",
    ) -> None:
        if not layer_args:
            raise ValueError("layer_args is empty: a network needs at least one layer")
        self.name = name
        self.dtype = floating_type(dtype)
        self.loss = initialize_loss(loss)
        self.optimizer = build("optimizer", initialize_optimizer, optimizer_args)
        self.logger = logger
        self.epoch = 0
        self.history: dict[str, list[float]] = {}
        self.layers: list[Layer] = []
        self._layer_args = [dict(args) for args in layer_args]
        self.rngs = [spawn_generator(seed, "initialization", i) for i in range(len(layer_args))]
        self._label_shape: tuple[int, ...] | None = None
        self.input_shape: tuple[int, ...] | None = None
        self.build_layers()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The output for a batch, through all layers.

        Parameters
        ----------
        X : array of float, (m, ...)

        Returns
        -------
        array of the network's type, (m, n_out), or (m, n_out, t) with an output at every step
        """
        out = X
        with self._threads():
            for layer in self._complete_layers():
                out = layer.forward_faster(out)
        self.input_shape = X.shape[1:]
        return out

    def backward(self, target: np.ndarray, out: np.ndarray) -> float:
        """The loss of the batch that ``forward`` got last, and all gradients of it.

        Parameters
        ----------
        target : array, (m, n_out) or (m, n_out, t)
            Labels.
        out : array, the shape of target
            What ``forward`` returned.

        Returns
        -------
        float
            The loss. The gradients are in each layer's ``gradients``.
        """
        target = self._admit_labels(target, out)
        last: Any
        *hidden, last = self._complete_layers()
        self.layers[0].input_gradient = False  # nobody asks for the gradient of the data
        try:
            with self._threads():
                if self._is_canonical:
                    Z = last.cached("Z")
                    loss = self.loss.forward_from_logits(target, Z)
                    gradient = last.affine_backward(self.loss.backward_from_logits(target, out))
                else:
                    loss = self.loss.forward(target, out)
                    gradient = last.backward_faster(self.loss.backward(target, out))
                for layer in reversed(hidden):
                    gradient = layer.backward_faster(gradient)
        finally:
            self.layers[0].input_gradient = True
        return loss

    def update(self, epoch: float) -> None:
        """One step of the optimizer for every parameter.

        Parameters
        ----------
        epoch : float
            The epoch, from 0, possibly a fraction; what the learning rate depends on.
        """
        for i, layer in enumerate(self.layers, start=1):
            for name, gradient in layer.gradients.items():
                value = layer.parameters[name]
                step = self.optimizer.update(f"layer{i}.{name}", value, gradient, epoch)
                # A new array: the old one may be somebody else's.
                layer.parameters[name] = value - step

    def error(self, target: np.ndarray, out: np.ndarray) -> float:
        """The share of misclassified examples, or the mean squared error of a regression.

        Parameters
        ----------
        target, out : arrays, (m, n_out)
            Labels and predictions.
        """
        if target.shape != out.shape:
            raise ValueError(f"labels have shape {target.shape} but predictions {out.shape}")
        return self.loss.error(target, out)

    def predict(self, X: np.ndarray, Y: np.ndarray | None) -> tuple[np.ndarray, float]:
        """The output for a batch, and its loss. Changes nothing; a first call creates parameters.

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
        with self.inference() as (hidden, last):
            for layer in hidden:
                X = layer.forward_faster(X)
            if not self._is_canonical:
                Y_hat = last.forward_faster(X)
                return Y_hat, math.nan if Y is None else self.loss.forward(Y, Y_hat)
            Z = last.affine_forward(X)
            Y_hat = last.activate(Z)
            if Y is None:
                return Y_hat, math.nan
            Y = self._admit_labels(Y, Y_hat)
            return Y_hat, self.loss.forward_from_logits(Y, Z)

    @contextmanager
    def inference(self) -> Iterator[tuple[list[Layer], Any]]:
        """A context in which the layers predict; yields the hidden layers and the last one."""
        layers = self._complete_layers()
        before = [(layer.training, layer.cache) for layer in layers]
        for layer in layers:
            # The cache is set aside, for layers that write to it whatever they are told.
            layer.training, layer.cache = False, OrderedDict()
        try:
            with self._threads():
                yield layers[:-1], layers[-1]
        finally:
            for layer, (training, cache) in zip(layers, before, strict=True):
                layer.training, layer.cache = training, cache

    def train(self, dataset: Dataset, epochs: int) -> dict[str, list[float]]:
        """Train on ``dataset.train``; after each epoch, evaluate on ``dataset.validate``.

        A second call goes on where the first one ended. Whatever ends it, Ctrl-C included, the
        logger keeps the log and the parameters so far.

        Parameters
        ----------
        dataset : Dataset
        epochs : int
            How many times to go through the training set.

        Returns
        -------
        dict of list of float
            ``history``.

        Raises
        ------
        TrainingDiverged
            If the loss becomes NaN or infinite.
        ValueError
            If the dataset does not fit the network.
        """
        positive_integer("epochs", epochs)
        self.prepare(dataset)
        training.train(self, dataset, epochs)
        return self.history

    def test(self, dataset: Dataset, save_predictions: bool = False) -> dict[str, float]:
        """Loss and error on ``dataset.test``.

        Parameters
        ----------
        dataset : Dataset
        save_predictions : bool
            Whether the logger keeps ``test_predictions.csv`` and what there is to be seen:
            ``confusion_matrix.png`` of classes, ``mistakes.png`` of images, ``forecast.png`` and
            ``forecast.csv`` of sequences.

        Returns
        -------
        dict
            ``loss`` and ``error``.

        Raises
        ------
        ValueError
            If the dataset has no test set, or one without labels.
        """
        return training.test(self, dataset, save_predictions)

    def test_kaggle(self, dataset: Dataset) -> Any:
        """Predict the classes of ``dataset.test``, in its order, for a Kaggle competition.

        Parameters
        ----------
        dataset : Dataset
            Its test set needs no labels.

        Returns
        -------
        pandas.DataFrame
            Integer columns ``Id``, from ``dataset.first_id`` on, and ``Category``. The logger
            keeps it as ``kaggle_predictions.csv``.

        Raises
        ------
        ValueError
            If the dataset has no test set, or the network predicts no classes.
        """
        return training.test_kaggle(self, dataset)

    def prepare(self, dataset: Dataset) -> None:
        """Complete the network for a dataset: its last layer's ``n_out``, and all parameters.

        ``train`` calls it; call it yourself to look at a network before it is trained.

        Raises
        ------
        ValueError
            If the two do not fit, or the labels break the loss's rule.
        """
        for data in (dataset.train, dataset.validate):
            if data is not None:
                if data.labels is None:
                    raise ValueError("training and validation sets need labels")
                self.loss.check_labels(data.labels)
        self.build_layers(dataset.out_dim)
        n_out = self.layers[-1].n_out
        if n_out not in (None, dataset.out_dim):
            raise ValueError(
                f"the output layer has {n_out} units, but labels have {dataset.out_dim} columns"
            )
        self.create_parameters(dataset.train.data.shape[1:])

    def state(self) -> dict[str, np.ndarray]:
        """All that ``load`` needs: the parameters (``layer1.W``), the input's shape and the epoch.

        Empty before the first ``forward``, when there are no parameters yet.
        """
        return saving.state_of(self)

    def save(self, path: str | Path) -> None:
        """Write the parameters to an ``.npz`` file, whole or not at all."""
        saving.save(self, Path(path))

    def load(self, path: str | Path) -> None:
        """Take the parameters from a file that ``save``, or a run, has written.

        Raises
        ------
        ValueError
            If it is no such file, or belongs to another network. This one is then as it was.

        Notes
        -----
        The epoch becomes that of the file. The history, and what the optimizer remembers of
        earlier steps, are left as they are.
        """
        saving.load(self, Path(path))

    def parameters(self) -> Iterator[tuple[str, Layer, str]]:
        """Each parameter's name in the network, its layer, and its name there."""
        for i, layer in enumerate(self.layers, start=1):
            for name in layer.parameters:
                yield f"layer{i}.{name}", layer, name

    def build_layers(self, out_dim: int | None = None) -> None:
        """Make the layers that do not exist yet; the last one may have to wait for ``out_dim``."""
        for i in range(len(self.layers), len(self._layer_args)):
            args = self._layer_args[i]
            waits = i == len(self._layer_args) - 1 and registry.lacks_n_out(args)
            if waits:
                # Until its size is known, a trial run finds errors in its other options.
                args = {**args, "n_out": out_dim or 1}
            layer = registry.make_layer(i + 1, args, self.dtype, self.rngs[i])
            if out_dim is not None or not waits:
                self.layers.append(layer)

    def _threads(self) -> AbstractContextManager[None]:
        """One context for all layers: BLAS's threads would go on spinning between two of them."""
        shared = any(layer.shares_batch for layer in self.layers)
        return sharing() if shared else nullcontext()

    def _complete_layers(self) -> list[Layer]:
        if len(self.layers) < len(self._layer_args):
            raise ValueError("the output layer has no n_out yet: give it one, or train first")
        return self.layers

    @property
    def _is_canonical(self) -> bool:
        """Whether loss and last layer can meet at the logits (see ``losses``)."""
        last = self.layers[-1]
        return type(last.activation) is self.loss.partner and registry.meets_at_logits(type(last))

    def _admit_labels(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """Labels in the network's type, checked when their shape is new."""
        if Y.shape != Y_hat.shape or Y.shape[1:] != self._label_shape:
            self.loss.check(Y, Y_hat)
            self._label_shape = Y.shape[1:]
        return Y.astype(self.dtype, copy=False)

    def create_parameters(self, input_shape: Sequence[int]) -> None:
        """Make every layer create its parameters: a forward pass of one example of zeros."""
        with self.inference() as (hidden, last):
            registry.pass_through([*hidden, last], np.zeros((1, *input_shape), self.dtype))
        self.input_shape = self.input_shape or tuple(input_shape)


def initialize_model(
    name: str,
    loss: str,
    layer_args: Sequence[Mapping[str, Any]],
    optimizer_args: Mapping[str, Any],
    logger: Logger | None = None,
    seed: int | None = None,
    *,
    dtype: Any = "float64",
) -> NeuralNetwork:
    """A network with a name of its own; see ``NeuralNetwork`` for the arguments.

    Examples
    --------
    >>> model = initialize_model(
    ...     name="two_layers",
    ...     loss="cross_entropy",
    ...     layer_args=[
    ...         {"name": "fully_connected", "activation": "relu", "n_out": 10},
    ...         {"name": "fully_connected", "activation": "softmax", "n_out": 3},
    ...     ],
    ...     optimizer_args={"name": "SGD", "lr": 0.1},
    ... )
    >>> model.forward(np.zeros((5, 4))).shape
    (5, 3)
    """
    return NeuralNetwork(loss, layer_args, optimizer_args, logger, seed, name=name, dtype=dtype)
