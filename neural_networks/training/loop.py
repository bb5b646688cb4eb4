"""How a network is trained and tested: epochs of steps, and passes without a gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks import metrics
from neural_networks.datasets import Data, Dataset
from neural_networks.layers import FullyConnected
from neural_networks.logs import Logger
from neural_networks.logs.logger import check_file_name
from neural_networks.training.forecasting import free_running, one_step
from neural_networks.training.saving import Checkpoint
from neural_networks.training.tables import kaggle_table
from neural_networks.utils.factories import lookup
from neural_networks.utils.progress import progress_bar, tqdm
from neural_networks.utils.validation import positive_integer, true_or_false

if TYPE_CHECKING:
    from neural_networks.models import NeuralNetwork


class TrainingDiverged(ArithmeticError):
    """The loss has become NaN or infinite, so that training cannot go on."""


class Records:
    """What a network remembers of its training: numbers for each epoch and for each step."""

    def __init__(self) -> None:
        self.epochs: dict[str, list[float]] = {}
        self.steps: list[float] = []


class Stopping:
    """Which epoch is the best, and when to stop; the arguments are those of ``train``.

    Raises
    ------
    ValueError
        If there will be no such column in the history, or the patience is not positive.
    """

    def __init__(
        self, dataset: Dataset, patience: int | None, monitor: str | None, restore_best: bool | None
    ) -> None:
        validates = dataset.validate is not None
        self.patience = None if patience is None else positive_integer("patience", patience)
        columns = ["validation_loss", "validation_error"] if validates else []
        columns += ["train_loss", "train_error"]
        self.monitor = columns[0] if monitor is None else monitor
        lookup("column to monitor", self.monitor, dict.fromkeys(columns))
        self.restore_best = ends_with_best(patience, restore_best)

    def note(self, model: NeuralNetwork, value: float) -> None:
        """Keep the parameters of an epoch that is better than all before it."""
        best = model.best
        if best is None or best.monitor != self.monitor or value < best.value:
            state = {key: array.copy() for key, array in model.state().items()}
            model.best = Checkpoint(model.epoch, self.monitor, value, state)

    def is_due(self, model: NeuralNetwork, first_epoch: int) -> bool:
        """Whether so many epochs have passed since the best one, or since ``first_epoch``."""
        if self.patience is None or model.best is None:
            return False
        return model.epoch - max(model.best.epoch, first_epoch) >= self.patience


def ends_with_best(patience: int | None, restore_best: bool | None) -> bool:
    """Whether a training with these arguments ends with the parameters of its best epoch."""
    if restore_best is None:
        return patience is not None
    return true_or_false("restore_best", restore_best)


def train(model: NeuralNetwork, dataset: Dataset, epochs: int, stopping: Stopping) -> None:
    """Train a model, evaluate it after each epoch, and note both in its history and its log.

    A progress bar counts the steps, if standard error is a terminal.

    Parameters
    ----------
    model : NeuralNetwork
    dataset : Dataset
    epochs : int
        How many times to go through the training set, at most.
    stopping : Stopping
        Whether to stop earlier, and with which parameters to end.

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite.
    """
    if model.logger:
        check_columns(model.logger, dataset)
        model.logger.start()
    first_epoch, last_epoch = model.epoch, model.epoch + epochs
    try:
        # A diverging loss is reported once, as TrainingDiverged, instead of as warnings.
        with (
            progress_bar(epochs * dataset.train.samples_per_epoch) as bar,
            np.errstate(over="ignore", invalid="ignore"),
        ):
            while model.epoch < last_epoch and not stopping.is_due(model, first_epoch):
                bar.set_description_str(f"epoch {model.epoch + 1}/{last_epoch} ", refresh=False)
                results = one_epoch(model, dataset, bar)
                stopping.note(model, results[stopping.monitor])
                bar.set_postfix_str(progress_text(model, results), refresh=False)
        if stopping.restore_best:
            model.restore_best()
    finally:
        if model.logger:
            keep(model, model.logger, dataset)


def check_columns(logger: Logger, dataset: Dataset) -> None:
    """Raise ``ValueError`` if epochs on a dataset would not fit into the log as it is."""
    validates = dataset.validate is not None
    if logger.rows and ("validation_loss" in logger.rows[0]) != validates:
        with_or_without = "without" if validates else "with"
        raise ValueError(
            f"the log so far is {with_or_without} a validation set: go on so, or reset it"
        )


def one_epoch(model: NeuralNetwork, dataset: Dataset, bar: tqdm[Any]) -> dict[str, float]:
    """Train for an epoch, evaluate, and tell the history, the log and the learning rate."""
    results = train_epoch(model, dataset.train, bar)
    if dataset.validate is not None:
        loss, error, _ = evaluate(model, dataset.validate)
        results |= {"validation_loss": loss, "validation_error": error}
    model.epoch += 1
    record(model, results)
    if not math.isfinite(results.get("validation_loss", 0.0)):
        raise diverged(model, f"validation loss became {loss} in epoch {model.epoch}")
    model.optimizer.lr_scheduler.on_epoch_end(results.get("validation_loss", results["train_loss"]))
    return results


def train_epoch(model: NeuralNetwork, data: Data, bar: tqdm[Any]) -> dict[str, float]:
    """Go through the data once; the mean loss and error, weighted by batch size."""
    steps = data.samples_per_epoch
    totals = dict.fromkeys(("train_loss", "train_error", "penalty"), 0.0)
    data.reset()  # an epoch is all examples once, also after one that was interrupted
    for i in range(steps):
        X, Y = data.sample()
        Y_hat = model.forward(X)
        loss = model.backward(Y, Y_hat)
        if not math.isfinite(loss):
            where = f"epoch {model.epoch + 1}, step {i + 1}"
            raise diverged(model, f"loss became {loss} in {where}")
        model.update(model.epoch + i / steps)
        loss -= model.penalty
        totals["train_loss"] += loss * len(X)
        totals["train_error"] += model.error(Y, Y_hat) * len(X)
        totals["penalty"] += model.penalty * len(X)
        record_step(model, model.epoch + (i + 1) / steps, loss)
        bar.update()
    if not model.regularization:
        del totals["penalty"]
    return {name: total / data.n_samples for name, total in totals.items()}


def keep(model: NeuralNetwork, logger: Logger, dataset: Dataset) -> None:
    """Save the parameters, now and of the best epoch; draw curves, and the first weights."""
    logger.save_parameters(model.state())
    if model.best is not None:
        logger.save_parameters(model.best.state, "best_parameters.npz")
    logger.draw_curves(model.loss)
    parameters = (layer.parameters[name] for _, layer, name in model.parameters())
    kernels = next((value for value in parameters if value.ndim == 4), None)
    image_shape = dataset.raw_shape
    if kernels is not None:
        logger.draw_kernels(kernels)
    elif len(image_shape) == 3 and isinstance(model.layers[0], FullyConnected):
        # Its input are images as rows: each unit has a weight for every pixel.
        logger.draw_weights(model.layers[0].parameters["W"].reshape(*image_shape, -1))


def diverged(model: NeuralNetwork, what: str) -> TrainingDiverged:
    """The error to raise when a loss is no longer a number, with what to try."""
    rate = model.optimizer.lr_scheduler(model.epoch)
    advice = f"try a learning rate below {rate:g}, or clip the gradients (clip_norm)"
    return TrainingDiverged(f"the {what}: {advice}")


def evaluate(model: NeuralNetwork, data: Data) -> tuple[float, float, np.ndarray]:
    """Mean loss and error over a whole set, and its outputs in order; without a gradient."""
    total_loss = total_error = 0.0
    outputs = []
    for X, Y in data.batches():
        Y_hat, loss = model.predict(X, Y)
        total_loss += loss * len(X)
        total_error += model.error(Y, Y_hat) * len(X)
        outputs.append(Y_hat)
    return total_loss / data.n_samples, total_error / data.n_samples, np.concatenate(outputs)


def record(model: NeuralNetwork, results: Mapping[str, float]) -> None:
    """Add an epoch's results to the model's history and to its log."""
    records = model.records.epochs
    before = max(map(len, records.values()), default=0)
    for name in results:
        records.setdefault(name, [math.nan] * before)
    for name, values in records.items():
        values.append(results.get(name, math.nan))
    if model.logger:
        model.logger.push({"epoch": model.epoch, **results})


def record_step(model: NeuralNetwork, epoch: float, loss: float) -> None:
    """Add a step's loss, at a fractional epoch, to the model's records and to its picture."""
    model.records.steps.append(loss)
    if model.logger:
        model.logger.push_step(epoch, loss)


def progress_text(model: NeuralNetwork, results: Mapping[str, float]) -> str:
    """An epoch's results for the progress bar: loss and accuracy, or mean squared error."""
    parts = []
    for split, name in (("train", "train"), ("validation", "val")):
        if f"{split}_loss" in results:
            loss, error = results[f"{split}_loss"], results[f"{split}_error"]
            of_classes = f"loss {loss:.3f} acc {1 - error:.1%}"
            score = of_classes if model.loss.classifies else f"mse {error:.3g}"
            parts.append(f"{name} {score}")
    return ", ".join(parts)


def test(model: NeuralNetwork, dataset: Dataset, save_predictions: bool) -> dict[str, float]:
    """See ``NeuralNetwork.test``."""
    data = _test_set(dataset)
    if data.labels is None:
        raise ValueError("the test set has no labels: test_kaggle predicts them")
    model.loss.check_labels(data.labels)
    loss, error, Y_hat = evaluate(model, data)
    results = {"loss": loss, "error": error}
    curve = metrics.binary_roc(model.loss, data.labels, Y_hat)
    if curve is not None:
        results["auc"] = curve.area
    if model.logger:
        model.logger.save_test_results(results)
        if save_predictions:
            outcome = data.labels, Y_hat, dataset.class_names
            model.logger.save_predictions(model.loss, *outcome)
            if curve is not None:
                model.logger.draw_roc(curve)
            if model.loss.classifies and data.data.ndim == 4:
                model.logger.draw_mistakes(model.loss, data.data, *outcome)
            if dataset.forecast_sequences is not None:
                save_forecast(model, model.logger, dataset.forecast_sequences, data.data.shape[2])
    return results


def save_forecast(model: NeuralNetwork, logger: Logger, sequences: np.ndarray, window: int) -> None:
    """Have the logger keep a forecast of sequences (k, d, T) beyond their first ``window``."""
    with np.errstate(over="ignore", invalid="ignore"):  # what runs free may run away
        free = free_running(model, sequences[:, :, :window], sequences.shape[2] - window)
        logger.save_forecast(sequences, one_step(model, sequences, window), free)


def test_kaggle(model: NeuralNetwork, dataset: Dataset, file_name: str | None) -> Any:
    """See ``NeuralNetwork.test_kaggle``."""
    if not model.loss.classifies:
        raise ValueError(f"Kaggle files hold classes, which {model.loss.name} does not predict")
    # Not evaluate: the labels, if any, may be rows of zeros.
    outputs = [model.predict(X, None)[0] for X, _ in _test_set(dataset).batches()]
    classes = model.loss.classes(np.concatenate(outputs))
    if classes.ndim > 1:
        raise ValueError("Kaggle files hold one class for each example, not one for every step")
    table = kaggle_table(classes, dataset.first_id)
    if model.logger:
        name = file_name or dataset.kaggle_file or "kaggle_predictions.csv"
        model.logger.save_table(check_file_name(name), table)
    return table


def _test_set(dataset: Dataset) -> Data:
    if dataset.test is None:
        raise ValueError("the dataset has no test set")
    return dataset.test
