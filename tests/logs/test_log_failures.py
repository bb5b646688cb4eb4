"""Writes that fail: what is left, what is tried again, which file the error names."""

import contextlib
import errno
import os
import resource
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from neural_networks.datasets import Dataset
from neural_networks.logs import Logger
from neural_networks.models import NeuralNetwork
from tests.support.arrays import InFolder
from tests.support.scripts import ScriptTest

X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.eye(2)[np.arange(20) % 2]
OUTPUT = {"name": "fully_connected", "n_out": None, "activation": "softmax"}


@contextlib.contextmanager
def longest_file(size):
    """A context in which files cannot grow beyond a size, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


class LoggerTest(InFolder):
    def logger(self, **options):
        return Logger("run", {}, {}, **{"save": True, "save_dir": self.root, **options})

    def names(self):
        return sorted(path.name for path in (self.root / "run").iterdir())


class TestLog(LoggerTest):
    def pushed(self, failing, number=errno.ENOSPC):
        """A log of five epochs; those in ``failing`` could not be written at once."""
        logger = self.logger(overwrite=True)
        logger.start()
        original = os.write
        for epoch in range(1, 6):
            error = OSError(number, os.strerror(number)) if epoch in failing else None
            with mock.patch("os.write", side_effect=error or original):
                try:
                    logger.push({"epoch": epoch, "train_loss": 1 / epoch})
                    self.assertNotIn(epoch, failing)
                except OSError as raised:
                    self.assertIn(epoch, failing)
                    self.assertEqual(raised.filename, str(self.root / "run" / "log.csv"))
        return logger

    def test_its_header_and_all_rows_whichever_write_fails(self):
        for failing in ((1,), (1, 2), (1, 2, 3), (2,), (2, 4), (5,), (1, 5), (1, 2, 3, 4, 5)):
            with self.subTest(failing):
                logger = self.pushed(failing)
                last = max(set(range(1, 6)) - set(failing), default=0)
                kept = [str(i) for i in range(1, last + 1)]
                path = self.root / "run" / "log.csv"
                self.assertEqual(path.exists(), bool(kept))
                if kept:
                    self.assertEqual([row["epoch"] for row in self.rows()], kept)
                logger.finish({}, None)
                self.assertEqual([row["epoch"] for row in self.rows()], list("12345"))
                self.assertEqual(path.read_text().count("epoch"), 1)

    def test_a_folder_that_cannot_be_made_keeps_no_row(self):
        logger = self.logger()
        with (
            mock.patch.object(Path, "mkdir", side_effect=PermissionError(13, "no")),
            self.assertRaises(PermissionError),
        ):
            logger.push({"epoch": 1})
        self.assertEqual(logger.rows, [])
        logger.push({"epoch": 1})
        self.assertEqual(self.rows(), [{"epoch": "1"}])


class TestNames(LoggerTest):
    """The error of a full disk names the file, and leaves that of before."""

    ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

    def writes(self):
        """Each kind of file, and the function that writes it."""
        logger = self.logger()
        logger.start("mine.csv")
        big = {"W": np.ones(9999)}
        return {
            "config.json": lambda: logger._save_config(logger.folder),
            "test.json": lambda: logger._save_json("test.json", {"loss": "x" * 9999}),
            "table.csv": lambda: logger.save_table("table.csv", pd.DataFrame(big)),
            "mine.csv": lambda: logger.save_kaggle("mine.csv", pd.DataFrame(big)),
            "parameters.npz": lambda: logger.finish(big, None),
            "best_parameters.npz": lambda: logger.finish({}, big),
            "log.csv": lambda: logger.push({"epoch": 1}),
        }

    def check(self, name, write, number):
        before = self.names()
        with self.assertRaises(OSError) as caught:
            write()
        path = str(self.root / "run" / name)
        self.assertEqual((caught.exception.errno, caught.exception.filename), (number, path))
        words = f"[Errno {number}] {os.strerror(number)}: {path!r}"
        self.assertEqual(str(caught.exception), words)
        self.assertEqual(self.names(), before, "no part of a file is left")

    def test_of_files_that_cannot_be_opened(self):
        original = os.open
        for name, write in self.writes().items():
            for number in self.ERRORS:

                def fail(path, flags, *arguments, number=number):
                    if flags & os.O_CREAT:
                        raise OSError(number, os.strerror(number), os.fspath(path))
                    return original(path, flags, *arguments)

                with self.subTest(name, number=number), mock.patch("os.open", fail):
                    self.check(name, write, number)
            write()

    def test_of_files_that_cannot_be_written(self):
        for name, write in self.writes().items():
            with self.subTest(name), longest_file(4 if name == "log.csv" else 200):
                self.check(name, write, errno.EFBIG)

    def test_of_files_that_cannot_be_put_in_place(self):
        for name, write in self.writes().items():
            for number in self.ERRORS if name != "log.csv" else ():

                def fail(path, target, number=number):
                    raise OSError(number, os.strerror(number), str(path), None, str(target))

                with self.subTest(name, number=number), mock.patch.object(Path, "replace", fail):
                    self.check(name, write, number)

    def test_the_other_files_are_written_all_the_same(self):
        logger = self.logger()
        logger.push({"epoch": 1})
        small, big = {"W": np.ones(2)}, {"W": np.ones(999)}
        for parameters, best, written in (
            (big, small, "best_parameters.npz"),
            (small, big, "parameters.npz"),
        ):
            with longest_file(2000), self.assertRaises(OSError):
                logger.finish(parameters, best)
            self.assertEqual(self.names(), sorted(["config.json", "log.csv", written]))
            (self.root / "run" / written).unlink()

    def test_steps_that_cannot_be_written_leave_the_parameters(self):
        dataset = Dataset(X, Y, 5, seed=0)
        model = NeuralNetwork("cross_entropy", [OUTPUT], {"name": "SGD", "lr": 1}, self.logger())
        sample, calls = dataset.train.sample, []

        def interrupted():
            calls.append(1)
            if len(calls) == 3:
                raise RuntimeError("in the middle of an epoch")
            return sample()

        full = OSError(errno.ENOSPC, "No space left on device")
        with (
            mock.patch.object(dataset.train, "sample", interrupted),
            mock.patch("os.write", side_effect=full),
            self.assertRaises(OSError),
        ):
            model.train(dataset, 1)
        self.assertIn("parameters.npz", self.names())


class TestShares(ScriptTest):
    def test_one_that_refuses_to_change_permissions(self):
        refused = PermissionError(errno.EPERM, "Operation not permitted")
        for place in ("os.chmod", "os.fchmod", "pathlib.Path.chmod"):
            self.enterContext(mock.patch(place, side_effect=refused))
        status, _, err = self.train("--epochs", 1, "--kaggle-file", "mine.csv")
        self.assertEqual((status, err), (0, ""))
        self.assertTrue((self.runs / "iris" / "mine.csv").exists())

    def test_permissions_are_those_of_the_umask(self):
        for umask in (0o022, 0o077, 0o002):
            before = os.umask(umask)
            try:
                self.assertEqual(self.train("--epochs", 1, "--overwrite")[0], 0)
            finally:
                os.umask(before)
            modes = {p.name: p.stat().st_mode & 0o777 for p in (self.runs / "iris").iterdir()}
            self.assertEqual(set(modes.values()), {0o666 & ~umask}, modes)
            for path in (self.runs / "iris").iterdir():
                path.unlink()


class TestFullDisk(ScriptTest):
    def test_at_any_size_of_a_file(self):
        """One line names the file; what fits is there, and whole."""
        flags = ("--epochs", 40, "--overwrite", "--hidden", 200, "--batch-size", 60)
        sizes = (0, 1000, 4095, 4096, 5000, 8000, 12_000, 1_000_000)
        statuses = []
        for size in sizes:
            with self.subTest(size=size):
                with longest_file(size):
                    status, _, err = self.train(*flags)
                statuses.append(status)
                names = [path.name for path in self.runs.rglob("*")]
                self.assertFalse([name for name in names if name[0] in ".~"], "parts of files")
                if status:
                    self.assertRegex(
                        err, r"^train_ffnn.py: error: \[Errno 27\] File too large: '.*"
                    )
                    self.assertEqual(err.count("\n"), 1)
                for path in self.runs.glob("*/*.csv"):
                    self.assertRegex(path.read_text(), r"\A(epoch|step|Id|class),(.*\n)+\Z")
        self.assertEqual(statuses[:3], [2, 2, 2])
        self.assertEqual((statuses[4], statuses[-1]), (2, 0))


if __name__ == "__main__":
    unittest.main()
