"""The language between the grader and a worker: frames of a JSON header and the bytes of arrays.

A worker runs a student's code, so nothing that it sends is trusted: lengths are limited and checked
before anything is allocated, numbers are all that arrays can hold, and nothing is unpickled. A
forged frame is a wrong answer, and a frame that breaks these rules is :class:`Nonsense`.
"""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.diagnoses import Case
from tests.verdict import Outcome

READY, REPLY, END = "ready", "reply", "end"
"""The kinds of frames that a worker sends."""

ARRAY, NUMBER, NONE, OBJECT = "array", "number", "none", "object"
"""The kinds of results."""

MOST_BYTES = 16_000_000  # of all that a worker sends in a test
MOST_OF_ARRAY = 250_000  # what a graded method returns has a few thousand
MOST_OF_HEADER = 250_000
MOST_AXES, MOST_RESULTS = 16, 200
MOST_OF_NAME, MOST_OF_TYPE = 120, 60
MOST_OF_TEXT, MOST_LINES, MOST_OF_LINE = 4000, 15, 300

LENGTH = struct.Struct(">I")
NUMBERS, TEXT = "fiub", "U"
"""The kinds of numbers of a reply, and the one of text, which inputs have besides."""

DTYPES = {
    dtype.str
    for code in "?bhilqBHILQefdg"
    for dtype in (np.dtype(code), np.dtype(code).newbyteorder())
}
"""The number types that are understood, as NumPy writes them."""


class Nonsense(ValueError):
    """A worker sent what no honest one sends."""


@dataclass(frozen=True)
class Reply:
    """The results of one case, and the number of lines that ran, if they were counted."""

    outcome: Outcome
    lines: int | None = None


def frame(header: Mapping[str, Any], arrays: Sequence[np.ndarray] = ()) -> bytes:
    """A header and arrays as bytes."""
    # At least 0 axes, with the bytes in the order of the last one.
    tables = [[array.dtype.str, list(array.shape)] for array in arrays]
    text = json.dumps({**header, "arrays": tables}).encode("ascii")
    return b"".join([LENGTH.pack(len(text)), text, *(a.tobytes() for a in arrays)])


class Frames:
    """The frames of a stream of bytes, which may come in pieces.

    Parameters
    ----------
    kinds : str
        The kinds of numbers that arrays may hold.
    most : int
        The bytes of the whole stream, at most.
    """

    def __init__(self, kinds: str = NUMBERS, most: int = MOST_BYTES) -> None:
        self._kinds, self._left = kinds, most
        self._buffer = bytearray()
        self._header: dict[str, Any] | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises
        ------
        Nonsense
            If it has become too many.
        """
        self._left -= len(data)
        if self._left < 0:
            raise Nonsense("more bytes than any answer has")
        self._buffer += data

    def __iter__(self) -> Iterator[tuple[dict[str, Any], list[np.ndarray]]]:
        """Yield the frames that are complete; a broken one raises Nonsense."""
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> tuple[dict[str, Any], list[np.ndarray]] | None:
        """The next frame, if all of it has come."""
        if self._header is None and not self._take_header():
            return None
        assert self._header is not None
        types = [array_type(entry, self._kinds) for entry in self._header["arrays"]]
        sizes = [dtype.itemsize * math.prod(shape) for dtype, shape in types]
        if sum(sizes) > self._left + len(self._buffer):
            raise Nonsense("arrays larger than any answer is")
        if len(self._buffer) < sum(sizes):
            return None
        arrays = [
            array_from(self._taken(size), *each) for size, each in zip(sizes, types, strict=True)
        ]
        header, self._header = self._header, None
        return header, arrays

    def _take_header(self) -> bool:
        """Read a header, if all of it has come."""
        if len(self._buffer) < LENGTH.size:
            return False
        (length,) = LENGTH.unpack_from(self._buffer)
        if length > MOST_OF_HEADER:
            raise Nonsense("a header longer than any is")
        if len(self._buffer) < LENGTH.size + length:
            return False
        self._taken(LENGTH.size)
        try:
            header = json.loads(self._taken(length))
        except (ValueError, RecursionError) as error:
            raise Nonsense("a header that is not JSON") from error
        if not isinstance(header, dict) or not isinstance(header.get("arrays"), list):
            raise Nonsense("a header that names no arrays")
        self._header = header
        return True

    def _taken(self, length: int) -> bytes:
        """The first bytes of those that wait, which wait no longer."""
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data


def array_type(entry: Any, kinds: str) -> tuple[np.dtype, tuple[int, ...]]:
    """The type and the shape of an array in a header."""
    match entry:
        case [str(code), list(axes)] if len(axes) <= MOST_AXES:
            pass
        case _:
            raise Nonsense("an array without type and shape")
    is_text = TEXT in kinds and re.fullmatch(r"[<>]U\d{1,4}", code)
    if not is_text and code not in DTYPES:
        raise Nonsense("an array that does not hold numbers")
    if not all(type(n) is int and 0 <= n <= MOST_BYTES for n in axes):
        raise Nonsense("an array of no possible shape")
    return np.dtype(code), tuple(axes)


def array_from(data: bytes, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """An array of its own memory."""
    try:
        array = np.frombuffer(data, dtype).reshape(shape).copy()
    except ValueError as error:  # more than 2**63 bytes, but for an axis of 0
        raise Nonsense("an array of no possible shape") from error
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise Nonsense("a truth value that is neither true nor false")
    return array


def request(recipe: str, cases: Sequence[Case], count: bool) -> bytes:
    """The recipe and the inputs of its cases, and nothing else of them, for a worker.

    Parameters
    ----------
    recipe : str
    cases : sequence of Case
    count : bool
        Count the lines that run.
    """
    names = [list(case.inputs) for case in cases]
    arrays = [np.asarray(value) for case in cases for value in case.inputs.values()]
    return frame({"recipe": recipe, "inputs": names, "count": count}, arrays)


def read_request(data: bytes) -> tuple[str, list[Case], bool]:
    """Read a request: the recipe, its cases without expected values, and if lines are counted."""
    frames = Frames(NUMBERS + TEXT, most=len(data))
    frames.feed(data)
    ((header, arrays),) = frames
    values = iter(arrays)
    cases = [
        Case(number, "", {name: next(values) for name in names}, {})
        for number, names in enumerate(header["inputs"], start=1)
    ]
    return header["recipe"], cases, header["count"]


def reply_frames(outcome: Outcome, lines: int | None) -> bytes:
    """The outcome of a case, for the grader; values may be anything at all."""
    results, arrays, error = [], [], outcome.error
    for key, value in list(outcome.results.items())[:MOST_RESULTS]:
        name = one_line(key, MOST_OF_NAME)
        try:
            kind, of_type, array = packed(value)
        except ValueError as problem:
            error = error or f"{name} {problem}"
            continue
        results.append([name, kind, of_type])
        arrays += [] if array is None else [array]
    blank = None if outcome.blank is None else limited(outcome.blank)
    header = {"kind": REPLY, "results": results, "blank": blank, "error": limited(error)}
    return frame(header | {"lines": lines}, arrays)


def packed(value: Any) -> tuple[str, str, np.ndarray | None]:
    """The kind of a result, the name of its type, and its numbers, if it has any.

    The type is asked, not the value: a class of the student's may answer as it likes.

    Raises
    ------
    ValueError
        If it is an array that cannot be sent.
    """
    kind = type(value)
    if value is None:
        return NONE, "", None
    if issubclass(kind, np.ndarray):
        array = np.ndarray.view(value, np.ndarray)
        if array.dtype.str not in DTYPES:
            raise ValueError(
                f"is an array of type {one_line(array.dtype, 60)}: it must hold numbers."
            )
        if array.size * array.itemsize > MOST_OF_ARRAY:
            raise ValueError(f"has shape {one_line(array.shape, 60)}: that is far too large.")
        return ARRAY, "", array
    number = number_of(value, kind)
    if number is not None and number.dtype.str in DTYPES:
        return NUMBER, "", number
    # Past a metaclass whose __name__ is something else.
    return OBJECT, one_line(type.__dict__["__name__"].__get__(kind), MOST_OF_TYPE), None


def number_of(value: Any, kind: type) -> np.ndarray | None:
    """The array of a Python or NumPy number, or None."""
    if kind is bool or (issubclass(kind, np.generic) and kind.__module__ == "numpy"):
        return np.array(value)
    if issubclass(kind, float):
        return np.array(float.__float__(value))
    if issubclass(kind, int):
        return np.array(int.__int__(value))
    return None


def read_reply(header: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Reply:
    """Read a reply.

    Raises
    ------
    Nonsense
        If it is not as :func:`reply_frames` writes it.
    """
    match header:
        case {"results": list(entries), "blank": str() | None as blank, "error": str(error)}:
            lines = header.get("lines")
        case _:
            raise Nonsense("a reply without results")
    if len(entries) > MOST_RESULTS or not (lines is None or type(lines) is int):
        raise Nonsense("more results than any test has")
    left, results = list(reversed(arrays)), {}
    for entry in entries:
        match entry:
            case [str(name), str(kind), str(of_type)]:
                results[one_line(name, MOST_OF_NAME)] = unpacked(kind, of_type, left)
            case _:
                raise Nonsense("a result without name and kind")
    if left:
        raise Nonsense("arrays that belong to no result")
    blank = None if blank is None else limited(blank)
    return Reply(Outcome(results, blank, limited(error)), lines)


def unpacked(kind: str, of_type: str, left: list[np.ndarray]) -> Any:
    """A result; an object becomes an empty one, whose type has the same name."""
    if kind == NONE:
        return None
    if kind == OBJECT:
        return type(one_line(of_type, MOST_OF_TYPE) or "object", (), {})()
    if kind not in (ARRAY, NUMBER) or not left:
        raise Nonsense("a result of no known kind")
    array = left.pop()
    if kind == NUMBER and array.ndim:
        raise Nonsense("a number with axes")
    return array[()] if kind == NUMBER else array


def limited(text: str) -> str:
    """A text of several lines, shortened and made harmless."""
    lines = harmless(str.__str__(text)[:MOST_OF_TEXT]).splitlines()
    kept = [line if len(line) <= MOST_OF_LINE else f"{line[:MOST_OF_LINE]}…" for line in lines]
    return "\n".join(kept[:MOST_LINES])


def one_line(text: Any, most: int) -> str:
    """A text in one line, shortened and made harmless."""
    line = " ".join(harmless(str.__str__(str(text))[: most + 1]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def harmless(text: str) -> str:
    """A text without control characters, escape sequences and lone surrogates."""
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text.replace("\r\n", "\n").expandtabs(4))
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
