"""The code appendix: what a student has written, gathered by parsing the files.

Nothing is imported or evaluated: code that does not even parse is shown, and its problem told.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course.assignment import Assignment, Exercise, suggestion
from course.changes import find_changes
from course.listings import Appendix, Listing, Section, of_definitions, of_file
from course.parsing import Source, read_source

OTHER = "Other code"
TOOLS = ("check.py", "generate_submission.py")
SECONDS = 60
"""Time limit of the tests of one exercise."""


def gather(
    root: Path,
    assignment: Assignment,
    only: Exercise | None = None,
    also: Iterable[str] = (),
    run_tests: bool = False,
    author: str = "",
) -> Appendix:
    """Gather the code of an assignment.

    Parameters
    ----------
    root : Path
        The folder of the starter, or of the repository.
    assignment : Assignment
    only : Exercise, optional
        The exercise whose code is wanted; by default all, and the student's own files.
    also : iterable of str
        More of the student's own, such as ``layers.MyLayer`` or ``einsum_exercises``.
    run_tests : bool
        If True, the tests of each exercise run, and their output is added.
    author : str
        The student's name.
    """
    gathering = Gathering(root, assignment, run_tests)
    for exercise in assignment.exercises if only is None else [only]:
        gathering.add_exercise(exercise)
    if only is None:
        for name in (*assignment.also, *also):
            gathering.add_named(name)
        gathering.add_own_files()
    return gathering.finish(author)


@dataclass
class Gathering:
    """The code of an assignment while it is gathered."""

    root: Path
    assignment: Assignment
    run_tests: bool
    parts: dict[str, list[Listing | str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: dict[str, Source | None] = field(default_factory=dict)
    listed: set[tuple[str, str]] = field(default_factory=set)
    written: int = 0
    asked: int = 0

    def finish(self, author: str) -> Appendix:
        """The appendix, its sections in the order of the assignment's headings."""
        order = dict.fromkeys((*self.assignment.headings, *self.parts))
        sections = tuple(Section(h, tuple(self.parts[h])) for h in order if h in self.parts)
        title = f"Code appendix: {self.assignment.title}"
        problems, notes = tuple(self.problems), tuple(self.notes)
        return Appendix(title, author, sections, problems, notes, self.written, self.asked)

    def add(self, heading: str, part: Listing | str) -> None:
        """Add a listing or a sentence to a section."""
        self.parts.setdefault(heading, []).append(part)

    def source(self, file: str) -> Source | None:
        """The file, read once, and its problems told once; None if it is missing."""
        if file not in self.sources:
            try:
                self.sources[file] = source = read_source(self.root, file)
                self.problems += source.problems
            except ValueError as error:
                self.sources[file] = None
                self.problems.append(str(error))
        return self.sources[file]

    def add_exercise(self, exercise: Exercise) -> None:
        """Add the class of an exercise, its tests' output, and other code of the same file."""
        self.asked += not exercise.optional
        source = self.source(exercise.file)
        if source is None:
            self.add(exercise.heading, f"{exercise.key}: {exercise.file} is missing.")
        elif source.tree is None:
            self.add_file(exercise.heading, source, exercise.key)
        else:
            self.add_class(exercise, source)
            self.add_definitions(exercise.heading, source, self.own_names(source))

    def add_class(self, exercise: Exercise, source: Source) -> None:
        """Add the class of an exercise: its line, and the methods that are not blank."""
        methods = [source.find(f"{exercise.cls}.{name}") for name in exercise.blank]
        written = {m.name for m in methods if m is not None and not m.blank}
        if exercise.optional and not written:
            return  # not begun
        self.problems += self.check(exercise, source)
        if not written:
            self.add(exercise.heading, f"{exercise.key}: not written yet.")
            return
        self.written += len(written) == len(methods) and not exercise.optional
        known = self.assignment.definitions.get(source.file)
        own = {d.name for d in source.definitions if known and d.name not in known}
        wanted = written | {name for name in own if name.startswith(f"{exercise.cls}.")}
        found = [d for d in source.definitions if d.name in wanted]
        self.listed |= {(source.file, d.name) for d in found}
        self.add(exercise.heading, of_definitions(exercise.key, source, found))
        if self.run_tests and exercise.tests:
            self.add_output(exercise)

    def check(self, exercise: Exercise, source: Source) -> Iterator[str]:
        """The methods that are missing, blank, or called in another way, in a line each."""
        found = source.find(exercise.cls)
        if found is None:
            classes = [d.name for d in source.definitions if d.header]
            close = suggestion(exercise.cls, classes)
            yield f"{source.file}: there is no class {exercise.cls}{close}"
            return
        inside = [d.name for d in source.definitions if d.name.startswith(f"{exercise.cls}.")]
        known = self.assignment.definitions.get(source.file, {})
        for name in (f"{exercise.cls}.{method}" for method in exercise.blank):
            method = source.find(name)
            if method is None:
                others = [n for n in inside if n not in known]
                yield f"{source.file}:{found.line}: there is no {name}{suggestion(name, others)}"
            elif method.blank:
                yield f"{source.file}:{method.line}: {name} is not written yet"
            elif not same_call(known.get(name, ""), method.signature):
                takes = f"takes {method.signature}, but it is called as {known[name]}"
                yield f"{source.file}:{method.line}: {name} {takes}"

    def own_names(self, source: Source) -> list[str]:
        """Functions, classes and names that the starter does not have, outside its exercises."""
        known = self.assignment.definitions.get(source.file, {})
        exercises = {e.cls for e in self.assignment.exercises if e.file == source.file}
        own = [d.name for d in source.definitions if known and d.name not in known]
        classes = [name.rpartition(".")[0] for name in own]
        return [
            name
            for name, cls in zip(own, classes, strict=True)
            if not cls or (cls in known and cls not in exercises)
        ]

    def add_definitions(self, heading: str, source: Source, names: Iterable[str]) -> None:
        """Add a listing of definitions, but for those that are there."""
        wanted = {name for name in names if (source.file, name) not in self.listed}
        if wanted:
            self.listed |= {(source.file, name) for name in wanted}
            found = [d for d in source.definitions if d.name in wanted]
            self.add(heading, of_definitions("", source, found))

    def add_file(self, heading: str, source: Source, title: str = "") -> None:
        """Add a whole file, or, if it is there, a sentence that says so."""
        if (source.file, "") not in self.listed:
            self.listed.add((source.file, ""))
            self.add(heading, of_file(title, source))
        elif title:
            self.add(heading, f"{title}: in {source.file}, listed as a whole.")

    def add_named(self, name: str) -> None:
        """Add a file, class, function or method by its name, such as ``layers.MyLayer``."""
        close: set[str] = set()
        for file, definition in candidates(self.root, name):
            source = self.source(file)
            if source is None:
                continue
            if not definition or source.tree is None:
                self.add_file(self.heading(file), source)
                return
            if source.find(definition):
                self.add_definitions(self.heading(file), source, [definition])
                return
            prefix = name.removesuffix(definition)
            close |= {prefix + d.name for d in source.definitions}
        self.problems.append(f"there is no {name} to list{suggestion(name, sorted(close))}")

    def heading(self, file: str) -> str:
        """The section of a file: that of an exercise in it or beside it, else the last one."""
        exercises, package = self.assignment.exercises, Path("neural_networks")
        same = [e.heading for e in exercises if e.file == file]
        beside = [e for e in exercises if Path(e.file).parent == Path(file).parent != package]
        return [*same, *(e.heading for e in beside), OTHER][0]

    def add_own_files(self) -> None:
        """Add new files, and scripts of the top level that differ from the starter's."""
        if not self.assignment.files:
            return
        changes = find_changes(self.root, self.assignment.files)
        exercises = {exercise.file for exercise in self.assignment.exercises}
        for file in (*changes.new, *changes.changed):
            if file in exercises or file in TOOLS or file.startswith("course/"):
                continue
            if file.endswith(".ipynb"):
                self.notes.append(f"{file} is a notebook: print it, if it belongs to the appendix")
            elif "/" not in file or file in changes.new:
                source = self.source(file)
                if source is not None:
                    self.add_file(self.heading(file), source)
            else:
                advice = "add what you wrote to student_implementations in generate_submission.py"
                self.notes.append(f"{file} differs from the starter's: {advice}")
        self.notes += self.marks_in_scripts()

    def marks_in_scripts(self) -> Iterator[str]:
        """Scripts of the top level in which something is left to write, in a line each."""
        for file in self.assignment.files:
            if "/" in file or not file.endswith(".py") or file in TOOLS:
                continue
            source = self.source(file)
            blanks = [d for d in source.definitions if d.blank] if source else []
            for definition in blanks:
                yield f"{file}:{definition.line}: {definition.name} is not written yet"

    def add_output(self, exercise: Exercise) -> None:
        """Run the tests of an exercise, and add what they print."""
        classes = dict.fromkeys(f"tests.{test.rpartition('.')[0]}" for test in exercise.tests)
        command = ["-m", "unittest", "-v", *classes]
        passed, lines = run(self.root, command)
        if not passed:
            self.problems.append(f"{exercise.key}: its tests fail")
        name = " ".join(["python", *command])
        title = f"{exercise.key}, its tests"
        self.add(exercise.heading, Listing(title, name, "", tuple(lines), is_python=False))


def same_call(asked: str, got: str) -> bool:
    """True if a function of one signature can be called as the other, or if none is asked."""
    if not asked:
        return True
    needed, given = asked[1:-1].split(", "), got[1:-1].split(", ")
    more = given[len(needed) :]
    optional = all(parameter.endswith("=...") or parameter.startswith("*") for parameter in more)
    return given[: len(needed)] == needed and optional


def candidates(root: Path, name: str) -> Iterator[tuple[str, str]]:
    """The files that a name may be in, with its name inside the file, or nothing for all of it."""
    parts = name.removeprefix("neural_networks.").split(".")
    for base in ("neural_networks", ""):
        for k in range(len(parts), 0, -1):
            path, rest = Path(base, *parts[:k]), ".".join(parts[k:])
            if (root / path).with_suffix(".py").is_file():
                yield path.with_suffix(".py").as_posix(), rest
            elif rest and (root / path).is_dir():
                for file in sorted((root / path).glob("*.py")):
                    yield file.relative_to(root).as_posix(), rest


def run(root: Path, arguments: list[str], seconds: float = SECONDS) -> tuple[bool, list[str]]:
    """Run Python in a folder; returns True if it succeeded, and the lines that it printed."""
    environment = os.environ | {"NO_COLOR": "1", "PYTHON_COLORS": "0", "PYTHONIOENCODING": "utf-8"}
    try:
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
        )
        passed, printed = process.returncode == 0, process.stdout
    except subprocess.TimeoutExpired as error:
        ending = f"\nStopped: not done after {seconds:g} s.\n".encode()
        passed, printed = False, (error.stdout or b"") + ending
    text = printed.decode("utf-8", "replace").replace(f"{root}{os.sep}", "")
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return passed, re.split(r"\r\n|\r|\n", text.rstrip())
