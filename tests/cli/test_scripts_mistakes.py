"""Mistakes on the command line: wrong arguments, odd names, broken files."""

import json
import os
import shlex
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import train_ffnn
import train_rnn
from neural_networks.activations import ACTIVATIONS
from neural_networks.weights import WEIGHTS
from tests.support.scripts import RUN_FILES, SEQUENCE_FILES, ScriptTest, quietly

SCRIPT = train_ffnn.__file__


class TestMistakes(ScriptTest):
    def assert_one_line(self, arguments: tuple, *words: str) -> None:
        with self.subTest(arguments=arguments):
            status, _, err = self.train(*arguments)
            self.assertEqual(status, 2)
            self.assertEqual(err.count("\n"), 1, err)
            for word in words:
                self.assertIn(word, err)
            self.assertFalse(self.runs.exists(), "a mistake leaves no folder")

    def test_wrong_arguments(self):
        self.assert_one_line(("--dataset", "irsi"), "'irsi'", "did you mean 'iris'?")
        self.assert_one_line(("--activation", "rellu"), "layer 1", "did you mean 'relu'?")
        self.assert_one_line(("--weight-init", "he"), "'he'", "he_normal")
        self.assert_one_line(("--scheduler", "constnt"), "did you mean 'constant'?")
        self.assert_one_line(("--dtype", "float16"), "float32", "'float16'")
        self.assert_one_line(("--hidden", 10, 0), "layer 2", "n_out must be at least 1, got 0")
        self.assert_one_line(("--hidden", 1.5), "--hidden", "1.5")
        self.assert_one_line(("--epochs", 0), "epochs must be at least 1, got 0")
        self.assert_one_line(("--batch-size", -3), "batch_size must be at least 1, got -3")
        self.assert_one_line(("--lr", "nan"), "lr must be", "nan")
        self.assert_one_line(("--lr", "fast"), "--lr", "'fast'")
        self.assert_one_line(("--momentum", 1), "momentum must be", "1.0")
        self.assert_one_line(("--clip-norm", 0), "clip_norm must be greater than 0")
        self.assert_one_line(("--scheduler", "exponential", "--lr-decay", -1), "lr_decay", "-1.0")
        self.assert_one_line(("--seed", -1), "seed must be 0 or greater, got -1")
        self.assert_one_line(("--name", "../elsewhere"), "'../elsewhere'")
        self.assert_one_line(("--learning-rate", 1), "--learning-rate")
        self.assert_one_line(("--lrr", 0.1), "did you mean '--lr'?")
        self.assert_one_line(("--config", "nowhere.json"), "error: there is no file nowhere.json\n")
        words = f"error: {self.root} is a folder, not a config.json\n"
        self.assert_one_line(("--config", self.root), words)

    def test_config_with_an_unknown_key(self):
        self.train("--epochs", 1)
        config = json.loads((self.runs / "iris" / "config.json").read_text())
        config["model"]["layer_args"][0]["n_outs"] = 3
        file = self.runs / "mine.json"
        file.write_text(json.dumps(config))
        status, _, err = self.train("--config", file)
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn("did you mean 'n_out'?", err)
        file.write_text("{}")
        self.assertEqual(self.train("--config", file)[0], 2)

    def test_config_edited_by_hand(self):
        self.train("--epochs", 1)
        file = self.runs / "mine.json"
        original = (self.runs / "iris" / "config.json").read_text()
        edits = {
            "layer_args": lambda c: c["model"].update(layer_args=[]),
            "a mapping": lambda c: c["model"].update(layer_args=["a"]),
            "no 'loss'": lambda c: c["model"].pop("loss"),
            "'optimizer_args' must be": lambda c: c["model"].update(optimizer_args="SGD"),
            "no 'optimizer_args'": lambda c: c["model"].pop("optimizer_args"),
            "'model' must be": lambda c: c.update(model=[]),
            "no 'name'": lambda c: c["data"].pop("name"),
            "no 'seed'": lambda c: c["arguments"].pop("seed"),
            "'epoch'; did you mean 'epochs'?": lambda c: c["arguments"].update(epoch=3),
            "'notes'": lambda c: c.update(notes="mine"),
            "run's name": lambda c: c.update(model_name=5),
            "unknown layer": lambda c: c["model"]["layer_args"][0].update(name=["a"]),
            "staircase": lambda c: c["model"]["optimizer_args"].update(
                lr_scheduler="exponential", staircase="false"
            ),
            "lr must be a number": lambda c: c["model"]["optimizer_args"].update(lr="0.1"),
            "epochs must be": lambda c: c["arguments"].update(epochs="3"),
            "'momentm'": lambda c: c["model"]["optimizer_args"].update(momentm=None),
        }
        for words, edit in edits.items():
            with self.subTest(words):
                config = json.loads(original)
                edit(config)
                file.write_text(json.dumps(config))
                status, _, err = self.train("--config", file)
                self.assertEqual((status, err.count("\n")), (2, 1), err)
                self.assertIn(words, err)
        file.write_bytes(b"\xff\xfe")
        self.assertEqual(self.train("--config", file)[0], 2)

    def test_rates_and_sizes_beyond_all_measure(self):
        grows = ("--lr", 0, "--scheduler", "exponential", "--lr-decay", 10, "--stage-length", 0.001)
        for arguments, words in ((grows, "learning rate"), (("--hidden", 10**13), "allocate")):
            with self.subTest(arguments=arguments):
                status, _, err = self.train(*arguments)
                self.assertEqual((status, err.count("\n")), (2, 1), err)
                self.assertIn(words, err)

    def test_folder_that_cannot_be_written(self):
        self.runs.write_text("a file where the folder should be")
        status, _, err = self.train()
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.runs.unlink()
        refused = PermissionError(13, "Permission denied", str(self.runs))
        with mock.patch.object(Path, "mkdir", side_effect=refused):
            status, _, err = self.train()
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn("Permission denied", err)

    def test_diverging_loss(self):
        status, _, err = self.train("--lr", 1e9, "--momentum", 0)
        self.assertEqual((status, err.count("\n")), (1, 1))
        self.assertIn("epoch 1", err)
        self.assertIn("learning rate below 1e+09", err)
        self.assertTrue((self.runs / "iris" / "config.json").exists())

    def test_process_shows_no_traceback(self):
        command = [sys.executable, SCRIPT, "--config", str(self.root / "nowhere.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertNotIn("Traceback", done.stderr)

    def test_help_explains_every_flag(self):
        status, out, _ = quietly(train_ffnn.main, "--help")
        self.assertEqual(status, 0)
        for flag in ("--hidden", "--lr", "--scheduler", "--overwrite", "--config", "examples:"):
            self.assertIn(flag, out)

    def test_help_lists_names(self):
        _, out, _ = quietly(train_ffnn.main, "--help")
        help_text = " ".join(out.split())
        metrics = ("validation_loss (default)", "validation_error", "train_loss", "train_error")
        for names in (ACTIVATIONS, WEIGHTS, metrics):
            self.assertIn(f": {', '.join(names)}", help_text)


class TestNames(ScriptTest):
    pictures = True  # the name of a run is their title

    def test_any_name_that_a_folder_can_have(self):
        for name in ("cost $5 vs $6", "$x_$", "{curly} 100%", "運行", "-2"):
            with self.subTest(name=name):
                status, _, err = self.train(f"--name={name}", "--epochs", 1)
                self.assertEqual((status, err), (0, ""))
                found = {path.name for path in (self.runs / name).iterdir()}
                self.assertEqual(found, RUN_FILES)

    def test_names_that_break_a_terminal_are_refused(self):
        for name in ("line\nbreak", "\udcff", "\x1b[31m"):
            with self.subTest(name=name):
                status, _, err = self.train("--name", name)
                self.assertEqual((status, err.count("\n")), (2, 1))

    def test_next_steps_can_be_pasted(self):
        _, out, _ = self.train("--epochs", 1)
        steps = [shlex.split(line) for line in out.split("Next:\n")[1].splitlines()]
        self.assertGreaterEqual(len(steps), 2)
        for _, script, *_ in steps:
            if script != "-m":
                self.assertTrue(Path(script).samefile(SCRIPT))

    def test_reader_that_closes_the_pipe(self):
        command = [sys.executable, train_rnn.__file__, "--experiments", str(self.runs)]
        command += ["--epochs", "1", "--hidden", "4", "--window", "8", "--batch-size", "500"]
        buffered = os.environ | {"PYTHONUNBUFFERED": ""}  # so that all is said at the end
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, env=buffered
        ) as process:
            process.stdout.close()
            err = process.stderr.read()
        self.assertEqual((process.returncode, err), (141, ""))
        files = {path.name for path in (self.runs / "sinewave").iterdir()}
        self.assertEqual(files, SEQUENCE_FILES)


if __name__ == "__main__":
    unittest.main()
