"""The page about speed: sections, a part of the rows, the chart; the state of the machine."""

import contextlib
import io
import json
import signal
import tempfile
import unittest
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest import mock

from benchmarks import __main__ as command
from benchmarks import page as module
from benchmarks.harness import BenchmarkError, Result
from benchmarks.kernels import Kernels
from benchmarks.page import Page, PageError, Run
from benchmarks.rows import ROWS
from benchmarks.tables import markdown, measured, quiet

PAGE = """\
# Speed

Before.

<!-- rows -->
old
<!-- end of rows -->

Between.

<!-- busy -->
<!-- end of busy -->

After.
"""
FACTS = {
    "date": "2026-11-29",
    "cpu": "a processor",
    "cores": 2,
    "platform": "Linux",
    "python": "3.11",
    "forced_kernels": {},
    "threads": 1,
    "seed": 0,
    "seconds": 8.0,
}
LIBRARIES = {
    "ours": {"numpy": "2.4.6", "blas libscipy_openblas": "0.3.31, Haswell, 2 threads"},
    "theirs": {"torch": "2.13.0+cpu (2 threads, AVX2)", "openmp libgomp": "2 threads"},
}


def result(row: str, ratio: float = 0.5, kernels: str = "own", others: float = 0.0) -> Result:
    """A result of a row."""
    goal = ROWS[row].goals.others
    times = 1000 * ratio, 990 * ratio, 1000.0, 900.0
    ratios = ratio, 0.9 * ratio, 1.1 * ratio, 1.1 * ratio
    targets = goal.reach, goal.stretch, goal.verdict(ratio)
    end = "plain", others, LIBRARIES
    return Result(row, kernels, "SkylakeX", *times, *ratios, 50, 0, *targets, *end)


def run(*results: Result, **facts: object) -> Run:
    """A run with these results."""
    return Run(FACTS | facts, list(results))


class TestPage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "figures").mkdir()
        self.page = self.folder / "performance.md"
        self.page.write_text(PAGE)

    def rows(self) -> str:
        """The section of rows."""
        text = self.page.read_text()
        before, rest = text.split("<!-- rows -->")
        section, after = rest.split("<!-- end of rows -->")
        self.assertEqual(before, "# Speed\n\nBefore.\n\n")
        self.assertTrue(after.startswith("\n\nBetween.\n\n<!-- busy -->"))
        self.assertTrue(after.endswith("<!-- end of busy -->\n\nAfter.\n"))
        return section

    def test_a_section_is_replaced_and_the_rest_stays(self):
        Page(self.folder).write_rows(run(result("iris"), result("cnn")), part=False)
        rows = self.rows()
        self.assertNotIn("old", rows)
        self.assertEqual(rows.count("\n|"), 4)
        self.assertIn("Measured 2026-11-29 on 2 cores of a processor, 1 thread on each", rows)
        Page(self.folder, "busy").replace(["| a |"])
        self.assertIn("<!-- busy -->\n\n| a |\n\n<!-- end of busy -->", self.page.read_text())
        self.assertEqual(self.rows(), rows)

    def test_a_section_that_is_not_there_once_is_refused(self):
        for text in ("", PAGE + PAGE, PAGE.replace("end of rows", "end of row")):
            with self.subTest(text=text):
                self.page.write_text(text)
                with self.assertRaisesRegex(PageError, "no section between <!-- rows -->"):
                    Page(self.folder)
        self.page.unlink()
        with self.assertRaisesRegex(PageError, "no page"):
            Page(self.folder)

    def test_a_part_of_the_rows_replaces_these_rows_alone(self):
        Page(self.folder).write_rows(run(result("iris", 0.1), result("cnn", 0.7)), part=False)
        Page(self.folder).write_rows(run(result("cnn", 0.6), date="2026-11-30"), part=True)
        rows = self.rows()
        self.assertEqual(rows.count("\n|"), 4)
        self.assertIn("| 0.100 [", rows)
        self.assertIn("| 0.600 [", rows)
        self.assertIn("`iris`: Measured 2026-11-29", rows)
        self.assertIn("`cnn`: Measured 2026-11-30", rows)
        Page(self.folder).write_rows(run(result("cifar")), part=False)
        self.assertEqual(self.rows().count("\n|"), 3)

    def test_both_kinds_of_kernels_stay_apart(self):
        both = result("iris", 0.1), result("iris", 0.2, "avx2")
        Page(self.folder).write_rows(run(*both), part=False)
        Page(self.folder).write_rows(run(result("iris", 0.3, "avx2")), part=True)
        rows = self.rows()
        self.assertIn("| BLAS's own (SkylakeX) | 100.0 (99.0) µs", rows)
        self.assertIn("| `iris` | AVX2 forced (SkylakeX) | 300.0 (297.0) µs", rows)

    def test_a_part_of_the_rows_of_another_machine_is_refused(self):
        self.assertEqual(Page(self.folder).refuses(FACTS), "")
        Page(self.folder).write_rows(run(result("iris")), part=False)
        self.assertEqual(Page(self.folder).refuses(FACTS), "")
        for change in ({"cpu": "another"}, {"cores": 64}):
            with self.subTest(change):
                self.assertIn("another machine", Page(self.folder).refuses(FACTS | change))

    def test_the_chart_is_a_picture_and_is_drawn_once_more_from_the_results(self):
        Page(self.folder).write_rows(run(result("iris"), result("cnn", 1.5)), part=False)
        chart = self.folder / "figures" / "performance.png"
        self.assertTrue(chart.read_bytes().startswith(b"\x89PNG"))
        text = self.page.read_text()
        chart.unlink()
        self.assertEqual(module.main([str(self.folder)]), 0)
        self.assertTrue(chart.exists())
        self.assertEqual(self.page.read_text(), text)

    def call(self, *flags: str, of: Sequence[object] = ()) -> tuple[int, str, str]:
        """The command with a row or more, and these outcomes: status, output and errors."""
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.object(command, "kinds", return_value=[Kernels("own", "Haswell")]),
            mock.patch.object(command, "Patience"),
            mock.patch.object(command, "machine_facts", return_value=dict(FACTS)),
            mock.patch.object(command, "measure", side_effect=of or [result("add.at-rgb", 0.9)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = command.main(["--rows", "add.at-rgb", *flags])
        return status, out.getvalue(), err.getvalue()

    def test_the_command_writes_the_page_and_the_results(self):
        path = self.folder / "r.json"
        status, out, _ = self.call("--write-docs", str(self.folder), "--json", str(path))
        self.assertEqual(status, 0)
        self.assertIn(" no ", out)
        self.assertIn("`add.at-rgb`", self.rows())
        self.assertIn("Not measured: `iris`", self.rows())
        (stored,) = json.loads((self.folder / "figures" / "performance.json").read_text())
        self.assertEqual(stored, json.loads(path.read_text()))
        self.assertEqual(stored["rows"][0]["verdict"], "no")

    def test_the_command_leaves_the_page_of_another_machine(self):
        Page(self.folder).write_rows(run(result("iris"), cpu="another"), part=False)
        before = self.page.read_text()
        status, out, err = self.call("--write-docs", str(self.folder))
        self.assertEqual((status, err.count("\n")), (0, 1))
        self.assertIn("stays as it is", err)
        self.assertIn(" no ", out)
        self.assertEqual(self.page.read_text(), before)

    def test_a_row_that_fails_leaves_the_others(self):
        Page(self.folder).write_rows(run(result("iris", 0.1)), part=False)
        outcomes = [result("add.at-rgb", 0.3), BenchmarkError("add.at-16: ended with status 1")]
        status, out, err = self.call("add.at-16", "--write-docs", str(self.folder), of=outcomes)
        self.assertEqual(status, 1)
        self.assertIn("add.at-16: ended with status 1", err)
        self.assertIn("add.at-rgb", out)
        self.assertIn("| 0.300 [", self.rows())
        self.assertIn("| 0.100 [", self.rows())
        before = self.page.read_text()
        status, out, _ = self.call("--write-docs", str(self.folder), of=[BenchmarkError("no")])
        self.assertEqual((status, out.count("\n")), (1, 1))
        self.assertEqual(self.page.read_text(), before)

    def test_the_command_without_the_flag_writes_nothing(self):
        self.assertEqual(self.call()[0], 0)
        self.assertEqual([path.name for path in self.folder.rglob("*.*")], ["performance.md"])
        self.assertEqual(self.page.read_text(), PAGE)


class TestTables(unittest.TestCase):
    def test_a_goal_that_is_not_reached_is_told(self):
        lines = markdown([result("cnn", 1.2), result("iris", 0.3), result("cifar", 0.1)])
        self.assertEqual(
            [line.split(" | ")[-1] for line in lines[2:]], ["reach |", "no |", "stretch |"]
        )

    def test_versions_are_told_once(self):
        text = measured(FACTS, [result("cnn"), result("iris")])
        self.assertIn("Python 3.11, NumPy 2.4.6, OpenBLAS 0.3.31, PyTorch 2.13.0+cpu. The", text)
        self.assertIn("a=1", measured(FACTS | {"forced_kernels": {"a": "1"}}, [result("cnn")]))

    def test_other_processes_are_told(self):
        self.assertIn("The machine was quiet", quiet([result("cnn", others=0.03), result("iris")]))
        text = quiet([result("cnn", others=0.3), result("iris", others=0.02)])
        self.assertIn("**The machine was not quiet**", text)
        self.assertIn("up to 30% of its cores", text)
        self.assertIn("`cnn`", text)
        self.assertNotIn("`iris`", text)

    def test_results_are_stored_as_they_are(self):
        one = run(result("iris"), result("cnn", kernels="avx2"))
        self.assertEqual(module.run_from(json.loads(json.dumps(one.as_dict()))), one)
        unknown = Run(one.facts, [*one.results, replace(one.results[0], row="gone")])
        self.assertEqual(module.run_from(unknown.as_dict()), one)


if __name__ == "__main__":
    unittest.main()
