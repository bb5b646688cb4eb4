"""The network: layers in a row, a loss at their end, and an optimizer that trains them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.layers import factory
from neural_networks.layers.sequential import LayerStack
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.optimizers import initialize_optimizer
from neural_networks.regularization import WeightPenalty
from neural_networks.training import loop, saving
from neural_networks.utils.factories import build
from neural_networks.utils.validation import positive_integer

__all__ = ["NeuralNetwork", "TrainingDiverged", "initialize_model"]

TrainingDiverged = loop.TrainingDiverged


class NeuralNetwork(LayerStack):
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
        Fixes the initial weights, and the masks of dropout.
    name : str
        A label.
    l2, l1 : float
        Strengths of a penalty on the weights, see ``regularization``.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of every array in the network.

    Attributes
    ----------
    layers : list of Layer
    epoch : int
        Number of epochs trained so far.
    input_shape : tuple of int or None
        Shape of one example; None before the first one.
    penalty : float
        The part of the loss that ``backward`` returned last which is the penalty on the weights.
    best : Checkpoint or None
        The best of the epochs trained so far, on whatever data, with its parameters; see ``train``.

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
        l2: float = 0.0,
        l1: float = 0.0,
        dtype: Any = "float64",
    ) -> None:
        super().__init__(layer_args, seed, dtype)
        self.name = name
        self.loss = initialize_loss(loss)
        self.optimizer = build("optimizer", initialize_optimizer, optimizer_args)
        self.regularization = WeightPenalty(l2, l1)
        self.logger = logger
        self.epoch = 0
        self.penalty = 0.0
        self.best: saving.Checkpoint | None = None
        self.records = loop.Records()
        self._label_shape: tuple[int, ...] | None = None

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

        The loss includes the penalty on the weights, if there is one; that of ``predict`` does
        not.

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
        target = self._check_labels(target, out)
        last: Any
        *hidden, last = self._complete_layers()
        self.layers[0].input_gradient = False  # nobody asks for the gradient of the data
        try:
            with self._threads():
                if self._is_canonical:
                    Z = last.from_cache("Z")
                    loss = self.loss.forward_from_logits(target, Z)
                    gradient = last.backward_from_logits(
                        self.loss.backward_from_logits(target, out)
                    )
                else:
                    loss = self.loss.forward(target, out)
                    gradient = last.backward_faster(self.loss.backward(target, out))
                for layer in reversed(hidden):
                    gradient = layer.backward_faster(gradient)
        finally:
            self.layers[0].input_gradient = True
        if self.regularization:
            self.penalty = self.regularization.penalty(self.layers)
            self.regularization.add_gradients(self.layers)
        return loss + self.penalty

    def update(self, epoch: float) -> None:
        """One step of the optimizer for every parameter.

        Parameters
        ----------
        epoch : float
            The epoch, from 0, possibly a fraction; what the learning rate depends on.
        """
        named = list(self.parameters())
        gradients = self.optimizer.clip_by_global_norm(
            [layer.gradients[name] for _, layer, name in named]
        )
        for (key, layer, name), gradient in zip(named, gradients, strict=True):
            value = layer.parameters[name]
            # A new array: the old one may be somebody else's.
            layer.parameters[name] = value - self.optimizer.update(key, value, gradient, epoch)

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
            Y = self._check_labels(Y, Y_hat)
            return Y_hat, self.loss.forward_from_logits(Y, Z)

    def train(
        self,
        dataset: Dataset,
        epochs: int,
        *,
        patience: int | None = None,
        monitor: str | None = None,
        restore_best: bool | None = None,
    ) -> dict[str, np.ndarray]:
        """Train on ``dataset.train``; after each epoch, evaluate on ``dataset.validate``.

        A second call goes on where the first one ended. Whatever ends it, Ctrl-C included, the
        logger keeps the log, the parameters so far, and those of the best epoch, which are in
        ``best``, too.

        Parameters
        ----------
        dataset : Dataset
        epochs : int
            How many times to go through the training set, at most.
        patience : int, optional
            Stop early, when so many epochs have passed since the best one.
        monitor : str, optional
            The column of ``history`` that is lowest in the best epoch. The default is
            ``"validation_loss"``, or ``"train_loss"`` without a validation set.
        restore_best : bool, optional
            Whether to end with the parameters of the best epoch (see ``restore_best``). The
            default is to do so if there is a ``patience``.

        Returns
        -------
        dict of array
            ``history``.

        Raises
        ------
        TrainingDiverged
            If the loss becomes NaN or infinite.
        ValueError
            If the dataset does not fit the network.
        """
        positive_integer("epochs", epochs)
        stopping = loop.Stopping(dataset, patience, monitor, restore_best)
        self.prepare(dataset)
        loop.train(self, dataset, epochs, stopping)
        return self.history

    @property
    def history(self) -> dict[str, np.ndarray]:
        """Results by epoch, an array (epochs,) for each column; NaN where there was no result.

        The columns are ``train_loss`` and ``train_error``, means over the steps of the epoch;
        ``penalty``, likewise, of a model with one, which is not part of the losses;
        ``validation_loss`` and ``validation_error`` at the end of the epoch.
        """
        return {name: np.array(values) for name, values in self.records.epochs.items()}

    @property
    def step_losses(self) -> np.ndarray:
        """The loss of every training step so far, without the penalty: an array (steps,)."""
        return np.array(self.records.steps)

    def restore_best(self) -> None:
        """Take the parameters of the best epoch back; all else stays as it is.

        Raises
        ------
        ValueError
            If no epoch has been trained.
        """
        if self.best is None:
            raise ValueError("there is no best epoch yet: train first")
        saving.restore(self, self.best.state)

    def test(self, dataset: Dataset, save_predictions: bool = False) -> dict[str, float]:
        """Loss and error on ``dataset.test``.

        Parameters
        ----------
        dataset : Dataset
        save_predictions : bool
            Whether the logger keeps ``test_predictions.csv`` and what there is to be seen:
            ``confusion_matrix.png`` of classes, ``roc.png`` of two of them, ``mistakes.png`` of
            images, ``forecast.png`` and ``forecast.csv`` of sequences.

        Returns
        -------
        dict
            ``loss`` and ``error``; of two classes, also ``auc``, the area under the ROC curve.

        Raises
        ------
        ValueError
            If the dataset has no test set, or one without labels.
        """
        return loop.test(self, dataset, save_predictions)

    def test_kaggle(self, dataset: Dataset, file_name: str | None = None) -> Any:
        """Predict the classes of ``dataset.test``, in its order, for a Kaggle competition.

        Parameters
        ----------
        dataset : Dataset
            Its test set needs no labels.
        file_name : str, optional
            What the file is called; by default as ``dataset.kaggle_file`` says, or else
            ``kaggle_predictions.csv``.

        Returns
        -------
        pandas.DataFrame
            Integer columns ``Id``, from ``dataset.first_id`` on, and ``Category``. The logger
            keeps it as a file.

        Raises
        ------
        ValueError
            If the dataset has no test set, or the network predicts no classes.
        """
        return loop.test_kaggle(self, dataset, file_name)

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
        self.create_parameters(dataset.train.example_shape)
        self.check_batches(dataset.train.n_samples, dataset.train.batch_size)

    def state(self) -> dict[str, np.ndarray]:
        """All that ``load`` needs: parameters (``layer1.W``), statistics, input shape and epoch.

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
        The epoch becomes that of the file, and ``best`` None. The history, and what the optimizer
        remembers of earlier steps, are left as they are.
        """
        saving.load(self, Path(path))

    @property
    def _is_canonical(self) -> bool:
        """Whether loss and last layer can meet at the logits (see ``losses``)."""
        last = self.layers[-1]
        return type(last.activation) is self.loss.canonical_activation and factory.has_logits(
            type(last)
        )

    def _check_labels(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """Labels in the network's type, checked when their shape is new."""
        if Y.shape != Y_hat.shape or Y.shape[1:] != self._label_shape:
            self.loss.check(Y, Y_hat)
            self._label_shape = Y.shape[1:]
        return Y.astype(self.dtype, copy=False)


def initialize_model(
    name: str,
    loss: str,
    layer_args: Sequence[Mapping[str, Any]],
    optimizer_args: Mapping[str, Any],
    logger: Logger | None = None,
    seed: int | None = None,
    *,
    l2: float = 0.0,
    l1: float = 0.0,
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
    options = {"name": name, "l2": l2, "l1": l1, "dtype": dtype}
    return NeuralNetwork(loss, layer_args, optimizer_args, logger, seed, **options)
