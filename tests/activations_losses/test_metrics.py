"""ROC curve: area, points, undefined cases, figure."""

import json
import unittest
from unittest import mock

import numpy as np
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.metrics import binary_roc
from neural_networks.models import NeuralNetwork
from tests.support.arrays import DTYPES, InFolder, examples, read_only
from tests.support.scripts import empty


def area_by_pairs(true, score):
    """The share of pairs whose example of class 1 has the higher score; a tie counts half."""
    ahead = score[true == 1][:, np.newaxis] - score[true == 0]
    return ((ahead > 0) + (ahead == 0) / 2).mean()


def softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def scored(n=120, seed=0, decimals=None):
    """Classes, and scores that tell them apart more or less; rounded, so that many are equal."""
    rng = np.random.default_rng(seed)
    true = rng.permutation(np.arange(n) % 3 == 0).astype(int)
    score = rng.normal(size=n) + true
    return true, score if decimals is None else score.round(decimals)


def curve_of(loss, Y, Y_hat):
    return binary_roc(initialize_loss(loss), read_only(np.array(Y)), read_only(np.array(Y_hat)))


class TestArea(unittest.TestCase):
    def test_of_one_output(self):
        for seed in range(5):
            for decimals in (None, 1, 0):
                true, score = scored(seed=seed, decimals=decimals)
                P = 1 / (1 + np.exp(-score))
                curve = curve_of("binary_cross_entropy", true[:, None] * 1.0, P[:, None])
                self.assertAlmostEqual(curve.area, area_by_pairs(true, score), 12)

    def test_of_two_outputs(self):
        for seed in range(5):
            true, score = scored(seed=seed, decimals=seed % 2)
            both = np.column_stack([-score / 3, score])
            Y = np.eye(2)[true]
            for loss, Y_hat in (
                ("hinge", both),
                ("squared_hinge", 5 + both),
                ("cross_entropy", softmax(both)),
            ):
                found = curve_of(loss, Y, Y_hat).area
                expected = area_by_pairs(true, (Y_hat[:, 1] - Y_hat[:, 0]).round(9))
                self.assertAlmostEqual(found, expected, 12)

    def test_the_score_is_how_far_class_1_is_ahead(self):
        """Each output alone would put these in the wrong order."""
        Y_hat = [[0.0, 1.0], [5.0, 4.0]]
        self.assertEqual(curve_of("hinge", [[0.0, 1.0], [1.0, 0.0]], Y_hat).area, 1)
        Y_hat = [[1.0, 2.0], [-1.0, 0.5]]
        self.assertEqual(curve_of("hinge", [[1.0, 0.0], [0.0, 1.0]], Y_hat).area, 1)

    def test_by_hand(self):
        Y = np.array([[0.0], [0.0], [1.0], [1.0]])
        for P, area in (
            ([0.1, 0.4, 0.35, 0.8], 0.75),
            ([0.1, 0.2, 0.3, 0.4], 1),
            ([0.4, 0.3, 0.2, 0.1], 0),
            ([0.3, 0.3, 0.3, 0.3], 0.5),
            ([0.3, 0.1, 0.3, 0.4], 0.875),
        ):
            found = curve_of("binary_cross_entropy", Y, np.array(P)[:, np.newaxis])
            self.assertAlmostEqual(found.area, area, 12)
            self.assertIs(type(found.area), float)

    def test_scores_whose_difference_float32_would_round(self):
        Y_hat = np.array([[1e4, 1e-4], [1e4, 2e-4]], np.float32)
        self.assertEqual(curve_of("hinge", np.eye(2), Y_hat).area, 1)

    def test_labels_may_be_softened(self):
        true, score = scored()
        soft = np.where(true, 0.85, 0.15)
        P = 1 / (1 + np.exp(-score))
        one = curve_of("binary_cross_entropy", soft[:, None], P[:, None])
        Y = np.column_stack([1 - soft, soft])
        two = curve_of("cross_entropy", Y, np.column_stack([1 - P, P]))
        for curve in (one, two):
            self.assertAlmostEqual(curve.area, area_by_pairs(true, score), 12)


class TestCurve(unittest.TestCase):
    def setUp(self):
        self.true, score = scored(decimals=1)
        self.P = 1 / (1 + np.exp(1.3 - score))
        Y = self.true[:, np.newaxis] * 1.0
        self.curve = curve_of("binary_cross_entropy", Y, self.P[:, np.newaxis])

    def shares(self, chosen):
        return chosen[self.true == 0].mean(), chosen[self.true == 1].mean()

    def test_each_point_is_a_threshold(self):
        thresholds = [2.0, *np.unique(self.P)]
        points = {self.shares(threshold <= self.P) for threshold in thresholds}
        found = list(zip(self.curve.fpr, self.curve.tpr, strict=True))
        for point in found:
            self.assertLess(min(np.abs(np.subtract(point, p)).max() for p in points), 1e-12)
        self.assertEqual((found[0], found[-1]), ((0, 0), (1, 1)))
        self.assertGreater(len(found), 10)
        for values in (self.curve.fpr, self.curve.tpr):
            self.assertTrue((np.diff(values) >= 0).all())

    def test_the_area_is_that_under_the_curve(self):
        area = np.trapezoid(self.curve.tpr, self.curve.fpr)
        self.assertAlmostEqual(self.curve.area, area, 12)

    def test_the_predicted_classes(self):
        chosen = self.shares(self.P >= 0.5)
        assert_allclose(self.curve.operating_point, chosen, rtol=1e-12)
        self.assertTrue(0 < chosen[0] < chosen[1] < 1)
        Y_hat = np.column_stack([1 - self.P, self.P])
        curve = curve_of("cross_entropy", np.eye(2)[self.true], Y_hat)
        assert_allclose(curve.operating_point, self.shares(self.P > 0.5), rtol=1e-12)


class TestWithoutCurve(unittest.TestCase):
    def test_more_than_two_classes(self):
        Y = np.eye(3)[[0, 1, 2, 1]]
        for loss in ("cross_entropy", "hinge"):
            self.assertIsNone(curve_of(loss, Y, np.full((4, 3), 1 / 3)))
        Y = np.eye(3)[[0, 1, 1, 0]]  # class 2 might have come
        self.assertIsNone(curve_of("cross_entropy", Y, np.full((4, 3), 1 / 3)))

    def test_only_one_class(self):
        P = np.array([[0.3], [0.6]])
        for k in (0.0, 1.0):
            self.assertIsNone(curve_of("binary_cross_entropy", np.full((2, 1), k), P))
            Y = np.repeat([[1 - k, k]], 2, axis=0)
            self.assertIsNone(curve_of("cross_entropy", Y, np.hstack([1 - P, P])))

    def test_numbers_and_sequences(self):
        Y = np.array([[0.0], [1.0], [1.0]])
        for loss in ("l2", "huber"):
            self.assertIsNone(curve_of(loss, Y, Y / 2))
            self.assertIsNone(curve_of(loss, np.hstack([1 - Y, Y]), np.hstack([Y, Y / 2])))
        Y = np.eye(2)[np.array([[0, 1, 1], [1, 0, 0]])].transpose(0, 2, 1)
        self.assertIsNone(curve_of("cross_entropy", Y, np.full((2, 2, 3), 0.5)))


class TestOfNetworks(InFolder):
    """Results of ``test``, and its files in the run's folder; pictures are empty."""

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(plots, "save", empty))

    def run_on(self, loss, Y, plot=True, save_predictions=True, dtype="float64", **options):
        """The results of a short training, and the predictions."""
        X = np.random.default_rng(1).normal(size=(len(Y), 4)) + Y[:, -1:]
        activation = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
        output = {"name": "fully_connected", "n_out": None}
        output["activation"] = activation.get(loss, "linear")
        logger = Logger("run", {}, {}, save=True, plot=plot, save_dir=self.root, overwrite=True)
        sgd = {"name": "SGD", "lr": 0.02}
        model = NeuralNetwork(loss, [output], sgd, logger, seed=0, dtype=dtype)
        X, Y = X.astype(dtype), Y.astype(dtype)
        dataset = Dataset(X, Y, 20, test_set=X, test_labels=Y)
        model.train(dataset, 2)
        results = model.test(dataset, save_predictions=save_predictions, **options)
        return results, model.predict(X, Y)[0].astype(np.float64)

    def written(self):
        return json.loads((self.root / "run" / "test.json").read_text())

    def has_picture(self):
        return (self.root / "run" / "roc.png").exists()

    def test_two_classes(self):
        true, _ = scored(300)
        for dtype in DTYPES:
            for loss, Y in (
                ("cross_entropy", np.eye(2)[true]),
                ("hinge", np.eye(2)[true]),
                ("binary_cross_entropy", true[:, np.newaxis] * 1.0),
            ):
                with self.subTest(loss, dtype=dtype):
                    results, P = self.run_on(loss, Y, dtype=dtype)
                    names = ["loss", "error", "auc", "majority_accuracy"]
                    self.assertEqual(list(results), names)
                    score = P[:, 1] - P[:, 0] if P.shape[1] == 2 else P[:, 0]
                    self.assertAlmostEqual(results["auc"], area_by_pairs(true, score), 6)
                    self.assertTrue(0.5 < results["auc"] < 1)
                    self.assertEqual(self.written(), results)
                    self.assertTrue(self.has_picture())

    def test_anything_else(self):
        true, numbers = scored(60)
        for loss, Y in (
            ("cross_entropy", np.eye(3)[np.arange(60) % 3]),
            ("cross_entropy", np.eye(2)[np.zeros(60, int)]),
            ("binary_cross_entropy", np.ones((60, 1))),
            ("l2", numbers[:, np.newaxis]),
            ("l2", true[:, np.newaxis] * 1.0),
            ("l2", np.eye(2)[true]),
        ):
            results, _ = self.run_on(loss, Y)
            further = ["rmse", "r2", "rmse_of_mean"] if loss == "l2" else ["majority_accuracy"]
            self.assertEqual(list(results), ["loss", "error", *further])
            self.assertEqual(self.written(), results)
            self.assertFalse(self.has_picture())

    def test_no_picture_unless_asked_for(self):
        Y = np.eye(2)[np.arange(60) % 2]
        for options in ({"plot": False}, {"save_predictions": False}):
            results, _ = self.run_on("cross_entropy", Y, **options)
            self.assertFalse(self.has_picture())
            self.assertEqual(self.written()["auc"], results["auc"])

    def test_predictions_that_are_no_numbers(self):
        """Parameters of a training that diverged have a loss of NaN, and no curve."""
        X, Y = examples(20, k=2)
        output = {"name": "fully_connected", "activation": "softmax", "n_out": None}
        dataset = Dataset(X, Y, 20, test_set=X, test_labels=Y)
        model = NeuralNetwork("cross_entropy", [output], {"name": "SGD", "lr": 0.1}, seed=0)
        model.prepare(dataset)
        model.layers[0].parameters["W"][:] = np.nan
        results = model.test(dataset)
        self.assertTrue(np.isnan(results["loss"]))
        self.assertNotIn("auc", results)


class TestPicture(unittest.TestCase):
    def setUp(self):
        self.figure = Figure()
        fpr, tpr = np.array([0, 0.25, 0.5, 1]), np.array([0, 0.5, 0.75, 1])
        plots.roc_curve(self.figure, fpr, tpr, 0.65625, (0.25, 0.5))
        (self.axes,) = self.figure.axes

    def test_curve_point_and_diagonal(self):
        lines = {line.get_label(): line.get_xydata() for line in self.axes.lines}
        self.assertEqual(set(lines), {"chance", "all thresholds", "predicted classes"})
        assert_array_equal(lines["all thresholds"], [[0, 0], [25, 50], [50, 75], [100, 100]])
        assert_array_equal(lines["predicted classes"], [[25, 50]])
        assert_array_equal(lines["chance"], [[0, 0], [100, 100]])

    def test_words(self):
        self.assertEqual(self.axes.get_title(), "ROC curve, AUC 0.6562")
        self.assertEqual(self.axes.get_xlabel(), "false positive rate (%)")
        self.assertEqual(self.axes.get_ylabel(), "true positive rate (%)")
        legend = {text.get_text() for text in self.axes.get_legend().get_texts()}
        self.assertEqual(legend, {"chance", "all thresholds", "predicted classes"})

    def test_the_whole_range_in_a_square(self):
        self.assertEqual((self.axes.get_xlim(), self.axes.get_ylim()), ((0, 100), (0, 100)))
        self.assertEqual(self.axes.get_aspect(), 1)
        width, height = self.figure.get_size_inches()
        self.assertEqual(width, height)

    def test_the_area_is_shaded(self):
        (area,) = self.axes.collections
        corners = {tuple(corner) for corner in area.get_paths()[0].vertices.tolist()}
        for corner in ((25, 50), (50, 75), (25, 0), (50, 0)):
            self.assertIn(corner, corners)


if __name__ == "__main__":
    unittest.main()
