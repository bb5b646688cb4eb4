"""The profile of a training: exact times by a clock of its own, and the same results as without."""

import unittest
from types import SimpleNamespace
from unittest import mock

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.layers import FullyConnected, Layer
from neural_networks.losses import L2
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import SGD
from neural_networks.regularization import WeightPenalty
from neural_networks.training import profile as profiling
from neural_networks.training import stopwatch
from neural_networks.training.history import History
from neural_networks.training.memory import numbered
from neural_networks.training.profile import Profile
from tests.support import interrupts
from tests.support.tracing import interrupt_at

CLOCK = SimpleNamespace(now=0.0)
"""A clock that moves only where the classes below move it, in seconds."""


def now():
    return CLOCK.now


class Slow(Layer):
    """A layer whose passes take a known time; ``fails_at`` counts the calls in training."""

    def __init__(self, forward, backward, fails_at=None, error=ArithmeticError):
        super().__init__()
        self.times, self.fails_at, self.error, self.calls = (forward, backward), fails_at, error, 0

    def forward(self, X):
        CLOCK.now += self.times[0]
        if self.training:
            self.calls += 1
            if self.calls == self.fails_at:
                raise self.error("in the middle of a step")
        return self.check_input(X)

    def backward(self, dLdY):
        CLOCK.now += self.times[1]
        return dLdY


class Block(Layer):
    """A block that calls the layers in it as a network does, and takes a second on its own."""

    def __init__(self, *children):
        super().__init__()
        self.children = list(children)

    def forward(self, X):
        CLOCK.now += 1
        for layer in self.children:
            X = layer.forward_faster(X)
        return X

    def backward(self, dLdY):
        for layer in reversed(self.children):
            dLdY = layer.backward_faster(dLdY)
        return dLdY


class SlowLoss(L2):
    def __init__(self):
        super().__init__("slow")

    def forward(self, Y, Y_hat):
        CLOCK.now += 7
        return super().forward(Y, Y_hat)

    def backward(self, Y, Y_hat):
        CLOCK.now += 11
        return super().backward(Y, Y_hat)

    def error(self, Y, Y_hat):
        CLOCK.now += 17
        return super().error(Y, Y_hat)


class SlowSGD(SGD):
    def update(self, *args):
        CLOCK.now += 2
        return super().update(*args)


def case(*layers, l2=0.0):
    """A network of these layers and a dense one, and data for three steps an epoch."""
    last = FullyConnected(2, "linear", rng=0)
    model = NeuralNetwork(SlowLoss(), [*layers, last], SlowSGD(0.01), seed=0, l2=l2)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(10, 4)), rng.normal(size=(10, 2))
    return model, Dataset(X, Y, 4, X, Y, seed=0)


def assigned(model, dataset):
    """Every method that is assigned to an object of a training."""
    layers = [layer for _, layer in numbered(model.layers)]
    things = (model, model.regularization, model.optimizer, model.loss, dataset.train, *layers)
    return [
        (type(thing).__name__, name)
        for thing in things
        for name, value in vars(thing).items()
        if callable(value) and hasattr(type(thing), name)
    ]


class ClockTest(unittest.TestCase):
    def setUp(self):
        for module in (profiling, stopwatch):
            patch = mock.patch.object(module, "perf_counter", now)
            patch.start()
            self.addCleanup(patch.stop)

    def profile(self, model, dataset, epochs=2):
        profile = Profile(model, dataset)
        with profile.timing():
            self.assertTrue(assigned(model, dataset))
            model.train(dataset, epochs)
        self.assertEqual(assigned(model, dataset), [])
        return profile

    def rows(self, profile):
        """The times in seconds, by the row's number and name."""
        return {
            f"{row.layer} {row.name}".strip(): tuple(
                None if ms is None else round(ms / 1000, 9)
                for ms in (row.forward_ms, row.backward_ms, row.ms)
            )
            for row in profile.rows()
        }


class TestTimes(ClockTest):
    def test_every_part_of_a_step(self):
        model, dataset = case(Slow(3, 5), Slow(0.5, 0.25))
        sample, record = type(dataset.train).sample, History.record_step

        def slow_sample(data):
            CLOCK.now += 13
            return sample(data)

        def slow_record(*args):
            CLOCK.now += 19
            record(*args)

        with (
            mock.patch.object(type(dataset.train), "sample", slow_sample),
            mock.patch.object(History, "record_step", slow_record),
        ):
            profile = self.profile(model, dataset)
        self.assertEqual((profile.n_steps, profile.batch_size), (6, 4))
        self.assertEqual(
            self.rows(profile),
            {
                "1 Slow": (3, 5, 8),
                "2 Slow": (0.5, 0.25, 0.75),
                "3 FullyConnected": (None, None, 0),  # the clock stands still in it
                "data": (None, None, 13),
                "loss": (None, None, 18),
                "error": (None, None, 17),
                "update": (None, None, 4),  # of two parameters
                "rest": (None, None, 19),
                "step": (3.5, 5.25, 79.75),
            },
        )

    def test_shares_add_up(self):
        model, dataset = case(Slow(3, 5), Block(Slow(1, 2), Slow(0.5, 0)), l2=0.1)
        *rows, step = self.profile(model, dataset).rows()
        self.assertIn("penalty", [row.name for row in rows])
        outer = [row for row in rows if "." not in row.layer]
        self.assertEqual(len(rows) - len(outer), 2)
        self.assertAlmostEqual(sum(row.share for row in outer), 1, places=12)
        self.assertAlmostEqual(sum(row.ms for row in outer), step.ms, places=9)
        self.assertEqual(step.share, 1)

    def test_a_block_holds_its_layers(self):
        model, dataset = case(Block(Slow(3, 5), Block(Slow(10, 20))))
        rows = self.rows(self.profile(model, dataset))
        self.assertEqual(rows["1 Block"], (15, 25, 40))
        self.assertEqual(rows["1.1 Slow"], (3, 5, 8))
        self.assertEqual(rows["1.2 Block"], (11, 20, 31))
        self.assertEqual(rows["1.2.1 Slow"], (10, 20, 30))
        self.assertEqual(rows["step"][2], 40 + 18 + 17 + 4)

    def test_a_frozen_layer_has_no_backward_pass(self):
        model, dataset = case(Slow(3, 5), Slow(1, 2))
        model.layers[0].frozen = True
        rows = self.rows(self.profile(model, dataset))
        self.assertEqual((rows["1 Slow"], rows["2 Slow"]), ((3, None, 3), (1, 2, 3)))

    def test_a_penalty_is_not_part_of_the_loss(self):
        def slow_gradients(penalty, layers):
            CLOCK.now += 23

        model, dataset = case(Slow(3, 5), l2=0.1)
        with mock.patch.object(WeightPenalty, "add_gradients", slow_gradients):
            rows = self.rows(self.profile(model, dataset))
        found = [rows[name][2] for name in ("loss", "penalty", "rest", "step")]
        self.assertEqual(found, [18, 23, 0, 8 + 18 + 23 + 17 + 4])

    def test_what_is_between_two_steps(self):
        model, dataset = case(Slow(3, 5))
        with mock.patch("neural_networks.training.interruption.StopSignals.check") as check:
            check.side_effect = lambda: setattr(CLOCK, "now", CLOCK.now + 100)
            rows = self.rows(self.profile(model, dataset, epochs=1))
        # After the last of three steps come the end of the epoch and the validation.
        self.assertEqual(rows["rest"][2], round(200 / 3, 9))

    def test_a_pass_that_calls_itself_counts_once(self):
        class Logits(Slow):
            def backward_from_logits(self, dLdZ):
                return self.backward_faster(dLdZ)

        model, dataset = case(Logits(3, 5))
        profile = Profile(model, dataset)
        with profile.timing():
            model.layers[0].backward_from_logits(np.ones((1, 4)))
        self.assertEqual(profile.layers[0].backward.seconds, 5)


class TestOnlySteps(ClockTest):
    def test_predictions_are_not_counted(self):
        model, dataset = case(Slow(3, 5), Block(Slow(1, 2)))
        model.prepare(dataset)
        X, Y = dataset.train.data, dataset.train.labels
        expected, loss = model.predict(X, Y)
        profile = Profile(model, dataset)
        with profile.timing():
            found, same_loss = model.predict(X, Y)
            model.error(Y, found)
        np.testing.assert_array_equal(found, expected)
        self.assertEqual(same_loss, loss)
        self.assertEqual([watch.forward.seconds for watch in profile.layers], [0] * 4)
        self.assertEqual(profile.rows(), [])

    def test_steps_of_another_dataset_are_not_counted(self):
        (model, dataset), (_, other) = case(Slow(3, 5)), case()
        profile = Profile(model, other)
        with profile.timing():
            model.train(dataset, 1)
        self.assertEqual((profile.n_steps, profile.rows()), (0, []))

    def test_an_update_that_is_not_part_of_a_step(self):
        model, dataset = case(Slow(3, 5))
        profile = Profile(model, dataset)
        with profile.timing():
            model.train(dataset, 1)
            model.update(0)
        self.assertEqual((profile.n_steps, self.rows(profile)["update"][2]), (3, 4))

    def test_two_trainings(self):
        model, dataset = case(Slow(3, 5))
        profile = Profile(model, dataset)
        with profile.timing():
            model.train(dataset, 1)
            CLOCK.now += 1000
            model.train(dataset, 1)
        self.assertEqual(profile.n_steps, 6)
        self.assertEqual(self.rows(profile)["rest"][2], 0)


class TestExceptions(ClockTest):
    def test_a_step_that_fails_is_not_counted(self):
        for error in (ArithmeticError, KeyboardInterrupt, SystemExit):
            with self.subTest(error.__name__):
                model, dataset = case(Slow(3, 5, fails_at=6, error=error))
                profile = Profile(model, dataset)
                with self.assertRaises(error), profile.timing():
                    model.train(dataset, 5)
                self.assertEqual(assigned(model, dataset), [])
                self.assertEqual(profile.n_steps, 5)
                rows = self.rows(profile)
                self.assertEqual((rows["1 Slow"], rows["step"][2]), ((3, 5, 8), 8 + 18 + 17 + 4))
                with profile.timing():
                    model.train(dataset, 1)
                self.assertEqual((profile.n_steps, self.rows(profile)), (8, rows))

    def test_the_batch_of_a_step_that_fails_is_not_counted(self):
        dense = FullyConnected(4, "linear", rng=0)
        model, dataset = case(dense, Slow(3, 5, fails_at=5))
        profile = Profile(model, dataset)
        with profile.timing():
            with self.assertRaises(ArithmeticError):
                model.train(dataset, 5)
            model.train(dataset, 1)
        n_batches = {shape: n for (shape, _), n in profile.layers[0].batches.items()}
        self.assertEqual((profile.n_steps, n_batches), (7, {(4, 4): 5, (2, 4): 2}))

    def test_methods_of_ones_own_come_back(self):
        model, dataset = case(Slow(3, 5))
        layer, calls = model.layers[0], []
        layer.forward_faster = own = lambda X: calls.append(len(X)) or X
        profile = Profile(model, dataset)
        with profile.timing():
            with Profile(model, dataset).timing():
                pass
            calls.clear()
            model.train(dataset, 1)
        self.assertIs(vars(layer)["forward_faster"], own)
        self.assertEqual(calls[-4:], [4, 4, 2, 10])  # three steps and the validation
        self.assertEqual(profile.n_steps, 3)

    def test_a_profile_that_cannot_begin(self):
        model, dataset = case(Slow(3, 5))
        with (
            mock.patch.object(model, "regularization", object()),
            self.assertRaises((AttributeError, TypeError)),
            Profile(model, dataset).timing(),
        ):
            self.fail("the block is not entered")
        self.assertEqual(assigned(model, dataset), [])

    def test_ctrl_c_at_any_moment(self):
        def work():
            with Profile(model, dataset).timing():
                model.train(dataset, 1)

        def is_profile(file):
            return file in (profiling.__file__, stopwatch.__file__)

        model, dataset = case(Slow(3, 5))
        total, _ = interrupt_at(0, work, is_profile, ["opcode"])
        self.assertGreater(total, 1000)
        for at in range(1, total, total // 97):
            model, dataset = case(Slow(3, 5))
            _, place = interrupt_at(at, work, is_profile, ["opcode"])
            self.assertEqual(assigned(model, dataset), [], place)


class TestSameResults(unittest.TestCase):
    def test_bit_for_bit(self):
        for name, case in interrupts.CASES.items():
            with self.subTest(name):
                results = []
                for is_timed in (False, True):
                    model, dataset = case()
                    profile = Profile(model, dataset)
                    if is_timed:
                        with profile.timing():
                            model.train(dataset, 3)
                            state = model.state()  # as within a training
                    else:
                        model.train(dataset, 3)
                        state = model.state()
                    results.append((model.arrays(), model.history, model.step_losses, state))
                self.assertEqual(profile.n_steps, len(model.step_losses))
                np.testing.assert_equal(*results)

    def test_real_times(self):
        model, dataset = interrupts.convolutional_case()
        profile = Profile(model, dataset)
        with profile.timing():
            model.train(dataset, 2)
        *rows, step = profile.rows()
        self.assertTrue(all(row.ms > 0 for row in rows), rows)
        self.assertAlmostEqual(sum(row.share for row in rows), 1, places=9)
        # 16 images of 12×12×3; 8 kernels of 3×3; the dense layer has 6·6·8 inputs, 3 outputs.
        convolution, dense = 16 * 144 * 27 * 8 * 2, 16 * 288 * 3 * 2
        self.assertEqual([row.operations for row in rows[:4]], [2 * convolution, 0, 0, 3 * dense])
        self.assertEqual(step.operations, 2 * convolution + 3 * dense)
        self.assertAlmostEqual(rows[0].gflop_per_s, rows[0].operations / rows[0].ms / 1e6, places=9)
        self.assertEqual([row.gflop_per_s for row in rows[1:3]], [None, None])

    def test_a_smaller_batch_at_the_end_of_an_epoch(self):
        model, dataset = case()
        profile = Profile(model, dataset)
        with profile.timing():
            model.train(dataset, 1)
        (dense, *_), layer = profile.rows(), model.layers[0]
        self.assertEqual(dense.operations * 3, 2 * 10 * 4 * 2 * 2)  # ten rows in three steps
        self.assertEqual(dense.cache_bytes, 4 * (4 + 2) * 8)  # of the four in the largest batch
        self.assertEqual(len(layer.cache["X"]), 2)

    def test_only_the_passes_that_a_step_has_are_counted(self):
        model, dataset = case(FullyConnected(4, "linear", rng=0))
        profile, forward = Profile(model, dataset), 2 * 10 * 4 * 4
        model.layers[0].frozen = True
        with profile.timing():
            model.train(dataset, 1)
            self.assertEqual(profile.rows()[0].operations * 3, forward)
            model.layers[0].frozen = False
            model.train(dataset, 1)
        self.assertEqual(profile.rows()[0].operations * 6, 3 * forward)

    def test_a_class_of_ones_own_has_no_operations(self):
        model, dataset = case(Slow(0, 0))
        profile = Profile(model, dataset)
        with profile.timing():
            model.train(dataset, 1)
        slow, dense, *_, step = profile.rows()
        self.assertEqual((slow.operations, slow.gflop_per_s, step.operations), (None, None, None))
        self.assertGreater(dense.operations, 0)

    def test_a_residual_block(self):
        model, dataset = interrupts.dense_case()
        profile = Profile(model, dataset)
        with profile.timing():
            model.train(dataset, 2)
        rows = {row.layer: row for row in profile.rows() if row.layer}
        self.assertEqual(list(rows), ["1", "2", "3", "4", "4.1", "5"])
        block, inner = rows["4"], rows["4.1"]
        self.assertEqual((block.name, inner.name), ("Residual", "FullyConnected"))
        self.assertEqual(block.operations, inner.operations)
        self.assertEqual(inner.operations, 3 * 2 * 10 * 10 * 10)
        self.assertGreater(block.ms, inner.ms)
        self.assertEqual(block.slot_bytes, inner.slot_bytes)
        self.assertEqual(inner.slot_bytes, 2 * 8 * (10 * 10 + 10))


if __name__ == "__main__":
    unittest.main()
