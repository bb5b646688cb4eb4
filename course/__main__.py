"""The course's tools: ``python -m course check [NAME]`` and ``python -m course matrix [NAME]``."""

import argparse
import sys
from collections.abc import Sequence

from course.assignment import assignment_names
from course.starter import ROOT
from neural_networks.cli.parser import Parser, exit_status

EXAMPLES = """\
examples:
  python -m course check
  python -m course check spring-2023
  python -m course matrix

check reads the manifest, looks for leaks, counts the tests, and solves each exercise alone. matrix
makes every listed mistake in turn, and prints which test catches it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    parser = Parser(
        prog="python -m course",
        description="Check assignments.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=("check", "matrix"), help="what to do")
    names = ", ".join(assignment_names(ROOT))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"assignments, of {names}")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args(argv)

    def act() -> int:
        if flags.command == "check":
            from course import checking

            return checking.main(flags.names)
        from course import matrix

        return int(matrix.main(flags.names) or 0)

    return exit_status("python -m course", act, flags.debug)


if __name__ == "__main__":
    sys.exit(main())
