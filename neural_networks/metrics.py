"""Scores beside loss and error: ROC curve, precision and recall, RMSE and R², baselines."""

from typing import NamedTuple

import numpy as np

from neural_networks.losses import Loss
from neural_networks.utils.data_processing import varies
from neural_networks.utils.rows import as_rows


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


class ClassScores(NamedTuple):
    """Scores of a classifier, class by class: arrays (n_classes,).

    Parameters
    ----------
    examples : array of int
        Examples of the class, n_c.
    precision : array
        The share of the predictions of this class that are right; NaN if there are none.
    recall : array
        The share of the examples of this class that are found; NaN if there are none.
    f1 : array
        Their harmonic mean, 2 hits / (examples + predictions); NaN without either.
    """

    examples: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


def class_scores(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> ClassScores:
    """Precision, recall and F1 of each class.

    Parameters
    ----------
    true, predicted : arrays of int
        Classes from 0 on, of one shape.
    n_classes : int
    """
    true, predicted = true.ravel(), predicted.ravel()
    examples, predictions, hits = (
        np.bincount(classes, minlength=n_classes)
        for classes in (true, predicted, true[true == predicted])
    )
    return ClassScores(
        examples,
        _ratio(hits, predictions),
        _ratio(hits, examples),
        _ratio(2 * hits, examples + predictions),
    )


class Confusions(NamedTuple):
    """The pairs of true and predicted class that occur, with their counts.

    There are at most as many pairs as examples, however many classes there are.

    Parameters
    ----------
    n_classes : int
    true, predicted : arrays of int, (n_pairs,)
        Classes.
    counts : array of int, (n_pairs,)
    """

    n_classes: int
    true: np.ndarray
    predicted: np.ndarray
    counts: np.ndarray

    @property
    def right(self) -> int:
        """The number of examples that are classified correctly."""
        return int(self.counts[self.true == self.predicted].sum())

    def examples(self, of: int) -> int:
        """The number of examples of a class."""
        return int(self.counts[self.true == of].sum())

    def matrix(self, cells: int | None = None) -> np.ndarray:
        """The confusion matrix: rows are true classes, columns are predicted ones.

        Parameters
        ----------
        cells : int, optional
            Number of rows and columns; if there are more classes, neighbors share a cell.
        """
        side = min(self.n_classes, cells or self.n_classes)
        rows, columns = (c * side // self.n_classes for c in (self.true, self.predicted))
        counts = np.bincount(rows * side + columns, self.counts, minlength=side * side)
        return counts.astype(np.int64).reshape(side, side)

    def worst(self, most: int) -> list[tuple[int, int, int]]:
        """The most frequent confusions: true class, predicted class, count; at most so many."""
        wrong = np.flatnonzero(self.true != self.predicted)
        first = wrong[np.argsort(-self.counts[wrong], kind="stable")[:most]]
        arrays = (self.true, self.predicted, self.counts)
        return list(zip(*(values[first].tolist() for values in arrays), strict=True))


def confusions(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> Confusions:
    """Count the pairs of true and predicted class.

    Parameters
    ----------
    true, predicted : arrays of int
        Classes from 0 on, of one shape.
    n_classes : int

    Raises
    ------
    ValueError
        If a class is not one of 0 ... n_classes - 1.
    """
    for classes in (true, predicted):
        if classes.size and not 0 <= classes.min() <= classes.max() < n_classes:
            raise ValueError(
                f"classes must be 0 ... {n_classes - 1}, got {classes.min()} ... {classes.max()}"
            )
    pairs = true.astype(np.int64).ravel() * n_classes + predicted.ravel()
    pairs, counts = np.unique(pairs, return_counts=True)
    return Confusions(n_classes, *np.divmod(pairs, n_classes), counts)


def majority_accuracy(true: np.ndarray, training: np.ndarray) -> float:
    """Accuracy of always predicting the most frequent class of a training set.

    Parameters
    ----------
    true, training : arrays of int
        Classes from 0 on, of the examples and of the training set. A tie there goes to the
        smallest class.
    """
    return float((true == np.bincount(training.ravel()).argmax()).mean())


class TargetScores(NamedTuple):
    """Scores of a regression, output by output: arrays (k,).

    Parameters
    ----------
    rmse : array
        Root mean squared error √((1/n) Σ (Y - Y_hat)²), in the units of the targets.
    r2 : array
        Coefficient of determination 1 - Σ (Y - Y_hat)² / Σ (Y - Ȳ)²: 1 for perfect predictions, 0
        for those of the mean Ȳ; NaN if the targets do not vary.
    rmse_of_mean : array
        The RMSE of always predicting the mean of the training set.
    """

    rmse: np.ndarray
    r2: np.ndarray
    rmse_of_mean: np.ndarray

    def summary(self) -> dict[str, float]:
        """Scores of all outputs: the RMSE over all of them, and the mean R² of those that vary."""
        scores = {"rmse": _root_mean_square(self.rmse)}
        defined = self.r2[~np.isnan(self.r2)]
        if defined.size:
            scores["r2"] = float(defined.mean())
        return scores | {"rmse_of_mean": _root_mean_square(self.rmse_of_mean)}


def target_scores(Y: np.ndarray, Y_hat: np.ndarray, training: np.ndarray) -> TargetScores:
    """RMSE and R² of each output, computed in float64.

    Parameters
    ----------
    Y, Y_hat : arrays, (n, k) or (n, k, t)
        Targets and predictions, in units.
    training : array, (m, k) or (m, k, t)
        The targets of the training set.
    """
    dtype = Y.dtype
    Y, Y_hat, training = (as_rows(values).astype(np.float64) for values in (Y, Y_hat, training))
    with np.errstate(over="ignore", invalid="ignore"):  # a network may have diverged
        squares = np.square(Y - Y_hat).mean(axis=0)
        spread = Y.std(axis=0)
        variance = np.where(varies(spread, Y.mean(axis=0), dtype), np.square(spread), 0)
        r2 = 1 - _ratio(squares, variance)
        of_mean = np.square(Y - training.mean(axis=0)).mean(axis=0)
        return TargetScores(np.sqrt(squares), r2, np.sqrt(of_mean))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The ratio of two arrays; NaN where the denominator is 0."""
    nothing = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=nothing, where=denominator != 0)


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))
