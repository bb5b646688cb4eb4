"""Optimizers with a per-element learning rate."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.optimizers import AdaDelta, AdaGrad, Adam, AdamW, RMSProp, initialize_optimizer
from tests.support.arrays import float_arrays
from tests.support.optimizer_cases import steps, update

ADAPTIVE = ("RMSProp", "Adam", "AdamW", "AdaGrad", "AdaDelta")
DECOUPLED = {"AdamW": {"weight_decay": 0.0}}

shares = st.floats(0, 0.99)
lrs = st.floats(0.001, 10)
epsilons = st.floats(1e-10, 1)
gradients = float_arrays((5, 3))


class ByHand(unittest.TestCase):
    """A test that compares the steps of one element with those computed by hand."""

    def check(self, optimizer, *expected):
        """Compare the step after each gradient with the one expected."""
        for i, (grad, step) in enumerate(expected):
            with self.subTest(type(optimizer).__name__, step=i):
                np.testing.assert_allclose(update(optimizer, grad), [step], rtol=1e-14)


class TestEveryOne(unittest.TestCase):
    def test_numbers_without_axes(self):
        for name in ADAPTIVE:
            single, row = (initialize_optimizer(name, 0.5) for _ in range(2))
            for gradient in (2.0, -0.5, 0.25):
                found = single.update("s", np.array(1.0), np.array(gradient), 0)
                expected = row.update("s", np.array([1.0]), np.array([gradient]), 0)
                np.testing.assert_array_equal(found, expected[0])

    def test_an_option_that_is_none_has_its_default(self):
        self.assertEqual(initialize_optimizer("Adam", 0.5, beta1=None).beta1, 0.9)
        self.assertEqual(initialize_optimizer("AdamW", 0.5, weight_decay=None).weight_decay, 0.01)

    def test_numbers_may_be_small_and_large(self):
        for name in ADAPTIVE:
            self.assertEqual(initialize_optimizer(name, 0.5, weight_decay=3).weight_decay, 3)
        sgd = initialize_optimizer("SGD", 1, momentum=0.01, nesterov=True)
        self.assertEqual(sgd.momentum, 0.01)

    def test_options_of_the_schedule_come_before_those_that_all_share(self):
        for shared in (None, 0.25):
            optimizer = initialize_optimizer(
                "Adam", 1, "exponential", lr_decay=shared, scheduler_args={"decay": 0.5}
            )
            self.assertEqual(optimizer.lr_scheduler(2), 0.25)


class TestAdaGrad(ByHand):
    def test_by_hand(self):
        """c is 9, 25 and 169; 1 + √c is 4, 6 and 14."""
        self.check(AdaGrad(2.0, epsilon=1.0), (3, 6 / 4), (-4, -8 / 6), (12, 24 / 14))

    def test_the_same_gradient_again_and_again(self):
        """c is t g², and the step lr / √t for every g."""
        found = steps(AdaGrad(0.5), np.full((9, 2), [1e-3, -700.0]))
        expected = 0.5 / np.sqrt(np.arange(1, 10))
        np.testing.assert_allclose(found, expected[:, np.newaxis] * [1, -1], rtol=1e-6)

    @given(gradients)
    def test_nothing_is_forgotten(self, gradients):
        """The order of the gradients before does not matter to a step."""
        forwards, backwards = steps(AdaGrad(1.0), gradients), AdaGrad(1.0)
        steps(backwards, gradients[-2::-1])
        last = backwards.update("W", np.ones(3), gradients[-1], 0)
        np.testing.assert_allclose(last, forwards[-1], rtol=1e-12)


class TestRMSProp(ByHand):
    def test_by_hand(self):
        """0.36 · 5² = 9; 0.64 · 9 + 0.36 · 3² = 9; 0.64 · 9 + 0.36 · (16/3)² = 16."""
        optimizer = RMSProp(2.0, gamma=0.64, epsilon=1.0)
        self.check(optimizer, (5, 10 / 4), (-3, -6 / 4), (16 / 3, 32 / 3 / 5))

    def test_without_averaging(self):
        optimizer = RMSProp(2.0, gamma=0.0, epsilon=1.0)
        self.check(optimizer, (3, 6 / 4), (-1, -2 / 2), (9, 18 / 10))

    @given(lrs, shares, epsilons, float_arrays(4))
    def test_first_step(self, lr, gamma, epsilon, grad):
        step = RMSProp(lr, gamma=gamma, epsilon=epsilon).update("W", np.ones(4), grad, 0)
        expected = lr * grad / (math.sqrt(1 - gamma) * np.abs(grad) + epsilon)
        np.testing.assert_allclose(step, expected, rtol=1e-12)

    def test_it_forgets(self):
        """Long after a huge gradient, steps are as they were before it."""
        ones = np.ones((60, 1))
        found = steps(RMSProp(0.1, gamma=0.5), np.concatenate([ones, [[1e3]], ones]))
        self.assertLess(found[61], 0.002 * found[59])
        np.testing.assert_allclose(found[-1], found[59], rtol=1e-9)


class TestAdaDelta(ByHand):
    def test_by_hand(self):
        """c is 9 three times, and √(c + 16) is 5.

        s is 0, and √(0 + 16) = 4; with d = 4/5 · 5 = 4, s is 0.36 · 4² = 5.76, and so on.
        """
        second = math.sqrt(5.76 + 16) / 5 * 3
        third = math.sqrt(0.64 * 5.76 + 0.36 * second**2 + 16) / 5 * 3
        optimizer = AdaDelta(2.0, rho=0.64, epsilon=16.0)
        self.check(optimizer, (5, 8), (-3, -2 * second), (3, 2 * third))

    def test_without_averaging(self):
        """c = g², s = d²: with ε = 1, g = √3, √8 and √8, d = √3 / 2 at first."""
        second = math.sqrt(3 / 4 + 1) / 3 * math.sqrt(8)
        third = math.sqrt(second**2 + 1) / 3 * math.sqrt(8)
        optimizer = AdaDelta(1.0, rho=0.0, epsilon=1.0)
        root = math.sqrt(8)
        self.check(optimizer, (math.sqrt(3), math.sqrt(3) / 2), (root, second), (root, third))

    @given(lrs, shares, epsilons, float_arrays(4))
    def test_first_step(self, lr, rho, epsilon, grad):
        step = AdaDelta(lr, rho=rho, epsilon=epsilon).update("W", np.ones(4), grad, 0)
        expected = lr * grad * np.sqrt(epsilon / ((1 - rho) * grad**2 + epsilon))
        np.testing.assert_allclose(step, expected, rtol=1e-12)

    @given(gradients, lrs)
    def test_the_rate_does_not_feed_back(self, gradients, lr):
        """Its state holds the steps at a rate of 1."""
        expected = lr * steps(AdaDelta(1.0), gradients)
        np.testing.assert_allclose(steps(AdaDelta(lr), gradients), expected, rtol=1e-12)


class TestAdam(ByHand):
    def test_by_hand(self):
        """β1 = ½ and β2 = ¾; their powers are ½, ¼, ⅛ and 3/4, 9/16, 27/64.

        m = 1, 2½, 1¼, over ½, ¾, ⅞: 2, 10/3, 10/7.
        v = 1, 4¾, 3 9/16, over ¼, 7/16, 37/64: 4, 76/7, 228/37.
        """
        self.check(
            Adam(3.0, beta1=0.5, beta2=0.75, epsilon=1.0),
            (2, 3 * 2 / (2 + 1)),
            (4, 3 * (10 / 3) / (math.sqrt(76 / 7) + 1)),
            (0, 3 * (10 / 7) / (math.sqrt(228 / 37) + 1)),
        )

    def test_without_averaging(self):
        optimizer = Adam(2.0, beta1=0.0, beta2=0.0, epsilon=1.0)
        self.check(optimizer, (3, 6 / 4), (-1, -2 / 2), (9, 18 / 10))

    @given(lrs, shares, shares, epsilons, float_arrays(4))
    def test_first_step(self, lr, beta1, beta2, epsilon, grad):
        """lr · sign(g), up to ε, for all β1 and β2."""
        optimizer = Adam(lr, beta1=beta1, beta2=beta2, epsilon=epsilon)
        step = optimizer.update("W", np.ones(4), grad, 0)
        np.testing.assert_allclose(step, lr * grad / (np.abs(grad) + epsilon), rtol=1e-12)
        usual = initialize_optimizer("Adam", lr).update("W", np.ones(4), grad, 0)
        np.testing.assert_allclose(usual, lr * np.sign(grad), rtol=2e-6)

    @given(lrs, shares, shares, st.floats(0.01, 100))
    def test_the_same_gradient_again_and_again(self, lr, beta1, beta2, grad):
        """With bias correction both means are exact from the first step: g and g²."""
        found = steps(Adam(lr, beta1=beta1, beta2=beta2), np.full((6, 1), grad))
        np.testing.assert_allclose(found, np.full((6, 1), lr), rtol=2e-6)

    def test_each_parameter_counts_its_own_steps(self):
        """The first step of a parameter is a first step, however late."""
        optimizer = Adam(0.1)
        steps(optimizer, np.ones((50, 2)), "layer1.W")
        np.testing.assert_allclose(update(optimizer, 3.0, name="layer2.W"), [0.1], rtol=1e-6)

    def test_it_counts_steps_and_not_epochs(self):
        found = [update(Adam(0.1), 1.0, 2.0, epoch=epoch) for epoch in (0, 0.5, 7)]
        np.testing.assert_array_equal(found[1:], [found[0]] * 2)


class TestAdamW(ByHand):
    def test_by_hand(self):
        """With β1 = β2 = 0: 0.5 · 4 / (4 + 1) + 0.5 · 0.1 · 10, and half of that in epoch 1."""
        optimizer = AdamW(
            0.5, "exponential", lr_decay=0.5, weight_decay=0.1, beta1=0.0, beta2=0.0, epsilon=1.0
        )
        for epoch, expected in ((0, 0.9), (1, 0.45)):
            step = optimizer.update("W", np.array([10.0]), np.array([4.0]), epoch)
            np.testing.assert_allclose(step, [expected], rtol=1e-14)

    @given(gradients, shares, shares)
    def test_without_decay_it_is_adam(self, gradients, beta1, beta2):
        options = {"beta1": beta1, "beta2": beta2, "clip_norm": 1.5}
        found = steps(AdamW(0.1, weight_decay=0.0, **options), gradients)
        np.testing.assert_array_equal(found, steps(Adam(0.1, **options), gradients))

    @given(gradients, lrs, st.floats(0, 1))
    def test_the_decay_stands_beside_the_step_of_adam(self, gradients, lr, decay):
        """For a parameter of ones the difference is lr · λ; clipping leaves it alone."""
        found = steps(AdamW(lr, weight_decay=decay, clip_norm=0.5), gradients)
        plain = steps(Adam(lr, clip_norm=0.5), gradients)
        expected = np.full_like(found, lr * decay)
        np.testing.assert_allclose(found - plain, expected, rtol=1e-10, atol=1e-12 * lr)

    def test_a_weight_without_gradient_decays(self):
        """By lr · λ of itself in every step; Adam would take steps of lr for every λ."""
        for optimizer, expected in (
            (AdamW(0.1), 0.1 * 0.01 * 8),
            (Adam(0.1, weight_decay=0.01), 0.1),
        ):
            for _ in range(3):
                step = optimizer.update("W", np.array([8.0]), np.zeros(1), 0)
                np.testing.assert_allclose(step, [expected], rtol=1e-6)


class TestAllOfThem(unittest.TestCase):
    def test_no_gradient_no_step(self):
        for name in ADAPTIVE:
            optimizer = initialize_optimizer(name, 0.1, **DECOUPLED.get(name, {}))
            np.testing.assert_array_equal(steps(optimizer, np.zeros((3, 2))), np.zeros((3, 2)))

    @given(gradients, st.floats(1e-6, 1e6))
    def test_the_scale_of_the_loss_does_not_matter(self, gradients, scale):
        """If ε does not; in AdaDelta the first step is proportional to √ε."""
        for name in ("RMSProp", "Adam", "AdamW", "AdaGrad"):
            found, scaled = (
                steps(initialize_optimizer(name, 0.1, epsilon=1e-30), factor * gradients)
                for factor in (1, scale)
            )
            np.testing.assert_allclose(scaled, found, rtol=1e-9, err_msg=name)

    @given(gradients)
    def test_the_other_way_for_the_opposite_gradient(self, gradients):
        for name in ADAPTIVE:
            one, other = (
                initialize_optimizer(name, 0.1, **DECOUPLED.get(name, {})) for _ in range(2)
            )
            np.testing.assert_array_equal(steps(one, -gradients), -steps(other, gradients), name)

    @given(gradients, st.floats(0, 1))
    def test_weight_decay_is_part_of_the_gradient(self, gradients, decay):
        """For a parameter of ones, λ is added to every number; not in AdamW."""
        for name in set(ADAPTIVE) - {"AdamW"}:
            found = steps(initialize_optimizer(name, 0.1, weight_decay=decay), gradients)
            expected = steps(initialize_optimizer(name, 0.1), gradients + decay)
            np.testing.assert_array_equal(found, expected, name)
