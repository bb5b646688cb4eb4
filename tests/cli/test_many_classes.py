"""A table of 400 classes and 20,000 rows: trained, tested, predicted and drawn in little memory."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
import pandas as pd

from tests.support.arrays import InFolder
from tests.support.textbook import ROOT

MOST_MEMORY = 1_000_000  # KiB; 300,000 are usual
MEASURED = """
import runpy, sys
from pathlib import Path
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
status = Path("/proc/self/status")  # not the resource module, which counts the parent's memory too
if status.exists():
    lines = status.read_text().splitlines()
    print("\\npeak", next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


class TestManyClasses(InFolder):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        y = np.arange(20_000) % 400
        X = rng.normal(size=(400, 6))[y] + 0.1 * rng.normal(size=(20_000, 6))
        self.table = pd.DataFrame(X.round(3), columns=list("abcdef"))
        self.table["kind"] = [f"class number {i} of 400, with a long name" for i in y]
        self.table.to_csv(self.root / "table.csv", index=False)
        self.table.drop(columns="kind").to_csv(self.root / "new.csv", index=False)

    def measured(self, program, *arguments):
        """What a program prints, if it needs little memory and warns of nothing."""
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, str(ROOT / program), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("warning", done.stderr)
        out, _, peak = done.stdout.rpartition("peak ")
        if Path("/proc/self/status").exists():
            self.assertLess(int(peak), MOST_MEMORY)
        return out

    def test_from_the_table_to_the_pictures(self):
        path = f"path={self.root / 'table.csv'}"
        folder = self.root / "runs" / "many"
        given = ("--dataset", "csv", "--data-args", path, "label=kind", "--epochs", 2)
        kaggle = ("--test-data", self.root / "new.csv", "--kaggle-file", "mine.csv")
        place = ("--experiments", folder.parent, "--name", folder.name)
        out = self.measured("train_ffnn.py", *given, *kaggle, *place)
        self.assertIn("Test: loss", out)
        pictures = {"loss.png", "error.png", "confusion_matrix.png"}
        self.assertEqual({path.name for path in folder.glob("*.png")}, pictures)
        self.assertLess(max(path.stat().st_size for path in folder.glob("*.png")), 2_000_000)
        self.assertEqual(len(pd.read_csv(folder / "mine.csv")), 20_000)
        verb = "neural_networks/__main__.py"
        predicted = self.root / "predicted.csv"
        new = self.root / "new.csv"
        self.measured(verb, "predict", folder, new, "--output", predicted)
        classes = pd.read_csv(predicted, usecols=["class"])["class"]
        self.assertEqual(len(classes), 20_000)
        self.assertLessEqual(set(classes), set(self.table["kind"]))
        out = self.measured(verb, "draw", folder)
        self.assertEqual(out.count(".png"), 3)


if __name__ == "__main__":
    unittest.main()
