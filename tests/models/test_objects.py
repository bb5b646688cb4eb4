"""Layers, losses and optimizers themselves, in place of their names and options."""

import copy
import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset
from neural_networks.layers import (
    LAYERS,
    BatchNorm,
    Conv2D,
    Dropout,
    Elman,
    Flatten,
    FullyConnected,
    LayerNorm,
    Pool2D,
    Residual,
)
from neural_networks.losses import CrossEntropy, Huber, initialize_loss
from neural_networks.models import NeuralNetwork, initialize_model
from neural_networks.optimizers import OPTIMIZERS, SGD, Adam
from tests.support.own_parts import L4, Bare, Own

RNG = np.random.default_rng(0)
N = 12
ROWS, IMAGES, SEQUENCES = (RNG.normal(size=(N, *shape)) for shape in ((4,), (4, 4, 2), (4, 5)))
Y = np.eye(3)[np.arange(N) % 3]
PLAIN = {"name": "SGD", "lr": 0.1, "momentum": 0.9}


def dense(n_out=5, activation="tanh", **options):
    return {"name": "fully_connected", "n_out": n_out, "activation": activation, **options}


CASES = {
    "dense": (
        ROWS,
        lambda: [
            FullyConnected(5, "tanh", "he_normal"),
            Dropout(0.3),
            FullyConnected(3, "softmax"),
        ],
        [
            dense(weight_init="he_normal"),
            {"name": "dropout", "p": 0.3},
            dense(3, "softmax"),
        ],
    ),
    "images": (
        IMAGES,
        lambda: [
            Conv2D(3, 3, "relu"),
            Pool2D(2, "average", stride=2),
            Flatten(),
            LayerNorm(),
            FullyConnected(3, activation="softmax"),
        ],
        [
            {"name": "conv2d", "n_out": 3, "kernel_shape": 3, "activation": "relu"},
            {"name": "pool2d", "kernel_shape": 2, "mode": "average", "stride": 2},
            {"name": "flatten"},
            {"name": "layer_norm"},
            dense(3, "softmax"),
        ],
    ),
    "sequences": (
        SEQUENCES,
        lambda: [Elman(5, return_sequences=True), Elman(4), FullyConnected(3, "softmax")],
        [
            {"name": "elman", "n_out": 5, "return_sequences": True},
            {"name": "elman", "n_out": 4},
            dense(3, "softmax"),
        ],
    ),
    "blocks": (
        ROWS,
        lambda: [
            Residual([dense(4), Dropout(0.5), FullyConnected(4, "tanh")], "relu"),
            BatchNorm("tanh"),
            FullyConnected(3, "softmax"),
        ],
        [
            {
                "name": "residual",
                "layers": [dense(4), {"name": "dropout", "p": 0.5}, dense(4)],
                "activation": "relu",
            },
            {"name": "batch_norm", "activation": "tanh"},
            dense(3, "softmax"),
        ],
    ),
    "both": (
        ROWS,
        lambda: [dense(), FullyConnected(4, "relu"), dense(None, "softmax")],
        [dense(), dense(4, "relu"), dense(None, "softmax")],
    ),
}


def trained(loss, layers, optimizer, X, **options):
    """Parameters after a training, and losses of its steps."""
    model = NeuralNetwork(loss, layers, optimizer, seed=7, **options)
    dataset = Dataset(X.astype(model.dtype), Y, 4, seed=1)
    model.train(dataset, 2)
    return model.arrays(), model.step_losses


class TestTraining(unittest.TestCase):
    def test_is_that_of_the_names_bit_for_bit(self):
        for name, (X, made, named) in CASES.items():
            with self.subTest(name):
                arrays, losses = trained("cross_entropy", named, PLAIN, X)
                np.random.seed(3)  # noqa: NPY002 - layers without a seed ask it
                loss, rule = CrossEntropy("cross_entropy"), SGD(0.1, momentum=0.9)
                found, steps = trained(loss, made(), rule, X)
                assert_array_equal(steps, losses)
                self.assertEqual(found.keys(), arrays.keys())
                for key, array in arrays.items():
                    assert_array_equal(found[key], array)

    def test_each_kind_alone(self):
        X, made, named = CASES["dense"]
        expected = trained("cross_entropy", named, PLAIN, X)[1]
        for loss, layers, rule in (
            (initialize_loss("cross_entropy"), named, PLAIN),
            ("cross_entropy", made(), PLAIN),
            ("cross_entropy", named, SGD(0.1, momentum=0.9)),
        ):
            assert_array_equal(trained(loss, layers, rule, X)[1], expected)

    def test_every_optimizer(self):
        for name, kind in OPTIMIZERS.items():
            args = {"name": name, "lr": 0.01, "lr_scheduler": "exponential", "lr_decay": 0.5}
            _, losses = trained("cross_entropy", CASES["dense"][2], args, ROWS)
            rule = kind(0.01, "exponential", lr_decay=0.5)
            assert_array_equal(trained("cross_entropy", CASES["dense"][2], rule, ROWS)[1], losses)

    def test_initialize_model_takes_them(self):
        model = initialize_model("a", Huber("huber"), [FullyConnected(1, "linear")], Adam(0.01))
        self.assertEqual((model.loss.name, type(model.optimizer)), ("huber", Adam))

    def test_the_objects_are_those_of_the_network(self):
        loss, layer, rule = CrossEntropy("cross_entropy"), FullyConnected(3, "softmax"), SGD(0.1)
        model = NeuralNetwork(loss, [layer], rule, seed=0)
        self.assertIs(model.loss, loss)
        self.assertIs(model.layers[0], layer)
        self.assertIs(model.optimizer, rule)
        self.assertIs(initialize_loss(loss), loss)


class TestOwnClasses(unittest.TestCase):
    """They need no table."""

    def test_of_all_kinds(self):
        layers = [Bare(5), FullyConnected(3, "softmax")]
        arrays, losses = trained(L4("l4"), layers, Own(0.1, momentum=0.9), ROWS)
        self.assertTrue(np.isfinite(losses).all())
        with mock.patch.dict(LAYERS, bare=Bare):
            named = [{"name": "bare", "n_out": 5}, dense(3, "softmax")]
            expected, _ = trained("cross_entropy", named, PLAIN, ROWS, canonical=False)
        for key, array in expected.items():
            assert_array_equal(arrays[key], array)

    def test_the_type_of_the_network(self):
        model = NeuralNetwork("l2", [Bare(5)], SGD(0.1), dtype="float32")
        self.assertEqual(model.forward(ROWS.astype("float32")).dtype, np.float32)


class TestSeeds(unittest.TestCase):
    def weights(self, layer, seed):
        model = NeuralNetwork("l2", [layer], PLAIN, seed=seed)
        model.forward(ROWS)
        return model.layers[0].parameters["W"]

    def test_the_network_s_seed_is_for_layers_without_one(self):
        first, second = (self.weights(FullyConnected(3, "tanh"), seed) for seed in (0, 1))
        self.assertTrue((first != second).any())
        assert_array_equal(self.weights(FullyConnected(3, "tanh"), 0), first)

    def test_a_layer_s_own_one_is_kept(self):
        own = [self.weights(FullyConnected(3, "tanh", rng=5), seed) for seed in (0, 1)]
        assert_array_equal(*own)
        rng = np.random.Generator(np.random.MT19937(5))
        layer = FullyConnected(3, "tanh", rng=rng)
        self.weights(layer, 0)
        self.assertIs(layer.rng, rng)


class TestSharing(unittest.TestCase):
    """A layer or an optimizer has one place; a loss, which keeps nothing, has many."""

    def refused(self, words, act):
        with self.assertRaisesRegex(ValueError, words):
            act()

    def test_a_layer_twice_in_a_network(self):
        layer = FullyConnected(4, "tanh")
        words = "^layer 3 is the same object as layer 1$"
        self.refused(words, lambda: NeuralNetwork("l2", [layer, dense(4), layer], PLAIN))
        self.refused(words, lambda: Residual([layer, Dropout(), layer]))
        NeuralNetwork("l2", [layer], PLAIN)  # nothing has happened to it

    def test_a_layer_in_two_networks(self):
        layer = FullyConnected(4, "tanh")
        model = NeuralNetwork("l2", [dense(), layer], PLAIN)
        for layers in ([layer], [dense(), layer], [*model.layers]):
            words = "^layer . has a place in a network or a block already"
            self.refused(words, lambda layers=layers: NeuralNetwork("l2", layers, PLAIN))
            self.refused(words, lambda layers=layers: Residual(layers))
        block = Residual([FullyConnected(4, "tanh")])
        self.refused("^layer 1 has a pl", lambda: NeuralNetwork("l2", [block.children[0]], PLAIN))
        self.refused("^layer 2 has a", lambda: NeuralNetwork("l2", [block, *block.children], PLAIN))

    def test_an_optimizer_in_two_networks(self):
        rule = Adam(0.1)
        NeuralNetwork("l2", [dense()], rule)
        words = "^the optimizer has a place in a network"
        self.refused(words, lambda: NeuralNetwork("l2", [dense()], rule))
        NeuralNetwork("l2", [dense()], copy.deepcopy(rule))

    def test_an_optimizer_that_has_made_steps(self):
        for kind in (SGD, Adam):
            rule = kind(0.1, **({"momentum": 0.9} if kind is SGD else {}))
            rule.update("layer1.W", np.zeros(3), np.ones(3), 0)
            self.refused("has made steps", lambda rule=rule: NeuralNetwork("l2", [dense()], rule))
            rule.reset()
            NeuralNetwork("l2", [dense()], rule)

    def test_a_loss_in_many(self):
        loss = Huber("huber")
        for _ in range(2):
            self.assertIs(NeuralNetwork(loss, [dense()], PLAIN).loss, loss)

    def test_a_network_that_was_refused_takes_nothing(self):
        layer, rule = FullyConnected(4, "tanh"), SGD(0.1)
        for wrong in ({"l2": -1}, {"canonical": 3}, {"dtype": "int8"}):
            with self.assertRaises((TypeError, ValueError)):
                NeuralNetwork("l2", [layer], rule, **wrong)
        NeuralNetwork("l2", [layer], rule)

    def test_copies_of_trained_layers(self):
        """The lower layers of a trained network, below a new one."""
        dataset = Dataset(ROWS, Y, 4, seed=0)
        model = NeuralNetwork("cross_entropy", [dense(), dense(4), dense(3, "softmax")], PLAIN)
        model.train(dataset, 1)
        *lower, _ = copy.deepcopy(model.layers)
        for layer in lower:
            layer.frozen = True
        new = NeuralNetwork("cross_entropy", [*lower, dense(3, "softmax")], PLAIN, seed=0)
        before = model.arrays()
        new.train(Dataset(ROWS, Y, 4, seed=0), 1)
        for key in ("layer1.W", "layer1.b", "layer2.W", "layer2.b"):
            assert_array_equal(new.arrays()[key], before[key])
        for key, array in model.arrays().items():
            assert_array_equal(array, before[key])

    def test_a_first_layer_that_becomes_a_second_one(self):
        model = NeuralNetwork("l2", [dense(4), dense(2, "linear")], PLAIN)
        model.forward(ROWS)
        first = copy.deepcopy(model.layers[0])
        self.assertFalse(first.input_gradient)
        new = NeuralNetwork("l2", [Dropout(0.0), dense(4), first], PLAIN)
        new.backward(np.zeros((N, 4)), new.forward(ROWS))
        self.assertTrue(new.layers[1].gradients["W"].any())


class TestTypes(unittest.TestCase):
    def test_another_type_is_refused(self):
        for layers in ([FullyConnected(3, "tanh")], [Residual([FullyConnected(4, "tanh")])]):
            words = r"^layer 1 computes in float64, its network in float32: .* dtype='float32'$"
            with self.assertRaisesRegex(ValueError, words):
                NeuralNetwork("l2", layers, PLAIN, dtype="float32")
        with self.assertRaisesRegex(ValueError, "^layer 2 computes in float32"):
            NeuralNetwork("l2", [dense(), FullyConnected(3, "tanh", dtype="float32")], PLAIN)
        layers = [FullyConnected(3, "tanh", dtype="float32")]
        NeuralNetwork("l2", layers, PLAIN, dtype="float32")

    def test_what_is_neither(self):
        for layer in (FullyConnected, "fully_connected", None, 3):
            words = "layer 1 must be a mapping or a Layer, got"
            with self.assertRaisesRegex(TypeError, words):
                NeuralNetwork("l2", [layer], PLAIN)
        for rule in (SGD, "SGD", None, 0.1):
            with self.assertRaisesRegex(TypeError, "must be a mapping or an Optimizer, got"):
                NeuralNetwork("l2", [dense()], rule)
        for loss in (CrossEntropy, None, 3):
            with self.assertRaisesRegex(ValueError, "unknown loss"):
                NeuralNetwork(loss, [dense()], PLAIN)


class TestState(unittest.TestCase):
    def test_it_continues(self):
        def new(named):
            _, made, names = CASES["blocks"]
            if named:
                return NeuralNetwork("cross_entropy", names, PLAIN, seed=0)
            parts = CrossEntropy("cross_entropy"), made(), SGD(0.1, momentum=0.9)
            return NeuralNetwork(*parts, seed=0)

        datasets = [Dataset(ROWS, Y, 4, seed=0) for _ in range(2)]
        model, other = new(named=False), new(named=True)
        model.train(datasets[0], 1)
        other.load_state(model.state())
        datasets[1].load_state(datasets[0].state())
        for net, dataset in zip((model, other), datasets, strict=True):
            net.train(dataset, 2)
        assert_array_equal(model.step_losses, other.step_losses)

    def test_of_another_loss_of_that_name(self):
        model = NeuralNetwork(L4("cross_entropy"), [dense(3, "softmax")], PLAIN, seed=0)
        other = NeuralNetwork("cross_entropy", [dense(3, "softmax")], PLAIN, seed=0)
        with self.assertRaisesRegex(
            ValueError, "its class of the loss is 'L4', here it is 'CrossEntropy'"
        ):
            other.load_state(model.state())


if __name__ == "__main__":
    unittest.main()
