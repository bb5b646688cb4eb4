"""Central differences of a loss, where the forward pass is not one formula of one input."""

import numpy as np

from tests.derivations.registry import STEP


def central(loss, array):
    """The derivative of a number, a function of an array, for each number of the array."""
    slopes = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        step = np.zeros(array.shape)
        step[index] = STEP
        slopes[index] = (loss(array + step) - loss(array - step)) / (2 * STEP)
    return slopes


def along(loss, given, name):
    """``central`` of a loss with named arguments, along one of them."""
    return central(lambda value: loss(**{**given, name: value}), given[name])


def joined(*arrays):
    """Several results as one array, for formulas that stand side by side."""
    return np.concatenate([np.ravel(array) for array in arrays])
