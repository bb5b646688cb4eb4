"""Commands to try after a run: those that fit what has happened in it."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from neural_networks.models import NeuralNetwork, TrainingDiverged
from neural_networks.training.interruption import TrainingInterrupted
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.files import display_path, python_command, repository

ENDED_EARLY = (TrainingDiverged, TrainingInterrupted)
"""Ends of a training after which there are other commands to try."""

ASIDE = (
    *("script", "preset", "name", "experiments", "overwrite", "test_data", "header"),
    *("kaggle_file", "first_id", "id_column", "threads", "profile", "debug"),
)
"""Flags that change neither the network nor its training."""

OVERFITTING = 0.75
"""Share of the epochs before which the best one is a sign of overfitting."""


def next_steps(
    flags: argparse.Namespace,
    config: AttrDict,
    model: NeuralNetwork,
    suggestions: Sequence[str],
    end: BaseException | None = None,
) -> str:
    """Commands to try next: the script with other flags, then what can be done with the run.

    Parameters
    ----------
    flags : Namespace
        The run's flags.
    config : AttrDict
        The run's configuration.
    model : NeuralNetwork
        The network after its training.
    suggestions : sequence of str
        Flags to try after the script's own run, without flags.
    end : exception, optional
        The error that ended the training early.
    """
    folder = model.logger.folder if model.logger else None
    typed = {name for name, value in vars(flags).items() if value is not None} - set(ASIDE)
    reason = ""
    again = [f"--config {quoted(folder / 'config.json')}"] if folder is not None else []
    if isinstance(end, TrainingDiverged):
        steps = after_divergence(config)
    elif end is not None:
        steps = after_interruption(model)
    elif flags.preset is not None and typed <= {"epochs", "seed"}:
        again, steps = [f"--preset {flags.preset}"], [f"--seed {config.seed + 1}"]
    elif typed <= {"epochs", "seed"}:
        again, steps = [], list(suggestions)
    else:
        reason, step = after_training(config, model)
        steps = [step, f"--seed {config.seed + 1}"]
    place = [] if flags.experiments is None else [f"--experiments {quoted(flags.experiments)}"]
    script = quoted(Path(flags.script))
    commands = [" ".join(filter(None, [script, *again, step, *place])) for step in steps]
    if repository() == Path.cwd():
        commands += with_the_run(flags, config, model, folder)
    lines = [f"  {python_command()} {command}" for command in commands]
    return "\n".join(["", *filter(None, [reason]), "Next:", *lines])


def after_divergence(config: AttrDict) -> list[str]:
    """Flags after a loss that was no longer finite: a lower rate, smaller steps."""
    optimizer = config.model_args["optimizer_args"]
    steps = [f"--lr {optimizer['lr'] / 10:.3g}"]
    if optimizer.get("clip_norm") is None and optimizer.get("clip_global_norm") is None:
        steps.append("--clip-global-norm 1")
    return steps


def after_interruption(model: NeuralNetwork) -> list[str]:
    """Flags after Ctrl-C: as many epochs as there have been, and the whole run."""
    return [f"--epochs {model.epoch}", ""] if model.epoch else [""]


def after_training(config: AttrDict, model: NeuralNetwork) -> tuple[str, str]:
    """A sentence on the course of a training, empty if there is nothing to say; flags that fit."""
    best = model.epoch if model.best is None else model.best.epoch
    if best == model.epoch == config.epochs:
        return "The last epoch was the best one: more may help.", f"--epochs {2 * config.epochs}"
    if best > OVERFITTING * model.epoch:
        return "", f"--lr {config.model_args['optimizer_args']['lr'] / 3:.2g}"
    sentence = f"Epoch {best} of {model.epoch} was the best one: the network overfits."
    if config.get("patience") is None:
        return sentence, f"--patience {max(3, config.epochs // 10)}"
    return sentence, f"--l2 {10 * config.model_args['l2'] or 0.001:g}"


def with_the_run(
    flags: argparse.Namespace, config: AttrDict, model: NeuralNetwork, folder: Path | None
) -> list[str]:
    """Commands with the finished run: predictions for new rows of a table, and the comparison."""
    commands = []
    if folder is not None and model.epoch and config.data_args["name"] == "csv":
        commands.append(f"-m neural_networks predict {quoted(folder)} NEW_ROWS.csv")
    where = "" if flags.experiments is None else f" {quoted(flags.experiments)}"
    return [*commands, f"-m neural_networks compare{where}"]


def quoted(path: Path) -> str:
    """A path as a word for the shell, relative if it lies in the current folder."""
    return shlex.quote(display_path(path))
