"""Memory of a network in training, against the arrays themselves."""

import unittest

import numpy as np

from neural_networks.layers import Elman, FullyConnected
from neural_networks.training.memory import Memory, arrays_in, bytes_in, measure_memory, numbered
from tests.support.interrupts import convolutional_case, dense_case


def after_a_step(case):
    """A network after a step, and its memory by layer."""
    model, dataset = case()
    model.prepare(dataset)
    X, Y = dataset.train.sample()
    model.backward(Y, model.forward(X))
    model.update(0)
    return model, measure_memory(model.layers, model.optimizer._slots)


class TestNetworks(unittest.TestCase):
    def test_parameters_gradients_and_slots(self):
        for case, n_slots in ((dense_case, 2), (convolutional_case, 0)):  # Adam, SGD
            model, memory = after_a_step(case)
            for number, layer in numbered(model.layers):
                n = sum(value.nbytes for value in layer.parameters.values())
                found = memory[number]
                expected = (n, n, n_slots * n)
                self.assertEqual((found.parameters, found.gradients, found.slots), expected)

    def test_caches(self):
        model, memory = after_a_step(dense_case)  # 10 rows of float64
        row = 10 * 8
        self.assertEqual(memory["1"].cache, row * (4 + 10))  # X and Z
        self.assertEqual(memory["2"].cache, 2 * row * 10 + 10 * 8)  # X_hat and Z, 1 / σ
        self.assertEqual(memory["3"].cache, row * 10)  # the mask
        self.assertEqual(memory["4.1"].cache, 2 * row * 10)  # X and Z
        self.assertEqual(memory["4"].cache, 3 * row * 10)  # with X + F(X)
        self.assertEqual(memory["5"].cache, row * 3)  # Z; X is that of the block
        self.assertIs(model.layers[4].cache["X"], model.layers[3].cache["Z"])

    def test_an_array_in_two_caches_counts_once(self):
        model, memory = after_a_step(convolutional_case)
        total = sum(memory[number].cache for number in "1234")
        distinct = {id(a): a.nbytes for x in model.layers for a in arrays_in(x.cache)}
        pooled = model.layers[1].cache["Y"]  # the dense layer's X is a view of it
        self.assertTrue(np.shares_memory(pooled, model.layers[3].cache["X"]))
        self.assertEqual(total, sum(distinct.values()) - pooled.nbytes)

    def test_a_frozen_layer_has_no_slots(self):
        model, dataset = dense_case()
        model.prepare(dataset)
        model.layers[0].frozen = True
        X, Y = dataset.train.sample()
        model.backward(Y, model.forward(X))
        model.update(0)
        memory = measure_memory(model.layers, model.optimizer._slots)
        self.assertEqual(memory["1"].slots, 0)
        self.assertEqual(memory["5"].slots, 2 * memory["5"].parameters)


class TestLayers(unittest.TestCase):
    def test_steps_of_a_sequence(self):
        layer = Elman(4)
        layer.forward_faster(np.zeros((2, 3, 5)))
        n = 2 * 8  # numbers of a unit in bytes
        # X and Z have 5 steps, the states one more.
        self.assertEqual(measure_memory([layer], {})["1"].cache, n * (5 * 3 + 5 * 4 + 6 * 4))

    def test_before_the_first_step(self):
        self.assertEqual(measure_memory([FullyConnected(3, "relu")], {}), {"1": Memory(0, 0, 0, 0)})

    def test_caches_of_other_kinds(self):
        layer, array = FullyConnected(3, "relu"), np.zeros((6, 4), np.float32)
        layer.cache |= {"a": {"b": [array[::2], (array,)]}, "n": 5, "c": None, "e": array[:0]}
        layer.cache["wide"] = np.broadcast_to(array[0], (100, 4))
        self.assertEqual(measure_memory([layer], {})["1"].cache, array.nbytes)

    def test_ten_layers_and_more(self):
        layers = [FullyConnected(3, "relu") for _ in range(11)]
        slots = {"layer1.W": {"m": np.zeros(2)}, "layer11.W": {"m": np.zeros(5)}}
        found = measure_memory(layers, slots)
        self.assertEqual((found["1"].slots, found["11"].slots), (16, 40))


class TestIntervals(unittest.TestCase):
    def test_bytes(self):
        for intervals, n in (
            ([], 0),
            ([(0, 10), (20, 25)], 15),
            ([(20, 25), (0, 10), (5, 22)], 25),
            ([(0, 10), (2, 4), (0, 10)], 10),
        ):
            self.assertEqual(bytes_in(intervals), n)


if __name__ == "__main__":
    unittest.main()
