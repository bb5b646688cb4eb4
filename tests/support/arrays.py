"""Shared tools of the tests: oracle data, hypothesis strategies and a check of gradients."""

import contextlib
import csv
import gc
import tempfile
import tracemalloc
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neural_networks.activations import ACTIVATIONS
from neural_networks.layers import FullyConnected
from neural_networks.models import NeuralNetwork

DATA = Path(__file__).parents[1] / "data"
DTYPES = ("float32", "float64")
KINKED = ("relu", "leaky_relu")


class InFolder(unittest.TestCase):
    """A test with its own temporary folder, ``self.root``."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def rows(self, run: str = "run") -> list[dict[str, str]]:
        """The rows of a run's log.csv, as text."""
        with (self.root / run / "log.csv").open(newline="") as file:
            return list(csv.DictReader(file))


# The same examples in every run, so that a red test stays red until its cause is fixed.
settings.register_profile("tests", max_examples=50, deadline=None, derandomize=True, database=None)
settings.load_profile("tests")


def load_oracle(name: str) -> dict[str, np.ndarray]:
    """The arrays of ``tests/data/<name>.npz``, see ``tests/oracle/write_data.py``."""
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def read_only(array: np.ndarray) -> np.ndarray:
    """A copy that raises ``ValueError`` when it is written to."""
    array = array.copy()
    array.flags.writeable = False
    return array


@contextlib.contextmanager
def unchanged(*arrays: np.ndarray) -> Iterator[None]:
    """A context after which the arrays must be unchanged."""
    before = [array.copy() for array in arrays]
    yield
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy, strict=True)


def least_growth(work: Callable[[], object], rounds: int = 4) -> int:
    """Bytes of memory that each call of a function leaves behind, at least.

    A leak grows in every round. Python's free lists also grow, but by ever smaller amounts; so the
    minimum over the rounds shows the leak.
    """
    gc.freeze()  # what is there already need not be searched in every round
    tracemalloc.start()
    try:
        sizes = []
        for _ in range(rounds + 1):
            work()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    return int(np.diff(sizes).min())


def step(model: NeuralNetwork, X: np.ndarray, Y: np.ndarray) -> float:
    """One training step; returns its loss."""
    loss = model.backward(Y, model.forward(X))
    model.update(0)
    return loss


class NothingGrows:
    """Tests that memory does not grow from step to step of training and predicting.

    For a TestCase whose ``setUp`` makes ``self.model`` and ``self.batch``, its X and Y.
    """

    LEAK = 4_500  # bytes in 40 steps; the smallest array in each would be 6,000 or more

    def growth(self, after: Callable[[], object] = lambda: None) -> int:
        """Growth in bytes over 40 steps, each followed by ``after``."""

        def work() -> None:
            for _ in range(40):
                step(self.model, *self.batch)
                after()

        return least_growth(work)

    def test_from_step_to_step(self):
        self.assertLess(self.growth(), self.LEAK)
        self.assertGreater(len(self.model.layers[0].cache), 0)

    def test_a_leak_would_be_seen(self):
        leak, layer = [], self.model.layers[0]
        self.assertGreater(self.growth(lambda: leak.append(layer.gradients["W"])), self.LEAK)

    def test_predicting_leaves_nothing(self):
        growth = least_growth(lambda: self.model.predict(*self.batch))
        self.assertLess(growth, 5_000)
        self.assertEqual({len(layer.cache) for layer in self.model.layers}, {0})


def away_from_zero(array: np.ndarray, distance: float = 0.05) -> np.ndarray:
    """The array with every entry moved away from 0, where a ReLU has its kink."""
    return array + np.where(array < 0, -distance, distance).astype(array.dtype)


def direction_error(
    fn: Callable[[np.ndarray], np.ndarray],
    gradient: np.ndarray,
    x: np.ndarray,
    dLdf: np.ndarray,
    rng: np.random.Generator,
) -> float:
    """The relative error of a gradient along one random direction.

    For the direction v the derivative of Σ dLdf · f(x + s v) at s = 0 is Σ gradient · v. This
    costs two calls of f for an x of any size.
    """
    v = rng.standard_normal(x.shape)
    h = 1e-5
    numeric = float((dLdf * (fn(x + h * v) - fn(x - h * v))).sum() / (2 * h))
    analytic = float((gradient * v).sum())
    return abs(analytic - numeric) / (abs(analytic) + abs(numeric))


def one_hot(rng: np.random.Generator, m: int, k: int) -> np.ndarray:
    """One-hot labels of m examples of k classes, float64."""
    return np.eye(k)[rng.integers(k, size=m)]


def examples(n: int = 10, d: int = 4, k: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n examples of d numbers, and their labels of k classes."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), one_hot(rng, n, k)


def probabilities(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Positive numbers whose sums over axis 1 are 1."""
    P = rng.uniform(0.1, 1.0, size=shape)
    return P / P.sum(axis=1, keepdims=True)


def dense(
    activation: str = "linear", shape: tuple[int, int] = (3, 2), dtype: str = "float64"
) -> FullyConnected:
    """A fully-connected layer with random weights and biases."""
    rng = np.random.default_rng(7)
    layer = FullyConnected(shape[1], activation, dtype=dtype)
    layer.parameters["W"] = rng.standard_normal(shape).astype(dtype)
    layer.parameters["b"] = rng.standard_normal((1, shape[1])).astype(dtype)
    return layer


activation_names = st.sampled_from(sorted(ACTIVATIONS))
dtypes = st.sampled_from(DTYPES)
sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32 - 1)


def float_arrays(
    shape: object, bound: float = 2.0, dtype: str = "float64"
) -> st.SearchStrategy[np.ndarray]:
    """Arrays of a shape, or of a strategy's shapes: hundredths in [-bound, bound].

    Much smaller numbers would leave gradients that finite differences cannot resolve.
    """
    hundredths = hnp.arrays(
        "int64", shape, elements=st.integers(int(-100 * bound), int(100 * bound))
    )
    return hundredths.map(lambda array: (array / 100).astype(dtype))
