"""Recurrent layer: ``forward_step``, the cache, sequences in pieces."""

import unittest

import numpy as np

from neural_networks.layers import Elman
from tests.support.arrays import DTYPES
from tests.support.elman_cases import PARAMETERS, ElmanPasses, as_array, elman

X = np.random.default_rng(0).standard_normal((5, 3, 7))
M, D, T = X.shape
N = 4
STATE = np.random.default_rng(1).standard_normal((M, N))


def upstream(whole, steps=T):
    return np.random.default_rng(2).standard_normal((M, N, steps) if whole else (M, N))


def walk(layer, X):
    """The states after each step, (m, n, t), by ``forward_step``."""
    return np.stack([layer.forward_step(x_t) for x_t in X.transpose(2, 0, 1)], axis=2)


def close(actual, expected, what=""):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14, strict=True, err_msg=what)


class StepsTestCase(ElmanPasses, unittest.TestCase):
    def assert_same_cache(self, layer, other):
        self.assertEqual(list(layer.cache), ["X", "Z", "s"])
        self.assertEqual(list(other.cache), ["X", "Z", "s"])
        for name, entries in layer.cache.items():
            self.assertIs(type(entries), list)
            self.assertIs(type(other.cache[name]), list)
            for entry, expected in zip(entries, other.cache[name], strict=True):
                close(entry, expected, name)

    def assert_same_gradients(self, layer, other):
        close(layer.initial_state_gradient, other.initial_state_gradient, "s_0")
        self.assertEqual(set(layer.gradients), set(other.gradients))
        for name, gradient in layer.gradients.items():
            close(gradient, other.gradients[name], name)


class TestCache(StepsTestCase):
    def test_what_is_in_it(self):
        for state in (None, STATE, STATE[:1]):
            layer = elman(D, N)
            layer.initial_state = state
            self.forward(layer, X)
            self.assertEqual([len(layer.cache[name]) for name in "XZs"], [T, T, T + 1])
            s_0 = np.zeros((M, N)) if state is None else np.tile(state, (M // len(state), 1))
            np.testing.assert_array_equal(layer.cache["s"][0], s_0, strict=True)
            W, U, b = (layer.parameters[name] for name in PARAMETERS)
            for t in range(T):
                x_t, Z, s = (layer.cache[name][t] for name in "XZs")
                np.testing.assert_array_equal(x_t, X[:, :, t], strict=True)
                close(Z, x_t @ W + s @ U + b)
                close(layer.cache["s"][t + 1], np.tanh(Z))

    def test_is_that_of_the_last_forward(self):
        """Nothing is left of a longer sequence, or of a larger batch, from before."""
        for shape in ((M, D, T), (2, D, 3), (3, D, 1)):
            layer, fresh = elman(D, N), elman(D, N)
            self.forward(layer, X)
            self.forward(layer, np.ones(shape))
            self.forward(fresh, np.ones(shape))
            self.assert_same_cache(layer, fresh)
            dLdY = np.ones((shape[0], N))
            close(as_array(self.backward(layer, dLdY)), as_array(self.backward(fresh, dLdY)))
            self.assert_same_gradients(layer, fresh)


class TestForwardStep(StepsTestCase):
    def test_steps_are_forward(self):
        for activation in ("tanh", "linear", "softmax"):
            for whole in (False, True):
                for state in (None, STATE, STATE[:1]):
                    layer, other = (elman(D, N, activation, return_sequences=whole) for _ in "ab")
                    layer.initial_state = other.initial_state = state
                    states, Y = walk(layer, X), self.forward(other, X)
                    dLdY = upstream(whole)
                    with self.subTest(activation, whole=whole, state=np.shape(state)):
                        close(states if whole else states[:, :, -1], Y)
                        self.assert_same_cache(layer, other)
                        found, expected = self.backward(layer, dLdY), self.backward(other, dLdY)
                        self.assertIs(type(found), type(expected))
                        close(as_array(found), as_array(expected))
                        self.assert_same_gradients(layer, other)

    def test_steps_that_are_read_into_one_array(self):
        layer, other, x_t = elman(D, N), elman(D, N), np.empty((M, D))
        for t in range(T):
            x_t[:] = X[:, :, t]
            layer.forward_step(x_t)
        self.forward(other, X)
        self.assert_same_cache(layer, other)

    def test_returns_the_state(self):
        layer = elman(D, N)
        for t in range(3):
            s_t = layer.forward_step(X[:, :, t])
            np.testing.assert_array_equal(s_t, layer.cache["s"][-1], strict=True)
            self.assertEqual((s_t.shape, len(layer.cache["s"])), ((M, N), t + 2))

    def test_creates_the_parameters(self):
        layer, other = Elman(N, rng=3), Elman(N, rng=3)
        close(layer.forward_step(X[:, :, 0]), self.forward(other, X[:, :, :1]))
        self.assertEqual((layer.n_in, layer.parameters["W"].shape), (D, (D, N)))

    def test_goes_on_after_forward(self):
        """And ``backward`` then goes through all steps of both."""
        for cut in (1, 3, 6):
            layer, other = elman(D, N), elman(D, N)
            layer.initial_state = other.initial_state = STATE
            self.forward(layer, X[:, :, :cut])
            states = walk(layer, X[:, :, cut:])
            close(states[:, :, -1], self.forward(other, X))
            self.assert_same_cache(layer, other)
            dLdX = as_array(self.backward(layer, upstream(False)))
            self.assertEqual(dLdX.shape, X.shape)
            close(dLdX, as_array(self.backward(other, upstream(False))))
            self.assert_same_gradients(layer, other)

    def test_goes_on_from_the_last_state_in_the_cache(self):
        """Any state may be put there."""
        layer = elman(D, N)
        layer.forward_step(X[:, :, 0])
        layer.cache["s"][-1] = STATE
        W, U, b = (layer.parameters[name] for name in PARAMETERS)
        close(layer.forward_step(X[:, :, 1]), np.tanh(X[:, :, 1] @ W + STATE @ U + b))

    def test_begins_anew_after_clear_gradients(self):
        layer = elman(D, N)
        for state in (None, STATE):
            layer.initial_state = state
            walk(layer, X)
            layer.clear_gradients()
            first = layer.forward_step(X[:, :, 0])
            other = elman(D, N)
            other.initial_state = state
            close(first, self.forward(other, X[:, :, :1]))
            self.assert_same_cache(layer, other)

    def test_forward_always_begins_anew(self):
        layer = elman(D, N)
        Y = self.forward(layer, X).copy()
        walk(layer, X)
        np.testing.assert_array_equal(self.forward(layer, X), Y)
        self.assertEqual(len(layer.cache["s"]), T + 1)

    def test_reads_the_parameters_at_each_step(self):
        layer = elman(D, N, "linear")
        layer.forward_step(X[:, :, 0])
        layer.parameters["W"], layer.parameters["U"] = np.zeros((D, N)), 2 * np.eye(N)
        layer.parameters["b"] = np.ones((1, N))
        close(layer.forward_step(X[:, :, 1]), 2 * layer.cache["s"][1] + 1)

    def test_type(self):
        for dtype in DTYPES:
            for given in DTYPES:
                layer = elman(D, N, dtype=dtype)
                layer.initial_state = STATE.astype(given)
                for name, value in layer.parameters.items():
                    layer.parameters[name] = value.astype(given)
                states = walk(layer, X.astype(given))
                self.assertEqual(states.dtype, dtype)
                for name, entries in layer.cache.items():
                    self.assertEqual({entry.dtype for entry in entries}, {np.dtype(dtype)}, name)


class TestPieces(StepsTestCase):
    """A sequence that is cut in two, the second piece beginning where the first one ended."""

    def pieces(self, whole, cut):
        """Layers for the two pieces and for all of it, after their forward passes."""
        first, second, both = (elman(D, N, return_sequences=whole) for _ in range(3))
        first.initial_state = both.initial_state = STATE
        outputs = [self.forward(first, X[:, :, :cut])]
        second.initial_state = first.cache["s"][-1]
        outputs.append(self.forward(second, X[:, :, cut:]))
        return first, second, both, outputs

    def test_outputs(self):
        for cut in range(1, T):
            _, _, both, (_, last) = self.pieces(False, cut)
            close(last, self.forward(both, X))
            _, _, both, outputs = self.pieces(True, cut)
            close(np.concatenate(outputs, axis=2), self.forward(both, X))

    def test_gradients(self):
        """The gradient of the second piece's initial state is one of the first's last state."""
        for whole in (False, True):
            for cut in range(1, T):
                first, second, both, _ = self.pieces(whole, cut)
                dLdY = upstream(whole)
                expected = self.found(both, X, dLdY)
                dLdX = [as_array(self.backward(second, dLdY[:, :, cut:] if whole else dLdY))]
                handed_on = second.initial_state_gradient
                if whole:
                    dLdY[:, :, cut - 1] += handed_on
                dLdX.insert(
                    0, as_array(self.backward(first, dLdY[:, :, :cut] if whole else handed_on))
                )
                with self.subTest(whole=whole, cut=cut):
                    close(np.concatenate(dLdX, axis=2), expected["dLdX"])
                    close(first.initial_state_gradient, expected["dLds_0"])
                    for name in PARAMETERS:
                        total = first.gradients[name] + second.gradients[name]
                        close(total, expected[f"dLd{name}"])


class TestCacheFaster(TestCache):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestForwardStepFaster(TestForwardStep):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestPiecesFaster(TestPieces):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


if __name__ == "__main__":
    unittest.main()
