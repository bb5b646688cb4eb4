"""The files of a folder that is handed in: listed and read, whatever is in there.

No link is followed, and no size is believed. What cannot be taken has a reason, in words for the
student.
"""

import errno
import heapq
import io
import os
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

MOST_ENTRIES, MOST_DEPTH = 200_000, 20
"""Files and folders that are listed, and folders inside one another."""

LARGEST_ARCHIVE = 100_000_000
"""Bytes of an archive inside a hand-in."""

PACKAGE = "neural_networks"
OF_PROGRAMS = ("__MACOSX", "__pycache__", "node_modules", "site-packages")
NO_LINK = "a link, or no regular file"

_FLAGS = sum(getattr(os, f"O_{name}", 0) for name in ("NOFOLLOW", "NONBLOCK", "CLOEXEC", "BINARY"))
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
Where = int | Path
"""An open folder: its descriptor; or its path, where there are none (Windows)."""


class Refused(ValueError):
    """A file that is not taken; the text is the reason."""


class Source(ABC):
    """The files of a folder or an archive.

    ``entries`` has a reason for each path, with slashes, that cannot be taken, and an empty string
    for each that can be read.
    """

    entries: dict[str, str]

    @abstractmethod
    def open_file(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """A file, open; ``Refused`` if it cannot be read."""

    @abstractmethod
    def close(self) -> None:
        """Close all files."""

    def read(self, path: str, most: int) -> bytes:
        """Read a file; ``Refused`` if it is larger than ``most`` bytes, or cannot be read."""
        with self.open_file(path) as file:
            return whole(file, most)

    def copy(self, path: str) -> io.FileIO:
        """A temporary copy of an archive; ``Refused`` if it is too large or cannot be read."""
        with self.open_file(path) as file:
            return temporary(file)


class Folder(Source):
    """A folder; each of its files is reached step by step, so that no link is followed.

    Parameters
    ----------
    path : Path
    only : str
        The name of a file in it, if that is all to be looked at.
    """

    def __init__(self, path: Path, only: str = "") -> None:
        self.entries: dict[str, str] = {}
        self._root: Where = path
        if _HAS_DESCRIPTORS:
            self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
        if only:
            self.entries[only] = unfit(only)
        else:
            self._list()

    def close(self) -> None:
        """Close the folder."""
        if isinstance(self._root, int):
            os.close(self._root)

    @contextmanager
    def open_file(self, path: str) -> Iterator[IO[bytes]]:
        """A regular file, open."""
        *folders, name = path.split("/")
        try:
            with self._inside(folders) as folder, opened_at(name, folder) as file:
                yield file
        except OSError as error:
            raise Refused(f"cannot be read: {error.strerror}") from None

    @contextmanager
    def _inside(self, folders: list[str]) -> Iterator[Where]:
        """A folder below, opened."""
        if isinstance(self._root, Path):
            for depth in range(1, len(folders) + 1):
                if not stat.S_ISDIR(os.lstat(self._root.joinpath(*folders[:depth])).st_mode):
                    raise Refused(NO_LINK)
            yield self._root.joinpath(*folders)
            return
        folder = os.dup(self._root)
        try:
            for name in folders:
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    def _list(self) -> None:
        """List all files: the package's first, then those of the folders nearest to the root."""
        queue: list[tuple[bool, int, list[str]]] = [(True, 0, [])]
        left = MOST_ENTRIES
        while queue and left:
            _, depth, folders = heapq.heappop(queue)
            path = "".join(f"{name}/" for name in folders)
            try:
                with self._inside(folders) as folder, os.scandir(folder) as entries:
                    found = sorted((e.name, _kind(e)) for e in islice(entries, left + 1))
            except OSError as error:
                if not folders:
                    raise
                self.entries[path] = f"cannot be read: {error.strerror}"
                continue
            left = max(0, left - len(found))
            if depth > MOST_DEPTH or not left:
                self.entries[path] = "too many files or folders to look at"
            elif folders and ("pyvenv.cfg", "file") in found:
                self.entries[path] = "a virtual environment"
            else:
                for name in self._add(path, found):
                    inside = [*folders, name]
                    heapq.heappush(queue, (PACKAGE not in inside, len(inside), inside))

    def _add(self, path: str, found: list[tuple[str, str]]) -> list[str]:
        """Add the files of a folder; returns the names of the folders in it."""
        below = []
        for name, kind in found:
            if is_junk(name):
                continue
            if kind == "folder":
                below.append(name)
            else:
                self.entries[path + name] = NO_LINK if kind == "other" else unfit(name)
        return below


def opened(path: Path) -> io.FileIO:
    """Open a regular file that someone has named; ``OSError`` if it is none."""
    descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    file = io.FileIO(descriptor)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def opened_at(name: str, folder: Where) -> IO[bytes]:
    """Open a file of an open folder for reading: a regular one, with one name."""
    if isinstance(folder, int):
        descriptor = os.open(name, os.O_RDONLY | _FLAGS, dir_fd=folder)
    else:
        if not stat.S_ISREG(os.lstat(folder / name).st_mode):
            raise Refused(NO_LINK)
        descriptor = os.open(folder / name, os.O_RDONLY | _FLAGS)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise Refused(NO_LINK if not stat.S_ISREG(status.st_mode) else "a hard link")
    return os.fdopen(descriptor, "rb")


def is_junk(name: str) -> bool:
    """True for hidden files, those of macOS and Windows, and folders of programs."""
    is_hidden = name.startswith(".") and name != ".."
    return is_hidden or name in (*OF_PROGRAMS, "Thumbs.db", "desktop.ini")


def unfit(path: str) -> str:
    """The reason why a name cannot be taken, or an empty string."""
    if not path.isprintable():
        return "its name has characters that cannot be printed"
    return "its name has a backslash" if "\\" in path else ""


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "other"


def whole(file: IO[bytes], most: int) -> bytes:
    """All of a file; ``Refused`` if it is larger than ``most`` bytes."""
    data = file.read(most + 1)
    if len(data) > most:
        raise Refused(f"larger than {most / 1e6:g} MB")
    return data


def temporary(file: IO[bytes]) -> io.FileIO:
    """A temporary copy of an archive; ``Refused`` if it is too large."""
    copy: io.FileIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - the caller closes it
    left = LARGEST_ARCHIVE
    while left >= 0 and (data := file.read(1_000_000)):
        copy.write(data)
        left -= len(data)
    if left < 0:
        copy.close()
        raise Refused(f"larger than {LARGEST_ARCHIVE / 1e6:g} MB")
    return copy
