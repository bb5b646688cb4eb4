"""Losses, activations and layers of one's own: what they compute is not judged, gradients are."""

import math
import unittest
import warnings
from unittest import mock

import numpy as np

from neural_networks.activations import ACTIVATIONS, Sigmoid, SoftMax, TanH
from neural_networks.compatibility import check_outputs
from neural_networks.datasets import Dataset
from neural_networks.layers import LAYERS, FullyConnected
from neural_networks.losses import L2, LOSSES, CrossEntropy, initialize_loss
from neural_networks.models import NeuralNetwork
from tests.support.compatibility_cases import LABELS, SGD, Compatibility, N, dense, prepared


class Scores(FullyConnected):
    """A layer of one's own."""


class TopHeavy(SoftMax):
    """An activation of one's own, which has the range of another one no more."""

    def forward(self, Z):
        return 3 * super().forward(Z)

    def backward(self, Z, dY):
        return 3 * super().backward(Z, dY)


class OfScores(CrossEntropy):
    """A loss of one's own: the cross-entropy of scores."""

    def forward(self, Y, Y_hat):
        return super().forward(Y, SoftMax().forward(Y_hat))

    def backward(self, Y, Y_hat):
        return (SoftMax().forward(Y_hat) - Y) / len(Y)


class TestOwnClasses(Compatibility):
    """What they compute is not known: they are not judged."""

    def test_layers_activations_and_losses(self):
        own = {"name": "scores", "activation": "relu", "n_out": 3}
        with (
            mock.patch.dict(LAYERS, scores=Scores),
            mock.patch.dict(ACTIVATIONS, top_heavy=TopHeavy),
            mock.patch.dict(LOSSES, of_scores=OfScores),
        ):
            for loss, layers in (
                ("cross_entropy", [own]),
                ("cross_entropy", [own, {"name": "dropout"}]),
                ("cross_entropy", [dense("top_heavy")]),
                ("of_scores", [dense("linear")]),
            ):
                self.assert_fits(loss, layers, LABELS["classes"])
            model, _ = prepared("of_scores", [dense("linear")], LABELS["classes"])
        X, Y = np.random.default_rng(4).normal(size=(N, 4)), LABELS["classes"]
        self.assertTrue(math.isfinite(model.train(Dataset(X, Y, 5, seed=0), 1)["train_loss"][0]))

    def test_a_forward_of_the_object_s_own(self):
        layer, loss = FullyConnected(3, "relu"), initialize_loss("cross_entropy")
        out = np.ones((1, 3)) / 3
        with self.assertRaisesRegex(ValueError, "needs probabilities"):
            check_outputs(loss, [layer], [LABELS["classes"]], out)
        layer.forward = lambda X: X
        check_outputs(loss, [layer], [LABELS["classes"]], out)


class Smoothed(CrossEntropy):
    """A loss whose gradient is not that of its base."""

    def forward(self, Y, Y_hat):
        return super().forward(0.9 * Y + 0.1 / Y.shape[1], Y_hat)


class Shifted(CrossEntropy):
    """A loss whose gradient is that of its base."""

    def forward(self, Y, Y_hat):
        return super().forward(Y, Y_hat) + 1


class Scaled(CrossEntropy):
    """A loss with another gradient on purpose."""

    def backward(self, Y, Y_hat):
        return 0.5 * super().backward(Y, Y_hat)


class Quartic(L2):
    def forward(self, Y, Y_hat):
        return float(((Y - Y_hat) ** 4).sum() / len(Y))


class Swish(Sigmoid):
    def forward(self, Z):
        return Z * super().forward(Z)


class Clamped(TanH):
    """An activation that is equal to its base there where it is used."""

    def forward(self, Z):
        return super().forward(np.clip(Z, -30, 30))


class TestHalfOverridden(Compatibility):
    """A forward of one's own with an inherited backward: checked once, before training."""

    def setUp(self):
        for table, kinds in (
            (LOSSES, (Smoothed, Shifted, Scaled, Quartic)),
            (ACTIVATIONS, (Swish, Clamped)),
        ):
            patch = mock.patch.dict(table, {kind.__name__: kind for kind in kinds})
            patch.start()
            self.addCleanup(patch.stop)

    def test_losses(self):
        for loss, labels in (("Smoothed", "classes"), ("Quartic", "-1 and 1")):
            words = f"^{loss} has a forward of its own, .* backward of another class, .* not its"
            self.assert_warns(words, loss, [dense("linear")], LABELS[labels])
        for loss in ("Shifted", "Scaled"):
            self.assert_fits(loss, [dense("softmax")], LABELS["classes"])

    def test_activations(self):
        hidden = {"name": "residual", "layers": [dense("Swish", 4)]}
        for layers in ([dense("Swish", 4)], [hidden], [{"name": "layer_norm"}, hidden]):
            words = "^Swish has a forward of its own"
            self.assert_warns(words, "l2", [*layers, dense("linear")], LABELS["prices"])
        self.assert_fits("l2", [dense("Clamped", 4), dense("linear")], LABELS["prices"])

    def test_assigned_to_an_object(self):
        X = np.random.default_rng(5).normal(size=(N, 4))
        dataset = Dataset(X, LABELS["classes"], 5, seed=0)
        model = NeuralNetwork("cross_entropy", [dense("softmax")], SGD, seed=0)
        model.loss.forward = lambda Y, Y_hat: float(((Y - Y_hat) ** 2).sum() / len(Y))
        with self.assertWarnsRegex(UserWarning, "^CrossEntropy has a forward of its own"):
            model.prepare(dataset)
        model.loss.backward = lambda Y, Y_hat: 2 * (Y_hat - Y) / len(Y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.prepare(dataset)

    def test_what_fails_is_left_to_the_training(self):
        class Failing(L2):
            def forward(self, Y, Y_hat):
                raise KeyError("later")

        with mock.patch.dict(LOSSES, failing=Failing):
            self.assert_fits("failing", [dense("linear")], LABELS["prices"])


if __name__ == "__main__":
    unittest.main()
