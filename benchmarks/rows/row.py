"""A row of the benchmark."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Step = Callable[[], Any]
"""The timed work, such as one training step on one batch."""

Setup = Callable[[int], Step]
"""From a seed to a step on fresh weights; the only place that imports the side's library."""


def just_the_loss(result: Any) -> Sequence[float]:
    """The numbers of a step that returns its loss."""
    return [result]


class Goal(NamedTuple):
    """Targets of a ratio, our time / theirs.

    Attributes
    ----------
    reach : float
        The target.
    stretch : float
        The ratio of the best prototype.
    """

    reach: float
    stretch: float

    def verdict(self, ratio: float) -> str:
        """The target that a ratio meets: ``"stretch"``, ``"reach"`` or ``"no"``."""
        if ratio <= self.stretch:
            return "stretch"
        return "reach" if ratio <= self.reach else "no"


AVX2_KERNELS = ("Haswell", "Zen")
"""OpenBLAS's names of the kernels for processors with AVX2 and without AVX-512."""


class Goals(NamedTuple):
    """The targets by the kernels of NumPy's BLAS: those with AVX2, and all others."""

    others: Goal
    avx2: Goal

    def with_kernels(self, architecture: str) -> Goal:
        """The targets with kernels of an architecture, as OpenBLAS calls it."""
        return self.avx2 if architecture in AVX2_KERNELS else self.others


@dataclass(frozen=True)
class Row:
    """One piece of work, in this library and in another one.

    Attributes
    ----------
    label : str
        A few words for a chart.
    title : str
        Description of the work.
    ours : Setup
        The work in this library.
    theirs : mapping from str to Setup
        The work in the other library. Of several variants, the fastest one is measured.
    rival : str
        Name of the other library.
    package : str
        The package that ``theirs`` imports.
    goals : Goals
        The targets of the ratio, our time / theirs.
    numbers : function
        Converts a step's result to the numbers that must agree on both sides; not timed.
    check_steps : int
        Number of steps in which they must agree.
    tolerance : float
        Largest relative difference, with respect to the greater number.
    """

    label: str
    title: str
    ours: Setup
    theirs: Mapping[str, Setup]
    rival: str
    package: str
    goals: Goals
    numbers: Callable[[Any], Sequence[float]] = just_the_loss
    check_steps: int = 100
    tolerance: float = 1e-4

    def variants(self, side: str) -> Mapping[str, Setup]:
        """The variants of a side, ``"ours"`` or ``"theirs"``, by name."""
        return {"ours": self.ours} if side == "ours" else self.theirs
