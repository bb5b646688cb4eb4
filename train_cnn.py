"""Train a convolutional network, on 8×8 images of digits unless told otherwise.

Edit the configuration below, or override its values with flags: ``--help`` lists them.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from neural_networks.cli.network_flags import (
    add_architecture_flags,
    add_network_flags,
    architecture,
    resize,
    restyle,
)
from neural_networks.cli.run import make_parser, run_script
from neural_networks.utils.data_structures import AttrDict

# ---------------------------------------------------------------------------- configuration


def convolution(n_out: int) -> AttrDict:
    """As many kernels of 3×3; the images keep their size."""
    return AttrDict(
        name="conv2d",
        n_out=n_out,
        kernel_shape=3,
        stride=1,
        pad="same",
        activation="relu",
        weight_init="he_normal",
    )


halve = AttrDict(name="pool2d", kernel_shape=2, stride=2, mode="max")
average = AttrDict(name="pool2d", kernel_shape=4, mode="average")  # of each channel, all 4×4
flatten = AttrDict(name="flatten")
hidden = AttrDict(  # for --hidden; the network below does without
    name="fully_connected",
    activation="relu",
    weight_init="he_normal",
    n_out=64,
)
output = AttrDict(
    name="fully_connected",
    activation="softmax",
    weight_init="xavier_uniform",
    n_out=None,  # the dataset says how many classes there are
)
optimizer_args = AttrDict(
    name="SGD",
    lr=0.03,
    lr_scheduler="exponential",
    lr_decay=0.9,
    stage_length=1,
    staircase=True,
    momentum=0.5,
    clip_norm=None,
)
CONFIGURATION = AttrDict(
    model_name="digits-cnn",
    model_args=AttrDict(
        loss="cross_entropy",
        layer_args=[
            convolution(32),
            convolution(64),
            halve,
            convolution(64),
            average,
            flatten,
            output,
        ],
        optimizer_args=optimizer_args,
        l2=0.0,
        l1=0.0,
    ),
    data_args=AttrDict(name="digits", batch_size=10, images=True),
    epochs=25,
    patience=None,  # epochs without a better one before the training stops early
    monitor=None,  # what tells a better one; the validation loss
    restore_best=None,  # whether to test the best epoch; with patience only
    seed=0,
    dtype="float32",
)

# ---------------------------------------------------------------------------- flags

EXAMPLES = """\
examples:
  python train_cnn.py
  python train_cnn.py --filters 16 32 --hidden 64 --name small
  python train_cnn.py --filters 8 --kernel 5 --pool average --epochs 5
  python train_cnn.py --lr 0.01 --momentum 0.9 --batch-size 50
  python train_cnn.py --network three_layer_conv_net --network-args n_filters=16 kernel=5
  python train_cnn.py --normalization batch --optimizer AdamW --lr 0.003 --scheduler one_cycle
  python train_cnn.py --preset cifar10_small
  python train_cnn.py --preset cifar10 --epochs 20 --name cifar10-longer
  python train_cnn.py --config experiments/digits-cnn/config.json --seed 1

--filters 16 32 makes two blocks, each a convolution and a pooling that halves the image; without
it the convolutions are those of the configuration at the top of the script.

Presets are for real data: "python -m neural_networks datasets list" says which, and how to get it.

Each run leaves a folder of results under experiments/; "python -m neural_networks.cli.compare"
lists the runs there, the best one first.
"""
NEXT_STEPS = ("--filters 16 32 --hidden 64 --name small", "--activation tanh --name smoother")


def main(argv: Sequence[str] | None = None) -> int:
    """Train and test a network; the exit status."""
    parser = make_parser(__file__, __doc__.split("\n")[0], EXAMPLES)
    network = add_network_flags(parser)
    add_architecture_flags(network)
    network.add_argument(
        "--filters", type=int, nargs="+", metavar="N", help="kernels of each convolution"
    )
    network.add_argument("--kernel", type=int, metavar="K", help="size of all kernels: K×K pixels")
    network.add_argument("--pool", metavar="MODE", help="how all pooling is done: max or average")
    return run_script(__file__, parser, CONFIGURATION, argv, shape_network, NEXT_STEPS)


def shape_network(config: AttrDict, flags: argparse.Namespace) -> None:
    """Apply the flags that describe the network to a configuration."""
    *before, last = architecture(config, flags)
    convolutional, flattening, fully_connected = split(before)
    if flags.filters is not None:
        blocks = [[convolution(n), AttrDict(halve)] for n in flags.filters]
        convolutional = [layer for block in blocks for layer in block]
    for layer in convolutional:
        if layer["name"] == "conv2d" and flags.kernel is not None:
            layer["kernel_shape"] = flags.kernel
        if layer["name"] == "pool2d" and flags.pool is not None:
            layer["mode"] = flags.pool
    dense = resize(fully_connected, flags.hidden, hidden)
    layers = [*convolutional, flattening, *dense, last]
    config.model_args["layer_args"] = restyle(layers, flags)


def split(layers: Sequence[Mapping[str, Any]]) -> tuple[list[Any], Any, list[Any]]:
    """The layers before the one that flattens the images, that one, and those after it."""
    names = [layer.get("name") for layer in layers]
    if "flatten" not in names:
        raise ValueError("the network has no layer 'flatten' between images and output")
    middle = names.index("flatten")
    return list(layers[:middle]), layers[middle], list(layers[middle + 1 :])


if __name__ == "__main__":
    sys.exit(main())
