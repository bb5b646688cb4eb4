"""From the starter to the grade: empty, half done, solved, and by a student's own code.

Each test takes a worker, so most hand-ins are graded by the public cases alone, and what is alike
in two assignments once. COMPLETE_RUNS=1 in the environment does all of it for all assignments.
"""

import os
import re
import subprocess
import sys
import unittest
from dataclasses import replace
from pathlib import Path

from course.archive import zipped
from course.autograder.grading.grading import grade
from course.autograder.grading.report import BATCHED
from course.autograder.samples.filling import fill, methods_of
from course.autograder.sandbox.sandbox import Sandbox
from tests.autograder import places
from tests.autograder.classes import short_exam
from tests.course import students
from tests.course.kits import exam, kit, starter

COMPLETE = bool(os.environ.get("COMPLETE_RUNS"))
HALF, BLANK = ("relu", "softmax", "fully_connected"), ("sigmoid", "cross_entropy", "model")
"""Exercises of a hand-in that is half done: those that are solved, and some that are not."""

OWN_CODE = Path(students.__file__).read_text("utf-8")
LIBRARY = ("import math", "import numpy as np")
"""What a student's code uses."""


def paper(name):
    """The exam: short, unless all is wanted."""
    return exam(name) if COMPLETE else short_exam(name)


def solution(name, solved):
    """The files of exercises, with some solved."""
    files = {exercise.file for exercise in paper(name).assignment.exercises}
    return {file: str(kit(name).file(file, solved)).encode() for file in files}


def own_code(name):
    """The files of exercises, with a student's own code written over the blanks."""
    files = {}
    for exercise in paper(name).assignment.exercises:
        if exercise.tests:
            text = files.get(exercise.file) or starter(name)[exercise.file].decode()
            files[exercise.file] = fill(text, exercise.cls, methods_of(OWN_CODE, exercise.cls))
    return {path: with_imports(text).encode() for path, text in files.items()}


def with_imports(text):
    """A module that imports all that a student's code uses."""
    missing = [line for line in LIBRARY if not re.search(f"^{line}$", text, re.MULTILINE)]
    end_of_docstring = text.index('"""', 3) + 4
    imports = "".join(f"{line}\n" for line in missing)
    return text[:end_of_docstring] + imports + text[end_of_docstring:]


class RoundTripTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = cls.enterClassContext(Sandbox(places.open_python()))

    def setUp(self):
        self.folder = self.enterContext(places.open_folder())

    def grade(self, name, path, checks=COMPLETE, only=()):
        """The report on a hand-in, with or without checks for loops over examples."""
        sheet = paper(name) if checks else replace(paper(name), loops={})
        return grade(sheet, path, self.sandbox, only)

    def check_full(self, report):
        """Check that each test gives its points, the optional ones included."""
        failing = [(graded.title, graded.message) for graded in report.tests if not graded.passed]
        self.assertEqual(failing, [])
        self.assertEqual(report.points, report.max_points)

    def points_of(self, name, exercises):
        return sum(paper(name).assignment.exercise(exercise).points for exercise in exercises)


class TestStarters(RoundTripTest):
    def test_empty(self):
        for name in kits() if COMPLETE else ("fall-2024",):
            with self.subTest(name):
                path = self.folder / f"{name}.zip"
                path.write_bytes(zipped(starter(name)))
                report = self.grade(name, path)
                self.assertEqual((report.points, report.max_points), (0, points(name)))
                for graded in report.tests:
                    self.assertRegex(graded.message, "not written yet")

    def test_half_done(self):
        for name in ("spring-2023", "spring-2020") if COMPLETE else ("spring-2023",):
            with self.subTest(name):
                path = places.write(self.folder / name, solution(name, HALF))
                report = self.grade(name, path, only=() if COMPLETE else (*HALF, *BLANK))
                self.assertEqual(report.points, self.points_of(name, HALF))
                passed = {graded.exercise for graded in report.tests if graded.passed}
                failed = {graded.exercise for graded in report.tests if not graded.passed}
                self.assertEqual((passed, passed & failed), (set(HALF), set()))
                for graded in report.tests:
                    self.assertRegex(graded.message, "^$|not written yet")


class TestSolutions(RoundTripTest):
    def archive(self, name):
        """The archive of ``generate_submission.py``, made in a starter that was filled in."""
        every = [exercise.name for exercise in paper(name).assignment.exercises]
        root = places.write(self.folder / name, starter(name) | solution(name, every))
        author = ["--name", "Ada Lovelace", "--student-id", "3031234567"]
        done = subprocess.run(
            [sys.executable, "generate_submission.py", "--zip", "code.zip", *author],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return root / "code.zip"

    def test_handed_in_as_an_archive(self):
        for name in kits():
            with self.subTest(name):
                checks = COMPLETE or name != "spring-2020"
                report = self.grade(name, self.archive(name), checks)
                self.check_full(report)
                self.assertEqual(report.points, points(name))
                batched = [e for e in paper(name).assignment.exercises if e.batched and e.tests]
                self.assertEqual(len(report.checks), len(batched) * checks)
                for check in report.checks:
                    self.assertIn(BATCHED, check.title)
                    self.assertEqual(check.message, "")


class TestStudents(RoundTripTest):
    def test_own_code(self):
        for name in kits():
            with self.subTest(name):
                path = places.write(self.folder / name, own_code(name))
                # What spring 2020 has alone: the other files are those of spring 2023.
                only = ("elman", "l2") if name == "spring-2020" and not COMPLETE else ()
                self.check_full(self.grade(name, path, only=only))


def kits():
    """All assignments."""
    return ("spring-2023", "spring-2020", "fall-2024")


def points(name):
    """The points of an assignment."""
    return paper(name).assignment.points


if __name__ == "__main__":
    unittest.main()
