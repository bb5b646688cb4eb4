"""--help: every flag of every program tells its default."""

import argparse
import re
import unittest
from collections.abc import Iterator
from unittest import mock

import check
import generate_submission
import neuralnet
import train_cnn
import train_ffnn
import train_rnn
from benchmarks import __main__ as benchmarks
from benchmarks import busy, letters, overhead, page, preparation
from benchmarks import presets as benchmark_presets
from course import __main__ as course
from course import matrix, starter
from neural_networks.__main__ import COMMANDS
from neural_networks.__main__ import main as neural_networks
from neural_networks.cli.parser import KEY_VALUES, Parser
from neural_networks.utils.arguments import default_text
from tests.support.scripts import quietly

SCRIPTS = (train_ffnn, train_cnn, train_rnn)
PROGRAMS = {
    **{script.__name__: script.main for script in SCRIPTS},
    **{module.__name__: module.main for module in (neuralnet, check, generate_submission)},
    **{module.__name__: module.main for module in (starter, course, matrix, benchmarks)},
    **{module.__name__: module.main for module in (letters, preparation, benchmark_presets)},
    **{module.__name__: module.main for module in (busy, overhead, page)},
}


def flags(text: str) -> Iterator[tuple[str, str]]:
    """The flags in a help text, each with its explanation in one line."""
    for part in re.split(r"\n  (?=-)", text.partition("\nexamples:")[0])[1:]:
        own = re.split(r"\n(?! {10})", part)[0]  # up to the next group
        yield own.split()[0], " ".join(own.split())


class TestDefaults(unittest.TestCase):
    def helps(self) -> Iterator[tuple[str, str]]:
        """Name and help text of every program and command."""
        for name, main in PROGRAMS.items():
            yield name, quietly(main, "--help")[1]
        for name in COMMANDS:
            yield name, quietly(neural_networks, name, "--help")[1]
        for names in (("datasets", "show"), ("ensemble", "average"), ("ensemble", "vote")):
            yield " ".join(names), quietly(neural_networks, *names, "--help")[1]

    def test_every_flag_tells_its_default(self):
        n = 0
        for name, text in self.helps():
            for flag, words in flags(text):
                with self.subTest(name, flag=flag):
                    required = f"[{flag}" not in " ".join(text.split())
                    if flag not in ("-h,", "--help") and not required:
                        self.assertRegex(words, r"\((default: \S.*|default)\)")
                        n += 1
        self.assertGreater(n, 120)

    def test_a_default_is_told_once(self):
        for name, text in self.helps():
            for flag, words in flags(text):
                with self.subTest(name, flag=flag):
                    self.assertLessEqual(words.count("(default"), 1)


class TestScripts(unittest.TestCase):
    def default(self, script, flag: str) -> str:
        words = dict(flags(quietly(script.main, "--help")[1]))[flag]
        return re.search(r"\(default: (.*)\)", words)[1]

    def test_they_are_those_of_the_configuration(self):
        for script, values in (
            (train_ffnn, {"--lr": "0.02", "--hidden": "10", "--epochs": "60", "--momentum": "0.9"}),
            (train_ffnn, {"--dataset": "iris", "--name": "iris", "--staircase,": "yes"}),
            (train_ffnn, {"--clip-norm": "none", "--preset": "none", "--dropout": "0"}),
            (train_cnn, {"--data-args": "images=true", "--hidden": "none", "--kernel": "3"}),
            (train_cnn, {"--weight-init": "he_normal", "--batch-size": "10"}),
            (train_rnn, {"--window": "50", "--activation": "tanh", "--clip-norm": "1.0"}),
            (train_rnn, {"--every-step,": "no", "--loss": "l2", "--scheduler": "exponential"}),
        ):
            for flag, value in values.items():
                with self.subTest(script.__name__, flag=flag):
                    self.assertEqual(self.default(script, flag), value)

    def test_a_configuration_that_was_edited(self):
        changed = {"epochs": 7, "seed": None, "model_name": "mine"}
        with mock.patch.dict(train_ffnn.CONFIGURATION, changed):
            for flag, value in (("--epochs", "7"), ("--seed", "none"), ("--name", "mine")):
                self.assertEqual(self.default(train_ffnn, flag), value)
        layers = [{"name": "dropout", "p": 0.5}, *train_ffnn.CONFIGURATION.model_args.layer_args]
        layers.insert(2, {"name": "layer_norm"})
        with mock.patch.dict(train_ffnn.CONFIGURATION.model_args, layer_args=layers, l2=0.125):
            for flag, value in (
                ("--dropout", "0.5"),
                ("--normalization", "layer"),
                ("--hidden", "10"),
                ("--l2", "0.125"),
            ):
                self.assertEqual(self.default(train_ffnn, flag), value)

    def test_presets_have_their_own(self):
        for script in SCRIPTS:
            text = " ".join(quietly(script.main, "--help")[1].split())
            start = "--config and --preset start" if script is not train_rnn else "--config starts"
            self.assertIn(f"at the top of the script; {start} from another one, with its own", text)


class TestParser(unittest.TestCase):
    def text(self, *names: str, **options: object) -> str:
        parser = Parser(prog="program.py", defaults={"b": [1, 2]})
        parser.add_argument(*names, **options)
        return " ".join(parser.format_help().split())

    def test_words(self):
        for options, words in (
            ({"default": 0.5, "help": "a rate"}, "a rate (default: 0.5)"),
            ({"help": "a rate"}, "a rate (default: none)"),
            ({"default": "50%", "help": "a share"}, "a share (default: 50%)"),
            ({"default": 3, "help": "of %(prog)s"}, "of program.py (default: 3)"),
            ({"default": 3, "help": "a number (default: three)"}, "a number (default: three)"),
            ({"action": "store_true", "help": "do it"}, "do it (default: no)"),
            ({"action": argparse.BooleanOptionalAction, "help": "it"}, "it (default: none)"),
            ({**KEY_VALUES, "help": "options"}, "options (default: none)"),
        ):
            with self.subTest(words):
                self.assertIn(words, self.text("--a", **options))

    def test_none_where_there_can_be_none(self):
        self.assertNotIn("default", self.text("--a", required=True, help="a file"))
        self.assertNotIn("default", self.text("a", help="a file"))
        self.assertNotIn("--a", self.text("--a", help=argparse.SUPPRESS))

    def test_those_that_are_looked_up_later(self):
        self.assertIn("numbers (default: 1 2)", self.text("--b", help="numbers"))

    def test_values_as_they_are_typed(self):
        for value, text in (
            (None, "none"),
            ((), "none"),
            ("", "none"),
            (True, "yes"),
            (False, "no"),
            (0, "0"),
            (0.0, "0.0"),
            ([64, 32], "64 32"),
            (["a=1"], "a=1"),
            ("relu", "relu"),
        ):
            self.assertEqual(default_text(value), text)


if __name__ == "__main__":
    unittest.main()
