"""Preprocessing: standardization, augmentation, lazy and eager conversion."""

import tracemalloc
import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import (
    Augmentation,
    Data,
    Dataset,
    Preprocessing,
    Standardization,
    preprocessing,
)
from tests.support.arrays import DTYPES, InFolder, read_only

CHUNKS = (1, 7, 64, 2**18)


def in_chunks(size):
    """A context that sets the number of values per chunk."""
    return mock.patch.object(preprocessing, "CHUNK", size)


def measured(*shape, seed=0):
    """Features, on the last axis, with very different means and standard deviations."""
    rng = np.random.default_rng(seed)
    k = np.arange(shape[-1])
    return rng.normal(size=shape) * 10.0**k + 3.0 * k**2 - 5


def pixels(*shape, seed=0):
    """Images of bytes."""
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def mapped(root, X):
    """The same array as a memory map."""
    np.save(root / "X.npy", X)
    return np.load(root / "X.npy", mmap_mode="r")


def mean_and_std(X):
    """Mean and standard deviation over all but the last axis, by NumPy in float64."""
    rows = np.asarray(X).astype(np.float64).reshape(-1, X.shape[-1])
    return rows.mean(axis=0), rows.std(axis=0)


class TestStatistics(InFolder):
    def compare(self, X, rtol):
        mean, std = mean_and_std(X)
        found = Standardization.of(X)
        assert_allclose((found.mean - mean) / np.where(std > 0, std, 1), 0, rtol=0, atol=rtol)
        assert_allclose(found.std, np.where(std > 0, std, 1), rtol=rtol)

    def test_rows_images_and_bytes_in_chunks_of_any_size(self):
        arrays = [measured(107, 3), measured(13, 5, 4, 3), pixels(23, 4, 3, 2), pixels(31, 2)]
        for X in arrays:
            for size in CHUNKS:
                with self.subTest(shape=X.shape, chunk=size), in_chunks(size):
                    self.compare(X, 1e-12)

    def test_float32(self):
        for X in (measured(2003, 3), measured(31, 5, 4, 3)):
            for size in CHUNKS[1:]:
                with self.subTest(shape=X.shape, chunk=size), in_chunks(size):
                    self.compare(X.astype(np.float32), 2e-6)

    def test_float64_statistics_of_float32(self):
        X = (measured(5003, 3) + 1e4).astype(np.float32)
        found = Standardization.of(X)
        self.assertEqual((found.mean.dtype, found.std.dtype), (np.float64, np.float64))
        self.compare(X, 1e-10)

    def test_float32_with_overflowing_squares(self):
        self.compare(np.array([[1e20], [2e20], [5e20]], np.float32), 1e-6)

    def test_memory_maps(self):
        for X in (measured(107, 3), pixels(23, 4, 3, 2)):
            with self.subTest(X.shape), in_chunks(64):
                self.compare(mapped(self.root, X), 1e-12)

    def test_arrays_larger_than_the_memory(self):
        X = mapped(self.root, measured(200_000, 4))  # 6.4 MB
        tracemalloc.start()
        with in_chunks(2**12):
            Standardization.of(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(peak, 1e6)

    def test_large_means(self):
        X = 1e6 + np.random.default_rng(0).choice([-1.0, 1.0], (5001, 2))
        self.compare(X, 1e-9)
        with in_chunks(1000):
            self.compare(X, 1e-9)
        self.compare(X.astype(np.float32), 0.02)  # 1e6 ± 1 is exact, a mean in between is not

    def test_an_outlier_among_the_first_rows(self):
        for row in (0, 3):
            for dtype in DTYPES:
                X = np.random.default_rng(0).normal(size=(20_001, 2)).astype(dtype)
                X[row] = 1e6, -1e5
                with self.subTest(dtype, row=row), in_chunks(999):
                    self.compare(X, 1e-6)

    def test_sorted_rows(self):
        """The first rows are not representative."""
        X = np.sort(measured(5000, 2), axis=0)
        self.compare(X, 1e-12)
        self.compare(X[::-1], 1e-12)

    def test_a_single_row(self):
        X = measured(1, 3)
        found = Standardization.of(X)
        assert_array_equal(found.mean, X[0])
        assert_array_equal(found.std, np.ones(3))
        assert_array_equal(found(X), np.zeros((1, 3)))


class TestStandardized(unittest.TestCase):
    def test_mean_0_and_standard_deviation_1(self):
        for dtype, atol in (("float64", 1e-12), ("float32", 2e-5)):
            X = measured(1203, 3).astype(dtype)
            mean, std = mean_and_std(Standardization.of(X)(X))
            assert_allclose(mean, 0, atol=atol)
            assert_allclose(std, 1, rtol=atol)

    def test_by_hand(self):
        standardization = Standardization(np.array([1.0, 10.0]), np.array([2.0, 0.0]))
        X = np.array([[1.0, 10.0], [5.0, 7.0]])
        assert_array_equal(standardization(X), [[0, 0], [2, -3]])
        assert_array_equal(standardization.undo(standardization(X)), X)
        for dtype in ("float32", "int64"):
            found = Standardization(np.ones(2, dtype), np.arange(2, dtype=dtype))
            self.assertEqual((found.mean.dtype, found.std.dtype), ("float64", "float64"))

    def test_constant_features_are_exactly_0(self):
        for dtype in DTYPES:
            for value in (0.1, -1e6 - 0.1, 0.0, 1 / 3):
                for n in (1, 6, 1003):
                    X = measured(n, 3).astype(dtype)
                    X[:, 1] = value
                    with self.subTest(dtype, value=value, n=n), in_chunks(100):
                        standardization = Standardization.of(X)
                        self.assertEqual(standardization.std[1], 1)
                        assert_array_equal(standardization(X)[:, 1], 0)
                        out = Preprocessing("float32", standardization)(X)
                        assert_array_equal(out[:, 1], 0)

    def test_constant_channels_are_exactly_0(self):
        X = pixels(9, 4, 5, 3)
        X[..., 2] = 201
        for dtype in DTYPES:
            out = Preprocessing(dtype, Standardization.of(X))(X)
            assert_array_equal(out[..., 2], 0)
            self.assertGreater(np.abs(out[..., :2]).min(), 0)

    def test_undo(self):
        for dtype, rtol in (("float64", 1e-12), ("float32", 1e-4)):
            X = measured(50, 4).astype(dtype)
            standardization = Standardization.of(X)
            undone = standardization.undo(standardization(X))
            self.assertEqual(undone.dtype, dtype)
            assert_allclose(undone, X, rtol=rtol)

    def test_type_and_input_are_kept(self):
        for dtype in DTYPES:
            X = read_only(measured(20, 3).astype(dtype))
            standardization = Standardization.of(X)
            before = X.copy()
            for out in (standardization(X), standardization.undo(X)):
                self.assertEqual(out.dtype, dtype)
                self.assertFalse(np.shares_memory(out, X))
            assert_array_equal(X, before)


def moves(image, s):
    """The zero-padded image shifted by up to s pixels, keyed by (down, right)."""
    H, W, _ = image.shape
    found = {}
    for down in range(-s, s + 1):
        for right in range(-s, s + 1):
            moved = np.zeros_like(image)
            for i in range(max(0, -down), min(H, H - down)):
                for j in range(max(0, -right), min(W, W - right)):
                    moved[i + down, j + right] = image[i, j]
            found[down, right] = moved
    return found


class TestAugmentation(unittest.TestCase):
    image = np.random.default_rng(1).normal(size=(5, 4, 2))

    def drawn(self, m, seed=0, **options):
        """The image m times, each augmented."""
        X = read_only(np.repeat(self.image[np.newaxis], m, axis=0))
        return Augmentation(**options)(X, np.random.default_rng(seed))

    def counts(self, results, candidates):
        """Count of each candidate among the results; every result must be a candidate."""
        is_it = np.array([(results == c).all(axis=(1, 2, 3)) for c in candidates])
        assert_array_equal(is_it.sum(axis=0), 1)
        return is_it.sum(axis=1)

    def test_flip_gives_the_image_or_its_mirror_image(self):
        out = self.drawn(2000, flip=True)
        counts = self.counts(out, [self.image, self.image[:, ::-1]])
        self.assertLess(abs(counts[0] - 1000), 110)  # 5 standard deviations

    def test_each_image_is_flipped_by_its_own_draw(self):
        out = self.drawn(2000, flip=True)
        mirrored = (out == self.image[:, ::-1]).all(axis=(1, 2, 3))
        self.assertLess(abs((mirrored[1:] == mirrored[:-1]).sum() - 1000), 110)

    def test_order_of_the_images(self):
        X = np.random.default_rng(2).normal(size=(40, 3, 4, 1))
        for x, y in zip(X, Augmentation(flip=True)(X, np.random.default_rng(0)), strict=True):
            self.assertTrue(np.array_equal(x, y) or np.array_equal(x[:, ::-1], y))
        for x, y in zip(X, Augmentation(shift=1)(X, np.random.default_rng(0)), strict=True):
            self.assertEqual(sum(np.array_equal(moved, y) for moved in moves(x, 1).values()), 1)

    def test_all_shifts_occur_equally_often(self):
        for s in (1, 2):
            n = (2 * s + 1) ** 2
            out = self.drawn(200 * n, shift=s)
            counts = self.counts(out, list(moves(self.image, s).values()))
            self.assertLess(np.abs(counts - 200).max(), 70, s)

    def test_flip_and_shift_together(self):
        out = self.drawn(3600, flip=True, shift=1)
        candidates = [m for x in (self.image, self.image[:, ::-1]) for m in moves(x, 1).values()]
        counts = self.counts(out, candidates)
        self.assertEqual(len(counts), 18)
        self.assertLess(np.abs(counts - 200).max(), 70)

    def test_a_shift_wider_than_the_image(self):
        out = self.drawn(500, shift=6)
        blank = (out == 0).all(axis=(1, 2, 3))
        self.assertTrue(0 < blank.sum() < 500)
        self.assertEqual(out.shape, (500, 5, 4, 2))

    def test_the_generator_decides(self):
        for options in ({"flip": True}, {"shift": 2}, {"flip": True, "shift": 1}):
            first, same, other = (self.drawn(30, seed, **options) for seed in (3, 3, 4))
            assert_array_equal(first, same)
            self.assertFalse(np.array_equal(first, other))

    def test_successive_draws_differ(self):
        X = np.repeat(self.image[np.newaxis], 30, axis=0)
        rng = np.random.default_rng(0)
        augmentation = Augmentation(flip=True, shift=1)
        self.assertFalse(np.array_equal(augmentation(X, rng), augmentation(X, rng)))

    def test_the_global_state_is_left_alone(self):
        before = np.random.get_state()[1].tolist()  # noqa: NPY002
        self.drawn(5, flip=True, shift=2)
        self.assertEqual(np.random.get_state()[1].tolist(), before)  # noqa: NPY002

    def test_type_and_order_in_memory(self):
        for dtype in (*DTYPES, "uint8"):
            X = read_only((100 * np.abs(measured(6, 4, 3, 2))).astype(dtype))
            for options in ({"flip": True}, {"shift": 1}, {"flip": True, "shift": 1}):
                out = Augmentation(**options)(X, np.random.default_rng(0))
                self.assertEqual((out.dtype, out.shape), (dtype, X.shape))
                self.assertTrue(out.flags.c_contiguous)

    def test_no_augmentation(self):
        X = measured(3, 4, 4, 1)
        assert_array_equal(Augmentation()(X, np.random.default_rng(0)), X)
        self.assertFalse(Augmentation())
        self.assertTrue(Augmentation(flip=True))
        self.assertTrue(Augmentation(shift=1))

    def test_arguments(self):
        for error, pattern, options in (
            (TypeError, "flip must be true or false, got 1", {"flip": 1}),
            (ValueError, "shift must be at least 0, got -1", {"shift": -1}),
            (TypeError, r"shift must be a whole number, got 2\.5", {"shift": 2.5}),
            (TypeError, "shift must be a whole number, got True", {"shift": True}),
        ):
            with self.assertRaisesRegex(error, pattern):
                Augmentation(**options)


class TestPreprocessing(unittest.TestCase):
    def test_standardized_first_and_then_augmented(self):
        """The shifted-in border is therefore the mean."""
        X = np.full((40, 3, 3, 1), 100, np.uint8)
        whole = Preprocessing("float32", Standardization([50], [25]), Augmentation(shift=1))
        out = whole(X, np.random.default_rng(0))
        assert_array_equal(np.unique(out), [0, 2])
        assert_array_equal(whole(X), np.full(X.shape, 2))

    def test_images_as_rows(self):
        X = pixels(5, 3, 4, 2)
        for augmentation in (None, Augmentation(flip=True, shift=1)):
            images = Preprocessing("float32", None, augmentation)
            rows = Preprocessing("float32", None, augmentation, as_rows=True)
            a, b = np.random.default_rng(0), np.random.default_rng(0)
            assert_array_equal(rows(X, a), images(X, b).reshape(5, 24))
            assert_array_equal(rows(X)[:, 2:4], X[:, 0, 1])
            assert_array_equal(rows.convert(X), images(X))

    def test_type_of_the_result(self):
        for dtype in DTYPES:
            for stored in ("uint8", *DTYPES):
                X = read_only(pixels(4, 3, 2, 1).astype(stored))
                for standardization in (None, Standardization.of(X)):
                    out = Preprocessing(dtype, standardization, as_rows=True)(X)
                    self.assertEqual((out.dtype, out.shape), (dtype, (4, 6)))
        with self.assertRaisesRegex(ValueError, "dtype must be 'float32' or 'float64', got 'int8'"):
            Preprocessing("int8")

    def test_bytes_as_numbers(self):
        X = pixels(50, 2, 2, 3)
        standardization = Standardization.of(X)
        expected = (X - standardization.mean) / standardization.std
        for dtype, rtol in (("float64", 1e-13), ("float32", 1e-5)):
            out = Preprocessing(dtype, standardization)(X)
            assert_allclose(out, expected, rtol=rtol, atol=rtol)

    def test_float64_is_standardized_before_it_is_rounded(self):
        X = 1e8 + np.array([[-1.0], [0.0], [1.0]])
        out = Preprocessing("float32", Standardization.of(X))(X)
        assert_allclose(out.ravel(), np.array([-1, 0, 1]) * np.sqrt(1.5), rtol=1e-6)

    def test_half_precision_is_converted_first(self):
        X = np.array([[1001.0], [1003.0], [1006.0]], np.float16)
        standardization = Standardization([1002.6], [0.01])
        expected = (X.astype(np.float64) - 1002.6) / 0.01
        assert_allclose(Preprocessing("float32", standardization)(X), expected, rtol=1e-2)

    def test_augmentation_that_does_nothing_draws_nothing(self):
        rng = np.random.default_rng(0)
        Preprocessing("float32", None, Augmentation())(pixels(3, 2, 2, 1), rng)
        self.assertEqual(rng.random(), np.random.default_rng(0).random())
        self.assertIsNone(Preprocessing(augmentation=Augmentation()).augmentation)


class TestStored(InFolder):
    """Lazy and eager preprocessing."""

    def test_floats_in_memory_are_converted_at_once(self):
        X = measured(20, 3)
        whole = Preprocessing("float32", Standardization.of(X))
        data = Data(read_only(X), None, 6, preprocessing=whole)
        self.assertFalse(data.is_lazy)
        self.assertEqual(data.data.dtype, np.float32)
        assert_array_equal(data.data, whole(X))

    def test_bytes_maps_and_augmented_images_stay(self):
        whole = Preprocessing("float32", None, Augmentation(flip=True))
        X = measured(6, 3, 2, 1)
        for stored, rng in ((pixels(6, 3, 2, 1), None), (mapped(self.root, X), None), (X, 0)):
            augmentation_rng = None if rng is None else np.random.default_rng(rng)
            data = Data(stored, None, 4, preprocessing=whole, augmentation_rng=augmentation_rng)
            self.assertTrue(data.is_lazy)
            self.assertIs(data.data, stored)
        self.assertFalse(Data(X, preprocessing=whole).is_lazy)
        self.assertFalse(Data(X).is_lazy)

    def test_shape_of_an_example_of_a_batch(self):
        for X in (pixels(6, 3, 2, 4), measured(6, 3, 2, 4), mapped(self.root, pixels(6, 3, 2, 4))):
            for as_rows, shape in ((False, (3, 2, 4)), (True, (24,))):
                data = Data(X, None, 4, preprocessing=Preprocessing("float32", as_rows=as_rows))
                self.assertEqual(data.example_shape, shape)
                self.assertEqual(data.sample()[0].shape, (4, *shape))
                self.assertEqual([X.shape for X, _ in data.batches(5)], [(5, *shape), (1, *shape)])

    def test_batches_are_rows_of_the_whole(self):
        numbers = np.arange(13.0)[:, np.newaxis]
        for X in (pixels(13, 3, 2, 2), mapped(self.root, measured(13, 3, 2, 2))):
            for as_rows in (False, True):
                whole = Preprocessing("float32", Standardization.of(X), as_rows=as_rows)
                data = Data(X, numbers, 5, rng=0, preprocessing=whole)
                expected = whole(X)
                for batch, Y in (*(data.sample() for _ in range(3)), *data.batches(4)):
                    assert_array_equal(batch, expected[Y[:, 0].astype(int)], strict=True)
                in_order = [X for X, _ in data.batches(4)]
                assert_array_equal(np.concatenate(in_order), expected)

    def test_nan_in_a_later_chunk_of_a_map(self):
        X = measured(50, 3, 2)
        X[31, 2, 1], X[40, 0, 0] = np.nan, -np.inf
        for stored in (mapped(self.root, X), X):
            with in_chunks(60), self.assertRaises(ValueError) as caught:
                Dataset(stored, np.ones((50, 1)), 5, preprocessing=Preprocessing("float32"))
            message = "training_set: 2 values are NaN or infinite, the first one at (31, 2, 1)"
            self.assertEqual(str(caught.exception), message)

    def test_nan_in_images_to_be_augmented(self):
        X = measured(5, 3, 2, 1)
        X[4, 1, 0] = np.nan
        whole = Preprocessing("float32", None, Augmentation(flip=True))
        with self.assertRaisesRegex(ValueError, r"training_set: 1 value.*\(4, 1, 0, 0\)"):
            Dataset(X, np.ones((5, 1)), 5, preprocessing=whole)

    def test_whole_numbers(self):
        with self.assertRaisesRegex(TypeError, "examples must be floats, got uint8"):
            Data(pixels(4, 3))
        for dtype in ("int64", "int8", "bool"):
            with self.assertRaisesRegex(TypeError, f"examples must be floats, got {dtype}"):
                Data(np.ones((4, 3), dtype), preprocessing=Preprocessing())

    def test_float64_beyond_float32(self):
        X = measured(4, 3)
        X[2, 1] = 1e300
        for stored in (X, mapped(self.root, X)):
            with self.subTest(type(stored)), self.assertRaisesRegex(ValueError, "training_set: "):
                Dataset(stored, np.ones((4, 1)), 2, preprocessing=Preprocessing("float32"))
        self.assertEqual(Data(X, preprocessing=Preprocessing("float64")).data[2, 1], 1e300)


if __name__ == "__main__":
    unittest.main()
