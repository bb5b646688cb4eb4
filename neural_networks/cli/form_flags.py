"""Flags for the form of a CSV file of examples, where it is not recognized."""

import argparse
from typing import Any

FORM = ("header", "sep", "decimal", "encoding")


def add_header_flag(group: Any) -> None:
    """Add the flag that says whether the first line of the examples holds names."""
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="the first line of a CSV file holds names of columns, or an example like the others "
        "(default: names, if they are those of the features)",
    )


def add_form_flags(group: Any) -> None:
    """Add all flags of the form of a CSV file."""
    add_header_flag(group)
    recognized = "(default: recognized, else as in the training table)"
    group.add_argument(
        "--sep",
        metavar="NAME",
        help=f"character between cells: comma, semicolon, tab, pipe, space {recognized}",
    )
    group.add_argument(
        "--decimal", metavar="NAME", help=f"decimal sign: point or comma {recognized}"
    )
    group.add_argument(
        "--encoding", metavar="NAME", help="such as latin-1 (default: as in training, or UTF-8)"
    )


def form_of(flags: argparse.Namespace) -> dict[str, Any]:
    """The form of a CSV file as far as the flags tell it."""
    return {key: getattr(flags, key, None) for key in FORM}
