"""Picture of docs/convolution.md, winograd.png: ``python docs/figures/draw_winograd.py``.

Every number and color in it comes from an array: the image is a digit, the transforms are those of
``utils.winograd``, and the result is checked against ``Conv2D``.
"""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.datasets import load_digits

from neural_networks.layers import Conv2D
from neural_networks.utils.convolution import pad2d
from neural_networks.utils.winograd import TILE, matrices

IMAGE = load_digits().images[0].astype(int)
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
K = len(KERNEL)
STEP = TILE + 1 - K
TILE_COLORS = ["#d9652b", "#2e86c1", "#3f9b4f", "#8e5bb5"]
SHADES = colormaps["Greys"]
SIGNED = colormaps["RdBu_r"]
INK, PALE = "#3a3a3a", "#9a9a9a"
TOP, BOTTOM = 0, -13
PLACES = {"x": 0, "V": 8.3, "U": 16.6, "M": 24.9, "Z": 33.4}
"""The left sides of the matrices in the lower row."""


def padded() -> np.ndarray:
    """The image in a border of zeros, (10, 10)."""
    return pad2d(IMAGE[np.newaxis, :, :, np.newaxis], "same", K)[0][0, :, :, 0]


def output() -> np.ndarray:
    """The output of the layer, (8, 8)."""
    layer = Conv2D(1, K, "linear", rng=0)
    X = IMAGE[np.newaxis, :, :, np.newaxis].astype(float)
    layer.forward(X)
    layer.parameters["W"][:] = KERNEL[:, :, np.newaxis, np.newaxis]
    return layer.forward(X)[0, :, :, 0].astype(int)


def steps(x: np.ndarray) -> dict[str, np.ndarray]:
    """The matrices of a tile: x, V = Bᵀ x B, U = G w Gᵀ, M = U ∘ V, Z = Aᵀ M A."""
    A, B, G = matrices(K, np.dtype("float64"))
    V, U = B.T @ x @ B, G @ KERNEL @ G.T
    return {"x": x, "V": V, "U": U, "M": U * V, "Z": A.T @ (U * V) @ A}


def check() -> None:
    """Assert that the tiles make up the output of the layer."""
    Z = np.empty(IMAGE.shape)
    for r in range(0, len(Z), STEP):
        for c in range(0, len(Z), STEP):
            x = padded()[r : r + TILE, c : c + TILE]
            Z[r : r + STEP, c : c + STEP] = steps(x)["Z"]
    np.testing.assert_allclose(Z, output(), atol=1e-12)


def cells(axes: Axes, left: float, top: float, colors: np.ndarray, numbers: np.ndarray) -> None:
    """A matrix of colored cells, with numbers; its upper left corner at (left, top)."""
    for i, j in np.ndindex(colors.shape[:2]):
        x, y = left + j, top - i - 1
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colors[i, j], edgecolor="white"))
        if numbers.size:
            color = PALE if numbers[i, j] == 0 else INK
            text = str(numbers[i, j]).replace("-", "−")
            size = 9.5 if len(text) < 3 else 8.2
            axes.text(x + 0.5, y + 0.5, text, color=color, ha="center", va="center", fontsize=size)


def frame(axes: Axes, left: float, top: float, size: float, color: str, inset: float = 0) -> None:
    """A square frame, moved inwards a little."""
    side = size - 2 * inset
    corner = left + inset, top - size + inset
    axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=color, linewidth=2.4))


def gray(numbers: np.ndarray) -> np.ndarray:
    """Colors of pixels."""
    return SHADES(0.02 + 0.5 * numbers / IMAGE.max())


def signed(numbers: np.ndarray, scale: float = 0.8) -> np.ndarray:
    """Colors of positive (red) and negative (blue) numbers."""
    return SIGNED(0.5 + 0.5 * scale * numbers / np.abs(numbers).max())


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A thin arrow."""
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


def words(axes: Axes, left: float, y: float, text: str, color: str = INK, size: int = 11) -> None:
    """Words whose lower left corner is at (left, y)."""
    axes.text(left, y, text, color=color, fontsize=size, va="bottom", linespacing=1.4)


def draw_images(axes: Axes) -> None:
    """Above: the image with its tiles, the kernel, the output with its blocks."""
    image, Z, right = padded(), output(), PLACES["Z"]
    tiles = "4 tiles of 6×6; neighbors share 2 rows or columns"
    words(axes, 0, TOP + 0.5, f"An image of 8×8 pixels in a border of 0:\n{tiles}")
    cells(axes, 0, TOP, gray(image), image)
    words(axes, PLACES["U"] + 0.8, -4.6, "A kernel w, 3×3")
    cells(axes, PLACES["U"] + 1.5, -5, signed(KERNEL, 0.5), KERNEL)
    words(axes, right, TOP + 0.5, "The output:\n4 blocks of 4×4")
    cells(axes, right, TOP, signed(Z, 0.5), Z)
    for i, color in enumerate(TILE_COLORS):
        r, c = (STEP * n for n in divmod(i, 2))
        frame(axes, c, TOP - r, TILE, color, inset=0.05 + 0.06 * i)
        frame(axes, right + c, TOP - r, STEP, color, inset=0.06)


def draw_steps(axes: Axes, i: int) -> None:
    """Below: the steps of one tile."""
    r, c = (STEP * n for n in divmod(i, 2))
    found = steps(padded()[r : r + TILE, c : c + TILE])
    found |= {name: np.rint(found[name]).astype(int) for name in ("x", "Z")}
    none = np.empty(0)
    cells(axes, PLACES["x"], BOTTOM, gray(found["x"]), found["x"])
    for name in "VUM":
        cells(axes, PLACES[name], BOTTOM, signed(found[name], 1), none)
    colors = signed(output(), 0.5)[r : r + STEP, c : c + STEP]
    cells(axes, PLACES["Z"], BOTTOM - 1, colors, found["Z"])
    frame(axes, PLACES["x"], BOTTOM, TILE, TILE_COLORS[i])
    frame(axes, PLACES["Z"], BOTTOM - 1, STEP, TILE_COLORS[i])
    titles = {
        "x": "x, 36 pixels",
        "V": "V = $B^T$ x B",
        "U": "U = G w $G^T$",
        "M": "M: 36 products",
        "Z": "Z = $A^T$ M A",
    }
    for name, text in titles.items():
        words(axes, PLACES[name], BOTTOM - (6.4 if name == "Z" else 7.4), text, size=12)
    middle = BOTTOM - TILE / 2
    for name, sign in (("V", "∘"), ("U", "=")):
        x = PLACES[name] + TILE + 1.15
        axes.text(x, middle, sign, fontsize=17, ha="center", va="center", color=INK)


def draw_arrows(axes: Axes, i: int) -> None:
    """From the tile to x, to V; from the kernel to U; from M to Z, and up to the output."""
    middle, edge = BOTTOM - TILE / 2, 0.4
    r, c = (STEP * n for n in divmod(i, 2))
    arrow(axes, (3 + c, TOP - r - TILE - edge), (3, BOTTOM + edge))
    arrow(axes, (TILE + edge, middle), (PLACES["V"] - edge, middle))
    arrow(axes, (PLACES["U"] + 3, -8 - edge), (PLACES["U"] + 3, BOTTOM + edge))
    arrow(axes, (PLACES["M"] + TILE + edge, middle), (PLACES["Z"] - edge, middle))
    x = PLACES["Z"] + STEP / 2
    arrow(axes, (x, BOTTOM - 1 + edge), (x + c, TOP - r - STEP - edge))


def main() -> None:
    """Write the picture into this folder."""
    check()
    figure = Figure(figsize=(12.5, 7), layout="constrained")
    axes = figure.add_subplot()
    draw_images(axes)
    draw_steps(axes, 2)
    draw_arrows(axes, 2)
    axes.set_xlim(-0.4, PLACES["Z"] + len(IMAGE) + 0.4)
    axes.set_ylim(BOTTOM - 7.6, TOP + 2.8)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(Path(__file__).with_name("winograd.png"), dpi=110)


if __name__ == "__main__":
    main()
