"""Form of a CSV file: its separator, decimal sign and encoding."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from neural_networks.datasets.files.formats import open_with_progress
from neural_networks.utils.factories import suggestion

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
"""Separators by the names that options may have instead of the character."""

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""First bytes of a text file, and the encodings that they tell without doubt."""

ZIP = b"PK\x03\x04"
"""First bytes of a ZIP archive, and of a spreadsheet."""


@dataclass(frozen=True)
class Dialect:
    """Form of a CSV file.

    Attributes
    ----------
    sep : str
        The character between two cells. Blanks after it do not count.
    decimal : str
        ``"."`` or ``","``.
    encoding : str
        Python's name of the encoding.
    """

    sep: str = ","
    decimal: str = "."
    encoding: str = "utf-8"


PLAIN = Dialect()


def separator(value: object) -> str:
    """The option ``sep`` as a character; ``ValueError`` if it is not one, or its name."""
    text = SEPARATORS.get(value, value) if isinstance(value, str) else ""
    text = "\t" if text == "\\t" else text
    if len(text) != 1 or text.isalnum() or text in "\"'\r\n.+-_":
        hint = suggestion(value, SEPARATORS)
        raise ValueError(
            f"sep must be a character that separates cells, or one of {', '.join(SEPARATORS)}, "
            f"got {value!r}{hint}"
        )
    return text


def separator_name(sep: str) -> str:
    """The name of a separator, such as ``semicolon``, or the character itself in quotes."""
    return next((name for name, known in SEPARATORS.items() if known == sep), repr(sep))


def decimal_sign(value: object) -> str:
    """The option ``decimal``: ``.`` or ``,``, or their names; ``ValueError`` for another."""
    signs = {"point": ".", "comma": ",", ".": ".", ",": ","}
    if not isinstance(value, str) or value not in signs:
        raise ValueError(f"decimal must be '.' or ',', got {value!r}")
    return signs[value]


def text_encoding(value: object) -> str:
    """The option ``encoding`` as Python's own name; ``ValueError`` if it is not an encoding."""
    try:
        info = codecs.lookup(value if isinstance(value, str) else "")
        "1".encode(info.name)  # those of bytes, such as hex, are refused
    except (LookupError, ValueError):
        raise ValueError(
            f"encoding must be one such as utf-8, latin-1 or cp1252, got {value!r}"
        ) from None
    return info.name


def encoding_of(path: Path, usual: str = PLAIN.encoding) -> str:
    """The encoding that the first bytes of a file tell; ``usual`` if they do not tell one.

    Raises
    ------
    ValueError
        If it is not a text file, or in UTF-16 without its mark.
    """
    head = _head(path)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    if head.startswith(ZIP):
        raise ValueError(f"{path} is a ZIP archive or a spreadsheet: save the table as CSV")
    if not usual.startswith(("utf-16", "utf-32")):
        for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            zeros, others = head[start::2].count(0), head[1 - start :: 2].count(0)
            if zeros > len(head) / 4 and not others:
                raise ValueError(
                    f"{path} seems to be UTF-16 without a byte order mark: encoding={encoding} "
                    "reads it as such"
                )
    return usual


def is_utf8(path: Path) -> bool:
    """True if a file is text in UTF-8 beyond doubt: it has other characters than those of ASCII."""
    decode, other = codecs.getincrementaldecoder("utf-8")().decode, False
    with open_with_progress(path, path.name) as file:
        try:
            while data := file.read(2**20):
                other = other or not data.isascii()
                decode(data)
            decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return other


def _head(path: Path) -> bytes:
    """The first bytes of a file, unpacked if it is compressed."""
    with open_with_progress(path, path.name) as file:
        return file.read(4096)


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a file for sequential reading as text; a byte that is not text is a ``ValueError``."""
    # Spreadsheets may write a byte order mark.
    encoding = "utf-8-sig" if encoding == PLAIN.encoding else encoding
    with open_with_progress(path, path.name) as file, as_text(file, encoding) as text:
        try:
            yield text
        except UnicodeError:
            raise not_text(path, encoding) from None


@contextmanager
def as_text(file: BinaryIO, encoding: str) -> Iterator[TextIO]:
    """A file of bytes as one of text, with the ends of its lines as they are."""
    stream: Any = file  # it reads like one
    text = io.TextIOWrapper(stream, encoding, newline="")
    try:
        yield text
    finally:
        text.detach()  # the file is closed elsewhere


def not_text(path: Path, encoding: str) -> ValueError:
    """The error about a file that does not have an encoding; it names the line and the byte."""
    name = "UTF-8" if encoding in ("utf-8", "utf-8-sig") else encoding
    where = hint = ""
    if name == "UTF-8":
        hint = "; encoding=latin-1 or encoding=cp1252 reads a table of an older program"
    if not name.startswith(("utf-16", "utf-32")):  # whose lines do not end at a byte
        if b"\0" in _head(path):
            return ValueError(f"{path} is not a text file")
        with open_with_progress(path, path.name) as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode(encoding)
                except UnicodeDecodeError as error:
                    where = f": line {number} has the byte 0x{line[error.start]:02x}"
                    break
    return ValueError(f"{path} is not text in the encoding {name}{where}{hint}")
