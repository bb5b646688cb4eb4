"""Convolutional networks: one step of stochastic gradient descent on small color images."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np

from benchmarks.rows import textbook
from benchmarks.rows.images import (
    LAYOUTS,
    N_CLASSES,
    draw_examples,
    draw_kernels,
    images_to_torch,
    kernels_to_torch,
)
from benchmarks.rows.numbers import draw
from benchmarks.rows.row import Goal, Goals, Row, Step
from benchmarks.rows.step import IN_TORCH, our_step, torch_step

BATCH_SIZE = 64
SIZE = 32
LEARNING_RATE = 0.002

Parameters = list[tuple[np.ndarray, np.ndarray]]
"""W and b of each layer that has parameters."""


@dataclass(frozen=True)
class Network:
    """Blocks of 3×3 convolutions, each followed by a 2×2 max pool; then two dense layers.

    Attributes
    ----------
    blocks : tuple of tuple of int
        The channels of each convolution.
    n_hidden : int
        The units of the first dense layer.
    """

    blocks: tuple[tuple[int, ...], ...]
    n_hidden: int

    def draw_parameters(self, seed: int) -> Parameters:
        """W (3, 3, C, n_out) or (n_in, n_out), and b (1, n_out), first layer to last."""
        channels = [3, *(n for block in self.blocks for n in block)]
        n_features = (SIZE >> len(self.blocks)) ** 2 * channels[-1]
        kernels = [
            draw_kernels(seed, 3, i, shape=(3, 3, *sizes))
            for i, sizes in enumerate(pairwise(channels))
        ]
        dense = [
            draw(seed, 4, n_in, shape=(n_in, n_out), scale=n_in**-0.5)
            for n_in, n_out in pairwise((n_features, self.n_hidden, N_CLASSES))
        ]
        return [(W, np.zeros((1, W.shape[-1]), W.dtype)) for W in (*kernels, *dense)]


def layer_args(network: Network) -> list[dict[str, Any]]:
    """The network as ``initialize_model`` takes it."""
    layers: list[dict[str, Any]] = []
    for block in network.blocks:
        layers += [
            {"name": "conv2d", "activation": "relu", "n_out": n, "kernel_shape": 3} for n in block
        ]
        layers.append({"name": "pool2d", "mode": "max", "kernel_shape": 2, "stride": 2})
    return [
        *layers,
        {"name": "flatten"},
        {"name": "fully_connected", "activation": "relu", "n_out": network.n_hidden},
        {"name": "fully_connected", "activation": "softmax", "n_out": N_CLASSES},
    ]


def ours(seed: int, network: Network) -> Step:
    """The step in this library."""
    from neural_networks.models import initialize_model

    X, classes = draw_examples(seed, (BATCH_SIZE, SIZE, SIZE, 3))
    Y = np.eye(N_CLASSES, dtype="float32")[classes]
    model = initialize_model(
        "cnn",
        "cross_entropy",
        layer_args(network),
        {"name": "SGD", "lr": LEARNING_RATE},
        dtype="float32",
    )
    return our_step(model, X, Y, network.draw_parameters(seed))


def in_torch(seed: int, network: Network, layout: str, sgd: str) -> Step:
    """The step in PyTorch, eager, with one of its layouts and implementations of SGD."""
    import torch

    images, labels = draw_examples(seed, (BATCH_SIZE, SIZE, SIZE, 3))
    X, classes = images_to_torch(images, layout), torch.from_numpy(labels)
    return torch_step(torch_model(network, seed, layout), [(X, classes)], LEARNING_RATE, sgd)


def torch_model(network: Network, seed: int, layout: str) -> Any:
    """The network in PyTorch."""
    import torch
    from torch import nn

    n_in, layers = 3, []
    for block in network.blocks:
        for n_out in block:
            layers += [nn.Conv2d(n_in, n_out, 3, padding="same"), nn.ReLU()]
            n_in = n_out
        layers.append(nn.MaxPool2d(2))
    *convolutions, (W_hidden, b_hidden), (W_last, b_last) = network.draw_parameters(seed)
    layers += [nn.Flatten(), nn.Linear(*W_hidden.shape), nn.ReLU(), nn.Linear(*W_last.shape)]
    model = nn.Sequential(*layers)

    parameters = [(kernels_to_torch(W, layout), b) for W, b in convolutions]
    parameters.append((torch.from_numpy(by_channel(W_hidden, n_in).T), b_hidden))
    parameters.append((torch.from_numpy(W_last.T), b_last))
    learning = [layer for layer in layers if list(layer.parameters())]
    with torch.no_grad():
        for layer, (W, b) in zip(learning, parameters, strict=True):
            layer.weight.copy_(W)
            layer.bias.copy_(torch.from_numpy(b[0]))
    return model.to(memory_format=getattr(torch, LAYOUTS[layout]))


def by_channel(W: np.ndarray, n_channels: int) -> np.ndarray:
    """W of the layer after flattening, for features in PyTorch's order.

    Flattening orders features as (H, W, C) here but (C, H, W) there; the rows of W follow.
    """
    return W.reshape(-1, n_channels, W.shape[1]).swapaxes(0, 1).reshape(W.shape)


def in_numpy(seed: int, network: Network) -> Step:
    """The textbook version of the step, in float64; it also computes dL/dX of the images."""
    images, classes = draw_examples(seed, (BATCH_SIZE, SIZE, SIZE, 3))
    X = images.astype("float64")
    layers = textbook_layers(network, seed)

    def step() -> float:
        out = X
        for layer in layers:
            out = layer.forward(out)
        loss, gradient = textbook.cross_entropy(out, classes)
        for layer in reversed(layers):
            gradient = layer.backward(gradient)
        for layer in layers:
            if isinstance(layer, textbook.Dense):
                layer.update(LEARNING_RATE)
        return loss

    return step


def textbook_layers(network: Network, seed: int) -> list[Any]:
    """The network in float64."""
    drawn = network.draw_parameters(seed)
    parameters = iter([(W.astype("float64"), b.astype("float64")) for W, b in drawn])
    layers: list[Any] = []
    for block in network.blocks:
        for _ in block:
            layers += [textbook.Convolution(*next(parameters)), textbook.ReLU()]
        layers.append(textbook.MaxPool())
    layers += [textbook.Flatten(), textbook.Dense(*next(parameters)), textbook.ReLU()]
    return [*layers, textbook.Dense(*next(parameters))]


def row(label: str, network: Network, **rival: Any) -> Row:
    """The row of a network; ``rival`` has the other side's entries of ``Row`` and the goals."""
    blocks = "-".join(f"{len(block)}×conv{block[0]}-pool" for block in network.blocks)
    return Row(
        label=label,
        title=f"{blocks}-fc{network.n_hidden}-fc{N_CLASSES}, batch {BATCH_SIZE}, SGD step, float32",
        ours=partial(ours, network=network),
        check_steps=6,
        tolerance=1e-3,
        **rival,
    )


def beside_torch(label: str, network: Network, goals: Goals) -> Row:
    """The row of a network, compared with PyTorch."""
    theirs = {
        f"{layout}, {sgd}": partial(in_torch, network=network, layout=layout, sgd=sgd)
        for layout, sgd in product(LAYOUTS, IN_TORCH)
    }
    return row(label, network, theirs=theirs, rival="PyTorch", package="torch", goals=goals)


SMALL = Network(blocks=((32,), (64,)), n_hidden=128)
CIFAR = Network(blocks=((32, 32), (64, 64)), n_hidden=512)

NETWORKS = {
    "cnn": beside_torch("small CNN", SMALL, Goals(Goal(1.00, 0.70), avx2=Goal(1.35, 0.85))),
    "cifar": beside_torch("CIFAR CNN", CIFAR, Goals(Goal(1.00, 0.72), avx2=Goal(1.50, 0.95))),
    "cifar-float64": row(
        "CIFAR CNN, rival in float64",
        CIFAR,
        theirs={"im2col of the whole batch, float64": partial(in_numpy, network=CIFAR)},
        rival="textbook NumPy",
        package="numpy",
        goals=Goals(Goal(0.19, 0.15), avx2=Goal(0.25, 0.19)),
    ),
}
