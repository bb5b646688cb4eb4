"""Seeds: those that are given, and those that NumPy's global state draws."""
# ruff: noqa: NPY002

import unittest

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Data, Dataset, initialize_dataset, load_sinewave
from neural_networks.layers import Dropout, initialize_layer
from neural_networks.models import initialize_model
from neural_networks.utils.randomness import draw_seed, generator_of, spawn_generator
from neural_networks.weights import initialize_weights

X = np.arange(24.0).reshape(12, 2)
Y = np.eye(2)[np.arange(12) % 2]
LAYERS = [
    {"name": "fully_connected", "activation": "tanh", "n_out": 3},
    {"name": "dropout"},
    {"name": "fully_connected", "activation": "softmax", "n_out": 2},
]


def model(seed=None):
    return initialize_model("a", "cross_entropy", LAYERS, {"name": "SGD", "lr": 0.1}, seed=seed)


def trained(seed=None):
    network = model(seed)
    network.train(Dataset(X, Y, 5, seed=seed), 2)
    return network.arrays()["layer3.W"]


DRAWN = {
    "a network with its data": trained,
    "shuffling": lambda: Dataset(X, Y, 5).train.sample()[0],
    "data alone": lambda: Data(X, Y).sample()[0],
    "a dataset by name": lambda: initialize_dataset("iris").train.sample()[0],
    "generated data": lambda: load_sinewave(window=4)["test_set"],
    "the data of a name": lambda: initialize_dataset("sinewave", window=4).train.data,
    "a layer alone": lambda: initialize_layer(**LAYERS[0]).forward(X),
    "dropout alone": lambda: Dropout().forward(X),
    "an own residual block": lambda: initialize_layer(
        "residual", layers=[{"name": "dropout"}]
    ).forward(X),
    "weights": lambda: initialize_weights("normal")((2, 3)),
    "a stream": lambda: spawn_generator(None, "dropout").random(3),
    "a generator": lambda: generator_of(None).random(3),
}


class SeedTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(np.random.set_state, np.random.get_state())


class TestWithoutASeed(SeedTest):
    def test_numpys_seed_repeats_it(self):
        for what, draw in DRAWN.items():
            with self.subTest(what=what):
                results = []
                for seed in (5, 5, 6):
                    np.random.seed(seed)
                    results.append(draw())
                assert_array_equal(results[0], results[1])
                self.assertFalse(np.array_equal(results[0], results[2]))

    def test_each_has_its_own(self):
        for what, draw in DRAWN.items():
            with self.subTest(what=what):
                self.assertFalse(np.array_equal(draw(), draw()))

    def test_the_drawn_seed_repeats_it(self):
        one = model()
        other = model(one.seed)
        assert_array_equal(one.forward(X), other.forward(X))
        data = Dataset(X, Y, 5)
        again = Dataset(X, Y, 5, seed=data.seed)
        assert_array_equal(data.train.sample()[0], again.train.sample()[0])
        iris = initialize_dataset("iris")
        again = initialize_dataset("iris", seed=iris.seed)
        assert_array_equal(iris.train.sample()[0], again.train.sample()[0])

    def test_numpys_state_is_asked_once(self):
        for what, draw in DRAWN.items():
            if what == "a network with its data":
                continue  # two things, two seeds
            with self.subTest(what=what):
                np.random.seed(0)
                draw()
                after = np.random.random()
                np.random.seed(0)
                draw_seed()
                self.assertEqual(np.random.random(), after)


class TestWithASeed(SeedTest):
    def test_it_is_returned(self):
        for seed in (0, 1, 2**70, np.int64(3)):
            self.assertEqual(draw_seed(seed), seed)
        self.assertIs(type(draw_seed(np.int64(3))), int)

    def test_numpys_state_is_left_alone(self):
        np.random.seed(1)
        before = np.random.get_state()[1].tolist()
        trained(seed=4)
        for make in (
            lambda: initialize_layer(**LAYERS[0], rng=2).forward(X),
            lambda: initialize_dataset("sinewave", seed=1, window=3),
            lambda: generator_of(3),
            lambda: model(seed=0),
        ):
            make()
            self.assertEqual(np.random.get_state()[1].tolist(), before)

    def test_wrong_ones(self):
        for wrong, error in (
            (-1, ValueError),
            (0.5, TypeError),
            (True, TypeError),
            ("1", TypeError),
        ):
            with self.subTest(seed=wrong):
                for make in (draw_seed, model, lambda seed: Dataset(X, Y, 5, seed=seed)):
                    with self.assertRaisesRegex(error, f"seed must be .* got {wrong!r}"):
                        make(wrong)


if __name__ == "__main__":
    unittest.main()
