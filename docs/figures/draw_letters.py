"""Pictures of docs/letters.md: ``python -m docs.figures.draw_letters``.

Runs ``notebooks/letters.ipynb`` on the large set of letters, which takes about ten minutes, prints
its output, and saves two of its pictures.
"""

import base64
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from neural_networks.datasets.files.folders import find

FIGURES = Path(__file__).resolve().parent
NOTEBOOK = FIGURES.parents[1] / "notebooks" / "letters.ipynb"
PICTURES = ("hidden-units", "learning-rates")
"""Ids of the notebook's cells that draw the pictures."""


def main() -> None:
    """Write the pictures into this folder."""
    if find("letters", ["largeTrain.csv", "largeValidation.csv"]) is None:
        sys.exit("The large set of letters is not here; docs/data.md says where it belongs.")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source += '\nplt.rcParams["figure.dpi"] = 110'
    os.environ["LETTERS"] = "large"
    os.environ.pop("MPLBACKEND", None)  # the notebook's own keeps the pictures
    folder = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=None, resources=folder).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                print(output.text)
            elif cell.id in PICTURES and "image/png" in output.get("data", {}):
                picture = base64.b64decode(output.data["image/png"])
                (FIGURES / f"letters-{cell.id}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
