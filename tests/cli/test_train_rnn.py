"""train_rnn.py: runs, flags, mistakes, forecasts."""

import json

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal

import train_rnn
from neural_networks.datasets import initialize_dataset
from neural_networks.models import initialize_model
from tests.support.scripts import SEQUENCE_FILES, ScriptTest

WAVES = ("--epochs", 1, "--window", 8, "--batch-size", 500)
FAST = (*WAVES, "--hidden", 4)


class RnnTest(ScriptTest):
    script = train_rnn

    def forecast(self, run):
        return pd.read_csv(self.runs / run / "forecast.csv")


PERIOD = 2 * np.pi / 0.2
# Rounding, which depends on the machine, makes it another run. Of 16 seeds, one lost 11% of the
# height; the others kept it to 2.5%, and all of them the period to 0.6%.
PERIOD_OFF, HEIGHT_OFF = 0.01, 0.15


def period_and_heights(steps, values):
    """The mean distance of upward zero crossings; minimum and maximum of each third."""
    before = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    rise = values[before + 1] - values[before]
    crossings = steps[before] - values[before] / rise
    thirds = np.array_split(values, 3)  # each a little longer than a period
    return np.diff(crossings).mean(), [abs(f(third)) for third in thirds for f in (min, max)]


class TestDefaultRun(RnnTest):
    pictures = True

    def test_predicts_the_wave_and_goes_on_with_it(self):
        status, out, err = self.train()
        self.assertEqual((status, err), (0, ""))
        folder = self.runs / "sinewave"
        self.assertEqual({path.name for path in folder.iterdir()}, SEQUENCE_FILES)
        error = json.loads((folder / "test.json").read_text())["error"]
        self.assertLessEqual(error, 2e-5)
        self.assertIn(f"mean squared error {error:.3g}", out)
        self.assertIn("examples of shape (1, 50), 1 output\n", out)
        self.assertIn("forecast.png", out)
        self.assertIn("train_rnn.py --", out.split("Next:")[1])

        predictions = pd.read_csv(folder / "test_predictions.csv")
        squares = (predictions["label_0"] - predictions["prediction_0"]) ** 2
        self.assertEqual(len(squares), 2000)
        assert_allclose(squares.mean(), error, rtol=1e-2)
        for _, wave in self.forecast("sinewave").groupby("Id"):
            assert_array_equal(wave["step"], np.arange(150))
            window, beyond = wave[:50], wave[50:]
            self.assertFalse(window["true_0"].isna().any())
            self.assertTrue(window[["one_step_0", "free_0"]].isna().all(axis=None))
            self.check_forecast(beyond)

    def check_forecast(self, wave):
        """The free-running forecast keeps period and height for 100 steps."""
        true, ahead, free = (wave[name].to_numpy() for name in ("true_0", "one_step_0", "free_0"))
        period_off, height_off = self.off(wave["step"].to_numpy(), free)
        self.assertLess(period_off, PERIOD_OFF)
        self.assertLess(height_off, HEIGHT_OFF)
        self.assertLess(np.mean((ahead - true) ** 2), 1e-4)
        self.assertLess(np.mean((free - true) ** 2), 0.05)

    def off(self, steps, values):
        """Relative errors of period and height."""
        period, heights = period_and_heights(steps, values)
        return abs(period / PERIOD - 1), max(abs(height - 1) for height in heights)

    def test_the_measure_notices_other_waves(self):
        steps = np.arange(50, 150)
        true, other = np.sin(0.2 * steps), np.sin(0.203 * steps)
        fading, growing = (true * np.exp(rate * (steps - 50)) for rate in (-0.003, 0.003))
        self.assertGreater(self.off(steps, other)[0], PERIOD_OFF)
        for values in (fading, growing, 0.8 * true):
            self.assertGreater(self.off(steps, values)[1], HEIGHT_OFF)
        period_off, height_off = self.off(steps, true)
        self.assertLess(period_off, 0.001)
        self.assertLess(height_off, 0.01)


class TestFlags(RnnTest):
    def test_configuration_stays_as_it_is(self):
        before = repr(train_rnn.CONFIGURATION)
        self.train(*FAST, "--every-step", "--activation", "relu")
        self.assertEqual(repr(train_rnn.CONFIGURATION), before)

    def test_waves(self):
        status, out, err = self.train(*FAST, "--step", 0.5, "--noise", 0.25)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("of shape (1, 8), 1 output", out)
        data = self.config("sinewave")["data"]
        expected = {"window": 8, "step": 0.5, "noise": 0.25, "every_step": False}
        self.assertEqual({key: data[key] for key in expected}, expected)
        true = self.forecast("sinewave")["true_0"]
        self.assertEqual(len(true), 324)  # 3 waves of a window of 8, and 100 steps beyond it
        self.assertGreater(true.max(), 1.1, "there is noise on the waves")

    def test_several_sizes_are_layers_on_top_of_each_other(self):
        status, out, err = self.train(*WAVES, "--hidden", 5, 4, 3, "--activation", "arctan")
        self.assertEqual((status, err), (0, ""))
        *recurrent, last = self.config("sinewave")["model"]["layer_args"]
        self.assertEqual([layer["n_out"] for layer in recurrent], [5, 4, 3])
        self.assertEqual({layer["name"] for layer in recurrent}, {"elman"})
        self.assertEqual({layer["activation"] for layer in recurrent}, {"arctan"})
        self.assertEqual([layer["return_sequences"] for layer in recurrent], [True, True, False])
        self.assertEqual((last["activation"], last["n_out"]), ("linear", None))
        self.assertIn("-> (4, 8) ", out)
        self.assertIn("-> (3,) ", out)

    def test_a_prediction_at_every_step(self):
        status, out, err = self.train(*FAST, "--every-step")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("-> (1, 8) ", out)
        self.assertTrue(self.config("sinewave")["model"]["layer_args"][0]["return_sequences"])
        predictions = pd.read_csv(self.runs / "sinewave" / "test_predictions.csv")
        self.assertEqual(len(predictions), 2000 * 8)
        self.assertEqual(list(predictions["step"][:9]), [0, 1, 2, 3, 4, 5, 6, 7, 0])

    def test_and_back_to_the_last_one(self):
        self.train(*FAST, "--every-step", "--name", "all")
        config = self.runs / "all" / "config.json"
        status, _, err = self.train("--config", config, "--no-every-step", "--name", "last")
        self.assertEqual((status, err), (0, ""))
        self.assertFalse(self.config("last")["data"]["every_step"])
        self.assertFalse(self.config("last")["model"]["layer_args"][0]["return_sequences"])

    def test_a_config_without_hidden_layers_gets_recurrent_ones(self):
        """Without ``every_step``, it predicts at the last step."""
        self.train(*FAST, "--name", "original")
        config = self.config("original")
        del config["model"]["layer_args"][0], config["data"]["every_step"]
        path = self.runs / "shorter.json"
        path.write_text(json.dumps(config))
        status, _, err = self.train("--config", path, "--hidden", 3, "--name", "shorter")
        self.assertEqual((status, err), (0, ""))
        recurrent, _ = self.config("shorter")["model"]["layer_args"]
        self.assertEqual((recurrent["name"], recurrent["n_out"]), ("elman", 3))
        self.assertFalse(recurrent["return_sequences"])

    def test_config_repeats_a_run(self):
        self.train(*FAST, "--name", "original", "--seed", 3)
        config = self.runs / "original" / "config.json"
        status, _, err = self.train("--config", config, "--name", "repeated")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(self.log("original"), self.log("repeated"))
        self.assertTrue(self.forecast("original").equals(self.forecast("repeated")))
        self.train("--config", config, "--name", "other", "--seed", 4)
        self.assertNotEqual(self.log("original"), self.log("other"))

    def test_parameters_and_config_rebuild_the_network(self):
        self.train(*FAST)
        config = self.config("sinewave")
        model = initialize_model("again", **config["model"], dtype="float32")
        model.load(self.runs / "sinewave" / "parameters.npz")
        dataset = initialize_dataset(**config["data"], seed=0, dtype="float32")
        results = json.loads((self.runs / "sinewave" / "test.json").read_text())
        self.assertEqual(model.test(dataset), results)


class TestMistakesOfUsers(RnnTest):
    def test_one_line_each(self):
        self.refused("window must be at least 1, got 0", "--window", 0)
        self.refused("step must be greater than 0 and finite, got -1.0", "--step", -1)
        self.refused("noise must be at least 0 and finite, got nan", "--noise", "nan")
        self.refused("invalid int value: 'long'", "--window", "long")
        self.refused("no recurrent layer: --hidden takes a size", "--hidden")
        self.refused("layer 2: n_out must be at least 1, got 0", "--hidden", 3, 0)
        self.refused("unknown activation 'tan'; did you mean 'tanh'", "--activation", "tan")
        self.refused(r"X must be \(m, d, t\)", "--dataset", "iris")
        self.refused("'iris' has no option 'window'", "--dataset", "iris", "--window", 9)
        self.refused(r"Unable to allocate .* GiB", "--window", 10**11)

    def test_a_training_that_diverges_says_so(self):
        flags = ("--lr", 1e6, "--clip-norm", 1e6, "--activation", "relu")
        status, _, err = self.train(*FAST, *flags)
        self.assertEqual(status, 1)
        self.assertIn("or clip the gradients", err)
        self.assertNotIn("Traceback", err)
