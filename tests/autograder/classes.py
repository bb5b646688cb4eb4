"""Exams in folders, hand-ins, and graders without workers, for tests of the commands."""

import atexit
import io
import shutil
import tempfile
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path

from course.assignment import assignment_from
from course.autograder import grade
from course.autograder.classes.jobs import JobError
from course.autograder.exams.exam import ASSIGNMENT, Exam, exam_files, read_exam
from course.autograder.exams.hidden import loops, recipes_of
from course.autograder.grading.report import unfinished
from course.autograder.grading.results import write_results
from course.autograder.hand_ins.stage import take
from course.starter import write_folder
from tests.course.kits import kit, manifest, starter
from tests.verdict import NOT_WRITTEN, load_cases

ACTIVATIONS = "neural_networks/activations.py"
FORWARD = "        return np.maximum(Z, np.zeros_like(Z))  # twice as fast as with the number 0\n"
NAME = "fall-2024"
"""An assignment with a single exercise."""


@cache
def short_exam(name: str) -> Exam:
    """An exam without hidden cases, and without what listed mistakes come to."""
    files = starter(name)
    assignment = assignment_from(ASSIGNMENT, name, tomllib.loads(files[ASSIGNMENT].decode()))
    recipes = recipes_of(assignment)
    return Exam(
        assignment=assignment,
        starter=files,
        recipes=recipes,
        cases={recipe: load_cases(recipe) for recipe in recipes.values()},
        loops=loops(assignment, recipes),
        known={},
        accept=manifest(name).accept,
        extra=manifest(name).extra,
        seconds=10,
        memory_mb=1024,
    )


@cache
def exam_folder(name: str = NAME, checks: bool = False) -> Path:
    """A folder with the files of a short exam; it is there until the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="exam-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    short = short_exam(name)
    write_folder(exam_files(short if checks else replace(short, loops={})), folder / "exam")
    return folder / "exam"


@cache
def solved() -> str:
    """The file of activations with ReLU solved."""
    return kit(NAME).build(["relu"])[ACTIVATIONS].decode()


def with_forward(code: str) -> str:
    """The same with another body of ``ReLU.forward``."""
    return solved().replace(FORWARD, f"        {code}\n")


def hand_in(folder: Path, name: str, code: str) -> Path:
    """A hand-in of one file, in a folder of its own."""
    path = folder / name / ACTIVATIONS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    return folder / name


class QuickJob:
    """A grader without workers: a hand-in gets all points, or what a word in its code says."""

    graded: list[str]
    notes = ("a note to the staff",)

    def __init__(self, folder, python="", only=()):
        self.exam, self.only = read_exam(folder), only

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def start(self):
        pass

    def end(self):
        pass

    def grade(self, path, results):
        self.graded.append(path.name)
        report = unfinished(self.exam, self.only)
        code = take(path, self.exam).files.get(ACTIVATIONS, b"blank").decode()
        if "crash" in code:
            raise JobError("the grader ended: SIGSEGV")
        if "interrupt" in code:
            raise KeyboardInterrupt
        if "blank" in code or "wrong" in code:
            message = (
                "ReLU.forward, case 1 of 3: Z (4, 3)\n  The sign is wrong in 12 of 12 numbers."
            )
            if "blank" in code:
                message = f"{NOT_WRITTEN}3.1 relu: write ReLU.forward"
            tests = [replace(graded, message=message) for graded in report.tests]
        else:
            tests = [replace(t, points=t.max_points, message="") for t in report.tests]
        loop = "ReLU.forward executes 8 lines ...: is there a loop over the examples?"
        checks = [replace(c, message=loop if "loop" in code else "") for c in report.checks]
        write_results(results, replace(report, tests=tests, checks=checks, seconds=1.25))


def call(*argv):
    """The exit status of the command, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = grade.main([str(argument) for argument in argv])
        except SystemExit as end:
            status = end.code
    return status, out.getvalue(), err.getvalue()
