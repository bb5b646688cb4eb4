"""Hinge losses and Huber's loss: worked examples, kinks, networks, rejected labels."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import initialize_activation
from neural_networks.losses import initialize_loss
from neural_networks.models import NeuralNetwork
from tests.support.arrays import DTYPES, one_hot, read_only, seeds, sizes, step

HINGES = ("hinge", "squared_hinge")

# Scores of three classes, of which the second, the first and the third are the true ones. The
# margins are (0.5, 0, -2), (0, 3, 1) and (-1, -4, 0) before those below 0 are cut off.
LABELS = np.eye(3)[[1, 0, 2]]
SCORES = np.array([[1.5, 2.0, -1.0], [0.0, 2.0, 0.0], [1.0, -2.0, 3.0]])


class TestByHand(unittest.TestCase):
    def test_hinge(self):
        loss = initialize_loss("hinge")
        self.assertEqual(loss(LABELS, SCORES), (0.5 + 3 + 1) / 3)
        expected = np.array([[1.0, -1, 0], [-2, 1, 1], [0, 0, 0]]) / 3
        np.testing.assert_allclose(loss.backward(LABELS, SCORES), expected, rtol=1e-15)

    def test_squared_hinge(self):
        loss = initialize_loss("squared_hinge")
        self.assertEqual(loss(LABELS, SCORES), (0.25 + 9 + 1) / 3)
        expected = np.array([[1.0, -1, 0], [-8, 6, 2], [0, 0, 0]]) / 3
        np.testing.assert_allclose(loss.backward(LABELS, SCORES), expected, rtol=1e-15)

    def test_huber(self):
        """Errors 1/2, 3, -2 and 0 of two examples: 1/8 + 5/2 + 3/2."""
        loss = initialize_loss("huber")
        Y, Y_hat = np.array([[1.0, -3.0], [4.0, 0.0]]), np.array([[1.5, 0.0], [2.0, 0.0]])
        self.assertEqual(loss(Y, Y_hat), (0.125 + 2.5 + 1.5) / 2)
        np.testing.assert_array_equal(loss.backward(Y, Y_hat), [[0.25, 0.5], [-0.5, 0]])

    def test_scores_without_a_difference_cost_one_for_each_wrong_class(self):
        for name in HINGES:
            for k in (2, 3, 10):
                self.assertEqual(initialize_loss(name)(np.eye(k), np.full((k, k), 7.0)), k - 1)

    def test_steps_add_up_and_examples_do_not(self):
        """One example with three steps, instead of three examples."""
        Y, S = (array.T[np.newaxis] for array in (LABELS, SCORES))
        for name in (*HINGES, "huber"):
            loss = initialize_loss(name)
            self.assertAlmostEqual(loss(Y, S), 3 * loss(LABELS, SCORES), places=14)
            expected = 3 * loss.backward(LABELS, SCORES).T[np.newaxis]
            np.testing.assert_allclose(loss.backward(Y, S), expected, rtol=1e-15)

    @given(sizes, st.integers(2, 6), seeds)
    def test_the_definitions_spelled_out(self, m, k, seed):
        rng = np.random.default_rng(seed)
        Y, S = one_hot(rng, m, k), 2 * rng.standard_normal((m, k))
        margins = []
        for i in range(m):
            true = Y[i].argmax()
            margins += [max(0, S[i, j] - S[i, true] + 1) for j in range(k) if j != true]
        self.assertAlmostEqual(initialize_loss("hinge")(Y, S), sum(margins) / m, places=12)
        squares = sum(margin**2 for margin in margins) / m
        self.assertAlmostEqual(initialize_loss("squared_hinge")(Y, S), squares, places=12)
        errors = np.abs(Y - S).ravel()
        huber = sum(e * e / 2 if e <= 1 else e - 0.5 for e in errors) / m
        self.assertAlmostEqual(initialize_loss("huber")(Y, S), huber, places=12)


class TestKinks(unittest.TestCase):
    def test_a_lead_of_exactly_1_is_enough(self):
        """There the slope is 0; next to it, on the side that costs, it is that of the margin."""
        Y = np.array([[0.0, 1.0]])
        for lead, slopes in (
            (1.0, (0.0, 0.0)),
            (1 + 2**-20, (0.0, 0.0)),
            (1 - 2**-20, (1, 2**-19)),
        ):
            for name, slope in zip(HINGES, slopes, strict=True):
                with self.subTest(name, lead=lead):
                    dLdS = initialize_loss(name).backward(Y, np.array([[3.0, 3.0 + lead]]))
                    np.testing.assert_array_equal(dLdS, [[slope, -slope]])

    def test_huber_is_smooth_where_its_parts_meet(self):
        loss = initialize_loss("huber")
        for error in (1.0, -1.0):
            for near in (0.999, 1.0, 1.001):
                Y_hat = np.array([[near * error]])
                Y = np.zeros((1, 1))
                self.assertAlmostEqual(loss(Y, Y_hat), near - 0.5, delta=1e-6)
                self.assertAlmostEqual(loss.backward(Y, Y_hat)[0, 0], error * min(near, 1), 14)


class TestLargeNumbers(unittest.TestCase):
    def test_are_finite_and_right_in_float32(self):
        Y, S = np.array([[1.0, 0.0]], np.float32), np.array([[-1e30, 1e30]], np.float32)
        with np.errstate(all="raise", under="ignore"):
            for name, expected in (("hinge", 2e30), ("huber", 2e30)):
                loss = initialize_loss(name)
                self.assertAlmostEqual(loss(Y, S) / expected, 1, places=6)
                found = loss.backward(Y, S)
                np.testing.assert_array_equal(found, np.array([[-1, 1]], np.float32), strict=True)
                self.assertEqual(loss(Y, -S), 0.0 if name == "hinge" else loss(Y, S))

    def test_squared_hinge_at_1e4(self):
        Y, S = np.array([[1.0, 0.0]], np.float32), np.array([[-1e4, 1e4]], np.float32)
        loss = initialize_loss("squared_hinge")
        self.assertAlmostEqual(loss(Y, S) / 20001**2, 1, places=6)
        np.testing.assert_allclose(loss.backward(Y, S), [[-40002, 40002]], rtol=1e-6)


class TestTypes(unittest.TestCase):
    def test_float32_is_float64_to_rounding(self):
        rng = np.random.default_rng(0)
        Y, S = one_hot(rng, 50, 10), rng.standard_normal((50, 10))
        for name in (*HINGES, "huber"):
            loss = initialize_loss(name)
            found = loss.backward(read_only(Y), read_only(S.astype(np.float32)))
            self.assertEqual(found.dtype, np.float32)
            if name in HINGES:
                self.assertEqual(loss.margins(Y, S.astype(np.float32)).dtype, np.float32)
            np.testing.assert_allclose(found, loss.backward(Y, S), rtol=1e-4, atol=1e-6)
            self.assertAlmostEqual(loss(Y, S.astype(np.float32)), loss(Y, S), places=5)


class TestClasses(unittest.TestCase):
    def test_the_largest_score_wins_by_any_lead(self):
        for name in HINGES:
            loss = initialize_loss(name)
            np.testing.assert_array_equal(loss.classes(SCORES), [1, 1, 2])
            np.testing.assert_array_equal(loss.classes(np.array([[-2.0, -2.0, -3.0]])), [0])
            self.assertAlmostEqual(loss.error(LABELS, SCORES), 1 / 3, places=14)
            sequence = [array.T[np.newaxis] for array in (LABELS, SCORES)]
            self.assertAlmostEqual(loss.error(*sequence), 1 / 3, places=14)

    def test_huber_is_a_regression(self):
        loss = initialize_loss("huber")
        Y, Y_hat = np.array([[0.0, 1.0]]), np.array([[3.0, 1.0]])
        self.assertEqual(loss.error(Y, Y_hat), 4.5)
        self.assertFalse(loss.classifies)


class TestRefusals(unittest.TestCase):
    def refuse(self, Y, message):
        Y = np.array(Y, dtype=np.float64)
        for name in HINGES:
            with self.subTest(name, message=message), self.assertRaisesRegex(ValueError, message):
                initialize_loss(name)(Y, np.zeros_like(Y))

    def test_labels_that_are_not_one_hot(self):
        good = [1.0, 0.0, 0.0]
        one_hot = r"hinge must be one-hot, got \[{}\] in row 1"
        self.refuse([good, [0.5, 0.5, 0]], one_hot.format("0.5 0.5 0. "))
        self.refuse([good, [1, 1, 0]], one_hot.format("1. 1. 0."))
        self.refuse([good, [0, 0, 0]], one_hot.format("0. 0. 0."))
        self.refuse([good, [2, 0, 0]], one_hot.format("2. 0. 0."))
        self.refuse([good, [1, 1, -1]], one_hot.format(" 1.  1. -1."))

    def test_sequences_are_one_hot_at_every_step(self):
        self.refuse([[[1.0, 1], [0, 0]], [[1, 1], [1, 0]]], "one-hot(.|\n)* in row 1")
        self.refuse([[[1.0, 0], [1, 0]]], "one-hot(.|\n)* in row 0")

    def test_labels_that_are_not_finite(self):
        for value in (math.nan, math.inf):
            self.refuse([[1.0, 0.0], [1.0, value]], rf"hinge must be finite, got {value} at \(1, 1")

    def test_one_class_and_shapes_that_are_no_classes(self):
        self.refuse([[1.0], [1.0]], r"two classes or more, got \(2, 1\)")
        self.refuse([[[1.0, 1.0]]], r"two classes or more, got \(1, 1, 2\)")
        self.refuse([1.0, 0.0], r"\(m, k\) or \(m, k, t\).*got \(2,\)")
        self.refuse(np.ones((1, 2, 1, 1)), r"\(m, k\).*got \(1, 2, 1, 1\)")

    def test_integer_labels_are_taken(self):
        for name in HINGES:
            loss = initialize_loss(name)
            self.assertEqual(loss(LABELS.astype(int), SCORES), loss(LABELS, SCORES))
            np.testing.assert_array_equal(
                loss.backward(LABELS.astype(int), SCORES), loss.backward(LABELS, SCORES)
            )

    def test_huber_takes_any_finite_label(self):
        self.assertEqual(initialize_loss("huber")(np.array([[-1e3]]), np.array([[0.5]])), 1000.0)


class TestInANetwork(unittest.TestCase):
    """A linear output is its own logit: the loss itself is exact there."""

    def network(self, loss, dtype="float64"):
        layers = [
            {"name": "fully_connected", "activation": "tanh", "n_out": 6},
            {"name": "fully_connected", "activation": "linear", "n_out": 3},
        ]
        return NeuralNetwork(loss, layers, {"name": "SGD", "lr": 0.05}, seed=0, dtype=dtype)

    def batch(self, dtype="float64"):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((40, 2))
        quadrant = np.where(X[:, 0] < 0, 0, np.where(X[:, 1] < 0, 1, 2))
        return X.astype(dtype), np.eye(3, dtype=dtype)[quadrant]

    def test_backward_and_predict(self):
        X, Y = self.batch()
        for name in (*HINGES, "huber"):
            with self.subTest(name):
                model = self.network(name)
                Y_hat = model.forward(X)
                self.assertEqual(model.backward(Y, Y_hat), model.loss(Y, Y_hat))
                found = [dict(layer.gradients) for layer in model.layers]
                gradient = model.layers[1].backward(model.loss.backward(Y, Y_hat))
                model.layers[0].backward(gradient)
                for layer, gradients in zip(model.layers, found, strict=True):
                    self.assertTrue(gradients["W"].any())
                    np.testing.assert_equal(dict(layer.gradients), gradients)
                self.assertEqual(model.predict(X, Y)[1], model.loss(Y, Y_hat))

    def test_an_output_that_is_not_linear(self):
        """The gradient goes through it: the loss belongs to no other activation."""
        X, Y = self.batch()
        for name in (*HINGES, "huber"):
            model = self.network(name)
            sigma = model.layers[1].activation = initialize_activation("sigmoid")
            Y_hat = model.forward(X)
            self.assertEqual(model.backward(Y, Y_hat), model.loss(Y, Y_hat))
            found = model.layers[1].gradients["b"]
            dLdZ = sigma.backward(model.layers[1].cache["Z"], model.loss.backward(Y, Y_hat))
            np.testing.assert_allclose(found[0], dLdZ.sum(axis=0), rtol=1e-12)

    def test_learns(self):
        for name in (*HINGES, "huber"):
            for dtype in DTYPES:
                model, (X, Y) = self.network(name, dtype), self.batch(dtype)
                losses = [step(model, X, Y) for _ in range(300)]
                with self.subTest(name, dtype=dtype):
                    self.assertLess(losses[-1], 0.5 * losses[0])
                    self.assertLess(model.error(Y, model.forward(X)), 0.1 if name in HINGES else 1)

    def test_labels_are_checked(self):
        for name in HINGES:
            model, (X, Y) = self.network(name), self.batch()
            with self.assertRaisesRegex(ValueError, "one-hot.* in row 0"):
                model.backward(0.9 * Y, model.forward(X))


if __name__ == "__main__":
    unittest.main()
