"""Data folders and prepared sets: search, conversion, faults, provenance."""

import contextlib
import errno
import hashlib
import io
import json
import os
import threading
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets.files import cache, catalogue, folders
from neural_networks.datasets.files.cache import (
    download_hint,
    find_prepared,
    is_published,
    provenance_note,
)
from neural_networks.datasets.files.catalogue import RemoteFile
from neural_networks.datasets.files.folders import data_folders, find, find_original, home_folder
from neural_networks.datasets.files.formats import NpyWriter
from tests.support.arrays import InFolder

READ_ONLY = 0o555
OWN_FOLDER = folders.own_folder
"""The original function; ``DataTest`` replaces it."""


class DataTest(InFolder):
    """A test with an empty data folder ``self.data``, and ``self.own`` as the repository's."""

    def setUp(self):
        super().setUp()
        self.data, self.own = self.root / "data", self.root / "own"
        self.data.mkdir()
        self.named(str(self.data))
        self.enterContext(mock.patch.object(folders, "own_folder", return_value=self.own))
        self.err = self.enterContext(contextlib.redirect_stderr(io.StringIO()))

    def named(self, folder: str) -> None:
        self.enterContext(mock.patch.dict(os.environ, {folders.VARIABLE: folder}))

    def locked(self, *paths: Path) -> None:
        """Remove write permission until the test ends."""
        for path in paths:
            path.chmod(READ_ONLY)
            self.addCleanup(path.chmod, 0o755)

    def put(self, path: Path, content: str = "content") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def below(self, folder: Path) -> list[str]:
        """All files and folders in a folder, hidden ones included."""
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class TestFolders(DataTest):
    def test_search_order(self):
        self.assertEqual(data_folders(), [self.data, self.own])

        self.named("")
        self.assertEqual(data_folders(), [self.own])
        del os.environ[folders.VARIABLE]
        self.assertEqual(data_folders(), [self.own])

    def test_a_relative_name(self):
        self.enterContext(contextlib.chdir(self.root))
        self.named("data")
        self.assertEqual(data_folders(), [self.data.resolve(), self.own])

    def test_a_missing_folder(self):
        self.put(self.root / "file")
        for name in ("nowhere", "file"):
            self.named(str(self.root / name))
            for call in (
                data_folders,
                lambda: home_folder("higgs"),
                lambda: find_original("higgs"),
            ):
                with self.assertRaises(FileNotFoundError) as caught:
                    call()
                message = f"names a folder that does not exist: {self.root / name}"
                self.assertEqual(str(caught.exception), f"{folders.VARIABLE} {message}")

    def test_the_default_folder(self):
        with mock.patch.object(folders, "repository", return_value=self.root):
            self.assertEqual(OWN_FOLDER(), self.root / "datasets")
        with mock.patch.object(folders, "repository", return_value=None):
            with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": "/cache"}):
                self.assertEqual(OWN_FOLDER(), Path("/cache/neural_networks"))
            with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": "", "HOME": "/home/me"}):
                self.assertEqual(OWN_FOLDER(), Path("/home/me/.cache/neural_networks"))


class TestHomeFolder(DataTest):
    def test_writable_folders(self):
        self.assertEqual(home_folder("higgs"), self.data / "higgs")
        (self.data / "higgs").mkdir()
        self.assertEqual(home_folder("higgs"), self.data / "higgs")
        self.named("")
        self.assertEqual(home_folder("higgs"), self.own / "higgs")

    def test_read_only_folders(self):
        # Permission bits count, as the test may run as root.
        for name in ("higgs", "letters"):
            (self.data / name).mkdir()
        self.locked(self.data / "higgs", self.data)
        self.assertEqual(home_folder("higgs"), self.own / "higgs")
        self.assertEqual(home_folder("letters"), self.data / "letters")
        self.assertEqual(home_folder("cifar10"), self.own / "cifar10")

    def test_a_link_to_a_shared_folder(self):
        (self.root / "shared").mkdir()
        (self.data / "higgs").symlink_to(self.root / "shared")
        self.assertEqual(home_folder("higgs"), self.data / "higgs")
        self.locked(self.root / "shared")
        self.assertEqual(home_folder("higgs"), self.own / "higgs")

    def test_permission_denied_by_the_system(self):
        with mock.patch.object(os, "access", lambda path, mode: not mode & os.W_OK):
            self.assertEqual(home_folder("higgs"), self.own / "higgs")


class TestFind(DataTest):
    def test_search_order(self):
        self.assertIsNone(find("letters", ["a", "b"]))
        for folder in (self.own, self.own / "letters", self.data, self.data / "letters"):
            paths = [self.put(folder / name) for name in ("a", "b")]
            self.assertEqual(find("letters", ["a", "b"]), paths)
            self.assertEqual(find("letters", ["b", "a"]), paths[::-1])

    def test_all_in_one_folder(self):
        self.put(self.data / "letters" / "a")
        self.put(self.data / "b")
        self.put(self.own / "b")
        (self.data / "letters" / "b").symlink_to(self.data / "nowhere")
        self.assertIsNone(find("letters", ["a", "b"]))

    def test_any_list_of_originals(self):
        self.assertIsNone(find_original("cifar10"))
        archive = self.put(self.data / "cifar-10-binary.tar.gz")
        below = self.own / "cifar10" / "cifar-10-batches-bin"
        names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
        for name in names:
            self.assertEqual(find_original("cifar10"), [archive])
            self.put(below / name)
        self.assertEqual(find_original("cifar10"), [below / name for name in names])


class PreparedTest(DataTest):
    """A test with one source file, which ``self.prepare`` converts to two arrays."""

    def setUp(self):
        super().setUp()
        self.source = self.put(self.data / "letters" / "source", "abc")
        self.calls = []

    def convert(self, folder: Path, sources) -> None:
        self.calls.append(list(sources))
        content = np.frombuffer(b"".join(path.read_bytes() for path in sources), np.uint8)
        with NpyWriter(folder / "X.npy", (), np.uint8) as X:
            X.append(content)
        np.save(folder / "y.npy", content[::-1])

    def prepare(self, sources="source", convert=None, variant=""):
        sources = [self.source] if sources == "source" else sources
        return cache.load_prepared("letters", variant, sources, convert or self.convert)

    def text(self, *arguments, **options) -> str:
        return bytes(self.prepare(*arguments, **options)["X"]).decode()

    def sets(self, data=None) -> list[Path]:
        return sorted((data or self.data).glob("letters/prepared-*"))


class TestPreparedOnce(PreparedTest):
    def test_arrays_are_mapped_from_files(self):
        arrays = self.prepare()
        self.assertEqual(list(arrays), ["X", "y"])
        assert_array_equal(np.asarray(arrays["X"]), np.frombuffer(b"abc", np.uint8))
        assert_array_equal(np.asarray(arrays["y"]), np.frombuffer(b"cba", np.uint8))
        (folder,) = self.sets()
        for name, array in arrays.items():
            self.assertIsInstance(array, np.memmap)
            self.assertFalse(array.flags.writeable)
            self.assertEqual(Path(array.filename), (folder / f"{name}.npy").resolve())

    def test_the_same_files_are_read_once(self):
        for _ in range(3):
            self.assertEqual(self.text(), "abc")
        self.assertEqual(self.calls, [[self.source]])
        (folder,) = self.sets()
        self.assertEqual(self.below(folder), ["X.npy", "about.json", "y.npy"])
        self.assertEqual(self.err.getvalue(), f"Prepared letters, once, in {folder}.\n")
        same = self.put(self.own / "source", "abc")
        os.utime(same, ns=(self.source.stat().st_mtime_ns,) * 2)
        self.assertEqual(self.text([same]), "abc")
        self.assertEqual(len(self.calls), 1)

    def test_a_changed_file_is_read_again(self):
        self.prepare()
        time = self.source.stat().st_mtime_ns
        os.utime(self.source, ns=(time, time + 1))
        self.prepare()
        self.put(self.source, "abcd")
        os.utime(self.source, ns=(time, time))
        self.assertEqual(self.text(), "abcd")
        self.source = self.source.rename(self.source.with_name("another"))
        self.prepare()
        other = self.put(self.data / "more", "e")
        self.assertEqual(self.text([self.source, other]), "abcde")
        self.assertEqual(self.text([other, self.source]), "eabcd")
        with mock.patch.object(cache, "VERSION", cache.VERSION + 1):
            self.prepare()
        self.assertEqual((len(self.calls), len(self.sets())), (7, 7))

    def test_separate_variants(self):
        other = self.put(self.data / "other", "xyz")
        self.assertEqual(self.text(variant="small"), "abc")
        self.assertEqual(self.text([other], variant="large"), "xyz")
        for variant, text in (("small", "abc"), ("large", "xyz")):
            self.assertEqual(self.text(None, variant=variant), text)
            self.assertEqual(self.text(variant="small"), "abc")
        with self.assertRaises(FileNotFoundError):
            self.prepare(None, variant="medium")
        self.assertEqual(len(self.calls), 2)

    def test_the_newest_of_several_without_the_originals(self):
        for text in ("a", "bc", "def"):
            self.put(self.source, text)
            self.prepare()
        self.source.unlink()
        first, *others = self.sets()
        for newest in (first, *others):
            for folder in self.sets():
                os.utime(folder, (1e9 + (folder == newest),) * 2)
            self.assertEqual(find_prepared("letters", "", None), newest)
            self.assertEqual(self.text(None), bytes(np.load(newest / "X.npy")).decode())

    def test_the_newest_of_all_folders(self):
        self.prepare()
        self.put(self.source, "other")
        self.locked(self.source.parent)
        self.prepare()
        for data in (self.data, self.own):
            (newest,) = self.sets(data)
            os.utime(newest, (3e9, 3e9))
            self.assertEqual(find_prepared("letters", "", None), newest)
            os.utime(newest, (1e9, 1e9))

    def test_description_and_permissions(self):
        self.prepare()
        (folder,) = self.sets()
        about = json.loads((folder / cache.ABOUT).read_text())
        expected = {"version": cache.VERSION, "sources": [str(self.source)], "notes": []}
        expected["arrays"] = ["X", "y"]
        self.assertEqual(about, expected)
        for path, mode in ((folder, 0o755), (folder / "X.npy", 0o444)):
            self.assertEqual(path.stat().st_mode & mode, mode)
        (folder / cache.ABOUT).unlink()
        self.assertIsNone(find_prepared("letters", "", None), "without it there is no set")

    def test_a_damaged_set(self):
        self.prepare()
        (folder,) = self.sets()
        np.save(folder / "mine.npy", np.arange(3))
        self.assertEqual(list(self.prepare()), ["X", "y"])
        good = {path.name: path.read_bytes() for path in folder.iterdir()}
        cases = [("about.json", text) for text in (b"", b"{}", b"[]", b'{"arrays": 1}', b"\xff")]
        cases += [("X.npy", text) for text in (b"", good["X.npy"][:-1], b"x", None)]
        words = f"^the prepared set {folder} is damaged .*: delete that folder, and it is prepared"
        for name, damage in cases:
            path = folder / name
            path.unlink() if damage is None else path.write_bytes(damage)
            with self.subTest(name, damage=damage), self.assertRaisesRegex(ValueError, words):
                self.prepare()
            path.write_bytes(good[name])
        self.assertEqual(self.text(), "abc")

    def test_read_only_originals(self):
        self.locked(self.source.parent, self.data)
        paths = [self.data, *self.data.rglob("*")]
        before = [path.stat().st_mtime_ns for path in paths]
        for _ in range(2):
            self.assertEqual(self.text(), "abc")
        self.assertEqual([path.stat().st_mtime_ns for path in paths], before)
        self.assertEqual((len(self.sets(self.own)), len(self.calls)), (1, 1))


class TestPreparedWhole(PreparedTest):
    def setUp(self):
        super().setUp()
        self.prepare()
        self.put(self.source, "another text")
        self.before = self.content()

    def content(self) -> dict[Path, bytes | None]:
        paths = self.root.rglob("*")
        return {path: path.read_bytes() if path.is_file() else None for path in paths}

    def failing(self, error: BaseException, convert=None) -> BaseException:
        """The error of a failing preparation, which must leave no files and print nothing."""
        err = self.err.getvalue()
        with self.assertRaises(type(error)) as caught:
            self.prepare(convert=convert)
        self.assertEqual(self.content(), self.before)
        self.assertEqual(self.err.getvalue(), err)
        return caught.exception

    def raising(self, error: BaseException):
        def convert(folder, sources):
            self.convert(folder, sources)
            self.assertIsNone(find_prepared("letters", "", sources), "it is no set yet")
            self.assertNotIn(folder, self.sets())
            raise error

        return convert

    def test_a_failure_leaves_nothing(self):
        for error in (ValueError("damaged"), KeyboardInterrupt(), SystemExit(1), MemoryError()):
            with self.subTest(error):
                self.assertIs(self.failing(error, self.raising(error)), error)
        self.assertEqual(self.text(), "another text")

    def test_a_full_disk(self):
        error = OSError(errno.ENOSPC, "No space left on device")
        words = f"no space left in {self.data / 'letters'} to prepare letters: free some"
        self.assertIn(words, str(self.failing(error, self.raising(error))))
        for method in ("write_text", "rename"):
            with mock.patch.object(Path, method, side_effect=error):
                self.assertIn(words, str(self.failing(error)))
        self.assertEqual(self.text(), "another text")

    def test_a_failing_disk(self):
        error = OSError(errno.EIO, "Input/output error")
        self.assertIs(self.failing(error, self.raising(error)), error)

    def test_a_file_with_the_name_of_the_set(self):
        name = f"prepared-{cache.fingerprint([self.source])}"
        self.put(self.data / "letters" / name, "a file")
        self.before = self.content()
        self.failing(OSError())

    def test_several_processes(self):
        together = threading.Barrier(4)
        texts, errors = [], []

        def convert(folder, sources):
            self.convert(folder, sources)
            together.wait(10)

        def work():
            try:
                texts.append(self.text(convert=convert))
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((texts, errors), (["another text"] * 4, []))
        self.assertEqual((len(self.calls), len(self.sets())), (5, 2))
        self.assertFalse(list(self.source.parent.glob(".*")))


class TestProvenance(PreparedTest):
    def publish(self, content: bytes, name: str = "source") -> RemoteFile:
        """Make this the published content."""
        file = RemoteFile(name, (), len(content), hashlib.sha256(content).hexdigest())
        others = (RemoteFile("first", (), 3, "0"), RemoteFile("last", (), 3, "0"))
        info = replace(catalogue.CATALOGUE["letters"], files=(others[0], file, others[1]))
        self.enterContext(mock.patch.dict(catalogue.CATALOGUE, {"letters": info}))
        return file

    def notes(self) -> list[str]:
        (folder,) = self.sets()
        return json.loads((folder / cache.ABOUT).read_text())["notes"]

    def test_the_published_file(self):
        file = self.publish(b"abc")
        self.assertTrue(is_published(self.source, file))
        self.assertEqual(provenance_note("letters", self.source), "")
        self.prepare()
        self.assertEqual(self.notes(), [])
        self.assertEqual(self.err.getvalue().count("\n"), 1)

    def test_another_file_is_read_with_one_note(self):
        for content in (b"abd", b"ab", b"abcd"):
            with self.subTest(content):
                file = self.publish(content)
                self.assertFalse(is_published(self.source, file))
                note = f"{self.source} differs from the published file; it was read anyway."
                self.assertEqual(provenance_note("letters", self.source), note)
        for _ in range(2):
            self.assertEqual(self.text(), "abc")
            self.assertEqual(self.notes(), [note])
            self.assertEqual(self.err.getvalue().splitlines()[1:], [note])

    def test_another_size_is_not_hashed(self):
        file = self.publish(b"abcd")
        with mock.patch.object(hashlib, "file_digest", side_effect=AssertionError):
            self.assertFalse(is_published(self.source, file))

    def test_an_unknown_file(self):
        self.publish(b"other", "another")
        self.assertEqual(provenance_note("letters", self.source), "")


class TestDownloadHint(DataTest):
    def test_downloadable(self):
        self.assertEqual(
            download_hint("higgs"),
            "the dataset 'higgs' is not here: 'python -m neural_networks datasets download higgs' "
            f"fetches it (2,816 MB); or put HIGGS.csv.gz into {self.data}/higgs or "
            f"{self.own}/higgs, or set NEURAL_NETWORKS_DATA to the folder of your data",
        )
        self.assertRegex(
            download_hint("fashion_mnist"),
            r"\(31 MB\); or put (\S+-ubyte.gz, ){3}t10k-labels-idx1-ubyte.gz into ",
        )

    def test_not_downloadable(self):
        self.assertEqual(
            download_hint("letters"),
            "the dataset 'letters' is not here: it is a course's handout, to be put there by "
            "hand; put largeTrain.csv, largeValidation.csv into "
            f"{self.data}/letters or {self.own}/letters",
        )
        self.assertIn("put smallTrain.csv, smallVal", download_hint("letters", "small"))
        self.named("")
        self.enterContext(contextlib.chdir(self.root))
        self.assertTrue(download_hint("letters").endswith("Validation.csv into own/letters"))

    def test_neither_files_nor_a_prepared_set(self):
        with self.assertRaises(FileNotFoundError) as caught:
            cache.load_prepared("higgs", "", None, mock.Mock(side_effect=AssertionError))
        self.assertEqual(str(caught.exception), download_hint("higgs"))
        self.assertEqual(self.below(self.root), ["data"])
        with self.assertRaisesRegex(FileNotFoundError, "mediumTrain.csv"):
            cache.load_prepared("letters", "medium", None, mock.Mock())


if __name__ == "__main__":
    unittest.main()
