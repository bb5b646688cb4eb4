"""Options of initialize_dataset: label encoding and smoothing, images, augmentation."""

import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import (
    DATASETS,
    Augmentation,
    Dataset,
    Preprocessing,
    Standardization,
    dataset_options,
    initialize_dataset,
    load_digits,
    load_iris,
)
from neural_networks.models import NeuralNetwork
from tests.support.arrays import DTYPES

SETS = {"training": "train", "validation": "validate", "test": "test"}


def load_pair(n: int = 60):
    """Two classes separated by one feature, as a user's entry of ``DATASETS``."""
    y = np.arange(n) % 2
    X = np.random.default_rng(0).normal(size=(n, 2))
    X[:, 0] += 6.0 * y
    X[0, 0], X[1, 0] = -1.5, 7.5
    names = {"class_names": ["no", "yes"], "standardization": Standardization.of(X)}
    return names | {
        key: value
        for what in SETS
        for key, value in ((f"{what}_set", X), (f"{what}_labels", y[: len(X)]))
    }


def load_numbers():
    """A regression dataset with two outputs."""
    X = np.random.default_rng(0).normal(size=(12, 3))
    sets = {f"{what}_set": X for what in SETS}
    return sets | {f"{what}_labels": X[:, :2] / 3 for what in SETS}


class OwnEntries(unittest.TestCase):
    """A test with two additional datasets, ``pair`` and ``numbers``."""

    def setUp(self):
        own = {"pair": load_pair, "numbers": load_numbers}
        patch = mock.patch.dict(DATASETS, own)
        patch.start()
        self.addCleanup(patch.stop)

    def labels(self, name="pair", **options):
        """Labels of the training, validation and test set."""
        self.dataset = initialize_dataset(name, seed=0, **options)
        return [getattr(self.dataset, what).labels for what in SETS.values()]


class TestTwoClasses(OwnEntries):
    y = np.arange(60) % 2

    def test_one_hot(self):
        for dtype in DTYPES:
            for Y in self.labels(dtype=dtype):
                assert_array_equal(Y, np.eye(2, dtype=dtype)[self.y], strict=True)
        self.assertEqual((self.dataset.out_dim, self.dataset.class_names), (2, ["no", "yes"]))

    def test_binary_labels(self):
        for dtype in DTYPES:
            for Y in self.labels(dtype=dtype, binary_labels=True):
                assert_array_equal(Y, self.y[:, np.newaxis].astype(dtype), strict=True)
                self.assertTrue(Y.flags.c_contiguous)
        self.assertEqual((self.dataset.out_dim, self.dataset.class_names), (1, ["no", "yes"]))

    def test_smoothing_of_training_labels_only(self):
        for dtype in DTYPES:
            for binary_labels in (False, True):
                options = {"dtype": dtype, "binary_labels": binary_labels}
                training, *others = self.labels(**options, label_smoothing=0.15)
                hard = self.labels(**options)
                expected = np.where(hard[0] == 1, 0.85, 0.15).astype(dtype)
                assert_array_equal(training, expected, strict=True)
                for found, plain in zip(others, hard[1:], strict=True):
                    assert_array_equal(found, plain, strict=True)

    def train(self, loss, activation, **options):
        dataset = initialize_dataset("pair", 10, seed=0, dtype="float32", **options)
        output = {"name": "fully_connected", "activation": activation, "n_out": None}
        sgd = {"name": "SGD", "lr": 0.5}
        model = NeuralNetwork(loss, [output], sgd, seed=0, dtype="float32")
        return model, model.train(dataset, 20), dataset

    def test_networks_learn_from_all_encodings(self):
        for options in ({}, {"label_smoothing": 0.15}, {"label_smoothing": 0.4}):
            for binary_labels, loss, activation in (
                (False, "cross_entropy", "softmax"),
                (True, "binary_cross_entropy", "sigmoid"),
            ):
                with self.subTest(loss, **options):
                    trained = self.train(loss, activation, binary_labels=binary_labels, **options)
                    model, history, dataset = trained
                    self.assertEqual(history["validation_error"][-1], 0)
                    self.assertEqual(history["train_error"][-1], 0)
                    self.assertEqual(model.test(dataset)["auc"], 1)

    def test_smoothed_labels_are_the_optimum(self):
        """The training loss approaches its minimum, the entropy of the labels."""
        _, history, _ = self.train(
            "binary_cross_entropy", "sigmoid", binary_labels=True, label_smoothing=0.3
        )
        entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
        self.assertGreater(history["train_loss"][-1], entropy)
        self.assertLess(history["train_loss"][-1], entropy + 0.03)

    def test_hinge_refuses_smoothed_labels(self):
        with self.assertRaisesRegex(ValueError, "labels of hinge must be one-hot"):
            self.train("hinge", "linear", label_smoothing=0.15)


class TestManyClasses(OwnEntries):
    def test_smoothing(self):
        for dtype in DTYPES:
            hard = self.labels("digits", dtype=dtype)
            training, *others = self.labels("digits", dtype=dtype, label_smoothing=0.18)
            self.assertEqual(training.dtype, dtype)
            assert_allclose(training.sum(axis=1), 1, atol=1e-6)
            assert_allclose(training[hard[0] == 1], 0.82, rtol=1e-6)
            assert_allclose(training[hard[0] == 0], 0.02, rtol=1e-6)
            for found, plain in zip(others, hard[1:], strict=True):
                assert_array_equal(found, plain, strict=True)

    def test_a_network_learns_from_smoothed_labels(self):
        dataset = initialize_dataset("digits", label_smoothing=0.2, dtype="float32", seed=0)
        output = {"name": "fully_connected", "activation": "softmax", "n_out": None}
        sgd = {"name": "SGD", "lr": 0.1}
        model = NeuralNetwork("cross_entropy", [output], sgd, seed=0, dtype="float32")
        self.assertLess(model.train(dataset, 8)["validation_error"][-1], 0.1)

    def test_classes_of_the_file(self):
        raw = load_iris()
        for what, Y in zip(SETS, self.labels("iris", label_smoothing=0.4), strict=True):
            assert_array_equal(Y.argmax(axis=1), raw[f"{what}_labels"])


class TestRegression(OwnEntries):
    def test_unchanged_numbers(self):
        raw = load_numbers()
        for dtype in DTYPES:
            for what, Y in zip(SETS, self.labels("numbers", dtype=dtype), strict=True):
                assert_array_equal(Y, raw[f"{what}_labels"].astype(dtype), strict=True)
        self.assertEqual((self.dataset.out_dim, self.dataset.class_names), (2, None))
        self.assertEqual((self.dataset.first_id, self.dataset.kaggle_file), (0, ""))


class TestOptions(OwnEntries):
    def test_options_of_a_dataset(self):
        common = ["batch_size", "images", "flip", "shift", "binary_labels", "label_smoothing"]
        tables = ["categories", "missing", "sep", "decimal", "encoding", "header"]
        for name, own in (
            ("iris", []),
            ("digits", []),
            ("pair", ["n"]),
            ("sinewave", ["window", "step", "noise", "every_step"]),
            ("higgs", ["n_training", "n_validation", "n_test"]),
            ("csv", ["path", "label", "drop", "regression", "scale_target", *tables]),
        ):
            self.assertEqual(dataset_options(name), common + own)
        with self.assertRaisesRegex(ValueError, "unknown dataset 'iri'; did you mean 'iris'"):
            dataset_options("iri")

    def test_they_reach_the_dataset(self):
        self.assertEqual(initialize_dataset("pair", n=20).train.n_samples, 20)
        self.assertEqual(initialize_dataset("pair", n=None).train.n_samples, 60)
        self.assertEqual(initialize_dataset("pair", batch_size=7).train.batch_size, 7)

    def refused(self, error, pattern, name="iris", **options):
        with self.subTest(name, **options), self.assertRaisesRegex(error, pattern):
            initialize_dataset(name, **options)

    def test_smoothing_out_of_range(self):
        for value in (0.5, 0.85, 1, -0.1, np.nan):
            self.refused(
                ValueError,
                "label_smoothing must be at least 0 and below 0.5",
                label_smoothing=value,
            )
        for value in (True, "0.1"):
            self.refused(
                TypeError, f"label_smoothing must be a number, got {value!r}", label_smoothing=value
            )

    def test_options_of_another_type(self):
        for name in ("binary_labels", "images", "flip"):
            self.refused(TypeError, f"{name} must be true or false, got 1", "digits", **{name: 1})
        self.refused(ValueError, "shift must be at least 0, got -2", "digits", shift=-2)

    def test_options_that_do_not_fit_the_labels(self):
        self.refused(ValueError, "is for two classes, and 'iris' has 3", binary_labels=True)
        for name in ("sinewave", "numbers"):
            for options in ({"binary_labels": True}, {"label_smoothing": 0.1}):
                self.refused(ValueError, f"{name!r} has no classes to encode", name, **options)

    def test_images_of_datasets_without_images(self):
        for name in ("iris", "sinewave", "pair"):
            for options in ({"images": True}, {"flip": True}, {"shift": 1}):
                self.refused(ValueError, f"the dataset {name!r} has no images", name, **options)

    def test_unknown_options(self):
        pattern = r"dataset 'digits' has no option 'fliped'; did you mean 'flip'\? \(options: batch"
        self.refused(ValueError, pattern, "digits", fliped=True)
        self.refused(
            ValueError, "has no option 'windows'; did you mean 'window'", "sinewave", windows=3
        )
        self.refused(ValueError, "has no option 'rng'", "sinewave", rng=3)
        self.refused(ValueError, r"has no option 'n' \(options", n=3)
        self.refused(ValueError, "dataset 'csv' needs the option 'path'", "csv")

    def test_sine_waves_by_name(self):
        dataset = initialize_dataset("sinewave", dtype="float32", seed=0)
        self.assertEqual(dataset.forecast_sequences.dtype, np.float32)
        exact = initialize_dataset("sinewave", dtype="float64", seed=0)
        assert_array_equal(dataset.forecast_sequences, exact.forecast_sequences.astype(np.float32))

    def test_generated_data_depends_on_the_seed(self):
        first, same, other = (
            initialize_dataset("sinewave", seed=s, window=5).train.data for s in (1, 1, 2)
        )
        assert_array_equal(first, same)
        self.assertFalse(np.array_equal(first, other))


class TestImages(unittest.TestCase):
    """Digits as rows and as images."""

    def test_rows_and_images_of_the_same_digits(self):
        rows, images = (initialize_dataset("digits", images=flag) for flag in (False, True))
        self.assertEqual(rows.train.example_shape, (64,))
        self.assertEqual(images.train.example_shape, (8, 8, 1))
        assert_array_equal(rows.test.labels, images.test.labels)
        raw = load_digits()["test_set"]
        undone = images.preprocessing.standardization.undo(images.test.data)
        assert_allclose(undone.reshape(-1, 64), raw, atol=1e-12)
        # One mean and standard deviation for all pixels, or one for each pixel.
        assert_allclose([images.train.data.mean(), images.train.data.std()], [0, 1], atol=1e-9)
        assert_allclose(rows.train.data.mean(axis=0), 0, atol=1e-9)

    def augmented(self, images, **options):
        options |= {"images": images, "dtype": "float32", "seed": 0}
        return initialize_dataset("digits", 2000, **options)

    def test_augmented_rows_are_augmented_images_as_rows(self):
        for options in ({"flip": True}, {"shift": 2}, {"flip": True, "shift": 1}):
            rows, images = (self.augmented(flag, **options) for flag in (False, True))
            self.assertEqual(rows.train.example_shape, (64,))
            self.assertEqual(images.train.example_shape, (8, 8, 1))
            X, Y = rows.train.sample()
            Z, labels = images.train.sample()
            assert_array_equal(X, Z.reshape(-1, 64), strict=True)
            assert_array_equal(Y, labels)
            (X, _), (Z, _) = (next(data.test.batches()) for data in (rows, images))
            assert_array_equal(X, Z.reshape(-1, 64))

    def test_flipped_rows(self):
        dataset = self.augmented(False, flip=True)
        ((plain, in_order),) = dataset.train.batches(2000)
        X, Y = dataset.train.sample()
        mirrored = plain.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
        found = {x.tobytes() for x in np.concatenate([plain, mirrored])}
        self.assertTrue({x.tobytes() for x in X} <= found)
        self.assertFalse({x.tobytes() for x in X} <= {x.tobytes() for x in plain})
        assert_array_equal(Y.sum(axis=0), in_order.sum(axis=0))

    def test_validation_and_test_are_not_augmented(self):
        plain, flipped = (self.augmented(True, flip=flag) for flag in (False, True))
        for what in ("validate", "test"):
            found, expected = getattr(flipped, what), getattr(plain, what)
            assert_array_equal(found.sample()[0], expected.sample()[0], strict=True)

    def test_a_network_learns_from_augmented_rows(self):
        dataset = initialize_dataset("digits", shift=1, dtype="float32", seed=0)
        output = {"name": "fully_connected", "activation": "softmax", "n_out": None}
        sgd = {"name": "SGD", "lr": 0.3}
        model = NeuralNetwork("cross_entropy", [output], sgd, seed=0, dtype="float32")
        history = model.train(dataset, 6)
        self.assertEqual(model.input_shape, (64,))
        self.assertLess(history["validation_error"][-1], 0.25)
        # Augmented training images are harder.
        self.assertGreater(history["train_error"][-1], history["validation_error"][-1])


def sampled(dataset, what="train", epochs=1):
    """Images and labels of whole epochs, in the order of ``sample``."""
    data = getattr(dataset, what)
    batches = [data.sample() for _ in range(epochs * data.samples_per_epoch)]
    return [np.concatenate(arrays) for arrays in zip(*batches, strict=True)]


class TestAugmentedDataset(unittest.TestCase):
    def make(self, flip=True, shift=0, seed=0, **options):
        X = np.random.default_rng(0).integers(256, size=(40, 5, 4, 2), dtype=np.uint8)
        Y = np.arange(40.0)[:, np.newaxis]
        self.whole = Preprocessing("float32", Standardization.of(X), Augmentation(flip, shift))
        return Dataset(X, Y, 12, X, Y, X, Y, seed=seed, preprocessing=self.whole, **options)

    def test_training_batches_are_augmented_anew_in_every_epoch(self):
        dataset = self.make()
        plain = self.whole(dataset.train.data)
        seen = []
        for _ in range(3):
            X, Y = sampled(dataset)
            in_order = X[np.argsort(Y[:, 0])]
            mirrored = (in_order == plain[:, :, ::-1]).all(axis=(1, 2, 3))
            assert_array_equal(in_order[~mirrored], plain[~mirrored])
            self.assertTrue(8 < mirrored.sum() < 32)
            seen.append(tuple(mirrored))
        self.assertEqual(len(set(seen)), 3)

    def test_nothing_else_is_augmented(self):
        dataset = self.make(shift=1)
        plain = self.whole(dataset.train.data)
        for what in ("train", "validate", "test"):
            batches = [X for X, _ in getattr(dataset, what).batches(7)]
            assert_array_equal(np.concatenate(batches), plain)
        for what in ("validate", "test"):
            X, Y = sampled(dataset, what, epochs=2)
            assert_array_equal(X, plain[Y[:, 0].astype(int)])

    def test_the_seed_fixes_the_augmentation(self):
        first, same, other = (sampled(self.make(seed=s)) for s in (5, 5, 6))
        assert_array_equal(first[0], same[0], strict=True)
        plain = self.whole(self.make().train.data)
        # The order, and the choice of mirrored images.
        flips = [(plain[Y[:, 0].astype(int)] != X).any(axis=(1, 2, 3)) for X, Y in (first, other)]
        self.assertTrue(10 < (flips[0] != flips[1]).sum() < 30)

    def test_the_order_is_that_without_augmentation(self):
        orders = [
            sampled(self.make(flip, shift), epochs=3)[1].ravel().tolist()
            for flip, shift in ((False, 0), (True, 0), (True, 2))
        ]
        self.assertEqual(orders[0], orders[1])
        self.assertEqual(orders[0], orders[2])

    def test_floats_in_memory_are_augmented_too(self):
        X = np.random.default_rng(0).normal(5, 3, (30, 3, 4, 1))
        Y = np.arange(30.0)[:, np.newaxis]
        whole = Preprocessing("float32", Standardization.of(X), Augmentation(flip=True))
        dataset = Dataset(X, Y, 30, X, Y, preprocessing=whole, seed=0)
        batch, rows = dataset.train.sample()
        kept = (batch == whole(X)[rows[:, 0].astype(int)]).all(axis=(1, 2, 3))
        self.assertTrue(0 < kept.sum() < 30)
        self.assertFalse(dataset.validate.is_lazy)


if __name__ == "__main__":
    unittest.main()
