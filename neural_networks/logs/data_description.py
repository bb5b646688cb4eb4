"""Description of a run's data, ``data.json``: the input of its network, and the output."""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neural_networks.datasets import Dataset, Preprocessing
from neural_networks.datasets.descriptions import entries
from neural_networks.datasets.targets import TargetScale
from neural_networks.losses import Loss
from neural_networks.utils.files import display_path, read_json

FORMAT = 2
"""Version of the content of ``data.json``."""

ADDED: dict[str, Any] = {"target_scale": None}
"""Entries that version 1 did not have, and their values there."""

FILE = "data.json"

OUTPUTS = ("probabilities", "scores", "numbers")


@dataclass(frozen=True)
class DataDescription:
    """Input and output of a network: what goes into it, and what comes out.

    Attributes
    ----------
    dataset : str
        The dataset's name.
    example_shape : tuple of int
        The shape of one raw example, before preprocessing.
    example_type : str
        The type of raw examples, such as ``"float64"`` or ``"uint8"``.
    features : list of str or None
        The names of the features, in order.
    preprocessing : Preprocessing or None
        Turns raw examples into the network's input.
    loss : str
        The name of the loss.
    outputs : str
        ``"probabilities"`` or ``"scores"`` of classes, or ``"numbers"``.
    classes : list of str or None
        The names of the classes, in order; None for numbers. A single output has two.
    n_outputs : int
        The number of outputs, at each step of a sequence.
    target_scale : TargetScale or None
        Turns the outputs of a regression into their units.
    """

    dataset: str
    example_shape: tuple[int, ...]
    example_type: str
    features: list[str] | None
    preprocessing: Preprocessing | None
    loss: str
    outputs: str
    classes: list[str] | None
    n_outputs: int
    target_scale: TargetScale | None = None

    @classmethod
    def of(cls, loss: Loss, dataset: Dataset) -> "DataDescription":
        """The description of a dataset, and of a network trained on it with a loss."""
        outputs, classes = "numbers", None
        if loss.classifies:
            outputs = "probabilities" if loss.outputs_probabilities else "scores"
            names = dataset.class_names
            classes = _texts(range(max(dataset.out_dim, 2)) if names is None else names)
        features = dataset.feature_names
        return cls(
            dataset=str(dataset.name),
            example_shape=tuple(dataset.raw_shape),
            example_type=dataset.raw_dtype.name,
            features=None if features is None else _texts(features),
            preprocessing=dataset.preprocessing,
            loss=loss.name,
            outputs=outputs,
            classes=classes,
            n_outputs=dataset.out_dim,
            target_scale=None if loss.classifies else dataset.target_scale,
        )

    def to_json(self) -> dict[str, Any]:
        """The content of ``data.json``."""
        steps, scale = self.preprocessing, self.target_scale
        return {
            "format": FORMAT,
            "dataset": self.dataset,
            "example_shape": list(self.example_shape),
            "example_type": self.example_type,
            "features": self.features,
            "preprocessing": None if steps is None else steps.description(),
            "loss": self.loss,
            "outputs": self.outputs,
            "classes": self.classes,
            "n_outputs": self.n_outputs,
            "target_scale": None if scale is None else scale.description(),
        }

    @classmethod
    def from_json(cls, content: object, where: str) -> "DataDescription":
        """The inverse of ``to_json``.

        Parameters
        ----------
        content : dict
        where : str
            The file, for errors.

        Raises
        ------
        ValueError
            If an entry is missing, unknown or wrong, or the format is that of a later version.
        """
        number = _read_format(content, where)
        try:
            if number < FORMAT and isinstance(content, Mapping):
                content = {**ADDED, **content}
            given = dict(entries("it", content, ("format", *RULES)))
            del given["format"]
            for key, (rule, follows) in RULES.items():
                if not follows(given[key]):
                    shown = reprlib.repr(given[key])  # a list may be long
                    raise ValueError(f"{key!r} must be {rule}, got {shown}")
            if given["preprocessing"] is not None:
                given["preprocessing"] = Preprocessing.from_description(given["preprocessing"])
            if given["target_scale"] is not None:
                given["target_scale"] = TargetScale.from_description(given["target_scale"])
            description = cls(**{**given, "example_shape": tuple(given["example_shape"])})
            description._check()
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where} does not describe the data of a run: {error}") from None
        return description

    def _check(self) -> None:
        """Raise ``ValueError`` if entries do not fit each other."""
        expected = None if self.outputs == "numbers" else max(self.n_outputs, 2)
        found = None if self.classes is None else len(self.classes)
        if found != expected:
            raise ValueError(
                f"there are {found or 'no'} names of classes for {self.n_outputs} outputs that "
                f"are {self.outputs}"
            )
        if self.target_scale is not None:
            n = self.target_scale.n_outputs
            if self.outputs != "numbers" or n != self.n_outputs:
                raise ValueError(
                    f"a scale of {n} targets does not fit {self.n_outputs} outputs that are "
                    f"{self.outputs}"
                )
        table = self.preprocessing and self.preprocessing.table
        if table and table.feature_names != self.features:
            raise ValueError("the columns of the table do not fit the features")
        standardization = self.preprocessing and self.preprocessing.standardization
        if standardization:
            one, shape = np.zeros(self.example_shape), self.example_shape
            try:
                fits = standardization(one).shape == shape
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(
                    f"means {standardization.mean.shape} and deviations "
                    f"{standardization.std.shape} do not fit examples of shape {shape}"
                )


def read_data_description(folder: Path) -> DataDescription | None:
    """Read the description in the folder of a run; None if an older version left none.

    Raises
    ------
    ValueError
        If its ``data.json`` is damaged, or was written by a later version.
    """
    file = folder / FILE
    if not file.exists():
        return None
    name = display_path(file)
    return DataDescription.from_json(read_json(file, name), name)


def _read_format(content: object, where: str) -> int:
    """The version of the content; ``ValueError`` if it has no known one."""
    number = content.get("format") if isinstance(content, Mapping) else None
    if not isinstance(number, int) or not _is_count(number):
        raise ValueError(f"{where} does not describe the data of a run: it has no format")
    if number > FORMAT:
        raise ValueError(
            f"{where} was written by a later version: its format is {number}, and this version "
            f"reads formats up to {FORMAT}"
        )
    return number


def _texts(values: Sequence[Any]) -> list[str]:
    return [str(value) for value in values]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_shape(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_count, value))


def _are_names(value: object) -> bool:
    return value is None or (isinstance(value, list) and value != [] and all(map(_is_text, value)))


def _is_type(value: object) -> bool:
    try:
        dtype = np.dtype(value if isinstance(value, str) else "")
    except TypeError:
        return False
    return dtype == np.uint8 or np.issubdtype(dtype, np.floating)


RULES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "dataset": ("a name", _is_text),
    "example_shape": ("a list of whole numbers from 1 on", _is_shape),
    "example_type": ("a type of floats, or 'uint8'", _is_type),
    "features": ("a list of names, or null", _are_names),
    "preprocessing": ("a mapping, or null", lambda value: isinstance(value, dict | None)),
    "loss": ("a name", _is_text),
    "outputs": (f"one of {', '.join(OUTPUTS)}", lambda value: value in OUTPUTS),
    "classes": ("a list of names, or null", _are_names),
    "n_outputs": ("a whole number from 1 on", _is_count),
    "target_scale": ("a mapping, or null", lambda value: isinstance(value, dict | None)),
}
"""Each entry of ``data.json`` but its format: the rule, and the function that tests it."""
