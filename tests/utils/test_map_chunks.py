"""Batches that threads share, a few images at a time: ``map_chunks``."""

import threading
import time
import unittest
from unittest import mock

import numpy as np

from neural_networks.utils import convolution
from neural_networks.utils.convolution import WORKSPACE, chunks, images_at_once
from neural_networks.utils.threads import map_chunks, slices
from tests.support.parts import with_slices, workspace


def bounds(part):
    return part.start, part.stop


class TestMapChunks(unittest.TestCase):
    def parts(self, m, bytes_per_image, n=1):
        with with_slices(n):
            return map_chunks(bounds, m, bytes_per_image)

    def test_as_many_images_as_fit(self):
        third = WORKSPACE // 3
        self.assertEqual(self.parts(7, third), [(0, 3), (3, 6), (6, 7)])
        self.assertEqual(self.parts(6, third), [(0, 3), (3, 6)])
        self.assertEqual(self.parts(7, third + 1), [(0, 2), (2, 4), (4, 6), (6, 7)])
        self.assertEqual(self.parts(3, WORKSPACE), [(0, 1), (1, 2), (2, 3)])
        self.assertEqual(self.parts(1000, 1), [(0, 1000)])

    def test_an_image_that_does_not_fit(self):
        self.assertEqual(self.parts(3, 100 * WORKSPACE), [(0, 1), (1, 2), (2, 3)])

    def test_no_images(self):
        for n in (1, 2):
            self.assertEqual(self.parts(0, 100, n), [])

    def test_every_thread_has_its_own(self):
        third = WORKSPACE // 3
        self.assertEqual(self.parts(10, third, 2), [(0, 3), (3, 5), (5, 8), (8, 10)])
        # 3 images are the least that is worth a thread.
        self.assertEqual(self.parts(5, third, 2), [(0, 3), (3, 5)])
        self.assertEqual(self.parts(6, third, 2), [(0, 3), (3, 6)])
        self.assertEqual(self.parts(10, third, 100), [(0, 3), (3, 6), (6, 9), (9, 10)])

    def test_they_are_all_images_once_and_in_order(self):
        rng = np.random.default_rng(0)
        for _ in range(200):
            m, n = int(rng.integers(0, 60)), int(rng.integers(1, 9))
            size = int(WORKSPACE / rng.uniform(0.3, 20))
            parts = self.parts(m, size, n)
            starts, stops = (list(ends) for ends in zip(*parts, strict=True)) if parts else ([], [])
            self.assertEqual([*starts, m] if m else [], [0, *stops] if m else [])
            sizes = [stop - start for start, stop in parts]
            self.assertTrue(all(0 < k <= images_at_once(size) for k in sizes), (m, n, size))

    def test_results_stay_in_order_whatever_ends_first(self):
        def work(part):
            time.sleep(0.02 if part.start == 0 else 0)
            return part.start

        with with_slices(3):
            self.assertEqual(map_chunks(work, 6, WORKSPACE), [0, 1, 2, 3, 4, 5])

    def test_several_threads_work(self):
        meeting = threading.Barrier(2, timeout=30)

        def work(part):
            if part.start in (0, 2):
                meeting.wait()  # for the other half's first image
            return threading.current_thread().name

        with with_slices(2):
            first, second, third, fourth = map_chunks(work, 4, WORKSPACE)
        self.assertEqual((first, third), (second, fourth))
        self.assertNotEqual(first, third)

    def test_an_error_in_any_part(self):
        for wrong in range(6):
            for n in (1, 2, 3):

                def work(part, wrong=wrong):
                    if part.start == wrong:
                        raise ZeroDivisionError(f"image {part.start}")
                    return part.start

                with with_slices(n):
                    with self.assertRaisesRegex(ZeroDivisionError, f"image {wrong}"):
                        map_chunks(work, 6, WORKSPACE)
                    self.assertEqual(map_chunks(lambda part: part.start, 2, WORKSPACE), [0, 1])

    def test_nothing_is_split_again_within_a_part(self):
        """Nor are more threads used than there are slices."""
        with with_slices(2):
            inner = map_chunks(lambda _: (slices(), map_chunks(bounds, 2, 1)), 4, WORKSPACE)
        self.assertEqual(inner, 4 * [(1, [(0, 2)])])

    def test_results_of_any_kind(self):
        """Lists stay lists: only the parts are put in a row."""
        found = map_chunks(lambda part: [part.start], 2, WORKSPACE)
        self.assertEqual(found, [[0], [1]])
        self.assertEqual(map_chunks(lambda part: None, 2, WORKSPACE), [None, None])


class TestWorkspace(unittest.TestCase):
    def test_is_looked_up_at_each_call(self):
        """The tests that set ``convolution.WORKSPACE`` rely on it."""
        with mock.patch.object(convolution, "WORKSPACE", 10):
            self.assertEqual(images_at_once(3), 3)
            self.assertEqual(list(chunks(slice(1, 5), 5)), [slice(1, 3), slice(3, 5)])
            self.assertEqual(map_chunks(bounds, 4, 5), [(0, 2), (2, 4)])

    def test_may_be_given(self):
        self.assertEqual(images_at_once(3, 10), 3)
        self.assertEqual(images_at_once(30, 10), 1)
        self.assertEqual(list(chunks(slice(0, 3), 5, 10)), [slice(0, 2), slice(2, 3)])
        with workspace(10):
            self.assertEqual(map_chunks(bounds, 4, 5), [(0, 2), (2, 4)])


if __name__ == "__main__":
    unittest.main()
