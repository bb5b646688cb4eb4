"""Residual blocks: values and gradients, by hand, against PyTorch and differences."""

import unittest

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neural_networks.layers import Residual, initialize_layer
from neural_networks.models import initialize_model
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import (
    direction_error,
    dtypes,
    float_arrays,
    load_oracle,
    seeds,
    sizes,
    step,
)
from tests.support.normalization_cases import (
    BLOCKS,
    LAYER_NORM,
    NETWORK,
    OPTIMIZER,
    checks_of,
    conv,
    dense,
    residual,
    run,
    with_parameters,
)

# Without a kink, so that differences can be taken anywhere.
SMOOTH_NORM = {"name": "batch_norm", "activation": "gelu"}
ELMAN = {"name": "elman", "n_out": 4, "return_sequences": True}
DROPOUT = {"name": "dropout", "p": 0.25, "seed": 3}
SMOOTH = {
    "dense": BLOCKS["dense"],
    "tanh": (residual(dense(3), dense(4), activation="tanh"), (5, 4)),
    "softmax": BLOCKS["dense_softmax"],
    "sequence": BLOCKS["sequence"],
    "sequence_softmax": BLOCKS["sequence_softmax"],
    "elman": (residual(ELMAN, dense(4), activation="elu"), (3, 4, 5)),
    "elman_last": (residual(dense(4), ELMAN), (3, 4, 5)),
    "conv": (residual(conv(2), SMOOTH_NORM, conv(3), activation="gelu"), (2, 4, 3, 3)),
    "conv_softmax": (residual(conv(3), activation="softmax"), (2, 3, 4, 3)),
    "pool": (
        residual({"name": "pool2d", "kernel_shape": 3, "pad": 1, "mode": "average"}, conv(2)),
        (2, 3, 4, 2),
    ),
    "norms": (residual(SMOOTH_NORM, dense(4), LAYER_NORM), (6, 4)),
    "dropout": (residual(DROPOUT, dense(4), DROPOUT, dense(4)), (6, 4)),
    "dropout_alone": (residual(DROPOUT, activation="tanh"), (6, 4)),
    "nested": (residual(residual(dense(3), dense(4), activation="tanh"), dense(4)), (5, 4)),
    "nested_last": (residual(dense(4), residual(SMOOTH_NORM, residual(dense(4)))), (5, 4)),
}


class TestAgainstPyTorch(unittest.TestCase):
    def test_every_block(self):
        data = load_oracle("residual")
        self.assertEqual({key.split("/")[0] for key in data}, set(BLOCKS))
        for case, (args, shape) in BLOCKS.items():
            expected = {
                key.split("/")[1]: value
                for key, value in data.items()
                if key.startswith(f"{case}/")
            }
            layer = initialize_layer(**args)
            layer._init_parameters(shape)
            for name in layer.parameters:
                layer.parameters[name] = expected.pop(name)
            found = run(layer, expected.pop("X"), expected.pop("dLdY"))
            self.assertEqual(set(found), set(expected))
            for name, value in expected.items():
                what = f"{name} of {case}"
                np.testing.assert_allclose(
                    found[name], value, rtol=1e-9, atol=1e-13, err_msg=what, strict=True
                )

    def test_a_network_that_trains(self):
        data = load_oracle("residual_network")
        model = initialize_model("network", "cross_entropy", NETWORK, OPTIMIZER)
        X, Y = data["X"], data["Y"]
        model.create_parameters(X.shape[1:])
        for key, value in self.arrays(model):
            self.assertEqual(value.shape, data[f"start/{key}"].shape)
        for key, layer, name in list(model.parameters()):
            layer.parameters[name] = data[f"start/{key}"]
        losses = [step(model, X, Y) for _ in range(4)]
        np.testing.assert_allclose(losses, data["losses"], rtol=1e-9)
        found = dict(self.arrays(model))
        self.assertEqual({f"after/{key}" for key in found}, {k for k in data if "after/" in k})
        for key, value in found.items():
            expected = data[f"after/{key}"]
            np.testing.assert_allclose(value, expected, rtol=1e-8, atol=1e-12, err_msg=key)

    def arrays(self, model):
        for number, layer in enumerate(model.layers, start=1):
            for name, value in {**layer.parameters, **layer.buffers}.items():
                yield f"layer{number}.{name}", value


class TestByHand(unittest.TestCase):
    def block(self, activation="linear"):
        """F(X) = X W + b with W = ((2, 0), (1, -1)) and b = (0, 10)."""
        layer = Residual([dense(2, "linear")], activation)
        layer._init_parameters((-1, 2))
        layer.parameters["1.W"] = np.array([[2.0, 0.0], [1.0, -1.0]])
        layer.parameters["1.b"] = np.array([[0.0, 10.0]])
        return layer

    def test_a_way_through_and_a_way_around(self):
        """x = (1, 3): F(x) = (5, 7), and y = (6, 10)."""
        layer = self.block()
        np.testing.assert_array_equal(layer.forward(np.array([[1.0, 3.0]])), [[6.0, 10.0]])
        # (1, 0) goes back through W as (2, 1), and around it as it is.
        np.testing.assert_array_equal(layer.backward(np.array([[1.0, 0.0]])), [[3.0, 1.0]])
        np.testing.assert_array_equal(layer.gradients["1.W"], [[1.0, 0.0], [3.0, 0.0]])
        np.testing.assert_array_equal(layer.gradients["1.b"], [[1.0, 0.0]])

    def test_the_activation_of_the_sum(self):
        """x = (-5, 3): F(x) = (-7, 7), x + F(x) = (-12, 10), and a ReLU stops the first of them."""
        layer = self.block("relu")
        np.testing.assert_array_equal(layer.forward(np.array([[-5.0, 3.0]])), [[0.0, 10.0]])
        np.testing.assert_array_equal(layer.backward(np.array([[1.0, 1.0]])), [[0.0, 0.0]])
        np.testing.assert_array_equal(layer.gradients["1.b"], [[0.0, 1.0]])

    def test_of_a_block_of_zeros_the_input_is_left(self):
        for args, shape in BLOCKS.values():
            layer, X = initialize_layer(**args), np.random.default_rng(0).standard_normal(shape)
            layer._init_parameters(shape)
            for name, value in layer.parameters.items():
                layer.parameters[name] = np.zeros_like(value)
            if args.get("activation") != "softmax":
                np.testing.assert_array_equal(layer.forward(X), layer.activation(X))

    def test_softmax_goes_over_the_features(self):
        for case, axis in (("softmax", 1), ("sequence_softmax", 1), ("conv_softmax", 3)):
            args, shape = SMOOTH[case]
            X = np.random.default_rng(0).standard_normal(shape)
            Y = with_parameters(args, shape).forward(X)
            np.testing.assert_allclose(Y.sum(axis=axis), 1, rtol=1e-12, err_msg=case)

    def test_layers_by_themselves(self):
        """The block computes what its layers compute, one after the other."""
        args, shape = SMOOTH["conv"]
        block = with_parameters(args, shape)
        X = F = np.random.default_rng(1).standard_normal(shape)
        for number, inner in enumerate(args["layers"], start=1):
            layer = initialize_layer(**inner)
            layer._init_parameters(F.shape)
            for name in layer.parameters:
                layer.parameters[name] = block.parameters[f"{number}.{name}"]
            F = layer.forward(F)
        np.testing.assert_allclose(block.forward(X), block.activation(X + F), rtol=1e-12)


class TestCentralDifferences(unittest.TestCase):
    def test_every_block(self):
        rng = np.random.default_rng(2)
        for case, (args, shape) in SMOOTH.items():
            layer = with_parameters(args, shape)
            X, dLdY = rng.standard_normal((2, *shape))
            checks = checks_of(layer, X, run(layer, X, dLdY))
            self.assertEqual(set(checks), {"X", *layer.parameters})
            for name, (fn, gradient, value) in checks.items():
                with self.subTest(case, of=name):
                    # Biases before a normalization have no effect, and a gradient of 0.
                    if case == "conv" and name == "1.b":
                        np.testing.assert_allclose(gradient, 0, atol=1e-12)
                        continue
                    self.assertLess(check_gradients(fn, gradient, value, dLdY, h=1e-5), 1e-7)

    def test_every_parameter_has_a_part_in_it(self):
        found = {
            name
            for args, shape in SMOOTH.values()
            for name in with_parameters(args, shape).parameters
        }
        expected = {"1.W", "1.b", "2.W", "1.U", "2.U", "1.gamma", "2.1.gamma", "2.2.1.W", "1.2.b"}
        self.assertLessEqual(expected, found)


class TestRandomDirections(unittest.TestCase):
    def test_bigger_blocks(self):
        rng = np.random.default_rng(3)
        norm = SMOOTH_NORM
        for args, shape in (
            (residual(dense(200), norm, dense(100, "linear"), activation="tanh"), (80, 100)),
            (residual(LAYER_NORM, dense(60), DROPOUT, dense(40, "gelu")), (20, 40, 12)),
            (residual(conv(8), norm, conv(16), norm, activation="softplus"), (6, 12, 10, 16)),
            (residual(norm, conv(6), residual(conv(12), conv(6)), conv(8)), (6, 10, 10, 8)),
        ):
            layer = with_parameters(args, shape)
            X, dLdY = rng.standard_normal(shape), rng.standard_normal(shape)
            checks = checks_of(layer, X, run(layer, X, dLdY))
            for name, (fn, gradient, value) in checks.items():
                if np.abs(gradient).max() < 1e-9:  # that of biases before a normalization
                    self.assertTrue(name.endswith(".b"))
                    continue
                with self.subTest(shape, of=name):
                    self.assertLess(direction_error(fn, gradient, value, dLdY, rng), 1e-6)


@st.composite
def blocks(draw):
    """A block of one to three layers, or of these and a block of them; a batch, and dL/dY."""
    d, dtype = draw(sizes), draw(dtypes)
    kind = draw(st.sampled_from(["rows", "sequence", "images"]))
    sigma = st.sampled_from(["linear", "tanh", "sigmoid", "gelu", "softplus", "softmax"])
    inner = [{"name": name, "epsilon": 1.0} for name in ("layer_norm", "batch_norm")]
    inner += [DROPOUT] if dtype == "float64" else []  # float32 has other masks
    last = conv(d, draw(sigma)) if kind == "images" else dense(d, draw(sigma))
    layers = [*draw(st.lists(st.sampled_from(inner), max_size=2)), last]
    if draw(st.booleans()):
        layers = [*layers, residual(*layers, activation=draw(sigma))]
    size = {"rows": (), "sequence": (draw(sizes),), "images": (draw(sizes), draw(sizes))}[kind]
    shape = (draw(st.integers(2, 4)), *((*size, d) if kind == "images" else (d, *size)))
    X = draw(float_arrays(shape, 2.0, dtype))
    return residual(*layers, activation=draw(sigma)), X


class TestAnyShapeAndValue(unittest.TestCase):
    @settings(max_examples=25)
    @given(blocks(), seeds)
    def test_gradients(self, block, seed):
        args, X = block
        exact, layer = (with_parameters(args, X.shape, t, seed) for t in ("float64", X.dtype.name))
        dLdY = np.random.default_rng(seed).standard_normal(X.shape)
        found = run(layer, X, dLdY.astype(X.dtype))
        self.assertEqual({array.dtype for array in found.values()}, {X.dtype})
        bound = 1e-7 if X.dtype == np.float64 else 1e-3
        X = X.astype(np.float64)
        exact.forward(X)
        for key, (fn, gradient, value) in checks_of(exact, X, found).items():
            # Measured beside the 1 that the sum of the value's entries adds to every gradient.
            error = check_gradients(
                lambda v, fn=fn: np.append(fn(v).ravel(), v.ravel()),
                gradient.astype(np.float64) + 1,
                value,
                np.append(dLdY.ravel(), np.ones(value.size)),
            )
            self.assertLess(error, bound, key)


if __name__ == "__main__":
    unittest.main()
