"""Cases of convolution and pooling: tables, layers, and pooling as a loop."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from neural_networks.layers import Conv2D, Layer, Pool2D
from tests.support.arrays import dtypes, seeds, sizes

WAYS = tuple(product(("forward", "forward_faster"), ("backward", "backward_faster")))
"""Pairs of forward and backward; the two implementations can be mixed."""

IMAGES = (3, 5, 6, 2)
"""The shape of ``images()``."""

FORWARDS, BACKWARDS = ("forward", "forward_faster"), ("backward", "backward_faster")


class Case(NamedTuple):
    """One line of a table: a layer's arguments, and the shape of its images (m, H, W, C)."""

    kernel_shape: tuple[int, int]
    stride: int
    pad: object
    X_shape: tuple[int, int, int, int]
    n_out: int = 2
    activation: str = "linear"


SQUARE = [(k, k) for k in range(1, 8)]
KERNELS = [*SQUARE, (1, 3), (3, 1), (2, 3), (5, 2), (3, 7), (7, 4)]
PADS = ("same", "valid", 1, (2, 1), (0, 3))
SIGMAS = ("linear", "linear", "tanh", "linear", "linear", "relu", "linear")

# Every kernel with every stride; the other options alternate, with coprime periods.
CONVOLUTIONS = [
    Case(kernel, stride, PADS[i % 5], (2, 8, 9, 1 + i % 3), 2, SIGMAS[i % 7])
    for i, (kernel, stride) in enumerate(product(KERNELS, range(1, 5)))
] + [
    # A kernel as large as the image, and one larger than the unpadded image.
    Case((5, 4), 1, "valid", (2, 5, 4, 3)),
    Case((5, 4), 3, 0, (2, 5, 4, 3)),
    Case((3, 3), 1, "same", (2, 1, 1, 2)),
    Case((5, 5), 1, 2, (2, 3, 4, 2)),
    Case((4, 6), 2, (3, 2), (1, 2, 2, 2), 1),
    # Images that are rows or columns; one example; many.
    Case((1, 4), 2, (0, 1), (2, 1, 17, 2)),
    Case((4, 1), 1, "same", (2, 17, 1, 2)),
    Case((3, 2), 1, 1, (1, 4, 3, 1), 1, "tanh"),
    Case((2, 2), 2, "valid", (9, 4, 5, 1), 1, "relu"),
    # Padding wider than the kernel.
    Case((2, 1), 1, (3, 2), (2, 3, 4, 1)),
    Case((1, 2), 3, 4, (2, 3, 4, 1)),
    # Many channels.
    Case((3, 3), 1, "same", (1, 4, 5, 7), 3, "relu"),
    Case((3, 3), 1, "valid", (1, 4, 5, 8), 3, "relu"),
    Case((2, 3), 2, "same", (1, 5, 4, 9), 17),
    Case((5, 5), 2, 2, (1, 6, 5, 16), 2),
    Case((3, 3), 1, 1, (1, 4, 3, 64), 2, "tanh"),
    Case((1, 1), 1, "same", (2, 2, 3, 64), 3),
    Case((2, 2), 2, "valid", (1, 4, 4, 64), 2, "relu"),
]

# As many channels as Winograd's method needs.
WIDE_CONVOLUTIONS = [
    Case((3, 3), 1, "same", (2, 7, 9, 16), 18, "tanh"),
    Case((3, 3), 1, "valid", (1, 6, 6, 17), 16, "relu"),
    Case((3, 3), 1, (2, 1), (1, 4, 3, 16), 16),
]

# n_out and activation are unused here. PyTorch allows padding of at most half a window.
POOLINGS = [
    Case(
        (k1, k2),
        stride,
        (0, "same", "valid", (k1 // 2, k2 // 2), min(k1, k2) // 2)[(n + stride) % 5],
        (2, 8, 7, 1 + n % 3),
    )
    for n, (k1, k2) in enumerate([*SQUARE, (1, 4), (3, 2), (2, 5), (7, 3)])
    for stride in range(1, 5)
] + [
    Case((5, 4), 1, "valid", (3, 5, 4, 2)),
    Case((2, 2), 2, 0, (1, 4, 4, 64)),
    Case((3, 3), 2, 1, (1, 1, 1, 2)),
]


def conv(
    X_shape: tuple[int, ...],
    kernel_shape: object = 3,
    n_out: int = 3,
    activation: str = "linear",
    stride: int = 1,
    pad: object = "same",
    dtype: str = "float64",
) -> Conv2D:
    """A convolution for images of a shape, with random kernels and biases."""
    rng = np.random.default_rng(7)
    layer = Conv2D(n_out, kernel_shape, activation, stride, pad, dtype=dtype)
    layer._init_parameters(X_shape)
    W = rng.standard_normal(layer.parameters["W"].shape)
    layer.parameters["W"] = (W / np.sqrt(W[..., 0].size)).astype(dtype)
    layer.parameters["b"] = rng.standard_normal((1, n_out)).astype(dtype)
    return layer


def images(dtype: str = "float64", shape: tuple[int, ...] = IMAGES) -> np.ndarray:
    """A batch of random images."""
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


def layers(dtype: str = "float64") -> Iterator[tuple[Layer, tuple[str, str]]]:
    """Layers of both kinds for ``images()``, and the pairs of methods to run them by."""
    for stride, pad in ((1, "same"), (1, "valid"), (2, 1)):
        for activation in ("linear", "relu", "softmax"):
            for way in WAYS:
                yield conv(IMAGES, (3, 2), 4, activation, stride, pad, dtype), way
    for mode in ("max", "average"):
        for kernel, stride, pad in ((2, 2, 0), (3, 2, 1), (1, 1, 0)):
            for way in WAYS:
                yield Pool2D(kernel, mode, stride, pad, dtype=dtype), way


def run(layer: Layer, X: np.ndarray, dLdY: np.ndarray, way: tuple[str, str]) -> dict:
    """The output and every gradient of a layer, by one of the ``WAYS``."""
    forward, backward = way
    found = {"Y": getattr(layer, forward)(X), "dLdX": getattr(layer, backward)(dLdY)}
    return found | {f"dLd{name}": layer.gradients[name] for name in layer.parameters}


def pool(
    X: np.ndarray, dLdY: np.ndarray, case: Case, sides: tuple[int, int, int, int], mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """Y and dL/dX of pooling with padding (top, bottom, left, right), number by number."""
    (m, H, W, C), (k1, k2), s = X.shape, case.kernel_shape, case.stride
    top, bottom, left, right = sides
    shape = m, (top + H + bottom - k1) // s + 1, (left + W + right - k2) // s + 1, C
    Y, dLdX = np.zeros(shape, X.dtype), np.zeros_like(X)
    for e, r, c, k in np.ndindex(shape):
        y0, x0 = r * s - top, c * s - left
        inside = [
            (e, y, x, k)
            for y in range(y0, y0 + k1)
            if 0 <= y < H
            for x in range(x0, x0 + k2)
            if 0 <= x < W
        ]
        gradient = dLdY[e, r, c, k]
        if mode == "average":
            Y[e, r, c, k] = sum(X[pixel] for pixel in inside) / (k1 * k2)
            for pixel in inside:
                dLdX[pixel] += gradient / (k1 * k2)
        else:
            first = inside[0]
            for pixel in inside:
                if X[pixel] > X[first]:
                    first = pixel
            Y[e, r, c, k] = X[first]
            dLdX[first] += gradient
    return Y, dLdX


def gradient_checks(
    layer: Conv2D, X: np.ndarray, dLdX: np.ndarray, forward: str
) -> dict[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray]]:
    """For X, W and b: the output as a function of it, its gradient, and its value."""

    def output_of(name: str) -> Callable[[np.ndarray], np.ndarray]:
        def output(value: np.ndarray) -> np.ndarray:
            kept = layer.parameters[name]
            layer.parameters[name] = value
            Y = getattr(layer, forward)(X)
            layer.parameters[name] = kept
            return Y

        return output

    checks = {"X": (getattr(layer, forward), dLdX, X)}
    for name, value in layer.parameters.items():
        checks[name] = output_of(name), layer.gradients[name], value
    return checks


@st.composite
def windows(draw: st.DrawFn, small_pad: bool = False) -> tuple[Case, tuple[int, int, int, int]]:
    """A kernel, a stride, a padding and images that fit; and the padding's four sides.

    With ``small_pad`` the padding is narrower than the kernel, as pooling requires.
    """
    k1, k2 = kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    high, wide = (st.integers(0, k - 1 if small_pad else 3) for k in kernel)
    top, bottom, left, right = draw(high), draw(high), draw(wide), draw(wide)
    square = min(top, left)
    pads = {
        "same": ((k1 - 1) // 2, (k1 - 1) // 2, (k2 - 1) // 2, (k2 - 1) // 2),
        "valid": (0, 0, 0, 0),
        square: (square, square, square, square),
        (top, left): (top, top, left, left),
        (top, bottom, left, right): (top, bottom, left, right),
    }
    pad = draw(st.sampled_from(list(pads)))
    sides = pads[pad]
    H = draw(st.integers(max(1, k1 - sum(sides[:2])), 7))
    W = draw(st.integers(max(1, k2 - sum(sides[2:])), 7))
    m, C, n_out = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 3, 9])), draw(sizes)
    return Case(kernel, draw(st.integers(1, 4)), pad, (m, H, W, C), n_out), sides


any_windows = st.tuples(windows(), dtypes, seeds)
