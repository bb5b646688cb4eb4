"""Datasets by name: sizes, splits, standardization, unknown names."""

import unittest

import numpy as np
import sklearn.datasets
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import initialize_dataset


def sorted_rows(rows):
    return rows[np.lexsort(rows.T)]


SIZES = {"iris": (105, 15, 30), "digits": (1259, 179, 359)}  # digits: 70, 10 and 20% of 1,797
RAW = {"iris": sklearn.datasets.load_iris, "digits": sklearn.datasets.load_digits}


class TestIrisAndDigits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sets = {name: initialize_dataset(name, seed=0) for name in SIZES}

    def splits(self, name):
        dataset = self.sets[name]
        return dataset.train, dataset.validate, dataset.test

    def test_sizes(self):
        for name, features, classes in (("iris", 4, 3), ("digits", 64, 10)):
            with self.subTest(name):
                self.assertEqual(self.sets[name].out_dim, classes)
                for data, size in zip(self.splits(name), SIZES[name], strict=True):
                    self.assertEqual(data.n_samples, size)
                    self.assertEqual(data.data.shape, (size, features))
                    self.assertEqual(data.labels.shape, (size, classes))

    def test_labels_are_one_hot(self):
        for name in SIZES:
            for data in self.splits(name):
                assert_array_equal(np.unique(data.labels), [0, 1])
                assert_array_equal(data.labels.sum(axis=1), np.ones(data.n_samples))

    def test_stratified_split(self):
        for name in SIZES:
            total = np.bincount(RAW[name]().target)
            for data in self.splits(name):
                share = total * data.n_samples / total.sum()
                with self.subTest(name, n=data.n_samples):
                    self.assertLess(np.abs(data.labels.sum(axis=0) - share).max(), 1.5)
        for data, count in zip(self.splits("iris"), (35, 5, 10), strict=True):
            assert_array_equal(data.labels.sum(axis=0), [count] * 3)

    def test_every_example_is_in_exactly_one_split(self):
        # The extremes of the whole set before and after x → (x - μ) / σ give μ and σ. With the
        # standardization undone, the three splits together must be scikit-learn's dataset, each
        # row with its label and as often as there.
        for name, decimals in (("iris", 1), ("digits", 0)):
            raw = RAW[name]()
            X = np.concatenate([data.data for data in self.splits(name)])
            y = np.concatenate([data.labels.argmax(axis=1) for data in self.splits(name)])
            spread = np.ptp(X, axis=0)
            sigma = np.ptp(raw.data, axis=0) / np.where(spread > 0, spread, 1)
            mu = raw.data.min(axis=0) - sigma * X.min(axis=0)
            ours = np.column_stack([sigma * X + mu, y])
            theirs = np.column_stack([raw.data, raw.target])
            with self.subTest(name):
                assert_allclose(ours, ours.round(decimals), atol=1e-9)
                assert_array_equal(
                    sorted_rows(ours.round(decimals)), sorted_rows(theirs.round(decimals))
                )

    def test_standardization_by_the_training_set(self):
        for name in SIZES:
            with self.subTest(name):
                train, validate, test = (data.data for data in self.splits(name))
                mean, std = train.mean(axis=0), train.std(axis=0)
                assert_allclose(mean, 0, atol=1e-12)
                varies = np.ptp(train, axis=0) > 0
                assert_allclose(std[varies], 1, rtol=1e-12)
                # Of the other two sets, mean and standard deviation are only nearly 0 and 1.
                for other in (validate, test):
                    self.assertGreater(np.abs(other.mean(axis=0)).max(), 0.01)
                    self.assertGreater(np.abs(other.std(axis=0)[varies] - 1).max(), 0.01)
                    self.assertLess(np.abs(other.mean(axis=0)).max(), 1)

    def test_constant_pixels(self):
        blank = np.ptp(sklearn.datasets.load_digits().data, axis=0) == 0
        self.assertEqual(blank.sum(), 3)
        for data in self.splits("digits"):
            self.assertTrue(np.isfinite(data.data).all())
            assert_array_equal(data.data[:, blank], 0)

    def test_type(self):
        for dtype in ("float32", "float64"):
            dataset = initialize_dataset("iris", dtype=dtype)
            for data in (dataset.train, dataset.validate, dataset.test):
                self.assertEqual((data.data.dtype, data.labels.dtype), (dtype, dtype))
        assert_allclose(
            initialize_dataset("iris", dtype="float32").test.data,
            self.sets["iris"].test.data,
            rtol=1e-6,
            atol=1e-6,
        )

    def test_class_and_feature_names(self):
        iris = self.sets["iris"]
        self.assertEqual(list(iris.class_names), ["setosa", "versicolor", "virginica"])
        self.assertEqual(len(iris.feature_names), 4)
        self.assertEqual(list(self.sets["digits"].class_names), list("0123456789"))
        self.assertEqual((iris.name, iris.first_id), ("iris", 0))

    def test_batch_size(self):
        self.assertEqual(initialize_dataset("iris").train.batch_size, 50)
        self.assertEqual(initialize_dataset("iris", 20).train.samples_per_epoch, 6)

    def test_the_seed_fixes_the_order_but_not_the_split(self):
        first, second, other = (initialize_dataset("iris", 10, seed=s) for s in (1, 1, 2))
        assert_array_equal(first.train.data, other.train.data)
        batches = [dataset.train.sample()[0] for dataset in (first, second, other)]
        assert_array_equal(batches[0], batches[1])
        self.assertFalse(np.array_equal(batches[0], batches[2]))


class TestBadNames(unittest.TestCase):
    def test_unknown_dataset_with_the_closest(self):
        for name, closest in (("irsi", "iris"), ("digit", "digits")):
            with self.assertRaises(ValueError) as caught:
                initialize_dataset(name)
            message = str(caught.exception)
            self.assertIn(f"unknown dataset {name!r}; did you mean {closest!r}?", message)
            self.assertIn("known: iris, digits", message)

    def test_arguments_out_of_range(self):
        for batch_size in (0, -5):
            with self.assertRaisesRegex(ValueError, f"batch_size must be .* got {batch_size}"):
                initialize_dataset("iris", batch_size)
        with self.assertRaisesRegex(TypeError, r"batch_size must be a whole number, got 2\.5"):
            initialize_dataset("iris", 2.5)
        with self.assertRaisesRegex(ValueError, "dtype must be .* got 'int8'"):
            initialize_dataset("iris", dtype="int8")
        with self.assertRaisesRegex(ValueError, "seed must be 0 or greater, got -1"):
            initialize_dataset("iris", seed=-1)


if __name__ == "__main__":
    unittest.main()
