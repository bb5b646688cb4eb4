"""Overridden methods of layers and optimizers in networks: never bypassed, however overridden."""

import unittest
from contextlib import contextmanager, nullcontext
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.layers import LAYERS, Layer
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import OPTIMIZERS

RNG = np.random.default_rng(0)
ROWS, IMAGES, SEQUENCES = (RNG.normal(size=(6, *shape)) for shape in ((4,), (4, 4, 2), (4, 5)))
Y = np.eye(3)[[0, 1, 2, 2, 1, 0]]
SGD = {"name": "SGD", "lr": 0.1}
FLATTEN = {"name": "flatten"}
SOFTMAX = {"name": "fully_connected", "activation": "softmax", "n_out": 3}
RESIDUAL = {"name": "residual", "layers": [{**SOFTMAX, "activation": "tanh", "n_out": 4}]}
CASES = {
    "fully_connected": ({"activation": "tanh", "n_out": 5}, ROWS, []),
    "conv2d": ({"activation": "tanh", "n_out": 3, "kernel_shape": 3}, IMAGES, [FLATTEN]),
    "pool2d": ({"kernel_shape": 2, "stride": 2}, IMAGES, [FLATTEN]),
    "elman": ({"n_out": 5}, SEQUENCES, []),
    "flatten": ({}, IMAGES, []),
    "dropout": ({"p": 0.3, "seed": 3}, ROWS, []),
    "batch_norm": ({}, ROWS, []),
    "layer_norm": ({"activation": "tanh"}, ROWS, []),
    "residual": ({"layers": RESIDUAL["layers"]}, ROWS, []),
}


def plain(method, extra):
    """A method in place of another one, with a plain signature."""

    def override(layer, array):
        return extra(method(layer, array))

    return override


def doubled(result):
    return [2 * x for x in result] if isinstance(result, list) else 2 * result


@contextmanager
def subclass(name, methods):
    kind = type("Own", (LAYERS[name],), methods)
    with mock.patch.dict(LAYERS, {name: kind}):
        yield lambda layer: None


@contextmanager
def assigned_to_the_class(name, methods):
    with mock.patch.multiple(LAYERS[name], **methods):
        yield lambda layer: None


@contextmanager
def assigned_to_the_object(name, methods):
    def assign(layer):
        for key, method in methods.items():
            setattr(layer, key, method.__get__(layer))

    yield assign


WAYS = (subclass, assigned_to_the_class, assigned_to_the_object)


class Output(Layer):
    """Y = softmax(X W): the end of the networks, which no override of a layer changes."""

    def __init__(self):
        super().__init__("softmax")

    def forward(self, X):
        X = self.check_input(X)
        self.cache["X"], self.cache["Z"] = X, X @ self.parameters["W"]
        return self.activation(self.cache["Z"])

    def backward(self, dLdY):
        dLdZ = self.activation.backward(self.cache["Z"], dLdY)
        self.gradients["W"] = self.cache["X"].T @ dLdZ
        return dLdZ @ self.parameters["W"].T

    def _init_parameters(self, X_shape):
        self.parameters["W"] = self.rng.normal(size=(X_shape[1], 3))


class TestLayers(unittest.TestCase):
    """A network with the override, and one in which the same is computed by hand."""

    def network(self, name, below=()):
        args, X, after = CASES[name]
        layers = [*below, {"name": name, **args}, *after, {"name": "output"}]
        with mock.patch.dict(LAYERS, output=Output):
            model = NeuralNetwork("cross_entropy", layers, SGD, seed=0)
        model.forward(X)
        return model, X

    def test_every_layer_is_tried(self):
        self.assertEqual(set(CASES), set(LAYERS))

    def test_backward(self):
        """It doubles what the layer below gets."""
        for name in CASES:
            below = [{"name": "batch_norm"}]
            model, X = self.network(name, below)
            model.backward(Y, model.forward(X))
            expected = {key: 2 * g for key, g in model.layers[0].gradients.items()}
            methods = {"backward": plain(LAYERS[name].backward, doubled)}
            for way in WAYS:
                with self.subTest(name, way=way.__name__), way(name, methods) as assign:
                    own, X = self.network(name, below)
                    assign(own.layers[1])
                    own.backward(Y, own.forward(X))
                    for key, gradient in own.layers[0].gradients.items():
                        assert_allclose(gradient, expected[key], rtol=1e-9, atol=1e-12)

    def test_backward_of_the_first_and_of_the_last_layer(self):
        """One-layer networks, where dL/dX is left out and a canonical pair would start at Z."""
        for layers in ([SOFTMAX], [{**SOFTMAX, "activation": "tanh", "n_out": 5}, SOFTMAX]):
            for way in WAYS:
                seen = []

                def backward(layer, dLdY, seen=seen):
                    seen.append(type(layer))
                    layer.gradients.update({k: 0 * v for k, v in layer.parameters.items()})
                    return dLdY @ layer.parameters["W"].T

                with way("fully_connected", {"backward": backward}) as assign:
                    model = NeuralNetwork("cross_entropy", layers, SGD, seed=0)
                    for layer in model.layers:
                        assign(layer)
                    model.backward(Y, model.forward(ROWS))
                self.assertEqual(len(seen), len(layers))
                for layer in model.layers:
                    self.assertFalse(any(g.any() for g in layer.gradients.values()))

    def test_forward(self):
        """It doubles what the layer above gets, in training and in prediction."""
        for name in CASES:
            model, X = self.network(name)
            out = model.layers[0].forward(X)
            for layer in model.layers[1:-1]:
                out = layer.forward(out)
            Z = 2 * out @ model.layers[-1].parameters["W"]
            expected = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
            methods = {"forward": plain(LAYERS[name].forward, doubled)}
            for way in WAYS:
                with self.subTest(name, way=way.__name__), way(name, methods) as assign:
                    own, X = self.network(name)
                    assign(own.layers[0])
                    for layer, other in zip(own.layers, model.layers, strict=True):
                        layer.parameters.update(other.parameters)
                    assert_allclose(own.forward(X), expected, rtol=1e-10)
                    if name not in ("dropout", "batch_norm"):  # others in prediction
                        assert_allclose(own.predict(X)[0], expected, rtol=1e-10)

    def test_a_forward_of_the_object_predicts_in_the_mode_of_prediction(self):
        for name in ("dropout", "batch_norm"):
            methods = {"forward": plain(LAYERS[name].forward, doubled)}
            with subclass(name, methods):
                model, X = self.network(name)
            own, X = self.network(name)
            own.layers[0].forward = methods["forward"].__get__(own.layers[0])
            cache = dict(own.layers[0].cache)
            assert_allclose(own.predict(X + 1)[0], model.predict(X + 1)[0], rtol=1e-12)
            self.assertEqual(cache.keys(), own.layers[0].cache.keys())
            for key, value in cache.items():
                self.assertIs(own.layers[0].cache[key], value)

    def test_a_step_of_a_recurrent_layer(self):
        """``forward`` goes over it, and ``forward_faster`` must not go without."""

        def forward_step(layer, x_t):
            states = layer.cache.setdefault("s", [np.zeros((len(x_t), layer.n_out))])
            states.append(states[-1] + 1)
            return states[-1]

        for way in WAYS:
            with self.subTest(way.__name__), way("elman", {"forward_step": forward_step}) as assign:
                model, X = self.network("elman")
                assign(model.layers[0])
                out = model.layers[0].forward_faster(X)
                assert_array_equal(out, np.full((6, 5), 5.0))

    def test_what_was_assigned_is_taken_back(self):
        for name in ("fully_connected", "conv2d", "pool2d", "elman"):
            model, X = self.network(name)
            expected = model.forward(X)
            with assigned_to_the_class(name, {"forward": plain(LAYERS[name].forward, doubled)}):
                model.forward(X)
            assert_array_equal(model.forward(X), expected)


class TestOptimizers(unittest.TestCase):
    """Methods of every optimizer, replaced by one that makes the gradient 0 or the step 1."""

    def step(self, name, methods, way):
        """The step of an optimizer for a gradient of 1 to 4."""
        kind = OPTIMIZERS[name]
        if way == "subclass":
            kind = type("Own", (kind,), methods)
        optimizer = kind(lr=0.1)
        if way == "object":
            for key, method in methods.items():
                setattr(optimizer, key, method.__get__(optimizer))
        patch = mock.patch.multiple(kind, **methods) if way == "class" else nullcontext()
        with patch:
            return optimizer.update("W", np.zeros(4), np.arange(1.0, 5), 0)

    def test_the_gradient_is_an_optimizer_s_own(self):
        def clip(optimizer, gradient):
            return 0 * gradient

        def gradient(optimizer, param, param_grad):
            return 0 * param_grad

        for name in OPTIMIZERS:
            for methods in ({"clip": clip}, {"gradient": gradient}):
                for way in ("subclass", "class", "object"):
                    with self.subTest(name, methods=list(methods), way=way):
                        assert_array_equal(self.step(name, methods, way), np.zeros(4))
            self.assertTrue(self.step(name, {}, "object").all())

    def test_of_a_network(self):
        def update(optimizer, param_name, param, param_grad, epoch):
            return np.ones_like(param)

        def clip_by_global_norm(optimizer, gradients):
            return [0 * g for g in gradients]

        for method, change in ((update, 1), (clip_by_global_norm, 0)):
            methods = {method.__name__: method}
            with mock.patch.multiple(OPTIMIZERS["SGD"], **methods):
                model = NeuralNetwork("cross_entropy", [SOFTMAX], SGD, seed=0)
                model.backward(Y, model.forward(ROWS))
                W = model.layers[0].parameters["W"]
                model.update(0)
            assert_array_equal(model.layers[0].parameters["W"], W - change)


if __name__ == "__main__":
    unittest.main()
