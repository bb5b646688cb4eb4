"""Flags of the scripts for early stopping; configurations that repeat a run with every flag."""

import json

import numpy as np
from numpy.testing import assert_allclose

from neural_networks.datasets import initialize_dataset
from neural_networks.models import initialize_model
from tests.support.scripts import FlagTest


class TestBestEpoch(FlagTest):
    RESTLESS = ("--lr", 0.9, "--epochs", 12)

    def arguments(self, *flags):
        config, out = self.done(*flags)
        keys = ("patience", "monitor", "restore_best")
        return [config["arguments"][key] for key in keys], out

    def outputs(self, name):
        """Predictions of a file of parameters for some flowers, and its epoch."""
        config = self.config("run")
        model = initialize_model("again", **config["model"])
        model.load(self.runs / "run" / name)
        return model.predict(np.linspace(-1, 1, 40).reshape(10, 4), None)[0], model.epoch

    def test_by_default_there_is_none(self):
        arguments, out = self.arguments(*self.RESTLESS)
        self.assertEqual(arguments, [None, None, None])
        self.assertNotIn("Stopped", out)
        self.assertNotIn("Back to", out)
        losses = [float(row["validation_loss"]) for row in self.rows("run")]
        (last, epoch), (best, best_epoch) = map(
            self.outputs, ("parameters.npz", "best_parameters.npz")
        )
        self.assertEqual((len(losses), epoch), (12, 12))
        self.assertEqual(best_epoch, np.argmin(losses) + 1)
        self.assertGreater(np.abs(last - best).max(), 1e-3)

    def test_patience(self):
        arguments, out = self.arguments(*self.RESTLESS, "--patience", 2)
        self.assertEqual(arguments, [2, None, None])
        losses = [float(row["validation_loss"]) for row in self.rows("run")]
        best = int(np.argmin(losses)) + 1
        self.assertEqual(len(losses), best + 2)
        self.assertIn(f"Stopped after {len(losses)} epochs of at most 12.\n", out)
        words = (
            f"Back to the parameters after epoch {best}: lowest validation loss, {min(losses):.4g}."
        )
        self.assertIn(words, out)
        (last, epoch), (best_ones, _) = map(self.outputs, ("parameters.npz", "best_parameters.npz"))
        np.testing.assert_array_equal(last, best_ones)
        self.assertEqual(epoch, len(losses))

    def test_patience_without_going_back(self):
        flags = ("--patience", 2, "--no-restore-best")
        arguments, out = self.arguments(*self.RESTLESS, *flags)
        self.assertEqual(arguments, [2, None, False])
        self.assertIn("Stopped after", out)
        self.assertNotIn("Back to", out)

    def test_going_back_without_patience(self):
        arguments, out = self.arguments(*self.RESTLESS, "--restore-best")
        self.assertEqual(arguments, [None, None, True])
        self.assertIn("Back to the parameters after epoch", out)
        self.assertNotIn("Stopped", out)

    def test_monitor(self):
        flags = ("--monitor", "train_error", "--restore-best")
        arguments, out = self.arguments(*self.RESTLESS, *flags)
        self.assertEqual(arguments, [None, "train_error", True])
        errors = [float(row["train_error"]) for row in self.rows("run")]
        self.assertIn(f"after epoch {np.argmin(errors) + 1}: lowest train error", out)

    def test_the_test_is_that_of_the_best_epoch(self):
        self.done(*self.RESTLESS, "--restore-best")
        config = self.config("run")
        model = initialize_model("again", **config["model"], dtype="float32")
        model.load(self.runs / "run" / "best_parameters.npz")
        data = initialize_dataset(**config["data"], dtype="float32")
        expected = json.loads((self.runs / "run" / "test.json").read_text())
        assert_allclose(model.test(data)["loss"], expected["loss"], rtol=1e-6)

    def test_mistakes(self):
        self.refused("patience must be at least 1, got 0", "--patience", 0)
        self.refused("invalid int value: '1.5'", "--patience", 1.5)
        words = "unknown column to monitor 'val_loss'; did you mean 'validation_loss'"
        self.refused(words, "--monitor", "val_loss")
        self.refused("unknown column to monitor 'penalty'", "--monitor", "penalty", "--l2", 1)

    def test_a_configuration_edited_by_hand(self):
        self.done()
        for edit, words in (
            ({"patience": "3"}, "patience must be a whole number"),
            ({"restore_best": "yes"}, "restore_best must be true or false"),
            ({"patienc": 3}, "'patienc'; did you mean 'patience'"),
        ):
            path = self.edited(lambda config, edit=edit: config["arguments"].update(edit))
            status, out, err = self.train("--config", path, "--name", "bad")
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertIn(words, err)
            self.assertFalse((self.runs / "bad").exists())


class TestRepeating(FlagTest):
    MANY = (
        *("--optimizer", "RMSProp", "--optimizer-args", "gamma=0.8", "--lr", 0.01),
        *("--scheduler", "warm_up", "--scheduler-args", "after=cosine", "--weight-decay", 0.001),
        *("--clip-global-norm", 1, "--l2", 0.001, "--l1", 0.0005, "--dropout", 0.3),
        *("--normalization", "batch", "--hidden", 7, 6, "--patience", 2, "--loss", "squared_hinge"),
        *("--monitor", "validation_error", "--epochs", 8, "--seed", 5),
    )

    def repeated(self, path):
        status, _, err = self.train("--config", path, "--name", "again", "--overwrite")
        self.assertEqual((status, err), (0, ""))
        return self.log("again")

    def test_a_configuration_with_everything(self):
        self.done(*self.MANY)
        self.assertEqual(self.repeated(self.runs / "run" / "config.json"), self.log("run"))
        original, again = self.config("run"), self.config("again")
        for key in ("model", "data"):
            self.assertEqual(again[key], original[key])
        for config in (original, again):
            del config["arguments"]["command"]
        self.assertEqual(again["arguments"], original["arguments"])

    def test_one_from_before_there_was_all_this(self):
        self.done("--epochs", 3)

        def age(config):
            del config["model"]["l2"], config["model"]["l1"]
            for key in ("patience", "monitor", "restore_best"):
                del config["arguments"][key]

        path = self.edited(age)
        self.assertEqual(self.repeated(path), self.log("run"))
        flags = ("--l2", 0.1, "--patience", 1, "--scheduler-args", "epochs=3")
        status, _, err = self.train("--config", path, "--scheduler", "cosine", *flags)
        self.assertEqual((status, err), (0, ""))
