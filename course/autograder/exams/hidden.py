"""An exam made: the starter, public and hidden cases, and what the listed mistakes come to.

The expected values are those of the solution in this repository. The grader's archive has the exam,
and nothing of this module.
"""

import tomllib
from collections.abc import Mapping
from functools import cache

import numpy as np

from course.assignment import Assignment, assignment_from
from course.autograder.exams.drawing import hidden_inputs
from course.autograder.exams.exam import ASSIGNMENT, Exam
from course.autograder.exams.known import all_known
from course.autograder.mistakes import EXERCISES
from course.cuttings import Manifest
from course.ship import build
from tests.diagnoses import Case
from tests.verdict import BOUNDS, load_cases, run

SECONDS, MEMORY_MB = 10, 1024
"""The limits of a test, where a manifest has none."""

FEW, MANY = 4, 32
"""Examples in the two cases that show a loop over examples."""

OF_EXAMPLES = ("X", "Y", "Y_hat", "Z", "dLdY")
"""Inputs with a row for each example."""


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

    @cache
    def cases(recipe: str) -> tuple[Case, ...]:
        return (*load_cases(recipe), *hidden_cases(recipe, seed))

    return Exam(
        assignment=assignment,
        starter=starter,
        recipes=recipes,
        cases={recipe: cases(recipe) for recipe in recipes.values()},
        loops=loops(assignment, recipes),
        known=all_known(recipes.values(), cases),
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


def hidden_cases(recipe: str, seed: int) -> list[Case]:
    """The hidden cases of a recipe, numbered after the public ones."""
    public = len(load_cases(recipe))
    return [
        Case(number, title, inputs, expected(recipe, inputs), hidden=True)
        for number, (title, inputs) in enumerate(hidden_inputs(recipe, seed), start=public + 1)
    ]


def expected(recipe: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The expected values of a recipe: the solution's results, and bounds for what is drawn.

    Raises
    ------
    ValueError
        If the solution fails.
    """
    outcome = run(recipe, Case(0, "", inputs, {}))
    if outcome.error or outcome.blank is not None:
        raise ValueError(f"the solution fails {recipe}: {outcome.error or outcome.blank}")
    values = {name: np.array(value) for name, value in outcome.results.items()}
    public = load_cases(recipe)[0].expected
    if not any(name.endswith(tuple(BOUNDS)) for name in public):
        return values
    # Parameters are drawn: of some results there are only bounds, which are always the same.
    bounds = {name: value for name, value in public.items() if name.endswith(tuple(BOUNDS))}
    return {name: bounds.get(name, values.get(name, value)) for name, value in public.items()}


def loops(assignment: Assignment, recipes: Mapping[str, str]) -> dict[str, tuple[Case, Case]]:
    """A case with few examples and the same with many, of recipes without a loop over them."""
    pairs = {}
    for exercise in assignment.exercises:
        for test in exercise.tests if exercise.batched else ():
            case = load_cases(recipes[test])[0]
            if not set(OF_EXAMPLES).isdisjoint(case.inputs):
                pairs[recipes[test]] = repeated(case, FEW), repeated(case, MANY)
    return pairs


def repeated(case: Case, m: int) -> Case:
    """A case of m examples, in which the first few come again and again; without a second batch."""
    inputs = {}
    for name, value in case.inputs.items():
        if name in OF_EXAMPLES:
            inputs[name] = np.resize(value[:FEW], (m, *value.shape[1:]))
        elif " " not in name:
            inputs[name] = value
    return Case(m, f"{m} examples", inputs, {})
