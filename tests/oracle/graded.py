"""Cases of the graded tests, with PyTorch's results; part of ``tests/oracle/write_data.py``.

A file of ``tests/data`` holds the cases of each method of a class: inputs and options, the arrays
that must come out, and a title that says what is special about the case. The inputs are multiples
of 1/64, which compress well; they come from a generator of their own.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional

from tests.oracle.images import SIGMAS, convolve, pool
from tests.recipes import SECOND
from tests.support.image_cases import Case

SEED = 20230220

Arrays = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]
Function = Callable[..., torch.Tensor]


class Cases:
    """The cases of one file, as arrays under ``method/number/kind/name``."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self.numbers: dict[str, int] = {}

    def add(self, method: str, title: str, inputs: dict, expected: dict) -> None:
        number = self.numbers[method] = self.numbers.get(method, 0) + 1
        self.arrays[f"{method}/{number}/title"] = np.array(title)
        for kind, values in (("input", inputs), ("expected", expected)):
            for name, value in values.items():
                array = np.array(value.numpy() if isinstance(value, torch.Tensor) else value)
                self.arrays[f"{method}/{number}/{kind}/{name}"] = array

    def add_pair(self, title: str, inputs: dict, forward: dict, backward: dict) -> None:
        """A case of forward, without the gradients given, and one of backward."""
        without = {name: value for name, value in inputs.items() if not name.startswith("dLd")}
        self.add("forward", title, without, forward)
        self.add("backward", title, inputs, backward)


class Numbers:
    """Random numbers from their own generator."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(SEED)

    def normal(self, *shape: int, scale: float = 1.0) -> torch.Tensor:
        numbers = torch.randn(*shape, dtype=torch.float64, generator=self.generator)
        return (64 * scale * numbers).round() / 64

    def probabilities(self, *shape: int) -> torch.Tensor:
        return torch.softmax(self.normal(*shape), dim=1)

    def one_hot(self, m: int, k: int) -> torch.Tensor:
        classes = torch.randint(k, (m,), generator=self.generator)
        return functional.one_hot(classes, k).to(torch.float64)


def passes(fn: Function, inputs: Tensors, upstream: torch.Tensor) -> tuple[torch.Tensor, Tensors]:
    """The output of a function, and the gradient of Σ upstream · output for every input."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in inputs.items()}
    output = fn(**leaves)
    output.backward(upstream)
    return output.detach(), {f"dL/d{name}": leaf.grad for name, leaf in leaves.items()}


def activation_cases(numbers: Numbers, name: str, sigma: Function) -> Arrays:
    """Random numbers in two and in four dimensions, and those that an activation may stumble over.

    The softmax's gradient is asked for in two dimensions only, and gradients not at ±1e4.
    """
    cases = Cases()
    special = {
        "relu": [("exact zeros among Z", [[-1, 0, 2], [0, 0, -0.5], [3, -2, 0], [0.25, 1, -4]])],
        "sigmoid": [("numbers as large as ±1e4", [[1e4, -1e4, 0], [-800, 800, 30]])],
        "softmax": [
            (
                "rows of 1000, 1001, 1002 and of -1000, …",
                [[1000, 1001, 1002], [-1000, -1001, -999]],
            ),
            ("the row -1000, 0, 1000", [[-1000, 0, 1000], [1, 2, 3]]),
        ],
    }
    shapes = {"": (5, 4), "four axes": (2, 3, 2, 4)}
    drawn = [(title, away_from_0(2 * numbers.normal(*s))) for title, s in shapes.items()]
    given = [(title, torch.tensor(Z, dtype=torch.float64)) for title, Z in special.get(name, [])]
    for title, Z in drawn[:1] + given + drawn[1:]:
        dLdY = numbers.normal(*Z.shape)
        Y, found = passes(lambda Z: sigma(Z), {"Z": Z}, dLdY)
        inputs = {"name": name, "Z": Z}
        cases.add("forward", title, inputs, {"Y": Y})
        forward_only = ("sigmoid", "numbers as large as ±1e4"), ("softmax", "four axes")
        if (name, title) not in forward_only:
            cases.add("backward", title, inputs | {"dLdY": dLdY}, found)
    return cases.arrays


def away_from_0(Z: torch.Tensor) -> torch.Tensor:
    """Z without exact zeros."""
    return torch.where(Z == 0, 0.5, Z)


def cross_entropy(Y: torch.Tensor, Y_hat: torch.Tensor) -> torch.Tensor:
    """-(1/m) Σ Y ln Y_hat; xlogy counts 0 · ln 0 as 0."""
    return -torch.xlogy(Y, Y_hat).sum() / len(Y)


def cross_entropy_cases(numbers: Numbers) -> Arrays:
    """One-hot labels, distributions, and predictions of 0 where the label is 0."""
    cases = Cases()
    zeros = torch.tensor([[0, 1, 0], [0.5, 0, 0.5], [0, 0.25, 0.75]], dtype=torch.float64)
    zero_labels = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    for title, Y, Y_hat in (
        ("", numbers.one_hot(7, 4), numbers.probabilities(7, 4)),
        ("labels that are no one-hot rows", *(numbers.probabilities(5, 3) for _ in "ab")),
        ("Y_hat of 0 where Y is 0", zero_labels, zeros),
    ):
        add_loss(cases, "cross_entropy", cross_entropy, title, Y, Y_hat)
    return cases.arrays


def squared_error(Y: torch.Tensor, Y_hat: torch.Tensor) -> torch.Tensor:
    """(1/m) Σ (Y - Y_hat)²."""
    return functional.mse_loss(Y_hat, Y, reduction="sum") / len(Y)


def l2_cases(numbers: Numbers) -> Arrays:
    """Two batches."""
    cases = Cases()
    for m, k in ((7, 3), (5, 1)):
        Y, Y_hat = numbers.normal(m, k), numbers.normal(m, k)
        add_loss(cases, "l2", squared_error, "", Y, Y_hat)
    return cases.arrays


def add_loss(
    cases: Cases, name: str, fn: Function, title: str, Y: torch.Tensor, Y_hat: torch.Tensor
) -> None:
    """A case of a loss; none of its gradient where Y_hat is 0."""
    inputs = {"name": name, "Y": Y, "Y_hat": Y_hat}
    L, found = passes(lambda Y_hat: fn(Y, Y_hat), {"Y_hat": Y_hat}, torch.tensor(1.0))
    cases.add("forward", title, inputs, {"L": L})
    if Y_hat.all():
        cases.add("backward", title, inputs, found)


def layer_case(
    fn: Function, parameters: Tensors, options: dict, batches: list[tuple[torch.Tensor, ...]]
) -> tuple[dict, dict, dict]:
    """Inputs, expected outputs and expected gradients of batches (X, dL/dY) through one layer."""
    inputs, forward, backward = options | parameters, {}, {}
    for ending, (X, dLdY) in zip(("", SECOND), batches, strict=False):
        Y, found = passes(fn, {"X": X, **parameters}, dLdY)
        inputs |= {f"X{ending}": X, f"dLdY{ending}": dLdY}
        forward[f"Y{ending}"] = Y
        backward |= {f"{name}{ending}": value for name, value in found.items()}
    afterwards = {f"{name} afterwards": value for name, value in parameters.items()}
    return inputs, forward | afterwards, backward | afterwards


def initial_values(name: str, X_shape: tuple[int, ...], n_out: int, recurrent: bool) -> Cases:
    """The case of ``_init_parameters``: W and U are drawn, everything else is known."""
    cases, d = Cases(), X_shape[1]
    shapes = {"W": (d, n_out)} | ({"U": (n_out, n_out)} if recurrent else {})
    expected: dict = {"n_in": d}
    for key, shape in shapes.items():
        bound = "√(6 / (n_in + n_out))"
        expected[f"shape of {key}"] = np.array(shape)
        # xavier_uniform: uniform on ±√(6 / (n_in + n_out)), with mean 0.
        expected[f"largest |{key}| / {bound} at least"] = 0.9
        expected[f"largest |{key}| / {bound} at most"] = 1.0
        expected[f"|mean of {key}| / {bound} at most"] = 0.2
    expected["parameters['b']"] = np.zeros((1, n_out))
    for key, shape in (shapes | {"b": (1, n_out)}).items():
        expected[f"gradients['{key}']"] = np.zeros(shape)
    inputs = {"name": name, "activation": "linear", "n_out": n_out, "X_shape": np.array(X_shape)}
    cases.add("init_params", "", inputs, expected)
    return cases


def fully_connected_cases(numbers: Numbers) -> Arrays:
    """Two batches of different size through one layer, for each activation."""
    cases, (d, n) = initial_values("fully_connected", (-1, 20), 30, False), (5, 3)
    parameters = {"W": numbers.normal(d, n), "b": numbers.normal(1, n)}
    batches = [(numbers.normal(m, d), numbers.normal(m, n)) for m in (6, 4)]
    for activation in ("linear", "tanh", "arctan"):
        sigma = SIGMAS[activation]
        options = {"name": "fully_connected", "activation": activation, "n_out": n}
        found = layer_case(
            lambda X, W, b, sigma=sigma: sigma(functional.linear(X, W.T, b[0])),
            parameters,
            options,
            batches,
        )
        cases.add_pair("", *found)
    return cases.arrays


def convolution_cases(numbers: Numbers) -> Arrays:
    """A square kernel, then kernels of 3×2, first without stride and border, then with either."""
    cases, (height, width, channels, n) = Cases(), (6, 7, 2, 3)
    places = ((1, "valid"), (2, "valid"), (1, (2, 1)), (3, (2, 1)))
    kinds = [((3, 3), 1, "valid", "linear"), *(((3, 2), *where, "linear") for where in places)]
    kinds += [((3, 2), 1, "valid", "tanh"), ((3, 2), 2, "same", "arctan")]
    X, X_second = numbers.normal(4, height, width, channels), numbers.normal(2, 5, 6, channels)
    kernels = {k: numbers.normal(*k, channels, n) for k in ((3, 3), (3, 2))}
    b = numbers.normal(1, n)
    for kernel, stride, pad, activation in kinds:
        options = {
            "name": "conv2d",
            "kernel_shape": kernel,
            "stride": stride,
            "pad": pad,
            "activation": activation,
            "n_out": n,
        }

        def fn(X, W, b, options=(kernel, stride, pad, activation)):
            kernel, stride, pad, activation = options
            return convolve(Case(kernel, stride, pad, X.shape, n, activation), X, W, b)

        W = kernels[kernel]
        batches = [(x, numbers.normal(*fn(x, W, b).shape)) for x in (X, X_second)]
        cases.add_pair("", *layer_case(fn, {"W": W, "b": b}, options, batches))
    return cases.arrays


def pooling_cases(numbers: Numbers) -> Arrays:
    """Windows of 3×2: side by side in a column, overlapping, with a border, and with ties."""
    cases, kernel = Cases(), (3, 2)
    X, X_second = numbers.normal(3, 6, 5, 2), numbers.normal(2, 5, 6, 2)
    # Below zero, so that a border of zeros would be the maximum.
    drawn = {"": (X - 1, X_second - 1), "ties": (torch.relu(X - 0.5), torch.relu(X_second - 0.5))}
    places = ((3, 0), (1, 0), (1, (2, 1)), (2, (2, 1)))
    kinds = [("max", "", *where) for where in places]
    kinds += [("max", "ties", 3, 0), ("max", "ties", 1, 1)]
    kinds += [("average", "", *where) for where in places]
    for mode, title, stride, pad in kinds:
        options = {
            "name": "pool2d",
            "mode": mode,
            "kernel_shape": kernel,
            "stride": stride,
            "pad": pad,
        }

        def fn(X, options=(mode, stride, pad)):
            mode, stride, pad = options
            if mode == "max" and pad != 0:
                return pool_with_wide_border(Case(kernel, stride, pad, X.shape), X)
            return pool_any(Case(kernel, stride, pad, X.shape), mode, X)

        batches = [(x, numbers.normal(*fn(x).shape)) for x in drawn[title]]
        what = "several numbers of a window equal its maximum" if title else ""
        cases.add_pair(what, *layer_case(fn, {}, options, batches))
    return cases.arrays


def pool_any(case: Case, mode: str, X: torch.Tensor) -> torch.Tensor:
    """An average with any border, or a maximum without one."""
    if mode == "max":
        return pool(case, mode, X)
    p1, p2 = (case.pad, case.pad) if isinstance(case.pad, int) else case.pad
    padded = functional.pad(X, (0, 0, p2, p2, p1, p1))
    return pool(Case(case.kernel_shape, case.stride, 0, padded.shape), mode, padded)


def pool_with_wide_border(case: Case, X: torch.Tensor) -> torch.Tensor:
    """A maximum with a border of any width; PyTorch's own is at most half a window wide."""
    p1, p2 = (case.pad, case.pad) if isinstance(case.pad, int) else case.pad
    padded = functional.pad(X, (0, 0, p2, p2, p1, p1), value=-torch.inf)
    return pool(Case(case.kernel_shape, case.stride, 0, padded.shape), "max", padded)


def flatten_cases(numbers: Numbers) -> Arrays:
    """Images flattened to rows (``first``) and to columns (``last``)."""
    cases, X = Cases(), numbers.normal(3, 4, 2, 5)
    for keep_dim, axes in (("first", (1, 3)), ("last", (0, 2))):
        dLdY = numbers.normal(*torch.flatten(X, *axes).shape)
        options = {"name": "flatten", "keep_dim": keep_dim}
        found = layer_case(lambda X, axes=axes: torch.flatten(X, *axes), {}, options, [(X, dLdY)])
        cases.add_pair("", *found)
    return cases.arrays


def states(sigma: Function, X: torch.Tensor, W, U, b) -> Iterator[torch.Tensor]:
    """s_1, s_2, …, from zeros."""
    state = torch.zeros(len(X), W.shape[1], dtype=torch.float64)
    for x_t in X.unbind(dim=2):
        state = sigma(functional.linear(x_t, W.T) + functional.linear(state, U.T) + b)
        yield state


def elman_cases(numbers: Numbers) -> Arrays:
    """Two batches of different size and length, from zeros, for each activation."""
    cases, (d, n) = initial_values("elman", (-1, 20, 7), 30, True), (4, 3)
    parameters = {"W": numbers.normal(d, n, scale=0.5), "U": numbers.normal(n, n, scale=0.5)}
    parameters["b"] = numbers.normal(1, n)
    sizes = ((5, 6), (2, 4))
    batches = [(numbers.normal(m, d, t), numbers.normal(m, n)) for m, t in sizes]
    for activation in ("linear", "tanh", "arctan"):
        sigma = SIGMAS[activation]
        options = {"name": "elman", "activation": activation, "n_out": n}

        def last(X, W, U, b, sigma=sigma):
            return list(states(sigma, X, W, U, b))[-1]

        inputs, forward, backward = layer_case(last, parameters, options, batches)
        cases.add_pair("", inputs, forward, backward)
        steps = {
            f"s_{t}{ending}": state
            for ending, (X, _) in zip(("", SECOND), batches, strict=True)
            for t, state in enumerate(states(sigma, X, **parameters), start=1)
        }
        without = {name: value for name, value in inputs.items() if not name.startswith("dLd")}
        cases.add("forward_step", "", without, steps)
    return cases.arrays


def network_output(X: torch.Tensor, g1, g2, g3) -> torch.Tensor:
    """The output of the three layers in ``tests/stand_ins.py``."""
    wide = torch.cat([g1 * X, torch.sin(X)], dim=1)
    left, right = wide.chunk(2, dim=1)
    folded = g2 * left * right
    return torch.cat([g3 * folded, torch.sin(folded)], dim=1)


def network_cases(numbers: Numbers) -> Arrays:
    """Batches of 8 and of 5 examples through three layers."""
    cases = Cases()
    names, values = ("g1", "g2", "g3"), (1.5, -0.75, 2.25)
    gains = {
        n: torch.full((1, 1), v, dtype=torch.float64) for n, v in zip(names, values, strict=True)
    }
    inputs, forward, backward, predict = {**gains}, {}, {}, {}
    for ending, m in (("", 8), (SECOND, 5)):
        X, Y = numbers.normal(m, 3), numbers.normal(m, 6)
        Y_hat = network_output(X, **gains)
        L, found = passes(
            lambda g1, g2, g3, X=X, Y=Y: (Y * torch.sin(network_output(X, g1, g2, g3))).sum(),
            gains,
            torch.tensor(1.0),
        )
        inputs |= {f"X{ending}": X, f"Y{ending}": Y}
        forward[f"Y_hat{ending}"] = Y_hat
        backward[f"loss{ending}"] = L
        for number, gradient in enumerate(found.values(), start=1):
            backward[f"dL/dg of layer {number}{ending}"] = gradient
        backward[f"forward passes within backward{ending}"] = np.zeros(3, np.int64)
        predict |= {f"Y_hat{ending}": Y_hat, f"loss{ending}": np.nan if ending else L}
    afterwards = {f"g of layer {i} afterwards": g for i, g in enumerate(gains.values(), start=1)}
    kept = {f"dL/dg of layer {i} afterwards": np.full((1, 1), 7.0) for i in (1, 2, 3)}
    of_x = {name: value for name, value in inputs.items() if not name.startswith("Y")}
    unlabelled = {name: value for name, value in inputs.items() if name != f"Y{SECOND}"}
    cases.add("forward", "", of_x, forward)
    cases.add("backward", "", inputs, backward | afterwards)
    cases.add("predict", "", unlabelled, predict | afterwards | kept)
    return cases.arrays


def graded_data(activations: dict[str, Function]) -> dict[str, Arrays]:
    """The cases of each file, by name."""
    numbers = Numbers()
    graded = ("linear", "sigmoid", "tanh", "arctan", "relu", "softmax")
    data = {name: activation_cases(numbers, name, activations[name]) for name in graded}
    return data | {
        "cross_entropy": cross_entropy_cases(numbers),
        "l2": l2_cases(numbers),
        "fully_connected": fully_connected_cases(numbers),
        "conv2d": convolution_cases(numbers),
        "pool2d": pooling_cases(numbers),
        "flatten": flatten_cases(numbers),
        "check_elman": elman_cases(numbers),
        "check_models": network_cases(numbers),
    }
