import tempfile
import unittest
from collections import Counter
from pathlib import Path
from unittest import mock

import numpy as np

from course.autograder.grading.grading import grade
from course.autograder.grading.report import UNFINISHED
from course.autograder.hand_ins.stage import StageError
from course.autograder.sandbox import wire
from course.autograder.sandbox.sandbox import Run, SandboxError
from tests.autograder.small_exam import ACTIVATIONS, CONV, LOSSES, RIGHT, small_exam
from tests.verdict import Outcome

RELU = "test_activations.TestReLU.test_forward"


class FakeSandbox:
    """A sandbox without processes: what is asked for a recipe is answered by a function.

    The function gets the number of the case, and returns an outcome, or a text: the ending of the
    run. By default all is right.
    """

    def __init__(self, folder, **answers):
        self.folder, self.notes = folder, ("a note",)
        self.answers = {name.replace("__", "."): answer for name, answer in answers.items()}
        self.requests, self.limits, self.trees = [], [], []
        self.printed, self.lines = "", lambda recipe, m: 7

    def run(self, tree, request, limits):
        recipe, cases, count = wire.read_request(request)
        numbers = [int(case.inputs["Z"][0, 0]) - 10 if case.inputs else 0 for case in cases]
        self.requests.append((recipe, numbers))
        self.limits.append(limits.seconds)
        self.trees.append({p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file()})
        answer = self.answers.get(recipe, lambda number: right(recipe, number))
        replies = []
        for place, number in enumerate(numbers):
            outcome = answer(number) if number else Outcome()
            if isinstance(outcome, str):
                return Run(replies, outcome, self.printed)
            lines = self.lines(recipe, (4, 32)[place]) if count else None
            replies.append(wire.Reply(outcome, lines))
        return Run(replies, "", self.printed)


def right(recipe, number):
    """The right outcome of a case."""
    one = np.float64(number) if recipe.startswith("cross") else np.full((3, 2), float(number))
    return Outcome({RIGHT[recipe]: one})


def wrong(number):
    """An outcome with other numbers."""
    return Outcome({"Y": np.full((3, 2), 77.5), "dL/dZ": np.full((3, 2), 77.5)})


def wrong_if(wanted, recipe):
    """A function that is wrong in one case."""
    return lambda number: wrong(number) if number == wanted else right(recipe, number)


class GradingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.hand_in = self.folder / "hand_in"
        self.hand_in.mkdir()
        self.work = self.folder / "work"
        self.work.mkdir()
        for name in (ACTIVATIONS, LOSSES, CONV):
            (self.hand_in / name).parent.mkdir(parents=True, exist_ok=True)
            (self.hand_in / name).write_bytes(b"# written\n")

    def sandbox(self, **answers):
        return FakeSandbox(self.work, **answers)

    def grade(self, sandbox=None, exam=None, **options):
        return grade(exam or small_exam(), self.hand_in, sandbox or self.sandbox(), **options)

    def message(self, sandbox, test=RELU, exam=None):
        report = self.grade(sandbox, exam)
        return next(graded.message for graded in report.tests if graded.test == test)


class TestPoints(GradingTest):
    def test_all_right(self):
        report = self.grade()
        self.assertEqual((report.points, report.max_points), (9, 9))
        self.assertEqual(
            [(t.number, t.title, t.points, t.max_points, t.message) for t in report.tests],
            [
                ("4.1.1", "4.1 ReLU: forward", 2, 2, ""),
                ("4.1.2", "4.1 ReLU: backward", 3, 3, ""),
                ("4.4.1", "4.4 Cross-entropy: forward", 4, 4, ""),
                ("6.2.1", "6.2 Convolution: forward", 0, 0, ""),
            ],
        )
        self.assertEqual([check.number for check in report.checks], ["4.1.3"])
        self.assertEqual(report.next_step, "")
        self.assertEqual(report.staff, ["a note"])

    def test_a_wrong_one_costs_its_points_alone(self):
        report = self.grade(self.sandbox(relu__backward=wrong))
        self.assertEqual([graded.points for graded in report.tests], [2, 0, 4, 0])
        self.assertIn("should be 1", report.tests[1].message)
        self.assertIn("4.1 ReLU", report.next_step)

    def test_an_optional_one_costs_nothing(self):
        report = self.grade(self.sandbox(conv2d__forward=wrong))
        self.assertEqual(report.points, 9)
        self.assertFalse(report.tests[3].passed)
        self.assertEqual(report.next_step, "optional: Convolution")

    def test_right_in_public_cases_alone_is_not_right(self):
        report = self.grade(self.sandbox(relu__forward=wrong_if(2, "relu.forward")))
        self.assertEqual([graded.points for graded in report.tests], [0, 3, 4, 0])
        self.assertIn("case 2 of 2 (hidden)", report.tests[0].message)
        self.assertNotRegex(report.tests[0].message, r"77|should be")

    def test_only_some(self):
        report = self.grade(only=["conv2d", "relu"])
        self.assertEqual([graded.number for graded in report.tests], ["4.1.1", "4.1.2", "6.2.1"])
        self.assertEqual((report.points, report.max_points), (5, 5))
        with self.assertRaisesRegex(ValueError, "did you mean 'relu'"):
            self.grade(only=["rellu"])

    def test_no_hand_in(self):
        with self.assertRaises(StageError):
            grade(small_exam(), self.folder / "nothing", self.sandbox())


class TestWorkers(GradingTest):
    def test_hidden_cases_have_a_worker_of_their_own(self):
        sandbox = self.sandbox()
        self.grade(sandbox, only=["cross_entropy"])
        recipe = "cross_entropy.forward"
        self.assertEqual(sandbox.requests, [(recipe, [1]), (recipe, [2])])

    def test_which_is_not_started_for_what_is_wrong(self):
        sandbox = self.sandbox(relu__forward=wrong)
        self.grade(sandbox)
        counts = Counter(recipe for recipe, numbers in sandbox.requests if numbers == [2])
        self.assertEqual(counts["relu.forward"], 0)
        self.assertEqual(counts["relu.backward"], 1)

    def test_which_has_the_time_that_is_left(self):
        clock = mock.Mock(side_effect=range(0, 1000, 7))
        sandbox = self.sandbox()
        with mock.patch("course.autograder.grading.grading.time.monotonic", clock):
            self.grade(sandbox, only=["cross_entropy"])
        self.assertEqual(sandbox.limits, [10, 5])  # half the limit at least

    def test_the_tree_is_there_and_gone_afterwards(self):
        sandbox = self.sandbox()
        self.grade(sandbox)
        for files in sandbox.trees:
            self.assertLessEqual({ACTIVATIONS, "tests/recipes.py"}, files)
            self.assertNotIn("tests/data/relu.npz", files)
        self.assertEqual(list(self.work.iterdir()), [])

    def test_the_tree_goes_whatever_happens(self):
        def fail(report):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.grade(after_each=fail)
        self.assertEqual(list(self.work.iterdir()), [])

    def test_a_tree_that_was_changed_is_laid_again(self):
        class Changing(FakeSandbox):
            def run(self, tree, request, limits):
                found = super().run(tree, request, limits)
                (tree / LOSSES).write_bytes(b"changed")
                (tree / "sitecustomize.py").write_bytes(b"")
                return found

        sandbox = Changing(self.work)
        report = self.grade(sandbox)
        self.assertEqual(report.points, 9)
        self.assertNotIn("sitecustomize.py", {name for tree in sandbox.trees for name in tree})
        self.assertIn(f"the staged files were changed during {RELU}", report.staff)

    def test_what_the_sandbox_cannot_run(self):
        class Failing(FakeSandbox):
            def run(self, tree, request, limits):
                if wire.read_request(request)[0] == "relu.forward":
                    raise SandboxError("no more processes")
                return super().run(tree, request, limits)

        report = self.grade(Failing(self.work))
        self.assertEqual([graded.points for graded in report.tests], [0, 3, 4, 0])
        self.assertIn("tell your instructor", report.tests[0].message)
        self.assertNotIn("processes", report.tests[0].message)
        self.assertIn(f"{RELU} was not run: no more processes", report.staff)

    def test_a_report_after_each_test(self):
        reports = []
        self.grade(after_each=reports.append)
        self.assertEqual(len(reports), 1 + 4 + 1)
        waiting = [
            sum(graded.message == UNFINISHED for graded in (*report.tests, *report.checks))
            for report in reports
        ]
        self.assertEqual(waiting, [5, 4, 3, 2, 1, 0])
        self.assertEqual([report.points for report in reports], [0, 2, 5, 9, 9, 9])


class TestMessages(GradingTest):
    def test_an_ending(self):
        sandbox = self.sandbox(relu__forward=lambda number: "ended the program (exit status 37)")
        message = self.message(sandbox)
        self.assertIn("case 1 of 1 (or when its file was imported): Z (3, 2)", message)
        self.assertIn("\n  ended the program (exit status 37)", message)

    def test_an_ending_in_a_hidden_case_tells_no_numbers(self):
        def answer(number):
            ending = "ended the program (exit status 37)\n  it was at my.py:41, in _37"
            return right("relu.forward", 1) if number == 1 else ending

        message = self.message(self.sandbox(relu__forward=answer))
        self.assertIn("case 2 of 2 (hidden)", message)
        self.assertTrue(message.endswith("\n  ended the program"))

    def test_fewer_answers_than_cases(self):
        class Short(FakeSandbox):
            def run(self, tree, request, limits):
                found = super().run(tree, request, limits)
                return Run(found.replies[:-1], "", "")

        report = self.grade(Short(self.work))
        self.assertEqual(report.points, 0)
        self.assertIn("fewer answers", report.tests[0].message)

    def test_more_answers_than_cases(self):
        class Long(FakeSandbox):
            def run(self, tree, request, limits):
                found = super().run(tree, request, limits)
                return Run([*found.replies, *found.replies], "", "")

        self.assertEqual(self.grade(Long(self.work)).points, 0)

    def test_an_ending_after_the_last_answer(self):
        class Ended(FakeSandbox):
            def run(self, tree, request, limits):
                return Run(super().run(tree, request, limits).replies, "crashed", "")

        report = self.grade(Ended(self.work))
        self.assertEqual(report.points, 0)
        self.assertEqual(report.tests[0].message, "ReLU.forward, after the last case:\n  crashed")

    def test_values_of_every_kind(self):
        strange = [None, True, 1, object(), np.zeros(0), np.ones((3, 2), bool), np.array(1), 1e300]
        strange += [np.full((3, 2), np.nan), np.zeros((1,) * 16), np.array([], "u1"), {}, "text"]
        for value in strange:
            for name, recipe in (("Y", "relu__forward"), ("L", "cross_entropy__forward")):
                outcome = Outcome({name: value})
                with self.subTest(name, value=str(value)[:20]):
                    sandbox = self.sandbox(**{recipe: mock.Mock(return_value=outcome)})
                    found = self.grade(sandbox).tests[0 if name == "Y" else 2]
                    self.assertEqual(found.points, 0)
                    self.assertTrue(found.message)

    def test_values_that_cannot_be_compared(self):
        sandbox = self.sandbox(relu__forward=lambda number: Outcome({"Y": np.ones((3, 2))}))
        with mock.patch("course.autograder.grading.messages.judge", side_effect=RecursionError):
            report = self.grade(sandbox)
        self.assertEqual(report.points, 0)
        self.assertIn("could not be compared", report.tests[0].message)

    def test_a_blank_comes_before_an_ending(self):
        def answer(number):
            return Outcome(blank="write ReLU.forward") if number == 1 else "crashed"

        message = self.message(self.sandbox(relu__forward=answer))
        self.assertEqual(message, "not written yet: write ReLU.forward")

    def test_a_missing_file(self):
        (self.hand_in / LOSSES).unlink()
        sandbox = self.sandbox(cross_entropy__forward=lambda number: Outcome(blank="write it"))
        report = self.grade(sandbox)
        self.assertEqual(
            report.tests[2].message,
            f"{LOSSES} is missing, so the starter's was used\nnot written yet: write it",
        )
        self.assertEqual(report.notes, [f"{LOSSES} is missing: the starter's own was used"])
        self.assertEqual(report.missing, (LOSSES,))

    def test_ignored_files(self):
        (self.hand_in / "numpy.py").write_bytes(b"")
        report = self.grade()
        self.assertEqual(report.notes, ["not taken: numpy.py (the grader uses its own)"])
        self.assertEqual(report.ignored, {"numpy.py": "the grader uses its own"})

    def test_a_renamed_class(self):
        sentence = f"There is no class ReLU in {ACTIVATIONS}: is it renamed?"
        for error in (
            "It raised ImportError: cannot import name 'ReLU' from 'neural_networks.activations'",
            f"It raised NameError: name 'ReLU' is not defined\n    {ACTIVATIONS}:9, in <module>",
        ):
            sandbox = self.sandbox(relu__forward=lambda number, error=error: Outcome(error=error))
            self.assertTrue(self.message(sandbox).endswith(f"\n  {sentence}"))
        elsewhere = "It raised NameError: name 'ReLU' is not defined\n    my_own.py:9, in forward"
        sandbox = self.sandbox(relu__forward=lambda number: Outcome(error=elsewhere))
        self.assertNotIn("no class", self.message(sandbox))

    def test_another_signature(self):
        error = "It raised TypeError: ReLU.forward() missing 1 required positional argument: 'p'"
        message = self.message(self.sandbox(relu__forward=lambda number: Outcome(error=error)))
        self.assertIn("In the starter it is ReLU.forward(self, Z)", message)

    def test_long_messages_are_cut(self):
        error = "\n".join(["TypeError: ReLU.forward() takes 1", *map(str, range(100))])
        message = self.message(self.sandbox(relu__forward=lambda number: Outcome(error=error)))
        self.assertEqual(len(message.splitlines()), 40)
        self.assertIn("In the starter it is", message)

    def test_printed_text_is_told_of_what_failed_in_public_cases(self):
        sandbox = self.sandbox(relu__forward=wrong, relu__backward=wrong_if(2, "relu.backward"))
        sandbox.printed = "Z is 11"
        report = self.grade(sandbox)
        self.assertEqual([graded.printed for graded in report.tests], ["Z is 11", "", "", ""])


class TestChecks(GradingTest):
    def check(self, lines, **answers):
        sandbox = self.sandbox(**answers)
        sandbox.lines = lines
        (check,) = self.grade(sandbox).checks
        self.assertEqual((check.points, check.max_points), (0, 0))
        return check.message

    def test_no_more_lines_for_more_examples(self):
        self.assertEqual(self.check(lambda recipe, m: 7), "")
        self.assertEqual(self.check(lambda recipe, m: 40 - m), "")

    def test_a_loop(self):
        self.assertEqual(
            self.check(lambda recipe, m: 2 + 8 * m if recipe == "relu.forward" else 7),
            "ReLU.forward executes 34 lines for 4 examples and 258 for 32 examples: "
            "is there a loop over the examples?",
        )

    def test_lines_that_were_not_counted(self):
        message = self.check(lambda recipe, m: None if m == 32 else 7)
        self.assertEqual(message, "ReLU.forward: not measurable\nReLU.backward: not measurable")

    def test_methods_that_are_wrong_are_not_checked(self):
        message = self.check(lambda recipe, m: m, relu__forward=wrong, relu__backward=wrong)
        self.assertEqual(message, "not checked, as none of its methods is right yet")
        for lines in (lambda recipe, m: 7, lambda recipe, m: m if "backward" in recipe else 7):
            self.assertEqual(self.check(lines, relu__backward=wrong), "")
