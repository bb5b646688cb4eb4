"""Convolution in a network: choice of the implementation, gradients, memory."""

import gc
import tracemalloc
import unittest
from unittest import mock

import numpy as np

from neural_networks.layers import LAYERS, Conv2D, Flatten
from neural_networks.models import NeuralNetwork
from neural_networks.utils import convolution, fast_convolution, winograd
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import DTYPES, NothingGrows, dense, step
from tests.support.calls import calls
from tests.support.image_cases import BACKWARDS, FORWARDS, conv, run

MB = 2**20
CONV = {"name": "conv2d", "n_out": 4, "kernel_shape": [3, 3], "activation": "tanh"}
CNN = (
    CONV,
    {"name": "pool2d", "kernel_shape": [2, 2], "stride": 2},
    CONV | {"n_out": 3, "kernel_shape": [2, 3], "pad": [1, 0], "stride": 2},
    {"name": "flatten"},
    {"name": "fully_connected", "activation": "softmax", "n_out": 3},
)
SGD = {"name": "SGD", "lr": 0.1, "momentum": 0.9}


def network(*layers, dtype="float64"):
    return NeuralNetwork("cross_entropy", layers or CNN, SGD, seed=0, dtype=dtype)


def batch(dtype="float64", m=6):
    """Images of three kinds: bright at the top, at the bottom, or nowhere."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=m)
    X = 0.3 * rng.standard_normal((m, 8, 9, 2))
    X[kinds == 0, :4] += 1
    X[kinds == 1, 4:] += 1
    return X.astype(dtype), np.eye(3, dtype=dtype)[kinds]


class Doubled(Conv2D):
    """A derived layer: twice the output, twice the gradients."""

    def forward(self, X):
        return 2 * super().forward(X)

    def backward(self, dLdY):
        return super().backward(2 * dLdY)


class OnlyForward(Conv2D):
    def forward(self, X):
        return 2 * super().forward(X)


class OnlyBackward(Conv2D):
    def backward(self, dLdY):
        return super().backward(2 * dLdY)


class BothForwards(Conv2D):
    def forward(self, X):
        raise AssertionError("a network takes the faster one")

    def forward_faster(self, X):
        return 3 * super().forward_faster(X)


class Grandchild(Doubled):
    """Overrides nothing."""


class DoubledOutput:
    """Mixin for any layer: twice the output."""

    def forward(self, X):
        return 2 * super().forward(X)


class Mixed(DoubledOutput, Conv2D):
    """Has both passes from its bases."""


class TestSwitch(unittest.TestCase):
    def count_calls(self, function):
        """The numbers of calls of the passes of Conv2D."""
        names = calls(function)
        return [names.count(f"Conv2D.{name}") for name in (*FORWARDS, *BACKWARDS)]

    def test_a_network_trains_and_predicts_with_the_faster_one(self):
        model, (X, Y) = network(), batch()
        self.assertEqual(self.count_calls(lambda: step(model, X, Y)), [0, 2, 0, 2])
        self.assertEqual(self.count_calls(lambda: model.predict(X, Y)), [0, 2, 0, 0])

    def test_layers_with_one_implementation(self):
        X = batch()[0]
        for layer, images in ((Flatten(), X), (dense("tanh", (9, 2)), X[0, :, :, 0])):
            kind = type(layer)
            with (
                mock.patch.object(kind, "forward", return_value="Y") as forward,
                mock.patch.object(kind, "backward", return_value="dLdX") as backward,
            ):
                self.assertEqual(layer.forward_faster(images), "Y")
                self.assertEqual(layer.backward_faster(X), "dLdX")
            forward.assert_called_once_with(images)
            backward.assert_called_once()
            self.assertIs(backward.call_args.args[0], X)

    def test_layers_with_two_implementations(self):
        two = {
            name
            for name, kind in LAYERS.items()
            if {"forward_faster", "backward_faster"} <= set(vars(kind))
            and "Passes.forward_faster" not in kind.forward_faster.__qualname__
        }
        self.assertEqual(two, {"conv2d", "pool2d", "elman", "batch_norm"})

    def test_a_derived_class_is_run_through_its_own_methods(self):
        X = batch()[0]
        base = conv(X.shape, activation="tanh")
        dLdY = np.random.default_rng(2).standard_normal(base.output_shape(X.shape))
        expected = run(base, X, dLdY, ("forward", "backward"))
        for kind, of_Y, of_gradients in (
            (Doubled, 2, 2),
            (Grandchild, 2, 2),
            (OnlyForward, 2, 1),
            (OnlyBackward, 1, 2),
            (BothForwards, 3, 1),
            (Mixed, 2, 1),
        ):
            layer = kind(3, 3, "tanh")
            layer.parameters.update(base.parameters)
            found = run(layer, X, dLdY, ("forward_faster", "backward_faster"))
            for name, value in expected.items():
                factor = of_Y if name == "Y" else of_gradients
                np.testing.assert_allclose(
                    found[name], factor * value, rtol=1e-9, atol=1e-12, err_msg=f"{kind} {name}"
                )

    def test_half_a_class_keeps_the_other_half_s_speed(self):
        """A class that overrides one pass still has the faster version of the other."""
        self.assertIs(OnlyForward.backward_faster, Conv2D.backward_faster)
        self.assertIs(OnlyBackward.forward_faster, Conv2D.forward_faster)
        self.assertIsNot(OnlyForward.forward_faster, Conv2D.forward_faster)

    def test_a_network_with_a_derived_class_learns_by_its_gradients(self):
        LAYERS["doubled"] = Doubled
        self.addCleanup(LAYERS.pop, "doubled")
        model, (X, Y) = network(CONV, {**CONV, "name": "doubled"}, *CNN[3:]), batch()
        model.backward(Y, model.forward(X))
        layer = model.layers[0]
        error = check_gradients(
            loss_as_function(model, layer, "W", X, Y),
            layer.gradients["W"],
            layer.parameters["W"],
            1.0,
            h=1e-5,
        )
        self.assertLess(error, 1e-6)

    def test_the_first_layer_computes_no_gradient_of_the_images(self):
        model, (X, Y) = network(), batch()
        name = "gradient_of_images"
        original = getattr(fast_convolution, name)
        with mock.patch(f"neural_networks.layers.conv2d.{name}", side_effect=original) as found:
            step(model, X, Y)
        self.assertEqual(found.call_count, 1)  # the second convolution alone
        self.assertEqual(found.call_args.args[1].shape, (2, 3, 4, 3))
        # By hand, the layer itself returns it.
        dLdY = np.ones(model.layers[0].output_shape(X.shape))
        self.assertEqual(model.layers[0].backward(dLdY).shape, X.shape)


def loss_as_function(model, layer, name, X, Y):
    """The loss of a network as a function of one parameter."""

    def loss(value):
        kept = layer.parameters[name]
        layer.parameters[name] = value
        found = model.predict(X, Y)[1]
        layer.parameters[name] = kept
        return found

    return loss


class TestNetwork(unittest.TestCase):
    def test_gradient_of_every_parameter(self):
        for mode in ("max", "average"):
            layers = [dict(layer) for layer in CNN]
            layers[1] |= {"mode": mode, "kernel_shape": 3, "pad": 1}
            model, (X, Y) = network(*layers), batch()
            model.backward(Y, model.forward(X))
            gradients = {name: layer.gradients[key] for name, layer, key in model.parameters()}
            self.assertEqual(len(gradients), 6)
            for name, layer, key in model.parameters():
                fn = loss_as_function(model, layer, key, X, Y)
                with self.subTest(name, mode=mode):
                    error = check_gradients(fn, gradients[name], layer.parameters[key], 1.0, 1e-5)
                    self.assertLess(error, 1e-6)

    def test_every_array_has_the_network_s_type(self):
        for dtype in DTYPES:
            model, (X, Y) = network(dtype=dtype), batch(dtype)
            for _ in range(2):
                step(model, X, Y)
            self.assertEqual(model.forward(X).dtype, dtype)
            for layer in model.layers:
                for kind in (layer.parameters, layer.gradients, layer.cache):
                    for name, value in kind.items():
                        if isinstance(value, np.ndarray):
                            self.assertEqual(value.dtype, dtype, f"{type(layer).__name__} {name}")

    def test_learns(self):
        X, Y = batch("float32", m=30)
        model = network(dtype="float32")
        first = step(model, X, Y)
        for _ in range(60):
            last = step(model, X, Y)
        self.assertAlmostEqual(first, np.log(3), delta=0.5)
        self.assertLess(last, 0.1)
        self.assertEqual(model.error(Y, model.predict(X, Y)[0]), 0)

    def test_same_seed_same_run(self):
        X, Y = batch("float32")
        runs = []
        for _ in range(2):
            model = network(dtype="float32")
            runs.append([step(model, X, Y) for _ in range(5)])
        self.assertEqual(*runs)

    def test_output_layer_may_be_a_convolution(self):
        """The softmax goes over the channels; the loss, over one window."""
        layers = (CONV | {"n_out": 3, "kernel_shape": [8, 9], "pad": 0, "activation": "softmax"},)
        model, (X, Y) = network(*layers, {"name": "flatten"}), batch()
        out = model.forward(X)
        np.testing.assert_allclose(out.sum(axis=1), np.ones(len(X)), rtol=1e-12)
        model.backward(Y, out)
        layer = model.layers[0]
        fn = loss_as_function(model, layer, "W", X, Y)
        gradient, W = layer.gradients["W"], layer.parameters["W"]
        self.assertLess(check_gradients(fn, gradient, W, 1.0, 1e-5), 1e-6)


class TestMemory(unittest.TestCase):
    def setUp(self):
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def workspaces(self, m, stride=1, dtype="float32"):
        """Peaks of forward_faster and backward_faster in bytes, beyond what is there afterwards.

        Afterwards there are the inputs, the output, the cache and the gradients.
        """
        layer = conv((m, 32, 32, 64), 3, 64, "linear", stride, dtype=dtype)
        X = np.ones((m, 32, 32, 64), dtype)
        dLdY = np.ones(layer.output_shape(X.shape), dtype)
        peaks = []
        for method, given in ((layer.forward_faster, X), (layer.backward_faster, dLdY)):
            tracemalloc.reset_peak()
            # Not used again, but there until the peak is read.
            result = method(given)
            now, peak = tracemalloc.get_traced_memory()
            peaks.append(peak - now)
            self.assertGreater(now, X.nbytes + dLdY.nbytes + result.nbytes)
        return peaks

    def test_workspace_of_a_large_batch(self):
        """At most 64 MB; in truth a few, while all windows of the batch would take 151 MB."""
        for stride in (1, 2):
            for peak in self.workspaces(64, stride):
                self.assertLess(peak, 64 * MB)
                self.assertLess(peak, 12 * MB)

    def test_workspace_does_not_grow_with_the_batch(self):
        for stride in (1, 2):
            small, large = self.workspaces(8, stride), self.workspaces(32, stride)
            for few, many in zip(small, large, strict=True):
                self.assertLess(many, 1.1 * few + MB / 4)

    def test_no_workspace_is_wider_than_the_numbers(self):
        """One image at a time takes half as much in float32: nothing is float64 in passing."""
        for stride in (1, 2):
            with (
                mock.patch.object(convolution, "WORKSPACE", 1),
                mock.patch.object(winograd, "WORKSPACE", 1),
            ):
                single, double = (self.workspaces(2, stride, dtype) for dtype in DTYPES)
            for narrow, wide in zip(single, double, strict=True):
                self.assertLess(narrow, 0.6 * wide)


class TestNothingGrows(NothingGrows, unittest.TestCase):
    def setUp(self):
        self.model, self.batch = network(dtype="float32"), batch("float32", m=8)


if __name__ == "__main__":
    unittest.main()
