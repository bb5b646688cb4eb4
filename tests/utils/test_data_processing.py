"""Centering and scaling: whole numbers, and features that are constant except for rounding."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.plots.style import stretch_contrast
from neural_networks.utils.data_processing import center, divisors, normalize, standardize

FUNCTIONS = (center, normalize, standardize)
WHOLE = ("uint8", "int8", "uint16", "int16", "int32", "uint32", "int64", "uint64", "bool")


def rounded(value, dtype="float64", n=9):
    """A column of one value that has been computed in several ways."""
    value = np.dtype(dtype).type(value)
    up, down = np.nextafter(value, 2 * value), np.nextafter(value, 0 * value)
    return np.array([[value, up, down][i % 3] for i in range(n)], dtype)[:, np.newaxis]


COMPUTED = {
    "a sum": [[0.3], [0.1 + 0.2], [0.3]],
    "a sum of many": [[1.0], [sum([0.1] * 10)], [1.0], [1.0]],
    "a quotient": [[4.35 * 100 / 100], [4.35], [435 / 100]],
    "running means": (np.cumsum(np.full(1000, 0.1)) / np.arange(1, 1001))[:, np.newaxis],
    "negative": -rounded(0.3),
    "small": rounded(3e-40),
    "large": rounded(1e100, n=4),
    "single precision": rounded(0.3, "float32"),
    "half precision": rounded(0.3, "float16"),
}


class TestWholeNumbers(unittest.TestCase):
    def test_differences_do_not_wrap_around(self):
        X = np.array([[0], [100], [250]], np.uint8)
        assert_allclose(center(X), [[-350 / 3], [-50 / 3], [400 / 3]], rtol=1e-15)
        assert_allclose(normalize(X), [[0], [0.4], [1]], rtol=1e-15)
        assert_allclose(normalize(X, max_val=255), X / 255, rtol=1e-15)

    def test_every_type_as_the_same_numbers_in_float64(self):
        rng = np.random.default_rng(0)
        for dtype in WHOLE:
            low, high = (0, 2) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            X, reference = (
                rng.integers(low, high, (8, 3), "int64" if high < 3 else dtype) for _ in range(2)
            )
            X, reference = X.astype(dtype), reference.astype(dtype)
            for fn in FUNCTIONS:
                for axis in (0, 1, (0, 1)):
                    with self.subTest(fn.__name__, dtype=dtype, axis=axis):
                        found, expected = fn(X, axis), fn(X.astype(float), axis)
                        assert_array_equal(found, expected, strict=True)
                        found = fn(X, axis, reference=reference)
                        expected = fn(X.astype(float), axis, reference=reference.astype(float))
                        assert_array_equal(found, expected, strict=True)

    def test_statistics_of_whole_numbers_for_floats(self):
        """The mean 1.5 of whole numbers keeps its fraction."""
        for dtype in ("float32", "float64"):
            found = center(np.array([[2.0]], dtype), reference=np.array([[1], [2]]))
            assert_array_equal(found, np.array([[0.5]], dtype), strict=True)

    def test_lists_of_numbers(self):
        assert_array_equal(center([[1, 2], [3, 6]]), [[-1.0, -2.0], [1.0, 2.0]])

    def test_what_holds_no_numbers(self):
        for X, what in (
            (np.array([["1"], ["2"]]), "<U1"),
            (np.array([[1.0], [None]]), "object"),
            (np.array([[1j]]), "complex128"),
            (np.ma.masked_array([[1.0]], [[True]]), "masked"),
        ):
            for fn in FUNCTIONS:
                with self.assertRaisesRegex(TypeError, f"^X must .*{what}"):
                    fn(X)
                with self.assertRaisesRegex(TypeError, f"^reference must .*{what}"):
                    fn(np.ones((2, 1)), reference=X)


class TestRounding(unittest.TestCase):
    def test_constant_except_for_rounding(self):
        for name, X in COMPUTED.items():
            X = np.asarray(X)
            size = float(np.abs(X).max())
            for fn in (normalize, standardize):
                with self.subTest(fn.__name__, column=name):
                    self.assertLessEqual(np.abs(fn(X)).max(), 4e-3 * size)
                    # A new value keeps its distance, in the units of the feature.
                    found = fn(X.astype(float) * 1.1, reference=X)
                    assert_allclose(found, X.astype(float) * 0.1, rtol=0.05)

    def test_along_rows_and_for_channels(self):
        images = np.random.default_rng(0).normal(size=(5, 4, 4, 3))
        images[..., 1] = rounded(0.3, n=5 * 16).reshape(5, 4, 4)
        for fn in (normalize, standardize):
            found = fn(images, axis=(0, 1, 2))
            self.assertLess(np.abs(found[..., 1]).max(), 1e-15)
            self.assertGreater(np.ptp(found[..., 2]), 0.9)
            by_row = fn(np.stack([rounded(0.3).ravel(), np.arange(9.0)]), axis=1)
            self.assertLess(np.abs(by_row[0]).max(), 1e-15)
            self.assertGreaterEqual(np.ptp(by_row[1]), 1)

    @given(st.floats(-300, 300), st.floats(1e-3, 1e9), st.sampled_from(["float64", "float32"]))
    def test_a_spread_of_its_own_is_kept(self, exponent, ratio, dtype):
        """A small feature is not a constant one: what counts is its size, not 1e-16."""
        exponent = exponent if dtype == "float64" else exponent / 12
        spread, largest = 10.0**exponent, 1e9 if dtype == "float64" else 1e5
        size = spread * min(ratio, largest)
        self.assertEqual(divisors(spread, size, dtype), spread)
        self.assertEqual(divisors(spread, -size, dtype), spread)

    def test_small_differences_that_are_no_rounding(self):
        for X in (
            [[1e-20], [2e-20], [4e-20]],  # small numbers
            [[1.7e9], [1.7e9 + 1e-3]],  # times in seconds
            [[1e15], [1e15 + 2]],  # whole numbers
            [[0.0]] * 1000 + [[1e-9]],
        ):
            for fn in (normalize, standardize):
                self.assertGreaterEqual(np.ptp(fn(np.array(X))), 0.999)

    def test_contrast_of_a_picture(self):
        """A picture of one color does not show its rounding."""
        for channels in (1, 3):
            image = rounded(0.3, n=64 * channels).reshape(8, 8, channels)
            self.assertLess(np.abs(stretch_contrast(image)).max(), 1e-15)


if __name__ == "__main__":
    unittest.main()
