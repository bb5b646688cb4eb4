"""The comparison of runs: groups, order, epochs, damaged runs, formats."""

import csv
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import train_rnn
from neural_networks.cli import compare
from tests.support.scripts import FlagTest, quietly

ROOT = Path(__file__).resolve().parents[2]
IRIS = {"name": "iris", "batch_size": 25}
WAVES = {"name": "sinewave", "window": 25}


class CompareTest(FlagTest):
    def run_of(self, name, losses, split="validation", loss="cross_entropy", data=IRIS, **options):
        """Write a run whose epochs have these losses, and half of them as errors."""
        folder = self.runs / name
        folder.mkdir(parents=True)
        lines = [f"{i},{x!r},{x / 2!r}\n" for i, x in enumerate(losses, start=1)]
        header = f"epoch,{split}_loss,{split}_error\n"
        (folder / "log.csv").write_text("".join([header, *lines]))
        model = {"loss": loss, "layer_args": [{"n_out": 4}], **options}
        config = {"model": model, "data": data, "arguments": {"epochs": len(losses)}}
        self.write(folder, "config.json", config)
        return folder

    def write(self, folder, name, content):
        (folder / name).write_text(json.dumps(content))

    def output(self, *arguments):
        status, out, err = quietly(compare.main, self.runs, *arguments)
        self.assertEqual((status, err), (0, ""))
        return out

    def groups(self):
        """The titles in the output, each with the names of its runs."""
        groups = {}
        for part in self.output().rstrip("\n").split("\n\n"):
            title, header, *lines = part.splitlines()
            self.assertEqual(header.split()[0], "run")
            groups[title] = [line.split()[0] for line in lines]
        return groups


class TestOrder(CompareTest):
    def test_with_and_without_a_validation_set(self):
        """Those without come last, in the order of their training losses, by whatever names."""
        losses = {("validation", 0.5): 1, ("validation", 0.25): 0, ("train", 0.1): 3}
        losses |= {("train", 0.01): 2, ("validation", float("nan")): 1.5, ("train", 9.0): 4}
        for order in itertools.islice(itertools.permutations(losses), 0, 720, 37):
            names = {key: f"run{number}" for number, key in enumerate(order)}
            for (split, loss), name in names.items():
                self.run_of(name, [loss], split)
            expected = [names[key] for key in sorted(losses, key=losses.get)]
            self.assertEqual(self.groups(), {"iris, cross_entropy": expected})
            self.assertEqual(list(compare.compare_runs(self.runs)["run"]), expected)
            shutil.rmtree(self.runs)

    def test_columns_of_both(self):
        self.run_of("with", [0.5])
        self.run_of("without", [0.25], "train")
        table = compare.compare_runs(self.runs).set_index("run")
        columns = ["validation loss", "validation error", "train loss", "train error"]
        self.assertEqual(table.loc["with", columns].fillna(-1).tolist(), [0.5, 0.25, -1, -1])
        self.assertEqual(table.loc["without", columns].fillna(-1).tolist(), [-1, -1, 0.25, 0.125])

    def test_a_diverged_run_is_the_last_one(self):
        for name, loss in (("a", float("nan")), ("b", 1e9), ("c", float("inf")), ("d", 0.5)):
            self.run_of(name, [0.1, loss])
        self.assertEqual(self.groups()["iris, cross_entropy"], ["d", "b", "a", "c"])
        self.assertRegex(self.output(), r"a +2 +nan +nan\n")


class TestGroups(CompareTest):
    def test_one_for_each_dataset_and_loss(self):
        """A small squared error is not better than a cross-entropy."""
        self.run_of("wave", [1e-5], loss="l2", data=WAVES)
        self.run_of("wave2", [1e-6], loss="l2", data={**WAVES, "noise": 0.1})
        self.run_of("svm", [0.01], loss="hinge")
        self.run_of("iris", [0.5])
        self.run_of("digits", [0.2], data={"name": "digits"})
        expected = {
            "digits, cross_entropy": ["digits"],
            "iris, cross_entropy": ["iris"],
            "iris, hinge": ["svm"],
            "sinewave, l2": ["wave2", "wave"],
        }
        self.assertEqual(self.groups(), expected)
        table = compare.compare_runs(self.runs)
        self.assertEqual(list(table["run"]), [*itertools.chain(*expected.values())])
        self.assertEqual(list(table["dataset"]), ["digits", "iris", "iris", "sinewave", "sinewave"])

    def test_files_of_ones_own(self):
        for name, path, label, loss in (
            ("a", "/data/houses.csv", "price", 3.0),
            ("b", "/data/houses.csv", "price", 2.0),
            ("c", "/data/houses.csv", "kind", 1.0),
            ("d", "/other/houses.csv", "price", 0.5),
            ("e", "/data/houses.csv", None, 0.1),
        ):
            data = {"name": "csv", "path": path, "label": label}
            self.run_of(name, [loss], loss="l2", data=data)
        self.assertEqual(sorted(self.groups().values()), [["b", "a"], ["c"], ["d"], ["e"]])

    def test_squared_errors_of_another_scale(self):
        folders = [self.run_of(name, [1.0], loss="l2") for name in "abc"]
        self.write(folders[0], "data.json", {"target_scale": {"mean": [0], "std": [1e5]}})
        self.write(folders[1], "data.json", {"target_scale": None})
        scaled = "iris, l2 of standardized targets"
        self.assertEqual(self.groups(), {"iris, l2": ["b", "c"], scaled: ["a"]})

    def test_settings_that_differ_within_a_group(self):
        for name, lr, data in (("a", 0.1, IRIS), ("b", 0.2, IRIS), ("c", 0.3, WAVES)):
            self.run_of(name, [1.0], data=data, optimizer_args={"lr": lr, "name": "SGD"}, l2=0.5)
        first, second = self.output().split("\n\n")
        self.assertRegex(first, r"^iris.*\n  run .*validation error  optimizer\.lr\n")
        self.assertNotIn("optimizer", second)
        rates = compare.compare_runs(self.runs)["optimizer_args.lr"]
        self.assertEqual(rates.tolist(), [0.1, 0.2, 0.3])

    def test_an_option_of_some_runs(self):
        """Missing means None; 1 and 1.0 are the same, 1 and true are not."""
        self.run_of("a", [0.5], same=1, unset=None, none=None, kind=1)
        self.run_of("b", [0.5], same=1.0, only=0.5, none=0.25, kind=True)
        results = ["dataset", "loss", "run", "epoch", "validation loss", "validation error"]
        table = compare.compare_runs(self.runs)
        self.assertEqual(list(table), [*results, "none", "kind", "only"])
        self.assertEqual(table["only"].fillna(0).tolist(), [0, 0.5])
        self.assertNotIn("nan", self.output().lower())

    def test_of_the_scripts(self):
        for name, flags in (
            ("slow", ("--lr", 0.001)),
            ("fast", ("--lr", 0.1)),
            ("svm", ("--loss", "hinge")),
        ):
            self.train("--name", name, "--epochs", 5, *flags)
        self.script = train_rnn
        self.train("--name", "wave", "--epochs", 1, "--hidden", 3, "--window", 5)
        groups = self.groups()
        self.assertEqual(groups["iris, cross_entropy"], ["fast", "slow"])
        self.assertEqual(groups["iris, hinge"], ["svm"])
        self.assertEqual([len(names) for names in groups.values()], [2, 1, 1])
        out = self.output()
        self.assertRegex(out, r"iris, cross_entropy\n  run .* test error  optimizer\.lr\n")
        self.assertNotIn("momentum", out, "only what the runs differ in")


class TestDamage(CompareTest):
    CONFIG = json.dumps({"model": {"loss": "l2"}, "data": {"name": "iris"}, "arguments": {}})
    HEADER = "epoch,validation_loss,validation_error\n"
    LOGS = (
        ("", "no epoch has ended"),
        (HEADER, "no epoch has ended"),
        (HEADER + "1,0.5", "no epoch has ended"),
        (HEADER + "1,a,1\n", "log.csv: line 2 must hold 3 numbers, got '1,a,1'"),
        (HEADER + "1,1\n", "log.csv: line 2 must hold 3 numbers"),
        (HEADER + "1,1,1\n\n2,1,1\n", "log.csv: line 3 must hold 3 numbers, got ''"),
        (HEADER + "1,1,1\n1,1,1\n", "log.csv: epoch 1 comes after epoch 1"),
        (HEADER + "1,1,1\n2,1,1\n" + HEADER + "1,1,1\n", "log.csv: line 4 must hold 3 numbers"),
        (HEADER + "3,1,1\n2,1,1\n", "log.csv: epoch 2 comes after epoch 3"),
        (HEADER + "1.5,1,1\n", "log.csv has no column of whole numbers 'epoch'"),
        (HEADER + "nan,1,1\n", "log.csv has no column of whole numbers 'epoch'"),
        (HEADER + "1e400,1,1\n", "log.csv has no column of whole numbers 'epoch'"),
        ("validation_loss\n1\n", "log.csv has no column of whole numbers 'epoch'"),
        ("epoch,loss\n1,1\n", "log.csv has neither a column 'validation_loss' nor 'train_loss'"),
        ("\0\0\0\n\0\n", "log.csv: line 2 must hold 1 numbers"),
        ('"\n1\n', "log.csv"),
        ("\n1,2\n", "log.csv: line 2 must hold "),
        ("1,2,3\n" * 3, "log.csv has no column of whole numbers 'epoch'"),
    )
    CONFIGS = (
        ("", "config.json is not a JSON file"),
        ("{}", "config.json is not the configuration of a run: it has no 'model'"),
        ("[]", "config.json is not the configuration of a run"),
        ("{", "config.json is not a JSON file"),
        ("[" * 100_000, "config.json is not a JSON file"),
        ('{"format": 3, "model": {}}', "config.json was written by a later version"),
        ('{"model": {}}', "config.json has no 'data'"),
        ('{"model": [], "data": {}, "arguments": {}}', "config.json has no 'model'"),
        ('{"model": {}, "data": [], "arguments": {}}', "config.json has no 'data'"),
        ('{"model": {}, "data": {}, "arguments": 3}', "config.json has no 'arguments'"),
        ('{"model": 3, "model": 4}', "config.json: 'model' is given twice"),
    )
    TESTS = (
        ("{", "test.json is not a JSON file"),
        ("3", "test.json has no number 'error'"),
        ("{}", "test.json has no number 'error'"),
        ('{"error": "no"}', "test.json has no number 'error'"),
        ('{"error": [1]}', "test.json has no number 'error'"),
    )

    def damaged(self, name, *files):
        folder = self.runs / name
        folder.mkdir(parents=True)
        contents = {"log.csv": self.HEADER + "1,1,1\n", "config.json": self.CONFIG}
        for file, content in {**contents, **dict(files)}.items():
            (folder / file).write_bytes(content.encode())

    def test_each_is_a_row_with_its_reason(self):
        self.run_of("good", [0.5])
        reasons = {}
        for file, cases in (
            ("log.csv", self.LOGS),
            ("config.json", self.CONFIGS),
            ("test.json", self.TESTS),
        ):
            for number, (content, reason) in enumerate(cases):
                name = f"{file}-{number}"
                self.damaged(name, (file, content))
                reasons[name] = reason
        first, second = self.output().split("\n\n")
        self.assertRegex(first, r"^iris, cross_entropy\n.*\n  good ")
        title, header, *lines = second.splitlines()
        self.assertEqual((title, header.split()), ("runs that cannot be read", ["run", "reason"]))
        found = dict(line.split(maxsplit=1) for line in lines)
        self.assertEqual(set(found), set(reasons))
        for name, reason in reasons.items():
            self.assertTrue(found[name].startswith(reason), (name, found[name], reason))
            self.assertNotIn(str(self.root), found[name])
        table = compare.compare_runs(self.runs)
        self.assertEqual(table["run"][0], "good")
        self.assertEqual(list(table["reason"].isna()), [True] + [False] * len(reasons))

    def test_files_that_are_none(self):
        self.run_of("good", [0.5])
        for name in ("log.csv", "config.json"):
            self.damaged(f"folder {name}")
            (self.runs / f"folder {name}" / name).unlink()
            (self.runs / f"folder {name}" / name).mkdir()
            self.damaged(f"missing {name}")
            (self.runs / f"missing {name}" / name).unlink()
        self.damaged("loop")
        (self.runs / "loop" / "log.csv").unlink()
        (self.runs / "loop" / "log.csv").symlink_to("log.csv")
        _, second = self.output().split("\n\n")
        self.assertEqual(second.count("\n"), 1 + 5 + 1)
        self.assertRegex(second, "missing log.csv +no epoch has ended\n")
        self.assertRegex(second, "missing config.json +.*it has no config.json")

    def test_what_is_no_run_is_not_listed(self):
        self.run_of("good", [0.5])
        (self.runs / "notes.txt").write_text("mine")
        (self.runs / "empty").mkdir()
        (self.runs / "thesis").mkdir()
        (self.runs / "thesis" / "chapter.tex").write_text("mine")
        self.assertEqual(list(compare.compare_runs(self.runs)["run"]), ["good"])

    def test_a_run_that_is_written_at_this_moment(self):
        folder = self.run_of("running", [0.5, 0.25])
        with (folder / "log.csv").open("a") as file:
            file.write("3,0.12")
        table = compare.compare_runs(self.runs)
        self.assertEqual(table[["epoch", "validation loss"]].iloc[0].tolist(), [2, 0.25])

    def test_all_of_them(self):
        for number in range(1, 6):
            self.damaged(f"run{number}", ("config.json", "{"))
            status, out, err = quietly(compare.main, self.runs)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertIn(f"no run in {self.runs} can be read: run1 (config.json is not a", err)
            self.assertEqual("2 more" in err, number == 5)

    def test_no_run_at_all(self):
        folder = self.run_of("one", [0.5])
        for path, words in (
            (self.root / "nowhere", "train a network first"),
            (self.root, "train a network first"),
            (folder, "it is one itself, give the folder that contains it"),
            (folder / "log.csv", "train a network first"),
        ):
            status, out, err = quietly(compare.main, path)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1))
            self.assertIn(f"there is no run in {path}: {words}", err)


class TestFormats(CompareTest):
    NAMES = ("a|b", "50% & $3", "#1_{x}^2 ~", "<b>*bold* &lt;", "back\\slash `x`", "Ω [x](y)")

    def setUp(self):
        super().setUp()
        self.losses = [1 / 3, 0.1 + 0.2, 1e-300, 2 / 3, 1.7976931348623157e308, 0.5]
        for name, loss in zip(self.NAMES, self.losses, strict=True):
            self.run_of(name, [loss], lr=loss, kind=["relu", None][loss > 0.5])
        self.run_of("new\nline\x1b[31m", [0.9], lr=None)

    def test_csv_has_every_digit(self):
        rows = list(csv.DictReader(io.StringIO(self.output("--format", "csv"))))
        found = {row["run"]: row for row in rows}
        losses = [float(found[name]["validation loss"]) for name in self.NAMES]
        self.assertEqual(losses, self.losses)
        self.assertEqual({row["dataset"] for row in rows}, {"iris"})
        kinds = [found[name]["kind"] for name in self.NAMES]
        self.assertEqual(kinds, ["" if loss > 0.5 else "relu" for loss in self.losses])
        rates = [float(found[name]["lr"]) for name in self.NAMES]
        self.assertEqual(rates, self.losses)

    def test_csv_of_groups_and_damaged_runs(self):
        self.run_of("wave", [1e-5], loss="l2", data=WAVES)
        (self.run_of("broken", [1.0]) / "log.csv").write_text("a,b\n1\n")
        rows = list(csv.DictReader(io.StringIO(self.output("--format", "csv"))))
        self.assertEqual([row["loss"] for row in rows], ["cross_entropy"] * 7 + ["l2", ""])
        self.assertEqual([row["run"] for row in rows][-2:], ["wave", "broken"])
        self.assertTrue(rows[-1]["reason"].startswith("log.csv: line 2 must hold 2 numbers"))
        self.assertEqual({row["reason"] for row in rows[:-1]}, {""})

    def test_markdown(self):
        self.run_of("wave", [1e-5], loss="l2", data=WAVES)
        first, rest, second, _ = self.output("--format", "markdown").split("\n\n")
        self.assertEqual((first, second), ("**iris, cross\\_entropy**", "**sinewave, l2**"))
        lines = rest.splitlines()
        self.assertEqual(len(lines), 2 + 7)
        for line in lines:
            self.assertEqual(len(re.findall(r"(?<!\\)\|", line)), 7, line)
            self.assertIsNone(re.search(r"(?<!\\)[*_`\[]|<", line), line)
        self.assertEqual(lines[1], "| --- | ---: | ---: | ---: | ---: | --- |")
        self.assertIn(r"| a\|b | 1 | 0.3333 | 0.1667 | 0.3333 | relu |", lines)
        self.assertIn(r"| new\\nline\\x1b\[31m | 1 | 0.9 | 0.45 |  |  |", lines)

    def test_latex(self):
        out = self.output("--format", "latex")
        rows = [line for line in out.splitlines() if line.endswith(r" \\")]
        self.assertEqual(len(rows), 1 + 7)
        for line in rows:
            self.assertEqual(len(re.findall(r"(?<!\\)&", line)), 5, line)
            self.assertIsNone(re.search(r"(?<!\\)[%$#_^~<>|]", line), line)
        self.assertIn(r"50\% \& \$3 & 1 & 0.3 & 0.15 & 0.3 & relu \\", rows)
        self.assertIn(r"\caption{iris, cross\_entropy}", out)
        self.assertIn(r"back\textbackslash{}slash `x` & 1", out)
        for name in ("table", "tabular"):
            self.assertEqual(out.count(f"\\begin{{{name}}}"), out.count(f"\\end{{{name}}}"))
        self.assertIn(r"\begin{tabular}{lrrrrl}", out)

    def test_text_keeps_to_its_lines(self):
        lines = self.output().splitlines()
        self.assertEqual(len(lines), 2 + 7)
        self.assertIn(r"  new\nline\x1b[31m ", "\n".join(lines))
        ends = {line.index("1 ", 22) for line in lines[2:]}
        self.assertEqual(len(ends), 1, "columns are aligned")

    def test_unknown_ones(self):
        status, out, err = quietly(compare.main, self.runs, "--format", "excel")
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertIn("'excel'", err)


class TestClosedPipe(CompareTest):
    def test_by_a_reader_that_has_gone(self):
        for number in range(60):
            self.run_of(f"{'long name ' * 20}{number}", [1.0])
        for form in ("text", "csv"):
            for unbuffered in ("", "1"):
                with self.subTest(form, unbuffered=unbuffered):
                    command = [sys.executable, "-m", "neural_networks", "compare", self.runs]
                    with subprocess.Popen(
                        [*map(str, command), "--format", form],
                        cwd=ROOT,
                        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                    ) as process:
                        process.stdout.close()
                        err = process.stderr.read()
                    self.assertEqual((process.returncode, err), (141, b""))


if __name__ == "__main__":
    unittest.main()
