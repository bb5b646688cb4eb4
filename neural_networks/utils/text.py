"""Text for messages."""

from collections.abc import Sequence

EXTRA_DIGITS = 2
"""Digits that ``percent`` adds at most."""


def four_digits(number: float) -> str:
    """A number with four significant digits, without an exponent up to 1e10: ``23,410``."""
    return f"{float(f'{number:.4g}'):,.10g}"


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 epoch``, ``2 epochs``; its plural ends in s by default."""
    return f"{n} {noun if n == 1 else plural or f'{noun}s'}"


def percent(share: float, digits: int = 1) -> str:
    """A share in percent, ``97.3%``; only exactly 0 and 1 are ``0.0%`` and ``100.0%``.

    Other shares that would be rounded to these get up to ``EXTRA_DIGITS`` more digits, as in
    ``99.95%``; beyond, they are ``<0.001%`` or ``>99.999%``.

    Parameters
    ----------
    share : float
        In [0, 1].
    digits : int
        Digits after the point.
    """
    return _inside(100 * share, 100.0, digits, share in (0, 1)) + "%"


def fraction(share: float, digits: int = 4) -> str:
    """A share as a number, ``0.9730``; only exactly 0 and 1 are ``0.0000`` and ``1.0000``.

    See ``percent``.
    """
    return _inside(share, 1.0, digits, share in (0, 1))


def _inside(value: float, top: float, digits: int, at_an_end: bool) -> str:
    """``value`` with at least so many digits, not rounded to 0 or ``top`` unless it is there."""
    for more in range(EXTRA_DIGITS + 1):
        text = f"{value:.{digits + more}f}"
        if at_an_end or float(text) not in (0, top) or not 0 <= value <= top:
            return text
    step = 10.0 ** -(digits + EXTRA_DIGITS)
    sign, bound = ("<", step) if value < top / 2 else (">", top - step)
    return f"{sign}{bound:.{digits + EXTRA_DIGITS}f}"


def listed(names: Sequence[str], most: int = 10, longest: int = 30) -> str:
    """Names in a line, ``a, b, c``; of more than ``most`` of them, the first and their number.

    A name of more than ``longest`` characters is cut, and ends with ``…``.
    """
    shown = [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
