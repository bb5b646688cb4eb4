"""Scores beside loss and error: by class, by output, and those of predictions without a network."""

import json
import tracemalloc
import unittest
from types import SimpleNamespace

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor

from neural_networks.datasets import Dataset, TargetScale
from neural_networks.ensemble import Ensemble
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.metrics import class_scores, majority_accuracy, target_scores
from neural_networks.models import NeuralNetwork
from neural_networks.training.evaluation import _forecast
from neural_networks.training.tables import score_table
from tests.support.arrays import InFolder, read_only

SGD = {"name": "SGD", "lr": 0.05}


def classes(n, k, seed=0):
    """True and predicted classes, of which some are rare, and some never predicted."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.3))
    true = rng.choice(k, n, p=p)
    wrong = rng.random(n) < 0.3
    return true, np.where(wrong, rng.integers(0, max(1, k - 1), n), true)


class TestByClass(unittest.TestCase):
    def test_by_hand(self):
        # Class 0: two of its three examples are found, by three predictions; class 1: its only one
        # by one of two; class 2 is never predicted; class 3 does not occur at all.
        true, predicted = np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 0])
        found = class_scores(true, predicted, 4)
        assert_array_equal(found.examples, [3, 1, 1, 0])
        assert_allclose(found.precision, [2 / 3, 1 / 2, np.nan, np.nan])
        assert_allclose(found.recall, [2 / 3, 1, 0, np.nan])
        assert_allclose(found.f1, [2 / 3, 2 / 3, 0, np.nan])

    def test_as_scikit_learn(self):
        for n, k in ((30, 2), (500, 3), (200, 10), (3000, 60)):
            true, predicted = classes(n, k, seed=k)
            arguments = {"labels": np.arange(k), "zero_division": np.nan}
            expected = metrics.precision_recall_fscore_support(true, predicted, **arguments)
            found = class_scores(read_only(true), read_only(predicted), k)
            for ours, theirs in zip((*found[1:3], found.f1), expected[:3], strict=True):
                some = np.bincount(true, minlength=k) + np.bincount(predicted, minlength=k) > 0
                assert_allclose(ours[some], theirs[some])
            assert_array_equal(found.examples, expected[3])

    def test_outputs_at_each_step_count_one_by_one(self):
        true, predicted = classes(600, 3)
        flat = class_scores(true, predicted, 3)
        found = class_scores(true.reshape(60, 10), predicted.reshape(60, 10), 3)
        for one, other in zip(flat, found, strict=True):
            assert_array_equal(one, other)

    def test_memory_for_many_classes(self):
        many = (
            classes(20_000, 400)[0] * 1000
        )  # 400,000 classes: a matrix of their pairs would take 1.3 TB
        tracemalloc.start()
        try:
            class_scores(many, many, 400_000)
            self.assertLess(tracemalloc.get_traced_memory()[1], 60e6)
        finally:
            tracemalloc.stop()

    def test_majority(self):
        for seed in range(5):
            true, training = classes(50, 4, seed)[0], classes(90, 4, seed + 9)[0]
            X = np.zeros((90, 1))
            expected = DummyClassifier(strategy="most_frequent").fit(X, training)
            expected = expected.score(X[:50], true)
            self.assertAlmostEqual(majority_accuracy(true, training), expected)
        self.assertEqual(majority_accuracy(np.array([1, 2, 2]), np.array([2, 1, 1, 2])), 1 / 3)

    def test_table(self):
        scores = class_scores(*classes(100, 3), 3)
        table = score_table(scores, ["a", "$b", "c, d"])
        self.assertEqual(list(table), ["class", "label", "examples", "precision", "recall", "f1"])
        self.assertEqual(list(table["class"]), ["a", "$b", "c, d"])
        self.assertEqual(list(score_table(scores, None)["class"]), ["0", "1", "2"])
        self.assertEqual(list(table["label"]), [0, 1, 2])
        assert_array_equal(table["recall"], scores.recall)


class TestByOutput(unittest.TestCase):
    def test_by_hand(self):
        # Errors 1, -1, 3, -3: √5. The squares around the mean 5 sum to 18, so R² = 1 - 20/18. The
        # mean of the training set is 1: squares 1, 16, 16, 49.
        Y, Y_hat = np.array([[2.0], [5.0], [5.0], [8.0]]), np.array([[1.0], [6.0], [2.0], [11.0]])
        found = target_scores(Y, Y_hat, np.array([[0.0], [2.0]]))
        assert_allclose(found.rmse, [np.sqrt(5)])
        assert_allclose(found.r2, [1 - 20 / 18])
        assert_allclose(found.rmse_of_mean, [np.sqrt((1 + 16 + 16 + 49) / 4)])

    def test_as_scikit_learn(self):
        rng = np.random.default_rng(0)
        for mean, spread, dtype in ((2e5, 7e4, "f8"), (1e-9, 1e-10, "f8"), (-3, 1, "f4")):
            for k in (1, 3):
                Y, training = (rng.normal(mean, spread, (n, k)).astype(dtype) for n in (80, 50))
                Y_hat = Y + rng.normal(0, spread / 3, Y.shape).astype(dtype)
                found = target_scores(*map(read_only, (Y, Y_hat, training)))
                assert_allclose(found.r2, metrics.r2_score(Y, Y_hat, multioutput="raw_values"))
                for ours, theirs in (
                    (found.rmse, Y_hat),
                    (found.rmse_of_mean, DummyRegressor().fit(training, training).predict(Y)),
                ):
                    theirs = np.reshape(theirs, Y.shape)
                    expected = metrics.root_mean_squared_error(Y, theirs, multioutput="raw_values")
                    assert_allclose(ours, expected, rtol=1e-6)

    def test_targets_that_do_not_vary_have_no_r2(self):
        rng = np.random.default_rng(1)
        for constant in (np.full(20, 7.0), np.where(np.arange(20) % 2, 0.3, 0.1 + 0.2)):
            Y = np.column_stack([constant, rng.normal(size=20)])
            found = target_scores(Y, Y + 0.5, Y)
            assert_array_equal(np.isnan(found.r2), [True, False])
            self.assertEqual(found.summary()["r2"], found.r2[1])
            self.assertNotIn("r2", target_scores(Y[:, :1], Y[:, :1] + 0.5, Y[:, :1]).summary())

    def test_summary_of_several_outputs(self):
        rng = np.random.default_rng(2)
        Y, Y_hat = rng.normal(size=(2, 40, 3))
        found = target_scores(Y, Y_hat, Y).summary()
        self.assertAlmostEqual(found["rmse"], np.sqrt(np.mean((Y - Y_hat) ** 2)))
        self.assertAlmostEqual(found["r2"], metrics.r2_score(Y, Y_hat))

    def test_outputs_at_each_step(self):
        rng = np.random.default_rng(3)
        Y, Y_hat = rng.normal(size=(2, 30, 2, 9))
        found = target_scores(Y, Y_hat, Y)
        for i in range(2):
            expected = metrics.r2_score(Y[:, i].ravel(), Y_hat[:, i].ravel())
            self.assertAlmostEqual(found.r2[i], expected)


class TestOfNetworks(InFolder):
    def run_on(self, loss, Y, n_out, activation="linear", **options):
        """Results, files and test predictions of a network trained on half of these labels."""
        rng = np.random.default_rng(0)
        half = len(Y) // 2
        X = rng.normal(size=(len(Y), 3)) + np.asarray(Y, float)[:, :1] / np.abs(Y).max()
        parts = (X[:half], Y[:half], 20, None, None, X[half:], Y[half:])
        dataset = Dataset(*parts, seed=0, **options)
        logger = Logger("run", {}, {}, save=True, save_dir=self.root, overwrite=True)
        layer = {"name": "fully_connected", "n_out": n_out, "activation": activation}
        model = NeuralNetwork(loss, [layer], SGD, logger, seed=0)
        model.train(dataset, 3)
        results = model.test(dataset, save_predictions=True)
        folder = self.root / "run"
        self.assertEqual(json.loads((folder / "test.json").read_text()), results)
        tables = (pd.read_csv(folder / f"test_{name}.csv") for name in ("scores", "predictions"))
        return results, *tables, dataset, model

    def test_classes(self):
        true = classes(400, 3)[0]
        for loss, Y, activation in (
            ("cross_entropy", np.eye(3)[true], "softmax"),
            ("hinge", np.eye(3)[true], "linear"),
            ("binary_cross_entropy", (true > 1)[:, np.newaxis] * 1.0, "sigmoid"),
        ):
            names = [f"kind {i}" for i in range(max(Y.shape[1], 2))]
            results, scores, rows, dataset, _ = self.run_on(
                loss, Y, Y.shape[1], activation, class_names=names
            )
            expected = class_scores(*(rows[key].to_numpy() for key in ("label", "prediction")), 2)
            assert_allclose(scores["recall"][:2], expected.recall[:2])
            self.assertEqual(list(scores["class"]), names)
            self.assertEqual(scores["examples"].sum(), 200)
            kind = initialize_loss(loss)
            most = np.bincount(kind.classes(dataset.train.labels)).argmax()
            self.assertEqual(results["majority_accuracy"], (rows["label"] == most).mean())

    def test_numbers_in_units(self):
        """Of the test set; the loss is that of the training's scale."""
        rng = np.random.default_rng(1)
        Y = read_only(rng.normal(2e5, 7e4, (300, 2)))
        scale = TargetScale.of(Y[:150])
        results, scores, rows, dataset, model = self.run_on("l2", Y, 2, target_scale=scale)
        assert_allclose(rows[["label_0", "label_1"]], Y[150:], rtol=1e-15)
        Y_hat = scale.to_units(model.predict(dataset.test.data, None)[0])
        assert_allclose(rows[["prediction_0", "prediction_1"]], Y_hat, rtol=1e-12)
        squares = np.square(Y[150:] - Y_hat)
        self.assertAlmostEqual(results["rmse"], np.sqrt(squares.mean()), 6)
        self.assertAlmostEqual(results["r2"], metrics.r2_score(Y[150:], Y_hat))
        of_mean = np.square(Y[150:] - Y[:150].mean(axis=0))
        self.assertAlmostEqual(results["rmse_of_mean"], np.sqrt(of_mean.mean()), 6)
        self.assertAlmostEqual(results["error"], (squares / scale.spread**2).mean())
        assert_allclose(scores["rmse"], np.sqrt(squares.mean(axis=0)))
        self.assertEqual(list(scores["output"]), [0, 1])
        log = pd.read_csv(self.root / "run" / "log.csv")
        self.assertLess(log["train_loss"].iloc[-1], 10)  # standardized targets, not dollars

    def test_unscaled_numbers(self):
        Y = np.random.default_rng(2).normal(3, 1, (200, 1))
        results, _, rows, _, _ = self.run_on("huber", Y, 1)
        self.assertAlmostEqual(results["rmse"], np.sqrt(results["error"]))
        assert_array_equal(rows["label_0"], Y[100:, 0])

    def test_ensemble(self):
        Y = np.random.default_rng(3).normal(500, 20, (200, 1))
        scale = TargetScale.of(Y)
        results, _, _, dataset, model = self.run_on("l2", Y, 1, target_scale=scale)
        for key, value in Ensemble([model, model]).test(dataset).items():
            self.assertAlmostEqual(value, results[key])

    def test_scores_without_predictions(self):
        """test_scores.csv is there whenever test.json is."""
        Y = np.random.default_rng(4).normal(size=(60, 1))
        *_, dataset, model = self.run_on("l2", Y, 1)
        (self.root / "run" / "test_scores.csv").unlink()
        model.test(dataset)
        self.assertTrue((self.root / "run" / "test_scores.csv").exists())


class TestForecasts(unittest.TestCase):
    def test_in_units(self):
        """A network that predicts the last value plus 10, on a scale with mean 50, spread 20."""
        scale = TargetScale([50], [20])
        model = SimpleNamespace(
            predict=lambda X, Y: (scale.to_training(X[:, :, -1] + 10), np.nan),
        )
        sequences = np.arange(24.0).reshape(2, 1, 12)
        examples = SimpleNamespace(data=sequences[:, :, :4])
        dataset = SimpleNamespace(forecast_sequences=sequences, target_scale=scale)
        true, one_step, free = _forecast(model, dataset, examples)
        assert_allclose(one_step, sequences[:, :, 3:-1] + 10)
        assert_allclose(free, sequences[:, :, 3:4] + 10 * np.arange(1, 9))
        assert_array_equal(true, sequences)


if __name__ == "__main__":
    unittest.main()
