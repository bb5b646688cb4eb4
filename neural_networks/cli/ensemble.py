"""Command that averages predictions or takes a vote: ``python -m neural_networks ensemble``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neural_networks.cli.parser import Parser, command, program
from neural_networks.logs import check_format
from neural_networks.utils.files import atomic_write, check_output, display_path, read_json
from neural_networks.utils.text import listed
from neural_networks.utils.validation import error_prefix

if TYPE_CHECKING:
    import pandas as pd

PROGRAM = program("ensemble")

EXAMPLES = """\
examples:
  python -m neural_networks ensemble average experiments/iris*
  python -m neural_networks ensemble vote experiments/*/submission.csv --output vote.csv
"""


PREDICTED = ("prediction", "predicted_class")
"""The columns of predicted classes: numbers, names."""


def average(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Average several runs' ``test_predictions.csv``.

    Parameters
    ----------
    tables : sequence of DataFrame
        They must agree in all columns except the predictions.

    Returns
    -------
    DataFrame
        The same columns: outputs averaged, and the class with the greatest average.

    Raises
    ------
    ValueError
        If the tables have different examples, or a class has different names in them.
    """
    first = tables[0]
    if first.empty:
        raise ValueError("there are no predictions to average")
    outputs = [name for name in first if name.startswith(("output_", "prediction_"))]
    if not outputs:
        raise ValueError("there are no columns output_0 ... or prediction_0 ... to average")
    given = [name for name in first if name not in (*outputs, *PREDICTED)]
    for number, table in enumerate(tables, start=1):
        if list(table) != list(first) or not agree(table[given], first[given]):
            raise ValueError(f"table {number} does not have the same examples as table 1")
        for name in outputs:
            if table[name].dtype.kind not in "if" or table[name].isna().any():
                raise ValueError(f"column {name} of table {number} must hold numbers")
    result = first.copy()
    result[outputs] = np.mean([table[outputs].to_numpy() for table in tables], axis=0)
    for column in set(PREDICTED) & set(result):
        classes = winners(result, outputs)
        if holds_text(first[column]):
            names = class_names(tables, outputs, column)
            result[column] = [names.get(number, str(number)) for number in classes]
        else:
            result[column] = classes
    return result


def winners(table: pd.DataFrame, outputs: Sequence[str]) -> np.ndarray:
    """The number of the class with the greatest output; of one output, 1 from 0.5 on."""
    values = table[list(outputs)].to_numpy()
    return (values[:, 0] >= 0.5) * 1 if len(outputs) == 1 else values.argmax(axis=1)


def class_names(
    tables: Sequence[pd.DataFrame], outputs: Sequence[str], column: str
) -> dict[int, str]:
    """The name of each class that a table predicts, or that is a label, by its number."""
    found: dict[int, str] = {}
    for number, table in enumerate(tables, start=1):
        pairs = [(winners(table, outputs), table[column])]
        if {"label", "true_class"} <= set(table) and not holds_text(table["label"]):
            pairs.append((table["label"].to_numpy(), table["true_class"]))
        for classes, names in pairs:
            for k, name in dict.fromkeys(zip(classes.tolist(), map(str, names), strict=True)):
                if found.setdefault(k, name) != name:
                    raise ValueError(
                        f"class {k} is called {name!r} in table {number}, and {found[k]!r} before"
                    )
    return found


def holds_text(column: pd.Series) -> bool:
    """True if a column of a table holds other values than numbers."""
    return column.dtype.kind not in "biuf"


def agree(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """True if two tables with the same columns are equal, floats within float32's precision."""
    if len(one) != len(other):
        return False
    return all(
        np.allclose(one[name], other[name], rtol=1e-5, atol=1e-6, equal_nan=True)
        if {one[name].dtype.kind, other[name].dtype.kind} <= {"f", "i"} and name != "Id"
        else np.array_equal(one[name], other[name])
        for name in one
    )


def error_rate(table: pd.DataFrame) -> float:
    """The error in a ``test_predictions.csv``: share misclassified, or mean squared error.

    Raises
    ------
    ValueError
        If the table has no labels, or they cannot be compared with the predictions.
    """
    if {"label", "prediction"} <= set(table):
        label, prediction = table["label"], table["prediction"]
        if holds_text(label) != holds_text(prediction):
            raise ValueError(
                "label and prediction must both be numbers of classes, or both be names, got "
                f"{label.iloc[0]} and {prediction.iloc[0]}"
            )
        return float((label != prediction).mean())
    labels, predictions = (table.filter(regex=f"^{what}_") for what in ("label", "prediction"))
    if labels.empty:
        raise ValueError(
            f"there is no column label to compare predictions with: {listed([*map(str, table)])}"
        )
    for name, column in (*labels.items(), *predictions.items()):
        if holds_text(column):
            raise ValueError(f"column {name} must hold numbers, got {column.iloc[0]}")
    if len(labels.columns) != len(predictions.columns):
        raise ValueError("there must be a column prediction_0 ... for each label_0 ...")
    return float(np.square(labels.to_numpy() - predictions.to_numpy()).mean())


def majority_vote(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The most frequent category for each example, over several Kaggle tables.

    Parameters
    ----------
    tables : sequence of DataFrame
        Columns ``Id`` and ``Category``. A tie goes to the category that comes first in the order
        of the tables: put the best table first.

    Returns
    -------
    DataFrame
        Columns ``Id``, or as it is called in the first table, and ``Category``.

    Raises
    ------
    ValueError
        If a table lacks a column or an Id, or has one twice; or if some have numbers for
        categories, and others names.
    """
    import pandas as pd

    found = [categories(table, f"table {i}") for i, table in enumerate(tables, start=1)]
    first, ids = found[0], found[0].index
    for number, by_id in enumerate(found, start=1):
        if by_id.isna().any():
            raise ValueError(f"table {number} has a row without a Category")
        if not by_id.index.is_unique:
            raise ValueError(f"table {number} has an Id twice")
        if len(by_id) != len(ids) or not ids.isin(by_id.index).all():
            raise ValueError(f"table {number} does not have the Ids of table 1")
        if holds_text(by_id) != holds_text(first):
            raise ValueError(
                f"numbers and names cannot vote together: table 1 has Categories such as "
                f"{first.iloc[0]}, table {number} such as {by_id.iloc[0]}"
            )
    V = np.stack([by_id.loc[ids].to_numpy() for by_id in found])
    counts = (V[:, np.newaxis] == V).sum(axis=0)  # (k, n): how many tables agree with each vote
    winners = V[counts.argmax(axis=0), np.arange(V.shape[1])]
    return pd.DataFrame({ids.name: ids, "Category": winners})


def categories(table: pd.DataFrame, what: str = "the table") -> pd.Series:
    """The categories of a table by ``Id``, or by another column that is beside ``Category`` alone.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    others = [name for name in table if name != "Category"]
    if "Category" not in table or ("Id" not in table and len(others) != 1):
        raise ValueError(f"{what} has no columns Id and Category: {listed([*map(str, table)])}")
    return table.set_index("Id" if "Id" in table else others[0])["Category"]


@command(PROGRAM)
def main(argv: Sequence[str]) -> None:
    """Average runs, or take a vote over files."""
    flags = make_parser().parse_args(argv)
    if flags.output:
        check_output(flags.output)
    check_once(flags.inputs)
    result = flags.work(flags)
    if flags.output:
        with atomic_write(flags.output) as partial:
            result.to_csv(partial, index=False)
        print(f"Written: {display_path(flags.output)}")


def make_parser() -> Parser:
    """Create the parser of the two commands."""
    parser = Parser(
        prog=PROGRAM,
        description="Combine the predictions of several networks.",
        epilog=EXAMPLES,
    )
    commands = parser.add_subparsers(required=True, metavar="average|vote")
    for name, work, what, help_text in (
        ("average", average_runs, "RUN", "average the test predictions of several runs"),
        ("vote", vote, "FILE", "majority vote over Kaggle files; put the best one first"),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("inputs", metavar=what, nargs="+", type=Path)
        command.add_argument("--output", metavar="CSV", type=Path, help="file for the result")
        command.set_defaults(work=work)
    return parser


def check_once(paths: Sequence[Path]) -> None:
    """Raise ``ValueError`` if a run or a file is there twice: it would count for two."""
    seen: dict[Path, Path] = {}
    for path in paths:
        before = seen.setdefault(path.resolve(), path)
        if before is not path:
            raise ValueError(f"{display_path(path)} is given twice: each counts once")


def average_runs(flags: argparse.Namespace) -> pd.DataFrame:
    """Print the test error of each run and of the average; returns the average."""
    losses = {read_loss(folder) for folder in flags.inputs} - {""}
    if len(losses) > 1:
        raise ValueError(f"runs with different losses have no average: {', '.join(sorted(losses))}")
    tables = [read_table(folder / "test_predictions.csv") for folder in flags.inputs]
    result = average(tables)
    names = [display_path(folder) for folder in flags.inputs]
    width = max(map(len, [*names, "average"]))
    for name, table in zip([*names, "average"], [*tables, result], strict=True):
        with error_prefix(name):
            error = error_rate(table)
        print(f"{name:<{width}}  test error {error:.4g}")
    return result


def vote(flags: argparse.Namespace) -> pd.DataFrame:
    """Print the number of outvoted predictions in each file; returns the vote."""
    tables = [read_table(path) for path in flags.inputs]
    result = majority_vote(tables)
    for path, table in zip(flags.inputs, tables, strict=True):
        votes = categories(table).loc[result.iloc[:, 0]].to_numpy()
        differing = int((votes != result["Category"]).sum())
        print(f"{display_path(path)}: {differing} of {len(result)} outvoted")
    return result


def read_loss(folder: Path) -> str:
    """Read the name of a run's loss; empty if there is none in its folder."""
    path = folder / "config.json"
    try:
        config = read_json(path, str(path))
        loss = str(config["model"]["loss"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    check_format(config, path)
    return loss


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file as a table; ``ValueError`` if it is not one."""
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {display_path(path)}")
    try:
        return pd.read_csv(path)
    except ValueError as error:
        problem = " ".join(str(error).split())  # in one line
        raise ValueError(f"{display_path(path)} is not a CSV file: {problem}") from None


if __name__ == "__main__":
    sys.exit(main())
