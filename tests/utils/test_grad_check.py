"""Gradient checks: mistakes found, correct gradients passed, kinks recognized."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import initialize_activation
from neural_networks.losses import initialize_loss
from neural_networks.utils.grad_check import check_gradients, check_network, compare_gradients
from tests.support.arrays import dense, direction_error, read_only

RNG_SEED = 11


def layer_case(activation="tanh"):
    """A layer, its input, an upstream gradient, and dL/dX as the layer computes it."""
    rng = np.random.default_rng(RNG_SEED)
    layer = dense(activation, (4, 3))
    X = rng.standard_normal((5, 4))
    dLdY = rng.standard_normal(layer.forward(X).shape)
    return layer, X, dLdY, layer.backward(dLdY)


class TestFindsMistakes(unittest.TestCase):
    def error_in_weights(self, mistake):
        """The relative error of dL/dW after a mistake was made in it."""
        layer, X, dLdY, _ = layer_case()
        gradient = mistake(layer.gradients["W"])
        fn = layer.forward_with_param("W", X)
        return check_gradients(fn, gradient, layer.parameters["W"], dLdY)

    def test_correct_gradient(self):
        self.assertLess(self.error_in_weights(lambda gradient: gradient), 1e-8)

    def test_off_by_a_tenth_of_a_percent(self):
        """‖1.001 n - n‖ / (‖1.001 n‖ + ‖n‖) = 0.001 / 2.001."""
        error = self.error_in_weights(lambda gradient: 1.001 * gradient)
        self.assertAlmostEqual(error, 0.001 / 2.001, places=7)

    def test_sign_flip(self):
        self.assertAlmostEqual(self.error_in_weights(lambda gradient: -gradient), 1.0, places=7)

    def test_one_sign_flip_among_many(self):
        def flip(gradient):
            gradient = gradient.copy()
            gradient[np.unravel_index(np.abs(gradient).argmin(), gradient.shape)] *= -1
            return gradient

        self.assertGreater(self.error_in_weights(flip), 1e-5)

    def test_forgotten(self):
        self.assertAlmostEqual(self.error_in_weights(np.zeros_like), 1.0, places=7)

    def test_forgotten_mean(self):
        """m times the gradient: (m - 1) / (m + 1)."""
        rng = np.random.default_rng(1)
        for name in ("l2", "cross_entropy"):
            loss = initialize_loss(name)
            Y, Y_hat = np.eye(4), rng.uniform(0.1, 0.9, (4, 4))
            gradient = 4 * loss.backward(Y, Y_hat)
            error = check_gradients(lambda P, loss=loss, Y=Y: loss(Y, P), gradient, Y_hat, 1.0)
            self.assertAlmostEqual(error, 3 / 5, places=6)

    def test_transposed_sum(self):
        """Sums over the wrong axis: an upstream gradient of ones would not show it."""
        rng = np.random.default_rng(2)
        b, X = rng.standard_normal((1, 4)), rng.standard_normal((4, 4))

        def error(axis, dLdY):
            return check_gradients(lambda b: X + b, dLdY.sum(axis=axis).reshape(1, 4), b, dLdY)

        dLdY = rng.standard_normal((4, 4))
        self.assertLess(error(0, dLdY), 1e-8)
        self.assertGreater(error(1, dLdY), 0.1)
        self.assertLess(error(1, np.ones((4, 4))), 1e-8)

    def test_random_directions_find_the_same(self):
        layer, X, dLdY, dLdX = layer_case()
        mistakes = {"none": dLdX, "0.1%": 1.001 * dLdX, "sign": -dLdX, "order": dLdX[::-1]}
        error = {
            name: direction_error(layer.forward, wrong, X, dLdY, np.random.default_rng(3))
            for name, wrong in mistakes.items()
        }
        self.assertLess(error.pop("none"), 1e-7)
        self.assertGreater(min(error.values()), 1e-4)

    @given(st.integers(0, 19), st.floats(1e-3, 10))
    def test_one_wrong_entry_is_pointed_out(self, entry, amount):
        layer, X, dLdY, dLdX = layer_case()
        wrong, index = dLdX.copy(), np.unravel_index(entry, dLdX.shape)
        wrong[index] += amount
        report = compare_gradients(layer.forward, wrong, X, dLdY)
        self.assertEqual(report.index, tuple(index))
        self.assertEqual(report.analytic, wrong[index])
        self.assertAlmostEqual(report.numeric, dLdX[index], places=7)
        self.assertGreater(report.relative_error, 1e-6)
        self.assertFalse(report.kink)


class TestFindsNothingElse(unittest.TestCase):
    def test_two_zero_gradients(self):
        x = np.ones((2, 3))
        self.assertEqual(
            check_gradients(lambda x: np.zeros(2), np.zeros((2, 3)), x, np.ones(2)), 0.0
        )
        self.assertEqual(check_gradients(lambda x: x, np.zeros((2, 3)), x, np.zeros((2, 3))), 0.0)

    def test_one_zero_gradient(self):
        x = np.ones(3)
        self.assertAlmostEqual(check_gradients(lambda x: x, np.zeros(3), x, np.ones(3)), 1.0)
        self.assertAlmostEqual(check_gradients(np.zeros_like, np.ones(3), x, np.ones(3)), 1.0)

    def test_a_function_may_return_its_argument_or_a_number(self):
        x, u = np.array([0.5, -1.5]), np.array([2.0, 3.0])
        self.assertLess(check_gradients(lambda x: x, u, x, u), 1e-8)
        self.assertLess(check_gradients(lambda x: float((x**3).sum()), 6 * x**2, x, 2.0), 1e-8)

    def test_a_function_may_write_into_what_it_gets(self):
        def square_in_place(x):
            x *= x
            return x

        x = np.array([0.5, -1.5])
        self.assertLess(check_gradients(square_in_place, 2 * x, x, np.ones(2)), 1e-8)
        np.testing.assert_array_equal(x, [0.5, -1.5])

    def test_arguments_are_not_written_to(self):
        layer, X, dLdY, dLdX = layer_case()
        seen = []

        def fn(x):
            seen.append(np.shares_memory(x, X))
            return layer.forward(x)

        copy = X.copy()
        error = check_gradients(fn, read_only(dLdX), X, read_only(dLdY))
        self.assertLess(error, 1e-8)
        np.testing.assert_array_equal(X, copy)
        self.assertEqual(set(seen), {False})
        self.assertLess(check_gradients(layer.forward, dLdX, read_only(X), dLdY), 1e-8)

    def test_step(self):
        """Of x³ the central difference with step h is 3 x² + h²."""
        x = np.array([1.0])
        report = compare_gradients(lambda x: x**3, 3 * x**2, x, 1.0, h=0.1)
        self.assertAlmostEqual(report.numeric, 3.01, places=12)
        self.assertAlmostEqual(report.relative_error, 0.01 / 6.01, places=12)

    def test_differences_are_taken_in_float64(self):
        """In float32 a step of 1e-6 would be lost in rounding."""
        x = np.array([1.5, -2.5], np.float32)
        self.assertLess(check_gradients(lambda x: x**2, 2 * x, x, np.ones(2, np.float32)), 1e-8)


class TestRefusals(unittest.TestCase):
    def test_what_is_no_array_of_float(self):
        for x, kind in (
            (np.arange(3), "int64"),
            (np.array([True]), "bool"),
            ([1.0, 2.0], "list"),
            (1.0, "float"),
        ):
            with self.assertRaisesRegex(TypeError, f"x must be an array of float, got {kind}"):
                check_gradients(lambda x: x, np.ones(np.shape(x)), x, 1.0)

    def test_shapes_that_do_not_fit(self):
        x = np.ones((2, 3))
        with self.assertRaisesRegex(ValueError, r"grad has shape \(3,\), but x has \(2, 3\)"):
            check_gradients(lambda x: x, np.ones(3), x, np.ones((2, 3)))
        with self.assertRaisesRegex(ValueError, r"dLdf has shape \(3,\), but fn returns \(2, 3\)"):
            check_gradients(lambda x: x, np.ones((2, 3)), x, np.ones(3))

    def test_nothing_to_check(self):
        with self.assertRaisesRegex(ValueError, "empty"):
            check_gradients(lambda x: x, np.ones((0, 3)), np.ones((0, 3)), np.ones((0, 3)))


class TestKinks(unittest.TestCase):
    def report(self, fn, gradient, x, dLdf):
        return compare_gradients(fn, np.array(gradient), np.array(x), np.array(dLdf))

    def test_at_the_zero_of_a_relu(self):
        for name in ("relu", "leaky_relu"):
            activation = initialize_activation(name)
            Z, dLdY = np.array([1.0, 0.0, -2.0]), np.array([0.5, -1.5, 2.0])
            report = self.report(activation, activation.backward(Z, dLdY), Z, dLdY)
            self.assertTrue(report.kink)
            self.assertEqual(report.index, (1,))
            self.assertGreater(report.relative_error, 0.1)
            self.assertIn("kink", str(report))

    def test_at_a_tie_of_a_maximum(self):
        """The first of two equal maxima takes the whole gradient; the difference sees half."""
        report = self.report(lambda x: x.max(), [3.0, 0.0, 0.0], [2.0, 2.0, 1.0], 3.0)
        self.assertTrue(report.kink)
        self.assertAlmostEqual(report.numeric, 1.5, places=7)

    def test_at_a_sum_with_smooth_terms(self):
        x = np.array([0.0])
        report = self.report(lambda x: np.maximum(x, 0) + np.sin(x), [1.0], x, 1.0)
        self.assertTrue(report.kink)

    def test_a_bug_at_a_kink_is_a_bug(self):
        """No slope of a ReLU is 2 or -1, not at 0 either."""
        for wrong in (2.0, -1.0):
            report = self.report(lambda x: np.maximum(x, 0), [wrong], [0.0], 1.0)
            self.assertFalse(report.kink, wrong)

    def test_bugs_in_smooth_functions_are_bugs(self):
        cases = {
            "square": (lambda x: x**2, lambda x: 2 * x),
            "exp": (np.exp, np.exp),
            "steep": (lambda x: np.tanh(100 * x), lambda x: 100 / np.cosh(100 * x) ** 2),
            "sin": (np.sin, np.cos),
            "large": (lambda x: 1e6 + x**2, lambda x: 2 * x),
        }
        for name, (fn, derivative) in cases.items():
            for value in (0.0, 0.01, 0.3, -1.0):
                x = np.array([value])
                for wrong in (1.001, 1.1, -1.0, 0.0):
                    gradient = wrong * derivative(x) + 1e-3
                    report = compare_gradients(fn, gradient, x, np.array([1.5]))
                    with self.subTest(name, x=value, factor=wrong):
                        self.assertFalse(report.kink)

    def test_curvature_is_no_kink(self):
        """Near the bottom of x² the one-sided slopes differ by 1%, and 0.3% is still a bug."""
        for x in (1e-4, -1e-4):
            report = self.report(lambda x: x**2, [1.003 * 2 * x], [x], 1.0)
            self.assertGreater(report.relative_error, 1e-3)
            self.assertFalse(report.kink)

    def test_rounding_is_no_kink(self):
        """Beside 1e8 the differences are mostly rounding: the slopes left and right disagree."""
        for x in np.linspace(0.1, 1, 50):
            report = self.report(lambda x: 1e8 + x**2, [2 * x], [x], 1.0)
            self.assertFalse(report.kink, x)

    def test_correct_gradients_are_no_kinks(self):
        for activation in ("tanh", "sigmoid", "softmax", "arctan", "linear"):
            layer, X, dLdY, dLdX = layer_case(activation)
            report = compare_gradients(layer.forward, dLdX, X, dLdY)
            self.assertFalse(report.kink, activation)
            self.assertNotIn("kink", str(report))

    def test_a_jump_is_not_a_kink(self):
        """Whatever gradient is given for it: f has no slope there, and backward cannot be right."""
        for jump in (1.0, -1.0, 1e-3, 1e3):
            # At x the function has the value on the right, or that on the left; or it jumps just
            # beside x, between two of the points of the differences.
            for where in (0.0, np.nextafter(0, 1), 5e-7, -5e-7):
                for smooth in (lambda x: 0 * x, np.sin, lambda x: np.maximum(x, 0)):

                    def fn(x, smooth=smooth, where=where, jump=jump):
                        return smooth(x) + jump * (x >= where)

                    for gradient in (0.0, 1.0, jump / 2e-6, jump / 1e-6):
                        report = self.report(fn, [gradient], [0.0], 1.0)
                        with self.subTest(jump=jump, where=where, gradient=gradient):
                            self.assertFalse(report.kink)
                            self.assertNotIn("kink", str(report))

    def test_jumps_of_known_functions(self):
        for fn in (np.floor, np.round, np.sign, lambda x: np.float64(x > 0.0), lambda x: x % 1):
            for x in (0.0, 0.5, 1.0):
                for gradient in (0.0, 1.0):
                    self.assertFalse(self.report(fn, [gradient], [x], 1.0).kink)

    def test_away_from_its_kink_a_relu_is_smooth(self):
        for gradient in ([0.0, 1.0], [0.0, 0.9], [0.1, 1.0]):
            report = self.report(lambda x: np.maximum(x, 0), gradient, [-0.1, 0.1], [1.0, 1.0])
            self.assertFalse(report.kink)


class TestReport(unittest.TestCase):
    def test_says_where_and_what(self):
        x, gradient = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 4.0], [7.0, 8.0]])
        report = compare_gradients(lambda x: x**2, gradient, x, np.ones((2, 2)))
        self.assertEqual((report.index, report.analytic), ((1, 0), 7.0))
        self.assertAlmostEqual(report.numeric, 6.0, places=7)
        # ‖a - n‖ = 1, ‖a‖² = 133, ‖n‖² = 120
        expected = 1 / (np.sqrt(133) + np.sqrt(120))
        self.assertAlmostEqual(report.relative_error, expected, places=8)
        for part in (f"{expected:.2e}", "(1, 0)", "analytic 7", f"numeric {report.numeric:.10g}"):
            self.assertIn(part, str(report))

    def test_both_entrances_agree_on_the_definition(self):
        layer, X, dLdY, dLdX = layer_case()
        for factor in (1.0, 1.5, -2.0):
            # ‖f g - g‖ / (‖f g‖ + ‖g‖) = |f - 1| / (|f| + 1)
            expected = abs(factor - 1) / (abs(factor) + 1)
            for check in (
                check_gradients(layer.forward, factor * dLdX, X, dLdY),
                compare_gradients(layer.forward, factor * dLdX, X, dLdY).relative_error,
            ):
                self.assertAlmostEqual(check, expected, places=7)

    def test_not_a_number_is_not_a_small_error(self):
        x = np.array([1.0, 2.0])
        error = check_gradients(lambda x: x, np.array([np.nan, 1.0]), x, np.ones(2))
        self.assertFalse(error < 1e-8)


class Scale:
    """A layer without a base class: Y = X w, and a buffer that counts the batches."""

    def __init__(self):
        self.parameters = {"w": np.array([[2.0], [-1.0]])}
        self.gradients = {}
        self.buffers = {"batches": np.zeros(1)}


class Line:
    """A network without a base class, with the loss Σ (Y_hat - Y)²; it can be interrupted."""

    dtype = np.dtype("float64")

    def __init__(self, passes=np.inf, factor=1.0):
        self.layers, self.passes, self.factor = [Scale()], passes, factor

    def parameters(self):
        return [("line.w", self.layers[0], "w")]

    def predict(self, X, Y):
        return X @ self.layers[0].parameters["w"], None

    def forward(self, X):
        (layer,), self.X = self.layers, X
        layer.buffers["batches"] += 1
        if layer.buffers["batches"] > self.passes:
            raise KeyboardInterrupt
        return X @ layer.parameters["w"]

    def backward(self, Y, Y_hat):
        self.layers[0].gradients["w"] = self.factor * 2 * self.X.T @ (Y_hat - Y)
        return float(((Y_hat - Y) ** 2).sum())


class TestOtherNetworks(unittest.TestCase):
    X, Y = np.array([[1.0, 2.0], [0.5, -3.0], [2.0, 1.0]]), np.array([[1.0], [0.0], [2.0]])

    def test_any_network_with_these_methods(self):
        report = check_network(Line(), self.X, self.Y)["line.w"]
        self.assertLess(report.relative_error, 1e-8)
        report = check_network(Line(factor=1.001), self.X, self.Y)["line.w"]
        self.assertAlmostEqual(report.relative_error, 0.001 / 2.001, places=7)

    def test_parameters_and_buffers_are_restored(self):
        for passes in (np.inf, 1, 2, 3, 6):
            model = Line(passes)
            layer, w = model.layers[0], model.layers[0].parameters["w"]
            buffers, before = layer.buffers, w.copy()
            with self.subTest(passes):
                try:
                    check_network(model, self.X, self.Y)
                except KeyboardInterrupt:
                    self.assertLess(passes, np.inf)
                self.assertIs(layer.parameters["w"], w)
                np.testing.assert_array_equal(w, before)
                self.assertIs(layer.buffers, buffers, "it may be a view of the layers inside")
                np.testing.assert_array_equal(buffers["batches"], [0])
