"""A Python and folders that other users can use, for tests of the grader as root.

The Python of the tests may lie in root's own folder, and their temporary folder is open to its
owner alone.
"""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SYSTEM = ("/usr/bin/python3", "/usr/local/bin/python3")
"""Pythons that every user can run."""

COPIED = ("numpy", "numpy.libs", "tqdm")
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
NEEDS_ROOT = "only root can run code as another user"


@functools.cache
def open_python() -> str:
    """A Python of the version of this one, with NumPy and tqdm, that every user can run.

    It lies in the folder for temporary files, and is made once for all processes.
    """
    if not IS_ROOT or can_be_run_by_others(sys.executable):
        return sys.executable
    version = ".".join(map(str, sys.version_info[:2]))
    folder = Path("/tmp") / f"open-python-{version}-numpy-{np.__version__}"
    if not is_complete(folder):
        make(folder)
    return str(folder / "bin" / "python")


def is_complete(folder: Path) -> bool:
    """True if the environment is there and root's own."""
    return (folder / "bin" / "python").exists() and folder.stat().st_uid == os.geteuid()


def make(folder: Path) -> None:
    """Make a virtual environment beside, and then put it in its place."""
    base = next(filter(has_this_version, SYSTEM), None)
    if base is None:
        raise unittest.SkipTest(f"root alone can run {sys.executable}, and all others like it")
    with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
        made = Path(parent) / "venv"
        subprocess.run([base, "-m", "venv", "--without-pip", str(made)], check=True)
        (packages,) = made.glob("lib/python*/site-packages")
        ours = Path(np.__file__).parents[1]
        for name in filter(lambda name: (ours / name).exists(), COPIED):
            shutil.copytree(
                ours / name, packages / name, ignore=shutil.ignore_patterns("tests", "__pycache__")
            )
        subprocess.run(
            [str(made / "bin" / "python"), "-m", "compileall", "-q", packages], check=True
        )
        made.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was faster
            made.rename(folder)


def has_this_version(path: str) -> bool:
    """True if this Python has the minor version of the one that runs, whose NumPy it then takes."""
    if not Path(path).exists():
        return False
    code = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return not subprocess.run([path, "-c", code], check=False).returncode


def can_be_run_by_others(python: str) -> bool:
    """True if a user without any rights can run a Python."""
    user = ["setpriv", "--reuid=64199", "--regid=64199", "--clear-groups"]
    # By env, as setpriv itself finds what only root can.
    command = [*user, "env", python, "-I", "-c", "import numpy, tqdm"]
    return not subprocess.run(command, capture_output=True, check=False, cwd="/").returncode


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user can read."""
    with tempfile.TemporaryDirectory(dir="/tmp" if IS_ROOT else None) as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files that every user can read."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder
