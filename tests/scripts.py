"""What the tests of the scripts share: a temporary folder for runs, and a quiet call."""

import contextlib
import io

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
    """A test with a temporary folder for its runs."""

    def setUp(self):
        super().setUp()
        self.runs = self.root / "runs of mine"

    def train(self, *arguments: object) -> tuple[int, str, str]:
        return quietly(train_ffnn.main, "--experiments", self.runs, *arguments)

    def log(self, run: str) -> bytes:
        return (self.runs / run / "log.csv").read_bytes()
