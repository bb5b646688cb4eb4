import os
import stat
import struct
import tempfile
import time
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from course.autograder import choosing, folders, stage
from course.autograder.stage import HandIn, StageError, is_as_laid, lay, take
from tests.autograder.small_exam import (
    ACTIVATIONS,
    CONV,
    EINSUM,
    LOSSES,
    STARTER,
    small_exam,
    zipped,
)

EXAM = small_exam()
OPEN_FILES = Path("/proc/self/fd")
FILES = {ACTIVATIONS: b"# relu\n", LOSSES: b"# cross-entropy\n", CONV: b"# convolution\n"}


def n_open_files():
    """The number of files that this process has open; 0 where that cannot be known."""
    return len(list(OPEN_FILES.iterdir())) if OPEN_FILES.exists() else 0


class StageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.hand_in = self.folder / "hand_in"
        self.hand_in.mkdir()

    def write(self, files, root=None):
        for name, data in files.items():
            path = (root or self.hand_in) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def write_zip(self, files, name="hw6.zip", **options):
        path = self.folder / name
        path.write_bytes(files if isinstance(files, bytes) else zipped(files, **options))
        return path

    def take(self, path=None):
        return take(path or self.hand_in, EXAM)

    def taken(self, path=None):
        return self.take(path).files


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
            "neural_networks/LAYERS/BASE.py": "its name must be neural_networks/layers/base.py",
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
        self.write({LOSSES: b"another"})
        self.assertNotEqual(self.take().fingerprint, first)
        self.assertEqual(len(first), 64)


class TestFolder(StageTest):
    """Links, devices and sizes in a folder."""

    def setUp(self):
        super().setUp()
        self.write(FILES)
        self.secret = self.folder / "expected.npz"
        self.secret.write_bytes(b"secret")

    def replace(self, name, make):
        (self.hand_in / name).unlink()
        make(self.hand_in / name)

    def check_refused(self, name, reason):
        found = self.take()
        self.assertNotIn(name, found.files)
        self.assertIn(reason, found.ignored[name])
        self.assertIn(name, found.missing)
        self.assertEqual({LOSSES, ACTIVATIONS, CONV} - set(found.files), {name})

    def test_a_link(self):
        self.replace(LOSSES, lambda path: path.symlink_to(self.secret))
        self.check_refused(LOSSES, "a link")

    def test_a_hard_link(self):
        self.replace(LOSSES, lambda path: path.hardlink_to(self.secret))
        self.check_refused(LOSSES, "a hard link")

    def test_a_pipe(self):
        self.replace(LOSSES, os.mkfifo)
        self.check_refused(LOSSES, "no regular file")

    def test_a_linked_folder(self):
        elsewhere = self.folder / "elsewhere"
        (self.hand_in / "neural_networks" / "layers").rename(elsewhere)
        (self.hand_in / "neural_networks" / "layers").symlink_to(elsewhere)
        found = self.take()
        self.assertNotIn(CONV, found.files)
        self.assertIn("a link", found.ignored["neural_networks/layers"])

    def test_links_that_come_after_the_listing_are_not_followed(self):
        source = folders.Folder(self.hand_in)
        self.addCleanup(source.close)
        self.replace(LOSSES, lambda path: path.symlink_to(self.secret))
        (self.hand_in / "neural_networks").rename(self.folder / "moved")
        (self.hand_in / "neural_networks").symlink_to(self.folder / "moved")
        for name in (LOSSES, ACTIVATIONS):
            with self.assertRaises(folders.Refused):
                source.read(name, 100)

    def test_a_large_file(self):
        self.write({LOSSES: b"#" * (stage.LARGEST + 1)})
        self.check_refused(LOSSES, "larger than 1 MB")
        with (self.hand_in / LOSSES).open("wb") as file:
            file.truncate(2**31)  # of zeros, none on the disk
        self.check_refused(LOSSES, "larger than 1 MB")

    def test_all_files_together(self):
        for i in range(11):
            self.write({f"neural_networks/m{i:02}.py": b"#" * stage.LARGEST})
        found = self.take()
        self.assertLessEqual(sum(map(len, found.files.values())), stage.LARGEST_SUM)
        self.assertEqual({name: found.files[name] for name in FILES}, FILES)
        self.assertIn("together", found.ignored["neural_networks/m10.py"])

    def test_many_modules(self):
        self.write({f"neural_networks/m{i}.py": b"" for i in range(stage.MOST_FILES)})
        found = self.take()
        self.assertEqual(len(found.files), stage.MOST_FILES)
        self.assertIn("more than 300 files", "".join(found.ignored.values()))

    def test_many_entries(self):
        with mock.patch.object(folders, "MOST_ENTRIES", 50):
            self.write({f"data/{i}.csv": b"" for i in range(60)})
            found = self.take()
        self.assertEqual(found.files, FILES)
        self.assertEqual(found.ignored, {"data/": "too many files or folders to look at"})

    def test_many_files_do_not_take_long(self):
        for i in range(5):
            (self.hand_in / f"data{i}").mkdir()
            for j in range(1000):
                (self.hand_in / f"data{i}" / f"{j}").touch()
        start = time.monotonic()
        self.assertEqual(self.take().files, FILES)
        self.assertLess(time.monotonic() - start, 5)

    def test_deep_folders(self):
        deep = "/".join(["d"] * (folders.MOST_DEPTH + 2))
        self.write({f"{deep}/activations.py": b""})
        found = self.take()
        self.assertEqual(found.files, FILES)
        self.assertIn("too many files or folders", "".join(found.ignored.values()))

    def test_a_virtual_environment(self):
        self.write(
            {"env/pyvenv.cfg": b"", "env/lib/neural_networks/losses.py": b"", "env/a.py": b""}
        )
        self.assertEqual(self.take().ignored, {"env/": "a virtual environment"})

    def test_a_file_that_cannot_be_read(self):
        opened_at = folders.opened_at

        def denied(name, folder):
            if name == "losses.py":
                raise PermissionError(13, "Permission denied")
            return opened_at(name, folder)

        with mock.patch.object(folders, "opened_at", denied):  # root can read all
            self.check_refused(LOSSES, "cannot be read: Permission denied")

    def test_without_descriptors_of_folders(self):
        with mock.patch.object(folders, "_HAS_DESCRIPTORS", False):  # as on Windows
            self.assertEqual(self.taken(), FILES)
            self.test_a_link()
            self.test_links_that_come_after_the_listing_are_not_followed()


class TestArchive(StageTest):
    """Archives that are damaged, or made to do harm."""

    def check_refused(self, files, reason, name=LOSSES):
        found = self.take(self.write_zip(files))
        self.assertNotIn(name, found.files)
        self.assertIn(reason, found.ignored[name])

    def member(self, name=LOSSES, mode=0o100644, **values):
        info = zipfile.ZipInfo(name)
        info.external_attr, info.create_system = mode << 16, 3
        info.compress_type = zipfile.ZIP_DEFLATED
        for key, value in values.items():
            setattr(info, key, value)
        return info

    def patched(self, signature, offset, value, files=FILES):
        data = bytearray(zipped(files))
        start = -1
        while (start := data.find(signature, start + 1)) >= 0:
            struct.pack_into("<H", data, start + offset, value)
        return bytes(data)

    def test_a_link(self):
        link = (self.member(mode=stat.S_IFLNK | 0o777), b"/etc/passwd")
        self.check_refused([link], "a link")

    def test_a_device(self):
        self.check_refused([(self.member(mode=stat.S_IFCHR | 0o666), b"")], "no regular file")

    def test_names_that_leave_the_folder(self):
        for name in (f"../{LOSSES}", f"/{LOSSES}", f"a/../{LOSSES}", f"C:/{LOSSES}"):
            with self.subTest(name):
                found = self.take(self.write_zip({name: b"1", ACTIVATIONS: b"2"}))
                self.assertEqual(found.files, {ACTIVATIONS: b"2"})
                self.assertIn("leaves the archive's folder", found.ignored[name])

    def test_names_with_newlines_and_backslashes(self):
        name = "neural_networks\\losses.py"
        found = self.take(self.write_zip({name: b"1", "losses\n.py": b"2", ACTIVATIONS: b"3"}))
        self.assertEqual(found.files, {ACTIVATIONS: b"3"})
        self.assertEqual(found.ignored[name], "its name has a backslash")
        self.assertIn("cannot be printed", found.ignored["losses .py"])

    def test_a_name_with_a_nul(self):
        data = zipped({f"{LOSSES}?.txt": b"1", ACTIVATIONS: b"2"}).replace(b".py?.", b".py\0.")
        self.check_refused(data, "its name has a NUL")

    def test_a_name_twice(self):
        self.check_refused([(LOSSES, b"1"), (LOSSES, b"2")], "twice")

    def test_case_twins(self):
        twin = "neural_networks/Losses.py"
        found = self.take(self.write_zip({LOSSES: b"1", twin: b"2"}))
        self.assertEqual(found.files, {LOSSES: b"1"})
        self.assertIn(f"its name must be {LOSSES}", found.ignored[twin])

    def test_an_encrypted_file(self):
        self.check_refused(self.patched(b"PK\x01\x02", 8, 1), "encrypted")

    def test_other_compression(self):
        for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            files = [(self.member(compress_type=kind), b"1" * 1000), (ACTIVATIONS, b"2")]
            self.check_refused(files, "compressed in a way")
        self.check_refused(self.patched(b"PK\x01\x02", 10, 99), "compressed in a way")

    def test_a_bomb(self):
        bomb = zipped({LOSSES: b"\0" * 300_000_000})
        self.assertLess(len(bomb), 400_000)
        self.check_refused(bomb, "larger than 1 MB")

    def test_sizes_are_not_believed(self):
        data = bytearray(zipped({LOSSES: b"#" * 2_000_000}))
        for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            struct.pack_into("<I", data, data.find(signature) + offset, 10)
        self.check_refused(bytes(data), "damaged")

    def test_an_inner_bomb(self):
        with mock.patch.object(folders, "LARGEST_ARCHIVE", 1_000_000):
            found = self.take(self.write_zip({"a.zip": b"\0" * 5_000_000}))
        self.assertEqual(found.ignored, {"a.zip": "larger than 1 MB"})

    def test_damage(self):
        whole = zipped(FILES)
        inside = 30 + len(ACTIVATIONS)  # behind the header of the first file
        for data in (b"", b"PK", whole[:-30], whole[: len(whole) // 2], b"PK" * 999):
            with self.subTest(data[:20]):
                found = self.take(self.write_zip(data))
                self.assertEqual(found.files, {})
                self.assertIn("no zip archive", found.ignored["hw6.zip"])
        broken = whole[:inside] + b"\xff\xff" + whole[inside + 2 :]
        self.check_refused(broken, "damaged in the archive", name=ACTIVATIONS)

    def test_any_damaged_byte_is_survived(self):
        whole = zipped({LOSSES: b"# cross-entropy\n" * 9, ACTIVATIONS: b"1"})
        path = self.write_zip(whole)
        for place in range(len(whole)):
            for value in (0, 255):
                path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
                found = take(path, EXAM)
                self.assertLessEqual(found.files.keys(), {LOSSES, ACTIVATIONS})

    def test_a_damaged_archive_within(self):
        found = self.take(self.write_zip({"a.zip": b"PK nothing"}))
        self.assertIn("no zip archive", found.ignored["a.zip"])

    def test_too_many_files(self):
        with mock.patch("course.autograder.archives.LARGEST_DIRECTORY", 70_000):
            found = self.take(self.write_zip({f"data/{i:05}.csv": b"" for i in range(2000)}))
        self.assertIn("too many files", found.ignored["hw6.zip"])

    def test_many_files_do_not_take_long(self):
        path = self.write_zip({f"data/{i:05}": b"" for i in range(20_000)} | FILES)
        start = time.monotonic()
        self.assertEqual(self.taken(path), FILES)
        self.assertLess(time.monotonic() - start, 10)

    def test_temporary_copies_are_closed(self):
        before = n_open_files()
        self.test_damage()
        self.test_an_inner_bomb()
        self.take(self.write_zip({"a.zip": zipped(FILES)}))
        self.assertEqual(n_open_files(), before)


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
