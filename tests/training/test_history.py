"""History: bins of steps, means over an epoch's examples, the epoch under way."""

import unittest

import numpy as np
from numpy.testing import assert_allclose

from neural_networks.training.history import BINS_PER_EPOCH, History
from tests.support.state_cases import dense, network, rows


class OneEpoch:
    """A stand-in for a dataset, of which an epoch has a number of steps."""

    fingerprint = "of one epoch"
    steps = 0

    def __init__(self, samples_per_epoch):
        self.samples_per_epoch = samples_per_epoch
        self.resets = 0
        self.train, self.validate = self, None

    def reset(self):
        self.resets += 1


def recorded(n_steps, losses, epoch=0):
    """A history in the middle of an epoch."""
    history, data = History(), OneEpoch(n_steps)
    history.epoch = epoch
    history.begin_training(data)
    history.begin_epoch(data)
    for i, loss in enumerate(losses):
        history.record_step(4, loss, 0.5, 0.25, 0.1 / (1 + i))
    return history


class TestBins(unittest.TestCase):
    def test_a_step_each_in_a_short_epoch(self):
        bins = recorded(5, [3.0, 1.0, 2.0], epoch=7).bins()
        self.assertEqual([row.step for row in bins], [1, 2, 3])
        assert_allclose([row.epoch for row in bins], [7.2, 7.4, 7.6])
        self.assertEqual([row[2:5] for row in bins], [(3.0,) * 3, (1.0,) * 3, (2.0,) * 3])
        assert_allclose([row.learning_rate for row in bins], [0.1, 0.05, 0.1 / 3])

    def test_most_lines_of_an_epoch(self):
        for n_steps in (1, 199, 200, 201, 400, 401, 10_000, 12_345):
            with self.subTest(steps=n_steps):
                losses = np.random.default_rng(n_steps).random(n_steps)
                bins = recorded(n_steps, losses.tolist()).bins()
                self.assertLessEqual(len(bins), BINS_PER_EPOCH)
                self.assertGreaterEqual(len(bins), min(n_steps, BINS_PER_EPOCH // 2))
                self.assertEqual((bins[-1].step, bins[-1].epoch), (n_steps, 1.0))
                widths = np.diff([0, *(row.step for row in bins)])
                self.assertEqual(len(set(widths[:-1])) if len(bins) > 1 else 1, 1)
                starts = [0, *(row.step for row in bins[:-1])]
                for row, start in zip(bins, starts, strict=True):
                    part = losses[start : row.step]
                    self.assertEqual((row.lowest, row.highest), (part.min(), part.max()))
                    self.assertAlmostEqual(row.loss, part.mean(), places=12)

    def test_those_of_an_unfinished_epoch_are_the_first_of_the_whole_one(self):
        losses = np.random.default_rng(0).random(1000).tolist()
        whole, part = recorded(1000, losses).bins(), recorded(1000, losses[:500]).bins()
        self.assertEqual(whole[:100], part)
        self.assertEqual(recorded(1000, losses[:503]).bins()[-1].step, 503)

    def test_none_before_the_first_step_and_after_the_last(self):
        history = recorded(2, [])
        self.assertEqual(history.bins(), [])
        history.record_step(1, 1.0, 0.0, 0.0, 0.1)
        self.assertEqual(len(history.end_epoch({"train_loss": 1.0})), 1)
        self.assertEqual(history.bins(), [])

    def test_steps_are_counted_from_epoch_to_epoch(self):
        model = network(dense())
        pushed = []

        class Log:
            folder, rows = None, []
            start = describe = push = finish = staticmethod(lambda *_: None)
            push_steps = staticmethod(pushed.extend)

        model.logger = Log()
        model.train(rows(), 2)
        model.train(rows(), 1)
        self.assertEqual([row.step for row in pushed], list(range(1, 16)))
        assert_allclose([row.epoch for row in pushed], np.arange(1, 16) / 5)
        self.assertEqual([row.loss for row in pushed], model.step_losses.tolist())
        self.assertEqual({row.learning_rate for row in pushed}, {0.05})


class TestEpochUnderWay(unittest.TestCase):
    def test_sums_over_examples(self):
        epoch = recorded(5, [3.0, 1.0]).under_way
        self.assertEqual((epoch.loss, epoch.error, epoch.penalty), (16.0, 4.0, 2.0))

    def test_a_new_epoch_resets_the_data_and_one_under_way_does_not(self):
        history, data = History(), OneEpoch(2)
        history.begin_training(data)
        for resets in (1, 1):
            history.begin_epoch(data)
            self.assertEqual(data.resets, resets)
        history.end_epoch({})
        history.begin_epoch(data)
        self.assertEqual(data.resets, 2)

    def test_a_step_needs_an_epoch(self):
        with self.assertRaisesRegex(RuntimeError, "call begin_epoch first"):
            History().record_step(1, 1.0, 0.0, 0.0, 0.1)


if __name__ == "__main__":
    unittest.main()
