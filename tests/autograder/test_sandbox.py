"""The sandbox: code that loops, crashes, floods or forges answers ends with its test."""

import concurrent.futures
import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from course.autograder.sandbox import isolation, processes
from course.autograder.sandbox import sandbox as sandbox_module
from course.autograder.sandbox.sandbox import Sandbox, SandboxError
from tests.autograder import places, small_tree
from tests.autograder.in_sandbox import ALONE, InSandbox
from tests.autograder.small_tree import errors, values

UNUSED = 64400 + os.getpid() % 1000
"""A user that no test takes in another process."""


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
            python = Path(name) / "bin" / "python"
            python.parent.mkdir()
            python.write_text(f'#!/bin/sh\nexec {places.open_python()} "$@"\n')
            python.chmod(0o755)
            # Where folders can be covered, the one that is closed is not in the way.
            with Sandbox(places.open_python()) as sandbox:
                covers = sandbox._user._isolation.covers_folders
            if covers:
                with Sandbox(str(python)) as sandbox:
                    self.assertEqual(values(small_tree.run(sandbox, "return Z"))[0].shape, (4, 3))
                    self.assertIsNotNone(sandbox.uid)
            with (
                mock.patch.object(isolation, "CHOICES", ALONE),
                self.assertRaises(SandboxError) as caught,
                Sandbox(str(python)),
            ):
                pass
        self.assertIn("another user cannot run", str(caught.exception))
        self.assertIn("--python PATH", str(caught.exception))

    @unittest.skipUnless(places.IS_ROOT, places.NEEDS_ROOT)
    def test_hand_ins_never_run_as_root(self):
        with (
            mock.patch.object(sandbox_module.shutil, "which", return_value=None),
            self.assertRaises(SandboxError) as caught,
            Sandbox(places.open_python()),
        ):
            pass
        self.assertIn("setpriv", str(caught.exception))

    def test_the_python_of_the_tests(self):
        try:
            with Sandbox(sys.executable) as sandbox:
                self.assertEqual(values(small_tree.run(sandbox, "return Z"))[0].shape, (4, 3))
        except SandboxError as error:  # root's own, where folders cannot be covered
            self.assertIn("--python PATH", str(error))

    def test_results_do_not_depend_on_what_lies_in_the_current_folder(self):
        with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
            Path("numpy.py").write_text("raise SystemExit")
            with Sandbox(places.open_python()) as sandbox:
                self.assertEqual(errors(small_tree.run(sandbox, "return Z")), ["", ""])

    def test_two_at_once(self):
        python = places.open_python()

        def work(number):
            with Sandbox(python) as sandbox:
                return [values(small_tree.run(sandbox, f"return Z + {number}"))[0] for _ in "abc"]

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for number, found in enumerate(pool.map(work, range(3))):
                for y in found:
                    np.testing.assert_array_equal(y, np.full((4, 3), number - 1.0))
