"""Feedback on hidden cases: shapes, options and the kind of mistake, and no number."""

import re
import unittest
from dataclasses import replace
from functools import cache

import numpy as np

from course.autograder.exams.hidden import hidden_cases
from course.autograder.exams.known import known, of_exercise
from course.autograder.grading.causes import by_name
from course.autograder.mistakes import EXERCISES
from tests.diagnoses import MEANINGS
from tests.verdict import MOST_LINES, Outcome, judge, load_cases, run

SEED = 3
NUMBER = r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
DECIMALS = {"0.9", "1.0", "0.2", "0.1", "0.01"}
"""Numbers with a point that messages may have: bounds of drawn weights, and parts of diagnoses."""


@cache
def cases_of(recipe):
    """Hidden cases."""
    return hidden_cases(recipe, SEED)


@cache
def messages():
    """For each mistake, with hidden cases alone: recipe, outcomes, generic and exact message."""
    found = []
    for exercise in EXERCISES.values():
        mistakes = of_exercise(exercise.name)
        results = [known(mistake, cases_of) for mistake in mistakes]
        for mistake, own in zip(mistakes, results, strict=True):
            for recipe, outcomes in own.trials.items():
                if generic := judge(recipe, cases_of(recipe), outcomes):
                    exact = judge(recipe, cases_of(recipe), outcomes, by_name(recipe, results))
                    found.append((mistake, recipe, outcomes, generic, exact))
    return found


@cache
def numbers_of(recipe):
    """All numbers in the cases of a recipe."""
    arrays = [a for c in cases_of(recipe) for a in (*c.inputs.values(), *c.expected.values())]
    return [array.ravel() for array in arrays if array.dtype.kind == "f"]


def told(message, recipe, outcomes):
    """The numbers of three digits or more in a message that are some number of a case or result."""
    results = [value for outcome in outcomes for value in outcome.results.values()]
    results = [np.ravel(value) for value in results if np.asarray(value).dtype.kind == "f"]
    every = None
    found = set()
    for text in re.findall(NUMBER, message):
        digits = len(re.sub(r"e.*|\D", "", text).strip("0"))
        if digits < 3:
            continue
        every = np.abs(np.concatenate([*numbers_of(recipe), *results])) if every is None else every
        if np.isclose(every, abs(float(text)), rtol=10.0**-digits, atol=0).any():
            found.add(text)
    return found


def telling(**methods):
    """The message of hidden ReLU cases, whose code raises or returns what a method makes of Z."""
    exercise = EXERCISES["relu"]
    with exercise.installed(type("ReLU", (exercise.textbook,), methods)):
        cases = cases_of("relu.forward")
        message = judge("relu.forward", cases, [run("relu.forward", case) for case in cases])
    return message


class TestNumbers(unittest.TestCase):
    def test_no_number_of_a_case_is_told(self):
        for _, recipe, outcomes, *both in messages():
            for message in both:
                self.assertEqual(told(message, recipe, outcomes), set(), message)

    def test_numbers_with_a_point_come_from_sizes_alone(self):
        for _, recipe, _, *both in messages():
            sizes = {n for case in cases_of(recipe) for n in case.sizes().values()}
            ratios = {f"{a / b:.4g}" for a in sizes for b in sizes} | {f"{1 / np.log(2):.4g}"}
            for message in both:
                found = {text for text in re.findall(NUMBER, message) if "." in text}
                self.assertLessEqual(found, DECIMALS | ratios, message)

    def test_messages_of_public_cases_would_fail_this(self):
        found = 0
        for _, recipe, outcomes, *_ in messages():
            shown = [replace(case, hidden=False) for case in cases_of(recipe)]
            found += bool(told(judge(recipe, shown, outcomes), recipe, outcomes))
        self.assertGreater(found, 0.4 * len(messages()))


class TestWords(unittest.TestCase):
    def test_messages_name_the_cause(self):
        named, tried = {"generic": 0, "exact": 0}, 0
        seen = set()
        for mistake, _, _, generic, exact in messages():
            if mistake.title in seen:
                continue
            seen.add(mistake.title)
            tried += 1
            for kind, message in (("generic", generic), ("exact", exact)):
                _, _, text = message.partition("\n")
                named[kind] += re.search(mistake.words, text, re.DOTALL) is not None
        self.assertEqual(tried, sum(len(of_exercise(name)) for name in EXERCISES))
        self.assertGreaterEqual(named["exact"], 0.95 * tried)
        self.assertGreaterEqual(named["generic"], 0.6 * tried)

    def test_a_message_says_that_the_case_is_hidden_and_its_shapes(self):
        for _, recipe, _, *both in messages():
            if len(cases_of(recipe)) > 1:
                for message in both:
                    self.assertRegex(
                        message, r"^\w+\.\w+, case \d+ of \d+ \(hidden(; .*)?\): .*\(\d"
                    )

    def test_messages_are_short_and_without_paths(self):
        for *_, generic, exact in messages():
            for message in (generic, exact):
                self.assertLessEqual(len(message.splitlines()), min(8, MOST_LINES))
                self.assertNotRegex(message, r"(^|\s)/\w|[A-Z]:\\|\.py")

    def test_meanings_have_no_numbers_but_sizes(self):
        for text in MEANINGS.values():
            self.assertNotRegex(re.sub(r"\{.*?\}", "", text), r"\d\.\d|\d{2}")


class TestOrder(unittest.TestCase):
    def test_a_hidden_case_is_told_of_only_if_the_public_ones_pass(self):
        cases = [*load_cases("relu.forward"), *cases_of("relu.forward")]
        wrong = [Outcome({"Y": -case.expected["Y"]}) for case in cases]
        self.assertNotIn("hidden", judge("relu.forward", cases, wrong))
        mixed = [
            outcome if case.hidden else Outcome({"Y": case.expected["Y"]})
            for case, outcome in zip(cases, wrong, strict=True)
        ]
        message = judge("relu.forward", cases, mixed)
        self.assertRegex(message, r"^ReLU\.forward, case 4 of 6 \(hidden\): .*; right: 3 of 6\n")
        self.assertIn("Y has wrong numbers.\n  Every number has the other sign", message)


class TestSmuggling(unittest.TestCase):
    """Code that puts what it is given into names, texts and shapes, for its author to read."""

    SECRET = "1.015625 -2.34375"

    def quiet(self, message, words):
        self.assertIn(words, message)
        self.assertNotRegex(message, r"015625|34375|1015|smuggled")

    def test_in_the_text_of_an_error(self):
        def forward(method, Z):
            raise ValueError(f"{self.SECRET} smuggled")

        self.quiet(telling(forward=forward), "\n  It raised ValueError.")

    def test_in_the_name_of_an_error(self):
        def forward(method, Z):
            raise type("E1015625smuggled", (Exception,), {})

        self.quiet(telling(forward=forward), "\n  It raised an error.")

    def test_in_the_text_of_a_blank(self):
        def forward(method, Z):
            raise NotImplementedError(f"4.1 relu: write {self.SECRET} smuggled")

        found = telling(forward=forward)
        self.assertEqual(found, "not written yet: ReLU.forward is still a blank")

    def test_in_the_text_of_a_file_that_does_not_parse(self):
        def forward(method, Z):
            raise SyntaxError(f"{self.SECRET} smuggled", ("a.py", 1, 1, self.SECRET))

        self.quiet(telling(forward=forward), "\n  It raised an error.")

    def test_in_the_name_of_a_type(self):
        def forward(method, Z):
            return type("A1015625smuggled", (), {})()

        self.quiet(telling(forward=forward), "must be an array (5, 8), got a type of your own.")

    def test_in_a_shape(self):
        for shape in ((0, 1015625), (2, 3, 4, 5), (100, 8)):
            found = telling(forward=lambda method, Z, shape=shape: np.zeros(shape))
            self.assertIn("Y must have shape (5, 8).", found)
        found = telling(forward=lambda method, Z: Z.T)
        self.assertIn("Y has shape (8, 5), must be (5, 8): it is transposed.", found)

    def test_what_is_no_secret_is_told(self):
        def forward(method, Z):
            Z[Z < 0] = 0
            return Z

        self.assertIn("It writes into one of its arguments", telling(forward=forward))

        def ends(method, Z):
            raise SystemExit(0)

        self.assertIn("It ended the program (SystemExit).", telling(forward=ends))
        self.assertIn("Y is None: is there a return?", telling(forward=lambda *_: None))
        self.assertIn("got a list.", telling(forward=lambda *_: []))

    def test_numbers_that_are_not_finite(self):
        found = telling(forward=lambda method, Z: np.where(Z > 0, np.nan, 0))
        self.assertIn("\n  Y has numbers that are not finite.", found)


if __name__ == "__main__":
    unittest.main()
