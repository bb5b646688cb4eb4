"""Notebooks: runs from top to bottom, with the notebooks' own asserts."""

import os
import unittest
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted([*ROOT.glob("*.ipynb"), *ROOT.glob("notebooks/*.ipynb")])


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """A notebook with the outputs of a run in a folder. A failing cell raises."""
    notebook = nbformat.read(path, as_version=4)
    environment = {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
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


if __name__ == "__main__":
    unittest.main()
