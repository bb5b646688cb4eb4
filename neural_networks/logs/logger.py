"""The run folder: where the configuration, the log, the pictures and the parameters of a run go.

A run called ``iris`` goes to ``experiments/iris``, or to ``iris-2`` and so on when there is one
already. ``RUN_FILES`` says what is in it.
"""

import csv
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks import __version__, plots
from neural_networks.losses import Loss
from neural_networks.metrics import RocCurve
from neural_networks.training.tables import forecast_table, prediction_table
from neural_networks.utils.files import atomic_write, experiments_folder, save_arrays

DEFAULT_FOLDER = "experiments/"

RUN_FILES = {
    "error.png": "errors of training and validation",
    "loss.png": "losses of every step and epoch",
    "confusion_matrix.png": "which classes are taken for which",
    "roc.png": "hits against false alarms, for every threshold",
    "mistakes.png": "misclassified test images",
    "kernels.png": "what the first convolution looks for",
    "weights.png": "what the units of the first layer look for",
    "forecast.png": "the network running free on its own predictions",
    "forecast.csv": "the numbers of that forecast",
    "log.csv": "the numbers behind the pictures",
    "test.json": "loss and error on the test set",
    "test_predictions.csv": "label and prediction of every test example",
    "kaggle_predictions.csv": "predicted classes, to be handed in",
    "submission.csv": "predicted classes, to be handed in",
    "parameters.npz": "the trained parameters",
    "best_parameters.npz": "those of the epoch with the lowest validation loss, or --monitor",
    "config.json": "all that is needed to repeat the run",
}
"""The files that a run can leave, and what is in them."""


class Logger:
    """Keeps the results of a run.

    Nothing is written before ``start``, so a configuration that turns out wrong leaves no folder.

    Parameters
    ----------
    model_name : str
        The run's name, and that of its folder.
    model_args, data_args : mapping
        The arguments of the model and of the dataset, for ``config.json``.
    save : bool
        Whether to write files.
    plot : bool
        Whether to draw pictures: into the folder, or on the screen if there is no folder.
    save_dir : str or Path
        The folder that holds the runs. The default is that of the repository, wherever the
        current folder is; any other is taken as it is.
    arguments : mapping, optional
        What else it takes to repeat the run, for ``config.json``.
    overwrite : bool
        Whether a run of the same name is replaced.

    Attributes
    ----------
    folder : Path or None
        The run's folder, from ``start`` on.

    Raises
    ------
    ValueError
        If the name is not one that a folder can have.
    """

    def __init__(
        self,
        model_name: str,
        model_args: Mapping[str, Any],
        data_args: Mapping[str, Any],
        save: bool = False,
        plot: bool = False,
        save_dir: str | Path = DEFAULT_FOLDER,
        *,
        arguments: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        is_one_part = isinstance(model_name, str) and Path(model_name).name == model_name
        if not is_one_part or not model_name.isprintable() or model_name[:1] in ("", "."):
            raise ValueError(f"the run's name must be that of a folder, got {model_name!r}")
        self.model_name = model_name
        self.config = {
            "model_name": model_name,
            "model": dict(model_args),
            "data": dict(data_args),
            "arguments": dict(arguments or {}),
            "versions": {
                "python": platform.python_version(),
                "numpy": np.__version__,
                "neural_networks": __version__,
            },
        }
        self.save = save
        self.plot = plot
        self.overwrite = overwrite
        # Absolute, so that a later change of the current folder does not move the run.
        is_default = save_dir == DEFAULT_FOLDER
        self.save_dir = experiments_folder() if is_default else Path(save_dir).absolute()
        self.reset()

    def reset(self) -> None:
        """Forget the rows and the folder: what comes next is another run."""
        self.folder: Path | None = None
        self.rows: list[dict[str, float]] = []
        self.steps: list[tuple[float, float]] = []

    def start(self) -> None:
        """Claim a folder and write ``config.json``; nothing if that has been done already.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        if not self.save or self.folder is not None:
            return
        self.save_dir.mkdir(parents=True, exist_ok=True)
        self.folder = claim_folder(self.save_dir / self.model_name, self.overwrite)
        self.save_json("config.json", self.config)

    def push_step(self, epoch: float, loss: float) -> None:
        """Note the loss of one training step, at a fractional epoch, for the picture."""
        self.steps.append((epoch, loss))

    def push(self, log: Mapping[str, Any]) -> None:
        """Add an epoch's results: a row of ``log.csv``.

        Parameters
        ----------
        log : mapping
            Column names to numbers. A mapping in place of a number becomes several columns:
            ``{"loss": {"train": 1.0}}`` is ``{"loss_train": 1.0}``.

        Raises
        ------
        ValueError
            If the columns are not those of the rows before.
        """
        row: dict[str, float] = {}
        for key, value in log.items():
            if isinstance(value, Mapping):
                row |= {f"{key}_{inner}": number for inner, number in value.items()}
            else:
                row[key] = value
        if self.rows:
            columns = list(self.rows[0])
            if row.keys() != self.rows[0].keys():
                raise ValueError(f"columns {list(row)} are not those so far: {columns}")
            row = {key: row[key] for key in columns}  # they may come in another order
        self.rows.append(row)
        self.start()
        if self.folder is None:
            return
        with (self.folder / "log.csv").open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if len(self.rows) == 1:
                writer.writerow(row)
            # csv writes a float as the shortest text that reads back as the same number.
            writer.writerow(row.values())

    def save_parameters(
        self, parameters: Mapping[str, np.ndarray], file_name: str = "parameters.npz"
    ) -> None:
        """Write parameters to an ``.npz`` file, unless there are none yet."""
        if self.folder is not None and parameters:
            save_arrays(self.folder / file_name, parameters)

    def save_json(self, file_name: str, content: Mapping[str, Any]) -> None:
        """Write a mapping as readable JSON."""
        self.start()
        if self.folder is not None:
            with atomic_write(self.folder / file_name) as partial:
                partial.write_text(json.dumps(content, indent=2, default=plain) + "\n")

    def save_table(self, file_name: str, table: Any) -> None:
        """Write a ``pandas.DataFrame`` as CSV."""
        self.start()
        if self.folder is not None:
            with atomic_write(self.folder / file_name) as partial:
                table.to_csv(partial, index=False)

    def save_test_results(self, results: Mapping[str, float]) -> None:
        """Write ``test.json``."""
        self.save_json("test.json", results)

    def save_predictions(
        self, loss: Loss, Y: np.ndarray, Y_hat: np.ndarray, class_names: Sequence[str] | None
    ) -> None:
        """Write ``test_predictions.csv`` and, for classes, ``confusion_matrix.png``.

        Parameters
        ----------
        loss : Loss
            Says which classes labels and predictions stand for, if any.
        Y, Y_hat : arrays, (n, k)
            Labels and predictions.
        class_names : sequence of str, optional
            Names of the classes; their numbers by default.
        """
        self.save_table("test_predictions.csv", prediction_table(loss, Y, Y_hat))
        if loss.classifies:
            true, predicted = loss.classes(Y).ravel(), loss.classes(Y_hat).ravel()
            names = _names(class_names, max(Y.shape[1], 2))
            self._draw(
                "confusion_matrix.png",
                lambda figure: plots.confusion_matrix(figure, true, predicted, names),
            )

    def draw_mistakes(
        self,
        loss: Loss,
        X: np.ndarray,
        Y: np.ndarray,
        Y_hat: np.ndarray,
        class_names: Sequence[str] | None,
    ) -> None:
        """Draw ``mistakes.png``: the images X (n, H, W, C) that were misclassified.

        The other arguments are those of ``save_predictions``.
        """
        true, predicted = loss.classes(Y), loss.classes(Y_hat)
        # A single output is the probability of class 1; several are those of one class each, or
        # scores.
        scores = Y_hat if Y_hat.shape[1] > 1 else np.hstack([1 - Y_hat, Y_hat])
        score = scores[np.arange(len(scores)), predicted]
        form = "{:.0%}" if loss.outputs_probabilities else "{:.2g}"
        names = _names(class_names, scores.shape[1])
        self._draw(
            "mistakes.png",
            lambda figure: plots.mistakes(figure, X, true, predicted, score, form, names),
        )

    def save_forecast(self, true: np.ndarray, one_step: np.ndarray, free: np.ndarray) -> None:
        """Write ``forecast.csv`` and, of the first feature, ``forecast.png``.

        Parameters
        ----------
        true : array, (k, d, T)
            Sequences.
        one_step, free : arrays, (k, d, T - window)
            Their values from step ``window`` on: predicted from the true ones before each, and
            by the network running free.
        """
        self.save_table("forecast.csv", forecast_table(true, one_step, free))
        first = (values[:, 0] for values in (true, one_step, free))
        self._draw("forecast.png", lambda figure: plots.forecast(figure, *first))

    def draw_kernels(self, W: np.ndarray) -> None:
        """Draw ``kernels.png``: the kernels W (k1, k2, C, n_out) of a convolution."""
        self._draw("kernels.png", lambda figure: plots.kernels(figure, W))

    def draw_weights(self, W: np.ndarray) -> None:
        """Draw ``weights.png``: those of a first layer's units, as images W (H, W, C, n)."""
        self._draw("weights.png", lambda figure: plots.weights(figure, W))

    def draw_roc(self, curve: RocCurve) -> None:
        """Draw ``roc.png``."""
        self._draw("roc.png", lambda figure: plots.roc(figure, curve))

    def draw_curves(self, loss: Loss) -> None:
        """Draw ``loss.png`` and ``error.png`` from the rows so far."""
        if not self.rows:
            return
        columns = {key: np.array([row[key] for row in self.rows]) for key in self.rows[0]}
        title = self.folder.name if self.folder is not None else self.model_name
        self._draw(
            "loss.png",
            lambda figure: plots.loss_curves(figure, title, loss.name, columns, self.steps),
        )
        self._draw(
            "error.png",
            lambda figure: plots.error_curves(figure, title, loss.classifies, columns),
        )

    def _draw(self, file_name: str, draw: Callable[[Any], None]) -> None:
        if not self.plot:
            return
        self.start()
        if self.folder is None:
            plots.show(draw)
        else:
            with atomic_write(self.folder / file_name) as partial:
                plots.save(draw, partial)


def _names(class_names: Sequence[str] | None, n_classes: int) -> Sequence[str]:
    """The classes' names; their numbers if they have none."""
    return [str(i) for i in range(n_classes)] if class_names is None else class_names


def plain(value: Any) -> Any:
    """What JSON has in place of ``value``: NumPy numbers become numbers, the rest is text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def claim_folder(wanted: Path, overwrite: bool) -> Path:
    """Make a folder for a run.

    Parameters
    ----------
    wanted : Path
        What it should be called. If that exists, the next free number is appended: ``iris-2``.
    overwrite : bool
        Whether an earlier run at ``wanted`` is replaced instead. What a run writes is removed,
        and anything else in the folder stays.

    Returns
    -------
    Path
        A folder without a run in it.

    Raises
    ------
    FileExistsError
        If what is to be replaced is no run.
    """
    if overwrite and wanted.exists():
        if wanted.is_symlink() or not is_run(wanted):
            raise FileExistsError(f"{wanted} is no run, so it is not overwritten")
        for name in RUN_FILES:
            (wanted / name).unlink(missing_ok=True)
        return wanted
    number = 1
    while True:
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir()  # fails if it exists, also when another run has just made it
            return folder
        except FileExistsError:
            number += 1


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run, or nothing at all."""
    try:
        if not any(folder.iterdir()):
            return True
        return "neural_networks" in json.loads((folder / "config.json").read_text())["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def check_file_name(name: str) -> str:
    """The name of a CSV file in the run's folder; ``ValueError`` if it is none, or taken."""
    taken = [file for file, what in RUN_FILES.items() if "handed in" not in what]
    if Path(name).name != name or Path(name).suffix != ".csv" or not name.isprintable():
        raise ValueError(f"a file of predictions must be called NAME.csv, got {name!r}")
    if name in taken:
        raise ValueError(f"{name!r} is another file of the run")
    return name
