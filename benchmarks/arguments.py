"""Arguments that several benchmarks have: seconds to measure for, and a seed."""

import argparse
from collections.abc import Sequence

from neural_networks.utils.arguments import Parser


def parse_with_seed(
    parser: Parser, argv: Sequence[str] | None, seconds: float, what: str
) -> argparse.Namespace:
    """Parse a command line that has ``--seconds`` and ``--seed``, too, and check both.

    Parameters
    ----------
    parser : Parser
    argv : sequence of str, optional
        The command line's by default.
    seconds : float
        The default.
    what : str
        The help of ``--seconds``.
    """
    parser.add_argument("--seconds", type=float, default=seconds, metavar="S", help=what)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and data")
    flags = parser.parse_args(argv)
    if not 0 < flags.seconds < float("inf"):
        parser.error(f"--seconds must be a positive number, got {flags.seconds:g}")
    if flags.seed < 0:
        parser.error(f"--seed must be 0 or greater, got {flags.seed}")
    return flags
