"""Runs of the training scripts for tests, of two epochs and without pictures."""

import csv
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.logs import Logger
from tests.support.scripts import quietly

SCRIPTS = {"ffnn": train_ffnn, "cnn": train_cnn, "rnn": train_rnn}
COLORS = ("deep red", "green", "Blue, light", "7")


def train(script, folder: Path, *arguments: object, name: str = "run") -> Path:
    """Train by a script's main; the run's folder."""
    options = ("--experiments", folder, "--name", name, "--epochs", 2)
    before = set(folder.glob("*"))
    with mock.patch.object(Logger, "_draw"):
        status, _, err = quietly(script.main, *options, *arguments)
    if status:
        raise AssertionError(err)
    (run,) = set(folder.glob("*")) - before
    return run


def write_colors(path: Path, n: int = 60) -> np.ndarray:
    """Write a table with words as labels, and features far from 0 and 1; returns its rows.

    The columns are number, weight, height, age and color.
    """
    rng = np.random.default_rng(5)
    y = np.arange(n) % len(COLORS)
    X = rng.normal([4e6, -0.002, 55], [3e5, 0.0004, 9], (n, 3)) * (1 + 0.1 * y[:, np.newaxis])
    lines = ["number,weight,height,age,color"]
    for i, row in enumerate(X.tolist()):
        cells = [str(i), *map(repr, row), f'"{COLORS[y[i]]}"']
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return X


def own_outputs(run: Path, dtype: str = "float32") -> tuple[np.ndarray, list[int]]:
    """The outputs in a run's test_predictions.csv, to the last digit, and the predicted classes."""
    with (run / "test_predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name.startswith(("output_", "prediction_"))]
    outputs = [[float(row[name]) for name in columns] for row in rows]
    return np.array(outputs, dtype), [int(row["prediction"]) for row in rows if "prediction" in row]


def edit_json(path: Path, edit) -> None:
    """Change the content of a JSON file by a function."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


class TrainedRuns(unittest.TestCase):
    """A test with a temporary folder for the whole class, and runs that all its tests share."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)

    @classmethod
    def train(cls, script: str, *arguments: object) -> Path:
        return train(SCRIPTS[script], cls.root, *arguments)
