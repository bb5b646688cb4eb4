"""The files of an archive (zip) that is handed in: listed and read, and never unpacked.

No size or name in it is believed. What cannot be taken has a reason, in words for the student.
"""

import io
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from course.autograder.hand_ins.folders import (
    MOST_DEPTH,
    NO_LINK,
    Refused,
    Source,
    is_junk,
    unfit,
)

LARGEST_DIRECTORY = 8_000_000
"""Bytes of an archive's table of contents, about 100,000 files."""


class Archive(Source):
    """An archive (zip), of which single files are read.

    Parameters
    ----------
    file : binary file
        Closed with the archive.

    Raises
    ------
    Refused
        If it is damaged, or no zip file.
    """

    def __init__(self, file: io.RawIOBase) -> None:
        self.entries: dict[str, str] = {}
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._file = _Careful(file)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except Exception as error:  # zipfile raises what it happens to: struct.error, OSError, ...
            self._file.close()
            raise Refused(f"no zip archive, or a damaged one ({_text(error)})") from None
        for member in self._zip.infolist():
            self._add(member)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()

    @contextmanager
    def open_file(self, path: str) -> Iterator[IO[bytes]]:
        """A file of the archive, open; ``Refused`` if it is damaged."""
        try:
            with self._zip.open(self._members[path]) as file:
                yield file
        except Refused:
            raise
        except Exception as error:  # as above: BadZipFile, zlib.error, EOFError, RuntimeError, ...
            raise Refused(f"damaged in the archive ({_text(error)})") from None

    def _add(self, member: zipfile.ZipInfo) -> None:
        """Add a file, with the reason why it cannot be taken, if there is one."""
        parts = [part for part in member.filename.split("/") if part != "."]
        path = "/".join(parts)
        if member.filename.endswith("/") or any(map(is_junk, parts)):
            return
        reason = unfit(path) or _unfit_member(member)
        if {"", ".."} & set(parts) or re.match("[A-Za-z]:", path):
            reason = "its name leaves the archive's folder"
        elif path in self.entries:
            reason = "it is in the archive twice"
        elif len(parts) > MOST_DEPTH:
            reason = "too many folders inside one another"
        self.entries[path], self._members[path] = reason, member


class _Careful(io.BufferedReader):
    """A file of which no more is read at once than a table of contents may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        asked = -1 if size is None else size
        if asked > LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("too many files")
        return super().read(asked if asked >= 0 else LARGEST_DIRECTORY)


def _unfit_member(member: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return NO_LINK
    if member.flag_bits & 0x1:
        return "encrypted"
    # The others may unpack to any size at once.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed in a way that is not supported"
    return "its name has a NUL" if "\0" in member.orig_filename else ""


def _text(error: Exception) -> str:
    """The text of an error of an archive, in one short line."""
    text = "".join(c for c in str(error) if c.isprintable())
    return text[:80] or type(error).__name__
