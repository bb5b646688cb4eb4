"""The training loop: epochs of steps, each epoch evaluated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets import Data, Dataset
from neural_networks.losses import Loss
from neural_networks.training.early_stopping import BestEpoch, EarlyStopping
from neural_networks.training.evaluation import evaluate
from neural_networks.training.interruption import StopSignals, stopped
from neural_networks.training.protocols import RunLog, Trainable
from neural_networks.utils.progress import progress_bar, tqdm
from neural_networks.utils.randomness import copied
from neural_networks.utils.text import counted, percent


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or infinite. Results so far are in ``folder``, unless it is None."""

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


def train(model: Trainable, dataset: Dataset, epochs: int, stopping: EarlyStopping) -> None:
    """Train on ``dataset.train``; after each epoch, evaluate on ``dataset.validate``.

    Calling it again continues training, with a whole epoch; after ``load_state``, with the next
    step of that state. The best epoch is that of the data at hand. However training ends, the
    logger saves the log, the current parameters and those of the best epoch. A progress bar
    counts the steps if standard error is a terminal.

    Parameters
    ----------
    model : NeuralNetwork
    dataset : Dataset
    epochs : int
        Maximal number of passes through the training set; an epoch that a loaded state is in the
        middle of is one of them.
    stopping : EarlyStopping

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite.
    TrainingInterrupted, TrainingTerminated
        After Ctrl-C, SIGTERM or SIGHUP, at the end of a step.
    ValueError
        If the state of the network, but not that of the dataset, has been loaded.
    """
    signals, errors = StopSignals(), np.geterr()
    try:
        with signals:
            model.prepare(dataset)
            with model.threads((dataset.train.batch_size, *dataset.train.example_shape)):
                begin(model, dataset)
                try:
                    run_epochs(model, dataset, model.epoch + epochs, stopping, signals)
                finally:
                    signals.saving = True
                    finish(model)
    except KeyboardInterrupt:
        n_epochs = counted(model.epoch, "epoch")
        raise stopped(n_epochs, signals.received, run_folder(model.logger)) from None
    finally:
        # An exception may have come in the middle of a context's first or last moment.
        signals.set_back()
        np.seterr(**errors)


def begin(model: Trainable, dataset: Dataset) -> None:
    """Begin the history and the log."""
    log = model.logger
    if log:
        check_columns(log.rows, dataset.validate is not None)
    if not model.records.begin_training(dataset) and model.best is not None:
        warnings.warn("other data than before: the best epoch begins anew", stacklevel=4)
        model.best = None
    if log:
        log.describe(model.loss, dataset, model.seed)
    model.restored = False


def run_epochs(
    model: Trainable, dataset: Dataset, last: int, stopping: EarlyStopping, signals: StopSignals
) -> None:
    """Train until a number of epochs has been trained, or the rule for stopping is met."""
    history = model.records
    n_steps = (last - model.epoch) * dataset.train.samples_per_epoch - history.steps_under_way
    # A diverging loss is reported once, as TrainingDiverged, instead of as warnings.
    with progress_bar(n_steps) as bar, np.errstate(over="ignore", invalid="ignore"):
        while model.epoch < last:
            if stopping.is_due(model.epoch, model.best, history.first_epoch):
                break
            bar.set_description_str(f"epoch {model.epoch + 1}/{last} ", refresh=False)
            results = train_epoch(model, dataset.train, bar, signals)
            results = end_epoch(model, dataset, stopping, results)
            bar.set_postfix_str(progress_text(model.loss, results), refresh=False)
            signals.check()
    if stopping.restore_best:
        model.restore_best()


def finish(model: Trainable) -> None:
    """Save the steps of an epoch that has not ended, and the parameters."""
    log, best = model.logger, model.best
    if log:
        try:
            log.push_steps(model.records.bins())
        finally:  # the parameters even if the steps cannot be written
            log.finish(model.arrays(), None if best is None else best.arrays)


def check_columns(rows: Sequence[Mapping[str, float]], validates: bool) -> None:
    """Raise ``ValueError`` if epochs with or without validation do not fit those logged so far."""
    if rows and ("validation_loss" in rows[0]) != validates:
        with_or_without = "without" if validates else "with"
        raise ValueError(
            f"the log so far is {with_or_without} a validation set: continue "
            f"{with_or_without} one, or reset it"
        )


def end_epoch(
    model: Trainable, dataset: Dataset, stopping: EarlyStopping, results: dict[str, float]
) -> dict[str, float]:
    """Evaluate after an epoch, record all results, and keep the best parameters."""
    if dataset.validate is not None:
        loss, error, _ = evaluate(model, dataset.validate)
        results |= {"validation_loss": loss, "validation_error": error}
    steps = model.records.end_epoch(results)  # model.epoch is one more from here on
    loss, value = results.get("validation_loss", results["train_loss"]), results[stopping.monitor]
    if math.isfinite(loss):
        model.optimizer.lr_scheduler.on_epoch_end(loss)
        if stopping.improves(value, model.best):
            arrays = copied(model.arrays())
            model.best = BestEpoch(model.epoch, stopping.monitor, value, arrays)
    if model.logger:
        model.logger.push_steps(steps)
        model.logger.push({"epoch": model.epoch, **results})
    if not math.isfinite(loss):
        what = f"validation loss became {loss} in epoch {model.epoch}"
        raise diverged(what, model.optimizer.lr_scheduler(model.epoch), model.logger)
    return results


def train_epoch(
    model: Trainable, data: Data, bar: tqdm[Any], signals: StopSignals
) -> dict[str, float]:
    """Go through the data once; the mean loss and error, weighted by batch size.

    An epoch under way is continued. All that a step adds to the history, it adds before the
    update, which is its last change: then a state may be taken, and the next step begins.
    """
    history = model.records
    under_way = history.begin_epoch(data)
    for i in range(under_way.steps, under_way.n_steps):
        X, Y = data.sample()
        Y_hat = model.forward(X)
        loss = model.backward(Y, Y_hat)
        epoch, penalty = model.epoch + i / under_way.n_steps, model.penalty
        rate = model.optimizer.lr_scheduler(epoch)
        if not math.isfinite(loss):
            what = f"loss became {loss} in epoch {model.epoch + 1}, step {i + 1}"
            raise diverged(what, rate, model.logger)
        history.record_step(len(X), loss - penalty, model.error(Y, Y_hat), penalty, rate)
        model.update(epoch)
        bar.update()
        signals.check()
    totals = {"train_loss": under_way.loss, "train_error": under_way.error}
    if model.regularization:
        totals["penalty"] = under_way.penalty
    return {name: total / data.n_samples for name, total in totals.items()}


def diverged(what: str, learning_rate: float, log: RunLog | None) -> TrainingDiverged:
    """The error for a loss that is NaN or infinite, with advice."""
    advice = f"try a learning rate below {learning_rate:g}, or clip the gradients (clip_norm)"
    return TrainingDiverged(f"the {what}: {advice}", run_folder(log))


def run_folder(log: RunLog | None) -> Path | None:
    """The folder of the run's results; None if they are not saved."""
    return log.folder if log else None


def progress_text(loss: Loss, results: Mapping[str, float]) -> str:
    """Results of an epoch for the progress bar: loss and accuracy, or mean squared error."""
    parts = []
    for split, name in (("train", "train"), ("validation", "val")):
        if f"{split}_loss" in results:
            value, error = results[f"{split}_loss"], results[f"{split}_error"]
            of_classes = f"loss {value:.3f} acc {percent(1 - error)}"
            score = of_classes if loss.classifies else f"mse {error:.3g}"
            parts.append(f"{name} {score}")
    return ", ".join(parts)
