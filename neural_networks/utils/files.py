"""Paths of results, and atomic writes."""

import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np


def repository() -> Path | None:
    """The checkout that this package is part of, or None if it is installed elsewhere."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "train_ffnn.py").is_file() else None


def experiments_folder() -> Path:
    """The default folder for runs: the repository's ``experiments``, else ``./experiments``."""
    return (repository() or Path.cwd()) / "experiments"


def display_path(path: Path) -> str:
    """``path`` for messages: relative if it lies in the current folder, else absolute."""
    absolute = path.absolute()
    below = absolute.is_relative_to(Path.cwd())
    return str(absolute.relative_to(Path.cwd()) if below else absolute)


PORTS = [f"{port}{number}" for port in ("com", "lpt") for number in range(10)]
DEVICES = {"con", "prn", "aux", "nul", *PORTS}
"""Names that stand for devices on Windows, with any suffix."""

LONGEST_NAME = 255


def check_file_system(what: str, name: str) -> None:
    """Raise ``ValueError`` if a file system does not take the name of a file or folder.

    Parameters
    ----------
    what : str
        A description of the name, for the error.
    name : str
        Printable, without a separator of folders.
    """
    length = len(os.fsencode(name))
    if length > LONGEST_NAME:
        shown = f"{name[:20]}…{name[-10:]}"
        raise ValueError(f"{what} must have at most {LONGEST_NAME} bytes, got {length}: {shown!r}")
    if name.partition(".")[0].strip().casefold() in DEVICES:
        raise ValueError(f"{what} must not be that of a device on Windows, got {name!r}")
    if os.name == "nt" and (name[-1:] in ". " or any(character in '<>:"|?*' for character in name)):
        raise ValueError(f"{what} is not allowed on Windows, got {name!r}")


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path as a user has given it: ``~`` is the user's folder, ``~name`` that of another one.

    A shell replaces it only at the start of a word, not in ``--output=~/file`` or in a program.

    Raises
    ------
    FileNotFoundError
        If there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FileNotFoundError(f"there is no user's folder for {str(path)!r}") from None


def python_command() -> str:
    """The running Python as a word for the shell: ``python`` if that starts it, else its path."""
    found = shutil.which("python")
    if found is not None and os.path.abspath(found) == os.path.abspath(sys.executable):  # noqa: PTH100
        return "python"
    return shlex.quote(display_path(Path(sys.executable)))


def real_path(path: Path) -> Path:
    """``path`` with links resolved, unless it is a device or pipe."""
    is_device = path.exists() and not path.is_file()
    return path if is_device else Path(os.path.realpath(path))


@contextmanager
def atomic_write(path: Path, *, follow_link: bool = True) -> Iterator[Path]:
    """Write a file beside ``path`` and put it in place when it is complete.

    Yields the path to write to, which has the same suffix. If the body fails, the file at
    ``path``, if there was one, is unchanged, and an ``OSError`` such as that of a full disk names
    ``path``.

    Parameters
    ----------
    path : Path
    follow_link : bool
        If True, a link stays and its target is replaced, and a device or pipe, such as
        ``/dev/null``, is written to directly. If False, whatever is at ``path`` is replaced.
    """
    target = real_path(path) if follow_link else path
    if follow_link and target.exists() and not target.is_file():
        yield target
        return
    partial = target.with_name(partial_name(path, token_hex(8)))
    try:
        # Not by tempfile, whose files only their owner may read: here the umask decides. Changing
        # permissions later is refused by some network shares.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield partial
        partial.replace(target)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            name_file(error, path, partial)
        raise


PARTIAL = r"\..*-[0-9a-f]{16}(\..*)?"
"""Pattern of ``partial_name``."""


def partial_name(path: Path, token: str) -> str:
    """The name of the file that ``atomic_write`` writes beside ``path``."""
    return f".{path.stem[:40]}-{token}{path.suffix[:16]}"


def partial_files(path: Path) -> list[Path]:
    """Files that ``atomic_write`` has left beside ``path`` where its process was killed."""
    start, end = partial_name(path, "\0").split("\0")
    return list(path.parent.glob(escape(start) + "[0-9a-f]" * 16 + escape(end)))


def name_file(error: OSError, path: Path, *others: Path) -> None:
    """Let an error of the system name a file, unless it names another than ``others``."""
    if error.errno is not None and error.filename in (None, *map(str, others)):
        error.filename = str(path)
        if error.filename2 is not None:  # None would be printed
            del error.filename2


MOST_BYTES, MOST_LEVELS = 2**28, 100
"""The largest JSON file that is read, and its levels of lists and objects: far more than ours."""


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """A context with a folder, which is made if there is none, and removed if the body fails."""
    is_there = folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with nullcontext() if is_there else removed_after_error(folder):
        yield


@contextmanager
def removed_after_error(folder: Path) -> Iterator[None]:
    """A context that removes an empty folder if its body fails."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def check_output(path: Path) -> None:
    """Check that ``atomic_write`` can write a file, before it is worked out.

    Raises
    ------
    IsADirectoryError, FileNotFoundError
        If it is a folder, or there is no folder for it.
    OSError
        If the folder cannot be written, its disk is full, or the name is too long.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{display_path(path)} is a folder, not a file")
    target = real_path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder for {display_path(path)}")
    if not target.exists() or target.is_file():  # not a device or pipe
        write_probe(target)


def write_probe(path: Path) -> None:
    """Write and remove a file beside ``path`` whose name is as long as its own."""
    length = max(len(os.fsencode(path.name)), 20)
    probe = path.with_name(f"~{token_hex(length)[: length - 1]}")  # which no other program has
    try:
        with atomic_write(probe, follow_link=False) as partial:
            partial.write_bytes(bytes(4096))
        probe.unlink()
    except OSError as error:
        name_file(error, path, probe)
        raise


class RepeatedKey(ValueError):
    """An object in a JSON text has two values for a key."""


def parse_json(text: str) -> Any:
    """Parse a JSON text.

    Raises
    ------
    RepeatedKey
        If an object has a key twice, with different values.
    ValueError
        If it is not JSON, is nested in more than ``MOST_LEVELS`` levels, or has a number that is
        NaN or infinite, which JSON does not have.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and repr(found[key]) != repr(value):
                raise RepeatedKey(f"{key!r} is given twice: {found[key]!r} and {value!r}")
            found[key] = value
        return found

    hooks: dict[str, Any] = {"parse_constant": _finite, "parse_float": _finite}
    content = None
    try:
        content = json.loads(text, object_pairs_hook=unique, **hooks)
        is_deep = _levels(content) > MOST_LEVELS
    except RecursionError:
        is_deep = True
    if is_deep:
        raise ValueError(f"it is nested in more than {MOST_LEVELS} levels")
    return content


def _finite(text: str) -> float:
    """A number in a JSON text; ``ValueError`` for ``NaN``, ``-Infinity`` or ``1e999``."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _levels(content: Any) -> int:
    """The levels of lists and mappings in each other, at most ``MOST_LEVELS`` and one more."""
    level, n = [content], 0
    while n <= MOST_LEVELS:
        parts = [part for part in level if isinstance(part, list | dict)]
        if not parts:
            break
        n += 1
        level = [x for part in parts for x in (part if isinstance(part, list) else part.values())]
    return n


def read_json(path: Path, name: str) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
    name : str
        A name for the file, for errors.

    Raises
    ------
    ValueError
        If it has more than ``MOST_BYTES``, or is not JSON, see ``parse_json``.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{name} is too large to be read: it has more than {MOST_BYTES:,} bytes")
    try:
        return parse_json(content.decode("utf-8-sig"))
    except RepeatedKey as error:
        raise ValueError(f"{name}: {error}") from None
    except ValueError as error:  # not JSON, or not text
        raise ValueError(f"{name} is not a JSON file: {error}") from None


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, follow_link: bool = True) -> None:
    """Write named arrays to an ``.npz`` file, as ``atomic_write`` does."""
    content: dict[str, Any] = dict(arrays)
    with atomic_write(path, follow_link=follow_link) as partial, partial.open("wb") as file:
        np.savez(file, **content)


def read_arrays(path: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz`` file; ``ValueError`` if it is not one.

    Parameters
    ----------
    path : Path
    names : iterable of str, optional
        The arrays to read, those of them that are there; by default all.
    """
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in names or arrays if key in arrays}
        except Exception:  # a damaged archive can end in any: a strange compression, no memory ...
            raise ValueError(f"{path} is not an .npz file of arrays") from None
