"""What a configuration holds, in terms of JSON."""

from typing import Any

import numpy as np

from neural_networks.layers import LAYERS, Layer
from neural_networks.losses import Loss
from neural_networks.optimizers import OPTIMIZERS, Optimizer
from neural_networks.utils.recorded import description


def plain(value: Any) -> Any:
    """A value for JSON: NumPy numbers become numbers, parts of a network their description.

    Layers and optimizers become the arguments that make them again, a loss its name. A class that
    is not registered is named with its module: ``load_run`` asks for it. All else becomes text.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Layer):
        return description(value, LAYERS) | ({"frozen": True} if value.frozen else {})
    if isinstance(value, Optimizer):
        return description(value, OPTIMIZERS)
    if isinstance(value, Loss):
        return value.name
    is_type = isinstance(value, type) and issubclass(value, np.generic)
    return np.dtype(value).name if is_type else str(value)
