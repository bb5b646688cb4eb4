"""Oracle data of recurrent layers; part of ``tests/oracle/write_data.py``.

``torch.nn.RNN`` takes sequences as (t, m, d), computes x Wᵀ + s Uᵀ for weights (n, d) and (n, n),
and adds two biases. It supports tanh and relu; for other activations the recurrence is written out
here and differentiated by autograd. The inputs are multiples of 1/64, which compress well.
"""

from collections.abc import Callable

import torch

SEED = 20230219

Tensors = dict[str, torch.Tensor]
Sigma = Callable[[torch.Tensor], torch.Tensor]

M, D, N = 3, 4, 5
STEPS = (1, 2, 20, 50, 100)
MODULES = ("tanh", "relu")
PARAMETERS = ("W", "U", "b")

# Factors of U, so that gradients neither vanish nor explode over the steps. The states of a sigmoid
# and of a softmax are positive; added to one another, they would all saturate.
FACTORS = {"relu": 0.9, "leaky_relu": 0.9, "linear": 0.9, "sigmoid": -4.0, "softmax": -5.0}


class Sequences:
    """Random numbers from their own generator."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(SEED)

    def normal(self, *shape: int, scale: float = 1.0) -> torch.Tensor:
        numbers = torch.randn(*shape, dtype=torch.float64, generator=self.generator)
        return (64 * scale * numbers).round() / 64

    def parameters(self, d: int, n: int) -> Tensors:
        """Small W and b, and U near the identity."""
        U = torch.eye(n, dtype=torch.float64) + self.normal(n, n, scale=0.06)
        return {"W": self.normal(d, n, scale=0.1), "U": U, "b": self.normal(1, n, scale=0.05)}


def leaf(value: torch.Tensor) -> torch.Tensor:
    return value.clone().requires_grad_()


def by_module(
    activation: str, X: torch.Tensor, s_0: torch.Tensor, layers: list[Tensors], dLdY: torch.Tensor
) -> list[Tensors]:
    """The states and all gradients of each of several stacked layers.

    s_0 is (layers, m, n) and dLdY that of the last layer's states, (m, n, t).
    """
    d, n = layers[0]["W"].shape
    rnn = torch.nn.RNN(d, n, len(layers), activation, dtype=torch.float64)
    with torch.no_grad():
        for i, layer in enumerate(layers):
            getattr(rnn, f"weight_ih_l{i}").copy_(layer["W"].T)
            getattr(rnn, f"weight_hh_l{i}").copy_(layer["U"].T)
            getattr(rnn, f"bias_ih_l{i}").copy_(0.25 * layer["b"][0])
            getattr(rnn, f"bias_hh_l{i}").copy_(0.75 * layer["b"][0])
    X, s_0 = leaf(X), leaf(s_0)
    Y = rnn(X.permute(2, 0, 1), s_0)[0].permute(1, 2, 0)
    Y.backward(dLdY)
    found = [
        {
            "dLdW": getattr(rnn, f"weight_ih_l{i}").grad.T,
            "dLdU": getattr(rnn, f"weight_hh_l{i}").grad.T,
            "dLdb": getattr(rnn, f"bias_ih_l{i}").grad[None],
            "dLds_0": s_0.grad[i],
        }
        for i in range(len(layers))
    ]
    found[0]["dLdX"], found[-1]["Y"] = X.grad, Y.detach()
    return found


def by_autograd(
    sigma: Sigma, X: torch.Tensor, s_0: torch.Tensor, layer: Tensors, dLdY: torch.Tensor
) -> Tensors:
    """The same for one layer and any activation; s_0 is (m, n)."""
    X, first, W, U, b = (leaf(v) for v in (X, s_0, *(layer[name] for name in PARAMETERS)))
    state, states = first, []
    for x_t in X.unbind(dim=2):
        state = sigma(x_t @ W + state @ U + b)
        states.append(state)
    Y = torch.stack(states, dim=2)
    Y.backward(dLdY)
    gradients = {"dLdX": X.grad, "dLds_0": first.grad}
    return gradients | {"Y": Y.detach(), "dLdW": W.grad, "dLdU": U.grad, "dLdb": b.grad}


def of_last_state(dLdY: torch.Tensor) -> torch.Tensor:
    """The gradient (m, n, t) of a loss of the last state only."""
    last = torch.zeros_like(dLdY)
    last[:, :, -1] = dLdY[:, :, -1]
    return last


def one_layer(sequences: Sequences, sigmas: dict[str, Sigma]) -> Tensors:
    """Every activation, from zeros and from a given state, for the last state and for all.

    All lengths begin alike: each takes the first steps of the same X and dLdY, and so the states
    of the longest sequence hold those of the others.
    """
    data = sequences.parameters(D, N)
    U = data.pop("U")
    X, dLdY = sequences.normal(M, D, STEPS[-1]), sequences.normal(M, N, STEPS[-1])
    s_0 = sequences.normal(M, N)
    data |= {"X": X, "dLdY": dLdY, "s_0": s_0}
    for name, sigma in sigmas.items():
        layer = {"W": data["W"], "U": FACTORS.get(name, 1.0) * U, "b": data["b"]}
        data[f"U_{name}"] = layer["U"]
        for start, first in (("zeros", torch.zeros_like(s_0)), ("given", s_0)):
            for t in STEPS if name in MODULES else STEPS[:3]:
                upstream = dLdY[:, :, :t]
                for output, gradient in (("all", upstream), ("last", of_last_state(upstream))):
                    found = by_autograd(sigma, X[:, :, :t], first, layer, gradient)
                    if name in MODULES:
                        written_out = found
                        (found,) = by_module(name, X[:, :, :t], first[None], [layer], gradient)
                        torch.testing.assert_close(written_out, found, rtol=1e-10, atol=1e-13)
                    data[f"Y_{name}_{start}"] = found.pop("Y")
                    data |= {f"{k}_{name}_{start}_{output}_{t}": v for k, v in found.items()}
    return data


def two_layers(sequences: Sequences) -> Tensors:
    """Two stacked layers, each with a given initial state."""
    layers = [sequences.parameters(D, N), sequences.parameters(N, N)]
    X, dLdY, s_0 = (sequences.normal(*s) for s in ((M, D, 20), (M, N, 20), (2, M, N)))
    data = {"X": X, "dLdY": dLdY}
    for i, layer in enumerate(layers):
        data |= {f"{name}_{i}": value for name, value in layer.items()} | {f"s_0_{i}": s_0[i]}
    for name in MODULES:
        for output, gradient in (("all", dLdY), ("last", of_last_state(dLdY))):
            for i, found in enumerate(by_module(name, X, s_0, layers, gradient)):
                data |= {f"{k}_{i}_{name}_{output}": v for k, v in found.items()}
    return data


def sequence_data(sigmas: dict[str, Sigma]) -> dict[str, Tensors]:
    """The files of recurrent layers, by name."""
    sequences = Sequences()
    return {"elman": one_layer(sequences, sigmas), "elman_stacked": two_layers(sequences)}
