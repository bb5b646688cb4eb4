"""Mistakes in Elman's recurrent layer."""

from collections import OrderedDict

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks.layers import elman
from neural_networks.layers.factory import LAYERS


class Elman(elman.Elman):
    """A plain solution."""

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        d, n = X_shape[1], self.n_out
        self.n_in = d
        self.parameters["W"] = self._draw_weights((d, n))
        self.parameters["U"] = self._draw_weights((n, n))
        self.parameters["b"] = np.zeros((1, n))
        self.clear_gradients()

    def forward_step(self, x_t: np.ndarray) -> np.ndarray:
        """s_t."""
        W, U, b = self.parameters["W"], self.parameters["U"], self.parameters["b"]
        if "s" not in self.cache:
            self.cache["X"], self.cache["Z"] = [], []
            self.cache["s"] = [np.zeros((len(x_t), self.n_out))]
        s = self.cache["s"][-1]
        Z = x_t @ W + s @ U + b
        s_t = self.activation(Z)
        self.cache["X"].append(x_t)
        self.cache["Z"].append(Z)
        self.cache["s"].append(s_t)
        return s_t

    def forward(self, X: np.ndarray) -> np.ndarray:
        """s_T."""
        X = self.check_input(X)
        self.cache = OrderedDict()
        for t in range(X.shape[2]):
            s_t = self.forward_step(X[:, :, t])
        return s_t

    def backward(self, dLdY: np.ndarray) -> list[np.ndarray]:
        """dL/dx_1, dL/dx_2, …"""
        X, Z, s = self.cache["X"], self.cache["Z"], self.cache["s"]
        W, U = self.parameters["W"], self.parameters["U"]
        dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros((1, self.n_out))
        dX = [np.zeros(x_t.shape) for x_t in X]
        ds = dLdY
        for t in reversed(range(len(X))):
            dz = self.activation.backward(Z[t], ds)
            dW += X[t].T @ dz
            dU += s[t].T @ dz
            db += dz.sum(axis=0, keepdims=True)
            dX[t] = dz @ W.T
            ds = dz @ U.T
        self.gradients["W"], self.gradients["U"], self.gradients["b"] = dW, dU, db
        return dX


ELMAN = Exercise(
    "elman",
    Elman,
    LAYERS,
    "elman",
    "check_elman.TestElman",
    ("init_params", "forward_step", "forward", "backward"),
)

U0, STEP = 'self.parameters["U"] = self._draw_weights((n, n))', "x_t @ W + s @ U + b"
LOOP, DZ = "for t in reversed(range(len(X))):", "dz = self.activation.backward(Z[t], ds)"
STORED = 'self.gradients["W"], self.gradients["U"], self.gradients["b"] = dW, dU, db'
LAST_STEP = "is that of the first step alone: it is the sum over all steps."

MISTAKES = [
    *mistakes(
        ELMAN,
        "_init_parameters",
        [
            (
                "U (d, n)",
                {U0: 'self.parameters["U"] = self._draw_weights((d, n))'},
                "U has the shape of W: it goes from states to states, (n, n).",
                "from states to states|U has shape",
            ),
            (
                "U of zeros",
                {U0: 'self.parameters["U"] = np.zeros((n, n))'},
                "U starts at 0: draw it from the initializer, as W.",
                "starts at 0|got 0: is it drawn",
            ),
            (
                "n_in = t",
                {"self.n_in = d": "self.n_in = X_shape[2]"},
                "n_in is the number of steps; it must be that of features.",
                "number of steps|n_in is 7",
            ),
            (
                "b (n,)",
                {"np.zeros((1, n))": "np.zeros(n)"},
                "b has one axis; it is a row, (1, n).",
                "one axis|axis of size 1",
            ),
        ],
    ),
    *mistakes(
        ELMAN,
        "forward_step",
        [
            (
                "without the state",
                {STEP: "x_t @ W + b"},
                "The state before is missing: x_t W + b alone has no memory.",
                "state before|Right: s_1",
            ),
            (
                "s @ U.T",
                {STEP: "x_t @ W + s @ U.T + b"},
                "U is transposed: see the formula of the class.",
                "U is transposed",
            ),
            (
                "Z as state",
                {'["s"].append(s_t)': '["s"].append(Z)'},
                "The state that is kept is Z: σ belongs to it.",
                "kept is Z|activation linear, wrong with",
            ),
            ("no b", {STEP: "x_t @ W + s @ U"}, "b is missing.", "b is missing|is b added"),
            (
                "first state of ones",
                {"np.zeros((len(x_t)": "np.ones((len(x_t)"},
                "The first state is not 0.",
                "first state",
            ),
        ],
    ),
    *mistakes(
        ELMAN,
        "forward",
        [
            (
                "state of the last batch kept",
                {"self.cache = OrderedDict()": "pass"},
                "It continues from the state of the batch before: a sequence starts from 0.",
                "batch before|left over",
            ),
            (
                "over the features",
                {"X.shape[2]": "X.shape[1]", "X[:, :, t]": "X[:, t, :]"},
                "It goes over the features; steps are on the last axis.",
                "over the features",
            ),
            (
                "backwards in time",
                {"in range(X.shape[2])": "in reversed(range(X.shape[2]))"},
                "It goes backwards in time.",
                "backwards in time",
            ),
            (
                "first step skipped",
                {"range(X.shape[2])": "range(1, X.shape[2])"},
                "The first step is skipped.",
                "first step",
            ),
        ],
    ),
    *mistakes(
        ELMAN,
        "backward",
        [
            (
                "forwards in time",
                {LOOP: "for t in range(len(X)):"},
                "It goes forwards in time; gradients come from the last step.",
                "forwards in time",
            ),
            (
                "last step only",
                {LOOP: "for t in [len(X) - 1]:"},
                "It takes the last step only: the states before it count, too.",
                "last step only",
            ),
            (
                "s_t for s_{t-1} in dL/dU",
                {"s[t].T @ dz": "s[t + 1].T @ dz"},
                "dL/dU takes the state after the step; U multiplies the one before.",
                "state after",
            ),
            ("= for += in dL/dW", {"dW +=": "dW ="}, f"dL/dW {LAST_STEP}", "first step alone"),
            ("= for += in dL/dU", {"dU +=": "dU ="}, f"dL/dU {LAST_STEP}", "first step alone"),
            ("= for += in dL/db", {"db +=": "db ="}, f"dL/db {LAST_STEP}", "first step alone"),
            ("no σ'", {DZ: "dz = ds"}, "σ's derivative is missing.", "derivative"),
            (
                "σ' at s",
                {DZ: "dz = self.activation.backward(s[t + 1], ds)"},
                "σ's derivative is taken at the state; it is one of Z.",
                "derivative",
            ),
            (
                "dz @ U",
                {"dz @ U.T": "dz @ U"},
                "The gradient goes back through U as it is: compare with dL/dX.",
                "through U",
            ),
            (
                "dL/dX from dL/ds",
                {"dX[t] = dz @ W.T": "dX[t] = ds @ W.T"},
                "dL/dX is made of dL/ds: σ's derivative is missing there.",
                "derivative",
            ),
            (
                "dL/dX reversed",
                {"return dX": "return dX[::-1]"},
                "dL/dX is reversed in time.",
                "reversed",
            ),
            (
                "dL/dY at every step",
                {"ds = dz @ U.T": "ds = dz @ U.T + dLdY"},
                "dL/dY is added at every step: only the last state is an output.",
                "at every step",
            ),
            (
                "1/t",
                {STORED: "dW, dU, db = dW / len(X), dU / len(X), db / len(X)\n" + STORED},
                "Gradients are divided by the number of steps: they are sums.",
                "number of steps|there are .* steps",
            ),
            (
                "gradients added up",
                {
                    STORED: 'self.gradients["W"] = self.gradients["W"] + dW\n'
                    'self.gradients["U"] = self.gradients["U"] + dU\n'
                    'self.gradients["b"] = self.gradients["b"] + db'
                },
                "Gradients are added to those of the last call: each backward replaces them.",
                "each backward replaces|left over",
            ),
        ],
    ),
]
