"""How a network is trained and tested: epochs of steps, and passes without a gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from neural_networks.datasets import Data, Dataset
from neural_networks.forecast import one_step, running_free
from neural_networks.logs import Logger, kaggle_table

if TYPE_CHECKING:
    from neural_networks.models import NeuralNetwork


class TrainingDiverged(ArithmeticError):
    """The loss has become NaN or infinite, so that training cannot go on."""


def train(model: NeuralNetwork, dataset: Dataset, epochs: int) -> None:
    """Train a model, evaluate it after each epoch, and note both in its history and its log.

    A progress bar counts the steps, if standard error is a terminal.

    Parameters
    ----------
    model : NeuralNetwork
    dataset : Dataset
    epochs : int
        How many times to go through the training set.

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite.
    """
    if model.logger:
        model.logger.start()
    last_epoch = model.epoch + epochs
    try:
        # A diverging loss is reported once, as TrainingDiverged, instead of as warnings.
        with (
            progress_bar(epochs * dataset.train.samples_per_epoch) as bar,
            np.errstate(over="ignore", invalid="ignore"),
        ):
            while model.epoch < last_epoch:
                bar.set_description_str(f"epoch {model.epoch + 1}/{last_epoch} ", refresh=False)
                results = train_epoch(model, dataset.train, bar)
                if dataset.validate is not None:
                    loss, error, _ = evaluate(model, dataset.validate)
                    results |= {"validation_loss": loss, "validation_error": error}
                model.epoch += 1
                record(model, results)
                if not math.isfinite(results.get("validation_loss", 0.0)):
                    raise diverged(model, f"validation loss became {loss} in epoch {model.epoch}")
                bar.set_postfix_str(in_words(model, results), refresh=False)
    finally:
        if model.logger:
            keep(model, model.logger)


def train_epoch(model: NeuralNetwork, data: Data, bar: tqdm[Any]) -> dict[str, float]:
    """Go through the data once; the mean loss and error, weighted by batch size."""
    steps = data.samples_per_epoch
    total_loss = total_error = 0.0
    data.reset()  # an epoch is all examples once, also after one that was interrupted
    for i in range(steps):
        X, Y = data.sample()
        Y_hat = model.forward(X)
        loss = model.backward(Y, Y_hat)
        if not math.isfinite(loss):
            where = f"epoch {model.epoch + 1}, step {i + 1}"
            raise diverged(model, f"loss became {loss} in {where}")
        model.update(model.epoch + i / steps)
        total_loss += loss * len(X)
        total_error += model.error(Y, Y_hat) * len(X)
        if model.logger:
            model.logger.push_step(model.epoch + (i + 1) / steps, loss)
        bar.update()
    return {"train_loss": total_loss / data.n_samples, "train_error": total_error / data.n_samples}


def keep(model: NeuralNetwork, logger: Logger) -> None:
    """Save the parameters; draw the curves so far and the kernels of the first convolution."""
    logger.save_parameters(model.state())
    logger.draw_curves(model.loss)
    parameters = (layer.parameters[name] for _, layer, name in model.parameters())
    kernels = next((value for value in parameters if value.ndim == 4), None)
    if kernels is not None:
        logger.draw_kernels(kernels)


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
    for name, value in results.items():
        model.history.setdefault(name, []).append(value)
    if model.logger:
        model.logger.push({"epoch": model.epoch, **results})


def progress_bar(steps: int) -> tqdm[Any]:
    """A bar that fits a line of 80 characters; silent if standard error is no terminal."""
    # disable=None is tqdm's way to say "unless it is a terminal".
    layout = "{desc}|{bar}| {remaining}{postfix}"
    return tqdm(total=steps, bar_format=layout, disable=None, dynamic_ncols=True)


def in_words(model: NeuralNetwork, results: Mapping[str, float]) -> str:
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
    if model.logger:
        model.logger.save_test_results(results)
        if save_predictions:
            outcome = data.labels, Y_hat, dataset.class_names
            model.logger.save_predictions(model.loss, *outcome)
            if model.loss.classifies and data.data.ndim == 4:
                model.logger.draw_mistakes(model.loss, data.data, *outcome)
            if dataset.long_sequences is not None:
                save_forecast(model, model.logger, dataset.long_sequences, data.data.shape[2])
    return results


def save_forecast(model: NeuralNetwork, logger: Logger, sequences: np.ndarray, window: int) -> None:
    """Have the logger keep a forecast of sequences (k, d, T) beyond their first ``window``."""
    with np.errstate(over="ignore", invalid="ignore"):  # what runs free may run away
        free = running_free(model, sequences[:, :, :window], sequences.shape[2] - window)
        logger.save_forecast(sequences, one_step(model, sequences, window), free)


def test_kaggle(model: NeuralNetwork, dataset: Dataset) -> Any:
    """See ``NeuralNetwork.test_kaggle``."""
    if not model.loss.classifies:
        raise ValueError(f"Kaggle files hold classes, which {model.loss.name} does not predict")
    # Not evaluate: the labels, if any, may be rows of zeros.
    outputs = [model.predict(X, None)[0] for X, _ in _test_set(dataset).batches()]
    table = kaggle_table(model.loss.classes(np.concatenate(outputs)), dataset.first_id)
    if model.logger:
        model.logger.save_table("kaggle_predictions.csv", table)
    return table


def _test_set(dataset: Dataset) -> Data:
    if dataset.test is None:
        raise ValueError("the dataset has no test set")
    return dataset.test
