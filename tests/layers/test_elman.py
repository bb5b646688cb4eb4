"""Recurrent layer: worked examples, PyTorch, vanishing and exploding gradients."""

import unittest

import numpy as np

from neural_networks.activations import ACTIVATIONS
from neural_networks.layers import Elman
from tests.support.arrays import load_oracle
from tests.support.elman_cases import PARAMETERS, ElmanPasses, as_array, elman


class TestByHand(ElmanPasses, unittest.TestCase):
    """A network of one unit, for an example of one feature."""

    def layer(self, activation, W, U, b, return_sequences=False):
        layer = Elman(1, activation, return_sequences=return_sequences)
        for name, value in (("W", W), ("U", U), ("b", b)):
            layer.parameters[name] = np.array([[value]])
        return layer

    def assert_found(self, found, **expected):
        for name, value in expected.items():
            np.testing.assert_allclose(np.ravel(found[name]), value, rtol=1e-15, err_msg=name)

    def test_linear_from_zero(self):
        """w = 2, u = 3, b = 1 and x = 1, -1, 2.

        s_1 = 2·1 + 3·0 + 1 = 3
        s_2 = 2·(-1) + 3·3 + 1 = 8
        s_3 = 2·2 + 3·8 + 1 = 29

        For dL/ds_3 = 5: dL/dz_3 = 5, dL/dz_2 = 3·5 = 15, dL/dz_1 = 3·15 = 45, dL/ds_0 = 135.
        dL/dw = 1·45 - 1·15 + 2·5 = 40
        dL/du = 0·45 + 3·15 + 8·5 = 85
        dL/db = 45 + 15 + 5 = 65
        dL/dx = 2·45, 2·15, 2·5
        """
        layer = self.layer("linear", 2.0, 3.0, 1.0)
        found = self.found(layer, np.array([[[1.0, -1.0, 2.0]]]), np.array([[5.0]]))
        self.assert_found(found, Y=[29], dLdW=[40], dLdU=[85], dLdb=[65])
        self.assert_found(found, dLdX=[90, 30, 10], dLds_0=[135])
        self.assert_found(layer.cache, s=[0, 3, 8, 29], Z=[3, 8, 29], X=[1, -1, 2])

    def test_linear_with_a_loss_at_every_step(self):
        """The same layer from s_0 = -1, with dL/ds = 7, -4, 5 by the outputs alone.

        s_1 = 2 - 3 + 1 = 0, s_2 = -2 + 0 + 1 = -1, s_3 = 4 - 3 + 1 = 2

        dL/dz_3 = 5, dL/dz_2 = -4 + 3·5 = 11, dL/dz_1 = 7 + 3·11 = 40, dL/ds_0 = 3·40 = 120
        dL/dw = 1·40 - 1·11 + 2·5 = 39
        dL/du = -1·40 + 0·11 - 1·5 = -45
        dL/db = 40 + 11 + 5 = 56
        """
        layer = self.layer("linear", 2.0, 3.0, 1.0, return_sequences=True)
        layer.initial_state = np.array([[-1.0]])
        X, dLdY = np.array([[[1.0, -1.0, 2.0]]]), np.array([[[7.0, -4.0, 5.0]]])
        found = self.found(layer, X, dLdY)
        self.assert_found(found, Y=[0, -1, 2], dLdW=[39], dLdU=[-45], dLdb=[56])
        self.assert_found(found, dLdX=[80, 22, 10], dLds_0=[120])

    def test_tanh(self):
        """w = 1/2, u = 2, b = ln 2 and x = 0, -2 ln 2; tanh(ln a) = (a² - 1) / (a² + 1).

        z_1 = ln 2, so s_1 = 3/5 and the slope there is 1 - 9/25 = 16/25.
        z_2 = -ln 2 + 2·3/5 + ln 2 = 6/5; its slope is k = 1 - tanh²(6/5).

        For dL/ds_2 = 1: dL/dz_2 = k, dL/ds_1 = 2k, dL/dz_1 = 32k/25, dL/ds_0 = 64k/25.
        dL/dw = 0 - 2 ln 2 · k, dL/du = 3/5 · k, dL/db = 57k/25, dL/dx = 16k/25, k/2
        """
        layer = self.layer("tanh", 0.5, 2.0, np.log(2))
        found = self.found(layer, np.array([[[0.0, -2 * np.log(2)]]]), np.array([[1.0]]))
        k = 1 - np.tanh(1.2) ** 2
        self.assert_found(layer.cache, s=[0, 0.6, np.tanh(1.2)], Z=[np.log(2), 1.2])
        self.assert_found(found, Y=[np.tanh(1.2)], dLdW=[-2 * np.log(2) * k], dLdU=[0.6 * k])
        self.assert_found(found, dLdb=[57 / 25 * k], dLdX=[16 / 25 * k, k / 2])
        self.assert_found(found, dLds_0=[64 / 25 * k])

    def test_two_units_that_only_hand_on(self):
        """The places of W and U: an input goes to unit 0, then to unit 1.

        W = (1, 0) and U = ((0, 1), (0, 0)), so s_t = (x_t, x_{t-1}), and a gradient on unit 1 goes
        to the input one step earlier.
        """
        layer = Elman(2, "linear", return_sequences=True)
        layer.parameters["W"] = np.array([[1.0, 0.0]])
        layer.parameters["U"] = np.array([[0.0, 1.0], [0.0, 0.0]])
        layer.parameters["b"] = np.zeros((1, 2))
        layer.initial_state = np.array([[9.0, 0.0]])
        dLdY = np.array([[[0.0, 0.0, 0.0], [10.0, 20.0, 30.0]]])
        found = self.found(layer, np.array([[[1.0, 2.0, 3.0]]]), dLdY)
        np.testing.assert_array_equal(found["Y"], [[[1, 2, 3], [9, 1, 2]]])
        np.testing.assert_array_equal(found["dLdX"], [[[20, 30, 0]]])
        np.testing.assert_array_equal(found["dLds_0"], [[10, 0]])
        # dL/dz = (20, 10), (30, 20), (0, 30), the states before: (9, 0), (1, 9), (2, 1).
        np.testing.assert_array_equal(found["dLdU"], [[210, 170], [270, 210]])
        np.testing.assert_array_equal(found["dLdW"], [[20 + 60, 10 + 40 + 90]])
        np.testing.assert_array_equal(found["dLdb"], [[50, 60]])


class OracleTestCase(ElmanPasses, unittest.TestCase):
    def assert_close(self, actual, expected, what):
        """Every number, and then the whole, to a relative error of 1e-10.

        dL/dX and the states are looked at step by step, or large ones would hide small ones.
        """
        np.testing.assert_allclose(
            actual, expected, rtol=1e-10, atol=1e-14, strict=True, err_msg=what
        )
        steps = (0, 1) if actual.ndim == 3 else None
        error = np.linalg.norm(actual - expected, axis=steps)
        size = np.linalg.norm(expected, axis=steps)
        self.assertTrue(np.all(error <= 1e-10 * size), f"{what}: {error} of {size}")


class TestAgainstPyTorch(OracleTestCase):
    def cases(self, data):
        """(activation, start, output, t) of all cases in the file."""
        names = [key.removeprefix("dLdX_") for key in data if key.startswith("dLdX_")]
        return [(*name.rsplit("_", 3)[:3], int(name.rsplit("_", 1)[1])) for name in names]

    def layer(self, data, activation, start, output):
        layer = Elman(5, activation, return_sequences=output == "all")
        layer.parameters["W"], layer.parameters["b"] = data["W"], data["b"]
        layer.parameters["U"] = data[f"U_{activation}"]
        layer.initial_state = data["s_0"] if start == "given" else None
        return layer

    def test_every_case(self):
        data = load_oracle("elman")
        for activation, start, output, t in self.cases(data):
            layer = self.layer(data, activation, start, output)
            states, dLdY = data[f"Y_{activation}_{start}"][:, :, :t], data["dLdY"][:, :, :t]
            whole = output == "all"
            found = self.found(layer, data["X"][:, :, :t], dLdY if whole else dLdY[:, :, -1])
            with self.subTest(activation, start=start, output=output, t=t):
                self.assert_close(found.pop("Y"), states if whole else states[:, :, -1], "Y")
                self.assert_close(np.stack(layer.cache["s"][1:], axis=2), states, "states")
                self.assertEqual(len(found), 5)
                for name, value in found.items():
                    self.assert_close(
                        value, data[f"{name}_{activation}_{start}_{output}_{t}"], name
                    )

    def test_the_file_has_all_that_it_should(self):
        """The data covers all of these, also after its writer is edited."""
        data = load_oracle("elman")
        cases = set(self.cases(data))
        # Those that came later are checked by differences alone, in test_elman_gradients.
        for activation in set(ACTIVATIONS) - {"elu", "gelu", "softplus"}:
            for start in ("zeros", "given"):
                for output in ("last", "all"):
                    found = {t for *case, t in cases if case == [activation, start, output]}
                    modules = activation in ("tanh", "relu")
                    self.assertEqual(found, {1, 2, 20, 50, 100} if modules else {1, 2, 20})
        self.assertEqual(len(cases), 100)
        # 1e-14 counts for nothing beside them, and no step is next to the kink of a ReLU.
        for activation, start, output, t in cases:
            gradient = data[f"dLdX_{activation}_{start}_{output}_{t}"]
            sizes = np.linalg.norm(gradient, axis=(0, 1))
            self.assertTrue(1e-6 < sizes.min() <= sizes.max() < 1e2, (activation, t, sizes))
            if "relu" in activation:
                layer = self.layer(data, activation, start, output)
                self.forward(layer, data["X"][:, :, :t])
                self.assertGreater(np.abs(layer.cache["Z"]).min(), 1e-6)

    def test_two_layers(self):
        data = load_oracle("elman_stacked")
        for activation in ("tanh", "relu"):
            for output in ("last", "all"):
                below = Elman(5, activation, return_sequences=True)
                above = Elman(5, activation, return_sequences=output == "all")
                for i, layer in enumerate((below, above)):
                    layer.parameters.update({name: data[f"{name}_{i}"] for name in PARAMETERS})
                    layer.initial_state = data[f"s_0_{i}"]
                whole = output == "all"
                dLdY = data["dLdY"] if whole else data["dLdY"][:, :, -1]
                first = self.forward(below, data["X"])
                found_1 = self.found(above, first, dLdY)
                found_0 = self.found(below, data["X"], found_1.pop("dLdX"))
                states = data[f"Y_1_{activation}_{output}"]
                with self.subTest(activation, output=output):
                    Y = found_1.pop("Y")
                    self.assert_close(Y, states if whole else states[:, :, -1], "Y")
                    del found_0["Y"]
                    self.assertEqual((len(found_0), len(found_1)), (5, 4))
                    for i, found in enumerate((found_0, found_1)):
                        for name, value in found.items():
                            expected = data[f"{name}_{i}_{activation}_{output}"]
                            self.assert_close(value, expected, f"{name} of layer {i}")


class TestManySteps(ElmanPasses, unittest.TestCase):
    """With σ(z) = z and U = ρQ for an orthogonal Q, a step back multiplies a gradient's norm by ρ.

    So a gradient vanishes for ρ < 1 and explodes for ρ > 1, exponentially.
    """

    def gradients(self, rho, T=40, n=6):
        rng = np.random.default_rng(3)
        Q, W = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
        layer = Elman(n, "linear")
        layer.parameters["W"], layer.parameters["U"] = W, rho * Q
        layer.parameters["b"] = rng.standard_normal((1, n))
        self.forward(layer, rng.standard_normal((3, n, T)))
        dLdY = rng.standard_normal((3, n))
        return layer, as_array(self.backward(layer, dLdY)), np.linalg.norm(dLdY, axis=1)

    def test_norms(self):
        T = 40
        for rho in (0.5, 1.0, 1.5):
            layer, dLdX, norms = self.gradients(rho, T)
            self.assertEqual(dLdX.shape, (3, 6, T))
            for t in range(1, T + 1):
                found = np.linalg.norm(dLdX[:, :, t - 1], axis=1)
                np.testing.assert_allclose(found, rho ** (T - t) * norms, rtol=1e-12)
            start = np.linalg.norm(layer.initial_state_gradient, axis=1)
            np.testing.assert_allclose(start, rho**T * norms, rtol=1e-12)

    def test_a_hundred_steps_of_float32(self):
        """They vanish to numbers that are next to nothing, neither NaN nor a warning."""
        layer = elman(3, 5, "tanh", dtype="float32")
        layer.parameters["U"] /= 4
        self.forward(layer, np.ones((2, 3, 100), np.float32))
        with np.errstate(all="raise", under="ignore"):
            dLdX = as_array(self.backward(layer, np.ones((2, 5), np.float32)))
        norms = np.linalg.norm(dLdX.astype(np.float64), axis=(0, 1))
        self.assertGreater(norms[-1], 0.1)
        self.assertLess(norms[0], 1e-30)


class TestByHandFaster(TestByHand):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestAgainstPyTorchFaster(TestAgainstPyTorch):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestManyStepsFaster(TestManySteps):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


if __name__ == "__main__":
    unittest.main()
