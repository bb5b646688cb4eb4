"""Layers, by name in ``LAYERS``.

A new layer takes its own file and two lines here: its import and its entry in ``LAYERS``.
"""

from neural_networks.layers.base import Layer
from neural_networks.layers.conv2d import Conv2D
from neural_networks.layers.dropout import Dropout
from neural_networks.layers.elman import Elman
from neural_networks.layers.factory import LAYERS, initialize_layer
from neural_networks.layers.flatten import Flatten
from neural_networks.layers.fully_connected import FullyConnected
from neural_networks.layers.normalization import BatchNorm, LayerNorm
from neural_networks.layers.pool2d import Pool2D
from neural_networks.layers.residual import Residual

LAYERS |= {
    "fully_connected": FullyConnected,
    "elman": Elman,
    "conv2d": Conv2D,
    "pool2d": Pool2D,
    "flatten": Flatten,
    "dropout": Dropout,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "residual": Residual,
}

__all__ = ["LAYERS", "Layer", "initialize_layer", *{layer.__name__ for layer in LAYERS.values()}]
