"""The worker as a program: whatever the code under test raises or returns, an answer comes."""

import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import numpy as np

from course.autograder.sandbox import wire, worker
from tests.autograder import small_tree
from tests.autograder.small_tree import CASES, RECIPE

LIMITS = ("20", "1024", "30", "0")


def talk(body, count=False, more=None, python=(sys.executable,)):
    """The frames that a worker sends, what it prints, and its exit status."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as file:
        for path, data in (small_tree.files(textwrap.dedent(body)) | (more or {})).items():
            place = Path(name, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        file.write(wire.request(RECIPE, CASES, count))
        file.seek(0)
        options = ["-I", "-B", "-u", "-X", "utf8", worker.__file__, name, *LIMITS]
        done = subprocess.run(
            [*python, *options], stdin=file, capture_output=True, check=False, timeout=60
        )
    frames = wire.Frames()
    frames.feed(done.stdout)
    return list(frames), done.stderr.decode("utf-8", "replace"), done.returncode


def replies(frames):
    """The replies among frames that begin and end as they should."""
    kinds = [header["kind"] for header, _ in frames]
    assert kinds == ["ready", *["reply"] * len(CASES), "end"], kinds
    return [wire.read_reply(*each) for each in frames[1:-1]]


def outcomes(body, **options):
    """The outcomes of a body of ReLU.forward."""
    return [reply.outcome for reply in replies(talk(body, **options)[0])]


class TestOutcomes(unittest.TestCase):
    """Results, blanks and errors of all kinds."""

    def test_results(self):
        found = outcomes("return np.maximum(0, Z)")
        for outcome, case in zip(found, CASES, strict=True):
            np.testing.assert_array_equal(outcome.results["Y"], case.expected["Y"])
            self.assertEqual((outcome.blank, outcome.error), (None, ""))

    def test_a_blank(self):
        found = outcomes("raise NotImplementedError('4.1 relu: write ReLU.forward')")
        self.assertEqual([o.blank for o in found], ["4.1 relu: write ReLU.forward"] * 2)

    def test_an_error_in_one_case_leaves_the_other(self):
        first, second = outcomes("return Z.reshape(4, 3)")
        self.assertEqual(first.error, "")
        self.assertRegex(second.error, r"^It raised ValueError: cannot reshape")
        self.assertIn("neural_networks/activations.py:6, in forward", second.error)

    def test_all_that_can_be_raised(self):
        for body, words in (
            ("raise SystemExit(0)", "ended the program"),
            ("sys.exit()", "ended the program"),
            ("raise KeyboardInterrupt", "It raised KeyboardInterrupt"),
            ("raise GeneratorExit", "It raised GeneratorExit"),
            ("raise StopIteration", "It raised RuntimeError"),
            ("class Own(BaseException): pass\nraise Own('x')", "It raised Own: x"),
            ("def f(): f()\nf()", "It raised RecursionError"),
            ("raise MemoryError", "It raised MemoryError"),
            ("return np.zeros(10**11)", "It raised MemoryError"),
            ("raise type('N' * 10**6, (Exception,), {})", "It raised NNN"),
            ("raise ExceptionGroup('several', [ValueError()])", "It raised ExceptionGroup"),
            ("raise Exception('x' * 10**9)", "It raised MemoryError"),
            ("return '", "neural_networks/activations.py does not import"),
        ):
            with self.subTest(body=body[:40]):
                for outcome in outcomes(body):
                    self.assertIn(words, outcome.error)
                    self.assertLess(len(outcome.error), 1000)

    def test_errors_that_cannot_be_printed(self):
        for text, words in (
            ("raise ValueError", "It raised E: "),
            ("raise KeyboardInterrupt", "It raised KeyboardInterrupt"),
            ("os.environ['x']", "It raised E: "),
            ("return 'x' * 10**9", "It raised E: "),
            ("return 1", "It raised E: "),
        ):
            with self.subTest(text=text):
                code = f"class E(Exception):\n    def __str__(self): {text}\nraise E"
                for outcome in outcomes(code):
                    self.assertIn(words, outcome.error)

    def test_a_type_whose_name_raises(self):
        body = """
            class Meta(type):
                __name__ = property(lambda cls: 1 / 0)
                __module__ = property(lambda cls: 1 / 0)
            class Own(BaseException, metaclass=Meta): pass
            raise Own
        """
        for outcome in outcomes(body):
            self.assertEqual(outcome.error, "It raised Own.")

    def test_a_result_that_raises_when_it_is_looked_at(self):
        body = """
            class Meta(type):
                __module__ = property(lambda cls: sys.exit(0))
            class Own(np.float64, metaclass=Meta): pass
            return Own(1)
        """
        for outcome in outcomes(body):
            self.assertIn("ended the program", outcome.error)

    def test_results_that_lie(self):
        body = """
            class Own(np.ndarray):
                __class__ = property(lambda self: sys.exit(0))
                def copy(self): return 1 / 0
            return np.zeros(3).view(Own)
        """
        for outcome in outcomes(body):
            self.assertTrue("ended" in outcome.error or "division" in outcome.error, outcome)


class TestProcess(unittest.TestCase):
    """Descriptors, modules, and the end."""

    def test_no_hook_and_no_thread_is_waited_for(self):
        body = """
            import atexit, threading, time
            atexit.register(lambda: print("hook"))
            threading.Thread(target=lambda: time.sleep(100)).start()
            print("printed", end="")
            return Z
        """
        frames, printed, status = talk(body)
        self.assertEqual(len(replies(frames)), 2)
        self.assertEqual((printed, status), ("printed" * 2, 0))

    def test_standard_output_leads_to_no_frames(self):
        body = "print('x')\nos.write(1, b'y')\nos.system('echo z')\nos.write(0, b'!')\nreturn Z"
        frames, printed, _ = talk(body)
        self.assertIn("Bad file descriptor", replies(frames)[0].outcome.error)
        self.assertEqual(printed, "x\nyz\n" * 2)

    def test_the_way_to_the_grader_does_not_reach_programs(self):
        frames, printed, _ = talk("os.system('ls /proc/self/fd')\nreturn Z")
        replies(frames)
        self.assertEqual(set(printed.split()), {"0", "1", "2", "3"})

    def test_limits(self):
        body = """
            import resource
            names = "AS", "CPU", "FSIZE", "CORE", "NOFILE"
            limits = [resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names]
            return np.array(limits, float)
        """
        expected = [(2**30, 2**30), (30, 30), (2**20, 2**20), (0, 0), (64, 64)]
        for outcome in outcomes(body):
            self.assertEqual(outcome.results["Y"].tolist(), np.array(expected).tolist())

    def test_files_of_the_tree_stand_for_no_module_of_python(self):
        more = dict.fromkeys(("json.py", "unittest.py", "numpy.py"), b"raise SystemExit(3)")
        for outcome in outcomes("import json, unittest\nreturn Z", more=more):
            self.assertEqual(outcome.error, "")

    def test_modules_of_the_tree_can_be_imported(self):
        more = {"own.py": b"x = 1", "neural_networks/mine.py": b"y = 2"}
        body = "import own\nfrom neural_networks import mine\nreturn own.x + mine.y"
        for outcome in outcomes(body, more=more):
            self.assertEqual(outcome.results["Y"], 3)

    def test_no_file_is_written(self):
        frames, _, _ = talk("return len(list(os.walk(os.path.dirname(__file__))))")
        self.assertEqual([r.outcome.results["Y"] for r in replies(frames)], [1, 1])


class TestInstalledLibrary(unittest.TestCase):
    """A Python into which the solution is installed."""

    solution = (
        "import numpy\n"
        "class ReLU:\n    def forward(self, Z): return numpy.maximum(0, Z)\n"
        "def initialize_activation(name): return ReLU()\n"
    )

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", self.root / "venv"], check=True
        )
        (self.packages,) = (self.root / "venv").glob("lib/python*/site-packages")
        self.python = (str(self.root / "venv" / "bin" / "python"),)
        (self.packages / "ours.pth").write_text(str(Path(np.__file__).parents[1]))
        for package in ("neural_networks", "tests"):
            (self.packages / package).mkdir()
            (self.packages / package / "__init__.py").write_text("")
        (self.packages / "neural_networks" / "activations.py").write_text(self.solution)

    def test_the_library_of_the_tree_is_tested(self):
        for outcome in outcomes("return Z - 1", python=self.python):
            self.assertEqual(outcome.results["Y"].max(), -2)

    def test_a_library_that_the_tree_lacks_is_not_there(self):
        more = {"neural_networks/activations.py": b"import neural_networks.losses"}
        (self.packages / "neural_networks" / "losses.py").write_text("")
        for outcome in outcomes("", more=more, python=self.python):
            self.assertIn("No module named 'neural_networks.losses'", outcome.error)

    def test_finders_of_packages_that_are_installed_in_place_are_gone(self):
        (self.packages / "finder.py").write_text(
            "import sys\n"
            "class Finder:\n"
            "    @staticmethod\n"
            "    def find_spec(name, path=None, target=None): return None\n"
            "sys.meta_path.insert(0, Finder)\n"
        )
        (self.packages / "finder.pth").write_text("import finder")
        body = "return sum(f.__module__ == 'finder' for f in sys.meta_path)"
        for outcome in outcomes(body, python=self.python):
            self.assertEqual(outcome.results["Y"], 0)


class TestLines(unittest.TestCase):
    """Executed lines, by which a loop over examples is told."""

    def lines(self, body):
        """The lines of 4 and of 32 examples."""
        return [reply.lines for reply in replies(talk(body, count=True)[0])]

    def test_not_counted_unless_asked(self):
        found = replies(talk("return Z")[0])
        self.assertEqual([reply.lines for reply in found], [None, None])

    def test_batched_code(self):
        few, many = self.lines("Y = np.maximum(0, Z)\nreturn Y.sum(axis=0)")
        self.assertEqual(few, many)
        self.assertGreaterEqual(few, 2)
        self.assertLess(few, 100)

    def test_loops_over_examples(self):
        for body in (
            "Y = []\nfor z in Z:\n    Y.append(z)\nreturn np.array(Y)",
            "for z in Z: z + 1\nreturn Z",
            "return np.array([z * 2 for z in Z])",
            "return np.array(list(map(lambda z: z * 2, Z)))",
            "return np.apply_along_axis(lambda z: z * 2, 1, Z)",
            "return np.vectorize(lambda z: z * 2)(Z)",
            "i = 0\nwhile i < len(Z): i += 1\nreturn Z",
            "def f(z): return z\nreturn np.array([*map(f, Z)])",
            "import threading\ndef f():\n    for z in Z:\n        pass\n"
            "t = threading.Thread(target=f); t.start(); t.join()\nreturn Z",
        ):
            with self.subTest(body=body):
                few, many = self.lines(body)
                self.assertGreaterEqual(many - few, 28)

    def test_the_first_run_does_not_count(self):
        body = "import wave, colorsys\nreturn Z"  # modules that are imported in it
        few, many = self.lines(body)
        self.assertEqual(few, many)

    def test_not_measurable_without_the_trace_function(self):
        for body in ("sys.settrace(None)\nreturn Z", "sys.settrace(lambda *a: None)\nreturn Z"):
            self.assertEqual(self.lines(body), [None, None])

    def test_results_are_those_of_the_traced_run(self):
        frames, _, _ = talk("return np.maximum(0, Z)", count=True)
        for reply, case in zip(replies(frames), CASES, strict=True):
            np.testing.assert_array_equal(reply.outcome.results["Y"], case.expected["Y"])


class TestTrace(unittest.TestCase):
    """The place of a crash."""

    def test_it_comes_behind_the_request(self):
        with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as file:
            body = "import ctypes\nctypes.string_at(0)"
            for path, data in small_tree.files(body).items():
                Path(name, path).parent.mkdir(parents=True, exist_ok=True)
                Path(name, path).write_bytes(data)
            request = wire.request(RECIPE, CASES, False)
            file.write(request)
            file.seek(0)
            done = subprocess.run(
                [sys.executable, "-I", "-B", worker.__file__, name, *LIMITS],
                stdin=file,
                capture_output=True,
                check=False,
            )
            file.seek(0)
            text = file.read()
        self.assertEqual(done.returncode, -11)
        self.assertTrue(text.startswith(request))
        self.assertRegex(text[len(request) :].decode(), r'activations\.py", line 7 in forward')
