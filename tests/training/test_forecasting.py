"""Forecasts: one step ahead, free-running, pictures, files."""

import unittest

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.logs.record import FirstFeature
from neural_networks.models import NeuralNetwork
from neural_networks.training.forecasting import free_running, one_step
from neural_networks.training.outcome import Outcome
from tests.support.arrays import InFolder, read_only

SGD = {"name": "SGD", "lr": 0.1}
FLAT = {"name": "flatten"}
LINEAR = {"name": "fully_connected", "activation": "linear"}


def weighing(weights):
    """A network that predicts a sum of the last values of one feature, weighed like that."""
    model = NeuralNetwork("l2", [FLAT, LINEAR | {"n_out": 1}], SGD)
    model.create_parameters((1, len(weights)))
    model.layers[1].parameters["W"] = np.array(weights, dtype=float)[:, np.newaxis]
    return model


FIBONACCI = weighing([0, 1, 1])  # of three values, the last two


class TestForecasts(unittest.TestCase):
    def test_running_free_goes_on_from_its_own_predictions(self):
        windows = read_only(np.array([[[9.0, 1, 1]], [[9.0, 1, 3]]]))
        free = free_running(FIBONACCI, windows, 6)
        assert_allclose(free[:, 0], [[2, 3, 5, 8, 13, 21], [4, 7, 11, 18, 29, 47]])

    def test_one_step_ahead_sees_the_true_values(self):
        sequence = read_only(np.array([[[1.0, 2, 3, 10, 20, 40]]]))
        assert_allclose(one_step(FIBONACCI, sequence, 3), [[[5, 13, 30]]])

    def test_they_agree_where_the_network_is_right(self):
        sequence = np.array([[[1.0, 1, 2, 3, 5, 8, 13]]])
        expected = sequence[:, :, 3:]
        assert_allclose(one_step(FIBONACCI, sequence, 3), expected)
        assert_allclose(free_running(FIBONACCI, sequence[:, :, :3], 4), expected)

    def test_several_features_stay_apart(self):
        model = NeuralNetwork("l2", [FLAT, LINEAR | {"n_out": 2}], SGD)
        model.create_parameters((2, 2))
        # A window (2, 2) is flattened to x_1, x_2, y_1, y_2; predicted are x_2 + 1·y_2 and -y_2.
        model.layers[1].parameters["W"] = np.array([[0.0, 0], [1, 0], [0, 0], [1, -1]])
        free = free_running(model, np.array([[[0.0, 5], [0, 2]]]), 3)
        assert_allclose(free, [[[7, 5, 7], [-2, 2, -2]]])

    def test_of_an_output_at_every_step_the_last_one_counts(self):
        model = NeuralNetwork("l2", [LINEAR | {"n_out": 1}], SGD)
        model.create_parameters((1, 3))
        model.layers[0].parameters["W"] = np.array([[2.0]])
        assert_allclose(free_running(model, np.array([[[5.0, 4, 1]]]), 3), [[[2, 4, 8]]])
        assert_allclose(one_step(model, np.array([[[5.0, 4, 1, 7, 9]]]), 3), [[[2, 14]]])

    def test_type_is_that_of_the_network(self):
        model = NeuralNetwork("l2", [FLAT, LINEAR | {"n_out": 1}], SGD, dtype="float32")
        sequence = np.ones((1, 1, 8), "float32")
        self.assertEqual(free_running(model, sequence[:, :, :3], 2).dtype, np.float32)
        self.assertEqual(one_step(model, sequence, 3).dtype, np.float32)


TRUE = np.sin(0.3 * np.arange(20) + np.array([[0.0], [2.0]]))
ONE_STEP = TRUE[:, 12:] + 0.01
FREE = TRUE[:, 12:] + 0.1 * np.arange(8)


class TestPicture(unittest.TestCase):
    def draw(self, *arguments):
        figure = Figure()
        plots.forecast(figure, *arguments)
        figure.canvas.draw()
        return figure

    def curves(self, axes):
        return {line.get_label(): line.get_xydata().T for line in axes.get_lines()}

    def test_each_sequence_has_a_panel(self):
        *panels, _ = self.draw(TRUE, ONE_STEP, FREE).axes
        self.assertEqual(len(panels), 2)
        for i, axes in enumerate(panels):
            curves = self.curves(axes)
            self.assertEqual(set(curves), {"true", "free-running", "one step ahead"})
            assert_array_equal(curves["true"], [np.arange(20), TRUE[i]])
            assert_array_equal(curves["free-running"], [np.arange(12, 20), FREE[i]])
            assert_array_equal(curves["one step ahead"], [np.arange(12, 20), ONE_STEP[i]])
        self.assertEqual(panels[0].get_title(loc="left"), "8 steps beyond a window of 12")
        labels = [text.get_text() for text in panels[0].get_legend().get_texts()]
        self.assertEqual(labels, ["true", "free-running", "one step ahead"])

    def test_the_last_panel_tells_the_distances(self):
        distances = self.draw(TRUE, ONE_STEP, FREE).axes[-1]
        by_color = {to_hex(line.get_color()): line.get_ydata() for line in distances.get_lines()}
        assert_allclose(by_color[plots.VALIDATION], 0.01)
        assert_allclose(by_color[plots.TRAINING], 0.1 * np.arange(8), atol=1e-12)
        self.assertEqual(distances.get_yscale(), "log")

    def test_the_first_of_many_sequences(self):
        many = [np.tile(values, (50, 1)) for values in (TRUE, ONE_STEP, FREE)]
        *panels, _ = self.draw(*many).axes
        self.assertEqual(len(panels), plots.MOST_SEQUENCES)
        title = "8 steps beyond a window of 12, 5 of 100 sequences"
        self.assertEqual(panels[0].get_title(loc="left"), title)
        for i, axes in enumerate(panels):
            assert_array_equal(self.curves(axes)["free-running"][1], FREE[i % 2])

    def test_a_distance_is_the_root_of_a_mean_of_squares(self):
        distances = self.draw(TRUE, ONE_STEP, TRUE[:, 12:] + [[3], [-4]]).axes[-1]
        by_color = {to_hex(line.get_color()): line.get_ydata() for line in distances.get_lines()}
        assert_allclose(by_color[plots.TRAINING], np.sqrt((3**2 + 4**2) / 2))

    def test_the_window_is_shaded(self):
        for axes in self.draw(TRUE, ONE_STEP, FREE).axes[:-1]:
            (shade,) = axes.patches
            (left, _), (right, _) = axes.transData.inverted().transform(shade.get_extents())
            assert_allclose((left, right), (0, 11), atol=1e-9)

    def test_panels_share_a_scale(self):
        factors = np.array([[1.0], [3]])
        *panels, _ = self.draw(factors * TRUE, factors * ONE_STEP, factors * FREE).axes
        margin = np.ptp(factors * TRUE) / 8
        for axes in panels:
            limits = 3 * TRUE[1].min() - margin, 3 * TRUE[1].max() + margin
            assert_allclose(axes.get_ylim(), limits)

    def test_a_sequence_that_does_not_move_lies_in_the_middle(self):
        axes = self.draw(np.full((2, 20), 5.0), ONE_STEP, FREE).axes[0]
        assert_allclose(axes.get_ylim(), (4, 6))

    def test_a_network_that_runs_away_leaves_the_panel(self):
        for wild in (1e30, np.inf, np.nan):
            with np.errstate(invalid="ignore"):
                axes = self.draw(TRUE, ONE_STEP, wild * FREE).axes[0]
            low, high = axes.get_ylim()
            self.assertTrue(-1.5 < low < -1 and 1 < high < 1.5, (low, high))

    def test_values_far_from_zero_fill_their_panel(self):
        axes = self.draw(100 + TRUE, 100 + ONE_STEP, 100 + FREE).axes[0]
        low, high = axes.get_ylim()
        self.assertTrue(98.5 < low < 99 and 101 < high < 101.5, (low, high))


FLAT_CURVE, STEEP = np.array([1.0, 0.9, 0.8]), np.array([1.0, 0.1, 0.01])


class TestScaleOfErrors(unittest.TestCase):
    def scale(self, classifies=False, **columns):
        figure = Figure()
        columns = {"epoch": np.arange(1.0, 4), "train_loss": FLAT_CURVE, **columns}
        plots.error_curves(figure, "run", classifies, columns)
        return figure.axes[0].get_yscale()

    def test_squared_errors_that_fall_far_have_a_logarithmic_one(self):
        self.assertEqual(self.scale(train_error=STEEP), "log")
        self.assertEqual(self.scale(train_error=FLAT_CURVE, validation_error=STEEP), "log")
        self.assertEqual(self.scale(train_error=FLAT_CURVE, validation_error=FLAT_CURVE), "linear")

    def test_losses_do_not_matter(self):
        self.assertEqual(self.scale(train_error=FLAT_CURVE, train_loss=STEEP), "linear")

    def test_an_overflow_does_not_count(self):
        for overflow in (np.inf, np.nan):
            wild = np.array([1, overflow, 0.8])
            scale = self.scale(train_error=FLAT_CURVE, validation_error=wild)
            self.assertEqual(scale, "linear")
            scale = self.scale(train_error=STEEP, validation_error=wild)
            self.assertEqual(scale, "log")
        lost = np.full(3, np.nan)
        self.assertEqual(self.scale(train_error=lost, train_loss=lost), "linear")

    def test_shares_of_misclassified_examples_begin_at_0(self):
        self.assertEqual(self.scale(classifies=True, train_error=STEEP), "linear")


WINDOW = (np.nan,) * 3  # without predictions


class TestFiles(InFolder):
    def test_a_test_leaves_table_and_picture(self):
        """With predictions that are exactly right, which a logarithm has no place for."""
        sequences = np.array([[[1.0, 1, 2, 3, 5, 8]], [[2.0, 1, 3, 4, 7, 11]]])
        X, Y = np.ones((4, 1, 3)), 2 * np.ones((4, 1))
        dataset = Dataset(X, Y, 2, None, None, X, Y, forecast_sequences=sequences)
        FIBONACCI.logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root)
        self.addCleanup(setattr, FIBONACCI, "logger", None)
        FIBONACCI.test(dataset, save_predictions=True)
        table = pd.read_csv(self.root / "run" / "forecast.csv")
        self.assertEqual(list(table), ["Id", "step", "true_0", "one_step_0", "free_0"])
        assert_array_equal(table["Id"], [0] * 6 + [1] * 6)
        assert_array_equal(table["step"], [0, 1, 2, 3, 4, 5] * 2)
        assert_allclose(table["true_0"], sequences.ravel())
        for column in ("one_step_0", "free_0"):
            assert_allclose(table[column], [*WINDOW, 3, 5, 8, *WINDOW, 4, 7, 11])
        self.assertGreater(imread(self.root / "run" / "forecast.png").std(), 0.05)

    def test_which_prediction_is_which(self):
        """On a sequence that does not follow the network's rule the two kinds differ."""
        sequences = np.array([[[1.0, 1, 2, 3, 10, 20]]])
        X, Y = np.ones((4, 1, 3)), 2 * np.ones((4, 1))
        dataset = Dataset(X, Y, 2, None, None, X, Y, forecast_sequences=sequences)
        FIBONACCI.logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        self.addCleanup(setattr, FIBONACCI, "logger", None)
        FIBONACCI.test(dataset, save_predictions=True)
        table = pd.read_csv(self.root / "run" / "forecast.csv")
        assert_allclose(table["true_0"], sequences.ravel())
        assert_allclose(table["one_step_0"], [*WINDOW, 3, 5, 13])
        assert_allclose(table["free_0"], [*WINDOW, 3, 5, 8])

    def save(self, logger, *forecast):
        """Have a logger save a forecast with the results of a test."""
        X, Y = np.ones((4, 1, 3)), np.ones((4, 1))
        dataset = Dataset(X, Y, 2, None, None, X, Y)
        outcome = Outcome({"loss": 0.0, "error": 0.0}, Y, Y, forecast)
        logger.save_test(FIBONACCI.loss, outcome, dataset, save_predictions=True)

    def test_a_column_for_each_feature(self):
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        true = np.arange(12.0).reshape(1, 2, 6)
        self.save(logger, true, true[:, :, 4:] + 0.5, true[:, :, 4:] - 0.5)
        table = pd.read_csv(self.root / "run" / "forecast.csv")
        assert_array_equal(table["true_0"], np.arange(6))
        assert_array_equal(table["true_1"], np.arange(6, 12))
        assert_array_equal(table["one_step_1"], [np.nan, *WINDOW, 10.5, 11.5])
        assert_array_equal(table["free_0"], [np.nan, *WINDOW, 3.5, 4.5])

    def test_what_the_picture_shows_is_in_the_table(self):
        true = np.random.default_rng(0).standard_normal((3, 2, 9))
        one_step, free = true[:, :, 5:] + 0.5, true[:, :, 5:] - 0.5
        one_step[:, :, 3:], free[:, :, 1:] = np.nan, np.inf  # a network that diverges
        self.save(Logger("run", {}, {}, save=True, save_dir=self.root), true, one_step, free)
        found = FirstFeature.from_table(pd.read_csv(self.root / "run" / "forecast.csv"))
        for values, expected in zip(found, (true, one_step, free), strict=True):
            assert_array_equal(values, expected[:, 0])

    def test_a_network_that_predicts_no_numbers_at_all(self):
        true = np.arange(6.0).reshape(1, 1, 6)
        lost = np.full((1, 1, 2), np.nan)
        self.save(Logger("run", {}, {}, save=True, plot=True, save_dir=self.root), true, lost, lost)
        self.assertTrue((self.root / "run" / "forecast.png").exists())

    def test_the_picture_is_of_the_first_feature(self):
        true = np.random.default_rng(0).standard_normal((2, 2, 9))
        pictures = {}
        for name, kept in {"both": [0, 1], "first": [0], "second": [1]}.items():
            logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root / name)
            some = true[:, kept]
            self.save(logger, some, some[:, :, 5:] + 0.5, some[:, :, 5:] - 0.5)
            pictures[name] = imread(self.root / name / "run" / "forecast.png")
        assert_array_equal(pictures["both"], pictures["first"])
        self.assertFalse(np.array_equal(pictures["both"], pictures["second"]))

    def test_without_long_sequences_there_is_none(self):
        X, Y = np.ones((4, 1, 3)), 2 * np.ones((4, 1))
        FIBONACCI.logger = Logger("run", {}, {}, save=True, plot=True, save_dir=self.root)
        self.addCleanup(setattr, FIBONACCI, "logger", None)
        FIBONACCI.test(Dataset(X, Y, 2, None, None, X, Y), save_predictions=True)
        names = {path.name for path in (self.root / "run").iterdir()}
        expected = {"config.json", "data.json", "test.json", "test_predictions.csv"}
        expected |= {"test_scores.csv", "predictions.png"}
        self.assertEqual(names, expected)


if __name__ == "__main__":
    unittest.main()
