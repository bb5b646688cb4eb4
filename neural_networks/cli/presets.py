"""Presets: configurations for real data, by name; ``docs/data.md`` explains them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neural_networks.architectures import (
    dropped,
    fully_connected_net,
    normalized,
    three_layer_conv_net,
    two_layer_net,
)
from neural_networks.utils.data_structures import AttrDict


def configuration(
    name: str,
    layers: list[dict[str, Any]],
    data_args: Mapping[str, Any],
    optimizer_args: Mapping[str, Any],
    epochs: int,
    *,
    loss: str = "cross_entropy",
    l2: float = 0.0,
) -> AttrDict:
    """A configuration as in the scripts; loss and penalty can be given by keyword."""
    return AttrDict(
        model_name=name,
        model_args=AttrDict(
            loss=loss,
            l2=l2,
            l1=0.0,
            layer_args=[AttrDict(layer) for layer in layers],
            optimizer_args=AttrDict(optimizer_args),
        ),
        data_args=AttrDict(data_args),
        epochs=epochs,
        seed=0,
        dtype="float32",
    )


def one_cycle(lr: float, weight_decay: float = 0.0) -> dict[str, Any]:
    """AdamW; its rate rises to ``lr`` in the first third of the run, then falls to almost 0."""
    return {
        "name": "AdamW",
        "lr": lr,
        "lr_scheduler": "one_cycle",
        "weight_decay": weight_decay,
    }


def convolution(n_out: int) -> list[dict[str, Any]]:
    """A convolution with n_out kernels of 3×3, normalized before its activation."""
    layer = {"name": "conv2d", "n_out": n_out, "kernel_shape": 3, "pad": "same"}
    return normalized({**layer, "activation": "relu", "weight_init": "he_normal"}, "batch")


POOL = {"name": "pool2d", "kernel_shape": 2, "stride": 2, "mode": "max"}
FLATTEN = {"name": "flatten"}
OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}

FULLY_CONNECTED = {
    "fashion_mnist": configuration(
        "fashion_mnist",
        fully_connected_net([256, 128], dropout=0.2, normalization="batch"),
        {"name": "fashion_mnist", "batch_size": 128, "validate_on_test": True},
        one_cycle(0.003, 0.01),
        10,
    ),
    "higgs": configuration(
        "higgs",
        fully_connected_net(
            [300, 300, 300],
            dropout=0.3,
            normalization="batch",
            weight_scale=None,
            output="sigmoid",
        ),
        {"name": "higgs", "batch_size": 256, "binary_labels": True},
        one_cycle(0.003, 0.1),
        25,
        loss="binary_cross_entropy",
    ),
    "letters": configuration(
        "letters",
        two_layer_net(400, weight_scale=None),
        {"name": "letters", "batch_size": 50, "size": "large"},
        one_cycle(0.003),
        20,
    ),
    "letters_deep": configuration(
        "letters_deep",
        fully_connected_net([400, 400], dropout=0.2, normalization="batch", weight_scale=None),
        {"name": "letters", "batch_size": 50, "size": "large", "shift": 1},
        one_cycle(0.003, 0.01),
        60,
    ),
    "cifar10_two_layers": configuration(
        "cifar10_two_layers",
        two_layer_net(200, weight_scale=1e-3),
        {"name": "cifar10", "batch_size": 128},
        one_cycle(0.001, 0.1),
        15,
    ),
    "cifar10_deep": configuration(
        "cifar10_deep",
        fully_connected_net([500, 300, 200], dropout=0.2, normalization="batch"),
        {"name": "cifar10", "batch_size": 128, "flip": True},
        one_cycle(0.002, 0.01),
        20,
    ),
}
"""Presets of ``train_ffnn.py``."""

CONVOLUTIONAL = {
    "cifar10": configuration(
        "cifar10",
        [
            *(*convolution(32), *convolution(32), POOL),
            *(*convolution(64), *convolution(64), POOL),
            *(*convolution(192), *convolution(192), POOL),
            *(FLATTEN, *dropped(0.2), OUTPUT),
        ],
        {"name": "cifar10", "batch_size": 64, "images": True, "flip": True, "shift": 2},
        one_cycle(0.005, 0.05),
        10,
    ),
    "cifar10_small": configuration(
        "cifar10_small",
        [
            *(*convolution(32), POOL, *convolution(64), POOL),
            *(*convolution(128), POOL, FLATTEN, *dropped(0.3), OUTPUT),
        ],
        {"name": "cifar10", "batch_size": 64, "images": True, "flip": True},
        one_cycle(0.01, 0.02),
        8,
    ),
    "cifar10_three_layers": configuration(
        "cifar10_three_layers",
        three_layer_conv_net(32, 7, 500, weight_scale=1e-3),
        {"name": "cifar10", "batch_size": 50, "images": True},
        {"name": "Adam", "lr": 1e-3},
        1,
        l2=1e-3,
    ),
    "fashion_mnist_cnn": configuration(
        "fashion_mnist_cnn",
        [
            *(*convolution(16), POOL, *convolution(32), POOL, FLATTEN),
            *(*dropped(0.3), OUTPUT),
        ],
        {"name": "fashion_mnist", "batch_size": 64, "images": True, "validate_on_test": True},
        one_cycle(0.005, 0.01),
        5,
    ),
}
"""Presets of ``train_cnn.py``."""

PRESETS = {"train_ffnn.py": FULLY_CONNECTED, "train_cnn.py": CONVOLUTIONAL}


def script_presets(script: str) -> dict[str, AttrDict]:
    """The presets of a script, by name; empty if it has none."""
    return PRESETS.get(Path(script).name, {})
