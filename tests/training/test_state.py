"""State of a training: taken after any step, loaded anywhere, it continues bit for bit."""

import os
import pickle
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import Dataset
from tests.support.arrays import InFolder
from tests.support.state_cases import (
    CASES,
    EPOCHS,
    SPECIAL,
    continued,
    dense,
    differences,
    network,
    rows,
    trained,
)

EVERY_STEP = bool(os.environ.get("EVERY_STEP"))
ROOT = Path(__file__).resolve().parents[2]


class StateTest(unittest.TestCase):
    def assert_same(self, one, other):
        self.assertEqual(list(differences(one, other)), [])


class TestEveryStep(InFolder, StateTest):
    def test_in_a_fresh_process(self):
        # All rules with all schedules, and each special layer; "make states": after every step.
        taken, ends = {}, {}
        for first, (name, make) in enumerate(CASES.items()):
            states, ends[name] = trained(make())
            numbers = range(len(states))
            if not EVERY_STEP:  # two or four steps of each, together all of them
                numbers = {
                    (first + k) % len(states) for k in ((0, 2, 5, 8) if name in SPECIAL else (0, 6))
                }
            taken |= {(name, number): states[number] for number in numbers}
        self.assertEqual({number for _, number in taken}, set(range(11)))
        self.assertGreater(len(taken), 650 if EVERY_STEP else 140)
        source, target = self.root / "states", self.root / "ends"
        source.write_bytes(pickle.dumps(taken))
        command = [sys.executable, "-m", "tests.support.continue_states", source, target]
        subprocess.run(command, cwd=ROOT, check=True)
        for (name, number), end in pickle.loads(target.read_bytes()).items():
            with self.subTest(case=name, step=number):
                self.assert_same(ends[name][1:], end[1:])

    def test_the_cases_reach_what_remembers(self):
        # Without its state, a case must end elsewhere: else it would prove nothing.
        forgotten = {
            "Adam, constant": ("optimizer", "slots"),
            "SGD, reduce_on_plateau": ("optimizer", "scheduler", "best_loss"),
            "a layer of one's own": ("layers", 0, "batches"),
            "residual": ("layers", 0, "children", 2, "generator"),
            "dropout with a seed": ("history", "under_way"),
            "batch normalization": ("arrays", "layer2.running_mean"),
        }
        for name, path in forgotten.items():
            with self.subTest(case=name, path=path):
                make = CASES[name]
                states, end = trained(make())
                epochs, model, data = states[8]
                *outer, last = path
                one, other = model, states[2][1]
                for key in outer:
                    one, other = one[key], other[key]
                self.assertIn(last, one if isinstance(one, dict) else range(len(one)))
                one[last] = other[last]
                try:
                    continued_end = continued(make(), (epochs, model, data))
                except ValueError:  # the data is at another step than the epoch under way
                    self.assertEqual(last, "under_way")
                    continue
                self.assertNotEqual(list(differences(end[1], continued_end[1])), [])


class TestPatience(StateTest):
    options = ({"patience": 2}, {"patience": 1, "restore_best": False, "monitor": "train_error"})

    @staticmethod
    def make():
        # A rate so high that the loss soon rises.
        return network(dense(), optimizer={"name": "Adam", "lr": 0.5}), rows()

    def test_stops_in_the_same_epoch_with_the_same_best(self):
        for options in self.options:
            states, end = trained(self.make(), 40, **options)
            self.assertLess(end[1]["epoch"], 40)
            for number, state in enumerate(states):
                with self.subTest(options=options, step=number):
                    self.assert_same(end[1], continued(self.make(), state, **options)[1])

    def test_a_state_at_the_end_does_not_train_on(self):
        _, end = trained(self.make(), 40, patience=2, restore_best=False)
        model, dataset = self.make()
        model.load_state(end[1])
        dataset.load_state(end[2])
        model.train(dataset, 5, patience=2, restore_best=False)
        self.assertEqual(model.epoch, end[1]["epoch"])

    def test_another_training_counts_anew(self):
        (model, dataset), options = self.make(), {"patience": 2, "restore_best": False}
        model.train(dataset, 40, **options)
        stopped = model.epoch
        model.train(dataset, 40, **options)
        self.assertEqual(model.epoch, stopped + 2)


class TestWhereItContinues(StateTest):
    make = staticmethod(CASES["momentum, exponential"])

    def test_twice_within_an_epoch(self):
        states, end = trained(self.make())
        model, dataset = self.make()
        for _, of_model, of_dataset in (states[7], states[6], states[3]):
            model.load_state(of_model)
            dataset.load_state(of_dataset)
        model.train(dataset, EPOCHS)
        self.assert_same(end[1], model.state())

    def test_in_the_network_that_it_was_taken_from(self):
        pair = self.make()
        states, end = trained(pair)
        for number in (8, 1, 5):
            with self.subTest(step=number):
                self.assert_same(end[1:], continued(pair, states[number])[1:])

    def test_by_hand_without_train(self):
        def step(model, dataset):
            X, Y = dataset.train.sample()
            model.backward(Y, model.forward(X))
            model.update(0)

        (one, data), (other, other_data) = self.make(), self.make()
        one.prepare(data)
        for number in range(12):
            other.load_state(one.state())
            other_data.load_state(data.state())
            step(one, data)
            step(other, other_data)
            with self.subTest(step=number):
                self.assert_same(one.state(), other.state())
                self.assert_same(data.state(), other_data.state())

    def test_each_example_once_in_an_epoch(self):
        states, _ = trained(self.make())
        for number in (2, 4, 5, 6):
            seen = []
            model, dataset = self.make()
            _, of_model, of_dataset = states[number]
            model.load_state(of_model)
            dataset.load_state(of_dataset)
            under_way, forward = of_model["history"]["under_way"]["steps"], model.forward

            def watched(X, seen=seen, forward=forward):
                seen.append(X)
                return forward(X)

            model.forward = watched
            model.train(dataset, 1)
            n = sum(map(len, seen))
            with self.subTest(step=number):
                self.assertEqual(n, 22 - 5 * under_way if under_way < 5 else 0)
                self.assertEqual(
                    len(np.unique(np.concatenate(seen or [dataset.train.data[:0]]), axis=0)), n
                )

    def test_an_interrupted_training_begins_a_whole_epoch(self):
        model, dataset = self.make()
        update = model.update

        def interrupted(epoch):
            update(epoch)
            if epoch > 0.5:
                raise KeyboardInterrupt

        model.update = interrupted
        with self.assertRaises(KeyboardInterrupt):
            model.train(dataset, 1)
        state = model.state()
        self.assertEqual(state["history"]["under_way"]["steps"], 4)
        model.update = update
        model.train(dataset, 1)
        self.assertEqual((model.epoch, len(model.step_losses)), (1, 4 + 5))

    def test_on_other_data_a_whole_epoch(self):
        states, _ = trained(self.make())
        model, _ = self.make()
        model.load_state(states[3][1])
        rng = np.random.default_rng(9)
        other = Dataset(rng.normal(size=(10, 4)), np.eye(3)[rng.integers(3, size=10)], 5, seed=0)
        model.train(other, 1)
        self.assertEqual(len(model.step_losses), 3 + 2)

    def test_without_the_state_of_the_data(self):
        states, _ = trained(self.make())
        model, dataset = self.make()
        model.load_state(states[3][1])
        with self.assertRaisesRegex(
            ValueError, "3 of 5 steps.*the data 0 of 5: load the state of the d"
        ):
            model.train(dataset, 2)
        dataset.load_state(states[3][2])
        model.train(dataset, 2)
        self.assertEqual(model.epoch, 2)


class TestCopies(StateTest):
    def test_a_state_does_not_change_with_the_training(self):
        for name in ("Adam, reduce_on_plateau", "residual", "convolution, flips and shifts"):
            with self.subTest(case=name):
                pair = CASES[name]()
                trained(pair)
                model, dataset = pair
                before = pickle.dumps((model.state(), dataset.state()))
                states = model.state(), dataset.state()
                model.train(dataset, 1)
                self.assert_same(states, pickle.loads(before))

    def test_a_loaded_state_does_not_change_with_the_training(self):
        for name in ("AdaDelta, warm_up", "residual"):
            with self.subTest(case=name):
                states, _ = trained(CASES[name]())
                before = pickle.dumps(states[4])
                continued(CASES[name](), states[4])
                self.assert_same(states[4], pickle.loads(before))

    def test_it_holds_numbers_text_arrays_and_containers_of_these(self):
        def leaves(value):
            if isinstance(value, dict | list):
                for inner in value.values() if isinstance(value, dict) else value:
                    yield from leaves(inner)
            else:
                yield value

        for name, make in SPECIAL.items():
            with self.subTest(case=name):
                _, (_, *states) = trained(make())
                kinds = {type(leaf) for state in states for leaf in leaves(state)}
                self.assertLessEqual(kinds, {int, float, bool, str, np.ndarray, type(None)})

    def test_taking_one_changes_nothing(self):
        make = CASES["residual"]
        (one, data), (other, other_data) = make(), make()
        trained((one, data))
        other.train(other_data, EPOCHS)
        self.assert_same(one.state(), other.state())
        assert_array_equal(data.train._order, other_data.train._order)


if __name__ == "__main__":
    unittest.main()
