"""Dropout: masks, gradients, generators, inference."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neural_networks.layers import Dropout, initialize_layer
from neural_networks.losses import initialize_loss
from neural_networks.models import NeuralNetwork
from neural_networks.utils.grad_check import check_gradients
from neural_networks.utils.randomness import spawn_generator
from tests.support.arrays import (
    DTYPES,
    direction_error,
    dtypes,
    one_hot,
    read_only,
    seeds,
    step,
    unchanged,
)
from tests.support.normalization_cases import SHAPES, arrays_in, dense, state

SGD = {"name": "SGD", "lr": 0.1}
probabilities = st.integers(0, 99).map(lambda percent: percent / 100)
shapes = hnp.array_shapes(min_dims=2, max_dims=5, max_side=5)


def network(*layers, seed=0, dtype="float64"):
    last = dense(2, "softmax")
    return NeuralNetwork("cross_entropy", [*layers, last], SGD, seed=seed, dtype=dtype)


def masks(model, X, n=3):
    """The masks that a network's first layer of dropout draws in n steps."""
    layer = next(layer for layer in model.layers if isinstance(layer, Dropout))
    found = []
    for _ in range(n):
        model.forward(X)
        found.append(layer.cache["mask"])
    return np.array(found)


class TestMasks(unittest.TestCase):
    @given(shapes, probabilities, dtypes, seeds)
    def test_are_0_or_1_over_the_share_that_is_kept(self, shape, p, dtype, seed):
        layer = Dropout(p, dtype=dtype, rng=seed)
        Y = layer.forward(np.full(shape, 3, dtype))
        kept = np.array(1 / (1 - p), dtype)
        self.assertLessEqual(set(layer.cache["mask"].ravel()), {np.zeros((), dtype)[()], kept[()]})
        np.testing.assert_array_equal(Y, 3 * layer.cache["mask"], strict=True)
        self.assertEqual(Y.shape, shape)

    def test_the_share_that_is_dropped(self):
        """Of n numbers p n are dropped, with a standard deviation of √(n p (1 - p))."""
        for dtype in DTYPES:
            for p in (0.1, 0.25, 0.5, 0.9):
                Y = Dropout(p, dtype=dtype, rng=0).forward(np.ones((200, 500), dtype))
                deviation = math.sqrt(Y.size * p * (1 - p))
                with self.subTest(p=p, dtype=dtype):
                    self.assertLess(abs((Y == 0).sum() - p * Y.size), 4 * deviation)
                    self.assertLess(abs(Y.sum() - Y.size), 4 * deviation / (1 - p))

    def test_no_row_or_column_is_dropped_as_one(self):
        """Numbers are dropped independently: every row has nearly the same share."""
        for shape, axis in (((2000, 30), 0), ((30, 2000), 1), ((30, 20, 10, 10), (1, 2, 3))):
            Y = Dropout(0.5, rng=1).forward(np.ones(shape))
            shares = (Y == 0).mean(axis=axis)
            self.assertLess(np.abs(shares - 0.5).max(), 4 * math.sqrt(0.25 / 2000))
            self.assertGreater(len(set(np.ravel(shares))), 5)

    def test_half_is_the_default(self):
        for layer in (Dropout(), initialize_layer("dropout")):
            self.assertEqual(set(layer.forward(np.ones((10, 10))).ravel()), {0.0, 2.0})

    def test_nothing_is_dropped_with_p_0(self):
        X = np.random.default_rng(0).standard_normal((50, 60))
        layer = Dropout(0.0, rng=0)
        np.testing.assert_array_equal(layer.forward(X), X, strict=True)
        np.testing.assert_array_equal(layer.backward(2 * X), 2 * X, strict=True)

    def test_a_draw_of_exactly_p_is_kept(self):
        """Numbers below p are dropped: of those in [0, 1), a share of p."""

        class Fixed:
            def random(self, shape, dtype):
                return np.resize(np.array([0.0, 0.25, 0.5, 0.75], dtype), shape)

        layer = Dropout(0.5)
        layer.rng = Fixed()
        np.testing.assert_array_equal(layer.forward(np.ones((1, 4))), [[0, 0, 2, 2]])

    def test_nothing_to_learn(self):
        layer = Dropout()
        layer.backward(layer.forward(np.ones((2, 3))))
        self.assertEqual((len(layer.parameters), len(layer.gradients)), (0, 0))


class TestGradients(unittest.TestCase):
    def test_by_hand(self):
        layer = Dropout(0.5, rng=0)
        X, dLdY = np.arange(1.0, 13).reshape(3, 4), np.arange(21.0, 33).reshape(3, 4)
        Y = layer.forward(X)
        self.assertTrue(0 < (Y == 0).sum() < 12)
        np.testing.assert_array_equal(Y, np.where(Y == 0, 0, 2 * X))
        np.testing.assert_array_equal(layer.backward(dLdY), np.where(Y == 0, 0, 2 * dLdY))

    def test_belongs_to_the_last_forward(self):
        layer = Dropout(0.5, rng=0)
        X = np.ones((20, 20))
        first, second = layer.forward(X), layer.forward(X)
        self.assertFalse(np.array_equal(first, second))
        np.testing.assert_array_equal(layer.backward(X), second)

    @given(shapes, probabilities, dtypes, seeds)
    def test_differences(self, shape, p, dtype, seed):
        rng = np.random.default_rng(seed)
        X, dLdY = rng.standard_normal(shape), rng.standard_normal(shape)
        layer = Dropout(p, seed=seed, dtype=dtype)
        layer.forward(X)
        dLdX = layer.backward(dLdY)
        np.testing.assert_array_equal(dLdX == 0, layer.cache["mask"] == 0)
        if dtype == "float64":
            self.assertLess(check_gradients(layer.forward, dLdX, X, dLdY), 1e-8)

    def test_random_directions(self):
        rng = np.random.default_rng(1)
        for shape in ((60, 200), (20, 30, 40), (8, 20, 20, 10)):
            layer = Dropout(0.3, seed=4)
            X, dLdY = rng.standard_normal(shape), rng.standard_normal(shape)
            layer.forward(X)
            error = direction_error(layer.forward, layer.backward(dLdY), X, dLdY, rng)
            self.assertLess(error, 1e-6)

    def test_through_a_network_with_a_seed(self):
        """The network's loss as a function of its weights, with one mask throughout."""
        model = network(dense(6), {"name": "dropout", "seed": 3}, dense(5))
        rng = np.random.default_rng(0)
        X, Y = rng.standard_normal((4, 3)), one_hot(rng, 4, 2)
        model.backward(Y, model.forward(X))
        self.assertEqual(set(model.layers[1].cache["mask"].ravel()), {0.0, 2.0})
        for _, layer, name in list(model.parameters()):
            value, gradient = layer.parameters[name], layer.gradients[name]

            def loss(W, layer=layer, name=name):
                layer.parameters[name] = W
                return initialize_loss("cross_entropy")(Y, model.forward(X))

            self.assertLess(check_gradients(loss, gradient, value, 1.0), 1e-7)
            layer.parameters[name] = value


class TestInference(unittest.TestCase):
    def test_is_the_identity_and_draws_nothing(self):
        for kind, shape in SHAPES.items():
            layer, X = Dropout(0.5, rng=0), np.random.default_rng(0).standard_normal(shape)
            layer.forward(X)
            before = state(layer)
            layer.training = False
            np.testing.assert_array_equal(layer.forward(X), X, strict=True, err_msg=kind)
            np.testing.assert_equal(state(layer), before)

    def test_a_network_that_predicts_uses_every_unit(self):
        rng = np.random.default_rng(0)
        X, Y = rng.standard_normal((30, 4)), one_hot(rng, 30, 2)
        model, plain = network(dense(8), {"name": "dropout"}), network(dense(8))
        model.forward(X)
        plain.forward(X)
        for mine, theirs in zip(model.layers[::2], plain.layers, strict=True):
            mine.parameters.update(theirs.parameters)
        before = [state(layer) for layer in model.layers]
        found, loss = model.predict(X, Y)
        expected, expected_loss = plain.predict(X, Y)
        np.testing.assert_array_equal(found, expected)
        self.assertEqual(loss, expected_loss)
        np.testing.assert_equal([state(layer) for layer in model.layers], before)
        self.assertFalse(np.array_equal(model.forward(X), expected))


class TestRandomness(unittest.TestCase):
    X = np.ones((6, 10))

    def test_a_seed_gives_one_mask_for_every_forward(self):
        layers = [Dropout(seed=3, rng=rng) for rng in (0, 1)]
        found = [layer.forward(self.X) for layer in layers for _ in range(3)]
        np.testing.assert_array_equal(found[1:], [found[0]] * 5)
        self.assertFalse(np.array_equal(Dropout(seed=4).forward(self.X), found[0]))

    def test_a_seed_of_0_is_one(self):
        layer = Dropout(seed=0)
        np.testing.assert_array_equal(layer.forward(self.X), layer.forward(self.X))

    def test_without_a_seed_each_forward_has_its_own_mask(self):
        layers = [Dropout(rng=0), Dropout(rng=np.random.default_rng(0)), Dropout(rng=1)]
        found = [[layer.forward(self.X) for _ in range(3)] for layer in layers]
        np.testing.assert_array_equal(found[0], found[1])
        self.assertFalse(np.array_equal(found[0], found[2]))
        self.assertFalse(np.array_equal(found[0][0], found[0][1]))

    def test_a_network_s_seed_says_which_masks(self):
        args = [dense(10), {"name": "dropout"}]
        found = [masks(network(*args, seed=seed), self.X) for seed in (0, 0, 1)]
        np.testing.assert_array_equal(found[0], found[1])
        self.assertFalse(np.array_equal(found[0], found[2]))
        self.assertFalse(np.array_equal(found[0][0], found[0][1]))

    def test_two_layers_have_different_masks(self):
        model = network({"name": "dropout"}, {"name": "dropout"})
        model.forward(self.X)
        first, second = (layer.cache["mask"] for layer in model.layers[:2])
        self.assertFalse(np.array_equal(first, second))

    def test_a_network_has_a_stream_for_dropout_and_one_for_weights(self):
        """With dropout in it or without, the layers have the same weights."""
        model = network({"name": "dropout"}, dense(10))
        expected = spawn_generator(0, "dropout", 0).random(self.X.shape) >= 0.5
        model.forward(self.X)
        np.testing.assert_array_equal(model.layers[0].cache["mask"] != 0, expected)
        weights = spawn_generator(0, "initialization", 0).random(self.X.shape) >= 0.5
        self.assertFalse(np.array_equal(expected, weights))
        other = network(dense(10))
        other.forward(self.X)
        for mine, theirs in zip(model.layers[1:], other.layers, strict=True):
            np.testing.assert_equal(dict(mine.parameters), dict(theirs.parameters))

    def test_with_a_seed_or_a_generator_global_state_is_left_alone(self):
        for options in ({"seed": 7}, {"rng": 7}, {"rng": np.random.default_rng(7)}):
            before = np.random.get_state()  # noqa: NPY002, the state that nothing may touch
            found = [Dropout(**options).forward(self.X) for _ in range(2)]
            after = np.random.get_state()  # noqa: NPY002
            np.testing.assert_array_equal(after[1], before[1])
            self.assertEqual(after[2:], before[2:])
            is_generator = not isinstance(next(iter(options.values())), int)
            self.assertEqual(np.array_equal(*found), not is_generator)


class TestTypesAndPurity(unittest.TestCase):
    def test_every_array_has_the_layer_s_type(self):
        for dtype in DTYPES:
            for given_dtype in DTYPES:
                for seed in (None, 1):
                    layer = Dropout(0.3, seed, dtype=dtype)
                    Y = layer.forward(np.ones((5, 4), given_dtype))
                    dLdX = layer.backward(np.ones((5, 4), given_dtype))
                    found = {array.dtype for array in (Y, dLdX, *arrays_in(layer.cache))}
                    self.assertEqual(found, {np.dtype(dtype)})

    def test_arguments_stay_as_they_are(self):
        layer, (X, dLdY) = Dropout(0.3, 1), np.random.default_rng(0).random((2, 5, 4))
        with unchanged(X, dLdY):
            Y = layer.forward(X)
            dLdX = layer.backward(dLdY)
        np.testing.assert_array_equal(layer.forward(read_only(X)), Y)
        np.testing.assert_array_equal(layer.backward(read_only(dLdY)), dLdX)

    def test_a_network_learns_with_it(self):
        rng = np.random.default_rng(0)
        for dtype in DTYPES:
            X = rng.standard_normal((60, 3)).astype(dtype)
            Y = np.eye(2, dtype=dtype)[(X.sum(axis=1) > 0).astype(int)]
            model = network(dense(20), {"name": "dropout", "p": 0.3}, dtype=dtype)
            for _ in range(200):
                step(model, X, Y)
            Y_hat, loss = model.predict(X, Y)
            self.assertLess(loss, 0.2)
            self.assertEqual(Y_hat.dtype, dtype)


class TestRefusals(unittest.TestCase):
    def test_probabilities(self):
        for p in (1.0, -0.1, 1, 2, math.nan, math.inf):
            with self.assertRaisesRegex(ValueError, f"^p must be at least 0 and below 1, got {p}$"):
                Dropout(p)
        for p in ("half", True, [0.5]):
            with self.assertRaisesRegex(TypeError, "^p must be a number, got"):
                Dropout(p)

    def test_seeds(self):
        for seed, error in ((-1, ValueError), (1.5, TypeError), ("one", TypeError)):
            with self.assertRaisesRegex(error, f"seed must be .*{seed}"):
                Dropout(seed=seed)

    def test_options(self):
        with self.assertRaisesRegex(ValueError, "'dropout' has no option 'activation'"):
            initialize_layer("dropout", activation="relu")
        with self.assertRaisesRegex(ValueError, "layer 1: p must be .*got 1.5"):
            network({"name": "dropout", "p": 1.5})

    def test_backward(self):
        layer = Dropout()
        with self.assertRaisesRegex(RuntimeError, "Dropout.backward needs a forward in training"):
            layer.backward(np.ones((2, 3)))
        layer.forward(np.ones((2, 3)))
        # (1, 3) would broadcast, and give a wrong gradient without a word.
        with self.assertRaisesRegex(ValueError, r"dLdY.*\(1, 3\).*\(2, 3\)"):
            layer.backward(np.ones((1, 3)))
        layer.clear_gradients()
        with self.assertRaises(RuntimeError):
            layer.backward(np.ones((2, 3)))

    def test_integers(self):
        with self.assertRaisesRegex(TypeError, "X must hold floats, got int64"):
            Dropout().forward(np.ones((2, 3), np.int64))


if __name__ == "__main__":
    unittest.main()
