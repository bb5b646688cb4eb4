"""Ensembles of networks: average prediction, loss and error."""

import unittest

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from neural_networks.cli.ensemble import average, error_rate, majority_vote
from neural_networks.datasets import Dataset
from neural_networks.ensemble import Ensemble
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder, examples, float_arrays, seeds, sizes
from tests.support.normalization_cases import dense

SGD = {"name": "SGD", "lr": 0.5}
SOFTMAX = dense(3, "softmax")


def network(layers=(SOFTMAX,), loss="cross_entropy", **options):
    return NeuralNetwork(loss, list(layers), SGD, **{"seed": 0, **options})


def returning(Y_hat, loss="cross_entropy", activation="linear"):
    """A network that turns the unit matrix into certain predictions."""
    model = network([dense(Y_hat.shape[1], activation)], loss)
    model.forward(np.eye(len(Y_hat)))
    model.layers[0].parameters["W"] = Y_hat
    return model


def with_test_set(X, Y, **options):
    return Dataset(X[:5], Y[:5], 7, test_set=X, test_labels=Y, **options)


class TestByHand(unittest.TestCase):
    def setUp(self):
        # The mean is (3/8, 5/8) and (1/2, 1/2), of which the tie goes to class 0.
        first = np.array([[0.5, 0.5], [0.75, 0.25]])
        second = np.array([[0.25, 0.75], [0.25, 0.75]])
        self.mean = np.array([[0.375, 0.625], [0.5, 0.5]])
        self.ensemble = Ensemble([returning(first), returning(second)])

    def test_prediction_and_loss(self):
        Y = np.array([[0.0, 1.0], [0.0, 1.0]])
        Y_hat, loss = self.ensemble.predict(np.eye(2), Y)
        assert_array_equal(Y_hat, self.mean)
        self.assertAlmostEqual(loss, -(np.log(0.625) + np.log(0.5)) / 2, places=14)
        self.assertEqual(self.ensemble.error(Y, Y_hat), 0.5)

    def test_without_labels(self):
        Y_hat, loss = self.ensemble.predict(np.eye(2), None)
        assert_array_equal(Y_hat, self.mean)
        self.assertTrue(np.isnan(loss))

    def test_on_a_test_set(self):
        Y = np.array([[0.0, 1.0], [0.0, 1.0]])
        results = self.ensemble.test(Dataset(np.eye(2), Y, 1, test_set=np.eye(2), test_labels=Y))
        self.assertEqual(results["error"], 0.5)
        self.assertAlmostEqual(results["loss"], -(np.log(0.625) + np.log(0.5)) / 2, places=14)

    def test_for_kaggle(self):
        data = Dataset(np.eye(2), np.eye(2), 1, test_set=np.eye(2), first_id=1)
        expected = pd.DataFrame({"Id": [1, 2], "Category": [1, 0]})
        pd.testing.assert_frame_equal(self.ensemble.test_kaggle(data), expected)

    def test_ensembles_that_cannot_be(self):
        for models in ([], network()):
            with self.assertRaisesRegex(ValueError, "a list of one model or more"):
                Ensemble(models)
        for losses, words in (
            (["cross_entropy", "l2", "cross_entropy"], "cross_entropy, l2$"),
            (["l2", "hinge", "cross_entropy"], "cross_entropy, hinge, l2$"),
        ):
            with self.assertRaisesRegex(ValueError, f"share a loss, got {words}"):
                Ensemble([network(loss=loss) for loss in losses])

    def test_outputs_of_two_shapes(self):
        models = [returning(np.eye(2)), returning(np.ones((2, 3)))]
        with self.assertRaisesRegex(ValueError, "of an ensemble predict outputs of one shape"):
            Ensemble(models).predict(np.eye(2), None)

    def test_sets_that_cannot_be_tested(self):
        X, Y = examples()
        with self.assertRaisesRegex(ValueError, "no labels: test_kaggle"):
            Ensemble([network()]).test(Dataset(X, Y, 5, test_set=X))
        with self.assertRaisesRegex(ValueError, "no test set"):
            Ensemble([network()]).test_kaggle(Dataset(X, Y, 5))
        with self.assertRaisesRegex(ValueError, "l2"):
            Ensemble([network(loss="l2")]).test_kaggle(Dataset(X, Y, 5, test_set=X))


class TestJensen(unittest.TestCase):
    """The loss of the average is at most the average of the losses."""

    CASES = (("l2", "linear"), ("l2", "tanh"), ("cross_entropy", "softmax"), ("hinge", "linear"))

    @given(st.sampled_from(CASES), st.lists(float_arrays((4, 3)), min_size=1, max_size=4), seeds)
    def test_of_any_networks(self, case, weights, seed):
        loss, activation = case
        models = [returning(W, loss, activation) for W in weights]
        X, Y = np.eye(4), examples(4, k=3, seed=seed)[1]
        alone = [model.predict(X, Y)[1] for model in models]
        together = Ensemble(models).predict(X, Y)[1]
        self.assertLessEqual(together, np.mean(alone) * (1 + 1e-12) + 1e-12)
        self.assertGreaterEqual(np.max(alone) * (1 + 1e-12) + 1e-12, together)

    @given(float_arrays((4, 3)), sizes)
    def test_of_the_same_network_several_times(self, W, k):
        model = returning(W, activation="softmax")
        X, Y = np.eye(4), examples(4)[1]
        Y_hat, loss = Ensemble([model] * k).predict(X, Y)
        assert_allclose(Y_hat, model.predict(X, None)[0], rtol=1e-14)
        self.assertAlmostEqual(loss, model.predict(X, Y)[1], places=13)

    def test_of_mistakes_that_differ(self):
        """Each of three is wrong about another example, and all are right together."""
        Y = np.eye(3)
        wrong = Y[[1, 2, 0]]
        models = []
        for i in range(3):
            Y_hat = 0.7 * Y + 0.15 * (1 - Y)
            Y_hat[i] = 0.2 * Y[i] + 0.6 * wrong[i] + 0.2 * (1 - Y[i] - wrong[i])
            models.append(returning(Y_hat))
        data = with_test_set(np.eye(3), Y)
        for model in models:
            self.assertAlmostEqual(model.test(data)["error"], 1 / 3)
        self.assertEqual(Ensemble(models).test(data)["error"], 0)


class TestOfTrainedNetworks(InFolder):
    def setUp(self):
        super().setUp()
        self.data = with_test_set(*examples(60, d=3, seed=2), seed=0)
        self.models = []
        for seed in range(3):
            logger = Logger(f"run{seed}", {}, {}, save=True, save_dir=self.root)
            model = network([dense(4), SOFTMAX], seed=seed, logger=logger)
            model.train(self.data, 5)
            self.models.append(model)

    def table(self, seed, name):
        return pd.read_csv(self.root / f"run{seed}" / name)

    def test_is_what_the_average_of_their_files_is(self):
        for model in self.models:
            model.test(self.data, save_predictions=True)
        result = average([self.table(seed, "test_predictions.csv") for seed in range(3)])
        ensemble = Ensemble(self.models)
        Y_hat, _ = ensemble.predict(self.data.test.data, None)
        outputs = result[["output_0", "output_1", "output_2"]].to_numpy()
        assert_allclose(outputs, Y_hat, rtol=1e-14)
        assert_array_equal(result["prediction"], Y_hat.argmax(axis=1))
        self.assertAlmostEqual(error_rate(result), ensemble.test(self.data)["error"], places=14)

    def test_a_vote_of_one_is_its_own_file(self):
        self.models[0].test_kaggle(self.data)
        table = self.table(0, "kaggle_predictions.csv")
        pd.testing.assert_frame_equal(majority_vote([table]), table)

    def test_test_weighs_batches_by_their_size(self):
        X, Y = self.data.test.data, self.data.test.labels
        ensemble = Ensemble(self.models)
        _, loss = ensemble.predict(X, Y)
        self.assertAlmostEqual(ensemble.test(self.data)["loss"], loss, places=13)

    def test_writes_nothing(self):
        before = sorted(self.root.rglob("*"))
        ensemble = Ensemble(self.models)
        ensemble.test(self.data)
        ensemble.test_kaggle(self.data)
        self.assertEqual(sorted(self.root.rglob("*")), before)

    def test_the_networks_stay_what_they_are(self):
        before = [model.arrays() for model in self.models]
        Ensemble(self.models).test(self.data)
        for model, state in zip(self.models, before, strict=True):
            np.testing.assert_equal(model.arrays(), state)

    def test_a_later_change_of_the_list_does_not_matter(self):
        ensemble = Ensemble(self.models)
        expected = ensemble.predict(self.data.test.data, None)[0]
        self.models.pop()
        assert_array_equal(ensemble.predict(self.data.test.data, None)[0], expected)

    def test_labels_that_are_not_numbers(self):
        """Sorted by alphabet, names would have an argmax, and an error rate of nonsense."""
        X, Y = self.data.test.data, self.data.test.labels
        model, ensemble = self.models[0], Ensemble(self.models)
        Y_hat = model.forward(X)
        for labels in (np.full(Y.shape, "a"), Y.astype(object), Y * 1j, Y.astype("S")):
            for what, work in (
                ("predict", lambda Y: model.predict(X, Y)),
                ("error", lambda Y: model.error(Y, Y_hat)),
                ("backward", lambda Y: model.backward(Y, model.forward(X))),
                ("predict of the ensemble", lambda Y: ensemble.predict(X, Y)),
                ("error of the ensemble", lambda Y: ensemble.error(Y, Y_hat)),
                ("loss", lambda Y: model.loss.forward(Y, Y_hat)),
            ):
                with (
                    self.subTest(what, kind=labels.dtype),
                    self.assertRaisesRegex(TypeError, f"must be numbers, got {labels.dtype}"),
                ):
                    work(labels)

    def test_float32_stays_float32(self):
        models = [network(seed=seed, dtype="float32") for seed in range(3)]
        Y_hat, loss = Ensemble(models).predict(*examples())
        self.assertEqual((Y_hat.dtype, type(loss)), (np.float32, float))


if __name__ == "__main__":
    unittest.main()
