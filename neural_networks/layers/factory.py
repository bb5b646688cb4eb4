"""Layers from their names and options."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeGuard

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.utils.factories import build, without_none
from neural_networks.utils.randomness import (
    generator_state,
    restore_generator,
    spawn_generator,
)
from neural_networks.utils.recorded import check_free, take
from neural_networks.utils.validation import error_prefix, true_or_false

LAYERS: dict[str, type[Layer]] = {}
"""The layers by name; ``layers/__init__.py`` fills it."""

LayerArgs = Mapping[str, Any] | Layer
"""The arguments of ``initialize_layer``, or a layer itself."""


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
    """Create a layer by its name, one of ``LAYERS``.

    Parameters
    ----------
    name : str
        The layer.
    activation, weight_init, n_out, kernel_shape, stride, pad, mode, keep_dim
        Arguments of the layer's constructor; None means the layer's own default.
    **options
        Further arguments of the constructor, such as ``dtype`` and ``rng``, or ``p`` of dropout;
        and ``frozen``, of any layer: True if training leaves it as it is.

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
        # Its default is not None: another value has been chosen.
        "keep_dim": None if keep_dim == "first" else keep_dim,
    }
    frozen = true_or_false("frozen", options.pop("frozen", False))
    layer = build("layer", LAYERS, name, {**without_none(arguments), **options})
    if frozen:
        layer.frozen = True
    return layer


def make_layers(
    layer_args: Sequence[LayerArgs], dtype: np.dtype[Any], seed: int | None
) -> list[Layer]:
    """Create the layers of a network; the last one is ``Unsized`` if its ``n_out`` is left open.

    Parameters
    ----------
    layer_args : sequence of mapping or Layer
        Arguments of ``initialize_layer`` for each layer, or the layer itself, first to last.
    dtype : numpy type
        Type of all layers, unless ``layer_args`` has another one.
    seed : int or None
        Fixes the random numbers of all layers, but for layers that were made with an ``rng``.

    Raises
    ------
    ValueError
        If there is no layer, a name or an option is unknown, or a value is out of range.
    """
    if not layer_args:
        raise ValueError("layer_args is empty: a network needs at least one layer")
    check_distinct(layer_args)
    layers: list[Layer] = []
    # Counted by stream: dropout between two layers does not change their weights.
    streams = [rng_stream(args) for args in layer_args]
    for number, args in enumerate(layer_args, start=1):
        stream = streams[number - 1]
        rng = spawn_generator(seed, stream, streams[: number - 1].count(stream))
        if number == len(layer_args) and lacks_n_out(args):
            layers.append(Unsized(number, args, dtype, rng))
        else:
            layers.append(make_layer(number, args, dtype, rng))
    return layers


def make_layer(
    number: int, layer_args: LayerArgs, dtype: np.dtype[Any], rng: np.random.Generator
) -> Layer:
    """Create a layer of a network, with the network's type and its own generator.

    Parameters
    ----------
    number : int
        The layer's number, from 1; for error messages.
    layer_args : mapping or Layer
        Arguments of ``initialize_layer``, or the layer itself.
    dtype, rng
        Type and generator, unless ``layer_args`` has others. A layer whose constructor does not
        take them gets them as attributes.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; if the layer itself has a place in a network already, or computes
        in another type.
    """
    if isinstance(layer_args, Layer):
        adopt(number, layer_args, dtype, rng)
        return layer_args
    if not isinstance(layer_args, Mapping):
        raise TypeError(f"layer {number} must be a mapping or a Layer, got {layer_args!r}")
    if "name" not in layer_args:
        raise ValueError(f"layer {number}: needs a name, one of {', '.join(LAYERS)}")
    args: dict[str, Any] = {**layer_args}
    for key, value in (("dtype", dtype), ("rng", rng)):
        if args.get(key) is None:
            args[key] = value
    attributes = {key: args.pop(key) for key in ("dtype", "rng") if not takes(args, key)}
    with error_prefix(f"layer {number}"):
        layer = initialize_layer(**args)
    vars(layer).update(attributes, is_seeded=layer_args.get("rng") is not None)
    take(layer)
    return layer


def check_distinct(layer_args: Sequence[LayerArgs]) -> None:
    """Raise ``ValueError`` if one layer is there twice: it keeps the cache of one place only."""
    numbers: dict[int, int] = {}
    for number, layer in enumerate(layer_args, start=1):
        before = numbers.setdefault(id(layer), number)
        if isinstance(layer, Layer) and before < number:
            raise ValueError(f"layer {number} is the same object as layer {before}")


def adopt(number: int, layer: Layer, dtype: np.dtype[Any], rng: np.random.Generator) -> None:
    """Prepare a layer itself for a network, see ``make_layer``: as one made by its name."""
    check_free(f"layer {number}", layer)
    for inner in layer.walk():
        if "dtype" not in inspect.signature(type(inner)).parameters and not inner.parameters:
            inner.dtype = dtype
        if inner.dtype != dtype:
            raise ValueError(
                f"layer {number} computes in {inner.dtype}, its network in {dtype}: make it with "
                f"dtype='{dtype}'"
            )
    reseed(layer, rng)
    layer.input_gradient = layer.training = True


def reseed(layer: Layer, rng: np.random.Generator) -> None:
    """Give a layer, and those inside it, the state of a generator, unless they have their own."""
    if layer.is_seeded:
        return
    restore_generator(layer.rng, generator_state(rng))
    for child, of_child in zip(layer.children, layer.rng.spawn(len(layer.children)), strict=True):
        reseed(child, of_child)


class Unsized(Layer):
    """An output layer without ``n_out``, replaced once the dataset sets it.

    Parameters
    ----------
    number, layer_args, dtype, rng
        See ``make_layer``.
    """

    def __init__(
        self,
        number: int,
        layer_args: Mapping[str, Any],
        dtype: np.dtype[Any],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(dtype=dtype, rng=rng)
        self._number, self._layer_args = number, dict(layer_args)
        self.frozen = layer_args.get("frozen", False)
        self.sized(1)  # finds errors in the other options

    def sized(self, n_out: int) -> Layer:
        """The layer with ``n_out`` units."""
        args = {**self._layer_args, "n_out": n_out, "frozen": self.frozen}
        return make_layer(self._number, args, self.dtype, self.rng)

    def state(self) -> dict[str, Any]:
        """The state of the layer with units, which has the same generator."""
        return self.sized(1).state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of the layer with units."""
        layer = self.sized(1)
        layer.load_state(state)
        self.frozen = layer.frozen

    def __repr__(self) -> str:
        layer = self.sized(1)
        return f"{type(layer).__name__}({', '.join(['? → ?', *layer.described()])})"

    def forward(self, X: np.ndarray) -> NoReturn:
        """Raise ``ValueError``: a layer without a size has no output."""
        raise ValueError("the output layer has no n_out yet: give it one, or train first")

    def backward(self, dLdY: np.ndarray) -> NoReturn:
        """Raise ``ValueError``, as ``forward`` does."""
        self.forward(dLdY)


def set_output_size(layers: list[Layer], n_out: int) -> None:
    """Give the last layer its size, if it was left open."""
    last = layers[-1]
    if isinstance(last, Unsized):
        layers[-1] = last.sized(n_out)
        layers[-1].input_gradient = last.input_gradient


def lacks_n_out(layer_args: LayerArgs) -> TypeGuard[Mapping[str, Any]]:
    """True if these are the arguments of a layer with an ``n_out`` that is left open."""
    if isinstance(layer_args, Layer):
        return False
    return takes(layer_args, "n_out") and layer_args.get("n_out") is None


def rng_stream(layer_args: LayerArgs) -> str:
    """The random stream from which the layer with these arguments draws."""
    if isinstance(layer_args, Layer):
        return layer_args.rng_stream
    name = layer_args.get("name") if isinstance(layer_args, Mapping) else None
    return LAYERS.get(name, Layer).rng_stream if isinstance(name, str) else Layer.rng_stream


def takes(layer_args: Mapping[str, Any], option: str) -> bool:
    """True if the constructor of the layer with these arguments has this option."""
    name = layer_args.get("name") if isinstance(layer_args, Mapping) else None
    layer = LAYERS.get(name) if isinstance(name, str) else None
    return layer is not None and option in inspect.signature(layer).parameters
