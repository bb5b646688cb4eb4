"""An exam: all that the grader needs to know of an assignment.

It holds the starter as it is handed out, the cases of each graded test with the values that must
come out, and the results of the listed mistakes; no solution, and no code of a mistake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course.assignment import Assignment
from tests.diagnoses import Case
from tests.verdict import Outcome


@dataclass(frozen=True)
class Known:
    """A listed mistake: its results, by which a hand-in that makes it is recognized.

    Parameters
    ----------
    recipe : str
        The recipe of the method with the mistake.
    diagnosis : str
        The sentence for students.
    trials : mapping of sequences
        By recipe, the outcomes of all cases.
    """

    recipe: str
    diagnosis: str
    trials: Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True)
class Exam:
    """An assignment with all that grading takes.

    Parameters
    ----------
    assignment : Assignment
    starter : mapping of bytes
        The starter as it is handed out, by path.
    recipes : mapping of str
        The recipe of each graded test, in the assignment's order.
    cases : mapping of tuples
        By recipe, the public cases, and after them the hidden ones.
    loops : mapping of pairs
        By recipe, for exercises without a loop over examples: a case with few examples, and the
        same with many.
    known : mapping of tuples
        By recipe, the listed mistakes of its exercise.
    accept : tuple of str
        The paths that are taken from a hand-in.
    extra : str
        A pattern of paths of further modules that are taken, unless the starter has them.
    seconds, memory_mb : int
        The limits of one test.
    """

    assignment: Assignment
    starter: Mapping[str, bytes]
    recipes: Mapping[str, str]
    cases: Mapping[str, tuple[Case, ...]]
    loops: Mapping[str, tuple[Case, Case]]
    known: Mapping[str, tuple[Known, ...]]
    accept: tuple[str, ...]
    extra: str
    seconds: int
    memory_mb: int
