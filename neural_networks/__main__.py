"""Commands beside the training scripts: ``python -m neural_networks COMMAND --help``."""

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module

from neural_networks.cli.run import Parser

COMMANDS = {
    "datasets": "list datasets, download them, and draw examples",
    "compare": "list the runs in a folder, lowest validation loss first",
    "ensemble": "average the predictions of several runs, or let Kaggle files vote",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments begin with; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    width = max(map(len, COMMANDS))
    parser = Parser(
        prog="python -m neural_networks",
        usage="%(prog)s COMMAND ...",
        description="Commands beside the training scripts; each has a --help of its own.",
        epilog="\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of those below")
    flags = parser.parse_args(arguments[:1])
    command = import_module(f"neural_networks.cli.{flags.command}")
    status: int = command.main(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main())
