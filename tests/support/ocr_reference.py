"""Reference implementation of the OCR program, straight from its assignment.

It shares no code with the library. alpha (D, M + 1) and beta (K, D + 1) have the biases in their
first column, vectors begin with a 1, the loss is -ln ŷ of the true label, and every product is a
sum of products, so that equal rows of beta give equal outputs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

K = 10
EVERY_STEP = (
    "Begin forward pass",
    "Value of a (before sigmoid)",
    "Value of z (after sigmoid)",
    "Value of b (before softmax)",
    "Value of y_hat (after softmax)",
    "Cross entropy",
    "Begin backward pass",
    "d(loss)/d(b)",
    "d(loss)/d(beta)",
    "d(loss)/d(z)",
    "d(loss)/d(a)",
    "d(loss)/d(alpha)",
    "Update weights",
    "New alpha",
    "New beta",
)
"""The headings of a step in a trace, in their order."""

Trace = dict[tuple[int, int, str], np.ndarray]
"""The value of (epoch, sample, heading)."""


class Outcome(NamedTuple):
    losses: np.ndarray  # (epochs, 2): training, validation
    labels: list[list[int]]
    errors: list[float]
    alpha: np.ndarray
    beta: np.ndarray
    trace: Trace


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,), and pixels (n, M + 1) that begin with a 1."""
    rows = np.genfromtxt(path, delimiter=",", ndmin=2)
    labels = rows[:, 0].astype(int)
    rows[:, 0] = 1
    return labels, rows


def zeros(n_pixels: int, hidden_units: int) -> tuple[np.ndarray, np.ndarray]:
    """alpha and beta of init_flag 2."""
    return np.zeros((hidden_units, n_pixels + 1)), np.zeros((K, hidden_units + 1))


def forward(x, alpha, beta):
    """a, z, b and ŷ of one example."""
    a = (alpha * x).sum(axis=1)
    z = np.concatenate([[1.0], 1 / (1 + np.exp(-a))])
    b = (beta * z).sum(axis=1)
    powers = np.exp(b - b.max())
    return a, z, b, powers / powers.sum()


def step(x, label: int, alpha, beta, rate: float) -> list[np.ndarray]:
    """All values of a step, as they come in a trace; the new alpha and beta are the last."""
    a, z, b, y_hat = forward(x, alpha, beta)
    dLdb = y_hat - (np.arange(K) == label)
    dLdbeta = np.outer(dLdb, z)
    dLdz = (dLdb[:, np.newaxis] * beta[:, 1:]).sum(axis=0)
    dLda = dLdz * z[1:] * (1 - z[1:])
    dLdalpha = np.outer(dLda, x)
    alpha, beta = alpha - rate * dLdalpha, beta - rate * dLdbeta
    loss = -np.log(y_hat[label])
    return [a, z, b, y_hat, loss, dLdb, dLdbeta, dLdz, dLda, dLdalpha, alpha, beta]


def evaluate(labels, X, alpha, beta) -> tuple[float, list[int]]:
    """Mean cross-entropy, and predicted labels: of equal outputs, argmax takes the first."""
    Y_hat = np.array([forward(x, alpha, beta)[-1] for x in X])
    of_truth = Y_hat[np.arange(len(labels)), labels]
    return float(-np.log(of_truth).mean()), Y_hat.argmax(axis=1).tolist()


def run(files, alpha, beta, epochs: int, rate: float, traced: bool = False) -> Outcome:
    """Train on the first of two files, one example at a time, in its order."""
    sets = [read(path) for path in files]
    headings = [name for name in EVERY_STEP if not name.startswith(("Begin", "Update"))]
    losses, trace = [], {}
    for epoch in range(epochs):
        for sample, (label, x) in enumerate(zip(*sets[0], strict=True)):
            values = step(x, label, alpha, beta, rate)
            alpha, beta = values[-2:]
            if traced:
                named = zip(headings, values, strict=True)
                trace |= {(epoch, sample, name): np.atleast_2d(value) for name, value in named}
        results = [evaluate(*examples, alpha, beta) for examples in sets]
        losses.append([loss for loss, _ in results])
    predicted = [labels for _, labels in results]
    errors = [
        sum(p != t for p, t in zip(labels, truth, strict=True)) / len(truth)
        for labels, (truth, _) in zip(predicted, sets, strict=True)
    ]
    return Outcome(np.array(losses), predicted, errors, alpha, beta, trace)


def texts(outcome: Outcome) -> list[str]:
    """The expected output: both files of labels, and the metrics."""
    metrics = ""
    for epoch, (train, validation) in enumerate(outcome.losses, start=1):
        metrics += f"epoch={epoch} crossentropy(train): {train:.11f}\n"
        metrics += f"epoch={epoch} crossentropy(validation): {validation:.11f}\n"
    metrics += "error(train): {}\nerror(validation): {}\n".format(*outcome.errors)
    return [*("".join(f"{label}\n" for label in labels) for labels in outcome.labels), metrics]


def read_trace(text: str) -> Trace:
    """The values in a trace; ``ValueError`` if a heading is not where it belongs."""
    expect(text[-1:], "\n")
    lines, trace, epoch = text.split("\n")[:-1], {}, 0
    while lines:
        expect(lines.pop(0), f"Epoch {epoch}")
        sample = 0
        while lines and not lines[0].startswith("Epoch"):
            expect(lines.pop(0), f"\tSGD with respect to sample {sample}")
            trace |= {(epoch, sample, name): value for name, value in read_step(lines)}
            sample += 1
        epoch += 1
    return trace


def read_step(lines: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Headings and values of the first step in some lines, which are removed from them."""
    for name in EVERY_STEP:
        line = lines.pop(0) if lines else "the end"
        if name.startswith(("Begin", "Update")):
            expect(line, f"\t\t{name}")
        elif name == "Cross entropy":
            heading, _, value = line.partition(": ")
            expect(heading, f"\t\t\t{name}")
            yield name, np.array([[float(value)]])
        else:
            expect(line, f"\t\t\t{name}:")
            yield name, matrix(lines)


def expect(line: str, heading: str) -> None:
    if line != heading:
        raise ValueError(f"there is {line!r} instead of {heading!r}")


def matrix(lines: list[str]) -> np.ndarray:
    """The matrix in the first lines, in NumPy's brackets; the lines are removed."""
    printed = lines.pop(0)
    while not printed.endswith("]]"):
        printed += " " + lines.pop(0)
    rows = printed.removeprefix("[[").removesuffix("]]").split("]  [")
    return np.array([[float(number) for number in row.split()] for row in rows])


def differing(found: Trace, expected: Trace) -> list[tuple[int, int, str]]:
    """The keys of values that differ by more than the rounding of the printed trace.

    That is half of the eighth digit after the point; the cross-entropy has all its digits.
    ``ValueError`` if the headings are not the same, in the same order.
    """
    wrong = []
    for (key, value), (name, other) in zip(found.items(), expected.items(), strict=True):
        if key != name or value.shape != other.shape:
            raise ValueError(f"there is {key} {value.shape} instead of {name} {other.shape}")
        within = 1e-15 if key[2] == "Cross entropy" else 0.5000001e-8
        if not np.allclose(value, other, rtol=within, atol=within):
            wrong.append(key)
    return wrong


def rows(n: int, n_pixels: int, seed: int = 0, pixels=None) -> str:
    """A file of n examples; pixels are fractions unless there is a list to choose from."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, n_pixels)) if pixels is None else rng.choice(pixels, (n, n_pixels))
    lines = zip(rng.integers(10, size=n), X.tolist(), strict=True)
    return "".join(f"{label},{','.join(map(str, x))}\n" for label, x in lines)
