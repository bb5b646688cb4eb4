"""Gather your code for hand-in: an appendix for the write-up, and an archive.

The code is read, never run; only --test-output runs tests.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from course import archive, latex, markdown
from course.appendix import gather
from course.assignment import find_assignment
from course.listings import Appendix
from course.output import write
from neural_networks.utils.arguments import Parser, printable_output

ROOT = Path(__file__).resolve().parent
EXAMPLES = """\
examples:
  python generate_submission.py --format latex --heading_level 2 --output submission.tex
  python generate_submission.py --format markdown --heading_level 3 --output submission.md
  python generate_submission.py --standalone --name "Ada Lovelace" --output appendix.tex
  python generate_submission.py --exercise relu --test-output --output relu.tex
  python generate_submission.py --zip code.zip --name "Ada Lovelace" --student-id 3031234567

The exit status is 0; 1 if something is not written, missing or failing; 2 for a wrong argument.
"""

# The exercises of the assignment are gathered, and files of your own. Add here what else you have
# written or changed: a class, function or file, such as "layers.MyLayer" or "datasets.data.Data".
student_implementations: list[str] = []


def make_parser() -> Parser:
    """The parser of the command line."""
    parser = Parser(
        prog="generate_submission.py",
        description=__doc__,
        epilog=EXAMPLES,
    )
    add = parser.add_argument
    add(
        "-f",
        "--format",
        choices=("latex", "markdown"),
        help="of the appendix (default: that of the output's name, else latex)",
    )
    add(
        "--heading_level",
        "--heading-level",
        type=int,
        choices=(1, 2, 3),
        default=1,
        help="1 for sections, 2 for subsections, 3 for subsubsections",
    )
    add("-o", "--output", metavar="FILE", help="the appendix; - prints it (default: -)")
    add("--assignment", metavar="NAME", help="its name (default: a starter's, or spring-2023)")
    add(
        "--exercise",
        metavar="NAME",
        help="one exercise, for its section (default: all)",
    )
    add("--standalone", action="store_true", help="a document that compiles by itself")
    add("--test-output", action="store_true", help="run the exercises' tests, and add their output")
    add("--zip", metavar="FILE", help="write an archive of your code")
    add("--name", default="", help="your name, for the archive and a standalone appendix")
    add("--student-id", default="", metavar="ID", help="for the archive")
    add("--with", default="", dest="others", metavar="NAMES", help="whom you worked with")
    add("--overwrite", action="store_true", help="replace files that this tool has not written")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the appendix, the archive, or both; returns the exit status."""
    flags = make_parser().parse_args(argv)
    try:
        with printable_output():
            problems = run(flags)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # as of ... | head
        return 141
    except (ValueError, OSError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        print(f"generate_submission.py: error: {reason}", file=sys.stderr)
        return 2
    return 1 if problems else 0


def run(flags: argparse.Namespace) -> bool:
    """Do what the flags ask for; returns True if something is left for the student to do."""
    assignment = find_assignment(ROOT, flags.assignment)
    only = assignment.exercise(flags.exercise) if flags.exercise else None
    author = archive.one_line("--name", flags.name)
    packed = None
    if flags.zip is not None:
        packed = archive.pack(ROOT, assignment, author, flags.student_id, flags.others)
    also = student_implementations
    appendix = gather(ROOT, assignment, only, also, flags.test_output, author)
    if packed is not None:
        check_suffix("--zip", flags.zip, (".zip",))
        write(Path(flags.zip), packed.data, archive.is_own, flags.overwrite)
        print(f"{flags.zip}: {archive.size(len(packed.data))}", *packed.report, sep="\n")
    if packed is None or flags.output is not None:
        write_appendix(flags, appendix)
    for line in appendix.problems:
        print(line, file=sys.stderr)
    return bool(appendix.problems)


def write_appendix(flags: argparse.Namespace, appendix: Appendix) -> None:
    """Write or print the appendix, and say what it holds."""
    to_file = flags.output not in (None, "-")
    kind = flags.format or ("markdown" if to_file and flags.output.endswith(".md") else "latex")
    if kind == "latex":
        text, warnings = latex.render(appendix, flags.heading_level, flags.standalone)
    else:
        text, warnings = markdown.render(appendix, flags.heading_level, flags.standalone), []
    for line in (*warnings, *appendix.notes):
        print(f"note: {line}", file=sys.stderr)
    if not to_file:
        if isinstance(sys.stdout, io.TextIOWrapper):  # on Windows, the console has an encoding
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        print(text, end="")
        return
    check_suffix("--output", flags.output, (".tex", ".md", ".txt", ""))
    first_lines = (latex.FIRST_LINE.encode(), markdown.FIRST_LINE.encode())
    write(
        Path(flags.output), text.encode(), lambda old: old.startswith(first_lines), flags.overwrite
    )
    lines = sum(len(listing.code) for listing in appendix.listings)
    count = f"{appendix.written} of {appendix.asked} exercises"
    print(f"{flags.output}: {flags.exercise or count}, {lines} lines")
    print(next_step(kind, flags))


def next_step(kind: str, flags: argparse.Namespace) -> str:
    """The use of an appendix, in words."""
    if kind == "markdown":
        return "Paste it into a Markdown cell of your notebook."
    if flags.standalone:
        return f"To make a PDF of it: pdflatex {flags.output}"
    return (
        rf"In your write-up: \usepackage{{listings}} before \begin{{document}}, and "
        rf"\input{{{flags.output}}}"
    )


def check_suffix(flag: str, path: str, suffixes: Sequence[str]) -> None:
    """Raise ``ValueError`` for the name of a file of code, or of another kind than is written."""
    if Path(path).suffix.lower() not in suffixes and not Path(path).is_char_device():
        known = ", ".join(filter(None, suffixes))
        raise ValueError(f"{flag} must be a file that ends in {known}, got {path!r}")


if __name__ == "__main__":
    sys.exit(main())
