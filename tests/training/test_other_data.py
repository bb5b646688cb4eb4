"""Training on one dataset after another: the best epoch is that of the data at hand."""

import unittest
import warnings

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset
from tests.support.arrays import InFolder, examples
from tests.support.state_cases import dense, network

OTHER = "^other data than before: the best epoch begins anew$"


def easy(seed=0):
    """Examples whose class is the largest of three features."""
    X = 4 * np.random.default_rng(seed).normal(size=(60, 4))
    Y = np.eye(3)[X[:, :3].argmax(axis=1)]
    return Dataset(X, Y, 12, X[:20], Y[:20], seed=0)


def hard():
    """Examples whose class is a matter of chance: no epoch is as good as those of ``easy``."""
    X, Y = np.random.default_rng(1).normal(size=(60, 4)), examples(60, seed=5)[1]
    return Dataset(X, Y, 12, X[:20], np.roll(Y[:20], 1, axis=0), seed=0)


class TestOtherData(InFolder):
    def test_the_best_epoch_begins_anew(self):
        for options in ({"patience": 50}, {"restore_best": True}, {}):
            with self.subTest(options):
                model = network(dense())
                model.train(easy(), 30)
                before = model.best
                with self.assertWarnsRegex(UserWarning, OTHER):
                    history = model.train(hard(), 5, **options)
                losses = history["validation_loss"]
                self.assertGreater(losses[-5:].min(), before.value, "no data for this test")
                self.assertEqual(model.best.value, losses[-5:].min())
                self.assertGreater(model.best.epoch, 30)
                if options:
                    for name, value in model.best.arrays.items():
                        assert_array_equal(model.arrays()[name], value)

    def test_patience_counts_from_the_first_epoch_on_the_new_data(self):
        model = network(dense())
        model.train(easy(), 30)
        with self.assertWarns(UserWarning):
            model.train(hard(), 20, patience=3)
        self.assertGreaterEqual(model.epoch, 33)

    def test_other_validation_data_or_none(self):
        data = easy()
        X, Y = data.train.data, data.train.labels
        others = (Dataset(X, Y, 12, X[:10], Y[:10], seed=0), Dataset(X, Y, 12, seed=0))
        for other in others:
            model = network(dense())
            model.train(easy(), 2)
            with self.assertWarnsRegex(UserWarning, OTHER):
                model.train(other, 1)
            self.assertEqual(model.best.epoch, 3)

    def test_equal_data_goes_on(self):
        """The same object, or one with equal contents: nothing begins anew, nothing is said."""
        for second in (lambda first: first, lambda first: easy()):
            model, first = network(dense()), easy()
            model.train(first, 30)
            before = model.best
            model.optimizer.lr_scheduler.lr = 50.0  # later epochs are worse
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                model.train(second(first), 1)
            self.assertIs(model.best, before)

    def test_after_a_file_is_loaded(self):
        """Parameters trained elsewhere have no best epoch: there is nothing to say."""
        model = network(dense())
        model.train(easy(), 2)
        model.save(self.root / "parameters.npz")
        model.load(self.root / "parameters.npz")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.train(hard(), 1)
        self.assertEqual(model.best.epoch, 3)

    def test_after_a_state_is_loaded(self):
        model, other = network(dense()), network(dense())
        model.train(easy(), 3)
        other.load_state(model.state())
        with self.assertWarnsRegex(UserWarning, OTHER):
            other.train(hard(), 2)
        self.assertGreater(other.best.epoch, 3)


if __name__ == "__main__":
    unittest.main()
