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

from benchmarks.machine import machine_line
from neural_networks.utils.files import repository

TRAININGS = {
    "train_rnn": ["train_rnn.py", "--epochs", "5"],
    "iris": ["train_ffnn.py", "--epochs", "200"],
    "digits": ["train_ffnn.py", "--dataset", "digits", "--hidden", "64", "32", "--epochs", "20"],
}
GOAL = 3.0
"""The greatest ratio that is good: cores are shared, and a thread that waits for one loses more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the trainings and print a table; returns the exit status."""
    flags = parse(argv)
    if not hasattr(os, "sched_setaffinity"):
        print("the benchmark chooses the cores of processes, which needs Linux", file=sys.stderr)
        return 2
    cores = sorted(os.sched_getaffinity(0))[: flags.cores]
    os.sched_setaffinity(0, cores)  # also for the processes that this one starts
    print(f"{flags.busy} busy processes on {len(cores)} cores; medians of {flags.repeats} runs\n")
    print("| training | alone, s | beside them, s | ratio | good |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    ratios = []
    for name in flags.trainings or TRAININGS:
        command = [*TRAININGS[name], *(["--threads", str(flags.threads)] if flags.threads else [])]
        alone, beside = [], []
        for _ in range(flags.repeats):  # in turn, as the machine changes
            alone.append(seconds(command))
            with busy(flags.busy):
                beside.append(seconds(command))
        once, slowed = statistics.median(alone), statistics.median(beside)
        ratios.append(slowed / once)
        good = "yes" if ratios[-1] <= GOAL else "no"
        print(f"| {name} | {once:.2f} | {slowed:.2f} | {ratios[-1]:.2f} | {good} |", flush=True)
    print(f"\n{machine_line()}")
    return int(max(ratios) > GOAL)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.busy", description=__doc__.split("\n")[0]
    )
    names = ", ".join(TRAININGS)
    parser.add_argument("trainings", nargs="*", metavar="TRAINING", help=f"of: {names}")
    for flag, default, what in (
        ("--busy", 2, "busy processes"),
        ("--cores", 2, "cores that they share with the training"),
        ("--repeats", 3, "runs of each kind"),
        ("--threads", None, "threads of the training (default: it decides)"),
    ):
        text = what if default is None else f"{what} (default: {default})"
        parser.add_argument(flag, type=int, default=default, metavar="N", help=text)
    flags = parser.parse_args(argv)
    for name in flags.trainings:
        if name not in TRAININGS:
            parser.error(f"there is no training {name!r} (there are: {names})")
    if min(flags.busy, flags.cores, flags.repeats) < 1:
        parser.error("numbers must be at least 1")
    return flags


def seconds(command: Sequence[str]) -> float:
    """Seconds that a script takes, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        arguments = [sys.executable, *command, "--experiments", folder]
        subprocess.run(arguments, cwd=repository(), stdout=subprocess.DEVNULL, check=True)
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
