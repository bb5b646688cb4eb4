"""Tests of the cutter: what goes, what stays, and that all else stays byte for byte."""

import ast
import unittest
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from course.cut import Cut, cut_module
from course.docstrings import trimmed
from course.notebooks import cut_notebook
from course.trees import Blank
from tests.course.kits import ROOT

BLANK = Blank("YOUR CODE HERE (1 A)", "1 a: write A.f")
MODULE = '''\
"""A module."""

import math
from a.b import (
    first,
    second,  # a comment
    third,
)
from a.c import gone

TABLE = {
    "a": A,  # the first
    # above
    "b": B,  # the second
}
__all__ = ["A", "B", "TABLE"]


class A:
    """A class.

    It has ``helper`` for this.

    Parameters
    ----------
    x, y : int
        Two numbers.
    z : int
        A third one.

    Notes
    -----
    See ``helper``.
    """

    size = 3
    """A number."""

    def __init__(self, x, y, *, z=1):
        self.x, self.y = x, y
        self.z = first(z)

    @decorated  # stays
    def f(self, x: int) -> int:
        """The result of f."""
        # a secret
        for i in x:
            second(i)  # another
            # a third
        return math.pi
        # at the end
            # and further in

    def helper(self):
        return third(gone)


# above B
class B(A):
    pass
'''


def cut(**parts) -> str:
    """The module above, cut."""
    return cut_module(MODULE, Cut(**parts))


class TestBlanks(unittest.TestCase):
    def test_signature_docstring_and_decorator_stay(self):
        self.assertIn(
            """\
    @decorated  # stays
    def f(self, x: int) -> int:
        \"\"\"The result of f.\"\"\"
        # YOUR CODE HERE (1 A)
        raise NotImplementedError("1 a: write A.f")

    def helper""",
            cut(blanks={"A.f": BLANK}),
        )

    def test_no_comment_of_the_body_stays(self):
        result = cut(blanks={"A.f": BLANK})
        for text in ("secret", "another", "third\n", "at the end", "further in"):
            self.assertNotIn(text, result)

    def test_imports_of_the_body_stay(self):
        self.assertIn("import math\n", cut(blanks={"A.f": BLANK}))

    def test_given_lines_and_remarks(self):
        blank = Blank("YOUR CODE", "e", ["x = 1  # given"], ["More to say."])
        self.assertIn(
            """\
        x = 1  # given
        # YOUR CODE
        # More to say.
        raise NotImplementedError("e")
""",
            cut(blanks={"A.f": blank}),
        )

    def test_another_signature_takes_its_words_out_of_the_docstring(self):
        source = 'def f(a, *, b=1) -> int:\n    """F.\n\n    Parameters\n    ----------\n'
        source += '    a : int\n    b : int\n        ``a``.\n    """\n    return a\n'
        result = cut_module(source, Cut(signatures={"f": "(a)"}))
        expected = 'def f(a):\n    """F.\n\n    Parameters\n    ----------\n    a : int\n    """\n'
        self.assertEqual(result, f"{expected}    return a\n")

    def test_a_body_on_the_line_of_its_def(self):
        result = cut_module("class A:\n    def f(self): return 1  # one\n", Cut({"A.f": BLANK}))
        self.assertNotIn("one", result)
        self.assertIn("raise NotImplementedError", result)

    def test_twice_is_once(self):
        for blanks in ({"A.f": BLANK}, {"A.f": BLANK, "A.helper": BLANK}):
            once = cut(blanks=blanks)
            self.assertEqual(cut_module(once, Cut(blanks)), once)


class TestRemoval(unittest.TestCase):
    def test_a_class_goes_out_of_tables_and_exports(self):
        result = cut(drop=frozenset({"B"}))
        self.assertIn('TABLE = {\n    "a": A,  # the first\n}\n__all__ = ["A", "TABLE"]\n', result)
        self.assertNotIn("class B", result)
        self.assertNotIn("above B", result)

    def test_a_helper_goes_with_its_imports_and_its_mention(self):
        result = cut(drop=frozenset({"A.helper"}))
        self.assertNotIn("helper", result)
        self.assertNotIn("Notes", result)
        self.assertIn("from a.b import (\n    first,\n    second,  # a comment\n)\n", result)
        self.assertNotIn("a.c", result)

    def test_the_imports_of_an_exercises_helper_stay(self):
        self.assertIn("from a.c import gone", cut(remove=frozenset({"A.helper"})))

    def test_an_attribute_goes_with_its_description(self):
        result = cut(drop=frozenset({"A.size"}))
        self.assertNotIn("size", result)
        self.assertNotIn("A number", result)

    def test_an_argument_goes_with_its_attribute_and_its_description(self):
        result = cut(arguments={"A.__init__": frozenset({"z"})})
        self.assertIn("def __init__(self, x, y):\n        self.x, self.y = x, y\n", result)
        self.assertNotIn("A third one", result)
        self.assertNotIn("    first,", result)
        self.assertIn("    x, y : int\n        Two numbers.\n\n    Notes\n", result)

    def test_words_take_paragraphs_along(self):
        result = cut(words=frozenset({"helper"}))
        self.assertNotIn("It has", result)
        self.assertIn("def helper", result)

    def test_an_entry_of_a_dictionary_by_its_key(self):
        result = cut_module('x = {"a": 1, "b": y.b, "c": 3}\n', Cut(drop=frozenset({"b"})))
        self.assertEqual(result, 'x = {"a": 1, "c": 3}\n')

    def test_imports_of_missing_modules_go(self):
        def is_missing(name):
            return name == "a.c"

        blank = {"A.helper": BLANK}
        self.assertNotIn("gone", cut_module(MODULE, Cut(blank), is_missing))
        with self.assertRaisesRegex(ValueError, "^'gone' is still used, but a.c is not shipped$"):
            cut_module(MODULE, Cut(), is_missing)

    def test_unknown_names_are_told(self):
        for parts in (
            {"drop": frozenset({"A.helpers"})},
            {"blanks": {"A.helpers": BLANK}},
            {"signatures": {"A.helpers": "()"}},
            {"arguments": {"A.helpers": frozenset({"x"})}},
        ):
            with self.assertRaisesRegex(ValueError, "'A.helpers'; did you mean 'A.helper'"):
                cut(**parts)

    def test_what_is_no_python_is_told_in_one_line(self):
        with self.assertRaisesRegex(ValueError, "^line 1: not Python: [^\n]*$"):
            cut_module("def f(:\n", Cut())


class TestDocstrings(unittest.TestCase):
    def test_the_summary_stays_whatever_it_mentions(self):
        self.assertEqual(
            trimmed("See ``x``.\n\n    Also ``x``.\n    ", set(), {"x"}), "See ``x``.\n    "
        )

    def test_one_name_of_several(self):
        text = "A.\n\nParameters\n----------\nl2, l1 : float\n    Both.\n"
        self.assertIn("l1 : float", trimmed(text, {"l2"}, set()))

    def test_nothing_to_do(self):
        text = "A.\n\nParameters\n----------\nx : int\n\nReturns\n-------\nint\n"
        self.assertEqual(trimmed(text, {"y"}, {"z"}), text)


class TestNotebooks(unittest.TestCase):
    NOTEBOOK = """{"nbformat": 4, "nbformat_minor": 5, "metadata": {"a": 1}, "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# One"},
        {"cell_type": "markdown", "metadata": {}, "source": ["## Two\\n", "text"]},
        {"cell_type": "code", "metadata": {"b": 1}, "source": "1", "outputs": [2],
         "execution_count": 3},
        {"cell_type": "markdown", "metadata": {}, "source": "## Three"}]}"""

    def test_sections_and_outputs_go(self):
        result = cut_notebook(self.NOTEBOOK, ["Two"], "x")
        self.assertIn("# One", result)
        self.assertIn("## Three", result)
        self.assertNotIn("Two", result)
        whole = cut_notebook(self.NOTEBOOK, [], "x")
        self.assertIn('"outputs": []', whole)
        self.assertIn('"execution_count": null', whole)
        self.assertNotIn('"b"', whole)

    def test_bad_input_in_one_line(self):
        with self.assertRaisesRegex(ValueError, "^x: no section 'Twoo'; did you mean 'Two'"):
            cut_notebook(self.NOTEBOOK, ["Twoo"], "x")
        with self.assertRaisesRegex(ValueError, "^x: not a notebook$"):
            cut_notebook("[]", [], "x")


MODULES = sorted((ROOT / "neural_networks").rglob("*.py"))


def functions(path: Path) -> list[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module, each once, with their qualified names."""
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for part in inner:
            if isinstance(part, ast.FunctionDef):
                found.setdefault(prefix + part.name, []).append(part)
    return [(name, nodes[0]) for name, nodes in found.items() if len(nodes) == 1]


class TestAnyFunction(unittest.TestCase):
    @settings(max_examples=6, deadline=None, derandomize=True)
    @given(st.data())
    def test_only_its_body_changes(self, data):
        path = data.draw(st.sampled_from(MODULES))
        named = functions(path)
        if not named:
            return
        name, node = data.draw(st.sampled_from(named))
        source = path.read_text(encoding="utf-8")
        result = cut_module(source, Cut({name: BLANK}))

        lines, ours = source.splitlines(keepends=True), result.splitlines(keepends=True)
        has_text = ast.get_docstring(node) is not None
        first = node.body[0]
        start = first.end_lineno if has_text else first.lineno - 1
        after = lines[node.end_lineno :]
        self.assertEqual("".join(ours[:start]), "".join(lines[:start]), name)
        self.assertEqual("".join(ours[len(ours) - len(after) :]), "".join(after), name)
        body = "".join(ours[start : len(ours) - len(after)]).split("\n")
        self.assertEqual(
            [line.strip() for line in body if line.strip()],
            ["# YOUR CODE HERE (1 A)", 'raise NotImplementedError("1 a: write A.f")'],
        )
        compile(result, path.name, "exec")
        self.assertEqual(cut_module(result, Cut({name: BLANK})), result)

    def test_what_is_not_cut_stays_byte_for_byte(self):
        for path in MODULES[::40]:
            source = path.read_text(encoding="utf-8")
            self.assertEqual(cut_module(source, Cut()), source, path)
