"""Train a fully-connected network, on Iris by default.

Edit the configuration below, or override its values with flags: ``--help`` lists them.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence

from neural_networks.cli.configuration import apply_flags
from neural_networks.cli.console import describe, results
from neural_networks.cli.flags import add_architecture_flags, add_network_flags, make_parser
from neural_networks.cli.network_flags import shape_dense
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
    n_out=None,  # the number of classes, set by the dataset
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
    # patience=10, monitor="validation_error", restore_best=True,  # early stopping, see --help
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

Presets are for real data: "python -m neural_networks datasets list" shows where it comes from.

Each run leaves a folder of results under experiments/; "python -m neural_networks compare" lists
the runs there by validation loss.
"""
NEXT_STEPS = ("--lr 0.1 --hidden 20 --name wider", "--activation tanh --name smoother")


# ---------------------------------------------------------------------------- the run


def configure(argv: Sequence[str]) -> tuple[AttrDict, Namespace]:
    """Parse the flags, and apply them to the configuration; returns both."""
    parser = make_parser(__file__, __doc__, EXAMPLES, CONFIGURATION)
    add_architecture_flags(add_network_flags(parser))
    flags = parser.parse_args(argv)
    config = apply_flags(CONFIGURATION, flags)
    shape_dense(config, flags, hidden)
    return config, flags


@command("train_ffnn.py")
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
