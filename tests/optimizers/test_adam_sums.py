"""Adam's slots, the sums s = m / (1 - β1) and r = v / (1 - β2): steps, and states with m and v."""

import copy
import math
import unittest
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.optimizers import Adam, AdamW, initialize_optimizer
from tests.support.arrays import float_arrays, read_only

BETAS = ((0.9, 0.999), (0.0, 0.0), (0.0, 0.9), (0.5, 0.0), (0.99, 0.5))
GRADIENTS = np.random.default_rng(0).standard_normal((8, 3, 2))


class ByTheFormula:
    """Adam as in the docstring, with m and v, number by number."""

    def __init__(self, lr, beta1, beta2, epsilon, decay=0.0):
        self.lr, self.beta1, self.beta2, self.epsilon = lr, beta1, beta2, epsilon
        self.decay, self.m, self.v, self.t = decay, 0.0, 0.0, 0

    def step(self, g, param=0.0):
        beta1, beta2 = self.beta1, self.beta2
        self.t += 1
        self.m = beta1 * self.m + (1 - beta1) * g
        self.v = beta2 * self.v + (1 - beta2) * g * g
        m, v = self.m / (1 - beta1**self.t), self.v / (1 - beta2**self.t)
        return self.lr * m / (np.sqrt(v) + self.epsilon) + self.lr * self.decay * param


def pair(beta1, beta2, epsilon=1e-8, lr=0.1):
    """The optimizer, and the formula."""
    return (
        Adam(lr, beta1=beta1, beta2=beta2, epsilon=epsilon),
        ByTheFormula(lr, beta1, beta2, epsilon),
    )


def old_state(formula, state, key="W"):
    """A state of the versions before: m and v in place of s and r."""
    state = copy.deepcopy(state)
    state["slots"] = {key: {"m": np.array(formula.m), "v": np.array(formula.v), "t": formula.t}}
    return state


class TestSteps(unittest.TestCase):
    def test_three_by_hand(self):
        """β1 = ½, β2 = ¾, ε = 1, lr = 3; g = 2, 4, 0.

        s = 2, 5, 2½ and r = 4, 19, 14¼. With c² = (1 - ¾^t) / ¼ = 1, 7/4, 37/16, v is r / c²: 4,
        76/7, 228/37; and m is s / 2 over 1 - ½^t: 2, 10/3, 10/7.
        """
        optimizer = Adam(3.0, beta1=0.5, beta2=0.75, epsilon=1.0)
        for g, step, s, r in (
            (2.0, 3 * 2 / (2 + 1), 2, 4),
            (4.0, 3 * (10 / 3) / (math.sqrt(76 / 7) + 1), 5, 19),
            (0.0, 3 * (10 / 7) / (math.sqrt(228 / 37) + 1), 2.5, 14.25),
        ):
            found = optimizer.update("W", np.zeros(1), np.array([g]), 0)
            np.testing.assert_allclose(found, [step], rtol=1e-14)
            slots = optimizer.state()["slots"]["W"]
            self.assertEqual((slots["s"][0], slots["r"][0]), (s, r))

    def test_by_the_formula(self):
        for (beta1, beta2), epsilon in product(BETAS, (1e-8, 1e-3, 1.0)):
            optimizer, formula = pair(beta1, beta2, epsilon)
            for g in GRADIENTS:
                found = optimizer.update("W", np.ones_like(g), g, 0)
                np.testing.assert_allclose(found, formula.step(g), rtol=1e-12, err_msg=beta1)

    @given(st.floats(0, 0.999), st.floats(0, 0.9999), st.floats(1e-10, 1), float_arrays((6, 4)))
    def test_any_options(self, beta1, beta2, epsilon, gradients):
        optimizer, formula = pair(beta1, beta2, epsilon)
        for g in gradients:
            found = optimizer.update("W", np.ones_like(g), g, 0)
            np.testing.assert_allclose(found, formula.step(g), rtol=1e-9, atol=1e-12)

    def test_gradients_that_are_tiny_huge_or_zero(self):
        """g² beside ε, and in float32: no step is lost before the formula's would be."""
        for size in (0.0, 1e-12, 1e-7, 1e6, 1e15):
            optimizer, formula = pair(0.9, 0.999)
            for g in size * GRADIENTS:
                found = optimizer.update("W", np.ones_like(g), g, 0)
                np.testing.assert_allclose(found, formula.step(g), rtol=1e-12)
        for size in (1e-3, 1.0, 1e3, 1e15):
            optimizer, formula = pair(0.9, 0.999)
            for g in (size * GRADIENTS).astype("float32"):
                found = optimizer.update("W", np.ones_like(g), g, 0)
                self.assertEqual(found.dtype, np.float32)
                np.testing.assert_allclose(found, formula.step(g.astype(float)), rtol=2e-5)

    def test_a_long_run(self):
        """After 5,000 steps the sums are 10 and 1,000 times as large as the means, no more."""
        optimizer, formula = pair(0.9, 0.999)
        rng = np.random.default_rng(1)
        for _ in range(5000):
            g = rng.standard_normal(3)
            found, expected = optimizer.update("W", np.ones(3), g, 0), formula.step(g)
        np.testing.assert_allclose(found, expected, rtol=1e-11)
        slots = optimizer.state()["slots"]["W"]
        np.testing.assert_allclose(slots["s"], 10 * formula.m, rtol=1e-11)
        np.testing.assert_allclose(slots["r"], 1000 * formula.v, rtol=1e-11)

    def test_gradients_are_not_written_to_and_steps_are_new(self):
        optimizer = Adam(0.1)
        steps = [
            optimizer.update("W", read_only(np.ones((3, 2))), read_only(g), 0) for g in GRADIENTS
        ]
        kept = [step.copy() for step in steps]
        optimizer.update("W", np.ones((3, 2)), GRADIENTS[0], 0)
        np.testing.assert_array_equal(steps, kept)
        held = optimizer._slots["W"]
        for step in steps:
            self.assertFalse(any(np.may_share_memory(step, held[name]) for name in "sr"))


class TestStates(unittest.TestCase):
    """States go on as if nothing had happened, also those with m and v."""

    def halfway(self, optimizer, formula, gradients=GRADIENTS[:4]):
        for g in gradients:
            optimizer.update("W", np.ones_like(g), g, 0)
            formula.step(g)

    def test_of_earlier_versions(self):
        for (beta1, beta2), dtype in product(BETAS, ("float32", "float64")):
            optimizer, formula = pair(beta1, beta2)
            self.halfway(optimizer, formula)
            state = old_state(formula, optimizer.state())
            slots = state["slots"]["W"]
            slots.update({name: slots[name].astype(dtype) for name in "mv"})
            later, _ = pair(beta1, beta2)
            later.load_state(state)
            for g in GRADIENTS[4:]:
                found = later.update("W", np.ones_like(g), g.astype(dtype), 0)
                self.assertEqual(found.dtype, dtype)
                rounding = 1e-12 if dtype == "float64" else 2e-6
                np.testing.assert_allclose(found, formula.step(g), rtol=rounding, atol=rounding)
            self.assertEqual(set(later.state()["slots"]["W"]), {"s", "r", "t"})
            self.assertEqual(later.state()["slots"]["W"]["t"], len(GRADIENTS))

    def test_of_earlier_versions_stay_as_they_are(self):
        """They may be loaded twice, and give the same steps."""
        optimizer, formula = pair(0.9, 0.999)
        self.halfway(optimizer, formula)
        state = old_state(formula, optimizer.state())
        before, found = copy.deepcopy(state), []
        for _ in range(2):
            later = Adam(0.1)
            later.load_state(state)
            found.append(later.update("W", np.ones((3, 2)), GRADIENTS[0], 0))
            np.testing.assert_equal(state, before)
        np.testing.assert_array_equal(*found)

    def test_of_numbers_without_axes(self):
        """The parameter's slots are arrays again, which the next steps update."""
        optimizer, formula = pair(0.9, 0.999)
        self.halfway(optimizer, formula, [np.array(2.0), np.array(-0.5)])
        later = Adam(0.1)
        later.load_state(old_state(formula, optimizer.state()))
        for g in (-1.0, 3.0, 0.5):
            found = later.update("W", np.array(1.0), np.array(g), 0)
            np.testing.assert_allclose(found, formula.step(g), rtol=1e-12)

    def test_of_several_parameters_and_new_ones(self):
        """One parameter has made steps, another one has none yet."""
        optimizer, formula = pair(0.9, 0.999)
        self.halfway(optimizer, formula)
        later = Adam(0.1)
        later.load_state(old_state(formula, optimizer.state(), "layer1.W"))
        g, new = GRADIENTS[0], ByTheFormula(0.1, 0.9, 0.999, 1e-8)
        found = later.update("layer1.b", np.ones((3, 2)), g, 0)
        np.testing.assert_allclose(found, new.step(g), rtol=1e-12)
        found = later.update("layer1.W", np.ones((3, 2)), g, 0)
        np.testing.assert_allclose(found, formula.step(g), rtol=1e-12)

    def test_of_adamw(self):
        optimizer = AdamW(0.1, weight_decay=0.3)
        formula = ByTheFormula(0.1, 0.9, 0.999, 1e-8, decay=0.3)
        for g in GRADIENTS[:4]:
            optimizer.update("W", np.ones_like(g), g, 0)
            formula.step(g, 1.0)
        later = AdamW(0.1, weight_decay=0.3)
        later.load_state(old_state(formula, optimizer.state()))
        for g in GRADIENTS[4:]:
            found = later.update("W", np.ones_like(g), g, 0)
            np.testing.assert_allclose(found, formula.step(g, 1.0), rtol=1e-12)

    def test_of_this_version(self):
        for name in ("Adam", "AdamW"):
            optimizer = initialize_optimizer(name, 0.1)
            for g in GRADIENTS[:4]:
                optimizer.update("W", np.ones_like(g), g, 0)
            state = optimizer.state()
            later = initialize_optimizer(name, 0.1)
            later.load_state(state)
            kept = copy.deepcopy(optimizer.state())
            np.testing.assert_equal(later.state(), kept)
            expected = [optimizer.update("W", np.ones((3, 2)), g, 0) for g in GRADIENTS[4:]]
            found = [later.update("W", np.ones((3, 2)), g, 0) for g in GRADIENTS[4:]]
            np.testing.assert_array_equal(found, expected)

    def test_wrong_shapes_are_found_in_old_states_too(self):
        optimizer, formula = pair(0.9, 0.999)
        self.halfway(optimizer, formula)
        later = Adam(0.1)
        later.load_state(old_state(formula, optimizer.state()))
        later.check_slots({"W": (3, 2)})
        with self.assertRaisesRegex(ValueError, r"of W has shape \(3, 2\), the parameter \(2, 3\)"):
            later.check_slots({"W": (2, 3)})


if __name__ == "__main__":
    unittest.main()
