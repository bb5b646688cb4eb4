"""Forged answers of a worker, made with the grader's own tools, which an attacker may read."""

import json
import pickle
import struct
from typing import Any

import numpy as np

from course.autograder.sandbox.wire import END, READY, REPLY, frame


def header(table: dict[str, Any]) -> bytes:
    """A header alone, whatever is in it."""
    text = json.dumps(table).encode()
    return struct.pack(">I", len(text)) + text


def reply(*results: list[str], **more: Any) -> dict[str, Any]:
    """The header of a reply."""
    return {"kind": REPLY, "results": list(results), "blank": None, "error": "", "lines": 1} | more


def verdicts() -> bytes:
    """A reply that says, in all ways that a frame has, that all is well."""
    fine = {"passed": True, "verdict": "", "score": 100, "points": 4, "expected": {}, "message": ""}
    return frame(reply(**fine))


def wrong_names() -> bytes:
    """Answers by other names: expected, bounds, those of another test."""
    names = ("expected", "Y at least", "Y at most", "Y afterwards", "shape of Y", "../Y", "")
    return frame(reply(*([name, "array", ""] for name in names)), [np.ones(3)] * len(names))


def other_kinds() -> bytes:
    """An answer twice, as a number, as nothing and as an object."""
    results = (["Y", "number", ""], ["Y", "none", ""], ["Y", "object", "Table"])
    return frame(reply(*results), [np.array(1.0)])


def huge_shape() -> bytes:
    """Arrays of 10^12 numbers, of a negative size, of none times very many."""
    table = reply(
        ["Y", "array", ""], arrays=[["<f8", [10**12]], ["<f8", [-1]], ["<f8", [0, 10**19]]]
    )
    return header(table)


def objects() -> bytes:
    """An array of Python objects: addresses in memory."""
    return header(reply(["Y", "array", ""], arrays=[["|O", [64]]])) + bytes(512)


def pickled() -> bytes:
    """A pickle that would run code, sent as an array."""

    class Code:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, ("import os; os._exit(0)",)

    data = pickle.dumps(Code())
    return header(reply(["Y", "pickle", ""], arrays=[["|V1", [len(data)]]])) + data


def half() -> bytes:
    """The first half of an answer."""
    whole = frame(reply(["Y", "array", ""]), [np.zeros((5, 3))])
    return whole[: len(whole) // 2]


def many() -> bytes:
    """As many replies as go through."""
    return frame(reply()) * 100_000


def nested() -> bytes:
    """JSON that is nested too deep."""
    deep = b"[" * 100_000
    return struct.pack(">I", len(deep)) + deep


def long_numbers() -> bytes:
    """Numbers and texts of great length, and characters that do harm."""
    odd = "\x1b[2J\0\u202e</pre>" * 1000
    table = reply(*[["Y" * 10**5, "object", odd]] * 3, lines=10**4000, error=odd + "\n" * 10**5)
    return frame(table)


END_FRAME = frame({"kind": END})

REPLIES = {
    "verdicts": verdicts,
    "wrong_names": wrong_names,
    "other_kinds": other_kinds,
    "long_numbers": long_numbers,
}
"""Replies in the right form, sent once for each case; the answer then ends as it should."""

STREAMS = {
    "huge_shape": huge_shape,
    "object_dtype": objects,
    "pickle_bytes": pickled,
    "zeros_of_2_gb": lambda: bytes(2**24),  # 128 times
    "half_a_frame": half,
    "many_frames": many,
    "nested_json": nested,
    "no_end": lambda: frame({"kind": READY}),
    "only_an_end": lambda: END_FRAME,
}
"""Bytes that are sent as they are."""
