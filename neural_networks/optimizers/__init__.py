"""Optimizers: the step of a parameter, computed from its gradient.

In the formulas, g is the gradient of a parameter θ after clipping and weight decay, lr is the
learning rate, and all arithmetic is element by element.
"""

from neural_networks.optimizers.adaptive import AdaDelta, AdaGrad, Adam, AdamW, RMSProp
from neural_networks.optimizers.base import Optimizer
from neural_networks.optimizers.factory import (
    OPTIMIZERS,
    initialize_optimizer,
    make_optimizer,
    with_epochs,
)
from neural_networks.optimizers.sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSProp",
    "initialize_optimizer",
    "make_optimizer",
    "with_epochs",
]
