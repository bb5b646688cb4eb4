"""Parts of LibCST's trees: bodies, docstrings, arguments, imports, and the names in use."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst import matchers as m

from course.docstrings import trim

ANNOTATION = r"[\w.\[\], |]{1,100}"
"""A string that may be an annotation in quotes, or an entry of ``__all__``."""


@dataclass(frozen=True)
class Blank:
    """The new body of a method.

    Parameters
    ----------
    comment, error : str
        The comment that marks the place, and the text of the ``NotImplementedError``.
    given : sequence of str
        Statements before that place.
    remarks : sequence of str
        Further lines of the comment.
    body : str, optional
        A whole body, in place of all of these.
    """

    comment: str = ""
    error: str = ""
    given: Sequence[str] = ()
    remarks: Sequence[str] = ()
    body: str | None = None

    def statements(self) -> list[cst.BaseStatement]:
        """The statements of the body."""
        if self.body is not None:
            return list(cst.parse_module(self.body).body)
        comments = [cst.Comment(f"# {line}") for line in (self.comment, *self.remarks)]
        stop = cst.parse_statement(f"raise NotImplementedError({quoted(self.error)})")
        last = cst.ensure_type(stop, cst.SimpleStatementLine).with_changes(
            leading_lines=[cst.EmptyLine(comment=comment) for comment in comments]
        )
        given = [statement for text in self.given for statement in cst.parse_module(text).body]
        return [*given, last]


def blank_body(body: cst.BaseSuite, blank: Blank) -> cst.IndentedBlock:
    """The docstring of a body, and the statements of a blank; no comment of the old one."""
    statements = blank.statements()
    first = body.body[0] if body.body else None
    text = None if first is None else docstring(first)
    if text is None:
        return cst.IndentedBlock(body=statements)
    kept = cst.SimpleStatementLine([cst.Expr(text)])
    return cst.IndentedBlock(body=[kept, *statements])


def blank_lines(statement: Any) -> list[cst.EmptyLine]:
    """The blank lines above a statement."""
    return [line for line in statement.leading_lines if line.comment is None]


def docstring(statement: Any) -> cst.SimpleString | None:
    """The string of a statement, or of a line or block of statements that begins with one."""
    if isinstance(statement, cst.SimpleStatementLine) and statement.body:
        statement = statement.body[0]
    if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.SimpleString):
        return statement.value
    return None


def with_docstring(body: cst.BaseSuite, gone: Iterable[str], words: Iterable[str]) -> Any:
    """A body whose docstring says nothing of arguments that are gone, or of some words."""
    if not isinstance(body, cst.IndentedBlock) or (text := docstring(body.body[0])) is None:
        return body
    first = replaced(body.body[0], trim(text, gone, words))
    return body.with_changes(body=[first, *body.body[1:]])


def replaced(line: Any, text: cst.SimpleString) -> Any:
    """A statement line that begins with another string."""
    return line.with_changes(body=[line.body[0].with_changes(value=text), *line.body[1:]])


def filtered(elements: Sequence[Any], keep: Callable[[Any], bool]) -> list[Any]:
    """The elements to keep; the comments of those that go, above or beside them, go with them."""
    kept: list[Any] = []
    for element in elements:
        if keep(element):
            kept.append(element)
        elif kept:
            is_last = element is elements[-1]
            comma = _joined(kept[-1].comma, element.comma, is_last)
            kept[-1] = kept[-1].with_changes(comma=comma)
    return kept


def closing(bracket: Any, elements: Sequence[Any], keep: Callable[[Any], bool]) -> Any:
    """The bracket that closes elements, without the comment of a last one that goes."""
    space = bracket.whitespace_before
    if not elements or keep(elements[-1]) or not isinstance(space, cst.ParenthesizedWhitespace):
        return bracket
    kept = [element for element in elements if keep(element)]
    line = _first_line(kept[-1].comma if kept else None)
    return bracket.with_changes(whitespace_before=space.with_changes(first_line=line))


def _first_line(comma: Any) -> cst.TrailingWhitespace:
    """The rest of the line after a comma, with its comment."""
    own: Any = getattr(comma, "whitespace_after", None)
    has_line = isinstance(own, cst.ParenthesizedWhitespace)
    return own.first_line if has_line else cst.TrailingWhitespace()


def _joined(comma: Any, gone: Any, is_last: bool) -> Any:
    """The comma of an element after which another one goes, with the comma ``gone``."""
    after = getattr(gone, "whitespace_after", None)
    if isinstance(comma, cst.Comma) and isinstance(after, cst.ParenthesizedWhitespace):
        line = _first_line(comma)
        return gone.with_changes(whitespace_after=after.with_changes(first_line=line))
    return gone if is_last else comma


def parameters_of(signature: str) -> set[str]:
    """The names of the arguments in a signature."""
    function = cst.ensure_type(cst.parse_statement(f"def f{signature}: ..."), cst.FunctionDef)
    return argument_names(function.params)


def argument_names(parameters: cst.Parameters) -> set[str]:
    """The names of arguments."""
    return {node.name.value for node in each(parameters)}


def each(parameters: cst.Parameters) -> list[cst.Param]:
    """All arguments but ``*args`` and ``**options``."""
    return [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]


def without(parameters: cst.Parameters, names: Set[str]) -> cst.Parameters:
    """Parameters without some keywords."""
    kept = filtered(parameters.kwonly_params, lambda node: node.name.value not in names)
    is_bare = not kept and isinstance(parameters.star_arg, cst.ParamStar)
    params = filtered(parameters.params, lambda node: node.name.value not in names)
    if is_bare and params and parameters.star_kwarg is None:
        params[-1] = params[-1].with_changes(comma=parameters.kwonly_params[-1].comma)
    return parameters.with_changes(
        params=params,
        star_arg=cst.MaybeSentinel.DEFAULT if is_bare else parameters.star_arg,
        kwonly_params=kept,
    )


def without_attributes(body: cst.BaseSuite, names: Set[str]) -> cst.BaseSuite:
    """A constructor's body without ``self.name = ...`` for these names."""
    target = m.Attribute(m.Name("self"), m.Name(m.MatchIfTrue(lambda name: name in names)))
    line = m.SimpleStatementLine(
        [m.Assign(targets=[m.AssignTarget(target)]) | m.AnnAssign(target=target)]
    )
    return body.with_changes(body=[node for node in body.body if not m.matches(node, line)])


def assigned(statement: Any) -> set[str]:
    """The names that a statement assigns to."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return set()
    names = set()
    for part in statement.body:
        targets: list[Any] = []
        if isinstance(part, cst.Assign):
            targets = [target.target for target in part.targets]
        elif isinstance(part, cst.AnnAssign):
            targets = [part.target]
        names |= {target.value for target in targets if isinstance(target, cst.Name)}
    return names


def imported(source: str) -> set[str]:
    """The names that the imports of a module bind."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def definitions(source: str) -> Iterator[tuple[str, ast.AST]]:
    """Functions and classes of a module, at any depth, each with its qualified name."""

    def inner(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            is_one = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            name = f"{prefix}{child.name}" if is_one else prefix  # type: ignore[attr-defined]
            if is_one:
                yield name, child
            yield from inner(child, f"{name}." if is_one else prefix)

    return inner(ast.parse(source), "")


def defined(source: str) -> set[str]:
    """The qualified names of the functions and classes of a module."""
    return {name for name, _ in definitions(source)}


def mentioning(source: str, words: Set[str]) -> set[str]:
    """The qualified names of functions with a name or a text that is one of some words."""
    return {
        name
        for name, node in definitions(source)
        for part in ast.walk(node)
        if getattr(part, "id", None) in words
        or (isinstance(part, ast.Constant) and str(part.value) in words)
    }


def has_inner_imports(source: str) -> bool:
    """True if there are imports elsewhere than at the top of a module."""
    tree = ast.parse(source)
    every = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return any(node not in tree.body for node in every)


def used_names(source: str) -> set[str]:
    """The names that a module uses, also in annotations in quotes and in ``__all__``."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and re.fullmatch(ANNOTATION, str(node.value)):
            names |= set(re.findall(r"[A-Za-z_]\w*", str(node.value)))
    return names


def quoted(text: str) -> str:
    """A text as a Python string in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
