"""Tests of a student's code in a process of their own: none can stop, crash or fool the caller.

The process tells in lines of JSON when a test begins and how it ended. What the code prints, and
where it was when it was stopped, is in files.
"""

import contextlib
import faulthandler
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

STARTING = 30
"""Seconds for Python and NumPy to start, besides the limit of a test."""

PRINTED, TRACE = "printed", "trace"
MOST_PRINTED = 2000
"""Characters of what a test printed that are kept."""

LARGEST_FILE = 100_000_000
NOT_WRITTEN, STOPPED = "not written yet", "stopped: "
MOST_STOPS = 2
"""Tests that are waited for in vain: an endless loop in an import stops all."""


@dataclass(frozen=True)
class Result:
    """The end of a test, and what was printed meanwhile. The message is empty if it passed."""

    test: str
    message: str
    printed: str = ""

    @property
    def passed(self) -> bool:
        """True if it has no message."""
        return not self.message

    @property
    def blank(self) -> bool:
        """True if it came to a method that is not written."""
        return self.message.startswith(NOT_WRITTEN)


def run_tests(root: Path, tests: Sequence[str], seconds: float) -> Iterator[Result]:
    """Run tests, such as ``test_layers.TestFlatten.test_forward``, and yield the results in order.

    Parameters
    ----------
    root : Path
        The folder of the starter, or of the repository.
    tests : sequence of str
    seconds : float
        The time limit of each test.
    """
    left, stops = list(tests), 0
    while left and stops < MOST_STOPS:
        # After a crash or a stop, the rest run in another process.
        for result in _run_some(root, tuple(left), seconds):
            left.remove(result.test)
            stops += result.message.startswith(STOPPED)
            yield result
    for test in left:
        yield Result(test, f"not run, as {stops} tests before it had to be stopped")


def _run_some(root: Path, tests: Sequence[str], seconds: float) -> Iterator[Result]:
    """The results of tests up to the first that does not end by itself."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "course.trial", folder, str(seconds), *tests],
            cwd=root,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        try:
            yield from _follow(process, root, Path(folder), tests, seconds)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _follow(
    process: subprocess.Popen[str], root: Path, folder: Path, tests: Sequence[str], seconds: float
) -> Iterator[Result]:
    """The results that a process tells, and one for a test in which it was stopped or ended."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True).start()
    current, limit = tests[0], STARTING + seconds
    while True:
        try:
            line = lines.get(timeout=limit)
        except queue.Empty:
            where = place(root, folder, "; an endless loop?")
            message = f"{STOPPED}not done after {seconds:g} s{where}"
            yield Result(current, message, printed(folder))
            return
        if not line:
            break
        event = json.loads(line)
        if "message" in event:
            yield Result(current, event["message"], event["printed"])
            if current == tests[-1]:
                return
        else:
            current, limit = event["test"], 2 * seconds
    yield Result(current, ending(process.wait(), root, folder), printed(folder))


def _pass_on(stream: IO[str], lines: "queue.Queue[str]") -> None:
    """Put each line into a queue, and an empty one at the end."""
    with contextlib.suppress(ValueError, OSError):  # the stream is closed
        for line in stream:
            lines.put(line)
    lines.put("")


def ending(status: int, root: Path, folder: Path) -> str:
    """The end of a process in the middle of a test, in words."""
    if status < 0:
        name = signal.Signals(-status).name
        reason = " (not enough memory?)" if name == "SIGKILL" else ""
        return f"crashed: {name}{reason}{place(root, folder)}"
    return f"ended the program: exit status {status}{place(root, folder)}"


def place(root: Path, folder: Path, question: str = "") -> str:
    """The place in the student's code where a process was last, in words, and a question."""
    trace = (folder / TRACE).read_text("utf-8", "replace") if (folder / TRACE).exists() else ""
    return place_in(trace, root, question)


def place_in(trace: str, root: Path, question: str = "") -> str:
    """The innermost place of a trace that lies in the student's code, in words, and a question."""
    start = f"{root}{os.sep}".encode("ascii", "backslashreplace").decode()  # as in the trace
    for path, line, name in re.findall(r'File "(.*)", line (\d+) in (\S+)', trace):
        inside = path.removeprefix(start).replace(os.sep, "/")
        parts = set(inside.split("/"))
        if path.startswith(start) and not {"tests", "course", "site-packages"} & parts:
            return f"{question}\n  it was at {inside}:{line}, in {name}"
    return question


def printed(folder: Path, start: int = 0) -> str:
    """The end of what was printed."""
    path = folder / PRINTED
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(start, path.stat().st_size - MOST_PRINTED))
        return file.read(MOST_PRINTED).decode("utf-8", "replace")


class Told(unittest.TestResult):
    """The message of the test that ran."""

    message = ""

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        """The message of a failure."""
        self.message = str(err[1])

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        """The last line of an error."""
        self.message = f"raised {err[0].__name__}: {err[1]}"


def main(arguments: Sequence[str]) -> None:
    """Run tests, and tell on standard output; it takes a folder, a time limit and the tests."""
    folder, seconds = Path(arguments[0]), float(arguments[1])
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    trace = (folder / TRACE).open("w")
    faulthandler.enable(trace)
    catch_output(folder / PRINTED)
    for test in arguments[2:]:
        print(json.dumps({"test": test}), file=told, flush=True)
        start = (folder / PRINTED).stat().st_size
        faulthandler.dump_traceback_later(0.9 * seconds, file=trace)
        message = message_of(test)
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.flush()
        event = {"message": message, "printed": printed(folder, start)}
        print(json.dumps(event), file=told, flush=True)


def message_of(test: str) -> str:
    """The message of a test: empty if it passes."""
    result = Told()
    try:
        unittest.defaultTestLoader.loadTestsFromName(f"tests.{test}").run(result)
    except BaseException as error:
        return f"raised {type(error).__name__}: {error}"
    return result.message


def catch_output(path: Path) -> None:
    """Send standard output and error to a file, which cannot fill the disk."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, hard))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    options: dict[str, Any] = {"buffering": 1, "encoding": "utf-8", "errors": "backslashreplace"}
    sys.stdout, sys.stderr = os.fdopen(1, "w", **options), os.fdopen(2, "w", **options)


if __name__ == "__main__":
    main(sys.argv[1:])
