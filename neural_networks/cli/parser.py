"""Argument parsers, exit codes, and one-line error messages."""

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn, Protocol, TextIO

from neural_networks.training.loop import TrainingDiverged, TrainingInterrupted
from neural_networks.utils.factories import suggestion

DIVERGED, WRONG_ARGUMENTS, INTERRUPTED, OUTPUT_CLOSED = 1, 2, 130, 141


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error, with the closest flag if one is unknown, and exit."""
        if message.startswith("unrecognized arguments"):
            known = _flags(self)
            typed = re.findall(r"(?<=\s)--?[A-Za-z][^\s=]*", message)
            unknown = [flag for flag in typed if flag not in known]
            message += suggestion(unknown[0], known) if unknown else ""
        self.exit(WRONG_ARGUMENTS, f"{self.prog}: error: {message} (--help explains the flags)\n")


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    """The flags of a parser and of its commands."""
    flags = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            flags += [flag for command in action.choices.values() for flag in _flags(command)]
    return flags


def key_value(text: str) -> tuple[str, Any]:
    """A flag's KEY=VALUE as a pair; the value is read as JSON where possible, else as text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


# If such a flag is repeated, its options add up.
KEY_VALUES: dict[str, Any] = {
    "type": key_value,
    "nargs": "+",
    "action": "extend",
    "metavar": "KEY=VALUE",
}


class Main(Protocol):
    """A decorated ``main``."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Run the program with these arguments, by default those of the command line."""


def command(program: str) -> Callable[[Callable[[Sequence[str]], None]], Main]:
    """Decorator for the ``main`` of a program: errors and warnings in a line, and an exit status.

    The decorated function takes the arguments, by default those of the command line, and returns
    the exit status: 0; 1 if a training diverged; 2 if an argument was wrong or a file could not
    be read or written; 130 after Ctrl-C; 141 if the reader of the output has gone. The argument
    ``--debug`` shows the traceback of an error.

    Parameters
    ----------
    program : str
        The program's name, for error messages.
    """

    def decorate(main: Callable[[Sequence[str]], None]) -> Main:
        @wraps(main)
        def run(argv: Sequence[str] | None = None) -> int:
            arguments = list(sys.argv[1:] if argv is None else argv)
            return exit_status(program, partial(_train, main, arguments), "--debug" in arguments)

        return run

    return decorate


def exit_status(program: str, act: Callable[[], int], debug: bool = False) -> int:
    """The exit status of a program: that of ``act``, or of the error that ended it.

    Warnings are printed, in one line each.

    Parameters
    ----------
    program : str
        The program's name, for error messages.
    act : function
        Does the work; returns an exit status.
    debug : bool
        If True, errors are raised, not printed.
    """
    try:
        with printed_warnings():
            status = act()
        if sys.stdout is not None:  # None if the caller has closed it
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output, such as head, has gone: end as by SIGPIPE, silently.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except (ArithmeticError, MemoryError, OSError, TypeError, ValueError) as error:
        if debug:
            raise
        print(f"{program}: error: {error}", file=sys.stderr)
        return WRONG_ARGUMENTS


@contextmanager
def printed_warnings() -> Iterator[None]:
    """A context in which a ``UserWarning`` is a line on standard error: ``warning: ...``."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        show = warnings.showwarning

        def print_line(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, UserWarning):
                print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = print_line
        yield


def _train(main: Callable[[Sequence[str]], None], arguments: Sequence[str]) -> int:
    """Call ``main``; returns the exit status, also after a training that ended early."""
    try:
        main(arguments)
        return 0
    except TrainingInterrupted as end:
        print(f"\n{end}.{_saved_in(end.folder)}")
        return INTERRUPTED
    except TrainingDiverged as end:
        print(f"error: {end}.{_saved_in(end.folder)}", file=sys.stderr)
        return DIVERGED


def _saved_in(folder: Path | None) -> str:
    return "" if folder is None else f" The results so far are in {folder.resolve()}."
