"""Ids and class names in the files of predictions."""

import unittest

import numpy as np
import pandas as pd

import train_rnn
from neural_networks.datasets import Dataset, initialize_dataset
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.models import NeuralNetwork
from neural_networks.runs import load_run
from neural_networks.training.tables import prediction_table
from tests.support.scripts import FlagTest

KINDS = ["no", "yes, but", "maybe"]


class Passengers(FlagTest):
    """A table with Ids, and one of unlabeled rows whose Ids are words."""

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        kind = np.arange(60) % 3
        ages = 20.0 * kind + rng.normal(size=60)
        table = pd.DataFrame({"Passenger": np.arange(60), "age": ages, "fare": rng.random(60)})
        table["kind"] = np.array(KINDS)[kind]
        self.table = table
        self.path, self.new = self.root / "table.csv", self.root / "new.csv"
        table.to_csv(self.path, index=False)
        self.ids = [f"{i:03}" for i in range(7, 0, -1)]
        self.rows = pd.DataFrame(
            {"Ticket no": self.ids, "fare": 0.5, "age": [40.0] * 3 + [0.0] * 4}
        )
        self.rows.to_csv(self.new, index=False)
        data = (f"path={self.path}", "label=kind", "drop=Passenger")
        self.csv = ("--dataset", "csv", "--lr", 0.1, "--epochs", 20, "--data-args", *data)

    def file(self, name="kaggle_predictions.csv"):
        return pd.read_csv(self.runs / "run" / name, dtype=str)


class TestIds(Passengers):
    def test_of_a_column(self):
        self.done(*self.csv, "--test-data", self.new, "--id-column", "Ticket no")
        found = self.file()
        self.assertEqual(list(found), ["Ticket no", "Category"])
        self.assertEqual(list(found["Ticket no"]), self.ids)
        run = load_run(self.runs / "run")
        expected = [str(run.class_names.index(name)) for name in run.predict(self.new).classes]
        self.assertEqual(list(found["Category"]), expected)

    def test_from_another_number_on(self):
        self.done(*self.csv, "--test-data", self.new, "--first-id", 892)
        self.assertEqual(list(self.file()["Id"]), [str(i) for i in range(892, 899)])
        self.done("--first-id", 1)  # the test set of Iris
        self.assertEqual(list(self.file()["Id"]), [str(i) for i in range(1, 31)])
        self.assertEqual(list(self.file()), ["Id", "Category"])

    def test_forms_of_a_table(self):
        for text in (
            self.new.read_text().replace(",", ";"),
            self.new.read_text().replace(",", "\t"),
            "\ufeff" + self.new.read_text(),
            self.new.read_text().replace("Ticket no", '"Ticket no"').replace("007", ' "007" '),
        ):
            other = self.root / "other.csv"
            other.write_text(text, encoding="utf-8")
            with self.subTest(text[:20]):
                status, _, err = self.train(
                    *("--overwrite", "--name", "run", *self.csv),
                    *("--test-data", other, "--id-column", "Ticket no"),
                )
                self.assertEqual(status, 0, err)
                self.assertEqual(list(self.file()["Ticket no"]), self.ids)

    def refused_ids(self, pattern, column, ids=None):
        if ids is not None:
            self.rows.assign(**{column: ids}).to_csv(self.new, index=False)
        self.refused(pattern, *self.csv, "--test-data", self.new, "--id-column", column)

    def test_before_training(self):
        self.refused_ids("no column 'Ticket'; did you mean 'Ticket no'", "Ticket")
        self.refused_ids(
            r"new.csv, row 6, column 1 \(Ticket no\): the Id '7' occurs twice",
            "Ticket no",
            [7, 1, 2, 3, 7, 5, 6],
        )
        self.refused_ids(
            r"row 4, column 1 \(Ticket no\): .*empty", "Ticket no", [*"ab", "", *"defg"]
        )
        for flags, pattern in (
            (("--id-column", "age"), "--id-column names a column of --test-data"),
            (("--first-id", -1), "--first-id must be at least 0, got -1"),
            (("--first-id", 3, "--id-column", "age"), "not allowed with"),
            (("--first-id", 2.5), "--first-id: invalid int value"),
            (("--first-id", 1, "--dataset", "letters"), "letters"),
        ):
            self.refused(pattern, *flags)
        np.save(self.root / "new.npy", np.ones((3, 2)))
        npy = ("--test-data", self.root / "new.npy", "--id-column", "age")
        self.refused("new.npy has no column 'age': it is not a CSV file", *self.csv, *npy)

    def test_without_classes(self):
        self.script = train_rnn
        for flags in (("--first-id", 1), ("--id-column", "x")):
            self.refused("Kaggle files hold classes, which l2 does not predict", *flags)

    def test_in_python(self):
        dataset = initialize_dataset("iris", seed=0)
        for ids in (["a", "b"], [5, 3], np.array([1, 2])):
            other = dataset.to_predict(np.ones((2, 4)), ids, "Key")
            self.assertEqual((list(other.test_ids), other.id_column), (list(ids), "Key"))
        self.assertEqual(list(dataset.test_ids), list(range(30)))
        for ids, message in ((["a"], "2 examples, but 1 ids"), ([3, 3], "rows 1 and 2 are 3")):
            with self.assertRaisesRegex(ValueError, message):
                dataset.to_predict(np.ones((2, 4)), ids)


class TestNames(Passengers):
    def test_which_number_is_which_class(self):
        self.done(*self.csv, "--test-data", self.new)
        names = ["maybe", "no", "yes, but"]
        self.assertEqual(load_run(self.runs / "run").class_names, names)
        named, plain = self.file("predicted_classes.csv"), self.file()
        self.assertEqual(list(named), ["Id", "Category", "class"])
        pd.testing.assert_frame_equal(named[["Id", "Category"]], plain)
        self.assertEqual(list(named["class"]), ["maybe"] * 3 + ["no"] * 4)
        self.assertEqual([names[int(k)] for k in named["Category"]], list(named["class"]))
        test = self.file("test_predictions.csv")
        columns = ["Id", "label", "prediction", *(f"output_{i}" for i in range(3))]
        self.assertEqual(list(test), [*columns, "true_class", "predicted_class"])
        for number, name in (("label", "true_class"), ("prediction", "predicted_class")):
            self.assertEqual([names[int(k)] for k in test[number]], list(test[name]))

    def test_a_dataset_of_ones_own(self):
        """In Python, with and without names."""
        X, Y = np.random.default_rng(0).normal(size=(12, 2)), np.eye(2)[np.arange(12) % 2]
        output = {"name": "fully_connected", "activation": "softmax", "n_out": None}
        for i, names in enumerate((None, ["low", "high"])):
            dataset = Dataset(X, Y, 4, X, Y, X, Y, class_names=names, seed=0)
            logger = Logger(f"own{i}", {}, {}, save=True, save_dir=self.runs)
            model = NeuralNetwork(
                "cross_entropy", [output], {"name": "SGD", "lr": 0.1}, logger, seed=0
            )
            model.train(dataset, 1)
            model.test(dataset, save_predictions=True)
            model.test_kaggle(dataset.to_predict(X))
            found = {path.name for path in logger.folder.iterdir()}
            self.assertEqual("predicted_classes.csv" in found, names is not None)
            table = pd.read_csv(logger.folder / "test_predictions.csv")
            self.assertEqual("true_class" in table, names is not None)

    def test_steps_of_sequences(self):
        """A name for each step of each sequence, in the order of the other columns."""
        classes = np.array([[0, 1, 2], [2, 1, 0]])
        Y = np.eye(3)[classes].transpose(0, 2, 1)
        loss = initialize_loss("cross_entropy")
        table = prediction_table(loss, Y, Y[::-1], class_names=["x", "y", "z"])
        self.assertEqual(list(table["true_class"]), ["x", "y", "z", "z", "y", "x"])
        self.assertEqual(list(table["predicted_class"]), ["z", "y", "x", "x", "y", "z"])
        one = prediction_table(
            initialize_loss("binary_cross_entropy"),
            np.array([[0.0], [1]]),
            np.array([[0.5], [0.2]]),
            ["no", "yes"],
        )
        self.assertEqual(list(one["true_class"]), ["no", "yes"])
        self.assertEqual(list(one["predicted_class"]), ["yes", "no"])
        numbers = prediction_table(initialize_loss("l2"), np.ones((2, 1)), np.ones((2, 1)))
        self.assertEqual(list(numbers), ["Id", "label_0", "prediction_0"])


if __name__ == "__main__":
    unittest.main()
