"""Hidden cases drawn: the inputs of each exercise's recipes, of the public cases' kinds.

Each kind of public case has a hidden one, with the same options and special numbers, but of another
shape and with other numbers. They decide nothing that the docstrings of the blanks do not state.
The numbers are multiples of 1/64, as the public ones are. All sizes of a case differ, so that a sum
over the wrong axis shows, and no window of a maximum has ties unless it is meant to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from neural_networks.utils.convolution import output_shape, padding
from tests.recipes import SECOND

Inputs = dict[str, Any]
UNIT = 64
"""Numbers are multiples of 1 / UNIT."""

LAYER_ACTIVATIONS = ("linear", "tanh", "arctan")


class Drawn(NamedTuple):
    """Inputs and options of a case, what is special about it, and the methods that it is for."""

    title: str
    inputs: Inputs
    methods: tuple[str, ...] = ("forward", "backward")


class Numbers:
    """Random numbers for an exercise.

    Parameters
    ----------
    seed : int
    exercise : str
        Each has numbers of its own, so that it has the same cases in all assignments.
    """

    def __init__(self, seed: int, exercise: str) -> None:
        self.rng = np.random.default_rng([seed, *exercise.encode()])

    def normal(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        """Numbers from N(0, scale²), none of them exactly 0."""
        units = np.rint(UNIT * scale * self.rng.standard_normal(shape))
        return np.where(units == 0, 1, units) / UNIT

    def distinct(self, *shape: int) -> np.ndarray:
        """Numbers below 0, no two of them equal."""
        return -(1.0 + self.rng.permutation(int(np.prod(shape)))).reshape(shape) / UNIT

    def whole(self, low: int, high: int) -> int:
        """A whole number, from low up to and with high."""
        return int(self.rng.integers(low, high + 1))

    def sizes(self, count: int, low: int, high: int, public: Sequence[int] = ()) -> list[int]:
        """Sizes that differ from each other, and as a whole from the public ones."""
        while True:
            found = self.rng.permutation(np.arange(low, high + 1))[:count].tolist()
            if found != list(public):
                return found

    def one_hot(self, m: int, k: int) -> np.ndarray:
        """Labels of random classes."""
        return np.eye(k)[self.rng.integers(k, size=m)]

    def distributions(self, m: int, k: int) -> np.ndarray:
        """Rows of probabilities, with sum 1, none below 1/32."""
        shares = self.rng.dirichlet(np.ones(k), size=m)
        rows = [self.rng.multinomial(UNIT - 2 * k, share) for share in shares]
        return (2.0 + np.array(rows)) / UNIT


def hidden_inputs(recipe: str, seed: int) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Titles and inputs of a recipe's hidden cases; none for an exercise without any.

    Parameters
    ----------
    recipe : str
    seed : int
        The same seed gives the same cases.
    """
    exercise, method = recipe.split(".")
    if exercise not in EXERCISES:
        return []
    return [
        (drawn.title, {name: np.array(x) for name, x in _for(method, drawn.inputs).items()})
        for drawn in EXERCISES[exercise](Numbers(seed, exercise))
        if method in drawn.methods
    ]


def _for(method: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs that a method gets: upstream gradients are for backward."""
    if method == "backward":
        return inputs
    return {name: value for name, value in inputs.items() if not name.startswith("dLd")}


def _activation(numbers: Numbers, name: str, title: str, Z: np.ndarray, *methods: str) -> Drawn:
    inputs = {"name": name, "Z": Z, "dLdY": numbers.normal(*Z.shape)}
    return Drawn(title, inputs, methods or ("forward", "backward"))


def relu(numbers: Numbers) -> Iterator[Drawn]:
    """Random numbers, exact zeros, and four axes."""
    m, k = numbers.sizes(2, 5, 9)
    yield _activation(numbers, "relu", "", numbers.normal(m, k, scale=2))
    Z = numbers.normal(k, m, scale=2)
    Z[numbers.rng.random(Z.shape) < 0.3] = 0
    Z[0, :2] = 0, numbers.normal(1)[0]
    yield _activation(numbers, "relu", "exact zeros among Z", Z)
    yield _activation(
        numbers, "relu", "four axes", numbers.normal(*numbers.sizes(4, 2, 5), scale=2)
    )


def sigmoid(numbers: Numbers) -> Iterator[Drawn]:
    """Random numbers, large ones of either sign, and four axes."""
    m, k = numbers.sizes(2, 5, 9)
    yield _activation(numbers, "sigmoid", "", numbers.normal(m, k, scale=2))
    Z = numbers.normal(3, k)
    Z[0] = numbers.whole(800, 10**4)
    Z[1] = -numbers.whole(800, 10**4)
    Z = numbers.rng.permuted(Z, axis=0)
    yield _activation(numbers, "sigmoid", "numbers as large as ±1e4", Z, "forward")
    Z = numbers.normal(*numbers.sizes(4, 2, 5), scale=2)
    yield _activation(numbers, "sigmoid", "four axes", Z)


def softmax(numbers: Numbers) -> Iterator[Drawn]:
    """Random numbers, rows of large ones and of a wide range, and four axes."""
    m, k = numbers.sizes(2, 5, 9)
    yield _activation(numbers, "softmax", "", numbers.normal(m, k, scale=2))
    large = numbers.whole(750, 1000)
    Z = numbers.normal(3, k) + np.array([[large], [-large], [0]])
    yield _activation(numbers, "softmax", "rows of large numbers, and of large negative ones", Z)
    Z = numbers.normal(3, k)
    Z[0, :3] = -large, 0, large
    yield _activation(numbers, "softmax", "a row of a wide range", Z)
    Z = numbers.normal(*numbers.sizes(4, 2, 5), scale=2)
    yield _activation(numbers, "softmax", "four axes", Z, "forward")


def cross_entropy(numbers: Numbers) -> Iterator[Drawn]:
    """One-hot labels, distributions, and predictions of 0 where the label is 0."""
    name = "cross_entropy"
    m, k = numbers.sizes(2, 5, 9)
    Y, Y_hat = numbers.one_hot(m, k), numbers.distributions(m, k)
    yield Drawn("", {"name": name, "Y": Y, "Y_hat": Y_hat})
    m, k = numbers.sizes(2, 4, 8)
    Y, Y_hat = numbers.distributions(m, k), numbers.distributions(m, k)
    yield Drawn("labels that are no one-hot rows", {"name": name, "Y": Y, "Y_hat": Y_hat})
    Y, Y_hat = numbers.one_hot(k, m), numbers.distributions(k, m)
    moved = Y_hat * (Y == 0) * (numbers.rng.random(Y.shape) < 0.5)
    moved[0] = Y_hat[0] * (Y[0] == 0)
    Y_hat = Y_hat - moved + Y * moved.sum(axis=1, keepdims=True)
    yield Drawn("Y_hat of 0 where Y is 0", {"name": name, "Y": Y, "Y_hat": Y_hat}, ("forward",))


def l2(numbers: Numbers) -> Iterator[Drawn]:
    """Two batches, one of them with one output."""
    m, k = numbers.sizes(2, 3, 8, (7, 3))
    for shape in ((m, k), (k + 4, 1)):
        Y, Y_hat = numbers.normal(*shape), numbers.normal(*shape)
        yield Drawn("", {"name": "l2", "Y": Y, "Y_hat": Y_hat})


def _initial(numbers: Numbers, name: str, steps: bool) -> Drawn:
    """The case of ``_init_parameters``."""
    d, n, t = numbers.sizes(3, 21, 29)  # the public ones are 20 and 30
    X_shape = (-1, d, t) if steps else (-1, d)
    inputs = {"name": name, "activation": "linear", "n_out": n, "X_shape": X_shape}
    return Drawn("", inputs, ("init_params",))


def fully_connected(numbers: Numbers) -> Iterator[Drawn]:
    """Two batches of different size through one layer, for each activation."""
    yield _initial(numbers, "fully_connected", steps=False)
    d, n, *batches = numbers.sizes(4, 3, 8, (5, 3, 6, 4))
    parameters = {"W": numbers.normal(d, n), "b": numbers.normal(1, n)}
    arrays = dict(parameters)
    for ending, m in zip(("", SECOND), batches, strict=True):
        arrays |= {f"X{ending}": numbers.normal(m, d), f"dLdY{ending}": numbers.normal(m, n)}
    for activation in LAYER_ACTIVATIONS:
        options = {"name": "fully_connected", "activation": activation, "n_out": n}
        yield Drawn("", options | arrays)


def _images(numbers: Numbers, options: Inputs, images: Sequence[np.ndarray], n: int) -> Inputs:
    """The inputs of a layer of windows: two batches, with upstream gradients."""
    inputs = dict(options)
    for ending, X in zip(("", SECOND), images, strict=True):
        kernel = options["kernel_shape"]
        sides = padding(options["pad"], kernel)
        rows, columns = output_shape(X.shape[1:3], kernel, options["stride"], sides)
        inputs |= {f"X{ending}": X, f"dLdY{ending}": numbers.normal(len(X), rows, columns, n)}
    return inputs


def _image_shapes(numbers: Numbers) -> tuple[tuple[int, int, int, int], ...]:
    """Shapes of two batches of images, which windows of 2×3 at a distance of 2 or 3 do not fill."""
    m, channels = numbers.sizes(2, 2, 5, (4, 2))
    tall, low = (2 * numbers.whole(2, 3) + 1 for _ in "ab")
    wide, narrow = 2 * numbers.whole(3, 4), 2 * numbers.whole(2, 3)
    return (m, tall, wide, channels), (2 if m != 2 else 3, narrow, low, channels)


def conv2d(numbers: Numbers) -> Iterator[Drawn]:
    """A square kernel, then kernels of 2×3, first without stride and border, then with either."""
    places = ((1, "valid"), (2, "valid"), (1, (1, 2)), (3, (1, 2)))
    kinds = [((2, 2), 1, "valid", "linear"), *(((2, 3), *where, "linear") for where in places)]
    kinds += [((2, 3), 1, "valid", "tanh"), ((2, 3), 2, "same", "arctan")]
    shapes = _image_shapes(numbers)
    images = [numbers.normal(*shape) for shape in shapes]
    channels = shapes[0][3]
    n = channels + 1
    kernels = {kernel: numbers.normal(*kernel, channels, n) for kernel in ((2, 2), (2, 3))}
    b = numbers.normal(1, n)
    for kernel, stride, pad, activation in kinds:
        options = {"name": "conv2d", "kernel_shape": kernel, "stride": stride, "pad": pad}
        options |= {"activation": activation, "n_out": n, "W": kernels[kernel], "b": b}
        yield Drawn("", _images(numbers, options, images, n))


def pool2d(numbers: Numbers) -> Iterator[Drawn]:
    """Windows of 2×3: apart, overlapping, with a border, and with ties."""
    shapes = _image_shapes(numbers)
    images = [numbers.distinct(*shape) for shape in shapes]
    flat = [np.maximum(numbers.normal(*shape) - 0.5, 0) for shape in shapes]
    places = ((3, 0), (1, 0), (1, (1, 2)), (2, (1, 2)))
    kinds = [("max", *where, images) for where in places]
    kinds += [("max", 3, 0, flat), ("max", 1, 1, flat)]
    kinds += [("average", *where, images) for where in places]
    for mode, stride, pad, drawn in kinds:
        title = "several numbers of a window equal its maximum" if drawn is flat else ""
        options = {"name": "pool2d", "mode": mode, "kernel_shape": (2, 3)}
        options |= {"stride": stride, "pad": pad}
        yield Drawn(title, _images(numbers, options, drawn, shapes[0][3]))


def elman(numbers: Numbers) -> Iterator[Drawn]:
    """Two batches of different size and length, from zeros, for each activation."""
    yield _initial(numbers, "elman", steps=True)
    m, d, n, t = numbers.sizes(4, 3, 7, (5, 4, 3, 6))
    arrays = {"W": numbers.normal(d, n, scale=0.5), "U": numbers.normal(n, n, scale=0.5)}
    arrays["b"] = numbers.normal(1, n)
    for ending, examples, steps in (("", m, t), (SECOND, m - 1, t - 1)):
        arrays |= {f"X{ending}": numbers.normal(examples, d, steps)}
        arrays |= {f"dLdY{ending}": numbers.normal(examples, n)}
    for activation in LAYER_ACTIVATIONS:
        options = {"name": "elman", "activation": activation, "n_out": n}
        yield Drawn("", options | arrays, ("forward_step", "forward", "backward"))


def model(numbers: Numbers) -> Iterator[Drawn]:
    """Two batches of different size through three layers; predict has no labels for the second."""
    d, *batches = numbers.sizes(3, 2, 8, (3, 8, 5))
    gains = 0.5 + numbers.rng.permutation(np.delete(np.arange(4 * UNIT // 2), UNIT // 2))[:3] / UNIT
    signs = numbers.rng.permutation([1, 1, -1])
    X: Inputs = {f"g{i}": [[gain]] for i, gain in enumerate(gains * signs, start=1)}
    Y: Inputs = {}
    for ending, m in zip(("", SECOND), batches, strict=True):
        X[f"X{ending}"], Y[f"Y{ending}"] = numbers.normal(m, d), numbers.normal(m, 2 * d)
    yield Drawn("", X, ("forward",))
    yield Drawn("", X | Y, ("backward",))
    yield Drawn("", X | {"Y": Y["Y"]}, ("predict",))


EXERCISES: dict[str, Callable[[Numbers], Iterator[Drawn]]] = {
    function.__name__: function
    for function in (
        relu, sigmoid, softmax, cross_entropy, l2, fully_connected, conv2d, pool2d, elman, model,
    )
}  # fmt: skip
"""The exercises that have hidden cases, by name."""
