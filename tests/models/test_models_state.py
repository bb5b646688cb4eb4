"""Network state: prediction, repeated training, seeds, files."""

import copy
import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_equal

from neural_networks.datasets import Dataset
from neural_networks.layers import Layer
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder, examples

SGD = {"name": "SGD", "lr": 0.1, "momentum": 0.9}
HIDDEN = {"name": "fully_connected", "n_out": 5, "activation": "tanh"}
OUTPUT = {"name": "fully_connected", "n_out": 3, "activation": "softmax"}
OPEN_OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
IMAGES = [{"name": "flatten"}, HIDDEN, OUTPUT]


def network(layers=(HIDDEN, OUTPUT), *, loss="cross_entropy", seed=0, **options):
    return NeuralNetwork(loss, list(layers), options.pop("optimizer", SGD), seed=seed, **options)


def dataset(**options):
    return Dataset(*examples(), 5, *examples(9, seed=1), *examples(8, seed=2), seed=7, **options)


def parameters(model):
    return {
        f"{i}{name}": value
        for i, layer in enumerate(model.layers)
        for name, value in layer.parameters.items()
    }


def snapshot(model):
    """Everything that a network remembers, in a form that == compares."""

    def plain(value):
        return (value.dtype.str, value.shape, value.tobytes(), id(value))

    def store(mapping):
        return {k: plain(v) if isinstance(v, np.ndarray) else v for k, v in mapping.items()}

    layers = [
        {
            "parameters": store(layer.parameters),
            "gradients": store(layer.gradients),
            "buffers": store(layer.buffers),
            "cache": store(layer.cache),
            "generator": copy.deepcopy(layer.rng.bit_generator.state),
            "training": layer.training,
            "input_gradient": layer.input_gradient,
        }
        for layer in model.layers
    ]
    return {
        "layers": layers,
        "slots": {name: store(slots) for name, slots in model.optimizer._slots.items()},
        "state": {k: (v.dtype.str, v.tolist()) for k, v in model.arrays().items()},
        "history": store(model.history) | {"steps": list(model.records.steps)},
        "epoch": model.epoch,
    }


def trained_step(layers=(HIDDEN, OUTPUT), X=None, **options):
    """A network in the middle of its work: with gradients, caches and velocities."""
    model = network(layers, **options)
    X0, Y = examples()
    X = X0 if X is None else X
    model.backward(Y, model.forward(X))
    model.update(0)
    model.backward(Y, model.forward(X))
    return model


class TestPredictionChangesNothing(unittest.TestCase):
    def test_predict(self):
        X, Y = examples(6, seed=5)
        for output in ("softmax", "sigmoid"):  # the canonical path and the plain one
            for labels in (Y, None):
                with self.subTest(output=output, labels=labels is not None):
                    model = trained_step([HIDDEN, {**OUTPUT, "activation": output}])
                    before = snapshot(model)
                    Y_hat, loss = model.predict(X, labels)
                    self.assertEqual(snapshot(model), before)
                    self.assertEqual(Y_hat.shape, (6, 3))
                    self.assertEqual(np.isnan(loss), labels is None)
                    if labels is None:
                        np.testing.assert_equal(model.predict(X), (Y_hat, loss))

    def test_predict_between_forward_and_backward(self):
        X, Y = examples()
        plain, disturbed = network(), network()
        plain.backward(Y, plain.forward(X))
        out = disturbed.forward(X)
        disturbed.predict(*examples(6, seed=5))
        disturbed.backward(Y, out)
        for a, b in zip(plain.layers, disturbed.layers, strict=True):
            assert_array_equal(a.gradients["W"], b.gradients["W"])

    def test_predict_gives_what_forward_gives(self):
        X, Y = examples()
        for output in ("softmax", "sigmoid"):
            model = network([HIDDEN, {**OUTPUT, "activation": output}])
            Y_hat, loss = model.predict(X, Y)
            out = model.forward(X)
            assert_array_equal(Y_hat, out)
            self.assertAlmostEqual(loss, -np.log(out[Y == 1]).mean(), places=13)

    def test_test_and_test_kaggle(self):
        model = trained_step()
        before, data = snapshot(model), dataset()
        generator = copy.deepcopy(data.test._rng.bit_generator.state)
        model.test(data)
        model.test_kaggle(data)
        self.assertEqual(snapshot(model), before)
        self.assertEqual(data.test._rng.bit_generator.state, generator)

    def test_predict_that_raises(self):
        X, Y = examples(6)
        images = np.ones((10, 2, 2))
        cases = {
            "feature count": ([HIDDEN, OUTPUT], None, (np.ones((6, 7)), Y)),
            "number of labels": ([HIDDEN, OUTPUT], None, (X, Y[:5])),
            "label columns": ([HIDDEN, OUTPUT], None, (X, Y[:, :2])),
            "image size": (IMAGES, images, (np.ones((6, 3, 3)), Y)),
        }
        for what, (layers, X_before, arguments) in cases.items():
            with self.subTest(what):
                model = trained_step(layers, X_before)
                before = snapshot(model)
                with self.assertRaises(ValueError):
                    model.predict(*arguments)
                self.assertEqual(snapshot(model), before)

    def test_test_that_raises(self):
        model = trained_step()
        before = snapshot(model)
        X, Y = examples()
        for test_set, labels in ((X[:4], np.zeros((4, 3))), (X[:4], None), (X[:4], np.eye(4))):
            with self.assertRaises(ValueError):
                model.test(Dataset(X, Y, 5, test_set=test_set, test_labels=labels))
            self.assertEqual(snapshot(model), before)

    def test_a_layer_that_does_not_train_stays_so(self):
        model = trained_step()
        model.layers[0].training = False
        model.predict(*examples(6))
        self.assertEqual([layer.training for layer in model.layers], [False, True])


class TestTraining(unittest.TestCase):
    def test_forward_backward_update_is_a_training_step(self):
        X, Y = examples(5)
        data = Dataset(X, Y, 5, seed=0)
        by_train, by_hand = network(), network()
        by_train.train(data, 1)
        order = Dataset(X, Y, 5, seed=0).train.sample()
        by_hand.backward(order[1], by_hand.forward(order[0]))
        by_hand.update(0)
        for name, value in parameters(by_train).items():
            assert_array_equal(value, parameters(by_hand)[name])

    def test_the_dataset_sets_the_number_of_outputs(self):
        args = [dict(HIDDEN), dict(OPEN_OUTPUT)]
        model = network(args)
        self.assertEqual([layer.n_out for layer in model.layers], [5, None])
        model.train(dataset(), 1)
        self.assertEqual([layer.n_out for layer in model.layers], [5, 3])
        self.assertEqual(model.layers[1].parameters["W"].shape, (5, 3))
        self.assertEqual(args, [HIDDEN, OPEN_OUTPUT])

    def test_the_open_output_layer_is_the_one_that_n_out_would_make(self):
        opened, given = network([HIDDEN, OPEN_OUTPUT]), network([HIDDEN, OUTPUT])
        opened.train(dataset(), 1)
        given.train(dataset(), 1)
        for name, value in parameters(given).items():
            assert_array_equal(parameters(opened)[name], value)

    def test_what_the_caller_does_with_the_configuration_later_does_not_matter(self):
        args = [dict(HIDDEN), dict(OPEN_OUTPUT)]
        model = network(args)
        args[1].update(activation="unknown", n_out=7)
        model.train(dataset(), 1)
        self.assertEqual(model.layers[1].n_out, 3)

    def test_training_twice_goes_on(self):
        args, optimizer = [dict(HIDDEN), dict(OPEN_OUTPUT)], dict(SGD, lr_scheduler="exponential")
        originals = copy.deepcopy((args, optimizer))
        twice, once = (network(args, optimizer=optimizer) for _ in range(2))
        data = dataset()
        twice.train(data, 2)
        history = twice.train(data, 3)
        once.train(dataset(), 5)
        self.assertEqual((args, optimizer), originals)
        self.assertEqual((len(twice.layers), twice.epoch), (2, 5))
        self.assertEqual(len(history["train_loss"]), 5)
        assert_equal(history, once.history)
        for name, value in parameters(once).items():
            assert_array_equal(parameters(twice)[name], value)

    def test_momentum_remembers_each_parameter_by_itself(self):
        # v ← 0.9 v + 0.1 g and p ← p - v, for two layers whose parameters have the same names.
        X, Y = examples()
        model = network([HIDDEN, {**HIDDEN, "n_out": 5}, OUTPUT])
        model.forward(X)
        expected, velocity = dict(parameters(model)), {}
        for _ in range(4):
            model.backward(Y, model.forward(X))
            for i, layer in enumerate(model.layers):
                for name, gradient in layer.gradients.items():
                    key = f"{i}{name}"
                    velocity[key] = 0.9 * velocity.get(key, 0) + 0.1 * gradient
                    expected[key] = expected[key] - velocity[key]
            model.update(0)
        for name, value in parameters(model).items():
            assert_allclose(value, expected[name], rtol=1e-12, atol=1e-14)

    def test_update_does_not_write_into_arrays_from_outside(self):
        X, Y = examples()
        model = network()
        model.forward(X)
        W = np.full((4, 5), 0.25)
        W.flags.writeable = X.flags.writeable = Y.flags.writeable = False
        model.layers[0].parameters["W"] = W
        model.backward(Y, model.forward(X))
        model.update(0)
        self.assertTrue((W == 0.25).all())
        self.assertFalse((model.layers[0].parameters["W"] == 0.25).any())


class TestSeed(unittest.TestCase):
    def start(self, seed):
        model = network(seed=seed)
        model.forward(examples()[0])
        return parameters(model)

    def test_same_seed_same_parameters_bit_for_bit(self):
        first = self.start(4)
        np.random.seed(99)  # noqa: NPY002 the global state must not matter
        second = self.start(4)
        for name, value in first.items():
            self.assertEqual(value.tobytes(), second[name].tobytes())

    def test_another_seed_other_parameters(self):
        self.assertFalse((self.start(4)["0W"] == self.start(5)["0W"]).any())
        self.assertFalse((self.start(None)["0W"] == self.start(None)["0W"]).any())

    def test_layers_of_one_shape_differ(self):
        model = network([HIDDEN, HIDDEN, OUTPUT])
        model.forward(examples(d=5)[0])
        self.assertFalse((parameters(model)["0W"] == parameters(model)["1W"]).any())

    def test_global_random_state_is_left_alone(self):
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        network().train(dataset(), 2)
        assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


class TestGradientOfTheData(unittest.TestCase):
    def test_the_first_layer_skips_it_only_within_the_model(self):
        X, Y = examples()
        for layers in ([HIDDEN, OUTPUT], [HIDDEN, OPEN_OUTPUT], [OUTPUT], [OPEN_OUTPUT]):
            with self.subTest(layers=len(layers), n_out=layers[-1]["n_out"]):
                model = network(layers)
                model.prepare(dataset())
                out = model.forward(X)
                first, returned = model.layers[0], []
                name = "backward_faster" if len(layers) == 2 else "backward_from_logits"

                plain = vars(type(first))[name]

                def backward(gradient, first=first, plain=plain, returned=returned):
                    returned.append(plain(first, gradient))
                    return returned[-1]

                with mock.patch.object(first, name, backward):
                    model.backward(Y, out)
                self.assertEqual(returned, [None])

    def test_backward_by_hand_returns_it(self):
        X, Y = examples()
        model = network()
        model.backward(Y, model.forward(X))
        first = model.layers[0]
        gradient = np.random.default_rng(3).normal(size=(10, 5))
        Z, W = first.cache["Z"], first.parameters["W"]
        assert_allclose(
            first.backward(gradient), (gradient / np.cosh(Z) ** 2) @ W.T, rtol=1e-12, atol=1e-14
        )

    def test_nothing_is_toggled_in_a_step(self):
        """Neither modes nor marks of layers are assigned, let alone set back."""
        X, Y = examples()
        model, assigned = network(), []
        model.forward(X)

        def note(layer, name, value):
            assigned.append(name)
            object.__setattr__(layer, name, value)

        with mock.patch.object(Layer, "__setattr__", note):
            model.backward(Y, model.forward(X))
            model.update(0)
        self.assertEqual(assigned, [])


class TestFiles(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "network.npz"

    def test_round_trip(self):
        X, _ = examples()
        for dtype in ("float32", "float64"):
            for args in ([HIDDEN, OUTPUT], [HIDDEN, OPEN_OUTPUT]):
                with self.subTest(dtype=dtype, n_out=args[-1]["n_out"]):
                    model = network(args, dtype=dtype)
                    model.train(dataset(), 2)
                    model.save(self.path)
                    fresh = network(args, seed=1, dtype=dtype)
                    fresh.load(self.path)
                    self.assertEqual(fresh.epoch, 2)
                    self.assertEqual(set(parameters(fresh)), {"0W", "0b", "1W", "1b"})
                    for name, value in parameters(model).items():
                        self.assertEqual(parameters(fresh)[name].tobytes(), value.tobytes())
                    assert_array_equal(fresh.predict(X, None)[0], model.predict(X, None)[0])
                    fresh.train(dataset(), 1)
                    self.assertEqual((fresh.epoch, len(fresh.layers)), (3, 2))

    def test_images(self):
        X = np.random.default_rng(0).normal(size=(10, 2, 2))
        model, fresh = trained_step(IMAGES, X), network(IMAGES, seed=1)
        model.save(self.path)
        fresh.load(self.path)
        assert_array_equal(fresh.predict(X, None)[0], model.predict(X, None)[0])

    def test_load_replaces_and_converts(self):
        double, single = trained_step(), trained_step(seed=1, dtype="float32")
        double.save(self.path)
        single.load(self.path)
        for name, value in parameters(single).items():
            self.assertEqual(value.dtype, np.float32)
            assert_array_equal(value, parameters(double)[name].astype(np.float32))

    def test_before_there_are_parameters(self):
        with self.assertRaisesRegex(ValueError, "nothing to save"):
            network().save(self.path)
        self.assertFalse(self.path.exists())

    def test_the_file_holds_plain_arrays(self):
        trained_step().save(self.path)
        with np.load(self.path, allow_pickle=False) as file:
            self.assertEqual(file["layer1.W"].shape, (4, 5))
            self.assertEqual(file["layer2.b"].shape, (1, 3))
        self.assertEqual([path.name for path in self.root.iterdir()], ["network.npz"])

    def test_parameters_of_another_architecture_change_nothing(self):
        trained_step().save(self.path)  # 4 -> 5 -> 3
        wide = {**HIDDEN, "n_out": 6}
        others = {
            "wider": [wide, OUTPUT],
            "wider, open": [wide, OPEN_OUTPUT],
            "fewer classes": [HIDDEN, {**OUTPUT, "n_out": 2}],
            "deeper": [HIDDEN, {**HIDDEN, "n_out": 3}, OUTPUT],
            "deeper, open": [HIDDEN, {**HIDDEN, "n_out": 3}, OPEN_OUTPUT],
            "shallower": [{**HIDDEN, "n_out": 5}],
        }
        for what, args in others.items():
            with self.subTest(what, network="fresh"):
                model = network(args)
                before = snapshot(model)
                with self.assertRaises(ValueError):
                    model.load(self.path)
                self.assertEqual(snapshot(model), before)
            if args[-1] is not OPEN_OUTPUT:
                with self.subTest(what, network="at work"):
                    X, _ = examples()
                    model = network(args)
                    model.forward(X)
                    before = snapshot(model)
                    with self.assertRaises(ValueError):
                        model.load(self.path)
                    self.assertEqual(snapshot(model), before)

    def test_parameters_for_other_inputs_change_nothing(self):
        trained_step(IMAGES, np.ones((10, 3, 3))).save(self.path)
        model = trained_step(IMAGES, np.ones((10, 2, 2)))
        before = snapshot(model)
        with self.assertRaises(ValueError):
            model.load(self.path)
        self.assertEqual(snapshot(model), before)

    def test_files_of_another_kind(self):
        (self.root / "text.npz").write_text("epoch,train_loss\n1,0.5\n")
        (self.root / "empty.npz").write_bytes(b"")
        (self.root / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
        np.savez(self.root / "other.npz", W=np.ones((4, 5)))
        np.save(self.root / "array.npy", np.ones((4, 5)))
        for name in ("text.npz", "empty.npz", "cut.npz", "other.npz", "array.npy"):
            with self.subTest(name):
                model = network()
                before = snapshot(model)
                with self.assertRaisesRegex(ValueError, name):
                    model.load(self.root / name)
                self.assertEqual(snapshot(model), before)
        with self.assertRaises(FileNotFoundError):
            network().load(self.root / "missing.npz")


if __name__ == "__main__":
    unittest.main()
