"""python -m neural_networks datasets: lists, downloads, pictures, mistakes."""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neural_networks.cli import datasets as command
from neural_networks.datasets import CATALOGUE, DATASETS
from neural_networks.datasets.files import download, folders
from neural_networks.plots import datasets
from tests.datasets.test_interrupted_cache import REAL, OwnData, RealData, files_in, write_data
from tests.support import synthetic_files
from tests.support.scripts import quietly

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "python -m neural_networks datasets"
NAMES = ["iris", "digits", "sinewave", "higgs", "fashion_mnist", "cifar10", "letters", "csv"]
PNG = b"\x89PNG\r\n\x1a\n"


def half_saved(_: Figure, path: object, **__: object) -> None:
    """In place of ``savefig``."""
    Path(path).write_bytes(PNG)
    raise OSError("disk full")


class CommandTest(OwnData):
    """A test of the command, with pictures in ``self.pictures``."""

    def setUp(self):
        super().setUp()
        self.pictures = self.root / "pictures"
        folder = mock.patch.object(command, "experiments_folder", return_value=self.pictures)
        self.enterContext(folder)

    def done(self, *arguments: object) -> str:
        """The output of a command that succeeds."""
        status, out, err = quietly(command.main, *arguments)
        self.assertEqual(status, 0, err)
        return out

    def refused(self, pattern: str, *arguments: object) -> None:
        """Assert that a command prints one line and does nothing."""
        before = files_in(self.root)
        status, out, err = quietly(command.main, *arguments)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
        self.assertRegex(err, rf"^{PROGRAM}[a-z ]*: error: .*{pattern}")
        self.assertEqual(files_in(self.root), before)

    def listed(self, name: str) -> list[str]:
        """The lines of ``list NAME``."""
        first, *lines = self.done("list", name).rstrip("\n").split("\n")
        self.assertEqual(first, name)
        self.assertTrue(all(line.startswith("    ") for line in lines))
        return [line[4:] for line in lines]

    def state(self, name: str) -> str:
        return self.listed(name)[-1]


class TestList(CommandTest):
    def test_everything(self):
        out = self.done("list")
        names = [line for line in out.splitlines() if line and line[0] != " "]
        self.assertEqual(names, NAMES)
        self.assertEqual(out.count("\n    license: "), 8)
        self.assertEqual(out.count("\n    cite: "), 8)
        self.assertEqual(out.count("\n    split "), 8)
        self.assertNotIn("features:", out)
        self.assertEqual(out.count("\n\n"), 8, "an empty line after each")
        self.assertIn(
            "of 28×28, gray\n    split 50,000 / 10,000 / 10,000\n    10 classes: T-shirt", out
        )
        self.assertEqual(self.done("list", *NAMES[3:5]).count("license"), 2)

    def test_one(self):
        self.assertEqual(
            self.listed("iris"),
            [
                "irises of three species, measured",
                "150 × 4 lengths in cm",
                "split 105 / 15 / 30",
                "3 classes: setosa, versicolor, virginica",
                "features: sepal length (cm), sepal width (cm), petal length (cm), petal "
                "width (cm)",
                "license: CC BY 4.0",
                "cite: Fisher, The use of multiple measurements in taxonomic problems, 1936",
                "comes with scikit-learn",
            ],
        )
        words = "\n".join(self.listed("higgs"))
        for pattern in (
            r"11,000,000 × 28 numbers\nsplit 500,000 / 50,000 / 50,000",
            "\n2 classes: background, signal\nfeatures: lepton pT, .*m_wwbb\n",
            r"\nlicense: CC BY 4.0\ncite: Baldi, .* 2014\n",
        ):
            self.assertRegex(words, pattern)

    def test_classes_and_features_that_there_are_not(self):
        for name in ("csv", "sinewave"):
            self.assertEqual(len(self.listed(name)), 6)
            self.assertNotRegex("\n".join(self.listed(name)), "classes:|features:")

    def test_what_is_not_here(self):
        for name, words in (
            ("digits", "comes with scikit-learn"),
            ("sinewave", "drawn from the seed"),
            ("higgs", "to be downloaded: 2,816 MB"),
            ("fashion_mnist", "to be downloaded: 31 MB"),
            ("cifar10", "to be downloaded: 170 MB"),
            ("csv", "a CSV file with names in its first line"),
        ):
            self.assertEqual(self.state(name), words)
        self.assertIn("to be put there by hand", self.state("letters"))

    def test_what_is_here(self):
        write_data(self.data)
        for name, place in (
            ("higgs", "higgs"),
            ("fashion_mnist", "fashion_mnist"),
            ("cifar10", "cifar10/cifar-10-batches-bin"),
            ("letters", "letters"),
        ):
            words = f"found in {self.data / place}, prepared on first use"
            self.assertEqual(self.state(name), words)

    def test_what_is_prepared(self):
        write_data(self.data)
        for name in REAL:
            with self.subTest(name), contextlib.redirect_stderr(io.StringIO()):
                DATASETS[name]()
                (ready,) = (self.data / name).glob("prepared-*")
                self.assertEqual(self.state(name), f"prepared in {ready}")
                for path in (self.data / name).iterdir():
                    if path != ready and path.is_file():
                        path.unlink()
                shutil.rmtree(self.data / name / "cifar-10-batches-bin", ignore_errors=True)
                self.assertEqual(self.state(name), f"prepared in {ready}")

    def test_paths_below_this_folder_are_short(self):
        synthetic_files.write_higgs(self.data / "higgs")
        with mock.patch.object(Path, "cwd", return_value=self.root):
            self.assertEqual(self.state("higgs"), "found in data/higgs, prepared on first use")

    def test_mistakes(self):
        words = r"unknown dataset 'irsi'; did you mean 'iris'\? \(known: iris, digits, .*, csv\)"
        self.refused(words, "list", "irsi")
        self.refused("arguments are required: COMMAND")
        self.refused("invalid choice: 'lsit'", "lsit")
        self.refused("unrecognized arguments: --all", "list", "--all")
        nowhere = str(self.root / "nowhere")
        with mock.patch.dict(os.environ, {folders.VARIABLE: nowhere}):
            words = f"{folders.VARIABLE} names a folder that does not exist: {nowhere}"
            self.refused(words, "list", "higgs")

    def test_a_mistake_is_told_before_the_rest(self):
        self.refused("unknown dataset 'irsi'", "list", "iris", "irsi")

    def test_help(self):
        for arguments in ((), ("list",), ("download",), ("show",)):
            out = self.done(*arguments, "--help")
            self.assertIn(f"usage: {PROGRAM}", out)
        self.assertIn("NEURAL_NETWORKS_DATA", self.done("--help"))
        words = re.sub(r"\s+", " ", self.done("show", "--help"))
        self.assertIn(f"one of: {', '.join(NAMES)}", words)


class TestDownload(CommandTest):
    """Downloads without a network: ``fetch`` writes synthetic files."""

    def setUp(self):
        super().setUp()
        self.fetched = []
        self.enterContext(mock.patch.object(download, "fetch", self.fetch))
        self.write = synthetic_files.write_higgs

    def fetch(self, files, folder):
        self.fetched.append(([file.name for file in files], folder))
        self.write(folder)
        return [folder / file.name for file in files]

    def ready(self, name: str, data: Path, out: str) -> None:
        """Assert that the set is prepared, and that the command says so."""
        (ready,) = (data / name).glob("prepared-*")
        self.assertTrue((ready / "about.json").is_file())
        self.assertIn(f"{name} is ready, in {ready}.\n", out)

    def test_what_is_missing(self):
        out = self.done("download", "higgs")
        self.assertEqual(self.fetched, [(["HIGGS.csv.gz"], self.data / "higgs")])
        self.ready("higgs", self.data, out)
        self.assertFalse(self.own.exists())

    def test_several(self):
        writers = [synthetic_files.write_higgs, synthetic_files.write_fashion_mnist]
        self.write = lambda folder: writers.pop(0)(folder)
        out = self.done("download", "higgs", "iris", "fashion_mnist")
        folders_ = [folder for _, folder in self.fetched]
        self.assertEqual(folders_, [self.data / "higgs", self.data / "fashion_mnist"])
        self.assertEqual(len(self.fetched[1][0]), 4)
        for name in ("higgs", "fashion_mnist"):
            self.ready(name, self.data, out)

    def test_where_no_folder_is_named(self):
        del os.environ[folders.VARIABLE]
        out = self.done("download", "higgs")
        self.assertEqual(self.fetched[0][1], self.own / "higgs")
        self.ready("higgs", self.own, out)

    def test_a_folder_that_is_shared_is_left_alone(self):
        self.data.chmod(0o555)
        self.addCleanup(self.data.chmod, 0o755)
        self.ready("higgs", self.own, self.done("download", "higgs"))
        self.assertFalse(files_in(self.data))

    def test_what_is_found_is_prepared(self):
        write_data(self.data)
        for name in ("higgs", "fashion_mnist", "cifar10"):
            self.ready(name, self.data, self.done("download", name))
        self.assertEqual(self.fetched, [])

    def test_what_is_prepared_needs_no_files(self):
        self.done("download", "higgs")
        (self.data / "higgs" / "HIGGS.csv.gz").unlink()
        self.ready("higgs", self.data, self.done("download", "higgs"))
        self.assertEqual(len(self.fetched), 1)

    def test_what_needs_no_download(self):
        for name, source in (
            ("iris", "comes with scikit-learn"),
            ("digits", "comes with scikit-learn"),
            ("sinewave", "drawn from the seed"),
        ):
            words = f"{name}: {source}; there is nothing to download.\n"
            self.assertTrue(self.done("download", name).startswith(words))
        self.assertEqual((self.fetched, files_in(self.data)), ([], set()))

    def test_letters_that_are_not_here(self):
        """The message names the files and their place, and suggests no next step."""
        _, out, err = quietly(command.main, "download", "letters")
        self.assertIn("by hand", out + err)
        self.assertIn(str(self.data / "letters"), out + err)
        self.assertIn("largeTrain.csv", out + err)
        self.assertNotIn("show letters", out)
        self.assertEqual(self.fetched, [])

    def test_letters_that_are_here(self):
        write_data(self.data)
        out = self.done("download", "letters")
        self.assertNotIn("by hand", out)
        self.assertIn(f"letters is ready, in {self.data / 'letters'}", out)

    @mock.patch.object(datasets, "MOST_FEATURES", 4)
    def test_the_next_step_can_be_taken(self):
        for names in (("iris",), ("higgs", "iris")):
            out = self.done("download", *names)
            _, *step = shlex.split(out.split("\nNext:\n")[1])
            self.assertEqual(step, ["-m", "neural_networks", "datasets", "show", names[0]])
            self.done(*step[3:])
            self.assertTrue((self.pictures / f"{names[0]}.png").exists())

    def test_there_is_no_next_step_for_a_table_of_one_s_own(self):
        self.assertNotIn("show csv\n", self.done("download", "csv"))

    def test_mistakes(self):
        self.refused("unknown dataset 'higgss'; did you mean 'higgs'", "download", "higgss")
        self.refused("arguments are required: NAME", "download")
        with mock.patch.dict(os.environ, {folders.VARIABLE: str(self.root / "nowhere")}):
            self.refused("names a folder that does not exist", "download", "higgs")
        self.assertEqual(self.fetched, [])

    def test_a_mistake_is_told_before_the_download(self):
        self.refused("unknown dataset 'irsi'", "download", "higgs", "irsi")
        self.assertEqual(self.fetched, [])

    def test_a_failure(self):
        failure = download.DownloadError("no address gives HIGGS.csv.gz: try later")
        self.write = mock.Mock(side_effect=failure)
        status, out, err = quietly(command.main, "download", "higgs")
        expected = f"{PROGRAM}: error: no address gives HIGGS.csv.gz: try later\n"
        self.assertEqual((status, out, err), (2, "", expected))
        self.write = mock.Mock(side_effect=KeyboardInterrupt)
        result = quietly(command.main, "download", "higgs")
        self.assertEqual(result, (130, "", "\nInterrupted.\n"))
        self.write = synthetic_files.write_higgs
        self.ready("higgs", self.data, self.done("download", "higgs"))
        self.assertEqual(len(self.fetched), 3)

    def test_what_comes_damaged(self):
        def damaged(folder):
            synthetic_files.write_higgs(folder)
            file = folder / "HIGGS.csv.gz"
            file.write_bytes(file.read_bytes()[:-100])

        self.write = damaged
        for _ in range(2):  # the second time, it is there
            status, out, err = quietly(command.main, "download", "higgs")
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertRegex(err, "HIGGS.csv.gz is truncated")
        self.assertFalse(list((self.data / "higgs").glob("*prepared*")))
        self.assertEqual(len(self.fetched), 1)


class TestShow(RealData, CommandTest):
    def drawn(self, path: Path, *arguments: object) -> bytes:
        """The picture that a command draws at this place only."""
        before = files_in(self.root)
        name = arguments[0]
        out = self.done("show", *arguments)
        self.assertEqual(out, f"{name} is drawn in {path}.\n")
        new = {file for file in files_in(self.root) - before if file.is_file()}
        self.assertEqual(new, {path})
        picture = path.read_bytes()
        self.assertEqual(picture[:8], PNG)
        return picture

    @mock.patch.multiple(datasets, COLUMNS=2, MOST_CLASSES=3, MOST_FEATURES=2)
    def test_every_dataset(self):
        """Every dataset, with fewer panels, which are slow."""
        table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["a", "b"])
        table.assign(c=["x", "y"] * 15).to_csv(self.root / "t.csv", index=False)
        options = {"csv": ("--data-args", f"path={self.root / 't.csv'}", "label=c")}
        drawn = [
            self.drawn(self.pictures / f"{name}.png", name, *options.get(name, ()))
            for name in NAMES
        ]
        (self.pictures / "letters.png").unlink()
        shifted = ("letters", "--data-args", "shift=2")
        drawn.append(self.drawn(self.pictures / "letters.png", *shifted))
        self.assertEqual(len(set(drawn)), len(NAMES) + 1)

    def test_images_unless_told_otherwise(self):
        place = self.root / "digits.png"
        shapes = []

        def draw(_, dataset):
            shapes.append(dataset.raw_shape)

        with mock.patch.object(datasets, "draw", draw):
            for option in ((), ("--data-args", "images=true"), ("--data-args", "images=false")):
                self.done("show", "digits", "--output", place, *option)
        self.assertEqual(shapes, [(8, 8, 1), (8, 8, 1), (64,)])

    def test_options(self):
        place = self.root / "new" / "folder" / "picture.png"
        short = self.drawn(place, "sinewave", "--data-args", "window=20", "--output", place)
        place.unlink()
        plain = self.drawn(place, "sinewave", "--output", place)
        place.unlink()
        self.assertNotEqual(plain, short)
        self.assertEqual(self.drawn(place, "sinewave", "--output", place), plain)

    def test_an_older_picture_is_replaced_or_kept(self):
        place = self.root / "picture.png"
        place.write_bytes(b"mine")
        self.refused("has no images", "show", "iris", "--output", place, "--data-args", "flip=true")
        self.assertEqual(place.read_bytes(), b"mine")
        with mock.patch.object(Figure, "savefig", half_saved):
            self.refused("disk full", "show", "iris", "--output", place)
        self.assertEqual(place.read_bytes(), b"mine")
        self.done("show", "iris", "--output", place)
        self.assertEqual(place.read_bytes()[:8], PNG)

    def test_mistakes(self):
        for name in ("x.pdf", "x.PNG", "x", ""):
            words = "--output must end in .png, got "
            self.refused(words, "show", "iris", "--output", name and self.root / "new" / name)
        self.refused("unknown dataset 'irsi'", "show", "irsi")
        self.refused("dataset 'csv' needs the option 'path'", "show", "csv")
        option = ("show", "higgs", "--data-args")
        self.refused("no option 'size'.*n_training, n_validation, n_test", *option, "size=small")
        self.refused("'n_test' is not of the form KEY=VALUE", *option, "n_test")
        self.refused("unrecognized arguments: iris", "show", "higgs", "iris")
        (self.root / "folder.png").mkdir()
        self.refused("folder.png", "show", "iris", "--output", self.root / "folder.png")

    def test_options_that_are_no_options_of_a_dataset(self):
        for option in ("seed=1", "name=digits"):
            with self.subTest(option):
                words = f"'iris' has no option '{option.split('=')[0]}'"
                self.refused(words, "show", "iris", "--data-args", option)

    def test_what_is_not_here(self):
        with mock.patch.dict(os.environ, {folders.VARIABLE: str(self.root)}):
            words = f"'higgs' is not here: '{PROGRAM} download higgs' fetches it"
            self.refused(words, "show", "higgs")


class TestProcess(RealData, CommandTest):
    """The command as a process, outside the repository."""

    def run_it(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "neural_networks", "datasets", *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_list(self):
        done = self.run_it("list")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        names = [line for line in done.stdout.splitlines() if line and line[0] != " "]
        self.assertEqual(names, list(CATALOGUE))

    def test_show(self):
        done = self.run_it("show", "sinewave", "--output", "here.png")
        place = self.root.resolve() / "here.png"
        expected = (0, f"sinewave is drawn in {place}.\n", "")
        self.assertEqual((done.returncode, done.stdout, done.stderr), expected)
        self.assertEqual(place.read_bytes()[:8], PNG)

    def test_a_mistake(self):
        done = self.run_it("download", "irsi")
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))

    def test_readers_that_have_seen_enough(self):
        line = f"{shlex.quote(sys.executable)} -m neural_networks datasets list"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        # Either may be at its end first, but not if the reader reads nothing at all.
        for reader, shown, status in (("head -1", "iris\n", {0, 141}), ("exec <&-", "", {141})):
            script = f"{{ sleep 0.2; {line}; }} | {reader}; exit ${{PIPESTATUS[0]}}"
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual((done.stdout, done.stderr), (shown, ""))
            self.assertIn(done.returncode, status)


if __name__ == "__main__":
    unittest.main()
