"""First lines of tables: names, examples, and numbers that may be either."""

import contextlib
import io
import unittest

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from neural_networks.datasets import initialize_dataset, load_csv, read_examples
from neural_networks.datasets.files.csv_reader import csv_to_npy
from neural_networks.datasets.preprocessing import Preprocessing
from neural_networks.datasets.sources.examples import ExampleFormat
from tests.support.arrays import InFolder

IN_DOUBT = "the first line is 0.*: say by --header .*, or by --no-header .*header=False"


class ExamplesTest(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "new.csv"

    def read(self, content, like, **form):
        """Read examples; returns them, and what was said."""
        if content is not None:
            self.path.write_text(content)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            return read_examples(self.path, like, **form), said.getvalue()

    def refused(self, pattern, content, like, **form):
        with self.subTest(content), self.assertRaisesRegex(ValueError, pattern) as caught:
            self.read(content, like, **form)
        self.assertNotIn("\n", str(caught.exception))


class TestNumbersOfColumns(ExamplesTest):
    """pandas, NumPy and R number columns without names: 0, 1, 2 ..."""

    def test_features_with_names(self):
        iris = initialize_dataset("iris")
        rows = np.arange(20.0).reshape(5, 4) / 7
        frame = pd.DataFrame(rows)
        for first, content in (
            ("as pandas writes it", frame.to_csv(index=False)),
            ("with semicolons", frame.to_csv(index=False, sep=";")),
            ("with decimal commas", frame.to_csv(index=False, sep=";", decimal=",")),
            ("with tabs", frame.to_csv(index=False, sep="\t")),
            ("in quotes", frame.to_csv(index=False).replace("0,1,2,3", '"0", "1", "2", "3"')),
            ("as floats", frame.to_csv(index=False).replace("0,1,2,3", "0.0,1.0,2.0,3.0")),
            ("in NumPy's form", frame.to_csv(index=False).replace("0,1,2,3", "0e0,1e0,2e0,3e0")),
            ("with row numbers", frame.to_csv()),
        ):
            with self.subTest(first):
                self.refused(IN_DOUBT, content, iris)
                found, _ = self.read(content, iris, header=True)
                assert_array_equal(found, rows)
                if first == "with row numbers":
                    self.refused("new.csv has 5 columns, not 4", content, iris, header=False)
                else:
                    found, _ = self.read(content, iris, header=False)
                    assert_array_equal(found, np.vstack([range(4), rows]))

    def test_features_without_names(self):
        for shape in ((1,), (2,), (1, 6), (3, 3, 1)):
            d = int(np.prod(shape))
            like = ExampleFormat("waves", shape, None)
            rows = np.random.default_rng(0).normal(size=(7, d))
            self.refused(IN_DOUBT, pd.DataFrame(rows).to_csv(index=False), like)
            found, _ = self.read(None, like, header=True)
            assert_array_equal(found, rows.reshape(7, *shape))
            self.assertEqual(len(self.read(None, like, header=False)[0]), 8)

    def test_numbers_that_are_the_names(self):
        """The training table had the same first line."""
        table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)))
        table.assign(kind=["a", "b"] * 15).to_csv(self.path, index=False)
        table_encoder = load_csv(str(self.path), "kind")["table"]
        like = ExampleFormat("csv", (3,), ["0", "1", "2"], Preprocessing(table=table_encoder))
        found, _ = self.read(table.to_csv(index=False), like)
        assert_array_equal(found, table)
        found, _ = self.read(table[[2, 0, 1]].to_csv(), like)
        assert_array_equal(found, table)

    def test_other_numbers_are_examples(self):
        like = ExampleFormat("iris", (4,), list("abcd"))
        for first in ("1,0,2,3", "0,1,2,4", "0,1,2,2.5", "0,0,0,0", "5,6,7,8"):
            found, said = self.read(f"{first}\n1,2,3,4\n", like)
            self.assertEqual((len(found), said), (2, ""))

    def test_numbers_from_1_are_an_example_and_said(self):
        like = ExampleFormat("iris", (4,), list("abcd"))
        found, said = self.read("1,2,3,4\n5,6,7,8\n", like)
        self.assertEqual(len(found), 2)
        self.assertRegex(said, "new.csv: the first line, 1, 2, 3 and 1 more, is read as an example")
        self.assertEqual(len(self.read(None, like, header=True)[0]), 1)

    def test_header_that_is_not_there(self):
        like = ExampleFormat("iris", (4,), list("abcd"))
        names = "has names in its first line, but for iris there is no column 'd'; did you mean 'D'"
        self.refused(names, "a,b,c,D\n1,2,3,4\n", like)
        self.refused(names, "a,b,c,D\n1,2,3,4\n", like, header=True)
        self.refused(r"row 1, column 1 \(a\): the cell holds 'a'", "a,b,c,d\n1,2,3,4\n", like,
                     header=False)  # fmt: skip

    def test_only_csv_files_have_a_first_line(self):
        like = ExampleFormat("iris", (4,), list("abcd"))
        np.save(self.root / "x.npy", np.ones((2, 4)))
        for header in (True, False):
            with self.assertRaisesRegex(ValueError, "only a CSV file has a header"):
                read_examples(self.root / "x.npy", like, header=header)
        with self.assertRaisesRegex(TypeError, "header must be true or false, got 'yes'"):
            self.read("1,2,3,4\n", like, header="yes")

    def test_published_sets(self):
        """Higgs and letters: a label, then numbers; a line that numbers them is not an example."""
        for n in (3, 29):
            line = ",".join(map(str, range(n)))
            self.path.write_text(f"{line}\n" + "1" + ",0.5" * (n - 1) + "\n")
            with self.assertRaisesRegex(ValueError, f"first line is 0, 1 … {n - 1}, numbers of"):
                csv_to_npy(self.path, self.root, "", [f"c{i}" for i in range(n)], 2)
            self.path.write_text("1" + ",0.5" * (n - 1) + f"\n{line}\n")
            csv_to_npy(self.path, self.root, "", [f"c{i}" for i in range(n)], 2)
            self.assertEqual(len(np.load(self.root / "y.npy")), 2)


class TestTrainingTables(InFolder):
    """The first line of a table for training."""

    def setUp(self):
        super().setUp()
        self.path = self.root / "table.csv"
        self.rng = np.random.default_rng(0)
        self.X = self.rng.normal(size=(40, 3)).round(2)
        self.table = pd.DataFrame(self.X).assign(kind=["a", "b"] * 20)

    def load(self, label, **options):
        with contextlib.redirect_stderr(io.StringIO()):
            return load_csv(str(self.path), label, **options)

    def test_a_row_is_not_taken_for_names(self):
        for table, label in (
            (self.table, "a"),  # a value of the label, in the first row
            (self.table.assign(note="x"), "a"),
            (self.table, "kind"),
            (self.table.assign(kind=[7, 8] * 20), "7"),
            (pd.DataFrame(self.X), str(self.X[0, 2])),
            (pd.DataFrame(self.rng.integers(0, 9, (40, 4))), "3"),
        ):
            table.to_csv(self.path, index=False, header=False)
            with self.subTest(label), self.assertRaisesRegex(ValueError, "header=false reads"):
                self.load(label)

    def test_columns_by_number(self):
        self.table.to_csv(self.path, index=False)
        expected = self.load("kind")
        self.table.to_csv(self.path, index=False, header=False)
        found = self.load(4, header=False)
        self.assertEqual(found["feature_names"], ["1", "2", "3"])
        for what in ("training", "validation", "test"):
            assert_array_equal(found[f"{what}_set"], expected[f"{what}_set"])
            assert_array_equal(found[f"{what}_labels"], expected[f"{what}_labels"])
        self.assertEqual(self.load("4", header=False, drop="1,3")["feature_names"], ["2"])
        with self.assertRaisesRegex(ValueError, r"has no column '5' \(columns: 1, 2, 3, 4\)"):
            self.load(5, header=False)

    def test_examples_for_a_table_without_names(self):
        self.table.to_csv(self.path, index=False, header=False)
        encoder = self.load(4, header=False, drop=2)["table"]
        like = ExampleFormat("csv", (2,), ["1", "3"], Preprocessing(table=encoder))
        assert_array_equal(read_examples(self.path, like), self.X[:, [0, 2]])  # the same file
        self.table[[0, 2]].to_csv(self.path, index=False, header=False)
        assert_array_equal(read_examples(self.path, like), self.X[:, [0, 2]])
        self.table[[0, 2]].to_csv(self.path, index=False)
        assert_array_equal(read_examples(self.path, like, header=True), self.X[:, [0, 2]])

    def test_numbers_that_are_names(self):
        names = ["2019", "2020", "2021.5", "7"]
        self.table.set_axis(names, axis=1).to_csv(self.path, index=False)
        with self.assertRaisesRegex(ValueError, "row 1 holds numbers, .*header=true takes"):
            self.load("7")
        self.assertEqual(self.load("7", header=True)["feature_names"], names[:3])
        for first in (0, 1):
            self.table.set_axis(range(first, first + 4), axis=1).to_csv(self.path, index=False)
            self.assertEqual(len(self.load(first + 3)["feature_names"]), 3)

    def test_years_as_names(self):
        """The label is a word that its column does not hold: so the first line holds names."""
        for years in ((1990, 2000, 2010), (2019, 2020, 2021), ("0.5", "0.9", "0.95")):
            table = self.table.set_axis([*map(str, years), "kind"], axis=1)
            table.to_csv(self.path, index=False)
            self.assertEqual(self.load("kind")["feature_names"], [*map(str, years)])
            table.to_csv(self.path)
            self.assertEqual(self.load("kind")["feature_names"], [*map(str, years)])

    def test_a_mistyped_label_among_names(self):
        self.table.to_csv(self.path, index=False)
        with self.assertRaisesRegex(ValueError, r"'kidn'; did you mean 'kind'\?.*kind\)$"):
            self.load("kidn")


if __name__ == "__main__":
    unittest.main()
