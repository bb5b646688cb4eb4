"""A gradebook: the CSV of a class, and beside it a folder with the results of each hand-in.

The results are written one hand-in at a time, with a fingerprint of all that they depend on: what
is in a gradebook already is not graded again.
"""

import csv
import hashlib
import io
import json
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import dropwhile, islice, takewhile
from pathlib import Path
from typing import Any

from course.autograder.exams.exam import Exam
from course.autograder.grading.report import unfinished
from course.autograder.hand_ins.stage import HandIn
from neural_networks.utils.files import atomic_write

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SETTINGS = "gradebook.json"
METADATA = "submission_metadata.yml"
"""The file in which Gradescope's export of hand-ins has the names of students."""

LOOP = "is there a loop"
"""Words in the message of a check for a loop over examples that has found one."""

LONGEST = 100
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Grade:
    """A hand-in in a gradebook.

    Parameters
    ----------
    name : str
        The student, as far as the hand-in tells; it is unique.
    path : Path
        The hand-in.
    table : dict
        The results, as ``results.json`` has them; empty if it could not be graded.
    note : str
        What the staff should know.
    is_new : bool
        False if the results were there already.
    """

    name: str
    path: Path
    table: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    is_new: bool = True

    @property
    def seconds(self) -> float:
        """The time that grading took."""
        return float(self.table.get("execution_time", 0))


@dataclass(frozen=True)
class Key:
    """The tests and checks of an exam, by the numbers that they have in results."""

    tests: Mapping[str, str]
    checks: Mapping[str, str]
    exercises: Mapping[str, str]

    @classmethod
    def of(cls, exam: Exam, only: Collection[str] = ()) -> "Key":
        """The tests of these exercises, or of all."""
        report = unfinished(exam, only)
        return cls(
            {graded.number: graded.test for graded in report.tests},
            {graded.number: graded.exercise for graded in report.checks},
            {graded.number: graded.exercise for graded in report.tests},
        )


class Gradebook:
    """A CSV file, and the folder beside it.

    Parameters
    ----------
    path : Path
        The CSV file.
    exam : Exam
    only : sequence of str
        The exercises; none for all.
    seed : int or None
        That of the exam, for the next time; None if it came from a file.
    """

    def __init__(self, path: Path, exam: Exam, only: Sequence[str], seed: int | None) -> None:
        self.path, self.folder = path, path.with_suffix("")
        self.exam, self.only = exam, only
        self.settings = {
            "assignment": exam.assignment.name,
            "only": sorted(only),
            "seed": seed,
            "grader": grader_fingerprint(),
        }

    def check_same(self, before: Mapping[str, Any], again: bool) -> None:
        """Raise ``ValueError`` if it has grades that do not belong with new ones."""
        if not before:
            return
        had, now = before.get("assignment"), self.settings["assignment"]
        if had != now:
            raise ValueError(f"{self.path} has grades of {had}, not of {now}: give another --csv")
        if before.get("only") != self.settings["only"] and not again:
            had = " ".join(before.get("only") or ["all exercises"])
            raise ValueError(
                f"{self.path} has grades of {had}: give another --csv, or --again to replace them"
            )

    @contextmanager
    def opened(self) -> Iterator[None]:
        """A context in which no other command writes to it; ``ValueError`` if another one does."""
        self.folder.mkdir(exist_ok=True)
        with locked(self.folder):
            write_json(self.folder / SETTINGS, self.settings)
            yield

    def earlier(self, name: str, hand_in: HandIn) -> dict[str, Any]:
        """The results of a hand-in that was graded before, by the same exam; empty if not."""
        table = read_json(self.folder / f"{name}.json")
        extra = table.get("extra_data")
        same = isinstance(extra, dict) and extra.get("fingerprint") == self.fingerprint(hand_in)
        return table if same else {}

    def keep(self, name: str, hand_in: HandIn, table: dict[str, Any], text: str) -> dict[str, Any]:
        """Keep the results of a hand-in, and its feedback as text; returns the results."""
        extra = {**table.get("extra_data", {}), "fingerprint": self.fingerprint(hand_in)}
        table = {**table, "extra_data": extra}
        with atomic_write(self.folder / f"{name}.txt") as file:
            file.write_text(text, encoding="utf-8")
        write_json(self.folder / f"{name}.json", table)
        return table

    def fingerprint(self, hand_in: HandIn) -> str:
        """A fingerprint of all that the results of a hand-in depend on."""
        parts = [
            self.exam.fingerprint,
            hand_in.fingerprint,
            hand_in.missing,
            sorted(hand_in.ignored.items()),
            self.settings["only"],
            self.settings["grader"],
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def write(self, grades: Iterable[Grade]) -> None:
        """Write the CSV file: a row for each hand-in."""
        key = Key.of(self.exam, self.only)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", "score", *key.tests.values(), "seconds", "note", "hand-in"])
        for grade in grades:
            points = {test["number"]: test["score"] for test in grade.table.get("tests", ())}
            score = sum(points[number] for number in key.tests) if points else ""
            seconds = f"{grade.seconds:.1f}" if points else ""
            columns = [plain(points.get(number, "")) for number in key.tests]
            note = "; ".join(filter(None, [grade.note, loops(grade.table, key)]))
            row = [grade.name, plain(score), *columns, seconds, note, str(grade.path)]
            writer.writerow([as_cell(value) for value in row])
        with atomic_write(self.path) as file:
            file.write_text(text.getvalue(), encoding="utf-8")


def settings_of(path: Path) -> dict[str, Any]:
    """The settings of the gradebook at a path; empty if there is none yet.

    Raises
    ------
    ValueError
        If it cannot be one, or something else is there.
    """
    folder = path.with_suffix("")
    if path.suffix != ".csv":
        raise ValueError(f"--csv must be a file that ends in .csv, got {path}")
    if not path.parent.is_dir():
        raise ValueError(f"--csv: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"--csv: cannot write to {path.parent}")
    settings = read_json(folder / SETTINGS)
    if not settings and path.exists():
        raise ValueError(f"{path} is not a gradebook of this command; give another name")
    if not settings and folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{path}: the results go into {folder}, and something else is there")
    return settings


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A context in which no other process has the folder locked; ``ValueError`` if one has."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ValueError(f"another command is grading into {folder}") from None
    finally:
        os.close(descriptor)


def grader_fingerprint() -> str:
    """A fingerprint of the code that judges: results of another version are graded again."""
    paths = [*(ROOT / "course/autograder").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def named(paths: Iterable[Path]) -> dict[str, Path]:
    """The hand-ins by names, which are unique, also where upper and lower case are the same.

    The name is that of the student, if Gradescope's export tells it, else that of the file. A
    hand-in that is given twice is there once.
    """
    found: dict[str, Path] = {}
    taken = {Path(SETTINGS).stem}
    seen = set()
    for path in paths:
        place = os.path.abspath(path)  # noqa: PTH100 - without "..", and no link followed
        if path.name == METADATA or place in seen:
            continue
        seen.add(place)
        base = file_name(student_of(path) or (path.stem if path.is_file() else path.name))
        name, number = base, 2
        while name.casefold() in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name.casefold())
        found[name] = path
    return found


def file_name(text: str) -> str:
    """A text as the name of a file: letters, digits, and some signs that are harmless."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(c if c.isalnum() or c in " ._-&'" else "_" for c in text)
    while len(kept.encode()) > LONGEST:
        kept = kept[:-1]
    return kept.strip(" .-") or "hand-in"


def student_of(path: Path) -> str:
    """The students of a hand-in in an export of Gradescope's: ``submission_N`` in a folder."""
    metadata = path.parent / METADATA
    if not metadata.is_file():
        return ""
    # Ruby's YAML: a key for each hand-in, below it the key :submitters: with a list, as in
    # "  - :name: Ada Lovelace". It may have tags of Ruby's, which no parser for Python reads.
    lines = iter(metadata.read_text("utf-8", "replace").splitlines())
    inside = takewhile(lambda line: line[:1] in " -", after(f"{path.name}:", lines))
    students = takewhile(
        lambda line: not re.match(" +:", line) or line[:4] == "    ",
        after("  :submitters:", inside),
    )
    names = [line.partition(":name:")[2] for line in students if ":name:" in line]
    return " & ".join(name.strip(" '\"") for name in names)


def after(start: str, lines: Iterator[str]) -> Iterator[str]:
    """The lines after one."""
    return islice(dropwhile(lambda line: line.rstrip() != start, lines), 1, None)


def loops(table: Mapping[str, Any], key: Key) -> str:
    """The exercises with a loop over examples, as a note."""
    found = [
        key.checks[test["number"]]
        for test in table.get("tests", ())
        if test["number"] in key.checks and LOOP in test.get("output", "")
    ]
    return f"loop over examples: {', '.join(found)}" if found else ""


def plain(number: Any) -> Any:
    """A number without a point if it is a whole one."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def as_cell(value: Any) -> Any:
    """A value as a cell that spreadsheets do not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file of JSON; empty if there is none."""
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Write an object as JSON, whole or not at all."""
    with atomic_write(path) as file:
        file.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
