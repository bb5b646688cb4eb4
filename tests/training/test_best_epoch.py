"""Best epoch: choice, parameters, early stopping."""

import unittest
from unittest import mock

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal, assert_equal

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork, TrainingDiverged
from neural_networks.training import loop
from tests.support.arrays import InFolder, examples
from tests.support.normalization_cases import dense, residual

SOFTMAX = dense(3, "softmax")
NORM = {"name": "batch_norm"}
NORMALIZED = [dense(5), NORM, residual(dense(4), NORM, dense(5)), SOFTMAX]
RESTLESS = {"name": "SGD", "lr": 3.0}  # so large that losses go up and down
COLUMNS = ("validation_loss", "validation_error", "train_loss", "train_error")


def network(layers=(SOFTMAX,), optimizer=RESTLESS, **options):
    return NeuralNetwork("cross_entropy", layers, optimizer, **{"seed": 0, **options})


def dataset(validated=True):
    return Dataset(*examples(12), 4, *(examples(9, seed=1) if validated else ()), seed=0)


def validation(*losses):
    """A context in which the validation loss takes these values, epoch by epoch."""
    results = [(loss, loss / 10, None) for loss in losses]
    return mock.patch.object(loop, "evaluate", side_effect=results)


def outputs(model):
    return model.predict(examples(50, seed=3)[0], None)[0]


class RunTest(InFolder):
    def logged(self, *args, **options):
        """A network with a run folder."""
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        return network(*args, logger=logger, **options)

    def from_file(self, name, layers=(SOFTMAX,)):
        """A fresh network with the parameters in a file of the run."""
        model = network(layers, seed=1)
        model.load(self.root / "run" / name)
        return model


class TestWhichOneItIs(unittest.TestCase):
    def test_where_the_column_is_lowest(self):
        for column in COLUMNS:
            model = network(optimizer={"name": "SGD", "lr": 1.0}, seed=1)
            self.assertIsNone(model.best)
            values = model.train(dataset(), 12, monitor=column)[column]
            self.assertIn(values.argmin(), range(1, 11), "neither the first nor the last")
            self.assertEqual(model.best.monitor, column)
            self.assertEqual(model.best.epoch, values.argmin() + 1)
            self.assertEqual(model.best.value, values.min())
            self.assertEqual(model.best.arrays["epoch"], model.best.epoch)

    def test_validation_loss_unless_told_otherwise(self):
        model = network()
        model.train(dataset(), 1)
        self.assertEqual(model.best.monitor, "validation_loss")
        model = network()
        model.train(dataset(validated=False), 1)
        self.assertEqual(model.best.monitor, "train_loss")

    def test_of_equals_the_first(self):
        model = network()
        with validation(3.0, 2.0, 2.0, 4.0, 2.0):
            model.train(dataset(), 5)
        self.assertEqual((model.best.epoch, model.best.value), (2, 2.0))

    def test_a_second_training_goes_on_comparing(self):
        model = network()
        for losses, best in (((3.0, 2.0), 2), ((4.0, 2.5), 2), ((5.0, 1.0), 6)):
            with validation(*losses):
                model.train(dataset(), 2)
            self.assertEqual(model.best.epoch, best)

    def test_another_column_begins_anew(self):
        model = network()
        with validation(1e-9, 1e-9):
            model.train(dataset(), 1)
            model.train(dataset(), 1, monitor="train_loss")
        self.assertEqual((model.best.monitor, model.best.epoch), ("train_loss", 2))

    def test_columns_that_there_will_not_be(self):
        model = network()
        for column in ("validation_loss", "validation_error"):
            with self.assertRaisesRegex(ValueError, f"{column}.*known: train_loss, train_error"):
                model.train(dataset(validated=False), 1, monitor=column)
        for column, words in (("validation_los", "did you mean 'validation_loss'"), (3, "3")):
            with self.assertRaisesRegex(ValueError, f"column to monitor .*{words}"):
                model.train(dataset(), 1, monitor=column)
        with self.assertRaisesRegex(ValueError, "column to monitor"):
            network(l2=0.1).train(dataset(), 1, monitor="penalty")
        self.assertEqual((model.epoch, model.best), (0, None))


class TestWhatIsKept(RunTest):
    def trained(self, layers=NORMALIZED, epochs=12, **options):
        """A trained network, and its outputs after each epoch of another training like it."""
        model, other = self.logged(layers), network(layers)
        model.train(dataset(), epochs, **options)
        data = dataset()
        seen = []
        for _ in range(epochs):
            other.train(data, 1)
            seen.append(outputs(other))
        assert_equal(model.history, other.history)
        return model, seen

    def test_restored_it_predicts_as_it_did(self):
        """Also what depends on the moving averages of batch normalization."""
        for dtype in ("float64", "float32"):
            model = network(NORMALIZED, dtype=dtype)
            data, seen = dataset(), []
            for _ in range(12):
                model.train(data, 1)
                seen.append(outputs(model))
            history = model.history
            self.assertGreater(np.abs(seen[model.best.epoch - 1] - seen[-1]).max(), 1e-3)
            model.restore_best()
            assert_array_equal(outputs(model), seen[model.best.epoch - 1], strict=True)
            self.assertEqual(model.epoch, 12)
            assert_equal(model.history, history)

    def test_a_training_ends_with_it_if_asked(self):
        for options, restored in (
            ({}, False),
            ({"restore_best": False}, False),
            ({"restore_best": True}, True),
            ({"patience": 100}, True),
            ({"patience": 100, "restore_best": False}, False),
            ({"patience": 100, "restore_best": True}, True),
        ):
            with self.subTest(**options):
                model, seen = self.trained(**options)
                ends_with = model.best.epoch if restored else 12
                assert_array_equal(outputs(model), seen[ends_with - 1])
                self.assertEqual(model.epoch, 12)
                self.assertLess(model.best.epoch, 12)
                model.logger.overwrite = True
                model.logger.reset()

    def test_its_files(self):
        """parameters.npz is what the training ended with, best_parameters.npz the best epoch."""
        for restored, folder in ((False, "run"), (True, "run-2")):
            model, seen = self.trained(restore_best=restored)
            self.assertEqual(model.logger.folder.name, folder)
            best = self.from_file(f"../{folder}/best_parameters.npz", NORMALIZED)
            self.assertEqual(best.epoch, model.best.epoch)
            assert_array_equal(outputs(best), seen[best.epoch - 1])
            last = self.from_file(f"../{folder}/parameters.npz", NORMALIZED)
            self.assertEqual(last.epoch, 12)
            assert_array_equal(outputs(last), seen[best.epoch - 1 if restored else 11])

    def test_it_is_a_copy(self):
        model = network(NORMALIZED)
        with validation(2.0, 1.0):
            model.train(dataset(), 2)
        expected = outputs(model)
        self.assertEqual((model.best.epoch, model.best.arrays.keys()), (2, model.arrays().keys()))
        for _ in range(2):  # the arrays that were there in that epoch, and those put back
            for layer in model.layers:
                for array in (*layer.parameters.values(), *layer.buffers.values()):
                    array[...] = 7
            model.restore_best()
            assert_array_equal(outputs(model), expected)

    def test_later_training_does_not_touch_it(self):
        model = network(NORMALIZED)
        with validation(2.0, 1.0):
            model.train(dataset(), 2)
        expected = outputs(model)
        with validation(3.0, 4.0):
            model.train(dataset(), 2, restore_best=True)
        assert_array_equal(outputs(model), expected)
        self.assertEqual((model.epoch, model.best.epoch), (4, 2))

    def test_loading_forgets_it(self):
        """It was the best of another training than the one that the file comes from."""
        model = network()
        model.train(dataset(), 2)
        model.save(self.root / "here.npz")
        model.load(self.root / "here.npz")
        self.assertIsNone(model.best)

    def test_before_there_is_one(self):
        with self.assertRaisesRegex(ValueError, "no best epoch yet: train first"):
            network().restore_best()


class TestPatience(RunTest):
    def epochs_trained(self, losses, epochs=8, **options):
        model = network()
        with validation(*losses):
            model.train(dataset(), epochs, **options)
        self.assertEqual(len(model.history["train_loss"]), model.epoch)
        return model.epoch

    def test_stops_when_due(self):
        falling = [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
        for patience, losses, expected in (
            (1, [1.0, 2.0], 2),
            (1, [3.0, 2.0, 2.0], 3),  # as good is not better
            (1, falling, 8),
            (2, [3.0, 4.0, 2.0, 4.0, 3.0], 5),
            (3, [3.0, 4.0, 4.0, 2.0, 4.0, 4.0, 4.0], 7),
            (7, [1.0] + 7 * [2.0], 8),
            (None, [1.0] + 7 * [2.0], 8),
        ):
            with self.subTest(patience=patience, losses=losses):
                self.assertEqual(self.epochs_trained(losses, patience=patience), expected)

    def test_watches_the_column_that_it_is_told(self):
        model = network()
        errors = [(1.0, 0.5, None), (0.9, 0.6, None), (0.8, 0.7, None)]
        with mock.patch.object(loop, "evaluate", side_effect=errors):
            model.train(dataset(), 9, patience=2, monitor="validation_error")
        self.assertEqual((model.epoch, model.best.epoch), (3, 1))

    def test_a_second_training_counts_from_its_own_start(self):
        model = network()
        with validation(1.0, 2.0, 3.0):
            model.train(dataset(), 9, patience=2)
        self.assertEqual(model.epoch, 3)
        with validation(4.0, 5.0):
            model.train(dataset(), 9, patience=2)
        self.assertEqual((model.epoch, model.best.epoch), (5, 1))
        with validation(6.0, 0.5, 7.0, 8.0):
            model.train(dataset(), 9, patience=2)
        self.assertEqual((model.epoch, model.best.epoch), (9, 7))

    def test_without_a_validation_set(self):
        model = network()
        model.backward = mock.Mock(side_effect=[*6 * [2.0], *6 * [3.0]])
        model.update = mock.Mock()
        model.train(dataset(validated=False), 4, patience=2)
        self.assertEqual(list(model.history["train_loss"]), [2.0, 2.0, 3.0])

    def test_wrong_arguments_leave_no_folder(self):
        model = self.logged()
        for options, error, words in (
            ({"patience": 0}, ValueError, "patience must be at least 1, got 0"),
            ({"patience": 1.5}, TypeError, "patience must be a whole number"),
            ({"patience": True}, TypeError, "patience must be a whole number"),
            ({"restore_best": "yes"}, TypeError, "restore_best must be true or false"),
            ({"monitor": "loss"}, ValueError, "column to monitor 'loss'"),
        ):
            with self.assertRaisesRegex(error, words):
                model.train(dataset(), 3, **options)
        self.assertEqual((model.epoch, list(self.root.iterdir())), (0, []))


class TestTrainingsThatEndBadly(RunTest):
    def check(self, model, epoch):
        """Model and files hold the best epoch and, beside it, what the network is now."""
        self.assertEqual(model.best.epoch, epoch)
        best, now = (self.from_file(name) for name in ("best_parameters.npz", "parameters.npz"))
        self.assertEqual(best.epoch, epoch)
        assert_array_equal(outputs(now), outputs(model))
        self.assertGreater(np.abs(outputs(model) - outputs(best)).max(), 1e-6)
        model.restore_best()
        assert_array_equal(outputs(model), outputs(best))

    def test_divergence(self):
        model = self.logged()
        with validation(1.0, 0.5, np.nan), self.assertRaises(TrainingDiverged):
            model.train(dataset(), 5, restore_best=True)
        self.check(model, epoch=2)

    def test_interruption(self):
        model, data = self.logged(), dataset()
        sample, batches = data.train.sample, []

        def interrupted():
            batches.append(1)
            if len(batches) == 8:
                raise KeyboardInterrupt
            return sample()

        data.train.sample = interrupted
        with validation(0.5, 1.0), self.assertRaises(KeyboardInterrupt):
            model.train(data, 5, restore_best=True)
        self.check(model, epoch=1)

    def test_before_the_end_of_the_first_epoch(self):
        model = self.logged()
        with validation(np.inf), self.assertRaises(TrainingDiverged):
            model.train(dataset(), 5, patience=1)
        self.assertIsNone(model.best)
        names = {path.name for path in (self.root / "run").iterdir()}
        self.assertIn("parameters.npz", names)
        self.assertNotIn("best_parameters.npz", names)


class TestThePlateau(unittest.TestCase):
    """The schedule is told the loss of each epoch, once."""

    def test_it_is_told_the_validation_loss_or_that_of_training(self):
        for validated, column in ((True, "validation_loss"), (False, "train_loss")):
            model, told = network(l2=0.1), []
            with mock.patch.object(model.optimizer.lr_scheduler, "on_epoch_end", told.append):
                model.train(dataset(validated), 4)
            self.assertEqual(told, list(model.history[column]))

    def test_the_rate_falls(self):
        plateau = {"lr_scheduler": "reduce_on_plateau", "scheduler_args": {"patience": 1}}
        model, rates = network(optimizer={"name": "SGD", "lr": 0.5, **plateau}), []
        with validation(1.0, 1.0, 1.0, 1.0, 1.0):
            for _ in range(5):
                model.train(dataset(), 1)
                rates.append(model.optimizer.lr_scheduler(model.epoch))
        assert_allclose(rates, [0.5, 0.5, 0.05, 0.05, 0.005], rtol=1e-12)


class TestHistory(RunTest):
    def test_epochs_without_validation_have_no_result_of_it(self):
        model = network()
        model.train(dataset(validated=False), 1)
        for data, n in ((dataset(), 2), (dataset(validated=False), 1)):
            with self.assertWarnsRegex(UserWarning, "^other data than before: the best epoch"):
                history = model.train(data, n)
        self.assertEqual({values.shape for values in history.values()}, {(4,)})
        for name in ("validation_loss", "validation_error"):
            self.assertEqual(list(np.isnan(history[name])), [True, False, False, True])
        self.assertTrue(np.isfinite(history["train_loss"]).all())

    def test_epochs_before_a_loaded_file_are_not_in_it(self):
        trained, model = network(), network()
        trained.train(dataset(), 3)
        trained.save(self.root / "three.npz")
        model.load(self.root / "three.npz")
        history = model.train(dataset(), 1)
        self.assertEqual((model.epoch, history["train_loss"].shape), (4, (1,)))

    def test_a_log_has_the_same_columns_throughout(self):
        for first in (True, False):
            model = self.logged()
            model.train(dataset(validated=first), 1)
            with self.assertRaisesRegex(ValueError, "the log so far is with"):
                model.train(dataset(validated=not first), 1)
            self.assertEqual((model.epoch, len(model.history["train_loss"])), (1, 1))

    def test_columns_are_arrays(self):
        model = network()
        self.assertEqual((model.history, model.step_losses.shape), ({}, (0,)))
        history = model.train(dataset(), 3)
        self.assertEqual(set(history), set(COLUMNS))
        for values in history.values():
            self.assertEqual((values.shape, values.dtype), ((3,), np.float64))

    def test_it_cannot_be_changed_from_outside(self):
        model = network()
        history = model.train(dataset(), 2)
        kept = model.history["train_loss"].copy()
        history["train_loss"][:] = 0
        history.clear()
        model.step_losses[:] = 0
        assert_array_equal(model.history["train_loss"], kept)
        self.assertGreater(model.step_losses.min(), 0)

    def test_losses_of_the_steps(self):
        model, losses = network(optimizer={"name": "SGD", "lr": 0.1}), []
        backward = model.backward
        model.backward = lambda Y, out: losses.append(backward(Y, out)) or losses[-1]
        model.train(dataset(), 1)
        model.train(dataset(), 2)
        self.assertEqual(len(set(losses)), 9)
        assert_array_equal(model.step_losses, losses)
        # Three batches of the same size in each epoch.
        means = np.reshape(losses, (3, 3)).mean(axis=1)
        assert_allclose(model.history["train_loss"], means, rtol=1e-14)


if __name__ == "__main__":
    unittest.main()
