"""Oracle data of deep networks; part of ``tests/oracle/write_data.py``.

Normalization, residual blocks, networks with both, smooth activations, Huber and hinge losses. The
tables of layers are those of the tests; the library supplies only the names and shapes of the
parameters. The inputs are multiples of 1/64, see ``oracle/images.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from tests.oracle.images import Images as Numbers
from tests.oracle.images import backward
from tests.support.normalization_cases import (
    BLOCKS,
    NETWORK,
    NETWORK_SHAPE,
    NORMALIZATIONS,
    OPTIMIZER,
    OWN,
    SHAPES,
    Case,
    with_parameters,
)

SEED = 20230221

Tensors = dict[str, torch.Tensor]
Sigma = Callable[[torch.Tensor], torch.Tensor]

ACTIVATIONS: dict[str, Sigma] = {
    "elu": functional.elu,
    "gelu": lambda z: functional.gelu(z, approximate="tanh"),
    "softplus": lambda z: functional.softplus(z, threshold=100),
}
SIGMAS: dict[str, Sigma] = {
    "linear": lambda z: z.clone(),
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softmax": lambda z: torch.softmax(z, dim=-1),
}


def activation_data(sigma: Sigma, numbers: Numbers) -> Tensors:
    """Z, dLdY, Y and dLdZ in two and in four dimensions."""
    data: Tensors = {}
    for suffix, shape in (("2d", (5, 4)), ("4d", (2, 3, 4, 3))):
        Z = 2 * numbers.normal(*shape)
        found = backward(sigma_of_z(sigma), {"Z": Z}, None, numbers) | {"Z": Z}
        data |= {f"{name}_{suffix}": value for name, value in found.items()}
    return data


def sigma_of_z(sigma: Sigma) -> Callable[..., torch.Tensor]:
    return lambda Z: sigma(Z)


def hinge(p: int, Y: torch.Tensor, S: torch.Tensor) -> torch.Tensor:
    """PyTorch divides by the number of classes, and by that of examples and steps."""
    k, (scores, classes) = Y.shape[1], (S.movedim(1, -1).reshape(-1, Y.shape[1]), Y.argmax(dim=1))
    total = functional.multi_margin_loss(scores, classes.flatten(), p=p, reduction="sum")
    return k * total / len(Y)


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "huber": lambda Y, Y_hat: functional.huber_loss(Y_hat, Y, reduction="sum") / len(Y),
    "hinge": lambda Y, Y_hat: hinge(1, Y, Y_hat),
    "squared_hinge": lambda Y, Y_hat: hinge(2, Y, Y_hat),
}


def loss_data(name: str, numbers: Numbers) -> Tensors:
    """Labels, predictions, loss and gradient for (m, k), for two classes and for (m, k, t)."""
    data: Tensors = {}
    for suffix, shape in (("", (7, 4)), ("_two", (6, 2)), ("_seq", (5, 4, 3))):
        Y_hat, Y = numbers.normal(*shape), 2 * numbers.normal(*shape)
        if name != "huber":
            Y = functional.one_hot(Y.argmax(dim=1), shape[1]).movedim(-1, 1).to(torch.float64)
        leaf = Y_hat.clone().requires_grad_()
        L = LOSSES[name](Y, leaf)
        L.backward()
        found = {"Y": Y, "Y_hat": Y_hat, "L": L.detach(), "dLdY_hat": leaf.grad}
        data |= {f"{key}{suffix}": value for key, value in found.items()}
    return data


def apply(args: Mapping[str, Any], X: torch.Tensor, arrays: Tensors, at: str = "") -> torch.Tensor:
    """The output of a layer for X. Its arrays' names begin with ``at``; some are updated."""
    own = {key.removeprefix(at): value for key, value in arrays.items() if key.startswith(at)}
    # The axis of the features; PyTorch takes it last or second.
    axis = 3 if X.ndim == 4 else 1
    last, second = X.movedim(axis, -1), X.movedim(axis, 1)
    epsilon = args.get("epsilon", 1e-5)
    match args["name"]:
        case "fully_connected":
            Z = functional.linear(last, own["W"].T, own["b"][0])
        case "conv2d":
            kernels = own["W"].permute(3, 2, 0, 1)
            Z = functional.conv2d(second, kernels, own["b"][0], padding="same").movedim(1, -1)
        case "layer_norm":
            gamma, beta = own["gamma"][0], own["beta"][0]
            Z = functional.layer_norm(last, gamma.shape, gamma, beta, epsilon)
        case "batch_norm":
            Z = batch_norm(second, own, True, 1 - args.get("momentum", 0.9), epsilon)
        case "residual":
            Z = (X + chain(args["layers"], X, arrays, at)).movedim(axis, -1)
        case "flatten":
            return X.flatten(1)
    return SIGMAS[args.get("activation", "linear")](Z).movedim(-1, axis)


def batch_norm(
    X: torch.Tensor, own: Tensors, training: bool, momentum: float, epsilon: float
) -> torch.Tensor:
    """Output with the features last, for X with the features second; updates the averages."""
    names = ("running_mean", "running_var", "gamma", "beta")
    arrays = [own[name][0] for name in names]
    return functional.batch_norm(X, *arrays, training, momentum, epsilon).movedim(1, -1)


def chain(
    layers: Sequence[Mapping[str, Any]], X: torch.Tensor, arrays: Tensors, at: str
) -> torch.Tensor:
    """The output of a sequence of layers for X."""
    for number, args in enumerate(layers, start=1):
        X = apply(args, X, arrays, f"{at}{number}.")
    return X


def arrays_for(
    args: Mapping[str, Any], X_shape: tuple[int, ...], numbers: Numbers
) -> tuple[Tensors, Tensors]:
    """Random parameters of a layer, and its initial statistics."""
    layer = with_parameters(args, X_shape)
    parameters = {}
    for name, value in layer.parameters.items():
        drawn = (16 * numbers.normal(*value.shape)).round() / 64
        parameters[name] = drawn + name.endswith("gamma")
    return parameters, {k: torch.from_numpy(v.copy()) for k, v in layer.buffers.items()}


def layer_data(cases: Mapping[str, Case], numbers: Numbers) -> Tensors:
    """X, dLdY, parameters, Y, all gradients and the statistics, under the name of each case."""
    data: Tensors = {}
    for case, (args, shape) in cases.items():
        parameters, statistics = arrays_for(args, shape, numbers)
        inputs = {"X": numbers.normal(*shape)} | parameters

        def layer(
            X: torch.Tensor, args: Mapping[str, Any] = args, S: Tensors = statistics, **P: Any
        ) -> torch.Tensor:
            return apply(args, X, P | S)

        found = backward(layer, inputs, None, numbers)
        found |= inputs | statistics
        data |= {f"{case}/{name}": value for name, value in found.items()}
    return data


def moving_averages(numbers: Numbers) -> Tensors:
    """Five batches of each kind, the moving averages after each, and a prediction at the end."""
    data: Tensors = {}
    for kind, shape in SHAPES.items():
        for suffix, options in (("", {}), ("_own", OWN["batch_norm"])):
            args = {"name": "batch_norm", **options}
            P, S = arrays_for(args, shape, numbers)
            X = 2 * numbers.normal(6, *shape) + numbers.normal(6, *(1 for _ in shape))
            after = {name: [] for name in S}
            for batch in X[:5]:
                apply(args, batch, P | S)
                for name, value in S.items():
                    after[name].append(value.clone())
            axis = 3 if X[5].ndim == 4 else 1
            epsilon = args.get("epsilon", 1e-5)
            Y = batch_norm(X[5].movedim(axis, 1), P | S, False, 0.0, epsilon).movedim(-1, axis)
            found = {"X": X, "Y": Y, **P, **{k: torch.stack(v) for k, v in after.items()}}
            data |= {f"{kind}{suffix}/{name}": value for name, value in found.items()}
    return data


def network_data(numbers: Numbers) -> Tensors:
    """A network's parameters before and after four training steps, and the losses of the steps."""
    X = numbers.normal(*NETWORK_SHAPE)
    classes = torch.arange(len(X)) % 2
    Y = functional.one_hot(classes, 2).to(torch.float64)
    shape, arrays, S = NETWORK_SHAPE, {}, {}
    for number, args in enumerate(NETWORK, start=1):
        own, statistics = arrays_for(args, shape, numbers)
        at = f"layer{number}."
        arrays |= {at + name: value for name, value in own.items()}
        S |= {at + name: value for name, value in statistics.items()}
        shape = tuple(with_parameters(args, shape).forward(torch.zeros(shape).numpy()).shape)
    start = {f"start/{name}": value.clone() for name, value in (arrays | S).items()}
    leaves = {name: value.requires_grad_() for name, value in arrays.items()}
    sgd = torch.optim.SGD(leaves.values(), lr=OPTIMIZER["lr"], momentum=OPTIMIZER["momentum"])
    losses = []
    for _ in range(4):
        sgd.zero_grad()
        # Without the softmax, which is part of this loss.
        *hidden, last = NETWORK
        Z = apply(
            last | {"activation": "linear"},
            chain(hidden, X, leaves | S, "layer"),
            leaves | S,
            f"layer{len(NETWORK)}.",
        )
        L = functional.cross_entropy(Z, Y)
        L.backward()
        sgd.step()
        losses.append(L.detach())
    after = {f"after/{name}": value.detach() for name, value in (leaves | S).items()}
    return {"X": X, "Y": Y, "losses": torch.stack(losses), **start, **after}


def deep_data() -> dict[str, Tensors]:
    """The files of deep networks, by name."""
    numbers = Numbers()
    numbers.generator.manual_seed(SEED)
    return {
        **{name: activation_data(sigma, numbers) for name, sigma in ACTIVATIONS.items()},
        **{name: loss_data(name, numbers) for name in LOSSES},
        "normalization": layer_data(NORMALIZATIONS, numbers),
        "moving_averages": moving_averages(numbers),
        "residual": layer_data(BLOCKS, numbers),
        "residual_network": network_data(numbers),
    }
