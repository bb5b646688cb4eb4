"""Figures, by subject. Matplotlib is imported when the first one is drawn."""

from neural_networks.plots.classification import (
    MOST_MISCLASSIFIED,
    confusion_matrix,
    misclassified,
    roc_curve,
    surest_mistakes,
)
from neural_networks.plots.curves import error_curves, loss_curves
from neural_networks.plots.regression import MOST_DOTS, MOST_OUTPUTS, predicted_over_true
from neural_networks.plots.sequences import MOST_SEQUENCES, forecast
from neural_networks.plots.style import (
    INK,
    TRAINING,
    VALIDATION,
    clean,
    save,
    show,
    small_axes,
    stretch_contrast,
)
from neural_networks.plots.weights import MOST_UNITS, kernels, weights

__all__ = [
    "INK",
    "MOST_DOTS",
    "MOST_MISCLASSIFIED",
    "MOST_OUTPUTS",
    "MOST_SEQUENCES",
    "MOST_UNITS",
    "TRAINING",
    "VALIDATION",
    "clean",
    "confusion_matrix",
    "error_curves",
    "forecast",
    "kernels",
    "loss_curves",
    "misclassified",
    "predicted_over_true",
    "roc_curve",
    "save",
    "show",
    "small_axes",
    "stretch_contrast",
    "surest_mistakes",
    "weights",
]
