"""Graders as processes: what they leave when they end, are interrupted or killed."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from course.autograder.classes.jobs import Job, JobError
from course.autograder.sandbox.processes import PROC
from tests.autograder.classes import call, exam_folder, hand_in, solved, with_forward
from tests.autograder.places import open_python
from tests.course.kits import ROOT

SLOW = with_forward("import time; time.sleep(60)")
"""A hand-in with a test that is stopped after 10 s."""

HAS_PROC = PROC.is_dir()
NEEDS_PROC = "processes are found by /proc"


def mentioning(word):
    """The processes with a word in their command or their environment."""
    found = []
    for place in PROC.iterdir():
        if place.name.isdigit() and int(place.name) != os.getpid():
            with contextlib.suppress(OSError):
                text = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
                found += [place.name] if word.encode() in text else []
    return found


class JobTest(unittest.TestCase):
    def setUp(self):
        # Every user can read and search it: the code of hand-ins may run as another one.
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(dir="/tmp"))).resolve()
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        for folder in (self.folder, self.scratch):
            folder.chmod(0o755)

    def hand_in(self, name, code=None):
        return hand_in(self.folder / "class", name, code or solved())

    def started(self, *argv):
        """The command, started as a program with a folder of its own for temporary files."""
        command = [sys.executable, "-m", "course.autograder.grade", *map(str, argv)]
        process = subprocess.Popen(
            [*command, "--exam", str(exam_folder()), "--python", open_python()],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.enterContext(process)
        self.addCleanup(process.kill)
        return process

    def check_nothing_left(self, process):
        """Check that no process and no temporary file is left, before a test would be stopped."""
        end = time.monotonic() + 8
        while (left := mentioning(str(self.scratch))) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(left, [])
        self.assertEqual(list(self.scratch.iterdir()), [])

    def wait_for_worker(self):
        """Wait until a worker is at work."""
        end = time.monotonic() + 60
        while not any("worker.py" in command for command in self.commands()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.2)

    def commands(self):
        """The commands that mention the folder for temporary files."""
        for place in PROC.iterdir():
            if place.name.isdigit():
                with contextlib.suppress(OSError):
                    text = (place / "cmdline").read_bytes().decode("utf-8", "replace")
                    if str(self.scratch) in text:
                        yield text


@unittest.skipUnless(HAS_PROC, NEEDS_PROC)
class TestInterrupted(JobTest):
    def test_ctrl_c_leaves_nothing(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                process = self.started(self.hand_in("slow", SLOW), "--csv", self.folder / "g.csv")
                self.wait_for_worker()
                process.send_signal(number)
                out, err = process.communicate(timeout=30)
                self.assertEqual((process.returncode, out), (status, ""), err)
                self.assertNotIn("Traceback", err)
                self.check_nothing_left(process)
                left = [path.name for path in (self.folder / "g").iterdir()]
                self.assertEqual(left, ["gradebook.json"])

    def test_killed_and_started_again(self):
        hand_ins = [self.hand_in("ada"), self.hand_in("slow", SLOW)]
        book = self.folder / "grades.csv"
        process = self.started(*hand_ins, "--csv", book)
        self.assertIn("1/2  ada: 5 of 5", process.stdout.readline())
        self.wait_for_worker()
        process.kill()
        process.communicate()
        self.assertTrue((self.folder / "grades" / ".grading").is_dir())
        self.assertFalse(book.exists())
        self.check_nothing_left(process)
        self.hand_in("slow")  # so that the rest of the test is quick
        process = self.started(*hand_ins, "--csv", book)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertIn("ada: 5 of 5, graded before\n2/2  slow: 5 of 5, ", out)
        self.assertEqual(
            [line.split(",")[:2] for line in book.read_text().splitlines()[1:]],
            [["ada", "5"], ["slow", "5"]],
        )
        left = sorted((self.folder / "grades").iterdir())
        names = [path.name for path in left]
        self.assertEqual(names, ["ada.json", "ada.txt", "gradebook.json", "slow.json", "slow.txt"])
        for path in (book, book.with_suffix(""), *left):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)


class TestJob(JobTest):
    def test_two_at_a_time(self):
        hand_ins = [self.hand_in(name) for name in ("ada", "bob")]
        status, out, _ = call(
            *hand_ins, "--jobs", "2", "--exam", exam_folder(), "--python", open_python()
        )
        self.assertEqual((status, out.count(": 5 of 5, ")), (0, 2))

    def test_one_that_ends_is_replaced(self):
        ada, results = self.hand_in("ada"), self.folder / "results.json"
        with Job(exam_folder(), open_python()) as job:
            job.start()
            job._process.kill()
            with self.assertRaisesRegex(JobError, "^the grader ended: SIGKILL$"):
                job.grade(ada, results)
            job.grade(ada, results)
            self.assertIn('"status": "passed"', results.read_text())
            with self.assertRaisesRegex(JobError, "cannot read"):
                job.grade(self.folder / "nothing", results)
        with self.assertRaisesRegex(JobError, "stopped"):
            job.start()

    def test_a_python_that_is_none(self):
        status, out, err = call(
            self.hand_in("ada"), "--exam", exam_folder(), "--python", "/nowhere/python"
        )
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertIn("/nowhere/python", err)


if __name__ == "__main__":
    unittest.main()
