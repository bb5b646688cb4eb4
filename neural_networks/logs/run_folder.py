"""The folder of a run: its files, its name, and its results in a few numbers.

A run called ``iris`` goes to ``experiments/iris``, or to ``iris-2`` and so on if that exists.
"""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neural_networks.utils.files import read_json

FORMAT = 2
"""Version of ``config.json``. Version 1, without seeds and environment, does not state it."""


class RunFile(NamedTuple):
    """A file in the folder of a run.

    Attributes
    ----------
    name : str
    content : str
        A description.
    is_submission : bool
        If True, it holds predictions for submission, and the user may choose its name.
    """

    name: str
    content: str
    is_submission: bool = False


FILES = (
    RunFile("error.png", "training and validation error of each epoch"),
    RunFile("loss.png", "loss of each step and epoch"),
    RunFile("confusion_matrix.png", "confusion matrix"),
    RunFile("roc.png", "ROC curve"),
    RunFile("predictions.png", "predicted over true values"),
    RunFile("mistakes.png", "misclassified images"),
    RunFile("kernels.png", "kernels of the first convolution"),
    RunFile("weights.png", "weights of the first layer's units"),
    RunFile("forecast.png", "forecasts: one step ahead, and free-running"),
    RunFile("forecast.csv", "numbers of the forecasts"),
    RunFile("log.csv", "losses and errors of each epoch"),
    RunFile("steps.csv", "losses and learning rates of the steps"),
    RunFile("test.json", "loss, error and further scores on the test set"),
    RunFile("test_scores.csv", "scores on the test set by class, or by predicted number"),
    RunFile("test_predictions.csv", "label and prediction of every test example"),
    RunFile("validation.json", "loss, error and further scores on the validation set"),
    RunFile("validation_scores.csv", "scores on the validation set by class, or by number"),
    RunFile("validation_predictions.csv", "label and prediction of every validation example"),
    RunFile("examples.npz", "the images of mistakes.png"),
    RunFile("validation_examples.npz", "the images of mistakes.png"),
    RunFile("kaggle_predictions.csv", "predictions for submission", is_submission=True),
    RunFile("submission.csv", "predictions for submission", is_submission=True),
    RunFile("parameters.npz", "trained parameters"),
    RunFile("best_parameters.npz", "parameters of the best epoch, by validation loss or --monitor"),
    RunFile("data.json", "shapes, names and preprocessing of the data, to predict new examples"),
    RunFile("config.json", "configuration, to repeat the run"),
)

RUN_FILES = {file.name: file.content for file in FILES}
"""The files that a run may write, with their descriptions."""


def claim_folder(wanted: Path, overwrite: bool) -> Path:
    """Create a folder for a run.

    Parameters
    ----------
    wanted : Path
        If it exists, the next free number is appended: ``iris-2``.
    overwrite : bool
        If True, an earlier run at ``wanted`` is replaced instead: the files of a run are removed,
        and anything else in the folder stays.

    Returns
    -------
    Path
        A folder without a run in it.

    Raises
    ------
    FileExistsError
        If ``wanted`` is to be replaced and is not a run.
    """
    if overwrite and wanted.exists():
        if wanted.is_symlink() or not is_run(wanted):
            raise FileExistsError(f"{wanted} is not a run, so it is not overwritten")
        for name in RUN_FILES:
            (wanted / name).unlink(missing_ok=True)
        return wanted
    number = 1
    while True:
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir()  # fails if it exists, also when another run has just made it
            return folder
        except FileExistsError:
            number += 1


def is_run(folder: Path) -> bool:
    """True if a folder holds a run, or is empty."""
    try:
        if not any(folder.iterdir()):
            return True
        return "neural_networks" in json.loads((folder / "config.json").read_text())["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_file_name(name: str) -> str:
    """Check the name of a file of predictions for submission; returns it.

    Raises
    ------
    ValueError
        If it is not the name of a CSV file, or that of another file of the run.
    """
    if Path(name).name != name or Path(name).suffix != ".csv" or not name.isprintable():
        raise ValueError(f"a file of predictions must be called NAME.csv, got {name!r}")
    if any(name == file.name and not file.is_submission for file in FILES):
        raise ValueError(f"{name!r} is another file of the run")
    return name


def append_lines(path: Path, header: str, lines: str) -> None:
    """Append whole lines to a file: all of them, or none if the disk is full.

    A new file begins with the header, a line without its end.
    """
    # Every epoch appends: a descriptor takes half the time of a file object.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.lseek(file, 0, os.SEEK_END)
        content = (lines if size else f"{header}\n{lines}").encode()
        if os.write(file, content) < len(content):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(file)


def read_config(folder: Path) -> dict[str, Any]:
    """Read the ``config.json`` of a run.

    Raises
    ------
    FileNotFoundError
        If the folder is not a run.
    ValueError
        If the file is damaged, or was written by a later version.
    """
    path = folder / "config.json"
    if not path.is_file():
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no folder {folder}")
        raise FileNotFoundError(f"{folder} is not a run: it has no {path.name}")
    config = read_json(path, str(path))
    if not isinstance(config, dict) or "model" not in config:
        raise ValueError(f"{path} is not the configuration of a run: it has no 'model'")
    check_format(config, path)
    return config


def check_format(config: Mapping[str, Any], path: str | Path) -> None:
    """Raise ``ValueError`` if the configuration of a run was written by a later version."""
    number = config.get("format", 1)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{path}: format must be a whole number from 1 on, got {number!r}")
    if number > FORMAT:
        raise ValueError(
            f"{path} was written by a later version: its format is {number}, and this version "
            f"reads formats up to {FORMAT}"
        )


def read_run(folder: Path) -> dict[str, Any]:
    """Summarize a run: its best epoch, the results of that epoch, its options.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        ``run``, the folder's name, ``best epoch``, ``validation loss`` and ``validation error``
        (those of training if there is no validation set), ``test error`` after a test, then the
        options of its configuration, such as ``optimizer_args.lr``.
    """
    import pandas as pd

    log = pd.read_csv(folder / "log.csv")
    loss = "validation_loss" if "validation_loss" in log else "train_loss"
    best = log.loc[log[loss].fillna(np.inf).idxmin()]
    run: dict[str, Any] = {"run": folder.name, "best epoch": int(best["epoch"])}
    run |= {key.replace("_", " "): best[key] for key in (loss, loss.replace("loss", "error"))}
    if (folder / "test.json").is_file():
        run["test error"] = json.loads((folder / "test.json").read_text())["error"]
    config = read_config(folder)
    options = flatten({**config["model"], "dataset": config["data"], **config["arguments"]})
    options.pop("command", None)
    return run | options


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings and lists as one mapping: ``{"layer_args.1.n_out": 10}``."""
    if isinstance(config, dict):
        pairs: Any = config.items()
    elif isinstance(config, list):
        pairs = enumerate(config, start=1)
    else:
        return {prefix: config}
    flat: dict[str, Any] = {}
    for key, value in pairs:
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
