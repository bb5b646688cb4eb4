"""Gradescope's results.json: a report as a test run of gradescope-utils, written in one step.

Its runner gets a test case for each test of the report; no code of a hand-in is anywhere near.
"""

import io
import json
import math
import os
import platform
import re
import tempfile
import unittest
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gradescope_utils.autograder_utils.decorators import number, tags, visibility, weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner

from course.autograder.exams.exam import Exam
from course.autograder.grading.report import NOT_CHECKED, UNFINISHED, Graded, Report, unfinished
from course.autograder.sandbox.wire import harmless
from tests.verdict import MOST_LINES

MOST_OF_TEXT = 10_000
"""Characters of one text."""

TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""The beginning of a tag of HTML."""


def results(report: Report) -> dict[str, Any]:
    """The content of results.json, as Gradescope's documentation describes it.

    The total is left to Gradescope, which adds up the tests' points.
    """
    stream = io.StringIO()
    runner = JSONTestRunner(
        stream=stream,
        visibility="visible",
        stdout_visibility="hidden",
        failure_prefix="",
        post_processor=lambda data: complete(data, report),
    )
    checks = [check for check in report.checks if check.message != NOT_CHECKED]
    runner.run(unittest.TestSuite(map(proxy, [*report.tests, *checks])))
    return json.loads(stream.getvalue())


def proxy(graded: Graded) -> unittest.TestCase:
    """A test case that ends as a test of the report has ended."""

    def test(self: unittest.TestCase) -> None:
        if not graded.passed:
            raise self.failureException(output_of(graded))

    test.__doc__ = clean(graded.title)
    for decorate in (
        weight(graded.max_points),
        number(graded.number),
        tags(graded.exercise),
        visibility("visible"),
    ):
        test = decorate(test)
    return type("Proxy", (unittest.TestCase,), {"test": test})("test")


def output_of(graded: Graded) -> str:
    """The message of a test, and below it what the code printed."""
    parts = [graded.message]
    printed = graded.printed.splitlines() if graded.printed.strip() else []
    if printed:
        parts += ["", "Your code printed:", *(f"  {line}" for line in printed[:MOST_LINES])]
    if len(printed) > MOST_LINES:
        parts.append(f"  ... and {len(printed) - MOST_LINES} lines more")
    return clean("\n".join(parts))


def complete(data: dict[str, Any], report: Report) -> None:
    """Add to the runner's results what it does not know."""
    for name in ("score", "leaderboard"):
        data.pop(name, None)
    for test in data["tests"]:
        test |= {"name_format": "text", "output_format": "text"}
    data |= {
        "execution_time": round(report.seconds, 2),
        "output": summary(report),
        "output_format": "md",
        "extra_data": extra(report),
    }
    data |= {key: cleaned(value) for key, value in data.items()}


def summary(report: Report) -> str:
    """The text above the tests, in Markdown."""
    n_passed = sum(graded.passed for graded in report.tests)
    counts = f"{report.points} of {report.max_points} points"
    lines = [f"**{counts}**: {n_passed} of {len(report.tests)} tests pass."]
    if any(graded.message == UNFINISHED for graded in report.tests):
        lines = [f"**The grader did not finish**: {counts} so far. Submit again, or ask."]
    if 0 < report.points == report.max_points:
        lines.append("All tests that give points pass.")
    if report.next_step:
        lines.append(f"Next: {as_code(report.next_step)}")
    if report.notes:
        lines.append("\n".join(f"- {as_code(note)}" for note in report.notes))
    return "\n\n".join(lines)


def as_code(text: str) -> str:
    """One line of text as code, which Markdown shows as it is."""
    return f"`{' '.join(clean(text).replace('`', chr(39)).split())}`"


def extra(report: Report) -> dict[str, Any]:
    """Data for the staff, which students do not see."""
    return {
        "exam": report.exam,
        "hand_in": report.hand_in,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "seconds": round(report.seconds, 2),
        "staff": list(report.staff),
        "ignored": dict(report.ignored),
        "missing": list(report.missing),
    }


def cleaned(value: Any) -> Any:
    """A value of JSON with clean texts, and no number that is not finite."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def clean(text: str) -> str:
    """A text without control characters, lone surrogates and HTML, of limited length."""
    shown = harmless(text[: MOST_OF_TEXT + 1])
    if len(shown) > MOST_OF_TEXT:
        shown = f"{shown[:MOST_OF_TEXT]}…"
    return TAG.sub("‹", shown)


def skeleton(exam: Exam, only: Collection[str] = ()) -> Report:
    """The report that stands until a hand-in is graded: no test has finished."""
    return unfinished(exam, only)


def write_results(path: Path, report: Report) -> None:
    """Write a report as results.json, see ``write_table``."""
    write_table(path, results(report))


def write_table(path: Path, table: Mapping[str, Any]) -> None:
    """Write results.json whole or not at all; a link in its place is replaced, not followed.

    Parameters
    ----------
    path : Path
    table : mapping
        As ``results`` makes it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    text = json.dumps(table, indent=1, allow_nan=False) + "\n"
    handle, partial = tempfile.mkstemp(prefix=".results-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
