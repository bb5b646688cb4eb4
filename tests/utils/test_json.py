"""JSON files: what is not one gives an error of ours, wherever one is read."""

import json
import os
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import train_ffnn
from neural_networks.cli import ensemble
from neural_networks.cli.parser import key_value
from neural_networks.datasets.files.cache import load_prepared
from neural_networks.runs import load_run
from neural_networks.utils.files import MOST_BYTES, MOST_LEVELS, parse_json, read_json
from tests.support.arrays import InFolder
from tests.support.scripts import quietly

DAMAGED = {
    "nested lists": "[" * 10_000 + "]" * 10_000,
    "nested lists without an end": "[" * 100_000,
    "nested objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "nested a little too deep": '{"a":' * 150 + "1" + "}" * 150,
    "NaN": '{"versions": {}, "lr": NaN}',
    "infinity": '{"lr": [-Infinity]}',
    "an overflow": '{"lr": 1e999}',
    "a number too long": '{"n": ' + "1" * 5000 + "}",
    "half of it": '{"lr": 0.',
    "nothing": "",
    "bytes": "\x00\ufffd",
    "a repeated key": '{"lr": 1, "lr": 2}',
}


class TestReading(InFolder):
    def file(self, text, name="file.json"):
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_content(self):
        content = {"a": [1, 2.5, None, True, {"ü": "é"}], "b": {}}
        path = self.file(json.dumps(content, ensure_ascii=False))
        self.assertEqual(read_json(path, "name"), content)
        path.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())  # as editors write it
        self.assertEqual(read_json(path, "name"), content)
        self.assertEqual(parse_json("[1e300, -0.5, 3]"), [1e300, -0.5, 3])

    def test_levels(self):
        for left, right in (("[", "]"), ('{"a":', "}")):
            most = left * MOST_LEVELS + "1" + right * MOST_LEVELS
            self.assertEqual(json.dumps(parse_json(most)).replace(" ", ""), most)
            with self.assertRaisesRegex(ValueError, "more than 100 levels"):
                parse_json(left + most + right)
        parse_json("[" + "[1]," * 10_000 + "[1]]")  # long, but not deep

    def test_damaged(self):
        for what, text in DAMAGED.items():
            with self.subTest(what), self.assertRaisesRegex(ValueError, "^my file") as caught:
                read_json(self.file(text), "my file")
            self.assertLess(len(str(caught.exception)), 200)
        with self.assertRaisesRegex(ValueError, "^my file is not a JSON file"):
            self.file("").write_bytes(b"\xff\xfe{}")
            read_json(self.root / "file.json", "my file")

    def test_too_large(self):
        path = self.file("")
        with path.open("wb") as file:
            file.truncate(MOST_BYTES + 1)  # zeros that take no space
        with self.assertRaisesRegex(ValueError, f"^it is too large .* {MOST_BYTES:,} bytes"):
            read_json(path, "it")

    @unittest.skipUnless(Path("/dev/zero").exists(), "there are no devices")
    def test_without_an_end(self):
        with self.assertRaisesRegex(ValueError, "^it is too large"):
            read_json(Path("/dev/zero"), "it")


class TestPlaces(InFolder):
    """Each place that reads JSON ends with one line, or takes the file for another one."""

    def setUp(self):
        super().setUp()
        self.run_folder = self.root / "run"
        self.run_folder.mkdir()

    def write(self, text, name="config.json"):
        path = self.run_folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_config_of_a_script(self):
        for what, text in DAMAGED.items():
            with self.subTest(what):
                status, out, err = quietly(train_ffnn.main, "--config", self.write(text))
                self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                self.assertIn("config.json", err)
                self.assertLess(len(err), 400)

    def test_finished_run(self):
        for what, text in DAMAGED.items():
            self.write(text)
            with self.subTest(what), self.assertRaisesRegex(ValueError, "config.json"):
                load_run(self.run_folder)

    def test_overwriting(self):
        """A folder with such a file is not a run: it is not replaced."""
        for what, text in DAMAGED.items():
            self.write(text)
            with self.subTest(what):
                flags = ("--name", "run", "--overwrite", "--experiments", self.root)
                status, _, err = quietly(train_ffnn.main, *flags)
                self.assertEqual((status, err.count("\n")), (2, 1), err)
                self.assertEqual([*self.run_folder.iterdir()], [self.run_folder / "config.json"])

    def test_average_of_runs(self):
        for what, text in DAMAGED.items():
            self.write(text)
            self.write(
                "Id,label,prediction,output_0,output_1\n0,1,1,0.1,0.9\n", "test_predictions.csv"
            )
            with self.subTest(what):
                status, out, _ = quietly(ensemble.main, "average", self.run_folder)
                self.assertEqual(status, 0)
                self.assertIn("test error 0", out)

    def test_prepared_set(self):
        folder = self.root / "data" / "iris" / "prepared-x-1"
        folder.mkdir(parents=True)
        np.save(folder / "X.npy", np.ones(3))
        with mock.patch.dict(os.environ, NEURAL_NETWORKS_DATA=str(self.root / "data")):
            for what, text in DAMAGED.items():
                (folder / "about.json").write_text(text, encoding="utf-8")
                with self.subTest(what), self.assertRaisesRegex(ValueError, "is damaged"):
                    load_prepared("iris", "x", None, lambda *_: None)

    def test_flags(self):
        """NaN, or brackets without an end, are text: a column may have such a name."""
        for text in ("NaN", "Infinity", "-Infinity", "1e999", "[" * 10_000):
            self.assertEqual(key_value(f"drop={text}"), ("drop", text))


if __name__ == "__main__":
    unittest.main()
