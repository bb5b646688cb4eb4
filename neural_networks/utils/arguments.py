"""Command lines: an error in one line, a flag given twice, defaults in the help, printed text.

It needs Python's standard library alone, so that programs start where nothing is installed.
"""

import argparse
import codecs
import io
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, NoReturn

WRONG_ARGUMENTS = 2
"""The exit status after a wrong argument."""


class Typed(NamedTuple):
    """A value from the command line, and its flag as typed."""

    value: Any
    words: str


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A help text that ends each flag with its default: ``(default: 0.1)``.

    Parameters
    ----------
    prog : str
        The program's name.
    defaults : mapping
        Defaults that the parser itself does not have.
    """

    def __init__(self, prog: str, defaults: Mapping[str, Any], **options: Any) -> None:
        super().__init__(prog, **options)
        self._defaults = defaults

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        needed = action.required or not action.option_strings or action.dest == "help"
        if needed or "(default" in text:
            return text
        default = default_text(self._defaults.get(action.dest, action.default))
        return f"{text} (default: {default.replace('%', '%%')})"


def default_text(value: Any) -> str:
    """A default for the help text: ``none``, ``yes`` or ``no``, numbers as they are typed."""
    if value is None or value in ("", (), []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line.

    A flag that is given twice, with two values, is an error that names both. ``--help`` tells the
    default of every flag, unless its text speaks of it.

    Parameters
    ----------
    defaults : mapping, optional
        Defaults for ``--help`` that the parser itself does not have, by the names of arguments:
        those that are looked up later, such as in a configuration.
    **options
        Those of ``argparse.ArgumentParser``.
    """

    def __init__(self, *, defaults: Mapping[str, Any] | None = None, **options: Any) -> None:
        layout = partial(HelpFormatter, defaults=defaults or {})
        super().__init__(**{"formatter_class": layout, **options})
        self.typed: dict[str, Typed] = {}
        self.register("action", None, Once)
        self.register("action", "store", Once)
        self.register("action", argparse.BooleanOptionalAction, OnceOnOrOff)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments that are known; those parsed before are forgotten."""
        self.typed = {}
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit."""
        self.exit(WRONG_ARGUMENTS, f"{self.prog}: error: {message} (--help explains the flags)\n")


class GivenOnce(argparse.Action):
    """A flag that is an error if it is given twice with different values."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the value, and compare it with the one before."""
        super().__call__(parser, namespace, values, option_string)
        if option_string is None or not isinstance(parser, Parser):
            return  # an argument by its position is there once
        texts = map(str, values if isinstance(values, list) else [values])
        now = Typed(getattr(namespace, self.dest), shlex.join([option_string, *texts]))
        before = parser.typed.setdefault(self.dest, now)
        if repr(before.value) != repr(now.value):  # NaN differs from itself
            parser.error(f"{before.words} and {now.words}: give one of them")


class Once(GivenOnce, argparse._StoreAction):
    """A flag with values: two different ones are an error."""


class OnceOnOrOff(GivenOnce, argparse.BooleanOptionalAction):
    """A flag ``--x`` with an opposite ``--no-x``: both of them are an error."""


@contextmanager
def printable_output() -> Iterator[None]:
    """A context in which standard output takes any text; what its encoding lacks is escaped.

    The name of a folder may lie outside of the encoding, that of a class, or a sign of ours.
    """
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper) or takes_any_text(out):
        yield
        return
    errors = out.errors
    out.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        out.reconfigure(errors=errors)


def takes_any_text(out: io.TextIOWrapper) -> bool:
    """True if a stream encodes any text; its bytes are then those of the names of files."""
    return out.errors == "surrogateescape" and codecs.lookup(out.encoding).name == "utf-8"
