"""The state of the machine: other processes, kernels of BLAS; costs of training, busy machines."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from benchmarks import busy, kernels, overhead, quiet
from benchmarks.harness import BenchmarkError
from benchmarks.overhead import WORKS, cost_of
from tests.support.scripts import quietly


class TestQuiet(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stat = Path(folder.name) / "stat"
        self.seconds = 0.0
        self.cores(0, 0)
        for target, name, value in (
            (quiet, "STAT", self.stat),
            (quiet, "usable_cores", lambda: {0, 2}),
            (quiet, "own_seconds", lambda: 0.5 * self.seconds),
            (quiet.time, "monotonic", lambda: self.seconds),
            (quiet.time, "sleep", self.sleep),
        ):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def cores(self, busy_seconds: float, idle_seconds: float) -> None:
        """Write the times of three cores.

        They are user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice.
        """
        hz = os.sysconf("SC_CLK_TCK")
        busy_ticks, idle_ticks = round(hz * busy_seconds), round(hz * idle_seconds)
        core = f"{busy_ticks} 0 0 {idle_ticks} {idle_ticks} 0 0 {busy_ticks} {busy_ticks} 0\n"
        self.stat.write_text(f"cpu  1 2 3\ncpu0 {core}cpu1 99{core}cpu2 {core}intr 1 2\n")

    def sleep(self, seconds: float) -> None:
        """Let time pass in which the cores work as ``loads`` says: one number a look."""
        self.seconds += seconds
        load = self.loads.pop(0)
        self.total += load * seconds / 2  # half of it is user's time, the other half the host's
        self.cores(self.total, self.seconds)

    loads: list[float]
    total = 0.0

    def test_share_of_others_is_that_of_the_usable_cores_without_our_own_time(self):
        use = quiet.Use()
        self.loads = [0.75]
        self.sleep(10)
        # Two cores worked for 7.5 s each, of which 5 s were ours: 10 s of 20.
        self.assertAlmostEqual(use.share(), 0.5)

    def test_waits_until_the_machine_is_quiet(self):
        self.loads = [1.0, 0.8, 0.26]
        with contextlib.redirect_stderr(io.StringIO()) as err:
            self.assertTrue(quiet.Patience(300).wait())
        self.assertEqual(self.seconds, 3 * quiet.LOOK)
        self.assertEqual(err.getvalue().count("waiting for other processes"), 1)
        self.assertIn("75% of the cores, for 300 s at most", err.getvalue())

    def test_gives_up_after_the_time_in_all(self):
        self.loads = 10 * [1.0]
        patience = quiet.Patience(2 * quiet.LOOK)
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertFalse(patience.wait())
        self.assertEqual(self.seconds, 3 * quiet.LOOK)
        self.assertFalse(patience.wait())
        self.assertEqual(self.seconds, 4 * quiet.LOOK)

    def test_nothing_is_known_without_the_file(self):
        self.stat.unlink()
        use = quiet.Use()
        self.seconds += 3
        self.assertEqual(use.share(), 0)
        self.assertEqual(quiet.busy_seconds(), 0)


class TestKernels(unittest.TestCase):
    def kinds(self, own: str, machine: str = "x86_64") -> list[str]:
        """The names of the kinds, where BLAS's own are of this architecture."""
        names = {"own": own, "avx2": "Haswell"}
        with (
            mock.patch.object(kernels, "architecture", names.__getitem__),
            mock.patch.object(kernels.platform, "machine", return_value=machine),
            mock.patch.object(Path, "read_text", return_value="flags : avx avx2 fma"),
            mock.patch.object(Path, "exists", return_value=True),
        ):
            return [kind.name for kind in kernels.kinds()]

    def test_both_kinds_where_they_differ(self):
        self.assertEqual(self.kinds("SkylakeX"), ["own", "avx2"])
        for own in ("Haswell", "Zen", ""):
            self.assertEqual(self.kinds(own), ["own"])
        self.assertEqual(self.kinds("neoversen1", "aarch64"), ["own"])

    def test_variables_of_the_environment_do_not_choose_the_kernels(self):
        forced = {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_L2_SIZE": "512", "OTHER": "1"}
        with mock.patch.dict(os.environ, forced):
            own, avx2 = kernels.environment("own"), kernels.environment("avx2")
            self.assertNotEqual(kernels.architecture("own"), "Prescott")
        self.assertEqual((own["OTHER"], avx2["OTHER"]), ("1", "1"))
        self.assertNotIn("OPENBLAS_CORETYPE", own)
        self.assertEqual(avx2["OPENBLAS_CORETYPE"], "Haswell")
        for environment in (own, avx2):
            self.assertNotIn("OPENBLAS_L2_SIZE", environment)


class TestOverhead(unittest.TestCase):
    def test_medians_of_neighboring_blocks(self):
        cost = cost_of([(10e-6, 12e-6, 1e-6), (20e-6, 21e-6, 2e-6), (30e-6, 60e-6, 3e-6)])
        self.assertEqual([round(x, 6) for x in cost], [20, 21, 2, 0.2, 2])

    def test_limits(self):
        iris, fashion = WORKS
        cheap, dear = cost_of(3 * [(35e-6, 59e-6, 0)]), cost_of(3 * [(35e-6, 61e-6, 0)])
        self.assertTrue(cheap.is_good(iris))
        self.assertFalse(dear.is_good(iris))
        self.assertFalse(cheap.is_good(fashion))
        self.assertTrue(cost_of(3 * [(900e-6, 940e-6, 0)]).is_good(fashion))
        lines = overhead.table({iris: dear, fashion: cost_of(3 * [(9e-4, 9e-4, 0)])})
        self.assertTrue(lines[2].endswith("| 26.0 µs, 74.3% | 0.0 µs | 25 µs | no |"))
        self.assertTrue(lines[3].endswith("| 5% | yes |"))

    def test_both_train_on_the_same_batches(self):
        """Measured for a moment: bare steps take time, and training takes more of it."""
        cost = overhead.measure(WORKS[0], 0.01)
        self.assertGreater(cost.bare, 1)
        self.assertGreater(cost.train, cost.drawing)


class TestBusy(unittest.TestCase):
    def test_verdicts(self):
        self.assertTrue(busy.row("iris", 2.0, 5.9).endswith("| 2.00 | 5.90 | 2.95 | yes |"))
        self.assertTrue(busy.row("iris", 2.0, 6.1).endswith("| 3.05 | no |"))

    def test_a_page_needs_a_quiet_machine(self):
        patience = mock.Mock()
        patience.wait.return_value = False
        busy.wait_until_quiet(patience, needed=False)
        with self.assertRaisesRegex(BenchmarkError, "not quiet"):
            busy.wait_until_quiet(patience, needed=True)

    def test_wrong_arguments_and_trainings_that_fail(self):
        self.assertEqual(quietly(busy.main, "nothing")[0], 2)
        self.assertEqual(quietly(busy.main, "iris", "--write-docs")[0], 2)
        with self.assertRaisesRegex(BenchmarkError, "train_ffnn.py ended with status 2"):
            busy.seconds(["train_ffnn.py", "--epochs", "0"])

    def test_the_trainings_are_flags_of_their_scripts(self):
        self.assertLessEqual({"train_rnn", "iris", "digits", "train_cnn"}, set(busy.TRAININGS))


if __name__ == "__main__":
    unittest.main()
