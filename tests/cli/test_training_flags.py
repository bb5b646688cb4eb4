"""Flags of the scripts for loss, optimizer, schedule and best epoch."""

import json
from unittest import mock

import train_ffnn
import train_rnn
from neural_networks.cli import console
from neural_networks.optimizers import with_epochs
from tests.support.scripts import FlagTest


class TestOptimizer(FlagTest):
    PLAIN = train_ffnn.CONFIGURATION.model_args["optimizer_args"]

    def test_options_of_the_other_optimizer_go(self):
        for name in ("Adam", "RMSProp", "AdamW", "AdaGrad", "AdaDelta"):
            args, out = self.done("--optimizer", name)
            expected = {**self.PLAIN, "name": name}
            del expected["momentum"]
            self.assertEqual(args["model"]["optimizer_args"], expected)
            decay = "weight decay 0.01, " if name == "AdamW" else ""
            self.assertIn(f"Training: cross_entropy, {name} with {decay}constant", out)
        self.changes_the_run("--optimizer", "Adam")

    def test_those_of_the_same_one_stay(self):
        self.assertEqual(self.optimizer("--optimizer", "SGD"), self.PLAIN)

    def test_back_from_another_one(self):
        self.done("--optimizer", "Adam", "--optimizer-args", "beta1=0.5", "--lr", 0.01)
        config = self.runs / "run" / "config.json"
        args = self.optimizer("--config", config, "--optimizer", "SGD", "--momentum", 0.5)
        self.assertNotIn("beta1", args)
        self.assertEqual((args["name"], args["lr"], args["momentum"]), ("SGD", 0.01, 0.5))

    def test_further_options(self):
        args = self.optimizer("--optimizer-args", "nesterov=true", "momentum=0.5")
        self.assertEqual(args, {**self.PLAIN, "nesterov": True, "momentum": 0.5})
        self.changes_the_run("--optimizer-args", "nesterov=true")
        args = self.optimizer("--optimizer", "Adam", "--optimizer-args", "beta1=0.5", "beta2=0.6")
        self.assertEqual((args["beta1"], args["beta2"]), (0.5, 0.6))

    def test_flags_with_a_name_of_their_own(self):
        for flag, key, value in (
            ("--weight-decay", "weight_decay", 0.25),
            ("--clip-global-norm", "clip_global_norm", 0.125),
        ):
            self.assertEqual(self.optimizer(flag, value), {**self.PLAIN, key: value})
            self.changes_the_run(flag, value)

    def test_mistakes(self):
        self.refused("unknown optimizer 'Adamm'.*did you mean 'Adam'", "--optimizer", "Adamm")
        adam = ("--optimizer", "Adam")
        self.refused("'Adam' has no option 'momentum'", *adam, "--momentum", 0.9)
        words = "'Adam' has no option 'beta3'; did you mean 'beta"
        self.refused(words, *adam, "--optimizer-args", "beta3=0.5")
        self.refused("'beta1' is not of the form KEY=VALUE", *adam, "--optimizer-args", "beta1")
        self.refused("expected at least one argument", "--optimizer-args")
        self.refused("weight_decay must be at least 0", "--weight-decay", -1)
        self.refused("clip_global_norm must be greater than 0", "--clip-global-norm", 0)
        self.refused("nesterov must be true or false", "--optimizer-args", "nesterov=1")

    def test_typed_options_of_another_optimizer(self):
        for flags, words in (
            (("--optimizer", "Adam", "--momentum", 0.9), "--momentum 0.9: optimizer 'Adam' has no"),
            (
                ("--optimizer", "Adam", "--optimizer-args", "nesterov=true"),
                "--optimizer-args nesterov=True: optimizer 'Adam' has no option 'nesterov'",
            ),
            (("--optimizer-args", "name=Adam"), "'SGD' has no option 'name'"),
        ):
            self.refused(words, *flags)

    def test_options_typed_twice(self):
        for flags, words in (
            (
                ("--lr", 0.1, "--optimizer-args", "lr=0.2"),
                "--lr 0.1 and --optimizer-args lr=0.2: give lr only once",
            ),
            (
                ("--optimizer-args", "nesterov=true", "nesterov=false"),
                "--optimizer-args nesterov=True and --optimizer-args nesterov=False: give nesterov",
            ),
            (
                ("--scheduler", "step", "--optimizer-args", "lr_scheduler=cosine"),
                "--scheduler step and --optimizer-args lr_scheduler=cosine: give lr_scheduler only",
            ),
        ):
            self.refused(words, *flags)

    def test_a_flag_of_options_given_twice_adds_to_them(self):
        args = self.optimizer("--optimizer-args", "nesterov=true", "--optimizer-args", "lr=0.5")
        self.assertEqual(args, {**self.PLAIN, "nesterov": True, "lr": 0.5})


class TestSchedule(FlagTest):
    def test_its_name_and_options(self):
        args = self.optimizer("--scheduler", "step", "--scheduler-args", "milestones=[1]")
        self.assertEqual(
            (args["lr_scheduler"], args["scheduler_args"]), ("step", {"milestones": [1]})
        )
        self.changes_the_run("--scheduler", "step", "--scheduler-args", "milestones=[1]")

    def test_options_alone_are_added(self):
        warm_up = ("--scheduler", "warm_up", "--scheduler-args", "after=cosine", "warm_up_epochs=1")
        self.done(*warm_up)
        config = ("--config", self.runs / "run" / "config.json")
        args = self.optimizer(*config, "--scheduler-args", "warm_up_epochs=2", "lr_min=0.001")
        expected = {"after": "cosine", "warm_up_epochs": 2, "lr_min": 0.001}
        self.assertEqual((args["lr_scheduler"], args["scheduler_args"]), ("warm_up", expected))

    def test_options_of_another_schedule_go(self):
        self.done("--scheduler", "cosine", "--scheduler-args", "lr_min=0.01")
        config = ("--config", self.runs / "run" / "config.json")
        args = self.optimizer(*config, "--scheduler", "step")
        self.assertEqual(args["scheduler_args"], {})

    def test_the_length_of_the_run_is_that_of_the_schedule(self):
        for flags in (("cosine",), ("one_cycle",), ("warm_up", "after=cosine")):
            name, *options = flags
            schedule = ("--scheduler", name, "--scheduler-args", *options, "epochs=2")
            self.done(*schedule)
            expected = self.log("run")
            given = ("--scheduler-args", *options) if options else ()
            args = self.optimizer("--scheduler", name, *given)
            self.assertNotIn("epochs", args["scheduler_args"])
            self.assertEqual(self.log("run"), expected)
            self.done(*schedule[:-1], "epochs=5")
            self.assertNotEqual(self.log("run"), expected)

    def test_what_the_optimizer_gets(self):
        """The configuration is unchanged; schedules without a length get none."""
        for name, options, expected in (
            ("cosine", None, {"epochs": 7}),
            ("cosine", {"lr_min": 0.1}, {"lr_min": 0.1, "epochs": 7}),
            ("cosine", {"epochs": 3}, {"epochs": 3}),
            ("warm_up", {"after": "one_cycle"}, {"after": "one_cycle", "epochs": 7}),
            ("warm_up", {}, {}),
            ("step", {"milestones": [1]}, {"milestones": [1]}),
        ):
            optimizer = {"name": "SGD", "lr_scheduler": name, "scheduler_args": options}
            before = json.dumps(optimizer)
            result = with_epochs(optimizer, 7)
            self.assertEqual(result["scheduler_args"] or {}, expected)
            self.assertEqual((result["name"], json.dumps(optimizer)), ("SGD", before))
        self.assertEqual(with_epochs({"name": "SGD"}, 7), {"name": "SGD"})

    def test_options_of_the_other_schedule_go(self):
        """The configuration of the script has those of an exponential schedule."""
        names = ("lr_decay", "stage_length", "staircase")
        for schedule, expected in (
            ("step", (None, None, None)),
            ("cosine", (None, None, None)),
            ("exponential", (0.99, 1, True)),
            ("constant", (0.99, 1, True)),
        ):
            args, _ = self.done("--scheduler", schedule)
            optimizer = args["model"]["optimizer_args"]
            self.assertEqual(tuple(optimizer[name] for name in names), expected)
        args, _ = self.done("--scheduler", "step", "--lr-decay", 0.5)
        self.assertEqual(args["model"]["optimizer_args"]["lr_decay"], 0.5)

    def test_typed_options_of_another_schedule(self):
        for flag, words in (
            (("--lr-decay", 0.9), "--lr-decay 0.9"),
            (("--stage-length", 2), "--stage-length 2.0"),
            (("--staircase",), "--staircase"),
            (("--no-staircase",), "--no-staircase"),
            (("--optimizer-args", "lr_decay=0.9"), "--optimizer-args lr_decay=0.9"),
        ):
            for name in ("constant", "cosine", "one_cycle", "reduce_on_plateau", "warm_up"):
                key = words.split("=")[0].split()[-1] if "args" in words else flag[0]
                key = key.removeprefix("--no-").removeprefix("--").replace("-", "_")
                pattern = f"{words}: scheduler '{name}' has no option '{key}'"
                self.refused(pattern, "--scheduler", name, *flag)
            self.refused("scheduler 'constant' has no option", *flag)
        words = r"'step' has no option 'staircase' \(schedulers with it: exponential\)"
        self.refused(words, "--scheduler", "step", "--staircase")
        words = r"'cosine' has no option 'lr_decay' \(schedulers with it: exponential, step\)"
        self.refused(words, "--scheduler", "cosine", "--lr-decay", 0.5)

    def test_typed_options_of_the_schedule_after_a_warm_up(self):
        flags = ("--scheduler", "warm_up", "--scheduler-args", "after=exponential")
        args = self.optimizer(*flags, "--lr-decay", 0.5, "--staircase")
        self.assertEqual((args["lr_decay"], args["staircase"]), (0.5, True))

    def test_typed_options_and_those_of_the_schedule(self):
        words = "--lr-decay 0.5 and --scheduler-args decay=0.6: give one of them"
        step = ("--scheduler", "step")
        self.refused(words, *step, "--lr-decay", 0.5, "--scheduler-args", "decay=0.6")
        self.refused(
            "--scheduler-args lr_min=0 and --scheduler-args lr_min=1: give lr_min only once",
            *("--scheduler", "cosine", "--scheduler-args", "lr_min=0", "lr_min=1"),
        )
        self.done(*step, "--scheduler-args", "decay=0.6", "milestones=[1]")
        config = ("--config", self.edited(lambda config: None))
        args = self.optimizer(*config, "--lr-decay", 0.5)
        self.assertEqual((args["lr_decay"], args["scheduler_args"]), (0.5, {"milestones": [1]}))

    def test_a_typed_rate_beside_leftovers(self):
        """Leftovers of the script's configuration are not an error."""
        for name in ("cosine", "constant", "step"):
            self.assertEqual(self.optimizer("--scheduler", name, "--lr", 0.5)["lr"], 0.5)

    def test_options_of_the_same_schedule_stay(self):
        flags = ("--scheduler", "step", "--lr-decay", 0.5, "--stage-length", 10)
        self.done(*flags, "--scheduler-args", "milestones=[3]")
        config = self.edited(lambda config: None)
        for schedule, expected in (
            ("step", (0.5, 10, None, {"milestones": [3]})),
            ("exponential", (None, None, None, {})),
        ):
            args, _ = self.done("--config", config, "--scheduler", schedule)
            names = ("lr_decay", "stage_length", "staircase", "scheduler_args")
            optimizer = args["model"]["optimizer_args"]
            self.assertEqual(tuple(optimizer[name] for name in names), expected)

    def test_scheduler_args_that_are_no_mapping(self):
        self.done()
        for value in ([1], "cosine", 5):
            config = self.edited(
                lambda config, value=value: config["model"]["optimizer_args"].update(
                    scheduler_args=value
                )
            )
            for flags in ((), ("--scheduler-args", "epochs=3")):
                _, _, err = self.train("--config", config, *flags)
                self.assertIn("scheduler_args must be a mapping of options, got", err)

    def test_a_plateau_is_noticed(self):
        flags = ("--scheduler", "reduce_on_plateau", "--scheduler-args", "patience=1", "factor=0.5")
        _, out = self.done(*flags, "threshold=0.99")
        self.assertIn("SGD with momentum 0.9, reduce-on-plateau learning rate 0.02", out)
        plain = self.log("run")
        self.done("--epochs", 5)
        steady = self.log("run")
        self.assertEqual(plain, b"\n".join(steady.split(b"\n")[:3]) + b"\n")
        self.done(*flags, "threshold=0.99", "--epochs", 5)
        self.assertEqual(self.log("run").split(b"\n")[:4], steady.split(b"\n")[:4])
        self.assertNotEqual(self.log("run"), steady)

    def test_mistakes(self):
        self.refused("unknown scheduler 'cosin'; did you mean 'cosine'", "--scheduler", "cosin")
        words = "'cosine' has no option 'lr_mn'; did you mean 'lr_min'"
        self.refused(words, "--scheduler", "cosine", "--scheduler-args", "lr_mn=0")
        self.refused("'constant' has no option 'lr_min'", "--scheduler-args", "lr_min=0")
        words = "unknown scheduler 'cosin'"
        self.refused(words, "--scheduler", "warm_up", "--scheduler-args", "after=cosin")
        self.refused(
            "factor must be", "--scheduler", "reduce_on_plateau", "--scheduler-args", "factor=2"
        )


class TestNameOfTheRun(FlagTest):
    def test_it_follows_the_dataset_that_it_is_named_after(self):
        self.done()
        for start, name in (("iris", "digits"), ("iris-2", "digits-2"), ("run", "run")):
            edit = self.edited(lambda config, start=start: config.update(model_name=start))
            flags = ("--config", edit, "--dataset", "digits", "--overwrite")
            self.assertEqual(self.train(*flags)[0], 0)
            self.assertEqual(self.config(name)["data"]["name"], "digits")


class TestWhatIsPrinted(FlagTest):
    def lines(self, *flags):
        return self.done(*flags)[1].splitlines()

    def test_all_that_an_optimizer_does(self):
        flags = ("--momentum", 0.5, "--weight-decay", 0.25, "--clip-norm", 4)
        _, out = self.done(*flags, "--clip-global-norm", 0.125, "--scheduler", "one_cycle")
        words = "momentum 0.5, weight decay 0.25, clip norm 4, clip global norm 0.125"
        self.assertIn(f"SGD with {words}, one-cycle learning rate 0.02; 2 epochs", out)
        _, out = self.done("--momentum", 0)
        self.assertIn("SGD with constant learning rate 0.02;", out)

    def test_one_epoch_of_one_step(self):
        status, out, err = self.train("--epochs", 1, "--batch-size", 105, "--patience", 1)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("; 1 epoch of 1 step, batch size 105, ", out)
        self.assertIn("stop after 1 epoch without a lower one", out)

    def test_changes_for_the_loss(self):
        words = "Because of --loss {}: output activation {}\n"
        for loss, activation in (("hinge", "linear"), ("l2", "linear")):
            self.assertIn(words.format(loss, activation), self.done("--loss", loss)[1])
        self.assertNotIn("Because of", self.done("--loss", "cross_entropy")[1])

    def test_the_best_epoch(self):
        for flags, words in (
            (
                ("--patience", 3),
                "validation loss; stop after 3 epochs without a lower one, test its parameters",
            ),
            (
                ("--patience", 3, "--no-restore-best", "--monitor", "train_error"),
                "train error; stop after 3 epochs without a lower one",
            ),
            (("--restore-best",), "validation loss; test its parameters"),
        ):
            self.assertIn(f"\nBest epoch: lowest {words}\n", self.done(*flags)[1])
        for flags in ((), ("--monitor", "train_error"), ("--no-restore-best",)):
            self.assertNotIn("Best epoch", self.done(*flags)[1])

    def test_a_schedule_of_one_s_own(self):
        with mock.patch.object(console, "SCHEDULERS", {}):
            self.assertIn("momentum 0.9, custom learning rate 0.02;", self.done()[1])

    def test_layers_without_parameters(self):
        lines = self.lines("--hidden", 7, "--dropout", 0.25)
        self.assertRegex("\n".join(lines), r"\n  2  Dropout +p = 0.25 -> \(7,\) +0\n")
        self.assertRegex("\n".join(lines), r"\n  1  FullyConnected  relu +-> \(7,\) +35  W")

    def test_numbers_of_many_layers(self):
        lines = self.lines("--hidden", *[3] * 9)
        for number, name in ((1, "relu"), (9, "relu"), (10, "softmax")):
            start = f"  {number:>2}  FullyConnected  {name} "
            self.assertEqual(sum(line.startswith(start) for line in lines), 1, start)


class TestLossAndPenalty(FlagTest):
    def test_the_output_follows_the_loss(self):
        for loss, activation in (
            ("hinge", "linear"),
            ("squared_hinge", "linear"),
            ("huber", "linear"),
            ("l2", "linear"),
            ("cross_entropy", "softmax"),
        ):
            config, out = self.done("--loss", loss, "--activation", "tanh")
            self.assertEqual(config["model"]["loss"], loss)
            hidden, last = config["model"]["layer_args"]
            self.assertEqual((hidden["activation"], last["activation"]), ("tanh", activation))
            self.assertIn(f"Training: {loss}, SGD", out)

    def test_and_back(self):
        self.done("--loss", "hinge")
        config = self.runs / "run" / "config.json"
        layers = self.done("--config", config, "--loss", "cross_entropy")[0]["model"]["layer_args"]
        self.assertEqual(layers[-1]["activation"], "softmax")

    def test_penalty(self):
        plain, _ = self.done()
        self.assertEqual((plain["model"]["l2"], plain["model"]["l1"]), (0, 0))
        self.assertNotIn(b"penalty", self.log("run"))
        for flags, l2, l1, words in (
            (("--l2", 0.25), 0.25, 0, "cross_entropy + 0.25 l2, SGD"),
            (("--l1", 0.125), 0, 0.125, "cross_entropy + 0.125 l1, SGD"),
            (("--l2", 0.5, "--l1", 1), 0.5, 1, "cross_entropy + 0.5 l2 + 1 l1, SGD"),
        ):
            config, out = self.done(*flags)
            self.assertEqual((config["model"]["l2"], config["model"]["l1"]), (l2, l1))
            self.assertIn(f"Training: {words}", out)
            rows = self.rows("run")
            self.assertGreater(float(rows[0]["penalty"]), 0)

    def test_mistakes(self):
        self.refused("unknown loss 'hing'; did you mean 'hinge'", "--loss", "hing")
        self.refused(
            r"binary_cross_entropy, is for two classes, and 'iris' has 3",
            "--loss",
            "binary_cross_entropy",
        )
        for flag in ("l2", "l1"):
            for value in (-1, "nan", "inf"):
                self.refused(f"{flag} must be at least 0 and finite, got", f"--{flag}", value)
            self.refused(f"argument --{flag}: invalid float", f"--{flag}", "much")


class TestLossOfWaves(FlagTest):
    script = train_rnn

    def test_huber(self):
        small = ("--hidden", 3, "--window", 5, "--batch-size", 1000)
        config, _ = self.done("--loss", "huber", "--l2", 0.01, *small)
        self.assertEqual((config["model"]["loss"], config["model"]["l2"]), ("huber", 0.01))
        self.assertEqual(config["model"]["layer_args"][-1]["activation"], "linear")
