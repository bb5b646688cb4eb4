"""Objects from names and options, with helpful error messages."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def build(
    kind: str,
    table: Mapping[str, Callable[..., T]],
    name: object,
    options: Mapping[str, Any],
    *,
    keep_none: bool = False,
) -> T:
    """Build an object: call the entry of a table with some options.

    Parameters
    ----------
    kind : str
        The table's kind of entry, such as ``"layer"``; for error messages.
    table : mapping
        Classes or functions by their names.
    name : str
        The entry.
    options : mapping
        Its arguments; None means the entry's own default.
    keep_none : bool
        If True, None is a value like others.

    Raises
    ------
    ValueError
        If the name is unknown, the entry takes no such option, or needs one that is not given.
    """
    return call(f"{kind} {name!r}", lookup(kind, name, table), options, keep_none=keep_none)


def call(
    what: str, make: Callable[..., T], options: Mapping[str, Any], *, keep_none: bool = False
) -> T:
    """Call ``make`` with some options, as in ``build``; error messages begin with ``what``.

    If ``make`` takes ``**options``, it must check those that its signature does not name.
    """
    signature = inspect.signature(make).parameters
    named = [key for key, p in signature.items() if p.kind != p.VAR_KEYWORD]
    if len(named) == len(signature):
        check_keys(what, options, named)
    given = {
        key: value
        for key, value in options.items()
        if value is not None or keep_none or key not in named
    }
    for key in named:
        if key not in given and signature[key].default is inspect.Parameter.empty:
            raise ValueError(f"{what} needs the option {key!r}")
    return make(**given)


def option_names(make: Callable[..., Any]) -> list[str]:
    """The arguments that a function or a class takes.

    A class whose constructor has ``**options`` passes them on: its base's arguments are among them.
    """
    makers: list[Callable[..., Any]] = [make]
    if isinstance(make, type):
        makers = [cls for cls in make.__mro__ if "__init__" in vars(cls)]
    names: list[str] = []
    for maker in makers:
        parameters = inspect.signature(maker).parameters.values()
        passes_on = [p for p in parameters if p.kind == p.VAR_KEYWORD]
        names += [p.name for p in parameters if p not in passes_on and p.name not in names]
        if not passes_on:
            break
    return names


def lookup(kind: str, name: object, table: Mapping[str, T]) -> T:
    """Look up the entry of ``table`` called ``name``.

    Raises
    ------
    ValueError
        If there is none. The message lists the known names and suggests the closest one.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    known = ", ".join(table)
    raise ValueError(f"unknown {kind} {name!r}{suggestion(name, table)} (known: {known})")


def find_name(entry: object, table: Mapping[str, object]) -> str:
    """Find the name of an entry of a table; empty if the table does not have it."""
    return next((name for name, value in table.items() if value is entry), "")


def check_keys(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ``ValueError`` if ``given`` has a key that is not among ``known``."""
    known = list(known)
    for key in given:
        if key not in known:
            raise ValueError(
                f"{what} has no option {key!r}{suggestion(key, known)} (options: "
                f"{', '.join(known) or 'none'})"
            )


def suggestion(name: object, known: Iterable[str]) -> str:
    """``"; did you mean 'relu'?"`` for the known name closest to ``name``, or nothing."""
    by_lower_case = {key.lower(): key for key in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""


def without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def options_in(name: str, value: object) -> dict[str, Any]:
    """A mapping of options as a dictionary, empty for None.

    Raises
    ------
    TypeError
        If ``value`` is not a mapping.
    """
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{name} must be a mapping of options, got {value!r}")
    return dict(value or {})
