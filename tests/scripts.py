"""What the tests of the scripts share: a temporary folder for runs, and a quiet call."""

import contextlib
import io
import json
from typing import Any

import train_ffnn
from tests.helpers import InFolder

RUN_FILES = {
    "config.json",
    "log.csv",
    "loss.png",
    "error.png",
    "parameters.npz",
    "test.json",
    "test_predictions.csv",
    "confusion_matrix.png",
}


def quietly(main, *arguments: object) -> tuple[int, str, str]:
    """Call a script's main; its status and what it printed to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = exit_.code
    return status, out.getvalue(), err.getvalue()


class ScriptTest(InFolder):
    """A test of a script, with a temporary folder for its runs."""

    script = train_ffnn

    def setUp(self):
        super().setUp()
        self.runs = self.root / "runs of mine"

    def train(self, *arguments: object) -> tuple[int, str, str]:
        return quietly(self.script.main, "--experiments", self.runs, *arguments)

    def refused(self, pattern: str, *arguments: object) -> None:
        """These arguments must end with one line that says why, before anything is written."""
        status, out, err = self.train(*arguments)
        self.assertEqual((status, out), (2, ""))
        self.assertRegex(err, rf"^{self.script.__name__}.py: error: .*{pattern}")
        self.assertEqual(err.count("\n"), 1)
        self.assertFalse(self.runs.exists(), "a wrong argument leaves no folder")

    def config(self, run: str) -> dict[str, Any]:
        return json.loads((self.runs / run / "config.json").read_text())

    def log(self, run: str) -> bytes:
        return (self.runs / run / "log.csv").read_bytes()
