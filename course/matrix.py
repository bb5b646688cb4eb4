"""The table of mistakes: which test catches which, and whether its message names the cause.

python -m course matrix              every mistake
python -m course matrix relu         those of one exercise
python -m course matrix spring-2020  against the tests of one assignment
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course.assignment import find_assignment
from course.autograder.exams.exam import Known
from course.autograder.exams.known import known, of_exercise
from course.autograder.grading.causes import by_name
from course.autograder.mistakes import EXERCISES, MISTAKES, Exercise, Mistake
from neural_networks.utils.arguments import Parser
from neural_networks.utils.text import percent
from tests.verdict import judge, load_cases

ROOT = Path(__file__).resolve().parents[1]
LEAST_NAMED = 0.8


@dataclass(frozen=True)
class Row:
    """One mistake: the tests that catch it, and the two messages of the first of them."""

    mistake: Mistake
    caught_by: tuple[str, ...]
    generic: str
    exact: str

    def names(self, message: str) -> bool:
        """True if a message names the cause, below the line that describes the case."""
        _, _, text = message.partition("\n")
        return re.search(self.mistake.words, text, re.DOTALL) is not None


def rows(exercise: Exercise, tests: Sequence[str] | None = None) -> list[Row]:
    """A row for each mistake of an exercise, against all its tests or some of them."""
    mistakes = of_exercise(exercise.name)
    results = [known(mistake) for mistake in mistakes]
    pairs = zip(mistakes, results, strict=True)
    return [row(mistake, own, results, tests) for mistake, own in pairs]


def row(mistake: Mistake, own: Known, every: Sequence[Known], tests: Sequence[str] | None) -> Row:
    """The row of one mistake."""
    caught, generic, exact = [], "", ""
    for test, recipe in mistake.exercise.recipes().items():
        if tests is not None and test not in tests:
            continue
        cases, outcomes = load_cases(recipe), own.trials[recipe]
        if message := judge(recipe, cases, outcomes):
            generic = generic or message
            exact = exact or judge(recipe, cases, outcomes, by_name(recipe, every))
            caught.append(test)
    return Row(mistake, tuple(caught), generic, exact)


def chosen(name: str | None) -> tuple[list[Exercise], list[str] | None]:
    """The exercises that a name stands for, and the tests of its assignment."""
    if name is None:
        return list(EXERCISES.values()), None
    if name in EXERCISES:
        return [EXERCISES[name]], None
    assignment = find_assignment(ROOT, name)
    tests = [test for exercise in assignment.exercises for test in exercise.tests]
    exercises = [one for one in EXERCISES.values() if not set(one.recipes()).isdisjoint(tests)]
    return exercises, tests


def table(found: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| mistake | caught by | named in a starter | named by the grader |",
        "|---|---|---|---|",
    ]
    for one in found:
        tests = ", ".join(test.rpartition(".")[2] for test in one.caught_by) or "**nothing**"
        named = ("yes" if one.names(message) else "no" for message in (one.generic, one.exact))
        title = one.mistake.title.replace("|", "\\|")
        lines.append(f"| {title} | {tests} | {' | '.join(named)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; the exit status is 1 if a mistake passes, or too few are named."""
    parser = Parser(prog="python -m course matrix", description=__doc__)
    parser.add_argument("name", nargs="?", help="an exercise or an assignment (default: all)")
    parser.add_argument("--messages", action="store_true", help="print the messages, too")
    args = parser.parse_args(argv)
    try:
        exercises, tests = chosen(args.name)
    except ValueError as error:
        parser.exit(2, f"{error}\n")
    found = [one for exercise in exercises for one in rows(exercise, tests)]
    print(table(found))
    if args.messages:
        for one in found:
            print(f"\n## {one.mistake.title}\n{one.generic}\n--- the grader:\n{one.exact}")
    passing = [one for one in found if not one.caught_by]
    generic = sum(one.names(one.generic) for one in found)
    exact = sum(one.names(one.exact) for one in found)
    print(f"\n{len(found)} of {len(MISTAKES)} mistakes tried, {len(passing)} pass all tests.")
    print(f"Named by the starter's message: {generic} ({percent(generic / len(found), digits=0)}).")
    print(f"Named by the grader's message: {exact} ({percent(exact / len(found), digits=0)}).")
    return 1 if passing or exact < LEAST_NAMED * len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
