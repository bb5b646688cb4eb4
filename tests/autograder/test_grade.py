"""The command that grades hand-ins: options, texts and the gradebook; graders are replaced."""

import csv
import json
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from course.autograder.classes import gradebook, grading_jobs, summary
from tests.autograder.classes import NAME, QuickJob, call, exam_folder, hand_in, short_exam

TESTS = ["test_activations.TestReLU.test_forward", "test_activations.TestReLU.test_backward"]


class GradeTest(unittest.TestCase):
    """A test with graders that need no worker, in a folder of its own."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(grading_jobs, "Job", QuickJob))
        QuickJob.graded = self.graded = []
        self.csv = self.folder / "grades.csv"

    def hand_in(self, name, code="right"):
        return hand_in(self.folder / "class", name, code)

    def grade(self, *argv, csv=True, exam=True, status=0):
        """The output of the command, by default with a gradebook."""
        more = ["--csv", self.csv] * csv + ["--exam", exam_folder(NAME, checks=True)] * exam
        got, out, err = call(*argv, *more)
        self.assertEqual((got, err), (status, "note: a note to the staff\n"))
        return out

    def names(self, folder):
        return sorted(path.name for path in folder.iterdir())

    def rows(self):
        with self.csv.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def check_refused(self, message, *argv):
        status, out, err = call(*argv)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1), err)
        self.assertIn(message, err)


class TestOneHandIn(GradeTest):
    def test_the_feedback(self):
        out = self.grade(self.hand_in("ada", "wrong"), csv=False)
        self.assertIn("0 of 5 points: 0 of 2 tests pass.\n", out)
        self.assertNotIn("*", out)
        self.assertIn("3.1.1  3.1 ReLU: forward", out)
        self.assertIn("0 / 2  failed\n    ReLU.forward, case 1 of 3: Z (4, 3)\n      The sign", out)
        self.assertEqual(self.names(self.folder), ["class"])

    def test_one_that_cannot_be_graded(self):
        out = self.grade(self.hand_in("ada", "crash"), csv=False, status=1)
        self.assertEqual(out, "ada: not graded: the grader ended: SIGSEGV\n")


class TestClass(GradeTest):
    def test_lines_and_tables(self):
        hand_ins = [self.hand_in("ada"), self.hand_in("bob", "wrong"), self.hand_in("cy", "wrong")]
        out = self.grade(*hand_ins, self.hand_in("di", "blank"), csv=False)
        self.assertIn("1/4  ada: 5 of 5, 1.2 s\n2/4  bob: 0 of 5, 1.2 s\n", out)
        self.assertIn("4 hand-ins graded: 1.2 of 5 points on average, between 0 and 5.", out)
        self.assertIn("3.1 ReLU       5   1.2         1     0     3      1\n", out)
        self.assertIn("    2  ReLU.forward: The sign is wrong in # of # numbers.\n", out)
        self.assertNotIn("not written", out)

    def test_sentences_of_messages(self):
        for message, text in (
            ("pool2d takes 3 of 4", "pool2d takes # of #"),
            ("ReLU.forward, case 2\n  It raised x: -3.5e-07\n    a.py:3: b", "It raised x: #"),
            (
                "A.b\n  Y is 2 times too large.\n\nYour code printed:\n  3",
                "Y is # times too large.",
            ),
            ("", ""),
        ):
            self.assertEqual(summary.sentence(message), text)

    def test_the_gradebook(self):
        hand_ins = [self.hand_in("bob", "blank"), self.hand_in("ada", "right, with a loop")]
        out = self.grade(*hand_ins)
        self.assertIn("grades.csv: 2 hand-ins\n", out)
        header = self.csv.read_text().splitlines()[0].split(",")
        self.assertEqual(header, ["name", "score", *TESTS, "seconds", "note", "hand-in"])
        bob, ada = self.rows()
        self.assertEqual([bob[key] for key in ("name", "score", *TESTS)], ["bob", "0", "0", "0"])
        self.assertEqual([ada[key] for key in ("name", "score", *TESTS)], ["ada", "5", "2", "3"])
        self.assertEqual((ada["seconds"], ada["note"]), ("1.2", "loop over examples: relu"))
        self.assertEqual((bob["note"], bob["hand-in"]), ("", str(hand_ins[0])))
        files = ["ada.json", "ada.txt", "bob.json", "bob.txt", "gradebook.json"]
        self.assertEqual(self.names(self.folder / "grades"), files)
        self.assertIn("5 of 5", (self.folder / "grades" / "ada.txt").read_text())
        table = json.loads((self.folder / "grades" / "ada.json").read_text())
        self.assertEqual([test["score"] for test in table["tests"]], [2, 3, 0])

    def test_what_cannot_be_graded_costs_only_itself(self):
        link = self.folder / "class" / "link"
        hand_ins = [self.hand_in("ada", "crash"), link, self.hand_in("bob")]
        link.symlink_to(hand_ins[0])
        out = self.grade(*hand_ins, status=1)
        self.assertIn("\nNot graded: ada, link\n", out)
        ada, link, bob = self.rows()
        self.assertEqual((ada["score"], ada["note"]), ("", "the grader ended: SIGSEGV"))
        self.assertIn("is a link", link["note"])
        self.assertEqual(bob["score"], "5")

    def test_nothing_to_take_is_noted(self):
        path = self.folder / "ada.zip"
        path.write_bytes(b"PK no archive")
        self.grade(path)
        (row,) = self.rows()
        self.assertEqual(row["score"], "0")
        self.assertIn("nothing was taken: ada.zip: no zip archive", row["note"])

    def test_an_interrupt_tells_how_to_go_on(self):
        hand_ins = [self.hand_in("ada"), self.hand_in("bob", "interrupt")]
        status, _, err = call(
            *hand_ins, "--exam", exam_folder(NAME, checks=True), "--csv", self.csv
        )
        self.assertEqual(status, 130)
        self.assertIn("The same command goes on from here.\n", err)
        self.assertFalse((self.folder / "grades" / grading_jobs.SCRATCH).exists())


class TestAgain(GradeTest):
    def test_only_what_has_changed_is_graded_again(self):
        hand_ins = [self.hand_in("ada"), self.hand_in("bob", "crash")]
        self.grade(*hand_ins, status=1)
        self.assertEqual(self.graded, ["ada", "bob"])
        before = self.csv.read_text().splitlines()
        late = self.hand_in("zoe")
        self.hand_in("bob", "right now")
        out = self.grade(late, *hand_ins)
        self.assertEqual(self.graded, ["ada", "bob", "zoe", "bob"])
        self.assertIn("ada: 5 of 5, graded before", out)
        self.assertIn("3 hand-ins, of which 1 graded before", out)
        self.assertEqual([row["name"] for row in self.rows()], ["zoe", "ada", "bob"])
        self.assertEqual(self.csv.read_text().splitlines()[2], before[1])

    def test_again(self):
        for _ in range(2):
            self.grade(self.hand_in("ada"), "--again")
        self.assertEqual(self.graded, ["ada", "ada"])

    def test_another_grader_or_exam(self):
        self.grade(self.hand_in("ada"))
        with mock.patch.object(gradebook, "grader_fingerprint", return_value="another"):
            self.grade(self.hand_in("ada"))
        self.grade(self.hand_in("ada"))
        self.assertEqual(self.graded, ["ada"] * 3)

    def test_the_seed_is_kept(self):
        made = []

        def make_exam(manifest, seed):
            made.append((manifest.assignment.name, seed))
            return short_exam(NAME)

        with mock.patch("course.autograder.exams.hidden.make_exam", make_exam):
            for more in ([], [], ["--seed", "7"], []):
                self.grade(self.hand_in("ada"), "--assignment", NAME, *more, exam=False)
        first, second, third, fourth = made
        self.assertEqual((first, third, fourth), (second, (NAME, 7), (NAME, 7)))
        self.assertEqual(self.graded, ["ada"])
        self.check_refused("seed must be between", self.hand_in("ada"), "--seed", "-1")

    def test_grades_that_do_not_belong_together(self):
        ada = self.hand_in("ada")
        self.grade(ada, "--only", "relu")
        of_exam = [ada, "--csv", self.csv, "--exam", exam_folder(NAME, checks=True)]
        self.check_refused("has grades of relu: give another --csv, or --again", *of_exam)
        self.check_refused("give --exam, too", ada, "--csv", self.csv, "--assignment", NAME)
        settings = self.folder / "grades" / "gradebook.json"
        settings.write_text(settings.read_text().replace(NAME, "spring-1999"))
        self.check_refused(f"has grades of spring-1999, not of {NAME}", *of_exam)

    def test_two_commands_at_once(self):
        self.grade(self.hand_in("ada"))
        with gradebook.locked(self.folder / "grades"):
            self.check_refused(
                "another command is grading into",
                *(self.hand_in("ada"), "--csv", self.csv, "--exam", exam_folder(NAME, checks=True)),
            )


class TestWrongUse(GradeTest):
    def test_one_line_each(self):
        ada = self.hand_in("ada")
        for message, *argv in (
            ("there is no hand-in nobody.zip", "nobody.zip"),
            ("--jobs must be between 1 and 64, got 0", ada, "--jobs", "0"),
            ("unknown exercise 'relux'; did you mean 'relu'", ada, "--only", "relux"),
            (f"is of {NAME}, not spring-2020", ada, "--assignment", "spring-2020"),
            ("--exam has its own", ada, "--seed", "1"),
            ("must be a file that ends in .csv", ada, "--csv", self.folder / "grades"),
            ("there is no folder", ada, "--csv", self.folder / "nowhere" / "a.csv"),
        ):
            with self.subTest(message):
                self.check_refused(message, *argv, "--exam", exam_folder(NAME, checks=True))
        self.assertEqual(self.graded, [])

    def test_other_files_are_not_replaced(self):
        ada = self.hand_in("ada")
        self.csv.write_text("my list")
        more = ["--exam", exam_folder(NAME, checks=True), "--csv", self.csv]
        self.check_refused("is not a gradebook of this command", ada, *more)
        self.assertEqual(self.csv.read_text(), "my list")
        self.csv.unlink()
        (self.folder / "grades").mkdir()
        (self.folder / "grades" / "thesis.txt").touch()
        self.check_refused("something else is there", ada, *more)

    def test_exams_that_are_none(self):
        ada, path = self.hand_in("ada"), self.folder / "exam.zip"
        self.check_refused("exam.zip", ada, "--exam", path)
        path.write_text("no zip")
        self.check_refused("is no archive of course.autograder.build", ada, "--exam", path)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "b")
        self.check_refused("the exam is not whole", ada, "--exam", path)

    def test_the_help_has_examples(self):
        status, out, _ = call("--help")
        self.assertEqual(status, 0)
        self.assertIn("  python -m course.autograder.grade ../hand-ins/* --exam", out)


class TestNames(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def named(self, *names):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return list(gradebook.named([self.folder / name for name in names]))

    def test_told_apart(self):
        self.assertEqual(
            self.named("a/ada.zip", "b/ada.zip", "b/Ada.zip", "gradebook.zip"),
            ["ada", "ada-2", "Ada-3", "gradebook-2"],
        )
        path = self.folder / "a" / "ada.zip"
        self.assertEqual(
            gradebook.named([path, self.folder / "b" / ".." / "a" / "ada.zip"]), {"ada": path}
        )

    def test_harmless(self):
        names = self.named("..=cmd.zip", "Zoë O'Brien (1).zip", ". -.zip", f"{'ö' * 99}.zip")
        self.assertEqual(names[:3], ["_cmd", "Zoë O'Brien _1_", "hand-in"])
        self.assertEqual(len(names[3].encode()), 100)
        self.assertEqual(gradebook.as_cell("=1+1"), "'=1+1")
        self.assertEqual([gradebook.as_cell(x) for x in ("a=1", 3, "")], ["a=1", 3, ""])

    def test_an_export_of_gradescope(self):
        (self.folder / gradebook.METADATA).write_text(
            "---\n"
            "submission_1:\n  :submitters:\n  - :name: Ada Lovelace\n    :sid: '30'\n"
            "  :score: 3.0\n  :results:\n    output: ':name: no one'\n"
            'submission_2:\n  :submitters:\n  - :name: "Zoë O\'Brien"\n  - :name: Ada Lovelace\n'
            "submission_10:\n  :submitters: []\n"
        )
        for number in (1, 2, 10, 11):
            (self.folder / f"submission_{number}").mkdir()
        paths = sorted(self.folder.iterdir(), key=lambda path: (len(path.name), path.name))
        expected = ["Ada Lovelace", "Zoë O'Brien & Ada Lovelace", "submission_10", "submission_11"]
        self.assertEqual(list(gradebook.named(paths)), expected)


if __name__ == "__main__":
    unittest.main()
