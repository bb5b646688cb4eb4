"""Where data lies, and where it is put."""

import os
from collections.abc import Sequence
from pathlib import Path

from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.utils.files import repository

VARIABLE = "NEURAL_NETWORKS_DATA"


def own_folder() -> Path:
    """The data folder of this checkout, or the user's cache folder when there is none."""
    root = repository()
    if root is not None:
        return root / "datasets"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "neural_networks"


def named_folder() -> Path | None:
    """The folder that ``NEURAL_NETWORKS_DATA`` names, if it is set.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    folder = Path(name).absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"{VARIABLE} names a folder that does not exist: {folder}")
    return folder


def data_folders() -> list[Path]:
    """The folders in which data is looked for, in this order."""
    named = named_folder()
    return [own_folder()] if named is None else [named, own_folder()]


def home_folder(dataset: str) -> Path:
    """Where a dataset's files are put: in the first data folder that may be written to.

    A folder without any permission to write, such as one that an instructor shares, stays as it
    is, also for somebody who could write there all the same.
    """
    for data in data_folders()[:-1]:
        folder = data / dataset
        existing = folder if folder.exists() else data
        if os.access(existing, os.W_OK) and existing.stat().st_mode & 0o222:
            return folder
    return own_folder() / dataset


def find_original(dataset: str) -> list[Path] | None:
    """Paths of the files that a dataset is read from, or None if they are not here."""
    found = (find(dataset, names) for names in CATALOGUE[dataset].originals)
    return next((paths for paths in found if paths is not None), None)


def find(dataset: str, names: Sequence[str]) -> list[Path] | None:
    """Paths of a dataset's files, which lie in one folder, or None if some are missing.

    They are looked for in ``DATA/DATASET/`` and in ``DATA/``, for each data folder.
    """
    for data in data_folders():
        for folder in (data / dataset, data):
            paths = [folder / name for name in names]
            if all(path.exists() for path in paths):
                return paths
    return None
