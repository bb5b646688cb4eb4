"""The threads of networks: set for a call of train, test or predict, and set back after it."""

import contextlib
import json
import signal
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import neural_networks
from neural_networks.datasets import Dataset
from neural_networks.ensemble import Ensemble
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from neural_networks.utils import blas, threads
from neural_networks.utils.threads import slices
from tests.support.arrays import InFolder
from tests.support.blas import blas_threads, interrupts, two_blas_threads

SGD = {"name": "SGD", "lr": 0.01}
CONVOLUTION = {"name": "conv2d", "n_out": 2, "kernel_shape": 3, "activation": "relu"}
FLATTEN = {"name": "flatten"}
SOURCES = [str(path) for path in Path(neural_networks.__file__).parent.rglob("*.py")]


def dense(n_out=2, activation="softmax"):
    return {"name": "fully_connected", "n_out": n_out, "activation": activation}


def elman(n_out, return_sequences=False):
    return {"name": "elman", "n_out": n_out, "return_sequences": return_sequences}


def network(*layers, loss="cross_entropy", **options):
    return NeuralNetwork(loss, layers, SGD, seed=0, **options)


def cnn(**options):
    return network(CONVOLUTION, FLATTEN, dense(), **options)


def images(m=4):
    """A dataset of small images, with a validation set and a test set."""
    X, Y = np.random.default_rng(0).normal(size=(m, 6, 6, 1)), np.eye(2)[np.arange(m) % 2]
    return Dataset(X, Y, 2, X, Y, X, Y, seed=0)


class Watched(unittest.TestCase):
    def setUp(self):
        two_blas_threads(self)

    def watch(self, model):
        """The numbers of BLAS's threads and of slices at each forward and backward from now on.

        That of a single example, which creates parameters or shows the shapes, does not count.
        """
        seen, last = [], model.layers[-1]
        # For the class, since predict uses copies of the layers.
        for name in ("forward", "backward"):
            method = getattr(type(last), name)

            def call(layer, given, method=method, **options):
                if len(given) > 1:
                    seen.append((blas_threads(), slices()))
                return method(layer, given, **options)

            self.enterContext(mock.patch.object(type(last), name, call))
        return seen

    def assert_as_before(self, message=None):
        self.assertEqual(blas_threads(), 2, message)
        self.assertEqual(slices(), 1, message)


class TestRule(Watched):
    """One thread where the largest product, W.size × rows, is below some million."""

    def inside(self, model, *X_shape):
        model.create_parameters(X_shape[1:])
        with model.threads(X_shape):
            return blas_threads(), slices()

    def test_dense_networks(self):
        # 100·100 weights; with 1,000 rows, 10 million multiplications
        for m, n in ((1, 1), (100, 1), (399, 1), (801, 2), (1000, 2)):
            self.assertEqual(self.inside(network(dense(100, "relu"), dense()), m, 100), (n, 1))

    def test_the_largest_of_all_layers(self):
        wide = network(dense(3, "relu"), dense(4000, "relu"), dense(1000, "relu"), dense(3))
        self.assertEqual(self.inside(wide, 1, 2), (1, 1))
        self.assertEqual(self.inside(wide, 2, 2), (2, 1))

    def test_steps_of_sequences_are_rows(self):
        for layers in (
            [elman(100), dense(1, "linear")],
            [elman(2, return_sequences=True), dense(5000, "linear"), dense(1, "linear")],
        ):
            for m, t, n in ((50, 4, 1), (50, 20, 2), (1, 1000, 2), (10, 1, 1)):
                with self.subTest(m=m, t=t):
                    self.assertEqual(self.inside(network(*layers, loss="l2"), m, 1, t), (n, 1))

    def test_layers_within_a_block_count(self):
        block = {"name": "residual", "layers": [dense(100, "relu")]}
        for m, n in ((399, 1), (1000, 2)):
            self.assertEqual(self.inside(network(block, dense()), m, 100), (n, 1))
        block = {"name": "residual", "layers": [CONVOLUTION | {"n_out": 1}]}
        self.assertEqual(self.inside(network(block, FLATTEN, dense()), 1, 4, 4, 1), (1, 2))

    def test_convolutions_split_the_batch(self):
        self.assertEqual(self.inside(cnn(), 3, 6, 6, 1), (1, 2))

    def test_a_number_of_ones_own(self):
        for n_threads, expected in ((1, (1, 1)), (2, (2, 1)), (5, (2, 1))):
            for m in (1, 10_000):
                model = network(dense(100, "relu"), dense(), n_threads=n_threads)
                self.assertEqual(self.inside(model, m, 100), expected)
        self.assertEqual(self.inside(cnn(n_threads=1), 3, 6, 6, 1), (1, 1))
        with self.assertRaisesRegex(ValueError, "n_threads must be at least 1, got 0"):
            cnn(n_threads=0)


class TestCalls(Watched):
    def run_all(self, model, dataset):
        """Train, test and predict."""
        model.train(dataset, 1)
        model.test(dataset)
        model.predict(dataset.train.data)
        model.predict(dataset.train.data, dataset.train.labels)

    def test_small_networks_hold_blas_at_one_thread(self):
        model = network(FLATTEN, dense())
        model.prepare(images())
        seen = self.watch(model)
        self.run_all(model, images())
        self.assertEqual(set(seen), {(1, 1)})
        self.assertGreater(len(seen), 6)
        self.assert_as_before()

    def test_large_networks_have_blas_s_threads(self):
        model = network(FLATTEN, dense(100_000, "relu"), dense())
        model.prepare(images())
        seen = self.watch(model)
        self.run_all(model, images())
        self.assertEqual(set(seen), {(2, 1)})

    def test_convolutions_have_slices(self):
        model = cnn()
        model.prepare(images())
        seen = self.watch(model)
        self.run_all(model, images())
        self.assertEqual(set(seen), {(1, 2)})
        self.assert_as_before()

    def test_networks_of_an_ensemble_each_have_their_own(self):
        models = cnn(), network(FLATTEN, dense())
        for model in models:
            model.prepare(images())
        seen = self.watch(models[0])
        Ensemble(models).test(images())
        self.assertEqual(seen, [(1, 2), (1, 1)])

    def test_forward_backward_and_update_set_nothing(self):
        model, dataset = cnn(), images()
        model.prepare(dataset)
        seen = self.watch(model)
        setting = mock.patch.object(threads.Limit, "set", side_effect=AssertionError)
        X, Y = dataset.train.data, dataset.train.labels
        with setting:
            for layer in model.layers:
                X = layer.forward_faster(X)
            model.backward(Y, model.forward(dataset.train.data))
            model.update(0)
            model.layers[0].backward_faster(np.ones((4, 6, 6, 2)))
        self.assertEqual(seen, 3 * [(2, 1)])
        with model.threads(dataset.train.data.shape):
            self.assertEqual(blas_threads(), 1)
            seen.clear()
            model.backward(Y, model.forward(dataset.train.data))
        self.assertEqual(seen, 2 * [(1, 2)])

    def test_equal_threads_give_equal_bits(self):
        def trained():
            model = cnn(dtype="float32")
            model.train(images(40), 2)
            return model.arrays()

        np.testing.assert_equal(trained(), trained())


class TestTwoModels(Watched):
    """In two threads, the number is that of before as soon as both have ended."""

    def test_one_in_another_in_one_out_other_out(self):
        for first, second in ((cnn, cnn), (cnn, self.small), (self.small, self.small)):
            for overlaps in (True, False):
                self.run_both(first(), second(), overlaps)
                self.assert_as_before()

    def small(self):
        return network(FLATTEN, dense())

    def run_both(self, first, second, overlaps):
        """Train the first; the second begins in between and ends after it, or before it."""
        entered, go_on, other_done = (threading.Event() for _ in range(3))
        dataset = images()
        first.prepare(dataset)
        second.prepare(dataset)

        def pause(*events):
            entered_event, *others = events
            entered_event.set()
            for event in others:
                assert event.wait(30)

        def train_first():
            with self.pausing(first, lambda: pause(entered, go_on)):
                first.train(images(), 1)
            other_done.set()

        thread = threading.Thread(target=train_first)
        thread.start()
        assert entered.wait(30)
        waits = [other_done] if overlaps else []
        with self.pausing(second, lambda: pause(go_on, *waits)):
            second.train(images(), 1)
        go_on.set()
        thread.join(30)
        self.assertFalse(thread.is_alive())

    def pausing(self, model, pause):
        """A context in which the first update calls a function."""
        update, calls = model.update, []

        def first_update(epoch):
            if not calls:
                calls.append(pause())
            update(epoch)

        return mock.patch.object(model, "update", first_update)


class TestInterrupts(Watched):
    def test_predict_at_every_line(self):
        model, dataset = cnn(), images()
        expected = model.predict(dataset.train.data)[0]
        for place in interrupts(lambda: model.predict(dataset.train.data), SOURCES, opcodes=False):
            self.assert_as_before(place)
        np.testing.assert_array_equal(model.predict(dataset.train.data)[0], expected)

    def test_train_where_contexts_begin_and_end(self):
        """Also that of an evaluation within the training's."""
        model, dataset = cnn(), images()
        files = (threads.__file__, blas.__file__, contextlib.__file__)
        for place in interrupts(lambda: model.train(dataset, 1), files, opcodes=False):
            self.assert_as_before(place)
        self.assertEqual(len(model.train(dataset, 1)["train_loss"]), model.epoch)

    @unittest.skipUnless(hasattr(signal, "setitimer"), "Windows has no timer signals")
    def test_training_and_prediction_by_signals(self):
        def stop(signum, frame):
            raise KeyboardInterrupt

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, stop))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        # Python reports an exception in a finalizer, or in a callback of the garbage collector.
        self.enterContext(mock.patch.object(sys, "unraisablehook"))
        model, dataset = cnn(), images()
        for i in range(100):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-3 + 5e-5 * i)
                end = time.monotonic() + 5  # Python drops an exception in a finalizer
                while time.monotonic() < end:
                    model.train(dataset, 1)
                    model.predict(dataset.train.data)
            except KeyboardInterrupt:
                pass
            self.assert_as_before()

    def test_an_error_in_a_layer(self):
        model = cnn()
        model.prepare(images())
        error = mock.patch.object(type(model.layers[1]), "forward", side_effect=ZeroDivisionError)
        X = np.ones((2, 6, 6, 1))
        for call in (lambda: model.train(images(), 1), lambda: model.predict(X)):
            with error, self.assertRaises(ZeroDivisionError):
                call()
            self.assert_as_before()


class TestRecord(InFolder):
    def setUp(self):
        super().setUp()
        two_blas_threads(self)

    def environment(self, model, name):
        logger = Logger(name, {}, {}, save=True, save_dir=self.root)
        model.logger = logger
        model.train(images(), 1)
        config = json.loads((logger.folder / "config.json").read_text())
        environment = config["environment"]
        return environment["blas"]["threads"], environment["batch_threads"]

    def test_config_has_the_threads_in_force_during_training(self):
        self.assertEqual(self.environment(cnn(), "cnn"), (1, 2))
        self.assertEqual(self.environment(cnn(n_threads=1), "one"), (1, 1))
        self.assertEqual(self.environment(network(FLATTEN, dense()), "small"), (1, 1))
        large = network(FLATTEN, dense(100_000, "relu"), dense())
        self.assertEqual(self.environment(large, "large"), (2, 1))


class TestWithoutThreadpoolctl(unittest.TestCase):
    def test_a_network_trains(self):
        """With all of BLAS's threads."""
        missing = mock.patch.dict(sys.modules, {"threadpoolctl": None})
        for function in (blas.controllers, blas.libraries):
            function.cache_clear()
            self.addCleanup(function.cache_clear)
        with missing:
            model = cnn()
            model.train(images(), 1)
            model.predict(images().train.data)
            self.assertEqual(blas.libraries(), [])


if __name__ == "__main__":
    unittest.main()
