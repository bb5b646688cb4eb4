"""Sweeps: networks of which one size varies, and what the theory says of their time and memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.models import NeuralNetwork, initialize_model

N_CLASSES = 10
BATCH_SIZE = 64
ROW_FEATURES, ROW_BATCH = 28, 256
"""Features of the sweep over rows, as in Higgs, and its batch size."""

Layers = list[dict[str, Any]]
Shape = tuple[int, ...]

OUTPUT = {"name": "fully_connected", "activation": "softmax", "n_out": N_CLASSES}
FLATTEN = {"name": "flatten"}
POOL = {"name": "pool2d", "mode": "max", "kernel_shape": 2, "stride": 2}


@dataclass(frozen=True)
class Sweep:
    """A network of which one size varies.

    Attributes
    ----------
    size : str
        The size that varies, in words.
    network : str
        The rest, in words.
    values : tuple of int
        The sizes.
    build : function
        From a size to the layers and the shape of a batch, (m, ...).
    time, memory : str
        Exponents by theory, in words.
    exponents : (float, float)
        The least and the greatest of the time, once the arithmetic dominates.
    by_epoch : bool
        If True, the size is the rows of a dataset, and epochs are measured rather than steps.
    """

    size: str
    network: str
    values: tuple[int, ...]
    build: Callable[[int], tuple[Layers, Shape]]
    time: str
    memory: str
    exponents: tuple[float, float]
    by_epoch: bool = False


def dense(n: int) -> dict[str, Any]:
    """A fully-connected ReLU layer; He's initial weights keep the spread of the signal."""
    return {
        "name": "fully_connected",
        "activation": "relu",
        "n_out": n,
        "weight_init": "he_normal",
    }


def convolution(n: int) -> dict[str, Any]:
    """A 3×3 convolution with ReLU that keeps the size of images."""
    return dense(n) | {"name": "conv2d", "kernel_shape": 3}


def powers(first: int, last: int) -> tuple[int, ...]:
    """Powers of two, each twice the one before."""
    return tuple(2**i for i in range(first, last + 1))


def with_steps_between(first: int, last: int) -> tuple[int, ...]:
    """Powers of two, and the numbers halfway to the next ones."""
    between = (3 * n // 2 for n in powers(first, last - 1))
    return tuple(sorted({*powers(first, last), *between}))


def of_rows(n: int) -> tuple[Layers, Shape]:
    """28-64-64-10 on n rows."""
    return [dense(64), dense(64), OUTPUT], (n, ROW_FEATURES)


def of_batch(m: int) -> tuple[Layers, Shape]:
    """784-256-128-10, as for Fashion-MNIST."""
    return [dense(256), dense(128), OUTPUT], (m, 784)


def of_image_batch(m: int) -> tuple[Layers, Shape]:
    """Two convolutions on images of CIFAR's size."""
    layers = [convolution(32), POOL, convolution(64), POOL, FLATTEN, dense(128), OUTPUT]
    return layers, (m, 32, 32, 3)


def of_width(n: int) -> tuple[Layers, Shape]:
    """n-n-n-10: two matrices (n, n)."""
    return [dense(n), dense(n), OUTPUT], (BATCH_SIZE, n)


def of_depth(n: int) -> tuple[Layers, Shape]:
    """n layers of 64 units."""
    return [*(dense(64) for _ in range(n)), OUTPUT], (BATCH_SIZE, 64)


def of_side(n: int) -> tuple[Layers, Shape]:
    """Two convolutions with 16 channels on images of n×n pixels."""
    return [convolution(16), convolution(16), POOL, FLATTEN, OUTPUT], (8, n, n, 3)


def of_channels(n: int) -> tuple[Layers, Shape]:
    """Two convolutions from n to n channels."""
    return [convolution(n), convolution(n), POOL, FLATTEN, OUTPUT], (16, 16, 16, n)


def of_steps(n: int) -> tuple[Layers, Shape]:
    """An Elman layer on n steps."""
    return [{"name": "elman", "n_out": 64}, OUTPUT], (32, 28, n)


SWEEPS = {
    "rows": Sweep(
        "rows of the dataset",
        f"epoch of {ROW_FEATURES}-64-64-10, batch {ROW_BATCH}",
        tuple(1000 * n for n in powers(0, 8)),
        of_rows,
        time="1, the steps of an epoch",
        memory="that of the data, and nothing beyond",
        exponents=(1, 1),
        by_epoch=True,
    ),
    "batch": Sweep(
        "batch size",
        "784-256-128-10",
        powers(0, 13),
        of_batch,
        time="0 while overhead and update dominate, then 1",
        memory="0 while parameters dominate, then 1",
        exponents=(1, 1),
    ),
    "images": Sweep(
        "batch size, images",
        "conv32-pool-conv64-pool-128-10 on 32×32×3",
        powers(0, 8),
        of_image_batch,
        time="1",
        memory="1 above parameters and workspaces",
        exponents=(1, 1),
    ),
    "width": Sweep(
        "width n",
        f"n-n-n-10, batch {BATCH_SIZE}",
        powers(3, 11),
        of_width,
        time="2, as matrices are n×n",
        memory="2 above that of the activations",
        exponents=(2, 2),
    ),
    "depth": Sweep(
        "depth, hidden layers",
        f"64 units each, batch {BATCH_SIZE}",
        powers(0, 8),
        of_depth,
        time="1",
        memory="1",
        exponents=(1, 1),
    ),
    "side": Sweep(
        "side of an image, pixels",
        "conv16-conv16-pool-10, batch 8",
        with_steps_between(3, 8),
        of_side,
        time="2, for n² pixels",
        memory="2",
        exponents=(2, 2),
    ),
    "channels": Sweep(
        "channels n",
        "conv(n)-conv(n)-pool-10 on 16×16×n, batch 16",
        with_steps_between(0, 8),
        of_channels,
        time="2 in the products, 1 in copies and transforms",
        memory="1 in images, 2 in kernels",
        exponents=(1, 2),
    ),
    "steps": Sweep(
        "steps of a sequence",
        "Elman 28-64, then 10, batch 32",
        powers(2, 10),
        of_steps,
        time="1",
        memory="1",
        exponents=(1, 1),
    ),
}


def build_model(layers: Layers, seed: int, n_threads: int | None = None) -> NeuralNetwork:
    """The network in float32, with Adam."""
    return initialize_model(
        "sweep",
        "cross_entropy",
        layers,
        {"name": "Adam", "lr": 1e-4},
        seed=seed,
        dtype="float32",
        n_threads=n_threads,
    )


def draw_batch(shape: Shape, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random examples (m, ...), and one-hot labels (m, 10): times do not depend on the data."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal(shape, dtype="float32")
    return X, np.eye(N_CLASSES, dtype="float32")[rng.integers(N_CLASSES, size=shape[0])]


def draw_dataset(shape: Shape, seed: int) -> Dataset:
    """A dataset of random rows, without a validation set."""
    return Dataset(*draw_batch(shape, seed), ROW_BATCH, seed=seed)
