"""Layers in sequence: both passes through them, and a joint view of their arrays."""

from collections.abc import Iterator, MutableMapping, Sequence

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.utils.validation import error_prefix


class Sequential:
    """A sequence of layers, each applied to the output of the one before it.

    Parameters
    ----------
    layers : list of Layer
        First to last.
    """

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the output of the last layer for a batch (m, ...)."""
        for layer in self.layers:
            X = layer.forward_faster(X)
        return X

    def backward(self, gradient: np.ndarray) -> np.ndarray:
        """Take a gradient back through all layers.

        Parameters
        ----------
        gradient : array
            dL/dY for the output Y of the last layer.

        Returns
        -------
        array
            dL/dX for the input X of the first layer.
        """
        for layer in reversed(self.layers):
            gradient = layer.backward_faster(gradient)
        return gradient


class JoinedArrays(MutableMapping[str, np.ndarray]):
    """A live view of the arrays of several layers, under ``1.W``, ``1.b``, ``2.W`` ...

    Reading and assigning use the layers' own mappings; the view keeps no arrays itself.

    Parameters
    ----------
    layers : sequence of Layer
    kind : str
        ``"parameters"``, ``"gradients"`` or ``"buffers"``.
    """

    def __init__(self, layers: Sequence[Layer], kind: str) -> None:
        self._layers, self._kind = layers, kind

    def _find(self, key: str) -> tuple[MutableMapping[str, np.ndarray], str]:
        """The layer's own mapping, and the name there."""
        number, _, name = key.partition(".")
        if number.isdecimal() and 0 < int(number) <= len(self._layers):
            return getattr(self._layers[int(number) - 1], self._kind), name
        raise KeyError(key)

    def __getitem__(self, key: str) -> np.ndarray:
        arrays, name = self._find(key)
        return arrays[name]

    def __setitem__(self, key: str, value: np.ndarray) -> None:
        arrays, name = self._find(key)
        arrays[name] = value

    def __delitem__(self, key: str) -> None:
        arrays, name = self._find(key)
        del arrays[name]

    def __iter__(self) -> Iterator[str]:
        for number, layer in enumerate(self._layers, start=1):
            for name in getattr(layer, self._kind):
                yield f"{number}.{name}"

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"


def inference(layers: Sequence[Layer]) -> list[Layer]:
    """Copies of the layers for predictions, see ``Layer.for_inference``.

    The layers themselves stay as they are, so that several threads may predict at once, and
    an interrupted prediction leaves nothing to set back.
    """
    return [layer.for_inference() for layer in layers]


def create_parameters(layers: Sequence[Layer], input_shape: Sequence[int]) -> np.ndarray:
    """Create the parameters of all layers, by the forward pass of one example of zeros.

    Parameters
    ----------
    layers : sequence of Layer
    input_shape : sequence of int
        Shape of one example.

    Returns
    -------
    array, (1, ...)
        The output.

    Raises
    ------
    TypeError, ValueError
        If a layer does not take the output of the one before it. The message begins with the
        layer's number, from 1.
    """
    X = np.zeros((1, *input_shape), layers[0].dtype)
    for number, layer in enumerate(layers, start=1):
        with error_prefix(f"layer {number}"):
            layer.check_input(X)
            X = layer.for_inference().forward_faster(X)
    return X
