"""Picture of docs/convolution.md, convolution.png: ``python docs/figures/draw_convolution.py``.

Every number in it comes from an array, so the drawing agrees with the code: the columns are those
of ``im2col``, and both products are checked against ``Conv2D``.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from neural_networks.layers import Conv2D
from neural_networks.utils.convolution import im2col

H, W, K1, K2 = 5, 4, 3, 2
H_OUT, W_OUT = H - K1 + 1, W - K2 + 1
# A pixel is named by its row and column, and has the color of its row.
IMAGE = np.array([[10 * y + x for x in range(1, W + 1)] for y in range(1, H + 1)])
ROW_COLORS = ["#fde0c5", "#fbd0d9", "#d9d2f0", "#c9e3f5", "#d3ecd0"]
KERNEL = np.array(list("abcdef")).reshape(K1, K2)
KERNEL_COLORS = ["#bdbdbd", "#d3d3d3", "#e9e9e9"]
INK, ACCENT = "#3a3a3a", "#d9652b"


def unfolded() -> np.ndarray:
    """U of the image, (H·W_out, k2): each pixel and its right neighbor."""
    windows = [IMAGE[y, x : x + K2] for y in range(H) for x in range(W_OUT)]
    return np.array(windows)


def check() -> None:
    """Assert that both products equal the output of the layer."""
    layer = Conv2D(1, (K1, K2), "linear", pad="valid", rng=0)
    X = IMAGE[np.newaxis, :, :, np.newaxis].astype(float)
    Z = layer.forward(X).ravel()
    kernel = layer.parameters["W"].reshape(K1, K2)
    columns = im2col(X, (K1, K2), 1, "valid") @ kernel.ravel()
    size = H_OUT * W_OUT
    U = unfolded()
    rows = sum(U[i * W_OUT :][:size] @ kernel[i] for i in range(K1))
    np.testing.assert_allclose(columns, Z)
    np.testing.assert_allclose(rows, Z)


def cells(axes: Axes, left: float, top: float, labels: np.ndarray, colors: np.ndarray) -> None:
    """A matrix of labeled cells; its upper left corner at (left, top), rows going down."""
    for (i, j), label in np.ndenumerate(labels):
        x, y = left + j, top - i - 1
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colors[i, j], edgecolor="white"))
        axes.text(x + 0.5, y + 0.5, str(label), ha="center", va="center", color=INK)


def pixel_colors(pixels: np.ndarray) -> np.ndarray:
    """The color of each pixel's row."""
    return np.array(ROW_COLORS, dtype=object)[pixels // 10 - 1]


def kernel_colors(labels: np.ndarray) -> np.ndarray:
    """The gray of each weight's row in the kernel."""
    rows = {letter: i for (i, _), letter in np.ndenumerate(KERNEL)}
    return np.array([[KERNEL_COLORS[rows[label]] for label in row] for row in labels], object)


def frame(axes: Axes, left: float, top: float, width: float, height: float) -> None:
    """A frame that marks one window."""
    axes.add_patch(
        Rectangle((left, top - height), width, height, fill=False, edgecolor=ACCENT, linewidth=2.2)
    )


def title(axes: Axes, left: float, text: str) -> None:
    """The heading of a part of the picture."""
    axes.text(left, 1.2, text, color=INK, fontsize=12, weight="bold", va="bottom")


def draw_image(axes: Axes) -> None:
    """The image, the kernel and one window."""
    title(axes, 0, "An image, a kernel")
    cells(axes, 0, 0, IMAGE, pixel_colors(IMAGE))
    frame(axes, 1, 0, K2, K1)
    cells(axes, 1, -7, KERNEL, kernel_colors(KERNEL))
    axes.text(0.5, -8.5, "W", ha="center", va="center", fontsize=12, color=INK)
    text = "z = a·12 + b·13\n  + c·22 + d·23\n  + e·32 + f·33"
    axes.text(0, -11.2, text, color=ACCENT, va="top", linespacing=1.5)


def draw_columns(axes: Axes, left: float) -> None:
    """im2col: a row for each window."""
    title(axes, left, "im2col: one product, k1·k2 copies")
    X_col = im2col(IMAGE[np.newaxis, :, :, np.newaxis], (K1, K2), 1, "valid")
    cells(axes, left, 0, X_col, pixel_colors(X_col))
    frame(axes, left, -1, K1 * K2, 1)
    column = KERNEL.reshape(-1, 1)
    axes.text(left + 6.6, -4.5, "·", fontsize=16, ha="center", va="center", color=INK)
    cells(axes, left + 7.2, -1.5, column, kernel_colors(column))
    text = f"{X_col.size} numbers from {IMAGE.size} pixels:\na row for each window"
    axes.text(left, -9.8, text, color=INK, va="top", linespacing=1.5)


def draw_rows(axes: Axes, left: float) -> None:
    """The image unfolded along its width: one U, read three times."""
    title(axes, left, "this library: k1 products, k2 copies")
    U = unfolded()
    cells(axes, left, 0, U, pixel_colors(U))
    size = H_OUT * W_OUT
    for i in range(K1):
        x = left + K2 + 0.5 + 1.1 * i
        top, bottom = -i * W_OUT, -i * W_OUT - size
        axes.plot([x, x + 0.3, x + 0.3, x], [top, top, bottom, bottom], color=INK, linewidth=1)
        axes.text(x + 0.45, (top + bottom) / 2, f"$U_{i}$", color=INK, va="center", fontsize=12)
        frame(axes, left, -i * W_OUT - 1, K2, 1)
    right = left + 7.2
    formula = "Z  =  " + " + ".join(f"$U_{i}$ · $W_{i}$" for i in range(K1))
    axes.text(right, -1.2, formula, color=INK, fontsize=12, va="center")
    for i, row in enumerate(KERNEL):
        column = row.reshape(-1, 1)
        top = -2.2 - 3.1 * i
        axes.text(right, top - 1, f"$W_{i}$  =", fontsize=12, va="center", color=INK)
        cells(axes, right + 1.8, top, column, kernel_colors(column))
    text = f"{U.size} numbers from {IMAGE.size} pixels:\n$U_1$ and $U_2$ are $U_0$ further down"
    axes.text(right, -12.2, text, color=INK, va="top", linespacing=1.5)


def main() -> None:
    """Write the picture into this folder."""
    check()
    figure = Figure(figsize=(12.5, 7.4), layout="constrained")
    axes = figure.add_subplot()
    draw_image(axes)
    draw_columns(axes, 7)
    draw_rows(axes, 18.5)
    axes.set_xlim(-0.3, 31.5)
    axes.set_ylim(-15.3, 2.2)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(Path(__file__).with_name("convolution.png"), dpi=110)


if __name__ == "__main__":
    main()
