"""The library on the OCR letters, against the reference figures of that dataset.

The reference run trains one hidden layer of sigmoids on one example at a time, in file order,
and prints cross-entropy and error after each epoch. Needs NEURAL_NETWORKS_DATA.
"""

import os
import unittest
from pathlib import Path

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.models import initialize_model
from neural_networks.utils.data_structures import integers_to_one_hot


def read_letters(file_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and one-hot labels of a CSV file whose first column is the label."""
    folder = Path(os.environ["NEURAL_NETWORKS_DATA"]) / "letters"
    rows = np.loadtxt(folder / file_name, delimiter=",")
    return rows[:, 1:], integers_to_one_hot(rows[:, 0].astype(int), 9)


def make_model(hidden_units: int, weight_init: str, lr: float, **options):
    return initialize_model(
        "letters",
        "cross_entropy",
        [
            {
                "name": "fully_connected",
                "activation": activation,
                "weight_init": weight_init,
                "n_out": n_out,
            }
            for activation, n_out in (("sigmoid", hidden_units), ("softmax", 10))
        ],
        {"name": "SGD", "lr": lr, **options},
        seed=0,
    )


class TestLetters(unittest.TestCase):
    def test_reference_run_to_the_last_printed_digit(self):
        train, validation = read_letters("smallTrain.csv"), read_letters("smallValidation.csv")
        model = make_model(hidden_units=4, weight_init="zeros", lr=0.1)
        printed = []
        for _ in range(2):
            for x, y in zip(train[0][:, None, :], train[1][:, None, :], strict=True):
                model.backward(y, model.forward(x))
                model.update(epoch=0)
            for X, Y in (train, validation):
                printed.append(f"{model.predict(X, Y)[1]:.11f}")
        self.assertEqual(
            printed, ["2.18506276114", "2.18827302588", "1.90103257727", "1.91363803461"]
        )
        errors = [model.error(Y, model.predict(X, Y)[0]) for X, Y in (train, validation)]
        self.assertEqual(errors, [0.77, 0.78])

    def test_a_network_learns_the_medium_set(self):
        dataset = Dataset(
            *read_letters("mediumTrain.csv"), 25, *read_letters("mediumValidation.csv"), seed=0
        )
        model = make_model(hidden_units=50, weight_init="xavier_uniform", lr=0.2, momentum=0.9)
        history = model.train(dataset, epochs=10)
        self.assertLess(history["validation_error"][-1], 0.2)
