"""python -m neural_networks predict: the table, the flags, mistakes, pipes."""

import csv
import io
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from neural_networks.cli.predict import main
from neural_networks.datasets import load_csv, load_digits, load_iris
from neural_networks.runs import load_run
from tests.runs.trained import COLORS, TrainedRuns, own_outputs, write_colors
from tests.support.scripts import quietly

ROOT = Path(__file__).resolve().parents[2]


class PredictTest(TrainedRuns):
    def predict(self, *arguments):
        """The lines of the table, each a dictionary, and standard error."""
        status, out, err = quietly(main, *arguments)
        self.assertEqual(status, 0, err)
        return list(csv.DictReader(io.StringIO(out))), err

    def refuse(self, pattern, *arguments):
        status, out, err = quietly(main, *arguments)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertRegex(err, f"^python -m neural_networks predict: error: .*{pattern}")


class TestTable(PredictTest):
    def test_own_table_that_is_gone(self):
        path = self.root / "colors.csv"
        write_colors(path)
        pairs = (f"path={path}", "label=color", "drop=number")
        run = self.train("ffnn", "--dataset", "csv", "--lr", 0.2, "--data-args", *pairs)
        numbers = load_csv(str(path), "color")["test_set"][:, 0].astype(int)
        lines = path.read_text().splitlines()
        path.unlink()
        new = self.root / "new.csv"
        new.write_text("\n".join([lines[0], *(lines[number + 1] for number in numbers)]))
        rows, err = self.predict(run, new)
        outputs, classes = own_outputs(run)
        names = sorted(COLORS)
        self.assertEqual([row["class"] for row in rows], [names[i] for i in classes])
        self.assertEqual([int(row["row"]) for row in rows], list(range(1, len(rows) + 1)))
        self.assertEqual(list(rows[0]), ["row", "class", *(f"probability_{n}" for n in names)])
        found = [[float(row[f"probability_{name}"]) for name in names] for row in rows]
        np.testing.assert_array_equal(np.float32(found), outputs)
        self.assertEqual(err, f"12 rows predicted by {run}\n")

    def test_images(self):
        run = self.train("cnn", "--filters", 1, "--batch-size", 200)
        np.save(self.root / "new.npy", load_digits(images=True)["test_set"])
        rows, _ = self.predict(run, self.root / "new.npy")
        self.assertEqual([int(row["class"]) for row in rows], own_outputs(run)[1])

    def test_numbers_at_every_step(self):
        run = self.train("rnn", "--every-step", "--hidden", 2, "--window", 4)
        np.save(self.root / "new.npy", np.zeros((2, 1, 4)))
        rows, err = self.predict(run, self.root / "new.npy")
        self.assertEqual(list(rows[0]), ["row", "step", "prediction_0"])
        self.assertEqual([(row["row"], row["step"]) for row in rows][3:5], [("1", "4"), ("2", "1")])
        self.assertTrue(err.startswith("2 rows predicted by "))


class TestCommand(PredictTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.iris = cls.train("ffnn", "--lr", 0.001)
        cls.new = cls.root / "new.npy"
        np.save(cls.new, load_iris()["test_set"][:1])
        shutil.copy(cls.iris / "best_parameters.npz", cls.root)

    def test_to_a_file(self):
        _, out, _ = quietly(main, self.iris, self.new)
        path = self.root / "kinds.csv"
        status, nothing, err = quietly(main, self.iris, self.new, "--output", path)
        self.assertEqual((status, nothing), (0, ""))
        self.assertEqual(path.read_text(), out)
        self.assertEqual(err, f"1 row predicted by {self.iris}, in {path}\n")

    def test_best_epoch(self):
        rows = load_run(self.iris, best=True).predict(self.new).table()
        found, _ = self.predict(self.iris, self.new, "--best")
        self.assertEqual(np.float32(found[0]["probability_setosa"]), rows["probability_setosa"][0])
        (self.iris / "best_parameters.npz").unlink()
        self.addCleanup(shutil.copy, self.root / "best_parameters.npz", self.iris)
        self.refuse("has no best_parameters.npz", self.iris, self.new, "--best")

    def test_names(self):
        with mock.patch("neural_networks.runs.experiments_folder", return_value=self.root):
            rows, _ = self.predict("run", self.new)
            self.refuse("there is no run rum; did you mean 'run'", "rum", self.new)
        self.assertEqual(len(rows), 1)

    def test_older_run(self):
        older = self.root / "older"
        shutil.copytree(self.iris, older)
        self.addCleanup(shutil.rmtree, older)
        (older / "data.json").unlink()
        _, err = self.predict(older, self.new)
        self.assertRegex(err, "^warning: .*older has no data.json.*\n1 row predicted by .*\n$")

    def test_mistakes(self):
        self.refuse("there is no folder for ", self.iris, self.new, "--output", "/nowhere/x.csv")
        self.refuse("there is no file .*x.csv", self.iris, self.root / "x.csv")
        self.refuse("there is no run .*nothing", self.root / "nothing", self.new)
        self.refuse("the following arguments are required: FILE", self.iris)
        self.refuse("unrecognized arguments: --outptu", self.iris, self.new, "--outptu", "x")
        path = self.root / "kinds.csv"
        path.write_text("before")
        np.save(self.root / "wrong.npy", np.ones((2, 5)))
        self.refuse("those of iris have", self.iris, self.root / "wrong.npy", "--output", path)
        self.assertEqual(path.read_text(), "before")

    def test_in_a_pipe(self):
        np.save(self.root / "many.npy", np.ones((20_000, 4)))
        command = [sys.executable, "-m", "neural_networks", "predict", self.iris]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        with subprocess.Popen(
            [*command, self.root / "many.npy"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            self.assertTrue(process.stdout.readline().startswith("row,class,probability_setosa"))
            process.stdout.close()
            self.assertEqual(process.stderr.read(), "")
            self.assertEqual(process.wait(60), 141)


if __name__ == "__main__":
    unittest.main()
