"""Printed results on a console whose encoding lacks some of their characters."""

import contextlib
import io
import os
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import generate_submission
import train_ffnn
from neural_networks.cli import compare
from neural_networks.datasets import DATASETS
from tests.support.scripts import ScriptTest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("運行", "é ß", "Ω→∞", "naïve 🎉")


class TestOutput(ScriptTest):
    def shown(self, main, encoding, errors, *arguments):
        """What a program prints on such a console; its exit status must be 0."""
        content = io.BytesIO()
        out, err = io.TextIOWrapper(content, encoding, errors), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(argument) for argument in arguments])
        self.assertEqual((status, err.getvalue(), out.errors), (0, "", errors))
        return content.getvalue().decode(encoding, errors)

    def test_names_of_folders(self):
        for encoding in ("cp1252", "ascii", "latin-1", "cp437", "gbk", "utf-8", "utf-16"):
            for number, name in enumerate(NAMES):
                with self.subTest(encoding=encoding, name=name):
                    self.enterContext(contextlib.chdir(self.root))
                    runs = self.root / name / encoding
                    flags = ("--experiments", runs, "--epochs", 1, "--name", name)
                    text = self.shown(train_ffnn.main, encoding, "strict", *flags)
                    shown = name.encode(encoding, "backslashreplace").decode(encoding)
                    self.assertIn(f"{shown}:\n", text.split("Results are in ")[1])
                    self.assertIn("\nNext:\n", text)
                    if number == 0:
                        text = self.shown(compare.main, encoding, "strict", runs)
                        self.assertIn(shown, text)

    def test_bytes_that_are_no_characters(self):
        """The name of a folder from another system, in UTF-8 and in the locale C."""
        runs = self.root / os.fsdecode(b"m\xfcll")
        flags = ("--experiments", runs, "--overwrite", "--epochs", 1)
        for encoding, errors, expected in (
            ("utf-8", "strict", "m\\udcfcll"),
            ("utf-8", "surrogateescape", "m\udcfcll"),
            ("ascii", "surrogateescape", "m\\udcfcll"),
        ):
            text = self.shown(train_ffnn.main, encoding, errors, *flags)
            self.assertIn(f"{expected}/iris:\n", text)

    def test_names_of_classes(self):
        def animals():
            X = [[float(i)] for i in range(12)]
            parts = {"training_set": np.array(X), "training_labels": np.arange(12) % 2}
            sets = {key.replace("training", "test"): value for key, value in parts.items()}
            return {**parts, **sets, "class_names": ["猫", "犬"]}

        with mock.patch.dict(DATASETS, animals=animals):
            for encoding in ("cp1252", "ascii", "utf-8"):
                flags = ("--experiments", self.runs, "--dataset", "animals", "--epochs", 1)
                text = self.shown(train_ffnn.main, encoding, "strict", *flags)
                shown = "猫".encode(encoding, "backslashreplace").decode(encoding)
                self.assertIn(f"0 = {shown}", text)
                self.assertIn("\nTest: loss ", text)

    def test_of_the_course(self):
        for encoding in ("cp1252", "ascii"):
            place = self.root / NAMES[0] / encoding
            place.mkdir(parents=True)
            flags = ("--output", place / "a.tex")
            text = self.shown(generate_submission.main, encoding, "strict", *flags)
            self.assertRegex(text, r"\\u904b\\u884c/.*a\.tex: 7 of 7 exercises, ")


class TestProcess(ScriptTest):
    def test_of_all_variables_that_decide(self):
        runs = self.root / NAMES[0]
        for variables in (
            {"PYTHONIOENCODING": "cp1252"},
            {"LC_ALL": "C"},
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        ):
            with self.subTest(variables):
                command = [sys.executable, "train_ffnn.py", "--epochs", "1", "--overwrite"]
                done = subprocess.run(
                    [*command, "--experiments", str(runs)],
                    cwd=ROOT,
                    env=os.environ | variables,
                    capture_output=True,
                )
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                for words in (b"\nTest: loss ", b"\nResults are in ", b"config.json ", b"\nNext:"):
                    self.assertIn(words, done.stdout)


if __name__ == "__main__":
    unittest.main()
