"""The training scripts' flags that describe a network, and what they do to its layers."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from neural_networks.activations import ACTIVATIONS
from neural_networks.architectures import (
    NETWORKS,
    NORMALIZATIONS,
    dropped,
    initialize_network,
    normalized,
)
from neural_networks.layers import takes
from neural_networks.losses import LOSSES
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.factories import find_name


def option(text: str) -> tuple[str, Any]:
    """A flag's KEY=VALUE as a pair; the value is read as JSON if it is that, else as text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def add_network_flags(parser: argparse.ArgumentParser) -> Any:
    """Add the flags that ``resize`` and ``restyle`` apply; their group, to add more to."""
    network = parser.add_argument_group("network")
    network.add_argument(
        "--hidden", type=int, nargs="*", metavar="N", help="units of each hidden layer"
    )
    network.add_argument("--activation", help="activation of the hidden layers, such as tanh")
    network.add_argument("--weight-init", help="initial weights, such as he_normal")
    network.add_argument(
        "--dropout", type=float, metavar="P", help="chance to drop a hidden unit; 0 for none"
    )
    network.add_argument(
        "--normalization", help=f"before each hidden activation: {' or '.join(NORMALIZATIONS)}"
    )
    return network


def add_architecture_flags(network: Any) -> None:
    """Add the flags that ``architecture`` applies."""
    network.add_argument("--network", help=f"another network, by name: {', '.join(NETWORKS)}")
    network.add_argument(
        "--network-args",
        type=option,
        nargs="+",
        metavar="KEY=VALUE",
        help="its options, such as weight_scale=0.1",
    )


def architecture(config: AttrDict, flags: argparse.Namespace) -> list[Any]:
    """The layers that a script begins with: those of --network, else those of the configuration.

    The activation of the output follows the loss.
    """
    if flags.network is None:
        if flags.network_args:
            raise ValueError("--network-args goes with --network")
        return list(config.model_args["layer_args"])
    options = dict(flags.network_args or [])
    if flags.network == "fully_connected_net" and flags.hidden is not None:
        options.setdefault("hidden_sizes", flags.hidden)
    layers = [AttrDict(layer) for layer in initialize_network(flags.network, **options)]
    if "output" not in options:
        fit_output(layers[-1], config.model_args["loss"])
    return layers


def fit_output(last: Any, loss: str) -> None:
    """Give the output layer the activation that goes with a loss."""
    if loss in LOSSES and takes(last, "activation"):
        last["activation"] = find_name(LOSSES[loss].canonical_activation, ACTIVATIONS)


def blocks(layers: Sequence[Any]) -> list[list[Any]]:
    """Layers in groups: each one that has a size, with those after it that have none."""
    groups: list[list[Any]] = []
    for layer in layers:
        if has_size(layer) or not groups:
            groups.append([])
        groups[-1].append(layer)
    return groups


def has_size(layer: Mapping[str, Any]) -> bool:
    """Whether these are the arguments of a layer with a number of units."""
    return takes(layer, "n_out")


def resize(
    layers: Sequence[Mapping[str, Any]], sizes: Sequence[int] | None, pattern: Mapping[str, Any]
) -> list[Any]:
    """As many layers as there are sizes, like the first one, or like the pattern if there is none.

    What follows the first one, such as dropout, follows each, and what comes before it stays.
    Without sizes, the layers as they are.
    """
    if sizes is None:
        return list(layers)
    groups = blocks(layers)
    start = groups.pop(0) if groups and not has_size(groups[0][0]) else []
    first, *followers = groups[0] if groups else [pattern]
    repeated = [layer for n in sizes for layer in ({**first, "n_out": n}, *followers)]
    return [*start, *map(AttrDict, repeated)]


def restyle(layers: Sequence[Any], flags: argparse.Namespace) -> list[Any]:
    """The layers with --activation, --weight-init, --loss, --normalization and --dropout applied.

    Activation, normalization and dropout are those of the hidden layers; convolutions have no
    dropout. The activation of the output follows the loss.
    """
    *hidden, last = layers
    for block in blocks(hidden):
        # Where a layer is normalized, the activation comes after that.
        active = [block[0], *filter(is_normalization, block)][-1]
        if flags.activation is not None and has_size(block[0]):
            active["activation"] = flags.activation
    for layer in [*hidden, last]:
        if flags.weight_init is not None and takes(layer, "weight_init"):
            layer["weight_init"] = flags.weight_init
    if flags.loss is not None:
        fit_output(last, flags.loss)
    return [*with_dropout(with_normalization(hidden, flags.normalization), flags.dropout), last]


def with_normalization(layers: Sequence[Any], normalization: str | None) -> list[Any]:
    """Fully-connected layers and convolutions with a normalization before their activation."""
    if normalization is None:
        return list(layers)
    result: list[Any] = []
    found = False
    for first, *followers in blocks(layers):
        if first.get("name") in ("fully_connected", "conv2d"):
            found = True
            block = [layer for layer in followers if not is_normalization(layer)]
            if len(block) < len(followers):  # there is one already: it is replaced
                old = next(filter(is_normalization, followers))
                first["activation"] = old.get("activation", "linear")
            result += [*map(AttrDict, normalized(first, normalization)), *block]
        else:
            result += [first, *followers]
    if not found:
        raise ValueError(
            "--normalization needs a hidden layer that is fully-connected or a convolution, and "
            "there is none"
        )
    return result


def with_dropout(layers: Sequence[Any], p: float | None) -> list[Any]:
    """The layers with dropout after each that has units, other than convolutions."""
    if p is None:
        return list(layers)
    result: list[Any] = []
    for block in blocks(layers):
        result += [layer for layer in block if layer.get("name") != "dropout"]
        if has_size(block[0]) and block[0]["name"] != "conv2d":
            result += map(AttrDict, dropped(p))
    if p and not any(layer.get("name") == "dropout" for layer in result):
        raise ValueError("--dropout needs a hidden layer that is no convolution, and there is none")
    return result


def is_normalization(layer: Mapping[str, Any]) -> bool:
    """Whether these are the arguments of a normalization."""
    return layer.get("name") in NORMALIZATIONS.values()
