"""Tests of assignments as students' tools read them."""

import tempfile
import unittest
from pathlib import Path

from course.assignment import find_assignment
from tests.course.kits import ROOT, starter


class TestFindAssignment(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, text):
        (self.root / "assignment.toml").write_text(text, encoding="utf-8")

    def test_the_default_is_spring_2023(self):
        assignment = find_assignment(ROOT)
        self.assertEqual(assignment.name, "spring-2023")
        self.assertEqual(assignment.points, 100)
        layer = assignment.exercise("fully_connected")
        self.assertEqual(layer.key, "4.2 Fully-connected layer")
        self.assertEqual(layer.points, 15)
        self.assertEqual(layer.cls, "FullyConnected")
        self.assertEqual(layer.blank, ("_init_parameters", "forward", "backward"))

    def test_a_starter_has_the_assignment_of_its_manifest(self):
        for name in ("spring-2023", "fall-2024"):
            self.write(starter(name)["assignment.toml"].decode())
            own, ours = find_assignment(self.root), find_assignment(ROOT, name)
            self.assertEqual(own.name, name)
            for key in ("title", "points", "headings", "exercises", "written"):
                self.assertEqual(getattr(own, key), getattr(ours, key), (name, key))
            self.assertEqual(own.files.keys(), starter(name).keys() - {"assignment.toml"})
            self.assertEqual(ours.files, {})

    def test_unknown_names_in_one_line(self):
        with self.assertRaisesRegex(ValueError, "^unknown assignment 'spring-2032'; did you mean"):
            find_assignment(ROOT, "spring-2032")
        with self.assertRaisesRegex(ValueError, "^unknown exercise 'rellu'; did you mean 'relu'"):
            find_assignment(ROOT).exercise("rellu")
        with self.assertRaisesRegex(
            ValueError, "^unknown assignment 'spring-2023' .known: none in"
        ):
            find_assignment(self.root)

    def test_a_starter_is_of_one_assignment(self):
        self.write(starter("fall-2024")["assignment.toml"].decode())
        with self.assertRaisesRegex(ValueError, "^this starter is 'fall-2024', not 'spring-2023'"):
            find_assignment(self.root, "spring-2023")

    def test_damaged_files_in_one_line(self):
        exercise = '[[exercise]]\nname = "a"\nsection = "1"\ntitle = "A"\nheading = "H"\n'
        top = 'name = "x"\ntitle = "X"\npoints = 1\nheadings = []\n'
        for text, message in (
            ("title = ", "^assignment.toml is not TOML: "),
            ("title = 1", "'title' must be a text, got 1"),
            ("tittle = 'a'", "unknown key 'tittle'; did you mean 'title'"),
            ("title = 'a'", "the key 'points' is missing"),
            (f"{top}exercise = [1]\n", "exercise must be a list of tables"),
            (top + exercise, "exercise 'a': the key 'where' is missing"),
            (f'{top}{exercise}where = "a"\nblank = []\n', '"where" must be a file and a class'),
            (
                f'{top}{exercise}where = "a.py:A"\nblank = []\ntests = {{ t = -1 }}\n',
                "the points of t must be 0 or more, got -1",
            ),
        ):
            self.write(text)
            with self.subTest(text), self.assertRaisesRegex(ValueError, message) as caught:
                find_assignment(self.root)
            self.assertNotIn("\n", str(caught.exception))
        (self.root / "assignment.toml").write_bytes(b"title = '\xe9'")
        with self.assertRaisesRegex(ValueError, "^assignment.toml is not UTF-8$"):
            find_assignment(self.root)
