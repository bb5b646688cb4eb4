"""Train a recurrent network to predict the next value of a sine wave.

Edit the configuration below, or override its values with flags: ``--help`` lists them.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence

from neural_networks.cli.configuration import apply_flags
from neural_networks.cli.console import describe, results
from neural_networks.cli.flags import add_network_flags, add_wave_flags, make_parser
from neural_networks.cli.network_flags import shape_recurrent
from neural_networks.cli.next_steps import ENDED_EARLY, next_steps
from neural_networks.cli.parser import command
from neural_networks.cli.profile import profiled
from neural_networks.cli.run import (
    dataset_args,
    kaggle_data,
    logger_args,
    model_args,
    split_to_test,
    start,
    train_args,
)
from neural_networks.datasets import initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import initialize_model
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
    n_out=None,  # the number of predicted values, set by the dataset
)
optimizer_args = AttrDict(
    name="SGD",
    lr=0.01,
    lr_scheduler="exponential",
    lr_decay=0.99,
    stage_length=1,
    staircase=True,
    momentum=0.9,
    clip_norm=1.0,  # gradients through 50 steps can explode
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
    # patience=10, monitor="validation_error", restore_best=True,  # early stopping, see --help
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

The picture forecast.png in the run's folder shows a free-running forecast: the network continues a
wave from its own predictions.

Each run leaves a folder of results under experiments/; "python -m neural_networks compare" lists
the runs there by validation loss.
"""
NEXT_STEPS = ("--hidden 16 16 --name stacked", "--noise 0.1 --epochs 10 --name noisy")


# ---------------------------------------------------------------------------- the run


def configure(argv: Sequence[str]) -> tuple[AttrDict, Namespace]:
    """Parse the flags, and apply them to the configuration; returns both."""
    parser = make_parser(__file__, __doc__, EXAMPLES, CONFIGURATION)
    add_network_flags(parser)
    add_wave_flags(parser)
    flags = parser.parse_args(argv)
    config = apply_flags(CONFIGURATION, flags)
    shape_recurrent(config, flags, recurrent)
    return config, flags


@command("train_rnn.py")
def main(argv: Sequence[str]) -> None:
    """Train and test a network."""
    config, flags = configure(argv)
    dataset = initialize_dataset(**dataset_args(config))
    logger = Logger(**logger_args(config, flags, argv), save=True)
    model = initialize_model(config.model_name, **model_args(config), logger=logger)
    model.prepare(dataset)
    to_predict = kaggle_data(model, dataset, flags)  # None: no Kaggle file
    print(describe(model, dataset, config))
    start(logger, model, dataset, flags)  # makes the run's folder
    try:
        with profiled(model, dataset, logger, flags):  # for --profile
            model.train(dataset, **train_args(config))
        split = split_to_test(dataset)
        scores = model.test(dataset, save_predictions=True, split=split) if split else None
        if to_predict is not None:
            model.test_kaggle(to_predict, flags.kaggle_file)
    except ENDED_EARLY as end:
        end.add_note(next_steps(flags, config, model, NEXT_STEPS, end))
        raise
    finally:
        logger.draw()  # last, and however the training ended
    print(results(model, dataset, config, scores, flags.kaggle_file))
    print(next_steps(flags, config, model, NEXT_STEPS))


if __name__ == "__main__":
    sys.exit(main())
