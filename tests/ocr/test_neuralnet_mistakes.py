"""The OCR program: wrong arguments, faulty files, failures while running."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import neuralnet
from neural_networks import plots
from neural_networks.models import NeuralNetwork
from tests.ocr.test_neuralnet import OUTPUTS, SCRIPT, TINY, ProgramTest, run

PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
ROWS = "7,0,1\n9,1,0\n3,0.5,1\n"


class MistakeTest(ProgramTest):
    """A test of a failure, with earlier results where the new ones should go."""

    def setUp(self):
        super().setUp()
        self.steps, self.picture = self.root / "steps.txt", self.root / "letters.png"
        for path in (*map(Path, self.arguments()[2:5]), self.steps, self.picture):
            path.write_text(f"what {path.name} was before")

    def state(self) -> dict[Path, object]:
        """All that can be seen in the folder, hidden files included."""
        paths = [path for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir()]
        contents = [path.read_bytes() if path.is_file() else b"" for path in paths]
        times = [(path.lstat().st_mtime_ns, path.lstat().st_ino) for path in paths]
        return dict(zip(paths, zip(contents, times, strict=True), strict=True))

    @contextlib.contextmanager
    def nothing_written(self):
        before = self.state()
        yield
        self.assertEqual(self.state(), before)

    def refused(self, *words: str, flags=(), status: int = 2, **changes: object) -> str:
        """Such a run must end with one line that has these words, and leave all as it was."""
        with self.subTest(flags=flags, **changes):
            with self.nothing_written():
                found, out, err = self.program(*flags, **changes)
            self.assertEqual(found, status, err)
            self.assertRegex(err, r"\Aneuralnet\.py: error: [^\n]+\n\Z")
            for word in words:
                self.assertIn(word, err)
            return out

    def refused_at_once(self, *words: str, **changes: object) -> None:
        """The same, before anything is trained or printed."""
        with mock.patch.object(neuralnet, "train", side_effect=AssertionError("it trains")):
            self.assertFalse(self.refused(*words, **changes))


class TestArguments(MistakeTest):
    def test_number_of_arguments(self):
        for arguments in ([], self.arguments()[:8], self.arguments("one more")):
            with self.subTest(len(arguments)), self.nothing_written():
                done = run([sys.executable, SCRIPT, *arguments])
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"\Aneuralnet\.py: error: [^\n]+\n\Z")
        self.assertIn("one more", done.stderr)

    def test_values(self):
        for name, values in {
            "num_epoch": ("0", "-1", "1.5", "x", "1_000", "", "1e3", "٣", "+1", "nan"),
            "hidden_units": ("0", "-4", "1.5", "many", "5_0", "²"),
            "init_flag": ("0", "3", "1.0", "random", "", "12", "01", "-1"),
            "learning_rate": ("nan", "inf", "-0.1", "-.0000000001", "x", "", "1e400", "0,1", "1_0"),
        }.items():
            for value in values:
                self.refused_at_once(name, repr(value), **{name: value})
        for value in ("-1", "x", "1.5", ""):
            self.refused_at_once("--seed", repr(value), flags=["--seed", value])
        self.refused_at_once("--see", flags=["--see", 3])

    def test_negative_rates(self):
        """Although argparse reads -1e-3 as a flag."""
        for value in ("-1e-3", "-inf", "-.5e1"):
            self.refused_at_once("learning_rate", value, "at least 0", learning_rate=value)

    def test_huge_numbers(self):
        for number in (10**13, 10**30):
            self.refused(num_epoch=number)
            self.refused(hidden_units=number)
        self.refused("num_epoch", num_epoch="9" * 5000)


class TestInputs(MistakeTest):
    def refused_text(self, text: str | bytes, *words: str) -> None:
        """Either input with such a text; the other is fine."""
        for i, name in enumerate(("train.csv", "validation.csv")):
            with self.subTest(name, text=text):
                self.write(*((text, ROWS) if i == 0 else (ROWS, text)))
                self.refused_at_once(name, *words)

    def test_no_file(self):
        for name in ("train_input", "validation_input"):
            self.refused_at_once(name, "nowhere.csv", **{name: self.root / "nowhere.csv"})
            self.refused_at_once(name, str(self.root), "folder", **{name: self.root})

    def test_no_example(self):
        for text in ("", "\n", "\n\n \n\r\n", "\ufeff"):
            self.refused_text(text, "is empty")

    def test_empty_line(self):
        self.refused_text("7,0,1\n\n9,1,0\n", "line 2 ", "empty")
        self.refused_text("\n7,0,1\n", "line 1 ", "empty")
        self.refused_text("7,0,1\n9,1,0\n \n\n3,0,0\n", "line 3 ", "empty")

    def test_number_of_columns(self):
        for row, n in (("7,1", 2), ("7,0,1,1", 4)):
            for start in (1, 2):
                lines = [*ROWS.splitlines()[:start], row, "3,1,1"]
                self.refused_text("\n".join(lines), f"line {start + 1}: there are {n} columns")
            # A first line is the model of those below it, and the first file of the second.
            self.write(f"{row}\n{ROWS}", ROWS)
            self.refused_at_once(f"train.csv, line 2: there are 3 columns, but {n} in line 1")
            self.write(ROWS, f"{row}\n{ROWS}")
            self.refused_at_once(
                f"validation.csv, line 1: there are {n} columns, but 3 in", "train.csv"
            )

    def test_nothing_but_labels(self):
        self.write("7\n9\n", ROWS)
        self.refused_at_once("train.csv, line 1", "label", "'7'")
        self.write(ROWS, "7,0,1\n9\n")
        self.refused_at_once("validation.csv, line 2", "9")

    def test_cells(self):
        cells = ("a", "", " ", "nan", "inf", "-inf", "1e400", "1.5", "-0.1", "255", "-1e-300")
        cells += ("1.0000001", "0x1", "1 0", '"1"', "1;5", "True", "1\0")
        for cell in cells:
            self.refused_text(
                f"7,0,1\n9,1,{cell}\n3,0,0\n", "line 2", "column 3", repr(cell.strip())
            )
            self.refused_text(f"7,{cell},1\n", "line 1", "column 2", repr(cell.strip()))
        # A long one is cut.
        self.refused_text("7,0," + "x" * 10000, "line 1", "column 3", repr("x" * 40))

    def test_numbers_that_only_python_reads(self):
        for cell in ("0_1", "٠", "１"):
            self.refused_text(f"7,0,1\n9,1,{cell}\n", "line 2", "column 3", repr(cell.strip()))

    def test_labels(self):
        for cell in ("10", "-1", "3.5", "nan", "", "a", "inf", "1e400", "99999999999999999999"):
            self.refused_text(f"7,0,1\n{cell},1,0\n", "line 2", "column 1", repr(cell.strip()))
        self.refused_text("label,p1,p2\n" + ROWS, "line 1", "column 1", "'label'")

    def test_first_mistake_is_told(self):
        self.refused_text("7,0,1\n9,1,2\n10,a,0\n", "line 2", "column 3", "'2'")

    def test_no_text(self):
        for content in (bytes(range(256)), b"\x89PNG\r\n\x1a\n", ROWS.encode("utf-16")):
            self.refused_text(content, "not a text file")

    def test_variants_that_are_valid(self):
        self.write(ROWS, ROWS)
        expected = self.written()
        for text in (
            ROWS.rstrip("\n"),
            ROWS + "\n\n \n",
            ROWS.replace("\n", "\r\n"),
            "\ufeff" + ROWS,
            ROWS.replace("7", "7.0").replace(",0.5", ",.5").replace(",1", ",1."),
            ROWS.replace(",", " , ").replace("7", "  +7"),
            ROWS.replace(",1", ",1e0").replace(",0\n", ",-0\n"),
        ):
            with self.subTest(text):
                self.write(text, text)
                self.assertEqual(self.written(), expected)


class TestOutputs(MistakeTest):
    def every_output(self):
        """The name of each file that is written, and a function that gives it a path."""
        for name in OUTPUTS:
            yield name, lambda path, name=name: {name: path}
        for name in ("trace", "plot"):
            yield name, lambda path, name=name: {"flags": [f"--{name}", path]}

    def test_no_folder(self):
        for name, at in self.every_output():
            self.refused_at_once(name, "nowhere", **at(self.root / "nowhere" / "file.png"))
            # A file is not a folder either.
            self.refused_at_once(name, "train.csv", **at(self.root / "train.csv" / "file.png"))

    def test_a_folder(self):
        (self.root / "folder.png").mkdir()
        for name, at in self.every_output():
            self.refused_at_once(name, "folder.png", **at(self.root / "folder.png"))

    def test_a_folder_that_may_not_be_written_to(self):
        (self.root / "locked").mkdir()
        # Root, the user of most containers, may write everywhere.
        with mock.patch.object(os, "access", lambda path, _: Path(path).name != "locked"):
            for name, at in self.every_output():
                self.refused_at_once(name, "locked", **at(self.root / "locked" / "file.png"))

    def test_links_that_lead_nowhere_are_told_before_training(self):
        (self.root / "link.png").symlink_to("nowhere/file.png")
        (self.root / "loop.png").symlink_to("loop.png")
        for name, at in self.every_output():
            self.refused_at_once(name, "nowhere", **at(self.root / "link.png"))
            self.refused_at_once(name, "loop.png", **at(self.root / "loop.png"))

    def test_a_folder_of_root_does_not_matter_if_nothing_is_made_in_it(self):
        """Only root may write to the folder /dev, but everyone to its devices; likewise links."""
        (self.root / "dev").mkdir()
        os.mkfifo(self.root / "dev" / "null")  # see test_devices_stay_devices
        self.addCleanup(os.close, os.open(self.root / "dev" / "null", os.O_RDWR))
        (self.root / "dev" / "link").symlink_to(self.root / "metrics.txt")
        for name in ("null", "link"):
            denied = mock.patch.object(os, "access", lambda path, _: Path(path).name != "dev")
            with self.subTest(name), denied:
                done = self.program(metrics_out=self.root / "dev" / name)
                self.assertEqual(done[::2], (0, ""))

    def test_a_pipe(self):
        """The target of /dev/stdout: if a program reads the output, it is not a path of a file."""
        done = self.process(**dict.fromkeys(OUTPUTS, "/proc/self/fd/1"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("9\n9\n9\n9\nepoch=1 crossentropy(train): 2.14758494455\n", done.stdout)

    def test_each_is_a_separate_file(self):
        (self.root / "folder").mkdir()
        names = list(self.values)
        for name, at in self.every_output():
            for other in names[:5]:
                if name == other:
                    continue
                path = self.values[other]
                self.refused_at_once(name, other, **at(path))
                self.refused_at_once(name, other, **at(self.root / "folder" / ".." / path.name))
        self.refused_at_once("plot", "trace", flags=["--trace", "a.png", "--plot", "./a.png"])

    def test_another_name_of_the_same_file(self):
        (self.root / "link.png").symlink_to("train.csv")
        for name, at in self.every_output():
            self.refused_at_once(name, "train_input", **at(self.root / "link.png"))
        relative = os.path.relpath(self.root / "metrics.txt")
        self.refused_at_once("metrics_out", "train_out", train_out=relative)

    def test_pictures(self):
        for name in ("letters", "letters.txt", "letters.png.", ".png"):
            self.refused_at_once("plot", name, "png", flags=["--plot", self.root / name])

    def test_pictures_that_need_a_missing_program(self):
        """A .pgf takes TeX; without it nothing is written, and no traceback is shown."""
        with mock.patch.dict(os.environ, PATH=""):
            self.refused(flags=["--plot", self.root / "letters.pgf"])

    def test_a_picture_behind_a_link(self):
        """The format is that of the link's suffix, not of its target's."""
        self.picture.unlink()
        self.picture.symlink_to("target")
        self.assertEqual(self.program("--plot", self.picture)[::2], (0, ""))
        self.assertEqual((self.root / "target").read_bytes()[:4], b"\x89PNG")
        self.assertEqual([path.name for path in self.root.iterdir() if path.name[0] == "."], [])

    def test_a_trace_that_has_no_room(self):
        usage = mock.Mock(free=100_000)
        flags = ["--trace", self.steps]
        with mock.patch.object(shutil, "disk_usage", return_value=usage) as asked:
            self.refused("trace", "GB", flags=flags, num_epoch=1000)
            self.assertEqual(Path(asked.call_args[0][0]), self.root)
            self.assertEqual(self.program(*flags)[0], 0, "of one epoch there is room")

    def test_room_for_a_trace_is_about_what_it_takes(self):
        self.program("--trace", self.steps, num_epoch=3, hidden_units=30, init_flag=1)
        step = neuralnet.Trace.bytes_per_step(neuralnet.make_network(5, 30, 1, 0.1))
        self.assertLess(abs(np.log2(3 * 2 * step / self.steps.stat().st_size)), 1)


class TestFailures(MistakeTest):
    def setUp(self):
        super().setUp()
        self.everything = ["--trace", self.steps, "--plot", self.picture]

    def assert_no_room(self, size: int, *flags: object, train=TINY[0], validation=TINY[1]):
        """A run with a limit on the size of a file, in bytes."""
        limited = "import neuralnet; from resource import *; setrlimit(RLIMIT_FSIZE, "
        limited += f"({size}, {size})); raise SystemExit(neuralnet.main())"
        self.write(train, validation)
        with self.subTest(flags=flags), self.nothing_written():
            done = self.process(*flags, before=("-c", limited), cwd=SCRIPT.parent)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"\Aneuralnet\.py: error: .*File too large.*\n\Z")

    def test_no_room(self):
        self.assert_no_room(100)  # there is for the labels, but not for the metrics
        self.assert_no_room(180, validation=TINY[1] * 60)
        self.assert_no_room(180, train=TINY[0] * 60)
        self.assert_no_room(1000, "--trace", self.steps, train=TINY[0] * 20)

    def test_no_room_for_a_picture(self):
        def half(draw, path):
            path.write_bytes(b"half a picture")
            raise OSError(28, "No space left on device")

        with mock.patch.object(plots, "save", half):
            self.refused("No space left", flags=self.everything)

    def test_no_room_for_the_end_of_a_trace(self):
        """The end of a trace is written when it is closed, and may find no room then."""
        self.assert_no_room(1000, "--trace", self.steps)

    def test_divergence(self):
        changes = {"status": 1, "num_epoch": 3, "learning_rate": 1.7e308}
        for flags in ((), self.everything):
            for flag in (1, 2):
                out = self.refused("epoch 1", "rate", flags=flags, init_flag=flag, **changes)
                self.assertNotIn("After", out)

    def test_divergence_of_either_loss(self):
        predict = NeuralNetwork.predict
        for broken in (np.nan, np.inf):
            for losses in ((0, 0, broken, 0), (0, 0, 0, broken)):  # of two epochs
                calls = iter(losses)

                def fake(model, X, Y, calls=calls):
                    return predict(model, X, Y)[0], next(calls)

                with mock.patch.object(NeuralNetwork, "predict", fake):
                    self.refused("epoch 2", status=1, num_epoch=3)

    def test_large_rates_raise_no_warning(self):
        """Sigmoids and outputs saturate; the loss stays finite, and no warning is shown."""
        for rate in (1e3, 1e6, 1e100):
            for flag in (1, 2):
                changes = {"num_epoch": 2, "init_flag": flag, "learning_rate": rate}
                plain = self.written(**changes)
                self.assertEqual(self.written("--trace", self.steps, **changes), plain)
                self.assertNotIn("nan", plain[2])

    def interrupted(self, *flags: object, started) -> None:
        """Ctrl-C, once the process is training, for which ``started`` waits."""
        # A shell's background jobs ignore Ctrl-C, and so may this process.
        heed = "from signal import *; signal(SIGINT, default_int_handler); import neuralnet; "
        heed += "train = neuralnet.train; "
        heed += "neuralnet.train = lambda *sets: print('training') or train(*sets); "
        heed += "raise SystemExit(neuralnet.main())"
        command = [sys.executable, "-u", "-c", heed, *self.arguments(*flags, num_epoch=10**5)]
        with self.nothing_written():
            with subprocess.Popen(command, cwd=SCRIPT.parent, **PIPES) as process:
                self.addCleanup(process.kill)
                started(process)
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60)
            self.assertEqual((process.returncode, err), (130, "\nInterrupted.\n"))

    def test_ctrl_c(self):
        self.interrupted(started=lambda process: process.stdout.readline() and time.sleep(0.2))

    def test_ctrl_c_with_a_trace(self):
        def started(process):
            deadline = time.monotonic() + 60
            while not any(path.stat().st_size for path in self.root.glob(".steps-*")):
                self.assertLess(time.monotonic(), deadline, "training did not start")
                time.sleep(0.02)

        self.interrupted("--trace", self.steps, started=started)

    def test_a_reader_that_has_gone(self):
        """As with | head: the files are written, without a message; see exit_status."""
        command = [sys.executable, SCRIPT, *self.arguments()]
        for unbuffered in ("", "1"):
            with self.subTest(unbuffered=unbuffered):
                self.values["metrics_out"].unlink(missing_ok=True)
                options = PIPES | {"env": os.environ | {"PYTHONUNBUFFERED": unbuffered}}
                with subprocess.Popen(command, **options) as process:
                    process.stdout.close()
                    err = process.stderr.read()
                self.assertEqual((process.returncode, err), (141, ""))
                self.assertTrue(self.values["metrics_out"].exists())

    def test_no_output_at_all(self):
        """Standard output or error that is closed, as some schedulers have it."""
        for closing in (">&-", "2>&-"):
            with self.subTest(closing):
                self.values["metrics_out"].unlink(missing_ok=True)
                command = ["sh", "-c", f'"$@" {closing}', "sh", sys.executable, str(SCRIPT)]
                done = run([*command, *self.arguments()])
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(self.values["metrics_out"].exists())

    def test_debug_shows_the_traceback(self):
        with self.nothing_written(), self.assertRaisesRegex(FileNotFoundError, "nowhere"):
            neuralnet.main(self.arguments("--debug", train_input="nowhere"))


if __name__ == "__main__":
    unittest.main()
