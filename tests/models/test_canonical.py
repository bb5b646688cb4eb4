"""Canonical pairs in networks: extreme logits, and passes that are never bypassed."""

import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.activations import ACTIVATIONS, Sigmoid, SoftMax
from neural_networks.canonical import PAIRS, canonical_pair
from neural_networks.layers import LAYERS, FullyConnected
from neural_networks.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    initialize_loss,
)
from neural_networks.models import NeuralNetwork
from tests.support.arrays import DTYPES, examples, load_oracle

SGD = {"name": "SGD", "lr": 0.1}
SOFTMAX = {"name": "fully_connected", "activation": "softmax", "n_out": 3}
SIGMOID = {"name": "fully_connected", "activation": "sigmoid", "n_out": 1}
HIDDEN = {"name": "fully_connected", "activation": "tanh", "n_out": 5}


def identity_network(loss, activation, n, **options):
    """A network of one layer whose logits are its input."""
    layer = {"name": "fully_connected", "activation": activation, "n_out": n}
    model = NeuralNetwork(loss, [layer], SGD, **options)
    model.create_parameters((n,))
    model.layers[0].parameters["W"] = np.eye(n, dtype=model.dtype)
    return model


class TestExtremeLogits(unittest.TestCase):
    """Logits of ±1e4, where the output has rounded to exactly 0 or 1."""

    def test_against_pytorch(self):
        for loss, activation in (("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")):
            data = load_oracle(loss)
            Y, Z = data["Y_logits_extreme"], data["Z_logits_extreme"]
            for dtype in DTYPES:
                eps, n = np.finfo(dtype).eps, Z.shape[1]
                model = identity_network(loss, activation, n, dtype=dtype)
                labels, X = Y.astype(dtype), Z.astype(dtype)
                with self.subTest(loss, dtype=dtype), np.errstate(all="raise", under="ignore"):
                    found = model.backward(labels, model.forward(X))
                    assert_allclose(found, data["L_logits_extreme"], rtol=4 * eps)
                    # dL/db is the sum of dL/dZ over the examples, and dL/dW = Xᵀ dL/dZ.
                    dLdZ = data["dLdZ_logits_extreme"]
                    gradients = model.layers[0].gradients
                    assert_allclose(gradients["b"][0], dLdZ.sum(axis=0), rtol=20 * eps, atol=eps)
                    size = np.abs(Z).T @ np.abs(dLdZ)
                    self.assertTrue(
                        np.all(np.abs(gradients["W"] - Z.T @ dLdZ) <= 20 * eps * size + 1e-30)
                    )
                    assert_allclose(model.predict(X, labels)[1], found, rtol=4 * eps)

    def test_hopeless_prediction(self):
        """Its gradient is ±1, that of the largest possible mistake, however large the logits."""
        X, Y = np.array([[-1e4, 1e4]]), np.array([[1.0, 0.0]])
        model = identity_network("cross_entropy", "softmax", 2)
        self.assertEqual(model.backward(Y, model.forward(X)), 2e4)
        assert_array_equal(model.layers[0].gradients["b"], [[-1.0, 1.0]])
        model = identity_network("binary_cross_entropy", "sigmoid", 1)
        self.assertEqual(model.backward(np.array([[1.0]]), model.forward(np.array([[-1e4]]))), 1e4)
        assert_array_equal(model.layers[0].gradients["b"], [[-1.0]])

    def test_sequences(self):
        """A class at every step, (m, k, t): the loss and the gradient of each step by itself."""
        rng = np.random.default_rng(0)
        X = rng.choice([-1e4, -1.0, 0.5, 1e4], size=(4, 3, 5))
        Y = np.eye(3)[rng.integers(3, size=(4, 5))].transpose(0, 2, 1)
        model = identity_network("cross_entropy", "softmax", 3)
        with np.errstate(all="raise", under="ignore"):
            found = model.backward(Y, model.forward(X))
        gradients = dict(model.layers[0].gradients)
        losses, dLdb, dLdW = [], 0.0, 0.0
        for t in range(5):
            losses.append(model.backward(Y[:, :, t], model.forward(X[:, :, t])))
            dLdb = dLdb + model.layers[0].gradients["b"]
            dLdW = dLdW + model.layers[0].gradients["W"]
        assert_allclose(found, sum(losses), rtol=1e-14)
        assert_allclose(gradients["b"], dLdb, rtol=1e-13, atol=1e-13)
        assert_allclose(gradients["W"], dLdW, rtol=1e-13, atol=1e-9)
        self.assertGreater(np.abs(gradients["W"]).max(), 1e3)

    def test_linear_output_with_squared_error(self):
        """2 (Y_hat - Y) / m, without a pair."""
        X, Y = np.array([[1e4], [-1e4]]), np.array([[-1e4], [-1e4 + 1]])
        model = identity_network("l2", "linear", 1)
        self.assertIsNone(canonical_pair(model.loss, model.layers[0]))
        self.assertEqual(model.backward(Y, model.forward(X)), (4e8 + 1) / 2)
        assert_array_equal(model.layers[0].gradients["b"], [[2e4 - 1]])


class TestSwitch(unittest.TestCase):
    def test_off(self):
        """Through loss and activation, a hopeless prediction has no gradient."""
        X, Y = np.array([[-1e4, 1e4]]), np.array([[1.0, 0.0]])
        model = identity_network("cross_entropy", "softmax", 2, canonical=False)
        loss = model.backward(Y, model.forward(X))
        self.assertAlmostEqual(loss, -np.log(np.finfo(float).tiny))
        self.assertEqual(model.predict(X, Y)[1], loss)
        assert_array_equal(model.layers[0].gradients["b"], [[0.0, 0.0]])

    def test_both_ways_agree_in_the_usual_range(self):
        X, Y = examples()
        models = [
            NeuralNetwork("cross_entropy", [HIDDEN, SOFTMAX], SGD, seed=0, canonical=canonical)
            for canonical in (True, False)
        ]
        losses = [model.backward(Y, model.forward(X)) for model in models]
        self.assertAlmostEqual(*losses, places=13)
        for pair, parts in zip(*(model.layers for model in models), strict=True):
            for name, gradient in pair.gradients.items():
                assert_allclose(gradient, parts.gradients[name], rtol=1e-11, atol=1e-14)

    def test_what_is_not_a_bool(self):
        for wrong in (1, "yes", None):
            with self.assertRaisesRegex(TypeError, "canonical must be true or false, got"):
                NeuralNetwork("cross_entropy", [SOFTMAX], SGD, canonical=wrong)


class TestPairs(unittest.TestCase):
    def test_of_every_loss_and_activation(self):
        found = {
            (loss, activation)
            for loss in LOSSES
            for activation in ACTIVATIONS
            if canonical_pair(initialize_loss(loss), FullyConnected(3, activation))
        }
        expected = {("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")}
        self.assertEqual(found, expected)

    def test_of_other_layers(self):
        args = [
            {"name": "elman", "activation": "softmax", "n_out": 3},
            {"name": "layer_norm", "activation": "softmax"},
            {"name": "residual", "activation": "softmax", "layers": [SOFTMAX]},
        ]
        for layer_args in args:
            layer = LAYERS[layer_args.pop("name")](**layer_args)
            self.assertIsNone(canonical_pair(initialize_loss("cross_entropy"), layer))

    def test_methods_are_those_of_the_classes(self):
        """So that the check for overridden passes can succeed."""
        for (loss, activation), pair in PAIRS.items():
            methods = loss.forward, loss.backward, activation.forward, activation.backward
            self.assertEqual(pair.methods, methods)


class Weighted(CrossEntropy):
    """A loss with another gradient."""

    def backward(self, Y, Y_hat):
        return 7 * super().backward(Y, Y_hat)


class Shifted(CrossEntropy):
    """A loss with another value."""

    def forward(self, Y, Y_hat):
        return super().forward(Y, Y_hat) + 100


class Renamed(CrossEntropy):
    """Overrides no pass."""


class NeverBypassed(unittest.TestCase):
    def setUp(self):
        self.X, self.Y = examples()
        self.plain = self.network()
        self.loss = self.plain.backward(self.Y, self.plain.forward(self.X))

    def network(self, loss="cross_entropy", output=SOFTMAX):
        return NeuralNetwork(loss, [HIDDEN, output], SGD, seed=0)

    def check(self, model, value=0.0, factor=1.0):
        """Loss and gradients are the plain ones plus a value, and times a factor."""
        loss = model.backward(self.Y, model.forward(self.X))
        self.assertAlmostEqual(loss, self.loss + value, places=12)
        self.assertAlmostEqual(model.predict(self.X, self.Y)[1], loss, places=12)
        for layer, other in zip(model.layers, self.plain.layers, strict=True):
            for name, gradient in other.gradients.items():
                found = layer.gradients[name]
                assert_allclose(found, factor * gradient, rtol=1e-10, atol=1e-14)

    def assert_pair(self, model, exists=False):
        pair = canonical_pair(model.loss, model.layers[-1])
        self.assertIs(pair is not None, exists)


class TestLosses(NeverBypassed):
    def test_subclass(self):
        for kind, value, factor in ((Weighted, 0, 7), (Shifted, 100, 1), (Renamed, 0, 1)):
            with mock.patch.dict(LOSSES, {"own": kind}):
                model = self.network("own")
            self.assertIs(type(model.loss), kind)
            self.assert_pair(model)
            self.check(model, value, factor)

    def test_assignment_to_the_object(self):
        model = self.network()
        self.assert_pair(model, exists=True)
        loss = initialize_loss("cross_entropy")
        model.loss.backward = lambda Y, Y_hat: 7 * loss.backward(Y, Y_hat)
        self.assert_pair(model)
        self.check(model, factor=7)
        del model.loss.backward
        model.loss.forward = lambda Y, Y_hat: loss.forward(Y, Y_hat) + 100
        self.assert_pair(model)
        self.check(model, value=100)
        del model.loss.forward
        self.assert_pair(model, exists=True)
        self.check(model)

    def test_assignment_to_the_class(self):
        for name, value, factor in (("backward", 0, 7), ("forward", 100, 1)):
            model, original = self.network(), getattr(CrossEntropy, name)

            def replaced(loss, Y, Y_hat, original=original, value=value, factor=factor):
                return factor * original(loss, Y, Y_hat) + value

            with mock.patch.object(CrossEntropy, name, replaced):
                self.assert_pair(model)
                self.check(model, value, factor)
            self.assert_pair(model, exists=True)

    def test_assignment_to_the_class_of_two_classes(self):
        model = self.network("binary_cross_entropy", SIGMOID)
        for kind in (BinaryCrossEntropy, Sigmoid):
            for name in ("forward", "backward"):
                self.assert_pair(model, exists=True)
                original = getattr(kind, name)
                with mock.patch.object(kind, name, lambda *args, f=original: f(*args)):
                    self.assert_pair(model)


class SharpSoftMax(SoftMax):
    """An activation with another gradient."""

    def backward(self, Z, dY):
        return 7 * super().backward(Z, dY)


class TestActivations(NeverBypassed):
    def test_subclass(self):
        with mock.patch.dict(ACTIVATIONS, {"sharp": SharpSoftMax}):
            model = self.network(output=SOFTMAX | {"activation": "sharp"})
        self.assert_pair(model)
        self.check(model, factor=7)

    def test_assignment_to_the_object(self):
        model, softmax = self.network(), SoftMax()
        model.layers[-1].activation.backward = lambda Z, dY: 7 * softmax.backward(Z, dY)
        self.assert_pair(model)
        self.check(model, factor=7)
        del model.layers[-1].activation.backward
        # Twice as steep: σ(2 z), of logits that the pair would take for those of σ(z).
        model.layers[-1].activation.forward = lambda Z: softmax.forward(2 * Z)
        self.assert_pair(model)
        out = model.forward(self.X)
        expected = -np.log(out[self.Y == 1]).mean()
        self.assertAlmostEqual(model.backward(self.Y, out), expected, places=12)
        self.assertNotAlmostEqual(expected, self.loss, places=3)

    def test_assignment_to_the_class(self):
        model, original = self.network(), SoftMax.backward
        with mock.patch.object(SoftMax, "backward", lambda *args: 7 * original(*args)):
            self.assert_pair(model)
            self.check(model, factor=7)
        self.assert_pair(model, exists=True)

    def test_exchange_for_another_one(self):
        model = self.network()
        model.layers[-1].activation = Sigmoid()
        self.assert_pair(model)


class DoubleGradient(FullyConnected):
    """A layer with its own backward."""

    def backward(self, dLdY):
        return super().backward(2 * dLdY)


class HalfInput(FullyConnected):
    """A layer with its own forward."""

    def forward(self, X):
        return super().forward(X / 2)


class SameLayer(FullyConnected):
    """Overrides no pass."""


class DoubleGradientMixin:
    """A backward for any layer."""

    def backward(self, dLdY):
        return super().backward(2 * dLdY)


class Mixed(DoubleGradientMixin, FullyConnected):
    """Has its passes from its bases."""


class TestLayers(NeverBypassed):
    def network_of(self, kind):
        with mock.patch.dict(LAYERS, {"own": kind}):
            return self.network(output=SOFTMAX | {"name": "own"})

    def test_subclass_with_its_own_backward(self):
        for kind in (DoubleGradient, Mixed):
            model = self.network_of(kind)
            self.assert_pair(model)
            self.check(model, factor=2)

    def test_subclass_with_its_own_forward(self):
        model = self.network_of(HalfInput)
        self.assert_pair(model)
        out = model.forward(self.X)
        expected = -np.log(out[self.Y == 1]).mean()
        self.assertAlmostEqual(model.backward(self.Y, out), expected, places=12)

    def test_subclass_without_passes(self):
        model = self.network_of(SameLayer)
        self.assert_pair(model, exists=True)
        self.check(model)

    def test_assignment_to_the_object(self):
        model = self.network()
        last = model.layers[-1]
        plain = last.backward
        last.backward = lambda dLdY, **options: plain(2 * dLdY, **options)
        self.assert_pair(model)
        self.check(model, factor=2)


if __name__ == "__main__":
    unittest.main()
