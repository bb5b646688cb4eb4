"""Steps of a run: arguments from a configuration, the run's folder, the data to predict."""

import argparse
import copy
import errno
import shlex
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from neural_networks.cli.configuration import OPTIONAL, RUN_ARGUMENTS, STOPPING
from neural_networks.datasets import Dataset, read_examples
from neural_networks.datasets.sources.ids import read_ids
from neural_networks.logs import DEFAULT_FOLDER, Logger, check_file_name
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import with_epochs
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.validation import error_prefix, positive_integer

KAGGLE_FLAGS = ("test_data", "kaggle_file", "first_id", "id_column")
"""Flags that ask for a file of predicted classes."""

LARGEST_ID = 10**15
"""So that all Ids of a Kaggle file are exact numbers."""


def dataset_args(config: AttrDict) -> dict[str, Any]:
    """The arguments of ``initialize_dataset``."""
    return {**config.data_args, "seed": config.seed, "dtype": config.dtype}


def logger_args(config: AttrDict, flags: argparse.Namespace, argv: Sequence[str]) -> dict[str, Any]:
    """The arguments of ``Logger``: the whole configuration, to repeat the run, and the folder."""
    arguments = {key: config.get(key) for key in (*RUN_ARGUMENTS, *OPTIONAL)}
    command = shlex.join(["python", Path(flags.script).name, *argv])
    return {
        "model_name": config.model_name,
        "model_args": config.model_args,
        "data_args": config.data_args,
        "arguments": {**arguments, "command": command},
        "save_dir": flags.experiments or DEFAULT_FOLDER,
        "overwrite": flags.overwrite,
    }


def model_args(config: AttrDict) -> dict[str, Any]:
    """The arguments of ``initialize_model``, except the name and the logger."""
    optimizer_args = with_epochs(config.model_args["optimizer_args"], config.epochs)
    args = {**config.model_args, "optimizer_args": optimizer_args}
    own = {"seed": config.seed, "dtype": config.dtype, "n_threads": config.get("threads")}
    return {**args, **own}


def train_args(config: AttrDict) -> dict[str, Any]:
    """The arguments of ``NeuralNetwork.train``, except the dataset."""
    return {"epochs": config.epochs, **stopping(config)}


def split_to_test(dataset: Dataset) -> str | None:
    """The set to test on: the test set, or else the validation set; None without either."""
    for split, data in (("test", dataset.test), ("validation", dataset.validate)):
        if data is not None and data.labels is not None:
            return split
    return None


def stopping(config: AttrDict) -> dict[str, Any]:
    """The arguments of ``NeuralNetwork.train`` for early stopping."""
    return {key: config.get(key) for key in STOPPING}


def kaggle_data(
    model: NeuralNetwork, dataset: Dataset, flags: argparse.Namespace
) -> Dataset | None:
    """The dataset whose test set goes into the Kaggle file; None if there will be no file.

    It is --test-data, else the dataset itself if another of ``KAGGLE_FLAGS`` or a competition asks
    for it.

    Raises
    ------
    ValueError
        If a flag asks for a file that cannot be written, or --test-data does not fit.
    """
    asked_for = any(given is not None for given in map(vars(flags).get, KAGGLE_FLAGS))
    if flags.header is not None and flags.test_data is None:
        raise ValueError("--header and --no-header are about the first line of --test-data")
    if not model.loss.classifies:
        if asked_for:
            raise ValueError(
                f"Kaggle files hold classes, which {model.loss.name} does not predict (python -m "
                "neural_networks predict RUN FILE predicts numbers with a finished run)"
            )
        return None
    labels = dataset.train.labels
    if asked_for and labels is not None and labels.ndim > 2:
        raise ValueError("Kaggle files hold one class for each example, not one for every step")
    kaggle_name(dataset, flags)
    if flags.first_id is not None:
        dataset = copy.copy(dataset)
        dataset.first_id = positive_integer("--first-id", flags.first_id, least=0)
        if dataset.first_id > LARGEST_ID:
            raise ValueError(f"--first-id must be at most {LARGEST_ID}, got {flags.first_id}")
    if flags.test_data is not None:
        return dataset.to_predict(
            read_examples(flags.test_data, dataset, header=flags.header), *kaggle_ids(flags)
        )
    if flags.id_column is not None:
        raise ValueError("--id-column names a column of --test-data, which is not given")
    if asked_for and dataset.test is None:
        raise ValueError(f"{dataset.name} has no test set to predict: give one with --test-data")
    return dataset if asked_for or dataset.kaggle_file else None


def kaggle_ids(flags: argparse.Namespace) -> tuple[list[str] | None, str]:
    """The Ids of the examples in --test-data, if it holds them, and the name of their column."""
    if flags.id_column is None:
        return None, "Id"
    if flags.header is False:
        raise ValueError("--id-column names a column, and with --no-header they have no names")
    if flags.id_column == "Category":
        raise ValueError("--id-column must not be Category, the column of the predicted classes")
    return read_ids(flags.test_data, flags.id_column), flags.id_column


def kaggle_name(dataset: Dataset, flags: argparse.Namespace) -> str:
    """The name of the Kaggle file, empty for the default one; ``ValueError`` if not allowed."""
    name: str = dataset.kaggle_file if flags.kaggle_file is None else flags.kaggle_file
    return check_file_name(name) if name or flags.kaggle_file is not None else ""


def start(
    logger: Logger, model: NeuralNetwork, dataset: Dataset, flags: argparse.Namespace
) -> None:
    """Make the run's folder, if its results can be made and written once it is trained.

    Prints the folder's name if the run's own name was taken.

    Raises
    ------
    ValueError
        If the test set cannot be tested, or pandas cannot be imported.
    OSError
        If the folder cannot be written, or its disk has no space for the parameters.
    """
    if dataset.test is not None and dataset.test.labels is not None:
        with error_prefix("test set"):
            model.loss.check_labels(dataset.test.labels)
    try:
        import_module("pandas")
    except Exception as error:  # that of another version of NumPy ends in any
        raise ValueError(f"pandas, which writes results, cannot be imported: {error}") from error
    parameters = sum(layer.parameters[name].nbytes for _, layer, name in model.parameters())
    try:
        logger.start(kaggle_name(dataset, flags), 2 * parameters)  # with those of the best epoch
    except OSError as error:
        if error.errno in (None, errno.ENAMETOOLONG):
            raise
        raise OSError(f"{error} (--experiments DIR puts runs into another folder)") from error
    name = logger.model_name if logger.folder is None else logger.folder.name
    if name != logger.model_name and not logger.overwrite:  # with which a warning has told why
        print(
            f"There is a run {logger.model_name!r} already: this one is {name!r} (--overwrite "
            "replaces it)."
        )
