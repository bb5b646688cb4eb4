"""The evaluation of worked examples: arithmetic in LaTeX, and what counts as right."""

import math
import unittest

import numpy as np

from tests.derivations.arithmetic import equations, evaluate
from tests.derivations.test_pages import fits


class TestValues(unittest.TestCase):
    def test_numbers(self):
        cases = {
            "-3": -3,
            r"2 \cdot 3 + 1.5": 7.5,
            r"\tfrac{1}{2} (0.3 - 1)": -0.35,
            r"\frac{1 + 2}{\frac{1}{2}}": 6,
            r"(-1)^2 + 3^{2}": 10,
            r"e^{0} + \ln 1": 1,
            r"\ln(0.5 + 0.5)": 0,
            r"\sqrt{16}": 4,
            r"\max(0, 1 - 2)": 0,
            r"\left( 1 + 1 \right) \, (2)": 4,
        }
        for latex, value in cases.items():
            with self.subTest(latex=latex):
                self.assertAlmostEqual(evaluate(latex, []), value)

    def test_names_have_no_value(self):
        for latex in (r"X^\top W", r"\sigma(0)", r"2 \alpha", "m"):
            self.assertIsNone(evaluate(latex, []))

    def test_matrices(self):
        row, column = (
            r"\begin{bmatrix} 1 & 2 \end{bmatrix}",
            r"\begin{bmatrix} 3 \\ 4 \end{bmatrix}",
        )
        cases = {
            f"{row} {column}": [[11]],
            f"{column} {row}": [[3, 6], [4, 8]],
            rf"{row}^\top \odot {column}": [[3], [8]],
            rf"\tfrac{{1}}{{2}} {row} {column}": [[5.5]],
            rf"{row} - {column}^\top": [[-2, -2]],
            r"\begin{bmatrix} 1 - 2 & \frac{1}{4} \\ \ln 1 & 3^2 \end{bmatrix}": [
                [-1, 0.25],
                [0, 9],
            ],
        }
        for latex, value in cases.items():
            with self.subTest(latex=latex):
                [(_, [side])] = equations(f"A = {latex}")
                np.testing.assert_array_equal(side.value, value)


class TestEquations(unittest.TestCase):
    def names(self, latex):
        return [(name, [side.value for side in sides]) for name, sides in equations(latex)]

    def test_several_in_a_formula(self):
        self.assertEqual(
            self.names(r"a = 1, \qquad b_1 = x = 2."), [("a", [1]), ("b_1", [None, 2])]
        )

    def test_lines_that_go_on(self):
        latex = r"\begin{aligned} a &= 1 + 1 \\ &= 2 \\ b &\approx 3 \end{aligned}"
        self.assertEqual(self.names(latex), [("a", [2, 2]), ("b", [3])])

    def test_an_equals_sign_is_exact(self):
        [(_, sides)] = equations(r"a = 0.33 = \tfrac{1}{3}")
        self.assertEqual([fits(side, 1 / 3) for side in sides], [False, True])

    def test_rounded_numbers_are_right_to_the_last_digit(self):
        [(_, sides)] = equations(r"a \approx 0.693 \approx 0.694 \approx 0.69")
        self.assertEqual([fits(side, math.log(2)) for side in sides], [True, False, True])

    def test_sums_of_rounded_numbers_have_room(self):
        [(_, sides)] = equations(r"a \approx 0.333 + 0.333 + 0.333 \approx 0.336 + 0.333 + 0.339")
        self.assertEqual([fits(side, 1) for side in sides], [True, False])

    def test_shapes_count(self):
        [(_, [side])] = equations(r"a = \begin{bmatrix} 1 & 1 \end{bmatrix}")
        self.assertFalse(fits(side, np.ones((2, 1))))
        self.assertTrue(fits(side, np.ones(2)))


if __name__ == "__main__":
    unittest.main()
