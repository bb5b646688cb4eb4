"""Paths of results, and atomic writes."""

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    partial = target.with_name(f".{target.stem[:40]}-{token_hex(8)}{target.suffix[:16]}")
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


def name_file(error: OSError, path: Path, *others: Path) -> None:
    """Let an error of the system name a file, unless it names another than ``others``."""
    if error.errno is not None and error.filename in (None, *map(str, others)):
        error.filename = str(path)
        if error.filename2 is not None:  # None would be printed
            del error.filename2


class RepeatedKey(ValueError):
    """An object in a JSON text has two values for a key."""


def parse_json(text: str) -> Any:
    """Parse a JSON text.

    Raises
    ------
    RepeatedKey
        If an object has a key twice, with different values.
    ValueError
        If it is not JSON, or too deeply nested.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if repr(found.setdefault(key, value)) != repr(value):
                raise RepeatedKey(f"{key!r} is given twice: {found[key]!r} and {value!r}")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("it is too deeply nested") from None


def read_json(path: Path, name: str) -> Any:
    """Read a JSON file; ``ValueError``, with a name for the file, if it is not one."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except RepeatedKey as error:
        raise ValueError(f"{name}: {error}") from None
    except ValueError as error:  # not JSON, or not text
        raise ValueError(f"{name} is not a JSON file: {error}") from None


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, follow_link: bool = True) -> None:
    """Write named arrays to an ``.npz`` file, as ``atomic_write`` does."""
    content: dict[str, Any] = dict(arrays)
    with atomic_write(path, follow_link=follow_link) as partial, partial.open("wb") as file:
        np.savez(file, **content)


# A damaged archive may ask for another compression, a negative position or too much memory.
DAMAGED = (
    EOFError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz`` file; ``ValueError`` if it is not one."""
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except DAMAGED:
            raise ValueError(f"{path} is not an .npz file of arrays") from None
