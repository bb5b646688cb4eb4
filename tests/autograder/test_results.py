"""results.json: what Gradescope documents, whatever the texts."""

import json
import os
import stat
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import jsonschema

from course.autograder.grading.report import NOT_CHECKED, UNFINISHED, Graded, Report
from course.autograder.grading.results import MOST_OF_TEXT, results, skeleton, write_results
from tests.autograder.small_exam import small_exam

VISIBILITY = {"enum": ["visible", "hidden", "after_due_date", "after_published"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEST = {
    "type": "object",
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "max_score": {"type": "number", "minimum": 0},
        "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string", "minLength": 1},
        "name_format": FORMAT,
        "number": {"type": "string"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": VISIBILITY,
        "extra_data": {"type": "object"},
    },
    "additionalProperties": False,
    "required": ["score", "max_score", "status", "name"],
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number", "minimum": 0},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {"type": "array", "items": TEST},
        "leaderboard": {"type": "array"},
    },
    "additionalProperties": False,
    "required": ["tests"],
}
"""The fields of https://gradescope-autograders.readthedocs.io/en/latest/specs/."""

HOSTILE = (
    "NUL \0, escape \x1b[31m, bell \a, surrogate \ud800, </pre><script>alert(1)</script>, "
    "line \u2028, right to left \u202e, delete \x7f\r\n` ` ```\n# [link](http://a.b) \ufeff\r"
)
FORWARD = Graded("a.B.test_c", "4.1.1", "4.1 ReLU: forward", "relu", 2, 2, "")
WRONG = replace(FORWARD, number="4.1.2", title="4.1 ReLU: backward", points=0, message="No.")
CHECK = replace(WRONG, number="4.1.3", title="4.1 ReLU: no loop", max_points=0)


def checked(report):
    """The results of a report, which are valid: as JSON, and as Gradescope documents them."""
    found = results(report)
    jsonschema.validate(found, SCHEMA)
    text = json.dumps(found, allow_nan=False, ensure_ascii=False)
    assert json.loads(text.encode("utf-8")) == found  # no lone surrogates
    return found


def texts(value):
    """All texts in a value of JSON, with the keys."""
    if isinstance(value, str):
        return [value]
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    return [t for part in parts for t in texts(part)] if isinstance(value, dict | list) else []


class TestResults(unittest.TestCase):
    def test_tests(self):
        report = Report([FORWARD, replace(WRONG, printed="hm\n")], [CHECK], seconds=1.234)
        first, second, third = checked(report)["tests"]
        self.assertEqual(
            first,
            {
                "name": "4.1 ReLU: forward",
                "name_format": "text",
                "number": "4.1.1",
                "score": 2,
                "max_score": 2,
                "status": "passed",
                "output_format": "text",
                "tags": ["relu"],
                "visibility": "visible",
            },
        )
        self.assertEqual((second["score"], second["max_score"], second["status"]), (0, 2, "failed"))
        self.assertEqual(second["output"], "No.\n\nYour code printed:\n  hm\n")
        self.assertEqual((third["score"], third["max_score"], third["status"]), (0, 0, "failed"))

    def test_checks_that_have_not_run_are_left_out(self):
        check = replace(FORWARD, number="4.1.3", points=0, max_points=0, message=NOT_CHECKED)
        found = checked(Report([FORWARD], [check, replace(check, number="4.2.4", message="Loop.")]))
        self.assertEqual([test["number"] for test in found["tests"]], ["4.1.1", "4.2.4"])

    def test_optional_tests_that_pass_have_no_points(self):
        (test,) = checked(Report([replace(FORWARD, points=0, max_points=0)]))["tests"]
        self.assertEqual((test["score"], test["max_score"], test["status"]), (0, 0, "passed"))

    def test_the_total_is_left_to_the_tests(self):
        found = checked(Report([FORWARD, WRONG], seconds=1.234))
        self.assertNotIn("score", found)
        self.assertNotIn("leaderboard", found)
        self.assertEqual(found["execution_time"], 1.23)
        self.assertEqual(found["stdout_visibility"], "hidden")

    def test_the_summary(self):
        notes = ["losses.py is missing: the starter's own was used", "not taken: `x` *y* (a link)"]
        report = Report([FORWARD, WRONG], notes=notes, next_step="4.1 ReLU, activations.py")
        found = checked(report)
        self.assertEqual(found["output_format"], "md")
        self.assertEqual(
            found["output"],
            "**2 of 4 points**: 1 of 2 tests pass.\n\nNext: `4.1 ReLU, activations.py`\n\n"
            "- `losses.py is missing: the starter's own was used`\n- `not taken: 'x' *y* (a link)`",
        )

    def test_the_summary_when_all_is_right(self):
        found = checked(Report([FORWARD], next_step="optional: L2"))
        words = "**2 of 2 points**: 1 of 1 tests pass.\n\nAll tests that give points pass."
        self.assertEqual(found["output"], f"{words}\n\nNext: `optional: L2`")

    def test_data_for_the_staff(self):
        report = Report(
            [FORWARD], staff=["no network"], ignored={"a.py": "why"}, exam="e", hand_in="h"
        )
        data = checked(report)["extra_data"]
        self.assertEqual((data["exam"], data["hand_in"], data["staff"]), ("e", "h", ["no network"]))
        self.assertEqual(data["ignored"], {"a.py": "why"})
        self.assertRegex(data["python"], r"^3\.")
        self.assertRegex(data["numpy"], r"^2\.")

    def test_no_tests(self):
        self.assertEqual(checked(Report())["tests"], [])

    def test_before_the_first_test(self):
        report = skeleton(small_exam())
        found = checked(report)
        self.assertEqual(len(found["tests"]), 5)
        for test in found["tests"]:
            self.assertEqual((test["score"], test["output"]), (0, f"{UNFINISHED}\n"))
        self.assertEqual(sum(test["max_score"] for test in found["tests"]), 9)
        self.assertIn("did not finish", found["output"])
        self.assertEqual(len(skeleton(small_exam(), ["relu"]).tests), 2)

    def test_texts_do_no_harm(self):
        graded = replace(WRONG, message=HOSTILE, printed=HOSTILE, title=HOSTILE, exercise=HOSTILE)
        report = Report(
            [graded],
            [graded],
            notes=[HOSTILE],
            staff=[HOSTILE],
            ignored={HOSTILE: HOSTILE},
            missing=[HOSTILE],
            next_step=HOSTILE,
            title=HOSTILE,
        )
        found = checked(report)
        for text in texts(found):
            for line in text.split("\n"):
                self.assertTrue(line.isprintable(), repr(line))
            self.assertNotIn("<script", text)
            self.assertNotIn("</", text)
        for line in found["output"].splitlines()[2:]:
            self.assertNotIn("`", line.removeprefix("Next: ").removeprefix("- ")[1:-1])

    def test_long_texts_are_cut(self):
        graded = replace(WRONG, message="m" * 10**7, printed="p" * 10**7)
        (test,) = checked(Report([graded]))["tests"]
        self.assertLess(len(test["output"]), MOST_OF_TEXT + 10)
        graded = replace(WRONG, printed="".join(f"{i}\n" for i in range(1000)))
        (test,) = checked(Report([graded]))["tests"]
        self.assertTrue(test["output"].endswith("\n  39\n  ... and 960 lines more\n"))

    def test_numbers_that_are_not_finite(self):
        for seconds in (float("nan"), float("inf")):
            found = results(Report([FORWARD], seconds=seconds))
            json.dumps(found, allow_nan=False)

    def test_messages_that_look_like_code_are_texts(self):
        graded = replace(WRONG, message="%s {0} \\n {}", title="%d {x}")
        (test,) = checked(Report([graded]))["tests"]
        self.assertEqual((test["name"], test["output"]), ("%d {x}", "%s {0} \\n {}\n"))


class TestWritten(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "results.json"

    def test_written_and_written_again(self):
        for report in (skeleton(small_exam()), Report([FORWARD])):
            write_results(self.path, report)
            self.assertEqual(json.loads(self.path.read_text("ascii")), results(report))
        self.assertEqual(list(self.folder.iterdir()), [self.path])
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o644)

    def test_a_link_is_replaced(self):
        elsewhere = self.folder / "elsewhere"
        elsewhere.write_text("mine")
        self.path.symlink_to(elsewhere)
        write_results(self.path, Report([FORWARD]))
        self.assertFalse(self.path.is_symlink())
        self.assertEqual(elsewhere.read_text(), "mine")

    def test_whole_or_not_at_all(self):
        write_results(self.path, Report([FORWARD]))
        before = self.path.read_bytes()
        with mock.patch.object(os, "fdopen", side_effect=OSError), self.assertRaises(OSError):
            write_results(self.path, Report([WRONG]))
        with mock.patch.object(Path, "replace", side_effect=OSError), self.assertRaises(OSError):
            write_results(self.path, Report([WRONG]))
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(list(self.folder.iterdir()), [self.path])
