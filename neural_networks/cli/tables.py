"""Tables of text: for a console, for Markdown, for LaTeX."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

MARKDOWN = {character: f"\\{character}" for character in r"\`*_[]|"} | {"<": "&lt;", "&": "&amp;"}
LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


class Table(NamedTuple):
    """A table with a title.

    Attributes
    ----------
    title : str
    columns : list of str
    rows : list of list
        Text, numbers, or None for an empty cell.
    """

    title: str
    columns: list[str]
    rows: list[list[Any]]

    @property
    def is_numeric(self) -> list[bool]:
        """True for each column that holds numbers."""
        cells = zip(*self.rows, strict=True)
        return [all(x is None or is_number(x) for x in column) for column in cells]


def is_number(value: object) -> bool:
    """True for a number, but not for True or False."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell(value: object) -> str:
    """A cell as text in one line: four digits of a fraction, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "".join(map(printable, str(value)))


def printable(character: str) -> str:
    """A character; its number if a console would not show it, as of the end of a line."""
    is_shown = character.isprintable()
    return character if is_shown else character.encode("unicode_escape").decode()


def escaped(value: object, table: dict[str, str]) -> str:
    """A cell with some characters replaced."""
    return "".join(table.get(character, character) for character in cell(value))


def as_text(table: Table) -> str:
    """A table for a console: its title, then aligned columns."""
    lines = [table.columns, *[[cell(value) for value in row] for row in table.rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numeric = table.is_numeric
    text = [
        "  ".join(
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([cell(table.title), *(f"  {line}" for line in text)])


def as_markdown(table: Table) -> str:
    """A table for Markdown."""
    rules = ["---:" if right else "---" for right in table.is_numeric]
    rows = [table.columns, *table.rows]
    header, *body = [[escaped(value, MARKDOWN) for value in row] for row in rows]
    lines = [f"| {' | '.join(line)} |" for line in [header, rules, *body]]
    return "\n".join([f"**{escaped(table.title, MARKDOWN)}**", "", *lines])


def as_latex(table: Table) -> str:
    """A table for LaTeX, without packages."""
    alignment = "".join("r" if right else "l" for right in table.is_numeric)
    rows = [table.columns, *table.rows]
    lines = [" & ".join(escaped(value, LATEX) for value in row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            f"\\caption{{{escaped(table.title, LATEX)}}}",
            r"\centering",
            f"\\begin{{tabular}}{{{alignment}}}",
            r"\hline",
            lines[0],
            r"\hline",
            *lines[1:],
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


FORMATS: dict[str, Callable[[Table], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "latex": as_latex,
}


def render(tables: Iterable[Table], form: str) -> str:
    """Tables one after the other, in one of FORMATS."""
    return "\n\n".join(map(FORMATS[form], tables))
