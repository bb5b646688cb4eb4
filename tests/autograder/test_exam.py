"""The exam: written and read without pickling, damage told, a fingerprint of all of it."""

import io
import json
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np

from course.autograder.exams.exam import (
    ARRAYS,
    TABLE,
    Exam,
    ExamError,
    Known,
    exam_files,
    read_exam,
)
from course.autograder.exams.packing import Packer, Unpacker
from course.autograder.grading.causes import by_name
from tests.course.kits import exam
from tests.verdict import Outcome, judge

NAME = "fall-2024"


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def read(files: dict[str, bytes]) -> Exam:
    """Write files into a folder, and read the exam there."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        return read_exam(Path(folder))


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a file of arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class TestRoundTrip(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exam = exam("spring-2020")
        cls.files = exam_files(cls.exam)
        cls.again = read(cls.files)

    def test_everything_is_as_it_was(self):
        first, second = self.exam, self.again
        self.assertEqual(second.assignment, first.assignment)
        for name in ("starter", "recipes", "accept", "extra", "seconds", "memory_mb"):
            self.assertEqual(getattr(second, name), getattr(first, name), name)
        self.assertEqual(list(second.cases), list(first.cases))
        self.assertEqual(second.fingerprint, first.fingerprint)
        self.assertEqual(exam_files(second), self.files)

    def test_cases_have_the_same_arrays(self):
        pairs = [
            *zip(
                [case for cases in self.exam.cases.values() for case in cases],
                [case for cases in self.again.cases.values() for case in cases],
                strict=True,
            ),
            *zip(
                [case for pair in self.exam.loops.values() for case in pair],
                [case for pair in self.again.loops.values() for case in pair],
                strict=True,
            ),
        ]
        self.assertGreater(len(pairs), 100)
        for first, second in pairs:
            for name in ("number", "title", "hidden", "options"):
                self.assertEqual(getattr(second, name), getattr(first, name))
            for one, other in ((first.inputs, second.inputs), (first.expected, second.expected)):
                self.assertEqual(list(one), list(other))
                for key in one:
                    self.assertEqual(one[key].dtype.kind, other[key].dtype.kind)
                    np.testing.assert_array_equal(one[key], other[key], strict=True)

    def test_a_mistake_is_recognized_from_what_was_written(self):
        for recipe, known in self.again.known.items():
            cases, cause = self.again.cases[recipe], by_name(recipe, known)
            sentences = {one.diagnosis for one in known}
            for one in self.exam.known[recipe]:
                if message := judge(recipe, cases, one.trials[recipe], cause):
                    self.assertIn(message.splitlines()[-1].strip(), sentences)

    def test_nothing_is_pickled(self):
        with np.load(io.BytesIO(self.files[ARRAYS]), allow_pickle=False) as file:
            self.assertLessEqual({file[name].dtype.kind for name in file.files}, set("fiub"))

    def test_arrays_cannot_be_written_to(self):
        for case in self.again.cases["relu.forward"]:
            with self.assertRaises(ValueError):
                case.expected["Y"][...] = 0

    def test_no_code_of_an_error_is_kept(self):
        error = "It raised ValueError: no.\n    neural_networks/losses.py:1, in f: secret"
        known = Known("relu.forward", "A mistake.", {"relu.forward": [Outcome({}, error=error)]})
        small = replace(exam(NAME), known={"relu.forward": (known,)})
        table = exam_files(small)[TABLE].decode()
        self.assertIn("It raised ValueError: no.", table)
        self.assertNotIn("secret", table)


class TestFingerprint(unittest.TestCase):
    def test_changes_with_every_part(self):
        one = exam(NAME)
        case, *others = one.cases["relu.forward"]
        other = replace(case, expected={"Y": case.expected["Y"] + 1e-16})
        title, shown = replace(case, title="other"), replace(case, hidden=True)
        known = replace(one.known["relu.forward"][0], diagnosis="Other.")
        few, many = one.loops["relu.forward"]
        changes = [
            {"seconds": 11},
            {"memory_mb": 11},
            {"accept": (*one.accept, "a.py")},
            {"extra": "a.py"},
            {"starter": {**one.starter, "check.py": one.starter["check.py"] + b"\n"}},
            {"recipes": dict(reversed(one.recipes.items()))},
            {"loops": {**one.loops, "relu.forward": (many, few)}},
            {"known": {**one.known, "relu.forward": (known,)}},
            *(
                {"cases": {**one.cases, "relu.forward": (changed, *others)}}
                for changed in (other, title, shown)
            ),
        ]
        found = [replace(one, **change).fingerprint for change in changes]
        self.assertEqual(len({one.fingerprint, *found}), len(changes) + 1)
        self.assertRegex(one.fingerprint, "^[0-9a-f]{64}$")
        self.assertEqual(replace(one).fingerprint, one.fingerprint)


class TestDamage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = exam_files(exam(NAME))
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        write(cls.folder, cls.files)

    def test_without_damage(self):
        self.assertEqual(read_exam(self.folder).fingerprint, exam(NAME).fingerprint)

    def refused(self, words: str, **changes: bytes | None):
        """Read with changed files; ``None`` leaves one out."""
        for path, data in changes.items():
            if data is None:
                (self.folder / path).unlink()
            else:
                (self.folder / path).write_bytes(data)
        with self.assertRaisesRegex(ExamError, words) as context:
            read_exam(self.folder)
        self.assertEqual(len(str(context.exception).splitlines()), 1)
        write(self.folder, {path: self.files[path] for path in changes})

    def test_a_file_that_is_missing(self):
        for path in (TABLE, ARRAYS, "starter/check.py", "starter/assignment.toml"):
            self.refused("the exam is not whole: .*No such file", **{path: None})

    def test_a_file_that_is_cut_or_changed(self):
        for path in (TABLE, ARRAYS, "starter/check.py"):
            data = self.files[path]
            with self.subTest(path=path):
                self.refused("the exam is damaged", **{path: data[: len(data) // 2]})
                self.refused("the exam is damaged", **{path: b""})
        self.refused("fingerprint", **{"starter/check.py": self.files["starter/check.py"] + b"\n"})

    def test_a_table_that_says_something_else(self):
        table = json.loads(self.files[TABLE])
        for change in (
            {"seconds": 1000},
            {"starter": ["../../etc/passwd"]},
            {"cases": {}},
            {"cases": {"relu.forward": [[1, "", False, {}]]}},
            {"cases": {"relu.forward": [[1, "", False, {"Z": ["<f8", [10**6], 0]}, {}]]}},
            {"cases": {"relu.forward": [[1, "", False, {"Z": ["<f8", [-1], 0]}, {}]]}},
            {"cases": {"relu.forward": [[1, "", False, {"Z": {"type": "list"}}, {}]]}},
            {"mistakes": {}},
            {"recipes": None},
        ):
            changed = json.dumps({**table, **change}).encode()
            with self.subTest(change=change):
                self.refused("the exam is (damaged|not whole)", **{TABLE: changed})
        for other in (b"[]", b"{}", b"null", b"\xff"):
            self.refused("the exam is damaged", **{TABLE: other})
        newer = json.dumps({**table, "format": 99}).encode()
        self.refused("another version", **{TABLE: newer})

    def test_arrays_that_are_objects(self):
        with np.load(io.BytesIO(self.files[ARRAYS])) as file:
            arrays = dict(file)
        objects = {**arrays, "<f8": np.array([print], object)}
        self.refused("the exam is damaged", **{ARRAYS: npz(objects)})
        self.refused("the exam is damaged", **{ARRAYS: npz({**arrays, "<f8": np.zeros((2, 2))})})


class TestPacking(unittest.TestCase):
    def through(self, value):
        packer = Packer()
        form = json.loads(json.dumps(packer.value(value)))
        return Unpacker(packer.arrays()).value(form)

    def test_arrays_and_numbers(self):
        for value in (
            np.arange(6.0).reshape(2, 3),
            np.arange(6.0).reshape(2, 3).T,
            np.zeros((0, 3)),
            np.array([True, False]),
            np.array([1, 2], np.uint8),
            np.array([1.5], np.float32),
            np.array([1.5], ">f8"),
            np.array([np.nan, np.inf, -0.0]),
            np.array(7),
        ):
            found = self.through(value)
            self.assertEqual(found.dtype, value.dtype.newbyteorder("<"))
            np.testing.assert_array_equal(found, value)
            self.assertEqual(found.shape, value.shape)
        for value in (1.5, 7, True, np.float64(2), float("nan")):
            np.testing.assert_array_equal(self.through(value), value)

    def test_other_objects_are_names(self):
        self.assertIsNone(self.through(None))
        for value in ([1.0], (1.0, 2), "text", {}, 1j, np.array([print]), np.array(["a", "b"])):
            found = self.through(value)
            self.assertEqual(type(found).__name__, type(value).__name__)
            self.assertEqual(np.asarray(found).dtype.kind, "O")

    def test_an_option_that_is_text(self):
        self.assertEqual(self.through(np.array("same")).item(), "same")

    def test_equal_arrays_are_kept_once(self):
        packer = Packer()
        first, second = packer.value(np.ones(5)), packer.value(np.ones(5))
        self.assertEqual(first, second)
        self.assertNotEqual(packer.value(np.ones((1, 5))), first)
        packer.value(np.ones(5, np.float32))
        sizes = {kind: array.size for kind, array in packer.arrays().items()}
        self.assertEqual(sizes, {"<f8": 10, "<f4": 5})


if __name__ == "__main__":
    unittest.main()
