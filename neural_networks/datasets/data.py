"""Data: examples with their labels, sampled in batches."""

import copy
import hashlib
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from neural_networks.datasets.checks import check_examples, check_finite, check_labels
from neural_networks.datasets.preprocessing import Preprocessing, row_chunks
from neural_networks.datasets.targets import TargetScale
from neural_networks.utils.randomness import (
    copied,
    generator_of,
    generator_state,
    restore_generator,
)
from neural_networks.utils.state import entry
from neural_networks.utils.validation import error_prefix, positive_integer

EVALUATION_BATCH = 256

Rows = slice | np.ndarray
"""Rows of an array: a slice, or their numbers."""


class Data:
    """Examples with their labels, sampled in batches.

    Parameters
    ----------
    data : array of float, (n, ...)
        n examples; with ``preprocessing``, bytes are possible, too.
    labels : array, (n, k) or (n, k, t), optional
        One row for each example.
    batch_size : int
        Examples per batch; if it exceeds n, a single batch holds all.
    rng : numpy.random.Generator or int, optional
        Generator that shuffles the examples, or a seed for one.
    preprocessing : Preprocessing, optional
        Applied once to floats in memory, and batch by batch to bytes and memory maps.
    augmentation_rng : numpy.random.Generator, optional
        Generator of the random augmentation in ``sample``; none by default.
    target_scale : TargetScale, optional
        Applied once to the labels.
    names : tuple of str
        Names of the data and of the labels, for errors.

    Attributes
    ----------
    data : array, (n, ...)
        The examples as stored.
    labels, labels_in_units : array or None
        The labels of batches, on the scale of the training; and as they were given. Without
        ``target_scale`` they are the same.
    n_samples : int
        n.
    example_shape : tuple of int
        The shape of one example in a batch.
    is_lazy : bool
        If True, examples are preprocessed batch by batch, and ``data`` holds the raw ones.
    samples_per_epoch : int
        Batches per epoch: ⌈n / batch_size⌉.

    Raises
    ------
    TypeError
        If the data is not an array of floats, or of bytes with ``preprocessing``; if the labels
        are not an array of numbers; or for a masked array.
    ValueError
        If the data is empty, contains NaN or infinity, or does not have one label per example.
    """

    def __init__(
        self,
        data: np.ndarray,
        labels: np.ndarray | None = None,
        batch_size: int = 50,
        rng: np.random.Generator | int | None = None,
        *,
        preprocessing: Preprocessing | None = None,
        augmentation_rng: np.random.Generator | None = None,
        target_scale: TargetScale | None = None,
        names: tuple[str, str] = ("data", "labels"),
    ) -> None:
        with error_prefix(names[0]):
            check_examples(data, bytes_too=preprocessing is not None)
        self.labels = self.labels_in_units = labels
        if labels is not None:
            with error_prefix(names[1]):
                check_labels(labels, len(data))
                if target_scale is not None:
                    dtype = preprocessing and preprocessing.dtype
                    self.labels = target_scale.to_training(labels, dtype)
        self._augmentation_rng = augmentation_rng
        self.is_lazy = preprocessing is not None and self._must_be_lazy(data, preprocessing)
        if preprocessing is not None and not self.is_lazy:
            data, preprocessing = preprocessing(data), None
        with error_prefix(names[0]):
            check_finite(data, preprocessing)
        self.data = data
        self._preprocessing = preprocessing
        self.example_shape = self._batch(slice(0, 1)).shape[1:]
        self.batch_size = positive_integer("batch_size", batch_size)
        self.n_samples = len(data)
        self.samples_per_epoch = math.ceil(self.n_samples / self.batch_size)
        self._rng = generator_of(rng)
        self.reset()

    def _must_be_lazy(self, data: np.ndarray, preprocessing: Preprocessing) -> bool:
        """True if examples must be preprocessed batch by batch instead of once."""
        augments = self._augmentation_rng is not None and preprocessing.augmentation is not None
        floating = np.issubdtype(data.dtype, np.floating)
        return augments or not floating or isinstance(data, np.memmap)

    def reset(self) -> None:
        """Start a new epoch: the next ``sample`` returns its first batch."""
        self._position = 0
        self._order: np.ndarray | None = None  # None: that of the data
        self._before: dict[str, Any] | None = None  # the generator's state before it drew the order

    def sample(self, shuffle: bool = True) -> tuple[np.ndarray, Any]:
        """The next batch; ``samples_per_epoch`` calls return each example once.

        Parameters
        ----------
        shuffle : bool
            If True, each epoch has a new random order; if False, the order of the data. The
            first call of an epoch decides for the whole epoch.

        Returns
        -------
        X : array, (batch_size, ...); fewer rows in the last batch of an epoch
        Y : array, (batch_size, k) or (batch_size, k, t), or None without labels
        """
        if self._position in (0, self.n_samples):
            self.reset()
            if shuffle:
                self._draw_order()
        start = self._position
        self._position = min(start + self.batch_size, self.n_samples)
        rows: Rows = slice(start, self._position)
        if self._order is not None:
            rows = self._order[rows]
        return self._batch(rows, self._augmentation_rng), self._labels(rows)

    def _draw_order(self) -> None:
        """Draw a random order for an epoch, and keep the generator's state from before."""
        self._before = dict(self._rng.bit_generator.state)
        self._order = self._rng.permutation(self.n_samples)

    @property
    def steps(self) -> int:
        """Batches returned in this epoch, from 0 to ``samples_per_epoch``."""
        return -(-self._position // self.batch_size)

    def batches(self, batch_size: int = EVALUATION_BATCH) -> Iterator[tuple[np.ndarray, Any]]:
        """All examples once, in the order of the data; ``sample`` is not affected."""
        for start in range(0, self.n_samples, batch_size):
            rows = slice(start, start + batch_size)
            yield self._batch(rows), self._labels(rows)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of examples, labels and preprocessing: equal sets have equal ones."""
        content = hashlib.blake2b(digest_size=16)
        first = self._batch(slice(0, 16))  # depends on the preprocessing, if it is done by batches
        for X in (self.data, self.labels, first):
            if X is not None:
                content.update(f"{X.shape} {X.dtype}".encode())
                for rows in row_chunks(X):
                    content.update(np.ascontiguousarray(X[rows]).data)
        augmentation = self._preprocessing and self._preprocessing.augmentation
        content.update(f"{augmentation and vars(augmentation)}".encode())
        return content.hexdigest()

    def state(self) -> dict[str, Any]:
        """Place in the epoch, and generators: copies, for ``load_state``."""
        state: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "batch_size": self.batch_size,
            "position": self._position,
            "before_order": copied(self._before or {}),  # small, unlike the order drawn from it
            "generator": generator_state(self._rng),
        }
        if self._augmentation_rng is not None:
            state["augmentation"] = generator_state(self._augmentation_rng)
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is of other data: this one is unchanged."""
        rngs = self.check_state(state)
        position, before = entry(state, "position", int), entry(state, "before_order", dict)
        self.reset()
        if before:
            self._rng.bit_generator.state = before
            self._draw_order()
        self._position = position
        for rng, key in rngs:
            restore_generator(rng, state[key])

    def check_state(self, state: Mapping[str, Any]) -> list[tuple[np.random.Generator, str]]:
        """Check a state as ``load_state`` does; returns each generator and its key there."""
        for key, here in (("fingerprint", self.fingerprint), ("batch_size", self.batch_size)):
            found = entry(state, key, type(here))
            if found != here:
                raise ValueError(f"the state is of other data: {key} {found}, not {here}")
        if not 0 <= entry(state, "position", int) <= self.n_samples:
            raise ValueError(f"the state is at example {state['position']} of {self.n_samples}")
        rngs = [(self._rng, "generator")]
        if self._augmentation_rng is not None:
            rngs.append((self._augmentation_rng, "augmentation"))
        for rng, key in rngs:
            restore_generator(copy.deepcopy(rng), entry(state, key, dict))
        if before := entry(state, "before_order", dict):
            restore_generator(copy.deepcopy(self._rng), {"bit_generator": before})
        return rngs

    def _batch(self, rows: Rows, augmentation_rng: np.random.Generator | None = None) -> np.ndarray:
        X = self.data[rows]
        return X if self._preprocessing is None else self._preprocessing(X, augmentation_rng)

    def _labels(self, rows: Rows) -> np.ndarray | None:
        return None if self.labels is None else self.labels[rows]
