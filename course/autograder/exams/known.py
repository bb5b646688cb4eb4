"""The results of the listed mistakes, by which the grader recognizes them.

The grader's archive has these results; this module, which makes the mistakes, stays here.
"""

from collections.abc import Callable, Iterable, Sequence

from course.autograder.exams.exam import Known
from course.autograder.mistakes import MISTAKES, Mistake
from tests.diagnoses import Case
from tests.verdict import Outcome, load_cases, run

CasesOf = Callable[[str], Sequence[Case]]


def of_exercise(name: str) -> list[Mistake]:
    """The listed mistakes of an exercise."""
    return [mistake for mistake in MISTAKES if mistake.exercise.name == name]


def known(mistake: Mistake, cases_of: CasesOf = load_cases) -> Known:
    """The results of a mistake.

    Parameters
    ----------
    mistake : Mistake
    cases_of : function
        The cases of a recipe; by default the public ones.
    """
    return Known(mistake.recipe, mistake.diagnosis, trials(mistake, cases_of))


def trials(mistake: Mistake, cases_of: CasesOf = load_cases) -> dict[str, list[Outcome]]:
    """Run all recipes of a mistake's exercise with it: the outcomes of all cases, by recipe."""
    # The cases come first: expected values must not be those of the mistake.
    cases = {recipe: cases_of(recipe) for recipe in mistake.exercise.recipes().values()}
    with mistake.installed():
        return {recipe: [run(recipe, case) for case in own] for recipe, own in cases.items()}


def all_known(
    recipes: Iterable[str], cases_of: CasesOf = load_cases
) -> dict[str, tuple[Known, ...]]:
    """The listed mistakes of each recipe's exercise, by recipe."""
    exercises: dict[str, tuple[Known, ...]] = {}
    found = {}
    for recipe in recipes:
        name = recipe.partition(".")[0]
        if name not in exercises:
            exercises[name] = tuple(known(mistake, cases_of) for mistake in of_exercise(name))
        found[recipe] = exercises[name]
    return found
