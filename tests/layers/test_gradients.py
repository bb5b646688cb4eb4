"""Gradients of activations and dense layers, against PyTorch and differences.

Central differences are exact on small shapes, random directions cheap on large ones, and
hypothesis draws shapes and values. They keep away from kinks, which have tests at the end.
"""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import ACTIVATIONS, initialize_activation
from neural_networks.layers import Flatten
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import (
    KINKED,
    activation_names,
    away_from_zero,
    dense,
    direction_error,
    dtypes,
    float_arrays,
    load_oracle,
    seeds,
    sizes,
)

SMOOTH = sorted(set(ACTIVATIONS) - set(KINKED))


def kink_free_input(layer, *shape):
    """An input for which no pre-activation of the layer is near the kink of a ReLU."""
    for seed in range(1000):
        X = np.random.default_rng(seed).standard_normal(shape)
        layer.forward(X)
        if np.abs(layer.cache["Z"]).min() > 0.01:
            return X
    raise AssertionError("every input that was tried meets a kink")


class TestAgainstOracle(unittest.TestCase):
    def assert_close(self, actual, expected, what):
        np.testing.assert_allclose(
            actual, expected, rtol=1e-10, atol=1e-13, strict=True, err_msg=what
        )

    def test_activations(self):
        for name in ACTIVATIONS:
            activation, data = initialize_activation(name), load_oracle(name)
            for case in ("2d", "4d"):
                Z, dLdY = data[f"Z_{case}"], data[f"dLdY_{case}"]
                self.assert_close(activation(Z), data[f"Y_{case}"], f"Y, {name} {case}")
                dLdZ = activation.backward(Z, dLdY)
                self.assert_close(dLdZ, data[f"dLdZ_{case}"], f"dLdZ, {name} {case}")

    def test_fully_connected_with_every_activation(self):
        data = load_oracle("fully_connected")
        for name in ACTIVATIONS:
            for case in ("", "_seq"):
                layer = dense(name, data["W"].shape)
                layer.parameters["W"], layer.parameters["b"] = data["W"], data["b"]
                Y = layer.forward(data[f"X{case}"])
                dLdX = layer.backward(data[f"dLdY{case}"])

                end = f"{case}_{name}"
                self.assert_close(Y, data[f"Y{end}"], f"Y{end}")
                self.assert_close(dLdX, data[f"dLdX{end}"], f"dLdX{end}")
                self.assert_close(layer.gradients["W"], data[f"dLdW{end}"], f"dLdW{end}")
                self.assert_close(layer.gradients["b"], data[f"dLdb{end}"], f"dLdb{end}")


class TestCentralDifferences(unittest.TestCase):
    def test_activations(self):
        rng = np.random.default_rng(1)
        for name in ACTIVATIONS:
            for shape in ((4,), (3, 5), (2, 3, 4), (2, 2, 3, 3)):
                with self.subTest(name, shape=shape):
                    activation = initialize_activation(name)
                    Z = away_from_zero(rng.standard_normal(shape))
                    dLdY = rng.standard_normal(shape)
                    error = check_gradients(activation, activation.backward(Z, dLdY), Z, dLdY)
                    self.assertLess(error, 1e-8)

    def test_fully_connected(self):
        rng = np.random.default_rng(2)
        for name in ACTIVATIONS:
            for shape in ((5, 3), (1, 3), (4, 3, 2)):
                with self.subTest(name, shape=shape):
                    layer = dense(name, (3, 4))
                    X = kink_free_input(layer, *shape)
                    dLdY = rng.standard_normal(layer.forward(X).shape)
                    dLdX = layer.backward(dLdY)
                    self.assertLess(check_gradients(layer.forward, dLdX, X, dLdY), 1e-8)
                    for parameter in ("W", "b"):
                        fn = layer.forward_with_param(parameter, X)
                        value, gradient = layer.parameters[parameter], layer.gradients[parameter]
                        self.assertLess(check_gradients(fn, gradient, value, dLdY), 1e-8)

    def test_affine_part_alone(self):
        """The entrance of the canonical pair: dL/dZ as rows, past the activation."""
        rng = np.random.default_rng(3)
        for shape in ((5, 3), (4, 3, 2)):
            layer = dense("softmax", (3, 4))
            X = rng.standard_normal(shape)

            def logits(X, layer=layer):
                layer.forward(X)
                return layer.cache["Z"]

            dLdZ = rng.standard_normal(logits(X).shape)
            dLdX = layer.backward_from_logits(dLdZ)
            self.assertEqual(dLdZ.shape, (8, 4) if len(shape) == 3 else (5, 4))
            np.testing.assert_allclose(layer.gradients["b"][0], dLdZ.sum(axis=0), rtol=1e-12)
            W, gradient = layer.parameters["W"], layer.gradients["W"]

            def logits_of(W, layer=layer, X=X, logits=logits):
                layer.parameters["W"] = W
                return logits(X)

            self.assertLess(check_gradients(logits_of, gradient, W, dLdZ), 1e-8)
            layer.parameters["W"] = W
            self.assertLess(check_gradients(logits, dLdX, X, dLdZ), 1e-8)

    def test_flatten(self):
        rng = np.random.default_rng(4)
        for keep_dim in ("first", "last"):
            for shape in ((3, 4), (2, 3, 2, 2)):
                layer = Flatten(keep_dim)
                X = rng.standard_normal(shape)
                dLdY = rng.standard_normal(layer.forward(X).shape)
                error = check_gradients(layer.forward, layer.backward(dLdY), X, dLdY)
                self.assertLess(error, 1e-8)


class TestRandomDirections(unittest.TestCase):
    def test_activations(self):
        rng = np.random.default_rng(5)
        for name in ACTIVATIONS:
            activation = initialize_activation(name)
            Z = away_from_zero(rng.standard_normal((64, 8, 8, 10)))
            dLdY = rng.standard_normal(Z.shape)
            gradient = activation.backward(Z, dLdY)
            with self.subTest(name):
                error = direction_error(activation, gradient, Z, dLdY, rng)
                self.assertLess(error, 1e-6)

    def test_fully_connected(self):
        rng = np.random.default_rng(6)
        for name in SMOOTH:
            for shape in ((50, 200), (20, 200, 12)):
                layer = dense(name, (200, 100))
                layer.parameters["W"] /= np.sqrt(200)
                X = rng.standard_normal(shape)
                dLdY = rng.standard_normal(layer.forward(X).shape)
                dLdX = layer.backward(dLdY)
                checks = {"X": (layer.forward, dLdX, X)}
                for key, value in layer.parameters.items():
                    checks[key] = layer.forward_with_param(key, X), layer.gradients[key], value
                for key, (fn, gradient, value) in checks.items():
                    with self.subTest(name, shape=shape, of=key):
                        error = direction_error(fn, gradient, value, dLdY, rng)
                        self.assertLess(error, 1e-6)


class TestAnyShapeAndValue(unittest.TestCase):
    @given(st.data(), activation_names, dtypes, seeds)
    def test_activations(self, draw, name, dtype, seed):
        shape = tuple(draw.draw(st.lists(sizes, min_size=1, max_size=4)))
        Z = away_from_zero(draw.draw(float_arrays(shape, dtype=dtype)))
        dLdY = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
        activation = initialize_activation(name)
        dLdZ = activation.backward(Z, dLdY)
        self.assertEqual(dLdZ.shape, shape)
        error = check_gradients(activation, dLdZ, Z.astype(np.float64), dLdY)
        self.assertLess(error, 1e-7 if dtype == "float64" else 1e-4)

    @given(st.data(), st.sampled_from(SMOOTH), dtypes, seeds)
    def test_fully_connected(self, draw, name, dtype, seed):
        d, n_out = draw.draw(sizes), draw.draw(sizes)
        steps = draw.draw(st.sampled_from([(), (1,), (3,)]))
        X = draw.draw(float_arrays((draw.draw(sizes), d, *steps), dtype=dtype))
        exact, layer = dense(name, (d, n_out)), dense(name, (d, n_out), dtype)
        for key, value in layer.parameters.items():
            exact.parameters[key] = value.astype(np.float64) / 2
            layer.parameters[key] = value / 2

        Y = layer.forward(X)
        dLdY = np.random.default_rng(seed).standard_normal(Y.shape)
        dLdX = layer.backward(dLdY.astype(dtype))
        bound = 1e-7 if dtype == "float64" else 1e-4
        X = X.astype(np.float64)
        self.assertLess(check_gradients(exact.forward, dLdX, X, dLdY), bound)
        for key, value in exact.parameters.items():
            fn = exact.forward_with_param(key, X)
            self.assertLess(check_gradients(fn, layer.gradients[key], value, dLdY), bound)

    @given(st.data(), st.sampled_from(["first", "last"]))
    def test_flatten_sends_every_gradient_back_to_its_place(self, draw, keep_dim):
        shape = tuple(draw.draw(st.lists(sizes, min_size=2, max_size=5)))
        layer = Flatten(keep_dim)
        # Where each number came from is told by the number itself.
        X = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
        Y = layer.forward(X)
        expected = (shape[0], X.size // shape[0])
        if keep_dim == "last":
            expected = (X.size // shape[-1], shape[-1])
        self.assertEqual(Y.shape, expected)
        np.testing.assert_array_equal(Y.ravel(), np.arange(X.size))
        np.testing.assert_array_equal(layer.backward(Y), X, strict=True)


class TestKinks(unittest.TestCase):
    """There is no derivative at a kink; the value used in its place is a convention."""

    def test_slope_at_zero(self):
        for name, slope in (("relu", 0.0), ("leaky_relu", 0.01)):
            for zero in (0.0, -0.0):
                Z, dY = np.full((2, 2), zero), np.array([[3.0, -2.0], [1.0, 5.0]])
                dLdZ = initialize_activation(name).backward(Z, dY)
                np.testing.assert_array_equal(dLdZ, slope * dY, err_msg=f"{name} at {zero}")

    def test_slope_next_to_zero(self):
        tiny = np.finfo(np.float64).tiny
        for name, left in (("relu", 0.0), ("leaky_relu", 0.01)):
            dLdZ = initialize_activation(name).backward(np.array([-tiny, tiny]), np.ones(2))
            np.testing.assert_array_equal(dLdZ, [left, 1.0], err_msg=name)

    def test_elu_has_one_slope_and_two_curvatures_at_zero(self):
        elu = initialize_activation("elu")
        for zero in (0.0, -0.0):
            np.testing.assert_array_equal(elu(np.array([zero])), [0.0])
            np.testing.assert_array_equal(elu.backward(np.array([zero]), np.array([3.0])), [3.0])
        slopes = elu.backward(np.array([-1e-3, 1e-3]), np.ones(2))
        np.testing.assert_allclose(slopes, [np.exp(-1e-3), 1.0], rtol=1e-14)


class TestExtremes(unittest.TestCase):
    """Values far outside the usual range give limits, neither NaN nor a warning."""

    def test_activations_at_1e4(self):
        limits = {
            "sigmoid": ([0.0, 1.0], [0.0, 0.0]),
            "tanh": ([-1.0, 1.0], [0.0, 0.0]),
            "softmax": ([0.0, 1.0], [0.0, 0.0]),
            "relu": ([0.0, 1e4], [0.0, 1.0]),
            "leaky_relu": ([-100.0, 1e4], [0.01, 1.0]),
            "linear": ([-1e4, 1e4], [1.0, 1.0]),
            "arctan": ([-np.pi / 2 + 1e-4, np.pi / 2 - 1e-4], [1e-8, 1e-8]),
            "elu": ([-1.0, 1e4], [0.0, 1.0]),
            "gelu": ([0.0, 1e4], [0.0, 1.0]),
            "softplus": ([0.0, 1e4], [0.0, 1.0]),
        }
        self.assertEqual(set(limits), set(ACTIVATIONS))
        for name, (Y, dLdZ) in limits.items():
            self.check(name, 1e4, Y, dLdZ)

    def test_activations_at_1e30(self):
        """Their cube is too large for float32, their exponential for any type."""
        limits = {"elu": -1.0, "gelu": 0.0, "softplus": 0.0, "relu": 0.0}
        limits |= {"sigmoid": (0.0, 1.0, 0.0), "tanh": (-1.0, 1.0, 0.0)}
        for name, values in limits.items():
            left, right, slope = values if isinstance(values, tuple) else (values, 1e30, 1.0)
            self.check(name, 1e30, [left, right], [0.0, slope])

    def check(self, name, size, Y, dLdZ):
        """Outputs and slopes at ± ``size``."""
        for dtype in (np.float32, np.float64):
            Z = np.array([[-size, size]], dtype)
            activation = initialize_activation(name)
            with self.subTest(name, dtype=dtype), np.errstate(all="raise", under="ignore"):
                np.testing.assert_allclose(activation(Z)[0], Y, rtol=1e-6)
                found = activation.backward(Z, np.ones_like(Z))[0]
                np.testing.assert_allclose(found, dLdZ, rtol=1e-6, atol=1e-30)

    def test_far_from_zero_as_near_it(self):
        """An exp(z) smaller than the distance of 1 to its neighbors still counts."""
        Z = np.array([-40.0, -30.0, -1e-12, 1e-12, 40.0])
        softplus, elu = initialize_activation("softplus"), initialize_activation("elu")
        expected = [math.exp(-40), math.exp(-30), math.log(2), math.log(2), 40.0]
        np.testing.assert_allclose(softplus(Z), expected, rtol=1e-11)
        slopes = [math.exp(-40), math.exp(-30), 0.5, 0.5, 1.0]
        np.testing.assert_allclose(softplus.backward(Z, np.ones(5)), slopes, rtol=1e-11)
        np.testing.assert_allclose(elu(Z), [-1, -1, -1e-12, 1e-12, 40], rtol=1e-11)
        np.testing.assert_allclose(elu.backward(Z, np.ones(5)), [*slopes[:2], 1, 1, 1], rtol=1e-11)

    def test_gelu_far_below_zero(self):
        """There (1 + tanh u) / 2 = 1 / (1 + exp(-2u)) is exp(2u) (1 - exp(2u)), nearly."""
        gelu = initialize_activation("gelu")
        for z in (-5.0, -7.0, -9.0):
            share = math.exp(2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))
            expected = z * share * (1 - share)
            for dtype, rtol in (("float64", 1e-12), ("float32", 1e-5)):
                np.testing.assert_allclose(gelu(np.array([z], dtype)), [expected], rtol=rtol)

    def test_gelu_by_its_formula(self):
        """Up to where the tanh is 1 to the last bit, and on both sides of where its cube ends."""
        gelu = initialize_activation("gelu")
        for z in (0.0, 1.0, -1.0, 3.0, -3.0, 10.0, 19.5, 21.0, 1000.0):
            tanh = math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))
            self.assertAlmostEqual(gelu(np.array([z]))[0], z * (1 + tanh) / 2, delta=1e-15 * abs(z))
        # Its minimum is near -0.7525.
        slopes = gelu.backward(np.array([-0.76, -0.745]), np.ones(2))
        self.assertTrue(slopes[0] < 0 < slopes[1])
