"""The command that makes Gradescope's archive: ``python -m course.autograder.build``."""

import argparse
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from course.archive import zipped
from course.assignment import DEFAULT, assignment_names
from course.autograder.exams.exam import Exam, exam_files
from course.autograder.exams.hidden import make_exam
from course.manifest import read_manifest
from course.paths import expand_all
from course.ship import PACKAGES, is_python
from course.sources import imported_modules, module_name
from course.starter import ROOT, check_file
from neural_networks.cli.parser import Parser, command
from neural_networks.utils.files import atomic_write, display_path
from neural_networks.utils.text import counted

PROGRAM = "python -m course.autograder.build"
EXAMPLES = """\
examples:
  python -m course.autograder.build --output ../autograder.zip
  python -m course.autograder.build --assignment spring-2020 --output ../hw3.zip --seed 20200301

The archive is for Gradescope, and for python -m course.autograder.grade. It has the starter, the
cases of all tests and what must come out of them, but no solution. The hidden cases are drawn at
random; the seed that is printed gives the same ones again. Students must see neither.
"""

MODULES = (
    "course/{__init__,assignment,trial}.py",
    "course/autograder/{__init__,gradescope}.py",
    "course/autograder/exams/{__init__,exam,packing}.py",
    "course/autograder/grading/{__init__,causes,grading,messages,report,results}.py",
    "course/autograder/hand_ins/{__init__,archives,choosing,folders,stage}.py",
    "course/autograder/sandbox/{__init__,conversation,isolation,processes,sandbox,users}.py",
    "course/autograder/sandbox/{wire,worker}.py",
    "tests/{__init__,diagnoses,recipes,verdict}.py",
)
"""The grader and its worker: no other module goes into an archive."""

OF_THE_STARTER = ("neural_networks", "tests.stand_ins")
"""Modules that recipes import when they run, in the worker: those of the code under test."""

SCRIPTS = "course/autograder/image"
AT_THE_TOP = ("requirements.txt", "run_autograder", "setup.sh")
"""The folder of what lies at the top of an archive, and its files."""

PROGRAMS = AT_THE_TOP[1:]
MOST_SEEDS = 2**63


def make_parser() -> Parser:
    """Create the parser of the command."""
    parser = Parser(
        prog=PROGRAM,
        description="Make the archive that Gradescope grades an assignment with.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    names = ", ".join(assignment_names(ROOT))
    parser.add_argument("--assignment", metavar="NAME", default=DEFAULT, help=f"one of {names}")
    parser.add_argument("--output", type=Path, metavar="FILE", required=True, help="the archive")
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="draw the hidden cases from it (default: a new one)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    return parser


def seed(text: str) -> int:
    """A seed as it is typed; ``argparse.ArgumentTypeError`` if it is none."""
    if not (text.isascii() and text.isdigit() and int(text) < MOST_SEEDS):
        raise argparse.ArgumentTypeError(
            f"a seed is a whole number from 0 to 2^63 - 1, got {text!r}"
        )
    return int(text)


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Make an archive."""
    flags = make_parser().parse_args(argv)
    manifest = read_manifest(ROOT, flags.assignment)
    check_file("--output", flags.output, flags.overwrite)
    # From a small space of seeds, one that fits the shapes told in messages could be found.
    number = secrets.randbelow(MOST_SEEDS) if flags.seed is None else flags.seed
    exam = make_exam(manifest, number)
    data = packed(archive_files(exam))
    with atomic_write(flags.output) as path:
        path.write_bytes(data)
    print(last_word(exam, number, data, flags))


def archive_files(exam: Exam, root: Path = ROOT) -> dict[str, bytes]:
    """The files of an exam's archive, by path.

    Parameters
    ----------
    exam : Exam
    root : Path
        The repository that the grader's modules come from.

    Raises
    ------
    ValueError
        If a module imports one that would not be in the archive.
    """
    files = {place: content(root / path) for path, place in grader_files(root).items()}
    check_imports(files)
    return files | exam_files(exam)


def grader_files(root: Path = ROOT) -> dict[str, str]:
    """The paths of the grader's own files in the repository, with those in an archive."""
    modules = {path: path for path in expand_all(root, MODULES, PROGRAM)}
    return modules | {f"{SCRIPTS}/{name}": name for name in AT_THE_TOP}


def content(path: Path) -> bytes:
    """The content of a text file, with LF at the ends of lines."""
    return path.read_bytes().replace(b"\r\n", b"\n")


def check_imports(files: Mapping[str, bytes]) -> None:
    """Raise ``ValueError`` if a module of the grader imports one of ours that is not among them."""
    modules = {module_name(path) for path in files if is_python(path)}
    for path in sorted(filter(is_python, files)):
        for line, module, names in imported_modules(files[path].decode()):
            inside = [module, *(f"{module}.{name}" for name in names)]
            if module.partition(".")[0] not in PACKAGES or not modules.isdisjoint(inside):
                continue
            if not (path == "tests/recipes.py" and module.startswith(OF_THE_STARTER)):
                raise ValueError(
                    f"{path}:{line} imports {module}, which is not in the archive (see MODULES)"
                )


def packed(files: Mapping[str, bytes]) -> bytes:
    """An archive of files, the same bytes each time."""
    return zipped(files, PROGRAMS)


def last_word(exam: Exam, number: int, data: bytes, flags: argparse.Namespace) -> str:
    """The content of the archive, and the next steps."""
    assignment, path = exam.assignment, display_path(flags.output)
    cases = [case for of_recipe in exam.cases.values() for case in of_recipe]
    hidden = sum(case.hidden for case in cases)
    name = assignment.name
    return "\n".join(
        [
            f"{assignment.title}: the autograder, {len(data) / 1e6:.1f} MB, in {path}",
            f"  tests:    {counted(len(exam.recipes), 'test')}, {assignment.points} points",
            f"  cases:    {len(cases) - hidden} public, {hidden} hidden",
            f"  checks:   {counted(len(exam.loops), 'method')} without a loop over examples",
            f"  seed:     {number} (keep it: the same seed gives the same archive)",
            f"  exam:     {exam.fingerprint[:12]}",
            "Next: upload it to Gradescope. Try it on the empty starter and on a solved one:",
            f"  python generate_starter.py --assignment {name} --output ../empty",
            f"  python generate_starter.py --assignment {name} --output ../solved --solved all",
            f"  python -m course.autograder.grade ../empty ../solved --exam {path}",
            f"They must get 0 points and {assignment.points}.",
        ]
    )


if __name__ == "__main__":
    os.umask(0o077)  # no other user of this machine may read what must come out
    raise SystemExit(main())
