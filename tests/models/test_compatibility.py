"""Loss, outputs and labels without a meaning together: refused before training."""

import math
import unittest

import numpy as np

from neural_networks.activations import (
    ACTIVATIONS,
    initialize_activation,
)
from neural_networks.datasets import Dataset
from neural_networks.layers import LAYERS
from neural_networks.losses import LOSSES, Hinge, initialize_loss
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder
from tests.support.compatibility_cases import (
    LABELS,
    OTHERS,
    PROBABILITIES,
    SGD,
    Compatibility,
    N,
    dense,
)
from tests.support.scripts import quietly
from train_ffnn import main


class TestProbabilities(Compatibility):
    def test_outputs_that_leave_the_interval(self):
        for activation in OTHERS:
            with self.subTest(activation):
                words = f"cross_entropy needs .* activation {activation} .* activation softmax$"
                for labels in ("classes", "soft classes"):
                    self.assert_refused(words, "cross_entropy", [dense(activation)], LABELS[labels])
                words = f"binary_cross_.* needs .* {activation} .* activation sigmoid$"
                self.assert_refused(
                    words, "binary_cross_entropy", [dense(activation)], LABELS["0 and 1"]
                )

    def test_those_that_go_with_the_loss(self):
        for labels in ("classes", "soft classes"):
            self.assert_fits("cross_entropy", [dense("softmax")], LABELS[labels])
        for labels in ("0 and 1", "ones"):
            self.assert_fits("binary_cross_entropy", [dense("sigmoid")], LABELS[labels])

    def test_a_sigmoid_for_each_class(self):
        words = "sum to 1, but .* sigmoid .* softmax, or .* binary_cross_entropy$"
        self.assert_warns(words, "cross_entropy", [dense("sigmoid")], LABELS["classes"])

    def test_one_output_for_classes(self):
        for activation in PROBABILITIES:
            words = "cross_entropy needs an output for each class"
            self.assert_refused(words, "cross_entropy", [dense(activation)], LABELS["ones"])

    def test_a_softmax_over_one_output(self):
        for loss, fitting in (("binary_cross_entropy", "sigmoid"), ("l2", "linear")):
            words = f"a softmax over one output is always 1: .* activation {fitting}$"
            self.assert_refused(words, loss, [dense("softmax")], LABELS["0 and 1"])

    def test_the_example(self):
        flags = "--dataset digits --network two_layer_net --network-args n_hidden=32 "
        flags += "weight_scale=null output=relu --optimizer Adam --lr 0.01 --epochs 30"
        status, _, err = quietly(main, *flags.split())
        self.assertEqual(status, 2)
        self.assertRegex(err, "^train_ffnn.py: error: cross_entropy needs .* softmax\n$")


class TestScripts(InFolder):
    def run_on_two_classes(self, flags):
        rows = [f"{i},{(7 * i) % 5},{'ab'[i % 2]}" for i in range(40)]
        (self.root / "two.csv").write_text("\n".join(["x,z,y", *rows]) + "\n")
        flags += f" --dataset csv --data-args path={self.root / 'two.csv'} label=y --epochs 1"
        status, _, err = quietly(main, *flags.split(), "--experiments", self.root)
        return status, err

    def test_a_warning_is_printed_once(self):
        status, err = self.run_on_two_classes(
            "--network two_layer_net --network-args output=sigmoid"
        )
        self.assertEqual(status, 0)
        self.assertRegex(err, "^warning: cross_entropy is defined for .* binary_cross_entropy\n$")

    def test_the_flags_fit_output_and_labels_to_the_loss(self):
        for loss in LOSSES:
            if loss not in ("l2", "huber"):  # for numbers
                with self.subTest(loss):
                    self.assertEqual(self.run_on_two_classes(f"--loss {loss}"), (0, ""))

    def test_typed_outputs_that_do_not_fit(self):
        for loss, output, fitting in (
            ("binary_cross_entropy", "softmax", "sigmoid"),
            ("binary_cross_entropy", "relu", "sigmoid"),
            ("hinge", "softmax", "linear"),
            ("cross_entropy", "tanh", "softmax"),
        ):
            flags = f"--loss {loss} --network two_layer_net --network-args output={output}"
            with self.subTest(loss=loss, output=output):
                status, err = self.run_on_two_classes(flags)
                self.assertEqual((status, err.count("\n")), (2, 1))
                self.assertRegex(err, f"the last layer needs the activation {fitting}\n$")
                self.assertFalse((self.root / "csv").exists())


class TestScores(Compatibility):
    def test_that_can_never_differ_enough(self):
        for loss in ("hinge", "squared_hinge"):
            for activation in PROBABILITIES:
                words = f"{loss} needs scores .* {activation} .* activation linear$"
                self.assert_refused(words, loss, [dense(activation)], LABELS["classes"])
            for activation in OTHERS:
                self.assert_fits(loss, [dense(activation)], LABELS["classes"])


class TestNumbers(Compatibility):
    def test_labels_that_no_output_reaches(self):
        cases = {"prices": (*PROBABILITIES, "tanh", "arctan"), "debts": ("relu", "elu", "softplus")}
        for labels, activations in cases.items():
            for loss in ("l2", "huber"):
                for activation in activations:
                    with self.subTest(labels=labels, loss=loss, activation=activation):
                        # Two columns, as a softmax over one is refused for another reason.
                        Y = np.column_stack([LABELS[labels], LABELS["0 and 1"]])
                        words = f"{loss} can reach no label of output 1: .* linear$"
                        self.assert_refused(words, loss, [dense(activation)], Y)

    def test_labels_that_some_outputs_reach(self):
        for activation in ("sigmoid", "relu", "softplus", "gelu"):
            words = f"l2 can reach 50.0% of the labels: .* {activation} .* linear$"
            self.assert_warns(words, "l2", [dense(activation)], LABELS["-1 and 1"])

    def test_labels_within_reach(self):
        for activation in ("linear", "leaky_relu", "tanh", "arctan", "elu"):
            self.assert_fits("l2", [dense(activation)], LABELS["-1 and 1"])
        for activation in ACTIVATIONS:
            self.assert_fits("l2", [dense(activation)], LABELS["classes"])

    def test_a_softmax_for_rows_that_do_not_sum_to_one(self):
        Y = 0.1 * LABELS["classes"]
        words = "l2 can reach no label of output 1: .* that sum to 1: "
        self.assert_refused(words, "l2", [dense("softmax")], Y)
        Y[::2] *= 10
        words = "l2 can reach 50.0% of the labels"
        self.assert_warns(words, "l2", [dense("softmax")], Y)


class TestLabels(Compatibility):
    def test_the_losses_that_fit_are_named(self):
        cases = (
            ("cross_entropy", "columns of 0 and 1", "l2, huber"),
            ("cross_entropy", "0 and 1", "binary_cross_entropy, l2, huber"),
            ("cross_entropy", "-1 and 1", "l2, huber"),
            ("cross_entropy", "prices", "l2, huber"),
            ("binary_cross_entropy", "classes", "cross_entropy, l2, huber, hinge, squared_hinge"),
            ("binary_cross_entropy", "-1 and 1", "l2, huber"),
            ("hinge", "soft classes", "cross_entropy, l2, huber"),
            ("hinge", "-1 and 1", "l2, huber"),
        )
        for loss, labels, others in cases:
            with self.subTest(loss=loss, labels=labels):
                words = rf"of {loss} must .* \(losses for such labels: {others}\)$"
                self.assert_refused(words, loss, [dense("linear")], LABELS[labels])

    def test_of_the_validation_set(self):
        X, Y = np.zeros((N, 4)), LABELS["classes"]
        dataset = Dataset(X, Y, 5, validation_set=X, validation_labels=0 * Y, seed=0)
        model = NeuralNetwork("cross_entropy", [dense("softmax")], SGD, seed=0)
        with self.assertRaisesRegex(ValueError, "must sum to 1, got 0 .*such labels: l2, huber"):
            model.prepare(dataset)
        dataset = Dataset(X, Y, 5, validation_set=X, validation_labels=Y + 7, seed=0)
        model = NeuralNetwork("l2", [dense("sigmoid")], SGD, seed=0)
        with self.assertRaisesRegex(ValueError, "l2 can reach no label of output 1"):
            model.prepare(dataset)


class TestShapes(Compatibility):
    """Images into networks whose last layer has no size of its own."""

    images = np.random.default_rng(2).normal(size=(N, 4, 4, 2))

    def convolution(self, activation="softmax", n_out=3):
        layer = {"name": "conv2d", "kernel_shape": 1, "n_out": n_out, "activation": activation}
        return dict(layer)

    def pool(self, mode="average", kernel=4, pad=0):
        return {"name": "pool2d", "kernel_shape": kernel, "mode": mode, "pad": pad}

    def test_of_outputs_and_labels(self):
        flatten = {"name": "flatten"}
        cases = (
            [self.convolution()],
            [self.convolution(), self.pool()],
            [self.convolution(), flatten],
            [self.convolution(), {"name": "flatten", "keep_dim": "last"}],
        )
        for layers in cases:
            with self.subTest(layers[-1]["name"]):
                words = r"output for one example has shape \(.*\), but its label .* \(1, 3\)$"
                self.assert_refused(words, "cross_entropy", layers, LABELS["classes"], self.images)

    def test_a_class_at_each_step_or_one_of_a_sequence(self):
        X = np.random.default_rng(3).normal(size=(N, 2, 6))
        elman = {"name": "elman", "n_out": 5}
        for layers, Y in (
            ([elman, dense("softmax")], np.repeat(LABELS["classes"][:, :, np.newaxis], 6, axis=2)),
            ([{**elman, "return_sequences": True}, dense("softmax")], LABELS["classes"]),
        ):
            self.assert_refused("output for one example has shape", "cross_entropy", layers, Y, X)
        layers = [{**elman, "return_sequences": True}, dense("softmax")]
        Y = np.repeat(LABELS["classes"][:, :, np.newaxis], 6, axis=2)
        self.assert_fits("cross_entropy", layers, Y, X)
        layers[1] = dense("relu")
        self.assert_refused("needs probabilities", "cross_entropy", layers, Y, X)

    def test_layers_that_pass_outputs_on(self):
        """They have the range of the layer below."""
        end = [self.pool(), {"name": "flatten"}]
        classes = LABELS["classes"]
        self.assert_fits("cross_entropy", [self.convolution(), *end], classes, self.images)
        for activation in OTHERS:
            words = f"needs probabilities, but .* {activation} with Pool2D, Flatten after it "
            layers = [self.convolution(activation), *end]
            self.assert_refused(words, "cross_entropy", layers, classes, self.images)
        layers = [self.convolution("sigmoid"), *end]
        self.assert_warns("sum to 1", "cross_entropy", layers, classes, self.images)

    def test_a_softmax_for_each_pixel(self):
        layers = [self.convolution(n_out=2), {"name": "flatten"}]
        Y = np.eye(32)[np.arange(N)]
        words = "those of one example sum to 16: .* softmax$"
        self.assert_refused(words, "cross_entropy", layers, Y, self.images)

    def test_dropout_of_outputs(self):
        dropout = {"name": "dropout", "p": 0.5}
        layers = [dense("softmax", 3), dropout]
        words = r"softmax with Dropout after it gives numbers in \[0, 2\]"
        self.assert_refused(words, "cross_entropy", layers, LABELS["classes"])
        self.assert_fits("l2", [dense("linear", 3), dropout], LABELS["classes"])

    def test_an_average_over_a_border_reaches_zero(self):
        layers = [self.convolution("linear", 1), self.pool(kernel=6, pad=1), {"name": "flatten"}]
        self.assert_fits("l2", layers, LABELS["prices"], self.images)
        layer = LAYERS["pool2d"](3, "average", pad=1)
        self.assertEqual(layer.passed_on(2, 3), (0, 3))
        self.assertEqual(LAYERS["pool2d"](3, "max", pad=1).passed_on(2, 3), (2, 3))

    def test_normalizations_and_blocks_have_an_activation(self):
        block = {"name": "residual", "layers": [dense("linear", 3)]}
        for last in ({"name": "batch_norm"}, {"name": "layer_norm"}, block):
            layers = [dense("linear", 3), {**last, "activation": "softmax"}]
            self.assert_fits("cross_entropy", layers, LABELS["classes"])
            layers[-1]["activation"] = "linear"
            self.assert_refused("needs prob.* linear", "cross_entropy", layers, LABELS["classes"])


class TestByHand(unittest.TestCase):
    """Without ``prepare``: the loss itself refuses what cannot be a probability."""

    def test_predictions_above_one(self):
        for name, activation in (("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")):
            loss = initialize_loss(name)
            Y = np.array([[1.0]])
            with self.assertRaisesRegex(
                ValueError, f"got 1.5 ... 1.5; is the output a {activation}"
            ):
                loss.forward(Y, np.array([[1.5]]))
            self.assertLess(abs(loss.forward(Y, np.array([[1 + 1e-6]]))), 2e-6)


class TestRanges(unittest.TestCase):
    def test_are_those_of_the_functions(self):
        """Every output lies in the range, and the range is not wider than the outputs."""
        Z = np.concatenate([np.linspace(-1e4, 1e4, 20001), np.linspace(-3, 3, 20001)])
        Z = np.stack([Z, np.zeros_like(Z)], axis=1)  # for the softmax
        for name in ACTIVATIONS:
            with self.subTest(name):
                activation = initialize_activation(name)
                Y, (low, high) = activation.forward(Z)[:, 0], activation.range
                self.assertGreaterEqual(Y.min(), low)
                self.assertLessEqual(Y.max(), high)
                if math.isfinite(low):
                    self.assertLess(Y.min() - low, 1e-3)
                if math.isfinite(high):
                    self.assertLess(high - Y.max(), 1e-3)
                sums = activation.forward(Z).sum(axis=1)
                self.assertIs(activation.sums_to_one, bool(np.allclose(sums, 1)))

    def test_the_margin_of_a_hinge_is_one(self):
        """So that scores in [0, 1] never reach a loss of 0, and wider ones do."""
        Y = np.eye(2)
        self.assertGreater(Hinge("hinge").forward(Y, 0.999 * Y), 0)
        self.assertEqual(Hinge("hinge").forward(Y, 1.001 * Y), 0)


if __name__ == "__main__":
    unittest.main()
