"""Tables of predictions. pandas is imported when the first one is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neural_networks.losses import Loss
from neural_networks.metrics import ClassScores, TargetScores
from neural_networks.utils.rows import as_rows

if TYPE_CHECKING:
    import pandas as pd


def prediction_table(
    loss: Loss, Y: np.ndarray, Y_hat: np.ndarray, class_names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Table of labels and predictions, a row for each example.

    Parameters
    ----------
    loss : Loss
        Defines the classes of labels and predictions, if any.
    Y, Y_hat : arrays, (m, k) or (m, k, t)
        Labels and predictions.
    class_names : sequence of str, optional
        The names of the classes.

    Returns
    -------
    pandas.DataFrame
        ``Id``; then ``label`` and ``prediction``, the numbers of the classes, ``output_0`` ...,
        the network's outputs, and with names ``true_class`` and ``predicted_class``; for a
        regression ``label_0`` ... and ``prediction_0`` ... Each ``step`` of a sequence has its own
        row.
    """
    import pandas as pd

    columns: dict[str, np.ndarray] = {"Id": np.arange(len(Y))}
    if Y.ndim == 3:
        m, _, t = Y.shape
        columns = {"Id": np.repeat(np.arange(m), t), "step": np.tile(np.arange(t), m)}
        Y, Y_hat = as_rows(Y), as_rows(Y_hat)
    if loss.classifies:
        columns |= {"label": loss.classes(Y), "prediction": loss.classes(Y_hat)}
        columns |= {f"output_{i}": column for i, column in enumerate(Y_hat.T)}
        if class_names is not None:
            names = np.array([str(name) for name in class_names], object)
            columns["true_class"] = names[columns["label"]]
            columns["predicted_class"] = names[columns["prediction"]]
    else:
        columns |= {f"label_{i}": column for i, column in enumerate(Y.T)}
        columns |= {f"prediction_{i}": column for i, column in enumerate(Y_hat.T)}
    return pd.DataFrame(columns)


def score_table(
    scores: ClassScores | TargetScores, class_names: Sequence[str] | None
) -> pd.DataFrame:
    """Table of a test's scores, a row for each class, or for each output of a regression.

    Parameters
    ----------
    scores : ClassScores or TargetScores
    class_names : sequence of str or None
        The names of the classes; by default their numbers.

    Returns
    -------
    pandas.DataFrame
        ``class``, the name; ``label``, the number; ``examples``, ``precision``, ``recall`` and
        ``f1``. For a regression ``output``, the number; ``rmse``, ``r2`` and ``rmse_of_mean``.
        What is not defined, see ``ClassScores`` and ``TargetScores``, is NaN.
    """
    import pandas as pd

    numbers = np.arange(len(scores[0]))
    if isinstance(scores, TargetScores):
        return pd.DataFrame({"output": numbers, **scores._asdict()})
    names = dict(enumerate(class_names or []))
    first = {"class": [str(names.get(i, i)) for i in numbers.tolist()], "label": numbers}
    return pd.DataFrame(first | scores._asdict())


def forecast_table(true: np.ndarray, one_step: np.ndarray, free: np.ndarray) -> pd.DataFrame:
    """Table of a forecast, a row for each step of each sequence.

    Parameters
    ----------
    true : array, (k, d, T)
        Sequences.
    one_step, free : arrays, (k, d, T - window)
        Their values from step ``window`` on: predicted one step ahead from the true values, and
        free-running on the network's own predictions.

    Returns
    -------
    pandas.DataFrame
        ``Id``, the sequence; ``step``; and for each feature ``true_0``, ``one_step_0`` and
        ``free_0``, which are NaN in the first window.
    """
    import pandas as pd

    k, d, length = true.shape
    window = np.full((k, d, length - free.shape[2]), np.nan, free.dtype)
    columns = {"Id": np.repeat(np.arange(k), length), "step": np.tile(np.arange(length), k)}
    columns |= {f"true_{i}": true[:, i].ravel() for i in range(d)}
    for name, values in {"one_step": one_step, "free": free}.items():
        whole = np.concatenate([window, values], axis=2)
        columns |= {f"{name}_{i}": whole[:, i].ravel() for i in range(d)}
    return pd.DataFrame(columns)


def kaggle_table(
    classes: np.ndarray, ids: Sequence[int | str] | np.ndarray, id_column: str = "Id"
) -> pd.DataFrame:
    """Table of predicted classes in Kaggle's format: columns ``Id`` and ``Category``.

    Parameters
    ----------
    classes : array of int, (n,)
    ids : sequence, (n,)
        The Id of each example.
    id_column : str
        Another name for the first column.
    """
    import pandas as pd

    return pd.DataFrame({id_column: ids, "Category": classes.astype(np.int64)})
