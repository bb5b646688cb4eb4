"""Drops of the learning rate at fractions of epochs, compared with exact arithmetic."""

import math
import unittest
from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from neural_networks.optimizers import initialize_optimizer
from neural_networks.schedulers import initialize_scheduler

# Lengths of stages as they are typed.
TYPED = ("0.1", "0.2", "0.3", "0.4", "0.6", "0.7", "0.15", "0.05", "1.1", "1.4", "2.3", "3")


def steps(n_epochs, n_steps):
    """The epoch of every training step, as the training loop has it, and exactly."""
    for epoch in range(n_epochs):
        for i in range(n_steps):
            yield epoch + i / n_steps, epoch + Fraction(i, n_steps)


class TestStages(unittest.TestCase):
    def test_staircase_drops_in_the_right_step(self):
        for typed in TYPED:
            length = Fraction(typed)
            for n_steps in (1, 5, 7, 10, 12, 50, 99, 1000):
                schedule = initialize_scheduler(
                    "exponential", 1.0, decay=0.5, stage_length=float(typed), staircase=True
                )
                late = [
                    epoch
                    for epoch, exact in steps(4, n_steps)
                    if schedule(epoch) != 0.5 ** math.floor(exact / length)
                ]
                with self.subTest(stage_length=typed, n_steps=n_steps):
                    self.assertEqual(late, [])

    def test_a_stage_of_a_fifth_of_an_epoch(self):
        """50 steps an epoch, 10 a stage: each rate is used 10 times."""
        schedule = initialize_scheduler("exponential", 1.0, 0.5, 0.2, True)
        rates = [schedule(epoch) for epoch, _ in steps(5, 50)]
        self.assertEqual(rates, np.repeat(0.5 ** np.arange(25), 10).tolist())

    @given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 3000))
    @example(10, 2, 6)
    @example(3, 1, 2)
    def test_stages_of_whole_steps(self, n_steps, steps_per_stage, step):
        """A stage ends with a step, however its length and the epoch are rounded."""
        stage_length = steps_per_stage / n_steps
        epoch = step // n_steps + step % n_steps / n_steps
        for name, options in (
            ("step", {}),
            ("exponential", {"staircase": True}),
        ):
            schedule = initialize_scheduler(
                name, 1.0, decay=0.5, stage_length=stage_length, **options
            )
            self.assertEqual(schedule.stage(epoch), step // steps_per_stage)

    def test_after_a_warm_up_and_in_an_optimizer(self):
        stages = {"decay": 0.5, "stage_length": 0.2}
        warm = initialize_scheduler("warm_up", 1.0, warm_up_epochs=0.1, after="step", **stages)
        sgd = initialize_optimizer("SGD", 1.0, "step", lr_decay=0.5, stage_length=0.2)
        for epoch, exact in list(steps(3, 10))[1:]:
            rate = 0.5 ** math.floor(exact * 5)
            self.assertEqual(warm(epoch), rate)
            self.assertEqual(sgd.update("W", np.ones(1), np.ones(1), epoch).item(), rate)

    def test_milestones(self):
        milestones = [0.1, 0.3, 0.7, 1.1, 2.3]
        schedule = initialize_scheduler("step", 1.0, decay=0.5, milestones=milestones)
        # Summed up in a loop, the epochs are rounded more than once: 0.1 + 0.2 < 0.3 + 1e-16.
        summed = 0.0
        for i in range(30):
            passed = sum(round(10 * milestone) <= i for milestone in milestones)
            for epoch in (i / 10, i * 0.1, summed, math.nextafter(i / 10, 0)):
                self.assertEqual(schedule(epoch), 0.5**passed, epoch)
            summed += 0.1

    def test_epochs_before_a_drop_are_before_it(self):
        """Rounding is 1e-15; the step before a drop is further away."""
        staircase = initialize_scheduler("exponential", 1.0, 0.5, 2, True)
        milestones = initialize_scheduler("step", 1.0, decay=0.5, milestones=[4])
        for gap in (1e-3, 1e-6, 1e-10):
            self.assertEqual(staircase(4 - gap), 0.5)
            self.assertEqual(milestones(4 - gap), 1)

    def test_whole_stages_as_before(self):
        for decay in (0.5, 0.97):
            for length in (1, 3, 10):
                schedule = initialize_scheduler("exponential", 0.3, decay, length, True)
                for epoch in range(0, 2000, 7):
                    self.assertEqual(schedule(epoch), 0.3 * decay ** float(epoch // length))


class TestSmoothSchedules(unittest.TestCase):
    def test_no_jump_where_a_part_begins_or_ends(self):
        """A rate that changes smoothly does so, too, where rounding moves an epoch."""
        for name, options, ends in (
            ("cosine", {"epochs": 0.6}, (0.6,)),
            ("one_cycle", {"epochs": 0.7, "pct_start": 0.3}, (0.7 * 0.3, 0.7)),
            ("warm_up", {"warm_up_epochs": 0.6}, (0.6,)),
        ):
            schedule = initialize_scheduler(name, 1.0, **options)
            for end in ends:
                before, after = math.nextafter(end, 0), math.nextafter(end, 9)
                for epoch in (before, after):
                    self.assertAlmostEqual(schedule(epoch), schedule(end), delta=1e-15)


if __name__ == "__main__":
    unittest.main()
