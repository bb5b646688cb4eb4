"""Cutting a module: methods made blank, helpers and neighbors removed, all else byte for byte.

It works on LibCST's tree, which holds every blank and comment: a comment inside a body, or at its
end, goes with the body.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import libcst as cst
from libcst import matchers as m

from course.assignment import suggestion
from course.docstrings import trim
from course.trees import (
    Blank,
    argument_names,
    assigned,
    blank_body,
    blank_lines,
    closing,
    defined,
    docstring,
    filtered,
    has_inner_imports,
    imported,
    mentioning,
    parameters_of,
    replaced,
    used_names,
    with_docstring,
    without,
    without_attributes,
)

Names = frozenset[str]
NONE: Names = frozenset()
IMPORT = m.SimpleStatementLine(body=[m.Import() | m.ImportFrom()])


@dataclass(frozen=True)
class Cut:
    """All that is cut from one module; names are qualified, as in ``ReLU.forward``.

    Parameters
    ----------
    blanks : mapping of Blank
        By function.
    signatures : mapping of str
        By function: a signature in place of its own, as in ``(self, X) -> None``.
    drop : set of str
        Functions, classes, assignments and members; also out of imports, tables and ``__all__``.
    remove : set of str
        The same, but imports stay that were used there: those of a solution's helpers.
    arguments : mapping of set of str
        By function, arguments that go; of ``__init__``, with the attribute that keeps them.
    words : set of str
        Paragraphs of docstrings go that mention one of them in double backticks.
    """

    blanks: Mapping[str, Blank] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)
    drop: Names = NONE
    remove: Names = NONE
    arguments: Mapping[str, Names] = field(default_factory=dict)
    words: Names = NONE


def cut_module(
    source: str, cut: Cut, is_missing: Callable[[str], bool] = lambda name: False
) -> str:
    """Cut a module.

    Parameters
    ----------
    source : str
        Its text.
    cut : Cut
    is_missing : function
        True for the name of a module that is not there where the cut one will be: its imports go.

    Returns
    -------
    str
        The new text; where nothing is cut, the old one.

    Raises
    ------
    ValueError
        If it is no Python, has no such name, or still uses what is imported from a missing module.
    """
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise ValueError(f"line {error.raw_line}: not Python: {error.message}") from None
    remover = _Remover(cut, source)
    lean = module.visit(remover)
    missing = sorted((cut.drop | cut.remove) - remover.found)
    missing += sorted(key for key in cut.arguments if key not in remover.found)
    blanker = _Blanker(cut)
    bare = lean.visit(blanker)
    missing += sorted((cut.blanks.keys() | cut.signatures.keys()) - blanker.found)
    if missing:
        raise ValueError(f"there is no {missing[0]!r}{suggestion(missing[0], defined(source))}")
    only_dropped = replace(cut, remove=NONE)
    helped = module.visit(_Remover(only_dropped, source)) if cut.remove else lean
    before, between, after = map(used_names, (source, helped.code, bare.code))
    pruner = _Pruner((before - between) & imported(source), after, is_missing)
    pruner.inside = has_inner_imports(source)
    result = pruner.module(bare)
    if pruner.still_used:
        name, origin = pruner.still_used[0]
        raise ValueError(f"{name!r} is still used, but {origin} is not shipped")
    return result.code


class _Scoped(cst.CSTTransformer):
    """A transformer that knows the qualified name of the function or class that it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.scope: list[str] = []
        self.found: set[str] = set()

    def name(self, *more: str) -> str:
        """The qualified name of the scope, or of a name in it."""
        return ".".join([*self.scope, *more])

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.scope.append(node.name.value)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        """Go into a function only where there is something to find."""
        self.scope.append(node.name.value)
        return self.goes_into(self.name())

    def goes_into(self, name: str) -> bool:
        """True if the body of a function is to be visited."""
        return False


class _Remover(_Scoped):
    """Removes what is dropped, its entries in tables, arguments, and what docstrings say of it."""

    def __init__(self, cut: Cut, source: str) -> None:
        super().__init__()
        self.cut = cut
        self.drop = cut.drop | cut.remove
        self.plain = {name for name in self.drop if "." not in name}
        members = {name.rpartition(".")[2] for name in self.drop if "." in name}
        arguments = {name for names in cut.arguments.values() for name in names}
        self.words = cut.words | members | arguments
        self.mentioning = mentioning(source, self.plain) if self.plain else set[str]()

    def goes_into(self, name: str) -> bool:
        return name in self.mentioning

    def leave_FunctionDef(self, old: cst.FunctionDef, new: cst.FunctionDef) -> Any:
        name = self.name()
        self.scope.pop()
        if self._is_dropped(name):
            return cst.RemoveFromParent()
        gone = self.cut.arguments.get(name, NONE)
        if gone:
            self.found.add(name)
            new = new.with_changes(params=without(new.params, gone))
            new = new.with_changes(body=without_attributes(new.body, gone))
        signature = self.cut.signatures.get(name)
        kept = parameters_of(signature) if signature is not None else argument_names(new.params)
        gone |= argument_names(old.params) - kept
        return new.with_changes(body=with_docstring(new.body, gone, self.words))

    def leave_ClassDef(self, old: cst.ClassDef, new: cst.ClassDef) -> Any:
        name = self.name()
        self.scope.pop()
        if self._is_dropped(name):
            return cst.RemoveFromParent()
        gone = self.cut.arguments.get(f"{name}.__init__", NONE)
        body = self._statements(new.body, name)
        return new.with_changes(body=with_docstring(body, gone, self.words))

    def leave_Module(self, old: cst.Module, new: cst.Module) -> cst.Module:
        body = self._kept(new.body, "")
        if body and (text := docstring(body[0])) is not None:
            body[0] = replaced(body[0], trim(text, NONE, self.words))
        return new.with_changes(body=body)

    def leave_Dict(self, old: cst.Dict, new: cst.Dict) -> cst.Dict:
        return new.with_changes(
            elements=filtered(new.elements, self._is_kept_entry),
            rbrace=closing(new.rbrace, new.elements, self._is_kept_entry),
        )

    def leave_Assign(self, old: cst.Assign, new: cst.Assign) -> cst.Assign:
        is_all = any(m.matches(t, m.AssignTarget(m.Name("__all__"))) for t in new.targets)
        if is_all and isinstance(new.value, cst.List | cst.Tuple):
            kept = filtered(new.value.elements, partial(self._is_kept_entry, strings=True))
            return new.with_changes(value=new.value.with_changes(elements=kept))
        return new

    def leave_Tuple(self, old: cst.Tuple, new: cst.Tuple) -> cst.Tuple:
        return new.with_changes(elements=filtered(new.elements, self._is_kept_entry))

    def leave_List(self, old: cst.List, new: cst.List) -> cst.List:
        return new.with_changes(
            elements=filtered(new.elements, self._is_kept_entry),
            rbracket=closing(new.rbracket, new.elements, self._is_kept_entry),
        )

    def _is_kept_entry(self, entry: Any, strings: bool = False) -> bool:
        """False for a dropped name, or an entry with such a name as its key or its value."""
        value, key = getattr(entry, "value", None), getattr(entry, "key", None)
        names = {node.value for node in (value,) if isinstance(node, cst.Name)}
        for text in (key, value if strings else None):
            if isinstance(text, cst.SimpleString):
                names.add(str(text.evaluated_value))
        self.found |= names & self.plain
        return not names & self.plain

    def _is_dropped(self, name: str) -> bool:
        if name in self.drop:
            self.found.add(name)
        return name in self.drop

    def _statements(self, block: cst.BaseSuite, scope: str) -> cst.BaseSuite:
        """A class's body without dropped attributes; never empty."""
        if not isinstance(block, cst.IndentedBlock):
            return block
        kept = self._kept(block.body, f"{scope}.")
        return block.with_changes(body=kept or [cst.parse_statement("pass")])

    def _kept(self, body: Sequence[Any], prefix: str) -> list[Any]:
        """Statements without assignments to dropped names, and the strings that describe these."""
        kept: list[Any] = []
        was_dropped, lines = False, list[cst.EmptyLine]()
        for statement in body:
            names = {f"{prefix}{name}" for name in assigned(statement)}
            if names & self.drop:
                self.found |= names & self.drop
                lines = lines if was_dropped else blank_lines(statement)
                was_dropped = True
            elif not (was_dropped and docstring(statement) is not None):
                if lines and not statement.leading_lines:
                    statement = statement.with_changes(leading_lines=lines)
                was_dropped, lines = False, []
                kept.append(statement)
        return kept


class _Blanker(_Scoped):
    """Replaces bodies and signatures."""

    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self.cut = cut

    def leave_ClassDef(self, old: cst.ClassDef, new: cst.ClassDef) -> cst.ClassDef:
        self.scope.pop()
        return new

    def leave_FunctionDef(self, old: cst.FunctionDef, new: cst.FunctionDef) -> cst.FunctionDef:
        name = self.name()
        self.scope.pop()
        if (signature := self.cut.signatures.get(name)) is not None:
            self.found.add(name)
            plain = cst.ensure_type(cst.parse_statement(f"def f{signature}: ..."), cst.FunctionDef)
            new = new.with_changes(
                params=plain.params,
                returns=plain.returns,
                whitespace_before_params=plain.whitespace_before_params,
            )
        if (blank := self.cut.blanks.get(name)) is not None:
            self.found.add(name)
            new = new.with_changes(body=blank_body(old.body, blank))
        return new


class _Pruner(cst.CSTTransformer):
    """Removes imports of names that are no longer used, and of modules that are missing."""

    def __init__(self, unused: set[str], used: set[str], is_missing: Callable[[str], bool]) -> None:
        super().__init__()
        self.unused, self.used, self.is_missing = unused, used, is_missing
        self.still_used: list[tuple[str, str]] = []
        self.inside = True

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        """Go into a function only where there are imports in some."""
        return self.inside

    def leave_ImportFrom(self, old: cst.ImportFrom, new: cst.ImportFrom) -> Any:
        if isinstance(new.names, cst.ImportStar) or new.module is None or new.relative:
            return new
        origin = cst.Module([]).code_for_node(new.module)
        kept = filtered(new.names, partial(self._is_kept, origin))
        return new.with_changes(names=kept) if kept else cst.RemoveFromParent()

    def leave_Import(self, old: cst.Import, new: cst.Import) -> Any:
        kept = filtered(new.names, partial(self._is_kept, ""))
        return new.with_changes(names=kept) if kept else cst.RemoveFromParent()

    def module(self, module: cst.Module) -> cst.Module:
        """The module without them; the blank line above a removed one goes to the one below."""
        body: list[Any] = []
        lines: list[cst.EmptyLine] = []
        for old in module.body:
            new: Any = old.visit(self)
            if m.matches(new, m.SimpleStatementLine(body=[])):  # its import is gone
                lines = lines or blank_lines(old)
                continue
            if lines and m.matches(new, IMPORT) and not new.leading_lines:
                new = new.with_changes(leading_lines=lines)
            lines = []
            body.append(new)
        return module.with_changes(body=body)

    def _is_kept(self, origin: str, alias: cst.ImportAlias) -> bool:
        target = alias.evaluated_name
        name = alias.evaluated_alias or target.partition(".")[0]
        submodule = f"{origin}.{target}" if origin else target
        if self.is_missing(origin or target) or (origin and self.is_missing(submodule)):
            if name in self.used:
                self.still_used.append((name, origin or target))
            return False
        return name not in self.unused
