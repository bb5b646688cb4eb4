"""Optimizers: rejected arguments and their messages."""

import math
import re
import unittest

from neural_networks.optimizers import OPTIMIZERS, initialize_optimizer

NEGATIVE = (-0.1, math.nan, math.inf)
NOT_POSITIVE = (0, -1.0, math.nan, math.inf)
NO_SHARE = (-0.1, 1.0, 1.5, math.nan)

SHARED = {
    "lr": NEGATIVE,
    "clip_norm": NOT_POSITIVE,
    "clip_global_norm": NOT_POSITIVE,
    "weight_decay": NEGATIVE,
    "lr_decay": NOT_POSITIVE,
    "stage_length": NOT_POSITIVE,
}
ADAM = {"beta1": NO_SHARE, "beta2": NO_SHARE, "epsilon": NOT_POSITIVE}
WRONG = {
    "SGD": SHARED | {"momentum": NO_SHARE},
    "RMSProp": SHARED | {"gamma": NO_SHARE, "epsilon": NOT_POSITIVE},
    "Adam": SHARED | ADAM,
    "AdamW": SHARED | ADAM,
    "AdaGrad": SHARED | {"epsilon": NOT_POSITIVE},
    "AdaDelta": SHARED | {"rho": NO_SHARE, "epsilon": NOT_POSITIVE},
}


class TestBadArguments(unittest.TestCase):
    def refused(self, error, rule, name="SGD", **options):
        arguments = {"lr": 0.1, "lr_scheduler": "exponential"} | options
        with self.subTest(name, **options), self.assertRaisesRegex(error, rule):
            initialize_optimizer(name, **arguments)

    def test_numbers_out_of_range_are_named(self):
        self.assertEqual(set(WRONG), set(OPTIMIZERS))
        for name, options in WRONG.items():
            for option, values in options.items():
                for value in values:
                    rule = f"^{option} must be .*got {value}$"
                    self.refused(ValueError, rule, name, **{option: value})

    def test_what_is_no_number_is_named(self):
        for name, options in WRONG.items():
            for option in options:
                for value in ("fast", [1, 2], {}, True):
                    rule = f"^{option} must be a number, got {re.escape(repr(value))}$"
                    self.refused(TypeError, rule, name, **{option: value})

    def test_nesterov(self):
        self.refused(ValueError, "nesterov needs a momentum greater than 0", nesterov=True)
        self.refused(ValueError, "nesterov needs", nesterov=True, momentum=0.0)
        for value in (1, 0, "yes"):
            rule = f"nesterov must be true or false, got {value!r}"
            self.refused(TypeError, rule, nesterov=value, momentum=0.9)

    def test_unknown_options(self):
        for name, option, rule in (
            ("Adam", "momentum", "optimizer 'Adam' has no option 'momentum'"),
            ("Adam", "bta1", "'bta1'; did you mean 'beta1'"),
            ("AdamW", "weight_deca", "'weight_deca'; did you mean 'weight_decay'"),
            ("AdamW", "clip_globalnorm", "did you mean 'clip_global_norm'"),
            ("SGD", "nesterof", "'nesterof'; did you mean 'nesterov'"),
            ("SGD", "beta1", "optimizer 'SGD' has no option 'beta1'"),
            ("RMSProp", "rho", r"'RMSProp' has no option 'rho'.*\(options: lr, .*gamma"),
            ("AdaGrad", "gamma", "optimizer 'AdaGrad' has no option 'gamma'"),
            ("AdaDelta", "gamma", "optimizer 'AdaDelta' has no option 'gamma'"),
        ):
            self.refused(ValueError, rule, name, **{option: 0.5})

    def test_scheduler_args(self):
        for name in OPTIMIZERS:
            for options in ([("epochs", 5)], "epochs", 5):
                rule = "^scheduler_args must be a mapping of options, got "
                self.refused(TypeError, rule, name, scheduler_args=options)
            for scheduler, options, rule in (
                ("cosine", {"epoch": 5}, "scheduler 'cosine' has no option 'epoch'; did you mean"),
                ("cosine", {}, "scheduler 'cosine' needs the option 'epochs'"),
                ("one_cycle", None, "scheduler 'one_cycle' needs the option 'epochs'"),
                (None, {"decay": 0.5}, r"scheduler 'constant' has no option 'decay'"),
                ("cosine", {"staircase": True}, "scheduler 'cosine' has no option 'staircase'"),
                (None, {"epochs": 5}, r"scheduler 'constant' has no option 'epochs' \(.*none\)"),
                ("step", {"milestones": [3, 2]}, "milestones must increase"),
            ):
                self.refused(ValueError, rule, name, lr_scheduler=scheduler, scheduler_args=options)

    def test_unknown_names(self):
        self.refused(ValueError, "optimizer 'SDG'.*did you mean 'SGD'", "SDG")
        self.refused(ValueError, "optimizer 'adam'; did you mean 'Adam'.*known: SGD, ", "adam")
        rule = "scheduler 'exponental'.*did you mean 'exponential'"
        self.refused(ValueError, rule, lr_scheduler="exponental")
