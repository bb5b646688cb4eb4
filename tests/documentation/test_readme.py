"""README and docs: their Python blocks and their commands run.

Trainings end after an epoch, as what is tested are the words of a command; with COMPLETE_RUNS=1
in the environment, as ``make commands`` sets it, they take all of their epochs.

Commands that set up an environment (make, venv, pip) are too slow for a test; the continuous
integration runs them in a fresh clone, and a test here checks that it runs them all.
"""

import importlib
import importlib.util
import os
import re
import shlex
import shutil
import tempfile
import unittest
from pathlib import Path

from benchmarks.rows import ROWS
from tests.support import synthetic_files
from tests.support.commands import Python

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# The suite cannot run itself; .ci/run does.
RUN_BY_CI = (
    *("make ", "python3 -m venv", "source ", "python -m pip ", "python -m pytest\n"),
    "python -m unittest -v\n",
)
COMPLETE_RUNS = "COMPLETE_RUNS" in os.environ
CHECK_OF_SCALE = """
import numpy as np

from neural_networks.utils.grad_check import check_gradients

rng = np.random.default_rng(0)
X, dLdY, layer = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), Scale(rng=0)
layer.forward(X)
g, Y_of_g = layer.parameters["g"], layer.forward_with_param("g", X)
assert check_gradients(layer.forward, layer.backward(dLdY), X, dLdY) < 1e-8
assert check_gradients(Y_of_g, layer.gradients["g"], g, dLdY) < 1e-8
"""


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


def without_flag(flag: str, arguments: list[str]) -> list[str]:
    """The arguments without a flag and its value; a flag with two values is an error."""
    if flag not in arguments:
        return arguments
    place = arguments.index(flag)
    return [*arguments[:place], *arguments[place + 2 :]]


def page(name: str) -> str:
    """The text of a page in docs/."""
    return (ROOT / "docs" / name).read_text()


def copy_of_the_repository(folder: str) -> Path:
    """A copy to run commands in, so that they leave nothing in the repository itself."""
    # With .gitignore, which a starter has, too.
    ignored = shutil.ignore_patterns(".[!g]*", ".git", "__pycache__", "*.egg-info")
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
    houses = iris.data.assign(price=2e5 + 1e4 * iris.target)
    houses.to_csv(folder / "houses.csv", index=False)
    houses[::10].drop(columns="price").to_csv(folder / "new_houses.csv", index=False)


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

        write_tables(self.copy)
        self.runs = self.copy / "experiments"
        self.python = Python(self, self.copy, NEURAL_NETWORKS_DATA=str(self.data))

    def run_all(self, those: list[str]) -> None:
        for command in those:
            with self.subTest(command=command):
                program, *arguments = shlex.split(command)
                self.assertEqual(program, "python")
                if arguments[0].startswith("train_") and not COMPLETE_RUNS:
                    arguments = [*without_flag("--epochs", arguments), "--epochs", "1"]
                status, err = self.python.run(*arguments)
                self.assertEqual(status, 0, err)

    def run_blocks(self, those: list[str]) -> None:
        """Run Python blocks, where warnings are errors."""
        for block in those:
            with self.subTest(block=block.splitlines()[0]):
                self.assertEqual(self.python.run("-c", block), (0, ""))

    def run_page(self, name: str, at_least: int) -> Path:
        """Run the commands of a page that README does not have; returns the folder of runs."""
        new = [command for command in commands(page(name)) if command not in commands()]
        self.assertGreaterEqual(len(new), at_least)
        self.run_all(new)
        return self.runs


class TestReadmeAndResults(CommandsRun):
    def test_readme_then_training_and_results(self):
        """Pages that go on with the runs of README."""
        here = [command for command in commands() if not f"{command}\n".startswith(RUN_BY_CI)]
        self.assertGreaterEqual(len(here), 5)
        self.run_all(here)
        self.assertTrue((self.runs / "iris-fast" / "log.csv").exists())
        self.assertTrue((self.runs / "cifar10" / "submission.csv").exists())
        self.assertTrue((self.runs / "fashion_mnist" / "test.json").exists())
        self.check_training()
        self.check_results()
        self.check_convolution_and_recurrence()
        self.check_blocks()

    def check_training(self) -> None:
        self.run_page("training.md", 5)
        for name in ("digits-deep", "digits-svm", "digits-cnn-norm"):
            self.assertTrue((self.runs / name / "test.json").exists())

    def check_results(self) -> None:
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

    def check_convolution_and_recurrence(self) -> None:
        for name in ("convolution.md", "recurrence.md"):
            self.run_page(name, 1)
        self.assertTrue((self.runs / "small" / "kernels.png").exists())
        self.assertTrue((self.runs / "noisy" / "forecast.png").exists())

    def check_benchmark(self, flag: str, module: str, *arguments: str) -> None:
        """A benchmark is there, and so are the rows that it is to measure."""
        self.assertEqual(flag, "-m")
        self.assertIsNotNone(importlib.util.find_spec(module))
        self.assertIn(arguments[:1], [(), ("--rows",)])
        self.assertLessEqual(set(arguments[1:]), set(ROWS))

    def check_blocks(self) -> None:
        """The Python blocks of README; one takes the run of Iris."""
        self.assertGreaterEqual(len(blocks("python")), 2)
        *_, layer = blocks("python")  # the class Scale
        self.run_blocks([*blocks("python"), layer + CHECK_OF_SCALE])


class TestOtherPages(CommandsRun):
    def test_data_letters_and_students(self):
        self.check_letters()
        self.check_students()
        runs = self.run_page("data.md", 4)
        self.assertTrue((runs / "fashion_mnist.png").exists())
        table = (self.copy / "kinds.csv").read_bytes()
        self.assertTrue(table.startswith(b"row,class,probability_setosa,"))
        (self.copy / "kinds.csv").unlink()
        of_data = blocks("python", page("data.md"))
        self.run_blocks([block for block in of_data if "experiments/" in block])
        self.assertEqual((self.copy / "kinds.csv").read_bytes(), table)
        kinds = (runs / "csv-2" / "kinds.csv").read_text()
        self.assertEqual(len(kinds.splitlines()), 16)

    def check_students(self) -> None:
        self.run_page("students.md", 6)
        for name in ("submission.tex", "submission.md", "relu.tex", "appendix.tex", "code.zip"):
            self.assertTrue((self.copy / name).exists())

    def check_letters(self) -> None:
        runs = self.run_page("letters.md", 3)
        self.assertEqual(len((runs / "metrics.txt").read_text().splitlines()), 4)
        self.assertIn("New beta:", (runs / "steps.txt").read_text())


class TestReadme(unittest.TestCase):
    def test_the_other_commands_are_run_by_ci(self):
        ci = (ROOT / ".ci" / "run").read_text()
        for command in commands():
            if f"{command}\n".startswith(RUN_BY_CI):
                with self.subTest(command=command):
                    self.assertIn(command, ci)

    def test_the_environment_is_named_before_its_python(self):
        every = commands()
        activated = every.index("source .venv/bin/activate")
        programs = [command.split()[0] for command in every]
        self.assertLess(activated, programs.index("python"))
        self.assertIn("also after `make run`", README)
        self.assertIn(r"`.venv\Scripts\activate`", README)

    def test_what_newcomers_ask(self):
        """The notebooks, the time of the tests, the exercises among them, a shared machine."""
        for words in ("`jupyter lab` opens", "minutes on two cores", "`OPENBLAS_NUM_THREADS=1`"):
            self.assertIn(words, README)
        for name in ("activations", "layers", "losses"):
            self.assertIn(f"`tests/test_{name}.py`", README)
        self.assertIn("jupyter", (ROOT / "requirements.txt").read_text())

    def test_the_commands_for_instructors_are_run_by_ci(self):
        self.assertGreaterEqual(len(commands(page("instructors.md"))), 8)
        self.assertIn("docs/instructors.md >", (ROOT / ".ci" / "run").read_text())

    def test_the_commands_about_speed_are_there(self):
        """They take minutes, so that their words alone are tested."""
        makefile = (ROOT / "Makefile").read_text()
        listed = commands(page("performance.md"))
        self.assertGreaterEqual(len(listed), 6)
        for command in listed:
            with self.subTest(command=command):
                program, *words = shlex.split(command)
                if program == "make":
                    self.assertIn(f"\n{words[0]}: ", makefile)
                else:
                    self.assertEqual((program, words[0]), ("python", "-m"))
                    module = {"benchmarks": "benchmarks.__main__"}.get(words[1], words[1])
                    importlib.import_module(module).parse(words[2:])

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
