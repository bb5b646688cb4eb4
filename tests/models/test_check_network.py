"""Gradient check of a whole network: mistakes found, parameters named."""

import unittest
from unittest import mock

import numpy as np

from neural_networks.layers import BatchNorm
from neural_networks.models import NeuralNetwork
from neural_networks.utils.grad_check import check_network
from tests.support.arrays import examples, unchanged
from tests.support.normalization_cases import dense, residual


class TestNetworks(unittest.TestCase):
    LAYERS = (
        dense(5),
        {"name": "batch_norm", "activation": "tanh"},
        {"name": "dropout", "p": 0.3, "seed": 1},
        residual(dense(5)),
        dense(3, "softmax"),
    )

    def setUp(self):
        self.X, self.Y = examples(6)
        sgd = {"name": "SGD", "lr": 0.1}
        self.model = NeuralNetwork("cross_entropy", self.LAYERS, sgd, seed=0, l2=0.5, l1=0.1)

    def test_all_gradients_of_a_right_one(self):
        reports = check_network(self.model, self.X, self.Y)
        self.assertEqual(list(reports), [key for key, _, _ in self.model.parameters()])
        self.assertEqual(len(reports), 8)
        self.assertLess(max(report.relative_error for report in reports.values()), 1e-8)

    def test_a_mistake_shows_where_it_is(self):
        """The scale of the normalization gets a gradient that is too large by a thousandth."""
        layer, backward = self.model.layers[1], BatchNorm.backward

        def wrong(dLdY):
            dLdX = backward(layer, dLdY)
            layer.gradients["gamma"] = 1.001 * layer.gradients["gamma"]
            return dLdX

        with mock.patch.object(layer, "backward_faster", wrong):
            reports = check_network(self.model, self.X, self.Y)
        wrong_ones = [key for key, report in reports.items() if report.relative_error > 1e-8]
        self.assertEqual(wrong_ones, ["layer2.gamma"])
        self.assertAlmostEqual(reports["layer2.gamma"].relative_error, 5e-4, delta=1e-6)

    def test_a_forgotten_penalty_shows(self):
        with mock.patch.object(self.model.regularization, "add_gradients"):
            reports = check_network(self.model, self.X, self.Y)
        wrong = [key for key, report in reports.items() if report.relative_error > 1e-3]
        self.assertEqual(wrong, ["layer1.W", "layer4.1.W", "layer5.W"])

    def test_of_a_network_that_has_no_parameters_yet(self):
        """Its averages are afterwards what they are at first."""
        check_network(self.model, self.X, self.Y)
        fresh = NeuralNetwork("cross_entropy", self.LAYERS, {"name": "SGD", "lr": 0.1}, seed=0)
        fresh.create_parameters((4,))
        np.testing.assert_equal(self.model.arrays(), fresh.arrays())
        np.testing.assert_array_equal(
            self.model.predict(self.X, None)[0], fresh.predict(self.X, None)[0]
        )

    def test_networks_that_cannot_be_checked(self):
        sgd = {"name": "SGD", "lr": 0.1}
        single = NeuralNetwork("cross_entropy", self.LAYERS, sgd, dtype="float32")
        with self.assertRaisesRegex(ValueError, "float64, got float32"):
            check_network(single, self.X, self.Y)
        restless = [dense(5), {"name": "dropout"}, dense(3, "softmax")]
        with self.assertRaisesRegex(ValueError, "lack a seed"):
            check_network(NeuralNetwork("cross_entropy", restless, sgd), self.X, self.Y)

    def test_the_step_is_that_of_the_differences(self):
        for h, low, high in ((1e-5, 0, 1e-8), (0.1, 1e-5, 1e-1)):
            reports = check_network(self.model, self.X, self.Y, h)
            worst = max(report.relative_error for report in reports.values())
            self.assertTrue(low <= worst <= high, worst)

    def test_an_error_leaves_the_parameters_as_they_were(self):
        self.model.create_parameters((4,))
        calls, backward = [], self.model.backward

        def breaking(Y, Y_hat):
            calls.append(Y)
            if len(calls) == 5:
                raise KeyboardInterrupt
            return backward(Y, Y_hat)

        parameters = [layer.parameters[name] for _, layer, name in self.model.parameters()]
        copies = [value.copy() for value in parameters]
        with (
            mock.patch.object(self.model, "backward", breaking),
            self.assertRaises(KeyboardInterrupt),
        ):
            check_network(self.model, self.X, self.Y)
        found = [layer.parameters[name] for _, layer, name in self.model.parameters()]
        np.testing.assert_equal(found, copies)

    def test_leaves_the_network_as_it_was(self):
        self.model.backward(self.Y, self.model.forward(self.X))
        state = {key: array.copy() for key, array in self.model.arrays().items()}
        gradients = [dict(layer.gradients) for layer in self.model.layers]
        with unchanged(self.X, self.Y):
            check_network(self.model, self.X, self.Y)
        np.testing.assert_equal(self.model.arrays(), state)
        for layer, before in zip(self.model.layers, gradients, strict=True):
            np.testing.assert_equal(dict(layer.gradients), before)


if __name__ == "__main__":
    unittest.main()
