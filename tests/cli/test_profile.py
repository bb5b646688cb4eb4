"""The flag --profile: a table after a training, profile.csv, and the same run as without it."""

import csv
import signal
import unittest
from unittest import mock

import numpy as np

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.cli import profile
from neural_networks.cli.profile import size
from neural_networks.logs import Logger
from neural_networks.training.history import History
from tests.support.own_parts import Bare
from tests.support.scripts import FlagTest

SMALL = {
    train_ffnn: ("--hidden", 6, 5, "--dropout", 0.2, "--normalization", "batch", "--l2", 0.01),
    train_cnn: ("--filters", 4, "--hidden", 8, "--batch-size", 200),
    train_rnn: ("--hidden", 4, 3, "--window", 10),
}


def table(out):
    """The lines of the table in a script's output, without its title and its legend."""
    lines = out.partition("Profile: ")[2].splitlines()[1:]
    return lines[: lines.index(next(line for line in lines if ":" in line))]


class ProfileTest(FlagTest):
    def arrays(self):
        with np.load(self.runs / "run" / "parameters.npz") as file:
            return dict(file)


class TestRuns(ProfileTest):
    def test_the_run_is_the_same(self):
        for script, flags in SMALL.items():
            with self.subTest(script.__name__):
                self.script = script
                _, plain = self.done(*flags)
                log, arrays = self.log("run"), self.arrays()
                self.assertFalse((self.runs / "run" / "profile.csv").exists())
                _, out = self.done(*flags, "--profile")
                self.assertEqual(self.log("run"), log)
                np.testing.assert_equal(self.arrays(), arrays)
                before, _, after = out.partition("\nProfile: ")
                end = after.partition("optimizer keeps.\n\n")[2]
                listed = "  profile.csv                time and memory of each layer in training\n"
                self.assertIn(listed, end)
                self.assertEqual(before + end.replace(listed, ""), plain)

    def test_the_table(self):
        self.script = train_cnn
        _, out = self.done(*SMALL[train_cnn], "--profile")
        self.assertRegex(out, r"\nProfile: 14 training steps, batch size 200, \d+\.\d{3} ms each\n")
        head, *lines = table(out)
        self.assertEqual(head.split(), list(profile.COLUMNS))
        names = [line[:19].split()[-1] for line in lines]
        layers = ["Conv2D", "Pool2D", "Flatten", "FullyConnected", "FullyConnected"]
        self.assertEqual(names, [*layers, "data", "loss", "error", "update", "rest", "step"])
        self.assertLessEqual(max(map(len, out.partition("Profile")[2].splitlines()[:18])), 100)
        shares = [float(line.partition("%")[0].split()[-1]) for line in lines]
        self.assertAlmostEqual(sum(shares[:-1]), 100, delta=1)
        self.assertEqual(shares[-1], 100)

    def test_the_file(self):
        self.script = train_rnn
        self.done(*SMALL[train_rnn], "--profile")
        with (self.runs / "run" / "profile.csv").open() as file:
            *rows, step = csv.DictReader(file)
        self.assertEqual([row["layer"] for row in rows], ["1", "2", "3", "", "", "", "", ""])
        self.assertAlmostEqual(sum(float(row["ms"]) for row in rows), float(step["ms"]))
        self.assertAlmostEqual(sum(float(row["share"]) for row in rows), 1)
        n_bytes = [int(row["parameter_bytes"]) for row in rows[:3]]
        self.assertEqual(n_bytes, [4 * n for n in (4 + 16 + 4, 12 + 9 + 3, 3 + 1)])
        # 50 examples of 10 steps; 4 units with 1 feature, then 3 with 4, and their states. The
        # first layer has no gradient for the data; the last one sees the last state.
        multiplied = [500 * (2 * 4 + 3 * 16), 500 * (3 * 12 + 3 * 9), 50 * 3 * 3]
        self.assertEqual(
            [float(row["operations"]) for row in rows[:3]], [2 * n for n in multiplied]
        )

    def test_no_cost_without_the_flag(self):
        with mock.patch.object(profile, "Profile", side_effect=AssertionError("it is made")):
            self.done()

    def test_classes_of_ones_own(self):
        layers = [Bare(5), *train_ffnn.CONFIGURATION.model_args.layer_args]
        config = {**train_ffnn.CONFIGURATION, "dtype": "float64"}
        with (
            mock.patch.dict(train_ffnn.CONFIGURATION, config),
            mock.patch.dict(train_ffnn.CONFIGURATION.model_args, layer_args=layers),
        ):
            _, out = self.done("--profile")
        lines = table(out)
        self.assertIn(" Bare ", lines[1])
        # Number, name, three times, share, four sizes with their units; no GFLOP/s.
        self.assertEqual(len(lines[1].split()), 1 + 1 + 3 + 1 + 4 * 2)
        self.assertEqual(len(lines[-1].split()), len(lines[1].split()) - 1)
        self.assertEqual(len(lines[2].split()), len(lines[1].split()) + 1)


class TestEnds(ProfileTest):
    def interrupted(self, at, *flags):
        """A run that Ctrl-C ends in a step."""
        record = History.record_step

        def interrupt(history, *args):
            record(history, *args)
            if len(history.steps) == at:
                signal.raise_signal(signal.SIGINT)

        with mock.patch.object(History, "record_step", interrupt):
            return self.train("--name", "run", *flags)

    def test_ctrl_c(self):
        status, out, err = self.interrupted(7, "--profile")
        self.assertEqual((status, err), (130, ""))
        self.assertIn("\nProfile: 7 training steps, batch size 25, ", out)
        self.assertLess(out.index("Profile: "), out.index("Interrupted after 1 epoch."))
        self.assertTrue((self.runs / "run" / "profile.csv").exists())

    def test_a_loss_that_is_not_finite(self):
        status, out, err = self.train("--name", "run", "--profile", "--loss", "l2", "--lr", 1e30)
        self.assertEqual(status, 1, err)
        self.assertRegex(out, r"\nProfile: \d training steps?, ")
        self.assertIn("error: the loss became", err)

    def test_no_step(self):
        with mock.patch.object(History, "begin_epoch", side_effect=ValueError("none today")):
            status, out, err = self.train("--name", "run", "--profile")
        self.assertEqual((status, err), (2, "train_ffnn.py: error: none today\n"))
        self.assertIn("\nProfile: no training step has ended.\n", out)
        self.assertFalse((self.runs / "run" / "profile.csv").exists())

    def test_a_file_that_cannot_be_written(self):
        write = Logger.save_table

        def fail(logger, name, written):
            if name == "profile.csv":
                raise OSError(28, "No space left on device")
            write(logger, name, written)

        with mock.patch.object(Logger, "save_table", fail):
            status, out, err = self.train("--name", "run", "--epochs", 1, "--profile")
        words = "profile.csv is not written ([Errno 28] No space left on device)"
        self.assertEqual((status, err), (0, f"warning: {words}\n"))
        self.assertIn("\nTest: loss ", out)

    def test_an_error_in_code_is_told_as_without(self):
        class Mistaken(Bare):
            def backward(self, dLdY):
                return dLdY @ self.parameters["W"]

        layers = [*train_ffnn.CONFIGURATION.model_args.layer_args]
        messages = []
        for flags in ((), ("--profile",)):
            args = mock.patch.dict(
                train_ffnn.CONFIGURATION.model_args, layer_args=[layers[0], Mistaken(5), layers[1]]
            )
            with args, mock.patch.dict(train_ffnn.CONFIGURATION, dtype="float64"):
                status, _, err = self.train("--name", "run", "--overwrite", *flags)
            self.assertEqual(status, 2)
            messages.append(err)
        self.assertIn("error in layer 2, Mistaken: ValueError: matmul", messages[0])
        self.assertEqual(messages[1], messages[0])

    def test_a_run_that_is_replaced(self):
        self.done("--profile")
        self.done()
        self.assertFalse((self.runs / "run" / "profile.csv").exists())

    def test_next_steps_are_those_of_a_run_without_flags(self):
        _, out = self.done("--profile")
        self.assertIn("--lr 0.1 --hidden 20 --name wider", out)


class TestSizes(unittest.TestCase):
    def test_digits(self):
        for n, text in (
            (None, ""),
            (0, ""),
            (4, "4 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9949, "9.9 kB"),
            (9950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (16_300_000, "16 MB"),
            (5_000_000_000_000, "5000 GB"),
        ):
            self.assertEqual(size(n), text)


if __name__ == "__main__":
    unittest.main()
