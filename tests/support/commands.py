"""A process that runs one Python command after another: ``python -m tests.support.commands``.

A command runs as a program of its own would, with ``__name__ == "__main__"`` and its arguments in
``sys.argv``, but Matplotlib, pandas and scikit-learn are imported once for all commands. Pictures
are empty files: other tests draw them.
"""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from unittest import TestCase, mock


class Python:
    """Python in a folder. A test ends the process when it ends itself."""

    def __init__(self, test: TestCase, folder: Path, **environment: str) -> None:
        self.process = test.enterContext(
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.commands"],
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run ``python`` with these arguments; its exit status and standard error."""
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        status, err = json.loads(self.process.stdout.readline())
        return status, err


def start(option: str, *arguments: str) -> None:
    """Run a script, a module after ``-m``, or code after ``-c``, where warnings are errors."""
    if option == "-c":
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(arguments[0], "block", "exec"), {"__name__": "__main__"})
        return
    run = runpy.run_module if option == "-m" else runpy.run_path
    argv = list(arguments) if option == "-m" else [option, *arguments]
    with mock.patch.object(sys, "argv", argv):
        run(argv[0], run_name="__main__")


def outcome(arguments: list[str]) -> tuple[int, str]:
    """The exit status of a command, and what it writes to standard error."""
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            start(*arguments)
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
            status = 1
    return status, err.getvalue()


def main() -> None:
    """Answer each line of standard input, a JSON list of arguments, with a line of JSON."""
    from neural_networks import plots
    from tests.support.scripts import empty

    with mock.patch.object(plots, "save", empty):
        for line in sys.stdin:
            print(json.dumps(outcome(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
