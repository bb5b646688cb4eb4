"""Summary of a run: the results of one of its epochs, and its options."""

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neural_networks.datasets import RENAMED
from neural_networks.logs.record import read_rows
from neural_networks.logs.run_folder import CONFIG, TESTED_EPOCH, read_config
from neural_networks.utils.files import display_path, read_arrays, read_json

SOURCES = ("dataset.name", "dataset.path", "dataset.label", "loss")
"""Options that are the same for all runs of a dataset and a loss."""


@dataclass(frozen=True)
class RunSummary:
    """A run in a few numbers.

    Attributes
    ----------
    run : str
        The name of its folder.
    dataset, loss : str
        Only runs that have both in common can be compared. The dataset of a file of one's own is
        that file.
    results : dict
        ``epoch``, the number of epochs after which the network had the parameters that were
        tested, or else saved; ``validation loss`` and ``validation error`` of that epoch, ``train
        loss`` and ``train error`` without a validation set; after a test ``test error``.
    options : dict
        Those of the configuration, such as ``optimizer_args.lr``.
    problem : str
        The reason why the run cannot be summarized; empty if it can.
    """

    run: str
    dataset: str = ""
    loss: str = ""
    results: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def is_run_folder(path: Path) -> bool:
    """True if a path is a folder with the log or the configuration of a run."""
    return path.is_dir() and any((path / name).exists() for name in ("log.csv", CONFIG))


def summarize(folder: Path) -> RunSummary:
    """Summarize a run, also a damaged one: its ``problem`` says what is wrong."""
    try:
        return read_run(folder)
    except Exception as error:  # whatever a file holds, the other runs are listed
        text = " ".join(str(error).split()) or type(error).__name__
        text = text.replace(f"{folder}/", "").replace(f"{display_path(folder)}/", "")
        return RunSummary(folder.name, problem=text)


def read_run(folder: Path) -> RunSummary:
    """Summarize a run.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, or no epoch has ended.
    """
    config = read_config(folder)
    options = run_options(config)
    rows = read_log(folder / "log.csv")
    tested = config.get(TESTED_EPOCH)
    last = saved_epoch(folder, round(max(rows)))
    epoch = tested if tested in rows else last if last in rows else round(max(rows))
    results = epoch_results(rows[epoch])
    if (path := folder / "test.json").is_file() and tested in (None, epoch):
        results["test error"] = test_error(path)
    dataset, loss = source(options)
    if scales_targets(folder / "data.json"):
        loss += " of standardized targets"
    settings = {key: value for key, value in options.items() if key not in SOURCES}
    return RunSummary(folder.name, dataset, loss, results, settings)


def run_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a configuration, such as ``optimizer_args.lr`` and ``dataset.name``."""
    sections: dict[str, Any] = {key: config.get(key) for key in ("model", "data", "arguments")}
    for key, section in sections.items():
        if not isinstance(section, dict):
            raise ValueError(f"{CONFIG} has no {key!r}")
    data = {RENAMED.get(key, key): value for key, value in sections["data"].items()}
    options = flatten({**sections["model"], "dataset": data, **sections["arguments"]})
    options.pop("command", None)
    return options


def source(options: Mapping[str, Any]) -> tuple[str, str]:
    """Names for the dataset and the loss of a run."""
    path, label = options.get("dataset.path"), options.get("dataset.label")
    dataset = str(options.get("dataset.name", "no dataset"))
    if isinstance(path, str):
        dataset += f" {display_path(Path(path))}"
    if label is not None:
        dataset += f", label {label}"
    return dataset, str(options.get("loss", "no loss"))


def scales_targets(path: Path) -> bool:
    """True if a ``data.json`` says that the losses are those of standardized targets."""
    content = read_json(path, path.name) if path.is_file() else {}
    return isinstance(content, dict) and bool(content.get("target_scale"))


def read_log(path: Path) -> dict[int, dict[str, float]]:
    """Read the rows of ``log.csv`` by their epochs; ``ValueError`` if there are none."""
    rows: dict[int, dict[str, float]] = {}
    for row in read_rows(path):
        epoch = row.get("epoch", math.nan)
        if not (math.isfinite(epoch) and epoch == round(epoch)):
            raise ValueError(f"{path.name} has no column of whole numbers 'epoch'")
        if rows and epoch <= max(rows):
            raise ValueError(f"{path.name}: epoch {epoch:g} comes after epoch {max(rows)}")
        rows[round(epoch)] = row
    if not rows:
        raise ValueError("no epoch has ended")
    return rows


def epoch_results(row: Mapping[str, float]) -> dict[str, float]:
    """The results of an epoch for a summary."""
    results: dict[str, float] = {"epoch": round(row["epoch"])}
    for split in ("validation", "train"):
        if f"{split}_loss" in row:
            columns = [f"{split}_{key}" for key in ("loss", "error") if f"{split}_{key}" in row]
            return results | {key.replace("_", " "): row[key] for key in columns}
    raise ValueError("log.csv has neither a column 'validation_loss' nor 'train_loss'")


def test_error(path: Path) -> float:
    """The error in a ``test.json``; NaN if it is not a finite number."""
    scores = read_json(path, path.name)
    error = scores.get("error", "") if isinstance(scores, dict) else ""
    if isinstance(error, bool) or not isinstance(error, int | float | None):
        raise ValueError(f"{path.name} has no number 'error'")
    return math.nan if error is None else error


def saved_epoch(folder: Path, default: int) -> int:
    """The number of epochs after which the network had the parameters in ``parameters.npz``.

    That is the epoch of ``best_parameters.npz`` if those are the same: it was restored.
    """
    last, best = folder / "parameters.npz", folder / "best_parameters.npz"
    try:
        path = best if best.is_file() and checksums(last) == checksums(best) else last
        return int(read_arrays(path, ["epoch"])["epoch"])
    except Exception:  # a missing file, a damaged one, or one of an older version
        return default


def checksums(path: Path) -> dict[str, int]:
    """The checksum of each array in an ``.npz`` file but the epoch; the arrays are not read."""
    with zipfile.ZipFile(path) as file:
        sums = {entry.filename: entry.CRC for entry in file.infolist()}
    sums.pop("epoch.npy", None)
    return sums


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings and lists as one mapping: ``{"layer_args.1.n_out": 10}``."""
    if isinstance(config, dict):
        pairs: Any = config.items()
    elif isinstance(config, list):
        pairs = enumerate(config, start=1)
    else:
        return {prefix: config}
    flat: dict[str, Any] = {}
    for key, value in pairs:
        flat |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
