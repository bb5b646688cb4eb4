r"""The code appendix as LaTeX, to ``\input``, or to compile by itself.

It takes the package ``listings`` alone. Each file brings its own environment, whose name does not
occur in the code, and a table of the characters beyond ASCII that do.
"""

import re
from collections.abc import Sequence

from course.characters import cluster_places, clusters, in_latex
from course.listings import MARK, Appendix, Listing, printable

FIRST_LINE = f"% {MARK}"
COMMANDS = ("section", "subsection", "subsubsection")
LONG = 40
"""Words of code that are longer may be broken."""
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''{}",
    "`": r"\textasciigrave{}", "-": r"-{}",
}  # fmt: skip
PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[margin=1in]{geometry}
\usepackage{xcolor}
\usepackage{listings}
\setcounter{secnumdepth}{0}
\begin{document}
"""
HOW_TO_USE = r"""% In your write-up: \usepackage{listings} before \begin{document}, and \input
% with the name of this file where the code belongs.
"""
ENVIRONMENT = r"""\makeatletter
\@ifundefined{lstnewenvironment}{%
  \@latex@error{Add \string\usepackage{listings} before \string\begin{document}}\@ehc}{}
\@ifundefined{color}{\def\NAMEgray{}}{%
  \definecolor{NAMEgray}{gray}{0.35}\def\NAMEgray{\color{NAMEgray}}}
\let\NAME\relax \let\endNAME\relax \let\NAME@\relax
% A page rather ends here than a few lines below; not after a heading of yours.
\def\NAMEneed{\if@nobreak\else
  \par\vskip 0pt plus 8\baselineskip\penalty-200\vskip 0pt plus -8\baselineskip\fi}
\lstnewenvironment{NAME}[2][Python]{\lstset{language=#1,
  basicstyle=\fontsize{8}{9.6}\selectfont\ttfamily, keywordstyle=\bfseries, commentstyle=\NAMEgray,
  stringstyle={}, identifierstyle={}, columns=fullflexible, keepspaces=true, tabsize=4,
  showstringspaces=false, showspaces=false, showtabs=false, upquote=true, extendedchars=true,
  mathescape=false, texcl=false, escapechar={}, escapeinside={}, gobble=0, numbers=none,
  breaklines=true, breakatwhitespace=false, breakindent=2em, breakautoindent=true,
  postbreak=\mbox{\ensuremath{\hookrightarrow}\space}, prebreak={},
  frame=lines, framesep=3pt, aboveskip=\medskipamount, belowskip=\bigskipamount,
  captionpos=t, caption={[{#2}]\raggedright #2},
  literate=TABLE}}{}
"""
# XeTeX and LuaTeX read a character as one, and listings knows those below 256 only.
LETTERS = r"""\ifx\Umathchar\undefined\else
  \@ifundefined{NAME@DefEC}{\let\NAME@DefEC\lst@DefEC}{}
  \def\NAME@letter#1{%
    \ifnum\catcode`#1=\active
      \lccode`\~=`#1\lccode`\/=`#1\lowercase{\lst@CCECUse@\lst@ProcessLetter~/}%
    \else
      \lst@ifactivechars\catcode`#1=\active\fi
      \lccode`\~=`#1\lccode`\/=`#1\lowercase{\def~{\lst@ProcessLetter/}}%
    \fi}
  \def\lst@DefEC{\NAME@DefEC LETTERS}
\fi
\makeatother
"""


def escape(text: str, breaks: bool = False) -> str:
    r"""Text that LaTeX sets as it is, if wanted with line breaks after ``/``, ``_`` and ``.``."""
    text = printable(text)
    pieces, end = [], 0
    for start, after in (*cluster_places(text), (len(text), len(text))):
        for c in text[end:start]:
            pieces.append(SPECIAL.get(c, c) + r"\allowbreak{}" * (breaks and c in "/_."))
        cluster, end = text[start:after], after
        pieces.append((in_latex(cluster) or boxed(cluster)) if cluster else "")
    return "".join(pieces)


def boxed(cluster: str) -> str:
    """The code points of characters without a command, in a box."""
    points = " ".join(f"U+{ord(c):04X}" for c in cluster)
    return rf"{{\setlength{{\fboxsep}}{{1pt}}\smash{{\fbox{{\tiny {points}}}}}}}"


def render(appendix: Appendix, level: int, standalone: bool = False) -> tuple[str, list[str]]:
    """The appendix as LaTeX, and a warning for each character that LaTeX lacks here.

    Parameters
    ----------
    appendix : Appendix
    level : int
        Of the headings: 1 for sections, 2 for subsections, 3 for subsubsections.
    standalone : bool
        If True, it has a preamble and a title, and compiles by itself.
    """
    code = "\n".join(line for listing in appendix.listings for line in listing.code)
    name = environment_name(code)
    mark = next(chr(c) for c in range(0xE000, 0xF900) if chr(c) not in code)
    texts = [_text(listing, mark) for listing in appendix.listings]
    bodies = iter(texts)
    parts = [f"{FIRST_LINE}\n", PREAMBLE if standalone else HOW_TO_USE]
    parts.append(environment(name, "\n".join(texts), mark))
    if standalone:
        author = rf"\\[1ex] \large {escape(appendix.author)}" if appendix.author else ""
        parts.append(f"\\begin{{center}}\\Large {escape(appendix.title)}{author}\\end{{center}}\n")
    for section in appendix.sections:
        parts.append(f"\n\\{name}need\\{COMMANDS[level - 1]}{{{escape(section.heading)}}}\n")
        for i, part in enumerate(section.parts):
            if isinstance(part, Listing):
                parts.append(f"\n\\{name}need" * (i > 0))
                parts.append(_listing(part, name, next(bodies)))
            else:
                parts.append(f"\n{escape(part)}\n")
    parts += ["\n\\end{document}\n"] * standalone
    return "".join(parts), unknown_characters(appendix.listings)


def environment_name(code: str) -> str:
    """A name that does not occur in the code."""
    name = "kitcode"
    while name in code:
        name += "x"
    return name


def environment(name: str, text: str, mark: str) -> str:
    """The environment for the listings that have this text together.

    ``mark`` is a character that shows nothing, and where a line may be broken.
    """
    # The longest first: an accented letter before the letter that it begins with.
    found = sorted(set(clusters(text)) - {mark}, key=lambda cluster: (-len(cluster), cluster))
    entries = [f"{{{c}}}{{{{{in_latex(c) or boxed(c)}}}}}1" for c in found]
    entries += [f"{{{mark}}}{{{{}}}}0"] * (mark in text)
    table = "\n   ".join(entries or ["{}"])
    each = "".join(rf"\NAME@letter {c}" for c in sorted(set(text)) if c >= "\x80")
    code = ENVIRONMENT.replace("TABLE", table) + LETTERS.replace("LETTERS", each)
    return code.replace("NAME", name)


def unknown_characters(listings: Sequence[Listing]) -> list[str]:
    """A warning for each character that LaTeX lacks here, with its first file."""
    warnings = {}
    for listing in listings:
        for cluster in clusters(printable("".join(listing.code))):
            if cluster not in warnings and in_latex(cluster) is None:
                points = " ".join(f"U+{ord(c):04X}" for c in cluster)
                what = f"{cluster} ({points})" if cluster.isprintable() else points
                warnings[cluster] = f"{listing.name}: {what} is printed as its code point"
    return list(warnings.values())


def _listing(listing: Listing, name: str, text: str) -> str:
    title = f"{escape(listing.title)}: " if listing.title else ""
    caption = rf"{title}\texttt{{{escape(listing.name, breaks=True)}}}"
    caption += escape(listing.place.replace("-", "–"))
    language = "" if listing.is_python else "[]"
    return f"\n\\begin{{{name}}}{language}{{{caption}}}\n{text}\n\\end{{{name}}}\n"


def _text(listing: Listing, mark: str) -> str:
    lines = (printable(line).expandtabs(4) for line in listing.code)
    return "\n".join(breakable(line, mark) for line in lines)


def breakable(line: str, mark: str) -> str:
    """A line in which long words have a mark where they may be broken."""
    inside = r"(?=[^\s\u0300-\u036f])"
    return re.sub(rf"(\w{{{LONG}}}|[^\w\s]{{{LONG}}}){inside}", rf"\1{mark}", line)
