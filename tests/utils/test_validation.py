"""Words before the message of an error: the error itself goes on, with its traceback."""

import json
import traceback
import unittest

import numpy as np

from neural_networks.utils.validation import error_prefix


class WithData(ValueError):
    """An error of one's own, with another argument than its message."""

    def __init__(self, data, reason):
        super().__init__(data, reason)
        self.data, self.reason = data, reason

    def __str__(self):
        return f"{self.data} {self.reason}"


def plain():
    raise ValueError("why")


def of_a_type():
    raise TypeError("why")


def not_json():
    json.loads("{")


def not_text():
    b"\xff".decode()


def own():
    raise WithData(7, "is odd")


def numpy_types():
    array = np.ones(3, int)
    array += 0.5


def numpy_axis():
    np.ones(3).sum(axis=4)


class TestErrorPrefix(unittest.TestCase):
    def caught(self, act):
        try:
            with error_prefix("here"):
                act()
        except Exception as error:
            return error
        self.fail("no error")

    def test_the_message_of_every_kind(self):
        for act, kind, words in (
            (plain, ValueError, "here: why"),
            (of_a_type, TypeError, "here: why"),
            (not_json, json.JSONDecodeError, "here: Expecting property name"),
            (not_text, ValueError, "here: 'utf-8' codec can't decode"),
            (own, ValueError, "here: 7 is odd"),
            (numpy_axis, ValueError, "here: axis 4 is out of bounds"),
        ):
            with self.subTest(act.__name__):
                error = self.caught(act)
                self.assertIsInstance(error, kind)
                self.assertTrue(str(error).startswith(words), error)

    def test_the_place(self):
        """Where it happened is in the traceback, of the error or of its cause."""
        for act in (plain, of_a_type, not_json, not_text, own, numpy_types, numpy_axis):
            with self.subTest(act.__name__):
                error = self.caught(act)
                frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
                self.assertIn(act.__name__, [frame.name for frame in frames])

    def test_a_type_error_that_cannot_be_worded_anew(self):
        error = self.caught(numpy_types)
        self.assertRegex(str(error), "^Cannot cast ufunc 'add'")
        self.assertEqual(error.__notes__, ["here"])

    def test_other_errors_pass(self):
        error = self.caught({}.popitem)
        self.assertIs(type(error), KeyError)
        self.assertNotIn("here", str(error))


if __name__ == "__main__":
    unittest.main()
