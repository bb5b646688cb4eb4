"""Weight initializers: values, distributions, spread, arguments."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.layers import initialize_layer
from neural_networks.weights import WEIGHTS, fans, gain, initialize_weights
from tests.support import arrays

MATRIX, KERNELS = (300, 200), (3, 5, 40, 20)


def drawn(name, shape=MATRIX, **options):
    return initialize_weights(name, rng=0, **options)(shape)


class TestFixedValues(unittest.TestCase):
    def test_the_names(self):
        expected = "zeros ones identity uniform normal constant sparse he_uniform he_normal "
        expected += "xavier_uniform xavier_normal"
        self.assertEqual(set(WEIGHTS), set(expected.split()))

    def test_zeros_ones_and_constant(self):
        for shape in ((2, 3), (2, 2, 3, 4), (1, 1)):
            np.testing.assert_array_equal(drawn("zeros", shape), np.full(shape, 0.0), strict=True)
            np.testing.assert_array_equal(drawn("ones", shape), np.full(shape, 1.0), strict=True)
            half = np.full(shape, 0.5)
            np.testing.assert_array_equal(drawn("constant", shape), half, strict=True)

    def test_identity_matrix(self):
        for shape in ((3, 3), (2, 4), (4, 2)):
            W, X = drawn("identity", shape), np.random.default_rng(1).random((5, shape[0]))
            common = min(shape)
            np.testing.assert_array_equal((X @ W)[:, :common], X[:, :common])
            self.assertEqual(W.sum(), common)

    def test_identity_kernel_is_1_in_its_middle(self):
        for shape, middle in (
            ((3, 5, 2, 2), (1, 2)),
            ((4, 2, 2, 3), (1, 0)),
            ((1, 1, 2, 2), (0, 0)),
        ):
            W = drawn("identity", shape)
            expected = np.zeros(shape)
            expected[middle][[0, 1], [0, 1]] = 1
            np.testing.assert_array_equal(W, expected, err_msg=str(shape))


class TestFans(unittest.TestCase):
    def test_matrix(self):
        self.assertEqual(fans((7, 3)), (7, 3))

    def test_kernels_count_every_pixel_of_their_window(self):
        self.assertEqual(fans((3, 5, 7, 2)), (3 * 5 * 7, 3 * 5 * 2))

    def test_shapes_without_fans(self):
        for shape in ((), (3,), (0, 3), (3, 0), (0, 2, 3, 4)):
            with self.assertRaisesRegex(ValueError, "shape"):
                fans(shape)
        for name in ("he_normal", "xavier_uniform", "sparse", "identity"):
            with self.assertRaisesRegex(ValueError, r"\(5,\)"):
                drawn(name, (5,))

    def test_gains(self):
        expected = {"relu": math.sqrt(2), "tanh": 5 / 3, None: 1.0}
        expected |= dict.fromkeys(("linear", "sigmoid", "arctan", "softmax"), 1.0)
        for activation, value in expected.items():
            self.assertAlmostEqual(gain(activation), value, places=12, msg=str(activation))


class TestSpread(unittest.TestCase):
    """60,000 draws: the standard error of their standard deviation is below 0.3%."""

    def assert_spread(self, W, std, uniform):
        self.assertLess(abs(W.std() / std - 1), 0.02)
        self.assertLess(abs(W.mean()), 0.02 * std)
        bound = math.sqrt(3) * std
        if uniform:
            self.assertLessEqual(np.abs(W).max(), bound)
            self.assertGreater(np.abs(W).max(), 0.999 * bound)
        else:
            # The share of a normal distribution within one standard deviation, 0.683, tells it
            # from a uniform one, 0.577.
            self.assertLess(abs((np.abs(W) < std).mean() - 0.683), 0.01)
            self.assertGreater(np.abs(W).max(), 3 * std)

    def test_uniform_and_normal(self):
        self.assert_spread(drawn("uniform"), 1 / math.sqrt(3), uniform=True)
        self.assert_spread(drawn("uniform", bound=0.1), 0.1 / math.sqrt(3), uniform=True)
        self.assert_spread(drawn("normal"), 1.0, uniform=False)
        self.assert_spread(drawn("normal", std=0.02), 0.02, uniform=False)

    def test_he(self):
        fan = {"fan_in": 300, "fan_out": 200}
        for mode, n in fan.items():
            for activation, factor in (("relu", math.sqrt(2)), ("tanh", 5 / 3), ("linear", 1.0)):
                with self.subTest(mode=mode, activation=activation):
                    options = {"mode": mode, "activation": activation}
                    std = factor / math.sqrt(n)
                    self.assert_spread(drawn("he_uniform", **options), std, uniform=True)
                    self.assert_spread(drawn("he_normal", **options), std, uniform=False)

    def test_he_divides_by_fan_in_by_default(self):
        W = drawn("he_normal")
        self.assert_spread(W, 1 / math.sqrt(300), uniform=False)

    def test_xavier(self):
        for activation, factor in (("relu", math.sqrt(2)), ("tanh", 5 / 3), (None, 1.0)):
            for mode in ("fan_in", "fan_out"):
                with self.subTest(activation=activation, mode=mode):
                    options = {"mode": mode, "activation": activation}
                    std = factor * math.sqrt(2 / 500)
                    self.assert_spread(drawn("xavier_uniform", **options), std, uniform=True)
                    self.assert_spread(drawn("xavier_normal", **options), std, uniform=False)

    def test_kernels_count_their_window(self):
        fan_in, fan_out = 3 * 5 * 40, 3 * 5 * 20
        std = math.sqrt(2 / (fan_in + fan_out))
        for name, expected in (("he", fan_in**-0.5), ("xavier", std)):
            W = drawn(f"{name}_normal", KERNELS)
            self.assertLess(abs(W.std() / expected - 1), 0.03, name)
            W = drawn(f"{name}_uniform", KERNELS)
            self.assertLess(abs(W.std() / expected - 1), 0.03, name)
            self.assertLessEqual(np.abs(W).max(), math.sqrt(3) * expected, name)
        W = drawn("he_normal", KERNELS, mode="fan_out")
        self.assertLess(abs(W.std() * math.sqrt(fan_out) - 1), 0.03)

    def test_a_layer_passes_its_activation_on(self):
        layer = arrays.FullyConnected(200, "relu", "he_normal", rng=0)
        layer.forward(np.zeros((1, 300)))
        self.assert_spread(layer.parameters["W"], math.sqrt(2 / 300), uniform=False)


class TestSparse(unittest.TestCase):
    def zeros_per_unit(self, W):
        return {int(n) for n in (W.reshape(-1, W.shape[-1]) == 0).sum(axis=0)}

    def test_defaults(self):
        W = drawn("sparse")
        self.assertEqual(self.zeros_per_unit(W), {30})
        self.assertLess(abs(W[W != 0].std() / 0.01 - 1), 0.02)

    def test_share_is_rounded_up(self):
        for sparsity, n_in, n_zeros in ((0.1, 11, 2), (0.5, 5, 3), (0.0, 7, 0), (0.25, 8, 2)):
            W = drawn("sparse", (n_in, 6), sparsity=sparsity)
            self.assertEqual(self.zeros_per_unit(W), {n_zeros}, (sparsity, n_in))

    @given(st.integers(0, 99))
    def test_whole_shares_are_not_rounded(self, percent):
        """0.55 · 100 is a little above 55 in floating point, but 55% of 100 weights are 55."""
        W = drawn("sparse", (100, 2), sparsity=percent / 100)
        self.assertEqual(self.zeros_per_unit(W), {percent})

    def test_kernels_and_spread(self):
        W = drawn("sparse", KERNELS, sparsity=0.5, std=2.0)
        self.assertEqual(self.zeros_per_unit(W), {300})
        self.assertLess(abs(W[W != 0].std() / 2 - 1), 0.03)

    def test_units_have_their_zeros_in_different_places(self):
        W = drawn("sparse", (100, 2))
        self.assertFalse(np.array_equal(W[:, 0] == 0, W[:, 1] == 0))


class TestArguments(unittest.TestCase):
    def test_keyword_parameters(self):
        np.testing.assert_array_equal(drawn("constant", (1, 3), value=2), [[2.0, 2.0, 2.0]])
        np.testing.assert_array_equal(drawn("constant", (1, 2), value=-1.5), [[-1.5, -1.5]])
        for scale in (0.5, 4.0):
            scaled = drawn("normal", (5, 5), std=scale)
            np.testing.assert_allclose(scaled, scale * drawn("normal", (5, 5)), rtol=1e-12)
            scaled = drawn("uniform", (5, 5), bound=scale)
            np.testing.assert_allclose(scaled, scale * drawn("uniform", (5, 5)), rtol=1e-12)

    def test_a_mapping_with_a_name_and_parameters(self):
        kernel = {"name": "he_normal", "mode": "fan_out"}
        for mapping in ({"name": "normal", "std": 0.01}, {"name": "xavier_normal"}, kernel):
            before = dict(mapping)
            for shape in (MATRIX, KERNELS):
                found, options = drawn(mapping, shape), dict(mapping)
                expected = drawn(options.pop("name"), shape, **options)
                np.testing.assert_array_equal(found, expected)
            self.assertEqual(mapping, before)
        found = drawn({"name": "he_normal"}, activation="relu", mode="fan_out")
        np.testing.assert_array_equal(found, drawn("he_normal", activation="relu", mode="fan_out"))
        for mapping, std in (({"name": "normal"}, 3.0), ({"name": "normal", "std": 2.0}, 2.0)):
            expected = drawn("normal", std=std)
            np.testing.assert_array_equal(drawn(mapping, std=3.0), expected)
        found = drawn({"name": "normal", "std": 2.0}, dtype="float32")
        self.assertEqual(found.dtype, np.float32)

    def test_mappings_that_are_wrong(self):
        for mapping, message in (
            ({"name": "normal", "sdt": 0.01}, "'normal' has no option 'sdt'.*mean 'std'"),
            ({"name": "zeros", "std": 0.01}, "'zeros' has no option 'std'"),
            ({"name": "norml"}, "initializer 'norml'.*mean 'normal'"),
            ({"name": "he_normal", "mode": "fan_on"}, "mode 'fan_on'"),
            ({"std": 0.01}, "^.*weight_init needs a name .*0.01"),
            ({}, "^weight_init needs a name"),
            (None, "initializer None"),
            (["normal"], "initializer"),
        ):
            with self.subTest(mapping), self.assertRaisesRegex(ValueError, message):
                initialize_weights(mapping)
        with self.assertRaisesRegex(ValueError, "std must be greater than 0"):
            drawn({"name": "normal", "std": -1})

    def test_unknown_names(self):
        with self.assertRaisesRegex(ValueError, "xavier_unifrom.*did you mean 'xavier_uniform'"):
            initialize_weights("xavier_unifrom")
        with self.assertRaisesRegex(ValueError, "mode 'fan_on'.*did you mean"):
            initialize_weights("he_normal", mode="fan_on")
        with self.assertRaisesRegex(ValueError, "'normal' has no option 'sdt'.*mean 'std'"):
            initialize_weights("normal", sdt=1.0)
        with self.assertRaisesRegex(ValueError, "'zeros' has no option 'std'.*none"):
            initialize_weights("zeros", std=1.0)
        with self.assertRaisesRegex(ValueError, "no option 'shape'"):
            initialize_weights("zeros", shape=2)

    def test_numbers_out_of_range(self):
        wrong = (
            ("uniform", "bound", (0, -1, math.inf, math.nan)),
            ("normal", "std", (0, -1, math.inf, math.nan)),
            ("sparse", "std", (0, -1, math.nan)),
            ("sparse", "sparsity", (-0.1, 1, 1.5, math.nan)),
            ("constant", "value", (math.inf, -math.inf, math.nan)),
        )
        for name, option, values in wrong:
            for value in values:
                with self.subTest(name, value=value), self.assertRaisesRegex(ValueError, option):
                    drawn(name, **{option: value})
            with self.subTest(name), self.assertRaisesRegex(TypeError, f"{option}.*'wide'"):
                drawn(name, **{option: "wide"})


class TestLayers(unittest.TestCase):
    """Layers with weights pass a mapping on, and initialize their biases to 0."""

    LAYERS = (
        ("fully_connected", (1, 60), ("W",), {}),
        ("fully_connected", (1, 60, 2), ("W",), {}),
        ("conv2d", (1, 3, 3, 20), ("W",), {"kernel_shape": 3}),
        ("elman", (1, 60, 2), ("W", "U"), {}),
    )

    def weights(self, weight_init, name, shape, names, options, activation="relu"):
        layer = initialize_layer(name, activation, weight_init, 70, rng=1, **options)
        layer.forward(np.zeros(shape))
        self.assertFalse(layer.parameters["b"].any())
        return [layer.parameters[key] for key in names]

    def test_parameters_of_an_initializer(self):
        for case in self.LAYERS:
            small = self.weights({"name": "normal", "std": 0.01}, *case)
            large = self.weights("normal", *case)
            for mine, theirs in zip(small, large, strict=True):
                np.testing.assert_allclose(mine, 0.01 * theirs, rtol=1e-12)
            (values,) = {
                v for W in self.weights({"name": "constant", "value": 3}, *case) for v in W.ravel()
            }
            self.assertEqual(values, 3.0)

    def test_the_gain_is_that_of_the_activation(self):
        for case in self.LAYERS:
            for activation in ("relu", "tanh", "gelu"):
                for found, expected in zip(
                    self.weights({"name": "he_normal"}, *case, activation),
                    self.weights("he_normal", *case, activation),
                    strict=True,
                ):
                    np.testing.assert_array_equal(found, expected)

    def test_errors(self):
        for name, _, _, options in self.LAYERS:
            for mapping, message in (
                ({"name": "normal", "sdt": 0.01}, "'normal' has no option 'sdt'.*mean 'std'"),
                ({"std": 0.01}, "^.*weight_init needs a name .*0.01"),
                ({"name": "norml"}, "'norml'"),
                ({"name": {"name": "normal"}}, "initializer {'name'"),
                ({"name": "normal", "dtype": "float32"}, "'normal' has no option 'dtype'"),
            ):
                with self.assertRaisesRegex(ValueError, message):
                    initialize_layer(name, "relu", mapping, 4, **options)


if __name__ == "__main__":
    unittest.main()
