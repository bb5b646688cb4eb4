"""What README says works: its Python blocks run, and so does each of its commands.

Commands that set up an environment (make, venv, pip) are too slow for a test; the continuous
integration runs them in a fresh clone (``.ci/run``), and a test here sees that it has them all.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
# The suite cannot run itself; .ci/run does.
RUN_BY_CI = ("make ", "python3 -m venv", ".venv/bin/python ", "python -m unittest -v\n")


def blocks(language: str) -> list[str]:
    """The fenced code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The commands in the shell blocks, without their comments."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
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


class TestReadme(unittest.TestCase):
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
        with tempfile.TemporaryDirectory() as folder:
            copy = copy_of_the_repository(folder)
            for command in here:
                with self.subTest(command=command):
                    program, *arguments = shlex.split(command)
                    self.assertEqual(program, "python")
                    done = subprocess.run(
                        [sys.executable, *arguments],
                        cwd=copy,
                        capture_output=True,
                        text=True,
                        check=False,
                    )
                    self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue((copy / "experiments" / "iris-fast" / "log.csv").exists())

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
