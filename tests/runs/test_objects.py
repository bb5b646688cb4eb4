"""Configurations that hold layers, losses and optimizers themselves: described, and loaded."""

import json
import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset
from neural_networks.layers import LAYERS, Dropout, FullyConnected, Residual
from neural_networks.logs import Logger
from neural_networks.losses import LOSSES, CrossEntropy
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import OPTIMIZERS, AdamW
from neural_networks.runs import load_run
from tests.support.arrays import InFolder
from tests.support.own_parts import L4, Bare, Own

N = 12
ROWS = np.random.default_rng(0).normal(size=(N, 4))
Y = np.eye(3)[np.arange(N) % 3]
PLAIN = {"name": "SGD", "lr": 0.1, "momentum": 0.9}


def dense(n_out=5, activation="tanh", **options):
    return {"name": "fully_connected", "n_out": n_out, "activation": activation, **options}


class TestRunFolders(InFolder):
    def run_of(self, loss, layers, optimizer):
        """The folder of a training whose configuration holds objects, and its network."""
        args = {"loss": loss, "layer_args": layers, "optimizer_args": optimizer}
        logger = Logger("own", args, {"name": "rows"}, save=True, save_dir=self.root)
        model = NeuralNetwork(**args, logger=logger, seed=0)
        model.train(Dataset(ROWS, Y, 4, seed=0), 1)
        return logger.folder, model

    def test_a_configuration_describes_them(self):
        layers = [
            FullyConnected(4, "tanh", {"name": "normal", "std": 0.1}, dtype=np.float64, rng=3),
            Residual([dense(4), Dropout(p=0.5)], activation="relu"),
            FullyConnected(np.int64(3), activation="softmax", rng=np.random.default_rng(3)),
        ]
        layers[0].frozen = True
        rule = AdamW(0.01, "exponential", beta1=0.8, clip_norm=2.0, lr_decay=0.5)
        folder, model = self.run_of(CrossEntropy("cross_entropy"), layers, rule)
        found = json.loads((folder / "config.json").read_text())["model"]
        init = {"name": "normal", "std": 0.1}
        inner = [dense(4), {"name": "dropout", "p": 0.5}]
        self.assertEqual(
            found,
            {
                "loss": "cross_entropy",
                "layer_args": [
                    dense(4, weight_init=init, dtype="float64", rng=3, frozen=True),
                    {"name": "residual", "layers": inner, "activation": "relu"},
                    dense(3, "softmax"),
                ],
                "optimizer_args": {
                    "name": "AdamW",
                    "lr": 0.01,
                    "lr_scheduler": "exponential",
                    "beta1": 0.8,
                    "clip_norm": 2.0,
                    "lr_decay": 0.5,
                },
            },
        )
        NeuralNetwork(**found, seed=0)
        run = load_run(folder)
        assert_array_equal(run.model.predict(ROWS)[0], model.predict(ROWS)[0])
        self.assertTrue(run.model.layers[0].frozen)

    def test_arguments_are_those_of_the_beginning(self):
        """Of an array that a layer is made with, the configuration keeps the shape alone."""

        class Table(Bare):
            def __init__(self, n_out, table, *, sizes):
                super().__init__(n_out)
                self.table, self.sizes = table, sizes

        sizes = {"a": [1, 2]}
        layers = [Table(4, np.zeros((1000, 100)), sizes=sizes), dense(3, "softmax")]
        sizes["a"].append(3)
        folder, _ = self.run_of("cross_entropy", layers, PLAIN)
        found = json.loads((folder / "config.json").read_text())["model"]["layer_args"][0]
        self.assertTrue(found.pop("name").endswith(".Table"))
        expected = {"n_out": 4, "table": "array of shape (1000, 100)", "sizes": {"a": [1, 2]}}
        self.assertEqual(found, expected)

    def test_a_class_without_a_name_is_asked_for(self):
        cases = (
            ("cross_entropy", [Bare(4), dense(3, "softmax")], PLAIN, "layer 1: unknown layer"),
            (L4("l4"), [dense(3, "softmax")], PLAIN, "unknown loss"),
            ("cross_entropy", [dense(3, "softmax")], Own(0.1), "unknown optimizer"),
        )
        for loss, layers, rule, words in cases:
            folder, model = self.run_of(loss, layers, rule)
            kind = next(type(x) for x in (loss, *layers, rule) if type(x) in (Bare, L4, Own))
            full = f"{kind.__module__}.{kind.__name__}"
            full = loss.name if kind is L4 else full
            with self.subTest(full):
                words = f"{words} '{full}'.* import the module that registers it first"
                with self.assertRaisesRegex(ValueError, words):
                    load_run(folder)
                tables = {Bare: LAYERS, L4: LOSSES, Own: OPTIMIZERS}
                with mock.patch.dict(tables[kind], {full: kind}):
                    run = load_run(folder)
                assert_array_equal(run.model.predict(ROWS)[0], model.predict(ROWS)[0])


if __name__ == "__main__":
    unittest.main()
