"""From a name and options to an object, with helpful error messages."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def suggestion(name: object, known: Iterable[str]) -> str:
    """``"; did you mean 'relu'?"`` for the known name closest to ``name``, or nothing."""
    by_lower_case = {key.lower(): key for key in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]!r}?" if close else ""


def lookup(kind: str, name: object, table: Mapping[str, T]) -> T:
    """The entry of ``table`` called ``name``.

    Raises
    ------
    ValueError
        If there is none. The message lists the known names and says which is closest.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    known = ", ".join(table)
    raise ValueError(f"unknown {kind} {name!r}{suggestion(name, table)} (known: {known})")


def find_name(entry: object, table: Mapping[str, object]) -> str:
    """The name under which a table has an entry; empty if it has none."""
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


def without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given: those that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def build(
    what: str, make: Callable[..., T], options: Mapping[str, Any], *, keep_none: bool = False
) -> T:
    """Call ``make`` with those ``options`` that are not None; all of them must be known.

    With ``keep_none``, None is a value like others.

    Raises
    ------
    ValueError
        If ``make`` takes no such option, or needs one that is not given.
    """
    signature = inspect.signature(make).parameters
    variadic = {key for key, p in signature.items() if p.kind == p.VAR_KEYWORD}
    if not variadic:
        check_keys(what, options, signature)
    given = dict(options) if keep_none else without_none(options)
    if variadic:  # what ``make`` itself has to refuse, it has to see
        given |= {key: value for key, value in options.items() if key not in signature}
    for key, parameter in signature.items():
        if parameter.default is parameter.empty and key not in given and key not in variadic:
            raise ValueError(f"{what} needs the option {key!r}")
    return make(**given)


def constructor_options(cls: type) -> list[str]:
    """The arguments that a class's constructor takes, or passes on to its base as **options."""
    names: list[str] = []
    for owner in cls.__mro__:
        if "__init__" in vars(owner):
            _, *parameters = inspect.signature(vars(owner)["__init__"]).parameters.values()
            passes_on = [p for p in parameters if p.kind == p.VAR_KEYWORD]
            names += [p.name for p in parameters if p not in passes_on and p.name not in names]
            if not passes_on:
                break
    return names


def options_in(name: str, value: Any) -> dict[str, Any]:
    """A mapping of options as a dictionary, empty for None; ``TypeError`` if it is none."""
    if not isinstance(value, Mapping | None):
        raise TypeError(f"{name} must be a mapping of options, got {value!r}")
    return dict(value or {})
