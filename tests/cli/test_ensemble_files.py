"""python -m neural_networks ensemble: averages and votes over files."""

import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from neural_networks.cli import ensemble
from neural_networks.cli.ensemble import agree, average, error_rate, majority_vote
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

ROOT = Path(__file__).resolve().parents[2]
FILE = "test_predictions.csv"


def predictions(*outputs, labels=(0, 1, 2), **others):
    """A test_predictions.csv of classes: a row of outputs for each example."""
    P = np.array(outputs)
    columns = {"Id": range(len(P)), "label": labels, "prediction": P.argmax(axis=1)} | others
    return pd.DataFrame(columns | {f"output_{i}": column for i, column in enumerate(P.T)})


def kaggle(*categories, ids=None):
    return pd.DataFrame({"Id": ids or range(len(categories)), "Category": categories})


FIRST = predictions([0.5, 0.25, 0.25], [0.75, 0.25, 0.0], [0.0, 0.5, 0.5])
SECOND = predictions([0.25, 0.75, 0.0], [0.25, 0.75, 0.0], [0.0, 0.25, 0.75])


class TestAverage(unittest.TestCase):
    def test_of_classes(self):
        # The first mean is (3, 4, 1) / 8, in the second there is a tie, the third is (0, 3, 5) / 8.
        expected = predictions([0.375, 0.5, 0.125], [0.5, 0.5, 0.0], [0.0, 0.375, 0.625])
        self.assertEqual(list(expected["prediction"]), [1, 0, 2])
        before = FIRST.copy(), SECOND.copy()
        pd.testing.assert_frame_equal(average([FIRST, SECOND]), expected)
        for table, copy in zip((FIRST, SECOND), before, strict=True):
            pd.testing.assert_frame_equal(table, copy)

    def test_of_three(self):
        result = average([FIRST, FIRST, SECOND])
        assert_allclose(result["output_0"], [1.25 / 3, 1.75 / 3, 0], rtol=1e-15)

    def test_of_one(self):
        pd.testing.assert_frame_equal(average([FIRST]), FIRST)

    def test_of_one_output(self):
        """The probability of class 1, predicted from 0.5 on."""
        columns = {"Id": [0, 1, 2], "label": [0, 1, 1], "prediction": [0, 0, 0]}
        tables = [
            pd.DataFrame({**columns, "output_0": values})
            for values in ([0.25, 0.75, 0.25], [0.5, 0.25, 0.875])
        ]
        result = average(tables)
        self.assertEqual(list(result["output_0"]), [0.375, 0.5, 0.5625])
        self.assertEqual(list(result["prediction"]), [0, 1, 1])
        self.assertEqual(result["prediction"].dtype, np.int64)

    def test_of_numbers(self):
        columns = {"Id": [0, 1], "label_0": [1.0, 2.0], "label_1": [0.0, 4.0]}
        tables = [
            pd.DataFrame({**columns, "prediction_0": first, "prediction_1": second})
            for first, second in (([1.0, 4.0], [2.0, 4.0]), ([3.0, 2.0], [0.0, 2.0]))
        ]
        result = average(tables)
        self.assertEqual(list(result), list(tables[0]))
        self.assertEqual(list(result["prediction_0"]), [2.0, 3.0])
        self.assertEqual(list(result["prediction_1"]), [1.0, 3.0])
        # Errors (1, 1) and (1, 1) of the average; (0, 2), (2, 0) and (2, 0), (0, -2) before.
        self.assertEqual([error_rate(table) for table in (*tables, result)], [2.0, 2.0, 1.0])

    def test_of_every_step(self):
        steps = {"step": [0, 1, 2]}
        result = average([FIRST.assign(**steps), SECOND.assign(**steps)])
        self.assertEqual(list(result["step"]), [0, 1, 2])
        with self.assertRaisesRegex(ValueError, "table 2 does not have the same examples"):
            average([FIRST.assign(**steps), SECOND.assign(step=[0, 1, 1])])

    def test_of_other_examples(self):
        others = {
            "labels": SECOND.assign(label=[0, 1, 1]),
            "Ids": SECOND.assign(Id=[0, 1, 3]),
            "order": SECOND.iloc[::-1],
            "fewer": SECOND.iloc[:2],
            "more columns": SECOND.assign(output_3=0.5),
            "fewer columns": SECOND.drop(columns="output_2"),
            "numbers": SECOND.rename(columns={"output_2": "prediction_2"}),
        }
        for what, table in others.items():
            for tables, number in (([FIRST, table], 2), ([FIRST, SECOND, table], 3)):
                words = f"table {number} does not have the same examples as table 1"
                with self.subTest(what), self.assertRaisesRegex(ValueError, words):
                    average(tables)

    def test_labels_of_float32_and_float64_are_the_same(self):
        labels = np.array([0.1, 1 / 3, 0.7])
        tables = [
            pd.DataFrame({"Id": range(3), "label_0": values, "prediction_0": 1.0})
            for values in (labels, labels.astype("float32"))
        ]
        self.assertEqual(list(average(tables)["prediction_0"]), [1.0, 1.0, 1.0])

    def test_how_far_labels_may_be_apart(self):
        for one, other, expected in (
            (0, 5e-7, True),
            (0, 1e-5, False),
            (1000, 1000.005, True),
            (1000, 1000.1, False),
        ):
            tables = (pd.DataFrame({"label_0": [value]}) for value in (one, other))
            self.assertIs(agree(*tables), expected, (one, other))

    def test_of_whole_numbers(self):
        table = predictions([0, 1, 0], [1, 0, 0], [0, 0, 1])
        self.assertEqual(table["output_0"].dtype, np.int64)
        self.assertEqual(list(average([table, FIRST])["output_0"]), [0.25, 0.875, 0])

    def test_labels_that_are_text(self):
        words = [FIRST.assign(label=["cat", "dog", name]) for name in ("cow", "hen")]
        self.assertEqual(list(average([words[0]] * 2)["label"]), ["cat", "dog", "cow"])
        with self.assertRaisesRegex(ValueError, "table 2 does not have the same examples"):
            average(words)

    def test_large_ids_are_told_apart(self):
        one, other = (FIRST.assign(Id=[0, 1, last]) for last in (200_000, 200_001))
        with self.assertRaisesRegex(ValueError, "table 2 does not have the same examples"):
            average([one, other])

    def test_of_no_rows_and_of_labels_that_are_missing(self):
        with self.assertRaisesRegex(ValueError, "no predictions to average"):
            average([FIRST.iloc[:0]])
        gap = FIRST.assign(label=[0, np.nan, 2])
        self.assertEqual(error_rate(average([gap, gap])), 2 / 3)

    def test_of_empty_cells(self):
        for name in ("output_0", "output_2"):
            with self.assertRaisesRegex(ValueError, f"column {name} of table 2 must hold numbers"):
                average([FIRST, SECOND.assign(**{name: [0.5, np.nan, 0.5]})])

    def test_of_files_without_outputs(self):
        with self.assertRaisesRegex(ValueError, "no columns output_0 ... or prediction_0"):
            average([FIRST[["Id", "label", "prediction"]]])

    def test_error_of_labels_that_are_text(self):
        """Names are never equal to numbers: the error would be 100%."""
        words = FIRST.assign(label=["cat", "dog", "cow"])
        for table in (words, FIRST.assign(prediction=["cat", "dog", "cow"])):
            with self.assertRaisesRegex(ValueError, "must both be numbers .* got .*cat"):
                error_rate(table)
        self.assertEqual(error_rate(words.assign(prediction=["cat", "dog", "dog"])), 1 / 3)
        numbers = pd.DataFrame({"label_0": [1.0, 2.0], "prediction_0": [1.0, 4.0]})
        self.assertEqual(error_rate(numbers), 2)
        for name in numbers:
            with self.assertRaisesRegex(ValueError, f"column {name} must hold numbers, got much"):
                error_rate(numbers.assign(**{name: ["much", "more"]}))
        with self.assertRaisesRegex(ValueError, "for each label_0"):
            error_rate(numbers.assign(prediction_1=0.0))

    def test_error_of_classes(self):
        self.assertAlmostEqual(error_rate(FIRST), 2 / 3)
        self.assertAlmostEqual(error_rate(SECOND), 1 / 3)


class TestNames(unittest.TestCase):
    """Tables with the names of the classes in their last columns."""

    NAMES = np.array(["cat", "dog", "cow"])

    def named(self, table, names=NAMES):
        columns = {"true_class": names[table["label"]]}
        return table.assign(**columns, predicted_class=names[table["prediction"]])

    def test_the_average_has_the_name_of_its_class(self):
        expected = self.named(average([FIRST, SECOND]))
        pd.testing.assert_frame_equal(average([self.named(FIRST), self.named(SECOND)]), expected)
        self.assertEqual(list(expected["predicted_class"]), ["dog", "cat", "cow"])

    def test_a_class_that_only_the_average_predicts(self):
        """Its name is that of a label; without one, its number."""
        outputs = [[0.5, 0.4, 0.1]], [[0.1, 0.4, 0.5]]
        for label, name in ((1, "dog"), (0, "1")):
            tables = [self.named(predictions(*rows, labels=[label])) for rows in outputs]
            self.assertEqual(list(average(tables)["predicted_class"]), [name])

    def test_predictions_that_are_names(self):
        tables = [
            table.assign(prediction=self.NAMES[table["prediction"]]) for table in (FIRST, SECOND)
        ]
        self.assertEqual(list(average(tables)["prediction"]), ["dog", "cat", "cow"])

    def test_runs_with_other_numbers_for_the_classes(self):
        other = self.named(SECOND, self.NAMES[::-1]).assign(true_class=self.NAMES[[0, 1, 2]])
        with self.assertRaisesRegex(
            ValueError, "class 2 is called 'cat' in table 2, and 'cow' bef"
        ):
            average([self.named(FIRST), other])

    def test_of_one_output(self):
        table = pd.DataFrame({"Id": [0, 1], "label": [0, 1], "prediction": [1, 1]})
        table = self.named(table.assign(output_0=[0.5, 0.75]))
        low = self.named(table.assign(output_0=[0.25, 0.3], prediction=[0, 0])[table.columns[:4]])
        self.assertEqual(list(average([table, low])["predicted_class"]), ["cat", "dog"])


class TestVote(unittest.TestCase):
    def categories(self, *tables):
        return list(majority_vote(tables)["Category"])

    def test_of_three(self):
        result = majority_vote([kaggle(1, 2, 3), kaggle(4, 2, 5), kaggle(4, 7, 5)])
        pd.testing.assert_frame_equal(result, kaggle(4, 2, 5))

    def test_ties_go_to_the_first_table_that_is_in_them(self):
        self.assertEqual(self.categories(kaggle(9, 1), kaggle(2, 5)), [9, 1])
        self.assertEqual(self.categories(kaggle(2, 5), kaggle(9, 1)), [2, 5])
        self.assertEqual(self.categories(kaggle(9), kaggle(3), kaggle(1)), [9])
        four = kaggle(3), kaggle(1), kaggle(1), kaggle(3)
        self.assertEqual(self.categories(*four), [3])
        self.assertEqual(self.categories(*four[1:], kaggle(8)), [1])
        self.assertEqual(self.categories(kaggle(8), *four), [3])

    def test_ids_in_another_order(self):
        first = kaggle(1, 2, 3, ids=[7, 5, 9])
        second = kaggle(4, 6, 2, ids=[9, 7, 5])
        third = kaggle(6, 2, 4, ids=[7, 5, 9])
        expected = kaggle(6, 2, 4, ids=[7, 5, 9])
        pd.testing.assert_frame_equal(majority_vote([first, second, third]), expected)

    def test_categories_that_are_words(self):
        tables = [kaggle("cat", "dog"), kaggle("cow", "dog"), kaggle("cow", "cat")]
        self.assertEqual(self.categories(*tables), ["cow", "dog"])

    def test_numbers_and_words(self):
        """They never agree: the first table would win each vote."""
        with self.assertRaisesRegex(ValueError, "such as 1, table 3 such as cat"):
            majority_vote([kaggle(1, 2), kaggle(1, 1), kaggle("cat", "dog")])
        with self.assertRaisesRegex(ValueError, "such as cat, table 2 such as 1.5"):
            majority_vote([kaggle("cat", "dog"), kaggle(1.5, 2)])

    def test_ids_of_another_name(self):
        tables = [kaggle(1, 2, ids=["x", "y"]), kaggle(2, 1, ids=["y", "x"])]
        tables[0] = tables[0].rename(columns={"Id": "PassengerId"})
        result = majority_vote(tables)
        pd.testing.assert_frame_equal(result, tables[0])

    def test_other_ids(self):
        good = kaggle(1, 2)
        for what, ids in (("another", [0, 2]), ("twice", [0, 0]), ("fewer", [0]), ("more", 3)):
            table = kaggle(1, 1, 1) if ids == 3 else kaggle(*ids, ids=ids)
            with self.subTest(what):
                for tables, number in (((good, table), 2), ((good, good, table), 3)):
                    ending = (
                        "has an Id twice" if what == "twice" else "does not have the Ids of table 1"
                    )
                    words = f"^table {number} {ending}"
                    with self.assertRaisesRegex(ValueError, words):
                        majority_vote(tables)
        with self.assertRaisesRegex(ValueError, "^table 2 has a row without a Category"):
            majority_vote([good, kaggle(1, np.nan)])
        with self.assertRaisesRegex(ValueError, "^table 1 has an Id twice"):
            majority_vote([kaggle(1, 2, ids=[4, 4])])

    def test_missing_columns(self):
        for column in ("Id", "Category"):
            table = kaggle(1, 2).drop(columns=column)
            with self.assertRaisesRegex(ValueError, "table 2 has no columns Id and Category: "):
                majority_vote([kaggle(1, 2), table])


class TestCommand(InFolder):
    def setUp(self):
        super().setUp()
        for name, table in (("first", FIRST), ("second one", SECOND)):
            (self.root / name).mkdir()
            table.to_csv(self.root / name / FILE, index=False)
        self.runs = self.root / "first", self.root / "second one"
        self.files = [self.root / f"{name}.csv" for name in "abc"]
        for path, table in zip(
            self.files, (kaggle(1, 2, 3), kaggle(4, 2, 5), kaggle(4, 7, 5)), strict=True
        ):
            table.to_csv(path, index=False)
        self.output = self.root / "out.csv"

    def test_average(self):
        status, out, err = quietly(ensemble.main, "average", *self.runs, "--output", self.output)
        self.assertEqual((status, err), (0, ""))
        # Wrong are the predictions of two examples, of one, and of two again.
        first, second, both, written = out.splitlines()
        self.assertRegex(first, r"/first +  test error 0.6667$")
        self.assertRegex(second, r"/second one  test error 0.3333$")
        self.assertRegex(both, r"^average +  test error 0.6667$")
        self.assertEqual(
            {line.index("test error") for line in (first, second, both)}, {len(second) - 17}
        )
        self.assertEqual(written, f"Written: {self.output}")
        pd.testing.assert_frame_equal(pd.read_csv(self.output), average([FIRST, SECOND]))

    def test_vote_as_a_process(self):
        command = [sys.executable, "-m", "neural_networks", "ensemble", "vote", *self.files]
        command += ["--output", self.output]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        *changes, written = done.stdout.splitlines()
        expected = [("a", 2), ("b", 0), ("c", 1)]
        lines = [f"{self.root / name}.csv: {n} of 3 outvoted" for name, n in expected]
        self.assertEqual((changes, done.stderr), (lines, ""))
        self.assertEqual(written, f"Written: {self.output}")
        self.assertEqual(self.output.read_text(), "Id,Category\n0,4\n1,2\n2,5\n")

    def test_vote_of_files_in_another_order(self):
        kaggle(5, 7, 4, ids=[2, 1, 0]).to_csv(self.files[2], index=False)
        _, out, _ = quietly(ensemble.main, "vote", *self.files)
        counts = [line.split(": ")[1] for line in out.splitlines()]
        self.assertEqual(counts, [f"{n} of 3 outvoted" for n in (2, 0, 1)])

    def test_without_output_nothing_is_written(self):
        before = sorted(self.root.rglob("*"))
        status, out, _ = quietly(ensemble.main, "average", *self.runs)
        self.assertEqual((status, out.count("\n")), (0, 3))
        self.assertNotIn("Written", out)
        self.assertEqual(quietly(ensemble.main, "vote", *self.files)[0], 0)
        self.assertEqual(sorted(self.root.rglob("*")), before)

    def refused(self, words, *arguments):
        status, _, err = quietly(ensemble.main, *arguments)
        self.assertEqual((status, err.count("\n")), (2, 1), err)
        self.assertRegex(err, words)
        self.assertNotIn("Traceback", err)

    def test_mistakes(self):
        empty = self.root / "empty.csv"
        empty.touch()
        (self.root / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
        for words, *arguments in (
            ("there is no file .*test_predictions.csv", "average", self.root / "nowhere"),
            ("there is no file .*test_predictions.csv", "average", self.runs[0], self.root),
            ("there is no file .*none.csv", "vote", self.root / "none.csv"),
            ("table 2 has no columns Id", "vote", self.files[0], self.runs[0] / FILE),
            ("empty.csv is not a CSV file", "vote", empty),
            ("binary.csv is not a CSV file", "vote", self.root / "binary.csv"),
            ("there is no file .*first", "vote", self.root / "first"),
            ("", "average"),
            ("", "elect", self.files[0]),
            ("", "vote", self.files[0], "--outputs", self.output),
        ):
            with self.subTest(arguments=arguments):
                self.refused(f"(?i)error: .*{words}", *arguments, "--output", self.output)
                self.assertFalse(self.output.exists())

    def test_a_file_with_uneven_rows(self):
        self.files[0].write_text("Id,Category\n0,1\n1,2,3\n")
        self.refused("error: .*a.csv is not a CSV file: ", "vote", *self.files)

    def test_outputs_that_are_no_numbers(self):
        FIRST.assign(output_1="none").to_csv(self.runs[0] / FILE, index=False)
        self.refused("error: .*output_1", "average", self.runs[0])

    def test_a_file_without_labels(self):
        FIRST.drop(columns="label").to_csv(self.runs[0] / FILE, index=False)
        self.refused("error: .*no .*label", "average", self.runs[0])

    def test_losses_of_the_runs(self):
        """A folder without a known loss fits any other."""
        configs = [folder / "config.json" for folder in self.runs]
        configs[0].write_text('{"model": {"loss": "l2"}}')
        for text in (None, "", "[]", "{}", '{"model": 3}', '{"model": {"loss": "l2"}}'):
            if text is not None:
                configs[1].write_text(text)
            status, out, err = quietly(ensemble.main, "average", *self.runs)
            self.assertEqual((status, out.count("\n"), err), (0, 3, ""), text)
        configs[1].write_text('{"model": {"loss": "hinge"}}')
        words = "error: runs with different losses have no average: hinge, l2$"
        self.refused(words, "average", *self.runs)

    def test_no_command(self):
        self.refused("error: .*required: average|vote")

    def test_other_examples(self):
        SECOND.assign(label=[1, 1, 1]).to_csv(self.runs[1] / FILE, index=False)
        self.refused("error: table 2 does not have the same", "average", *self.runs)

    def test_output_that_cannot_be_written(self):
        nowhere = self.root / "nowhere" / "out.csv"
        self.refused("no folder for .*nowhere/out.csv", "vote", *self.files, "--output", nowhere)

    def test_a_file_appears_whole_or_not_at_all(self):
        def half(table, path, **options):
            Path(path).write_text("Id,Cat")
            raise OSError(28, "No space left on device")

        self.output.write_text("of another day")
        before = sorted(self.root.rglob("*"))
        with mock.patch.object(pd.DataFrame, "to_csv", half):
            self.refused("No space left", "vote", *self.files, "--output", self.output)
        self.assertEqual(sorted(self.root.rglob("*")), before)
        self.assertEqual(self.output.read_text(), "of another day")

    def test_help(self):
        status, out, _ = quietly(ensemble.main, "--help")
        self.assertEqual(status, 0)
        for words in ("average", "vote", "experiments/iris*"):
            self.assertIn(words, out)


if __name__ == "__main__":
    unittest.main()
