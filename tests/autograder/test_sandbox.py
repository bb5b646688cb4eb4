"""The sandbox: code that loops, crashes, floods, hides or reads ends with its test.

As root each test runs as another user; what holds then is tested in :class:`TestOtherUser` and
:class:`TestLeftBehind`, and once more without namespaces, which not every kernel allows.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from course.autograder import isolation, processes, users
from course.autograder.sandbox import ROOT, Sandbox, SandboxError
from tests.autograder import places, small_tree
from tests.autograder.small_tree import errors, values

UNUSED = 64400 + os.getpid() % 1000
"""A user that no test takes in another process."""

ALONE = ((),)
"""The choice of isolations of a kernel that allows none."""


class InSandbox(unittest.TestCase):
    """Tests in one sandbox."""

    choices = isolation.CHOICES

    @classmethod
    def setUpClass(cls):
        with mock.patch.object(isolation, "CHOICES", cls.choices):
            cls.sandbox = cls.enterClassContext(Sandbox(places.open_python()))

    def run_body(self, body, **options):
        """Run a body of ReLU.forward, and measure the time."""
        start = time.monotonic()
        found = small_tree.run(self.sandbox, textwrap.dedent(body), **options)
        self.seconds = time.monotonic() - start
        return found

    def y(self, body, **options):
        """The Y of the first case; the test must end as it should."""
        found = self.run_body(body, **options)
        self.assertEqual((found.ending, errors(found)), ("", [""] * 2), found.printed)
        return values(found)[0]

    def assert_fine(self):
        """The next test is not harmed."""
        self.assertEqual(self.y("return np.maximum(0, Z)").tolist(), [[0.0] * 3] * 4)


class TestEndings(InSandbox):
    """How a test ends, in words."""

    def test_as_it_should(self):
        found = self.run_body("print('σ')\nreturn np.maximum(0, Z)")
        self.assertEqual(found.ending, "")
        self.assertEqual([y.shape for y in values(found)], [(4, 3), (32, 3)])
        self.assertEqual(found.printed, "σ\nσ")

    def test_lines_are_counted(self):
        found = self.run_body("for z in Z: pass\nreturn Z", count=True)
        few, many = (reply.lines for reply in found.replies)
        self.assertEqual(many - few, 28)

    def test_an_endless_loop(self):
        found = self.run_body("if len(Z) > 4:\n    while True: pass\nreturn Z", seconds=1)
        self.assertRegex(
            found.ending,
            r"^not done after 1 s: an endless loop\?\n"
            r"  it was at neural_networks/activations\.py:7, in forward$",
        )
        self.assertEqual([y.shape for y in values(found)], [(4, 3)])
        self.assertLess(self.seconds, 15)

    def test_an_endless_loop_in_an_import(self):
        with mock.patch.object(small_tree, "ACTIVATIONS", "while True: pass"):
            found = self.run_body("", seconds=1)
        self.assertIn("not done after 1 s", found.ending)
        self.assertIn("activations.py:1", found.ending)

    def test_signals_are_of_no_use(self):
        body = """
            import signal, time
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            {}
            time.sleep(1000)
        """
        for line in ("", "os.kill(os.getpid(), signal.SIGSTOP)"):
            found = self.run_body(body.format(line), seconds=1)
            self.assertIn("not done after 1 s", found.ending)
            self.assertLess(self.seconds, 15)

    def test_ended_the_program(self):
        for status in (0, 3):
            found = self.run_body(f"os._exit({status})")
            self.assertEqual(found.ending, f"ended the program (exit status {status})")

    def test_a_closed_channel(self):
        found = self.run_body("os.closerange(0, 64)\nwhile True: pass", seconds=1)
        self.assertIn("not done after 1 s", found.ending)
        found = self.run_body("os.closerange(0, 64)\nreturn Z")
        self.assertIn("ended the program (exit status 1)", found.ending)

    def test_crashes(self):
        for body, words in (
            ("import ctypes; ctypes.string_at(0)", "crashed (signal 11, SIGSEGV)"),
            ("os.abort()", "crashed (signal 6, SIGABRT)"),
            ("os.kill(os.getpid(), 9)", "crashed (signal 9, SIGKILL): out of memory?"),
            ("os.kill(os.getpid(), 40)", "crashed (signal 40"),
        ):
            with self.subTest(words=words):
                self.assertIn(words, self.run_body(body).ending)

    def test_the_place_of_a_crash(self):
        ending = self.run_body("import ctypes\nctypes.string_at(0)").ending
        self.assertIn("it was at neural_networks/activations.py:7, in forward", ending)

    def test_memory(self):
        for body in (
            "return np.zeros(10**11)",
            "x = []\nwhile True: x.append(bytes(10**7))",
        ):
            with self.subTest(body=body):
                found = self.run_body(body, memory_mb=512)
                text = found.ending + "".join(errors(found))
                self.assertIn("needed more memory than 512 MB", text)

    def test_memory_that_ends_the_program(self):
        body = "sys.stderr.write('OpenBLAS error: Memory allocation failed')\nos._exit(1)"
        self.assertEqual(self.run_body(body).ending, "needed more memory than 1024 MB")

    def test_a_stack_overflow(self):
        body = "sys.setrecursionlimit(10**9)\nf = lambda: f()\nf()"
        found = self.run_body(body, memory_mb=256, seconds=2)
        text = found.ending + "".join(errors(found))
        self.assertRegex(text, "signal 11|memory|SystemError|not done after 2 s")

    def test_paths_are_those_of_the_hand_in(self):
        found = self.run_body("print(__file__)\nopen(__file__, 'w')\n")
        text = found.printed + errors(found)[0]
        self.assertNotIn(str(self.sandbox.folder), text)
        self.assertIn("neural_networks/activations.py", found.printed)
        found = self.run_body("raise ValueError(__file__)")
        self.assertIn("ValueError: neural_networks/activations.py\n", errors(found)[0])


class TestOutput(InSandbox):
    """What a test prints, and what it writes to descriptors."""

    def test_printing_for_ever(self):
        for target in ("stdout", "stderr"):
            found = self.run_body(f"while True: sys.{target}.write('x' * 10**6)", seconds=1)
            self.assertIn("not done after 1 s", found.ending)
            self.assertEqual(len(found.printed), 4096 + len("\n…"))
            self.assertLess(self.seconds, 15)

    def test_printed_text_is_harmless(self):
        body = (
            r"os.write(1, b'\x1b[31mred\x1b[0m\0 \xff \xed\xa0\x80 </pre><script>')" + "\nreturn Z"
        )
        printed = self.run_body(body).printed
        self.assertTrue(printed.startswith("red� � ��� </pre><script>"), printed)
        self.assertTrue(all(c == "\n" or c.isprintable() for c in printed))
        printed.encode()

    def test_forged_frames(self):
        reply = '{"kind": "reply", "results": [], "blank": null, "error": "", "lines": null, '
        for body in (
            "send(b'half')\nreturn Z",
            "send(b'\\xff' * 100)\nreturn Z",
            "send(header('[]'))\nreturn Z",
            "send(header('{\"arrays\": []}'))\nreturn Z",
            'send(header(\'{"kind": "pass", "arrays": []}\'))\nreturn Z',
            'send(header(\'{"kind": "end", "arrays": []}\'))\nreturn Z',
            f"for _ in range(3): send(header('{reply}\"arrays\": []}}'))\nreturn Z",
            f'send(header(\'{reply}"arrays": [["|O", [1]]]}}\') + bytes(8))\nreturn Z',
            f'send(header(\'{reply}"arrays": [["<f8", [1000000000000]]]}}\'))\nreturn Z',
            "while True: send(bytes(10**6))",
            "import pickle\nsend(pickle.dumps(Z))\nreturn Z",
        ):
            with self.subTest(body=body):
                forge = """
                    import struct
                    def header(text): return struct.pack(">I", len(text)) + text.encode()
                    def send(data): os.write(63, data)
                """
                found = self.run_body(textwrap.dedent(forge) + body)
                self.assertEqual(found.ending, "nonsense came back in place of results")
                self.assertLess(self.seconds, 15)

    def test_half_a_frame_and_silence(self):
        found = self.run_body("os.write(63, b'\\0\\0')\nwhile True: pass", seconds=1)
        self.assertIn("not done after 1 s", found.ending)

    def test_frames_in_descriptors_that_are_open(self):
        self.assertEqual(
            self.y("return np.array(sorted(map(int, os.listdir('/proc/self/fd'))))").tolist(),
            [0, 1, 2, 3, 62, 63],
        )


class TestLeftBehind(InSandbox):
    """What a test leaves behind: processes, files, memory."""

    daemon = """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                {}
            os._exit(0)
        import time
        time.sleep(0.3)
        {}
    """

    def assert_none_left(self):
        """No process of the hand-in's user is left."""
        if self.sandbox.uid is not None:
            self.assertEqual(processes.processes_of(self.sandbox.uid), [])
        self.assertEqual(processes.orphans(processes.workers), [])

    def test_a_daemon_that_keeps_the_pipes_open(self):
        body = self.daemon.format("time = __import__('time'); time.sleep(1000)", "{}")
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
        body = self.daemon.format("while True: os.write(1, bytes(10**5))", "os._exit(5)")
        found = self.run_body(body, seconds=60)
        self.assertIn("exit status 5", found.ending)
        self.assertLess(self.seconds, 15)
        self.assert_none_left()

    def test_daemons_that_run_away_from_their_killers(self):
        body = self.daemon.format(
            """while True:
                    if os.fork():
                        os._exit(0)
                    os.setsid()""",
            "return Z",
        )
        self.run_body(body, seconds=60)
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
class TestOtherUser(InSandbox):
    """What another user cannot do."""

    def denied(self, body, words="Permission denied|No such file|Read-only"):
        """The code must fail, in the words of the system."""
        for error in errors(self.run_body(body)):
            self.assertRegex(error, words)

    def test_it_is_another_user_without_groups(self):
        body = "return np.array([*os.getresuid(), *os.getresgid(), *os.getgroups()])"
        self.assertEqual(set(self.y(body).tolist()), {self.sandbox.uid})
        self.assertNotEqual(self.sandbox.uid, 0)

    def test_its_environment(self):
        body = "print(sorted(os.environ))\nreturn Z"
        names = ["HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "TMPDIR"]
        self.assertEqual(self.run_body(body).printed.splitlines()[0], str(names))

    def test_files_of_root(self):
        with places.open_folder() as folder:
            (folder / "closed").mkdir(mode=0o700)
            for path in (folder / "file", folder / "closed" / "file"):
                path.write_text("secret")
            (folder / "file").chmod(0o600)
            for name in ("file", "closed/file", "closed"):
                self.denied(f"open('{folder}/{name}').read()")
        self.denied("os.listdir('/root')")

    def test_the_grader_itself(self):
        pid = os.getpid()
        for body in (
            f"open('/proc/{pid}/environ').read()",
            f"open('/proc/{pid}/mem').read()",
            f"os.listdir('/proc/{pid}/fd')",
            f"os.listdir('/proc/{pid}/root')",
        ):
            self.denied(body)
        for line in (f"os.kill({pid}, 9)", "os.kill(os.getppid(), 9)"):
            self.denied(line, "Operation not permitted")
        self.denied("os.setuid(0)", "Operation not permitted")

    def test_kill_minus_one(self):
        self.assertEqual(self.y("os.kill(-1, 9)\nreturn Z").shape, (4, 3))
        self.assert_fine()

    def test_the_tree_cannot_be_written_to(self):
        body = """
            import neural_networks
            root = os.path.dirname(os.path.dirname(neural_networks.__file__))
            folders = [root, root + "/neural_networks", root + "/tests", os.path.dirname(root)]
            folders += [sys.prefix, os.path.dirname(np.__file__), folders[-1] + "/worker.py"]
            for path in folders:
                assert not os.access(path, os.W_OK), path
                assert os.access(path, os.R_OK), path
            open(root + "/neural_networks/activations.py", "a")
        """
        self.denied(body)

    def test_limits_of_processes_and_files(self):
        body = """
            import resource
            return np.array([resource.getrlimit(resource.RLIMIT_NPROC)]) * 1.0
        """
        self.assertEqual(self.y(body).tolist(), [[users.MOST_PROCESSES] * 2])
        found = self.run_body("open('large', 'wb').write(bytes(2 * 2**20))")
        self.assertRegex(errors(found)[0] or found.ending, "File too large|SIGXFSZ")

    def test_setuid_programs_are_of_no_use(self):
        body = (
            "return int([l.split()[1] for l in open('/proc/self/status') if 'NoNewPrivs' in l][0])"
        )
        self.assertEqual(self.y(body), 1)

    def test_a_fork_bomb(self):
        body = """
            while True:
                try: os.fork()
                except OSError: pass
        """
        found = self.run_body(body, seconds=1)
        self.assertNotEqual(found.ending, "")
        self.assertLess(self.seconds, 20)
        self.assertEqual(processes.processes_of(self.sandbox.uid), [])
        self.assert_fine()

    def test_a_process_that_kills_those_of_its_user(self):
        body = TestLeftBehind.daemon.format(
            """while True:
                    try: os.kill(-1, 9)
                    except OSError: pass""",
            "os._exit(0)",
        )
        for _ in range(3):
            self.run_body(body, seconds=5)
            self.assertEqual(processes.processes_of(self.sandbox.uid), [])
        self.assert_fine()

    def test_others_cannot_read_the_sandbox(self):
        self.y("return Z")
        choices = mock.patch.object(isolation, "CHOICES", self.choices)
        with choices, Sandbox(places.open_python()) as other:
            self.assertNotEqual(other.uid, self.sandbox.uid)
            path = self.sandbox.folder / "tree" / "neural_networks" / "activations.py"
            found = small_tree.run(other, f"open({str(path)!r})")
            self.assertRegex(errors(found)[0], "Permission denied|No such file")


class TestIsolated(InSandbox):
    """What needs namespaces."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = cls.sandbox._user
        if not isinstance(user, users.OwnUser) or not user._isolation.covers_folders:
            raise unittest.SkipTest("this kernel, or this user, allows no namespaces")

    def test_there_is_nothing_to_tell_the_staff(self):
        self.assertEqual(self.sandbox.notes, ())

    def test_no_network(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            found = self.run_body(
                f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)"
            )
        self.assertIn("Network is unreachable", errors(found)[0])

    def test_the_repository_is_not_there(self):
        for path in ("neural_networks/activations.py", "tests/data/relu.npz", ".git"):
            self.assertTrue((ROOT / path).exists())
            found = self.run_body(f"os.stat({str(ROOT / path)!r})")
            self.assertIn("No such file", errors(found)[0])

    def test_folders_that_are_to_be_hidden(self):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT.parent)))
            folder.chmod(0o755)
            (folder / "hand-in").write_text("solved")
            body = f"return len(open({str(folder / 'hand-in')!r}).read())"
            self.assertEqual(self.y(body), 6)
            sandbox = stack.enter_context(Sandbox(places.open_python(), hide=[folder]))
            self.assertIn("No such file", errors(small_tree.run(sandbox, body))[0])
            self.assertEqual((folder / "hand-in").read_text(), "solved")

    def test_the_disk_cannot_be_filled(self):
        body = """
            for folder in (os.environ["HOME"], "/tmp", "/var/tmp", "/dev/shm", "/run/lock"):
                number = 0
                try:
                    while number < 100:
                        with open(f"{folder}/{number}", "wb") as file:
                            file.write(bytes(2**20 - 1))
                        number += 1
                except OSError as error:
                    assert "No space" in str(error), error
                assert number < 40, number
            return Z
        """
        for error in errors(self.run_body(body)):
            self.assertEqual(error, "")

    def test_nothing_of_it_is_seen_outside(self):
        mounts = Path("/proc/self/mounts").read_text()
        self.y("return Z")
        self.assertEqual(Path("/proc/self/mounts").read_text(), mounts)


@unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
class TestAlone(TestLeftBehind):
    """The same where the kernel allows no namespaces."""

    choices = ALONE

    def test_the_staff_is_told(self):
        notes = "\n".join(self.sandbox.notes)
        self.assertIn("unshare --net does not work here", notes)
        if ROOT.stat().st_mode & 0o001:
            self.assertIn(f"can read {ROOT}", notes)


@unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
class TestOtherUserAlone(TestOtherUser):
    """The same where the kernel allows no namespaces."""

    choices = ALONE


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
            self.run_body(self.daemon.format("while True: pass", "return Z"))
            self.assertIsNone(child.poll())
            child.kill()
        self.assert_none_left()


class TestSandbox(unittest.TestCase):
    """Users, Pythons, and the end."""

    def test_it_leaves_nothing(self):
        with Sandbox(places.open_python()) as sandbox:
            small_tree.run(sandbox, "return Z")
            folder = sandbox.folder
            self.assertTrue(folder.is_dir())
        self.assertFalse(folder.exists())

    def test_a_python_that_does_not_work(self):
        for python, words in (
            ("/nowhere/python", "No such file"),
            ("/bin/false", "exit status 1"),
            ("/bin/ls", "ls: "),
        ):
            with self.assertRaises(SandboxError) as caught, Sandbox(python):
                pass
            self.assertIn(words, str(caught.exception))

    def test_a_worker_that_does_not_start_is_no_fault_of_the_hand_in(self):
        with Sandbox(places.open_python()) as sandbox:
            with self.assertRaises(SandboxError) as caught:
                small_tree.run(sandbox, "return Z", memory_mb=20)
            self.assertIn("a worker did not start", str(caught.exception))
            self.assertEqual(errors(small_tree.run(sandbox, "return Z")), ["", ""])

    @unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
    def test_a_user_of_its_own_for_each(self):
        python = places.open_python()
        with Sandbox(python) as first, Sandbox(python) as second:
            self.assertNotEqual(first.uid, second.uid)
            with self.assertRaises(SandboxError), Sandbox(python, uid=first.uid):
                pass
        for _ in range(2):  # it is free again after the first
            with Sandbox(python, uid=UNUSED) as third:
                self.assertEqual(third.uid, UNUSED)

    @unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
    def test_what_a_killed_grader_left_is_killed(self):
        uid = UNUSED
        command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "sleep", "1000"]
        with subprocess.Popen(command) as left:
            while left.pid not in processes.processes_of(uid):
                time.sleep(0.01)
            with Sandbox(places.open_python(), uid=uid):
                self.assertIsNotNone(left.wait(10))

    @unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
    def test_a_python_that_only_root_can_run(self):
        with tempfile.TemporaryDirectory() as name:  # which is open to root alone
            python = Path(name) / "python"
            python.write_text(f'#!/bin/sh\nexec {places.open_python()} "$@"\n')
            python.chmod(0o755)
            with Sandbox(str(python)) as sandbox:
                (note,) = sandbox.notes
                self.assertIsNone(sandbox.uid)
                self.assertIn("another user cannot run", note)
                self.assertIn("--python PATH", note)

    def test_results_do_not_depend_on_what_lies_in_the_current_folder(self):
        with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
            Path("numpy.py").write_text("raise SystemExit")
            with Sandbox(places.open_python()) as sandbox:
                self.assertEqual(errors(small_tree.run(sandbox, "return Z")), ["", ""])

    def test_two_at_once(self):
        import concurrent.futures

        python = places.open_python()

        def work(number):
            with Sandbox(python) as sandbox:
                return [values(small_tree.run(sandbox, f"return Z + {number}"))[0] for _ in "abc"]

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for number, found in enumerate(pool.map(work, range(3))):
                for y in found:
                    np.testing.assert_array_equal(y, np.full((4, 3), number - 1.0))


class TestWithoutRoot(unittest.TestCase):
    """The grader as a user without rights."""

    @unittest.skipUnless(places.IS_ROOT, "the other tests run without root")
    def test_daemons_are_found(self):
        code = """
            import sys
            sys.path.insert(0, ".")
            from course.autograder.sandbox import Sandbox
            from tests.autograder import small_tree
            from tests.autograder.test_sandbox import TestLeftBehind as T, processes
            body = T.daemon.replace("\\n        ", "\\n")
            with Sandbox(sys.executable) as sandbox:
                print(sandbox.notes)
                found = small_tree.run(sandbox, body.format("while True: pass", "return Z"))
                print(len(found.replies), repr(found.ending), processes.orphans(set()))
        """
        with places.open_folder() as folder:
            names = ["course/__init__.py", "course/trial.py", *TREE]
            names += [str(p.relative_to(ROOT)) for p in ROOT.glob("course/autograder/*.py")]
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
    *(
        f"tests/autograder/{name}.py"
        for name in ("__init__", "places", "small_tree", "test_sandbox")
    ),
)


class TestIsolation(unittest.TestCase):
    """The script that covers folders."""

    def test_what_is_kept_below_a_folder(self):
        paths = [Path(p) for p in ("/a/b", "/a/b/c", "/a", "/ab", "/a/d", "/a/b")]
        self.assertEqual(isolation.below(Path("/a"), paths), [Path("/a/b"), Path("/a/d")])

    def test_covers_within_covers(self):
        covers = tuple(isolation.Cover(Path(p)) for p in ("/a/b/c", "/a", "/a/x", "/a", "/e"))
        found = isolation.Isolation(("--mount",), covers, Path("/s"))._seen([Path("/a/b")])
        self.assertEqual([str(c.path) for c in found], ["/a", "/e", "/a/b/c"])

    def test_without_options_the_command_is_as_it_was(self):
        found = isolation.Isolation((), (), Path("/s")).command(["x"], [], Path("/"))
        self.assertEqual(found, ["x"])
