"""data.json: the description of a run's data, there and back, and its mistakes."""

import json
import unittest

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import (
    Dataset,
    Preprocessing,
    Standardization,
    TargetScale,
    initialize_dataset,
)
from neural_networks.logs.data_description import DataDescription, read_data_description
from neural_networks.losses import initialize_loss
from neural_networks.runs import Predictions
from tests.support.arrays import InFolder


def describe(loss="cross_entropy", name="iris", **options):
    return DataDescription.of(initialize_loss(loss), initialize_dataset(name, **options))


class TestContent(unittest.TestCase):
    def test_rows(self):
        found = describe(dtype="float32").to_json()
        names = [f"sepal {what} (cm)" for what in ("length", "width")]
        names += [name.replace("sepal", "petal") for name in names]
        train = initialize_dataset("iris").preprocessing.standardization
        self.assertEqual(
            found,
            {
                "format": 2,
                "dataset": "iris",
                "example_shape": [4],
                "example_type": "float64",
                "features": names,
                "preprocessing": {
                    "dtype": "float32",
                    "standardization": {"mean": train.mean.tolist(), "std": train.std.tolist()},
                    "as_rows": False,
                },
                "loss": "cross_entropy",
                "outputs": "probabilities",
                "classes": ["setosa", "versicolor", "virginica"],
                "n_outputs": 3,
                "target_scale": None,
            },
        )

    def test_outputs(self):
        for loss, options, outputs, n_classes in (
            ("hinge", {}, "scores", 3),
            ("l2", {}, "numbers", None),
            ("huber", {"name": "sinewave"}, "numbers", None),
            ("cross_entropy", {"name": "digits", "images": True, "shift": 1}, "probabilities", 10),
        ):
            found = describe(loss, **options)
            self.assertEqual(found.outputs, outputs)
            self.assertEqual(found.classes and len(found.classes), n_classes)

    def test_classes_without_names(self):
        rng = np.random.default_rng(0)
        for k, loss in ((1, "binary_cross_entropy"), (3, "cross_entropy")):
            labels = np.eye(k)[rng.integers(k, size=8)]
            data = Dataset(rng.normal(size=(8, 2)), labels, 4)
            found = DataDescription.of(initialize_loss(loss), data)
            self.assertEqual(found.classes, ["0", "1", "2"][: max(k, 2)])
            self.assertIsNone(found.preprocessing)
            content = found.to_json()
            self.assertEqual(DataDescription.from_json(content, "x").to_json(), content)


class TestThereAndBack(InFolder):
    def test_every_digit_is_kept(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(50, 4)) * [1, 1e300, 1e-300, 3]
        mean, std = X[0] / 3, [1 / 3, 1e301, 1e-301, 0.1 + 0.2]
        whole = Preprocessing("float64", Standardization(mean, std))
        names = ["ä", '"', "", "c"]
        data = Dataset(X, np.ones((50, 1)), 5, preprocessing=whole, feature_names=names)
        found = DataDescription.of(initialize_loss("l2"), data)
        (self.root / "data.json").write_text(json.dumps(found.to_json()))
        again = read_data_description(self.root)
        self.assertEqual(again.to_json(), found.to_json())
        assert_array_equal(again.preprocessing(X), whole(X))
        self.assertEqual(again.example_shape, (4,))
        self.assertEqual(again.features, names)

    def test_none(self):
        self.assertIsNone(read_data_description(self.root))


class TestTargetScale(InFolder):
    """That of a regression, for its predictions."""

    def describe(self, k=1, **options):
        rng = np.random.default_rng(0)
        Y = rng.normal(2e5, 7e4, (50, k))
        data = Dataset(rng.normal(size=(50, 2)), Y, 5, target_scale=TargetScale.of(Y), **options)
        return DataDescription.of(initialize_loss("l2"), data)

    def write(self, content):
        (self.root / "data.json").write_text(json.dumps(content))
        return read_data_description(self.root)

    def test_every_digit_is_kept(self):
        for k in (1, 3):
            found = self.describe(k)
            again = self.write(found.to_json())
            self.assertEqual(again.to_json(), found.to_json())
            outputs = np.random.default_rng(1).normal(size=(9, k))
            in_units = found.target_scale.to_units(outputs)
            assert_array_equal(again.target_scale.to_units(outputs), in_units)
            predictions = Predictions.of(outputs, initialize_loss("l2"), again)
            assert_array_equal(predictions.outputs, in_units)

    def test_version_1_had_none(self):
        content = describe("l2").to_json()
        self.assertIsNone(content.pop("target_scale"))
        self.assertIsNone(self.write({**content, "format": 1}).target_scale)
        with self.assertRaisesRegex(ValueError, "it has no 'target_scale'"):
            self.write(content)

    def test_mistakes(self):
        content = self.describe(2).to_json()
        for scale, pattern in (
            ([1, 2], "'target_scale' must be a mapping, or null"),
            ({"mean": [1, 2]}, "target_scale has no 'spread'"),
            ({"mean": [1], "spread": [1]}, "a scale of 1 targets does not fit 2 outputs"),
            ({"mean": [1, 2], "spread": [1]}, "a number for each output"),
            ({"mean": [1, "x"], "spread": [1, 1]}, "mean must be a list of numbers"),
            ({"mean": [1, 2], "spread": [1, -1]}, "spread must not be negative"),
        ):
            with self.assertRaisesRegex(ValueError, rf"data\.json does not .*{pattern}"):
                self.write({**content, "target_scale": scale})
        classes = {**describe().to_json(), "target_scale": {"mean": [1] * 3, "spread": [1] * 3}}
        with self.assertRaisesRegex(ValueError, "does not fit 3 outputs that are probabilities"):
            self.write(classes)


class TestMistakes(InFolder):
    def setUp(self):
        super().setUp()
        self.content = json.loads(json.dumps(describe().to_json()))

    def refuse(self, pattern, content):
        (self.root / "data.json").write_text(json.dumps(content))
        with self.assertRaisesRegex(ValueError, rf"^[^\n]*data\.json {pattern}") as raised:
            read_data_description(self.root)
        self.assertNotIn("\n", str(raised.exception))

    def test_formats(self):
        for content in ([], None, {}, {**self.content, "format": "1"}, {"format": True}):
            self.refuse("does not describe the data of a run: it has no format", content)
        later = {**self.content, "format": 3}
        words = "was written by a later version: its format is 3, .* reads formats up to 2"
        self.refuse(words, later)

    def test_entries(self):
        wrong = "does not describe the data of a run: "
        for key in self.content:
            if key != "format":
                content = {k: v for k, v in self.content.items() if k != key}
                self.refuse(f"{wrong}it has no {key!r}", content)
                if key not in ("dataset", "loss"):
                    self.refuse(wrong, {**self.content, key: "x"})
                self.refuse(f"{wrong}{key!r} must be .*, got 1.5", {**self.content, key: 1.5})
        self.refuse(f"{wrong}it has an unknown entry 'mean'", {**self.content, "mean": 1})
        for key, value in (
            ("example_shape", []),
            ("example_shape", [4, 0]),
            ("example_type", "int64"),
            ("features", []),
            ("features", [1, 2]),
            ("outputs", "classes"),
            ("n_outputs", True),
        ):
            self.refuse(f"{wrong}{key!r} must be ", {**self.content, key: value})

    def test_entries_that_do_not_fit_each_other(self):
        for changes, pattern in (
            ({"n_outputs": 4}, "there are 3 names of classes for 4 outputs that are prob"),
            ({"outputs": "numbers"}, "there are 3 names of classes for 3 outputs that are numbers"),
            ({"classes": None}, "there are no names of classes for 3 outputs"),
            ({"example_shape": [5]}, r"means \(4,\) and deviations \(4,\) do not fit .*\(5,\)"),
        ):
            self.refuse(f".*{pattern}", {**self.content, **changes})

    def test_preprocessing(self):
        for changes, pattern in (
            ({"dtype": "int8"}, "dtype must be 'float32' or 'float64', got 'int8'"),
            ({"as_rows": 1}, "as_rows must be true or false, got 1"),
            ({"scale": 2}, "preprocessing has an unknown entry 'scale'"),
            ({"standardization": []}, "standardization must be a mapping"),
            ({"standardization": {"mean": [1]}}, "standardization has no 'std'"),
            ({"standardization": {"mean": ["x"], "std": [1]}}, "mean must be a list of numbers"),
            ({"standardization": {"mean": [1], "std": [[1], [1, 2]]}}, "std must be a list"),
            ({"standardization": {"mean": [1], "std": [float("inf")]}}, "Infinity is not a finite"),
        ):
            preprocessing = {**self.content["preprocessing"], **changes}
            self.refuse(f".*{pattern}", {**self.content, "preprocessing": preprocessing})


if __name__ == "__main__":
    unittest.main()
