"""Learning curves and confusion matrix: data, labels, image files."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork

COLUMNS = {
    "epoch": np.arange(1, 4),
    "train_loss": np.array([1.0, 0.5, 0.25]),
    "validation_loss": np.array([1.25, 0.75, 0.5]),
    "train_error": np.array([0.5, 0.25, 0.125]),
    "validation_error": np.array([0.75, 0.5, 0.25]),
}


def bins(epoch, loss, lowest=None, highest=None):
    """Columns of steps.csv; a bin without a range is a single step."""
    columns = {"epoch": epoch, "loss": loss, "lowest": lowest or loss, "highest": highest or loss}
    return {key: np.array(values) for key, values in columns.items()}


STEPS = bins([0.5, 1.0, 1.5, 2.0], [1.5, 1.0, 0.75, 0.5])


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def line(axes, label):
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found.get_xydata()


class TestCurves(unittest.TestCase):
    def loss(self, columns=COLUMNS, steps=STEPS):
        figure = Figure()
        plots.loss_curves(figure, "iris-2", "cross_entropy", columns, steps)
        return figure.axes[0]

    def error(self, classifies, columns=COLUMNS):
        figure = Figure()
        plots.error_curves(figure, "iris-2", classifies, columns)
        return figure.axes[0]

    def test_labels_title_and_legend_of_the_loss(self):
        axes = self.loss()
        self.assertEqual(axes.get_title(), "iris-2")
        self.assertEqual(axes.get_xlabel(), "epoch")
        self.assertEqual(axes.get_ylabel(), "cross entropy loss")
        self.assertEqual(legend(axes), ["each step", "training", "validation"])

    def test_the_losses_that_are_drawn(self):
        axes = self.loss()
        assert_array_equal(line(axes, "training"), [[0.5, 1.0], [1.5, 0.5], [2.5, 0.25]])
        assert_array_equal(line(axes, "validation"), [[1, 1.25], [2, 0.75], [3, 0.5]])
        assert_array_equal(line(axes, "each step"), np.array([STEPS["epoch"], STEPS["loss"]]).T)
        self.assertEqual(len(axes.collections), 0)

    def test_bins_of_several_steps_have_a_band(self):
        steps = bins([0.5, 1.0, 1.5], [2.0, 1.0, 0.5], lowest=[1, 0.5, 0.5], highest=[4, 3, 0.5])
        axes = self.loss(steps=steps)
        (band,) = axes.collections
        corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
        edges = [(0.5, 1), (0.5, 4), (1.0, 0.5), (1.0, 3), (1.5, 0.5)]
        self.assertLessEqual(set(edges), corners)
        assert_array_equal(line(axes, "steps: mean, range"), [[0.5, 2.0], [1.0, 1.0], [1.5, 0.5]])
        self.assertEqual(legend(axes), ["steps: mean, range", "training", "validation"])

    def test_without_validation_set_and_steps(self):
        columns = {key: value for key, value in COLUMNS.items() if "validation" not in key}
        self.assertEqual(legend(self.loss(columns, {})), ["training"])
        self.assertEqual(legend(self.error(True, columns)), ["training"])

    def test_the_loss_axis(self):
        self.assertEqual(self.loss().get_yscale(), "linear")
        self.assertEqual(self.loss().get_ylim()[0], 0)
        steep = {**COLUMNS, "train_loss": np.array([1.0, 0.1, 0.001])}
        self.assertEqual(self.loss(steep).get_yscale(), "log")
        reaches_zero = {**COLUMNS, "train_loss": np.array([1.0, 0.1, 0.0])}
        self.assertEqual(self.loss(reaches_zero).get_yscale(), "linear")

    def test_many_steps_are_drawn_in_bins(self):
        n = 20_001
        epoch, loss = np.arange(1, n + 1) / 1000, np.ones(n)
        loss[[7, 19_998]] = 9.0, 0.25
        axes = self.loss(steps=bins(epoch, loss.tolist()))
        drawn = line(axes, "steps: mean, range")
        self.assertLessEqual(len(drawn), 300)
        self.assertGreater(len(drawn), 150)
        width = 67  # 20,001 / 300, rounded up
        assert_allclose(drawn[[0, -1], 0], [epoch[width - 1], epoch[-1]])
        assert_allclose(drawn[0], [epoch[width - 1], (width - 1 + 9) / width])
        band = axes.collections[0].get_paths()[0].vertices[:, 1]
        self.assertEqual((band.min(), band.max()), (0.25, 9.0))

    def test_an_epoch_that_has_not_ended(self):
        """Its steps are shown, also if there is no other epoch."""
        longer = bins([0.5, 1, 1.5, 2, 2.5, 3, 3.25], [1.5, 1.0, 0.75, 0.5, 0.5, 0.5, 0.25])
        axes = self.loss(steps=longer)
        self.assertEqual(axes.get_xlim(), (0, 3.25))
        self.assertEqual(self.loss().get_xlim(), (0, 3))
        axes = self.loss({}, bins([4.25, 4.5], [2.0, 1.5]))
        self.assertEqual(axes.get_xlim(), (4, 4.5))
        self.assertEqual(legend(axes), ["each step"])
        assert_array_equal(line(axes, "each step"), [[4.25, 2.0], [4.5, 1.5]])

    def test_the_best_epoch_is_marked(self):
        figure = Figure()
        plots.loss_curves(figure, "run", "own", COLUMNS, STEPS, best_epoch=2)
        plots.error_curves(figure, "run", True, COLUMNS, best_epoch=3)
        for axes, best in zip(figure.axes, (2, 3), strict=True):
            self.assertEqual(legend(axes)[-1], f"best epoch: {best}")
            assert_array_equal(line(axes, f"best epoch: {best}")[:, 0], [best, best])
        one = {key: value[:1] for key, value in COLUMNS.items()}
        figure = Figure()
        plots.error_curves(figure, "run", True, one, best_epoch=1)
        self.assertEqual(legend(figure.axes[0]), ["training", "validation"])

    def test_results_at_the_ends_of_epochs(self):
        figure = Figure()
        plots.loss_curves(figure, "letters", "cross-entropy", COLUMNS, {}, means=False)
        assert_array_equal(line(figure.axes[0], "training")[:, 0], [1, 2, 3])

    def test_of_very_many_epochs_the_mean_of_a_few(self):
        n = 2500
        columns = {"epoch": np.arange(1, n + 1), "train_loss": np.arange(n) % 3.0}
        drawn = line(self.loss(columns, {}), "training")
        self.assertEqual(len(drawn), 834)
        assert_allclose(drawn[:2], [[1.5, 1], [4.5, 1]])

    def test_a_training_that_diverges_is_cut(self):
        losses = np.array([0.5, 2.0, 1e9])
        columns = {"epoch": np.arange(1, 4), "train_loss": losses, "train_error": losses}
        for axes in (self.loss(columns, {}), self.error(False, columns)):
            assert_allclose(line(axes, "training")[:, 1], [0.5, 2.0, 5e5])
            self.assertRegex(axes.get_ylabel(), r", cut at 5e\+05$")
        exploding = bins([0.5, 1, 1.5, 2], [0.5, 1.0, 1e8, 1e300])
        axes = self.loss({key: COLUMNS[key][:2] for key in COLUMNS}, exploding)
        assert_allclose(line(axes, "each step")[:, 1], [0.5, 1.0, 1.25e6, 1.25e6])
        self.assertEqual(axes.get_ylabel(), "cross entropy loss, cut at 1e+06")

    def test_the_legend_is_below_the_axes(self):
        for axes in (self.loss(), self.error(True)):
            figure = axes.get_figure()
            figure.set_layout_engine("constrained")
            figure.draw_without_rendering()
            box = axes.get_legend().get_window_extent()
            self.assertLess(box.y1, axes.xaxis.label.get_window_extent().y0)

    def test_errors_of_a_classifier_in_per_cent(self):
        axes = self.error(classifies=True)
        self.assertEqual(axes.get_ylabel(), "misclassified (%)")
        self.assertEqual(axes.get_xlabel(), "epoch")
        self.assertEqual(legend(axes), ["training", "validation"])
        assert_array_equal(line(axes, "training"), [[0.5, 50], [1.5, 25], [2.5, 12.5]])
        assert_array_equal(line(axes, "validation"), [[1, 75], [2, 50], [3, 25]])

    def test_errors_of_a_regression(self):
        axes = self.error(classifies=False)
        self.assertEqual(axes.get_ylabel(), "mean squared error")
        assert_array_equal(line(axes, "training"), [[0.5, 0.5], [1.5, 0.25], [2.5, 0.125]])

    def test_one_epoch_is_a_point_that_can_be_seen(self):
        columns = {key: value[:1] for key, value in COLUMNS.items()}
        (training,) = [x for x in self.error(True, columns).lines if x.get_label() == "training"]
        self.assertEqual(training.get_marker(), "o")


class TestConfusionMatrix(unittest.TestCase):
    def draw(self, true, predicted, names):
        figure = Figure()
        plots.confusion_matrix(figure, np.array(true), np.array(predicted), names)
        return figure.axes[0]

    def counts(self, axes, k):
        counts = np.full((k, k), -1)
        for text in axes.texts:
            column, row = text.get_position()
            counts[row, column] = int(text.get_text())
        return counts

    def test_rows_are_true_classes_and_columns_predicted_ones(self):
        # Of class 0: two right, one taken for 1. Of class 1: one taken for 0, one for 2.
        # Of class 2: none at all.
        axes = self.draw([0, 0, 0, 1, 1], [0, 1, 0, 0, 2], ["a", "b", "c"])
        assert_array_equal(self.counts(axes, 3), [[2, 1, 0], [1, 0, 1], [0, 0, 0]])
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("predicted class", "true class"))
        self.assertEqual([tick.get_text() for tick in axes.get_xticklabels()], ["a", "b", "c"])
        self.assertEqual([tick.get_text() for tick in axes.get_yticklabels()], ["a", "b", "c"])
        self.assertEqual(axes.get_title(), "accuracy 40.0%: 2 of 5 test examples")

    def test_colors_are_shares_of_the_true_class(self):
        axes = self.draw([0, 0, 0, 0, 1], [0, 1, 1, 1, 1], ["a", "b"])
        assert_allclose(axes.images[0].get_array(), [[0.25, 0.75], [0, 1]])


class TestImages(unittest.TestCase):
    def test_pngs_are_images_with_something_on_them(self):
        rng = np.random.default_rng(0)
        X, Y = rng.normal(size=(20, 4)), np.eye(3)[rng.integers(3, size=20)]
        with tempfile.TemporaryDirectory() as folder:
            logger = Logger("run", {}, {}, save=True, plot=True, save_dir=folder)
            layer = {"name": "fully_connected", "n_out": 3, "activation": "softmax"}
            model = NeuralNetwork("cross_entropy", [layer], {"name": "SGD", "lr": 0.1}, logger)
            data = Dataset(X, Y, 5, X, Y, X, Y, seed=0)
            model.train(data, 2)
            model.test(data, save_predictions=True)
            for name in ("loss.png", "error.png", "confusion_matrix.png"):
                with self.subTest(name):
                    image = imread(Path(folder) / "run" / name)
                    self.assertEqual(image.ndim, 3)
                    self.assertGreater(min(image.shape[:2]), 300)
                    colors = np.unique(image[::4, ::4].reshape(-1, image.shape[2]), axis=0)
                    self.assertGreater(len(colors), 10)
                    # The paper is white at the corner, and not everywhere.
                    assert_array_equal(image[0, 0], 1)
                    self.assertGreater((image[..., :3] < 0.9).any(axis=2).mean(), 0.005)


if __name__ == "__main__":
    unittest.main()
