"""Sine waves: values, labels, options, seed, forecast sequences."""

import unittest

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.datasets import Dataset, initialize_dataset
from neural_networks.utils.randomness import spawn_generator


def phases(waves, step=0.2):
    """The phase a of each wave sin(a + step · i), from its first two values."""
    first, second = waves[:, 0, 0], waves[:, 0, 1]
    # sin(a + s) = sin a cos s + cos a sin s
    return np.arctan2(first, (second - first * np.cos(step)) / np.sin(step))


class TestWaves(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dataset = initialize_dataset("sinewave", seed=0)

    def test_sizes(self):
        for data, n in (
            (self.dataset.train, 7000),
            (self.dataset.validate, 1000),
            (self.dataset.test, 2000),
        ):
            self.assertEqual(data.data.shape, (n, 1, 50))
            self.assertEqual(data.labels.shape, (n, 1))
        self.assertEqual(self.dataset.out_dim, 1)
        self.assertIsNone(self.dataset.class_names)

    def test_values_and_labels_of_one_wave(self):
        for data in (self.dataset.train, self.dataset.validate, self.dataset.test):
            a = phases(data.data)[:, np.newaxis]
            assert_allclose(data.data[:, 0], np.sin(a + 0.2 * np.arange(50)), atol=1e-12)
            assert_allclose(data.labels, np.sin(a + 0.2 * 50), atol=1e-12)

    def test_phases_are_spread_over_the_circle(self):
        eighths = np.floor(phases(self.dataset.train.data) / (np.pi / 4))
        _, counts = np.unique(eighths, return_counts=True)
        self.assertEqual(len(counts), 8)
        # 875 each, give or take four standard deviations.
        self.assertLess(np.abs(counts - 875).max(), 4 * np.sqrt(7000 * 7 / 64))

    def test_forecast_sequences_of_100_more_steps(self):
        waves = self.dataset.forecast_sequences
        self.assertEqual(waves.shape, (3, 1, 150))
        a = phases(waves)[:, np.newaxis]
        assert_allclose(waves[:, 0], np.sin(a + 0.2 * np.arange(150)), atol=1e-12)

    def test_the_seed_fixes_the_waves(self):
        again, other = (initialize_dataset("sinewave", seed=s) for s in (0, 1))
        for name in ("train", "validate", "test"):
            first = getattr(self.dataset, name).data
            assert_array_equal(first, getattr(again, name).data)
            self.assertGreater(np.abs(first - getattr(other, name).data).max(), 0.1)
        assert_array_equal(self.dataset.forecast_sequences, again.forecast_sequences)
        self.assertFalse(np.array_equal(self.dataset.train.data[:1000], self.dataset.validate.data))

    def test_an_independent_generator_draws_the_phases(self):
        """Independent of the generator that shuffles."""
        a = spawn_generator(0, "data").uniform(0, 2 * np.pi, (7000, 1))
        values = np.sin(a + 0.2 * np.arange(50))
        assert_allclose(self.dataset.train.data[:, 0], values, atol=1e-12)

    def test_type(self):
        single = initialize_dataset("sinewave", seed=0, dtype="float32")
        for array in (single.train.data, single.test.labels, single.forecast_sequences):
            self.assertEqual(array.dtype, np.float32)
        assert_allclose(single.train.data, self.dataset.train.data, atol=1e-7)


class TestOptions(unittest.TestCase):
    def test_window_and_step(self):
        dataset = initialize_dataset("sinewave", window=7, step=0.5, seed=0)
        self.assertEqual(dataset.test.data.shape, (2000, 1, 7))
        self.assertEqual(dataset.forecast_sequences.shape, (3, 1, 107))
        a = phases(dataset.test.data, step=0.5)[:, np.newaxis]
        assert_allclose(dataset.test.labels, np.sin(a + 0.5 * 7), atol=1e-12)

    def test_a_label_at_every_step_is_the_next_value(self):
        dataset = initialize_dataset("sinewave", window=9, every_step=True, seed=0)
        for data in (dataset.train, dataset.validate, dataset.test):
            self.assertEqual(data.labels.shape, data.data.shape)
            assert_array_equal(data.labels[:, :, :-1], data.data[:, :, 1:])
        last = initialize_dataset("sinewave", window=9, seed=0)
        assert_array_equal(dataset.test.labels[:, :, -1], last.test.labels)

    def test_noise_on_values_and_labels(self):
        clean, noisy = (initialize_dataset("sinewave", noise=s, seed=0) for s in (0, 0.1))
        pairs = {
            "values": (noisy.train.data, clean.train.data),
            "labels": (noisy.train.labels, clean.train.labels),
        }
        a = phases(clean.train.data)[:, np.newaxis, np.newaxis]
        for name, (with_noise, without) in pairs.items():
            with self.subTest(name):
                noise = with_noise - without
                self.assertAlmostEqual(noise.std(), 0.1, delta=0.004)
                self.assertAlmostEqual(noise.mean(), 0, delta=0.005)
        difference = noisy.train.data - np.sin(a + 0.2 * np.arange(50))
        share = np.mean(np.abs(difference) > 0.2)
        self.assertAlmostEqual(share, 0.0455, delta=0.002, msg="two standard deviations off")
        neighbors = np.corrcoef(difference[:, 0, 3], difference[:, 0, 4])[0, 1]
        self.assertLess(abs(neighbors), 0.05, "the noise of neighbors is independent")

    def test_none_stands_for_the_default(self):
        names = ("window", "step", "noise", "every_step")
        dataset = initialize_dataset("sinewave", seed=0, **dict.fromkeys(names))
        default = initialize_dataset("sinewave", seed=0)
        assert_array_equal(dataset.train.data, default.train.data)
        assert_array_equal(dataset.train.labels, default.train.labels)

    def test_out_of_range(self):
        for options, error, message in (
            ({"window": 0}, ValueError, "window must be at least 1, got 0"),
            ({"window": 2.5}, TypeError, r"window must be a whole number, got 2\.5"),
            ({"step": 0}, ValueError, "step must be greater than 0 and finite, got 0"),
            ({"step": float("inf")}, ValueError, "step .* got inf"),
            ({"noise": -0.1}, ValueError, r"noise must be at least 0 and finite, got -0\.1"),
            ({"noise": "much"}, TypeError, "noise must be a number, got 'much'"),
            ({"every_step": "yes"}, TypeError, "every_step must be true or false, got 'yes'"),
            ({"every_step": 1}, TypeError, "every_step must be true or false, got 1"),
            ({"windows": 5}, ValueError, "has no option 'windows'; did you mean 'window'"),
            ({"images": True}, ValueError, "dataset 'sinewave' has no images"),
            ({"rng": 3}, ValueError, "dataset 'sinewave' has no option 'rng'"),
        ):
            with self.subTest(options), self.assertRaisesRegex(error, message):
                initialize_dataset("sinewave", **options)

    def test_other_datasets_have_no_such_options(self):
        message = r"dataset 'iris' has no option 'noise' \(options: .*images"
        with self.assertRaisesRegex(ValueError, message):
            initialize_dataset("iris", noise=0.1)


class TestForecastSequences(unittest.TestCase):
    def dataset(self, forecast_sequences, shape=(6, 2, 5), k=2):
        return Dataset(np.ones(shape), np.ones((6, k)), 3, forecast_sequences=forecast_sequences)

    def test_longer_than_the_examples(self):
        self.assertEqual(self.dataset(np.zeros((1, 2, 6))).forecast_sequences.shape, (1, 2, 6))

    def test_sequences_that_do_not_fit(self):
        for sequences, options, message in (
            (np.zeros((1, 2, 5)), {}, r"\(k, 2, T\) with T > 5, got shape \(1, 2, 5\)"),
            (np.zeros((1, 3, 9)), {}, r"\(k, 2, T\) with T > 5, got shape \(1, 3, 9\)"),
            (np.zeros((2, 9)), {}, r"need examples \(d, t\) and d outputs.* \(2, 9\)"),
            (np.zeros((1, 2, 9)), {"k": 3}, r"got \(2, 5\) and 3"),
            (np.zeros((1, 2, 9)), {"shape": (6, 2)}, r"got \(2,\) and 2"),
            (np.full((1, 2, 9), np.nan), {}, "forecast_sequences: 18 values are NaN"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.dataset(sequences, **options)

    def test_a_wrong_type(self):
        message = "^forecast_sequences: examples must be a NumPy array, got list"
        with self.assertRaisesRegex(TypeError, message):
            self.dataset([[[1.0] * 6] * 2])
        with self.assertRaisesRegex(
            TypeError, "^forecast_sequences: examples must be floats, got int"
        ):
            self.dataset(np.zeros((1, 2, 6), int))


if __name__ == "__main__":
    unittest.main()
