"""Canaries: unique words in all that a starter must not have, in a copy of the repository."""

import ast
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course.cuttings import PLAIN, Manifest
from course.sources import outline

WORD = "canary"


@dataclass
class Canaries:
    """Unique words, each with the place where it was put."""

    places: dict[str, str] = field(default_factory=dict)

    def word(self, place: str) -> str:
        """A new word for a place."""
        word = f"{WORD}{len(self.places):05d}q"
        self.places[word] = place
        return word


def copy_repository(root: Path, target: Path) -> None:
    """Copy the files of a repository that git does not ignore; all, where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    paths = [root / name for name in names if name] or list(root.rglob("*"))
    for path in paths:
        folders = path.relative_to(root).parts[:-1]
        if path.is_file() and not any(name.startswith((".", "__pyc")) for name in folders):
            place = target / path.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def plant(manifest: Manifest, of_the_grader: Collection[str] = ()) -> Canaries:
    """Put canaries into the repository of a manifest, which is to be a copy.

    They go into blanked bodies, removed and dropped functions and classes, files that are not
    shipped, outputs of notebooks, and new files beside those that are shipped. Files of the grader
    are spared.
    """
    canaries, root = Canaries(), manifest.root
    shipped = {*manifest.shipped, *of_the_grader}
    for path in {*manifest.drop, *(cutting.exercise.file for cutting in manifest.cuttings)}:
        if path.endswith(".py"):
            _plant_in_module(canaries, manifest, path)
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if not file.is_file() or name.startswith(("course/templates/", "course/assignments/")):
            continue
        if name.endswith(".ipynb"):
            _plant_in_notebook(canaries, file, name)
        elif name not in shipped and name.endswith((".py", ".md", ".toml", ".txt", ".yml")):
            with file.open("a", encoding="utf-8", newline="\n") as opened:
                opened.write(f"\n# {canaries.word(f'the end of {name}')}\n")
    for folder in sorted({str(Path(path).parent) for path in (*manifest.files, *of_the_grader)}):
        for new in ("untracked.py", "untracked.npz", ".untracked"):
            name = f"{folder}/{WORD}_{new}"
            text = f"{canaries.word(f'the new file {name}')} = 1\n"
            (root / name).write_text(text, encoding="utf-8")
    return canaries


def _plant_in_module(canaries: Canaries, manifest: Manifest, path: str) -> None:
    """Plant in the bodies that are blanked, and in what goes from a module."""
    known = outline(manifest.root / path)
    targets: dict[int, tuple[Any, str]] = {}
    for name in _gone(manifest, path):
        node = _find(known.classes, known.names, name)
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for part in inner:
            if isinstance(part, ast.FunctionDef):
                targets[part.lineno] = (part, f"{path}: {name}")
    lines = (manifest.root / path).read_text(encoding="utf-8").split("\n")
    blank = {
        f"{cutting.exercise.cls}.{method}"
        for cutting in manifest.cuttings
        if cutting.exercise.file == path
        for method in cutting.exercise.blank
    }
    for _, (node, place) in sorted(targets.items(), reverse=True):
        _plant_in_function(canaries, lines, node, place, place.partition(": ")[2] in blank)
    (manifest.root / path).write_text("\n".join(lines), encoding="utf-8")


def _gone(manifest: Manifest, path: str) -> Iterator[str]:
    """The qualified names of all that goes from a module, or whose body goes."""
    known = outline(manifest.root / path)
    for name in manifest.drop.get(path, ()):
        if _find(known.classes, known.names, name) is not None:
            yield name
    for cutting in manifest.cuttings:
        cls = cutting.exercise.cls
        if cutting.exercise.file == path:
            members = known.classes[cls]
            yield from (f"{cls}.{method}" for method in cutting.exercise.blank)
            yield from (f"{cls}.{name}" if name in members else name for name in cutting.remove)


def _find(classes: Mapping[str, Any], names: Mapping[str, Any], name: str) -> Any:
    cls, _, member = name.rpartition(".")
    return classes.get(cls, {}).get(member) if cls else names.get(member)


def _plant_in_function(
    canaries: Canaries, lines: list[str], node: Any, place: str, is_blank: bool
) -> None:
    """Plant in a function: string, code, comments inside, trailing and at the end; decorator.

    A blanked function keeps its docstring and decorators, which get none.
    """
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    indent = " " * node.body[0].col_offset
    lines[node.end_lineno - 1] += f"  # {canaries.word(f'{place}, trailing comment')}"
    end = [
        f"{indent}# {canaries.word(f'{place}, comment at the end')}",
        f"{indent}    # {canaries.word(f'{place}, comment indented further')}",
    ]
    lines[node.end_lineno : node.end_lineno] = end
    start = body[0].lineno - 1 if body else node.end_lineno
    lines[start:start] = [
        f"{indent}# {canaries.word(f'{place}, comment')}",
        f'{indent}{canaries.word(f"{place}, code")} = "{canaries.word(f"{place}, string")}"',
    ]
    if not is_blank:
        first = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
        outer = " " * node.col_offset
        lines[first:first] = [f"{outer}@{canaries.word(f'{place}, decorator')}"]


def _plant_in_notebook(canaries: Canaries, file: Path, name: str) -> None:
    """Plant an output, and an attribute in the metadata, of each cell of a notebook."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {"tags": [canaries.word(f"{name}, metadata")]}
        if cell["cell_type"] == "code":
            text = canaries.word(f"{name}, output")
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [text]}]
    file.write_text(json.dumps(notebook), encoding="utf-8")


def found_in(files: Mapping[str, bytes], canaries: Canaries) -> list[str]:
    """The canaries in files and their members: a line for each, with its place."""
    return [
        f"{path} has the canary of {canaries.places.get(word, word)}"
        for path, content in unpacked(files)
        for word in sorted(_words(content))
    ]


def _words(content: bytes) -> set[str]:
    text = content.decode("latin-1")
    parts = text.split(WORD)[1:]
    return {f"{WORD}{part[:6]}" for part in parts if part[:5].isdigit() and part[5:6] == "q"}


def unpacked(files: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
    """Files, and the members of those that are archives, such as ``.npz``."""
    for path, content in files.items():
        yield path, content
        if content[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                members = {f"{path}/{name}": archive.read(name) for name in archive.namelist()}
            yield from unpacked(members)


__all__ = ["PLAIN", "Canaries", "copy_repository", "found_in", "plant", "unpacked"]
