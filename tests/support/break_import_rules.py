"""Self-test of the import rules: ``python -m tests.support.break_import_rules``.

Breaks each rule of ``[tool.importlinter]`` once, in a copy of the package, and checks that
``lint-imports`` reports it. ``make lint`` runs it.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BREACHES = {
    "an arrow up": (
        "losses.py",
        "from neural_networks.models import NeuralNetwork",
        "Imports run one way",
    ),
    "an arrow up, for a type only": (
        "training/forecasting.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from neural_networks.models import NeuralNetwork",
        "Imports run one way",
    ),
    "a sibling": ("models.py", "from neural_networks.logs import Logger", "Imports run one way"),
    "a room without a floor": ("attic.py", "import numpy", "Imports run one way"),
    "another library": ("layers/conv2d.py", "import pandas", "The mathematics takes NumPy alone"),
    "a circle within a room": (
        "layers/sequential.py",
        "from neural_networks.layers.residual import Residual",
        "No circles",
    ),
}


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and report of ``lint-imports`` for a copy of the package."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--config", str(folder / "pyproject.toml"), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Break each rule; the exit status."""
    missed = []
    for what, (file, line, rule) in BREACHES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copy(ROOT / "pyproject.toml", folder)
            shutil.copytree(ROOT / "neural_networks", folder / "neural_networks")
            path = folder / "neural_networks" / file
            path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
            status, report = lint(folder)
            caught = status != 0 and f"{rule} BROKEN" in report.splitlines()
            print(f"{what}: {'caught' if caught else 'MISSED'}")
            if not caught:
                missed.append(f"{what}\n{report}")
    print(*missed, sep="\n", end="" if not missed else "\n", file=sys.stderr)
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
