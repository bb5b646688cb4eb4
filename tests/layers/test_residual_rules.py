"""Residual blocks: parameters, buffers, modes, types, networks."""

import unittest

import numpy as np

from neural_networks.layers import BatchNorm, Residual, initialize_layer
from neural_networks.models import NeuralNetwork
from tests.support.arrays import DTYPES, NothingGrows, one_hot, read_only, step, unchanged
from tests.support.calls import calls
from tests.support.normalization_cases import (
    BATCH_NORM,
    BLOCK,
    BLOCKS,
    LAYER_NORM,
    arrays_in,
    conv,
    dense,
    residual,
    run,
    state,
    types_in,
    with_batch,
    with_parameters,
)

SGD = {"name": "SGD", "lr": 0.1}
DROPOUT = {"name": "dropout"}


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class TestParameters(unittest.TestCase):
    def test_have_the_names_of_the_layers_numbers(self):
        layer = initialize_layer(**BLOCK)
        self.assertEqual((len(layer.parameters), layer.n_out), (0, None))
        layer.forward(numbers((2, 4, 5, 3)))
        names = ["1.W", "1.b", "2.gamma", "2.beta", "3.W", "3.b", "4.gamma", "4.beta"]
        self.assertEqual(list(layer.parameters), names)
        self.assertEqual(list(layer.gradients), names)
        averages = ["2.running_mean", "2.running_var", "4.running_mean", "4.running_var"]
        self.assertEqual(list(layer.buffers), averages)
        self.assertEqual(layer.parameters["1.W"].shape, (3, 3, 3, 2))

    def test_of_blocks_in_blocks(self):
        layer = with_parameters(residual(dense(4), residual(residual(BATCH_NORM))), (5, 4))
        self.assertEqual(list(layer.parameters), ["1.W", "1.b", "2.1.1.gamma", "2.1.1.beta"])
        self.assertEqual(list(layer.buffers), ["2.1.1.running_mean", "2.1.1.running_var"])

    def test_are_made_without_training(self):
        """The one pass that makes them leaves no averages, no cache, and gradients of zeros."""
        layer = initialize_layer(**BLOCK)
        layer._init_parameters((-1, 4, 5, 3))
        expected = [np.zeros((1, 2)), np.ones((1, 2)), np.zeros((1, 3)), np.ones((1, 3))]
        np.testing.assert_equal(list(layer.buffers.values()), expected)
        self.assertEqual(len(layer.cache), 0)
        for name, value in layer.parameters.items():
            np.testing.assert_array_equal(layer.gradients[name], np.zeros_like(value), strict=True)

    def test_are_created_once(self):
        layer = Residual([dense(4)])
        layer.forward(numbers((5, 4)))
        W = layer.parameters["1.W"].copy()
        layer.forward(numbers((3, 4, 2)))
        np.testing.assert_array_equal(layer.parameters["1.W"], W)
        self.assertTrue(W.any())

    def test_what_is_assigned_is_what_is_used(self):
        for case, (args, shape) in BLOCKS.items():
            one, other = (with_parameters(args, shape, seed=seed) for seed in (1, 2))
            X, dLdY = numbers((2, *shape))
            first, second = run(one, X, dLdY), run(other, X, dLdY)
            self.assertFalse(np.allclose(first["Y"], second["Y"]))
            other.parameters.update(one.parameters)
            other.buffers.update(with_parameters(args, shape).buffers)
            np.testing.assert_equal(run(other, X, dLdY), first, err_msg=case)

    def test_what_is_assigned_before_the_first_forward_is_used(self):
        layer = Residual([dense(2), {"name": "batch_norm"}])
        layer.parameters.update({"1.W": 3 * np.eye(2), "1.b": np.ones((1, 2))})
        layer.parameters.update({"2.gamma": np.full((1, 2), 2.0), "2.beta": np.ones((1, 2))})
        X = numbers((5, 2))
        Z = np.tanh(3 * X + 1)
        Z_hat = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + 1e-5)
        np.testing.assert_allclose(layer.forward(X), X + 2 * Z_hat + 1, rtol=1e-12)
        self.assertEqual(list(layer.buffers), ["2.running_mean", "2.running_var"])

    def test_are_live_views_of_the_layers_inside(self):
        """Reading, assigning and deleting here is the same as in the layers."""
        block = with_parameters(residual(dense(4), residual(BATCH_NORM)), (5, 4))
        first, norm = block.children[0], block.children[1].children[0]
        first.parameters["W"] = np.eye(4)
        self.assertIs(block.parameters["1.W"], first.parameters["W"])
        block.parameters["2.1.gamma"] = np.full((1, 4), 7.0)
        self.assertIs(block.parameters["2.1.gamma"], norm.parameters["gamma"])
        norm.buffers["running_mean"] = np.ones((1, 4))
        self.assertIs(block.buffers["2.1.running_mean"], norm.buffers["running_mean"])
        del block.gradients["1.b"]
        self.assertEqual(list(first.gradients), ["W"])
        self.assertEqual((len(block.parameters), len(block.gradients)), (4, 3))
        self.assertIn("1.W", block.parameters)
        for key in ("W", "0.W", "3.W", "-1.W", "1.", "1.V", "2.gamma", "", "x.W"):
            self.assertNotIn(key, block.parameters)
            with self.assertRaises(KeyError):
                block.parameters[key]
        for key in ("W", "3.W", "0.W"):
            with self.assertRaises(KeyError):
                block.parameters[key] = np.ones(1)

    def test_print_as_what_they_hold(self):
        block = Residual([dense(1)])
        self.assertEqual(repr(block.parameters), "JoinedArrays({})")
        block.forward(np.ones((2, 1)))
        self.assertRegex(repr(block.parameters), r"^JoinedArrays\(\{'1.W': array\(")

    def test_backward_uses_what_is_there_then(self):
        """As with every layer, whose parameters are read at each call."""
        layer = with_parameters(residual(dense(4, "linear")), (5, 4))
        layer.forward(numbers((5, 4)))
        layer.parameters["1.W"] = 2 * np.eye(4)
        np.testing.assert_array_equal(layer.backward(np.ones((5, 4))), np.full((5, 4), 3.0))

    def test_layers_draw_different_weights(self):
        drawn = [Residual([dense(4), dense(4)], rng=seed) for seed in (1, 1, 2)]
        for layer in drawn:
            layer.forward(numbers((5, 4)))
        first, same, other = (layer.parameters for layer in drawn)
        np.testing.assert_array_equal(first["1.W"], same["1.W"])
        self.assertFalse(np.array_equal(first["1.W"], first["2.W"]))
        self.assertFalse(np.array_equal(first["1.W"], other["1.W"]))

    def test_clear_gradients(self):
        layer = with_parameters(*BLOCKS["conv"])
        layer.backward(layer.forward(numbers((2, 4, 5, 3))))
        self.assertTrue(all(gradient.any() for name, gradient in layer.gradients.items()))
        layer.clear_gradients()
        for name, value in layer.parameters.items():
            np.testing.assert_array_equal(layer.gradients[name], np.zeros_like(value))
        with self.assertRaisesRegex(RuntimeError, "Residual.backward needs a forward"):
            layer.backward(np.ones((2, 4, 5, 3)))


class TestStatistics(unittest.TestCase):
    def test_are_those_of_the_layer_inside(self):
        block, alone = Residual([BATCH_NORM]), BatchNorm("relu", momentum=0.75)
        for seed in range(3):
            X = numbers((6, 4), seed)
            np.testing.assert_array_equal(block.forward(X), X + alone.forward(X))
            for name, value in alone.buffers.items():
                np.testing.assert_array_equal(block.buffers[f"1.{name}"], value)
        block.training = alone.training = False
        np.testing.assert_array_equal(block.forward(X), X + alone.forward(X))

    def test_what_is_assigned_is_what_is_used(self):
        block = Residual([{"name": "batch_norm", "epsilon": 3.0}])
        block._init_parameters((-1, 2))
        block.buffers["1.running_mean"] = np.array([[1.0, -1.0]])
        block.buffers["1.running_var"] = np.array([[1.0, 13.0]])
        block.training = False
        np.testing.assert_array_equal(block.forward(np.array([[5.0, 7.0]])), [[7.0, 9.0]])
        block.training = True
        block.forward(np.array([[5.0, 7.0], [5.0, 9.0]]))
        np.testing.assert_allclose(block.buffers["1.running_mean"], [[1.4, -0.1]], rtol=1e-14)

    def test_gradient_checks_leave_everything_alone(self):
        layer = with_parameters(*BLOCKS["conv"])
        X = numbers((2, 4, 5, 3))
        layer.backward(layer.forward(X))
        before = state(layer)
        for name, value in layer.parameters.items():
            fn = layer.forward_with_param(name, 2 * X)
            if name not in ("1.b", "3.b"):  # biases before a normalization have no effect
                self.assertFalse(np.allclose(fn(value + np.exp(value)), fn(value)), name)
            np.testing.assert_equal(state(layer), before)
        np.testing.assert_array_equal(layer.forward(X), with_parameters(*BLOCKS["conv"]).forward(X))

    def test_least_batch_is_that_of_the_neediest_layer(self):
        for layers, shape, least in (
            ([dense(4), dense(4)], (5, 4), 1),
            ([dense(4), BATCH_NORM], (5, 4), 2),
            ([BATCH_NORM, dense(4)], (5, 4), 2),
            ([dense(4), residual(BATCH_NORM)], (5, 4), 2),
            ([conv(3), BATCH_NORM], (5, 2, 2, 3), 1),
        ):
            layer = Residual(layers)
            layer.forward(numbers(shape))
            self.assertEqual(layer.min_batch_size, least)

    def test_a_batch_of_one(self):
        layer = Residual([dense(4), BATCH_NORM])
        with self.assertRaisesRegex(ValueError, "batch of one example"):
            layer.forward(numbers((1, 4)))
        layer.training = False
        self.assertEqual(layer.forward(numbers((1, 4))).shape, (1, 4))


class TestBackward(unittest.TestCase):
    def test_of_a_networks_first_layer(self):
        """By hand, ``backward`` returns dL/dX there, too."""
        layer, X = with_parameters(*BLOCKS["dense"]), numbers((5, 4))
        dLdY = numbers((5, 4), seed=1)
        expected = run(layer, X, dLdY)
        layer.input_gradient = False
        np.testing.assert_equal(run(layer, X, dLdY), expected)
        layer.backward_faster(dLdY)
        for name, gradient in layer.gradients.items():
            np.testing.assert_array_equal(gradient, expected[f"dLd{name}"])

    def test_belongs_to_the_last_forward(self):
        for case, (args, shape) in BLOCKS.items():
            layer, fresh = with_parameters(args, shape), with_parameters(args, shape)
            X, dLdY = numbers((2, *shape))
            layer.forward(numbers(shape, seed=5))
            layer.forward(X)
            fresh.forward(X)
            found, expected = layer.backward(dLdY), fresh.backward(dLdY)
            np.testing.assert_array_equal(found, expected, err_msg=case)

    def test_gradients_do_not_add_up(self):
        layer = with_parameters(*BLOCKS["conv"])
        X, dLdY = numbers((2, 2, 4, 5, 3))
        layer.forward(X)
        layer.backward(dLdY)
        first = dict(layer.gradients)
        with unchanged(*first.values()):
            layer.backward(2 * dLdY)
        for name, value in first.items():
            np.testing.assert_allclose(layer.gradients[name], 2 * value, rtol=1e-9, atol=1e-14)

    def test_dropout_inside(self):
        """Y = X + X M, whose gradient is dL/dY (1 + M); each forward has another M."""
        layer, X = Residual([DROPOUT], rng=0), numbers((10, 20))
        outputs = [layer.forward(X) for _ in range(2)]
        self.assertFalse(np.array_equal(*outputs))
        mask = layer.children[0].cache["mask"]
        self.assertEqual(set(mask.ravel()), {0.0, 2.0})
        np.testing.assert_array_equal(outputs[1], X + X * mask)
        np.testing.assert_allclose(layer.backward(X), X * (1 + mask), rtol=1e-15)
        layer.training = False
        np.testing.assert_array_equal(layer.forward(X), 2 * X)


class TestModes(unittest.TestCase):
    def test_reach_every_layer_inside(self):
        block = Residual([dense(4), residual(DROPOUT, residual(BATCH_NORM))])
        layers = list(block.walk())
        self.assertEqual(len(layers), 6)
        for mode in (False, True):
            block.training = mode
            self.assertEqual({layer.training for layer in layers}, {mode})

    def test_of_one_layer_inside_alone(self):
        block, X = Residual([DROPOUT]), numbers((10, 20))
        block.children[0].training = False
        np.testing.assert_array_equal(block.forward(X), 2 * X)
        self.assertTrue(block.training)

    def test_after_a_prediction_are_what_they_were(self):
        model, X, Y = network()
        block = model.layers[1]
        model.forward(X)
        block.children[3].training = False
        before = [layer.training for layer in block.walk()]
        self.assertEqual(set(before), {True, False})
        model.predict(X, Y)
        self.assertEqual([layer.training for layer in block.walk()], before)


class TestInference(unittest.TestCase):
    def test_changes_nothing(self):
        for case, (args, shape) in BLOCKS.items():
            layer = with_parameters(args, shape)
            X, dLdY = numbers((2, *shape))
            layer.forward(X)
            expected = layer.backward(dLdY)
            before = state(layer)
            layer.training = False
            layer.forward(3 * X)
            layer.forward(X[:1])
            np.testing.assert_equal(state(layer), before)
            np.testing.assert_array_equal(layer.backward(dLdY), expected, err_msg=case)

    def test_begins_no_cache_in_any_layer(self):
        layer = with_parameters(*BLOCKS["nested"])
        layer.training = False
        layer.forward(numbers((5, 4)))
        self.assertEqual({len(inner.cache) for inner in layer.walk()}, {0})
        with self.assertRaisesRegex(RuntimeError, "Residual.backward needs a forward in training"):
            layer.backward(numbers((5, 4)))

    def test_output_is_the_same_where_nothing_depends_on_the_mode(self):
        for case in ("dense", "sequence", "nested"):
            args, shape = BLOCKS[case]
            layer, X = with_parameters(args, shape), numbers(shape)
            Y = layer.forward(X)
            layer.training = False
            np.testing.assert_array_equal(layer.forward(X), Y)


class TestTypesAndPurity(unittest.TestCase):
    def test_every_array_has_the_layer_s_type(self):
        for dtype in DTYPES:
            for given in DTYPES:
                for args, shape in BLOCKS.values():
                    layer = initialize_layer(**args, dtype=dtype)
                    Y = layer.forward(numbers(shape).astype(given))
                    dLdX = layer.backward(numbers(shape).astype(given))
                    found = [Y, dLdX, layer.parameters, layer.gradients, layer.buffers]
                    found = {array.dtype for array in arrays_in([*found, layer.cache])}
                    self.assertEqual(found, {np.dtype(dtype)})

    def test_arguments_stay_as_they_are(self):
        for args, shape in BLOCKS.values():
            layer = with_parameters(args, shape)
            for name, value in layer.parameters.items():
                layer.parameters[name] = read_only(value)
            X, dLdY = numbers((2, *shape))
            with unchanged(X, dLdY):
                Y, dLdX = layer.forward(X), layer.backward(dLdY)
            np.testing.assert_array_equal(layer.forward(read_only(X)), Y)
            np.testing.assert_array_equal(layer.backward(read_only(dLdY)), dLdX)

    def test_the_layers_arguments_stay_as_they_are(self):
        args = [dense(4), residual(dense(4))]
        Residual(args, dtype="float32").forward(numbers((5, 4)))
        self.assertEqual(args, [dense(4), residual(dense(4))])


def network(dtype="float64", seed=0):
    """A network with blocks of all kinds, and a batch for it."""
    block = residual(dense(30), BATCH_NORM, DROPOUT, residual(LAYER_NORM, dense(30)))
    return with_batch([dense(30), block], dtype, seed)


class TestNetworks(NothingGrows, unittest.TestCase):
    def setUp(self):
        self.model, *self.batch = network()

    def test_learns_in_either_type(self):
        for dtype in DTYPES:
            model, X, Y = network(dtype)
            losses = [step(model, X, Y) for _ in range(300)]
            self.assertLess(model.predict(X, Y)[1], 0.2 * losses[0])
            self.assertEqual(types_in(model), {np.dtype(dtype)})

    def test_same_seed_same_run(self):
        runs = []
        for seed in (0, 0, 1):
            model, X, Y = network(seed=seed)
            runs.append([step(model, X, Y) for _ in range(5)])
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])

    def test_predicting_changes_nothing(self):
        model, (X, Y) = self.model, self.batch
        step(model, X, Y)
        model.forward(X)
        block = model.layers[1]
        before = state(block)
        losses = {model.predict(X, Y)[1] for _ in range(2)}
        self.assertEqual(len(losses), 1)
        np.testing.assert_equal(state(block), before)

    def test_shares_the_batch_as_soon_as_one_of_its_layers_does(self):
        """A network with such a block splits its batches across threads, see ``Layer``."""
        for layers, shares in (
            ([dense(4)], False),
            ([conv(3)], True),
            ([BATCH_NORM, conv(3), BATCH_NORM], True),
            ([BATCH_NORM, residual(conv(3))], True),
            ([BATCH_NORM, residual(BATCH_NORM)], False),
        ):
            self.assertIs(Residual(layers).splits_batch, shares)

    def test_goes_the_fast_way_through_its_layers(self):
        layer = with_parameters(*BLOCKS["conv"])
        X, dLdY = numbers((2, 2, 4, 5, 3))
        names = calls(lambda: run(layer, X, dLdY))
        self.assertIn("Conv2D.forward_faster", names)
        self.assertIn("Conv2D.backward_faster", names)
        for name in ("Conv2D.forward", "Conv2D.backward"):
            self.assertNotIn(name, names)

    def test_as_the_first_and_as_the_last_layer(self):
        args = [residual(dense(4)), residual(dense(4), activation="softmax")]
        model = NeuralNetwork("cross_entropy", args, SGD, seed=0)
        X, Y = numbers((20, 4)), one_hot(np.random.default_rng(1), 20, 4)
        losses = [step(model, X, Y) for _ in range(100)]
        self.assertLess(losses[-1], 0.8 * losses[0])
        self.assertTrue(model.layers[0].gradients["1.W"].any())


if __name__ == "__main__":
    unittest.main()
