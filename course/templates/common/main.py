"""Commands for datasets: ``python -m neural_networks datasets --help``."""

import sys
from collections.abc import Sequence

from neural_networks.cli import datasets


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments begin with; returns its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if arguments[:1] != ["datasets"]:
        print(f"python -m neural_networks: error: {__doc__}", file=sys.stderr)
        return 2
    return datasets.main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
