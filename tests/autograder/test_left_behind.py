"""What a test leaves behind: processes, files and memory do not reach the next.

As root, with namespaces and without; as the same user; and as a user without rights.
"""

import os
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path
from unittest import mock

from course.autograder.sandbox import processes, users
from course.autograder.sandbox.sandbox import ROOT, Sandbox
from tests.autograder import places, small_tree
from tests.autograder.in_sandbox import ALONE, DAEMON, InSandbox
from tests.autograder.small_tree import errors, values


class TestLeftBehind(InSandbox):
    """What a test leaves behind: processes, files, memory."""

    def test_a_daemon_that_keeps_the_pipes_open(self):
        body = DAEMON.format("time = __import__('time'); time.sleep(1000)", "{}")
        for end, words in (
            ("return Z", ""),
            ("os._exit(5)", "ended the program (exit status 5)"),
        ):
            with self.subTest(end=end):
                found = self.run_body(body.format(end), seconds=60)
                self.assertIn(words, found.ending)
                self.assertLess(self.seconds, 15)
                self.assert_none_left()

    def test_a_daemon_that_floods_the_pipes(self):
        body = DAEMON.format("while True: os.write(1, bytes(10**5))", "os._exit(5)")
        found = self.run_body(body, seconds=60)
        self.assertIn("exit status 5", found.ending)
        self.assertLess(self.seconds, 15)
        self.assert_none_left()

    def test_daemons_that_run_away_from_their_killers(self):
        body = DAEMON.format(
            """while True:
                    try:
                        if os.fork():
                            os._exit(0)
                        os.setsid()
                    except OSError:
                        pass""",
            "return Z",
        )
        found = self.run_body(body, seconds=60)
        self.assertEqual((found.ending, errors(found)[0]), ("", ""))
        self.assert_none_left()
        self.assert_fine()

    def test_the_second_test_is_as_the_first(self):
        body = """
            import glob
            places = [os.environ["HOME"], "/tmp", "/var/tmp", "/dev/shm", "/run/lock"]
            found = sum(os.path.exists(place + "/left-by-a-test") for place in places)
            for place in places:
                try:
                    os.makedirs(place + "/left-by-a-test/deep", exist_ok=True)
                    os.chmod(place + "/left-by-a-test", 0)
                except OSError:
                    pass
            return found * 1.0
        """
        for _ in range(2):
            found = self.run_body(body)
            self.assertEqual((errors(found), found.ending), (["", ""], ""))
            self.assertEqual(values(found)[0], 0)  # the second case finds what the first left
        self.assertEqual(list(Path("/tmp").glob("left-by-a-test")), [])

    def test_folders_of_any_depth_are_removed(self):
        body = """
            for _ in range(1100 * (len(Z) == 4)):  # more than Python's functions may be deep
                os.mkdir("d")
                os.chdir("d")
            return Z
        """
        found = self.run_body(body)
        self.assertEqual(found.ending, "")
        self.assert_fine()
        self.assertLessEqual(len(list(self.sandbox.folder.joinpath("home").iterdir())), 1)

    def test_files_that_take_too_long_to_remove_are_closed(self):
        body = """
            os.makedirs(os.environ["HOME"] + "/a/b")
            with contextlib.suppress(FileExistsError):
                os.makedirs("/tmp/left-by-a-test/deep")
            for name in os.listdir(os.path.dirname(os.environ["HOME"])):
                if name.startswith("left-"):
                    os.listdir(os.path.dirname(os.environ["HOME"]) + "/" + name)
            os.listdir("/tmp/left-by-a-test")
        """
        with mock.patch.object(users, "REMOVING", 0):
            found = self.run_body("import contextlib\n" + textwrap.dedent(body))
            self.assertIn("File exists", errors(found)[1])
            again = self.run_body("import contextlib\n" + textwrap.dedent(body))
        self.addCleanup(users.remove, ["/tmp/left-by-a-test"])
        if self.sandbox.uid is not None and self.sandbox._user._writable:
            self.assertIn("Permission denied", errors(again)[0])
        self.assertEqual(errors(found)[0], "")
        self.assert_fine()

    def test_shared_memory(self):
        body = """
            import ctypes
            libc = ctypes.CDLL(None)
            there = libc.shmget({key}, 100, 0)
            libc.shmget({key}, 100, 0o1600)
            return (there >= 0) * 1.0
        """
        key = 10**6 + os.getpid()
        for _ in range(2):
            self.assertEqual(self.y(body.format(key=key)), 0)


@unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
class TestAlone(TestLeftBehind):
    """The same where the kernel allows no namespaces."""

    choices = ALONE

    def test_the_staff_is_told(self):
        notes = "\n".join(self.sandbox.notes)
        self.assertIn("unshare --net does not work here", notes)
        if all(folder.stat().st_mode & 0o001 for folder in (ROOT, *ROOT.parents)):
            self.assertIn(f"can read {ROOT}", notes)


class SameUserSandbox(InSandbox):
    """A sandbox without root, whichever user this is."""

    @classmethod
    def setUpClass(cls):
        with mock.patch.object(os, "geteuid", return_value=1000):
            cls.sandbox = cls.enterClassContext(Sandbox(sys.executable))


class TestSameUser(SameUserSandbox, TestLeftBehind):
    """What holds without root, too."""

    test_shared_memory = None
    test_folders_of_any_depth_are_removed = None
    test_daemons_that_run_away_from_their_killers = None
    test_the_second_test_is_as_the_first = None

    def test_the_staff_is_told(self):
        (note,) = self.sandbox.notes
        self.assertIn("not root: the code of hand-ins runs as the user who grades", note)
        self.assertIsNone(self.sandbox.uid)

    def test_the_home_is_emptied(self):
        body = "open('left', 'x')\nreturn Z if len(Z) == 32 else os.unlink('left')"
        for _ in range(2):
            self.assertEqual(errors(self.run_body(body)), ["", ""])

    def test_children_of_the_grader_live(self):
        with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
            self.run_body(DAEMON.format("while True: pass", "return Z"))
            self.assertIsNone(child.poll())
            child.kill()
        self.assert_none_left()


class TestWithoutRoot(unittest.TestCase):
    """The grader as a user without rights."""

    @unittest.skipUnless(places.IS_ROOT, "the other tests run without root")
    def test_daemons_are_found(self):
        code = """
            import sys, textwrap
            sys.path.insert(0, ".")
            from course.autograder.sandbox.sandbox import Sandbox
            from tests.autograder import small_tree
            from course.autograder.sandbox import processes
            from tests.autograder.in_sandbox import DAEMON
            body = textwrap.dedent(DAEMON)
            with Sandbox(sys.executable) as sandbox:
                print(sandbox.notes)
                found = small_tree.run(sandbox, body.format("while True: pass", "return Z"))
                print(len(found.replies), repr(found.ending), processes.orphans(set()))
        """
        with places.open_folder() as folder:
            names = ["course/__init__.py", "course/trial.py", *TREE]
            names += [str(p.relative_to(ROOT)) for p in ROOT.glob("course/autograder/**/*.py")]
            places.write(folder, {name: (ROOT / name).read_bytes() for name in names})
            user = ["setpriv", "--reuid=64198", "--regid=64198", "--clear-groups", "env"]
            done = subprocess.run(
                [*user, places.open_python(), "-B", "-c", textwrap.dedent(code)],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                env={"PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"},
            )
        self.assertEqual(done.stderr, "")
        notes, result = done.stdout.splitlines()
        self.assertIn("not root", notes)
        self.assertEqual(result, "2 '' []")
        self.assertEqual(processes.processes_of(64198), [])


TREE = (
    *(f"tests/{name}.py" for name in small_tree.MODULES),
    *(f"tests/autograder/{name}.py" for name in ("__init__", "in_sandbox", "places", "small_tree")),
)
