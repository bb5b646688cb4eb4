"""Network: rejected arguments and their messages."""

import math
import unittest

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.layers import LAYERS, Layer
from neural_networks.models import NeuralNetwork, TrainingDiverged, initialize_model
from neural_networks.weights import initialize_weights
from tests.support.arrays import InFolder

SGD = {"name": "SGD", "lr": 0.1}
HIDDEN = {"name": "fully_connected", "n_out": 5, "activation": "tanh"}
OUTPUT = {"name": "fully_connected", "n_out": 3, "activation": "softmax"}


def network(layers=(HIDDEN, OUTPUT), loss="cross_entropy", optimizer=SGD, **options):
    return NeuralNetwork(loss, list(layers), optimizer, **options)


def examples(n=10, d=4, k=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), np.eye(k)[rng.integers(k, size=n)]


class TestConfiguration(unittest.TestCase):
    def refused(self, *patterns, **arguments):
        with self.assertRaises(ValueError) as caught:
            network(**arguments)
        for pattern in patterns:
            self.assertIn(pattern, str(caught.exception))

    def test_no_layers(self):
        for layers in ([], ()):
            self.refused("layer_args is empty", layers=layers)

    def test_unknown_names_with_the_closest(self):
        self.refused("unknown loss 'cross_entrpy'", "mean 'cross_entropy'", loss="cross_entrpy")
        self.refused("unknown optimizer 'sgd'", "mean 'SGD'", optimizer={"name": "sgd", "lr": 1})
        self.refused(
            "unknown scheduler", "'exponential'", optimizer={**SGD, "lr_scheduler": "exponental"}
        )
        layer = {**HIDDEN, "name": "fully_conected"}
        self.refused("layer 1", "unknown layer", "mean 'fully_connected'", layers=[layer, OUTPUT])
        layer = {**OUTPUT, "activation": "sofmax"}
        self.refused("layer 2", "unknown activation", "mean 'softmax'", layers=[HIDDEN, layer])
        layer = {**OUTPUT, "weight_init": "xavier_unifrom"}
        self.refused("layer 2", "mean 'xavier_uniform'", layers=[HIDDEN, layer])

    def test_unknown_options_with_the_closest(self):
        layer = {**HIDDEN, "activaton": "relu"}
        self.refused("layer 1", "no option 'activaton'", "'activation'", layers=[layer, OUTPUT])
        self.refused("'momentun'", "mean 'momentum'", optimizer={**SGD, "momentun": 0.9})
        layer = {**HIDDEN, "stride": 2}
        self.refused("layer 1", "no option 'stride'", layers=[layer, OUTPUT])

    def test_mistakes_in_an_output_layer_without_n_out_are_found_at_once(self):
        opened = {**OUTPUT, "n_out": None}
        self.refused("layer 2", "'softmax'", layers=[HIDDEN, {**opened, "activation": "sotfmax"}])
        self.refused("layer 2", "'actvation'", layers=[HIDDEN, {**opened, "actvation": "relu"}])

    def test_missing_options(self):
        self.refused("layer 1", "needs the option 'n_out'", layers=[{**HIDDEN, "n_out": None}] * 2)
        self.refused("optimizer needs the option 'lr'", optimizer={"name": "SGD"})
        layer = {"name": "fully_connected", "n_out": 3}
        self.refused("layer 1", "needs the option 'activation'", layers=[layer])

    def test_numbers_that_are_not_numbers(self):
        for value in ("0.1", True, None, [0.1]):
            with self.subTest(value=value), self.assertRaisesRegex((TypeError, ValueError), "lr"):
                network(optimizer={"name": "SGD", "lr": value})

    def test_numbers_out_of_range(self):
        self.refused("n_out must be at least 1, got 0", layers=[{**HIDDEN, "n_out": 0}, OUTPUT])
        self.refused("lr must be at least 0", optimizer={"name": "SGD", "lr": -0.1})
        self.refused("momentum must be", "got 1", optimizer={**SGD, "momentum": 1})
        self.refused("clip_norm must be greater than 0", optimizer={**SGD, "clip_norm": 0})
        self.refused("seed must be 0 or greater", seed=-1)
        self.refused("dtype must be 'float32' or 'float64'", dtype="int32")
        with self.assertRaisesRegex(TypeError, "layer 1: n_out must be a whole number, got 2.5"):
            network([{**HIDDEN, "n_out": 2.5}, OUTPUT])

    def test_an_output_layer_without_n_out_waits_for_training(self):
        model = network([HIDDEN, {**OUTPUT, "n_out": None}])
        X, Y = examples()
        for call in (
            lambda: model.forward(X),
            lambda: model.predict(X, None),
            lambda: model.backward(Y, Y),
            lambda: model.test(Dataset(X, Y, 5, test_set=X, test_labels=Y)),
        ):
            with self.assertRaisesRegex(ValueError, "no n_out yet"):
                call()

    def test_initialize_model_checks_as_well(self):
        with self.assertRaisesRegex(ValueError, "did you mean 'l2'"):
            initialize_model("label", "L2", [HIDDEN], SGD)
        model = initialize_model("label", "l2", [HIDDEN], SGD, dtype="float32")
        self.assertEqual((model.name, model.dtype), ("label", np.float32))


class TestData(unittest.TestCase):
    def test_feature_count_after_the_first_batch(self):
        model = network()
        X, Y = examples()
        model.forward(X)
        wrong = np.ones((10, 6))
        message = "X has 6 features, but this layer was made for 4"
        with self.assertRaisesRegex(ValueError, message):
            model.forward(wrong)
        with self.assertRaisesRegex(ValueError, message):
            model.predict(wrong, Y)
        with self.assertRaisesRegex(ValueError, message):
            model.train(Dataset(wrong, Y, 5), 1)
        self.assertEqual((model.epoch, model.history), (0, {}))

    def test_labels_that_break_the_rule(self):
        X, Y = examples()
        broken = {
            "sum to 1, got 2 in row 7": (7, [1.0, 1.0, 0.0]),
            "sum to 1, got 0 in row 3": (3, [0.0, 0.0, 0.0]),
            "not be negative, got -1": (2, [-1.0, 1.0, 1.0]),
        }
        for message, (row, label) in broken.items():
            wrong = Y.copy()
            wrong[row] = label
            with self.subTest(message):
                model = network()
                out = model.forward(X)
                with self.assertRaisesRegex(ValueError, message):
                    model.backward(wrong, out)
                with self.assertRaisesRegex(ValueError, message):
                    model.predict(X, wrong)
                W = model.layers[0].parameters["W"]
                # A validation set is looked at before the training begins, too.
                for data in (Dataset(X, wrong, 3), Dataset(X, Y, 3, X, wrong)):
                    with self.assertRaisesRegex(ValueError, message):
                        model.train(data, 1)
                self.assertIs(model.layers[0].parameters["W"], W)
                self.assertEqual(model.history, {})

    def test_labels_of_binary_cross_entropy(self):
        X, _ = examples()
        model = network([{**OUTPUT, "n_out": 1, "activation": "sigmoid"}], "binary_cross_entropy")
        out = model.forward(X)
        with self.assertRaisesRegex(ValueError, r"lie in \[0, 1\], got 2 ... 2"):
            model.backward(np.full((10, 1), 2.0), out)
        with self.assertRaisesRegex(ValueError, r"must be \(m, 1\), got \(10, 2\)"):
            model.train(Dataset(X, np.ones((10, 2)), 5), 1)

    def test_shapes_that_do_not_fit(self):
        X, Y = examples()
        model = network()
        out = model.forward(X)
        for wrong in (Y[:9], Y[:, :2], Y[:, 0], Y[:, :, None]):
            with self.assertRaises(ValueError) as caught:
                model.backward(wrong, out)
            self.assertIn(f"{wrong.shape} but predictions (10, 3)", str(caught.exception))
        with self.assertRaisesRegex(ValueError, "has 3 units, but labels have 4 columns"):
            model.train(Dataset(X, np.eye(10)[:, :4] * 0 + 0.25, 5), 1)

    def test_training_without_labels(self):
        X, Y = examples()
        with self.assertRaisesRegex(ValueError, "need labels"):
            network().train(Dataset(X, Y, 5, validation_set=X), 1)

    def test_error_of_shapes_that_would_broadcast(self):
        with self.assertRaisesRegex(ValueError, r"\(10,\).*\(10, 1\)"):
            network(loss="l2").error(np.ones(10), np.ones((10, 1)))

    def test_lists(self):
        with self.assertRaisesRegex(TypeError, "X must be a NumPy array, got list"):
            network().forward([[1.0, 2.0]])

    def test_integers(self):
        with self.assertRaisesRegex(TypeError, "floats, got int64"):
            network().forward(np.ones((2, 4), np.int64))

    def test_epochs(self):
        data = Dataset(*examples(), 5)
        for epochs, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError)):
            with self.assertRaisesRegex(error, f"epochs must be .*got {epochs}"):
                network().train(data, epochs)

    def test_backward_before_forward(self):
        model = network()
        _, Y = examples()
        with self.assertRaisesRegex(RuntimeError, "forward"):
            model.backward(Y, Y)

    def test_no_test_set(self):
        X, Y = examples()
        model, data = network(), Dataset(X, Y, 5)
        for call in (model.test, model.test_kaggle):
            with self.assertRaisesRegex(ValueError, "no test set"):
                call(data)


class TestAfterwards(InFolder):
    def test_a_refused_batch_leaves_no_trace_in_a_file(self):
        X, _ = examples()
        model, path = network(), self.root / "network.npz"
        out = model.forward(X)
        with self.assertRaises(ValueError):
            model.forward(X[:, :2])
        model.save(path)
        other = network()
        other.load(path)
        np.testing.assert_array_equal(other.predict(X, None)[0], out)


class PlainSigmoid(Layer):
    """One unit, written without the entrance for dL/dZ, so that the loss sees predictions."""

    def __init__(self, *, dtype="float64", rng=None):
        super().__init__("sigmoid", dtype=dtype, rng=rng)

    def _init_parameters(self, X_shape):
        draw = initialize_weights("normal", rng=self.rng, dtype=self.dtype)
        self.parameters["W"] = draw((X_shape[1], 1))

    def forward(self, X):
        self.cache["X"] = X = self.check_input(X)
        return self.activation(X @ self.parameters["W"])

    def backward(self, dLdY):
        Z = self.cache["X"] @ self.parameters["W"]
        self.gradients["W"] = self.cache["X"].T @ self.activation.backward(Z, dLdY)


class TestDivergence(unittest.TestCase):
    def test_an_exploding_loss_names_the_epoch_and_a_way_out(self):
        X, Y = examples()
        layers = [{**OUTPUT, "activation": "linear"}]
        for dtype in ("float32", "float64"):
            model = network(layers, "l2", {"name": "SGD", "lr": 1e3}, seed=0, dtype=dtype)
            with self.subTest(dtype), self.assertRaises(TrainingDiverged) as caught:
                model.train(Dataset(X, Y, 5, seed=0), 10_000)
            message = str(caught.exception)
            self.assertRegex(message, "the loss became (inf|nan)")
            self.assertIn(f"in epoch {model.epoch + 1},", message)
            self.assertGreater(model.epoch, 0)
            self.assertIn("learning rate below 1000", message)
            self.assertIn("clip_norm", message)
            self.assertTrue(all(map(math.isfinite, model.history["train_loss"])))
            self.assertEqual(len(model.history["train_loss"]), model.epoch)

    def test_a_parameter_that_is_not_a_number(self):
        X, Y = examples()
        binary = Y[:, :1]
        layers = {
            "cross_entropy": ("softmax", Y),
            "binary_cross_entropy": ("sigmoid", binary),
            "l2": ("tanh", Y),
        }
        for loss, (activation, labels) in layers.items():
            with self.subTest(loss):
                args = [HIDDEN, {**OUTPUT, "n_out": labels.shape[1], "activation": activation}]
                model = network(args, loss, seed=0)
                data = Dataset(X, labels, 5, seed=0)
                model.train(data, 2)
                model.layers[0].parameters["W"] = np.full((4, 5), np.nan)
                with self.assertRaisesRegex(TrainingDiverged, "became nan in epoch 3, step 1"):
                    model.train(data, 1)
                self.assertEqual(model.epoch, 2)

    def test_with_a_layer_of_ones_own(self):
        X, Y = examples()
        LAYERS["plain_sigmoid"] = PlainSigmoid
        self.addCleanup(LAYERS.pop, "plain_sigmoid")
        model = network([{"name": "plain_sigmoid"}], "binary_cross_entropy", seed=0)
        data = Dataset(X, Y[:, :1], 5, seed=0)
        model.train(data, 1)
        model.layers[0].parameters["W"] = np.full((4, 1), np.nan)
        with self.assertRaisesRegex(TrainingDiverged, "became nan in epoch 2"):
            model.train(data, 1)

    def test_a_validation_loss_that_is_not_a_number(self):
        X, Y = examples()
        model = network(seed=0)
        data = Dataset(X, Y, 5, X, Y, seed=0)

        def last_step_ruins_it(epoch):
            model.layers[0].parameters["W"] = np.full((4, 5), np.nan)

        model.update = last_step_ruins_it
        data.train.batch_size, data.train.samples_per_epoch = 10, 1
        with self.assertRaisesRegex(TrainingDiverged, "validation loss became nan in epoch 1"):
            model.train(data, 3)
        self.assertEqual(len(model.history["train_loss"]), 1)

    def test_it_is_an_arithmetic_error(self):
        self.assertTrue(issubclass(TrainingDiverged, ArithmeticError))


class TestGradients(unittest.TestCase):
    """Mistakes in a new layer's ``backward``, found by ``update``."""

    def setUp(self):
        layers = [{"name": "fully_connected", "activation": "softmax", "n_out": 3}]
        self.model = NeuralNetwork("cross_entropy", layers, {"name": "SGD", "lr": 0.1}, seed=0)
        self.Y = np.eye(3)[[0, 1]]
        self.model.backward(self.Y, self.model.forward(np.ones((2, 4))))
        self.before = {key: value.copy() for key, value in self.model.arrays().items()}

    def refused(self, message):
        with self.assertRaisesRegex(ValueError, message):
            self.model.update(0)
        np.testing.assert_equal(self.model.arrays(), self.before)

    def test_of_another_shape(self):
        self.model.layers[0].gradients["b"] = np.ones((2, 3))
        self.refused(
            r"FullyConnected.backward: the gradient of layer1.b has shape \(2, 3\), but the "
            r"parameter has shape \(1, 3\)"
        )

    def test_missing(self):
        del self.model.layers[0].gradients["W"]
        self.refused("the gradient of layer1.W is missing, but the parameter has shape")


if __name__ == "__main__":
    unittest.main()
