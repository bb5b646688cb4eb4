"""Operations of a layer, against numbers computed by hand."""

import unittest

import numpy as np

from neural_networks.layers import (
    BatchNorm,
    Conv2D,
    Dropout,
    Elman,
    Flatten,
    FullyConnected,
    LayerNorm,
    Pool2D,
    Residual,
)
from neural_networks.training.operations import operations
from tests.support.own_parts import Bare


class Halved(FullyConnected):
    """Another formula, by an override."""

    def forward(self, X):
        return super().forward(X) / 2


class Quicker(Conv2D):
    """The same formula by another algorithm."""

    def forward_faster(self, X):
        return self.forward(X)


def counted(layer, *X_shape):
    """The operations of a layer, as the first one of a network and as a later one."""
    layer.forward(np.zeros(X_shape))
    later = operations(layer, X_shape)
    layer.input_gradient = False
    return operations(layer, X_shape), later


class TestOperations(unittest.TestCase):
    def test_dense(self):
        # 5 rows, each 4·3 multiplications and additions: 120. Xᵀ dL/dZ takes as many, and so does
        # dL/dZ Wᵀ, which the first layer leaves out.
        self.assertEqual(counted(FullyConnected(3, "relu"), 5, 4), ((120, 120), (120, 240)))
        # Seven steps of a sequence are seven times as many rows.
        self.assertEqual(counted(FullyConnected(3, "relu"), 5, 4, 7), ((840, 840), (840, 1680)))

    def test_convolution(self):
        # 6×5 pixels have 4×4 windows of 3×2, in 2 images 32. Each of the 4 kernels multiplies the
        # 3·2·3 numbers of a window: 32 · 4 · 18 = 2304.
        layer = Conv2D(4, (3, 2), "relu", pad="valid")
        self.assertEqual(counted(layer, 2, 6, 5, 3), ((4608, 4608), (4608, 9216)))
        # With stride 2 there are 2×2 windows, with a border of 1 on every side 6×6.
        layer = Conv2D(4, (3, 2), "relu", stride=2, pad="valid")
        self.assertEqual(counted(layer, 2, 6, 5, 3)[0], (1152, 1152))
        self.assertEqual(counted(Conv2D(4, (3, 2), "relu", pad=1), 2, 6, 5, 3)[0], (10368, 10368))

    def test_elman(self):
        # 2 examples, 5 steps: 10 rows, each 3·4 products with W and 4·4 with U: 560. Backward the
        # gradients of W (240) and U (320), dL/ds (320), and dL/dx (240) but for the first layer.
        self.assertEqual(counted(Elman(4), 2, 3, 5), ((560, 880), (560, 1120)))
        whole = Elman(4, return_sequences=True)
        self.assertEqual(counted(whole, 2, 3, 5), ((560, 880), (560, 1120)))

    def test_layers_without_products(self):
        inner = {"name": "fully_connected", "n_out": 4, "activation": "relu"}
        for layer in (BatchNorm(), LayerNorm(), Dropout(), Flatten(), Residual([inner])):
            with self.subTest(type(layer).__name__):
                self.assertEqual(counted(layer, 5, 4), ((0, 0), (0, 0)))
        self.assertEqual(counted(Pool2D(2), 5, 4, 4, 1), ((0, 0), (0, 0)))

    def test_formulas_that_are_not_known(self):
        X = np.zeros((5, 4))
        for layer in (Bare(3), Halved(3, "relu")):
            layer.forward(X)
            self.assertIsNone(operations(layer, X.shape))
        for name in ("forward", "backward"):
            layer = FullyConnected(3, "relu")
            layer.forward(X)
            self.assertEqual(operations(layer, X.shape), (120, 240))
            setattr(layer, name, getattr(layer, name))  # of the object
            self.assertIsNone(operations(layer, X.shape))

    def test_another_algorithm_has_the_same_formula(self):
        quicker = counted(Quicker(4, 3, "relu"), 2, 6, 5, 3)
        self.assertEqual(quicker, counted(Conv2D(4, 3, "relu"), 2, 6, 5, 3))


if __name__ == "__main__":
    unittest.main()
