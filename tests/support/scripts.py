"""Base classes for tests of the scripts: a temporary folder for runs, a quiet call."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import train_ffnn
from neural_networks import plots
from neural_networks.logs import Logger
from tests.support.arrays import InFolder

RUN_FILES = {
    "config.json",
    "data.json",
    "log.csv",
    "steps.csv",
    "loss.png",
    "error.png",
    "parameters.npz",
    "best_parameters.npz",
    "test.json",
    "test_scores.csv",
    "test_predictions.csv",
    "confusion_matrix.png",
}

SEQUENCE_FILES = (RUN_FILES - {"confusion_matrix.png"}) | {
    "predictions.png",
    "forecast.csv",
    "forecast.png",
}
"""The files of a run on sine waves."""


def quietly(main, *arguments: object) -> tuple[int, str, str]:
    """Call a script's main; its exit status, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = exit_.code
    return status, out.getvalue(), err.getvalue()


def empty(draw: object, path: Path) -> None:
    """Write an empty file in place of a picture."""
    path.touch()


class ScriptTest(InFolder):
    """A test of a script, with a temporary folder for its runs.

    Drawing takes most of the time of a short run, so its pictures are empty files, unless
    ``pictures`` is True.
    """

    script = train_ffnn
    pictures = False

    def setUp(self):
        super().setUp()
        self.runs = self.root / "runs of mine"
        if not self.pictures:
            self.enterContext(mock.patch.object(plots, "save", empty))

    def train(self, *arguments: object) -> tuple[int, str, str]:
        return quietly(self.script.main, "--experiments", self.runs, *arguments)

    def refused(self, pattern: str, *arguments: object) -> None:
        """Assert that these arguments end with one line, before anything is written."""
        status, out, err = self.train(*arguments)
        self.assertEqual((status, out), (2, ""))
        self.assertRegex(err, rf"^{self.script.__name__}.py: error: .*{pattern}")
        self.assertEqual(err.count("\n"), 1)
        self.assertFalse(self.runs.exists(), "a wrong argument leaves no folder")

    def config(self, run: str) -> dict[str, Any]:
        return json.loads((self.runs / run / "config.json").read_text())

    def log(self, run: str) -> bytes:
        return (self.runs / run / "log.csv").read_bytes()


class FlagTest(ScriptTest):
    """A test of flags, by runs of two epochs without pictures."""

    def setUp(self):
        super().setUp()
        drawing = mock.patch.object(Logger, "draw")
        drawing.start()
        self.addCleanup(drawing.stop)

    def done(self, *arguments: object) -> tuple[dict[str, Any], str]:
        """Train with these flags; the configuration of the run, and its output."""
        usual = () if "--epochs" in arguments else ("--epochs", 2)
        status, out, err = self.train("--overwrite", "--name", "run", *usual, *arguments)
        self.assertEqual((status, err), (0, ""))
        return self.config("run"), out

    def layers(self, *arguments: object) -> list[dict[str, Any]]:
        return self.done(*arguments)[0]["model"]["layer_args"]

    def optimizer(self, *arguments: object) -> dict[str, Any]:
        return self.done(*arguments)[0]["model"]["optimizer_args"]

    def rows(self, run: str = "run") -> list[dict[str, str]]:
        return super().rows(f"{self.runs.name}/{run}")

    def changes_the_run(self, *arguments: object) -> None:
        """Assert that the log differs from that of a run without the flags."""
        self.done()
        plain = self.log("run")
        self.done(*arguments)
        self.assertNotEqual(self.log("run"), plain)

    def edited(self, edit: Callable[[dict[str, Any]], object]) -> Path:
        """A file with the run's configuration, changed by a function."""
        config = self.config("run")
        edit(config)
        path = self.root / "edited.json"
        path.write_text(json.dumps(config))
        return path
