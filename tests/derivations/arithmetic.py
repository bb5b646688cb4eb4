"""Arithmetic in LaTeX, evaluated: ``\\tfrac{1}{2} (0.3 - 1)`` or a product of matrices."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

MATRIX = re.compile(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}", re.S)
NAMES = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt, "max": max, "min": min}
NUMBER = r"\d+(?:\.\d+)?"
REPLACEMENTS = (
    (r"\\(?:left|right|[,;!])", ""),
    (r"\\cdot|\\times|\\odot", "*"),
    (r"\^\{?\\top\}?", ".T"),
    (r"\\ln\s*(" + NUMBER + ")", r"log(\1)"),
    (r"\\ln\s*\(", "log("),
    (r"\\(max|min|exp)\s*\(", r"\1("),
)
GROUPS = (
    (r"\\[td]?frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\be\^\{([^{}]*)\}", r"exp(\1)"),
    (r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)"),
    (r"\^\{([^{}]*)\}", r"**(\1)"),
    (r"\^(\d)", r"**\1"),
)


@dataclass(frozen=True)
class Side:
    """One side of an equation: its value, decimals as written, and what it follows.

    ``value`` is None if it has letters; ``rounded`` is True from the first ≈ on.
    """

    value: Any
    decimals: int
    rounded: bool
    computed: bool

    @property
    def tolerance(self) -> float:
        """The greatest difference from the exact value: sums of rounded numbers get more room."""
        if not self.rounded:
            return 1e-9
        return (5 if self.computed else 0.5) * 10.0**-self.decimals + 1e-9


def equations(latex: str) -> list[tuple[str, list[Side]]]:
    r"""The equations of a formula: the name on the left, and the sides right of it.

    Equations stand apart by ``\qquad`` or, in ``aligned``, by ``\\``; a line that begins with an
    equals sign goes on with the equation before.
    """
    matrices: list[tuple[np.ndarray, str]] = []
    text = MATRIX.sub(lambda match: _keep(match.group(1), matrices), latex)
    text = re.sub(r"\\(begin|end)\{aligned\}|&", "", text)
    pieces = [piece.strip().rstrip(".,;").strip() for piece in re.split(r"\\qquad|\\\\", text)]
    joined: list[str] = []
    for piece in filter(None, pieces):
        if piece.startswith(("=", r"\approx")):
            joined[-1] += piece
        else:
            joined.append(piece)
    return [_equation(piece, matrices) for piece in joined]


def _equation(text: str, matrices: list[tuple[np.ndarray, str]]) -> tuple[str, list[Side]]:
    name, *rest = re.split(r"(=|\\approx)", text)
    sides, rounded = [], False
    for sign, side in zip(rest[::2], rest[1::2], strict=True):
        rounded = rounded or sign != "="
        shown = " ".join([side, *(matrices[int(k)][1] for k in re.findall(r"M\[(\d+)\]", side))])
        decimals = max((len(digits) for digits in re.findall(r"\.(\d+)", shown)), default=0)
        computed = re.fullmatch(rf"\s*(-?{NUMBER}|M\[\d+\])\s*", side) is None
        value = evaluate(side, [matrix for matrix, _ in matrices])
        sides.append(Side(value, decimals, rounded, computed))
    return " ".join(name.split()), sides


def _keep(body: str, matrices: list[tuple[np.ndarray, str]]) -> str:
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", body) if row.strip()]
    entries = [[evaluate(cell, []) for cell in row.split("&")] for row in rows]
    matrices.append((np.array(entries, dtype=float), body))
    return f" M[{len(matrices) - 1}] "


def evaluate(text: str, matrices: list[np.ndarray]) -> Any:
    """The value of arithmetic in LaTeX, or None if it has names."""
    text = " ".join(text.split())
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    before = None
    while before != text:
        before = text
        for pattern, replacement in GROUPS:
            text = re.sub(pattern, replacement, text)
    text = re.sub(r"(\]|\.T)\s*(?=M\[)", r"\1 @ ", text)  # two matrices beside each other
    text = re.sub(r"(\d|\))\s*(?=M\[)", r"\1 * ", text)  # a number before a matrix
    text = re.sub(r"(\d|\)|\])\s*(?=\()", r"\1 * ", text)  # before parentheses
    text = text.strip()
    words = set(re.findall(r"[A-Za-z]+|\\", text)) - NAMES.keys() - {"M", "T"}
    if words:
        return None
    return eval(text, {"__builtins__": {}}, {**NAMES, "M": matrices})
