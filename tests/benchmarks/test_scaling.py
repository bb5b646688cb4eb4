"""``python -m benchmarks.scaling``: fits, points, words, the page, and the command."""

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks import scaling
from benchmarks.scale import page, words
from benchmarks.scale.fit import fit
from benchmarks.scale.point import Point, blocks, measure
from benchmarks.scale.sweeps import SWEEPS

ROOT = Path(__file__).resolve().parents[2]
SIZES = 2.0 ** np.arange(14)


def point(size: int, seconds: float, arrays: int = 10**7, **others: float) -> Point:
    values = {"process": arrays, "formula": arrays, "data": 0, "waited": 0.0} | others
    return Point(size, seconds, 1.1 * seconds, arrays, **values)


def some_points(exponent: float = 1.0) -> list[Point]:
    return [point(int(n), 1e-3 * n**exponent) for n in SIZES[:8]]


class TestFit(unittest.TestCase):
    def test_a_power_law_is_one_line(self):
        (piece,) = fit(SIZES, 3 * SIZES**1.5)
        self.assertAlmostEqual(piece.slope, 1.5)
        self.assertAlmostEqual(piece.start, 3)
        self.assertAlmostEqual(piece.stop / (3 * 8192**1.5), 1)

    def test_noise_does_not_bend_it(self):
        for seed in range(20):
            noise = np.random.default_rng(seed).standard_normal(len(SIZES))
            with self.subTest(seed=seed):
                (piece,) = fit(SIZES, SIZES * np.exp(0.08 * noise))
                self.assertAlmostEqual(piece.slope, 1, delta=0.04)

    def test_bends_are_where_they_are(self):
        for bend in (8, 64, 90.5, 512):
            with self.subTest(bend=bend):
                first, second = fit(SIZES, np.maximum(SIZES / bend, 1))
                self.assertAlmostEqual(first.last / bend, 1, delta=0.01)
                self.assertAlmostEqual(first.slope, 0, delta=0.01)
                self.assertAlmostEqual(second.slope, 1, delta=0.01)

    def test_overhead_arithmetic_and_cache(self):
        times = np.maximum(SIZES / 16, 1) * np.maximum(SIZES / 512, 1) ** 0.5
        slopes = [piece.slope for piece in fit(SIZES, times)]
        np.testing.assert_allclose(slopes, [0, 1, 1.5], atol=0.01)

    def test_few_points_have_no_bends(self):
        self.assertEqual(len(fit([1, 2, 4], [1.0, 1, 4])), 1)


class TestPoint(unittest.TestCase):
    def test_a_step_and_an_epoch_are_measured(self):
        for name in ("steps", "rows"):
            sweep = SWEEPS[name]
            with (
                self.subTest(sweep=name),
                mock.patch.dict(SWEEPS, {name: replace(sweep, values=(sweep.values[0],))}),
            ):
                found = measure(name, sweep.values[0], 0.001, 0)
                self.assertEqual(found.size, sweep.values[0])
                self.assertGreater(found.minimum, 1e-5)
                self.assertLessEqual(found.minimum, found.median)
                self.assertLess(abs(found.formula / found.arrays - 1), 0.25)
                self.assertEqual(found.data > 0, sweep.by_epoch)

    def test_blocks_time_a_step(self):
        times = blocks(lambda: time.sleep(0.01), 0.001)
        self.assertEqual(len(times), 3)
        self.assertTrue(all(0.01 <= seconds < 1 for seconds in times))

    def test_the_peak_of_the_process_grows_with_an_array(self):
        program = (
            "import numpy; from benchmarks.scale.point import process_peak as peak\n"
            "before = peak(); a = numpy.ones(5_000_000); print(peak() - before)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        self.assertAlmostEqual(int(done.stdout) / 4e7, 1, delta=0.1)

    def test_every_size_can_be_built(self):
        for name, sweep in SWEEPS.items():
            with self.subTest(sweep=name):
                self.assertEqual(list(sweep.values), sorted(set(sweep.values)))
                self.assertGreaterEqual(len(sweep.values), 9)
                for size in sweep.values:
                    layers, shape = sweep.build(size)
                    self.assertTrue(size in shape or len(layers) == size + 1)


class TestWords(unittest.TestCase):
    def test_slopes_and_sizes(self):
        self.assertEqual(words.slopes(fit(SIZES, SIZES)), "1.00")
        self.assertEqual(
            words.slopes(fit(SIZES, np.maximum(SIZES / 64, 1))), "0.00 to 64, then 1.00"
        )
        self.assertEqual((words.number(2**13), words.number(181.02)), ("8,192", "180"))

    def test_reasons(self):
        sweep = SWEEPS["width"]
        for slope, reason in (
            (0.3, "fixed cost of a step"),
            (1.3, "mixture"),
            (2, "the arithmetic counts"),
        ):
            with self.subTest(slope=slope):
                points = some_points(slope)
                (piece,) = words.time_pieces(points)
                self.assertIn(reason, words.reason(piece, sweep, points))
        points = some_points(2.6)
        (piece,) = words.time_pieces(points)
        with mock.patch.object(words, "second_level_cache", return_value=10**6):
            self.assertIn("10 MB at its beginning, more than", words.reason(piece, sweep, points))
        with mock.patch.object(words, "second_level_cache", return_value=2 * 10**7):
            self.assertIn("although they still fit", words.reason(piece, sweep, points))

    def test_the_greatest_deviation_has_its_sign(self):
        points = [
            point(1, 1.0, 2 * 10**6, formula=2.02e6),
            point(2, 1.0, 2 * 10**6, formula=1.9e6),
            point(3, 1.0, 10**5, formula=10**6),  # too small to count
        ]
        self.assertIn("by -5.0% at most", words.summary({"batch": points})[0])

    def test_memory_beyond_the_data_and_a_busy_machine(self):
        rows = [
            point(1000, 1.0, 10**6, data=152_000),
            point(101_000, 1.0, 17 * 10**6, data=15_352_000, waited=0.2),
        ]
        _, beyond, busy = words.summary({"rows": rows})
        self.assertIn("0.848 MB with 1,000 rows and 1.65 MB with 101,000: 8 bytes a row", beyond)
        self.assertIn("in 1 of 2 points", busy)
        self.assertEqual(len(words.summary({"batch": rows[:1]})), 1)


class TestPage(unittest.TestCase):
    def test_only_what_is_between_the_marks_changes(self):
        text = f"before\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\nafter\n"
        new = page.replaced(text, "new")
        self.assertEqual(new, text.replace("old", "new"))
        self.assertEqual(page.replaced(new, "new"), new)
        for wrong in (text.replace(page.END, ""), text + page.BEGIN, page.END + page.BEGIN):
            with self.assertRaisesRegex(ValueError, "once each"):
                page.replaced(wrong, "new")

    def test_table_sentences_and_figures_are_written(self):
        results = {"batch": some_points(), "rows": some_points()}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scaling.md"
            (Path(folder) / "figures").mkdir()
            path.write_text(f"{page.BEGIN}\n{page.END}\n", "utf-8")
            files = page.write(path, results, 5, 0.1)
            text = path.read_text("utf-8")
            self.assertEqual(
                [file.name for file in files[1:]], ["scaling-batch.png", "scaling-rows.png"]
            )
            for file in files:
                self.assertGreater(file.stat().st_size, 1000)
        self.assertEqual(text.count("| `"), 2)
        self.assertIn("- `batch`, batch size. 1 to 128, slope 1.00: the arithmetic", text)
        self.assertIn("seed 5, 0.1 s for each point", text)
        self.assertTrue(all(len(line) < 100 for line in text.splitlines() if line[0:1] != "|"))

    def test_the_page_has_its_marks_every_sweep_and_commands_that_are_right(self):
        text = scaling.PAGE.read_text("utf-8")
        page.replaced(text, "")
        pictures = set(re.findall(r"figures/scaling-(\w+)\.png", text))
        self.assertEqual(pictures, set(SWEEPS))
        lines = re.findall(r"^python -m benchmarks\.scaling(.*)$", text, re.M)
        self.assertEqual(len(lines), 3)
        for line in lines:
            scaling.parse(shlex.split(line, comments=True))


class TestCommand(unittest.TestCase):
    def refused(self, *arguments: str) -> str:
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as end:
            scaling.parse(arguments)
        self.assertEqual((end.exception.code, err.getvalue().count("\n")), (2, 1))
        return err.getvalue()

    def test_wrong_arguments(self):
        self.assertIn("invalid choice: 'breadth'", self.refused("--only", "breadth"))
        self.assertIn("leave --only out", self.refused("--write-docs", "--only", "width"))
        for seconds in ("0", "-1", "inf", "nan"):
            self.assertIn("must be a positive number", self.refused("--seconds", seconds))
        self.assertIn("0 or greater", self.refused("--seed", "-1"))

    def test_a_page_without_marks_is_refused_before_the_work(self):
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scaling.md"
            for text in (None, "no marks"):
                if text:
                    path.write_text(text, "utf-8")
                err = io.StringIO()
                with (
                    self.subTest(text=text),
                    mock.patch.object(scaling, "PAGE", path),
                    mock.patch.object(scaling, "measure", side_effect=AssertionError),
                    contextlib.redirect_stderr(err),
                ):
                    self.assertEqual(scaling.main(["--write-docs"]), 2)
                    self.assertEqual(err.getvalue().count("\n"), 1)
                    self.assertIn("scaling.md", err.getvalue())

    def test_points_in_processes_of_their_own(self):
        """From another folder; nothing but the results is printed."""
        program = (
            "import sys; from dataclasses import replace; from benchmarks import scaling as s\n"
            "s.SWEEPS['steps'] = replace(s.SWEEPS['steps'], values=(4, 8))\n"
            "sys.exit(s.main(['--only', 'steps', '--seconds', '0.001']))"
        )
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", program],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("steps of a sequence; Elman 28-64", done.stdout)
        self.assertIn("| `steps`", done.stdout)
        self.assertIn("1 threads; seed 0, 0.001 s", done.stdout)

    def test_a_point_that_fails_is_an_error_in_one_line(self):
        err, out = io.StringIO(), io.StringIO()
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        failing = mock.patch.object(scaling.sys, "executable", "/bin/false")
        with failing, contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
            self.assertEqual(scaling.main(["--only", "steps"]), 1)
        self.assertEqual(err.getvalue(), "steps 4: the process ended with status 1\n")
        self.assertEqual(out.getvalue(), "")

    def test_sweeps_before_an_error_are_reported(self):
        def fail_later(name: str, size: int, *rest: float) -> Point:
            if name == "steps":
                raise scaling.ScalingError("steps 4: the process ended with status 1")
            return point(size, 1e-3 * size)

        err, out = io.StringIO(), io.StringIO()
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        with (
            mock.patch.object(scaling, "measure_point", fail_later),
            contextlib.redirect_stderr(err),
            contextlib.redirect_stdout(out),
        ):
            self.assertEqual(scaling.main(["--only", "depth", "steps"]), 1)
        self.assertIn("| `depth`", out.getvalue())
        self.assertNotIn("`steps`", out.getvalue())
        self.assertEqual(err.getvalue().count("\n"), 1)

    def test_ctrl_c_ends_the_process_of_the_point_too(self):
        command = [sys.executable, "-m", "benchmarks.scaling", "--only", "steps", "--seconds", "60"]
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            with (
                self.subTest(signal=signal_number.name),
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    process_group=0,
                ) as process,
            ):
                child = self.child_of(process.pid)
                self.assertEqual(os.getpgid(child), child)
                os.killpg(process.pid, signal_number)  # as a terminal does
                out, err = process.communicate(timeout=60)
                self.assertEqual((process.returncode, out, err), (130, "", "interrupted\n"))
                self.assertFalse(Path(f"/proc/{child}").exists())

    def child_of(self, pid: int) -> int:
        """The first child of a process, when it has one."""
        path = Path(f"/proc/{pid}/task/{pid}/children")
        if not path.exists():
            self.skipTest("this system does not list the children of processes")
        for _ in range(600):
            if children := path.read_text().split():
                return int(children[0])
            time.sleep(0.1)
        raise AssertionError("no point was begun")


if __name__ == "__main__":
    unittest.main()
