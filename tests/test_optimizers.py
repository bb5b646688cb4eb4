"""Stochastic gradient descent, clipping and learning-rate schedules."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.optimizers import SGD, initialize_optimizer
from neural_networks.schedulers import initialize_scheduler
from tests.helpers import load_oracle, sizes


def update(optimizer, *grad, epoch=0, name="W"):
    """The step for a gradient that is written out."""
    return optimizer.update(name, np.zeros(len(grad)), np.array(grad, dtype=np.float64), epoch)


class TestSGD(unittest.TestCase):
    def test_fifty_steps_against_oracle(self):
        data = load_oracle("sgd")
        for suffix, momentum in (("", None), ("", 0.0), ("_momentum", 0.9)):
            optimizer = initialize_optimizer("SGD", float(data["lr"]), momentum=momentum)
            param, path = data["start"], []
            for grad in data["gradients"]:
                param = param - optimizer.update("W", param, grad, 0)
                path.append(param)
            with self.subTest(momentum=momentum):
                np.testing.assert_allclose(path, data[f"path{suffix}"], rtol=1e-11, atol=1e-12)

    def test_without_momentum_the_step_is_lr_times_gradient(self):
        optimizer = initialize_optimizer("SGD", lr=0.5)
        for _ in range(2):
            np.testing.assert_array_equal(update(optimizer, 4.0, -2.0), [2.0, -1.0])

    def test_momentum_by_hand(self):
        """v ← 0.5 v + lr · g with lr = 0.1, 0.05, 0.025: the rate belongs to the gradient."""
        optimizer = initialize_optimizer(
            "SGD", lr=0.1, momentum=0.5, lr_scheduler="exponential", lr_decay=0.5
        )
        for epoch, grad, v in ((0, 1.0, 0.1), (1, 2.0, 0.15), (2, -4.0, -0.025)):
            np.testing.assert_allclose(update(optimizer, grad, epoch=epoch), [v], rtol=1e-12)

    def test_each_parameter_has_its_own_velocity(self):
        optimizer = initialize_optimizer("SGD", lr=1.0, momentum=0.5)
        update(optimizer, 8.0, name="layer1.W")
        np.testing.assert_array_equal(update(optimizer, 2.0, name="layer2.W"), [2.0])
        np.testing.assert_array_equal(update(optimizer, 0.0, name="layer1.W"), [4.0])
        np.testing.assert_array_equal(update(optimizer, 0.0, name="layer2.W"), [1.0])

    def test_two_optimizers_share_nothing(self):
        one, two = (initialize_optimizer("SGD", lr=1.0, momentum=0.5) for _ in range(2))
        update(one, 8.0)
        np.testing.assert_array_equal(update(two, 0.0), [0.0])

    def test_steps_are_not_changed_by_later_updates(self):
        optimizer = initialize_optimizer("SGD", lr=1.0, momentum=0.5)
        first = update(optimizer, 4.0)
        second = update(optimizer, 4.0)
        update(optimizer, 100.0)
        np.testing.assert_array_equal(first, [4.0])
        np.testing.assert_array_equal(second, [6.0])

    def test_descends_a_valley(self):
        """Minimising (a² + 25 b²)/2: momentum is there long before the plain descent is."""
        distance = {}
        for momentum in (0.0, 0.7):
            optimizer = initialize_optimizer("SGD", lr=0.03, momentum=momentum)
            x = np.array([10.0, 1.0])
            for _ in range(100):
                x = x - optimizer.update("x", x, np.array([1.0, 25.0]) * x, 0)
            distance[momentum] = float(np.linalg.norm(x))
        self.assertLess(distance[0.0], 1.0)
        self.assertLess(distance[0.7], 0.01 * distance[0.0])

    def test_zero_rate_stands_still(self):
        np.testing.assert_array_equal(update(SGD(0.0), 3.0, 4.0), [0.0, 0.0])


class TestClipping(unittest.TestCase):
    def test_by_hand(self):
        """(3, 4) has norm 5."""
        for clip_norm, expected in ((1.0, [0.6, 0.8]), (5.0, [3.0, 4.0]), (6.0, [3.0, 4.0])):
            optimizer = initialize_optimizer("SGD", lr=1.0, clip_norm=clip_norm)
            np.testing.assert_allclose(update(optimizer, 3.0, 4.0), expected, rtol=1e-12)

    def test_lr_and_momentum_come_after_clipping(self):
        optimizer = initialize_optimizer("SGD", lr=0.1, momentum=0.5, clip_norm=1.0)
        np.testing.assert_allclose(update(optimizer, 3.0, 4.0), [0.06, 0.08], rtol=1e-12)
        np.testing.assert_allclose(update(optimizer, 30.0, 40.0), [0.09, 0.12], rtol=1e-12)

    def test_fifty_steps_by_definition(self):
        data = load_oracle("sgd")
        optimizer = initialize_optimizer("SGD", 0.05, momentum=0.9, clip_norm=1.5)
        v = 0.0
        clipped = 0
        for grad in data["gradients"]:
            norm = math.sqrt(sum(g * g for g in grad.ravel()))
            clipped += norm > 1.5
            v = 0.9 * v + 0.05 * grad * min(1.0, 1.5 / norm)
            step = optimizer.update("W", data["start"], grad, 0)
            np.testing.assert_allclose(step, v, rtol=1e-11)
        self.assertTrue(0 < clipped < 50, "both cases occur")

    def test_squares_that_overflow(self):
        for dtype, size in (("float32", 1e30), ("float64", 1e300)):
            optimizer = initialize_optimizer("SGD", lr=1.0, clip_norm=2.0)
            grad = np.full((2, 2), size, dtype)
            with self.subTest(dtype):
                step = optimizer.update("W", np.zeros_like(grad), grad, 0)
                np.testing.assert_allclose(step, np.ones((2, 2)), rtol=1e-6)
                self.assertEqual(step.dtype, dtype)

    def test_zero_gradient(self):
        optimizer = initialize_optimizer("SGD", lr=1.0, clip_norm=1.0)
        np.testing.assert_array_equal(update(optimizer, 0.0, 0.0), [0.0, 0.0])

    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(1e-3, 1e3))
    def test_norm_and_direction(self, grad, clip_norm):
        grad = np.array(grad)
        optimizer = initialize_optimizer("SGD", lr=1.0, clip_norm=clip_norm)
        step = optimizer.update("W", np.zeros_like(grad), grad, 0)
        norm = math.hypot(*grad)
        self.assertAlmostEqual(math.hypot(*step), min(norm, clip_norm), delta=1e-9 * clip_norm)
        np.testing.assert_allclose(step * norm, grad * math.hypot(*step), rtol=1e-9, atol=1e-6)


class TestSchedulers(unittest.TestCase):
    def test_against_oracle(self):
        data = load_oracle("schedulers")
        smooth = initialize_scheduler("exponential", 0.1, decay=0.8)
        stairs = initialize_scheduler("exponential", 0.1, decay=0.5, stage_length=3, staircase=True)
        for schedule, rates in ((smooth, data["exponential"]), (stairs, data["staircase"])):
            found = [schedule(epoch) for epoch in range(len(rates))]
            np.testing.assert_allclose(found, rates, rtol=1e-12)

    def test_by_hand(self):
        cases = (
            # decay, stage_length, staircase, {epoch: rate}, from lr = 8
            (0.5, 1, False, {0: 8, 1: 4, 3: 1, 0.5: 8 / math.sqrt(2)}),
            (0.5, 2, False, {0: 8, 1: 8 / math.sqrt(2), 2: 4, 4: 2}),
            (0.5, 1, True, {0: 8, 0.99: 8, 1: 4, 1.5: 4, 2.999: 2, 3: 1}),
            (0.25, 2, True, {0: 8, 1: 8, 1.9: 8, 2: 2, 3.5: 2, 4: 0.5}),
            (0.5, 0.5, True, {0.25: 8, 0.5: 4, 0.75: 4, 1: 2}),
            (2.0, 1, False, {0: 8, 1: 16}),
        )
        for decay, stage_length, staircase, rates in cases:
            schedule = initialize_scheduler("exponential", 8.0, decay, stage_length, staircase)
            for epoch, rate in rates.items():
                with self.subTest(decay=decay, staircase=staircase, epoch=epoch):
                    self.assertAlmostEqual(schedule(epoch), rate, places=12)
                    self.assertIs(type(schedule(epoch)), float)

    def test_defaults(self):
        schedule = initialize_scheduler("exponential", 1.0)
        self.assertAlmostEqual(schedule(2), 0.99**2, places=12)
        self.assertAlmostEqual(schedule(0.5), math.sqrt(0.99), places=12)

    def test_constant(self):
        for name in ("constant", None):
            schedule = initialize_scheduler(name, 0.3, decay=0.5, staircase=True)
            self.assertEqual([schedule(epoch) for epoch in (0, 0.5, 1000)], [0.3] * 3)

    @given(st.floats(0.01, 10), st.floats(0.1, 0.99), st.floats(0, 50), sizes)
    def test_staircase_holds_the_rate_of_the_stage_begun(self, lr, decay, epoch, stage_length):
        stairs = initialize_scheduler("exponential", lr, decay, stage_length, True)
        smooth = initialize_scheduler("exponential", lr, decay, stage_length)
        begun = epoch // stage_length * stage_length
        self.assertAlmostEqual(stairs(epoch), smooth(begun), delta=1e-12 * lr)
        self.assertGreaterEqual(stairs(epoch), smooth(epoch) * (1 - 1e-12))

    def test_the_optimizer_follows_its_schedule(self):
        optimizer = initialize_optimizer(
            "SGD", 1.0, "exponential", lr_decay=0.5, staircase=True, stage_length=2
        )
        rates = [float(update(optimizer, 1.0, epoch=epoch)[0]) for epoch in (0, 1, 2, 3.9, 4)]
        np.testing.assert_allclose(rates, [1.0, 1.0, 0.5, 0.5, 0.25], rtol=1e-12)
        np.testing.assert_array_equal(update(initialize_optimizer("SGD", 1.0), 1.0, epoch=9), [1])


class TestBadArguments(unittest.TestCase):
    def test_numbers_out_of_range_are_named(self):
        wrong = {
            "lr": (-0.1, math.nan, math.inf),
            "momentum": (-0.1, 1.0, 1.5, math.nan),
            "clip_norm": (0, -1.0, math.nan, math.inf),
            "lr_decay": (0, -0.5, math.nan, math.inf),
            "stage_length": (0, -1, math.nan),
        }
        for option, values in wrong.items():
            for value in values:
                arguments = {"lr": 0.1, "lr_scheduler": "exponential", option: value}
                rule = f"^{option} must be .*{value}"
                with self.subTest(option, value=value), self.assertRaisesRegex(ValueError, rule):
                    initialize_optimizer("SGD", **arguments)

    def test_what_is_no_number_is_named(self):
        for option in ("lr", "momentum", "clip_norm", "lr_decay", "stage_length"):
            for value in ("fast", [1, 2], {}):
                arguments = {"lr": 0.1, "lr_scheduler": "exponential", option: value}
                with self.subTest(option, value=value), self.assertRaisesRegex(TypeError, option):
                    initialize_optimizer("SGD", **arguments)

    def test_unknown_names(self):
        with self.assertRaisesRegex(ValueError, "optimizer 'SDG'.*did you mean 'SGD'"):
            initialize_optimizer("SDG", lr=0.1)
        with self.assertRaisesRegex(ValueError, "scheduler 'exponental'.*did you mean 'expon"):
            initialize_optimizer("SGD", lr=0.1, lr_scheduler="exponental")
        with self.assertRaisesRegex(ValueError, "scheduler 'cosine'.*constant, exponential"):
            initialize_scheduler("cosine", 0.1)
