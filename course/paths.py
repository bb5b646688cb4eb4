"""Paths of a manifest: braces, patterns, and what they match in the repository."""

import re
from collections.abc import Iterable
from pathlib import Path

from course.assignment import suggestion


def expand(pattern: str) -> list[str]:
    """The paths of a pattern with braces: ``a/{b,c}.py`` is ``a/b.py`` and ``a/c.py``."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None:
        return [pattern]
    before, after = pattern[: found.start()], pattern[found.end() :]
    return [path for part in found[1].split(",") for path in expand(before + part.strip() + after)]


def expand_all(root: Path, patterns: Iterable[str], where: str) -> list[str]:
    """The files that patterns match in the folder ``root``: sorted, each once.

    Raises
    ------
    ValueError
        If a pattern leaves the folder, or matches no file; the message begins with ``where``.
    """
    found: set[str] = set()
    for pattern in patterns:
        for path in expand(pattern):
            check_inside(where, path)
            matches = _matches(root, path)
            if not matches:
                raise ValueError(f"{where}: {path!r} matches no file{_close(root, path)}")
            found |= matches
    return sorted(found)


def _matches(root: Path, path: str) -> set[str]:
    if not re.search(r"[*?\[]", path):
        return {path} if (root / path).is_file() else set()
    real = root.resolve()
    files = [file for file in root.glob(path) if file.is_file()]
    inside = [file for file in files if file.resolve().is_relative_to(real)]
    return {file.relative_to(root).as_posix() for file in inside}


def _close(root: Path, path: str) -> str:
    """The file closest to a path, in its folder or the folders around it."""
    folder = (root / path).parent
    while not folder.is_dir():
        folder = folder.parent
    around = {*folder.glob("*"), *folder.glob("*/*")}
    names = [file.relative_to(root).as_posix() for file in around if file.is_file()]
    return suggestion(path, names)


def check_inside(where: str, path: str) -> None:
    """Raise ``ValueError`` if a path leaves the folder that it is relative to."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(f"{where}: {path!r} leaves the repository")
