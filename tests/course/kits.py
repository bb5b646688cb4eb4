"""Manifests and starters that several tests use, each made once in a process."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from course.autograder.exams.exam import Exam
from course.autograder.exams.hidden import make_exam
from course.cuttings import Manifest
from course.manifest import manifest_from, read_manifest
from course.ship import Kit

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = ("spring-2020", "spring-2023", "fall-2024")


@cache
def manifest(name: str) -> Manifest:
    """A manifest of the repository."""
    return read_manifest(ROOT, name)


@cache
def kit(name: str) -> Kit:
    """The starters of a manifest."""
    return Kit(manifest(name))


@cache
def starter(name: str) -> dict[str, bytes]:
    """The files of a starter."""
    return kit(name).build()


@cache
def exam(name: str) -> Exam:
    """The exam of a manifest."""
    return make_exam(manifest(name), seed=0)


def table(name: str = "spring-2023") -> dict[str, Any]:
    """A manifest as TOML has it, to be changed."""
    return tomllib.loads((ROOT / "course" / "assignments" / f"{name}.toml").read_text("utf-8"))


def read(changed: dict[str, Any]) -> Manifest:
    """Read and check a changed table of spring 2023."""
    return manifest_from(ROOT, "spring-2023", changed)
