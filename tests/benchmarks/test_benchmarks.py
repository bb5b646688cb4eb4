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
from benchmarks.harness import BenchmarkError, agree, compare, summarize
from benchmarks.rows import ROWS
from benchmarks.rows.numbers import fingerprints
from benchmarks.rows.row import just_the_loss
from benchmarks.worker import Side

FACTS = {
    "ours": {"variant": "ours", "libraries": {}},
    "theirs": {"variant": "plain", "libraries": {}},
}


def pair(ours: float, theirs: float, waited: float = 0.0):
    """Neighboring blocks: seconds per step, and the share spent waiting for a core."""
    return (ours, waited), (theirs, 0.0)


class TestJudgement(unittest.TestCase):
    def test_median_of_the_ratios_not_ratio_of_the_medians(self):
        result = summarize(
            "iris", [pair(1, 1), pair(3, 2), pair(9, 3), pair(8, 2), pair(5, 1)], FACTS
        )
        self.assertEqual(result.ratio, 3)
        self.assertEqual((result.low, result.high), (1.5, 4))
        self.assertEqual(result.verdict, "no")

    def test_verdicts(self):
        for ratio, verdict in ((0.2, "stretch"), (0.3, "goal"), (0.5, "no")):
            with self.subTest(ratio=ratio):
                result = summarize("iris", 6 * [pair(ratio, 1)], FACTS)
                self.assertEqual(result.verdict, verdict)

    def test_disturbed_pairs_are_left_out(self):
        pairs = 5 * [pair(0.5, 1)] + 6 * [pair(0.001, 1, waited=0.5)]
        result = summarize("iris", pairs, FACTS)
        self.assertEqual((result.ratio, result.pairs, result.disturbed), (0.5, 5, 6))
        self.assertEqual(summarize("iris", pairs[1:], FACTS).verdict, "busy")

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
        self.assertIn("goal 0.40", out)

    def test_without_the_other_library(self):
        with mock.patch.object(command, "find_spec", return_value=None):
            status, _, err = self.call("--rows", "iris")
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn("pip install torch", err)


if __name__ == "__main__":
    unittest.main()
