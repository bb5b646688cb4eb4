"""A student's source files: read, parsed and never imported, so that none can stop the tool."""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Python's ends of lines; str.splitlines knows others, such as a form feed.
END_OF_LINE = re.compile(r"\r\n|\r|\n")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definable = Function | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Definition:
    """A class, a function or a name of a file, or of a class of it.

    ``first`` to ``last`` are its lines, from 1 on, with decorators and the comments that belong to
    it; a class's own line ends at ``header``. ``line`` is where it is defined. A function has a
    ``signature``, and is ``blank`` if its body raises ``NotImplementedError`` or is empty.
    """

    name: str
    line: int
    first: int
    last: int
    header: int = 0
    signature: str = ""
    blank: bool = False


@dataclass(frozen=True)
class Source:
    """The text of a file. ``tree`` is None if it does not parse; ``problems`` say why."""

    file: str
    lines: tuple[str, ...]
    tree: ast.Module | None
    problems: tuple[str, ...] = ()

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """The definitions of the file, in its order, such as ``ReLU`` and then ``ReLU.forward``."""
        return tuple(_definitions(self.tree.body if self.tree else [], self.lines, ""))

    def find(self, name: str) -> Definition | None:
        """The definition by that name, of several the last, as for Python; None without one."""
        return {definition.name: definition for definition in self.definitions}.get(name)


def read_source(root: Path, file: str) -> Source:
    """Read and parse a file.

    Raises
    ------
    ValueError
        If the file is missing or cannot be read, in one line.
    """
    try:
        data = (root / file).read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{file} is missing") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    text, problems = _decode(file, data)
    lines = tuple(END_OF_LINE.split(text.removesuffix("\n").removesuffix("\r")))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for "\d"; Python tells when it runs the file
            return Source(file, lines, ast.parse("\n".join(lines) + "\n"), problems)
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        problem = f"{file}{line} does not parse: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        problem = f"{file} does not parse: {str(error) or type(error).__name__}"
    return Source(file, lines, None, (*problems, problem))


def _decode(file: str, data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file without a byte-order mark, and a problem if its encoding is wrong."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), ()
    except (SyntaxError, UnicodeDecodeError, LookupError):
        pass
    try:
        return data.decode("utf-8-sig"), (f"{file} names an encoding that Python does not know",)
    except UnicodeDecodeError as error:
        line = len(END_OF_LINE.split(data[: error.start].decode("latin-1")))
        problem = f"{file}:{line} is not UTF-8; save the file as UTF-8 in your editor"
        return data.decode("latin-1"), (problem,)


def _definitions(
    body: Sequence[ast.stmt], lines: Sequence[str], prefix: str
) -> Iterator[Definition]:
    """The definitions among statements, those under ``if``, ``try`` and ``with`` included."""
    for node in body:
        if isinstance(node, Function):
            yield _function(node, lines, prefix + node.name)
        elif isinstance(node, ast.ClassDef):
            name, first, last = (
                prefix + node.name,
                _first_line(node, lines),
                _last_line(node, lines),
            )
            yield Definition(name, node.lineno, first, last, header=_end_of_header(node, lines))
            yield from _definitions(node.body, lines, f"{name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    first, last = _first_line(node, lines), node.end_lineno or node.lineno
                    yield Definition(prefix + target.id, node.lineno, first, last)
        else:
            for part in ("body", "orelse", "finalbody"):
                yield from _definitions(getattr(node, part, []), lines, prefix)


def _function(node: Function, lines: Sequence[str], name: str) -> Definition:
    first, last = _first_line(node, lines), _last_line(node, lines)
    called, blank = signature(node), is_blank(node)
    return Definition(name, node.lineno, first, last, signature=called, blank=blank)


def signature(node: Function) -> str:
    """The parameters of a function without types and defaults: ``(self, X, *, scale=...)``."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    required = len(positional) - len(given.defaults)
    names = [a.arg + "=..." * (i >= required) for i, a in enumerate(positional)]
    if given.vararg or given.kwonlyargs:
        names.append("*" + (given.vararg.arg if given.vararg else ""))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        names.append(argument.arg + "=..." * (default is not None))
    if given.kwarg:
        names.append("**" + given.kwarg.arg)
    return f"({', '.join(names)})"


def is_blank(node: Function) -> bool:
    """True if nothing is written: the body is empty, or comes to ``NotImplementedError``."""
    written = False
    for statement in node.body:
        if isinstance(statement, ast.Raise):
            raised = statement.exc
            raised = raised.func if isinstance(raised, ast.Call) else raised
            return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
        if isinstance(statement, ast.Return):
            return False
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        written = written or not (is_text or isinstance(statement, ast.Pass))
    return not written


def _first_line(node: Definable, lines: Sequence[str]) -> int:
    """The first line of a definition: its decorators, and comments right above them."""
    decorators = getattr(node, "decorator_list", [])
    first: int = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    line = lines[node.lineno - 1]
    indent = line[: len(line) - len(line.lstrip())]
    while first > 1 and lines[first - 2].startswith(f"{indent}#"):
        first -= 1
    return first


def _last_line(node: Function | ast.ClassDef, lines: Sequence[str]) -> int:
    """The last line of a function or class, with comments at the end of its body."""
    last = line = node.end_lineno or node.lineno
    for text in lines[line:]:
        line += 1
        stripped = text.strip()
        indent = len(text) - len(text.lstrip())
        if stripped and not (stripped.startswith("#") and indent > node.col_offset):
            break
        last = line if stripped else last
    return last


def _end_of_header(node: ast.ClassDef, lines: Sequence[str]) -> int:
    """The line with the colon that ends ``class X(...):``."""
    rest = iter([f"{line}\n" for line in lines[node.lineno - 1 :]])
    depth = 0
    for token in tokenize.generate_tokens(lambda: next(rest, "")):
        depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
        if token.type == tokenize.OP and token.string == ":" and depth == 0:
            return node.lineno - 1 + token.end[0]
    return node.lineno


def signatures(text: str) -> dict[str, str]:
    """The names that a file defines, with the signature of each function.

    A starter's ``assignment.toml`` has them for each file with blanks: what is not among them is
    the student's own.
    """
    lines = tuple(END_OF_LINE.split(text))
    found = _definitions(ast.parse(text).body, lines, "")
    return {definition.name: definition.signature for definition in found}
