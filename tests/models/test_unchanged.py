"""What is refused, or fails, changes nothing; predictions change nothing, in any thread."""

import threading
import unittest
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder, examples

SOFTMAX = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
HIDDEN = {"name": "fully_connected", "n_out": 8, "activation": "tanh"}
CONV = {"name": "conv2d", "n_out": 8, "kernel_shape": (3, 3), "activation": "relu"}
FLAT = {"name": "flatten"}


def network(*layers, optimizer=None, **options):
    optimizer = optimizer or {"name": "Adam", "lr": 0.01}
    return NeuralNetwork("cross_entropy", list(layers), optimizer, **{"seed": 0, **options})


def everything(model):
    """All that describes a network, as text that can be compared."""
    with np.printoptions(threshold=10**9, floatmode="unique"):
        layers = [
            (repr(layer), layer.n_in, layer.n_out, layer.input_shape, layer.training, layer.cache)
            for outer in model.layers
            for layer in outer.walk()
        ]
        return repr((layers, model.state(), model.input_shape, model.best))


def images(n, size=8, channels=1, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, size, size, channels)), np.eye(classes)[rng.integers(0, classes, n)]


class TestRefusedDatasets(unittest.TestCase):
    def check(self, model, dataset):
        before = everything(model)
        for call in (model.prepare, lambda dataset: model.train(dataset, 1)):
            with self.assertRaises(ValueError):
                call(dataset)
            self.assertEqual(everything(model), before)

    def test_of_a_new_network(self):
        X, Y = examples()
        negative = Dataset(X, -Y, 4, seed=0)
        block = {"name": "residual", "layers": [{**HIDDEN, "n_out": 3}]}
        batch_of_one = Dataset(X[:9], Y[:9], 4, seed=0)
        for layers, dataset in (
            ([HIDDEN, SOFTMAX], negative),
            ([HIDDEN, block, SOFTMAX], Dataset(X, Y, 4, seed=0)),
            ([HIDDEN, {"name": "batch_norm"}, SOFTMAX], batch_of_one),
            ([HIDDEN, {**SOFTMAX, "n_out": 4}], Dataset(X, Y, 4, seed=0)),
            ([CONV, FLAT, SOFTMAX], Dataset(X, Y, 4, seed=0)),
        ):
            with self.subTest(layers=layers):
                self.check(network(*layers), dataset)

    def test_of_a_trained_network(self):
        model = network(CONV, FLAT, SOFTMAX)
        model.train(Dataset(*images(12), 4, seed=0), 1)
        self.check(model, Dataset(*images(12, size=9), 4, seed=0))
        self.check(model, Dataset(*images(12, channels=2), 4, seed=0))
        self.check(model, Dataset(*images(12, classes=4), 4, seed=0))

    def test_the_next_dataset_is_as_the_first(self):
        first, second = network(HIDDEN, SOFTMAX), network(HIDDEN, SOFTMAX)
        X, Y = examples()
        with self.assertRaises(ValueError):
            first.train(Dataset(X[:, :2], -Y[:, :2], 4, seed=0), 1)
        for model in (first, second):
            model.train(Dataset(X, Y, 4, seed=0), 2)
        self.assertEqual(everything(first), everything(second))


class TestLoad(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "parameters.npz"
        model = network(HIDDEN, {"name": "batch_norm"}, SOFTMAX, seed=1)
        model.train(Dataset(*examples(), 4, seed=0), 2)
        model.save(self.path)
        with np.load(self.path) as arrays:
            self.arrays = dict(arrays)

    def check(self, path):
        """The file is refused by one error that names it; the network stays as it is."""
        fresh = network(HIDDEN, {"name": "batch_norm"}, SOFTMAX)
        trained = network(HIDDEN, {"name": "batch_norm"}, SOFTMAX)
        trained.train(Dataset(*examples(), 4, seed=0), 1)
        for model in (fresh, trained):
            before = everything(model)
            with self.assertRaises(ValueError) as caught:
                model.load(path)
            self.assertIn(str(path), str(caught.exception))
            self.assertEqual(everything(model), before)

    def test_damaged_bytes(self):
        content = self.path.read_bytes()
        damaged = self.root / "damaged.npz"
        rng = np.random.default_rng(0)
        n_refused = 0
        for i in range(300):
            data = bytearray(content)
            if i % 3:
                data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
            else:
                del data[rng.integers(len(data)) :]
            damaged.write_bytes(data)
            model = network(HIDDEN, {"name": "batch_norm"}, SOFTMAX)
            before = everything(model)
            try:
                model.load(damaged)
            except ValueError as error:
                n_refused += 1
                self.assertIn(str(damaged), str(error))
                self.assertEqual(everything(model), before)
        self.assertGreater(n_refused, 200)

    def test_other_compressions_and_entries(self):
        strange = self.root / "strange.npz"
        with zipfile.ZipFile(strange, "w") as archive:
            archive.writestr(
                "input_shape.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': ("
            )
        self.check(strange)
        content = bytearray(self.path.read_bytes())
        for method in (1, 14, 95, 99):  # the compression of the first entry, in both of its places
            data = content.copy()
            data[8:10] = method.to_bytes(2, "little")
            central = data.rindex(b"PK\x01\x02")
            first = data.index(b"PK\x01\x02")
            for at in {first, central}:
                data[at + 10 : at + 12] = method.to_bytes(2, "little")
            strange.write_bytes(data)
            self.check(strange)
        np.save(self.root / "array.npy", np.ones(3))
        self.check(self.root / "array.npy")

    def test_arrays_that_do_not_fit(self):
        path = self.root / "other.npz"
        W = self.arrays["layer1.W"]
        for name, value in (
            ("layer1.W", W[:, :3]),
            ("layer1.W", W.astype(str)),
            ("layer1.W", W.astype(complex)),
            ("layer1.W", W > 0),
            ("layer3.b", np.zeros(3)),
            ("layer2.running_mean", None),
            ("layer9.W", W),
            ("epoch", None),
            ("epoch", np.array([1, 2])),
            ("epoch", np.array(-1)),
            ("epoch", np.array(1.5)),
            ("epoch", np.array("one")),
            ("n_out", np.array(0)),
            ("n_out", np.array(4)),
            ("input_shape", None),
            ("input_shape", np.array([])),
            ("input_shape", np.array(4)),
            ("input_shape", np.array([4, 0])),
            ("input_shape", np.array([-4])),
            ("input_shape", np.array([2**40, 2**40])),
            ("input_shape", np.array([2**62])),
            ("input_shape", np.array([5])),
            ("input_shape", np.array(["4"])),
        ):
            with self.subTest(name, value=value):
                arrays = self.arrays | {name: value}
                np.savez(path, **{key: x for key, x in arrays.items() if x is not None})
                self.check(path)


class TestPredict(InFolder):
    def test_then_save(self):
        X, _ = examples()
        model = network(HIDDEN, {**SOFTMAX, "n_out": 3})
        Y_hat, _ = model.predict(X)
        model.save(self.root / "parameters.npz")
        other = network(HIDDEN, SOFTMAX, seed=1)
        other.load(self.root / "parameters.npz")
        assert_array_equal(other.predict(X)[0], Y_hat)

    def test_nothing_changes(self):
        block = {"name": "residual", "layers": [HIDDEN, {"name": "dropout", "p": 0.5}]}
        model = network(HIDDEN, block, {"name": "batch_norm"}, SOFTMAX)
        X, Y = examples()
        model.train(Dataset(X, Y, 4, seed=0), 1)
        before = everything(model)
        for rows in (slice(None), slice(0, 2)):
            model.predict(X[rows], Y[rows])
            model.predict(X[rows])
        self.assertEqual(everything(model), before)

    def test_an_exception_on_the_way(self):
        model = network(HIDDEN, {"name": "dropout", "p": 0.5}, SOFTMAX)
        X, Y = examples()
        model.train(Dataset(X, Y, 4, seed=0), 1)
        before = everything(model)
        with self.assertRaises(ValueError):
            model.predict(X[:, :2])
        self.assertEqual(everything(model), before)

    def test_from_several_threads(self):
        X, Y = images(64)
        block = {"name": "residual", "layers": [{**CONV, "n_out": 8}, {"name": "batch_norm"}]}
        model = network(CONV, block, {"name": "dropout", "p": 0.5}, FLAT, SOFTMAX)
        dataset = Dataset(X, Y, 16, seed=0)
        model.train(dataset, 1)
        parts = [slice(start, start + 1 + start % 5) for start in range(60)]
        expected = [model.predict(X[part], Y[part]) for part in parts]
        before = everything(model)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda part: model.predict(X[part], Y[part]), parts * 5))
        for (Y_hat, loss), (wanted, wanted_loss) in zip(found, expected * 5, strict=True):
            assert_array_equal(Y_hat, wanted)
            self.assertEqual(loss, wanted_loss)
        self.assertEqual(everything(model), before)
        model.train(dataset, 1)

    def test_of_a_new_network_from_several_threads(self):
        X, _ = examples(64)
        barrier = threading.Barrier(8)

        def predict(model):
            barrier.wait()
            return model.predict(X)[0]

        for seed in range(10):
            model = network(HIDDEN, HIDDEN, {**SOFTMAX, "n_out": 3}, seed=seed)
            with ThreadPoolExecutor(8) as pool:
                outputs = list(pool.map(predict, [model] * 8))
            expected = network(HIDDEN, HIDDEN, {**SOFTMAX, "n_out": 3}, seed=seed).predict(X)[0]
            for Y_hat in outputs:
                assert_array_equal(Y_hat, expected)

    def test_during_training_in_another_thread(self):
        X, Y = images(64)
        layers = (CONV, {"name": "batch_norm"}, {"name": "dropout", "p": 0.3}, FLAT, SOFTMAX)
        alone, watched = network(*layers), network(*layers)
        alone.train(Dataset(X, Y, 16, seed=0), 5)
        watched.prepare(Dataset(X, Y, 16, seed=0))
        done = threading.Event()

        def watch():
            while not done.is_set():
                Y_hat, _ = watched.predict(X)
                self.assertLess(abs(Y_hat.sum(axis=1) - 1).max(), 1e-9)

        with ThreadPoolExecutor(2) as pool:
            watchers = [pool.submit(watch) for _ in range(2)]
            try:
                watched.train(Dataset(X, Y, 16, seed=0), 5)
            finally:
                done.set()
            for watcher in watchers:
                watcher.result()
        self.assertEqual(everything(watched), everything(alone))


class TestRestoredAfterDivergence(unittest.TestCase):
    def test_training_goes_on(self):
        X, Y = examples(40)
        for optimizer in (
            {"name": "SGD", "lr": 0.01, "momentum": 0.9},
            {"name": "Adam", "lr": 0.01},
            {"name": "AdaDelta", "lr": 1.0},
        ):
            with self.subTest(optimizer["name"]):
                model = network(HIDDEN, SOFTMAX, optimizer=optimizer)
                dataset = Dataset(X, Y, 10, X, Y, seed=0)
                model.train(dataset, 3)
                best = model.best.value
                for layer in model.layers:
                    for gradient in layer.gradients.values():
                        gradient[...] = 1e200
                with np.errstate(over="ignore"):
                    model.update(0.0)
                model.restore_best()
                history = model.train(dataset, 5)
                self.assertTrue(np.isfinite(history["train_loss"][-5:]).all())
                self.assertLess(history["validation_loss"][-1], best)


if __name__ == "__main__":
    unittest.main()
