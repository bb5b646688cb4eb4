"""Exercise 6.1: np.einsum. Fill in the three functions, then ``python einsum_exercises.py``.

Each result is compared with NumPy's own; the norm of the difference should be 0, up to rounding.
"""

import argparse
import sys

import numpy as np


def trace(A: np.ndarray) -> np.ndarray:
    """The trace of A, (5, 5)."""
    # YOUR CODE HERE (6.1 einsum)
    raise NotImplementedError("6.1 einsum: write trace")


def matrix_times_vector(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A b, (5,), for A (5, 5) and b (5,)."""
    # YOUR CODE HERE (6.1 einsum)
    raise NotImplementedError("6.1 einsum: write matrix_times_vector")


def outer_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The outer product of a and b, (5, 5), for a and b (5,)."""
    # YOUR CODE HERE (6.1 einsum)
    raise NotImplementedError("6.1 einsum: write outer_product")


def main() -> int:
    """Print the norm of each difference; returns 1 if a function is not written yet."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    rng = np.random.default_rng(189)
    A, a, b = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=5)
    status = 0
    for function, arguments, expected in (
        (trace, (A,), np.trace(A)),
        (matrix_times_vector, (A, b), A @ b),
        (outer_product, (a, b), np.outer(a, b)),
    ):
        try:
            difference = np.linalg.norm(function(*arguments) - expected)
            print(f"{function.__name__:<20} norm of the difference: {difference:.1e}")
        except NotImplementedError:
            print(f"{function.__name__:<20} not written yet")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
