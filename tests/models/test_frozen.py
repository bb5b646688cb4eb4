"""Frozen layers: training leaves them as they are, and their gradients are not computed."""

import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import Dataset
from neural_networks.layers import LAYERS, BatchNorm, FullyConnected, Layer, initialize_layer
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import OPTIMIZERS
from neural_networks.utils.grad_check import check_gradients, check_network
from tests.support.arrays import InFolder

RNG = np.random.default_rng(0)
N = 12
ROWS, IMAGES, SEQUENCES = (RNG.normal(size=(N, *shape)) for shape in ((4,), (4, 4, 2), (4, 5)))
Y = np.eye(3)[np.arange(N) % 3]
SOFTMAX = {"name": "fully_connected", "activation": "softmax", "n_out": None}
HIDDEN = {"name": "fully_connected", "activation": "tanh", "n_out": 4}
CASES = {
    "fully_connected": (HIDDEN, ROWS, []),
    "conv2d": (
        {"name": "conv2d", "activation": "tanh", "n_out": 3, "kernel_shape": 3},
        IMAGES,
        [{"name": "flatten"}],
    ),
    "elman": ({"name": "elman", "n_out": 5}, SEQUENCES, []),
    "batch_norm": ({"name": "batch_norm"}, ROWS, []),
    "layer_norm": ({"name": "layer_norm"}, ROWS, []),
    "residual": ({"name": "residual", "layers": [HIDDEN, {"name": "batch_norm"}]}, ROWS, []),
}
SGD = {"name": "SGD", "lr": 0.1, "momentum": 0.9}


def network(*layers, optimizer=SGD, **options):
    return NeuralNetwork("cross_entropy", layers, optimizer, seed=0, **options)


def arrays_of(layer):
    return {**{k: v.copy() for k, v in layer.parameters.items()}, **copies(layer.buffers)}


def copies(arrays):
    return {key: array.copy() for key, array in arrays.items()}


class TestTraining(unittest.TestCase):
    def test_leaves_every_kind_of_layer_as_it_is(self):
        """With every optimizer, weight decay and a penalty."""
        self.assertEqual(
            set(CASES), {n for n in LAYERS if n not in ("pool2d", "flatten", "dropout")}
        )
        for name, (layer, X, after) in CASES.items():
            for optimizer in OPTIMIZERS:
                rule = {"name": optimizer, "lr": 0.1, "weight_decay": 0.1, "clip_global_norm": 1.0}
                layers = [{**layer, "frozen": True}, *after, SOFTMAX]
                model = network(*layers, optimizer=rule, l2=0.1, l1=0.1)
                dataset = Dataset(X, Y, 4, seed=0)
                model.prepare(dataset)
                before, last = arrays_of(model.layers[0]), arrays_of(model.layers[-1])
                model.train(dataset, 2)
                with self.subTest(name, optimizer=optimizer):
                    for key, value in arrays_of(model.layers[0]).items():
                        assert_array_equal(value, before[key])
                    for key, value in arrays_of(model.layers[-1]).items():
                        self.assertTrue((value != last[key]).any())
                    self.assertFalse([k for k in model.optimizer._slots if k.startswith("layer1.")])

    def test_others_learn_as_if_it_were_not_trained(self):
        """The gradients of the others are those of the same network without a frozen layer."""
        for number in range(3):
            layers = [HIDDEN, {**HIDDEN, "n_out": 5}, {**SOFTMAX, "n_out": 3}]
            plain, model = network(*layers), network(*layers)
            model.layers[number].frozen = True
            losses = [net.backward(Y, net.forward(ROWS)) for net in (plain, model)]
            self.assertEqual(*losses)
            for i, (one, other) in enumerate(zip(plain.layers, model.layers, strict=True)):
                for key, gradient in one.gradients.items():
                    if i != number:
                        assert_array_equal(other.gradients[key], gradient)

    def test_the_penalty_is_that_of_the_others(self):
        model = network(HIDDEN, {**SOFTMAX, "n_out": 3}, l2=0.5)
        model.backward(Y, model.forward(ROWS))
        penalties = [0.25 * float((layer.parameters["W"] ** 2).sum()) for layer in model.layers]
        self.assertAlmostEqual(model.penalty, sum(penalties))
        for frozen in (0, 1):
            model.layers[frozen].frozen = True
            model.backward(Y, model.forward(ROWS))
            self.assertAlmostEqual(model.penalty, penalties[1 - frozen])
            model.layers[frozen].frozen = False

    def test_gradients_below_the_first_layer_that_learns_are_not_computed(self):
        layers = [HIDDEN, {"name": "dropout"}, {**HIDDEN, "n_out": 5}, {**SOFTMAX, "n_out": 3}]
        model = network(*layers)
        model.forward(ROWS)
        for layer in model.layers[:3]:
            layer.frozen = True
        with mock.patch.object(Layer, "check_gradient", side_effect=AssertionError):
            model.backward(Y, model.forward(ROWS))
        for layer in model.layers[:3]:
            self.assertFalse(any(g.any() for g in layer.gradients.values()))
        for layer in model.layers:
            layer.frozen = False
        model.backward(Y, model.forward(ROWS))
        self.assertTrue(model.layers[0].gradients["W"].any())

    def test_it_may_be_changed_between_two_trainings(self):
        model, dataset = network(HIDDEN, SOFTMAX), Dataset(ROWS, Y, 4, seed=0)
        model.train(dataset, 1)
        for frozen in (True, False, True):
            model.layers[0].frozen = frozen
            W = model.layers[0].parameters["W"].copy()
            model.train(dataset, 1)
            self.assertIs(bool((model.layers[0].parameters["W"] == W).all()), frozen)

    def test_nothing_to_train(self):
        model = network(
            {**HIDDEN, "frozen": True}, {"name": "dropout"}, {**SOFTMAX, "frozen": True}
        )
        dataset = Dataset(ROWS, Y, 4, seed=0)
        for act in (lambda: model.prepare(dataset), lambda: model.train(dataset, 1)):
            with self.assertRaisesRegex(ValueError, "^all layers with parameters are frozen"):
                act()

    def test_of_one_s_own(self):
        """A layer whose ``backward`` and constructor know nothing of it."""

        class Scale(Layer):
            def __init__(self):
                super().__init__()

            def forward(self, X):
                X = self.check_input(X)
                self.cache["X"] = X
                return X * self.parameters["W"]

            def backward(self, dLdY):
                self.gradients["W"] = (dLdY * self.cache["X"]).sum(axis=0, keepdims=True)
                return dLdY * self.parameters["W"]

            def _init_parameters(self, X_shape):
                self.parameters["W"] = np.ones((1, X_shape[1]))

        with mock.patch.dict(LAYERS, scale=Scale):
            model = network(HIDDEN, {"name": "scale", "frozen": True}, SOFTMAX, l2=0.1)
        model.train(Dataset(ROWS, Y, 4, seed=0), 2)
        assert_array_equal(model.layers[1].parameters["W"], np.ones((1, 4)))


class TestBatchNorm(unittest.TestCase):
    """A frozen one computes the same in training as in prediction."""

    def test_the_moving_averages_are_used_and_stay(self):
        layer = BatchNorm("tanh")
        for _ in range(5):
            layer.forward(2 * ROWS + 1)
        predicted = layer.for_inference().forward(ROWS)
        buffers, layer.frozen = copies(layer.buffers), True
        assert_array_equal(layer.forward(ROWS), predicted)
        for key, value in buffers.items():
            assert_array_equal(layer.buffers[key], value)

    def test_gradients(self):
        for shape in ((6, 4), (5, 4, 3), (3, 2, 2, 4)):
            rng = np.random.default_rng(1)
            X, dLdY = rng.normal(size=(2, *shape))
            layer = BatchNorm("tanh")
            layer.forward(2 * X + 1)
            layer.frozen = True
            layer.forward(X)
            gradient = layer.backward(dLdY)
            self.assertLess(check_gradients(layer.forward, gradient, X, dLdY), 1e-8)

    def test_of_a_network(self):
        layers = [HIDDEN, {"name": "batch_norm", "frozen": True}, {**SOFTMAX, "n_out": 3}]
        model = network(*layers)
        reports = check_network(model, ROWS, Y)
        self.assertEqual({key.split(".")[0] for key in reports}, {"layer1", "layer3"})
        self.assertLess(max(report.relative_error for report in reports.values()), 1e-6)

    def test_a_batch_of_one_example(self):
        layers = [{"name": "batch_norm", "frozen": True}, SOFTMAX]
        network(*layers).train(Dataset(ROWS, Y, 1, seed=0), 1)
        layers[0] = {"name": "batch_norm"}
        with self.assertRaisesRegex(ValueError, "cannot train on a batch of 1"):
            network(*layers).train(Dataset(ROWS, Y, 1, seed=0), 1)


class TestBlocks(unittest.TestCase):
    def block(self, *frozen):
        inner = [{**HIDDEN, "frozen": True} if n in frozen else HIDDEN for n in range(2)]
        return {"name": "residual", "layers": inner}

    def test_a_layer_inside(self):
        model = network(self.block(0), SOFTMAX, l2=0.1)
        dataset = Dataset(ROWS, Y, 4, seed=0)
        model.prepare(dataset)
        block = model.layers[0]
        self.assertFalse(block.frozen)
        before = copies(block.parameters)
        model.train(dataset, 1)
        for key, value in block.parameters.items():
            self.assertIs(bool((value == before[key]).all()), key.startswith("1."))

    def test_all_of_them(self):
        block = initialize_layer(**self.block())
        block.frozen = True
        self.assertTrue(all(layer.frozen for layer in block.children))
        self.assertEqual(list(block.trained()), [])
        block.children[1].frozen = False
        self.assertFalse(block.frozen)
        self.assertTrue(initialize_layer(**self.block(0, 1)).frozen)


class TestOption(unittest.TestCase):
    def test_of_every_layer(self):
        for name in ("pool2d", "flatten", "dropout", *CASES):
            args = {"pool2d": {"kernel_shape": 2}}.get(name, {})
            args |= CASES[name][0] if name in CASES else {"name": name}
            self.assertIs(initialize_layer(**args).frozen, False)
            layer = initialize_layer(**args, frozen=True)
            self.assertIs(layer.frozen, True)
            self.assertIn("frozen", repr(layer))

    def test_what_is_not_a_bool(self):
        with self.assertRaisesRegex(TypeError, "layer 1: frozen must be true or false, got 1"):
            network({**HIDDEN, "frozen": 1})
        with self.assertRaisesRegex(TypeError, "layer 1: frozen must be true or false, got 'yes'"):
            network({**SOFTMAX, "frozen": "yes"})

    def test_an_output_layer_without_a_size(self):
        layers = [HIDDEN, {**SOFTMAX, "frozen": True}]
        model, dataset = network(*layers), Dataset(ROWS, Y, 4, seed=0)
        self.assertIn("frozen", repr(model))
        model.prepare(dataset)
        self.assertTrue(model.layers[-1].frozen)
        for option, frozen in ((False, True), (True, False)):
            model = network(HIDDEN, {**SOFTMAX, "frozen": option})
            model.layers[-1].frozen = frozen
            model.prepare(dataset)
            self.assertIs(model.layers[-1].frozen, frozen)


class TestWhereItShows(InFolder):
    def test_summary(self):
        model = network({**HIDDEN, "frozen": True}, {"name": "dropout"}, SOFTMAX)
        model.prepare(Dataset(ROWS, Y, 4, seed=0))
        head, first, *others = model.summary().splitlines()
        self.assertEqual(head, "Network: 35 parameters (20 frozen), float64")
        self.assertIn("tanh, frozen", first)
        self.assertFalse([line for line in others if "frozen" in line])
        model.layers[0].frozen = False
        self.assertNotIn("frozen", model.summary())

    def test_state(self):
        for last in (SOFTMAX, {**SOFTMAX, "n_out": 3}):
            block = {"name": "residual", "layers": [{**HIDDEN, "frozen": True}, HIDDEN]}
            model, dataset = network(HIDDEN, block, last), Dataset(ROWS, Y, 4, seed=0)
            model.layers[0].frozen = True
            state = model.state()
            other = network(HIDDEN, {**block, "layers": [HIDDEN, HIDDEN]}, last)
            other.load_state(state)
            self.assertEqual([layer.frozen for layer in other.layers], [True, False, False])
            self.assertEqual([x.frozen for x in other.layers[1].children], [True, False])
            model.train(dataset, 1)
            model.layers[0].frozen = False
            other.load_state(model.state())
            self.assertFalse(other.layers[0].frozen)

    def test_parameters_are_saved_and_the_best_ones_restored(self):
        model = network({**HIDDEN, "frozen": True}, SOFTMAX)
        dataset = Dataset(ROWS, Y, 4, ROWS, Y, seed=0)
        model.train(dataset, 3, restore_best=True)
        model.save(self.root / "a.npz")
        other = network(HIDDEN, SOFTMAX)
        other.load(self.root / "a.npz")
        assert_allclose(other.predict(ROWS)[0], model.predict(ROWS)[0], rtol=1e-15)


class TestByHand(unittest.TestCase):
    def test_of_a_layer_alone(self):
        layer = FullyConnected(3, "tanh")
        layer.frozen = True
        layer.backward(np.ones_like(layer.forward(ROWS)))
        self.assertEqual(list(layer.trained()), [])
        layer.frozen = False
        self.assertEqual(list(layer.trained()), ["W", "b"])


if __name__ == "__main__":
    unittest.main()
