"""README and docs: their Python blocks and their commands run.

Commands that set up an environment (make, venv, pip) are too slow for a test; the continuous
integration runs them in a fresh clone (``.ci/run``), and a test here checks that it runs them all.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import train_ffnn
from benchmarks.rows import ROWS
from tests.runs.trained import train
from tests.support import synthetic_files

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# The suite cannot run itself; .ci/run does.
RUN_BY_CI = ("make ", "python3 -m venv", ".venv/bin/python ", "python -m unittest -v\n")


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str = README) -> list[str]:
    """The commands in the shell blocks, without their comments."""
    lines = [line for block in blocks("sh", text) for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def commands_in_tables(text: str) -> list[str]:
    """The commands in the second column of a page's tables."""
    return re.findall(r"^\|[^|]*\| `(python [^`]+)` \|", text, re.MULTILINE)


def page(name: str) -> str:
    """The text of a page in docs/."""
    return (ROOT / "docs" / name).read_text()


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
    """The tables of docs/data.md."""
    from sklearn.datasets import load_iris

    iris = load_iris(as_frame=True)
    table = iris.data.assign(number=range(150), kind=iris.target_names[iris.target])
    table.to_csv(folder / "flowers.csv", index=False)
    iris.data[::10].to_csv(folder / "unlabeled.csv", index=False)


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

    def run_block(self, block: str) -> None:
        """Run a Python block in the copy, where warnings are errors."""
        with self.subTest(block=block.splitlines()[0]):
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", block],
                cwd=self.copy,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class TestPages(CommandsRun):
    """The commands of the pages in docs/, apart from those that README has, too."""

    def run_page(self, name: str, at_least: int) -> Path:
        """Run the commands of a page; returns the folder of runs."""
        new = [command for command in commands(page(name)) if command not in commands()]
        self.assertGreaterEqual(len(new), at_least)
        self.run_all(new)
        return self.copy / "experiments"

    def test_data(self):
        write_tables(self.copy)
        runs = self.run_page("data.md", 4)
        self.assertTrue((runs / "fashion_mnist.png").exists())
        table = (self.copy / "kinds.csv").read_bytes()
        self.assertTrue(table.startswith(b"row,class,probability_setosa,"))
        (self.copy / "kinds.csv").unlink()
        for block in blocks("python", page("data.md")):
            if "experiments/" in block:
                self.run_block(block)
        self.assertEqual((self.copy / "kinds.csv").read_bytes(), table)
        kinds = (runs / "csv-2" / "kinds.csv").read_text()
        self.assertEqual(len(kinds.splitlines()), 16)

    def test_letters(self):
        runs = self.run_page("letters.md", 3)
        self.assertEqual(len((runs / "metrics.txt").read_text().splitlines()), 4)
        self.assertIn("New beta:", (runs / "steps.txt").read_text())

    def test_training(self):
        # Its ensemble takes a run that README trains, too.
        self.run_all(["python train_ffnn.py --dataset digits --hidden 64 32"])
        runs = self.run_page("training.md", 5)
        for name in ("digits-deep", "digits-svm", "digits-cnn-norm"):
            self.assertTrue((runs / name / "test.json").exists())

    def test_convolution_and_recurrence(self):
        for name in ("convolution.md", "recurrence.md"):
            runs = self.run_page(name, 1)
        self.assertTrue((runs / "small" / "kernels.png").exists())
        self.assertTrue((runs / "noisy" / "forecast.png").exists())

    def test_results(self):
        known = commands() + commands(page("training.md"))
        listed = commands_in_tables(page("results.md"))
        self.assertGreater(len(listed), 15)
        quick = [command for command in listed if command.split()[1].startswith("train_")]
        self.assertGreaterEqual(len(quick), 10)
        self.run_all([command for command in quick if command not in known])
        for command in listed:
            if command not in quick:  # they take minutes, or PyTorch
                with self.subTest(command=command):
                    self.check_benchmark(*shlex.split(command)[1:])

    def check_benchmark(self, flag: str, module: str, *arguments: str) -> None:
        """A benchmark is there, and so are the rows that it is to measure."""
        self.assertEqual(flag, "-m")
        self.assertIsNotNone(importlib.util.find_spec(module))
        self.assertIn(arguments[:1], [(), ("--rows",)])
        self.assertLessEqual(set(arguments[1:]), set(ROWS))


class TestReadme(CommandsRun):
    def test_python_blocks_run(self):
        self.assertGreaterEqual(len(blocks("python")), 2)
        self.assertGreaterEqual(len(blocks("python", CONTRIBUTING)), 4)
        *_, layer = blocks("python")  # the class Scale, which CONTRIBUTING checks
        others = [
            f"{layer}\n{block}" if "Scale(" in block else block
            for block in blocks("python", CONTRIBUTING)
        ]
        train(train_ffnn, self.copy / "experiments", name="iris")
        for block in blocks("python") + others:
            self.run_block(block)

    def test_commands_run(self):
        here = [command for command in commands() if not f"{command}\n".startswith(RUN_BY_CI)]
        self.assertGreaterEqual(len(here), 5)
        write_tables(self.copy)
        self.run_all(here)
        runs = self.copy / "experiments"
        self.assertTrue((runs / "iris-fast" / "log.csv").exists())
        self.assertTrue((runs / "cifar10" / "submission.csv").exists())
        self.assertTrue((runs / "fashion_mnist" / "test.json").exists())

    def test_the_other_commands_are_run_by_ci(self):
        ci = (ROOT / ".ci" / "run").read_text()
        for command in commands():
            if f"{command}\n".startswith(RUN_BY_CI):
                with self.subTest(command=command):
                    self.assertIn(command, ci)

    def test_files_that_it_names_exist(self):
        for name, text in {"README": README, "CONTRIBUTING": CONTRIBUTING}.items():
            paths = re.findall(r"`((?:[\w-]+/)*[\w-]+(?:\.(?:py|md|ipynb)|/))`", text)
            self.assertGreater(len(paths), 15)
            for path in paths:
                if path.startswith("experiments/iris"):
                    continue
                with self.subTest(page=name, path=path):
                    found = (ROOT / path).exists() or (ROOT / "neural_networks" / path).exists()
                    self.assertTrue(found)

    def test_every_page_is_named(self):
        for path in (ROOT / "docs").glob("*.md"):
            with self.subTest(page=path.name):
                self.assertIn(f"`docs/{path.name}`", README)


if __name__ == "__main__":
    unittest.main()
