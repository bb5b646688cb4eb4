"""The logger: files of a run, their content, their folder."""

import contextlib
import csv
import json
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

import neural_networks
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.logs.environment import environment
from neural_networks.logs.plain import write_json
from neural_networks.logs.record import read_steps
from neural_networks.losses import initialize_loss
from neural_networks.models import NeuralNetwork
from neural_networks.training.history import StepBin
from neural_networks.training.tables import prediction_table
from tests.support.arrays import InFolder

MODEL_ARGS = {
    "loss": "cross_entropy",
    "layer_args": [{"name": "fully_connected", "n_out": None, "activation": "softmax"}],
    "optimizer_args": {"name": "SGD", "lr": 0.1},
}
REGRESSION = {
    "loss": "l2",
    "layer_args": [{"name": "fully_connected", "n_out": 3, "activation": "tanh"}],
    "optimizer_args": {"name": "SGD", "lr": 0.1},
}


def dataset(seed=0):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 4)), np.eye(3)[rng.integers(3, size=40)]
    return Dataset(X[:22], Y[:22], 5, X[22:30], Y[22:30], X[30:], Y[30:], seed=seed)


class LoggerTest(InFolder):
    def logger(self, name="run", **options):
        return Logger(name, {}, {}, **{"save": True, "save_dir": self.root, **options})

    def names(self, folder=None):
        return sorted(path.name for path in (folder or self.root).iterdir())


class TestARun(LoggerTest):
    def run_it(self, name="run", seed=0, model_args=MODEL_ARGS, dtype="float64", **options):
        logger = Logger(name, model_args, {"name": "toy"}, save=True, save_dir=self.root, **options)
        model = NeuralNetwork(**model_args, logger=logger, seed=seed, dtype=dtype)
        model.train(dataset(seed), 3)
        model.test(dataset(seed), save_predictions=True)
        return model

    def test_its_files(self):
        self.run_it(plot=True)
        self.assertEqual(
            self.names(self.root / "run"),
            [
                "best_parameters.npz",
                "config.json",
                "confusion_matrix.png",
                "data.json",
                "error.png",
                "log.csv",
                "loss.png",
                "parameters.npz",
                "steps.csv",
                "test.json",
                "test_predictions.csv",
                "test_scores.csv",
            ],
        )

    def test_a_training_writes_each_description_once(self):
        logger = self.logger()
        model = NeuralNetwork(**MODEL_ARGS, logger=logger, seed=0)
        with mock.patch("neural_networks.logs.logger.write_json", wraps=write_json) as write:
            model.train(dataset(), 1)
        names = [call.args[0].name for call in write.call_args_list]
        self.assertEqual(names, ["config.json", "data.json"])

    def test_without_pictures(self):
        self.run_it(plot=False)
        self.assertEqual([name for name in self.names(self.root / "run") if "png" in name], [])

    def test_a_regression_has_no_confusion_matrix(self):
        self.run_it(model_args=REGRESSION, plot=True)
        pictures = [name for name in self.names(self.root / "run") if "png" in name]
        self.assertEqual(pictures, ["error.png", "loss.png", "predictions.png"])

    def test_config(self):
        self.run_it(arguments={"epochs": 3, "seed": 0})
        config = json.loads((self.root / "run" / "config.json").read_text())
        self.assertEqual(config["model_name"], "run")
        self.assertEqual(config["model"], MODEL_ARGS)
        self.assertEqual(config["data"], {"name": "toy"})
        self.assertEqual(config["arguments"], {"epochs": 3, "seed": 0})
        self.assertEqual(config["versions"]["numpy"], np.__version__)
        self.assertEqual((config["format"], config["seeds"]), (2, {"model": 0, "data": 0}))
        self.assertEqual(config["environment"], environment())

    def test_config_keeps_numpy_numbers(self):
        logger = Logger("run", {"n": np.int64(3)}, {"lr": np.float32(0.5)}, True, False, self.root)
        logger.start()
        config = json.loads((logger.folder / "config.json").read_text())
        self.assertEqual((config["model"], config["data"]), ({"n": 3}, {"lr": 0.5}))

    def test_log_holds_the_history_to_the_last_digit(self):
        model = self.run_it()
        rows = self.rows()
        self.assertEqual([row["epoch"] for row in rows], ["1", "2", "3"])
        for name, values in model.history.items():
            assert_array_equal([float(row[name]) for row in rows], values)
        self.assertEqual(len(rows[0]), 5)

    def test_equal_seeds_have_equal_logs(self):
        self.run_it("first", seed=3)
        self.run_it("second", seed=3)
        self.run_it("other", seed=4)
        for name in ("log.csv", "steps.csv"):
            first, second, other = (
                (self.root / run / name).read_bytes() for run in ("first", "second", "other")
            )
            self.assertEqual(first, second)
            self.assertNotEqual(first, other)

    def predictions(self):
        with (self.root / "run" / "test_predictions.csv").open(newline="") as file:
            header, *rows = csv.reader(file)
        return header, np.array(rows, dtype=float)  # as float() reads them

    def test_predictions_of_a_classifier(self):
        for dtype in ("float32", "float64"):
            model, data = self.run_it(dtype=dtype, overwrite=True), dataset().test
            Y_hat, _ = model.predict(data.data, None)
            header, table = self.predictions()
            outputs = [f"output_{i}" for i in range(3)]
            self.assertEqual(header, ["Id", "label", "prediction", *outputs])
            assert_array_equal(table[:, 0], np.arange(10))
            assert_array_equal(table[:, 1], data.labels.argmax(axis=1))
            assert_array_equal(table[:, 2], Y_hat.argmax(axis=1))
            assert_array_equal(table[:, 3:].astype(dtype), Y_hat)

    def test_predictions_of_sequences_have_a_row_for_each_step(self):
        Y = np.array([[[1, 0, 0], [0, 1, 1]], [[0, 0, 1], [1, 1, 0]]], dtype=float)  # (2, 2, 3)
        table = prediction_table(initialize_loss("cross_entropy"), Y, Y)
        self.assertEqual(list(table["Id"]), [0, 0, 0, 1, 1, 1])
        self.assertEqual(list(table["step"]), [0, 1, 2, 0, 1, 2])
        self.assertEqual(list(table["prediction"]), [0, 1, 1, 1, 1, 0])
        self.assertEqual(list(table["output_1"]), [0, 1, 1, 1, 1, 0])

    def test_predictions_of_a_regression(self):
        model, data = self.run_it(model_args=REGRESSION), dataset().test
        Y_hat, _ = model.predict(data.data, None)
        header, table = self.predictions()
        labels, predictions = (
            [f"{what}_{i}" for i in range(3)] for what in ("label", "prediction")
        )
        self.assertEqual(header, ["Id", *labels, *predictions])
        assert_array_equal(table[:, 1:4], data.labels)
        assert_array_equal(table[:, 4:], Y_hat)

    def test_a_second_training_goes_on_in_the_same_folder(self):
        model = self.run_it()
        model.train(dataset(), 2)
        self.assertEqual([row["epoch"] for row in self.rows()], ["1", "2", "3", "4", "5"])
        self.assertEqual(self.names(), ["run"])

    def test_files_that_others_may_read(self):
        self.run_it()
        for path in (self.root / "run").iterdir():
            reference = self.root / "reference"
            reference.touch()
            self.assertEqual(path.stat().st_mode, reference.stat().st_mode, msg=path.name)


class TestPush(LoggerTest):
    def test_full_precision(self):
        logger = self.logger()
        values = [0.1 + 0.2, 1 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -0.0, float("inf")]
        for value in values:
            logger.push({"a": value, "b": np.float64(value)})
        for row, value in zip(self.rows(), values, strict=True):
            self.assertEqual((repr(float(row["a"])), repr(float(row["b"]))), (repr(value),) * 2)

    def test_nested_mappings_become_columns(self):
        self.logger().push({"epoch": 1, "loss": {"train": 0.5, "validation": 0.25}, "error": 0.0})
        text = (self.root / "run" / "log.csv").read_text()
        self.assertEqual(text, "epoch,loss_train,loss_validation,error\n1,0.5,0.25,0.0\n")

    def test_each_row_is_in_the_file_at_once(self):
        logger = self.logger()
        for i in range(1, 4):
            logger.push({"epoch": i})
            self.assertEqual(len(self.rows()), i)

    def test_other_columns_are_refused(self):
        logger = self.logger()
        logger.push({"a": 1, "b": 2})
        for log in ({"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}, {}):
            with self.assertRaisesRegex(ValueError, "differ from those so far"):
                logger.push(log)
        self.assertEqual(self.rows(), [{"a": "1", "b": "2"}])

    def test_columns_in_another_order_stay_in_their_place(self):
        logger = self.logger()
        logger.push({"a": 1, "b": 2})
        logger.push({"b": 4, "a": 3})
        self.assertEqual(self.rows(), [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}])

    def test_the_log_is_not_kept_or_changed(self):
        log = {"epoch": 1, "loss": {"train": 0.5}}
        logger = self.logger()
        logger.push(log)
        self.assertEqual(log, {"epoch": 1, "loss": {"train": 0.5}})
        log["epoch"] = 7
        self.assertEqual(logger.rows, [{"epoch": 1, "loss_train": 0.5}])

    def test_reset_makes_the_next_run(self):
        logger = self.logger()
        logger.push({"epoch": 1})
        logger.reset()
        logger.push({"loss": 0.5})
        self.assertEqual(self.rows(), [{"epoch": "1"}])
        self.assertEqual(self.rows("run-2"), [{"loss": "0.5"}])


class TestSteps(LoggerTest):
    BINS = (
        StepBin(2, 0.5, 1 / 3, 0.1 + 0.2, 5e-324, 0.1),
        StepBin(4, 1.0, 1e300, -0.0, 2.0, 0.05),
    )

    def text(self):
        return (self.root / "run" / "steps.csv").read_text()

    def test_full_precision_under_one_header(self):
        logger = self.logger()
        logger.push_steps(self.BINS[:1])
        header, *lines = self.text().splitlines()
        self.assertEqual(header, "step,epoch,loss,lowest,highest,learning_rate")
        self.assertEqual(lines, ["2,0.5,0.3333333333333333,0.30000000000000004,5e-324,0.1"])
        logger.push_steps(self.BINS[1:])
        self.assertEqual(self.text().splitlines()[2:], ["4,1.0,1e+300,-0.0,2.0,0.05"])
        self.assertTrue(self.text().endswith("\n"))
        self.assertEqual(read_steps(self.root / "run" / "steps.csv"), list(self.BINS))

    def test_no_steps_no_file(self):
        self.logger().push_steps([])
        self.assertEqual(self.names(self.root / "run"), ["config.json"])

    def test_of_a_training(self):
        logger = self.logger()
        model = NeuralNetwork(**MODEL_ARGS, logger=logger, seed=0)
        model.train(dataset(), 2)
        steps = read_steps(logger.folder / "steps.csv")
        self.assertEqual([row.step for row in steps], list(range(1, 11)))
        self.assertEqual([row.epoch for row in steps[4::5]], [1.0, 2.0])
        for name in ("loss", "lowest", "highest"):
            assert_array_equal([getattr(row, name) for row in steps], model.step_losses)
        self.assertEqual({row.learning_rate for row in steps}, {0.1})

    def test_a_folder_takes_their_place_in_memory(self):
        for save, kept in ((True, 0), (False, 2)):
            logger = self.logger(save=save)
            logger.push_steps(self.BINS)
            self.assertEqual(len(logger._record.steps), kept)


class TestNothingIsWritten(LoggerTest):
    def test_before_the_start(self):
        logger = self.logger(save_dir=self.root / "deep" / "down")
        NeuralNetwork(**MODEL_ARGS, logger=logger)
        self.assertEqual(self.names(), [])
        self.assertIsNone(logger.folder)
        logger.start()
        self.assertEqual(logger.folder, self.root / "deep" / "down" / "run")
        self.assertEqual(self.names(logger.folder), ["config.json"])

    def test_by_a_training_that_is_refused(self):
        model = NeuralNetwork(**MODEL_ARGS, logger=self.logger())
        with self.assertRaises(ValueError):
            model.train(dataset(), 0)
        with self.assertRaises(ValueError):
            model.train(Dataset(np.ones((4, 2)), np.ones((4, 2)), 2), 1)
        self.assertEqual(self.names(), [])

    def test_without_save(self):
        with contextlib.chdir(self.root):
            logger = Logger("run", {}, {}, save=False, save_dir=self.root)
            model = NeuralNetwork(**MODEL_ARGS, logger=logger, seed=0)
            model.train(dataset(), 2)
            model.test(dataset(), save_predictions=True)
            model.test_kaggle(dataset())
        self.assertEqual(self.names(), [])
        self.assertEqual([row["epoch"] for row in logger.rows], [1, 2])

    def test_without_save_pictures_go_to_the_screen(self):
        logger = Logger("run", {}, {}, save=False, plot=True, save_dir=self.root)
        model = NeuralNetwork(**MODEL_ARGS, logger=logger, seed=0)
        with mock.patch("neural_networks.plots.show") as show:
            model.train(dataset(), 2)
            self.assertEqual(show.call_count, 2)
            model.test(dataset(), save_predictions=True)
            self.assertEqual(show.call_count, 3)
        self.assertEqual(self.names(), [])


class TestSaveDir(LoggerTest):
    def test_the_default_is_the_repository_wherever_one_is(self):
        repository = Path(neural_networks.__file__).resolve().parents[1]
        for cwd in (self.root, repository):
            with contextlib.chdir(cwd):
                self.assertEqual(Logger("run", {}, {}).save_dir, repository / "experiments")

    def test_a_relative_folder_is_relative_to_the_current_one(self):
        with contextlib.chdir(self.root):
            for save_dir in ("runs", Path("runs")):
                self.logger(save_dir=save_dir).start()
        self.assertEqual(self.names(self.root / "runs"), ["run", "run-2"])

    def test_a_later_change_of_the_current_folder_does_not_matter(self):
        (self.root / "elsewhere").mkdir()
        with contextlib.chdir(self.root):
            logger = self.logger(save_dir="runs")
            logger.push({"epoch": 1})
        with contextlib.chdir(self.root / "elsewhere"):
            logger.push({"epoch": 2})
        self.assertEqual(self.names(self.root / "elsewhere"), [])
        self.assertEqual(len(self.rows("runs/run")), 2)


if __name__ == "__main__":
    unittest.main()
