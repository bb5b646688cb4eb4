"""Fully-connected networks: an epoch of steps, compared with scikit-learn's MLPClassifier."""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.rows.dense import FASHION, HIGGS, Network
from benchmarks.rows.row import Goal, Goals, Row, Step

BATCHES = 50
"""Training steps in the epoch."""


def ours(seed: int, network: Network, m: int) -> Step:
    """An epoch in this library, in batches of m, in the order of the data; its mean loss."""
    X, classes = network.draw_batch(seed, BATCHES * m)
    Y = network.labels(classes)
    model = network.build()
    model.create_parameters(X.shape[1:])
    for layer, (W, b) in zip(model.layers, network.draw_parameters(seed), strict=True):
        layer.parameters["W"], layer.parameters["b"] = W, b

    def epoch() -> float:
        total = 0.0
        for start in range(0, len(X), m):
            batch = slice(start, start + m)
            total += model.backward(Y[batch], model.forward(X[batch]))
            model.update(0)
        return total / BATCHES

    return epoch


def in_sklearn(seed: int, network: Network, m: int, dtype: str) -> Step:
    """The epoch in scikit-learn, in float32 or in its default, float64."""
    from sklearn.neural_network import MLPClassifier

    X, classes = network.draw_batch(seed, BATCHES * m)
    X = X.astype(dtype)
    model = MLPClassifier(
        network.units[1:-1],
        batch_size=m,
        learning_rate_init=network.lr,
        alpha=0,
        shuffle=False,
        random_state=seed,
    )
    start_from(model, X[:m], classes[:m], network, seed)

    def epoch() -> float:
        return model.partial_fit(X, classes).loss_

    return epoch


def start_from(model: Any, X: np.ndarray, classes: np.ndarray, network: Network, seed: int) -> None:
    """Give scikit-learn's network the initial parameters of ours.

    It creates its own in a first step; deleting its optimizer undoes that step's state.
    """
    model.partial_fit(X, classes, classes=np.arange(max(network.units[-1], 2)))
    for i, (W, b) in enumerate(network.draw_parameters(seed)):
        model.coefs_[i][...], model.intercepts_[i][...] = W, b[0]
    del model._optimizer


def row(title: str, network: Network, m: int, dtype: str, goals: Goals) -> Row:
    """The row of a network, compared with scikit-learn in a type."""
    units = "-".join(map(str, network.units))
    return Row(
        label=f"{title}, rival in {dtype}",
        title=f"{title} {units}, {BATCHES} batches of {m}, Adam, float32; rival in {dtype}",
        ours=partial(ours, network=network, m=m),
        theirs={dtype: partial(in_sklearn, network=network, m=m, dtype=dtype)},
        rival="scikit-learn",
        package="sklearn",
        goals=goals,
        check_steps=2,
        tolerance=1e-3,
    )


# For two classes, scikit-learn's network has one output unit, as ours has here.
BINARY_HIGGS = Network((*HIGGS.units[:-1], 1), HIGGS.optimizer, HIGGS.lr)

EPOCHS = {
    f"epoch-{name}-{dtype}": row(title, network, m, dtype, goals)
    for name, title, network, m in (
        ("higgs", "Higgs", BINARY_HIGGS, 256),
        ("fashion", "Fashion-MNIST", FASHION, 128),
    )
    for dtype, goals in (
        ("float32", Goals(Goal(0.55, 0.48), avx2=Goal(0.60, 0.52))),
        ("float64", Goals(Goal(0.36, 0.30), avx2=Goal(0.38, 0.33))),
    )
}
