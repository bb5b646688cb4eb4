"""Optimizers and their options, for the tests and for the writer of the oracle data."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from neural_networks.optimizers import Optimizer, initialize_optimizer

LR = {"SGD": 0.05, "RMSProp": 0.05, "Adam": 0.05, "AdamW": 0.05, "AdaGrad": 0.5, "AdaDelta": 1.0}
DECAY = 0.8  # of a learning rate that changes, by epoch
STEPS_PER_EPOCH = 10

# The optimizer and its options, under the name that its path has in the oracle's file.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "sgd_momentum": ("SGD", {"momentum": 0.9}),
    "sgd_nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "sgd_decay": ("SGD", {"weight_decay": 0.1}),
    "sgd_momentum_decay": ("SGD", {"momentum": 0.7, "weight_decay": 0.1}),
    "sgd_nesterov_decay": ("SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    "rmsprop": ("RMSProp", {}),
    "rmsprop_own": ("RMSProp", {"gamma": 0.8, "epsilon": 0.05}),
    "rmsprop_decay": ("RMSProp", {"weight_decay": 0.1}),
    "adam": ("Adam", {}),
    "adam_own": ("Adam", {"beta1": 0.7, "beta2": 0.95, "epsilon": 0.05}),
    "adam_decay": ("Adam", {"weight_decay": 0.1}),
    "adamw": ("AdamW", {}),
    "adamw_own": ("AdamW", {"beta1": 0.7, "beta2": 0.95, "epsilon": 0.05, "weight_decay": 0.3}),
    "adagrad": ("AdaGrad", {}),
    "adagrad_own": ("AdaGrad", {"epsilon": 0.5}),
    "adagrad_decay": ("AdaGrad", {"weight_decay": 0.1}),
    "adadelta": ("AdaDelta", {}),
    "adadelta_own": ("AdaDelta", {"rho": 0.7, "epsilon": 0.05}),
    "adadelta_decay": ("AdaDelta", {"weight_decay": 0.1}),
}

# PyTorch's momentum sums gradients, ours sums steps; while the rate changes, these differ.
CHANGING = [name for name, (_, options) in CASES.items() if "momentum" not in options]


def update(optimizer: Optimizer, *grad: float, epoch: float = 0, name: str = "W") -> np.ndarray:
    """The step of a parameter of zeros for the gradient ``grad``."""
    return optimizer.update(name, np.zeros(len(grad)), np.array(grad, dtype=np.float64), epoch)


def steps(optimizer: Optimizer, gradients: Iterable[np.ndarray], name: str = "W") -> np.ndarray:
    """The steps of a parameter that is kept at ones, one for each gradient."""
    return np.array([optimizer.update(name, np.ones_like(g), g, 0) for g in gradients])


def path(
    optimizer: Optimizer, start: np.ndarray, gradients: np.ndarray, per_epoch: float = np.inf
) -> np.ndarray:
    """The values of a parameter after each of the steps."""
    found = [start]
    for i, gradient in enumerate(gradients):
        found.append(found[-1] - optimizer.update("W", found[-1], gradient, i / per_epoch))
    return np.array(found[1:])


def every_optimizer(**options: Any) -> dict[str, Optimizer]:
    """The optimizer of each case, by name; ``options`` are added to those of the table."""
    return {
        case: initialize_optimizer(name, LR[name], **own | options)
        for case, (name, own) in CASES.items()
    }
