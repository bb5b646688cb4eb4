"""The page about speed, docs/performance.md: its tables, its chart and the results behind them.

Its prose is written by hand. Each table lies between two comments, ``<!-- rows -->`` and
``<!-- end of rows -->``, and a command replaces what is between them. This one writes the table of
rows and the chart once more, from the results in docs/figures/performance.json.
"""

import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness import Result
from benchmarks.rows import ROWS
from benchmarks.tables import Facts, markdown, measured
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import atomic_write, check_output, read_json, repository

DOCS = repository() / "docs"
WIDTH = 99
MACHINE = "cpu", "cores"
"""The facts that are the same for two runs on one machine."""


class PageError(Exception):
    """There is no page, or the page lacks what is to be replaced."""


class Run(NamedTuple):
    """The results of one call of the command."""

    facts: Facts
    results: list[Result]

    def as_dict(self) -> dict[str, Any]:
        """The run for a JSON file."""
        return {**self.facts, "rows": [asdict(result) for result in self.results]}


def run_from(content: dict[str, Any]) -> Run:
    """The run in the content of a JSON file; rows that exist no more are left out."""
    facts = {key: value for key, value in content.items() if key != "rows"}
    return Run(facts, [Result(**row) for row in content["rows"] if row["row"] in ROWS])


class Page:
    """The page with its chart and results.

    Parameters
    ----------
    folder : Path
        The folder of the page, ``docs`` or a copy of it.
    section : str
        The section to write.

    Raises
    ------
    PageError
        If there is no such page, or the page has no such section.
    OSError
        If its files cannot be written.
    """

    def __init__(self, folder: Path, section: str = "rows") -> None:
        self.text = folder / "performance.md"
        self.chart = folder / "figures" / "performance.png"
        self.results = folder / "figures" / "performance.json"
        if not self.text.is_file():
            raise PageError(f"there is no page {self.text}")
        self.section = section
        self.around()
        for path in (self.text, self.chart, self.results):
            check_output(path)

    def runs(self) -> list[Run]:
        """The runs whose results the page shows."""
        if not self.results.exists():
            return []
        return [run_from(content) for content in read_json(self.results, str(self.results))]

    def refuses(self, facts: Facts) -> str:
        """The reason that a part of the rows does not go into the page; empty if it does.

        The page then has rows of another machine than that of these facts.
        """
        for run in self.runs():
            if any(run.facts[key] != facts[key] for key in MACHINE):
                other = f"{run.facts['cores']} cores of {run.facts['cpu']}"
                return (
                    f"{self.text} stays as it is: a part of the rows does not go beside those of "
                    f"another machine ({other})"
                )
        return ""

    def write_rows(self, run: Run, part: bool) -> None:
        """Write a run into the table, the chart and the file of results.

        Parameters
        ----------
        run : Run
        part : bool
            If True, the results of rows that the run has not measured stay.
        """
        new = {(result.row, result.kernels) for result in run.results}
        runs = []
        for old in self.runs() if part else ():
            rest = [one for one in old.results if (one.row, one.kernels) not in new]
            if rest:
                runs.append(Run(old.facts, rest))
        runs.append(run)
        self.show(runs)
        content = json.dumps([one.as_dict() for one in runs], indent=1, ensure_ascii=False)
        with atomic_write(self.results) as partial:
            partial.write_text(content + "\n", encoding="utf-8")

    def show(self, runs: Sequence[Run]) -> None:
        """Write the table and the chart of runs."""
        from benchmarks import chart  # with Matplotlib, which takes a second

        results = [result for run in runs for result in run.results]
        lines = [*markdown(results), ""]
        for run in runs:
            names = ", ".join(dict.fromkeys(f"`{result.row}`" for result in run.results))
            which = "" if len(runs) == 1 else f"{names}: "
            lines += [*wrapped(which + measured(run.facts, run.results)), ""]
        shown = {result.row for result in results}
        if missing := ", ".join(f"`{name}`" for name in ROWS if name not in shown):
            lines += wrapped(f"Not measured: {missing}.")
        self.replace(lines)
        with atomic_write(self.chart) as partial:
            chart.draw(results, partial)

    def replace(self, lines: Sequence[str]) -> None:
        """Replace the section, the text between its two comments."""
        before, after = self.around()
        content = "\n".join(lines).strip("\n")
        with atomic_write(self.text) as partial:
            partial.write_text(f"{before}\n\n{content}\n\n{after}", encoding="utf-8")

    def around(self) -> tuple[str, str]:
        """The text up to the section and that from its end on, with its two comments.

        Raises
        ------
        PageError
            If the page does not have each of the comments once.
        """
        first, last = f"<!-- {self.section} -->", f"<!-- end of {self.section} -->"
        around = around_section(self.text.read_text(encoding="utf-8"), first, last)
        if around is None:
            raise PageError(f"{self.text} has no section between {first} and {last}")
        return around


def around_section(text: str, first: str, last: str) -> tuple[str, str] | None:
    """The text up to a section and that from its end on, with the comments around the section.

    None if the text does not have both comments, once each and in this order.
    """
    before, _, rest = text.partition(first)
    content, _, after = rest.partition(last)
    if text != before + first + content + last + after or first in after or last in after:
        return None
    return before + first, last + after


def wrapped(text: str) -> list[str]:
    """The lines of a paragraph, or of an item of a list."""
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def add_flag(parser: Parser) -> None:
    """Add ``--write-docs``, which names the folder of the page."""
    parser.add_argument(
        "--write-docs",
        type=Path,
        nargs="?",
        const=DOCS,
        metavar="FOLDER",
        help="write the results into performance.md in this folder, docs if none is named "
        "(default: print them only)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table of rows and the chart once more; returns the exit status."""
    parser = Parser(prog="python -m benchmarks.page", description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DOCS, help="(default: docs)")
    flags = parser.parse_args(argv)
    try:
        page = Page(flags.folder)
        runs = page.runs()
        if not runs:
            raise PageError(f"there are no results in {page.results}: make bench")
        page.show(runs)
    except (PageError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
