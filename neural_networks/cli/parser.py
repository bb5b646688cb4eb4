"""Argument parsers, exit codes, and one-line error messages."""

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn, Protocol, TextIO

from neural_networks.cli.code_errors import code_error
from neural_networks.training.interruption import TrainingInterrupted, TrainingTerminated
from neural_networks.training.loop import TrainingDiverged
from neural_networks.utils import arguments
from neural_networks.utils.arguments import WRONG_ARGUMENTS, printable_output
from neural_networks.utils.factories import suggestion
from neural_networks.utils.files import RepeatedKey, parse_json, user_path

DIVERGED, INTERRUPTED, OUTPUT_CLOSED = 1, 130, 141

COMMAND, MODULE = "neural-networks", "python -m neural_networks"
"""The command that pip installs, see ``[project.scripts]`` in ``pyproject.toml``; the same."""


def program(name: str = "") -> str:
    """The words that start a command, as they have been typed: ``python -m neural_networks draw``.

    After ``pip install`` they may be ``neural-networks draw``.
    """
    installed = Path(*sys.argv[:1]).stem == COMMAND
    return f"{COMMAND if installed else MODULE} {name}".strip()


class Parser(arguments.Parser):
    """The parser of a program: an error is one line, with the closest flag if one is unknown.

    In paths, ``~`` is the user's folder, also in ``--output=~/file``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("type", Path, user_path)

    def format_help(self) -> str:
        """The help text; its examples start as the program has been started."""
        return super().format_help().replace(MODULE, program())

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit."""
        if message.startswith("unrecognized arguments"):
            known = _flags(self)
            typed = re.findall(r"(?<=\s)--?[A-Za-z][^\s=]*", message)
            unknown = [flag for flag in typed if flag not in known]
            message += suggestion(unknown[0], known) if unknown else ""
        super().error(message)


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    """The flags of a parser and of its commands."""
    flags = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            flags += [flag for command in action.choices.values() for flag in _flags(command)]
    return flags


class KeyValues(argparse.Action):
    """A flag of KEY=VALUE options, which become a dictionary.

    If the flag is repeated, its options add up. A key with two values is an error that names both,
    unless it is one of ``several``.

    Parameters
    ----------
    several : sequence of str
        Keys of options that name several things: their values add up to a list.
    **options
        Those of ``argparse.Action``.
    """

    def __init__(self, *, several: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.several = several

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add the pairs to those so far."""
        given: dict[str, Any] = dict(getattr(namespace, self.dest) or {})
        for key, value in values:
            if key in given and key in self.several:
                value = [*as_list(given[key]), *as_list(value)]
            elif key in given and repr(given[key]) != repr(value):
                before, now = (f"{option_string} {key}={v}" for v in (given[key], value))
                parser.error(f"{before} and {now}: give {key} only once")
            given[key] = value
        setattr(namespace, self.dest, given)


def as_list(value: Any) -> list[Any]:
    """A list as it is, anything else as the only entry of one."""
    return value if isinstance(value, list) else [value]


def key_value(text: str) -> tuple[str, Any]:
    """A flag's KEY=VALUE as a pair; the value is read as JSON where possible, else as text.

    Several numbers may stand without brackets: ``64,32`` is ``[64,32]``.
    """
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE")
    for candidate in (value, f"[{value}]"):
        try:
            return key, parse_json(candidate)
        except RepeatedKey as error:
            raise argparse.ArgumentTypeError(f"{key}: {error}") from None
        except ValueError:
            if "," not in value:
                break
    return key, value


KEY_VALUES: dict[str, Any] = {
    "type": key_value,
    "nargs": "+",
    "action": KeyValues,
    "metavar": "KEY=VALUE",
}


class Main(Protocol):
    """A decorated ``main``."""

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Run the program with these arguments, by default those of the command line."""


def command(program: str) -> Callable[[Callable[[Sequence[str]], None]], Main]:
    """Decorator for the ``main`` of a program: errors and warnings in a line, and an exit status.

    The decorated function takes the arguments, by default those of the command line, and returns
    the exit status: 0; 1 if a training diverged; 2 if an argument was wrong, a file could not be
    read or written, or the code of a layer, a loss or an optimizer failed; 130 after Ctrl-C; 141
    if the reader of the output has gone. The argument ``--debug`` shows the traceback of an error.

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
        with printed_warnings(), printable_output():
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
    except Exception as error:
        text = error_text(error)
        if debug or text is None:
            raise
        print(f"{program}: {text}", file=sys.stderr)
        return WRONG_ARGUMENTS


def error_text(error: Exception) -> str | None:
    """The message of an error that ends a program; None for a fault of the program itself.

    A line for a wrong argument or file; for an error in the code of a layer, a loss or an
    optimizer its place, too, see ``code_errors``.
    """
    if isinstance(error, NotImplementedError):
        return None  # an exercise
    told = isinstance(error, ArithmeticError | MemoryError | OSError | TypeError | ValueError)
    lines = None if isinstance(error, MemoryError | OSError) else code_error(error)
    return lines or (f"error: {error}" if told else None)


@contextmanager
def printed_warnings() -> Iterator[None]:
    """A context in which a ``UserWarning`` is a line on standard error, once: ``warning: ...``."""
    printed = set()
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
                text = f"warning: {' '.join(str(message).split())}"
                if text not in printed:
                    print(text, file=sys.stderr)
                printed.add(text)
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = print_line
        yield


def _train(main: Callable[[Sequence[str]], None], arguments: Sequence[str]) -> int:
    """Call ``main``; returns the exit status, also after a training that ended early."""
    try:
        main(arguments)
        return 0
    except (TrainingInterrupted, TrainingTerminated) as end:
        print(f"\n{end}.{_saved_in(end.folder)}", *notes_of(end), sep="\n")
        return 128 + end.signal
    except TrainingDiverged as end:
        print(f"error: {end}.{_saved_in(end.folder)}", file=sys.stderr)
        for note in notes_of(end):
            print(note)
        return DIVERGED


def notes_of(error: BaseException) -> list[str]:
    """The texts that have been added to an error: commands to try next."""
    return getattr(error, "__notes__", [])


def _saved_in(folder: Path | None) -> str:
    return "" if folder is None else f" The results so far are in {folder.resolve()}."
