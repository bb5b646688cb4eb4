"""train_ffnn.py and the comparison of runs: processes and files."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

import numpy as np
import pandas as pd

from neural_networks.models import initialize_model
from tests.support.scripts import RUN_FILES, ScriptTest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "train_ffnn.py")


class TestFirstRun(ScriptTest):
    def test_default_run_as_a_process_in_another_folder(self):
        out, shown = self.at_a_terminal(self.root, "--experiments", "here")
        self.assertIn("Network: 83 parameters, float32", out)
        self.assertIn("W (4, 10), b (1, 10)", out)
        self.assertIn(str(Path("here") / "iris"), out)
        folder = self.root / "here" / "iris"
        self.assertEqual({path.name for path in folder.iterdir()}, RUN_FILES)
        test = json.loads((folder / "test.json").read_text())
        self.assertLessEqual(test["error"], 0.1)
        self.assertIn(f"accuracy {1 - test['error']:.1%}", out)
        self.check_progress(shown)

    def at_a_terminal(self, folder: Path, *arguments: str) -> tuple[str, str]:
        """Run the script as a process; its output, and what a terminal shows of its errors."""
        main, secondary = pty.openpty()
        termios.tcsetwinsize(secondary, (24, 80))
        self.addCleanup(os.close, main)
        command, out = [sys.executable, SCRIPT, *arguments], self.root / "out"
        with (
            out.open("w") as stdout,
            subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=secondary) as process,
        ):
            os.close(secondary)
            shown = read_terminal(main)
        self.assertEqual(process.returncode, 0)
        return out.read_text(), shown

    def check_progress(self, shown: str) -> None:
        """One line, which fits the terminal. (Without a terminal, there is none: see below.)"""
        last = shown.rstrip().split("\r")[-1]
        self.assertRegex(
            last, r"epoch 60/60 .* train loss \d\.\d+ acc \d+\.\d%, val loss \d\.\d+ acc \d+\.\d%$"
        )
        self.assertLessEqual(len(last), 80)
        self.assertEqual(shown.count("\n"), 1, "the bar stays on one line")

    def test_files_agree_with_each_other(self):
        self.train("--epochs", 5)
        folder = self.runs / "iris"
        log = pd.read_csv(folder / "log.csv")
        self.assertEqual(list(log["epoch"]), [1, 2, 3, 4, 5])
        self.assertTrue(np.isfinite(log.to_numpy()).all())
        predictions = pd.read_csv(folder / "test_predictions.csv")
        self.assertEqual(len(predictions), 30)
        wrong = (predictions["label"] != predictions["prediction"]).mean()
        self.assertAlmostEqual(json.loads((folder / "test.json").read_text())["error"], wrong)

    def test_parameters_and_config_rebuild_the_network(self):
        self.train("--epochs", 3)
        config = self.config("iris")
        model = initialize_model("again", **config["model"])
        model.load(self.runs / "iris" / "parameters.npz")
        self.assertEqual(model.epoch, 3)
        outputs = pd.read_csv(self.runs / "iris" / "test_predictions.csv")
        dataset = train_ffnn_dataset(config)
        Y_hat, _ = model.predict(dataset.test.data, None)
        np.testing.assert_allclose(
            Y_hat, outputs[["output_0", "output_1", "output_2"]], rtol=1e-5, atol=1e-7
        )


def train_ffnn_dataset(config):
    from neural_networks.datasets import initialize_dataset

    return initialize_dataset(**config["data"], dtype=config["arguments"]["dtype"])


def read_terminal(descriptor: int) -> str:
    """The output of a process to a pseudo-terminal."""
    shown = b""
    while True:
        select.select([descriptor], [], [], 60)
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end is closed
            chunk = b""
        if not chunk:
            return shown.decode()
        shown += chunk


class TestRepeating(ScriptTest):
    def test_same_seed_same_log_to_the_last_byte(self):
        for name in ("first", "second"):
            self.train("--name", name, "--seed", 3, "--epochs", 5)
        self.train("--name", "third", "--seed", 4, "--epochs", 5)
        self.assertEqual(self.log("first"), self.log("second"))
        self.assertNotEqual(self.log("first"), self.log("third"))

    def test_config_repeats_a_run(self):
        flags = ("--hidden", 7, 6, "--activation", "tanh", "--lr", 0.03, "--batch-size", 10)
        self.train("--name", "original", "--epochs", 4, "--seed", 9, *flags)
        config = self.runs / "original" / "config.json"
        self.assertEqual(self.train("--config", config, "--name", "repeated")[0], 0)
        self.assertEqual(self.log("original"), self.log("repeated"))

    def test_flags_reach_the_configuration(self):
        status, _, _ = self.train(
            *("--dataset", "digits", "--hidden", 6, 5, "--activation", "tanh"),
            *("--weight-init", "xavier_normal", "--lr", 0.03, "--scheduler", "exponential"),
            *("--lr-decay", 0.8, "--stage-length", 2, "--no-staircase", "--momentum", 0.5),
            *("--clip-norm", 3, "--batch-size", 100, "--epochs", 1, "--seed", 7),
            *("--dtype", "float64"),
        )
        self.assertEqual(status, 0)
        config = self.config("digits")
        layers = config["model"]["layer_args"]
        self.assertEqual([layer["n_out"] for layer in layers], [6, 5, None])
        self.assertEqual([layer["activation"] for layer in layers], ["tanh", "tanh", "softmax"])
        self.assertEqual({layer["weight_init"] for layer in layers}, {"xavier_normal"})
        expected = {
            "name": "SGD",
            "lr": 0.03,
            "lr_scheduler": "exponential",
            "lr_decay": 0.8,
            "stage_length": 2,
            "staircase": False,
            "momentum": 0.5,
            "clip_norm": 3,
            "scheduler_args": {},
        }
        self.assertEqual(config["model"]["optimizer_args"], expected)
        self.assertEqual(config["data"], {"name": "digits", "batch_size": 100})
        arguments = config["arguments"]
        self.assertEqual((arguments["epochs"], arguments["seed"]), (1, 7))
        self.assertEqual(arguments["dtype"], "float64")
        with np.load(self.runs / "digits" / "parameters.npz") as parameters:
            self.assertEqual(parameters["layer1.W"].dtype, np.float64)
        self.assertIn("--weight-init xavier_normal", arguments["command"])

    def test_a_run_never_touches_another(self):
        self.train("--epochs", 1)
        before = {path: path.read_bytes() for path in (self.runs / "iris").iterdir()}
        _, out, _ = self.train("--epochs", 2)
        self.assertIn("'iris-2'", out)
        self.assertEqual({path: path.read_bytes() for path in before}, before)
        self.assertEqual(len(pd.read_csv(self.runs / "iris-2" / "log.csv")), 2)

    def test_overwrite_spares_what_no_run_has_written(self):
        self.train("--epochs", 1)
        (self.runs / "iris" / "notes.md").write_text("mine")
        (self.runs / "thesis").mkdir()
        (self.runs / "thesis" / "config.json").write_text("{}")
        self.assertEqual(self.train("--epochs", 1, "--overwrite")[0], 0)
        self.assertEqual((self.runs / "iris" / "notes.md").read_text(), "mine")
        status, _, err = self.train("--name", "thesis", "--overwrite")
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertEqual((self.runs / "thesis" / "config.json").read_text(), "{}")

    def test_overwrite_replaces(self):
        self.train("--epochs", 1)
        (self.runs / "iris" / "kaggle_predictions.csv").write_text("of the old run")
        self.train("--epochs", 2, "--overwrite")
        self.assertEqual([path.name for path in self.runs.iterdir()], ["iris"])
        self.assertEqual({path.name for path in (self.runs / "iris").iterdir()}, RUN_FILES)
        self.assertEqual(len(pd.read_csv(self.runs / "iris" / "log.csv")), 2)


class TestInterruption(ScriptTest):
    def test_ctrl_c_keeps_log_and_parameters(self):
        command = [sys.executable, SCRIPT, "--experiments", str(self.runs), "--epochs", "1000000"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
            self.addCleanup(process.kill)
            log = self.runs / "iris" / "log.csv"
            deadline = time.monotonic() + 60
            while not (log.exists() and log.read_bytes().count(b"\n") > 20):
                self.assertLess(time.monotonic(), deadline, "training did not start")
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(err, "", "no progress bar without a terminal")
        self.assertIn("Interrupted after", out)
        epochs = len(pd.read_csv(log))
        self.assertGreaterEqual(epochs, 20)
        with np.load(self.runs / "iris" / "parameters.npz") as parameters:
            # Ctrl-C may come between the end of an epoch and its row.
            self.assertIn(int(parameters["epoch"]) - epochs, (0, 1))
        self.assertTrue((self.runs / "iris" / "loss.png").exists())


if __name__ == "__main__":
    unittest.main()
