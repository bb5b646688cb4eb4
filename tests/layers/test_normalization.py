"""Batch and layer normalization: values and gradients, against PyTorch and differences."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.activations import ACTIVATIONS
from neural_networks.layers import BatchNorm, LayerNorm, initialize_layer
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import (
    KINKED,
    activation_names,
    direction_error,
    dtypes,
    float_arrays,
    load_oracle,
    seeds,
    sizes,
)
from tests.support.normalization_cases import (
    AXES,
    NORMALIZATIONS,
    OWN,
    SHAPES,
    checks_of,
    run,
    with_parameters,
)

KINDS = {"batch_norm": BatchNorm, "layer_norm": LayerNorm}


def case_of(data, case):
    """The arrays of one case of the oracle's file."""
    return {key.split("/")[1]: value for key, value in data.items() if key.startswith(f"{case}/")}


def features_last(X):
    return X.transpose(0, 2, 1) if X.ndim == 3 else X


class TestAgainstPyTorch(unittest.TestCase):
    def test_every_case(self):
        data = load_oracle("normalization")
        self.assertEqual({key.split("/")[0] for key in data}, set(NORMALIZATIONS))
        for case, (args, shape) in NORMALIZATIONS.items():
            expected, layer = case_of(data, case), initialize_layer(**args)
            X, dLdY = expected.pop("X"), expected.pop("dLdY")
            self.assertEqual(X.shape, shape)
            layer._init_parameters(shape)
            for name in ("gamma", "beta"):
                layer.parameters[name] = expected.pop(name)
            found = run(layer, X, dLdY)
            self.assertEqual(set(found), set(expected))
            for name, value in expected.items():
                np.testing.assert_allclose(
                    found[name].reshape(value.shape),
                    value,
                    rtol=1e-9,
                    atol=1e-13,
                    err_msg=f"{name} of {case}",
                )

    def test_moving_averages_step_by_step(self):
        data = load_oracle("moving_averages")
        for kind in SHAPES:
            for suffix, options in (("", {}), ("_own", OWN["batch_norm"])):
                expected, layer = case_of(data, kind + suffix), BatchNorm("linear", **options)
                *batches, last = expected["X"]
                layer._init_parameters(last.shape)
                for name in ("gamma", "beta"):
                    layer.parameters[name] = expected[name]
                for i, batch in enumerate(batches):
                    layer.forward(batch)
                    for name, value in layer.buffers.items():
                        where = f"{name} of {kind}{suffix} after batch {i}"
                        np.testing.assert_allclose(
                            value, expected[name][i], rtol=1e-12, err_msg=where, strict=True
                        )
                layer.training = False
                Y = layer.forward(last)
                np.testing.assert_allclose(Y, expected["Y"], rtol=1e-11, atol=1e-13, strict=True)


class TestByHand(unittest.TestCase):
    def test_batch_norm(self):
        """Features (0, 2) and (-3, 3), with means 1 and 0, variances 1 and 9, unbiased 2 and 18."""
        layer = BatchNorm(epsilon=7.0)
        Y = layer.forward(np.array([[0.0, -3.0], [2.0, 3.0]]))
        np.testing.assert_allclose(Y, [[-1 / 8**0.5, -0.75], [1 / 8**0.5, 0.75]], rtol=1e-15)
        np.testing.assert_allclose(layer.buffers["running_mean"], [[0.1, 0]], rtol=1e-14)
        np.testing.assert_allclose(layer.buffers["running_var"], [[1.1, 2.7]], rtol=1e-14)
        layer.training = False
        layer.buffers["running_mean"] = np.array([[1.0, -2.0]])
        layer.buffers["running_var"] = np.array([[2.0, 93.0]])
        Y = layer.forward(np.array([[4.0, 8.0]]))
        np.testing.assert_allclose(Y, [[1.0, 1.0]], rtol=1e-15)

    def test_layer_norm(self):
        """An example (1, 5, 0) has mean 2 and variance 14/3."""
        layer = LayerNorm(epsilon=13 / 3)
        Y = layer.forward(np.array([[1.0, 5.0, 0.0], [4.0, 4.0, 4.0]]))
        np.testing.assert_allclose(Y, [[-1 / 3, 1, -2 / 3], [0, 0, 0]], atol=1e-15)
        layer.parameters["gamma"] = np.array([[3.0, 1.0, 6.0]])
        layer.parameters["beta"] = np.array([[1.0, 1.0, 4.0]])
        Y = layer.forward(np.array([[1.0, 5.0, 0.0]]))
        np.testing.assert_allclose(Y, [[0, 2, 0]], atol=1e-15)

    def test_default_epsilon_is_1e_minus_5(self):
        X = np.array([[0.0, 2e-3], [2e-3, 0.0]])
        for layer in (BatchNorm(), LayerNorm()):
            np.testing.assert_allclose(np.abs(layer.forward(X)), (1e-6 / 1.1e-5) ** 0.5)

    def test_the_activation_comes_last(self):
        X = np.random.default_rng(0).standard_normal((5, 4))
        for kind in KINDS.values():
            Z = kind().forward(X)
            np.testing.assert_array_equal(kind("relu").forward(X), np.maximum(Z, 0))
        for shape, axis in (((5, 4), 1), ((5, 4, 3), 1), ((5, 4, 3, 2), 3)):
            for kind in KINDS.values():
                Y = kind("softmax").forward(np.random.default_rng(0).standard_normal(shape))
                np.testing.assert_allclose(Y.sum(axis=axis), 1, rtol=1e-14)


class TestMoments(unittest.TestCase):
    @given(st.sampled_from(list(SHAPES)), seeds)
    def test_mean_0_and_variance_1(self, kind, seed):
        rng = np.random.default_rng(seed)
        X = 3 * rng.standard_normal(SHAPES[kind]) + 5
        Y = BatchNorm(epsilon=1e-9).forward(X)
        np.testing.assert_allclose(Y.mean(axis=AXES[X.ndim]), 0, atol=1e-13)
        np.testing.assert_allclose(Y.var(axis=AXES[X.ndim]), 1, rtol=1e-6)
        Y = features_last(LayerNorm(epsilon=1e-9).forward(X))
        np.testing.assert_allclose(Y.mean(axis=-1), 0, atol=1e-13)
        np.testing.assert_allclose(Y.var(axis=-1), 1, rtol=1e-4)

    def test_every_kind_is_rows_of_features(self):
        """Examples, steps and pixels alike: each is a row."""
        for shape in SHAPES.values():
            X = np.random.default_rng(1).standard_normal(shape)
            rows = features_last(X).reshape(-1, 4 if X.ndim < 4 else 3)
            for kind in KINDS.values():
                Y = features_last(kind().forward(X)).reshape(rows.shape)
                np.testing.assert_allclose(Y, kind().forward(rows), rtol=1e-12, atol=1e-14)

    def test_a_constant_feature_stays_finite(self):
        X = np.random.default_rng(2).standard_normal((6, 3))
        X[:, 1] = 1e4
        for dtype in ("float32", "float64"):
            layer = BatchNorm(dtype=dtype)
            with np.errstate(all="raise", under="ignore"):
                Y, dLdX = layer.forward(X.astype(dtype)), layer.backward(np.eye(6, 3, dtype=dtype))
            np.testing.assert_array_equal(Y[:, 1], 0)
            # Its gradient is divided by √ε; that of the mean is taken out.
            expected = (np.eye(6)[1] - 1 / 6) / 1e-5**0.5
            np.testing.assert_allclose(dLdX[:, 1], expected, rtol=1e-6)

    def test_equal_features_stay_finite(self):
        layer = LayerNorm()
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(layer.forward(np.full((3, 4), 7.0)), np.zeros((3, 4)))
            dLdX = layer.backward(np.eye(3, 4))
        np.testing.assert_allclose(dLdX, (np.eye(3, 4) - 0.25) / 1e-5**0.5, rtol=1e-12)

    def test_far_from_zero(self):
        """The mean is taken away before anything is squared, so that its size does not matter."""
        X = np.random.default_rng(3).integers(-8, 8, (50, 4)).astype("float32")
        for kind in KINDS.values():
            expected = kind(dtype="float32").forward(X)
            found = kind(dtype="float32").forward(X + 2**17)
            np.testing.assert_allclose(found, expected, atol=1e-2)


class TestCentralDifferences(unittest.TestCase):
    def check(self, layer, X, dLdY, bound):
        checks = checks_of(layer, X, run(layer, X, dLdY))
        self.assertEqual(set(checks), {"X", "gamma", "beta"})
        for name, (fn, gradient, value) in checks.items():
            with self.subTest(type(layer).__name__, shape=X.shape, of=name):
                self.assertLess(check_gradients(fn, gradient, value, dLdY), bound)

    def test_every_activation_and_kind_of_batch(self):
        for name in KINDS:
            for shape in SHAPES.values():
                for activation in ACTIVATIONS:
                    layer = with_parameters({"name": name, "activation": activation}, shape)
                    X, dLdY = self.numbers(layer, shape, activation)
                    self.check(layer, X, dLdY, 1e-7)

    def numbers(self, layer, shape, activation):
        """X and dL/dY, for which no pre-activation is near the kink of a ReLU."""
        for seed in range(1000):
            X, dLdY = np.random.default_rng(seed).standard_normal((2, *shape))
            layer.forward(X)
            if activation not in KINKED or np.abs(layer.cache["Z"]).min() > 1e-3:
                return X, dLdY
        raise AssertionError("every input that was tried meets a kink")

    def test_of_the_averages_there_are_no_gradients(self):
        """A layer that trains differentiates through mean and variance: Σ dL/dx = 0."""
        for name, axis in (("batch_norm", 0), ("layer_norm", 1)):
            layer = with_parameters({"name": name, **OWN[name]}, (7, 5))
            X, dLdY = np.random.default_rng(4).standard_normal((2, 7, 5))
            dLdX = run(layer, X, dLdY)["dLdX"]
            self.assertGreater(np.abs(dLdX).min(), 1e-4)
            np.testing.assert_allclose(dLdX.sum(axis=axis), 0, atol=1e-14)

    def test_one_of_each(self):
        for name, shapes in (
            ("batch_norm", ((2, 1), (1, 2, 3), (2, 1, 1), (1, 1, 2, 3), (2, 1, 1, 1))),
            ("layer_norm", ((1, 2), (1, 3, 1), (1, 1, 1, 2), (1, 2, 2, 3))),
        ):
            for shape in shapes:
                layer = with_parameters({"name": name, **OWN[name]}, shape)
                X, dLdY = np.random.default_rng(5).standard_normal((2, *shape))
                self.check(layer, X, dLdY, 1e-7)


class TestRandomDirections(unittest.TestCase):
    def test_bigger_batches(self):
        rng = np.random.default_rng(6)
        for name in KINDS:
            for shape in ((200, 300), (20, 100, 30), (16, 14, 14, 32)):
                for activation in ("linear", "tanh", "softmax", "gelu"):
                    layer = with_parameters({"name": name, "activation": activation}, shape)
                    X, dLdY = rng.standard_normal(shape), rng.standard_normal(shape)
                    checks = checks_of(layer, X, run(layer, X, dLdY))
                    for key, (fn, gradient, value) in checks.items():
                        with self.subTest(name, shape=shape, activation=activation, of=key):
                            error = direction_error(fn, gradient, value, dLdY, rng)
                            self.assertLess(error, 1e-6)


@st.composite
def batches(draw, dtype):
    """A batch of any kind with two rows or more; one of a few numbers, so that many are equal."""
    shape = draw(st.sampled_from([2, 3, 4]).flatmap(lambda n: st.tuples(*[sizes] * n)))
    shape = (max(2, shape[0]), *shape[1:])
    return draw(float_arrays(shape, draw(st.sampled_from([0.02, 2.0, 50.0])), dtype))


class TestAnyShapeAndValue(unittest.TestCase):
    @given(
        st.data(),
        st.sampled_from(sorted(KINDS)),
        activation_names.filter(lambda name: name not in KINKED),
        dtypes,
        st.sampled_from([0.1, 1.0, 10.0]),
        seeds,
    )
    def test_gradients(self, draw, name, activation, dtype, epsilon, seed):
        X = draw.draw(batches(dtype))
        args = {"name": name, "activation": activation, "epsilon": epsilon}
        exact = with_parameters(args, X.shape, seed=seed)
        layer = with_parameters(args, X.shape, dtype, seed=seed)
        dLdY = np.random.default_rng(seed).standard_normal(X.shape)
        found = run(layer, X, dLdY.astype(dtype))
        self.assertEqual({array.dtype for array in found.values()}, {np.dtype(dtype)})
        X = X.astype(np.float64)
        exact.forward(X)
        for key, (fn, gradient, value) in checks_of(exact, X, found).items():
            # A gradient may be 0 but for rounding. With the sum of all entries of the value added
            # to the loss, 1 is added to every gradient, and errors are measured beside that.
            dLdf = np.append(dLdY.ravel(), np.ones(value.size))
            error = check_gradients(
                lambda v, fn=fn: np.append(fn(v).ravel(), v.ravel()),
                gradient.astype(np.float64) + 1,
                value,
                dLdf,
            )
            self.assertLess(error, 1e-7 if dtype == "float64" else 1e-4, key)

    @given(batches("float64"), seeds)
    def test_values_number_by_number(self, X, seed):
        """By the definition: each column, or each row, by itself."""
        rows = features_last(X).reshape(-1, X.shape[1 if X.ndim == 3 else -1])
        for name, of in (("batch_norm", rows.T), ("layer_norm", rows)):
            layer = with_parameters({"name": name, "epsilon": 0.5}, X.shape, seed=seed)
            normal = []
            for numbers in of:
                mean = sum(numbers) / len(numbers)
                variance = sum((x - mean) ** 2 for x in numbers) / len(numbers)
                normal.append([(x - mean) / (variance + 0.5) ** 0.5 for x in numbers])
            X_hat = np.array(normal).T if name == "batch_norm" else np.array(normal)
            expected = X_hat * layer.parameters["gamma"] + layer.parameters["beta"]
            found = features_last(layer.forward(X)).reshape(rows.shape)
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


if __name__ == "__main__":
    unittest.main()
