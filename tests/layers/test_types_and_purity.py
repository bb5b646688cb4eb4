"""Types, purity and seeds in every part of the library."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import ACTIVATIONS, initialize_activation
from neural_networks.canonical import PAIRS
from neural_networks.layers import LAYERS, Elman, Flatten, FullyConnected, initialize_layer
from neural_networks.losses import LOSSES, initialize_loss
from neural_networks.optimizers import initialize_optimizer
from neural_networks.schedulers import SCHEDULERS
from neural_networks.utils.factories import find_name
from neural_networks.weights import WEIGHTS, initialize_weights
from tests.support.arrays import (
    DTYPES,
    activation_names,
    dense,
    dtypes,
    probabilities,
    read_only,
    seeds,
    unchanged,
)
from tests.support.normalization_cases import arrays_in, every_layer
from tests.support.optimizer_cases import CASES

OPTIONS = (
    {},
    {"clip_norm": 0.1},
    {"weight_decay": 0.1},
    {"clip_norm": 0.1, "weight_decay": 0.1, "lr_scheduler": "exponential", "lr_decay": 0.5},
)


def optimizers():
    """Every optimizer with all options, whose numbers are NumPy's own; and a name for it."""
    for case, (name, own) in CASES.items():
        for options in OPTIONS:
            arguments = {"lr": 0.1} | own | options
            for key, value in arguments.items():
                arguments[key] = np.float64(value) if isinstance(value, float) else value
            yield f"{case} {options}", initialize_optimizer(name, **arguments)


def other(dtype):
    """The type that does not belong in a network of this one."""
    return "float64" if dtype == "float32" else "float32"


def labels_and_predictions(name, dtype, label_dtype):
    rng = np.random.default_rng(0)
    k = 1 if name == "binary_cross_entropy" else 4
    Y_hat = probabilities(rng, 5, 4)[:, :k].astype(dtype)
    if name == "binary_cross_entropy":
        return rng.integers(2, size=(5, 1)).astype(label_dtype), Y_hat
    return np.eye(4)[rng.integers(4, size=5)].astype(label_dtype), Y_hat


def layers(dtype):
    """Every layer, with an input for it."""
    rng = np.random.default_rng(1)
    yield from ((dense(name, (3, 2), dtype), rng.random((4, 3))) for name in ACTIVATIONS)
    yield dense("softmax", (3, 2), dtype), rng.random((4, 3, 5))
    yield Flatten(dtype=dtype), rng.random((4, 2, 3))
    yield Flatten("last", dtype=dtype), rng.random((4, 2, 3))
    yield Elman(2, return_sequences=True, dtype=dtype, rng=0), rng.random((4, 3, 5))
    yield from every_layer(dtype)


class TestTypes(unittest.TestCase):
    @given(activation_names, dtypes)
    def test_activations(self, name, dtype):
        activation = initialize_activation(name)
        Z = np.linspace(-3, 3, 12).astype(dtype).reshape(3, 4)
        self.assertEqual(activation(Z).dtype, dtype)
        self.assertEqual(activation.backward(Z, Z).dtype, dtype)

    def test_losses_return_a_float_and_the_type_of_the_predictions(self):
        for name in LOSSES:
            loss = initialize_loss(name)
            for dtype in DTYPES:
                for label_dtype in (*DTYPES, "int64"):
                    with self.subTest(name, dtype=dtype, labels=label_dtype):
                        Y, Y_hat = labels_and_predictions(name, dtype, label_dtype)
                        for value in (loss(Y, Y_hat), loss.error(Y, Y_hat)):
                            self.assertIs(type(value), float)
                        self.assertEqual(loss.backward(Y, Y_hat).dtype, dtype)

    def test_canonical_pairs_return_a_float_and_the_type_of_the_predictions(self):
        for (loss, _), pair in PAIRS.items():
            name = find_name(loss, LOSSES)
            for dtype in DTYPES:
                for label_dtype in (*DTYPES, "int64"):
                    with self.subTest(name, dtype=dtype, labels=label_dtype):
                        Y, Y_hat = labels_and_predictions(name, dtype, label_dtype)
                        self.assertIs(type(pair.forward(Y, Y_hat)), float)
                        self.assertEqual(pair.backward(Y, Y_hat).dtype, dtype)

    def test_layers_convert_what_comes_in_another_type(self):
        for dtype in DTYPES:
            for given_dtype in DTYPES:
                for layer, X in layers(dtype):
                    with self.subTest(type(layer).__name__, dtype=dtype, given=given_dtype):
                        Y = layer.forward(X.astype(given_dtype))
                        dLdX = layer.backward(np.ones(Y.shape, other(given_dtype)))
                        self.assertEqual(Y.dtype, dtype)
                        self.assertEqual(dLdX.dtype, dtype)
                        found = [layer.parameters, layer.gradients, layer.buffers, layer.cache]
                        types = {array.dtype for array in arrays_in(found)}
                        self.assertEqual(types - {np.dtype(dtype)}, set())

    def test_layers_create_parameters_in_their_own_type(self):
        for dtype in DTYPES:
            for weight_init in WEIGHTS:
                for kind, shape, count in ((FullyConnected, (2, 4), 4), (Elman, (2, 4, 5), 6)):
                    layer = kind(3, "relu", weight_init, dtype=dtype)
                    layer.forward(np.ones(shape, other(dtype)))
                    found = [*layer.parameters.values(), *layer.gradients.values()]
                    self.assertEqual([array.dtype for array in found], [np.dtype(dtype)] * count)

    def test_layers_are_float64_by_default(self):
        for layer in (FullyConnected(2, "tanh"), Flatten(), Elman(2)):
            self.assertEqual(layer.forward(np.ones((3, 2, 4), np.float32)).dtype, np.float64)

    def test_optimizers(self):
        for dtype in DTYPES:
            for name, optimizer in optimizers():
                for epoch in (0, 0.5, np.float64(1)):
                    param, grad = np.zeros((2, 3), dtype), np.ones((2, 3), dtype)
                    step = optimizer.update("W", param, grad, epoch)
                    self.assertEqual((step.dtype, step.shape), (np.dtype(dtype), (2, 3)), name)
                types = {array.dtype for array in arrays_in(optimizer._slots)}
                self.assertLessEqual(types, {np.dtype(dtype)}, name)

    def test_gradients_clipped_together(self):
        for dtype in DTYPES:
            optimizer = initialize_optimizer("SGD", 0.1, clip_global_norm=np.float64(0.1))
            found = optimizer.clip_by_global_norm([np.ones((2, 3), dtype), np.ones(4, dtype)])
            self.assertEqual([g.dtype for g in found], [np.dtype(dtype)] * 2)

    def test_schedules(self):
        """A rate of NumPy's own type would turn float32 into float64."""
        grad = np.ones(3, np.float32)
        for name in SCHEDULERS:
            options = {"epochs": 4} if name in ("cosine", "one_cycle") else {}
            optimizer = initialize_optimizer("SGD", 0.1, name, scheduler_args=options)
            self.assertEqual(optimizer.update("W", grad, grad, 0.5).dtype, np.float32, name)

    def test_weights(self):
        for name in WEIGHTS:
            for dtype in DTYPES:
                for shape in ((3, 4), (2, 3, 4, 5)):
                    W = initialize_weights(name, dtype=dtype)(shape)
                    self.assertEqual((W.dtype, W.shape), (np.dtype(dtype), shape), name)

    def test_only_two_types_of_float(self):
        for dtype in ("float16", "int64", "complex128", "double trouble", object):
            with self.assertRaisesRegex(ValueError, r"dtype.*float32.*float64"):
                FullyConnected(2, "relu", dtype=dtype)
            with self.assertRaisesRegex(ValueError, r"dtype.*float32.*float64"):
                initialize_weights("zeros", dtype=dtype)


class TestPurity(unittest.TestCase):
    """Read-only arguments are accepted, and hold afterwards what they held before."""

    def test_activations(self):
        rng = np.random.default_rng(2)
        for name in ACTIVATIONS:
            activation = initialize_activation(name)
            Z, dY = (read_only(rng.standard_normal((3, 4))) for _ in range(2))
            with self.subTest(name):
                Y = activation(Z)
                expected = activation(Z.copy()).copy()
                dLdZ = activation.backward(Z, dY)
                np.testing.assert_array_equal(Y, expected)
                self.assertEqual(dLdZ.shape, Z.shape)

    def test_activations_leave_writable_arguments_alone(self):
        rng = np.random.default_rng(3)
        for name in ACTIVATIONS:
            activation = initialize_activation(name)
            Z, dY = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
            with self.subTest(name), unchanged(Z, dY):
                activation(Z)
                activation.backward(Z, dY)

    def test_losses(self):
        for name in LOSSES:
            loss = initialize_loss(name)
            for label_dtype in DTYPES:
                Y, Y_hat = labels_and_predictions(name, "float32", label_dtype)
                with self.subTest(name, labels=label_dtype), unchanged(Y, Y_hat):
                    pair = PAIRS.get((type(loss), loss.output_activation))
                    logit_passes = () if pair is None else (pair.forward, pair.backward)
                    for method in (loss.forward, loss.backward, loss.error, *logit_passes):
                        once = method(read_only(Y), read_only(Y_hat))
                        np.testing.assert_array_equal(method(Y, Y_hat), once)
                    loss.check(Y, Y_hat)

    def test_layers(self):
        for dtype in DTYPES:
            for layer, X in layers(dtype):
                X = X.astype(dtype)
                for key, value in layer.parameters.items():
                    layer.parameters[key] = read_only(value)
                with (
                    self.subTest(type(layer).__name__, dtype=dtype),
                    unchanged(X, *layer.parameters.values()),
                ):
                    Y = layer.forward(read_only(X))
                    dLdY = np.random.default_rng(4).random(Y.shape).astype(dtype)
                    found = layer.backward(read_only(dLdY)).copy()
                    with unchanged(dLdY):
                        layer.forward(X)
                        np.testing.assert_array_equal(layer.backward(dLdY), found)

    def test_gradients_do_not_add_up(self):
        """A second backward replaces the gradients of the first, in new arrays."""
        layer = dense("tanh")
        X, dLdY = np.ones((4, 3)), np.ones((4, 2))
        layer.forward(X)
        layer.backward(dLdY)
        first = dict(layer.gradients)
        copies = {key: value.copy() for key, value in first.items()}
        layer.backward(2 * dLdY)
        for key in ("W", "b"):
            np.testing.assert_array_equal(first[key], copies[key])
            np.testing.assert_allclose(layer.gradients[key], 2 * copies[key], rtol=1e-12)

    def test_optimizers(self):
        rng = np.random.default_rng(5)
        param, grad = rng.random((2, 3)), rng.random((2, 3))
        for name, optimizer in optimizers():
            for epoch in range(3):
                with self.subTest(name, epoch=epoch), unchanged(param, grad):
                    step = optimizer.update("W", read_only(param), read_only(grad), epoch)
                    again = optimizer.update("W", param, grad, epoch)
                    for array in (step, again):
                        self.assertFalse(np.shares_memory(array, grad))
                        self.assertFalse(np.shares_memory(array, param))

    def test_gradients_clipped_together(self):
        gradients = [np.ones((2, 3)), np.ones(4)]
        optimizer = initialize_optimizer("SGD", 0.1, clip_global_norm=0.1)
        with unchanged(*gradients):
            found = optimizer.clip_by_global_norm([read_only(g) for g in gradients])
            again = optimizer.clip_by_global_norm(gradients)
        for g, first, second in zip(gradients, found, again, strict=True):
            self.assertFalse(np.shares_memory(g, second))
            np.testing.assert_array_equal(first, second)


class TestRandomness(unittest.TestCase):
    def test_with_a_generator_global_state_is_left_alone(self):
        # The state that nothing may touch.
        before, seen = np.random.get_state(), set()  # noqa: NPY002
        for name in WEIGHTS:
            initialize_weights(name, rng=5)((4, 5))
        for name in ACTIVATIONS:
            activation = initialize_activation(name)
            activation.backward(activation(np.ones((2, 2))), np.ones((2, 2)))
        for name in LOSSES:
            initialize_loss(name).backward(*labels_and_predictions(name, "float64", "float64"))
        weighted = {"n_out": 2, "activation": "relu"}
        for name, shape, arguments in (
            ("fully_connected", (3, 4), weighted),
            ("conv2d", (3, 4, 4, 2), weighted | {"kernel_shape": 3}),
            ("pool2d", (3, 4, 4, 2), {"kernel_shape": 2}),
            ("flatten", (3, 4), {}),
            ("elman", (3, 4, 5), weighted),
            ("dropout", (3, 4), {}),
            ("batch_norm", (3, 4), {"activation": "relu"}),
            ("layer_norm", (3, 4), {"activation": "relu"}),
            ("residual", (3, 2), {"layers": [{"name": "fully_connected", **weighted}]}),
        ):
            layer = initialize_layer(name, rng=5, **arguments)
            for ending in ("", "_faster"):
                Y = getattr(layer, f"forward{ending}")(np.ones(shape))
                getattr(layer, f"backward{ending}")(Y)
            seen.add(name)
        self.assertEqual(seen, set(LAYERS))
        for _, optimizer in optimizers():
            optimizer.update("W", np.ones(3), np.ones(3), 1)
        after = np.random.get_state()  # noqa: NPY002
        np.testing.assert_array_equal(after[1], before[1])
        self.assertEqual(after[2:], before[2:])

    def test_global_seed_has_no_say(self):
        found = []
        for seed in range(2):
            before = np.random.get_state()  # noqa: NPY002
            np.random.seed(seed)  # noqa: NPY002, must not make the two differ
            found.append(initialize_weights("normal", rng=5)((5, 5)))
            np.random.set_state(before)  # noqa: NPY002
        np.testing.assert_array_equal(*found)

    @given(st.sampled_from(sorted(WEIGHTS)), seeds)
    def test_same_seed_same_weights(self, name, seed):
        by_seed = initialize_weights(name, rng=seed)((3, 4))
        by_generator = initialize_weights(name, rng=np.random.default_rng(seed))((3, 4))
        np.testing.assert_array_equal(by_seed, by_generator)

    def test_other_seed_other_weights(self):
        fixed = {"zeros", "ones", "identity", "constant"}
        for name in set(WEIGHTS) - fixed:
            one, other = (initialize_weights(name, rng=seed)((6, 6)) for seed in (1, 2))
            self.assertFalse(np.array_equal(one, other), name)

    def test_second_draw_differs_from_the_first(self):
        draw = initialize_weights("normal", rng=1)
        self.assertFalse(np.array_equal(draw((4, 4)), draw((4, 4))))

    def test_layers_draw_from_their_own_generator(self):
        X = np.ones((2, 3))
        for kind, batch in ((FullyConnected, X), (Elman, X[:, :, np.newaxis])):
            outputs = [kind(4, "linear", rng=seed).forward(batch) for seed in (1, 1, 2)]
            np.testing.assert_array_equal(outputs[0], outputs[1])
            self.assertFalse(np.array_equal(outputs[0], outputs[2]))

    def test_both_types_draw_the_same_weights(self):
        """A float32 network starts where the float64 one starts, to rounding."""
        for name in WEIGHTS:
            small, large = (initialize_weights(name, rng=9, dtype=t)((5, 4)) for t in DTYPES)
            np.testing.assert_array_equal(small, large.astype(np.float32), err_msg=name)
