"""Time and memory of the OCR program, and the time of each part of a step.

Runs ``neuralnet.py`` on the large set of letters or, without it, on a random set of the same size:
9,000 steps an epoch, and the cross-entropy of 10,000 examples after each epoch.
"""

import sys
import tempfile
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine_line
from benchmarks.preparation import run
from benchmarks.rows.letters import LR, UNITS, draw_examples
from neural_networks.canonical import canonical_pair
from neural_networks.datasets.files.folders import find
from neural_networks.utils.arguments import Parser
from neuralnet import make_network, one_step

SIZES = {"largeTrain.csv": 9000, "largeValidation.csv": 1000}


def main(argv: Sequence[str] | None = None) -> int:
    """Time the program and the parts of a step; returns the exit status."""
    parser = Parser(prog="python -m benchmarks.letters", description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=100, help="number of epochs (default: 100)")
    flags = parser.parse_args(argv)
    if flags.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {flags.epochs}")
    with tempfile.TemporaryDirectory() as folder:
        inputs = find("letters", list(SIZES)) or write_random(Path(folder))
        outputs = (Path(folder) / name for name in ("train", "validation", "metrics"))
        settings = flags.epochs, UNITS[1], 1, LR
        command = ["neuralnet.py", *map(str, (*inputs, *outputs, *settings))]
        seconds, memory = run(command)
        steps = flags.epochs * inputs[0].read_bytes().count(b"\n")
    print(
        f"\n{flags.epochs} epochs, with the start of Python: {seconds:.1f} s, "
        f"{1e6 * seconds / steps:.1f} µs a step, {memory / 1e6:.0f} MB of memory at most\n"
    )
    for name, microseconds in parts_of_a_step().items():
        print(f"{name:48}{microseconds:6.1f} µs")
    print(f"\n{machine_line()}")
    return 0


def write_random(folder: Path) -> list[Path]:
    """Files of the large set's size, with random pixels and labels."""
    rng = np.random.default_rng(0)
    for name, n in SIZES.items():
        rows = np.column_stack([rng.integers(10, size=n), rng.integers(2, size=(n, UNITS[0]))])
        np.savetxt(folder / name, rows, fmt="%d", delimiter=",")
    return [folder / name for name in SIZES]


def parts_of_a_step() -> dict[str, float]:
    """Microseconds of a step and of its parts, each measured alone."""
    model = make_network(*UNITS[:2], 1, LR)
    X, classes = draw_examples(0)
    x, y = X[0], np.eye(UNITS[-1])[classes[0]]
    hidden, output = model.layers
    y_hat = model.forward(x)
    z, b = output.cache["X"], output.cache["Z"]
    pair = canonical_pair(model.loss, output)
    assert pair is not None
    dLdb = pair.backward(y, y_hat)
    dLdz = output.backward_from_logits(dLdb)

    parts: dict[str, Callable[[], Any]] = {
        "a step": lambda: one_step(model, x, y),
        "  forward": lambda: model.forward(x),
        "    hidden layer, forward": lambda: hidden.forward_faster(x),
        "    output layer, forward": lambda: output.forward_faster(z),
        "  backward": lambda: model.backward(y, y_hat),
        "    the loss": lambda: pair.forward(y, b),
        "    output layer, backward": lambda: output.backward_from_logits(dLdb),
        "    hidden layer, backward": lambda: hidden.backward_faster(dLdz),
        "  update": lambda: model.update(0),
        "a matrix product of its size, x W": lambda: x @ hidden.parameters["W"],
        "the smallest call of NumPy, b + b": lambda: b + b,
    }
    return {name: microseconds(part) for name, part in parts.items()}


def microseconds(work: Callable[[], Any], calls: int = 5000) -> float:
    """Microseconds of a call: the minimum of several rounds, since other work only adds to it."""
    return 1e6 * min(timeit.repeat(work, number=calls, repeat=9)) / calls


if __name__ == "__main__":
    sys.exit(main())
