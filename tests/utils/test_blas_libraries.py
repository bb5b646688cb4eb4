"""BLAS's threads after a fork, and the libraries whose number of threads is limited."""

import os
import subprocess
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from neural_networks.utils import blas, threads
from neural_networks.utils.threads import network_threads
from tests.support.blas import two_blas_threads

ROOT = Path(__file__).resolve().parents[2]

FORK = """
import os, sys, threading
import numpy as np
from threadpoolctl import threadpool_limits
from neural_networks.utils import blas
from neural_networks.utils.threads import map_slices, network_threads

def number():
    return blas.controllers()[0].num_threads

def works():
    with network_threads(0, splits_batch=True):
        inside = number(), sum(map_slices(lambda part: part.stop - part.start, 10, 1))
    return (*inside, number())

threadpool_limits(2)
"""


def forked(code):
    """The exit status of a program that forks; what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK + code],
        cwd=ROOT,
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


@unittest.skipUnless(hasattr(os, "fork"), "Windows has no fork")
class TestFork(unittest.TestCase):
    def test_in_a_context(self):
        """The child works, in its context and after it; the parent, too."""
        code = """
with network_threads(0, splits_batch=True):
    assert sum(map_slices(lambda part: part.stop - part.start, 10, 1)) == 10
    child = os.fork()
    inside = works()
if child == 0:
    print(inside, number(), works(), flush=True)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(inside, number(), works())
sys.exit(status)
"""
        expected = f"{(1, 10, 1)} 2 {(1, 10, 2)}\n"
        self.assertEqual(forked(code), (0, 2 * expected, ""))

    def test_while_another_thread_has_a_limit(self):
        """The child does not have that thread: its limits are lifted when they are next used."""
        code = """
entered, done = threading.Event(), threading.Event()
def other():
    with network_threads(1, False):
        entered.set()
        done.wait()
thread = threading.Thread(target=other)
thread.start()
entered.wait()
child = os.fork()
if child == 0:
    print(works(), number(), flush=True)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(works(), number())
done.set()
thread.join()
print(works(), number())
sys.exit(status)
"""
        expected = [f"{(1, 10, n)} {n}" for n in (2, 1, 2)]
        self.assertEqual(forked(code), (0, "\n".join([*expected, ""]), ""))

    def test_while_another_thread_changes_the_limits(self):
        code = """
held, done = threading.Event(), threading.Event()
def other():
    with blas._lock:
        held.set()
        done.wait()
threading.Thread(target=other, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    print(works(), flush=True)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
done.set()
sys.exit(status)
"""
        self.assertEqual(forked(code), (0, f"{(1, 10, 2)}\n", ""))


class TestLibraries(unittest.TestCase):
    def found(self, *controllers):
        """The libraries, if threadpoolctl finds these."""
        for function in (blas.controllers, blas.libraries):
            function.cache_clear()
            self.addCleanup(function.cache_clear)
        self.enterContext(
            mock.patch(
                "threadpoolctl.ThreadpoolController.select",
                return_value=SimpleNamespace(lib_controllers=list(controllers)),
            )
        )

    def controller(self, name, n, **attributes):
        """A library as threadpoolctl controls it."""
        controller = SimpleNamespace(filepath=f"/site-packages/{name}", num_threads=n, **attributes)
        controller.set_num_threads = lambda n: setattr(controller, "num_threads", n)
        return controller

    def test_all_of_them_are_limited_and_that_of_numpy_counts(self):
        scipy, numpy = self.controller("scipy.libs/b.so", 5), self.controller("numpy.libs/b.so", 3)
        self.found(scipy, numpy)
        with network_threads(0, splits_batch=True):
            self.assertEqual((scipy.num_threads, numpy.num_threads), (1, 1))
            self.assertEqual(threads.slices(), 3)
        self.assertEqual((scipy.num_threads, numpy.num_threads), (5, 3))

    def test_one_with_a_number_for_each_thread_is_left_alone(self):
        library = self.controller("numpy.libs/b.so", 3, threading_layer="openmp")
        self.found(library)
        with network_threads(0, splits_batch=True):
            self.assertEqual((library.num_threads, threads.slices()), (3, 1))

    def test_none(self):
        """As on a Mac with Accelerate."""
        self.found()
        with network_threads(0, splits_batch=True):
            self.assertEqual(threads.slices(), 1)

    def test_without_threadpoolctl(self):
        two_blas_threads(self)
        (library, *_) = blas.controllers()
        self.enterContext(mock.patch.dict(sys.modules, {"threadpoolctl": None}))
        for function in (blas.controllers, blas.libraries):
            function.cache_clear()
            self.addCleanup(function.cache_clear)
        with network_threads(0, splits_batch=True):
            self.assertEqual((library.num_threads, threads.slices()), (2, 1))
        self.assertEqual(blas.libraries(), [])


if __name__ == "__main__":
    unittest.main()
