"""Batch normalization of images a few at a time, against the textbook's forward and backward."""

import unittest
from itertools import product
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import ACTIVATIONS
from neural_networks.layers import BatchNorm, fast_normalization
from neural_networks.layers import normalization as module
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import (
    DTYPES,
    direction_error,
    dtypes,
    read_only,
    seeds,
    unchanged,
)
from tests.support.image_cases import BACKWARDS, FORWARDS, WAYS
from tests.support.normalization_cases import OWN, state, with_parameters
from tests.support.parts import with_slices, workspace

BOUNDS = {"float64": 1e-13, "float32": 3e-6}
"""Greatest error, relative to the greatest value."""

SHAPES = (
    (4, 5, 6, 3),
    (1, 4, 5, 7),  # one image
    (3, 1, 6, 5),  # rows and columns of pixels
    (3, 6, 1, 5),
    (1, 1, 9, 4),
    (1, 2, 1, 3),  # two pixels
    (2, 1, 1, 3),
    (5, 3, 4, 1),  # one channel
    (7, 2, 3, 33),
)


def layer_for(shape, activation="tanh", dtype="float64", **options):
    args = {"name": "batch_norm", "activation": activation, **OWN["batch_norm"], **options}
    return with_parameters(args, shape, dtype)


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((2, *shape))


def run(layer, X, dLdY, way):
    """The output, every gradient and the buffers, by one of the ``WAYS``."""
    found = {"Y": getattr(layer, way[0])(X), "dLdX": getattr(layer, way[1])(dLdY)}
    found |= {f"dLd{name}": gradient for name, gradient in layer.gradients.items()}
    return found | dict(layer.buffers)


def doubled(method):
    """A method with twice the output; of ``center``, twice the rows."""

    def twice(*args):
        result = method(*args)
        return (2 * result[0], result[1]) if isinstance(result, tuple) else 2 * result

    return twice


class FastTestCase(unittest.TestCase):
    def assert_close(self, found, expected, bound, least=0.0):
        """Names, shapes, and every error beside the greatest value, ``least`` at least."""
        self.assertEqual(list(found), list(expected))
        for name, value in expected.items():
            self.assertEqual(found[name].shape, value.shape, name)
            error = np.abs(found[name] - value).max()
            self.assertLessEqual(error, bound * max(least, np.abs(value).max()), name)


class TestAgainstTheTextbook(FastTestCase):
    def test_every_shape_in_both_orders(self):
        for shape, activation in product(SHAPES, ("tanh", "softmax")):
            X, dLdY = numbers(shape)
            expected = run(layer_for(shape, activation), X, dLdY, WAYS[0])
            for dtype, way in product(DTYPES, WAYS[1:]):
                layer = layer_for(shape, activation, dtype)
                with self.subTest(shape, activation=activation, dtype=dtype, way=way):
                    found = run(layer, X.astype(dtype), dLdY.astype(dtype), way)
                    self.assert_close(found, expected, BOUNDS[dtype], least=1.0)
                    self.assertEqual({a.dtype for a in found.values()}, {np.dtype(dtype)})

    def test_the_same_cache(self):
        X, dLdY = numbers((3, 4, 5, 6))
        layers = [layer_for(X.shape) for _ in FORWARDS]
        for layer, forward, backward in zip(layers, FORWARDS, BACKWARDS, strict=True):
            getattr(layer, forward)(X)
            getattr(layer, backward)(dLdY)
        plain, fast = (state(layer) for layer in layers)
        for group in ("cache", "gradients", "buffers"):
            X_shapes = [found[group].pop("X_shape", None) for found in (plain, fast)]
            self.assertEqual(*X_shapes)
            self.assert_close(fast[group], plain[group], 1e-13)
        self.assertEqual(fast["input_shape"], plain["input_shape"])

    def test_every_activation(self):
        for name in ACTIVATIONS:
            shape = (3, 4, 5, 6)
            X, dLdY = numbers(shape)
            layer = layer_for(shape, name)
            Y, dLdX = layer.forward_faster(X), layer.backward_faster(dLdY)
            # By the textbook, from the same cache: a ReLU's slope may jump by rounding.
            found, expected = {"dLdX": dLdX}, {"dLdX": layer.backward(dLdY)}
            self.assert_close(found, expected, 1e-13)
            self.assert_close({"Y": Y}, {"Y": layer.forward(X)}, 1e-13)

    @given(
        st.tuples(*[st.integers(1, 6)] * 4).filter(lambda shape: np.prod(shape[:3]) > 1),
        dtypes,
        st.sampled_from([1, 300, 2**40]),
        seeds,
    )
    def test_any_shape(self, shape, dtype, n_bytes, seed):
        X, dLdY = numbers(shape, seed)
        expected = run(layer_for(shape), X, dLdY, WAYS[0])
        with workspace(n_bytes):
            layer = layer_for(shape, dtype=dtype)
            found = run(layer, X.astype(dtype), dLdY.astype(dtype), WAYS[-1])
        self.assert_close(found, expected, BOUNDS[dtype], least=1.0)

    def test_several_steps(self):
        """The moving averages of five batches, by turns and each by itself."""
        for options in ({}, {"momentum": 0.0}):
            layers = [layer_for((4, 5, 6, 3), **options) for _ in range(3)]
            for seed in range(5):
                X, _ = numbers((4, 5, 6, 3), seed)
                for layer, forward in zip(layers, (*FORWARDS, FORWARDS[seed % 2]), strict=True):
                    getattr(layer, forward)(3 * X + seed)
            for layer in layers[1:]:
                self.assert_close(layer.buffers, layers[0].buffers, 1e-13)

    def test_moving_averages_by_their_definition(self):
        """The variance is the unbiased one, Σ (x - mean)² / (n - 1)."""
        X, _ = numbers((4, 5, 6, 3))
        layer = BatchNorm(momentum=0.75)
        layer.forward_faster(X)
        expected = {
            "running_mean": 0.25 * X.mean(axis=(0, 1, 2))[np.newaxis],
            "running_var": 0.75 + 0.25 * X.var(axis=(0, 1, 2), ddof=1)[np.newaxis],
        }
        self.assert_close(layer.buffers, expected, 1e-13)


class TestFarFromZero(FastTestCase):
    """The mean's size does not matter: not that of 1e4 beside a spread of 1, in float32."""

    def test_values_and_gradients(self):
        for mean, spread in ((1e2, 1), (1e4, 1), (-3e4, 3), (1e4, 0.1)):
            for forward in FORWARDS:
                noise, dLdY = numbers((8, 6, 7, 5))
                X = (mean + spread * noise).astype("float32")
                exact = run(layer_for(X.shape), X.astype(float), dLdY, WAYS[0])
                layer = layer_for(X.shape, dtype="float32")
                with self.subTest(mean=mean, spread=spread, forward=forward):
                    way = forward, BACKWARDS[1]
                    found = run(layer, X, dLdY.astype("float32"), way)
                    for name in ("Y", "dLdX", "dLdgamma", "dLdbeta"):
                        error = np.abs(found[name] - exact[name]).max()
                        self.assertLess(error, 2e-5 * np.abs(exact[name]).max(), name)
                    for name, value in layer.buffers.items():
                        np.testing.assert_allclose(value, exact[name], rtol=1e-5, err_msg=name)

    def test_the_mean_of_the_result_is_0(self):
        X = (1e4 + numbers((8, 6, 7, 5))[0]).astype("float32")
        Y = BatchNorm(dtype="float32").forward_faster(X)
        np.testing.assert_allclose(Y.mean(axis=(0, 1, 2), dtype=float), 0, atol=2e-6)

    def test_a_constant_channel_stays_finite(self):
        for value in (1e4, 0.1, 3333.3):
            for dtype in DTYPES:
                X, dLdY = (a.astype(dtype) for a in numbers((6, 5, 5, 3)))
                X[..., 1] = value
                layer = BatchNorm(dtype=dtype)
                with np.errstate(all="raise", under="ignore"):
                    Y, dLdX = layer.forward_faster(X), layer.backward_faster(dLdY)
                np.testing.assert_array_equal(Y[..., 1], 0)
                expected = (dLdY[..., 1] - dLdY[..., 1].mean()) / 1e-5**0.5
                np.testing.assert_allclose(dLdX[..., 1], expected, rtol=1e-4, atol=1e-2)


class TestDifferences(FastTestCase):
    """Gradients of the fast pair against differences of the textbook's forward."""

    def checks(self, layer, X, dLdY):
        layer.forward_faster(X)
        dLdX = layer.backward_faster(dLdY)
        yield "X", layer.forward, dLdX, X
        for name, value in layer.parameters.items():
            yield name, layer.forward_with_param(name, X), layer.gradients[name], value

    def test_central(self):
        for shape in ((2, 3, 2, 3), (1, 1, 9, 4), (2, 1, 1, 3), (3, 2, 4, 1)):
            for activation in ("linear", "tanh", "softmax", "gelu"):
                layer, (X, dLdY) = layer_for(shape, activation), numbers(shape, seed=1)
                for name, fn, gradient, value in self.checks(layer, X, dLdY):
                    with self.subTest(shape, activation=activation, of=name):
                        self.assertLess(check_gradients(fn, gradient, value, dLdY), 1e-7)

    def test_random_directions(self):
        rng = np.random.default_rng(2)
        for activation in ("linear", "tanh", "softmax", "gelu"):
            layer = layer_for((16, 14, 14, 24), activation)
            X, dLdY = numbers((16, 14, 14, 24), seed=3)
            for name, fn, gradient, value in self.checks(layer, X, dLdY):
                with self.subTest(activation, of=name):
                    self.assertLess(direction_error(fn, gradient, value, dLdY, rng), 1e-6)

    def test_mean_and_variance_have_no_gradient(self):
        """Σ dL/dx = 0 in each channel, and of the linear layer Σ x̂ dL/dx = 0 but for ε."""
        X, dLdY = numbers((5, 6, 7, 8))
        layer = BatchNorm(epsilon=1e-12)
        layer.forward_faster(X)
        dLdX = layer.backward_faster(dLdY)
        np.testing.assert_allclose(dLdX.sum(axis=(0, 1, 2)), 0, atol=1e-12)
        np.testing.assert_allclose((dLdX * X).sum(axis=(0, 1, 2)), 0, atol=1e-9)


class TestParts(FastTestCase):
    def test_size_of_the_workspace_and_threads(self):
        shape = (9, 4, 5, 3)
        X, dLdY = numbers(shape)
        expected = run(layer_for(shape), X, dLdY, WAYS[-1])
        for n_bytes, n in product((1, 1000, 3000, 2**40), (1, 2, 5)):
            with self.subTest(n_bytes=n_bytes, threads=n), workspace(n_bytes), with_slices(n):
                found = run(layer_for(shape), X, dLdY, WAYS[-1])
                self.assert_close(found, expected, 1e-13)

    def test_arrays_that_are_not_in_c_order(self):
        X, dLdY = numbers((4, 5, 6, 3))
        expected = run(layer_for(X.shape), X, dLdY, WAYS[0])
        around = np.pad(X, ((1, 0), (2, 1), (0, 3), (1, 1)))
        first = np.ascontiguousarray(X.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
        images = {
            "channels first": first,
            "axes turned": np.ascontiguousarray(X.T).T,
            "cropped": around[1:, 2:-1, :-3, 1:-1],
            "sparse": np.repeat(X, 2, axis=2)[:, :, ::2],
            "backward": X[:, ::-1].copy()[:, ::-1],
        }
        gradients = {"in C order": dLdY, "axes turned": np.ascontiguousarray(dLdY.T).T}
        for (name, turned), (order, gradient) in product(images.items(), gradients.items()):
            for way in WAYS:
                with self.subTest(images=name, dLdY=order, way=way):
                    found = run(layer_for(X.shape), turned, gradient, way)
                    self.assert_close(found, expected, 1e-13)

    def test_arrays_are_not_written_to(self):
        for dtype in DTYPES:
            X, dLdY = (read_only(a.astype(dtype)) for a in numbers((4, 5, 6, 3)))
            layer = layer_for(X.shape, "linear", dtype)
            for name, value in layer.parameters.items():
                layer.parameters[name] = read_only(value)
            buffers = dict(layer.buffers)
            with unchanged(X, dLdY, *layer.parameters.values(), *buffers.values()):
                found = run(layer, X, dLdY, WAYS[-1])
            for a in found.values():
                self.assertFalse(np.may_share_memory(a, X) or np.may_share_memory(a, dLdY))


class TestChoice(FastTestCase):
    """The fast pair is for images in training alone, and never in place of one's own methods."""

    def setUp(self):
        self.X, self.dLdY = numbers((4, 5, 6, 3))
        for name in ("moments", "gradients"):
            counter = mock.Mock(wraps=getattr(fast_normalization, name))
            patch = mock.patch.object(module, name, counter)
            patch.start()
            self.addCleanup(patch.stop)
            setattr(self, name, counter)

    def calls(self):
        found = self.moments.call_count, self.gradients.call_count
        self.moments.reset_mock()
        self.gradients.reset_mock()
        return found

    def check(self, layer, expected_calls, X=None, dLdY=None):
        X, dLdY = (self.X if X is None else X), (self.dLdY if dLdY is None else dLdY)
        buffers = dict(layer.buffers)
        found = run(layer, X, dLdY, WAYS[-1])
        self.assertEqual(self.calls(), expected_calls)
        layer.buffers.update(buffers)
        self.assert_close(found, run(layer, X, dLdY, WAYS[0]), 1e-13)
        self.assertEqual(self.calls(), (0, 0))

    def test_images_in_training(self):
        self.check(layer_for(self.X.shape), (1, 1))

    def test_rows_and_sequences(self):
        for shape in ((6, 4), (5, 4, 3)):
            self.check(layer_for(shape), (0, 0), *numbers(shape))

    def test_a_frozen_layer(self):
        layer = layer_for(self.X.shape)
        layer.frozen = True
        before = {name: value.copy() for name, value in layer.buffers.items()}
        self.check(layer, (0, 0))
        np.testing.assert_equal(dict(layer.buffers), before)

    def test_prediction(self):
        layer = layer_for(self.X.shape)
        layer.forward_faster(self.X)
        before, cache = dict(layer.buffers), dict(layer.cache)
        self.calls()
        layer.training = False
        np.testing.assert_array_equal(layer.forward_faster(self.X), layer.forward(self.X))
        self.assertEqual(self.calls(), (0, 0))
        np.testing.assert_equal(dict(layer.buffers), before)
        np.testing.assert_equal(dict(layer.cache), cache)

    def test_methods_of_a_derived_class(self):
        class OwnForward(BatchNorm):
            def forward(self, X):
                return 2 * super().forward(X)

        class OwnCenter(BatchNorm):
            def center(self, rows):
                return rows - np.median(rows, axis=0), np.ones((1, rows.shape[1]))

        class OwnBackward(BatchNorm):
            def backward(self, dLdY):
                return 2 * super().backward(dLdY)

        for kind, calls in ((OwnForward, (0, 1)), (OwnCenter, (0, 1)), (OwnBackward, (1, 0))):
            with self.subTest(kind.__name__):
                layer = kind("tanh")
                layer._init_parameters(self.X.shape)
                self.check(layer, calls)

    def test_methods_of_an_object(self):
        for name, calls in (("forward", (0, 1)), ("center", (0, 1)), ("backward", (1, 0))):
            layer = layer_for(self.X.shape)
            setattr(layer, name, doubled(getattr(layer, name)))
            with self.subTest(name):
                self.check(layer, calls)

    def test_methods_assigned_to_the_class(self):
        for name, calls in (("forward", (0, 1)), ("center", (0, 1)), ("backward", (1, 0))):
            method = doubled(getattr(BatchNorm, name))
            with self.subTest(name), mock.patch.object(BatchNorm, name, method):
                self.check(layer_for(self.X.shape), calls)

    def test_batches_of_one_pixel_or_none(self):
        for shape in ((1, 1, 1, 3), (0, 4, 5, 3)):
            for forward in FORWARDS:
                layer = layer_for((2, *shape[1:]))
                before = state(layer)
                with self.assertRaisesRegex(ValueError, f"got {shape[0]}: choose another batch"):
                    getattr(layer, forward)(np.ones(shape))
                np.testing.assert_equal(state(layer)["buffers"], before["buffers"])

    def test_wrong_inputs_get_the_textbook_s_errors(self):
        for X in (np.ones((2, 3, 4, 5), int), np.ones((2, 3, 4, 4)), np.ones(3), [[1.0], [2.0]]):
            errors = []
            for forward in FORWARDS:
                layer = layer_for((2, 3, 4, 5))
                with self.assertRaises((TypeError, ValueError)) as caught:
                    getattr(layer, forward)(X)
                errors.append((type(caught.exception), str(caught.exception)))
            self.assertEqual(*errors)


if __name__ == "__main__":
    unittest.main()
