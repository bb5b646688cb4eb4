"""The OCR program on the course's files, against its reference output and ``ocr_reference``.

Needs NEURAL_NETWORKS_DATA.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

import neuralnet
from tests.support import ocr_reference

REFERENCE = """\
epoch=1 crossentropy(train): 2.18506276114
epoch=1 crossentropy(validation): 2.18827302588
epoch=2 crossentropy(train): 1.90103257727
epoch=2 crossentropy(validation): 1.91363803461
error(train): 0.77
error(validation): 0.78
"""


class TestRealLetters(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    @staticmethod
    def inputs(size: str) -> list[Path]:
        folder = Path(os.environ["NEURAL_NETWORKS_DATA"]) / "letters"
        return [folder / f"{size}Train.csv", folder / f"{size}Validation.csv"]

    def files(self, size: str, *options: object) -> list[bytes]:
        """The content of the command's output: both files of labels, and the metrics."""
        outputs = [self.root / name for name in ("train.labels", "validation.labels", "metrics")]
        arguments = [*self.inputs(size), *outputs, *options]
        command = [sys.executable, neuralnet.__file__, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [path.read_bytes() for path in outputs]

    def test_reference_run(self):
        train, validation, metrics = self.files("small", 2, 4, 2, 0.1)
        self.assertEqual(metrics.decode(), REFERENCE)
        self.assertTrue(validation.startswith(b"6\n4\n8\n8\n"))
        expected = ocr_reference.run(self.inputs("small"), *ocr_reference.zeros(128, 4), 2, 0.1)
        texts = [text.encode() for text in ocr_reference.texts(expected)]
        self.assertEqual([train, validation, metrics], texts)

    def test_tiny_trace(self):
        """The text equals tinyOutput.txt except for the last digits of its numbers."""
        self.files("tiny", 1, 4, 2, 0.1, "--trace", self.root / "steps.txt")
        text = (self.root / "steps.txt").read_text()
        output = self.inputs("tiny")[0].with_name("tinyOutput.txt").read_text()
        output = output.replace("INFO:Output for tiny dataset:", "")
        self.assertEqual(masked(text), masked(output))
        trace, reference = ocr_reference.read_trace(text), ocr_reference.read_trace(output)
        self.assertEqual(ocr_reference.differing(trace, reference), [])

    def assert_equals_reference(self, size: str, epochs: int, hidden: int, flag: int, rate: float):
        """Assert equal labels and errors, and losses and parameters within 1e-12."""
        sets = neuralnet.read_both(*self.inputs(size))
        model = neuralnet.make_network(128, hidden, flag, rate, seed=1)
        parameters = [layer.parameters for layer in model.layers]
        start = [np.vstack([values["b"], values["W"]]).T for values in parameters]
        expected = ocr_reference.run(self.inputs(size), *start, epochs, rate)
        losses = neuralnet.train(model, *sets, epochs)
        np.testing.assert_allclose(losses, expected.losses, rtol=0, atol=1e-12)
        results = [neuralnet.predict(model, rows) for rows in sets]
        self.assertEqual([result.labels.tolist() for result in results], expected.labels)
        self.assertEqual([result.error for result in results], expected.errors)
        for values, matrix in zip(parameters, expected[3:5], strict=True):
            found = np.vstack([values["b"], values["W"]]).T
            np.testing.assert_allclose(found, matrix, rtol=0, atol=1e-12)
        return model, expected

    def test_medium(self):
        for flag in (1, 2):
            with self.subTest(init_flag=flag):
                self.assert_equals_reference("medium", 2, 20, flag, 0.1)

    def test_large(self):
        for flag in (1, 2):
            with self.subTest(init_flag=flag):
                *_, expected = self.assert_equals_reference("large", 1, 50, flag, 0.01)
                files = self.files("large", 1, 50, flag, 0.01, "--seed", 1)
                texts = [text.encode() for text in ocr_reference.texts(expected)]
                self.assertEqual(files, texts)

    def test_a_trace_does_not_change_the_results(self):
        plain = self.files("small", 1, 4, 1, 0.1)
        traced = self.files("small", 1, 4, 1, 0.1, "--trace", self.root / "steps.txt")
        self.assertEqual(traced, plain)
        trace = ocr_reference.read_trace((self.root / "steps.txt").read_text())
        self.assertEqual(len(trace), 500 * 12)

    def test_low_error_after_training(self):
        _, _, metrics = self.files("small", 30, 50, 1, 0.1)
        train, validation = metrics.decode().splitlines()[-2:]
        self.assertLess(float(train.removeprefix("error(train): ")), 0.01)
        self.assertLess(float(validation.removeprefix("error(validation): ")), 0.4)


def masked(text: str) -> str:
    """A trace with each digit replaced by #, so that numbers keep their width, without losses."""
    return re.sub(r"\d", "#", re.sub(r"(Cross entropy: ).*", r"\1", text))


if __name__ == "__main__":
    unittest.main()
