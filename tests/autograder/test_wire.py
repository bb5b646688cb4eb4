"""The frames between grader and worker: what goes in comes out, and nothing else gets in."""

import json
import struct
import unittest

import numpy as np

from course.autograder.sandbox import wire
from course.autograder.sandbox.wire import Frames, Nonsense, frame, read_reply, reply_frames
from tests.diagnoses import Case
from tests.verdict import Outcome

rng = np.random.default_rng(0)


def raw(header, payload=b""):
    """A frame as anyone may write it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + payload


def read(data, kinds=wire.NUMBERS):
    """The frames of some bytes."""
    frames = Frames(kinds)
    frames.feed(data)
    return list(frames)


def sent(outcome, lines=None):
    """An outcome as it comes out at the other end."""
    ((header, arrays),) = read(reply_frames(outcome, lines))
    return read_reply(header, arrays)


def result(value):
    """A result as it comes out at the other end."""
    return sent(Outcome({"Y": value})).outcome.results["Y"]


class TestFrames(unittest.TestCase):
    """Headers and arrays, in pieces of any size."""

    arrays = (
        rng.normal(size=(3, 4)),
        np.array(7),
        np.zeros((0, 3)),
        np.arange(6, dtype="u2").reshape(1, 2, 3),
        np.array([True, False]),
        rng.normal(size=(4, 5)).T[::2],
        np.array([1.5], dtype=">f8"),
        np.array(np.float16(0.1)),
    )

    def assert_same(self, found, expected):
        self.assertEqual([a.dtype for a in found], [a.dtype for a in expected])
        for actual, right in zip(found, expected, strict=True):
            self.assertEqual(actual.shape, right.shape)
            np.testing.assert_array_equal(actual, right)

    def test_what_goes_in_comes_out(self):
        ((header, arrays),) = read(frame({"kind": "x", "n": None}, self.arrays))
        self.assertEqual((header["kind"], header["n"]), ("x", None))
        self.assert_same(arrays, self.arrays)

    def test_in_pieces(self):
        data = frame({"kind": "a"}, self.arrays) + frame({"kind": "b"}) + frame({"kind": "c"})
        for size in (1, 7, 100):
            frames, kinds = Frames(), []
            for start in range(0, len(data), size):
                frames.feed(data[start : start + size])
                for header, arrays in frames:
                    kinds.append(header["kind"])
                    self.assert_same(arrays, self.arrays if header["kind"] == "a" else ())
            self.assertEqual(kinds, ["a", "b", "c"])

    def test_arrays_have_memory_of_their_own(self):
        ((_, (array,)),) = read(frame({}, [np.zeros(3)]))
        array[0] = 1

    def test_half_a_frame_is_no_frame(self):
        data = frame({}, [np.zeros(3)])
        for end in range(len(data)):
            self.assertEqual(read(data[:end]), [])

    def test_text_only_where_it_is_expected(self):
        data = frame({}, [np.array("relu")])
        ((_, (array,)),) = read(data, wire.NUMBERS + wire.TEXT)
        self.assertEqual(array.item(), "relu")
        with self.assertRaises(Nonsense):
            read(data)

    def test_nonsense(self):
        zeros = b"\0" * 8
        for header, payload in (
            (b"{", b""),
            (b"\xff\xfe", b""),
            (b"[]", b""),
            (b"{}", b""),
            (b"[" * 100_000, b""),
            (b'{"arrays": 1}', b""),
            (b'{"arrays": [], "n": ' + b"9" * 5000 + b"}", b""),
            ({"arrays": [1]}, b""),
            ({"arrays": [["<f8"]]}, zeros),
            ({"arrays": [["<f8", 1]]}, zeros),
            ({"arrays": [["<f8", [1.0]]]}, zeros),
            ({"arrays": [["<f8", [True]]]}, zeros),
            ({"arrays": [["<f8", [-1]]]}, zeros),
            ({"arrays": [["<f8", ["1"]]]}, zeros),
            ({"arrays": [["|O", [1]]]}, zeros),
            ({"arrays": [["O", [1]]]}, zeros),
            ({"arrays": [["<c16", [1]]]}, 2 * zeros),
            ({"arrays": [["|V8", [1]]]}, zeros),
            ({"arrays": [["f8,f8", [1]]]}, 2 * zeros),
            ({"arrays": [["<M8[s]", [1]]]}, zeros),
            ({"arrays": [[["a", "<f8"], [1]]]}, zeros),
            ({"arrays": [["<f8", [1] * 40]]}, zeros),
            ({"arrays": [["<f8", [10**12]]]}, zeros),
            ({"arrays": [["<f8", [10**6, 10**6]]]}, zeros),
            ({"arrays": [["<f8", [0, *[10**7] * 9]]]}, b""),
            ({"arrays": [["<f8", [10**6]]] * 3}, b""),
            ({"arrays": [["|b1", [2]]]}, b"\1\2"),
        ):
            with self.subTest(header=str(header)[:60]), self.assertRaises(Nonsense):
                read(raw(header, payload))

    def test_a_header_that_is_too_long_is_refused_before_it_comes(self):
        with self.assertRaises(Nonsense):
            read(struct.pack(">I", wire.MOST_OF_HEADER + 1))

    def test_the_whole_stream_is_limited(self):
        frames, piece = Frames(most=1000), frame({"kind": "x"})
        with self.assertRaises(Nonsense):
            for _ in range(1000):
                frames.feed(piece)
                self.assertEqual(len(list(frames)), 1)


class TestRequest(unittest.TestCase):
    """Inputs for the worker."""

    case = Case(
        3,
        "a secret title",
        {"Z": np.eye(2), "name": np.array("relu"), "X_shape": np.array([1, 2])},
        {"Y": np.full((1,), 123456.0)},
    )

    def test_the_recipe_and_the_inputs(self):
        name, (case, other), count = wire.read_request(
            wire.request("relu.forward", [self.case, self.case], True)
        )
        self.assertEqual((name, count), ("relu.forward", True))
        for each in (case, other):
            self.assertEqual(list(each.inputs), ["Z", "name", "X_shape"])
            np.testing.assert_array_equal(each.inputs["Z"], np.eye(2))
            self.assertEqual(each.inputs["name"].item(), "relu")
            self.assertEqual(each.inputs["X_shape"].tolist(), [1, 2])

    def test_nothing_else(self):
        data = wire.request("relu.forward", [self.case], False)
        self.assertNotIn(b"secret", data)
        self.assertNotIn(np.float64(123456.0).tobytes(), data)
        _, (case,), _ = wire.read_request(data)
        self.assertEqual((case.number, case.title, case.expected), (1, "", {}))


class Liar:
    """An object that says that it is an array, and equal to everything."""

    __class__ = np.ndarray
    shape, dtype, ndim = (2, 2), np.dtype(float), 2

    def __eq__(self, other):
        return True

    def __array__(self, *args, **options):
        return np.zeros((2, 2))

    def tobytes(self):
        return b"\0" * 32


class Magic(np.ndarray):
    """An array all of whose methods lie."""

    def __array_function__(self, *args):
        return True

    def __array_ufunc__(self, *args, **options):
        return True

    def tobytes(self, *args):
        raise KeyboardInterrupt

    shape = property(lambda self: (1,))
    size = property(lambda self: 10**12)
    dtype = property(lambda self: np.dtype(object))


class TestReply(unittest.TestCase):
    """Results of all kinds, and texts."""

    def test_arrays(self):
        for array in (
            *TestFrames.arrays,
            np.broadcast_to(1.5, (3, 4)),
            np.asfortranarray(np.eye(3)),
        ):
            found = result(array)
            self.assertIs(type(found), np.ndarray)
            self.assertEqual((found.dtype, found.shape), (array.dtype, array.shape))
            np.testing.assert_array_equal(found, array)

    def test_numbers_keep_their_type(self):
        for number in (1.5, 7, True, np.float32(0.1), np.int64(3), np.True_, float("nan"), 2**63):
            found = result(number)
            self.assertIsInstance(found, np.generic)
            self.assertEqual(found.dtype, np.asarray(number).dtype)
            np.testing.assert_equal(found.item(), np.asarray(number).item())

    def test_subclasses_of_numbers_are_taken_at_their_value(self):
        class Number(float):
            def __eq__(self, other):
                return True

            def __float__(self):
                return 0.0

        class Whole(int):
            def __int__(self):
                return 0

        self.assertEqual(result(Number(2.5)), 2.5)
        self.assertEqual(result(Whole(3)), 3)

    def test_none_and_other_objects(self):
        self.assertIsNone(result(None))
        for value, name in (
            ([1.0], "list"),
            ("x", "str"),
            (1j, "complex"),
            (10**400, "int"),
            (Liar(), "Liar"),
            (np.str_("x"), "str_"),
            (np.complex128(1), "complex128"),
            (np.ndarray, "type"),
            (type("N" * 10**6, (), {})(), "N" * (wire.MOST_OF_TYPE - 1) + "…"),
            (type("a\x1b[31m\nb\x07", (), {})(), "a b\N{REPLACEMENT CHARACTER}"),
        ):
            found = result(value)
            self.assertEqual(type(found).__name__, name)
            self.assertEqual(np.asarray(found).dtype, object)

    def test_the_name_of_a_type_cannot_lie(self):
        class Meta(type):
            __name__ = property(lambda cls: "ndarray")

        self.assertEqual(type(result(Meta("Own", (), {})())).__name__, "Own")

    def test_subclasses_of_arrays_are_taken_at_their_bytes(self):
        array = np.arange(6.0).reshape(2, 3).view(Magic)
        found = result(array)
        self.assertIs(type(found), np.ndarray)
        np.testing.assert_array_equal(found, np.arange(6.0).reshape(2, 3))

    def test_arrays_that_hold_no_numbers(self):
        for array in (
            np.array([None, 1]),
            np.array(["a"]),
            np.array([1j]),
            np.zeros(2, "f8,i4"),
            np.array(["2020-01-01"], "M8[D]"),
        ):
            outcome = sent(Outcome({"X": np.eye(2), "Y": array})).outcome
            self.assertEqual(list(outcome.results), ["X"])
            self.assertRegex(outcome.error, r"^Y is an array of type .*: it must hold numbers\.$")

    def test_arrays_that_are_too_large(self):
        for array in (np.broadcast_to(1.0, (10**6, 10**6)), np.zeros(10**6)):
            outcome = sent(Outcome({"Y": array})).outcome
            self.assertIn(f"Y has shape {array.shape}: that is far too large.", outcome.error)

    def test_blank_error_and_lines(self):
        reply = sent(Outcome({}, blank="4.1 relu: write\nReLU.forward"), lines=8)
        self.assertEqual(reply.outcome.blank, "4.1 relu: write\nReLU.forward")
        self.assertEqual(reply.lines, 8)
        reply = sent(Outcome(error="It raised σ\n    a.py:3"))
        self.assertEqual(reply.outcome, Outcome(error="It raised σ\n    a.py:3"))

    def test_texts_are_limited(self):
        for text in ("x" * 10**6, "x\n" * 10**5, "\n" * 10**6):
            error = sent(Outcome(error=text)).outcome.error
            lines = error.splitlines()
            self.assertLessEqual(len(lines), wire.MOST_LINES)
            self.assertLessEqual(max(map(len, lines)), wire.MOST_OF_LINE + 1)

    def test_texts_are_harmless(self):
        for text, expected in (
            ("\x1b[31mred\x1b[0m", "red"),
            ("a\0b\x07", "a�b�"),
            ("\ud800", "�"),
            ("a\r\nb\tc", "a\nb   c"),
            ("\u202egnirts", "�gnirts"),
            ("<b>σ ∂ é</b>", "<b>σ ∂ é</b>"),
        ):
            self.assertEqual(sent(Outcome(error=text)).outcome.error, expected)

    def test_many_results(self):
        outcome = sent(Outcome({str(n): 1.0 for n in range(10_000)})).outcome
        self.assertEqual(len(outcome.results), wire.MOST_RESULTS)

    def test_forged_replies(self):
        good = {"results": [["Y", "array", ""]], "blank": None, "error": "", "lines": None}
        read_reply(good, [np.eye(2)])
        for change, arrays in (
            ({}, []),
            ({}, [np.eye(2), np.eye(2)]),
            ({"results": None}, []),
            ({"results": [["Y", "pass", ""]]}, [np.eye(2)]),
            ({"results": [["Y", "array"]]}, [np.eye(2)]),
            ({"results": [[1, "array", ""]]}, [np.eye(2)]),
            ({"results": [["Y", "number", ""]]}, [np.eye(2)]),
            ({"results": [["Y", "none", ""]] * 1000}, []),
            ({"blank": 1}, [np.eye(2)]),
            ({"error": None}, [np.eye(2)]),
            ({"lines": "8"}, [np.eye(2)]),
            ({"lines": True}, [np.eye(2)]),
        ):
            with self.subTest(change=change), self.assertRaises(Nonsense):
                read_reply(good | change, arrays)

    def test_texts_of_a_forged_reply_are_limited_by_the_reader(self):
        header = {"blank": "\x1b[31m" + "x\n" * 1000, "error": "\ud800", "results": []}
        header["results"] = [["N\n" * 1000, "object", "\0" * 1000]]
        outcome = read_reply(header, []).outcome
        self.assertLessEqual(len(outcome.blank.splitlines()), wire.MOST_LINES)
        self.assertTrue(outcome.blank.startswith("x\n"))
        self.assertEqual(outcome.error, "�")
        ((name, value),) = outcome.results.items()
        self.assertLessEqual(len(name), wire.MOST_OF_NAME)
        self.assertLessEqual(len(type(value).__name__), wire.MOST_OF_TYPE)


class TestDamage(unittest.TestCase):
    """Replies with damaged bytes: they are read, or they are nonsense, and nothing else."""

    def test_damage(self):
        outcome = Outcome({"Y": np.eye(3), "n": 1.5, "o": [], "x": None}, error="It raised σ")
        good = reply_frames(outcome, 8)
        read_in_full = nonsense = 0
        for _ in range(4000):
            data = bytearray(good)
            for place in rng.integers(len(good) - 9 * 8, size=rng.integers(1, 4)):
                data[place] = rng.choice([rng.integers(256), *b'0129"[]{},:-.eNfalsn'])
            try:
                for header, arrays in read(bytes(data)):
                    reply = read_reply(header, arrays)
                    reply_frames(reply.outcome, reply.lines)
                    read_in_full += 1
            except Nonsense:
                nonsense += 1
        self.assertGreater(read_in_full, 100)
        self.assertGreater(nonsense, 1000)
