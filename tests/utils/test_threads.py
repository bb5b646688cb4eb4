"""The threads of a network: the rule, slices of a batch, and the pool that computes them."""

import os
import threading
import time
import unittest
import warnings
from unittest import mock

import numpy as np

from neural_networks.layers import Conv2D, Pool2D
from neural_networks.utils import threads
from neural_networks.utils.threads import (
    SMALL_PRODUCT,
    check_threads,
    map_slices,
    network_threads,
    slices,
)
from tests.support.blas import blas_threads, in_thread, two_blas_threads
from tests.support.parts import with_slices


def pool_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("slice")]


class TestRule(unittest.TestCase):
    def setUp(self):
        two_blas_threads(self)

    def inside(self, *arguments):
        """Threads of BLAS, and slices, in a context of ``network_threads``."""
        with network_threads(*arguments):
            return blas_threads(), slices()

    def test_small_products_get_one_thread(self):
        self.assertEqual(self.inside(0, False), (1, 1))
        self.assertEqual(self.inside(SMALL_PRODUCT - 1, False), (1, 1))
        self.assertEqual(self.inside(SMALL_PRODUCT, False), (2, 1))
        self.assertTrue(4e6 <= SMALL_PRODUCT <= 8e6)  # as measured

    def test_layers_that_split_the_batch_get_all_threads(self):
        for product in (0, 10**9):
            self.assertEqual(self.inside(product, True), (1, 2))

    def test_a_number_that_is_given_replaces_the_rule(self):
        for product in (0, 10**9):
            self.assertEqual(self.inside(product, False, 1), (1, 1))
            self.assertEqual(self.inside(product, False, 2), (2, 1))
            self.assertEqual(self.inside(product, False, 7), (2, 1))
            self.assertEqual(self.inside(product, True, 1), (1, 1))
            self.assertEqual(self.inside(product, True, 2), (1, 2))
            self.assertEqual(self.inside(product, True, 7), (1, 2))

    def test_a_context_in_another_one_has_no_more_threads(self):
        large, small, splitting = (10**9, False), (0, False), (0, True)
        for outer, inner, expected in (
            ((*large, 1), large, (1, 1)),
            ((*splitting, 1), splitting, (1, 1)),
            ((*large, 1), (*splitting, 2), (1, 1)),
            (large, splitting, (1, 2)),
            (splitting, splitting, (1, 2)),
            (splitting, (*splitting, 1), (1, 1)),
            (small, large, (1, 1)),
            (splitting, large, (1, 1)),
        ):
            with self.subTest(outer=outer, inner=inner):
                before = self.inside(*outer)
                with network_threads(*outer):
                    self.assertEqual(self.inside(*inner), expected)
                    self.assertEqual((blas_threads(), slices()), before)

    def test_a_number_that_is_none(self):
        for n, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError)):
            with self.assertRaisesRegex(error, f"n_threads must be .*got {n!r}"):
                check_threads(n)
        self.assertEqual(check_threads(np.int64(3)), 3)
        self.assertIsNone(check_threads(None))

    def test_a_number_without_threadpoolctl(self):
        with mock.patch.object(threads, "libraries", return_value=[]):
            with self.assertWarnsRegex(UserWarning, "n_threads=1 has no effect.*threadpoolctl"):
                self.assertEqual(check_threads(1), 1)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                check_threads(None)


class TestSlices(unittest.TestCase):
    def slices(self, n, m, least=1):
        with with_slices(n):
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
        barrier = threading.Barrier(2, timeout=30)
        with with_slices(2):  # one after the other, they would wait for each other in vain
            self.assertEqual(len(map_slices(lambda _: barrier.wait(), 2, 1)), 2)

    def test_an_error_comes_through(self):
        for bad in (0, 5):

            def work(part, bad=bad):
                if part.start == bad:
                    raise ValueError("of this slice")

            with with_slices(2), self.assertRaisesRegex(ValueError, "of this slice"):
                map_slices(work, 10, 1)

    def test_after_an_error_no_slice_goes_on(self):
        """Else it would write to arrays, and use the cores, during what comes next."""
        for error in (ValueError, KeyboardInterrupt):
            began, done = threading.Event(), []

            def work(part, error=error, began=began, done=done):
                if part.start == 0:
                    began.wait(30)
                    raise error
                began.set()
                time.sleep(0.05)
                done.append(part)

            with with_slices(2), self.assertRaises(error):
                map_slices(work, 2, 1)
            self.assertEqual(len(done), 1)

    def test_errstate_holds_in_every_thread(self):
        def work(part):
            return np.float64(1e308) * np.full(part.stop - part.start, 10.0)

        with with_slices(2):
            with np.errstate(over="ignore"):
                self.assertTrue(np.isinf(np.concatenate(map_slices(work, 4, 1))).all())
            with np.errstate(over="raise"), self.assertRaises(FloatingPointError):
                map_slices(work, 4, 1)


class TestPool(unittest.TestCase):
    """One pool of threads for the process, however it is used."""

    def test_has_no_more_threads_than_the_machine_has_cores(self):
        for n in range(2, 80):
            with with_slices(n):
                starts = map_slices(lambda part: part.start, n, 1)
            self.assertEqual(starts, list(range(n)))
        self.assertLessEqual(len(pool_threads()), os.cpu_count())

    def nested(self, depth, m=4):
        """The number of images, counted in slices of slices of slices."""

        def count(part):
            n = part.stop - part.start
            return n if depth == 0 else self.nested(depth - 1, n)

        return sum(map_slices(count, m, 1))

    def test_nested_slices_are_computed_in_their_own_thread(self):
        for n in (2, 3, 8):
            with with_slices(n):
                self.assertEqual(in_context(lambda: self.nested(3, 20)), 20)
        names = []

        def outer(part):
            inner = map_slices(lambda _: threading.current_thread().name, 8, 1)
            names.append((threading.current_thread().name, inner))

        with with_slices(2):
            map_slices(outer, 2, 1)
        self.assertEqual([inner for _, inner in names], [[name] for name, _ in names])

    def test_a_network_within_a_slice(self):
        """It has one thread, too, as its context is inside another one."""
        two_blas_threads(self)

        def work(part):
            with network_threads(0, splits_batch=True):
                return slices(), len(map_slices(lambda _: 1, 8, 1))

        with with_slices(2):
            self.assertEqual(map_slices(work, 2, 1), [(1, 1), (1, 1)])

    def test_threads_started_within_slices(self):
        """They split batches again, while all threads of the pool wait for them."""
        two_blas_threads(self)

        def inner():
            with network_threads(0, splits_batch=True):
                return len(map_slices(lambda _: time.sleep(0.001), 8, 1))

        def outer(part):
            return in_thread(inner)

        def work():
            with with_slices(8):
                return map_slices(outer, 16, 1)

        self.assertEqual(in_thread(work), 8 * [2])

    def test_many_threads_use_it_at_once(self):
        def work():
            with with_slices(5):
                return [sum(map_slices(lambda part: part.stop, 5, 1)) for _ in range(50)]

        results = []
        workers = [threading.Thread(target=lambda: results.append(work())) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        self.assertEqual(results, 8 * [50 * [15]])
        self.assertLessEqual(len(pool_threads()), os.cpu_count())


def in_context(work):
    """The result of a function in another thread, which has a copy of this one's slices."""
    n = slices()

    def run():
        with with_slices(n):
            return work()

    return in_thread(run)


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
                    with_slices(n),
                ):
                    found = self.run_layer(layer, X, dLdY)
                    for a, b in zip(found, expected, strict=True):
                        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14, strict=True)


if __name__ == "__main__":
    unittest.main()
