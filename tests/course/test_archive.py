import io
import unittest
import zipfile
from unittest import mock

from course import archive
from course.changes import find_changes
from tests.course.small_starter import ACTIVATIONS, FILES, ROOT, StarterTest


class TestArchive(StarterTest):
    def pack(self, name="Ada Lovelace", student_id="303", others=""):
        return archive.pack(self.root, self.assignment, name, student_id, others)

    def members(self, **names):
        with zipfile.ZipFile(io.BytesIO(self.pack(**names).data)) as zipped:
            return {info.filename: zipped.read(info).decode() for info in zipped.infolist()}

    def test_changed_and_new_code_and_a_readme(self):
        self.fill()
        self.write({"einsum.py": "import numpy\n", "plots/kaggle.ipynb": "{}", "a.csv": "1"})
        self.assertEqual(
            list(self.members()),
            [
                "README.md",
                "einsum.py",
                ACTIVATIONS,
                "neural_networks/models.py",
                "plots/kaggle.ipynb",
            ],
        )

    def test_the_same_files_give_the_same_bytes(self):
        self.fill()
        first = self.pack()
        (self.root / "later.csv").write_text("1")
        (self.root / ACTIVATIONS).touch()
        self.assertEqual(self.pack().data, first.data)
        with zipfile.ZipFile(io.BytesIO(first.data)) as zipped:
            dates = {info.date_time for info in zipped.infolist()}
            self.assertEqual(dates, {(1980, 1, 1, 0, 0, 0)})
        self.assertTrue(archive.is_own(first.data))
        self.assertFalse(archive.is_own(b"PK else"))

    def test_the_readme_names_student_commands_and_versions(self):
        self.write({"einsum.py": "import numpy\n", "NOTES.md": "\ufeffSeed **7**.\n"})
        readme = self.members(name=" A*d_a <b> \\$", others="Bob & [x](y)")["README.md"]
        for text in (
            "# CS 1\\_0 \\& 50% of \\$x\\^2\\$\n",
            "- Name: A\\*d\\_a \\<b\\> \\\\\\$\n",
            "- Student ID: 303\n",
            "- Worked with: Bob \\& \\[x\\]\\(y\\)\n",
            "\npython -m unittest -v\npython einsum.py\n```",
            "\nMade with Python 3.",
            ", numpy 2.",
            "\n## Notes\n\nSeed **7**.\n",
        ):
            self.assertIn(text, readme)

    def test_where_nothing_differs_the_exercises_are_packed(self):
        found = ["README.md", ACTIVATIONS, "neural_networks/models.py"]
        self.assertEqual(list(self.members()), found)

    def test_what_is_left_out_is_told(self):
        self.fill()
        self.assertNotIn("no .py", "".join(self.pack().report))
        self.write({f"{i}.csv": "" for i in range(9)})
        self.assertIn(": 0.csv, 1.csv, 2.csv, 3.csv", "".join(self.pack().report))
        self.assertIn("7.csv, and 1 more", "".join(self.pack().report))
        for i in range(9):
            (self.root / f"{i}.csv").unlink()
        self.write({f"datasets/x/{i}.npy": "1" for i in range(3)})
        self.write({"env/pyvenv.cfg": "", "env/lib/a.py": "1", "__pycache__/b.py": "1"})
        self.write({".git/c.py": "1", "experiments/run/log.csv": "1", "tests/check_models.py": ""})
        (self.root / "link.py").symlink_to(self.root / ACTIVATIONS)
        report = "\n".join(self.pack().report)
        for line in (
            "left out, as the starter has them: 8 files",
            "left out, no .py or .ipynb: datasets/ (3 files), experiments/",
            "left out, a virtual environment: env/",
            "left out, a link or device: link.py",
            "note: graders use their own tests/check_models.py",
        ):
            self.assertIn(line, report)
        self.assertRegex(report, rf"(?m)^  {ACTIVATIONS} +\d+ B$")

    def test_ends_of_lines_alone_are_no_change(self):
        self.write({path: text.replace("\n", "\r\n") for path, text in FILES.items()})
        changes = find_changes(self.root, self.assignment.files)
        self.assertEqual((changes.new, changes.changed), ((), ()))

    def test_placeholders_and_lines_are_refused(self):
        for flag, texts in {
            "name": (
                "",
                "  ",
                "your name",
                "Your_Name",
                "<name>",
                "...",
                "Jane Doe",
                "xxx",
                "TODO",
            ),
            "student_id": ("", "000000", "id", "Student ID", "xxxx", "1234567890", "<id>"),
        }.items():
            for text in texts:
                with self.subTest(flag=flag, text=text), self.assertRaises(ValueError) as caught:
                    self.pack(**{flag: text})
                what = {"name": "name", "student_id": "student ID"}[flag]
                self.assertIn(f"with your {what}", str(caught.exception))
        for flag in ("name", "student_id", "others"):
            with self.assertRaisesRegex(ValueError, "must be one line"):
                self.pack(**{flag: "a\n# b"})

    def test_data_is_refused(self):
        self.write({"numbers.py": "x = [" + "1," * 600_000 + "]"})
        with self.assertRaisesRegex(ValueError, r"^numbers.py has 1.2 MB: keep data out of"):
            self.pack()
        self.write({"numbers.py": "", "kaggle.ipynb": "x" * 3000})
        with (
            mock.patch.object(archive, "LARGEST", 2000),
            self.assertRaisesRegex(ValueError, r"3.0 kB, 2.0 kB are the limit; kaggle.ipynb alone"),
        ):
            self.pack()


class TestRepository(unittest.TestCase):
    def test_the_files_of_the_exercises(self):
        from course.assignment import find_assignment

        assignment = find_assignment(ROOT)
        packed = archive.pack(ROOT, assignment, "Ada", "303")
        with zipfile.ZipFile(io.BytesIO(packed.data)) as zipped:
            names = set(zipped.namelist())
        self.assertEqual(names, {"README.md", *(e.file for e in assignment.exercises)})


if __name__ == "__main__":
    unittest.main()
