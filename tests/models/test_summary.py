"""Layers and networks in print: options, sizes, and the table of a network's layers."""

import unittest

import numpy as np

from neural_networks.activations import Activation
from neural_networks.layers import (
    LAYERS,
    BatchNorm,
    Conv2D,
    Dropout,
    Elman,
    Flatten,
    FullyConnected,
    Layer,
    LayerNorm,
    Pool2D,
    Residual,
)
from neural_networks.models import NeuralNetwork, initialize_model

DENSE = {"name": "fully_connected", "activation": "relu", "n_out": 4}
SGD = {"name": "SGD", "lr": 0.1}
CNN = (
    {"name": "conv2d", "n_out": 3, "kernel_shape": [3, 2], "activation": "relu", "pad": "valid"},
    {"name": "batch_norm"},
    {"name": "pool2d", "kernel_shape": 2, "stride": 2},
    {"name": "flatten"},
    {"name": "dropout", "p": 0.25},
    {"name": "fully_connected", "activation": "softmax", "n_out": None},
)


class Identity(Layer):
    """As in a homework: neither parameters nor units."""

    def forward(self, X):
        return X

    def backward(self, dLdY):
        return dLdY


class TestLayers(unittest.TestCase):
    def check(self, layer, shape, before, after):
        """The text before parameters exist, and after the first forward."""
        self.assertEqual(repr(layer), before)
        self.assertEqual(str(layer), before)
        layer.forward(np.random.default_rng(0).random(shape))
        self.assertEqual(repr(layer), after)
        self.assertEqual(str(layer), after)

    def test_every_kind(self):
        rows, steps, images = (5, 4), (5, 4, 2), (5, 6, 6, 2)
        block = [DENSE, {"name": "batch_norm"}]
        cases = (
            (
                FullyConnected(10, "relu"),
                rows,
                "FullyConnected(? → 10, relu)",
                "FullyConnected(4 → 10, relu)",
            ),
            (
                FullyConnected(10, "linear"),
                steps,
                "FullyConnected(? → 10, linear)",
                "FullyConnected(4 → 10, linear)",
            ),
            (Elman(3), steps, "Elman(? → 3, tanh)", "Elman(4 → 3, tanh)"),
            (
                Elman(3, return_sequences=True),
                steps,
                "Elman(? → 3, tanh, return_sequences)",
                "Elman(4 → 3, tanh, return_sequences)",
            ),
            (
                Conv2D(3, (3, 2), "relu", 2, (1, 0)),
                images,
                "Conv2D(? → 3, 3×2, stride 2, pad (1, 0), relu)",
                "Conv2D(2 → 3, 3×2, stride 2, pad (1, 0), relu)",
            ),
            (BatchNorm("relu"), rows, "BatchNorm(relu)", "BatchNorm(4 → 4, relu)"),
            (BatchNorm(), images, "BatchNorm()", "BatchNorm(2 → 2, linear)"),
            (LayerNorm("tanh"), steps, "LayerNorm(tanh)", "LayerNorm(4 → 4, tanh)"),
            (
                Residual(block, "tanh"),
                rows,
                "Residual(FullyConnected + BatchNorm, tanh)",
                "Residual(4 → 4, FullyConnected + BatchNorm, tanh)",
            ),
        )
        for layer, shape, before, after in cases:
            with self.subTest(before):
                self.check(layer, shape, before, after)
        kinds = {type(layer) for layer, *_ in cases} | {Pool2D, Flatten, Dropout}
        self.assertEqual(kinds, set(LAYERS.values()))

    def test_without_parameters(self):
        images = (5, 6, 6, 2)
        for layer, text in (
            (Pool2D(2), "Pool2D(max, 2×2, stride 1)"),
            (Pool2D((3, 2), "average", 2, "same"), "Pool2D(average, 3×2, stride 2, pad same)"),
            (Flatten(), "Flatten()"),
            (Flatten("last"), "Flatten(keep_dim last)"),
            (Dropout(), "Dropout(p = 0.5)"),
            (Dropout(0.25), "Dropout(p = 0.25)"),
            (Identity(), "Identity()"),
        ):
            with self.subTest(text):
                self.check(layer, images, text, text)

    def test_of_a_student(self):
        class Cube(Activation):
            """An activation without a name in the table."""

            def forward(self, Z):
                return Z**3

            def backward(self, Z, dY):
                return 3 * Z**2 * dY

        class Own(FullyConnected):
            """A layer of a student."""

        layer = Own(3, "relu")
        self.assertEqual(repr(layer), "Own(? → 3, relu)")
        layer.activation = Cube()
        self.assertEqual(repr(layer), "Own(? → 3)")


class TestNetwork(unittest.TestCase):
    def test_print(self):
        model = initialize_model("cnn", "cross_entropy", CNN, SGD)
        layers = [
            "Conv2D(? → 3, 3×2, stride 1, pad valid, relu)",
            "BatchNorm()",
            "Pool2D(max, 2×2, stride 2)",
            "Flatten()",
            "Dropout(p = 0.25)",
            "FullyConnected(? → ?, softmax)",
        ]
        for after in (False, True):
            if after:
                model.layers[-1] = model.layers[-1].sized(5)
                model.create_parameters((8, 9, 1))
                layers[0] = layers[0].replace("?", "1")
                layers[1] = "BatchNorm(3 → 3, linear)"
                layers[5] = "FullyConnected(36 → 5, softmax)"
            head, *lines = str(model).split("\n")
            self.assertEqual(head, "NeuralNetwork 'cnn': cross_entropy, SGD")
            self.assertEqual(lines, [f"  {i}  {text}" for i, text in enumerate(layers, start=1)])


class TestSummary(unittest.TestCase):
    def lines(self, layers, shape, **options):
        """The head and the lines of a network's summary, without alignment."""
        model = NeuralNetwork("cross_entropy", layers, SGD, **options)
        model.create_parameters(shape)
        text = model.summary()
        self.assertIs(type(text), str)
        self.assertEqual([line for line in text.split("\n") if line != line.rstrip()], [])
        head, *lines = text.split("\n")
        return model, head, [" ".join(line.split()) for line in lines]

    def test_output_shapes_and_counts(self):
        layers = [*CNN[:-1], CNN[-1] | {"n_out": 5}]
        # (8 - 3) + 1 by (9 - 2) + 1 windows of 3·2 weights; halves; 36 · 5 weights and 5 biases.
        _, head, lines = self.lines(layers, (8, 9, 1), dtype="float32")
        self.assertEqual(head, f"Network: {21 + 6 + 185:,} parameters, float32")
        expected = [
            "1 Conv2D 3×2, stride 1, pad valid, relu -> (6, 8, 3) 21 W (3, 2, 1, 3), b (1, 3)",
            "2 BatchNorm linear -> (6, 8, 3) 6 gamma (1, 3), beta (1, 3)",
            "3 Pool2D max, 2×2, stride 2 -> (3, 4, 3) 0",
            "4 Flatten -> (36,) 0",
            "5 Dropout p = 0.25 -> (36,) 0",
            "6 FullyConnected softmax -> (5,) 185 W (36, 5), b (1, 5)",
        ]
        self.assertEqual(lines, expected)

    def test_residual_blocks(self):
        inner = {"name": "residual", "layers": [DENSE]}
        layers = [
            DENSE,
            {"name": "residual", "layers": [DENSE, inner], "activation": "tanh"},
            {"name": "fully_connected", "activation": "softmax", "n_out": 3},
        ]
        _, head, lines = self.lines(layers, (4,))
        self.assertEqual(head, f"Network: {20 + 40 + 15} parameters, float64")
        block = "FullyConnected + Residual, tanh -> (4,) 40"
        shapes = "1.W (4, 4), 1.b (1, 4), 2.1.W (4, 4), 2.1.b (1, 4)"
        self.assertEqual(lines[1], f"2 Residual {block} {shapes}")

    def test_sequences(self):
        layers = [
            {"name": "elman", "n_out": 3, "return_sequences": True},
            {"name": "elman", "n_out": 2},
            {"name": "fully_connected", "activation": "softmax", "n_out": 2},
        ]
        _, _, lines = self.lines(layers, (1, 7))
        self.assertEqual(
            lines[0],
            "1 Elman tanh, return_sequences -> (3, 7) 15 W (1, 3), U (3, 3), b (1, 3)",
        )
        self.assertTrue(lines[1].startswith("2 Elman tanh -> (2,) 12 "))

    def test_total_is_that_of_all_parameters(self):
        model, head, _ = self.lines([{**DENSE, "n_out": 1000}, DENSE], (1200,))
        total = sum(layer.parameters[name].size for _, layer, name in model.parameters())
        self.assertEqual(head, f"Network: {total:,} parameters, float64")
        self.assertIn("1,205,004", head)

    def test_columns_are_aligned(self):
        model = NeuralNetwork("cross_entropy", [DENSE] * 11, SGD)
        model.create_parameters((4,))
        lines = model.summary().split("\n")[1:]
        self.assertEqual(len({line.index("->") for line in lines}), 1)
        self.assertEqual(len({line.index("FullyConnected") for line in lines}), 1)

    def test_leaves_the_network_as_it_was(self):
        X, Y = np.random.default_rng(0).random((6, 8, 9, 1)), np.eye(5)[[0, 1, 2, 3, 4, 0]]
        layers = [*CNN[:-1], CNN[-1] | {"n_out": 5}]
        models = [NeuralNetwork("cross_entropy", layers, SGD, seed=0) for _ in range(2)]
        outputs = [model.forward(X) for model in models]
        text = models[0].summary()
        self.assertEqual(models[0].summary(), text)
        losses = [model.backward(Y, out) for model, out in zip(models, outputs, strict=True)]
        self.assertEqual(*losses)
        np.testing.assert_equal(*(model.arrays() for model in models))
        np.testing.assert_array_equal(*(model.forward(X) for model in models))

    def test_before_parameters_exist(self):
        for layers in ([DENSE], CNN):
            model = NeuralNetwork("cross_entropy", layers, SGD)
            with self.assertRaisesRegex(ValueError, "no parameters yet: call prepare"):
                model.summary()


if __name__ == "__main__":
    unittest.main()
