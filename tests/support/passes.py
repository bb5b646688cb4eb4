"""A layer's passes by either of its implementations, for tests of both."""

from typing import Any

import numpy as np

from neural_networks.layers import Layer


class Passes:
    """Mixin of a test case: the passes to test, the textbook's or with ``"_faster"`` the others."""

    suffix = ""

    def forward(self, layer: Layer, X: np.ndarray) -> np.ndarray:
        """The output for a batch."""
        return getattr(layer, f"forward{self.suffix}")(X)

    def backward(self, layer: Layer, dLdY: np.ndarray) -> Any:
        """dL/dX; the other gradients are in the layer."""
        return getattr(layer, f"backward{self.suffix}")(dLdY)
