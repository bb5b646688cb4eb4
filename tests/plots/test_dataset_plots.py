"""Figures of a dataset, and of the weights of a first layer."""

import unittest
from unittest import mock

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks import plots
from neural_networks.datasets import (
    Augmentation,
    Dataset,
    Preprocessing,
    Standardization,
    initialize_dataset,
)
from neural_networks.logs import Logger, read_record
from neural_networks.logs.pictures import pictures
from neural_networks.models import NeuralNetwork
from neural_networks.plots import datasets
from tests.support.arrays import InFolder

OUTPUT = {"name": "fully_connected", "activation": "softmax", "n_out": None}


def strongest(W):
    """The columns of W, the one with the largest norm first."""
    return W[:, np.argsort(-np.linalg.norm(W, axis=0), kind="stable")]


def drawn(dataset):
    """The figure of a dataset, all of whose text can be drawn."""
    figure = Figure()
    datasets.draw(figure, dataset)
    figure.draw_without_rendering()
    return figure


def stretched(image):
    """By hand: from its darkest to its brightest value."""
    image = np.asarray(image, float)
    image = image[..., 0] if image.shape[2] == 1 else image
    return (image - image.min()) / (image.max() - image.min())


def shown(axes):
    """The one image of some axes."""
    (image,) = axes.images
    return np.asarray(image.get_array())


class TestRows(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(0)
        self.y = np.arange(300) % 3
        self.X = rng.normal(50, 7, (300, 4)) + 40 * self.y[:, np.newaxis]
        self.X[:, 3] = 5  # constant

    def dataset(self, labels, dtype="float64", **options):
        whole = Preprocessing(dtype, Standardization.of(self.X))
        names = {"name": "mine", "feature_names": ["a", "$b$", "c", "d"]}
        return Dataset(self.X, labels, 20, preprocessing=whole, **names | options)

    def histograms(self, axes):
        return {patch.get_label(): patch.get_data() for patch in axes.patches}

    def compare(self, axes, values, classes, atol=1e-9):
        """The histograms must be those of the values in each class, from ½ to 99½ percent."""
        found = self.histograms(axes)
        self.assertEqual(list(found), list(classes))
        for name, rows in classes.items():
            heights, edges, _ = found[name]
            ends = np.percentile(values, [0.5, 99.5])
            assert_allclose(edges[[0, -1]], ends, atol=atol)
            assert_allclose(np.diff(edges), np.diff(edges)[0])
            counts, _ = np.histogram(values[rows], edges)
            assert_allclose(heights, counts / counts.sum(), atol=atol)
            self.assertAlmostEqual(heights.sum(), 1)

    def test_a_histogram_of_each_feature_and_class_in_its_own_units(self):
        figure = drawn(self.dataset(np.eye(3)[self.y], class_names=["x", "y", "z"]))
        self.assertEqual([axes.get_xlabel() for axes in figure.axes], ["a", "$b$", "c", "d"])
        classes = {name: self.y == k for k, name in enumerate("xyz")}
        for axes, values in zip(figure.axes[:3], self.X.T, strict=False):
            self.compare(axes, values, classes)
        self.assertEqual(figure.get_suptitle(), "mine: 300 training examples")
        (legend,) = figure.legends
        self.assertEqual([text.get_text() for text in legend.get_texts()], ["x", "y", "z"])

    def test_names_with_dollar_signs_and_dashes(self):
        """They are not read as mathematics, and none is left out."""
        names = ["$\\a$", "_b", "c"]
        figure = drawn(self.dataset(np.eye(3)[self.y], class_names=names))
        found = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
        self.assertEqual(found, names)
        self.assertFalse(figure.axes[1].xaxis.label.get_parse_math())

    def test_a_constant_feature(self):
        axes = drawn(self.dataset(np.eye(3)[self.y], class_names=list("xyz"))).axes[3]
        for heights, edges, _ in self.histograms(axes).values():
            assert_allclose(edges[[0, -1]], [5, 6])
            self.assertEqual(heights[0], 1)

    def test_the_classes_of_one_output_and_of_softened_labels(self):
        y = self.y > 0
        classes = {"no": ~y, "yes": y}
        soft = np.where(y, 0.85, 0.15)
        for labels in (y * 1.0, soft):
            figure = drawn(self.dataset(labels[:, np.newaxis], class_names=["no", "yes"]))
            self.compare(figure.axes[0], self.X[:, 0], classes)
        labels = np.column_stack([1 - soft, soft])
        figure = drawn(self.dataset(labels, class_names=["no", "yes"], dtype="float32"))
        for axes, values in zip(figure.axes[:3], self.X.T, strict=False):
            self.compare(axes, values, classes, atol=1e-2)

    def test_a_regression(self):
        figure = drawn(self.dataset(self.y[:, np.newaxis] * 1.0))
        self.compare(figure.axes[1], self.X[:, 1], {"": self.y >= 0})
        self.assertEqual(figure.legends, [])

    def test_rows_as_they_are_stored(self):
        """Data that is preprocessed batch by batch is drawn as it is."""
        X = np.random.default_rng(0).integers(200, 256, size=(90, 2), dtype=np.uint8)
        whole = Preprocessing("float32", Standardization.of(X))
        dataset = Dataset(X, np.eye(2)[np.arange(90) % 2], 5, preprocessing=whole)
        for plain in (dataset, Dataset(X.astype(float), np.ones((90, 1)), 5)):
            figure = drawn(plain)
            self.compare(figure.axes[0], X[:, 0], {"": np.ones(90, bool)})
            self.assertEqual(figure.axes[1].get_xlabel(), "feature 1")

    @mock.patch.object(datasets, "MOST_FEATURES", 6)
    def test_no_more_than_fit_a_page(self):
        X, Y = np.random.default_rng(0).normal(size=(60, 50)), np.eye(15)[np.arange(60) % 15]
        figure = drawn(Dataset(X, Y, 5, class_names=[f"class {i}" for i in range(15)]))
        self.assertEqual(len(figure.axes), datasets.MOST_FEATURES)
        expected = f"{datasets.MOST_FEATURES} of 50 features"
        self.assertEqual(figure.get_suptitle(), f"dataset: 60 training examples, {expected}")
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        self.assertEqual(names, [f"class {i}" for i in range(datasets.MOST_CLASSES)])

    def test_of_many_examples_the_first(self):
        with mock.patch.object(datasets, "MOST_EXAMPLES", 120):
            figure = drawn(self.dataset(np.eye(3)[self.y], class_names=list("xyz")))
        classes = {name: self.y[:120] == k for k, name in enumerate("xyz")}
        self.compare(figure.axes[0], self.X[:120, 0], classes)
        self.assertEqual(figure.get_suptitle(), "mine: 120 training examples")


class TestImages(unittest.TestCase):
    def make(self, channels=1, k=3, n=60, stored="uint8", **options):
        rng = np.random.default_rng(0)
        self.X = rng.integers(256, size=(n, 6, 5, channels)).astype(stored)
        self.y = rng.permutation(np.arange(n) % k)
        whole = Preprocessing("float32", Standardization.of(self.X), **options)
        names = [f"${i}$" for i in range(k)]
        options = {"name": "mine", "class_names": names, "preprocessing": whole, "seed": 0}
        return Dataset(self.X, np.eye(k)[self.y], 5, **options)

    def rows(self, figure):
        """The axes of each class."""
        axes = figure.axes
        return [axes[i : i + datasets.COLUMNS] for i in range(0, len(axes), datasets.COLUMNS)]

    @mock.patch.object(datasets, "COLUMNS", 4)
    def test_a_row_of_each_class(self):
        for options in (
            {},
            {"as_rows": True},
            {"channels": 3},
            {"stored": "float64"},
            {"stored": "float64", "as_rows": True},
        ):
            figure = drawn(self.make(**options))
            rows = self.rows(figure)
            self.assertEqual(len(rows), 3)
            for k, row in enumerate(rows):
                names = [axes.get_ylabel() for axes in row]
                self.assertEqual(names, [f"${k}$"] + [""] * 3)
                self.assertFalse(row[0].yaxis.label.get_parse_math())
                for axes, i in zip(row, np.flatnonzero(self.y == k), strict=False):
                    assert_allclose(shown(axes), stretched(self.X[i]), atol=1e-5)
            self.assertEqual(figure.get_suptitle(), "mine: the first of each class")

    @mock.patch.object(datasets, "COLUMNS", 4)
    def test_gray_images_are_gray(self):
        for axes in drawn(self.make()).axes:
            self.assertEqual(axes.images[0].get_cmap().name, "gray")

    def test_fewer_images_than_fit_a_row(self):
        figure = drawn(self.make(n=10))
        for k, row in enumerate(self.rows(figure)):
            counts = [len(axes.images) for axes in row]
            n = (self.y == k).sum()
            self.assertEqual(counts, [1] * n + [0] * (10 - n))

    @mock.patch.object(datasets, "COLUMNS", 4)
    def test_many_classes(self):
        figure = drawn(self.make(k=14, n=70))
        rows = self.rows(figure)
        self.assertEqual(len(rows), datasets.MOST_CLASSES)
        self.assertEqual(rows[-1][0].get_ylabel(), "$11$")

    def moved(self, image, found):
        """True if an image is another one, mirrored perhaps, moved by up to a pixel."""
        candidates = []
        for x in (image, image[:, ::-1]):
            padded = np.pad(x, 1)
            candidates += [padded[i : i + 6, j : j + 5] for i in range(3) for j in range(3)]
        return any(np.abs(stretched(c[..., None]) - found).max() < 1e-5 for c in candidates)

    def test_augmented_images_after_the_original(self):
        for options in ({}, {"as_rows": True}, {"stored": "float32"}):
            augmentation = Augmentation(flip=True, shift=1)
            dataset = self.make(augmentation=augmentation, **options)
            figure = drawn(dataset)
            plain = dataset.preprocessing.convert(self.X)[..., 0]
            for k, row in enumerate(self.rows(figure)):
                i = np.flatnonzero(self.y == k)[0]
                assert_allclose(shown(row[0]), stretched(self.X[i]), atol=1e-5)
                different = {shown(axes).tobytes() for axes in row[1:]}
                self.assertGreater(len(different), 4)
                for axes in row:
                    self.assertTrue(self.moved(plain[i], shown(axes)))
            words = "mine: the first image of each class, then augmented"
            self.assertEqual(figure.get_suptitle(), words)

    @mock.patch.object(datasets, "COLUMNS", 4)
    def test_a_class_that_is_not_there(self):
        for options in ({}, {"preprocessing": Preprocessing(augmentation=Augmentation(shift=1))}):
            X = np.random.default_rng(0).normal(size=(30, 4, 4, 1))
            dataset = Dataset(X, np.eye(3)[np.arange(30) % 2], 5, **options)
            rows = self.rows(drawn(dataset))
            self.assertEqual([len(row[0].images) for row in rows], [1, 1, 0])
            self.assertEqual([row[0].get_ylabel() for row in rows], ["0", "1", "2"])


class TestSequences(unittest.TestCase):
    def test_the_first_six(self):
        X = np.random.default_rng(0).normal(size=(9, 2, 7))
        figure = drawn(Dataset(X, np.ones((9, 1)), 3, name="waves"))
        (axes,) = figure.axes
        self.assertEqual(len(axes.lines), 6)
        for line, values in zip(axes.lines, X[:, 0], strict=False):
            assert_array_equal(line.get_ydata(), values)
            assert_array_equal(line.get_xdata(), np.arange(7))
        self.assertEqual(axes.get_title(), "waves: the first six sequences")

    def test_by_name(self):
        figure = drawn(initialize_dataset("sinewave", window=9, seed=0))
        self.assertEqual(len(figure.axes[0].lines[0].get_ydata()), 9)


class TestWeights(InFolder):
    """``weights.png``: the weights of a first layer that takes images."""

    def pictures_of(self, dataset, *layers):
        """The figures of a training, by name, and the network."""
        figures = {}
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        sgd = {"name": "SGD", "lr": 0.1}
        model = NeuralNetwork("cross_entropy", [*layers, OUTPUT], sgd, logger, seed=0)
        model.train(dataset, 1)
        for name, draw in pictures(read_record(logger.folder)):
            draw(figures.setdefault(name, Figure()))
        return figures, model

    def images(self, channels=1, as_rows=True, stored="uint8"):
        X = np.random.default_rng(0).integers(256, size=(20, 4, 3, channels)).astype(stored)
        whole = Preprocessing("float64", Standardization.of(X), as_rows=as_rows)
        return Dataset(X, np.eye(2)[np.arange(20) % 2], 5, preprocessing=whole)

    def hidden(self, n):
        return {"name": "fully_connected", "activation": "relu", "n_out": n}

    def tiles(self, figure):
        """The axes of the units, and True if there is a color bar."""
        tiles = [axes for axes in figure.axes if axes.images]
        return tiles, len(figure.axes) > len(tiles)

    def test_each_unit_has_a_weight_for_every_pixel(self):
        figures, model = self.pictures_of(self.images(), self.hidden(5))
        W = strongest(model.layers[0].parameters["W"])
        tiles, has_bar = self.tiles(figures["weights.png"])
        self.assertTrue(has_bar)
        self.assertEqual(len(tiles), 5)
        for unit, axes in enumerate(tiles):
            assert_array_equal(shown(axes), W[:, unit].reshape(4, 3))
            self.assertEqual(shown(axes)[2, 1], W[2 * 3 + 1, unit])
            limits = [axes.images[0].norm.vmin, axes.images[0].norm.vmax]
            assert_allclose(limits, np.percentile(np.abs(W), 99) * np.array([-1, 1]))
        title = "weights of 5 units of the first layer, strongest first\nrun\n12-5-2"
        self.assertEqual(figures["weights.png"].get_suptitle(), title)
        self.assertEqual(set(figures), {"weights.png", "loss.png", "error.png"})

    def test_in_color(self):
        for stored in ("uint8", "float32"):
            dataset = self.images(channels=3, stored=stored)
            figures, model = self.pictures_of(dataset, self.hidden(4))
            W = strongest(model.layers[0].parameters["W"])
            limit = np.percentile(np.abs(W), 99, axis=0)
            tiles, has_bar = self.tiles(figures["weights.png"])
            self.assertFalse(has_bar)
            for unit, axes in enumerate(tiles):
                clipped = np.clip(W[:, unit], -limit[unit], limit[unit])
                assert_allclose(shown(axes), stretched(clipped.reshape(4, 3, 3)))

    def test_no_more_than_fit_a_page(self):
        for n, words in ((64, "64"), (70, "64 of 70")):
            figures, model = self.pictures_of(self.images(), self.hidden(n))
            tiles, _ = self.tiles(figures["weights.png"])
            self.assertEqual(len(tiles), 64)
            W = strongest(model.layers[0].parameters["W"])
            for unit in (0, 63):
                assert_array_equal(shown(tiles[unit]), W[:, unit].reshape(4, 3))
            rows = {axes.get_subplotspec().rowspan.start for axes in tiles}
            self.assertEqual(rows, set(range(8)))
            title = f"weights of {words} units of the first layer, strongest first"
            self.assertEqual(figures["weights.png"].get_suptitle().splitlines()[0], title)

    def test_positive_weights_are_red_and_negative_ones_blue(self):
        figure = Figure()
        plots.weights(figure, np.array([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1))
        (image,) = self.tiles(figure)[0][0].images
        blue, white, red = (to_rgb(c) for c in image.cmap(image.norm([-1.0, 0.0, 1.0])))
        self.assertGreater(red[0], 2 * red[2])
        self.assertGreater(blue[2], 2 * blue[0])
        self.assertGreater(min(white), 0.95)

    def test_of_digits_by_name(self):
        dataset = initialize_dataset("digits", seed=0, shift=1)
        figures, model = self.pictures_of(dataset)
        tiles, _ = self.tiles(figures["weights.png"])
        W = strongest(model.layers[0].parameters["W"])
        assert_array_equal(shown(tiles[3]), W[:, 3].reshape(8, 8))

    def test_nothing_of_other_networks(self):
        flatten = {"name": "flatten"}
        convolution = {"name": "conv2d", "n_out": 2, "kernel_shape": 2, "activation": "relu"}
        for dataset, layers, expected in (
            (self.images(as_rows=False), [flatten], set()),
            (self.images(as_rows=False), [convolution, flatten], {"kernels.png"}),
            (initialize_dataset("iris", seed=0), [self.hidden(3)], set()),
        ):
            figures, _ = self.pictures_of(dataset, *layers)
            self.assertEqual(set(figures) - {"loss.png", "error.png"}, expected)

    def test_a_first_layer_without_weights_for_pixels(self):
        block = {"name": "residual", "layers": [self.hidden(12)]}
        for first in ({"name": "dropout"}, {"name": "batch_norm"}, {"name": "layer_norm"}, block):
            with self.subTest(first["name"]):
                figures, _ = self.pictures_of(self.images(), first, self.hidden(3))
                self.assertNotIn("weights.png", figures)


if __name__ == "__main__":
    unittest.main()
