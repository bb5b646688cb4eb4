"""One training step, in this library and in PyTorch."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from benchmarks.rows.row import Step

IN_TORCH = {
    "plain": {"foreach": False, "fused": False},
    "foreach": {"foreach": True, "fused": False},
    "fused": {"foreach": False, "fused": True},
}
"""PyTorch's implementations of an optimizer, by the variant's name."""


def our_step(
    model: Any, X: np.ndarray, Y: np.ndarray, parameters: Iterable[tuple[np.ndarray, np.ndarray]]
) -> Step:
    """The step in this library, for a model with these initial W and b."""
    model.create_parameters(X.shape[1:])
    learning = [layer for layer in model.layers if layer.parameters]
    for layer, (W, b) in zip(learning, parameters, strict=True):
        layer.parameters["W"], layer.parameters["b"] = W, b

    def steps() -> Iterator[float]:
        with model.threads(X.shape):  # once for all steps, as in training
            while True:
                out = model.forward(X)
                loss = model.backward(Y, out)
                model.update(0)
                yield loss

    return steps().__next__


def torch_step(
    model: Any,
    batches: Sequence[tuple[Any, Any]],
    lr: float,
    variant: str,
    optimizer_name: str = "SGD",
) -> Step:
    """The step in PyTorch, eager, with one of its implementations of an optimizer.

    It uses the batches, each of examples and their classes, in turn.
    """
    import torch
    from torch.nn.functional import cross_entropy

    make = getattr(torch.optim, optimizer_name)
    optimizer = make(model.parameters(), lr=lr, **IN_TORCH[variant])
    in_turn = cycle(batches)

    def step() -> float:
        X, classes = next(in_turn)
        optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(model(X), classes)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
