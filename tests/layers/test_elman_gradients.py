"""Recurrent layer: gradients against differences, alone and in networks."""

import unittest
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neural_networks.activations import ACTIVATIONS, ELU
from neural_networks.layers import LAYERS, Elman
from neural_networks.models import NeuralNetwork
from neural_networks.utils.grad_check import check_gradients
from tests.layers.test_gradients import kink_free_input
from tests.support.arrays import DTYPES, KINKED, direction_error, float_arrays, seeds, sizes
from tests.support.elman_cases import ElmanPasses, as_array, elman

SMOOTH = sorted(set(ACTIVATIONS) - set(KINKED))
SUFFIXES = ("", "_faster")


def output_of_state(layer, X):
    """The output as a function of the initial state."""

    def output(value):
        kept, layer.initial_state = layer.initial_state, value
        Y = layer.forward(X)
        layer.initial_state = kept
        return Y

    return output


def output_of_step(layer, X, i):
    """The output as a function of the input (m, d) at one step."""

    def output(x_t):
        moved = X.copy()
        moved[:, :, i] = x_t
        return layer.forward(moved)

    return output


def checks_of(layer, X, found):
    """For all that there is a gradient of: the output as a function of it, gradient, value."""
    checks = {"X": (layer.forward, found["dLdX"], X)}
    for name, value in layer.parameters.items():
        checks[name] = layer.forward_with_param(name, X), found[f"dLd{name}"], value
    m, n = found["dLds_0"].shape
    state, gradient = layer.initial_state, found["dLds_0"]
    if state is None:
        state = np.zeros((m, n), layer.dtype)
    elif len(state) < m:
        # One state for all examples: what each of them asks of it adds up.
        gradient = gradient.sum(axis=0, keepdims=True)
    checks["s_0"] = output_of_state(layer, X), gradient, state
    return checks


class TestCentralDifferences(ElmanPasses, unittest.TestCase):
    def test_every_activation(self):
        rng = np.random.default_rng(1)
        for name in ACTIVATIONS:
            for whole in (False, True):
                for state in (None, rng.standard_normal((2, 3)), rng.standard_normal((1, 3))):
                    layer = elman(4, 3, name, return_sequences=whole)
                    layer.initial_state = state
                    X = kink_free_input(layer, 2, 4, 3)
                    dLdY = rng.standard_normal(self.forward(layer, X).shape)
                    checks = checks_of(layer, X, self.found(layer, X, dLdY))
                    self.assertEqual(set(checks), {"X", "W", "U", "b", "s_0"})
                    for key, (fn, gradient, value) in checks.items():
                        with self.subTest(name, whole=whole, state=np.shape(state), of=key):
                            error = check_gradients(fn, gradient, value, dLdY, h=1e-5)
                            self.assertLess(error, 1e-8)

    def test_the_input_at_each_step(self):
        """In a sum over all steps, one that is wrong might not be seen."""
        rng = np.random.default_rng(2)
        for name in ACTIVATIONS:
            for whole in (False, True):
                layer = elman(2, 3, name, return_sequences=whole)
                X = kink_free_input(layer, 3, 2, 5)
                dLdY = rng.standard_normal(self.forward(layer, X).shape)
                dLdX = as_array(self.backward(layer, dLdY))
                for i in range(5):
                    with self.subTest(name, whole=whole, step=i):
                        fn, x_t = output_of_step(layer, X, i), X[:, :, i].copy()
                        error = check_gradients(fn, dLdX[:, :, i], x_t, dLdY, h=1e-5)
                        self.assertLess(error, 1e-8)

    def test_one_of_each(self):
        """One example, one feature, one unit, one step; and each of them alone."""
        rng = np.random.default_rng(3)
        for m, d, n, t in ((1, 1, 1, 1), (1, 2, 3, 4), (2, 1, 3, 4), (3, 2, 1, 4), (4, 3, 2, 1)):
            for whole in (False, True):
                layer = elman(d, n, "tanh", return_sequences=whole)
                layer.initial_state = rng.standard_normal((m, n))
                X = rng.standard_normal((m, d, t))
                dLdY = rng.standard_normal(self.forward(layer, X).shape)
                checks = checks_of(layer, X, self.found(layer, X, dLdY))
                for key, (fn, gradient, value) in checks.items():
                    with self.subTest((m, d, n, t), whole=whole, of=key):
                        error = check_gradients(fn, gradient, value, dLdY, h=1e-5)
                        self.assertLess(error, 1e-8)


class TestRandomDirections(ElmanPasses, unittest.TestCase):
    def test_longer_sequences(self):
        rng = np.random.default_rng(4)
        for name in SMOOTH:
            # Of a gradient of the last state alone, too little would be left after 30 steps.
            for whole, t in ((False, 6), (True, 30)):
                layer = elman(20, 30, name, return_sequences=whole)
                layer.initial_state = rng.standard_normal((16, 30))
                X = rng.standard_normal((16, 20, t))
                dLdY = rng.standard_normal(self.forward(layer, X).shape)
                checks = checks_of(layer, X, self.found(layer, X, dLdY))
                for key, (fn, gradient, value) in checks.items():
                    with self.subTest(name, whole=whole, of=key):
                        error = direction_error(fn, gradient, value, dLdY, rng)
                        self.assertLess(error, 1e-6)


def states_by_loops(X, W, U, b, s_0, sigma):
    """s_1 … s_T, (m, n, T), by the definition: one example, one unit and one weight at a time."""
    (m, d, T), n = X.shape, len(U)
    states = np.zeros((m, n, T))
    for e in range(m):
        before = s_0[e]
        for t in range(T):
            z = np.zeros(n)
            for j in range(n):
                z[j] = b[0, j]
                z[j] += sum(X[e, i, t] * W[i, j] for i in range(d))
                z[j] += sum(before[i] * U[i, j] for i in range(n))
            before = states[e, :, t] = sigma(z)
    return states


@st.composite
def problems(draw, names=SMOOTH, types=DTYPES):
    """A layer in float64 and the same one in the type that is drawn, an input, and dLdY."""
    m, d, n, t = (draw(sizes) for _ in range(4))
    name, dtype = draw(st.sampled_from(names)), draw(st.sampled_from(types))
    whole = draw(st.booleans())
    values = {
        "W": draw(float_arrays((d, n), 1.0, dtype)),
        "U": draw(float_arrays((n, n), 1.0, dtype)),
        "b": draw(float_arrays((1, n), 1.0, dtype)),
    }
    rows = draw(st.sampled_from([None, 1, m]))
    state = None if rows is None else draw(float_arrays((rows, n), 1.0, dtype))
    layers = []
    for kind in ("float64", dtype):
        layer = Elman(n, name, return_sequences=whole, dtype=kind)
        layer.parameters.update({key: value.astype(kind) for key, value in values.items()})
        layer.initial_state = state if state is None else state.astype(kind)
        layers.append(layer)
    X = draw(float_arrays((m, d, t), 2.0, dtype))
    rng = np.random.default_rng(draw(seeds))
    return (*layers, X, rng.standard_normal((m, n, t) if whole else (m, n)))


class TestAnyShapeAndValue(ElmanPasses, unittest.TestCase):
    @given(problems(sorted(ACTIVATIONS)))
    def test_states(self, problem):
        exact, layer, X, _ = problem
        (m, _, t), n = X.shape, layer.n_out
        s_0 = np.zeros((m, n)) if exact.initial_state is None else exact.initial_state
        W, U, b = (exact.parameters[name] for name in ("W", "U", "b"))
        expected = states_by_loops(X, W, U, b, np.broadcast_to(s_0, (m, n)), layer.activation)
        expected = expected if layer.return_sequences else expected[:, :, -1]
        bound = 1e-12 if layer.dtype == np.float64 else 1e-4
        for self.suffix in SUFFIXES:
            Y = self.forward(layer, X)
            self.assertEqual(Y.shape, (m, n, t) if layer.return_sequences else (m, n))
            self.assertEqual(Y.dtype, layer.dtype)
            np.testing.assert_allclose(Y, expected, rtol=bound, atol=bound)

    @settings(max_examples=25)
    @given(problems())
    def test_gradients(self, problem):
        exact, layer, X, dLdY = problem
        for self.suffix in SUFFIXES:
            found = self.found(layer, X, dLdY.astype(layer.dtype))
            exact.forward(X.astype(np.float64))
            for key, (fn, gradient, value) in checks_of(exact, X.astype(np.float64), found).items():
                # A gradient may be 0 but for rounding. With the sum of all entries of the value
                # added to the loss, 1 is added to every gradient, and errors are measured beside
                # that.
                dLdf = np.append(dLdY.ravel(), np.ones(value.size))
                error = check_gradients(
                    lambda v, fn=fn: np.append(fn(v), v), gradient + 1.0, value, dLdf, h=1e-5
                )
                # The slope of elu has a kink at 0, where differences are off by up to h / 4.
                exactly = layer.dtype == np.float64 and not isinstance(exact.activation, ELU)
                self.assertLess(error, 1e-8 if exactly else 1e-5, key)

    @given(problems(types=["float32"]))
    def test_float32_finds_what_float64_finds(self, problem):
        exact, layer, X, dLdY = problem
        for self.suffix in SUFFIXES:
            expected = self.found(exact, X.astype(np.float64), dLdY)
            found = self.found(layer, X, dLdY.astype(np.float32))
            self.assertEqual(list(found), list(expected))
            # All gradients are sums over the same steps. Where one of them cancels, its rounding is
            # that of the large numbers in it, so that it is measured beside the largest, too.
            largest = max(map(np.linalg.norm, expected.values()))
            for name, value in expected.items():
                self.assertEqual((found[name].dtype, found[name].shape), (np.float32, value.shape))
                error = np.linalg.norm(found[name] - value)
                self.assertLess(error, 1e-5 * (1 + largest), name)
                self.assertLess(error, 1e-4 * (1 + np.linalg.norm(value)), name)


class TestTwoImplementations(ElmanPasses, unittest.TestCase):
    """The textbook passes and the fast ones, and either ``backward`` after either ``forward``."""

    @given(problems())
    def test_agree(self, problem):
        _, layer, X, dLdY = problem
        bound = 1e-11 if layer.dtype == np.float64 else 1e-4
        expected = self.found(layer, X, dLdY)
        cache = {name: np.stack(entries) for name, entries in layer.cache.items()}
        for forward, backward in product(SUFFIXES, repeat=2):
            self.suffix = forward
            found = {"Y": self.forward(layer, X)}
            for name, entries in layer.cache.items():
                self.assertIs(type(entries), list)
                np.testing.assert_allclose(
                    np.stack(entries), cache[name], rtol=bound, atol=bound, strict=True
                )
            self.suffix = backward
            found["dLdX"] = as_array(self.backward(layer, dLdY))
            found |= {f"dLd{name}": gradient for name, gradient in layer.gradients.items()}
            found["dLds_0"] = layer.initial_state_gradient
            self.assertEqual(list(found), list(expected))
            for name, value in expected.items():
                np.testing.assert_allclose(
                    found[name], value, rtol=bound, atol=bound, strict=True, err_msg=name
                )


def loss_of(model, X, Y):
    """The loss of a network's prediction as a function of one parameter of one of its layers."""

    def function_of(layer, name):
        def loss(value):
            kept, layer.parameters[name] = layer.parameters[name], value
            found = model.predict(X, Y)[1]
            layer.parameters[name] = kept
            return found

        return loss

    return function_of


class Stepwise(Elman):
    """As in a homework: ``backward`` always returns a list."""

    def backward(self, dLdY):
        dLdX = super().backward(dLdY)
        return list(as_array(dLdX).transpose(2, 0, 1))


STATES = {"name": "elman", "n_out": 4, "return_sequences": True}
LAST = {"name": "elman", "n_out": 3, "activation": "arctan"}
DENSE = {"name": "fully_connected", "n_out": 5, "activation": "tanh"}
OUTPUT = {"name": "fully_connected", "n_out": 2, "activation": "linear"}
SGD = {"name": "SGD", "lr": 0.1}

NETWORKS = {
    "one layer": [LAST, OUTPUT],
    "two layers": [STATES, LAST, OUTPUT],
    "three layers, a loss at every step": [STATES, STATES | {"n_out": 2}, STATES, OUTPUT],
    "after a dense layer": [DENSE, LAST, OUTPUT],
    "between dense layers, a loss at every step": [DENSE, STATES, DENSE, OUTPUT],
    "as the last layer": [DENSE, LAST | {"n_out": 2}],
    "as the last layer, linear": [STATES, STATES | {"n_out": 2, "activation": "linear"}],
    "of a student": [DENSE, STATES | {"name": "stepwise"}, LAST | {"name": "stepwise"}, OUTPUT],
    "of a student, a loss at every step": [DENSE, STATES | {"name": "stepwise"}, OUTPUT],
}


class TestNetworks(unittest.TestCase):
    def setUp(self):
        LAYERS["stepwise"] = Stepwise
        self.addCleanup(LAYERS.pop, "stepwise")

    def assert_gradients(self, loss, layers, X, Y):
        model = NeuralNetwork(loss, layers, SGD, seed=0)
        model.backward(Y, model.forward(X))
        gradients = {name: layer.gradients[key] for name, layer, key in model.parameters()}
        self.assertEqual(
            len(gradients), sum(2 if layer["name"] == "fully_connected" else 3 for layer in layers)
        )
        function_of = loss_of(model, X, Y)
        for name, layer, key in model.parameters():
            fn, value = function_of(layer, key), layer.parameters[key]
            error = check_gradients(fn, gradients[name], value, 1.0, h=1e-5)
            self.assertLess(error, 1e-7, name)

    def test_squared_error(self):
        rng = np.random.default_rng(5)
        for name, layers in NETWORKS.items():
            X, Y = rng.standard_normal((3, 2, 4)), rng.standard_normal((3, 2, 4))
            recurrent = [layer for layer in layers if layer["name"] in ("elman", "stepwise")]
            whole = all("return_sequences" in layer for layer in recurrent)
            with self.subTest(name):
                self.assert_gradients("l2", layers, X, Y if whole else Y[:, :, -1])

    def test_cross_entropy_of_a_class_at_every_step(self):
        rng = np.random.default_rng(6)
        X, Y = rng.standard_normal((3, 2, 4)), np.eye(3)[rng.integers(3, size=(3, 4))]
        Y = Y.transpose(0, 2, 1)
        softmax = {"n_out": 3, "activation": "softmax"}
        for last in (OUTPUT | softmax, STATES | softmax):
            with self.subTest(last["name"]):
                self.assert_gradients("cross_entropy", [STATES, last], X, Y)


class TestCentralDifferencesFaster(TestCentralDifferences):
    """Gradients by the fast passes, against differences of ``forward``."""

    suffix = "_faster"


class TestRandomDirectionsFaster(TestRandomDirections):
    """Gradients by the fast passes, against differences of ``forward``."""

    suffix = "_faster"


if __name__ == "__main__":
    unittest.main()
