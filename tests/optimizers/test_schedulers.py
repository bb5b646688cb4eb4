"""Learning-rate schedules."""

import math
import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.schedulers import SCHEDULERS, ReduceOnPlateau, initialize_scheduler
from tests.support.arrays import load_oracle, sizes

# The schedule and its options, under the name that its rates have in the oracle's file.
CASES = {
    "exponential": ("exponential", {"decay": 0.8}),
    "staircase": ("exponential", {"decay": 0.5, "stage_length": 3, "staircase": True}),
    "step": ("step", {}),
    "milestones": ("step", {"decay": 0.5, "milestones": [2, 3, 7]}),
    "cosine": ("cosine", {"epochs": 11}),
    "cosine_lr_min": ("cosine", {"epochs": 11, "lr_min": 0.02}),
    "warm_up": ("warm_up", {"warm_up_epochs": 4, "start_factor": 0.2}),
    "warm_up_cosine": (
        "warm_up",
        {"warm_up_epochs": 4, "start_factor": 0.2, "after": "cosine", "epochs": 11},
    ),
    "warm_up_step": (
        "warm_up",
        {"warm_up_epochs": 4, "start_factor": 0.2, "after": "step", "decay": 0.5}
        | {"stage_length": 3},
    ),
}

# Options without a default.
NEEDED = {"cosine": {"epochs": 7}, "one_cycle": {"epochs": 7}}

lrs = st.floats(0.01, 10)
lengths = st.floats(0.5, 100)
shares = st.floats(0.05, 0.95)


def rates(schedule, *epochs):
    """The rates of some epochs."""
    return [schedule(epoch) for epoch in epochs]


def observed(schedule, *losses):
    """The rate after each of the losses."""
    found = []
    for loss in losses:
        schedule.on_epoch_end(loss)
        found.append(schedule(0))
    return found


def every_schedule(lr=0.1):
    """Each of the schedules, and each after a warm-up."""
    for name in SCHEDULERS:
        options = NEEDED.get(name, {})
        yield initialize_scheduler(name, lr, **options)
        if name != "warm_up":
            yield initialize_scheduler("warm_up", lr, after=name, **options)
    yield initialize_scheduler("step", lr, milestones=[1, 2.5, 6])


class TestAgainstOracle(unittest.TestCase):
    def test_every_epoch(self):
        data = load_oracle("schedulers")
        for case, (name, options) in CASES.items():
            found = rates(initialize_scheduler(name, 0.1, **options), *range(len(data[case])))
            with self.subTest(case):
                np.testing.assert_allclose(found, data[case], rtol=1e-10, atol=1e-16)

    def test_step_is_a_staircase(self):
        data = load_oracle("schedulers")["staircase"]
        found = rates(initialize_scheduler("step", 0.1, 0.5, 3), *range(len(data)))
        np.testing.assert_allclose(found, data, rtol=1e-12)

    def test_one_cycle(self):
        """PyTorch has T rates, which are T - 1 steps apart, and the p T-th is the peak.

        So its steps count from 1 where ours count from 0. Here T is 41, for 20 of our epochs.
        """
        data = load_oracle("schedulers")
        for case, p, factors in (
            ("one_cycle", 0.3, {}),
            ("one_cycle_own", 0.45, {"div_factor": 10, "final_div_factor": 50}),
        ):
            options = {"epochs": 20, "pct_start": (p * 41 - 1) / 40} | factors
            found = rates(initialize_scheduler("one_cycle", 0.1, **options), *np.arange(41) / 2)
            with self.subTest(case):
                np.testing.assert_allclose(found, data[case], rtol=1e-10)

    def test_reduce_on_plateau(self):
        data = load_oracle("schedulers")
        options = {"factor": 0.5, "patience": 2, "threshold": 0.05, "lr_min": 0.004}
        schedule = initialize_scheduler("reduce_on_plateau", 0.1, **options)
        found = observed(schedule, *data["losses"].tolist())
        np.testing.assert_allclose(found, data["reduce_on_plateau"], rtol=1e-12)
        self.assertEqual(len(set(found)), 6, "five drops, the last to lr_min")


class TestConstant(unittest.TestCase):
    def test_constant(self):
        for name in ("constant", None):
            schedule = initialize_scheduler(name, 0.3, decay=0.5, staircase=True)
            self.assertEqual(rates(schedule, 0, 0.5, 1000), [0.3] * 3)


class TestExponential(unittest.TestCase):
    def test_by_hand(self):
        cases = (
            # decay, stage_length, staircase, {epoch: rate}, from lr = 8
            (0.5, 1, False, {0: 8, 1: 4, 3: 1, 0.5: 8 / math.sqrt(2)}),
            (0.5, 2, False, {0: 8, 1: 8 / math.sqrt(2), 2: 4, 4: 2}),
            (0.5, 1, True, {0: 8, 0.99: 8, 1: 4, 1.5: 4, 2.999: 2, 3: 1}),
            (0.25, 2, True, {0: 8, 1: 8, 1.9: 8, 2: 2, 3.5: 2, 4: 0.5}),
            (0.5, 0.5, True, {0.25: 8, 0.5: 4, 0.75: 4, 1: 2}),
            (2.0, 1, False, {0: 8, 1: 16}),
        )
        for decay, stage_length, staircase, expected in cases:
            schedule = initialize_scheduler("exponential", 8.0, decay, stage_length, staircase)
            for epoch, rate in expected.items():
                with self.subTest(decay=decay, staircase=staircase, epoch=epoch):
                    self.assertAlmostEqual(schedule(epoch), rate, places=12)

    def test_defaults(self):
        schedule = initialize_scheduler("exponential", 1.0)
        self.assertAlmostEqual(schedule(2), 0.99**2, places=12)
        self.assertAlmostEqual(schedule(0.5), math.sqrt(0.99), places=12)

    @given(lrs, st.floats(0.1, 0.99), st.floats(0, 50), sizes)
    def test_staircase_holds_the_rate_of_the_stage_begun(self, lr, decay, epoch, stage_length):
        stairs = initialize_scheduler("exponential", lr, decay, stage_length, True)
        smooth = initialize_scheduler("exponential", lr, decay, stage_length)
        begun = epoch // stage_length * stage_length
        self.assertAlmostEqual(stairs(epoch), smooth(begun), delta=1e-12 * lr)
        self.assertGreaterEqual(stairs(epoch), smooth(epoch) * (1 - 1e-12))

    def test_a_rate_that_overflows(self):
        with self.assertRaisesRegex(OverflowError, "epoch 5000 overflows: lr_decay is 2,"):
            initialize_scheduler("exponential", 1.0, 2)(5000)


class TestStep(unittest.TestCase):
    def test_milestones_by_hand(self):
        """The rate halves at each milestone and stays constant after the last."""
        schedule = initialize_scheduler("step", 8.0, 0.5, milestones=[1.5, 4, 5])
        found = rates(schedule, 0, 1, 1.499, 1.5, 3.999, 4, 4.5, 5, 1000)
        self.assertEqual(found, [8, 8, 8, 4, 4, 2, 2, 1, 1])

    def test_from_the_beginning_and_never(self):
        at_once = initialize_scheduler("step", 8.0, 0.5, milestones=(0,))
        self.assertEqual(rates(at_once, 0, 100), [4, 4])
        never = initialize_scheduler("step", 8.0, 0.5, milestones=[])
        self.assertEqual(rates(never, 0, 100), [8, 8])

    def test_fractions_of_stages(self):
        schedule = initialize_scheduler("step", 8.0, 0.5, 2.5)
        self.assertEqual(rates(schedule, 0, 2.4, 2.5, 4.9, 5, 7.5), [8, 8, 4, 4, 2, 1])

    def test_milestones_stay_as_they_are(self):
        milestones = [2, 4]
        schedule = initialize_scheduler("step", 8.0, 0.5, milestones=milestones)
        self.assertEqual(milestones, [2, 4])
        milestones[0] = 0
        self.assertEqual(schedule(1), 8)


class TestCosine(unittest.TestCase):
    def test_by_hand(self):
        """From 10 to 2 in 4 epochs: 2 + 4 (1 + cos(π · epoch / 4)), where cos(π / 4) is √½."""
        schedule = initialize_scheduler("cosine", 10.0, epochs=4, lr_min=2.0)
        expected = [10, 6 + 4 * math.sqrt(0.5), 6, 6 - 4 * math.sqrt(0.5), 2]
        np.testing.assert_allclose(rates(schedule, *range(5)), expected, rtol=1e-14)
        np.testing.assert_allclose(schedule(4 / 3), 8, rtol=1e-14)  # cos(π / 3) is ½

    def test_beyond_the_last_epoch(self):
        schedule = initialize_scheduler("cosine", 10.0, epochs=4, lr_min=2.0)
        self.assertEqual(rates(schedule, 4, 4.1, 5, 8, 1000), [2] * 5)
        self.assertEqual(initialize_scheduler("cosine", 10.0, epochs=4)(9), 0)

    @given(lrs, lengths, st.floats(0, 1), st.floats(0, 1))
    def test_symmetry(self, lr, epochs, part, share):
        """The cosine is as far below lr after a share as above lr_min before the end."""
        schedule = initialize_scheduler("cosine", lr, epochs=epochs, lr_min=part * lr)
        total = schedule(share * epochs) + schedule((1 - share) * epochs)
        self.assertAlmostEqual(total, lr + part * lr, delta=1e-12 * lr)


class TestOneCycle(unittest.TestCase):
    def test_by_hand(self):
        """Up from 10 / 5 to 10 in 2 of 8 epochs, down to 2 / 4 in 6; half-way is the mean."""
        schedule = initialize_scheduler(
            "one_cycle", 10.0, epochs=8, pct_start=0.25, div_factor=5, final_div_factor=4
        )
        np.testing.assert_allclose(
            rates(schedule, 0, 1, 2, 4, 5, 6, 8), [2, 6, 10, 7.625, 5.25, 2.875, 0.5], rtol=1e-14
        )

    def test_beyond_the_last_epoch(self):
        schedule = initialize_scheduler("one_cycle", 10.0, epochs=8, final_div_factor=4)
        self.assertEqual(rates(schedule, 8, 8.5, 16, 1000), [0.1] * 4)

    def test_defaults(self):
        """The peak is at 0.3 of the cycle; the rate begins at lr / 25 and ends at lr / 250,000."""
        schedule = initialize_scheduler("one_cycle", 10.0, epochs=8)
        np.testing.assert_allclose(rates(schedule, 0, 2.4, 8), [0.4, 10, 4e-5], rtol=1e-14)

    def test_factors_of_one(self):
        level = {"div_factor": 1, "final_div_factor": 1}
        schedule = initialize_scheduler("one_cycle", 10.0, epochs=8, **level)
        self.assertEqual(rates(schedule, 0, 1, 2.4, 5, 8), [10] * 5)

    @given(lrs, lengths, shares)
    def test_up_and_down(self, lr, epochs, pct_start):
        schedule = initialize_scheduler("one_cycle", lr, epochs=epochs, pct_start=pct_start)
        peak = pct_start * epochs
        up, down = np.linspace(0, peak, 9), np.linspace(peak, epochs, 9)
        self.assertTrue((np.diff(rates(schedule, *up)) > 0).all())
        self.assertTrue((np.diff(rates(schedule, *down)) < 0).all())
        ends = rates(schedule, 0, peak, epochs)
        np.testing.assert_allclose(ends, [lr / 25, lr, lr / 25e4], rtol=1e-12)


class TestWarmUp(unittest.TestCase):
    def test_by_hand(self):
        """Half the rate at first, all of it after 4 epochs."""
        schedule = initialize_scheduler("warm_up", 8.0, warm_up_epochs=4, start_factor=0.5)
        self.assertEqual(rates(schedule, 0, 1, 2, 3.5, 4, 4.1, 100), [4, 5, 6, 7.5, 8, 8, 8])

    def test_the_other_schedule_runs_meanwhile(self):
        """8, 4, 2, 1 times 0, ½, 1, 1."""
        schedule = initialize_scheduler(
            "warm_up", 8.0, 0.5, warm_up_epochs=2, start_factor=0, after="exponential"
        )
        np.testing.assert_allclose(rates(schedule, *range(4)), [0, 2, 2, 1], rtol=1e-14)

    def test_defaults(self):
        schedule = initialize_scheduler("warm_up", 8.0)
        np.testing.assert_allclose(rates(schedule, 0, 0.5, 1), [0.8, 4.4, 8], rtol=1e-14)

    def test_losses_are_passed_on(self):
        options = {"after": "reduce_on_plateau", "factor": 0.5, "patience": 1}
        schedule = initialize_scheduler("warm_up", 8.0, start_factor=0.5, **options)
        self.assertEqual(observed(schedule, 1.0, 1.0, 1.0), [4, 4, 2])
        self.assertEqual(schedule(1), 4)

    def test_options_of_the_other_schedule(self):
        schedule = initialize_scheduler(
            "warm_up", 8.0, 0.5, 2, True, warm_up_epochs=1, after="exponential"
        )
        self.assertEqual(rates(schedule, 1, 1.9, 2, 4), [8, 8, 4, 2])
        constant = initialize_scheduler("warm_up", 8.0, 0.5, 2, True)
        self.assertEqual(constant(4), 8)


class TestReduceOnPlateau(unittest.TestCase):
    def test_by_hand(self):
        """Every third epoch without improvement, counted from the last drop, reduces the rate."""
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=2)
        losses = (5, 4, 4, 6, 3, 3, 3, 3, 3, 3, 3, 2, 2)
        expected = [8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 2, 2, 2]
        self.assertEqual(observed(schedule, *losses), expected)

    def test_the_lowest_loss_counts(self):
        """After 1, a fall from 9 to 2 is none."""
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=1)
        self.assertEqual(observed(schedule, 1, 9, 2), [8, 8, 4])

    def test_threshold(self):
        """90 is a fall from 100 by a tenth, but not by more than a tenth."""
        for loss, rate in ((89.9, 8), (90, 4), (90.1, 4)):
            schedule = ReduceOnPlateau(8.0, factor=0.5, patience=1, threshold=0.1)
            with self.subTest(loss):
                self.assertEqual(observed(schedule, 100, 100, loss)[-1], rate)

    def test_small_falls_add_up(self):
        """The lowest loss stays 100 until one is below 90."""
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=2, threshold=0.1)
        self.assertEqual(observed(schedule, 100, 95, 91, 89, 85, 81), [8] * 6)

    def test_defaults(self):
        """A factor of 0.1 after more than five epochs without a fall by more than 1/10,000."""
        schedule = initialize_scheduler("reduce_on_plateau", 8.0)
        self.assertEqual(observed(schedule, 1, *[0.99991] * 5), [8] * 6)
        self.assertAlmostEqual(observed(schedule, 0.99991)[0], 0.8, places=14)
        schedule = initialize_scheduler("reduce_on_plateau", 8.0)
        self.assertEqual(observed(schedule, 1, *[0.99989] * 6), [8] * 7)
        self.assertLess(observed(schedule, *[1] * 120)[-1], 1e-18, "no lower bound by default")

    def test_without_threshold_every_fall_counts(self):
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=1, threshold=0)
        self.assertEqual(observed(schedule, 1, 1 - 1e-9, 1 - 2e-9, 1 - 3e-9), [8] * 4)
        self.assertEqual(observed(schedule, 1 - 3e-9, 1 - 3e-9), [8, 4])

    def test_no_lower_than_lr_min(self):
        schedule = ReduceOnPlateau(8.0, factor=0.25, patience=1, lr_min=1.0)
        self.assertEqual(observed(schedule, *[5] * 7), [8, 8, 2, 2, 1, 1, 1])
        schedule = ReduceOnPlateau(8.0, factor=0.25, patience=1, lr_min=8.0)
        self.assertEqual(observed(schedule, *[5] * 3), [8, 8, 8])

    def test_without_patience(self):
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=0)
        self.assertEqual(observed(schedule, 5, 5, 4, 4, 4), [8, 4, 4, 2, 1])

    def test_a_loss_that_is_no_number_is_no_fall(self):
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=2)
        self.assertEqual(observed(schedule, 5, math.nan, math.nan, math.nan, 4), [8, 8, 8, 4, 4])
        self.assertEqual(observed(schedule, 3, 3, 3), [4, 4, 4])

    def test_the_epoch_does_not_matter(self):
        schedule = ReduceOnPlateau(8.0, factor=0.5, patience=1)
        observed(schedule, 1, 1, 1)
        self.assertEqual(rates(schedule, 0, 0.5, 1000), [4, 4, 4])


class TestEverySchedule(unittest.TestCase):
    def test_rates_are_floats_of_python(self):
        """A NumPy float would turn float32 arrays into float64."""
        for schedule in every_schedule():
            for epoch in (0, 3, 0.5, 100.0, np.float64(0.5), np.int64(3)):
                with self.subTest(type(schedule).__name__, epoch=repr(epoch)):
                    self.assertIs(type(schedule(epoch)), float)

    def test_losses_change_nothing_but_a_plateau(self):
        epochs = (0, 0.5, 3, 20)
        changed = set()
        for schedule in every_schedule():
            before = rates(schedule, *epochs)
            observed(schedule, *[1.0] * 9)
            if rates(schedule, *epochs) != before:
                changed.add(type(getattr(schedule, "after", schedule)))
        self.assertEqual(changed, {ReduceOnPlateau})

    def test_epochs_may_come_in_any_order(self):
        epochs = np.linspace(0, 12, 25).tolist()
        for schedule, again in zip(every_schedule(), every_schedule(), strict=True):
            backwards = rates(again, *epochs[::-1])[::-1]
            with self.subTest(type(schedule).__name__):
                self.assertEqual(rates(schedule, *epochs), backwards)

    def test_before_the_first_epoch(self):
        """A negative epoch counts as 0: the formula of warm_up would give a negative rate."""
        for name in ("cosine", "one_cycle", "warm_up"):
            schedule = initialize_scheduler(name, 0.1, **NEEDED.get(name, {}))
            self.assertEqual(schedule(-5), schedule(0))

    def test_rates_are_proportional_to_lr(self):
        for schedule, double in zip(every_schedule(0.1), every_schedule(0.2), strict=True):
            found = np.array(rates(schedule, 0, 0.3, 5, 9))
            np.testing.assert_allclose(rates(double, 0, 0.3, 5, 9), 2 * found, rtol=1e-14)

    def test_a_rate_of_zero_stays_there(self):
        for schedule in every_schedule(0.0):
            self.assertEqual(rates(schedule, 0, 0.3, 5, 9), [0] * 4)

    @given(lrs, lengths, shares, st.floats(0, 1.5), st.floats(1e-6, 0.5))
    def test_smooth_ones_do_not_jump(self, lr, epochs, share, begin, way):
        """Nowhere steeper than in the middle of a half cosine, π / 2 times its mean slope."""
        half_wave = math.pi / 2 * lr / epochs
        for name, options, steepest in (
            ("cosine", {"epochs": epochs}, half_wave),
            (
                "one_cycle",
                {"epochs": epochs, "pct_start": share},
                half_wave / min(share, 1 - share),
            ),
            ("warm_up", {"warm_up_epochs": share * epochs}, lr / (share * epochs)),
        ):
            schedule = initialize_scheduler(name, lr, **options)
            change = abs(schedule((begin + way) * epochs) - schedule(begin * epochs))
            self.assertLessEqual(change, steepest * way * epochs * (1 + 1e-6), name)
