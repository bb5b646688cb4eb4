"""Confusions of any number of classes: counts, cells that classes share, the most frequent."""

import unittest

import numpy as np
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import confusion_matrix

from neural_networks import plots
from neural_networks.metrics import confusions

rng = np.random.default_rng(0)


class TestCounts(unittest.TestCase):
    def test_the_matrix_is_that_of_scikit_learn(self):
        for k, n in ((2, 9), (3, 200), (10, 50), (40, 3000), (5, 1)):
            true, predicted = rng.integers(k, size=(2, n))
            found = confusions(true, predicted, k)
            expected = confusion_matrix(true, predicted, labels=np.arange(k))
            assert_array_equal(found.matrix(), expected)
            self.assertEqual(found.right, np.trace(expected))
            self.assertEqual([found.examples(i) for i in range(k)], expected.sum(axis=1).tolist())

    def test_small_types_of_labels(self):
        """Products of classes are larger than a byte."""
        true, predicted = rng.integers(200, size=(2, 5000)).astype(np.uint8)
        expected = confusion_matrix(true, predicted, labels=np.arange(200))
        assert_array_equal(confusions(true, predicted, 200).matrix(), expected)

    def test_neighbors_share_a_cell(self):
        true, predicted = rng.integers(12, size=(2, 500))
        found, all_cells = confusions(true, predicted, 12), confusion_matrix(true, predicted)
        expected = all_cells.reshape(4, 3, 4, 3).sum(axis=(1, 3))
        assert_array_equal(found.matrix(4), expected)
        assert_array_equal(found.matrix(100), all_cells)
        self.assertEqual(confusions(true, predicted, 10**9).matrix(7).sum(), 500)

    def test_the_worst(self):
        pairs = [(0, 1)] * 3 + [(2, 0)] * 5 + [(1, 1)] * 9 + [(1, 0)] * 3 + [(2, 1)]
        true, predicted = np.array(pairs).T
        found = confusions(true, predicted, 3)
        worst = [(2, 0, 5), (0, 1, 3), (1, 0, 3), (2, 1, 1)]
        self.assertEqual(found.worst(10), worst)
        self.assertEqual(found.worst(2), worst[:2])
        self.assertEqual(confusions(true, true, 3).worst(4), [])

    def test_classes_that_there_are_not(self):
        y = np.array([0, 1, 2])
        for wrong in (np.array([0, 1, 3]), np.array([0, -1, 2])):
            for pair in ((y, wrong), (wrong, y)):
                with self.assertRaisesRegex(ValueError, r"classes must be 0 \.\.\. 2, got"):
                    confusions(*pair, 3)


class TestOfManyClasses(unittest.TestCase):
    def draw(self, k, true, predicted, **options):
        figure = Figure()
        names = [f"c{i}" for i in range(k)]
        plots.confusion_matrix(figure, true, predicted, names, **options)
        return figure

    def test_numbers_up_to_25_classes(self):
        for k, numbers in ((25, 625), (26, 0)):
            axes = self.draw(k, *rng.integers(k, size=(2, 300))).axes[0]
            self.assertEqual(len(axes.texts), numbers)

    def test_the_same_size_for_any_number(self):
        sizes = {
            tuple(self.draw(k, *rng.integers(k, size=(2, 300))).get_size_inches())
            for k in (26, 100, 5000)
        }
        self.assertEqual(len(sizes), 1)

    def test_the_image_and_the_list(self):
        k = 30
        true = np.repeat(np.arange(k), 20)
        predicted = true.copy()
        predicted[:7] = 9  # of class 0
        predicted[45:50] = 17  # of class 2
        predicted[599] = 0  # of class 29
        figure = self.draw(k, true, predicted, title="run", split="validation")
        axes, beside = figure.axes[:2]
        shares = axes.images[0].get_array()
        self.assertEqual(shares.shape, (k, k))
        assert_allclose([shares[0, 0], shares[0, 9], shares[2, 17]], [0.65, 0.35, 0.25])
        title = "accuracy 97.8%: 587 of 600 validation examples\nrun"
        self.assertEqual(axes.get_title(), title)
        texts = [text.get_text() for text in beside.texts]
        self.assertEqual(texts[0], "the 3 most frequent confusions")
        rows = [texts[i : i + 4] for i in range(1, len(texts), 4)]
        expected = [
            ["true", "→", "predicted", "examples"],
            ["c0", "→", "c9", "7 of 20"],
            ["c2", "→", "c17", "5 of 20"],
            ["c29", "→", "c0", "1 of 20"],
        ]
        self.assertEqual(rows, expected)

    def test_a_name_is_beside_its_class(self):
        for k in (26, 100, 7777):
            axes = self.draw(k, *rng.integers(k, size=(2, 300))).axes[0]
            for axis in (axes.xaxis, axes.yaxis):
                for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
                    self.assertEqual(label.get_text(), f"c{tick:g}")
            # The middle of a class is at its number.
            self.assertEqual(axes.images[0].get_extent(), [-0.5, k - 0.5, k - 0.5, -0.5])

    def test_without_a_mistake(self):
        y = np.arange(60) % 30
        figure = self.draw(30, y, y)
        self.assertEqual([text.get_text() for text in figure.axes[1].texts], ["no confusions"])
        self.assertEqual(figure.axes[0].get_title(), "accuracy 100.0%: 60 of 60 test examples")

    def test_an_accuracy_that_is_not_quite_1(self):
        y = np.zeros(2000, int)
        predicted = y.copy()
        predicted[0] = 1
        axes = self.draw(2, y, predicted).axes[0]
        self.assertEqual(axes.get_title(), "accuracy 99.95%: 1,999 of 2,000 test examples")


if __name__ == "__main__":
    unittest.main()
