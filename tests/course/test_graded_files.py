"""The graded tests: their names, files, cases, and what unittest prints of them."""

import io
import unittest

import numpy as np

from course.autograder.mistakes import EXERCISES
from neural_networks import activations
from tests import check_elman, check_models, test_activations, test_layers, test_losses
from tests.course.test_verdict import message, raiser
from tests.diagnoses import Case
from tests.verdict import DATA, ROOT, GradedTest, load_cases

NAMES = {
    "test_activations": ("Linear", "Sigmoid", "TanH", "ReLU", "SoftMax", "ArcTan"),
    "test_losses": ("CrossEntropy", "L2"),
    "test_layers": ("FullyConnected", "Conv2D", "Pool2D", "Flatten"),
}
MODULES = (test_activations, test_losses, test_layers)


class TestGradedFiles(unittest.TestCase):
    def test_the_25_names(self):
        found = {test.id() for module in MODULES for suite in loaded(module) for test in suite}
        expected = {
            f"tests.{file}.Test{cls}.test_{method}"
            for file, classes in NAMES.items()
            for cls in classes
            for method in ("forward", "backward")
        } | {"tests.test_layers.TestFullyConnected.test_init_params"}
        self.assertEqual(found, expected)
        self.assertEqual(len(found), 25)

    def test_they_hold_nothing_else(self):
        for module in MODULES:
            own = {name for name in vars(module) if name.isidentifier() and name[:2] != "__"}
            classes = {f"Test{cls}" for cls in NAMES[module.__name__.split(".")[1]]}
            self.assertEqual(own, classes | {"GradedTest"})

    def test_a_line_for_each(self):
        lines = results(test_activations, verbosity=2)[0].splitlines()
        found = [line for line in lines if line.endswith(" ... ok")]
        self.assertEqual(len(found), 12)
        self.assertTrue(all(line.startswith("test_") for line in found))

    def test_a_blank_is_a_failure_in_one_line(self):
        relu = EXERCISES["relu"]
        text = "4.1 relu: write ReLU.forward"
        blank = type("ReLU", (activations.ReLU,), {"forward": raiser(NotImplementedError(text))})
        with relu.installed(blank):
            out, result = results(test_activations)
        self.assertEqual((len(result.failures), len(result.errors)), (1, 0))
        self.assertIn(f"\nAssertionError: not written yet: {text}\n", out)
        self.assertNotIn("Traceback", out)
        self.assertIn("FAILED (failures=1)", out)

    def test_checks_run_by_name_alone(self):
        tests = unittest.TestLoader().discover(str(ROOT / "tests"), "check*.py", str(ROOT))
        self.assertEqual(tests.countTestCases(), 7)
        for module in (check_models, check_elman):
            self.assertFalse(module.__name__.split(".")[1].startswith("test"))
            self.assertTrue(results(module)[1].wasSuccessful())


class TestCases(unittest.TestCase):
    def test_each_has_its_results(self):
        for name in [recipe for one in EXERCISES.values() for recipe in one.recipes().values()]:
            cases = load_cases(name)
            self.assertGreater(len(cases), 0)
            for case in cases:
                self.assertGreater(len(case.expected), 0)
                self.assertIsInstance(case, Case)

    def test_arguments_cannot_be_written_to(self):
        seen = []

        def spying(layer, Z):
            seen.append(Z.flags.writeable)
            return np.maximum(Z, 0)

        self.assertEqual(message("relu.forward", spying), "")
        self.assertEqual(set(seen), {False})

    def test_recipes_know_no_right_answer(self):
        source = (ROOT / "tests" / "recipes.py").read_text(encoding="utf-8")
        self.assertNotIn("expected", source)
        self.assertTrue(DATA.is_dir())


def loaded(module):
    """The suites of a module's classes that have tests."""
    return [suite for suite in unittest.TestLoader().loadTestsFromModule(module) if list(suite)]


def results(module, verbosity=0):
    """The output and the result of running a module's tests."""
    stream = io.StringIO()
    runner = unittest.TextTestRunner(stream, verbosity=verbosity)
    result = runner.run(unittest.TestLoader().loadTestsFromModule(module))
    return stream.getvalue(), result


class TestBase(unittest.TestCase):
    def test_a_test_of_its_own_kind_keeps_other_errors(self):
        class Broken(GradedTest):
            def test_it(self):
                raise KeyError("no message")

        result = unittest.TestResult()
        Broken("test_it").run(result)
        self.assertEqual((len(result.errors), len(result.failures)), (1, 0))


if __name__ == "__main__":
    unittest.main()
