"""Optimizers: properties that all share, stochastic gradient descent, clipping, schedules."""

import copy
import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.optimizers import OPTIMIZERS, SGD, initialize_optimizer
from tests.support.arrays import float_arrays, least_growth, load_oracle, unchanged
from tests.support.optimizer_cases import (
    CASES,
    CHANGING,
    DECAY,
    STEPS_PER_EPOCH,
    every_optimizer,
    path,
    steps,
    update,
)

GRADIENTS = np.random.default_rng(11).standard_normal((6, 2, 3))


class TestAgainstOracle(unittest.TestCase):
    def follow(self, cases, ending, rtol, dtype="float64", **schedule):
        data = load_oracle("optimizers")
        start, gradients = data["start"].astype(dtype), data["gradients"].astype(dtype)
        for case in cases:
            optimizer = every_optimizer(**schedule)[case]
            found = path(optimizer, start, gradients, STEPS_PER_EPOCH)
            with self.subTest(case):
                self.assertEqual(found.dtype, dtype)
                np.testing.assert_allclose(found, data[case + ending], rtol, atol=rtol / 100)

    def test_fifty_steps(self):
        self.follow(CASES, "", 1e-10)

    def test_fifty_steps_at_a_rate_that_changes(self):
        self.follow(CHANGING, "_changing", 1e-10, lr_scheduler="exponential", lr_decay=DECAY)

    def test_fifty_steps_in_single_precision(self):
        self.follow(CASES, "", 3e-4, dtype="float32")

    def test_every_optimizer_is_there(self):
        self.assertEqual({name for name, _ in CASES.values()}, set(OPTIMIZERS))
        self.assertEqual(len(load_oracle("optimizers")), 2 + len(CASES) + len(CHANGING))


class TestEveryOptimizer(unittest.TestCase):
    def pairs(self):
        """The name of each case, and two optimizers of it, equal and new."""
        return zip(CASES, every_optimizer().values(), every_optimizer().values(), strict=True)

    def test_each_parameter_has_its_own_slots(self):
        for case, one, other in self.pairs():
            alone = steps(other, GRADIENTS, "layer1.W")
            for gradient, expected in zip(GRADIENTS, alone, strict=True):
                found = one.update("layer1.W", np.ones((2, 3)), gradient, 0)
                one.update("layer1.b", np.zeros(4), np.full(4, 50.0), 0)
                np.testing.assert_array_equal(found, expected, case)
            np.testing.assert_array_equal(steps(one, GRADIENTS, "layer2.W"), alone, case)

    def test_two_share_nothing(self):
        for case, one, other in self.pairs():
            np.testing.assert_array_equal(steps(one, GRADIENTS), steps(other, GRADIENTS), case)

    def test_slots_hold_all_that_the_next_step_depends_on(self):
        """Copied slots continue as the original ones do; they are arrays and whole numbers."""
        for case, one, other in self.pairs():
            steps(one, GRADIENTS)
            other._slots = copy.deepcopy(one._slots)
            for parameter, slots in one._slots.items():
                self.assertEqual(parameter, "W")
                self.assertLessEqual({type(value) for value in slots.values()}, {np.ndarray, int})
            np.testing.assert_array_equal(steps(one, GRADIENTS), steps(other, GRADIENTS), case)

    def test_steps_are_not_changed_by_later_updates(self):
        for case, one, other in self.pairs():
            found = [one.update("W", np.ones((2, 3)), g, 0) for g in GRADIENTS]
            copies = [other.update("W", np.ones((2, 3)), g, 0).copy() for g in GRADIENTS]
            np.testing.assert_array_equal(found, copies, case)

    def test_numbers_do_not_meet(self):
        """The step of one number depends on its own gradients alone."""
        for case, one, other in self.pairs():
            found, expected = steps(one, GRADIENTS[:, 1, 2:]), steps(other, GRADIENTS)[:, 1, 2:]
            np.testing.assert_allclose(found, expected, rtol=1e-14, err_msg=case)

    def test_a_rate_of_zero_stands_still(self):
        for case, (name, options) in CASES.items():
            found = steps(initialize_optimizer(name, 0.0, **options), GRADIENTS)
            np.testing.assert_array_equal(found, np.zeros((6, 2, 3)), case)

    def test_each_gradient_is_clipped_before_anything_else(self):
        limit = 1.5
        norms = [math.hypot(*g.ravel()) for g in GRADIENTS]
        self.assertTrue(min(norms) < limit < max(norms), "both cases occur")
        clipped = [g * min(1, limit / norm) for g, norm in zip(GRADIENTS, norms, strict=True)]
        for case, optimizer in every_optimizer(clip_norm=limit).items():
            expected = steps(every_optimizer()[case], clipped)
            with self.subTest(case):
                np.testing.assert_allclose(steps(optimizer, GRADIENTS), expected, rtol=1e-12)

    def test_memory_does_not_grow(self):
        param = np.ones((40, 40))  # 12,800 bytes
        optimizers, kept = every_optimizer(), []

        def work(leak=None):
            for case, optimizer in optimizers.items():
                found = [optimizer.update("W", param, param, 0) for _ in range(20)]
                if case == leak:
                    kept.append(found.pop())

        self.assertLess(least_growth(work), 6_000)
        self.assertGreater(least_growth(lambda: work("adam")), 6_000, "a leak would be seen")

    def test_descends_a_narrow_valley(self):
        """Minimising (a² + 25 b²)/2, whose axes are rotated against those of the parameter."""
        turn = np.array([[0.8, -0.6], [0.6, 0.8]])
        A, start = turn @ np.diag([1.0, 25.0]) @ turn.T, turn @ np.array([10.0, 1.0])
        for name, lr, options in (
            ("SGD", 0.03, {}),
            ("SGD", 0.03, {"momentum": 0.7}),
            ("SGD", 0.03, {"momentum": 0.7, "nesterov": True}),
            ("RMSProp", 0.1, {}),
            ("Adam", 0.3, {}),
            ("AdamW", 0.3, {}),
            ("AdaGrad", 2.0, {}),
            ("AdaDelta", 1.0, {"epsilon": 0.01}),
        ):
            schedule = {"lr_scheduler": "cosine", "scheduler_args": {"epochs": 300}}
            optimizer = initialize_optimizer(name, lr, **schedule, **options)
            x = start
            for epoch in range(300):
                x = x - optimizer.update("x", x, A @ x, epoch)
            with self.subTest(name, **options):
                self.assertLess(x @ A @ x, 1e-3 * (start @ A @ start))


class TestSGD(unittest.TestCase):
    def test_without_momentum_the_step_is_lr_times_gradient(self):
        for momentum in (None, 0.0):
            optimizer = initialize_optimizer("SGD", lr=0.5, momentum=momentum)
            for _ in range(2):
                np.testing.assert_array_equal(update(optimizer, 4.0, -2.0), [2.0, -1.0])
            self.assertEqual(optimizer._slots, {}, "no velocity")

    def test_momentum_by_hand(self):
        """v ← 0.5 v + lr · g with lr = 0.1, 0.05, 0.025: the rate belongs to the gradient."""
        optimizer = initialize_optimizer(
            "SGD", lr=0.1, momentum=0.5, lr_scheduler="exponential", lr_decay=0.5
        )
        for epoch, grad, v in ((0, 1.0, 0.1), (1, 2.0, 0.15), (2, -4.0, -0.025)):
            np.testing.assert_allclose(update(optimizer, grad, epoch=epoch), [v], rtol=1e-12)

    def test_nesterov_by_hand(self):
        """The same v; the steps are 0.5 v + lr · g."""
        optimizer = initialize_optimizer(
            "SGD", 0.1, "exponential", lr_decay=0.5, momentum=0.5, nesterov=True
        )
        for epoch, grad, step in ((0, 1.0, 0.15), (1, 2.0, 0.175), (2, -4.0, -0.1125)):
            np.testing.assert_allclose(update(optimizer, grad, epoch=epoch), [step], rtol=1e-12)

    @given(float_arrays((5, 3)), st.floats(0.1, 0.9))
    def test_nesterov_looks_one_step_ahead(self, gradients, momentum):
        """Its step is the next one of plain momentum for the same gradient."""
        nesterov = initialize_optimizer("SGD", 0.1, momentum=momentum, nesterov=True)
        for i in range(len(gradients)):
            plain = initialize_optimizer("SGD", 0.1, momentum=momentum)
            ahead = steps(plain, [*gradients[: i + 1], gradients[i]])[-1]
            found = nesterov.update("W", np.ones(3), gradients[i], 0)
            np.testing.assert_allclose(found, ahead, rtol=1e-10, atol=1e-15)

    def test_weight_decay_by_hand(self):
        """θ = (10, -20) and λ = 0.1 make (4, 2) into (5, 0); then v = 0.5 · (2.5, 0) + (2.5, 0)."""
        optimizer = initialize_optimizer("SGD", lr=0.5, momentum=0.5, weight_decay=0.1)
        param, grad = np.array([10.0, -20.0]), np.array([4.0, 2.0])
        for expected in ([2.5, 0.0], [3.75, 0.0]):
            np.testing.assert_allclose(optimizer.update("W", param, grad, 0), expected, rtol=1e-12)

    def test_momentum_is_there_long_before_plain_descent(self):
        """Minimising (a² + 25 b²)/2."""
        distance = {}
        for momentum in (0.0, 0.7):
            optimizer = initialize_optimizer("SGD", lr=0.03, momentum=momentum)
            x = np.array([10.0, 1.0])
            for _ in range(100):
                x = x - optimizer.update("x", x, np.array([1.0, 25.0]) * x, 0)
            distance[momentum] = float(np.linalg.norm(x))
        self.assertLess(distance[0.0], 1.0)
        self.assertLess(distance[0.7], 0.01 * distance[0.0])


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

    def test_weight_decay_comes_after_clipping(self):
        """(0.6, 0.8) + 0.1 · (10, 20)."""
        optimizer = SGD(1.0, clip_norm=1.0, weight_decay=0.1)
        step = optimizer.update("W", np.array([10.0, 20.0]), np.array([3.0, 4.0]), 0)
        np.testing.assert_allclose(step, [1.6, 2.8], rtol=1e-12)

    def test_squares_that_overflow(self):
        for dtype, size in (("float32", 1e30), ("float64", 1e300)):
            optimizer = initialize_optimizer("SGD", lr=1.0, clip_norm=2.0)
            grad = np.full((2, 2), -size, dtype)
            with self.subTest(dtype):
                step = optimizer.update("W", np.zeros_like(grad), grad, 0)
                np.testing.assert_allclose(step, -np.ones((2, 2)), rtol=1e-6)
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


class TestClippingTogether(unittest.TestCase):
    def test_by_hand(self):
        """(2, 4, 4) has norm 6, wherever its numbers are."""
        gradients = [np.array([[2.0], [4.0]]), np.array([4.0])]
        found = SGD(1.0, clip_global_norm=3.0).clip_by_global_norm(gradients)
        for g, expected in zip(found, ([[1.0], [2.0]], [2.0]), strict=True):
            np.testing.assert_allclose(g, expected, rtol=1e-14)

    def test_what_is_not_too_great_stays_as_it_is(self):
        gradients = [np.array([[2.0], [4.0]]), np.array([4.0])]
        for limit in (None, 6.0, 7.0):
            found = SGD(1.0, clip_global_norm=limit, clip_norm=1.0).clip_by_global_norm(gradients)
            self.assertTrue(all(a is b for a, b in zip(found, gradients, strict=True)), limit)

    def test_update_leaves_it_to_the_network(self):
        for case, optimizer in every_optimizer(clip_global_norm=0.1).items():
            expected = steps(every_optimizer()[case], GRADIENTS)
            np.testing.assert_array_equal(steps(optimizer, GRADIENTS), expected, case)

    @given(st.lists(float_arrays((2, 3)), min_size=1, max_size=4), st.floats(0.01, 20))
    def test_as_if_all_gradients_were_one(self, gradients, limit):
        """Each array's share is that of the concatenation, which ``clip`` clips."""
        together = SGD(1.0, clip_global_norm=limit).clip_by_global_norm(gradients)
        one = SGD(1.0, clip_norm=limit).clip(np.concatenate(gradients))
        np.testing.assert_allclose(np.concatenate(together), one, rtol=1e-12)

    @given(st.lists(float_arrays(st.integers(1, 4)), max_size=4), st.floats(0.01, 20))
    def test_norm_and_direction(self, gradients, limit):
        found = SGD(1.0, clip_global_norm=limit).clip_by_global_norm(gradients)
        before, after = (math.hypot(*(x for g in gs for x in g)) for gs in (gradients, found))
        self.assertAlmostEqual(after, min(before, limit), delta=1e-12 * limit)
        for g, clipped in zip(gradients, found, strict=True):
            np.testing.assert_allclose(clipped * before, g * after, rtol=1e-12)

    def test_squares_that_overflow(self):
        """(1, -2), (0) and (2) times something huge have norm 3 times that."""
        for dtype, size in (("float32", 1e30), ("float64", 1e300)):
            unit = [np.array(numbers, dtype) for numbers in ([1, -2], [0], [2])]
            gradients = [g * np.array(size, dtype) for g in unit]
            with self.subTest(dtype), unchanged(*gradients):
                found = SGD(1.0, clip_global_norm=3.0).clip_by_global_norm(gradients)
                for g, expected in zip(found, unit, strict=True):
                    np.testing.assert_allclose(g, expected, rtol=1e-6)

    def test_small_gradients_beside_a_huge_one(self):
        gradients = [np.array([1e200]), np.array([1e190])]
        found = SGD(1.0, clip_global_norm=1.0).clip_by_global_norm(gradients)
        np.testing.assert_allclose(np.concatenate(found), [1.0, 1e-10], rtol=1e-12)


class TestSchedule(unittest.TestCase):
    def test_the_optimizer_follows_its_schedule(self):
        optimizer = initialize_optimizer(
            "SGD", 1.0, "exponential", lr_decay=0.5, staircase=True, stage_length=2
        )
        rates = [float(update(optimizer, 1.0, epoch=epoch)[0]) for epoch in (0, 1, 2, 3.9, 4)]
        np.testing.assert_allclose(rates, [1.0, 1.0, 0.5, 0.5, 0.25], rtol=1e-12)
        np.testing.assert_array_equal(update(initialize_optimizer("SGD", 1.0), 1.0, epoch=9), [1])

    def test_further_options(self):
        options = {"epochs": 4, "lr_min": 0.5, "after": "cosine", "start_factor": 0.5}
        for name in OPTIMIZERS:
            given_options = dict(options)
            optimizer = initialize_optimizer(name, 1.0, "warm_up", scheduler_args=given_options)
            rates = [optimizer.lr_scheduler(epoch) for epoch in (0, 2, 4)]
            np.testing.assert_allclose(rates, [0.5, 0.75, 0.5], rtol=1e-14)
            self.assertEqual(given_options, options)

    def test_both_kinds_of_options(self):
        optimizer = initialize_optimizer(
            "Adam", 8.0, "warm_up", lr_decay=0.5, stage_length=2, scheduler_args={"after": "step"}
        )
        self.assertEqual([optimizer.lr_scheduler(epoch) for epoch in (1, 2, 4)], [8, 4, 2])

    def test_a_plateau_lowers_the_step(self):
        options = {"factor": 0.5, "patience": 1}
        optimizer = initialize_optimizer("SGD", 1.0, "reduce_on_plateau", scheduler_args=options)
        for expected in (1, 1, 0.5):
            optimizer.lr_scheduler.on_epoch_end(7.0)
            np.testing.assert_array_equal(update(optimizer, 1.0), [expected])
