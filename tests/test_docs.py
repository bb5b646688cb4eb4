"""The pages in docs/: what they show and name is there, and what the drawing says is so."""

import re
import runpy
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


class TestDocs(unittest.TestCase):
    def test_pictures_and_files_exist(self):
        for page in DOCS.glob("*.md"):
            text = page.read_text(encoding="utf-8")
            pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
            files = re.findall(r"`([\w/]+\.(?:py|md|ipynb))`", text)
            self.assertTrue(pictures)
            self.assertTrue(files)
            for path in [DOCS / name for name in pictures] + [ROOT / name for name in files]:
                with self.subTest(page=page.name, path=path.name):
                    self.assertTrue(path.is_file())

    def test_the_drawing_of_a_convolution_multiplies_to_one(self):
        drawing = runpy.run_path(str(DOCS / "draw_convolution.py"))
        drawing["check"]()
        self.assertEqual(drawing["unfolded"]().shape, (15, 2))


if __name__ == "__main__":
    unittest.main()
