"""From a layer's name and arguments to the layer."""

import inspect
from collections.abc import Mapping
from typing import Any

from neural_networks.layers.base import Layer
from neural_networks.layers.flatten import Flatten
from neural_networks.layers.fully_connected import FullyConnected
from neural_networks.utils.names import build, lookup

LAYERS: dict[str, type[Layer]] = {"fully_connected": FullyConnected, "flatten": Flatten}


def initialize_layer(
    name: str,
    activation: str | None = None,
    weight_init: str | None = None,
    n_out: int | None = None,
    kernel_shape: int | tuple[int, int] | None = None,
    stride: int | None = None,
    pad: int | tuple[int, int] | str | None = None,
    mode: str | None = None,
    keep_dim: str = "first",
    **options: Any,
) -> Layer:
    """The layer of that name, one of ``LAYERS``.

    Parameters
    ----------
    name : str
        The layer.
    activation, weight_init, n_out, kernel_shape, stride, pad, mode, keep_dim
        Arguments of the layer's constructor. One left None has the layer's own default.
    **options
        Further arguments of the constructor, such as ``dtype`` and ``rng``.

    Raises
    ------
    ValueError
        If the name is unknown, or the layer has no such argument or lacks one that it needs.

    Examples
    --------
    >>> initialize_layer("fully_connected", activation="relu", n_out=10).n_out
    10
    """
    arguments = {
        "activation": activation,
        "weight_init": weight_init,
        "n_out": n_out,
        "kernel_shape": kernel_shape,
        "stride": stride,
        "pad": pad,
        "mode": mode,
        # Its default is not None, so only another value says that somebody asked for it.
        "keep_dim": None if keep_dim == "first" else keep_dim,
        **options,
    }
    return build(f"layer {name!r}", lookup("layer", name, LAYERS), arguments)


def make_layer(number: int, layer_args: Mapping[str, Any]) -> Layer:
    """``initialize_layer(**layer_args)``, with the layer's number in the message of an error."""
    if "name" not in layer_args:
        raise ValueError(f"layer {number}: needs a name, one of {', '.join(LAYERS)}")
    try:
        return initialize_layer(**layer_args)
    except (TypeError, ValueError) as error:
        raise type(error)(f"layer {number}: {error}") from None


def lacks_n_out(layer_args: Mapping[str, Any]) -> bool:
    """Whether these arguments describe a layer with a size to set, and leave it open."""
    layer = LAYERS.get(layer_args.get("name", ""))
    takes_n_out = layer is not None and "n_out" in inspect.signature(layer).parameters
    return takes_n_out and layer_args.get("n_out") is None
