"""The code appendix as Markdown, for a cell of a notebook or a file of its own."""

import re
from collections.abc import Iterable, Sequence

from course.listings import MARK, Appendix, Listing, printable

FIRST_LINE = f"<!-- {MARK} -->"
# Characters that mean something to Markdown, or to the HTML and mathematics inside it.
SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#!|~$&^]|^[-+=]|^\d+(?=[.)] )")


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return SPECIAL.sub(_escaped, printable(text))


def _escaped(found: re.Match[str]) -> str:
    digits = found[0].isdigit()  # 1. would begin a list
    return f"&#{ord(found[0][0])};{found[0][1:]}" if digits else f"\\{found[0]}"


def as_code(text: str) -> str:
    """Text in backticks, more of them than it holds in a row."""
    text = printable(text)
    marks = "`" * (1 + longest_run(text))
    space = " " * (text.startswith("`") or text.endswith("`"))
    return f"{marks}{space}{text}{space}{marks}"


def longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)


def render(appendix: Appendix, level: int, standalone: bool = False) -> str:
    """The appendix as Markdown.

    Parameters
    ----------
    appendix : Appendix
    level : int
        Of the sections' headings, from 1 on.
    standalone : bool
        If True, it begins with a title, and the author if there is one.
    """
    blocks = [FIRST_LINE]
    if standalone:
        blocks.append(f"# {escape(appendix.title)}")
        blocks += [escape(appendix.author)] * bool(appendix.author)
    for section in appendix.sections:
        blocks.append(f"{'#' * level} {escape(section.heading)}")
        for part in section.parts:
            blocks += [escape(part)] if isinstance(part, str) else _listing(part)
    return "\n\n".join(blocks) + "\n"


def _listing(listing: Listing) -> Iterable[str]:
    title = f"{escape(listing.title)}: " if listing.title else ""
    yield f"{title}{as_code(listing.name)}{escape(listing.place)}"
    yield fenced(listing.code, "python" if listing.is_python else "text")


def fenced(lines: Sequence[str], language: str) -> str:
    """Lines as a block of code, whatever backticks they hold."""
    code = "\n".join(printable(line).expandtabs(4) for line in lines)
    fence = "`" * max(3, 1 + longest_run(code))
    return f"{fence}{language}\n{code}\n{fence}"
