"""Progress: a bar on a terminal and in a notebook, lines in a pipe, else nothing."""

import contextlib
import io
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import tqdm

from neural_networks.datasets.files.formats import open_with_progress
from neural_networks.utils import progress
from neural_networks.utils.progress import Lines, duration, progress_bar
from tests.support.arrays import InFolder

ROOT = Path(__file__).resolve().parents[2]

# Half a minute is too long for a test, and an epoch of Iris too short.
TRAINING = """
import sys
from neural_networks.utils import progress
progress.LINES_APART = float(sys.argv[1])
import train_ffnn
sys.exit(train_ffnn.main(["--experiments", sys.argv[2], "--epochs", sys.argv[3]]))
"""


class Pipe(io.StringIO):
    """Standard error as a pipe; the text that is written into it."""

    def fileno(self) -> int:
        return self.read_end

    def __enter__(self) -> "Pipe":
        self.read_end, self.write_end = os.pipe()
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.read_end)
        os.close(self.write_end)


class Cell(io.StringIO):
    """Standard error of a notebook."""


Cell.__module__ = "ipykernel.iostream"


class Clock:
    """Seconds that pass as a test wants it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestLines(unittest.TestCase):
    def setUp(self):
        self.clock = Clock()
        self.enterContext(mock.patch.object(progress.time, "monotonic", self.clock))
        self.pipe = self.enterContext(Pipe())
        self.enterContext(contextlib.redirect_stderr(self.pipe))

    def train(self, epochs: int, steps: int, seconds: float) -> list[str]:
        """The lines of a training; each epoch takes some seconds."""
        with progress_bar(epochs * steps) as bar:
            self.assertIsInstance(bar, Lines)
            for epoch in range(epochs):
                bar.set_description_str(f"epoch {epoch + 1}/{epochs} ", refresh=False)
                for _ in range(steps):
                    self.clock.now += seconds / steps
                    bar.update()
                bar.set_postfix_str(f"train loss {epoch}", refresh=False)
        return self.pipe.getvalue().splitlines()

    def test_a_line_every_half_minute(self):
        lines = self.train(epochs=120, steps=4, seconds=1)
        epochs = [int(line.split("/")[0].split()[1]) for line in lines]
        self.assertEqual(epochs, [30, 60, 90, 120])
        self.assertEqual(lines[0], "epoch 30/120: train loss 29, 25%, 90 s left")

    def test_a_line_an_epoch_if_that_is_rarer(self):
        lines = self.train(epochs=3, steps=1000, seconds=600)
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0], "epoch 1/3: train loss 0, 33%, 20 min left")

    def test_short_work_prints_nothing(self):
        self.assertEqual(self.train(epochs=29, steps=5, seconds=1), [])

    def test_bytes_of_a_file(self):
        """Work without epochs has its lines at any step."""
        with progress.progress(tqdm.tqdm, total=400, desc="a.csv", initial=100) as bar:
            for _ in range(300):
                self.clock.now += 0.25
                bar.update(1)
        lines = ["a.csv: 55%, 45 s left", "a.csv: 85%, 15 s left"]
        self.assertEqual(self.pipe.getvalue().splitlines(), lines)

    def test_a_reader_that_has_gone(self):
        with mock.patch("builtins.print", side_effect=BrokenPipeError):
            self.assertEqual(self.train(epochs=2, steps=1, seconds=60), [])

    def test_times(self):
        for seconds, text in (
            (0, "0 s"),
            (99, "99 s"),
            (110, "2 min"),
            (5900, "98 min"),
            (6000, "1.7 h"),
            (90000, "25.0 h"),
        ):
            self.assertEqual(duration(seconds), text)


class TestPlaces(InFolder):
    """Which kind of progress there is where."""

    def kind(self, stream: object) -> object:
        with mock.patch.object(sys, "stderr", stream):
            bar = progress_bar(10)
            bar.close() if isinstance(bar, tqdm.tqdm) else None
            return bar

    def test_a_pipe_or_a_file(self):
        with Pipe() as pipe, (self.root / "log").open("w") as file:
            self.assertIsInstance(self.kind(pipe), Lines)
            self.assertIsInstance(self.kind(file), Lines)

    def test_a_terminal(self):
        main, secondary = os.openpty()
        self.addCleanup(os.close, main)
        with os.fdopen(secondary, "w") as terminal:
            bar = self.kind(terminal)
        self.assertIsInstance(bar, tqdm.tqdm)

    def test_nowhere(self):
        closed = io.StringIO()
        closed.close()
        for stream in (io.StringIO(), closed, None):
            bar = self.kind(stream)
            self.assertTrue(bar.disable)

    def test_a_notebook_has_a_bar_of_text_after_two_seconds(self):
        cell = Cell()
        with mock.patch.object(sys, "stderr", cell):
            with mock.patch.object(progress, "BAR_AFTER", 0.05), progress_bar(3) as bar:
                for epoch in range(3):
                    bar.set_description_str(f"epoch {epoch + 1}/3 ", refresh=False)
                    progress.time.sleep(0.6)
                    bar.update()
                    bar.set_postfix_str("train loss 0.123", refresh=False)
            shown = cell.getvalue()
            with progress_bar(3) as bar:
                bar.update(3)
        self.assertRegex(shown, r"\repoch 3/3 \|.+\| 00:00, train loss 0.123\n$")
        self.assertEqual(cell.getvalue(), shown, "short work has no bar")

    def test_a_file_that_is_read_in_a_notebook(self):
        path = self.root / "a.csv"
        path.write_bytes(bytes(1000))
        cell = Cell()
        with (
            mock.patch.object(sys, "stderr", cell),
            mock.patch.object(progress, "BAR_AFTER", 0),
            open_with_progress(path, "a.csv") as file,
        ):
            file.read()
        self.assertIn("a.csv", cell.getvalue())


class TestProcess(InFolder):
    def errors(self, apart: float, epochs: int) -> str:
        """Standard error of a training in a pipe, with lines some seconds apart."""
        done = subprocess.run(
            [sys.executable, "-c", TRAINING, str(apart), str(self.root), str(epochs)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr

    def test_a_training_in_a_pipe(self):
        lines = self.errors(0, 3).splitlines()
        self.assertEqual(len(lines), 3)
        for n, line in enumerate(lines, start=1):
            words = rf"epoch {n}/3: train loss [\d.]+ acc [\d.]+%, val loss .*, {n / 3:.0%}"
            self.assertRegex(line, rf"^{words}, \d+ s left$")

    def test_a_short_one(self):
        self.assertEqual(self.errors(30, 3), "")

    def test_without_tqdm(self):
        code = TRAINING.replace("import sys\n", "import sys\nsys.modules['tqdm'] = None\n", 1)
        with mock.patch.dict(globals(), TRAINING=code):
            self.assertEqual(len(re.findall(r"(?m)^epoch \d/3: ", self.errors(0, 3))), 3)


if __name__ == "__main__":
    unittest.main()
