"""From a layer's name and arguments to the layer."""

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.layers.conv2d import Conv2D
from neural_networks.layers.dropout import Dropout
from neural_networks.layers.elman import Elman
from neural_networks.layers.flatten import Flatten
from neural_networks.layers.fully_connected import FullyConnected
from neural_networks.layers.normalization import BatchNorm, LayerNorm
from neural_networks.layers.pool2d import Pool2D
from neural_networks.layers.residual import Residual
from neural_networks.utils.factories import build, lookup, without_none
from neural_networks.utils.validation import error_prefix

LAYERS: dict[str, type[Layer]] = {
    "fully_connected": FullyConnected,
    "elman": Elman,
    "conv2d": Conv2D,
    "pool2d": Pool2D,
    "flatten": Flatten,
    "dropout": Dropout,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "residual": Residual,
}


def initialize_layer(
    name: str,
    activation: str | None = None,
    weight_init: str | Mapping[str, Any] | None = None,
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
        Further arguments of the constructor, such as ``dtype`` and ``rng``, or ``p`` of dropout.

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
    }
    layer = lookup("layer", name, LAYERS)
    return build(f"layer {name!r}", layer, {**without_none(arguments), **options})


def make_layer(
    number: int, layer_args: Mapping[str, Any], dtype: np.dtype[Any], rng: np.random.Generator
) -> Layer:
    """A network's layer, with the network's type and a generator of its own.

    Parameters
    ----------
    number : int
        Which layer it is, from 1; for the message of an error.
    layer_args : mapping
        Arguments of ``initialize_layer``.
    dtype, rng
        Type and generator, unless ``layer_args`` has others. A layer whose constructor does not
        take them gets them as attributes.
    """
    if "name" not in layer_args:
        raise ValueError(f"layer {number}: needs a name, one of {', '.join(LAYERS)}")
    args: dict[str, Any] = {**layer_args}
    for key, value in (("dtype", dtype), ("rng", rng)):
        if args.get(key) is None:
            args[key] = value
    attributes = {key: args.pop(key) for key in ("dtype", "rng") if not takes(args, key)}
    with error_prefix(f"layer {number}"):
        layer = initialize_layer(**args)
    vars(layer).update(attributes)
    return layer


def pass_through(layers: Sequence[Layer], X: np.ndarray) -> np.ndarray:
    """The output of layers in a row. An error says which one it comes from, counted from 1."""
    for number, layer in enumerate(layers, start=1):
        try:
            X = layer.forward_faster(X)
        except ValueError as error:
            raise ValueError(f"layer {number}: {error}") from None
    return X


@cache
def has_logits(layer: type[Layer]) -> bool:
    """Whether a loss may bypass the activation of such a layer: it has an affine part for that.

    A class that inherits the affine part but has a ``forward`` or ``backward`` of its own does
    something more, which must not be bypassed.
    """
    for owner in layer.__mro__:
        if "backward_from_logits" in vars(owner):
            methods = ("forward", "backward")
            return all(getattr(layer, name) is vars(owner).get(name) for name in methods)
    return False


def lacks_n_out(layer_args: Mapping[str, Any]) -> bool:
    """Whether these arguments describe a layer with a size to set, and leave it open."""
    return takes(layer_args, "n_out") and layer_args.get("n_out") is None


def rng_stream(layer_args: Mapping[str, Any]) -> str:
    """What the layer that these arguments describe needs a generator for."""
    name = layer_args.get("name")
    return LAYERS.get(name, Layer).rng_stream if isinstance(name, str) else Layer.rng_stream


def takes(layer_args: Mapping[str, Any], option: str) -> bool:
    """Whether the constructor of the layer that these arguments describe has an option."""
    name = layer_args.get("name")
    layer = LAYERS.get(name) if isinstance(name, str) else None
    return layer is not None and option in inspect.signature(layer).parameters
