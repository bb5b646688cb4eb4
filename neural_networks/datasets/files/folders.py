"""Data folders: the user's, the repository's, and the search for a dataset's files."""

import os
from collections.abc import Sequence
from pathlib import Path

from neural_networks.datasets.files.catalogue import CATALOGUE
from neural_networks.utils.files import repository, user_path

VARIABLE = "NEURAL_NETWORKS_DATA"


def own_folder() -> Path:
    """The data folder of this checkout; outside a checkout, the user's cache folder."""
    root = repository()
    if root is not None:
        return root / "datasets"
    return user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "neural_networks"


def named_folder() -> Path | None:
    """The folder in ``NEURAL_NETWORKS_DATA``; None if the variable is not set.

    A ``~`` stands for the user's own folder, also where no shell has replaced it.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    folder = user_path(name).absolute()
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

    ``DATA/DATASET/`` and ``DATA/`` are searched, for each data folder ``DATA``, and below them the
    folders that other programs make. Each file may have any of its ``forms``.
    """
    for data in data_folders():
        below = [data / folder for folder in CATALOGUE[dataset].folders]
        for folder in (data / dataset, data, *below):
            found = [_any_form(folder, name) for name in names]
            paths = [path for path in found if path is not None]
            if len(paths) == len(names):
                return paths
    return None


def forms(name: str) -> list[str]:
    """The names that a publisher's file may have: compressed or not, in its folder or not.

    An unpacked idx file is also called ``train-images.idx3-ubyte``, as the publisher of MNIST has
    it. The name itself comes first.
    """
    plain = name.removesuffix(".gz")
    names = [name, plain, f"{plain}.gz"]
    names += [other.replace("-idx", ".idx") for other in names]
    names += [other.rpartition("/")[2] for other in names]
    return list(dict.fromkeys(names))


def _any_form(folder: Path, name: str) -> Path | None:
    """The first of a file's forms that is in a folder; a regular file, if there is one."""
    paths = [folder / form for form in forms(name)]
    there = [path for path in paths if path.exists()]
    return next((path for path in there if path.is_file()), there[0] if there else None)
