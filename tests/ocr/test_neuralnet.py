"""The OCR program: files, training and trace, against a reference and hand calculation."""

import os
import pty
import re
import subprocess
import sys
import termios
import unittest
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread

import neuralnet
from neural_networks import plots
from tests.cli.test_scripts import read_terminal
from tests.support import ocr_reference
from tests.support.arrays import InFolder
from tests.support.ocr_reference import rows
from tests.support.scripts import quietly
from tests.support.synthetic_files import write_letters

SCRIPT = Path(neuralnet.__file__).resolve()
TINY = "7,0,1,1,1,0\n9,0,0,0,1,0\n", "3,0,0,0,0,0\n6,1,0,0,1,1\n"
OUTPUTS = ("train_out", "validation_out", "metrics_out")
# Modules other than the standard library's, NumPy and the program itself cannot be imported.
NUMPY_ALONE = """\
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        known = {*sys.stdlib_module_names, "numpy", "neural_networks", "neuralnet"}
        if name.partition(".")[0] not in known:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nothing())
import neuralnet
sys.exit(neuralnet.main() or 3 * ("tqdm" in sys.modules))
"""


class ProgramTest(InFolder):
    """A test of the program on its own files: the tiny ones unless others are written."""

    def setUp(self):
        super().setUp()
        self.values = {
            "train_input": self.root / "train.csv",
            "validation_input": self.root / "validation.csv",
            "train_out": self.root / "train.labels",
            "validation_out": self.root / "validation.labels",
            "metrics_out": self.root / "metrics.txt",
            "num_epoch": 1,
            "hidden_units": 4,
            "init_flag": 2,
            "learning_rate": 0.1,
        }
        self.inputs = list(self.values.values())[:2]
        self.write(*TINY)

    def write(self, *texts: str | bytes) -> None:
        """The training file, and perhaps the validation file."""
        for path, text in zip(self.inputs, texts, strict=False):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def arguments(self, *flags: object, **changes: object) -> list[str]:
        return [str(value) for value in [*(self.values | changes).values(), *flags]]

    def program(self, *flags: object, **changes: object) -> tuple[int, str, str]:
        """Its status, and what it printed, for these flags and other values of the arguments."""
        return quietly(neuralnet.main, *self.arguments(*flags, **changes))

    def process(self, *flags: object, before=(SCRIPT,), cwd=None, **changes: object):
        return run([sys.executable, *before, *self.arguments(*flags, **changes)], cwd)

    def files(self) -> list[bytes]:
        return [self.values[name].read_bytes() for name in OUTPUTS]

    def written(self, *flags: object, **changes: object) -> list[str]:
        """The output of a run that must succeed: both files of labels, and the metrics."""
        status, _, err = self.program(*flags, **changes)
        self.assertEqual((status, err), (0, ""))
        return [content.decode("ascii") for content in self.files()]


def run(command: list[object], cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def matrices(model) -> list[np.ndarray]:
    """Copies of alpha and beta: biases in the first column, the weights of a unit in its row."""
    layers = (layer.parameters for layer in model.layers)
    return [np.vstack([values["b"], values["W"]]).T.copy() for values in layers]


class TestFormat(ProgramTest):
    def test_to_the_last_character(self):
        # A network of zeros that learns nothing says 0.1 of every label: the loss is ln 10, and
        # of equal outputs the smallest label wins.
        self.write("0,1,0.5\n1,0,1\n0,1,1\n", "0,0,0\n")
        train, validation, metrics = self.written(num_epoch=2, learning_rate=0)
        self.assertEqual((train, validation), ("0\n0\n0\n", "0\n"))
        self.assertEqual(
            metrics,
            "epoch=1 crossentropy(train): 2.30258509299\n"
            "epoch=1 crossentropy(validation): 2.30258509299\n"
            "epoch=2 crossentropy(train): 2.30258509299\n"
            "epoch=2 crossentropy(validation): 2.30258509299\n"
            "error(train): 0.3333333333333333\n"
            "error(validation): 0.0\n",
        )

    def test_lines_of_many_epochs(self):
        self.write(rows(7, 3), rows(3, 3, seed=1))
        train, validation, metrics = self.written(num_epoch=12, init_flag=1)
        self.assertRegex(f"{train}and\n{validation}", r"\A([0-9]\n){7}and\n([0-9]\n){3}\Z")
        pattern = r"epoch={0} crossentropy\({1}\): [0-9]\.[0-9]{{11}}"
        splits = ("train", "validation")
        wanted = [pattern.format(e, split) for e in range(1, 13) for split in splits]
        wanted += [rf"error\({split}\): ([0-9.e-]+)" for split in splits]
        found = re.fullmatch("".join(f"{line}\n" for line in wanted), metrics)
        self.assertIsNotNone(found, metrics)
        for error in found.groups():
            self.assertEqual(error, repr(float(error)))

    def test_ties_are_those_of_the_outputs(self):
        # Steps of 1e-20 tell the logits apart, but exp(1e-20) is 1: all outputs are equal.
        self.assertEqual(self.written(learning_rate=1e-20)[:2], ["0\n0\n", "0\n0\n"])


class TestAgainstReference(ProgramTest):
    def assert_equal_runs(self, epochs: int, hidden: int, flag: int, rate: float, seed=0) -> None:
        """Files, losses and parameters are those of the reference from the same start."""
        sets = neuralnet.read_both(*self.inputs)
        model = neuralnet.make_network(sets[0].X.shape[1], hidden, flag, rate, seed)
        expected = ocr_reference.run(self.inputs, *matrices(model), epochs, rate)
        losses = neuralnet.train(model, *sets, epochs)
        np.testing.assert_allclose(losses, expected.losses, rtol=1e-12, atol=1e-12)
        for found, matrix in zip(matrices(model), expected[3:5], strict=True):
            np.testing.assert_allclose(found, matrix, rtol=0, atol=1e-12)
        values = zip(list(self.values)[5:], (epochs, hidden, flag, rate), strict=True)
        written = self.written("--seed", seed, **dict(values))
        self.assertEqual(written, ocr_reference.texts(expected))

    def assert_equal_on(self, train: str, validation: str, sizes=((3, 4, 1, 0.1), (3, 4, 2, 0.1))):
        self.write(train, validation)
        for size in sizes:
            with self.subTest(size):
                self.assert_equal_runs(*size)

    def test_letters(self):
        write_letters(self.root, "small")
        texts = [(self.root / f"small{part}.csv").read_text() for part in ("Train", "Validation")]
        sizes = [(2, hidden, flag, 0.1) for hidden in (1, 2, 4, 17, 50) for flag in (1, 2)]
        self.assert_equal_on(*texts, sizes)

    def test_fractions(self):
        pixels = [0, 0.1, 0.25, 1e-9, 1 / 3, 1 - 1e-16, 1]
        self.assert_equal_on(rows(30, 9, 1, pixels), rows(10, 9, 2, pixels))

    def test_sizes(self):
        for n, n_pixels in ((20, 1), (1, 6), (5, 3000)):
            self.assert_equal_on(rows(n, n_pixels), rows(1 + n // 2, n_pixels, seed=1))

    def test_other_rates(self):
        sizes = [(2, 5, flag, rate) for flag in (1, 2) for rate in (0, 1e-6, 1, 5)]
        self.assert_equal_on(rows(20, 6), rows(9, 6, seed=1), sizes)

    @given(
        n=st.integers(1, 12), m=st.integers(1, 4), n_pixels=st.integers(1, 20),
        hidden=st.integers(1, 12), epochs=st.integers(1, 3), flag=st.sampled_from((1, 2)),
        rate=st.floats(0, 2), seed=st.integers(0, 2**32),
    )  # fmt: skip
    def test_any_run(self, n, m, n_pixels, hidden, epochs, flag, rate, seed):
        self.write(rows(n, n_pixels, seed), rows(m, n_pixels, seed + 1))
        self.assert_equal_runs(epochs, hidden, flag, rate, seed)

    def test_the_order_of_the_examples_matters(self):
        self.write(rows(20, 4), rows(5, 4, seed=1))
        in_order = self.written()
        self.write("".join(reversed(rows(20, 4).splitlines(keepends=True))))
        self.assertNotEqual(self.written()[2], in_order[2])


class TestStart(ProgramTest):
    def test_random_weights(self):
        for hidden in (1, 4, 50):
            alpha, beta = matrices(neuralnet.make_network(128, hidden, 1, 0.1))
            self.assertEqual((alpha.shape, beta.shape), ((hidden, 129), (10, hidden + 1)))
            for matrix in (alpha, beta):
                self.assertFalse(matrix[:, 0].any(), "biases begin at zero")
                self.assertLessEqual(np.abs(matrix).max(), 0.1)
                self.assertEqual(len(np.unique(matrix[:, 1:])), matrix[:, 1:].size)
        # 6,400 uniform numbers nearly reach both bounds, and lie evenly between them.
        self.assertLess(alpha[:, 1:].min(), -0.0999)
        self.assertGreater(alpha[:, 1:].max(), 0.0999)
        counts, _ = np.histogram(alpha[:, 1:], bins=4, range=(-0.1, 0.1))
        np.testing.assert_allclose(counts / alpha[:, 1:].size, 0.25, atol=0.02)
        for matrix in matrices(neuralnet.make_network(128, 4, 2, 0.1)):
            self.assertFalse(matrix.any())

    def test_seeds(self):
        self.write(rows(20, 4), rows(5, 4, seed=1))
        first = self.written("--seed", 3, init_flag=1)
        self.assertEqual(self.written("--seed", 3, init_flag=1), first)
        self.assertNotEqual(self.written("--seed", 4, init_flag=1)[2], first[2])
        self.assertEqual(self.written("--seed", 0, init_flag=1), self.written(init_flag=1))
        self.assertEqual(self.written("--seed", 3), self.written("--seed", 4))

    def test_global_generator_is_left_alone(self):
        self.addCleanup(np.random.set_state, np.random.get_state())  # noqa: NPY002
        runs = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            before = np.random.get_state()  # noqa: NPY002
            runs.append(self.written(init_flag=1))
            np.testing.assert_equal(np.random.get_state(), before)  # noqa: NPY002
        self.assertEqual(*runs)

    def test_float64_throughout(self):
        sets, model = neuralnet.read_both(*self.inputs), neuralnet.make_network(5, 4, 1, 0.1)
        arrays = [*sets[0], *sets[1], neuralnet.train(model, *sets, 1), model.predict(*sets[1])[0]]
        for layer in model.layers:
            arrays += [*layer.parameters.values(), *layer.gradients.values()]
        self.assertEqual({array.dtype for array in arrays}, {np.dtype("float64")})


class TestTrace(ProgramTest):
    def trace(self, **changes: object) -> ocr_reference.Trace:
        self.written("--trace", self.root / "steps.txt", **changes)
        return ocr_reference.read_trace((self.root / "steps.txt").read_text())

    def assert_step(self, trace: ocr_reference.Trace, sample: int, **expected) -> None:
        """All values of one step of the first epoch, to the precision of their printing."""
        step = {key: value for key, value in trace.items() if key[:2] == (0, sample)}
        expected = zip(step, map(np.atleast_2d, expected.values()), strict=True)
        self.assertEqual(ocr_reference.differing(step, dict(expected)), [])

    def test_by_hand(self):
        """The tiny files with pen and paper: 5 pixels, 4 hidden units, zeros, rate 0.1."""
        trace, no_alpha = self.trace(), np.zeros((4, 6))
        self.assertEqual({key[:2] for key in trace}, {(0, 0), (0, 1)})
        # Step one, x = (0 1 1 1 0), label 7. All weights are 0, hence a = 0, z_j = σ(0) = 1/2,
        # b = 0 and ŷ = 1/10; the loss is ln 10. db = ŷ - y is 0.1, and -0.9 at the label.
        # dbeta = db zᵀ: db, and halves of it. beta is 0 still, hence nothing reaches alpha.
        z, db = [1, 0.5, 0.5, 0.5, 0.5], np.full(10, 0.1)
        db[7] = -0.9
        beta = np.full((10, 5), [-0.01, -0.005, -0.005, -0.005, -0.005])  # -0.1 dbeta
        beta[7] = [0.09, 0.045, 0.045, 0.045, 0.045]
        self.assert_step(
            trace, 0, a=np.zeros(4), z=z, b=np.zeros(10), y_hat=np.full(10, 0.1), loss=np.log(10),
            db=db, dbeta=np.outer(db, z), dz=np.zeros(4), da=np.zeros(4), dalpha=no_alpha,
            alpha=no_alpha, beta=beta,
        )  # fmt: skip
        # Step two, x = (0 0 0 1 0), label 9. alpha is 0 still, and z as before. Each b is
        # -0.01 - 4 · 0.005 · 1/2 = -0.02; that of 7 is 0.09 + 4 · 0.045 · 1/2 = 0.18.
        b = np.full(10, -0.02)
        b[7] = 0.18
        # ŷ = e^-0.02 / (9 e^-0.02 + e^0.18) = 1 / (9 + e^0.2), and e^0.2 times that of 7.
        y_hat = np.full(10, 1 / (9 + np.exp(0.2)))
        y_hat[7] *= np.exp(0.2)
        db = y_hat - np.eye(10)[9]
        # dz_j = Σ_k db_k beta_kj, where Σ_k db_k = 0: only what 7 has beyond the others counts,
        # (0.045 + 0.005) ŷ_7. da = dz · 1/2 · 1/2, and dalpha = da xᵀ: the bias and pixel 4.
        dz = np.full(4, 0.05 * y_hat[7])
        dalpha = np.outer(dz / 4, [1, 0, 0, 0, 1, 0])
        self.assert_step(
            trace, 1, a=np.zeros(4), z=z, b=b, y_hat=y_hat, loss=np.log(9 + np.exp(0.2)), db=db,
            dbeta=np.outer(db, z), dz=dz, da=dz / 4, dalpha=dalpha, alpha=-0.1 * dalpha,
            beta=beta - 0.1 * np.outer(db, z),
        )  # fmt: skip

    def test_every_value_of_every_step(self):
        """Several epochs, and matrices so wide that NumPy would leave out what is in between."""
        for epochs, hidden, n_pixels, flag in (
            (3, 4, 5, 1), (1, 12, 150, 1), (1, 1, 1200, 2), (1, 120, 3, 1), (2, 1, 1, 2)
        ):  # fmt: skip
            with self.subTest(hidden=hidden):
                self.write(rows(2, n_pixels), rows(2, n_pixels, seed=1))
                start = matrices(neuralnet.make_network(n_pixels, hidden, flag, 0.1))
                expected = ocr_reference.run(self.inputs, *start, epochs, 0.1, traced=True).trace
                trace = self.trace(num_epoch=epochs, hidden_units=hidden, init_flag=flag)
                lines = (self.root / "steps.txt").read_text().splitlines()
                self.assertFalse([line for line in lines if "..." in line or len(line) > 75])
                self.assertEqual(ocr_reference.differing(trace, expected), [])

    def test_changes_no_result(self):
        self.write(rows(12, 10), rows(10, 10, seed=1))
        for flag in (1, 2):
            changes = {"num_epoch": 3, "init_flag": flag, "hidden_units": 7}
            traced = self.written("--trace", self.root / "steps.txt", **changes)
            self.assertEqual(traced, self.written(**changes))


class TestPlaces(ProgramTest):
    def expected(self) -> list[bytes]:
        outcome = ocr_reference.run(self.inputs, *ocr_reference.zeros(5, 4), 1, 0.1)
        return [text.encode() for text in ocr_reference.texts(outcome)]

    def test_another_folder(self):
        """Relative paths start from the current folder; outputs may lie in any."""
        here = self.root / "a folder, ünd a space"
        (here / "out").mkdir(parents=True)
        self.inputs[0].rename(here / "train set.csv")
        places = {"train_out": "out/1 .labels", "validation_out": "../2", "metrics_out": "3"}
        done = self.process(cwd=here, train_input="train set.csv", **places)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = r"(?s)74 parameters\. 2 training, 2 validation examples\.\n\nAfter 1 epoch, .*\n"
        said += r"training +2\.1476  50\.0%\nvalidation +2\.3454  100\.0%\n\n"
        said += r"Written: out/1 \.labels, .*2, 3\n"
        self.assertRegex(done.stdout, said)
        self.inputs[0].write_text(TINY[0])
        self.assertEqual([(here / path).read_bytes() for path in places.values()], self.expected())
        self.assertEqual({path.name for path in here.iterdir()}, {"out", "train set.csv", "3"})

    def test_replaces_its_outputs_alone(self):
        self.addCleanup(os.umask, os.umask(0o022))
        for name in OUTPUTS:
            self.values[name].write_text("of old\n" * 100)
        self.written()
        self.assertEqual(self.files(), self.expected())
        self.assertEqual([path.read_text() for path in self.inputs], [*TINY])
        self.assertEqual({*self.root.iterdir()}, {Path(path) for path in self.arguments()[:5]})
        modes = {self.values[name].stat().st_mode & 0o777 for name in OUTPUTS}
        self.assertEqual(modes, {0o644}, "everyone may read results")

    def test_devices_stay_devices(self):
        # A named pipe stands in for /dev/null, which a mistake could replace for everyone.
        os.mkfifo(self.root / "pipe")
        reader = os.open(self.root / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        done = self.program("--trace", self.root / "pipe", metrics_out=self.root / "pipe")
        self.assertEqual(done[::2], (0, ""))
        self.assertTrue((self.root / "pipe").is_fifo())
        received = os.read(reader, 65536)
        self.assertIn(self.expected()[2], received)
        self.assertIn(b"SGD with respect to sample 1", received)

    def test_links_stay(self):
        (self.root / "targets").mkdir()
        targets = [self.root / "targets" / name for name in OUTPUTS]
        targets[0].write_text("of old")  # the others are not there yet
        for name, target in zip(OUTPUTS, targets, strict=True):
            self.values[name].symlink_to(target)
        self.written()
        self.assertTrue(all(self.values[name].is_symlink() for name in OUTPUTS))
        self.assertEqual([path.read_bytes() for path in targets], self.expected())


class TestScreen(ProgramTest):
    def test_numpy_alone(self):
        alone = {"before": ("-c", NUMPY_ALONE), "cwd": SCRIPT.parent}
        for flags in ((), ("--trace", self.root / "steps.txt")):
            done = self.process(*flags, **alone)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual([file.decode() for file in self.files()], self.written())
        before = {path: path.stat() for path in self.root.iterdir()}
        done = self.process("--plot", self.root / "a.png", "--trace", self.root / "b", **alone)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
        self.assertRegex(done.stderr, r"^neuralnet.py: error: .*Matplotlib")
        self.assertEqual({path: path.stat() for path in self.root.iterdir()}, before)

    def test_plot(self):
        picture = self.root / "letters.PNG"
        self.write(rows(20, 6), rows(9, 6, seed=1))
        written = self.written("--plot", picture, num_epoch=5)
        pixels = imread(picture)[:, :, :3]
        for color in (plots.TRAINING, plots.VALIDATION):
            near = np.abs(pixels - to_rgb(color)) < 0.02
            # A curve goes from left to right: there is such a pixel in most of the columns.
            self.assertGreater(near.all(axis=2).any(axis=0).mean(), 0.5)
        self.assertEqual(self.written(num_epoch=5), written)

    def test_help(self):
        explained = quietly(neuralnet.main, "--help")[1].partition("positional arguments:")[2]
        examples = "smallTrain.csv smallValidation.csv train.labels validation.labels metrics.txt"
        examples += " 100 50 2 0.01"
        for name, example in zip(self.values, examples.split(), strict=True):
            self.assertRegex(explained, rf"\n  {name} [^\n]*?(\n   [^\n]*)*{re.escape(example)}")
        self.assertRegex(explained, r"(?s)--seed .*init_flag 1.*--plot FILE .*--trace .*--debug ")

    def test_silent_unless_on_a_terminal(self):
        self.assertEqual(self.process().stderr, "")
        main, secondary = pty.openpty()
        self.addCleanup(os.close, main)
        termios.tcsetwinsize(secondary, (24, 80))
        command = [sys.executable, SCRIPT, *self.arguments(num_epoch=2)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=secondary) as process:
            os.close(secondary)
            last = read_terminal(main).rstrip().split("\r")[-1]
        self.assertEqual(process.returncode, 0)
        self.assertRegex(last, r"^epoch 2/2 .*train \d\.\d{4}, validation \d\.\d{4}$")
        self.assertLessEqual(len(last), 80)


if __name__ == "__main__":
    unittest.main()
