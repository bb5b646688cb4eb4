"""The run folder: names, overwriting, atomic writes."""

import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.losses import initialize_loss
from neural_networks.models import NeuralNetwork
from neural_networks.training import outcome as outcomes
from tests.support.arrays import InFolder

LOSS = initialize_loss("l2")


class LoggerTest(InFolder):
    def logger(self, name="run", **options):
        return Logger(name, {}, {}, **{"save": True, "save_dir": self.root, **options})

    def started(self, name="run", **options):
        logger = self.logger(name, **options)
        logger.start()
        return logger.folder.name

    def contents(self):
        """Every path under the root, with its content."""
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.root.rglob("*"))
        }


def finish(logger, parameters, best=None):
    logger.finish(parameters, best)


def save_test(logger, **scores):
    numbers = np.ones((2, 1))
    outcome = outcomes.Outcome(scores, numbers, numbers, None)
    logger.save_test(LOSS, outcome, Dataset(numbers, numbers, 1), save_predictions=False)


class TestNames(LoggerTest):
    def test_the_next_free_number(self):
        self.assertEqual([self.started() for _ in range(3)], ["run", "run-2", "run-3"])
        (self.root / "run-4").write_text("a file")
        self.assertEqual(self.started(), "run-5")
        (self.root / "run-2" / "config.json").unlink()
        (self.root / "run-2").rmdir()
        self.assertEqual(self.started(), "run-2")

    def test_a_run_that_is_there_stays_as_it_is(self):
        self.started()
        (self.root / "run" / "log.csv").write_text("epoch\n1\n")
        before = self.contents()
        self.started()
        after = self.contents()
        self.assertEqual({path: after[path] for path in before}, before)

    def test_start_claims_one_folder_only(self):
        logger = self.logger()
        logger.start()
        logger.push({"epoch": 1})
        logger.start()
        self.assertEqual(sorted(self.contents()), ["run", "run/config.json", "run/log.csv"])

    def test_names_that_are_not_those_of_a_folder(self):
        for name in ("a/b", "/a", "a/", "..", ".", "", "../run", ".hidden"):
            with self.subTest(name=name), self.assertRaises(ValueError) as caught:
                self.logger(name)
            self.assertIn(repr(name), str(caught.exception))

    def test_names_with_dots_and_spaces(self):
        self.assertEqual(self.started("my run 1.5"), "my run 1.5")
        self.assertEqual(self.started("my run 1.5"), "my run 1.5-2")


class TestOverwrite(LoggerTest):
    def test_it_replaces_a_run(self):
        self.started()
        self.started()
        for name in ("log.csv", "steps.csv", "data.json", "examples.npz"):
            (self.root / "run" / name).write_text("old")
        (self.root / "run" / "notes.txt").write_text("mine")
        self.assertEqual(self.started(overwrite=True), "run")
        self.assertEqual(
            sorted(self.contents()),
            ["run", "run-2", "run-2/config.json", "run/config.json", "run/notes.txt"],
        )

    def test_it_needs_nothing_to_replace(self):
        self.assertEqual(self.started(overwrite=True), "run")

    def refused(self):
        before = self.contents()
        logger = self.logger(overwrite=True)
        with self.assertRaisesRegex(FileExistsError, "run is not a run, so"):
            logger.start()
        self.assertEqual(self.contents(), before)
        self.assertIsNone(logger.folder)

    def test_a_folder_without_config(self):
        (self.root / "run").mkdir()
        (self.root / "run" / "thesis.tex").write_text("the only copy")
        self.refused()

    def test_an_empty_folder_and_one_whose_config_is_a_folder(self):
        (self.root / "run" / "config.json").mkdir(parents=True)
        self.refused()

    def test_a_file(self):
        (self.root / "run").write_text("a file")
        self.refused()

    def test_a_link_to_a_run(self):
        self.started("other")
        (self.root / "run").symlink_to(self.root / "other")
        self.refused()
        self.assertTrue((self.root / "run").is_symlink())
        self.assertTrue((self.root / "other" / "config.json").is_file())


class Failure(OSError):
    pass


class TestWriting(LoggerTest):
    def test_parameters_that_fail_leave_the_old_ones(self):
        logger = self.logger()
        logger.start()
        finish(logger, {"layer1.W": np.ones(3)})
        before = self.contents()

        def half(file, **arrays):
            file.write(b"PK half a file")
            raise Failure("disk full")

        with mock.patch("numpy.savez", half), self.assertRaises(Failure):
            finish(logger, {"layer1.W": np.zeros(3)})
        self.assertEqual(self.contents(), before)
        finish(logger, {"layer1.W": np.zeros(3)})
        with np.load(self.root / "run" / "parameters.npz", allow_pickle=False) as file:
            assert_array_equal(file["layer1.W"], np.zeros(3))

    def test_a_picture_that_fails_leaves_a_warning(self):
        logger = self.logger(plot=True)
        logger.push({"epoch": 1, "train_loss": 0.5, "train_error": 0.5})
        before = self.contents()

        def half(figure, path, **options):
            Path(path).write_bytes(b"\x89PNG")
            raise Failure("disk full")

        with (
            mock.patch("matplotlib.figure.Figure.savefig", half),
            self.assertWarnsRegex(UserWarning, r"loss.png is not drawn \(Failure: disk full\)"),
        ):
            finish(logger, {})
        self.assertEqual(self.contents(), before)

    def test_json_and_tables_that_fail_to_move_leave_nothing(self):
        logger = self.logger()
        logger.start()
        before = self.contents()
        for save in (
            lambda: save_test(logger, loss=0.5),
            lambda: logger.save_table("table.csv", mock.Mock()),
        ):
            with mock.patch("os.replace", side_effect=Failure), self.assertRaises(Failure):
                save()
            self.assertEqual(self.contents(), before)

    def test_ctrl_c_while_writing_leaves_nothing(self):
        logger = self.logger()
        logger.start()
        before = self.contents()
        table = mock.Mock()
        table.to_csv.side_effect = KeyboardInterrupt
        with self.assertRaises(KeyboardInterrupt):
            logger.save_table("table.csv", table)
        self.assertEqual(self.contents(), before)

    def test_results_are_replaced_not_mixed(self):
        logger = self.logger()
        save_test(logger, loss=0.123456789, error=0.5)
        save_test(logger, loss=1)
        self.assertEqual((self.root / "run" / "test.json").read_text(), '{\n  "loss": 1\n}\n')

    def test_no_parameters_no_file(self):
        logger = self.logger()
        logger.start()
        for best in (None, {}):
            finish(logger, {}, best)
            self.assertEqual(sorted(self.contents()), ["run", "run/config.json"])

    def test_a_folder_that_cannot_be_written(self):
        X, Y = np.ones((4, 2)), np.eye(2)[[0, 1, 0, 1]]
        model = NeuralNetwork(
            "cross_entropy",
            [{"name": "fully_connected", "n_out": 2, "activation": "softmax"}],
            {"name": "SGD", "lr": 0.1},
            self.logger(),
        )
        with mock.patch.object(Path, "mkdir", side_effect=PermissionError("read-only")):
            with self.assertRaises(OSError):
                self.logger().start()
            with self.assertRaises(OSError):
                model.train(Dataset(X, Y, 2), 1)
        self.assertEqual((model.epoch, model.history), (0, {}))
        self.assertEqual(self.contents(), {})

    def test_a_save_dir_that_is_a_file(self):
        (self.root / "runs").write_text("a file")
        with self.assertRaises(OSError):
            self.logger(save_dir=self.root / "runs").start()
        self.assertEqual(self.contents(), {"runs": b"a file"})


if __name__ == "__main__":
    unittest.main()
