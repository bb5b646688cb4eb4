"""The OCR assignment's written part: convolution arithmetic, a graph and modules by hand.

CMU 10-301/601, Spring 2021, homework 5. Its recurrent network is in ``test_many_to_many.py``.
The library is compared with plain Python, finite differences, and formulas derived by hand.
"""

import math
import unittest
from functools import partial
from types import SimpleNamespace

import numpy as np

from neural_networks.activations import Activation, Sigmoid, SoftMax
from neural_networks.layers import Conv2D, FullyConnected
from neural_networks.losses import CrossEntropy
from neural_networks.models import NeuralNetwork
from neural_networks.utils.grad_check import compare_gradients
from tests.layers import test_convolution
from tests.support import normalization_cases
from tests.support.arrays import dense

IMAGE, KERNEL = test_convolution.IMAGE.tolist(), test_convolution.EDGES.tolist()


def plain_convolution(image, kernel, stride):
    """The kernel on every window, by loops over lists."""
    k1, k2 = len(kernel), len(kernel[0])
    rows, columns = len(image) - k1 + 1, len(image[0]) - k2 + 1

    def at(r, c):
        return sum(kernel[i][j] * image[r + i][c + j] for i in range(k1) for j in range(k2))

    return [[at(r, c) for c in range(0, columns, stride)] for r in range(0, rows, stride)]


def convolve(image, kernel, stride=1):
    """The same by Conv2D, whose two implementations must agree."""
    W = np.array(kernel, dtype=float)[:, :, np.newaxis, np.newaxis]
    layer = Conv2D(1, W.shape[:2], "linear", stride=stride, pad="valid")
    layer.parameters.update(W=W, b=np.zeros((1, 1)))
    X = np.array(image, dtype=float)[np.newaxis, :, :, np.newaxis]
    Y = layer.forward(X)
    np.testing.assert_allclose(layer.forward_faster(X), Y, rtol=1e-12, atol=1e-12)
    return Y[0, :, :, 0]


class TestConvolutionArithmetic(unittest.TestCase):
    def test_the_sixteen_values(self):
        """Each is nine times the middle pixel, less the sum of its window."""
        expected = [[68, 23, 30, -24], [-54, -19, 0, 6], [38, 8, -17, 27], [20, -47, -19, -13]]
        self.assertEqual(plain_convolution(IMAGE, KERNEL, 1), expected)
        Y = convolve(IMAGE, KERNEL)
        np.testing.assert_array_equal(Y, np.array(expected, dtype=float), strict=True)
        self.assertEqual(dict(zip("abcdefghijklmnop", Y.ravel(), strict=True))["j"], 8)

    def test_output_sizes(self):
        cases = {(6, 4, 2, 2): (3, 2), (22, 22, 4, 2): (10, 10), (40, 40, 4, 2): (19, 19)}
        # In the last of these, the last row and the last column are in no window.
        cases |= {(6, 6, 3, 1): (4, 4), (7, 5, 2, 2): (3, 2)}
        for (height, width, k, stride), size in cases.items():
            image = [[(3 * r + c * c) % 11 for c in range(width)] for r in range(height)]
            kernel = [[2 * i - j * j + 1 for j in range(k)] for i in range(k)]
            Y = convolve(image, kernel, stride)
            self.assertEqual(Y.shape, size)
            np.testing.assert_array_equal(Y, plain_convolution(image, kernel, stride))

    def test_parameters_with_and_without_sharing(self):
        """Without sharing, each output has its own weight for each input that it depends on.

        These pairs are the nonzero entries of the Jacobian; its rows come from ``backward``.
        """
        for shape, shared, unshared in (((22, 22, 1), 16, 1_600), ((40, 40, 3), 48, 17_328)):
            layer = Conv2D(1, 4, "linear", stride=2, pad="valid")
            n_outputs = layer.forward(np.zeros((1, *shape))).size
            layer.parameters["W"] = np.ones((4, 4, shape[2], 1))
            Y = layer.forward(np.zeros((n_outputs, *shape)))
            jacobian = layer.backward(np.eye(n_outputs).reshape(Y.shape))
            self.assertEqual(layer.parameters["W"].size, shared)
            self.assertEqual(np.count_nonzero(jacobian), unshared)

    def test_the_output_moves_with_the_image(self):
        """Equivariance: the output moves, too, and its maximum is unchanged."""
        canvas = np.zeros((14, 13))
        canvas[4:10, 4:10] = IMAGE
        Y = convolve(canvas, KERNEL)
        moved = convolve(np.roll(canvas, (2, 1), (0, 1)), KERNEL)
        np.testing.assert_array_equal(moved, np.roll(Y, (2, 1), (0, 1)))
        self.assertFalse(np.array_equal(moved, Y))
        self.assertEqual(moved.max(), Y.max())


def straight_line(v, **held):
    """Every node of the graph from its definition; ``held`` fixes the values of some.

    z1 = ReLU(a1), a1 = w11 x1 + w21 x2; z2 = w22 x2² + w32 x3 + b2; p1 = σ(m11 z1³ + c1);
    p2 = m12 sin z1 + m22 cos z2; J = ln (y1 - p1)² + ln (y2 - p2)². The course calls p ŷ.
    """
    n = SimpleNamespace(**v)
    n.a1 = held.get("a1", n.w11 * n.x1 + n.w21 * n.x2)
    n.z1 = held.get("z1", n.a1 if n.a1 > 0 else 0.0)
    n.z2 = held.get("z2", n.w22 * n.x2 * n.x2 + n.w32 * n.x3 + n.b2)
    n.p1 = held.get("p1", 1 / (1 + math.exp(-n.m11 * n.z1 * n.z1 * n.z1 - n.c1)))
    n.p2 = held.get("p2", n.m12 * math.sin(n.z1) + n.m22 * math.cos(n.z2))
    n.J = 2 * math.log(abs(n.y1 - n.p1)) + 2 * math.log(abs(n.y2 - n.p2))
    return n


def derived(n):
    """dJ/dv for every node v, as derived by hand: d followed by the node's name."""
    dp1, dp2 = -2 / (n.y1 - n.p1), -2 / (n.y2 - n.p2)
    ds1 = dp1 * n.p1 * (1 - n.p1)
    dz1 = ds1 * 3 * n.m11 * n.z1**2 + dp2 * n.m12 * math.cos(n.z1)
    dz2 = -dp2 * n.m22 * math.sin(n.z2)
    da1 = dz1 if n.a1 > 0 else 0.0
    found = {"p1": dp1, "p2": dp2, "z1": dz1, "z2": dz2, "a1": da1}
    found |= {"m11": ds1 * n.z1**3, "c1": ds1, "w11": da1 * n.x1, "w21": da1 * n.x2}
    found |= {"m12": dp2 * math.sin(n.z1), "m22": dp2 * math.cos(n.z2)}
    found |= {"w22": dz2 * n.x2**2, "w32": dz2 * n.x3, "b2": dz2}
    found |= {"x1": da1 * n.w11, "x2": da1 * n.w21 + 2 * dz2 * n.w22 * n.x2, "x3": dz2 * n.w32}
    return found


class Elementwise(Activation):
    """A function and its slope as a module."""

    def __init__(self, f, slope):
        self.f, self.slope = f, slope

    def forward(self, Z):
        return self.f(Z)

    def backward(self, Z, dY):
        return dY * self.slope(Z)


SQUARE = Elementwise(lambda z: z**2, lambda z: 2 * z)
CUBE = Elementwise(lambda z: z**3, lambda z: 3 * z**2)
SIN, COS = Elementwise(np.sin, np.cos), Elementwise(np.cos, lambda z: -np.sin(z))
LOG_SQUARE = Elementwise(lambda z: np.log(z**2), lambda z: 2 / z)


def unit(activation, *weights, bias=0.0):
    """A layer of one unit."""
    layer = FullyConnected(1, activation)
    layer.parameters.update(W=np.array(weights)[:, np.newaxis], b=np.array([[bias]]))
    return layer


def by_modules(v):
    """J and dJ/dv for every node v, by the library's layers and the functions above."""
    n = SimpleNamespace(**v)
    hidden_1, hidden_2 = unit("relu", n.w11, n.w21), unit("linear", n.w22, n.w32, bias=n.b2)
    output_1, output_2 = unit("sigmoid", n.m11, bias=n.c1), unit("linear", n.m12, n.m22)
    x1, x2, x3, y1, y2 = (np.array([[v[name]]]) for name in ("x1", "x2", "x3", "y1", "y2"))
    z1 = hidden_1.forward(np.hstack([x1, x2]))
    z2 = hidden_2.forward(np.hstack([SQUARE(x2), x3]))
    e1 = y1 - output_1.forward(CUBE(z1))
    e2 = y2 - output_2.forward(np.hstack([SIN(z1), COS(z2)]))
    J = LOG_SQUARE(e1) + LOG_SQUARE(e2)

    one, d = np.ones((1, 1)), {}
    d["p1"], d["p2"] = -LOG_SQUARE.backward(e1, one), -LOG_SQUARE.backward(e2, one)
    of_sin, of_cos = np.hsplit(output_2.backward(d["p2"]), 2)
    d["z1"] = CUBE.backward(z1, output_1.backward(d["p1"])) + SIN.backward(z1, of_sin)
    d["z2"] = COS.backward(z2, of_cos)
    d["x1"], to_a1 = np.hsplit(hidden_1.backward(d["z1"]), 2)
    of_square, d["x3"] = np.hsplit(hidden_2.backward(d["z2"]), 2)
    d["x2"] = to_a1 + SQUARE.backward(x2, of_square)
    d["w11"], d["w21"] = hidden_1.gradients["W"]
    d["w22"], d["w32"] = hidden_2.gradients["W"]
    d["m11"], (d["m12"], d["m22"]) = output_1.gradients["W"], output_2.gradients["W"]
    d["b2"], d["c1"] = hidden_2.gradients["b"], output_1.gradients["b"]
    # The graph has no bias here; what would be its gradient is that of a1.
    d["a1"] = hidden_1.gradients["b"]
    return J.item(), {name: value.item() for name, value in d.items()}


PARAMETERS = ("w11", "w21", "w22", "w32", "b2", "m11", "m12", "m22", "c1")
GIVEN = (*PARAMETERS, "x1", "x2", "x3", "y1", "y2")


def point(seed, **changes):
    """Random values, none near 0; no label near its prediction, where J is too steep to check."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.4, 1.1, len(GIVEN)) * rng.choice([-1, 1], len(GIVEN))
    v = dict(zip(GIVEN, values.tolist(), strict=True)) | changes
    n = straight_line(v)
    return v | {"y1": n.p1 + v["y1"], "y2": n.p2 + v["y2"]}


def points(side):
    """Ten points at which the ReLU is open (side 1) or shut (side -1), none near its kink."""
    return [v for v in map(point, range(60)) if side * straight_line(v).a1 > 0.1][:10]


def compare(v, name, gradient):
    """A gradient beside central differences of the straight line."""

    def J(value):
        changed = {name: value.item()}
        return straight_line(v | changed, **changed).J

    here = np.array([getattr(straight_line(v), name)])
    return compare_gradients(J, np.array([gradient]), here, 1.0)


class TestGraph(unittest.TestCase):
    def test_every_gradient_on_both_sides(self):
        # A shut ReLU has z1 = 0, and so z1³ = sin z1 = 0.
        for side, zero in ((1, set()), (-1, {"a1", "w11", "w21", "x1", "m11", "m12"})):
            self.assertEqual(len(points(side)), 10)
            for v in points(side):
                n, (J, found) = straight_line(v), by_modules(v)
                expected = derived(n)
                self.assertAlmostEqual(J, n.J, delta=1e-12)
                self.assertEqual(found.keys(), expected.keys())
                self.assertGreaterEqual(found.keys(), {*PARAMETERS, "p1", "p2", "z1", "z2"})
                self.assertEqual({name for name in found if abs(found[name]) < 1e-5}, zero)
                for name, gradient in expected.items():
                    with self.subTest(side=side, node=name):
                        self.assertAlmostEqual(found[name], gradient, delta=1e-12 * abs(gradient))
                        numeric = compare(v, name, gradient).numeric
                        self.assertAlmostEqual(numeric, gradient, delta=1e-8 * (1 + abs(gradient)))

    def test_the_pre_activation_decides_and_not_the_input(self):
        """A printed answer has dJ/dw11 = 0 where x < 0, and dJ/dz1 x1 elsewhere."""
        for x1, is_open in ((-1.0, True), (1.0, False)):
            v = point(3, x1=x1, w11=-1.3, x2=0.5, w21=0.5)
            found = by_modules(v)[1]
            self.assertEqual(straight_line(v).a1 > 0, is_open)
            self.assertEqual(found["w11"] != 0, is_open)
            self.assertLess(compare(v, "w11", found["w11"]).relative_error, 1e-7)
            printed = 0.0 if x1 < 0 else found["z1"] * x1
            self.assertGreater(abs(printed - found["w11"]), 0.1)

    def test_exactly_at_the_kink(self):
        """The slope 0 here and the exercise's 1 are the slopes of J to either side."""
        v = point(4, x1=1.0, w11=0.5, x2=0.5, w21=-1.0)
        n, found, h = straight_line(v), by_modules(v)[1], 1e-7
        self.assertEqual(n.a1, 0)
        self.assertEqual([found[name] for name in ("a1", "w11", "w21", "x1")], [0, 0, 0, 0])
        # z1 = 0 leaves the way through the sine alone: dJ/dz1 = dJ/dp2 m12 cos 0.
        self.assertAlmostEqual(found["z1"], -2 / (n.y2 - n.p2) * n.m12, delta=1e-12)
        for name, factor in (("w11", n.x1), ("w21", n.x2), ("x1", n.w11)):
            below, above = (straight_line(v | {name: v[name] + step}).J for step in (-h, h))
            # As the factor is positive, the unit opens when the value grows.
            self.assertGreater(factor, 0)
            self.assertAlmostEqual((n.J - below) / h, 0, delta=1e-12)
            self.assertAlmostEqual((above - n.J) / h, found["z1"] * factor, delta=1e-4)
            self.assertTrue(compare(v, name, found[name]).kink)


def by_backward(backward, n_outputs):
    """A Jacobian, a row for each output, by ``backward`` of one-hot upstream gradients."""
    return np.array([backward(one_hot[np.newaxis]).ravel() for one_hot in np.eye(n_outputs)])


def by_differences(f, x, h=1e-5):
    """The same by a double loop of central differences."""
    jacobian = np.empty((np.size(f(x)), x.size))
    for i, e in enumerate(np.eye(x.size)):
        for k in range(len(jacobian)):
            high, low = f(x + h * e.reshape(x.shape)), f(x - h * e.reshape(x.shape))
            jacobian[k, i] = (np.ravel(high)[k] - np.ravel(low)[k]) / (2 * h)
    return jacobian


class TestJacobians(unittest.TestCase):
    """Every module by itself: ``backward``, differences of ``forward``, and the formula."""

    def setUp(self):
        self.rng = np.random.default_rng(0)
        self.Z = self.rng.standard_normal((1, 4))

    def check(self, forward, x, backward, formula):
        found, numeric = by_backward(backward, len(formula)), by_differences(forward, x)
        np.testing.assert_allclose(found, formula, rtol=0, atol=1e-13, strict=True)
        np.testing.assert_allclose(numeric, formula, rtol=0, atol=1e-8, strict=True)

    def test_linear(self):
        """b = a W + β: ∂b_k/∂a_i = w_ik, ∂b_k/∂w_ij = a_i [j = k], ∂b_k/∂β_j = [j = k]."""
        layer, a = dense("linear", (5, 4)), self.rng.standard_normal((1, 5))
        layer.forward(a)
        self.check(layer.forward, a, layer.backward, layer.parameters["W"].T)
        for name, formula in {"W": np.kron(a, np.eye(4)), "b": np.eye(4)}.items():

            def to_parameter(g, name=name):
                layer.forward(a)
                layer.backward(g)
                return layer.gradients[name]

            x = layer.parameters[name]
            self.check(layer.forward_with_param(name, a), x, to_parameter, formula)

    def test_sigmoid(self):
        s = np.array([1 / (1 + math.exp(-z)) for z in self.Z[0]])
        np.testing.assert_allclose(Sigmoid().forward(self.Z)[0], s, rtol=1e-14)
        backward = partial(Sigmoid().backward, self.Z)
        self.check(Sigmoid().forward, self.Z, backward, np.diag(s * (1 - s)))

    def test_softmax(self):
        """∂y_k/∂z_i = y_k ([k = i] - y_i)."""
        e = [math.exp(z) for z in self.Z[0]]
        y = [value / sum(e) for value in e]
        np.testing.assert_allclose(SoftMax().forward(self.Z)[0], y, rtol=1e-14)
        formula = np.array([[y[k] * ((k == i) - y[i]) for i in range(4)] for k in range(4)])
        self.check(SoftMax().forward, self.Z, partial(SoftMax().backward, self.Z), formula)

    def test_cross_entropy(self):
        """J = -ln p of the true class: one output, and a slope of -1/p there alone."""
        loss, Y, P = CrossEntropy("J"), np.eye(4)[[2]], np.array([[0.2, 0.1, 0.3, 0.4]])
        self.assertAlmostEqual(loss.forward(Y, P), 1.20397280432594, delta=1e-13)
        formula = np.array([[0, 0, -1 / 0.3, 0]])
        self.check(partial(loss.forward, Y), P, lambda g: g * loss.backward(Y, P), formula)


class TestWholeNetwork(unittest.TestCase):
    """The assignment's network for one example: 5-4-10, sigmoid units and a softmax."""

    M, D, K, TRUE = 5, 4, 10, 6

    def setUp(self):
        rng = np.random.default_rng(1)
        self.x, self.y = rng.standard_normal((1, self.M)), np.eye(self.K)[[self.TRUE]]
        layers = [
            normalization_cases.dense(self.D, "sigmoid"),
            normalization_cases.dense(self.K, "softmax"),
        ]
        sgd = {"name": "SGD", "lr": 0.1}
        self.model = NeuralNetwork("cross_entropy", layers, sgd, seed=0)
        self.model.create_parameters((self.M,))
        for layer in self.model.layers:
            layer.parameters["b"] = rng.standard_normal(layer.parameters["b"].shape)
        self.theta = self.vector("parameters")

    def vector(self, what):
        """Alpha (D, M + 1), then beta (K, D + 1), row by row, with the biases in column 0."""
        values = (getattr(layer, what) for layer in self.model.layers)
        return np.concatenate([np.vstack([v["b"], v["W"]]).T.ravel() for v in values])

    def matrices(self, theta):
        """Alpha and beta."""
        split = self.D * (self.M + 1)
        return theta[:split].reshape(self.D, -1), theta[split:].reshape(self.K, -1)

    def units(self, theta, x):
        """Z, with a 1 before it, and ŷ, by sums over numbers."""
        alpha, beta = self.matrices(theta)
        x = [1.0, *x.ravel()]
        a = [sum(w * v for w, v in zip(row, x, strict=True)) for row in alpha]
        z = [1.0, *(1 / (1 + math.exp(-value)) for value in a)]
        e = [math.exp(sum(w * v for w, v in zip(row, z, strict=True))) for row in beta]
        return z, np.array(e) / sum(e)

    def test_all_74_gradients(self):
        """By the appendix's recipe: the norm of the difference, for a step of 1e-5, below 1e-7."""

        def J(theta):
            return -math.log(self.units(theta, self.x)[1][self.TRUE])

        Y_hat = self.model.forward(self.x)
        self.assertAlmostEqual(self.model.backward(self.y, Y_hat), J(self.theta), delta=1e-13)
        found = self.vector("gradients")
        self.assertEqual(found.shape, (74,))
        self.assertGreater(np.abs(found).min(), 1e-6)
        self.assertLess(np.linalg.norm(found - by_differences(J, self.theta)[0]), 1e-9)

    def test_jacobian_of_the_outputs(self):
        """All ten, with respect to the five inputs: one pass back for each output."""
        first, second = self.model.layers
        first.input_gradient = True  # the model has no use for it
        Y_hat = second.forward(first.forward(self.x))
        np.testing.assert_allclose(Y_hat[0], self.units(self.theta, self.x)[1], rtol=1e-12)
        found = by_backward(lambda g: first.backward(second.backward(g)), self.K)
        numeric = by_differences(lambda x: self.units(self.theta, x)[1], self.x)
        np.testing.assert_allclose(found, numeric, rtol=0, atol=1e-9, strict=True)
        self.assertGreater(np.abs(found).max(), 0.01)

    def test_the_double_sum(self):
        """dJ/dα_ij = Σ_k Σ_l -(y_l / ŷ_l) ŷ_l ([k = l] - ŷ_k) β_ki z_i (1 - z_i) x_j."""
        self.model.backward(self.y, self.model.forward(self.x))
        found = self.matrices(self.vector("gradients"))[0]
        beta, x, y = self.matrices(self.theta)[1], [1.0, *self.x[0]], self.y[0]
        z, y_hat = self.units(self.theta, self.x)
        for i, j in np.ndindex(found.shape):
            expected = 0.0
            for k, m in np.ndindex(self.K, self.K):
                of_b = -y[m] / y_hat[m] * y_hat[m] * ((k == m) - y_hat[k])
                expected += of_b * beta[k, i + 1] * z[i + 1] * (1 - z[i + 1]) * x[j]
            self.assertAlmostEqual(found[i, j], expected, delta=1e-14)


if __name__ == "__main__":
    unittest.main()
