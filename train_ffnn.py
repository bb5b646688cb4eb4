"""Train a fully-connected network, on Iris unless told otherwise.

Edit the configuration below, or override its values with flags: ``--help`` lists them.
"""

import argparse
import sys
from collections.abc import Sequence

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

hidden = AttrDict(
    name="fully_connected",
    activation="relu",
    weight_init="xavier_uniform",
    n_out=10,
)
output = AttrDict(
    name="fully_connected",
    activation="softmax",
    weight_init="xavier_uniform",
    n_out=None,  # the dataset says how many classes there are
)
optimizer_args = AttrDict(
    name="SGD",
    lr=0.02,
    lr_scheduler="constant",
    lr_decay=0.99,  # for lr_scheduler="exponential", with the next two
    stage_length=1,
    staircase=True,
    momentum=0.9,
    clip_norm=None,
)
CONFIGURATION = AttrDict(
    model_name="iris",
    model_args=AttrDict(
        loss="cross_entropy",
        layer_args=[hidden, output],
        optimizer_args=optimizer_args,
        l2=0.0,
        l1=0.0,
    ),
    data_args=AttrDict(name="iris", batch_size=25),
    epochs=60,
    patience=None,  # epochs without a better one before the training stops early
    monitor=None,  # what tells a better one; the validation loss
    restore_best=None,  # whether to test the best epoch; with patience only
    seed=0,
    dtype="float32",
)

# ---------------------------------------------------------------------------- flags

EXAMPLES = """\
examples:
  python train_ffnn.py
  python train_ffnn.py --lr 0.2 --hidden 20 --name iris-fast
  python train_ffnn.py --dataset digits --hidden 64 32 --epochs 30
  python train_ffnn.py --scheduler exponential --lr-decay 0.9 --stage-length 5 --staircase
  python train_ffnn.py --optimizer Adam --lr 0.01 --scheduler cosine
  python train_ffnn.py --hidden 50 50 --dropout 0.2 --normalization layer --patience 10
  python train_ffnn.py --network two_layer_net --loss hinge --l2 0.01
  python train_ffnn.py --preset higgs
  python train_ffnn.py --preset fashion_mnist --epochs 20 --data-args shift=1
  python train_ffnn.py --dataset csv --data-args path=flowers.csv label=kind
  python train_ffnn.py --config experiments/iris/config.json --seed 1

Presets are for real data: "python -m neural_networks datasets list" says which, and how to get it.

Each run leaves a folder of results under experiments/; "python -m neural_networks.cli.compare"
lists the runs there, the best one first.
"""
NEXT_STEPS = ("--lr 0.1 --hidden 20 --name wider", "--activation tanh --name smoother")


def main(argv: Sequence[str] | None = None) -> int:
    """Train and test a network; the exit status."""
    parser = make_parser(__file__, __doc__.split("\n")[0], EXAMPLES)
    add_architecture_flags(add_network_flags(parser))
    return run_script(__file__, parser, CONFIGURATION, argv, shape_network, NEXT_STEPS)


def shape_network(config: AttrDict, flags: argparse.Namespace) -> None:
    """Apply the flags that describe the network to a configuration."""
    *hidden_layers, last = architecture(config, flags)
    layers = [*resize(hidden_layers, flags.hidden, hidden), last]
    config.model_args["layer_args"] = restyle(layers, flags)


if __name__ == "__main__":
    sys.exit(main())
