"""Pictures drawn anew from the folder of a run: the same to the last byte."""

import shutil
import unittest
from unittest import mock

import numpy as np

import train_ffnn
import train_rnn
from neural_networks.cli import draw
from neural_networks.datasets import Dataset, Preprocessing, Standardization
from neural_networks.logs import Logger, draw_pictures
from neural_networks.models import NeuralNetwork
from neural_networks.training.interruption import TrainingInterrupted
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

CURVES = {"loss.png", "error.png"}
OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
SCORES = {**OUTPUT, "activation": "linear"}
SGD = {"name": "SGD", "lr": 0.05}


class Redrawing(InFolder):
    def redrawn(self, folder, expected):
        """Assert which pictures there are, and that they come out the same; returns the output."""
        before = {path.name: path.read_bytes() for path in folder.glob("*.png")}
        self.assertEqual(set(before), expected)
        for name in before:
            (folder / name).unlink()
        status, out, err = quietly(draw.main, folder)
        self.assertEqual((status, err), (0, ""))
        for name, content in before.items():
            self.assertEqual((folder / name).read_bytes(), content, name)
        self.assertEqual({path.name for path in folder.glob("*.png")}, expected)
        return out


class TestRunsOfScripts(Redrawing):
    def run_of(self, script, *arguments):
        status, _, err = quietly(script.main, "--experiments", self.root, "--name", "a", *arguments)
        self.assertEqual((status, err), (0, ""))
        return self.root / "a"

    def test_classes_by_name(self):
        folder = self.run_of(train_ffnn, "--epochs", 3)
        out = self.redrawn(folder, CURVES | {"confusion_matrix.png"})
        names = ("loss.png", "error.png", "confusion_matrix.png")
        self.assertEqual(out.splitlines(), [str(folder / name) for name in names])

    def test_digits_with_scores(self):
        folder = self.run_of(train_ffnn, "--dataset", "digits", "--epochs", 2, "--loss", "hinge")
        self.redrawn(folder, CURVES | {"confusion_matrix.png", "mistakes.png", "weights.png"})

    def test_rows_of_images(self):
        arguments = ("--dataset", "digits", "--epochs", 1, "--data-args", "shift=1")
        folder = self.run_of(train_ffnn, *arguments)
        self.redrawn(folder, CURVES | {"confusion_matrix.png", "mistakes.png", "weights.png"})

    def test_waves(self):
        folder = self.run_of(train_rnn, "--epochs", 1, "--hidden", 4, "--window", 8)
        self.redrawn(folder, CURVES | {"forecast.png", "predictions.png"})


class TestRunsFromPython(Redrawing):
    """With ``Logger(plot=True)``, which draws after the training, then after the test."""

    def trained(self, dataset, loss="cross_entropy", *layers, output=OUTPUT, **options):
        logger = Logger("a", {}, {}, save=True, plot=True, save_dir=self.root)
        self.model = NeuralNetwork(loss, [*layers, output], SGD, logger, seed=0, **options)
        self.model.train(dataset, 2)
        return logger.folder

    def test_two_classes_of_images(self):
        Y = (np.arange(24) % 2)[:, np.newaxis] * 1.0
        output = {**OUTPUT, "activation": "sigmoid"}
        X = np.random.default_rng(0).integers(256, size=(24, 3, 2, 1)).astype("uint8")
        whole = Preprocessing("float32", Standardization.of(X), as_rows=True)
        names = ["$no$", "yes"]
        sets = {"test_set": X, "test_labels": Y, "class_names": names, "preprocessing": whole}
        dataset = Dataset(X, Y, 4, X, Y, **sets, seed=0)
        folder = self.trained(dataset, "binary_cross_entropy", output=output, dtype="float32")
        self.model.test(dataset, save_predictions=True)
        pictures = {"confusion_matrix.png", "roc.png", "weights.png", "mistakes.png"}
        self.redrawn(folder, CURVES | pictures)

    def test_a_convolutional_network(self):
        X, Y = np.random.default_rng(0).normal(size=(12, 4, 4, 3)), np.eye(3)[np.arange(12) % 3]
        convolution = {"name": "conv2d", "n_out": 2, "kernel_shape": 2, "activation": "relu"}
        dataset = Dataset(X, Y, 4, X, Y, X, Y, seed=0)
        folder = self.trained(
            dataset, "squared_hinge", convolution, {"name": "flatten"}, output=SCORES
        )
        self.model.test(dataset, save_predictions=True)
        self.redrawn(folder, CURVES | {"confusion_matrix.png", "kernels.png", "mistakes.png"})

    def test_no_validation_and_no_test(self):
        X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.eye(2)[np.arange(20) % 2]
        self.redrawn(self.trained(Dataset(X, Y, 4, seed=0)), CURVES)

    def test_a_validation_set_in_place_of_a_test_set(self):
        X, Y = np.random.default_rng(0).normal(size=(24, 3, 3, 1)), np.eye(2)[np.arange(24) % 2]
        dataset = Dataset(X, Y, 4, X, Y, class_names=["$no$", "x" * 300], seed=0)
        folder = self.trained(dataset, "cross_entropy", {"name": "flatten"})
        self.model.test(dataset, save_predictions=True, split="validation")
        self.redrawn(folder, CURVES | {"confusion_matrix.png", "roc.png", "mistakes.png"})

    def test_many_classes(self):
        X, Y = np.random.default_rng(0).normal(size=(80, 3)), np.eye(40)[np.arange(80) % 40]
        dataset = Dataset(X, Y, 8, X, Y, X, Y, seed=0)
        folder = self.trained(dataset)
        self.model.test(dataset, save_predictions=True)
        self.redrawn(folder, CURVES | {"confusion_matrix.png"})

    def test_a_training_that_goes_on(self):
        X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.linspace(0, 1, 20)[:, np.newaxis]
        dataset = Dataset(X, Y, 4, X, Y, X, Y, seed=0)
        folder = self.trained(dataset, "l2", output=SCORES)
        first = (folder / "loss.png").read_bytes()
        self.model.train(dataset, 1)
        self.model.test(dataset, save_predictions=True)
        self.assertNotEqual((folder / "loss.png").read_bytes(), first)
        self.redrawn(folder, CURVES | {"predictions.png"})

    def test_an_interrupted_run(self):
        X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.eye(2)[np.arange(20) % 2]
        dataset = Dataset(X, Y, 4, X, Y, seed=0)
        sample, calls = dataset.train.sample, []

        def interrupted():
            calls.append(1)
            if len(calls) == 9:  # in the second epoch
                raise KeyboardInterrupt
            return sample()

        with (
            mock.patch.object(dataset.train, "sample", interrupted),
            self.assertRaises(TrainingInterrupted),
        ):
            self.trained(dataset)
        lines = (self.root / "a" / "steps.csv").read_text().splitlines()
        self.assertEqual(len(lines), 1 + 8)
        self.redrawn(self.root / "a", CURVES)

    def test_in_another_place(self):
        X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.eye(2)[np.arange(20) % 2]
        folder = self.trained(Dataset(X, Y, 4, seed=0))
        elsewhere = self.root / "elsewhere" / folder.name
        shutil.copytree(folder, elsewhere)
        before = (elsewhere / "loss.png").read_bytes()
        (elsewhere / "loss.png").unlink()
        self.assertEqual(draw_pictures(elsewhere)[0], elsewhere / "loss.png")
        self.assertEqual((elsewhere / "loss.png").read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
