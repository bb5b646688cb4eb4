"""Figures of kernels and of misclassified images."""

import unittest

import numpy as np
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks import plots

rng = np.random.default_rng(0)
NAMES = ("cat", "$dog$", "frog")


def tiles(figure):
    """The small pictures of a figure: those axes that hold an image and no color bar."""
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
        self.assertEqual(figure.get_suptitle(), "5 kernels of 3×2")

    def test_three_channels_are_colors(self):
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


class TestMisclassified(unittest.TestCase):
    def draw(self, true, predicted, score, X=None, score_format="{:.0%}", counts=None):
        figure = Figure()
        X = rng.random((len(true), 2, 2, 1)) if X is None else X
        arrays = (np.array(values) for values in (true, predicted, score))
        plots.misclassified(figure, X, *arrays, score_format, NAMES, counts)
        return figure

    def test_a_probability_below_1_is_not_100_percent(self):
        figure = self.draw([0] * 4, [1] * 4, [0.9997, 1 - 1e-9, 1.0, 1e-7])
        shown = [axes.get_xlabel().split("(")[1] for axes in tiles(figure)]
        self.assertEqual(shown, ["100%)", ">99.99%)", "99.97%)", "<0.01%)"])

    def test_the_most_confident_mistake_comes_first(self):
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
        n = plots.MOST_MISCLASSIFIED + 5
        figure = self.draw(np.zeros(n, int), np.ones(n, int), np.linspace(0, 1, n))
        self.assertEqual(len(tiles(figure)), plots.MOST_MISCLASSIFIED)
        self.assertIn(f"the {plots.MOST_MISCLASSIFIED} most confident", figure.get_suptitle())
        self.assertIn("(100%)", tiles(figure)[0].get_xlabel())

    def test_some_mistakes_of_many(self):
        """Without the images that are right, and the less confident mistakes."""
        title = "7 of 9 test examples misclassified, the 2 most confident"
        figure = self.draw([0, 1], [1, 2], [0.9, 0.8], counts=(7, 9))
        self.assertEqual(figure.get_suptitle(), title)
        figure = self.draw([0, 1], [1, 2], [0.9, 0.8], counts=(2, 9))
        self.assertEqual(figure.get_suptitle(), "2 of 9 test examples misclassified")

    def test_format_of_the_scores(self):
        figure = self.draw([0, 1], [1, 2], [-1.25, 40.0], score_format="{:.1f}")
        labels = [axes.get_xlabel().split()[-1] for axes in tiles(figure)]
        self.assertEqual(labels, ["(40.0)", "(-1.2)"])

    def test_flat_and_colored_images(self):
        X = np.stack([np.full((2, 2, 3), 7.0), rng.normal(size=(2, 2, 3))])
        first, second = tiles(self.draw([0, 0], [1, 1], [0.9, 0.8], X))
        assert_array_equal(first.images[0].get_array(), np.zeros((2, 2, 3)))
        self.assertEqual(second.images[0].get_array().shape, (2, 2, 3))


if __name__ == "__main__":
    unittest.main()
