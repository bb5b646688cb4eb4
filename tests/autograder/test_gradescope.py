"""Gradescope's folders and scripts: results that are always there, and closed folders."""

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import time
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import gradescope_utils

from course.autograder import gradescope
from course.autograder.build import archive_files
from course.autograder.gradescope import NOT_GRADED, add_words
from course.autograder.sandbox.processes import PROC, SandboxError
from course.starter import write_folder
from tests.autograder import places
from tests.autograder.classes import NAME, hand_in, short_exam, solved, with_forward

MAIL = "ada@example.org"


class GradescopeTest(unittest.TestCase):
    """A test with a folder such as Gradescope's /autograder; NumPy comes from an open Python."""

    def setUp(self):
        self.folder = self.enterContext(places.open_folder())
        self.source, self.results = self.folder / "source", self.folder / "results"
        write_folder(archive_files(short_exam(NAME)), self.source)
        package = Path(gradescope_utils.__file__).parent
        shutil.copytree(package, self.source / package.name)
        python = Path(places.open_python())
        (self.folder / "venv").symlink_to(python.parents[1])
        for name in ("run_autograder", "setup.sh"):
            (self.source / name).chmod(0o755)
        shutil.copy(self.source / "run_autograder", self.folder)
        (self.folder / "submission_metadata.json").write_text(json.dumps({"email": MAIL}))

    def started(self, code):
        """The script, started on a hand-in."""
        shutil.copytree(hand_in(self.folder, "work", code), self.folder / "submission" / "hw")
        process = subprocess.Popen(
            ["bash", str(self.folder / "run_autograder")],
            env={**os.environ, "AUTOGRADER": str(self.folder), "PYTHONPATH": "/nowhere"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.enterContext(process)

    def graded(self, code):
        """What the script prints about a hand-in, and its results."""
        process = self.started(code)
        out, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out)
        return out, self.table()

    def table(self):
        return json.loads((self.results / "results.json").read_text())


class TestRunAutograder(GradescopeTest):
    def test_a_hand_in_is_graded_and_folders_are_closed(self):
        secret = self.folder / "secret.json"
        secret.write_text("a file elsewhere")
        self.results.mkdir()
        (self.results / "results.json").symlink_to(secret)
        out, table = self.graded(solved())
        self.assertEqual([test["score"] for test in table["tests"]], [2, 3, 0], out)
        self.assertIn("5 of 5 points", table["output"])
        self.assertEqual(secret.read_text(), "a file elsewhere")
        self.assertEqual(os.listdir(self.results), ["results.json"])  # noqa: PTH208
        for name in ("source", "submission", "results", "submission_metadata.json"):
            mode = stat.S_IMODE((self.folder / name).stat().st_mode)
            self.assertEqual(mode & 0o077, 0, name)

    def test_code_of_a_hand_in_sees_nothing(self):
        words = "print(open('/proc/self/environ').read(), os.listdir('.'), os.getcwd())"
        _, table = self.graded(with_forward(f"import os; {words}"))
        output = table["tests"][0]["output"]
        self.assertIn("Your code printed:", output)
        self.assertNotIn("AUTOGRADER", output)
        self.assertNotIn(str(self.folder), output)

    def test_python_cannot_start(self):
        (self.folder / "venv").unlink()
        self.results.mkdir()
        (self.results / "results.json").write_text('{"score": 100}')  # of an earlier hand-in
        out, table = self.graded(solved())
        self.assertIn("the grader ended with status 127", out)
        self.assertEqual(table["score"], 0)
        self.assertIn("could not run", table["output"])
        self.assertEqual(table["stdout_visibility"], "hidden")

    def test_an_exam_that_is_damaged(self):
        (self.source / "exam.json").write_text("{}")
        out, table = self.graded(solved())
        self.assertIn("ExamError: the exam is damaged", out)
        self.assertTrue(table["output"].startswith(NOT_GRADED))

    @unittest.skipUnless(PROC.is_dir(), "processes are found by /proc")
    def test_killed_midway(self):
        process = self.started(with_forward("import time; time.sleep(5)"))
        grader = self.grader()
        while "did not finish" not in (text := self.text()) or '"passed"' in text:
            time.sleep(0.02)
        os.kill(grader, signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertIn("the grader ended with status 137", out)
        table = self.table()
        self.assertIn("The grader did not finish", table["output"])
        self.assertEqual([test["score"] for test in table["tests"]], [0, 0, 0])
        self.assertEqual(len([t for t in table["tests"] if "did not finish" in t["output"]]), 3)

    def text(self):
        path = self.results / "results.json"
        return path.read_text() if path.exists() else ""

    def grader(self):
        """The process of the grader, when it is there."""
        while True:
            for place in PROC.iterdir():
                if not place.name.isdigit():
                    continue
                try:
                    command = (place / "cmdline").read_bytes()
                except OSError:
                    continue
                own = os.fsencode(self.folder / "venv")
                if command.startswith(own) and b"course.autograder.gradescope" in command:
                    return int(place.name)
            time.sleep(0.02)


class TestWords(GradescopeTest):
    def test_no_sandbox(self):
        self.results.mkdir()
        out = io.StringIO()
        with (
            mock.patch.object(gradescope, "Sandbox", side_effect=SandboxError("no user is left")),
            mock.patch.object(gradescope, "end_on_signals"),
            mock.patch.dict(os.environ, AUTOGRADER=str(self.folder)),
            redirect_stdout(out),
        ):
            self.assertEqual(gradescope.main([]), 0)
        self.assertIn("SandboxError: no user is left", out.getvalue())
        table = self.table()
        self.assertTrue(table["output"].startswith(NOT_GRADED))
        self.assertEqual([test["score"] for test in table["tests"]], [0, 0, 0])

    @unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
    def test_no_hand_in_runs_as_root(self):
        with self.assertRaisesRegex(SandboxError, "^the code of hand-ins would run as root: a"):
            gradescope.own_user(mock.Mock(uid=None, notes=("a", "b")))
        gradescope.own_user(mock.Mock(uid=999))

    def test_above_what_is_there(self):
        path = self.folder / "results.json"
        add_words(path, "First.")
        self.assertEqual(json.loads(path.read_text())["score"], 0)
        path.write_text('{"output": "Second.", "tests": [{"score": 3}]}')
        add_words(path, "First.")
        table = json.loads(path.read_text())
        self.assertEqual(table["output"], "First.\n\nSecond.")
        self.assertEqual(table["tests"], [{"score": 3}])


AS_USER = "while [[ $1 == --* ]]; do shift; done"
STUBS = {
    "id": 'case "$*" in -u) echo 0;; *) echo 999;; esac',
    "useradd": 'echo "useradd $*"',
    "chown": "true",
    "setpriv": f'{AS_USER}; case "$1" in ls|cat) exit 1;; esac; exec "$@"',
    "apt-get": """\
echo "apt-get $*"
if [[ "$*" == install*python3.12* ]]; then ln -sf new "$(dirname "$0")/python3.12"; fi""",
    "apt-cache": '[[ "$2" == python3.12-venv ]]',
    "add-apt-repository": 'echo "add-apt-repository $*"; touch "$(dirname "$0")/added"',
    "readlink": "echo /usr/bin/python3.10",
    "python3": "exit 1",
    # A Python that is new enough: its environments have a Python that installs without network.
    "new": """\
case "$*" in
  -V) echo 'Python 3.12.1';;
  *ensurepip*) exit 0;;
  *venv*) mkdir -p "${!#}/bin"; cp "$(dirname "$0")/inside" "${!#}/bin/python";;
esac""",
    "inside": 'echo "in the environment: $*"; [[ "$*" != *"$FAILS"* ]]',
}
NO_VERSION = {f"python3.{minor}": "exit 1" for minor in range(11, 20)}


class TestSetup(GradescopeTest):
    """setup.sh with the programs of a system replaced, so that nothing is changed here."""

    def setUp(self):
        super().setUp()
        (self.folder / "venv").unlink()
        self.bin = self.folder / "bin"
        self.stubs = STUBS | NO_VERSION

    def set_up(self, fails="nothing", **environment):
        """The exit status of setup.sh, and what it prints."""
        self.bin.mkdir(exist_ok=True)
        for name, code in self.stubs.items():
            (self.bin / name).unlink(missing_ok=True)
            (self.bin / name).write_text(f"#!/bin/bash\n{code}\n")
            (self.bin / name).chmod(0o755)
        done = subprocess.run(
            ["bash", str(self.source / "setup.sh")],
            env={
                "PATH": f"{self.bin}:/usr/bin:/bin",
                "AUTOGRADER": str(self.folder),
                "FAILS": fails,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def test_a_python_is_installed(self):
        status, out = self.set_up()
        self.assertEqual(status, 0, out)
        words = "--yes --quiet --no-install-recommends python3.12 python3.12-venv"
        self.assertIn(f"apt-get install {words}\n", out)
        self.assertIn(f"the grader runs on {self.bin}/python3.12: Python 3.12.1\n", out)
        self.assertTrue(out.endswith("setup.sh: ready\n"), out)
        for path in (self.source, self.source / "exam.json", self.results):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)

    def test_an_archive_of_packages_is_added(self):
        self.stubs |= {
            "grep": "exit 0",  # it is Ubuntu
            "apt-cache": '[[ -e "$(dirname "$0")/added" && "$2" == python3.12-venv ]]',
        }
        status, out = self.set_up()
        self.assertEqual(status, 0, out)
        self.assertIn("add-apt-repository --yes ppa:deadsnakes/ppa\napt-get update", out)
        self.assertIn("the grader runs on", out)

    def test_a_python_that_is_there_is_taken(self):
        self.stubs["python3.14"] = self.stubs["new"]
        status, out = self.set_up()
        self.assertEqual(status, 0, out)
        self.assertNotIn("apt-get", out)
        self.assertIn(f"the grader runs on {self.bin}/python3.14", out)

    def test_the_python_that_is_named(self):
        status, out = self.set_up(PYTHON="new")
        self.assertEqual((status, "apt-get" in out), (0, False), out)
        status, out = self.set_up(PYTHON="python3")
        self.assertEqual(status, 1)
        self.assertIn("setup.sh: PYTHON=python3 will not do: it must be 3.11 or newer", out)

    def test_what_fails_is_said(self):
        for words, changes in (
            ("there is no Python 3.11 or newer here", {"apt-cache": "false", "grep": "exit 1"}),
            (
                "failed, see above: useradd",
                {
                    "id": 'case "$*" in -u) echo 0;; student) exit 1;; *) echo 999;; esac',
                    "useradd": "exit 9",
                },
            ),
            ("it must run as root", {"id": "echo 1000"}),
            ("python3 of the image was replaced", {"readlink": "date +%N"}),
            ("code could read what must come out", {"setpriv": f'{AS_USER}; exec "$@"'}),
        ):
            with self.subTest(words):
                self.stubs = {**STUBS, **NO_VERSION, **changes}
                status, out = self.set_up()
                self.assertEqual(status, 1)
                self.assertIn(words, out.splitlines()[-1])

    def test_steps_that_fail(self):
        for fails, words in (
            ("pip install", "the packages of requirements.txt cannot be installed"),
            ("import numpy", "cannot run NumPy"),
            ("--check", "the grader cannot read its own files"),
        ):
            with self.subTest(fails):
                status, out = self.set_up(fails)
                self.assertEqual(status, 1)
                self.assertIn(words, out.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
