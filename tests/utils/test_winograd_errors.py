"""Rounding errors of Winograd's method, relative to the largest value, beside the plain sum's."""

import unittest
from itertools import product
from typing import NamedTuple
from unittest import mock

import numpy as np

from neural_networks.layers import Conv2D
from neural_networks.utils import winograd
from tests.support.image_cases import run
from tests.support.parts import winograd_from

BOUNDS = {3: 3e-6, 5: 6e-6}
"""Of float32, by the kernel's side; measured, 2.1e-6 and 3.4e-6."""

BOUND_FLOAT64 = 1e-14
"""Measured, 8e-15, of dL/dW with 5×5 kernels."""

SEEDS = range(3)
KINDS = {
    "around 0": lambda rng, shape: rng.standard_normal(shape),
    "of bytes": lambda rng, shape: rng.integers(0, 256, shape).astype(float),
    "after a ReLU": lambda rng, shape: np.maximum(rng.standard_normal(shape), 0),
    "far from 0": lambda rng, shape: 100 + rng.standard_normal(shape),
}


class Case(NamedTuple):
    """Side of the kernel, channels in and out, images, and their side."""

    k: int
    C: int
    n_out: int
    m: int
    side: int


CASES = (
    Case(3, 24, 24, 4, 12),
    Case(3, 32, 48, 2, 16),
    Case(3, 128, 24, 2, 8),
    Case(3, 24, 96, 2, 9),
    Case(5, 32, 32, 4, 12),
    Case(5, 64, 32, 2, 11),
)


class Problem:
    """Images, kernels, biases and dL/dY in float32, and the exact results in float64."""

    def __init__(self, case, kind, seed):
        rng = np.random.default_rng(seed)
        self.case, shape = case, (case.m, case.side, case.side)
        W = rng.standard_normal((case.k, case.k, case.C, case.n_out))
        numbers = (
            KINDS[kind](rng, (*shape, case.C)),
            W / (case.k * case.C**0.5),
            rng.standard_normal((1, case.n_out)),
            rng.standard_normal((*shape, case.n_out)),
        )
        self.X, self.W, self.b, self.dLdY = (a.astype("float32") for a in numbers)
        with winograd_from(None):
            self.exact = self.results("float64")

    def results(self, dtype):
        layer = Conv2D(self.case.n_out, self.case.k, "linear", dtype=dtype)
        layer._init_parameters(self.X.shape)
        layer.parameters["W"], layer.parameters["b"] = self.W.astype(dtype), self.b.astype(dtype)
        dLdY = self.dLdY.astype(dtype)
        return run(layer, self.X.astype(dtype), dLdY, ("forward_faster", "backward_faster"))

    def errors(self, dtype, norm=np.max):
        """For each result, the greatest error, or another norm, over the greatest value."""
        return {
            name: float(norm(np.abs(value - self.exact[name])) / np.abs(self.exact[name]).max())
            for name, value in self.results(dtype).items()
        }


def root_mean_square(errors):
    return np.sqrt(np.mean(errors**2))


class TestBounds(unittest.TestCase):
    def problems(self, kinds):
        for case, kind, seed in product(CASES, kinds, SEEDS):
            with self.subTest(case, kind=kind, seed=seed):
                yield Problem(case, kind, seed)

    def test_in_both_types(self):
        for problem in self.problems(KINDS):
            for dtype, bound in (
                ("float32", BOUNDS[problem.case.k]),
                ("float64", BOUND_FLOAT64),
            ):
                for name, error in problem.errors(dtype).items():
                    self.assertLess(error, bound, f"{name}, {dtype}")

    def test_beside_the_plain_sum_s(self):
        """Root mean squares: 2 to 7 times as large; smaller, it would not be Winograd's."""
        for problem in self.problems(("around 0", "after a ReLU")):
            found = problem.errors("float32", root_mean_square)
            with winograd_from(None):
                plain = problem.errors("float32", root_mean_square)
            for name in ("Y", "dLdX", "dLdW"):
                ratio = found[name] / plain[name]
                self.assertTrue(1.5 < ratio < 10, f"{name}: {ratio}")

    def test_the_biases_have_no_part_in_it(self):
        for seed in SEEDS:
            self.assertLess(Problem(CASES[0], "around 0", seed).errors("float32")["dLdb"], 1e-6)


class TestPoints(unittest.TestCase):
    def errors(self, points, case):
        """Root mean squares of the errors over the seeds, for each result."""
        with mock.patch.object(winograd, "POINTS", points):
            winograd.matrices.cache_clear()
            found = [
                Problem(case, "around 0", seed).errors("float32", root_mean_square)
                for seed in SEEDS
            ]
        winograd.matrices.cache_clear()
        return {name: np.mean([errors[name] for errors in found]) for name in found[0]}

    def test_round_finer_than_those_of_the_source(self):
        """By a factor of 1.5 at least; measured, 2.0 to 2.3."""
        self.addCleanup(winograd.matrices.cache_clear)
        for case in (CASES[0], CASES[1], CASES[4]):
            ours = self.errors(winograd.POINTS, case)
            source = self.errors((0.0, 1.0, -1.0, 2.0, -2.0), case)
            for name in ("Y", "dLdX", "dLdW"):
                ratio = source[name] / ours[name]
                with self.subTest(case, name=name):
                    self.assertGreater(ratio, 1.5)


if __name__ == "__main__":
    unittest.main()
