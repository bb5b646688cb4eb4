"""Predictions as tables. pandas is imported when the first one is made."""

from typing import Any

import numpy as np

from neural_networks.losses import Loss
from neural_networks.utils.rows import as_rows


def prediction_table(loss: Loss, Y: np.ndarray, Y_hat: np.ndarray) -> Any:
    """Labels beside predictions, a row for each example, as a ``pandas.DataFrame``.

    Columns are ``Id``, then ``label`` and ``prediction``, the classes, and ``output_0`` ..., what
    the network said; for a regression ``label_0`` ... and ``prediction_0`` ... Of a sequence
    (m, k, t) each ``step`` has a row of its own.
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
    else:
        columns |= {f"label_{i}": column for i, column in enumerate(Y.T)}
        columns |= {f"prediction_{i}": column for i, column in enumerate(Y_hat.T)}
    return pd.DataFrame(columns)


def forecast_table(true: np.ndarray, one_step: np.ndarray, free: np.ndarray) -> Any:
    """A forecast as a ``pandas.DataFrame``, see ``Logger.save_forecast``.

    Columns are ``Id``, the sequence, ``step``, and for each feature ``true_0``, ``one_step_0``
    and ``free_0``; a row for each step of each sequence.
    """
    import pandas as pd

    k, d, n_steps = free.shape
    length = true.shape[2]
    columns = {"Id": np.repeat(np.arange(k), n_steps)}
    columns["step"] = np.tile(np.arange(length - n_steps, length), k)
    for name, values in {"true": true, "one_step": one_step, "free": free}.items():
        # The last n_steps are those that are predicted.
        columns |= {f"{name}_{i}": values[:, i, -n_steps:].ravel() for i in range(d)}
    return pd.DataFrame(columns)


def kaggle_table(classes: np.ndarray, first_id: int) -> Any:
    """Predicted classes as Kaggle wants them: integer columns ``Id`` and ``Category``."""
    import pandas as pd

    ids = np.arange(first_id, first_id + len(classes))
    return pd.DataFrame({"Id": ids, "Category": classes.astype(np.int64)})
