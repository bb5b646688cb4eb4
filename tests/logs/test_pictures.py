"""The pictures of a run: which are drawn, in which order, from which data."""

import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger, RunRecord, pictures
from neural_networks.losses import initialize_loss
from neural_networks.metrics import binary_roc
from neural_networks.models import NeuralNetwork
from neural_networks.training import outcome as outcomes
from tests.support.arrays import InFolder

rng = np.random.default_rng(0)
NAMES = ("cat", "$dog$", "frog")


def drawn(some):
    """Figures by the names of their files, in order."""
    figures = {}
    for file_name, draw in some:
        draw(figures.setdefault(file_name, Figure()))
    return figures


def classification(loss, Y, Y_hat, names=None, X=None):
    """The pictures after a test with these labels and outputs, on these examples."""
    loss, Y, Y_hat = initialize_loss(loss), np.array(Y), np.array(Y_hat)
    X = rng.normal(size=(len(Y), 4)) if X is None else X
    dataset = Dataset(X, Y, 1, test_set=X, test_labels=Y, class_names=names)
    logger = Logger("run", {}, {})
    outcome = outcomes.Outcome({}, Y, Y_hat, None)
    logger.save_test(loss, outcome, dataset, save_predictions=True)
    return pictures.pictures(logger._record, pictures.TEST)


class TestOfWeights(unittest.TestCase):
    def names(self, image_shape=(2, 3, 1), **shapes):
        parameters = {key.replace("_", "."): rng.normal(size=s) for key, s in shapes.items()}
        return list(drawn(self.pictures(parameters, image_shape)))

    def pictures(self, parameters, image_shape):
        record = RunRecord("run", example_shape=image_shape, parameters=parameters)
        return pictures.pictures(record)

    def test_the_first_convolution_of_several(self):
        first, second = rng.normal(size=(3, 2, 1, 4)), rng.normal(size=(2, 2, 4, 5))
        parameters = {"epoch": np.array(1), "layer2.W": first, "layer4.W": second}
        with mock.patch.object(plots, "kernels") as kernels:
            drawn(self.pictures(parameters, (8, 8, 1)))
        self.assertIs(kernels.call_args.args[1], first)

    def test_kernels_come_before_weights(self):
        found = self.names(layer1_W=(6, 4), layer2_W=(3, 3, 1, 2))
        self.assertEqual(found, ["kernels.png"])

    def test_a_first_layer_that_takes_images_as_rows(self):
        W = rng.normal(size=(6, 4))
        with mock.patch.object(plots, "weights") as weights:
            drawn(self.pictures({"layer1.W": W, "layer1.b": W[:1]}, (2, 3, 1)))
        assert_array_equal(weights.call_args.args[1], W.reshape(2, 3, 1, 4))

    def test_no_picture_of_other_layers(self):
        self.assertEqual(self.names(layer1_W=(6, 4)), ["weights.png"])
        for image_shape in ((6,), (2, 3), (2, 3, 2)):
            self.assertEqual(self.names(image_shape, layer1_W=(6, 4)), [])
        self.assertEqual(self.names(layer2_W=(6, 4)), [])
        self.assertEqual(self.names(layer1_gamma=(6, 4), layer1_W=(6,)), [])
        self.assertEqual(self.names(), [])


class TestOfTests(InFolder):
    def test_classes_and_names(self):
        Y = np.eye(3)[[0, 2, 1, 1]]
        Y_hat = np.array([[0.9, 0.1, 0], [0.2, 0.5, 0.3], [0, 0.6, 0.4], [0.4, 0.3, 0.3]])
        binary, probability = np.array([[1.0], [0.0], [1.0]]), np.array([[0.5], [0.2], [0.4]])
        cases = (
            ("cross_entropy", Y, Y_hat, list("xyz"), [0, 2, 1, 1], [0, 1, 1, 0], list("xyz")),
            ("cross_entropy", Y, Y_hat, None, [0, 2, 1, 1], [0, 1, 1, 0], list("012")),
            ("binary_cross_entropy", binary, probability, None, [1, 0, 1], [1, 0, 0], list("01")),
        )
        for loss, labels, outputs, names, true, predicted, shown in cases:
            with (
                self.subTest(loss=loss, names=names),
                mock.patch.object(plots, "confusion_matrix") as matrix,
            ):
                drawn(classification(loss, labels, outputs, names))
                _, *arguments = matrix.call_args.args
                found = [list(argument) for argument in arguments]
                self.assertEqual(found, [true, predicted, shown])

    def test_the_roc_curve_is_that_of_the_outcome(self):
        Y, Y_hat = [[0.0], [1.0], [0.0], [1.0]], [[0.1], [0.9], [0.8], [0.4]]
        curve = binary_roc(initialize_loss("binary_cross_entropy"), np.array(Y), np.array(Y_hat))
        with mock.patch.object(plots, "roc_curve") as roc_curve:
            drawn(classification("binary_cross_entropy", Y, Y_hat))
        for found, expected in zip(roc_curve.call_args.args[1:], curve, strict=True):
            assert_array_equal(found, expected)

    def labels(self, loss, Y, Y_hat, names):
        """The lines below the images of mistakes.png."""
        X = rng.random((len(Y), 2, 2, 1))
        figure = drawn(classification(loss, Y, Y_hat, names, X))["mistakes.png"]
        return [axes.get_xlabel() for axes in figure.axes if axes.images]

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

    def save_test(self, forecast=None, save_predictions=True):
        """Files in the order in which they are written, after a test on images of two classes."""
        X, Y = rng.random((4, 2, 2, 1)), np.array([[0.0], [1.0], [0.0], [1.0]])
        loss, Y_hat = initialize_loss("binary_cross_entropy"), np.full((4, 1), 0.5)
        dataset = Dataset(X, Y, 2, test_set=X, test_labels=Y)
        outcome = outcomes.Outcome({"loss": 1.0}, Y, Y_hat, forecast)
        logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root, overwrite=True)
        logger.start()
        written = []

        def replace(partial, target):
            written.append(target.name)
            return original(partial, target)

        original = Path.replace
        with mock.patch.object(Path, "replace", replace):
            logger.save_test(loss, outcome, dataset, save_predictions)
        return written

    def test_order_of_the_files(self):
        """Everything else is there before the first picture is drawn."""
        files = ["test.json", "data.json", "test_predictions.csv", "examples.npz"]
        images = ["confusion_matrix.png", "roc.png", "mistakes.png"]
        self.assertEqual(self.save_test(), [*files, *images])
        sequences = rng.normal(size=(2, 1, 9))
        forecast = sequences, sequences[:, :, 5:], sequences[:, :, 5:]
        expected = [*files, "forecast.csv", *images, "forecast.png"]
        self.assertEqual(self.save_test(forecast), expected)
        self.assertEqual(self.save_test(forecast, save_predictions=False), ["test.json"])


class TestOfTraining(InFolder):
    def finished(self, plot=True, best=None, rows=1):
        """Files of a run that ends with a convolution's parameters."""
        options = {"plot": plot, "save_dir": self.root, "overwrite": True}
        logger = Logger("run", {}, {}, save=True, **options)
        logger.start()
        for i in range(rows):
            logger.push({"epoch": i + 1, "train_loss": 0.5, "train_error": 0.5})
        logger.finish({"layer1.W": np.ones((2, 2, 1, 3))}, best)
        return {path.name for path in (self.root / "run").iterdir()} - {"config.json", "log.csv"}

    def test_files(self):
        pictures = {"loss.png", "error.png", "kernels.png"}
        self.assertEqual(self.finished(), {"parameters.npz", *pictures})
        self.assertEqual(self.finished(rows=0), {"parameters.npz", "kernels.png"})
        best = {"layer1.W": np.zeros(2)}
        files = {"parameters.npz", "best_parameters.npz"}
        self.assertEqual(self.finished(best=best), files | pictures)
        self.assertEqual(self.finished(plot=False, best=best), files)
        with np.load(self.root / "run" / "best_parameters.npz") as arrays:
            assert_array_equal(arrays["layer1.W"], best["layer1.W"])

    def test_parameters_are_saved_before_anything_is_drawn(self):
        with (
            mock.patch.object(plots, "save", side_effect=OSError("disk full")),
            self.assertWarns(UserWarning) as caught,
        ):
            self.finished(best={"layer1.W": np.zeros(2)})
        found = [str(warning.message) for warning in caught.warnings]
        names = ("loss.png", "error.png", "kernels.png")
        self.assertEqual(found, [f"{name} is not drawn (OSError: disk full)" for name in names])
        files = {path.name for path in (self.root / "run").glob("*.npz")}
        self.assertEqual(files, {"parameters.npz", "best_parameters.npz"})


class TestOfNetworks(InFolder):
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
        self.assertEqual(self.pictures(), {"predictions.png"})

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
