"""The grading of many hand-ins, several at a time, with a gradebook that knows the earlier ones."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from course.autograder.classes import summary
from course.autograder.classes.gradebook import Grade, Gradebook
from course.autograder.classes.jobs import Job, JobError
from course.autograder.exams.exam import Exam, exam_files
from course.autograder.hand_ins.stage import HandIn, StageError, take
from course.starter import write_folder

SCRATCH = ".grading"
"""The folder in a gradebook for what is needed while it is open."""


class Grading:
    """Graders at work on the hand-ins of a class.

    Parameters
    ----------
    exam : Exam
    only : sequence of str
        The exercises; none for all.
    book : Gradebook, optional
        An open one.
    jobs : int
        The graders.
    python : str
        The Python that the code of hand-ins runs on.

    Attributes
    ----------
    notes : list of str
        For the staff: what is not protected here.
    """

    def __init__(
        self,
        exam: Exam,
        only: Sequence[str] = (),
        book: Gradebook | None = None,
        jobs: int = 1,
        python: str = sys.executable,
    ) -> None:
        self.exam, self.book = exam, book
        self._only, self._count, self._python = only, jobs, python
        self._stack = ExitStack()
        self._free: SimpleQueue[Job] = SimpleQueue()

    def __enter__(self) -> "Grading":
        """Start the graders; ``ValueError`` if they cannot work here."""
        with ExitStack() as stack:
            self._scratch = stack.enter_context(Scratch(self.book))
            write_folder(exam_files(self.exam), self._scratch / "exam")
            self._jobs = [
                stack.enter_context(Job(self._scratch / "exam", self._python, self._only))
                for _ in range(self._count)
            ]
            try:
                for job in self._jobs:
                    job.start()
                    self._free.put(job)
            except JobError as error:
                raise ValueError(str(error)) from None
            self.notes = self._jobs[0].notes
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def grades(self, hand_ins: Mapping[str, Path], again: bool = False) -> Iterator[Grade]:
        """Grade hand-ins, and yield the grades as they come; then the gradebook is written.

        Parameters
        ----------
        hand_ins : mapping of Path
            By name.
        again : bool
            If True, also those that are in the gradebook.
        """
        found: dict[str, Grade] = {}
        left: list[tuple[str, Path, HandIn]] = []
        for name, path in hand_ins.items():
            grade = self._before(name, path, again)
            if isinstance(grade, HandIn):
                left.append((name, path, grade))
            else:
                found[name] = grade
                yield grade
        with ThreadPoolExecutor(self._count) as pool:
            futures = [pool.submit(self._grade, *each) for each in left]
            try:
                for future in as_completed(futures):
                    grade = future.result()
                    found[grade.name] = grade
                    yield grade
            finally:
                self._stop(futures)
        if self.book is not None:
            self.book.write([found[name] for name in hand_ins])

    def _before(self, name: str, path: Path, again: bool) -> Grade | HandIn:
        """The grade that is there already, or that of what cannot be read; else the hand-in."""
        try:
            hand_in = take(path, self.exam)
        except StageError as error:
            return Grade(name, path, note=str(error))
        # Only their names, not the files themselves of a whole class.
        hand_in = replace(hand_in, files=dict.fromkeys(hand_in.files, b""))
        earlier = {} if again or self.book is None else self.book.earlier(name, hand_in)
        if earlier:
            return Grade(name, path, earlier, note_on(hand_in), is_new=False)
        return hand_in

    def _grade(self, name: str, path: Path, hand_in: HandIn) -> Grade:
        """Grade a hand-in, in a thread."""
        job = self._free.get()
        results = self._scratch / f"{name}.json"
        try:
            job.grade(path.absolute(), results)
            table = json.loads(results.read_bytes())
        except (JobError, OSError) as error:
            return Grade(name, path, note=str(error))
        finally:
            self._free.put(job)
        if self.book is not None:
            table = self.book.keep(name, hand_in, table, summary.feedback(table))
        return Grade(name, path, table, note_on(hand_in))

    def _stop(self, futures: Sequence["Future[Grade]"]) -> None:
        """Let no grader go on, if some have not ended: the command was interrupted."""
        if not all(future.done() for future in futures):
            for future in futures:
                future.cancel()
            for job in self._jobs:
                job.end()


class Scratch:
    """A folder, closed to other users, for the exam and for results that are not whole yet.

    In a gradebook it is always the same one, so that nothing is left for good by a program that was
    killed.
    """

    def __init__(self, book: Gradebook | None) -> None:
        self._fixed = None if book is None else book.folder / SCRATCH

    def __enter__(self) -> Path:
        if self._fixed is None:
            self._path = Path(tempfile.mkdtemp(prefix="grade-"))
        else:
            self._path = self._fixed
            shutil.rmtree(self._path, ignore_errors=True)
            self._path.mkdir(mode=0o700)
        return self._path

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def note_on(hand_in: HandIn) -> str:
    """Notes for the staff on a hand-in."""
    if not hand_in.files:
        why = "; ".join(f"{name}: {reason}" for name, reason in hand_in.ignored.items())
        return f"nothing was taken: {why[:200] or 'it is empty'}"
    return f"missing: {', '.join(hand_in.missing)}" if hand_in.missing else ""
