"""An exam made: the starter, public and hidden cases, and what the listed mistakes come to.

The expected values are those of the solution in this repository. The grader's archive has the exam,
and nothing of this module.
"""

import tomllib
from collections.abc import Mapping
from functools import cache

import numpy as np

from course.assignment import Assignment, assignment_from
from course.autograder.exam import ASSIGNMENT, Exam
from course.autograder.known import all_known
from course.autograder.mistakes import EXERCISES
from course.cuttings import Manifest
from course.ship import build
from tests.diagnoses import Case
from tests.verdict import BOUNDS, load_cases, run

SECONDS, MEMORY_MB = 10, 1024
"""The limits of a test, where a manifest has none."""


def make_exam(manifest: Manifest, seed: int) -> Exam:
    """The exam of an assignment.

    Parameters
    ----------
    manifest : Manifest
    seed : int
        The hidden cases are drawn from it: the same seed gives the same ones.

    Raises
    ------
    ValueError
        If a graded test has no recipe, or the manifest does not fit the code.
    """
    starter = build(manifest)
    table = tomllib.loads(starter[ASSIGNMENT].decode())
    assignment = assignment_from(ASSIGNMENT, table["name"], table)
    recipes = recipes_of(assignment)
    cases = {recipe: load_cases(recipe) for recipe in recipes.values()}
    return Exam(
        assignment=assignment,
        starter=starter,
        recipes=recipes,
        cases=cases,
        loops={},
        known=all_known(recipes.values(), cases.__getitem__),
        accept=manifest.accept,
        extra=manifest.extra,
        seconds=manifest.limits.get("seconds", SECONDS),
        memory_mb=manifest.limits.get("memory_mb", MEMORY_MB),
    )


def recipes_of(assignment: Assignment) -> dict[str, str]:
    """The recipe of each graded test of an assignment; ``ValueError`` if one has none."""
    known = {test: recipe for one in EXERCISES.values() for test, recipe in one.recipes().items()}
    tests = [test for exercise in assignment.exercises for test in exercise.tests]
    for test in tests:
        if test not in known:
            raise ValueError(
                f"{test} has no recipe: it is a test of none of {', '.join(EXERCISES)}"
            )
    return {test: known[test] for test in tests}
