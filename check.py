"""See where you are in the assignment, what is next, and why a test fails."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - in one line, before an import fails
    sys.exit(f"check.py: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")

import argparse
import importlib.util
import os
import re
from collections.abc import Sequence
from pathlib import Path

from course.assignment import Assignment, Exercise, find_assignment
from course.changes import same_content
from course.parsing import read_source
from course.trial import NOT_WRITTEN, Result, run_tests
from neural_networks.utils.arguments import Parser, printable_output

ROOT = Path(__file__).resolve().parent
EXAMPLES = """\
examples:
  python check.py                 where you are, what is next, and why it fails
  python check.py relu            one exercise
  python check.py relu --hint     and a hint
  python check.py --all           every message, not only the next one

It keeps no record: the order of the exercises is yours. The exit status is 0 if all that was asked
for is done, 1 if not, 2 for a wrong argument.
"""
MARKS = {"done": "32", "here": "1", "wrong": "31"}
"""Colors of a terminal, by what they are for."""

EXPLAINED = {
    "The truth value of an array": "An if takes one yes or no, an array has many: work on whole "
    "arrays instead.",
    "mismatch in its core dimension": "In A @ B, the last axis of A and the first of B have the "
    "same length: print both shapes.",
    "could not be broadcast": "The shapes do not fit each other: print them.",
    "raised KeyError": "Nothing is stored under this name: is it stored before it is looked up?",
    "has no attribute '_": "It is set by no method that has run before.",
}
"""Errors of Python and NumPy, by a part of their text, in other words."""

Results = dict[str, list[Result]]


def make_parser() -> Parser:
    """The parser of the command line."""
    parser = Parser(
        prog="check.py",
        description=__doc__,
        epilog=EXAMPLES,
    )
    parser.add_argument("exercise", nargs="*", help="their names (default: all)")
    parser.add_argument("--hint", action="store_true", help="hints for the exercise")
    parser.add_argument("--all", action="store_true", help="the messages of all tests that fail")
    parser.add_argument("--seconds", type=float, default=10, metavar="S", help="limit of a test")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests, and tell what they say; returns the exit status."""
    flags = make_parser().parse_args(argv)
    try:
        with printable_output():
            return run(flags)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except ValueError as error:
        print(f"check.py: error: {error}", file=sys.stderr)
        return 2


def run(flags: argparse.Namespace) -> int:
    """Do what the flags ask for; returns the exit status."""
    assignment = find_assignment(ROOT)
    named = [assignment.exercise(name) for name in dict.fromkeys(flags.exercise)]
    if importlib.util.find_spec("numpy") is None:
        raise ValueError("NumPy is missing: run  python -m pip install -r requirements.txt")
    if flags.seconds <= 0:
        raise ValueError(f"--seconds must be positive, got {flags.seconds:g}")
    exercises = named or list(assignment.exercises)
    tests = [test for exercise in exercises for test in exercise.tests]
    found = {result.test: result for result in run_tests(ROOT, tests, flags.seconds)}
    results = {e.name: [found[test] for test in e.tests] or by_reading(e) for e in exercises}
    open_ones = [e for e in exercises if not is_done(results[e.name])]
    asked = [e for e in open_ones if named or not e.optional]
    if not named:
        print(overview(assignment, results, asked[:1]))
    shown = named or (open_ones if flags.all else asked[:1])
    reports = [report(e, results[e.name], flags.all, flags.hint) for e in shown]
    if reports:
        print("" if named else "\n", "\n\n".join(reports), sep="")
    if not named and not asked:
        print(last_word(assignment, open_ones))
    for note in notes(assignment):
        print(f"\nnote: {note}")
    return 1 if asked else 0


def by_reading(exercise: Exercise) -> list[Result]:
    """Results for an exercise without tests: a method is right if it is written."""
    try:
        source = read_source(ROOT, exercise.file)
    except ValueError as error:
        return [Result(f".test_{method}", str(error)) for method in exercise.blank]
    found = {method: source.find(f"{exercise.cls}.{method}") for method in exercise.blank}
    return [
        Result(f".test_{method}", "" if definition and not definition.blank else NOT_WRITTEN)
        for method, definition in found.items()
    ]


def is_done(results: Sequence[Result]) -> bool:
    """True if all tests have passed."""
    return all(result.passed for result in results)


def colored(text: str, kind: str) -> str:
    """Text in the color of its kind, on a terminal that has colors."""
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain or not text else f"\033[{MARKS[kind]}m{text}\033[0m"


def overview(assignment: Assignment, results: Results, here: Sequence[Exercise]) -> str:
    """A line for each exercise: its section, its title, how far it is."""
    required = [e for e in assignment.exercises if not e.optional]
    done = [e for e in required if is_done(results[e.name])]
    right = [result.test for e in required for result in results[e.name] if result.passed]
    points = sum(e.tests.get(test, 0) for e in required for test in right)
    count = f"{len(done)} of {len(required)} exercises, {points} of {assignment.points} points"
    lines = [f"{colored(assignment.title, 'here')}: {count}", ""]
    width = max(len(e.title) for e in assignment.exercises)
    name_width = max(len(e.name) for e in assignment.exercises)
    longest = max(len(e.section) for e in assignment.exercises)
    for e in assignment.exercises:
        state = status(results[e.name])
        shown = colored(f"{state:<9}", "done" if state == "done" else "")
        optional = "optional" if e.optional and state != "done" else ""
        more = "<- here" if e in here else optional
        names = f"{e.title:<{width}}  {e.name:<{name_width}}"
        line = f"  {e.section:<{longest}}  {names}  {shown}  {colored(more, 'here')}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def status(results: Sequence[Result]) -> str:
    """``done``, ``to write``, or how many tests pass."""
    passed = sum(result.passed for result in results)
    if passed == len(results):
        return "done"
    if all(result.blank for result in results):
        return "to write"
    return f"{passed} of {len(results)}"


def report(exercise: Exercise, results: Sequence[Result], everything: bool, hint: bool) -> str:
    """The tests of an exercise: the message of the first that fails, or of all."""
    lines = [colored(exercise.key, "here") + " (optional)" * exercise.optional]
    failing = [result for result in results if not result.passed]
    shown = failing if everything else failing[:1]
    places = [place(exercise, result) for result in results]
    width = max(map(len, places), default=0)
    for result, where in zip(results, places, strict=True):
        word = "to write" if result.blank else "fails"
        passed = "ok" if exercise.tests else "written; it has no tests"
        word = colored(passed, "done") if result.passed else colored(word, "wrong")
        lines.append(f"  {where:<{width}}  {word}")
        if result in shown and not result.blank:
            more = [f"      {words}" for part, words in EXPLAINED.items() if part in result.message]
            lines += ["", *indented(result.message), *more, ""]
            if result.printed.strip():
                lines += ["    Your code printed:", *indented(result.printed), ""]
    lines += [f"  {line}" for line in advice(exercise, failing, hint)]
    if hint:
        hints = exercise.hints or ("There is none for this exercise.",)
        lines += ["  Hints:", *(f"    {text}" for text in hints)]
    return "\n".join(lines)


def indented(text: str) -> list[str]:
    """The lines of a text, the first 40, without control characters."""
    lines = text.rstrip().splitlines()
    more = [f"... and {len(lines) - 40} lines more"] * (len(lines) > 40)
    return [
        "    " + "".join(c if c.isprintable() else "?" for c in line.expandtabs(4))
        for line in [*lines[:40], *more]
    ]


def place(exercise: Exercise, result: Result) -> str:
    """The place of the method of a test: ``neural_networks/activations.py:9  ReLU.forward``."""
    tested = result.test.rpartition(".test_")[2]
    method = {"init_params": "_init_parameters"}.get(tested, tested)
    name = f"{exercise.cls}.{method}"
    try:
        source = read_source(ROOT, exercise.file)
    except ValueError:
        return f"{exercise.file}  {name}"
    found = source.find(name) or source.find(exercise.cls)
    broken = re.match(r".*?:(\d+)", "".join(source.problems))
    line = found.line if found else int(broken[1]) if broken else 1
    return f"{exercise.file}:{line}  {name}"


def advice(exercise: Exercise, failing: Sequence[Result], hint: bool) -> list[str]:
    """The next steps of an exercise."""
    if not failing:
        lines = [f"For the write-up: {'; '.join(exercise.deliver)}"] * bool(exercise.deliver)
        command = f"python generate_submission.py --exercise {exercise.name} --test-output"
        return [*lines, f"Code and output: {command} -o {exercise.name}.tex"]
    lines = [f"Write it where it says YOUR CODE HERE ({exercise.key})."] * failing[0].blank
    lines += [exercise.note] * bool(exercise.note)
    classes = dict.fromkeys(f"tests.{test.rpartition('.')[0]}" for test in exercise.tests)
    lines += [f"Its tests alone: python -m unittest -v {' '.join(classes)}"] * bool(classes)
    has_more = bool(exercise.hints) and not hint
    return [*lines, *[f"A hint: python check.py {exercise.name} --hint"] * has_more]


def last_word(assignment: Assignment, optional: Sequence[Exercise]) -> str:
    """The rest of the assignment, when the exercises are done."""
    lines = ["", colored("All exercises are done.", "done") + " What is left:"]
    longest = max((len(written.section) for written in assignment.written), default=0)
    lines += [f"  {w.section:<{longest}}  {w.task}" for w in assignment.written]
    if optional:
        names = ", ".join(f"{e.title} (python check.py {e.name})" for e in optional)
        lines.append(f"  optional: {names}")
    trainings = sorted(path.name for path in ROOT.glob("train_*.py"))
    commands = {f"python {script}": "train a network" for script in trainings}
    submission = "python generate_submission.py"
    commands[f"{submission} --heading_level 2 -o submission.tex"] = "the code appendix"
    commands[f'{submission} --zip code.zip --name "..." --student-id ...'] = "the archive"
    width = max(map(len, commands))
    return "\n".join([*lines, "", *(f"  {c:<{width}}  {what}" for c, what in commands.items())])


def notes(assignment: Assignment) -> list[str]:
    """Tests that are not as the starter had them."""
    changed = [
        file
        for file, digest in assignment.files.items()
        if file.startswith("tests/")
        and not ((ROOT / file).is_file() and same_content(ROOT / file, digest))
    ]
    return [f"{', '.join(changed)} is not the starter's: graders use theirs"] * bool(changed)


if __name__ == "__main__":
    sys.exit(main())
