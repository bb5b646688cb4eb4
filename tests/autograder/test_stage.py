"""Staging: what is taken from a hand-in, and the tree that it is laid in."""

import os
import stat
import zipfile

from course.autograder.hand_ins import choosing
from course.autograder.hand_ins.stage import HandIn, StageError, is_as_laid, lay, take
from tests.autograder.small_exam import (
    ACTIVATIONS,
    CONV,
    EINSUM,
    EXAM,
    FILES,
    LOSSES,
    STARTER,
    StageTest,
    zipped,
)


class TestShapes(StageTest):
    """The forms that a hand-in may have: all are taken the same."""

    def test_a_folder(self):
        self.write(FILES)
        self.assertEqual(self.taken(), FILES)

    def test_at_any_depth(self):
        self.write({f"cs189/hw 6/{name}": data for name, data in FILES.items()})
        self.assertEqual(self.taken(), FILES)

    def test_an_archive(self):
        self.assertEqual(self.taken(self.write_zip(FILES)), FILES)
        deeper = {f"./hw6/{name}": data for name, data in FILES.items()}
        self.assertEqual(self.taken(self.write_zip(deeper, compression=zipfile.ZIP_STORED)), FILES)

    def test_an_archive_in_an_archive_or_folder(self):
        inner = zipped(FILES)
        self.assertEqual(self.taken(self.write_zip({"code/HW6.ZIP": inner, "a.pdf": b"1"})), FILES)
        self.write({"hw6.zip": inner})
        self.assertEqual(self.taken(), FILES)
        self.write({"hw6.zip": zipped({"hw6.zip": inner})})
        self.assertEqual(self.taken(), FILES)

    def test_no_deeper(self):
        twice = zipped({"hw6.zip": zipped({"hw6.zip": zipped(FILES)})})
        self.assertEqual(self.taken(self.write_zip(twice)), {})

    def test_single_files(self):
        self.write({"activations.py": b"# relu\n", "code/conv2d.py": b"# convolution\n"})
        found = self.take()
        self.assertEqual(found.files, {ACTIVATIONS: b"# relu\n", CONV: b"# convolution\n"})
        self.assertEqual(found.missing, (LOSSES,))
        flat = self.write_zip({"losses.py": b"1"})
        self.assertEqual(self.taken(flat), {LOSSES: b"1"})

    def test_a_file(self):
        self.write({"activations.py": b"# relu\n", "losses.py": b"1"})
        self.assertEqual(self.taken(self.hand_in / "activations.py"), {ACTIVATIONS: b"# relu\n"})

    def test_the_nearest_folder_is_taken(self):
        self.write({f"hw6/{name}": data for name, data in FILES.items()})
        self.write({f"hw6/backup/{name}": b"old" for name in FILES})
        self.write({"hw6/neural_networks/old/neural_networks/losses.py": b"old"})
        self.assertEqual({n: d for n, d in self.taken().items() if n in FILES}, FILES)

    def test_of_two_folders_at_the_same_depth_none_is_taken(self):
        self.write({f"{top}/{name}": data for name, data in FILES.items() for top in ("a", "b")})
        found = self.take()
        self.assertEqual(found.files, {})
        reason = "one of 2 folders neural_networks/: hand in only one"
        self.assertEqual(found.ignored["a/neural_networks/"], reason)
        self.assertEqual(found.ignored["b/neural_networks/"], reason)

    def test_of_two_files_by_one_name_none_is_taken(self):
        self.write({"a/losses.py": b"1", "b/losses.py": b"2", "activations.py": b"3"})
        found = self.take()
        self.assertEqual(found.files, {ACTIVATIONS: b"3"})
        self.assertIn("one of 2 files of this name", found.ignored["a/losses.py"])

    def test_of_two_archives_none_is_opened(self):
        self.write({"a.zip": zipped(FILES), "b.zip": zipped(FILES)})
        found = self.take()
        self.assertEqual(found.files, {})
        self.assertIn("one of 2 archives", found.ignored["a.zip"])

    def test_junk_of_macos_is_passed_over(self):
        junk = {
            "__MACOSX/hw6/neural_networks/._activations.py": b"\0",
            "__MACOSX/neural_networks/activations.py": b"\0",
            "hw6/.DS_Store": b"\0",
            "hw6/neural_networks/._losses.py": b"\0",
            "hw6/neural_networks/__pycache__/losses.cpython-311.pyc": b"\0",
        }
        own = {f"hw6/{name}": data for name, data in FILES.items()}
        for found in (self.take(self.write_zip(junk | own)), self.from_folder(junk | own)):
            self.assertEqual(found.files, FILES)
            self.assertEqual(found.ignored, {})

    def from_folder(self, files):
        self.write(files)
        return self.take()

    def test_an_empty_hand_in(self):
        found = self.take()
        self.assertEqual((found.files, found.missing), ({}, (ACTIVATIONS, LOSSES, CONV)))

    def test_nothing_to_read(self):
        (self.folder / "link").symlink_to(self.hand_in)
        (self.folder / "notes.txt").write_text("notes")
        os.mkfifo(self.folder / "pipe")
        for name, words in {
            "no_such": "No such file",
            "link": "is a link",
            "notes.txt": "is not a folder",
            "pipe": "not a regular file",
        }.items():
            with self.subTest(name), self.assertRaisesRegex(StageError, words):
                take(self.folder / name, EXAM)


class TestTaken(StageTest):
    """The files that are taken, and those that are not."""

    def test_own_modules_are_taken(self):
        own = {
            "neural_networks/helpers.py": b"1",
            "neural_networks/layers/deep/er/windows.py": b"2",
        }
        self.write(FILES | own | {EINSUM: b"3"})
        self.assertEqual(self.taken(), FILES | own | {EINSUM: b"3"})

    def test_the_graders_own_files_are_not(self):
        self.write(FILES)
        for name in (
            "conftest.py",
            "unittest.py",
            "numpy.py",
            "sitecustomize.py",
            "json/__init__.py",
            "tests/verdict.py",
            "neural_networks/layers/base.py",
            "neural_networks/utils/grad_check.py",
            "neural_networks/layers/__init__.py",
            "check.py",
        ):
            with self.subTest(name):
                self.write({name: b"# mine\n"})
                found = self.take()
                self.assertEqual(found.files, FILES)
                self.assertEqual(found.ignored, {name: "the grader uses its own"})
                (self.hand_in / name).unlink()

    def test_other_files_are_named_with_reasons(self):
        self.write(FILES)
        self.write({"train.py": b"", "report.pdf": b"", "old/losses.py": b"", "old.zip": b""})
        self.assertEqual(
            self.take().ignored,
            {
                "old/losses.py": f"not in its place, {LOSSES}",
                "train.py": "not inside neural_networks/",
                "old.zip": "an archive beside the code",
                "report.pdf": "not Python",
            },
        )

    def test_unchanged_files_of_the_starter_are_no_news(self):
        self.write(STARTER)
        self.write({"check.py": STARTER["check.py"].replace(b"\n", b"\r\n"), "README.md": b"mine"})
        found = self.take()
        self.assertEqual(found.ignored, {})
        self.assertEqual(found.files, {name: STARTER[name] for name in EXAM.accept})

    def test_a_module_that_stands_for_the_starters_is_not_taken(self):
        self.write(FILES)
        for name, reason in {
            "neural_networks/layers/base/__init__.py": "in place of neural_networks/layers/base.py",
            "neural_networks/losses/__init__.py": f"in place of {LOSSES}",
            "neural_networks/layers.py": "the starter has a folder neural_networks/layers/",
            "neural_networks/Activations.py": f"its name must be {ACTIVATIONS}",
            "neural_networks/LAYERS/own.py": "its name must be neural_networks/layers, in",
            "neural_networks/my helpers.py": "cannot be imported",
        }.items():
            with self.subTest(name):
                self.write({name: b"# mine\n"})
                found = self.take()
                self.assertEqual(found.files, FILES)
                self.assertIn(reason, found.ignored[name])
                (self.hand_in / name).unlink()
                if (self.hand_in / name).parent.name in ("base", "losses", "LAYERS"):
                    (self.hand_in / name).parent.rmdir()

    def test_of_own_modules_that_differ_in_capitals_one_is_taken(self):
        own = {"neural_networks/Own/a.py": b"1", "neural_networks/own/b.py": b"2"}
        self.write(FILES | own)
        found = self.take()
        self.assertEqual(found.files, FILES | {"neural_networks/Own/a.py": b"1"})
        reason = "its name must be neural_networks/Own, in these letters"
        self.assertEqual(found.ignored, {"neural_networks/own/b.py": reason})

    def test_names_are_few_short_and_printable(self):
        self.write(FILES)
        self.write({f"neural_networks/{i}.txt": b"" for i in range(30)})
        self.write(
            {"a\nb\x1b[31m.py": b"", "c" * 200 + ".py": b"", "datasets/1": b"", "datasets/2": b""}
        )
        ignored = self.take().ignored
        self.assertEqual(len(ignored), choosing.MOST_NAMED + 1)
        self.assertEqual(ignored["13 more"], "not taken either")
        for name in ignored:
            self.assertTrue(name.isprintable(), name)
            self.assertLessEqual(len(name), choosing.MOST_OF_NAME)
        first, second = list(ignored)[:2]
        self.assertIn("a b", first)
        self.assertTrue(second.endswith("…"))

    def test_a_folder_of_data_is_named_once(self):
        self.write(FILES | {f"datasets/{i}.csv": b"" for i in range(30)})
        self.assertEqual(self.take().ignored, {"datasets/ (30 files)": "not Python"})

    def test_bytes_are_taken_as_they_are(self):
        for data in (b"\xef\xbb\xbfx = 1\r\n", b"\xff\xfe\0", b"def f(:\n", b""):
            self.write({LOSSES: data})
            self.assertEqual(self.taken()[LOSSES], data)

    def test_the_fingerprint_is_that_of_the_files_taken(self):
        self.write(FILES)
        first = self.take().fingerprint
        self.write({"notes.txt": b""})
        self.assertEqual(self.take().fingerprint, first)
        self.assertEqual(self.take(self.write_zip(FILES)).fingerprint, first)
        self.write({LOSSES: FILES[LOSSES].upper()})
        self.assertNotEqual(self.take().fingerprint, first)
        self.assertEqual(len(first), 64)


class TestLay(StageTest):
    """The tree that tests run in."""

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        self.tree.mkdir(mode=0o700)
        self.taken = HandIn({LOSSES: b"mine", "neural_networks/own/a.py": b"new"})

    def files(self):
        found = (path for path in self.tree.rglob("*") if path.is_file())
        return {path.relative_to(self.tree).as_posix() for path in found}

    def test_the_hand_in_lies_over_what_recipes_need(self):
        lay(self.tree, EXAM, self.taken)
        starter = {name for name in STARTER if name.startswith("neural_networks/")}
        tests = {f"tests/{name}.py" for name in ("__init__", "recipes", "verdict", "stand_ins")}
        self.assertEqual(self.files(), starter | tests | {"neural_networks/own/a.py"})
        self.assertEqual((self.tree / LOSSES).read_bytes(), b"mine")
        self.assertEqual((self.tree / CONV).read_bytes(), STARTER[CONV])

    def test_all_can_read_it_whatever_the_umask(self):
        before = os.umask(0o077)
        try:
            lay(self.tree, EXAM, self.taken)
        finally:
            os.umask(before)
        for path in (self.tree, *self.tree.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            self.assertEqual(mode, 0o755 if path.is_dir() else 0o644, path)

    def test_no_link_to_a_file_is_followed(self):
        (self.folder / "mine").write_bytes(b"mine")
        (self.tree / EINSUM).symlink_to(self.folder / "mine")
        with self.assertRaises(FileExistsError):
            lay(self.tree, EXAM, HandIn({EINSUM: b"theirs"}))
        self.assertEqual((self.folder / "mine").read_bytes(), b"mine")

    def test_no_link_is_followed(self):
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        (self.tree / "neural_networks").symlink_to(elsewhere)
        with self.assertRaises(FileExistsError):
            lay(self.tree, EXAM, self.taken)
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_a_change_is_found(self):
        lay(self.tree, EXAM, self.taken)
        self.assertTrue(is_as_laid(self.tree, EXAM, self.taken))
        for name, data in ((LOSSES, b"mind"), ("neural_networks/new.py", b""), ("a.pth", b"")):
            with self.subTest(name):
                before = (self.tree / name).read_bytes() if (self.tree / name).exists() else None
                (self.tree / name).write_bytes(data)
                self.assertFalse(is_as_laid(self.tree, EXAM, self.taken))
                if before is None:
                    (self.tree / name).unlink()
                else:
                    (self.tree / name).write_bytes(before)
                self.assertTrue(is_as_laid(self.tree, EXAM, self.taken))
        (self.tree / LOSSES).unlink()
        self.assertFalse(is_as_laid(self.tree, EXAM, self.taken))
        os.mkfifo(self.tree / LOSSES)
        self.assertFalse(is_as_laid(self.tree, EXAM, self.taken))
        (self.tree / LOSSES).unlink()
        (self.folder / "same").write_bytes(b"mine")
        (self.tree / LOSSES).symlink_to(self.folder / "same")
        self.assertFalse(is_as_laid(self.tree, EXAM, self.taken))
