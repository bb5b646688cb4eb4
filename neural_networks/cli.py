"""What the training scripts share: their flags, the run itself, and how errors are told.

A script holds a configuration and calls ``run_script`` with it:

>>> from neural_networks.utils.data_structures import AttrDict
>>> configuration = AttrDict(
...     model_name="iris",
...     model_args=AttrDict(loss="cross_entropy", layer_args=[], optimizer_args=AttrDict()),
...     data_args=AttrDict(name="iris", batch_size=25),
...     epochs=50,
...     seed=0,
...     dtype="float32",
... )
"""

import argparse
import copy
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from neural_networks import schedulers, summary
from neural_networks.datasets import DATASETS, Dataset, initialize_dataset
from neural_networks.logs import DEFAULT_FOLDER, Logger
from neural_networks.losses import LOSSES
from neural_networks.models import NeuralNetwork, TrainingDiverged, initialize_model
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.schedulers import SCHEDULERS
from neural_networks.shaping import option
from neural_networks.training import Stopping, ends_with_best
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.names import (
    check_keys,
    constructor_options,
    lookup,
    options_in,
    positive_integer,
)

RUN_ARGUMENTS = ("epochs", "seed", "dtype")
STOPPING = ("patience", "monitor", "restore_best")
"""Arguments of ``train`` that a configuration may leave out."""

DIVERGED, WRONG_ARGUMENTS, INTERRUPTED, UNREAD = 1, 2, 130, 141


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit."""
        self.exit(WRONG_ARGUMENTS, f"{self.prog}: error: {message} (--help explains the flags)\n")


def make_parser(script: str, description: str, examples: str) -> Parser:
    """The parser of a training script, with the flags that all of them have.

    Parameters
    ----------
    script : str
        The script's path.
    description : str
        What the script does.
    examples : str
        Commands to try, shown at the end of the help.
    """
    parser = Parser(
        prog=Path(script).name,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_data_flags(parser.add_argument_group("data"))
    _add_training_flags(parser.add_argument_group("training"))
    _add_optimizer_flags(parser.add_argument_group("optimizer"))
    _add_result_flags(parser.add_argument_group("results"))
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_data_flags(data: Any) -> None:
    data.add_argument("--dataset", help=f"what to train on: {', '.join(DATASETS)}")
    data.add_argument("--batch-size", type=int, help="examples in a training step")


def _add_training_flags(training: Any) -> None:
    training.add_argument("--epochs", type=int, help="how often to go through the training set")
    training.add_argument(
        "--patience", type=int, help="stop when so many epochs have passed since the best one"
    )
    training.add_argument(
        "--monitor", help="what is lowest in the best epoch; validation_loss by default"
    )
    training.add_argument(
        "--restore-best",
        action=argparse.BooleanOptionalAction,
        help="test the parameters of the best epoch; --patience does, too",
    )
    training.add_argument("--loss", help=f"what is minimized: {', '.join(LOSSES)}")
    training.add_argument("--l2", type=float, help="strength of the penalty on squared weights")
    training.add_argument("--l1", type=float, help="strength of the penalty on absolute weights")
    training.add_argument("--seed", type=int, help="fixes all that is drawn at random")
    training.add_argument("--dtype", help="type of all arrays: float32 or float64")


def _add_optimizer_flags(optimizer: Any) -> None:
    optimizer.add_argument("--optimizer", help=f"update rule: {', '.join(OPTIMIZERS)}")
    optimizer.add_argument("--lr", type=float, help="learning rate")
    optimizer.add_argument("--momentum", type=float, help="share of the last step kept, 0 to 1")
    optimizer.add_argument("--weight-decay", type=float, help="decay of all parameters")
    optimizer.add_argument("--clip-norm", type=float, help="largest norm of one gradient")
    optimizer.add_argument(
        "--clip-global-norm", type=float, help="largest norm of all gradients together"
    )
    optimizer.add_argument(
        "--optimizer-args",
        type=option,
        nargs="+",
        metavar="KEY=VALUE",
        help="further options of the update rule, such as beta1=0.8 or nesterov=true",
    )
    optimizer.add_argument("--scheduler", help=f"learning-rate schedule: {', '.join(SCHEDULERS)}")
    optimizer.add_argument(
        "--scheduler-args",
        type=option,
        nargs="+",
        metavar="KEY=VALUE",
        help="its options, such as after=cosine of warm_up",
    )
    optimizer.add_argument("--lr-decay", type=float, help="exponential, step: factor of a stage")
    optimizer.add_argument("--stage-length", type=float, help="exponential, step: its epochs")
    optimizer.add_argument(
        "--staircase",
        action=argparse.BooleanOptionalAction,
        help="exponential: keep the rate constant within a stage",
    )


def _add_result_flags(results: Any) -> None:
    results.add_argument("--name", help="name of the run and of its folder")
    results.add_argument(
        "--overwrite", action="store_true", help="replace an earlier run of that name"
    )
    results.add_argument(
        "--experiments", metavar="DIR", type=Path, help="folder that holds the runs"
    )
    results.add_argument(
        "--config", metavar="FILE", help="start from the config.json of an earlier run"
    )


# Which flag sets what: a section of the configuration and the key there.
TARGETS = {
    "dataset": ("data", "name"),
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
    for flag, (section, key) in TARGETS.items():
        value = getattr(flags, flag)
        if value is not None:
            sections[section][key] = value
    return config


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
    _check_section(f"data in {path}", data, {"name": str}, template["data_args"])
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
    what: str, section: Any, needed: Mapping[str, type], known: Iterable[str]
) -> None:
    """Raise ``ValueError`` unless a section has the needed entries, and none but the known."""
    if not isinstance(section, dict):
        raise ValueError(f"{what} must be a mapping, got {section!r}")
    for key, kind in needed.items():
        if key not in section:
            raise ValueError(f"{what} has no {key!r}")
        if not isinstance(section[key], kind):
            raise ValueError(f"{what}: {key!r} must be a {kind.__name__}, got {section[key]!r}")
    check_keys(what, section, known)


def set_up(
    config: AttrDict, flags: argparse.Namespace, command: str
) -> tuple[NeuralNetwork, Dataset, Logger]:
    """Dataset, network and logger as configured. Nothing is written yet."""
    positive_integer("epochs", config.epochs)
    dataset = initialize_dataset(**config.data_args, seed=config.seed, dtype=config.dtype)
    Stopping(dataset, **stopping(config))  # finds what is wrong before a folder is made
    logger = Logger(
        config.model_name,
        config.model_args,
        config.data_args,
        save=True,
        plot=True,
        save_dir=flags.experiments or DEFAULT_FOLDER,
        arguments={**run_arguments(config), "command": command},
        overwrite=flags.overwrite,
    )
    options = {"logger": logger, "seed": config.seed, "dtype": config.dtype}
    model_args = with_length(config.model_args, config.epochs)
    model = initialize_model(config.model_name, **model_args, **options)
    model.prepare(dataset)
    return model, dataset, logger


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


def run(model: NeuralNetwork, dataset: Dataset, logger: Logger, config: AttrDict) -> int:
    """Train and test a network, and say what happens; the exit status."""
    logger.start()
    assert logger.folder is not None
    if logger.folder.name != logger.model_name:
        print(
            f"There is a run {logger.model_name!r} already: this one is {logger.folder.name!r} "
            "(--overwrite replaces)."
        )
    so_far = f"What there is so far is in {logger.folder.resolve()}."
    try:
        model.train(dataset, config.epochs, **stopping(config))
    except KeyboardInterrupt:
        print(f"\nInterrupted after {model.epoch} epochs. {so_far}")
        return INTERRUPTED
    except TrainingDiverged as error:
        print(f"error: {error}. {so_far}", file=sys.stderr)
        return DIVERGED
    with_best = ends_with_best(config.get("patience"), config.get("restore_best"))
    print(summary.ending(model, config.epochs, with_best), end="")
    results = model.test(dataset, save_predictions=True)
    print(summary.results(model, dataset, results))
    return 0


def run_script(
    script: str,
    parser: Parser,
    configuration: Mapping[str, Any],
    argv: Sequence[str] | None,
    adapt: Callable[[AttrDict, argparse.Namespace], None],
    next_steps: Sequence[str],
) -> int:
    """Parse the flags, run, and report what goes wrong in one line.

    Parameters
    ----------
    script : str
        The script's path.
    parser : Parser
    configuration : mapping
        The script's configuration.
    argv : sequence of str, optional
        The arguments; those of the command line by default.
    adapt : function
        Applies the script's own flags: called with the configuration, to be changed, and the
        flags.
    next_steps : sequence of str
        Flags for a run to try next.

    Returns
    -------
    int
        Exit status: 0; 1 if the training diverged; 2 if an argument was wrong or a file could
        not be read or written; 130 after Ctrl-C; 141 if the output's reader went away.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    flags = parser.parse_args(arguments)
    try:
        if flags.config:
            configuration = read_configuration(flags.config, configuration)
        config = apply_flags(configuration, flags)
        adapt(config, flags)
        command = shlex.join(["python", parser.prog, *arguments])
        model, dataset, logger = set_up(config, flags, command)
        print(summary.describe(model, dataset, config.epochs, config.seed))
        status = run(model, dataset, logger, config)
        if status == 0:
            print(summary.next_steps(script, next_steps, flags.experiments))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever reads the output, such as head, has seen enough: end as by SIGPIPE, silently.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except (ArithmeticError, MemoryError, OSError, TypeError, ValueError) as error:
        if flags.debug:
            raise
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return WRONG_ARGUMENTS
