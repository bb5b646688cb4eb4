"""Two runs of one name at once: each writes into a folder of its own."""

import csv
import errno
import gc
import json
import subprocess
import sys
import time
import unittest
import warnings
from pathlib import Path
from unittest import mock

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger, claim
from neural_networks.losses import initialize_loss
from tests.support.arrays import InFolder

ROOT = Path(__file__).resolve().parents[2]
WARNING = "warning: the run in .*run is still being written, so it is not replaced: this one is "
WORKER = """
import sys, warnings
import numpy as np
from neural_networks.logs import Logger
warnings.simplefilter("ignore")
n, overwrite = sys.argv[1:]
print("ready", flush=True)
loggers = []
for root in sys.stdin:
    logger = Logger("run", {}, {}, True, False, root.strip(), overwrite=bool(overwrite))
    loggers.append(logger)
    for i in range(1, 31):
        logger.push({"epoch": i, "run": int(n)})
    print(logger.folder.name, flush=True)
    sys.stdin.readline()
    logger.finish({"run": np.array(int(n))}, None)
    print("done", flush=True)
"""
NUMBERS = np.ones((4, 1))
DATASET = Dataset(NUMBERS, NUMBERS, 2, seed=0)


def together(workers, line):
    """Give a line to all workers at once; what they say then."""
    for worker in workers:
        print(line, file=worker.stdin, flush=True)
    return [worker.stdout.readline().strip() for worker in workers]


class TestProcesses(InFolder):
    def begin(self, *arguments):
        """Begin a training in a process of its own."""
        command = [sys.executable, "train_ffnn.py", "--experiments", str(self.root)]
        command += ["--name", "run", *map(str, arguments)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def log(self, folder):
        with (self.root / folder / "log.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def wait_for_epochs(self, folder):
        deadline = time.monotonic() + 60
        path = self.root / folder / "log.csv"
        while not (path.exists() and path.read_bytes().count(b"\n") > 3):
            self.assertLess(time.monotonic(), deadline, "training did not start")
            time.sleep(0.01)

    def check(self, folder, epochs):
        """Assert that a folder holds one whole run of so many epochs."""
        log = self.log(folder)
        self.assertEqual([int(row["epoch"]) for row in log], list(range(1, epochs + 1)))
        config = json.loads((self.root / folder / "config.json").read_text())
        self.assertEqual(config["arguments"]["epochs"], epochs)
        with np.load(self.root / folder / "parameters.npz") as arrays:
            self.assertEqual(arrays["epoch"], epochs)

    def test_at_once(self):
        """Four processes that begin at one moment: none waits, none writes into another's log."""
        for overwrite in ("", "yes"):
            workers = [self.worker(n, overwrite) for n in "1234"]
            for number in range(10):
                with self.subTest(overwrite=overwrite, number=number):
                    root = self.root / f"{overwrite}{number}"
                    before = number % 2
                    if before:
                        Logger("run", {}, {}, True, False, root).push({"old": 1})
                        gc.collect()
                    folders = together(workers, root)
                    first = 2 if before and not overwrite else 1
                    expected = ["run", "run-2", "run-3", "run-4", "run-5"]
                    self.assertEqual(sorted(folders), expected[first - 1 : first + 3])
                    self.assertEqual(together(workers, ""), ["done"] * 4)
                    for n, folder in zip("1234", folders, strict=True):
                        rows = [{"epoch": str(i), "run": n} for i in range(1, 31)]
                        self.assertEqual(self.rows(root / folder), rows)
                        with np.load(root / folder / "parameters.npz") as arrays:
                            self.assertEqual(arrays["run"], int(n))

    def worker(self, *arguments):
        command = [sys.executable, "-c", WORKER, *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def test_a_run_under_way_is_not_replaced(self):
        first = self.begin("--epochs", 100_000)
        self.wait_for_epochs("run")
        second = self.begin("--epochs", 3, "--overwrite")
        _, err = second.communicate(timeout=60)
        self.assertEqual(second.returncode, 0)
        self.assertRegex(err, f"^{WARNING}'run-2'\n$")
        self.check("run-2", 3)
        self.assertIsNone(first.poll())
        first.kill()  # without any clean-up
        first.communicate()
        self.assertEqual(self.begin("--epochs", 4, "--overwrite").wait(60), 0)
        self.check("run", 4)


class ClaimTest(InFolder):
    def logger(self, **options):
        return Logger("run", {}, {}, **{"save": True, "save_dir": self.root, **options})

    def begun(self, **options):
        """A logger in the middle of a training."""
        logger = self.logger(**options)
        logger.describe(initialize_loss("l2"), DATASET, 0)
        logger.push({"epoch": 1})
        return logger

    def replacing(self):
        """A logger that replaces a run, and the warning if it does not."""
        logger = self.logger(overwrite=True)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            logger.push({"a": 7})
        return logger, [str(warning.message) for warning in caught]


class TestOneProcess(ClaimTest):
    """As in a notebook, where the loggers of earlier cells are still there."""

    def test_a_finished_run_is_replaced(self):
        first = self.begun()
        first.finish({"W": np.ones(3)}, None)
        second, said = self.replacing()
        self.assertEqual((second.folder, said), (first.folder, []))
        self.assertEqual(
            {path.name for path in second.folder.iterdir()}, {"config.json", "log.csv"}
        )
        before = (second.folder / "config.json").read_bytes()
        for write in (
            lambda: first.push({"epoch": 2}),
            lambda: first.push_steps([(1, 1.0, 2.0, 2.0, 2.0, 0.1)]),
            lambda: first.finish({"W": np.zeros(3)}, {"W": np.zeros(3)}),
            lambda: first.save_table("table.csv", mock.Mock()),
            lambda: first.describe(initialize_loss("l2"), DATASET, 1),
        ):
            with self.assertRaisesRegex(FileExistsError, "another run has replaced the one in"):
                write()
        with self.assertWarnsRegex(UserWarning, "no picture is drawn .*another run has replaced"):
            first.draw()
        self.assertEqual(self.rows(), [{"a": "7"}])
        self.assertEqual((second.folder / "config.json").read_bytes(), before)
        self.assertEqual(
            {path.name for path in second.folder.iterdir()}, {"config.json", "log.csv"}
        )
        first.reset()
        first.push({"epoch": 1})
        self.assertEqual(self.rows("run-2"), [{"epoch": "1"}])

    def test_a_training_is_not(self):
        first = self.begun()
        second, said = self.replacing()
        self.assertEqual(second.folder.name, "run-2")
        self.assertEqual(len(said), 1)
        self.assertRegex(f"warning: {said[0]}", f"^{WARNING}'run-2'$")
        first.push({"epoch": 2})
        self.assertEqual([row["epoch"] for row in self.rows()], ["1", "2"])
        first.finish({}, None)
        self.assertEqual(self.replacing()[0].folder.name, "run")

    def test_a_run_whose_training_has_failed(self):
        first = self.begun()
        with (
            mock.patch("numpy.savez", side_effect=OSError("disk full")),
            self.assertRaises(OSError),
        ):
            first.finish({"W": np.ones(3)}, None)
        self.assertEqual(self.replacing()[0].folder.name, "run")

    def test_a_logger_that_is_gone(self):
        self.begun()
        gc.collect()
        self.assertEqual(self.replacing()[0].folder.name, "run")


class TestWithoutLocks(ClaimTest):
    """As on a network share, or on Windows: the log is checked before each line."""

    def test_two_loggers_do_not_write_into_one_log(self):
        no_lock = OSError(errno.EBADF, "Bad file descriptor")
        for without in (
            mock.patch.object(claim, "fcntl", None),
            mock.patch("fcntl.flock", side_effect=no_lock),
            mock.patch.object(claim, "Lock", side_effect=PermissionError(13, "no")),
        ):
            with without, self.subTest(str(without.attribute)):
                first = self.begun(overwrite=True)
                claim._claims.clear()  # as another process has none of these
                second, said = self.replacing()
                self.assertEqual((second.folder, said), (first.folder, []))
                with self.assertRaisesRegex(OSError, "log.csv has been changed|No such file"):
                    first.push({"epoch": 2})
                second.push({"a": 8})
                self.assertEqual(self.rows(), [{"a": "7"}, {"a": "8"}])
                second.finish({}, None)


if __name__ == "__main__":
    unittest.main()
