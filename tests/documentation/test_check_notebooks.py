"""Notebooks that check: their whole table is shown before they assert."""

import contextlib
import io
import json
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from neural_networks.activations import ACTIVATIONS, TanH
from neural_networks.layers import Conv2D, FullyConnected, Pool2D

ROOT = Path(__file__).resolve().parents[2]
GRADIENTS, CONVOLUTIONS = ROOT / "check_gradients.ipynb", ROOT / "check_conv.ipynb"
OF_A_STARTER = ROOT / "course" / "templates" / "spring-2020" / "check_conv.ipynb"


class NotebookTest(unittest.TestCase):
    def run_cells(self, path: Path, *headings: str, **changed: object) -> tuple[str, str]:
        """Run the first code cell, and those below these headings; the output, and what fails.

        Some names of the first cell may be changed.
        """
        notebook = json.loads(path.read_text(encoding="utf-8"))
        shown, failed, names, heading = io.StringIO(), [], {}, ""
        for n, cell in enumerate(notebook["cells"]):
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                heading = text.splitlines()[0].lstrip("# ")
                names.update(changed)
            elif n == 1 or heading in headings:
                with contextlib.redirect_stdout(shown):
                    try:
                        exec(compile(text, path.name, "exec"), names)
                    except AssertionError as error:
                        failed.append(str(error) or "failed")
        return shown.getvalue(), "\n".join(failed)


class TestGradients(NotebookTest):
    def test_right_ones(self):
        out, failed = self.run_cells(GRADIENTS, "Activations", "Testing the check")
        self.assertEqual(failed, "")
        self.assertEqual(len(out.splitlines()), 1 + len(ACTIVATIONS) + 4)

    def test_a_wrong_one_is_shown_with_all_others(self):
        wrong = {
            "too large": lambda self, Z, dY: 1.001 * right(self, Z, dY),
            "not a number": lambda self, Z, dY: np.full_like(dY, np.nan),
            "zero": lambda self, Z, dY: np.zeros_like(dY),
        }
        right = TanH.backward
        for what, backward in wrong.items():
            with self.subTest(what), mock.patch.object(TanH, "backward", backward):
                out, failed = self.run_cells(GRADIENTS, "Activations")
                rows = [line.split()[0] for line in out.splitlines()[1:]]
                self.assertEqual(rows, list(ACTIVATIONS))
                self.assertIn("gradients that are wrong:\ntanh, Z: ", failed)
                self.assertEqual(failed.count("\n"), 1, "tanh alone is wrong")

    def test_several_and_the_next_section_begins_anew(self):
        backward = FullyConnected.backward_faster
        with (
            mock.patch.object(TanH, "backward", lambda self, Z, dY: -dY),
            mock.patch.object(FullyConnected, "backward_faster", backward),
        ):
            out, failed = self.run_cells(GRADIENTS, "Activations", "Losses")
        self.assertIn("huber", out)
        self.assertEqual(failed.count("gradients that are wrong"), 1)
        self.assertNotIn("tanh", out.split("huber")[1])


def with_mistakes(**methods: object) -> type[Conv2D]:
    """A convolution some of whose textbook passes are wrong, while its faster ones are right."""
    faster = {
        # Functions of their own: the class's would leave the work to an overridden pass.
        "forward_faster": lambda layer, X: Conv2D.forward_faster(layer, X),
        "backward_faster": lambda layer, dLdY: Conv2D.backward_faster(layer, dLdY),
    }
    return type("Conv2D", (Conv2D,), faster | methods)


class TestConvolutions(NotebookTest):
    SIZES = "Shapes, strides and paddings"

    def test_right_ones(self):
        out, failed = self.run_cells(CONVOLUTIONS, self.SIZES, "float32", "Pooling")
        self.assertEqual(failed, "")
        self.assertEqual(len(out.splitlines()), (1 + 15) + (1 + 3) + 6)
        self.assertNotIn("inf", out)

    def test_a_wrong_gradient_is_shown_with_all_others(self):
        def backward(layer, dLdY):
            dX = right(layer, dLdY)
            return dX if layer.stride == 1 else 1.001 * dX

        right = Conv2D.backward
        wrong = with_mistakes(backward=backward)
        out, failed = self.run_cells(CONVOLUTIONS, self.SIZES, Conv2D=wrong)
        self.assertEqual(len(out.splitlines()), 1 + 15)
        self.assertEqual(out.count("5e-04"), 6)
        self.assertEqual(failed, "failed")

    def test_a_wrong_shape_and_an_error_are_rows(self):
        def forward(layer, X):
            if X.shape[1] == 10:
                raise TypeError("forgot something")
            Y = right(layer, X)
            return Y[:, 1:] if X.shape[1] == 9 else Y

        right = Conv2D.forward
        wrong = with_mistakes(forward=forward)
        out, failed = self.run_cells(CONVOLUTIONS, self.SIZES, Conv2D=wrong)
        self.assertEqual(failed, "failed")
        lines = out.splitlines()
        self.assertEqual(len(lines), 1 + 15 + 2)
        self.assertEqual(sum(" inf " in line for line in lines), 5)
        self.assertEqual(sum("TypeError: forgot something" in line for line in lines), 2)

    def test_pooling(self):
        def forward(layer, X):
            return right(layer, X) + 0.5 * (layer.mode == "max")

        right = Pool2D.forward
        with mock.patch.object(Pool2D, "forward", forward):
            out, failed = self.run_cells(CONVOLUTIONS, "Pooling")
        self.assertEqual((len(out.splitlines()), failed), (6, "failed"))


class TestStarter(NotebookTest):
    def test_mistakes_of_all_kinds_are_rows(self):
        def forward(layer, X):
            if layer.stride == 2:
                raise TypeError("forgot something")
            Y = right(layer, X)
            return Y[:, 1:] if X.shape[1] == 9 else Y + 1.0 * (X.shape[1] == 6)

        right = Conv2D.forward
        wrong = with_mistakes(forward=forward)
        out, failed = self.run_cells(OF_A_STARTER, "Shapes, strides and borders", Conv2D=wrong)
        self.assertEqual(failed, "")
        self.assertEqual(out.count("TypeError: forgot something"), 2)
        self.assertRegex(out, r"WRONG, \(3, 8, 7, 5\) is not \(3, 9, 7, 5\)")
        self.assertEqual(out.count("times faster"), 10)
        self.assertRegex(out, r"\(8, 16, 16, 16\).* db .* ok")


if __name__ == "__main__":
    unittest.main()
