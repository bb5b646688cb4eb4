"""Where files go, and how they get there whole."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


def repository() -> Path | None:
    """The checkout that this package is part of, or None when it is installed elsewhere."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "train_ffnn.py").is_file() else None


def experiments_folder() -> Path:
    """The default folder for runs: the repository's ``experiments``, else ``./experiments``."""
    return (repository() or Path.cwd()) / "experiments"


def display_path(path: Path) -> str:
    """``path`` as one would name it from the current folder: relative if it lies below."""
    absolute = path.absolute()
    below = absolute.is_relative_to(Path.cwd())
    return str(absolute.relative_to(Path.cwd()) if below else absolute)


def real_path(path: Path) -> Path:
    """Where a file of that name lies, or would: where links lead. A device or pipe is itself."""
    is_device = path.exists() and not path.is_file()
    return path if is_device else Path(os.path.realpath(path))


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file beside ``path`` and put it in place when it is complete.

    Yields the path to write to, which has the same suffix. If the body fails, whatever stood at
    ``path`` before is still there, and nothing else is. A link stays, and what it leads to is
    replaced; a device or pipe, such as ``/dev/null``, is written to itself.
    """
    target = real_path(path)
    if target.exists() and not target.is_file():
        yield target
        return
    # mkstemp makes files that only their owner may read; results are for everyone.
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


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to an ``.npz`` file, whole or not at all."""
    content: dict[str, Any] = dict(arrays)
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, **content)
