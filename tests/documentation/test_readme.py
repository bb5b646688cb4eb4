"""What README says works: its Python blocks run, and so does each of its commands.

Commands that set up an environment (make, venv, pip) are too slow for a test; the continuous
integration runs them in a fresh clone (``.ci/run``), and a test here sees that it has them all.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.support import synthetic_files

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
# The suite cannot run itself; .ci/run does.
RUN_BY_CI = ("make ", "python3 -m venv", ".venv/bin/python ", "python -m unittest -v\n")


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str = README) -> list[str]:
    """The commands in the shell blocks, without their comments."""
    lines = [line for block in blocks("sh", text) for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def copy_of_the_repository(folder: str) -> Path:
    """A copy to run commands in, so that they leave nothing in the repository itself."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
    copy = Path(folder) / "a copy"
    shutil.copytree(ROOT, copy, ignore=ignored)
    for run in (copy / "experiments").iterdir():
        if run.is_dir():
            shutil.rmtree(run)
    return copy


def write_tables(folder: Path) -> None:
    """The tables that docs/data.md speaks of."""
    from sklearn.datasets import load_iris

    iris = load_iris(as_frame=True)
    table = iris.data.assign(number=range(150), kind=iris.target_names[iris.target])
    table.to_csv(folder / "flowers.csv", index=False)
    iris.data[::10].to_csv(folder / "unlabelled.csv", index=False)


class CommandsRun(unittest.TestCase):
    """A test of commands, in a copy of the repository, with stand-ins for real data."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = copy_of_the_repository(folder.name)
        self.data = Path(folder.name) / "data of mine"
        synthetic_files.write_all(self.data)
        for size, n in (("small", 120), ("tiny", 4)):
            synthetic_files.write_letters(self.copy / "datasets" / "letters", size, n)

    def run_all(self, those: list[str]) -> None:
        environment = {**os.environ, "NEURAL_NETWORKS_DATA": str(self.data)}
        for command in those:
            with self.subTest(command=command):
                program, *arguments = shlex.split(command)
                self.assertEqual(program, "python")
                done = subprocess.run(
                    [sys.executable, *arguments],
                    cwd=self.copy,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                self.assertEqual(done.returncode, 0, done.stderr)


class TestDataPage(CommandsRun):
    def test_commands_run(self):
        those = commands((ROOT / "docs" / "data.md").read_text())
        new = [command for command in those if command not in commands()]
        self.assertGreaterEqual(len(new), 3)
        write_tables(self.copy)
        self.run_all(new)
        kinds = (self.copy / "experiments" / "csv-2" / "kinds.csv").read_text()
        self.assertEqual(len(kinds.splitlines()), 16)


class TestLettersPage(CommandsRun):
    def test_commands_run(self):
        those = commands((ROOT / "docs" / "letters.md").read_text())
        new = [command for command in those if command not in commands()]
        self.assertGreaterEqual(len(new), 2)
        self.run_all(new)
        self.assertIn("New beta:", (self.copy / "experiments" / "steps.txt").read_text())


class TestReadme(CommandsRun):
    def test_python_blocks_run(self):
        self.assertGreaterEqual(len(blocks("python")), 2)
        for block in blocks("python"):
            with self.subTest(block=block.splitlines()[0]):
                done = subprocess.run(
                    [sys.executable, "-W", "error", "-c", block],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_commands_run(self):
        here = [command for command in commands() if not f"{command}\n".startswith(RUN_BY_CI)]
        self.assertGreaterEqual(len(here), 5)
        self.run_all(here)
        runs = self.copy / "experiments"
        self.assertTrue((runs / "iris-fast" / "log.csv").exists())
        self.assertTrue((runs / "cifar10" / "submission.csv").exists())
        self.assertTrue((runs / "fashion_mnist.png").exists())
        self.assertEqual(len((runs / "metrics.txt").read_text().splitlines()), 6)

    def test_the_other_commands_are_run_by_ci(self):
        ci = (ROOT / ".ci" / "run").read_text()
        for command in commands():
            if f"{command}\n".startswith(RUN_BY_CI):
                with self.subTest(command=command):
                    self.assertIn(command, ci)

    def test_files_that_it_names_exist(self):
        paths = re.findall(r"`((?:[\w-]+/)*[\w-]+(?:\.(?:py|md|ipynb)|/))`", README)
        self.assertGreater(len(paths), 15)
        for path in paths:
            if path.startswith("experiments/iris"):
                continue
            with self.subTest(path=path):
                found = (ROOT / path).exists() or (ROOT / "neural_networks" / path).exists()
                self.assertTrue(found)


if __name__ == "__main__":
    unittest.main()
