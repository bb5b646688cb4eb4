"""A convolution and its gradients, by shape, compared with PyTorch and textbook NumPy."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.rows.images import (
    LAYOUTS,
    draw_kernels,
    images_from_torch,
    images_to_torch,
    kernels_from_torch,
    kernels_to_torch,
)
from benchmarks.rows.numbers import draw, fingerprints
from benchmarks.rows.row import Goal, Goals, Row, Step
from benchmarks.rows.textbook import indexed_convolution


@dataclass(frozen=True)
class Shape:
    """Images (m, size, size, n_in) that become (m, size, size, n_out) by k×k kernels."""

    m: int
    size: int
    n_in: int
    n_out: int
    k: int

    def __str__(self) -> str:
        images = f"({self.m}, {self.size}, {self.size}, {self.n_in})"
        return f"convolution {images} → {self.n_out}, {self.k}×{self.k}"

    def draw(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """X, W, b, and a random dL/dZ."""
        images = (self.m, self.size, self.size)
        return (
            draw(seed, 1, shape=(*images, self.n_in)),
            draw_kernels(seed, 2, shape=(self.k, self.k, self.n_in, self.n_out)),
            draw(seed, 3, shape=(1, self.n_out)),
            draw(seed, 4, shape=(*images, self.n_out)),
        )


def ours(seed: int, shape: Shape) -> Step:
    """The layer, as networks call it; alone, it also computes dL/dX."""
    from neural_networks.layers import Conv2D
    from neural_networks.utils.threads import network_threads

    X, W, b, dLdZ = shape.draw(seed)
    layer = Conv2D(shape.n_out, shape.k, "linear", dtype="float32")
    layer.forward_faster(X[:1])  # creates the parameters
    layer.parameters["W"], layer.parameters["b"] = W, b

    def steps() -> Iterator[tuple[np.ndarray, ...]]:
        with network_threads(0, splits_batch=True):  # as in training
            while True:
                Z = layer.forward_faster(X)
                dLdX = layer.backward_faster(dLdZ)
                yield Z, dLdX, layer.gradients["W"], layer.gradients["b"]

    return steps().__next__


def in_torch(seed: int, shape: Shape, layout: str) -> Step:
    """The function in PyTorch, eager, with autograd."""
    import torch
    from torch.nn.functional import conv2d

    images, kernels, biases, upstream = shape.draw(seed)
    X = images_to_torch(images, layout).requires_grad_()
    W = kernels_to_torch(kernels, layout).requires_grad_()
    b = torch.from_numpy(biases[0]).requires_grad_()
    dLdZ = images_to_torch(upstream, layout)

    def step() -> tuple[Any, ...]:
        Z = conv2d(X, W, b, padding="same")
        dLdX, dLdW, dLdb = torch.autograd.grad(Z, (X, W, b), dLdZ)
        return (
            images_from_torch(Z.detach()),
            images_from_torch(dLdX),
            kernels_from_torch(dLdW),
            dLdb.reshape(1, -1),
        )

    return step


def in_numpy(seed: int, shape: Shape) -> Step:
    """The textbook version."""
    X, W, b, dLdZ = shape.draw(seed)
    return lambda: indexed_convolution(X, W, b, dLdZ)


def row(shape: Shape, **rival: Any) -> Row:
    """The row of a shape; ``rival`` has the other side's entries of ``Row`` and the goals."""
    return Row(
        label=f"convolution {shape.n_in} → {shape.n_out}, {shape.k}×{shape.k}",
        title=f"{shape}, forward and all gradients, float32",
        ours=partial(ours, shape=shape),
        numbers=fingerprints,
        check_steps=2,
        **rival,
    )


def beside_torch(shape: Shape, goals: Goals) -> Row:
    """The row of a shape, compared with PyTorch."""
    theirs = {layout: partial(in_torch, shape=shape, layout=layout) for layout in LAYOUTS}
    return row(shape, theirs=theirs, rival="PyTorch", package="torch", goals=goals)


def beside_numpy(shape: Shape) -> Row:
    """The row of a shape, compared with the textbook version."""
    return row(
        shape,
        theirs={"im2col by indices, np.add.at": partial(in_numpy, shape=shape)},
        rival="textbook NumPy",
        package="numpy",
        goals=Goals(Goal(0.40, 0.20), avx2=Goal(0.40, 0.20)),
    )


RGB = Shape(m=64, size=32, n_in=3, n_out=32, k=3)
RGB_7 = Shape(m=128, size=32, n_in=3, n_out=32, k=7)
SIZE_16 = Shape(m=64, size=16, n_in=32, n_out=64, k=3)
SIZE_32 = Shape(m=64, size=32, n_in=64, n_out=64, k=3)

CONVOLUTIONS = {
    "conv3x3-rgb": beside_torch(RGB, Goals(Goal(1.60, 1.30), avx2=Goal(1.90, 1.50))),
    "conv7x7-rgb": beside_torch(RGB_7, Goals(Goal(1.10, 0.95), avx2=Goal(1.70, 1.50))),
    "conv3x3-16": beside_torch(SIZE_16, Goals(Goal(1.30, 1.05), avx2=Goal(1.70, 1.45))),
    "conv3x3-32": beside_torch(SIZE_32, Goals(Goal(0.75, 0.55), avx2=Goal(1.15, 0.87))),
    "add.at-rgb": beside_numpy(RGB),
    "add.at-16": beside_numpy(SIZE_16),
}
