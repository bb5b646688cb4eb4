"""Texts on grades: the feedback on a hand-in, a line for each of a class, and tables of all."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from course.autograder.classes.gradebook import Grade, Key, plain
from course.autograder.exams.exam import Exam
from course.autograder.grading.report import chosen
from neural_networks.utils.text import counted
from tests.verdict import NOT_WRITTEN

MOST_MESSAGES = 10
NUMBER = r"(?<!\w)-?\d+(\.\d+)?(e-?\d+)?(?!\w)"
CODE = "    "
"""The beginning of lines of code in a message, and of what is printed."""


def feedback(table: dict[str, Any]) -> str:
    """The feedback on a hand-in, as its student gets it: the text above, and all tests."""
    lines = [re.sub(r"\*\*|`", "", table.get("output", "")), ""]
    width = max((len(f"{test['number']}  {test['name']}") for test in table["tests"]), default=0)
    for test in table["tests"]:
        title = f"{test['number']}  {test['name']}"
        points = f"{plain(test['score'])} / {plain(test['max_score'])}"
        lines.append(f"{title:<{width}}  {points:>7}  {test['status']}")
        lines += [f"    {line}".rstrip() for line in test.get("output", "").strip().splitlines()]
    return "\n".join(lines) + "\n"


def one(grade: Grade) -> str:
    """The feedback on the only hand-in, or why there is none."""
    return feedback(grade.table) if grade.table else f"{grade.name}: not graded: {grade.note}"


def score(table: dict[str, Any]) -> tuple[float, float]:
    """The points of a hand-in, and the most that it could get."""
    tests = table.get("tests", ())
    return plain(sum(t["score"] for t in tests)), plain(sum(t["max_score"] for t in tests))


def line(grade: Grade) -> str:
    """A hand-in in one line."""
    if not grade.table:
        return f"{grade.name}: not graded: {grade.note}"
    points, most = score(grade.table)
    time = f"{grade.seconds:.1f} s" if grade.is_new else "graded before"
    note = f"; {grade.note}" if grade.note else ""
    return f"{grade.name}: {points} of {most}, {time}{note}"


def overview(exam: Exam, only: Sequence[str], grades: Sequence[Grade]) -> str:
    """The points of a class by exercise, and the most frequent messages."""
    graded = [grade for grade in grades if grade.table]
    if not graded:
        return f"{counted(len(grades), 'hand-in')}, none graded."
    totals = [score(grade.table)[0] for grade in graded]
    most = score(graded[0].table)[1]
    lines = [
        f"{counted(len(graded), 'hand-in')} graded: {sum(totals) / len(totals):.1f} of {most} "
        f"points on average, between {min(totals)} and {max(totals)}.",
        "",
        *by_exercise(exam, only, graded),
    ]
    messages = frequent(exam, only, graded)
    return "\n".join([*lines, *(["", "Most frequent messages:"] if messages else []), *messages])


def by_exercise(exam: Exam, only: Sequence[str], grades: Sequence[Grade]) -> list[str]:
    """A table: for each exercise its points, their mean, and how many hand-ins pass its tests.

    A hand-in counts as blank if it has not written all methods.
    """
    key = Key.of(exam, only)
    rows: list[tuple[str, ...]] = [
        ("exercise", "points", "mean", "all pass", "some", "none", "blank")
    ]
    for exercise in chosen(exam, only):
        passed, blank, points = [], 0, 0.0
        for grade in grades:
            own = [
                t for t in grade.table["tests"] if key.exercises.get(t["number"]) == exercise.name
            ]
            passed.append(sum(test["status"] == "passed" for test in own))
            blank += any(map(is_blank, own))
            points += sum(test["score"] for test in own)
        n = len(exercise.tests)
        counts = passed.count(n), sum(0 < p < n for p in passed), passed.count(0), blank
        mean = f"{points / len(grades):.1f}"
        rows.append((exercise.key, str(exercise.points), mean, *map(str, counts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def frequent(exam: Exam, only: Sequence[str], grades: Sequence[Grade]) -> list[str]:
    """The messages that most hand-ins got, each with their number; those on blanks left out."""
    key = Key.of(exam, only)
    found: Counter[str] = Counter()
    for grade in grades:
        found.update(
            {
                f"{method_of(test['output'])}: {sentence(test['output'])}"
                for test in grade.table["tests"]
                if test["number"] in key.tests and is_wrong(test)
            }
        )
    return [f"{n:5}  {text}" for text, n in found.most_common(MOST_MESSAGES)]


def is_blank(test: dict[str, Any]) -> bool:
    """True for the results of a test that came to a blank."""
    return NOT_WRITTEN in test.get("output", "").partition("\n")[0]


def is_wrong(test: dict[str, Any]) -> bool:
    """True for the results of a test that has a message, other than on a blank."""
    return bool(test.get("output")) and not is_blank(test)


def method_of(message: str) -> str:
    """The method that a message is about: ``SoftMax.backward``."""
    found = re.search(r"\b[A-Z]\w*\.\w+", message)
    return found[0] if found else "?"


def sentence(message: str) -> str:
    """The sentence of a message that says most: the last one that is no code, without numbers."""
    own = message.partition("\nYour code printed:")[0].splitlines()
    texts = [text for text in own if text.strip() and not text.startswith(CODE)]
    return re.sub(NUMBER, "#", texts[-1].strip() if texts else "")
