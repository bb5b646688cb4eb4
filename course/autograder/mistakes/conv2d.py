"""Mistakes in the convolutional layer."""

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks.layers import conv2d
from neural_networks.layers.factory import LAYERS
from neural_networks.utils.convolution import pad2d


class Conv2D(conv2d.Conv2D):
    """A plain solution."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y."""
        X = self.check_input(X)
        W, b = self.parameters["W"], self.parameters["b"]
        (k1, k2), s = self.kernel_shape, self.stride
        X_pad, (p1, _, p2, _) = pad2d(X, self.pad, self.kernel_shape)
        rows = (X.shape[1] + 2 * p1 - k1) // s + 1
        columns = (X.shape[2] + 2 * p2 - k2) // s + 1
        Z = np.zeros((len(X), rows, columns, self.n_out))
        for r, c in np.ndindex(rows, columns):
            window = X_pad[:, r * s : r * s + k1, c * s : c * s + k2]
            Z[:, r, c] = np.tensordot(window, W, 3) + b
        self.cache["X"], self.cache["Z"] = X, Z
        return self.activation(Z)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX."""
        X, Z, W = self.cache["X"], self.cache["Z"], self.parameters["W"]
        dLdZ = self.activation.backward(Z, dLdY)
        (k1, k2), s = self.kernel_shape, self.stride
        X_pad, (p1, _, p2, _) = pad2d(X, self.pad, self.kernel_shape)
        dW, dX = np.zeros(W.shape), np.zeros(X_pad.shape)
        for r, c in np.ndindex(Z.shape[1:3]):
            window = X_pad[:, r * s : r * s + k1, c * s : c * s + k2]
            dW += np.tensordot(window, dLdZ[:, r, c], (0, 0))
            part = np.tensordot(dLdZ[:, r, c], W, (1, 3))
            dX[:, r * s : r * s + k1, c * s : c * s + k2] += part
        self.gradients["W"] = dW
        self.gradients["b"] = dLdZ.sum(axis=(0, 1, 2)).reshape(1, -1)
        return dX[:, p1 : p1 + X.shape[1], p2 : p2 + X.shape[2]]


CONV2D = Exercise("conv2d", Conv2D, LAYERS, "conv2d", "test_layers.TestConv2D")

Z, PADDED = "np.tensordot(window, W, 3) + b", "pad2d(X, self.pad, self.kernel_shape)"
DZ, DB = "dLdZ = self.activation.backward(Z, dLdY)", "dLdZ.sum(axis=(0, 1, 2)).reshape(1, -1)"
INSIDE = "dX[:, p1 : p1 + X.shape[1], p2 : p2 + X.shape[2]]"
WINDOW = "r * s : r * s + k1, c * s : c * s + k2"
TARGET = f"dX[:, {WINDOW}] += part"
DIVIDED = "It is divided by the number of examples; the loss has done that already."

MISTAKES = [
    *mistakes(
        CONV2D,
        "forward",
        [
            (
                "kernel turned",
                {Z: "np.tensordot(window, W[::-1, ::-1], 3) + b"},
                "The kernel is turned by 180°: here it is applied as it is.",
                "turned by 180",
            ),
            ("no b", {Z: "np.tensordot(window, W, 3)"}, "b is missing.", "b is missing|is b added"),
            (
                "stride ignored",
                {WINDOW: "r : r + k1, c : c + k2"},
                "The stride is ignored: windows begin at its multiples.",
                "stride is ignored|ignores the stride|with stride",
            ),
            (
                "k1 and k2 exchanged",
                {"(k1, k2), s": "(k2, k1), s"},
                "Height and width of the kernel are exchanged.",
                "Height and width|with kernel_shape",
            ),
            (
                "size without + 1",
                {"k1) // s + 1": "k1) // s", "k2) // s + 1": "k2) // s"},
                "The output is too small by one: see its size in the docstring.",
                "output's size|too small by one",
            ),
            (
                "ceil for floor",
                {
                    "(X.shape[1] + 2 * p1 - k1) // s": "-(-(X.shape[1] + 2 * p1 - k1) // s)",
                    "(X.shape[2] + 2 * p2 - k2) // s": "-(-(X.shape[2] + 2 * p2 - k2) // s)",
                },
                "The last window leaves the image: the number of windows is rounded down.",
                "rounded down|with stride",
            ),
            (
                "border on one side",
                {PADDED: PADDED + "\nX_pad = np.roll(X_pad, (p1, p2), (1, 2))"},
                "The border lies on one side only: half of it belongs to the other.",
                "one side|with pad",
            ),
            (
                "rows and columns of the border exchanged",
                {
                    PADDED: PADDED
                    + "\nX_pad = np.pad(X, ((0, 0), (p2, p2), (p1, p1), (0, 0)))"
                    + "\np1, p2 = p2, p1"
                },
                "Rows and columns of the border are exchanged.",
                "Rows and columns of the border|with pad",
            ),
            (
                "no σ",
                {"return self.activation(Z)": "return Z.copy()"},
                "The activation function is missing.",
                "activation function is missing|activation linear, wrong with",
            ),
            (
                "b k1·k2 times",
                {Z: "np.tensordot(window, W, 3) + k1 * k2 * b"},
                "b is added for each number of a window: once is enough.",
                "once",
            ),
            (
                "mean over the batch",
                {Z: f"({Z}) / len(X)"},
                "It is divided by the number of examples: a convolution is no mean over them.",
                "number of examples|times too small: the batch",
            ),
        ],
    ),
    *mistakes(
        CONV2D,
        "backward",
        [
            (
                "no σ'",
                {DZ: "dLdZ = dLdY"},
                "σ's derivative is missing: dL/dY is used in place of dL/dZ.",
                "derivative",
            ),
            (
                "mean over places for dL/db",
                {DB: "dLdZ.mean(axis=(1, 2)).sum(axis=0).reshape(1, -1)"},
                "dL/db is a mean over the places of the output; it must be a sum.",
                "mean over the places",
            ),
            (
                "dL/db over the batch only",
                {DB: "dLdZ.sum(axis=0)"},
                "dL/db is summed over the batch only: b is added at each place, too.",
                "at each place|more axes",
            ),
            (
                "dL/db (n_out,)",
                {DB: "dLdZ.sum(axis=(0, 1, 2))"},
                "dL/db has one axis; it has the shape of b, (1, n_out).",
                "one axis|axis of size 1",
            ),
            (
                "= for += in dL/dX",
                {TARGET: TARGET.replace("+=", "=")},
                "In dL/dX a window overwrites the one before: a pixel in several gets the sum.",
                "overwrites|windows that overlap",
            ),
            (
                "= for += in dL/dW",
                {"dW +=": "dW ="},
                "dL/dW is that of the last window alone: it is the sum over all.",
                "last window",
            ),
            (
                "border left on",
                {INSIDE: "dX"},
                "dL/dX still has the border: it has the shape of X.",
                "still has the border|with pad",
            ),
            (
                "[p:-p] where p is 0",
                {INSIDE: "dX[:, p1:-p1, p2:-p2]"},
                "[p:-p] is empty where p is 0.",
                "\\[p:-p\\]|with pad",
            ),
            (
                "border cut by the other axis' width",
                {INSIDE: "dX[:, p2 : p2 + X.shape[1], p1 : p1 + X.shape[2]]"},
                "The border is cut off with rows and columns exchanged.",
                "rows and columns exchanged|with pad",
            ),
            (
                "turned W in dL/dX",
                {"dLdZ[:, r, c], W, (1, 3)": "dLdZ[:, r, c], W[::-1, ::-1], (1, 3)"},
                "dL/dX uses the kernel turned by 180°: window by window it stays as it is.",
                "turned by 180",
            ),
            (
                "stride ignored",
                {TARGET: "dX[:, r : r + k1, c : c + k2] += part"},
                "dL/dX ignores the stride: gradients go back to where the window lay.",
                "stride is ignored|ignores the stride|with stride",
            ),
            (
                "dL/dW from another border",
                {"dW, dX = np": "X_pad = np.roll(X_pad, (p1, p2), (1, 2))\ndW, dX = np"},
                "dL/dW is made of images with another border than forward's.",
                "border|with pad",
            ),
            ("1/m", {DZ: f"{DZ} / len(X)"}, DIVIDED, "number of examples|too small: the batch"),
        ],
    ),
]
