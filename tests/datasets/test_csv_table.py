"""Tables: classes and numbers from a CSV file."""

import gzip
import os
import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import (
    initialize_dataset,
    load_csv,
    read_examples,
)
from tests.support.arrays import InFolder

SETS = {"training": "train", "validation": "validate", "test": "test"}


class TableTest(InFolder):
    """A test that writes tables to ``self.path``."""

    def setUp(self):
        super().setUp()
        self.path = self.root / "flowers.csv"

    def write(self, names, rows, ends="\n"):
        """Write a table of cells, with numbers in Python's form."""
        lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
        self.path.write_bytes("".join(line + ends for line in lines).encode())

    def load(self, **options):
        return load_csv(str(self.path), **options)

    def numbered(self, n=100, kinds=("b", "a"), start=0):
        """Rows of a number, a third of it, and a class that depends on it."""
        rows = [(i, i / 3, kinds[i % len(kinds)]) for i in range(start, start + n)]
        self.write(["number", "third", "kind"], rows)

    def refused(self, pattern, error=ValueError, **options):
        with self.subTest(pattern):
            with self.assertRaisesRegex(error, pattern) as caught:
                self.load(**{"label": "kind"} | options)
            self.assertIn(str(self.path), str(caught.exception))


def rows_of(parts, what):
    return parts[f"{what}_set"], parts[f"{what}_labels"]


class TestClasses(TableTest):
    def test_every_row_with_its_class(self):
        for n in (100, 37, 1001):
            self.numbered(n, kinds=("b", "a", "c"))
            parts = self.load(label="kind")
            self.assertEqual(parts["class_names"], ["a", "b", "c"])
            numbers = []
            for what in SETS:
                X, y = rows_of(parts, what)
                assert_array_equal(X[:, 1], X[:, 0] / 3)
                assert_array_equal(y, np.array([1, 0, 2])[X[:, 0].astype(int) % 3])
                numbers += X[:, 0].tolist()
            self.assertEqual(sorted(numbers), list(range(n)))

    def test_sizes(self):
        for n, sizes in ((100, (70, 10, 20)), (1000, (700, 100, 200)), (37, (25, 4, 8))):
            self.numbered(n)
            parts = self.load(label="kind")
            self.assertEqual(tuple(len(parts[f"{what}_set"]) for what in SETS), sizes)

    def test_stratified_split(self):
        self.numbered(1000, kinds="aaaaaaabbc")
        parts = self.load(label="kind")
        for what in SETS:
            y = parts[f"{what}_labels"]
            share = np.array([0.7, 0.2, 0.1]) * len(y)
            self.assertLess(np.abs(np.bincount(y) - share).max(), 1)

    def test_shuffled_rows(self):
        self.numbered(100)
        number = self.load(label="kind")["training_set"][:, 0]
        self.assertLess(abs(np.corrcoef(number, np.arange(70))[0, 1]), 0.5)

    def test_by_name(self):
        self.numbered(100)
        options = {"path": str(self.path), "label": "kind", "dtype": "float32"}
        first, other = (initialize_dataset("csv", 9, seed=s, **options) for s in (0, 1))
        parts = self.load(label="kind")
        for what, name in SETS.items():
            data = getattr(first, name)
            X, y = rows_of(parts, what)
            undone = first.preprocessing.standardization.undo(data.data.astype(float))
            np.testing.assert_allclose(undone, X, atol=1e-4)
            assert_array_equal(data.labels, np.eye(2, dtype="float32")[y], strict=True)
            assert_array_equal(data.data, getattr(other, name).data)
        np.testing.assert_allclose(first.train.data.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(first.train.data.std(axis=0), 1, rtol=1e-6)
        self.assertEqual((first.class_names, first.name), (["a", "b"], "csv"))
        self.assertEqual(first.feature_names, ["number", "third"])
        self.assertFalse(np.array_equal(first.train.sample()[0], other.train.sample()[0]))

    def test_numeric_classes_in_numeric_order(self):
        for kinds, ordered in (
            (("10", "9", "2"), ["2", "9", "10"]),
            (("1.5", "-1", "0", "-20"), ["-20", "-1", "0", "1.5"]),
            (("10", "9", "x"), ["10", "9", "x"]),
            (("no", "yes", "Yes"), ["Yes", "no", "yes"]),
            (("  b", "a  ", "c "), ["a", "b", "c"]),
        ):
            self.numbered(60, kinds)
            parts = self.load(label="kind")
            self.assertEqual(parts["class_names"], ordered)
            X, y = rows_of(parts, "training")
            for number, k in zip(X[:, 0].astype(int), y, strict=True):
                self.assertEqual(parts["class_names"][k], kinds[number % len(kinds)].strip())

    def test_columns_in_any_place(self):
        for label, names in (("a", ["b", "c"]), ("b", ["a", "c"]), ("c", ["a", "b"])):
            rows = np.column_stack([np.arange(60) % 2, np.arange(60) % 4, np.arange(60) % 5])
            self.write("abc", rows)
            parts = self.load(label=label)
            self.assertEqual(parts["feature_names"], names)
            found = np.concatenate([parts[f"{what}_set"] for what in SETS])
            expected = rows[:, ["abc".index(name) for name in names]]
            self.assertEqual(sorted(found.tolist()), sorted(expected.tolist()))

    def test_drop(self):
        rows = [(f"row {i}", i, "n" if i % 3 else "m", 2 * i, f"x{i}") for i in range(40)]
        self.write(["id", "a", "kind", "b", "note"], rows)
        parts = self.load(label="kind", drop=["note", "id"])
        self.assertEqual(parts["feature_names"], ["a", "b"])
        X, y = rows_of(parts, "test")
        assert_array_equal(X[:, 1], 2 * X[:, 0])
        assert_array_equal(y, X[:, 0] % 3 > 0)
        self.write(["id", "a", "kind", "b"], [row[:4] for row in rows])
        self.assertEqual(self.load(label="kind", drop="id")["feature_names"], ["a", "b"])
        self.assertEqual(self.load(label="kind", drop=("id", "b"))["feature_names"], ["a"])


class TestRegression(TableTest):
    def test_numbers_to_be_predicted(self):
        rows = [(f"w{i}", i, i**2 / 7, "", 3 * i) for i in range(50)]
        self.write(["word", "a", "y", "empty", "b"], rows)
        parts = self.load(label="y", regression=True, drop=["empty", "word"])
        self.assertEqual((parts["class_names"], parts["feature_names"]), (None, ["a", "b"]))
        numbers = []
        for what, size in zip(SETS, (35, 5, 10), strict=True):
            X, y = rows_of(parts, what)
            self.assertEqual((X.shape, y.shape), ((size, 2), (size, 1)))
            assert_array_equal(X[:, 1], 3 * X[:, 0])
            assert_array_equal(y[:, 0], X[:, 0] ** 2 / 7)
            numbers += X[:, 0].tolist()
        self.assertEqual(sorted(numbers), list(range(50)))

    def test_by_name(self):
        self.write("aby", [(i, -i, i) for i in range(20)])
        options = {"path": str(self.path), "label": "y", "regression": True}
        dataset = initialize_dataset("csv", **options)
        self.assertEqual((dataset.out_dim, dataset.class_names), (1, None))
        self.assertEqual(dataset.train.data.shape, (14, 2))
        self.assertLess(abs(dataset.train.labels.mean()), 1e-12)  # on the scale of the training
        self.assertGreater(dataset.train.labels_in_units.max(), 10)

    def test_a_dropped_label(self):
        self.write("aby", [(i, -i, i % 2) for i in range(20)])
        for regression in (True, False):
            with self.assertRaisesRegex(ValueError, "the label 'y' cannot be left out"):
                self.load(label="y", regression=regression, drop=["a", "y"])


class TestFiles(TableTest):
    def same(self, write):
        """Assert that the table equals that of the plain file."""
        self.numbered(40)
        plain = self.load(label="kind")
        write()
        found = self.load(label="kind")
        for what in SETS:
            for a, b in zip(rows_of(found, what), rows_of(plain, what), strict=True):
                assert_array_equal(a, b)
        for key in ("class_names", "feature_names"):
            self.assertEqual(found[key], plain[key])

    def test_compressed(self):
        def pack():
            text = self.path.read_bytes()
            self.path.unlink()
            self.path = self.path.with_name("flowers.csv.gz")
            self.path.write_bytes(gzip.compress(text))

        self.same(pack)

    def test_lines_of_windows_quotes_and_spaces(self):
        text = '"number",  third ,"kind"\r\n'
        text += "".join(f'{i}, {i / 3} ,"{"ba"[i % 2]} "\r\n' for i in range(40))
        for before in (b"", b"\xef\xbb\xbf"):  # a byte order mark
            self.same(lambda before=before: self.path.write_bytes(before + text.encode()))

    def test_commas_and_quotes_within_a_cell(self):
        names = ['"a, b"', '"the ""x"""', "kind"]
        self.write(names, [(i, i, '"p, q"' if i % 2 else "r") for i in range(30)])
        parts = self.load(label="kind", drop=["a, b"])
        self.assertEqual(parts["feature_names"], ['the "x"'])
        self.assertEqual(parts["class_names"], ["p, q", "r"])

    def test_home(self):
        self.numbered(40)
        with mock.patch.dict(os.environ, {"HOME": str(self.root), "USERPROFILE": str(self.root)}):
            parts = load_csv("~/flowers.csv", "kind")
            np.save(self.root / "x.npy", np.ones((3, 4)))
            self.assertEqual(len(read_examples("~/x.npy", initialize_dataset("iris"))), 3)
        self.assertEqual(len(parts["training_set"]), 28)

    def test_missing_file(self):
        self.refused("there is no file .*flowers.csv")
        self.path.mkdir()
        self.refused("flowers.csv is not a regular file")

    def test_empty_files(self):
        for content in ("", "a,kind\n"):
            self.path.write_text(content)
            self.refused("flowers.csv is empty|has no rows")


class TestBadTables(TableTest):
    def test_missing_columns(self):
        self.write(["length", "width", "species"], [(1, 2, "a")] * 20)
        known = r" \(columns: length, width, species\)"
        self.refused(r"has no column 'specie'; did you mean 'species'\?" + known, label="specie")
        self.refused("has no column 'widht'; did you mean 'width'", label="species", drop=["widht"])
        self.refused("has no column 'qqq'" + known, label="qqq")

    def test_repeated_and_missing_names(self):
        for third in ("a", " a "):
            self.write(["a", "kind", third], [(1, 2, 3)] * 20)
            self.refused("row 1: column 3 is called 'a', as is another one")
        self.write(["a", "", "kind"], [(1, 2, 3)] * 20)
        self.refused("row 1: column 2 has no name")

    def test_a_label_without_features(self):
        self.write(["id", "kind"], [(i, i % 2) for i in range(20)])
        self.refused("no column of numbers besides 'kind'", drop=["id"])

    def test_cells_that_are_not_numbers(self):
        for cell, what in (
            ("x", "holds 'x', not a finite number"),
            ("", "is empty"),
            ("-inf", "holds '-inf', not a finite number"),
            ("1e999", "holds '1e999', not a finite number"),
        ):
            rows = [[i, 2 * i, "a" if i % 2 else "b"] for i in range(30)]
            rows[6][1] = cell
            self.write(["first", "second", "kind"], rows)
            self.refused(rf"row 8, column 2 \(second\): the cell {what}")
            self.assertEqual(len(self.load(label="kind", drop="second")["test_set"]), 6)

    def test_cells_that_only_python_reads_as_numbers(self):
        for cell in ("nan", "NaN", "1_000"):
            rows = [[i, cell if i == 6 else 2 * i, "a" if i % 2 else "b"] for i in range(30)]
            self.write(["first", "second", "kind"], rows)
            self.refused(rf"row 8, column 2 \(second\): the cell holds '{cell}'")

    def test_labels_that_are_missing_or_not_numbers(self):
        rows = [[i, "ab"[i % 2]] for i in range(30)]
        self.write(["first", "kind"], rows)
        self.refused(r"row 2, column 2 \(kind\): the cell holds 'a'", regression=True)
        for cell in ("", "  "):
            rows[4][1] = cell
            self.write(["first", "kind"], rows)
            self.refused(r"row 6, column 2 \(kind\): the cell is empty")

    def test_too_few_rows(self):
        self.write(["a", "y"], [(i, i) for i in range(9)])
        self.refused("has 9 rows, and needs at least 10", label="y", regression=True)
        self.write(["a", "y"], [(i, i) for i in range(10)])
        self.assertEqual(len(self.load(label="y", regression=True)["training_set"]), 7)

    def test_too_few_rows_of_a_class(self):
        for counts, pattern in (
            (
                (30, 1),
                r"at least 3 rows, .* has 2 classes \(rows\): b \(1\), a \(30\); regression=true",
            ),
            ((30, 2), r"has 2 classes \(rows\): b \(2\), a \(30\)"),
            ((30,), r"there must be 2 classes; column 'kind' has 1 class \(rows\): a \(30\)"),
        ):
            kinds = [kind for n, kind in zip(counts, "ab", strict=False) for kind in [kind] * n]
            self.write(["a", "kind"], list(enumerate(kinds)))
            self.refused(pattern)

    def test_three_rows_of_a_class(self):
        """They are enough, but not for one in each of the sets."""
        self.write(["a", "kind"], [(i, "rare" if i < 3 else "often") for i in range(60)])
        parts = self.load(label="kind")
        total = sum(np.bincount(parts[f"{what}_labels"], minlength=2) for what in SETS)
        assert_array_equal(total, [57, 3])

    def test_more_classes_than_rows_for_validation(self):
        """It is split, or refused with a message about this file."""
        for n, classes in ((10, 2), (30, 10)):
            self.write(["a", "kind"], [(i, i % classes) for i in range(n)])
            with self.subTest(n):
                self.refused("flowers.csv.*rows")

    def test_options_of_another_type(self):
        self.numbered()
        for options, pattern in (
            ({"label": 2.5}, "label must name a column, got 2.5"),
            ({"label": True}, "label must name a column, got True"),
            ({"label": "kind", "drop": 0.5}, "drop must name a column, got 0.5"),
            ({"label": "kind", "drop": ["third", None]}, "drop must name a column, got None"),
            ({"label": "third", "regression": 1}, "regression must be true or false, got 1"),
        ):
            with self.subTest(pattern), self.assertRaisesRegex(TypeError, pattern):
                self.load(**options)
        with self.assertRaisesRegex(TypeError, "path must be the name of a file, got 5"):
            load_csv(5, "kind")

    def test_integer_names(self):
        """Flags give such names as integers."""
        self.write("123", [(i, i % 2, -i) for i in range(20)])
        parts = self.load(label=2, drop=1)
        self.assertEqual(parts["feature_names"], ["3"])
        self.assertEqual(self.load(label="2", drop=[3])["feature_names"], ["1"])
        self.refused("has no column '4'", label=4)


if __name__ == "__main__":
    unittest.main()
