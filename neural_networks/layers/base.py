"""Base class of the layers."""

import copy
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from types import MethodType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.activations import ACTIVATIONS, initialize_activation
from neural_networks.layers.passes import Passes
from neural_networks.utils.factories import find_name
from neural_networks.utils.randomness import generator_of, generator_state, restore_generator
from neural_networks.utils.state import changing_values, check_kind, entry, kind_of, saved_values
from neural_networks.utils.validation import error_prefix, floating_type

SIZES = ("n_in", "n_out", "input_shape")
"""Attributes that follow from the data and from the shapes of the parameters."""

NOT_OPTIONS = (*SIZES, "training", "frozen", "input_gradient", "is_seeded")
"""Attributes that may differ between a layer and one that continues from its state."""


class Layer(Passes):
    """A differentiable function of a batch, with parameters to learn.

    A new layer implements ``forward`` and ``backward``, and ``_init_parameters`` if it has
    parameters. ``forward`` begins with ``X = self.check_input(X)``, which checks and converts X
    and creates the parameters at the first call.

    Parameters
    ----------
    activation : str
        Name of the activation function, see ``activations``.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of the parameters and of all results.
    rng : numpy.random.Generator or int, optional
        Source of the initial weights, or a seed for it.

    Attributes
    ----------
    activation : Activation
    n_in, n_out : int or None
        Number of input and output units (channels); ``n_in`` is None until parameters exist.
    parameters : mapping of array
        The learned parameters, in order. They are read at each call, so its arrays may be replaced
        at any time. A penalty on the weights acts on those named ``W`` or ``U``.
    gradients : mapping of array
        dL/dparameter under the same keys; each ``backward`` replaces them.
    buffers : mapping of array
        Arrays that training updates without a gradient, such as moving averages; saved with the
        parameters. Empty in most layers.
    cache : OrderedDict
        Values from the last ``forward`` that ``backward`` needs.
    input_shape : tuple of int or None
        Shape of one example, as of the last ``forward``.
    training : bool
        True while the layer trains. The model sets it to False to predict: ``forward`` then
        leaves the cache unchanged.
    frozen : bool
        True if training leaves the layer as it is: its parameters get no step, no weight decay and
        no penalty, and its buffers no update. It may be changed between two steps.
    input_gradient : bool
        True, but for a network's first layer: its ``backward_faster`` may leave out dL/dX, the
        gradient of the data. The network sets it once.
    children : sequence of Layer
        The layers inside this one, as in a residual block.
    """

    splits_batch = False
    """True if the layer splits the batch across threads, see ``utils.threads``."""

    rng_stream = "initialization"
    """The random stream of a network that the layer draws from, see ``utils.randomness``."""

    has_logits = False
    """True if the layer keeps its pre-activations in ``cache["Z"]``, as rows, and has
    ``backward_from_logits``; see ``canonical``."""

    changing: Sequence[str] = ()
    """Names of further attributes that change during training, such as a counter of batches."""

    children: Sequence["Layer"] = ()

    is_seeded = False
    """True if the layer was made with an ``rng`` of its own: a network leaves it to the layer."""

    def __init__(
        self,
        activation: str = "linear",
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.activation = initialize_activation(activation)
        self.n_in: int | None = None
        self.n_out: int | None = None
        self.parameters: MutableMapping[str, np.ndarray] = OrderedDict()
        self.gradients: MutableMapping[str, np.ndarray] = OrderedDict()
        self.buffers: MutableMapping[str, np.ndarray] = OrderedDict()
        self.cache: OrderedDict[str, Any] = OrderedDict()
        self.dtype = floating_type(dtype)
        self.rng, self.is_seeded = generator_of(rng), rng is not None
        self.training = True
        self.frozen = False
        self.input_gradient = True
        self.input_shape: tuple[int, ...] | None = None

    @abstractmethod
    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the layer's output for a batch.

        Parameters
        ----------
        X : array of float, (m, ...)
            A batch of m inputs.

        Returns
        -------
        array of the layer's type, (m, ...)
            The output Y. The values that ``backward`` needs go to ``cache``, in place of those of
            the batch before, which may have had another size. X and the parameters stay as they
            are.

        Raises
        ------
        TypeError
            If X does not hold floats.
        ValueError
            If the layer does not take inputs of that shape.
        """

    @abstractmethod
    def backward(self, dLdY: np.ndarray) -> Any:
        """Take a gradient back through the layer, to its parameters and its input.

        Parameters
        ----------
        dLdY : array, the shape of the last ``forward``'s output
            Gradient of the loss with respect to that output.

        Returns
        -------
        array, the shape of the last ``forward``'s X
            dL/dX, or a list of its steps (m, d). The gradients of the parameters go to
            ``gradients``, in place of those before. dLdY and the parameters stay as they are.
        """

    @property
    def min_batch_size(self) -> int:
        """Smallest number of examples in a training batch."""
        return 1

    def passed_on(self, low: float, high: float) -> tuple[float, float] | None:
        """The range of the outputs for inputs in a range, in layers that pass inputs on.

        None, as here, in layers whose outputs have the range of the activation.
        """
        return None

    def backward_from_logits(self, dLdZ: np.ndarray) -> Any:
        """``backward_faster`` from dL/dZ, as rows, in layers with ``has_logits``."""
        raise NotImplementedError(f"{type(self).__name__} has no entrance at its logits")

    def trained(self) -> Iterator[str]:
        """The names of the parameters that training changes: all, unless the layer is frozen."""
        if not self.frozen:
            yield from self.parameters

    def __repr__(self) -> str:
        sizes = [] if self.n_out is None else [f"{self.n_in or '?'} → {self.n_out}"]
        return f"{type(self).__name__}({', '.join([*sizes, *self.described()])})"

    def described(self) -> list[str]:
        """``details``, and ``"frozen"`` if the layer is."""
        return [*self.details(), *(["frozen"] if self.frozen else [])]

    def details(self) -> list[str]:
        """The layer's options as text, for ``print`` and the summary of a network."""
        name = find_name(type(self.activation), ACTIVATIONS)
        # A layer without units, such as pooling, has the identity: left out.
        return [name] if name and (name != "linear" or self.n_out is not None) else []

    def walk(self) -> Iterator["Layer"]:
        """The layer itself, then those inside it, at any depth."""
        yield self
        for child in self.children:
            yield from child.walk()

    def for_inference(self) -> "Layer":
        """A copy that does not train, with the same arrays and an empty cache."""
        if not self.children:
            other = copy.copy(self)
            for name, value in vars(self).items():
                if type(value) is MethodType and value.__self__ is self:  # assigned to the object
                    setattr(other, name, MethodType(value.__func__, other))
        else:  # the children, too, wherever the layer refers to them; but none of their arrays
            names = ("parameters", "gradients", "buffers", "cache")
            held = [getattr(layer, name) for layer in self.walk() for name in names]
            other = copy.deepcopy(self, {id(x): x for x in held if isinstance(x, dict)})
        for layer in other.walk():
            layer.training, layer.cache = False, OrderedDict()
        return other

    def state(self) -> dict[str, Any]:
        """Class, options and generator, of the layers inside it, too: copies, for ``load_state``.

        Parameters and buffers are not part of it: a network keeps them by name, see ``arrays``.
        """
        return {
            **self._kind(),
            **changing_values(self, self.changing),
            "generator": generator_state(self.rng),
            "frozen": bool(self.frozen),
            "children": [layer.state() for layer in self.children],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is that of another layer."""
        check_kind(self._kind(), state)
        values = saved_values(self, self.changing, state)
        frozen = entry(state, "frozen", bool)
        load_states(self.children, entry(state, "children", list))
        if not self.children:
            self.frozen = frozen
        restore_generator(self.rng, entry(state, "generator", dict))
        vars(self).update(values)

    def _kind(self) -> dict[str, Any]:
        """Class and options, activation included, without what follows from the data."""
        kind = kind_of(self, (*NOT_OPTIONS, *self.changing))
        activation = kind_of(self.activation)
        of_activation = {f"activation.{key}": x for key, x in activation["options"].items()}
        kind["options"] |= {"activation": activation["name"], **of_activation}
        return kind

    def clear_gradients(self) -> None:
        """Set every gradient to zero and forget the last ``forward``."""
        self.gradients = OrderedDict(
            (name, np.zeros_like(value)) for name, value in self.parameters.items()
        )
        self.cache = OrderedDict()

    def forward_with_param(
        self, param_name: str, X: np.ndarray
    ) -> Callable[[np.ndarray], np.ndarray]:
        """The layer's output as a function of one parameter, for gradient checks.

        Parameters
        ----------
        param_name : str
            A key of ``parameters``.
        X : array
            The batch for which the output is computed.

        Returns
        -------
        function
            Takes a value of the parameter, returns the output, and leaves the layer unchanged.

        Raises
        ------
        ValueError
            If there is no such parameter, or it does not exist yet.
        """
        if param_name not in self.parameters:
            raise ValueError(
                f"there is no parameter {param_name!r} (there are: "
                f"{', '.join(self.parameters) or 'none before the first forward'})"
            )

        def output(value: np.ndarray) -> np.ndarray:
            before = [
                (layer, layer.input_shape, layer.cache.copy(), dict(layer.buffers))
                for layer in self.walk()
            ]
            kept = self.parameters[param_name]
            self.parameters[param_name] = value
            try:
                return self.forward(X)
            finally:
                self.parameters[param_name] = kept
                for layer, shape, cache, buffers in before:
                    layer.input_shape, layer.cache = shape, cache
                    layer.buffers.update(buffers)

        return output

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create ``parameters``, and ``gradients`` of zeros, for inputs of a shape.

        Parameters
        ----------
        X_shape : tuple of int
            Shape of a batch; its first entry, the number of examples, does not matter.
        """

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        """Raise ``ValueError`` if the layer does not take inputs of that shape."""

    def _check_n_in(self, n_in: int, what: str = "features") -> None:
        """Raise ``ValueError`` if the parameters were made for another number of input units."""
        if self.n_in not in (None, n_in):
            raise ValueError(f"X has {n_in} {what}, but this layer was made for {self.n_in}")

    def check_input(self, X: np.ndarray) -> np.ndarray:
        """X in the layer's type, checked if its shape is new; creates missing parameters."""
        if not isinstance(X, np.ndarray) or X.dtype != self.dtype:
            X = self._convert("X", X)
        if X.shape[1:] != self.input_shape:
            self._check_shape(X.shape)
            has_parameters = type(self)._init_parameters is not Layer._init_parameters
            if has_parameters and not self.parameters:
                self._create_parameters(X.shape)
            self.input_shape = X.shape[1:]
        return X

    def _create_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create all parameters, or none if it fails: without memory, or interrupted."""
        layers = list(self.walk())
        before = [
            (layer.n_in, layer.n_out, layer.input_shape, generator_state(layer.rng))
            for layer in layers
        ]
        try:
            self._init_parameters(X_shape)
        except BaseException:
            for layer, (n_in, n_out, input_shape, generator) in zip(layers, before, strict=True):
                layer.n_in, layer.n_out, layer.input_shape = n_in, n_out, input_shape
                restore_generator(layer.rng, generator)
                for arrays in (layer.parameters, layer.gradients, layer.buffers):
                    arrays.clear()
            raise

    def _convert(self, name: str, X: object) -> np.ndarray:
        """A copy of X in the layer's type; ``TypeError`` if it is not an array of float."""
        if not isinstance(X, np.ndarray):
            raise TypeError(f"{name} must be a NumPy array, got {type(X).__name__}")
        if not np.issubdtype(X.dtype, np.floating):
            raise TypeError(
                f"{name} must hold floats, got {X.dtype}; .astype('{self.dtype}') converts it"
            )
        return X.astype(self.dtype)

    def parameter(self, name: str) -> np.ndarray:
        """The current value of a parameter, in the layer's type."""
        return self.parameters[name].astype(self.dtype, copy=False)

    def check_gradient(self, dLdY: np.ndarray, Y_shape: tuple[int, ...]) -> np.ndarray:
        """dLdY in the layer's type; an error unless it is an array of the output's shape."""
        if not isinstance(dLdY, np.ndarray):
            raise TypeError(f"dLdY must be a NumPy array, got {type(dLdY).__name__}")
        if dLdY.shape != Y_shape:
            raise ValueError(f"dLdY has shape {dLdY.shape}, but the output had {Y_shape}")
        return dLdY.astype(self.dtype, copy=False)

    def from_cache(self, name: str) -> Any:
        """An entry of the cache; ``RuntimeError`` without a ``forward`` before."""
        try:
            return self.cache[name]
        except KeyError:
            raise RuntimeError(
                f"{type(self).__name__}.backward needs a forward in training mode before it"
            ) from None


def load_states(layers: Sequence[Layer], states: Sequence[Mapping[str, Any]]) -> None:
    """Have each layer continue from its state.

    Raises
    ------
    ValueError
        If there are more or fewer layers, or one is another layer. The message begins with the
        layer's number, from 1; the layers before it have changed.
    """
    if len(layers) != len(states):
        raise ValueError(f"the state has {len(states)} layers, this one {len(layers)}")
    for number, (layer, state) in enumerate(zip(layers, states, strict=True), start=1):
        with error_prefix(f"layer {number}"):
            layer.load_state(state)
