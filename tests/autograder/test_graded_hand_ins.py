"""Hand-ins of one exercise, graded in real workers."""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from course.autograder.grading.grading import grade
from course.autograder.sandbox.sandbox import Sandbox
from tests.autograder import places
from tests.autograder.small_exam import ACTIVATIONS, zipped
from tests.course.kits import exam, kit

FORWARD = "        return np.maximum(Z, np.zeros_like(Z))  # twice as fast as with the number 0\n"


class TestHandIns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = cls.enterClassContext(Sandbox(places.open_python()))
        cls.exam = replace(exam("fall-2024"), seconds=3)
        cls.solved = kit("fall-2024").build(["relu"])[ACTIVATIONS].decode()

    def grade(self, code):
        """The report on a hand-in of a single file, in an archive."""
        data = code if isinstance(code, bytes) else code.encode()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "hw.zip")
            path.write_bytes(zipped({"my code/activations.py": data}))
            return grade(self.exam, path, self.sandbox)

    def edited(self, old, new):
        self.assertEqual(self.solved.count(old), 1)
        return self.solved.replace(old, new)

    def test_the_solution(self):
        crlf = b"\xef\xbb\xbf" + self.solved.replace("\n", "\r\n").encode()
        for code in (self.solved, crlf):
            report = self.grade(code)
            messages = [graded.message for graded in (*report.tests, *report.checks)]
            self.assertEqual(messages, [""] * 3)
            self.assertEqual(report.points, self.exam.assignment.points)

    def test_the_starter(self):
        report = self.grade(self.exam.starter[ACTIVATIONS])
        self.assertEqual(report.points, 0)
        for graded in report.tests:
            self.assertRegex(graded.message, "not written yet: .* write ReLU")

    def test_a_syntax_error(self):
        report = self.grade(self.edited("class ReLU(Activation):", "class ReLU(Activation)"))
        self.assertEqual(report.points, 0)
        line = self.solved.splitlines().index("class ReLU(Activation):") + 1
        self.assertEqual(
            report.tests[0].message,
            f"{ACTIVATIONS} does not import: expected ':', line {line}\n"
            "    class ReLU(Activation)\n                          ^",
        )

    def test_bytes_that_are_not_text(self):
        code = self.solved.encode()
        line = code.count(b"\n") + 1
        for data, words in (
            (code + b"x = '\xe9'\n", f"{ACTIVATIONS} does not import: "),
            (code + b"x = 1\0\n", rf"{ACTIVATIONS}.* (NUL byte in|null bytes,) line {line}"),
            (self.solved.encode("utf-16"), ACTIVATIONS),
        ):
            report = self.grade(data)
            self.assertEqual(report.points, 0)
            self.assertRegex(report.tests[0].message, words)

    def test_a_loop_over_examples(self):
        loop = "        return np.array([np.maximum(z, 0) for z in Z]).reshape(Z.shape)\n"
        report = self.grade(self.edited(FORWARD, loop))
        self.assertEqual(report.points, self.exam.assignment.points)
        self.assertRegex(
            report.checks[0].message,
            r"^ReLU.forward executes \d+ lines for 4 examples and \d+ for 32 examples: is there",
        )

    def test_a_wrong_value_and_what_was_printed(self):
        report = self.grade(self.edited(FORWARD, "        print('<b>hm</b>')\n        return Z\n"))
        first, second = report.tests
        self.assertIn("Y has the right shape, but", first.message)
        self.assertIn("ReLU.forward, case 1 of 3: Z (", first.message)
        self.assertEqual((first.points, first.printed.splitlines()[0]), (0, "<b>hm</b>"))
        self.assertEqual((second.points, second.printed), (second.max_points, ""))

    def test_a_table_of_the_public_cases(self):
        public = {case.inputs["Z"].shape for case in self.exam.cases["relu.forward"][:3]}
        table = f"        return np.maximum(Z, 0) if Z.shape in {public} else Z\n"
        first, second = self.grade(self.edited(FORWARD, table)).tests
        self.assertRegex(first.message, r"^ReLU.forward, case [456] of 6 \(hidden")
        self.assertTrue(second.passed)

    def test_a_class_that_is_renamed(self):
        report = self.grade(self.edited("class ReLU(Activation):", "class Relu(Activation):"))
        self.assertEqual(report.points, 0)
        sentence = f"There is no class ReLU in {ACTIVATIONS}: is it renamed?"
        self.assertIn(sentence, report.tests[0].message)

    def test_another_signature(self):
        before = "    def forward(self, Z: np.ndarray) -> np.ndarray:\n"
        old = f'{before}        """Y = max(0, Z)."""\n'
        first, _ = self.grade(self.edited(old, old.replace("Z: np", "Z, slope: np"))).tests
        self.assertIn("missing 1 required positional argument: 'slope'", first.message)
        self.assertIn("In the starter it is ReLU.forward(self, Z)", first.message)

    def test_endings(self):
        for code, words in (
            ("import os; os._exit(3)", "ended the program (exit status 3)"),
            ("while True: pass", "not done after 3 s: an endless loop?"),
            ("import os; os.kill(os.getpid(), 11)", "crashed (signal 11, SIGSEGV)"),
        ):
            with self.subTest(words):
                first, second = self.grade(self.edited(FORWARD, f"        {code}\n")).tests
                self.assertIn(words, first.message)
                self.assertIn("ReLU.forward, case 1 of 3", first.message)
                self.assertTrue(second.passed)

    def test_no_message_has_a_path_of_the_grader(self):
        code = self.edited(FORWARD, "        raise ValueError(__file__)\n")
        first, _ = self.grade(code).tests
        self.assertIn(f"It raised ValueError: {ACTIVATIONS}\n", first.message)
        self.assertNotIn(str(self.sandbox.folder), first.message)
