"""What a run will need later is checked before it is trained."""

import errno
import os
import shutil
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np

import train_rnn
from neural_networks.cli.run import start
from neural_networks.datasets import DATASETS, Dataset
from neural_networks.logs import RUN_FILES
from neural_networks.models import NeuralNetwork
from tests.support.scripts import ScriptTest

WHOLE_DISK = shutil._ntuple_diskusage(10**9, 10**9, 1000)


def flowers():
    """Arrays of a dataset of one's own, without a test set."""
    X, y = np.eye(6), np.arange(6) % 2
    sets = {"validation_set": X, "validation_labels": y, "class_names": ["a", "b"]}
    return {"training_set": X, "training_labels": y, **sets}


class BeforeTraining(ScriptTest):
    def setUp(self):
        super().setUp()
        self.folder = self.runs / "iris"
        self.enterContext(mock.patch("neural_networks.logs.Logger.draw"))

    def contents(self):
        """Every path among the runs, with its content or target."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_symlink():
                found[str(path)] = path.readlink()
            else:
                found[str(path)] = path.is_file() and path.read_bytes()
        return found

    def refused(self, pattern, *arguments):
        """Assert that a run ends in one line, untrained, and that nothing has changed."""
        before = self.contents()
        untrained = mock.patch.object(NeuralNetwork, "train", side_effect=AssertionError)
        with untrained:
            status, _, err = self.train("--epochs", 1, *arguments)
        self.assertEqual((status, err.count("\n")), (2, 1), err)
        self.assertRegex(err, f"^{self.script.__name__}.py: error: .*{pattern}")
        self.assertEqual(self.contents(), before)

    def done(self, *arguments):
        status, out, err = self.train("--epochs", 1, *arguments)
        self.assertEqual((status, err), (0, ""))
        return out


class TestNames(BeforeTraining):
    def test_too_long(self):
        for name in ("x" * 252 + ".csv", "é" * 126 + ".csv", "x" * 4000 + ".csv"):
            for data in ((), ("--dataset", "digits")):
                self.refused("must have at most 255 bytes, got ", "--kaggle-file", name, *data)
        for name in ("x" * 256, "é" * 128):
            self.refused("run's name must have at most 255 bytes, got 256", "--name", name)

    def test_as_long_as_possible(self):
        for name in ("x" * 251 + ".csv", "é" * 125 + "x.csv"):
            self.assertIn(name, self.done("--kaggle-file", name, "--overwrite"))
            self.assertTrue((self.folder / name).is_file())

    def test_longer_than_the_file_system_takes(self):
        original = os.open

        def open_(path, *arguments):
            if len(Path(os.fsdecode(path)).name) > 143:  # as of an encrypted home
                raise OSError(errno.ENAMETOOLONG, "File name too long", str(path))
            return original(path, *arguments)

        name = "x" * 150 + ".csv"
        original_replace = Path.replace

        def replace(path, target):
            if len(target.name) > 143:
                raise OSError(
                    errno.ENAMETOOLONG, "File name too long", str(path), None, str(target)
                )
            return original_replace(path, target)

        with mock.patch("os.open", open_), mock.patch.object(Path, "replace", replace):
            self.refused(f"File name too long: .*{name}'", "--kaggle-file", name)
            self.done()

    def test_a_path_that_is_too_long(self):
        """The names of the first files still fit, those of the last ones do not."""
        deep = self.root
        while len(str(deep)) < 4096 - 250:
            deep = deep / ("d" * 200)
        shortest = len("//iris/.config-0123456789abcdef.json") + 2
        deep = deep / ("d" * (4096 - len(str(deep)) - shortest))
        deep.mkdir(parents=True)
        self.runs = deep
        self.refused("File name too long: ")

    def test_reserved_on_windows(self):
        for name in ("nul", "CON", "aux", "com1", "LPT9", "prn.1"):
            self.refused("that of a device on Windows", "--name", name)
            self.refused("that of a device on Windows", "--kaggle-file", f"{name}.csv")
        windows = SimpleNamespace(**{**vars(os), "name": "nt"})
        with mock.patch("neural_networks.utils.files.os", windows):
            for name in ("a:b", "what?", "end.", "end ", 'say "x"', "a|b", "<a>", "*"):
                self.refused("is not allowed on Windows", "--name", name)
        for name in ("console", "nullable", "a:b", "what?", "com"):
            self.done("--name", name)

    def test_no_names(self):
        for name in ("a/b.csv", "/a.csv", "a.txt", ".csv", "a", "", "..", "a\n.csv"):
            self.refused("must be called NAME.csv", f"--kaggle-file={name}")
        for name in ("log.csv", "Log.csv", "STEPS.csv", "test_predictions.csv"):
            self.refused("another file of the run", "--kaggle-file", name)

    def test_of_a_dataset_of_ones_own(self):
        for name, pattern in (("a/b.csv", "NAME.csv"), ("log.csv", "another"), ("nul.csv", "Win")):
            options = {"return_value": {"kaggle_file": name}}
            with (
                mock.patch.dict(DATASETS, flowers=flowers),
                mock.patch("neural_networks.datasets.factory.kaggle_options", **options),
            ):
                self.refused(pattern, "--dataset", "flowers")


class TestInTheWay(BeforeTraining):
    """Of a run that replaces another one: what is not of that run stays as it is."""

    def setUp(self):
        super().setUp()
        self.done("--kaggle-file", "mine.csv")
        self.outside = self.root / "outside.csv"
        self.outside.write_text("precious")

    def test_the_file_of_the_run_before_goes(self):
        for flags in ((), ("--kaggle-file", "other.csv"), ("--kaggle-file", "mine.csv")):
            self.done("--overwrite", *flags)
            own = {path.name for path in self.folder.iterdir()} - set(RUN_FILES)
            self.assertEqual(own, set(flags[1:]))

    def test_a_link_is_not_written_through(self):
        """In the place of a file of the run before: the link goes, its target stays."""
        for name in ("mine.csv", "log.csv", "test.json", "kaggle_predictions.csv", "config.json"):
            with self.subTest(name):
                kaggle = name if "log" not in name and name.endswith(".csv") else "mine.csv"
                content = (
                    (self.folder / name).read_bytes() if name == "config.json" else b"precious"
                )
                self.outside.write_bytes(content)
                (self.folder / name).unlink(missing_ok=True)
                (self.folder / name).symlink_to(self.outside)
                self.done("--overwrite", "--kaggle-file", kaggle)
                self.assertEqual(self.outside.read_bytes(), content)
                self.assertFalse((self.folder / name).is_symlink())
                self.done("--overwrite", "--kaggle-file", "mine.csv")

    def test_a_file_or_link_of_the_users(self):
        (self.folder / "notes.csv").write_text("my notes")
        (self.folder / "linked.csv").symlink_to(self.outside)
        (self.folder / "broken.csv").symlink_to(self.root / "nowhere")
        (self.folder / "folder.csv").mkdir()
        for name in ("notes.csv", "linked.csv", "broken.csv", "folder.csv"):
            pattern = f"{name} is not a file of the run that is replaced"
            self.refused(pattern, "--overwrite", "--kaggle-file", name)
        before = {key: x for key, x in self.contents().items() if Path(key).name not in RUN_FILES}
        self.done("--overwrite", "--kaggle-file", "mine.csv")
        after = self.contents()
        self.assertEqual(
            {key: after[key] for key in before if "mine" not in key},
            {key: x for key, x in before.items() if "mine" not in key},
        )

    def test_a_folder_in_the_place_of_a_file(self):
        for name in ("log.csv", "parameters.npz", "loss.png", "kaggle_predictions.csv", "mine.csv"):
            with self.subTest(name):
                (self.folder / name).unlink(missing_ok=True)
                (self.folder / name).mkdir()
                self.refused(f"{name} is a folder, not a file of a run", "--overwrite")
                (self.folder / name).rmdir()
                self.done("--overwrite", "--kaggle-file", "mine.csv")

    def test_names_in_a_config_that_are_those_of_other_files(self):
        """A damaged config.json removes nothing outside of the folder, and no notes."""
        config = self.folder / "config.json"
        text = config.read_text()
        self.assertIn('"kaggle_files": [\n    "mine.csv"\n  ]', text)
        for names in ('["../../outside.csv"]', '["/etc/passwd"]', "5", '"outside.csv"', "[null]"):
            config.write_text(text.replace('[\n    "mine.csv"\n  ]', names))
            self.done("--overwrite")
            self.assertEqual(self.outside.read_text(), "precious")
            self.assertTrue((self.folder / "mine.csv").is_file())

    def test_what_a_killed_process_has_left(self):
        left = (".parameters-0123456789abcdef.npz", ".mine-00112233aabbccdd.csv")
        kept = (".parameters-draft.npz", ".notes-0123456789abcdef.npz", "parameters-old.npz")
        for name in (*left, *kept):
            (self.folder / name).write_text("x")
        self.done("--overwrite")
        found = {path.name for path in self.folder.iterdir()}
        self.assertFalse(found & set(left))
        self.assertLessEqual(set(kept), found)


class TestPlaces(BeforeTraining):
    HINT = r" \(--experiments DIR puts runs into another folder\)$"

    def test_a_read_only_checkout(self):
        for number in (errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.ENOSPC):
            error = OSError(number, os.strerror(number), str(self.runs))
            with (
                self.subTest(errno.errorcode[number]),
                mock.patch.object(Path, "mkdir", side_effect=error),
            ):
                self.refused(f"{os.strerror(number)}: '{self.runs}'{self.HINT}")

    def test_a_folder_without_right_to_write(self):
        """Before a file of the run that is replaced is removed."""
        self.done()
        original = os.open
        for number in (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT, errno.ESTALE):

            def open_(path, flags, *arguments, number=number):
                if flags & os.O_CREAT:
                    raise OSError(number, os.strerror(number), os.fspath(path))
                return original(path, flags, *arguments)

            with self.subTest(errno.errorcode[number]), mock.patch("os.open", open_):
                for flags in ((), ("--overwrite",)):
                    self.refused(f"{os.strerror(number)}: .*/iris(-2)?'{self.HINT}", *flags)

    def test_a_disk_that_is_full_at_the_first_byte(self):
        self.done()
        full = OSError(errno.ENOSPC, "No space left on device")
        with mock.patch.object(Path, "write_bytes", side_effect=full):
            for flags in ((), ("--overwrite",)):
                self.refused(f"No space left on device: .*/iris(-2)?'{self.HINT}", *flags)

    def test_a_share_that_renames_nothing(self):
        refused = OSError(errno.EPERM, "Operation not permitted")
        with mock.patch.object(Path, "replace", side_effect=refused):
            self.refused("Operation not permitted: .*/iris'")

    def test_a_file_in_the_place_of_the_runs(self):
        self.runs.write_text("mine")
        self.refused(f"File exists: .*{self.HINT}")
        self.runs = self.runs / "deeper"
        self.refused(f"Not a directory: .*{self.HINT}")

    def test_no_space_for_the_parameters(self):
        with mock.patch("shutil.disk_usage", return_value=WHOLE_DISK):
            self.refused(
                f"No space left on device: 0.0 MB .* 0.0 MB are free: .*{self.HINT}",
                "--hidden",
                200,
            )
            self.done("--hidden", 2)  # 2 · 29 numbers of 4 bytes
        self.done("--hidden", 200, "--overwrite")
        with mock.patch("shutil.disk_usage", return_value=WHOLE_DISK):
            self.done("--hidden", 200, "--overwrite")  # in the place of those before

    def test_a_share_that_tells_no_space(self):
        unknown = shutil._ntuple_diskusage(0, 0, 0)
        for answer in ({"return_value": unknown}, {"side_effect": NotImplementedError}):
            with mock.patch("shutil.disk_usage", **answer):
                self.done("--overwrite")

    def test_results_that_need_pandas(self):
        for error in (
            ImportError("no"),
            ValueError("numpy.dtype size changed"),
            AttributeError("x"),
        ):
            with mock.patch("neural_networks.cli.run.import_module", side_effect=error):
                self.refused(f"pandas, which writes results, cannot be imported: {error}")


class TestPredictions(BeforeTraining):
    def test_files_of_examples(self):
        bad = self.root / "bad.csv"
        bad.write_text("1,2,3\n")
        for path in (self.root / "missing.csv", self.root, bad):
            self.refused(str(path), "--test-data", path)
        bad.write_text("1,2,3,nan\n")
        self.refused("bad.csv|test set", "--test-data", bad)

    def test_ids(self):
        names = "Category,sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n"
        examples = self.root / "examples.csv"
        examples.write_text(f"{names}7,1,2,3,4\n8,1,2,3,4\n")
        given = ("--test-data", examples)
        self.refused("--id-column must not be Category", *given, "--id-column", "Category")
        self.refused("'Idd'", *given, "--id-column", "Idd")
        for number in (-1, 10**15 + 1, 2**63 - 8, 10**30):
            self.refused("--first-id must be at ", f"--first-id={number}", *given)
        self.done("--first-id", 10**15, *given)
        rows = (self.folder / "kaggle_predictions.csv").read_text().splitlines()
        self.assertEqual([row.split(",")[0] for row in rows], ["Id", f"{10**15}", f"{10**15 + 1}"])

    def test_without_classes_or_test_set(self):
        with mock.patch.dict(DATASETS, flowers=flowers):
            self.refused("no test set", "--kaggle-file", "mine.csv", "--dataset", "flowers")
        self.script = train_rnn
        waves = ("--window", 5, "--hidden", 3)
        self.refused("Kaggle files hold classes", "--kaggle-file", "mine.csv", *waves)

    def test_labels_of_the_test_set(self):
        """Of a dataset of one's own: they need not be valid for the loss."""
        X, Y, zeros = np.ones((4, 2)), np.eye(2)[[0, 1, 0, 1]], np.zeros((4, 2))
        output = {"name": "fully_connected", "n_out": None, "activation": "softmax"}
        model = NeuralNetwork("cross_entropy", [output], {"name": "SGD", "lr": 0.1}, seed=0)
        dataset = Dataset(X, Y, 2, test_set=X, test_labels=zeros)
        model.prepare(dataset)
        logger, flags = mock.Mock(), mock.Mock(kaggle_file=None)
        with self.assertRaisesRegex(ValueError, "^test set: "):
            start(logger, model, dataset, flags)
        logger.start.assert_not_called()


if __name__ == "__main__":
    unittest.main()
