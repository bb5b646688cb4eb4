"""Results as text: a table for the terminal, a table for a page, a line about the machine."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.harness import Result
from benchmarks.kernels import Kernels
from benchmarks.quiet import LIMIT
from benchmarks.rows import ROWS
from neural_networks.utils.text import counted

Facts = Mapping[str, Any]
"""The machine and the settings of a run."""

HEAD = "row", "kernels", "ours", "theirs", "ratio [quartiles]", "least", "reach / stretch", "met"
PAGE_HEAD = (
    *("work", "kernels of NumPy", "ours: median (minimum)", "theirs: median (minimum)"),
    *("ratio [quartiles]", "of minima", "reach / stretch", "met"),
)
LIBRARIES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "blas libscipy_openblas": "OpenBLAS",
}
"""Names of libraries for a page."""


def print_table(results: Sequence[Result]) -> None:
    """Print a line for each result; of times, the median and the minimum."""
    line = "{:21} {:24} {:>19} {:>19}   {:21} {:>5}  {:15}  {:7}  {}"
    print("\n" + line.format(*HEAD, "theirs"))
    for result in results:
        print(line.format(result.row, *cells(result), theirs(result)))


def cells(result: Result) -> list[str]:
    """The cells of a table for a result, but that of the row."""
    return [
        str(Kernels(result.kernels, result.architecture)),
        times(result.ours_us, result.ours_least_us),
        times(result.theirs_us, result.theirs_least_us),
        f"{result.ratio:.3f} [{result.low:.3f}, {result.high:.3f}]",
        f"{result.ratio_of_least:.3f}",
        f"{result.reach:.2f} / {result.stretch:.2f}",
        result.verdict,
    ]


def times(median: float, least: float) -> str:
    """A median of microseconds and, in brackets, the minimum: ``34.4 (33.9) µs``."""
    if median < 1000:
        return f"{median:.1f} ({least:.1f}) µs"
    return f"{median / 1000:.2f} ({least / 1000:.2f}) ms"


def theirs(result: Result) -> str:
    """The rival with its variant, and the number of pairs of blocks."""
    text = f"{ROWS[result.row].rival} ({result.variant}), {result.pairs} pairs"
    return f"{text}, {result.disturbed} disturbed" if result.disturbed else text


def markdown(results: Iterable[Result]) -> list[str]:
    """The lines of a Markdown table, rows in the order of ``ROWS``."""
    names = list(ROWS)
    lines = [f"| {' | '.join(PAGE_HEAD)} |", "|" + " --- |" * len(PAGE_HEAD)]
    before = None
    for result in sorted(results, key=lambda one: (names.index(one.row), one.kernels == "avx2")):
        row = ROWS[result.row]
        words = f"`{result.row}`: {row.title} / {row.rival}, {result.variant}"
        first = f"`{result.row}`" if result.row == before else words
        before = result.row
        lines.append(f"| {' | '.join([first, *cells(result)])} |")
    return lines


def libraries(results: Iterable[Result]) -> dict[str, str]:
    """The libraries of both sides, with versions; the kernels of BLAS stand in the table."""
    found: dict[str, str] = {}
    for result in results:
        for side in result.libraries.values():
            for name, version in side.items():
                if not name.startswith("openmp"):
                    # scikit-learn brings an OpenBLAS of its own; NumPy's comes first
                    found.setdefault(LIBRARIES.get(name, name), re.split(r", | \(", version)[0])
    return found


def measured(facts: Facts, results: Sequence[Result]) -> str:
    """A sentence about a run: date, machine, versions, settings, and its quiet."""
    versions = (f"{name} {version}" for name, version in libraries(results).items())
    forced = (f"{name}={value}" for name, value in facts["forced_kernels"].items())
    parts = [
        f"Measured {facts['date']} on {counted(facts['cores'], 'core')} of {facts['cpu']}",
        f"{counted(facts['threads'], 'thread')} on each side",
        f"seed {facts['seed']}",
        f"{facts['seconds']:g} seconds for each row and kind of kernels",
        facts["platform"],
        f"Python {facts['python']}",
        *versions,
        *forced,
    ]
    return f"{', '.join(parts)}. {quiet(results)}"


def quiet(results: Sequence[Result]) -> str:
    """A sentence about other processes during the measurement."""
    most = max(result.others for result in results)
    if most <= LIMIT:
        return f"The machine was quiet: other processes used at most {most:.0%} of its cores."
    disturbed = [result for result in results if result.others > LIMIT]
    names = ", ".join(dict.fromkeys(f"`{result.row}`" for result in disturbed))
    return (
        f"**The machine was not quiet**: other processes used up to {most:.0%} of its cores, "
        f"more than {LIMIT:.0%} in {names}."
    )
