r"""Characters beyond ASCII in LaTeX, without any package: σ as ``\ensuremath{\sigma}``."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho "
    "varsigma sigma tau upsilon phi chi psi omega"
)
CAPITALS = "A B Gamma Delta E Z H Theta I K Lambda M N Xi O Pi P . Sigma T Upsilon Phi X Psi Omega"
# Commands of mathematics.
MATH = {
    "∂": "partial", "∇": "nabla", "∑": "sum", "∏": "prod", "∫": "int", "√": "surd", "∞": "infty",
    "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "≡": "equiv", "∝": "propto", "∼": "sim",
    "≪": "ll", "≫": "gg", "«": "ll", "»": "gg", "±": "pm", "∓": "mp", "×": "times", "÷": "div",
    "·": "cdot", "∙": "cdot", "⋅": "cdot", "∘": "circ", "∗": "ast", "⊙": "odot", "⊗": "otimes",
    "⊕": "oplus", "∈": "in", "∉": "notin", "∋": "ni", "⊂": "subset", "⊆": "subseteq", "∪": "cup",
    "∩": "cap", "∅": "emptyset", "∀": "forall", "∃": "exists", "¬": "neg", "∧": "wedge",
    "∨": "vee", "→": "rightarrow", "←": "leftarrow", "↔": "leftrightarrow", "↑": "uparrow",
    "↓": "downarrow", "⇒": "Rightarrow", "⇐": "Leftarrow", "⇔": "Leftrightarrow", "↦": "mapsto",
    "⟶": "longrightarrow", "⟵": "longleftarrow", "‖": "Vert", "∥": "parallel", "∣": "mid",
    "⊥": "bot", "⊤": "top", "⌈": "lceil", "⌉": "rceil", "⌊": "lfloor", "⌋": "rfloor",
    "⟨": "langle", "⟩": "rangle", "ℓ": "ell", "†": "dagger", "‡": "ddagger", "•": "bullet",
    "…": "ldots", "⋯": "cdots", "⋮": "vdots", "⋱": "ddots", "ϵ": "epsilon", "ϕ": "varphi",
    "ϑ": "vartheta", "★": "star", "△": "triangle", "◦": "circ", "−": "mbox{-}", "ϱ": "varrho",
}  # fmt: skip
# Commands of text.
TEXT = {
    "\xa0": "~", "¡": "!`", "¿": "?`", "§": r"\S{}", "¶": r"\P{}", "©": r"\copyright{}",
    "£": r"\pounds{}", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''",
    "„": ",,", "‚": ",", "‐": "-", "‑": "-", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}",
    "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}",
    "ı": r"\i{}", "ȷ": r"\j{}", "°": r"\ensuremath{^\circ}", "′": r"\ensuremath{'}",
    "″": r"\ensuremath{''}", "─": "-", "━": "-", "═": "=", "│": r"\textbar{}", "┃": r"\textbar{}",
    "✓": r"\ensuremath{\surd}", "✔": r"\ensuremath{\surd}", "✗": r"\ensuremath{\times}",
    "✘": r"\ensuremath{\times}", "➜": r"\ensuremath{\rightarrow}",
    "➔": r"\ensuremath{\rightarrow}", "➡": r"\ensuremath{\rightarrow}", "µ": r"\ensuremath{\mu}",
    "░": r"\ensuremath{\cdot}", "\u2009": " ", "\u202f": "~", "\u2007": "~", "€": "EUR",
}  # fmt: skip
# Combining marks: the command of text, and that of mathematics.
ACCENTS = {
    "\u0300": ("`", "grave"), "\u0301": ("'", "acute"), "\u0302": ("^", "hat"),
    "\u0303": ("~", "tilde"), "\u0304": ("=", "bar"), "\u0306": ("u", "breve"),
    "\u0307": (".", "dot"), "\u0308": ('"', "ddot"), "\u030a": ("r", "mathring"),
    "\u030b": ("H", ""), "\u030c": ("v", "check"), "\u0305": ("=", "bar"),
    "\u0323": ("d", ""), "\u0327": ("c", ""), "\u0331": ("b", ""), "\u20d7": ("", "vec"),
}  # fmt: skip
# Invisible, but not to a reader of code: shown as their code points.
SHOWN = ("Cf", "Co", "Cn", "Cs")


def table() -> dict[str, str]:
    """All commands by character."""
    commands = {c: rf"\ensuremath{{\{name}}}" for c, name in MATH.items()} | TEXT
    for first, names in (("α", GREEK), ("Α", CAPITALS)):
        for i, name in enumerate(names.split()):
            letter = name if len(name) > 1 else rf"mathrm{{{name}}}"
            commands[chr(ord(first) + i)] = rf"\ensuremath{{\{letter}}}"
    del commands["\u03a2"]  # there is no second capital sigma
    return commands


COMMANDS = table()


def clusters(text: str) -> Iterator[str]:
    """The characters beyond ASCII of a text, each with its combining marks, in their order."""
    for start, end in cluster_places(text):
        yield text[start:end]


def cluster_places(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each of ``clusters``."""
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        if text[start] >= "\x80" or end > start + 1:
            yield start, end
        start = end


def in_latex(cluster: str) -> str | None:
    """A character, with its combining marks, in LaTeX; None if it is unknown."""
    if cluster in COMMANDS:
        return COMMANDS[cluster]
    if unicodedata.category(cluster[0]) in SHOWN:
        return None
    letters = unicodedata.normalize("NFD", cluster)
    base, marks = letters[0], letters[1:]
    if marks:
        return _accented(base, marks)
    return _by_decomposition(base)


def _accented(base: str, marks: Iterable[str]) -> str | None:
    letter = in_latex(base) if base >= "\x80" else base
    if letter is None or not base.isalpha():
        return None
    is_math = letter.startswith(r"\ensuremath{")
    letter = letter[len(r"\ensuremath{") : -1] if is_math else letter
    letter = {"i": r"\i{}", "j": r"\j{}"}.get(letter, letter)
    for mark in marks:
        text, math = ACCENTS.get(mark, ("", ""))
        if is_math or not text:
            if not math:
                return None
            letter, is_math = rf"\{math}{{{letter}}}", True
        else:
            letter = rf"\{text}{{{letter}}}"
    return rf"\ensuremath{{{letter}}}" if is_math else letter


def _by_decomposition(c: str) -> str | None:
    """Superscripts, subscripts, fractions, and letters of mathematics, as Unicode has them."""
    kind, *codes = unicodedata.decomposition(c).split() or [""]
    letters = [chr(int(code, 16)) for code in codes] if kind.startswith("<") else []
    if kind == "<fraction>":
        over, _, under = "".join(letters).partition("\u2044")
        return rf"\ensuremath{{^{{{over}}}\!/_{{{under}}}}}"
    known = [in_latex(x) if x >= "\x80" else x for x in letters]
    plain = "".join(x.replace(r"\ensuremath", "") for x in known if x is not None)
    if not letters or None in known or not re.fullmatch(r"[\w+=()\\{}-]+", plain, re.ASCII):
        return None
    style = {"<super>": r"^{\mathrm{%s}}", "<sub>": r"_{\mathrm{%s}}", "<font>": r"\mathbf{%s}"}
    if kind in style:
        return r"\ensuremath{%s}" % (style[kind] % plain)
    return plain if plain.isalnum() else None
