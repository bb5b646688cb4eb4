"""Recurrent layer: parameters, modes, types, arguments."""

import copy
import unittest

import numpy as np

from neural_networks.layers import Elman, initialize_layer
from neural_networks.weights import WEIGHTS
from tests.support.arrays import DTYPES, read_only, unchanged
from tests.support.elman_cases import PARAMETERS, ElmanPasses, as_array, elman

X = np.random.default_rng(0).standard_normal((5, 3, 7))
STATE = np.random.default_rng(1).standard_normal((5, 4))


def contents(layer):
    """Copies of all that a layer holds."""
    kinds = {"parameters": layer.parameters, "gradients": layer.gradients, "cache": layer.cache}
    state = {"state": layer.initial_state, "its gradient": layer.initial_state_gradient}
    return copy.deepcopy(kinds | {"initial": state} | {"n_in": {"n_in": layer.n_in}})


class SameContents(ElmanPasses, unittest.TestCase):
    def assert_same(self, layer, before):
        after = contents(layer)
        self.assertEqual(list(after), list(before))
        for kind, expected in before.items():
            self.assertEqual(list(after[kind]), list(expected))
            for name, value in expected.items():
                found = after[kind][name]
                self.assertIs(type(found), type(value), name)
                if isinstance(value, list):
                    self.assertEqual(len(found), len(value), name)
                for a, b in zip(np.atleast_1d(found), np.atleast_1d(value), strict=True):
                    np.testing.assert_array_equal(a, b, err_msg=name)


class TestParameters(SameContents):
    def test_created_by_hand_and_by_the_first_forward(self):
        for dtype in DTYPES:
            by_hand, by_forward = (Elman(4, rng=0, dtype=dtype) for _ in range(2))
            self.assertEqual((by_hand.n_in, by_hand.n_out, len(by_hand.parameters)), (None, 4, 0))
            by_hand._init_parameters((-1, 3))
            self.forward(by_forward, X)
            for layer in (by_hand, by_forward):
                self.assertEqual((layer.n_in, layer.n_out), (3, 4))
                for held in (layer.parameters, layer.gradients):
                    self.assertEqual(list(held), ["W", "U", "b"])
                    self.assertEqual({array.dtype for array in held.values()}, {np.dtype(dtype)})
                    shapes = [array.shape for array in held.values()]
                    self.assertEqual(shapes, [(3, 4), (4, 4), (1, 4)])
                self.assertFalse(layer.parameters["b"].any())
                self.assertFalse(any(gradient.any() for gradient in layer.gradients.values()))
            for name in PARAMETERS:
                np.testing.assert_array_equal(by_hand.parameters[name], by_forward.parameters[name])

    def test_drawn_from_the_generator(self):
        drawn = []
        for rng in (5, np.random.default_rng(5), 6):
            layer = Elman(3, rng=rng)
            layer._init_parameters((-1, 3))
            drawn.append([layer.parameters[name] for name in ("W", "U")])
            self.assertFalse(np.array_equal(*drawn[-1]), "W and U are drawn one after the other")
        for k in range(2):
            np.testing.assert_array_equal(drawn[0][k], drawn[1][k])
            self.assertFalse(np.array_equal(drawn[0][k], drawn[2][k]))

    def test_default_is_tanh_and_xavier_uniform(self):
        """±gain · √(6 / (fan_in + fan_out)), with tanh's 5/3 for a gain."""
        for layer in (Elman(100, rng=1), initialize_layer("elman", n_out=100, rng=1)):
            self.assertIs(type(layer), Elman)
            self.assertFalse(layer.return_sequences)
            layer._init_parameters((-1, 50))
            for name, fans in (("W", 150), ("U", 200)):
                bound = 5 / 3 * np.sqrt(6 / fans)
                largest = np.abs(layer.parameters[name]).max()
                self.assertTrue(0.99 * bound < largest <= bound, name)
            Y = self.forward(layer, np.ones((1, 50, 2)))
            np.testing.assert_array_equal(Y, np.tanh(layer.cache["Z"][-1]))

    def test_fan_in_is_what_leads_into_a_unit(self):
        """d inputs by way of W and n states by way of U; he_uniform is ±√2 · √(3 / fan_in)."""
        layer = Elman(100, "relu", "he_uniform", rng=1)
        layer._init_parameters((-1, 25))
        for name, fan_in in (("W", 25), ("U", 100)):
            bound = np.sqrt(6 / fan_in)
            self.assertTrue(0.99 * bound < np.abs(layer.parameters[name]).max() <= bound, name)

    def test_every_initializer_fills_both(self):
        for name in WEIGHTS:
            layer = Elman(4, "relu", name, rng=0)
            self.assertEqual(self.forward(layer, X).shape, (5, 4), name)
        layer = Elman(3, "linear", "identity")
        # The states are then sums of the inputs.
        np.testing.assert_allclose(self.forward(layer, X), X.sum(axis=2), rtol=1e-13)

    def test_created_once(self):
        layer = Elman(4, rng=0)
        self.forward(layer, X)
        before = copy.deepcopy(layer.parameters)
        self.forward(layer, X[:2, :, :3])
        layer.forward_step(X[:2, :, 0])
        for name, value in before.items():
            np.testing.assert_array_equal(layer.parameters[name], value)

    def test_read_at_each_call(self):
        """Forward, where each of them counts, and backward, where U and W do."""
        layer = elman(3, 4)
        Y, dLdY = self.forward(layer, X), np.ones((5, 4))
        for name in PARAMETERS:
            fresh = elman(3, 4)
            layer.parameters[name] = fresh.parameters[name] = layer.parameters[name] / 2
            fresh.parameters.update(layer.parameters)
            again, expected = self.found(layer, X, dLdY), self.found(fresh, X, dLdY)
            self.assertGreater(np.abs(again["Y"] - Y).max(), 0.01, name)
            for key, value in expected.items():
                np.testing.assert_array_equal(again[key], value, err_msg=f"{name}, {key}")
            Y = again["Y"]

    def test_assigned_in_another_type(self):
        layer, other = elman(dtype="float32"), elman(dtype="float32")
        for name, value in layer.parameters.items():
            layer.parameters[name] = value.astype(np.float64)
        found, expected = (self.found(each, X, np.ones((5, 4))) for each in (layer, other))
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name, strict=True)

    def test_output_as_a_function_of_one_parameter(self):
        layer = elman(3, 4, "linear", return_sequences=True)
        layer.initial_state = STATE
        self.backward(layer, self.forward(layer, X))
        before = contents(layer)
        # Without U there is no memory: each state is that of a layer without one.
        fn = layer.forward_with_param("U", X)
        found = fn(np.zeros((4, 4)))
        self.assert_same(layer, before)
        W, b = layer.parameters["W"], layer.parameters["b"]
        expected = np.einsum("mdt,dn->mnt", X, W) + b[0][:, np.newaxis]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


class TestBackward(SameContents):
    def test_a_list_or_an_array(self):
        for whole in (False, True):
            layer = elman(3, 4, return_sequences=whole)
            dLdX = layer.backward(layer.forward(X))
            if whole:
                self.assertIsInstance(dLdX, np.ndarray)
                self.assertEqual(dLdX.shape, X.shape)
            else:
                self.assertIs(type(dLdX), list)
                self.assertEqual([x_t.shape for x_t in dLdX], [(5, 3)] * 7)
            self.assertEqual(layer.initial_state_gradient.shape, (5, 4))

    def test_networks_get_an_array(self):
        """(m, d, t), by ``backward_faster``, also where ``backward`` returns a list."""
        for dtype in DTYPES:
            for whole in (False, True):
                layer = elman(3, 4, return_sequences=whole, dtype=dtype)
                dLdY = layer.forward_faster(X)
                expected = as_array(layer.backward(dLdY))
                found = layer.backward_faster(dLdY)
                rounding = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-11}
                np.testing.assert_allclose(found, expected, **rounding, strict=True)

    def test_without_input_gradient(self):
        """A network's first layer leaves it out; by hand, ``backward`` returns it."""
        for whole in (False, True):
            layer, other = (elman(3, 4, return_sequences=whole) for _ in range(2))
            dLdY = self.forward(layer, X)
            expected = self.found(other, X, dLdY)
            layer.input_gradient = False
            dLdX = self.backward(layer, dLdY)
            if self.suffix:
                self.assertIsNone(dLdX)
            else:
                np.testing.assert_array_equal(as_array(dLdX), expected["dLdX"])
            for name in PARAMETERS:
                np.testing.assert_array_equal(layer.gradients[name], expected[f"dLd{name}"])
            np.testing.assert_array_equal(layer.initial_state_gradient, expected["dLds_0"])

    def test_gradients_are_replaced_by_new_arrays(self):
        layer = elman(3, 4)
        dLdY = self.forward(layer, X)
        first = self.found(layer, X, dLdY)
        with unchanged(*first.values()):
            second = self.found(layer, X, 2 * dLdY)
        for name in ("dLdX", "dLdW", "dLdU", "dLdb", "dLds_0"):
            np.testing.assert_allclose(second[name], 2 * first[name], rtol=1e-12, err_msg=name)

    def test_twice_after_one_forward(self):
        for activation in ("tanh", "linear"):
            for whole in (False, True):
                layer = elman(3, 4, activation, return_sequences=whole)
                dLdY = self.forward(layer, X)
                first = as_array(self.backward(layer, dLdY))
                np.testing.assert_array_equal(as_array(self.backward(layer, dLdY)), first)

    def test_keys_keep_their_order(self):
        """A network and its files go through parameters and gradients side by side."""
        layer = elman(3, 4)
        self.backward(layer, self.forward(layer, X))
        self.assertEqual(list(layer.gradients), list(layer.parameters))


class TestInference(SameContents):
    def test_cache_and_gradients_are_left_alone(self):
        for whole in (False, True):
            layer = elman(3, 4, return_sequences=whole)
            dLdY = self.forward(layer, X)
            expected = as_array(self.backward(layer, dLdY))
            before = contents(layer)
            layer.training = False
            np.testing.assert_array_equal(self.forward(layer, X), dLdY)
            self.forward(layer, X[:2, :, :3])
            self.assert_same(layer, before)
            np.testing.assert_array_equal(as_array(self.backward(layer, dLdY)), expected)

    def test_no_cache_is_begun(self):
        layer = elman(3, 4)
        layer.training = False
        Y = self.forward(layer, X)
        self.assertEqual(len(layer.cache), 0)
        with self.assertRaisesRegex(RuntimeError, "Elman.*forward in training mode"):
            self.backward(layer, Y)


class TestInitialState(SameContents):
    def test_is_copied(self):
        """A change between forward and backward changes no gradient."""
        layer, other, state = elman(3, 4), elman(3, 4), STATE.copy()
        layer.initial_state, other.initial_state = state, STATE
        dLdY = self.forward(layer, X)
        self.forward(other, X)
        state[:] = 0
        self.backward(layer, dLdY)
        self.backward(other, dLdY)
        np.testing.assert_array_equal(layer.gradients["U"], other.gradients["U"])

    def test_one_for_all_is_the_same_for_each(self):
        for whole in (False, True):
            one, each = (elman(3, 4, return_sequences=whole) for _ in range(2))
            one.initial_state, each.initial_state = STATE[:1], np.tile(STATE[:1], (5, 1))
            dLdY = np.random.default_rng(2).standard_normal(self.forward(one, X).shape)
            found, expected = self.found(one, X, dLdY), self.found(each, X, dLdY)
            for name, value in expected.items():
                np.testing.assert_array_equal(found[name], value, err_msg=name, strict=True)

    def test_none_stands_for_zeros(self):
        layer, other = elman(3, 4), elman(3, 4)
        self.assertIsNone(layer.initial_state)
        self.assertIsNone(layer.initial_state_gradient)
        other.initial_state = np.zeros((1, 4))
        np.testing.assert_array_equal(self.forward(layer, X), self.forward(other, X))
        other.initial_state = STATE
        self.assertGreater(np.abs(self.forward(layer, X) - self.forward(other, X)).max(), 1e-3)
        other.initial_state = None
        np.testing.assert_array_equal(self.forward(layer, X), self.forward(other, X))

    def test_belongs_to_its_example(self):
        """Neither the states nor the gradients of one example know of another one."""
        layer = elman(3, 4)
        layer.initial_state = STATE
        dLdY = np.random.default_rng(3).standard_normal((5, 4))
        found = self.found(layer, X, dLdY)
        for i in range(5):
            layer.initial_state = STATE[i : i + 1]
            alone = self.found(layer, X[i : i + 1], dLdY[i : i + 1])
            for name in ("Y", "dLdX", "dLds_0"):
                np.testing.assert_allclose(alone[name][0], found[name][i], rtol=1e-11)


class TestArguments(SameContents):
    def test_steps_and_examples_may_change_their_number(self):
        layer = elman(3, 4)
        for m, t in ((5, 7), (5, 2), (1, 2), (8, 1), (2, 40), (5, 7)):
            shape = (m, 3, t)
            Y = self.forward(layer, np.ones(shape))
            self.assertEqual(Y.shape, (m, 4))
            self.assertEqual(as_array(self.backward(layer, Y)).shape, shape)

    def test_nothing_that_is_given_is_written_to(self):
        for activation in ("linear", "tanh", "relu", "softmax"):
            for whole in (False, True):
                layer = elman(3, 4, activation, return_sequences=whole)
                layer.initial_state = read_only(STATE)
                for name, value in layer.parameters.items():
                    layer.parameters[name] = read_only(value)
                dLdY = np.random.default_rng(4).standard_normal(self.forward(layer, X).shape)
                expected = self.found(layer, read_only(X), read_only(dLdY))
                given = (X, dLdY, STATE, *layer.parameters.values())
                with self.subTest(activation, whole=whole), unchanged(*given):
                    layer.initial_state = STATE
                    found = self.found(layer, X, dLdY)
                    layer.forward_step(X[:, :, 0])
                for name, value in expected.items():
                    np.testing.assert_array_equal(found[name], value, err_msg=name)

    def test_arrays_that_are_not_in_c_order(self):
        """Turned, cropped and broadcast arrays hold the same numbers."""
        rng = np.random.default_rng(5)
        for whole in (False, True):
            layer = elman(3, 4, return_sequences=whole)
            shape = (5, 4, 7) if whole else (5, 4)
            for given, dLdY in (
                (X.copy(order="F"), np.asfortranarray(rng.standard_normal(shape))),
                (np.repeat(X, 2, axis=2)[:, :, ::-2], rng.standard_normal(shape)[::-1]),
                (
                    X.transpose(2, 0, 1).copy().transpose(1, 2, 0),
                    rng.standard_normal(shape[::-1]).T,
                ),
                (np.broadcast_to(X[:, :, :1], X.shape), np.broadcast_to(1.5, shape)),
            ):
                found = self.found(layer, given, dLdY)
                expected = self.found(layer, given.copy(order="C"), dLdY.copy(order="C"))
                for name, value in expected.items():
                    np.testing.assert_allclose(found[name], value, rtol=1e-11, err_msg=name)

    def test_every_array_has_the_layer_s_type(self):
        for dtype in DTYPES:
            for given in DTYPES:
                for activation in ("tanh", "softmax", "leaky_relu"):
                    for whole in (False, True):
                        layer = elman(3, 4, activation, return_sequences=whole, dtype=dtype)
                        for state in (None, STATE.astype(given), STATE[:1].astype(given)):
                            layer.initial_state = state
                            Y = self.forward(layer, X.astype(given))
                            dLdX = self.backward(layer, np.ones(Y.shape, given))
                            found = [Y, *dLdX, layer.initial_state_gradient]
                            found += [*layer.parameters.values(), *layer.gradients.values()]
                            found += [entry for held in layer.cache.values() for entry in held]
                            self.assertEqual({a.dtype for a in found}, {np.dtype(dtype)})

    def test_upstream_gradient_in_another_type(self):
        """It is converted before anything else: the same numbers, to the last bit."""
        for whole in (False, True):
            layer = elman(3, 4, return_sequences=whole, dtype="float32")
            Y = self.forward(layer, X)
            dLdY = np.random.default_rng(6).standard_normal(Y.shape)
            found, expected = (
                self.found(layer, X, dLdY),
                self.found(layer, X, dLdY.astype(np.float32)),
            )
            for name, value in expected.items():
                np.testing.assert_array_equal(found[name], value, err_msg=name, strict=True)

    def test_return_sequences_by_name(self):
        layer = initialize_layer("elman", n_out=4, return_sequences=True, rng=0, dtype="float32")
        Y = self.forward(layer, X)
        self.assertEqual((Y.shape, Y.dtype), ((5, 4, 7), np.float32))
        last = initialize_layer("elman", "tanh", "xavier_uniform", 4, rng=0, dtype="float32")
        np.testing.assert_array_equal(self.forward(last, X), Y[:, :, -1])


class TestParametersFaster(TestParameters):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestBackwardFaster(TestBackward):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestInferenceFaster(TestInference):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestInitialStateFaster(TestInitialState):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestArgumentsFaster(TestArguments):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


if __name__ == "__main__":
    unittest.main()
