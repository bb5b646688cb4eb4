"""Pooling's fast pair: parts of a batch, threads, ties in every window, values at the limits."""

import unittest
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.layers import Pool2D
from tests.support.arrays import DTYPES, dtypes, read_only, seeds, unchanged
from tests.support.image_cases import WAYS, Case, run, windows
from tests.support.parts import with_slices, workspace

CASES = (
    Case((2, 2), 2, 0, (5, 6, 8, 3)),
    Case((2, 2), 2, 0, (5, 7, 9, 3)),  # the last row and column are in no window
    Case((2, 2), 3, 0, (4, 8, 8, 2)),  # pixels between the windows
    Case((3, 3), 2, 1, (5, 7, 6, 4)),
    Case((3, 3), 1, "same", (5, 6, 5, 2)),
    Case((3, 2), 1, (2, 0, 0, 1), (5, 5, 4, 2)),
    Case((2, 5), 1, (1, 4), (3, 4, 3, 2)),
    Case((4, 4), 4, 0, (3, 4, 4, 1)),
    Case((1, 1), 1, 0, (3, 4, 5, 2)),
    Case((1, 1), 2, 0, (3, 4, 5, 2)),
)
PARTS = (1, 700, 2000, 2**40)
"""Sizes of a workspace: from one image at a time to all."""


def layer_of(case, mode, dtype="float64"):
    return Pool2D(case.kernel_shape, mode, case.stride, case.pad, dtype=dtype)


def with_ties(rng, shape, dtype="float64"):
    """Few different numbers: 0 in two of three places, as after a ReLU."""
    return np.maximum(rng.integers(-3, 3, shape), 0).astype(dtype)


class TestAgainstTheTextbook(unittest.TestCase):
    def check(self, layer, X, dLdY, expected=None, ways=WAYS[1:]):
        expected = expected or run(layer, X, dLdY, WAYS[0])
        bound = 1e-12 if layer.dtype == "float64" else 1e-5
        for way in ways:
            found = run(layer, X, dLdY, way)
            for name, value in expected.items():
                np.testing.assert_allclose(
                    found[name], value, rtol=bound, atol=bound, err_msg=f"{name} {way}", strict=True
                )

    def test_in_parts_and_threads(self):
        rng = np.random.default_rng(0)
        for case, mode, dtype in product(CASES, ("max", "average"), DTYPES):
            layer, X = layer_of(case, mode, dtype), with_ties(rng, case.X_shape, dtype)
            dLdY = rng.standard_normal(layer.output_shape(X.shape)).astype(dtype)
            expected = run(layer, X, dLdY, WAYS[0])
            with self.subTest(case, mode=mode, dtype=dtype):
                for n_bytes, n in product(PARTS, (1, 2, 3)):
                    with workspace(n_bytes), with_slices(n):
                        self.check(layer, X, dLdY, expected, WAYS[-1:])

    @given(windows(small_pad=True), st.sampled_from(["max", "average"]), dtypes, seeds)
    def test_any_shape_with_ties(self, window, mode, dtype, seed):
        case, _ = window
        rng = np.random.default_rng(seed)
        layer, X = layer_of(case, mode, dtype), with_ties(rng, case.X_shape, dtype)
        dLdY = rng.standard_normal(layer.output_shape(X.shape)).astype(dtype)
        with workspace(1), with_slices(2):
            self.check(layer, X, dLdY)

    def test_an_empty_batch(self):
        for case, mode in product(CASES, ("max", "average")):
            layer, X = layer_of(case, mode), np.ones((0, *case.X_shape[1:]))
            self.check(layer, X, np.ones(layer.output_shape(X.shape)))


class TestTies(unittest.TestCase):
    def test_the_whole_gradient_goes_to_one_pixel(self):
        """Of windows that do not overlap, each of which has one pixel with dL/dy, exactly."""
        rng = np.random.default_rng(1)
        X = with_ties(rng, (6, 8, 8, 3), "float32")
        layer = Pool2D(2, "max", 2, dtype="float32")
        dLdY = rng.uniform(0.1, 1, (6, 4, 4, 3)).astype("float32")
        with workspace(2000):
            layer.forward_faster(X)
            dLdX = layer.backward_faster(dLdY)
        # (m, 4, 4, C, 4): the four pixels of each window in row-major order.
        entries, gradients = (
            a.reshape(6, 4, 2, 4, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(6, 4, 4, 3, 4)
            for a in (X, dLdX)
        )
        first = np.eye(4, dtype="float32")[entries.argmax(axis=4)]
        np.testing.assert_array_equal(gradients, first * dLdY[..., np.newaxis])

    def test_a_gradient_of_zero_is_not_passed_to_the_next(self):
        """Nor is one that is tiny or huge: the rest after the first maximum is exactly 0."""
        layer = Pool2D(2, "max", 2)
        layer.forward_faster(np.ones((1, 2, 8, 1)))
        dLdX = layer.backward_faster(np.array([0.0, 5e-324, 1.7e308, -1e-310]).reshape(1, 1, 4, 1))
        expected = np.zeros((1, 2, 8, 1))
        expected[0, 0, ::2, 0] = [0, 5e-324, 1.7e308, -1e-310]
        np.testing.assert_array_equal(dLdX, expected)

    def test_minus_infinity_beside_the_border(self):
        """Pixels of -inf tie with the border, whose share is cut off; others are unaffected."""
        X = np.full((1, 3, 3, 1), -np.inf)
        X[0, 2, 2, 0] = 1.0
        layer = Pool2D(2, "max", 1, pad=1)
        for forward, backward in WAYS:
            Y = getattr(layer, forward)(X)
            dLdX = getattr(layer, backward)(np.ones(Y.shape))
            self.assertEqual(dLdX[0, 2, 2, 0], 4)
            self.assertEqual(np.isneginf(Y).sum(), 12)


class TestArrays(unittest.TestCase):
    def test_are_not_written_to(self):
        rng = np.random.default_rng(2)
        for case, mode in product(CASES, ("max", "average")):
            layer, X = layer_of(case, mode), read_only(with_ties(rng, case.X_shape))
            dLdY = read_only(rng.standard_normal(layer.output_shape(X.shape)))
            with unchanged(X, dLdY), workspace(1):
                found = run(layer, X, dLdY, WAYS[-1])
            for a in found.values():
                self.assertFalse(np.may_share_memory(a, X) or np.may_share_memory(a, dLdY))

    def test_a_single_pixel_s_window_is_a_copy(self):
        """Even where nothing is to be computed, Y and dL/dX are arrays of their own."""
        X = np.ones((2, 3, 3, 1))
        layer = Pool2D(1)
        Y = layer.forward_faster(X)
        dLdX = layer.backward_faster(Y)
        self.assertFalse(np.may_share_memory(Y, X) or np.may_share_memory(dLdX, Y))


if __name__ == "__main__":
    unittest.main()
