"""Publishers' files, converted once to ``.npy`` files that are read through memory maps.

A prepared set is a folder ``prepared-...`` of arrays. Its name holds a fingerprint of the files
that it was made from: other files make another folder, and the same ones are not read again.
"""

import errno
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from neural_networks.datasets.files.catalogue import CATALOGUE, RemoteFile
from neural_networks.datasets.files.folders import VARIABLE, data_folders, home_folder
from neural_networks.utils.files import display_path

VERSION = 1
"""To be raised when what is prepared changes."""

ABOUT = "about.json"

Arrays = dict[str, np.ndarray]


def prepared(
    dataset: str,
    variant: str,
    sources: Sequence[Path] | None,
    convert: Callable[[Path, Sequence[Path]], None],
) -> Arrays:
    """The arrays of a dataset by name, mapped from files; prepared first if need be.

    Parameters
    ----------
    dataset : str
    variant : str
        Which of several sets of that name; may be empty.
    sources : sequence of Path or None
        The publisher's files. Without them, what has been prepared before is used.
    convert : function
        Called with a folder, to be filled with ``.npy`` files, and the sources.

    Raises
    ------
    FileNotFoundError
        If there are neither files nor a prepared set.
    ValueError
        If a file is damaged.
    OSError
        If the folder cannot be written.
    """
    folder = find_prepared(dataset, variant, sources)
    if folder is None:
        if sources is None:
            raise FileNotFoundError(how_to_get(dataset, variant))
        folder = _prepare(dataset, variant, sources, convert)
    return _open(folder)


def _open(folder: Path) -> Arrays:
    """The arrays of a prepared set, as maps of their files."""
    try:
        names = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["arrays"]
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    except (EOFError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"the prepared set {folder} is damaged ({error}): delete that folder, and it is made "
            "anew"
        ) from None


def find_prepared(dataset: str, variant: str | None, sources: Sequence[Path] | None) -> Path | None:
    """The folder of a set prepared from these sources; without them, the newest one.

    Without a variant, it may be any.
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
    """A short text that differs when files do: in name, size or time of change."""
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
    """Convert sources into a new folder, which appears when it is complete."""
    home = home_folder(dataset)
    home.mkdir(parents=True, exist_ok=True)
    wanted = home / _folder_name(variant, fingerprint(sources))
    # Beside it, and with a name that no search finds.
    partial = Path(tempfile.mkdtemp(prefix=".being-", dir=home))
    try:
        convert(partial, sources)
        notes = _describe(partial, dataset, sources)
        partial.chmod(0o755)
        _move(partial, wanted)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(
                f"there is no space left in {display_path(home)} to prepare {dataset}: make some, "
                f"or let {VARIABLE} name another folder"
            ) from None
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(
        f"Prepared {dataset}, once, in {display_path(wanted)}.", *notes, sep="\n", file=sys.stderr
    )
    return wanted


def _describe(folder: Path, dataset: str, sources: Sequence[Path]) -> list[str]:
    """Write what a prepared set was made from; what is to be said about that."""
    notes = [note for path in sources if (note := doubt(dataset, path))]
    about = {
        "version": VERSION,
        "arrays": sorted(path.stem for path in folder.glob("*.npy")),
        "sources": [str(path) for path in sources],
        "notes": notes,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return notes


def _move(partial: Path, wanted: Path) -> None:
    """Put a complete folder in its place, unless another process was faster."""
    try:
        partial.rename(wanted)
    except OSError:
        if not (wanted / ABOUT).is_file():
            raise


def doubt(dataset: str, path: Path) -> str:
    """Why a file is not what its publisher offers; empty if it is, or if nothing is known."""
    for file in CATALOGUE[dataset].files:
        if file.name == path.name and not is_publishers(path, file):
            return f"{display_path(path)} is not the publisher's file; it was read as it is."
    return ""


def is_publishers(path: Path, file: RemoteFile) -> bool:
    """Whether a file is, byte for byte, what its publisher offers."""
    if path.stat().st_size != file.size:  # and there is no need to read gigabytes
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def how_to_get(dataset: str, variant: str = "") -> str:
    """What to do about a dataset that is not there."""
    card = CATALOGUE[dataset]
    folders = " or ".join(display_path(folder / dataset) for folder in data_folders())
    if not card.files:
        files = next(names for names in card.originals if names[0].startswith(variant))
        return (
            f"the dataset {dataset!r} is not here: it is {card.source}; put {', '.join(files)} "
            f"into {folders}"
        )
    size = sum(file.size for file in card.files) / 1e6
    names = ", ".join(file.name for file in card.files)
    return (
        f"the dataset {dataset!r} is not here: 'python -m neural_networks datasets download "
        f"{dataset}' fetches it ({size:,.0f} MB); or put {names} into {folders}, or let "
        f"{VARIABLE} name the folder of your data"
    )
