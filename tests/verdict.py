"""Verdicts of the graded tests: results of a recipe against the expected arrays, and a message.

A message is about the first case that fails: what is wrong with it, and the likely cause. The order
of the checks: not written yet, an error, None or another wrong type, a missing gradient, shape,
number type, numbers that are not finite, values. Warnings are no failures.
"""

import functools
import math
import traceback
import unittest
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests import diagnoses
from tests.diagnoses import Case, agree, shape_text
from tests.recipes import RECIPES, SECOND

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
FILES = {"elman": "check_elman", "network": "check_models"}
"""The files of cases that are not named after their exercise."""

NOT_WRITTEN = "not written yet: "
MOST_LINES = 40
BOUNDS = {
    " at least": lambda number, bound: number >= bound,
    " at most": lambda number, bound: number <= bound,
}
"""Endings of expected numbers that bound a result rather than equal it."""

__unittest = True  # frames of this file are left out of tracebacks


@dataclass(frozen=True)
class Outcome:
    """The results of a recipe on one case, by name; after an error, those before it.

    Parameters
    ----------
    results : dict
    blank : str or None
        The text of a blank that was reached.
    error : str
        What the code raised, and where.
    """

    results: dict[str, Any] = field(default_factory=dict)
    blank: str | None = None
    error: str = ""


Cause = Callable[[Sequence[Case], Sequence[Outcome]], str]
"""A function from all cases of a test and their outcomes to the cause, or an empty string."""


def load_cases(name: str) -> list[Case]:
    """The public cases of a recipe, from ``tests/data``."""
    exercise, method = name.split(".")
    found: dict[int, dict[str, Any]] = {}
    with np.load(DATA / f"{FILES.get(exercise, exercise)}.npz", allow_pickle=False) as file:
        for key in file.files:
            if not key.startswith(f"{method}/"):
                continue
            _, number, kind, *names = key.split("/", maxsplit=3)
            case = found.setdefault(int(number), {"input": {}, "expected": {}})
            if names:
                case[kind][names[0]] = file[key]
            else:
                case[kind] = str(file[key])
    return [
        Case(number, case["title"], case["input"], case["expected"])
        for number, case in sorted(found.items())
    ]


def run(name: str, case: Case) -> Outcome:
    """Run a recipe on a case, whose arrays cannot be written to."""
    inputs = {key: value.copy() for key, value in case.inputs.items()}
    for value in inputs.values():
        value.flags.writeable = False
    results: dict[str, Any] = {}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for key, value in RECIPES[name].run(inputs):
                # A copy: the code under test may go on writing into its own array.
                results[key] = value.copy() if isinstance(value, np.ndarray) else value
    except NotImplementedError as error:
        return Outcome(results, blank=str(error))
    except (Exception, SystemExit) as error:
        return Outcome(results, error=described(error))
    return Outcome(results)


def described(error: BaseException) -> str:
    """An error, with the last lines of the library's code that it went through."""
    text = str(error)
    if isinstance(error, SyntaxError):
        where = Path(error.filename or "?")
        place = where.relative_to(ROOT) if where.is_relative_to(ROOT) else where.name
        caret = " " * ((error.offset or 1) - 1) + "^"
        code = f"\n    {error.text.rstrip()}\n    {caret}" if error.text else ""
        return f"{place} does not import: {error.msg}, line {error.lineno}{code}"
    first = f"raised {type(error).__name__}: {text.splitlines()[0][:300] if text else ''}"
    if isinstance(error, ValueError) and "read-only" in text:
        first = (
            "writes into one of its arguments (or into a parameter), which must stay as it is: "
            "compute a new array"
        )
    elif isinstance(error, SystemExit):
        first = "ended the program (SystemExit)"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and "tests" not in Path(frame.filename).parts
    ]
    places = [
        f"\n    {Path(frame.filename).relative_to(ROOT).as_posix()}:{frame.lineno}, "
        f"in {frame.name}: {frame.line}"
        for frame in frames[-3:]
    ]
    return first + "".join(places)


def judge(
    name: str, cases: Sequence[Case], outcomes: Sequence[Outcome], cause: Cause | None = None
) -> str:
    """The message of a test: empty if every case is right.

    Parameters
    ----------
    name : str
        The recipe.
    cases, outcomes : sequences
        All cases, and what came out of each.
    cause : function, optional
        A second opinion on the cause; where it has one, its text replaces the likely cause.
    """
    for outcome in outcomes:
        if outcome.blank is not None:
            return NOT_WRITTEN + (outcome.blank or f"{RECIPES[name].method} is still a blank")
    problems = [problem(case, outcome) for case, outcome in zip(cases, outcomes, strict=True)]
    wrong = [number for number, lines in enumerate(problems) if lines]
    if not wrong:
        return ""
    first = wrong[0]
    lines = list(problems[first])
    named = cause(cases, outcomes) if cause is not None else ""
    likely = named or diagnoses.likely_cause(cases[first], outcomes[first].results)
    by_case = "" if named else diagnoses.by_options(cases, [not lines for lines in problems])
    lines += [text for text in (likely, by_case) if text]
    title = f", case {cases[first].number} of {len(cases)}" if len(cases) > 1 else ""
    right = f"; {len(cases) - len(wrong)} of {len(cases)} are right" if len(cases) > 1 else ""
    head = f"{RECIPES[name].method}{title}: {cases[first].summary()}{right}"
    return "\n  ".join([head, *lines[: MOST_LINES - 2]])


def problem(case: Case, outcome: Outcome) -> list[str]:
    """The lines on what is wrong in one case; none if nothing is."""
    if outcome.error:
        before = [key for key in outcome.results if key in case.expected]
        late = any(key.endswith(SECOND) for key in case.expected) and before
        note = "The first batch went through: is something of it left over?"
        return [outcome.error, *([note] if late and "writes into" not in outcome.error else [])]
    expected = list(equalities(case.expected))
    for check in (type_problem, missing_problem, shape_problem, dtype_problem, finite_problem):
        for key, value in expected:
            if found := check(key, outcome.results.get(key, MISSING), value, case):
                return [found]
    return bounds_problem(case, outcome) or value_problem(expected, outcome, case)


MISSING = object()
"""Stands for a result that a recipe did not yield."""


def equalities(expected: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """The expected results without the bounds."""
    for key, value in expected.items():
        if not key.endswith(tuple(BOUNDS)):
            yield key, value


def type_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """None, or an object that is neither an array nor, for a number, a number."""
    if actual is MISSING:
        return ""
    if actual is None and key == "n_in":
        return "n_in is None: _init_parameters must set it to the number of input features."
    if actual is None:
        return f"{key} is None: is there a return?"
    is_number = isinstance(actual, float | int | np.number) and not isinstance(actual, bool)
    if expected.ndim == 0:
        if is_number or (isinstance(actual, np.ndarray) and actual.ndim == 0):
            return ""
        if isinstance(actual, np.ndarray):
            what = "one for each example" if len(actual) == case.m else "not one number"
            return f"{key} must be a float, got an array {shape_text(actual.shape)}: {what}."
        return f"{key} must be a float, got a {type(actual).__name__}."
    if isinstance(actual, np.ndarray):
        return ""
    kind = "one number" if is_number else f"a {type(actual).__name__}"
    return f"{key} must be an array {shape_text(expected.shape)}, got {kind}."


def missing_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """A result that was not there at all."""
    if actual is not MISSING:
        return ""
    name = key.removesuffix(SECOND)
    if name.startswith("dL/d"):
        return f"{key} is missing: the layer's gradients have no {name.removeprefix('dL/d')!r}."
    if name == "loss":
        return "predict must return two things, (Y_hat, loss)."
    return f"{key} is missing."


def shape_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """An array of another shape."""
    shape = np.shape(actual)
    if shape == expected.shape:
        return ""
    found, right = shape_text(shape), shape_text(expected.shape)
    return f"{key} has shape {found}, must be {right}{diagnoses.of_shape(shape, expected, case)}"


def dtype_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """Numbers of another type."""
    if not isinstance(actual, np.ndarray) or actual.ndim == 0 or expected.dtype.kind != "f":
        return ""
    if actual.dtype == expected.dtype:
        return ""
    hint = {
        "f": "the layers and arguments of this case are float64",
        "b": "true and false are no numbers to go on with",
        "i": "whole numbers lose what comes after the point",
    }.get(actual.dtype.kind, "it must hold numbers")
    return f"{key} has the type {actual.dtype}, must be {expected.dtype}: {hint}."


def finite_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """NaN or infinity where a number is expected."""
    bad = ~np.isfinite(actual) & np.isfinite(expected)
    if not bad.any():
        return ""
    index = tuple(map(int, np.argwhere(bad)[0]))
    where = f" first at {list(index)}," if index else ""
    values = case.at(index, expected.shape)
    value, text = np.asarray(actual)[index], f" where {values}" if values else ""
    return f"{key} has {bad.sum()} of {bad.size} numbers that are not finite,{where} {value}{text}."


def bounds_problem(case: Case, outcome: Outcome) -> list[str]:
    """A number outside its bounds, or one that could not be computed."""
    for key, bound in case.expected.items():
        for ending, holds in BOUNDS.items():
            if not key.endswith(ending):
                continue
            name = key.removesuffix(ending)
            actual = outcome.results.get(name, math.nan)
            if not holds(actual, bound):
                return [f"{name} must be{ending} {bound:g}, got {actual:.3g}."]
    return []


def value_problem(
    expected: Sequence[tuple[str, np.ndarray]], outcome: Outcome, case: Case
) -> list[str]:
    """Other numbers: how many, by how much, and where."""
    wrong = [key for key, value in expected if not agree(outcome.results[key], value).all()]
    if not wrong:
        return []
    key = wrong[0]
    actual, right = np.asarray(outcome.results[key], float), case.expected[key]
    same = agree(actual, right)
    if key.endswith(" afterwards"):
        return [f"{key.removesuffix(' afterwards')} has changed; this method must leave it alone."]
    if right.ndim == 0:
        lines = [f"{key} is {actual:.6g}, should be {right:.6g}."]
    else:
        with np.errstate(invalid="ignore"):
            difference = np.where(same, 0, np.abs(actual - right))
        index = tuple(map(int, np.unravel_index(np.argmax(difference), right.shape)))
        lines = [
            f"{key} has the right shape, but {(~same).sum()} of {same.size} numbers differ; the "
            f"largest difference is {difference[index]:.2g} at {list(index)}: "
            f"{actual[index]:.4g}, should be {right[index]:.4g}."
        ]
    fine = [name for name, _ in expected if name not in wrong and " afterwards" not in name]
    return lines + ([f"Right: {', '.join(fine)}."] if fine else [])


class GradedTest(unittest.TestCase):
    """A test whose failures are messages alone, without a traceback."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, method in list(vars(cls).items()):
            if name.startswith("test_"):
                setattr(cls, name, without_traceback(method))

    def check(self, name: str) -> None:
        """Run all cases of a recipe, and fail with the message if one of them is wrong."""
        cases = load_cases(name)
        if message := judge(name, cases, [run(name, case) for case in cases]):
            self.fail(message)


def without_traceback(method: Callable[[GradedTest], None]) -> Callable[[GradedTest], None]:
    """The test method, with failures raised from this file, whose frames are not shown."""

    @functools.wraps(method)
    def test(self: GradedTest) -> None:
        __tracebackhide__ = True
        message = ""
        try:
            method(self)
        except self.failureException as failure:
            message = str(failure)
        if message:
            raise self.failureException(message)

    return test
