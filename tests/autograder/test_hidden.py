"""Hidden cases: of the public kinds, drawn from the seed, with values by the public ones' rule."""

import sys
import unittest
from functools import cache
from itertools import product

import numpy as np

from course.autograder.exams.drawing import UNIT, hidden_inputs
from course.autograder.exams.hidden import FEW, MANY, expected, hidden_cases, loops, recipes_of
from course.autograder.exams.known import MISTAKES, known, trials
from course.autograder.mistakes import EXERCISES
from neural_networks.utils.convolution import output_shape, padding
from tests.course import students
from tests.course.kits import ASSIGNMENTS, manifest
from tests.recipes import SECOND
from tests.verdict import BOUNDS, judge, load_cases, run

SEEDS = (0, 1, 2**63 - 1)
RECIPES = [recipe for exercise in EXERCISES.values() for recipe in exercise.recipes().values()]

cases = cache(hidden_cases)


def failures(exercise, cls, seed):
    """The messages of hidden cases that a class does not pass."""
    drawn = {recipe: cases(recipe, seed) for recipe in exercise.recipes().values()}
    with exercise.installed(cls):
        found = [judge(name, of, [run(name, case) for case in of]) for name, of in drawn.items()]
    return [message for message in found if message]


def every_case():
    """All hidden cases, with their recipes and seeds."""
    for recipe, seed in product(RECIPES, SEEDS):
        for case in cases(recipe, seed):
            yield recipe, seed, case


def lines_run(recipe, case):
    """The lines that a recipe runs, once all is imported."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    run(recipe, case)
    sys.settrace(trace)
    try:
        run(recipe, case)
    finally:
        sys.settrace(None)
    return count


class TestExpected(unittest.TestCase):
    """Public cases, whose expected values come from PyTorch, pin the rule that hidden ones use."""

    def test_public_inputs_give_the_public_values(self):
        for recipe in RECIPES:
            for case in load_cases(recipe):
                found = expected(recipe, case.inputs)
                self.assertEqual(found.keys(), case.expected.keys(), recipe)
                for name, value in case.expected.items():
                    self.assertEqual(found[name].dtype, value.dtype)
                    self.assertEqual(found[name].shape, value.shape)
                    np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-13)

    def test_a_solution_that_fails_is_told(self):
        (case, *_) = load_cases("l2.forward")
        wrong = {**case.inputs, "Y": case.inputs["Y"][:, :1]}
        with self.assertRaisesRegex(ValueError, r"^the solution fails l2\.forward: It raised"):
            expected("l2.forward", wrong)


class TestKinds(unittest.TestCase):
    def test_there_is_one_for_each_public_case(self):
        for recipe in RECIPES:
            public, hidden = load_cases(recipe), cases(recipe, 0)
            self.assertEqual(len(hidden), len(public), recipe)
            self.assertEqual(hidden[0].number, len(public) + 1)
            self.assertTrue(all(case.hidden for case in hidden))
            for one, other in zip(public, hidden, strict=True):
                self.assertEqual(bool(one.title), bool(other.title))
                self.assertEqual(one.inputs.keys(), other.inputs.keys())
                self.assertEqual(one.options.keys(), other.options.keys())
                for option in {"activation", "mode", "stride"} & one.options.keys():
                    self.assertEqual(one.options[option], other.options[option], recipe)
                for name in one.inputs:
                    self.assertEqual(one.inputs[name].dtype.kind, other.inputs[name].dtype.kind)
                if "init" not in recipe:
                    self.assertEqual(
                        one.options.get("pad", 0) == 0, other.options.get("pad", 0) == 0
                    )

    def test_shapes_and_numbers_are_others(self):
        for recipe, _, case in every_case():
            for public in load_cases(recipe):
                one, other = (
                    [a.tolist() if n == "X_shape" else a.shape for n, a in c.inputs.items()]
                    for c in (case, public)
                )
                self.assertNotEqual(one, other, recipe)

    def test_numbers_are_multiples_of_one_64th(self):
        for recipe, _, case in every_case():
            for name, value in case.arrays.items():
                self.assertTrue((value * UNIT == np.rint(value * UNIT)).all(), (recipe, name))

    def test_sizes_of_a_case_differ(self):
        for recipe, _, case in every_case():
            main = next((a for n, a in case.arrays.items() if n in ("Z", "Y_hat", "X")), None)
            if main is not None and main.ndim < 4:
                self.assertEqual(len(set(main.shape)), main.ndim, (recipe, main.shape))
            if f"X{SECOND}" in case.inputs:
                self.assertNotEqual(len(case.inputs["X"]), len(case.inputs[f"X{SECOND}"]))

    def test_titles_tell_no_drawn_number(self):
        for recipe, _, case in every_case():
            self.assertNotRegex(case.title.replace("±1e4", ""), r"\d{2}", recipe)


class TestSpecialNumbers(unittest.TestCase):
    def titled(self, recipe, words):
        found = [case for seed in SEEDS for case in cases(recipe, seed) if words in case.title]
        self.assertEqual(len(found), len(SEEDS))
        return found

    def test_exact_zeros_for_relu_where_the_gradient_is_not(self):
        for case in self.titled("relu.backward", "exact zeros"):
            Z, dLdY = case.inputs["Z"], case.inputs["dLdY"]
            self.assertTrue((Z == 0).any() and (Z > 0).any() and (Z < 0).any())
            self.assertTrue(dLdY[Z == 0].all())
        for _, _, case in every_case():
            if "zeros" not in case.title and "Z" in case.inputs and "range" not in case.title:
                self.assertTrue(case.inputs["Z"].all())

    def test_numbers_at_which_exp_overflows(self):
        for case in self.titled("sigmoid.forward", "large"):
            Z = case.inputs["Z"]
            self.assertTrue((Z > 710).any() and (Z < -710).any() and (np.abs(Z) < 10).any())
            self.assertLessEqual(np.abs(Z).max(), 1e4)
        for case in self.titled("softmax.backward", "rows of large numbers"):
            rows = case.inputs["Z"].mean(axis=1)
            self.assertTrue((rows > 710).any() and (rows < -710).any())
        for case in self.titled("softmax.backward", "wide range"):
            self.assertGreater(np.ptp(case.inputs["Z"], axis=1).max(), 1420)

    def test_predictions_are_0_only_where_labels_are(self):
        for method in ("forward", "backward"):
            for seed in SEEDS:
                for case in cases(f"cross_entropy.{method}", seed):
                    Y, Y_hat = case.inputs["Y"], case.inputs["Y_hat"]
                    np.testing.assert_array_equal(Y_hat.sum(axis=1), 1)
                    np.testing.assert_array_equal(Y.sum(axis=1), 1)
                    self.assertGreaterEqual(Y_hat[Y_hat > 0].min(), 1 / 32)
                    self.assertEqual(bool((Y_hat == 0).any()), "Y_hat of 0" in case.title)
                    self.assertTrue((Y[Y_hat == 0] == 0).all())

    def test_windows_have_ties_only_where_they_are_meant_to(self):
        for seed in SEEDS:
            for case in cases("pool2d.backward", seed):
                for X in (case.inputs["X"], case.inputs[f"X{SECOND}"]):
                    self.assertEqual(len(np.unique(X)) < X.size, bool(case.title))
                    self.assertTrue((X < 0).all() or bool(case.title))

    def test_windows_far_apart_leave_something_over(self):
        for recipe in ("conv2d.forward", "pool2d.forward"):
            for case in (case for seed in SEEDS for case in cases(recipe, seed)):
                X, options = case.inputs["X"], case.options
                kernel, stride, pad = (options[n] for n in ("kernel_shape", "stride", "pad"))
                size = output_shape(X.shape[1:3], kernel, 1, padding(pad, kernel))
                rest = [(n - 1) % stride for n in size]
                self.assertTrue(stride == 1 or any(rest) or pad == 0, (recipe, rest))


class TestSeed(unittest.TestCase):
    def test_the_same_one_gives_the_same_cases(self):
        for recipe in RECIPES:
            for (_, one), (_, other) in zip(
                hidden_inputs(recipe, 5), hidden_inputs(recipe, 5), strict=True
            ):
                for name in one:
                    np.testing.assert_array_equal(one[name], other[name], strict=True)

    def test_another_one_gives_others(self):
        for recipe in RECIPES:
            first, second = (
                [
                    inputs[name].tobytes()
                    for _, inputs in hidden_inputs(recipe, seed)
                    for name in inputs
                ]
                for seed in (5, 6)
            )
            self.assertNotEqual(first, second, recipe)

    def test_methods_of_an_exercise_share_their_inputs(self):
        forward, backward = (hidden_inputs(f"conv2d.{name}", 3) for name in ("forward", "backward"))
        for (_, one), (_, other) in zip(forward, backward, strict=True):
            np.testing.assert_array_equal(one["X"], other["X"])
            self.assertNotIn("dLdY", one)

    def test_an_exercise_without_hidden_cases(self):
        self.assertEqual(hidden_inputs("linear.forward", 0), [])


class TestVerdicts(unittest.TestCase):
    def test_right_code_passes(self):
        for exercise, seed in product(EXERCISES.values(), SEEDS):
            ours, own = exercise.table[exercise.key], exercise.textbook
            for cls in (ours, own, getattr(students, own.__name__)):
                with self.subTest(cls=cls, seed=seed):
                    self.assertEqual(failures(exercise, cls, seed), [])

    def test_every_mistake_is_caught_by_hidden_cases_alone(self):
        for mistake in MISTAKES:
            seed = SEEDS[len(mistake.title) % len(SEEDS)]
            tried = trials(mistake, lambda recipe, seed=seed: cases(recipe, seed))
            wrong = [name for name in tried if judge(name, cases(name, seed), tried[name])]
            with self.subTest(mistake=mistake.title, seed=seed):
                self.assertTrue(wrong)

    def test_a_table_of_the_public_cases_does_not_pass(self):
        for recipe in RECIPES:
            public = load_cases(recipe)
            outcomes = [run(recipe, case) for case in public]
            self.assertEqual(judge(recipe, public, outcomes), "")
            self.assertNotEqual(judge(recipe, cases(recipe, 0), outcomes), "", recipe)

    def test_results_of_a_mistake_are_the_same_each_time(self):
        for mistake in MISTAKES:
            if mistake.exercise.name == "fully_connected":
                first, second = (known(mistake, load_cases).trials for _ in "ab")
                for recipe in first:
                    for one, other in zip(first[recipe], second[recipe], strict=True):
                        self.assertEqual(one.error, other.error)
                        np.testing.assert_equal(one.results, other.results, mistake.title)

    def test_expected_values_are_never_those_of_a_mistake(self):
        seen = []

        def draw(recipe):
            seen.append((recipe, hidden_cases(recipe, 9)))
            return seen[-1][1]

        known(MISTAKES[0], draw)
        self.assertEqual([recipe for recipe, _ in seen], ["relu.forward", "relu.backward"])
        for recipe, found in seen:
            for one, other in zip(found, hidden_cases(recipe, 9), strict=True):
                for name, value in other.expected.items():
                    np.testing.assert_array_equal(one.expected[name], value, strict=True)


class TestLoops(unittest.TestCase):
    def test_pairs_are_there_for_exercises_without_a_loop(self):
        for name in ASSIGNMENTS:
            assignment = manifest(name).assignment
            recipes = recipes_of(assignment)
            found = loops(assignment, recipes)
            batched = {recipes[t] for e in assignment.exercises if e.batched for t in e.tests}
            self.assertEqual(found.keys(), {name for name in batched if "init" not in name})
            for few, many in found.values():
                self.assertEqual((few.m, many.m), (FEW, MANY))
                self.assertEqual(few.options, many.options)
                self.assertFalse(any(SECOND in name for name in many.inputs))

    def test_lines_grow_with_a_loop_and_only_with_one(self):
        assignment = manifest("spring-2023").assignment
        found = loops(assignment, recipes_of(assignment))
        for recipe, loop in (
            ("fully_connected.forward", False),
            ("fully_connected.backward", True),
            ("relu.backward", True),
            ("conv2d.backward", False),  # over windows, not over examples
            ("pool2d.forward", True),
            ("model.backward", False),  # over layers
        ):
            exercise = EXERCISES[recipe.split(".")[0]]
            for cls in (exercise.textbook, getattr(students, exercise.textbook.__name__)):
                with exercise.installed(cls):
                    few, many = (lines_run(recipe, case) for case in found[recipe])
                with self.subTest(recipe=recipe, cls=cls):
                    self.assertEqual(few < many, loop and cls is not exercise.textbook)

    def test_cases_run(self):
        for name in ASSIGNMENTS:
            assignment = manifest(name).assignment
            for recipe, pair in loops(assignment, recipes_of(assignment)).items():
                for case in pair:
                    outcome = run(recipe, case)
                    self.assertEqual((outcome.error, outcome.blank), ("", None), recipe)
                    self.assertTrue(outcome.results)


class TestBounds(unittest.TestCase):
    def test_drawn_parameters_have_the_public_bounds(self):
        for recipe in ("fully_connected.init_params", "elman.init_params"):
            (public,), (hidden,) = load_cases(recipe), cases(recipe, 0)
            bounds = [name for name in public.expected if name.endswith(tuple(BOUNDS))]
            self.assertTrue(bounds)
            for name in bounds:
                self.assertEqual(hidden.expected[name], public.expected[name])
            self.assertNotIn("parameters['W']", hidden.expected)
            d, n = hidden.options["X_shape"][1], hidden.inputs["n_out"].item()
            self.assertEqual(hidden.expected["shape of W"].tolist(), [d, n])


if __name__ == "__main__":
    unittest.main()
