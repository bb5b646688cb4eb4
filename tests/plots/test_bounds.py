"""Every figure for any number and any names: it can be read, and stays small."""

import os
import subprocess
import sys
import unittest

import numpy as np

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.logs import RunRecord
from neural_networks.logs.pictures import heading
from neural_networks.metrics import Confusions
from neural_networks.plots import datasets
from neural_networks.plots.classification import _draw_counts
from tests.support.figures import HARD_NAMES, FigureTest, overlapping, texts

rng = np.random.default_rng(0)
LONG = RunRecord("run_" + "$x$" * 80, dataset="a" * 200, model={"optimizer_args": {"name": "SGD"}})
TITLE = {"title": heading(LONG)}


def names(k):
    """k hard names."""
    return [HARD_NAMES[i % len(HARD_NAMES)] for i in range(k)]


def classified(k, n=3000, right=0.7):
    """True and predicted classes."""
    true = rng.integers(k, size=n)
    return true, np.where(rng.random(n) < right, true, rng.integers(k, size=n))


class Drawn(FigureTest):
    def setUp(self):
        super().setUp()
        rng.bit_generator.state = np.random.default_rng(0).bit_generator.state  # in any order


class TestNames(Drawn):
    def test_confusion_matrices(self):
        for k in (2, 3, 10, 20, 25, 26, 62, 200):
            for right in (0.7, 1.1):
                with self.subTest(k=k, right=right):
                    arguments = *classified(k, right=right), names(k)
                    self.drawn(plots.confusion_matrix, *arguments)
                    self.drawn(plots.confusion_matrix, *arguments, split="validation", **TITLE)

    def test_each_hard_name_alone(self):
        curve = np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.7, 1.0]), 0.7, (0.5, 0.7)
        for name in HARD_NAMES:
            with self.subTest(ascii(name)):
                for both in (["b", name], [name, name]):
                    self.drawn(plots.confusion_matrix, *classified(2), both)
                    self.drawn(plots.roc_curve, *curve, names=both, title=name)

    def test_mistakes(self):
        for n in (0, 1, 5, 40):
            X, true = rng.random((n, 8, 8, 1)), rng.integers(20, size=n)
            predicted, score = (true + 1 + rng.integers(18, size=n)) % 20, rng.random(n)
            for score_format, factor in (("{:.0%}", 1), ("{:.2g}", -12345.678)):
                arguments = X, true, predicted, factor * score, score_format, names(20)
                figure = self.drawn(plots.misclassified, *arguments)
                self.assertEqual(overlapping(texts(figure)), [])
                self.drawn(plots.misclassified, *arguments, **TITLE)

    def test_curves(self):
        columns = {"epoch": np.arange(1, 21)}
        columns |= {"train_loss": rng.random(20), "train_error": rng.random(20)}
        for name in HARD_NAMES:
            title = f"{name}\n{TITLE['title']}"
            self.drawn(plots.loss_curves, title, name, columns, {}, best_epoch=20)
        self.drawn(plots.error_curves, title, True, columns, best_epoch=1)

    def test_weights_and_forecasts(self):
        W = rng.normal(size=(5, 4, 1, 70))
        for n in (1, 3, 9):
            self.drawn(plots.weights, W[..., :n], **TITLE)
            self.drawn(plots.kernels, W[..., :n], **TITLE)
        true = rng.normal(size=(7, 30))
        self.drawn(plots.forecast, true, true[:, 20:] + 1, true[:, 20:] - 1, **TITLE)

    def test_datasets(self):
        k = len(HARD_NAMES)
        Y, two = np.eye(k)[np.arange(80) % k], np.eye(2)[np.arange(80) % 2]
        options = {"name": "$a$" * 90, "feature_names": names(30)}
        for X in (rng.normal(size=(80, 30)), rng.normal(size=(80, 5, 4, 1))):
            for labels in (Y, two):
                own = {**options, "class_names": HARD_NAMES[: labels.shape[1]]}
                self.drawn(datasets.draw, Dataset(X, labels, 5, **own))


class TestNumbers(Drawn):
    def test_counts_of_any_size_fit_their_cells(self):
        for k, n in ((2, 10**9), (10, 10**6), (25, 10**5)):
            classes = np.arange(k)
            found = Confusions(k, classes, classes, np.full(k, n))
            axes = self.drawn(_draw_counts, found, list("a" * k)).axes[0]
            cells = [text for text in axes.texts if text.get_text() == str(n)]
            self.assertEqual(len(cells), k)
            width = axes.get_window_extent().width / k
            for text in cells:
                self.assertLess(text.get_window_extent().width, width)

    def test_epochs(self):
        for n in (1, 2, 14, 15, 1000, 100_000):
            columns = {"epoch": np.arange(1, n + 1.0)}
            for split in ("train", "validation"):
                columns |= {f"{split}_{what}": rng.random(n) for what in ("loss", "error")}
            (axes,) = self.drawn(plots.loss_curves, "run", "l2", columns, {}).axes
            for line in axes.lines:
                self.assertLessEqual(len(line.get_xdata()), 1000)
            self.drawn(plots.error_curves, "run", False, columns)

    def test_numbers_of_any_size(self):
        """A training that diverges, or one of targets in millions."""
        for values in (
            [1.0, 1e40, 1e300],
            [1e300, 1e307, np.inf],
            [1e-300, 1e-308, 0.0],
            [np.nan, np.nan, np.nan],
            [np.inf, np.inf, np.inf],
            [0.0, 1e12, 1.0],
            [123456789.0, 123456788.0, 123456787.0],
            [-3.0, -5.0, -4.0],
        ):
            with self.subTest(values):
                values = np.array(values)
                columns = {"epoch": np.arange(1, 4), "train_loss": values, "train_error": values}
                columns["validation_loss"] = values[::-1]
                steps = {key: np.repeat(values, 10) for key in ("loss", "lowest", "highest")}
                steps["epoch"] = np.arange(1, 31) / 10
                for some in ({}, steps if np.isfinite(values).all() else {}):
                    self.drawn(plots.loss_curves, "run", "own", columns, some)
                self.drawn(plots.error_curves, "run", False, columns)

    def test_shapes_of_images(self):
        for shape, n in (
            ((1, 500, 1), 9),
            ((500, 1, 1), 9),
            ((900, 900, 3), 2),
            ((16, 8, 1), 70),
            ((1, 1, 2), 1),
        ):
            W = rng.normal(size=(*shape, n))
            self.drawn(plots.weights, W)
            self.drawn(plots.kernels, W)
            y = np.zeros(n, int)
            arguments = np.moveaxis(W, 3, 0), y, y + 1, y, "{:.0%}", ["a", "b"]
            self.drawn(plots.misclassified, *arguments)


EXTREMES = """
import sys, time
from pathlib import Path
import numpy as np
from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.plots import datasets

path, rng = Path(sys.argv[1]), np.random.default_rng(0)

def measured(name, draw, *arguments, **options):
    start = time.process_time()
    plots.save(lambda figure: draw(figure, *arguments, **options), path)
    seconds, peak = time.process_time() - start, 0
    if Path("/proc/self/status").exists():  # not the resource module: it counts the parent's, too
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    print(name, seconds, peak, path.stat().st_size, sep=",")

for k in (25, 26, 200, 400, 3000, 100_000):
    true, predicted = rng.integers(k, size=(2, 20_000))
    names = [f"class {i}" for i in range(k)]
    measured(f"{k} classes", plots.confusion_matrix, true, predicted, names)
n = 200_000
measured("roc", plots.roc_curve, *np.sort(rng.random((2, n))), 0.5, (0.5, 0.5))
columns = {"epoch": np.arange(1, n + 1), "train_loss": rng.random(n), "train_error": rng.random(n)}
steps = {key: np.sort(rng.random(n)) for key in ("epoch", "loss", "lowest", "highest")}
measured("steps", plots.loss_curves, "run", "l2", columns, steps, best_epoch=7)
measured("errors", plots.error_curves, "run", True, columns)
W = rng.normal(size=(30, 30, 1, 2000)).astype("float32")
measured("units", plots.weights, W)
measured("kernels", plots.kernels, W)
X = rng.random((60, 400, 400, 3), dtype="float32")
y = np.zeros(60, int)
measured("mistakes", plots.misclassified, X, y, y + 1, y, "{}", ["a", "b"])
true = rng.normal(size=(200, 2000))
measured("forecast", plots.forecast, true, true[:, 50:], true[:, 50:])
data = Dataset(rng.normal(size=(1000, 3000)), np.eye(500)[np.arange(1000) % 500], 10)
measured("features", datasets.draw, data)
"""
MOST_MEMORY = 600_000  # KiB, a third of it for the arrays above
MOST_SECONDS = 12  # of the processor, for one figure; usually one or two
MOST_BYTES = 4_000_000


class TestResources(FigureTest):
    def test_memory_time_and_size(self):
        """In another process, as memory is that of the largest figure so far."""
        done = subprocess.run(
            [sys.executable, "-c", EXTREMES, self.root / "picture.png"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split(",") for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), 14)
        for name, seconds, memory, size in lines:
            with self.subTest(name):
                self.assertLess(float(seconds), MOST_SECONDS)
                self.assertLess(int(memory), MOST_MEMORY)
                self.assertLess(int(size), MOST_BYTES)


if __name__ == "__main__":
    unittest.main()
