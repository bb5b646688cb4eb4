"""The list of mistakes: each is caught, its exact message names it, and right code passes."""

import io
import re
import unittest
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout

from course import matrix
from course.autograder.mistakes import EXERCISES, MISTAKES
from tests.course import students
from tests.verdict import MOST_LINES, judge, load_cases, run

COUNTS = {
    "relu": 16,
    "sigmoid": 9,
    "softmax": 16,
    "cross_entropy": 16,
    "l2": 11,
    "fully_connected": 34,
    "conv2d": 24,
    "pool2d": 18,
    "elman": 27,
    "model": 18,
}


def failures(exercise, cls):
    """The messages of an exercise's tests that fail with a class."""
    messages = []
    with exercise.installed(cls):
        for recipe in exercise.recipes().values():
            cases = load_cases(recipe)
            messages.append(judge(recipe, cases, [run(recipe, case) for case in cases]))
    return [message for message in messages if message]


class TestRightCode(unittest.TestCase):
    def test_ours(self):
        for exercise in EXERCISES.values():
            with self.subTest(exercise=exercise.name):
                self.assertEqual(failures(exercise, exercise.table[exercise.key]), [])

    def test_textbook_solutions(self):
        for exercise in EXERCISES.values():
            with self.subTest(exercise=exercise.name):
                self.assertEqual(failures(exercise, exercise.textbook), [])

    def test_solutions_in_another_style(self):
        for exercise in EXERCISES.values():
            cls = getattr(students, exercise.textbook.__name__)
            with self.subTest(exercise=exercise.name):
                self.assertEqual(failures(exercise, cls), [])


class TestList(unittest.TestCase):
    def test_all_of_them(self):
        self.assertEqual(Counter(mistake.exercise.name for mistake in MISTAKES), COUNTS)
        titles = [mistake.title for mistake in MISTAKES]
        self.assertEqual(len(titles), len(set(titles)))

    def test_diagnoses_are_short_sentences_that_name_the_cause(self):
        for mistake in MISTAKES:
            with self.subTest(mistake=mistake.title):
                self.assertRegex(mistake.diagnosis, r"^\S.*\.$")
                self.assertLessEqual(len(mistake.diagnosis), 100)
                self.assertIsNotNone(re.search(mistake.words, mistake.diagnosis))

    def test_an_edit_that_does_not_fit_is_told(self):
        first = MISTAKES[0]
        wrong = type(first)(first.exercise, "forward", "x", {"nowhere": ""}, "", "")
        with self.assertRaisesRegex(ValueError, r"^ReLU\.forward: x: 'nowhere' occurs 0 times$"):
            wrong.source()

    def test_the_library_has_its_own_class_again(self):
        exercise = MISTAKES[0].exercise
        before = exercise.table[exercise.key]
        with self.assertRaises(KeyError), MISTAKES[0].installed():
            self.assertIsNot(exercise.table[exercise.key], before)
            raise KeyError
        self.assertIs(exercise.table[exercise.key], before)


class TestMatrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = [row for exercise in EXERCISES.values() for row in matrix.rows(exercise)]

    def test_every_mistake_is_caught(self):
        self.assertEqual([row.mistake.title for row in self.rows if not row.caught_by], [])

    def test_messages_name_the_cause(self):
        exact = [row.mistake.title for row in self.rows if not row.names(row.exact)]
        generic = [row.mistake.title for row in self.rows if row.names(row.generic)]
        self.assertLessEqual(len(exact), 0.05 * len(self.rows), exact)
        self.assertGreaterEqual(len(generic), 0.7 * len(self.rows))

    def test_messages_are_short(self):
        for row in self.rows:
            for message in (row.generic, row.exact):
                self.assertLessEqual(len(message.splitlines()), min(10, MOST_LINES), message)
                self.assertLess(max(map(len, message.splitlines())), 250, message)

    def test_the_grader_s_message_differs_only_in_the_cause(self):
        for row in self.rows:
            first, *_ = row.generic.splitlines()
            self.assertEqual(row.exact.splitlines()[0], first)


class TestCommand(unittest.TestCase):
    def call(self, *argv):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = matrix.main(argv)
            except SystemExit as stop:
                status = stop.code
        return status, out.getvalue(), err.getvalue()

    def test_one_exercise(self):
        status, out, _ = self.call("relu", "--messages")
        self.assertEqual(status, 0)
        self.assertIn("| ReLU.backward: dY * (Z >= 0) | test_backward | yes | yes |", out)
        self.assertIn("\n16 of 189 mistakes tried, 0 pass all tests.\n", out)
        self.assertIn("## ReLU.forward: abs(Z)\nReLU.forward, case 1 of 3", out)

    def test_an_unknown_name(self):
        status, out, err = self.call("sprung-2023")
        self.assertEqual((status, out), (2, ""))
        self.assertEqual(len(err.splitlines()), 1)

    def test_tests_of_one_assignment(self):
        exercises, tests = matrix.chosen("spring-2020")
        names = {exercise.name for exercise in exercises}
        self.assertIn("elman", names)
        self.assertNotIn("pool2d", names)
        self.assertIn("check_elman.TestElman.test_forward", tests)


if __name__ == "__main__":
    unittest.main()
