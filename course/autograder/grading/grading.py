"""Grading: each test of a hand-in in a worker of its own, judged here, and put into a report."""

import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from course.autograder.exams.exam import Exam
from course.autograder.grading.causes import by_name
from course.autograder.grading.messages import (
    NOT_RUN,
    about_files,
    explained,
    growth,
    message_of,
    next_step,
)
from course.autograder.grading.report import (
    NOT_CHECKED,
    Graded,
    Report,
    batched_recipes,
    unfinished,
)
from course.autograder.hand_ins.stage import HandIn, is_as_laid, lay, take
from course.autograder.sandbox import wire
from course.autograder.sandbox.sandbox import Limits, Run, SandboxError
from tests.diagnoses import Case

__all__ = ["Graded", "Report", "Runs", "grade"]


class Runs(Protocol):
    """A runner of requests on a tree: a ``sandbox.Sandbox``, which is open."""

    notes: tuple[str, ...]
    folder: Path

    def run(self, tree: Path, request: bytes, limits: Limits) -> Run:
        """Run a request in a worker."""


def grade(
    exam: Exam,
    hand_in: Path,
    sandbox: Runs,
    only: Collection[str] = (),
    after_each: Callable[[Report], None] | None = None,
) -> Report:
    """Grade a hand-in.

    Parameters
    ----------
    exam : Exam
    hand_in : Path
        A folder, an archive or a file, see ``stage.take``.
    sandbox : Sandbox
    only : collection of str
        Names of exercises; none for all.
    after_each : function, optional
        Gets the report so far: before the first test, and after each.

    Raises
    ------
    ValueError
        If there is no exercise by a name in ``only``, or no hand-in (``StageError``).
    """
    start = time.monotonic()
    report = unfinished(exam, only)
    taken = take(hand_in, exam)
    report = replace(
        report,
        notes=about_files(taken),
        staff=list(sandbox.notes),
        ignored=taken.ignored,
        missing=taken.missing,
        hand_in=taken.fingerprint,
    )
    with Trees(exam, taken, sandbox.folder) as trees:
        marking = Marking(exam, taken, sandbox, trees)
        for graded in [None, *report.tests, *report.checks]:
            if graded is not None:
                report = _filled_in(report, graded, marking)
            seconds = time.monotonic() - start
            report = replace(report, seconds=seconds, next_step=next_step(exam, report))
            if after_each is not None:
                after_each(report)
    return replace(report, staff=[*report.staff, *dict.fromkeys(marking.remarks)])


def _filled_in(report: Report, graded: Graded, marking: "Marking") -> Report:
    """The report with one more test or check that has run."""
    if graded in report.tests:
        tests = list(report.tests)
        tests[tests.index(graded)] = marking.test(graded)
        return replace(report, tests=tests)
    checks = list(report.checks)
    checks[checks.index(graded)] = marking.check(graded, report.tests)
    return replace(report, checks=checks)


class Trees:
    """A tree with the hand-in laid over the starter, made anew if the code under test changes it.

    Parameters
    ----------
    exam : Exam
    hand_in : HandIn
    folder : Path
        A folder for it, which workers can read.
    """

    def __init__(self, exam: Exam, hand_in: HandIn, folder: Path) -> None:
        self._exam, self._hand_in = exam, hand_in
        self._folder = tempfile.TemporaryDirectory(
            prefix="hand-in-", dir=folder, ignore_cleanup_errors=True
        )
        self._number = 0
        self._lay()

    def __enter__(self) -> "Trees":
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    @property
    def tree(self) -> Path:
        """The tree's folder."""
        return Path(self._folder.name, f"tree-{self._number}")

    def _lay(self) -> None:
        Path(self._folder.name).chmod(0o755)  # the worker is another user
        self._number += 1
        self.tree.mkdir()
        lay(self.tree, self._exam, self._hand_in)

    def restore(self) -> bool:
        """Lay the hand-in again if the tree has changed; True if so."""
        if is_as_laid(self.tree, self._exam, self._hand_in):
            return False
        self._lay()
        return True


class Marking:
    """Tests and checks of one hand-in.

    Parameters
    ----------
    exam : Exam
    hand_in : HandIn
    sandbox : Sandbox
    trees : Trees

    Attributes
    ----------
    remarks : list of str
        For the staff: what went wrong, or was tried.
    """

    def __init__(self, exam: Exam, hand_in: HandIn, sandbox: Runs, trees: Trees) -> None:
        self._exam, self._hand_in, self._sandbox, self._trees = exam, hand_in, sandbox, trees
        self.remarks: list[str] = []

    def test(self, graded: Graded) -> Graded:
        """Run and judge a test.

        Of what a worker says only that goes to the student which comes from public cases alone:
        the hidden ones have a worker of their own, which runs if the others are right.
        """
        exam = self._exam
        recipe = exam.recipes[graded.test]
        cases = exam.cases[recipe]
        public = [case for case in cases if not case.hidden]
        hidden = [case for case in cases if case.hidden]
        cause = by_name(recipe, exam.known.get(recipe, ()))
        start = time.monotonic()
        run = self._run(graded, recipe, public)
        if run is None:
            return replace(graded, message=NOT_RUN)
        message, printed = message_of(recipe, public, run, cause), run.printed
        if not message and hidden:
            left = exam.seconds - (time.monotonic() - start)
            more = self._run(graded, recipe, hidden, seconds=left)
            if more is None:
                return replace(graded, message=NOT_RUN)
            both = Run([*run.replies, *more.replies], more.ending, "")
            message, printed = message_of(recipe, [*public, *hidden], both, cause), ""
        if not message:
            return replace(graded, points=graded.max_points, message="")
        exercise = exam.assignment.exercise(graded.exercise)
        message = explained(message, exercise, exam.assignment, self._hand_in)
        return replace(graded, message=message, printed=printed)

    def check(self, graded: Graded, tests: Sequence[Graded]) -> Graded:
        """Run and judge a check for a loop over examples, in those methods that are right."""
        exam = self._exam
        right = {exam.recipes[test.test] for test in tests if test.passed}
        messages = []
        for recipe in batched_recipes(exam, exam.assignment.exercise(graded.exercise)):
            if recipe in right:
                pair = exam.loops[recipe]
                run = self._run(graded, recipe, pair, count=True)
                messages.append(NOT_RUN if run is None else growth(recipe, pair, run))
        if not messages:
            return replace(graded, message=NOT_CHECKED)
        return replace(graded, message="\n".join(filter(None, messages)))

    def _run(
        self,
        graded: Graded,
        recipe: str,
        cases: Sequence[Case],
        count: bool = False,
        seconds: float | None = None,
    ) -> Run | None:
        """Run a recipe in a worker, and see to the tree; None if that was not possible."""
        most = self._exam.seconds
        limit = most if seconds is None else max(seconds, most / 2)
        request = wire.request(recipe, cases, count)
        try:
            return self._sandbox.run(self._trees.tree, request, Limits(limit, self._exam.memory_mb))
        except (SandboxError, OSError) as error:
            self.remarks.append(f"{graded.test} was not run: {error}")
            return None
        finally:
            if self._trees.restore():
                self.remarks.append(f"the staged files were changed during {graded.test}")
