"""Missing, damaged and interrupted data; base classes for tests with synthetic files."""

import contextlib
import errno
import io
import os
import signal
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import train_ffnn
from neural_networks.cli import datasets as command
from neural_networks.datasets import DATASETS
from neural_networks.datasets.files import folders
from neural_networks.datasets.files.formats import NpyWriter
from tests.support import synthetic_files
from tests.support.arrays import InFolder
from tests.support.scripts import FlagTest, quietly

REAL = ("higgs", "fashion_mnist", "cifar10", "letters")
LETTERS = {"small": 60, "medium": 80, "large": 120}
"""Training letters in the synthetic files; a quarter as many are for validation."""


def write_data(folder: Path) -> None:
    """Write a data folder with a few examples of each published dataset."""
    synthetic_files.write_higgs(folder / "higgs")
    synthetic_files.write_fashion_mnist(folder / "fashion_mnist", 80, 20)
    synthetic_files.write_cifar10(folder / "cifar10", 20)
    for rng, (size, n) in enumerate(LETTERS.items()):
        synthetic_files.write_letters(folder / "letters", size, n, rng)


def files_in(folder: Path) -> set[Path]:
    """All files and folders below a folder, hidden ones included."""
    return set(folder.rglob("*"))


class OwnData(InFolder):
    """A test with an empty data folder ``self.data``, and without that of the repository."""

    def setUp(self):
        super().setUp()
        self.data = self.data_folder()
        self.own = self.root / "the repository's"
        self.enterContext(mock.patch.dict(os.environ, {folders.VARIABLE: str(self.data)}))
        self.enterContext(mock.patch.object(folders, "own_folder", return_value=self.own))

    def data_folder(self) -> Path:
        folder = self.root / "data"
        folder.mkdir()
        return folder


class RealData(OwnData):
    """A test with prepared synthetic data, shared by the tests of its class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = Path(folder.name)
        write_data(cls.shared)
        with (
            mock.patch.dict(os.environ, {folders.VARIABLE: folder.name}),
            mock.patch.object(folders, "own_folder", return_value=cls.shared / "none"),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            for name in REAL:
                DATASETS[name]()
            for size in LETTERS:
                DATASETS["letters"](size)

    def data_folder(self) -> Path:
        return self.shared


class BrokenOff(OwnData, FlagTest):
    """A test of a preparation that is disturbed while it writes."""

    def setUp(self):
        super().setUp()
        write_data(self.data)
        self.before = files_in(self.root)

    def broken_off(self, what: object, main: object, *arguments: object) -> tuple[int, str, str]:
        """The result of a call with ``what`` halfway through the second write of rows."""
        append, calls = NpyWriter.append, []

        def failing(writer, rows):
            calls.append(len(rows))
            if len(calls) == 2:
                append(writer, rows[: len(rows) // 2])
                self.assertFalse(list(self.data.rglob("prepared*")), "it is not there yet")
                what()
            append(writer, rows)

        with mock.patch.object(NpyWriter, "append", failing):
            result = quietly(main, *arguments)
        self.assertEqual(len(calls), 2)
        self.assertEqual(files_in(self.root), self.before, "nothing half-written stays")
        return result

    def train_on(self, name: str) -> tuple:
        flags = ("--experiments", self.runs, "--name", name, "--epochs", 1)
        return (train_ffnn.main, *flags, "--dataset", name)


class TestInterruption(BrokenOff):
    def interrupt(self) -> None:
        """Ctrl-C, also for tests in the background, where it would be ignored."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        signal.raise_signal(signal.SIGINT)

    def test_the_next_run_prepares_it(self):
        for name in REAL:
            with self.subTest(name):
                result = self.broken_off(self.interrupt, *self.train_on(name))
                self.assertEqual(result, (130, "", "\nInterrupted.\n"))
        for name in REAL:
            with self.subTest(name):
                status, _, err = quietly(*self.train_on(name))
                self.assertEqual(status, 0)
                self.assertIn(f"Prepared {name}, once, in {self.data}/{name}/prepared-", err)
                self.assertEqual(quietly(*self.train_on(name))[2], "")
        self.assertFalse([path for path in files_in(self.root) if path.name[0] == "."])

    def test_during_download_and_show(self):
        for arguments in (("download", "higgs"), ("show", "letters")):
            result = self.broken_off(self.interrupt, command.main, *arguments)
            self.assertEqual(result, (130, "", "\nInterrupted.\n"))

    def test_a_full_disk(self):
        full = OSError(errno.ENOSPC, "No space left on device")
        status, out, err = self.broken_off(
            mock.Mock(side_effect=full), *self.train_on("fashion_mnist")
        )
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertRegex(err, "(?i)no space left")

    def test_the_remains_of_a_killed_process_are_ignored(self):
        quietly(*self.train_on("higgs"))
        (ready,) = (self.data / "higgs").glob("prepared-*")
        ready.rename(ready.with_name(".being-killed"))
        status, _, err = quietly(*self.train_on("higgs"))
        self.assertEqual(status, 0)
        self.assertIn("Prepared higgs, once", err)
        (again,) = (self.data / "higgs").glob("prepared-*")
        self.assertEqual(again, ready)
        (ready / "about.json").unlink()
        (self.data / "higgs" / "HIGGS.csv.gz").unlink()
        status, _, err = quietly(*self.train_on("higgs"))
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn("the dataset 'higgs' is not here", err)


class TestNothingThere(OwnData, FlagTest):
    def test_missing_data(self):
        for name in ("higgs", "fashion_mnist", "cifar10"):
            folder = rf"{self.data}/{name} or {self.own}/{name}"
            words = f"'{name}' is not here: 'python -m neural_networks datasets download {name}' "
            words += (
                rf"fetches it \([\d,]+ MB\); or put .* into {folder}, or set {folders.VARIABLE} "
            )
            self.refused(words, "--dataset", name)
        self.refused(r"\(2,816 MB\); or put HIGGS.csv.gz into ", "--preset", "higgs")
        for file in ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
            self.refused(rf"\(31 MB\); or put .*{file}", "--preset", "fashion_mnist")

    def test_letters_cannot_be_downloaded(self):
        words = rf"'letters' is not here: .* by hand.* into {self.data}/letters or {self.own}"
        self.refused(words, "--preset", "letters")

    def test_the_missing_size_of_letters(self):
        self.refused("largeTrain.csv.*largeValidation.csv", "--preset", "letters")
        self.refused("smallTrain.csv", "--dataset", "letters", "--data-args", "size=small")

    def test_folder_that_does_not_exist(self):
        nowhere = str(self.root / "nowhere")
        with mock.patch.dict(os.environ, {folders.VARIABLE: nowhere}):
            words = f"{folders.VARIABLE} names a folder that does not exist: {nowhere}"
            self.refused(words, "--dataset", "higgs")
            self.assertEqual(self.done()[0]["data"]["name"], "iris")


class TestDamage(OwnData, FlagTest):
    def test_damaged_published_files(self):
        synthetic_files.write_fashion_mnist(self.data / "fashion_mnist", 20, 10)
        damaged = self.data / "fashion_mnist" / "train-images-idx3-ubyte.gz"
        damaged.write_bytes(damaged.read_bytes()[:-20])
        self.refused(f"{damaged} is truncated", "--dataset", "fashion_mnist")
        synthetic_files.write_letters(self.data / "letters", "small", 20)
        table = self.data / "letters" / "smallTrain.csv"
        table.write_text(table.read_text().replace("1", "x", 1))
        small = ("--dataset", "letters", "--data-args", "size=small")
        self.refused(rf"{table}, row \d+, column \d+ \(.*\): the cell holds 'x'", *small)
        self.assertFalse([path for path in files_in(self.data) if "being" in path.name])

    def test_a_damaged_prepared_set(self):
        synthetic_files.write_higgs(self.data / "higgs")
        self.assertEqual(self.train("--dataset", "higgs", "--epochs", 1)[0], 0)
        self.runs.rename(self.root / "earlier")
        (folder,) = (self.data / "higgs").glob("prepared-*")
        file = folder / "X.npy"
        file.write_bytes(file.read_bytes()[:1000])
        with self.subTest("truncated"):
            self.refused(f"{folder}", "--dataset", "higgs")
        file.unlink()
        with self.subTest("missing"):
            self.refused(f"{folder}", "--dataset", "higgs")


if __name__ == "__main__":
    unittest.main()
