"""Examples in docstrings."""

import doctest
import importlib
import pkgutil
import unittest

import neural_networks


class TestDocstrings(unittest.TestCase):
    def test_examples(self):
        tried = 0
        for module in pkgutil.walk_packages(neural_networks.__path__, "neural_networks."):
            with self.subTest(module=module.name):
                # Without verbose=False, doctest would obey unittest's -v.
                result = doctest.testmod(importlib.import_module(module.name), verbose=False)
                self.assertEqual(result.failed, 0)
                tried += result.attempted
        self.assertGreater(tried, 10)


if __name__ == "__main__":
    unittest.main()
