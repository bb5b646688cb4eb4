"""Convolution: gradients against differences, both implementations against each other."""

import unittest
from unittest import mock

import numpy as np
from hypothesis import given

from neural_networks.activations import ACTIVATIONS
from neural_networks.layers import Conv2D
from neural_networks.utils import convolution
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import KINKED, activation_names, direction_error
from tests.support.image_cases import (
    BACKWARDS,
    FORWARDS,
    WAYS,
    Case,
    any_windows,
    conv,
    gradient_checks,
    run,
)

SMALL = (
    Case((3, 3), 1, "same", (2, 4, 3, 2)),
    Case((2, 3), 1, "valid", (2, 4, 4, 1)),
    Case((3, 2), 2, (2, 1), (1, 4, 5, 2)),
    Case((2, 2), 3, 1, (2, 5, 4, 2)),
    Case((1, 1), 1, "same", (2, 2, 3, 3)),
    Case((1, 1), 2, "same", (2, 3, 3, 2)),
    Case((4, 3), 1, "valid", (2, 4, 3, 2)),
    Case((3, 2), 1, (2, 0, 0, 1), (2, 4, 3, 2)),
    Case((2, 3), 2, (0, 1, 2, 1), (2, 4, 3, 2)),
)
LARGE = (
    Case((3, 3), 1, "same", (8, 16, 16, 8), 8),
    Case((5, 4), 1, (3, 2), (8, 16, 16, 8), 8),
    Case((3, 5), 2, "valid", (8, 16, 16, 8), 8),
    Case((3, 3), 3, 1, (3, 16, 20, 3), 16),
    Case((7, 7), 1, "same", (2, 12, 9, 3), 5),
)


def layer_of(case, activation="linear", dtype="float64"):
    return conv(
        case.X_shape, case.kernel_shape, case.n_out, activation, case.stride, case.pad, dtype
    )


def rounding(dtype):
    return {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}


class TestCentralDifferences(unittest.TestCase):
    def check(self, layer, X, way, bound=1e-8):
        dLdY = np.random.default_rng(1).standard_normal(layer.output_shape(X.shape))
        found = run(layer, X, dLdY, way)
        checks = gradient_checks(layer, X, found["dLdX"], way[0])
        self.assertEqual(set(checks), {"X", "W", "b"})
        for name, (fn, gradient, value) in checks.items():
            self.assertLess(check_gradients(fn, gradient, value, dLdY), bound, name)

    def test_both_implementations(self):
        for case in SMALL:
            for way in zip(FORWARDS, BACKWARDS, strict=True):
                with self.subTest(case, way=way):
                    X = np.random.default_rng(0).standard_normal(case.X_shape)
                    self.check(layer_of(case, "tanh"), X, way)

    def test_every_activation(self):
        case = SMALL[0]
        for name in ACTIVATIONS:
            for way in zip(FORWARDS, BACKWARDS, strict=True):
                with self.subTest(name, way=way):
                    layer, X = layer_of(case, name), np.random.default_rng(2).random(case.X_shape)
                    if name in KINKED:
                        layer.forward(X)
                        self.assertGreater(np.abs(layer.cache["Z"]).min(), 1e-3, "near a kink")
                    # The sums of a softmax's gradients are near 0, and rounding is not.
                    self.check(layer, X, way, bound=1e-7)

    def test_gradients_through_the_front_door(self):
        """As ``check_gradients.ipynb`` does it, with ``forward_with_param``."""
        case = SMALL[2]
        layer, X = layer_of(case, "arctan"), np.random.default_rng(3).standard_normal(case.X_shape)
        dLdY = np.random.default_rng(4).standard_normal(layer.forward(X).shape)
        layer.backward(dLdY)
        for name, value in layer.parameters.items():
            fn = layer.forward_with_param(name, X)
            self.assertLess(check_gradients(fn, layer.gradients[name], value, dLdY), 1e-8)


class TestRandomDirections(unittest.TestCase):
    def test_larger_images(self):
        rng = np.random.default_rng(5)
        for case in LARGE:
            X = rng.standard_normal(case.X_shape)
            for way in zip(FORWARDS, BACKWARDS, strict=True):
                layer = layer_of(case, "tanh")
                dLdY = rng.standard_normal(layer.output_shape(X.shape))
                found = run(layer, X, dLdY, way)
                checks = gradient_checks(layer, X, found["dLdX"], way[0])
                for name, (fn, gradient, value) in checks.items():
                    with self.subTest(case, way=way, of=name):
                        self.assertLess(direction_error(fn, gradient, value, dLdY, rng), 1e-6)


class TestTwoImplementations(unittest.TestCase):
    def assert_alike(self, found, expected, dtype):
        self.assertEqual(list(found), list(expected))
        for name, value in expected.items():
            np.testing.assert_allclose(
                found[name], value, **rounding(dtype), err_msg=name, strict=True
            )

    @given(any_windows, activation_names)
    def test_agree(self, drawn, activation):
        (case, _), dtype, seed = drawn
        rng = np.random.default_rng(seed)
        X = (3 * rng.standard_normal(case.X_shape)).astype(dtype)
        layer = layer_of(case, activation, dtype)
        # A ReLU's slope must not depend on the rounding of a number next to 0.
        layer.forward(X)
        Z = layer.cache["Z"]
        dLdY = np.where(np.abs(Z) < 1e-3, 0, rng.standard_normal(Z.shape)).astype(dtype)
        expected = run(layer, X, dLdY, WAYS[0])
        for way in WAYS[1:]:
            self.assert_alike(run(layer, X, dLdY, way), expected, dtype)

    @given(any_windows)
    def test_chunks_do_not_matter(self, drawn):
        """Little or much can be unfolded at a time."""
        (case, _), dtype, seed = drawn
        rng = np.random.default_rng(seed)
        layer = layer_of(case, "tanh", dtype)
        X = rng.standard_normal(case.X_shape).astype(dtype)
        dLdY = rng.standard_normal(layer.output_shape(X.shape)).astype(dtype)
        expected = run(layer, X, dLdY, WAYS[0])
        for workspace in (1, 700, 4000, 2**40):
            with mock.patch.object(convolution, "WORKSPACE", workspace):
                self.assert_alike(run(layer, X, dLdY, WAYS[-1]), expected, dtype)

    def test_chunks_that_do_not_divide_the_batch(self):
        """Seven images, as many at a time as forty sizes of the workspace make it."""
        for stride in (1, 2):
            case = Case((3, 3), stride, "same", (7, 6, 6, 2))
            layer = layer_of(case)
            rng = np.random.default_rng(8)
            X = rng.standard_normal(case.X_shape)
            dLdY = rng.standard_normal(layer.output_shape(X.shape))
            expected = run(layer, X, dLdY, WAYS[0])
            for workspace in np.geomspace(1, 2**17, 40).astype(int).tolist():
                with mock.patch.object(convolution, "WORKSPACE", workspace):
                    self.assert_alike(run(layer, X, dLdY, WAYS[-1]), expected, "float64")

    def test_on_arrays_that_are_not_in_c_order(self):
        """Turned, cropped, sparse and broadcast arrays hold the same numbers."""
        case = Case((3, 2), 1, (1, 2), (2, 5, 4, 3))
        rng = np.random.default_rng(9)
        for stride in (1, 2):
            layer = layer_of(case._replace(stride=stride), "tanh")
            X = rng.standard_normal((3, 4, 5, 2)).transpose(3, 2, 1, 0)
            shape = layer.output_shape(X.shape)
            upstream = (
                rng.standard_normal(shape[::-1]).T,
                rng.standard_normal((2 * shape[0], *shape[1:]))[::-2],
                np.broadcast_to(rng.standard_normal(shape[3]), shape),
            )
            W = layer.parameters["W"]
            for dLdY in upstream:
                layer.parameters["W"] = W
                expected = run(layer, X.copy(order="C"), dLdY.copy(order="C"), WAYS[0])
                layer.parameters["W"] = np.asfortranarray(W)
                for way in WAYS:
                    self.assert_alike(run(layer, X, dLdY, way), expected, "float64")

    def test_of_a_subset_is_the_subset(self):
        """No example has anything to do with another, nor has one batch with the next."""
        for stride in (1, 2):
            layer = Conv2D(3, 3, "tanh", stride, rng=0)
            X = np.random.default_rng(10).standard_normal((6, 5, 5, 2))
            for forward, backward in zip(FORWARDS, BACKWARDS, strict=True):
                whole = getattr(layer, forward)(X)
                dLdX = getattr(layer, backward)(whole)
                part = getattr(layer, forward)(X[2:4])
                np.testing.assert_allclose(part, whole[2:4], rtol=1e-12)
                part_dLdX = getattr(layer, backward)(part)
                np.testing.assert_allclose(part_dLdX, dLdX[2:4], rtol=1e-10, atol=1e-13)


if __name__ == "__main__":
    unittest.main()
