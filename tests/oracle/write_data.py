"""Writer of ``tests/data/*.npz``: PyTorch's results for the classes under test.

The tests compare the library with these files, so that neither they nor the library need
PyTorch. Everything is float64 and comes from fixed seeds; running the script again writes the
same files. From the root of the repository:

    python -m tests.oracle.write_data
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tests.oracle import normalization as deep
from tests.oracle.graded import graded_data
from tests.oracle.images import image_data
from tests.oracle.optimizers import optimizer_data
from tests.oracle.sequences import sequence_data

DATA = Path(__file__).parents[1] / "data"
SEED = 20230217

Arrays = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda z: z.clone(),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "arctan": torch.arctan,
    "relu": torch.relu,
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "softmax": lambda z: torch.softmax(z, dim=-1),
}


def normal(*shape: int) -> torch.Tensor:
    """Numbers from N(0, 1)."""
    return torch.randn(*shape, dtype=torch.float64)


def gradients(
    fn: Callable[..., torch.Tensor], inputs: Tensors, upstream: torch.Tensor
) -> tuple[torch.Tensor, Tensors]:
    """The output of ``fn``, and the gradient of Σ upstream · output for every input."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in inputs.items()}
    output = fn(**leaves)
    output.backward(upstream)
    return output.detach(), {name: leaf.grad for name, leaf in leaves.items()}


def activation_data(sigma: Callable[[torch.Tensor], torch.Tensor]) -> Tensors:
    """Z, dLdY, Y and dLdZ in two and in four dimensions."""
    data: Tensors = {}
    for suffix, shape in (("2d", (5, 4)), ("4d", (2, 3, 4, 3))):
        Z, dLdY = 2 * normal(*shape), normal(*shape)
        Y, found = gradients(lambda Z: sigma(Z), {"Z": Z}, dLdY)
        data |= {f"Z_{suffix}": Z, f"dLdY_{suffix}": dLdY}
        data |= {f"Y_{suffix}": Y, f"dLdZ_{suffix}": found["Z"]}
    return data


def fully_connected_data() -> Tensors:
    """A batch (m, d) as ``X`` and a sequence (m, d, t) as ``X_seq``, for every activation."""
    m, d, n, t = 6, 5, 3, 4
    W, b = normal(d, n), normal(1, n)
    data = {"W": W, "b": b}
    inputs = {"": (normal(m, d), normal(m, n)), "_seq": (normal(m, d, t), normal(m, n, t))}
    for suffix, (X, dLdY) in inputs.items():
        data |= {f"X{suffix}": X, f"dLdY{suffix}": dLdY}
        for name, sigma in (ACTIVATIONS | deep.ACTIVATIONS).items():

            def layer(
                X: torch.Tensor,
                W: torch.Tensor,
                b: torch.Tensor,
                sigma: Callable[[torch.Tensor], torch.Tensor] = sigma,
            ) -> torch.Tensor:
                # functional.linear takes the features last; so does the softmax.
                rows = X if X.ndim == 2 else X.permute(0, 2, 1)
                Y = sigma(functional.linear(rows, W.T, b[0]))
                return Y if X.ndim == 2 else Y.permute(0, 2, 1)

            Y, found = gradients(layer, {"X": X, "W": W, "b": b}, dLdY)
            data[f"Y{suffix}_{name}"] = Y
            for parameter, gradient in found.items():
                data[f"dLd{parameter}{suffix}_{name}"] = gradient
    return data


def one_hot(classes: torch.Tensor, k: int) -> torch.Tensor:
    return functional.one_hot(classes, k).to(torch.float64)


def loss_data(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], cases: dict[str, tuple]
) -> Tensors:
    """Labels Y, predictions Y_hat, the loss and dLdY_hat, under the suffix of each case."""
    data: Tensors = {}
    for suffix, (Y, Y_hat) in cases.items():
        value, found = gradients(
            lambda Y_hat, Y=Y: loss(Y, Y_hat), {"Y_hat": Y_hat}, torch.tensor(1.0)
        )
        data |= {f"Y{suffix}": Y, f"Y_hat{suffix}": Y_hat}
        data |= {f"L{suffix}": value, f"dLdY_hat{suffix}": found["Y_hat"]}
    return data


def canonical_data(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], cases: dict[str, tuple]
) -> Tensors:
    """Labels, logits Z, the loss of the canonical pair and its gradient for the logits."""
    data: Tensors = {}
    for suffix, (Y, Z) in cases.items():
        value, found = gradients(lambda Z, Y=Y: loss(Z, Y), {"Z": Z}, torch.tensor(1.0))
        data |= {f"Y{suffix}": Y, f"Z{suffix}": Z, f"L{suffix}": value, f"dLdZ{suffix}": found["Z"]}
    return data


def cross_entropy_data() -> Tensors:
    m, k, t = 7, 4, 3
    classes = torch.randint(k, (m,))
    soft = torch.softmax(normal(m, k), dim=1)
    sequence = one_hot(torch.randint(k, (m, t)), k).permute(0, 2, 1)
    # Every pattern of ±1e4, with the right class at the top, at the bottom and tied.
    extreme = 1e4 * torch.tensor(
        [[1, -1, -1], [-1, 1, -1], [1, 1, -1], [-1, -1, 1], [1, 1, 1]], dtype=torch.float64
    )
    extreme_labels = one_hot(torch.tensor([0, 0, 1, 2, 0]), 3)
    data = loss_data(
        # kl_div and nll_loss take logarithms; the definition itself is as short.
        lambda Y, Y_hat: -(Y * Y_hat.log()).sum() / len(Y),
        {
            "": (one_hot(classes, k), torch.softmax(normal(m, k), dim=1)),
            "_soft": (soft, torch.softmax(normal(m, k), dim=1)),
            "_seq": (sequence, torch.softmax(normal(m, k, t), dim=1)),
        },
    )
    data |= canonical_data(
        functional.cross_entropy,
        {
            "_logits": (one_hot(classes, k), 3 * normal(m, k)),
            "_logits_soft": (soft, 3 * normal(m, k)),
            "_logits_extreme": (extreme_labels, extreme),
        },
    )
    # PyTorch averages over examples and steps, we over examples only.
    data |= canonical_data(
        lambda Z, Y: functional.cross_entropy(Z, Y, reduction="sum") / m,
        {"_logits_seq": (sequence, 3 * normal(m, k, t))},
    )
    return data


def binary_cross_entropy_data() -> Tensors:
    m = 9
    hard = torch.randint(2, (m, 1)).to(torch.float64)
    soft = torch.rand(m, 1, dtype=torch.float64)
    probabilities = torch.sigmoid(normal(m, 1))
    extreme = torch.tensor([[1e4], [1e4], [-1e4], [-1e4], [0.0]], dtype=torch.float64)
    extreme_labels = torch.tensor([[1.0], [0.0], [1.0], [0.0], [1.0]], dtype=torch.float64)
    data = loss_data(
        lambda Y, Y_hat: functional.binary_cross_entropy(Y_hat, Y),
        {"": (hard, probabilities), "_soft": (soft, torch.sigmoid(normal(m, 1)))},
    )
    return data | canonical_data(
        functional.binary_cross_entropy_with_logits,
        {
            "_logits": (hard, 3 * normal(m, 1)),
            "_logits_soft": (soft, 3 * normal(m, 1)),
            "_logits_extreme": (extreme_labels, extreme),
        },
    )


def l2_data() -> Tensors:
    m, k, t = 6, 3, 4
    return loss_data(
        lambda Y, Y_hat: functional.mse_loss(Y_hat, Y, reduction="sum") / len(Y),
        {
            "": (normal(m, k), normal(m, k)),
            "_seq": (normal(m, k, t), normal(m, k, t)),
            "_extreme": (normal(m, k), 1e4 * torch.sign(normal(m, k))),
        },
    )


def save(name: str, data: Mapping[str, torch.Tensor | np.ndarray]) -> None:
    """Write a file: tensors as float64, arrays as they are."""
    arrays = {
        key: np.array(value.numpy(), np.float64, order="C")
        if isinstance(value, torch.Tensor)
        else value
        for key, value in data.items()
    }
    np.savez_compressed(DATA / f"{name}.npz", **arrays)


def main() -> None:
    """Write all files."""
    torch.manual_seed(SEED)
    DATA.mkdir(exist_ok=True)
    files: dict[str, Mapping[str, torch.Tensor | np.ndarray]] = {
        name: activation_data(sigma) for name, sigma in ACTIVATIONS.items()
    }
    files |= {
        "fully_connected": fully_connected_data(),
        "cross_entropy": cross_entropy_data(),
        "binary_cross_entropy": binary_cross_entropy_data(),
        "l2": l2_data(),
    }
    files |= image_data() | sequence_data(ACTIVATIONS) | optimizer_data() | deep.deep_data()
    for name, cases in graded_data(ACTIVATIONS).items():
        files[name] = {**files.get(name, {}), **cases}
    for name, data in files.items():
        save(name, data)


if __name__ == "__main__":
    main()
