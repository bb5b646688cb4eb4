"""Pages in docs/: pictures, files, Python blocks, and the arithmetic of the drawings."""

import os
import re
import runpy
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
OWN = DOCS / "own_classes.md"


def python_blocks(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


class TestDocs(unittest.TestCase):
    def test_pictures_and_files_exist(self):
        for page in DOCS.rglob("*.md"):
            text = page.read_text(encoding="utf-8")
            pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
            files = re.findall(r"`([\w/]+\.(?:py|md|ipynb))`", text)
            # The pages of the course have tables and commands alone, that of own classes code,
            # and derivations have formulas.
            derivation = page.parent.name == "derivations"
            self.assertTrue(
                pictures or derivation or page.name in ("students.md", "instructors.md", OWN.name)
            )
            self.assertTrue(files)
            for path in [page.parent / name for name in pictures] + [ROOT / name for name in files]:
                with self.subTest(page=page.name, path=path.name):
                    self.assertTrue(path.is_file())

    def test_the_drawing_of_a_convolution_multiplies_to_one(self):
        drawing = runpy.run_path(str(DOCS / "figures" / "draw_convolution.py"))
        drawing["check"]()
        self.assertEqual(drawing["unfolded"]().shape, (15, 2))

    def test_the_drawing_of_gradients_measures_what_it_says(self):
        drawing = runpy.run_path(str(DOCS / "figures" / "draw_gradients.py"))
        radius, layer, norms = (
            drawing[name] for name in ("spectral_radius", "random_layer", "input_gradient_norms")
        )
        self.assertAlmostEqual(radius(np.array([[3.0, 1], [0, -4]])), 4)
        n, rng = drawing["N"], np.random.default_rng(0)
        # With U orthogonal but for a factor, each step multiplies every gradient by the factor.
        U = 0.9 * np.linalg.qr(rng.standard_normal((n, n)))[0]
        self.assertAlmostEqual(radius(U), 0.9)
        X, dLdY = rng.standard_normal((3, n, 12)), rng.standard_normal((3, n))
        expected = np.linalg.norm(dLdY) * 0.9 ** np.arange(12)[::-1]
        np.testing.assert_allclose(norms(layer("linear", U), X, dLdY), expected)

    def test_python_blocks_run(self):
        # Those of the derivations are lines of the library, see tests/derivations/test_pages.py.
        blocks = [
            block
            for page in DOCS.glob("*.md")
            if page != OWN  # it enters classes into tables, see TestOwnClasses
            for block in python_blocks(page)
        ]
        # Those that need a run are run after its training, in test_readme.
        blocks = [block for block in blocks if "experiments/" not in block]
        self.assertTrue(blocks)
        for block in blocks:
            with self.subTest(block.splitlines()[-1]):
                exec(compile(block, "block", "exec"), {})


TOGETHER = """
import tempfile
from pathlib import Path

import numpy as np

from neural_networks.datasets import initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import initialize_model
from neural_networks.runs import load_run

rows = initialize_dataset("rings", batch_size=20, n=200, seed=0)
output = {"name": "fully_connected", "activation": "softmax", "n_out": 2}
layers = [
    {"name": "low_rank", "rank": 2, "n_out": 16},
    {"name": "layer_norm", "activation": "softsign"},
    output,
]
rule = {"name": "Lion", "lr": 0.03, "lr_scheduler": "inverse_root", "scheduler_args": {"length": 9}}
args = {"loss": "focal", "layer_args": layers, "optimizer_args": rule}
with tempfile.TemporaryDirectory() as folder:
    logger = Logger("own", args, {"name": "rings"}, save=True, save_dir=folder)
    model = initialize_model("own", **args, logger=logger, seed=0, l2=1e-4)
    model.train(rows, epochs=10)
    state, data = model.state(), rows.state()
    assert model.test(rows)["error"] < 0.1, model.history
    run = load_run(Path(folder) / "own")
    assert np.array_equal(run.model.predict(rows.test.data)[0], model.predict(rows.test.data)[0])
    model.train(rows, epochs=2)
again = initialize_model("own", **args, seed=0, l2=1e-4)
again.load_state(state)
other = initialize_dataset("rings", batch_size=20, n=200, seed=0)
other.load_state(data)
again.train(other, epochs=2)
assert np.array_equal(again.step_losses, model.step_losses)
"""


class TestOwnClasses(unittest.TestCase):
    """The classes on the page, in a process of their own: they are entered into the tables."""

    def test_each_of_them_and_all_together(self):
        blocks = [*python_blocks(OWN), TOGETHER]
        self.assertGreater(len(blocks), 7)
        code = f"for block in {blocks!r}:\n    exec(compile(block, block, 'exec'), {{}})"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])


if __name__ == "__main__":
    unittest.main()
