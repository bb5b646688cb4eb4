"""Docstrings without what they say of arguments and methods that are gone."""

import re
from collections.abc import Iterable, Iterator

import libcst as cst

ENTRIES = ("Parameters", "Attributes", "Returns", "Yields", "Raises")
"""Sections of entries, each a line with its indented description."""

NAMED = ("Parameters", "Attributes")


def trim(text: cst.SimpleString, gone: Iterable[str], words: Iterable[str]) -> cst.SimpleString:
    """Remove entries and paragraphs from a docstring; never its first paragraph.

    Parameters
    ----------
    text : SimpleString
        The docstring.
    gone : iterable of str
        Names whose entries in ``Parameters`` and ``Attributes`` go.
    words : iterable of str
        An entry or a paragraph that mentions one of them in double backticks goes.
    """
    gone, words = set(gone), set(words)
    if not gone and not words:
        return text
    quotes, prefix = text.quote, text.prefix
    inner = text.value[len(prefix) + len(quotes) : -len(quotes)]
    new = trimmed(inner, gone, words)
    return text if new == inner else text.with_changes(value=f"{prefix}{quotes}{new}{quotes}")


def trimmed(inner: str, gone: set[str], words: set[str]) -> str:
    """The text between the quotes of a docstring, without what is gone."""
    lines = inner.split("\n")
    end = lines.pop() if len(lines) > 1 and not lines[-1].strip() else None
    summary, *rest = _sections(lines)
    paragraphs = list(_paragraphs(summary))
    kept = paragraphs[:1] + [part for part in paragraphs[1:] if not _mentions(part, words)]
    result = [line for part in kept for line in part]
    for section in rest:
        header, body = section[:2], section[2:]
        units = _entries(body) if header[0].strip() in ENTRIES else _paragraphs(body)
        named = gone if header[0].strip() in NAMED else set()
        parts = [unit for unit in units if not _mentions(unit, words)]
        parts = [part for unit in parts if (part := _without_names(unit, named))]
        if any(line.strip() for part in parts for line in part):
            result += [""] if result[-1].strip() and header[0] != lines[0] else []
            result += header + [line for part in parts for line in part]
    if result != lines:
        while len(result) > 1 and not result[-1].strip():
            result.pop()
    return "\n".join(result if end is None else [*result, end])


def _sections(lines: list[str]) -> Iterator[list[str]]:
    """The lines before the first header, and those of each section."""
    part: list[str] = []
    for i, line in enumerate(lines):
        below = lines[i + 1].strip() if i + 1 < len(lines) else ""
        if line.strip() and re.fullmatch("-{3,}", below):
            yield part
            part = []
        part.append(line)
    yield part


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    """Paragraphs, each with the blank lines below it."""
    part: list[str] = []
    for line in lines:
        if part and line.strip() and not part[-1].strip():
            yield part
            part = []
        part.append(line)
    yield part


def _entries(lines: list[str]) -> Iterator[list[str]]:
    """Entries: a line, and the lines below it that are indented further, or blank."""
    part: list[str] = []
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    for line in lines:
        starts = line.strip() and len(line) - len(line.lstrip()) == min(indents)
        if part and starts:
            yield part
            part = []
        part.append(line)
    yield part


def _mentions(lines: list[str], words: set[str]) -> bool:
    """True if one of the words occurs in double backticks."""
    quoted = re.findall(r"``([^`]+)``", "\n".join(lines))
    return any(words & set(re.findall(r"\w+", text)) for text in quoted)


def _without_names(entry: list[str], gone: set[str]) -> list[str]:
    """An entry without the names that are gone; empty if no name is left."""
    names, colon, kind = entry[0].partition(" : ")
    known = [name.strip() for name in names.split(",")]
    kept = [name for name in known if name not in gone]
    if len(kept) == len(known):
        return entry
    indent = names[: len(names) - len(names.lstrip())]
    return [f"{indent}{', '.join(kept)}{colon}{kind}", *entry[1:]] if kept else []
