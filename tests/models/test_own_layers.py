"""Own layers of students and users in a network."""

import unittest

import numpy as np

from neural_networks.canonical import starts_at_logits
from neural_networks.layers import LAYERS, FullyConnected, Layer
from neural_networks.models import NeuralNetwork
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import InFolder

X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.eye(3)[[0, 1, 2, 2, 1, 0]]
HIDDEN = {"name": "fully_connected", "activation": "tanh", "n_out": 5}
SGD = {"name": "SGD", "lr": 0.1}


class Halved(FullyConnected):
    """More than its base class in both directions: Y = σ((X / 2) W + b)."""

    def forward(self, X):
        return super().forward(0.5 * X)

    def backward(self, dLdY):
        return 0.5 * super().backward(dLdY)


class Shifted:
    """Mixin for any layer: Y + 1."""

    def forward(self, X):
        return super().forward(X) + 1


class Bare(Layer):
    """As in a homework: a constructor without types, a cache that is always written."""

    def __init__(self, n_out, activation):
        super().__init__(activation)
        self.n_out = n_out

    def forward(self, X):
        if self.n_in is None:
            self._init_parameters(X.shape)
        self.cache["X"], self.cache["Z"] = X, X @ self.parameters["W"]
        return self.activation(self.cache["Z"])

    def backward(self, dLdY):
        dLdZ = self.activation.backward(self.cache["Z"], dLdY)
        self.gradients["W"] = self.cache["X"].T @ dLdZ
        return dLdZ @ self.parameters["W"].T

    def _init_parameters(self, X_shape):
        self.n_in = X_shape[1]
        W = self.rng.normal(size=(self.n_in, self.n_out))
        self.parameters["W"] = W.astype(self.dtype)


class BareRecurrent(Bare):
    """As in a homework: one step after another, and of each its own gradient, in a list."""

    def forward(self, X):
        if self.n_in is None:
            self._init_parameters(X.shape)
        self.cache["X"], self.cache["s"] = X, [np.zeros((len(X), self.n_out))]
        for t in range(X.shape[2]):
            self.forward_step(X[:, :, t])
        return self.cache["s"][-1]

    def forward_step(self, x_t):
        Z = x_t @ self.parameters["W"] + self.cache["s"][-1] @ self.parameters["U"]
        self.cache["s"].append(np.tanh(Z))

    def backward(self, dLdY):
        self.gradients["W"] = np.zeros_like(self.parameters["W"])
        self.gradients["U"] = np.zeros_like(self.parameters["U"])
        dLdX = []
        for t in reversed(range(self.cache["X"].shape[2])):
            dLdZ = dLdY * (1 - self.cache["s"][t + 1] ** 2)
            self.gradients["W"] += self.cache["X"][:, :, t].T @ dLdZ
            self.gradients["U"] += self.cache["s"][t].T @ dLdZ
            dLdX.insert(0, dLdZ @ self.parameters["W"].T)
            dLdY = dLdZ @ self.parameters["U"].T
        return dLdX

    def _init_parameters(self, X_shape):
        super()._init_parameters(X_shape)
        self.parameters["U"] = self.rng.normal(size=(self.n_out, self.n_out))


class OwnLayers(InFolder):
    def setUp(self):
        super().setUp()
        for name, layer in (("halved", Halved), ("bare", Bare), ("recurrent", BareRecurrent)):
            LAYERS[name] = layer
            self.addCleanup(LAYERS.pop, name)

    def network(self, *layers, **options):
        return NeuralNetwork("cross_entropy", layers, SGD, seed=0, **options)


class TestSubclass(OwnLayers):
    def test_what_it_adds_is_not_bypassed(self):
        model = self.network(HIDDEN, {"name": "halved", "activation": "softmax", "n_out": 3})
        out = model.forward(X)
        np.testing.assert_array_equal(model.predict(X, Y)[0], out)
        model.backward(Y, out)
        first = model.layers[0]
        W = first.parameters["W"]

        def loss_of(value):
            first.parameters["W"] = value
            loss = -np.sum(Y * np.log(model.forward(X))) / len(Y)
            first.parameters["W"] = W
            return loss

        gradient = first.gradients["W"].copy()
        self.assertLess(check_gradients(loss_of, gradient, W, 1.0, h=1e-5), 1e-8)

    def test_only_the_class_itself_may_be_bypassed(self):
        class Renamed(FullyConnected):
            """Adds nothing to either direction."""

        class Mixed(Shifted, FullyConnected):
            """Has both passes from its bases."""

        for layer, expected in (
            (FullyConnected, True),
            (Renamed, True),
            (Halved, False),
            (Bare, False),
            (Mixed, False),
        ):
            self.assertIs(starts_at_logits(layer), expected, layer)
        with self.assertRaisesRegex(NotImplementedError, "Bare has no entrance at its logits"):
            Bare(3, "softmax").backward_from_logits(X)


class TestBareLayer(OwnLayers):
    def test_gets_the_type_and_the_generator_of_its_network(self):
        for dtype in ("float32", "float64"):
            with self.subTest(dtype):
                layers = [{"name": "bare", "activation": "tanh", "n_out": 5} for _ in range(2)]
                model, again = (self.network(*layers, dtype=dtype) for _ in range(2))
                batch = X.astype(dtype)
                self.assertEqual(model.forward(batch).dtype, dtype)
                again.forward(batch)
                for a, b in zip(model.layers, again.layers, strict=True):
                    np.testing.assert_array_equal(a.parameters["W"], b.parameters["W"])
                first, second = (layer.parameters["W"] for layer in model.layers)
                self.assertNotAlmostEqual(first[0, 0], second[0, 0])

    def test_predicting_between_forward_and_backward_does_no_harm(self):
        layers = [{"name": "bare", "activation": "tanh", "n_out": 5}, {**HIDDEN, "n_out": 3}]
        layers[1]["activation"] = "softmax"
        model, other = self.network(*layers), self.network(*layers)
        out = model.forward(X)
        model.predict(X[::-1], None)
        model.backward(Y, out)
        other.backward(Y, other.forward(X))
        for a, b in zip(model.layers, other.layers, strict=True):
            np.testing.assert_array_equal(a.gradients["W"], b.gradients["W"])

    def test_as_a_first_layer_can_be_saved_and_loaded(self):
        layers = [{"name": "bare", "activation": "softmax", "n_out": 3}]
        model, other = self.network(*layers), NeuralNetwork("cross_entropy", layers, SGD)
        model.forward(X)
        model.save(self.root / "bare.npz")
        other.load(self.root / "bare.npz")
        np.testing.assert_array_equal(other.predict(X, None)[0], model.predict(X, None)[0])

    def test_none_in_a_configuration_is_the_network_s_own(self):
        model = self.network({**HIDDEN, "n_out": 3, "dtype": None, "rng": None}, dtype="float32")
        other = self.network({**HIDDEN, "n_out": 3}, dtype="float32")
        out = model.forward(X)
        self.assertEqual(out.dtype, np.float32)
        np.testing.assert_array_equal(out, other.forward(X))


class Slip(Bare):
    """Adds floats to an array of int, in place, which NumPy refuses."""

    def forward(self, X):
        Y = np.ones(X.shape, int)
        Y += X
        return Y


class TestSlip(OwnLayers):
    def test_the_error_is_numpy_s(self):
        """A mistake in the code of a layer is not told as a wrong argument."""
        LAYERS["slip"] = Slip
        self.addCleanup(LAYERS.pop, "slip")
        model = self.network({"name": "slip", "activation": "tanh", "n_out": 3})
        with self.assertRaisesRegex(TypeError, "^Cannot cast ufunc 'add'"):
            model.create_parameters((3,))


class TestBareRecurrentLayer(OwnLayers):
    """Its gradient is a list of steps, which a layer below gets as an array (m, d, t)."""

    def setUp(self):
        super().setUp()
        self.steps = np.random.default_rng(1).normal(size=(6, 4, 5))
        last = {"name": "fully_connected", "activation": "softmax", "n_out": 3}
        own, elman = (
            [HIDDEN, {"name": "elman", "n_out": 2, "return_sequences": True}, recurrent, last]
            for recurrent in (
                {"name": "recurrent", "activation": "tanh", "n_out": 4},
                {"name": "elman", "n_out": 4},
            )
        )
        self.model, self.other = self.network(*own), self.network(*elman)
        for model in (self.model, self.other):
            model.forward(self.steps)
        for ours, theirs in zip(self.model.layers, self.other.layers, strict=True):
            ours.parameters.update({key: theirs.parameters[key] for key in ours.parameters})

    def test_gradients_are_those_of_our_own(self):
        losses = [
            model.backward(Y, model.forward(self.steps)) for model in (self.model, self.other)
        ]
        self.assertAlmostEqual(*losses, places=12)
        for ours, theirs in zip(self.model.layers, self.other.layers, strict=True):
            self.assertGreater(len(ours.gradients), 1)
            for key, gradient in ours.gradients.items():
                np.testing.assert_allclose(gradient, theirs.gradients[key], rtol=1e-9, atol=1e-13)

    def test_learns(self):
        losses = []
        for _ in range(200):
            losses.append(self.model.backward(Y, self.model.forward(self.steps)))
            self.model.update(0)
        self.assertLess(losses[-1], 0.5 * losses[0])


class TestAssignedParameters(unittest.TestCase):
    def test_are_taken_in_the_layer_s_type(self):
        layer = FullyConnected(3, "tanh", dtype="float32")
        layer._init_parameters((-1, 4))
        rng = np.random.default_rng(0)
        layer.parameters["W"], layer.parameters["b"] = rng.normal(size=(4, 3)), np.ones((1, 3))
        Y_hat = layer.forward(X.astype("float32"))
        dLdX = layer.backward(np.ones_like(Y_hat))
        for array in (Y_hat, dLdX, *layer.gradients.values(), *layer.cache.values()):
            self.assertEqual(array.dtype, np.float32)

    def test_unknown_parameter(self):
        layer = FullyConnected(3, "tanh")
        with self.assertRaisesRegex(ValueError, "'W' .*none before the first forward"):
            layer.forward_with_param("W", X)
        layer.forward(X)
        with self.assertRaisesRegex(ValueError, "'V' .*W, b"):
            layer.forward_with_param("V", X)


if __name__ == "__main__":
    unittest.main()
