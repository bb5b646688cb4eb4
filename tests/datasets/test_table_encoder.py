"""Columns of tables: missing values, categories, dates, and the encoder that keeps them."""

import contextlib
import io
import json
import unittest

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from neural_networks.datasets import Preprocessing, initialize_dataset, load_csv, read_examples
from neural_networks.datasets.sources.examples import ExampleFormat, as_examples
from neural_networks.datasets.table_encoder import MOST_CATEGORIES, TableEncoder
from tests.support.arrays import InFolder

SETS = ("training", "validation", "test")
N = 60


class ColumnsTest(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "table.csv"
        rng = np.random.default_rng(0)
        self.table = pd.DataFrame(
            {
                "row": range(N),
                "age": rng.integers(18, 90, N),
                "color": rng.choice(["red", "green", "light blue"], N),
                "height": rng.normal(170, 9, N).round(1),
                "grade": rng.choice(["1", "2", "10"], N),
                "kind": ["yes", "no", "maybe"] * (N // 3),
            }
        )

    def load(self, table=None, **options):
        """Load a table; returns its parts, and what was said."""
        table = self.table if table is None else table
        table.to_csv(self.path, index=False)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            parts = load_csv(str(self.path), **{"label": "kind"} | options)
        return parts, said.getvalue()

    def refused(self, pattern, table=None, **options):
        with self.subTest(pattern), self.assertRaisesRegex(ValueError, pattern) as caught:
            self.load(table, **options)
        self.assertNotIn("\n", str(caught.exception))

    def with_cells(self, column, cells):
        """A copy of the table, as text, with other cells in a column, by row from 0."""
        table = self.table.astype(str)
        for row, cell in cells.items():
            table.loc[row, column] = cell
        return table


def everything(parts):
    return np.concatenate([parts[f"{what}_set"] for what in SETS])


class TestCategories(ColumnsTest):
    def test_one_hot_in_the_place_of_the_column(self):
        parts, said = self.load(categories=["color", "grade"])
        colors, grades = ["green", "light blue", "red"], ["1", "2", "10"]
        self.assertEqual(
            parts["feature_names"],
            ["row", "age", *(f"color={c}" for c in colors), "height"]
            + [f"grade={grade}" for grade in grades],
        )
        for X in (parts[f"{what}_set"] for what in SETS):
            rows = self.table.iloc[X[:, 0].astype(int)]
            assert_array_equal(X[:, 1], rows["age"])
            assert_array_equal(X[:, 2:5], rows["color"].to_numpy()[:, None] == colors)
            assert_array_equal(X[:, 5], rows["height"])
            assert_array_equal(X[:, 6:], rows["grade"].to_numpy()[:, None] == grades)
        self.assertIn("color: 3 categories; grade: 3 categories\n", said)

    def test_ways_to_name_them(self):
        expected, _ = self.load(categories=["grade", "color"])
        for categories in ("color,grade", "color, grade", ["color,grade"], ("color", "grade")):
            assert_array_equal(
                everything(self.load(categories=categories)[0]), everything(expected)
            )
        options = {"categories": "color,grade", "drop": "row,height,age"}
        self.assertEqual(self.load(**options)[0]["training_set"].shape, (42, 6))

    def test_as_a_dataset(self):
        self.table.to_csv(self.path, index=False)
        with contextlib.redirect_stderr(io.StringIO()):
            dataset = initialize_dataset(
                "csv", path=str(self.path), label="kind", drop="row", categories="color", seed=0
            )
        self.assertEqual(dataset.train.example_shape, (6,))
        np.testing.assert_allclose(dataset.train.data.mean(axis=0), 0, atol=1e-12)

    def test_equal_numbers_are_one(self):
        grades = {0: "1.0", 1: "1e0", 2: " 1 ", 3: "2.00", 4: "10.0", 5: "+2"}
        parts, _ = self.load(self.with_cells("grade", grades), categories="grade,color")
        self.assertEqual(parts["feature_names"][-3:], ["grade=1", "grade=2", "grade=10"])

    def test_a_category_that_training_did_not_have(self):
        training = set(self.load(categories="color")[0]["training_set"][:, 0].astype(int))
        row = next(i for i in range(N) if i not in training)
        table = self.with_cells("color", {row: "mauve"})
        self.refused(
            rf"table.csv, row {row + 2}, column 3 \(color\): 'mauve' is not among the categories "
            "of the training rows: green, light blue, red$",
            table,
            categories="color",
        )
        row = min(training)
        parts, _ = self.load(self.with_cells("color", {row: "mauve"}), categories="color")
        self.assertIn("color=mauve", parts["feature_names"])

    def test_too_many(self):
        n = 2 * MOST_CATEGORIES
        names = [f"n{i}" for i in range(n)]
        table = pd.DataFrame({"name": names, "a": 1, "kind": ["x", "y"] * (n // 2)})
        pattern = r"column 'name' has 1,400 categories .*\(n\d+, .* and 1397 more\); at most 1,000"
        self.refused(pattern, table, categories="name")

    def test_columns_that_cannot_be_categories(self):
        self.refused("no column 'colour'; did you mean 'color'", categories="colour")
        self.refused("categories=color: this column is the label, or left out", categories="color",
                     drop="color")  # fmt: skip
        self.refused("categories=kind: this column is the label", categories=["kind", "color"])
        with self.assertRaisesRegex(TypeError, "categories must name a column, got 0.5"):
            self.load(categories=[0.5])

    def test_words_in_a_column_of_numbers(self):
        self.refused(r"row 2, column 3 \(color\): the cell holds '.*', not a finite number; "
                     "categories=color encodes .*, drop=color leaves")  # fmt: skip


class TestMissing(ColumnsTest):
    WORDS = ("", "NA", "nan", "NaN", "null", "None", "?", "#N/A", " ", " NA ")

    def test_refused_by_name(self):
        for word in self.WORDS:
            table = self.with_cells("height", {7: word})
            what = "the cell " + (f"holds '{word.strip()}'" if word.strip() else "is empty")
            what = what.replace("?", r"\?")
            pattern = rf"row 9, column 4 \(height\): {what}.*; missing=median fills in"
            self.refused(pattern, table, categories="color")
            table = self.with_cells("color", {7: word})
            pattern = rf"row 9, column 3 \(color\): {what}.*; missing=median fills in"
            self.refused(pattern, table, categories="color")

    def test_the_median_of_the_training_rows(self):
        options = {"categories": "color", "missing": "median"}
        rows = set(self.load(**options)[0]["training_set"][:, 0].astype(int))
        gone = [min(rows), max(rows), min(set(range(N)) - rows), max(set(range(N)) - rows)]
        for word in self.WORDS:
            table = self.with_cells("height", dict.fromkeys(gone, word))
            for row in gone:
                table.loc[row, "color"] = word
            with self.subTest(word):
                parts, said = self.load(table, **options)
                X = everything(parts)
                X = X[X[:, 0].argsort()]
                present = sorted(rows - set(gone))
                median = self.table["height"][present].median()
                most = self.table["color"][present].value_counts().idxmax()
                names = parts["feature_names"]
                assert_array_equal(X[gone, names.index("height")], median)
                assert_array_equal(X[gone, names.index(f"color={most}")], 1)
                kept = [i for i in range(N) if i not in gone]
                assert_array_equal(X[kept, names.index("height")], self.table["height"][kept])
                self.assertIn("missing cells filled: height (4), color (4)", said)

    def test_nothing_is_missing(self):
        plain, _ = self.load(categories="color")
        filled, said = self.load(categories="color", missing="median")
        assert_array_equal(everything(filled), everything(plain))
        self.assertNotIn("missing", said)
        self.assertEqual(set(filled["table"].fill), {"row", "age", "color", "height", "grade"})

    def test_labels_are_never_filled(self):
        for options in ({}, {"label": "age", "regression": True}):
            column = options.get("label", "kind")
            for word in ("", "NA", "?"):
                table = self.with_cells(column, {5: word})
                number = 1 + list(table).index(column)
                encoded = "color" if column == "kind" else "color,kind"
                self.refused(rf"row 7, column {number} \({column}\): ", table,
                             categories=encoded, missing="median", **options)  # fmt: skip

    def test_other_cells_are_mistakes_all_the_same(self):
        options = {"categories": "color", "missing": "median"}
        for word in ("x", "inf", "-", "1,5"):
            self.refused(rf"row 9, column 4 \(height\): the cell holds '{word}'",
                         self.with_cells("height", {7: word}), **options)  # fmt: skip
        lines = self.table.to_csv(index=False).splitlines()
        lines[4] = lines[4].rpartition(",")[0]
        self.path.write_text("\n".join(lines))
        with self.assertRaisesRegex(ValueError, "row 5"):
            load_csv(str(self.path), "kind", **options)

    def test_a_column_without_values(self):
        for options in ({}, {"categories": "color,height"}):
            self.refused("column 'height' has no value in the training rows: leave it out",
                         self.table.assign(height=np.nan),
                         **{"categories": "color", "missing": "median"} | options)  # fmt: skip

    def test_unknown_ways(self):
        for missing in ("mean", True, 0):
            self.refused(f"missing must be one of refuse, median, got {missing!r}", missing=missing)


class TestDates(ColumnsTest):
    def test_a_hint(self):
        for date in (
            "2026-01-31", "31.01.2026", "1/31/2026", "31/1/26", "2026-01-31 12:30:00", "12:30",
            "2026-01-31T12:30:00Z", "31 Jan 2026", "Jan 31, 2026", "31-Mar-26", "9:05 pm",
            "January 2026", "2026/01/31", "Mon, 31 Jan 2026 10:00",
        ):  # fmt: skip
            table = self.table.assign(when=date)
            self.refused(
                rf"row 2, column 7 \(when\): the cell holds '{date}', not a finite number, but a "
                "date or time; write it as numbers, such as year and month, or .*: drop=when",
                table,
                categories="color",
            )
            self.load(table, categories="color", drop="when")

    def test_other_words(self):
        for word in ("x", "1-2", "5%", "may", "1.2.3.4", "12:", "A-12-3", "decimal"):
            table = self.table.assign(when=word)
            self.refused("not a finite number(?!, but a date)", table, categories="color")


class TestExamples(ColumnsTest):
    """Examples of a table that has categories, and medians for missing numbers."""

    def setUp(self):
        super().setUp()
        options = {"categories": "color,grade", "drop": "row", "missing": "median"}
        self.parts, _ = self.load(**options)
        encoder = self.parts["table"]
        self.like = ExampleFormat(
            "csv", (8,), self.parts["feature_names"], Preprocessing(table=encoder)
        )
        X = everything(self.load(**options | {"drop": []})[0])
        self.X = X[X[:, 0].argsort(), 1:]
        self.features = self.table[["age", "color", "height", "grade"]]

    def read(self, table, **options):
        table.to_csv(self.path, index=False, **options)
        with contextlib.redirect_stderr(io.StringIO()):
            return read_examples(self.path, self.like)

    def test_ways_to_give_them(self):
        for name, table in (
            ("whole", self.table),
            ("without a label", self.table.drop(columns=["kind", "row"])),
            ("in another order", self.features[self.features.columns[::-1]]),
            ("among others", self.features.assign(more="x", x=[None] * N)),
        ):
            with self.subTest(name):
                assert_array_equal(self.read(table), self.X)
                assert_array_equal(as_examples(table, self.like), self.X)
        assert_array_equal(self.read(self.features, header=False), self.X)
        assert_array_equal(self.read(self.table, sep=";", decimal=","), self.X)
        assert_array_equal(self.read(self.features, sep=";", decimal=",", header=False), self.X)
        unnamed = self.features.set_axis(range(4), axis=1)
        assert_array_equal(as_examples(unnamed, self.like), self.X)
        assert_array_equal(as_examples(self.X, self.like), self.X)
        rows = self.features.to_numpy(object).tolist()
        assert_array_equal(as_examples(rows, self.like), self.X)

    def test_a_frame_of_other_types(self):
        frame = self.table.assign(grade=self.table["grade"].astype(float))
        assert_array_equal(as_examples(frame, self.like), self.X)
        frame = self.table.assign(
            grade=self.table["grade"].astype("Int64"), color=self.table["color"].astype("category")
        )
        assert_array_equal(as_examples(frame, self.like), self.X)
        assert_array_equal(as_examples(pd.read_csv(self.path), self.like), self.X)

    def test_missing_cells(self):
        table = self.table.astype(object)
        table.loc[3, "height"] = table.loc[4, "color"] = table.loc[5, "grade"] = np.nan
        found = self.read(table)
        fill, names = self.parts["table"].fill, self.parts["feature_names"]
        self.assertEqual(found[3, names.index("height")], fill["height"])
        self.assertEqual(found[4, names.index(f"color={fill['color']}")], 1)
        self.assertEqual(found[5, names.index(f"grade={fill['grade']}")], 1)
        assert_array_equal(as_examples(table.infer_objects(), self.like), found)
        X = self.X.copy()
        X[3, names.index("height")] = np.nan
        assert_array_equal(as_examples(X, self.like)[3], found[3])
        np.save(self.root / "x.npy", X)
        assert_array_equal(read_examples(self.root / "x.npy", self.like)[3], found[3])
        X[3, names.index("color=red")] = np.nan  # a category of an array has no median
        self.assertTrue(np.isnan(as_examples(X, self.like)[3]).any())

    def test_without_medians_a_missing_cell_is_an_error(self):
        parts, _ = self.load(categories="color,grade", drop="row")
        self.like = self.like._replace(preprocessing=Preprocessing(table=parts["table"]))
        for column, number in (("height", 4), ("color", 3)):
            table = self.with_cells(column, {8: ""})
            pattern = rf"row 10, column {number} \({column}\): .*empty"
            with self.assertRaisesRegex(ValueError, pattern):
                self.read(table)

    def test_an_unknown_category(self):
        known = "'mauve' is not among the categories of the training rows: green, light blue, red$"
        table = self.with_cells("color", {8: "mauve"})
        with self.assertRaisesRegex(ValueError, rf"csv, row 10, column 3 \(color\): {known}"):
            self.read(table)
        with self.assertRaisesRegex(ValueError, rf"csv, row 9, column 2 \(color\): {known}"):
            self.read(table[list(self.features)], header=False)
        frame = self.table.assign(color="mauve")
        with self.assertRaisesRegex(ValueError, f"frame, row 1, column 'color': {known}"):
            as_examples(frame, self.like)

    def test_missing_columns(self):
        for gone in self.features:
            with self.assertRaisesRegex(ValueError, f"for csv there is no column '{gone}'"):
                self.read(self.features.drop(columns=gone))
            with self.assertRaisesRegex(ValueError, f"for csv there is no column '{gone}'"):
                as_examples(self.features.drop(columns=gone), self.like)


class TestDescription(ColumnsTest):
    def setUp(self):
        super().setUp()
        parts, _ = self.load(categories="color,grade", drop="row", missing="median")
        self.encoder = parts["table"]
        self.content = json.loads(json.dumps(Preprocessing(table=self.encoder).description()))

    def test_there_and_back(self):
        again = Preprocessing.from_description(self.content).table
        self.assertEqual(again, self.encoder)
        self.assertEqual(again.fill["height"], self.encoder.fill["height"])
        self.assertEqual(json.loads(json.dumps(again.description())), self.content["table"])

    def test_older_runs_and_other_datasets_have_none(self):
        plain = Preprocessing().description()
        self.assertNotIn("table", plain)
        self.assertIsNone(Preprocessing.from_description(plain).table)
        self.assertIsNone(Preprocessing.from_description({**plain, "table": None}).table)

    def test_mistakes(self):
        for changes, pattern in (
            ({"sep": ";;"}, "sep must be a character"),
            ({"decimal": "x"}, "decimal must be"),
            ({"encoding": "x"}, "encoding must be"),
            ({"header": 1}, "header must be true or false"),
            ({"columns": "abc"}, "columns must be a list of names"),
            ({"columns": ["a", "a"]}, "columns must name each only once"),
            ({"left_out": [1]}, "left_out must be a list of names"),
            ({"categories": []}, "categories must be a mapping of columns"),
            ({"categories": {"nothing": ["a"]}}, "categories must be a mapping of columns"),
            ({"categories": {"color": "red"}}, "color must be a list of names"),
            ({"fill": {"age": "old"}}, "age must be a list of numbers|age must be"),
            ({"fill": {"age": float("nan")}}, "age must be finite"),
            ({"fill": {"color": "mauve"}}, "'mauve' is not a category of 'color'"),
            ({"more": 1}, "table has an unknown entry 'more'"),
        ):
            content = {**self.content, "table": {**self.content["table"], **changes}}
            with self.subTest(changes), self.assertRaisesRegex((TypeError, ValueError), pattern):
                Preprocessing.from_description(content)
        for key in self.content["table"]:
            table = {k: v for k, v in self.content["table"].items() if k != key}
            with self.assertRaisesRegex(ValueError, f"table has no {key!r}"):
                TableEncoder.from_description(table)


if __name__ == "__main__":
    unittest.main()
