"""train_cnn.py: runs, flags, mistakes, pictures."""

import json
import unittest

import numpy as np
import pandas as pd
from matplotlib.image import imread

import train_cnn
import train_ffnn
from neural_networks.datasets import initialize_dataset
from neural_networks.models import initialize_model
from tests.support.scripts import RUN_FILES, ScriptTest, quietly

IMAGE_FILES = RUN_FILES | {"kernels.png", "mistakes.png", "examples.npz"}
SMALL = ("--filters", 4, "--epochs", 1, "--batch-size", 50)


class CnnTest(ScriptTest):
    script = train_cnn

    def layers(self, run):
        return self.config(run)["model"]["layer_args"]


class TestDefaultRun(CnnTest):
    pictures = True

    def test_reads_98_of_100_digits(self):
        status, out, err = self.train()
        self.assertEqual((status, err), (0, ""))
        folder = self.runs / "digits-cnn"
        self.assertEqual({path.name for path in folder.iterdir()}, IMAGE_FILES)
        error = json.loads((folder / "test.json").read_text())["error"]
        self.assertLessEqual(error, 0.02)
        self.assertIn(f"accuracy {1 - error:.1%}", out)
        self.assertIn("-> (8, 8, 32)", out)
        self.assertIn("mistakes.png", out)
        self.assertIn("train_cnn.py --", out.split("Next:")[1])
        predictions = pd.read_csv(folder / "test_predictions.csv")
        wrong = predictions["label"] != predictions["prediction"]
        self.assertEqual(len(predictions), 359)
        self.assertAlmostEqual(wrong.mean(), error)
        for name in ("kernels.png", "mistakes.png"):
            self.assertGreater(imread(folder / name).std(), 0.05, f"{name} shows something")


class TestFlags(CnnTest):
    def test_configuration_stays_as_it_is(self):
        before = repr(train_cnn.CONFIGURATION)
        self.train(*SMALL, "--kernel", 5, "--activation", "tanh", "--hidden", 7)
        self.assertEqual(repr(train_cnn.CONFIGURATION), before)

    def test_blocks_kernels_and_hidden_layers(self):
        status, _, err = self.train(
            *("--filters", 4, 6, "--kernel", 5, "--pool", "average", "--hidden", 9, 8),
            *("--activation", "tanh", "--weight-init", "xavier_normal", "--epochs", 1),
        )
        self.assertEqual((status, err), (0, ""))
        layers = self.layers("digits-cnn")
        kinds = ["conv2d", "pool2d", "conv2d", "pool2d", "flatten"] + 3 * ["fully_connected"]
        self.assertEqual([layer["name"] for layer in layers], kinds)
        self.assertEqual([layer.get("n_out") for layer in layers[::2]], [4, 6, None, 8])
        self.assertEqual([layers[i]["kernel_shape"] for i in range(4)], [5, 2, 5, 2])
        self.assertEqual([layers[i]["mode"] for i in (1, 3)], ["average", "average"])
        weighted = [layer for layer in layers if "n_out" in layer]
        self.assertEqual({layer["weight_init"] for layer in weighted}, {"xavier_normal"})
        activations = [layer["activation"] for layer in weighted]
        self.assertEqual(activations, 4 * ["tanh"] + ["softmax"])

    def test_hidden_layers_alone_leave_the_convolutions(self):
        self.train("--hidden", 5, "--epochs", 1, "--batch-size", 100)
        defaults = train_cnn.CONFIGURATION.model_args["layer_args"]
        layers = self.layers("digits-cnn")
        self.assertEqual(layers[:6], defaults[:6])
        self.assertEqual([layer["n_out"] for layer in layers[6:]], [5, None])

    def test_config_repeats_a_run(self):
        self.train(*SMALL, "--name", "original", "--seed", 3)
        config = self.runs / "original" / "config.json"
        status, _, err = self.train("--config", config, "--name", "repeated")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(self.log("original"), self.log("repeated"))

    def test_parameters_and_config_rebuild_the_network(self):
        self.train(*SMALL)
        folder = self.runs / "digits-cnn"
        config = self.config("digits-cnn")
        model = initialize_model("again", **config["model"], dtype="float32")
        model.load(folder / "parameters.npz")
        dataset = initialize_dataset(**config["data"], dtype="float32")
        self.assertEqual(model.test(dataset), json.loads((folder / "test.json").read_text()))


class TestConfigEditedByHand(CnnTest):
    def test_flags_change_what_they_name_and_nothing_else(self):
        self.train(*SMALL)
        path = self.runs / "digits-cnn" / "config.json"
        config = json.loads(path.read_text())
        layers = config["model"]["layer_args"]
        del layers[-1]["n_out"]  # as if left open
        layers[2]["keep_dim"] = "first"
        path.write_text(json.dumps(config))
        flags = ("--weight-init", "xavier_normal", "--epochs", 1)
        status, _, err = self.train("--config", path, "--name", "again", *flags)
        self.assertEqual((status, err), (0, ""))
        convolution, _, flatten, output = self.layers("again")
        self.assertEqual(flatten, {"name": "flatten", "keep_dim": "first"})
        self.assertEqual(convolution["weight_init"], "xavier_normal")
        self.assertEqual(output["weight_init"], "xavier_normal")


class TestMistakesOfUsers(CnnTest):
    def test_one_line_each(self):
        self.refused("'iris' has no images", "--dataset", "iris")
        self.refused("layer 8: .*2×2 is larger than the image of 1×1", "--filters", 1, 1, 1, 1)
        self.refused(
            "layer 2: unknown mode 'maximum'; did you mean 'max'", *SMALL, "--pool", "maximum"
        )
        self.refused("layer 1: kernel_shape .* got 0", "--kernel", 0)
        self.refused("layer 1: n_out must be at least 1, got 0", "--filters", 0)
        self.refused("expected one argument", "--kernel")

    def test_config_of_a_network_without_images(self):
        quietly(train_ffnn.main, "--experiments", self.runs.parent / "iris", "--epochs", 1)
        self.refused(
            "no layer 'flatten'", "--config", self.runs.parent / "iris" / "iris" / "config.json"
        )


class TestDigitsAsImages(unittest.TestCase):
    def test_the_pixels_are_those_of_the_rows(self):
        rows, images = (initialize_dataset("digits", images=flag) for flag in (False, True))
        self.assertEqual(images.train.data.shape, (1259, 8, 8, 1))
        np.testing.assert_array_equal(images.test.labels, rows.test.labels)
        # Rows are standardized pixel by pixel, images as a whole: both are linear in each pixel.
        pixels = images.train.data.reshape(1259, 64)
        for i in (10, 20, 43):
            correlation = np.corrcoef(pixels[:, i], rows.train.data[:, i])[0, 1]
            self.assertAlmostEqual(correlation, 1)

    def test_mean_and_spread_are_those_of_the_training_set(self):
        dataset = initialize_dataset("digits", images=True)
        self.assertAlmostEqual(dataset.train.data.mean(), 0)
        self.assertAlmostEqual(dataset.train.data.std(), 1)
        self.assertNotAlmostEqual(dataset.test.data.mean(), 0, places=4)

    def test_iris_has_none(self):
        with self.assertRaisesRegex(ValueError, "'iris' has no images"):
            initialize_dataset("iris", images=True)


class TestPicturesOfARun(CnnTest):
    def test_a_run_on_rows_has_those_of_its_units(self):
        arguments = ("--experiments", self.runs, "--dataset", "digits", "--epochs", 1)
        quietly(train_ffnn.main, *arguments)
        of_images = {"weights.png", "mistakes.png", "examples.npz"}
        found = {path.name for path in (self.runs / "digits").iterdir()}
        self.assertEqual(found, RUN_FILES | of_images)

    def test_overwriting_removes_those_of_the_run_before(self):
        self.train(*SMALL, "--name", "run")
        quietly(
            train_ffnn.main,
            *("--experiments", self.runs, "--name", "run", "--overwrite", "--epochs", 1),
        )
        self.assertEqual({path.name for path in (self.runs / "run").iterdir()}, RUN_FILES)


if __name__ == "__main__":
    unittest.main()
