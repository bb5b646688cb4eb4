"""Results of all presets on real data, as a table; ``make results``.

Needs the data in ``python -m neural_networks datasets list``; takes about 30 minutes.
"""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import machine_line
from neural_networks.cli.presets import PRESETS
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import experiments_folder, repository

SEEDS = {"higgs": (0, 1, 2)}
"""Seeds of a preset; the others run with seed 0."""


class Outcome(NamedTuple):
    """The results of a run; None where a figure does not exist."""

    seconds: float
    epochs: int
    train: float
    validation: float
    test: float | None
    auc: float | None


def main(argv: Sequence[str] | None = None) -> int:
    """Train the presets and print a row for each run; returns the exit status."""
    scripts = {name: script for script, presets in PRESETS.items() for name in presets}
    parser = Parser(prog="python -m benchmarks.presets", description=__doc__.split("\n")[0])
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=f"of: {', '.join(scripts)}")
    flags = parser.parse_args(argv)
    for name in flags.presets:
        if name not in scripts:
            parser.error(f"there is no preset {name!r}")
    print("| command | epochs | training | validation | test | AUC | time |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in flags.presets or scripts:
        for seed in SEEDS.get(name, (0,)):
            command = [scripts[name], "--preset", name, "--seed", str(seed)]
            outcome = train(name, command)
            if outcome is None:
                return 1
            print(row(command, outcome), flush=True)
    print(f"\n{machine_line()}")
    return 0


def train(name: str, command: Sequence[str]) -> Outcome | None:
    """Run a script, replacing an earlier run; None if it fails."""
    start = time.perf_counter()
    # Its progress bar stays visible; a row replaces the rest of its output.
    done = subprocess.run(
        [sys.executable, *command, "--overwrite"],
        cwd=repository(),
        stdout=subprocess.PIPE,
        check=False,
    )
    seconds = time.perf_counter() - start
    return read(experiments_folder() / name, seconds) if done.returncode == 0 else None


def read(folder: Path, seconds: float) -> Outcome:
    """Read the outcome of the run in a folder from its files."""
    with (folder / "log.csv").open(newline="") as file:
        *_, last = csv.DictReader(file)
    path = folder / "test.json"
    test = json.loads(path.read_text()) if path.exists() else {}
    return Outcome(
        seconds,
        int(last["epoch"]),
        1 - float(last["train_error"]),
        1 - float(last["validation_error"]),
        1 - test["error"] if test else None,
        test.get("auc"),
    )


def row(command: Sequence[str], outcome: Outcome) -> str:
    """A row of the table: command, epochs, accuracies, AUC and time."""
    accuracies = (outcome.train, outcome.validation, outcome.test)
    cells = [
        f"`python {' '.join(command)}`",
        str(outcome.epochs),
        *("" if value is None else f"{value:.1%}" for value in accuracies),
        "" if outcome.auc is None else f"{outcome.auc:.4f}",
        f"{outcome.seconds:.0f} s" if outcome.seconds < 100 else f"{outcome.seconds / 60:.1f} min",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
