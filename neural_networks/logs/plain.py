"""JSON files of a run, and what a configuration holds in terms of JSON."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.layers import LAYERS, Layer
from neural_networks.losses import Loss
from neural_networks.optimizers import OPTIMIZERS, Optimizer
from neural_networks.utils.files import atomic_write
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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file; NaN and infinite numbers, which JSON does not have, become null."""
    text = json.dumps(finite(content), indent=2, default=plain)
    with atomic_write(path, follow_link=False) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def finite(content: Any) -> Any:
    """Content for JSON, without NaN and infinite numbers."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    is_number = isinstance(content, float | np.floating)
    return None if is_number and not math.isfinite(content) else content
