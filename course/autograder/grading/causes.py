"""Causes by name: a hand-in's results compared with those of the listed mistakes."""

from collections.abc import Sequence

import numpy as np

from course.autograder.exams.exam import Known, first_line
from tests.diagnoses import Case, same
from tests.verdict import Cause, Outcome, problem


def by_name(recipe: str, known: Sequence[Known]) -> Cause:
    """A function that names the mistake whose results a hand-in has, for ``tests.verdict.judge``.

    It agrees in the first wrong case, and of several such in most other ones; then a mistake in the
    method under test comes before one that only shows there.
    """

    def cause(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> str:
        pairs = enumerate(zip(cases, outcomes, strict=True))
        first = next((n for n, (case, outcome) in pairs if problem(case, outcome)), None)
        matches = [
            (sum(map(alike, outcomes, one.trials[recipe])), one.recipe == recipe, one)
            for one in known
            if first is not None and alike(outcomes[first], one.trials[recipe][first])
        ]
        if not matches:
            return ""
        *_, best = max(matches, key=lambda match: match[:2])
        return best.diagnosis

    return cause


def alike(outcome: Outcome, other: Outcome) -> bool:
    """True if two outcomes have the same results, or the same error."""
    if outcome.error or other.error:
        return first_line(outcome.error) == first_line(other.error)
    return outcome.results.keys() == other.results.keys() and all(
        is_same(value, other.results[name]) for name, value in outcome.results.items()
    )


def is_same(value: object, other: object) -> bool:
    """True if two results are the same numbers in the same type, or of the same kind of object."""
    if value is None or other is None:
        return value is other
    first, second = np.asarray(value), np.asarray(other)
    if first.dtype.kind not in "fiub" or second.dtype.kind not in "fiub":
        return type(value).__name__ == type(other).__name__
    return (first.dtype == second.dtype or first.ndim == 0) and same(first, second)
