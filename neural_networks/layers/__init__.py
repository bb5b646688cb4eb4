"""Layers, and the way from a layer's name to the layer."""

from neural_networks.layers.base import Layer
from neural_networks.layers.conv2d import Conv2D
from neural_networks.layers.dropout import Dropout
from neural_networks.layers.elman import Elman
from neural_networks.layers.factory import (
    LAYERS,
    has_logits,
    initialize_layer,
    lacks_n_out,
    make_layer,
    pass_through,
    takes,
)
from neural_networks.layers.flatten import Flatten
from neural_networks.layers.fully_connected import FullyConnected
from neural_networks.layers.normalization import BatchNorm, LayerNorm
from neural_networks.layers.pool2d import Pool2D
from neural_networks.layers.residual import Residual

__all__ = [
    "LAYERS",
    "BatchNorm",
    "Conv2D",
    "Dropout",
    "Elman",
    "Flatten",
    "FullyConnected",
    "Layer",
    "LayerNorm",
    "Pool2D",
    "Residual",
    "has_logits",
    "initialize_layer",
    "lacks_n_out",
    "make_layer",
    "pass_through",
    "takes",
]
