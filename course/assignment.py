"""An assignment: its exercises, their blanks, tests and points, and what is handed in.

In a starter, ``assignment.toml`` describes its own assignment. In the repository that starters are
cut from, ``course/assignments`` has a manifest for each; this module reads the public part of it.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULT = "spring-2023"
MANIFESTS = Path("course", "assignments")

# Keys, with the type of their values; "strings" is a list of strings.
TOP = {"title": str, "text": str, "points": int, "headings": "strings", "also": "strings"}
EXERCISE = {
    "name": str,
    "section": str,
    "title": str,
    "heading": str,
    "where": str,
    "blank": "strings",
    "tests": dict,
    "optional": bool,
    "counted": bool,
    "batched": bool,
    "deliver": "strings",
    "hints": "strings",
    "note": str,
}
HASHES = {"files": dict, "definitions": dict}
WRITTEN = {"section": str, "task": str, "deliver": "strings"}
NEEDED = {
    "the assignment": ("title", "points", "headings", "exercise"),
    "exercise": ("name", "section", "title", "heading", "where", "blank"),
    "written": ("section", "task"),
}


@dataclass(frozen=True)
class Exercise:
    """One exercise: methods of a class that are blank in the starter, and the tests for them.

    ``tests`` has the points of each test by its name, such as
    ``"test_layers.TestFullyConnected.test_forward"``. Tests that are ``counted`` run with
    ``python -m unittest``. A ``batched`` exercise has no loop over examples.
    """

    name: str
    section: str
    title: str
    heading: str
    file: str
    cls: str
    blank: tuple[str, ...]
    tests: dict[str, int]
    optional: bool = False
    counted: bool = True
    batched: bool = False
    deliver: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    note: str = ""

    @property
    def points(self) -> int:
        """The points of all its tests."""
        return sum(self.tests.values())

    @property
    def key(self) -> str:
        """Section and title: ``4.2 Fully-connected layer``."""
        return f"{self.section} {self.title}"


@dataclass(frozen=True)
class Written:
    """A task without blanks: what is to be done, and what goes into the write-up."""

    section: str
    task: str
    deliver: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """An assignment as students see it.

    ``also`` names classes of the student's own, such as ``layers.MyLayer``, that belong into the
    code appendix. ``files`` has the SHA-256 of each file as the starter ships it, and
    ``definitions`` what each file with blanks defines, see ``parsing.signatures``.
    """

    name: str
    title: str
    text: str
    points: int
    headings: tuple[str, ...]
    exercises: tuple[Exercise, ...]
    written: tuple[Written, ...] = ()
    also: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, dict[str, str]] = field(default_factory=dict)

    def exercise(self, name: str) -> Exercise:
        """Look up an exercise; ``ValueError`` if there is none by that name."""
        named = {exercise.name: exercise for exercise in self.exercises}
        if name not in named:
            known = ", ".join(named)
            raise ValueError(f"unknown exercise {name!r}{suggestion(name, named)} (known: {known})")
        return named[name]


def find_assignment(root: Path, name: str | None = None) -> Assignment:
    """Find the assignment of the starter, or of the repository, in the folder ``root``.

    Parameters
    ----------
    root : Path
        A starter, or the repository that starters are cut from.
    name : str, optional
        The assignment: by default the starter's own, and ``spring-2023`` in the repository.

    Raises
    ------
    ValueError
        If there is none by that name, or its file is damaged.
    """
    own = root / "assignment.toml"
    if own.is_file():
        table = read_table(own)
        check_table(
            own.name, table, {**TOP, "name": str, "exercise": list, "written": list, **HASHES}
        )
        assignment = assignment_from(own.name, str(table.get("name", "")), table)
        if name not in (None, assignment.name):
            close = suggestion(name, [assignment.name])
            raise ValueError(f"this starter is {assignment.name!r}, not {name!r}{close}")
        return assignment
    path = manifest_path(root, name or DEFAULT)
    return assignment_from(path.name, path.stem, read_table(path))


def manifest_path(root: Path, name: str) -> Path:
    """The manifest of an assignment in the repository; ``ValueError`` if there is none."""
    known = assignment_names(root)
    if name not in known:
        listed = ", ".join(known) or f"none in {root}"
        raise ValueError(f"unknown assignment {name!r}{suggestion(name, known)} (known: {listed})")
    return root / MANIFESTS / f"{name}.toml"


def assignment_names(root: Path) -> list[str]:
    """The assignments that the repository in the folder ``root`` has."""
    return sorted(path.stem for path in (root / MANIFESTS).glob("*.toml"))


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML file; ``ValueError`` with file and place if it is not one."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name} is not TOML: {error}") from None


def assignment_from(source: str, name: str, table: Mapping[str, Any]) -> Assignment:
    """The assignment of a table as TOML has it; keys that are not public are passed over.

    Raises
    ------
    ValueError
        If a public key is missing or of the wrong type; the message begins with ``source``.
    """
    check_needed(source, table, NEEDED["the assignment"])
    for key in ("exercise", "written"):
        if not all(isinstance(part, Mapping) for part in table.get(key, ())):
            raise ValueError(f"{source}: {key} must be a list of tables")
    top = public(source, table, TOP)
    exercises = tuple(_exercise(source, i, t) for i, t in enumerate(table["exercise"], start=1))
    written = tuple(_written(source, i, t) for i, t in enumerate(table.get("written", ()), start=1))
    return Assignment(
        name=name,
        title=top["title"],
        text=top.get("text", ""),
        points=top["points"],
        headings=top["headings"],
        exercises=exercises,
        written=written,
        also=top.get("also", ()),
        files=dict(table.get("files", {})),
        definitions=dict(table.get("definitions", {})),
    )


def _exercise(source: str, i: int, table: Mapping[str, Any]) -> Exercise:
    where = f"{source}: exercise {table.get('name', i)!r}"
    check_needed(where, table, NEEDED["exercise"])
    values = public(where, table, EXERCISE)
    file, colon, cls = values.pop("where").rpartition(":")
    if not colon or not file.endswith(".py") or not cls.isidentifier():
        raise ValueError(f'{where}: "where" must be a file and a class, as in "a.py:ReLU"')
    tests = dict(values.pop("tests", {}))
    for test, points in tests.items():
        if not isinstance(points, int) or isinstance(points, bool) or points < 0:
            raise ValueError(f"{where}: the points of {test} must be 0 or more, got {points!r}")
    return Exercise(file=file, cls=cls, tests=tests, **values)


def _written(source: str, i: int, table: Mapping[str, Any]) -> Written:
    where = f"{source}: written {i}"
    check_needed(where, table, NEEDED["written"])
    return Written(**public(where, table, WRITTEN))


def public(where: str, table: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table's public keys, lists as tuples; ``ValueError`` for a wrong type."""
    values = {key: table[key] for key in kinds if key in table}
    check_table(where, values, kinds)
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def check_table(where: str, table: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for a key that is not in ``kinds``, or a value not of its type."""
    for key, value in table.items():
        if key not in kinds:
            known = ", ".join(kinds)
            raise ValueError(
                f"{where}: unknown key {key!r}{suggestion(key, kinds)} (keys: {known})"
            )
        kind = kinds[key]
        if kind == "strings":
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        else:
            fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not fits:
            names = {
                "strings": "a list of texts",
                str: "a text",
                int: "a whole number",
                bool: "true or false",
                dict: "a table",
                list: "a list of tables",
            }
            raise ValueError(f"{where}: {key!r} must be {names[kind]}, got {value!r}")


def check_needed(where: str, table: Mapping[str, Any], needed: Iterable[str]) -> None:
    """Raise ``ValueError`` if a table lacks one of the keys that it needs."""
    for key in needed:
        if key not in table:
            raise ValueError(f"{where}: the key {key!r} is missing")


def suggestion(name: object, known: Iterable[str]) -> str:
    """``"; did you mean 'relu'?"`` for the known name closest to ``name``, or nothing."""
    by_lower_case = {other.lower(): other for other in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""
