"""Recurrent layer: rejected arguments, which leave it as it was."""

import unittest

import numpy as np

from neural_networks.layers import Elman, initialize_layer
from tests.layers.test_elman_rules import SameContents, contents
from tests.support.elman_cases import as_array, elman

X = np.random.default_rng(0).standard_normal((5, 3, 7))
STATE = np.random.default_rng(1).standard_normal((5, 4))


class BadInput(SameContents):
    def assert_refused(self, layer, error, message, method, *arguments):
        """The error is raised, and the layer goes on as if nothing had been."""
        before = contents(layer)
        with self.assertRaisesRegex(error, message):
            method(*arguments)
        self.assert_same(layer, before)


class TestForward(BadInput):
    def setUp(self):
        self.layer = elman(3, 4)
        self.backward(self.layer, self.forward(self.layer, X))

    def tearDown(self):
        np.testing.assert_array_equal(self.forward(self.layer, X), self.forward(elman(3, 4), X))

    def test_shapes(self):
        for shape in ((5, 3), (3,), (5, 3, 7, 1), (5, 3, 0), (5, 0, 7)):
            found = rf"got shape \({', '.join(map(str, shape))},?\)"
            message = rf"X must be \(m, d, t\) with d and t at least 1, {found}"
            for layer in (self.layer, Elman(4)):
                with self.subTest(shape):
                    message = (
                        rf"X must be \(m, d, t\).*got shape \({', '.join(map(str, shape))},?\)"
                    )
                    self.assert_refused(
                        layer, ValueError, message, self.forward, layer, np.ones(shape)
                    )

    def test_number_of_features(self):
        for d in (1, 2, 4):
            message = f"X has {d} features, but this layer was made for 3"
            X_d = np.ones((5, d, 7))
            self.assert_refused(self.layer, ValueError, message, self.forward, self.layer, X_d)
            self.assert_refused(
                self.layer, ValueError, message, self.layer.forward_step, X_d[..., 0]
            )

    def test_inputs_that_are_not_arrays_of_float(self):
        for dtype in ("int64", "uint8", "bool"):
            message, wrong = f"must hold floats, got {dtype}", np.ones(X.shape, dtype)
            self.assert_refused(
                self.layer, TypeError, f"^X {message}", self.forward, self.layer, wrong
            )
            step = self.layer.forward_step
            self.assert_refused(self.layer, TypeError, f"^x_t {message}", step, wrong[:, :, 0])
        message = "X must be a NumPy array, got list"
        self.assert_refused(self.layer, TypeError, message, self.forward, self.layer, X.tolist())

    def test_initial_state(self):
        for shape in ((4,), (4, 4), (5, 3), (1, 5), (5, 1), (6, 4), (5, 4, 1), ()):
            self.layer.initial_state = np.ones(shape)
            found = rf"got \({', '.join(map(str, shape))},?\)"
            message = rf"initial_state must have shape \(5, 4\) for these 5 ex.*\(1, 4\).*{found}"
            with self.subTest(shape):
                self.assert_refused(self.layer, ValueError, message, self.forward, self.layer, X)
                self.layer.clear_gradients()
                step = self.layer.forward_step
                self.assert_refused(self.layer, ValueError, message, step, X[:, :, 0])
        for state, message in (
            ([[0.0] * 4], "initial_state must be a NumPy array, got list"),
            (np.ones((1, 4), int), "initial_state must hold floats, got int64"),
            (np.array([["a"] * 4]), "initial_state must hold floats, got <U1"),
        ):
            self.layer.initial_state = state
            self.assert_refused(self.layer, TypeError, message, self.forward, self.layer, X)
        self.layer.initial_state = None

    def test_a_first_batch_that_cannot_be(self):
        """It leaves the layer free for one that can."""
        layer = Elman(4, rng=0)
        for shape in ((5, 3), (5, 0, 7), (5, 6, 0)):
            self.assert_refused(layer, ValueError, "got shape", self.forward, layer, np.ones(shape))
        self.assertEqual((layer.n_in, len(layer.parameters)), (None, 0))
        np.testing.assert_array_equal(self.forward(layer, X), self.forward(Elman(4, rng=0), X))


class TestForwardStep(BadInput):
    def setUp(self):
        self.layer = elman(3, 4)

    def test_shapes(self):
        layer = self.layer
        for steps in range(2):
            for shape in ((3,), (5, 3, 1), (5, 3, 7), ()):
                found = ", ".join(map(str, shape))
                message = rf"x_t must be an array \(m, d\), got shape \({found},?\)"
                with self.subTest(shape, steps=steps):
                    self.assert_refused(
                        layer, ValueError, message, layer.forward_step, np.ones(shape)
                    )
            layer.forward_step(X[:, :, steps])

    def test_no_array(self):
        given = [[1.0, 2.0, 3.0]]
        self.assert_refused(self.layer, ValueError, "an array", self.layer.forward_step, given)

    def test_weights_that_do_not_fit_leave_no_half_a_step(self):
        self.layer.parameters["U"] = np.ones((5, 5))
        with self.assertRaises(ValueError):
            self.layer.forward_step(X[:, :, 0])
        self.assertEqual(len(self.layer.cache), 0)

    def test_number_of_examples(self):
        layer, other = self.layer, elman(3, 4)
        layer.forward_step(X[:, :, 0])
        self.forward(other, X[:, :, :2])
        # One example would broadcast, and go on from the states of five.
        for m in (1, 4, 6):
            message = f"x_t has {m} examples, but the state is that of 5"
            step = layer.forward_step
            self.assert_refused(layer, ValueError, message, step, np.ones((m, 3)))
        layer.forward_step(X[:, :, 1])
        dLdY = np.ones((5, 4))
        np.testing.assert_allclose(
            as_array(self.backward(layer, dLdY)), as_array(self.backward(other, dLdY)), rtol=1e-12
        )


class TestBackward(BadInput):
    def test_before_forward(self):
        for whole in (False, True):
            made = elman(3, 4, return_sequences=whole)
            for layer in (Elman(4, return_sequences=whole), made):
                dLdY = np.ones((5, 4, 7) if whole else (5, 4))
                message = "Elman.backward needs a forward in training mode before it"
                self.assert_refused(layer, RuntimeError, message, self.backward, layer, dLdY)
            self.backward(made, self.forward(made, X))
            made.clear_gradients()
            self.assert_refused(made, RuntimeError, message, self.backward, made, dLdY)

    def test_gradient_of_another_shape(self):
        shapes = {
            False: ((1, 4), (5, 1), (5, 3), (4, 4), (5, 4, 1), (5, 4, 7), (4,)),
            True: ((5, 4), (5, 4, 1), (5, 4, 6), (5, 4, 8), (1, 4, 7), (5, 1, 7), (5, 7, 4)),
        }
        for whole, wrong in shapes.items():
            layer = elman(3, 4, return_sequences=whole)
            dLdY = self.forward(layer, X)
            expected = as_array(self.backward(layer, dLdY))
            right = r"\(5, 4, 7\)" if whole else r"\(5, 4\)"
            for shape in wrong:
                found = ", ".join(map(str, shape))
                message = rf"dLdY has shape \({found},?\), but the output had {right}"
                with self.subTest(shape, whole=whole):
                    self.assert_refused(
                        layer, ValueError, message, self.backward, layer, np.ones(shape)
                    )
            np.testing.assert_array_equal(as_array(self.backward(layer, dLdY)), expected)


class TestConstructor(BadInput):
    def test_number_of_units(self):
        for wrong, error in ((0, ValueError), (-2, ValueError), (2.0, TypeError), ("3", TypeError)):
            for make in (Elman, lambda n: initialize_layer("elman", n_out=n)):
                with self.assertRaisesRegex(error, f"n_out must be .*{wrong}"):
                    make(wrong)
        self.assertEqual(Elman(np.int64(3)).n_out, 3)
        with self.assertRaisesRegex(ValueError, "'elman' needs the option 'n_out'"):
            initialize_layer("elman")

    def test_names(self):
        with self.assertRaisesRegex(ValueError, "activation 'tahn'.*did you mean 'tanh'"):
            Elman(3, "tahn")
        with self.assertRaisesRegex(ValueError, "initializer 'xavier'.*known: .*xavier_uniform"):
            Elman(3, weight_init="xavier")
        with self.assertRaisesRegex(ValueError, "layer 'elmann'.*did you mean 'elman'"):
            initialize_layer("elmann", n_out=3)
        with self.assertRaisesRegex(ValueError, "'elman' has no option 'stride'"):
            initialize_layer("elman", n_out=3, stride=2)

    def test_return_sequences(self):
        for wrong in ("yes", 1, 0, "", 1.0):
            with self.assertRaisesRegex(
                TypeError, f"return_sequences must be true or false, got {wrong!r}"
            ):
                Elman(3, return_sequences=wrong)
        with self.assertRaises(TypeError):
            Elman(3, "tanh", "xavier_uniform", True)

    def test_type(self):
        for wrong in ("float16", "int64", None):
            with self.assertRaisesRegex(ValueError, r"dtype.*float32.*float64"):
                Elman(3, dtype=wrong)


class TestForwardFaster(TestForward):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestForwardStepFaster(TestForwardStep):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestBackwardFaster(TestBackward):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


if __name__ == "__main__":
    unittest.main()
