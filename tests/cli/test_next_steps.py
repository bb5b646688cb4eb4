"""Next: the commands that are suggested fit the run that has just ended, and can be pasted."""

import contextlib
import shlex
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.cli import next_steps, predict
from neural_networks.models import NeuralNetwork
from neural_networks.utils.files import python_command
from tests.support import synthetic_files
from tests.support.scripts import FlagTest, quietly

ROOT = Path(train_ffnn.__file__).parent


class NextTest(FlagTest):
    def steps(self, out: str) -> list[list[str]]:
        """The suggested commands, as words, without the Python that runs them."""
        lines = out.split("\nNext:\n")[1].splitlines()
        return [shlex.split(line.removeprefix(f"  {python_command()} ")) for line in lines]

    def flags(self, out: str) -> list[list[str]]:
        """The flags of the suggested trainings."""
        scripts = [words for words in self.steps(out) if words[0] != "-m"]
        for script, *_ in scripts:
            self.assertTrue(Path(script).samefile(self.script.__file__))
        return [words[1:] for words in scripts]

    def all_run(self, out: str) -> list[str]:
        """Run the suggested trainings, for an epoch; returns their outputs."""
        outs = []
        for flags in self.flags(out):
            shorter = [] if "--epochs" in flags else ["--epochs", "1"]
            status, out, err = quietly(self.script.main, *flags, *shorter)
            self.assertEqual((status, err), (0, ""), flags)
            outs.append(out)
        return outs


class TestFinished(NextTest):
    def test_the_own_run_of_each_script(self):
        for script, epochs in ((train_ffnn, 2), (train_rnn, 1), (train_cnn, 1)):
            self.script = script
            fast = mock.patch.dict(script.CONFIGURATION.data_args, batch_size=1000)
            with self.subTest(script.__name__), fast:
                _, out, _ = self.train("--epochs", epochs, "--seed", 3)
                expected = [shlex.split(step) for step in script.NEXT_STEPS]
                place = ["--experiments", str(self.runs)]
                self.assertEqual(self.flags(out), [[*step, *place] for step in expected])
                self.all_run(out)

    def test_another_network_on_other_data_goes_on_with_them(self):
        _, out = self.done("--dataset", "digits", "--hidden", 6, 5, "--activation", "tanh")
        for text in self.all_run(out):
            self.assertIn("Data: digits", text)
            self.assertRegex(text, r"FullyConnected  tanh +-> \(6,\)")
        for run in ("run-2", "run-3"):
            sizes = [layer["n_out"] for layer in self.config(run)["model"]["layer_args"]]
            self.assertEqual(sizes, [6, 5, None])
        self.assertEqual(self.config("run-3")["arguments"]["seed"], 1)

    def test_a_preset_with_other_flags(self):
        with mock.patch.dict("os.environ", NEURAL_NETWORKS_DATA=str(self.root / "data")):
            synthetic_files.write_all(self.root / "data")
            self.train("--preset", "fashion_mnist", "--name", "prepared", "--epochs", 1)
            _, out = self.done("--preset", "fashion_mnist", "--hidden", 5, "--seed", 4)
            first, _ = self.flags(out)
            self.assertEqual(first[:2], ["--config", str(self.runs / "run" / "config.json")])
            self.all_run(out)
            layers = self.config("run-2")["model"]["layer_args"]
            self.assertEqual([x["n_out"] for x in layers if "n_out" in x], [5, None])
            _, out = self.done("--preset", "fashion_mnist", "--seed", 4)
            place = ["--experiments", str(self.runs)]
            expected = [["--preset", "fashion_mnist", "--seed", "5", *place]]
            self.assertEqual(self.flags(out), expected)

    def test_no_flag_twice(self):
        flags = ("--seed", 3, "--lr", 0.5, "--patience", 2, "--l2", 0.5)
        self.all_run(self.done(*flags, "--epochs", 3)[1])

    def course_of(self, best: int, epochs: int, **changes: object) -> tuple[str, str]:
        """The sentence and the flags after a training whose best epoch was this one."""
        config, _ = train_ffnn.configure(["--epochs", str(epochs)])
        config.update(patience=changes.get("patience"))
        config.model_args.update(l2=changes.get("l2", 0.0))
        model = mock.Mock(epoch=changes.get("ended", epochs))
        model.best.epoch = best
        return next_steps.after_training(config, model)

    def test_the_course_of_the_training(self):
        for best, epochs, changes, sentence, flags in (
            (10, 10, {}, "The last epoch was the best one: more may help.", "--epochs 20"),
            (9, 10, {}, "", "--lr 0.0067"),
            (2, 60, {}, "Epoch 2 of 60 was the best one: the network overfits.", "--patience 6"),
            (1, 4, {}, "Epoch 1 of 4 was the best one: the network overfits.", "--patience 3"),
            (2, 60, {"patience": 3}, "Epoch 2 of 60 was the", "--l2 0.001"),
            (2, 60, {"patience": 3, "l2": 0.5}, "Epoch 2 of 60 was the", "--l2 5"),
            (5, 60, {"patience": 3, "ended": 8}, "Epoch 5 of 8 was the", "--l2 0.001"),
            (8, 60, {"patience": 3, "ended": 8}, "", "--lr 0.0067"),
        ):
            with self.subTest(best=best, epochs=epochs, **changes):
                found = self.course_of(best, epochs, **changes)
                self.assertTrue(found[0].startswith(sentence) and bool(found[0]) == bool(sentence))
                self.assertEqual(found[1], flags)

    def test_it_is_printed(self):
        _, out = self.done("--lr", 0.05, "--epochs", 2)
        self.assertIn("\nThe last epoch was the best one: more may help.\nNext:\n", out)


class TestOwnTable(NextTest):
    def table(self) -> Path:
        rng = np.random.default_rng(0)
        rows = [f"{a:.3f},{b:.3f},{'xy'[int(a > 0)]}" for a, b in rng.normal(size=(40, 2))]
        path = self.root / "a table.csv"
        path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
        return path

    def test_predictions_for_new_rows(self):
        options = ("--dataset", "csv", "--data-args", f"path={self.table()}", "label=kind")
        with mock.patch.object(next_steps, "repository", Path.cwd):
            _, out = self.done(*options)
        (_, module, verb, run, file), compare = self.steps(out)[-2:]
        self.assertEqual((module, verb, Path(run).name), ("neural_networks", "predict", "run"))
        self.assertEqual(compare[:3], ["-m", "neural_networks", "compare"])
        rows = self.root / file
        rows.write_text("a,b\n1,2\n-1,0\n")
        status, out, _ = quietly(predict.main, run, rows)
        self.assertEqual((status, len(out.splitlines())), (0, 3))

    def test_not_after_other_data(self):
        with mock.patch.object(next_steps, "repository", Path.cwd):
            self.assertNotIn("predict", self.done("--lr", 0.05)[1].split("Next:")[1])


class TestEndedEarly(NextTest):
    def test_a_training_that_diverged(self):
        status, out, err = self.train("--lr", "2e9")
        self.assertEqual((status, err.count("\n")), (1, 1))
        again = ["--config", str(self.runs / "iris" / "config.json")]
        place = ["--experiments", str(self.runs)]
        first, second = self.flags(out)
        self.assertEqual(first, [*again, "--lr", "2e+08", *place])
        self.assertEqual(second, [*again, "--clip-global-norm", "1", *place])

    def test_with_clipped_gradients_there_is_the_rate_alone(self):
        self.script = train_rnn  # its gradients are clipped
        flags = ("--lr", "1e30", "--window", 4, "--batch-size", 1000, "--epochs", 3)
        status, out, _ = self.train(*flags, "--activation", "linear")
        self.assertEqual(status, 1)
        (only,) = self.flags(out)
        self.assertIn("1e+29", only)

    def interrupted(self, epochs: int, *flags: object) -> str:
        """The output of a training that Ctrl-C ends in the epoch after these."""
        update = NeuralNetwork.update

        def interrupt(model, epoch):
            if model.epoch == epochs:
                raise KeyboardInterrupt
            update(model, epoch)

        with mock.patch.object(NeuralNetwork, "update", interrupt):
            status, out, _ = self.train(*flags)
        self.assertEqual(status, 130)
        return out

    def test_an_interrupted_training(self):
        out = self.interrupted(2, "--lr", 0.05, "--hidden", 3)
        first, second = self.flags(out)
        config, place = str(self.runs / "iris" / "config.json"), str(self.runs)
        self.assertEqual(first, ["--config", config, "--epochs", "2", "--experiments", place])
        self.assertEqual(second, ["--config", config, "--experiments", place])
        self.all_run(out)
        self.assertEqual(len(self.log("iris-2").splitlines()), 1 + 2)

    def test_in_its_first_epoch(self):
        (only,) = self.flags(self.interrupted(0))
        self.assertNotIn("--epochs", only)


class TestPlace(NextTest):
    def test_the_folder_of_the_runs_goes_with_them(self):
        with contextlib.chdir(self.root):
            out = self.done("--lr", 0.05)[1]
            for flags in self.flags(out):
                self.assertEqual(flags[1], "runs of mine/run/config.json")
                self.assertEqual(flags[-2:], ["--experiments", "runs of mine"])
            self.all_run(out)


class TestPython(unittest.TestCase):
    def test_it_is_the_one_that_runs(self):
        for path, found, words in (
            ("/usr/bin/python", "/usr/bin/python", "python"),
            ("/usr/bin/python", None, "/usr/bin/python"),
            ("/a/.venv/bin/python", "/usr/bin/python", "/a/.venv/bin/python"),
            ("/my envs/b/python", "/usr/bin/python", "'/my envs/b/python'"),
        ):
            with (
                self.subTest(path=path, found=found),
                mock.patch("sys.executable", path),
                mock.patch("shutil.which", return_value=found),
            ):
                self.assertEqual(python_command(), words)
        here = Path.cwd() / ".venv" / "bin" / "python"
        with mock.patch("sys.executable", str(here)), mock.patch("shutil.which", return_value=None):
            self.assertEqual(python_command(), ".venv/bin/python")


if __name__ == "__main__":
    unittest.main()
