"""Convolution and pooling against PyTorch: kernels, strides, paddings."""

import unittest
from unittest import mock

import numpy as np

from neural_networks.layers import Conv2D, Pool2D
from neural_networks.utils import winograd
from neural_networks.utils.fast_convolution import uses_winograd
from tests.support.arrays import load_oracle
from tests.support.image_cases import CONVOLUTIONS, POOLINGS, WAYS, WIDE_CONVOLUTIONS, run
from tests.support.parts import winograd_from


class OracleTestCase(unittest.TestCase):
    def assert_close(self, actual, expected, what):
        """Every number, and so the whole array, to a relative error of 1e-10."""
        np.testing.assert_allclose(
            actual, expected, rtol=1e-10, atol=1e-13, strict=True, err_msg=what
        )


class TestConvolution(OracleTestCase):
    def check(self, cases, data, ways=WAYS):
        for i, case in enumerate(cases):
            for way in ways:
                layer = Conv2D(
                    case.n_out, case.kernel_shape, case.activation, case.stride, case.pad
                )
                layer.parameters["W"], layer.parameters["b"] = data[f"W_{i}"], data[f"b_{i}"]
                with self.subTest(case, way=way):
                    found = run(layer, data[f"X_{i}"], data[f"dLdY_{i}"], way)
                    for name, value in found.items():
                        self.assert_close(value, data[f"{name}_{i}"], name)

    def test_every_case_both_ways(self):
        self.check(CONVOLUTIONS, load_oracle("convolutions"))

    def test_many_channels_both_ways(self):
        with winograd_from(16):
            for case in WIDE_CONVOLUTIONS:
                layer = Conv2D(case.n_out, case.kernel_shape, "linear", case.stride, case.pad)
                W_shape = (*case.kernel_shape, case.X_shape[3], case.n_out)
                self.assertTrue(uses_winograd(W_shape, case.stride, layer.padding))
            self.check(WIDE_CONVOLUTIONS, load_oracle("wide_convolutions"))

    def test_few_channels_by_winograd_s_method(self):
        """All of them that it can compute, squares of every size from 2×2 on."""
        transforms = mock.Mock(wraps=winograd.transformed_images)
        with (
            winograd_from(1, 2, 3, 4, 5),
            mock.patch.object(winograd, "transformed_images", transforms),
        ):
            self.check(CONVOLUTIONS, load_oracle("convolutions"), WAYS[-1:])
        self.assertEqual(transforms.call_count, 3 * 8)  # three convolutions in each case

    def test_the_table_has_all_that_it_should(self):
        """The data covers all of these, also after the table is edited."""
        for k in range(1, 8):
            strides = {case.stride for case in CONVOLUTIONS if case.kernel_shape == (k, k)}
            self.assertLessEqual({1, 2, 3, 4}, strides, f"strides of {k}×{k}")
        kinds = {(case.stride, case.pad) for case in CONVOLUTIONS}
        for stride in (1, 2, 3, 4):
            for pad in ("same", "valid", 1, (2, 1), (0, 3)):
                self.assertIn((stride, pad), kinds)
        self.assertLessEqual({1, 2, 3, 7, 8, 64}, {case.X_shape[3] for case in CONVOLUTIONS})
        self.assertEqual({case.activation for case in CONVOLUTIONS}, {"linear", "tanh", "relu"})
        self.assertEqual(len(load_oracle("convolutions")), 8 * len(CONVOLUTIONS))


class TestPooling(OracleTestCase):
    def test_every_case_both_ways(self):
        data = load_oracle("poolings")
        for i, case in enumerate(POOLINGS):
            for kind, mode in (("", "max"), ("", "average"), ("_ties", "max")):
                X = data[f"X_{i}"]
                X = np.maximum(X - 0.5, 0) if kind else X
                layer = Pool2D(case.kernel_shape, mode, case.stride, case.pad)
                for way in WAYS:
                    with self.subTest(case, mode=mode, kind=kind, way=way):
                        found = run(layer, X, data[f"dLdY_{i}"], way)
                        for name, value in found.items():
                            self.assert_close(value, data[f"{name}_{mode}{kind}_{i}"], name)


if __name__ == "__main__":
    unittest.main()
