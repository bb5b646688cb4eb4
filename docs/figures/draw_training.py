"""Picture of docs/training.md, update-rules.png: ``python -m docs.figures.draw_training``.

Trains a network of six layers once for each update rule, which takes a few seconds, and prints
their final losses.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neural_networks.architectures import fully_connected_net
from neural_networks.datasets import initialize_dataset
from neural_networks.models import initialize_model
from neural_networks.schedulers import initialize_scheduler

EPOCHS = 10
RULES = {
    "SGD": {"name": "SGD", "lr": 0.01},
    "SGD, momentum 0.9": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
    "the same, Nesterov's": {"name": "SGD", "lr": 0.01, "momentum": 0.9, "nesterov": True},
    "AdaGrad": {"name": "AdaGrad", "lr": 0.01},
    "AdaDelta": {"name": "AdaDelta", "lr": 1.0},
    "RMSProp": {"name": "RMSProp", "lr": 0.001},
    "Adam": {"name": "Adam", "lr": 0.001},
    "AdamW": {"name": "AdamW", "lr": 0.001},
}
SCHEDULES = {
    "constant": {},
    "exponential": {"decay": 0.93},
    "step": {"decay": 0.5, "stage_length": 10},
    "cosine": {"epochs": 30},
    "warm_up": {"after": "cosine", "epochs": 30, "warm_up_epochs": 5},
    "one_cycle": {"epochs": 30},
}
COLORS = ["#3a3a3a", "#1f5fa8", "#6baed6", "#7f2704", "#d9652b", "#fdae6b", "#238b45", "#8cc99a"]


def train(rule: str) -> np.ndarray:
    """The loss of every step of a network of six layers, (steps,)."""
    dataset = initialize_dataset("digits", batch_size=50, seed=0, dtype="float32")
    layers = fully_connected_net([100] * 5, weight_scale=None)
    model = initialize_model(rule, "cross_entropy", layers, RULES[rule], seed=0, dtype="float32")
    model.train(dataset, EPOCHS)
    return model.step_losses


def smoothed(losses: np.ndarray, n: int = 13) -> np.ndarray:
    """Moving average of n losses, (steps - n + 1,)."""
    return np.convolve(losses, np.full(n, 1 / n), mode="valid")


def draw_rules(axes: Axes) -> None:
    """Training losses of all rules, from the same weights on the same batches."""
    for rule, color in zip(RULES, COLORS, strict=True):
        losses = smoothed(train(rule))
        print(f"{rule}: mean loss of the last 13 steps {losses[-1]:.4f}")
        epochs = np.linspace(0, EPOCHS, len(losses))
        axes.plot(epochs, losses, color=color, linewidth=1.5, label=f"{losses[-1]:.4f}  {rule}")
    axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="training loss", title="digits, six layers; last losses")


def draw_schedules(axes: Axes) -> None:
    """The learning rate over 30 epochs, in units of ``lr``."""
    epochs = np.linspace(0, 30, 601)
    for (name, options), color in zip(SCHEDULES.items(), COLORS, strict=False):
        rate = initialize_scheduler(name, 1.0, **options)
        rates = [rate(epoch) for epoch in epochs]
        style = "--" if name == "warm_up" else "-"  # coincides with the cosine after the warm-up
        axes.plot(epochs, rates, style, color=color, linewidth=1.5, label=name)
    plateau = initialize_scheduler("reduce_on_plateau", 1.0, factor=0.5, patience=3)
    lowered = []
    for epoch in range(31):
        lowered.append(plateau(epoch))
        plateau.on_epoch_end(max(1.0 - 0.1 * epoch, 0.3))  # falls for seven epochs, then stays
    label = "reduce_on_plateau"
    axes.step(range(31), lowered, where="post", color=COLORS[6], linewidth=1.5, label=label)
    axes.set(xlabel="epoch", ylabel="learning rate / lr", title="schedules")


def main() -> None:
    """Write the picture into this folder."""
    figure = Figure(figsize=(11.5, 4.4), layout="constrained")
    rules, schedules = figure.subplots(1, 2)
    draw_rules(rules)
    draw_schedules(schedules)
    for axes in (rules, schedules):
        axes.grid(color="#e4e4e4")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(Path(__file__).with_name("update-rules.png"), dpi=110)


if __name__ == "__main__":
    main()
