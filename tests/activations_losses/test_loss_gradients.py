"""Gradients of losses, alone and in canonical pairs with an output activation."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import Sigmoid, SoftMax, initialize_activation
from neural_networks.canonical import (
    logit_gradient,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from neural_networks.losses import LOSSES, initialize_loss
from neural_networks.utils.grad_check import check_gradients
from neural_networks.utils.rows import as_rows, from_rows
from tests.support.arrays import (
    DTYPES,
    dense,
    direction_error,
    float_arrays,
    load_oracle,
    one_hot,
    probabilities,
    seeds,
    sizes,
)

# Name of the loss: the function of labels and logits, and the output activation.
PAIRS = {
    "cross_entropy": (softmax_cross_entropy, SoftMax()),
    "binary_cross_entropy": (sigmoid_cross_entropy, Sigmoid()),
}


def labels_and_predictions(name, rng, m, k, steps=()):
    """Labels and predictions that the loss takes, well inside their range and off its kinks."""
    if name in ("l2", "huber"):
        return rng.standard_normal((m, k, *steps)), rng.standard_normal((m, k, *steps))
    if "hinge" in name:
        return scores_off_the_kink(rng, m, max(k, 2), steps)
    if name == "binary_cross_entropy":
        return rng.uniform(0.05, 0.95, (m, 1)), rng.uniform(0.1, 0.9, (m, 1))
    return probabilities(rng, m, k, *steps), probabilities(rng, m, k, *steps)


def scores_off_the_kink(rng, m, k, steps):
    """One-hot labels, and scores of which no two differ by 1, nor nearly."""
    Y = np.eye(k)[rng.integers(k, size=(m, *steps))]
    Y_hat = rng.integers(-8, 8, (m, *steps, k)) / 4
    Y_hat += Y * rng.choice([-0.1, 0.1], (m, *steps, 1))
    return np.moveaxis(Y, -1, 1), np.moveaxis(Y_hat, -1, 1)


def check(name, Y, Y_hat):
    """The relative error of ``backward`` against differences of ``forward``."""
    loss = initialize_loss(name)
    return check_gradients(lambda P: loss(Y, P), loss.backward(Y, Y_hat), Y_hat, 1.0)


class TestAgainstOracle(unittest.TestCase):
    def test_losses(self):
        cases = {
            "cross_entropy": ("", "_soft", "_seq"),
            "binary_cross_entropy": ("", "_soft"),
            "l2": ("", "_seq"),
        }
        cases |= dict.fromkeys(("huber", "hinge", "squared_hinge"), ("", "_two", "_seq"))
        self.assertEqual(set(cases), set(LOSSES))
        for name, suffixes in cases.items():
            loss, data = initialize_loss(name), load_oracle(name)
            for suffix in suffixes:
                with self.subTest(name + suffix):
                    Y, Y_hat = data[f"Y{suffix}"], data[f"Y_hat{suffix}"]
                    np.testing.assert_allclose(loss(Y, Y_hat), data[f"L{suffix}"], rtol=1e-12)
                    np.testing.assert_allclose(
                        loss.backward(Y, Y_hat), data[f"dLdY_hat{suffix}"], rtol=1e-11, strict=True
                    )

    def test_canonical_pairs(self):
        cases = {
            "cross_entropy": ("_logits", "_logits_soft", "_logits_seq"),
            "binary_cross_entropy": ("_logits", "_logits_soft"),
        }
        for name, suffixes in cases.items():
            (forward, sigma), data = PAIRS[name], load_oracle(name)
            for suffix in suffixes:
                with self.subTest(name + suffix):
                    Y, Z = data[f"Y{suffix}"], data[f"Z{suffix}"]
                    # A sequence has a row of logits for each example and time step.
                    rows = as_rows(Z)
                    L = forward(Y, rows)
                    np.testing.assert_allclose(L, data[f"L{suffix}"], rtol=1e-12)
                    np.testing.assert_allclose(
                        logit_gradient(Y, from_rows(sigma(rows), Y.shape)),
                        as_rows(data[f"dLdZ{suffix}"]),
                        rtol=1e-10,
                        atol=1e-15,
                        strict=True,
                    )


class TestCanonicalPairsAtExtremeLogits(unittest.TestCase):
    """Logits of ±1e4, where the activation has rounded to exactly 0 or 1."""

    def test_finite_loss_and_exact_gradient(self):
        for name in ("cross_entropy", "binary_cross_entropy"):
            (forward, sigma), data = PAIRS[name], load_oracle(name)
            Y, Z = data["Y_logits_extreme"], data["Z_logits_extreme"]
            self.assertEqual(np.abs(Z).max(), 1e4)
            for dtype in DTYPES:
                eps = np.finfo(dtype).eps
                with self.subTest(name, dtype=dtype), np.errstate(all="raise", under="ignore"):
                    logits, labels = Z.astype(dtype), Y.astype(dtype)
                    L = forward(labels, logits)
                    np.testing.assert_allclose(L, data["L_logits_extreme"], rtol=4 * eps)
                    found = logit_gradient(labels, sigma(logits))
                    self.assertEqual(found.dtype, dtype)
                    np.testing.assert_allclose(
                        found, data["dLdZ_logits_extreme"], rtol=4 * eps, atol=1e-30
                    )

    def test_linear_output_with_squared_error(self):
        """Such an output is its own logit: the loss is exact as it is."""
        loss, data = initialize_loss("l2"), load_oracle("l2")
        Y, Z = data["Y_extreme"], data["Y_hat_extreme"]
        for dtype in DTYPES:
            eps = np.finfo(dtype).eps
            labels, logits = Y.astype(dtype), Z.astype(dtype)
            L = loss.forward(labels, logits)
            np.testing.assert_allclose(L, data["L_extreme"], rtol=8 * eps)
            found = loss.backward(labels, logits)
            np.testing.assert_allclose(found, data["dLdY_hat_extreme"], rtol=4 * eps)

    def test_every_row_has_its_own_maximum(self):
        """A row far below the others still has its probabilities: one half each."""
        Y, Z = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1e4, 1e4], [-1e4, -1e4]])
        half = np.full((2, 2), 0.5)
        np.testing.assert_array_equal(initialize_activation("softmax")(Z), half)
        self.assertAlmostEqual(softmax_cross_entropy(Y, Z), np.log(2), places=12)

    def test_the_pair_is_better_than_its_parts(self):
        """The reason for the pair: through the parts, a hopeless prediction gets no gradient."""
        Y, Z = np.array([[1.0, 0.0]]), np.array([[-1e4, 1e4]])
        softmax, loss = initialize_activation("softmax"), initialize_loss("cross_entropy")
        Y_hat = softmax(Z)
        through_the_parts = softmax.backward(Z, loss.backward(Y, Y_hat))
        np.testing.assert_array_equal(through_the_parts, [[0.0, 0.0]])
        np.testing.assert_array_equal(logit_gradient(Y, Y_hat), [[-1.0, 1.0]])


class TestDifferences(unittest.TestCase):
    def test_losses(self):
        rng = np.random.default_rng(1)
        for name in LOSSES:
            for steps in ((), (3,)):
                if steps and name == "binary_cross_entropy":
                    continue
                with self.subTest(name, steps=steps):
                    Y, Y_hat = labels_and_predictions(name, rng, 5, 4, steps)
                    self.assertLess(check(name, Y, Y_hat), 1e-8)

    def test_canonical_pairs(self):
        rng = np.random.default_rng(2)
        for name, (forward, sigma) in PAIRS.items():
            for steps in ((), (3,)):
                if steps and name == "binary_cross_entropy":
                    continue
                with self.subTest(name, steps=steps):
                    Y, _ = labels_and_predictions(name, rng, 5, 4, steps)
                    Z = as_rows(rng.standard_normal(Y.shape))
                    gradient = logit_gradient(Y, from_rows(sigma(Z), Y.shape))
                    error = check_gradients(lambda Z, f=forward, Y=Y: f(Y, Z), gradient, Z, 1.0)
                    self.assertLess(error, 1e-8)

    def test_pair_and_parts_agree_in_the_usual_range(self):
        """Two routes to one loss: through the logits, and through the activation."""
        rng = np.random.default_rng(3)
        for name, (forward, sigma) in PAIRS.items():
            with self.subTest(name):
                loss = initialize_loss(name)
                Y, _ = labels_and_predictions(name, rng, 6, 3)
                Z = rng.standard_normal(Y.shape)
                Y_hat = sigma(Z)
                self.assertAlmostEqual(forward(Y, Z), loss.forward(Y, Y_hat), delta=1e-12)
                np.testing.assert_allclose(
                    logit_gradient(Y, Y_hat),
                    sigma.backward(Z, loss.backward(Y, Y_hat)),
                    rtol=1e-9,
                    atol=1e-14,
                )

    def test_random_directions_of_canonical_pairs(self):
        rng = np.random.default_rng(5)
        for name, (forward, sigma) in PAIRS.items():
            with self.subTest(name):
                Y, _ = labels_and_predictions(name, rng, 500, 20)
                Z = 3 * rng.standard_normal(Y.shape)
                gradient, one = logit_gradient(Y, sigma(Z)), np.array(1.0)
                error = direction_error(
                    lambda Z, f=forward, Y=Y: np.array(f(Y, Z)), gradient, Z, one, rng
                )
                self.assertLess(error, 1e-6)

    def test_random_directions(self):
        rng = np.random.default_rng(4)
        for name in LOSSES:
            with self.subTest(name):
                loss = initialize_loss(name)
                Y, Y_hat = labels_and_predictions(name, rng, 500, 20)
                gradient = loss.backward(Y, Y_hat)
                error = direction_error(
                    lambda P, loss=loss, Y=Y: loss(Y, P), gradient, Y_hat, np.array(1.0), rng
                )
                self.assertLess(error, 1e-6)


class TestAnyShapeAndValue(unittest.TestCase):
    @given(st.sampled_from(sorted(LOSSES)), sizes, sizes, seeds)
    def test_losses(self, name, m, k, seed):
        Y, Y_hat = labels_and_predictions(name, np.random.default_rng(seed), m, k)
        self.assertLess(check(name, Y, Y_hat), 1e-7)

    @given(st.sampled_from(sorted(PAIRS)), sizes, sizes, st.sampled_from([(), (1,), (4,)]), seeds)
    def test_canonical_pairs(self, name, m, k, steps, seed):
        rng, (forward, sigma) = np.random.default_rng(seed), PAIRS[name]
        steps = () if name == "binary_cross_entropy" else steps
        Y, _ = labels_and_predictions(name, rng, m, k, steps)
        Z = as_rows(rng.standard_normal(Y.shape))
        gradient = logit_gradient(Y, from_rows(sigma(Z), Y.shape))
        self.assertEqual(gradient.shape, Z.shape)
        # With one class the loss is 0 whatever Z is: measured beside the sum of all entries.
        error = check_gradients(lambda Z: forward(Y, Z) + Z.sum(), gradient + 1, Z, 1.0)
        self.assertLess(error, 1e-7)

    @given(st.data(), sizes, sizes, seeds)
    def test_softmax_with_cross_entropy_in_one_network(self, draw, m, k, seed):
        """From X to the loss: the layer's gradients are those of the whole."""
        layer, loss = dense("softmax", (3, k)), initialize_loss("cross_entropy")
        X = draw.draw(float_arrays((m, 3)))
        Y = one_hot(np.random.default_rng(seed), m, k)

        def network(X):
            return loss(Y, layer.forward(X))

        Y_hat = layer.forward(X)
        dLdX = layer.backward_from_logits(logit_gradient(Y, Y_hat))
        error = check_gradients(network, dLdX, X, 1.0)
        # With one class the probability is 1 whatever X is, and both gradients are 0.
        self.assertLess(error, 1e-6)


if __name__ == "__main__":
    unittest.main()
