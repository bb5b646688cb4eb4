"""Convolutions by Winograd's method against their formula: shapes, paddings, parts, activations."""

import unittest
from contextlib import contextmanager
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import ACTIVATIONS, Activation
from neural_networks.layers import Conv2D
from neural_networks.utils import winograd
from neural_networks.utils.fast_convolution import MIN_CHANNELS, uses_winograd
from tests.support.arrays import DTYPES, dtypes, read_only, seeds, unchanged
from tests.support.image_cases import WAYS, Case, conv, run
from tests.support.parts import winograd_from, with_slices, workspace

BOUNDS = {"float64": 1e-13, "float32": 1e-5}
"""Greatest error, relative to the greatest value."""

CASES = (
    Case((3, 3), 1, "same", (2, 8, 8, 24), 24),  # whole tiles
    Case((3, 3), 1, "same", (3, 7, 9, 24), 25),  # ragged ones
    Case((3, 3), 1, "valid", (2, 7, 6, 25), 24),
    Case((3, 3), 1, "valid", (2, 3, 3, 24), 24),  # a single number
    Case((3, 3), 1, "same", (2, 1, 1, 24), 24),
    Case((3, 3), 1, "same", (1, 1, 11, 24), 24),
    Case((3, 3), 1, "same", (1, 10, 1, 24), 24),
    Case((3, 3), 1, (2, 0, 0, 1), (2, 5, 6, 24), 24),
    Case((3, 3), 1, (0, 1, 2, 2), (1, 6, 5, 24), 24),
    Case((3, 3), 1, 2, (1, 4, 5, 24), 26),  # the widest border
    Case((3, 3), 1, "same", (0, 5, 6, 24), 24),
    Case((5, 5), 1, "same", (2, 7, 5, 32), 33),
    Case((5, 5), 1, "valid", (1, 5, 8, 33), 32),
    Case((5, 5), 1, (4, 0, 3, 1), (1, 5, 6, 32), 32),
    Case((5, 5), 1, 4, (1, 2, 3, 32), 32),
    Case((5, 5), 1, "same", (0, 5, 6, 32), 32),
)
OTHERS = (
    Case((3, 3), 2, "same", (1, 5, 6, 24), 24),  # a stride
    Case((3, 3), 1, 3, (1, 3, 4, 24), 24),  # a border as wide as the kernel
    Case((3, 3), 1, (0, 3, 0, 0), (1, 3, 4, 24), 24),
    Case((5, 5), 1, (0, 0, 5, 0), (1, 5, 4, 32), 32),
    Case((3, 5), 1, "same", (1, 5, 6, 32), 32),  # no square
    Case((5, 3), 1, "same", (1, 5, 6, 32), 32),
    Case((4, 4), 1, "same", (1, 5, 6, 64), 64),
    Case((1, 1), 1, "same", (1, 5, 6, 64), 64),
    Case((3, 3), 1, "same", (1, 5, 6, 15), 64),  # few channels in, or out
    Case((3, 3), 1, "same", (1, 5, 6, 64), 15),
    Case((5, 5), 1, "same", (1, 5, 6, 31), 32),
    Case((5, 5), 1, "same", (1, 5, 6, 32), 31),
)


def layer_of(case, activation="linear", dtype="float64"):
    return conv(
        case.X_shape, case.kernel_shape, case.n_out, activation, case.stride, case.pad, dtype
    )


def numbers(layer, X_shape, seed=0):
    """X and dL/dY for a layer."""
    rng = np.random.default_rng(seed)
    X, dLdY = rng.standard_normal(X_shape), rng.standard_normal(layer.output_shape(X_shape))
    return X.astype(layer.dtype), dLdY.astype(layer.dtype)


@contextmanager
def counted():
    """A context that counts the transforms of images: the calls of Winograd's method."""
    counter = mock.Mock(wraps=winograd.transformed_images)
    with mock.patch.object(winograd, "transformed_images", counter):
        yield counter


class WinogradTestCase(unittest.TestCase):
    def assert_close(self, found, expected, bound, least=0.0):
        """Names, shapes, and every error beside the greatest value, ``least`` at least."""
        self.assertEqual(list(found), list(expected))
        for name, value in expected.items():
            self.assertEqual(found[name].shape, value.shape, name)
            largest = np.abs(value).max(initial=least)
            error = np.abs(found[name] - value).max(initial=0)
            self.assertLessEqual(error, bound * largest, name)


class TestAgainstTheFormula(WinogradTestCase):
    def test_every_shape_in_both_orders(self):
        for case in CASES:
            exact = layer_of(case, "tanh")
            X, dLdY = numbers(exact, case.X_shape)
            expected = run(exact, X, dLdY, WAYS[0])
            for dtype in DTYPES:
                layer = layer_of(case, "tanh", dtype)
                for way in WAYS[1:]:
                    with self.subTest(case, dtype=dtype, way=way), counted() as transforms:
                        found = run(layer, X.astype(dtype), dLdY.astype(dtype), way)
                        self.assert_close(found, expected, BOUNDS[dtype])
                        self.assertEqual({a.dtype for a in found.values()}, {np.dtype(dtype)})
                        faster = [name.endswith("faster") for name in way]
                        calls = (faster[0] + 2 * faster[1]) * bool(len(X))
                        self.assertEqual(transforms.call_count, calls)
                        Z = exact.cache["Z"]
                        self.assert_close({"Z": layer.cache["Z"]}, {"Z": Z}, BOUNDS[dtype])
                        self.assertEqual(list(layer.cache), ["X", "Z"])

    def test_other_convolutions_are_plain_sums(self):
        for case in OTHERS:
            layer = layer_of(case)
            X, dLdY = numbers(layer, case.X_shape)
            with self.subTest(case), counted() as transforms:
                W_shape = layer.parameters["W"].shape
                self.assertFalse(uses_winograd(W_shape, case.stride, layer.padding))
                self.assert_close(
                    run(layer, X, dLdY, WAYS[-1]), run(layer, X, dLdY, WAYS[0]), 1e-13
                )
                transforms.assert_not_called()

    def test_from_this_number_of_channels_on(self):
        self.assertEqual(MIN_CHANNELS, {3: 24, 5: 32})
        for k, least in MIN_CHANNELS.items():
            for C, n_out, expected in (
                (least, least, True),
                (least - 1, least, False),
                (least, least - 1, False),
                (8 * least, least, True),
            ):
                self.assertIs(uses_winograd((k, k, C, n_out), 1, (1, 1, 1, 1)), expected)

    @given(st.data(), st.sampled_from([3, 5]), dtypes, seeds)
    def test_any_shape(self, data, k, dtype, seed):
        """Few channels, so that many shapes can be tried, and any workspace."""
        sides = tuple(data.draw(st.integers(0, k - 1)) for _ in range(4))
        H = data.draw(st.integers(max(1, k - sum(sides[:2])), 14))
        W = data.draw(st.integers(max(1, k - sum(sides[2:])), 14))
        m, C, n_out = (data.draw(st.integers(1, 3)) for _ in range(3))
        layer = layer_of(Case((k, k), 1, sides, (m, H, W, C), n_out), "tanh", dtype)
        X, dLdY = numbers(layer, (m, H, W, C), seed)
        expected = run(layer, X, dLdY, WAYS[0])
        n_bytes = data.draw(st.sampled_from([1, 2000, 20_000, 2**40]))
        with winograd_from(1), workspace(n_bytes):
            found = run(layer, X, dLdY, WAYS[-1])
        # The only number of an image may be much smaller than those that it is the sum of.
        self.assert_close(found, expected, BOUNDS[dtype], least=1.0)


class TestParts(WinogradTestCase):
    CASE = Case((3, 3), 1, "same", (5, 13, 9, 24), 25)

    def test_size_of_the_workspace(self):
        for case in (self.CASE, Case((5, 5), 1, (0, 3, 2, 1), (3, 9, 8, 32), 32)):
            layer = layer_of(case, "tanh")
            X, dLdY = numbers(layer, case.X_shape)
            expected, calls = run(layer, X, dLdY, WAYS[-1]), []
            for n_bytes in np.geomspace(1, 2**21, 24).astype(int).tolist():
                with workspace(n_bytes), counted() as transforms:
                    self.assert_close(run(layer, X, dLdY, WAYS[-1]), expected, 1e-13)
                calls.append(transforms.call_count)
            self.assertEqual(calls[-1], 3)  # all at once, in each of the three convolutions
            self.assertGreaterEqual(calls[0], 3 * 4 * len(X))  # a band of tiles at a time
            self.assertGreaterEqual(len(set(calls)), 4)

    def test_a_band_as_high_as_the_image(self):
        """The first and the second one have six rows, as the image has, but from others on."""
        layer = layer_of(Case((3, 3), 1, (1, 0), (2, 6, 6, 24), 24))
        X, dLdY = numbers(layer, (2, 6, 6, 24))
        with workspace(1):
            found = run(layer, X, dLdY, WAYS[-1])
        self.assert_close(found, run(layer, X, dLdY, WAYS[0]), 1e-13)

    def test_in_threads(self):
        for n_bytes in (1, 2**21):
            layer = layer_of(self.CASE, "relu")
            X, dLdY = numbers(layer, self.CASE.X_shape)
            expected = run(layer, X, dLdY, WAYS[-1])
            for n in (2, 3, 5):
                with with_slices(n), workspace(n_bytes):
                    layer._min_slice = lambda Z: 1
                    self.assert_close(run(layer, X, dLdY, WAYS[-1]), expected, 1e-13)

    def test_of_a_subset_is_the_subset(self):
        layer = layer_of(self.CASE, "tanh")
        X, dLdY = numbers(layer, self.CASE.X_shape)
        whole = run(layer, X, dLdY, WAYS[-1])
        part = run(layer, X[1:3], dLdY[1:3], WAYS[-1])
        for name in ("Y", "dLdX"):
            self.assert_close({name: part[name]}, {name: whole[name][1:3]}, 1e-13)


class TestArrays(WinogradTestCase):
    CASE = Case((3, 3), 1, "same", (2, 6, 7, 24), 25)

    def test_are_not_written_to(self):
        for activation in ("linear", "tanh"):
            for dtype in DTYPES:
                layer = layer_of(self.CASE, activation, dtype)
                X, dLdY = numbers(layer, self.CASE.X_shape)
                for name, value in layer.parameters.items():
                    layer.parameters[name] = read_only(value)
                with unchanged(X, dLdY, *layer.parameters.values()):
                    found = run(layer, read_only(X), read_only(dLdY), WAYS[-1])
                self.assertFalse(any(np.may_share_memory(a, X) for a in found.values()))

    def test_that_are_not_in_c_order(self):
        """Turned, cropped, sparse and broadcast arrays hold the same numbers."""
        for case in (self.CASE, self.CASE._replace(pad="valid", X_shape=(2, 6, 10, 24))):
            layer = layer_of(case, "tanh")
            X, dLdY = numbers(layer, case.X_shape)
            around = np.pad(X, ((1, 0), (2, 1), (0, 3), (1, 1)))
            images = {
                "axes turned": np.ascontiguousarray(X.T).T,
                "channels first": np.ascontiguousarray(X.transpose(0, 3, 1, 2)).transpose(
                    0, 2, 3, 1
                ),
                "cropped": around[1:, 2:-1, :-3, 1:-1],
                "sparse": np.repeat(X, 2, axis=2)[:, :, ::2],
                "backward": X[:, ::-1].copy()[:, ::-1],
                "in C order": X,
            }
            upstream = {
                "axes turned": np.ascontiguousarray(dLdY.T).T,
                "in C order": dLdY,
                "broadcast": np.broadcast_to(dLdY[0, 0, 0], dLdY.shape),
            }
            W = layer.parameters["W"]
            for image_order, turned in images.items():
                for order, gradient in upstream.items():
                    layer.parameters["W"] = W
                    expected = run(layer, X, gradient.copy(order="C"), WAYS[0])
                    layer.parameters["W"] = np.asfortranarray(W)
                    with self.subTest(images=image_order, dLdY=order, pad=case.pad):
                        self.assert_close(run(layer, turned, gradient, WAYS[-1]), expected, 1e-13)


class Halved(Activation):
    """An activation of one's own, which counts the numbers it is given."""

    def __init__(self):
        self.n = 0

    def forward(self, Z):
        self.n += Z.size
        return Z / 2

    def backward(self, Z, dY):
        return dY / 2


class Unchanged(Halved):
    """The identity, of one's own."""

    def forward(self, Z):
        self.n += Z.size
        return Z


class TestActivations(WinogradTestCase):
    """σ is applied to each part while it is in the cache."""

    CASES = (
        Case((3, 3), 1, "same", (3, 9, 6, 24), 25),
        Case((3, 3), 1, "same", (3, 9, 6, 2), 4),
        Case((3, 3), 2, "same", (3, 9, 6, 2), 4),
        Case((5, 4), 1, "same", (3, 9, 6, 8), 4),
    )

    def test_every_one(self):
        for case in self.CASES:
            for name in ACTIVATIONS:
                for n_bytes in (1, 5000, 2**40):
                    layer = layer_of(case, name)
                    X, dLdY = numbers(layer, case.X_shape)
                    with self.subTest(case, activation=name), workspace(n_bytes):
                        Y = layer.forward_faster(X)
                        expected = {"Y": layer.forward(X)}
                        self.assert_close({"Y": Y}, expected, 1e-13)
                        # dL/dZ at the same Z: a ReLU's slope may jump by rounding.
                        dLdX = layer.backward(dLdY)
                        found = {"dLdX": layer.backward_faster(dLdY)}
                        self.assert_close(found, {"dLdX": dLdX}, 1e-13)

    def test_softmax_over_the_channels(self):
        for case in self.CASES:
            with workspace(1):
                layer = layer_of(case, "softmax")
                Y = layer.forward_faster(numbers(layer, case.X_shape)[0])
            np.testing.assert_allclose(Y.sum(axis=3), 1, rtol=1e-13)

    def test_the_identity_makes_no_copy(self):
        for case in self.CASES:
            layer = layer_of(case)
            Y = layer.forward_faster(numbers(layer, case.X_shape)[0])
            self.assertIs(Y, layer.cache["Z"])
            layer = layer_of(case, "relu")
            Y = layer.forward_faster(numbers(layer, case.X_shape)[0])
            self.assertFalse(np.may_share_memory(Y, layer.cache["Z"]))

    def test_one_s_own(self):
        """It gets each number once."""
        for case in self.CASES:
            for kind, factor in ((Halved, 2), (Unchanged, 1)):
                layer = layer_of(case)
                layer.activation = kind()
                with workspace(1):
                    Y = layer.forward_faster(numbers(layer, case.X_shape)[0])
                self.assertEqual(layer.activation.n, Y.size)
                np.testing.assert_array_equal(factor * Y, layer.cache["Z"])

    def test_in_prediction_nothing_is_kept(self):
        for case in self.CASES:
            layer = layer_of(case, "tanh")
            X, _ = numbers(layer, case.X_shape)
            layer.training = False
            self.assert_close({"Y": layer.forward_faster(X)}, {"Y": layer.forward(X)}, 1e-13)
            self.assertEqual(len(layer.cache), 0)

    def test_through_a_class_derived_from_conv2d(self):
        """Its own forward is not bypassed."""

        class Doubled(Conv2D):
            def forward(self, X):
                return 2 * super().forward(X)

        layer = Doubled(24, 3, "tanh", rng=0)
        X = np.random.default_rng(0).standard_normal((2, 5, 5, 24))
        with counted() as transforms:
            np.testing.assert_array_equal(layer.forward_faster(X), layer.forward(X))
        transforms.assert_not_called()


if __name__ == "__main__":
    unittest.main()
