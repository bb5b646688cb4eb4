"""Time and memory of preparing a large Higgs file and of reading an epoch of its batches.

The file repeats the rows of the HIGGS.csv.gz that is found; without one, random rows.
"""

import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.machine import machine_line
from neural_networks.datasets.files.folders import VARIABLE, find_original
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import repository

STEPS = {
    "prepare": "from neural_networks.datasets import load_higgs; load_higgs()",
    "go through once": (
        "from neural_networks.datasets import initialize_dataset\n"
        "data = initialize_dataset('higgs', 1000, seed=0, dtype='float32',"
        " n_training={n_training}, n_validation={n_held_out}, n_test={n_held_out}).train\n"
        "for _ in range(data.samples_per_epoch): data.sample()"
    ),
}
RANDOM_ROWS = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file, prepare it, read an epoch of batches; print the time and memory of each."""
    parser = Parser(prog="python -m benchmarks.preparation", description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the file")
    flags = parser.parse_args(argv)
    if flags.rows < 100:
        parser.error(f"--rows must be at least 100, got {flags.rows}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "higgs" / "HIGGS.csv.gz"
        path.parent.mkdir()
        size = write(path, flags.rows)
        packed = path.stat().st_size
        print(f"{flags.rows:,} rows: {size / 1e6:,.0f} MB, {packed / 1e6:,.0f} compressed")
        for what, code in STEPS.items():
            sizes = {"n_training": flags.rows * 10 // 12, "n_held_out": flags.rows // 12}
            seconds, memory = run(["-c", code.format(**sizes)], folder)
            print(
                f"{what}: {seconds:.1f} s, {flags.rows / seconds:,.0f} rows a second, "
                f"{memory / 1e6:,.0f} MB of memory at most"
            )
    print(machine_line())
    return 0


def write(path: Path, n: int) -> int:
    """Write a compressed file of n rows; returns its uncompressed size in bytes."""
    original = find_original("higgs")
    if original is None:
        rng = np.random.default_rng(0)
        rows = rng.normal(1, 1, (RANDOM_ROWS, 29)).astype(np.float32)
        rows[:, 0] = rng.integers(2, size=RANDOM_ROWS)
        lines = [",".join(f"{value:.18e}" for value in row) + "\n" for row in rows.tolist()]
    else:
        with gzip.open(original[0], "rt") as file:
            lines = [line for line, _ in zip(file, range(n), strict=False)]
    size = 0
    with gzip.open(path, "wt", compresslevel=1) as file:
        for start in tqdm(range(0, n, len(lines)), desc="writing", disable=None):
            text = "".join(lines[: n - start])
            size += file.write(text)
    return size


def run(arguments: Sequence[str], data: str | None = None) -> tuple[float, float]:
    """Seconds and peak memory in bytes of a Python process with these arguments.

    It runs in the repository and, if ``data`` is given, looks for data in that folder.
    """
    environment = os.environ if data is None else {**os.environ, VARIABLE: data}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=repository())
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(1)
    return time.perf_counter() - start, usage.ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
