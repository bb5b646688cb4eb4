"""Figures, by subject. Matplotlib is imported when the first one is drawn."""

from neural_networks.plots.figures import *  # noqa
