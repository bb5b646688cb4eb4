"""Cases of the recurrent layer: a layer with weights, and all its results."""

import numpy as np

from neural_networks.layers import Elman
from tests.support.arrays import KINKED
from tests.support.passes import Passes

PARAMETERS = ("W", "U", "b")
FLAT = {"sigmoid": 3.0, "softmax": 3.0}


def elman(d=3, n=4, activation="tanh", *, dtype="float64", **options):
    """A recurrent layer with random weights and biases, whose gradients last for some steps.

    U is orthogonal, or a multiple of an orthogonal matrix where σ is flat. If σ is a ReLU, all of U
    is positive, so that no unit silences another.
    """
    rng = np.random.default_rng(7)
    layer = Elman(n, activation, dtype=dtype, **options)
    layer._init_parameters((-1, d))
    U = np.linalg.qr(rng.standard_normal((n, n)))[0]
    values = {
        "W": rng.standard_normal((d, n)) / np.sqrt(d),
        "U": np.abs(U) if activation in KINKED else FLAT.get(activation, 1.0) * U,
        "b": 0.5 * rng.standard_normal((1, n)),
    }
    layer.parameters.update({name: value.astype(dtype) for name, value in values.items()})
    return layer


def as_array(dLdX):
    """dL/dX as (m, d, t), from such an array or from a list with one array per step."""
    return np.stack(dLdX, axis=2) if isinstance(dLdX, list) else dLdX


class ElmanPasses(Passes):
    """Mixin of a test case for the recurrent layer."""

    def found(self, layer, X, dLdY):
        """The output and every gradient of a layer."""
        found = {"Y": self.forward(layer, X), "dLdX": as_array(self.backward(layer, dLdY))}
        found |= {f"dLd{name}": gradient for name, gradient in layer.gradients.items()}
        return found | {"dLds_0": layer.initial_state_gradient}
