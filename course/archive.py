"""The archive of a student's code: what differs from the starter, and a README.md."""

import importlib.metadata
import io
import platform
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course.assignment import Assignment
from course.changes import Changes, find_changes
from course.markdown import escape

MARK = b"Written by generate_submission.py"
LARGEST, LARGEST_SCRIPT = 100_000_000, 1_000_000
"""Bytes of all files, and of one .py file."""

NOTES = "NOTES.md"
SHOWN = 8
"""Files left out that are named."""

NOTHING = Changes((), (), 0, {})
TOOLS = ("check.py", "generate_submission.py")
PLACEHOLDERS = {
    "name", "your name", "my name", "student", "student name", "first last", "firstname lastname",
    "first name last name", "jane doe", "john doe", "todo", "tbd", "xxx", "none", "anonymous",
    "id", "your id", "my id", "student id", "sid", "1234567890", "123456789", "12345678",
}  # fmt: skip
OWN = {"neural_networks", "course", "tests"}
# Packages whose import has another name.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python"}


@dataclass(frozen=True)
class Archive:
    """The bytes of a zip file, and what there is to say of it, in lines."""

    data: bytes
    report: tuple[str, ...]


def one_line(flag: str, text: str) -> str:
    """The text of a flag without spaces around it; ``ValueError`` if it has control characters."""
    if not text.isprintable():
        raise ValueError(f"{flag} must be one line of text, got {text!r}")
    return text.strip()


def identity(flag: str, text: str) -> str:
    """A name or an ID; ``ValueError`` if it is missing or a placeholder."""
    text = one_line(flag, text)
    words = re.sub(r"[\W_]+", " ", text).strip().lower()
    digits = set(words) <= {"0"} or re.fullmatch(r"(x )*x+( x)*", words)
    if not words or words in PLACEHOLDERS or digits or text.startswith("<"):
        what = flag.strip("-").replace("-", " ").replace("id", "ID")
        got = f", got {text!r}" if text else ""
        raise ValueError(f"--zip needs {flag} with your {what}{got}")
    return text


def pack(
    root: Path, assignment: Assignment, name: str, student_id: str, others: str = ""
) -> Archive:
    """Pack what differs from the starter; if nothing does, the files of the exercises.

    The same files give the same bytes.

    Parameters
    ----------
    root : Path
    assignment : Assignment
    name, student_id, others : str
        The student, and whom the student worked with.

    Raises
    ------
    ValueError
        If a name is a placeholder, or the files are too large or no code.
    """
    name, student_id = identity("--name", name), identity("--student-id", student_id)
    others = one_line("--with", others)
    changes = find_changes(root, assignment.files) if assignment.files else NOTHING
    if not changes.new and not changes.changed:  # in the repository, or a solved starter
        exercises = {exercise.file for exercise in assignment.exercises}
        there = tuple(sorted(file for file in exercises if (root / file).is_file()))
        changes = replace(changes, changed=there, unchanged=0)
    contents = {file: (root / file).read_bytes() for file in (*changes.new, *changes.changed)}
    check_sizes(contents)
    contents["README.md"] = readme(root, assignment, contents, name, student_id, others).encode()
    return Archive(zipped(contents, comment=MARK), tuple(report(contents, changes)))


def zipped(
    contents: Mapping[str, bytes], programs: Collection[str] = (), comment: bytes = b""
) -> bytes:
    """An archive of files in the order of their names: the same files give the same bytes.

    Those of ``programs`` can be executed.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.comment = comment
        for file in sorted(contents):
            member = zipfile.ZipInfo(file)  # its date is 1980-01-01
            mode = 0o100755 if file in programs else 0o100644
            member.external_attr, member.create_system = mode << 16, 3
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, contents[file])
    return buffer.getvalue()


def check_sizes(contents: dict[str, bytes]) -> None:
    """Raise ``ValueError`` if a script is so large that it is data, or all are too large."""
    for file, data in contents.items():
        if file.endswith(".py") and len(data) > LARGEST_SCRIPT:
            raise ValueError(f"{file} has {size(len(data))}: keep data out of .py files")
    total = sum(map(len, contents.values()))
    if total > LARGEST:
        file = max(contents, key=lambda file: len(contents[file]))
        most = f"{file} alone has {size(len(contents[file]))}"
        raise ValueError(f"the files have {size(total)}, {size(LARGEST)} are the limit; {most}")


def is_own(data: bytes) -> bool:
    """True if ``pack`` has made this archive."""
    return data.startswith(b"PK") and data.endswith(MARK)


def readme(
    root: Path,
    assignment: Assignment,
    contents: dict[str, bytes],
    name: str,
    student_id: str,
    others: str,
) -> str:
    """The archive's README.md; names are escaped."""
    scripts = [
        f"python {file}" if file.endswith(".py") else f"jupyter notebook {file}"
        for file in sorted(contents)
        if "/" not in file and file not in TOOLS
    ]
    lines = [
        f"# {escape(assignment.title)}",
        "",
        f"- Name: {escape(name)}",
        f"- Student ID: {escape(student_id)}",
        f"- Worked with: {escape(others) or 'no one'}",
        "",
        "## To reproduce the results",
        "",
        f"Put these files over the starter of {escape(assignment.name)}, and run in its folder:",
        "",
        "```sh",
        "python -m pip install -r requirements.txt",
        "python -m unittest -v",
        *scripts,
        "```",
        "",
        f"Made with {', '.join(versions(root, contents))}.",
    ]
    notes = root / NOTES
    if notes.is_file():
        lines += ["", "## Notes", "", notes.read_text("utf-8-sig", "replace").strip()]
    return "\n".join(lines) + "\n"


def versions(root: Path, contents: dict[str, bytes]) -> list[str]:
    """Python's version, and those of the packages that are required or imported."""
    required = root / "requirements.txt"
    lines = required.read_text("utf-8", "replace").splitlines() if required.is_file() else []
    names = {match[0] for line in lines if (match := re.match(r"[A-Za-z][\w.-]*", line))}
    for data in contents.values():
        text = data.decode("utf-8", "replace")
        imports = set(re.findall(r'^\s*"?(?:import|from)\s+(\w+)', text, re.MULTILINE))
        names |= {DISTRIBUTIONS.get(module, module) for module in imports - OWN}
    found = [f"Python {platform.python_version()}"]
    for name in sorted(names, key=str.lower):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue
    return found


def report(contents: dict[str, bytes], changes: Changes) -> Iterable[str]:
    """The files in the archive, with sizes, and those that are not, with reasons."""
    width = max(map(len, contents))
    for file, data in sorted(contents.items()):
        kind = "new" * (file in changes.new)
        yield f"  {file:<{width}}  {size(len(data)):>7}  {kind}".rstrip()
    if changes.unchanged:
        yield f"left out, as the starter has them: {changes.unchanged} files"
    for reason in dict.fromkeys(changes.left_out.values()):
        files = [file for file, why in changes.left_out.items() if why == reason != ""]
        tops = Counter(file.partition("/")[0] + "/" * ("/" in file) for file in files)
        tops.pop(NOTES, None)  # part of README.md
        words = [f"{top} ({n} files)" if n > 1 else top for top, n in sorted(tops.items())]
        more = [f"and {len(words) - SHOWN} more"] * (len(words) > SHOWN)
        if words:
            yield f"left out, {reason}: {', '.join([*words[:SHOWN], *more])}"
    tests = [file for file in changes.changed if file.startswith("tests/")]
    if tests:
        yield f"note: graders use their own {', '.join(tests)}"


def size(n: int) -> str:
    """A number of bytes in words."""
    if n >= 1_000_000:
        return f"{n / 1_000_000:.1f} MB"
    return f"{n / 1000:.1f} kB" if n >= 1000 else f"{n} B"
