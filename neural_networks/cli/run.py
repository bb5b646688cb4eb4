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
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from neural_networks.cli import console
from neural_networks.cli.configuration import (
    apply_flags,
    read_configuration,
    run_arguments,
    stopping,
    with_length,
)
from neural_networks.cli.network_flags import option
from neural_networks.cli.presets import script_presets
from neural_networks.datasets import DATASETS, Dataset, initialize_dataset, read_examples
from neural_networks.logs import Logger
from neural_networks.logs.logger import DEFAULT_FOLDER, check_file_name
from neural_networks.losses import LOSSES
from neural_networks.models import NeuralNetwork, TrainingDiverged, initialize_model
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.schedulers import SCHEDULERS
from neural_networks.training.loop import Stopping, ends_with_best, evaluate
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.factories import lookup
from neural_networks.utils.validation import positive_integer

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
    _add_result_flags(parser.add_argument_group("results"), script_presets(script))
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_data_flags(data: Any) -> None:
    data.add_argument("--dataset", help=f"what to train on: {', '.join(DATASETS)}")
    data.add_argument(
        "--data-args",
        type=option,
        nargs="+",
        metavar="KEY=VALUE",
        help="its options, such as flip=true of images, or path=my.csv label=kind of csv",
    )
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


def _add_result_flags(results: Any, presets: Iterable[str]) -> None:
    results.add_argument("--name", help="name of the run and of its folder")
    results.add_argument(
        "--test-data",
        metavar="FILE",
        help="examples without labels, .npy or CSV, whose classes to predict",
    )
    results.add_argument(
        "--kaggle-file", metavar="NAME", help="what the file with predicted classes is called"
    )
    results.add_argument(
        "--overwrite", action="store_true", help="replace an earlier run of that name"
    )
    results.add_argument(
        "--experiments", metavar="DIR", type=Path, help="folder that holds the runs"
    )
    start = results.add_mutually_exclusive_group()
    start.add_argument(
        "--config", metavar="FILE", help="start from the config.json of an earlier run"
    )
    names = ", ".join(presets)
    if names:
        start.add_argument("--preset", metavar="NAME", help=f"start from one of: {names}")
    else:
        results.set_defaults(preset=None)


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


def what_to_predict(
    model: NeuralNetwork, dataset: Dataset, flags: argparse.Namespace
) -> Dataset | None:
    """The dataset whose test set goes to Kaggle: --test-data, else that of its competition."""
    asked_for = flags.test_data is not None or flags.kaggle_file is not None
    if not model.loss.classifies:
        if asked_for:
            raise ValueError(f"Kaggle files hold classes, which {model.loss.name} does not predict")
        return None
    if flags.kaggle_file is not None:
        check_file_name(flags.kaggle_file)
    if flags.test_data is not None:
        return dataset.to_predict(read_examples(flags.test_data, dataset))
    if asked_for and dataset.test is None:
        raise ValueError(f"{dataset.name} has no test set to predict: give one with --test-data")
    return dataset if asked_for or dataset.kaggle_file else None


def run(
    model: NeuralNetwork,
    dataset: Dataset,
    logger: Logger,
    config: AttrDict,
    to_predict: Dataset | None,
    kaggle_file: str | None,
) -> int:
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
    print(console.ending(model, config.epochs, with_best), end="")
    scores = final_scores(model, dataset)
    if to_predict is not None:
        model.test_kaggle(to_predict, kaggle_file)
    print(console.results(model, dataset, scores, kaggle_file))
    return 0


def final_scores(model: NeuralNetwork, dataset: Dataset) -> dict[str, float] | None:
    """Those on the test set, or on the validation set if there is none; None without either."""
    if dataset.test is not None:
        return model.test(dataset, save_predictions=True)
    if dataset.validate is None:
        return None
    loss, error, _ = evaluate(model, dataset.validate)
    return {"loss": loss, "error": error}


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

    def train() -> int:
        start = configuration
        if flags.config is not None:
            start = read_configuration(flags.config, configuration)
        elif flags.preset is not None:
            start = lookup("preset", flags.preset, script_presets(script))
        config = apply_flags(start, flags)
        adapt(config, flags)
        command = shlex.join(["python", parser.prog, *arguments])
        model, dataset, logger = set_up(config, flags, command)
        to_predict = what_to_predict(model, dataset, flags)
        print(console.describe(model, dataset, config.epochs, config.seed))
        status = run(model, dataset, logger, config, to_predict, flags.kaggle_file)
        if status == 0:
            steps = [f"--preset {flags.preset} --seed 1"] if flags.preset else next_steps
            print(console.next_steps(script, steps, flags.experiments))
        return status

    return exit_status(parser.prog, train, flags.debug)


def exit_status(program: str, act: Callable[[], int], debug: bool = False) -> int:
    """The exit status of a program: what ``act`` returns, unless it is broken off by an error.

    Parameters
    ----------
    program : str
        What the user called, for the line that tells an error.
    act : function
        Does the work.
    debug : bool
        Whether an error is raised instead of told.
    """
    try:
        status = act()
        if sys.stdout is not None:  # it is if the caller has closed it
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
        if debug:
            raise
        print(f"{program}: error: {error}", file=sys.stderr)
        return WRONG_ARGUMENTS
