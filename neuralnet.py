"""OCR of handwritten letters: one hidden layer, trained on one example at a time.

The program of a course's assignment (CMU 10-301/601, homework 5): nine arguments, three files.
It needs NumPy alone; --plot also needs Matplotlib.
"""

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neural_networks import ocr
from neural_networks.cli.parser import DIVERGED, Parser, exit_status
from neural_networks.datasets.files.csv_reader import is_number
from neural_networks.models import NeuralNetwork, TrainingDiverged, initialize_model
from neural_networks.ocr import LabelledRows, Result, Trace
from neural_networks.utils.progress import progress_bar

CLASSES = 10
INPUTS = ("train_input", "validation_input")
OUTPUTS = ("train_out", "validation_out", "metrics_out", "trace", "plot")
INITIALIZERS = {1: {"name": "uniform", "bound": 0.1}, 2: {"name": "zeros"}}
"""The weight initialization of each init_flag; biases start at zero."""

# ---------------------------------------------------------------------------- arguments

EPILOG = """\
A line of an input file is an example: its label, 0 to 9, then its pixels, numbers from 0 to 1.
There may be any number of pixels, the same in every line of both files.

examples:
  python neuralnet.py datasets/letters/smallTrain.csv datasets/letters/smallValidation.csv \\
      train.labels validation.labels metrics.txt 2 4 2 0.1
  ... 100 50 1 0.01 --plot letters.png     a hundred epochs, with learning curves
  ... 1 4 2 0.1 --trace steps.txt          all values of each step, to compare with your own

docs/letters.md describes the files, and the time that training takes.
"""


def make_parser() -> Parser:
    """Create the parser of the nine arguments and of the optional flags."""
    parser = Parser(
        prog="neuralnet.py",
        description=__doc__.split("\n")[0],
        epilog=EPILOG,
        allow_abbrev=False,
    )
    for name, kind, help_text in (
        ("train_input", Path, "training examples, such as smallTrain.csv"),
        ("validation_input", Path, "validation examples, such as smallValidation.csv"),
        ("train_out", Path, "file for training predictions, such as train.labels"),
        ("validation_out", Path, "file for validation predictions, such as validation.labels"),
        ("metrics_out", Path, "file for cross-entropies and errors, such as metrics.txt"),
        ("num_epoch", whole_number, "number of epochs, such as 100"),
        ("hidden_units", whole_number, "number of hidden units, such as 50"),
        ("init_flag", initializer, "initial weights: 1 random from -0.1 to 0.1, 2 zero"),
        ("learning_rate", step_size, "learning rate, such as 0.01"),
    ):
        parser.add_argument(name, type=kind, metavar=name, help=help_text)
    add_flags(parser)
    return parser


def add_flags(parser: Parser) -> None:
    """Add the flags that the assignment does not have."""
    parser.add_argument(
        "--seed",
        type=seed_number,
        default=0,
        help="seed of the weights of init_flag 1",
    )
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw both cross-entropies")
    parser.add_argument(
        "--trace", metavar="FILE", type=Path, help="write all values of each step, as text"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def whole_number(text: str, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"must be a whole number, at least {least}, got {text!r}")
    return int(text)


def seed_number(text: str) -> int:
    """A whole number, 0 or greater."""
    return whole_number(text, least=0)


def initializer(text: str) -> int:
    """An init_flag, 1 or 2."""
    if text not in map(str, INITIALIZERS):
        raise argparse.ArgumentTypeError(f"must be 1 (random) or 2 (zero), got {text!r}")
    return int(text)


def step_size(text: str) -> float:
    """A finite number, 0 or greater."""
    if not is_number(text) or float(text) < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0 and finite, got {text.strip()!r}")
    return float(text)


def as_value(text: str) -> str:
    """An argument for argparse: a space in front keeps -1e-3 and -inf from being flags."""
    return f" {text}" if re.fullmatch(r"-[\d.]+e.*|-inf|-nan", text, re.IGNORECASE) else text


# ---------------------------------------------------------------------------- the run


def main(argv: Sequence[str] | None = None) -> int:
    """Train, predict, and write the three files; the exit status."""
    arguments = [as_value(text) for text in (sys.argv[1:] if argv is None else argv)]
    flags = make_parser().parse_args(arguments)
    return exit_status("neuralnet.py", lambda: run(flags), flags.debug)


def run(flags: argparse.Namespace) -> int:
    """Check all arguments, train, predict, and write the files; the exit status."""
    inputs = {name: getattr(flags, name) for name in INPUTS}
    outputs = {name: getattr(flags, name) for name in OUTPUTS}
    ocr.check_paths(inputs, outputs)
    if flags.plot:
        ocr.check_plot(flags.plot)
    sets = train_set, _ = read_both(**inputs)
    options = flags.hidden_units, flags.init_flag, flags.learning_rate, flags.seed
    model = make_network(train_set.X.shape[1], *options)
    start = time.perf_counter()
    try:
        with ocr.open_trace(flags.trace, model, flags.num_epoch * len(train_set.X)) as trace:
            losses = train(model, *sets, flags.num_epoch, trace)
            results = [predict(model, rows) for rows in sets]
            if trace:
                trace.file.flush()  # a full disk fails here, before other files appear
            title = f"{flags.hidden_units} hidden units, learning rate {flags.learning_rate:g}"
            ocr.write_files(outputs, title, losses, results)
    except TrainingDiverged as error:
        print(f"neuralnet.py: error: {error}. Nothing is written.", file=sys.stderr)
        return DIVERGED
    print(ocr.describe(model, *(len(rows.X) for rows in sets)))
    print(ocr.summarize(losses, results, time.perf_counter() - start))
    print(ocr.list_files(outputs), next_step(flags), sep="\n")
    return 0


def next_step(flags: argparse.Namespace) -> str:
    """A suggestion for the next run."""
    if flags.init_flag == 2:
        return "Next: init_flag 1. From zero, all hidden units learn the same, up to rounding."
    if not flags.plot:
        return "Next: --plot letters.png draws the learning curves."
    return "Next: another learning_rate, or more hidden_units."


def read_both(train_input: Path, validation_input: Path) -> tuple[LabelledRows, LabelledRows]:
    """Read the training and the validation examples, which must agree in the number of pixels."""
    train_set = ocr.read_labelled_rows(train_input, CLASSES)
    like = train_input, 1 + train_set.X.shape[1]
    return train_set, ocr.read_labelled_rows(validation_input, CLASSES, like)


def make_network(
    n_pixels: int, hidden_units: int, init_flag: int, learning_rate: float, seed: int = 0
) -> NeuralNetwork:
    """Create the untrained network, ŷ = softmax(σ(x W + b) W' + b')."""
    layers = [
        {
            "name": "fully_connected",
            "activation": activation,
            "weight_init": INITIALIZERS[init_flag],
            "n_out": n_out,
        }
        for activation, n_out in (("sigmoid", hidden_units), ("softmax", CLASSES))
    ]
    sgd = {"name": "SGD", "lr": learning_rate}
    model = initialize_model("letters", "cross_entropy", layers, sgd, seed=seed)
    model.create_parameters((n_pixels,))
    return model


def train(
    model: NeuralNetwork,
    train_set: LabelledRows,
    validation_set: LabelledRows,
    epochs: int,
    trace: Trace | None = None,
) -> np.ndarray:
    """Train by stochastic gradient descent, one example a step, in the order of the file.

    Returns
    -------
    array, (epochs, 2)
        Mean cross-entropy of both sets after each epoch.

    Raises
    ------
    TrainingDiverged
        If a cross-entropy is no longer a finite number.
    """
    losses = np.empty((epochs, 2))
    X, Y = (rows[:, np.newaxis] for rows in train_set)  # each example is a batch
    step = trace.step if trace else one_step
    # A loss that overflows is reported once, as TrainingDiverged, not as warnings.
    with (
        progress_bar(epochs * len(X)) as bar,
        np.errstate(over="ignore", invalid="ignore"),
        model.threads(X[0].shape),
    ):
        for epoch in range(epochs):
            bar.set_description_str(f"epoch {epoch + 1}/{epochs} ", refresh=False)
            if trace:
                trace.begin_epoch(epoch)
            for x, y in zip(X, Y, strict=True):
                step(model, x, y)
                bar.update()
            losses[epoch] = [model.predict(*rows)[1] for rows in (train_set, validation_set)]
            if not np.isfinite(losses[epoch]).all():
                problem = f"the cross-entropy overflowed in epoch {epoch + 1}"
                raise TrainingDiverged(f"{problem}: try a lower learning rate")
            bar.set_postfix_str("train {:.4f}, validation {:.4f}".format(*losses[epoch]), False)
    return losses


def one_step(model: NeuralNetwork, x: np.ndarray, y: np.ndarray) -> None:
    """Make one step, θ ← θ - lr · dL/dθ, for the loss L of one example, (1, d) and (1, 10)."""
    model.backward(y, model.forward(x))
    model.update(0)


def predict(model: NeuralNetwork, rows: LabelledRows) -> Result:
    """Predict a set; ties go to the smallest label."""
    Y_hat, _ = model.predict(*rows)
    return Result(model.loss.classes(Y_hat), model.error(rows.Y, Y_hat))


if __name__ == "__main__":
    sys.exit(main())
