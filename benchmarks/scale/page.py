"""The page of the documentation: what was measured, between two marks."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.scale import figures
from benchmarks.scale.point import Point
from benchmarks.scale.words import origin, sentence, summary, table
from neural_networks.utils.files import atomic_write

BEGIN = "<!-- measured by python -m benchmarks.scaling --write-docs -->"
END = "<!-- end of what was measured -->"
WIDTH = 99


def measured(results: Mapping[str, Sequence[Point]], seed: int, seconds: float) -> str:
    """The text between the marks: table, sentences, machine."""
    items = [sentence(name, points) for name, points in results.items()]
    parts = ["\n".join(table(results)), "\n".join(map(wrapped, items))]
    parts += map(wrapped, [*summary(results), origin(seed, seconds)])
    return "\n\n".join(parts)


def wrapped(text: str) -> str:
    """A paragraph, or an item of a list, in lines of at most 99 characters."""
    indent = "  " if text.startswith("- ") else ""
    lines = textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)


def replaced(page: str, text: str) -> str:
    """A page with another text between its marks.

    Raises
    ------
    ValueError
        If the page does not have both marks, once and in this order.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must have the lines {BEGIN!r} and {END!r}, once each")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def write(
    path: Path, results: Mapping[str, Sequence[Point]], seed: int, seconds: float
) -> list[Path]:
    """Write the page and its figures, in ``figures/`` beside it; returns the files."""
    page = replaced(path.read_text(encoding="utf-8"), measured(results, seed, seconds))
    drawn = [
        figures.write(path.parent / "figures", name, points) for name, points in results.items()
    ]
    with atomic_write(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return [path, *drawn]
