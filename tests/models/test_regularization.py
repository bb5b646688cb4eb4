"""Penalty on the weights: value, gradient, training, files."""

import math
import unittest

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import Dataset
from neural_networks.layers import FullyConnected
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork, initialize_model
from neural_networks.regularization import WeightPenalty, penalized_weights
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import InFolder, examples, read_only
from tests.support.normalization_cases import conv, dense, residual

SGD = {"name": "SGD", "lr": 0.1}
SOFTMAX = dense(3, "softmax")
LAYERS = [dense(5), SOFTMAX]
BATCH_NORM = {"name": "batch_norm", "activation": "tanh"}
PENALTIES = ({}, {"l2": 0.3}, {"l1": 0.2}, {"l2": 0.3, "l1": 0.2})


def network(layers=LAYERS, loss="cross_entropy", optimizer=SGD, **options):
    return NeuralNetwork(loss, layers, optimizer, **{"seed": 0, **options})


def by_name(model, what="parameters"):
    """Parameters, or gradients, under the names that they have in a saved file."""
    return {key: getattr(layer, what)[name] for key, layer, name in model.parameters()}


def penalty_of(weights, l2=0.0, l1=0.0):
    """R once more, a number at a time."""
    numbers = [float(w) for W in weights for w in W.ravel()]
    return sum(l2 / 2 * w * w + l1 * abs(w) for w in numbers)


class TestByHand(unittest.TestCase):
    def setUp(self):
        self.layer = FullyConnected(2, "linear")
        self.layer._init_parameters((-1, 2))
        self.layer.parameters["W"] = np.array([[1.0, -2.0], [0.0, 0.5]])
        self.layer.parameters["b"] = np.array([[10.0, 20.0]])

    def test_penalty(self):
        # Σ W² = 1 + 4 + 0.25 = 5.25 and Σ |W| = 3.5.
        for l2, l1, expected in ((0.4, 0, 1.05), (0, 0.1, 0.35), (0.4, 0.1, 1.4), (0, 0, 0)):
            self.assertAlmostEqual(WeightPenalty(l2, l1).penalty([self.layer]), expected)
        self.assertAlmostEqual(WeightPenalty(0.4).penalty([self.layer, self.layer]), 2.1)

    def test_gradient(self):
        # 0.4 W + 0.1 sign(W) is added to the ones, and nothing where W is 0.
        cases = {
            (0.4, 0): [[1.4, 0.2], [1.0, 1.2]],
            (0, 0.1): [[1.1, 0.9], [1.0, 1.1]],
            (0.4, 0.1): [[1.5, 0.1], [1.0, 1.3]],
        }
        for (l2, l1), expected in cases.items():
            ones = {"W": read_only(np.ones((2, 2))), "b": np.ones((1, 2))}
            self.layer.gradients.update(ones)
            WeightPenalty(l2, l1).add_gradients([self.layer])
            assert_allclose(self.layer.gradients["W"], expected, rtol=1e-14)
            self.assertIs(self.layer.gradients["b"], ones["b"])
            assert_array_equal(ones["W"], 1)

    def test_is_true_if_there_is_a_penalty(self):
        penalties = (WeightPenalty(), WeightPenalty(l2=1e-9), WeightPenalty(l1=1e-9))
        self.assertEqual([bool(penalty) for penalty in penalties], [False, True, True])

    def test_strengths_out_of_range(self):
        for name in ("l2", "l1"):
            for value in (-1e-9, math.nan, math.inf):
                for make in (WeightPenalty, network):
                    with self.assertRaisesRegex(ValueError, f"{name} must be at least 0"):
                        make(**{name: value})
            for value in ("0.1", True, None):
                with self.assertRaisesRegex(TypeError, f"{name} must be a number"):
                    WeightPenalty(**{name: value})


# Layers and loss of a network, the names of its weights, and the shape of its input.
WHOLE_NETWORKS = {
    "dense": (LAYERS, "cross_entropy", ["layer1.W", "layer2.W"], (4,)),
    "squared error": ([dense(4), dense(3, "tanh")], "l2", ["layer1.W", "layer2.W"], (4,)),
    "conv": (
        [conv(2, "tanh"), {"name": "pool2d", "kernel_shape": 2}, {"name": "flatten"}, SOFTMAX],
        "cross_entropy",
        ["layer1.W", "layer4.W"],
        (3, 3, 2),
    ),
    "elman": (
        [{"name": "elman", "n_out": 4, "return_sequences": True}, {"name": "elman", "n_out": 3}],
        "l2",
        ["layer1.W", "layer1.U", "layer2.W", "layer2.U"],
        (2, 4),
    ),
    "batch_norm": (
        [dense(4, "linear"), BATCH_NORM, SOFTMAX],
        "cross_entropy",
        ["layer1.W", "layer3.W"],
        (4,),
    ),
    "residual": (
        [residual(dense(5), BATCH_NORM, residual(dense(3), dense(5)), dense(4)), SOFTMAX],
        "cross_entropy",
        ["layer1.1.W", "layer1.3.1.W", "layer1.3.2.W", "layer1.4.W", "layer2.W"],
        (4,),
    ),
    "dropout": (
        [dense(8), {"name": "dropout", "p": 0.4, "seed": 3}, SOFTMAX],
        "cross_entropy",
        ["layer1.W", "layer3.W"],
        (4,),
    ),
    "hinge": ([dense(5), dense(3, "linear")], "hinge", ["layer1.W", "layer2.W"], (4,)),
}

# A batch normalization subtracts what the bias before it has added.
NO_INFLUENCE = ("batch_norm", "layer1.b")


class TestWholeNetworks(unittest.TestCase):
    """Loss and gradients, with and without a penalty, of parameters that are far from 0."""

    def networks(self):
        """Each network with random parameters, with each penalty; its weights' names; a batch."""
        for what, (layers, loss, weights, shape) in WHOLE_NETWORKS.items():
            for penalty in PENALTIES:
                rng = np.random.default_rng(1)
                model = network(layers, loss, **penalty)
                X, Y = rng.normal(size=(5, *shape)), np.eye(3)[[0, 1, 2, 1, 0]]
                model.forward(X)
                for _, layer, name in model.parameters():
                    value = rng.normal(size=layer.parameters[name].shape) / 2
                    layer.parameters[name] = np.where(np.abs(value) < 1e-3, 0.1, value)
                model.name = f"{what} {penalty}"
                yield model, weights, (X, Y), penalty

    def test_loss_is_that_of_the_data_plus_the_penalty(self):
        for model, weights, (X, Y), penalty in self.networks():
            out = model.forward(X)
            loss = model.backward(Y, out)
            values = by_name(model)
            R = penalty_of([values[name] for name in weights], **penalty)
            data_loss = model.loss.forward(Y, out)
            self.assertAlmostEqual(loss, data_loss + R, places=12, msg=model.name)
            self.assertAlmostEqual(model.penalty, R, places=12)
            self.assertEqual(R > 0.5, bool(penalty))
            self.assertIs(type(loss), float)

    def test_gradients(self):
        for model, weights, batch, penalty in self.networks():
            model.backward(batch[1], model.forward(batch[0]))
            for key, layer, name in model.parameters():
                loss = self.as_function(model, layer, name, weights, batch, penalty)
                value, gradient = layer.parameters[name], layer.gradients[name]
                with self.subTest(model.name, parameter=key):
                    if (model.name.split()[0], key) == NO_INFLUENCE:
                        self.assertLess(np.abs(gradient).max(), 1e-14)
                        self.assertAlmostEqual(loss(value + 1), loss(value), places=13)
                    else:
                        error = check_gradients(loss, gradient, value, 1.0, h=1e-5)
                        self.assertLessEqual(error, 1e-6)
                layer.parameters[name] = value

    def as_function(self, model, layer, name, weights, batch, penalty):
        """Loss and penalty as a function of one parameter."""
        X, Y = batch

        def loss(value):
            layer.parameters[name] = value
            values = by_name(model)
            R = penalty_of([values[key] for key in weights], **penalty)
            return model.loss.forward(Y, model.forward(X)) + R

        return loss

    def test_only_the_weights_feel_it(self):
        for model, weights, (X, Y), penalty in self.networks():
            model.backward(Y, model.forward(X))
            with_penalty = by_name(model, "gradients")
            model.regularization = WeightPenalty()
            model.backward(Y, model.forward(X))
            without = by_name(model, "gradients")
            self.assertGreater(len(without), len(weights))
            for key, gradient in without.items():
                equal = np.array_equal(gradient, with_penalty[key])
                free = not penalty or key not in weights
                self.assertEqual(equal, free, msg=f"{key}, {model.name}")

    def test_names_of_the_weights(self):
        for model, weights, _, _ in self.networks():
            values = by_name(model)
            found = [layer.parameters[name] for layer, name in penalized_weights(model.layers)]
            self.assertEqual([id(W) for W in found], [id(values[name]) for name in weights])


class TestDescent(unittest.TestCase):
    def descent(self, X, Y, parameters, steps, decay):
        """Momentum on a tanh layer and a softmax, written out; the weights, not b, decay."""
        W1, b1, W2, b2 = (value.copy() for value in parameters)
        velocity = [np.zeros_like(value) for value in (W1, b1, W2, b2)]
        for _ in range(steps):
            H = np.tanh(X @ W1 + b1)
            P = np.exp(H @ W2 + b2)
            D2 = (P / P.sum(axis=1, keepdims=True) - Y) / len(X)
            D1 = D2 @ W2.T * (1 - H * H)
            gradients = X.T @ D1 + decay * W1, D1.sum(0), H.T @ D2 + decay * W2, D2.sum(0)
            for v, value, g in zip(velocity, (W1, b1, W2, b2), gradients, strict=True):
                v[:] = 0.9 * v + 0.1 * g
                value -= v
        return W1, b1, W2, b2

    def test_l2_is_weight_decay_on_the_weights(self):
        X, Y = examples()
        model = network(optimizer={**SGD, "momentum": 0.9}, l2=0.05)
        model.forward(X)
        expected = self.descent(X, Y, list(by_name(model).values()), 50, decay=0.05)
        for _ in range(50):
            model.backward(Y, model.forward(X))
            model.update(0)
        for found, value in zip(by_name(model).values(), expected, strict=True):
            assert_allclose(found, value, rtol=1e-9, atol=1e-12)

    def test_l1_leaves_many_weights_almost_0(self):
        X, Y = examples(60, d=20)
        Y[:, :] = np.eye(3)[(X[:, 0] > 0) * 1]  # 19 of the 20 inputs say nothing
        shares = []
        for l1 in (0, 0.05):
            model = network([SOFTMAX], l1=l1)
            for _ in range(200):
                model.backward(Y, model.forward(X))
                model.update(0)
            shares.append((np.abs(model.layers[0].parameters["W"]) < 0.01).mean())
        self.assertLess(shares[0], 0.15)
        self.assertGreater(shares[1], 0.7)

    def test_float32_stays_float32(self):
        X, Y = examples()
        layers = [dense(5), residual(dense(3), dense(5)), SOFTMAX]
        for penalty in PENALTIES[1:]:
            model = network(layers, dtype="float32", **penalty)
            model.backward(Y, model.forward(X))
            model.update(0)
            for what in ("parameters", "gradients"):
                for key, value in by_name(model, what).items():
                    self.assertEqual(value.dtype, np.float32, msg=key)

    def test_the_penalty_of_float32_is_summed_in_float64(self):
        layer = FullyConnected(1000, "linear", dtype="float32")
        layer._init_parameters((-1, 1000))
        layer.parameters["W"] = np.full((1000, 1000), 0.1, np.float32)
        expected = 1e6 * (float(np.float32(0.1)) ** 2 / 2 + float(np.float32(0.1)))
        assert_allclose(WeightPenalty(1.0, 1.0).penalty([layer]), expected, rtol=1e-11)


class TestLossesInTraining(InFolder):
    """Recorded losses do not include the penalty, which has its own column."""

    def trained(self, optimizer=SGD, **penalty):
        logger = Logger("run", {}, {}, save=True, save_dir=self.root, overwrite=True)
        model = network(optimizer=optimizer, logger=logger, **penalty)
        data = Dataset(*examples(), 4, *examples(7, seed=1), *examples(6, seed=2), seed=0)
        model.train(data, 2)
        return model, data

    def test_of_a_network_that_stands_still(self):
        still = {**SGD, "lr": 0}
        plain, data = self.trained(still)
        scores = plain.test(data)
        model, _ = self.trained(still, l2=0.3, l1=0.2)
        R = penalty_of([layer.parameters["W"] for layer in model.layers], l2=0.3, l1=0.2)
        assert_allclose(model.history["penalty"], [R, R], rtol=1e-13)
        for name, values in plain.history.items():
            assert_allclose(model.history[name], values, rtol=1e-13)
        assert_allclose(model.step_losses, plain.step_losses, rtol=1e-13)
        self.assertEqual(model.test(data), scores)
        X, Y = examples()
        self.assertEqual(model.predict(X, Y)[1], plain.predict(X, Y)[1])

    def test_a_column_for_models_with_a_penalty(self):
        columns = ["train_loss", "train_error", "validation_loss", "validation_error"]
        for penalty in PENALTIES:
            model, _ = self.trained(**penalty)
            expected = set(columns) | ({"penalty"} if penalty else set())
            self.assertEqual(set(model.history), expected)
            self.assertEqual(set(self.rows()[0]), expected | {"epoch"})
            self.assertEqual(model.penalty > 0, bool(penalty))

    def test_a_column_although_there_is_nothing_to_penalize(self):
        layers = [{**SOFTMAX, "weight_init": "zeros"}]
        model = network(layers, optimizer={**SGD, "lr": 0}, l2=0.3)
        model.train(Dataset(*examples(), 4, seed=0), 1)
        self.assertEqual(list(model.history["penalty"]), [0.0])

    def test_the_column_is_weighted_by_batch_size(self):
        model = network(l2=0.3)
        backward, seen = model.backward, []

        def watched(Y, out):
            loss = backward(Y, out)
            seen.append(len(Y) * penalty_of([layer.parameters["W"] for layer in model.layers], 0.3))
            return loss

        model.backward = watched
        model.train(Dataset(*examples(), 4, seed=0), 1)
        self.assertEqual(len(set(seen)), 3)
        assert_allclose(model.history["penalty"], [sum(seen) / 10], rtol=1e-13)

    def test_initialize_model_passes_it_on(self):
        model = initialize_model("name", "cross_entropy", LAYERS, SGD, l2=0.5, l1=0.25)
        self.assertEqual((model.regularization.l2, model.regularization.l1), (0.5, 0.25))


class TestOneNormForAllGradients(unittest.TestCase):
    """clip_global_norm in a network: one factor for all parameters, penalty included."""

    def steps(self, limit):
        """Gradients and steps of an update with learning rate 1."""
        X, Y = examples()
        layers = [dense(5), residual(dense(3), dense(5)), SOFTMAX]
        model = network(layers, optimizer={"name": "SGD", "lr": 1, "clip_global_norm": limit}, l2=1)
        model.backward(Y, model.forward(X))
        before, gradients = by_name(model), by_name(model, "gradients")
        model.update(0)
        after = by_name(model)
        return gradients, {name: before[name] - after[name] for name in before}

    def test_too_long_a_gradient(self):
        gradients, steps = self.steps(0.25)
        norm = math.sqrt(sum(float((g * g).sum()) for g in gradients.values()))
        self.assertGreater(norm, 1)
        for name, step in steps.items():
            assert_allclose(step, gradients[name] * 0.25 / norm, rtol=1e-9, atol=1e-15)

    def test_a_gradient_that_is_short_enough(self):
        gradients, steps = self.steps(100)
        for name, step in steps.items():
            assert_allclose(step, gradients[name], rtol=1e-9, atol=1e-15)


if __name__ == "__main__":
    unittest.main()
