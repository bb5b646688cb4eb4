"""The summary of a run: all results are of one epoch, the tested or saved one."""

import json
import unittest

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.logs.summary import read_run
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder

OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
HIDDEN = {"name": "fully_connected", "n_out": 30, "activation": "tanh"}


def overfitted(seed=0, validates=True):
    """A dataset of so few examples that the best epoch is an early one."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 10))
    Y = np.eye(2)[(X[:, 0] + rng.normal(size=60) > 0) * 1]
    validation = (X[20:40], Y[20:40]) if validates else (None, None)
    return Dataset(X[:20], Y[:20], 5, *validation, X[40:], Y[40:], seed=0)


class TestEpochs(InFolder):
    def setUp(self):
        super().setUp()
        self.dataset = overfitted()
        self.logger = Logger(
            "run", {"loss": "cross_entropy"}, {"name": "toy"}, True, False, self.root
        )
        sgd = {"name": "SGD", "lr": 0.3}
        self.model = NeuralNetwork("cross_entropy", [HIDDEN, OUTPUT], sgd, self.logger, seed=0)

    def check(self, epoch, tested=True):
        """Assert that all results are of this epoch, that of the network's parameters."""
        found = read_run(self.logger.folder).results
        row = next(row for row in self.logger.rows if row["epoch"] == epoch)
        expected = {"epoch": epoch}
        expected |= {f"validation {key}": row[f"validation_{key}"] for key in ("loss", "error")}
        if tested:
            expected["test error"] = self.model.test(self.dataset)["error"]
        self.assertEqual(found, expected)
        return epoch

    def train(self, epochs=12, **options):
        self.model.train(self.dataset, epochs, **options)
        return self.model.best.epoch

    def test_the_last_one(self):
        best = self.train()
        self.assertLess(best, 12)
        self.model.test(self.dataset)
        self.check(12)

    def test_the_best_one_if_it_is_restored(self):
        for options in ({"restore_best": True}, {"patience": 3}):
            best = self.train(**options)
            self.assertLess(best, self.model.epoch)
            self.check(best, tested=False)
            self.model.test(self.dataset)
            self.check(best)
            self.logger.reset()
            self.setUp()

    def test_the_best_one_by_another_measure(self):
        best = self.train(monitor="train_loss", restore_best=True)
        self.model.test(self.dataset)
        self.check(best)

    def test_restored_by_hand_and_not_saved(self):
        best = self.train()
        self.check(12, tested=False)
        self.model.restore_best()
        self.model.test(self.dataset)
        self.check(best)

    def test_a_training_that_went_on(self):
        self.train(3, restore_best=True)
        self.model.test(self.dataset)
        self.train(4)
        self.model.test(self.dataset)
        self.check(7)

    def test_a_test_before_the_training_is_of_no_epoch(self):
        self.model.prepare(self.dataset)
        self.model.test(self.dataset)
        self.train(2)
        self.check(2, tested=False)

    def test_runs_of_older_versions(self):
        """They do not say which epoch was tested; their files of parameters do."""
        for restore, without in ((False, ()), (True, ()), (False, ["parameters.npz"])):
            with self.subTest(restore=restore, without=without):
                best = self.train(restore_best=restore)
                self.model.test(self.dataset)
                path = self.logger.folder / "config.json"
                config = json.loads(path.read_text())
                self.assertEqual(config.pop("tested_epoch"), best if restore else 12)
                for name in without:
                    (self.logger.folder / name).unlink()
                path.write_text(json.dumps(config))
                found = read_run(self.logger.folder).results
                self.assertEqual(found["epoch"], best if restore else 12)
                loss = self.logger.rows[found["epoch"] - 1]["validation_loss"]
                self.assertEqual(found["validation loss"], loss)
                self.assertIn("test error", found)
                self.logger.reset()
                self.setUp()

    def test_parameters_that_cannot_be_read(self):
        self.train(3)
        for content in (b"", b"PK damaged", b"not an archive"):
            (self.logger.folder / "parameters.npz").write_bytes(content)
            self.check(3, tested=False)

    def test_without_a_validation_set(self):
        self.dataset = overfitted(validates=False)
        self.train(4)
        self.model.test(self.dataset)
        found = read_run(self.logger.folder).results
        row = self.logger.rows[-1]
        test = self.model.test(self.dataset)["error"]
        expected = {"epoch": 4, "train loss": row["train_loss"], "train error": row["train_error"]}
        self.assertEqual(found, {**expected, "test error": test})

    def test_a_test_that_is_no_number(self):
        self.train(1)
        for number in (float("nan"), float("inf")):
            self.model.loss.error = lambda Y, Y_hat, number=number: number
            self.model.test(self.dataset)
            self.assertNotIn("NaN", (self.logger.folder / "test.json").read_text())
            self.assertTrue(np.isnan(read_run(self.logger.folder).results["test error"]))


class TestOptions(InFolder):
    def test_of_model_data_and_arguments(self):
        arguments = {"epochs": 3, "command": "train_ffnn.py"}
        model = {"loss": "l2", "layer_args": [{"n_out": 4}, {"n_out": 2}]}
        data = {"name": "csv", "path": "/a/b.csv", "label": "kind", "window": None}
        logger = Logger("run", model, data, True, False, self.root, arguments=arguments)
        logger.push({"epoch": 1, "train_loss": 0.5})
        found = read_run(logger.folder)
        self.assertEqual((found.run, found.dataset), ("run", "csv /a/b.csv, label kind"))
        self.assertEqual((found.loss, found.problem), ("l2", ""))
        self.assertEqual(found.results, {"epoch": 1, "train loss": 0.5})
        expected = {"layer_args.1.n_out": 4, "layer_args.2.n_out": 2, "dataset.window": None}
        self.assertEqual(found.options, {**expected, "epochs": 3})


if __name__ == "__main__":
    unittest.main()
