"""Classes in a column of labels: missing words, and numbers written in several ways."""

import unittest

from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import train_ffnn
from neural_networks.datasets import initialize_dataset
from neural_networks.datasets.labels import find_classes
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

MISSING = ("NaN", "nan", "NAN", "-nan", "NA", "n/a", "N/A", "<NA>", "#N/A", "null", "NULL", "NaT")
MISSING = (*MISSING, "None", "?", "", "  ", " NaN ")


def classes(*cells):
    """The classes of labels as names, and the name of each label's class."""
    names, y = find_classes(cells, str)
    return names, [names[k] for k in y]


class TestNumbers(unittest.TestCase):
    def test_equal_numbers_are_one_class(self):
        for several, name in (
            (("1", "1.0", "1.", "01", "+1", "1e0", " 1 ", "10e-1"), "1"),
            (("0", "-0", "0.0", "0e5"), "0"),
            (("-2.50", "-2.5", "-25e-1"), "-2.5"),
            (("1e3", "1000", "1000.0"), "1e3"),
        ):
            with self.subTest(name):
                names, found = classes(*several, "77")
                self.assertEqual(set(names), {name, "77"})
                self.assertEqual(found, [name] * len(several) + ["77"])
        # Beside words, too.
        self.assertEqual(classes("1", "unknown", "1.0"), (["1", "unknown"], ["1", "unknown", "1"]))

    def test_the_order_is_that_of_the_numbers(self):
        self.assertEqual(
            classes("10", "9.0", "2", "9", "-1e1", "0.5")[0], ["-1e1", "0.5", "2", "9", "10"]
        )

    def test_numbers_that_differ_in_the_last_digit(self):
        """As float64, they would be equal."""
        for digits in ("12345678901234567890", "0.1000000000000000055511151231257827"):
            other = digits[:-1] + ("1" if digits[-1] != "1" else "2")
            self.assertEqual(len(classes(digits, other)[0]), 2)

    def test_words_that_only_look_alike(self):
        names, _ = classes("a", "A", "1_000", "1000", "x1", "inf", "1e999", "٣", "3")
        self.assertEqual(len(names), 9)

    def test_a_number_in_one_way_keeps_it(self):
        self.assertEqual(classes("1.0", "2.0", "1.0")[0], ["1.0", "2.0"])

    @given(st.lists(st.sampled_from(["1", "1.0", "2", "02", "b", "a", "b "]), min_size=1))
    def test_every_label_has_its_class(self, cells):
        names, y = find_classes(cells, str)
        self.assertEqual(sorted(set(y)), list(range(len(names))))
        meaning = {"1.0": "1", "02": "2", "b ": "b"}
        for i, one in enumerate(cells):
            for j, other in enumerate(cells):
                same = meaning.get(one, one) == meaning.get(other, other)
                self.assertEqual(y[i] == y[j], same)


class TestMissing(InFolder):
    def test_they_are_refused_with_their_place(self):
        for word in MISSING:
            for at in (0, 3):
                cells = ["a", "b", "c", "a", "b"]
                cells[at] = word
                with self.subTest(word), self.assertRaises(ValueError) as caught:
                    find_classes(cells, lambda i: f"place {i}")
                self.assertRegex(str(caught.exception), f"^place {at}: ")
                self.assertIn(word.strip() or "empty", str(caught.exception))

    def test_the_first_of_several_is_named(self):
        with self.assertRaisesRegex(ValueError, "^1: 'NA'"):
            find_classes(["a", "NA", "nan", "NA", ""], str)

    def test_words_that_are_not_missing(self):
        names = ["nano", "none", "null island", "no", "-", "NAN0", "unknown"]
        self.assertEqual(sorted(classes(*names)[0]), sorted(names))

    def write(self, kinds):
        lines = ["size,kind", *(f"{i},{kind}" for i, kind in enumerate(kinds))]
        self.file = self.root / "table.csv"
        self.file.write_text("\n".join(lines) + "\n")
        return ("--dataset", "csv", "--data-args", f"path={self.file}", "label=kind")

    def test_in_a_file(self):
        for word in MISSING:
            flags = self.write(["a", "b", "c"] * 7 + [word] * 3)
            with self.subTest(word):
                status, _, err = quietly(train_ffnn.main, *flags, "--experiments", self.root)
                self.assertEqual((status, err.count("\n")), (2, 1))
                self.assertIn("table.csv, row 23, column 2 (kind)", err)

    def test_the_classes_are_listed(self):
        kinds = ["setosa", "virginica", "versicolour"] * 20
        flags = (*self.write(kinds), "--epochs", 1, "--experiments", self.root)
        _, out, _ = quietly(train_ffnn.main, *flags)
        self.assertIn("\n3 classes: 0 = setosa, 1 = versicolour, 2 = virginica\n", out)
        flags = (*self.write([f"{i % 12}{'.0' * (i % 2)}" for i in range(240)]), *flags[5:])
        _, out, _ = quietly(train_ffnn.main, *flags)
        self.assertRegex(out, r"\n12 classes: 0, 1 = 1\.0, 2, .* and 2 more\n")

    def test_equal_numbers_in_a_file(self):
        self.write([("1", "1.0", "2", "2.0")[i % 4] for i in range(80)])
        dataset = initialize_dataset("csv", path=str(self.file), label="kind", seed=0)
        self.assertEqual((dataset.class_names, dataset.out_dim), (["1", "2"], 2))
        sizes = dataset.preprocessing.standardization.undo(dataset.train.data)[:, 0].round()
        assert_array_equal(dataset.train.labels.argmax(axis=1), sizes % 4 // 2)

    def test_rare_classes_are_listed_first(self):
        """A misspelled class is rare."""
        for counts in ({"a": 30, "b": 30, "bb": 1}, {f"k{i}": 4 for i in range(500)} | {"bb": 2}):
            flags = self.write([kind for kind, n in counts.items() for _ in range(n)])
            _, _, err = quietly(train_ffnn.main, *flags, "--experiments", self.root)
            self.assertRegex(err, r"column 'kind' has \d+ classes \(rows\): bb \([12]\), ")
            self.assertLess(len(err), 500)


if __name__ == "__main__":
    unittest.main()
