"""Notebooks: runs from top to bottom, with the notebooks' own asserts."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted([*ROOT.glob("*.ipynb"), *ROOT.glob("notebooks/*.ipynb")])


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """A notebook with the outputs of a run in a folder. A failing cell raises."""
    return run_notebook(nbformat.read(path, as_version=4), folder)


def run_notebook(
    notebook: nbformat.NotebookNode, folder: Path, backend: str = "agg"
) -> nbformat.NotebookNode:
    """Run a notebook in a folder, with a backend of Matplotlib."""
    environment = {"PYTHONPATH": str(ROOT), "MPLBACKEND": backend}
    with mock.patch.dict(os.environ, environment):
        client = NotebookClient(
            notebook, timeout=300, resources={"metadata": {"path": str(folder)}}
        )
        return client.execute()


class TestNotebooks(unittest.TestCase):
    def test_each_runs_from_top_to_bottom(self):
        self.assertTrue(NOTEBOOKS)
        for path in NOTEBOOKS:
            with self.subTest(notebook=path.name):
                code = [cell for cell in run(path, path.parent).cells if cell.cell_type == "code"]
                self.assertTrue(any("assert" in cell.source for cell in code))
                self.assertTrue(all(cell.execution_count for cell in code))


INLINE = "module://matplotlib_inline.backend_inline"
"""The backend that a notebook chooses."""

TRAINING = """
from neural_networks.datasets import initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import initialize_model
from neural_networks.utils import progress

output = {"name": "fully_connected", "activation": "softmax", "n_out": 3}
progress.BAR_AFTER = SECONDS
logger = Logger("mine", {}, {}, save=SAVE, plot=PLOT, save_dir="runs")
data = initialize_dataset("iris", batch_size=5, seed=0)
sgd = {"name": "SGD", "lr": 0.1}
model = initialize_model("mine", "cross_entropy", [output], sgd, logger=logger, seed=0)
model.train(data, epochs=EPOCHS)
model.test(data, save_predictions=True)
"""


class TestTrainingInANotebook(unittest.TestCase):
    """Pictures below the cell, and a bar of text if it takes long."""

    def outputs(self, **values: object) -> list[nbformat.NotebookNode]:
        """The outputs of a cell that trains."""
        code = TRAINING
        for name, value in values.items():
            code = code.replace(name, repr(value))
        cell = nbformat.v4.new_code_cell(code)
        notebook = nbformat.v4.new_notebook(cells=[cell])
        with tempfile.TemporaryDirectory() as folder:
            (cell,) = run_notebook(notebook, Path(folder), INLINE).cells
        return cell.outputs

    def test_pictures(self):
        for save in (True, False):
            with self.subTest(save=save):
                out = self.outputs(SAVE=save, PLOT=True, EPOCHS=2, SECONDS=2.0)
                pictures = [o for o in out if "image/png" in o.get("data", {})]
                self.assertEqual(len(pictures), 3)
                self.assertEqual([o for o in out if o.output_type == "stream"], [])

    def test_a_bar(self):
        out = self.outputs(SAVE=False, PLOT=False, EPOCHS=3000, SECONDS=0.1)
        bars = "".join(o.text for o in out if o.output_type == "stream")
        self.assertRegex(bars, r"epoch 3000/3000 \|█+\| 00:\d\d, train loss .* val loss .*\n$")


if __name__ == "__main__":
    unittest.main()
