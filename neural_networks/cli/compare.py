"""List the runs in a folder, lowest validation loss first.

``python -m neural_networks compare`` prints a line for each run in ``experiments/``: an epoch, its
results, and the settings in which the runs differ. Only runs on the same data and with the same
loss can be compared: there is a table for each such group.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neural_networks.cli.parser import Parser, command, program
from neural_networks.cli.tables import FORMATS, Table, render
from neural_networks.logs.summary import RunSummary, is_run_folder, summarize
from neural_networks.utils.files import display_path, experiments_folder
from neural_networks.utils.text import listed

if TYPE_CHECKING:
    import pandas as pd

PROGRAM = program("compare")

EXAMPLES = """\
The epoch of a run is the one whose parameters were tested, or else saved: the last one, or with
--patience or --restore-best the best one. All results of a line are of this epoch. Runs without a
validation set come after the others, lowest training loss first; damaged runs last.

examples:
  python -m neural_networks compare
  python -m neural_networks compare folder/of/runs
  python -m neural_networks compare --format markdown > runs.md
  python -m neural_networks compare --format csv > runs.csv
"""

DAMAGED = "runs that cannot be read"

RESULTS = (
    *("epoch", "validation loss", "validation error"),
    *("train loss", "train error", "test error"),
)


def read_runs(folder: Path) -> list[RunSummary]:
    """Summarize the runs in a folder, by dataset and loss, the best of each group first.

    Raises
    ------
    FileNotFoundError
        If it contains no run.
    ValueError
        If all of them are damaged.
    """
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    runs = [summarize(path) for path in paths if is_run_folder(path)]
    if not runs:
        hint = "train a network first"
        if is_run_folder(folder):
            hint = "it is one itself, give the folder that contains it"
        raise FileNotFoundError(f"there is no run in {display_path(folder)}: {hint}")
    if all(run.problem for run in runs):
        reasons = listed([f"{run.run} ({run.problem})" for run in runs], most=3, longest=200)
        raise ValueError(f"no run in {display_path(folder)} can be read: {reasons}")
    return sorted(runs, key=rank)


def rank(run: RunSummary) -> tuple[Any, ...]:
    """The place of a run among others, as a sort key."""
    results = run.results
    losses = [results.get(f"{split} loss", math.inf) for split in ("validation", "train")]
    without = [f"{split} loss" not in results for split in ("validation", "train")]
    finite = [loss if math.isfinite(loss) else math.inf for loss in losses]
    return bool(run.problem), run.dataset, run.loss, *without, *finite, run.run


def compare_runs(folder: Path) -> pd.DataFrame:
    """Compare the runs in a folder: a row for each, by dataset and loss, the best one first.

    Parameters
    ----------
    folder : Path
        The folder that contains the runs' folders.

    Returns
    -------
    pandas.DataFrame
        ``dataset``, ``loss``, ``run``; results, see ``RunSummary``; the settings in which the runs
        differ; if there are damaged runs, ``reason``.

    Raises
    ------
    FileNotFoundError, ValueError
        If it contains no run, or all of them are damaged.
    """
    import pandas as pd

    table = whole_table(read_runs(folder))
    return pd.DataFrame(table.rows, columns=table.columns)


def whole_table(runs: Sequence[RunSummary]) -> Table:
    """All runs in one table."""
    names = ["dataset", "loss", "run"]
    rows = [{name: getattr(run, name) or None for name in names} for run in runs]
    return table_of("", runs, names, rows)


def group_tables(runs: Sequence[RunSummary]) -> list[Table]:
    """A table for each dataset and loss, and one of the damaged runs."""
    groups: dict[str, list[RunSummary]] = {}
    for run in runs:
        title = DAMAGED if run.problem else f"{run.dataset}, {run.loss}"
        groups.setdefault(title, []).append(run)
    return [
        table_of(title, group, ["run"], [{"run": run.run} for run in group])
        for title, group in groups.items()
    ]


def table_of(
    title: str, runs: Sequence[RunSummary], names: list[str], rows: list[dict[str, Any]]
) -> Table:
    """A table of runs: the given names, results, settings, and the reasons of damaged runs.

    Settings that are the same for all runs with the same dataset and loss are left out.
    """
    results = [name for name in RESULTS if any(name in run.results for run in runs)]
    options = differing_options([run for run in runs if not run.problem])
    columns = [*names, *results, *options]
    lines = [
        [*row.values(), *map(run.results.get, results), *map(run.options.get, options)]
        for run, row in zip(runs, rows, strict=True)
    ]
    if any(run.problem for run in runs):
        columns.append("reason")
        lines = [[*line, run.problem or None] for line, run in zip(lines, runs, strict=True)]
    return Table(title, columns, lines)


def differing_options(runs: Sequence[RunSummary]) -> list[str]:
    """The options in which runs with the same dataset and loss differ."""
    known = dict.fromkeys(option for run in runs for option in run.options)
    groups = {(run.dataset, run.loss) for run in runs}
    return [
        option
        for option in known
        if any(
            differ(run.options.get(option) for run in runs if (run.dataset, run.loss) == group)
            for group in groups
        )
    ]


def differ(values: Iterable[Any]) -> bool:
    """True if the values of an option, None where it is missing, are not all the same."""
    # 1 equals 1.0, but True is not the number 1.
    return len({(isinstance(value, bool), value) for value in values}) > 1


def shorter(option: str) -> str:
    """The name of an option for a header."""
    return option.replace("_args", "").removesuffix(".name")


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Print the tables."""
    flags = make_parser().parse_args(argv)
    runs = read_runs(flags.folder)
    if flags.format == "csv":
        table = whole_table(runs)
        csv.writer(sys.stdout, lineterminator="\n").writerows([table.columns, *table.rows])
        return
    tables = group_tables(runs)
    short = [table._replace(columns=list(map(shorter, table.columns))) for table in tables]
    print(render(short, flags.format))


def make_parser() -> Parser:
    """Create the parser of the command."""
    parser = Parser(prog=PROGRAM, description=__doc__.split("\n")[0], epilog=EXAMPLES)
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=experiments_folder(),
        help="folder that contains the runs (default: the repository's experiments/)",
    )
    parser.add_argument(
        "--format",
        choices=[*FORMATS, "csv"],
        default="text",
        help="text, or a table for Markdown or LaTeX for each group; csv: all in one, every digit",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
