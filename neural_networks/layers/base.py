"""What every layer has in common."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from neural_networks.activations import initialize_activation
from neural_networks.utils.validation import floating_type


class Layer(ABC):
    """A function of a batch, with parameters that can be learned.

    A layer of one's own implements ``forward`` and ``backward``, and ``_init_parameters`` if it
    has parameters. ``forward`` begins with ``X = self.check_input(X)``, which checks and converts X
    and creates the parameters at the first call.

    Parameters
    ----------
    activation : str
        Name of the activation function, see ``activations``.
    dtype : str or type
        ``"float32"`` or ``"float64"``: the type of the parameters and of all that is computed.
    rng : numpy.random.Generator or int, optional
        Where initial weights come from, or a seed for them.

    Attributes
    ----------
    activation : Activation
    n_in, n_out : int or None
        Number of input and output units (channels); ``n_in`` is None until parameters exist.
    parameters : OrderedDict of array
        What is learned. It is read at each call, so its arrays may be replaced at any time. A
        penalty on the weights acts on those that are called ``W`` or ``U``.
    gradients : OrderedDict of array
        dL/dparameter under the same keys, as of the last ``backward``, which replaces them.
    buffers : OrderedDict of array
        What the layer has gathered while it trained, to be saved with the parameters, as the
        moving averages of ``BatchNorm``; empty in most layers.
    cache : OrderedDict
        What ``forward`` left for ``backward``.
    input_shape : tuple of int or None
        Shape of one example, as of the last ``forward``.
    training : bool
        True while the layer trains. The model sets it to False to predict: ``forward`` then
        leaves the cache as it is.
    input_gradient : bool
        Whether ``backward`` computes dL/dX. The model sets it to False for its first layer,
        where X is data that nothing is learned about.
    """

    splits_batch = False
    """Whether a network with this layer gives its threads to shares of the batch.

    See ``utils.parallel``; its other layers may then make use of them, too.
    """

    rng_stream = "initialization"
    """What a network's layer needs its generator for, see ``utils.randomness``."""

    def __init__(
        self,
        activation: str = "linear",
        *,
        dtype: Any = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.activation = initialize_activation(activation)
        self.n_in: int | None = None
        self.n_out: int | None = None
        self.parameters: OrderedDict[str, np.ndarray] = OrderedDict()
        self.gradients: OrderedDict[str, np.ndarray] = OrderedDict()
        self.buffers: OrderedDict[str, np.ndarray] = OrderedDict()
        self.cache: OrderedDict[str, Any] = OrderedDict()
        self.dtype = floating_type(dtype)
        self.rng = np.random.default_rng(rng)
        self.training = True
        self.input_gradient = True
        self.input_shape: tuple[int, ...] | None = None

    @abstractmethod
    def forward(self, X: np.ndarray) -> np.ndarray:
        """The layer's output for a batch.

        Parameters
        ----------
        X : array of float, (m, ...)
            A batch of m inputs.

        Returns
        -------
        array of the layer's type, (m, ...)
            The output Y. What ``backward`` needs goes to ``cache``.

        Raises
        ------
        TypeError
            If X does not hold floats.
        ValueError
            If its shape is not what the layer takes.
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
            ``gradients``.
        """

    @property
    def min_batch_size(self) -> int:
        """How many examples a batch must have at least to train on."""
        return 1

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """``forward``, by the fastest way that the layer has; networks go through this.

        It is ``forward`` itself unless a layer has two implementations, one to be read and one
        to be run, as ``Conv2D`` has. A network need not know which layers these are.
        """
        return self.forward(X)

    def backward_faster(self, dLdY: np.ndarray) -> Any:
        """``backward``, by the fastest way that the layer has; see ``forward_faster``.

        Networks pass arrays: a list of steps (m, d) becomes an array (m, d, t).
        """
        dLdX = self.backward(dLdY)
        return np.stack(dLdX).transpose(1, 2, 0) if isinstance(dLdX, list) else dLdX

    def __init_subclass__(cls, **options: Any) -> None:
        """A class with a ``forward`` or ``backward`` of its own is never run through another one.

        Whoever derives a class from ``Conv2D`` and changes ``forward`` wants it to be used, so
        the inherited ``forward_faster`` gives way, unless the class has one of its own, too.
        """
        super().__init_subclass__(**options)
        for name in ("forward", "backward"):
            if name in vars(cls) and f"{name}_faster" not in vars(cls):
                setattr(cls, f"{name}_faster", vars(Layer)[f"{name}_faster"])

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
            From a value of the parameter to the output. It leaves the layer as it was.

        Raises
        ------
        ValueError
            If there is no such parameter, or not yet.
        """
        if param_name not in self.parameters:
            raise ValueError(
                f"there is no parameter {param_name!r} (there are: "
                f"{', '.join(self.parameters) or 'none before the first forward'})"
            )

        def output(value: np.ndarray) -> np.ndarray:
            kept, shape = self.parameters[param_name], self.input_shape
            cache, buffers = self.cache.copy(), self.buffers.copy()
            self.parameters[param_name] = value
            try:
                return self.forward(X)
            finally:
                self.parameters[param_name], self.input_shape = kept, shape
                self.cache, self.buffers = cache, buffers

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
        """X in the layer's type, checked when its shape is new; the parameters exist afterwards."""
        if not isinstance(X, np.ndarray) or X.dtype != self.dtype:
            X = self._convert("X", X)
        if X.shape[1:] != self.input_shape:
            self._check_shape(X.shape)
            if not self.parameters:
                self._init_parameters(X.shape)
            self.input_shape = X.shape[1:]
        return X

    def _convert(self, name: str, X: Any) -> np.ndarray:
        """A copy of X in the layer's type; ``TypeError`` if it is no array of float."""
        if not isinstance(X, np.ndarray):
            raise TypeError(f"{name} must be a NumPy array, got {type(X).__name__}")
        if not np.issubdtype(X.dtype, np.floating):
            raise TypeError(
                f"{name} must hold floats, got {X.dtype}; .astype('{self.dtype}') converts it"
            )
        return X.astype(self.dtype)

    def parameter(self, name: str) -> np.ndarray:
        """A parameter as it is now, in the layer's type."""
        return self.parameters[name].astype(self.dtype, copy=False)

    def check_gradient(self, dLdY: np.ndarray, Y_shape: tuple[int, ...]) -> np.ndarray:
        """dLdY in the layer's type; ``ValueError`` if it has not the output's shape."""
        if dLdY.shape != Y_shape:
            raise ValueError(f"dLdY has shape {dLdY.shape}, but the output had {Y_shape}")
        return dLdY.astype(self.dtype, copy=False)

    def from_cache(self, name: str) -> Any:
        """An entry of the cache; ``RuntimeError`` if no ``forward`` has left it."""
        try:
            return self.cache[name]
        except KeyError:
            raise RuntimeError(
                f"{type(self).__name__}.backward needs a forward in training mode before it"
            ) from None
