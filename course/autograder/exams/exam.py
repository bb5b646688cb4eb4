"""An exam: all that the grader needs to know of an assignment.

It holds the starter as it is handed out, the cases of each graded test with the values that must
come out, and the results of the listed mistakes; no solution, and no code of a mistake.
"""

import hashlib
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from course.assignment import Assignment, assignment_from
from course.autograder.exams.packing import Packer, Unpacker
from tests.diagnoses import Case
from tests.verdict import Outcome

TABLE, ARRAYS, STARTER = "exam.json", "exam.npz", "starter"
"""The files of an exam: a table, the numbers in it, and the folder of the starter."""

ASSIGNMENT = "assignment.toml"
FORMAT = 1


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

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of all of it, in hexadecimal: the same exam gives the same grades."""
        return _fingerprint(*self.packed, self.starter)

    @cached_property
    def packed(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """All but the starter, as a table for JSON and the arrays that go with it."""
        return _packed(self)


class ExamError(ValueError):
    """The files of an exam are missing or damaged."""


def exam_files(exam: Exam) -> dict[str, bytes]:
    """The files of an exam, by path, for ``read_exam``; the same exam gives the same bytes."""
    table, arrays = exam.packed
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    table = {**table, "fingerprint": exam.fingerprint}
    starter = {f"{STARTER}/{path}": content for path, content in exam.starter.items()}
    return {TABLE: _json(table), ARRAYS: buffer.getvalue(), **starter}


def read_exam(folder: Path) -> Exam:
    """Read an exam.

    Parameters
    ----------
    folder : Path
        The folder with the files of ``exam_files``.

    Raises
    ------
    ExamError
        If a file is missing, or anything in it is not as it was written.
    """
    try:
        table = json.loads((folder / TABLE).read_bytes())
        if table.pop("format") != FORMAT:
            raise ExamError(f"{TABLE} is of another version of the autograder")
        fingerprint = table.pop("fingerprint")
        with np.load(io.BytesIO((folder / ARRAYS).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        starter = {path: (folder / STARTER / path).read_bytes() for path in table["starter"]}
        exam = _unpacked(table, Unpacker(arrays), starter)
    except OSError as error:
        raise ExamError(f"the exam is not whole: {error.filename}: {error.strerror}") from None
    except ExamError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, EOFError, BadZipFile) as error:
        raise ExamError(f"the exam is damaged: {type(error).__name__}: {error}") from None
    if exam.fingerprint != fingerprint:
        raise ExamError("the exam is damaged: its fingerprint differs")
    return exam


def _packed(exam: Exam) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """An exam as a table for JSON, and the arrays that go with it."""
    packer = Packer()
    mistakes: list[Known] = []
    for known in exam.known.values():
        mistakes += [one for one in known if not any(one is other for other in mistakes)]
    places = {id(one): place for place, one in enumerate(mistakes)}
    table = {
        "format": FORMAT,
        "starter": list(exam.starter),
        "recipes": dict(exam.recipes),
        "cases": {name: [_case(packer, c) for c in cases] for name, cases in exam.cases.items()},
        "loops": {name: [_case(packer, c) for c in pair] for name, pair in exam.loops.items()},
        "mistakes": [_mistake(packer, one) for one in mistakes],
        "known": {name: [places[id(one)] for one in known] for name, known in exam.known.items()},
        "accept": list(exam.accept),
        "extra": exam.extra,
        "seconds": exam.seconds,
        "memory_mb": exam.memory_mb,
    }
    return table, packer.arrays()


def _case(packer: Packer, case: Case) -> list[Any]:
    inputs, expected = packer.values(case.inputs), packer.values(case.expected)
    return [case.number, case.title, case.hidden, inputs, expected]


def _mistake(packer: Packer, known: Known) -> dict[str, Any]:
    trials = {
        name: [[first_line(outcome.error), packer.values(outcome.results)] for outcome in outcomes]
        for name, outcomes in known.trials.items()
    }
    return {"recipe": known.recipe, "diagnosis": known.diagnosis, "trials": trials}


def first_line(text: str) -> str:
    """The first line of a text: of an error, without the code that raised it."""
    return (text.splitlines() or [""])[0]


def _unpacked(table: dict[str, Any], unpacker: Unpacker, starter: Mapping[str, bytes]) -> Exam:
    """The exam of a table; any error if it is none."""
    mistakes = [_known(unpacker, **mistake) for mistake in table["mistakes"]]
    assignment = tomllib.loads(starter[ASSIGNMENT].decode())
    loops = {}
    for name, (few, many) in table["loops"].items():
        loops[name] = _read_case(unpacker, *few), _read_case(unpacker, *many)
    return Exam(
        assignment=assignment_from(ASSIGNMENT, assignment["name"], assignment),
        starter=starter,
        recipes=dict(table["recipes"]),
        cases={
            name: tuple(_read_case(unpacker, *case) for case in cases)
            for name, cases in table["cases"].items()
        },
        loops=loops,
        known={name: tuple(mistakes[i] for i in places) for name, places in table["known"].items()},
        accept=tuple(table["accept"]),
        extra=table["extra"],
        seconds=table["seconds"],
        memory_mb=table["memory_mb"],
    )


def _read_case(
    unpacker: Unpacker, number: int, title: str, hidden: bool, inputs: object, expected: object
) -> Case:
    return Case(number, title, unpacker.inputs(inputs), unpacker.inputs(expected), hidden)


def _known(unpacker: Unpacker, recipe: str, diagnosis: str, trials: dict[str, Any]) -> Known:
    outcomes = {
        name: [Outcome(unpacker.values(results), error=error) for error, results in tried]
        for name, tried in trials.items()
    }
    return Known(recipe, diagnosis, outcomes)


def _json(table: Mapping[str, Any]) -> bytes:
    return (json.dumps(table, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _fingerprint(
    table: Mapping[str, Any], arrays: Mapping[str, np.ndarray], starter: Mapping[str, bytes]
) -> str:
    """The SHA-256 of an exam's table, arrays and starter."""
    digest = hashlib.sha256(_json(table))
    for name, content in [*((n, a.tobytes()) for n, a in arrays.items()), *starter.items()]:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
