"""A class made of listed mistakes: what it is made of, and what the grader gives for it."""

import ast
import csv
import io
import tempfile
import unittest
import zipfile
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from course.autograder import sample
from course.autograder.mistakes import EXERCISES, MISTAKES
from course.autograder.samples.classroom import FORMS, Maker, Student
from course.autograder.samples.filling import fill, methods_of
from tests.autograder.classes import call, exam_folder
from tests.autograder.places import open_python
from tests.course.kits import kit

NAME, ONLY = "spring-2023", ("relu", "softmax")


class SampleTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "class"

    def sample(self, *argv):
        """The exit status of the command, standard output and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = sample.main(list(map(str, argv)))
            except SystemExit as end:
                status = end.code
        return status, out.getvalue(), err.getvalue()

    def rows(self, path):
        with path.open(encoding="utf-8", newline="") as file:
            return {row["name"]: row for row in csv.DictReader(file)}


class TestCommand(SampleTest):
    def test_a_class_is_graded_as_expected(self):
        maker = mock.Mock(side_effect=lambda _: Maker(kit(NAME), ONLY))
        with mock.patch.object(sample, "Maker", maker):
            status, out, err = self.sample("--output", self.folder, "--count", "4", "--seed", "4")
        self.assertEqual((status, err), (0, ""))
        self.assertIn(f"4 hand-ins of {NAME} in ", out)
        hand_ins = sorted((self.folder / "hand-ins").iterdir())
        self.assertEqual(len(hand_ins), 4)
        more = ["--exam", exam_folder(NAME), "--python", open_python(), "--only", *ONLY]
        book = self.folder / "grades.csv"
        self.assertEqual(call(*hand_ins, "--csv", book, *more)[0], 0)
        expected, grades = self.rows(self.folder / "expected.csv"), self.rows(book)
        tests = [test for test in next(iter(grades.values())) if test.startswith("test_")]
        self.assertEqual(len(tests), 4)
        for name, row in expected.items():
            with self.subTest(name, made=row["note"]):
                self.assertEqual([grades[name][t] for t in tests], [row[t] for t in tests])
        mistakes = sum("mistakes: none" not in row["note"] for row in expected.values())
        self.assertGreater(mistakes, 1)

    def test_wrong_use(self):
        for words, *argv in (
            ("--count must be between 1 and 400, got 0", "--count", "0"),
            ("unknown assignment 'spring-2024'", "--assignment", "spring-2024"),
        ):
            status, out, err = self.sample("--output", self.folder, *argv)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertIn(words, err)
        self.assertFalse(self.folder.exists())
        self.folder.mkdir()
        (self.folder / "thesis.txt").touch()
        self.assertIn("is not empty", self.sample("--output", self.folder)[2])


class TestClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.maker = Maker(kit("fall-2024"))

    def test_the_same_seed_makes_the_same_class(self):
        first, second, third = (self.maker.draw(40, seed) for seed in (1, 1, 2))
        self.assertEqual(first, second)
        self.assertNotEqual(first, third)
        self.assertEqual(len({student.file for student in first}), 40)
        self.assertEqual({student.form for student in first}, set(FORMS))
        kinds = Counter(bool(student.solved) for student in first)
        self.assertGreater(min(kinds.values()), 0)
        data = [self.maker.hand_in(student) for student in first[:3]]
        self.assertEqual(data, [self.maker.hand_in(student) for student in second[:3]])

    def test_mistakes_cost_the_tests_that_catch_them(self):
        mistake = next(m for m in MISTAKES if m.title == "ReLU.backward: dY * (Z >= 0)")
        forward, backward = (f"test_activations.TestReLU.test_{x}" for x in ("forward", "backward"))
        for solved, mistakes, points in (
            (("relu",), (), {forward: 2, backward: 3}),
            (("relu",), (mistake,), {forward: 2, backward: 0}),
            ((), (), {forward: 0, backward: 0}),
        ):
            student = Student("Ada", 1, solved, mistakes, "folder")
            self.assertEqual(self.maker.points(student), points)
            (code,) = self.maker.changed(student).values()
            self.assertEqual(b"return dY * (Z >= 0)" in code, bool(mistakes))
            self.assertEqual(b"write ReLU.backward" in code, not solved)

    def test_forms(self):
        for form in FORMS:
            with self.subTest(form):
                files = self.maker.hand_in(Student("Ada Lovelace", 3031, ("relu",), (), form))
                if form == "folder":
                    self.assertIn("Ada_Lovelace_3031/assignment.toml", files)
                    continue
                ((name, data),) = files.items()
                self.assertEqual(name, "Ada_Lovelace_3031.zip")
                names = zipfile.ZipFile(io.BytesIO(data)).namelist()
                top = {
                    "archive": "neural_networks/activations.py",
                    "zip": "fall-2024/neural_networks/activations.py",
                    "files at the root": "neural_networks/activations.py",
                    "single files": "activations.py",
                    "zip in a zip": "hw.zip",
                }[form]
                self.assertIn(top, names)
                self.assertEqual("README.md" in names, form in ("archive", "files at the root"))


class TestFilling(unittest.TestCase):
    SOURCE = (
        "class A:\n    x = 1\n\n    @staticmethod\n    def f():\n        # old\n        pass\n\n"
        "    def g(self):\n        return 2\n\n\nclass B:\n    def f(self):\n        return 3\n"
    )

    def test_methods(self):
        self.assertEqual(
            methods_of(self.SOURCE, "A"),
            {
                "f": "@staticmethod\ndef f():\n    # old\n    pass\n",
                "g": "def g(self):\n    return 2\n",
            },
        )

    def test_old_ones_go_and_new_ones_come(self):
        new = {"f": "def f(self):\n    return self.h()\n", "h": "def h(self):\n    return 4\n"}
        filled = fill(self.SOURCE, "A", new)
        self.assertEqual(methods_of(filled, "A"), {**new, "g": "def g(self):\n    return 2\n"})
        self.assertEqual(methods_of(filled, "B"), methods_of(self.SOURCE, "B"))
        self.assertNotIn("old", filled)
        self.assertIn("    x = 1\n\n    def f(self):\n", filled)

    def test_no_class(self):
        with self.assertRaisesRegex(ValueError, "there is no class C"):
            fill(self.SOURCE, "C", {})

    def test_every_mistake_can_be_written_into_a_file(self):
        for exercise in EXERCISES.values():
            cls = exercise.textbook.__name__
            blank = f"class {cls}:\n    def forward(self):\n        raise NotImplementedError\n"
            mistakes = [m for m in MISTAKES if m.exercise is exercise]
            for mistake in mistakes:
                with self.subTest(mistake.title):
                    text = fill(blank, cls, methods_of(mistake.source(), cls))
                    ast.parse(text)
                    self.assertIn(mistake.method, methods_of(text, cls))


if __name__ == "__main__":
    unittest.main()
