"""Configurations: flags applied to them, and the config.json of an earlier run."""

import argparse
import copy
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from neural_networks import schedulers
from neural_networks.cli.presets import script_presets
from neural_networks.datasets import RENAMED, dataset_options, holds_numbers
from neural_networks.logs import check_format
from neural_networks.losses import LOSSES
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.utils.arguments import Typed
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.factories import check_keys, lookup, option_names, options_in
from neural_networks.utils.files import read_json, user_path
from neural_networks.utils.randomness import draw_seed
from neural_networks.utils.validation import error_prefix, positive_integer

RUN_ARGUMENTS = ("epochs", "seed", "dtype")
STOPPING = ("patience", "monitor", "restore_best")
"""Arguments of ``train`` that a configuration may leave out."""
OPTIONAL = (*STOPPING, "threads")

# The section of the configuration that a flag sets, and the key there.
TARGETS = {
    "batch_size": ("data", "batch_size"),
    "window": ("data", "window"),
    "step": ("data", "step"),
    "noise": ("data", "noise"),
    "every_step": ("data", "every_step"),
    "loss": ("model", "loss"),
    "l2": ("model", "l2"),
    "l1": ("model", "l1"),
    "lr": ("optimizer", "lr"),
    "momentum": ("optimizer", "momentum"),
    "weight_decay": ("optimizer", "weight_decay"),
    "clip_norm": ("optimizer", "clip_norm"),
    "clip_global_norm": ("optimizer", "clip_global_norm"),
    "scheduler": ("optimizer", "lr_scheduler"),
    "lr_decay": ("optimizer", "lr_decay"),
    "stage_length": ("optimizer", "stage_length"),
    "staircase": ("optimizer", "staircase"),
    "epochs": ("run", "epochs"),
    "patience": ("run", "patience"),
    "monitor": ("run", "monitor"),
    "restore_best": ("run", "restore_best"),
    "seed": ("run", "seed"),
    "dtype": ("run", "dtype"),
    "threads": ("run", "threads"),
    "name": ("run", "model_name"),
}

# Options of the optimizer that its schedule takes, with their names there.
STAGES = {"lr_decay": "decay", "stage_length": "stage_length", "staircase": "staircase"}


def apply_flags(configuration: Mapping[str, Any], flags: argparse.Namespace) -> AttrDict:
    """Apply the flags to a configuration; returns a copy with their values.

    Options that the chosen dataset, optimizer or schedule does not take are removed if they come
    from the configuration, and an error if they were typed.

    Parameters
    ----------
    configuration : mapping
        The script's configuration; ``--config`` or ``--preset`` replaces it. It is not changed.
    flags : Namespace
        Parsed by a parser of ``flags.make_parser``.

    Raises
    ------
    ValueError
        If an option is unknown, was typed twice, or does not fit.
    """
    config = AttrDict(copy.deepcopy(dict(_starting_point(configuration, flags))))
    # A run that is named after its dataset, such as iris or digits-cnn, is renamed with it.
    named_after, *rest = str(config.model_name).split("-")
    if flags.dataset and named_after == config.data_args["name"]:
        config.model_name = "-".join([flags.dataset, *rest])
    _set_optimizer(config.model_args["optimizer_args"], flags)
    _set_dataset(config.data_args, flags)
    for section, target in (("run", config), ("model", config.model_args)):
        target.update({key: typed.value for key, typed in typed_options(flags, section).items()})
    _fit_to_numbers(config, flags)
    positive_integer("epochs", config.epochs)
    if config.get("threads") is not None:
        positive_integer("threads", config.threads)
    config.seed = draw_seed(config.seed)  # for None a number, which repeats the run
    return config


def _starting_point(
    configuration: Mapping[str, Any], flags: argparse.Namespace
) -> Mapping[str, Any]:
    """The configuration that the flags apply to: --config, --preset, or the script's own."""
    if flags.config is not None:
        return read_configuration(flags.config, configuration)
    if flags.preset is not None:
        return lookup("preset", flags.preset, script_presets(flags.script))
    return configuration


def typed_options(
    flags: argparse.Namespace, section: str, pairs: str | None = None
) -> dict[str, Typed]:
    """The options typed for a section of the configuration.

    Parameters
    ----------
    flags : Namespace
    section : str
        ``"run"``, ``"data"``, ``"model"`` or ``"optimizer"``; or ``"schedule"``, which has no
        flags but those of ``pairs``.
    pairs : str, optional
        The flag of further options KEY=VALUE, such as ``"data_args"``.

    Raises
    ------
    ValueError
        If an option was typed twice.
    """
    given = vars(flags)
    typed = {
        key: Typed(given[flag], flag_words(flag, given[flag]))
        for flag, (where, key) in TARGETS.items()
        if where == section and given.get(flag) is not None
    }
    for key, value in ((pairs and given.get(pairs)) or {}).items():
        option = Typed(value, f"{flag_words(str(pairs))} {key}={value}")
        key = RENAMED.get(key, key) if section == "data" else key
        if key in typed and repr(typed[key].value) != repr(value):
            raise ValueError(f"{typed[key].words} and {option.words}: give {key} only once")
        typed[key] = option
    return typed


def flag_words(flag: str, value: Any = True) -> str:
    """A flag as it was typed: ``--lr 0.1``, ``--hidden 5 4`` or ``--no-staircase``."""
    name = flag.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return " ".join([f"--{name}", *map(str, value if isinstance(value, list) else [value])])


def _set_dataset(args: dict[str, Any], flags: argparse.Namespace) -> None:
    """Apply the flags that name a dataset and its options."""
    if flags.dataset is not None:
        keep_known(args, ["name", *dataset_options(flags.dataset)])
        args["name"] = flags.dataset
    typed = typed_options(flags, "data", "data_args")
    check_typed(typed, f"dataset {args['name']!r}", dataset_options(args["name"]))
    args.update({key: option.value for key, option in typed.items()})
    if "path" in typed and isinstance(args["path"], str):
        # Absolute, so that config.json can be used from another folder.
        args["path"] = str(user_path(args["path"]).absolute())


def _fit_to_numbers(config: AttrDict, flags: argparse.Namespace) -> None:
    """Replace a loss of classes by squared error if labels are numbers, unless it was typed."""
    loss = LOSSES.get(config.model_args["loss"])
    if flags.loss or loss is None or not loss.classifies or not holds_numbers(**config.data_args):
        return
    config.model_args["loss"] = "l2"
    config.fitted_to, config.fitted = "labels that are numbers", ["loss l2"]
    typed = typed_options(flags, "data", "data_args")
    for key in ("binary_labels", "label_smoothing"):
        if key not in typed:
            config.data_args.pop(key, None)


def _set_optimizer(args: dict[str, Any], flags: argparse.Namespace) -> None:
    """Apply the flags that name an optimizer and a schedule, and their options."""
    if flags.optimizer is not None:
        optimizer = lookup("optimizer", flags.optimizer, OPTIMIZERS)
        keep_known(args, ["name", *option_names(optimizer)])
        args["name"] = flags.optimizer
    typed = typed_options(flags, "optimizer", "optimizer_args")
    if typed:
        optimizer = lookup("optimizer", args.get("name"), OPTIMIZERS)
        check_typed(typed, f"optimizer {args['name']!r}", option_names(optimizer))
    before = args.get("lr_scheduler") or "constant"
    schedule = typed["lr_scheduler"].value or "constant" if "lr_scheduler" in typed else before
    if schedule != before:
        args["scheduler_args"] = {}
        # A configuration with a constant rate may hold the options of an exponential one.
        if [before, schedule] not in (["constant", "exponential"], ["exponential", "constant"]):
            args.update(dict.fromkeys(STAGES))
    args.update({key: option.value for key, option in typed.items()})
    _set_schedule(args, typed, flags)


def _set_schedule(
    args: dict[str, Any], typed: Mapping[str, Typed], flags: argparse.Namespace
) -> None:
    """Apply --scheduler-args, and check that the schedule takes the options typed for it."""
    pairs = typed_options(flags, "schedule", "scheduler_args")
    options = options_in("scheduler_args", args.get("scheduler_args"))
    options |= {key: option.value for key, option in pairs.items()}
    name = args.get("lr_scheduler") or "constant"
    if pairs:
        check_typed(pairs, f"scheduler {name!r}", schedulers.scheduler_options(name, options))
    for key, own in STAGES.items():
        if key in typed and typed[key].value is not None:
            if own in pairs:
                raise ValueError(f"{typed[key].words} and {pairs[own].words}: give one of them")
            check_stage(typed[key], key, name, options)
            options.pop(own, None)
    if options != (args.get("scheduler_args") or {}):
        args["scheduler_args"] = options


def check_stage(typed: Typed, key: str, name: str, options: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` if a schedule does not take a typed option of its stages."""
    own = STAGES[key]
    if own not in schedulers.scheduler_options(name, options):
        fitting = [n for n in schedulers.SCHEDULERS if own in schedulers.scheduler_options(n, {})]
        raise ValueError(
            f"{typed.words}: scheduler {name!r} has no option {key!r} (schedulers with it: "
            f"{', '.join(fitting)})"
        )


def keep_known(args: dict[str, Any], known: Iterable[str]) -> None:
    """Remove the options that are not known."""
    known = list(known)
    for key in [key for key in args if key not in known]:
        del args[key]


def check_typed(typed: Mapping[str, Typed], what: str, known: Iterable[str]) -> None:
    """Raise ``ValueError``, with the words of the flag, if a typed option is not known."""
    for key, option in typed.items():
        with error_prefix(option.words):
            check_keys(what, [key], known)


# Entries that a config.json needs, and their types; Logger checks the name.
SAVED = {"model_name": object, "model": dict, "data": dict, "arguments": dict, "versions": dict}
SAVED_BESIDE = ("format", "seeds", "environment", "kaggle_files", "tested_epoch")
SAVED_MODEL = {"loss": str, "layer_args": list, "optimizer_args": dict}


def read_configuration(path: str, template: Mapping[str, Any]) -> AttrDict:
    """Read the configuration in a run's ``config.json``.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file, or it is a folder.
    ValueError
        If the file is not one, lacks an entry, has a key that ``template`` does not have, or was
        written by a later version.
    """
    saved = _read_json(path)
    if isinstance(saved, dict):
        check_format(saved, path)
    _check_section(path, saved, SAVED, (*SAVED, *SAVED_BESIDE))
    model, arguments = saved["model"], saved["arguments"]
    data = with_todays_names(f"data in {path}", saved["data"])
    _check_section(f"model in {path}", model, SAVED_MODEL, template["model_args"])
    _check_section(f"data in {path}", data, {"name": str}, None)
    check_keys(f"data in {path}", data, ["name", *dataset_options(data["name"])])
    needed = dict.fromkeys(RUN_ARGUMENTS, object)
    known = (*RUN_ARGUMENTS, *OPTIONAL)
    _check_section(f"arguments in {path}", arguments, needed, (*known, "command"))
    if not model["layer_args"]:
        raise ValueError(f"layer_args in {path} must be a list of layers, got []")
    for number, layer in enumerate(model["layer_args"], start=1):
        _check_section(f"layer {number} in {path}", layer, {"name": object}, None)
    return AttrDict(
        model_name=saved["model_name"],
        model_args=model,
        data_args=data,
        **{key: arguments[key] for key in known if key in arguments},
    )


def with_todays_names(what: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a dataset by their names today; an error if one has two values, by both names."""
    for old, new in RENAMED.items():
        if old in data and new in data and data[old] != data[new]:
            raise ValueError(f"{what}: {old} {data[old]!r} and {new} {data[new]!r} are one option")
    return {RENAMED.get(key, key): value for key, value in data.items()}


def _read_json(path: str) -> Any:
    """The contents of a JSON file."""
    file = user_path(path)
    if file.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a config.json")
    if not file.exists():
        raise FileNotFoundError(f"there is no file {path}")
    return read_json(file, path)


def _check_section(
    what: str, section: Any, needed: Mapping[str, type], known: Iterable[str] | None
) -> None:
    """Raise ``ValueError`` if a section lacks a needed entry, or has an unknown one.

    With None, all entries are known.
    """
    if not isinstance(section, dict):
        raise ValueError(f"{what} must be a mapping, got {reprlib.repr(section)}")
    for key, kind in needed.items():
        if key not in section:
            raise ValueError(f"{what} has no {key!r}")
        if not isinstance(section[key], kind):
            got = reprlib.repr(section[key])
            raise ValueError(f"{what}: {key!r} must be a {kind.__name__}, got {got}")
    if known is not None:
        check_keys(what, section, known)
