"""What a row of the benchmark consists of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Step = Callable[[], Any]
"""The work that is timed, such as one training step on one batch."""

Setup = Callable[[int], Step]
"""From a seed to a step on fresh weights; the only place that imports the side's library."""


def just_the_loss(result: Any) -> Sequence[float]:
    """The numbers of a step that returns its loss."""
    return [result]


@dataclass(frozen=True)
class Row:
    """One piece of work, done by this library and by another one.

    Attributes
    ----------
    title : str
        The work, in words.
    ours : Setup
        How this library does it.
    theirs : mapping from str to Setup
        How the other library does it. Of several variants, the fastest one is measured.
    rival : str
        The other library, as it is called.
    package : str
        The package that ``theirs`` imports, as pip calls it.
    goal : float
        The ratio (our time / theirs) to reach.
    stretch : float
        The ratio of the best prototype.
    numbers : function
        From a step's result to the numbers that both sides must agree on. It is not timed.
    check_steps : int
        After how many steps they must still agree.
    tolerance : float
        How far apart they may be, relative to the greater one.
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
        """What a ratio meets: ``"stretch"``, ``"goal"`` or ``"no"``."""
        if ratio <= self.stretch:
            return "stretch"
        return "goal" if ratio <= self.goal else "no"
