"""Predict new examples with a finished run.

``python -m neural_networks predict RUN FILE`` reads raw examples, preprocesses them as the run's
training did, and writes a table: row, class, and the probability of each class.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from neural_networks.cli.form_flags import add_form_flags, form_of
from neural_networks.cli.parser import Parser, command, program
from neural_networks.runs import load_run
from neural_networks.utils.files import atomic_write, check_output, display_path
from neural_networks.utils.text import counted

PROGRAM = program("predict")

EXAMPLES = """\
FILE is a CSV file, compressed or not, or an .npy file. If the first line of a CSV file has the
names of the features (or of the columns that they come from), columns may be in any order, and
others are ignored; without names, the columns are the features alone. A first line 0,1,2 ... needs
--header or --no-header. An .npy file holds one example per row, or images (n, H, W, C).

The columns of the result are row, from 1; class; and probability_NAME for each class (score_NAME
after a training with a hinge loss). A network that predicts numbers has prediction_0 ... instead.

examples:
  python -m neural_networks predict iris flowers.csv
  python -m neural_networks predict experiments/iris flowers.csv --output kinds.csv
  python -m neural_networks predict experiments/digits-cnn images.npy --best | head
"""


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Predict, and write the table."""
    flags = make_parser().parse_args(argv)
    if flags.output:
        check_output(flags.output)
    run = load_run(flags.run, flags.best)
    table = run.predict(flags.file, **form_of(flags)).table()
    if flags.output:
        with atomic_write(flags.output) as partial:
            table.to_csv(partial, index=False)
    else:
        table.to_csv(sys.stdout, index=False)
    rows = counted(table["row"].iloc[-1], "row")
    where = f", in {display_path(flags.output)}" if flags.output else ""
    print(f"{rows} predicted by {display_path(run.folder)}{where}", file=sys.stderr)


def make_parser() -> Parser:
    """Create the parser of the command."""
    parser = Parser(
        prog=PROGRAM,
        description=__doc__.split("\n")[0],
        epilog=EXAMPLES,
    )
    parser.add_argument("run", metavar="RUN", help="folder of the run, or its name in experiments/")
    parser.add_argument("file", metavar="FILE", type=Path, help="raw examples, see below")
    parser.add_argument(
        "--output", metavar="CSV", type=Path, help="file for the table (default: standard output)"
    )
    parser.add_argument(
        "--best", action="store_true", help="use the parameters of the best epoch, not the last"
    )
    add_form_flags(parser.add_argument_group("form of a CSV file"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
