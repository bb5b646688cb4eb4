"""Limits on BLAS's threads: counted for the process, set back after whatever happens."""

import contextlib
import itertools
import signal
import threading
import time
import unittest

from threadpoolctl import threadpool_limits

from neural_networks.utils import blas, threads
from neural_networks.utils.blas import Limit
from neural_networks.utils.threads import Threads, network_threads
from tests.support.blas import blas_threads, in_thread, interrupts, two_blas_threads


class WithTwoThreads(unittest.TestCase):
    def setUp(self):
        two_blas_threads(self)

    def assert_as_before(self, message=None):
        self.assertEqual(blas_threads(), 2, message)
        self.assertEqual(blas._limits, {}, message)
        self.assertEqual(threads.current(), Threads(), message)


class TestOverlapping(WithTwoThreads):
    def test_limits_in_every_order(self):
        """A in, B in, A out, B out, and so on: three limits, each set before it is lifted."""
        events = [(name, what) for name in "ABC" for what in ("set", "lift")]
        for order in itertools.permutations(events):
            if any(order.index((name, "set")) > order.index((name, "lift")) for name in "ABC"):
                continue
            limits, held = {name: Limit() for name in "ABC"}, set()
            for name, what in order:
                if what == "set":
                    self.assertEqual(limits[name].set(1), 2)
                    held.add(name)
                else:
                    limits[name].lift()
                    held.remove(name)
                self.assertEqual(blas_threads(), 1 if held else 2, order)

    def test_contexts_of_several_threads(self):
        """threadpoolctl lets a single thread set the number, while that one is alive."""
        events = [threading.Event() for _ in range(4)]
        seen = []

        def first():
            with network_threads(1, False):
                events[0].set()
                events[1].wait(30)
            events[2].set()
            events[3].wait(30)  # alive until the other one has ended, too

        thread = threading.Thread(target=first)
        thread.start()
        events[0].wait(30)
        with network_threads(1, False):
            events[1].set()
            events[2].wait(30)
            seen.append(blas_threads())
        seen.append(blas_threads())
        events[3].set()
        thread.join(30)
        self.assertEqual(seen, [1, 2])
        self.assert_as_before()

    def test_many_threads_at_once(self):
        def work():
            for _ in range(200):
                with network_threads(1, False):
                    assert blas_threads() == 1
            return True

        results = []
        workers = [threading.Thread(target=lambda: results.append(work())) for _ in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        self.assertEqual(results, 6 * [True])
        self.assert_as_before()

    def test_the_lowest_limit_holds(self):
        threadpool_limits(4, user_api="blas")
        limits = [Limit() for _ in range(3)]
        for limit, n, expected in zip(limits, (3, 2, 8), (3, 2, 2), strict=True):
            limit.set(n)
            self.assertEqual(blas_threads(), expected)
        limits[1].lift()
        self.assertEqual(blas_threads(), 3)
        limits[0].lift()
        limits[2].lift()
        self.assertEqual(blas_threads(), 4)

    def test_lifting_twice_or_without_setting(self):
        limit, other = Limit(), Limit()
        limit.lift()
        limit.set(1)
        other.set(1)
        for _ in range(2):
            limit.lift()
            self.assertEqual(blas_threads(), 1)
        other.lift()
        self.assert_as_before()


class TestOtherCode(WithTwoThreads):
    """Numbers that are set with threadpoolctl, around, inside and across our limits."""

    def test_a_lower_number_around(self):
        with threadpool_limits(1, user_api="blas"):
            for splits_batch, at_most in itertools.product((True, False), (None, 1, 2, 8)):
                with network_threads(10**9, splits_batch, at_most):
                    self.assertEqual(blas_threads(), 1)
                    self.assertEqual(threads.slices(), 1)
            self.assertEqual(blas_threads(), 1)
        self.assert_as_before()

    def test_a_number_never_rises(self):
        for at_most in (None, 2, 3, 10**6):
            with network_threads(10**9, False, at_most):
                self.assertEqual(blas_threads(), 2)
        self.assert_as_before()

    def test_a_limit_inside(self):
        with network_threads(10**9, False):
            with threadpool_limits(1, user_api="blas"):
                self.assertEqual(blas_threads(), 1)
            self.assertEqual(blas_threads(), 2)
        self.assert_as_before()

    def test_one_that_ends_before_ours(self):
        with contextlib.ExitStack() as stack:
            theirs = threadpool_limits(1, user_api="blas")
            stack.enter_context(network_threads(1, False))
            theirs.restore_original_limits()
            self.assertEqual(blas_threads(), 2)
        self.assert_as_before()

    def test_one_that_is_set_for_good_inside_stays(self):
        threadpool_limits(4, user_api="blas")
        for inside, afterwards in ((2, 2), (3, 3)):
            with network_threads(1, False):
                threadpool_limits(inside, user_api="blas")
            self.assertEqual(blas_threads(), afterwards)

    def test_set_in_another_thread_that_goes_on(self):
        """That thread then controls BLAS, as threadpoolctl has it; ours is limited all the same."""
        done, ready = threading.Event(), threading.Event()

        def other():
            threadpool_limits(2, user_api="blas")
            ready.set()
            done.wait(30)

        thread = threading.Thread(target=other)
        thread.start()
        ready.wait(30)
        with network_threads(1, False):
            inside = blas_threads()
        after = blas_threads()
        done.set()
        thread.join(30)
        self.assertEqual((inside, after), (1, 2))

    def test_afterwards_any_thread_may_set_it(self):
        with network_threads(1, False):
            pass

        def set_one():
            threadpool_limits(1, user_api="blas")
            return blas_threads()

        self.assertEqual(in_thread(set_one), 1)


class TestInterrupts(WithTwoThreads):
    files = (blas.__file__, threads.__file__, contextlib.__file__)

    def check(self, work, **options):
        count = 0
        for place in interrupts(work, self.files, **options):
            count += 1
            self.assert_as_before(place)
            self.assertTrue(in_thread(lambda: blas._lock.acquire(timeout=5), 10), place)
            blas._after_fork()  # a new lock, in place of the one that the thread has kept
        return count

    def test_at_every_opcode_of_entering_and_leaving(self):
        for splits_batch in (False, True):

            def enter(splits_batch=splits_batch):
                with network_threads(1, splits_batch):
                    pass

            self.assertGreater(self.check(enter), 300)

    def test_inside_another_context(self):
        """The outer one's limit holds on."""

        def enter():
            with network_threads(1, True):
                pass

        with network_threads(1, True):
            outer = threads.current()
            for place in interrupts(enter, self.files):
                self.assertEqual(blas_threads(), 1, place)
                self.assertEqual(len(blas._limits), 1, place)
                self.assertEqual(threads.current(), outer, place)
        self.assert_as_before()

    def test_while_another_thread_has_a_limit(self):
        entered, done = threading.Event(), threading.Event()

        def other():
            with network_threads(1, False):
                entered.set()
                done.wait(60)

        def enter():
            with network_threads(1, False):
                pass

        thread = threading.Thread(target=other)
        thread.start()
        entered.wait(30)
        for place in interrupts(enter, self.files, opcodes=False):
            self.assertEqual(blas_threads(), 1, place)
        done.set()
        thread.join(30)
        self.assert_as_before()

    @unittest.skipUnless(hasattr(signal, "setitimer"), "Windows has no timer signals")
    def test_by_signals(self):
        def stop(signum, frame):
            raise KeyboardInterrupt

        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, stop))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        for i in range(500):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 + 1e-6 * i)
                end = time.monotonic() + 5  # Python drops an exception in a finalizer
                while time.monotonic() < end:
                    with network_threads(1, True):
                        pass
            except KeyboardInterrupt:
                pass
            self.assert_as_before()

    def test_an_error_inside(self):
        for error in (KeyError, KeyboardInterrupt, SystemExit, GeneratorExit):
            with self.assertRaises(error), network_threads(1, True):
                raise error
            self.assert_as_before()

    def test_a_context_that_is_forgotten(self):
        context = network_threads(1, True)
        context.__enter__()
        self.assertEqual(blas_threads(), 1)
        del context
        self.assert_as_before()


if __name__ == "__main__":
    unittest.main()
