"""Paths of results, and atomic writes."""

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
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
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file beside ``path`` and put it in place when it is complete.

    Yields the path to write to, which has the same suffix. If the body fails, the file at
    ``path``, if there was one, is unchanged. A link stays, and its target is replaced; a device or
    pipe, such as ``/dev/null``, is written to directly.
    """
    target = real_path(path)
    if target.exists() and not target.is_file():
        yield target
        return
    # mkstemp makes files that only their owner may read; the umask's permissions are set below.
    prefix = f".{path.stem[:40]}-"
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_json(path: Path, name: str) -> Any:
    """Read a JSON file; ``ValueError``, with a name for the file, if it is not one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not JSON, or not text
        raise ValueError(f"{name} is not a JSON file: {error}") from None


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to an ``.npz`` file, atomically."""
    content: dict[str, Any] = dict(arrays)
    with atomic_write(path) as partial, partial.open("wb") as file:
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
