"""Settings of Matplotlib: whatever a user's are, a picture file is the same, and they stay."""

import hashlib
import os
import subprocess
import sys
import threading
import unittest
from unittest import mock

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot
from matplotlib import style as style_sheets
from matplotlib.image import imread

from neural_networks import plots
from neural_networks.plots import style
from tests.support.arrays import InFolder
from tests.support.textbook import ROOT

DRAW = """
import sys
from pathlib import Path
import numpy as np
from neural_networks import plots
columns = {"epoch": np.arange(1, 4), "train_loss": np.array([1.0, 0.1, 0.001])}
draw = lambda figure: plots.loss_curves(figure, "a_b $c", "own", columns, {})
plots.save(draw, Path(sys.argv[1]))
assert "matplotlib.pyplot" not in sys.modules
import matplotlib
print(matplotlib.rcParams["text.usetex"], matplotlib.rcParams["figure.facecolor"])
"""

BACKENDS = ("module://matplotlib_inline.backend_inline", "module://nowhere", "qtagg", "nonsense")

FILES = {  # matplotlibrc, and the settings that the user's own figures have afterwards
    b"text.usetex: True\n": "True white",
    b"figure.facecolor: red\nsavefig.facecolor: blue\nsavefig.transparent: True\n": "False red",
    b"savefig.bbox: tight\nsavefig.dpi: 30\nsavefig.format: pdf\nfont.size: 30\n": "False white",
    b"axes.formatter.use_mathtext: True\nxtick.labelsize: 30\npath.sketch: 5, 99, 2\n": (
        "False white"
    ),
    b"backend: nonsense\nno.such.key: 3\nlines.linewidth: banana\n": "False white",
    b"text.usetex: \xff\xfe\n": "False white",  # cannot be read at all
}


def draw(figure):
    """Curves with a title, a legend and both kinds of labels."""
    columns = {"epoch": np.arange(1, 4), "train_loss": np.array([1.0, 0.1, 0.001])}
    plots.loss_curves(figure, "a_b $c", "own", columns, {})


def digest(path):
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class SavedPictures(InFolder):
    def setUp(self):
        super().setUp()
        self.path = self.root / "picture.png"

    def saved(self):
        """A picture that is drawn in this process, by its hash: bytes would fill the screen."""
        plots.save(draw, self.path)
        return digest(self.path)


class TestOtherProcesses(SavedPictures):
    def drawn(self, **environment):
        """A picture that another process draws with these variables, and what it prints."""
        self.path.unlink(missing_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MPL")}
        done = subprocess.run(
            [sys.executable, "-c", DRAW, self.path],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**kept, **environment},
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return digest(self.path), done.stdout.strip()

    def test_backends(self):
        expected = self.saved()
        for backend in BACKENDS:
            with self.subTest(backend):
                self.assertEqual(self.drawn(MPLBACKEND=backend), (expected, "False white"))

    def test_files_of_settings(self):
        expected = self.saved()
        settings = self.root / "matplotlibrc"
        for content, kept in FILES.items():
            with self.subTest(content):
                settings.write_bytes(content)
                self.assertEqual(self.drawn(MATPLOTLIBRC=str(settings)), (expected, kept))


class TestThisProcess(SavedPictures):
    def test_every_style_sheet(self):
        expected = self.saved()
        for name in style_sheets.available:
            with self.subTest(name), mpl.style.context(name):
                before = dict(mpl.rcParams)
                self.assertEqual(self.saved(), expected)
                self.assertEqual(dict(mpl.rcParams), before)

    def test_settings_of_a_program(self):
        expected = self.saved()
        for settings in (
            {"text.usetex": True},
            {"figure.autolayout": True},
            {"figure.constrained_layout.use": False, "figure.constrained_layout.h_pad": 2},
            {"axes.unicode_minus": False, "axes.grid": True, "axes.titlelocation": "left"},
            {"agg.path.chunksize": 100, "path.simplify": False},
            {"text.parse_math": False, "axes.formatter.use_locale": True},
            {"savefig.pad_inches": 3, "savefig.bbox": "tight", "font.family": "serif"},
        ):
            with self.subTest(settings), mpl.rc_context(settings):
                self.assertEqual(self.saved(), expected)
                for name, value in settings.items():
                    self.assertEqual(mpl.rcParams[name], mpl.rcParams.validate[name](value))

    def test_settings_are_back_after_a_failure(self):
        def fail(figure):
            raise RuntimeError("no")

        with mpl.rc_context({"figure.facecolor": "red"}):
            with self.assertRaisesRegex(RuntimeError, "no"):
                plots.save(fail, self.path)
            self.assertEqual(mpl.rcParams["figure.facecolor"], "red")
        self.assertFalse(self.path.exists())

    def test_threads(self):
        """Settings are those of the process: two that draw at once must not mix them up."""
        expected, found = self.saved(), []

        def many(number):
            path = self.root / f"{number}.png"
            for _ in range(3):
                plots.save(draw, path)
                found.append(digest(path))

        with mpl.rc_context({"figure.facecolor": "red", "font.size": 20}):
            threads = [threading.Thread(target=many, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(mpl.rcParams["font.size"], 20)
        self.assertEqual(found, [expected] * 12)

    def test_on_the_screen(self):
        """In the same style; the user's own figures have theirs before and after."""
        seen = []

        def look():
            seen.append(mpl.rcParams["figure.facecolor"])

        with (
            mpl.rc_context({"figure.facecolor": "red", "figure.dpi": 70, "text.usetex": True}),
            mock.patch("matplotlib.pyplot.show", look),
        ):
            backend = mpl.get_backend()
            plots.show(draw)
            figure = pyplot.gcf()
            self.addCleanup(pyplot.close, figure)
            self.assertEqual(mpl.rcParams["figure.facecolor"], "red")
            self.assertEqual(mpl.get_backend(), backend)
        self.assertEqual((seen, figure.get_facecolor(), figure.dpi), (["white"], (1, 1, 1, 1), 70))

    def test_other_formats(self):
        for suffix, start in ((".pdf", b"%PDF"), (".svg", b"<?xml"), (".PNG", b"\x89PNG")):
            path = self.root / f"picture{suffix}"
            plots.save(draw, path)
            self.assertTrue(path.read_bytes().startswith(start))

    def test_no_side_has_more_pixels(self):
        def huge(figure):
            figure.set_size_inches(3, 50)
            figure.add_subplot()

        plots.save(huge, self.path)
        height, width, _ = imread(self.path).shape
        self.assertLessEqual(height, style.MOST_PIXELS)
        self.assertGreater(width, 1)


class TestTexts(unittest.TestCase):
    def test_names_are_shortened_in_the_middle(self):
        self.assertEqual(style.short("setosa"), "setosa")
        self.assertEqual(style.short("x" * 24), "x" * 24)
        self.assertEqual(
            style.short("the beginning, much between, the end", 16), "the beginn…e end"
        )
        for letters in range(3, 30):
            self.assertLessEqual(len(style.short("a" * 300, letters)), letters)
            self.assertIn("…", style.short("a" * 300, letters))

    def test_what_cannot_be_printed_becomes_a_blank(self):
        for name in ("two\nlines", "two\tlines", "two \r\n lines", "two\0lines", "two\u2028lines"):
            self.assertEqual(style.short(name), "two lines")
        self.assertEqual(style.short("\udc80x\u200b"), "x")  # half a character; no width
        self.assertEqual(style.short(7), "7")

    def test_names_that_look_alike_have_their_numbers(self):
        long = [f"{'much the same ' * 5}{i} of them, really" for i in range(12)]
        found = style.short_names(["a", *long])
        self.assertEqual(found[0], "a")
        self.assertEqual(len(set(found)), 13)
        for number, text in enumerate(found[1:], start=1):
            self.assertRegex(text, rf"^{number}: much")
            self.assertLessEqual(len(text), style.MOST_LETTERS)
        self.assertEqual(style.short_names(["", "b", " \n"]), ["0:", "b", "2:"])

    def test_titles_are_wrapped_and_end(self):
        lines = style.heading(["a " * 40, "b" * 500], 4).splitlines()
        self.assertEqual(len(lines), 4)
        self.assertLessEqual(max(style.inches(line, 10) for line in lines), 4)
        self.assertEqual(style.heading(["iris", "", "4-10-3"], 6), "iris\n4-10-3")

    def test_large_images_are_thinned(self):
        image = np.arange(300 * 1000, dtype=float).reshape(300, 1000, 1)
        found = style.thumbnail(image)
        self.assertLessEqual(max(found.shape), style.MOST_IMAGE_PIXELS)
        self.assertEqual((found.min(), found.max()), (0, 1))
        small = np.random.default_rng(0).random((128, 2, 3))
        np.testing.assert_array_equal(style.thumbnail(small), style.stretch_contrast(small))


if __name__ == "__main__":
    unittest.main()
