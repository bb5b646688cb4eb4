"""The choice of files from a hand-in by their names alone: those of exercises, and own modules."""

import re
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from course.autograder.exams.exam import Exam
from course.autograder.hand_ins.folders import PACKAGE
from course.autograder.sandbox.wire import one_line

MOST_NAMED, MOST_OF_NAME = 20, 100
"""Files not taken that are named, and characters of a name."""

OWN_FILE = "the grader uses its own"
NOT_OWN = {*sys.stdlib_module_names, "numpy", "tqdm", "sitecustomize", "usercustomize"}
OF_TESTS = re.compile(r"(.*/)?(tests/.*|test_[^/]*\.py|conftest\.py)")


@dataclass
class Choice:
    """Files chosen from a hand-in.

    Parameters
    ----------
    places : dict of str
        By the path in the starter, the place in the hand-in.
    refused : dict of str
        By the place, why a file is not taken after all.
    root : str
        The folder of the hand-in that has ``neural_networks``, with a slash at its end.
    several : bool
        True if more than one folder could be that.
    """

    places: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    root: str = ""
    several: bool = False


def choose(entries: Mapping[str, str], exam: Exam) -> Choice:
    """Choose from the files of a hand-in, given with reasons against them.

    Of several folders ``neural_networks``, that nearest to the root is taken; without one, files
    are known by their names, wherever they are.
    """
    refused = {place: reason for place, reason in entries.items() if reason}
    roots = package_roots(entries, exam.accept)
    if len(roots) > 1:
        reason = f"one of {len(roots)} folders {PACKAGE}/: hand in only one"
        return Choice({}, refused | {f"{root}{PACKAGE}/": reason for root in roots}, several=True)
    if not roots:
        return by_name(entries, exam, refused)
    (root,) = roots
    inside = {place.removeprefix(root): place for place in entries if place.startswith(root)}
    choice = Choice({path: inside[path] for path in exam.accept if path in inside}, refused, root)
    known = {*exam.accept, *exam.starter}
    modules = OwnModules(known)
    for path, place in sorted(inside.items()):
        if path not in known and matches(path, exam.extra):
            choice.places[path] = place
            if reason := modules.reason_against(path):
                refused.setdefault(place, reason)
    return choice


def package_roots(entries: Iterable[str], accept: Iterable[str]) -> list[str]:
    """The folders nearest to the root with a folder ``neural_networks`` that has a file to take."""
    wanted = {path for path in accept if path.startswith(f"{PACKAGE}/")}
    roots = {
        place[: -len(path)]
        for place in entries
        for path in wanted
        if place == path or place.endswith(f"/{path}")
    }
    depth = min((root.count("/") for root in roots), default=0)
    return sorted(root for root in roots if root.count("/") == depth)


class OwnModules:
    """The rules for modules of the student's own, which a hand-in may have 100,000 of.

    Parameters
    ----------
    known : collection of str
        The paths of the starter, and those of exercises.
    """

    def __init__(self, known: Collection[str]) -> None:
        self._known = set(known)
        self._names = {part.lower(): part for path in known for part in accumulated(path)}
        self._folders = {parent for path in known for parent in accumulated(path)[:-1]}

    def reason_against(self, path: str) -> str:
        """The reason why a module is not taken, or an empty string."""
        *parents, _ = accumulated(path)
        name = path.removesuffix(".py")
        # Two names that differ in capitals are one file on some machines.
        for part in accumulated(path):
            if (twin := self._names.setdefault(part.lower(), part)) != part:
                return f"its name must be {twin}, in these letters"
        if shadowed := next((f"{p}.py" for p in parents if f"{p}.py" in self._known), None):
            return f"Python would take it in place of {shadowed}"
        if name in self._folders:
            return f"the starter has a folder {name}/"
        if not all(part.isidentifier() for part in name.split("/")):
            return "a module of this name cannot be imported"
        return ""


def accumulated(path: str) -> list[str]:
    """The folders around a file, from the outermost on, and the file."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def by_name(entries: Mapping[str, str], exam: Exam, refused: dict[str, str]) -> Choice:
    """The files of exercises, each by its file name; of several by one name, none is taken."""
    places: dict[str, list[str]] = {}
    for place in sorted(entries):
        places.setdefault(base(place), []).append(place)
    tops = {place.partition("/")[0] for place in entries}
    shared = all("/" in place for place in entries) and len(tops) == 1
    choice = Choice({}, refused, root=f"{tops.pop()}/" if shared else "")
    for path in exam.accept:
        found = places.get(base(path), [])
        if found:
            choice.places[path] = found[0]
        if len(found) > 1:
            reason = f"one of {len(found)} files of this name: hand in only one"
            refused |= dict.fromkeys(found, reason)
    return choice


def base(path: str) -> str:
    """The file name of a path."""
    return path.rpartition("/")[2]


def matches(path: str, pattern: str) -> bool:
    """True if a path fits a pattern, in which ``**/`` stands for any folders, or none."""
    return bool(pattern and _compiled(pattern).fullmatch(path))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    known = {"**/": r"(?:[^/]+/)*", "*": r"[^/]*"}
    parts = re.split(r"(\*\*/|\*)", pattern)
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts))


def reason_against(path: str, exam: Exam) -> str:
    """The reason why a file is not taken that is not among those to write."""
    top = path.partition("/")[0].removesuffix(".py")
    if path in exam.starter or OF_TESTS.fullmatch(path) or top in NOT_OWN:
        return OWN_FILE
    if path.lower().endswith(".zip"):
        return "an archive beside the code"
    if not path.endswith(".py"):
        return "not Python"
    elsewhere = [other for other in exam.accept if base(other) == base(path)]
    return f"not in its place, {elsewhere[0]}" if elsewhere else f"not inside {PACKAGE}/"


def named(reasons: Mapping[str, str]) -> dict[str, str]:
    """Files with reasons, Python first; the names are shortened, few, and can be printed."""
    groups: dict[tuple[str, str], list[str]] = {}
    for place, reason in sorted(reasons.items(), key=lambda pair: (not is_code(pair[0]), pair)):
        top, slash, _ = place.partition("/")
        together = slash and top != PACKAGE
        groups.setdefault((top + slash if together else place, reason), []).append(place)
    short: dict[str, str] = {}
    for (group, reason), places in groups.items():
        if len(short) == MOST_NAMED:
            break
        several = len(places) > 1
        name = one_line(group if several else places[0], MOST_OF_NAME) or "?"
        short[f"{name} ({len(places)} files)" if several else name] = reason
    rest = len(reasons) - sum(len(places) for places in [*groups.values()][: len(short)])
    return short | ({f"{rest} more": "not taken either"} if rest else {})


def is_code(place: str) -> bool:
    """True for the name of a Python file."""
    return place.endswith(".py")
