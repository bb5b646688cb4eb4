"""Parsers: KEY=VALUE, exit codes, errors and warnings in one line."""

import argparse
import sys
import unittest
import warnings
from pathlib import Path
from unittest import mock

from neural_networks.cli.parser import Parser, command, exit_status, key_value
from neural_networks.training.interruption import TrainingInterrupted
from neural_networks.training.loop import TrainingDiverged
from tests.support.scripts import quietly


class TestKeyValue(unittest.TestCase):
    def test_values_are_read_as_json_or_text(self):
        for text, value in (
            ("a=1", 1),
            ("a=1e-3", 0.001),
            ("a=true", True),
            ("a=null", None),
            ("a=[1, 2]", [1, 2]),
            ("a=cosine", "cosine"),
            ("a=", ""),
            ("a=b=c", "b=c"),
        ):
            self.assertEqual(key_value(text), ("a", value))

    def test_other_forms(self):
        for text in ("a", "=1", "="):
            with self.assertRaisesRegex(argparse.ArgumentTypeError, "not of the form KEY=VALUE"):
                key_value(text)


def ending(error: BaseException | None):
    """A program that ends with an error, if any."""

    @command("program.py")
    def main(argv):
        print(*argv)
        if error is not None:
            raise error

    return main


class TestCommand(unittest.TestCase):
    def test_success(self):
        self.assertEqual(quietly(ending(None), "a", 1), (0, "a 1\n", ""))

    def test_arguments_of_the_command_line(self):
        with mock.patch.object(sys, "argv", ["program.py", "a"]):
            self.assertEqual(quietly(lambda _: ending(None)()), (0, "a\n", ""))

    def test_mistakes(self):
        for error in (ValueError, TypeError, OSError, ArithmeticError, MemoryError):
            expected = (2, "a\n", "program.py: error: why\n")
            self.assertEqual(quietly(ending(error("why")), "a"), expected)

    def test_debug_raises_mistakes(self):
        with self.assertRaisesRegex(ValueError, "why"):
            quietly(ending(ValueError("why")), "--debug")

    def test_faults_of_the_program_are_raised(self):
        with self.assertRaises(KeyError):
            quietly(ending(KeyError("why")))

    def test_interruption(self):
        self.assertEqual(quietly(ending(KeyboardInterrupt())), (130, "\n", "\nInterrupted.\n"))

    def test_interrupted_training(self):
        error = TrainingInterrupted("Interrupted after 3 epochs", Path("/runs/iris"))
        out = "\n\nInterrupted after 3 epochs. The results so far are in /runs/iris.\n"
        self.assertEqual(quietly(ending(error)), (130, out, ""))
        error = TrainingInterrupted("Interrupted after 3 epochs")
        self.assertEqual(quietly(ending(error))[1], "\n\nInterrupted after 3 epochs.\n")

    def test_diverged_training(self):
        for flags in ((), ("--debug",)):
            error = TrainingDiverged("the loss became nan", Path("/runs/iris"))
            status, _, err = quietly(ending(error), *flags)
            words = "error: the loss became nan. The results so far are in /runs/iris.\n"
            self.assertEqual((status, err), (1, words))

    def test_its_docstring_is_that_of_main(self):
        @command("program.py")
        def main(argv):
            """Do it."""

        self.assertEqual((main.__name__, main.__doc__), ("main", "Do it."))


class TestWarnings(unittest.TestCase):
    def warning(self, *some):
        @command("program.py")
        def main(argv):
            for warning in some:
                warnings.warn(warning, stacklevel=1)

        return main

    def test_each_is_a_line_once(self):
        main = self.warning("one\n  thing", UserWarning("another"), "a third", "another")
        lines = "warning: one thing\nwarning: another\nwarning: a third\n"
        for _ in range(2):
            self.assertEqual(quietly(main), (0, "", lines))
        with self.assertWarns(UserWarning):  # the filters of the caller are back
            warnings.warn("outside", stacklevel=1)

    def test_others_are_as_the_caller_wants_them(self):
        main = self.warning(DeprecationWarning("old"))
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            self.assertRaisesRegex(DeprecationWarning, "old", quietly, main)
        with self.assertWarnsRegex(DeprecationWarning, "old"):
            self.assertEqual(quietly(main), (0, "", ""))


class TestExitStatus(unittest.TestCase):
    def test_it_is_that_of_the_work(self):
        self.assertEqual(quietly(lambda _: exit_status("program.py", lambda: 7)), (7, "", ""))

    def test_a_mistake(self):
        def act():
            raise ValueError("why")

        result = quietly(lambda _: exit_status("program.py", act))
        self.assertEqual(result, (2, "", "program.py: error: why\n"))
        self.assertRaises(ValueError, exit_status, "program.py", act, debug=True)


class TestParser(unittest.TestCase):
    def test_a_mistake_in_one_line(self):
        status, out, err = quietly(lambda _: Parser(prog="program.py").parse_args(["--flag"]))
        line = "program.py: error: unrecognized arguments: --flag (--help explains the flags)\n"
        self.assertEqual((status, out, err), (2, "", line))

    def suggested(self, parser: Parser, *arguments: str) -> str:
        """The words after the unknown arguments."""
        status, _, err = quietly(parser.parse_args, *arguments)
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn("error: unrecognized arguments: ", err)
        return err.partition(";")[2].partition(" (")[0].strip()

    def test_the_closest_flag(self):
        parser = Parser(prog="program.py")
        parser.add_argument("--lr")
        for arguments in (("--lrr", "0.1"), ("-lr", "0.1"), ("--LR=0.1",), ("x", "--lrr")):
            with self.subTest(arguments):
                self.assertEqual(self.suggested(parser, *arguments), "did you mean '--lr'?")
        for arguments in (("--unlike", "1"), ("lr", "1"), ("-1",)):
            with self.subTest(arguments):
                self.assertEqual(self.suggested(parser, *arguments), "")

    def test_the_closest_flag_of_a_command(self):
        parser = Parser(prog="program.py")
        commands = parser.add_subparsers()
        commands.add_parser("show").add_argument("--output")
        commands.add_parser("list")
        words = self.suggested(parser, "show", "--ouput", "x.png")
        self.assertEqual(words, "did you mean '--output'?")
        self.assertEqual(self.suggested(parser, "list", "--output", "x.png"), "")


if __name__ == "__main__":
    unittest.main()
