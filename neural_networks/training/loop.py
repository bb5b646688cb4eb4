"""The training loop: epochs of steps, each epoch evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets import Data, Dataset
from neural_networks.losses import Loss
from neural_networks.training.early_stopping import BestEpoch, EarlyStopping
from neural_networks.training.evaluation import evaluate
from neural_networks.training.protocols import RunLog, Trainable
from neural_networks.utils.progress import progress_bar, tqdm
from neural_networks.utils.text import counted


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or infinite. Results so far are in ``folder``, unless it is None."""

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during training. Results so far are in ``folder``, unless it is None."""

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


def train(model: Trainable, dataset: Dataset, epochs: int, stopping: EarlyStopping) -> None:
    """Train on ``dataset.train``; after each epoch, evaluate on ``dataset.validate``.

    Calling it again continues training. However training ends, the logger saves the log, the
    current parameters and those of the best epoch. A progress bar counts the steps if standard
    error is a terminal.

    Parameters
    ----------
    model : NeuralNetwork
    dataset : Dataset
    epochs : int
        Maximal number of passes through the training set.
    stopping : EarlyStopping

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite.
    TrainingInterrupted
        After Ctrl-C.
    """
    if model.logger:
        check_columns(model.logger, dataset)
        model.logger.start()
    model.restored = False
    first_epoch, last_epoch = model.epoch, model.epoch + epochs
    try:
        # A diverging loss is reported once, as TrainingDiverged, instead of as warnings.
        with (
            progress_bar(epochs * dataset.train.samples_per_epoch) as bar,
            np.errstate(over="ignore", invalid="ignore"),
            model.threads(),
        ):
            while model.epoch < last_epoch:
                bar.set_description_str(f"epoch {model.epoch + 1}/{last_epoch} ", refresh=False)
                results = one_epoch(model, dataset, bar)
                keep_best(model, stopping, results[stopping.monitor])
                bar.set_postfix_str(progress_text(model.loss, results), refresh=False)
                if stopping.is_due(model.epoch, model.best, first_epoch):
                    break
        if stopping.restore_best:
            model.restore_best()
            model.restored = True
    except KeyboardInterrupt:
        message = f"Interrupted after {counted(model.epoch, 'epoch')}"
        raise TrainingInterrupted(message, run_folder(model)) from None
    finally:
        save_results(model, dataset.raw_shape)


def check_columns(log: RunLog, dataset: Dataset) -> None:
    """Raise ``ValueError`` if epochs on a dataset would not fit the columns logged so far."""
    validates = dataset.validate is not None
    if log.rows and ("validation_loss" in log.rows[0]) != validates:
        with_or_without = "without" if validates else "with"
        raise ValueError(
            f"the log so far is {with_or_without} a validation set: continue "
            f"{with_or_without} one, or reset it"
        )


def one_epoch(model: Trainable, dataset: Dataset, bar: tqdm[Any]) -> dict[str, float]:
    """Train for an epoch, evaluate, and record the results."""
    results = train_epoch(model, dataset.train, bar)
    if dataset.validate is not None:
        loss, error, _ = evaluate(model, dataset.validate)
        results |= {"validation_loss": loss, "validation_error": error}
    model.epoch += 1
    model.records.record(results)
    if model.logger:
        model.logger.push({"epoch": model.epoch, **results})
    if not math.isfinite(results.get("validation_loss", 0.0)):
        raise diverged(model, f"validation loss became {loss} in epoch {model.epoch}")
    model.optimizer.lr_scheduler.on_epoch_end(results.get("validation_loss", results["train_loss"]))
    return results


def train_epoch(model: Trainable, data: Data, bar: tqdm[Any]) -> dict[str, float]:
    """Go through the data once; the mean loss and error, weighted by batch size."""
    steps = data.samples_per_epoch
    totals = dict.fromkeys(("train_loss", "train_error", "penalty"), 0.0)
    data.reset()  # an epoch visits each example once, also after an interrupted one
    for i in range(steps):
        X, Y = data.sample()
        Y_hat = model.forward(X)
        loss = model.backward(Y, Y_hat)
        if not math.isfinite(loss):
            raise diverged(model, f"loss became {loss} in epoch {model.epoch + 1}, step {i + 1}")
        model.update(model.epoch + i / steps)
        loss -= model.penalty
        totals["train_loss"] += loss * len(X)
        totals["train_error"] += model.error(Y, Y_hat) * len(X)
        totals["penalty"] += model.penalty * len(X)
        model.records.steps.append(loss)
        if model.logger:
            model.logger.push_step(model.epoch + (i + 1) / steps, loss)
        bar.update()
    if not model.regularization:
        del totals["penalty"]
    return {name: total / data.n_samples for name, total in totals.items()}


def keep_best(model: Trainable, stopping: EarlyStopping, value: float) -> None:
    """Keep a copy of the parameters if the epoch is better than all before it."""
    if stopping.improves(value, model.best):
        arrays = {key: array.copy() for key, array in model.arrays().items()}
        model.best = BestEpoch(model.epoch, stopping.monitor, value, arrays)


def save_results(model: Trainable, image_shape: tuple[int, ...]) -> None:
    """Have the logger save the parameters, now and of the best epoch, and draw the pictures."""
    if model.logger:
        best = None if model.best is None else model.best.arrays
        model.logger.finish(model.loss, model.arrays(), best, image_shape)


def diverged(model: Trainable, what: str) -> TrainingDiverged:
    """The error for a loss that is NaN or infinite, with advice."""
    rate = model.optimizer.lr_scheduler(model.epoch)
    advice = f"try a learning rate below {rate:g}, or clip the gradients (clip_norm)"
    return TrainingDiverged(f"the {what}: {advice}", run_folder(model))


def run_folder(model: Trainable) -> Path | None:
    """The folder of the run's results; None if they are not saved."""
    return model.logger.folder if model.logger else None


def progress_text(loss: Loss, results: Mapping[str, float]) -> str:
    """Results of an epoch for the progress bar: loss and accuracy, or mean squared error."""
    parts = []
    for split, name in (("train", "train"), ("validation", "val")):
        if f"{split}_loss" in results:
            value, error = results[f"{split}_loss"], results[f"{split}_error"]
            of_classes = f"loss {value:.3f} acc {1 - error:.1%}"
            score = of_classes if loss.classifies else f"mse {error:.3g}"
            parts.append(f"{name} {score}")
    return ", ".join(parts)
