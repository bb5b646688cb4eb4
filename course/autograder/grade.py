"""The command that grades hand-ins on one's own machine: ``python -m course.autograder.grade``."""

import argparse
import os
import secrets
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from course.assignment import DEFAULT, assignment_names
from course.autograder.classes import gradebook, summary
from course.autograder.classes.gradebook import Grade, Gradebook
from course.autograder.classes.grading_jobs import Grading
from course.autograder.exams.exam import ARRAYS, STARTER, TABLE, Exam, read_exam
from course.autograder.gradescope import end_on_signals
from course.autograder.grading.report import chosen
from course.starter import ROOT
from neural_networks.cli.parser import Parser, exit_status
from neural_networks.utils.files import display_path
from neural_networks.utils.progress import tqdm
from neural_networks.utils.text import counted

PROGRAM = "python -m course.autograder.grade"
EXAMPLES = """\
examples:
  python -m course.autograder.grade ../hand-ins/ada.zip
  python -m course.autograder.grade ../hand-ins/* --exam ../autograder.zip --csv ../grades.csv
  python -m course.autograder.grade ../hand-ins/* --only relu softmax --csv ../two.csv --jobs 2

A hand-in is what a student would upload: an archive (zip), a folder, or a file. Of one, the
feedback is printed as the student gets it. Of many, there is a line for each, a table of points by
exercise, and with --csv a row for each: grades.csv, and beside it the folder grades/ with the
feedback, as results.json of Gradescope and as text. The export of hand-ins from Gradescope can be
given as EXPORT/*.

--exam takes the archive of python -m course.autograder.build: the one that is on Gradescope gives
the same grades as Gradescope. Without it an exam is made, with hidden cases from --seed, or from a
new seed, which is kept with the CSV.

Stopped and started again, the command goes on where it was: a hand-in whose files, exam and
exercises are the same keeps its results. --again grades all anew.

The exit status is 0; 1 if a hand-in could not be graded; 2 for a wrong argument; 130 after Ctrl-C.
"""


MOST_JOBS = 64
MOST_SEEDS = 2**63


def make_parser() -> Parser:
    """Create the parser of the command."""
    parser = Parser(
        prog=PROGRAM,
        description="Grade hand-ins as Gradescope would, on this machine.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    names = ", ".join(assignment_names(ROOT))
    add = parser.add_argument
    add("hand_ins", nargs="+", type=Path, metavar="HAND_IN", help="archives, folders or files")
    add("--exam", type=Path, metavar="FILE", help="the archive of course.autograder.build")
    add("--assignment", metavar="NAME", help=f"one of {names} (default: the exam's, or {DEFAULT})")
    add("--seed", type=int, metavar="N", help="of an exam that is made (default: a new one)")
    add("--csv", type=Path, metavar="FILE", help="write or continue this file, and its folder")
    add("--only", nargs="+", default=(), metavar="EXERCISE", help="grade these (default: all)")
    add("--jobs", type=int, default=1, metavar="N", help="hand-ins at a time")
    add("--again", action="store_true", help="grade also what is in the CSV already")
    add(
        "--python", default=sys.executable, metavar="PATH", help="runs hand-ins (default: this one)"
    )
    add("--debug", action="store_true", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Grade hand-ins; returns the exit status."""
    flags = make_parser().parse_args(argv)
    return exit_status(PROGRAM, lambda: run(flags), flags.debug)


def run(flags: argparse.Namespace) -> int:
    """Grade the hand-ins that the flags name; returns 1 if one could not be graded."""
    check_flags(flags)
    hand_ins = gradebook.named(flags.hand_ins)
    if not hand_ins:
        raise ValueError("there is no hand-in among the files")
    before = gradebook.settings_of(flags.csv) if flags.csv is not None else {}
    exam, seed = exam_of(flags, before)
    chosen(exam, flags.only)  # an unknown exercise is told now
    with ExitStack() as stack:
        book = None
        if flags.csv is not None:
            book = Gradebook(flags.csv, exam, flags.only, seed)
            book.check_same(before, flags.again)
            stack.enter_context(book.opened())
        grading = stack.enter_context(Grading(exam, flags.only, book, flags.jobs, flags.python))
        for note in grading.notes:
            print(f"note: {note}", file=sys.stderr)
        grades = told(grading, hand_ins, flags.again)
    is_one = len(grades) == 1 and flags.csv is None
    print((summary.one(grades[0]) if is_one else last_word(exam, flags, grades)).rstrip("\n"))
    return 0 if all(grade.table for grade in grades) else 1


def told(grading: Grading, hand_ins: Mapping[str, Path], again: bool) -> list[Grade]:
    """The grades of hand-ins, in their order; each is printed in a line if there are several."""
    found = {}
    width = len(str(len(hand_ins)))
    try:
        # On a terminal alone; elsewhere the lines are progress enough.
        options: dict[str, Any] = {"disable": None, "leave": False, "dynamic_ncols": True}
        with tqdm(total=len(hand_ins), desc="grading", unit=" hand-in", **options) as bar:
            for number, grade in enumerate(grading.grades(hand_ins, again), start=1):
                found[grade.name] = grade
                if len(hand_ins) > 1 or grading.book is not None:
                    bar.clear()
                    print(f"{number:{width}}/{len(hand_ins)}  {summary.line(grade)}", flush=True)
                bar.update(1)
    except KeyboardInterrupt:
        if grading.book is not None:
            print("\nThe same command goes on from here.", file=sys.stderr)
        raise
    return [found[name] for name in hand_ins]


def last_word(exam: Exam, flags: argparse.Namespace, grades: Sequence[Grade]) -> str:
    """The class in numbers, and where the grades are."""
    lines = ["", summary.overview(exam, flags.only, grades)]
    failed = [grade.name for grade in grades if not grade.table]
    if failed:
        lines += ["", f"Not graded: {', '.join(failed)}"]
    if flags.csv is not None:
        kept = sum(not grade.is_new for grade in grades)
        before = f", of which {kept} graded before" if kept else ""
        folder = display_path(flags.csv.with_suffix(""))
        lines += ["", f"{display_path(flags.csv)}: {counted(len(grades), 'hand-in')}{before}"]
        lines += [f"{folder}/: the feedback on each, as .txt and as results.json"]
    return "\n".join(lines)


def exam_of(flags: argparse.Namespace, before: Mapping[str, Any]) -> tuple[Exam, int | None]:
    """The exam that the flags name, or one that is made, and its seed."""
    if flags.exam is not None:
        exam = read_archive(flags.exam)
        if flags.assignment not in (None, exam.assignment.name):
            raise ValueError(f"{flags.exam} is of {exam.assignment.name}, not {flags.assignment}")
        return exam, None
    from course.autograder.exams.hidden import make_exam
    from course.manifest import read_manifest

    if before and before.get("seed") is None:
        raise ValueError(f"{flags.csv} was graded with an exam from a file: give --exam, too")
    manifest = read_manifest(ROOT, flags.assignment or DEFAULT)
    kept = before.get("seed", secrets.randbelow(MOST_SEEDS))
    seed = kept if flags.seed is None else flags.seed
    return make_exam(manifest, seed), seed


def read_archive(path: Path) -> Exam:
    """The exam in an archive of ``course.autograder.build``, or in a folder with its files."""
    if path.is_dir():
        return read_exam(path)
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            for name in archive.namelist():
                if name in (TABLE, ARRAYS) or name.startswith(f"{STARTER}/"):
                    archive.extract(name, folder)
            return read_exam(Path(folder))
    except zipfile.BadZipFile:
        raise ValueError(f"--exam: {path} is no archive of course.autograder.build") from None


def check_flags(flags: argparse.Namespace) -> None:
    """Raise ``ValueError`` if flags do not fit together."""
    for path in flags.hand_ins:
        if not path.exists():
            raise ValueError(f"there is no hand-in {path}")
    if not 1 <= flags.jobs <= MOST_JOBS:
        raise ValueError(f"--jobs must be between 1 and {MOST_JOBS}, got {flags.jobs}")
    if flags.exam is not None and flags.seed is not None:
        raise ValueError("--seed is for an exam that is made; --exam has its own")
    if flags.seed is not None and not 0 <= flags.seed < MOST_SEEDS:
        raise ValueError(f"--seed must be between 0 and 2^63 - 1, got {flags.seed}")


if __name__ == "__main__":
    os.umask(0o077)  # no other user of this machine may read grades
    end_on_signals()
    sys.exit(main())
