"""How well two classes are told apart, whatever the threshold between them."""

from typing import NamedTuple

import numpy as np

from neural_networks.losses import Loss


class RocCurve(NamedTuple):
    """A receiver operating characteristic.

    Parameters
    ----------
    fpr, tpr : arrays, (thresholds,)
        Of class 0 and of class 1, the share that is taken for class 1, as the threshold falls.
    area : float
        The area under the curve (AUC): the chance that an example of class 1 has a higher score
        than one of class 0. Guessing has ½.
    operating_point : tuple of float
        False alarms and tpr of the predicted classes.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    area: float
    operating_point: tuple[float, float]


def binary_roc(loss: Loss, Y: np.ndarray, Y_hat: np.ndarray) -> RocCurve | None:
    """The curve of predictions of two classes; None of more, or if only one is there.

    Parameters
    ----------
    loss : Loss
        Says which classes labels and predictions stand for, if any.
    Y, Y_hat : arrays, (n, 1) or (n, 2)
        Labels and predictions; None is also what those that are no numbers lead to.
    """
    if not loss.classifies or Y.ndim != 2 or Y.shape[1] > 2:
        return None
    true = loss.classes(Y)
    if true.min() == true.max() or not np.isfinite(Y_hat).all():
        return None
    from sklearn.metrics import roc_auc_score, roc_curve

    # In float64: the difference of two scores must not round to a tie.
    scores = Y_hat.astype(np.float64)
    score = scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]
    fpr, tpr, _ = roc_curve(true, score)
    predicted = loss.classes(Y_hat) == 1
    operating_point = float(predicted[true == 0].mean()), float(predicted[true == 1].mean())
    return RocCurve(fpr, tpr, float(roc_auc_score(true, score)), operating_point)
