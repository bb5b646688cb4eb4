"""Layers in a row: how they are made, and what they hold together."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from neural_networks.layers import Layer, factory
from neural_networks.utils.randomness import spawn_generator
from neural_networks.utils.threads import batch_threads
from neural_networks.utils.validation import floating_type


class LayerStack:
    """Layers in a row: each takes what the one before it returns.

    Parameters
    ----------
    layer_args : sequence of mapping
        The arguments of ``initialize_layer`` for each layer, first to last. The last layer's
        ``n_out`` may be None: ``build_layers`` gets it later.
    seed : int, optional
        Fixes the initial weights, and all else that layers draw at random.
    dtype : str or type
        ``"float32"`` or ``"float64"``.

    Attributes
    ----------
    layers : list of Layer
    input_shape : tuple of int or None
        Shape of one example; None before the first one.

    Raises
    ------
    ValueError
        If there is no layer, a name or an option is unknown, or a value is out of range.
    """

    def __init__(
        self, layer_args: Sequence[Mapping[str, Any]], seed: int | None, dtype: Any
    ) -> None:
        if not layer_args:
            raise ValueError("layer_args is empty: a network needs at least one layer")
        self.dtype = floating_type(dtype)
        self.layers: list[Layer] = []
        self.input_shape: tuple[int, ...] | None = None
        self._layer_args = [dict(args) for args in layer_args]
        # Counted by stream, so that dropout between two layers leaves their weights as they were.
        streams = [factory.rng_stream(args) for args in layer_args]
        self.rngs = [
            spawn_generator(seed, stream, streams[:i].count(stream))
            for i, stream in enumerate(streams)
        ]
        self.build_layers()

    def build_layers(self, out_dim: int | None = None) -> None:
        """Make the layers that do not exist yet; the last one may have to wait for ``out_dim``."""
        for i in range(len(self.layers), len(self._layer_args)):
            args = self._layer_args[i]
            waits = i == len(self._layer_args) - 1 and factory.lacks_n_out(args)
            if waits:
                # Until its size is known, a trial run finds errors in its other options.
                args = {**args, "n_out": out_dim or 1}
            layer = factory.make_layer(i + 1, args, self.dtype, self.rngs[i])
            if out_dim is not None or not waits:
                self.layers.append(layer)

    def create_parameters(self, input_shape: Sequence[int]) -> None:
        """Make every layer create its parameters: a forward pass of one example of zeros."""
        with self.inference() as (hidden, last):
            factory.pass_through([*hidden, last], np.zeros((1, *input_shape), self.dtype))
        self.input_shape = self.input_shape or tuple(input_shape)

    def check_batches(self, n: int, batch_size: int) -> None:
        """Raise ``ValueError`` if n examples in batches leave one too small for a layer."""
        smallest = n % batch_size or batch_size
        for number, layer in enumerate(self.layers, start=1):
            if smallest < layer.min_batch_size:
                raise ValueError(
                    f"layer {number} cannot train on a batch of {smallest}, and {n} examples in "
                    f"batches of {batch_size} end with one: choose another batch_size"
                )

    def parameters(self) -> Iterator[tuple[str, Layer, str]]:
        """Each parameter's name in the network, its layer, and its name there."""
        for i, layer in enumerate(self.layers, start=1):
            for name in layer.parameters:
                yield f"layer{i}.{name}", layer, name

    @contextmanager
    def inference(self) -> Iterator[tuple[list[Layer], Any]]:
        """A context in which the layers predict; yields the hidden layers and the last one."""
        layers = self._complete_layers()
        before = [(layer.training, layer.cache) for layer in layers]
        for layer in layers:
            # The cache is set aside, for layers that write to it whatever they are told.
            layer.training, layer.cache = False, OrderedDict()
        try:
            with self._threads():
                yield layers[:-1], layers[-1]
        finally:
            for layer, (training, cache) in zip(layers, before, strict=True):
                layer.training, layer.cache = training, cache

    def _threads(self) -> AbstractContextManager[None]:
        """One context for all layers: BLAS's threads would go on spinning between two of them."""
        shared = any(layer.splits_batch for layer in self.layers)
        return batch_threads() if shared else nullcontext()

    def _complete_layers(self) -> list[Layer]:
        if len(self.layers) < len(self._layer_args):
            raise ValueError("the output layer has no n_out yet: give it one, or train first")
        return self.layers
