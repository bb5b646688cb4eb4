"""Many-to-many network of a course, with an output and a loss at every step, by its formulas.

    h(n) = U x(n) + h(n-1),   o(n) = V h(n),   J = Σ_n l(y(n), o(n))

for column vectors x(n) in R^a, h(n) in R^b, o(n) in R^c and a given h(0): the identity is the
activation and the recurrent matrix, and there are no biases. Our vectors are rows, so that our W
is the course's Uᵀ, and our dL/dW the transpose of its dJ/dU.
"""

import unittest

import numpy as np

from neural_networks.layers import Elman
from neural_networks.models import initialize_model

A, B, C = 2, 3, 4


class Course:
    """The network by its formulas, for one sequence; lists of columns begin with n = 0."""

    def __init__(self, N):
        rng = np.random.default_rng(N)
        self.N, self.U, self.V = N, rng.standard_normal((B, A)), rng.standard_normal((C, B))
        self.x, self.y, self.h, self.o = ([None] * (N + 1) for _ in range(4))
        self.h[0] = rng.standard_normal((B, 1))
        for n in range(1, N + 1):
            self.x[n], self.y[n] = rng.standard_normal((A, 1)), rng.standard_normal((C, 1))
            self.h[n] = self.U @ self.x[n] + self.h[n - 1]
            self.o[n] = self.V @ self.h[n]

    def J(self):
        """With squared error, l(y, o) = ‖y - o‖²."""
        return sum(float(((self.y[n] - self.o[n]) ** 2).sum()) for n in range(1, self.N + 1))

    def do(self, n):
        """dJ/do(n), (c, 1)."""
        return 2 * (self.o[n] - self.y[n])

    def dh(self, n):
        """dJ/dh(n), (b, 1): the sum of Vᵀ dJ/do(i) over the steps from n on."""
        return sum(self.V.T @ self.do(i) for i in range(max(n, 1), self.N + 1))


def network(course):
    """The same network of our layers, after a forward and a backward pass."""
    model = initialize_model(
        "many_to_many",
        "l2",
        [
            {"name": "elman", "activation": "linear", "n_out": B, "return_sequences": True},
            {"name": "fully_connected", "activation": "linear", "n_out": C},
        ],
        {"name": "SGD", "lr": 0.1},
    )
    recurrent, output = model.layers
    recurrent.parameters["W"], recurrent.parameters["U"] = course.U.T, np.eye(B)
    output.parameters["W"] = course.V.T
    recurrent.parameters["b"], output.parameters["b"] = np.zeros((1, B)), np.zeros((1, C))
    recurrent.initial_state = course.h[0].T
    X, Y = (np.stack([v.T for v in columns[1:]], axis=2) for columns in (course.x, course.y))
    out = model.forward(X)
    return model, out, model.backward(Y, out)


class TestManyToMany(unittest.TestCase):
    def found(self, course):
        """Our dJ/dV, dJ/dU and dJ/dh(0), as the course writes them."""
        recurrent, output = network(course)[0].layers
        dV, dU = output.gradients["W"].T, recurrent.gradients["W"].T
        return dV, dU, recurrent.initial_state_gradient.T

    def assert_equal(self, found, expected):
        np.testing.assert_allclose(found, expected, rtol=1e-12, strict=True)

    def test_outputs_and_loss(self):
        for N in (1, 2, 5):
            course = Course(N)
            model, out, loss = network(course)
            self.assertEqual(out.shape, (1, C, N))
            for n in range(1, N + 1):
                self.assert_equal(model.layers[0].cache["s"][n], course.h[n].T)
                self.assert_equal(out[:, :, n - 1], course.o[n].T)
            self.assertAlmostEqual(loss, course.J(), delta=1e-12 * loss)

    def test_one_step(self):
        course = Course(1)
        V, x, h, do = course.V, course.x, course.h, course.do
        dh_1 = V.T @ do(1)
        dV, dU, dh_0 = self.found(course)
        self.assert_equal(dV, do(1) @ h[1].T)
        self.assert_equal(dU, dh_1 @ x[1].T)
        self.assert_equal(dh_0, dh_1)

    def test_two_steps(self):
        course = Course(2)
        V, x, h, do = course.V, course.x, course.h, course.do
        dh_2 = V.T @ do(2)
        dh_1 = V.T @ do(1) + dh_2
        dV, dU, dh_0 = self.found(course)
        self.assert_equal(dV, do(1) @ h[1].T + do(2) @ h[2].T)
        self.assert_equal(dU, dh_1 @ x[1].T + dh_2 @ x[2].T)
        self.assert_equal(dh_0, dh_1)

    def test_any_number_of_steps(self):
        for N in (1, 2, 5):
            course = Course(N)
            x, h, do, dh = course.x, course.h, course.do, course.dh
            steps = range(1, N + 1)
            dV, dU, dh_0 = self.found(course)
            self.assert_equal(dV, sum(do(n) @ h[n].T for n in steps))
            self.assert_equal(dU, sum(dh(n) @ x[n].T for n in steps))
            # h(0) is not an output itself: what reaches it has all come through h(1).
            self.assert_equal(dh_0, dh(1))

    def test_gradient_of_each_state(self):
        """dJ/dh(n) = Σ_{i≥n} Vᵀ dJ/do(i), which is Vᵀ dJ/do(n) + dJ/dh(n+1) for n < N.

        With the identity for U, too, it is the gradient of the input, and so we see it.
        """
        for N in (1, 2, 5):
            course = Course(N)
            layer = Elman(B, "linear", return_sequences=True)
            layer.parameters.update(W=np.eye(B), U=np.eye(B), b=np.zeros((1, B)))
            layer.forward(np.zeros((1, B, N)))
            outside = [course.V.T @ course.do(n) for n in range(1, N + 1)]
            found = layer.backward(np.stack([v.T for v in outside], axis=2))
            dh = [found[:, :, n].T for n in range(N)]
            for n in range(N):
                self.assert_equal(dh[n], course.dh(n + 1))
                self.assert_equal(dh[n], outside[n] + (dh[n + 1] if n + 1 < N else 0))

    def test_the_sums_begin_at_the_first_step(self):
        """The course prints its answers without the transposes, and its sums from i = n on.

        A product of two columns is none without a transpose, and a sum that begins later than
        with the first step is another number.
        """
        N = 5
        course = Course(N)
        dV, dU, _ = self.found(course)
        for n in range(2, N + 1):
            late_dV = sum(course.do(i) @ course.h[i].T for i in range(n, N + 1))
            late_dU = sum(course.dh(i) @ course.x[i].T for i in range(n, N + 1))
            self.assertGreater(np.abs(late_dV - dV).max(), 0.1)
            self.assertGreater(np.abs(late_dU - dU).max(), 0.1)
        with self.assertRaises(ValueError):
            course.do(1) @ course.h[1]


if __name__ == "__main__":
    unittest.main()
