"""Utilities: data structures, preprocessing, factories, validation, random streams, files."""

import copy
import math
import stat
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.utils.data_processing import center, normalize, standardize
from neural_networks.utils.data_structures import AttrDict, integers_to_one_hot
from neural_networks.utils.factories import (
    build,
    call,
    check_keys,
    find_name,
    lookup,
    option_names,
    options_in,
    without_none,
)
from neural_networks.utils.files import atomic_write
from neural_networks.utils.randomness import STREAMS, spawn_generator
from neural_networks.utils.validation import (
    first_index,
    floating_type,
    number_in,
    positive_integer,
)
from tests.support.arrays import DTYPES, InFolder, float_arrays, read_only


class TestAttrDict(unittest.TestCase):
    def test_keys_are_attributes(self):
        d = AttrDict(name="flatten", n=3)
        self.assertEqual((d.name, d["name"], d.n), ("flatten", "flatten", 3))
        d.n = 4
        d["keep_dim"] = "last"
        self.assertEqual((d["n"], d.keep_dim), (4, "last"))
        del d.n
        self.assertEqual(d, {"name": "flatten", "keep_dim": "last"})
        self.assertEqual({**d}, {"name": "flatten", "keep_dim": "last"})

    def test_what_is_not_there(self):
        d = AttrDict(activation="relu")
        with self.assertRaisesRegex(AttributeError, "'activaton'.*did you mean 'activation'"):
            d.activaton  # noqa: B018, the access is what is tested
        with self.assertRaisesRegex(AttributeError, "'n'"):
            del d.n
        self.assertFalse(hasattr(d, "n"))

    def test_copies_are_independent(self):
        d = AttrDict(a=[1])
        for twin in (copy.copy(d), copy.deepcopy(d)):
            twin.b = 2
            self.assertEqual(d, {"a": [1]})
        copy.deepcopy(d).a.append(2)
        self.assertEqual(d.a, [1])


class TestOneHot(unittest.TestCase):
    def test_by_hand(self):
        expected = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
        for dtype in ("int64", "uint8", "float32"):
            found = integers_to_one_hot(np.array([1, 0, 2], dtype))
            np.testing.assert_array_equal(found, expected, strict=True)

    def test_number_of_columns(self):
        found = integers_to_one_hot(np.array([1, 0]), max_val=3)
        np.testing.assert_array_equal(found, [[0, 1, 0, 0], [1, 0, 0, 0]])
        self.assertEqual(integers_to_one_hot(np.array([], int), max_val=2).shape, (0, 3))

    def test_any_shape_is_read_in_order(self):
        found = integers_to_one_hot(np.array([[2], [0]]))
        np.testing.assert_array_equal(found, [[0, 0, 1], [1, 0, 0]])

    @given(st.lists(st.integers(0, 9), min_size=1))
    def test_argmax_undoes_it(self, labels):
        found = integers_to_one_hot(np.array(labels), max_val=9)
        np.testing.assert_array_equal(found.argmax(axis=1), labels)
        np.testing.assert_array_equal(found.sum(axis=1), np.ones(len(labels)))
        self.assertEqual(set(np.unique(found)), {0.0, 1.0})

    def test_refusals(self):
        with self.assertRaisesRegex(ValueError, r"0 \.\.\. 2, got 0 \.\.\. 3"):
            integers_to_one_hot(np.array([0, 3]), max_val=2)
        with self.assertRaisesRegex(ValueError, r"got -1"):
            integers_to_one_hot(np.array([0, -1]))
        with self.assertRaisesRegex(ValueError, "empty.*max_val"):
            integers_to_one_hot(np.array([], int))
        with self.assertRaisesRegex(TypeError, "whole numbers"):
            integers_to_one_hot(np.array([0.5, 1.0]))


class TestPreprocessing(unittest.TestCase):
    X = np.array([[1.0, 10.0, 5.0], [3.0, 10.0, 7.0], [8.0, 10.0, 0.0]])

    def test_by_hand(self):
        np.testing.assert_allclose(center(self.X)[:, 0], [-3, -1, 4], rtol=1e-14)
        np.testing.assert_allclose(normalize(self.X)[:, 0], [0, 2 / 7, 1], rtol=1e-14)
        # Mean 4, variance (9 + 1 + 16) / 3: that of the data, not the unbiased estimate.
        expected = np.array([-3, -1, 4]) / math.sqrt(26 / 3)
        np.testing.assert_allclose(standardize(self.X)[:, 0], expected, rtol=1e-14)

    def test_rows(self):
        np.testing.assert_allclose(center(self.X, axis=1).sum(axis=1), np.zeros(3), atol=1e-14)
        np.testing.assert_allclose(normalize(self.X, axis=1)[0], [0, 1, 4 / 9], rtol=1e-14)
        np.testing.assert_allclose(standardize(self.X, axis=1).std(axis=1), np.ones(3), rtol=1e-14)

    def test_several_axes(self):
        """One mean and one spread for each channel of a batch of images."""
        images = np.random.default_rng(0).normal(5, 3, (4, 6, 6, 2))
        found = standardize(images, axis=(0, 1, 2))
        np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), np.zeros(2), atol=1e-13)
        np.testing.assert_allclose(found.std(axis=(0, 1, 2)), np.ones(2), rtol=1e-13)

    def test_constant_feature_becomes_zero(self):
        for fn in (center, normalize, standardize):
            np.testing.assert_array_equal(fn(self.X)[:, 1], np.zeros(3), err_msg=fn.__name__)

    def test_constant_feature_with_a_mean_that_rounds(self):
        """The mean of 0.1, 0.1, 0.1 is not exactly 0.1; the difference must not be scaled to 1."""
        for value in (0.1, 1e5 / 3):
            found = standardize(np.full((3, 1), value))
            np.testing.assert_allclose(found, np.zeros((3, 1)), atol=1e-10)

    def test_statistics_of_a_reference(self):
        train, test = np.array([[0.0], [4.0]]), np.array([[2.0], [8.0]])
        np.testing.assert_allclose(center(test, reference=train), [[0], [6]], atol=1e-15)
        np.testing.assert_allclose(normalize(test, reference=train), [[0.5], [2]], rtol=1e-15)
        np.testing.assert_allclose(standardize(test, reference=train), [[0], [3]], atol=1e-15)

    def test_constant_in_the_reference(self):
        train, test = np.full((3, 1), 4.0), np.array([[6.0]])
        for fn in (center, normalize, standardize):
            np.testing.assert_array_equal(fn(test, reference=train), [[2.0]], err_msg=fn.__name__)

    def test_largest_value_there_could_be(self):
        X = np.array([[0.0], [51.0]])
        np.testing.assert_allclose(normalize(X, max_val=255), [[0], [0.2]], rtol=1e-15)

    @given(float_arrays((4, 3)))
    def test_range_and_moments(self, X):
        self.assertLess(np.abs(center(X).mean(axis=0)).max(), 1e-14)
        found = normalize(X)
        varies = np.ptp(X, axis=0) > 0
        np.testing.assert_array_equal(found.min(axis=0), np.zeros(3))
        np.testing.assert_array_equal(found.max(axis=0), varies.astype(float))
        np.testing.assert_allclose(standardize(X).std(axis=0), varies, atol=1e-12)

    def test_argument_and_type_are_kept(self):
        for dtype in DTYPES:
            X = read_only(self.X.astype(dtype))
            for fn in (center, normalize, standardize):
                for options in ({}, {"reference": X}):
                    found = fn(X, **options)
                    self.assertEqual(found.dtype, dtype, fn.__name__)
                    self.assertFalse(np.shares_memory(found, X))
            self.assertEqual(normalize(X, max_val=255).dtype, dtype)
            np.testing.assert_array_equal(X, self.X)


class TestFactories(unittest.TestCase):
    TABLE = (("relu", 1), ("tanh", 2))

    def test_lookup(self):
        table = dict(self.TABLE)
        self.assertEqual(lookup("activation", "tanh", table), 2)
        with self.assertRaises(ValueError) as caught:
            lookup("activation", "rleu", table)
        self.assertEqual(
            str(caught.exception),
            "unknown activation 'rleu'; did you mean 'relu'? (known: relu, tanh)",
        )

    def test_lookup_without_anything_close(self):
        for name in ("softplus", "", None, 3, ["relu"]):
            with self.assertRaises(ValueError) as caught:
                lookup("activation", name, dict(self.TABLE))
            self.assertIn(f"unknown activation {name!r}", str(caught.exception))
            self.assertIn("known: relu, tanh", str(caught.exception))
            if name != ["relu"]:
                self.assertNotIn("did you mean", str(caught.exception))

    def test_check_keys(self):
        with self.assertRaisesRegex(
            ValueError, "model has no option 'epohcs'.*mean 'epochs'.*seed"
        ):
            check_keys("model", ["seed", "epohcs"], ["epochs", "seed"])
        with self.assertRaisesRegex(ValueError, "options: none"):
            check_keys("model", ["seed"], [])

    def test_build(self):
        def make(a, b=2, *, c=3):
            return a, b, c

        def thing(options):
            return build("thing", {"it": make, "other": dict}, "it", options)

        self.assertEqual(thing({"a": 1, "b": None, "c": 5}), (1, 2, 5))
        self.assertEqual(thing({"a": 0, "b": False}), (0, False, 3))
        with self.assertRaisesRegex(ValueError, "thing 'it' needs the option 'a'"):
            thing({"a": None, "b": 1})
        with self.assertRaisesRegex(ValueError, "thing 'it' has no option 'd'.*a, b, c"):
            thing({"a": 1, "d": 4})
        with self.assertRaisesRegex(ValueError, "thing 'it' has no option 'd'"):
            thing({"a": 1, "d": None})
        with self.assertRaisesRegex(ValueError, "unknown thing 'otter'; did you mean 'other'"):
            build("thing", {"it": make, "other": dict}, "otter", {"d": 4})

    def test_build_with_none_as_a_value(self):
        def make(a, b=2):
            return a, b

        options = {"a": None, "b": None}
        found = build("thing", {"it": make}, "it", options, keep_none=True)
        self.assertEqual(found, (None, None))
        with self.assertRaisesRegex(ValueError, "thing 'it' needs the option 'a'"):
            build("thing", {"it": make}, "it", {"b": None}, keep_none=True)

    def test_call_with_open_options(self):
        """Those not in the signature are passed on as they are, None included."""

        def make(a, b=2, **rest):
            return a, b, rest

        self.assertEqual(call("thing", make, {"a": 1, "d": 4}), (1, 2, {"d": 4}))
        self.assertEqual(call("thing", make, {"a": 1, "b": None, "d": None}), (1, 2, {"d": None}))
        with self.assertRaisesRegex(ValueError, "thing needs the option 'a'"):
            call("thing", make, {"d": 4})
        with self.assertRaisesRegex(ValueError, "thing has no option 'd'"):
            call("thing", lambda a: a, {"a": 1, "d": 4})

    def test_options_are_not_written_to(self):
        options = {"a": 1, "b": None}
        build("thing", {"it": lambda a, b=2: a}, "it", options)
        self.assertEqual(options, {"a": 1, "b": None})

    def test_option_names(self):
        class Base:
            def __init__(self, a, *, b=1):
                pass

        class Open(Base):
            def __init__(self, c, a, **options):
                pass

        class Silent(Open):
            pass

        class Closed(Open):
            def __init__(self, d):
                pass

        self.assertEqual(option_names(Silent), ["c", "a", "b"])
        self.assertEqual(option_names(Closed), ["d"])
        self.assertEqual(option_names(lambda a, b=2, *, c=3: None), ["a", "b", "c"])
        self.assertEqual(option_names(lambda a, **options: None), ["a"])

    def test_find_name_and_without_none(self):
        self.assertEqual(find_name(dict, {"list": list, "dict": dict}), "dict")
        self.assertEqual(find_name(set, {"list": list, "dict": dict}), "")
        self.assertEqual(without_none({"a": None, "b": 0, "c": ""}), {"b": 0, "c": ""})

    def test_options_in(self):
        given = {"a": 1}
        found = options_in("extras", given)
        self.assertEqual((found, options_in("extras", None)), (given, {}))
        self.assertIsNot(found, given)
        for value in ([], 0, "", False, [1], "a"):
            with self.assertRaisesRegex(TypeError, "extras must be a mapping of options, got"):
                options_in("extras", value)


class TestValidation(unittest.TestCase):
    def test_positive_integer(self):
        for value in (1, 7, np.int64(3), np.uint8(3)):
            found = positive_integer("n", value)
            self.assertEqual((found, type(found)), (value, int))
        for value in (0, -3):
            with self.assertRaisesRegex(ValueError, f"n must be at least 1, got {value}"):
                positive_integer("n", value)
        for value in (1.0, "1", None, True):
            with self.assertRaisesRegex(TypeError, f"n must be a whole number, got {value!r}"):
                positive_integer("n", value)

    def test_number_in(self):
        for value in (0, 0.5, np.float32(0.25), 0.999):
            found = number_in("p", value, 0, 1)
            self.assertEqual((found, type(found)), (value, float))
        for value in (-0.1, 1, math.nan, math.inf):
            with self.assertRaisesRegex(
                ValueError, f"p must be at least 0 and below 1, got {value}"
            ):
                number_in("p", value, 0, 1)
        with self.assertRaisesRegex(ValueError, "p must be greater than 0 and finite, got 0"):
            number_in("p", 0, 0, open_low=True)
        for value in (None, "much", [1, 2]):
            with self.assertRaisesRegex(TypeError, "p must be a number"):
                number_in("p", value, 0)

    def test_floating_type(self):
        for value in ("float32", np.float32, np.dtype("float32")):
            self.assertEqual(floating_type(value), np.dtype("float32"))
        self.assertEqual(floating_type(float), np.dtype("float64"))
        for value in ("float16", "int32", int, "double trouble", object):
            with self.assertRaisesRegex(ValueError, "dtype must be 'float32' or 'float64'"):
                floating_type(value)

    def test_first_index(self):
        mask = np.array([[False, False], [False, True], [True, False]])
        self.assertEqual(first_index(mask), (1, 1))
        self.assertEqual([type(i) for i in first_index(mask)], [int, int])


class TestRandomStreams(unittest.TestCase):
    def draw(self, *arguments):
        return tuple(spawn_generator(*arguments).integers(2**62, size=4))

    def test_same_arguments_same_numbers(self):
        for stream in STREAMS:
            self.assertEqual(self.draw(5, stream, 2), self.draw(5, stream, 2))
        self.assertEqual(self.draw(5, "dropout"), self.draw(5, "dropout", 0))
        self.assertEqual(self.draw(5, "dropout"), self.draw(np.int64(5), "dropout"))

    def test_any_other_argument_other_numbers(self):
        streams = [self.draw(s, p, i) for s in (0, 1, 2**40) for p in STREAMS for i in range(3)]
        self.assertEqual(len(set(streams)), len(streams))

    def test_without_a_seed_every_generator_is_fresh(self):
        self.assertNotEqual(self.draw(None, "shuffling"), self.draw(None, "shuffling"))

    def test_refusals(self):
        for seed in (1.5, "1", True):
            with self.assertRaisesRegex(TypeError, f"seed must be a whole number.*{seed!r}"):
                spawn_generator(seed, "dropout")
        with self.assertRaisesRegex(ValueError, "seed must be 0 or greater, got -1"):
            spawn_generator(-1, "dropout")
        with self.assertRaises(ValueError):
            spawn_generator(1, "decoration")


class TestAtomicWrite(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "config.json"

    def write(self, text, error=None):
        with atomic_write(self.path) as partial:
            partial.write_text(text)
            if error is not None:
                raise error

    def files(self):
        return {path.name: path.read_text() for path in self.root.iterdir()}

    def test_new_file_and_replaced_file(self):
        for text in ("old", "new"):
            self.write(text)
            self.assertEqual(self.files(), {"config.json": text})

    def test_a_failing_body_leaves_the_old_file_alone(self):
        self.write("old")
        for error in (RuntimeError("half-way"), KeyboardInterrupt()):
            with self.assertRaises(type(error)):
                self.write("half", error)
            self.assertEqual(self.files(), {"config.json": "old"})

    def test_a_failing_body_leaves_nothing_where_nothing_was(self):
        with self.assertRaises(RuntimeError):
            self.write("half", RuntimeError("half-way"))
        self.assertEqual(self.files(), {})

    def test_the_file_changes_only_when_it_is_complete(self):
        self.write("old")
        with atomic_write(self.path) as partial:
            partial.write_text("half")
            self.assertEqual(self.path.read_text(), "old")
            self.assertNotEqual(partial, self.path)
            self.assertEqual((partial.suffix, partial.parent), (".json", self.root))

    def test_as_readable_as_any_other_file(self):
        plain = self.root / "plain"
        plain.touch()
        self.write("new")
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (self.path, plain)]
        self.assertEqual(modes[0], modes[1])
