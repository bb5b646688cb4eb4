"""A class's methods written into a file, as a student writes them over a starter's blanks."""

import ast
import textwrap
from collections.abc import Iterator

Methods = dict[str, str]
"""The source of each method by its name, with its decorators, not indented."""


def methods_of(source: str, cls: str) -> Methods:
    """The methods of a class in a module.

    Raises
    ------
    ValueError
        If the module has no such class.
    """
    return {name: _text(source, node) for name, node in _methods(source, cls)}


def fill(source: str, cls: str, methods: Methods) -> str:
    """Write methods into a class, in place of those by the same name, and below these.

    Parameters
    ----------
    source : str
        A module.
    cls : str
        A class in it.
    methods : dict of str

    Raises
    ------
    ValueError
        If the module has no such class.
    """
    lines = source.splitlines(keepends=True)
    old = dict(_methods(source, cls))
    end = max(node.end_lineno or 0 for node in old.values())
    new = {name: text for name, text in methods.items() if name not in old}
    # From the end on, so that the numbers of the lines above still hold.
    for text in reversed(new.values()):
        lines.insert(end, "\n" + _indented(text))
    for name, node in reversed(old.items()):
        if name in methods:
            lines[_first_line(node) - 1 : node.end_lineno] = [_indented(methods[name])]
    return "".join(lines)


def _methods(source: str, cls: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The methods of a class, in the order of the lines."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == cls:
            for child in node.body:
                if isinstance(child, ast.FunctionDef):
                    yield child.name, child
            return
    raise ValueError(f"there is no class {cls}")


def _first_line(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _text(source: str, node: ast.FunctionDef) -> str:
    lines = source.splitlines(keepends=True)[_first_line(node) - 1 : node.end_lineno]
    return textwrap.dedent("".join(lines))


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ").rstrip() + "\n"
