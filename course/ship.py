"""A starter: the files of a manifest, cut, with templates filled in and a hash of each file."""

import ast
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from course import assignment as public
from course.assignment import Assignment, Exercise
from course.cut import Cut, cut_module
from course.cuttings import PLAIN, Cutting, Manifest
from course.notebooks import cut_notebook
from course.parsing import signatures
from course.sources import Outline, imported_modules, module_name, outline
from course.trees import Blank

PACKAGES = ("neural_networks", "course", "tests")
"""The packages of the repository; all other imports are of Python's library, or installed."""


class Kit:
    """The starters of a manifest, with any exercises solved; each file is cut once.

    Parameters
    ----------
    manifest : Manifest
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.source = f"{manifest.assignment.name}.toml"
        self.shipped = frozenset(module_name(path) for path in manifest.shipped if is_python(path))
        self.missing = _modules(manifest.root) - self.shipped
        self._done: dict[tuple[str, frozenset[str]], str | bytes] = {}

    def build(self, solved: Collection[str] = ()) -> dict[str, bytes]:
        """The files of a starter, by path, sorted; the same bytes each time.

        Parameters
        ----------
        solved : collection of str
            Exercises that stay solved.

        Raises
        ------
        ValueError
            If an exercise is unknown, or the manifest does not fit the code.
        """
        manifest = self.manifest
        for name in solved:
            manifest.assignment.exercise(name)
        files = {path: self.file(path, solved) for path in manifest.files}
        texts = {path: text for path, text in files.items() if isinstance(text, str)}
        for path, template in manifest.templates.items():
            files[path] = fill(manifest, template, texts)
        check_imports(self.source, files)
        encoded = {
            path: text.encode() if isinstance(text, str) else text for path, text in files.items()
        }
        hashes = {path: hashlib.sha256(encoded[path]).hexdigest() for path in sorted(encoded)}
        blank = {exercise.file: texts[exercise.file] for exercise in manifest.assignment.exercises}
        definitions = {path: signatures(blank[path]) for path in sorted(blank)}
        toml = assignment_toml(manifest.assignment, hashes, definitions)
        encoded["assignment.toml"] = toml.encode()
        return dict(sorted(encoded.items()))

    def file(self, path: str, solved: Collection[str] = ()) -> str | bytes:
        """A file as it ships: text with LF at the ends of lines, or bytes."""
        own = {c.exercise.name for c in self.manifest.cuttings if c.exercise.file == path}
        key = path, frozenset(own & set(solved))
        if key not in self._done:
            self._done[key] = self._cut(path, key[1])
        return self._done[key]

    def _cut(self, path: str, solved: Collection[str]) -> str | bytes:
        manifest = self.manifest
        content = read(manifest.root / path)
        if isinstance(content, str) and is_python(path):
            cut = module_cut(manifest, path, solved)
            try:
                if cut != Cut() or imports_missing(content, self._is_missing):
                    return cut_module(content, cut, self._is_missing)
            except ValueError as error:
                raise ValueError(f"{self.source}: {path}: {error}") from None
        elif isinstance(content, str) and path.endswith(".ipynb"):
            where = f"{self.source}: {path}"
            return cut_notebook(content, manifest.drop.get(path, ()), where)
        return content

    def _is_missing(self, name: str) -> bool:
        return name in self.missing


def build(manifest: Manifest, solved: Collection[str] = ()) -> dict[str, bytes]:
    """The files of a starter, see ``Kit.build``."""
    return Kit(manifest).build(solved)


def is_python(path: str) -> bool:
    """True for the path of a Python file."""
    return path.endswith(".py")


def imports_missing(source: str, is_missing: Callable[[str], bool]) -> bool:
    """True if a module imports one that is missing."""
    return any(
        is_missing(module) or any(is_missing(f"{module}.{name}") for name in names)
        for _, module, names in imported_modules(source)
    )


def read(path: Path) -> str | bytes:
    """A file's text, with LF at the ends of lines; its bytes if it is no text."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return content


def module_cut(manifest: Manifest, path: str, solved: Collection[str] = ()) -> Cut:
    """The cuts in a module."""
    if path not in {*manifest.drop, *(c.exercise.file for c in manifest.cuttings)}:
        return Cut()
    known = outline(manifest.root / path)
    drop, remove, words = set[str](), set[str](), set[str]()
    arguments: dict[str, frozenset[str]] = {}
    for name in manifest.drop.get(path, ()):
        if name.startswith("``"):
            words.add(name.strip("`"))
        elif name.endswith(")"):
            function, _, argument = name[:-1].partition("(")
            key = f"{function}.__init__" if function in known.classes else function
            arguments[key] = arguments.get(key, frozenset()) | {argument}
        else:
            drop.add(name)
    blanks: dict[str, Blank] = {}
    signatures: dict[str, str] = {}
    for cutting in manifest.cuttings:
        if cutting.exercise.file != path:
            continue
        is_solved = cutting.exercise.name in solved
        blanks |= _solutions(manifest, cutting) if is_solved else _blanks(cutting)
        cls = cutting.exercise.cls
        signatures |= {f"{cls}.{method}": text for method, text in cutting.signature.items()}
        if not is_solved:
            members = known.classes[cls]
            remove |= {f"{cls}.{name}" if name in members else name for name in cutting.remove}
    return Cut(blanks, signatures, frozenset(drop), frozenset(remove), arguments, frozenset(words))


def _blanks(cutting: Cutting) -> dict[str, Blank]:
    exercise = cutting.exercise
    return {
        f"{exercise.cls}.{method}": Blank(
            f"YOUR CODE HERE ({exercise.key})",
            blank_text(exercise, method),
            cutting.given.get(method, ()),
            cutting.remarks.get(method, ()),
        )
        for method in exercise.blank
    }


def blank_text(exercise: Exercise, method: str) -> str:
    """The text of the error that a blank raises."""
    return f"{exercise.section} {exercise.name}: write {exercise.cls}.{method}"


def _solutions(manifest: Manifest, cutting: Cutting) -> dict[str, Blank]:
    """The plain bodies of a solved exercise."""
    return {
        f"{cutting.exercise.cls}.{method}": Blank(body=plain_body(manifest, cutting, method))
        for method in cutting.plain
    }


def plain_body(manifest: Manifest, cutting: Cutting, method: str) -> str:
    """The body of a method in ``course/plain.py``, without its docstring."""
    source = (manifest.root / PLAIN).read_text(encoding="utf-8")
    node: Any = outline(manifest.root / PLAIN).classes[cutting.exercise.cls][method]
    first = node.body[0].end_lineno  # of the docstring: comments below it belong to the body
    lines = source.splitlines()[first : node.end_lineno]
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[indent:] for line in lines) + "\n"


def fill(manifest: Manifest, template: str, files: Mapping[str, str]) -> str:
    """A template's text, filled in if its name ends in ``.j2``."""
    folder = manifest.root / "course" / "templates"
    if not template.endswith(".j2"):
        return (folder / template).read_text(encoding="utf-8")
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    assignment = manifest.assignment
    return environment.get_template(template).render(
        assignment=assignment,
        required=[exercise for exercise in assignment.exercises if not exercise.optional],
        optional=[exercise for exercise in assignment.exercises if exercise.optional],
        expect=manifest.expect,
        lines={exercise.name: blank_lines(exercise, files) for exercise in assignment.exercises},
        shipped=manifest.shipped,
        model=next((e for e in assignment.exercises if e.name == "model"), None),
        sine_section=next((w.section for w in assignment.written if "train_rnn" in w.task), ""),
        batched=any(exercise.batched for exercise in assignment.exercises),
        looped=next((e.section for e in assignment.exercises if not e.batched and e.tests), ""),
    )


def blank_lines(exercise: Exercise, files: Mapping[str, str]) -> list[int]:
    """The line of each blank of an exercise; where it is solved, of the method."""
    source = files[exercise.file]
    methods = Outline.of(source).classes[exercise.cls]
    found = []
    for method in exercise.blank:
        text = f'"{blank_text(exercise, method)}"'
        here = (i for i, line in enumerate(source.splitlines(), start=1) if text in line)
        found.append(next(here, getattr(methods[method], "lineno", 0)))
    return found


def check_imports(source: str, files: Mapping[str, str | bytes]) -> None:
    """Raise ``ValueError`` if a module of a starter imports one that is not in it."""
    modules = {module_name(path) for path in files if path.endswith(".py")}
    for path, content in files.items():
        if not path.endswith(".py") or not isinstance(content, str):
            continue
        for line, module, names in imported_modules(content):
            if module.partition(".")[0] not in PACKAGES:
                continue
            if module not in modules:
                raise ValueError(f"{source}: {path}:{line} imports {module}, which is not shipped")
            defined = names_at_top(files.get(module_file(module, files)))
            for name in names:
                if name not in defined and f"{module}.{name}" not in modules:
                    what = f"{module}.{name}"
                    raise ValueError(f"{source}: {path}:{line} imports {what}, which is not there")


def module_file(module: str, files: Mapping[str, str | bytes]) -> str:
    """The path of a module in a starter."""
    path = module.replace(".", "/")
    return f"{path}.py" if f"{path}.py" in files else f"{path}/__init__.py"


@lru_cache(maxsize=512)
def names_at_top(content: str | bytes | None) -> frozenset[str]:
    """The names that a module defines, assigns to, or imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(content or "")):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
    return frozenset(names)


def _modules(root: Path) -> frozenset[str]:
    """The modules of the repository."""
    paths = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    return frozenset(module_name(path.relative_to(root).as_posix()) for path in paths)


def assignment_toml(
    assignment: Assignment, hashes: Mapping[str, str], definitions: Mapping[str, dict[str, str]]
) -> str:
    """The public part of a manifest as TOML, with the SHA-256 of each file.

    ``definitions`` are the names in each file with blanks, with the signatures of functions.
    """
    top = {key: getattr(assignment, key) for key in ("name", *public.TOP)}
    parts = [
        "# This assignment, for check.py and generate_submission.py. Please leave it as it is.",
        *_pairs(top),
    ]
    for exercise in assignment.exercises:
        values = {**vars(exercise), "where": f"{exercise.file}:{exercise.cls}"}
        parts += ["", "[[exercise]]", *_pairs({key: values[key] for key in public.EXERCISE})]
    for written in assignment.written:
        parts += ["", "[[written]]", *_pairs(vars(written))]
    parts += ["", "[files]", *_pairs(hashes)]
    for path, names in definitions.items():
        parts += ["", f"[definitions.{_value(path)}]", *_pairs(names)]
    return "\n".join(parts) + "\n"


def _pairs(table: Mapping[str, Any]) -> list[str]:
    """The lines of a table."""
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _value(key)


def _value(value: Any) -> str:
    """A value as TOML: a JSON string is one of TOML's, too."""
    if isinstance(value, Mapping):
        inner = ", ".join(_pairs(value))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
