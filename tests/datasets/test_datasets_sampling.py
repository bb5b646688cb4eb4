"""Data and Dataset: batches, shuffling, invalid arrays."""

import unittest

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Data, Dataset


def numbered(n, batch_size, **options):
    """n examples with their number as the only feature, and ten times that as the label."""
    X = np.arange(float(n)).reshape(n, 1)
    return Data(X, 10 * X, batch_size, **options)


def epoch(data, **options):
    return [data.sample(**options) for _ in range(data.samples_per_epoch)]


def numbers(batches):
    return np.concatenate([X for X, _ in batches]).ravel().tolist()


class TestSample(unittest.TestCase):
    def test_each_example_once_in_an_epoch(self):
        for n, batch_size, sizes in (
            (10, 4, [4, 4, 2]),
            (10, 5, [5, 5]),
            (10, 1, [1] * 10),
            (10, 10, [10]),
            (10, 50, [10]),
            (1, 3, [1]),
        ):
            with self.subTest(n=n, batch_size=batch_size):
                data = numbered(n, batch_size, rng=0)
                self.assertEqual(data.samples_per_epoch, len(sizes))
                self.assertEqual(data.n_samples, n)
                for _ in range(3):
                    batches = epoch(data)
                    self.assertEqual([len(X) for X, _ in batches], sizes)
                    self.assertEqual(sorted(numbers(batches)), list(range(n)))

    def test_labels_stay_with_their_examples(self):
        for X, Y in epoch(numbered(10, 4, rng=0)):
            assert_array_equal(Y, 10 * X)

    def test_a_new_order_in_every_epoch(self):
        data = numbered(20, 6, rng=0)
        orders = [tuple(numbers(epoch(data))) for _ in range(4)]
        self.assertEqual(len(set(orders)), 4)
        self.assertNotIn(tuple(range(20)), orders)

    def test_without_shuffling_the_order_is_that_of_the_data(self):
        data = numbered(10, 4, rng=0)
        for _ in range(2):
            self.assertEqual(numbers(epoch(data, shuffle=False)), list(range(10)))

    def test_the_first_call_of_an_epoch_decides_about_shuffling(self):
        data = numbered(10, 4, rng=0)
        batches = [data.sample(shuffle=False), data.sample(), data.sample()]
        self.assertEqual(numbers(batches), list(range(10)))
        batches = [data.sample(), data.sample(shuffle=False), data.sample(shuffle=False)]
        self.assertEqual(sorted(numbers(batches)), list(range(10)))
        self.assertNotEqual(numbers(batches), list(range(10)))

    def test_the_seed_fixes_the_order(self):
        first, second, other = (numbered(20, 6, rng=seed) for seed in (5, 5, 6))
        generator = numbered(20, 6, rng=np.random.default_rng(5))
        for _ in range(2):
            order = numbers(epoch(first))
            self.assertEqual(numbers(epoch(second)), order)
            self.assertEqual(numbers(epoch(generator)), order)
            self.assertNotEqual(numbers(epoch(other)), order)

    def test_reset_begins_a_new_epoch(self):
        data = numbered(10, 4, rng=0)
        data.sample()
        data.reset()
        self.assertEqual(sorted(numbers(epoch(data))), list(range(10)))
        data.sample(shuffle=False)
        data.reset()
        self.assertEqual(data.sample(shuffle=False)[0].ravel().tolist(), [0, 1, 2, 3])

    def test_without_labels(self):
        X, Y = Data(np.ones((3, 2)), batch_size=2).sample()
        self.assertEqual((X.shape, Y), ((2, 2), None))

    def test_any_number_of_axes(self):
        data = Data(np.ones((5, 3, 4, 2)), np.ones((5, 2, 7)), 2)
        X, Y = data.sample()
        self.assertEqual((X.shape, Y.shape), ((2, 3, 4, 2), (2, 2, 7)))


class TestBatches(unittest.TestCase):
    def test_all_examples_in_order(self):
        data = numbered(600, 4)
        batches = list(data.batches())
        self.assertEqual(numbers(batches), list(range(600)))
        self.assertGreater(len(batches), 1)
        self.assertEqual([len(X) for X, _ in data.batches(250)], [250, 250, 100])
        for X, Y in batches:
            assert_array_equal(Y, 10 * X)

    def test_sample_is_not_affected(self):
        disturbed, plain = numbered(10, 4, rng=0), numbered(10, 4, rng=0)
        for _ in range(7):
            self.assertEqual(disturbed.sample()[0].tolist(), plain.sample()[0].tolist())
            list(disturbed.batches(3))

    def test_without_labels(self):
        self.assertEqual([Y for _, Y in Data(np.ones((5, 2))).batches(3)], [None, None])


class TestDataset(unittest.TestCase):
    def arrays(self):
        rng = np.random.default_rng(0)
        X, Y = rng.normal(size=(12, 3)), np.eye(2)[rng.integers(2, size=12)]
        return X, Y

    def test_the_three_sets(self):
        X, Y = self.arrays()
        dataset = Dataset(X[:6], Y[:6], 4, X[6:9], Y[6:9], X[9:], Y[9:])
        self.assertEqual(dataset.out_dim, 2)
        for data, rows in (
            (dataset.train, slice(0, 6)),
            (dataset.validate, slice(6, 9)),
            (dataset.test, slice(9, 12)),
        ):
            assert_array_equal(data.data, X[rows])
            assert_array_equal(data.labels, Y[rows])
            self.assertEqual(data.batch_size, 4)

    def test_missing_sets(self):
        dataset = Dataset(*self.arrays(), 4)
        self.assertIsNone(dataset.validate)
        self.assertIsNone(dataset.test)

    def test_the_seed_fixes_the_order(self):
        first, second, other = (Dataset(*self.arrays(), 5, seed=s).train for s in (0, 0, 1))
        np.random.seed(3)  # noqa: NPY002 the global state must not matter
        order = [numbers(epoch(data)) for data in (first, second, other)]
        self.assertEqual(order[0], order[1])
        self.assertNotEqual(order[0], order[2])

    def test_the_three_sets_are_shuffled_independently(self):
        X, Y = self.arrays()
        dataset = Dataset(X, Y, 12, X, Y, X, Y, seed=0)
        orders = {tuple(numbers(epoch(d))) for d in (dataset.train, dataset.validate, dataset.test)}
        self.assertEqual(len(orders), 3)

    def test_arrays_are_not_changed(self):
        X, Y = self.arrays()
        X_before, Y_before = X.copy(), Y.copy()
        X.flags.writeable = Y.flags.writeable = False
        dataset = Dataset(X, Y, 5, X, Y, X, Y, seed=0)
        for data in (dataset.train, dataset.validate, dataset.test):
            epoch(data)
            epoch(data, shuffle=False)
            list(data.batches(5))
        assert_array_equal(X, X_before)
        assert_array_equal(Y, Y_before)

    def test_type_is_kept(self):
        X, Y = self.arrays()
        batch = Dataset(X.astype("float32"), Y.astype("int8"), 5).train.sample()
        self.assertEqual([array.dtype for array in batch], ["float32", "int8"])


class TestBadInput(unittest.TestCase):
    def setUp(self):
        self.X, self.Y = np.ones((6, 3)), np.ones((6, 2))

    def refused(self, error, *patterns, X=None, Y=None, batch_size=2, **more):
        X, Y = (self.X if X is None else X), (self.Y if Y is None else Y)
        with self.assertRaises(error) as caught:
            Dataset(X, Y, batch_size, **more)
        for pattern in patterns:
            self.assertIn(pattern, str(caught.exception))

    def test_no_examples(self):
        self.refused(
            ValueError, "training_set: there are no examples", X=np.ones((0, 3)), Y=np.ones((0, 2))
        )
        self.refused(ValueError, "test_set: there are no examples", test_set=np.ones((0, 3)))

    def test_position_of_nan_and_infinity(self):
        for bad in (np.nan, np.inf, -np.inf):
            X = self.X.copy()
            X[4, 1] = X[5, 2] = bad
            self.refused(ValueError, "training_set: 2 values are NaN or infinite", "(4, 1)", X=X)
            self.refused(
                ValueError, "validation_set: ", "(4, 1)", validation_set=X, validation_labels=self.Y
            )
            Y = self.Y.copy()
            Y[3, 0] = bad
            self.refused(ValueError, "training_labels: labels are NaN or infinite", Y=Y)

    def test_examples_that_are_not_floats(self):
        self.refused(TypeError, "floats, got int64", "astype", X=np.ones((6, 3), np.int64))
        self.refused(TypeError, "floats, got bool", X=np.ones((6, 3), bool))
        self.refused(TypeError, "NumPy array, got list", X=[[1.0, 2.0]] * 6)

    def test_examples_without_features(self):
        self.refused(ValueError, "(n, d)", "got shape (6,)", X=np.ones(6))

    def test_labels(self):
        self.refused(ValueError, "6 examples, but labels for 5", Y=np.ones((5, 2)))
        self.refused(ValueError, "labels must be an array (n, k), got shape (6,)", Y=np.ones(6))
        self.refused(ValueError, "labels must be an array (n, k), got list", Y=[[1.0, 0.0]] * 6)
        self.refused(
            ValueError, "test_labels: there are 4", test_set=self.X[:4], test_labels=self.Y
        )

    def test_arrays_that_hold_no_numbers(self):
        """Each argument is named; nothing is converted in silence."""
        kinds = {
            "object": np.array([[1.0, None, 2.0]] * 6, object),
            "<U4": np.array([["1", "2.5", "word"]] * 6),
            "|S1": np.array([[b"1", b"2", b"3"]] * 6),
            "complex128": self.X * 1j,
            "datetime64[D]": np.zeros((6, 3), "datetime64[D]"),
            "masked": np.ma.masked_greater(self.X, 0),
            "masked array": np.ma.masked_array(self.X),  # without a masked value
        }
        sets = {"test_set": self.X, "test_labels": self.Y}
        sets |= {"validation_set": self.X, "validation_labels": self.Y}
        for what, array in kinds.items():
            for name in ("X", "validation_set", "test_set"):
                argument = "training_set" if name == "X" else name
                self.refused(TypeError, f"{argument}: ", what, **{**sets, name: array})
            for name in ("Y", "validation_labels", "test_labels"):
                argument = "training_labels" if name == "Y" else name
                self.refused(TypeError, f"{argument}: ", what, **{**sets, name: array[:, :2]})
            for name, arguments in (("data", (array, self.Y)), ("labels", (self.X, array))):
                with self.assertRaisesRegex(TypeError, f"^{name}: "):
                    Data(*arguments)

    def test_lists_and_frames(self):
        import pandas as pd

        for rows in ([[1.0, 2.0], [3.0]], "abc", pd.DataFrame(self.X), 3.5, object()):
            self.refused(TypeError, "training_set: ", X=rows)
            self.refused(TypeError, "test_set: ", test_set=rows)
            self.refused(ValueError, "test_labels: ", test_set=self.X, test_labels=rows)

    def test_names_are_a_list(self):
        for argument in ("class_names", "feature_names"):
            self.refused(
                TypeError, f"{argument} must be a list of names, got 'ab'", **{argument: "ab"}
            )
        dataset = Dataset(self.X, self.Y, 2, class_names=np.array(["a", "b"]))
        self.assertEqual(dataset.class_names, ["a", "b"])
        for first_id in (-1, 0.5, "1", None):
            with self.assertRaisesRegex((TypeError, ValueError), "^first_id must be"):
                Dataset(self.X, self.Y, 2, first_id=first_id)

    def test_sets_of_different_shapes(self):
        self.refused(
            ValueError,
            "validation examples have shape (4,), training examples (3,)",
            validation_set=np.ones((6, 4)),
            validation_labels=self.Y,
        )
        self.refused(ValueError, "test examples have shape (3, 1)", test_set=np.ones((6, 3, 1)))

    def test_label_widths_and_class_names_that_do_not_fit(self):
        X, Y = np.ones((4, 2)), np.ones((4, 3))
        with self.assertRaisesRegex(ValueError, "test labels have 2 columns, training 3"):
            Dataset(X, Y, 2, test_set=X, test_labels=Y[:, :2])
        with self.assertRaisesRegex(ValueError, "2 class names do not fit 3 outputs"):
            Dataset(X, Y, 2, class_names=["a", "b"])
        with self.assertRaisesRegex(ValueError, "no training labels"):
            Dataset(X, None, 2)
        names = ["no", "yes"]
        self.assertEqual(Dataset(X, Y[:, :1], 2, class_names=names).class_names, names)

    def test_labels_without_a_set(self):
        X, Y = np.ones((4, 2)), np.ones((4, 1))
        for name in ("validation", "test"):
            with self.subTest(name), self.assertRaisesRegex(ValueError, f"no {name} set"):
                Dataset(X, Y, 2, **{f"{name}_labels": Y})

    def test_batch_size(self):
        self.refused(ValueError, "batch_size must be at least 1, got 0", batch_size=0)
        self.refused(ValueError, "batch_size must be at least 1, got -3", batch_size=-3)
        self.refused(TypeError, "batch_size must be a whole number, got 2.5", batch_size=2.5)
        self.refused(TypeError, "batch_size must be a whole number, got True", batch_size=True)

    def test_seed(self):
        self.refused(ValueError, "seed must be 0 or greater, got -1", seed=-1)
        self.refused(TypeError, "seed must be a whole number or None, got 0.5", seed=0.5)


if __name__ == "__main__":
    unittest.main()
