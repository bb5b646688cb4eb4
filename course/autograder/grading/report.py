"""The report on a hand-in: the tests with their points and messages, and what else there is to say.

It is there before the first test runs, with all tests unfinished, and filled in test by test.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from course.assignment import Exercise
from course.autograder.exams.exam import Exam
from tests.recipes import RECIPES

UNFINISHED = "did not finish"
"""The message of a test that has not run yet: that of a grader that was stopped."""

BATCHED = "no loop over examples"
NOT_CHECKED = "not checked, as none of its methods is right yet"
"""The title of a check, and the message of one that has not run, which is not shown."""


@dataclass(frozen=True)
class Graded:
    """A graded test.

    Parameters
    ----------
    test : str
        Its name, such as ``test_activations.TestReLU.test_forward``.
    number, title : str
        Those that students see: ``4.1.1`` and ``4.1 ReLU: forward``.
    exercise : str
        The exercise's name.
    points, max_points : int
    message : str
        Empty if the test has passed.
    printed : str
        What the hand-in's code printed meanwhile.
    """

    test: str
    number: str
    title: str
    exercise: str
    points: int
    max_points: int
    message: str
    printed: str = ""

    @property
    def passed(self) -> bool:
        """True if the test has passed."""
        return not self.message


@dataclass(frozen=True)
class Report:
    """All that came out of grading a hand-in.

    Parameters
    ----------
    tests, checks : list of Graded
        The graded tests; and checks of 0 points, one for each exercise without a loop over
        examples.
    notes, staff : list of str
        What there is to say to the student, and to the staff alone.
    ignored : mapping of str
        Files that were not taken, each with the reason.
    missing : sequence of str
        Files of exercises that the hand-in does not have.
    seconds : float
        The time that grading took.
    title : str
        The assignment's title.
    next_step : str
        What the student should look at next.
    exam, hand_in : str
        Fingerprints: of the exam, and of the files taken.
    """

    tests: list[Graded] = field(default_factory=list)
    checks: list[Graded] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    staff: list[str] = field(default_factory=list)
    ignored: Mapping[str, str] = field(default_factory=dict)
    missing: Collection[str] = ()
    seconds: float = 0
    title: str = ""
    next_step: str = ""
    exam: str = ""
    hand_in: str = ""

    @property
    def points(self) -> int:
        """The sum of the tests' points."""
        return sum(graded.points for graded in self.tests)

    @property
    def max_points(self) -> int:
        """The most points that the tests give."""
        return sum(graded.max_points for graded in self.tests)


def unfinished(exam: Exam, only: Collection[str] = ()) -> Report:
    """The report before the first test has run.

    Parameters
    ----------
    exam : Exam
    only : collection of str
        Names of exercises; none for all.

    Raises
    ------
    ValueError
        If there is no exercise by one of the names.
    """
    exercises = chosen(exam, only)
    numbers: Counter[str] = Counter()
    tests, checks = [], []
    for exercise in exercises:
        for test, points in exercise.tests.items():
            method = RECIPES[exam.recipes[test]].method.rpartition(".")[2]
            tests.append(_unfinished(exercise, test, method, points, numbers))
        if batched_recipes(exam, exercise):
            checks.append(_unfinished(exercise, f"batched.{exercise.name}", BATCHED, 0, numbers))
    return Report(tests, checks, title=exam.assignment.title, exam=exam.fingerprint)


def _unfinished(
    exercise: Exercise, test: str, what: str, points: int, numbers: Counter[str]
) -> Graded:
    """A test that has not run yet; it takes the next number of its section."""
    numbers[exercise.section] += 1
    number = f"{exercise.section}.{numbers[exercise.section]}"
    return Graded(test, number, f"{exercise.key}: {what}", exercise.name, 0, points, UNFINISHED)


def chosen(exam: Exam, only: Collection[str]) -> list[Exercise]:
    """The exercises by these names, in the assignment's order; all if there are none."""
    names = {exam.assignment.exercise(name).name for name in only}
    return [
        exercise
        for exercise in exam.assignment.exercises
        if exercise.tests and (not names or exercise.name in names)
    ]


def batched_recipes(exam: Exam, exercise: Exercise) -> list[str]:
    """The recipes of an exercise that are checked for a loop over examples."""
    recipes = dict.fromkeys(exam.recipes[test] for test in exercise.tests)
    return [recipe for recipe in recipes if exercise.batched and recipe in exam.loops]
