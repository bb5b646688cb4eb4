"""The notebook of letters on the small set. Needs NEURAL_NETWORKS_DATA."""

import os
import unittest
from unittest import mock

from tests.documentation.test_notebooks import ROOT, run


class TestLettersNotebook(unittest.TestCase):
    def test_small_letters(self):
        path = ROOT / "notebooks" / "letters.ipynb"
        with mock.patch.dict(os.environ, {"LETTERS": "small"}):
            cells = run(path, path.parent).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        for output in outputs:  # no warning: only results, and bars of progress
            if output.get("name") != "stdout":
                self.assertRegex(
                    output.get("text", ""), r"\A[\s\r]*(epoch \d+/\d+ .*\s*)*\Z", output
                )
        text = "".join(output.text for output in outputs)
        self.assertIn("500 letters of 16×8 pixels to learn from\n100 letters of", text)
        self.assertNotIn("digits", text)
        # With as few letters, more hidden units help training alone.
        self.assertIn("validation from 1.067 to 1.576: it gets worse", text)


if __name__ == "__main__":
    unittest.main()
