"""Training and testing: epochs, logs, Ctrl-C, Kaggle files."""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal, assert_equal

from neural_networks.datasets import Data, Dataset, initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from neural_networks.training.interruption import TrainingInterrupted
from tests.support.arrays import InFolder, examples

SGD = {"name": "SGD", "lr": 0.1}
OUTPUT = {"name": "fully_connected", "n_out": 3, "activation": "softmax"}


def network(layers=(OUTPUT,), loss="cross_entropy", optimizer=SGD, **options):
    return NeuralNetwork(loss, list(layers), optimizer, **{"seed": 0, **options})


class Recorded(Data):
    """Data that records the rows it returned, and can press Ctrl-C."""

    def __init__(self, *args, interrupt_at=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.given, self.interrupt_at = [], interrupt_at

    def sample(self, shuffle=True):
        if len(self.given) == self.interrupt_at:
            raise KeyboardInterrupt
        X, Y = super().sample(shuffle)
        self.given.append(X)
        return X, Y


class TestEpochs(unittest.TestCase):
    def test_losses_are_weighted_by_batch_size(self):
        # 10 examples in batches of 4, 4 and 2, and a network that stands still (lr = 0): the
        # epoch's loss is the mean over all examples, for any batches.
        X, Y = examples()
        X_val, Y_val = examples(300, seed=1)
        model = network(optimizer={"name": "SGD", "lr": 0})
        history = model.train(Dataset(X, Y, 4, X_val, Y_val, seed=0), 2)
        W, b = (model.layers[0].parameters[name] for name in "Wb")
        for split, X_split, Y_split in (("train", X, Y), ("validation", X_val, Y_val)):
            P = np.exp(X_split @ W + b)
            P /= P.sum(axis=1, keepdims=True)
            loss = -np.log(P[Y_split == 1]).mean()
            error = (P.argmax(axis=1) != Y_split.argmax(axis=1)).mean()
            assert_allclose(history[f"{split}_loss"], [loss, loss], rtol=1e-13)
            assert_allclose(history[f"{split}_error"], [error, error], rtol=1e-13)

    def test_squared_errors_are_weighted_by_batch_size(self):
        X, Y = examples()
        layer = {**OUTPUT, "activation": "linear"}
        model = network([layer], "l2", {"name": "SGD", "lr": 0})
        history = model.train(Dataset(X, Y, 4, seed=0), 1)
        parameters = model.layers[0].parameters
        squares = (Y - (X @ parameters["W"] + parameters["b"])) ** 2
        assert_allclose(history["train_loss"], [squares.sum(axis=1).mean()], rtol=1e-13)
        assert_allclose(history["train_error"], [squares.mean()], rtol=1e-13)

    def test_history_has_an_entry_for_each_epoch(self):
        model = network()
        history = model.train(Dataset(*examples(), 4, *examples(5), seed=0), 3)
        names = {"train_loss", "train_error", "validation_loss", "validation_error"}
        self.assertEqual(set(history), names)
        self.assertEqual({len(values) for values in history.values()}, {3})
        assert_equal(history, model.history)
        self.assertEqual(len(set(history["train_loss"])), 3)

    def test_history_without_validation_set(self):
        history = network().train(Dataset(*examples(), 4, seed=0), 1)
        self.assertEqual(set(history), {"train_loss", "train_error"})

    def test_an_epoch_sees_each_example_once(self):
        data = Dataset(*examples(), 4, seed=0)
        data.train = Recorded(data.train.data, data.train.labels, 4, rng=0)
        data.train.sample()  # a batch has been looked at before
        data.train.given.clear()
        network().train(data, 2)
        self.assertEqual([len(X) for X in data.train.given], [4, 4, 2, 4, 4, 2])
        for epoch in (data.train.given[:3], data.train.given[3:]):
            seen = np.concatenate(epoch)
            self.assertEqual(sorted(seen[:, 0]), sorted(data.train.data[:, 0]))
        self.assertFalse(np.array_equal(data.train.given[0], data.train.given[3]))

    def test_the_schedule_gets_fractional_epochs(self):
        schedule = {"lr_scheduler": "exponential", "lr_decay": 0.25, "stage_length": 2}
        model = network(optimizer={"name": "SGD", "lr": 0.1, **schedule})
        data = Dataset(*examples(), 4, seed=0)
        rates, epochs = [], []
        plain_update = model.update

        def update(epoch):
            layer = model.layers[0]
            before = layer.parameters["W"]
            plain_update(epoch)
            epochs.append(epoch)
            rates.append(np.mean((before - layer.parameters["W"]) / layer.gradients["W"]))

        with mock.patch.object(model, "update", update):
            model.train(data, 2)
        expected = [0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3]
        assert_allclose(epochs, expected, rtol=1e-15)
        # 0.25^(epoch / 2) = 0.5^epoch
        assert_allclose(rates, [0.1 * 0.5**epoch for epoch in expected], rtol=1e-10)


class TestLearning(unittest.TestCase):
    def test_exclusive_or(self):
        # Four clouds of points around (±1, ±1); no line separates the two classes.
        rng = np.random.default_rng(0)
        corners = rng.choice([-1.0, 1.0], size=(400, 2))
        X = corners + 0.15 * rng.normal(size=(400, 2))
        Y = np.eye(2)[(corners.prod(axis=1) > 0).astype(int)]
        hidden = {"name": "fully_connected", "n_out": 8, "activation": "tanh"}
        optimizer = {"name": "SGD", "lr": 0.3, "momentum": 0.9}
        for dtype in ("float32", "float64"):
            with self.subTest(dtype):
                model = network(
                    [hidden, {**OUTPUT, "n_out": None}], optimizer=optimizer, dtype=dtype
                )
                data = Dataset(X[:200], Y[:200], 20, test_set=X[200:], test_labels=Y[200:], seed=0)
                history = model.train(data, 15)
                self.assertLess(model.test(data)["error"], 0.01)
                self.assertLess(history["train_loss"][-1], 0.1 * history["train_loss"][0])

    def test_binary_classes(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 3))
        Y = (X @ [[1.0], [-2.0], [0.5]] > 0.3).astype(float)
        layer = {"name": "fully_connected", "n_out": 1, "activation": "sigmoid"}
        model = network([layer], "binary_cross_entropy", {"name": "SGD", "lr": 1.0})
        model.train(Dataset(X[:200], Y[:200], 20, seed=0), 30)
        results = model.test(Dataset(X, Y, 20, test_set=X[200:], test_labels=Y[200:]))
        self.assertLess(results["error"], 0.05)

    def test_linear_regression_finds_the_coefficients(self):
        X = np.random.default_rng(0).normal(size=(200, 2))
        Y = X @ np.array([[2.0], [-3.0]]) + 0.5
        layer = {"name": "fully_connected", "n_out": 1, "activation": "linear"}
        model = network([layer], "l2")
        model.train(Dataset(X, Y, 20, seed=0), 30)
        assert_allclose(model.layers[0].parameters["W"], [[2.0], [-3.0]], atol=1e-6)
        assert_allclose(model.layers[0].parameters["b"], [[0.5]], atol=1e-6)

    def test_iris(self):
        data = initialize_dataset("iris", batch_size=25, seed=0)
        model = network(optimizer={"name": "SGD", "lr": 0.1, "momentum": 0.9})
        model.train(data, 30)
        self.assertLessEqual(model.test(data)["error"], 0.1)


class TestOnTheTestSet(unittest.TestCase):
    def test_loss_and_error_of_a_classifier(self):
        X, Y = examples(600)
        model = network()
        Y_hat, _ = model.predict(X, None)
        results = model.test(Dataset(X[:5], Y[:5], 5, test_set=X, test_labels=Y))
        self.assertEqual(set(results), {"loss", "error", "majority_accuracy"})
        self.assertAlmostEqual(results["loss"], -np.log(Y_hat[Y == 1]).mean(), places=12)
        wrong = (Y_hat.argmax(axis=1) != Y.argmax(axis=1)).mean()
        self.assertAlmostEqual(results["error"], wrong, places=12)

    def test_error_of_a_regression_is_the_mean_squared_error(self):
        # Prediction X itself: errors (1, -2) and (0, 3), squares 1, 4, 0, 9. The loss sums over
        # the two outputs, (5 + 9) / 2 = 7; the error is the mean of all four, 3.5.
        X, Y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 4.0], [3.0, 1.0]])
        layer = {"name": "fully_connected", "n_out": 2, "activation": "linear"}
        model = network([{**layer, "weight_init": "identity"}], "l2")
        results = model.test(Dataset(X, Y, 2, test_set=X, test_labels=Y))
        self.assertEqual((results["loss"], results["error"]), (7.0, 3.5))

    def test_labels_that_are_not_there(self):
        X, Y = examples()
        with tempfile.TemporaryDirectory() as folder:
            model = network(logger=Logger("run", {}, {}, save=True, save_dir=folder))
            with self.assertRaisesRegex(ValueError, "no labels: test_kaggle"):
                model.test(Dataset(X, Y, 5, test_set=X))
            with self.assertRaisesRegex(ValueError, "sum to 1, got 0 in row 0"):
                model.test(Dataset(X, Y, 5, test_set=X, test_labels=np.zeros((10, 3))))
            self.assertEqual(list(Path(folder).iterdir()), [])


class RunTest(InFolder):
    def setUp(self):
        super().setUp()
        self.logger = Logger("run", {}, {}, save=True, save_dir=self.root)


class TestInterruption(RunTest):
    def check_parameters(self, model, epoch):
        """The run folder holds the network as it is now, and it can be loaded."""
        fresh = network(seed=1)
        fresh.load(self.root / "run" / "parameters.npz")
        self.assertEqual(fresh.epoch, epoch)
        for name, value in model.layers[0].parameters.items():
            assert_array_equal(fresh.layers[0].parameters[name], value)

    def test_in_the_middle_of_the_third_epoch(self):
        data = Dataset(*examples(), 4, *examples(5), seed=0)
        data.train = Recorded(data.train.data, data.train.labels, 4, rng=0, interrupt_at=7)
        model = network(logger=self.logger)
        with self.assertRaisesRegex(TrainingInterrupted, "^Interrupted after 2 epochs$") as caught:
            model.train(data, 5)
        self.assertEqual(caught.exception.folder, self.root / "run")
        self.assertIsInstance(caught.exception, KeyboardInterrupt)
        rows = self.rows()
        self.assertEqual([row["epoch"] for row in rows], ["1", "2"])
        losses = [float(row["train_loss"]) for row in rows]
        assert_array_equal(losses, model.history["train_loss"])
        self.assertEqual(model.epoch, 2)
        self.check_parameters(model, epoch=2)

    def test_within_a_step_of_the_first_epoch(self):
        model = network(logger=self.logger)
        plain_update, calls = model.update, []

        def update(epoch):
            calls.append(epoch)
            if len(calls) == 3:
                raise KeyboardInterrupt
            plain_update(epoch)

        model.forward(examples()[0])
        start = model.layers[0].parameters["W"]
        with mock.patch.object(model, "update", update), self.assertRaises(KeyboardInterrupt):
            model.train(Dataset(*examples(), 4, seed=0), 5)
        self.assertTrue((model.layers[0].parameters["W"] != start).all())
        self.check_parameters(model, epoch=0)

    def test_training_can_go_on_with_a_whole_epoch(self):
        X, Y = examples()
        data = Dataset(X, Y, 4, seed=0)
        data.train = Recorded(X, Y, 4, rng=0, interrupt_at=4)
        model = network(logger=self.logger)
        with self.assertRaisesRegex(TrainingInterrupted, "^Interrupted after 1 epoch$"):
            model.train(data, 2)
        data.train.interrupt_at = None
        data.train.given.clear()
        model.train(data, 1)
        seen = np.concatenate(data.train.given)
        self.assertEqual(sorted(seen[:, 0]), sorted(X[:, 0]))
        self.assertEqual([row["epoch"] for row in self.rows()], ["1", "2"])

    def test_without_a_logger(self):
        data = Dataset(*examples(), 4, seed=0)
        data.train = Recorded(data.train.data, data.train.labels, 4, rng=0, interrupt_at=1)
        with self.assertRaises(TrainingInterrupted) as caught:
            network().train(data, 5)
        self.assertIsNone(caught.exception.folder)

    def test_divergence_keeps_the_log(self):
        model = network(logger=self.logger)
        data = Dataset(*examples(), 4, seed=0)
        model.train(data, 1)
        model.layers[0].parameters["b"] = np.full((1, 3), np.nan)
        with self.assertRaises(ArithmeticError):
            model.train(data, 1)
        self.assertEqual(len(self.rows()), 1)


class TestKaggle(RunTest):
    def model(self):
        # The unit matrix as weights: the class is the position of the largest input.
        layer = {**OUTPUT, "n_out": 4, "weight_init": "identity"}
        return network([layer], logger=self.logger)

    def check(self, table, X, first_id=0):
        self.assertEqual(list(table.columns), ["Id", "Category"])
        for column in table.columns:
            self.assertTrue(np.issubdtype(table[column].dtype, np.integer))
        assert_array_equal(table["Id"], np.arange(len(X)) + first_id)
        assert_array_equal(table["Category"], X.argmax(axis=1))
        text = (self.root / "run" / "kaggle_predictions.csv").read_text()
        lines = [f"{first_id + i},{c}" for i, c in enumerate(X.argmax(axis=1))]
        self.assertEqual(text.splitlines(), ["Id,Category", *lines])
        pd.testing.assert_frame_equal(
            pd.read_csv(self.root / "run" / "kaggle_predictions.csv"), table
        )

    def test_with_without_and_with_zero_labels(self):
        X, Y = examples(20, k=4)
        X_test, Y_test = examples(700, k=4, seed=1)
        for what, labels in (("yes", Y_test), ("none", None), ("zeros", np.zeros((700, 4)))):
            with self.subTest(labels=what):
                self.logger.reset()
                self.logger.overwrite = True
                data = Dataset(X, Y, 7, test_set=X_test, test_labels=labels, seed=0)
                data.test.sample()  # shuffles, which must not matter
                self.check(self.model().test_kaggle(data), X_test)

    def test_ids_from_1(self):
        X, Y = examples(20, k=4)
        data = Dataset(X, Y, 7, test_set=X, seed=0, first_id=1)
        self.check(self.model().test_kaggle(data), X, first_id=1)

    def test_after_training(self):
        X, Y = examples(20, k=4)
        data = Dataset(X, Y, 7, test_set=X[::-1].copy(), seed=0)
        model = self.model()
        model.train(data, 2)
        table = model.test_kaggle(data)
        parameters = model.layers[0].parameters
        expected = (X[::-1] @ parameters["W"] + parameters["b"]).argmax(axis=1)
        assert_array_equal(table["Category"], expected)
        self.assertTrue((self.root / "run" / "log.csv").is_file())

    def test_binary_classes(self):
        X = np.array([[-1.0], [0.0], [2.0]])  # sigmoid at 0 is 0.5, which is class 1
        layer = {"name": "fully_connected", "n_out": 1, "activation": "sigmoid"}
        model = network([{**layer, "weight_init": "ones"}], "binary_cross_entropy")
        table = model.test_kaggle(Dataset(X, np.ones((3, 1)), 2, test_set=X))
        self.assertEqual(table["Category"].tolist(), [0, 1, 1])

    def test_a_regression_is_refused(self):
        X, Y = examples(k=4)
        model = network([{**OUTPUT, "activation": "linear", "n_out": 4}], "l2", logger=self.logger)
        with self.assertRaisesRegex(ValueError, "l2"):
            model.test_kaggle(Dataset(X, Y, 5, test_set=X))
        self.assertEqual(list(self.root.iterdir()), [])


class TestResultFiles(RunTest):
    def test_test_json_holds_the_results(self):
        X, Y = examples()
        model = network(logger=self.logger)
        results = model.test(Dataset(X, Y, 5, test_set=X, test_labels=Y))
        self.assertEqual(json.loads((self.root / "run" / "test.json").read_text()), results)
        self.assertFalse((self.root / "run" / "test_predictions.csv").exists())

    def test_predictions_without_a_logger(self):
        X, Y = examples()
        dataset = Dataset(X, Y, 5, X, Y, test_set=X, test_labels=Y)
        with self.assertRaisesRegex(ValueError, "^save_predictions needs a logger"):
            network().test(dataset, save_predictions=True)


if __name__ == "__main__":
    unittest.main()
