"""Textbook classes in place of the library's: layers, models and training work with them."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class TestTextbook(unittest.TestCase):
    def test_layers(self):
        self.check("layers")

    def test_models_and_training(self):
        self.check("models", "training")

    def check(self, *rooms: str) -> None:
        command = [sys.executable, "-m", "tests.support.textbook", *rooms]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr[-5000:])
        claimed, found = map(int, re.search(r"(\d+) of (\d+) tests", done.stderr).groups())
        self.assertGreater(claimed, 0.8 * found)


if __name__ == "__main__":
    unittest.main()
