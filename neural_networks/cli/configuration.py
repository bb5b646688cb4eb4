"""What a run is made of: a configuration, changed by flags, or read from an earlier run."""

import argparse
import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neural_networks import schedulers
from neural_networks.datasets import dataset_options
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.factories import check_keys, constructor_options, lookup, options_in

RUN_ARGUMENTS = ("epochs", "seed", "dtype")
STOPPING = ("patience", "monitor", "restore_best")
"""Arguments of ``train`` that a configuration may leave out."""

# Which flag sets what: a section of the configuration and the key there.
TARGETS = {
    "batch_size": ("data", "batch_size"),
    "loss": ("model", "loss"),
    "l2": ("model", "l2"),
    "l1": ("model", "l1"),
    "lr": ("optimizer", "lr"),
    "momentum": ("optimizer", "momentum"),
    "weight_decay": ("optimizer", "weight_decay"),
    "clip_norm": ("optimizer", "clip_norm"),
    "clip_global_norm": ("optimizer", "clip_global_norm"),
    "lr_decay": ("optimizer", "lr_decay"),
    "stage_length": ("optimizer", "stage_length"),
    "staircase": ("optimizer", "staircase"),
    "epochs": ("run", "epochs"),
    "patience": ("run", "patience"),
    "monitor": ("run", "monitor"),
    "restore_best": ("run", "restore_best"),
    "seed": ("run", "seed"),
    "dtype": ("run", "dtype"),
    "name": ("run", "model_name"),
}


def apply_flags(configuration: Mapping[str, Any], flags: argparse.Namespace) -> AttrDict:
    """A copy of a configuration in which the flags that were given replace its values."""
    config = AttrDict(copy.deepcopy(dict(configuration)))
    sections = {
        "run": config,
        "data": config.data_args,
        "model": config.model_args,
        "optimizer": config.model_args["optimizer_args"],
    }
    choose_optimizer(sections["optimizer"], flags)
    # A run that is named after its dataset, as iris or digits-cnn, follows it.
    named_after, *rest = str(config.model_name).split("-")
    if flags.dataset and named_after == config.data_args["name"]:
        config.model_name = "-".join([flags.dataset, *rest])
    choose_dataset(sections["data"], flags)
    for flag, (section, key) in TARGETS.items():
        value = getattr(flags, flag)
        if value is not None:
            sections[section][key] = value
    return config


def choose_dataset(args: Any, flags: argparse.Namespace) -> None:
    """Apply the flags that name a dataset and its options.

    Options that the dataset chosen does not have go, as they belong to another one.
    """
    if flags.dataset is not None:
        known = dataset_options(flags.dataset)
        for key in [key for key in args if key not in known]:
            del args[key]
        args["name"] = flags.dataset
    if flags.loss is not None:
        # A single sigmoid unit needs labels of a single column.
        args.pop("binary_labels", None)
        if flags.loss == "binary_cross_entropy":
            args["binary_labels"] = True
    given = dict(flags.data_args or [])
    check_keys(f"dataset {args['name']!r}", given, dataset_options(args["name"]))
    if isinstance(given.get("path"), str):
        # For a config.json that is used from another folder.
        given["path"] = str(Path(given["path"]).expanduser().absolute())
    args.update(given)


def choose_optimizer(args: Any, flags: argparse.Namespace) -> None:
    """Apply the flags that name an optimizer and a schedule, and their options.

    Options of another optimizer or schedule than the chosen one are of no use to it, and go. Beside
    a constant rate, lr_decay, stage_length and staircase are there for ``exponential``.
    """
    if flags.optimizer is not None:
        known = constructor_options(lookup("optimizer", flags.optimizer, OPTIMIZERS))
        for key in [key for key in args if key not in known]:
            del args[key]
        args["name"] = flags.optimizer
    args.update(flags.optimizer_args or [])
    before = args.get("lr_scheduler") or "constant"
    if flags.scheduler not in (None, before):
        if {before, flags.scheduler} != {"constant", "exponential"}:
            args.update(dict.fromkeys(("lr_decay", "stage_length", "staircase")))
        args["lr_scheduler"] = flags.scheduler
        args["scheduler_args"] = {}
    if flags.scheduler_args is not None:
        given = options_in("scheduler_args", args.get("scheduler_args"))
        args["scheduler_args"] = given | dict(flags.scheduler_args)


# What a config.json has to hold, and of what type; Logger checks the name.
SAVED = {"model_name": object, "model": dict, "data": dict, "arguments": dict, "versions": dict}
SAVED_MODEL = {"loss": str, "layer_args": list, "optimizer_args": dict}


def read_configuration(path: str, template: Mapping[str, Any]) -> AttrDict:
    """The configuration in a run's ``config.json``.

    Raises
    ------
    ValueError
        If the file is not one, lacks something, or has a key that ``template`` has not.
    """
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text at all
        raise ValueError(f"{path} is no JSON file: {error}") from None
    _check_section(path, saved, SAVED, SAVED)
    model, data, arguments = saved["model"], saved["data"], saved["arguments"]
    _check_section(f"model in {path}", model, SAVED_MODEL, template["model_args"])
    _check_section(f"data in {path}", data, {"name": str}, None)
    check_keys(f"data in {path}", data, ["name", *dataset_options(data["name"])])
    needed = dict.fromkeys(RUN_ARGUMENTS, object)
    known = (*RUN_ARGUMENTS, *STOPPING)
    _check_section(f"arguments in {path}", arguments, needed, (*known, "command"))
    if not model["layer_args"] or not all(isinstance(layer, dict) for layer in model["layer_args"]):
        raise ValueError(f"layer_args in {path} must be a list of layers, each a mapping")
    return AttrDict(
        model_name=saved["model_name"],
        model_args=model,
        data_args=data,
        **{key: arguments[key] for key in known if key in arguments},
    )


def _check_section(
    what: str, section: Any, needed: Mapping[str, type], known: Iterable[str] | None
) -> None:
    """Raise ``ValueError`` unless a section has the needed entries, and none but the known.

    With None, any are.
    """
    if not isinstance(section, dict):
        raise ValueError(f"{what} must be a mapping, got {section!r}")
    for key, kind in needed.items():
        if key not in section:
            raise ValueError(f"{what} has no {key!r}")
        if not isinstance(section[key], kind):
            raise ValueError(f"{what}: {key!r} must be a {kind.__name__}, got {section[key]!r}")
    if known is not None:
        check_keys(what, section, known)


def run_arguments(config: AttrDict) -> dict[str, Any]:
    """What a run depends on beside model and data."""
    return {key: config[key] for key in RUN_ARGUMENTS} | stopping(config)


def stopping(config: AttrDict) -> dict[str, Any]:
    """When to stop, as ``train`` takes it."""
    return {key: config.get(key) for key in STOPPING}


def with_length(model_args: Mapping[str, Any], epochs: int) -> dict[str, Any]:
    """The model's arguments, in which a schedule that needs to know the length of the run does."""
    optimizer_args = dict(model_args["optimizer_args"])
    options = options_in("scheduler_args", optimizer_args.get("scheduler_args"))
    if "epochs" in schedulers.options_of(optimizer_args.get("lr_scheduler"), options):
        options.setdefault("epochs", epochs)
        optimizer_args["scheduler_args"] = options
    return {**model_args, "optimizer_args": optimizer_args}
