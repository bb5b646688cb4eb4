"""The pages of docs/derivations, taken apart: sections, formulas, quoted code, worked numbers."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "derivations"
PARTS = (
    "Given and wanted",
    "Element by element",
    "For a batch",
    "Shapes",
    "A worked example",
    "What goes wrong",
    "In the library",
)
"""The sections of a page, in order; a page may have others between them."""

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LABELLED = re.compile(r"^<!-- formula: ([\w/]+) -->\n```math\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"\$`([^`]+)`\$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
QUOTE_HEAD = re.compile(r"# (neural_networks/[\w/]+\.py): ([\w.]+)")


@dataclass(frozen=True)
class Quote:
    """Lines quoted from a function of the library; ``...`` stands for lines left out."""

    path: str
    name: str
    lines: tuple[str, ...]

    def missing(self) -> list[str]:
        """The lines that do not follow one another, in this order, in the function."""
        code = [line.strip() for line in function_source(self.path, self.name).splitlines()]
        position, adjacent = 0, False
        for line in self.lines:
            if line == "...":
                adjacent = False
                continue
            places = [i for i in range(position, len(code)) if code[i] == line]
            if not places or (adjacent and places[0] != position):
                return [line]
            position, adjacent = places[0] + 1, True
        return []


@dataclass(frozen=True)
class Page:
    """A page, by its name without ``.md``."""

    name: str
    text: str

    @property
    def sections(self) -> dict[str, str]:
        """The text below each heading of the second level."""
        _, *pieces = re.split(r"^## (.+)$", self.text, flags=re.M)
        return dict(zip(pieces[::2], pieces[1::2], strict=True))

    @cached_property
    def without_code(self) -> str:
        """The text without its fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def formulas(self) -> dict[str, str]:
        """The LaTeX of each labelled formula."""
        return {label: latex.strip() for label, latex in LABELLED.findall(self.text)}

    @property
    def maths(self) -> list[str]:
        """All formulas, displayed and within a line."""
        return displayed(self.text) + self.maths_in_lines

    @property
    def maths_in_lines(self) -> list[str]:
        """The formulas within lines of text."""
        return INLINE.findall(self.without_code)

    @property
    def quotes(self) -> list[Quote]:
        """The code that is quoted."""
        found = []
        for language, block in FENCE.findall(self.text):
            if language == "python":
                head, *lines = block.splitlines()
                match = QUOTE_HEAD.fullmatch(head)
                if match is None:
                    raise ValueError(f"{self.name}: {head!r} names no file and function")
                kept = tuple(line.strip() for line in lines if line.strip())
                found.append(Quote(*match.groups(), kept))
        return found

    @property
    def links(self) -> list[str]:
        """The targets of links."""
        return LINK.findall(INLINE.sub("", self.without_code))


def displayed(text: str) -> list[str]:
    """The formulas of a text that stand on their own."""
    return [block.strip() for language, block in FENCE.findall(text) if language == "math"]


def pages() -> list[Page]:
    """The derivations, without the folder's index."""
    return [page for page in with_index() if page.name != "README"]


def with_index() -> list[Page]:
    """All pages of the folder."""
    return [Page(path.stem, path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.md"))]


def function_source(path: str, name: str) -> str:
    """The source of a function, given as ``function`` or ``Class.method``."""
    text = (ROOT / path).read_text("utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        node = next(
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.ClassDef | ast.FunctionDef) and child.name == part
        )
    if not isinstance(node, ast.FunctionDef):
        raise ValueError(f"{name} in {path} is not a function")
    return ast.get_source_segment(text, node) or ""
