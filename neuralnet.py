"""Read handwritten letters with one hidden layer, trained on one example at a time.

The program of a course's assignment (CMU 10-301/601, homework 5): nine arguments, three files.
It needs NumPy alone; --plot takes Matplotlib, too.
"""

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neural_networks import plots
from neural_networks.cli.run import DIVERGED, Parser, exit_status
from neural_networks.datasets.files.csv_reader import is_number
from neural_networks.models import NeuralNetwork, TrainingDiverged, initialize_model
from neural_networks.ocr.rows import LabelledRows, read_labelled_rows
from neural_networks.ocr.trace import Trace
from neural_networks.utils.files import atomic_write, display_path, real_path
from neural_networks.utils.progress import progress_bar

CLASSES = 10
SPLITS = ("train", "validation")
INPUTS = ("train_input", "validation_input")
OUTPUTS = ("train_out", "validation_out", "metrics_out", "trace", "plot")
PICTURES = (".png", ".pdf", ".svg")
INITIALIZERS = {1: {"name": "uniform", "bound": 0.1}, 2: {"name": "zeros"}}
"""What init_flag stands for; the biases start at zero in either case."""

# ---------------------------------------------------------------------------- arguments

EPILOG = """\
A line of an input file is an example: its label, 0 to 9, then its pixels, numbers from 0 to 1.
There may be any number of pixels, the same in every line of both files.

examples:
  python neuralnet.py datasets/letters/smallTrain.csv datasets/letters/smallValidation.csv \\
      train.labels validation.labels metrics.txt 2 4 2 0.1
  ... 100 50 1 0.01 --plot letters.png     a hundred epochs, and a picture of them
  ... 1 4 2 0.1 --trace steps.txt          each number of each step, to compare with your own

docs/letters.md says what the files hold, and where the time goes.
"""


def make_parser() -> Parser:
    """The parser of the nine arguments, and of what else a human may want."""
    parser = Parser(
        prog="neuralnet.py",
        description=__doc__.split("\n")[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, kind, help_text in (
        ("train_input", Path, "examples to learn from, such as smallTrain.csv"),
        ("validation_input", Path, "examples to test on, such as smallValidation.csv"),
        ("train_out", Path, "where predictions for the former go, such as train.labels"),
        ("validation_out", Path, "where those for the latter go, such as validation.labels"),
        ("metrics_out", Path, "where cross-entropies and errors go, such as metrics.txt"),
        ("num_epoch", whole_number, "how often to go through the examples, such as 100"),
        ("hidden_units", whole_number, "units of the hidden layer, such as 50"),
        ("init_flag", initializer, "initial weights: 1 random from -0.1 to 0.1, 2 zero"),
        ("learning_rate", step_size, "size of the steps, such as 0.01"),
    ):
        parser.add_argument(name, type=kind, metavar=name, help=help_text)
    parser.add_argument(
        "--seed",
        type=seed_number,
        default=0,
        help="fixes the weights of init_flag 1; 0 unless told",
    )
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw both cross-entropies")
    parser.add_argument(
        "--trace",
        metavar="FILE",
        type=Path,
        help="write every number of each step, as text for small sets",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def whole_number(text: str, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got {text!r}")
    return int(text)


def seed_number(text: str) -> int:
    """A whole number, 0 or greater."""
    return whole_number(text, least=0)


def initializer(text: str) -> int:
    """1 or 2."""
    if text not in map(str, INITIALIZERS):
        raise argparse.ArgumentTypeError(f"must be 1 (random) or 2 (zero), got {text!r}")
    return int(text)


def step_size(text: str) -> float:
    """A finite number, 0 or greater."""
    if not is_number(text) or float(text) < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0 and finite, got {text.strip()!r}")
    return float(text)


def as_value(text: str) -> str:
    """An argument as argparse takes it: -1e-3 and -inf are flags to it, unless behind a space."""
    return f" {text}" if re.fullmatch(r"-[\d.]+e.*|-inf|-nan", text, re.IGNORECASE) else text


# ---------------------------------------------------------------------------- the run


def main(argv: Sequence[str] | None = None) -> int:
    """Train, predict, and write the three files; the exit status."""
    arguments = [as_value(text) for text in (sys.argv[1:] if argv is None else argv)]
    flags = make_parser().parse_args(arguments)
    return exit_status("neuralnet.py", lambda: run(flags), flags.debug)


def run(flags: argparse.Namespace) -> int:
    """Do what the arguments say; all of them are checked before anything is written."""
    check_paths(flags)
    if flags.plot:
        check_plot(flags.plot)
    train_set, validation_set = read_both(flags.train_input, flags.validation_input)
    options = flags.hidden_units, flags.init_flag, flags.learning_rate, flags.seed
    model = make_network(train_set.X.shape[1], *options)
    try:
        with ExitStack() as stack:
            trace = open_trace(stack, flags, model, len(train_set.X)) if flags.trace else None
            start = time.perf_counter()
            losses = train(model, train_set, validation_set, flags.num_epoch, trace)
            results = [predict(model, rows) for rows in (train_set, validation_set)]
            if trace:
                trace.file.flush()  # if there is no room for its end, nothing else appears
            write_files(flags, losses, results)
    except TrainingDiverged as error:
        print(f"neuralnet.py: error: {error}. Nothing is written.", file=sys.stderr)
        return DIVERGED
    print(describe(model, train_set, validation_set))
    print(summarize(flags, losses, results, time.perf_counter() - start))
    return 0


def check_paths(flags: argparse.Namespace) -> None:
    """Raise ``OSError`` or ``ValueError`` if an input is missing, or an output has no place."""
    taken: dict[Path, str] = {}
    for name in (*INPUTS, *OUTPUTS):
        path: Path | None = getattr(flags, name)
        if path is None:
            continue
        if path.is_dir():
            raise IsADirectoryError(f"{name}: {display_path(path)} is a folder, not a file")
        if name in INPUTS and not path.exists():
            raise FileNotFoundError(f"{name}: there is no file {display_path(path)}")
        target = real_path(path)
        if target.exists() and not target.is_file():
            continue  # a device such as /dev/null takes everything
        if name in OUTPUTS:
            check_place(name, path, target)
        other = taken.setdefault(target, name)
        if other != name and name in OUTPUTS:  # but one file may be both inputs
            raise ValueError(f"{name} must be a file of its own, but {other} is {path}, too")


def check_place(name: str, path: Path, target: Path) -> None:
    """Raise ``OSError`` if no file may be made at the target to which the output's path leads."""
    if target.is_symlink():
        raise OSError(f"{name}: {display_path(path)} is a link that leads to itself")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{name}: there is no folder {display_path(target.parent)}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{name}: {display_path(target.parent)} may not be written to")


def check_plot(path: Path) -> None:
    """Raise ``ValueError`` if there is no Matplotlib, or the file's name says no known format."""
    try:
        import_module("matplotlib")
    except ImportError:
        raise ValueError("--plot needs Matplotlib: python -m pip install matplotlib") from None
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"plot: {path} must end in one of: {', '.join(PICTURES)}")


def read_both(train_input: Path, validation_input: Path) -> tuple[LabelledRows, LabelledRows]:
    """The examples to learn from and those to test on, which have as many pixels."""
    train_set = read_labelled_rows(train_input, CLASSES)
    like = train_input, 1 + train_set.X.shape[1]
    return train_set, read_labelled_rows(validation_input, CLASSES, like)


def make_network(
    n_pixels: int, hidden_units: int, init_flag: int, learning_rate: float, seed: int = 0
) -> NeuralNetwork:
    """The network before its first step, ŷ = softmax(σ(x W + b) W' + b')."""
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


def open_trace(
    stack: ExitStack, flags: argparse.Namespace, model: NeuralNetwork, n_examples: int
) -> Trace:
    """A trace whose file appears when the stack is closed; ``OSError`` if it has no room."""
    size = flags.num_epoch * n_examples * Trace.bytes_per_step(model)
    free = shutil.disk_usage(real_path(flags.trace).parent).free
    if size > free:
        raise OSError(f"trace: it would take {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} are free")
    partial = stack.enter_context(atomic_write(flags.trace))
    return Trace(stack.enter_context(partial.open("w", encoding="utf-8")))


def train(
    model: NeuralNetwork,
    train_set: LabelledRows,
    validation_set: LabelledRows,
    epochs: int,
    trace: Trace | None = None,
) -> np.ndarray:
    """Plain stochastic gradient descent: an example a step, in the file's order.

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
    X, Y = (rows[:, np.newaxis] for rows in train_set)  # each example a batch of its own
    step = trace.step if trace else one_step
    # A loss that overflows is told once, as TrainingDiverged.
    with progress_bar(epochs * len(X)) as bar, np.errstate(over="ignore", invalid="ignore"):
        for epoch in range(epochs):
            bar.set_description_str(f"epoch {epoch + 1}/{epochs} ", refresh=False)
            if trace:
                trace.begin_epoch(epoch)
            for x, y in zip(X, Y, strict=True):
                step(model, x, y)
                bar.update()
            losses[epoch] = [model.predict(*rows)[1] for rows in (train_set, validation_set)]
            if not np.isfinite(losses[epoch]).all():
                advice = "try a lower learning rate"
                raise TrainingDiverged(
                    f"the cross-entropy overflowed in epoch {epoch + 1}: {advice}"
                )
            bar.set_postfix_str("train {:.4f}, validation {:.4f}".format(*losses[epoch]), False)
    return losses


def one_step(model: NeuralNetwork, x: np.ndarray, y: np.ndarray) -> None:
    """θ ← θ - lr · dL/dθ for the loss L of one example, (1, d) and (1, 10)."""
    model.backward(y, model.forward(x))
    model.update(0)


class Result(NamedTuple):
    """The labels predicted for a set (n,), and the share of wrong ones."""

    labels: np.ndarray
    error: float


def predict(model: NeuralNetwork, rows: LabelledRows) -> Result:
    """What a trained network says of a set; of equal probabilities the smallest label wins."""
    Y_hat, _ = model.predict(*rows)
    return Result(model.loss.classes(Y_hat), model.error(rows.Y, Y_hat))


# ---------------------------------------------------------------------------- output


def write_files(flags: argparse.Namespace, losses: np.ndarray, results: Sequence[Result]) -> None:
    """Write labels and metrics, and the plot; none of them appears before all are complete."""
    texts = [
        (flags.train_out, lines(results[0].labels.tolist())),
        (flags.validation_out, lines(results[1].labels.tolist())),
        (flags.metrics_out, metrics(losses, results)),
    ]
    with ExitStack() as stack:
        for path, text in texts:
            partial = stack.enter_context(atomic_write(path))
            partial.write_text(text, encoding="ascii", newline="\n")
        if flags.plot:
            draw(stack.enter_context(atomic_write(flags.plot)), flags, losses)


def lines(values: Iterable[object]) -> str:
    """Each value on a line of its own."""
    return "".join(f"{value}\n" for value in values)


def metrics(losses: np.ndarray, results: Sequence[Result]) -> str:
    """The text of metrics_out, to the last character as the assignment has it."""
    text = []
    for epoch, pair in enumerate(losses, start=1):
        for split, loss in zip(SPLITS, pair, strict=True):
            text.append(f"epoch={epoch} crossentropy({split}): {loss:.11f}")
    for split, result in zip(SPLITS, results, strict=True):
        text.append(f"error({split}): {result.error}")
    return lines(text)


def draw(path: Path, flags: argparse.Namespace, losses: np.ndarray) -> None:
    """A picture of both cross-entropies over the epochs."""
    title = f"{flags.hidden_units} hidden units, learning rate {flags.learning_rate:g}"
    columns = {"epoch": np.arange(1, len(losses) + 1)}
    columns |= {f"{split}_loss": losses[:, i] for i, split in enumerate(SPLITS)}
    plots.save(lambda figure: plots.loss_curves(figure, title, "cross-entropy", columns, []), path)


def describe(model: NeuralNetwork, train_set: LabelledRows, validation_set: LabelledRows) -> str:
    """The network and the examples, in words."""
    hidden, output = model.layers
    n = sum(layer.parameters[name].size for _, layer, name in model.parameters())
    units = f"{hidden.n_in} pixels, {hidden.n_out} hidden units, {output.n_out} letters"
    sizes = f"{len(train_set.X):,} examples to learn from, {len(validation_set.X):,} to test on"
    return f"{units}: {n:,} parameters. {sizes}."


def summarize(
    flags: argparse.Namespace, losses: np.ndarray, results: Sequence[Result], seconds: float
) -> str:
    """What has come of it, where it is, and what to try next."""
    epochs = f"{len(losses)} epoch{'s'[: len(losses) > 1]}"
    text = [f"\nAfter {epochs}, in {seconds:.1f} s:", f"{'':12}cross-entropy  error"]
    for i, split in enumerate(("training", "validation")):
        text.append(f"{split:12}{losses[-1, i]:13.4f}  {results[i].error:.1%}")
    best = int(losses[:, 1].argmin())
    if best + 1 < len(losses):
        text.append(f"Validation was best after epoch {best + 1}: {losses[best, 1]:.4f}.")
    written = [display_path(getattr(flags, name)) for name in OUTPUTS if getattr(flags, name)]
    text.append(f"\nWritten: {', '.join(written)}")
    if flags.init_flag == 2:
        text.append(
            "Next: init_flag 1. From zero, all hidden units learn the same, but for rounding."
        )
    elif not flags.plot:
        text.append("Next: --plot letters.png draws how the cross-entropies fell.")
    else:
        text.append("Next: another learning_rate, or more hidden_units.")
    return "\n".join(text)


if __name__ == "__main__":
    sys.exit(main())
