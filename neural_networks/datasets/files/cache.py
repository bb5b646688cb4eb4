"""Prepared sets: publishers' files, converted once to ``.npy`` files that are memory-mapped.

A prepared set is a folder ``prepared-...`` of arrays. Its name contains a fingerprint of the
source files: the same files are not read again, and changed files give another folder.
"""

import errno
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex

import numpy as np

from neural_networks.datasets.files.catalogue import CATALOGUE, RemoteFile
from neural_networks.datasets.files.folders import VARIABLE, data_folders, home_folder
from neural_networks.utils.files import display_path, read_json

VERSION = 1
"""Format of prepared sets; raise it when the format changes."""

ABOUT = "about.json"

PACKED = (".zip", ".7z", ".rar", ".xz", ".bz2", ".zst")
"""Suffixes of archives that are not read."""

Arrays = dict[str, np.ndarray]


def load_prepared(
    dataset: str,
    variant: str,
    sources: Sequence[Path] | None,
    convert: Callable[[Path, Sequence[Path]], None],
) -> Arrays:
    """Load the arrays of a prepared set, memory-mapped; prepares the set first if needed.

    Parameters
    ----------
    dataset : str
    variant : str
        Name of one of the dataset's versions, such as a size; may be empty.
    sources : sequence of Path or None
        The publisher's files. Without them, the newest set prepared before is used.
    convert : function
        Called as ``convert(folder, sources)``; writes ``.npy`` files into the folder.

    Raises
    ------
    FileNotFoundError
        If neither the files nor a prepared set are found.
    ValueError
        If a file is damaged.
    OSError
        If the folder cannot be written.
    """
    folder = find_prepared(dataset, variant, sources)
    if folder is None:
        if sources is None:
            raise FileNotFoundError(download_hint(dataset, variant))
        folder = _prepare(dataset, variant, sources, convert)
    return _open(folder)


def _open(folder: Path) -> Arrays:
    """Open the arrays of a prepared set, memory-mapped."""
    try:
        names = read_json(folder / ABOUT, ABOUT)["arrays"]
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    except (EOFError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"the prepared set {folder} is damaged ({error}): delete that folder, and it is "
            "prepared again"
        ) from None


def find_prepared(dataset: str, variant: str | None, sources: Sequence[Path] | None) -> Path | None:
    """Find the folder of a set prepared from these sources; without sources, the newest.

    With ``variant=None``, a set of any variant.
    """
    pattern = _folder_name(variant, "*" if sources is None else fingerprint(sources))
    found = [
        path
        for data in data_folders()
        for path in (data / dataset).glob(pattern)
        if (path / ABOUT).is_file()
    ]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _folder_name(variant: str | None, key: str) -> str:
    return "-".join(filter(None, ("prepared", variant, key)))


def fingerprint(sources: Sequence[Path]) -> str:
    """A short hash of the files' names, sizes and modification times."""
    facts = []
    for path in sources:
        status = path.stat()
        facts.append([path.name, status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps([VERSION, facts]).encode()).hexdigest()[:8]


def _prepare(
    dataset: str,
    variant: str,
    sources: Sequence[Path],
    convert: Callable[[Path, Sequence[Path]], None],
) -> Path:
    """Convert sources into a new folder, which appears only when complete."""
    home = home_folder(dataset)
    home.mkdir(parents=True, exist_ok=True)
    wanted = home / _folder_name(variant, fingerprint(sources))
    # In the same folder, under a name that find_prepared does not match.
    partial = home / f".being-{token_hex(8)}"
    partial.mkdir()
    try:
        convert(partial, sources)
        notes = _describe(partial, dataset, sources)
        _move(partial, wanted)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(
                f"no space left in {display_path(home)} to prepare {dataset}: free some space, or "
                f"set {VARIABLE} to another folder"
            ) from None
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(
        f"Prepared {dataset}, once, in {display_path(wanted)}.", *notes, sep="\n", file=sys.stderr
    )
    return wanted


def _describe(folder: Path, dataset: str, sources: Sequence[Path]) -> list[str]:
    """Write the description of a prepared set; return the notes on its sources."""
    notes = [note for path in sources if (note := provenance_note(dataset, path))]
    about = {
        "version": VERSION,
        "arrays": sorted(path.stem for path in folder.glob("*.npy")),
        "sources": [str(path) for path in sources],
        "notes": notes,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return notes


def _move(partial: Path, wanted: Path) -> None:
    """Rename a complete folder, unless another process has prepared the same set."""
    try:
        partial.rename(wanted)
    except OSError:
        if not (wanted / ABOUT).is_file():
            raise


def provenance_note(dataset: str, path: Path) -> str:
    """A note if the file differs from the published one; otherwise empty."""
    for file in CATALOGUE[dataset].files:
        if file.name == path.name and not is_published(path, file):
            return f"{display_path(path)} differs from the published file; it was read anyway."
    return ""


def is_published(path: Path, file: RemoteFile) -> bool:
    """True if a file is identical to the published one."""
    if path.stat().st_size != file.size:  # saves hashing gigabytes
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def download_hint(dataset: str, variant: str = "") -> str:
    """The error message for a missing dataset, with the ways to get it."""
    info = CATALOGUE[dataset]
    folders = " or ".join(display_path(folder / dataset) for folder in data_folders())
    if not info.files:
        files = next(names for names in info.originals if names[0].startswith(variant))
        return (
            f"the dataset {dataset!r} is not here: it is {info.source}; put {', '.join(files)} "
            f"into {folders}{_not_read(dataset)}"
        )
    size = sum(file.size for file in info.files) / 1e6
    names = ", ".join(file.name for file in info.files)
    return (
        f"the dataset {dataset!r} is not here: 'python -m neural_networks datasets download "
        f"{dataset}' fetches it ({size:,.0f} MB); or put {names} into {folders}, or set "
        f"{VARIABLE} to the folder of your data{_not_read(dataset)}"
    )


def _not_read(dataset: str) -> str:
    """A hint at a file of the dataset in a form that is not read; empty if there is none."""
    for data in data_folders():
        for path in sorted((data / dataset).glob("*")):
            if path.suffix in PACKED:
                return f"; {display_path(path)} must be unpacked first"
            if "-py" in path.name:  # cifar-10-python.tar.gz, cifar-10-batches-py
                return f"; {display_path(path)} holds Python's pickles, which are not read"
    return ""
