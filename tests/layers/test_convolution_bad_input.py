"""Convolution and pooling: rejected arguments and their messages."""

import unittest

import numpy as np

from neural_networks.layers import Conv2D, Pool2D, initialize_layer
from tests.support.image_cases import BACKWARDS, FORWARDS, IMAGES, conv, images, layers


class TestOrderAndShape(unittest.TestCase):
    def test_backward_before_forward(self):
        for backward in BACKWARDS:
            for layer in (Conv2D(2, 3, "relu"), conv(IMAGES), Pool2D(2), Pool2D(2, "average")):
                with self.assertRaisesRegex(RuntimeError, f"{type(layer).__name__}.*forward"):
                    getattr(layer, backward)(np.ones((3, 5, 6, 3)))

    def test_upstream_gradient_of_another_shape(self):
        for layer, (forward, backward) in layers():
            shape = getattr(layer, forward)(images()).shape
            # Those with a 1 would broadcast, and give a wrong gradient without a word.
            for wrong in (
                (1, *shape[1:]),
                (*shape[:3], 1),
                shape[1:],
                (*shape, 1),
                (4, *shape[1:]),
            ):
                expected = str(shape).replace("(", r"\(").replace(")", r"\)")
                with self.assertRaisesRegex(ValueError, f"dLdY.*{expected}"):
                    getattr(layer, backward)(np.ones(wrong))

    def test_wrong_number_of_axes_and_empty_images(self):
        for layer in (Conv2D(2, 2, "relu"), Pool2D(2)):
            for forward in FORWARDS:
                for shape in (
                    (4, 5),
                    (4, 5, 6),
                    (4, 5, 6, 2, 1),
                    (4, 0, 6, 2),
                    (4, 5, 0, 2),
                    (4, 5, 6, 0),
                ):
                    expected = ", ".join(map(str, shape))
                    with self.assertRaisesRegex(ValueError, rf"\(m, H, W, C\).*\({expected}\)"):
                        getattr(layer, forward)(np.ones(shape))
                # A batch that cannot be leaves the layer free for one that can.
                self.assertEqual(len(layer.parameters), 0)
        self.assertEqual(layer.forward(np.ones((4, 5, 6, 2))).shape, (4, 4, 5, 2))

    def test_gray_images_want_a_channel(self):
        with self.assertRaisesRegex(ValueError, "np.newaxis"):
            Conv2D(2, 2, "relu").forward(np.ones((4, 8, 8)))

    def test_channels_that_change_their_number(self):
        for forward in FORWARDS:
            layer = Conv2D(3, 3, "relu")
            getattr(layer, forward)(images())
            for wrong in (1, 3):
                with self.assertRaisesRegex(ValueError, f"X has {wrong} channels.* made for 2"):
                    getattr(layer, forward)(np.ones((3, 5, 6, wrong)))
            self.assertEqual(getattr(layer, forward)(images()).shape, (3, 5, 6, 3))
        # Pooling has no parameters, and takes any.
        layer = Pool2D(2)
        for channels in (1, 3):
            self.assertEqual(layer.forward(np.ones((1, 2, 2, channels))).shape, (1, 1, 1, channels))

    def test_kernel_larger_than_the_padded_image(self):
        for kernel, pad, height, width, numbers in (
            ((5, 2), "valid", 4, 6, "5×2.*4×6"),
            ((2, 7), 0, 4, 6, "2×7.*4×6"),
            ((7, 2), (1, 0), 4, 6, "7×2.*4×6.*6×6"),
            ((2, 9), (0, 1), 4, 6, "2×9.*4×6.*4×8"),
        ):
            X = np.ones((2, height, width, 1))
            for forward in FORWARDS:
                layers = [Conv2D(2, kernel, "relu", pad=pad)]
                layers += [Pool2D(kernel, mode, pad=pad) for mode in ("max", "average")]
                for layer in layers:
                    with self.assertRaisesRegex(ValueError, numbers):
                        getattr(layer, forward)(X)
                    self.assertEqual((len(layer.parameters), layer.input_shape), (0, None))

    def test_kernel_as_large_as_the_padded_image(self):
        for kernel, pad in ((7, 3), ((5, 7), (2, 3)), ((1, 3), "same")):
            for layer in (Conv2D(2, kernel, "relu", pad=pad), Pool2D(kernel, pad=pad)):
                for forward in FORWARDS:
                    self.assertEqual(
                        getattr(layer, forward)(np.ones((2, 1, 1, 2))).shape, (2, 1, 1, 2)
                    )


class TestArguments(unittest.TestCase):
    def refuse(self, message, value, **arguments):
        """Both layers refuse an argument, and the message ends with its value."""
        conv2d = {"kernel_shape": 3, "n_out": 2, "activation": "relu"} | arguments
        pool2d = {"kernel_shape": 3} | arguments
        for name, options in (("conv2d", conv2d), ("pool2d", pool2d)):
            with (
                self.subTest(name, **arguments),
                self.assertRaises(ValueError) as caught,
            ):
                initialize_layer(name, **options)
            self.assertRegex(str(caught.exception), message)
            self.assertTrue(str(caught.exception).endswith(f"got {value!r}"), caught.exception)

    def test_stride(self):
        for value in (0, -1, 1.5, 2.0, True, "2", (2,), (1, 2), [1]):
            self.refuse("stride must be a positive whole number", value, stride=value)
        self.assertEqual(Conv2D(2, 3, "relu", np.int64(2)).stride, 2)

    def test_pad(self):
        for value in ("smae", "SAME", -1, 1.5, True, (1, 2, 3), (1, -1), (1.0, 1), (), "1"):
            self.refuse("pad must be 'same', 'valid'", value, pad=value)

    def test_kernel_shape(self):
        for value in (0, -1, 2.5, True, "3", (), (3, 0), (3, -1), (3, 3, 3), (3.0, 3)):
            self.refuse("kernel_shape must be a positive", value, kernel_shape=value)

    def test_one_number_means_a_square(self):
        for layer in (Conv2D(2, 3, "relu"), Conv2D(2, np.int64(3), "relu"), Pool2D(3)):
            self.assertEqual(layer.kernel_shape, (3, 3))

    def test_lists_as_json_has_them(self):
        for name, options in (("conv2d", {"n_out": 2, "activation": "relu"}), ("pool2d", {})):
            layer = initialize_layer(name, kernel_shape=[3, 5], pad=[1, 2], **options)
            self.assertEqual((layer.kernel_shape, layer.padding), ((3, 5), (1, 1, 2, 2)))
            for forward in FORWARDS:
                Y = getattr(layer, forward)(np.ones((1, 4, 5, 2)))
                self.assertEqual(Y.shape, (1, 4, 5, 2))

    def test_mode(self):
        with self.assertRaisesRegex(ValueError, "mode 'maximum'.*mean 'max'.*max, average"):
            Pool2D(2, "maximum")
        with self.assertRaisesRegex(ValueError, "mode 'avg'.*known: max, average"):
            initialize_layer("pool2d", kernel_shape=2, mode="avg")

    def test_border_of_a_pool_as_large_as_its_window(self):
        """A window that lies outside the image has no maximum."""
        for kernel, pad in ((2, 2), ((2, 3), (2, 0)), ((3, 2), (0, 2)), (1, 1), (2, 5)):
            for mode in ("max", "average"):
                k1, k2 = (kernel, kernel) if isinstance(kernel, int) else kernel
                with self.assertRaises(ValueError) as caught:
                    Pool2D(kernel, mode, pad=pad)
                self.assertIn(f"{k1}×{k2}", str(caught.exception))
                self.assertIn(repr(pad), str(caught.exception))
        for one_side in ((2, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 3)):
            with self.assertRaisesRegex(ValueError, "smaller than the window of 2×3"):
                Pool2D((2, 3), pad=one_side)
        self.assertEqual(Pool2D((2, 3), pad=(1, 2)).padding, (1, 1, 2, 2))

    def test_options_of_other_layers(self):
        with self.assertRaisesRegex(ValueError, "'conv2d' has no option 'mode'"):
            initialize_layer("conv2d", "relu", n_out=2, kernel_shape=3, mode="max")
        with self.assertRaisesRegex(ValueError, "'pool2d' has no option 'n_out'"):
            initialize_layer("pool2d", kernel_shape=3, n_out=2)
        with self.assertRaisesRegex(ValueError, "'conv2d' needs the option 'kernel_shape'"):
            initialize_layer("conv2d", "relu", n_out=2)


if __name__ == "__main__":
    unittest.main()
