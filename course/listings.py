"""The parts of a code appendix: sections, and listings of lines of a file."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from course.parsing import Definition, Source

MARK = "Written by generate_submission.py, which replaces this file: edit your code instead"


@dataclass(frozen=True)
class Listing:
    """Lines of code, or of output, and what stands above them.

    ``name`` is a file or a command, ``place`` the lines of the file: ``", lines 3-9"``.
    """

    title: str
    name: str
    place: str
    code: tuple[str, ...]
    is_python: bool = True


@dataclass(frozen=True)
class Section:
    """A heading, and the listings and sentences below it."""

    heading: str
    parts: tuple[Listing | str, ...]


@dataclass(frozen=True)
class Appendix:
    """A code appendix.

    ``problems`` are to be mended and ``notes`` to be known, in a line each. Of the exercises that
    are ``asked`` for, so many are ``written``.
    """

    title: str
    author: str
    sections: tuple[Section, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    written: int
    asked: int

    @property
    def listings(self) -> list[Listing]:
        """The listings of all sections."""
        return [part for s in self.sections for part in s.parts if isinstance(part, Listing)]


def printable(text: str) -> str:
    r"""Text in one line: what is invisible as ``\x1b``, without byte-order marks and feeds."""
    text = text.replace("\ufeff", "").replace("\f", "")
    return "".join(map(_visible, text))


def _visible(c: str) -> str:
    if c == "\t" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return c
    return f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{ord(c):04x}"


def of_definitions(title: str, source: Source, found: Iterable[Definition]) -> Listing:
    """A listing of definitions in the order of the file; a method comes with its class's line."""
    ranges = set()
    for definition in found:
        ranges.add((definition.first, definition.last))
        cls = definition.name.rpartition(".")[0]
        ranges |= {(d.first, d.header) for d in source.definitions if cls and d.name == cls}
    joined = join(sorted(ranges))
    code: list[str] = []
    for first, last in joined:
        follows = not code or code[-1].rstrip().endswith(":") or not code[-1].strip()
        code += [] if follows else [""]
        code += source.lines[first - 1 : last]
    return Listing(title, source.file, place(joined), tuple(code))


def of_file(title: str, source: Source) -> Listing:
    """A listing of a whole file."""
    why = "" if source.tree else ", as it does not parse"
    return Listing(title, source.file, f", the whole file{why}", source.lines)


def join(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted ranges of lines, with those that touch made one."""
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def place(ranges: Iterable[tuple[int, int]]) -> str:
    """Ranges of lines in words: ``", lines 3, 5-9"``."""
    words = [str(a) if a == b else f"{a}-{b}" for a, b in ranges]
    return f", line{'s' * (len(words) > 1 or '-' in words[0])} {', '.join(words)}"
