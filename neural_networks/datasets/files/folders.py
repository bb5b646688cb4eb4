"""Data folders: the user's, the repository's, and the search for a dataset's files."""

import os
from collections.abc import Sequence
from pathlib import Path

from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.utils.files import repository

VARIABLE = "NEURAL_NETWORKS_DATA"


def own_folder() -> Path:
    """The data folder of this checkout; outside a checkout, the user's cache folder."""
    root = repository()
    if root is not None:
        return root / "datasets"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "neural_networks"


def named_folder() -> Path | None:
    """The folder in ``NEURAL_NETWORKS_DATA``; None if the variable is not set.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    folder = Path(name).absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"{VARIABLE} names a folder that does not exist: {folder}")
    return folder


def data_folders() -> list[Path]:
    """The folders searched for data, in this order."""
    named = named_folder()
    return [own_folder()] if named is None else [named, own_folder()]


def home_folder(dataset: str) -> Path:
    """The folder for a dataset's new files, in the first writable data folder.

    A folder without write permission bits, such as one that an instructor shares, is never
    written to, not even by root.
    """
    for data in data_folders()[:-1]:
        folder = data / dataset
        existing = folder if folder.exists() else data
        if os.access(existing, os.W_OK) and existing.stat().st_mode & 0o222:
            return folder
    return own_folder() / dataset


def find_original(dataset: str) -> list[Path] | None:
    """Paths of a dataset's original files; None if they are not found."""
    found = (find(dataset, names) for names in CATALOGUE[dataset].originals)
    return next((paths for paths in found if paths is not None), None)


def find(dataset: str, names: Sequence[str]) -> list[Path] | None:
    """Paths of files that lie together in one folder; None if some are missing.

    ``DATA/DATASET/`` and ``DATA/`` are searched, for each data folder ``DATA``.
    """
    for data in data_folders():
        for folder in (data / dataset, data):
            paths = [folder / name for name in names]
            if all(path.exists() for path in paths):
                return paths
    return None
