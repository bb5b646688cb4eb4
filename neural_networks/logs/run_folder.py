"""The folder of a run: its name, its files, and the checks before it is trained.

A run called ``iris`` goes to ``experiments/iris``, or to ``iris-2`` and so on if that exists.
"""

import errno
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from neural_networks.logs.claim import Claim, claim
from neural_networks.utils.files import (
    PARTIAL,
    check_file_system,
    display_path,
    name_file,
    partial_files,
    read_json,
    removed_after_error,
    write_probe,
)

CONFIG = "config.json"
TESTED_EPOCH = "tested_epoch"
"""Entry of ``config.json``: number of epochs after which the network had the tested parameters."""

KAGGLE_FILES = "kaggle_files"
"""Entry of ``config.json``: names of files of predictions that are not among RUN_FILES."""

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
    RunFile("profile.csv", "time and memory of each layer in training"),
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
    RunFile("predicted_classes.csv", "the same, with the names of the classes"),
    RunFile("parameters.npz", "trained parameters"),
    RunFile("best_parameters.npz", "parameters of the best epoch, by validation loss or --monitor"),
    RunFile("data.json", "shapes, names and preprocessing of the data, to predict new examples"),
    RunFile("config.json", "configuration, to repeat the run"),
)

PASSING = rf"~[0-9a-f]+|{PARTIAL}"
"""Pattern of the names of files that are there for a moment: probes, and parts of files."""

RUN_FILES = {file.name: file.content for file in FILES}
"""The files that a run may write, with their descriptions."""


def claim_folder(wanted: Path, overwrite: bool, kaggle_file: str = "", needed: int = 0) -> Claim:
    """Create a folder for a run, and check that the run can write its files there.

    Parameters
    ----------
    wanted : Path
        If it exists, the next free number is appended: ``iris-2``.
    overwrite : bool
        If True, an earlier run at ``wanted`` is replaced instead: the files of a run are removed,
        and anything else in the folder stays. A run that is still being written is not replaced.
    kaggle_file : str
        The name of a file of predictions that the run will write, if it is not one of RUN_FILES.
    needed : int
        Bytes that the run will write, at least.

    Returns
    -------
    Claim
        On a folder without results in it. The ``config.json`` of a run that is replaced is still
        there.

    Raises
    ------
    FileExistsError
        If ``wanted`` is to be replaced and is not a run, or a file is in the way.
    OSError
        If the folder cannot be written, or the disk has not enough space.

    Warns
    -----
    UserWarning
        If ``wanted`` is still being written.
    """
    if overwrite and os.path.lexists(wanted):
        claimed = _replace(wanted, kaggle_file, needed)
        if claimed is not None:
            return claimed
    number = 1
    while True:
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with suppress(FileExistsError):  # also when another run has just made it
            folder.mkdir()
            with removed_after_error(folder):
                check_writable(folder, kaggle_file, needed)
                claimed = claim(folder)
            if claimed is not None and is_empty(folder):
                if overwrite and number > 1:
                    _warn_of_number(wanted, folder)
                return claimed
        number += 1


def _warn_of_number(wanted: Path, folder: Path) -> None:
    warnings.warn(
        f"the run in {display_path(wanted)} is still being written, so it is not replaced: this "
        f"one is {folder.name!r}",
        stacklevel=5,
    )


def _replace(folder: Path, kaggle_file: str, needed: int) -> Claim | None:
    """Claim the folder of a run, and remove its files; None if it is still being written."""
    if folder.is_symlink() or not is_run(folder):
        raise FileExistsError(f"{folder} is not a run, so it is not overwritten")
    names = [*RUN_FILES, *kaggle_files(folder)]
    for name in names:
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            raise FileExistsError(f"{folder / name} is a folder, not a file of a run")
    if kaggle_file and kaggle_file not in names and os.path.lexists(folder / kaggle_file):
        raise FileExistsError(
            f"{folder / kaggle_file} is not a file of the run that is replaced, so it is not "
            "overwritten: choose another name"
        )
    files = [folder / name for name in names if name != CONFIG]  # which makes it a run
    files += [path for file in files for path in partial_files(file)]
    check_writable(folder, kaggle_file, needed - sum(map(size, files)))
    claimed = claim(folder)
    if claimed is not None:
        for path in files:
            path.unlink(missing_ok=True)
    return claimed


def size(path: Path) -> int:
    """The size of a file, 0 if there is none: the run may be replaced at this moment."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def is_empty(folder: Path) -> bool:
    """True if a folder holds nothing but files that a run is about to write."""
    return all(re.fullmatch(PASSING, path.name) for path in folder.iterdir())


def is_run(folder: Path) -> bool:
    """True if a folder holds a run, or is empty."""
    try:
        if is_empty(folder):
            return True
        return "neural_networks" in read_json(folder / CONFIG, CONFIG)["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def kaggle_files(folder: Path) -> list[str]:
    """The names of files of predictions that a run has written, besides those in RUN_FILES."""
    try:
        return list(map(check_file_name, read_json(folder / CONFIG, CONFIG)[KAGGLE_FILES]))
    except (OSError, ValueError, KeyError, TypeError):
        return []


def check_writable(folder: Path, kaggle_file: str, needed: int) -> None:
    """Write and remove a file whose name is as long as those of a run; an error if that fails.

    Parameters
    ----------
    folder : Path
    kaggle_file : str
        The name of a further file, or empty.
    needed : int
        Bytes that must be free.
    """
    longest = max((*RUN_FILES, kaggle_file), key=lambda name: len(os.fsencode(name)))
    try:
        write_probe(folder / longest)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            name_file(error, folder, folder / longest)
        raise
    with suppress(FileNotFoundError, NotImplementedError):
        free = shutil.disk_usage(folder).free
        if 0 < free < needed:  # 0 may mean that a share does not tell
            numbers = f"{needed / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free"
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {numbers}", str(folder))


def check_file_name(name: str) -> str:
    """Check the name of a file of predictions for submission; returns it.

    Raises
    ------
    ValueError
        If it is not the name of a CSV file, or that of another file of the run.
    """
    if Path(name).name != name or Path(name).suffix != ".csv" or not name.isprintable():
        raise ValueError(f"a file of predictions must be called NAME.csv, got {name!r}")
    check_file_system("the name of the file of predictions", name)
    # On some systems, Log.csv is log.csv.
    if any(name.casefold() == file.name and not file.is_submission for file in FILES):
        raise ValueError(f"{name!r} is another file of the run")
    return name


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
