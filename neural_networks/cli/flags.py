"""Flags of the training scripts."""

import argparse
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neural_networks.activations import ACTIVATIONS
from neural_networks.architectures import NETWORKS, NORMALIZATIONS
from neural_networks.cli.configuration import TARGETS
from neural_networks.cli.form_flags import add_header_flag
from neural_networks.cli.parser import KEY_VALUES, Parser
from neural_networks.cli.presets import script_presets
from neural_networks.cli.profile import add_profile_flag
from neural_networks.datasets import DATASETS, SEVERAL
from neural_networks.losses import LOSSES
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.schedulers import SCHEDULERS
from neural_networks.weights import WEIGHTS


def make_parser(
    script: str, description: str, examples: str, configuration: Mapping[str, Any]
) -> Parser:
    """Create the parser of a training script, with the flags that all scripts have.

    Parameters
    ----------
    script : str
        The script's path, also the default of a hidden argument ``script``.
    description : str
        The script's docstring, whose first line begins the help.
    examples : str
        Commands to try, at the end of the help.
    configuration : mapping
        The script's configuration, whose values are the defaults in the help.
    """
    presets = script_presets(script)
    parser = Parser(
        prog=Path(script).name,
        description=f"{description.splitlines()[0]}\n\n{defaults_line(presets)}",
        epilog=examples,
        defaults=defaults_in(configuration),
        allow_abbrev=False,
    )
    parser.set_defaults(script=script)
    add_data_flags(parser.add_argument_group("data"))
    add_training_flags(parser.add_argument_group("training"))
    add_optimizer_flags(parser.add_argument_group("optimizer"))
    add_scheduler_flags(parser.add_argument_group("learning-rate schedule"))
    add_result_flags(parser.add_argument_group("results"), presets)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def defaults_line(presets: Collection[str]) -> str:
    """The place where defaults come from, in words."""
    others = "--config and --preset start" if presets else "--config starts"
    return (
        "Defaults are those of the configuration at the top of the script;\n"
        f"{others} from another one, with its own."
    )


def defaults_in(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a configuration has for flags, by the flags' names."""
    model = configuration["model_args"]
    data, optimizer = configuration["data_args"], model["optimizer_args"]
    sections = {"run": configuration, "model": model, "data": data, "optimizer": optimizer}
    values = {flag: sections[where].get(key) for flag, (where, key) in TARGETS.items()}
    of_flags = [key for where, key in TARGETS.values() if where == "data"]
    further = [f"{k}={json.dumps(v)}" for k, v in data.items() if k not in ("name", *of_flags)]
    named = {"dataset": data["name"], "data_args": further, "optimizer": optimizer["name"]}
    shape = of_layers([layer for layer in model["layer_args"] if isinstance(layer, Mapping)])
    return {**values, **named, **shape, "name": configuration["model_name"]}


def of_layers(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values that the layers of a network have for the flags of hidden layers."""

    def values(key: str, *names: str) -> list[Any]:
        return [layer[key] for layer in layers[:-1] if layer.get("name") in names and key in layer]

    units = ("fully_connected", "elman")
    first = {key: values(key, "conv2d", *units)[:1] for key in ("activation", "weight_init")}
    used = [layer.get("name") for layer in layers]
    return {
        **first,
        "hidden": values("n_out", *units),
        "dropout": values("p", "dropout")[:1] or 0,
        "normalization": [name for name, layer in NORMALIZATIONS.items() if layer in used],
        "kernel": values("kernel_shape", "conv2d")[:1],
        "pool": values("mode", "pool2d"),
    }


def add_data_flags(data: Any) -> None:
    """Add the flags for the dataset."""
    data.add_argument("--dataset", help=f"dataset to train on: {', '.join(DATASETS)}")
    data.add_argument(
        "--data-args",
        **KEY_VALUES,
        several=SEVERAL,
        help="options of the dataset, such as flip=true for images, or path=my.csv label=kind",
    )
    data.add_argument("--batch-size", type=int, help="examples in a training step")


def add_training_flags(training: Any) -> None:
    """Add the flags for loss, length and best epoch."""
    training.add_argument("--epochs", type=int, help="passes through the training set, at most")
    training.add_argument(
        "--patience",
        type=int,
        help="stop after this many epochs without improvement, and restore the best epoch",
    )
    training.add_argument(
        "--monitor",
        help="metric that selects the best epoch: validation_loss (default), validation_error, "
        "train_loss, train_error",
    )
    training.add_argument(
        "--restore-best",
        action=argparse.BooleanOptionalAction,
        help="test the parameters of the best epoch (default: only with --patience)",
    )
    training.add_argument("--loss", help=f"loss to minimize: {', '.join(LOSSES)}")
    training.add_argument("--l2", type=float, help="strength of the penalty on squared weights")
    training.add_argument("--l1", type=float, help="strength of the penalty on absolute weights")
    training.add_argument("--seed", type=int, help="seed of all random numbers")
    training.add_argument("--dtype", help="type of all arrays: float32 or float64")
    training.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of this process, at most (default: 1 for a small network, else all cores)",
    )


def add_optimizer_flags(optimizer: Any) -> None:
    """Add the flags for the optimizer."""
    optimizer.add_argument("--optimizer", help=f"update rule: {', '.join(OPTIMIZERS)}")
    optimizer.add_argument("--lr", type=float, help="learning rate")
    optimizer.add_argument(
        "--momentum", type=float, help="SGD: share of the last step kept, at least 0, below 1"
    )
    optimizer.add_argument(
        "--weight-decay",
        type=float,
        help="decay of all parameters (default: 0.01 for AdamW, else 0)",
    )
    optimizer.add_argument("--clip-norm", type=float, help="largest norm of a parameter's gradient")
    optimizer.add_argument(
        "--clip-global-norm", type=float, help="largest norm of all gradients together"
    )
    optimizer.add_argument(
        "--optimizer-args",
        **KEY_VALUES,
        help="further options of the optimizer, such as beta1=0.8 or nesterov=true",
    )


def add_scheduler_flags(schedule: Any) -> None:
    """Add the flags for the learning-rate schedule."""
    schedule.add_argument("--scheduler", help=f"schedule: {', '.join(SCHEDULERS)}")
    schedule.add_argument(
        "--scheduler-args",
        **KEY_VALUES,
        help="options of the schedule, such as after=cosine for warm_up",
    )
    schedule.add_argument("--lr-decay", type=float, help="exponential, step: factor of each stage")
    schedule.add_argument("--stage-length", type=float, help="exponential, step: epochs in a stage")
    schedule.add_argument(
        "--staircase",
        action=argparse.BooleanOptionalAction,
        help="exponential: keep the rate constant within a stage",
    )


def add_result_flags(results: Any, presets: Iterable[str]) -> None:
    """Add the flags for the run's folder, the file of predictions, and the run to start from."""
    results.add_argument("--name", help="name of the run and of its folder")
    results.add_argument(
        "--test-data",
        metavar="FILE",
        help="unlabeled examples, .npy or CSV, whose classes to predict",
    )
    add_header_flag(results)
    results.add_argument(
        "--kaggle-file",
        metavar="NAME",
        help="name of the file of predicted classes (default: kaggle_predictions.csv, or the one "
        "that the dataset's competition asks for)",
    )
    add_id_flags(results)
    add_profile_flag(results)
    results.add_argument(
        "--overwrite", action="store_true", help="replace an earlier run of the same name"
    )
    results.add_argument(
        "--experiments",
        metavar="DIR",
        type=Path,
        help="folder that holds the runs (default: experiments/ of the repository)",
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


def add_id_flags(results: Any) -> None:
    """Add the flags for the Ids in the file of predicted classes."""
    ids = results.add_mutually_exclusive_group()
    ids.add_argument(
        "--first-id",
        type=int,
        metavar="N",
        help="Id of the first row in the file of predicted classes, the next ones count on "
        "(default: 0, or as the dataset's competition asks)",
    )
    ids.add_argument(
        "--id-column",
        metavar="NAME",
        help="column of --test-data that holds the Ids; it gives its name to theirs",
    )


def add_network_flags(parser: argparse.ArgumentParser) -> Any:
    """Add the flags for hidden layers; returns their group, for more flags."""
    network = parser.add_argument_group("network")
    network.add_argument(
        "--hidden", type=int, nargs="*", metavar="N", help="units of each hidden layer"
    )
    network.add_argument(
        "--activation", help=f"activation of the hidden layers: {', '.join(ACTIVATIONS)}"
    )
    network.add_argument("--weight-init", help=f"initial weights: {', '.join(WEIGHTS)}")
    network.add_argument(
        "--dropout", type=float, metavar="P", help="chance to drop a hidden unit; 0 for no dropout"
    )
    network.add_argument(
        "--normalization", help=f"before each hidden activation: {' or '.join(NORMALIZATIONS)}"
    )
    return network


def add_architecture_flags(network: Any) -> None:
    """Add the flags that choose a network by name."""
    network.add_argument("--network", help=f"another network, by name: {', '.join(NETWORKS)}")
    network.add_argument(
        "--network-args", **KEY_VALUES, help="options of the network, such as weight_scale=0.1"
    )


def add_convolution_flags(network: Any) -> None:
    """Add the flags for convolutions and pooling."""
    network.add_argument(
        "--filters",
        type=int,
        nargs="+",
        metavar="N",
        help="kernels of each convolution, which pooling follows (default: as configured)",
    )
    network.add_argument("--kernel", type=int, metavar="K", help="size of all kernels: K×K pixels")
    network.add_argument("--pool", metavar="MODE", help="mode of all pooling: max or average")


def add_wave_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags for sine waves."""
    waves = parser.add_argument_group("waves")
    waves.add_argument("--window", type=int, help="steps that the network sees")
    waves.add_argument("--step", type=float, help="radians from one step to the next")
    waves.add_argument("--noise", type=float, help="standard deviation of noise on every value")
    waves.add_argument(
        "--every-step",
        action=argparse.BooleanOptionalAction,
        help="predict the next value at every step, not only at the last one",
    )
