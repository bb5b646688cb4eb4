"""``python -m benchmarks.winograd``: its own transforms, errors, both methods, and the command."""

import contextlib
import io
import unittest
from unittest import mock

import numpy as np

from benchmarks import winograd as benchmark
from benchmarks.winograd import FILTERS, Convolution, Filter
from neural_networks.utils import fast_convolution, winograd

SMALL = {
    "ERROR_CHANNELS": (2,),
    "CONVOLUTIONS": (Convolution(3, 2, 2, 8), Convolution(3, 24, 24, 8)),
    "WORKSPACES": (2**14, winograd.WORKSPACE),
    "WORKSPACE_SHAPE": (4, 8, 8, 24),
    "IMAGES": 2,
    "LEAST_ROUNDS": 2,
}


def output(*arguments: str) -> tuple[int, str, str]:
    """Status, standard output and errors of the command with small sizes."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.multiple(benchmark, **SMALL),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            status = benchmark.main(arguments)
        except SystemExit as end:
            status = end.code
    return status, out.getvalue(), err.getvalue()


class TestTransforms(unittest.TestCase):
    def test_every_filter_filters(self):
        rng = np.random.default_rng(0)
        for way in FILTERS:
            with self.subTest(way.name, points=way.words()):
                A, B, G = benchmark.matrices(way)
                x, w = rng.standard_normal(way.n + way.k - 1), rng.standard_normal(way.k)
                z = A.T @ ((G @ w) * (B.T @ x))
                np.testing.assert_allclose(z, np.correlate(x, w), rtol=1e-12, atol=1e-12)

    def test_those_of_the_library(self):
        for k in (3, 5):
            way = Filter(7 - k, k, winograd.POINTS)
            self.assertIn(way, FILTERS)
            library = winograd.matrices(k, np.dtype("float64"))
            for found, expected in zip(benchmark.matrices(way), library, strict=True):
                np.testing.assert_array_equal(found, expected)

    def test_tiles_and_kernels_of_two_dimensions(self):
        rng = np.random.default_rng(1)
        for way in FILTERS:
            s = way.n + way.k - 1
            x, w = rng.standard_normal((3, s, s, 2)), rng.standard_normal((way.k, way.k, 2, 4))
            plain = benchmark.by_sums(x, w)
            self.assertEqual(plain.shape, (3, way.n, way.n, 4))
            one = np.einsum("ijc,ijcn->n", x[1, 1 : 1 + way.k, : way.k], w)
            np.testing.assert_allclose(plain[1, 1, 0], one, rtol=1e-12)
            found = benchmark.by_winograd(x, w, way)
            np.testing.assert_allclose(found, plain, rtol=1e-11, atol=1e-11)

    def test_words(self):
        self.assertEqual(FILTERS[2].words(), "0, ±2/3, ±3/2")
        self.assertEqual((FILTERS[2].name, FILTERS[2].products), ("F(4, 3)", 2.25))


class TestErrors(unittest.TestCase):
    def test_relative_to_the_greatest_value(self):
        exact = np.array([1.0, -8.0, 2.0])
        self.assertEqual(benchmark.error_of(np.array([1.5, -8, 1]), exact), 0.125)

    def test_of_both_types(self):
        for dtype, eps in (("float32", 2.0**-23), ("float64", 2.0**-52)):
            if benchmark.has_more_digits(dtype):
                found, plain = benchmark.errors(FILTERS[2], dtype, 16, 0)
                self.assertTrue(0.2 * eps < plain < 20 * eps, plain / eps)
                self.assertTrue(plain < found < 40 * eps, found / eps)

    def test_the_seed_counts(self):
        first, other = (benchmark.errors(FILTERS[0], "float32", 4, seed) for seed in (0, 1))
        self.assertNotEqual(first, other)
        self.assertEqual(first, benchmark.errors(FILTERS[0], "float32", 4, 0))


class TestTimes(unittest.TestCase):
    def test_both_methods_are_timed_in_turn(self):
        calls = []

        def count(function, name):
            def counted(*args):
                calls.append(name)
                return function(*args)

            return counted

        before = dict(fast_convolution.MIN_CHANNELS)
        with (
            mock.patch.object(winograd, "convolve", count(winograd.convolve, "Winograd")),
            mock.patch.object(
                fast_convolution, "_unfolded", count(fast_convolution._unfolded, "plain")
            ),
            mock.patch.multiple(benchmark, **SMALL),
        ):
            for case in (Convolution(3, 4, 4, 8), Convolution(5, 32, 32, 8)):
                calls.clear()
                found = list(benchmark.rounds(benchmark.timers(case, 0), 1e-9))
                self.assertEqual(len(found), 2)
                # forward and dL/dX by Winograd; forward and dL/dW by unfolding; once to warm up
                once = ["Winograd", "Winograd", "plain", "plain"]
                self.assertEqual(calls, 3 * once)
        self.assertEqual(fast_convolution.MIN_CHANNELS, before)

    def test_the_library_s_choice(self):
        self.assertFalse(benchmark.uses_winograd(Convolution(3, 23, 64, 8)))
        self.assertTrue(benchmark.uses_winograd(Convolution(3, 24, 24, 8)))
        self.assertFalse(benchmark.uses_winograd(Convolution(5, 16, 64, 8)))
        self.assertTrue(benchmark.uses_winograd(Convolution(5, 32, 32, 8)))

    def test_the_slower_choice_is_told(self):
        """Of the two convolutions, the library computes the second one by Winograd's method."""
        slow, fast = (2.0, 1.0, 4.0, 3.0), (1.0, 2.0, 2.0, 2.0)  # ratios of 3/2 and 3/4
        for first, second, words in (
            (slow, fast, "0 of 2."),
            (slow, slow, "1 of 2, which costs up to 50%."),
            (fast, fast, "1 of 2, which costs up to 33%."),
            (fast, slow, "2 of 2, which costs up to 50%."),
        ):
            out = io.StringIO()
            with (
                self.subTest(words),
                mock.patch.object(benchmark, "rounds", side_effect=[[first], [second]]),
                mock.patch.multiple(benchmark, **SMALL),
                contextlib.redirect_stdout(out),
            ):
                benchmark.print_times(1, 0)
            self.assertIn(f"The library takes the slower one in {words}\n", out.getvalue())


class TestCommand(unittest.TestCase):
    def test_a_small_run(self):
        status, out, err = output("--seconds", "0.001", "--seed", "3")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.count("F(4, 3)"), 2)
        self.assertRegex(out, r"3×3 +2→2 +2 +8 .* plain sums\n")
        self.assertRegex(out, r"3×3 +24→24 +2 +8 .* Winograd\n")
        self.assertRegex(out, rf"(?m)^ +{winograd.WORKSPACE // 1024} .* ms  the library's$")
        self.assertIn(", seed 3; numpy ", out)

    def test_wrong_flags(self):
        for arguments, words in (
            (("--seconds", "0"), "--seconds must be a positive number, got 0"),
            (("--seconds", "nan"), "--seconds must be a positive number, got nan"),
            (("--seed", "-1"), "--seed must be 0 or greater, got -1"),
            (("--sides", "3"), "--sides"),
        ):
            status, out, err = output(*arguments)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(words, err)

    def test_ctrl_c(self):
        with mock.patch.object(benchmark, "print_times", side_effect=KeyboardInterrupt):
            status, out, err = output()
        self.assertEqual((status, err), (130, "interrupted\n"))
        self.assertIn("F(2, 3)", out)


if __name__ == "__main__":
    unittest.main()
