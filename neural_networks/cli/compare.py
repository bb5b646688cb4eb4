"""List the runs in a folder, the one with the lowest validation loss first.

``python -m neural_networks compare`` compares the runs in ``experiments/``: for each its best
epoch, the results there, the result on the test set, and whatever the runs' configurations
differ in.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neural_networks.cli.run import Parser
from neural_networks.utils.files import display_path, experiments_folder


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings and lists as one mapping: ``{"layer_args.1.n_out": 10}``."""
    if isinstance(config, dict):
        pairs: Any = config.items()
    elif isinstance(config, list):
        pairs = enumerate(config, start=1)
    else:
        return {prefix: config}
    flat: dict[str, Any] = {}
    for key, value in pairs:
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def read_run(folder: Path) -> dict[str, Any]:
    """Best epoch, results and configuration of one run."""
    log = pd.read_csv(folder / "log.csv")
    loss = "validation_loss" if "validation_loss" in log else "train_loss"
    best = log.loc[log[loss].fillna(np.inf).idxmin()]
    run: dict[str, Any] = {"run": folder.name, "best epoch": int(best["epoch"])}
    run |= {key.replace("_", " "): best[key] for key in (loss, loss.replace("loss", "error"))}
    if (folder / "test.json").is_file():
        run["test error"] = json.loads((folder / "test.json").read_text())["error"]
    config = json.loads((folder / "config.json").read_text())
    options = flatten({**config["model"], "dataset": config["data"], **config["arguments"]})
    options.pop("command", None)
    return run | options


def compare_runs(folder: Path) -> pd.DataFrame:
    """A table of the runs in a folder, a row each, the best first.

    Parameters
    ----------
    folder : Path
        The folder that holds the runs' folders.

    Returns
    -------
    pandas.DataFrame
        Results, then the options in which the runs differ.

    Raises
    ------
    FileNotFoundError
        If there is no run in it.

    Warns
    -----
    UserWarning
        For each folder that looks like a run but cannot be read; it is left out.
    """
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
    differing = [column for column in options if table[column].astype(str).nunique() > 1]
    return table[results + differing].sort_values(loss, ignore_index=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; the exit status."""
    parser = Parser(prog="python -m neural_networks compare", description=__doc__.split("\n")[0])
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=experiments_folder(),
        help="folder that holds the runs (default: the repository's experiments/)",
    )
    flags = parser.parse_args(argv)
    with warnings.catch_warnings(record=True) as left_out:
        warnings.simplefilter("always", UserWarning)
        try:
            table = compare_runs(flags.folder)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        finally:
            for warning in left_out:
                print(f"warning: {warning.message}", file=sys.stderr)
    shorter = table.rename(columns=lambda name: name.replace("_args", "").removesuffix(".name"))
    print(shorter.to_string(index=False, na_rep="", float_format="{:.4g}".format))
    return 0


if __name__ == "__main__":
    sys.exit(main())
