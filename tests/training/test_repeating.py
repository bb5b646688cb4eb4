"""Trainings that repeat: scripts of the original kit, and several trainings in one program."""
# ruff: noqa: NPY002

import os
import subprocess
import sys
import unittest
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset, initialize_dataset
from neural_networks.models import initialize_model
from tests.support.arrays import InFolder

ROOT = Path(__file__).resolve().parents[2]

# The order of the original kit: NumPy's seed first, then all that draws; no other seed anywhere.
SCRIPT = """
import sys
import numpy as np
np.random.seed({seed})
noise = np.random.normal(size={draws})

from neural_networks.datasets import initialize_dataset
from neural_networks.logs import Logger
from neural_networks.models import initialize_model
from neural_networks.utils.data_structures import AttrDict

fc1 = AttrDict(name="fully_connected", activation="relu", weight_init="xavier_uniform", n_out=8)
fc_out = AttrDict(name="fully_connected", activation="softmax", weight_init="he_normal", n_out=None)
optimizer_args = AttrDict(
    name="SGD", lr=0.05, lr_scheduler="constant", lr_decay=0.99, stage_length=1000, staircase=True,
    clip_norm=1.0, momentum=0.9,
)
model_args = AttrDict(
    name="two layers", loss="cross_entropy", layer_args=[fc1, fc_out],
    optimizer_args=optimizer_args, seed=None,
)
data_args = AttrDict(name="iris", batch_size=25)
logger = Logger("kit", model_args, data_args, save=True, plot=False, save_dir=sys.argv[1])
model = initialize_model(**model_args, logger=logger)
dataset = initialize_dataset(**data_args)
model.train(dataset, epochs=3)
np.random.shuffle(noise)
print(model.test(dataset), noise[:1])
"""


class TestScripts(InFolder):
    def result(self, name: str, seed: int, draws: int, hash_seed: str) -> tuple[str, bytes, bytes]:
        """What a script prints, its log, and its parameters."""
        folder = self.root / name
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(seed=seed, draws=draws), str(folder)],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        run = folder / "kit"
        with np.load(run / "parameters.npz") as arrays:
            parameters = b"".join(arrays[name].tobytes() for name in sorted(arrays))
        return done.stdout, (run / "log.csv").read_bytes(), parameters

    def test_one_that_seeds_numpy_first(self):
        first = self.result("first", 1, 1, "1")
        self.assertEqual(self.result("second", 1, 1, "2"), first)
        other = self.result("other", 2, 1, "1")
        drawn = self.result("drawn", 1, 7, "1")  # other draws before: another run, that repeats
        self.assertEqual(self.result("drawn again", 1, 7, "2"), drawn)
        for one, two in combinations((first, other, drawn), 2):
            for part, another in zip(one, two, strict=True):
                self.assertNotEqual(part, another)


def fully_connected():
    hidden = {"name": "fully_connected", "activation": "relu", "n_out": 5}
    output = {"name": "fully_connected", "activation": "softmax"}
    model = initialize_model(
        "a", "cross_entropy", [hidden, {"name": "dropout"}, output], {"name": "SGD", "lr": 0.1}
    )
    return model, initialize_dataset("iris", 25)


def recurrent():
    layers = [
        {"name": "elman", "n_out": 3},
        {"name": "fully_connected", "activation": "linear", "n_out": 1},
    ]
    model = initialize_model("a", "l2", layers, {"name": "Adam", "lr": 0.01})
    return model, initialize_dataset("sinewave", 500, window=3, noise=0.1)


def convolutional():
    layers = [
        {"name": "conv2d", "n_out": 2, "kernel_shape": 3, "activation": "relu"},
        {"name": "batch_norm", "activation": "relu"},
        {"name": "flatten"},
        {"name": "fully_connected", "activation": "softmax", "n_out": None},
    ]
    model = initialize_model("a", "cross_entropy", layers, {"name": "SGD", "lr": 0.01})
    return model, initialize_dataset("digits", 100, images=True, shift=1)


class RepeatingTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(np.random.set_state, np.random.get_state())

    def losses(self, model, dataset: Dataset, epochs: int = 1) -> np.ndarray:
        model.train(dataset, epochs)
        return model.step_losses


class TestGlobalSeed(RepeatingTest):
    KINDS = (fully_connected, recurrent, convolutional)

    def run_of(self, kind, seed: int, in_between: int) -> tuple[np.ndarray, dict[str, float]]:
        """Losses and scores, with other draws between all steps."""
        np.random.seed(seed)
        np.random.random(in_between)
        model, dataset = kind()
        np.random.random(in_between)
        losses = self.losses(model, dataset)
        np.random.random(in_between)
        return losses, model.test(dataset)

    def test_all_kinds_of_networks(self):
        for kind in self.KINDS:
            for in_between in (0, 3):
                with self.subTest(kind.__name__, in_between=in_between):
                    losses, scores = self.run_of(kind, 5, in_between)
                    again, scores_again = self.run_of(kind, 5, in_between)
                    assert_array_equal(losses, again)
                    self.assertEqual(scores, scores_again)
                    other, _ = self.run_of(kind, 6, in_between)
                    self.assertFalse(np.array_equal(losses, other))

    def test_what_is_drawn_during_a_training_does_not_matter(self):
        """Only the seeds are asked for, when a network and a dataset are made."""
        np.random.seed(1)
        model, dataset = fully_connected()
        expected = self.losses(model, dataset, 3)
        np.random.seed(1)
        model, dataset = fully_connected()
        for _ in range(3):
            model.train(dataset, 1)
            np.random.random(5)
        assert_array_equal(model.step_losses, expected)

    def test_a_second_network_has_its_own(self):
        np.random.seed(1)
        model, dataset = fully_connected()
        other, other_dataset = fully_connected()
        self.assertNotEqual(model.seed, other.seed)
        self.assertNotEqual(dataset.seed, other_dataset.seed)


class TestOneDataset(RepeatingTest):
    """Three trainings from one seed, on one dataset or on three."""

    def model(self):
        layers = [{"name": "fully_connected", "activation": "softmax", "n_out": 10}]
        return initialize_model("a", "cross_entropy", layers, {"name": "SGD", "lr": 0.1}, seed=0)

    def dataset(self) -> Dataset:
        return initialize_dataset("digits", batch_size=200, seed=0, shift=1)

    def test_a_new_dataset_repeats_it(self):
        first, *others = (self.losses(self.model(), self.dataset(), 2) for _ in range(3))
        for other in others:
            assert_array_equal(other, first)

    def test_its_state_repeats_it(self):
        dataset = self.dataset()
        start = dataset.state()
        runs = []
        for _ in range(3):
            dataset.load_state(start)
            runs.append(self.losses(self.model(), dataset, 2))
        assert_array_equal(runs[0], self.losses(self.model(), self.dataset(), 2))
        assert_array_equal(runs[1], runs[0])
        assert_array_equal(runs[2], runs[0])

    def test_without_it_a_dataset_goes_on(self):
        dataset = self.dataset()
        both = [self.losses(self.model(), dataset), self.losses(self.model(), dataset)]
        self.assertFalse(np.array_equal(*both))


if __name__ == "__main__":
    unittest.main()
