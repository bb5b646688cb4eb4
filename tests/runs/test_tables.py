"""Tables as people have them: a file read by --test-data, predict and load_run alike."""

import contextlib
import csv
import io
import json
import re
import shutil
import unittest

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from neural_networks.cli.predict import main
from neural_networks.datasets import load_csv
from neural_networks.runs import load_run
from tests.runs.trained import SCRIPTS, TrainedRuns, edit_json, own_outputs
from tests.support.scripts import quietly

N = 60
RNG = np.random.default_rng(3)
TABLE = pd.DataFrame(
    {
        "id": [f"p{i}" for i in range(N)],
        "größe": RNG.normal(170, 9, N).round(1),
        "farbe": RNG.choice(["süß", "grün", "rot"], N),
        "stufe": RNG.choice([1, 2, 3], N),
        "gewicht": RNG.normal(0.07, 0.01, N),
        "klasse": ["ja", "nein", "vielleicht"] * (N // 3),
    }
)
GONE = TABLE.astype(object)
GONE.loc[[4, 17, 40], "größe"] = GONE.loc[[9, 33], "farbe"] = np.nan
GONE = GONE.infer_objects()
COLUMNS = ("label=klasse", "drop=id", "categories=farbe,stufe")

FORMS = {
    "plain": (TABLE.to_csv(index=False), ()),
    "decimal commas": (TABLE.to_csv(sep=";", decimal=","), ()),
    "Latin-1": (TABLE.to_csv(index=False, sep="\t").encode("latin-1"), ("encoding=latin-1",)),
    "UTF-16": (TABLE.to_csv(index=False, sep="\t", decimal=",").encode("utf-16"), ()),
    "a strange separator": (TABLE.to_csv(index=False, sep="~"), ("sep=~",)),
    "missing values": (GONE.to_csv(index=False, sep=";", decimal=","), ("missing=median",)),
    "missing words": (GONE.to_csv(index=False, na_rep="NA"), ("missing=median",)),
    "a comma at the end": (TABLE.to_csv(index=False).replace("\n", ",\n"), ()),
}  # fmt: skip
UNNAMED = (
    TABLE.to_csv(index=False, header=False, sep=";", decimal=","),
    ("label=6", "drop=1", "categories=3,4", "header=false"),
)


class TablesTest(TrainedRuns):
    def train_on(self, content, *options):
        """Train on a table, and predict the same file; the run and the file's path."""
        path = self.root / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        shutil.rmtree(self.root / "run", ignore_errors=True)
        pairs = ("--dataset", "csv", "--data-args", f"path={path}", *options)
        return self.train("ffnn", *pairs, "--lr", 0.1, "--test-data", path), path

    def three_ways(self, content, *options):
        """The predictions of the training's own table, which must not depend on the way."""
        run, path = self.train_on(content, *options)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            found = load_run(run).predict(path)
        status, out, err = quietly(main, run, path)
        self.assertEqual(status, 0, err)
        self.assertEqual(said.getvalue() + f"{N} rows predicted by {run}\n", err)
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual([row["class"] for row in rows], found.classes.tolist())
        probabilities = [
            [float(row[f"probability_{k}"]) for k in found.class_names] for row in rows
        ]
        assert_array_equal(np.float32(probabilities), found.probabilities)
        kaggle = pd.read_csv(run / "kaggle_predictions.csv")
        self.assertEqual(len(kaggle), N)
        names = np.array(found.class_names)
        assert_array_equal(names[kaggle["Category"]], found.classes)
        self.assertGreater(len(set(found.classes)), 1)
        return run, path, found


class TestThreeWays(TablesTest):
    def test_the_training_table_itself(self):
        for name, (content, options) in FORMS.items():
            with self.subTest(name):
                run, path, found = self.three_ways(content, *COLUMNS, *options)
                pairs = (pair.split("=") for pair in (*COLUMNS, *options))
                with contextlib.redirect_stderr(io.StringIO()):
                    parts = load_csv(str(path), **dict(pairs))
                expected, classes = own_outputs(run)
                again = load_run(run).predict(parts["test_set"])
                assert_array_equal(again.outputs, expected)
                assert_array_equal(again.classes, np.array(found.class_names)[classes])
                self.assertEqual(load_run(run).feature_names, parts["feature_names"])

    def test_a_table_without_names(self):
        _, _, found = self.three_ways(UNNAMED[0], *UNNAMED[1])
        _, _, named = self.three_ways(FORMS["plain"][0], *COLUMNS)
        assert_array_equal(found.outputs, named.outputs)

    def test_equal_content_equal_predictions(self):
        """Files in other forms than the training table; and data frames."""
        for options, table in (((), TABLE), (("missing=median",), GONE)):
            run, path, expected = self.three_ways(table.to_csv(index=False), *COLUMNS, *options)
            loaded = load_run(run)
            frames = (table.infer_objects(), table.drop(columns=["id", "klasse"]).infer_objects())
            for frame in (*frames, pd.read_csv(path)):
                assert_array_equal(loaded.predict(frame).outputs, expected.outputs)
            for content, form in (
                (table.to_csv(sep=";", decimal=","), {}),
                (table[table.columns[::-1]].to_csv(index=False, sep="\t"), {}),
                (table.to_csv(index=False, na_rep="NaN").encode("utf-16"), {}),
                (table.to_csv(index=False, sep="~"), {"sep": "~"}),
                (table.to_csv(index=False).encode("latin-1"), {"encoding": "latin-1"}),
            ):
                other = self.root / "other.csv"
                other.write_bytes(content if isinstance(content, bytes) else content.encode())
                with contextlib.redirect_stderr(io.StringIO()):
                    found = loaded.predict(other, **form)
                assert_array_equal(found.outputs, expected.outputs)
                flags = [f"--{key}={value}" for key, value in form.items()]
                status, out, err = quietly(main, run, other, *flags)
                self.assertEqual(status, 0, err)
                classes = [row["class"] for row in csv.DictReader(io.StringIO(out))]
                self.assertEqual(classes, expected.classes.tolist())

    def test_a_regression(self):
        options = ("label=gewicht", "regression=true", "drop=id,klasse", "categories=farbe,stufe")
        path = self.root / "prices.csv"
        GONE.to_csv(path, index=False, sep=";", decimal=",")
        pairs = ("--dataset", "csv", "--data-args", f"path={path}", *options, "missing=median")
        run = self.train("ffnn", *pairs, "--loss", "l2")
        with contextlib.redirect_stderr(io.StringIO()):
            found = load_run(run).predict(path)
        again = load_run(run).predict(pd.read_csv(path, sep=";", decimal=","))
        assert_array_equal(again.outputs, found.outputs)
        self.assertEqual(found.outputs.shape, (N, 1))


class TestWhatIsKept(TablesTest):
    """The content of ``data.json``, and mistakes in new files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.root / "train.csv"
        GONE.to_csv(path, index=False, sep=";", decimal=",", encoding="latin-1")
        options = (*COLUMNS, "missing=median", "encoding=latin-1")
        cls.run_folder = cls.train(
            "ffnn", "--dataset", "csv", "--data-args", f"path={path}", *options
        )
        cls.loaded = load_run(cls.run_folder)

    def test_data_json(self):
        table = json.loads((self.run_folder / "data.json").read_text())["preprocessing"]["table"]
        self.assertEqual(table["sep"], ";")
        self.assertEqual((table["decimal"], table["header"]), (",", True))
        self.assertEqual("ß".encode(table["encoding"]), b"\xdf")
        self.assertEqual(table["columns"], list(TABLE))
        self.assertEqual(table["left_out"], ["klasse", "id"])
        self.assertEqual(
            table["categories"], {"farbe": ["grün", "rot", "süß"], "stufe": ["1", "2", "3"]}
        )
        self.assertEqual(list(table["fill"]), ["größe", "gewicht", "farbe", "stufe"])

    def test_mistakes_in_new_files(self):
        for change, pattern in (
            ({"farbe": "blau"}, r"row 2, column 3 \(farbe\): 'blau' is not among .*grün, rot, süß"),
            ({"größe": "hoch"}, r"row 2, column 2 \(größe\): the cell holds 'hoch', not a"),
            ({"stufe": "2.5"}, r"row 2, column 4 \(stufe\): '2.5' is not among .*: 1, 2, 3$"),
        ):
            path = self.root / "new.csv"
            TABLE.assign(**change).to_csv(path, index=False)
            with self.subTest(change), self.assertRaisesRegex(ValueError, pattern):
                self.loaded.predict(path)
            status, out, err = quietly(main, self.run_folder, path)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))

    def test_numbers_of_columns(self):
        """The first line 0, 1, 2 ... by --header, by --no-header, and without."""
        path = self.root / "new.csv"
        columns = TABLE[["größe", "farbe", "stufe", "gewicht"]]
        columns.set_axis(range(4), axis=1).to_csv(path, index=False)
        refused = "the first line is 0, 1, 2 and 1 more, .*--header .*--no-header"
        for arguments, status, pattern in (
            ((), 2, refused),
            (("--header",), 0, f"^{N} rows predicted by "),
            (("--no-header",), 2, r"row 1, column 2 \(farbe\): '1' is not among"),
        ):
            found, out, err = quietly(main, self.run_folder, path, *arguments)
            self.assertEqual(found, status)
            self.assertRegex(err.splitlines()[-1], pattern)
            self.assertEqual(out.count("\n"), (N + 1) * (status == 0))

    def test_a_damaged_description(self):
        folder = self.root / "damaged"
        shutil.copytree(self.run_folder, folder)
        self.addCleanup(shutil.rmtree, folder)

        def swap(content):
            content["preprocessing"]["table"]["categories"]["farbe"].pop()

        edit_json(folder / "data.json", swap)
        with self.assertRaisesRegex(ValueError, "columns of the table do not fit the features"):
            load_run(folder)

    def test_an_older_run(self):
        """Without ``table``, all columns hold numbers, and have the features' names."""
        path = self.root / "older.csv"
        TABLE.drop(columns=["farbe", "stufe"]).to_csv(path, index=False)
        arguments = ("--dataset", "csv", "--data-args", f"path={path}", "label=klasse", "drop=id")
        run = self.train("ffnn", *arguments)
        expected = load_run(run).predict(path)

        def age(content):
            del content["preprocessing"]["table"], content["target_scale"]
            content["format"] = 1

        edit_json(run / "data.json", age)
        found = load_run(run).predict(path)
        assert_array_equal(found.outputs, expected.outputs)


class TestTestData(TablesTest):
    """--test-data of a training script."""

    def run_script(self, *arguments):
        return quietly(
            SCRIPTS["ffnn"].main, "--experiments", self.root / "e", "--epochs", 1, *arguments
        )

    def test_numbers_of_columns(self):
        path = self.root / "iris.csv"
        pd.DataFrame(np.ones((30, 4))).to_csv(path, index=False)
        status, out, err = self.run_script("--test-data", path)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertRegex(err, "the first line is 0, 1, 2 and 1 more, .*--header .*--no-header")
        for flag, rows in (("--header", 30), ("--no-header", 31)):
            status, out, err = self.run_script("--test-data", path, flag, "--overwrite")
            self.assertEqual(status, 0, err)
            self.assertRegex(out, rf"kaggle_predictions.csv +predictions .*, {rows} rows\n")
            file = self.root / "e" / "iris" / "kaggle_predictions.csv"
            self.assertEqual(len(pd.read_csv(file)), rows)
        for flag in ("--header", "--no-header"):
            status, _, err = self.run_script(flag)
            self.assertEqual(status, 2)
            self.assertRegex(err, "are about the first line of --test-data")

    def test_what_was_recognized_is_said_once(self):
        path = self.root / "table.csv"
        GONE.to_csv(path, sep=";", decimal=",")
        arguments = ("--dataset", "csv", "--data-args", f"path={path}", *COLUMNS, "missing=median")
        status, _, err = self.run_script(*arguments)
        self.assertEqual(status, 0, err)
        said = [line for line in err.splitlines() if str(path) in line]
        self.assertEqual(len(said), 1)
        self.assertTrue(said[0].endswith(
            "table.csv: separated by semicolons; with decimal commas; names or numbers of rows, "
            "left out: column 1, without a name; farbe: 3 categories; stufe: 3 categories; missing "
            "cells filled: größe (3), farbe (2)"
        ), said[0])  # fmt: skip
        self.assertFalse(re.search("Traceback", err))


if __name__ == "__main__":
    unittest.main()
