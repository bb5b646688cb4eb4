"""A row of the benchmark."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Step = Callable[[], Any]
"""The timed work, such as one training step on one batch."""

Setup = Callable[[int], Step]
"""From a seed to a step on fresh weights; the only place that imports the side's library."""


def just_the_loss(result: Any) -> Sequence[float]:
    """The numbers of a step that returns its loss."""
    return [result]


@dataclass(frozen=True)
class Row:
    """One piece of work, in this library and in another one.

    Attributes
    ----------
    title : str
        Description of the work.
    ours : Setup
        The work in this library.
    theirs : mapping from str to Setup
        The work in the other library. Of several variants, the fastest one is measured.
    rival : str
        Name of the other library.
    package : str
        The package that ``theirs`` imports, by its name in pip.
    goal : float
        The target of the ratio, our time / theirs.
    stretch : float
        The ratio of the best prototype.
    numbers : function
        Converts a step's result to the numbers that must agree on both sides; not timed.
    check_steps : int
        Number of steps in which they must agree.
    tolerance : float
        Largest relative difference, with respect to the greater number.
    """

    title: str
    ours: Setup
    theirs: Mapping[str, Setup]
    rival: str
    package: str
    goal: float
    stretch: float
    numbers: Callable[[Any], Sequence[float]] = just_the_loss
    check_steps: int = 100
    tolerance: float = 1e-4

    def variants(self, side: str) -> Mapping[str, Setup]:
        """The variants of a side, ``"ours"`` or ``"theirs"``, by name."""
        return {"ours": self.ours} if side == "ours" else self.theirs

    def verdict(self, ratio: float) -> str:
        """The target that a ratio meets: ``"stretch"``, ``"goal"`` or ``"no"``."""
        if ratio <= self.stretch:
            return "stretch"
        return "goal" if ratio <= self.goal else "no"
