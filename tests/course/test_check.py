import contextlib
import io
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import check
from course.trial import run_tests
from tests.course.small_starter import ACTIVATIONS, ROOT, StarterTest

RELU = ["test_activations.TestReLU.test_forward", "test_activations.TestReLU.test_backward"]


class TestCheck(StarterTest):
    def setUp(self):
        super().setUp()
        self.ship_tools()
        self.enterContext(mock.patch.object(check, "ROOT", self.root))

    def check(self, *arguments):
        """The exit status and what is printed, with standard error."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = check.main(arguments)
        return status, out.getvalue()

    def test_as_a_program_from_another_folder(self):
        self.write({"check.py": (ROOT / "check.py").read_text("utf-8")})
        command = [sys.executable, str(self.root / "check.py"), "sigmoid"]
        with contextlib.chdir(self.root.parent):
            result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn("3.2 Sigmoid (optional)\n", result.stdout)

    def test_before_anything_is_written(self):
        status, text = self.check()
        self.assertEqual(status, 1)
        first, _, relu, _, model, *_ = text.splitlines()
        self.assertEqual(first, "CS 1_0 & 50% of $x^2$: 0 of 2 exercises, 0 of 10 points")
        self.assertEqual(relu.split(), ["4.1", "ReLU", "relu", "to", "write", "<-", "here"])
        self.assertEqual(model.split(), ["5.1", "The", "network", "model", "to", "write"])
        self.assertIn(f"  {ACTIVATIONS}:15  ReLU.forward   to write\n", text)
        self.assertIn("YOUR CODE HERE (4.1 ReLU)", text)
        self.assertIn("A hint: python check.py relu --hint", text)
        self.assertNotIn("\x1b", text)

    def test_the_next_failure_with_what_was_printed(self):
        self.fill(
            ReLU_forward="        print('Z is', Z)\n        return Z\n",
            Network_predict="        return X\n",
        )
        status, text = self.check()
        self.assertEqual(status, 1)
        self.assertIn("1 of 2 exercises, 5 of 10 points", text)
        self.assertIn(f"{ACTIVATIONS}:15  ReLU.forward   fails\n\n    -1 != 0 : message of", text)
        self.assertIn("    Your code printed:\n    Z is -1\n", text)

    def test_all_is_done(self):
        self.fill()
        status, text = self.check()
        self.assertEqual(status, 0)
        for part in (
            "2 of 2 exercises, 10 of 10 points",
            "  5.2  Train it.\n",
            "optional: Sigmoid (python check.py sigmoid)",
            "  python train_ffnn.py ",
            "  python generate_submission.py --zip ",
        ):
            self.assertIn(part, text)
        status, text = self.check("relu", "--hint")
        self.assertEqual(status, 0)
        self.assertIn("For the write-up: derivation; code", text)
        self.assertIn("python generate_submission.py --exercise relu --test-output", text)
        self.assertIn("  Hints:\n    Look at the sign.", text)

    def test_wrong_arguments_and_a_changed_test(self):
        status, text = self.check("relux")
        self.assertEqual(status, 2)
        known = "; did you mean 'relu'? (known: relu, sigmoid, model)\n"
        self.assertEqual(text, f"check.py: error: unknown exercise 'relux'{known}")
        self.assertEqual(self.check("--seconds", "0")[0], 2)
        self.write({"tests/check_models.py": ""})
        text = self.check("model")[1]
        self.assertIn("module 'tests.check_models' has no attribute 'TestNetwork'", text)
        self.assertIn("note: tests/check_models.py is not the starter's", text)


class TestTrial(StarterTest):
    def setUp(self):
        super().setUp()
        self.ship_tools()

    def messages(self, forward, seconds=20):
        self.fill(ReLU_forward=forward, ReLU_backward="        return 5\n")
        first, second = run_tests(self.root, RELU, seconds)
        self.assertTrue(second.passed)  # whatever has become of the first
        return first

    def test_an_endless_loop_is_stopped_and_its_place_told(self):
        began = time.monotonic()
        first = self.messages("        while True:\n            print('x' * 10)\n", seconds=0.5)
        self.assertIn("stopped: not done after 0.5 s; an endless loop?", first.message)
        self.assertRegex(first.message, rf"it was at {ACTIVATIONS}:1[78], in forward$")
        self.assertLess(time.monotonic() - began, 10)
        self.assertLessEqual(len(first.printed), 2000)

    def test_after_two_stops_the_rest_is_not_waited_for(self):
        with (self.root / ACTIVATIONS).open("a") as file:
            file.write("while True:\n    pass\n")
        last = "check_models.TestNetwork.test_predict"
        with mock.patch("course.trial.STARTING", 0):
            first, second, third = run_tests(self.root, [*RELU, last], 0.3)
        self.assertTrue(first.message.startswith("stopped: not done after 0.3 s"))
        self.assertTrue(second.message.startswith("stopped: "))
        self.assertEqual(third.message, "not run, as 2 tests before it had to be stopped")

    def test_code_that_ends_the_program(self):
        first = self.messages("        import os\n        print('bye')\n        os._exit(0)\n")
        self.assertEqual(first.message, "ended the program: exit status 0")

    def test_a_crash(self):
        first = self.messages("        import ctypes\n        ctypes.string_at(0)\n")
        self.assertRegex(first.message, rf"crashed: SIGSEGV\n  it was at {ACTIVATIONS}:18")

    def test_other_ends(self):
        first = self.messages("        raise KeyboardInterrupt('now')\n")
        self.assertEqual(first.message, "raised KeyboardInterrupt: now")

    def test_code_that_does_not_parse(self):
        self.fill(ReLU_forward="        return (\n")
        first, second = run_tests(self.root, RELU, 20)
        self.assertIn("never closed", first.message)
        self.assertFalse(second.passed)


class TestParts(StarterTest):
    def test_colors_on_a_terminal_alone(self):
        with mock.patch.object(sys, "stdout") as out, mock.patch.dict("os.environ", TERM="xterm"):
            out.isatty.return_value = True
            with mock.patch.dict("os.environ"):
                os.environ.pop("NO_COLOR", None)
                self.assertEqual(check.colored("done", "done"), "\033[32mdone\033[0m")
            with mock.patch.dict("os.environ", NO_COLOR="1"):
                self.assertEqual(check.colored("done", "done"), "done")
            out.isatty.return_value = False
            self.assertEqual(check.colored("done", "done"), "done")

    def test_control_characters_never_reach_the_terminal(self):
        self.assertEqual(check.indented("a\x1b[31m\tb\n"), ["    a?[31m  b"])
        self.assertEqual(check.indented("x\n" * 50)[-1], "    ... and 10 lines more")

    def test_an_exercise_without_tests_is_done_when_it_is_written(self):
        exercise = replace(self.assignment.exercise("relu"), tests={})
        with mock.patch.object(check, "ROOT", self.root):
            for done in (False, True):
                results = check.by_reading(exercise)
                text = check.report(exercise, results, False, False)
                self.assertEqual(check.is_done(results), done)
                self.assertEqual("ReLU.forward   to write" in text, not done)
                self.assertEqual("ReLU.forward   written; it has no tests" in text, done)
                self.assertNotIn("unittest", text)
                if not done:
                    self.fill()
            (self.root / ACTIVATIONS).unlink()
            self.assertFalse(check.is_done(check.by_reading(exercise)))

    def test_a_file_that_does_not_parse_has_the_line_of_the_error(self):
        self.write({ACTIVATIONS: "x = 1\ny = (\n"})
        with mock.patch.object(check, "ROOT", self.root):
            exercise = self.assignment.exercise("relu")
            result = mock.Mock(test=RELU[0])
            self.assertEqual(check.place(exercise, result), f"{ACTIVATIONS}:2  ReLU.forward")
            Path(self.root, ACTIVATIONS).unlink()
            self.assertEqual(check.place(exercise, result), f"{ACTIVATIONS}  ReLU.forward")
