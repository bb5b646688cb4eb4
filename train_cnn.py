"""Train a convolutional network, by default on 8×8 images of digits.

Edit the configuration below, or override its values with flags: ``--help`` lists them.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence

from neural_networks.cli.configuration import apply_flags
from neural_networks.cli.console import describe, results
from neural_networks.cli.flags import (
    add_architecture_flags,
    add_convolution_flags,
    add_network_flags,
    make_parser,
)
from neural_networks.cli.network_flags import shape_convolutional
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


def convolution(n_out: int) -> AttrDict:
    """A convolution with n_out kernels of 3×3; the images keep their size."""
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
average = AttrDict(name="pool2d", kernel_shape=4, mode="average")  # one value for each channel
flatten = AttrDict(name="flatten")
block = (convolution(32), halve)  # for --filters
hidden = AttrDict(  # for --hidden; the network below has none
    name="fully_connected",
    activation="relu",
    weight_init="he_normal",
    n_out=64,
)
output = AttrDict(
    name="fully_connected",
    activation="softmax",
    weight_init="xavier_uniform",
    n_out=None,  # the number of classes, set by the dataset
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
    # patience=10, monitor="validation_error", restore_best=True,  # early stopping, see --help
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
  python train_cnn.py --epochs 2 --profile
  python train_cnn.py --preset cifar10_small
  python train_cnn.py --preset cifar10 --epochs 20 --name cifar10-longer
  python train_cnn.py --config experiments/digits-cnn/config.json --seed 1

--filters 16 32 makes two blocks of a convolution and a pooling that halves the image. Without it,
the convolutions are those of the configuration at the top of the script.

Presets are for real data: "python -m neural_networks datasets list" shows where it comes from.

Each run leaves a folder of results under experiments/; "python -m neural_networks compare" lists
the runs there by validation loss.
"""
NEXT_STEPS = ("--filters 16 32 --hidden 64 --name small", "--activation tanh --name smoother")


# ---------------------------------------------------------------------------- the run


def configure(argv: Sequence[str]) -> tuple[AttrDict, Namespace]:
    """Parse the flags, and apply them to the configuration; returns both."""
    parser = make_parser(__file__, __doc__, EXAMPLES, CONFIGURATION)
    network = add_network_flags(parser)
    add_architecture_flags(network)
    add_convolution_flags(network)
    flags = parser.parse_args(argv)
    config = apply_flags(CONFIGURATION, flags)
    shape_convolutional(config, flags, block, hidden)
    return config, flags


@command("train_cnn.py")
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
