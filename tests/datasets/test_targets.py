"""Targets of a regression: the scale of the training, and the way back to their units."""

import json
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import Data, Dataset, Preprocessing, TargetScale, initialize_dataset
from tests.datasets.test_csv_table import SETS, TableTest
from tests.support.arrays import read_only

# Numbers as people have them: prices, tiny currents, years, temperatures, counts, a yes or no.
KINDS = {
    "prices": (2e5, 8e4, np.float64),
    "float32 prices": (2e5, 8e4, np.float32),
    "currents": (3e-9, 2e-10, np.float64),
    "years": (1990, 20, np.int64),
    "temperatures": (-4, 15, np.float32),
    "bytes": (120, 40, np.uint8),
    "times": (1.7e9, 3.0, np.float64),
}


def targets(kind, shape=(200, 2), seed=0):
    mean, spread, dtype = KINDS[kind]
    return np.random.default_rng(seed).normal(mean, spread, shape).astype(dtype)


class TestScale(unittest.TestCase):
    def test_by_hand(self):
        # Mean 20 and variance (100 + 0 + 100) / 3; the second output does not vary.
        Y = np.array([[10.0, 7.0], [20.0, 7.0], [30.0, 7.0]])
        scale = TargetScale.of(read_only(Y))
        assert_allclose(scale.mean, [20, 7])
        assert_allclose(scale.spread, [np.sqrt(200 / 3), 1])
        a = 10 / np.sqrt(200 / 3)
        assert_allclose(scale.to_training(Y), [[-a, 0], [0, 0], [a, 0]], atol=1e-15)
        assert_allclose(scale.to_units(np.array([[1.0, 2.0]])), [[20 + np.sqrt(200 / 3), 9]])
        self.assertEqual(scale.n_outputs, 2)

    def test_there_and_back(self):
        for kind in KINDS:
            for shape in ((200, 1), (200, 3), (50, 2, 8)):
                with self.subTest(kind, shape=shape):
                    Y = read_only(targets(kind, shape))
                    scale = TargetScale.of(Y)
                    scaled = scale.to_training(Y, np.float64)
                    axes = tuple(i for i in range(Y.ndim) if i != 1)
                    assert_allclose(scaled.mean(axis=axes), 0, atol=1e-6)
                    assert_allclose(scaled.std(axis=axes), 1, rtol=1e-5)
                    assert_allclose(scale.to_units(scaled), Y, rtol=1e-14)
                    self.assertEqual(scale.to_units(scaled.astype("f4")).dtype, np.float64)

    def test_types(self):
        for kind, dtype in (("float32 prices", "f4"), ("prices", "f8"), ("years", "f8")):
            Y = targets(kind)
            scale = TargetScale.of(Y)
            self.assertEqual(scale.to_training(Y).dtype, dtype)
            self.assertEqual(scale.to_training(Y, "float32").dtype, np.float32)

    def test_every_digit_counts_before_the_type_is_narrowed(self):
        Y = 1e9 + np.arange(10.0)[:, np.newaxis]  # in float32 all of them are 1e9
        scaled = TargetScale.of(Y).to_training(Y, "float32")
        assert_allclose(scaled[:, 0], (np.arange(10) - 4.5) / np.arange(10).std(), rtol=1e-6)

    def test_what_varies_by_rounding_alone(self):
        for Y in ([0.3, 0.1 + 0.2], [1e9, 1e9 + 1e-6], [5.0, 5.0], np.float32([0.3, 0.30000004])):
            Y = np.repeat(np.array(Y), 30)[:, np.newaxis]
            assert_array_equal(TargetScale.of(Y).spread, [1])
            self.assertLess(np.abs(TargetScale.of(Y).to_training(Y)).max(), 1e-5)

    @given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e6), st.integers(2, 40))
    def test_a_change_of_units_changes_nothing(self, offset, factor, n):
        Y = np.random.default_rng(n).normal(size=(n, 1))
        there = TargetScale.of(Y).to_training(Y)
        other = Y * factor + offset
        if np.ptp(other) > 1e-4 * abs(offset):
            assert_allclose(TargetScale.of(other).to_training(other), there, atol=1e-6)

    def test_for_json(self):
        scale = TargetScale([1 / 3, -1e300], [1e-7, 0.1 + 0.2])
        again = TargetScale.from_description(json.loads(json.dumps(scale.description())))
        for one, other in ((scale.mean, again.mean), (scale.spread, again.spread)):
            assert_array_equal(one, other, strict=True)

    def test_mistakes(self):
        for mean, spread, pattern in (
            ([1], [1, 2], r"a number for each output.*\(1,\) and \(2,\)"),
            (1, 2, r"a number for each output.*\(\) and \(\)"),
            ([], [], "a number for each output"),
            ([1], [-2], "spread must not be negative, got -2"),
            ([np.nan], [1], "mean must be finite"),
            ([1], ["x"], "spread must be a list of numbers"),
        ):
            with self.assertRaisesRegex(ValueError, pattern):
                TargetScale(mean, spread)
        for content, pattern in (
            ({"mean": [1]}, "target_scale has no 'spread'"),
            ({"mean": [1], "spread": [1], "std": [1]}, "unknown entry 'std'"),
        ):
            with self.assertRaisesRegex(ValueError, pattern):
                TargetScale.from_description(content)

    def test_targets_that_are_refused(self):
        holes = np.ones((9, 2))
        holes[6, 1] = np.nan
        masked = np.ma.masked_equal(np.arange(6.0).reshape(3, 2), 4)
        for Y, error, pattern in (
            (holes, ValueError, r"finite, got nan in row 6 \(from 0\), column 1"),
            (np.full((3, 1), np.inf), ValueError, "finite, got inf in row 0"),
            (np.array([[1e200], [-1e200]]), ValueError, r"up to 1e\+200 are too large"),
            (masked, ValueError, "must not be masked"),
            (np.ones(4), ValueError, r"\(n, k\) or \(n, k, t\), got shape \(4,\)"),
            (np.ones((0, 1)), ValueError, r"got shape \(0, 1\)"),
            ([[1.0], [2.0]], TypeError, "an array of numbers, got list"),
            (np.array([["a"]]), TypeError, "an array of numbers, got <U1"),
            (np.array([[None]]), TypeError, "an array of numbers, got object"),
        ):
            with self.assertRaisesRegex(error, f"^targets.*{pattern}"):
                TargetScale.of(Y)
        scale = TargetScale([1, 2], [3, 4])
        for Y in (np.ones((5, 1)), np.ones((5, 3)), np.ones((5, 1, 2)), np.ones(2)):
            for convert in (scale.to_training, scale.to_units):
                with self.assertRaisesRegex(ValueError, "is for 2 columns, got targets of shape"):
                    convert(Y)


class TestDatasets(unittest.TestCase):
    def make(self, Y, **options):
        X = np.arange(len(Y) * 2.0).reshape(-1, 2)
        a, b = len(Y) // 2, 3 * len(Y) // 4
        parts = (X[:a], Y[:a], 7, X[a:b], Y[a:b], X[b:], Y[b:])
        return Dataset(*parts, seed=0, **options), (Y[:a], Y[a:b], Y[b:])

    def test_unscaled_unless_asked(self):
        dataset, labels = self.make(targets("prices"))
        self.assertIsNone(dataset.target_scale)
        for data, Y in zip((dataset.train, dataset.validate, dataset.test), labels, strict=True):
            self.assertIs(data.labels_in_units, data.labels)
            assert_array_equal(data.labels, Y)

    def test_all_three_sets(self):
        for kind in KINDS:
            Y = read_only(targets(kind))
            scale = TargetScale.of(Y[:100])
            dataset, labels = self.make(Y, target_scale=scale)
            sets = (dataset.train, dataset.validate, dataset.test)
            for data, part in zip(sets, labels, strict=True):
                assert_array_equal(data.labels, scale.to_training(part), strict=True)
                assert_array_equal(data.labels_in_units, part, strict=True)
                batches = np.concatenate([Y_batch for _, Y_batch in data.batches(11)])
                assert_array_equal(batches, data.labels)

    def test_type_of_the_batches(self):
        for dtype in ("float32", "float64"):
            Y = targets("years")
            options = {"preprocessing": Preprocessing(dtype), "target_scale": TargetScale.of(Y)}
            dataset, _ = self.make(Y, **options)
            X, scaled = dataset.train.sample()
            self.assertEqual((X.dtype, scaled.dtype), (dtype, dtype))

    def test_a_scale_for_other_outputs(self):
        with self.assertRaisesRegex(ValueError, "training_labels: the target scale is for 1 "):
            self.make(targets("prices"), target_scale=TargetScale([1], [1]))

    def test_labels_that_are_not_finite(self):
        Y = targets("prices")
        Y[30, 1] = np.nan
        for options in ({}, {"target_scale": TargetScale.of(Y[:30])}):
            with self.assertRaisesRegex(ValueError, r"training_labels: .* row 30 \(from 0\): nan"):
                self.make(Y, **options)
        with self.assertRaisesRegex(ValueError, "NaN or infinite, first in row 1 .*: inf"):
            Data(np.ones((3, 2)), np.array([[0.0], [np.inf], [np.nan]]))


class TestOwnTables(TableTest):
    def test_scaled_by_the_training_set_alone(self):
        for kind in ("prices", "currents", "times", "years"):
            Y = targets(kind, (200,))
            self.write("xy", enumerate(Y.tolist()))
            for dtype in ("float32", "float64"):
                options = {"path": str(self.path), "label": "y", "regression": True}
                dataset = initialize_dataset("csv", dtype=dtype, **options)
                numbers = self.load(label="y", regression=True)
                scale = dataset.target_scale
                expected = TargetScale.of(numbers["training_labels"])
                self.assertEqual(scale.description(), expected.description())
                for what, name in SETS.items():
                    data = getattr(dataset, name)
                    in_units = numbers[f"{what}_labels"]
                    assert_array_equal(data.labels_in_units, in_units, strict=True)
                    scaled = scale.to_training(in_units, dtype)
                    assert_array_equal(data.labels, scaled, strict=True)
                self.assertLess(abs(dataset.train.labels.mean()), 1e-5)

    def test_switched_off(self):
        Y = targets("prices", (50,))
        self.write("xy", enumerate(Y.tolist()))
        options = {"path": str(self.path), "label": "y", "regression": True}
        dataset = initialize_dataset("csv", scale_target=False, dtype="float32", **options)
        self.assertIsNone(dataset.target_scale)
        self.assertEqual(dataset.train.labels.dtype, np.float32)
        self.assertGreater(dataset.train.labels.min(), 1000)

    def test_mistakes(self):
        self.write("xy", [(i, i) for i in range(30)])
        for value in (1, "no", None):
            with self.assertRaisesRegex(TypeError, "scale_target must be true or false"):
                self.load(label="y", regression=True, scale_target=value)
        self.write("xy", [(i, "nan" if i == 5 else i) for i in range(30)])
        with self.assertRaisesRegex(ValueError, r"row 7\b.*y"):
            self.load(label="y", regression=True)

    def test_classes_have_no_scale(self):
        self.numbered(60)
        options = {"path": str(self.path), "label": "kind"}
        self.assertIsNone(initialize_dataset("csv", **options).target_scale)


if __name__ == "__main__":
    unittest.main()
