"""A small exam, and archives of hand-ins, for tests of staging, grading and results."""

import io
import tempfile
import unittest
import warnings
import zipfile
from pathlib import Path

import numpy as np

from course.assignment import Assignment, Exercise
from course.autograder.exams.exam import Exam
from course.autograder.hand_ins.stage import take
from tests.diagnoses import Case

ACTIVATIONS = "neural_networks/activations.py"
LOSSES = "neural_networks/losses.py"
CONV = "neural_networks/layers/conv2d.py"
EINSUM = "einsum_exercises.py"

STARTER = {
    ".gitignore": b"*.pyc\n",
    "README.md": b"# Read me\n",
    "assignment.toml": b"",
    "check.py": b"print('where you are')\n",
    EINSUM: b"# to write\n",
    "neural_networks/__init__.py": b"",
    ACTIVATIONS: b"# to write\n",
    LOSSES: b"# to write\n",
    "neural_networks/layers/__init__.py": b"",
    "neural_networks/layers/base.py": b"class Layer: ...\n",
    CONV: b"# to write\n",
    "neural_networks/utils/grad_check.py": b"",
    "tests/__init__.py": b"",
    "tests/recipes.py": b"# recipes\n",
    "tests/verdict.py": b"# verdict\n",
    "tests/stand_ins.py": b"",
    "tests/check_models.py": b"",
    "tests/test_layers.py": b"",
    "tests/data/relu.npz": b"expected values",
}


def exercise(name: str, section: str, title: str, where: str, tests: dict[str, int], **more):
    """An exercise whose file and class are written as in a manifest."""
    file, _, cls = where.partition(":")
    return Exercise(name, section, title, "Code", file, cls, ("forward", "backward"), tests, **more)


EXERCISES = (
    exercise(
        "relu",
        "4.1",
        "ReLU",
        f"{ACTIVATIONS}:ReLU",
        {"test_activations.TestReLU.test_forward": 2, "test_activations.TestReLU.test_backward": 3},
        batched=True,
    ),
    exercise(
        "cross_entropy",
        "4.4",
        "Cross-entropy",
        f"{LOSSES}:CrossEntropy",
        {"test_losses.TestCrossEntropy.test_forward": 4},
    ),
    exercise(
        "conv2d",
        "6.2",
        "Convolution",
        f"{CONV}:Conv2D",
        {"test_layers.TestConv2D.test_forward": 0},
        optional=True,
    ),
)
RECIPES = {
    "test_activations.TestReLU.test_forward": "relu.forward",
    "test_activations.TestReLU.test_backward": "relu.backward",
    "test_losses.TestCrossEntropy.test_forward": "cross_entropy.forward",
    "test_layers.TestConv2D.test_forward": "conv2d.forward",
}
RIGHT = {
    "relu.forward": "Y",
    "relu.backward": "dL/dZ",
    "cross_entropy.forward": "L",
    "conv2d.forward": "Y",
}
"""The result of each recipe."""


def case(recipe: str, number: int, hidden: bool = False) -> Case:
    """A case whose right result is an array, or a number, of its own number."""
    value = (
        np.array(float(number)) if recipe.startswith("cross") else np.full((3, 2), number, float)
    )
    inputs = {"Z": np.full((3, 2), 10.0 + number)}
    return Case(number, "", inputs, {RIGHT[recipe]: value}, hidden)


def small_exam(**changes) -> Exam:
    """An exam of three exercises; each test has a public and a hidden case."""
    definitions = {ACTIVATIONS: {"ReLU": "", "ReLU.forward": "(self, Z)"}}
    assignment = Assignment(
        "small", "A small assignment", "", 9, ("Code",), EXERCISES, definitions=definitions
    )
    loop = Case(4, "4 examples", {}, {}), Case(32, "32 examples", {}, {})
    values = {
        "assignment": assignment,
        "starter": STARTER,
        "recipes": RECIPES,
        "cases": {r: (case(r, 1), case(r, 2, hidden=True)) for r in RECIPES.values()},
        "loops": {"relu.forward": loop, "relu.backward": loop},
        "known": {},
        "accept": (ACTIVATIONS, LOSSES, CONV, EINSUM),
        "extra": "neural_networks/**/*.py",
        "seconds": 10,
        "memory_mb": 512,
    }
    return Exam(**(values | changes))


def zipped(files: dict[str, bytes] | list, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive; files are a table, or pairs of a name or a ``ZipInfo`` and content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, data)
    return buffer.getvalue()


EXAM = small_exam()
FILES = {ACTIVATIONS: b"# relu\n", LOSSES: b"# cross-entropy\n", CONV: b"# convolution\n"}


class StageTest(unittest.TestCase):
    """A folder for a hand-in, which is staged for the small exam."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.hand_in = self.folder / "hand_in"
        self.hand_in.mkdir()

    def write(self, files, root=None):
        for name, data in files.items():
            path = (root or self.hand_in) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def write_zip(self, files, name="hw6.zip", **options):
        path = self.folder / name
        path.write_bytes(files if isinstance(files, bytes) else zipped(files, **options))
        return path

    def take(self, path=None):
        return take(path or self.hand_in, EXAM)

    def taken(self, path=None):
        return self.take(path).files
