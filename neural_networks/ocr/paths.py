"""Checks of the program's paths, before it reads or writes anything."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from neural_networks.utils.files import check_output, display_path, real_path

PICTURES = (".png", ".pdf", ".svg")


def check_paths(inputs: Mapping[str, Path], outputs: Mapping[str, Path | None]) -> None:
    """Check that inputs exist and outputs can be written, each to its own file.

    Parameters
    ----------
    inputs, outputs : mapping
        Names of arguments to paths; None for an output that is not asked for.

    Raises
    ------
    OSError
        If an input is missing, or no file can be created at a path.
    ValueError
        If an output is the same file as an input or another output.
    """
    taken: dict[Path, str] = {}
    for name, path in {**inputs, **outputs}.items():
        if path is None:
            continue
        if path.is_dir():
            raise IsADirectoryError(f"{name}: {display_path(path)} is a folder, not a file")
        if name in inputs and not path.exists():
            raise FileNotFoundError(f"{name}: there is no file {display_path(path)}")
        target = real_path(path)
        if target.exists() and not target.is_file():
            continue  # a device such as /dev/null accepts any output
        if name in outputs:
            check_place(name, path, target)
        other = taken.setdefault(target, name)
        if other != name and name in outputs:  # both inputs may be the same file
            raise ValueError(f"{name} must be a separate file, but {other} is {path}, too")


def check_place(name: str, path: Path, target: Path) -> None:
    """Raise ``OSError`` if no file can be created at the target of an output's path."""
    if target.is_symlink():
        raise OSError(f"{name}: {display_path(path)} is a link that leads to itself")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{name}: there is no folder {display_path(target.parent)}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{name}: {display_path(target.parent)} cannot be written to")
    check_output(target)


def check_plot(path: Path) -> None:
    """Raise ``ValueError`` without Matplotlib, or if a picture's suffix is not a known format."""
    try:
        import_module("matplotlib")
    except ImportError:
        raise ValueError("--plot needs Matplotlib: python -m pip install matplotlib") from None
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"plot: {path} must end in one of: {', '.join(PICTURES)}")
