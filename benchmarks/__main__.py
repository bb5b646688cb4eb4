"""Measure this library against others, side by side; see README.md in this folder."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from benchmarks.harness import BenchmarkError, Result, check, measure
from benchmarks.machine import machine_facts
from benchmarks.rows import ROWS
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import atomic_write, check_output

DESCRIPTION = """\
Measure this library against others, side by side. For each row, two processes take turns:
one runs a block of at least 50 ms while the other one is stopped. The result is the median of
the ratio of neighboring blocks, our time / theirs: below 1, this library is faster.
"""

EXAMPLES = """\
examples, from the repository's root:
  python -m benchmarks
  python -m benchmarks --rows iris --threads 1 --seconds 60 --json results.json
  python -m benchmarks --check
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or check the requested rows; returns the exit status."""
    flags = parse(argv)
    # On SIGTERM, too, this process ends its workers first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if flags.list:
        for name, row in ROWS.items():
            print(f"{name:13} {row.title} / {row.rival}; goal {row.goal:.2f}")
        return 0
    problem = missing(flags.rows)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    try:
        return run_checks(flags) if flags.check else run_measurements(flags)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = Parser(
        prog="python -m benchmarks",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--rows", nargs="+", choices=ROWS, default=list(ROWS), help="rows to measure (default: all)"
    )
    parser.add_argument("--threads", type=positive(int), default=2, help="per side (default: 2)")
    parser.add_argument(
        "--seconds", type=positive(float), default=20.0, help="per row (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data (default: 0)")
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.add_argument(
        "--check", action="store_true", help="only check that both sides compute the same"
    )
    parser.add_argument("--json", type=file_path, metavar="FILE", help="write the results there")
    return parser.parse_args(argv)


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """A converter of command-line arguments to finite positive numbers."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"must be a positive {kind.__name__}, got {text!r}")
        return value

    return convert


def file_path(text: str) -> Path:
    """A path in an existing folder; checked first, since a typing error would lose the results."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"must be a file in an existing folder, got {text!r}")
    check_output(path)
    return path


def missing(rows: Sequence[str]) -> str:
    """A one-line reason that the rows cannot run here; empty if they can."""
    if not hasattr(signal, "SIGSTOP"):
        return "the benchmarks stop and continue processes, which this system cannot: use Linux"
    for name in rows:
        row = ROWS[name]
        if find_spec(row.package) is None:
            return f"row {name!r} needs {row.rival}: pip install {row.package}"
    return ""


def run_checks(flags: argparse.Namespace) -> int:
    """Check each row; 0, or ``BenchmarkError``."""
    for name in flags.rows:
        check(name, flags.threads, flags.seed)
        row = ROWS[name]
        print(f"{name}: both sides agree for {row.check_steps} steps, rtol {row.tolerance:g}")
    return 0


def run_measurements(flags: argparse.Namespace) -> int:
    """Measure each row, print the table, write the JSON file; 0, or ``BenchmarkError``."""
    facts = machine_facts() | {"threads": flags.threads, "seed": flags.seed}
    print(", ".join(f"{key}: {value}" for key, value in facts.items() if value != {}))
    results = []
    with tqdm(total=flags.seconds * len(flags.rows), unit="s", disable=None, leave=False) as bar:
        bar.bar_format = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"
        for name in flags.rows:
            bar.set_description_str(name)
            results.append(measure(name, flags.seconds, flags.threads, flags.seed, bar.update))
    print_libraries(results)
    print_table(results)
    if any(result.verdict == "busy" for result in results):
        print("busy: other processes disturbed the blocks; measure again on an idle machine")
    if flags.json:
        with atomic_write(flags.json) as partial:
            content = facts | {"rows": [result.as_dict() for result in results]}
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


def print_libraries(results: Sequence[Result]) -> None:
    """Print the libraries of both sides, each different line once."""
    lines = {
        f"{side}: " + "; ".join(f"{name} {version}" for name, version in libraries.items()): None
        for result in results
        for side, libraries in result.libraries.items()
    }
    print("\n".join(lines))


def print_table(results: Sequence[Result]) -> None:
    """Print a line for each row."""
    line = "{:13} {:>9} {:>9}   {:22} {:>5} {:>8} {:>8}   {}"
    heads = ("row", "ours µs", "theirs µs", "ratio [quartiles]", "goal", "stretch", "met")
    print("\n" + line.format(*heads, "theirs"))
    for result in results:
        row = ROWS[result.row]
        print(
            line.format(
                result.row,
                f"{result.ours_us:.1f}",
                f"{result.theirs_us:.1f}",
                f"{result.ratio:.3f} [{result.low:.3f}, {result.high:.3f}]",
                f"{row.goal:.2f}",
                f"{row.stretch:.2f}",
                result.verdict,
                f"{row.rival} ({result.variant}), {result.pairs} pairs"
                + (f", {result.disturbed} disturbed" if result.disturbed else ""),
            )
        )


if __name__ == "__main__":
    sys.exit(main())
