"""Benchmarks: verdicts of the harness, and the agreement of both sides of a row."""

import contextlib
import io
import math
import signal
import unittest
from dataclasses import replace
from unittest import mock

import numpy as np

from benchmarks import __main__ as command
from benchmarks.harness import BenchmarkError, Result, agree, compare, summarize
from benchmarks.kernels import Kernels
from benchmarks.rows import ROWS
from benchmarks.rows.numbers import fingerprints
from benchmarks.rows.row import just_the_loss
from benchmarks.worker import Side

FACTS = {
    "ours": {"variant": "ours", "libraries": {}},
    "theirs": {"variant": "plain", "libraries": {}},
}


OWN, AVX2 = Kernels("own", "SkylakeX"), Kernels("own", "Haswell")


def judged(pairs: list, kernels: Kernels = AVX2) -> Result:
    """The result of the row about Iris with these pairs of blocks."""
    return summarize("iris", kernels, pairs, FACTS)


def pair(ours: float, theirs: float, waited: float = 0.0):
    """Neighboring blocks: seconds per step, and the share spent waiting for a core."""
    return (ours, waited), (theirs, 0.0)


class TestJudgement(unittest.TestCase):
    def test_median_of_the_ratios_not_ratio_of_the_medians(self):
        result = judged([pair(1, 1), pair(3, 2), pair(9, 3), pair(8, 2), pair(5, 1)])
        self.assertEqual(result.ratio, 3)
        self.assertEqual((result.low, result.high), (1.5, 4))
        self.assertEqual(result.verdict, "no")

    def test_medians_and_minima_of_both_sides(self):
        result = judged([pair(4e-6, 8e-6), pair(3e-6, 2e-5), pair(9e-6, 5e-6), *2 * [pair(1, 1)]])
        times = result.ours_us, result.ours_least_us, result.theirs_us, result.theirs_least_us
        np.testing.assert_allclose(times, (9, 3, 20, 5))
        self.assertAlmostEqual(result.ratio_of_least, 0.6)

    def test_verdicts_depend_on_the_kernels(self):
        for ratio, kernels, verdict in (
            (0.2, OWN, "stretch"),
            (0.24, OWN, "reach"),
            (0.24, AVX2, "stretch"),
            (0.34, AVX2, "reach"),
            (0.34, OWN, "no"),
            (0.36, AVX2, "no"),
        ):
            with self.subTest(ratio=ratio, kernels=kernels):
                self.assertEqual(judged(6 * [pair(ratio, 1)], kernels).verdict, verdict)

    def test_every_goal_can_be_reached_before_its_stretch(self):
        for name, row in ROWS.items():
            for goal in row.goals:
                with self.subTest(row=name):
                    self.assertLess(0, goal.stretch)
                    self.assertLess(goal.stretch, goal.reach)

    def test_disturbed_pairs_are_left_out(self):
        pairs = 5 * [pair(0.5, 1)] + 6 * [pair(0.001, 1, waited=0.5)]
        result = judged(pairs)
        self.assertEqual((result.ratio, result.pairs, result.disturbed), (0.5, 5, 6))
        self.assertEqual(judged(pairs[1:]).verdict, "busy")

    def test_sides_that_compute_something_else_are_refused(self):
        same = {"ours": [[1.0], [2.0]]}
        compare("iris", same, {"plain": [[1.0], [2.0 + 1e-5]]})
        for other in ([[1.0], [2.001]], [[1.0], [math.nan]], [[1.0], [2.0, 3.0]]):
            with self.subTest(other=other), self.assertRaisesRegex(BenchmarkError, "step 2"):
                compare("iris", same, {"plain": other})


class TestRows(unittest.TestCase):
    def test_ours_train_and_agree_with_rivals_that_are_always_here(self):
        """In the first steps; ``python -m benchmarks --check`` compares all, and with PyTorch."""
        here = {name for name, row in ROWS.items() if row.package != "torch"}
        self.assertLessEqual({"cifar-float64", "epoch-higgs-float32"}, here)
        for name, row in ROWS.items():
            trains = row.numbers is just_the_loss
            if trains or name in here:
                with self.subTest(row=name):
                    steps = Side(name, "ours", 0).check()["ours"]
                    if trains:
                        self.check_losses([loss for (loss,) in steps])
                    if name in here:
                        self.check_first_steps(name, steps)

    def check_losses(self, losses: list[float]) -> None:
        self.assertTrue(all(math.isfinite(loss) for loss in losses))
        self.assertLess(losses[-1], 0.9 * losses[0])

    def check_first_steps(self, name: str, ours: list[list[float]]) -> None:
        """The rival agrees in one epoch, or in two steps of another row."""
        n = 1 if name.startswith("epoch") else 2
        with mock.patch.dict(ROWS, {name: replace(ROWS[name], check_steps=n)}):
            compare(name, {"ours": ours[:n]}, Side(name, "theirs", 0).check())

    def test_convolutions_that_differ_are_told_apart(self):
        rng = np.random.default_rng(0)
        A = rng.standard_normal((4, 6, 6, 8)).astype("float32")
        without_border = np.pad(A[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1), (0, 0)))
        rounded = A * (1 + 1e-6 * rng.standard_normal(A.shape))
        self.assertTrue(agree(fingerprints([A]), fingerprints([rounded]), 1e-4))
        for other in (1.001 * A, -A, A[..., ::-1], A.swapaxes(1, 2), without_border):
            self.assertFalse(agree(fingerprints([A]), fingerprints([other]), 1e-4))


class TestCommand(unittest.TestCase):
    def call(self, *arguments: str) -> tuple[int, str, str]:
        # The command handles SIGTERM to end its workers; this process keeps its own handler.
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command.main(arguments)
        return status, out.getvalue(), err.getvalue()

    def test_list(self):
        status, out, _ = self.call("--list")
        self.assertEqual(status, 0)
        self.assertEqual(out.count("\n"), len(ROWS))
        self.assertIn("goal 0.33", out)

    def test_without_the_other_library(self):
        with mock.patch.object(command, "find_spec", return_value=None):
            status, _, err = self.call("--rows", "iris")
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn('pip install -e ".[torch]"', err)

    def test_rows_without_the_missing_libraries_remain(self):
        with (
            mock.patch.object(
                command, "find_spec", side_effect=lambda name: name == "numpy" or None
            ),
            mock.patch.object(command, "check") as check,
        ):
            status, _, err = self.call("--check")
        checked = [call.args[0] for call in check.call_args_list]
        self.assertEqual(status, 0)
        self.assertEqual(set(checked), {"add.at-rgb", "add.at-16", "cifar-float64"})
        self.assertEqual(err.count("\n"), 2)
        self.assertIn("PyTorch is missing", err)
        self.assertIn("scikit-learn is missing (pip install scikit-learn): epoch-higgs", err)

    def test_quick_sets_what_is_not_given(self):
        usual, quick = command.parse([]), command.parse(["--quick"])
        self.assertEqual((usual.rows, usual.kernels), (list(ROWS), ["own", "avx2"]))
        self.assertLess(len(quick.rows) * len(quick.kernels) * quick.seconds, 20)
        self.assertEqual(command.parse(["--quick", "--rows", "cifar"]).rows, ["cifar"])
        self.assertEqual(command.parse(["--quick", "--seconds", "1"]).seconds, 1)


if __name__ == "__main__":
    unittest.main()
