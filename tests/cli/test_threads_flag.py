"""The flag --threads, and the threads in a run's config.json."""

import train_cnn
import train_rnn
from tests.support.blas import two_blas_threads
from tests.support.scripts import FlagTest


class ThreadsTest(FlagTest):
    def setUp(self):
        super().setUp()
        two_blas_threads(self)

    def numbers(self, *arguments):
        """What was asked for; the threads of BLAS, and over slices, in force during training."""
        config, _ = self.done("--epochs", 1, *arguments)
        environment = config["environment"]
        in_force = environment["blas"]["threads"], environment["batch_threads"]
        return config["arguments"]["threads"], *in_force


class TestDense(ThreadsTest):
    def test_by_default_the_size_decides(self):
        self.assertEqual(self.numbers(), (None, 1, 1))
        self.assertEqual(self.numbers("--hidden", 500, 500), (None, 2, 1))

    def test_a_number(self):
        for n, in_force in ((1, 1), (2, 2), (5, 2)):
            self.assertEqual(self.numbers("--threads", n), (n, in_force, 1))
        self.assertEqual(self.numbers("--threads", 1, "--hidden", 500, 500), (1, 1, 1))

    def test_from_the_configuration_of_a_run(self):
        self.numbers("--threads", 2)
        path = self.runs / "run" / "config.json"
        self.assertEqual(self.numbers("--config", path), (2, 2, 1))
        self.assertEqual(self.numbers("--config", path, "--threads", 1), (1, 1, 1))
        older = self.edited(lambda config: config["arguments"].pop("threads"))
        self.assertEqual(self.numbers("--config", older), (None, 1, 1))

    def test_mistakes(self):
        for value in (0, -3):
            self.refused(f"threads must be at least 1, got {value}", "--threads", value)
        for value in ("x", "1.5"):
            self.refused(f"argument --threads: invalid int value: '{value}'", "--threads", value)


class TestConvolutional(ThreadsTest):
    script = train_cnn

    def test_threads_split_the_batch(self):
        network = ("--filters", 2, "--hidden", 8)
        self.assertEqual(self.numbers(*network), (None, 1, 2))
        self.assertEqual(self.numbers(*network, "--threads", 1), (1, 1, 1))
        self.assertEqual(self.numbers(*network, "--threads", 2), (2, 1, 2))


class TestRecurrent(ThreadsTest):
    script = train_rnn

    def test_steps_count(self):
        self.assertEqual(self.numbers("--hidden", 4), (None, 1, 1))
        self.assertEqual(self.numbers("--hidden", 4, "--threads", 2), (2, 2, 1))
