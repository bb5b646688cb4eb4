"""A grader that is watched: after each worker, what is left of its user, and the staged files."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from course.autograder.exams import hidden
from course.autograder.exams.exam import Exam, exam_files
from course.autograder.exams.known import all_known
from course.autograder.gradescope import grade_into
from course.autograder.grading.report import Report
from course.autograder.sandbox import isolation, processes
from course.autograder.sandbox.sandbox import Limits, Run, Sandbox
from tests.autograder.hostile.attack import ASSIGNMENT, Attack, base
from tests.autograder.places import open_python, write
from tests.course import kits

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 2
NEEDED = re.compile(r"assignment|tests/[^/]*$|neural_networks/([^/]*|layers/.*|utils/.*)$")
"""The files of the starter that grading a layer takes."""

SECRET = "Secret Student, secret@example.org"
OPEN_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
BESIDE = next((name for name in ("/srv", "/home") if os.access(name, os.W_OK)), None)
"""A folder that is not one for temporary files, if it can be written to."""

FORWARD = "test_activations.TestReLU.test_forward"


@cache
def whole_exam() -> Exam:
    """The exam with a limit of 2 s; of listed mistakes it knows those of two exercises."""

    def few_known(recipes: Iterable[str], *more: Any) -> Any:
        return all_known([r for r in recipes if r.startswith(("relu.", "softmax."))], *more)

    with mock.patch.object(hidden, "all_known", few_known):
        return replace(hidden.make_exam(kits.manifest(ASSIGNMENT), seed=20), seconds=SECONDS)


@cache
def exam(both: bool = False) -> Exam:
    """The exam with what attacks need: each test costs a worker, hidden cases another one.

    ReLU is a single test, with all its points. There are no checks, no hidden cases but those of
    softmax, and of the library only what layers need. Softmax comes first, so that what it leaves
    behind would meet the honest test of ReLU.

    Parameters
    ----------
    both : bool
        Test both methods of softmax, not only the first.
    """
    whole = whole_exam()
    shorter = {"relu": {FORWARD: whole.assignment.exercise("relu").points}}
    if not both:
        shorter["softmax"] = dict([*whole.assignment.exercise("softmax").tests.items()][:1])
    exercises = [
        replace(each, tests=shorter.get(each.name, each.tests))
        for each in sorted(whole.assignment.exercises, key=lambda each: each.name != "softmax")
    ]
    cases = {
        recipe: tuple(case for case in cases if not case.hidden or recipe.startswith("softmax"))
        for recipe, cases in whole.cases.items()
    }
    return replace(
        whole,
        assignment=replace(whole.assignment, exercises=tuple(exercises)),
        starter={path: data for path, data in whole.starter.items() if NEEDED.match(path)},
        cases=cases,
        loops={},
    )


class Watched(Sandbox):
    """A sandbox that notes what a worker leaves behind.

    Attributes
    ----------
    left : list of str
        What was left, or changed.
    runs : int
        The workers so far.
    """

    def __enter__(self) -> "Watched":
        super().__enter__()
        self.left: list[str] = []
        self.runs = 0
        self._packages = listing(Path(self.python).parents[1])
        return self

    def run(self, tree: Path, request: bytes, limits: Limits) -> Run:
        """Run one test, and look around afterwards."""
        try:
            return super().run(tree, request, limits)
        finally:
            self.runs += 1
            if listing(Path(self.python).parents[1]) != self._packages:
                self.left.append("packages")
            self.left += [f"process {pid}" for pid in self._processes()]
            self.left += files_of(self.uid)

    def _processes(self) -> list[int]:
        """The processes that a worker has left behind."""
        if self.uid is None:
            return processes.orphans(processes.children())
        return processes.processes_of(self.uid)


def listing(prefix: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the files on top of an environment and its packages."""
    packages = [*prefix.glob("lib/python*/site-packages")]
    folders = [prefix, *packages, *prefix.glob("lib/python*/site-packages/numpy")]
    return [
        (entry.path, entry.stat().st_size, entry.stat().st_mtime_ns)
        for folder in folders
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
    ]


def files_of(uid: int | None) -> list[str]:
    """The files of a worker's user in the folders that anyone may write to."""
    return [
        entry.path
        for folder in OPEN_FOLDERS
        if uid is not None and Path(folder).is_dir()
        for entry in os.scandir(folder)
        if entry.stat(follow_symlinks=False).st_uid == uid
    ]


@dataclass(frozen=True)
class Fought:
    """The end of an attack.

    Parameters
    ----------
    report : Report
    text : str
        The file of results.
    seconds : float
        The time it took.
    runs : int
        The workers.
    left : sequence of str
        What was left behind, or changed.
    """

    report: Report
    text: str
    seconds: float
    runs: int
    left: Sequence[str]

    @property
    def points(self) -> dict[str, int]:
        """The points by exercise."""
        found: dict[str, int] = {}
        for graded in self.report.tests:
            found[graded.exercise] = found.get(graded.exercise, 0) + graded.points
        return found

    @property
    def messages(self) -> str:
        """The messages of all tests and checks."""
        return "\n".join(graded.message for graded in (*self.report.tests, *self.report.checks))


class Arena:
    """A sandbox for many attacks, with the places that they aim at.

    Parameters
    ----------
    alone : bool
        Do without namespaces, as where the kernel allows none.

    Attributes
    ----------
    sandbox : Watched
    places : dict
        What attackers know of the machine.
    """

    def __init__(self, alone: bool = False) -> None:
        self._alone = alone

    def __enter__(self) -> "Arena":
        with ExitStack() as stack:
            if self._alone:
                stack.enter_context(mock.patch.object(isolation, "CHOICES", ((),)))
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
            self._closed = self._folder / "closed"
            self._closed.mkdir(mode=0o700)
            self._hand_ins = self._folder / "hand-ins"
            self._hand_ins.mkdir()
            self._folder.chmod(0o755)
            self.places: dict[str, object] = {
                "REPOSITORY": ROOT,
                "EXAM": self._written_exam(),
                "HAND_INS": self._hand_ins,
                "METADATA": self._closed_file("submission_metadata.json", SECRET),
                "RESULTS": self._closed / "results.json",
                "PORT": 9,
            }
            # As the solution lies in an instructor's folder, beside the repository.
            beside = stack.enter_context(tempfile.TemporaryDirectory(dir=BESIDE))
            self.places["BESIDE"] = write(Path(beside), base("relu", "softmax"))
            other = stack.enter_context(Sandbox(open_python()))
            self.places["OTHER_GRADER"] = other.folder
            for folder in (self._hand_ins / "other", other.folder / "tree"):
                write(folder, base("relu", "softmax"))
            self.sandbox = stack.enter_context(Watched(open_python(), hide=[self._hand_ins]))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _closed_file(self, name: str, text: str) -> Path:
        """A file that only the grader can read."""
        path = self._closed / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def _written_exam(self) -> Path:
        """The folder of the exam, as it is on Gradescope."""
        return write(self._closed / "source", exam_files(exam()))

    def is_excused(self, attack: Attack) -> bool:
        """True if an attack may have the points: the staff is told, or a package gives them."""
        if attack.package:
            code = f"import importlib.util as u; assert u.find_spec({attack.package!r})"
            command = [self.sandbox.python, "-I", "-c", code]
            return not subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode
        return bool(attack.excused) and attack.excused in " ".join(self.sandbox.notes)

    def grade(self, attack: Attack, of: Exam | None = None) -> Fought:
        """Grade a hostile hand-in, by default by the exam that it needs."""
        results = self._closed / "results.json"
        runs, self.sandbox.left = self.sandbox.runs, []
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            (inside := Path(name, "hand-in")).mkdir()
            hand_in = attack.write(inside, self.places)
            start = time.monotonic()
            of = of or (whole_exam() if attack.checks else exam(attack.both))
            report = grade_into(results, of, hand_in, self.sandbox, tuple(attack.points))
            seconds = time.monotonic() - start
        text = results.read_text("ascii")
        left = [*self.sandbox.left, *(remark for remark in report.staff if "changed" in remark)]
        return Fought(report, text, seconds, self.sandbox.runs - runs, left)

    def honest(self) -> int:
        """The points of an honest hand-in, of 5."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            hand_in = Attack(0, "honest", base()).write(Path(name), {})
            return grade_into(
                self._closed / "honest.json", exam(), hand_in, self.sandbox, ("relu",)
            ).points


FIELDS = {
    "score": (int, float),
    "execution_time": (int, float),
    "output": str,
    "output_format": str,
    "test_output_format": str,
    "test_name_format": str,
    "visibility": str,
    "stdout_visibility": str,
    "extra_data": dict,
    "tests": list,
    "leaderboard": list,
}
FIELDS_OF_TEST = {
    "score": (int, float),
    "max_score": (int, float),
    "status": str,
    "name": str,
    "name_format": str,
    "number": str,
    "output": str,
    "output_format": str,
    "tags": list,
    "visibility": str,
    "extra_data": dict,
}
WORDS = {
    "visibility": ("hidden", "after_due_date", "after_published", "visible"),
    "stdout_visibility": ("hidden", "after_due_date", "after_published", "visible"),
    "output_format": ("text", "html", "simple_format", "md", "ansi"),
    "name_format": ("text", "html", "simple_format", "md", "ansi"),
    "status": ("passed", "failed"),
}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ud800-\udfff\ufeff]")


def problems_of_results(data: object) -> list[str]:
    """What is wrong with results, by Gradescope's documentation of the file."""
    if not isinstance(data, dict):
        return ["not an object"]
    found = problems_of_fields(data, FIELDS)
    for test in data.get("tests", []):
        found += problems_of_fields(test, FIELDS_OF_TEST)
        if not 0 <= test.get("score", -1) <= test.get("max_score", -1):
            found.append(f"score {test.get('score')} of {test.get('max_score')}")
    if "tests" not in data and "score" not in data:
        found.append("neither score nor tests")
    return found


def problems_of_fields(table: dict[str, object], fields: dict[str, object]) -> list[str]:
    """Fields that are not documented, of another type, or with another word."""
    found = []
    for name, value in table.items():
        if not isinstance(value, fields.get(name, ())):  # type: ignore[arg-type]
            found.append(f"{name}: {str(value)[:50]}")
        elif name in WORDS and value not in WORDS[name]:
            found.append(f"{name}: {value}")
    return found


def texts(value: object) -> list[str]:
    """All texts in a value of JSON."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inside for text in texts(item)]
