"""Likely causes of wrong results, told from the numbers alone.

They tell nothing that the docstrings do not: a factor, a missing sum, an argument that came back
unchanged, the places or cases in which a result is right.
"""

import builtins
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from tests.recipes import SECOND

RTOL, ATOL = 1e-10, 1e-13

SYMBOLS = (("Z", ("m", "k")), ("Y_hat", ("m", "k")), ("X", ("m", "d", "t")))
"""The axes of the main input, whose sizes a result may be too large or too small by."""

MEANINGS = {
    "m": "the batch has {m} examples: is it a mean over them, or a sum?",
    "k": "there are {k} outputs: is it a sum over them, or a mean?",
    "m·k": "{m} examples times {k} outputs: which of these does the mean go over?",
    "t": "there are {t} steps: is it a sum over them, or a mean?",
    "k1·k2": "a window has {k1·k2} numbers: how often does each term count?",
    "m/k": "{m} examples and {k} outputs: which is the number to divide by?",
    "2": "is a factor of 2 missing, or there twice?",
    "ln 2": "is the logarithm the natural one?",
    "-1": "is there a sign too many, or one missing?",
}

WRITES = (
    "It writes into one of its arguments (or into a parameter), which must stay as it is: "
    "compute a new array."
)
ENDS = "It ended the program (SystemExit)."
"""What is said of code that does so."""


@dataclass(frozen=True)
class Case:
    """A case of a recipe: inputs and options, and the expected results.

    Of a hidden case, which only graders have, no number is told.
    """

    number: int
    title: str
    inputs: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]
    hidden: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """The inputs that are no arrays of float, but for the name, as they are written."""
        return {
            name: tuple(value.tolist()) if value.ndim else value.item()
            for name, value in self.inputs.items()
            if value.dtype.kind != "f" and name not in ("name", "n_out")
        }

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of float."""
        return {name: value for name, value in self.inputs.items() if value.dtype.kind == "f"}

    @property
    def m(self) -> int | None:
        """The number of examples."""
        main = next((a for n, a in self.arrays.items() if n in ("Z", "Y_hat", "X")), None)
        return None if main is None else len(main)

    def sizes(self) -> dict[str, int]:
        """The sizes that a factor may come from, by symbol."""
        found = {}
        for name, symbols in SYMBOLS:
            if name in self.arrays:
                shape = self.arrays[name].shape
                found = (
                    dict(zip(symbols, shape, strict=False)) if len(shape) < 4 else {"m": shape[0]}
                )
        if "kernel_shape" in self.options:
            found["k1·k2"] = math.prod(self.options["kernel_shape"])
        return found

    def summary(self) -> str:
        """Shapes and options in one line."""
        shapes = {
            name: f"{name} {shape_text(value.shape)}"
            for name, value in self.arrays.items()
            if not name.endswith(SECOND) and value.ndim and not name.startswith("g")
        }
        parameters = [shapes.pop(name) for name in ("W", "U", "b") if name in shapes]
        options = [f"{name} {value}" for name, value in self.options.items()]
        return ", ".join([*shapes.values(), *parameters, *options])

    def at(self, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
        """The inputs of a shape at a place, as text."""
        return " and ".join(
            f"{name} is {value[index]:.4g}"
            for name, value in self.arrays.items()
            if value.shape == shape and index
        )


def agree(actual: Any, expected: np.ndarray) -> np.ndarray:
    """True at each number that is right, to rounding."""
    with np.errstate(all="ignore"):
        return np.isclose(np.asarray(actual), expected, rtol=RTOL, atol=ATOL, equal_nan=True)


def same(actual: Any, expected: Any) -> bool:
    """True if two arrays have one shape and agree."""
    return np.shape(actual) == np.shape(expected) and bool(agree(actual, expected).all())


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it is written in docstrings."""
    return str(tuple(int(n) for n in shape))


def of_error(text: str) -> str:
    """The kind of an error in a hidden case, whose own text and type may be numbers."""
    first = (text.splitlines() or [""])[0]
    kind = re.match(r"It raised (\w+): ", first)
    if kind and kind[1] in vars(builtins):
        return f"It raised {kind[1]}."
    return first if first in (WRITES, ENDS) else "It raised an error."


def type_text(value: Any, case: Case) -> str:
    """The name of a value's type; in a hidden case, only if Python has one of that name."""
    name = type(value).__name__
    return name if name in vars(builtins) or not case.hidden else "type of your own"


def of_shape(shape: tuple[int, ...], right: tuple[int, ...], case: Case) -> str:
    """The cause of a wrong shape, after a colon, or a full stop."""
    if len(shape) > 1 and shape == right[::-1]:
        return ": it is transposed."
    if not shape:
        return ": one number for all; over which axes does a sum go?"
    if [n for n in shape if n != 1] == [n for n in right if n != 1]:
        return ": an axis of size 1 is lost or added; keepdims=True keeps it."
    if len(shape) == len(right) and sorted(shape) == sorted(right):
        return ": its axes are in another order."
    if (axis := lost_axis(shape, right)) is not None:
        return f": axis {axis}, of size {right[axis]}, is lost; was it summed away?"
    if len(shape) == 2 and shape[0] == case.m and right[0] == 1:
        missing = (
            "is the sum over them missing" if shape[-1] == right[-1] else "is it the other axis"
        )
        return f": a row for each example; {missing}?"
    if len(shape) > len(right):
        return ": it has more axes; is a sum over some of them missing?"
    owners = {value.shape: name for name, value in case.arrays.items()}
    if right in owners:
        yours = f"; yours is that of {owners[shape]}" if shape in owners else ""
        return f": the shape of {owners[right]}{yours}."
    return ": see the output's size in the docstring." if len(right) == 4 else "."


def lost_axis(shape: tuple[int, ...], right: tuple[int, ...]) -> int | None:
    """The axis that a sum took away, or reduced to size 1; images' axes change in other ways."""
    for axis in range(len(right)) if min(len(shape), len(right)) < 4 else ():
        before, after = right[:axis], right[axis + 1 :]
        if shape in ((*before, *after), (*before, 1, *after)):
            return axis
    return None


def likely_cause(name: str, case: Case, results: Mapping[str, Any]) -> str:
    """The likely cause of a result's wrong numbers, or an empty string."""
    actual, expected = np.asarray(results[name]).astype(float), case.expected[name]
    return next(causes(name, actual, expected, case), "")


def causes(name: str, actual: np.ndarray, expected: np.ndarray, case: Case) -> Iterator[str]:
    """Causes of a result of the right shape, the likeliest first."""
    base = name.removesuffix(SECOND)
    if base == "forward passes within backward":
        yield "backward runs the layers forward once more; forward has left all that it needs."
    if name.endswith(SECOND):
        first = case.expected[base]
        if first.shape == expected.shape and same(actual, first + expected):
            yield f"It is the sum of both batches: each backward replaces {base}."
        yield "The first batch is right, the second is not: is something of the first left over?"
    yield from of_sameness(actual, expected)
    yield from of_functions(actual, expected)
    yield from of_arguments(actual, expected, case)
    yield from of_factor(actual, expected, case)
    yield from of_order(actual, expected)
    yield from of_places(actual, expected, case)
    yield from of_rows(base, actual, expected, case)
    if np.allclose(actual, expected, rtol=1e-5):
        yield "It is right to a few digits only: is something small added, or rounded?"
    if expected.ndim > 1 and (expected < 0).any() and not (actual < 0).any():
        yield "None of its numbers is negative, though some should be."
    if expected.ndim > 1 and (actual < 0).any() and not (expected < 0).any():
        yield "Some of its numbers are negative, though none should be."


def of_sameness(actual: np.ndarray, expected: np.ndarray) -> Iterator[str]:
    """A result that is all zeros, one number, or zeros and ones."""
    if expected.size == 1 and expected.ndim and expected.any() and not actual.any():
        yield "It is 0: is it ever computed?"
    if expected.size > 1 and expected.any():
        if not actual.any():
            yield "All its numbers are 0."
        elif np.ptp(actual) == 0 and np.ptp(expected):
            yield "All its numbers are the same."
        elif np.isin(actual, (0, 1)).all():
            yield "It holds only 0 and 1."


def of_arguments(actual: np.ndarray, expected: np.ndarray, case: Case) -> Iterator[str]:
    """A result that is an argument, or right but for one."""
    for name, value in case.arrays.items():
        if expected.ndim == 0 or value.shape != expected.shape:
            continue
        if same(actual, value):
            yield f"It equals {name}: is something missing?"
        elif same(actual, -value):
            yield f"It equals -{name}."
        elif same(actual + expected, value):
            yield f"It is the other part of {name}: with what it should be, it adds up to {name}."
        elif value.all() and same(actual * value, expected):
            yield f"{name} is left out: times {name} it would be right."
        elif value.all() and same(actual, expected * value):
            yield f"It is multiplied by {name} once too often."


def of_factor(actual: np.ndarray, expected: np.ndarray, case: Case) -> Iterator[str]:
    """A result that is right but for one factor."""
    if not expected.any():
        return
    place = np.unravel_index(np.argmax(np.abs(expected)), expected.shape)
    factor = float(actual[place] / expected[place])
    if not factor or not same(actual, factor * expected) or math.isclose(factor, 1, rel_tol=1e-5):
        return
    size, sign = abs(factor), " and of the other sign" if factor < 0 else ""
    if math.isclose(factor, -1):
        every = "Every number has" if expected.size > 1 else "It has"
        yield f"{every} the other sign: {MEANINGS['-1']}"
    for symbol, number in factors(case).items():
        for value, word in ((number, "large"), (1 / number, "small")):
            if number != 1 and math.isclose(size, value, rel_tol=1e-9) and symbol in MEANINGS:
                shown = number if number > 1 else 1 / number
                word = word if number > 1 else {"large": "small", "small": "large"}[word]
                meaning = MEANINGS[symbol].format(**case.sizes())
                yield f"It is {shown:.4g} times too {word}{sign}: {meaning}"
    if expected.size > 1:
        times = f"{factor:.4g} times what it should be"
        yield f"Every number is {'off by the same factor' if case.hidden else times}."


def factors(case: Case) -> dict[str, float]:
    """The factors that have a meaning, by symbol."""
    sizes: dict[str, float] = {**case.sizes()}
    if {"m", "k"} <= sizes.keys():
        sizes |= {"m·k": sizes["m"] * sizes["k"], "m/k": sizes["m"] / sizes["k"]}
    return {**sizes, "2": 2, "ln 2": 1 / math.log(2)}


def of_order(actual: np.ndarray, expected: np.ndarray) -> Iterator[str]:
    """The right numbers in another order."""
    for axes in permutations(range(expected.ndim)):
        if axes != tuple(range(expected.ndim)) and same(actual, expected.transpose(axes)):
            yield "It is transposed: these are the right numbers, with axes exchanged."
    for axis in range(expected.ndim):
        if expected.shape[axis] > 1 and same(actual, np.flip(expected, axis)):
            yield f"It is reversed along axis {axis}."
    if expected.size > 1 and same(np.sort(actual, axis=None), np.sort(expected, axis=None)):
        yield "These are the right numbers in other places."


def of_places(actual: np.ndarray, expected: np.ndarray, case: Case) -> Iterator[str]:
    """A result that is wrong in certain places only."""
    right = agree(actual, expected)
    if expected.ndim == 0 or not right.any():
        return
    by_example = np.asarray(right.reshape(len(right), -1).all(axis=1))
    if len(by_example) == case.m and by_example[0] and not by_example[1:].any() and case.m > 2:
        yield "Only the first example is right."
    for name, value in case.arrays.items():
        if value.shape != expected.shape:
            continue
        for what, where in (
            ("exactly 0", value == 0),
            ("negative", value < 0),
            ("greater than 1", value > 1),
            ("positive", value > 0),
            ("not positive", value <= 0),
            ("large", np.abs(value) > 100),
        ):
            if where.any() and not where.all() and not (~right & ~where).any():
                yield f"It is wrong only where {name} is {what}."
    if expected.ndim == 4 and right[:, 1:-1, 1:-1].size and right[:, 1:-1, 1:-1].all():
        yield "It is wrong only along the edges of the images: look at the border."


def of_functions(actual: np.ndarray, expected: np.ndarray) -> Iterator[str]:
    """A known function of the right result."""
    with np.errstate(invalid="ignore"):
        root = np.sqrt(expected)
    if expected.size > 1 and same(np.abs(actual), np.abs(expected)):
        if not same(actual, -expected):
            yield "Its numbers are right but for some of their signs."
    elif same(actual, expected**2):
        yield "It is the square of the right result."
    elif same(actual, root):
        yield "It is the square root of the right result."
    elif same(actual + expected, np.ones_like(expected)):
        yield "It and the right result add up to 1: look at the signs."


def of_rows(base: str, actual: np.ndarray, expected: np.ndarray, case: Case) -> Iterator[str]:
    """A result that is off by the same amount in each example, or the same for all."""
    if expected.ndim < 2 or len(expected) != case.m or len(expected) < 2:
        return
    difference = actual - expected
    if same(difference, np.broadcast_to(difference[:1], difference.shape)):
        yield "It is off by the same amount in every example: is b added, once?"
    if same(actual, np.broadcast_to(actual[:1], actual.shape)):
        yield "Every example gets the same: is something summed over the batch?"
    if case.inputs.get("name", np.array("")).item() == "softmax":
        total = 1 if base == "Y" else 0
        sums = actual.sum(axis=-1).ravel()
        if not np.allclose(sums, total):
            found = ", ".join(f"{number:.3g}" for number in sums[:3])
            yours = "do not." if case.hidden else f"add up to {found}, …"
            yield f"Each row of a softmax's {base} adds up to {total}; yours {yours}"


def by_options(cases: Sequence[Case], right: Sequence[bool]) -> str:
    """The values of an option with which cases are right, and those with which they are wrong."""
    if not any(right):
        return ""
    first = cases[list(right).index(False)]
    if found := separating(cases, right):
        return found
    # Not among all cases, but among those that have another option in common.
    for option, value in first.options.items():
        alike = [(c, r) for c, r in zip(cases, right, strict=True) if c.options[option] == value]
        if found := separating([c for c, _ in alike], [r for _, r in alike]):
            return f"With {option} {value}: {found[0].lower()}{found[1:]}"
    wrong_titles = {case.title for case, is_right in zip(cases, right, strict=True) if not is_right}
    fine_titles = {case.title for case, is_right in zip(cases, right, strict=True) if is_right}
    if "" not in wrong_titles and fine_titles.isdisjoint(wrong_titles):
        return f"Wrong only here: {'; '.join(sorted(wrong_titles))}."
    return ""


def separating(cases: Sequence[Case], right: Sequence[bool]) -> str:
    """The option that tells right cases from wrong ones, as a sentence."""
    for option in cases[0].options if any(right) and not all(right) else ():
        values = [case.options[option] for case in cases]
        fine = {value for value, is_right in zip(values, right, strict=True) if is_right}
        wrong = {value for value, is_right in zip(values, right, strict=True) if not is_right}
        if not fine.isdisjoint(wrong):
            continue
        hint = ""
        if option == "activation":
            hint = ": is its derivative (or the function) left out?"
        elif option == "stride" and min(fine) > max(wrong):
            hint = ": look at windows that overlap"
        good, bad = (", ".join(sorted(map(str, some))) for some in (fine, wrong))
        return f"Right with {option} {good}, wrong with {bad}{hint or '.'}"
    return ""
