"""A manifest: what an assignment hands out, what is blank in it, and how it is tested.

``course/assignments`` has one for each assignment. Every value is checked when it is read, and a
mistake told in one line.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course import assignment as public
from course.assignment import (
    Exercise,
    assignment_from,
    check_needed,
    check_table,
    manifest_path,
    read_table,
    suggestion,
)
from course.cuttings import Accepted, Cutting, Manifest
from course.paths import check_inside, expand, expand_all
from course.rules import check

TOP = {
    **public.TOP,
    "gives_away": "strings",
    "expect": dict,
    "ship": dict,
    "accept": dict,
    "limits": dict,
    "exercise": list,
    "written": list,
    "accepted": list,
}
SHIP = {"files": "strings", "templates": dict, "drop": dict}
EXERCISE = {
    **public.EXERCISE,
    "remove": "strings",
    "given": dict,
    "remarks": dict,
    "signature": dict,
    "plain": "strings",
    "forbid": "strings",
}
EXPECT = {"tests": int, "fail": int, "pass": int, "without_optional": int}
ACCEPT = {"files": "strings", "extra": str}
LIMITS = {"seconds": int, "memory_mb": int}
ACCEPTED = {"exercise": str, "file": str, "reason": str}


def read_manifest(root: Path, name: str | None = None) -> Manifest:
    """Read and check a manifest of the repository in the folder ``root``.

    Raises
    ------
    ValueError
        If there is none by that name, or something in it is wrong. The message begins with the
        file.
    """
    path = manifest_path(root, name or public.DEFAULT)
    return manifest_from(root, path.stem, read_table(path))


def manifest_from(root: Path, name: str, table: Mapping[str, Any]) -> Manifest:
    """The manifest of a table as TOML has it; ``ValueError`` if something in it is wrong."""
    source = f"{name}.toml"
    check_table(source, table, TOP)
    check_needed(source, table, ("title", "points", "headings", "exercise", "ship", "expect"))
    assignment = assignment_from(source, name, table)
    for i, exercise in enumerate(table["exercise"], start=1):
        check_table(f"{source}: exercise {exercise.get('name', i)!r}", exercise, EXERCISE)
    for i, written in enumerate(table.get("written", ()), start=1):
        check_table(f"{source}: written {i}", written, public.WRITTEN)
    ship, accept = table["ship"], table.get("accept", {})
    for key, kinds in (("ship", SHIP), ("accept", ACCEPT), ("limits", LIMITS), ("expect", EXPECT)):
        check_table(f"{source}: {key}", table.get(key, {}), kinds)
    check_needed(f"{source}: ship", ship, ("files",))
    check_needed(f"{source}: expect", table["expect"], EXPECT)
    files = expand_all(root, ship["files"], f"{source}: ship.files")
    templates = _templates(root, source, ship.get("templates", {}))
    manifest = Manifest(
        root=root,
        assignment=assignment,
        cuttings=tuple(
            _cutting(source, exercise, given)
            for exercise, given in zip(assignment.exercises, table["exercise"], strict=True)
        ),
        files=tuple(path for path in files if path not in templates),
        templates=templates,
        drop=_drop(root, source, ship.get("drop", {}), files),
        expect=table["expect"],
        accept=tuple(_braces(accept.get("files", ()))),
        extra=accept.get("extra", ""),
        limits=table.get("limits", {}),
        gives_away=tuple(table.get("gives_away", ())),
        accepted=_accepted(source, table.get("accepted", ())),
    )
    check(source, manifest)
    return manifest


def _braces(patterns: Iterable[str]) -> list[str]:
    return [path for pattern in patterns for path in expand(pattern)]


def _templates(root: Path, source: str, table: Mapping[str, Any]) -> dict[str, str]:
    """Templates by their place in the starter; ``ValueError`` if one is not there."""
    folder = root / "course" / "templates"
    known = [str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file()]
    for path, template in table.items():
        check_inside(f"{source}: ship.templates", path)
        if template not in known:
            raise ValueError(
                f"{source}: ship.templates: there is no template {template!r} in "
                f"course/templates{suggestion(template, known)}"
            )
    return dict(table)


def _drop(
    root: Path, source: str, table: Mapping[str, Any], files: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """The names that go from each file; patterns are expanded, and must be of files that ship."""
    drop: dict[str, tuple[str, ...]] = {}
    files = list(files)
    for pattern, names in table.items():
        where = f"{source}: ship.drop"
        check_table(where, {pattern: names}, {pattern: "strings"})
        for path in expand_all(root, [pattern], where):
            if path not in files:
                raise ValueError(f"{where}: {path} is not shipped{suggestion(path, files)}")
            drop[path] = (*drop.get(path, ()), *names)
    return drop


def _accepted(source: str, tables: Iterable[Mapping[str, Any]]) -> tuple[Accepted, ...]:
    found = []
    for i, table in enumerate(tables, start=1):
        check_table(f"{source}: accepted {i}", table, ACCEPTED)
        check_needed(f"{source}: accepted {i}", table, ACCEPTED)
        found.append(Accepted(**table))
    return tuple(found)


def _cutting(source: str, exercise: Exercise, table: Mapping[str, Any]) -> Cutting:
    where = f"{source}: exercise {exercise.name!r}"
    for key, kind in (("given", "strings"), ("remarks", "strings"), ("signature", str)):
        check_table(f"{where}: {key}", methods := table.get(key, {}), dict.fromkeys(methods, kind))
    given, remarks = (
        {method: tuple(lines) for method, lines in table.get(key, {}).items()}
        for key in ("given", "remarks")
    )
    remove, plain, forbid = (tuple(table.get(key, ())) for key in ("remove", "plain", "forbid"))
    return Cutting(exercise, remove, given, remarks, table.get("signature", {}), plain, forbid)
