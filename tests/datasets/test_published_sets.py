"""Published datasets: Higgs, Fashion-MNIST, CIFAR-10 and letters, from synthetic files."""

import gzip
import os
import tarfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import initialize_dataset
from neural_networks.datasets.dataset import SETS
from neural_networks.datasets.files import csv_reader, formats
from neural_networks.datasets.sources import higgs
from tests.datasets.test_cache import DataTest
from tests.support import synthetic_files

IMAGES = ("fashion_mnist", "cifar10")
SHAPES = {"fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


def splits(dataset):
    return dataset.train, dataset.validate, dataset.test


def sizes(dataset) -> tuple[int, ...]:
    return tuple(data.n_samples for data in splits(dataset))


def batch_of(data):
    """All preprocessed examples."""
    return np.concatenate([X for X, _ in data.batches(7)])


def classes(data) -> np.ndarray:
    assert_array_equal(data.labels.sum(axis=1), np.ones(data.n_samples))
    return data.labels.argmax(axis=1)


def read_idx(path: Path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes())[header:], np.uint8)


class SyntheticFiles(DataTest):
    """A test with synthetic files in the publishers' formats."""

    def fashion_mnist(self, n: int = 120, n_test: int = 60):
        """Images and labels of training and test set, as stored in the files."""
        folder = self.data / "fashion_mnist"
        synthetic_files.write_fashion_mnist(folder, n, n_test)
        return tuple(
            (
                read_idx(folder / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1),
                read_idx(folder / f"{part}-labels-idx1-ubyte.gz", 8),
            )
            for part in ("train", "t10k")
        )

    def cifar10(self, n: int = 40):
        batches = synthetic_files.write_cifar10(self.data / "cifar10", n)
        *train, test = batches.values()

        def parts(records):
            colors = [records[:, 1 + 1024 * c :][:, :1024] for c in range(3)]
            return np.stack(colors, axis=-1).reshape(-1, 32, 32, 3), records[:, 0]

        return parts(np.concatenate(train)), parts(test)

    def higgs(self, n: int = 240, sizes: tuple[int, ...] = ()) -> np.ndarray:
        if sizes:
            usual = dict(zip(SETS, sizes, strict=True))
            self.enterContext(mock.patch.dict(higgs.HIGGS_SIZES, usual))
        return synthetic_files.write_higgs(self.data / "higgs", n)

    def same(self, data, X, y) -> None:
        """Assert that a set holds these stored examples and labels."""
        assert_array_equal(np.asarray(data.data), X, strict=True)
        assert_array_equal(classes(data), y)


class TestHiggs(SyntheticFiles):
    def test_every_row_with_its_label(self):
        rows = self.higgs()
        dataset = initialize_dataset("higgs")
        self.assertEqual(sizes(dataset), (200, 20, 20))
        for data, place in zip(splits(dataset), ((0, 200), (200, 220), (220, 240)), strict=True):
            part = rows[slice(*place)]
            self.same(data, part[:, 1:].astype(np.float32), part[:, 0])
        self.assertEqual(list(dataset.class_names), ["background", "signal"])
        self.assertEqual((len(dataset.feature_names), dataset.train.example_shape), (28, (28,)))

    def test_standardized_by_the_training_rows(self):
        rows = self.higgs()
        X = rows[:, 1:]
        expected = (X - X[:200].mean(axis=0)) / X[:200].std(axis=0)
        for dtype in ("float64", "float32"):
            dataset = initialize_dataset("higgs", dtype=dtype)
            found = np.concatenate([batch_of(data) for data in splits(dataset)])
            self.assertEqual((found.dtype, dataset.test.labels.dtype), (dtype, dtype))
            assert_allclose(found, expected, rtol=1e-6, atol=1e-6)  # float32 in the file

    def test_proportions_of_a_small_file(self):
        # 10/12, 1/12 and 1/12 of the rows: 500,000, 50,000 and 50,000 of 600,000.
        for n, expected in ((12, (10, 1, 1)), (24, (20, 2, 2)), (250, (208, 21, 21))):
            with self.subTest(n=n):
                self.higgs(n)
                self.assertEqual(sizes(initialize_dataset("higgs")), expected)
        self.higgs(60, (50, 5, 5))  # and one that is just large enough
        self.assertEqual(sizes(initialize_dataset("higgs")), (50, 5, 5))

    def test_a_file_with_surplus_rows(self):
        rows = self.higgs(100, (50, 6, 4))
        dataset = initialize_dataset("higgs")
        self.assertEqual(sizes(dataset), (50, 6, 4))
        self.same(dataset.validate, rows[50:56, 1:].astype(np.float32), rows[50:56, 0])
        self.same(dataset.test, rows[56:60, 1:].astype(np.float32), rows[56:60, 0])

    def test_other_sizes(self):
        rows = self.higgs(100, (50, 6, 4))
        X = rows[:, 1:].astype(np.float32)
        for options, places in (
            ({"n_training": 20}, ((0, 20), (50, 56), (56, 60))),
            ({"n_training": 70}, ((0, 70), (70, 76), (76, 80))),
            ({"n_validation": 9}, ((0, 50), (50, 59), (59, 63))),
            ({"n_test": 44}, ((0, 50), (50, 56), (56, 100))),
            ({"n_training": 98}, ((0, 98), (98, 99), (99, 100))),
            ({"n_training": 92}, ((0, 92), (92, 98), (98, 100))),
            ({"n_validation": 49}, ((0, 50), (50, 99), (99, 100))),
            ({"n_training": 1, "n_validation": 1, "n_test": 1}, ((0, 1), (50, 51), (51, 52))),
        ):
            with self.subTest(options):
                dataset = initialize_dataset("higgs", **options)
                for data, place in zip(splits(dataset), places, strict=True):
                    self.same(data, X[slice(*place)], rows[slice(*place), 0])

    def test_sizes_out_of_range(self):
        self.higgs(100, (50, 6, 4))
        for options, most in (
            ({"n_training": 99}, "n_training must be at most 98, .*, got 99"),
            ({"n_validation": 50}, "n_validation must be at most 49, .*, got 50"),
            ({"n_test": 45}, "n_test must be at most 44, .*, got 45"),
            ({"n_training": 90, "n_validation": 10}, "n_validation must be at most 9, .*, got 10"),
            ({"n_training": 0}, "n_training must be at least 1, got 0"),
            ({"n_test": -1}, "n_test must be at least 1, got -1"),
        ):
            with self.subTest(options), self.assertRaisesRegex(ValueError, most):
                initialize_dataset("higgs", **options)
        with self.assertRaisesRegex(TypeError, r"n_test must be a whole number, got 1\.5"):
            initialize_dataset("higgs", n_test=1.5)

    def test_memory_mapped_rows(self):
        rows = self.higgs()
        dataset = initialize_dataset("higgs", dtype="float32")
        file = np.load(next((self.data / "higgs").glob("prepared-*/X.npy")), mmap_mode="r")
        self.assertEqual((file.shape, file.dtype), ((240, 28), np.float32))
        for _ in range(dataset.train.samples_per_epoch):
            dataset.train.sample()
        for data in splits(dataset):
            self.assertIsInstance(data.data, np.memmap)
            self.assertEqual((data.data.filename, data.is_lazy), (file.filename, True))
        assert_array_equal(np.asarray(file), rows[:, 1:].astype(np.float32))


class TestImages(SyntheticFiles):
    def both(self):
        """The names of the two datasets, and the content of their files."""
        return (("fashion_mnist", self.fashion_mnist()), ("cifar10", self.cifar10()))

    def test_every_image_with_its_label(self):
        # A sixth of the training images of Fashion-MNIST is for validation, a 50th of CIFAR-10's.
        held_out = {"fashion_mnist": 20, "cifar10": 4}
        for name, ((X, y), (X_test, y_test)) in self.both():
            n = len(X) - held_out[name]
            with self.subTest(name):
                dataset = initialize_dataset(name)
                self.assertEqual(sizes(dataset), (n, held_out[name], len(X_test)))
                self.same(dataset.train, X[:n], y[:n])
                self.same(dataset.validate, X[n:], y[n:])
                self.same(dataset.test, X_test, y_test)
                self.assertEqual((dataset.out_dim, len(dataset.class_names)), (10, 10))

    def test_standardized_by_the_channels_of_the_training_images(self):
        for name, ((X, _), (X_test, _)) in self.both():
            n = sizes(initialize_dataset(name))[0]
            mean, std = X[:n].mean(axis=(0, 1, 2)), X[:n].std(axis=(0, 1, 2))
            self.assertEqual(len(mean), SHAPES[name][2])
            for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
                dataset = initialize_dataset(name, dtype=dtype, images=True)
                found = [batch_of(data) for data in splits(dataset)]
                expected = [(part - mean) / std for part in (X[:n], X[n:], X_test)]
                with self.subTest(name, dtype=dtype):
                    for a, b in zip(found, expected, strict=True):
                        self.assertEqual(a.dtype, dtype)
                        assert_allclose(a, b, rtol=tolerance, atol=tolerance)

    def test_rows_are_images_pixel_by_pixel(self):
        self.both()
        for name in IMAGES:
            images = initialize_dataset(name, images=True, seed=0)
            rows = initialize_dataset(name, seed=0)
            self.assertEqual(images.train.example_shape, SHAPES[name])
            self.assertEqual(rows.train.example_shape, (np.prod(SHAPES[name]),))
            for a, b in zip(splits(images), splits(rows), strict=True):
                X = batch_of(a)
                assert_array_equal(batch_of(b), X.reshape(len(X), -1), strict=True)
                (X, Y), (flat, labels) = a.sample(), b.sample()
                assert_array_equal(flat, X.reshape(len(X), -1), strict=True)
                assert_array_equal(labels, Y, strict=True)

    def test_memory_mapped_bytes(self):
        self.both()
        for name in IMAGES:
            dataset = initialize_dataset(name, images=True, dtype="float32", flip=True, shift=1)
            for data in splits(dataset):
                data.sample()
                self.assertIsInstance(data.data, np.memmap)
                self.assertEqual(data.data.dtype, np.uint8)
                self.assertRegex(Path(data.data.filename).name, "^(train|test)_X.npy$")
                self.assertEqual(data.data.shape[1:], SHAPES[name])

    def test_validation_and_test_keep_their_place(self):
        for name, ((X, y), (X_test, y_test)) in self.both():
            n, held_out, n_test = sizes(initialize_dataset(name))
            for few in (1, 50, n - 1):
                dataset = initialize_dataset(name, n_training=few)
                self.assertEqual(sizes(dataset), (few, held_out, n_test))
                self.same(dataset.train, X[:few], y[:few])
                self.same(dataset.validate, X[n:], y[n:])
                mean = dataset.preprocessing.standardization.mean
                assert_allclose(mean, X[:few].mean(axis=(0, 1, 2)), rtol=1e-12)
            dataset = initialize_dataset(name, n_validation=7, n_test=5)
            self.assertEqual(sizes(dataset), (len(X) - 7, 7, 5))
            self.same(dataset.train, X[:-7], y[:-7])
            self.same(dataset.validate, X[-7:], y[-7:])
            self.same(dataset.test, X_test[:5], y_test[:5])

    def test_validation_on_the_test_set(self):
        for name, ((X, y), (X_test, y_test)) in self.both():
            dataset = initialize_dataset(name, validate_on_test=True)
            self.same(dataset.train, X, y)
            self.same(dataset.validate, X_test, y_test)
            self.same(dataset.test, X_test, y_test)
            dataset = initialize_dataset(name, validate_on_test=True, n_training=9, n_test=8)
            self.assertEqual(sizes(dataset), (9, 8, 8))
            with self.assertRaisesRegex(ValueError, "with validate_on_test, n_test also sets"):
                initialize_dataset(name, validate_on_test=True, n_validation=8)
            with self.assertRaisesRegex(TypeError, "validate_on_test must be true or false, got 1"):
                initialize_dataset(name, validate_on_test=1)

    def test_sizes_out_of_range(self):
        self.both()
        for name, n, held_out, n_test in (("fashion_mnist", 120, 20, 60), ("cifar10", 200, 4, 40)):
            for options, most in (
                ({"n_training": n - held_out + 1}, n - held_out),
                ({"n_training": n - 6, "n_validation": 7}, n - 7),
                ({"n_training": n + 1, "validate_on_test": True}, n),
                ({"n_validation": n}, n - 1),
                ({"n_test": n_test + 1}, n_test),
            ):
                key, asked = next(iter(options.items()))
                message = f"{key} must be at most {most}, .*, got {asked}"
                with self.subTest(name, **options):
                    with self.assertRaisesRegex(ValueError, message):
                        initialize_dataset(name, **options)
                    dataset = initialize_dataset(name, **options | {key: most})
                    self.assertIn(most, sizes(dataset))

    def test_the_archive_of_cifar10(self):
        self.cifar10()
        before = initialize_dataset("cifar10")
        folder = self.data / "cifar10"
        with tarfile.open(self.data / "cifar-10-binary.tar.gz", "w:gz") as archive:
            archive.add(folder / "cifar-10-batches-bin", "cifar-10-batches-bin")
        folder.rename(self.root / "away")
        after = initialize_dataset("cifar10")
        for a, b in zip(splits(before), splits(after), strict=True):
            self.same(b, np.asarray(a.data), classes(a))


class TestLetters(SyntheticFiles):
    def write(self, **numbers: int) -> dict[str, list[np.ndarray]]:
        """Write the files of each size, with so many training letters; return their rows."""
        folder = self.data / "letters"
        for rng, (size, n) in enumerate(numbers.items()):
            synthetic_files.write_letters(folder, size, n, rng)
        parts = ("Train", "Validation")
        return {
            size: [np.loadtxt(folder / f"{size}{part}.csv", delimiter=",") for part in parts]
            for size in numbers
        }

    def test_every_letter_with_its_label(self):
        for size, files in self.write(small=40, medium=60, large=80).items():
            dataset = initialize_dataset("letters", size=size, images=True)
            self.assertIsNone(dataset.test)
            for data, rows in zip(splits(dataset)[:2], files, strict=True):
                X = rows[:, 1:].astype(np.float32).reshape(-1, 16, 8, 1)
                self.same(data, X, rows[:, 0])
                self.assertIsInstance(data.data, np.memmap)
            self.assertEqual("".join(dataset.class_names), "aegilnortu")

    def test_rows_and_images_standardized_by_the_training_letters(self):
        train, validation = (rows[:, 1:] for rows in self.write(large=80)["large"])
        for images in (False, True):
            dataset = initialize_dataset("letters", images=images, dtype="float32")
            for data, X in ((dataset.train, train), (dataset.validate, validation)):
                expected = (X - train.mean()) / train.std()
                found = batch_of(data)
                self.assertEqual(found.dtype, np.float32)
                shape = (len(X), 16, 8, 1) if images else (len(X), 128)
                assert_allclose(found, expected.reshape(shape), rtol=1e-5, atol=1e-5)

    def test_sizes(self):
        self.write(large=40)
        self.assertEqual(initialize_dataset("letters").train.n_samples, 40)
        for size in ("small", "medium"):
            with self.assertRaisesRegex(FileNotFoundError, "'letters' is not here: "):
                initialize_dataset("letters", size=size)
        with self.assertRaisesRegex(ValueError, "unknown size of letters 'lagre'; .* 'large'"):
            initialize_dataset("letters", size="lagre")


class TestDamage(SyntheticFiles):
    def refused(self, name: str, file: str, pattern: str, **options) -> None:
        """Assert that a dataset is refused with this message about a file, and leaves nothing."""
        before = self.below(self.root)
        path = self.data / name / file
        with self.assertRaises(ValueError) as caught:
            initialize_dataset(name, **options)
        self.assertRegex(str(caught.exception).replace(str(path), "FILE"), pattern)
        self.assertEqual(self.below(self.root), before)

    def test_higgs(self):
        self.higgs(20)
        path = self.data / "higgs" / "HIGGS.csv.gz"
        good = gzip.decompress(path.read_bytes()).decode().splitlines()
        self.enterContext(mock.patch.dict(csv_reader.csv_chunks.__kwdefaults__, rows=8))
        for row in (1, 8, 9, 20):
            rest = good[row - 1].split(",", maxsplit=1)[1]
            for line, pattern in (
                (f"2,{rest}", f"^FILE, row {row}: the label is 2, not one of 0 ... 1$"),
                (f"0.5,{rest}", f"^FILE, row {row}: the label is 0.5"),
                (f"x,{rest}", rf"^FILE, row {row}, column 1 \(label\): the cell holds 'x'"),
                (f"1,y{rest}", rf"^FILE, row {row}, column 2 \(lepton pT\): .*'y"),
            ):
                lines = [*good[: row - 1], line, *good[row:]]
                path.write_bytes(gzip.compress("\n".join(lines).encode()))
                with self.subTest(line[:5], row=row):
                    self.refused("higgs", path.name, pattern)
        path.write_bytes(gzip.compress("\n".join(line + ",1" for line in good).encode()))
        self.refused("higgs", path.name, "^FILE")
        path.write_bytes(path.read_bytes()[:-20])
        self.refused("higgs", path.name, "^FILE is truncated")

    def test_folders_and_pipes(self):
        path = self.data / "higgs" / "HIGGS.csv.gz"
        path.mkdir(parents=True)
        self.refused("higgs", path.name, "^FILE is not a regular file$")
        path.rmdir()
        os.mkfifo(path)
        self.refused("higgs", path.name, "^FILE is not a regular file$")

    def test_fashion_mnist(self):
        folder = self.data / "fashion_mnist"
        X, y = np.zeros((30, 28, 28)), np.arange(30) % 10
        wrong = np.where(np.arange(30) == 17, 10, y)
        self.enterContext(mock.patch.object(formats.idx_chunks, "__defaults__", (8,)))
        for part in ("train", "t10k"):
            images, labels = f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"
            for file, content, pattern in (
                (labels, wrong, "^FILE, row 18: the label is 10, not one of 0 ... 9$"),
                (labels, y[:-1], "has 30 images, but FILE has 29 labels$"),
                (labels, np.append(y, 0), "has 30 images, but FILE has 31 labels$"),
                (images, X[:29], "^FILE has 29 images, but .* has 30 labels$"),
                (images, X[:, :27], r"^FILE has images of \(27, 28\), not \(28, 28\)$"),
                (images, X[:, :, :27], r"^FILE has images of \(28, 27\), not \(28, 28\)$"),
                (images, X.reshape(30, 14, 56), r"^FILE has images of \(14, 56\), not"),
                (images, X.reshape(30, 784), "^FILE is not an idx file of 3 axes of bytes"),
                (labels, X, "^FILE is not an idx file of 1 axes of bytes"),
            ):
                self.fashion_mnist(30, 30)
                synthetic_files.write_idx(folder / file, content)
                with self.subTest(file, pattern=pattern):
                    self.refused("fashion_mnist", file, pattern)

    def test_cifar10(self):
        for name in synthetic_files.CIFAR_BATCHES:
            records = synthetic_files.write_cifar10(self.data / "cifar10", 20)[name].copy()
            records[13, 0] = 10
            file = f"cifar-10-batches-bin/{name}"
            (self.data / "cifar10" / file).write_bytes(records.tobytes())
            self.refused("cifar10", file, "^FILE, row 14: the label is 10, not one of 0 ... 9$")
            (self.data / "cifar10" / file).write_bytes(records.tobytes()[:-1])
            self.refused("cifar10", file, "^FILE has 61,459 bytes, not a multiple of 3,073")
        (self.data / "cifar10" / file).unlink()
        with self.assertRaisesRegex(FileNotFoundError, "'cifar10' is not here: "):
            initialize_dataset("cifar10")

    def test_letters(self):
        for file in ("smallTrain.csv", "smallValidation.csv"):
            synthetic_files.write_letters(self.data / "letters", "small", 40)
            path = self.data / "letters" / file
            lines = path.read_text().splitlines()
            path.write_text("\n".join([*lines[:4], "10" + lines[4][1:], *lines[5:]]))
            pattern = "^FILE, row 5: the label is 10, not one of 0 ... 9$"
            self.refused("letters", file, pattern, size="small")
            path.write_text("\n".join([*lines[:4], lines[4][:-2], *lines[5:]]))
            pattern = r"^FILE, row 5, column 129 \(pixel 128\): the cell is empty$"
            self.refused("letters", file, pattern, size="small")


if __name__ == "__main__":
    unittest.main()
