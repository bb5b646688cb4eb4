"""Fully-connected networks: one training step, compared with PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.rows.row import Goal, Goals, Row, Step
from benchmarks.rows.step import IN_TORCH, our_step, torch_step

Parameters = list[tuple[np.ndarray, np.ndarray]]
"""W (n_in, n_out) and b (1, n_out) of each layer."""


@dataclass(frozen=True)
class Network:
    """A network of ReLU layers with a softmax output, and its optimizer.

    Attributes
    ----------
    units : tuple of int
        Inputs, hidden units, outputs: one for each class, or a single sigmoid for two.
    optimizer : str
        Its name, the same here and in PyTorch.
    lr : float
        Learning rate.
    """

    units: tuple[int, ...]
    optimizer: str
    lr: float

    def draw_batch(self, seed: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw examples (m, d) of overlapping classes, and their classes (m,).

        Drawn rather than loaded, since the times do not depend on the data.
        """
        rng = np.random.default_rng(seed)
        n_classes = max(self.units[-1], 2)
        classes = rng.integers(n_classes, size=m)
        centers = 2 * self.units[0] ** -0.5 * rng.standard_normal((n_classes, self.units[0]))
        X = centers[classes] + rng.standard_normal((m, self.units[0]))
        return X.astype("float32"), classes

    def draw_parameters(self, seed: int) -> Parameters:
        """Draw the initial parameters of both sides."""
        rng = np.random.default_rng([seed, 1])
        return [
            (
                rng.normal(0, (2 / (n_in + n_out)) ** 0.5, (n_in, n_out)).astype("float32"),
                rng.normal(0, 0.1, (1, n_out)).astype("float32"),
            )
            for n_in, n_out in pairwise(self.units)
        ]

    def labels(self, classes: np.ndarray) -> np.ndarray:
        """The labels as this library takes them: one-hot, or the class itself for a sigmoid."""
        one_hot = np.eye(max(self.units[-1], 2), dtype="float32")[classes]
        return one_hot if self.units[-1] > 1 else one_hot[:, 1:]

    def build(self) -> Any:
        """Build the network in this library."""
        from neural_networks.models import initialize_model

        binary = self.units[-1] == 1
        loss = "binary_cross_entropy" if binary else "cross_entropy"
        activations = ["relu"] * (len(self.units) - 2) + ["sigmoid" if binary else "softmax"]
        layers = [
            {"name": "fully_connected", "activation": activation, "n_out": n}
            for activation, n in zip(activations, self.units[1:], strict=True)
        ]
        optimizer_args = {"name": self.optimizer, "lr": self.lr}
        return initialize_model("dense", loss, layers, optimizer_args, dtype="float32")


def ours(seed: int, network: Network, m: int) -> Step:
    """The step in this library, on a batch of m."""
    X, classes = network.draw_batch(seed, m)
    return our_step(network.build(), X, network.labels(classes), network.draw_parameters(seed))


def in_torch(seed: int, network: Network, m: int, variant: str) -> Step:
    """The step in PyTorch, eager, with one of its implementations of the optimizer."""
    import torch

    X, classes = (torch.from_numpy(array) for array in network.draw_batch(seed, m))
    layers: list[Any] = []
    for W, b in network.draw_parameters(seed):
        layer = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.T))
            layer.bias.copy_(torch.from_numpy(b[0]))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    return torch_step(model, [(X, classes)], network.lr, variant, network.optimizer)


def row_title(title: str, network: Network, m: int) -> str:
    """The title of a row."""
    units = "-".join(map(str, network.units))
    return f"{title} {units}, batch {m}, {network.optimizer} step, float32"


def beside_torch(title: str, network: Network, m: int, goals: Goals, **check: Any) -> Row:
    """The row of a network and a batch size; ``check`` has the steps and tolerance of the check."""
    return Row(
        label=f"{title}, batch {m}",
        title=row_title(title, network, m),
        ours=partial(ours, network=network, m=m),
        theirs={name: partial(in_torch, network=network, m=m, variant=name) for name in IN_TORCH},
        rival="PyTorch",
        package="torch",
        goals=goals,
        **check,
    )


def both_sizes(
    name: str, title: str, network: Network, sizes: Sequence[int], goals: Goals
) -> dict[str, Row]:
    """The rows of a network at several batch sizes."""
    # Adam divides by the size of gradients, and so amplifies rounding.
    check = {"check_steps": 20, "tolerance": 1e-3}
    return {f"{name}-{m}": beside_torch(title, network, m, goals, **check) for m in sizes}


IRIS = Network((4, 10, 3), "SGD", 0.05)
HIGGS = Network((28, 300, 300, 300, 2), "Adam", 0.001)
FASHION = Network((784, 256, 128, 10), "Adam", 0.001)

DENSE = {
    "iris": beside_torch("Iris", IRIS, 25, Goals(Goal(0.33, 0.22), avx2=Goal(0.35, 0.25))),
    **both_sizes(
        "higgs", "Higgs", HIGGS, (256, 1024), Goals(Goal(0.75, 0.60), avx2=Goal(1.00, 0.85))
    ),
    **both_sizes(
        "fashion",
        "Fashion-MNIST",
        FASHION,
        (64, 128),
        Goals(Goal(0.90, 0.75), avx2=Goal(1.05, 0.90)),
    ),
}
