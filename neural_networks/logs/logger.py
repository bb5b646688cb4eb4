"""The log of a run: its results, written into the run's folder as they come."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks import __version__
from neural_networks.datasets import Dataset
from neural_networks.logs.claim import Claim
from neural_networks.logs.data_description import FILE, DataDescription
from neural_networks.logs.environment import environment
from neural_networks.logs.lines import LineFile, csv_line, step_line
from neural_networks.logs.pictures import TEST, TRAINING, draw_pictures, show_pictures, warn
from neural_networks.logs.plain import write_json
from neural_networks.logs.record import (
    EXAMPLES,
    Mistakes,
    PredictedNumbers,
    Predictions,
    RunRecord,
    best_epoch,
    images_of,
    shows_images,
)
from neural_networks.logs.run_folder import (
    CONFIG,
    FORMAT,
    KAGGLE_FILES,
    RUN_FILES,
    TESTED_EPOCH,
    check_file_name,
    claim_folder,
)
from neural_networks.losses import Loss
from neural_networks.training.history import StepBin
from neural_networks.training.outcome import Outcome
from neural_networks.training.tables import forecast_table, prediction_table, score_table
from neural_networks.utils.files import (
    atomic_write,
    check_file_system,
    experiments_folder,
    new_folder,
    removed_after_error,
    save_arrays,
    user_path,
)
from neural_networks.utils.notebooks import display_pictures, in_notebook

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_FOLDER = "experiments/"


class Logger:
    """Log of a run: keeps its results, and writes them to its folder.

    Nothing is written before ``start``, so a wrong configuration leaves no folder.

    Parameters
    ----------
    model_name : str
        The run's name, and that of its folder.
    model_args, data_args : mapping
        The arguments of the model and of the dataset, for ``config.json``.
    save : bool
        If True, files are written.
    plot : bool
        If True, ``draw`` is called after each training and each test for their pictures. A
        notebook shows them, also if they are saved.
    save_dir : str or Path
        The folder that holds the runs. The default is that of the repository, independent of the
        current folder; any other path is used unchanged.
    arguments : mapping, optional
        Further settings of the run, for ``config.json``.
    overwrite : bool
        If True, a run of the same name is replaced, unless it is still being written.

    Attributes
    ----------
    folder : Path or None
        The run's folder, from ``start`` on.
    rows : list of dict
        The results of each epoch, as in ``log.csv``.

    Raises
    ------
    ValueError
        If the name is not valid.
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
        check_file_system("the run's name", model_name)
        self.model_name = model_name
        self.config: dict[str, Any] = {
            "format": FORMAT,
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
        self.save_dir = experiments_folder() if is_default else user_path(save_dir).absolute()
        self.reset()

    def reset(self) -> None:
        """Forget the rows and the folder; further results belong to another run."""
        self.folder: Path | None = None
        self._claim: Claim | None = None
        self._growing: dict[str, LineFile] = {}
        for key in (KAGGLE_FILES, TESTED_EPOCH):
            self.config.pop(key, None)
        self.rows: list[dict[str, float]] = []
        # What the pictures show if there is no folder to draw them from.
        model = self.config["model"]
        self._steps: list[StepBin] = []
        self._record = RunRecord(self.model_name, model=model, rows=self.rows, steps=self._steps)

    def start(self, kaggle_file: str = "", needed: int = 0) -> None:
        """Claim a folder and write ``config.json``, unless that has been done already.

        Parameters
        ----------
        kaggle_file : str
            The name of the file of predictions that the run will write; empty for the default.
        needed : int
            Bytes that the run will write, at least; they must be free.

        Raises
        ------
        OSError
            If the folder cannot be written, or a file is in the way.
        """
        if not self.save or self.folder is not None:
            return
        own = "" if kaggle_file in RUN_FILES else kaggle_file
        if own:  # a run that replaces this one removes it
            self.config[KAGGLE_FILES] = [own]
        wanted = self.save_dir / self.model_name
        with new_folder(self.save_dir):
            claimed = claim_folder(wanted, self.overwrite, own, needed)
            with removed_after_error(claimed.folder):
                self._save_config(claimed.folder)
        self._claim, self.folder = claimed, claimed.folder

    def describe(self, loss: Loss, dataset: Dataset, seed: int) -> None:
        """Claim a folder; write what goes into the network and what comes out, before a training.

        Parameters
        ----------
        loss : Loss
        dataset : Dataset
            With the loss, for ``data.json``.
        seed : int
            The network's; with that of the dataset, for ``config.json``.
        """
        self.config["seeds"] = {"model": seed, "data": dataset.seed}
        if self.folder is None:
            self.start()
        elif (folder := self._place()) is not None:
            self._save_config(folder)
        self._describe_data(loss, dataset)
        self._set_busy(True)

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
        row = flat_row(log)
        if self.rows:
            columns = list(self.rows[0])
            if row.keys() != self.rows[0].keys():
                raise ValueError(f"columns {list(row)} differ from those so far: {columns}")
            row = {key: row[key] for key in columns}  # the order of the first row
        folder = self._place()
        self.rows.append(row)
        if folder is not None:
            # A float as text is the shortest that reads back as the same number.
            self._append(folder / "log.csv", row, ",".join(map(str, row.values())) + "\n")

    def push_steps(self, bins: Sequence[StepBin]) -> None:
        """Add the steps of an epoch: rows of ``steps.csv``."""
        folder = self._place()
        if folder is None:
            self._steps.extend(bins)
        elif bins:
            self._append(folder / "steps.csv", StepBin._fields, "".join(map(step_line, bins)))

    def finish(
        self,
        parameters: Mapping[str, np.ndarray],
        best_parameters: Mapping[str, np.ndarray] | None,
    ) -> None:
        """Write the parameters after a training.

        Parameters
        ----------
        parameters : mapping
            Names such as ``layer1.W`` to arrays, for ``parameters.npz``; empty if there are none.
        best_parameters : mapping or None
            Those of the best epoch, for ``best_parameters.npz``.
        """
        self._record.parameters = {} if self.save else dict(parameters)
        self._record.best_epoch = best_epoch(best_parameters or {})
        with ExitStack() as each:  # whatever becomes of the others; the last line comes first
            each.callback(self._set_busy, False)
            for file in self._growing.values():  # lines that could not be written before
                each.callback(file.append)
            each.callback(self._save_arrays, "best_parameters.npz", best_parameters or {})
            each.callback(self._save_arrays, "parameters.npz", parameters)
        if self.plot:
            self._draw(TRAINING)

    def save_test(
        self, loss: Loss, outcome: Outcome, dataset: Dataset, save_predictions: bool
    ) -> None:
        """Write the results of a test.

        Parameters
        ----------
        loss : Loss
            Defines the classes of labels and predictions, if any.
        outcome : Outcome
            Its scores go to ``test.json``, those of each class or output to ``test_scores.csv``;
            on a validation set, the names of the files begin with that word.
        dataset : Dataset
            The tested dataset, with its images and the names of its classes.
        save_predictions : bool
            If True, ``test_predictions.csv``, ``examples.npz`` for images, and ``forecast.csv``
            are written, too.
        """
        split = outcome.split
        self._save_json(f"{split}.json", outcome.scores)
        if outcome.epoch is not None:
            self.config[TESTED_EPOCH] = outcome.epoch
            self._save_json(CONFIG, self.config)
        if outcome.details is not None:
            scores = score_table(outcome.details, dataset.class_names)
            self.save_table(f"{split}_scores.csv", scores)
        if not save_predictions:
            return
        if self.folder is None or not (self.folder / FILE).exists():  # nothing has been trained
            self._describe_data(loss, dataset)
        table = prediction_table(loss, outcome.Y, outcome.Y_hat, dataset.class_names)
        self.save_table(f"{split}_predictions.csv", table)
        predictions, mistakes, forecast = Predictions.from_table(table), None, None
        data = dataset.test if split == "test" else dataset.validate
        if predictions is not None and data is not None and shows_images(dataset):
            mistakes = Mistakes.of(predictions, lambda rows: images_of(dataset, data, rows))
            self._save_arrays(EXAMPLES[split], mistakes._asdict())
        if outcome.forecast is not None:
            forecast = forecast_table(*outcome.forecast)
            self.save_table("forecast.csv", forecast)
        if self.folder is None:
            kept = self._record
            kept.predictions, kept.mistakes, kept.forecast = predictions, mistakes, forecast
            kept.numbers, kept.split = PredictedNumbers.from_table(table), split
        if self.plot:
            self._draw(TEST)

    def save_kaggle(
        self, file_name: str, table: pd.DataFrame, named: pd.DataFrame | None = None
    ) -> None:
        """Write predictions for submission as CSV; with names, also ``predicted_classes.csv``.

        Raises
        ------
        ValueError
            If that name is not allowed.
        """
        check_file_name(file_name)
        self.start()
        own = self.config.get(KAGGLE_FILES, [])
        if file_name not in (*RUN_FILES, *own):  # a run that replaces this one removes it
            self.config[KAGGLE_FILES] = [*own, file_name]
            self._save_json(CONFIG, self.config)
        self.save_table(file_name, table)
        if named is not None:
            self.save_table("predicted_classes.csv", named)

    def save_table(self, file_name: str, table: pd.DataFrame) -> None:
        """Write a table as CSV."""
        if (folder := self._place()) is not None:
            with atomic_write(folder / file_name, follow_link=False) as partial:
                table.to_csv(partial, index=False)

    def draw(self) -> None:
        """Draw the pictures of all results so far: into the folder, or else on the screen.

        Those in a folder are drawn from the files there.

        Warns
        -----
        UserWarning
            For each picture that cannot be drawn; nothing else depends on it.
        """
        self._draw()

    def _draw(self, *stages: str) -> None:
        try:
            if self.folder is not None:
                drawn = draw_pictures(self._place() or self.folder, *stages)
                if self.plot and in_notebook():
                    display_pictures(drawn)
            elif not self.save:
                show_pictures(self._record, *stages)
        except Exception as error:
            warn("no picture is drawn", error)

    def _describe_data(self, loss: Loss, dataset: Dataset) -> None:
        data = DataDescription.of(loss, dataset)
        self._record.describe(data)
        self._save_json(FILE, data.to_json())

    def _place(self) -> Path | None:
        """The run's folder, to write a file there; None if nothing is saved."""
        self.start()
        if self._claim is not None:
            self._claim.check()
        return self.folder

    def _set_busy(self, busy: bool) -> None:
        if self._claim is not None:
            self._claim.busy = busy

    def _append(self, path: Path, columns: Iterable[str], lines: str) -> None:
        """Append lines to a file of these columns."""
        if path.name not in self._growing:
            self._growing[path.name] = LineFile(path, csv_line(columns))
        self._growing[path.name].append(lines)

    def _save_config(self, folder: Path) -> None:
        # Just before training: the number of BLAS's threads may have changed since the last time.
        self.config["environment"] = environment()
        write_json(folder / CONFIG, self.config)

    def _save_json(self, file_name: str, content: Mapping[str, Any]) -> None:
        if (folder := self._place()) is not None:
            write_json(folder / file_name, content)

    def _save_arrays(self, file_name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays to an ``.npz`` file, unless there are none."""
        if self.folder is not None and arrays and (folder := self._place()) is not None:
            save_arrays(folder / file_name, arrays, follow_link=False)


def flat_row(log: Mapping[str, Any]) -> dict[str, float]:
    """A row of numbers; nested mappings become columns such as ``loss_train``."""
    row: dict[str, float] = {}
    for key, value in log.items():
        if isinstance(value, Mapping):
            row |= {f"{key}_{inner}": number for inner, number in value.items()}
        else:
            row[key] = value
    return row
