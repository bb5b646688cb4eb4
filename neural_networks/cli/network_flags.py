"""Layers of a network, changed by the training scripts' flags."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neural_networks.activations import ACTIVATIONS
from neural_networks.architectures import NORMALIZATIONS, dropped, initialize_network, normalized
from neural_networks.cli.configuration import flag_words, typed_options
from neural_networks.layers.factory import takes
from neural_networks.losses import LOSSES
from neural_networks.utils.data_structures import AttrDict
from neural_networks.utils.factories import find_name

Layer = Mapping[str, Any]

SAME_OPTIONS = {
    "hidden": ("hidden_sizes", "n_hidden"),
    "activation": ("activation",),
    "dropout": ("dropout",),
    "normalization": ("normalization",),
    "kernel": ("kernel",),
    "filters": ("n_filters",),
}
"""Flags, and the options of named networks that say the same thing."""

REPLACED_OPTIONS = {
    "weight_init": ("weight_scale",),
    # The convolutions are replaced, with all that belongs to them.
    "filters": (
        *("kernel", "convolutions", "last_filters"),
        *("activation", "normalization", "weight_scale"),
    ),
}
"""Flags, and the options of named networks of which they leave nothing."""


def shape_dense(config: AttrDict, flags: argparse.Namespace, hidden: Layer) -> None:
    """Apply the flags to the layers of a fully-connected network.

    Parameters
    ----------
    config : AttrDict
        The configuration; its ``layer_args`` are changed.
    flags : Namespace
    hidden : mapping
        Arguments of a hidden layer, for --hidden where the network has none.
    """
    *layers, last = architecture(config, flags)
    set_layers(config, flags, [*resize(layers, flags.hidden, hidden), last])


def shape_convolutional(
    config: AttrDict, flags: argparse.Namespace, block: Sequence[Layer], hidden: Layer
) -> None:
    """Apply the flags to the layers of a convolutional network.

    Parameters
    ----------
    config : AttrDict
        The configuration; its ``layer_args`` are changed.
    flags : Namespace
    block : sequence of mapping
        Arguments of a convolution and a pooling, for each size in --filters.
    hidden : mapping
        Arguments of a hidden layer, for --hidden where the network has none.
    """
    *before, last = architecture(config, flags)
    convolutional, flatten, dense = split(before)
    if flags.filters is not None:
        convolution, pool = block
        blocks = [({**convolution, "n_out": n}, pool) for n in flags.filters]
        convolutional = [AttrDict(layer) for block in blocks for layer in block]
    set_option(convolutional, "conv2d", "kernel_shape", flags.kernel, "--kernel")
    set_option(convolutional, "pool2d", "mode", flags.pool, "--pool")
    dense = resize(dense, flags.hidden, hidden)
    set_layers(config, flags, [*convolutional, flatten, *dense, last])


def shape_recurrent(config: AttrDict, flags: argparse.Namespace, recurrent: Layer) -> None:
    """Apply the flags to the layers of a recurrent network.

    Parameters
    ----------
    config : AttrDict
        The configuration; its ``layer_args`` are changed.
    flags : Namespace
    recurrent : mapping
        Arguments of a recurrent layer, for --hidden where the network has none.
    """
    *hidden, last = config.model_args["layer_args"]
    set_layers(config, flags, [*resize(hidden, flags.hidden, recurrent), last])
    layers = config.model_args["layer_args"]
    recurring = [layer for layer in layers if takes(layer, "return_sequences")]
    if not recurring:
        raise ValueError("the network has no recurrent layer: --hidden takes a size for each")
    for layer in recurring:
        layer["return_sequences"] = True  # for the layer above
    recurring[-1]["return_sequences"] = config.data_args.get("every_step", False)


def set_layers(config: AttrDict, flags: argparse.Namespace, layers: Sequence[Any]) -> None:
    """Put layers into a configuration, with the flags for all networks applied."""
    config.model_args["layer_args"] = restyle(layers, flags)
    if flags.loss is not None:
        config.fitted_to, config.fitted = f"--loss {flags.loss}", []
    if "fitted" in config:
        config.fitted += fit_to_loss(config, flags)


def fit_to_loss(config: AttrDict, flags: argparse.Namespace) -> list[str]:
    """Fit labels and output layer to the loss, unless they were typed; returns the changes."""
    data, last = config.data_args, config.model_args["layer_args"][-1]
    changes, loss = [], config.model_args["loss"]
    one_column = loss == "binary_cross_entropy"
    if "binary_labels" not in typed_options(flags, "data", "data_args"):
        if one_column != data.get("binary_labels", False):
            changes.append(f"labels in {'one column' if one_column else 'a column for each class'}")
        data.pop("binary_labels", None)
        if one_column:
            data["binary_labels"] = True
    before = last.get("activation")
    if "output" not in (vars(flags).get("network_args") or {}):
        fit_output(last, loss)
    if last.get("activation") != before:
        changes.append(f"output activation {last['activation']}")
    return changes


def architecture(config: AttrDict, flags: argparse.Namespace) -> list[Any]:
    """The layers to start from: those of --network, else those of the configuration.

    The output activation of --network is the one that goes with the loss.
    """
    if flags.network is None:
        if flags.network_args:
            raise ValueError("--network-args goes with --network")
        return list(config.model_args["layer_args"])
    options = dict(flags.network_args or {})
    check_given_once(flags, options)
    if flags.network == "fully_connected_net" and flags.hidden is not None:
        options.setdefault("hidden_sizes", flags.hidden)
    layers = [AttrDict(layer) for layer in initialize_network(flags.network, **options)]
    if "output" not in options:
        fit_output(layers[-1], config.model_args["loss"])
    return layers


def check_given_once(flags: argparse.Namespace, options: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` if a flag would overwrite what --network-args has set."""
    for table in (SAME_OPTIONS, REPLACED_OPTIONS):
        for flag, keys in table.items():
            value = vars(flags).get(flag)
            for key in keys:
                if value is None or key not in options:
                    continue
                if table is SAME_OPTIONS and value in (options[key], [options[key]]):
                    continue
                raise ValueError(
                    f"{flag_words(flag, value)} and --network-args {key}={options[key]}: give one "
                    "of them"
                )


def fit_output(last: Any, loss: str) -> None:
    """Give the output layer the activation that goes with the loss."""
    fitting = find_name(LOSSES[loss].output_activation, ACTIVATIONS) if loss in LOSSES else ""
    if fitting and takes(last, "activation"):
        last["activation"] = fitting


def blocks(layers: Sequence[Any]) -> list[list[Any]]:
    """Layers in groups: a layer that has a size, and those without one that follow it."""
    groups: list[list[Any]] = []
    for layer in layers:
        if has_size(layer) or not groups:
            groups.append([])
        groups[-1].append(layer)
    return groups


def has_size(layer: Mapping[str, Any]) -> bool:
    """True if these are the arguments of a layer with a number of units."""
    return takes(layer, "n_out")


def resize(
    layers: Sequence[Mapping[str, Any]], sizes: Sequence[int] | None, pattern: Mapping[str, Any]
) -> list[Any]:
    """Make one layer for each size, copied from the first one or, without one, from the pattern.

    The layers after the first one, such as dropout, follow each copy; those before it stay.
    Without sizes, the layers are unchanged.
    """
    if sizes is None:
        return list(layers)
    groups = blocks(layers)
    start = groups.pop(0) if groups and not has_size(groups[0][0]) else []
    first, *followers = groups[0] if groups else [pattern]
    repeated = [layer for n in sizes for layer in ({**first, "n_out": n}, *followers)]
    return [*start, *map(AttrDict, repeated)]


def restyle(layers: Sequence[Any], flags: argparse.Namespace) -> list[Any]:
    """Apply --activation, --weight-init, --normalization and --dropout to the layers.

    Activation, normalization and dropout apply to the hidden layers; convolutions have no dropout.
    """
    *hidden, last = layers
    if flags.activation is not None:
        set_activation(hidden, flags.activation)
    for layer in [*hidden, last]:
        if flags.weight_init is not None and takes(layer, "weight_init"):
            layer["weight_init"] = flags.weight_init
    return [*with_dropout(with_normalization(hidden, flags.normalization), flags.dropout), last]


def set_activation(layers: Sequence[Any], activation: str) -> None:
    """Set the activation of each layer with units; a normalized layer's comes after it."""
    sized = [block for block in blocks(layers) if has_size(block[0])]
    if not sized:
        raise ValueError(f"--activation {activation} needs a hidden layer, but there is none")
    for block in sized:
        [block[0], *filter(is_normalization, block)][-1]["activation"] = activation


def set_option(layers: Iterable[Any], name: str, option: str, value: Any, flag: str) -> None:
    """Set an option of all layers of a name, if the flag was given."""
    if value is None:
        return
    found = [layer for layer in layers if layer.get("name") == name]
    if not found:
        raise ValueError(f"{flag} {value} needs a layer {name!r}, but there is none")
    for layer in found:
        layer[option] = value


def with_normalization(layers: Sequence[Any], normalization: str | None) -> list[Any]:
    """The layers with a normalization before each activation, except in recurrent layers."""
    if normalization is None:
        return list(layers)
    result: list[Any] = []
    found = False
    for first, *followers in blocks(layers):
        if first.get("name") in ("fully_connected", "conv2d"):
            found = True
            block = [layer for layer in followers if not is_normalization(layer)]
            if len(block) < len(followers):  # replace the existing one
                old = next(filter(is_normalization, followers))
                first["activation"] = old.get("activation", "linear")
            result += [*map(AttrDict, normalized(first, normalization)), *block]
        else:
            result += [first, *followers]
    if not found:
        raise ValueError(
            "--normalization needs a hidden layer that is fully-connected or a convolution, but "
            "there is none"
        )
    return result


def with_dropout(layers: Sequence[Any], p: float | None) -> list[Any]:
    """The layers with dropout after each layer with units, except convolutions."""
    if p is None:
        return list(layers)
    result: list[Any] = []
    for block in blocks(layers):
        result += [layer for layer in block if layer.get("name") != "dropout"]
        if has_size(block[0]) and block[0]["name"] != "conv2d":
            result += map(AttrDict, dropped(p))
    if p and not any(layer.get("name") == "dropout" for layer in result):
        raise ValueError(
            "--dropout needs a hidden layer that is not a convolution, but there is none"
        )
    return result


def is_normalization(layer: Mapping[str, Any]) -> bool:
    """True if these are the arguments of a normalization."""
    return layer.get("name") in NORMALIZATIONS.values()


def split(layers: Sequence[Layer]) -> tuple[list[Any], Any, list[Any]]:
    """Split the layers: those before the one that flattens the images, it, and those after it."""
    names = [layer.get("name") for layer in layers]
    if "flatten" not in names:
        raise ValueError("the network has no layer 'flatten' between images and output")
    middle = names.index("flatten")
    return list(layers[:middle]), layers[middle], list(layers[middle + 1 :])
