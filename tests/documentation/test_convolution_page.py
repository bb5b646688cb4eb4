"""docs/convolution.md: its products, matrices, counts, constants and errors, against the code."""

import math
import re
import runpy
import unittest
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks import winograd as benchmark
from neural_networks.utils import winograd
from neural_networks.utils.convolution import WORKSPACE
from neural_networks.utils.fast_convolution import FEW, MIN_CHANNELS, convolve
from tests.support.parts import winograd_from

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "convolution.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
F_2_3 = benchmark.FILTERS[0]
RNG_SEEDS = range(5)


def after(words: str) -> str:
    """The text of the first block of formulas behind some words."""
    _, rest = PAGE.split(words)
    return re.search(r"\n\n((?: {4}.*\n|\n)+)", rest)[1]


def evaluated(formula: str, values: dict) -> float:
    """A formula of the page: ``x0 w0``, ``·`` and ``s(-1)`` are as in mathematics."""
    code = formula.replace("·", "*").replace("∞", "math.inf")
    code = re.sub(r"(?<=[\w)]) (?=[xw]\d)", " * ", code)
    return eval(code, {"math": math}, values)


def equations(text: str) -> list[tuple[str, str]]:
    """The equations of a block, each with a name and a formula."""
    return re.findall(r"^ *(\w+(?:\([^)]*\))?) += (.*)$", text, re.M)


def numbers(text: str) -> list[list[Fraction]]:
    """The numbers of each line of a block, names of matrices left out."""
    lines = re.sub(r"\w+ᵀ? =", "   ", text).strip("\n").splitlines()
    return [[Fraction(word) for word in line.split()] for line in lines if line.strip()]


class TestTwoNumbersByFourProducts(unittest.TestCase):
    def test_the_products_give_the_sums(self):
        sums = dict(equations(after("two neighboring numbers from four pixels x:")))
        products = equations(after("The same two numbers follow from four products,"))
        self.assertEqual(list(sums), ["z0", "z1"])
        self.assertEqual([name for name, _ in products], ["m0", "m1", "m2", "m3", "z0", "z1"])
        for seed in RNG_SEEDS:
            rng = np.random.default_rng(seed)
            x, w = rng.integers(-9, 10, 4), rng.integers(-9, 10, 3)
            values = {f"x{i}": int(x[i]) for i in range(4)} | {f"w{i}": int(w[i]) for i in range(3)}
            for name, formula in products:
                values[name] = evaluated(formula, values)
            for name, formula in sums.items():
                self.assertEqual(values[name], evaluated(formula, values))
            self.assertEqual([values["z0"], values["z1"]], np.correlate(x, w).tolist())

    def test_the_example(self):
        block = after("m0 adds x0 w0 and takes x2 w0 away. With x = 1, 2, 3, 5 and\nw = 3, 1, 2:")
        chains = re.split(r"\s{4,}", block.strip())
        self.assertEqual(len(chains), 6)
        found = {}
        for chain in chains:
            name, *sides = chain.split(" = ")
            values = {evaluated(side, {}) for side in sides}
            self.assertEqual(len(values), 1, chain)
            found[name.strip()] = values.pop()
        self.assertEqual([found["z0"], found["z1"]], np.correlate([1, 2, 3, 5], [3, 1, 2]).tolist())
        products = equations(after("The same two numbers follow from four products,"))
        values = {"x0": 1, "x1": 2, "x2": 3, "x3": 5, "w0": 3, "w1": 1, "w2": 2}
        for name, formula in products[:4]:
            self.assertEqual(found[name], evaluated(formula, values))


class TestGeneralMethod(unittest.TestCase):
    def setUp(self):
        rows = np.array(numbers(after("s = B [(A p) ∘ (G w)],    ∘: entry by entry")), float)
        self.A, self.G, self.B = np.split(rows, [2, 5], axis=1)

    def test_values_and_interpolation(self):
        """Both blocks, evaluated: the coefficients of the product of two polynomials."""
        values_at = equations(after('The fourth point is "infinity": the leading\n   coefficients'))
        inverse = equations(after("3. **Interpolate**: find the polynomial with these values."))
        self.assertEqual((len(values_at), len(inverse)), (4, 4))
        for seed in RNG_SEEDS:
            rng = np.random.default_rng(seed)
            p, w = rng.integers(-9, 10, 2), rng.integers(-9, 10, 3)
            names = {f"p{i}": int(p[i]) for i in range(2)} | {f"w{i}": int(w[i]) for i in range(3)}
            at = {
                evaluated(name[2:-1], {}): evaluated(formula, names) for name, formula in values_at
            }
            self.assertEqual(set(at), {0, 1, -1, math.inf})
            s = [evaluated(formula, {"s": at.get}) for _, formula in inverse]
            self.assertEqual(s, np.convolve(p, w).tolist())
            np.testing.assert_array_equal(self.B @ ((self.A @ p) * (self.G @ w)), s)

    def test_the_transpose_filters(self):
        x, w = np.array([1.0, 2, 3, 5]), np.array([3.0, 1, 2])
        np.testing.assert_array_equal(self.B.T @ x * (self.G @ w), [-6, 15, 2, 6])
        np.testing.assert_array_equal(self.A.T @ ((self.G @ w) * (self.B.T @ x)), [11, 19])
        T = self.B @ np.diag(self.G @ w) @ self.A
        rows = re.findall(r"^ *s\d[ =]+(w\d|0) +(w\d|0)", after("By the rules of school,"), re.M)
        values = {"0": 0, "w0": 3, "w1": 1, "w2": 2}
        np.testing.assert_array_equal(T, [[values[entry] for entry in row] for row in rows])

    def test_the_signs_in_the_code(self):
        """The first row of G and the first column of B are turned, and nothing else."""
        A, B, G = benchmark.matrices(F_2_3)
        sign = np.array([-1, 1, 1, 1])
        np.testing.assert_allclose(A, self.A)
        np.testing.assert_allclose(B * sign, self.B, atol=1e-15)
        np.testing.assert_allclose(G * sign[:, np.newaxis], self.G)

    def test_the_library_s_points(self):
        A, _, _ = winograd.matrices(3, np.dtype("float64"))
        rows = numbers(after("The powers of the points are the rows of A:"))
        np.testing.assert_allclose(A.T, np.array(rows, float), rtol=1e-15)
        points = re.search(r"with six pixels and the points (.*?)\. For 5×5", FLAT)[1]
        found = [float(Fraction(point)) for point in points.split(", ")]
        np.testing.assert_allclose(found, winograd.POINTS, rtol=1e-15)


class Counting(np.ndarray):
    """A matrix that counts the multiplications of its products, in ``n``."""

    n = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(None,), **options):
        left, right = (np.asarray(each) for each in inputs)
        result = getattr(ufunc, method)(left, right, out=out[0], **options)
        if ufunc is np.matmul:
            Counting.n += result.size * left.shape[-1]
        return result


class TestCounts(unittest.TestCase):
    def test_multiplications_of_the_transforms(self):
        """Counted in images of 256×256, where a border hardly matters."""
        table = re.findall(
            r"^\| (\d)×\d \| ([\d.]+) C \| (\d+\.?\d*) \| (\d+) \| (\d+) C", PAGE, re.M
        )
        self.assertEqual([int(row[0]) for row in table], list(MIN_CHANNELS))
        for row in table:
            k, products, images, out, plain = (float(cell) for cell in row)
            k, side, step = int(k), 256, 7 - int(k)
            matrices = tuple(a.view(Counting) for a in winograd.matrices(k, np.dtype("float64")))
            X, Z = np.ones((1, side + k - 1, side + k - 1, 1)), np.empty((1, side, side, 1))
            with mock.patch.object(winograd, "matrices", lambda *_, found=matrices: found):
                Counting.n = 0
                V = winograd.transformed_images(X, slice(0, side // step), k, (0,) * 4, side)
                self.assertAlmostEqual(Counting.n / Z.size / images, 1, delta=0.01)
                Counting.n = 0
                winograd._numbers_of_tiles(np.asarray(V), k, np.zeros((1, 1)), out=Z)
                self.assertAlmostEqual(Counting.n / Z.size / out, 1, delta=0.01)
            self.assertEqual(products, 36 / step**2)
            self.assertEqual(plain, k * k)
            least = math.floor((images + out) / (plain - products)) + 1
            self.assertIn(f"less than {plain:g} C from C = {least} on", FLAT)

    def test_tiles(self):
        self.assertIn("36 products in place of 144 (16 numbers with 9 taps each)", FLAT)
        self.assertEqual((winograd.TILE**2, (winograd.TILE - 2) ** 2 * 9), (36, 144))
        self.assertIn("output of 14×14 takes 4×4 tiles, so that 256 numbers are computed", FLAT)
        self.assertEqual((math.ceil(14 / 4) ** 2, (4 * math.ceil(14 / 4)) ** 2), (16, 256))

    def test_larger_tiles_save_nothing(self):
        products = {
            side: (math.ceil(side / 6) ** 2 * 64, math.ceil(side / 4) ** 2 * 36)
            for side in (32, 16, 8)
        }
        self.assertEqual(products[32], (36 * 64, 64 * 36))
        self.assertEqual(*products[16])
        self.assertEqual(products[8], (4 * 64, 4 * 36))
        self.assertEqual((36 * 6 * 6, round(36 * 36 / 32**2, 2)), (1296, 1.27))
        for words in ("compute 1,296, which is 27% more", "by 36·64 products", "4·64 in place of"):
            self.assertIn(words, FLAT)

    def test_an_image_that_needs_bands(self):
        """The example of the page, and half of its channels, which fit."""
        self.assertIn("as one of 64×64 pixels with 64 channels does in float32", FLAT)
        for channels, n_bands in ((64, 2), (32, 1)):
            parts = list(winograd._parts((1, 64, 64, channels), 3, channels * 4))
            self.assertEqual(len(parts), n_bands)


class TestConstants(unittest.TestCase):
    def test_from_how_many_channels_on(self):
        self.assertEqual(list(MIN_CHANNELS), [3, 5])
        three, five = MIN_CHANNELS.values()
        self.assertIn(
            f"from {three} channels on for 3×3 kernels and from {five} for 5×5 kernels, both", FLAT
        )
        self.assertIn(f"| 3×3 from {three} channels on in and out, 5×5 from {five}; stride 1", FLAT)

    def test_sizes(self):
        self.assertIn(f"as many images as fill {winograd.WORKSPACE // 2**20} MiB (`WORK", FLAT)
        self.assertIn(f"as many images as fill {WORKSPACE // 2**20} MiB (`WORK", FLAT)
        self.assertNotEqual(winograd.WORKSPACE, WORKSPACE)
        self.assertIn(f"a window of at most {FEW} numbers", FLAT)
        self.assertIn(f"*tile* of {winograd.TILE}×{winograd.TILE} pixels gives 4×4 numbers", FLAT)


class TestErrors(unittest.TestCase):
    def test_the_table(self):
        """Cells of 16 channels; the last digits depend on BLAS."""
        section = PAGE.split("<!-- errors -->")[1].split("<!-- end of errors -->")[0]
        rows = [[cell.strip("* ") for cell in row.split("|")[1:-1]] for row in section.split("\n")]
        rows = [row for row in rows if row and row[0].startswith("F")]
        self.assertEqual(len(rows), len(benchmark.FILTERS))
        for row, way in zip(rows, benchmark.FILTERS, strict=True):
            self.assertEqual(row[0], way.name)
            self.assertAlmostEqual(float(row[1]), way.products, places=2)
            self.assertEqual(row[2], way.words())
            for dtype, cell, unit in (("float32", row[3], 1e-7), ("float64", row[6], 1e-16)):
                if benchmark.has_more_digits(dtype):
                    told = [float(number) for number in re.findall(r"[\d.]+", cell)]
                    found = np.array(benchmark.errors(way, dtype, 16, 0)) / unit
                    np.testing.assert_array_less(np.abs(np.log2(found / told)), 1, str(row))

    def test_factors_of_the_transforms(self):
        greatest = max(
            np.abs(matrix).max() for k in (3, 5) for matrix in winograd.matrices(k, np.dtype("f8"))
        )
        self.assertIn(f"with factors up to {greatest:.1f}", FLAT)
        powers = np.array([2 / 3, 3 / 2]) ** 3
        self.assertIn("are {:.1f} and {:.1f}".format(*powers), FLAT)

    def convolved(self, X, W, b, channels):
        out = np.empty((1, X.shape[1] - 2, X.shape[2] - 2, W.shape[3]), X.dtype)
        with winograd_from(channels), np.errstate(invalid="ignore"):
            for _ in convolve(X, W, b, 1, (0, 0, 0, 0), out):
                pass
        return out

    def test_inf_and_nan_spoil_the_tiles_that_contain_them(self):
        """Pixel (5, 8) lies in the columns 1 and 2 of tiles, and the rows 0 and 1."""
        rng = np.random.default_rng(0)
        X, W, b = rng.standard_normal((1, 14, 14, 2)), np.ones((3, 3, 2, 4)), np.zeros((1, 4))
        X[0, 5, 8, 1] = math.nan
        plain, tiles = np.zeros((12, 12), bool), np.zeros((12, 12), bool)
        plain[3:6, 6:9] = True
        tiles[0:8, 4:12] = True
        for channels, spoiled in ((None, plain), (1, tiles)):
            for value in (math.nan, math.inf):
                X[0, 5, 8, 1] = value
                Z = self.convolved(X, W, b, channels)[0]
                for n in range(4):
                    np.testing.assert_array_equal(~np.isfinite(Z[:, :, n]), spoiled)
        self.assertEqual(plain.sum(), 9)

    def test_integers(self):
        rng = np.random.default_rng(0)
        X = rng.integers(-9, 10, (1, 14, 14, 8)).astype("float32")
        W = rng.integers(-9, 10, (3, 3, 8, 8)).astype("float32")
        b = np.zeros((1, 8), "float32")
        plain, found = self.convolved(X, W, b, None), self.convolved(X, W, b, 1)
        np.testing.assert_array_equal(plain, np.rint(plain))
        self.assertFalse(np.array_equal(found, plain))
        np.testing.assert_allclose(found, plain, atol=1e-5 * np.abs(plain).max())


class TestDrawing(unittest.TestCase):
    def test_its_tiles_make_up_the_output(self):
        drawing = runpy.run_path(str(ROOT / "docs" / "figures" / "draw_winograd.py"))
        drawing["check"]()
        self.assertEqual(drawing["output"]().shape, (8, 8))


if __name__ == "__main__":
    unittest.main()
