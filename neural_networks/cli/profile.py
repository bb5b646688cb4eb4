"""The flag --profile: a table of the time and the memory of each layer, after a training."""

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from neural_networks.cli.tables import Table, as_text, cell
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from neural_networks.training.profile import Profile, ProfileRow
from neural_networks.utils.text import counted, listed, percent

FILE = "profile.csv"

COLUMNS = (
    *("layer", "forward", "backward", "ms", "share"),
    *("GFLOP/s", "params", "grads", "cache", "slots"),
)

LEGEND = """\
  forward, backward, ms: milliseconds in a step. GFLOP/s: 10⁹ operations in a second, 2 for each
  multiplication and addition in the products of a layer's formula; a fast algorithm needs fewer.
  params, grads, cache, slots: memory of parameters, gradients, what backward needs of a batch, and
  what the optimizer keeps."""

LONGEST = 18
"""Characters of a class's name, at most."""


def add_profile_flag(group: Any) -> None:
    """Add the flag."""
    group.add_argument(
        "--profile",
        action="store_true",
        help="time each layer during training: at its end, a table of milliseconds, share, "
        "GFLOP/s and memory shows which layer to make smaller, or faster; also in profile.csv",
    )


@contextmanager
def profiled(
    model: NeuralNetwork, dataset: Dataset, logger: Logger, flags: argparse.Namespace
) -> Iterator[None]:
    """A context around a training: with --profile, its table is printed and saved at the end.

    Also if the training ends early, or by an error: the table is that of the steps so far.
    """
    if not flags.profile:
        yield
        return
    profile = Profile(model, dataset)
    try:
        with profile.timing():
            yield
    finally:
        print(profile_text(profile))
        save_profile(profile, logger)


def profile_text(profile: Profile) -> str:
    """The table of a profile as text, with a legend."""
    rows = profile.rows()
    if not rows:
        return "Profile: no training step has ended."
    title = (
        f"Profile: {counted(profile.n_steps, 'training step')}, batch size {profile.batch_size}, "
        f"{rows[-1].ms:.3f} ms each"
    )
    texts = [COLUMNS, *map(cells, rows)]
    names, *numbers = map(list, zip(*texts, strict=True))
    widths = [max(map(len, column)) for column in numbers]
    lines = [
        [name, *(text.rjust(width) for text, width in zip(line, widths, strict=True))]
        for name, *line in zip(names, *numbers, strict=True)
    ]
    head, *body = lines
    return f"\n{as_text(Table(title, head, body))}\n{LEGEND}\n"


def cells(row: ProfileRow) -> list[str]:
    """The cells of a row as text: of a layer within another one, the name is indented."""
    indent = "  " * row.layer.count(".")
    name = listed([cell(row.name)], longest=LONGEST)
    return [
        f"{indent}{row.layer:<2} {name}",
        *(f"{value:.3f}" if value is not None else "" for value in row[2:5]),
        percent(row.share),
        f"{row.gflop_per_s:.2f}" if row.gflop_per_s is not None else "",
        *map(size, row[8:]),
    ]


def size(n_bytes: float | None) -> str:
    """A number of bytes with two digits or three: ``40 B``, ``1.3 kB``, ``16 MB``."""
    if not n_bytes:
        return ""
    units = iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while n_bytes >= 999.5 and unit != "GB":
        n_bytes, unit = n_bytes / 1000, next(units)
    digits = 1 if n_bytes < 9.95 and unit != "B" else 0
    return f"{n_bytes:.{digits}f} {unit}"


def save_profile(profile: Profile, logger: Logger) -> None:
    """Write the table into the run's folder; a warning if that fails, as results follow."""
    import pandas as pd

    rows = profile.rows()
    try:
        if rows:
            logger.save_table(FILE, pd.DataFrame(rows).convert_dtypes())
    except OSError as error:
        warnings.warn(f"{FILE} is not written ({error})", stacklevel=2)
