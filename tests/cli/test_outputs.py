"""A file that cannot be written is named before the work for it is done."""

import contextlib
import errno
import os
import unittest
from unittest import mock

import neuralnet
from neural_networks.cli import datasets, ensemble, predict
from neural_networks.utils.files import check_output
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

LETTERS = ("train.csv", "validation.csv")


def no_work(name):
    """A context in which a function must not be called."""
    return mock.patch(name, side_effect=AssertionError("the work has begun"))


@contextlib.contextmanager
def nothing_can_be_made(number):
    """A context in which no file can be made."""
    original = os.open

    def fail(path, flags, *arguments):
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number), os.fspath(path))
        return original(path, flags, *arguments)

    with mock.patch("os.open", fail):
        yield


class TestCommands(InFolder):
    def setUp(self):
        super().setUp()
        for name in LETTERS:
            (self.root / name).write_text("0,0.5,0.25\n1,0.25,0.5\n")
        (self.root / "folder.png").mkdir()

    def commands(self, output):
        """Each program with its arguments, and the function that does its work."""
        inputs, others = [self.root / name for name in LETTERS], [self.root / "b", self.root / "c"]
        numbers = ["1", "4", "2", "0.1"]
        yield predict.main, ["run", "new.csv", "--output", output], predict, "load_run"
        average = ["average", "run", "run", "--output", output]
        yield ensemble.main, average, ensemble, "average_runs"
        show = ["show", "iris", "--output", output]
        yield datasets.main, show, datasets, "initialize_dataset"
        yield neuralnet.main, [*inputs, output, *others, *numbers], neuralnet, "read_both"

    def check(self, output, *words):
        before = sorted(self.root.rglob("*"))
        for main, arguments, module, work in self.commands(output):
            with self.subTest(main.__module__, output=output.name[:20]):
                with no_work(f"{module.__name__}.{work}"):
                    status, out, err = quietly(main, *arguments)
                self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
                self.assertTrue(any(word in err for word in words), err)
                self.assertEqual(sorted(self.root.rglob("*")), before)

    def test_names_and_places(self):
        self.check(self.root / ("x" * 252 + ".png"), "File name too long: ")
        self.check(self.root / "folder.png", "is a folder, not a file")
        self.check(self.root / "train.csv" / "a.png", "no folder", "Not a directory", "File exists")

    def test_folders_and_disks(self):
        for number in (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            with nothing_can_be_made(number):
                self.check(self.root / "a.png", f"{os.strerror(number)}: '{self.root / 'a.png'}'")


class TestCheck(InFolder):
    def test_what_can_be_written(self):
        (self.root / "here").write_text("mine")
        (self.root / "link").symlink_to(self.root / "here")
        (self.root / "~").write_text("mine, too")
        before = {path: path.read_text() for path in self.root.iterdir()}
        for name in ("here", "link", "new", "é" * 127, "x" * 255, "~"):
            check_output(self.root / name)
        check_output(type(self.root)(os.devnull))
        self.assertEqual({path: path.read_text() for path in self.root.iterdir()}, before)

    def test_a_link_into_nothing(self):
        (self.root / "link").symlink_to(self.root / "nowhere" / "file")
        with self.assertRaisesRegex(FileNotFoundError, "there is no folder for "):
            check_output(self.root / "link")


if __name__ == "__main__":
    unittest.main()
