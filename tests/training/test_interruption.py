"""Signals and exceptions during training: results are saved, and the model trains on."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.logs import Logger
from neural_networks.training.interruption import TrainingInterrupted, TrainingTerminated
from tests.support import interrupts
from tests.support.arrays import InFolder
from tests.support.state_cases import dense, network, rows

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Sending:
    """An optimizer's update that sends a signal in the middle of its n-th step."""

    def __init__(self, model, number, n, times=1):
        self.model, self.number, self.n, self.times = model, number, n, times
        self.update, self.calls = model.optimizer.update, 0

    def __call__(self, *args):
        self.calls += 1
        if self.calls == self.n:
            for _ in range(self.times):
                signal.raise_signal(self.number)
        return self.update(*args)


def interrupted(number, n=5, times=1, logger=None):
    """A model whose training was stopped by a signal in the n-th call of its optimizer."""
    model = network(dense())
    model.logger = logger
    sending = Sending(model, number, n, times)
    with mock.patch.object(model.optimizer, "update", sending):
        try:
            model.train(rows(), 3)
        except BaseException as error:
            return model, error, sending.calls
    raise AssertionError("training was not stopped")


class SignalTest(InFolder):
    def setUp(self):
        super().setUp()
        # A shell starts its background jobs with Ctrl-C ignored, and so their children.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)


class TestSignals(SignalTest):
    def test_the_step_ends_first(self):
        """The fifth call of the optimizer is in the middle of the step of all parameters."""
        for number in SIGNALS:
            with self.subTest(number.name):
                model, error, calls = interrupted(number)
                per_step = len(list(model.parameters()))
                self.assertEqual(calls % per_step, 0)
                self.assertEqual(len(model.step_losses), calls // per_step)
                self.assertEqual(error.signal, number)
                reference = network(dense())
                data = rows()
                reference.prepare(data)
                for i in range(calls // per_step):
                    X, Y = data.train.sample()
                    reference.backward(Y, reference.forward(X))
                    reference.update(i / data.train.samples_per_epoch)
                for (_, a, name), (_, b, _) in zip(
                    model.parameters(), reference.parameters(), strict=True
                ):
                    assert_array_equal(a.parameters[name], b.parameters[name])

    def test_exceptions_of_each_signal(self):
        _, error, _ = interrupted(signal.SIGINT)
        self.assertIsInstance(error, TrainingInterrupted)
        self.assertEqual(str(error), "Interrupted after 0 epochs")
        for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            _, error, _ = interrupted(number)
            self.assertIsInstance(error, TrainingTerminated)
            self.assertEqual((error.code, str(error)), (status, f"{number.name} after 0 epochs"))

    def test_all_results_are_saved(self):
        for number in SIGNALS:
            with self.subTest(number.name):
                logger = Logger(number.name, {}, {}, save=True, save_dir=self.root)
                model, error, _ = interrupted(number, n=25, logger=logger)
                self.assertEqual(error.folder, self.root / number.name)
                fresh = network(dense())
                for file in ("parameters.npz", "best_parameters.npz"):
                    fresh.load(error.folder / file)
                self.assertEqual(fresh.epoch, model.epoch)
                n_rows = len((error.folder / "log.csv").read_text().splitlines()) - 1
                self.assertEqual((n_rows, len(model.history["train_loss"])), (model.epoch,) * 2)
                self.assertGreater(model.epoch, 0)

    def test_handlers_are_set_back(self):
        before = [signal.getsignal(number) for number in SIGNALS]
        for number in SIGNALS:
            interrupted(number)
            self.assertEqual([signal.getsignal(other) for other in SIGNALS], before)
        network(dense()).train(rows(), 1)
        self.assertEqual([signal.getsignal(other) for other in SIGNALS], before)

    def test_handlers_of_the_program_stay(self):
        received = []
        for number in SIGNALS:
            before = signal.signal(number, lambda *args: received.append(args[0]))
            self.addCleanup(signal.signal, number, before)
            model = network(dense())
            sending = Sending(model, number, 5)
            with mock.patch.object(model.optimizer, "update", sending):
                model.train(rows(), 1)
            self.assertEqual(received.pop(), number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
        model = network(dense())
        with mock.patch.object(model.optimizer, "update", Sending(model, signal.SIGHUP, 5)):
            model.train(rows(), 1)
        self.assertEqual(model.epoch, 1)

    def test_a_second_ctrl_c_does_not_wait(self):
        model, error, calls = interrupted(signal.SIGINT, times=2)
        self.assertIsInstance(error, TrainingInterrupted)
        self.assertEqual(calls, 5)
        model.train(rows(), 1)

    def test_ctrl_c_while_results_are_saved(self):
        """The files are written all the same, and the training counts as interrupted."""
        logger = Logger("run", {}, {}, save=True, save_dir=self.root)
        finish = logger.finish

        def interrupting(*args):
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            finish(*args)

        model = network(dense())
        model.logger = logger
        with (
            mock.patch.object(logger, "finish", interrupting),
            self.assertRaisesRegex(TrainingInterrupted, "^Interrupted after 2 epochs$"),
        ):
            model.train(rows(), 2)
        self.assertTrue((self.root / "run" / "parameters.npz").exists())

    def test_in_another_thread(self):
        """Python handles signals in the main thread alone: there is nothing to set."""
        before, model = signal.getsignal(signal.SIGINT), network(dense())
        thread = threading.Thread(target=model.train, args=(rows(), 2))
        thread.start()
        thread.join()
        self.assertEqual((model.epoch, signal.getsignal(signal.SIGINT)), (2, before))


class TestScripts(SignalTest):
    def test_a_signal_ends_a_script(self):
        flags = ["--epochs", "100000", "--experiments", str(self.root)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)):
            with self.subTest(number.name):
                process = subprocess.Popen(
                    [sys.executable, ROOT / "train_ffnn.py", "--name", number.name, *flags],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
                log = self.root / number.name / "log.csv"
                while not (log.exists() and log.stat().st_size) and process.poll() is None:
                    time.sleep(0.05)
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, status, err)
                self.assertIn(str(log.parent), out)
                n_rows = len(log.read_text().splitlines()) - 1
                with np.load(log.parent / "parameters.npz") as arrays:
                    self.assertEqual(int(arrays["epoch"]), n_rows)
                self.assertTrue((log.parent / "best_parameters.npz").exists())


class TestAnyMoment(unittest.TestCase):
    """An exception at any opcode of the library leaves a model that trains on."""

    def check(self, name, n):
        case, rng = interrupts.CASES[name], random.Random(time.time_ns())
        model, dataset = case()
        before = interrupts.settings()
        total, _ = interrupts.at_opcode(0, lambda: model.train(dataset, 2))
        for at in [*rng.sample(range(1, total), n), total - 1]:
            with self.subTest(f"{name}, opcode {at}"):
                model, dataset = case()
                interrupts.at_opcode(at, lambda: model.train(dataset, 2))  # noqa: B023
                self.assertEqual(interrupts.faults(model, dataset, before), [])

    def test_dense_network(self):
        self.check("dense", 30)

    def test_convolutional_network(self):
        self.check("convolutional", 15)


if __name__ == "__main__":
    unittest.main()
