"""The publishers' own files, prepared into a temporary folder. Needs NEURAL_NETWORKS_DATA."""

import contextlib
import gzip
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import initialize_dataset
from neural_networks.datasets.data import Data
from neural_networks.datasets.files import cache
from neural_networks.datasets.files.cache import provenance_note
from neural_networks.datasets.files.folders import find, find_original

LETTERS = {"small": (500, 100), "medium": (5_000, 1_000), "large": (9_000, 1_000)}


def counts(*sets: Data) -> list[int]:
    """Examples of each class."""
    return sum(data.labels.sum(axis=0) for data in sets).astype(int).tolist()


def sizes(dataset) -> tuple[int, int, int]:
    return dataset.train.n_samples, dataset.validate.n_samples, dataset.test.n_samples


def numbers_in(line: str) -> np.ndarray:
    return np.array([float(cell) for cell in line.split(",")])


class RealTest(unittest.TestCase):
    """A test that reads the original files, with prepared sets in a temporary folder."""

    @classmethod
    def setUpClass(cls):
        cls.own = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        patches = {
            "data_folders": lambda: [cls.own],
            "home_folder": lambda dataset: cls.own / dataset,
        }
        cls.enterClassContext(mock.patch.multiple(cache, **patches))
        cls.err = cls.enterClassContext(contextlib.redirect_stderr(io.StringIO()))

    def assert_standardized(self, X: np.ndarray, axis) -> None:
        assert_allclose(X.mean(axis=axis, dtype=np.float64), 0, atol=1e-5)
        assert_allclose(X.std(axis=axis, dtype=np.float64), 1, atol=1e-5)


class TestImages(RealTest):
    def sets(self) -> list[str]:
        """Names of the available datasets: Fashion-MNIST, and CIFAR-10 if it is present."""
        return ["fashion_mnist", *(["cifar10"] if find_original("cifar10") else [])]

    def test_sizes_and_classes(self):
        splits = {
            "fashion_mnist": (50_000, 10_000, 10_000, 28 * 28),
            "cifar10": (49_000, 1_000, 10_000, 32 * 32 * 3),
        }
        for name in self.sets():
            *expected, features = splits[name]
            dataset = initialize_dataset(name, dtype="float32")
            with self.subTest(name):
                self.assertEqual(sizes(dataset), tuple(expected))
                self.assertEqual((dataset.train.example_shape, dataset.out_dim), ((features,), 10))
                each = sum(expected[:2]) // 10
                self.assertEqual(counts(dataset.train, dataset.validate), [each] * 10)
                self.assertEqual(counts(dataset.test), [1_000] * 10)
                self.assertGreater(min(counts(dataset.train)), 0.95 * expected[0] / 10)

    def test_all_pixels_of_the_files(self):
        (images, labels, *_) = find_original("fashion_mnist")
        dataset = initialize_dataset("fashion_mnist", validate_on_test=True)
        pixels = gzip.decompress(images.read_bytes())[16:]
        X = np.frombuffer(pixels, np.uint8).reshape(60_000, 28, 28, 1)
        assert_array_equal(np.asarray(dataset.train.data), X, strict=True)
        y = np.frombuffer(gzip.decompress(labels.read_bytes())[8:], np.uint8)
        assert_array_equal(dataset.train.labels.argmax(axis=1), y)
        self.assertEqual([dataset.class_names[k] for k in y[:2]], ["ankle boot", "T-shirt/top"])

    def test_order_of_the_colors(self):
        for name in set(self.sets()) - {"fashion_mnist"}:
            dataset = initialize_dataset(name, images=True, dtype="float32")
            planes = dataset.train.data[:1_000].astype(float)
            y = dataset.train.labels[:1_000].argmax(axis=1)
            ship = [dataset.class_names[k] in ("airplane", "ship") for k in y]
            red, _, blue = planes[ship].mean(axis=(0, 1, 2))
            self.assertGreater(blue, red + 10, "sky and sea are blue")
            # Neighboring pixels are similar, along rows and columns.
            for axis in (1, 2):
                self.assertLess(np.abs(np.diff(planes, axis=axis)).mean(), 20)
            X = np.concatenate([X for X, _ in dataset.train.batches(5_000)])
            self.assert_standardized(X, (0, 1, 2))

    def test_the_published_files_are_recognized(self):
        initialize_dataset("fashion_mnist")
        for path in find_original("fashion_mnist"):
            self.assertEqual(provenance_note("fashion_mnist", path), "")
        self.assertNotIn("ubyte.gz differs from the published file", self.err.getvalue())


class TestHiggs(RealTest):
    def test_sizes_classes_and_first_rows(self):
        (path,) = find_original("higgs")
        dataset = initialize_dataset("higgs", dtype="float32")
        self.assertEqual(sizes(dataset), (42_696, 4_270, 4_269))
        background, signal = counts(dataset.train, dataset.validate, dataset.test)
        self.assertEqual(background + signal, 51_235)
        self.assertAlmostEqual(signal / 51_235, 0.53, delta=0.005)
        with gzip.open(path, "rt") as file:
            rows = np.array([numbers_in(next(file)) for _ in range(1_000)])
        X, y = np.asarray(dataset.train.data[:1_000]), dataset.train.labels[:1_000]
        assert_array_equal(X, rows[:, 1:].astype(np.float32), strict=True)
        assert_array_equal(X.astype(np.float64), rows[:, 1:])  # exact in float32
        assert_array_equal(y.argmax(axis=1), rows[:, 0])

    def test_features_as_published(self):
        dataset = initialize_dataset("higgs", dtype="float32")
        X = np.asarray(dataset.train.data)
        named = dict(zip(dataset.feature_names, X.T, strict=True))
        for name, values in named.items():
            if name.endswith("b-tag"):
                self.assertLessEqual(len(np.unique(values)), 3, name)
            elif name.endswith(("eta", "phi")):
                self.assertLess(abs(values.mean()), 0.05, name)
            else:
                self.assertGreater(values.min(), 0, name)
        self.assert_standardized(np.concatenate([X for X, _ in dataset.train.batches()]), 0)


class TestLetters(RealTest):
    def test_sizes_and_every_row(self):
        for size, expected in LETTERS.items():
            dataset = initialize_dataset("letters", size=size, images=True)
            paths = find("letters", [f"{size}Train.csv", f"{size}Validation.csv"])
            self.assertIsNone(dataset.test)
            for data, path, n in zip(
                (dataset.train, dataset.validate), paths, expected, strict=True
            ):
                rows = np.array([numbers_in(line) for line in path.read_text().splitlines()])
                with self.subTest(path.name):
                    self.assertEqual(data.n_samples, n)
                    X = rows[:, 1:].astype(np.float32).reshape(n, 16, 8, 1)
                    assert_array_equal(np.asarray(data.data), X, strict=True)
                    assert_array_equal(data.labels.argmax(axis=1), rows[:, 0])
                    self.assertGreater(min(counts(data)), 0)


if __name__ == "__main__":
    unittest.main()
