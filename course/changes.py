"""A folder beside the starter it came from: which files are new, changed, or no code."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

CODE = (".py", ".ipynb")
# Folders of programs, not of a student. A virtual environment is known by its pyvenv.cfg.
OF_PROGRAMS = {"__pycache__", "node_modules", "site-packages", "build", "dist"}


@dataclass(frozen=True)
class Changes:
    """The files of a folder that differ from the starter's, as paths with slashes, sorted.

    ``left_out`` gives, for what is no code of the student's, the reason; a folder ends in a slash.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    left_out: dict[str, str]


def find_changes(root: Path, files: Mapping[str, str]) -> Changes:
    """Compare a folder with the files of the starter, given with their SHA-256."""
    new, changed, unchanged, left_out = [], [], 0, {}
    for path, reason in walk(root):
        file = path.relative_to(root).as_posix() + "/" * (path.is_dir() and not path.is_symlink())
        if reason:
            left_out[file] = reason
        elif file in files and same_content(path, files[file]):
            unchanged += 1
        elif path.suffix not in CODE:
            if file not in files and path.name != "assignment.toml":
                left_out[file] = "no .py or .ipynb"
        elif file in files:
            changed.append(file)
        else:
            new.append(file)
    return Changes(tuple(sorted(new)), tuple(sorted(changed)), unchanged, left_out)


def walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file below a folder, or a folder or link that is passed over, with the reason."""
    for folder, folders, names in os.walk(root):
        for name in list(folders):
            path = Path(folder, name)
            if path.is_symlink():
                reason = "a link"
            elif name.startswith(".") or name in OF_PROGRAMS or name.endswith(".egg-info"):
                folders.remove(name)
                continue
            elif (path / "pyvenv.cfg").exists():
                reason = "a virtual environment"
            else:
                continue
            folders.remove(name)
            yield path, reason
        for name in names:
            path = Path(folder, name)
            if not name.startswith("."):
                yield path, "" if path.is_file() and not path.is_symlink() else "a link or device"


def same_content(path: Path, digest: str) -> bool:
    """True if a file has the content of this SHA-256, whatever its ends of lines."""
    data = path.read_bytes()
    return digest in (
        hashlib.sha256(data).hexdigest(),
        hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest(),
    )
