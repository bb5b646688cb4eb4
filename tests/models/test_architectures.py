"""Architectures: layers, shapes, initial weights, rejected arguments."""

import copy
import json
import unittest

import numpy as np

from neural_networks.architectures import (
    NETWORKS,
    conv_net,
    fully_connected_net,
    initialize_network,
    three_layer_conv_net,
    two_layer_net,
)
from neural_networks.datasets import Dataset
from neural_networks.models import initialize_model
from tests.support.arrays import one_hot

SGD = {"name": "SGD", "lr": 0.1}
SMALL = {"name": "normal", "std": 0.01}
POOL = {"name": "pool2d", "kernel_shape": 2, "stride": 2, "mode": "max"}
FLATTEN = {"name": "flatten"}


def dense(n_out, activation="relu", weight_init=SMALL):
    return {
        "name": "fully_connected",
        "n_out": n_out,
        "activation": activation,
        "weight_init": weight_init,
    }


def conv(n_out, kernel_shape=3, activation="relu", weight_init=SMALL):
    return {**dense(n_out, activation, weight_init), "name": "conv2d", "kernel_shape": kernel_shape}


def norm(name, activation="relu"):
    return {"name": name, "activation": activation}


def dropout(p):
    return {"name": "dropout", "p": p}


def last(n_out=None, activation="softmax", weight_init=SMALL):
    return dense(n_out, activation, weight_init)


OTHERWISE = {"activation": "tanh", "weight_scale": 0.5, "output": "linear"}
WIDE = {"name": "normal", "std": 0.5}


class TestFullyConnected(unittest.TestCase):
    def test_two_layers(self):
        self.assertEqual(two_layer_net(), [dense(100), last()])
        self.assertEqual(two_layer_net(7, 3), [dense(7), last(3)])
        expected = [dense(7, "tanh", WIDE), last(None, "linear", WIDE)]
        self.assertEqual(two_layer_net(7, **OTHERWISE), expected)
        he = [dense(100, "relu", "he_normal"), last(None, "softmax", "he_normal")]
        self.assertEqual(two_layer_net(weight_scale=None), he)

    def test_any_number_of_layers(self):
        self.assertEqual(fully_connected_net([]), [last()])
        self.assertEqual(fully_connected_net([5, 4], 3), [dense(5), dense(4), last(3)])
        self.assertEqual(fully_connected_net((5,)), [dense(5), last()])
        expected = [dense(5, "tanh", WIDE), last(2, "linear", WIDE)]
        self.assertEqual(fully_connected_net([5], 2, **OTHERWISE), expected)
        he = [dense(5, "relu", "he_normal"), last(None, "softmax", "he_normal")]
        self.assertEqual(fully_connected_net([5], weight_scale=None), he)

    def test_dropout_follows_each_hidden_layer(self):
        expected = [dense(5), dropout(0.3), dense(4), dropout(0.3), last()]
        self.assertEqual(fully_connected_net([5, 4], dropout=0.3), expected)

    def test_a_normalization_takes_the_activation_over(self):
        for normalization, name in (("batch", "batch_norm"), ("layer", "layer_norm")):
            block = [dense(5, "linear"), norm(name, "tanh")]
            options = {"activation": "tanh", "normalization": normalization}
            self.assertEqual(fully_connected_net([5], **options), [*block, last()])
            expected = [*block, dropout(0.3), last()]
            self.assertEqual(fully_connected_net([5], dropout=0.3, **options), expected)


class TestConvolutional(unittest.TestCase):
    def test_three_layers(self):
        self.assertEqual(three_layer_conv_net(), [conv(32, 7), POOL, FLATTEN, dense(100), last()])
        self.assertEqual(
            three_layer_conv_net(4, 5, 6, 3, **OTHERWISE),
            [
                conv(4, 5, "tanh", WIDE),
                POOL,
                FLATTEN,
                dense(6, "tanh", WIDE),
                last(3, "linear", WIDE),
            ],
        )
        he = three_layer_conv_net(weight_scale=None)
        inits = [layer["weight_init"] for layer in he if "weight_init" in layer]
        self.assertEqual(inits, 3 * ["he_normal"])

    def test_conv_relu_pool(self):
        expected = [conv(4), POOL, conv(6), POOL, FLATTEN, dense(9), dense(8), last(3)]
        self.assertEqual(conv_net([4, 6], [9, 8], 3), expected)
        self.assertEqual(conv_net([4]), [conv(4), POOL, FLATTEN, last()])
        self.assertEqual(conv_net([]), [FLATTEN, last()])

    def test_conv_relu_conv_relu_pool(self):
        blocks = [conv(4), conv(4), POOL, conv(6), conv(6), POOL]
        expected = [*blocks, FLATTEN, dense(9), last()]
        self.assertEqual(conv_net([4, 6], [9], convolutions=2), expected)

    def test_one_more_convolution_at_the_end(self):
        expected = [conv(4, 5), conv(4, 5), POOL, conv(8, 5), FLATTEN, last()]
        found = conv_net([4], convolutions=2, last_filters=8, kernel=5)
        self.assertEqual(found, expected)

    def test_normalization_and_dropout(self):
        """Dropout is for hidden affine layers alone."""
        found = conv_net([4], [9], last_filters=5, dropout=0.2, normalization="batch")
        expected = [
            *(conv(4, activation="linear"), norm("batch_norm"), POOL),
            *(conv(5, activation="linear"), norm("batch_norm"), FLATTEN),
            *(dense(9, "linear"), norm("batch_norm"), dropout(0.2), last()),
        ]
        self.assertEqual(found, expected)

    def test_style(self):
        found = conv_net([4], [9], 2, last_filters=5, **OTHERWISE)
        hidden = [conv(4, 3, "tanh", WIDE), POOL, conv(5, 3, "tanh", WIDE), FLATTEN]
        expected = [*hidden, dense(9, "tanh", WIDE), last(2, "linear", WIDE)]
        self.assertEqual(found, expected)


# Of each network: its options, the shape of an example, and that of each layer's output.
SHAPES = {
    "two_layer_net": ({"n_hidden": 5}, (4,), [(5,), (3,)]),
    "fully_connected_net": (
        {"hidden_sizes": [6, 5], "normalization": "layer", "dropout": 0.5},
        (4,),
        [(6,), (6,), (6,), (5,), (5,), (5,), (3,)],
    ),
    "three_layer_conv_net": (
        {"n_filters": 2, "kernel": 5, "n_hidden": 6},
        (8, 8, 2),
        [(8, 8, 2), (4, 4, 2), (32,), (6,), (3,)],
    ),
    "conv_net": (
        {"n_filters": [2, 3], "hidden_sizes": [5], "convolutions": 2, "last_filters": 4},
        (8, 8, 1),
        [(8, 8, 2)] * 2 + [(4, 4, 2)] + [(4, 4, 3)] * 2 + [(2, 2, 3), (2, 2, 4), (16,), (5,), (3,)],
    ),
}


class TestAsModels(unittest.TestCase):
    def test_every_network_trains(self):
        self.assertEqual(SHAPES.keys(), NETWORKS.keys())
        rng = np.random.default_rng(0)
        for name, (options, shape, expected) in SHAPES.items():
            layers = initialize_network(name, **options)
            before = copy.deepcopy(layers)
            model = initialize_model(name, "cross_entropy", layers, SGD, seed=0)
            X, Y = rng.normal(size=(8, *shape)), one_hot(rng, 8, 3)
            model.train(Dataset(X, Y, 4, seed=0), 1)
            self.assertEqual(layers, before)
            shapes = []
            for layer in model.layers:
                X = layer.forward(X)
                shapes.append(X.shape[1:])
            self.assertEqual(shapes, expected)

    def test_they_are_plain_data(self):
        for name, (options, _, _) in SHAPES.items():
            for n_out in (None, 3):
                layers = initialize_network(name, n_out=n_out, **options)
                self.assertEqual(json.loads(json.dumps(layers)), layers)
                self.assertEqual({type(layer) for layer in layers}, {dict})
                self.assertEqual(layers[-1]["n_out"], n_out)

    def test_none_is_an_option_like_any_other(self):
        """By name, too, a weight_scale of None means the initial weights of He et al."""
        for name, (options, _, _) in SHAPES.items():
            layers = initialize_network(name, **options, weight_scale=None)
            self.assertEqual(layers, NETWORKS[name](**options, weight_scale=None))
            self.assertEqual(layers[-1]["weight_init"], "he_normal")

    def test_a_change_of_one_layer_is_no_change_of_another(self):
        layers = conv_net([4, 4], [5, 5], convolutions=2, last_filters=4)
        dropping = fully_connected_net([5, 5], dropout=0.25)
        dropping[1]["p"] = 0.5
        self.assertEqual(dropping[3], dropout(0.25))
        untouched = copy.deepcopy(layers)
        layers[0]["n_out"] = layers[2]["mode"] = layers[8]["n_out"] = "changed"
        layers[0]["weight_init"]["std"] = 9
        changed = [i for i, layer in enumerate(layers) if layer != untouched[i]]
        self.assertEqual(changed, [0, 2, 8])
        self.assertEqual(conv_net([4, 4], [5, 5], convolutions=2, last_filters=4), untouched)

    def spreads(self, layers, shape):
        model = initialize_model("spread", "cross_entropy", layers, SGD, seed=0)
        model.forward(np.zeros((1, *shape)))
        return [layer.parameters["W"].std() for layer in model.layers if layer.parameters]

    def test_weight_scale_is_the_spread_of_the_weights(self):
        for scale in (1e-3, 0.3):
            nets = (
                (three_layer_conv_net(32, 7, 100, 100, weight_scale=scale), (8, 8, 3)),
                (fully_connected_net([100, 100], 100, weight_scale=scale), (64,)),
            )
            for layers, shape in nets:
                found = self.spreads(layers, shape)
                self.assertEqual(len(found), 3)
                np.testing.assert_allclose(found, scale, rtol=0.04)

    def test_without_one_it_is_that_of_he(self):
        """√2 / √fan for ReLU, and 1 / √fan for the output."""
        layers = three_layer_conv_net(32, 7, 100, 100, weight_scale=None)
        fans = np.array([7 * 7 * 3, 4 * 4 * 32, 100])
        expected = np.sqrt(np.array([2, 2, 1]) / fans)
        np.testing.assert_allclose(self.spreads(layers, (8, 8, 3)), expected, rtol=0.04)


class TestBadArguments(unittest.TestCase):
    def test_names(self):
        with self.assertRaisesRegex(ValueError, "network 'two_layer'; did you mean 'two_layer_ne"):
            initialize_network("two_layer")
        with self.assertRaisesRegex(ValueError, "'two_layer_net' has no option 'hidden'.*n_hidden"):
            initialize_network("two_layer_net", hidden=3)
        with self.assertRaisesRegex(ValueError, "'two_layer_net' has no option 'name'"):
            initialize_network("two_layer_net", name=3)
        with self.assertRaisesRegex(ValueError, "'conv_net' needs the option 'n_filters'"):
            initialize_network("conv_net")
        with self.assertRaisesRegex(ValueError, "normalization 'batches'; did you mean 'batch'"):
            fully_connected_net([5], normalization="batches")

    def test_numbers(self):
        conv_2 = {"n_filters": [2], "hidden_sizes": [3]}
        for name, options, error, words in (
            ("two_layer_net", {"n_hidden": 0}, ValueError, "must be at least 1, got 0"),
            ("two_layer_net", {"n_out": 0}, ValueError, "n_out must be at least 1, got 0"),
            ("two_layer_net", {"n_out": 2.5}, TypeError, "n_out must be a whole number"),
            ("two_layer_net", {"weight_scale": 0}, ValueError, "weight_scale must be greater"),
            ("two_layer_net", {"weight_scale": "he"}, TypeError, "weight_scale must be a number"),
            ("fully_connected_net", {"hidden_sizes": 5}, TypeError, "hidden_sizes must be a list"),
            ("fully_connected_net", {"hidden_sizes": "5"}, TypeError, "hidden_sizes must be a l"),
            ("fully_connected_net", {"hidden_sizes": [1.5]}, TypeError, "hidden_sizes .* whole"),
            ("fully_connected_net", {"hidden_sizes": [5], "dropout": 1}, ValueError, "dropout mus"),
            ("fully_connected_net", {"hidden_sizes": [5], "dropout": -1}, ValueError, "dropout mu"),
            ("conv_net", {"n_filters": [0]}, ValueError, "n_filters must be at least 1, got 0"),
            ("conv_net", {"n_filters": 2}, TypeError, "n_filters must be a list"),
            ("conv_net", {**conv_2, "convolutions": 0}, ValueError, "convolutions must be at le"),
            ("conv_net", {**conv_2, "last_filters": 0}, ValueError, "last_filters must be at le"),
            ("conv_net", {**conv_2, "dropout": 2}, ValueError, "dropout must be"),
        ):
            with self.subTest(name, **options), self.assertRaisesRegex(error, words):
                initialize_network(name, **options)

    def test_what_the_layers_refuse(self):
        for layers, words in (
            (three_layer_conv_net(kernel=0), "layer 1: kernel_shape"),
            (two_layer_net(activation="rellu"), "layer 1: .*did you mean 'relu'"),
            (two_layer_net(output="sofmax"), "layer 2: .*did you mean 'softmax'"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                initialize_model("bad", "cross_entropy", layers, SGD)


if __name__ == "__main__":
    unittest.main()
