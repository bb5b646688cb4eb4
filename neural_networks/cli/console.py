"""A run in words: what is about to be trained, and what came of it."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neural_networks.activations import ACTIVATIONS
from neural_networks.datasets import Dataset
from neural_networks.layers import Dropout
from neural_networks.logs.logger import RUN_FILES
from neural_networks.models import NeuralNetwork
from neural_networks.schedulers import SCHEDULERS
from neural_networks.utils.factories import find_name
from neural_networks.utils.files import display_path, repository


def describe(model: NeuralNetwork, dataset: Dataset, epochs: int, seed: int | None) -> str:
    """The data, the network layer by layer, and how it will be trained.

    Parameters
    ----------
    model : NeuralNetwork
        One that ``prepare`` has completed for the dataset.
    dataset : Dataset
    epochs : int
    seed : int or None
    """
    sizes = [
        f"{data.n_samples:,} {split}"
        for split, data in (
            ("training", dataset.train),
            ("validation", dataset.validate),
            ("test", dataset.test),
        )
        if data is not None
    ]
    steps = dataset.train.samples_per_epoch
    return "\n".join(
        [
            f"Data: {dataset.name}, {' + '.join(sizes)} examples of shape "
            f"{dataset.train.example_shape}, {dataset.out_dim} output"
            f"{'' if dataset.out_dim == 1 else 's'}",
            *_layer_lines(model, dataset.train.example_shape),
            f"Training: {_objective(model)}, {_update_rule(model)}; {epochs} epochs of {steps} "
            f"steps, batch size {dataset.train.batch_size}, seed {seed}",
        ]
    )


def _objective(model: NeuralNetwork) -> str:
    """The loss, and the strengths of the penalty if there is one."""
    penalty = {"l2": model.regularization.l2, "l1": model.regularization.l1}
    return " + ".join(
        [
            model.loss.name,
            *(f"{strength:g} {name}" for name, strength in penalty.items() if strength),
        ]
    )


def _update_rule(model: NeuralNetwork) -> str:
    """The optimizer, what it does beside the rule that it is named after, and its rate."""
    schedule, optimizer = model.optimizer.lr_scheduler, model.optimizer
    kind = find_name(type(schedule), SCHEDULERS) or "own"
    rate = f"{kind.replace('_', '-')} learning rate {schedule.lr:g}"
    extras = [
        f"{key.replace('_', ' ')} {value:g}, "
        for key in ("momentum", "weight_decay", "clip_norm", "clip_global_norm")
        if (value := getattr(optimizer, key, None))
    ]
    return f"{type(optimizer).__name__} with {''.join(extras)}{rate}"


def _layer_lines(model: NeuralNetwork, input_shape: tuple[int, ...]) -> list[str]:
    """A line for each layer, with the shapes of its output and its parameters."""
    X = np.zeros((1, *input_shape), model.dtype)
    total, lines = 0, []
    width = len(str(len(model.layers)))
    with model.inference():
        for i, layer in enumerate(model.layers, start=1):
            X = layer.forward_faster(X)
            count = sum(value.size for value in layer.parameters.values())
            shapes = ", ".join(f"{key} {value.shape}" for key, value in layer.parameters.items())
            # Layers without parameters, such as pooling, have no activation worth telling.
            activation = find_name(type(layer.activation), ACTIVATIONS) if count else ""
            if isinstance(layer, Dropout):
                activation = f"p = {layer.p:g}"
            name = type(layer).__name__
            lines.append(
                f"  {i:>{width}}  {name:<15} {activation:<10} -> {X.shape[1:]!s:<14} {count:>9,}  "
                f"{shapes}".rstrip()
            )
            total += count
    return [f"Network: {total:,} parameters, {model.dtype}", *lines]


def ending(model: NeuralNetwork, epochs: int, with_best: bool) -> str:
    """Lines that say whether the training stopped early, and whether it went back to the best."""
    lines = ""
    if model.epoch < epochs:
        lines += f"Stopped after {model.epoch} epochs of at most {epochs}.\n"
    if with_best and model.best is not None:
        what = f"{model.best.monitor.replace('_', ' ')}, {model.best.value:.4g}"
        lines += f"Back to the parameters after epoch {model.best.epoch}: lowest {what}.\n"
    return lines


def results(
    model: NeuralNetwork,
    dataset: Dataset,
    scores: Mapping[str, float] | None,
    kaggle_file: str | None = None,
) -> str:
    """Loss and accuracy on the test set, or on the validation set if there is none; the files.

    A file of predictions may have a name of its own.
    """
    data = dataset.test or dataset.validate
    if scores is not None and data is not None:
        what = "Test" if data is dataset.test else "Validation"
        lines = [f"{what}: {_score(model, scores, data.n_samples)}"]
    else:
        lines = ["There is neither a validation nor a test set."]
    folder = model.logger.folder if model.logger else None
    if folder is None:
        return lines[0]
    lines += ["", f"Results are in {folder.resolve()}:"]
    files = dict(RUN_FILES)
    if kaggle_file is not None:
        files.setdefault(kaggle_file, RUN_FILES["kaggle_predictions.csv"])
    for name, what in files.items():
        if (folder / name).exists():
            lines.append(f"  {name:<22} {what}")
    return "\n".join(lines)


def _score(model: NeuralNetwork, results: Mapping[str, float], n: int) -> str:
    """Loss and accuracy, or mean squared error, of n examples."""
    if not model.loss.classifies:
        return f"loss {results['loss']:.3g}, mean squared error {results['error']:.3g}"
    right = n - round(results["error"] * n)
    auc = f", AUC {results['auc']:.4f}" if "auc" in results else ""
    return (
        f"loss {results['loss']:.4f}, accuracy {1 - results['error']:.1%} ({right} of {n} right)"
        f"{auc}"
    )


def next_steps(script: str, flags: Sequence[str], experiments: Path | None) -> str:
    """Commands to go on with: the script with other flags, then the comparison of runs.

    Parameters
    ----------
    script : str
        The script's path.
    flags : sequence of str
        Flags for a run to try next.
    experiments : Path or None
        The folder that holds the runs, if it is not the default one.
    """
    # The Python of a virtual environment in this folder may not be the "python" of the shell.
    python = Path(display_path(Path(sys.executable)))
    start = "python" if python.is_absolute() else shlex.quote(str(python))
    commands = [f"{shlex.quote(display_path(Path(script)))} {flag}" for flag in flags]
    if repository() == Path.cwd():
        folder = "" if experiments is None else f" {shlex.quote(str(experiments))}"
        commands.append(f"-m neural_networks.cli.compare{folder}")
    return "\n".join(["", "Next:", *(f"  {start} {command}" for command in commands)])
