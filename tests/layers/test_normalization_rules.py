"""Normalization: moving averages, modes, types, rejected arguments."""

import math
import unittest

import numpy as np

from neural_networks.layers import BatchNorm, LayerNorm, initialize_layer
from tests.support.arrays import DTYPES, NothingGrows, read_only, step, unchanged
from tests.support.normalization_cases import (
    AXES,
    OWN,
    SHAPES,
    arrays_in,
    dense,
    state,
    types_in,
    with_batch,
    with_parameters,
)

KINDS = (BatchNorm, LayerNorm)


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def layers(dtype="float64"):
    """Both layers for every kind of batch, with random parameters, and such a batch."""
    for name, options in OWN.items():
        for shape in SHAPES.values():
            yield with_parameters({"name": name, **options}, shape, dtype), numbers(shape)


class TestParameters(unittest.TestCase):
    def test_are_ones_and_zeros_at_first(self):
        for kind in KINDS:
            for shape, d in (((5, 4), 4), ((5, 3, 4), 3), ((5, 6, 7, 2), 2)):
                layer = kind()
                self.assertEqual((layer.n_in, layer.n_out, len(layer.parameters)), (None, None, 0))
                layer.forward(numbers(shape))
                self.assertEqual((layer.n_in, layer.n_out), (d, d))
                self.assertEqual(list(layer.parameters), ["gamma", "beta"])
                self.assertEqual(list(layer.gradients), ["gamma", "beta"])
                found = dict(layer.parameters)
                expected = {"gamma": np.ones((1, d)), "beta": np.zeros((1, d))}
                np.testing.assert_equal(found, expected)
                self.assertEqual({v.shape for v in layer.gradients.values()}, {(1, d)})

    def test_may_be_made_by_hand(self):
        for kind in KINDS:
            layer = kind()
            layer._init_parameters((-1, 3))
            self.assertEqual(layer.parameters["gamma"].shape, (1, 3))
            X, other = numbers((4, 3)), kind()
            other.parameters.update(layer.parameters)
            np.testing.assert_equal(other.forward(X), layer.forward(X))
            np.testing.assert_equal(dict(other.buffers), dict(layer.buffers))

    def test_statistics_at_first(self):
        layer = BatchNorm()
        layer._init_parameters((-1, 3, 4, 2))
        expected = {"running_mean": np.zeros((1, 2)), "running_var": np.ones((1, 2))}
        np.testing.assert_equal(dict(layer.buffers), expected)
        layer = LayerNorm()
        layer.forward(numbers((4, 3)))
        self.assertEqual(len(layer.buffers), 0)


class TestMovingAverages(unittest.TestCase):
    def test_by_their_definition(self):
        """Both are started at 0 and 1; the variance is the unbiased one."""
        for shape in SHAPES.values():
            layer, axes = BatchNorm(momentum=0.75), AXES[len(shape)]
            mean, variance = 0, 1
            for seed in range(3):
                X = 2 * numbers(shape, seed) + seed
                layer.forward(X)
                mean = 0.75 * mean + 0.25 * X.mean(axis=axes)
                variance = 0.75 * variance + 0.25 * X.var(axis=axes, ddof=1)
                np.testing.assert_allclose(layer.buffers["running_mean"][0], mean, rtol=1e-12)
                np.testing.assert_allclose(layer.buffers["running_var"][0], variance, rtol=1e-12)

    def test_momentum_0_keeps_the_last_batch_alone(self):
        layer, X = BatchNorm(momentum=0), numbers((6, 4))
        layer.forward(numbers((8, 4), seed=1))
        layer.forward(X)
        np.testing.assert_allclose(layer.buffers["running_mean"][0], X.mean(axis=0), rtol=1e-12)
        expected = X.var(axis=0, ddof=1)
        np.testing.assert_allclose(layer.buffers["running_var"][0], expected, rtol=1e-12)

    def test_default_momentum_keeps_nine_tenths(self):
        layer = initialize_layer("batch_norm")
        layer.forward(np.array([[4.0], [6.0]]))
        np.testing.assert_allclose(layer.buffers["running_mean"], [[0.5]], rtol=1e-14)

    def test_are_new_arrays_at_each_step(self):
        """The old arrays keep their values."""
        layer = BatchNorm()
        layer.forward(numbers((6, 4)))
        for name, value in layer.buffers.items():
            layer.buffers[name] = read_only(value)
        kept = dict(layer.buffers)
        with unchanged(*kept.values()):
            layer.forward(numbers((6, 4), seed=1))
        for name, value in kept.items():
            self.assertFalse(np.shares_memory(layer.buffers[name], value))

    def test_gradient_checks_leave_them_alone(self):
        for name in ("gamma", "beta"):
            layer, X = BatchNorm("tanh"), numbers((6, 4))
            layer.backward(layer.forward(X))
            before = state(layer)
            fn = layer.forward_with_param(name, numbers((5, 4), seed=1))
            self.assertEqual(fn(np.full((1, 4), 2.0)).shape, (5, 4))
            np.testing.assert_equal(state(layer), before)
            with self.assertRaises(ValueError):
                fn(np.ones((1, 3)))
            np.testing.assert_equal(state(layer), before)


class TestInference(unittest.TestCase):
    def test_changes_nothing(self):
        for layer, X in layers():
            dLdY = numbers(X.shape, seed=1)
            layer.forward(X)
            expected = layer.backward(dLdY)
            before = state(layer)
            layer.training = False
            layer.forward(10 * X)
            np.testing.assert_equal(state(layer), before)
            np.testing.assert_array_equal(layer.backward(dLdY), expected)

    def test_begins_no_cache(self):
        for kind in KINDS:
            layer = kind()
            layer.training = False
            layer.forward(numbers((5, 3)))
            self.assertEqual(len(layer.cache), 0)
            with self.assertRaisesRegex(RuntimeError, f"{kind.__name__}.backward needs a forward"):
                layer.backward(np.ones((5, 3)))

    def test_batch_norm_uses_the_averages(self):
        for shape in SHAPES.values():
            layer, X = BatchNorm(epsilon=0.5), numbers(shape)
            layer.forward(3 * X + 1)
            layer.training = False
            mean, variance = (layer.buffers[f"running_{name}"][0] for name in ("mean", "var"))
            if X.ndim == 3:
                mean, variance = mean[:, np.newaxis], variance[:, np.newaxis]
            expected = (X - mean) / np.sqrt(variance + 0.5)
            np.testing.assert_allclose(layer.forward(X), expected, rtol=1e-12)

    def test_batch_norm_does_not_depend_on_the_rest_of_the_batch(self):
        for layer, X in layers():
            layer.forward(X)
            alone = layer.forward(X[:1]) if isinstance(layer, LayerNorm) else None
            layer.training = False
            Y = layer.forward(X)
            np.testing.assert_allclose(layer.forward(X[:1]), Y[:1], rtol=1e-12)
            if alone is not None:
                # Layer normalization is the same while it trains, too.
                np.testing.assert_allclose(alone, Y[:1], rtol=1e-12)

    def test_batch_norm_before_any_training(self):
        layer, X = BatchNorm(epsilon=3.0), numbers((4, 3))
        layer.training = False
        np.testing.assert_allclose(layer.forward(X), X / 2, rtol=1e-15)
        np.testing.assert_array_equal(layer.buffers["running_var"], np.ones((1, 3)))

    def test_a_network_that_predicts(self):
        model, X, Y = network()
        step(model, X, Y)
        model.forward(X)
        before = [state(layer) for layer in model.layers]
        first, _ = model.predict(X[:1], Y[:1])
        np.testing.assert_allclose(first, model.predict(X, None)[0][:1], rtol=1e-12)
        np.testing.assert_equal([state(layer) for layer in model.layers], before)
        self.assertEqual({layer.training for layer in model.layers}, {True})


def network(dtype="float64"):
    """A network with both layers, and a batch for it."""
    args = [dense(30, "linear"), {"name": "batch_norm", "activation": "relu"}, dense(20, "linear")]
    return with_batch([*args, {"name": "layer_norm", "activation": "tanh"}], dtype)


class TestNetworks(NothingGrows, unittest.TestCase):
    def setUp(self):
        self.model, *self.batch = network()

    def test_learns_in_either_type(self):
        for dtype in DTYPES:
            model, X, Y = network(dtype)
            losses = [step(model, X, Y) for _ in range(300)]
            self.assertLess(losses[-1], 0.1 * losses[0])
            # By now the averages are those of this one batch.
            self.assertAlmostEqual(model.predict(X, Y)[1], losses[-1], delta=0.05)
            self.assertEqual(types_in(model), {np.dtype(dtype)})

    def test_a_batch_of_one_is_told_of_with_its_layer(self):
        model, X, Y = network()
        with self.assertRaisesRegex(ValueError, "batch of one example"):
            model.forward(X[:1])
        self.assertEqual(model.predict(X[:1], Y[:1])[0].shape, (1, 3))


class TestTypesAndPurity(unittest.TestCase):
    def test_every_array_has_the_layer_s_type(self):
        for dtype in DTYPES:
            for given in DTYPES:
                for layer, X in layers(dtype):
                    Y = layer.forward(X.astype(given))
                    dLdX = layer.backward(numbers(X.shape).astype(given))
                    found = [Y, dLdX, layer.gradients, layer.buffers, layer.cache]
                    self.assertEqual({array.dtype for array in arrays_in(found)}, {np.dtype(dtype)})

    def test_float32_is_float64_to_rounding(self):
        for (small, X), (large, _) in zip(layers("float32"), layers(), strict=True):
            X = X.astype("float32")
            np.testing.assert_allclose(small.forward(X), large.forward(X), rtol=1e-4, atol=1e-5)
            dLdX = large.backward(X)
            np.testing.assert_allclose(small.backward(X), dLdX, rtol=1e-3, atol=1e-5)

    def test_parameters_of_another_type_are_taken_in_the_layer_s(self):
        for layer, X in layers("float32"):
            for name, value in layer.parameters.items():
                layer.parameters[name] = value.astype("float64")
            Y = layer.forward(X.astype("float32"))
            found = [Y, layer.backward(Y), layer.gradients, layer.cache]
            self.assertEqual({array.dtype for array in arrays_in(found)}, {np.dtype("float32")})

    def test_batches_without_examples(self):
        for shape in ((0, 3), (0, 3, 2), (0, 4, 4, 3)):
            self.assertEqual(LayerNorm().forward(np.ones(shape)).shape, shape)

    def test_a_large_mean_costs_few_digits(self):
        """Of a mean of 100, PyTorch is off by 5e-6; a mean that is taken once, by 1e-4."""
        Z = np.random.default_rng(0).standard_normal((8, 32, 32, 16))
        for mean in (100, 1000):
            X = (mean + Z).astype("float32")
            for kind, options in ((BatchNorm, {"momentum": 0}), (LayerNorm, {})):
                layer, exact = kind(**options, dtype="float32"), kind(**options)
                expected = exact.forward(X.astype("float64"))
                self.assertLess(np.abs(layer.forward(X) - expected).max(), 2e-5)
                for name, value in exact.buffers.items():
                    tolerance = 2e-7 if name == "running_mean" else 2e-6
                    np.testing.assert_allclose(layer.buffers[name], value, rtol=tolerance)

    def test_averages_of_another_type_are_taken_in_the_layer_s(self):
        layer = BatchNorm(dtype="float32")
        layer._init_parameters((-1, 3))
        for training in (True, False):
            layer.buffers["running_mean"] = np.zeros((1, 3))
            layer.training = training
            self.assertEqual(layer.forward(np.eye(3, dtype="float32")).dtype, "float32")
        layer.training = True
        layer.forward(np.eye(3, dtype="float32"))
        self.assertEqual(layer.buffers["running_mean"].dtype, "float32")

    def test_arguments_stay_as_they_are(self):
        for layer, X in layers():
            for name, value in layer.parameters.items():
                layer.parameters[name] = read_only(value)
            dLdY = numbers(X.shape, seed=1)
            with unchanged(X, dLdY):
                Y, dLdX = layer.forward(X), layer.backward(dLdY)
            np.testing.assert_array_equal(layer.forward(read_only(X)), Y)
            np.testing.assert_array_equal(layer.backward(read_only(dLdY)), dLdX)

    def test_gradients_do_not_add_up(self):
        for layer, X in layers():
            layer.forward(X)
            layer.backward(X)
            first = dict(layer.gradients)
            with unchanged(*first.values()):
                layer.backward(2 * X)
            for name, value in first.items():
                np.testing.assert_allclose(layer.gradients[name], 2 * value, rtol=1e-12)


class TestLeastBatch(unittest.TestCase):
    def test_before_and_after_shapes_are_known(self):
        self.assertEqual((BatchNorm().min_batch_size, LayerNorm().min_batch_size), (2, 1))
        for shape, least in (
            ((5, 3), 2),
            ((5, 3, 1), 2),
            ((5, 3, 2), 1),
            ((5, 1, 1, 3), 2),
            ((5, 1, 2, 3), 1),
            ((5, 2, 1, 1), 1),
        ):
            for kind in KINDS:
                layer = kind()
                layer.forward(numbers(shape))
                self.assertEqual(layer.min_batch_size, least if kind is BatchNorm else 1, shape)

    def test_so_many_rows_are_enough_and_fewer_are_not(self):
        for shape in ((1, 3), (1, 3, 1), (1, 1, 1, 3)):
            layer = BatchNorm()
            with self.assertRaisesRegex(ValueError, "batch of one example.*batch_size"):
                layer.forward(numbers(shape))
            layer.training = False
            np.testing.assert_array_equal(layer.forward(np.zeros(shape)), np.zeros(shape))
        for shape in ((1, 3, 2), (1, 1, 2, 3), (1, 2, 1, 3), (2, 3)):
            layer = BatchNorm()
            self.assertEqual(layer.backward(layer.forward(numbers(shape))).shape, shape)


class TestRefusals(unittest.TestCase):
    def test_numbers_out_of_range(self):
        for kind in KINDS:
            for epsilon in (0, 0.0, -1e-5, math.nan, math.inf):
                with self.assertRaisesRegex(ValueError, f"^epsilon must be gr.*0.*{epsilon}"):
                    kind(epsilon=epsilon)
        for momentum in (-0.1, 1, 1.5, math.nan):
            with self.assertRaisesRegex(ValueError, f"^momentum must be .*below 1, got {momentum}"):
                BatchNorm(momentum=momentum)
        for option in ("epsilon", "momentum"):
            with self.assertRaisesRegex(TypeError, f"^{option} must be a number, got 'much'"):
                BatchNorm(**{option: "much"})

    def test_options(self):
        with self.assertRaisesRegex(ValueError, "'layer_norm' has no option 'momentum'"):
            initialize_layer("layer_norm", momentum=0.5)
        with self.assertRaisesRegex(ValueError, "'batch_norm' has no option 'n_out'"):
            initialize_layer("batch_norm", n_out=5)
        with self.assertRaisesRegex(ValueError, "activation 'rleu'.*mean 'relu'"):
            initialize_layer("layer_norm", "rleu")

    def test_shapes(self):
        for kind in KINDS:
            for shape in ((3,), (2, 3, 4, 5, 6), (4, 0), (4, 3, 0), (4, 0, 2, 2)):
                with self.assertRaisesRegex(ValueError, r"\(m, d\), \(m, d, t\) or \(m, H, W, C\)"):
                    kind().forward(np.ones(shape))
            layer = kind()
            layer.forward(numbers((4, 3)))
            for shape in ((4, 5), (4, 5, 3), (4, 3, 3, 5)):
                with self.assertRaisesRegex(ValueError, "X has 5 features.* made for 3"):
                    layer.forward(np.ones(shape))
            for shape in ((4, 3, 5), (4, 5, 2, 3), (4, 3)):
                self.assertEqual(layer.forward(np.ones(shape)).shape, shape)

    def test_no_examples(self):
        for kind in KINDS:
            layer = kind()
            layer.training = kind is LayerNorm
            self.assertEqual(layer.forward(np.ones((0, 3))).shape, (0, 3))

    def test_backward(self):
        for layer, X in layers():
            with self.assertRaisesRegex(RuntimeError, "forward in training"):
                layer.backward(X)
            layer.forward(X)
            with self.assertRaisesRegex(ValueError, "dLdY has shape .* the output had"):
                layer.backward(X[:1])
            layer.backward(X)
            layer.clear_gradients()
            self.assertFalse(any(gradient.any() for gradient in layer.gradients.values()))
            with self.assertRaises(RuntimeError):
                layer.backward(X)


if __name__ == "__main__":
    unittest.main()
