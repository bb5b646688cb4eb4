"""Flags of the scripts for data and Kaggle files: --data-args, --test-data, --kaggle-file."""

import contextlib
import json
import unittest

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris

import train_cnn
import train_ffnn
import train_rnn
from tests.datasets.test_interrupted_cache import LETTERS, RealData
from tests.support import synthetic_files
from tests.support.scripts import FlagTest


class DataTest(RealData, FlagTest):
    """A test of flags with synthetic data, by short runs without pictures."""

    def data_args(self, *arguments: object) -> dict:
        return self.done(*arguments)[0]["data"]

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.runs / "run" / name)

    def refused_later(self, pattern: str, *arguments: object) -> None:
        """Like ``refused``, after earlier runs."""
        if self.runs.exists():
            self.runs.rename(self.root / f"runs {len(list(self.root.iterdir()))}")
        self.refused(pattern, *arguments)


class TestDataArgs(DataTest):
    def test_sizes(self):
        for name, options, words in (
            (
                "higgs",
                ("n_training=100", "n_validation=10", "n_test=5"),
                "100 training + 10 validation + 5 test",
            ),
            ("higgs", ("n_training=210",), "210 training + 20 validation + 10 test"),
            ("cifar10", ("n_training=50",), "50 training + 2 validation + 20 test"),
            ("fashion_mnist", ("n_validation=30",), "50 training + 30 validation + 20 test"),
            ("fashion_mnist", ("validate_on_test=true",), "80 training + 20 validation + 20 test"),
        ):
            config, out = self.done("--dataset", name, "--data-args", *options)
            self.assertIn(f"Data: {name}, {words} examples", out)
            given = {key: json.loads(value) for key, value in (o.split("=") for o in options)}
            self.assertEqual(config["data"], {"name": name, "batch_size": 25} | given)

    def test_letters_of_each_size(self):
        for size, n in LETTERS.items():
            _, out = self.done("--dataset", "letters", "--data-args", f"size={size}")
            self.assertIn(f"Data: letters, {n} training + {n // 4} validation examples", out)
        _, out = self.done("--dataset", "letters")
        self.assertIn("letters, 120 training", out)

    def test_options_are_added_to_those_there_are(self):
        args = self.data_args(
            "--preset", "letters_deep", "--data-args", "size=small", "batch_size=20"
        )
        self.assertEqual(args, {"name": "letters", "batch_size": 20, "size": "small", "shift": 1})
        config = self.runs / "run" / "config.json"
        args = self.data_args("--config", config, "--data-args", "shift=2", "--batch-size", 30)
        self.assertEqual(args, {"name": "letters", "batch_size": 30, "size": "small", "shift": 2})

    def test_another_dataset_drops_what_it_does_not_have(self):
        start = ("--preset", "letters_deep", "--data-args", "size=small", "flip=true")
        self.assertEqual(self.data_args(*start)["size"], "small")
        config = ("--config", self.edited(lambda config: None))
        same = self.data_args(*config, "--dataset", "letters")
        self.assertEqual(same["size"], "small")
        args = self.data_args(*config, "--dataset", "digits")
        kept = {"batch_size": 50, "shift": 1, "flip": True}
        self.assertEqual(args, {"name": "digits", **kept})
        args = self.data_args(*config, "--dataset", "fashion_mnist", "--data-args", "n_test=10")
        self.assertEqual(args, {"name": "fashion_mnist", **kept, "n_test": 10})
        self.refused_later("'digits' has no option 'size'", *start, "--dataset", "digits")
        self.refused_later("the dataset 'iris' has no images", *config, "--dataset", "iris")

    def test_images_stay_images(self):
        self.script = train_cnn
        for name, shape in (("cifar10", "(32, 32, 3)"), ("letters", "(16, 8, 1)")):
            config, out = self.done("--dataset", name, "--filters", 2, "--data-args", "flip=true")
            expected = {"name": name, "batch_size": 10, "images": True, "flip": True}
            self.assertEqual(config["data"], expected)
            self.assertIn(f"examples of shape {shape}, 10 outputs", out)
        for name in ("iris", "higgs"):
            self.refused_later(f"the dataset '{name}' has no images", "--dataset", name)

    def test_values(self):
        for words, name, option in (
            ("n_training must be at least 1, got 0", "higgs", "n_training=0"),
            ("n_training must be a whole number, got 1.5", "cifar10", "n_training=1.5"),
            ("n_training must be a whole number, got 'ten'", "higgs", "n_training=ten"),
            ("n_test must be at most 20, the number available, got 1,000", "higgs", "n_test=1000"),
            (r"size of letters 'smal'; did you mean 'small'\?", "letters", "size=smal"),
            ("validate_on_test must be true or false, got 1", "cifar10", "validate_on_test=1"),
            ("flip must be true or false, got 'yes'", "letters", "flip=yes"),
            ("shift must be at least 0, got -1", "letters", "shift=-1"),
            ("the dataset 'higgs' has no images", "higgs", "flip=true"),
            (
                "label_smoothing must be at least 0 and below 0.5, got 0.5",
                "iris",
                "label_smoothing=0.5",
            ),
            ("no classes to encode or smooth", "sinewave", "label_smoothing=0.1"),
            ("batch_size must be at least 1, got 0", "iris", "batch_size=0"),
        ):
            self.refused(words, "--dataset", name, "--data-args", option)
        self.refused("layer 1: X must be", "--dataset", "digits", "--data-args", "images=true")

    def test_options_that_there_are_not(self):
        words = r"dataset 'higgs' has no option 'n_trainin'; did you mean 'n_training'\? "
        words += r"\(options: .*n_training, n_validation, n_test\)$"
        self.refused(words, "--dataset", "higgs", "--data-args", "n_trainin=3")
        self.refused("'iris' has no option 'size'", "--data-args", "size=small")
        self.refused("'flip' is not of the form KEY=VALUE", "--data-args", "flip")
        self.refused("argument --data-args: expected at least one", "--data-args")

    def test_options_in_a_file(self):
        self.done()
        for key in ("n_test", "seed", "rng"):
            file = self.edited(lambda config, key=key: config["data"].update({key: 3}))
            self.refused_later(f"data in {file} has no option '{key}'", "--config", file)
            self.runs = self.root / f"runs of {key}"
            self.done()

    def test_names_of_older_runs(self):
        names = {"one_output": "binary_labels", "softened": "label_smoothing"}
        flags = ("--dataset", "higgs", "--loss", "binary_cross_entropy")
        config, _ = self.done(*flags, "--data-args", "label_smoothing=0.1")
        log = self.log("run")

        def age(config):
            for old, new in names.items():
                config["data"][old] = config["data"].pop(new)

        aged, _ = self.done("--config", self.edited(age), "--epochs", 2)
        self.assertEqual(aged["data"], config["data"])
        self.assertEqual(self.log("run"), log)
        typed, _ = self.done(*flags, "--data-args", "softened=0.1")
        self.assertEqual((typed["data"], self.log("run")), (config["data"], log))
        typed, _ = self.done("--dataset", "higgs", "--data-args", "one_output=false")
        self.assertIs(typed["data"]["binary_labels"], False)
        words = "--data-args label_smoothing=0.1 and --data-args softened=0.2: give label_smoothing"
        self.refused_later(words, "--data-args", "label_smoothing=0.1", "softened=0.2")

    def test_options_typed_twice(self):
        words = "--batch-size 9 and --data-args batch_size=8: give batch_size only once"
        self.refused(words, "--batch-size", 9, "--data-args", "batch_size=8")

    def test_a_flag_of_options_given_twice_adds_to_them(self):
        flags = ("--dataset", "digits", "--data-args", "shift=1", "--data-args", "flip=true")
        expected = {"name": "digits", "batch_size": 25, "shift": 1, "flip": True}
        self.assertEqual(self.data_args(*flags), expected)

    def test_what_flags_of_their_own_are_for(self):
        for option in ("name=digits", "seed=3", "dtype=float64", "rng=3", "options=3"):
            with self.subTest(option):
                key = option.split("=")[0]
                words = f"dataset 'iris' has no option '{key}'"
                self.refused_later(words, "--data-args", option)


class TestTwoClasses(DataTest):
    LOSS = ("--loss", "binary_cross_entropy")

    def test_one_output(self):
        config, out = self.done("--dataset", "higgs", *self.LOSS, "--hidden", 3)
        self.assertEqual(config["data"], {"name": "higgs", "batch_size": 25, "binary_labels": True})
        self.assertEqual(config["model"]["layer_args"][-1]["activation"], "sigmoid")
        self.assertIn("20 test examples of shape (28,), 1 output\n", out)
        self.assertRegex(out, r"FullyConnected  sigmoid +-> \(1,\) +4  W \(3, 1\), b \(1, 1\)\n")
        self.assertRegex(out, r"Test: loss 0\.\d+, accuracy .* of 20 right\), AUC 0\.\d{4}\n")
        self.assertEqual(
            list(self.table("test_predictions.csv"))[3:],
            ["output_0", "true_class", "predicted_class"],
        )

    def test_changes_for_the_loss_are_printed(self):
        _, out = self.done("--dataset", "higgs", *self.LOSS)
        words = "labels in one column, output activation sigmoid"
        self.assertIn(f"\nBecause of --loss binary_cross_entropy: {words}\n", out)
        config = self.edited(lambda config: None)
        _, out = self.done("--config", config, "--loss", "cross_entropy")
        words = "labels in a column for each class, output activation softmax"
        self.assertIn(f"\nBecause of --loss cross_entropy: {words}\n", out)
        for flags in ((), self.LOSS):
            self.assertNotIn("Because of", self.done("--config", config, *flags)[1])

    def test_typed_labels_stay(self):
        words = "labels of binary_cross_entropy must be"
        flags = ("--dataset", "higgs", *self.LOSS, "--data-args", "binary_labels=false")
        self.refused(words, *flags)

    def test_and_back_to_two(self):
        self.done("--dataset", "higgs", *self.LOSS)
        config = self.edited(lambda config: None)
        args, out = self.done("--config", config, "--loss", "cross_entropy")
        self.assertEqual(args["data"], {"name": "higgs", "batch_size": 25})
        self.assertIn("(28,), 2 outputs\n", out)
        args, _ = self.done("--config", config, "--lr", 0.01)
        self.assertTrue(args["data"]["binary_labels"])

    def test_softened_labels_keep_the_loss_above_their_entropy(self):
        flags = ("--dataset", "higgs", *self.LOSS, "--hidden", 50, "--epochs", 30)
        self.done(*flags)
        self.assertLess(float(self.rows()[-1]["train_loss"]), 0.1)
        config, _ = self.done(*flags, "--data-args", "label_smoothing=0.15")
        self.assertEqual(
            (config["data"]["label_smoothing"], config["data"]["binary_labels"]), (0.15, True)
        )
        entropy = -0.15 * np.log(0.15) - 0.85 * np.log(0.85)
        losses = [float(row["train_loss"]) for row in self.rows()]
        self.assertGreater(min(losses), entropy)
        self.assertLess(min(losses), entropy + 0.1)

    def test_three_classes(self):
        self.refused("one output, .* is for two classes, and 'iris' has 3", *self.LOSS)


class TestTable(DataTest):
    """A table with columns a, b, 2019 (numbers), number (of the row) and kind (words)."""

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        table = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
        table["2019"] = rng.integers(5, size=60)
        table["number"] = range(60)
        table["kind"] = np.where(table["a"] > 0, "tall", "short")
        self.file = self.root / "my plants.csv"
        table.to_csv(self.file, index=False)
        self.start = ("--dataset", "csv", "--data-args", f"path={self.file}")

    def test_classes(self):
        config, out = self.done(*self.start, "label=kind", "drop=number", "--epochs", 30)
        self.assertIn(
            "Data: csv, 42 training + 6 validation + 12 test examples of shape (3,), 2", out
        )
        expected = {"path": str(self.file), "label": "kind", "drop": "number"}
        self.assertEqual(config["data"], {"name": "csv", "batch_size": 25, **expected})
        accuracy = (self.table("test_predictions.csv").eval("label == prediction")).mean()
        self.assertGreater(accuracy, 0.8)
        _, out = self.done(*self.start, "label=kind")
        self.assertIn("shape (4,), 2 outputs", out)
        _, out = self.done(*self.start, "label=kind", 'drop=["number", "b"]')
        self.assertIn("shape (2,), 2 outputs", out)

    def test_one_output(self):
        loss = ("--loss", "binary_cross_entropy")
        config, out = self.done(*self.start, "label=kind", "label_smoothing=0.15", *loss)
        self.assertIn("of shape (4,), 1 output\n", out)
        self.assertEqual(
            (config["data"]["binary_labels"], config["data"]["label_smoothing"]), (True, 0.15)
        )

    def test_numbers(self):
        flags = (*self.start, "label=a", "drop=kind", "regression=true")
        config, out = self.done(*flags, "--loss", "l2")
        self.assertIs(config["data"]["regression"], True)
        self.assertIn("shape (3,), 1 output\n", out)
        self.assertRegex(out, r"\nTest: loss [\d.]+, mean squared error [\d.]+, of standardized")
        names = ["Id", "label_0", "prediction_0"]
        self.assertEqual(list(self.table("test_predictions.csv")), names)
        words = "labels of cross_entropy must not be negative"
        self.refused_later(words, *flags, "--loss", "cross_entropy")
        words = "'csv' has no classes to encode"
        self.refused_later(words, *flags, "--loss", "binary_cross_entropy")

    def test_columns_that_are_called_by_numbers(self):
        _, out = self.done(*self.start, "label=2019", "drop=kind")
        self.assertIn("shape (3,), 5 outputs", out)
        _, out = self.done(*self.start, "label=kind", "drop=2019")
        self.assertIn("shape (3,), 2 outputs", out)

    def test_its_config_finds_it_from_another_folder(self):
        self.start = (*self.start[:3], f"path={self.file.name}")
        with contextlib.chdir(self.root):
            self.done(*self.start, "label=kind")
        log, config = self.log("run"), self.runs / "run" / "config.json"
        self.runs.mkdir(exist_ok=True)
        with contextlib.chdir(self.runs):
            self.done("--config", config)
        self.assertEqual(self.log("run"), log)

    def test_mistakes(self):
        here = str(self.file)
        for words, *options in (
            ("dataset 'csv' needs the option 'label'", f"path={here}"),
            ("there is no file .*nowhere.csv", "path=nowhere.csv", "label=kind"),
            ("(path|no file).*3", "path=3", "label=kind"),
            (
                "no column 'kinds'; did you mean 'kind'.*columns: a, b, 2019, ",
                f"path={here}",
                "label=kinds",
            ),
            ("no column 'nr'", f"path={here}", "label=kind", "drop=nr"),
            (r"row 2, column 5 \(kind\): the cell holds '", f"path={here}", "label=number"),
            ("a class needs at least 3 rows", f"path={here}", "label=number", "drop=kind"),
            ("regression must be true or false", f"path={here}", "label=a", "regression=1"),
            ("dataset 'csv' has no images", f"path={here}", "label=kind", "images=true"),
        ):
            self.refused(words, "--dataset", "csv", "--data-args", *options)
        self.refused("dataset 'csv' needs the option 'path'", "--dataset", "csv")


class TestTestData(DataTest):
    """--test-data, predicted row by row; the examples are test rows in another order."""

    def predicted(self, X: np.ndarray | str, order: np.ndarray, file: str, *flags: object) -> None:
        """Assert that examples get the predictions of the test set's rows in this order."""
        path = self.root / ("new.csv" if isinstance(X, str) else "new.npy")
        if isinstance(X, str):
            path.write_text(X)
        else:
            np.save(path, X)
        _, out = self.done(*flags, "--epochs", 6, "--test-data", path)
        self.assertRegex(out, rf"\n  {file} +predictions for submission, \d+ rows?\n")
        table = self.table(file)
        expected = self.table("test_predictions.csv")["prediction"].to_numpy()[order]
        self.assertEqual(list(table["Category"]), list(expected))
        self.assertGreater(len(set(expected)), 1)
        first = 1 if file == "submission.csv" else 0
        self.assertEqual(list(table["Id"]), list(range(first, first + len(order))))

    def test_numbers(self):
        rows = synthetic_files.write_higgs(self.root / "again")[220:, 1:]
        order = np.random.default_rng(0).permutation(20)[:13]
        for X in (rows, rows.astype(np.float32), np.asfortranarray(rows)):
            self.predicted(X[order], order, "kaggle_predictions.csv", "--dataset", "higgs")
        lines = [",".join(map(str, row)) for row in rows[order].tolist()]
        self.predicted("\n".join(lines), order, "kaggle_predictions.csv", "--preset", "higgs")

    def test_half_precision(self):
        """Means and deviations may exceed its range."""
        X, tables = np.array([[6e4] * 4, [4, 3, 2, 1], [-6e4] * 4]), []
        for dtype in ("float64", "float16"):
            np.save(self.root / "new.npy", X.astype(dtype))
            self.done("--test-data", self.root / "new.npy")
            tables.append(self.table("kaggle_predictions.csv"))
        self.assertTrue(tables[0].equals(tables[1]))

    def test_photographs(self):
        records = synthetic_files.write_cifar10(self.root / "again", 20)["test_batch.bin"]
        X = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        order = np.random.default_rng(0).permutation(20)[:7]
        self.predicted(X[order], order, "submission.csv", "--preset", "cifar10_two_layers")
        floats = X[order].astype(np.float64)
        self.predicted(floats, order, "submission.csv", "--preset", "cifar10_two_layers")
        self.script = train_cnn
        as_rows = X[order].astype(np.int64).reshape(7, -1)
        flags = ("--dataset", "cifar10", "--filters", 4)
        self.predicted(as_rows, order, "submission.csv", *flags)

    def test_columns_by_name(self):
        """In any order, among other columns; the names of iris are scikit-learn's."""
        iris = load_iris(as_frame=True).data
        self.done("--epochs", 6)
        # Where the test rows are in the table: by what the network says of all of it.
        iris["note"] = "a word"
        shuffled = iris[[*iris.columns[::-1]]]
        shuffled.to_csv(self.root / "all.csv", index=False)
        self.done("--epochs", 6, "--test-data", self.root / "all.csv")
        by_name = self.table("kaggle_predictions.csv")
        iris.drop(columns="note").to_csv(self.root / "bare.csv", index=False, header=False)
        self.done("--epochs", 6, "--test-data", self.root / "bare.csv")
        self.assertTrue(by_name.equals(self.table("kaggle_predictions.csv")))
        self.assertEqual(len(by_name), 150)
        true = load_iris().target
        self.assertGreater((by_name["Category"] == true).mean(), 0.85)

    def test_letters_have_no_test_set_but_this(self):
        np.save(self.root / "new.npy", np.zeros((3, 16, 8), np.float32))
        _, out = self.done("--dataset", "letters", "--test-data", self.root / "new.npy")
        self.assertIn("\nValidation: loss ", out)
        self.assertEqual(len(self.table("kaggle_predictions.csv")), 3)

    def test_arrays_that_do_not_fit(self):
        file = self.root / "new.npy"
        for X, words in (
            (
                np.zeros((7, 5)),
                r"new.npy holds examples of shape \(5,\); those of iris have \(4,\)",
            ),
            (np.zeros(4), r"shape \(\); those of iris have \(4,\)"),
            (np.array([["a"] * 4]), "must hold numbers, got <U1"),
            (np.zeros((2, 4), complex), "must hold numbers, got complex128"),
            (np.array([[None] * 4]), "is not an .npy file of numbers"),
            (np.full((2, 4), np.nan), r"test set: 8 values are NaN or infinite, .* \(0, 0\)"),
        ):
            np.save(file, X)
            self.refused(words, "--test-data", file)

    def test_no_examples(self):
        np.save(self.root / "new.npy", np.zeros((0, 4)))
        self.refused("(empty|no examples|no rows)", "--test-data", self.root / "new.npy")

    def test_files_that_are_no_arrays(self):
        file = self.root / "new.npy"
        for content in (b"hello", b""):
            file.write_bytes(content)
            self.refused("new.npy is not an .npy file of numbers", "--test-data", file)
        self.refused("there is no file nowhere.npy", "--test-data", "nowhere.npy")
        self.refused("is not a regular file", "--test-data", self.root)
        np.savez(self.root / "several.npz", a=np.zeros((2, 4)))
        (self.root / "several.npz").rename(file)
        self.refused("new.npy is not an .npy file", "--test-data", file)

    def test_tables_that_do_not_fit(self):
        file = self.root / "new.csv"
        for text, words in (
            ("1,2,3\n4,5,6\n", "new.csv has 3 columns, not 4"),
            ("1,2,3,4\n5,6,seven,8\n", r"row 2, column 3 \(petal length \(cm\)\): .*'seven'"),
            ("a,b,c,d\n1,2,3,4\n", "there is no column 'sepal length"),
            ("", "new.csv is empty"),
        ):
            file.write_text(text)
            self.refused(words, "--test-data", file)


class TestKaggleFile(DataTest):
    def test_its_name(self):
        self.done("--dataset", "higgs", "--kaggle-file", "mine.csv")
        self.assertFalse((self.runs / "run" / "kaggle_predictions.csv").exists())
        mine = self.table("mine.csv")
        self.assertEqual(list(mine["Id"]), list(range(20)))
        self.assertEqual(
            list(mine["Category"]), list(self.table("test_predictions.csv")["prediction"])
        )

    def test_its_name_is_listed(self):
        _, out = self.done("--dataset", "higgs", "--kaggle-file", "mine.csv")
        self.assertRegex(out, r"\n  mine.csv +predictions for submission, \d+ rows?\n")

    def test_a_dataset_without_a_competition(self):
        self.done("--kaggle-file", "mine.csv")
        self.assertEqual(len(self.table("mine.csv")), 30)
        self.done("--kaggle-file", "submission.csv")
        self.assertEqual(list(self.table("submission.csv")["Id"]), list(range(30)))
        self.done()
        self.assertFalse(list((self.runs / "run").glob("*kaggle*")))

    def test_default_networks(self):
        for self.script, name, file in (
            (train_ffnn, "higgs", "kaggle_predictions.csv"),
            (train_cnn, "cifar10", "submission.csv"),
        ):
            _, out = self.done("--dataset", name)
            self.assertRegex(out, rf"\n  {file} +predictions for submission, \d+ rows?\n")
            self.assertEqual(len(self.table(file)), 20)

    def test_names_that_are_refused(self):
        for name in ("a/b.csv", "../b.csv", "b.txt", "b", "", ".csv", "b.csv\n"):
            self.refused("file of predictions must be called NAME.csv", "--kaggle-file", name)
        for name in ("log.csv", "test_predictions.csv", "forecast.csv"):
            self.refused(f"'{name}' is another file of the run", "--kaggle-file", name)

    def test_losses_that_predict_no_classes(self):
        words = "Kaggle files hold classes, which l2 does not predict"
        higgs = ("--dataset", "higgs", "--loss", "l2")
        self.refused_later(words, *higgs, "--kaggle-file", "mine.csv")
        np.save(self.root / "new.npy", np.zeros((3, 28)))
        self.refused_later(words, *higgs, "--test-data", self.root / "new.npy")
        self.script = train_rnn
        waves = ("--epochs", 1, "--hidden", 2, "--batch-size", 2000)
        self.refused_later(words, *waves, "--kaggle-file", "mine.csv")

    def test_a_competition_that_was_not_asked_for(self):
        """A loss without classes writes no Kaggle file."""
        self.done("--dataset", "higgs", "--loss", "l2")
        self.assertFalse((self.runs / "run" / "kaggle_predictions.csv").exists())

    def test_without_a_test_set(self):
        self.refused("has no test set", "--dataset", "letters", "--kaggle-file", "mine.csv")


if __name__ == "__main__":
    unittest.main()
