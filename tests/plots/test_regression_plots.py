"""Predicted over true values: panels, dots, density, limits."""

import unittest

import numpy as np
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from neural_networks import plots
from neural_networks.metrics import target_scores
from tests.support.arrays import read_only


def numbers(n=300, k=1, mean=2e5, spread=7e4):
    rng = np.random.default_rng(n)
    true = rng.normal(mean, spread, (n, k))
    return read_only(true), read_only(true + rng.normal(0, spread / 4, (n, k)))


def draw(true, predicted, **texts):
    figure = Figure(layout="constrained")
    found = target_scores(true, predicted, true)
    plots.predicted_over_true(figure, true, predicted, (found.rmse, found.r2), **texts)
    figure.draw_without_rendering()
    return figure, found


def dots(axes):
    (found,) = [item for item in axes.collections if isinstance(item, PathCollection)]
    return found.get_offsets()


class TestPredictedOverTrue(unittest.TestCase):
    def test_dots_and_texts(self):
        for mean, spread, tick in (
            (2e5, 7e4, "200,000"),
            (2010, 6, "2000"),
            (3e-9, 1e-10, "3e-09"),
        ):
            true, predicted = numbers(mean=mean, spread=spread)
            figure, found = draw(true, predicted, title="houses\n5-10-1")
            (axes,) = figure.axes
            assert_allclose(dots(axes), np.hstack([true, predicted]))
            first, *others = axes.get_title().split("\n")
            r2 = f"R² {found.r2[0]:.3f}"
            self.assertRegex(first, rf"^RMSE [\d.,e-]+, {r2}: 300 test examples$")
            self.assertEqual(others, ["houses", "5-10-1"])
            self.assertEqual(axes.get_xlabel(), "true value")
            self.assertEqual(axes.get_ylabel(), "predicted value")
            self.assertIn(tick, [label.get_text() for label in axes.get_xticklabels()])

    def test_both_axes_have_the_same_limits(self):
        for shift in (0, 5e4, -5e4):
            true, predicted = numbers()
            figure, _ = draw(true, predicted + shift)
            (axes,) = figure.axes
            self.assertEqual(axes.get_xlim(), axes.get_ylim())
            low, high = axes.get_xlim()
            self.assertTrue(low < min(true.min(), (predicted + shift).min()))
            self.assertTrue(high > max(true.max(), (predicted + shift).max()))
            (line,) = axes.lines
            assert_allclose(line.get_xydata(), [[low, low], [high, high]])

    def test_wild_predictions_are_at_the_edge(self):
        true, predicted = numbers()
        wild = predicted.copy()
        wild[:4, 0] = [1e30, -np.inf, np.nan, -1e12]
        figure, found = draw(true, wild)
        (axes,) = figure.axes
        low, high = axes.get_ylim()
        assert_allclose(dots(axes)[:4, 1], [high, low, high, low])
        assert_allclose(dots(axes)[4:, 1], predicted[4:, 0])
        self.assertLess(high - low, 4 * np.ptp(true))
        self.assertTrue(np.isnan(found.rmse[0]))

    def test_values_that_do_not_vary(self):
        for value in (7.0, 0.0, -1e9):
            true = np.full((20, 1), value)
            figure, _ = draw(true, true)
            low, high = figure.axes[0].get_xlim()
            self.assertTrue(low < value < high)
            self.assertNotIn("R²", figure.axes[0].get_title())

    def test_outputs(self):
        for k in (2, 3, 4, 9):
            true, predicted = numbers(k=k)
            figure, found = draw(true, predicted, split="validation")
            shown = min(k, plots.MOST_OUTPUTS)
            self.assertEqual(len(figure.axes), shown)
            for i, axes in enumerate(figure.axes):
                assert_allclose(dots(axes), np.column_stack([true[:, i], predicted[:, i]]))
                self.assertIn(f"output {i}: RMSE ", axes.get_title())
                self.assertIn(f"R² {found.r2[i]:.3f}", axes.get_title())
            first = f", the first 4 of {k} outputs" if k > 4 else ""
            self.assertEqual(figure.get_suptitle(), f"300 validation examples{first}")

    def test_density_of_many(self):
        n = plots.MOST_DOTS
        self.assertEqual(len(dots(draw(*numbers(n))[0].axes[0])), n)
        figure, _ = draw(*numbers(50 * n))
        found = figure.axes[0].collections
        self.assertTrue(all(isinstance(item, PolyCollection) for item in found))
        self.assertEqual(sum(item.get_array().sum() for item in found), 50 * n)


if __name__ == "__main__":
    unittest.main()
