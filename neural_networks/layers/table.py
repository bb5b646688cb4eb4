"""The table of a network's layers, as text."""

from collections.abc import Sequence

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.layers.sequential import inference


def layer_table(layers: Sequence[Layer], input_shape: tuple[int, ...]) -> str:
    """A line for each layer, with the shapes of its output and its parameters.

    Parameters
    ----------
    layers : sequence of Layer
        Layers whose parameters exist.
    input_shape : tuple of int
        Shape of one example.
    """
    X = np.zeros((1, *input_shape), layers[0].dtype)
    details = [", ".join(layer.described()) for layer in layers]
    n_digits, width = len(str(len(layers))), max(map(len, details))
    total, trained, lines = 0, 0, []
    for number, (layer, words) in enumerate(zip(inference(layers), details, strict=True), start=1):
        X = layer.forward_faster(X)
        count = sum(value.size for value in layer.parameters.values())
        total += count
        trained += sum(layer.parameters[name].size for name in layer.trained())
        shapes = ", ".join(f"{key} {value.shape}" for key, value in layer.parameters.items())
        lines.append(
            f"  {number:>{n_digits}}  {type(layer).__name__:<15} {words:<{width}} -> "
            f"{X.shape[1:]!s:<14} {count:>9,}  {shapes}".rstrip()
        )
    frozen = f" ({total - trained:,} frozen)" if trained < total else ""
    return "\n".join([f"Network: {total:,} parameters{frozen}, {X.dtype}", *lines])
