"""Iris: one step of stochastic gradient descent for a network with 4, 10 and 3 units."""

from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks.rows.row import Row, Step
from benchmarks.rows.sgd import IN_TORCH, our_step, torch_step

UNITS = (4, 10, 3)
BATCH_SIZE = 25
LEARNING_RATE = 0.05
LAYERS = (
    {"name": "fully_connected", "activation": "relu", "n_out": UNITS[1]},
    {"name": "fully_connected", "activation": "softmax", "n_out": UNITS[2]},
)


def draw_batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Examples (m, 4) that look like standardized flowers, and their classes (m,).

    Drawn rather than loaded: nothing is timed that depends on where the flowers come from.
    """
    rng = np.random.default_rng(seed)
    classes = rng.integers(UNITS[-1], size=BATCH_SIZE)
    centres = rng.standard_normal((UNITS[-1], UNITS[0]))
    X = centres[classes] + rng.standard_normal((BATCH_SIZE, UNITS[0]))
    return X.astype("float32"), classes


def draw_parameters(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """W (n_in, n_out) and b (1, n_out) of each layer."""
    rng = np.random.default_rng([seed, 1])
    return [
        (
            rng.normal(0, (2 / (n_in + n_out)) ** 0.5, (n_in, n_out)).astype("float32"),
            rng.normal(0, 0.1, (1, n_out)).astype("float32"),
        )
        for n_in, n_out in pairwise(UNITS)
    ]


def ours(seed: int) -> Step:
    """The step in this library."""
    from neural_networks.models import initialize_model

    X, classes = draw_batch(seed)
    Y = np.eye(UNITS[-1], dtype="float32")[classes]
    optimizer_args = {"name": "SGD", "lr": LEARNING_RATE}
    model = initialize_model("iris", "cross_entropy", LAYERS, optimizer_args, dtype="float32")
    return our_step(model, X, Y, draw_parameters(seed))


def in_torch(seed: int, sgd: str) -> Step:
    """The step in PyTorch, eager, with one of its implementations of SGD."""
    import torch

    X, classes = (torch.from_numpy(array) for array in draw_batch(seed))
    hidden, output = torch.nn.Linear(UNITS[0], UNITS[1]), torch.nn.Linear(UNITS[1], UNITS[2])
    with torch.no_grad():
        for layer, (W, b) in zip((hidden, output), draw_parameters(seed), strict=True):
            layer.weight.copy_(torch.from_numpy(W.T))
            layer.bias.copy_(torch.from_numpy(b[0]))
    model = torch.nn.Sequential(hidden, torch.nn.ReLU(), output)
    return torch_step(model, X, classes, LEARNING_RATE, sgd)


IRIS = Row(
    title="Iris 4-10-3 (relu, softmax), batch 25, SGD step, float32",
    ours=ours,
    theirs={name: partial(in_torch, sgd=name) for name in IN_TORCH},
    rival="PyTorch",
    package="torch",
    goal=0.40,
    stretch=0.25,
)
