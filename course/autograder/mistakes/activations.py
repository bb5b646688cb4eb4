"""Mistakes in activation functions: ReLU, sigmoid and softmax."""

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks import activations
from neural_networks.activations import ACTIVATIONS


class ReLU(activations.ReLU):
    """A plain solution."""

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y."""
        return np.maximum(Z, 0)

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ."""
        return dY * (Z > 0)


class Sigmoid(activations.Sigmoid):
    """A plain solution."""

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y."""
        return 1 / (1 + np.exp(-Z))

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ."""
        S = self.forward(Z)
        return dY * S * (1 - S)


class SoftMax(activations.SoftMax):
    """A plain solution."""

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y."""
        E = np.exp(Z - Z.max(axis=-1, keepdims=True))
        return E / E.sum(axis=-1, keepdims=True)

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ."""
        Y = self.forward(Z)
        return Y * (dY - (dY * Y).sum(axis=-1, keepdims=True))


RELU = Exercise("relu", ReLU, ACTIVATIONS, "relu", "test_activations.TestReLU")
SIGMOID = Exercise("sigmoid", Sigmoid, ACTIVATIONS, "sigmoid", "test_activations.TestSigmoid")
SOFTMAX = Exercise("softmax", SoftMax, ACTIVATIONS, "softmax", "test_activations.TestSoftMax")

Y_RELU, DZ_RELU = "np.maximum(Z, 0)", "dY * (Z > 0)"
Y_SIGMOID, DZ_SIGMOID = "1 / (1 + np.exp(-Z))", "dY * S * (1 - S)"
MAX, SUM = "Z.max(axis=-1, keepdims=True)", "E.sum(axis=-1, keepdims=True)"
DZ_SOFTMAX = "Y * (dY - (dY * Y).sum(axis=-1, keepdims=True))"

MISTAKES = [
    *mistakes(
        RELU,
        "forward",
        [
            (
                "abs(Z)",
                {Y_RELU: "np.abs(Z)"},
                "This is the absolute value: negative numbers must become 0, not positive.",
                "absolute value|signs|only where Z is negative",
            ),
            (
                "(Z > 0)",
                {Y_RELU: "Z > 0"},
                "This is the slope, true or false, not the function: positive numbers stay.",
                "true (and|or) false",
            ),
            (
                "minimum(Z, 0)",
                {Y_RELU: "np.minimum(Z, 0)"},
                "This keeps the negative numbers: minimum and maximum are mixed up.",
                "minimum|other part",
            ),
            (
                "maximum(Z, 0.01 Z)",
                {Y_RELU: "np.maximum(Z, 0.01 * Z)"},
                "This is the leaky ReLU: negative numbers must become exactly 0.",
                "leaky|only where Z is negative",
            ),
            (
                "float32",
                {Y_RELU: "np.maximum(Z, 0).astype(np.float32)"},
                "The result is float32, but Z is float64: keep the type of Z.",
                "float32",
            ),
            (
                "Z[Z < 0] = 0",
                {f"return {Y_RELU}": "Z[Z < 0] = 0\nreturn Z"},
                "It writes into Z, which must stay as it is: compute a new array.",
                "writes into",
            ),
        ],
    ),
    *mistakes(
        RELU,
        "backward",
        [
            (
                "(Z > 0) without dY",
                {DZ_RELU: "(Z > 0) * 1.0"},
                "This is the slope alone: by the chain rule it is multiplied by dY.",
                "chain rule|is left out|only 0 and 1",
            ),
            (
                "dY * (dY > 0)",
                {DZ_RELU: "dY * (dY > 0)"},
                "The sign of dY decides here; it must be that of Z.",
                "sign of dY|is negative",
            ),
            (
                "-dY * (Z > 0)",
                {DZ_RELU: "-dY * (Z > 0)"},
                "The sign is wrong: ReLU's slope is never negative.",
                "sign",
            ),
            (
                "dY * (Z < 0)",
                {DZ_RELU: "dY * (Z < 0)"},
                "Gradients pass where Z is negative: the comparison is the wrong way round.",
                "wrong way round|other part",
            ),
            (
                "maximum(dY, 0)",
                {DZ_RELU: "np.maximum(dY, 0)"},
                "The sign of dY decides here; it must be that of Z.",
                "sign of dY|is negative",
            ),
            (
                "dY * (Z >= 0)",
                {DZ_RELU: "dY * (Z >= 0)"},
                "The slope at exactly 0 is 0, see the class's docstring: >= lets it through.",
                "exactly 0",
            ),
            (
                "dY[Z < 0] = 0",
                {f"return {DZ_RELU}": "dY[Z <= 0] = 0\nreturn dY"},
                "It writes into dY, which must stay as it is: compute a new array.",
                "writes into",
            ),
            (
                "dY * maximum(Z, 0)",
                {DZ_RELU: "dY * np.maximum(Z, 0)"},
                "dY is multiplied by Y; it must be multiplied by the slope.",
                "multiplied by",
            ),
            (
                "summed over the batch",
                {f"return {DZ_RELU}": f"return ({DZ_RELU}).sum(axis=0)"},
                "It is summed over the batch: dL/dZ has a row for each example.",
                "summed",
            ),
            (
                "clipped at 1",
                {DZ_RELU: "dY * ((Z > 0) & (Z < 1))"},
                "Gradients are stopped above 1, too: ReLU has no upper end.",
                "above 1|upper end|greater than 1",
            ),
        ],
    ),
    *mistakes(
        SIGMOID,
        "forward",
        [
            (
                "1 / (1 + exp(Z))",
                {Y_SIGMOID: "1 / (1 + np.exp(Z))"},
                "The sign in the exponent is missing: it falls where it must rise.",
                "sign in the exponent|look at the signs",
            ),
            (
                "tanh(Z)",
                {Y_SIGMOID: "np.tanh(Z)"},
                "This is tanh, between -1 and 1; the sigmoid lies between 0 and 1.",
                "tanh",
            ),
            (
                "exp(Z) / (1 + exp(Z))",
                {Y_SIGMOID: "np.exp(Z) / (1 + np.exp(Z))"},
                "It overflows for large Z (infinity / infinity): use the form with exp(-Z).",
                "overflow|not finite.*Z is",
            ),
            (
                "1 / 1 + exp(-Z)",
                {Y_SIGMOID: "1 / 1 + np.exp(-Z)"},
                "The parentheses of the denominator are missing: / binds before +.",
                "parentheses",
            ),
        ],
    ),
    *mistakes(
        SIGMOID,
        "backward",
        [
            (
                "dY Z (1 - Z)",
                {DZ_SIGMOID: "dY * Z * (1 - Z)"},
                "The formula takes σ(Z), but Z itself is put in.",
                "Z itself",
            ),
            (
                "S (1 - S)",
                {DZ_SIGMOID: "S * (1 - S)"},
                "This is the slope alone: by the chain rule it is multiplied by dY.",
                "chain rule|is left out|only 0 and 1",
            ),
            (
                "dY S (S - 1)",
                {DZ_SIGMOID: "dY * S * (S - 1)"},
                "The sign is wrong: a sigmoid rises everywhere.",
                "sign",
            ),
            (
                "dY (1 - S²)",
                {DZ_SIGMOID: "dY * (1 - S * S)"},
                "This is the slope of tanh, not of the sigmoid.",
                "tanh",
            ),
            (
                "dY S (1 - dY)",
                {DZ_SIGMOID: "dY * S * (1 - dY)"},
                "dY stands where σ(Z) belongs in one factor.",
                "one factor",
            ),
        ],
    ),
    *mistakes(
        SOFTMAX,
        "forward",
        [
            (
                "sum over axis 0",
                {SUM: "E.sum(axis=0, keepdims=True)"},
                "The sum goes over the examples: the classes are on the last axis.",
                "over the examples|adds? up to 1",
            ),
            (
                "sum over all",
                {SUM: "E.sum()"},
                "The sum goes over the whole batch: each row has its own.",
                "whole batch|adds? up to 1",
            ),
            (
                "maximum of the whole batch",
                {MAX: "Z.max()"},
                "The maximum of the whole batch is subtracted, so that rows far below it vanish.",
                "maximum of the whole|not finite.*-1000",
            ),
            (
                "maximum over axis 0",
                {MAX: "Z.max(axis=0, keepdims=True)"},
                "The maximum over the examples is subtracted: each row has its own.",
                "maximum over the examples|adds? up to 1",
            ),
            (
                "no maximum",
                {f" - {MAX}": ""},
                "exp overflows for large Z: subtract the maximum of each row first.",
                "overflow|not finite.* 1000",
            ),
            (
                "minimum for maximum",
                {MAX: "Z.min(axis=-1, keepdims=True)"},
                "The minimum is subtracted, so exp overflows in rows of a wide range.",
                "minimum",
            ),
            (
                "Z -= maximum",
                {f"E = np.exp(Z - {MAX})": f"Z -= {MAX}\nE = np.exp(Z)"},
                "It writes into Z, which must stay as it is: compute a new array.",
                "writes into",
            ),
            (
                "axis=1",
                {MAX: "Z.max(axis=1, keepdims=True)", SUM: "E.sum(axis=1, keepdims=True)"},
                "It goes over axis 1: the classes are on the last axis, whatever their number.",
                "axis 1|four axes",
            ),
        ],
    ),
    *mistakes(
        SOFTMAX,
        "backward",
        [
            (
                "dY Y (1 - Y)",
                {DZ_SOFTMAX: "dY * Y * (1 - Y)"},
                "This is the diagonal of the Jacobian alone: each score changes all outputs.",
                "diagonal|adds up to 0",
            ),
            (
                "sum over the batch",
                {"axis=-1": "axis=0"},
                "The sum goes over the batch: it belongs to the classes of one example.",
                "over the batch|adds up to 0",
            ),
            (
                "Y (dY - Σ dY)",
                {"(dY * Y).sum": "dY.sum"},
                "The sum lacks a factor: its terms are not dY alone.",
                "lacks a factor|adds up to 0",
            ),
            (
                "Y (dY + Σ dY Y)",
                {"dY - (": "dY + ("},
                "The sign of the sum is wrong: see the sign of ∂y_i/∂z_j for i ≠ j.",
                "sign of the sum|adds up to 0",
            ),
            (
                "Y - dY",
                {DZ_SOFTMAX: "Y - dY"},
                "Y - labels belongs to softmax and cross-entropy together; dY is no label here.",
                "cross-entropy|adds up to 0",
            ),
            (
                "Z for Y",
                {"Y = self.forward(Z)": "Y = Z"},
                "The Jacobian is one of σ(Z), but Z itself is put in.",
                "Z itself|adds up to 0",
            ),
            (
                "the first row's Jacobian for all",
                {"Y = self.forward(Z)": "Y = self.forward(Z)[:1]"},
                "The first example's Jacobian is used for all: each has its own.",
                "first example",
            ),
            (
                "/ len(Z)",
                {f"return {DZ_SOFTMAX}": f"return {DZ_SOFTMAX} / len(Z)"},
                "It is divided by the number of examples: the loss has done that.",
                "divided by the number|times too small",
            ),
        ],
    ),
]
