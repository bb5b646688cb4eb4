"""Networks with dropout, normalization and residual blocks: seeds, files, batch sizes."""

import unittest

import numpy as np
from numpy.testing import assert_array_equal, assert_equal

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from neural_networks.utils.randomness import spawn_generator
from tests.support.arrays import InFolder, examples, one_hot, step
from tests.support.normalization_cases import conv, dense, residual, state

SGD = {"name": "SGD", "lr": 0.1, "momentum": 0.9}
SOFTMAX = dense(3, "softmax")
NORM = {"name": "batch_norm"}
DROPOUT = {"name": "dropout", "p": 0.5}
BLOCK = residual(dense(4), NORM, dense(5))
LAYERS = [dense(5), NORM, BLOCK, SOFTMAX]
STATISTICS = {
    f"{layer}.running_{what}": (1, n)
    for layer, n in (("layer2", 5), ("layer3.2", 4))
    for what in ("mean", "var")
}


def network(layers=LAYERS, **options):
    return NeuralNetwork("cross_entropy", layers, SGD, **{"seed": 0, **options})


def trained(layers=LAYERS, **options):
    model = network(layers, **options)
    model.train(Dataset(*examples(), 5, *examples(7, seed=1), seed=0), 3)
    return model


def outputs(model):
    return model.predict(examples(50, seed=3)[0], None)[0]


class TestFiles(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "network.npz"

    def test_state_holds_parameters_and_statistics(self):
        found = {name: value.shape for name, value in trained().arrays().items()}
        for name, shape in STATISTICS.items():
            self.assertEqual(found.pop(name), shape)
        weights = ["layer1.W", "layer1.b", "layer2.gamma", "layer2.beta", "layer3.1.W"]
        weights += ["layer3.1.b", "layer3.2.gamma", "layer3.2.beta", "layer3.3.W", "layer3.3.b"]
        others = {"input_shape", "epoch", "n_out", "layer4.W", "layer4.b"}
        self.assertEqual(found.keys(), others | set(weights))
        self.assertEqual(network().arrays(), {})

    def test_round_trip(self):
        for dtype in ("float64", "float32"):
            model = trained(dtype=dtype)
            model.save(self.path)
            fresh = network(seed=1, dtype=dtype)
            fresh.load(self.path)
            assert_array_equal(outputs(fresh), outputs(model), strict=True)
            assert_equal(fresh.arrays(), model.arrays())
            self.assertEqual(fresh.epoch, 3)
            self.assertGreater(np.abs(model.layers[1].buffers["running_mean"]).max(), 0.01)

    def test_loading_converts_the_statistics_too(self):
        model, single = trained(), network(dtype="float32")
        model.save(self.path)
        single.load(self.path)
        for name, value in single.arrays().items():
            if name.startswith("layer"):
                self.assertEqual(value.dtype, np.float32, msg=name)
        step(single, *examples())
        self.assertEqual(single.layers[2].buffers["2.running_var"].dtype, np.float32)

    def test_a_network_at_work_takes_the_statistics_over(self):
        model, other = trained(), trained(seed=1)
        model.save(self.path)
        other.load(self.path)
        assert_array_equal(outputs(other), outputs(model))
        self.assertGreater(np.abs(outputs(other) - outputs(trained(seed=1))).max(), 1e-3)

    def refused(self, words, make=trained):
        """A network must not take the file, say why, and stay as it was."""
        model = make()
        before = [state(layer) for layer in model.layers]
        others = (model.epoch, model.input_shape, model.history)
        with self.assertRaisesRegex(ValueError, f"network.npz belongs to another network: {words}"):
            model.load(self.path)
        assert_equal([state(layer) for layer in model.layers], before)
        assert_equal((model.epoch, model.input_shape, model.history), others)

    def test_files_that_lack_a_statistic_or_hold_one_too_many(self):
        whole = trained().arrays()
        for name, shape in STATISTICS.items():
            for make in (trained, network):
                arrays = dict(whole)
                del arrays[name]
                np.savez(self.path, **arrays)
                self.refused(f"it has nothing for {name}", make)
                np.savez(self.path, **whole | {name: np.ones((1, 9))})
                self.refused(rf"it has \(1, 9\) for {name}, this network \({shape[0]}", make)
        np.savez(self.path, **whole | {"layer1.running_mean": np.ones((1, 5))})
        self.refused("it has .* for layer1.running_mean, this network nothing")

    def test_files_of_other_architectures(self):
        others = (
            [dense(5), BLOCK, SOFTMAX],
            [dense(5), {"name": "layer_norm"}, BLOCK, SOFTMAX],
            [dense(5), NORM, dense(5), SOFTMAX],
            [dense(5), NORM, residual(dense(4), dense(5)), SOFTMAX],
        )
        for layers in others:
            with self.subTest(layers=layers):
                trained(layers).save(self.path)
                self.refused("it has")


class TestSizesOfBatches(InFolder):
    """Batch normalization cannot train on one example, which shows before the first step."""

    def prepare(self, n, batch_size, layers=LAYERS, shape=(4,)):
        rng = np.random.default_rng(0)
        X, Y = rng.normal(size=(n, *shape)), one_hot(rng, n, 3)
        model = network(layers)
        model.prepare(Dataset(X, Y, batch_size, X[:1], Y[:1]))
        return model

    def test_a_last_batch_of_one(self):
        for n, batch_size in ((11, 5), (9, 2), (4, 1), (11, 10), (1, 1), (1, 5)):
            words = (
                f"layer 2 cannot train on a batch of 1, and {n} examples in batches of "
                f"{batch_size} end with one: choose another batch_size"
            )
            with self.subTest(n=n, batch_size=batch_size):
                with self.assertRaisesRegex(ValueError, words):
                    self.prepare(n, batch_size)
                self.prepare(n, batch_size, [dense(5), SOFTMAX])

    def test_batches_that_are_large_enough(self):
        for n, batch_size in ((10, 5), (12, 5), (2, 2), (2, 50), (8, 2)):
            with self.subTest(n=n, batch_size=batch_size):
                self.assertEqual(self.prepare(n, batch_size).input_shape, (4,))

    def test_the_shape_of_an_example_is_that_of_the_first(self):
        model = network([NORM, dense(3, "softmax")])
        self.assertIsNone(model.input_shape)
        for steps in (5, 7):
            model.create_parameters((4, steps))
            self.assertEqual(model.input_shape, (4, 5))

    def test_within_a_residual_block(self):
        with self.assertRaisesRegex(ValueError, "layer 2 cannot train on a batch of 1"):
            self.prepare(6, 5, [dense(5), BLOCK, SOFTMAX])

    def test_one_image_has_many_rows_unless_it_is_a_single_pixel(self):
        layers = [conv(2), NORM, {"name": "flatten"}, SOFTMAX]
        self.assertEqual(self.prepare(6, 5, layers, (3, 3, 1)).input_shape, (3, 3, 1))
        with self.assertRaisesRegex(ValueError, "layer 2 cannot train on a batch of 1"):
            self.prepare(6, 5, layers, (1, 1, 1))

    def test_a_training_that_is_refused_leaves_no_folder(self):
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        model = network(logger=logger)
        with self.assertRaisesRegex(ValueError, "choose another batch_size"):
            model.train(Dataset(*examples(11), 5), 1)
        self.assertEqual((model.epoch, list(self.root.iterdir())), (0, []))


class TestSeeds(unittest.TestCase):
    DROPPING = (dense(20), DROPOUT, residual(dense(5), DROPOUT, dense(20)), DROPOUT, SOFTMAX)

    def run_of(self, seed, layers=DROPPING):
        """Losses of the steps and, at the end, the bytes of every array."""
        model = trained(layers, seed=seed)
        return list(model.step_losses), {k: v.tobytes() for k, v in model.arrays().items()}

    def test_the_same_seed_is_the_same_run(self):
        for layers in (self.DROPPING, LAYERS):
            self.assertEqual(self.run_of(4, layers), self.run_of(4, layers))

    def test_another_seed_is_another_run(self):
        for seed in (5, None):
            losses, arrays = self.run_of(seed)
            others, other_arrays = self.run_of(4)
            self.assertFalse(set(losses) & set(others))
            self.assertNotEqual(arrays["layer1.W"], other_arrays["layer1.W"])

    def mask(self, layers, number, seed=4):
        model = network(layers, seed=seed)
        model.forward(examples(40)[0])
        return model.layers[number - 1].cache["mask"]

    def test_masks_come_from_their_own_stream(self):
        for number, layers in ((1, [DROPOUT, SOFTMAX]), (2, [dense(20), DROPOUT, SOFTMAX])):
            mask = self.mask(layers, number)
            rng = spawn_generator(4, "dropout", 0)  # the first layer with dropout in each
            assert_array_equal(mask, 2.0 * (rng.random(mask.shape) >= 0.5))

    def test_masks_differ(self):
        """From layer to layer, from seed to seed and from step to step."""
        layers = [dense(20), DROPOUT, DROPOUT, SOFTMAX]
        first, second = self.mask(layers, 2), self.mask(layers, 3)
        model = network(layers, seed=4)
        for _ in range(2):
            model.forward(examples(40)[0])
        next_step = model.layers[1].cache["mask"]
        for other in (second, self.mask(layers, 2, seed=5), next_step):
            self.assertTrue(0.3 < (first != other).mean() < 0.7)

    def weights(self, layers):
        model = network(layers)
        model.forward(examples()[0])
        return [layer.parameters["W"] for layer in model.layers if "W" in layer.parameters]

    def test_dropout_leaves_the_weights_before_it_alone(self):
        plain = self.weights([dense(6), dense(5), SOFTMAX])
        dropping = self.weights([dense(6), dense(5), DROPOUT, SOFTMAX])
        for W, other in zip(plain[:2], dropping[:2], strict=True):
            assert_array_equal(W, other, strict=True)

    def test_a_choice_of_p_changes_no_weights(self):
        some, many = (
            self.weights([dense(6), {**DROPOUT, "p": p}, dense(5), SOFTMAX]) for p in (0.1, 0.9)
        )
        for W, other in zip(some, many, strict=True):
            assert_array_equal(W, other, strict=True)

    def test_predicting_between_the_steps_changes_nothing(self):
        X, Y = examples()
        for layers in (self.DROPPING, LAYERS):
            plain, disturbed = network(layers), network(layers)
            for _ in range(3):
                loss = step(plain, X, Y)
                first, _ = disturbed.predict(X, Y)
                assert_array_equal(disturbed.predict(X, Y)[0], first)
                self.assertEqual(step(disturbed, X, Y), loss)


if __name__ == "__main__":
    unittest.main()
