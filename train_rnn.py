"""Train a recurrent network to predict the next value of a sine wave.

Edit the configuration below, or override its values with flags: ``--help`` lists them.
"""

import argparse
import sys
from collections.abc import Sequence

from neural_networks.cli.network_flags import add_network_flags, resize, restyle
from neural_networks.cli.run import make_parser, run_script
from neural_networks.layers import takes
from neural_networks.utils.data_structures import AttrDict

# ---------------------------------------------------------------------------- configuration

recurrent = AttrDict(
    name="elman",
    activation="tanh",
    weight_init="xavier_uniform",
    n_out=32,
)
output = AttrDict(
    name="fully_connected",
    activation="linear",
    weight_init="xavier_uniform",
    n_out=None,  # the dataset says how many values there are to predict
)
optimizer_args = AttrDict(
    name="SGD",
    lr=0.01,
    lr_scheduler="exponential",
    lr_decay=0.99,
    stage_length=1,
    staircase=True,
    momentum=0.9,
    clip_norm=1.0,  # a gradient through 50 steps may be very large
)
CONFIGURATION = AttrDict(
    model_name="sinewave",
    model_args=AttrDict(
        loss="l2",
        layer_args=[recurrent, output],
        optimizer_args=optimizer_args,
        l2=0.0,
        l1=0.0,
    ),
    data_args=AttrDict(
        name="sinewave", batch_size=50, window=50, step=0.2, noise=0.0, every_step=False
    ),
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
  python train_rnn.py
  python train_rnn.py --hidden 16 16 --name stacked
  python train_rnn.py --noise 0.1 --window 25 --epochs 10
  python train_rnn.py --every-step --name every-step
  python train_rnn.py --config experiments/sinewave/config.json --seed 1

The picture forecast.png in the run's folder shows how the network goes on with a wave when it is
given its own predictions in place of true values.

Each run leaves a folder of results under experiments/; "python -m neural_networks.cli.compare"
lists the runs there, the best one first.
"""
NEXT_STEPS = ("--hidden 16 16 --name stacked", "--noise 0.1 --epochs 10 --name noisy")


def main(argv: Sequence[str] | None = None) -> int:
    """Train and test a network; the exit status."""
    parser = make_parser(__file__, __doc__.split("\n")[0], EXAMPLES)
    add_network_flags(parser)
    waves = parser.add_argument_group("waves")
    waves.add_argument("--window", type=int, help="steps that the network sees")
    waves.add_argument("--step", type=float, help="radians from one step to the next")
    waves.add_argument("--noise", type=float, help="standard deviation of noise on every value")
    waves.add_argument(
        "--every-step",
        action=argparse.BooleanOptionalAction,
        help="predict the next value at every step, not only at the last one",
    )
    return run_script(__file__, parser, CONFIGURATION, argv, adapt, NEXT_STEPS)


def adapt(config: AttrDict, flags: argparse.Namespace) -> None:
    """Apply the flags that describe the waves and the network to a configuration."""
    data_args = config.data_args
    for flag in ("window", "step", "noise", "every_step"):
        if getattr(flags, flag) is not None:
            data_args[flag] = getattr(flags, flag)
    *hidden, last = config.model_args["layer_args"]
    layers = restyle([*resize(hidden, flags.hidden, recurrent), last], flags)
    recurring = [layer for layer in layers if takes(layer, "return_sequences")]
    if not recurring:
        raise ValueError("the network has no recurrent layer: --hidden takes a size for each")
    for layer in recurring:
        layer["return_sequences"] = True  # for the layer above
    recurring[-1]["return_sequences"] = data_args.get("every_step", False)
    config.model_args["layer_args"] = layers


if __name__ == "__main__":
    sys.exit(main())
