"""Tests of starters: their files, and the command that writes them."""

import contextlib
import hashlib
import io
import subprocess
import sys
import tomllib
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from course import starter as command
from course.checking import counts, imports, verdicts
from course.ship import check_imports
from course.starter import main, write_folder
from tests.course.kits import ROOT, kit, manifest, starter
from tests.support.arrays import InFolder


class TestFiles(unittest.TestCase):
    def test_plain_text_of_the_blanks(self):
        text = starter("spring-2023")["neural_networks/layers/fully_connected.py"].decode()
        self.assertIn("    def backward(self, dLdY: np.ndarray) -> np.ndarray:\n", text)
        self.assertIn("# YOUR CODE HERE (4.2 Fully-connected layer)\n", text)
        self.assertIn(
            'raise NotImplementedError("4.2 fully_connected: write FullyConnected.forward")\n', text
        )
        self.assertIn("X = self.check_input(X)  # checks X; the first call creates the", text)

    def test_no_canonical_pairs_and_no_fast_ones(self):
        files = starter("spring-2023")
        self.assertNotIn("neural_networks/canonical.py", files)
        for path in ("models.py", "losses.py", "layers/base.py", "training/state.py"):
            self.assertNotIn("canonical", files[f"neural_networks/{path}"].decode(), path)
        for name, fast in (("spring-2023", False), ("spring-2020", True)):
            conv = kit(name).file("neural_networks/layers/conv2d.py")
            self.assertEqual("forward_faster" in conv, fast)

    def test_the_readme_names_the_line_of_each_blank(self):
        for name in ("spring-2023", "fall-2024"):
            files = starter(name)
            readme = files["README.md"].decode()
            for exercise in manifest(name).assignment.exercises:
                lines = files[exercise.file].decode().splitlines()
                blank = f"{exercise.section} {exercise.name}: write"
                places = [i for i, line in enumerate(lines, start=1) if blank in line]
                self.assertEqual(len(places), len(exercise.blank), exercise)
                for place in places:
                    self.assertIn(f":{place}`", readme)
                for part in (*exercise.deliver, exercise.title):
                    self.assertIn(part, readme)
            self.assertNotIn("{{", readme)

    def test_hashes(self):
        files = starter("fall-2024")
        table = tomllib.loads(files["assignment.toml"].decode())
        for path, digest in table["files"].items():
            self.assertEqual(hashlib.sha256(files[path]).hexdigest(), digest, path)
        definitions = table["definitions"]["neural_networks/activations.py"]
        self.assertIn("ReLU.forward", definitions)

    def test_float64_and_values_to_choose(self):
        script = starter("spring-2023")["train_ffnn.py"].decode()
        self.assertIn("# YOUR CODE HERE (5.1 The network)", script)
        self.assertIn("learning_rate = None\n", script)
        self.assertNotIn("float32", script)

    def test_a_missing_module_is_told(self):
        files = {"neural_networks/__init__.py": "", "a.py": "from neural_networks import b\n"}
        with self.assertRaisesRegex(ValueError, "a.py:1 imports neural_networks.b, which is not"):
            check_imports("x.toml", files)
        files["a.py"] = "import course.b\n"
        with self.assertRaisesRegex(ValueError, "a.py:1 imports course.b, which is not shipped"):
            check_imports("x.toml", files)


class TestProcesses(InFolder):
    def test_counts_before_anything_is_written(self):
        folder = self.root / "näher an π"
        write_folder(starter("spring-2023"), folder)
        self.assertEqual(counts(manifest("spring-2023"), folder), [])
        self.assertEqual(imports(folder, starter("spring-2023")), [])

    def test_an_exercise_alone(self):
        folder = self.root / "starter"
        write_folder(starter("spring-2023"), folder)
        path = "neural_networks/layers/fully_connected.py"
        (folder / path).write_text(kit("spring-2023").file(path, ["fully_connected"]), "utf-8")
        found = verdicts(folder)
        green = [test for test, verdict in found.items() if verdict == "ok"]
        own = manifest("spring-2023").assignment.exercise("fully_connected").tests
        self.assertEqual(len(green), 8 + 3)
        self.assertLess(set(own), set(green))

    def test_scripts_say_what_is_missing(self):
        folder = self.root / "starter"
        write_folder(starter("spring-2023"), folder)
        done = subprocess.run(
            [sys.executable, "train_ffnn.py"], cwd=folder, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "^train_ffnn.py: error: batch_size is still None[^\n]*\n$")


FEW = {"README.md": b"# A", "a/b.py": b"b = 1\n", "assignment.toml": b'title = "A"\n'}
"""The files of a small starter, sorted."""


class TestCommand(InFolder):
    def run_main(self, *arguments: object) -> tuple[int, str, str]:
        """Status, output and errors of the command, with a small starter."""
        assignment = () if "--assignment" in arguments else ("--assignment", "fall-2024")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main([*assignment, *map(str, arguments)])
            except SystemExit as end:
                status = end.code
        return status, out.getvalue(), err.getvalue()

    def setUp(self):
        super().setUp()
        patch = mock.patch.object(command, "build", return_value=FEW)
        patch.start()
        self.addCleanup(patch.stop)

    def assert_refused(self, message, *arguments):
        before = sorted(self.root.rglob("*"))
        status, out, err = self.run_main(*arguments)
        self.assertEqual((status, out), (2, ""), err)
        self.assertRegex(err, f"^generate_starter.py: error: [^\n]*{message}[^\n]*\n$")
        self.assertEqual(sorted(self.root.rglob("*")), before)

    def test_a_folder_an_archive_and_a_last_word(self):
        status, out, _ = self.run_main("--output", self.root / "a", "--zip", self.root / "a.zip")
        self.assertEqual(status, 0)
        self.assertIn("25, of which 2 fail and 23 pass", out)
        self.assertIn("gives away, of other assignments: spring-2020/*", out)
        files = FEW
        found = {
            path.relative_to(self.root / "a").as_posix(): path.read_bytes()
            for path in (self.root / "a").rglob("*")
            if path.is_file()
        }
        self.assertEqual(found, files)
        with zipfile.ZipFile(self.root / "a.zip") as archive:
            names = archive.namelist()
            self.assertEqual(names, [f"fall-2024/{path}" for path in files])
            self.assertEqual(archive.read("fall-2024/README.md"), files["README.md"])
        self.run_main("--output", self.root / "b", "--zip", self.root / "b.zip")
        same = (self.root / "a.zip").read_bytes() == (self.root / "b.zip").read_bytes()
        self.assertTrue(same)

    def test_one_commit_the_same_each_time(self):
        heads = []
        for name in ("a", "b"):
            self.run_main("--output", self.root / name, "--git")
            log = ["git", "log", "--format=%H %an <%ae> %s"]
            done = subprocess.run(log, cwd=self.root / name, capture_output=True, text=True)
            heads.append(done.stdout)
            status = ["git", "status", "--porcelain", "--ignored"]
            clean = subprocess.run(status, cwd=self.root / name, capture_output=True, text=True)
            self.assertEqual(clean.stdout, "")
        self.assertEqual(heads[0], heads[1])
        self.assertEqual(heads[0].count("\n"), 1)
        self.assertIn("Course staff <staff@course.invalid> CS 189", heads[0])

    def test_a_starter_is_replaced_only_when_asked(self):
        folder = self.root / "a"
        self.run_main("--output", folder)
        (folder / "mine.py").write_text("1")
        self.assert_refused("is not empty .--overwrite", "--output", folder)
        self.assertEqual(self.run_main("--output", folder, "--overwrite")[0], 0)
        self.assertFalse((folder / "mine.py").exists())

    def test_other_folders_are_never_replaced(self):
        (self.root / "mine").mkdir()
        (self.root / "mine" / "thesis.tex").write_text("x")
        arguments = ("--output", self.root / "mine", "--overwrite")
        self.assert_refused("is not a starter: --overwrite replaces only these", *arguments)

    def test_an_empty_folder_will_do(self):
        (self.root / "a").mkdir()
        self.assertEqual(self.run_main("--output", self.root / "a")[0], 0)

    def test_bad_places(self):
        (self.root / "file").write_text("x")
        link = self.root / "link"
        link.symlink_to(ROOT / "docs")
        for place, message in (
            (ROOT / "starter", "must lie outside this repository"),
            (ROOT, "must lie outside this repository"),
            (ROOT.parent, "must lie outside this repository"),
            (link / "a", "must lie outside this repository"),
            (self.root / "file", "must be a folder, but .* is a file"),
            (self.root / "no" / "a", "there is no folder .*no"),
            ("/proc/starter", "cannot write to /proc"),
        ):
            self.assert_refused(message, "--output", place)
        a = self.root / "a"
        for place, message in (
            (ROOT / "a.zip", "--zip must lie outside this repository"),
            (self.root, "--zip must be a file"),
            (self.root / "file", "exists .--overwrite replaces it"),
            (a / "a.zip", "--zip must lie outside the folder of --output"),
            (self.root / "no" / "a.zip", "--zip: there is no folder"),
        ):
            self.assert_refused(message, "--output", a, "--zip", place)

    def test_unknown_names(self):
        a = self.root / "a"
        self.assert_refused("unknown assignment 'spring'", "--output", a, "--assignment", "spring")
        with mock.patch.object(
            command, "build", lambda m, solved: kit(m.assignment.name).build(solved)
        ):
            self.assert_refused("unknown exercise 'rellu'; did", "--output", a, "--solved", "rellu")
        self.assert_refused("required: --output")

    def test_a_full_disk_leaves_nothing(self):
        with mock.patch.object(Path, "write_bytes", side_effect=OSError(28, "No space left")):
            self.assert_refused(
                "No space left", "--output", self.root / "a", "--zip", self.root / "z"
            )

    def test_a_folder_that_cannot_be_replaced_stays(self):
        folder = self.root / "a"
        self.run_main("--output", folder)
        before = sorted(folder.rglob("*"))
        real = Path.rename

        def rename(self, target):
            if self.name == "new":
                raise OSError(13, "Permission denied")
            return real(self, target)

        with mock.patch.object(Path, "rename", rename):
            self.assert_refused("Permission denied", "--output", folder, "--overwrite")
        self.assertEqual(sorted(folder.rglob("*")), before)
