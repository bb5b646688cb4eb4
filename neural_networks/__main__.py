"""Commands for datasets and finished runs: ``python -m neural_networks COMMAND --help``.

``pip install`` makes the command ``neural-networks`` of it.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from neural_networks.cli.parser import Parser, program

COMMANDS = {
    "datasets": "list datasets, download them, and draw examples",
    "compare": "list the runs in a folder, lowest validation loss first",
    "draw": "draw the pictures of finished runs anew",
    "predict": "predict new examples with a finished run",
    "ensemble": "average the predictions of several runs, or take a vote over Kaggle files",
}
"""Modules of ``neural_networks.cli`` with a ``main``, and their descriptions."""

EXAMPLES = """
examples:
  python -m neural_networks datasets list
  python -m neural_networks datasets show digits
  python -m neural_networks compare
  python -m neural_networks draw experiments/iris
  python -m neural_networks predict experiments/iris flowers.csv
  python -m neural_networks ensemble average experiments/iris experiments/iris-2

"python -m neural_networks COMMAND --help" explains the flags of a command. Networks are trained by
train_ffnn.py, train_rnn.py and train_cnn.py; each of them has --help, too.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments begin with; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    lines = [f"  {name:<10}{text}" for name, text in COMMANDS.items()]
    parser = Parser(
        prog=program(),
        usage="%(prog)s COMMAND ...",
        description="Look at datasets and finished runs.",
        epilog="\n".join(["commands:", *lines, EXAMPLES]),
        allow_abbrev=False,
    )
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of those below")
    flags = parser.parse_args(arguments[:1])
    command = import_module(f"neural_networks.cli.{flags.command}")
    status: int = command.main(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main())
