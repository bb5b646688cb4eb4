"""Messages of the grader: on a test, a check, the files of a hand-in, and what comes next."""

import re
from collections.abc import Collection, Iterator, Sequence

from course.assignment import Assignment, Exercise
from course.autograder.exams.exam import Exam
from course.autograder.grading.report import Report
from course.autograder.hand_ins.stage import HandIn
from course.autograder.sandbox.sandbox import Run
from tests.diagnoses import Case
from tests.recipes import RECIPES
from tests.verdict import MOST_LINES, NOT_WRITTEN, Cause, Outcome, judge

NOT_COMPARED = "Its results could not be compared with the right ones: are they arrays of numbers?"
NOT_RUN = "The grader could not run this, by no fault of your code: please tell your instructor."
TOO_FEW = "fewer answers came than there are cases"

MOST_BEHIND = 5
"""Lines on what is behind an error."""

NO_SUCH_NAME = (
    r"cannot import name '(\w+)'",
    r"name '(\w+)' is not defined",
    r"has no attribute '(\w+)'",
)
"""Errors of Python for a class that is not there."""

WRONG_CALL = r"TypeError: (?:\w+\.)*(\w+\.\w+)\(\) (?:takes|missing|got) "
"""An error of Python for a method with another signature."""


def message_of(recipe: str, cases: Sequence[Case], run: Run, cause: Cause) -> str:
    """The message of a test that has run; empty if it is right.

    An ending before all cases were through comes after blanks and errors, and before wrong values.
    """
    outcomes = [reply.outcome for reply in run.replies]
    ending = run.ending or (TOO_FEW if len(outcomes) != len(cases) else "")
    if ending and not any(each.error or each.blank is not None for each in outcomes):
        return ended_in(recipe, cases, len(outcomes), ending)
    outcomes += [Outcome(error=ending)] * (len(cases) - len(outcomes))
    try:
        message = judge(recipe, cases, outcomes, cause)
    except Exception:  # of values that no honest code returns
        message = f"{RECIPES[recipe].method}\n  {NOT_COMPARED}"
    return message or ending


def ended_in(recipe: str, cases: Sequence[Case], done: int, ending: str) -> str:
    """The message of a test that did not come to its end; of a hidden case, without numbers."""
    method = RECIPES[recipe].method
    if done >= len(cases):
        return f"{method}, after the last case:\n  {ending}"
    case = cases[done]
    if case.hidden:
        ending = re.sub(r" \(.*\)", "", ending.partition("\n")[0])
    place = "hidden" if case.hidden else "" if done else "or when its file was imported"
    where = f"case {case.number} of {len(cases)}{f' ({place})' if place else ''}"
    return f"{method}, {where}: {case.summary()}\n  {ending}"


def explained(message: str, exercise: Exercise, assignment: Assignment, hand_in: HandIn) -> str:
    """A message with what is behind it: a file, a class or a signature that is another one.

    It has at most 40 lines.
    """
    if exercise.file in hand_in.missing and message.startswith(NOT_WRITTEN):
        return f"{exercise.file} is missing, so the starter's was used\n{message}"
    parts = no_class(message, assignment), other_signature(message, assignment)
    lines = [*nul_bytes(message, hand_in), *(line for part in parts for line in part)][:MOST_BEHIND]
    told = message.splitlines()[: MOST_LINES - len(lines)]
    return "\n".join([*told, *(f"  {line}" for line in lines)])


def nul_bytes(message: str, hand_in: HandIn) -> Iterator[str]:
    """A sentence on each file that Python cannot read for its NUL bytes; Python names none."""
    for path, data in hand_in.files.items() if "null bytes" in message else ():
        if b"\0" in data:
            line = 1 + data[: data.index(b"\0")].count(b"\n")
            yield f"{path} has a NUL byte in line {line}: it must be plain text, in UTF-8."


def no_class(message: str, assignment: Assignment) -> Iterator[str]:
    """A sentence if a class of an exercise is not in its file."""
    names = {found[1] for pattern in NO_SUCH_NAME if (found := re.search(pattern, message))}
    for cls, file in dict.fromkeys((each.cls, each.file) for each in assignment.exercises):
        module = file.removesuffix(".py").replace("/", ".")
        if cls in names and (f"{file}:" in message or f"'{module}'" in message):
            yield f"There is no class {cls} in {file}: is it renamed?"


def other_signature(message: str, assignment: Assignment) -> Iterator[str]:
    """A sentence if a method cannot be called as the starter's can."""
    found = re.search(WRONG_CALL, message)
    for definitions in assignment.definitions.values() if found else ():
        if found and (signature := definitions.get(found[1])):
            yield f"In the starter it is {found[1]}{signature}; it is called in that way."


def growth(recipe: str, pair: tuple[Case, Case], run: Run) -> str:
    """The message of a check for a loop over examples: empty if there is none."""
    method = RECIPES[recipe].method
    lines = [reply.lines for reply in run.replies]
    if run.ending or len(lines) != 2 or any(reply.outcome.error for reply in run.replies):
        return f"{method}: not measurable" + (f" ({run.ending})" if run.ending else "")
    few, many = lines
    if few is None or many is None:
        return f"{method}: not measurable"
    if many <= few:
        return ""
    counts = f"{few} lines for {pair[0].title} and {many} for {pair[1].title}"
    return f"{method} executes {counts}: is there a loop over the examples?"


def about_files(hand_in: HandIn) -> list[str]:
    """Notes for the student on files that are missing, or were not taken."""
    missing = [f"{path} is missing: the starter's own was used" for path in hand_in.missing]
    return [*missing, *(f"not taken: {name} ({why})" for name, why in hand_in.ignored.items())]


def next_step(exam: Exam, report: Report) -> str:
    """The exercise to look at next: the first required one of which a test fails.

    If there is none, those that are optional; an empty string if all is right.
    """
    failing: Collection[str] = {graded.exercise for graded in report.tests if not graded.passed}
    open_ones = [each for each in exam.assignment.exercises if each.name in failing]
    required = [each for each in open_ones if not each.optional]
    for exercise in required:
        return f"{exercise.key}, {exercise.file} (python check.py {exercise.name} --hint)"
    return f"optional: {', '.join(each.title for each in open_ones)}" if open_ones else ""
