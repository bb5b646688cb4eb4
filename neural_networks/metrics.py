"""ROC curve and AUC of a binary classifier."""

from typing import NamedTuple

import numpy as np

from neural_networks.losses import Loss


class RocCurve(NamedTuple):
    """A receiver operating characteristic (ROC) curve.

    Parameters
    ----------
    fpr, tpr : arrays, (n_thresholds,)
        False and true positive rate, as the threshold falls; class 1 is the positive one.
    area : float
        The area under the curve (AUC): the probability that an example of class 1 has a higher
        score than one of class 0. At chance level it is ½.
    operating_point : tuple of float
        False and true positive rate of the predicted classes.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    area: float
    operating_point: tuple[float, float]


def binary_roc(loss: Loss, Y: np.ndarray, Y_hat: np.ndarray) -> RocCurve | None:
    """The ROC curve of predictions of two classes.

    Parameters
    ----------
    loss : Loss
        Defines the classes of labels and predictions, if any.
    Y, Y_hat : arrays, (n, 1) or (n, 2)
        Labels and predictions.

    Returns
    -------
    RocCurve or None
        None for a regression, for more than two classes, if all examples are of one class, or if
        a prediction is NaN or infinite.
    """
    if not loss.classifies or Y.ndim != 2 or not has_roc(true := loss.classes(Y), Y_hat):
        return None
    return roc_of(true, loss.classes(Y_hat), Y_hat)


def has_roc(true: np.ndarray, outputs: np.ndarray) -> bool:
    """True if outputs (n, k) for examples of these classes (n,) have a ROC curve."""
    one_class = true.min() == true.max()
    return outputs.shape[1] <= 2 and not one_class and bool(np.isfinite(outputs).all())


def roc_of(true: np.ndarray, predicted: np.ndarray, outputs: np.ndarray) -> RocCurve:
    """The ROC curve of two classes.

    Parameters
    ----------
    true, predicted : arrays of int, (n,)
        Classes, 0 and 1.
    outputs : array, (n, 1) or (n, 2)
        The network's outputs: the score of class 1, or those of both classes.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    # In float64: the difference of two scores must not round to a tie.
    scores = outputs.astype(np.float64)
    score = scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]
    fpr, tpr, _ = roc_curve(true, score)
    positive = predicted == 1
    operating_point = float(positive[true == 0].mean()), float(positive[true == 1].mean())
    return RocCurve(fpr, tpr, float(roc_auc_score(true, score)), operating_point)
