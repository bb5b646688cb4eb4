"""Dense and flattening layers: parameters, caches, shapes, rejected arguments."""

import unittest

import numpy as np

from neural_networks.layers import LAYERS, Flatten, FullyConnected, initialize_layer
from neural_networks.weights import WEIGHTS
from tests.support.arrays import dense


def state(layer):
    """Copies of all that a layer holds."""
    dictionaries = {"parameters": layer.parameters, "gradients": layer.gradients}
    dictionaries["cache"] = layer.cache
    found = {
        f"{kind}.{key}": np.array(value, copy=True)
        for kind, dictionary in dictionaries.items()
        for key, value in dictionary.items()
    }
    return found | {"n_in": layer.n_in, "n_out": layer.n_out, "input_shape": layer.input_shape}


class LayerTestCase(unittest.TestCase):
    def assert_same_state(self, layer, before):
        after = state(layer)
        self.assertEqual(list(after), list(before))
        for key, value in before.items():
            np.testing.assert_array_equal(after[key], value, err_msg=key)


class TestParameters(LayerTestCase):
    def test_created_at_the_first_forward(self):
        layer = FullyConnected(4, "relu", rng=0)
        self.assertEqual((layer.n_in, layer.n_out), (None, 4))
        self.assertEqual((len(layer.parameters), len(layer.gradients)), (0, 0))
        layer.forward(np.ones((2, 3)))
        self.assertEqual((layer.n_in, layer.n_out), (3, 4))
        self.assertEqual(list(layer.parameters), ["W", "b"])
        self.assertEqual(list(layer.gradients), ["W", "b"])
        self.assertEqual(layer.parameters["W"].shape, (3, 4))
        np.testing.assert_array_equal(layer.parameters["b"], np.zeros((1, 4)), strict=True)
        for name, value in layer.parameters.items():
            np.testing.assert_array_equal(
                layer.gradients[name], np.zeros_like(value), err_msg=name, strict=True
            )

    def test_created_for_a_sequence(self):
        """The features of (m, d, t) are its second axis."""
        layer = FullyConnected(2, "relu")
        self.assertEqual(layer.forward(np.ones((4, 3, 5))).shape, (4, 2, 5))
        self.assertEqual((layer.n_in, layer.parameters["W"].shape), (3, (3, 2)))

    def test_created_once(self):
        layer = FullyConnected(4, "relu")
        layer.forward(np.ones((2, 3)))
        W = layer.parameters["W"].copy()
        layer.forward(np.zeros((5, 3)))
        layer.forward(np.zeros((5, 3, 2)))
        np.testing.assert_array_equal(layer.parameters["W"], W)

    def test_created_by_hand(self):
        layer = FullyConnected(4, "linear")
        layer._init_parameters((-1, 3))
        W = layer.parameters["W"].copy()
        np.testing.assert_allclose(layer.forward(np.eye(3)), W, rtol=1e-15)

    def test_read_at_each_call(self):
        layer = dense("linear", (2, 2))
        X = np.array([[1.0, 2.0]])
        layer.parameters["W"], layer.parameters["b"] = np.eye(2), np.zeros((1, 2))
        np.testing.assert_array_equal(layer.forward(X), [[1.0, 2.0]])
        layer.parameters["W"] = 3 * np.eye(2)
        np.testing.assert_array_equal(layer.forward(X), [[3.0, 6.0]])
        layer.parameters["b"] = np.array([[10.0, 20.0]])
        np.testing.assert_array_equal(layer.forward(X), [[13.0, 26.0]])

    def test_every_initializer_fills_a_layer(self):
        for name in WEIGHTS:
            layer = FullyConnected(3, "tanh", name, rng=0)
            self.assertEqual(layer.forward(np.ones((2, 5))).shape, (2, 3), name)
        layer = FullyConnected(3, "linear", "constant")
        np.testing.assert_array_equal(layer.forward(np.ones((1, 4))), [[2.0, 2.0, 2.0]])

    def test_default_is_xavier_uniform(self):
        drawn = [
            FullyConnected(3, "tanh", rng=5),
            FullyConnected(3, "tanh", "xavier_uniform", rng=5),
        ]
        for layer in drawn:
            layer.forward(np.ones((1, 4)))
        np.testing.assert_array_equal(*(layer.parameters["W"] for layer in drawn))
        # ±gain · √(6 / (fan_in + fan_out))
        bound = 5 / 3 * np.sqrt(6 / 7)
        self.assertLessEqual(np.abs(drawn[0].parameters["W"]).max(), bound)

    def test_clear_gradients(self):
        layer = dense("tanh")
        layer.backward(layer.forward(np.ones((4, 3))))
        self.assertTrue(all(gradient.any() for gradient in layer.gradients.values()))
        layer.clear_gradients()
        for name, value in layer.parameters.items():
            np.testing.assert_array_equal(layer.gradients[name], np.zeros_like(value), strict=True)
        with self.assertRaisesRegex(RuntimeError, "forward"):
            layer.backward(np.ones((4, 2)))


class TestForwardAndBackward(LayerTestCase):
    def test_small_layer_by_hand(self):
        """x = (1, 2), W = ((1, 0), (3, -1)), b = (0, 1): z = (7, -1), and relu keeps the 7."""
        layer = dense("relu", (2, 2))
        layer.parameters["W"] = np.array([[1.0, 0.0], [3.0, -1.0]])
        layer.parameters["b"] = np.array([[0.0, 1.0]])
        np.testing.assert_array_equal(layer.forward(np.array([[1.0, 2.0]])), [[7.0, 0.0]])
        np.testing.assert_array_equal(layer.backward(np.array([[5.0, 11.0]])), [[5.0, 15.0]])
        np.testing.assert_array_equal(layer.gradients["W"], [[5.0, 0.0], [10.0, 0.0]])
        np.testing.assert_array_equal(layer.gradients["b"], [[5.0, 0.0]])

    def test_a_sequence_is_a_row_for_each_step(self):
        for activation in ("tanh", "softmax"):
            layer = dense(activation, (3, 2))
            X = np.random.default_rng(0).standard_normal((4, 3, 5))
            Y = layer.forward(X)
            for t in range(5):
                np.testing.assert_allclose(Y[:, :, t], layer.forward(X[:, :, t]), rtol=1e-14)

    def test_softmax_of_a_sequence_goes_over_the_outputs(self):
        Y = dense("softmax", (3, 2)).forward(np.ones((4, 3, 5)))
        np.testing.assert_allclose(Y.sum(axis=1), np.ones((4, 5)), rtol=1e-14)

    def test_batches_may_change_their_size_and_their_kind(self):
        layer = dense("linear", (3, 2))
        for shape in ((4, 3), (1, 3), (7, 3), (2, 3, 5), (2, 3, 1), (4, 3)):
            Y = layer.forward(np.ones(shape))
            self.assertEqual(Y.shape, (shape[0], 2, *shape[2:]))
            dLdX = layer.backward(Y)
            self.assertEqual(dLdX.shape, shape)
            expected = np.full((3, 2), Y.sum(axis=(0, *range(2, Y.ndim))))
            np.testing.assert_allclose(layer.gradients["W"], expected, rtol=1e-12)

    def test_backward_belongs_to_the_last_forward(self):
        layer, fresh = dense("tanh"), dense("tanh")
        X, dLdY = np.array([[0.1, 0.2, 0.3]]), np.ones((1, 2))
        layer.forward(np.ones((5, 3)))
        layer.forward(X)
        fresh.forward(X)
        np.testing.assert_array_equal(layer.backward(dLdY), fresh.backward(dLdY))

    def test_without_input_gradient(self):
        """A network's first layer leaves it out; by hand, ``backward`` returns it."""
        layer, dLdY = dense("tanh"), np.ones((4, 2))
        layer.forward(np.ones((4, 3)))
        dLdX = layer.backward(dLdY)
        expected = dict(layer.gradients)
        layer.input_gradient = False
        np.testing.assert_array_equal(layer.backward(dLdY), dLdX)
        for leave_out in (
            lambda dLdY: layer.backward(dLdY, input_gradient=False),
            layer.backward_faster,
            layer.backward_from_logits,
        ):
            layer.clear_gradients()
            layer.forward(np.ones((4, 3)))
            self.assertIsNone(leave_out(dLdY))
            if leave_out != layer.backward_from_logits:
                np.testing.assert_equal(dict(layer.gradients), expected)
            self.assertTrue(layer.gradients["W"].any())


class TestForwardWithParam(LayerTestCase):
    def test_output_as_a_function_of_one_parameter(self):
        layer = dense("linear", (2, 2))
        X = np.array([[1.0, 2.0]])
        layer.forward(X)
        b = layer.parameters["b"]
        fn = layer.forward_with_param("W", X)
        np.testing.assert_allclose(fn(5 * np.eye(2)), np.array([[5.0, 10.0]]) + b, rtol=1e-14)
        fn = layer.forward_with_param("b", np.zeros((1, 2)))
        np.testing.assert_array_equal(fn(np.array([[8.0, 9.0]])), [[8.0, 9.0]])

    def test_leaves_the_layer_as_it_was(self):
        for shape in ((4, 3), (6, 3), (4, 3, 5)):
            layer = dense("tanh")
            layer.backward(layer.forward(np.ones((4, 3))))
            before = state(layer)
            fn = layer.forward_with_param("W", np.zeros(shape))
            self.assert_same_state(layer, before)
            fn(np.zeros((3, 2)))
            with self.subTest(shape):
                self.assert_same_state(layer, before)

    def test_leaves_the_layer_as_it_was_after_an_error(self):
        layer = dense("tanh")
        layer.backward(layer.forward(np.ones((4, 3))))
        before = state(layer)
        with self.assertRaises(ValueError):
            layer.forward_with_param("W", np.ones((4, 3)))(np.zeros((7, 2)))
        self.assert_same_state(layer, before)


class TestInference(LayerTestCase):
    def test_cache_and_gradients_are_left_alone(self):
        for layer in (dense("tanh"), Flatten(), Flatten("last")):
            Y = layer.forward(np.full((4, 3), 0.5))
            expected = layer.backward(np.ones_like(Y))
            before = state(layer)
            layer.training = False
            layer.forward(np.ones((2, 3)))
            after = state(layer)
            for key in before:
                np.testing.assert_array_equal(after[key], before[key], err_msg=key)
            np.testing.assert_array_equal(layer.backward(np.ones_like(Y)), expected)

    def test_no_cache_is_begun(self):
        for layer in (dense("tanh"), Flatten()):
            layer.training = False
            Y = layer.forward(np.ones((2, 3)))
            self.assertEqual(len(layer.cache), 0)
            with self.assertRaisesRegex(RuntimeError, "training mode"):
                layer.backward(Y)

    def test_output_is_the_same(self):
        for layer in (dense("softmax"), Flatten()):
            X = np.random.default_rng(1).random((2, 3, 4))
            Y = layer.forward(X).copy()
            layer.training = False
            np.testing.assert_array_equal(layer.forward(X), Y)


class TestFlattening(LayerTestCase):
    def test_first_and_last(self):
        X = np.arange(12.0).reshape(2, 3, 2)
        first = [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
        last = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
        for keep_dim, expected in (("first", first), ("last", last)):
            layer = Flatten(keep_dim)
            np.testing.assert_array_equal(layer.forward(X), expected)
            np.testing.assert_array_equal(layer.backward(np.array(expected, float)), X)

    def test_first_is_the_default(self):
        for layer in (Flatten(), initialize_layer("flatten")):
            self.assertEqual(layer.forward(np.ones((2, 3, 4, 5))).shape, (2, 60))

    def test_has_nothing_to_learn(self):
        layer = Flatten()
        layer.backward(layer.forward(np.ones((2, 3, 4))))
        layer.clear_gradients()
        self.assertEqual((len(layer.parameters), len(layer.gradients)), (0, 0))


class TestRefusals(LayerTestCase):
    def test_integers_are_no_floats(self):
        for layer in (dense("relu"), Flatten()):
            for dtype in ("int64", "uint8", "bool"):
                with self.assertRaisesRegex(TypeError, f"X must hold floats, got {dtype}"):
                    layer.forward(np.ones((2, 3), dtype))

    def test_wrong_number_of_features(self):
        layer = FullyConnected(2, "relu")
        layer.forward(np.ones((4, 3)))
        for shape in ((4, 5), (4, 5, 3)):
            with self.assertRaisesRegex(ValueError, "X has 5 features.* made for 3"):
                layer.forward(np.ones(shape))
        self.assertEqual(layer.forward(np.ones((4, 3))).shape, (4, 2))

    def test_wrong_number_of_axes(self):
        for shape in ((3,), (2, 3, 4, 5)):
            with self.assertRaisesRegex(ValueError, r"\(m, d\) or \(m, d, t\)"):
                FullyConnected(2, "relu").forward(np.ones(shape))

    def test_upstream_gradient_of_another_shape(self):
        layer = dense("relu", (3, 2))
        layer.forward(np.ones((4, 3)))
        # (1, 2) would broadcast, and give a wrong gradient without a word.
        for shape in ((1, 2), (4, 1), (4, 2, 1), (5, 2)):
            with self.assertRaisesRegex(ValueError, r"dLdY.*\(4, 2\)"):
                layer.backward(np.ones(shape))

    def test_backward_before_forward(self):
        for layer in (dense("relu"), FullyConnected(2, "relu"), Flatten()):
            with self.assertRaisesRegex(RuntimeError, f"{type(layer).__name__}.*forward"):
                layer.backward(np.ones((4, 2)))

    def test_number_of_outputs(self):
        for wrong, error in ((0, ValueError), (-1, ValueError), (2.0, TypeError), ("2", TypeError)):
            for make in (
                FullyConnected,
                lambda n, a: initialize_layer("fully_connected", a, n_out=n),
            ):
                with self.assertRaisesRegex(error, f"n_out.*{wrong}"):
                    make(wrong, "relu")
        self.assertEqual(FullyConnected(np.int64(3), "relu").n_out, 3)

    def test_unknown_names_and_the_closest(self):
        with self.assertRaisesRegex(ValueError, "layer 'fully_conected'.*mean 'fully_connected'"):
            initialize_layer("fully_conected")
        with self.assertRaisesRegex(ValueError, "activation 'rleu'.*did you mean 'relu'"):
            initialize_layer("fully_connected", activation="rleu", n_out=2)
        with self.assertRaisesRegex(ValueError, "initializer 'he_norml'.*mean 'he_normal'"):
            initialize_layer("fully_connected", "relu", "he_norml", 2)
        with self.assertRaisesRegex(ValueError, "keep_dim 'lats'.*did you mean 'last'"):
            initialize_layer("flatten", keep_dim="lats")

    def test_options_that_a_layer_has_not(self):
        with self.assertRaisesRegex(ValueError, "'flatten' has no option 'activation'"):
            initialize_layer("flatten", activation="relu")
        with self.assertRaisesRegex(ValueError, "no option 'keep_dim'"):
            initialize_layer("fully_connected", "relu", n_out=2, keep_dim="last")
        with self.assertRaisesRegex(ValueError, "no option 'n_outs'.*did you mean 'n_out'"):
            initialize_layer("fully_connected", "relu", n_outs=2)
        for option, value in (("stride", 1), ("pad", "same"), ("mode", "max"), ("kernel_shape", 3)):
            with self.assertRaisesRegex(ValueError, f"no option '{option}'"):
                initialize_layer("fully_connected", "relu", n_out=2, **{option: value})

    def test_options_that_are_missing(self):
        with self.assertRaisesRegex(ValueError, "'fully_connected' needs the option 'n_out'"):
            initialize_layer("fully_connected", activation="relu")
        with self.assertRaisesRegex(ValueError, "needs the option 'activation'"):
            initialize_layer("fully_connected", n_out=2)

    def test_features_that_there_are_none_of(self):
        """A first batch that cannot be leaves the layer free for one that can."""
        layer = FullyConnected(2, "relu")
        with self.assertRaises(ValueError):
            layer.forward(np.ones((4, 0)))
        self.assertEqual(layer.forward(np.ones((4, 3))).shape, (4, 2))


class TestInitializeLayer(unittest.TestCase):
    def test_names_and_their_classes(self):
        self.assertIs(LAYERS["fully_connected"], FullyConnected)
        self.assertIs(type(initialize_layer("flatten")), Flatten)
        layer = initialize_layer("fully_connected", "relu", "ones", 2, dtype="float32", rng=1)
        self.assertIs(type(layer), FullyConnected)
        Y = layer.forward(np.ones((1, 3), np.float32))
        np.testing.assert_array_equal(Y, np.full((1, 2), 3, np.float32), strict=True)
