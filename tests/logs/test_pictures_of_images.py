"""Pictures of sets of images: digits as rows, letters, sets without a test set."""

import json
import os
import unittest
from unittest import mock

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

import train_cnn
import train_ffnn
import train_rnn
from neural_networks import plots
from neural_networks.cli.run import split_to_test
from neural_networks.datasets import Dataset, initialize_dataset
from neural_networks.logs import Logger, draw_pictures, read_record
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder
from tests.support.scripts import quietly
from tests.support.synthetic_files import write_letters

CURVES = {"loss.png", "error.png"}
HIDDEN = {"name": "fully_connected", "n_out": 5, "activation": "relu"}
OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
SGD = {"name": "SGD", "lr": 0.01}
rng = np.random.default_rng(0)


def tables(folder):
    """The names of the files of scores and predictions in a folder."""
    return {path.name for path in folder.glob("*") if path.name.startswith(("test", "valid", "ex"))}


def stretched(image):
    """An image from 0 to 1, in 9,999 steps: standardized by channel, it keeps its look."""
    image = np.asarray(image, float)
    return np.round(9999 * (image - image.min()) / np.ptp(image)).astype(int).tobytes()


class Trained(InFolder):
    def trained(self, dataset, *layers, **options):
        """The folder of a short training."""
        logger = Logger("run", {}, {}, save=True, save_dir=self.root, overwrite=True)
        network = [*layers, OUTPUT]
        self.model = NeuralNetwork("cross_entropy", network, SGD, logger, seed=0, **options)
        self.model.train(dataset, 1)
        return logger.folder

    def pictures(self, folder):
        """The names of the pictures that are drawn, without the curves."""
        return {path.name for path in draw_pictures(folder)} - CURVES


class TestDigits(Trained):
    def test_mistakes_are_the_digits_themselves(self):
        digits = load_digits().images[..., np.newaxis]  # (n, 8, 8, 1)
        known = {stretched(image) for image in digits}
        for options in ({}, {"images": True}, {"shift": 1}):
            with self.subTest(options):
                dataset = initialize_dataset("digits", seed=0, dtype="float64", **options)
                flat = [{"name": "flatten"}] if dataset.train.data.ndim == 4 else []
                folder = self.trained(dataset, *flat, HIDDEN)
                self.model.test(dataset, save_predictions=True)
                found = read_record(folder).mistakes
                self.assertEqual(found.images.shape[1:], (8, 8, 1))
                table = pd.read_csv(folder / "test_predictions.csv")
                self.assertEqual(
                    len(found.images), min(36, (table.label != table.prediction).sum())
                )
                for image in found.images:
                    self.assertIn(stretched(image), known)

    def test_each_mistake_is_the_image_of_its_row(self):
        dataset = initialize_dataset("digits", seed=0, dtype="float64")
        folder = self.trained(dataset, HIDDEN)
        self.model.test(dataset, save_predictions=True)
        table = pd.read_csv(folder / "test_predictions.csv")
        outputs = table.filter(like="output_").to_numpy()
        wrong = table[table["label"] != table["prediction"]].index
        order = wrong[np.argsort(-outputs[wrong].max(axis=1), kind="stable")]
        raw = dataset.preprocessing.standardization.undo(dataset.test.data)
        found = read_record(folder).mistakes
        self.assertEqual(len(found.images), min(36, len(wrong)))
        assert_allclose(found.images, raw[order[:36]].reshape(-1, 8, 8, 1), atol=1e-12)

    def test_pictures_of_rows(self):
        dataset = initialize_dataset("digits", seed=0)
        folder = self.trained(dataset, HIDDEN)
        self.assertEqual(self.pictures(folder), {"weights.png"})
        self.model.test(dataset, save_predictions=True)
        expected = {"weights.png", "confusion_matrix.png", "mistakes.png"}
        self.assertEqual(self.pictures(folder), expected)
        images = read_record(folder).parameters["layer1.W"].reshape(8, 8, 1, 5)
        with mock.patch.object(plots, "weights") as weights:
            draw_pictures(folder)
        assert_array_equal(weights.call_args.args[1], images)

    def test_other_rows_are_no_images(self):
        X, Y = rng.normal(size=(20, 64)), np.eye(3)[np.arange(20) % 3]
        for name, columns in (("digits", 63), ("mine", 64), ("iris", 64)):
            rows = X[:, :columns]
            dataset = Dataset(rows, Y, 5, None, None, rows, Y, name=name)
            folder = self.trained(dataset, HIDDEN)
            self.model.test(dataset, save_predictions=True)
            self.assertEqual(self.pictures(folder), {"confusion_matrix.png"})


class TestValidation(Trained):
    def dataset(self, **sets):
        X, y = rng.normal(size=(30, 4, 3, 1)), np.arange(30) % 3
        Y = np.eye(3)[y]
        sets = {"validation_set": X[:9], "validation_labels": Y[:9]} | sets
        return Dataset(X, Y, 5, **sets, seed=0)

    def test_files_and_pictures(self):
        dataset = self.dataset()
        folder = self.trained(dataset, {"name": "flatten"}, HIDDEN)
        scores = self.model.test(dataset, save_predictions=True, split="validation")
        self.assertEqual(json.loads((folder / "validation.json").read_text()), scores)
        history = self.model.history
        for key in ("loss", "error"):
            self.assertAlmostEqual(scores[key], history[f"validation_{key}"][-1])
        files = ("validation.json", "validation_predictions.csv", "validation_examples.npz")
        self.assertEqual(tables(folder), {*files, "validation_scores.csv"})
        table = pd.read_csv(folder / "validation_predictions.csv")
        assert_array_equal(table["label"], np.arange(9) % 3)
        record = read_record(folder)
        self.assertEqual(record.split, "validation")
        self.assertEqual(self.pictures(folder), {"confusion_matrix.png", "mistakes.png"})
        with mock.patch.object(plots, "confusion_matrix") as matrix:
            draw_pictures(folder)
        self.assertEqual(matrix.call_args.kwargs["split"], "validation")
        assert_array_equal(matrix.call_args.args[1], np.arange(9) % 3)

    def test_a_test_set_comes_first(self):
        X, Y = rng.normal(size=(6, 4, 3, 1)), np.eye(3)[np.arange(6) % 3]
        dataset = self.dataset(test_set=X, test_labels=Y)
        folder = self.trained(dataset, {"name": "flatten"}, HIDDEN)
        for split in ("test", "validation"):
            self.model.test(dataset, save_predictions=True, split=split)
        record = read_record(folder)
        self.assertEqual((record.split, len(record.predictions.true)), ("test", 6))
        wrong = X[record.predictions.true != record.predictions.predicted]
        self.assertEqual(len(record.mistakes.images), len(wrong))
        for image in record.mistakes.images:
            self.assertTrue((image == wrong).all(axis=(1, 2, 3)).any())

    def test_nothing_more_without_predictions(self):
        dataset = self.dataset()
        folder = self.trained(dataset, {"name": "flatten"}, HIDDEN)
        self.model.test(dataset, split="validation")
        self.assertEqual(tables(folder), {"validation.json", "validation_scores.csv"})

    def test_sets_that_there_are_not(self):
        dataset = self.dataset(validation_set=None, validation_labels=None)
        self.trained(dataset, {"name": "flatten"}, HIDDEN)
        for split in ("test", "validation"):
            with self.assertRaisesRegex(ValueError, f"the dataset has no {split} set"):
                self.model.test(dataset, split=split)
        for split in ("train", None, "Test"):
            with self.assertRaisesRegex(ValueError, r"unknown set .*known: test, validation"):
                self.model.test(dataset, split=split)

    def test_the_set_of_a_script(self):
        X, Y = rng.normal(size=(6, 4, 3, 1)), np.eye(3)[np.arange(6) % 3]
        self.assertEqual(split_to_test(self.dataset()), "validation")
        self.assertEqual(split_to_test(self.dataset(test_set=X, test_labels=Y)), "test")
        self.assertEqual(split_to_test(self.dataset(test_set=X)), "validation")
        none = {"validation_set": None, "validation_labels": None}
        self.assertIsNone(split_to_test(self.dataset(**none)))
        self.assertIsNone(split_to_test(self.dataset(**none, test_set=X)))


class TestLetters(InFolder):
    def run_of(self, script, *arguments):
        write_letters(self.root / "data" / "letters", size="small")
        given = ("--experiments", self.root, "--name", "a", "--dataset", "letters", "--epochs", 1)
        here = {"NEURAL_NETWORKS_DATA": str(self.root / "data")}
        with mock.patch.dict(os.environ, here):
            status, out, err = quietly(script.main, *given, "--data-args", "size=small", *arguments)
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"\nValidation: loss .* of 30 right\)")
        return {path.name for path in (self.root / "a").glob("*.png")} - CURVES

    def test_fully_connected(self):
        expected = {"confusion_matrix.png", "mistakes.png", "weights.png"}
        self.assertEqual(self.run_of(train_ffnn), expected)
        arrays = np.load(self.root / "a" / "validation_examples.npz")
        self.assertEqual(arrays["images"].shape[1:], (16, 8, 1))

    def test_convolutional(self):
        expected = {"confusion_matrix.png", "mistakes.png", "kernels.png"}
        self.assertEqual(self.run_of(train_cnn, "--filters", 2), expected)


class TestRegression(InFolder):
    def test_sequences_without_a_test_set(self):
        """The picture of predicted over true values is of the validation set, too."""

        def without_test(*arguments, **options):
            dataset = initialize_dataset(*arguments, **options)
            dataset.test = None
            return dataset

        with mock.patch.object(train_rnn, "initialize_dataset", without_test):
            arguments = ("--experiments", self.root, "--epochs", 1, "--hidden", 2, "--window", 5)
            status, _, err = quietly(train_rnn.main, *arguments)
        self.assertEqual((status, err), (0, ""))
        folder = self.root / "sinewave"
        found = {path.name for path in folder.glob("*.png")} - CURVES
        self.assertEqual(found, {"predictions.png", "forecast.png"})
        self.assertEqual(read_record(folder).split, "validation")


class TestTitles(Trained):
    def heading(self, folder):
        with mock.patch.object(plots, "loss_curves") as curves:
            draw_pictures(folder)
        return curves.call_args.args[1], curves.call_args.kwargs["best_epoch"]

    def test_what_was_trained(self):
        for arguments, expected in (
            ((), "a\niris: 4-10-3, SGD with lr 0.02"),
            (("--hidden", 5, 6, "--lr", 1e-4), "a\niris: 4-5-6-3, SGD with lr 0.0001"),
            (("--optimizer", "Adam", "--lr", 0.1), "a\niris: 4-10-3, Adam with lr 0.1"),
            ((), "iris: 4-10-3, SGD with lr 0.02"),
        ):
            name = expected.partition("\n")[0].partition(":")[0]
            given = ("--experiments", self.root, "--overwrite", "--epochs", 3, "--name", name)
            status, _, err = quietly(train_ffnn.main, *given, *arguments)
            self.assertEqual((status, err), (0, ""))
            self.assertEqual(self.heading(self.root / name)[0], expected)

    def test_layers_of_all_kinds(self):
        conv = {"name": "conv2d", "n_out": 2, "kernel_shape": 2, "activation": "relu"}
        X, Y = rng.normal(size=(12, 4, 4, 1)), np.eye(3)[np.arange(12) % 3]
        for layers, expected in (
            ([{"name": "flatten"}], "run\n16-3"),
            ([conv, {"name": "flatten"}, HIDDEN], "run\nconv 2, dense 5, dense 3"),
            ([{"name": "flatten"}, *[HIDDEN] * 9], "run\n10 layers"),
        ):
            folder = self.trained(Dataset(X, Y, 6, seed=0), *layers)
            self.assertEqual(self.heading(folder)[0], expected)
        X = rng.normal(size=(12, 2, 5))
        folder = self.trained(Dataset(X, Y, 6, seed=0, name="waves"), {"name": "elman", "n_out": 4})
        self.assertEqual(self.heading(folder)[0], "run\nwaves: recurrent 4, dense 3")

    def test_the_best_epoch_is_that_of_its_parameters(self):
        for monitor in ("validation_loss", "train_error", "validation_error"):
            given = ("--experiments", self.root, "--overwrite", "--epochs", 30)
            status, _, err = quietly(train_ffnn.main, *given, "--monitor", monitor)
            self.assertEqual((status, err), (0, ""))
            log = pd.read_csv(self.root / "iris" / "log.csv")
            best = int(log["epoch"][log[monitor].idxmin()])
            self.assertLess(best, 30.5)
            self.assertEqual(self.heading(self.root / "iris")[1], best)

    def test_on_the_screen(self):
        X, Y = rng.normal(size=(12, 4)), np.eye(3)[np.arange(12) % 3]
        logger = Logger("run", {"optimizer_args": SGD}, {}, plot=True)
        model = NeuralNetwork("cross_entropy", [OUTPUT], SGD, logger, seed=0)
        with (
            mock.patch.object(plots, "show", lambda draw: draw(None)),
            mock.patch.object(plots, "error_curves"),
            mock.patch.object(plots, "loss_curves") as curves,
        ):
            model.train(Dataset(X, Y, 4, seed=0, name="mine"), 3)
        self.assertEqual(curves.call_args.args[1], "run\nmine: 4-3, SGD with lr 0.01")
        self.assertEqual(curves.call_args.kwargs["best_epoch"], model.best.epoch)


if __name__ == "__main__":
    unittest.main()
