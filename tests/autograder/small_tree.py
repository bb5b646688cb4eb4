"""A small tree to run code on: the tests' modules, and a library of one function."""

from pathlib import Path

import numpy as np

from course.autograder.sandbox import wire
from course.autograder.sandbox.sandbox import Limits, Run, Sandbox
from tests.autograder import places
from tests.diagnoses import Case

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("__init__", "diagnoses", "recipes", "verdict")
RECIPE = "relu.forward"
CASES = tuple(
    Case(
        number, "", {"Z": np.full((m, 3), -1.0), "name": np.array("relu")}, {"Y": np.zeros((m, 3))}
    )
    for number, m in enumerate((4, 32), start=1)
)

ACTIVATIONS = """\
import os, sys
import numpy as np

class ReLU:
    def forward(self, Z):
{body}

def initialize_activation(name):
    return ReLU()
"""


def files(body: str) -> dict[str, bytes]:
    """The files of a tree in which ReLU.forward has a body."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    library = {
        "neural_networks/__init__.py": b"",
        "neural_networks/activations.py": ACTIVATIONS.format(body=lines).encode(),
    }
    return library | {
        f"tests/{name}.py": (ROOT / "tests" / f"{name}.py").read_bytes() for name in MODULES
    }


def run(
    sandbox: Sandbox, body: str, seconds: float = 20, memory_mb: int = 1024, count: bool = False
) -> Run:
    """Run the recipe with a body of ReLU.forward."""
    tree = places.write(sandbox.folder / "tree", files(body))
    return sandbox.run(tree, wire.request(RECIPE, CASES, count), Limits(seconds, memory_mb))


def values(found: Run) -> list[object]:
    """The Y of each case."""
    return [reply.outcome.results.get("Y") for reply in found.replies]


def errors(found: Run) -> list[str]:
    """What went wrong in each case."""
    return [reply.outcome.error for reply in found.replies]
