"""Convolution: worked examples, numbers of windows and parameters, im2col and padding."""

import unittest

import numpy as np
from hypothesis import given

from neural_networks.layers import Conv2D, Pool2D
from neural_networks.utils.convolution import col2im, im2col, output_shape, pad2d, padding
from tests.support.arrays import dtypes
from tests.support.image_cases import BACKWARDS, FORWARDS, any_windows, conv

IMAGE = np.array(
    [
        [1, 0, -2, 3, 4, 1],
        [2, 9, 5, 6, 0, -1],
        [0, -3, 1, 3, 4, 4],
        [6, 5, 2, 0, 6, 8],
        [-5, 4, -3, 1, 3, -2],
        [4, 1, 2, 8, 9, 7],
    ],
    float,
)
EDGES = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float)


def gray(image):
    """A matrix as a batch of one image with one channel."""
    return np.asarray(image, float)[np.newaxis, :, :, np.newaxis]


class TestByHand(unittest.TestCase):
    def layer(self, kernel, stride=1, pad="valid", bias=0.0):
        layer = Conv2D(1, np.shape(kernel), "linear", stride, pad)
        layer.parameters["W"] = np.asarray(kernel, float)[:, :, np.newaxis, np.newaxis]
        layer.parameters["b"] = np.array([[bias]])
        return layer

    def test_edge_filter(self):
        # 8·center minus the eight around it is 9·centre minus all nine. With the centres and the
        # sums of the windows, row by row:
        #   9·9 - 13 = 68    9·5 - 22 =  23    9·6 - 24 =  30    9·0 - 24 = -24
        #  -9·3 - 27 = -54   9·1 - 28 = -19    9·3 - 27 =   0    9·4 - 30 =   6
        #   9·5 -  7 = 38    9·2 - 10 =   8    9·0 - 17 = -17    9·6 - 27 =  27
        #   9·4 - 16 = 20   -9·3 - 20 = -47    9·1 - 28 = -19    9·3 - 40 = -13
        # The 10, for one, is (-3 + 1 + 3) + (5 + 2 + 0) + (4 - 3 + 1).
        expected = [[68, 23, 30, -24], [-54, -19, 0, 6], [38, 8, -17, 27], [20, -47, -19, -13]]
        for forward in FORWARDS:
            Y = getattr(self.layer(EDGES), forward)(gray(IMAGE))
            np.testing.assert_array_equal(Y, gray(expected), err_msg=forward, strict=True)

    def test_edge_filter_on_the_padded_image(self):
        # In the corner at the top: 9·1 - (1 + 0 + 2 + 9) = -3, at the bottom 9·7 - (3 - 2 + 9 + 7)
        # = 46. With stride 2 every other number of every other row is left.
        for forward in FORWARDS:
            Y = getattr(self.layer(EDGES, pad="same"), forward)(gray(IMAGE))
            self.assertEqual((Y[0, 0, 0, 0], Y[0, 5, 5, 0]), (-3, 46), forward)
            self.assertEqual(Y.shape, (1, 6, 6, 1))
            every_other = getattr(self.layer(EDGES, 2, "same"), forward)(gray(IMAGE))
            np.testing.assert_array_equal(every_other, Y[:, ::2, ::2], err_msg=forward)

    def test_the_kernel_is_not_turned_round(self):
        """Cross-correlation: 1·1 + 2·2 + 3·3 + 4·4 = 30; turned round it would be 20."""
        square = [[1, 2], [3, 4]]
        for forward in FORWARDS:
            Y = getattr(self.layer(square, bias=100), forward)(gray(square))
            np.testing.assert_array_equal(Y, [[[[130]]]], err_msg=forward)

    def test_gradients(self):
        # X = 1 2 3, W = 10 20, dL/dY = 5 7: each pixel gets the weight that lay on it,
        #   dL/dX = 5·10, 5·20 + 7·10, 7·20,   dL/dW = 5·1 + 7·2, 5·2 + 7·3,   dL/db = 5 + 7.
        for forward in FORWARDS:
            for backward in BACKWARDS:
                layer = self.layer([[10, 20]])
                Y = getattr(layer, forward)(gray([[1, 2, 3]]))
                np.testing.assert_array_equal(Y, gray([[50, 80]]))
                dLdX = getattr(layer, backward)(gray([[5, 7]]))
                np.testing.assert_array_equal(dLdX, gray([[50, 170, 140]]), strict=True)
                np.testing.assert_array_equal(layer.gradients["W"].ravel(), [19, 31])
                np.testing.assert_array_equal(layer.gradients["b"], [[12.0]], strict=True)

    def test_channels_are_added_up(self):
        """Of red 2, green 3, blue 5 the kernel (1, 10, 100) makes 532; another one, 235."""
        layer = Conv2D(2, 1, "linear")
        layer.parameters["W"] = np.array([[[[1.0, 100.0], [10.0, 10.0], [100.0, 1.0]]]])
        layer.parameters["b"] = np.zeros((1, 2))
        for forward in FORWARDS:
            Y = getattr(layer, forward)(np.array([[[[2.0, 3.0, 5.0]]]]))
            np.testing.assert_array_equal(Y, [[[[532, 235]]]], err_msg=forward)


class TestNumberOfWindows(unittest.TestCase):
    def test_by_hand(self):
        for image, kernel, stride, pad, expected in (
            ((227, 227), (11, 11), 4, "valid", (55, 55)),  # (227 - 11) / 4 + 1
            ((6, 4), (2, 2), 2, "valid", (3, 2)),
            ((22, 22), (4, 4), 2, 0, (10, 10)),
            ((10, 10), (3, 3), 2, 0, (4, 4)),  # 4.5: the last column is left out
            ((32, 30), (3, 5), 1, "same", (32, 30)),
            ((32, 32), (4, 2), 1, "same", (31, 31)),  # pads of (4-1)//2 = 1 and (2-1)//2 = 0
            ((7, 7), (3, 3), 3, "same", (3, 3)),
            ((5, 6), (5, 6), 4, "valid", (1, 1)),
            ((5, 5), (3, 3), 1, (2, 0), (7, 3)),
        ):
            with self.subTest(image=image, kernel=kernel, stride=stride, pad=pad):
                self.assertEqual(
                    output_shape(image, kernel, stride, padding(pad, kernel)), expected
                )
                if image[0] < 100:
                    X = np.ones((2, *image, 1))
                    layer = conv(X.shape, kernel, 3, stride=stride, pad=pad)
                    for forward in FORWARDS:
                        self.assertEqual(getattr(layer, forward)(X).shape, (2, *expected, 3))
                    Y = Pool2D(kernel, "max", stride, pad).forward(X)
                    self.assertEqual(Y.shape, (2, *expected, 1))


class TestNumberOfParameters(unittest.TestCase):
    def count(self, X_shape, kernel, stride, n_out):
        """Weights and biases of a layer, and the weights if every window had its own kernels."""
        layer = Conv2D(n_out, kernel, "relu", stride, "valid")
        layer._init_parameters(X_shape)
        _, rows, columns, _ = layer.output_shape(X_shape)
        W, b = (layer.parameters[name].size for name in ("W", "b"))
        return W, b, rows * columns * W

    def test_shared_and_not_shared(self):
        for X_shape, kernel, stride, n_out, expected in (
            # 4·4; 10·10 windows
            ((1, 22, 22, 1), 4, 2, 1, (16, 1, 1_600)),
            # 4·4·3; 19·19 windows, not three times as many
            ((1, 40, 40, 3), 4, 2, 1, (48, 1, 17_328)),
            # 96·11·11·3; 55·55 windows
            ((1, 227, 227, 3), 11, 4, 96, (34_848, 96, 105_415_200)),
        ):
            self.assertEqual(self.count(X_shape, kernel, stride, n_out), expected)
        # With a bias for each of the 55·55·96 numbers, that is the course's 290,400 · 364.
        self.assertEqual(105_415_200 + 55 * 55 * 96, 290_400 * 364)

    def test_the_image_s_size_does_not_matter(self):
        layer = Conv2D(4, (3, 2), "relu")
        for size in (5, 9, 4):
            Y = layer.forward(np.ones((1, size, size, 3)))
            self.assertEqual(Y.shape, (1, size, size - 1, 4))
            self.assertEqual(layer.parameters["W"].shape, (3, 2, 3, 4))
            self.assertEqual(layer.parameters["b"].shape, (1, 4))


class TestPad2d(unittest.TestCase):
    def test_sides(self):
        X = np.arange(1.0, 13.0).reshape(1, 2, 3, 2)
        for pad, kernel, sides in (
            ("valid", (5, 5), (0, 0, 0, 0)),
            ("same", (5, 3), (2, 2, 1, 1)),
            ("same", (4, 2), (1, 1, 0, 0)),
            ("same", 7, (3, 3, 3, 3)),
            (2, (3, 1), (2, 2, 2, 2)),
            ((1, 2), 3, (1, 1, 2, 2)),
            ([0, 3], 3, (0, 0, 3, 3)),
            ((1, 2, 3, 0), 3, (1, 2, 3, 0)),
        ):
            for stride in (None, 1, 3):
                with self.subTest(pad=pad, kernel=kernel, stride=stride):
                    X_pad, found = pad2d(X, pad, kernel, stride)
                    self.assertEqual(found, sides)
                    top, bottom, left, right = sides
                    widths = ((0, 0), (top, bottom), (left, right), (0, 0))
                    np.testing.assert_array_equal(X_pad, np.pad(X, widths), strict=True)

    @given(dtypes)
    def test_type_and_value(self, dtype):
        X_pad, _ = pad2d(np.ones((1, 1, 1, 1), dtype), 1, 3, value=-np.inf)
        self.assertEqual(X_pad.dtype, dtype)
        self.assertEqual((X_pad == -np.inf).sum(), 8)
        self.assertEqual(X_pad[0, 1, 1, 0], 1)


class TestIm2col(unittest.TestCase):
    def test_spelled_out(self):
        X = gray([[1, 2, 3], [4, 5, 6]])
        for stride, pad, expected in (
            (1, "valid", [[1, 2, 4, 5], [2, 3, 5, 6]]),
            (2, "valid", [[1, 2, 4, 5]]),
            (2, (1, 0), [[0, 0, 1, 2], [4, 5, 0, 0]]),
            (3, (0, 1), [[0, 1, 0, 4], [3, 0, 6, 0]]),
        ):
            found = im2col(X, 2, stride, pad)
            np.testing.assert_array_equal(found, expected, err_msg=f"{stride} {pad}")

    def test_channels_go_last_and_images_first(self):
        """A pixel's channels stay together, in the order of kernels (k1, k2, C, n_out)."""
        X = np.array([[[[1, 10], [2, 20], [3, 30]]], [[[4, 40], [5, 50], [6, 60]]]], float)
        expected = [[1, 10, 2, 20], [2, 20, 3, 30], [4, 40, 5, 50], [5, 50, 6, 60]]
        np.testing.assert_array_equal(im2col(X, (1, 2), 1, 0), expected)

    def test_col2im_adds_up(self):
        """The pixel in the middle of three lies in two windows."""
        X = gray([[1, 2, 3]])
        X_col = np.array([[1.0, 10.0], [100.0, 1000.0]])
        found = col2im(X_col, X, (1, 2, 1, 1), 1, "valid")
        np.testing.assert_array_equal(found, gray([[1, 110, 1000]]), strict=True)
        # With a border, what lies on it is gone.
        found = col2im(np.arange(8.0).reshape(4, 2), X, (1, 2, 1, 1), 1, (0, 1))
        np.testing.assert_array_equal(found, gray([[1 + 2, 3 + 4, 5 + 6]]), strict=True)

    @given(any_windows)
    def test_col2im_is_the_adjoint_of_im2col(self, drawn):
        """⟨im2col(X), Y⟩ = ⟨X, col2im(Y)⟩ for every Y."""
        (case, _), dtype, seed = drawn
        where = case.stride, case.pad
        rng = np.random.default_rng(seed)
        # Whole numbers: both sides are exact.
        X = rng.integers(-9, 10, case.X_shape).astype(dtype)
        X_col = im2col(X, case.kernel_shape, *where)
        Y_col = rng.integers(-9, 10, X_col.shape).astype(dtype)
        Y = col2im(Y_col, X, (*case.kernel_shape, X.shape[3], 1), *where)
        self.assertEqual((X_col.dtype, Y.dtype, Y.shape), (X.dtype, X.dtype, X.shape))
        m, rows, columns, _ = (
            conv(case.X_shape, case.kernel_shape, 1, "linear", *where).forward(X).shape
        )
        k1, k2 = case.kernel_shape
        self.assertEqual(X_col.shape, (m * rows * columns, k1 * k2 * X.shape[3]))
        self.assertEqual((X_col * Y_col).sum(dtype=float), (X * Y).sum(dtype=float))

    @given(any_windows)
    def test_times_the_kernels_it_is_the_convolution(self, drawn):
        (case, _), _, seed = drawn
        layer = conv(case.X_shape, case.kernel_shape, case.n_out, stride=case.stride, pad=case.pad)
        X = np.random.default_rng(seed).standard_normal(case.X_shape)
        W, b = layer.parameters["W"], layer.parameters["b"]
        X_col = im2col(X, case.kernel_shape, case.stride, case.pad)
        Z = (X_col @ W.reshape(-1, case.n_out) + b).reshape(layer.output_shape(X.shape))
        np.testing.assert_allclose(layer.forward(X), Z, rtol=1e-10, atol=1e-12)


if __name__ == "__main__":
    unittest.main()
