"""What another user cannot do, with namespaces and without, and what it cannot see."""

import contextlib
import os
import socket
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from course.autograder.sandbox import isolation, processes, users
from course.autograder.sandbox.sandbox import ROOT, Sandbox
from tests.autograder import places, small_tree
from tests.autograder.in_sandbox import ALONE, DAEMON, InSandbox
from tests.autograder.small_tree import errors


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
        body = DAEMON.format(
            """while True:
                    try: os.kill(-1, 9)
                    except OSError: pass""",
            "os._exit(0)",
        )
        for _ in range(3):
            found = self.run_body(body, seconds=5)
            self.assertRegex(found.ending, "exit status 0|signal 9")
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


@unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
class TestOtherUserAlone(TestOtherUser):
    """The same where the kernel allows no namespaces."""

    choices = ALONE


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

    def test_what_lies_beside_the_repository_is_not_there(self):
        for parent in (ROOT.parent, "/srv", "/home", "/opt", "/tmp"):
            with tempfile.TemporaryDirectory(dir=parent) as name:
                Path(name).chmod(0o755)
                Path(name, "hand-in").write_text("solved")
                found = self.run_body(f"open('{name}/hand-in')")
            self.assertIn("No such file", errors(found)[0])

    def test_folders_that_are_to_be_hidden(self):
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/lib")))
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
