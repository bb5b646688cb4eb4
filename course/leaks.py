"""Leaks: whether a starter has anything of a solution, or of the machine that it was cut on."""

import ast
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from course.autograder.build import archive_files, grader_files, packed
from course.autograder.exams.exam import STARTER, Exam
from course.canaries import copy_repository, found_in, plant
from course.cuttings import PLAIN, Cutting, Manifest
from course.manifest import read_manifest
from course.ship import build
from course.sources import outline
from course.starter import write_archive

LEAST_OPERATORS = 3
"""Operators in the smallest expression that is looked for."""

UNWANTED = re.compile(
    r"(^|/)(\.git|__pycache__|\.ipynb_checkpoints|[^/]+\.egg-info|\.DS_Store)(/|$)"
)


def list_of_files(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """Files that the manifest does not name, and names that are no files."""
    named = set(manifest.shipped)
    found = [f"{path} is not in the manifest" for path in sorted(files.keys() - named)]
    return found + [f"{path} is missing" for path in sorted(named - files.keys())]


def canaries(manifest: Manifest, exam: Exam) -> list[str]:
    """Words put into a copy of the repository, where nothing ships, that ship all the same.

    They are looked for in the starter, its archive, and the archive of its grader.
    """
    with tempfile.TemporaryDirectory() as folder:
        twin = Path(folder) / "copy"
        copy_repository(manifest.root, twin)
        planted = plant(read_manifest(twin, manifest.assignment.name), grader_files(manifest.root))
        again = read_manifest(twin, manifest.assignment.name)
        files = build(again)
        archive = Path(folder) / "starter.zip"
        write_archive(archive, again, files)
        grader = packed(archive_files(replace(exam, starter=files), twin))
        archives = {"the archive": archive.read_bytes(), "the autograder": grader}
        found = found_in({**files, **archives}, planted)
    if not planted.places:
        found.append("no canary was planted")
    return found


def hygiene(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """Caches, outputs of notebooks, paths of this machine."""
    home = str(Path.home())
    paths = {str(manifest.root), home if len(home) > 6 else f"{home}/", "/home/", "/Users/"}
    found = [f"{path} does not belong into a starter" for path in files if UNWANTED.search(path)]
    for path, content in files.items():
        text = content.decode("utf-8", errors="replace")
        found += [f"{path} has the path {place}" for place in sorted(paths) if place in text]
        if path.endswith(".ipynb"):
            cells = json.loads(text)["cells"]
            if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
                found.append(f"{path} has outputs or counts")
    return found


def forbidden(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """Texts that may not occur in the docstrings of an exercise's class and blanks."""
    found = []
    for cutting in manifest.cuttings:
        tree = ast.parse(files[cutting.exercise.file])
        for place, text in _docstrings(tree, cutting):
            found += [f"{place} says {part!r}" for part in cutting.forbid if part in text]
    return found


def _docstrings(tree: ast.Module, cutting: Cutting) -> Iterator[tuple[str, str]]:
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef) and cls.name == cutting.exercise.cls:
            yield f"the docstring of {cls.name}", ast.get_docstring(cls) or ""
            for node in cls.body:
                if isinstance(node, ast.FunctionDef) and node.name in cutting.exercise.blank:
                    place = f"the docstring of {cls.name}.{node.name}"
                    yield place, ast.get_docstring(node) or ""


def comments(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """Lines of comments of a solution that occur in what ships."""
    texts = {path: content.decode("utf-8", errors="replace") for path, content in files.items()}
    found = []
    for cutting in manifest.cuttings:
        for place, source in solution_sources(manifest, cutting):
            for line in re.findall(r"#\s*(\S.{15,})", source):
                found += [
                    f"{path} has the comment {line!r} of {place}"
                    for path, text in texts.items()
                    if line in text and line not in _given(cutting)
                ]
    return found


def _given(cutting: Cutting) -> str:
    return "\n".join(line for lines in cutting.given.values() for line in lines)


def expressions(
    manifest: Manifest, files: Mapping[str, bytes]
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Expressions of a solution in other code that ships, whatever the names in them.

    Returns
    -------
    found : list of str
        Likenesses without a reason in the manifest, and reasons without a likeness.
    accepted : list of (str, str, str)
        Exercise, file and reason of the others.
    """
    likenesses = _likenesses(manifest, files)
    reasons = {(a.exercise, a.file): a.reason for a in manifest.accepted}
    found = [text for key, text in sorted(likenesses.items()) if key not in reasons]
    found += [
        f"accepted: {file} has nothing of {exercise!r}"
        for exercise, file in sorted(reasons.keys() - likenesses.keys())
    ]
    return found, [(*key, reasons[key]) for key in sorted(reasons.keys() & likenesses.keys())]


def _likenesses(manifest: Manifest, files: Mapping[str, bytes]) -> dict[tuple[str, str], str]:
    """The first expression of each exercise's solution in each file, as a sentence."""
    places: dict[str, set[str]] = {}
    for path, source in shipped_code(files):
        for key in expression_keys(source):
            places.setdefault(key, set()).add(path)
    found: dict[tuple[str, str], str] = {}
    for cutting in manifest.cuttings:
        given = set(expression_keys(_given(cutting)))
        for place, source in solution_sources(manifest, cutting):
            for key, text in expression_keys(source).items():
                for path in places.get(key, ()) if key not in given else ():
                    name = cutting.exercise.name
                    found.setdefault((name, path), f"{path} has {text!r} of {place}")
    return found


def in_grader(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """Anything in a grader's files that answers an exercise, or tells of this machine.

    Parameters
    ----------
    manifest : Manifest
    files : mapping of bytes
        The files of the grader's archive, by path.
    """
    own = {path: data for path, data in files.items() if not path.startswith(f"{STARTER}/")}
    found = [*_likenesses(manifest, own).values(), *comments(manifest, own)]
    for path, source in shipped_code({p: data for p, data in files.items() if p.endswith(".py")}):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                found += [f"{path} has {name}" for name in _answered(manifest, node)]
    return found + hygiene(manifest, files)


def _answered(manifest: Manifest, cls: ast.ClassDef) -> Iterator[str]:
    """The methods of a class that are blank in a starter, but not here."""
    for cutting in manifest.cuttings:
        for node in cls.body if cutting.exercise.cls == cls.name else ():
            if (
                isinstance(node, ast.FunctionDef)
                and node.name in cutting.exercise.blank
                and "raise NotImplementedError(" not in ast.unparse(node.body[-1])
            ):
                yield f"{cls.name}.{node.name}, which is not blank"


def solution_sources(manifest: Manifest, cutting: Cutting) -> Iterator[tuple[str, str]]:
    """The bodies of an exercise's solution, its helpers among them, each with its name."""
    exercise = cutting.exercise
    ours = outline(manifest.root / exercise.file)
    for file, names in (
        (exercise.file, (*exercise.blank, *cutting.remove)),
        (PLAIN, cutting.plain),
    ):
        known = outline(manifest.root / file)
        members = known.classes.get(exercise.cls, {})
        for name in names:
            node = members.get(name) or ours.names.get(name)
            if isinstance(node, ast.FunctionDef):
                lines = (manifest.root / file).read_text(encoding="utf-8").splitlines()
                first = node.body[0]
                is_text = ast.get_docstring(node) is not None
                start = (first.end_lineno or 0) if is_text else first.lineno - 1
                body = lines[start : node.end_lineno]
                yield f"{exercise.cls}.{name}", "if True:\n" + "\n".join(body) + "\n"


def shipped_code(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """All code of a starter: modules, code cells, and fenced blocks of pages."""
    for path, content in files.items():
        if path.endswith(".py"):
            yield path, content.decode()
        elif path.endswith(".ipynb"):
            for cell in json.loads(content)["cells"]:
                source = cell["source"]
                yield path, source if isinstance(source, str) else "".join(source)
        elif path.endswith(".md"):
            for block in re.findall(r"^```\w*\n(.*?)^```", content.decode(), re.M | re.S):
                yield path, block


@lru_cache(maxsize=1024)
def expression_keys(source: str) -> dict[str, str]:
    """The larger expressions and assignments of a source, by their form without names.

    There are none if it is no Python.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    found = {}
    for node, operators in _counted(tree):
        if operators >= LEAST_OPERATORS:
            found[_form(node)] = ast.unparse(node)
    return found


def _counted(tree: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """Assignments with their operators, calls and subscripts; arithmetic with operators and calls.

    An assignment counts as an operator; an operator on numbers alone, as in ``-1``, does not.
    """
    order = list(ast.walk(tree))
    counts: dict[ast.AST, tuple[int, int, int]] = {}
    for node in reversed(order):  # the inner ones first
        inner = [counts[child] for child in ast.iter_child_nodes(node)]
        arithmetic, calls, subscripts = map(sum, zip((0, 0, 0), *inner, strict=False))
        arithmetic += isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare) and not _is_number(
            node
        )
        calls += isinstance(node, ast.Call | ast.MatMult)
        subscripts += isinstance(node, ast.Subscript)
        counts[node] = arithmetic, calls, subscripts
        if isinstance(node, ast.Assign | ast.AugAssign):
            yield node, 1 + arithmetic + calls + subscripts
        elif isinstance(node, ast.expr) and not isinstance(node, ast.Slice) and arithmetic:
            yield node, arithmetic + calls


def _is_number(node: ast.AST) -> bool:
    """True for an operator on numbers alone."""
    operands = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return all(isinstance(child, ast.Constant) for child in operands)


def _form(tree: ast.AST) -> str:
    """The form of a tree, with numbers in place of its names."""
    numbers: dict[str, int] = {}

    def number(name: re.Match[str]) -> str:
        return f"Name({numbers.setdefault(name[1], len(numbers))}"

    return re.sub(r"Name\(id='(\w+)'", number, ast.dump(tree))
