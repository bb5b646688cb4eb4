"""Data of the rows about images, and its conversion to PyTorch."""

from typing import Any

import numpy as np

from benchmarks.rows.numbers import draw

N_CLASSES = 10

LAYOUTS = {"contiguous": "contiguous_format", "channels last": "channels_last"}
"""Memory layouts of (m, C, H, W) in PyTorch, by the variant's name."""


def draw_kernels(seed: int, *stream: int, shape: tuple[int, int, int, int]) -> np.ndarray:
    """W (k1, k2, C, n_out), with the standard deviation of He initialization."""
    return draw(seed, *stream, shape=shape, scale=(2 / np.prod(shape[:3])) ** 0.5)


def draw_examples(seed: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images (m, H, W, C), a picture for each class under noise, and their classes (m,)."""
    classes = np.random.default_rng(seed).integers(N_CLASSES, size=shape[0])
    pictures = draw(seed, 1, shape=(N_CLASSES, *shape[1:]), scale=0.5)
    return pictures[classes] + draw(seed, 2, shape=shape, scale=0.5), classes


def images_to_torch(images: np.ndarray, layout: str) -> Any:
    """Images (m, H, W, C) as a tensor (m, C, H, W), in one of ``LAYOUTS``."""
    import torch

    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    return tensor.contiguous(memory_format=getattr(torch, LAYOUTS[layout]))


def kernels_to_torch(W: np.ndarray, layout: str) -> Any:
    """Kernels (k1, k2, C, n_out) as a tensor (n_out, C, k1, k2), in one of ``LAYOUTS``."""
    return images_to_torch(W.transpose(3, 0, 1, 2), layout)


def images_from_torch(tensor: Any) -> Any:
    """A tensor (m, C, H, W) with its axes as here, (m, H, W, C): a view, which costs 1 µs."""
    return tensor.permute(0, 2, 3, 1)


def kernels_from_torch(tensor: Any) -> Any:
    """A tensor (n_out, C, k1, k2) with its axes as here, (k1, k2, C, n_out): a view."""
    return tensor.permute(2, 3, 1, 0)
