"""Staging: what is taken from a hand-in, and how it is laid over the starter.

Files of exercises are taken, and further modules of the student's own; all else is named and left.
Nothing is imported or parsed: what does not compile costs the tests that need it.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from course.autograder.exams.exam import Exam
from course.autograder.hand_ins.archives import Archive
from course.autograder.hand_ins.choosing import Choice, choose, is_code, named, reason_against
from course.autograder.hand_ins.folders import PACKAGE, Folder, Refused, Source, opened

LARGEST, LARGEST_SUM, MOST_FILES = 1_000_000, 10_000_000, 300
"""Bytes of a file, bytes of all of them, and their number."""

MOST_ARCHIVES = 2
"""Archives inside one another."""


class StageError(ValueError):
    """There is no hand-in at a place, or it cannot be read at all."""


@dataclass(frozen=True)
class HandIn:
    """The files taken from a hand-in.

    Parameters
    ----------
    files : dict of bytes
        The files taken, by their path in the starter.
    missing : tuple of str
        Files of exercises that are not among them.
    ignored : dict of str
        What was not taken, each with the reason; names are shortened and can be printed.
    fingerprint : str
        The SHA-256 of the files taken.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    ignored: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""


def take(hand_in: Path, exam: Exam) -> HandIn:
    """Take the files of exercises from a hand-in.

    They are in the folder ``neural_networks``, at any depth; or they lie anywhere, each known by
    its name.

    Parameters
    ----------
    hand_in : Path
        A folder, an archive (zip) or a single file; in a folder or an archive, all may be in one
        more archive.
    exam : Exam

    Raises
    ------
    StageError
        If nothing is there, or it cannot be read. An archive that is damaged counts as empty.
    """
    with ExitStack() as stack:
        try:
            source = source_of(hand_in)
        except OSError as error:
            raise StageError(f"cannot read {hand_in}: {error.strerror}") from None
        except Refused as error:
            return _hand_in(exam, {}, {hand_in.name: str(error)})
        stack.callback(source.close)
        choice = choose(source.entries, exam)
        for _ in range(MOST_ARCHIVES - isinstance(source, Archive)):
            if choice.places or choice.several or (inner := inner_archive(source, choice)) is None:
                break
            stack.callback(inner.close)
            source, choice = inner, choose(inner.entries, exam)
        files = read_files(source, choice)
        return _hand_in(exam, files, not_taken(source, choice, exam))


def source_of(hand_in: Path) -> Source:
    """Open a folder, an archive or a single file."""
    if hand_in.is_symlink():
        raise StageError(f"{hand_in} is a link: give the folder or file itself")
    if hand_in.is_dir():
        return Folder(hand_in)
    if hand_in.suffix == ".py" and hand_in.is_file():
        return Folder(hand_in.parent.resolve(), only=hand_in.name)
    file = opened(hand_in)
    if file.read(2) == b"PK" or hand_in.suffix.lower() == ".zip":
        return Archive(file)
    file.close()
    raise StageError(f"{hand_in} is not a folder, a zip archive or a .py file")


def inner_archive(source: Source, choice: Choice) -> Archive | None:
    """The only archive among the files, opened; if there are several, or it is damaged, None."""
    zips = [path for path in source.entries if path.lower().endswith(".zip")]
    zips = [path for path in zips if path not in choice.refused]
    if len(zips) > 1:
        choice.refused |= dict.fromkeys(zips, f"one of {len(zips)} archives: hand in only one")
    if len(zips) != 1:
        return None
    try:
        return Archive(source.copy(zips[0]))
    except Refused as error:
        choice.refused[zips[0]] = str(error)
        return None


def read_files(source: Source, choice: Choice) -> dict[str, bytes]:
    """The files chosen, by their path in the starter; what cannot be taken becomes refused."""
    files: dict[str, bytes] = {}
    left = LARGEST_SUM
    fit = (pair for pair in choice.places.items() if pair[1] not in choice.refused)
    for number, (path, place) in enumerate([*fit]):
        try:
            if number >= MOST_FILES:
                raise Refused(f"more than {MOST_FILES} files")
            data = source.read(place, LARGEST)
            if len(data) > left:
                raise Refused(f"all files together are larger than {LARGEST_SUM / 1e6:g} MB")
        except Refused as error:
            choice.refused[place] = str(error)
        else:
            files[path] = data
            left -= len(data)
    return files


def not_taken(source: Source, choice: Choice, exam: Exam) -> dict[str, str]:
    """Files that were not taken, with reasons; those that are as in the starter are no news."""
    taken = {place for place in choice.places.values() if place not in choice.refused}
    reasons = {}
    for place in [*choice.refused, *source.entries]:
        path = place.removeprefix(choice.root)
        if place in choice.refused:
            reasons[path] = choice.refused[place]
        elif place not in taken and not is_no_news(source, place, path, exam):
            reasons[path] = reason_against(path, exam)
    return reasons


def is_no_news(source: Source, place: str, path: str, exam: Exam) -> bool:
    """True for a file of the starter that is unchanged, or no code."""
    original = exam.starter.get(path)
    return original is not None and (not is_code(path) or is_unchanged(source, place, original))


def is_unchanged(source: Source, place: str, original: bytes) -> bool:
    """True if a file is the starter's, whatever its ends of lines."""
    try:
        data = source.read(place, 2 * len(original) + 1)
    except Refused:
        return False
    return data.replace(b"\r\n", b"\n") == original.replace(b"\r\n", b"\n")


def _hand_in(exam: Exam, files: dict[str, bytes], reasons: Mapping[str, str]) -> HandIn:
    """The files taken, with what is missing, and the fingerprint."""
    wanted = dict.fromkeys(e.file for e in exam.assignment.exercises if e.tests)
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    missing = tuple(path for path in wanted if path in exam.accept and path not in files)
    return HandIn(files, missing, named(reasons), digest.hexdigest())


def staged(exam: Exam, hand_in: HandIn) -> dict[str, bytes]:
    """The files of the tree that tests run in, by path.

    The starter's package and what recipes need, without cases, tests and tools; the hand-in's files
    stand in place of the starter's.
    """
    needed = {path: data for path, data in exam.starter.items() if is_needed(path)}
    return needed | hand_in.files


def is_needed(path: str) -> bool:
    """True for the files of a starter that a recipe needs."""
    folder, _, name = path.rpartition("/")
    of_recipes = folder == "tests" and not name.startswith(("test_", "check_"))
    return path.endswith(".py") and (path.startswith(f"{PACKAGE}/") or of_recipes)


def lay(tree: Path, exam: Exam, hand_in: HandIn) -> None:
    """Lay a hand-in over the starter in an empty folder, which all users may read.

    Raises
    ------
    FileExistsError
        If the folder is not empty; nothing in it is written over, and no link followed.
    """
    made = {Path()}
    for path, data in staged(exam, hand_in).items():
        for folder in reversed(Path(path).parents):
            if folder not in made:
                (tree / folder).mkdir()
                (tree / folder).chmod(0o755)
                made.add(folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(tree / path, flags, 0o644), "wb") as file:
            file.write(data)
        (tree / path).chmod(0o644)  # whatever the umask
    tree.chmod(0o755)


def is_as_laid(tree: Path, exam: Exam, hand_in: HandIn) -> bool:
    """True if the tree has the files that were laid, byte by byte, and no others."""
    wanted, found = staged(exam, hand_in), set()
    try:
        for folder, folders, names in os.walk(tree):
            for path in (Path(folder, name) for name in (*folders, *names)):
                status = path.lstat()
                if stat.S_ISDIR(status.st_mode):
                    continue
                name = path.relative_to(tree).as_posix()
                found.add(name)
                # Nothing but a regular file is opened: a pipe would not end.
                if not stat.S_ISREG(status.st_mode) or path.read_bytes() != wanted.get(name):
                    return False
    except OSError:
        return False
    return found == wanted.keys()
