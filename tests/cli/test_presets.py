"""Presets on synthetic data: files of a run, flags on top, repetition."""

import contextlib
import copy
import itertools
import json
import re
import shlex
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.cli.presets import PRESETS
from tests.datasets.test_interrupted_cache import RealData
from tests.support import synthetic_files
from tests.support.scripts import RUN_FILES, FlagTest, ScriptTest, quietly

# Without a test set, the validation set takes its place.
KEPT = {name.replace("test", "validation") for name in RUN_FILES}
OF_IMAGES = {"weights.png", "mistakes.png", "validation_examples.npz"}
BEYOND = {
    "fashion_mnist": {"weights.png", "mistakes.png", "examples.npz"},
    "higgs": {"roc.png", "kaggle_predictions.csv"},
    "letters": OF_IMAGES,
    "letters_deep": OF_IMAGES,
    "cifar10_two_layers": {"weights.png", "mistakes.png", "examples.npz", "submission.csv"},
    "cifar10_deep": {"weights.png", "mistakes.png", "examples.npz", "submission.csv"},
    "cifar10": {"kernels.png", "mistakes.png", "examples.npz", "submission.csv"},
    "cifar10_small": {"kernels.png", "mistakes.png", "examples.npz", "submission.csv"},
    "cifar10_three_layers": {"kernels.png", "mistakes.png", "examples.npz", "submission.csv"},
    "fashion_mnist_cnn": {"kernels.png", "mistakes.png", "examples.npz"},
}
"""Files of each preset's run, beyond those of every run."""


class Every(RealData, ScriptTest):
    """A test of all presets of both scripts."""

    def presets(self):
        """The presets by name; ``self.script`` is that of each."""
        for self.script in (train_ffnn, train_cnn):
            for name, preset in PRESETS[f"{self.script.__name__}.py"].items():
                with self.subTest(name):
                    yield name, preset


class TestRuns(Every):
    def test_each_repeats_to_the_last_byte(self):
        """With the preset's number of epochs, and all images, where that is fast."""
        for name, preset in self.presets():
            self.assertEqual(self.script.configure(["--preset", name])[0].epochs, preset.epochs)
            epochs = preset.epochs if name in ("fashion_mnist", "letters") else 2
            flags = () if epochs == preset.epochs else ("--epochs", epochs)
            if self.script is train_cnn:
                flags += ("--data-args", "n_training=40")
            status, out, err = self.train("--preset", name, *flags)
            self.assertEqual((status, err), (0, ""))
            log = pd.read_csv(self.runs / name / "log.csv")
            self.assertEqual(list(log["epoch"]), list(range(1, epochs + 1)))
            self.check_files(name, out)
            self.repeat(name)

    def check_files(self, name: str, out: str) -> None:
        found = {path.name for path in (self.runs / name).iterdir()}
        usual = KEPT if "letters" in name else RUN_FILES
        self.assertEqual(found, usual | BEYOND[name])
        folder, *lines = out.split("Results are in ")[1].split("\n\n")[0].splitlines()
        self.assertTrue(folder.endswith(f"/{name}:"))
        self.assertEqual({line.split()[0] for line in lines}, found)

    def repeat(self, name: str) -> None:
        config = self.runs / name / "config.json"
        self.assertEqual(self.train("--config", config, "--name", "again", "--overwrite")[0], 0)
        self.assertEqual(self.log("again"), self.log(name))
        first, again = self.config(name), self.config("again")
        self.assertIn(f"--preset {name}", first["arguments"].pop("command"))
        del first["model_name"], again["model_name"], again["arguments"]["command"]
        self.assertEqual(again, first)


class TestPictures(Every):
    pictures = True

    def test_beyond_learning_curves(self):
        name = "neural_networks.logs.pictures.learning_curves"
        self.enterContext(mock.patch(name, return_value=[]))
        for self.script, name in (
            (train_ffnn, "higgs"),
            (train_cnn, "fashion_mnist_cnn"),
        ):
            self.assertEqual(self.train("--preset", name, "--epochs", 1)[0], 0)
            found = sorted((self.runs / name).glob("*.png"))
            expected = {file for file in BEYOND[name] if file.endswith(".png")}
            self.assertLessEqual(expected, {picture.name for picture in found})
            for picture in found:
                self.assertEqual(picture.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")


class PresetTest(RealData, FlagTest):
    """A test of presets, without pictures."""

    def described(self, *arguments: object) -> str:
        return self.done("--epochs", 1, *arguments)[1]


class TestWhatTheyAre(PresetTest, Every):
    """The presets as docs/data.md describes them."""

    def test_each(self):
        for name, _ in self.presets():
            few = ("--data-args", "n_training=20") if self.script is train_cnn else ()
            config, out = self.done("--preset", name, "--epochs", 1, *few)
            self.assertEqual(
                (config["arguments"]["seed"], config["arguments"]["dtype"]), (0, "float32")
            )
            self.assertIn(", float32\n", out)
            self.assertTrue(name.startswith(config["data"]["name"]))
            optimizer = config["model"]["optimizer_args"]
            if name == "cifar10_three_layers":
                self.assertEqual((optimizer["name"], optimizer.get("lr_scheduler")), ("Adam", None))
                self.assertIn("cross_entropy + 0.001 l2, Adam with constant learning rate", out)
            else:
                self.assertEqual(
                    (optimizer["name"], optimizer["lr_scheduler"]), ("AdamW", "one_cycle")
                )
                self.assertRegex(out, "Training: (binary_)?cross_entropy, AdamW with .*one-cycle")
            self.check_layers(name, config["model"]["layer_args"])
            self.check_data(config["data"])

    def check_layers(self, name: str, layers: list[dict]) -> None:
        names = [layer["name"] for layer in layers]
        few = ("letters", "cifar10_two_layers", "cifar10_three_layers")
        for layer, following in itertools.pairwise(layers):
            if layer["name"] in ("fully_connected", "conv2d"):
                normalized = following["name"] == "batch_norm"
                self.assertEqual(normalized, name not in few)
                active = following if normalized else layer
                self.assertEqual(active["activation"], "relu")
        self.assertEqual(layers[-1]["activation"], "sigmoid" if name == "higgs" else "softmax")
        self.assertIsNone(layers[-1]["n_out"])
        self.assertEqual("dropout" in names, name not in few)

    def check_data(self, args: dict) -> None:
        """Only photographs are flipped: a mirrored letter is another letter."""
        if args.get("flip"):
            self.assertEqual(args["name"], "cifar10")
        self.assertEqual(args.get("images", False), self.script is train_cnn)
        self.assertEqual(args.get("validate_on_test", False), args["name"] == "fashion_mnist")
        self.assertEqual(args.get("binary_labels", False), args["name"] == "higgs")
        self.assertEqual(args.get("size"), "large" if args["name"] == "letters" else None)

    def test_sizes_of_the_sets(self):
        for preset, words in (
            ("higgs", "200 training + 20 validation + 20 test examples of shape (28,), 1 output\n"),
            (
                "fashion_mnist",
                "80 training + 20 validation + 20 test examples of shape (784,), 10 o",
            ),
            ("letters", "120 training + 30 validation examples of shape (128,), 10 outputs\n"),
            (
                "cifar10_deep",
                "98 training + 2 validation + 20 test examples of shape (3072,), 10 o",
            ),
        ):
            self.assertIn(words, self.described("--preset", preset))

    def test_images_are_halved_as_kernels_grow_in_number(self):
        self.script = train_cnn
        for preset, last in (("cifar10", 192), ("cifar10_small", 128)):
            out = self.described("--preset", preset, "--data-args", "n_training=20")
            shapes = re.findall(r"(Conv2D|Pool2D) .*-> \((\d+), \d+, (\d+)\)", out)
            sizes = list(
                dict.fromkeys((int(size), int(n)) for name, size, n in shapes if name == "Conv2D")
            )
            self.assertEqual(sizes, [(32, 32), (16, 64), (8, last)])
            pooled = [int(size) for name, size, _ in shapes if name == "Pool2D"]
            self.assertEqual(pooled[:2], [16, 8])


class TestFlags(PresetTest):
    def test_they_override_a_preset(self):
        config, out = self.done(
            *("--preset", "higgs", "--epochs", 1, "--lr", 0.5, "--seed", 7, "--hidden", 8, 4),
            *("--dropout", 0.25, "--batch-size", 100, "--dtype", "float64", "--l2", 0.125),
            *("--data-args", "n_training=150", "label_smoothing=0.1"),
        )
        preset = PRESETS["train_ffnn.py"]["higgs"]
        layers = config["model"]["layer_args"]
        dense = [layer["n_out"] for layer in layers if layer["name"] == "fully_connected"]
        dropout = [layer["p"] for layer in layers if layer["name"] == "dropout"]
        self.assertEqual((dense, dropout), ([8, 4, None], [0.25, 0.25]))
        self.assertEqual([layer["name"] for layer in layers[1::3]], ["batch_norm"] * 2)
        expected = {**preset.model_args["optimizer_args"], "lr": 0.5}
        self.assertEqual(config["model"]["optimizer_args"], expected)
        self.assertEqual(
            (config["model"]["loss"], config["model"]["l2"]), ("binary_cross_entropy", 0.125)
        )
        changed = {"batch_size": 100, "n_training": 150, "label_smoothing": 0.1}
        self.assertEqual(config["data"], {"name": "higgs", "binary_labels": True, **changed})
        arguments = config["arguments"]
        given = {"epochs": 1, "seed": 7, "dtype": "float64"}
        self.assertEqual({key: arguments[key] for key in given}, given)
        self.assertIn("150 training + 20 validation", out)
        self.assertRegex(out, r"0.5; 1 epoch of 2 steps, batch size 100, seed 7\n")

    def test_name_of_the_run(self):
        self.train("--preset", "cifar10_two_layers", "--epochs", 1)
        self.train("--preset", "cifar10_two_layers", "--epochs", 1, "--name", "mine")
        _, out, _ = self.train("--preset", "cifar10_two_layers", "--epochs", 1)
        self.assertIn("'cifar10_two_layers-2' (--overwrite replaces it)", out)
        for preset in ("letters", "letters_deep"):
            self.train("--preset", preset, "--dataset", "digits", "--epochs", 1)
        found = {path.name for path in self.runs.iterdir()}
        expected = {"cifar10_two_layers", "cifar10_two_layers-2", "mine", "digits", "letters_deep"}
        self.assertEqual(found, expected)

    def test_a_preset_stays_as_it_is(self):
        before, text = copy.deepcopy(PRESETS), json.dumps(PRESETS)
        flags = (
            "--loss",
            "cross_entropy",
            "--activation",
            "tanh",
            "--weight-init",
            "xavier_normal",
        )
        self.done("--preset", "higgs", *flags, "--hidden", 3, "--dropout", 0, "--seed", 5)
        self.done("--preset", "letters_deep", "--normalization", "layer", "--optimizer", "SGD")
        self.done("--preset", "letters", "--dataset", "digits", "--scheduler", "cosine")
        self.script = train_cnn
        flags = ("--kernel", 5, "--pool", "max", "--filters", 2, "--data-args", "flip=false")
        self.done("--preset", "fashion_mnist_cnn", "--batch-size", 40, *flags)
        self.done("--preset", "fashion_mnist_cnn", "--kernel", 1, "--pool", "average", "--l1", 0.5)
        self.assertEqual(PRESETS, before)
        self.assertEqual(json.dumps(PRESETS), text)

    def test_options_of_its_dataset_go_with_it(self):
        config, _ = self.done("--preset", "letters_deep", "--dataset", "digits")
        self.assertEqual(config["data"], {"name": "digits", "batch_size": 50, "shift": 1})
        words = "is for two classes, and 'iris' has 3"
        self.runs.rename(self.root / "earlier")
        self.refused(words, "--preset", "higgs", "--dataset", "iris")

    def test_two_classes_with_another_loss(self):
        config, out = self.done("--preset", "higgs", "--loss", "cross_entropy")
        self.assertNotIn("binary_labels", config["data"])
        self.assertEqual(config["model"]["layer_args"][-1]["activation"], "softmax")
        self.assertIn("(28,), 2 outputs\n", out)

    def test_next_step_is_the_preset_with_another_seed(self):
        with contextlib.chdir(self.root):
            _, out, _ = self.train("--preset", "higgs", "--epochs", 1)
            steps = out.split("\nNext:\n")[1].splitlines()
            self.assertEqual(len(steps), 1)
            _, script, *flags = shlex.split(steps[0])
            self.assertTrue(Path(script).samefile(train_ffnn.__file__))
            place = ["--experiments", self.runs.name]
            self.assertEqual(flags, ["--preset", "higgs", "--seed", "1", *place])
            self.assertEqual(quietly(train_ffnn.main, *flags, "--epochs", 1)[0], 0)
            self.assertEqual(self.config("higgs-2")["arguments"]["seed"], 1)
            _, out, _ = self.train("--dataset", "higgs", "--epochs", 1)
            self.assertNotIn("--preset", out.split("\nNext:\n")[1])
            self.assertEqual(
                len(out.split("\nNext:\n")[1].splitlines()), len(train_ffnn.NEXT_STEPS)
            )

    def test_mistakes(self):
        known = ", ".join(PRESETS["train_ffnn.py"])
        words = rf"unknown preset 'higs'; did you mean 'higgs'\? \(known: {known}\)$"
        self.refused(words, "--preset", "higs")
        self.refused(
            "unknown preset 'cifar10_small'; did you mean 'cifar10_", "--preset", "cifar10_small"
        )
        self.refused("unknown preset ''", "--preset", "")
        self.refused("", "--config", "")
        for first, second in (("config", "preset"), ("preset", "config")):
            words = f"argument --{second}: not allowed with argument --{first}"
            self.refused(words, f"--{first}", "higgs", f"--{second}", "higgs")
        self.refused("argument --preset: expected one argument", "--preset")
        self.script = train_cnn
        self.refused("unknown preset 'higgs'.*cifar10_three_layers", "--preset", "higgs")
        self.script = train_rnn
        self.refused("unrecognized arguments: --preset higgs", "--preset", "higgs")

    def test_help_names_them(self):
        for script in (train_ffnn, train_cnn):
            status, out, _ = quietly(script.main, "--help")
            self.assertEqual(status, 0)
            words = out.split("\n  --preset NAME")[1].replace(",", " ").split()
            presets = list(PRESETS[f"{script.__name__}.py"])
            self.assertEqual(words[: 4 + len(presets)], ["start", "from", "one", "of:", *presets])
        self.assertNotIn("preset", quietly(train_rnn.main, "--help")[1])


class TestSeeds(PresetTest):
    def runs_differ(self, *flags: object) -> None:
        """Assert that equal seeds make equal runs, and that another seed makes another."""
        logs, parameters = [], []
        for seed in (3, 3, 4):
            self.done(*flags, "--epochs", 2, "--seed", seed)
            logs.append(self.log("run"))
            with np.load(self.runs / "run" / "parameters.npz") as file:
                parameters.append({key: file[key].tobytes() for key in file})
        self.assertEqual(logs[0], logs[1])
        self.assertEqual(parameters[0], parameters[1])
        self.assertNotEqual(logs[0], logs[2])

    def test_the_order_of_the_examples(self):
        """With everything else fixed: no hidden layer, weights 0."""
        self.runs_differ("--preset", "letters", "--hidden", "--weight-init", "zeros")

    def test_dropout_and_shifts(self):
        self.runs_differ("--preset", "letters_deep")
        self.changes_by("--preset", "letters_deep", without="shift=0")

    def test_mirrored_and_shifted_photographs(self):
        self.script = train_cnn
        small = ("--filters", 4, "--batch-size", 20)
        self.runs_differ("--preset", "cifar10", *small)
        self.changes_by("--preset", "cifar10", *small, without="flip=false")
        self.changes_by("--preset", "cifar10", *small, without="shift=0")

    def changes_by(self, *flags: object, without: str) -> None:
        """Assert that the run changes without this augmentation."""
        self.done(*flags)
        log = self.log("run")
        self.done(*flags, "--data-args", without)
        self.assertNotEqual(self.log("run"), log)


class TestKaggle(PresetTest):
    """Kaggle files: Ids and classes, in the order of the test set."""

    def submitted(self, preset: str, file: str, true: np.ndarray, first_id: int) -> None:
        _, out = self.done("--preset", preset)
        self.assertRegex(out, rf"\n  {file} +predictions for submission, \d+ rows?\n")
        lines = (self.runs / "run" / file).read_text().splitlines()
        self.assertEqual(lines[0], "Id,Category")
        table = pd.read_csv(self.runs / "run" / file)
        self.assertEqual(list(table["Id"]), list(range(first_id, first_id + len(true))))
        tested = pd.read_csv(self.runs / "run" / "test_predictions.csv")
        self.assertEqual(list(tested["label"]), list(true))
        self.assertEqual(list(table["Category"]), list(tested["prediction"]))
        self.assertEqual(lines[1:], [f"{i},{k}" for i, k in table.to_numpy()])

    def test_higgs(self):
        rows = synthetic_files.write_higgs(self.root / "again")
        self.submitted("higgs", "kaggle_predictions.csv", rows[220:, 0], 0)
        auc = json.loads((self.runs / "run" / "test.json").read_text())["auc"]
        tested = pd.read_csv(self.runs / "run" / "test_predictions.csv")
        background, signal = (tested["output_0"][tested["label"] == k].to_numpy() for k in (0, 1))
        pairs = signal[:, np.newaxis] - background
        self.assertAlmostEqual(auc, ((pairs > 0) + (pairs == 0) / 2).mean(), places=12)

    def test_photographs(self):
        batches = synthetic_files.write_cifar10(self.root / "again", 20)
        self.submitted("cifar10_two_layers", "submission.csv", batches["test_batch.bin"][:, 0], 1)
        self.assertNotIn("auc", (self.runs / "run" / "test.json").read_text())


class TestValidation(PresetTest):
    def test_results_of_the_last_epoch(self):
        _, out = self.done("--dataset", "letters")
        row = self.rows()[-1]
        self.assertIn(self.line(row), out)
        self.assertNotIn("Test:", out)
        self.assertFalse((self.runs / "run" / "test.json").exists())

    def test_results_of_the_best_one(self):
        _, out = self.done("--preset", "letters", "--lr", 0.5, "--epochs", 9, "--patience", 1)
        rows = self.rows()
        best = min(rows, key=lambda row: float(row["validation_loss"]))
        self.assertIsNot(best, rows[-1])
        self.assertIn(f"Back to the parameters after epoch {best['epoch']}", out)
        self.assertIn(self.line(best), out)

    def line(self, row: dict[str, str]) -> str:
        right = 30 - round(float(row["validation_error"]) * 30)
        accuracy = f"accuracy {right / 30:.1%} ({right} of 30 right)"
        return f"\nValidation: loss {float(row['validation_loss']):.4f}, {accuracy}\n"


if __name__ == "__main__":
    unittest.main()
