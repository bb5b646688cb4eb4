"""Errors in the code of layers, losses and optimizers: told with their place in a script."""

import inspect
import traceback
import unittest
from unittest import mock

import numpy as np

from neural_networks.activations import ACTIVATIONS, TanH
from neural_networks.cli.parser import command
from neural_networks.datasets import Dataset
from neural_networks.layers import LAYERS, FullyConnected, Layer
from neural_networks.losses import L2, LOSSES
from neural_networks.models import NeuralNetwork
from neural_networks.optimizers import OPTIMIZERS, SGD
from neural_networks.schedulers import SCHEDULERS, Constant
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 2))
IMAGES = RNG.normal(size=(12, 4, 4, 1))


class Mistaken(Layer):
    """A layer of one's own, with a mistake in one of its methods."""

    def __init__(self, n_out, where):
        super().__init__()
        self.n_out, self.where = n_out, where
        if where == "__init__":
            np.zeros(3) @ np.zeros(4)  # __init__

    def forward(self, X):
        X = self.check_input(X)
        self.cache["X"], W = X, self.parameters["W"]
        return X @ (W.T if self.where == "forward" else W)  # forward

    def backward(self, dLdY):
        X = self.cache["X"]
        self.gradients["W"] = (X if self.where == "backward" else X.T) @ dLdY  # backward
        if self.where == "nothing":
            return None
        return dLdY @ self.parameters["W"].T

    def _init_parameters(self, X_shape):
        d = X_shape[self.where == "_init_parameters" and 7]  # _init_parameters
        self.parameters["W"] = self.rng.normal(size=(X_shape[1] if d else 0, self.n_out))


class MistakenActivation(TanH):
    def backward(self, Z, dY):
        return dY * (1 - self.outputs**2)  # activation


class MistakenLoss(L2):
    def backward(self, Y, Y_hat):
        return 2 * (Y_hat - Y.T) / len(Y)  # loss


class MistakenOptimizer(SGD):
    def update(self, param_name, param, param_grad, epoch):
        return self.lr_scheduler(epoch) * self.v[param_name]  # optimizer


class MistakenSchedule(Constant):
    def __call__(self, epoch):
        return self.rates[int(epoch)]  # schedule

    rates = ()


class Refusing(Layer):
    """A layer with a check of its own."""

    def forward(self, X):
        if X.shape[1] != 5:
            raise ValueError(f"five features, not {X.shape[1]}")  # raise
        return X

    def backward(self, dLdY):
        return dLdY


DENSE = {"name": "fully_connected", "activation": "linear", "n_out": 4}
LAST = {**DENSE, "n_out": 2}
PLAIN = {"name": "SGD", "lr": 0.1}


def training(layers, loss="l2", optimizer=PLAIN, data=X):
    """A program that trains a network."""

    @command("program.py")
    def main(argv):
        model = NeuralNetwork(loss, layers, optimizer, seed=0)
        model.train(Dataset(data, Y, batch_size=6, seed=0), 1)

    return main


class CodeErrors(InFolder):
    def setUp(self):
        super().setUp()
        for table, entries in (
            (LAYERS, {"mistaken": Mistaken, "refusing": Refusing}),
            (ACTIVATIONS, {"mistaken": MistakenActivation}),
            (LOSSES, {"mistaken": MistakenLoss}),
            (OPTIMIZERS, {"mistaken": MistakenOptimizer}),
            (SCHEDULERS, {"mistaken": MistakenSchedule}),
        ):
            patch = mock.patch.dict(table, entries)
            patch.start()
            self.addCleanup(patch.stop)

    def assert_place(self, main, part, mark, error):
        """Part and error are named, and the last frame is the line with that comment."""
        status, _, err = quietly(main)
        first, *lines = err.splitlines()
        self.assertRegex(first, f"^program.py: error in {part}: {error}: ")
        source = inspect.getsource(inspect.getmodule(type(self))).splitlines()
        (number,) = (n for n, line in enumerate(source, 1) if line.endswith(f"# {mark}"))
        places = [line for line in lines if line.startswith("  File ")]
        self.assertIn(f'"{__file__}", line {number}, in ', places[-1])
        self.assertIn(source[number - 1].strip(), err)
        self.assertLessEqual(len(places), 3)
        self.assertEqual(status, 2)


class TestOwnCode(CodeErrors):
    def test_of_a_layer(self):
        for where, error in (
            ("__init__", "ValueError"),
            ("_init_parameters", "IndexError"),
            ("forward", "ValueError"),
            ("backward", "ValueError"),
        ):
            own = {"name": "mistaken", "n_out": 5, "where": where}
            for before in ([], [DENSE], [DENSE, {"name": "dropout"}]):
                with self.subTest(where, before=len(before)):
                    main = training([*before, own, LAST])
                    self.assert_place(main, f"layer {len(before) + 1}, Mistaken", where, error)

    def test_of_a_layer_inside_a_block(self):
        for where in ("forward", "backward"):
            own = {"name": "mistaken", "n_out": 7, "where": where}
            block = {"name": "residual", "layers": [{**DENSE, "n_out": 3}, own, DENSE]}
            main = training([{"name": "dropout"}, block, LAST])
            self.assert_place(main, "layer 2, Residual: layer 2, Mistaken", where, "ValueError")

    def test_of_an_activation(self):
        main = training([{**DENSE, "activation": "mistaken"}, LAST])
        part = "layer 1, FullyConnected: activation MistakenActivation"
        self.assert_place(main, part, "activation", "AttributeError")

    def test_of_a_loss(self):
        main = training([LAST], loss="mistaken")
        self.assert_place(main, "loss MistakenLoss", "loss", "ValueError")

    def test_of_an_optimizer(self):
        main = training([LAST], optimizer={"name": "mistaken", "lr": 0.1})
        self.assert_place(main, "optimizer MistakenOptimizer", "optimizer", "AttributeError")

    def test_of_a_schedule(self):
        main = training([LAST], optimizer={**PLAIN, "lr_scheduler": "mistaken"})
        self.assert_place(main, "schedule MistakenSchedule", "schedule", "IndexError")

    def test_in_a_thread(self):
        def backward(layer, Z, dY):
            return dY @ np.zeros((5, 5))  # thread

        image = {"name": "conv2d", "n_out": 2, "kernel_shape": 1, "activation": "tanh"}
        with mock.patch.object(TanH, "backward", backward):
            main = training([image, {"name": "flatten"}, LAST], data=IMAGES)
            part = "layer 1, Conv2D: activation TanH"
            self.assert_place(main, part, "thread", "ValueError")

    def test_of_a_check_of_one_s_own(self):
        part = "layer 2, Refusing"
        self.assert_place(
            training([DENSE, {"name": "refusing"}, LAST]), part, "raise", "ValueError"
        )

    def test_while_parameters_are_loaded(self):
        own = {"name": "mistaken", "n_out": 5, "where": "ok"}
        model = NeuralNetwork("l2", [own, LAST], PLAIN, seed=0)
        model.forward(X)
        model.save(self.root / "a.npz")

        @command("program.py")
        def main(argv):
            other = NeuralNetwork("l2", [{**own, "where": "forward"}, LAST], PLAIN)
            other.load(self.root / "a.npz")

        self.assert_place(main, "layer 1, Mistaken", "forward", "ValueError")

    def test_an_edited_layer_of_the_library(self):
        """As a student's: the library's own file, with a forgotten transpose."""

        def backward(layer, dLdY):
            layer.gradients["W"] = layer.cache["X"] @ dLdY  # student
            return dLdY @ layer.parameters["W"].T

        edited = type("Edited", (FullyConnected,), {"backward": backward})
        with mock.patch.dict(LAYERS, fully_connected=edited):
            main = training([DENSE, LAST])
            self.assert_place(main, "layer 2, Edited", "student", "ValueError")

    def test_debug_raises(self):
        own = {"name": "mistaken", "n_out": 5, "where": "backward"}
        with self.assertRaisesRegex(ValueError, "matmul"):
            quietly(training([own, LAST]), "--debug")

    def test_a_gradient_that_is_not_returned(self):
        own = {"name": "mistaken", "n_out": 5, "where": "nothing"}
        status, _, err = quietly(training([DENSE, own, LAST]))
        self.assertEqual(status, 2)
        words = "error: layer 1, FullyConnected: dLdY must be a NumPy array, got NoneType"
        self.assertIn(words, err)


class TestArguments(CodeErrors):
    """What is wrong in an argument or in the data keeps its line."""

    def assert_line(self, main, words):
        status, _, err = quietly(main)
        self.assertEqual((status, err.count("\n")), (2, 1), err)
        self.assertRegex(err, f"^program.py: error: {words}")

    def test_of_a_layer(self):
        conv = {"name": "conv2d", "n_out": 2, "kernel_shape": 9, "activation": "relu", "pad": 0}
        end = [{"name": "flatten"}, LAST]
        self.assert_line(training([conv, *end], data=IMAGES), "layer 1: ")
        self.assert_line(training([{**DENSE, "n_out": 0}, LAST]), "layer 1: n_out must be")
        self.assert_line(training([{**DENSE, "n_out": "x"}, LAST]), "layer 1: n_out must be")
        self.assert_line(training([LAST], data=IMAGES), "layer 1: X must be")
        batch_norm = {"name": "batch_norm"}
        block = {"name": "residual", "layers": [{**DENSE, "n_out": 3}]}
        self.assert_line(training([DENSE, batch_norm, block, LAST]), "layer 3: a residual block")

    def test_of_loss_and_optimizer(self):
        self.assert_line(training([LAST], loss="cross_entropy"), "labels of cross_entropy")
        self.assert_line(training([LAST], optimizer={**PLAIN, "lr": -1}), "lr must be")
        huge = {"name": "SGD", "lr_scheduler": "exponential", "lr": 1, "lr_decay": 1e300}
        args = {**huge, "stage_length": 0.001}
        self.assert_line(training([LAST], optimizer=args), "the learning rate of epoch")

    def test_too_large_for_the_memory(self):
        def draw(layer, shape):
            raise MemoryError("Unable to allocate 7 TiB")

        with mock.patch.object(FullyConnected, "_init_parameters", draw):
            self.assert_line(training([DENSE, LAST]), "Unable to allocate 7 TiB")


class TestInPython(CodeErrors):
    """The error that a program catches is the error itself."""

    def test_its_traceback_ends_where_it_happened(self):
        own = {"name": "mistaken", "n_out": 7, "where": "forward"}
        for layers in ([own, LAST], [{"name": "residual", "layers": [own]}]):
            trace = None
            try:
                NeuralNetwork("l2", layers, PLAIN, seed=0).create_parameters((4,))
            except ValueError as error:
                trace = error.__traceback__
                self.assertRegex(str(error), "^layer 1: .*matmul")
            self.assertIsNotNone(trace)
            *_, last = traceback.walk_tb(trace)
            self.assertEqual(last[0].f_code.co_qualname, "Mistaken.forward")

    def test_exercises_are_left_to_the_caller(self):
        def forward(layer, X):
            raise NotImplementedError("4.2 write it")

        with (
            mock.patch.object(FullyConnected, "forward", forward),
            self.assertRaisesRegex(NotImplementedError, "4.2 write it"),
        ):
            quietly(training([DENSE, LAST]))


if __name__ == "__main__":
    unittest.main()
