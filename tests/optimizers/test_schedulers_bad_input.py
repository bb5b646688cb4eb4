"""Learning-rate schedules: rejected arguments and their messages."""

import math
import unittest

from neural_networks.schedulers import initialize_scheduler

# Options without a default.
NEEDED = {"cosine": {"epochs": 7}, "one_cycle": {"epochs": 7}}


WRONG = {
    "constant": {"lr": (-0.1, math.nan, math.inf)},
    "exponential": {"decay": (0, -0.5, math.nan, math.inf), "stage_length": (0, -1, math.nan)},
    "step": {"decay": (0, -0.5), "stage_length": (0, -1)},
    "cosine": {"epochs": (0, -1, math.nan, math.inf), "lr_min": (-0.1, math.nan, math.inf)},
    "one_cycle": {
        "epochs": (0, -1, math.nan, math.inf),
        "pct_start": (0, 1, -0.1, 1.5, math.nan),
        "div_factor": (0.9, 0, math.nan, math.inf),
        "final_div_factor": (0.9, 0, math.nan, math.inf),
    },
    "warm_up": {"warm_up_epochs": (0, -1, math.inf), "start_factor": (-0.1, 1, math.nan)},
    "reduce_on_plateau": {
        "factor": (0, 1, -0.5, math.nan),
        "patience": (-1,),
        "threshold": (-0.1, 1, math.nan),
        "lr_min": (-0.1, math.nan, math.inf),
    },
}


class TestBadArguments(unittest.TestCase):
    def refused(self, error, name, option, value, rule):
        arguments = {"lr": 0.1} | NEEDED.get(name, {}) | {option: value}
        with self.subTest(name, **{option: value}), self.assertRaisesRegex(error, rule):
            initialize_scheduler(name, **arguments)

    def test_numbers_out_of_range_are_named(self):
        for name, options in WRONG.items():
            for option, values in options.items():
                shown = "lr_decay" if option == "decay" else option
                for value in values:
                    self.refused(ValueError, name, option, value, f"^{shown} must be .*{value}")

    def test_what_is_no_number_is_named(self):
        for name, options in WRONG.items():
            for option in options:
                for value in ("fast", [1, 2], {}, True):
                    self.refused(TypeError, name, option, value, f"{option} must be a .*number")
        self.refused(TypeError, "reduce_on_plateau", "patience", 1.5, "patience .*whole.*1.5")
        self.refused(TypeError, "exponential", "staircase", 1, "staircase must be true or false")

    def test_what_is_missing(self):
        for name in ("cosine", "one_cycle"):
            rule = f"scheduler '{name}' needs the option 'epochs'"
            with self.subTest(name), self.assertRaisesRegex(ValueError, rule):
                initialize_scheduler(name, 0.1)

    def test_unknown_options(self):
        for name, option, rule in (
            ("constant", "epochs", r"has no option 'epochs' \(options: none\)"),
            ("cosine", "epoch", "has no option 'epoch'; did you mean 'epochs'"),
            ("step", "milestone", "has no option 'milestone'; did you mean 'milestones'"),
            ("reduce_on_plateau", "patients", "'patients'; did you mean 'patience'"),
            ("one_cycle", "lr_min", "scheduler 'one_cycle' has no option 'lr_min'"),
        ):
            self.refused(ValueError, name, option, 3, rule)

    def test_unknown_names(self):
        with self.assertRaisesRegex(ValueError, "scheduler 'cosin'; did you mean 'cosine'.*step"):
            initialize_scheduler("cosin", 0.1)

    def test_a_lowest_rate_above_the_first(self):
        for name in ("cosine", "reduce_on_plateau"):
            for lr_min, rule in ((0.2, "at most lr, which is 0.1, got 0.2"), (-0.1, "at least 0")):
                self.refused(ValueError, name, "lr_min", lr_min, f"^lr_min must be {rule}")

    def test_milestones_that_are_no_list_of_epochs(self):
        for milestones in ("12", 3, {2: 1}, {1, 2}):
            self.refused(TypeError, "step", "milestones", milestones, "must be a list of epochs")
        for milestones in ([1, "2"], [None], [True]):
            self.refused(TypeError, "step", "milestones", milestones, "milestones must be a number")

    def test_milestones_that_do_not_increase(self):
        for milestones in ([3, 2], [1, 2, 2], [2, 1, 3]):
            rule = rf"^milestones must increase, got \[{float(milestones[0])}"
            with self.subTest(milestones), self.assertRaisesRegex(ValueError, rule):
                initialize_scheduler("step", 0.1, milestones=milestones)
        for milestones in ([-1, 2], [math.nan], [math.inf]):
            with self.subTest(milestones), self.assertRaisesRegex(ValueError, "^milestones must"):
                initialize_scheduler("step", 0.1, milestones=milestones)

    def test_options_of_the_schedule_after_a_warm_up(self):
        for options, rule in (
            ({"after": "cosin"}, "scheduler 'cosin'; did you mean 'cosine'"),
            ({"after": "warm_up"}, "after must be another schedule than 'warm_up'"),
            ({"after": "cosine"}, "scheduler 'cosine' needs the option 'epochs'"),
            ({"after": "cosine", "epoch": 3}, "no option 'epoch'; did you mean 'epochs'"),
            ({"epochs": 3}, "scheduler 'warm_up' has no option 'epochs'"),
            ({"after": "step", "epochs": 3}, "scheduler 'warm_up' has no option 'epochs'"),
        ):
            with self.subTest(options), self.assertRaisesRegex(ValueError, rule):
                initialize_scheduler("warm_up", 0.1, **options)
