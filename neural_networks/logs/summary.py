"""Summary of a run: the results of its best epoch, and its options."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.logs.run_folder import read_config


def read_run(folder: Path) -> dict[str, Any]:
    """Summarize a run: its best epoch, the results of that epoch, its options.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        ``run``, the folder's name, ``best epoch``, ``validation loss`` and ``validation error``
        (those of training if there is no validation set), ``test error`` after a test, then the
        options of its configuration, such as ``optimizer_args.lr``.
    """
    import pandas as pd

    log = pd.read_csv(folder / "log.csv")
    loss = "validation_loss" if "validation_loss" in log else "train_loss"
    best = log.loc[log[loss].fillna(np.inf).idxmin()]
    run: dict[str, Any] = {"run": folder.name, "best epoch": int(best["epoch"])}
    run |= {key.replace("_", " "): best[key] for key in (loss, loss.replace("loss", "error"))}
    if (folder / "test.json").is_file():
        run["test error"] = json.loads((folder / "test.json").read_text())["error"]
    config = read_config(folder)
    options = flatten({**config["model"], "dataset": config["data"], **config["arguments"]})
    options.pop("command", None)
    return run | options


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
