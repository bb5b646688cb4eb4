"""Graders as processes: each grades one hand-in after another, and takes none else with it.

The code of hand-ins cannot be read or run where the gradebook is kept: a grader that ends, whatever
the reason, costs the hand-in that it was at.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from course.autograder.exams.exam import ExamError, read_exam
from course.autograder.gradescope import end_on_signals, grade_into
from course.autograder.hand_ins.stage import StageError
from course.autograder.sandbox.sandbox import Sandbox, SandboxError

ROOT = Path(__file__).resolve().parents[3]
PR_SET_PDEATHSIG = 1
PATIENCE = 20
"""Seconds in which a grader that was asked to end removes what it has made."""


class JobError(RuntimeError):
    """A hand-in that could not be graded; the message says why."""


class Job:
    """A grader in a process of its own, which is started when it is needed.

    Parameters
    ----------
    exam : Path
        The folder of the exam.
    python : str
        The Python that the code of hand-ins runs on.
    only : sequence of str
        The exercises; none for all.

    Attributes
    ----------
    notes : list of str
        For the staff: what is not protected here. Known when it has been started.
    """

    def __init__(self, exam: Path, python: str = sys.executable, only: Sequence[str] = ()) -> None:
        self._settings = json.dumps([str(exam), python, list(only)])
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.notes: list[str] = []

    def start(self) -> None:
        """Start the process if there is none; ``JobError`` if it cannot grade at all."""
        with self._lock:  # one that ends it waits until it is there
            if self._ended:
                raise JobError("the grader was stopped")
            if self._process is not None:
                return
            process = self._process = subprocess.Popen(
                [sys.executable, "-B", "-m", "course.autograder.classes.jobs", self._settings],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                # Ctrl-C on a terminal is for the program that has the gradebook; it ends this one.
                start_new_session=True,
            )
        self.notes = self._answer(process)

    def grade(self, hand_in: Path, results: Path) -> None:
        """Grade a hand-in into a file of results; ``JobError`` if it cannot be graded."""
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: there is no answer
            process.stdin.write(json.dumps([str(hand_in), str(results)]).encode() + b"\n")
            process.stdin.flush()
        self._answer(process)

    def _answer(self, process: "subprocess.Popen[bytes]") -> Any:
        """The next answer; ``JobError`` if it is an error, or there is none."""
        assert process.stdout is not None
        answer = process.stdout.readline()
        if not answer:
            raise JobError(f"the grader ended: {self._why(process)}")
        error, value = json.loads(answer)
        if error:
            raise JobError(error)
        return value

    def _why(self, process: "subprocess.Popen[bytes]") -> str:
        """The end of a process, in a line; the next hand-in gets another one."""
        status = process.wait()
        self._close(process)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        self._errors.seek(0)
        self._errors.truncate()
        said = next((line for line in reversed(lines) if line.strip()), "")
        if status < 0:
            said = signal.Signals(-status).name
        return said or f"exit status {status}"

    def end(self) -> None:
        """End the process, also while it grades; it removes what it has made."""
        with self._lock:
            self._ended = True
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        if self._process is not None:
            self._close(self._process)
        self._errors.close()

    def _close(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def main(argv: Sequence[str]) -> None:
    """Grade the hand-ins that standard input names; each answer is an error and a value."""
    end_on_signals()
    end_with_parent()
    folder, python, only = json.loads(argv[0])
    try:
        exam = read_exam(Path(folder))
        with Sandbox(python) as sandbox:
            answer("", list(sandbox.notes))
            for line in sys.stdin.buffer:
                hand_in, results = map(Path, json.loads(line))
                answer(error_of(partial(grade_into, results, exam, hand_in, sandbox, only)))
    except (ExamError, SandboxError) as error:
        answer(str(error))


def error_of(act: Callable[[], object]) -> str:
    """The error of an act that a hand-in or the system is to blame for; empty if there is none."""
    try:
        act()
    except (StageError, SandboxError, OSError) as error:
        return str(error)
    return ""


def answer(error: str, value: object = None) -> None:
    """Answer a request in a line."""
    sys.stdout.write(json.dumps([error, value]) + "\n")
    sys.stdout.flush()


def end_with_parent() -> None:
    """Have the system end this process when its parent is killed, where it can do that."""
    parent = os.getppid()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
