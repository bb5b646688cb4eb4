"""Mistakes in losses: cross-entropy and squared error."""

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks import losses
from neural_networks.losses import LOSSES


class CrossEntropy(losses.CrossEntropy):
    """A plain solution."""

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """L."""
        logs = np.log(np.where(Y > 0, Y_hat, 1))
        return float(-np.sum(Y * logs) / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat."""
        return -Y / Y_hat / len(Y)


class L2(losses.L2):
    """A plain solution."""

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """L."""
        return float(np.sum((Y - Y_hat) ** 2) / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat."""
        return 2 * (Y_hat - Y) / len(Y)


CROSS_ENTROPY = Exercise(
    "cross_entropy", CrossEntropy, LOSSES, "cross_entropy", "test_losses.TestCrossEntropy"
)
SQUARED_ERROR = Exercise("l2", L2, LOSSES, "l2", "test_losses.TestL2")

L, D = "-np.sum(Y * logs) / len(Y)", "-Y / Y_hat / len(Y)"
L_2, D_2 = "np.sum((Y - Y_hat) ** 2) / len(Y)", "2 * (Y_hat - Y) / len(Y)"

NO_MEAN = "The mean over the examples is missing: divide by their number."
LARGE = "mean over the examples is missing|times too large: the batch"

MISTAKES = [
    *mistakes(
        CROSS_ENTROPY,
        "forward",
        [
            ("no 1/m", {L: "-np.sum(Y * logs)"}, NO_MEAN, LARGE),
            (
                "mean over all",
                {L: "-np.mean(Y * logs)"},
                "It is a mean over the classes, too: divide by the number of examples only.",
                "over the classes|times too small: there are .* outputs",
            ),
            (
                "sign",
                {L: "np.sum(Y * logs) / len(Y)"},
                "The sign is wrong: logarithms of probabilities are negative, the loss is not.",
                "sign",
            ),
            (
                "Y_hat ln Y",
                {L: "-np.sum(Y_hat * np.log(Y)) / len(Y)"},
                "Labels and predictions are exchanged: the logarithm is that of Y_hat.",
                "exchanged",
            ),
            (
                "log2",
                {"np.log(": "np.log2("},
                "The logarithm is to the base 2; the natural one is meant.",
                "base 2|logarithm the natural",
            ),
            (
                "1/k",
                {L: "-np.sum(Y * logs) / Y.shape[1]"},
                "It is divided by the number of classes: divide by that of examples.",
                "number of classes|number to divide by",
            ),
            (
                "a vector",
                {f"float({L})": "-np.sum(Y * logs, axis=1)"},
                "There is a loss for each example: return their mean, one number.",
                "each example",
            ),
            (
                "ln(Y_hat + 1e-8)",
                {"np.log(": "np.log(1e-8 + "},
                "Something small is added within the logarithm, which changes every loss.",
                "added within|something small added",
            ),
            (
                "NaN for 0 · ln 0",
                {"np.where(Y > 0, Y_hat, 1)": "Y_hat"},
                "0 · ln 0 is NaN in NumPy: it counts as 0 where the label is 0.",
                "0 · ln 0|not finite|Y_hat of 0",
            ),
        ],
    ),
    *mistakes(
        CROSS_ENTROPY,
        "backward",
        [
            ("no 1/m", {D: "-Y / Y_hat"}, NO_MEAN, LARGE),
            (
                "+Y / Y_hat",
                {D: "Y / Y_hat / len(Y)"},
                "The sign is wrong: a larger probability of the right class lowers the loss.",
                "sign",
            ),
            (
                "(Y_hat - Y) / m",
                {D: "(Y_hat - Y) / len(Y)"},
                "This is the gradient of softmax and loss together; the loss alone is asked.",
                "softmax",
            ),
            (
                "1/k",
                {D: "-Y / Y_hat / Y.shape[1]"},
                "It is divided by the number of classes: divide by that of examples.",
                "number of classes|number to divide by",
            ),
            (
                "-Y_hat / Y",
                {D: "-Y_hat / Y / len(Y)"},
                "Labels and predictions are exchanged: Y_hat is what L is differentiated by.",
                "exchanged",
            ),
            (
                "the binary formula",
                {D: "(-Y / Y_hat + (1 - Y) / (1 - Y_hat)) / len(Y)"},
                "This is the binary cross-entropy, with a term for 1 - Y.",
                "binary",
            ),
            (
                "summed over the classes",
                {f"return {D}": f"return ({D}).sum(axis=1, keepdims=True)"},
                "It is summed over the classes: each prediction has its own gradient.",
                "summed",
            ),
        ],
    ),
    *mistakes(
        SQUARED_ERROR,
        "forward",
        [
            ("no 1/m", {L_2: "np.sum((Y - Y_hat) ** 2)"}, NO_MEAN, LARGE),
            (
                "mean over all",
                {L_2: "np.mean((Y - Y_hat) ** 2)"},
                "It is a mean over the outputs, too: divide by the number of examples only.",
                "over the outputs|times too small: there are .* outputs",
            ),
            (
                "½",
                {L_2: "np.sum((Y - Y_hat) ** 2) / 2 / len(Y)"},
                "There is a ½ that this loss does not have.",
                "½|factor of 2",
            ),
            (
                "√",
                {L_2: "np.sqrt(np.sum((Y - Y_hat) ** 2) / len(Y))"},
                "There is a square root that this loss does not have.",
                "square root",
            ),
            (
                "|Y - Y_hat|",
                {L_2: "np.sum(np.abs(Y - Y_hat)) / len(Y)"},
                "These are absolute errors; squares are asked.",
                "absolute errors",
            ),
            (
                "the square of the sum",
                {L_2: "np.sum((Y - Y_hat).sum(axis=1) ** 2) / len(Y)"},
                "The sum is squared: square each error first, then add.",
                "sum is squared",
            ),
        ],
    ),
    *mistakes(
        SQUARED_ERROR,
        "backward",
        [
            (
                "sign",
                {D_2: "2 * (Y - Y_hat) / len(Y)"},
                "The sign is wrong: mind the inner derivative, with respect to Y_hat.",
                "sign",
            ),
            (
                "no 2",
                {D_2: "(Y_hat - Y) / len(Y)"},
                "The 2 of the square's derivative is missing.",
                "The 2 of|factor of 2",
            ),
            ("no 1/m", {D_2: "2 * (Y_hat - Y)"}, NO_MEAN, LARGE),
            (
                "1/(m k)",
                {D_2: "2 * (Y_hat - Y) / Y.size"},
                "It is divided by the number of outputs, too: only the examples are averaged.",
                "number of outputs|times too small: there are .* outputs",
            ),
            (
                "mean over the batch",
                {f"return {D_2}": "return 2 * (Y_hat - Y).mean(axis=0)"},
                "It is averaged over the batch: each prediction has its own gradient.",
                "averaged over the batch|summed away",
            ),
        ],
    ),
]
