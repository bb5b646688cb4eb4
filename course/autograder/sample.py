"""A class of hand-ins made from the listed mistakes, to try the grader out.

``python -m course.autograder.sample`` writes them, and the points that each must get.
"""

import argparse
import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from course.assignment import DEFAULT, assignment_names
from course.autograder.samples.classroom import MOST, Maker, Student
from course.manifest import read_manifest
from course.ship import Kit
from course.starter import ROOT, check_output, write_folder
from neural_networks.cli.parser import Parser, command
from neural_networks.utils.files import display_path
from neural_networks.utils.text import counted

PROGRAM = "python -m course.autograder.sample"
EXAMPLES = """\
examples:
  python -m course.autograder.sample --output ../class
  python -m course.autograder.grade ../class/hand-ins/* --csv ../class/grades.csv

The folder gets hand-ins/, in the forms in which students hand in, and expected.csv with the points
that each must get. Most have solved all exercises, with up to three of the listed mistakes; some
are half done, and some are empty. The same seed makes the same class.
"""


def make_parser() -> Parser:
    """Create the parser of the command."""
    parser = Parser(
        prog=PROGRAM,
        description="Make a class of hand-ins from the listed mistakes, to try the grader out.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    names = ", ".join(assignment_names(ROOT))
    parser.add_argument("--output", type=Path, metavar="DIR", required=True, help="the new folder")
    parser.add_argument("--count", type=int, metavar="N", default=100, help="hand-ins to make")
    parser.add_argument("--assignment", metavar="NAME", default=DEFAULT, help=f"one of {names}")
    parser.add_argument("--seed", type=int, metavar="N", default=1, help="of the random choices")
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    return parser


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Write a class of hand-ins into a folder."""
    flags = make_parser().parse_args(argv)
    if not 1 <= flags.count <= MOST:
        raise ValueError(f"--count must be between 1 and {MOST}, got {flags.count}")
    check_output(flags.output, overwrite=False)
    maker = Maker(Kit(read_manifest(ROOT, flags.assignment)))
    students = maker.draw(flags.count, flags.seed)
    files = {
        f"hand-ins/{path}": content
        for student in students
        for path, content in maker.hand_in(student).items()
    }
    files["expected.csv"] = expected(maker, students).encode()
    write_folder(files, flags.output)
    print(last_word(maker, students, flags.output))


def expected(maker: Maker, students: Sequence[Student]) -> str:
    """The points that each student must get, as CSV with the columns of ``grades.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    tests = [test for exercise in maker.exercises.values() for test in exercise.tests]
    writer.writerow(["name", "score", *tests, "note"])
    for student in sorted(students, key=lambda student: student.file):
        points = maker.points(student)
        made = ", ".join(mistake.title for mistake in student.mistakes)
        note = f"{student.form}; solved: {len(student.solved)}; mistakes: {made or 'none'}"
        score = sum(points.values())
        writer.writerow([student.file, score, *(points[test] for test in tests), note])
    return text.getvalue()


def last_word(maker: Maker, students: Sequence[Student], output: Path) -> str:
    """The content of the class, and the next step."""
    done = Counter(
        "whole" if len(student.solved) == len(maker.exercises) else "half" if student.solved else ""
        for student in students
    )
    made = sum(len(student.mistakes) for student in students)
    folder = display_path(output)
    lines = [
        f"{counted(len(students), 'hand-in')} of {maker.assignment.name} in {folder}/hand-ins: "
        f"{done['whole']} with all exercises, {done['half']} half done, {done['']} empty; "
        f"{counted(made, 'mistake')} in them",
        "Next:",
        f"  python -m course.autograder.grade {folder}/hand-ins/* --csv {folder}/grades.csv",
        f"and compare with {folder}/expected.csv",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
