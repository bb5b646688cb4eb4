"""``~`` at the start of a path is the user's folder, wherever a path is given."""

import contextlib
import os
import unittest
from unittest import mock

import numpy as np

import train_ffnn
from neural_networks.cli import compare, ensemble, predict
from neural_networks.datasets import initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from neural_networks.runs import load_run
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

UNKNOWN = "~nobody-has-this-name"


class TestHome(InFolder):
    def setUp(self):
        super().setUp()
        self.home = self.root / "home"
        self.home.mkdir()
        self.enterContext(mock.patch.dict(os.environ, HOME=str(self.home)))
        self.work = self.root / "work"
        self.work.mkdir()
        self.enterContext(contextlib.chdir(self.work))

    def tearDown(self):
        self.assertEqual([path.name for path in self.work.rglob("~*")], [])

    def run_in_python(self):
        dataset = initialize_dataset("iris", seed=0)
        logger = Logger("flowers", {}, {}, save=True, save_dir="~/runs")
        output = {"name": "fully_connected", "activation": "softmax", "n_out": None}
        model = NeuralNetwork(
            "cross_entropy", [output], {"name": "SGD", "lr": 0.1}, logger=logger, seed=0
        )
        model.train(dataset, 1)
        return model

    def test_python(self):
        model = self.run_in_python()
        self.assertTrue((self.home / "runs" / "flowers" / "log.csv").is_file())
        model.save("~/weights.npz")
        self.assertTrue((self.home / "weights.npz").is_file())
        model.load("~/weights.npz")

    def test_commands(self):
        done = (
            (train_ffnn.main, "--epochs", 1, "--experiments=~/runs"),
            (train_ffnn.main, "--config=~/runs/iris/config.json", "--experiments=~/runs"),
            (compare.main, "~/runs"),
            (ensemble.main, "average", "~/runs/iris", "--output=~/average.csv"),
            (predict.main, "~/runs/iris", "~/new.csv", "--output=~/predicted.csv"),
        )
        np.savetxt(self.home / "new.csv", np.ones((3, 4)), delimiter=",")
        for main, *arguments in done:
            with self.subTest(arguments=arguments):
                status, _, err = quietly(main, *arguments)
                self.assertEqual(status, 0, err)
        self.assertTrue((self.home / "average.csv").is_file())
        self.assertTrue((self.home / "predicted.csv").is_file())
        self.assertEqual(load_run("~/runs/iris-2").predict("~/new.csv").outputs.shape, (3, 3))
        flags = ("--dataset", "csv", "--data-args", "path=~/table.csv", "label=kind")
        rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
        (self.home / "table.csv").write_text(f"size,kind\n{rows}")
        (self.home / "sizes.csv").write_text("size\n1\n2\n")
        status, _, err = quietly(train_ffnn.main, *flags, "--test-data=~/sizes.csv", "--epochs=1")
        self.assertEqual(status, 0, err)

    def test_unknown_users(self):
        for main, *arguments in (
            (train_ffnn.main, f"--experiments={UNKNOWN}/runs"),
            (train_ffnn.main, f"--config={UNKNOWN}/config.json"),
            (train_ffnn.main, f"--test-data={UNKNOWN}/x.csv"),
            (train_ffnn.main, "--dataset", "csv", "--data-args", f"path={UNKNOWN}", "label=x"),
            (compare.main, UNKNOWN),
            (predict.main, UNKNOWN, "x.csv"),
        ):
            with self.subTest(arguments=arguments):
                status, _, err = quietly(main, *arguments)
                self.assertEqual((status, err.count("\n")), (2, 1), err)
                self.assertIn(f"no user's folder for '{UNKNOWN}", err)
        with self.assertRaisesRegex(FileNotFoundError, UNKNOWN):
            self.run_in_python().save(f"{UNKNOWN}/x.npz")


if __name__ == "__main__":
    unittest.main()
