"""Kinds of raw examples that a run takes: arrays, data frames, files; the ones it refuses."""

import gzip
import tracemalloc
import unittest
from unittest import mock

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from neural_networks.datasets import load_csv, load_iris
from neural_networks.runs import load_run
from tests.runs.trained import COLORS, TrainedRuns, own_outputs, write_colors
from tests.support import synthetic_files
from tests.support.arrays import read_only


class TestTables(TrainedRuns):
    """A run on a table of colors, which has gone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = cls.root / "colors.csv"
        write_colors(path)
        options = {"path": str(path), "label": "color"}
        pairs = ("--data-args", f"path={path}", "label=color", "drop=number")
        run = cls.train("ffnn", "--dataset", "csv", "--lr", 0.2, *pairs)
        cls.lines = path.read_text().splitlines()
        numbers = load_csv(**options)["test_set"][:, 0].astype(int)
        cls.test_lines = [cls.lines[number + 1] for number in numbers]
        cls.X = load_csv(drop=["number"], **options)["test_set"]
        path.unlink()
        cls.loaded, cls.expected = load_run(run), own_outputs(run)[0]
        cls.names = np.array(sorted(COLORS))[own_outputs(run)[1]]

    def same(self, examples):
        found = self.loaded.predict(examples)
        assert_array_equal(found.outputs, self.expected)
        assert_array_equal(found.classes, self.names)
        return found

    def write(self, name, lines):
        path = self.root / name
        text = "\n".join(lines) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    def test_the_file_as_it_was(self):
        lines = [self.lines[0], *self.test_lines]
        for name in ("new.csv", "new.csv.gz"):
            self.same(self.write(name, lines))
        self.same(str(self.write("new.csv", lines)))

    def test_files_of_the_features_alone(self):
        rows = [",".join(line.split(",")[1:4]) for line in self.test_lines]
        self.same(self.write("new.csv", rows))
        np.save(self.root / "new.npy", self.X)
        self.same(self.root / "new.npy")

    def test_columns_in_another_order_among_others(self):
        weight, height, age = self.X.T
        columns = {"age": age, "note": "?", "weight": weight, "when": None, "height": height}
        frame = pd.DataFrame(columns, index=range(7, 7 + len(age)))
        self.same(frame)
        frame.to_csv(self.root / "new.csv", index=False)
        assert_array_equal(self.loaded.predict(self.root / "new.csv").classes, self.names)

    def test_data_frames(self):
        self.same(pd.DataFrame(self.X))
        self.same(pd.DataFrame(self.X, columns=self.loaded.feature_names))
        self.same(pd.DataFrame(self.X, columns=self.loaded.feature_names).astype("Float64"))

    def test_arrays(self):
        self.same(read_only(self.X))
        self.same(self.X.tolist())
        self.same(np.ma.masked_array(self.X))
        whole = np.rint(self.X)
        assert_array_equal(
            self.loaded.predict(whole.astype(int)).outputs, self.loaded.predict(whole).outputs
        )
        frame = pd.DataFrame({"age": [54, 55], "weight": [4, 3], "height": [True, False]})
        same = np.array([[4.0, 1, 54], [3, 0, 55]])
        assert_array_equal(self.loaded.predict(frame).outputs, self.loaded.predict(same).outputs)

    def test_table(self):
        table = self.same(self.X).table()
        probabilities = [f"probability_{name}" for name in sorted(COLORS)]
        self.assertEqual(list(table), ["row", "class", *probabilities])
        assert_array_equal(table["row"], np.arange(1, len(self.X) + 1))
        assert_array_equal(table["class"], self.names)
        assert_array_equal(table[probabilities], self.expected)

    def test_repr(self):
        self.assertRegex(
            repr(self.loaded),
            r"^Run\('.*/run': 3 features → 7, Blue, light, deep red, green; 2 epochs\)$",
        )

    def refuse(self, pattern, examples, error=ValueError):
        with self.assertRaisesRegex(error, pattern) as raised:
            self.loaded.predict(examples)
        self.assertNotIn("\n", str(raised.exception))

    def test_wrong_columns(self):
        frame = pd.DataFrame(self.X, columns=["weight", "heigth", "age"])
        missing = "for csv there is no column 'height'; did you mean 'heigth'"
        self.refuse(f"the data frame has names of columns, but {missing}", frame)
        frame.to_csv(self.root / "new.csv", index=False)
        self.refuse(f"new.csv has names in its first line, but {missing}", self.root / "new.csv")
        frame.columns = ["weight", "height", "age"]
        self.refuse(
            "has the column 'height' more than once", frame[["weight", "height", "height", "age"]]
        )
        self.refuse("must hold numbers, got", frame.assign(age="old"), TypeError)
        self.refuse(r"shape \(2,\); those of csv have \(3,\)", pd.DataFrame(self.X[:, :2]))
        self.refuse("there are no examples in the data frame", frame[:0])
        self.refuse(r"the data frame holds examples of shape \(0,\)", pd.DataFrame(index=[1]))

    def test_values_that_are_missing(self):
        X = self.X.copy()
        X[2, 1] = np.nan
        self.refuse("^examples, row 3, column 'height': nan is not a finite number$", X)
        frame = pd.DataFrame(self.X, columns=self.loaded.feature_names).astype("Float64")
        frame.iloc[4, 2] = pd.NA
        self.refuse("row 5, column 'age': nan is not", frame)
        many = np.repeat(self.X[:1], 600, axis=0)
        many[599, 0] = -np.inf
        self.refuse("row 600, column 'weight': -inf is not a finite number", many)
        self.refuse("row 1, column 'age': 1e\\+300 is too large", [[1, 2, 1e300]])
        self.refuse("must not be masked", np.ma.masked_greater(self.X, 50))
        line = self.test_lines[0].replace(self.test_lines[0].split(",")[1], "")
        path = self.write("new.csv", [self.lines[0], line])
        self.refuse(r"new.csv, row 2, column 2 \(weight\): the cell is empty", path)

    def test_wrong_arrays(self):
        self.refuse(
            r"those of csv have \(3,\); for a single example X, write X\[np.newaxis\]$", [1, 2, 3]
        )
        self.refuse("those of csv have", np.ones((2, 4)))
        self.refuse("those of csv have", np.ones((2, 3, 1)))
        self.refuse("those of csv have", np.float64(3))
        self.refuse("there are no examples in the array", np.ones((0, 3)))
        self.refuse("got rows of several lengths", [[1, 2, 3], [1, 2]])
        self.refuse("examples must be numbers, got <U1", [["a", "b", "c"]], TypeError)
        self.refuse("examples must be numbers, got complex", self.X * 1j, TypeError)
        self.refuse("examples must be numbers, got object", None, TypeError)
        self.refuse("there is no file .*nowhere.csv", self.root / "nowhere.csv")
        self.refuse("is not a regular file", self.root)

    def test_memory_stays_flat(self):
        X = np.repeat(self.X, 10_000 // len(self.X), axis=0)
        self.loaded.predict(X[:1])
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        result = self.loaded.predict(X)
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, 12 * result.outputs.nbytes + 200_000)


class TestImages(TrainedRuns):
    """A run on images of bytes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        synthetic_files.write_cifar10(cls.root / "cifar10", n=10)
        with mock.patch.dict("os.environ", NEURAL_NETWORKS_DATA=str(cls.root)):
            run = cls.train("cnn", "--filters", 1, "--dataset", "cifar10", "--batch-size", 50)
        cls.loaded = load_run(run)
        cls.X = np.random.default_rng(0).integers(256, size=(3, 32, 32, 3), dtype=np.uint8)

    refuse = TestTables.refuse

    def test_bytes_and_the_same_numbers(self):
        expected = self.loaded.predict(self.X).outputs
        for dtype in ("float32", "float64", "int64", "uint16"):
            assert_array_equal(self.loaded.predict(self.X.astype(dtype)).outputs, expected)
        np.save(self.root / "new.npy", self.X)
        assert_array_equal(self.loaded.predict(self.root / "new.npy").outputs, expected)
        lines = [",".join(map(str, image.ravel())) for image in self.X]
        (self.root / "new.csv").write_text("\n".join(lines))
        assert_array_equal(self.loaded.predict(self.root / "new.csv").outputs, expected)

    def test_numbers_that_are_not_bytes(self):
        rule = "is not a byte, as in training: a whole number 0 ... 255"
        for value in (0.5, -1, 256):
            X = self.X.astype(np.float64)
            X[1, 2, 3, 0] = value
            self.refuse(rf"row 2, position \(2, 3, 0\): {float(value)} {rule}", X)

    def test_axes_in_another_order(self):
        self.refuse(
            r"shape \(3, 32, 32\); those of cifar10 have \(32, 32, 3\); "
            r"X.transpose\(0, 2, 3, 1\) puts channels last",
            self.X.transpose(0, 3, 1, 2),
        )
        self.refuse(r"shape \(32, 96\)", self.X.reshape(-1, 32, 96))
        self.refuse(r"write X\[np.newaxis\]", self.X[0])


class TestTheModel(TrainedRuns):
    def test_is_unchanged_by_predictions(self):
        run = load_run(self.train("ffnn", "--normalization", "batch", "--dropout", 0.5))
        before = {key: value.copy() for key, value in run.model.arrays().items()}
        X = load_iris()["test_set"]
        first, second = run.predict(X), run.predict(X)
        assert_array_equal(first.outputs, second.outputs)
        after = run.model.arrays()
        self.assertEqual(before.keys(), after.keys())
        for key, value in before.items():
            assert_array_equal(after[key], value)
        self.assertEqual(run.model.epoch, 2)


if __name__ == "__main__":
    unittest.main()
