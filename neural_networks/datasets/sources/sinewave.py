"""Sine waves with random phases, for predicting the next value."""

from typing import Any

import numpy as np

from neural_networks.utils.randomness import generator_of
from neural_networks.utils.validation import number_in, positive_integer, true_or_false

SINEWAVES = {"training": 7000, "validation": 1000, "test": 2000}
FORECAST_STEPS = 100
"""Additional steps of the forecast sequences."""


def load_sinewave(
    window: int = 50,
    step: float = 0.2,
    noise: float = 0.0,
    every_step: bool = False,
    *,
    rng: np.random.Generator | int | None = None,
) -> dict[str, Any]:
    """Windows of a sine wave sin(a + step · i), with a random phase a; the label is the next value.

    An example is (1, window), i = 0 … window - 1, and its label the value at i = window; 7,000
    examples for training, 1,000 for validation, 2,000 for testing. Three forecast sequences are
    100 steps longer.

    Parameters
    ----------
    window : int
        Steps in an example.
    step : float
        Radians per step; a period has 2π / step steps.
    noise : float
        Standard deviation of normal noise, added to every value, labels included.
    every_step : bool
        If True, the label is the next value at every step, (1, window); if False, only at the
        last step, (1,).
    rng : numpy.random.Generator or int, optional
        Generator of the phases and the noise, or a seed for one.
    """
    window = positive_integer("window", window)
    step = number_in("step", step, 0, open_low=True)
    noise = number_in("noise", noise, 0)
    true_or_false("every_step", every_step)
    rng = generator_of(rng)

    def waves(n: int, length: int) -> np.ndarray:
        phases = rng.uniform(0, 2 * np.pi, (n, 1, 1))
        values = np.sin(phases + step * np.arange(length))
        return values + noise * rng.standard_normal(values.shape)

    parts: dict[str, Any] = {}
    for what, n in SINEWAVES.items():
        values = waves(n, window + 1)
        parts[f"{what}_set"] = values[:, :, :-1]
        parts[f"{what}_labels"] = values[:, :, 1:] if every_step else values[:, :, -1]
    return {**parts, "forecast_sequences": waves(3, window + FORECAST_STEPS)}
