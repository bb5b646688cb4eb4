"""Command that draws the pictures of runs anew: ``python -m neural_networks draw``."""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from neural_networks.cli.parser import Parser, command, program
from neural_networks.logs import draw_pictures
from neural_networks.utils.files import display_path

PROGRAM = program("draw")

EXAMPLES = """\
examples:
  python -m neural_networks draw experiments/iris
  python -m neural_networks draw experiments/iris*

The files of the run, such as log.csv and test_predictions.csv, hold all that its pictures show. A
run of an older version lacks some of them: the pictures that need these stay as they are.
"""


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Draw the pictures, and print their paths."""
    parser = Parser(
        prog=PROGRAM,
        description="Draw the pictures of runs anew, from the files in their folders.",
        epilog=EXAMPLES,
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="folder of a run")
    for run in parser.parse_args(argv).runs:
        drawn = draw_pictures(run)
        for picture in drawn:
            print(display_path(picture))
        if not drawn:
            warnings.warn(f"no picture is drawn in {display_path(run)}", stacklevel=1)


if __name__ == "__main__":
    sys.exit(main())
