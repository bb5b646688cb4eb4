"""Printed text of the training scripts: description of a run, results, commands to try next."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neural_networks.cli.run import split_to_test, stopping
from neural_networks.cli.scores import beside_baseline, by_class
from neural_networks.datasets import Data, Dataset
from neural_networks.logs import RUN_FILES
from neural_networks.models import NeuralNetwork
from neural_networks.schedulers import SCHEDULERS
from neural_networks.training.early_stopping import EarlyStopping
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.factories import find_name
from neural_networks.utils.text import counted, four_digits, fraction, listed, percent


def describe(model: NeuralNetwork, dataset: Dataset, config: AttrDict) -> str:
    """Description of a run before it starts: data, layers, training.

    Parameters
    ----------
    model : NeuralNetwork
        A network that ``prepare`` has completed for the dataset.
    dataset : Dataset
    config : AttrDict
        The run's configuration.

    Raises
    ------
    ValueError
        If the configuration's arguments for early stopping do not fit the dataset.
    """
    best_epoch = _best_epoch(dataset, config)
    steps = dataset.train.samples_per_epoch
    lines = [
        _data_line(dataset),
        *_class_lines(dataset),
        *_target_lines(dataset),
        model.summary(),
        f"Training: {_objective(model)}, {_update_rule(model)}; {counted(config.epochs, 'epoch')} "
        f"of {counted(steps, 'step')}, batch size {dataset.train.batch_size}, seed {config.seed}",
        *best_epoch,
    ]
    if config.get("fitted"):
        lines.append(f"Because of {config.fitted_to}: {', '.join(config.fitted)}")
    return "\n".join(lines)


def _data_line(dataset: Dataset) -> str:
    """The sizes of the sets, and the shapes of an example and its label."""
    sets = {"training": dataset.train, "validation": dataset.validate, "test": dataset.test}
    sizes = [f"{data.n_samples:,} {name}" for name, data in sets.items() if data is not None]
    outputs = counted(dataset.out_dim, "output")
    shape = dataset.train.example_shape
    return f"Data: {dataset.name}, {' + '.join(sizes)} examples of shape {shape}, {outputs}"


def _class_lines(dataset: Dataset) -> list[str]:
    """A line with the number and the name of each class, at most ten; none without names."""
    names = [str(name) for name in dataset.class_names or []]
    numbered = [name if name == str(i) else f"{i} = {name}" for i, name in enumerate(names)]
    return [f"{counted(len(names), 'class', 'classes')}: {listed(numbered)}"] if names else []


def _target_lines(dataset: Dataset) -> list[str]:
    """A line with the scale of the targets, those of the first output; none without a scale."""
    scale = dataset.target_scale
    if scale is None:
        return []
    mean, spread = four_digits(scale.mean[0]), four_digits(scale.spread[0])
    more = f" (the first of {dataset.out_dim})" if dataset.out_dim > 1 else ""
    return [f"Targets: standardized; mean {mean}, standard deviation {spread}{more}"]


def _best_epoch(dataset: Dataset, config: AttrDict) -> list[str]:
    """A line about early stopping and the best epoch, if the training depends on them."""
    rule = EarlyStopping(dataset.validate is not None, **stopping(config))
    parts = []
    if rule.patience is not None:
        parts.append(f"stop after {counted(rule.patience, 'epoch')} without a lower one")
    if rule.restore_best:
        parts.append("test its parameters")
    metric = rule.monitor.replace("_", " ")
    return [f"Best epoch: lowest {metric}; {', '.join(parts)}"] if parts else []


def _objective(model: NeuralNetwork) -> str:
    """The loss, and the penalty if there is one."""
    penalty = {"l2": model.regularization.l2, "l1": model.regularization.l1}
    return " + ".join(
        [
            model.loss.name,
            *(f"{strength:g} {name}" for name, strength in penalty.items() if strength),
        ]
    )


def _update_rule(model: NeuralNetwork) -> str:
    """The optimizer, its options, and its learning rate."""
    schedule, optimizer = model.optimizer.lr_scheduler, model.optimizer
    kind = find_name(type(schedule), SCHEDULERS) or "custom"
    rate = f"{kind.replace('_', '-')} learning rate {schedule.lr:g}"
    extras = [
        f"{key.replace('_', ' ')} {value:g}, "
        for key in ("momentum", "weight_decay", "clip_norm", "clip_global_norm")
        if (value := getattr(optimizer, key, None))
    ]
    return f"{type(optimizer).__name__} with {''.join(extras)}{rate}"


def results(
    model: NeuralNetwork,
    dataset: Dataset,
    config: AttrDict,
    scores: Mapping[str, float] | None,
    kaggle_file: str | None = None,
) -> str:
    """Description of a finished run: end of the training, scores, files.

    Parameters
    ----------
    model : NeuralNetwork
    dataset : Dataset
    config : AttrDict
        The run's configuration.
    scores : mapping or None
        Results of ``model.test``, on the test set or else the validation set.
    kaggle_file : str, optional
        Name of the Kaggle file, if it is not the default one.
    """
    text = _ending(model, config.epochs)
    folder = model.logger.folder if model.logger else None
    split = split_to_test(dataset)
    data = dataset.test if split == "test" else dataset.validate
    if split is None or data is None or scores is None:
        text += "There is neither a validation nor a test set."
    else:
        text += f"{split.capitalize()}: {_score(model, scores, data)}"
        if dataset.target_scale is not None and not model.loss.classifies:
            text += ", of standardized targets"
        lines = [beside_baseline(scores), *by_class(folder, split)]
        text += "".join(f"\n{line}" for line in lines)
    return text + _files(folder, kaggle_file)


def _ending(model: NeuralNetwork, epochs: int) -> str:
    """Lines about early stopping and the restored epoch; empty without them."""
    lines = ""
    if model.epoch < epochs:
        lines += f"Stopped after {counted(model.epoch, 'epoch')} of at most {epochs}.\n"
    if model.restored and model.best is not None:
        metric = f"{model.best.monitor.replace('_', ' ')}, {model.best.value:.4g}"
        lines += f"Back to the parameters after epoch {model.best.epoch}: lowest {metric}.\n"
    return lines


def _files(folder: Path | None, kaggle_file: str | None) -> str:
    """The files in the run's folder, a line for each."""
    if folder is None:
        return ""
    lines = ["", "", f"Results are in {folder.resolve()}:"]
    files, predictions = dict(RUN_FILES), RUN_FILES["kaggle_predictions.csv"]
    if kaggle_file is not None:
        files.setdefault(kaggle_file, predictions)
    for name, content in files.items():
        if (folder / name).exists():
            rows = f", {_rows_in(folder / name)}" if content == predictions else ""
            lines.append(f"  {name:<26} {content}{rows}")
    return "\n".join(lines)


def _rows_in(path: Path) -> str:
    """The number of rows below the first line of a file."""
    with path.open("rb") as file:
        return counted(sum(1 for _ in file) - 1, "row")


def _score(model: NeuralNetwork, results: Mapping[str, float], data: Data) -> str:
    """Loss and accuracy, or mean squared error, on a labeled set."""
    if not model.loss.classifies:
        return f"loss {results['loss']:.3g}, mean squared error {results['error']:.3g}"
    labels = np.asarray(data.labels)
    n = labels.size // labels.shape[1]  # a class for each example, or for each step of each
    right = n - round(results["error"] * n)
    auc = f", AUC {fraction(results['auc'])}" if "auc" in results else ""
    return (
        f"loss {results['loss']:.4f}, accuracy {percent(1 - results['error'])} "
        f"({right} of {n} right){auc}"
    )
