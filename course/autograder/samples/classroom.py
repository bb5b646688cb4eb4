"""A class of students: hand-ins made from the listed mistakes, and the points they must get."""

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.archive import pack, zipped
from course.assignment import find_assignment
from course.autograder.exams.known import trials
from course.autograder.mistakes import MISTAKES, Mistake
from course.autograder.samples.filling import fill, methods_of
from course.ship import Kit
from course.starter import write_folder
from tests.verdict import judge, load_cases

FIRST = (
    "Ada", "Zoë", "José", "Lan", "Søren", "Amina", "Björn", "Chidi", "Dana", "Elif", "Fatima",
    "Grace", "Hiro", "Ines", "Jürgen", "Kwame", "Łukasz", "Mei", "Nadia", "Olga",
)  # fmt: skip
LAST = (
    "Lovelace", "Müller", "Álvarez", "Nguyễn", "Kierkegaard", "O'Brien", "Haddad", "Okafor",
    "Van Dyke", "Yılmaz", "Smith-Jones", "Hopper", "Tanaka", "García", "Weiß", "Mensah", "Nowak",
    "Li", "Petrova", "Hernández",
)  # fmt: skip
MOST = len(FIRST) * len(LAST)
FORMS = (
    "archive", "archive", "zip", "files at the root", "single files", "zip in a zip", "folder",
)  # fmt: skip
"""Forms of a hand-in; the archive of ``generate_submission.py`` is the usual one."""

JUNK = {"__MACOSX/._hw": b"\0\5\26\7", ".DS_Store": b"\0\0\0\1Bud1", "notes.txt": b"to do\n"}


@dataclass(frozen=True)
class Student:
    """A student: the exercises solved, the mistakes in them, and the form of the hand-in."""

    name: str
    number: int
    solved: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    form: str

    @property
    def file(self) -> str:
        """The name of the hand-in, without a suffix."""
        return f"{self.name.replace(' ', '_')}_{self.number}"


class Maker:
    """The hand-ins of an assignment, and the points that they must get.

    Parameters
    ----------
    kit : Kit
        The starters of the assignment.
    only : collection of str
        The exercises in which mistakes are made; by default all.
    """

    def __init__(self, kit: Kit, only: Sequence[str] = ()) -> None:
        self.kit = kit
        self.assignment = self.kit.manifest.assignment
        self.starter = self.kit.build()
        self.exercises = {e.name: e for e in self.assignment.exercises if e.tests}
        for exercise in only:
            self.assignment.exercise(exercise)
        names = set(only) or set(self.exercises)
        self.mistakes = [m for m in MISTAKES if m.exercise.name in names & set(self.exercises)]
        self._caught: dict[str, tuple[str, ...]] = {}

    def draw(self, count: int, seed: int) -> list[Student]:
        """Draw a class."""
        rng = random.Random(seed)
        people = rng.sample([f"{last} {first}" for last in LAST for first in FIRST], count)
        return [self._student(name, i, rng) for i, name in enumerate(people)]

    def _student(self, name: str, i: int, rng: random.Random) -> Student:
        every = list(self.exercises)
        kind = rng.random()
        if kind < 0.08:
            solved: list[str] = []
        elif kind < 0.3:
            solved = [exercise for exercise in every if rng.random() < 0.5]
        else:
            solved = every
        made: dict[str, Mistake] = {}  # one in each exercise: two may hide one another
        for mistake in rng.sample(self.mistakes, min(rng.randint(0, 3), len(self.mistakes))):
            if mistake.exercise.name in solved:
                made.setdefault(mistake.exercise.name, mistake)
        number = 3_031_000_000 + 1000 * i + rng.randrange(1000)
        return Student(name, number, tuple(solved), tuple(made.values()), rng.choice(FORMS))

    def points(self, student: Student) -> dict[str, int]:
        """The points that each test must give."""
        caught: set[str] = set()
        for mistake in student.mistakes:
            if mistake.title not in self._caught:
                self._caught[mistake.title] = caught_by(mistake)
            caught |= set(self._caught[mistake.title])
        return {
            test: points if name in student.solved and test not in caught else 0
            for name, exercise in self.exercises.items()
            for test, points in exercise.tests.items()
        }

    def changed(self, student: Student) -> dict[str, bytes]:
        """The files of the exercises, as the student has written them."""
        files = {}
        for path in dict.fromkeys(exercise.file for exercise in self.exercises.values()):
            text = str(self.kit.file(path, student.solved))
            for mistake in student.mistakes:
                if self.exercises[mistake.exercise.name].file == path:
                    cls = self.exercises[mistake.exercise.name].cls
                    text = fill(text, cls, methods_of(mistake.source(), cls))
            files[path] = text.encode()
        return files

    def hand_in(self, student: Student) -> dict[str, bytes]:
        """The files of a hand-in: one archive, or those of a folder."""
        changed, form = self.changed(student), student.form
        whole = {**self.starter, **changed, **JUNK}
        if form == "folder":
            return {f"{student.file}/{path}": content for path, content in whole.items()}
        if form == "archive":
            return {f"{student.file}.zip": self._packed(changed, student)}
        if form == "single files":
            inside = {path.rpartition("/")[2]: content for path, content in changed.items()}
        elif form == "files at the root":
            inside = whole
        else:
            inside = {f"{self.assignment.name}/{path}": data for path, data in whole.items()}
        packed = zipped(inside)
        if form == "zip in a zip":
            packed = zipped({"hw.zip": packed})
        return {f"{student.file}.zip": packed}

    def _packed(self, changed: Mapping[str, bytes], student: Student) -> bytes:
        """The archive of ``generate_submission.py``."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "hw")
            write_folder({**self.starter, **changed}, root)
            own = find_assignment(root)
            return pack(root, own, student.name, str(student.number)).data


def caught_by(mistake: Mistake) -> tuple[str, ...]:
    """The tests that fail with a mistake."""
    tried = trials(mistake)
    return tuple(
        test
        for test, recipe in mistake.exercise.recipes().items()
        if judge(recipe, load_cases(recipe), tried[recipe])
    )
