"""Unlabeled examples in .npy and CSV files."""

import gzip
import unittest

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import initialize_dataset, load_digits, read_examples
from tests.datasets.test_csv_table import TableTest


class TestReadArrays(TableTest):
    """Examples in ``.npy`` files."""

    @classmethod
    def setUpClass(cls):
        cls.iris = initialize_dataset("iris", seed=0)
        cls.digits = initialize_dataset("digits", seed=0, images=True)

    def read(self, X, dataset=None, **options):
        self.path = self.root / "x.npy"
        np.save(self.path, X, **options)
        return read_examples(self.path, dataset or self.iris)

    def test_types(self):
        X = np.arange(12).reshape(3, 4)
        for stored in ("float64", "float32", "uint8", "int64", "int8", "uint16"):
            found = self.read(X.astype(stored))
            kept = stored.startswith("float") or stored == "uint8"
            self.assertEqual(found.dtype, stored if kept else "float64")
            assert_array_equal(found, X)
            self.iris.to_predict(found)
        assert_array_equal(self.read(X > 5), X > 5)
        assert_array_equal(self.read(np.asfortranarray(X * 1.0)), X)

    def test_memory_mapped_floats(self):
        self.assertIsInstance(self.read(np.ones((3, 4))), np.memmap)

    def test_images_as_rows(self):
        X = np.random.default_rng(0).random((5, 8, 8, 1))
        for shape in ((5, 8, 8, 1), (5, 64), (5, 8, 8)):
            found = self.read(X.reshape(shape), self.digits)
            assert_array_equal(found, X)
        assert_array_equal(read_examples(str(self.path), self.digits), X)

    def test_other_shapes(self):
        for shape in ((3, 5), (4,), (), (3, 2, 4)):
            shown = str(shape[1:]).replace("(", r"\(").replace(")", r"\)")
            pattern = rf"x.npy holds examples of shape {shown}; those of iris have \(4,\)"
            with self.subTest(shape), self.assertRaisesRegex(ValueError, pattern):
                self.read(np.ones(shape))

    def test_axes_in_another_order(self):
        for shape, hint in (
            ((3, 1, 8, 8), r"; X\.transpose\(0, 2, 3, 1\) puts channels last$"),
            ((3, 8, 1, 8), "$"),
            ((3, 4, 16), "$"),
        ):
            what = r"x.npy holds examples of shape .*; those of digits have \(8, 8, 1\)"
            with self.subTest(shape), self.assertRaisesRegex(ValueError, what + hint):
                self.read(np.ones(shape), self.digits)

    def test_a_single_example(self):
        for X, dataset in ((np.ones(4), self.iris), (np.ones((8, 8, 1)), self.digits)):
            hint = r"; for a single example X, write X\[np.newaxis\]$"
            with self.assertRaisesRegex(ValueError, hint):
                self.read(X, dataset)

    def test_no_examples(self):
        for shape in ((0, 4), (0,)):
            with self.assertRaisesRegex(ValueError, "there are no examples in .*x.npy"):
                self.read(np.ones(shape))

    def test_arrays_of_other_types(self):
        for array, pattern in (
            (np.array([["a", "b", "c", "d"]]), "x.npy must hold numbers, got <U1"),
            (np.ones((2, 4), complex), "x.npy must hold numbers, got complex128"),
            (np.array([[{}, 1, 2, 3]], object), "x.npy is not an .npy file of numbers: "),
        ):
            with self.assertRaisesRegex(ValueError, pattern):
                self.read(array, allow_pickle=True)

    def refuse_bytes(self, content, pattern=r"x\.npy is not an \.npy file of numbers: "):
        path = self.root / "x.npy"
        path.write_bytes(content)
        with self.subTest(content[:8]), self.assertRaisesRegex(ValueError, pattern):
            read_examples(path, self.iris)

    def test_files_in_other_formats(self):
        self.read(np.ones((3, 4)))
        for content in (b"", b"1,2,3,4\n", b"\x80\x04K\x01.", self.path.read_bytes()[:-5]):
            self.refuse_bytes(content)

    def test_an_archive_of_arrays(self):
        np.savez(self.root / "x.npz", np.ones((3, 4)))
        self.refuse_bytes((self.root / "x.npz").read_bytes(), r"x\.npy")

    def test_missing_file(self):
        with self.assertRaisesRegex(ValueError, "there is no file .*y.npy"):
            read_examples(self.root / "y.npy", self.iris)


class TestReadTables(TableTest):
    """Examples in CSV files."""

    @classmethod
    def setUpClass(cls):
        cls.iris = initialize_dataset("iris", seed=0)
        cls.names = list(cls.iris.feature_names)

    def read(self, names, rows, dataset=None):
        self.write(names, rows)
        return read_examples(self.path, dataset or self.iris)

    def refuse(self, pattern, names, rows, dataset=None):
        with self.assertRaisesRegex(ValueError, pattern):
            self.read(names, rows, dataset)

    def test_columns_in_another_order_among_others(self):
        a, b, c, d = self.names
        names = ["note", c, a, "more", d, b]
        found = self.read(names, [("x", 3, 1, "", 4, 2), ("y", 7, 5, "?", 8, 6)])
        assert_array_equal(found, [[1, 2, 3, 4], [5, 6, 7, 8]])

    def test_without_names(self):
        rows = [["5.1", "3.5", "1.4", "2e-1"], ["4.9", "3", "1.4", "-0.5"]]
        assert_array_equal(self.read(rows[0], rows[1:]), np.array(rows, float))
        self.assertEqual(self.read(rows[0], []).shape, (1, 4))

    def test_missing_and_surplus_columns(self):
        missing = f"flowers.csv has names .* for iris there is no column {self.names[3]!r}"
        pattern = missing.replace("(", r"\(").replace(")", r"\)")
        self.refuse(pattern, self.names[:3], [[1, 2, 3]])
        self.refuse("flowers.csv has 3 columns, not 4", "123", [[1, 2, 3]])
        self.refuse("flowers.csv has 5 columns, not 4", "12345", [range(5)])

    def test_cells_that_are_not_numbers(self):
        a, b, c, d = self.names
        for cell, what in (("x", "holds 'x'"), ("", "is empty")):
            row = [1, 2, cell, 4]
            self.refuse(r"row 3, column 3 \(petal.*\): the cell " + what, "1234", [range(4), row])
            names, row = [d, "note", c, b, a], [1, "n", cell, 4, 5]
            self.refuse(r"row 2, column 3 \(petal length .*the cell " + what, names, [row])

    def test_a_repeated_name(self):
        self.refuse("called .*sepal length", [*self.names, self.names[0]], [[1, 2, 3, 4, 5]])

    def test_no_rows(self):
        self.refuse("flowers.csv is empty|has no rows", self.names, [])
        self.path.write_text("")
        with self.assertRaisesRegex(ValueError, "flowers.csv is empty"):
            read_examples(self.path, self.iris)

    def test_compressed(self):
        self.path = self.root / "x.csv.gz"
        self.path.write_bytes(gzip.compress(b"1,2,3,4\n5,6,7,8\n"))
        assert_array_equal(read_examples(self.path, self.iris), [[1, 2, 3, 4], [5, 6, 7, 8]])

    def test_images(self):
        digits = initialize_dataset("digits", images=True)
        rows = load_digits()["test_set"][:3]
        found = self.read(map(str, range(3, 67)), rows, digits)
        assert_array_equal(found, np.vstack([range(3, 67), rows]).reshape(4, 8, 8, 1))
        digits.feature_names = None
        found = self.read(map(str, rows[0]), rows[1:], digits)
        digits.feature_names = ["pixels"]  # all in one
        assert_array_equal(read_examples(self.path, digits), found)
        digits.feature_names = None
        assert_array_equal(found[2], rows[2].reshape(8, 8, 1))
        self.refuse("for digits its features have no names", ["a"] * 64, rows, digits)


if __name__ == "__main__":
    unittest.main()
