"""Content of a module: classes with their members, names at its top, and the modules it imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Outline:
    """Classes with their members by name, and all names that a module defines at its top."""

    classes: dict[str, dict[str, ast.AST]]
    names: dict[str, ast.AST]

    @classmethod
    def of(cls, source: str) -> "Outline":
        """The outline of a Python text."""
        return _outline(source)


def outline(path: Path) -> Outline:
    """The outline of a Python file; ``ValueError`` if it is not one."""
    try:
        return _outline(path.read_text(encoding="utf-8-sig"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not Python: {error}") from None


@lru_cache(maxsize=256)
def _outline(source: str) -> Outline:
    tree = ast.parse(source)
    names = dict(_defined(tree.body))
    classes = {
        name: dict(_defined(node.body))
        for name, node in names.items()
        if isinstance(node, ast.ClassDef)
    }
    return Outline(classes, names)


def _defined(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """The names that statements define, each with its statement."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node


def argument_names(function: ast.AST) -> list[str]:
    """The names of a function's arguments."""
    if not isinstance(function, Function):
        return []
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in every]


def module_name(path: str) -> str:
    """The name of the module in a file: ``a/b.py`` is ``a.b``, ``a/__init__.py`` is ``a``."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@lru_cache(maxsize=512)
def imported_modules(source: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """The imports of a module: line, module, and the names taken from it."""
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = tuple(alias.name for alias in node.names)
            found.append((node.lineno, node.module, names))
    return found
