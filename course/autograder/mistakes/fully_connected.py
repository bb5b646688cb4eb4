"""Mistakes in the fully-connected layer."""

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks.layers import fully_connected
from neural_networks.layers.factory import LAYERS


class FullyConnected(fully_connected.FullyConnected):
    """A plain solution."""

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        self.n_in = X_shape[1]
        self.parameters["W"] = self._draw_weights((self.n_in, self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out))
        for name, value in self.parameters.items():
            self.gradients[name] = np.zeros_like(value)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y."""
        X = self.check_input(X)
        W, b = self.parameters["W"], self.parameters["b"]
        Z = X @ W + b
        Y = self.activation(Z)
        self.cache["X"], self.cache["Z"] = X, Z
        return Y

    def backward(self, dLdY: np.ndarray) -> np.ndarray:  # type: ignore[override]
        """dL/dX."""
        X, Z, W = self.cache["X"], self.cache["Z"], self.parameters["W"]
        dLdZ = self.activation.backward(Z, dLdY)
        dW = X.T @ dLdZ
        db = dLdZ.sum(axis=0, keepdims=True)
        dX = dLdZ @ W.T
        self.gradients["W"] = dW
        self.gradients["b"] = db
        return dX


FULLY_CONNECTED = Exercise(
    "fully_connected",
    FullyConnected,
    LAYERS,
    "fully_connected",
    "test_layers.TestFullyConnected",
    ("init_params", "forward", "backward"),
)

W0, B0 = "self._draw_weights((self.n_in, self.n_out))", "np.zeros((1, self.n_out))"
G0 = "self.gradients[name] = np.zeros_like(value)"
DZ, DB = "dLdZ = self.activation.backward(Z, dLdY)", "dLdZ.sum(axis=0, keepdims=True)"

MISTAKES = [
    *mistakes(
        FULLY_CONNECTED,
        "_init_parameters",
        [
            (
                "W (n_out, d)",
                {W0: "self._draw_weights((self.n_out, self.n_in))"},
                "W is transposed: it has a row for each input and a column for each output.",
                "transposed",
            ),
            (
                "b (n_out,)",
                {B0: "np.zeros(self.n_out)"},
                "b has one axis; it is a row, (1, n_out).",
                "one axis|axis of size 1",
            ),
            (
                "b (n_out, 1)",
                {B0: "np.zeros((self.n_out, 1))"},
                "b is a column; it is a row, (1, n_out).",
                "column|transposed",
            ),
            (
                "W of zeros",
                {W0: "np.zeros((self.n_in, self.n_out))"},
                "W starts at 0, so all units stay alike: draw it from the initializer.",
                "starts at 0|got 0: is it drawn",
            ),
            (
                "W from N(0, 1)",
                {W0: "np.random.default_rng(1).normal(size=(self.n_in, self.n_out))"},
                "W is drawn from another distribution: the layer has an initializer.",
                "another distribution|initializer",
            ),
            (
                "0.01 · N(0, 1)",
                {W0: "0.01 * np.random.default_rng(1).normal(size=(self.n_in, self.n_out))"},
                "W is drawn from another distribution: the layer has an initializer.",
                "another distribution|initializer",
            ),
            (
                "random b",
                {B0: "np.random.default_rng(1).normal(size=(1, self.n_out))"},
                "b is random; it starts at 0.",
                "random|parameters\\['b'\\].*should be 0",
            ),
            (
                "no gradients",
                {G0: "pass"},
                "gradients are missing: zeros, under the names of the parameters.",
                "gradients.*missing",
            ),
            (
                "gradients are the parameters",
                {G0: "self.gradients[name] = value"},
                "gradients are the parameters themselves; they start as arrays of zeros.",
                "parameters themselves|gradients\\['W'\\].*should be 0",
            ),
            (
                "n_in = X_shape[0]",
                {"X_shape[1]": "X_shape[0]", W0: "self._draw_weights((X_shape[1], self.n_out))"},
                "n_in is the number of examples; it must be that of features.",
                "number of examples|n_in is -1",
            ),
            (
                "n_in never set",
                {"self.n_in = X_shape[1]": "n_in = X_shape[1]", "(self.n_in, self": "(n_in, self"},
                "n_in is not set.",
                "n_in is (not set|None)",
            ),
        ],
    ),
    *mistakes(
        FULLY_CONNECTED,
        "forward",
        [
            ("no b", {"X @ W + b": "X @ W"}, "b is missing.", "b is missing|is b added"),
            (
                "-b",
                {"X @ W + b": "X @ W - b"},
                "b is subtracted; it must be added.",
                "subtracted|is b added",
            ),
            (
                "no σ",
                {"self.activation(Z)": "Z.copy()"},
                "The activation function is missing.",
                "activation function is missing|activation linear, wrong with",
            ),
            (
                "σ before b",
                {"X @ W + b": "X @ W", "self.activation(Z)": "self.activation(Z) + b"},
                "b is added after the activation; it belongs before.",
                "after the activation|activation linear, wrong with",
            ),
            (
                "Y cached as Z",
                {'self.cache["Z"] = X, Z': 'self.cache["Z"] = X, Y'},
                "The cache holds Y in place of Z: σ's derivative takes Z.",
                "in place of Z|activation linear, wrong with",
            ),
            (
                "caches only the first time",
                {
                    'self.cache["X"], self.cache["Z"] = X, Z': (
                        'if "X" not in self.cache:\n    self.cache["X"], self.cache["Z"] = X, Z'
                    )
                },
                "The cache keeps the first batch: each forward replaces it.",
                "first batch",
            ),
            (
                "parameters drawn at each call",
                {"W, b = self.par": "self._init_parameters(X.shape)\nW, b = self.par"},
                "Each call draws the parameters anew: only the first one creates them.",
                "draws the parameters",
            ),
        ],
    ),
    *mistakes(
        FULLY_CONNECTED,
        "backward",
        [
            (
                "dL/dY for dL/dZ",
                {DZ: "dLdZ = dLdY"},
                "σ's derivative is missing: dL/dY is used in place of dL/dZ.",
                "derivative is missing|is its derivative",
            ),
            (
                "arguments of σ.backward exchanged",
                {DZ: "dLdZ = self.activation.backward(dLdY, Z)"},
                "The arguments of the activation's backward are exchanged: (Z, dL/dY).",
                "arguments of the activation",
            ),
            (
                "1/m twice",
                {DZ: f"{DZ} / len(X)"},
                "It is divided by the number of examples; the loss has done that already.",
                "divided by the number of examples|times too small: the batch",
            ),
            (
                "dL/dW from dL/dY",
                {"dW = X.T @ dLdZ": "dW = X.T @ dLdY"},
                "dL/dW is made of dL/dY: σ's derivative is missing there.",
                "derivative",
            ),
            (
                "dLdZ.T @ X",
                {"X.T @ dLdZ": "dLdZ.T @ X"},
                "dL/dW is transposed: it has the shape of W.",
                "transposed",
            ),
            (
                "mean for dL/db",
                {DB: "dLdZ.mean(axis=0, keepdims=True)"},
                "dL/db is a mean over the examples; it must be a sum.",
                "mean over",
            ),
            (
                "axis 1 for dL/db",
                {DB: "dLdZ.sum(axis=1, keepdims=True)"},
                "dL/db is summed over the units: b has one number for each of them.",
                "over the units|other axis",
            ),
            (
                "dL/db (n_out,)",
                {DB: "dLdZ.sum(axis=0)"},
                "dL/db has one axis; it has the shape of b, (1, n_out).",
                "one axis|axis of size 1",
            ),
            (
                "one number for dL/db",
                {DB: "np.full((1, self.n_out), dLdZ.sum())"},
                "dL/db is summed over the units, too: each has its own.",
                "over the units|numbers are the same",
            ),
            (
                "dL/dX from dL/dY",
                {"dLdZ @ W.T": "dLdY @ W.T"},
                "dL/dX is made of dL/dY: σ's derivative is missing there.",
                "derivative",
            ),
            (
                "dLdZ @ W",
                {"dLdZ @ W.T": "dLdZ @ W"},
                "dL/dX multiplies by W as it is: compare the shapes.",
                "compare the shapes|matmul",
            ),
            (
                "gradients added up",
                {
                    '["W"] = dW': '["W"] = self.gradients["W"] + dW',
                    '["b"] = db': '["b"] = self.gradients["b"] + db',
                },
                "Gradients are added to those of the last call: each backward replaces them.",
                "each backward replaces",
            ),
            (
                "dL/db not stored",
                {'self.gradients["b"] = db': "del db"},
                "dL/db is not stored in gradients.",
                "not stored|dL/db.*numbers are 0",
            ),
            (
                "returns dL/dZ",
                {"return dX": "return dLdZ"},
                "It returns dL/dZ; the layer before needs dL/dX.",
                "returns dL/dZ|that of dLdY",
            ),
            (
                "updates W",
                {"return dX": 'self.parameters["W"] = W - 0.1 * dW\nreturn dX'},
                "It changes W: the optimizer does that, backward only computes gradients.",
                "changes W|W has changed",
            ),
            (
                "dLdY scaled in place",
                {DZ: "dLdY /= len(X)\n" + DZ},
                "It writes into dLdY, which must stay as it is.",
                "writes into",
            ),
        ],
    ),
]
