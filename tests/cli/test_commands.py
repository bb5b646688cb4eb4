"""python -m neural_networks: its help, its commands, wrong ones."""

import subprocess
import sys
import unittest
from importlib import import_module
from pathlib import Path

from neural_networks.__main__ import COMMANDS, main
from tests.support.scripts import quietly

ROOT = Path(__file__).resolve().parents[2]


class TestHelp(unittest.TestCase):
    def test_names_every_command_and_the_scripts(self):
        status, out, _ = quietly(main, "--help")
        self.assertEqual(status, 0)
        for name, purpose in COMMANDS.items():
            self.assertRegex(out, rf"\n  {name} +{purpose}\n")
            self.assertIn(f"\n  python -m neural_networks {name}", out)
        for script in ("train_ffnn.py", "train_rnn.py", "train_cnn.py"):
            self.assertIn(script, out)

    def test_every_command_has_its_own(self):
        for name in COMMANDS:
            status, out, _ = quietly(main, name, "--help")
            self.assertEqual(status, 0)
            self.assertTrue(out.startswith(f"usage: python -m neural_networks {name} "))
            self.assertIn("\nexamples:\n", out)


class TestCommands(unittest.TestCase):
    def test_the_command_gets_the_other_arguments(self):
        out = quietly(import_module("neural_networks.cli.datasets").main, "list", "iris")
        self.assertEqual(quietly(main, "datasets", "list", "iris"), out)

    def test_mistakes(self):
        for arguments, words in (
            ((), "the following arguments are required: COMMAND"),
            (("dataset",), "invalid choice: 'dataset' (choose from "),
            (("parser",), "invalid choice: 'parser'"),
            (("--flag",), ""),
        ):
            status, out, err = quietly(main, *arguments)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertIn("python -m neural_networks: error: ", err)
            self.assertIn(words, err)

    def test_a_mistake_names_the_command(self):
        status, out, err = quietly(main, "compare", "/nowhere")
        line = "python -m neural_networks compare: error: there is no run in /nowhere"
        self.assertEqual((status, out, err), (2, "", f"{line}: train a network first\n"))

    def test_process(self):
        command = [sys.executable, "-m", "neural_networks", "compare", "/nowhere"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
