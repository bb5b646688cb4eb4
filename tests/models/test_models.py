"""Network: worked examples, differences, own layers, saturation, types."""

import math
import unittest

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.layers import Layer
from neural_networks.models import NeuralNetwork, initialize_model
from neural_networks.utils.grad_check import check_gradients

SGD = {"name": "SGD", "lr": 0.1}


def dense(n_out, activation, **options):
    return {"name": "fully_connected", "n_out": n_out, "activation": activation, **options}


class TestByHand(unittest.TestCase):
    """Networks so small that every number is worked out in a comment."""

    def setUp(self):
        # Two inputs, two ReLU units, one linear output, squared error; two examples.
        self.model = initialize_model("hand", "l2", [dense(2, "relu"), dense(1, "linear")], SGD)
        self.X = np.array([[1.0, 2.0], [3.0, -1.0]])
        self.Y = np.array([[2.0], [3.5]])
        self.model.forward(self.X)  # creates the parameters that are replaced here
        first, second = self.model.layers
        first.parameters["W"] = np.array([[1.0, -1.0], [0.5, 2.0]])
        first.parameters["b"] = np.array([[0.0, 0.5]])
        second.parameters["W"] = np.array([[2.0], [-1.0]])
        second.parameters["b"] = np.array([[0.5]])

    def test_forward(self):
        # Hidden sums: (1 + 1, -1 + 4 + 0.5) = (2, 3.5) and (3 - 0.5, -3 - 2 + 0.5) = (2.5, -4.5);
        # after ReLU (2, 3.5) and (2.5, 0). Outputs: 4 - 3.5 + 0.5 = 1 and 5 - 0 + 0.5 = 5.5.
        out = self.model.forward(self.X)
        assert_allclose(self.model.layers[0].cache["Z"], [[2.0, 3.5], [2.5, -4.5]], rtol=1e-15)
        assert_allclose(out, [[1.0], [5.5]], rtol=1e-15)

    def test_loss_error_and_every_gradient(self):
        # Errors ŷ - y are -1 and 2: L = (1 + 4) / 2 = 2.5, also the mean squared error.
        # dL/dŷ = 2 (ŷ - y) / 2 = (-1, 2).
        # Output layer: dW = (2·(-1) + 2.5·2, 3.5·(-1) + 0·2) = (3, -3.5), db = -1 + 2 = 1.
        # dL/dH = (-2, 1) and (4, -2); the second unit is off for the second example: (4, 0).
        # Hidden layer: dW = [[1·(-2) + 3·4, 1·1 + 3·0], [2·(-2) - 1·4, 2·1 - 1·0]],
        # db = (-2 + 4, 1 + 0).
        out = self.model.forward(self.X)
        self.assertAlmostEqual(self.model.backward(self.Y, out), 2.5, places=14)
        self.assertAlmostEqual(self.model.error(self.Y, out), 2.5, places=14)
        first, second = self.model.layers
        assert_allclose(second.gradients["W"], [[3.0], [-3.5]], rtol=1e-15)
        assert_allclose(second.gradients["b"], [[1.0]], rtol=1e-15)
        assert_allclose(first.gradients["W"], [[10.0, 1.0], [-8.0, 2.0]], rtol=1e-15)
        assert_allclose(first.gradients["b"], [[2.0, 1.0]], rtol=1e-15)

    def test_one_step_of_gradient_descent(self):
        # Each parameter minus 0.1 times the gradient above.
        self.model.backward(self.Y, self.model.forward(self.X))
        self.model.update(0)
        first, second = self.model.layers
        assert_allclose(first.parameters["W"], [[0.0, -1.1], [1.3, 1.8]], atol=1e-15)
        assert_allclose(first.parameters["b"], [[-0.2, 0.4]], rtol=1e-15)
        assert_allclose(second.parameters["W"], [[1.7], [-0.65]], rtol=1e-15)
        assert_allclose(second.parameters["b"], [[0.4]], rtol=1e-15)
        # First example: hidden (2.4, 2.9), output 1.7·2.4 - 0.65·2.9 + 0.4 = 2.595. Second: both
        # units off, output 0.4. L = (0.595² + 3.1²) / 2 = 4.9820125.
        Y_hat, loss = self.model.predict(self.X, self.Y)
        assert_allclose(Y_hat, [[2.595], [0.4]], rtol=1e-14)
        self.assertAlmostEqual(loss, 4.9820125, places=12)

    def test_softmax_with_cross_entropy(self):
        # With X the unit matrix, W holds the logits: (ln 3, 0) and (0, ln 4), so that the
        # probabilities are (3/4, 1/4) and (1/5, 4/5). Both labels are class 1:
        # L = -(ln 1/4 + ln 4/5) / 2 = ln(5) / 2, and one of the two is misclassified.
        # dL/dZ = (ŷ - y) / 2 = (3/8, -3/8) and (1/10, -1/10), which is dL/dW too; its column sums
        # are dL/db.
        model = initialize_model("hand", "cross_entropy", [dense(2, "softmax")], SGD)
        X, Y = np.eye(2), np.array([[0.0, 1.0], [0.0, 1.0]])
        model.forward(X)
        model.layers[0].parameters["W"] = np.array([[math.log(3), 0.0], [0.0, math.log(4)]])
        out = model.forward(X)
        assert_allclose(out, [[0.75, 0.25], [0.2, 0.8]], rtol=1e-14)
        self.assertAlmostEqual(model.backward(Y, out), math.log(5) / 2, places=14)
        self.assertEqual(model.error(Y, out), 0.5)
        gradients = model.layers[0].gradients
        assert_allclose(gradients["W"], [[3 / 8, -3 / 8], [1 / 10, -1 / 10]], rtol=1e-14)
        assert_allclose(gradients["b"], [[19 / 40, -19 / 40]], rtol=1e-14)

    def test_sigmoid_with_binary_cross_entropy(self):
        # Logits ln 3 and -ln 3: probabilities 3/4 and 1/4, both labels 1.
        # L = -(ln 3/4 + ln 1/4) / 2 = ln(16/3) / 2; dL/dz = (-1/8, -3/8);
        # dL/dW = 1·(-1/8) - 1·(-3/8) = 1/4, dL/db = -1/2.
        model = initialize_model("hand", "binary_cross_entropy", [dense(1, "sigmoid")], SGD)
        X, Y = np.array([[1.0], [-1.0]]), np.ones((2, 1))
        model.forward(X)
        model.layers[0].parameters["W"] = np.array([[math.log(3)]])
        out = model.forward(X)
        assert_allclose(out, [[0.75], [0.25]], rtol=1e-14)
        self.assertAlmostEqual(model.backward(Y, out), math.log(16 / 3) / 2, places=14)
        self.assertEqual(model.error(Y, out), 0.5)
        assert_allclose(model.layers[0].gradients["W"], [[0.25]], rtol=1e-14)
        assert_allclose(model.layers[0].gradients["b"], [[-0.5]], rtol=1e-14)


# The losses once more, straight from their definitions.
FORMULAS = {
    "cross_entropy": lambda Y, P: -np.sum(Y * np.log(P)) / len(Y),
    "binary_cross_entropy": lambda Y, P: -np.sum(Y * np.log(P) + (1 - Y) * np.log(1 - P)) / len(Y),
    "l2": lambda Y, P: np.sum((Y - P) ** 2) / len(Y),
}


class TestGradientsOfWholeNetworks(unittest.TestCase):
    def check(self, loss, layer_args, Y, X=None, prepare=lambda model: None):
        """Compare the loss and every gradient with the formula and its differences."""
        rng = np.random.default_rng(1)
        X = rng.normal(size=(6, 4)) if X is None else X
        model = NeuralNetwork(loss, layer_args, SGD, seed=3)
        model.forward(X)
        for layer in model.layers:
            if "b" in layer.parameters:
                layer.parameters["b"] = rng.normal(size=layer.parameters["b"].shape) / 3
        prepare(model)
        out = model.forward(X)
        for layer, args in zip(model.layers, layer_args, strict=True):
            if "relu" in str(args.get("activation")):  # far from the kink
                self.assertGreater(np.abs(layer.cache["Z"]).min(), 1e-4)
        formula = FORMULAS[loss]
        self.assertAlmostEqual(model.backward(Y, out), formula(Y, out), places=12)
        checked = 0
        for layer in model.layers:
            for name, gradient in list(layer.gradients.items()):
                value = layer.parameters[name]

                def of_parameter(changed, layer=layer, name=name):
                    layer.parameters[name] = changed
                    return formula(Y, model.forward(X))

                self.assertGreater(np.abs(gradient).max(), 1e-3)
                error = check_gradients(of_parameter, gradient, value, 1.0, h=1e-5)
                layer.parameters[name] = value
                self.assertLessEqual(error, 1e-8, msg=f"{name} of {type(layer).__name__}")
                checked += 1
        return checked

    def test_cross_entropy(self):
        Y = np.random.default_rng(0).dirichlet(np.ones(3), size=6)
        for hidden in ("tanh", "sigmoid", "arctan", "relu", "leaky_relu"):
            for output in ("softmax", "sigmoid"):  # canonical, and not
                with self.subTest(hidden=hidden, output=output):
                    layers = [dense(5, hidden), dense(4, "tanh"), dense(3, output)]
                    self.assertEqual(self.check("cross_entropy", layers, Y), 6)

    def test_binary_cross_entropy(self):
        Y = np.array([[1.0], [0.0], [1.0], [0.0], [0.85], [0.3]])

        def between_0_and_1(model):  # tanh is a probability only as long as it is positive
            model.layers[-1].parameters["W"] = model.layers[-1].parameters["W"] / 10
            model.layers[-1].parameters["b"] = np.array([[0.6]])

        for output, prepare in (("sigmoid", lambda model: None), ("tanh", between_0_and_1)):
            with self.subTest(output=output):
                layers = [dense(5, "tanh"), dense(1, output)]
                self.assertEqual(self.check("binary_cross_entropy", layers, Y, prepare=prepare), 4)

    def test_l2(self):
        Y = np.random.default_rng(0).normal(size=(6, 3))
        for output in ("linear", "tanh", "sigmoid", "softmax", "arctan"):
            with self.subTest(output=output):
                layers = [dense(5, "arctan"), dense(3, output)]
                self.assertEqual(self.check("l2", layers, Y), 4)

    def test_images(self):
        X = np.random.default_rng(0).normal(size=(6, 3, 2, 2))
        Y = np.eye(3)[[0, 1, 2, 2, 1, 0]]
        layers = [{"name": "flatten"}, dense(4, "tanh"), dense(3, "softmax")]
        self.assertEqual(self.check("cross_entropy", layers, Y, X), 4)

    def test_sequences(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(3, 4, 5))
        Y = np.eye(3)[rng.integers(3, size=(3, 5))].transpose(0, 2, 1)
        layers = [dense(4, "tanh"), dense(3, "softmax")]
        self.assertEqual(self.check("cross_entropy", layers, Y, X), 4)


class Own(Layer):
    """A fully-connected layer as a student might write it: a plain forward and backward."""

    def __init__(self, n_out, activation, *, dtype="float64", rng=None):
        super().__init__(activation, dtype=dtype, rng=rng)
        self.n_out = n_out

    def _init_parameters(self, X_shape):
        self.parameters["W"] = self.rng.normal(size=(X_shape[1], self.n_out)).astype(self.dtype)
        self.parameters["b"] = np.zeros((1, self.n_out), self.dtype)

    def forward(self, X):
        X = self.check_input(X)
        Z = X @ self.parameters["W"] + self.parameters["b"]
        if self.training:
            self.cache["X"], self.cache["Z"] = X, Z
        return self.activation(Z)

    def backward(self, dLdY):
        dLdZ = self.activation.backward(self.cache["Z"], dLdY)
        self.gradients["W"] = self.cache["X"].T @ dLdZ
        self.gradients["b"] = dLdZ.sum(axis=0, keepdims=True)
        return dLdZ @ self.parameters["W"].T


class TestLayerOfOnesOwn(unittest.TestCase):
    CASES = (
        ("cross_entropy", "softmax", np.eye(3)[[0, 1, 2, 0, 1]]),
        ("binary_cross_entropy", "sigmoid", np.array([[1.0], [0.0], [0.0], [1.0], [0.4]])),
        ("l2", "linear", np.arange(15.0).reshape(5, 3) / 7),
    )

    def test_agrees_with_the_canonical_path(self):
        X = np.random.default_rng(0).normal(size=(5, 4))
        for loss, activation, Y in self.CASES:
            for position in (0, 1, 2):
                with self.subTest(loss=loss, position=position):
                    n_out = Y.shape[1]
                    sizes = [dense(6, "tanh"), dense(5, "sigmoid"), dense(n_out, activation)]
                    theirs = NeuralNetwork(loss, sizes, SGD, seed=0)
                    mine = NeuralNetwork(loss, sizes, SGD, seed=0)
                    args = sizes[position]
                    mine.layers[position] = Own(args["n_out"], args["activation"])
                    theirs.forward(X)
                    mine.forward(X)
                    for a, b in zip(theirs.layers, mine.layers, strict=True):
                        b.parameters["W"] = a.parameters["W"].copy()
                    for _ in range(3):
                        expected_loss = theirs.backward(Y, theirs.forward(X))
                        self.assertAlmostEqual(
                            mine.backward(Y, mine.forward(X)), expected_loss, places=12
                        )
                        for a, b in zip(theirs.layers, mine.layers, strict=True):
                            assert_allclose(b.gradients["W"], a.gradients["W"], rtol=1e-9)
                            assert_allclose(
                                b.gradients["b"], a.gradients["b"], rtol=1e-9, atol=1e-15
                            )
                        theirs.update(0)
                        mine.update(0)
                    self.assertAlmostEqual(
                        mine.predict(X, Y)[1], theirs.predict(X, Y)[1], places=12
                    )


class TestSaturatedLogits(unittest.TestCase):
    """Logits of ±1e4: probabilities are exactly 0 or 1, yet loss and gradient are right."""

    def check(self, loss, activation, logits, Y, Y_hat, expected_loss, factor):
        for dtype in (np.float32, np.float64):
            with self.subTest(loss=loss, dtype=dtype.__name__):
                Z = np.array(logits, dtype)
                m = len(Z)
                model = NeuralNetwork(loss, [dense(Z.shape[1], activation)], SGD, dtype=dtype)
                model.forward(np.eye(m))
                model.layers[0].parameters["W"] = Z  # X is the unit matrix, so Z = W and dW = dZ
                with np.errstate(over="raise", invalid="raise", divide="raise"):
                    out = model.forward(np.eye(m))
                    loss_in_training = model.backward(np.array(Y, dtype), out)
                    _, loss_in_prediction = model.predict(np.eye(m), np.array(Y, dtype))
                assert_array_equal(out, np.array(Y_hat, dtype))
                assert_allclose(loss_in_training, expected_loss, rtol=1e-6)
                self.assertEqual(loss_in_prediction, loss_in_training)
                exact = factor * (np.array(Y_hat, dtype) - np.array(Y, dtype)) / dtype(m)
                self.assertEqual(model.layers[0].gradients["W"].dtype, dtype)
                assert_allclose(
                    model.layers[0].gradients["W"], exact, rtol=2 * np.finfo(dtype).eps, atol=0
                )

    def test_cross_entropy(self):
        logits = [[1e4, -1e4, 0], [-1e4, 1e4, 0], [0, 0, -1e4]]
        Y_hat = [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]]
        Y = [[0, 1, 0], [0, 1, 0], [0, 0, 1]]
        # -ln ŷ of the true class: 2e4, 0 and 1e4 + ln 2
        self.check("cross_entropy", "softmax", logits, Y, Y_hat, (3e4 + math.log(2)) / 3, factor=1)

    def test_binary_cross_entropy(self):
        logits, Y_hat = [[1e4], [-1e4], [1e4], [-1e4], [0]], [[1], [0], [1], [0], [0.5]]
        Y = [[0], [1], [1], [0], [1]]
        # 1e4 for each of the two wrong ones, ln 2 for the undecided one
        self.check(
            "binary_cross_entropy", "sigmoid", logits, Y, Y_hat, (2e4 + math.log(2)) / 5, factor=1
        )

    def test_l2(self):
        logits, Y = [[1e4], [-1e4], [3]], [[-1e4], [0], [1]]
        self.check("l2", "linear", logits, Y, logits, (4e8 + 1e8 + 4) / 3, factor=2)


class TestType(unittest.TestCase):
    """Every array in a network has the network's type, also if the data has another."""

    CASES = (
        ("cross_entropy", "softmax", 3),
        ("cross_entropy", "sigmoid", 3),
        ("binary_cross_entropy", "sigmoid", 1),
        ("l2", "linear", 2),
        ("l2", "tanh", 2),
    )

    def arrays(self, model):
        for layer in model.layers:
            for store in (layer.parameters, layer.gradients, layer.cache):
                for name, value in store.items():
                    if isinstance(value, np.ndarray):
                        yield name, value
        for name, slots in model.optimizer._slots.items():
            yield name, slots["v"]

    def test_both_types_with_data_of_the_other(self):
        for loss, activation, n_out in self.CASES:
            for dtype, other in (("float32", "float64"), ("float64", "float32")):
                with self.subTest(loss=loss, activation=activation, dtype=dtype):
                    layers = [{"name": "flatten"}, dense(4, "relu"), dense(5, "leaky_relu")]
                    layers += [dense(n_out, activation)]
                    optimizer = {"name": "SGD", "lr": 0.1, "momentum": 0.9, "clip_norm": 1e-3}
                    model = NeuralNetwork(loss, layers, optimizer, seed=0, dtype=dtype)
                    X = np.random.default_rng(0).normal(size=(5, 3, 2)).astype(other)
                    Y = np.zeros((5, n_out), other)
                    Y[:, 0] = 1
                    for _ in range(2):
                        out = model.forward(X)
                        loss_value = model.backward(Y, out)
                        model.update(0.5)
                    self.assertIs(type(loss_value), float)
                    self.assertEqual(out.dtype, dtype)
                    self.assertEqual(model.predict(X, Y)[0].dtype, dtype)
                    found = list(self.arrays(model))
                    self.assertEqual(len(found), 3 * 6 + 3 * 2)  # X and Z of three layers
                    for name, value in found:
                        self.assertEqual(value.dtype, dtype, msg=name)

    def test_float64_is_the_default(self):
        model = NeuralNetwork("l2", [dense(1, "linear")], SGD)
        self.assertEqual(model.forward(np.ones((1, 1), np.float32)).dtype, np.float64)


if __name__ == "__main__":
    unittest.main()
