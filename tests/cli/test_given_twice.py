"""What is given twice: merged if it can be, else an error that names both."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

import check
import generate_submission
import neuralnet
import train_cnn
import train_ffnn
import train_rnn
from course import starter
from neural_networks.cli import datasets, ensemble, predict
from neural_networks.cli.configuration import read_configuration
from neural_networks.cli.parser import Parser, key_value
from neural_networks.datasets import load_csv
from neural_networks.utils.files import RepeatedKey, parse_json, read_json
from tests.support.arrays import InFolder
from tests.support.scripts import FlagTest, quietly

ROOT = Path(__file__).resolve().parents[2]


class TestFlags(FlagTest):
    """A flag that is typed twice, by any program."""

    VALUES = (
        ("--lr", "0.1", "0.2"),
        ("--epochs", "2", "3"),
        ("--hidden", "5", "6"),
        ("--name", "a", "b"),
        ("--dataset", "iris", "digits"),
        ("--optimizer", "SGD", "Adam"),
        ("--seed", "0", "1"),  # 0 is the default, too
        ("--l2", "0", "nan"),
        ("--config", "a.json", "b.json"),
        ("--test-data", "a.csv", "b.csv"),
    )

    def test_two_values(self):
        for script in (train_ffnn, train_cnn, train_rnn):
            for flag, one, other in self.VALUES:
                with self.subTest(script.__name__, flag=flag):
                    status, out, err = quietly(script.main, flag, one, flag, other)
                    self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                    self.assertRegex(err, rf"{flag} {one}(\.0)? and {flag} {other}: give one")

    def test_with_an_equals_sign_and_between_others(self):
        words = "--lr 0.1 and --lr 0.2: give one of them"
        self.refused(words, "--lr=0.1", "--epochs", 1, "--lr", 0.2)

    def test_lists(self):
        self.refused("--hidden 5 4 and --hidden 5: give", "--hidden", 5, 4, "--hidden", 5)
        self.script = train_cnn
        self.refused("--filters 2 3 and --filters 3 2:", "--filters", 2, 3, "--filters", 3, 2)

    def test_on_and_off(self):
        for flag in ("staircase", "restore-best"):
            words = f"--{flag} and --no-{flag}: give one of them"
            self.refused(words, f"--{flag}", f"--no-{flag}")
        self.script = train_rnn
        words = "--no-every-step and --every-step: give one of them"
        self.refused(words, "--no-every-step", "--every-step")

    def test_the_same_value(self):
        args = self.optimizer("--lr", 0.5, "--lr", "5e-1", "--lr=0.50")
        self.assertEqual(args["lr"], 0.5)
        config, _ = self.done("--hidden", 5, 4, "--hidden", 5, 4, "--overwrite")
        sizes = [layer["n_out"] for layer in config["model"]["layer_args"]]
        self.assertEqual(sizes, [5, 4, None])

    def test_other_programs(self):
        for main, arguments in (
            (predict.main, ("run", "file.csv", "--output", "a", "--output", "b")),
            (ensemble.main, ("vote", "a.csv", "--output", "a", "--output", "b")),
            (datasets.main, ("show", "iris", "--output", "a", "--output", "b")),
            (starter.main, ("--output", "a", "--output", "b")),
            (generate_submission.main, ("--exercise", "relu", "--exercise", "elman")),
            (generate_submission.main, ("--heading_level", "1", "--heading-level", "2")),
            (check.main, ("--seconds", "3", "--seconds", "4")),
            (neuralnet.main, ("--seed", "0", "--seed", "3")),
        ):
            with self.subTest(arguments):
                status, out, err = quietly(main, *arguments)
                self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                flag, one, again, other = arguments[-4:]
                if again == "--heading-level":
                    flag = "--heading_level"
                self.assertRegex(err, rf"{flag} {one}(\.0)? and {again} {other}(\.0)?: give one of")

    def test_every_program_of_ours_has_such_a_parser(self):
        for path in (ROOT / "neural_networks").rglob("*.py"):
            if path.name != "arguments.py":
                self.assertNotIn("ArgumentParser(", path.read_text(encoding="utf-8"), path)

    def test_a_parser_forgets_the_arguments_before(self):
        parser = Parser(prog="program.py")
        parser.add_argument("--lr", type=float)
        for value in ("1", "2"):
            self.assertEqual(parser.parse_args(["--lr", value]).lr, float(value))


class TestOptions(FlagTest):
    """KEY=VALUE options of one flag, repeated or not."""

    def test_a_key_with_two_values(self):
        digits = ("--dataset", "digits")
        for others, flag, one, other, key in (
            (digits, "--data-args", "flip=true", "flip=false", "flip"),
            (digits, "--data-args", "shift=1", "shift=2", "shift"),
            ((), "--optimizer-args", "nesterov=true", "nesterov=false", "nesterov"),
            (("--scheduler", "cosine"), "--scheduler-args", "lr_min=0", "lr_min=1", "lr_min"),
            (("--network", "two_layer_net"), "--network-args", "n_hidden=3", "n_hidden=4", "n_h"),
            (
                ("--network", "fully_connected_net"),
                "--network-args",
                "hidden_sizes=[3]",
                "hidden_sizes=[4, 3]",
                "hidden_sizes",
            ),
        ):
            for arguments in ((flag, one, other), (flag, one, flag, other)):
                with self.subTest(arguments):
                    status, out, err = self.train(*others, *arguments)
                    self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                    for words in (f"{flag} {one}", f"{flag} {other}", f"give {key}"):
                        self.assertIn(words.lower(), err.lower())

    def test_flags_that_are_repeated_add_up(self):
        for others, flag, one, other, section in (
            ((), "--optimizer-args", "nesterov=true", "weight_decay=0.5", "optimizer_args"),
            (("--dataset", "digits"), "--data-args", "flip=true", "shift=1", "data"),
            (
                ("--scheduler", "warm_up"),
                "--scheduler-args",
                "after=cosine",
                "warm_up_epochs=1",
                "scheduler_args",
            ),
        ):
            with self.subTest(flag):
                config, _ = self.done(*others, flag, one, flag, other)
                args = config["model"]["optimizer_args"]
                found = {"data": config["data"], "optimizer_args": args}
                found["scheduler_args"] = args.get("scheduler_args")
                for text in (one, other):
                    key, value = key_value(text)
                    self.assertEqual(found[section][key], value)
        flags = ("--network-args", "n_hidden=3", "--network-args", "activation=tanh")
        first, _ = self.layers("--network", "two_layer_net", *flags)
        self.assertEqual((first["n_out"], first["activation"]), (3, "tanh"))

    def test_equal_values(self):
        args = self.optimizer("--lr", 0.5, "--optimizer-args", "lr=5e-1", "lr=0.5")
        self.assertEqual(args["lr"], 0.5)

    def test_an_option_by_its_old_name_and_its_new_one(self):
        higgs = ("--dataset", "higgs", "--data-args")
        words = "--data-args binary_labels=True and --data-args one_output=False: give binary_lab"
        self.refused(words, *higgs, "binary_labels=true", "one_output=false")

    def test_datasets_show(self):
        for options in (("shift=1", "shift=2"), ("shift=1", "--data-args", "shift=2")):
            status, out, err = quietly(datasets.main, "show", "digits", "--data-args", *options)
            words = "--data-args shift=1 and --data-args shift=2: give shift only once"
            self.assertEqual((status, out), (2, ""))
            self.assertIn(words, err)

    def test_several_numbers_need_no_brackets(self):
        for text, value in (
            ("a=64,32", [64, 32]),
            ("a=0.5, 1e-3", [0.5, 0.001]),
            ("a=true,null", [True, None]),
            ("a=[1],[2]", [[1], [2]]),
            ("a=x,y", "x,y"),
            ("a=1,x", "1,x"),
            ("a=1,", "1,"),
            ("a=,", ","),
            ("a=,1", ",1"),
        ):
            self.assertEqual(key_value(text), ("a", value))
        flags = ("--network", "fully_connected_net", "--network-args", "hidden_sizes=6,5")
        self.assertEqual([layer["n_out"] for layer in self.layers(*flags)], [6, 5, None])


class TestNetwork(FlagTest):
    """Flags that would overwrite what --network-args has set."""

    NETS = (
        ("fully_connected_net", "hidden_sizes=[7]", "--hidden", (9,)),
        ("fully_connected_net", "hidden_sizes=[7,6]", "--hidden", (7,)),
        ("two_layer_net", "n_hidden=7", "--hidden", (9,)),
        ("two_layer_net", "n_hidden=7", "--hidden", (7, 7)),
        ("two_layer_net", "activation=tanh", "--activation", ("relu",)),
        ("two_layer_net", "weight_scale=0.5", "--weight-init", ("zeros",)),
        ("fully_connected_net", "dropout=0.5", "--dropout", (0.25,)),
        ("fully_connected_net", "normalization=layer", "--normalization", ("batch",)),
    )
    IMAGES = (
        ("conv_net", "n_filters=[4]", "--filters", (2,)),
        ("conv_net", "convolutions=2", "--filters", (2,)),
        ("conv_net", "kernel=5", "--kernel", (3,)),
        ("conv_net", "last_filters=3", "--filters", (2,)),
        ("conv_net", "hidden_sizes=[5]", "--hidden", (4,)),
        ("three_layer_conv_net", "kernel=3", "--filters", (3,)),
        ("three_layer_conv_net", "activation=tanh", "--filters", (3,)),
        ("three_layer_conv_net", "n_hidden=3", "--hidden", (4,)),
    )

    def test_two_values(self):
        for script, cases in ((train_ffnn, self.NETS), (train_cnn, self.IMAGES)):
            self.script = script
            for name, option, flag, values in cases:
                with self.subTest(name, option=option):
                    status, out, err = self.train(
                        "--network", name, "--network-args", option, flag, *values
                    )
                    self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                    typed = " ".join(map(str, (flag, *values)))
                    self.assertIn(f"{typed} and --network-args {option.split('=')[0]}=", err)

    def test_the_same_value(self):
        flags = ("--network", "two_layer_net", "--network-args", "n_hidden=7", "activation=tanh")
        expected = self.layers(*flags)
        self.assertEqual(self.layers(*flags, "--hidden", 7, "--activation", "tanh"), expected)

    def test_another_option_is_no_contradiction(self):
        flags = ("--network", "two_layer_net", "--network-args", "activation=tanh")
        self.assertEqual(self.layers(*flags, "--hidden", 6)[0]["n_out"], 6)


class TestColumns(InFolder):
    """Two columns to leave out, in every way that suggests itself."""

    def setUp(self):
        super().setUp()
        self.file = self.root / "f.csv"
        rng = np.random.default_rng(0)
        rows = [
            f"{a:.3f},{b:.3f},{i % 4},{i},{'xy'[i % 2]},{i}"
            for i, (a, b) in enumerate(rng.normal(size=(40, 2)))
        ]
        header = 'a,b,batch,7,kind,"row, number"'
        self.file.write_text("\n".join([header, *rows]) + "\n")

    def features(self, *options: str) -> list[str]:
        """The features that are left, by a run from the command line."""
        runs = self.root / "runs"
        status, _, err = quietly(
            train_ffnn.main,
            *("--experiments", runs, "--overwrite", "--epochs", 1, "--dataset", "csv"),
            *("--data-args", f"path={self.file}", "label=kind", *options),
        )
        self.assertEqual((status, err), (0, ""))
        return json.loads((runs / "csv" / "data.json").read_text())["features"]

    def test_two_columns(self):
        for options in (
            ("drop=batch", "drop=7"),
            ("drop=7", "--data-args", "drop=batch"),
            ("drop=batch,7",),
            ("drop=batch, 7",),
            ('drop=["batch", 7]',),
            ("drop=batch,7", "drop=7"),
            ('drop=["batch"]', "drop=7"),
        ):
            with self.subTest(options):
                self.assertEqual(self.features(*options), ["a", "b", "row, number"])

    def test_more(self):
        options = ("drop=batch", "drop=7,a", "--data-args", "drop=row, number")
        self.assertEqual(self.features(*options), ["b"])

    def test_from_python(self):
        for drop in ("batch,7", ["batch", "7"], ("batch", 7), ["batch,7"]):
            with self.subTest(drop=drop):
                data = load_csv(self.file, "kind", drop=drop)
                self.assertEqual(data["feature_names"], ["a", "b", "row, number"])

    def test_one_that_is_not_there(self):
        with self.assertRaisesRegex(ValueError, "no column 'batsh'; did you mean 'batch'"):
            load_csv(self.file, "kind", drop="7,batsh")

    def test_the_label(self):
        with self.assertRaisesRegex(ValueError, "the label 'kind' cannot be left out"):
            load_csv(self.file, "kind", drop="7,kind")


class TestJSON(FlagTest):
    """A key twice in a JSON file or text."""

    def test_texts(self):
        for text in ('{"a": 1, "a": 2}', '[{"b": {"a": 1, "c": 0, "a": [1]}}]', '{"a":1,"a":true}'):
            with self.assertRaisesRegex(RepeatedKey, "'a' is given twice: 1 and (2|.1.|True)"):
                parse_json(text)
        self.assertEqual(parse_json('{"a": 1, "a": 1}'), {"a": 1})
        self.assertEqual(parse_json('[{"a": 1}, {"a": 2}]'), [{"a": 1}, {"a": 2}])

    def test_files(self):
        path = self.root / "a.json"
        path.write_text('{"seed": 0, "seed": 1}')
        with self.assertRaisesRegex(ValueError, "^mine: 'seed' is given twice: 0 and 1$"):
            read_json(path, "mine")

    def test_a_configuration(self):
        self.done()
        text = (self.runs / "run" / "config.json").read_text()
        edited = self.root / "edited.json"
        for key, value in (("lr", "0.5"), ("seed", "7"), ("name", '"digits"'), ("epochs", "[2]")):
            edited.write_text(text.replace(f'"{key}":', f'"{key}": {value}, "{key}":', 1))
            with self.subTest(key):
                status, out, err = self.train("--config", edited)
                self.assertEqual((status, out, err.count("\n")), (2, "", 1))
                self.assertIn(f"{edited}: '{key}' is given twice: ", err)

    def test_old_and_new_names_in_a_configuration(self):
        self.done("--dataset", "iris")
        path = self.edited(lambda config: config["data"].update(softened=0, label_smoothing=0.1))
        with self.assertRaisesRegex(
            ValueError, "softened 0 and label_smoothing 0.1 are one option"
        ):
            read_configuration(str(path), train_ffnn.CONFIGURATION)

    def test_an_option_on_the_command_line(self):
        words = "weight_init: 'std' is given twice: 1 and 2"
        self.refused(words, "--optimizer-args", 'weight_init={"std": 1, "std": 2}')


class TestTwiceTheSameRun(FlagTest):
    def test_an_ensemble_counts_a_run_once(self):
        self.done()
        run = self.runs / "run"
        for again in (run, f"{run}/", run / ".." / "run"):
            status, out, err = quietly(ensemble.main, "average", run, again)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertIn("is given twice", err)

    def test_a_vote_counts_a_file_once(self):
        path = self.root / "a.csv"
        path.write_text("Id,Category\n0,1\n")
        status, out, err = quietly(ensemble.main, "vote", path, path)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertIn("is given twice", err)


class TestProcess(unittest.TestCase):
    def test_the_command_line_itself(self):
        command = [sys.executable, str(ROOT / "train_ffnn.py"), "--lr", "1", "--lr", "2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("--lr 1.0 and --lr 2.0", done.stderr)


if __name__ == "__main__":
    unittest.main()
