"""Time and memory of training against the sizes of data and network; ``make scaling``.

Each point is measured in a process of its own, which ``benchmarks/scale/point.py`` describes;
``docs/scaling.md`` has the theory and the results. All of them take about five minutes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.arguments import parse_with_seed
from benchmarks.scale import page
from benchmarks.scale.point import Point
from benchmarks.scale.sweeps import SWEEPS
from benchmarks.scale.words import megabytes, milliseconds, origin, sentence, summary, table
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import check_output

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scaling.md"
SECONDS = 1.5

EXAMPLES = """\
examples, from the repository's root:
  python -m benchmarks.scaling
  python -m benchmarks.scaling --only batch width --seconds 0.5
  python -m benchmarks.scaling --write-docs
"""


class ScalingError(Exception):
    """The process of a point has failed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the sweeps, print them, write the page; returns the exit status."""
    flags = parse(argv)
    # On SIGTERM, too, this process ends the one that it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if flags.write_docs:  # an error now, not in the end
            check_output(PAGE)
            page.replaced(PAGE.read_text(encoding="utf-8"), "")
    except (OSError, ValueError) as error:
        print(f"{PAGE}: {error}", file=sys.stderr)
        return 2
    results: dict[str, list[Point]] = {}
    try:
        measure(flags.only or list(SWEEPS), flags.seconds, flags.seed, results)
    except ScalingError as error:
        if results:
            report(results, flags.seed, flags.seconds)
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    report(results, flags.seed, flags.seconds)
    if flags.write_docs:
        files = page.write(PAGE, results, flags.seed, flags.seconds)
        print(f"\nwritten: {', '.join(path.name for path in files)}")
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = Parser(
        prog="python -m benchmarks.scaling", description=__doc__.split("\n")[0], epilog=EXAMPLES
    )
    names = ", ".join(SWEEPS)
    parser.add_argument(
        "--only", nargs="+", choices=SWEEPS, metavar="NAME", help=f"of: {names} (default: all)"
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="write all into docs/scaling.md and its figures"
    )
    flags = parse_with_seed(parser, argv, SECONDS, "for the time of each point")
    if flags.write_docs and flags.only:
        parser.error("--write-docs writes all sweeps: leave --only out")
    return flags


def measure(
    names: Sequence[str], seconds: float, seed: int, results: dict[str, list[Point]]
) -> None:
    """Measure the points of sweeps into ``results``; ``ScalingError`` if one fails.

    A sweep is added when it is complete.
    """
    names = list(dict.fromkeys(names))
    with tqdm(
        total=sum(len(SWEEPS[name].values) for name in names), disable=None, leave=False
    ) as bar:
        bar.bar_format = "{desc} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}"
        for name in names:
            points = []
            for size in SWEEPS[name].values:
                bar.set_description_str(f"{name} {size}")
                points.append(measure_point(name, size, seconds, seed))
                bar.update()
            results[name] = points


def measure_point(name: str, size: int, seconds: float, seed: int) -> Point:
    """Measure a point in a new process, in a group of its own: Ctrl-C reaches only this one."""
    command = [sys.executable, "-m", "benchmarks.scale.point", name, str(size), str(seconds)]
    with subprocess.Popen(
        [*command, str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "error::RuntimeWarning"},
        process_group=0,
    ) as process:
        try:
            out, _ = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ScalingError(f"{name} {size}: the process ended with status {process.returncode}")
    return Point(**json.loads(out))


def report(results: Mapping[str, Sequence[Point]], seed: int, seconds: float) -> None:
    """Print all points, the table and the sentences."""
    line = "{:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>7} {:>7}"
    for name, points in results.items():
        sweep = SWEEPS[name]
        print(f"\n{name}: {sweep.size}; {sweep.network}; {'epochs' if sweep.by_epoch else 'steps'}")
        print(
            line.format("size", "least", "median", "arrays", "formula", "process", "off", "waited")
        )
        for point in points:
            times = map(milliseconds, (point.minimum, point.median))
            memory = map(megabytes, (point.arrays, point.formula, point.process))
            off = f"{point.formula / point.arrays - 1:+.1%}"
            print(line.format(f"{point.size:,}", *times, *memory, off, f"{point.waited:.0%}"))
    print("", *table(results), "", sep="\n")
    print(*(sentence(name, points) for name, points in results.items()), sep="\n")
    print("", *summary(results), origin(seed, seconds), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
