"""Features that are constant except for rounding, from the data to a network's input."""

import unittest

import numpy as np
from numpy.testing import assert_allclose

from neural_networks.datasets import Preprocessing, Standardization, initialize_dataset
from neural_networks.datasets.targets import TargetScale
from tests.support.arrays import InFolder
from tests.utils.test_data_processing import COMPUTED, rounded


class TestStandardization(unittest.TestCase):
    def test_columns(self):
        for name, X in COMPUTED.items():
            X = np.asarray(X)
            with self.subTest(column=name):
                found = Standardization.of(X)
                self.assertEqual(found.std.tolist(), [1])
                assert_allclose(found.mean, X[0].astype(float), rtol=2e-3)

    def test_channels_and_bytes(self):
        images = np.random.default_rng(0).normal(size=(9, 4, 4, 2))
        images[..., 1] = rounded(0.7, n=9 * 16).reshape(9, 4, 4)
        std = Standardization.of(images).std
        self.assertEqual(std[1], 1)
        self.assertNotEqual(std[0], 1)
        black = np.zeros((3, 2, 2, 1), np.uint8)
        black[0, 0, 0, 0] = 1  # a whole number more is not rounding
        self.assertAlmostEqual(Standardization.of(black).std.item(), np.sqrt(11) / 12)

    def test_spreads_of_their_own_are_kept(self):
        X = np.array([[1e-20, 1e9, 1e15], [3e-20, 1e9 + 2e-3, 1e15 + 2]])
        assert_allclose(Standardization.of(X).std, [1e-20, 1e-3, 1], rtol=1e-3)
        X = np.array([[300.0], [300.01]], "float32")
        assert_allclose(Standardization.of(X).std, 0.005, rtol=0.01)

    def test_recorded_by_an_older_version(self):
        described = {"mean": [0.3, 5.0], "std": [2.7755575615628914e-17, 2.0]}
        whole = Preprocessing.from_description(
            {"dtype": "float64", "standardization": described, "as_rows": False}
        )
        assert_allclose(whole(np.array([[0.31, 7.0]])), [[0.01, 1]], rtol=1e-12)

    def test_targets_of_a_regression(self):
        scale = TargetScale.of(np.hstack([rounded(0.3), np.arange(9.0)[:, np.newaxis]]))
        self.assertEqual(scale.spread[0], 1)
        self.assertEqual(TargetScale([0.3], [3e-17]).spread.tolist(), [1])

    def test_numbers_whose_squares_overflow(self):
        """They would become zeros."""
        for values in ([[1e200], [2e200]], [[1e308], [-1e308]]):
            with self.assertRaisesRegex(ValueError, r"values up to \de.* are too large"):
                Standardization.of(np.array(values))


class TestTable(InFolder):
    def test_new_values_stay_in_their_units(self):
        lines = ["steady,varying,kind"]
        lines += [f"{[0.3, 0.1 + 0.2][i % 2]!r},{i},{'ab'[i % 2]}" for i in range(20)]
        file = self.root / "table.csv"
        file.write_text("\n".join(lines) + "\n")
        dataset = initialize_dataset("csv", path=str(file), label="kind", seed=0)
        for data in (dataset.train, dataset.validate, dataset.test):
            self.assertLess(np.abs(data.data[:, 0]).max(), 1e-15)
        new = dataset.to_predict(np.array([[0.31, 9.5], [0.29, 9.5]])).test.data
        assert_allclose(new[:, 0], [0.01, -0.01], rtol=1e-9)


if __name__ == "__main__":
    unittest.main()
