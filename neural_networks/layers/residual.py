"""Residual block: Y = σ(X + F(X))."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.layers.factory import LayerArgs, check_distinct, make_layer
from neural_networks.layers.sequential import JoinedArrays, Sequential, create_parameters
from neural_networks.utils.recorded import take
from neural_networks.utils.rows import as_rows, feature_count, from_rows


class Residual(Layer):
    """A residual block: Y = σ(X + F(X)), where F is a sequence of layers.

    F learns the difference from the identity: a deep network of such blocks is not harder to train
    than a shallow one. Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image
    Recognition", CVPR 2016.

    Parameters
    ----------
    layers : sequence of mapping or Layer
        The arguments of ``initialize_layer`` for each layer of F, or the layer itself, first to
        last. The output of F must have the shape of its input.
    activation : str
        Name of σ, see ``activations``.
    dtype, rng
        See ``Layer``; each layer of the block gets its own generator.

    Attributes
    ----------
    children : list of Layer
        The layers of F.
    parameters, gradients, buffers : mapping of array
        Live views of the children's, under their number: ``1.W``, ``1.b``, ``2.W`` ...
    cache : OrderedDict
        ``Z`` = X + F(X).

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; later, if F changes the shape of its input.
    """

    def __init__(
        self,
        layers: Sequence[LayerArgs],
        activation: str = "linear",
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(activation, dtype=dtype, rng=rng)
        is_list = isinstance(layers, Sequence) and bool(layers)
        if not is_list or not all(isinstance(args, Mapping | Layer) for args in layers):
            raise ValueError(
                "layers must be a list with one layer or more, each a mapping or a Layer, got "
                f"{layers!r}"
            )
        check_distinct(layers)
        rngs = self.rng.spawn(len(layers))
        self.children: list[Layer] = [
            make_layer(number, args, self.dtype, rng)
            for number, (args, rng) in enumerate(zip(layers, rngs, strict=True), start=1)
        ]
        for layer in self.children:
            take(layer)
        self.block = Sequential(self.children)
        self.splits_batch = any(layer.splits_batch for layer in self.children)
        self.parameters = JoinedArrays(self.children, "parameters")
        self.gradients = JoinedArrays(self.children, "gradients")
        self.buffers = JoinedArrays(self.children, "buffers")

    @property
    def training(self) -> bool:
        """True while the block and its layers train; setting it sets it in all of them."""
        return self._training

    @training.setter
    def training(self, value: bool) -> None:
        self._training = value
        for layer in self.children:
            layer.training = value

    @property
    def frozen(self) -> bool:
        """True if all layers of the block are frozen; setting it sets it in all of them."""
        return bool(self.children) and all(layer.frozen for layer in self.children)

    @frozen.setter
    def frozen(self, value: bool) -> None:
        for layer in self.children:
            layer.frozen = value

    @property
    def min_batch_size(self) -> int:
        """The largest minimum among the block's layers."""
        return max(layer.min_batch_size for layer in self.children)

    def trained(self) -> Iterator[str]:
        """The names of the parameters of the block's layers that are not frozen."""
        for number, layer in enumerate(self.children, start=1):
            for name in layer.trained():
                yield f"{number}.{name}"

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
        F = self.block.forward(X)
        self._check_output(X, F)
        Z = X + F
        if self.training:
            self.cache["Z"] = Z
        return from_rows(self.activation(as_rows(Z)), Z.shape)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """Compute the gradients of Y = σ(X + F(X)) with respect to the block's parameters and X.

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
        # x reaches z by two paths, directly and through F, and their gradients add up.
        return dLdZ + self.block.backward(dLdZ)

    def clear_gradients(self) -> None:
        """Set every gradient to zero and forget the last ``forward``."""
        self.cache.clear()
        for layer in self.children:
            layer.clear_gradients()

    def details(self) -> list[str]:
        """The layers of the block, and its activation."""
        layers = " + ".join(type(layer).__name__ for layer in self.children)
        return [layers, *super().details()]

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create the children's parameters by the forward pass of one example of zeros."""
        X = np.zeros((1, *X_shape[1:]), self.dtype)
        self._check_output(X, create_parameters(self.children, X_shape[1:]))
        self.n_in = self.n_out = feature_count(X_shape)
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
