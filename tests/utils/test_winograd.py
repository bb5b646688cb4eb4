"""Winograd's minimal filtering: its matrices, products by hand, tiles, and the parts of a batch."""

import unittest
from unittest import mock

import numpy as np

from neural_networks.utils import winograd
from neural_networks.utils.fast_convolution import convolve
from neural_networks.utils.winograd import TILE, matrices, transformed_images, transformed_kernels
from tests.support.arrays import DTYPES
from tests.support.parts import winograd_from, workspace

TAPS = range(1, TILE + 1)
SOURCE_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0)


def with_points(test, *points):
    """Evaluate at other points for the rest of a test."""
    patch = mock.patch.object(winograd, "POINTS", points)
    patch.start()
    for end in (matrices.cache_clear, patch.stop):
        test.addCleanup(end)
    matrices.cache_clear()


def filtered(x, w):
    """Numbers by the six products: z = Aᵀ [(G w) ∘ (Bᵀ x)]."""
    A, B, G = matrices(len(w), np.dtype("float64"))
    return A.T @ ((G @ w) * (B.T @ x))


class TestMatrices(unittest.TestCase):
    def test_they_filter_whatever_is_filtered(self):
        """Σ_q A_qc G_qj B_rq is 1 if r = c + j, else 0: so z_c = Σ_j x_{c+j} w_j for all x, w."""
        for k in TAPS:
            A, B, G = matrices(k, np.dtype("float64"))
            self.assertEqual((A.shape, B.shape, G.shape), ((TILE, 7 - k), (TILE, TILE), (TILE, k)))
            found = np.einsum("qc,qj,rq->rcj", A, G, B)
            r, c, j = np.ogrid[:TILE, : 7 - k, :k]
            np.testing.assert_allclose(found, r == c + j, atol=2e-15, err_msg=f"{k} taps")

    def test_against_numpy(self):
        rng = np.random.default_rng(0)
        for k in TAPS:
            x, w = rng.standard_normal(TILE), rng.standard_normal(k)
            np.testing.assert_allclose(filtered(x, w), np.correlate(x, w), rtol=1e-13, atol=1e-14)

    def test_those_of_the_source(self):
        """F(4, 3) of Lavin and Gray, section 4.3, at their points 0, ±1, ±2."""
        with_points(self, *SOURCE_POINTS)
        A, B, G = matrices(3, np.dtype("float64"))
        np.testing.assert_allclose(
            A.T,
            [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
        )
        expected = [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
        np.testing.assert_allclose(B.T, expected, atol=1e-14)
        rows = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
        np.testing.assert_allclose(24 * G, rows, atol=1e-14)

    def test_six_products_by_hand(self):
        """Pixels 1 to 6, weights 24, 12, 6 at the source's points.

        Bᵀ x = -6, -11, -3, 6, -2, -6 and G w = 6, -7, -3, 3, 1, 6. The products are -36, 77, 9,
        18, -2, -36. With Aᵀ, 77 + 9 + 18 - 2 - 36 = 66 is the first number: 24 + 24 + 18; the next
        ones are 77 - 9 + 36 + 4 = 108, 77 + 9 + 72 - 8 = 150, 77 - 9 + 144 + 16 - 36 = 192.
        """
        with_points(self, *SOURCE_POINTS)
        x, w = np.arange(1.0, 7.0), np.array([24.0, 12.0, 6.0])
        A, B, G = matrices(3, np.dtype("float64"))
        np.testing.assert_allclose(B.T @ x, [-6, -11, -3, 6, -2, -6], rtol=1e-14)
        np.testing.assert_allclose(G @ w, [6, -7, -3, 3, 1, 6], rtol=1e-14)
        np.testing.assert_allclose(A.T @ [-36, 77, 9, 18, -2, -36], [66, 108, 150, 192])
        np.testing.assert_allclose(filtered(x, w), [66, 108, 150, 192], rtol=1e-13)

    def test_are_made_once_and_nobody_writes_to_them(self):
        for dtype in map(np.dtype, DTYPES):
            for k in (3, 5):
                found = matrices(k, dtype)
                self.assertIs(found, matrices(k, dtype))
                for matrix in found:
                    self.assertEqual(matrix.dtype, dtype)
                    with self.assertRaisesRegex(ValueError, "read-only"):
                        matrix[0, 0] = 1


class TestTiles(unittest.TestCase):
    """One tile in two dimensions: 36 products in place of 9 (or 25) for each number."""

    def test_transforms_by_their_formulas(self):
        """U = G w Gᵀ and V = Bᵀ x B, both by columns: entry (p, q) is in the row 6 q + p."""
        rng = np.random.default_rng(1)
        for k in (3, 5):
            _, B, G = matrices(k, np.dtype("float64"))
            x, W = rng.standard_normal((1, TILE, TILE, 3)), rng.standard_normal((k, k, 3, 2))
            U = np.einsum("pi,ijcn,qj->qpcn", G, W, G).reshape(36, 3, 2)
            np.testing.assert_allclose(transformed_kernels(W), U, rtol=1e-12, atol=1e-14)
            V = np.einsum("rp,rsc,sq->qpc", B, x[0], B).reshape(36, 1, 3)
            found = transformed_images(x, slice(0, 1), k, (0, 0, 0, 0), 7 - k)
            np.testing.assert_allclose(found, V, rtol=1e-12, atol=1e-12)

    def test_tiles_begin_at_every_step_and_overlap(self):
        """An image of 8×7 with a border at the top and left: 2×2 tiles, with zeros around."""
        X = np.random.default_rng(2).standard_normal((2, 8, 7, 1))
        _, B, _ = matrices(3, np.dtype("float64"))
        around = np.zeros((2, 10, 10, 1))
        around[:, 1:9, 2:9] = X
        expected = np.empty((36, 8, 1))
        for i, (e, r, c) in enumerate(np.ndindex(2, 2, 2)):
            tile = around[e, 4 * r : 4 * r + 6, 4 * c : 4 * c + 6, 0]
            expected[:, i, 0] = (B.T @ tile @ B).T.ravel()
        found = transformed_images(X, slice(0, 2), 3, (1, 1, 2, 0), 7)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
        below = transformed_images(X, slice(1, 2), 3, (1, 1, 2, 0), 7)
        np.testing.assert_allclose(below, expected[:, [2, 3, 6, 7]], rtol=1e-12, atol=1e-13)


class TestParts(unittest.TestCase):
    """The parts that ``convolve`` yields: each number of Z once, and done."""

    X = np.random.default_rng(3).standard_normal((5, 13, 9, 4))
    W = np.random.default_rng(4).standard_normal((3, 3, 4, 6))
    b = np.random.default_rng(5).standard_normal((1, 6))
    SIZES = (1, 36 * 6 * 8 * 3, 36 * 6 * 8 * 3 * 2, 36 * 6 * 8 * 3 * 9, 2**40)

    def convolve(self, stride, n_bytes, out):
        with workspace(n_bytes):
            yield from convolve(self.X, self.W, self.b, stride, (1, 1, 1, 1), out)

    def test_every_number_is_done_once(self):
        for channels, stride in ((1, 1), (None, 1), (1, 2)):
            shape = (5, 13, 9, 6) if stride == 1 else (5, 7, 5, 6)
            expected, n_parts = np.empty(shape), []
            with winograd_from(channels):
                for _ in self.convolve(stride, 2**40, expected):
                    pass
                for n_bytes in self.SIZES:
                    Z, times = np.full(shape, np.nan), np.zeros(shape, int)
                    n_parts.append(0)
                    for part in self.convolve(stride, n_bytes, Z):
                        times[part] += 1
                        n_parts[-1] += 1
                        np.testing.assert_allclose(Z[part], expected[part], rtol=1e-12, atol=1e-13)
                    np.testing.assert_array_equal(times, 1)
            self.assertEqual(n_parts[-1], 1)
            bands = 4 if channels and stride == 1 else 1
            self.assertEqual(n_parts[0], 5 * bands)

    def test_bands_of_rows_where_an_image_is_too_large(self):
        """36 · 3 tiles · 6 channels · 8 bytes a band, of which there are four to an image."""
        found = []
        for n_bytes in self.SIZES:
            Z = np.empty((5, 13, 9, 6))
            with winograd_from(1):
                parts = list(self.convolve(1, n_bytes, Z))
            found.append([(len(Z[images]), rows.start, rows.stop) for images, rows in parts])
        self.assertEqual(found[1], 5 * [(1, 0, 4), (1, 4, 8), (1, 8, 12), (1, 12, 16)])
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[2], 5 * [(1, 0, 8), (1, 8, 16)])
        self.assertEqual(found[3], [(2, 0, 16), (2, 0, 16), (1, 0, 16)])

    def test_v_stays_within_the_workspace(self):
        """Of images of 64×64 pixels and 32 channels, too, one of which takes 9 times as much."""
        X, W = np.ones((2, 64, 64, 32), "float32"), np.ones((3, 3, 32, 16), "float32")
        Z, sizes = np.empty((2, 64, 64, 16), "float32"), []

        def transformed(*args):
            sizes.append((V := transformed_images(*args)).nbytes)
            return V

        n_bytes = 36 * 16 * 32 * 4 * 5  # five bands
        with (
            mock.patch.object(winograd, "transformed_images", transformed),
            mock.patch.object(winograd, "WORKSPACE", n_bytes),
        ):
            for _ in winograd.convolve(X, W, np.zeros((1, 16), "float32"), (1, 1, 1, 1), Z):
                pass
            self.assertEqual(len(sizes), 2 * 4)
            winograd.gradient_of_kernels(X, Z, 3, (1, 1, 1, 1))
        self.assertEqual(len(sizes), 2 * 2 * 4)
        self.assertEqual(max(sizes), n_bytes)

    def test_out_must_be_contiguous(self):
        """Otherwise a view of it may be a copy, and Z be lost in silence."""
        out = np.empty((5, 6, 9, 13)).transpose(0, 3, 2, 1)
        with self.assertRaises(AssertionError):
            next(winograd.convolve(self.X, self.W, self.b, (1, 1, 1, 1), out))


if __name__ == "__main__":
    unittest.main()
