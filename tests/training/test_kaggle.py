"""Examples without labels: predictions, files for submission."""

import contextlib
import io
import os
import unittest
from unittest import mock

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from neural_networks.datasets import (
    Augmentation,
    Dataset,
    Preprocessing,
    Standardization,
    initialize_dataset,
    load_csv,
    load_digits,
    load_iris,
    read_examples,
)
from neural_networks.logs import Logger
from neural_networks.logs.logger import check_file_name
from neural_networks.models import NeuralNetwork
from tests.support import synthetic_files
from tests.support.arrays import InFolder, one_hot, read_only

OUTPUT = {"name": "fully_connected", "activation": "softmax", "n_out": None}
SGD = {"name": "SGD", "lr": 0.1}


def mapped(root, X):
    """The same array, mapped from a file."""
    np.save(root / "X.npy", X)
    return np.load(root / "X.npy", mmap_mode="r")


def normal(*shape, seed=0):
    """Features of different means and spreads."""
    k = np.arange(shape[-1])
    return np.random.default_rng(seed).normal(size=shape) * 10.0**k + k


class KaggleTest(InFolder):
    """A test with a set of three classes, and networks that keep a run."""

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.X, self.Y = rng.normal(size=(40, 4)), one_hot(rng, 40, 3)
        self.new = rng.normal(size=(600, 4))  # more than are evaluated at a time

    def dataset(self, **options):
        return Dataset(self.X, self.Y, 8, seed=0, **{"test_set": self.new} | options)

    def network(self, dataset, loss="cross_entropy", output=OUTPUT, logs=True):
        logger = Logger("run", {}, {}, save=True, save_dir=self.root) if logs else None
        model = NeuralNetwork(loss, [output], SGD, logger, seed=0)
        model.train(dataset, 1)
        return model

    def read(self, name, run="run"):
        return (self.root / run / name).read_text()

    def csv_files(self):
        return {path.name for path in self.root.glob("run/*.csv")} - {"log.csv", "steps.csv"}


class TestTable(KaggleTest):
    def expected(self, model, X):
        """The class of each row, from the parameters."""
        parameters = model.layers[0].parameters
        return (X @ parameters["W"] + parameters["b"]).argmax(axis=1)

    def test_predictions_come_in_the_order_of_the_test_set(self):
        dataset = self.dataset()
        model = self.network(dataset)
        expected = self.expected(model, self.new)
        self.assertEqual(set(expected), {0, 1, 2})
        for _ in range(2):
            dataset.train.sample()
            dataset.test.sample()  # in the middle of a shuffled epoch
            table = model.test_kaggle(dataset)
            self.assertEqual(list(table.columns), ["Id", "Category"])
            self.assertEqual([str(kind) for kind in table.dtypes], ["int64", "int64"])
            assert_array_equal(table["Id"], np.arange(600))
            assert_array_equal(table["Category"], expected)

    def test_file(self):
        dataset = self.dataset()
        table = self.network(dataset).test_kaggle(dataset)
        lines = [f"{i},{k}\n" for i, k in enumerate(table["Category"])]
        self.assertEqual(self.read("kaggle_predictions.csv"), "".join(["Id,Category\n", *lines]))

    def test_ids_begin_where_the_competition_says(self):
        dataset = self.dataset(first_id=7)
        table = self.network(dataset).test_kaggle(dataset)
        assert_array_equal(table["Id"], np.arange(7, 607))
        self.assertTrue(self.read("kaggle_predictions.csv").startswith("Id,Category\n7,"))

    def test_labels_are_not_looked_at(self):
        categories = []
        for labels in (None, np.zeros((600, 3)), np.eye(3)[np.zeros(600, int)]):
            dataset = self.dataset(test_labels=labels)
            table = self.network(dataset).test_kaggle(dataset)
            categories.append(table["Category"].tolist())
        self.assertEqual(categories[0], categories[1])
        self.assertEqual(categories[0], categories[2])

    def test_one_output(self):
        self.Y = self.Y[:, :1]
        output = OUTPUT | {"activation": "sigmoid"}
        dataset = self.dataset(test_labels=np.zeros((600, 1)))
        model = self.network(dataset, "binary_cross_entropy", output)
        table = model.test_kaggle(dataset)
        P = model.predict(self.new, None)[0][:, 0]
        assert_array_equal(table["Category"], P >= 0.5)
        self.assertEqual(set(table["Category"]), {0, 1})

    def test_without_a_logger(self):
        dataset = self.dataset()
        self.assertEqual(len(self.network(dataset, logs=False).test_kaggle(dataset)), 600)
        self.assertEqual(list(self.root.iterdir()), [])

    def test_what_cannot_be_predicted(self):
        dataset = self.dataset()
        model = self.network(dataset, "l2", OUTPUT | {"activation": "linear"})
        with self.assertRaisesRegex(ValueError, "Kaggle files hold classes, which l2 does not"):
            model.test_kaggle(dataset)
        dataset = self.dataset(test_set=None)
        with self.assertRaisesRegex(ValueError, "the dataset has no test set"):
            self.network(dataset).test_kaggle(dataset)
        self.assertEqual(self.csv_files(), set())

    def test_classes_of_every_step_have_no_place_in_a_table(self):
        X = np.random.default_rng(0).normal(size=(8, 2, 5))
        Y = np.eye(3)[np.arange(40).reshape(8, 5) % 3].transpose(0, 2, 1)
        dataset = Dataset(X, Y, 4, test_set=X)
        model = self.network(dataset, logs=False)
        with self.assertRaisesRegex(ValueError, "Kaggle.*(one class|step|sequence)"):
            model.test_kaggle(dataset)


class TestFileName(KaggleTest):
    def written(self, file_name=None, **options):
        dataset = self.dataset(**options)
        self.network(dataset).test_kaggle(dataset, file_name)
        (folder,) = self.root.iterdir()
        found = {path.name for path in folder.glob("*.csv")} - {"log.csv", "steps.csv"}
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        return found

    def test_own_the_datasets_or_the_default(self):
        for file_name, kaggle_file, expected in (
            (None, "", "kaggle_predictions.csv"),
            (None, "submission.csv", "submission.csv"),
            (None, "theirs.csv", "theirs.csv"),
            ("mine.csv", "", "mine.csv"),
            ("mine.csv", "submission.csv", "mine.csv"),
            ("kaggle_predictions.csv", "submission.csv", "kaggle_predictions.csv"),
        ):
            found = self.written(file_name, kaggle_file=kaggle_file)
            self.assertEqual(found, {expected})

    def test_names_that_are_refused(self):
        dataset = self.dataset()
        model = self.network(dataset)
        for name in (
            "../mine.csv",
            "a/mine.csv",
            "/mine.csv",
            "mine.txt",
            "mine",
            ".csv",
            "a\n.csv",
        ):
            with self.subTest(name), self.assertRaises(ValueError) as caught:
                model.test_kaggle(dataset, name)
            expected = f"a file of predictions must be called NAME.csv, got {name!r}"
            self.assertEqual(str(caught.exception), expected)
        for name in ("log.csv", "test_predictions.csv", "forecast.csv"):
            with self.assertRaisesRegex(ValueError, f"'{name}' is another file of the run"):
                model.test_kaggle(dataset, name)
        self.assertEqual(self.csv_files(), set())
        self.assertIn("train_loss", self.read("log.csv"))

    def test_no_name_at_all(self):
        with self.assertRaisesRegex(ValueError, "must be called NAME.csv, got ''"):
            check_file_name("")
        for name in ("mine.csv", "a.b.csv", "submission.csv", "kaggle_predictions.csv", "é 1.csv"):
            self.assertEqual(check_file_name(name), name)


class TestPublishers(InFolder):
    """By name, from small files in the publishers' formats."""

    def setUp(self):
        super().setUp()
        environment = {"NEURAL_NETWORKS_DATA": str(self.root)}
        self.enterContext(mock.patch.dict(os.environ, environment))
        self.enterContext(contextlib.redirect_stderr(io.StringIO()))  # that a set was prepared

    def predictions(self, name, **options):
        """Table and files of a network trained for an epoch."""
        dataset = initialize_dataset(name, 20, dtype="float32", seed=0, **options)
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        model = NeuralNetwork("cross_entropy", [OUTPUT], SGD, logger, seed=0, dtype="float32")
        model.train(dataset, 1)
        table = model.test_kaggle(dataset)
        expected = model.predict(next(dataset.test.batches(1000))[0], None)[0].argmax(axis=1)
        assert_array_equal(table["Category"], expected)
        files = {path.name for path in logger.folder.glob("*.csv")} - {"log.csv", "steps.csv"}
        (file,) = files
        pd.testing.assert_frame_equal(pd.read_csv(logger.folder / file), table)
        return table, file

    def test_cifar10_from_1(self):
        synthetic_files.write_cifar10(self.root / "cifar10", n=20)
        table, file = self.predictions("cifar10")
        assert_array_equal(table["Id"], np.arange(1, 21))
        self.assertEqual(file, "submission.csv")

    def test_higgs_from_0(self):
        synthetic_files.write_higgs(self.root / "higgs", n=120)
        table, file = self.predictions("higgs", label_smoothing=0.15)
        assert_array_equal(table["Id"], np.arange(10))
        self.assertEqual(file, "kaggle_predictions.csv")

    def test_any_other_from_0(self):
        table, file = self.predictions("iris")
        assert_array_equal(table["Id"], np.arange(30))
        self.assertEqual(file, "kaggle_predictions.csv")


class TestToPredict(InFolder):
    """Other examples for the test set; and that long sequences go the same way."""

    def setUp(self):
        super().setUp()
        self.X, self.Y = normal(12, 4), np.eye(2)[np.arange(12) % 2]
        self.whole = Preprocessing("float32", Standardization.of(self.X))
        options = {"preprocessing": self.whole, "first_id": 3, "class_names": ["a", "b"]}
        self.dataset = Dataset(*(self.X, self.Y), 5, *(self.X, self.Y) * 2, **options)

    def test_to_predict(self):
        dataset, test, new = self.dataset, self.dataset.test, normal(7, 4, seed=1)
        for examples in (read_only(new), mapped(self.root, new)):
            other = dataset.to_predict(examples)
            self.assertEqual((other.test.n_samples, other.test.labels), (7, None))
            ((batch, labels),) = other.test.batches()
            assert_array_equal(batch, self.whole(new), strict=True)
            self.assertIsNone(labels)
            for name in ("train", "validate", "class_names", "first_id", "out_dim", "name"):
                self.assertIs(getattr(other, name), getattr(dataset, name))
            self.assertEqual(other.test.batch_size, 5)
            self.assertIs(dataset.test, test)
        self.assertIsInstance(other.test.data, np.memmap)

    def refused(self, pattern, examples, error=ValueError):
        test = self.dataset.test
        with self.assertRaisesRegex(error, pattern):
            self.dataset.to_predict(examples)
        self.assertIs(self.dataset.test, test)

    def test_examples_that_cannot_be_predicted(self):
        X = self.X.copy()
        X[5, 1] = np.nan
        self.refused(r"test set: 1 values are NaN or infinite, the first one at \(5, 1\)", X)
        self.refused("test set: there are no examples", X[:0])
        self.refused("test set: examples must be a NumPy array, got list", [[1.0]], TypeError)
        self.refused(
            "test set: examples must be floats, got int64", np.ones((2, 4), int), TypeError
        )

    def test_examples_of_another_shape(self):
        for shape in ((4, 4), (2, 4)):
            pattern = r"test examples have shape \({}, 4\), training examples \(4,\)"
            self.refused(pattern.format(shape[0]), np.ones((3, *shape)))

    def test_another_number_of_features(self):
        """A single one must not be taken for four equal ones."""
        for d in (5, 1):
            with self.subTest(d):
                self.refused(
                    rf"^test (set|examples)(?!.*operands).*\b{d}\b.*\b4\b", np.ones((3, d))
                )

    def test_another_number_of_features_for_validation(self):
        one = self.X[:, :1]
        with self.assertRaisesRegex(ValueError, r"^validation .*\b1\b.*\b4\b"):
            Dataset(self.X, self.Y, 5, one, self.Y, preprocessing=self.whole)

    def test_beyond_float32(self):
        for examples in (np.full((2, 4), 1e300), mapped(self.root, np.full((2, 4), 1e300))):
            with self.subTest(type(examples)):
                self.refused("test set: ", examples)

    def test_long_sequences_are_converted(self):
        X, long = normal(6, 1, 5), read_only(normal(2, 1, 9))
        options = {"forecast_sequences": long, "preprocessing": Preprocessing("float32")}
        dataset = Dataset(X, np.ones((6, 1)), 3, **options)
        assert_array_equal(dataset.forecast_sequences, long.astype(np.float32), strict=True)

    def test_long_sequences_beyond_float32(self):
        long = np.full((2, 1, 9), 1e300)
        options = {"forecast_sequences": long, "preprocessing": Preprocessing("float32")}
        with self.assertRaisesRegex(ValueError, "^forecast_sequences: "):
            Dataset(normal(6, 1, 5), np.ones((6, 1)), 3, **options)

    def test_long_sequences_that_are_no_array(self):
        options = {"forecast_sequences": [[[1.0, 2.0]]], "preprocessing": Preprocessing("float32")}
        X = normal(6, 1, 1)
        with self.assertRaisesRegex(
            TypeError, "forecast_sequences: examples must be a NumPy array"
        ):
            Dataset(X, np.ones((6, 1)), 3, **options)


class TestPredictions(KaggleTest):
    """Predictions of new examples, through ``to_predict``."""

    def test_are_those_of_the_same_test_set(self):
        whole = Preprocessing("float64", Standardization.of(self.X))
        dataset = self.dataset(preprocessing=whole, first_id=2, kaggle_file="mine.csv")
        model = self.network(dataset)
        expected = model.test_kaggle(dataset)
        other = dataset.to_predict(read_only(self.new))
        pd.testing.assert_frame_equal(model.test_kaggle(other), expected)
        self.assertEqual(self.csv_files(), {"mine.csv"})
        backwards = model.test_kaggle(dataset.to_predict(self.new[::-1]))
        assert_array_equal(backwards["Category"], expected["Category"][::-1])
        assert_array_equal(backwards["Id"], expected["Id"])

    def test_images_are_not_augmented(self):
        X = np.random.default_rng(0).integers(256, size=(40, 5, 4, 1), dtype=np.uint8)
        augmentation = Augmentation(flip=True, shift=2)
        whole = Preprocessing("float64", Standardization.of(X), augmentation, as_rows=True)
        dataset = Dataset(X, self.Y, 8, test_set=X, preprocessing=whole, seed=0)
        model = self.network(dataset)
        expected = model.predict(whole(X), None)[0].argmax(axis=1)
        for data in (dataset, dataset.to_predict(X), dataset.to_predict(X.astype(float))):
            assert_array_equal(model.test_kaggle(data)["Category"], expected)


class TestFromFiles(InFolder):
    """A network says the same of the test rows, whichever file they come from."""

    def compare(self, dataset, path):
        model = NeuralNetwork("cross_entropy", [OUTPUT], SGD, seed=0)
        model.train(dataset, 2)
        expected = [model.predict(batch, None)[0] for batch, _ in dataset.test.batches(1000)]
        other = dataset.to_predict(read_examples(path, dataset))
        found = [model.predict(batch, None)[0] for batch, _ in other.test.batches(1000)]
        assert_array_equal(found, expected)
        table = model.test_kaggle(other)
        assert_array_equal(table["Category"], expected[0].argmax(axis=1))
        self.assertGreater(len(set(table["Category"])), 1)

    def as_npy(self, X):
        np.save(self.root / "x.npy", X)
        return self.root / "x.npy"

    def as_csv(self, X, names=None):
        rows = X.reshape(len(X), -1).tolist()
        lines = [",".join(map(str, row)) for row in ([names] if names else []) + rows]
        path = self.root / "x.csv"
        path.write_text("\n".join(lines))
        return path

    def test_iris(self):
        dataset, X = initialize_dataset("iris", seed=0), load_iris()["test_set"]
        self.compare(dataset, self.as_npy(X))
        self.compare(dataset, self.as_csv(X))
        self.compare(dataset, self.as_csv(X[:, ::-1], dataset.feature_names[::-1]))

    def test_ones_own_table(self):
        rng = np.random.default_rng(0)
        lines = ["id,left,right,kind"]
        for i, (left, right) in enumerate(rng.normal(5, 30, (90, 2)).tolist()):
            lines.append(f"{i},{left},{right},{'xyz'[i % 3]}")
        path = self.root / "table.csv"
        path.write_text("\n".join(lines))
        options = {"path": str(path), "label": "kind", "drop": "id"}
        X, dataset = load_csv(**options)["test_set"], initialize_dataset("csv", seed=0, **options)
        self.compare(dataset, self.as_npy(X))
        self.compare(dataset, self.as_csv(X))
        self.compare(dataset, self.as_csv(X, ["left", "right"]))

    def test_images(self):
        X = load_digits(images=True)["test_set"]
        for options in ({"flip": True}, {"shift": 1}):
            dataset = initialize_dataset("digits", seed=0, **options)
            for examples in (X, X.astype(np.uint8), X.astype(int).reshape(-1, 64)):
                self.compare(dataset, self.as_npy(examples))
            self.compare(dataset, self.as_csv(X))
        dataset = initialize_dataset("digits", seed=0)
        self.compare(dataset, self.as_npy(X.astype(np.uint8).reshape(-1, 64)))

    def test_images_that_became_rows_in_memory(self):
        """They are standardized by channel, as the others were before they became rows."""
        X, Y = np.random.default_rng(0).normal(3, 2, (20, 4, 4, 3)), np.eye(2)[np.arange(20) % 2]
        whole = Preprocessing("float64", Standardization.of(X), as_rows=True)
        dataset = Dataset(X, Y, 5, test_set=X, test_labels=Y, preprocessing=whole)
        self.compare(dataset, self.as_npy(X))


if __name__ == "__main__":
    unittest.main()
