"""The parts of a manifest: what each exercise takes away, what ships, what is expected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from course.assignment import Assignment, Exercise

PLAIN = "course/plain.py"
"""Bodies for a solved starter, where ours does more than the exercise asks for."""


@dataclass(frozen=True)
class Cutting:
    """All that an exercise takes away.

    Parameters
    ----------
    exercise : Exercise
    remove : tuple of str
        Members of its class, or names of its module, that are helpers of the solution.
    given, remarks : mapping of tuple of str
        By method, the statements that a blank keeps, and lines of its comment.
    signature : mapping of str
        By method, a signature in place of its own.
    plain : tuple of str
        Methods whose solution in a starter is that of ``course/plain.py``.
    forbid : tuple of str
        Texts that may not occur in a docstring of the blanks.
    """

    exercise: Exercise
    remove: tuple[str, ...] = ()
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signature: Mapping[str, str] = field(default_factory=dict)
    plain: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """A known likeness between an exercise's solution and a file that ships, with its reason."""

    exercise: str
    file: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """A manifest, read and checked.

    Parameters
    ----------
    root : Path
        The repository.
    assignment : Assignment
        The public part.
    cuttings : tuple of Cutting
        One for each exercise.
    files : tuple of str
        The files that ship, sorted, without templates.
    templates : mapping of str
        Templates by the path that they have in the starter.
    drop : mapping of tuple of str
        By file, what goes from it.
    accept, extra, limits
        What the grader takes from a hand-in, and its limits.
    expect : mapping of int
        Numbers of tests: ``tests``, ``fail``, ``pass`` and ``without_optional``.
    accepted : tuple of Accepted
    """

    root: Path
    assignment: Assignment
    cuttings: tuple[Cutting, ...]
    files: tuple[str, ...]
    templates: Mapping[str, str]
    drop: Mapping[str, tuple[str, ...]]
    expect: Mapping[str, int]
    accept: tuple[str, ...] = ()
    extra: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    gives_away: tuple[str, ...] = ()
    accepted: tuple[Accepted, ...] = ()

    @property
    def shipped(self) -> list[str]:
        """The paths of all files of the starter."""
        return sorted({*self.files, *self.templates, "assignment.toml"})
