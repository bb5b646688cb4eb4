"""Recurrent layer in a network: training, files, memory."""

import gc
import tracemalloc
import unittest

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.models import NeuralNetwork
from tests.support.arrays import DTYPES, InFolder, NothingGrows, least_growth, step
from tests.support.elman_cases import elman

LAYERS = (
    {"name": "elman", "n_out": 8, "return_sequences": True},
    {"name": "elman", "n_out": 6},
    {"name": "fully_connected", "n_out": 1, "activation": "linear"},
)
SGD = {"name": "SGD", "lr": 0.02, "momentum": 0.9}


def network(*layers, dtype="float64", seed=0):
    return NeuralNetwork("l2", layers or LAYERS, SGD, seed=seed, dtype=dtype)


def waves(dtype="float64", m=40, t=12):
    """Sines of all phases, and the value that each of them has next."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, size=(m, 1))
    wave = np.sin(phase + 0.4 * np.arange(t + 1)).astype(dtype)
    return wave[:, np.newaxis, :t], wave[:, t:]


class TestTraining(InFolder):
    def test_learns_what_comes_next(self):
        for dtype in DTYPES:
            model, (X, Y) = network(dtype=dtype), waves(dtype)
            losses = [step(model, X, Y) for _ in range(150)]
            # Without a look at the sequence, the best guess is the mean of all waves.
            self.assertGreater(losses[0], 0.5 * np.var(Y))
            self.assertLess(losses[-1], 0.03 * np.var(Y))
            self.assertAlmostEqual(model.predict(X, Y)[1], losses[-1], delta=0.01)

    def test_learns_at_every_step(self):
        """The target is the input two steps before, which only a state holds."""
        X = np.random.default_rng(1).choice([-1.0, 1.0], size=(50, 1, 10))
        Y = np.concatenate([np.zeros((50, 1, 2)), X[:, :, :-2]], axis=2)
        model = network(LAYERS[0], LAYERS[2])
        losses = [step(model, X, Y) for _ in range(200)]
        self.assertLess(losses[-1], 0.05 * losses[0])

    def test_same_seed_same_run(self):
        X, Y = waves("float32")
        runs = []
        for seed in (0, 0, 1):
            model = network(dtype="float32", seed=seed)
            runs.append([step(model, X, Y) for _ in range(5)])
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])

    def test_train_and_test(self):
        X, Y = waves(m=60)
        dataset = Dataset(X[:40], Y[:40], 10, X[40:50], Y[40:50], X[50:], Y[50:], seed=0)
        model = network(*LAYERS[:2], LAYERS[2] | {"n_out": None})
        history = model.train(dataset, 30)
        self.assertLess(history["validation_loss"][-1], 0.1 * history["validation_loss"][0])
        self.assertLess(model.test(dataset)["loss"], 0.1)

    def test_every_array_has_the_network_s_type(self):
        for dtype in DTYPES:
            for given in DTYPES:
                model, (X, Y) = network(dtype=dtype), waves(given)
                for _ in range(2):
                    step(model, X, Y)
                found = [model.forward(X), model.predict(X, Y)[0]]
                for layer in model.layers:
                    found += [*layer.parameters.values(), *layer.gradients.values()]
                    found += [entry for entries in layer.cache.values() for entry in entries]
                for layer in model.layers[:2]:
                    found.append(layer.initial_state_gradient)
                self.assertEqual({array.dtype for array in found}, {np.dtype(dtype)})

    def test_predicting_between_forward_and_backward_does_no_harm(self):
        X, Y = waves()
        model, other = network(), network()
        out = model.forward(X)
        model.predict(X[:3, :, :5], None)
        model.backward(Y, out)
        other.backward(Y, other.forward(X))
        for a, b in zip(model.layers, other.layers, strict=True):
            for name, gradient in b.gradients.items():
                np.testing.assert_array_equal(a.gradients[name], gradient)

    def test_save_and_load(self):
        X, Y = waves("float32")
        model = network(dtype="float32")
        for _ in range(3):
            step(model, X, Y)
        model.save(self.root / "model.npz")
        other = network(dtype="float32", seed=1)
        other.load(self.root / "model.npz")
        names = [name for name, _, _ in other.parameters()]
        expected = [f"layer{i}.{name}" for i in (1, 2) for name in "WUb"] + ["layer3.W", "layer3.b"]
        self.assertEqual(names, expected)
        np.testing.assert_array_equal(other.predict(X, Y)[0], model.predict(X, Y)[0])
        # Another length of the sequences is no other network.
        np.testing.assert_array_equal(
            other.predict(X[:, :, :4], Y)[0], model.predict(X[:, :, :4], Y)[0]
        )
        wider = network(LAYERS[0], LAYERS[1] | {"n_out": 7}, LAYERS[2])
        with self.assertRaisesRegex(ValueError, r"\(8, 6\) for layer2.W, this network \(8, 7\)"):
            wider.load(self.root / "model.npz")

    def test_layers_that_do_not_fit(self):
        """A last state has no steps for a recurrent layer to go through."""
        model = network({"name": "elman", "n_out": 8}, *LAYERS[1:])
        with self.assertRaisesRegex(ValueError, r"X must be \(m, d, t\).*got shape \(40, 8\)"):
            model.forward(waves()[0])


class TestMemory(unittest.TestCase):
    """Time costs memory: the cache holds three arrays for each step, and nothing more."""

    m, d, n = 32, 16, 24

    def setUp(self):
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)

    def measure(self, t, whole, dtype):
        """Bytes that a forward pass leaves, and the peak of forward and backward."""
        layer = elman(self.d, self.n, return_sequences=whole, dtype=dtype)
        X = np.ones((self.m, self.d, t), dtype)
        dLdY = np.ones((self.m, self.n, t) if whole else (self.m, self.n), dtype)
        before = tracemalloc.get_traced_memory()[0]
        layer.forward(X)
        kept = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.reset_peak()
        layer.backward(layer.forward(X) * dLdY)
        return kept, tracemalloc.get_traced_memory()[1] - before

    def test_grows_with_the_steps_and_no_faster(self):
        for dtype in DTYPES:
            for whole in (False, True):
                kept, peak = zip(
                    *(self.measure(t, whole, dtype) for t in (50, 100, 200)), strict=True
                )
                of_a_step = self.m * (self.d + 2 * self.n) * np.dtype(dtype).itemsize
                for sizes, bound in ((kept, 1.1), (peak, 2.5)):
                    early, late = (sizes[1] - sizes[0]) / 50, (sizes[2] - sizes[1]) / 100
                    with self.subTest(dtype, whole=whole, bound=bound):
                        self.assertAlmostEqual(late / early, 1.0, delta=0.03)
                        self.assertLess(late, bound * of_a_step)
                        self.assertGreater(late, of_a_step)
                        self.assertLess(sizes[0], 1.2 * 50 * late)

    def test_predicting_keeps_nothing(self):
        layer = elman(self.d, self.n)
        layer.training = False
        X = np.ones((self.m, self.d, 100))
        before = tracemalloc.get_traced_memory()[0]
        Y = layer.forward(X)
        kept = tracemalloc.get_traced_memory()[0] - before
        self.assertLess(kept, Y.nbytes + 3000)


class TestNothingGrows(NothingGrows, unittest.TestCase):
    def setUp(self):
        self.model, self.batch = network(dtype="float32"), waves("float32", m=8, t=5)

    def test_entries_of_the_cache(self):
        for _ in range(2):
            step(self.model, *self.batch)
        self.assertEqual([len(self.model.layers[0].cache[name]) for name in "XZs"], [5, 5, 6])

    def test_walking_through_sequences(self):
        layer, X = elman(3, 4), np.ones((2, 3))

        def walk():
            for _ in range(30):
                layer.forward_step(X)
            layer.backward(np.ones((2, 4)))
            layer.clear_gradients()

        self.assertLess(least_growth(walk), 5_000)


if __name__ == "__main__":
    unittest.main()
