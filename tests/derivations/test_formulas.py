"""Every formula of the derivations: against central differences and against the library."""

import unittest

import numpy as np

from tests.derivations import registry
from tests.derivations.pages import pages
from tests.derivations.registry import CHECKS, FORMULAS, call

registry.load()

DRAWS = 6
EXACT = 1e-12


def differences(check, label, inputs, *, numeric=True, function=None):
    """What a formula does not agree with, on these inputs: a list of names."""
    found = []
    with np.errstate(over="ignore"):
        value = np.asarray(call(function or FORMULAS[label].function, inputs), dtype=float)
        library = np.asarray(call(check.library, inputs), dtype=float)
        if not close(value, library, EXACT):
            found.append("the library")
        if numeric and check.numeric and not close(value, check.numeric(inputs), check.rtol):
            found.append("central differences")
    return found


def close(a, b, rtol):
    """True if arrays are of the same shape and agree, relative to their largest number."""
    b = np.asarray(b)
    size = np.abs(b).max(initial=0)
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=rtol * max(size, 1e-3))


def draws(check):
    """Inputs of a check: the same ones each time."""
    return [check.draw(np.random.default_rng(seed)) for seed in range(DRAWS)]


class TestFormulas(unittest.TestCase):
    def test_each_agrees_with_the_library_and_central_differences(self):
        for check in CHECKS:
            for label in check.labels:
                for number, inputs in enumerate(draws(check)):
                    with self.subTest(formula=label, draw=number):
                        self.assertEqual(differences(check, label, inputs), [])

    def test_each_agrees_with_the_library_at_edges(self):
        for check in CHECKS:
            for label in check.labels:
                for number, inputs in enumerate(check.edges()):
                    with self.subTest(formula=label, edge=number):
                        self.assertEqual(differences(check, label, inputs, numeric=False), [])

    def test_each_is_checked(self):
        checked = [label for check in CHECKS for label in check.labels]
        self.assertEqual(sorted(checked), sorted(FORMULAS))

    def test_derivatives_are_compared_with_differences(self):
        for check in CHECKS:
            latex = " ".join(FORMULAS[label].latex for label in check.labels)
            with self.subTest(formulas=check.labels):
                self.assertEqual(r"\partial" in latex, check.numeric is not None)

    def test_a_wrong_formula_is_found(self):
        for check in CHECKS:
            for label in check.labels:
                right = FORMULAS[label].function

                def wrong(inputs=None, right=right, **arguments):
                    return 1.001 * np.asarray(right(**arguments), dtype=float)

                wrong.__signature__ = registry.inspect.signature(right)
                found = [
                    differences(check, label, inputs, function=wrong) for inputs in draws(check)
                ]
                expected = ["the library"] + ["central differences"] * (check.numeric is not None)
                with self.subTest(formula=label):
                    self.assertIn(expected, found)


class TestPagesAndFormulas(unittest.TestCase):
    def test_each_formula_of_a_page_has_a_function_of_the_same_latex(self):
        for page in pages():
            for label, latex in page.formulas.items():
                with self.subTest(formula=label):
                    self.assertIn(label, FORMULAS)
                    self.assertEqual(latex, FORMULAS[label].latex)

    def test_each_function_is_on_a_page(self):
        written = [label for page in pages() for label in page.formulas]
        self.assertEqual(sorted(written), sorted(FORMULAS))

    def test_labels_begin_with_the_name_of_the_page(self):
        for page in pages():
            for label in page.formulas:
                self.assertEqual(label.split("/")[0], page.name)


if __name__ == "__main__":
    unittest.main()
