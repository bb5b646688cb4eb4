"""Oracle data of convolution and pooling; part of ``tests/oracle/write_data.py``.

PyTorch takes images as (m, C, H, W) and kernels as (n_out, C, k1, k2). The inputs are multiples of
1/64, which compress well.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from tests.support.image_cases import CONVOLUTIONS, POOLINGS, WIDE_CONVOLUTIONS, Case

SEED = 20230218

Tensors = dict[str, torch.Tensor]

SIGMAS = {
    "linear": lambda z: z.clone(),
    "tanh": torch.tanh,
    "arctan": torch.arctan,
    "relu": torch.relu,
}


class Images:
    """Random numbers from their own generator."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(SEED)

    def normal(self, *shape: int) -> torch.Tensor:
        numbers = torch.randn(*shape, dtype=torch.float64, generator=self.generator)
        return (64 * numbers).round() / 64


def sides(case: Case) -> tuple[int, int]:
    """(p1, p2) of a case's padding."""
    if isinstance(case.pad, str):
        k1, k2 = case.kernel_shape
        return {"same": ((k1 - 1) // 2, (k2 - 1) // 2), "valid": (0, 0)}[case.pad]
    return (case.pad, case.pad) if isinstance(case.pad, int) else case.pad


def convolve(case: Case, X: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Y (m, H_out, W_out, n_out)."""
    first, kernels = X.permute(0, 3, 1, 2).contiguous(), W.permute(3, 2, 0, 1).contiguous()
    Z = functional.conv2d(first, kernels, b[0], stride=case.stride, padding=sides(case))
    return SIGMAS[case.activation](Z.permute(0, 2, 3, 1))


def pool(case: Case, mode: str, X: torch.Tensor) -> torch.Tensor:
    """Y (m, H_out, W_out, C)."""
    fn = {"max": functional.max_pool2d, "average": functional.avg_pool2d}[mode]
    first = X.permute(0, 3, 1, 2).contiguous()
    return fn(first, case.kernel_shape, case.stride, sides(case)).permute(0, 2, 3, 1)


def backward(fn, inputs: Tensors, upstream: torch.Tensor | None, images: Images) -> Tensors:
    """Y, dLdY (drawn unless given), and the gradient of every input."""
    leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    Y = fn(**leaves)
    dLdY = images.normal(*Y.shape) if upstream is None else upstream
    Y.backward(dLdY)
    found = {"Y": Y.detach(), "dLdY": dLdY}
    return found | {f"dLd{name}": leaf.grad for name, leaf in leaves.items()}


def convolution_inputs(case: Case, images: Images) -> Tensors:
    X, b = images.normal(*case.X_shape), images.normal(1, case.n_out)
    W = images.normal(*case.kernel_shape, case.X_shape[3], case.n_out)
    return {"X": X, "W": W, "b": b}


def convolutions(cases: Sequence[Case], images: Images) -> Tensors:
    """Every case of a table, under its number."""
    data: Tensors = {}
    for i, case in enumerate(cases):
        inputs = convolution_inputs(case, images)
        found = backward(lambda X, W, b, c=case: convolve(c, X, W, b), inputs, None, images)
        data |= {f"{name}_{i}": value for name, value in (inputs | found).items()}
    return data


def poolings(images: Images) -> Tensors:
    """Every case of the table; ``ties`` are images after a ReLU, with ties in many windows."""
    data: Tensors = {}
    for i, case in enumerate(POOLINGS):
        X = images.normal(*case.X_shape)
        dLdY = None
        for kind, mode in (("", "max"), ("", "average"), ("_ties", "max")):
            inputs = {"X": torch.relu(X - 0.5) if kind else X}
            found = backward(lambda X, c=case, m=mode: pool(c, m, X), inputs, dLdY, images)
            dLdY = found.pop("dLdY")
            data |= {f"{name}_{mode}{kind}_{i}": value for name, value in found.items()}
        data |= {f"X_{i}": X, f"dLdY_{i}": dLdY}
    return data


def image_data() -> dict[str, Tensors]:
    """The files of convolution and pooling, by name."""
    images = Images()
    return {
        "convolutions": convolutions(CONVOLUTIONS, images),
        "poolings": poolings(images),
        "wide_convolutions": convolutions(WIDE_CONVOLUTIONS, images),
    }
