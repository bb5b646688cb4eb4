"""Causes by name: a hand-in's results compared with those of the listed mistakes."""

from collections.abc import Callable, Sequence

import numpy as np

from course.autograder.mistakes import MISTAKES, Mistake
from tests.diagnoses import Case, same
from tests.verdict import Cause, Outcome, load_cases, run

Trials = dict[str, list[Outcome]]
"""The outcomes of all cases, by recipe."""


def trials(mistake: Mistake, cases_of: Callable[[str], Sequence[Case]] = load_cases) -> Trials:
    """Run all recipes of a mistake's exercise with it."""
    with mistake.installed():
        return {
            recipe: [run(recipe, case) for case in cases_of(recipe)]
            for recipe in mistake.exercise.recipes().values()
        }


def by_name(recipe: str, known: Sequence[tuple[Mistake, Trials]]) -> Cause:
    """A function that names the mistake whose results a hand-in has, for ``tests.verdict.judge``.

    It agrees in the first wrong case, and of several such in most other ones; then a mistake in the
    method under test comes before one that only shows there.
    """

    def cause(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> str:
        pairs = enumerate(zip(cases, outcomes, strict=True))
        first = next((n for n, (case, outcome) in pairs if not right(case, outcome)), None)
        matches = [
            (sum(map(alike, outcomes, tried[recipe])), mistake.recipe == recipe, mistake)
            for mistake, tried in known
            if first is not None and alike(outcomes[first], tried[recipe][first])
        ]
        if not matches:
            return ""
        *_, best = max(matches, key=lambda match: match[:2])
        return best.diagnosis

    return cause


def right(case: Case, outcome: Outcome) -> bool:
    """True if all results of a case are as expected, but for bounds."""
    return not outcome.error and all(
        name in outcome.results and is_same(outcome.results[name], value)
        for name, value in case.expected.items()
        if not name.endswith((" at least", " at most"))
    )


def alike(outcome: Outcome, other: Outcome) -> bool:
    """True if two outcomes have the same results, or the same error."""
    if outcome.error or other.error:
        first, second = ((text.splitlines() or [""])[0] for text in (outcome.error, other.error))
        return first == second
    return outcome.results.keys() == other.results.keys() and all(
        is_same(value, other.results[name]) for name, value in outcome.results.items()
    )


def is_same(value: object, other: object) -> bool:
    """True if two results are the same numbers in the same type, or the same kind of object."""
    if value is None or other is None:
        return value is other
    first, second = np.asarray(value), np.asarray(other)
    if first.dtype.kind not in "fiub" or second.dtype.kind not in "fiub":
        return type(value) is type(other)
    return (first.dtype == second.dtype or first.ndim == 0) and same(first, second)


def of_exercise(name: str) -> list[Mistake]:
    """The listed mistakes of an exercise."""
    return [mistake for mistake in MISTAKES if mistake.exercise.name == name]
