"""Mistakes in the network."""

import math

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks import models


class NeuralNetwork(models.NeuralNetwork):
    """A plain solution."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y_hat."""
        out = X
        for layer in self.layers:
            out = layer.forward(out)
        return out

    def backward(self, target: np.ndarray, out: np.ndarray) -> float:
        """The loss."""
        loss = self.loss.forward(target, out)
        gradient = self.loss.backward(target, out)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return loss

    def predict(self, X: np.ndarray, Y: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """Y_hat and the loss."""
        Y_hat = self.forward(X)
        loss = math.nan if Y is None else self.loss.forward(Y, Y_hat)
        return Y_hat, loss


NETWORK = Exercise(
    "model",
    NeuralNetwork,
    vars(models),
    "NeuralNetwork",
    "check_models.TestNeuralNetwork",
    ("forward", "backward", "predict"),
)

AGAIN = """
last = self.layers[-1]
gradient = last.activation.backward(last.cache["Z"], gradient)"""
BACKWARD = "if Y is not None:\n    self.backward(Y, Y_hat)\n"
OUT, GRADIENT = "out = layer.forward(out)", "gradient = self.loss.backward(target, out)"
LOOP, BACK = "for layer in reversed(self.layers):", "gradient = layer.backward(gradient)"

MISTAKES = [
    *mistakes(
        NETWORK,
        "forward",
        [
            (
                "X into each layer",
                {OUT: "out = layer.forward(X)"},
                "Each layer gets X: it must get the output of the one before.",
                "gets X",
            ),
            (
                "last layer skipped",
                {"in self.layers:": "in self.layers[:-1]:"},
                "The last layer is skipped.",
                "last layer",
            ),
            (
                "a list",
                {"return out": "return [out]"},
                "It returns a list; the output of the last layer is asked.",
                "a list",
            ),
            (
                "reversed",
                {"in self.layers:": "in reversed(self.layers):"},
                "The layers come in reverse order.",
                "reverse order",
            ),
        ],
    ),
    *mistakes(
        NETWORK,
        "backward",
        [
            (
                "first to last",
                {LOOP: "for layer in self.layers:"},
                "It goes from the first layer to the last; gradients come from the last.",
                "first layer to the last",
            ),
            (
                "the same gradient to all",
                {BACK: "layer.backward(gradient)"},
                "Every layer gets the loss's gradient: it must get that of the layer after it.",
                "loss's gradient",
            ),
            (
                "out - target",
                {GRADIENT: "gradient = out - target"},
                "The gradient starts as out - target; the loss has a backward of its own.",
                "out - target",
            ),
            (
                "the loss's arguments exchanged",
                {"forward(target, out)": "forward(out, target)"},
                "The loss's arguments are exchanged: labels come first.",
                "arguments",
            ),
            (
                "returns the gradient",
                {"return loss": "return gradient"},
                "It returns a gradient; the loss is asked.",
                "returns a gradient|must be a float",
            ),
            (
                "1/m twice",
                {GRADIENT: f"{GRADIENT} / len(out)"},
                "The gradient is divided by the number of examples; the loss has done that.",
                "number of examples|times too small: the batch",
            ),
            (
                "first layer skipped",
                {"reversed(self.layers)": "reversed(self.layers[1:])"},
                "The first layer is skipped: its parameters need gradients, too.",
                "first layer|layer 1.*It is 0",
            ),
            (
                "σ' twice",
                {GRADIENT: GRADIENT + AGAIN},
                "The last activation's derivative is taken here, and again in its layer.",
                "derivative",
            ),
            (
                "forward again",
                {"loss = self": "out = self.forward(self.layers[0].cache['X'])\nloss = self"},
                "forward runs again: it has left all that backward needs.",
                "forward",
            ),
        ],
    ),
    *mistakes(
        NETWORK,
        "predict",
        [
            (
                "runs backward",
                {"return Y_hat, loss": f"{BACKWARD}return Y_hat, loss"},
                "It runs backward, which changes the gradients: predict only looks.",
                "changes the gradients|dL/dg.* has changed",
            ),
            (
                "only Y_hat",
                {"return Y_hat, loss": "return Y_hat"},
                "It returns Y_hat alone; the loss belongs to it.",
                "Y_hat alone|two things",
            ),
            (
                "loss first",
                {"return Y_hat, loss": "return loss, Y_hat"},
                "Loss and Y_hat come in the wrong order.",
                "wrong order",
            ),
            (
                "classes",
                {"return Y_hat, loss": "return Y_hat.argmax(axis=1), loss"},
                "It returns classes; the outputs themselves are asked.",
                "classes",
            ),
            (
                "updates",
                {"return Y_hat, loss": f"{BACKWARD}    self.update(0)\nreturn Y_hat, loss"},
                "It updates the parameters: predict only looks.",
                "updates the parameters|g of layer.* has changed",
            ),
        ],
    ),
]
