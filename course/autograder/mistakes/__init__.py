"""The mistakes that graded tests must catch, each as code and with its diagnosis.

They are wrong formulas, and so half an answer: nothing here goes into a starter or an autograder.
"""

from course.autograder.mistakes import (
    activations,
    conv2d,
    elman,
    fully_connected,
    losses,
    network,
    pool2d,
)
from course.autograder.mistakes.kinds import Exercise, Mistake

MISTAKES: list[Mistake] = [
    *activations.MISTAKES,
    *losses.MISTAKES,
    *fully_connected.MISTAKES,
    *conv2d.MISTAKES,
    *pool2d.MISTAKES,
    *elman.MISTAKES,
    *network.MISTAKES,
]

EXERCISES: dict[str, Exercise] = {mistake.exercise.name: mistake.exercise for mistake in MISTAKES}
"""The exercises by name, with a plain solution of each."""

__all__ = ["EXERCISES", "MISTAKES", "Exercise", "Mistake"]
