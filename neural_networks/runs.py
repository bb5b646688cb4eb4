"""A finished run as a model: ``load_run`` reads its folder, and ``Run.predict`` raw examples."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neural_networks.datasets import RENAMED, initialize_dataset
from neural_networks.datasets.data import EVALUATION_BATCH
from neural_networks.datasets.sources.examples import ExampleFormat, as_examples
from neural_networks.logs import read_config
from neural_networks.logs.data_description import DataDescription, read_data_description
from neural_networks.losses import Loss
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import with_epochs
from neural_networks.utils.factories import call, suggestion
from neural_networks.utils.files import display_path, experiments_folder, read_arrays, user_path
from neural_networks.utils.rows import as_rows
from neural_networks.utils.text import counted, listed
from neural_networks.utils.validation import error_prefix, first_index

if TYPE_CHECKING:
    import pandas as pd

# ------------------------------------------------------------------------------------ predictions


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a network for n examples.

    Attributes
    ----------
    outputs : array, (n, k) or (n, k, t)
        The network's outputs, at each step of a sequence if it has an output at each; numbers are
        in the units of the targets.
    classes : array of object, (n,) or (n, t), or None
        The name of each predicted class; None for numbers.
    class_names : list of str or None
        All classes, in order.
    probabilities : array, (n, classes) or (n, classes, t), or None
        The probability of each class; None where outputs are scores or numbers. A single output
        is the probability of the second class.
    """

    outputs: np.ndarray
    classes: np.ndarray | None
    class_names: list[str] | None
    probabilities: np.ndarray | None

    @classmethod
    def of(cls, outputs: np.ndarray, loss: Loss, data: DataDescription) -> Predictions:
        """The meaning of outputs of a network trained with a loss on described data."""
        if data.target_scale is not None:
            outputs = data.target_scale.to_units(outputs)
        if data.classes is None:
            return cls(outputs, None, None, None)
        probabilities = None
        if data.outputs == "probabilities":
            one = outputs.shape[1] == 1
            probabilities = np.concatenate([1 - outputs, outputs], axis=1) if one else outputs
        names = np.array(data.classes, object)  # else each takes the space of the longest
        classes = names[loss.classes(outputs)]
        return cls(outputs, classes, list(data.classes), probabilities)

    def table(self) -> pd.DataFrame:
        """The predictions as a table, a row for each example, or for each step of each.

        Returns
        -------
        pandas.DataFrame
            ``row``, from 1; with an output at each step, ``step``, from 1; ``class``, the name;
            then ``probability_NAME`` or ``score_NAME`` for each class. For numbers,
            ``prediction_0`` ... instead.
        """
        import pandas as pd

        n = len(self.outputs)
        first: dict[str, np.ndarray] = {"row": np.arange(1, n + 1)}
        if self.outputs.ndim == 3:
            t = self.outputs.shape[2]
            first = {"row": np.repeat(first["row"], t), "step": np.tile(np.arange(1, t + 1), n)}
        values = self.outputs if self.probabilities is None else self.probabilities
        if self.classes is None or self.class_names is None:
            names = [f"prediction_{i}" for i in range(values.shape[1])]
        else:
            kind = "score" if self.probabilities is None else "probability"
            names = [f"{kind}_{name}" for name in self.class_names]
            first["class"] = self.classes.ravel()
        # Two tables, as two classes may have the same name.
        tables = [pd.DataFrame(first), pd.DataFrame(as_rows(values), columns=names)]
        return pd.concat(tables, axis=1)


# --------------------------------------------------------------------------------------- the run


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A finished run: its network, and the description of its data.

    Attributes
    ----------
    folder : Path
    model : NeuralNetwork
        The trained network. It takes preprocessed examples; ``predict`` of the run, raw ones.
    data : DataDescription
        What goes into the network, and what comes out.
    """

    folder: Path
    model: NeuralNetwork
    data: DataDescription

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes, in order; None for numbers."""
        return self.data.classes

    @property
    def feature_names(self) -> list[str] | None:
        """The names of the features, in order; None if they have no names."""
        return self.data.features

    def predict(self, examples: Any, **form: Any) -> Predictions:
        """Predict raw examples, which are preprocessed as in training.

        Parameters
        ----------
        examples : array, data frame or path
            An array (n, ...) of floats, integers or bytes: rows of features, images (n, H, W, C)
            or rows of their pixels, or sequences (n, d, t). A pandas data frame or the path of a
            CSV file: the columns with the names of the features, in any order, others are ignored;
            without names, the features alone. Or the path of an ``.npy`` file.
        **form
            The form of a CSV file, ``header``, ``sep``, ``decimal`` or ``encoding``, if it is not
            recognized, see ``read_examples``.

        Raises
        ------
        TypeError
            If they are not numbers.
        ValueError
            If they are not such examples, or a value is NaN or infinite.
        """
        data, outputs = self.data, []
        like = ExampleFormat(data.dataset, data.example_shape, data.features, data.preprocessing)
        X = as_examples(examples, like, **form)
        for start in range(0, len(X), EVALUATION_BATCH):
            batch = self._preprocess(X[start : start + EVALUATION_BATCH], start)
            outputs.append(self.model.predict(batch)[0])
        return Predictions.of(np.concatenate(outputs), self.model.loss, data)

    def _preprocess(self, X: np.ndarray, start: int) -> np.ndarray:
        """A batch of raw examples as the network's input; ``start`` of them came before."""
        self._refuse(~np.isfinite(X), X, start, "is not a finite number")
        stored = np.dtype(self.data.example_type)
        if stored == np.uint8 and X.dtype != np.uint8:
            wrong = (X < 0) | (X > 255) | (np.floor(X) != X)
            self._refuse(wrong, X, start, "is not a byte, as in training: a whole number 0 ... 255")
        with np.errstate(over="ignore"):  # the infinities are refused below
            raw = X.astype(stored, copy=False)
            preprocessing = self.data.preprocessing
            batch = raw if preprocessing is None else preprocessing(raw)
        self._refuse(~np.isfinite(batch).reshape(X.shape), X, start, "is too large")
        return batch

    def _refuse(self, wrong: np.ndarray, X: np.ndarray, start: int, why: str) -> None:
        """Raise ``ValueError`` if a value of a batch is wrong; it names the row and the column."""
        if wrong.any():
            row, *place = first_index(wrong)
            features, shape = self.data.features or [], X.shape[1:]
            number = int(np.ravel_multi_index(place, shape))
            column = f"column {number + 1}" if len(shape) == 1 else f"position {tuple(place)}"
            if len(features) == math.prod(shape):
                column = f"column {features[number]!r}"
            value = X[(row, *place)].item()
            raise ValueError(f"examples, row {start + row + 1}, {column}: {value} {why}")

    def __repr__(self) -> str:
        shape, k = self.data.example_shape, self.data.n_outputs
        examples = counted(shape[0], "feature") if len(shape) == 1 else f"examples {shape}"
        outputs = counted(k, "number") if self.class_names is None else listed(self.class_names)
        epochs = counted(self.model.epoch, "epoch")
        return f"Run({display_path(self.folder)!r}: {examples} → {outputs}; {epochs})"


# ----------------------------------------------------------------------------------------- reading


class RunConfig(NamedTuple):
    """The part of a run's ``config.json`` that its network depends on."""

    file: str
    name: str
    model: dict[str, Any]
    data: dict[str, Any]
    arguments: dict[str, Any]


def load_run(folder: str | os.PathLike[str], best: bool = False) -> Run:
    """Load a finished run, to predict; nothing is read but its folder.

    Parameters
    ----------
    folder : str or Path
        The run's folder, or the name of one in ``experiments/``.
    best : bool
        If True, the parameters are those of the best epoch; if False, of the last one.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it is not the folder of a run, a file is missing or damaged, or something in the network
        is not registered; the message names the file.

    Warns
    -----
    UserWarning
        If an older version left no ``data.json``, and the dataset is loaded instead.

    Examples
    --------
    ::

        run = load_run("experiments/iris")
        run.predict("flowers.csv").table()
    """
    path = find_run(folder)
    config = _read_config(path)
    parameters = path / ("best_parameters.npz" if best else "parameters.npz")
    model = _read_model(config, parameters)
    data = read_data_description(path)
    source = "data.json"
    if data is None:
        source = "the dataset"
        data = _describe_dataset(path, config, model)
    problem = _misfit(model, data)
    if problem:
        where = f"{source} and {parameters.name} of {display_path(path)}"
        raise ValueError(f"{where} do not belong together: {problem}")
    return Run(path, model, data)


def find_run(run: str | os.PathLike[str]) -> Path:
    """The folder of a run: a path, or a name in ``experiments/``; an error if there is none."""
    path = user_path(run)
    inside = experiments_folder() / path
    candidates = [path, inside] if len(path.parts) == 1 else [path]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder
    found = next((folder for folder in candidates if folder.exists()), None)
    if found is None:
        beside = [runs.name for runs in _runs_in(candidates[-1].parent)]
        hint = suggestion(path.name, beside)
        raise FileNotFoundError(f"there is no run {display_path(path)}{hint}")
    if not found.is_dir():
        raise ValueError(f"{display_path(found)} is a file: give the folder of a run")
    inner = ", ".join(runs.name for runs in _runs_in(found)[:5])
    hint = f", but there are runs in it: {inner}" if inner else ""
    raise ValueError(
        f"{display_path(found)} is not the folder of a run: there is no config.json{hint}"
    )


def _runs_in(folder: Path) -> list[Path]:
    """The folders of runs in a folder, sorted."""
    return sorted(file.parent for file in folder.glob("*/config.json"))


def _read_config(folder: Path) -> RunConfig:
    """Read the configuration of a run's network."""
    content, file = read_config(folder), display_path(folder / "config.json")
    sections: dict[str, Any] = {}
    for key in ("model", "data", "arguments"):
        sections[key] = content.get(key)
        if not isinstance(sections[key], dict):
            raise ValueError(f"{file} is not the configuration of a run: it has no {key!r}")
    for key, kind in (("loss", str), ("layer_args", list), ("optimizer_args", dict)):
        if not isinstance(sections["model"].get(key), kind):
            raise ValueError(f"{file} does not describe a network: it has no {key!r}")
    if not all(isinstance(layer, dict) for layer in sections["model"]["layer_args"]):
        raise ValueError(f"{file} does not describe a network: a layer must be a mapping")
    return RunConfig(file, str(content.get("model_name")), **sections)


def _read_model(config: RunConfig, parameters: Path) -> NeuralNetwork:
    """The network of a configuration, with the parameters in a file."""
    arrays = _read_parameters(parameters)
    options = {**config.model, "name": config.name}
    options["dtype"] = _network_type(options["layer_args"], arrays)
    try:
        epochs = config.arguments.get("epochs", 1)
        options["optimizer_args"] = with_epochs(options["optimizer_args"], epochs)
        model = call("model", NeuralNetwork, options)
    except (TypeError, ValueError) as error:
        hint = ": import the module that registers it first" if "unknown " in str(error) else ""
        raise ValueError(f"{config.file}: {error}{hint}") from None
    try:
        model.load(parameters)
    except (MemoryError, TypeError) as error:
        raise ValueError(f"{parameters} belongs to another network: {error}") from None
    return model


def _read_parameters(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a network, saved in the folder of a run."""
    if not file.is_file():
        raise ValueError(
            f"{display_path(file.parent)} has no {file.name}: its training has not ended, or "
            "failed before the first epoch ended"
        )
    arrays = read_arrays(file)
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(
                f"{display_path(file)} cannot be used: {key} is NaN or infinite, so the training "
                "diverged"
            )
    return arrays


def _network_type(layer_args: Sequence[Mapping[str, Any]], arrays: Mapping[str, np.ndarray]) -> str:
    """The type of a network's arrays, as saved; layers with a type of their own do not count."""
    for number, args in enumerate(layer_args, start=1):
        if args.get("dtype") is None:
            for key, array in arrays.items():
                if key.startswith(f"layer{number}.") and array.dtype.kind == "f":
                    return array.dtype.name
    return "float64"


def _describe_dataset(folder: Path, config: RunConfig, model: NeuralNetwork) -> DataDescription:
    """The description of the data of an older run, from the dataset itself."""
    where = f"{display_path(folder)} has no data.json, as it is of an older version"
    options = {RENAMED.get(key, key): value for key, value in config.data.items()}
    with error_prefix(f"{where}, and its dataset cannot be loaded"):
        try:
            options |= {"seed": config.arguments.get("seed"), "dtype": model.dtype.name}
            dataset = call("dataset", initialize_dataset, options)
        except OSError as error:
            raise ValueError(str(error)) from None
    warnings.warn(
        f"{where}: preprocessing and names are those of the dataset {dataset.name!r} today",
        stacklevel=3,
    )
    return DataDescription.of(model.loss, dataset)


def _misfit(model: NeuralNetwork, data: DataDescription) -> str:
    """The reason why a network does not fit a description; empty if it does."""
    if model.loss.name != data.loss:
        return f"one is for the loss {data.loss}, the other for {model.loss.name}"
    X = np.zeros((1, *data.example_shape), data.example_type)
    X = X if data.preprocessing is None else data.preprocessing(X)
    expected = tuple(int(n) for n in model.input_shape or ())
    if X.shape[1:] != expected:
        return f"examples have shape {X.shape[1:]}, the network's input {expected}"
    k = model.predict(X)[0].shape[1]
    return "" if k == data.n_outputs else f"there are {data.n_outputs} outputs, and {k}"
