import contextlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from unittest import mock

import generate_submission
from tests.course.small_starter import ACTIVATIONS, ROOT, TOML, StarterTest


class TestSubmission(StarterTest):
    """The command, with the small starter's folder in place of the repository's."""

    def setUp(self):
        super().setUp()
        self.enterContext(mock.patch.object(generate_submission, "ROOT", self.root))
        self.enterContext(contextlib.chdir(self.root))

    def run_main(self, *arguments):
        """The exit status, standard output, and the lines of standard error."""
        out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        err = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = generate_submission.main(arguments)
            except SystemExit as end:
                status = end.code
        return status, out.buffer.getvalue().decode(), err.getvalue().splitlines()

    def check_refused(self, message, *arguments):
        status, out, err = self.run_main(*arguments)
        self.assertEqual((status, out, len(err)), (2, "", 1), err)
        self.assertIn(message, err[0])
        self.assertTrue(err[0].startswith("generate_submission.py: error: "))

    def test_the_commands_of_the_course(self):
        self.fill()
        latex = ["--format", "latex", "--heading_level", "2", "--output", "submission.tex"]
        markdown = ["--format", "markdown", "--heading_level", "3", "--output", "submission.md"]
        for arguments, name, heading in (
            (latex, "submission.tex", "\\subsection{Activation\\_functions}"),
            (markdown, "submission.md", "\n### Activation\\_functions\n"),
            (["-f", "markdown", "-o", "x.txt"], "x.txt", "\n# Activation\\_functions\n"),
            (["-o", "y.md", "--heading-level", "2"], "y.md", "\n## Activation\\_functions\n"),
        ):
            with self.subTest(arguments=arguments):
                status, out, err = self.run_main(*arguments)
                self.assertEqual((status, err), (0, []))
                self.assertIn(f"{name}: 2 of 2 exercises, 12 lines", out)
                self.assertIn(heading, Path(name).read_text("utf-8"))

    def test_printed(self):
        self.fill()
        for arguments in ((), ("--output", "-")):
            status, out, err = self.run_main(*arguments)
            self.assertEqual((status, err), (0, []))
            self.assertIn("\\section{Activation\\_functions}", out)
        self.assertIn(r"\documentclass", self.run_main("--standalone")[1])

    def test_blanks(self):
        status, _, err = self.run_main("-o", "a.tex")
        self.assertEqual((status, len(err)), (1, 3))
        self.assertTrue(all("is not written yet" in line for line in err))
        self.assertIn("not written yet", Path("a.tex").read_text())

    def test_one_exercise(self):
        self.fill()
        status, out, _ = self.run_main("--exercise", "model")
        self.assertEqual(status, 0)
        self.assertNotIn("class ReLU", out)
        self.check_refused("unknown exercise 'relux'; did you mean 'relu'?", "--exercise", "relux")

    def test_other_files_are_left_alone(self):
        self.fill()
        Path("mine.tex").write_text("my thesis")
        self.check_refused("--overwrite replaces it", "-o", "mine.tex")
        self.assertEqual(Path("mine.tex").read_text(), "my thesis")
        self.assertEqual(self.run_main("-o", "mine.tex", "--overwrite")[0], 0)
        for other in ("markdown", "latex", "latex"):  # its own file, whatever the format
            self.assertEqual(self.run_main("-f", other, "-o", "mine.tex")[0], 0)
        left = [path.name for path in self.root.iterdir() if path.name.startswith(".")]
        self.assertEqual(left, [])

    def test_places_that_cannot_be_written(self):
        self.fill()
        Path("folder").mkdir()
        self.check_refused("is a folder", "-o", "folder")
        self.check_refused("does not exist", "-o", "nowhere/a.tex")
        self.check_refused("got 'check.py'", "-o", "check.py", "--overwrite")
        self.check_refused("got 'a.tex'", "--zip", "a.tex", *self.name())

    def test_wrong_arguments(self):
        self.check_refused("invalid choice: 4", "--heading_level", "4")
        self.check_refused("invalid choice: 'pdf'", "--format", "pdf")
        self.check_refused("this starter is 'small', not 'smal'", "--assignment", "smal")
        self.check_refused("--name must be one line", "--name", "a\nb")
        self.write({"assignment.toml": TOML.replace("points = 10", "points = ten")})
        self.check_refused("assignment.toml is not TOML")

    def name(self):
        return ["--name", "Ada $_L", "--student-id", "303"]

    def test_the_archive(self):
        self.fill()
        status, out, err = self.run_main("--zip", "code.zip", *self.name(), "-o", "a.tex")
        self.assertEqual((status, err), (0, []))
        self.assertTrue(out.startswith("code.zip: "))
        self.assertIn("\na.tex: 2 of 2 exercises", out)
        self.assertEqual(self.run_main("--zip", "code.zip", *self.name())[0], 0)
        with zipfile.ZipFile("code.zip") as zipped:
            self.assertIn(ACTIVATIONS, zipped.namelist())
        with zipfile.ZipFile("other.zip", "w") as zipped:
            zipped.writestr("a", "b")
        self.check_refused("--overwrite replaces it", "--zip", "other.zip", *self.name())
        self.check_refused("--zip needs --name", "--zip", "new.zip", "--name", "name")
        self.assertFalse(Path("new.zip").exists())

    def test_an_archive_of_blanks_is_packed_and_they_are_told(self):
        status, _, err = self.run_main("--zip", "code.zip", *self.name())
        self.assertEqual((status, len(err)), (1, 3))
        self.assertTrue(Path("code.zip").exists())

    def test_the_list_for_names_of_ones_own(self):
        self.fill()
        with mock.patch.object(generate_submission, "student_implementations", ["data.Data"]):
            self.assertIn("class Data:", self.run_main()[1])

    def test_as_a_program_from_another_folder(self):
        command = [sys.executable, str(ROOT / "generate_submission.py"), "--exercise", "relu"]
        with contextlib.chdir(self.root.parent):
            result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("class ReLU(Activation):", result.stdout)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.close()
            err = process.stderr.read()
        self.assertEqual((process.returncode, err), (141, b""), os.fsdecode(err))
