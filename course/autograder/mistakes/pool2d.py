"""Mistakes in the pooling layer."""

import numpy as np

from course.autograder.mistakes.kinds import Exercise, mistakes
from neural_networks.layers import pool2d
from neural_networks.layers.factory import LAYERS
from neural_networks.utils.convolution import pad2d


class Pool2D(pool2d.Pool2D):
    """A plain solution."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y."""
        X = self.check_input(X)
        (k1, k2), s = self.kernel_shape, self.stride
        border = -np.inf if self.mode == "max" else 0
        X_pad, (p1, _, p2, _) = pad2d(X, self.pad, self.kernel_shape, value=border)
        rows = (X.shape[1] + 2 * p1 - k1) // s + 1
        columns = (X.shape[2] + 2 * p2 - k2) // s + 1
        Y = np.zeros((len(X), rows, columns, X.shape[3]))
        for r, c in np.ndindex(rows, columns):
            window = X_pad[:, r * s : r * s + k1, c * s : c * s + k2]
            if self.mode == "max":
                Y[:, r, c] = window.max(axis=(1, 2))
            else:
                Y[:, r, c] = window.mean(axis=(1, 2))
        self.cache["X"] = X
        return Y

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX."""
        X = self.cache["X"]
        (k1, k2), s = self.kernel_shape, self.stride
        border = -np.inf if self.mode == "max" else 0
        X_pad, (p1, _, p2, _) = pad2d(X, self.pad, self.kernel_shape, value=border)
        dX = np.zeros(X_pad.shape)
        for r, c in np.ndindex(dLdY.shape[1:3]):
            window = X_pad[:, r * s : r * s + k1, c * s : c * s + k2]
            target = dX[:, r * s : r * s + k1, c * s : c * s + k2]
            gradient = dLdY[:, r : r + 1, c : c + 1]
            if self.mode == "max":
                flat = window.reshape(len(X), k1 * k2, 1, -1)
                place = flat.argmax(axis=1)[:, None]
                mask = np.arange(k1 * k2).reshape(-1, 1, 1) == place
                target += gradient * mask.reshape(window.shape)
            else:
                target += gradient / (k1 * k2)
        return dX[:, p1 : p1 + X.shape[1], p2 : p2 + X.shape[2]]


POOL2D = Exercise("pool2d", Pool2D, LAYERS, "pool2d", "test_layers.TestPool2D")

MAX, MEAN = "window.max(axis=(1, 2))", "window.mean(axis=(1, 2))"
BORDER = '-np.inf if self.mode == "max" else 0'
WINDOW = "X_pad[:, r * s : r * s + k1, c * s : c * s + k2]"
MASK, SHARE = "mask.reshape(window.shape)", "target += gradient / (k1 * k2)"
TO_MAX = f"target += gradient * {MASK}"
PLACE = "flat.argmax(axis=1)[:, None]"
OVERWRITES = "A window overwrites the one before: a pixel in several windows gets the sum."

MISTAKES = [
    *mistakes(
        POOL2D,
        "forward",
        [
            (
                "border of 0 for a maximum",
                {BORDER: "0"},
                "The border's zeros win the maximum: it must never win.",
                "win the maximum|with pad|edges",
            ),
            (
                "average without the border",
                {
                    BORDER: '-np.inf if self.mode == "max" else np.nan',
                    MEAN: "np.nanmean(window, (1, 2))",
                },
                "The average leaves the border out: its zeros count.",
                "leaves the border|with pad|edges",
            ),
            (
                "maximum over the channels",
                {MAX: "window.max(axis=(1, 2, 3))[:, None]"},
                "The maximum goes over the channels, too: each is pooled by itself.",
                "over the channels",
            ),
            (
                "k1 and k2 exchanged",
                {"(k1, k2), s": "(k2, k1), s"},
                "Height and width of the window are exchanged.",
                "Height and width",
            ),
            (
                "stride ignored",
                {WINDOW: "X_pad[:, r : r + k1, c : c + k2]"},
                "The stride is ignored: windows begin at its multiples.",
                "stride is ignored|with stride",
            ),
            (
                "sum for average",
                {MEAN: "window.sum(axis=(1, 2))"},
                "This is the sum of a window, not its average.",
                "sum of a window|a window has",
            ),
            (
                "maximum over the batch",
                {MAX: "window.max(axis=(0, 1, 2))"},
                "The maximum goes over the batch, too: each image is pooled by itself.",
                "over the batch",
            ),
        ],
    ),
    *mistakes(
        POOL2D,
        "backward",
        [
            (
                "= for += with max",
                {TO_MAX: f"target[...] = gradient * {MASK}"},
                OVERWRITES,
                "overwrites|windows that overlap",
            ),
            (
                "= for += with average",
                {SHARE: "target[...] = gradient / (k1 * k2)"},
                OVERWRITES,
                "overwrites|windows that overlap",
            ),
            (
                "= for += with both",
                {
                    TO_MAX: f"target[...] = gradient * {MASK}",
                    SHARE: "target[...] = gradient / (k1 * k2)",
                },
                OVERWRITES,
                "overwrites|windows that overlap",
            ),
            (
                "not divided",
                {SHARE: "target += gradient"},
                "The average's gradient is not divided: each number gets a share.",
                "not divided|a window has",
            ),
            (
                "/ k1²",
                {SHARE: "target += gradient / (k1 * k1)"},
                "The share is that of a square window: k1 and k2 may differ.",
                "square window",
            ),
            (
                "the whole window gets it",
                {MASK: "np.ones(window.shape)"},
                "Every number of a window gets the maximum's gradient: only the maximum does.",
                "Every number of a window",
            ),
            (
                "maximum over the channels",
                {MASK: "(window == window.max(axis=(1, 2, 3), keepdims=True))"},
                "The maximum is looked for in all channels: each has its own.",
                "all channels",
            ),
            (
                "border left on",
                {"dX[:, p1 : p1 + X.shape[1], p2 : p2 + X.shape[2]]": "dX"},
                "dL/dX still has the border: it has the shape of X.",
                "still has the border|with pad",
            ),
            (
                "ties: all get it",
                {MASK: "(window == window.max(axis=(1, 2), keepdims=True))"},
                "All numbers that equal the maximum get its gradient: only the first of them does.",
                "equal",
            ),
            (
                "ties: the last",
                {PLACE: "(k1 * k2 - 1 - flat[:, ::-1].argmax(axis=1))[:, None]"},
                "The last of equal maxima gets the gradient: it goes to the first.",
                "equal",
            ),
            (
                "mask · X",
                {MASK: f"{MASK} * np.where(np.isinf(window), 0, window)"},
                "The gradient is multiplied by X: the derivative of a maximum is 1 or 0.",
                "multiplied by X",
            ),
        ],
    ),
]
