"""A mistake: a textbook solution with an edit, and a diagnosis in words."""

import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Edits = Mapping[str, str]
"""Each old text, which occurs once in the method, and the text in its place."""


@dataclass(frozen=True)
class Exercise:
    """A class that students write, and the place where the library looks it up.

    Parameters
    ----------
    name : str
        The exercise, as in ``tests.recipes``.
    textbook : type
        A plain solution.
    table, key
        ``table[key]`` is the class that the library uses.
    test : str
        The graded test case, such as ``test_activations.TestReLU``.
    methods : tuple of str
        The graded methods: a test and a recipe have these names.
    """

    name: str
    textbook: type
    table: MutableMapping[str, Any]
    key: str
    test: str
    methods: tuple[str, ...] = ("forward", "backward")

    def recipes(self) -> dict[str, str]:
        """The name of each test, and that of its recipe."""
        return {f"{self.test}.test_{name}": f"{self.name}.{name}" for name in self.methods}

    @contextmanager
    def installed(self, cls: type) -> Iterator[None]:
        """A context in which the library uses a class for the exercise."""
        before = self.table[self.key]
        self.table[self.key] = cls
        try:
            yield
        finally:
            self.table[self.key] = before


@dataclass(frozen=True)
class Mistake:
    """A wrong version of one method.

    Parameters
    ----------
    exercise : Exercise
    method : str
    name : str
        The mistake in a few characters, often the formula itself.
    edits : mapping of str
        The edits of the textbook's method.
    diagnosis : str
        The sentence for students: what was done, and where to look; never the answer.
    words : str
        A regular expression; a message that matches it has named the cause.
    """

    exercise: Exercise
    method: str
    name: str
    edits: Edits
    diagnosis: str
    words: str

    @property
    def title(self) -> str:
        """Class, method and name."""
        return f"{self.exercise.textbook.__name__}.{self.method}: {self.name}"

    @property
    def recipe(self) -> str:
        """The recipe of the method with the mistake."""
        return (
            f"{self.exercise.name}.{self.method.removeprefix('_').replace('parameters', 'params')}"
        )

    def source(self) -> str:
        """The source of the textbook's class with the edits."""
        method = source_of(getattr(self.exercise.textbook, self.method))
        edited = method
        for old, new in self.edits.items():
            if edited.count(old) != 1:
                raise ValueError(f"{self.title}: {old!r} occurs {edited.count(old)} times")
            edited = edited.replace(old, indented(new, edited, old))
        return textwrap.dedent(source_of(self.exercise.textbook).replace(method, edited))

    def build(self) -> type:
        """The class with the mistake."""
        module = inspect.getmodule(self.exercise.textbook)
        names = dict(vars(module))
        file, source = f"<{self.title}>", self.source()
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), names)
        cls: type = names[self.exercise.textbook.__name__]
        return cls

    @contextmanager
    def installed(self) -> Iterator[None]:
        """A context in which the library makes the mistake."""
        with self.exercise.installed(self.build()):
            yield


@functools.cache
def source_of(thing: type | Callable[..., Any]) -> str:
    """The source of a class or a function; reading it takes milliseconds."""
    return inspect.getsource(thing)


def indented(new: str, text: str, old: str) -> str:
    """New text whose further lines begin where the line with the old text begins."""
    line = text[: text.index(old)].rpartition("\n")[2]
    margin = line[: len(line) - len(line.lstrip())]
    return new.replace("\n", "\n" + margin)


def mistakes(
    exercise: Exercise, method: str, rows: Sequence[tuple[str, Edits, str, str]]
) -> list[Mistake]:
    """The mistakes of one method, from rows of name, edits, diagnosis and words."""
    return [Mistake(exercise, method, *row) for row in rows]
