"""A recurrent layer and its gradients, by shape, compared with PyTorch."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.rows.numbers import draw, fingerprints
from benchmarks.rows.row import Goal, Goals, Row, Step


@dataclass(frozen=True)
class Shape:
    """Sequences (m, d, t), of which the last states (m, n) are computed."""

    m: int
    d: int
    t: int
    n: int

    def __str__(self) -> str:
        return f"Elman layer ({self.m}, {self.d}, {self.t}) → {self.n}"

    def draw(self, seed: int) -> tuple[np.ndarray, ...]:
        """X, W, U, b, and a random dL/dY."""
        return (
            draw(seed, 1, shape=(self.m, self.d, self.t)),
            draw(seed, 2, shape=(self.d, self.n), scale=self.d**-0.5),
            draw(seed, 3, shape=(self.n, self.n), scale=self.n**-0.5),
            draw(seed, 4, shape=(1, self.n)),
            draw(seed, 5, shape=(self.m, self.n)),
        )


def ours(seed: int, shape: Shape) -> Step:
    """The layer; alone, it also computes dL/dX."""
    from neural_networks.layers import Elman

    X, W, U, b, dLdY = shape.draw(seed)
    layer = Elman(shape.n, dtype="float32")
    layer.forward(X[:1])  # creates the parameters
    layer.parameters.update(W=W, U=U, b=b)

    def step() -> tuple[Any, ...]:
        Y = layer.forward_faster(X)
        dLdX = layer.backward_faster(dLdY).transpose(2, 0, 1)  # a view, (t, m, d)
        return Y, dLdX, *layer.gradients.values()

    return step


ORDERS = {"steps first": (2, 0, 1), "batch first": (0, 2, 1)}
"""Orders of a sequence's axes in PyTorch, by the variant's name."""


def in_torch(seed: int, shape: Shape, order: str) -> Step:
    """The layer in PyTorch, eager, with autograd."""
    import torch

    sequence, W, U, b, upstream = shape.draw(seed)
    axes = ORDERS[order]
    X = torch.from_numpy(np.ascontiguousarray(sequence.transpose(axes))).requires_grad_()
    dLdY = torch.from_numpy(upstream)[np.newaxis]
    rnn = torch.nn.RNN(shape.d, shape.n, batch_first=order == "batch first")
    with torch.no_grad():
        # PyTorch has two biases and adds them up: one is b, the other 0.
        values = (W.T, U.T, b[0], 0 * b[0])
        for parameter, value in zip(rnn.parameters(), values, strict=True):
            parameter.copy_(torch.from_numpy(value))
    wanted = (X, *rnn.parameters())
    steps_first = tuple(int(i) for i in np.argsort(axes)[[2, 0, 1]])

    def step() -> tuple[Any, ...]:
        Y = rnn(X)[1]
        dLdX, dLdW, dLdU, dLdb, _ = torch.autograd.grad(Y, wanted, dLdY)
        return (
            Y.detach()[0],
            # Views, which cost 1 µs each.
            dLdX.permute(steps_first),
            dLdW.T,
            dLdU.T,
            dLdb.reshape(1, -1),
        )

    return step


def row(shape: Shape, goals: Goals) -> Row:
    """The row of a shape."""
    return Row(
        label=f"Elman layer, {shape.t} steps",
        title=f"{shape}, forward and all gradients, float32",
        ours=partial(ours, shape=shape),
        theirs={order: partial(in_torch, shape=shape, order=order) for order in ORDERS},
        rival="PyTorch",
        package="torch",
        goals=goals,
        numbers=fingerprints,
        check_steps=2,
    )


ELMAN = {
    "elman-20": row(Shape(m=32, d=28, t=20, n=64), Goals(Goal(0.34, 0.22), avx2=Goal(0.40, 0.28))),
    "elman-50": row(Shape(m=64, d=64, t=50, n=128), Goals(Goal(0.46, 0.42), avx2=Goal(0.60, 0.55))),
    "elman-100": row(
        Shape(m=64, d=128, t=100, n=256), Goals(Goal(0.50, 0.45), avx2=Goal(0.75, 0.65))
    ),
}
