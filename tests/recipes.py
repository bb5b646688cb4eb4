"""Recipes of the graded tests: each runs one method of the kit on the arrays of a case.

A recipe yields the names and values of its results, one after the other. It knows no right answer:
``tests.verdict`` compares the values with those of ``tests/data``. The library is imported when a
recipe runs, so that a file that does not parse costs only the tests that need it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

Case = Mapping[str, np.ndarray]
Results = Iterator[tuple[str, Any]]

SECOND = " (second batch)"
"""The ending of the names of all that belongs to a second batch through the same layer."""


class Recipe(NamedTuple):
    """A method under test, and the function that runs it.

    Parameters
    ----------
    method : str
        The class and its method, as messages name them.
    run : function
        From a case to results.
    """

    method: str
    run: Callable[[Case], Results]


def option(case: Case, name: str) -> Any:
    """An option of a case, such as ``stride``, as text, a number or a tuple of numbers."""
    value = case[name].tolist()
    return tuple(value) if isinstance(value, list) else value


def batches(case: Case) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """The ending, X and dL/dY of each batch of a case."""
    for ending in ("", SECOND):
        if f"X{ending}" in case:
            yield ending, case[f"X{ending}"], case.get(f"dLdY{ending}")


def activation_forward(case: Case) -> Results:
    """Y."""
    yield "Y", activation(case).forward(case["Z"])


def activation_backward(case: Case) -> Results:
    """dL/dZ."""
    yield "dL/dZ", activation(case).backward(case["Z"], case["dLdY"])


def activation(case: Case) -> Any:
    """The activation function of a case."""
    from neural_networks.activations import initialize_activation

    return initialize_activation(option(case, "name"))


def loss_forward(case: Case) -> Results:
    """L."""
    yield "L", loss(case).forward(case["Y"], case["Y_hat"])


def loss_backward(case: Case) -> Results:
    """dL/dY_hat."""
    yield "dL/dY_hat", loss(case).backward(case["Y"], case["Y_hat"])


def loss(case: Case) -> Any:
    """The loss of a case."""
    from neural_networks.losses import initialize_loss

    return initialize_loss(option(case, "name"))


def layer_of(case: Case) -> Any:
    """The layer of a case, with the case's parameters, if it has any."""
    from neural_networks.layers import initialize_layer

    names = ("name", "activation", "n_out", "kernel_shape", "stride", "pad", "mode", "keep_dim")
    layer = initialize_layer(**{name: option(case, name) for name in names if name in case})
    for name in ("W", "U", "b"):
        if name in case:
            layer.parameters[name] = case[name]
    if "W" in case:
        layer.n_in = case["W"].shape[-2]
        layer.clear_gradients()
    return layer


def layer_init_params(case: Case) -> Results:
    """Sizes and initial values of the parameters and their gradients."""
    layer = layer_of(case)
    layer._init_parameters(option(case, "X_shape"))
    yield "n_in", layer.n_in
    for name in layer.parameters:
        yield f"parameters[{name!r}]", layer.parameters[name]
    for name in ("W", "U"):
        # Drawn at random: its shape, its largest number and its mean are known.
        W = layer.parameters.get(name)
        if isinstance(W, np.ndarray) and W.size:
            bound = np.sqrt(6 / sum(W.shape))
            yield f"shape of {name}", np.array(W.shape)
            yield f"largest |{name}| / √(6 / (n_in + n_out))", np.abs(W).max() / bound
            yield f"|mean of {name}| / √(6 / (n_in + n_out))", np.abs(W.mean()) / bound
    for name in layer.gradients:
        yield f"gradients[{name!r}]", layer.gradients[name]


def layer_forward(case: Case) -> Results:
    """Y of each batch, and the parameters afterwards."""
    layer = layer_of(case)
    for ending, X, _ in batches(case):
        yield f"Y{ending}", layer.forward(X)
    yield from parameters_afterwards(layer)


def layer_backward(case: Case) -> Results:
    """dL/dX and the gradients of the parameters for each batch, and the parameters afterwards."""
    layer = layer_of(case)
    for ending, X, dLdY in batches(case):
        layer.forward(X)
        dLdX = layer.backward(dLdY)
        yield f"dL/dX{ending}", stacked(dLdX)
        for name in layer.gradients:
            yield f"dL/d{name}{ending}", layer.gradients[name]
    yield from parameters_afterwards(layer)


def parameters_afterwards(layer: Any) -> Results:
    """The parameters of a layer, which a pass leaves alone."""
    for name, value in layer.parameters.items():
        yield f"{name} afterwards", value


def stacked(steps: Any) -> Any:
    """A list of steps (m, d) as an array (m, d, t); anything else as it is."""
    if not isinstance(steps, list | tuple) or not steps:
        return steps
    if any(not isinstance(step, np.ndarray) or step.shape != steps[0].shape for step in steps):
        return steps
    return np.stack(steps, axis=-1)


def elman_forward_step(case: Case) -> Results:
    """The state after each step, for each batch."""
    layer = layer_of(case)
    for ending, X, _ in batches(case):
        layer.clear_gradients()
        for t in range(X.shape[2]):
            yield f"s_{t + 1}{ending}", layer.forward_step(X[:, :, t])


def network_of(case: Case) -> Any:
    """A network of three stand-in layers, whose parameters are g1, g2 and g3."""
    from neural_networks.models import initialize_model
    from tests.stand_ins import Fold, StandInLoss, Widen

    network = initialize_model("network", "l2", [{"name": "flatten"}], {"name": "SGD", "lr": 0.1})
    network.layers = [Widen(case["g1"]), Fold(case["g2"]), Widen(case["g3"])]
    network.loss = StandInLoss("stand-in")
    return network


def network_forward(case: Case) -> Results:
    """Y_hat of each batch."""
    network = network_of(case)
    for ending, X, _ in batches(case):
        yield f"Y_hat{ending}", network.forward(X)


def network_backward(case: Case) -> Results:
    """The loss of each batch, and the gradient of each layer's parameter."""
    network = network_of(case)
    for ending, X, _ in batches(case):
        Y_hat = network.forward(X)
        passes = [layer.passes for layer in network.layers]
        yield f"loss{ending}", network.backward(case[f"Y{ending}"], Y_hat)
        for number, layer in enumerate(network.layers, start=1):
            yield f"dL/dg of layer {number}{ending}", layer.gradients["g"]
        again = [layer.passes for layer in network.layers]
        yield f"forward passes within backward{ending}", np.subtract(again, passes)
    yield from arrays_afterwards(network, gradients=False)


def network_predict(case: Case) -> Results:
    """Y_hat and loss, with labels and without; parameters and gradients afterwards."""
    network = network_of(case)
    for layer in network.layers:
        layer.gradients["g"] = np.full((1, 1), 7.0)
    for ending, X, _ in batches(case):
        # Without labels the second time.
        result = network.predict(X, case.get(f"Y{ending}"))
        is_pair = isinstance(result, tuple) and len(result) == 2
        yield f"Y_hat{ending}", result[0] if is_pair else result
        if is_pair:
            yield f"loss{ending}", result[1]
    yield from arrays_afterwards(network, gradients=True)


def arrays_afterwards(network: Any, gradients: bool) -> Results:
    """The parameters of all layers, and on demand their gradients."""
    for number, layer in enumerate(network.layers, start=1):
        yield f"g of layer {number} afterwards", layer.parameters["g"]
        if gradients:
            yield f"dL/dg of layer {number} afterwards", layer.gradients["g"]


ACTIVATIONS = {
    "linear": "Linear",
    "sigmoid": "Sigmoid",
    "tanh": "TanH",
    "arctan": "ArcTan",
    "relu": "ReLU",
    "softmax": "SoftMax",
}
LOSSES = {"cross_entropy": "CrossEntropy", "l2": "L2"}
LAYERS = {
    "fully_connected": "FullyConnected",
    "conv2d": "Conv2D",
    "pool2d": "Pool2D",
    "flatten": "Flatten",
    "elman": "Elman",
}

PASSES: list[tuple[dict[str, str], Callable[[Case], Results], Callable[[Case], Results]]] = [
    (ACTIVATIONS, activation_forward, activation_backward),
    (LOSSES, loss_forward, loss_backward),
    (LAYERS, layer_forward, layer_backward),
]

RECIPES = {
    f"{name}.{method}": Recipe(f"{cls}.{method}", run)
    for classes, forward, backward in PASSES
    for name, cls in classes.items()
    for method, run in (("forward", forward), ("backward", backward))
} | {
    "fully_connected.init_params": Recipe("FullyConnected._init_parameters", layer_init_params),
    "elman.init_params": Recipe("Elman._init_parameters", layer_init_params),
    "elman.forward_step": Recipe("Elman.forward_step", elman_forward_step),
    "model.forward": Recipe("NeuralNetwork.forward", network_forward),
    "model.backward": Recipe("NeuralNetwork.backward", network_backward),
    "model.predict": Recipe("NeuralNetwork.predict", network_predict),
}
"""The recipes by name: the exercise, a dot, and the method."""
