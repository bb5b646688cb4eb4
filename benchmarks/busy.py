"""Time of a training beside busy processes, as a multiple of its time alone.

Training and busy processes share a few cores, 2 by default, on a machine with any number.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.harness import BenchmarkError
from benchmarks.machine import machine_line
from benchmarks.page import Page, PageError, add_flag, wrapped
from benchmarks.quiet import LIMIT, Patience
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import repository
from neural_networks.utils.text import counted

TRAININGS = {
    "train_rnn": ["train_rnn.py", "--epochs", "5"],
    "iris": ["train_ffnn.py", "--epochs", "200"],
    "digits": ["train_ffnn.py", "--dataset", "digits", "--hidden", "64", "32", "--epochs", "20"],
    "train_cnn": ["train_cnn.py", "--epochs", "15"],
}
GOAL = 3.0
"""The greatest ratio that is good: cores are shared, and a thread that waits for one loses more."""

HEAD = "training", "alone, s", "beside them, s", "ratio", "good"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the trainings and print a table; returns the exit status, 1 if a ratio is too high.

    It is 2 if nothing can be measured, or if a page is to be written and the machine is not quiet.
    """
    flags = parse(argv)
    if not hasattr(os, "sched_setaffinity"):
        print("the benchmark chooses the cores of processes, which needs Linux", file=sys.stderr)
        return 2
    try:
        return int(not run(flags))
    except (BenchmarkError, PageError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run(flags: argparse.Namespace) -> bool:
    """Measure the trainings, print a table, write it into the page; True if all ratios are good."""
    page = Page(flags.write_docs, "busy") if flags.write_docs else None
    cores = sorted(os.sched_getaffinity(0))[: flags.cores]
    os.sched_setaffinity(0, cores)  # also for the processes that this one starts
    busy = counted(flags.busy, "busy process", "busy processes")
    words = f"{busy} on {counted(len(cores), 'core')}; medians of {counted(flags.repeats, 'run')}"
    lines = measured_table(flags, words)
    print(f"\n{machine_line()}")
    if page:
        page.replace([*lines, "", *wrapped(f"Measured {machine_line()}: {words}.")])
    return not any(line.endswith("| no |") for line in lines)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = Parser(prog="python -m benchmarks.busy", description=__doc__.split("\n")[0])
    names = ", ".join(TRAININGS)
    parser.add_argument("trainings", nargs="*", metavar="TRAINING", help=f"of: {names}")
    for flag, default, what in (
        ("--busy", 2, "busy processes"),
        ("--cores", 2, "cores that they share with the training"),
        ("--repeats", 3, "runs of each kind"),
        ("--wait", 300, "seconds to wait for a quiet machine, in all"),
        ("--threads", None, "threads of the training (default: it decides)"),
    ):
        parser.add_argument(flag, type=int, default=default, metavar="N", help=what)
    add_flag(parser)
    flags = parser.parse_args(argv)
    for name in flags.trainings:
        if name not in TRAININGS:
            parser.error(f"there is no training {name!r} (there are: {names})")
    if min(flags.busy, flags.cores, flags.repeats) < 1:
        parser.error("numbers must be at least 1")
    if flags.write_docs and flags.trainings:
        parser.error("--write-docs is for all trainings: name none")
    return flags


def measured_table(flags: argparse.Namespace, words: str) -> list[str]:
    """Measure the trainings; the lines of a table, each printed when it is known."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + " --- |" * len(HEAD)]
    print("\n".join([words, "", *lines]), flush=True)
    patience = Patience(flags.wait)
    for name in flags.trainings or TRAININGS:
        command = [*TRAININGS[name], *(["--threads", str(flags.threads)] if flags.threads else [])]
        alone, beside = [], []
        wait_until_quiet(patience, needed=flags.write_docs is not None)
        for _ in range(flags.repeats):  # in turn, as the machine changes
            alone.append(seconds(command))
            with busy(flags.busy):
                beside.append(seconds(command))
        lines.append(row(name, statistics.median(alone), statistics.median(beside)))
        print(lines[-1], flush=True)
    return lines


def row(name: str, alone: float, beside: float) -> str:
    """The row of a training: its times and their ratio."""
    ratio = beside / alone
    good = "yes" if ratio <= GOAL else "no"
    words = f"{name}: `python {' '.join(TRAININGS[name])}`"
    return f"| {words} | {alone:.2f} | {beside:.2f} | {ratio:.2f} | {good} |"


def wait_until_quiet(patience: Patience, needed: bool) -> None:
    """Wait for a quiet machine; if it stays busy and quiet is needed, raise ``BenchmarkError``."""
    if not patience.wait() and needed:
        raise BenchmarkError(
            f"the machine is not quiet: other processes use more than {LIMIT:.0%} of its cores; "
            "nothing is written"
        )


def seconds(command: Sequence[str]) -> float:
    """Seconds that a script takes, in a folder of its own; ``BenchmarkError`` if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        arguments = [sys.executable, *command, "--experiments", folder]
        # Its progress bar stays visible, and so does an error.
        done = subprocess.run(arguments, cwd=repository(), stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise BenchmarkError(f"{command[0]} ended with status {done.returncode}")
        return time.perf_counter() - start


@contextmanager
def busy(n: int) -> Iterator[None]:
    """A context in which n processes compute without a pause."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
