"""The formula for the memory of training, against what tracemalloc measures."""

import tracemalloc
import unittest

from benchmarks.scale.memory import run_memory, slots_of, training_memory
from benchmarks.scale.sweeps import SWEEPS, build_model, draw_batch, draw_dataset
from neural_networks.layers import FullyConnected
from neural_networks.models import initialize_model
from neural_networks.optimizers import OPTIMIZERS, initialize_optimizer

TOLERANCE = 0.05
"""Share by which the formula may be wrong: objects of Python, and arrays of a few numbers."""
TOLERANCE_OF_PARTS = 0.07
"""The same of the forward pass, the backward pass, and the update by themselves."""


def dense(n: int, activation: str = "relu") -> dict[str, object]:
    return {"name": "fully_connected", "activation": activation, "n_out": n}


def convolution(n: int, k: int = 3, activation: str = "relu", **options: object):
    return dense(n, activation) | {"name": "conv2d", "kernel_shape": k, **options}


def elman(n: int, **options: object) -> dict[str, object]:
    return {"name": "elman", "n_out": n, **options}


OUTPUT, FLATTEN = dense(10, "softmax"), {"name": "flatten"}
POOL = {"name": "pool2d", "mode": "max", "kernel_shape": 2, "stride": 2}
WIDE_POOL = POOL | {"kernel_shape": 3, "stride": 1}
BATCH_NORM = {"name": "batch_norm", "activation": "relu"}
DROPOUT = {"name": "dropout", "p": 0.5}

NETWORKS = {
    "dense, large batch": ([dense(256), dense(128), OUTPUT], (2048, 784)),
    "dense, many parameters": ([dense(600), dense(600), OUTPUT], (16, 600)),
    "tanh": ([dense(300, "tanh"), dense(300, "tanh"), OUTPUT], (1024, 100)),
    "linear layers share Z and Y": ([dense(300, "linear"), dense(300, "linear"), OUTPUT], (999, 9)),
    "few channels": ([convolution(8, stride=1), POOL, FLATTEN, OUTPUT], (16, 48, 48, 3)),
    "rows": ([convolution(12), convolution(12), POOL, FLATTEN, OUTPUT], (24, 24, 24, 3)),
    "tiles": ([convolution(32), convolution(32), POOL, FLATTEN, OUTPUT], (32, 20, 20, 3)),
    "many channels": ([convolution(96), convolution(96), FLATTEN, OUTPUT], (4, 12, 12, 3)),
    "stride": (
        [convolution(16, stride=2), convolution(32, stride=2), FLATTEN, OUTPUT],
        (16, 48, 48, 3),
    ),
    "pools": ([convolution(8), WIDE_POOL, WIDE_POOL, WIDE_POOL, FLATTEN, OUTPUT], (16, 32, 32, 3)),
    "batch norm": (
        [dense(256, "linear"), BATCH_NORM, dense(256, "linear"), BATCH_NORM, OUTPUT],
        (1024, 64),
    ),
    "batch norm of images": ([convolution(16), BATCH_NORM, POOL, FLATTEN, OUTPUT], (16, 32, 32, 3)),
    "its convolution is linear": (
        [convolution(16, activation="linear"), BATCH_NORM, POOL, FLATTEN, OUTPUT],
        (16, 32, 32, 3),
    ),
    "layer norm, its input is not kept": ([dense(256), {"name": "layer_norm"}, OUTPUT], (2048, 64)),
    "dropout": ([dense(256), DROPOUT, dense(256), DROPOUT, OUTPUT], (1024, 100)),
    "Elman": ([elman(64), OUTPUT], (32, 28, 150)),
    "two Elman layers": ([elman(48, return_sequences=True), elman(48), OUTPUT], (32, 20, 100)),
}


def make(layers, optimizer="Adam", **options: object):
    """A network in one thread: the workspaces of two are not always full at the same moment."""
    return initialize_model(
        "memory",
        "cross_entropy",
        layers,
        {"name": optimizer, "lr": 1e-4, **options},
        seed=0,
        dtype="float32",
        n_threads=1,
    )


PARTS = ("forward", "backward", "update")


def measured(
    layers, shape: tuple[int, ...], optimizer: str = "Adam", **options: object
) -> dict[str, int]:
    """The peak of each part of a step, in bytes, as of the third step.

    A network without tracing comes first, for its imports.
    """
    for traced in (False, True):
        if traced:
            tracemalloc.start()
        try:
            model, (X, Y) = make(layers, optimizer, **options), draw_batch(shape, 0)
            with model.threads(shape):
                for _ in range(3 if traced else 1):
                    peaks = peaks_of_step(model, X, Y)
        finally:
            tracemalloc.stop()
        del model, X, Y
    return peaks


def peaks_of_step(model, X, Y) -> dict[str, int]:
    """Make a step; the greatest memory in each of its parts, 0 if it is not traced."""
    peaks = {}
    tracemalloc.reset_peak()
    model.last = model.forward(X)  # in place of that of the step before, as in a training
    peaks["forward"] = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    model.backward(Y, model.last)
    peaks["backward"] = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    model.update(0)
    peaks["update"] = tracemalloc.get_traced_memory()[1]
    return peaks


class TestFormula(unittest.TestCase):
    def test_it_agrees_with_what_is_measured(self):
        for name, (layers, shape) in NETWORKS.items():
            found, memory = measured(layers, shape), training_memory(make(layers), shape)
            steady = memory.total - max(memory.forward, memory.backward, memory.update)
            with self.subTest(network=name):
                self.assertGreater(max(found.values()), 2e6)  # objects of Python do not matter
                self.assertLess(abs(memory.total / max(found.values()) - 1), TOLERANCE)
            for part in PARTS:
                with self.subTest(network=name, part=part):
                    expected = steady + getattr(memory, part)
                    self.assertLess(abs(expected / found[part] - 1), TOLERANCE_OF_PARTS)

    def test_optimizers(self):
        layers, shape = NETWORKS["dense, many parameters"]
        n = make(layers)
        n.create_parameters(shape[1:])
        parameters = sum(value.nbytes for layer in n.layers for value in layer.parameters.values())
        for name in OPTIMIZERS:
            for options in ({}, {"momentum": 0.9}) if name == "SGD" else ({},):
                with self.subTest(optimizer=name, **options):
                    model = make(layers, name, **options)
                    found, expected = (
                        measured(layers, shape, name, **options),
                        training_memory(model, shape),
                    )
                    self.assertEqual(expected.slots, parameters * slots_of(model.optimizer))
                    self.assertLess(abs(expected.total / max(found.values()) - 1), TOLERANCE)

    def test_the_example_of_the_page(self):
        layers, shape = SWEEPS["batch"].build(4096)
        memory = training_memory(build_model(layers, 0), shape)
        P = 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10
        self.assertEqual(P, 235_146)
        self.assertEqual(memory.parameters, 4 * P)
        self.assertEqual(memory.gradients + memory.slots, 4 * 3 * P)
        self.assertEqual(memory.kept, 4 * 4096 * (784 + 10 + 2 * 256 + 2 * 128 + 2 * 10))
        self.assertEqual(memory.forward, 4 * 4096 * 2 * 256)
        self.assertEqual(memory.backward, 4 * 4096 * 9 * 256 // 4)
        self.assertEqual(memory.update, 4 * 2 * 784 * 256)
        self.assertEqual(memory.total, 39_119_008)

    def test_it_creates_missing_parameters_and_takes_frozen_layers(self):
        model = make([dense(100), OUTPUT])
        model.layers[0].frozen = True
        memory = training_memory(model, (5, 50))
        self.assertEqual(model.layers[0].parameters["W"].shape, (50, 100))
        self.assertEqual(memory.slots, 4 * 2 * 1010)
        self.assertEqual(memory.parameters, 4 * (50 * 100 + 100 + 1010))

    def test_double_precision_takes_twice_the_memory(self):
        layers, shape = NETWORKS["dense, large batch"]
        model = initialize_model(
            "double", "cross_entropy", layers, {"name": "SGD", "lr": 1}, seed=0
        )
        single = training_memory(make(layers, "SGD"), shape)
        self.assertEqual(training_memory(model, shape).kept, 2 * single.kept)

    def test_layers_and_optimizers_without_a_formula(self):
        class Own(FullyConnected):
            def forward(self, X):
                return super().forward(X)

        class Rule(type(initialize_optimizer("SGD", 0.1))):
            pass

        block = {"name": "residual", "layers": [dense(20, "linear")]}
        with self.assertRaisesRegex(ValueError, "no formula for the layer Residual"):
            training_memory(make([dense(20), block, OUTPUT]), (5, 8))
        model = make([OUTPUT])
        model.optimizer = Rule(0.1)
        with self.assertRaisesRegex(ValueError, "no formula for the optimizer Rule"):
            training_memory(model, (5, 8))


class TestRun(unittest.TestCase):
    def test_a_training_takes_its_data_and_little_more(self):
        shape = (40_000, 28)
        layers, _ = SWEEPS["rows"].build(shape[0])
        build_model(layers, 0).train(draw_dataset((1000, 28), 0), 1)
        tracemalloc.start()
        try:
            model, dataset = build_model(layers, 0), draw_dataset(shape, 0)
            model.train(dataset, 2)
            found = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        data = 4 * 40_000 * (28 + 10)
        self.assertLess(abs(run_memory(model, dataset) / found - 1), TOLERANCE)
        self.assertGreater(run_memory(model, dataset), data)
        self.assertLess(found, 1.3 * data)


if __name__ == "__main__":
    unittest.main()
