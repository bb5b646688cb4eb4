"""Data that lies there in another form than the publisher's: unpacked, renamed, elsewhere."""

import gzip
import os
import shutil
import tarfile
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.cli import datasets as datasets_command
from neural_networks.datasets import CATALOGUE, initialize_dataset
from neural_networks.datasets.files.folders import forms
from neural_networks.utils.files import user_path
from tests.datasets.test_cache import DataTest
from tests.support import synthetic_files
from tests.support.scripts import quietly

WRITE = {
    "higgs": synthetic_files.write_higgs,
    "fashion_mnist": synthetic_files.write_fashion_mnist,
    "cifar10": synthetic_files.write_cifar10,
    "letters": synthetic_files.write_letters,
}


def arrays(name):
    """All that a dataset holds, in the order of its sets."""
    dataset = initialize_dataset(name, dtype="float32", seed=0)
    sets = (data for data in (dataset.train, dataset.validate, dataset.test) if data is not None)
    return [np.asarray(X) for data in sets for X in (data.data, data.labels)]


def unpack(path: Path) -> None:
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()


def unpack_under_the_same_name(path: Path) -> None:
    """As some browsers do while they download."""
    path.write_bytes(gzip.decompress(path.read_bytes()))


def pack(path: Path) -> None:
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


class FormsTest(DataTest):
    def same_in(self, name, *changes):
        """Assert that the data is the same after changes to the files in its folder."""
        WRITE[name](self.data / name)
        expected = arrays(name)
        for folder in self.data.glob("*/prepared-*"):
            shutil.rmtree(folder)
        for change in changes:
            change(self.data / name)
        for found, array in zip(arrays(name), expected, strict=True):
            assert_array_equal(found, array, strict=True)
        shutil.rmtree(self.data)
        self.data.mkdir()

    def each(self, work, pattern="*"):
        """A change of every file whose name fits a pattern."""
        return lambda folder: [
            work(path) for path in sorted(folder.rglob(pattern)) if path.is_file()
        ]


class TestForms(FormsTest):
    def test_higgs(self):
        self.same_in("higgs", self.each(unpack))
        self.same_in("higgs", self.each(unpack_under_the_same_name))
        self.same_in("higgs", lambda folder: shutil.move(folder / "HIGGS.csv.gz", self.data))

    def test_fashion_mnist(self):
        def dotted(path):
            path.rename(path.with_name(path.name.replace("-idx", ".idx")))

        def elsewhere(folder):
            (self.data / "FashionMNIST").mkdir()
            folder.rename(self.data / "FashionMNIST" / "raw")

        name = "fashion_mnist"
        self.same_in(name, self.each(unpack))
        self.same_in(name, self.each(unpack), self.each(dotted))
        self.same_in(name, self.each(dotted))
        self.same_in(name, self.each(unpack_under_the_same_name))
        self.same_in(name, self.each(unpack, "train*"), self.each(dotted, "*images*"))
        self.same_in(name, elsewhere)
        self.same_in(name, elsewhere, lambda _: self.each(unpack)(self.data))

    def test_cifar10(self):
        def flat(folder):
            for path in (folder / "cifar-10-batches-bin").iterdir():
                path.rename(folder / path.name)

        def archive(name, mode, inside="cifar-10-batches-bin/"):
            def change(folder):
                below = folder / "cifar-10-batches-bin"
                with tarfile.open(folder / name, mode) as file:
                    for path in sorted(below.iterdir(), reverse=True):
                        file.add(path, f"{inside}{path.name}")
                shutil.rmtree(below)

            return change

        self.same_in("cifar10", flat)
        self.same_in("cifar10", self.each(pack))
        self.same_in(
            "cifar10", lambda folder: shutil.move(folder / "cifar-10-batches-bin", self.data)
        )
        self.same_in("cifar10", archive("cifar-10-binary.tar", "w"))
        for mode in ("w", "w:gz"):
            for inside in ("cifar-10-batches-bin/", "./cifar-10-batches-bin/", "", "data/x/"):
                self.same_in("cifar10", archive("cifar-10-binary.tar.gz", mode, inside))

    def test_letters(self):
        self.same_in("letters", self.each(pack))
        self.same_in("letters", self.each(pack, "*Train*"))

    def test_published_form_first(self):
        """Of two forms in one folder, the publisher's is read."""
        rows = synthetic_files.write_higgs(self.data / "higgs")
        (self.data / "higgs" / "HIGGS.csv").write_text("not a table")
        self.assertEqual(arrays("higgs")[0].shape, (200, 28))
        self.assertEqual(rows.shape, (240, 29))

    def test_every_form_has_the_published_name_first(self):
        for info in CATALOGUE.values():
            for names in info.originals:
                for name in names:
                    self.assertEqual(forms(name)[0], name)
                    self.assertEqual(len(set(forms(name))), len(forms(name)))

    def test_faults_name_the_file_that_is_there(self):
        synthetic_files.write_fashion_mnist(self.data / "fashion_mnist")
        self.each(unpack)(self.data)
        path = self.data / "fashion_mnist" / "train-images-idx3-ubyte"
        path.write_bytes(path.read_bytes()[:-1])
        with self.assertRaisesRegex(ValueError, "train-images-idx3-ubyte is truncated"):
            arrays("fashion_mnist")

    def test_the_command_finds_them(self):
        synthetic_files.write_higgs(self.data / "higgs")
        self.each(unpack)(self.data)
        _, out, _ = quietly(datasets_command.main, "list", "higgs")
        self.assertIn("prepared on first use", out)
        status, out, _ = quietly(datasets_command.main, "download", "higgs")
        self.assertEqual(status, 0)
        self.assertIn("higgs is ready", out)


class TestHints(DataTest):
    def test_archives_and_pickles(self):
        for name, file, words in (
            ("higgs", "higgs.zip", "must be unpacked first"),
            ("fashion_mnist", "archive.7z", "must be unpacked first"),
            ("letters", "letters.zip", "must be unpacked first"),
            ("cifar10", "cifar-10-python.tar.gz", "pickles, which are not read"),
            ("cifar10", "cifar-10-batches-py", "pickles, which are not read"),
        ):
            path = self.put(self.data / name / file)
            with self.assertRaisesRegex(FileNotFoundError, f"{file} .*{words}$"):
                initialize_dataset(name)
            path.unlink()
            with self.assertRaisesRegex(FileNotFoundError, "is not here") as caught:
                initialize_dataset(name)
            self.assertNotIn(words, str(caught.exception))


class TestHome(DataTest):
    def test_the_folder_of_the_user(self):
        """As a notebook, a .env file or a cluster's script set it, without a shell."""
        synthetic_files.write_higgs(self.data / "mine" / "higgs")
        with mock.patch.dict(os.environ, HOME=str(self.data)):
            for text in ("~/mine", "~/mine/", "~//mine"):
                self.named(text)
                self.assertEqual(arrays("higgs")[0].shape, (200, 28))
            self.named("~")
            with self.assertRaisesRegex(FileNotFoundError, "'higgs' is not here"):
                initialize_dataset("higgs")
            self.named("~/nowhere")
            with self.assertRaisesRegex(FileNotFoundError, f"does not exist: {self.data}/nowhere"):
                initialize_dataset("higgs")

    def test_an_unknown_user(self):
        self.named("~nobody-has-this-name/data")
        with self.assertRaisesRegex(FileNotFoundError, "no user.* '~nobody-has-this-name/data'"):
            initialize_dataset("higgs")
        with self.assertRaises(FileNotFoundError):
            user_path("~nobody-has-this-name")

    def test_other_paths(self):
        for path in ("a/~", "a~b", "/x/~/y", "."):
            self.assertEqual(user_path(path), Path(path))
