"""Both passes of a layer as a network calls them; overridden ones are never bypassed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neural_networks.utils.recorded import Recorded


class Passes(Recorded, ABC):
    """Base class of ``Layer``: ``forward`` and ``backward``, and their ``_faster`` versions.

    A layer may have two implementations of a pass, one to be read and one to be run. If the first
    one is overridden, in a subclass or by assignment to a class or an object, the second one leaves
    the work to it.
    """

    _pass_methods: Mapping[str, Sequence[str]] = {
        "forward": ("forward",),
        "backward": ("backward",),
    }
    """The methods that the ``_faster`` version of each pass stands in for."""

    as_written: Mapping[str, Callable[..., Any]] = {}
    """These methods, as of the definition of the class."""

    @abstractmethod
    def forward(self, X: np.ndarray) -> np.ndarray:
        """See ``Layer.forward``."""

    @abstractmethod
    def backward(self, dLdY: np.ndarray) -> Any:
        """See ``Layer.backward``."""

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """``forward`` by the layer's fastest implementation; networks call this.

        It is ``forward`` itself unless a layer has two implementations, one to be read and
        one to run. A network need not know which layers these are.
        """
        return self.forward(X)

    def backward_faster(self, dLdY: np.ndarray) -> Any:
        """``backward`` by the layer's fastest implementation; see ``forward_faster``.

        Networks pass arrays: a list of steps (m, d) becomes an array (m, d, t).
        """
        dLdX = self.backward(dLdY)
        return np.stack(dLdX).transpose(1, 2, 0) if isinstance(dLdX, list) else dLdX

    def replaces(self, *methods: str) -> bool:
        """True if a method was assigned to the object, or to its class after the definition."""
        for name in methods:
            if name in vars(self) or getattr(type(self), name) is not self.as_written[name]:
                return True
        return False

    def __init_subclass__(cls, **options: Any) -> None:
        """If a class overrides a pass, reset its inherited ``_faster`` version.

        A network then runs the override, in a class derived from ``Conv2D`` for instance.
        """
        super().__init_subclass__(**options)
        for name, methods in cls._pass_methods.items():
            if any(map(cls._overrides, methods)) and not cls._overrides(f"{name}_faster"):
                setattr(cls, f"{name}_faster", vars(Passes)[f"{name}_faster"])
        every = [method for methods in cls._pass_methods.values() for method in methods]
        cls.as_written = {name: getattr(cls, name) for name in every}

    @classmethod
    def _overrides(cls, name: str) -> bool:
        """True if a method is the class's own, or a mixin's, rather than that of another layer."""
        layers = (base for base in cls.__bases__ if issubclass(base, Passes))
        return all(getattr(cls, name) is not getattr(layer, name, None) for layer in layers)
