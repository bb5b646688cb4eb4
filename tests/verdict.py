"""Verdicts of the graded tests: results of a recipe against the expected arrays, and a message.

A message is about the first case that fails: what is wrong with it, and the likely cause. The order
of the checks: not written yet, an error, None or another wrong type, a missing gradient, shape,
number type, numbers that are not finite, values. Warnings are no failures.
"""

import contextlib
import functools
import math
import operator
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
FILES = {"elman": "check_elman", "model": "check_models"}
"""The files of cases that are not named after their exercise."""

LEFT_ALONE, OF_DRAWN = " afterwards", "shape of "
"""An ending and a beginning of results: arrays that must not change, and shapes of drawn ones."""

NOT_WRITTEN, DOES_NOT_IMPORT = "not written yet: ", " does not import: "
"""The beginning of the message of a blank, and the middle of that of a file with a syntax error."""

MOST_LINES = 40
MOST_TOLD = 99  # the largest size in a shape that is told of a hidden case
BOUNDS: dict[str, Callable[[float, float], bool]] = {
    " at least": operator.ge,
    " at most": operator.le,
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


@functools.cache
def load_cases(name: str) -> tuple[Case, ...]:
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
    return tuple(
        Case(number, case["title"], case["input"], case["expected"])
        for number, case in sorted(found.items())
    )


def run(name: str, case: Case) -> Outcome:
    """Run a recipe on a case, whose arrays cannot be written to."""
    inputs = {key: value.copy() for key, value in case.inputs.items()}
    for value in inputs.values():
        value.flags.writeable = False
    results: dict[str, Any] = {}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), same_draws():
            warnings.simplefilter("ignore")
            for key, value in RECIPES[name].run(inputs):
                # A copy: the code under test may go on writing into its own array.
                results[key] = value.copy() if isinstance(value, np.ndarray) else value
    except NotImplementedError as error:
        return Outcome(results, blank=str(error))
    except (Exception, SystemExit) as error:
        return Outcome(results, error=described(error))
    return Outcome(results)


@contextlib.contextmanager
def same_draws() -> Iterator[None]:
    """A context in which what is drawn without a seed is the same each time."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def described(error: BaseException) -> str:
    """An error, with the last lines of the library's code that it went through."""
    try:
        text = str(error)
    except Exception:  # of the code under test
        text = ""
    if isinstance(error, SyntaxError):
        where = Path(error.filename or "?")
        inside = where.is_relative_to(ROOT)
        place = where.relative_to(ROOT).as_posix() if inside else where.name
        caret = " " * ((error.offset or 1) - 1) + "^"
        code = f"\n    {error.text.rstrip()}\n    {caret}" if error.text else ""
        return f"{place}{DOES_NOT_IMPORT}{error.msg}, line {error.lineno}{code}"
    first = f"It raised {type(error).__name__}: {text.splitlines()[0][:300] if text else ''}"
    if isinstance(error, ValueError) and "read-only" in text:
        first = diagnoses.WRITES
    elif isinstance(error, SystemExit):
        first = diagnoses.ENDS
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_relative_to(ROOT)
        and not {"tests", "site-packages"} & set(path.relative_to(ROOT).parts)
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
    for case, outcome in zip(cases, outcomes, strict=True):
        if outcome.blank is not None:
            text = "" if case.hidden else outcome.blank
            return NOT_WRITTEN + (text or f"{RECIPES[name].method} is still a blank")
        if DOES_NOT_IMPORT in outcome.error and not case.hidden:
            return outcome.error
    problems = [problem(case, outcome) for case, outcome in zip(cases, outcomes, strict=True)]
    wrong = [number for number, found in enumerate(problems) if found]
    if not wrong:
        return ""
    case, outcome, found = cases[wrong[0]], outcomes[wrong[0]], problems[wrong[0]]
    lines = list(found.lines) if found else []
    if cause is not None and (named := cause(cases, outcomes)):
        lines.append(named)
    else:
        if found and found.key:
            lines.append(diagnoses.likely_cause(found.key, case, outcome.results))
        lines.append(diagnoses.by_options(cases, [not each for each in problems]))
    number, right = "", ""
    if len(cases) > 1:
        title = "; ".join(filter(None, ["hidden" if case.hidden else "", case.title]))
        title = f" ({title})" if title else ""
        number = f", case {case.number} of {len(cases)}{title}"
        right = f"; right: {len(cases) - len(wrong)} of {len(cases)}"
    head = f"{RECIPES[name].method}{number}: {case.summary()}{right}"
    return "\n".join("\n  ".join([head, *filter(None, lines)]).splitlines()[:MOST_LINES])


@dataclass(frozen=True)
class Problem:
    """The lines on what is wrong in a case, and the result whose numbers are, if any."""

    lines: tuple[str, ...]
    key: str = ""


def problem(case: Case, outcome: Outcome) -> Problem | None:
    """The first thing that is wrong in a case, in the order of the checks."""
    if outcome.error:
        error = diagnoses.of_error(outcome.error) if case.hidden else outcome.error
        late = SECOND in "".join(case.expected) and outcome.results.keys() & case.expected.keys()
        note = "The first batch went through: is something of it left over?"
        if late and "writes into" not in outcome.error:
            return Problem((error, note))
        return Problem((error,))
    expected = list(equalities(case.expected))
    for check in (type_problem, missing_problem, shape_problem, dtype_problem, finite_problem):
        for key, value in expected:
            if found := check(key, outcome.results.get(key, MISSING), value, case):
                return Problem((found,))
    return bounds_problem(case, outcome) or value_problem(expected, outcome, case)


MISSING = object()
"""Stands for a result that a recipe did not yield."""

NUMBERS = (int, float, np.number, np.ndarray)


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
    is_number = isinstance(actual, NUMBERS) and np.asarray(actual).dtype.kind in "fiu"
    is_number = is_number and np.ndim(actual) == 0
    if expected.ndim == 0:
        if is_number:
            return ""
        if isinstance(actual, np.ndarray):
            what = "one for each example" if len(actual) == case.m else "not one number"
            return f"{key} must be a float, got an array {shape_text(actual.shape)}: {what}."
        return f"{key} must be a float, got a {diagnoses.type_text(actual, case)}."
    if isinstance(actual, np.ndarray):
        return ""
    kind = "one number" if is_number else f"a {diagnoses.type_text(actual, case)}"
    return f"{key} must be an array {shape_text(expected.shape)}, got {kind}."


def missing_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """A result that was not there at all."""
    if actual is not MISSING:
        return ""
    name = key.removesuffix(SECOND)
    if name.startswith("dL/d"):
        return f"{key} is missing: the layer's gradients have no {name.removeprefix('dL/d')!r}."
    if name.startswith(OF_DRAWN):
        return f"The layer's parameters have no {name.removeprefix(OF_DRAWN)!r}."
    if name == "loss":
        return "predict must return two things, (Y_hat, loss)."
    return f"{key} is missing."


def shape_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """An array of another shape."""
    shape, right = np.shape(actual), expected.shape
    if key.startswith(OF_DRAWN):
        key, shape, right = key.removeprefix(OF_DRAWN), tuple(actual), tuple(expected)
    if shape == right:
        return ""
    if case.hidden and (len(shape) > len(right) + 1 or max(shape, default=0) > MOST_TOLD):
        return f"{key} must have shape {shape_text(right)}."
    cause = diagnoses.of_shape(shape, right, case)
    return f"{key} has shape {shape_text(shape)}, must be {shape_text(right)}{cause}"


def dtype_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """Numbers of another type."""
    if not isinstance(actual, np.ndarray) or actual.ndim == 0 or expected.dtype.kind != "f":
        return ""
    if actual.dtype == expected.dtype:
        return ""
    hint = {
        "f": "the layers and arguments of this case are float64",
        "b": "it holds true and false, not numbers",
        "i": "whole numbers lose what comes after the point",
    }.get(actual.dtype.kind, "it must hold numbers")
    return f"{key} has the type {actual.dtype}, must be {expected.dtype}: {hint}."


def finite_problem(key: str, actual: Any, expected: np.ndarray, case: Case) -> str:
    """NaN or infinity where a number is expected."""
    bad = ~np.isfinite(actual) & np.isfinite(expected)
    if not bad.any() or case.hidden:
        return f"{key} has numbers that are not finite." if bad.any() else ""
    index = tuple(map(int, np.argwhere(bad)[0]))
    where = f" first at {list(index)}," if index else ""
    values = case.at(index, expected.shape)
    value, text = np.asarray(actual)[index], f" where {values}" if values else ""
    return f"{key} has {bad.sum()} of {bad.size} numbers that are not finite,{where} {value}{text}."


def bounds_problem(case: Case, outcome: Outcome) -> Problem | None:
    """A number outside its bounds, or one that could not be computed."""
    for key, bound in case.expected.items():
        for ending, holds in BOUNDS.items():
            if not key.endswith(ending):
                continue
            name = key.removesuffix(ending)
            actual = outcome.results.get(name, math.nan)
            if not holds(actual, float(bound)):
                got = "" if case.hidden else f", got {actual:.3g}"
                hint = "is it drawn from the layer's initializer?"
                return Problem((f"{name} must be{ending} {bound:g}{got}: {hint}",))
    return None


def value_problem(
    expected: Sequence[tuple[str, np.ndarray]], outcome: Outcome, case: Case
) -> Problem | None:
    """Other numbers: how many, by how much, and where."""
    wrong = [key for key, value in expected if not agree(outcome.results[key], value).all()]
    changed = [key.removesuffix(LEFT_ALONE) for key in wrong if key.endswith(LEFT_ALONE)]
    if not wrong:
        return None
    key = wrong[0]
    if changed and (key.endswith(SECOND) or key.removesuffix(LEFT_ALONE) == changed[0]):
        return Problem((f"{changed[0]} has changed; this method must leave it alone.",))
    actual, right = np.asarray(outcome.results[key], float), case.expected[key]
    lines = [differing(key, actual + 0.0, right + 0.0, case.hidden)]
    endings = (LEFT_ALONE, "within backward", *(() if key.endswith(SECOND) else (SECOND,)))
    fine = [name for name, _ in expected if name not in wrong and not name.endswith(endings)]
    return Problem((*lines, *([f"Right: {', '.join(fine)}."] if fine else [])), key)


def differing(key: str, actual: np.ndarray, right: np.ndarray, hidden: bool) -> str:
    """The sentence on numbers that differ."""
    if hidden:
        return f"{key} is wrong." if right.ndim == 0 else f"{key} has wrong numbers."
    same = agree(actual, right)
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0, np.abs(actual - right))
    index = tuple(map(int, np.unravel_index(np.argmax(difference), right.shape)))
    texts = ((f"{actual[index]:.{n}g}", f"{right[index]:.{n}g}") for n in (4, 8, 12, 17))
    found, expected = next(pair for pair in texts if pair[0] != pair[1])
    if right.ndim == 0:
        return f"{key} is {found}, should be {expected}."
    return (
        f"{key} has the right shape, but {(~same).sum()} of {same.size} numbers differ; the "
        f"largest difference is {difference[index]:.2g} at {list(index)}: "
        f"{found}, should be {expected}."
    )


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
