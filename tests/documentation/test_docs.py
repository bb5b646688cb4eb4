"""Pages in docs/: pictures, files, Python blocks, and the arithmetic of the drawings."""

import re
import runpy
import unittest
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


class TestDocs(unittest.TestCase):
    def test_pictures_and_files_exist(self):
        for page in DOCS.glob("*.md"):
            text = page.read_text(encoding="utf-8")
            pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
            files = re.findall(r"`([\w/]+\.(?:py|md|ipynb))`", text)
            # The pages of the course have tables and commands alone.
            self.assertTrue(pictures or page.name in ("students.md", "instructors.md"))
            self.assertTrue(files)
            for path in [DOCS / name for name in pictures] + [ROOT / name for name in files]:
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
        blocks = [
            block
            for page in DOCS.glob("*.md")
            for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
        ]
        # Those that need a run are run after its training, in test_readme.
        blocks = [block for block in blocks if "experiments/" not in block]
        self.assertTrue(blocks)
        for block in blocks:
            with self.subTest(block.splitlines()[-1]):
                exec(compile(block, "block", "exec"), {})


if __name__ == "__main__":
    unittest.main()
