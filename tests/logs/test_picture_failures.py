"""Pictures that cannot be drawn: a warning each, and everything else as it is without them."""

import contextlib
import json
import os
import subprocess
import sys
import unittest
import warnings
from unittest import mock

import numpy as np

from neural_networks import plots
from neural_networks.cli import draw
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger, read_record
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder
from tests.support.scripts import RUN_FILES, ScriptTest, quietly
from tests.support.textbook import ROOT

PICTURES = ("loss.png", "error.png", "confusion_matrix.png")
OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
SGD = {"name": "SGD", "lr": 0.05}
STEPS = "step,epoch,loss,lowest,highest,learning_rate\n"
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(12, 3)), np.eye(3)[np.arange(12) % 3]


class TestScripts(ScriptTest):
    pictures = True

    def failing(self, failure, broken=PICTURES, reason="OSError: [Errno 28] full: 'a disk'"):
        """Assert that a run with these pictures broken goes on, and tells of each in a line."""
        with failure:
            status, out, err = self.train("--epochs", 1, "--overwrite")
        self.assertEqual(status, 0)
        lines = [f"warning: {name} is not drawn ({reason})" for name in broken]
        self.assertEqual(err.splitlines(), lines)
        self.assertIn("\nTest: loss ", out)
        self.assertIn("\nNext:\n", out)
        found = {path.name for path in (self.runs / "iris").iterdir()}
        self.assertEqual(found, RUN_FILES - set(broken))

    def test_one_of_them(self):
        broken = mock.patch.object(plots, "error_curves", side_effect=RuntimeError("no\nfont"))
        self.failing(broken, ["error.png"], "RuntimeError: no font")

    def test_a_full_disk(self):
        full = OSError(28, "full", "a disk")
        self.failing(mock.patch("matplotlib.figure.Figure.savefig", side_effect=full))

    def test_matplotlib_that_cannot_be_imported(self):
        """As with an error in matplotlibrc, which is read at the first import."""
        missing = "ModuleNotFoundError: import of matplotlib.figure halted; None in sys.modules"
        self.failing(mock.patch.dict("sys.modules", {"matplotlib.figure": None}), reason=missing)

    def test_files_that_cannot_be_read_back(self):
        with mock.patch(
            "neural_networks.logs.pictures.read_record", side_effect=MemoryError("full")
        ):
            status, out, err = self.train("--epochs", 1)
        self.assertEqual((status, err), (0, "warning: no picture is drawn (MemoryError: full)\n"))
        self.assertIn("\nTest: loss ", out)


class TestSettings(InFolder):
    """Scripts in a process whose Matplotlib is set up for something else."""

    def finished(self, **environment):
        """Assert that a run with these variables ends well, with all of its pictures."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MPL")}
        given = ("--epochs", "1", "--overwrite", "--experiments", str(self.root / "runs"))
        done = subprocess.run(
            [sys.executable, "train_ffnn.py", *given],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**kept, **environment},
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = {path.name for path in (self.root / "runs" / "iris").glob("*.png")}
        self.assertEqual(found, set(PICTURES))

    def test_in_a_cell_of_a_notebook(self):
        """A notebook's backend is inherited by the processes of its cells, also in another venv."""
        for backend in ("module://matplotlib_inline.backend_inline", "module://ipympl", "nbagg"):
            self.finished(MPLBACKEND=backend)

    def test_with_latex(self):
        settings = self.root / "matplotlibrc"
        settings.write_text("text.usetex: True\nbackend: qtagg\nfont.family: serif\n")
        self.finished(MATPLOTLIBRC=str(settings))


class TestEndsOfScripts(ScriptTest):
    """Pictures are drawn however the training ends."""

    def drawn(self):
        return {path.name for path in (self.runs / "iris").glob("*.png")}

    def test_after_ctrl_c(self):
        with mock.patch.object(NeuralNetwork, "test", side_effect=KeyboardInterrupt):
            status, _, err = self.train("--epochs", 1)
        self.assertEqual((status, err), (130, "\nInterrupted.\n"))
        self.assertEqual(self.drawn(), {"loss.png", "error.png"})

    def test_in_the_second_epoch(self):
        forward, calls = NeuralNetwork.forward, []

        def interrupted(model, X):
            calls.append(len(X))
            if len(calls) == 8:
                raise KeyboardInterrupt
            return forward(model, X)

        with mock.patch.object(NeuralNetwork, "forward", interrupted):
            status, out, err = self.train("--epochs", 3)
        self.assertEqual((status, err), (130, ""))
        self.assertIn("Interrupted after 1 epoch. The results so far are in", out)
        self.assertEqual(self.drawn(), {"loss.png", "error.png"})
        self.assertEqual(len(read_record(self.runs / "iris").steps), 7)

    def test_after_a_divergence(self):
        status, _, err = self.train("--lr", "1e18", "--epochs", 3)
        self.assertEqual(status, 1)
        self.assertRegex(err, r"^error: the (validation )?loss became")
        self.assertEqual(err.count("\n"), 1)
        self.assertIn("loss.png", self.drawn())
        self.assertLessEqual(self.drawn(), {"loss.png", "error.png"})

    def test_a_divergence_in_the_first_epoch(self):
        """The steps show how the loss rises."""
        status, _, err = self.train("--loss", "l2", "--lr", 50, "--epochs", 3)
        self.assertEqual(status, 1, err)
        self.assertFalse((self.runs / "iris" / "log.csv").exists())
        self.assertEqual(self.drawn(), {"loss.png"})

    def test_nothing_is_drawn_before_all_else_is_there(self):
        found = []

        def note(picture, path):
            found.append({path.name for path in (self.runs / "iris").iterdir()} - {path.name})
            path.touch()

        with mock.patch.object(plots, "save", note):
            self.assertEqual(self.train("--epochs", 1)[0], 0)
        self.assertEqual(len(found), len(PICTURES))
        self.assertEqual(found[0], RUN_FILES - set(PICTURES))


class TestLogger(InFolder):
    def test_a_failure_leaves_training_and_test_as_they_are(self):
        logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root)
        model = NeuralNetwork("cross_entropy", [OUTPUT], SGD, logger, seed=0)
        dataset = Dataset(X, Y, 4, X, Y, X, Y, seed=0)
        with (
            mock.patch.object(plots, "loss_curves", side_effect=ValueError("bad")),
            self.assertWarnsRegex(UserWarning, r"^loss.png is not drawn \(ValueError: bad\)$"),
        ):
            model.train(dataset, 2)
        scores = model.test(dataset, save_predictions=True)
        self.assertEqual(json.loads((logger.folder / "test.json").read_text()), scores)
        found = {path.name for path in logger.folder.glob("*.png")}
        self.assertEqual(found, {"error.png", "confusion_matrix.png"})

    def test_on_the_screen(self):
        logger = Logger("run", {}, {}, plot=True)
        model = NeuralNetwork("cross_entropy", [OUTPUT], SGD, logger, seed=0)
        with (
            mock.patch.object(plots, "show", side_effect=RuntimeError("no display")) as show,
            self.assertWarns(UserWarning) as caught,
        ):
            model.train(Dataset(X, Y, 4, seed=0), 1)
        found = [str(warning.message) for warning in caught.warnings]
        reason = "is not drawn (RuntimeError: no display)"
        self.assertEqual(found, [f"loss.png {reason}", f"error.png {reason}"])
        self.assertEqual(show.call_count, 2)

    def test_ctrl_c_is_no_failure_of_a_picture(self):
        logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root)
        model = NeuralNetwork("cross_entropy", [OUTPUT], SGD, logger, seed=0)
        with (
            mock.patch.object(plots, "save", side_effect=KeyboardInterrupt),
            warnings.catch_warnings(action="error"),
            self.assertRaises(KeyboardInterrupt),
        ):
            model.train(Dataset(X, Y, 4, seed=0), 1)


class TestFolders(InFolder):
    """Folders of older versions, damaged ones, and folders that are no run."""

    def folder_of_a_run(self):
        model = {"loss": "cross_entropy"}
        logger = Logger("run", model, {}, save=True, save_dir=self.root)
        network = NeuralNetwork("cross_entropy", [OUTPUT], SGD, logger, seed=0)
        dataset = Dataset(X, Y, 4, X, Y, X, Y, seed=0, class_names=["a", "b", "c"])
        network.train(dataset, 2)
        network.test(dataset, save_predictions=True)
        return logger.folder

    def drawn(self, folder):
        """The names of the pictures that are drawn anew, and the warnings."""
        status, out, err = quietly(draw.main, folder)
        self.assertEqual(status, 0, err)
        names = [line.rpartition("/")[2] for line in out.splitlines()]
        self.assertEqual(set(names), {path.name for path in folder.glob("*.png")})
        return names, err

    def test_a_run_without_the_files_of_this_version(self):
        folder = self.folder_of_a_run()
        for name in ("steps.csv", "data.json"):
            (folder / name).unlink()
        config = json.loads((folder / "config.json").read_text())
        for key in ("format", "seeds", "environment"):
            del config[key]
        (folder / "config.json").write_text(json.dumps(config))
        self.assertEqual(self.drawn(folder), (list(PICTURES), ""))

    def test_parts_of_a_run(self):
        folder = self.folder_of_a_run()
        (folder / "log.csv").unlink()
        names = ["loss.png", "confusion_matrix.png"]  # the steps alone
        self.assertEqual(self.drawn(folder), (names, ""))
        for name in ("steps.csv", *names):
            (folder / name).unlink()
        self.assertEqual(self.drawn(folder), (["confusion_matrix.png"], ""))
        (folder / "confusion_matrix.png").unlink()
        (folder / "test_predictions.csv").unlink()
        self.assertEqual(self.drawn(folder), ([], f"warning: no picture is drawn in {folder}\n"))

    def test_forecasts_of_an_older_version(self):
        folder = self.folder_of_a_run()
        (folder / "forecast.csv").write_text("Id,step,true_0,one_step_0,free_0\n0,3,1.0,1.0,1.0\n")
        names, err = self.drawn(folder)
        self.assertEqual(names, list(PICTURES))
        self.assertRegex(err, r"^warning: forecast.png is not drawn \(ValueError: an older .*\)\n$")

    def refused(self, folder, pattern):
        status, out, err = quietly(draw.main, folder)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
        self.assertRegex(err, rf"^python -m neural_networks draw: error: {pattern}")

    def test_damaged_files(self):
        folder = self.folder_of_a_run()
        for name, content, problem in (
            ("steps.csv", "step,epoch\n1,0.5\n", "the columns must be step,epoch,loss,lowest"),
            ("steps.csv", STEPS + "2,x,1,1,1,1\n", "line 2 must hold 6 numbers, got '2,x,1,1,1,1'"),
            ("steps.csv", STEPS + "2,1\n", "line 2 must hold 6 numbers, got '2,1'"),
            ("log.csv", "epoch\n1\n\0\xff\n", "line 3 must hold 1 numbers"),
            ("data.json", "{", "is not a JSON file"),
            ("parameters.npz", "PK", "is not an .npz file"),
            ("test_predictions.csv", "Id,label\n1,2\n", "there is no column prediction"),
            ("test_predictions.csv", "label,prediction,output_0\na,b,1\n", "must be numbers"),
            ("test_predictions.csv", "label,prediction\n1,1\n", "there is no column output_0"),
            ("test_predictions.csv", "", "No columns"),
            ("config.json", "[]", "is not the configuration of a run"),
            ("config.json", "{", "is not a JSON file"),
            ("config.json", '{"format": 3, "model": {}}', "was written by a later version"),
        ):
            with self.subTest(name, content=content), self.replaced(folder / name, content):
                self.refused(folder, f"{folder / name}:? .*{problem}")

    @contextlib.contextmanager
    def replaced(self, path, content):
        """The file at a path, replaced for a while."""
        before = path.read_bytes()
        path.write_text(content, encoding="latin-1")
        yield
        path.write_bytes(before)

    def test_examples_that_are_damaged(self):
        folder = self.folder_of_a_run()
        images, ones = np.ones((2, 2, 2, 1)), np.ones(2, int)
        good = {"images": images, "true": ones, "predicted": ones, "scores": ones}
        for bad in ({"true": np.ones(3)}, {"images": np.ones((2, 2))}, {"scores": images}):
            np.savez(folder / "examples.npz", **(good | bad))
            self.refused(folder, f"{folder / 'examples.npz'}: images must be")
        np.savez(folder / "examples.npz", images=images)
        self.refused(folder, f"{folder / 'examples.npz'}: there are no true")

    def test_a_last_line_without_its_end_is_left_out(self):
        folder = self.folder_of_a_run()
        for name in ("steps.csv", "log.csv"):
            with (folder / name).open("a") as file:
                file.write("11,2.2,0.5,0.")
        record = read_record(folder)
        self.assertEqual((len(record.steps), len(record.rows)), (6, 2))
        self.assertEqual(self.drawn(folder)[1], "")

    def test_folders_that_are_no_run(self):
        self.refused(self.root / "nothing", "there is no folder")
        self.refused(self.root, f"{self.root} is not a run: it has no config.json")


if __name__ == "__main__":
    unittest.main()
