"""Convolution and pooling: types, purity, seeds, modes."""

import unittest

import numpy as np

from neural_networks.layers import Conv2D
from tests.support.arrays import DTYPES, read_only, unchanged
from tests.support.image_cases import FORWARDS, IMAGES, WAYS, conv, images, layers, run


def arrays_of(layer):
    return [*layer.parameters.values(), *layer.gradients.values(), *layer.cache.values()]


class TestTypes(unittest.TestCase):
    def test_every_array_has_the_layer_s_type(self):
        for dtype in DTYPES:
            for given_dtype in DTYPES:
                for layer, way in layers(dtype):
                    with self.subTest(type(layer).__name__, way=way, given=given_dtype):
                        X = images(given_dtype)
                        Y = getattr(layer, way[0])(X)
                        dLdX = getattr(layer, way[1])(Y.astype(given_dtype))
                        found = {array.dtype for array in (Y, dLdX, *arrays_of(layer))}
                        self.assertEqual(found, {np.dtype(dtype)})

    def test_created_parameters_and_assigned_ones(self):
        for dtype in DTYPES:
            for way in WAYS:
                layer = Conv2D(2, 3, "tanh", dtype=dtype, rng=0)
                found = run(layer, images("float64"), np.ones((3, 5, 6, 2)), way)
                self.assertEqual({a.dtype for a in found.values()}, {np.dtype(dtype)})
                self.assertEqual({a.dtype for a in arrays_of(layer)}, {np.dtype(dtype)})
                # What a test assigns in another type is taken in the layer's.
                for name, value in layer.parameters.items():
                    layer.parameters[name] = value.astype("float64")
                found = run(layer, images(dtype), np.ones((3, 5, 6, 2)), way)
                self.assertEqual({a.dtype for a in found.values()}, {np.dtype(dtype)})

    def test_float32_computes_what_float64_does(self):
        for (small, way), (large, _) in zip(layers("float32"), layers("float64"), strict=True):
            with self.subTest(type(small).__name__, way=way):
                X = images("float32")
                Y = getattr(large, way[0])(X)
                np.testing.assert_allclose(getattr(small, way[0])(X), Y, rtol=1e-4, atol=1e-5)

    def test_integers_are_no_floats(self):
        for layer, (forward, _) in layers():
            for dtype in ("int64", "uint8", "bool"):
                with self.assertRaisesRegex(TypeError, f"X must hold floats, got {dtype}"):
                    getattr(layer, forward)(np.ones(IMAGES, dtype))


class TestPurity(unittest.TestCase):
    def test_read_only_and_writable_arguments_stay_as_they_are(self):
        for layer, way in layers():
            for name, value in layer.parameters.items():
                layer.parameters[name] = read_only(value)
            X = images()
            with self.subTest(type(layer).__name__, way=way):
                once = run(layer, read_only(X), read_only(getattr(layer, way[0])(X)), way)
                dLdY = once["Y"].copy()
                with unchanged(X, dLdY, *layer.parameters.values(), *once.values()):
                    again = run(layer, X, dLdY, way)
                for name, value in once.items():
                    np.testing.assert_array_equal(again[name], value, err_msg=name)

    def test_results_are_new_arrays(self):
        """Two passes give two sets of arrays, and none is the caller's or a parameter."""
        for layer, way in layers():
            if layer.kernel_shape == (3, 2) and isinstance(layer, Conv2D):
                layer.activation = conv(IMAGES, 1, activation="tanh").activation
            X = images()
            dLdY = np.ones_like(getattr(layer, way[0])(X))
            one, other = run(layer, X, dLdY, way), run(layer, X + 1, dLdY, way)
            given = [X, dLdY, *layer.parameters.values()]
            with self.subTest(type(layer).__name__, way=way):
                for name, value in one.items():
                    for array in (*other.values(), *given):
                        self.assertFalse(np.shares_memory(value, array), name)

    def test_gradients_do_not_add_up(self):
        for way in WAYS:
            layer = conv(IMAGES, 3, activation="tanh")
            X, dLdY = images(), images(shape=(3, 5, 6, 3))
            once, twice = run(layer, X, dLdY, way), run(layer, X, 2 * dLdY, way)
            for name in ("dLdW", "dLdb", "dLdX"):
                np.testing.assert_allclose(twice[name], 2 * once[name], rtol=1e-12, atol=1e-14)

    def test_parameters_are_read_at_each_call(self):
        for forward in FORWARDS:
            layer = conv(IMAGES, 3, n_out=2)
            Y = getattr(layer, forward)(images())
            W, b = layer.parameters["W"], layer.parameters["b"]
            layer.parameters["b"] = b + np.array([[10.0, 20.0]])
            np.testing.assert_allclose(
                getattr(layer, forward)(images()) - Y - [10, 20], 0 * Y, atol=1e-12
            )
            layer.parameters["W"], layer.parameters["b"] = 3 * W, 3 * b
            np.testing.assert_allclose(getattr(layer, forward)(images()), 3 * Y, rtol=1e-11)


class TestSeeds(unittest.TestCase):
    def test_same_seed_same_kernels(self):
        drawn = []
        for seed in (1, 1, 2, np.random.default_rng(1)):
            layer = Conv2D(4, (3, 2), "relu", rng=seed)
            layer.forward(images())
            drawn.append(layer.parameters["W"])
        np.testing.assert_array_equal(drawn[0], drawn[1])
        np.testing.assert_array_equal(drawn[0], drawn[3])
        self.assertFalse(np.array_equal(drawn[0], drawn[2]))

    def test_both_implementations_begin_alike(self):
        one, other = (Conv2D(4, 3, "relu", rng=5) for _ in range(2))
        one.forward(images())
        other.forward_faster(images())
        np.testing.assert_array_equal(one.parameters["W"], other.parameters["W"])
        np.testing.assert_array_equal(other.parameters["b"], np.zeros((1, 4)), strict=True)

    def test_the_fans_count_the_kernel_s_pixels(self):
        """xavier_uniform: ±gain·√(6 / (k1·k2·C + k1·k2·n_out)), nearly all of it filled."""
        for activation, gain in (("linear", 1), ("relu", np.sqrt(2)), ("tanh", 5 / 3)):
            layer = Conv2D(30, (5, 4), activation, rng=0)
            layer._init_parameters((-1, 9, 9, 10))
            bound = gain * np.sqrt(6 / (5 * 4 * 10 + 5 * 4 * 30))
            largest = np.abs(layer.parameters["W"]).max()
            self.assertLessEqual(largest, bound)
            self.assertGreater(largest, 0.99 * bound)
            self.assertEqual((layer.n_in, layer.n_out), (10, 30))


class TestModes(unittest.TestCase):
    def test_inference_leaves_the_cache_alone(self):
        for layer, (forward, backward) in layers():
            Y = getattr(layer, forward)(images())
            dLdX = getattr(layer, backward)(np.ones_like(Y))
            cache = dict(layer.cache)
            layer.training = False
            getattr(layer, forward)(images(shape=(1, 5, 6, 2)))
            self.assertEqual(list(layer.cache), list(cache))
            for key, value in cache.items():
                self.assertIs(layer.cache[key], value)
            np.testing.assert_array_equal(getattr(layer, backward)(np.ones_like(Y)), dLdX)

    def test_inference_begins_no_cache(self):
        for layer, (forward, backward) in layers():
            expected = getattr(layer, forward)(images())
            layer.clear_gradients()
            layer.training = False
            Y = getattr(layer, forward)(images())
            np.testing.assert_array_equal(Y, expected)
            self.assertEqual(len(layer.cache), 0)
            with self.assertRaisesRegex(RuntimeError, "training mode"):
                getattr(layer, backward)(Y)

    def test_without_input_gradient(self):
        """A network's first layer leaves it out; by hand, ``backward`` returns it."""
        for way in WAYS:
            for stride in (1, 2):
                layer = conv(IMAGES, 3, stride=stride, activation="tanh")
                dLdY = images(shape=layer.output_shape(IMAGES))
                expected = run(layer, images(), dLdY, way)
                layer.input_gradient = False
                found = run(layer, images(), dLdY, way)
                if way[1] == "backward_faster":
                    self.assertIsNone(found["dLdX"])
                else:
                    np.testing.assert_array_equal(found["dLdX"], expected["dLdX"])
                for name in ("dLdW", "dLdb"):
                    np.testing.assert_array_equal(found[name], expected[name], strict=True)

    def test_batches_may_change_their_size(self):
        """The number of images, and their height and width; never the channels."""
        for way in WAYS:
            layer = conv(IMAGES, 3, activation="tanh")
            for shape in (IMAGES, (1, 5, 6, 2), (7, 5, 6, 2), (2, 9, 4, 2), IMAGES):
                fresh, X = conv(IMAGES, 3, activation="tanh"), images(shape=shape)
                dLdY = images(shape=(*shape[:3], 3))
                expected = run(fresh, X, dLdY, way)
                for name, value in run(layer, X, dLdY, way).items():
                    np.testing.assert_array_equal(value, expected[name], err_msg=name)

    def test_a_batch_of_no_images(self):
        """Nothing comes out, and nothing is learned; as in ``FullyConnected``."""
        for way in WAYS:
            for stride in (1, 2):
                layer = conv(IMAGES, 3, stride=stride)
                shape = layer.output_shape((0, *IMAGES[1:]))
                found = run(layer, images(shape=(0, *IMAGES[1:])), np.ones(shape), way)
                self.assertEqual((found["Y"].shape, found["dLdX"].shape), (shape, (0, 5, 6, 2)))
                for name in ("W", "b"):
                    self.assertFalse(layer.gradients[name].any())


if __name__ == "__main__":
    unittest.main()
