"""Results of the program: label and metric files, the plot, and the text on the screen."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neural_networks import plots
from neural_networks.models import NeuralNetwork
from neural_networks.utils.files import atomic_write, display_path
from neural_networks.utils.text import counted, percent

SPLITS = ("train", "validation")


class Result(NamedTuple):
    """The labels predicted for a set (n,), and the share of wrong ones."""

    labels: np.ndarray
    error: float


def write_files(
    outputs: Mapping[str, Path | None], title: str, losses: np.ndarray, results: Sequence[Result]
) -> None:
    """Write labels, metrics and the plot; none appears before all are complete.

    Parameters
    ----------
    outputs : mapping
        The paths ``train_out``, ``validation_out`` and ``metrics_out``, and ``plot`` or None.
    title : str
        Title of the plot.
    losses : array, (epochs, 2)
        Training and validation cross-entropy after each epoch.
    results : sequence of Result
        Those of the training set and the validation set.
    """
    texts = {
        "train_out": as_lines(results[0].labels.tolist()),
        "validation_out": as_lines(results[1].labels.tolist()),
        "metrics_out": metrics_text(losses, results),
    }
    with ExitStack() as stack:
        for name, path in outputs.items():
            if path is not None and name in texts:
                partial = stack.enter_context(atomic_write(path))
                partial.write_text(texts[name], encoding="ascii", newline="\n")
        plot = outputs["plot"]
        if plot is not None:
            draw(stack.enter_context(atomic_write(plot)), title, losses)


def as_lines(values: Iterable[object]) -> str:
    """A text with a line for each value."""
    return "".join(f"{value}\n" for value in values)


def metrics_text(losses: np.ndarray, results: Sequence[Result]) -> str:
    """The content of metrics_out, in exactly the assignment's format."""
    text = []
    for epoch, pair in enumerate(losses, start=1):
        for split, loss in zip(SPLITS, pair, strict=True):
            text.append(f"epoch={epoch} crossentropy({split}): {loss:.11f}")
    for split, result in zip(SPLITS, results, strict=True):
        text.append(f"error({split}): {result.error}")
    return as_lines(text)


def draw(path: Path, title: str, losses: np.ndarray) -> None:
    """Draw training and validation cross-entropy over the epochs."""
    columns = {"epoch": np.arange(1, len(losses) + 1)}
    columns |= {f"{split}_loss": losses[:, i] for i, split in enumerate(SPLITS)}
    at_ends: Any = {"best_epoch": 1 + int(losses[:, 1].argmin()), "means": False}
    plots.save(
        lambda figure: plots.loss_curves(figure, title, "cross-entropy", columns, {}, **at_ends),
        path,
    )


def describe(model: NeuralNetwork, n_training: int, n_validation: int) -> str:
    """Describe the network and the number of examples."""
    hidden, output = model.layers
    n = sum(value.size for layer in model.layers for value in layer.parameters.values())
    units = f"{hidden.n_in} pixels, {hidden.n_out} hidden units, {output.n_out} letters"
    return (
        f"{units}: {n:,} parameters. {n_training:,} training, {n_validation:,} validation examples."
    )


def summarize(losses: np.ndarray, results: Sequence[Result], seconds: float) -> str:
    """Final cross-entropies and errors, and the best epoch if it is an earlier one."""
    text = [
        f"\nAfter {counted(len(losses), 'epoch')}, in {seconds:.1f} s:",
        f"{'':12}cross-entropy  error",
    ]
    for i, split in enumerate(("training", "validation")):
        text.append(f"{split:12}{losses[-1, i]:13.4f}  {percent(results[i].error)}")
    best = int(losses[:, 1].argmin())
    if best + 1 < len(losses):
        text.append(f"Validation was best after epoch {best + 1}: {losses[best, 1]:.4f}.")
    return "\n".join(text)


def list_files(outputs: Mapping[str, Path | None]) -> str:
    """List the written files."""
    written = (display_path(path) for path in outputs.values() if path is not None)
    return f"\nWritten: {', '.join(written)}"
