"""A small starter for the tests of the tools that ship with one: two exercises, one optional."""

import hashlib
import shutil
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

from course.assignment import Assignment, find_assignment
from course.parsing import signatures

ROOT = Path(__file__).resolve().parents[2]
ACTIVATIONS = "neural_networks/activations.py"
MODELS = "neural_networks/models.py"

CODE = '''"""Activations."""


class Activation:
    """The base."""

    def forward(self, Z):
        """Y."""
        raise NotImplementedError


class ReLU(Activation):
    """The rectifier."""

    def forward(self, Z):
        """Y = max(0, Z)."""
        # YOUR CODE HERE (4.1 ReLU)
        raise NotImplementedError("4.1 relu: write ReLU.forward")

    def backward(self, Z, dY):
        """dL/dZ."""
        # YOUR CODE HERE (4.1 ReLU)
        raise NotImplementedError("4.1 relu: write ReLU.backward")


class Sigmoid(Activation):
    """The logistic function."""

    def forward(self, Z):
        """Y."""
        raise NotImplementedError("3.2 sigmoid: write Sigmoid.forward")
'''
NETWORK = '''"""The network."""


class Network:
    """Layers."""

    def predict(self, X):
        """Y_hat."""
        # YOUR CODE HERE (5.1 The network)
        raise NotImplementedError("5.1 model: write Network.predict")
'''
TESTS = """import unittest

from neural_networks import activations


class Base(unittest.TestCase):
    def ask(self, function, expected, *arguments):
        try:
            actual = function(*arguments)
        except NotImplementedError as blank:
            self.fail(f"not written yet: {blank}")
        self.assertEqual(actual, expected, "message of the test")


class TestReLU(Base):
    def test_forward(self):
        self.ask(activations.ReLU().forward, 0, -1)

    def test_backward(self):
        self.ask(activations.ReLU().backward, 5, 2, 5)


class TestSigmoid(Base):
    def test_forward(self):
        self.ask(activations.Sigmoid().forward, 0.5, 0)
"""
CHECKS = """from neural_networks import models
from tests.test_activations import Base


class TestNetwork(Base):
    def test_predict(self):
        self.ask(models.Network().predict, 3, 3)
"""
TOML = f'''name = "small"
title = "CS 1_0 & 50% of $x^2$"
points = 10
headings = ["Activation_functions", "Model"]

[[exercise]]
name = "relu"
section = "4.1"
title = "ReLU"
heading = "Activation_functions"
where = "{ACTIVATIONS}:ReLU"
blank = ["forward", "backward"]
deliver = ["derivation", "code"]
hints = ["Look at the sign."]
tests = {{ "test_activations.TestReLU.test_forward" = 2, "test_activations.TestReLU.test_backward" = 3 }}

[[exercise]]
name = "sigmoid"
section = "3.2"
title = "Sigmoid"
heading = "Activation_functions"
optional = true
where = "{ACTIVATIONS}:Sigmoid"
blank = ["forward"]
tests = {{ "test_activations.TestSigmoid.test_forward" = 0 }}

[[exercise]]
name = "model"
section = "5.1"
title = "The network"
heading = "Model"
where = "{MODELS}:Network"
blank = ["predict"]
counted = false
tests = {{ "check_models.TestNetwork.test_predict" = 5 }}

[[written]]
section = "5.2"
task = "Train it."
'''  # noqa: E501 - TOML has its tables on one line
FILES = {
    ACTIVATIONS: CODE,
    MODELS: NETWORK,
    "neural_networks/__init__.py": "",
    "neural_networks/data.py": "class Data:\n    pass\n",
    "tests/__init__.py": "",
    "tests/test_activations.py": TESTS,
    "tests/check_models.py": CHECKS,
    "train_ffnn.py": "lr = None\n",
    "notes.ipynb": "{}",
    "requirements.txt": "numpy>=2\n",
    "README.md": "# Read me\n",
}
BLANK = {
    name: f"        # YOUR CODE HERE ({key})\n        raise NotImplementedError({text!r})\n"
    for name, key, text in (
        ("ReLU.forward", "4.1 ReLU", "4.1 relu: write ReLU.forward"),
        ("ReLU.backward", "4.1 ReLU", "4.1 relu: write ReLU.backward"),
        ("Network.predict", "5.1 The network", "5.1 model: write Network.predict"),
    )
}
SOLUTION = {
    "ReLU.forward": "        return max(Z, 0)\n",
    "ReLU.backward": "        return dY * (Z > 0)\n",
    "Network.predict": "        return X\n",
}


def toml() -> str:
    """The starter's assignment.toml, with hashes and definitions."""
    lines = [TOML, "[files]"]
    lines += [f'"{p}" = "{hashlib.sha256(t.encode()).hexdigest()}"' for p, t in FILES.items()]
    for path in (ACTIVATIONS, MODELS):
        lines.append(f'[definitions."{path}"]')
        lines += [f'"{name}" = "{text}"' for name, text in signatures(FILES[path]).items()]
    return "\n".join(lines) + "\n"


class StarterTest(unittest.TestCase):
    """A test with a small starter in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve() / "my käse & co"
        self.write({**FILES, "assignment.toml": toml()})

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, given as text or bytes."""
        for path, content in files.items():
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def fill(self, **bodies: str) -> None:
        """Fill blanks in, by default all: ``fill(ReLU_forward="        return Z")``."""
        chosen = {name.replace("_", ".", 1): body for name, body in bodies.items()} or SOLUTION
        for name, body in chosen.items():
            path = self.root / (MODELS if name.startswith("Network") else ACTIVATIONS)
            text = path.read_text("utf-8")
            self.assertIn(BLANK[name], text.replace('"', "'"))
            text = text.replace(BLANK[name].replace("'", '"'), body)
            path.write_text(text, "utf-8")

    def ship_tools(self) -> None:
        """Put the tools into the starter, as a real one has them."""
        shutil.copytree(ROOT / "course", self.root / "course", ignore=only_modules)

    @property
    def assignment(self) -> Assignment:
        """The starter's assignment."""
        return find_assignment(self.root)


def only_modules(folder: str, names: list[str]) -> list[str]:
    """What is not copied of the course's tools: all but the modules of its top."""
    return [name for name in names if not name.endswith(".py")]
