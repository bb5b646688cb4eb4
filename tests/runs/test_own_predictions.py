"""A loaded run predicts its raw test rows as the run itself did, from its folder alone."""

import json
import os
import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import (
    CATALOGUE,
    load_cifar10,
    load_csv,
    load_digits,
    load_fashion_mnist,
    load_higgs,
    load_iris,
    load_sinewave,
)
from neural_networks.runs import load_run
from neural_networks.utils.randomness import spawn_generator
from tests.runs.trained import COLORS, TrainedRuns, own_outputs, write_colors
from tests.support import synthetic_files
from tests.support.arrays import read_only

SMALL_CNN = ("--filters", 2, "--batch-size", 100)
WAVES = ("--hidden", 3, "--batch-size", 500, "--window", 8)


class TestOwnPredictions(TrainedRuns):
    def compare(self, run, X, names=None, dtype="float32"):
        """Assert equality with the run's own test predictions, to the last digit."""
        loaded = load_run(run)
        found = loaded.predict(read_only(X))
        expected, classes = own_outputs(run, dtype)
        outputs = found.outputs
        self.assertEqual(outputs.dtype, dtype)
        if outputs.ndim == 3:
            outputs = outputs.transpose(0, 2, 1).reshape(-1, outputs.shape[1])
        assert_array_equal(outputs, expected)
        self.assertEqual(loaded.class_names, names)
        if names is None:
            self.assertIsNone(found.classes)
            self.assertIsNone(found.probabilities)
        else:
            assert_array_equal(found.classes, np.array(names)[classes])
            self.assertGreater(len(set(classes)), 1)
        return loaded, found

    def test_own_table_that_is_gone(self):
        path = self.root / "colors.csv"
        write_colors(path)
        options = {"path": str(path), "label": "color", "drop": ["number"]}
        X = load_csv(**options)["test_set"]
        arguments = ("--dataset", "csv", "--data-args", f"path={path}", "label=color")
        for dtype in ("float32", "float64"):
            run = self.train("ffnn", *arguments, "drop=number", "--dtype", dtype, "--lr", 0.2)
            path.rename(self.root / "elsewhere.csv")
            loaded, found = self.compare(run, X, sorted(COLORS), dtype)
            self.assertEqual(loaded.feature_names, ["weight", "height", "age"])
            assert_array_equal(found.probabilities, found.outputs)
            (self.root / "elsewhere.csv").rename(path)

    def test_nothing_but_the_folder_is_read(self):
        run = self.train("ffnn")
        missing = FileNotFoundError("the data is gone")
        with mock.patch("neural_networks.runs.initialize_dataset", side_effect=missing):
            names = ["setosa", "versicolor", "virginica"]
            self.compare(run, load_iris()["test_set"], names)

    def test_images_and_their_rows(self):
        X = load_digits(images=True)["test_set"]
        names = list("0123456789")
        for dtype in ("float32", "float64"):
            run = self.train("cnn", *SMALL_CNN, "--dtype", dtype)
            for examples in (X, X.reshape(-1, 64), X[..., 0], X.astype(int), X.astype("uint8")):
                self.compare(run, examples, names, dtype)
        rows = self.train("ffnn", "--dataset", "digits", "--data-args", "shift=1")
        self.compare(rows, X, names)
        self.compare(rows, X.reshape(-1, 64), names)

    def test_stored_bytes_and_float32(self):
        synthetic_files.write_fashion_mnist(self.root / "fashion_mnist")
        synthetic_files.write_cifar10(self.root / "cifar10")
        synthetic_files.write_higgs(self.root / "higgs")
        with mock.patch.dict(os.environ, NEURAL_NETWORKS_DATA=str(self.root)):
            clothes = self.train("ffnn", "--dataset", "fashion_mnist", "--hidden", 3)
            photos = self.train("cnn", *SMALL_CNN, "--dataset", "cifar10")
            higgs = self.train("ffnn", "--dataset", "higgs", "--loss", "binary_cross_entropy")
            test_sets = [load()["test_set"] for load in (load_fashion_mnist, load_cifar10)]
            collisions = np.array(load_higgs()["test_set"])
            names = [list(CATALOGUE[name].class_names) for name in ("fashion_mnist", "cifar10")]
        for run, X, classes in zip((clothes, photos), test_sets, names, strict=True):
            for examples in (X, np.array(X, float), X.reshape(len(X), -1).astype(np.int64)):
                self.compare(run, examples, classes)
        self.assertEqual(collisions.dtype, "float32")
        two = ["background", "signal"]
        _, found = self.compare(higgs, collisions.astype(np.float64), two)
        # The training reads 18 digits, and keeps a float32.
        self.compare(higgs, collisions.astype(np.float64) * (1 + 1e-9), two)
        p = found.outputs
        assert_array_equal(found.probabilities, np.hstack([1 - p, p]))

    def test_hinge(self):
        run = self.train("ffnn", "--loss", "hinge")
        names = ["setosa", "versicolor", "virginica"]
        _, found = self.compare(run, load_iris()["test_set"], names)
        self.assertIsNone(found.probabilities)
        self.assertEqual(list(found.table())[2], "score_setosa")

    def test_numbers(self):
        path = self.root / "numbers.csv"
        write_colors(path)
        options = {"path": str(path), "label": "age", "drop": ["number", "color"]}
        X = load_csv(regression=True, **options)["test_set"]
        pairs = (f"path={path}", "label=age", 'drop=["number", "color"]', "regression=true")
        arguments = ("--dataset", "csv", "--loss", "l2", "--lr", 1e-4, "--data-args", *pairs)
        run = self.train("ffnn", *arguments)
        path.unlink()
        _, found = self.compare(run, X, dtype="float64")  # in the units of the table
        self.assertEqual(list(found.table()), ["row", "prediction_0"])
        self.assertEqual(found.outputs.shape, (12, 1))

    def test_sequences(self):
        for dtype, arguments in (("float32", ()), ("float64", ("--every-step",))):
            run = self.train("rnn", *WAVES, "--dtype", dtype, *arguments)
            config = json.loads((run / "config.json").read_text())
            data = {key: config["data"][key] for key in ("window", "step", "every_step")}
            waves = load_sinewave(**data, rng=spawn_generator(0, "data"))["test_set"]
            for X in (waves, np.ascontiguousarray(waves)):
                _, found = self.compare(run, X, dtype=dtype)
            table = found.table()
            if arguments:
                self.assertEqual(list(table), ["row", "step", "prediction_0"])
                assert_array_equal(table["row"][:9], [1] * 8 + [2])
                assert_array_equal(table["step"][:9], [*range(1, 9), 1])
                assert_array_equal(table["prediction_0"], found.outputs.ravel())
            else:
                self.assertEqual(list(table), ["row", "prediction_0"])

    def test_best_epoch(self):
        run = self.train("ffnn", "--lr", 0.001, "--monitor", "train_loss", "--restore-best")
        X = load_iris()["test_set"]
        best = load_run(run, best=True).predict(X)
        assert_array_equal(best.outputs, own_outputs(run)[0])
        with np.load(run / "best_parameters.npz") as arrays:
            changed = {**arrays, "layer1.W": 2 * arrays["layer1.W"]}
        np.savez(run / "best_parameters.npz", **changed)
        self.assertTrue((load_run(run, best=True).predict(X).outputs != best.outputs).any())
        assert_array_equal(load_run(run).predict(X).outputs, best.outputs)

    def test_schedules_that_need_the_number_of_epochs(self):
        run = self.train("ffnn", "--scheduler", "cosine")
        self.assertEqual(load_run(run).model.optimizer.lr_scheduler(2), 0)


if __name__ == "__main__":
    unittest.main()
