"""Wording and layout: docstrings, line widths, and the length of README."""

import ast
import re
import unittest
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUESTION_WORDS = ("What", "How", "Whether", "Where", "Which", "Why", "Who")
FOLDERS = ("neural_networks", "course", "benchmarks")
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
WIDTH = 100
README_LINES = 160

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    """The Python files of the library, the benchmarks, the course's tools and the scripts."""
    folders = [path for name in FOLDERS for path in (ROOT / name).rglob("*.py")]
    return sorted([*folders, *ROOT.glob("*.py")])


def docstrings(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring of a module, its classes and its functions.

    A string below an assignment documents it, as a docstring does.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Documented) and (docstring := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), docstring
        if isinstance(node, ast.Module | ast.ClassDef):
            for before, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(before, ast.Assign | ast.AnnAssign) and (string := string_of(after)):
                    yield after.lineno, string


def string_of(node: ast.stmt) -> str:
    """The text of a statement that is only a string, else an empty string."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else ""
    return ""


def begins_with_a_question(docstring: str) -> bool:
    """True if the first word is one of ``QUESTION_WORDS``."""
    return re.split(r"\W", docstring.lstrip(), maxsplit=1)[0] in QUESTION_WORDS


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a page without its tables, code blocks, pictures and long links."""
    code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            code = not code
        elif not code and not line.startswith(("|", "![", "    ")):
            # A link or a path that is too long cannot be broken.
            if len(line) > WIDTH and len(line.split()) == 1:
                continue
            yield number, line


class TestDocstrings(unittest.TestCase):
    def test_they_begin_with_a_noun_phrase_or_a_verb(self):
        files = sources()
        self.assertGreater(len(files), 50)
        for path in files:
            found = [
                f"{path.relative_to(ROOT)}:{line}: {docstring.splitlines()[0]}"
                for line, docstring in docstrings(path.read_text(encoding="utf-8"))
                if begins_with_a_question(docstring)
            ]
            with self.subTest(path=str(path.relative_to(ROOT))):
                self.assertEqual(found, [])

    def test_question_words_are_found_in_every_docstring(self):
        text = (
            '"""What this is."""\n'
            'X = 1\n"""Which one."""\n'
            'class A:\n    """Why, indeed."""\n'
            '    y: int = 1\n    """How many."""\n'
            '    def f(self):\n        """Whether so."""\n'
            'def g():\n    """\n    Where it is."""\n'
            'async def h():\n    """Who."""\n'
            'def i():\n    """Whatever, Whose, Howl: none of these."""\n'
        )
        found = [string for _, string in docstrings(text) if begins_with_a_question(string)]
        self.assertEqual(len(found), 7)


class TestPages(unittest.TestCase):
    def test_readme_is_short(self):
        lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        self.assertLessEqual(len(lines), README_LINES)

    def test_lines_of_prose_are_short(self):
        self.assertGreaterEqual(len(PAGES), 8)
        for path in PAGES:
            lines = prose(path.read_text(encoding="utf-8"))
            with self.subTest(page=path.name):
                self.assertEqual([number for number, line in lines if len(line) > WIDTH], [])

    def test_long_lines_are_found_in_prose_only(self):
        long = 51 * "a "
        text = f"{long}\n- {long}\n| {long}\n![{long}\n```sh\n{long}\n```\n{100 * 'a'}\n# {long}\n"
        found = [number for number, line in prose(text) if len(line) > WIDTH]
        self.assertEqual(found, [1, 2, 9])


if __name__ == "__main__":
    unittest.main()
