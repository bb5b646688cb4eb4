"""Folders that are not those of finished runs, damaged files, older runs."""

import json
import shutil
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.testing import assert_array_equal

from neural_networks.datasets import load_iris
from neural_networks.layers import LAYERS, FullyConnected
from neural_networks.logs import Logger
from neural_networks.losses import LOSSES, CrossEntropy
from neural_networks.models import initialize_model
from neural_networks.runs import load_run
from neural_networks.utils.files import read_arrays, save_arrays
from tests.runs.trained import TrainedRuns, edit_json, own_outputs, write_colors

X = load_iris()["test_set"]


class FolderTest(TrainedRuns):
    """A test of copies of a run on Iris."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.iris = cls.train("ffnn")

    def setUp(self):
        self.folder = self.root / "runs" / "flowers"
        shutil.copytree(self.iris, self.folder)
        self.addCleanup(shutil.rmtree, self.folder.parent)

    def refuse(self, pattern, folder=None, error=ValueError, **options):
        with self.assertRaisesRegex(error, pattern) as raised:
            load_run(folder or self.folder, **options)
        self.assertNotIn("\n", str(raised.exception))

    def edit(self, edit, name="config.json"):
        edit_json(self.folder / name, edit)


class TestFolders(FolderTest):
    def test_missing_ones(self):
        wrong = self.folder.parent / "flower"
        self.refuse("no run .*flower; did you mean 'flowers'", wrong, FileNotFoundError)
        self.refuse("there is no run .*xyz$", self.root / "xyz", FileNotFoundError)

    def test_names(self):
        with mock.patch("neural_networks.runs.experiments_folder", return_value=self.folder.parent):
            self.assertEqual(load_run("flowers").folder, self.folder)
            self.assertEqual(load_run(Path("flowers")).folder, self.folder)
            self.refuse("no run flowerss; did you mean 'flowers'", "flowerss", FileNotFoundError)

    def test_others(self):
        self.refuse("config.json is a file: give the folder", self.folder / "config.json")
        self.refuse(
            "runs is not the folder of a run: there is no config.json, but there are runs in it: "
            "flowers$",
            self.folder.parent,
        )
        (self.folder / "config.json").unlink()
        self.refuse("flowers is not the folder of a run: there is no config.json$")

    def test_without_parameters(self):
        (self.folder / "best_parameters.npz").unlink()
        load_run(self.folder)
        self.refuse("has no best_parameters.npz: its training has not ended, or failed", best=True)
        (self.folder / "parameters.npz").unlink()
        self.refuse("flowers has no parameters.npz: its training has not ended, or failed")


class TestDamage(FolderTest):
    def test_files_that_are_cut_off(self):
        for name, pattern in (
            ("config.json", "config.json is not a JSON file"),
            ("data.json", "data.json is not a JSON file"),
            ("parameters.npz", "parameters.npz is not an .npz file of arrays"),
        ):
            whole = (self.folder / name).read_bytes()
            for content in (whole[:-9], whole[: len(whole) // 2], b"", b"\xff\x00" * 50):
                (self.folder / name).write_bytes(content)
                self.refuse(pattern)
            (self.folder / name).write_bytes(whole)
        load_run(self.folder)

    def test_every_byte_of_the_parameters(self):
        """Damage is one line, or leaves the predictions as they were."""
        expected, path = load_run(self.folder).predict(X).outputs, self.folder / "parameters.npz"
        whole = path.read_bytes()
        refused = 0
        for i in range(0, len(whole), 29):
            path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x41]) + whole[i + 1 :])
            try:
                assert_array_equal(load_run(self.folder).predict(X).outputs, expected)
            except ValueError as error:
                self.assertRegex(str(error), "^[^\n]*parameters.npz[^\n]*$")
                refused += 1
        self.assertGreater(refused, 30)

    def test_config(self):
        for edit, pattern in (
            (lambda c: c.pop("model"), "config.json is not .* of a run: it has no 'model'"),
            (lambda c: c.update(arguments=[]), "config.json is not .*: it has no 'arguments'"),
            (lambda c: c.pop("data"), "config.json is not .* of a run: it has no 'data'"),
            (lambda c: c.update(format=99), "config.json was written by a later version"),
            (lambda c: c["model"].pop("loss"), "config.json does not .* it has no 'loss'"),
            (lambda c: c["model"].update(layer_args=["relu"]), "a layer must be a mapping"),
            (lambda c: c["model"].update(layer_args=[]), "config.json: layer_args is empty"),
            (lambda c: c["model"].update(depth=3), "config.json: model has no option 'depth'"),
            (lambda c: c["model"]["layer_args"][0].pop("n_out"), "config.json: .*n_out"),
        ):
            whole = (self.folder / "config.json").read_text()
            self.edit(edit)
            with self.subTest(pattern):
                self.refuse(pattern)
            (self.folder / "config.json").write_text(whole)

    def test_parameters_of_another_network(self):
        self.edit(lambda c: c["model"]["layer_args"][0].update(n_out=7))
        self.refuse("parameters.npz belongs to another network: it has .* for layer1.W")

    def test_parameters_that_are_not_numbers(self):
        arrays = read_arrays(self.folder / "parameters.npz")
        arrays["layer2.b"] = arrays["layer2.b"] * np.nan
        save_arrays(self.folder / "parameters.npz", arrays)
        self.refuse("parameters.npz cannot be used: layer2.b is NaN .*training diverged")
        np.savez(self.folder / "parameters.npz", x=np.ones(3))
        self.refuse("parameters.npz does not hold the parameters of a network")
        arrays["layer2.b"] = np.zeros((1, 3))
        np.savez(self.folder / "parameters.npz", **{**arrays, "input_shape": np.array(4)})
        self.refuse("parameters.npz does not hold the parameters of a network: input_shape")

    def test_a_description_of_other_data(self):
        what = "data.json and parameters.npz of .*flowers do not belong together: "
        for key, value, why in (
            ("loss", "hinge", "one is for the loss hinge, the other for cross_entropy"),
            ("classes", ["a", "b", "c", "d"], r"there are 4 outputs, and 3$"),
            ("example_shape", [5], r"examples have shape \(5,\), the network's input \(4,\)"),
        ):
            content = json.loads((self.folder / "data.json").read_text())
            content[key] = value
            content["n_outputs"] = len(content["classes"])
            if key == "example_shape":
                content["preprocessing"]["standardization"] = None
            (self.folder / "data.json").write_text(json.dumps(content))
            with self.subTest(key):
                self.refuse(what + why)
            shutil.copy(self.iris / "data.json", self.folder)


class TestNamesThatAreNotRegistered(FolderTest):
    def test_layer_loss_and_activation(self):
        hint = ": import the module that registers it first$"
        for table, own, base, edit in (
            (LAYERS, "Twice", FullyConnected, lambda m: m["layer_args"][0].update(name="Twice")),
            (LOSSES, "Mine", CrossEntropy, lambda m: m.update(loss="Mine")),
        ):
            shutil.copy(self.iris / "config.json", self.folder)
            self.edit(lambda config, edit=edit: edit(config["model"]))
            with self.subTest(own):
                self.refuse(f"config.json: .*unknown (layer|loss) '{own}'.*{hint}")
            self.edit(lambda data, own=own: data.update(loss=own), "data.json")
            with mock.patch.dict(table, {own: base}), self.subTest(own):
                if table is LAYERS:
                    shutil.copy(self.iris / "data.json", self.folder)
                assert_array_equal(load_run(self.folder).predict(X).outputs, self.expected())
        shutil.copy(self.iris / "config.json", self.folder)
        self.edit(lambda c: c["model"]["layer_args"][0].update(activation="mine"))
        self.refuse(f"unknown activation 'mine'.*{hint}")

    def expected(self):
        return own_outputs(self.iris)[0]


class TestOlderRuns(FolderTest):
    def setUp(self):
        super().setUp()
        (self.folder / "data.json").unlink()

    def test_the_dataset_tells(self):
        with self.assertWarnsRegex(UserWarning, "flowers has no data.json.* dataset 'iris' today"):
            run = load_run(self.folder)
        assert_array_equal(run.predict(X).outputs, own_outputs(self.iris)[0])
        self.assertEqual(run.class_names, ["setosa", "versicolor", "virginica"])

    def test_names_of_options_in_older_versions(self):
        self.edit(lambda c: c["data"].update(softened=0.1, one_output=False))
        with self.assertWarnsRegex(UserWarning, "no data.json"):
            run = load_run(self.folder)
        assert_array_equal(run.predict(X).outputs, own_outputs(self.iris)[0])

    def test_data_that_is_gone(self):
        write_colors(self.root / "colors.csv")
        pairs = (f"path={self.root / 'colors.csv'}", "label=color")
        run = self.train("ffnn", "--dataset", "csv", "--data-args", *pairs)
        (run / "data.json").unlink()
        (self.root / "colors.csv").unlink()
        what = "has no data.json, as it is of an older version, and its dataset cannot be loaded"
        self.refuse(f"{what}: there is no file .*colors.csv", run)
        self.edit(lambda c: c["data"].update(name="mine"))
        self.refuse(f"{what}: unknown dataset 'mine'")

    def test_another_dataset(self):
        self.edit(lambda c: c["data"].update(name="digits"))
        with self.assertWarnsRegex(UserWarning, "no data.json"):
            self.refuse("the dataset and parameters.npz of .* do not belong together: examples")


class TestLoggers(FolderTest):
    def test_a_run_without_a_configuration_of_the_model(self):
        logger = Logger("plain", {}, {}, save=True, save_dir=self.root)
        logger.start()
        self.refuse("config.json does not describe a network: it has no 'loss'", logger.folder)

    def test_a_run_from_python(self):
        from neural_networks.datasets import initialize_dataset

        output = {"name": "fully_connected", "activation": "softmax"}
        args = {
            "loss": "cross_entropy",
            "layer_args": [output],
            "optimizer_args": {"name": "SGD", "lr": 0.1, "lr_scheduler": "cosine"},
        }
        args["optimizer_args"]["scheduler_args"] = {"epochs": 2}
        logger = Logger("python", args, {"name": "iris"}, save=True, save_dir=self.root)
        model = initialize_model("python", **args, logger=logger, seed=0, dtype="float64")
        data = initialize_dataset("iris", seed=0)
        model.train(data, 2)
        run = load_run(logger.folder)
        self.assertEqual(run.model.dtype, "float64")
        expected, _ = model.predict(data.test.data)
        assert_array_equal(run.predict(X).outputs, expected)


if __name__ == "__main__":
    unittest.main()
