"""Printed text about a run's scores: baselines, and precision and recall by class."""

import csv
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from neural_networks.utils.text import four_digits, fraction, percent

MOST_CLASSES = 5
LONGEST_NAME = 24


def beside_baseline(results: Mapping[str, float]) -> str:
    """A line: scores beside those of always predicting the most frequent class, or the mean.

    Parameters
    ----------
    results : mapping
        Results of ``model.test``.
    """
    if "majority_accuracy" in results:
        accuracy = percent(results["majority_accuracy"])
        return f"Always predicting the most frequent class: accuracy {accuracy}"
    r2 = f", R² {fraction(results['r2'])}" if "r2" in results else ""
    rmse, of_mean = (four_digits(results[key]) for key in ("rmse", "rmse_of_mean"))
    return f"RMSE {rmse}{r2}; always predicting the mean: RMSE {of_mean}"


def by_class(folder: Path | None, split: str) -> list[str]:
    """Lines with precision and recall of each class, from a run's ``test_scores.csv``.

    Of more than ``MOST_CLASSES`` classes, those with the lowest F1 are shown. There are none for a
    regression, nor if all predictions are right.
    """
    classes: list[dict[str, str]] = []
    file = folder and folder / f"{split}_scores.csv"
    if file is None or not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as lines, suppress(csv.Error):
        classes = list(csv.DictReader(lines))  # it refuses names of more than 128 KB
    mistaken = [row for row in classes if row.get("f1") and float(row["f1"]) < 1]
    if not mistaken:
        return []
    shown, first = classes, "class"
    if len(classes) > MOST_CLASSES:
        shown = sorted(mistaken, key=lambda row: float(row["f1"]))[:MOST_CLASSES]
        first = f"worst of {len(classes)} classes"
    table = [(first, "examples", "precision", "recall")]
    for row in shown:
        precision, recall = _share(row["precision"]), _share(row["recall"])
        table.append((_short(row["class"]), row["examples"], precision, recall))
    width = max(len(name) for name, *_ in table)
    return [
        f"  {name:<{width}}  {examples:>8}  {precision:>9}  {recall:>7}"
        for name, examples, precision, recall in table
    ]


def _share(cell: str) -> str:
    """A share in percent; a cell is empty where it is not defined."""
    return percent(float(cell)) if cell else "-"


def _short(name: str) -> str:
    """A name in one line of at most ``LONGEST_NAME`` characters."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
