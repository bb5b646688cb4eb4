"""Gradescope's archive: what is in it, that it answers nothing, and the command that makes it."""

import ast
import io
import os
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

from course import leaks
from course.autograder import build
from course.autograder.exams.exam import read_exam
from course.paths import expand_all
from tests.course.kits import ROOT, exam, manifest, starter

NAME = "fall-2024"

IMPORT_ALL = """\
import importlib, sys
folder = sys.argv[1]
sys.path.insert(0, folder)
before = set(sys.modules)
for name in sys.argv[2:]:
    importlib.import_module(name)
for name in sorted(set(sys.modules) - before):
    file = getattr(sys.modules[name], "__file__", None) or ""
    print(name, "inside" if file.startswith(folder) else "outside")
"""

TRY_ALL = """\
import importlib, sys
from pathlib import Path
folder = Path(sys.argv[1])
sys.path[:0] = [str(folder), str(folder / "starter")]
from course.autograder.exams.exam import read_exam
from tests.verdict import judge, run
import tests
tests.__path__.append(str(folder / "starter" / "tests"))
exam = read_exam(folder)
for path in [*folder.rglob("*.py")]:
    parts = path.relative_to(folder).with_suffix("").parts
    parts = parts[1:] if parts[0] == "starter" else parts
    name = ".".join(parts).removesuffix(".__init__")
    if not name.endswith("__main__") and "worker" not in name:
        try:
            importlib.import_module(name)
        except ImportError:  # such as scripts of the starter beside the grader's course
            print("not imported:", name)
# Not those that end processes or remove files: they are called, and have no mathematics in them.
roots = ("course.assignment", "course.autograder.grading.causes", "course.autograder.exams",
         "course.autograder.sandbox.wire", "tests", "neural_networks")
modules = [m for n, m in sys.modules.items() if n.startswith(roots)]
things = {id(x): x for m in modules for x in vars(m).values() if callable(x)}
things |= {
    id(x): x for c in list(things.values()) if isinstance(c, type)
    for x in vars(c).values() if callable(x)
}
classes = {c.__name__: c for c in things.values() if isinstance(c, type)}
print("functions:", sum(not isinstance(x, type) for x in things.values()))
for exercise in exam.assignment.exercises:
    cls = classes[exercise.cls]
    for test in exercise.tests:
        recipe = exam.recipes[test]
        method = recipe.partition(".")[2].replace("init_params", "_init_parameters")
        before = vars(cls)[method]
        for thing in things.values():
            module = getattr(thing, "__module__", None) or ""
            if isinstance(thing, type) or not module.startswith(roots):
                continue
            setattr(cls, method, thing)
            cases = exam.cases[recipe][:1]
            if not judge(recipe, cases, [run(recipe, case) for case in cases]):
                print("answer:", recipe, thing)
        setattr(cls, method, before)
print("tried")
"""


@cache
def files(name: str) -> dict[str, bytes]:
    """The files of an archive."""
    return build.archive_files(exam(name))


def unpack(name: str, folder: str) -> None:
    """Unpack an archive."""
    with zipfile.ZipFile(io.BytesIO(build.packed(files(name)))) as zipped:
        zipped.extractall(folder)


def python(*arguments: str) -> str:
    """What a new Python prints, which knows nothing of this repository."""
    environment = {"PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-B", "-c", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tempfile.gettempdir(),
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout


def call(*argv: str) -> tuple[int, str, str]:
    """Run the command: exit status, standard output and error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = build.main(argv)
        except SystemExit as stop:
            status = stop.code
    return status, out.getvalue(), err.getvalue()


class TestContent(unittest.TestCase):
    def test_the_files_are_those_of_the_list(self):
        modules = expand_all(ROOT, build.MODULES, "MODULES")
        expected = {*modules, *build.AT_THE_TOP, "exam.json", "exam.npz"}
        expected |= {f"starter/{path}" for path in starter(NAME)}
        self.assertEqual(set(files(NAME)), expected)
        for path in (*modules, *build.AT_THE_TOP):
            self.assertNotRegex(path, "mistakes|hidden|drawing|known|build|plain|neural_networks")

    def test_programs_can_be_executed_and_lines_end_in_lf(self):
        with zipfile.ZipFile(io.BytesIO(build.packed(files(NAME)))) as zipped:
            for member in zipped.infolist():
                mode = 0o100755 if member.filename in ("setup.sh", "run_autograder") else 0o100644
                self.assertEqual(member.external_attr >> 16, mode, member.filename)
                self.assertEqual(member.date_time, (1980, 1, 1, 0, 0, 0))
                if not member.filename.endswith((".npz", ".png")):
                    self.assertNotIn(b"\r\n", zipped.read(member), member.filename)

    def test_requirements_are_pinned(self):
        lines = files(NAME)["requirements.txt"].decode().splitlines()
        pins = [line for line in lines if line and not line.startswith("#")]
        self.assertTrue(all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in pins), pins)
        names = {line.partition("==")[0] for line in pins}
        self.assertEqual(names, {"numpy", "tqdm", "gradescope-utils"})

    def test_the_exam_is_read_from_it(self):
        with tempfile.TemporaryDirectory() as folder:
            unpack(NAME, folder)
            self.assertEqual(read_exam(Path(folder)).fingerprint, exam(NAME).fingerprint)

    def test_an_import_of_a_module_that_is_not_listed(self):
        changed = {**files(NAME)}
        for text in ("from course.cut import Cut", "import neural_networks.layers"):
            changed["course/autograder/sandbox/wire.py"] = f"import os\n{text}\n".encode()
            with self.assertRaisesRegex(ValueError, r"wire\.py:2 imports .*not in the archive"):
                build.check_imports(changed)


class TestNoAnswers(unittest.TestCase):
    def test_nothing_of_a_solution_is_in_it(self):
        for name in ("spring-2020", NAME):
            self.assertEqual(leaks.in_grader(manifest(name), files(name)), [], name)

    def test_an_answer_would_be_found(self):
        name = "spring-2020"
        path = "course/autograder/sandbox/wire.py"
        relu = "class ReLU:\n    def forward(self, Z):\n        return 1\n"
        for text, words in (
            (relu, "ReLU.forward, which is not blank"),
            ("x = G * (H - (H * G).sum(axis=-1, keepdims=True))", "of SoftMax.backward"),
            ("# The slope is 1 where z > 0 and 0 elsewhere.", "of ReLU.backward"),
            (f"# {ROOT}/a.py", "has the path"),
        ):
            changed = {path: files(name)[path] + f"\n{text}\n".encode()}
            found = leaks.in_grader(manifest(name), changed)
            self.assertIn(words, "\n".join(found))
        solved = "starter/neural_networks/activations.py"
        changed = {solved: (ROOT / "neural_networks/activations.py").read_bytes()}
        self.assertIn("SoftMax.forward", "\n".join(leaks.in_grader(manifest(name), changed)))

    def test_modules_import_numpy_and_each_other_alone(self):
        modules = [path for path in files(NAME) if path.startswith(("course/", "tests/"))]
        names = [path[:-3].replace("/", ".").removesuffix(".__init__") for path in modules]
        with tempfile.TemporaryDirectory() as folder:
            unpack(NAME, folder)
            lines = dict(line.split() for line in python(IMPORT_ALL, folder, *names).splitlines())
        ours = {name for name in lines if name.partition(".")[0] in ("course", "tests")}
        self.assertEqual(ours, set(names))
        self.assertEqual({lines[name] for name in ours}, {"inside"})
        outside = {name.partition(".")[0] for name in lines.keys() - ours}
        others = outside - set(sys.stdlib_module_names) - {"_distutils_hack"}
        self.assertLessEqual(others, {"numpy", "gradescope_utils"})
        self.assertIn("numpy", others)

    def test_nothing_that_can_be_imported_passes(self):
        answer = "def rectified(self, Z):\n    return np.maximum(Z, 0)\n"
        with tempfile.TemporaryDirectory() as folder:
            unpack(NAME, folder)
            lines = python(TRY_ALL, folder).splitlines()
            with Path(folder, "course/autograder/sandbox/wire.py").open("a") as file:
                file.write(answer)
            with_answer = python(TRY_ALL, folder).splitlines()
        self.assertEqual([line for line in lines if line.startswith("answer:")], [])
        self.assertEqual(lines[-1], "tried")
        (tried,) = (int(line.split()[1]) for line in lines if line.startswith("functions:"))
        self.assertGreater(tried, 500)
        (found,) = (line for line in with_answer if line.startswith("answer:"))
        self.assertRegex(found, r"relu\.forward <function rectified")

    def test_the_exam_has_no_code(self):
        table = files("spring-2020")["exam.json"].decode()
        for line in table.split('"'):
            if line.startswith("It raised"):
                self.assertNotRegex(line, r"\.py|\n")
        for path in (ROOT / "course" / "autograder" / "mistakes").glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Dict):
                    for key in node.keys:
                        text = key.value if isinstance(key, ast.Constant) else ""
                        self.assertFalse(len(text) > 15 and text in table, text)


class TestCommand(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.output = self.folder / "autograder.zip"

    def make(self, *flags):
        return call("--assignment", NAME, "--output", str(self.output), *flags)

    def test_the_same_seed_gives_the_same_bytes(self):
        status, out, err = self.make("--seed", "5")
        self.assertEqual((status, err), (0, ""))
        first = self.output.read_bytes()
        self.assertIn("\n  seed:     5 (keep it", out)
        self.make("--seed", "5", "--overwrite")
        self.assertEqual(self.output.read_bytes(), first)
        self.make("--seed", "6", "--overwrite")
        self.assertNotEqual(self.output.read_bytes(), first)

    def test_without_a_seed_one_is_drawn_and_printed(self):
        _, out, _ = self.make()
        first = self.output.read_bytes()
        (seed,) = re.findall(r"seed: +(\d+) ", out)
        _, other, _ = self.make("--overwrite")
        self.assertNotIn(seed, other)
        self.assertNotEqual(self.output.read_bytes(), first)
        self.make("--overwrite", "--seed", seed)
        self.assertEqual(self.output.read_bytes(), first)

    def test_what_is_printed(self):
        _, out, _ = self.make("--seed", "1")
        cases = [case for cases in exam(NAME).cases.values() for case in cases]
        hidden = sum(case.hidden for case in cases)
        size = self.output.stat().st_size / 1e6
        assignment = manifest(NAME).assignment
        tests = len(exam(NAME).recipes)
        for words in (
            f"{assignment.title}: the autograder, {size:.1f} MB, in {self.output}\n",
            f"  tests:    {tests} tests, {assignment.points} points\n",
            f"  cases:    {len(cases) - hidden} public, {hidden} hidden\n",
            "upload it to Gradescope",
            f"generate_starter.py --assignment {NAME} --output ../solved --solved all",
            f"0 points and {assignment.points}",
        ):
            self.assertIn(words, out)
        self.assertGreater(hidden, 0)

    def test_mistakes_are_told_in_one_line_and_nothing_is_written(self):
        self.output.write_bytes(b"mine")
        inside = ROOT / "autograder.zip"
        for words, flags in (
            ("exists (--overwrite replaces it)", ()),
            ("must lie outside this repository", ("--output", str(inside))),
            ("must be a file", ("--output", str(self.folder))),
            ("there is no folder", ("--output", str(self.folder / "a" / "b.zip"))),
            ("unknown assignment 'fall-2042'; did you mean", ("--assignment", "fall-2042")),
            ("a seed is a whole number", ("--seed", "-1")),
            ("a seed is a whole number", ("--seed", "seven")),
            ("a seed is a whole number", ("--seed", str(2**63))),
        ):
            given = ["--assignment", NAME, "--output", str(self.output)]
            for flag, value in zip(flags[::2], flags[1::2], strict=True):
                given[given.index(flag) + 1 if flag in given else len(given) :] = (
                    [value, *given[given.index(flag) + 2 :]] if flag in given else [flag, value]
                )
            status, out, err = call(*given)
            with self.subTest(words=words):
                self.assertEqual((status, out), (2, ""))
                self.assertIn(words, err)
                self.assertEqual(len(err.strip().splitlines()), 1)
        self.assertEqual(self.output.read_bytes(), b"mine")
        self.assertFalse(inside.exists())
        self.assertEqual(list(self.folder.iterdir()), [self.output])

    def test_help(self):
        status, out, _ = call("--help")
        self.assertEqual(status, 0)
        self.assertIn("--seed N", out)


if __name__ == "__main__":
    unittest.main()
