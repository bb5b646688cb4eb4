"""Residual blocks: rejected shapes, lists and layers."""

import unittest

import numpy as np

from neural_networks.layers import Residual
from neural_networks.models import NeuralNetwork
from tests.support.normalization_cases import conv, dense, residual

SGD = {"name": "SGD", "lr": 0.1}


def numbers(shape):
    return np.random.default_rng(0).standard_normal(shape)


class TestRefusals(unittest.TestCase):
    def test_a_block_that_turns_its_input_into_another_shape(self):
        message = r"residual block must keep the shape.*turns \({}\) into \({}\)"
        for layers, shape, found in (
            ([dense(3)], (5, 4), ("4,", "3,")),
            ([conv(2)], (5, 4, 6, 3), ("4, 6, 3", "4, 6, 2")),
            ([{"name": "flatten"}], (5, 4, 2), ("4, 2", "8,")),
            ([{"name": "elman", "n_out": 4}], (5, 4, 3), ("4, 3", "4,")),
            # This one would broadcast.
            ([dense(1)], (5, 4), ("4,", "1,")),
        ):
            with self.assertRaisesRegex(ValueError, message.format(*found)):
                Residual(layers).forward(np.ones(shape))
        layer = Residual([{"name": "pool2d", "kernel_shape": 2}])
        with self.assertRaisesRegex(ValueError, message.format("4, 4, 1", "3, 3, 1")):
            layer.forward(np.ones((5, 4, 4, 1)))

    def test_a_shape_that_the_block_does_not_keep_later(self):
        """Of images of one pixel the convolution makes images of one pixel, but not of others."""
        layer = Residual([conv(3) | {"stride": 2}])
        layer.forward(numbers((5, 1, 1, 3)))
        # This would broadcast, too.
        with self.assertRaisesRegex(ValueError, r"turns \(2, 2, 3\) into \(1, 1, 3\)"):
            layer.forward(numbers((5, 2, 2, 3)))

    def test_before_parameters_exist(self):
        layer = Residual([dense(3)])
        with self.assertRaisesRegex(ValueError, r"turns \(4,\) into \(3,\)"):
            layer.forward(numbers((5, 4)))
        self.assertEqual(len(layer.parameters), 0)

    def test_lists_that_are_none(self):
        for layers in ([], (), dense(4), "dense", None, 3, {1: dense(4)}, [3], [None]):
            with self.assertRaisesRegex(
                ValueError, "^layers must be a list with one layer or more"
            ):
                Residual(layers)
        self.assertEqual(len(Residual((dense(4), dense(4))).children), 2)

    def test_a_network_goes_on_after_a_shape_that_its_block_refuses(self):
        """The layers that the block then starts with anew train, as those of other blocks do."""
        args = [residual({"name": "dropout"}, dense(4)), dense(2)]
        model = NeuralNetwork("l2", args, SGD)
        with self.assertRaisesRegex(ValueError, "layer 1: a residual block must keep the shape"):
            model.create_parameters((3,))
        model.create_parameters((4,))
        block = model.layers[0]
        self.assertTrue(all(layer.training for layer in block.walk()))
        block.forward(numbers((5, 4)))
        self.assertEqual(set(block.children[0].cache["mask"].ravel()), {0.0, 2.0})

    def test_a_refused_batch_leaves_nothing_behind(self):
        layer = Residual([dense(4)], rng=0)
        with self.assertRaisesRegex(ValueError, "keep the shape"):
            layer.forward(np.ones((2, 3)))
        expected = Residual([dense(4)], rng=0).forward(np.ones((2, 4)))
        np.testing.assert_array_equal(layer.forward(np.ones((2, 4))), expected)

    def test_shapes_that_are_no_batches(self):
        for shape in ((3,), (2, 3, 4, 5, 6)):
            with self.assertRaisesRegex(ValueError, r"X must be \(m, d\)"):
                Residual([{"name": "dropout"}]).forward(np.ones(shape))

    def test_layers_are_named_by_their_number(self):
        for layers, message in (
            ([dense(4), {"name": "fully_connected", "activation": "tanh"}], "2: .*needs .*'n_out'"),
            ([{"n_out": 3}], "1: needs a name"),
            ([dense(4), dense(4), {"name": "dens"}], "3: unknown layer 'dens'"),
            ([dense(4) | {"n_outs": 3}], "1: .*no option 'n_outs'.*mean 'n_out'"),
            ([dense(4), {"name": "dropout", "p": 1.5}], "2: p must be .*got 1.5"),
            ([dense(4), residual()], "2: layers must be a list"),
        ):
            with self.assertRaisesRegex(ValueError, f"^layer {message}"):
                Residual(layers)
        with self.assertRaisesRegex(ValueError, "^layer 2: layer 1: unknown layer 'dens'"):
            Residual([dense(4), residual({"name": "dens"})])

    def test_a_batch_that_a_layer_does_not_take(self):
        with self.assertRaisesRegex(ValueError, r"^layer 2: .*\(m, H, W, C\)"):
            Residual([dense(4), conv(4)]).forward(np.ones((5, 4)))

    def test_in_a_network(self):
        args = [dense(4), residual(dense(3)), dense(2)]
        model = NeuralNetwork("l2", args, SGD)
        with self.assertRaisesRegex(ValueError, "layer 2: a residual block must keep the shape"):
            model.create_parameters((5,))
        with self.assertRaisesRegex(ValueError, "layer 1: layer 'residual' needs .*'layers'"):
            NeuralNetwork("l2", [{"name": "residual"}], SGD)
        with self.assertRaisesRegex(ValueError, "activation 'rleu'.*mean 'relu'"):
            Residual([dense(4)], "rleu")

    def test_wrong_shapes(self):
        layer = Residual([dense(4)])
        layer.forward(np.ones((5, 4)))
        with self.assertRaisesRegex(ValueError, "X has 3 features.* made for 4"):
            layer.forward(np.ones((5, 3)))
        layer.forward(np.ones((5, 4)))
        # With an activation, a gradient that is too small would broadcast.
        for activation in ("linear", "tanh", "softmax"):
            layer = Residual([dense(4)], activation)
            layer.forward(np.ones((5, 4)))
            for shape in ((1, 4), (5, 1), (4, 4)):
                with self.assertRaisesRegex(ValueError, r"dLdY.*\(5, 4\)"):
                    layer.backward(np.ones(shape))


if __name__ == "__main__":
    unittest.main()
