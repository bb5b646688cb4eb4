"""Numbers to be predicted: a table of houses from the command line to predictions in dollars."""

import csv
import io
import json
import unittest

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression

import train_rnn
from neural_networks.cli import draw, predict
from neural_networks.datasets import initialize_dataset, load_csv
from neural_networks.runs import load_run
from tests.support.scripts import ScriptTest, quietly

NAMES = ["area", "rooms", "age", "price"]


def houses(n=400, seed=0):
    """Areas in m², rooms, ages in years, and prices of about 200,000 dollars."""
    rng = np.random.default_rng(seed)
    area, age = rng.gamma(9, 15, n).round(1), rng.uniform(0, 90, n).round(1)
    rooms = np.clip((area / 30 + rng.normal(0, 1, n)).round(), 1, None)
    price = 45_000 + 1150 * area + 9000 * rooms - 600 * age + rng.normal(0, 20_000, n)
    return np.column_stack([area, rooms, age, price.round()])


class RegressionTest(ScriptTest):
    def setUp(self):
        super().setUp()
        self.file = self.root / "houses.csv"

    def write(self, rows, names=NAMES):
        lines = [",".join(map(repr, row)) for row in rows.tolist()]
        self.file.write_text("\n".join([",".join(names), *lines]) + "\n")

    def start(self, *flags, label="price", pairs=()):
        """Train on the table: the run's folder and the printed text."""
        pairs = (f"path={self.file}", f"label={label}", "regression=true", *pairs)
        arguments = ("--dataset", "csv", "--data-args", *pairs, "--overwrite", *flags)
        status, out, err = self.train("--name", "run", *arguments)
        self.assertEqual((status, err), (0, ""))
        return self.runs / "run", out

    def scores(self, folder):
        return json.loads((folder / "test.json").read_text())

    def linear_r2(self, label="price"):
        """R² of scikit-learn's linear regression, on the same rows."""
        parts = load_csv(str(self.file), label, regression=True)
        model = LinearRegression().fit(parts["training_set"], parts["training_labels"])
        return model.score(parts["test_set"], parts["test_labels"])


class TestDefaultTraining(RegressionTest):
    def test_as_good_as_a_linear_regression_in_any_units(self):
        rows = houses()
        for factor, offset in ((1, 0), (1e-3, 0), (1e-12, 0), (0.01, -5000), (1e6, 1e9)):
            with self.subTest(factor=factor, offset=offset):
                changed = rows.copy()
                changed[:, 3] = changed[:, 3] * factor + offset
                self.write(changed)
                folder, _ = self.start()
                found = self.scores(folder)
                self.assertGreater(found["r2"], self.linear_r2() - 0.03)
                self.assertLess(found["rmse"], 0.4 * found["rmse_of_mean"])

    def test_relations_that_are_not_linear(self):
        rng = np.random.default_rng(1)
        x = rng.uniform(-2, 2, (600, 1))
        self.write(np.hstack([x, 2e5 + 5e4 * x**2]), ["x", "y"])
        folder, _ = self.start(label="y")
        self.assertLess(self.linear_r2("y"), 0.1)
        self.assertGreater(self.scores(folder)["r2"], 0.9)

    def test_float64_and_other_losses(self):
        self.write(houses())
        for flags in (("--dtype", "float64"), ("--loss", "huber"), ("--loss", "l2")):
            folder, _ = self.start(*flags)
            self.assertGreater(self.scores(folder)["r2"], 0.8)

    def test_targets_that_do_not_vary(self):
        rows = houses(60)
        for price in (250_000.0, 0.0):
            rows[:, 3] = price
            self.write(rows)
            folder, out = self.start("--epochs", 60)
            self.assertNotIn("r2", self.scores(folder))
            found = pd.read_csv(folder / "test_predictions.csv")["prediction_0"]
            assert_allclose(found, price, atol=0.1)
            self.assertRegex(out, r"\nRMSE \S+; always predicting the mean: RMSE 0\n")

    def test_unscaled_on_request(self):
        rows = houses()
        rows[:, 3] /= 1e5
        self.write(rows)
        folder, out = self.start(pairs=["scale_target=false"])
        found = self.scores(folder)
        self.assertAlmostEqual(found["rmse"], np.sqrt(found["error"]), 6)
        self.assertNotIn("standardized", out)
        self.assertIsNone(json.loads((folder / "data.json").read_text())["target_scale"])


class TestDefaultLoss(RegressionTest):
    def setUp(self):
        super().setUp()
        self.write(houses(80))

    def loss(self, *flags):
        """The loss, the output activation and the data of a run, and what it says of the change."""
        folder, out = self.start("--epochs", 1, *flags)
        config = json.loads((folder / "config.json").read_text())
        output = config["model"]["layer_args"][-1]["activation"]
        changes = [line for line in out.splitlines() if line.startswith("Because of ")]
        return config["model"]["loss"], output, config["data"], changes

    def test_squared_error(self):
        reason = "Because of labels that are numbers: loss l2"
        *found, data, changes = self.loss()
        self.assertEqual(found, ["l2", "linear"])
        self.assertEqual(changes, [f"{reason}, output activation linear"])
        self.assertEqual(data["regression"], True)
        *found, _, changes = self.loss("--network", "two_layer_net")
        self.assertEqual((found, changes), (["l2", "linear"], [reason]))
        for preset in ("higgs", "letters"):  # with labels in one column, and softened ones
            *found, data, _ = self.loss("--preset", preset)
            self.assertEqual(found, ["l2", "linear"])
            self.assertFalse({"binary_labels", "label_smoothing"} & set(data))

    def test_a_loss_that_was_typed(self):
        *found, _, changes = self.loss("--loss", "huber")
        self.assertEqual(found, ["huber", "linear"])
        self.assertEqual(changes, ["Because of --loss huber: output activation linear"])
        for loss in ("cross_entropy", "binary_cross_entropy", "hinge"):
            pairs = (f"path={self.file}", "label=price", "regression=true")
            arguments = ("--loss", loss, "--dataset", "csv", "--data-args", *pairs)
            status, out, err = self.train("--name", "refused", *arguments)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertRegex(err, "classes|losses for such labels: l2, huber")
            self.assertFalse((self.runs / "refused").exists())

    def test_the_config_of_a_run(self):
        folder, _ = self.start("--epochs", 2, "--loss", "huber")
        log = (folder / "log.csv").read_bytes()
        status, out, err = self.train("--config", folder / "config.json", "--name", "again")
        self.assertEqual((status, err), (0, ""))
        self.assertNotIn("Because", out)
        self.assertEqual((self.runs / "again" / "log.csv").read_bytes(), log)
        # That of a run with classes.
        self.train("--name", "iris", "--epochs", 1)
        *found, _, _ = self.loss("--config", self.runs / "iris" / "config.json")
        self.assertEqual(found, ["l2", "linear"])

    def test_sine_waves(self):
        """Their labels are numbers, too; they are not standardized."""
        arguments = ("--dataset", "sinewave", "--data-args", "every_step=true", "window=5")
        status, out, err = self.train("--epochs", 1, "--batch-size", 500, *arguments)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("Because of labels that are numbers: loss l2", out)
        self.assertNotIn("standardized", out)

    def test_classes_keep_their_loss(self):
        status, out, _ = self.train("--epochs", 1, "--name", "iris")
        self.assertEqual(status, 0)
        self.assertNotIn("Because", out)
        self.assertEqual(self.config("iris")["model"]["loss"], "cross_entropy")


class TestPrintedScores(RegressionTest):
    def test_numbers(self):
        self.write(houses())
        folder, out = self.start()
        found = self.scores(folder)
        rows = pd.read_csv(folder / "test_predictions.csv")
        squares = (rows["label_0"] - rows["prediction_0"]) ** 2
        self.assertAlmostEqual(found["rmse"], np.sqrt(squares.mean()), 6)
        rmse, of_mean = (f"{float(f'{found[key]:.4g}'):,.0f}" for key in ("rmse", "rmse_of_mean"))
        error = f"{found['error']:.3g}"
        line = f"RMSE {rmse}, R² {found['r2']:.4f}; always predicting the mean: RMSE {of_mean}"
        first = f"Test: loss {error}, mean squared error {error}, of standardized targets"
        self.assertIn(f"\n{first}\n{line}\n\n", out)
        y = load_csv(str(self.file), "price", regression=True)["training_labels"]
        mean, spread = (f"{float(f'{value:.4g}'):,.0f}" for value in (y.mean(), y.std()))
        line = f"Targets: standardized; mean {mean}, standard deviation {spread}"
        self.assertIn(f"\n{line}\n", out)

    def test_sine_waves(self):
        self.script = train_rnn
        arguments = ("--epochs", 1, "--hidden", 2, "--batch-size", 2000, "--window", 8)
        _, out, _ = self.train(*arguments)
        self.assertRegex(out, r"\nTest: loss \S+, mean squared error \S+\nRMSE \S+, R² \S+; always")

    def test_few_classes(self):
        _, out, _ = self.train("--epochs", 2, "--name", "iris")
        rows = pd.read_csv(self.runs / "iris" / "test_scores.csv")
        lines = out.splitlines()
        start = lines.index("Always predicting the most frequent class: accuracy 33.3%")
        self.assertRegex(lines[start - 1], r"^Test: loss [\d.]+, accuracy ")
        self.assertEqual(lines[start + 1].split(), ["class", "examples", "precision", "recall"])
        for i, line in enumerate(lines[start + 2 : start + 5]):
            name, n, precision, recall = line.split()
            self.assertEqual((name, int(n)), (rows["class"][i], rows["examples"][i]))
            for cell, value in ((precision, rows["precision"][i]), (recall, rows["recall"][i])):
                expected = "-" if np.isnan(value) else f"{100 * value:.1f}%"
                self.assertEqual(cell, expected)
        self.assertEqual(lines[start + 5], "")

    def test_worst_of_many_classes(self):
        _, out, _ = self.train("--dataset", "digits", "--epochs", 2, "--name", "digits")
        rows = pd.read_csv(self.runs / "digits" / "test_scores.csv")
        worst = rows.sort_values("f1", kind="stable")["class"][:5]
        lines = out.splitlines()
        start = next(i for i, line in enumerate(lines) if "worst of 10 classes" in line)
        found = [line.split()[0] for line in lines[start + 1 : start + 6]]
        self.assertEqual(found, list(map(str, worst)))
        self.assertEqual(lines[start + 6], "")

    def test_rare_classes_and_the_majority(self):
        """19 of 20 rows are of one class, which a network easily predicts for all of them."""
        rng = np.random.default_rng(0)
        kinds = ["usual", "rare"]
        lines = [f"{x!r},{kinds[i % 20 == 0]}" for i, x in enumerate(rng.normal(size=400).tolist())]
        self.file.write_text("\n".join(["x,kind", *lines]) + "\n")
        pairs = (f"path={self.file}", "label=kind")
        arguments = ("--dataset", "csv", "--data-args", *pairs, "--name", "run", "--epochs", 3)
        status, out, err = self.train(*arguments)
        self.assertEqual((status, err), (0, ""))
        accuracy = r"accuracy 95\.0%"
        self.assertRegex(out, rf"\nTest: .*{accuracy} .*\nAlways predicting .*: {accuracy}\n")
        self.assertRegex(out, r"\n  rare +4 +- +0\.0%\n")
        self.assertEqual(self.scores(self.runs / "run")["majority_accuracy"], 0.95)

    def test_long_names(self):
        long = "a kind with a name that does not fit into a line of the table at all"
        lines = [f"{i % 4},{(long, 'b')[i * 7 % 5 > 2]}" for i in range(60)]
        self.file.write_text("\n".join(["x,kind", *lines]) + "\n")
        pairs = (f"path={self.file}", "label=kind")
        _, out, _ = self.train("--dataset", "csv", "--data-args", *pairs, "--epochs", 1)
        self.assertIn("\n  a kind with a name that…  ", out)
        self.assertLess(max(len(line) for line in out.splitlines() if "…" in line), 70)


class TestPredictions(RegressionTest):
    """In dollars: of the run's own test rows, to the last digit."""

    def setUp(self):
        super().setUp()
        self.write(houses())
        self.folder, _ = self.start("--epochs", 5)
        self.raw = load_csv(str(self.file), "price", regression=True)
        with (self.folder / "test_predictions.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.labels, self.expected = (
            np.array([float(row[key]) for row in rows]) for key in ("label_0", "prediction_0")
        )

    def test_labels(self):
        assert_array_equal(self.labels, self.raw["test_labels"][:, 0])

    def test_in_python(self):
        self.file.unlink()
        run = load_run(self.folder)
        found = run.predict(self.raw["test_set"])
        assert_array_equal(found.outputs[:, 0], self.expected)
        frame = pd.DataFrame(self.raw["test_set"][:, ::-1], columns=NAMES[2::-1])
        assert_array_equal(run.predict(frame).table()["prediction_0"], self.expected)
        self.assertGreater(self.expected.min(), 1000)

    def test_by_command(self):
        new = self.root / "new.csv"
        rows = self.raw["test_set"].tolist()
        new.write_text("\n".join([",".join(NAMES[:3]), *(",".join(map(repr, r)) for r in rows)]))
        status, out, err = quietly(predict.main, self.folder, new)
        self.assertEqual((status, err), (0, f"80 rows predicted by {self.folder}\n"))
        found = [float(row["prediction_0"]) for row in csv.DictReader(io.StringIO(out))]
        assert_array_equal(found, self.expected)

    def test_scale_of_the_training_set_in_the_folder(self):
        y = self.raw["training_labels"]
        content = json.loads((self.folder / "data.json").read_text())["target_scale"]
        assert_allclose(content["mean"], y.mean(axis=0))
        assert_allclose(content["spread"], y.std(axis=0))

    def test_the_same_dataset_in_python(self):
        options = {"path": str(self.file), "label": "price", "regression": True}
        dataset = initialize_dataset("csv", dtype="float32", **options)
        model = load_run(self.folder).model
        Y_hat, _ = model.predict(dataset.test.data, None)
        assert_allclose(dataset.target_scale.to_units(Y_hat)[:, 0], self.expected, rtol=1e-6)
        results = model.test(dataset)
        for key, value in self.scores(self.folder).items():
            assert_allclose(results[key], value, rtol=1e-6)


class TestUnlabeledExamples(RegressionTest):
    def test_the_command_that_predicts_them(self):
        self.write(houses(60))
        self.file.with_name("new.csv").write_text("area,rooms,age\n100,3,20\n")
        pairs = (f"path={self.file}", "label=price", "regression=true")
        arguments = (
            "--dataset",
            "csv",
            "--test-data",
            self.root / "new.csv",
            "--data-args",
            *pairs,
        )
        status, out, err = self.train(*arguments)
        self.assertEqual((status, out), (2, ""))
        self.assertRegex(err, r"l2 does not predict \(python -m neural_networks predict RUN FILE ")
        self.assertFalse(self.runs.exists())


class TestPicture(RegressionTest):
    pictures = True

    def test_drawn_anew(self):
        self.write(houses(100))
        folder, out = self.start("--epochs", 2)
        self.assertIn("\n  predictions.png ", out)
        self.assertFalse((folder / "confusion_matrix.png").exists())
        before = {path.name: path.read_bytes() for path in folder.glob("*.png")}
        self.assertEqual(set(before), {"loss.png", "error.png", "predictions.png"})
        for name in before:
            (folder / name).unlink()
        status, _, err = quietly(draw.main, folder)
        self.assertEqual((status, err), (0, ""))
        for name, content in before.items():
            self.assertEqual((folder / name).read_bytes(), content, name)


if __name__ == "__main__":
    unittest.main()
