"""Picture of docs/recurrence.md, gradient-norms.png: ``python -m docs.figures.draw_gradients``.

Trains the network of train_rnn.py, which takes a few seconds, and prints the page's figures.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neural_networks.datasets import initialize_dataset
from neural_networks.layers import Elman
from neural_networks.models import initialize_model
from train_rnn import CONFIGURATION

M, N, T = 20, 64, 50  # examples, units, steps
COLORS = ["#08306b", "#2171b5", "#6baed6", "#fd8d3c", "#d94801", "#7f2704"]


def spectral_radius(U: np.ndarray) -> float:
    """The largest absolute value of an eigenvalue."""
    return float(np.abs(np.linalg.eigvals(U)).max())


def input_gradient_norms(layer: Elman, X: np.ndarray, dLdY: np.ndarray) -> np.ndarray:
    """‖dL/dx_t‖ of all examples together, for t = 1 … T."""
    layer.forward(X)
    dLdX = layer.backward(dLdY)
    return np.array([np.linalg.norm(dLdx_t) for dLdx_t in dLdX])


def random_layer(activation: str, U: np.ndarray) -> Elman:
    """A layer with W = identity and a given U."""
    layer = Elman(N, activation, "identity")
    layer.forward(np.zeros((1, N, 1)))  # creates the parameters
    layer.parameters["U"] = U
    return layer


def draw_random(axes: Axes, activation: str, radii: list[float]) -> None:
    """Norms for random U of several spectral radii; for a linear layer also the expected ones."""
    rng = np.random.default_rng(0)
    U = rng.standard_normal((N, N))
    U /= spectral_radius(U)
    X, dLdY = rng.standard_normal((M, N, T)), rng.standard_normal((M, N))
    back = np.arange(T)[::-1]
    for radius, color in zip(radii, COLORS, strict=False):
        norms = input_gradient_norms(random_layer(activation, radius * U), X, dLdY)
        axes.plot(back, norms / norms[-1], color=color, label=f"ρ = {radius:g}")
        if activation == "linear":
            axes.plot(back, radius**back, color=color, linestyle=":", linewidth=1)
    axes.set_title(f"{activation}, random U" + (" (dotted: ρᵏ)" if activation == "linear" else ""))


def draw_trained(axes: Axes) -> None:
    """Norms in the network of train_rnn.py: before training, after an epoch, at the end."""
    options = {"seed": CONFIGURATION.seed, "dtype": CONFIGURATION.dtype}
    dataset = initialize_dataset(**CONFIGURATION.data_args, **options)
    model = initialize_model("sinewave", **CONFIGURATION.model_args, **options)
    model.prepare(dataset)
    layer, output = model.layers
    for epochs, color in ((0, COLORS[3]), (1, COLORS[2]), (CONFIGURATION.epochs, COLORS[0])):
        if epochs:
            model.train(dataset, epochs - model.epoch)
        # The gradient at the layer if the loss is the sum of the predictions.
        dLdY = np.repeat(output.parameters["W"].T, M, axis=0)
        norms = input_gradient_norms(layer, dataset.test.data[:M], dLdY)
        radius = spectral_radius(layer.parameters["U"])
        error = model.test(dataset)["error"]
        print(f"epoch {epochs}: ρ = {radius:.2f}, mean squared error {error:.2g}, ", end="")
        print(f"‖dL/dx‖ {norms.min():.2g} ... {norms.max():.2g}, at the last step {norms[-1]:.2g}")
        label = f"epoch {epochs}, ρ = {radius:.2f}" if epochs else f"untrained, ρ = {radius:.2f}"
        axes.plot(np.arange(T)[::-1], norms / norms[-1], color=color, label=label)
    axes.set_title("tanh, the network of train_rnn.py")


def main() -> None:
    """Write the picture into this folder."""
    figure = Figure(figsize=(12.5, 4.4), layout="constrained")
    linear, tanh, trained = figure.subplots(1, 3, sharex=True)
    draw_random(linear, "linear", [0.8, 0.9, 1.0, 1.1, 1.2])
    draw_random(tanh, "tanh", [0.8, 1.0, 1.2, 1.5, 2.0, 3.0])
    draw_trained(trained)
    for axes in (linear, tanh, trained):
        axes.set_yscale("log")
        axes.set_xlabel("k steps before the last one")
        axes.grid(color="#e4e4e4")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small")
    linear.set_ylabel("‖dL/dx‖, that of the last step being 1")
    figure.savefig(Path(__file__).with_name("gradient-norms.png"), dpi=110)


if __name__ == "__main__":
    main()
