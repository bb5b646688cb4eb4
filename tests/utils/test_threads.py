"""Threads over slices of a batch: equal results, BLAS settings restored."""

import os
import subprocess
import sys
import threading
import unittest
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from neural_networks.datasets import Dataset
from neural_networks.layers import Conv2D, Pool2D
from neural_networks.models import NeuralNetwork
from neural_networks.utils import threads
from neural_networks.utils.threads import batch_threads, map_slices

ROOT = Path(__file__).resolve().parents[2]
FORK = """
import os, sys
import numpy as np
from neural_networks.utils import threads
threads._threads.set(2)
total = lambda: sum(threads.map_slices(lambda part: part.stop - part.start, 10, 1))
assert total() == 10
child = os.fork()
if child == 0:
    os._exit(0 if total() == 10 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def two_blas_threads(test):
    """Give BLAS two threads for a test, whatever the environment says; their number as a set."""
    test.enterContext(threadpool_limits(2, user_api="blas"))
    return blas_threads()


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@contextmanager
def with_threads(n):
    """A context in which ``map_slices`` has n threads, on any machine."""
    token = threads._threads.set(n)
    try:
        yield
    finally:
        threads._threads.reset(token)


class TestSlices(unittest.TestCase):
    def slices(self, n, m, least=1):
        with with_threads(n):
            return map_slices(lambda part: (part.start, part.stop), m, least)

    def test_make_up_all_images_in_order(self):
        self.assertEqual(self.slices(1, 10), [(0, 10)])
        self.assertEqual(self.slices(2, 10), [(0, 5), (5, 10)])
        self.assertEqual(self.slices(3, 10), [(0, 3), (3, 6), (6, 10)])
        self.assertEqual(self.slices(4, 0), [(0, 0)])

    def test_are_not_smaller_than_is_worth_a_thread(self):
        self.assertEqual(self.slices(4, 10, least=5), [(0, 5), (5, 10)])
        self.assertEqual(self.slices(4, 10, least=6), [(0, 10)])

    def test_are_worked_on_at_the_same_time(self):
        barrier = threading.Barrier(3, timeout=30)
        with with_threads(3):  # one after the other, they would wait for each other in vain
            self.assertEqual(len(map_slices(lambda _: barrier.wait(), 3, 1)), 3)

    def test_an_error_comes_through(self):
        for bad in (0, 5):

            def work(part, bad=bad):
                if part.start == bad:
                    raise ValueError("of this slice")

            with with_threads(2), self.assertRaisesRegex(ValueError, "of this slice"):
                map_slices(work, 10, 1)

    def test_errstate_holds_in_every_thread(self):
        def work(part):
            return np.float64(1e308) * np.full(part.stop - part.start, 10.0)

        with with_threads(2):
            with np.errstate(over="ignore"):
                self.assertTrue(np.isinf(np.concatenate(map_slices(work, 4, 1))).all())
            with np.errstate(over="raise"), self.assertRaises(FloatingPointError):
                map_slices(work, 4, 1)

    @unittest.skipUnless(hasattr(os, "fork"), "Windows has no fork")
    def test_after_a_fork_there_are_new_threads(self):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORK], cwd=ROOT, timeout=60, check=False
        )
        self.assertEqual(done.returncode, 0)


class TestBatchThreads(unittest.TestCase):
    def test_blas_has_one_thread_meanwhile(self):
        before = two_blas_threads(self)
        with batch_threads():
            self.assertEqual(blas_threads(), {1})
            self.assertEqual(threads._threads.get(), max(before))
            with batch_threads():
                self.assertEqual(threads._threads.get(), max(before))
            self.assertEqual(blas_threads(), {1})
        self.assertEqual(blas_threads(), before)
        self.assertEqual(threads._threads.get(), 1)

    def test_an_error_restores_it_too(self):
        before = two_blas_threads(self)
        with self.assertRaises(KeyError), batch_threads():
            raise KeyError
        self.assertEqual(blas_threads(), before)

    def test_without_threadpoolctl_there_is_one_thread(self):
        self.addCleanup(threads._blas.cache_clear)
        before = two_blas_threads(self)
        with mock.patch.dict(sys.modules, {"threadpoolctl": None}):
            threads._blas.cache_clear()
            with batch_threads():
                self.assertEqual(threads._threads.get(), 1)
                self.assertEqual(blas_threads(), before)


class TestLayers(unittest.TestCase):
    def run_layer(self, layer, X, dLdY):
        Y = layer.forward_faster(X)
        return Y, layer.backward_faster(dLdY), *layer.gradients.values()

    def test_the_numbers_do_not_depend_on_the_threads(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(9, 8, 7, 3))
        cases = [Conv2D(4, 3, "tanh", stride, rng=1) for stride in (1, 2)]
        cases += [
            Conv2D(4, (5, 4), "relu", pad=2, rng=1),
            Pool2D(2, "max", 2),
            Pool2D(3, "average"),
        ]
        for layer in cases:
            dLdY = rng.normal(size=layer.forward_faster(X).shape)
            expected = self.run_layer(layer, X, dLdY)
            for n in (2, 3, 20):
                with (
                    self.subTest(layer=type(layer).__name__, stride=layer.stride, threads=n),
                    mock.patch("neural_networks.utils.convolution.WORKSPACE", 1),
                    with_threads(n),
                ):
                    found = self.run_layer(layer, X, dLdY)
                    for a, b in zip(found, expected, strict=True):
                        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14, strict=True)

    def test_networks_with_such_a_layer_hold_blas_at_one_thread(self):
        dense = {"name": "fully_connected", "n_out": 2, "activation": "softmax"}
        convolution = {"name": "conv2d", "n_out": 2, "kernel_shape": 3, "activation": "relu"}
        X, Y = np.ones((3, 4, 4, 1)), np.eye(2)[[0, 1, 0]]
        before, seen = two_blas_threads(self), []
        for first, expected in ((convolution, {1}), ({"name": "flatten"}, before)):
            layers = [first, {"name": "flatten"}, dense]
            model = NeuralNetwork("cross_entropy", layers, {"name": "SGD", "lr": 0.1}, seed=0)
            model.forward(X)
            flatten = model.layers[1]

            def forward(X, flatten=flatten):
                seen.append(blas_threads())
                return flatten.forward(X)

            def backward(dLdY, flatten=flatten):
                seen.append(blas_threads())
                return flatten.backward(dLdY)

            with mock.patch.multiple(flatten, forward_faster=forward, backward_faster=backward):
                model.train(Dataset(X, Y, 3, X, Y), 1)
                model.predict(X, Y)
            # After prepare: forward, backward, evaluation, predict.
            self.assertEqual(seen[1:], 4 * [expected])
            self.assertEqual(blas_threads(), before)
            seen.clear()


if __name__ == "__main__":
    unittest.main()
