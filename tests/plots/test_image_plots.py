"""Pictures of kernels and of misclassified images: what they show, and where."""

import unittest

import numpy as np
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder

rng = np.random.default_rng(0)
NAMES = ("cat", "$dog$", "frog")


def tiles(figure):
    """The small pictures of a figure: those axes that hold an image and no colour bar."""
    return [axes for axes in figure.axes if axes.images]


class TestKernels(unittest.TestCase):
    def draw(self, W):
        figure = Figure()
        plots.kernels(figure, W)
        return figure

    def test_gray_kernels_share_a_scale_around_zero(self):
        W = rng.normal(size=(3, 2, 1, 5))
        figure = self.draw(W)
        images = [axes.images[0] for axes in tiles(figure)]
        self.assertEqual(len(images), 5)
        for i, image in enumerate(images):
            assert_array_equal(image.get_array(), W[:, :, 0, i])
            assert_allclose([image.norm.vmin, image.norm.vmax], np.abs(W).max() * np.array([-1, 1]))
        self.assertEqual(figure.get_suptitle(), "5 kernels of 3×2 after training")

    def test_three_channels_are_colours(self):
        W = rng.normal(size=(4, 4, 3, 2))
        for i, axes in enumerate(tiles(self.draw(W))):
            shown = np.asarray(axes.images[0].get_array())
            kernel = W[..., i]
            expected = (kernel - kernel.min()) / (kernel.max() - kernel.min())
            assert_allclose(shown, expected)

    def test_of_other_channels_the_mean(self):
        W = rng.normal(size=(2, 2, 6, 1))
        figure = self.draw(W)
        assert_allclose(tiles(figure)[0].images[0].get_array(), W.mean(axis=2)[..., 0])
        self.assertIn("mean of 6 channels", figure.get_suptitle())

    def test_weights_of_a_training_that_diverged(self):
        for bad in (np.nan, np.inf, 0.0):
            for channels in (1, 3):
                figure = self.draw(np.full((3, 3, channels, 2), bad))
                self.assertEqual(len(tiles(figure)), 2)
                figure.canvas.draw()


class TestMistakes(unittest.TestCase):
    def draw(self, true, predicted, score, X=None, form="{:.0%}"):
        figure = Figure()
        X = rng.random((len(true), 2, 2, 1)) if X is None else X
        arrays = (np.array(values) for values in (true, predicted, score))
        plots.mistakes(figure, X, *arrays, form, NAMES)
        return figure

    def test_the_surest_mistake_comes_first(self):
        X = np.arange(16.0).reshape(4, 2, 2, 1) ** 2
        figure = self.draw([0, 1, 2, 1], [2, 1, 0, 0], [0.5, 1.0, 0.9, 0.4], X)
        shown = tiles(figure)
        labels = [axes.get_xlabel() for axes in shown]
        expected = [
            "true: frog\npredicted: cat (90%)",
            "true: cat\npredicted: frog (50%)",
            "true: $dog$\npredicted: cat (40%)",
        ]
        self.assertEqual(labels, expected)
        for axes, i in zip(shown, (2, 0, 3), strict=True):
            image = X[i, :, :, 0]
            stretched = (image - image.min()) / (image.max() - image.min())
            assert_allclose(axes.images[0].get_array(), stretched)
        self.assertEqual(figure.get_suptitle(), "3 of 4 test examples misclassified")
        figure.canvas.draw()

    def test_no_mistake(self):
        figure = self.draw([0, 1], [0, 1], [1.0, 1.0])
        self.assertEqual(tiles(figure), [])
        self.assertEqual(figure.get_suptitle(), "none of 2 test examples misclassified")

    def test_no_more_than_fit_a_page(self):
        n = plots.MOST_MISTAKES + 5
        figure = self.draw(np.zeros(n, int), np.ones(n, int), np.linspace(0, 1, n))
        self.assertEqual(len(tiles(figure)), plots.MOST_MISTAKES)
        self.assertIn(f"the surest {plots.MOST_MISTAKES}", figure.get_suptitle())
        self.assertIn("(100%)", tiles(figure)[0].get_xlabel())

    def test_scores_in_the_form_that_is_asked_for(self):
        figure = self.draw([0, 1], [1, 2], [-1.25, 40.0], form="{:.1f}")
        labels = [axes.get_xlabel().split()[-1] for axes in tiles(figure)]
        self.assertEqual(labels, ["(40.0)", "(-1.2)"])

    def test_flat_and_coloured_images(self):
        X = np.stack([np.full((2, 2, 3), 7.0), rng.normal(size=(2, 2, 3))])
        first, second = tiles(self.draw([0, 0], [1, 1], [0.9, 0.8], X))
        assert_array_equal(first.images[0].get_array(), np.zeros((2, 2, 3)))
        self.assertEqual(second.images[0].get_array().shape, (2, 2, 3))


class TestWhatTheModelDraws(InFolder):
    def network(self, layers, loss, output):
        logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root)
        sgd = {"name": "SGD", "lr": 0.1}
        return NeuralNetwork(loss, [*layers, output], sgd, logger, seed=0)

    def pictures(self):
        return {path.name for path in self.root.glob("*/*.png")} - {"loss.png", "error.png"}

    def test_binary_classes_of_images(self):
        X, Y = rng.normal(size=(12, 4, 4, 2)), rng.integers(2, size=(12, 1)).astype(float)
        convolution = {"name": "conv2d", "n_out": 3, "kernel_shape": 2, "activation": "tanh"}
        output = {"name": "fully_connected", "n_out": 1, "activation": "sigmoid"}
        model = self.network([convolution, {"name": "flatten"}], "binary_cross_entropy", output)
        dataset = Dataset(X, Y, 4, test_set=X, test_labels=Y)
        model.train(dataset, 1)
        self.assertEqual(self.pictures(), {"kernels.png"})
        model.test(dataset, save_predictions=True)
        expected = {"kernels.png", "mistakes.png", "confusion_matrix.png", "roc.png"}
        self.assertEqual(self.pictures(), expected)

    def test_regression_on_images_has_no_mistakes(self):
        X, Y = rng.normal(size=(6, 4, 4, 1)), rng.normal(size=(6, 2))
        output = {"name": "fully_connected", "n_out": 2, "activation": "linear"}
        model = self.network([{"name": "flatten"}], "l2", output)
        dataset = Dataset(X, Y, 3, test_set=X, test_labels=Y)
        model.train(dataset, 1)
        model.test(dataset, save_predictions=True)
        self.assertEqual(self.pictures(), set())

    def labels(self, loss, Y, Y_hat, names):
        """What is written below the images of mistakes.png."""
        seen = {}
        logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root)
        logger._draw = lambda name, draw: draw(seen.setdefault(name, Figure()))
        X = rng.random((len(Y), 2, 2, 1))
        logger.draw_mistakes(initialize_loss(loss), X, np.array(Y), np.array(Y_hat), names)
        return [axes.get_xlabel() for axes in tiles(seen["mistakes.png"])]

    def test_probability_of_a_single_output(self):
        """Of a sigmoid unit at 0.2 the prediction is class 0, with a probability of 0.8."""
        Y, Y_hat = [[1.0], [0.0]], [[0.2], [0.7]]
        found = self.labels("binary_cross_entropy", Y, Y_hat, ["no", "yes"])
        expected = ["true: yes\npredicted: no (80%)", "true: no\npredicted: yes (70%)"]
        self.assertEqual(found, expected)

    def test_scores_are_no_probabilities(self):
        Y, Y_hat = [[1.0, 0.0], [0.0, 1.0]], [[-0.5, -0.25], [12.25, 1.0]]
        for loss in ("hinge", "squared_hinge"):
            found = self.labels(loss, Y, Y_hat, None)
            expected = ["true: 1\npredicted: 0 (12)", "true: 0\npredicted: 1 (-0.25)"]
            self.assertEqual(found, expected)
        found = self.labels("cross_entropy", Y, [[0.25, 0.75], [1.0, 0.0]], NAMES[:2])
        expected = ["true: $dog$\npredicted: cat (100%)", "true: cat\npredicted: $dog$ (75%)"]
        self.assertEqual(found, expected)

    def test_pictures_of_a_hinge_run(self):
        X, Y = rng.normal(size=(12, 4, 4, 1)), np.eye(3)[np.arange(12) % 3]
        output = {"name": "fully_connected", "n_out": 3, "activation": "linear"}
        model = self.network([{"name": "flatten"}], "hinge", output)
        dataset = Dataset(X, Y, 4, test_set=X, test_labels=Y)
        model.train(dataset, 1)
        model.test(dataset, save_predictions=True)
        self.assertEqual(self.pictures(), {"mistakes.png", "confusion_matrix.png"})


if __name__ == "__main__":
    unittest.main()
