"""The page of the documentation: what was measured, between two marks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.page import around_section, wrapped
from benchmarks.scale import figures
from benchmarks.scale.point import Point
from benchmarks.scale.words import origin, sentence, summary, table
from neural_networks.utils.files import atomic_write

BEGIN = "<!-- measured by python -m benchmarks.scaling --write-docs -->"
END = "<!-- end of what was measured -->"


def measured(results: Mapping[str, Sequence[Point]], seed: int, seconds: float) -> str:
    """The text between the marks: table, sentences, machine."""
    items = [line for name, points in results.items() for line in wrapped(sentence(name, points))]
    paragraphs = map(wrapped, [*summary(results), origin(seed, seconds)])
    return "\n\n".join(map("\n".join, [table(results), items, *paragraphs]))


def replaced(page: str, text: str) -> str:
    """A page with another text between its marks.

    Raises
    ------
    ValueError
        If the page does not have both marks, once and in this order.
    """
    around = around_section(page, BEGIN, END)
    if around is None:
        raise ValueError(f"the page must have the lines {BEGIN!r} and {END!r}, once each")
    return f"\n\n{text}\n\n".join(around)


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
