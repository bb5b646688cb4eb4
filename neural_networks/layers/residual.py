"""The layer that adds its input to what other layers make of it."""

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.utils.rows import as_rows, feature_count, from_rows


class Residual(Layer):
    """A block of layers F and a way around it: Y = σ(X + F(X)).

    The block learns what is to be added to X, and a deep network of such blocks is no harder to
    train than a shallow one. Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image
    Recognition", CVPR 2016.

    Parameters
    ----------
    layers : sequence of mapping
        The arguments of ``initialize_layer`` for each layer of the block, first to last. Its
        output must have the shape of its input.
    activation : str
        Name of σ, see ``activations``.
    dtype, rng
        See ``Layer``; each layer of the block gets a generator of its own.

    Attributes
    ----------
    layers : list of Layer
    parameters, gradients, buffers : OrderedDict
        Those of the block's layers, under their number there: ``1.W``, ``1.b``, ``2.W`` ... What
        is assigned here is what the block works with.
    cache : OrderedDict
        ``Z`` = X + F(X), and ``layers``, the caches of the block's layers.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; later, if the block turns its input into another shape.
    """

    def __init__(
        self,
        layers: Sequence[Mapping[str, Any]],
        activation: str = "linear",
        *,
        dtype: Any = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        # Here, because the registry knows this class.
        from neural_networks.layers.factory import make_layer

        super().__init__(activation, dtype=dtype, rng=rng)
        is_list = isinstance(layers, Sequence) and all(isinstance(args, Mapping) for args in layers)
        if not is_list or not layers:
            raise ValueError(
                f"layers must be a list with one layer or more, each a mapping, got {layers!r}"
            )
        rngs = self.rng.spawn(len(layers))
        self.layers = [
            make_layer(number, args, self.dtype, rng)
            for number, (args, rng) in enumerate(zip(layers, rngs, strict=True), start=1)
        ]
        self.splits_batch = any(layer.splits_batch for layer in self.layers)

    @property
    def min_batch_size(self) -> int:
        """What the neediest layer of the block needs."""
        return max(layer.min_batch_size for layer in self.layers)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = σ(X + F(X)).

        Parameters
        ----------
        X : array of float, (m, ...)

        Returns
        -------
        array, the shape of X
        """
        X = self.check_input(X)
        self._hand_down()
        F = X
        for layer in self.layers:
            layer.training, layer.cache = self.training, OrderedDict()
            F = layer.forward_faster(F)
        self._check_output(X, F)
        Z = X + F
        if self.training:
            self.buffers = self._collect("buffers")
            self.cache["Z"] = Z
            self.cache["layers"] = [layer.cache for layer in self.layers]
        return from_rows(self.activation(as_rows(Z)), Z.shape)

    def backward(self, dLdY: np.ndarray) -> np.ndarray | None:
        """The gradients of Y = σ(X + F(X)) with respect to the block's parameters and X.

        Parameters
        ----------
        dLdY : array, the shape of X

        Returns
        -------
        array, the shape of X
            dL/dX.
        """
        Z = self.from_cache("Z")
        dLdY = self.check_gradient(dLdY, Z.shape)
        dLdZ = from_rows(self.activation.backward(as_rows(Z), as_rows(dLdY)), Z.shape)
        self._hand_down()
        self.layers[0].input_gradient = self.input_gradient
        for layer, cache in zip(self.layers, self.from_cache("layers"), strict=True):
            layer.cache = cache
        gradient: Any = dLdZ
        for layer in reversed(self.layers):
            gradient = layer.backward_faster(gradient)
        self.gradients = self._collect("gradients")
        # x reaches z on two ways, directly and through F, and what comes back on them adds up.
        return dLdZ + gradient if self.input_gradient else None

    def _hand_down(self) -> None:
        """Give the block's layers the parameters and buffers that this layer has now."""
        for what in ("parameters", "buffers"):
            for key, value in getattr(self, what).items():
                number, _, name = key.partition(".")
                getattr(self.layers[int(number) - 1], what)[name] = value

    def _collect(self, what: str) -> OrderedDict[str, np.ndarray]:
        """The block's ``"parameters"``, ``"gradients"`` or ``"buffers"`` in one dictionary."""
        return OrderedDict(
            (f"{number}.{name}", value)
            for number, layer in enumerate(self.layers, start=1)
            for name, value in getattr(layer, what).items()
        )

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Have the block's layers create theirs: a pass of one example of zeros."""
        from neural_networks.layers.factory import pass_through

        X = np.zeros((1, *X_shape[1:]), self.dtype)
        before = copy.deepcopy(self.layers)
        for layer in self.layers:
            layer.training = False
        try:
            self._check_output(X, pass_through(self.layers, X))
        except ValueError:
            self.layers = before  # without parameters for a shape that is refused
            raise
        self.n_in = self.n_out = feature_count(X_shape)
        self.parameters = self._collect("parameters")
        self.buffers = self._collect("buffers")
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        if len(X_shape) not in (2, 3, 4):
            raise ValueError(f"X must be (m, d), (m, d, t) or (m, H, W, C), got shape {X_shape}")

    def _check_output(self, X: np.ndarray, F: np.ndarray) -> None:
        if X.shape != F.shape:
            raise ValueError(
                f"a residual block must keep the shape of its input, but turns {X.shape[1:]} into "
                f"{F.shape[1:]}"
            )
