"""States that do not fit: one line says what differs, and nothing has changed."""

import copy
import unittest

import numpy as np

from neural_networks import __version__
from neural_networks.datasets import Dataset
from neural_networks.models import initialize_model
from neural_networks.utils.randomness import generator_state, restore_generator
from tests.support.state_cases import (
    CASES,
    OPTIMIZERS,
    dense,
    differences,
    images,
    network,
    rows,
    trained,
)

DROPOUT = {"name": "dropout", "p": 0.3}


def a_network(**options):
    return network(dense(), DROPOUT, **options)


class Refusal(unittest.TestCase):
    def assert_refused(self, pattern, thing, state, data=()):
        """Loading raises one line with the pattern, and leaves the thing as it was."""
        before = thing.state()
        with self.assertRaisesRegex(ValueError, pattern) as caught:
            thing.load_state(state)
        self.assertEqual(len(str(caught.exception).splitlines()), 1)
        self.assertEqual(list(differences(before, thing.state())), [])


class TestAnotherNetwork(Refusal):
    def setUp(self):
        model, dataset = a_network(), rows()
        model.train(dataset, 1)
        self.state, self.of_data = model.state(), dataset.state()

    def test_what_differs_is_named(self):
        adam = OPTIMIZERS["Adam"]
        others = {
            "its l2|regularization.l2": a_network(l2=0.1),
            "canonical": a_network(canonical=False),
            "dtype is 'float64', here it is 'float32'": a_network(dtype="float32"),
            "loss.name is 'cross_entropy', here it is 'l2'": a_network(loss="l2"),
            "activation = 'TanH', this one has 'ReLU'": network(dense(activation="relu"), DROPOUT),
            r"\(4, 4\) for layer1.W.* \(4, 5\)": network(dense(5), DROPOUT),
            "has 3 layers, this one 4": network(dense(), DROPOUT, DROPOUT),
            "layer 2: the state is of Dropout, this is LayerNorm": network(
                dense(), {"name": "layer_norm"}
            ),
            "Dropout with p = 0.3, this one has 0.2": network(dense(), {**DROPOUT, "p": 0.2}),
            "optimizer: the state is of SGD, this is Adam": a_network(optimizer=adam),
            "SGD with momentum = 0.9, this one has 0.8": a_network(
                optimizer={**OPTIMIZERS["momentum"], "momentum": 0.8}
            ),
            "schedule: the state is of Constant, this is Cosine": a_network(
                optimizer={
                    **OPTIMIZERS["momentum"],
                    "lr_scheduler": "cosine",
                    "scheduler_args": {"epochs": 3},
                }
            ),
            "Constant with lr = 0.05, this one has 0.1": a_network(
                optimizer={**OPTIMIZERS["momentum"], "lr": 0.1}
            ),
        }
        for pattern, other in others.items():
            with self.subTest(differs=pattern):
                self.assert_refused(pattern, other, self.state)
                if other.dtype == "float64":
                    other.prepare(rows())
                    self.assert_refused(pattern, other, self.state)

    def test_of_another_version(self):
        self.state["version"] = "99.0"
        pattern = f"version is '99.0', here it is '{__version__}'"
        self.assert_refused(pattern, a_network(), self.state)

    def test_without_parameters(self):
        model = a_network()
        model.prepare(rows())
        self.assert_refused("network without parameters", model, a_network().state())

    def test_of_layers_within_a_layer(self):
        block = {"name": "residual", "layers": [dense(), DROPOUT]}
        other = {"name": "residual", "layers": [dense(), {**DROPOUT, "p": 0.1}]}
        state = network(block).state()
        self.assert_refused("layer 1: layer 2: .*p = 0.3, this one has 0.1", network(other), state)


class TestOtherData(Refusal):
    def test_what_differs_is_named(self):
        model, dataset = a_network(), rows()
        model.train(dataset, 1)
        X, Y = dataset.train.data, dataset.train.labels
        changed = X.copy()
        changed[7, 2] += 1e-9
        others = {
            "train: the state is of other data: fingerprint": Dataset(changed, Y, 5),
            "fingerprint": Dataset(X, np.roll(Y, 1, axis=0), 5),
            "batch_size 5, not 4": Dataset(X, Y, 4),
            "the state has no 'test'": Dataset(X, Y, 5, test_set=X, test_labels=Y),
        }
        for pattern, other in others.items():
            with self.subTest(differs=pattern):
                self.assert_refused(pattern, other, dataset.state())

    def test_equal_data_are_the_same(self):
        one, other = rows(seed=1), rows(seed=2)
        other.load_state(one.state())
        self.assertEqual(one.train.sample()[0].tolist(), other.train.sample()[0].tolist())

    def test_preprocessing_belongs_to_the_data(self):
        one, other = images(), images()
        other.train._preprocessing.augmentation.shift = 2
        self.assertNotEqual(one.train.fingerprint, other.train.fingerprint)
        self.assertEqual(one.train.fingerprint, images().train.fingerprint)


class TestDamage(Refusal):
    """States with an entry that is missing, or of another type."""

    def places(self, state, path=()):
        for key, value in state.items() if isinstance(state, dict) else enumerate(state):
            yield (*path, key)
            if isinstance(value, dict | list):
                yield from self.places(value, (*path, key))

    def damaged(self, state, path, wrong):
        state = copy.deepcopy(state)
        *outer, last = path
        place = state
        for key in outer:
            place = place[key]
        if wrong is None:
            del place[last]
        else:
            place[last] = wrong
        return state

    def check_all(self, make, state, at_least):
        refused = 0
        for path in self.places(state):
            for wrong in (None, {"a": "b"}):
                thing = make()
                before = thing.state()
                with self.subTest(path=path, wrong=wrong):
                    try:
                        thing.load_state(self.damaged(state, path, wrong))
                    except ValueError as error:
                        refused += 1
                        self.assertEqual(len(str(error).splitlines()), 1)
                        self.assertEqual(list(differences(before, thing.state())), [])
        self.assertGreater(refused, at_least)

    def test_of_a_network(self):
        make = CASES["Adam, reduce_on_plateau"]
        states, _ = trained(make())
        self.check_all(lambda: make()[0], states[7][1], 130)

    def test_of_a_dataset(self):
        states, _ = trained(CASES["convolution, flips and shifts"]())
        self.check_all(images, states[3][2], 30)

    def test_no_state_at_all(self):
        for wrong in (None, [], "text", {}, 3):
            with self.subTest(state=wrong):
                self.assert_refused("state", a_network(), wrong)
                self.assert_refused("state", rows(), wrong)


class TestGenerators(unittest.TestCase):
    KINDS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")

    def generator(self, kind, seed=3):
        return np.random.Generator(getattr(np.random, kind)(np.random.SeedSequence(seed)))

    def test_numbers_and_children_go_on(self):
        for kind in self.KINDS:
            with self.subTest(kind=kind):
                one, other = self.generator(kind), self.generator(kind, 99)
                one.spawn(2)
                one.integers(9, size=3, dtype=np.uint8)  # leaves half a number behind
                restore_generator(other, generator_state(one))
                self.assertEqual(one.random(5).tolist(), other.random(5).tolist())
                a, b = one.spawn(1)[0], other.spawn(1)[0]
                self.assertEqual(a.random(3).tolist(), b.random(3).tolist())

    def test_all_who_share_it_go_on(self):
        rng = self.generator("PCG64")
        state = generator_state(rng)
        model = initialize_model(
            "a", "l2", [{**dense(), "rng": rng}, {**DROPOUT, "rng": rng}], {"name": "SGD", "lr": 1}
        )
        rng.random(10)
        restore_generator(model.layers[0].rng, state)
        self.assertEqual(rng.random(), self.generator("PCG64").random())
        self.assertIs(model.layers[1].rng, rng)

    def test_of_another_kind(self):
        rng = self.generator("PCG64")
        before = generator_state(rng)
        for wrong in (generator_state(self.generator("MT19937")), {}, {"bit_generator": {}}, None):
            with self.subTest(state=wrong), self.assertRaisesRegex(ValueError, "state of a"):
                restore_generator(rng, wrong)
            self.assertEqual(generator_state(rng), before)


if __name__ == "__main__":
    unittest.main()
