"""config.json of this version and of others, and its seeds."""

import unittest
from unittest import mock

import numpy as np

import train_cnn
import train_ffnn
import train_rnn
from neural_networks.cli import compare, ensemble
from tests.support.scripts import FlagTest, quietly


class TestFormats(FlagTest):
    def test_one_of_the_first_version(self):
        self.done("--seed", 3)
        log = self.log("run")

        def older(config):
            for key in ("format", "seeds", "environment"):
                del config[key]

        path = self.edited(older)
        self.assertEqual(self.done("--config", path)[0]["format"], 2)
        self.assertEqual(self.log("run"), log)
        (self.runs / "run" / "config.json").write_bytes(path.read_bytes())
        status, out, err = quietly(compare.main, self.runs)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("run", out)
        self.assertEqual(quietly(ensemble.main, "average", self.runs / "run")[0], 0)

    def test_one_of_a_later_version(self):
        self.done()
        path = self.edited(lambda config: config.update(format=3, more=[]))
        message = "was written by a later version: its format is 3"
        status, _, err = self.train("--config", path)
        self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn(f"{path} {message}", err)
        (self.runs / "run" / "config.json").write_bytes(path.read_bytes())
        for main, arguments in (
            (compare.main, [self.runs]),
            (ensemble.main, ["average", self.runs / "run"]),
        ):
            status, out, err = quietly(main, *arguments)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(message, err)


class TestLayers(FlagTest):
    """A layer without a name, at every place of a network and with every flag."""

    def test_scripts_and_flags(self):
        for script, flags in (
            (train_ffnn, ("--hidden 3", "--dropout 0.1", "--loss hinge", "--weight-init zeros")),
            (train_cnn, ("--filters 3", "--pool max", "--hidden 3", "--normalization batch")),
            (train_rnn, ("--hidden 3", "--activation tanh", "--dropout 0.1")),
        ):
            self.script = script
            self.done()
            n = len(self.config("run")["model"]["layer_args"])
            for number in {1, 2, n}:
                path = self.edited(
                    lambda config, i=number - 1: config["model"]["layer_args"][i].pop("name")
                )
                for flag in ("", *flags):
                    with self.subTest(script.__name__, number=number, flag=flag):
                        status, _, err = self.train("--config", path, *flag.split())
                        line = (
                            f"{script.__name__}.py: error: layer {number} in {path} has no 'name'\n"
                        )
                        self.assertEqual((status, err), (2, line))

    def test_no_mappings(self):
        self.done()
        for layers in (None, [], {}, "relu", [None], ["relu"], [[]], [{}], [list(range(9999))]):
            path = self.edited(lambda config, x=layers: config["model"].update(layer_args=x))
            status, _, err = self.train("--config", path)
            self.assertEqual((status, err.count("\n")), (2, 1), err)
            self.assertRegex(err, "layer_args|layer 1 in ")
            self.assertLess(len(err), 500)


class TestSeeds(FlagTest):
    def test_both_are_in_the_configuration(self):
        self.assertEqual(self.done("--seed", 5)[0]["seeds"], {"model": 5, "data": 5})

    def test_none_becomes_a_number_that_repeats_the_run(self):
        with mock.patch.dict(train_ffnn.CONFIGURATION, seed=None):
            config, out = self.done()
            log = self.log("run")
            self.assertNotEqual(self.done()[0]["arguments"]["seed"], config["arguments"]["seed"])
            self.assertNotEqual(self.log("run"), log)
        seed = config["arguments"]["seed"]
        self.assertIn(f"seed {seed}\n", out)
        self.assertEqual(config["seeds"], {"model": seed, "data": seed})
        self.done("--seed", seed)
        self.assertEqual(self.log("run"), log)

    def test_null_in_a_file_asks_for_another_run(self):
        self.done()
        path = self.edited(lambda config: config["arguments"].update(seed=None))
        seeds = {self.done("--config", path)[0]["arguments"]["seed"] for _ in range(2)}
        self.assertEqual(len(seeds), 2)

    def test_the_global_state_decides(self):
        with mock.patch.dict(train_ffnn.CONFIGURATION, seed=None):
            seeds = []
            for _ in range(2):
                np.random.seed(3)  # noqa: NPY002
                seeds.append(self.done()[0]["arguments"]["seed"])
        self.assertEqual(seeds[0], seeds[1])


if __name__ == "__main__":
    unittest.main()
