"""Text for messages: numbers with nouns, percentages, lists of names."""

import math
import unittest
from types import SimpleNamespace

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from neural_networks.cli.console import _score
from neural_networks.losses import initialize_loss
from neural_networks.training.loop import progress_text
from neural_networks.utils.text import fraction, listed, percent


def value_of(text):
    """The number in a formatted share, without the sign of a bound."""
    return float(text.lstrip("<>").rstrip("%"))


class TestShares(unittest.TestCase):
    def test_usual_shares_have_the_digits_asked_for(self):
        self.assertEqual(percent(0.9733), "97.3%")
        self.assertEqual(percent(0.5, digits=0), "50%")
        self.assertEqual(percent(0.9994), "99.9%")
        self.assertEqual(fraction(0.97331), "0.9733")

    def test_only_the_ends_are_written_as_the_ends(self):
        for digits, zero, one in (
            (0, "0%", "100%"),
            (1, "0.0%", "100.0%"),
            (2, "0.00%", "100.00%"),
        ):
            for all_of_them in (1, 1.0, np.float32(1), True):
                self.assertEqual(percent(all_of_them, digits), one)
            self.assertEqual(percent(0, digits), zero)
        self.assertEqual((fraction(0), fraction(1.0)), ("0.0000", "1.0000"))

    def test_shares_close_to_the_ends(self):
        self.assertEqual(percent(1999 / 2000), "99.95%")
        self.assertEqual(percent(1 / 3000), "0.03%")
        self.assertEqual(percent(1 - 1 / 3000, 0), "99.97%")
        self.assertEqual(percent(1 - 1e-9), ">99.999%")
        self.assertEqual(percent(1e-9, 0), "<0.01%")
        self.assertEqual(fraction(1 - 4e-5), "0.99996")
        self.assertEqual(fraction(1 - 1e-12), ">0.999999")

    @given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(0, 4))
    @example(math.nextafter(0, 1), 0)
    @example(math.nextafter(1, 0), 4)
    def test_nothing_between_is_an_end(self, share, digits):
        for text, top in ((percent(share, digits), 100), (fraction(share, digits), 1)):
            value = value_of(text)
            self.assertTrue(0 < value < top, text)
            self.assertLessEqual(abs(value - share * top), 0.50001 * 10.0**-digits)
            if text[0] in "<>":
                self.assertEqual(text[0] == "<", share * top < value)

    def test_no_number(self):
        self.assertEqual(percent(math.nan), "nan%")

    def test_progress_of_a_training(self):
        results = {"train_loss": 0.01, "train_error": 1 / 5000}
        results |= {"validation_loss": 0.2, "validation_error": 0.0}
        text = progress_text(initialize_loss("cross_entropy"), results)
        self.assertEqual(text, "train loss 0.010 acc 99.98%, val loss 0.200 acc 100.0%")
        results["train_error"] = 1 - 1 / 5000
        self.assertIn("acc 0.02%", progress_text(initialize_loss("cross_entropy"), results))


class TestScores(unittest.TestCase):
    """The line with loss and accuracy at the end of a run."""

    def score(self, n_wrong, shape):
        n = math.prod(shape) // shape[1]
        scores = {"loss": 0.5, "error": n_wrong / n, "auc": 1 - n_wrong / 1e5}
        model = SimpleNamespace(loss=initialize_loss("cross_entropy"))
        return _score(model, scores, SimpleNamespace(labels=np.zeros(shape), n_samples=shape[0]))

    def test_examples(self):
        for n_wrong, accuracy in ((0, "100.0%"), (1, "99.95%"), (1999, "0.05%"), (2000, "0.0%")):
            found = self.score(n_wrong, (2000, 2))
            self.assertIn(f"accuracy {accuracy} ({2000 - n_wrong} of 2000 right)", found)
        self.assertIn("AUC 0.99999", self.score(1, (2000, 2)))

    def test_steps_of_sequences_are_counted_one_by_one(self):
        found = self.score(1, (100, 3, 40))
        self.assertIn("accuracy 99.98% (3999 of 4000 right)", found)


class TestLists(unittest.TestCase):
    def test_few_and_many(self):
        self.assertEqual(listed(["a", "b"]), "a, b")
        self.assertEqual(listed([str(i) for i in range(12)], most=3), "0, 1, 2 and 9 more")
        self.assertEqual(listed([]), "")

    def test_long_names_are_cut(self):
        self.assertEqual(listed(["x" * 34_000, "b"], longest=5), "xxxx…, b")
        self.assertLess(len(listed(["name" * 100] * 400)), 400)


if __name__ == "__main__":
    unittest.main()
