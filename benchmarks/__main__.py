"""Measure this library against others, side by side; see README.md in this folder."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.harness import BenchmarkError, Result, check, measure
from benchmarks.kernels import OVERRIDES, VARIABLES, Kernels, kinds
from benchmarks.machine import machine_facts
from benchmarks.page import Page, PageError, Run, add_flag
from benchmarks.quiet import LIMIT, Patience
from benchmarks.rows import ROWS
from benchmarks.tables import print_table, quiet
from neural_networks.utils.arguments import Parser
from neural_networks.utils.files import atomic_write, check_output
from neural_networks.utils.progress import progress

DESCRIPTION = """\
Measure this library against others, side by side. For each row, two processes take turns:
one runs a block of at least 50 ms while the other one is stopped. The result is the median of
the ratio of neighboring blocks, our time / theirs: below 1, this library is faster. Each row is
measured with the kernels that NumPy's BLAS chooses and, where these are others, with AVX2 kernels.
"""

EXAMPLES = """\
examples, from the repository's root:
  python -m benchmarks
  python -m benchmarks --quick
  python -m benchmarks --rows iris --threads 1 --seconds 60 --json results.json
  python -m benchmarks --check
"""

INSTALL = {
    "torch": 'pip install -e ".[torch]"',
    "sklearn": "pip install scikit-learn",
    "numpy": "pip install numpy",
}
"""The command that installs a package."""

QUICK_ROWS = ("iris", "fashion-128", "cnn", "elman-20", "epoch-fashion-float32")
QUICK = {"rows": list(QUICK_ROWS), "kernels": ["own"], "seconds": 3.0, "wait": 10.0}
USUAL = {"rows": list(ROWS), "kernels": list(VARIABLES), "seconds": 8.0, "wait": 300.0}
"""Values of flags that are not given, with and without ``--quick``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or check the requested rows; returns the exit status."""
    flags = parse(argv)
    # On SIGTERM, too, this process ends its workers first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if flags.list:
        for name, row in ROWS.items():
            goal = row.goals.others
            print(f"{name:21} {row.title} / {row.rival}; goal {goal.reach:.2f}")
        return 0
    try:
        rows = possible(flags.rows)
        return run_checks(rows, flags) if flags.check else run_measurements(rows, flags)
    except (MissingError, PageError) as error:
        print(error, file=sys.stderr)
        return 2
    except (BenchmarkError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = Parser(
        prog="python -m benchmarks", description=DESCRIPTION, epilog=EXAMPLES, defaults=USUAL
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, metavar="ROW", help="(default: all)")
    parser.add_argument(
        "--kernels", nargs="+", choices=VARIABLES, help="of NumPy's BLAS (default: own avx2)"
    )
    parser.add_argument("--threads", type=positive(int), default=2, help="per side")
    parser.add_argument("--seconds", type=positive(float), help="per row and kind of kernels")
    parser.add_argument(
        "--wait", type=positive(float), help="seconds to wait for a quiet machine, in all"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and data")
    parser.add_argument("--list", action="store_true", help="list the rows and end")
    parser.add_argument(
        "--quick", action="store_true", help=f"about a minute: {', '.join(QUICK_ROWS)}"
    )
    parser.add_argument(
        "--check", action="store_true", help="only check that both sides compute the same"
    )
    parser.add_argument("--json", type=file_path, metavar="FILE", help="write the results there")
    add_flag(parser)
    return with_defaults(parser.parse_args(argv))


def with_defaults(flags: argparse.Namespace) -> argparse.Namespace:
    """The flags with ``QUICK`` or ``USUAL`` values of those that are not given."""
    for name, value in (QUICK if flags.quick else USUAL).items():
        if getattr(flags, name) is None:
            setattr(flags, name, value)
    return flags


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


class MissingError(Exception):
    """Something that all of the rows need is not there."""


def possible(rows: Sequence[str]) -> list[str]:
    """The rows whose rivals are installed; the others are told on standard error.

    Raises
    ------
    MissingError
        If none is left, or this system cannot stop processes.
    """
    if not hasattr(signal, "SIGSTOP"):
        raise MissingError(
            "the benchmarks stop and continue processes, which this system cannot: use Linux"
        )
    wanted = {name: ROWS[name].package for name in rows}
    missing = {package for package in wanted.values() if find_spec(package) is None}
    lines = []
    for package in sorted(missing):
        names = [name for name, needed in wanted.items() if needed == package]
        rival = ROWS[names[0]].rival
        lines.append(f"left out, as {rival} is missing ({INSTALL[package]}): {', '.join(names)}")
    left = [name for name, package in wanted.items() if package not in missing]
    if not left:
        raise MissingError("\n".join(lines))
    for line in lines:
        print(line, file=sys.stderr)
    return left


def run_checks(rows: Sequence[str], flags: argparse.Namespace) -> int:
    """Check each row; 0, or ``BenchmarkError``."""
    for name in rows:
        check(name, flags.threads, flags.seed)
        row = ROWS[name]
        print(f"{name}: both sides agree for {row.check_steps} steps, rtol {row.tolerance:g}")
    return 0


def run_measurements(rows: Sequence[str], flags: argparse.Namespace) -> int:
    """Measure each row, print the table, write the files; 0, or 1 if a row has failed."""
    facts = facts_of(flags)
    page = Page(flags.write_docs) if flags.write_docs else None
    is_part = set(rows) != set(ROWS) or set(flags.kernels) != set(VARIABLES)
    if page and is_part and (reason := page.refuses(facts)):
        print(reason, file=sys.stderr)
        page = None
    print(", ".join(f"{key}: {value}" for key, value in facts.items() if value != {}), flush=True)
    todo = [(name, kernels) for name in rows for kernels in kinds_of(flags)]
    run = Run(facts, measure_all(todo, flags))
    all_measured = len(run.results) == len(todo)
    if run.results:
        print_results(run.results)
        write_json(flags.json, run)
        if page and (all_measured or not page.refuses(facts)):
            page.write_rows(run, is_part or not all_measured)
    return 0 if all_measured else 1


def print_results(results: Sequence[Result]) -> None:
    """Print the libraries, the table, and the share of other processes."""
    print_libraries(results)
    print_table(results)
    print(f"\n{quiet(results)}")
    if any(result.verdict == "busy" for result in results):
        print("busy: other processes disturbed the blocks; measure again on an idle machine")


def write_json(path: Path | None, run: Run) -> None:
    """Write a run to a JSON file, if there is a path."""
    if path:
        with atomic_write(path) as partial:
            content = json.dumps(run.as_dict(), indent=2, ensure_ascii=False)
            partial.write_text(content + "\n", encoding="utf-8")


def facts_of(flags: argparse.Namespace) -> dict[str, Any]:
    """The machine and the settings of a run."""
    facts = machine_facts()
    forced = facts["forced_kernels"]
    facts["forced_kernels"] = {name: forced[name] for name in forced if name not in OVERRIDES}
    return facts | {name: getattr(flags, name) for name in ("threads", "seed", "seconds")}


def measure_all(todo: Sequence[tuple[str, Kernels]], flags: argparse.Namespace) -> list[Result]:
    """Measure rows with kinds of kernels, when the machine is quiet.

    One that fails is told on standard error, and has no result.
    """
    results: list[Result] = []
    patience = Patience(flags.wait)
    is_quiet = patience.wait()
    layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"
    total = flags.seconds * len(todo)
    with progress(tqdm, total=total, desc=todo[0][0], bar_format=layout, leave=False) as bar:
        for name, kernels in todo:
            bar.set_description_str(f"{name}, {kernels.name}")
            if not is_quiet and patience.left > 0:
                patience.wait()
            settings = flags.seconds, flags.threads, flags.seed, bar.update
            try:
                results.append(measure(name, kernels, *settings))
                is_quiet = results[-1].others <= LIMIT
            except BenchmarkError as error:
                tqdm.write(str(error), file=sys.stderr)
    return results


def kinds_of(flags: argparse.Namespace) -> list[Kernels]:
    """The chosen kinds of kernels; ``BenchmarkError`` if this machine has none of them."""
    found = kinds(flags.kernels)
    if not found:
        raise BenchmarkError("BLAS's own kernels are AVX2 kernels here, or it has none: use own")
    return found


def print_libraries(results: Sequence[Result]) -> None:
    """Print the libraries of both sides, each different line once."""
    lines = {
        f"{side}: " + "; ".join(f"{name} {version}" for name, version in libraries.items()): None
        for result in results
        for side, libraries in result.libraries.items()
    }
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
