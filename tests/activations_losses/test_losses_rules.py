"""Losses: worked examples, zeros, types, rejected labels and predictions."""

import math
import unittest

import numpy as np
from hypothesis import given

from neural_networks.canonical import softmax_cross_entropy
from neural_networks.losses import LOSSES, initialize_loss
from tests.support.arrays import DTYPES, one_hot, seeds, sizes

LN2 = math.log(2)


class TestByHand(unittest.TestCase):
    def test_cross_entropy(self):
        """Two examples, whose true classes got 1/2 and 1/8: (ln 2 + 3 ln 2) / 2 = 2 ln 2."""
        loss = initialize_loss("cross_entropy")
        Y = np.array([[0.0, 1.0], [1.0, 0.0]])
        Y_hat = np.array([[0.5, 0.5], [0.125, 0.875]])
        self.assertAlmostEqual(loss(Y, Y_hat), 2 * LN2, places=14)
        np.testing.assert_allclose(loss.backward(Y, Y_hat), [[0, -1], [-4, 0]], rtol=1e-14)
        self.assertEqual(loss.name, "cross_entropy")

    def test_cross_entropy_of_a_uniform_guess_is_ln_k(self):
        loss = initialize_loss("cross_entropy")
        for k in (2, 3, 10):
            Y = np.eye(k)
            self.assertAlmostEqual(loss(Y, np.full((k, k), 1 / k)), math.log(k), places=12)
            self.assertAlmostEqual(softmax_cross_entropy(Y, np.zeros((k, k))), math.log(k), 12)

    def test_cross_entropy_of_soft_labels(self):
        """A label (3/4, 1/4) and the same prediction: its entropy, 2 ln 2 - (3/4) ln 3."""
        loss = initialize_loss("cross_entropy")
        Y = np.array([[0.75, 0.25]])
        self.assertAlmostEqual(loss(Y, Y), 2 * LN2 - 0.75 * math.log(3), places=14)
        np.testing.assert_allclose(loss.backward(Y, Y), [[-1.0, -1.0]], rtol=1e-14)

    def test_cross_entropy_of_sequences_sums_over_steps(self):
        """One example of two steps, ln 2 and 3 ln 2: the mean is over the one example."""
        loss = initialize_loss("cross_entropy")
        Y = np.array([[[0.0, 1.0], [1.0, 0.0]]])
        Y_hat = np.array([[[0.5, 0.125], [0.5, 0.875]]])
        self.assertAlmostEqual(loss(Y, Y_hat), 4 * LN2, places=14)
        np.testing.assert_allclose(loss.backward(Y, Y_hat), [[[0, -8], [-2, 0]]], rtol=1e-14)

    def test_binary_cross_entropy(self):
        """Labels 1 and 0 predicted as 1/4: (2 ln 2 - ln(3/4)) / 2."""
        loss = initialize_loss("binary_cross_entropy")
        Y, Y_hat = np.array([[1.0], [0.0]]), np.array([[0.25], [0.25]])
        self.assertAlmostEqual(loss(Y, Y_hat), (2 * LN2 - math.log(0.75)) / 2, places=14)
        np.testing.assert_allclose(loss.backward(Y, Y_hat), [[-2.0], [2 / 3]], rtol=1e-14)

    def test_binary_cross_entropy_of_a_soft_label_is_least_at_the_label(self):
        loss = initialize_loss("binary_cross_entropy")
        Y = np.array([[0.85]])
        np.testing.assert_allclose(loss.backward(Y, Y), [[0.0]], atol=1e-14)
        for wrong in (0.8, 0.9):
            self.assertGreater(loss(Y, np.array([[wrong]])), loss(Y, Y) + 1e-3)

    def test_l2_sums_over_outputs_and_averages_over_examples(self):
        loss = initialize_loss("l2")
        Y, Y_hat = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[2.0, 4.0], [0.0, -3.0]])
        self.assertAlmostEqual(loss(Y, Y_hat), (1 + 4 + 9) / 2, places=14)
        np.testing.assert_allclose(loss.backward(Y, Y_hat), [[1, 2], [0, -3]], rtol=1e-14)

    @given(sizes, sizes, seeds)
    def test_the_definition_spelled_out(self, m, k, seed):
        rng = np.random.default_rng(seed)
        Y, Y_hat = one_hot(rng, m, k), rng.uniform(0.01, 1, (m, k))
        entropy = -sum(math.log(Y_hat[i, Y[i].argmax()]) for i in range(m)) / m
        self.assertAlmostEqual(initialize_loss("cross_entropy")(Y, Y_hat), entropy, places=12)
        squares = sum((Y[i, j] - Y_hat[i, j]) ** 2 for i in range(m) for j in range(k)) / m
        self.assertAlmostEqual(initialize_loss("l2")(Y, Y_hat), squares, places=12)


class TestZeros(unittest.TestCase):
    def test_perfect_predictions_cost_nothing(self):
        for dtype in DTYPES:
            Y = np.eye(3, dtype=dtype)
            self.assertEqual(initialize_loss("cross_entropy")(Y, Y), 0.0)
            self.assertEqual(initialize_loss("l2")(Y, Y), 0.0)
            Y = np.array([[0.0], [1.0]], dtype)
            self.assertEqual(initialize_loss("binary_cross_entropy")(Y, Y), 0.0)

    def test_zero_times_ln_zero_is_zero(self):
        loss = initialize_loss("cross_entropy")
        Y, Y_hat = np.array([[0.0, 1.0]]), np.array([[0.0, 0.5]])
        with np.errstate(all="raise", under="ignore"):
            self.assertAlmostEqual(loss(Y, Y_hat), LN2, places=14)
            np.testing.assert_array_equal(loss.backward(Y, Y_hat), [[0.0, -2.0]])

    def test_a_certain_mistake_costs_much_and_remains_finite(self):
        cases = {
            "cross_entropy": (np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])),
            "binary_cross_entropy": (np.array([[1.0]]), np.array([[0.0]])),
        }
        for name, (Y, Y_hat) in cases.items():
            loss = initialize_loss(name)
            for dtype in DTYPES:
                # The probability 0 counts as the smallest number, 2^-126 or 2^-1022.
                exponent = 126 if dtype == "float32" else 1022
                with self.subTest(name, dtype=dtype), np.errstate(all="raise", under="ignore"):
                    labels, predictions = Y.astype(dtype), Y_hat.astype(dtype)
                    L, dLdY_hat = loss(labels, predictions), loss.backward(labels, predictions)
                    self.assertAlmostEqual(L, exponent * LN2, delta=1e-4)
                    self.assertEqual(dLdY_hat[0, 0], -(2.0**exponent))

    def test_a_certain_mistake_towards_one(self):
        loss = initialize_loss("binary_cross_entropy")
        Y, Y_hat = np.array([[0.0]]), np.array([[1.0]])
        self.assertAlmostEqual(loss(Y, Y_hat), 1022 * LN2, delta=1e-9)
        self.assertEqual(loss.backward(Y, Y_hat)[0, 0], 2.0**1022)


class TestClasses(unittest.TestCase):
    def test_largest_probability_and_the_smaller_class_of_a_tie(self):
        loss = initialize_loss("cross_entropy")
        Y_hat = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.1, 0.45, 0.45]])
        np.testing.assert_array_equal(loss.classes(Y_hat), [1, 0, 1])

    def test_error_is_the_share_of_mistakes(self):
        loss = initialize_loss("cross_entropy")
        Y = np.eye(3)[[0, 1, 2, 2]]
        Y_hat = np.eye(3)[[0, 2, 2, 0]]
        self.assertEqual(loss.error(Y, Y_hat), 0.5)
        self.assertEqual(loss.error(Y, Y), 0.0)

    def test_sequences_have_a_class_at_every_step(self):
        loss = initialize_loss("cross_entropy")
        Y = np.array([[[0.9, 0.1, 0.3], [0.1, 0.9, 0.7]]])
        np.testing.assert_array_equal(loss.classes(Y), [[0, 1, 1]])
        Y_hat = np.array([[[0.9, 0.9, 0.3], [0.1, 0.1, 0.7]]])
        self.assertAlmostEqual(loss.error(Y, Y_hat), 1 / 3, places=14)

    def test_binary_class_is_1_from_one_half_on(self):
        loss = initialize_loss("binary_cross_entropy")
        below = np.nextafter(0.5, 0)
        np.testing.assert_array_equal(
            loss.classes(np.array([[0.0], [below], [0.5], [1.0]])), [0, 0, 1, 1]
        )
        Y, Y_hat = np.array([[1.0], [0.0], [1.0]]), np.array([[0.5], [0.5], [0.49]])
        self.assertAlmostEqual(loss.error(Y, Y_hat), 2 / 3, places=14)

    def test_error_of_a_regression_is_the_mean_square(self):
        loss = initialize_loss("l2")
        Y, Y_hat = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[2.0, 4.0], [0.0, -3.0]])
        self.assertEqual(loss.error(Y, Y_hat), (1 + 4 + 9) / 4)

    def test_which_losses_classify(self):
        found = {name: initialize_loss(name).classifies for name in LOSSES}
        expected = {"cross_entropy": True, "binary_cross_entropy": True, "l2": False}
        expected |= {"hinge": True, "squared_hinge": True, "huber": False}
        self.assertEqual(found, expected)


class TestRefusals(unittest.TestCase):
    def refuse(self, name, Y, message, Y_hat=None):
        """``forward`` refuses a pair of labels and predictions."""
        Y = np.array(Y, dtype=np.float64)
        Y_hat = np.full_like(Y, 0.5) if Y_hat is None else np.array(Y_hat, dtype=np.float64)
        with self.subTest(name, message=message), self.assertRaisesRegex(ValueError, message):
            initialize_loss(name).forward(Y, Y_hat)

    def test_shapes_that_differ(self):
        for name in LOSSES:
            # These would broadcast, and give a wrong number without a word.
            self.refuse(name, [[1.0], [0.0]], r"\(2, 1\).*\(1, 1\)", [[0.5]])
            self.refuse(name, [[1.0]], r"\(1, 1\).*\(1,\)", [0.5])

    def test_no_examples(self):
        for name in LOSSES:
            self.refuse(name, np.empty((0, 1)), "at least one example")

    def test_labels_that_are_not_finite(self):
        for name in LOSSES:
            for value in (math.nan, math.inf, -math.inf):
                self.refuse(name, [[1.0], [value]], rf"{name} must be finite.*{value}.*\(1, 0\)")

    def test_cross_entropy_labels(self):
        name = "cross_entropy"
        self.refuse(name, [[0.5, 0.5], [0.4, 0.5]], "sum to 1, got 0.9 in row 1")
        self.refuse(name, [[0.0, 0.0]], "sum to 1, got 0 ")
        self.refuse(name, [[1.0, 1.0]], "sum to 1, got 2 ")
        self.refuse(name, [[1.5, -0.5]], "must not be negative, got -0.5")
        self.refuse(name, [1.0], r"\(m, k\).*got \(1,\)")
        self.refuse(name, np.ones((1, 1, 1, 1)), r"\(m, k\)")
        # Of a sequence, every step must sum to 1, not every example.
        self.refuse(name, [[[1.0, 0.5], [0.0, 0.0]]], "sum to 1, got 0.5 in row 0")

    def test_cross_entropy_takes_sums_that_are_1_to_rounding(self):
        Y = np.full((1, 3), 1 / 3, np.float32)
        L = initialize_loss("cross_entropy")(Y, np.full((1, 3), 0.5, np.float32))
        self.assertAlmostEqual(L, LN2, places=6)

    def test_binary_labels(self):
        name = "binary_cross_entropy"
        self.refuse(name, [[1.5]], r"\[0, 1\], got 1.5")
        self.refuse(name, [[-0.5], [1.0]], r"\[0, 1\], got -0.5")
        self.refuse(name, [[0.0, 1.0]], r"\(m, 1\), got \(1, 2\)")
        self.refuse(name, [0.0, 1.0], r"\(m, 1\), got \(2,\)")
        self.refuse(name, [[[1.0]]], r"\(m, 1\)")

    def test_predictions_that_are_integers(self):
        with self.assertRaisesRegex(TypeError, "must be floats, got int64"):
            initialize_loss("cross_entropy").forward(np.eye(2), np.eye(2, dtype=np.int64))

    def test_predictions_that_are_no_probabilities(self):
        self.refuse("cross_entropy", [[1.0, 0.0]], "probabilities, got -0.5", [[1.5, -0.5]])
        self.refuse("binary_cross_entropy", [[1.0]], "probabilities, got 1.5 ... 1.5", [[1.5]])
        self.refuse("binary_cross_entropy", [[1.0]], "probabilities, got -0.5", [[-0.5]])

    def test_l2_takes_any_finite_label(self):
        Y, Y_hat = np.array([[-1e3], [5.0]]), np.array([[0.0], [5.0]])
        self.assertEqual(initialize_loss("l2")(Y, Y_hat), 5e5)

    def test_unknown_name(self):
        with self.assertRaisesRegex(ValueError, "loss 'cros_entropy'.*mean 'cross_entropy'.*l2"):
            initialize_loss("cros_entropy")
