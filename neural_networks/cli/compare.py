"""List the runs in a folder, lowest validation loss first.

``python -m neural_networks compare`` prints a line for each run in ``experiments/``: its best
epoch, the results of that epoch, the test error, and the settings in which the runs differ.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neural_networks.cli.parser import Parser, command
from neural_networks.logs.summary import read_run
from neural_networks.utils.files import display_path, experiments_folder

if TYPE_CHECKING:
    import pandas as pd

PROGRAM = "python -m neural_networks compare"

EXAMPLES = """\
examples:
  python -m neural_networks compare
  python -m neural_networks compare folder/of/runs
"""


def compare_runs(folder: Path) -> pd.DataFrame:
    """Compare the runs in a folder: a row for each, lowest validation loss first.

    Parameters
    ----------
    folder : Path
        The folder that contains the runs' folders.

    Returns
    -------
    pandas.DataFrame
        Results, then the settings in which the runs differ.

    Raises
    ------
    FileNotFoundError
        If it contains no run.

    Warns
    -----
    UserWarning
        For each folder that looks like a run but cannot be read; it is skipped.
    """
    import pandas as pd

    runs = []
    for log in sorted(folder.glob("*/log.csv")):
        try:
            runs.append(read_run(log.parent))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
            warnings.warn(f"{display_path(log.parent)} is left out ({problem})", stacklevel=2)
    if not runs:
        raise FileNotFoundError(f"there is no run in {display_path(folder)}: train a network first")
    table = pd.DataFrame(runs)
    loss = next(column for column in table if column.endswith(" loss"))
    results = [column for column in table if " " in column or column == "run"]
    options = [column for column in table if column not in results]
    differing = [option for option in options if differ(run.get(option) for run in runs)]
    return table[results + differing].sort_values(loss, ignore_index=True)


def differ(values: Iterable[Any]) -> bool:
    """True if the values of an option, None where it is missing, are not all the same."""
    # 1 equals 1.0, but True is not the number 1.
    return len({(isinstance(value, bool), value) for value in values}) > 1


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Print the table."""
    parser = Parser(
        prog=PROGRAM,
        description=__doc__.split("\n")[0],
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=experiments_folder(),
        help="folder that contains the runs (default: the repository's experiments/)",
    )
    flags = parser.parse_args(argv)
    table = compare_runs(flags.folder)
    shorter = table.rename(columns=lambda name: name.replace("_args", "").removesuffix(".name"))
    print(shorter.to_string(index=False, na_rep="", float_format="{:.4g}".format))


if __name__ == "__main__":
    sys.exit(main())
