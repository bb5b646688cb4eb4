"""The package alone, as a wheel has it: outside a checkout, started by ``neural-networks``.

``.ci/run`` builds the wheel itself.
"""

import os
import shutil
import subprocess
import sys
import tomllib
import unittest
from importlib import import_module
from pathlib import Path

from neural_networks.__main__ import COMMANDS
from neural_networks.cli.parser import COMMAND
from tests.support.arrays import InFolder

ROOT = Path(__file__).resolve().parents[2]

# What pip writes for an entry point.
STARTER = """
import sys
from {module} import {function}
sys.argv[0] = {name!r}
sys.exit({function}())
"""

# A user's own program: a training without the scripts of the repository.
TRAINING = """
from neural_networks.datasets import initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import initialize_model

layers = [{"name": "fully_connected", "activation": "softmax", "n_out": 3}]
args = {"loss": "cross_entropy", "layer_args": layers, "optimizer_args": {"name": "SGD", "lr": 0.1}}
data = initialize_dataset("iris", batch_size=25, seed=0)
logger = Logger("mine", args, {"name": "iris"}, save=True)
model = initialize_model("mine", **args, logger=logger, seed=0)
model.train(data, epochs=2)
model.test(data, save_predictions=True)
logger.draw()
"""


def entry_points() -> dict[str, str]:
    """The commands that pip installs, with their functions."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        scripts: dict[str, str] = tomllib.load(file)["project"]["scripts"]
    return scripts


class TestPackageAlone(InFolder):
    def setUp(self):
        super().setUp()
        self.site, self.here = self.root / "site", self.root / "elsewhere"
        self.here.mkdir()
        copied = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "neural_networks", self.site / "neural_networks", ignore=copied)

    def python(self, code: str, *arguments: str) -> tuple[int, str, str]:
        """Run code with the package alone; exit status, output and errors."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.here,
            env=os.environ | {"PYTHONPATH": str(self.site), "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def command(self, *arguments: str) -> tuple[int, str, str]:
        module, function = entry_points()[COMMAND].split(":")
        name = f"/somewhere/bin/{COMMAND}"
        code = STARTER.format(module=module, function=function, name=name)
        return self.python(code, *arguments)

    def test_from_training_to_predictions(self):
        self.assertEqual(self.python(TRAINING), (0, "", ""))
        self.assertTrue((self.here / "experiments" / "mine" / "loss.png").exists())
        status, out, err = self.command("compare")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("mine", out)
        (self.here / "new.csv").write_text("5.1,3.5,1.4,0.2\n6.2,2.9,4.3,1.3\n")
        status, out, err = self.command("predict", "mine", "new.csv")
        self.assertEqual((status, len(out.splitlines())), (0, 3), err)
        self.assertEqual(self.command("draw", "experiments/mine")[0], 0)

    def test_help(self):
        status, out, _ = self.command("--help")
        self.assertEqual(status, 0)
        self.assertTrue(out.startswith(f"usage: {COMMAND} COMMAND"))
        for name in COMMANDS:
            self.assertIn(f"\n  {COMMAND} {name}", out)
        self.assertNotIn("python -m", out)
        status, out, _ = self.command("predict", "--help")
        self.assertTrue(out.startswith(f"usage: {COMMAND} predict "))
        self.assertNotIn("python -m", out)

    def test_mistakes(self):
        for arguments, words in (
            (("compare", "nowhere"), f"{COMMAND} compare: error: there is no run in nowhere"),
            (("predict", "mine", "new.csv"), f"{COMMAND} predict: error: there is no run mine"),
            (("comparr",), f"{COMMAND}: error: argument COMMAND: invalid choice: 'comparr'"),
            (("draw", "--flag", "x"), f"{COMMAND} draw: error: unrecognized arguments: --flag"),
        ):
            with self.subTest(arguments):
                status, out, err = self.command(*arguments)
                self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                self.assertIn(words, err)


class TestEntryPoint(unittest.TestCase):
    def test_it_is_the_module(self):
        module, function = entry_points()[COMMAND].split(":")
        self.assertEqual(module, "neural_networks.__main__")
        self.assertTrue(callable(getattr(import_module(module), function)))

    def test_ci_installs_it(self):
        self.assertIn(COMMAND, (ROOT / ".ci" / "run").read_text())


if __name__ == "__main__":
    unittest.main()
