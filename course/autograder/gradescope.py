"""Grading on Gradescope: one hand-in, and a valid results.json whatever happens.

``image/run_autograder`` runs this module, with only NumPy and gradescope-utils beside Python.
"""

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from course.autograder.exams.exam import Exam, read_exam
from course.autograder.grading.grading import grade
from course.autograder.grading.report import Report, unfinished
from course.autograder.grading.results import write_results, write_table
from course.autograder.hand_ins.stage import StageError
from course.autograder.sandbox.sandbox import Sandbox, SandboxError

PROGRAM = "python -m course.autograder.gradescope"
FOLDER = Path("/autograder")
NOT_GRADED = "This hand-in could not be graded to the end. Please tell the course staff."
"""The words to a student for an error that is not the hand-in's."""


def main(argv: Sequence[str] | None = None) -> int:
    """Grade the hand-in that Gradescope has put into its folder; the exit status is always 0.

    With ``--check`` nothing is graded; the status is 1 if something is missing that grading needs.
    """
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="say if all is there to grade")
    flags = parser.parse_args(argv)
    folder = Path(os.environ.get("AUTOGRADER", FOLDER))
    if flags.check:
        return check(folder)
    end_on_signals()
    path = folder / "results" / "results.json"
    try:
        exam = read_exam(folder / "source")
        write_results(path, unfinished(exam))
        with Sandbox() as sandbox:
            own_user(sandbox)
            report = grade_into(path, exam, folder / "submission", sandbox)
        print(*report.staff, sep="\n")
    except StageError as error:
        add_words(path, f"The hand-in cannot be read: {error}")
    except Exception:
        # For the staff: students do not see what is printed.
        traceback.print_exc(file=sys.stdout)
        add_words(path, NOT_GRADED)
    return 0


def grade_into(
    path: Path, exam: Exam, hand_in: Path, sandbox: Sandbox, only: Collection[str] = ()
) -> Report:
    """Grade a hand-in into a file of results, which is written anew after each test."""
    report = grade(exam, hand_in, sandbox, only, lambda so_far: write_results(path, so_far))
    write_results(path, report)
    return report


def own_user(sandbox: Sandbox) -> None:
    """Raise ``SandboxError`` if code of hand-ins would run as root."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and sandbox.uid is None:
        raise SandboxError(f"the code of hand-ins would run as root: {'; '.join(sandbox.notes)}")


def add_words(path: Path, words: str) -> None:
    """Put words to the student above those that a file of results has."""
    table: dict[str, Any] = {"score": 0}
    if path.is_file():
        table = json.loads(path.read_text("utf-8"))
    table["output"] = "\n\n".join(filter(None, [words, table.get("output", "")]))
    table["stdout_visibility"] = "hidden"
    write_table(path, table)


def check(folder: Path) -> int:
    """Say if all is there to grade: the exam, and a user who runs the code of hand-ins."""
    try:
        exam = read_exam(folder / "source")
        with Sandbox() as sandbox:
            own_user(sandbox)
            user = f"user {sandbox.uid}" if sandbox.uid is not None else "this user"
            print(f"{exam.assignment.title}: {len(exam.recipes)} tests, run as {user}")
            print(*sandbox.notes, sep="\n")
    except (OSError, SandboxError, ValueError) as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return 1
    return 0


def end_on_signals() -> None:
    """Let a request to end leave no process and no folder behind."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


if __name__ == "__main__":
    sys.exit(main())
