"""New layers: a built-in one takes its own file and two lines elsewhere, a student's one file."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYER = '''
"""Scaling: Y = g X."""

import numpy as np

from neural_networks.layers.base import Layer


class Scale(Layer):
    """Multiplies each feature by a learned factor: Y = g X."""

    def _init_parameters(self, X_shape):
        self.n_in = self.n_out = X_shape[1]
        self.parameters["g"] = np.ones((1, self.n_in), self.dtype)
        self.clear_gradients()

    def forward(self, X):
        X = self.check_input(X)
        self.cache["X"] = X
        return X * self.parameters["g"]

    def backward(self, dLdY):
        self.gradients["g"] = (dLdY * self.cache["X"]).sum(axis=0, keepdims=True)
        return dLdY * self.parameters["g"]
'''
USE = """
import sys
from pathlib import Path
import neural_networks
assert Path(neural_networks.__file__).is_relative_to(Path.cwd()), neural_networks.__file__
from neural_networks.datasets import initialize_dataset
from neural_networks.models import initialize_model

layers = [{"name": "scale"}, {"name": "fully_connected", "activation": "softmax", "n_out": None}]
model = initialize_model("m", "cross_entropy", layers, {"name": "SGD", "lr": 0.5}, seed=0)
model.train(initialize_dataset("iris", seed=0), 20)
assert model.history["train_loss"][-1] < 0.5 * model.history["train_loss"][0]
assert (model.layers[0].parameters["g"] != 1).all()
print(model)
print(model.summary())
"""


class TestNewLayers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        shutil.copytree(ROOT / "neural_networks", self.folder / "neural_networks")

    def run_here(self, code):
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            "import sys; sys.path.insert(0, '')\n" + code,
        ]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("1  Scale(4 → 4", done.stdout)
        self.assertIn("g (1, 4)", done.stdout)

    def test_built_in_layer(self):
        layers = self.folder / "neural_networks" / "layers"
        (layers / "scale.py").write_text(LAYER.lstrip(), encoding="utf-8")
        contents = layers / "__init__.py"
        text = contents.read_text(encoding="utf-8")
        before = text.splitlines()
        place = "from neural_networks.layers.residual import Residual\n"
        text = text.replace(place, place + "from neural_networks.layers.scale import Scale\n")
        text = text.replace(
            '    "residual": Residual,\n', '    "residual": Residual,\n    "scale": Scale,\n'
        )
        contents.write_text(text, encoding="utf-8")
        self.assertEqual(len(text.splitlines()), len(before) + 2)
        self.run_here("from neural_networks.layers import Scale" + USE)

    def test_layer_of_a_student(self):
        own = (
            LAYER.replace("layers.base import", "layers import LAYERS,")
            + '\n\nLAYERS["scale"] = Scale\n'
        )
        (self.folder / "scale.py").write_text(own.lstrip(), encoding="utf-8")
        self.run_here("import scale" + USE)


if __name__ == "__main__":
    unittest.main()
