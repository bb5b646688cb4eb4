"""``python -m course check``: manifests, leaks, numbers of tests, each exercise alone."""

import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course import leaks
from course.assignment import Exercise, assignment_names
from course.autograder.build import archive_files, packed
from course.autograder.exams.exam import Exam, read_exam
from course.autograder.exams.hidden import make_exam
from course.cuttings import Manifest
from course.manifest import read_manifest
from course.ship import Kit
from course.starter import ROOT, write_archive, write_folder
from neural_networks.utils.progress import progress_bar

Check = tuple[str, Callable[[], Iterable[str]]]

WORKERS = 2
"""Checks that run at the same time."""

RANDOM_SETS = 3
"""Sets of several exercises that are solved at once."""

ALONE = """\
import importlib, pathlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, ".")
for module in MODULES:
    importlib.import_module(module)
"""
REFUSED = (
    "IPython", "jinja2", "libcst", "matplotlib", "nbformat", "pandas", "pooch", "pytest",
    "requests", "scipy", "sklearn", "threadpoolctl", "torch", "yaml",
)  # fmt: skip
"""Packages that a starter may not need for its imports: all but NumPy and tqdm."""


def main(names: Sequence[str], root: Path = ROOT) -> int:
    """Check assignments, by default all; prints a line for each check.

    Returns
    -------
    int
        1 if a check fails, else 0.
    """
    failed = 0
    for name in names or assignment_names(root):
        manifest = read_manifest(root, name)
        print(f"{name}: {manifest.assignment.title}")
        with tempfile.TemporaryDirectory() as folder:
            titles, checks = zip(*all_checks(manifest, Path(folder)), strict=True)
            # Most of the time goes by in processes that wait for each other's cores.
            with ThreadPoolExecutor(WORKERS) as pool, progress_bar(len(checks)) as bar:
                results = pool.map(lambda check: list(check()), checks)
                for title, problems in zip(titles, results, strict=True):
                    bar.clear()
                    failed += tell(title, problems)
                    bar.update()
        for pattern in manifest.gives_away:
            print(f"  note    it contains solved: {pattern}")
    return min(failed, 1)


def tell(title: str, problems: Sequence[str]) -> bool:
    """Print the line of a check, and its problems; returns True if it has failed."""
    notes = [line.removeprefix("note: ") for line in problems if line.startswith("note: ")]
    wrong = [line for line in problems if not line.startswith("note: ")]
    print(f"  {'FAILED' if wrong else 'ok':<7} {title}", flush=True)
    for line in wrong:
        print(f"          {line}")
    for line in notes:
        print(f"          ({line})")
    return bool(wrong)


def all_checks(manifest: Manifest, folder: Path) -> Iterator[Check]:
    """The checks of an assignment, each with its title."""
    kit = Kit(manifest)
    files = kit.build()
    starter = folder / "starter"
    write_folder(files, starter)
    yield "files are those of the manifest", lambda: leaks.list_of_files(manifest, files)
    exam = make_exam(manifest, seed=0)
    yield "no canary in starter, archive and autograder", lambda: leaks.canaries(manifest, exam)
    yield "no expression of a solution elsewhere", lambda: _expressions(manifest, files)
    yield "no comment of a solution", lambda: leaks.comments(manifest, files)
    yield "docstrings give nothing away", lambda: leaks.forbidden(manifest, files)
    yield "no caches, outputs, paths", lambda: leaks.hygiene(manifest, files)
    yield "the same bytes twice", lambda: same_twice(manifest, files, folder)
    yield "imports with NumPy and tqdm alone", lambda: imports(starter, files)
    yield "scripts answer --help", lambda: answers_help(starter, files)
    yield "the autograder has no answer, and reads its exam", lambda: autograder(manifest, exam)
    expect = manifest.expect
    title = f"{expect['tests']} tests: {expect['fail']} fail, {expect['pass']} pass"
    yield title, lambda: counts(manifest, starter)
    for exercise in manifest.assignment.exercises:
        if exercise.tests:
            yield f"{exercise.name} alone", alone(kit, exercise, starter)
    for solved in random_sets(manifest.assignment.exercises):
        names = ", ".join(exercise.name for exercise in solved)
        yield f"{names} together", together(kit, solved, starter)
    yield "all solved but the optional ones", lambda: without_optional(kit, starter)
    yield "all solved", lambda: all_solved(kit, starter)


def _expressions(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    found, accepted = leaks.expressions(manifest, files)
    return found + [f"note: {file} has some of {name}: {why}" for name, file, why in accepted]


def same_twice(manifest: Manifest, files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Build starter and archive again, and compare."""
    again = Kit(manifest).build()
    found = [f"{path} differs" for path in files if files[path] != again.get(path)]
    archives = folder / "1.zip", folder / "2.zip"
    for archive, content in zip(archives, (files, again), strict=True):
        write_archive(archive, manifest, content)
    if archives[0].read_bytes() != archives[1].read_bytes():
        found.append("the archives differ")
    return found


def autograder(manifest: Manifest, exam: Exam) -> list[str]:
    """Look for answers in the autograder's archive; unpack it, and read the exam in it."""
    files = archive_files(exam)
    found = leaks.in_grader(manifest, files)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(packed(files))) as zipped:
            zipped.extractall(folder)
        if read_exam(Path(folder)).fingerprint != exam.fingerprint:
            found.append("the exam that is read is not the one that was written")
    return found


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run Python in a folder; the exit status, and all output."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout


def imports(starter: Path, files: Mapping[str, bytes]) -> list[str]:
    """Import every module in a process that has NumPy and tqdm alone."""
    modules = [path[:-3].replace("/", ".") for path in sorted(files) if path.endswith(".py")]
    modules = [name.removesuffix(".__init__") for name in modules if "__main__" not in name]
    code = ALONE.replace("REFUSED", repr(REFUSED)).replace("MODULES", repr(modules))
    status, output = run(starter, "-c", code)
    return [output.strip().splitlines()[-1]] if status else []


def answers_help(starter: Path, files: Mapping[str, bytes]) -> list[str]:
    """Call every script with ``--help``."""
    found = []
    scripts = [[path] for path in files if "/" not in path and path.endswith(".py")]
    for script in [*scripts, ["-m", "neural_networks"], ["-m", "neural_networks", "datasets"]]:
        status, output = run(starter, *script, "--help")
        if status:
            found.append(f"{' '.join(script)}: {output.strip().splitlines()[-1:]}")
    return found


def verdicts(folder: Path, modules: Sequence[str] = ()) -> dict[str, str]:
    """The verdict of each test by name, as ``python -m unittest -v`` prints them."""
    _, output = run(folder, "-m", "unittest", "-v", *(f"tests.{module}" for module in modules))
    pattern = r"^(\w+) \(tests\.([\w.]+?)(?:\.\1)?\) \.\.\. (ok|FAIL|ERROR|skipped)"
    lines = re.findall(pattern, output, re.M)
    return {f"{place}.{test}": verdict for test, place, verdict in lines}


def counts(manifest: Manifest, starter: Path) -> list[str]:
    """The numbers of tests that run, fail and pass before anything is written."""
    found = verdicts(starter)
    numbers = {
        "tests": len(found),
        "fail": sum(verdict == "FAIL" for verdict in found.values()),
        "pass": sum(verdict == "ok" for verdict in found.values()),
    }
    return [
        f"{key}: {number}, expected {manifest.expect[key]}"
        for key, number in numbers.items()
        if number != manifest.expect[key]
    ]


def alone(kit: Kit, exercise: Exercise, starter: Path) -> Callable[[], list[str]]:
    """A check that an exercise turns its own tests green, and no other one's."""
    return together(kit, [exercise], starter)


def random_sets(exercises: Sequence[Exercise]) -> list[list[Exercise]]:
    """Sets of exercises, the same ones each time; none where there are only one or two."""
    tested, draw = [exercise for exercise in exercises if exercise.tests], random.Random(0)
    sizes = [draw.randint(2, len(tested) - 1) for _ in range(RANDOM_SETS) if len(tested) > 2]
    return [draw.sample(tested, size) for size in sizes]


def together(kit: Kit, solved: Sequence[Exercise], starter: Path) -> Callable[[], list[str]]:
    """A check that exercises turn their own tests green, and no other one's."""
    green = {test for exercise in solved for test in exercise.tests}
    return lambda: _greens(kit, [exercise.name for exercise in solved], starter, green)


def without_optional(kit: Kit, starter: Path) -> list[str]:
    """Solve all but the optional exercises, and count."""
    required = [e for e in kit.manifest.assignment.exercises if not e.optional]
    green = {test for exercise in required for test in exercise.tests}
    found = _greens(kit, [exercise.name for exercise in required], starter, green)
    passing = kit.manifest.expect["pass"] + sum(len(e.tests) for e in required if e.counted)
    if passing != kit.manifest.expect["without_optional"]:
        found.append(f"{passing} pass, expected {kit.manifest.expect['without_optional']}")
    return found


def all_solved(kit: Kit, starter: Path) -> list[str]:
    """Solve everything: all tests pass."""
    exercises = kit.manifest.assignment.exercises
    green = {test for exercise in exercises for test in exercise.tests}
    return _greens(kit, [exercise.name for exercise in exercises], starter, green)


def _greens(kit: Kit, solved: Sequence[str], starter: Path, green: set[str]) -> list[str]:
    """Solve exercises in a starter, run all tests of exercises, and compare the green ones."""
    exercises = kit.manifest.assignment.exercises
    files = {e.file for e in exercises if e.name in solved}
    modules = sorted({test.partition(".")[0] for e in exercises for test in e.tests})
    every = {test for exercise in exercises for test in exercise.tests}
    with tempfile.TemporaryDirectory(dir=starter.parent) as folder:
        copy = Path(folder) / "starter"
        shutil.copytree(starter, copy)
        for path in files:
            content = kit.file(path, solved)
            place = copy / path
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        found = verdicts(copy, modules)
    passing = {test for test in every if found.get(test) == "ok"}
    problems = [f"{test} stays red" for test in sorted(green - passing)]
    return problems + [f"{test} turns green, too" for test in sorted(passing - green)]
