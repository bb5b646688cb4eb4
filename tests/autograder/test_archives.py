"""Archives that are damaged, or made to do harm."""

import stat
import struct
import time
import zipfile
from pathlib import Path
from unittest import mock

from course.autograder.hand_ins import folders
from course.autograder.hand_ins.stage import take
from tests.autograder.small_exam import (
    ACTIVATIONS,
    EXAM,
    FILES,
    LOSSES,
    StageTest,
    zipped,
)

OPEN_FILES = Path("/proc/self/fd")


def n_open_files():
    """The number of files that this process has open; 0 where that cannot be known."""
    return len(list(OPEN_FILES.iterdir())) if OPEN_FILES.exists() else 0


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
        bomb = zipped({LOSSES: b"\0" * 100_000_000})
        self.assertLess(len(bomb), 200_000)
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

    def test_an_inner_bomb_is_not_copied_to_its_end(self):
        file = mock.Mock()
        file.read.return_value = b"\0" * 1_000_000
        with self.assertRaisesRegex(folders.Refused, "larger than 100 MB"):
            folders.temporary(file)
        self.assertEqual(file.read.call_count, 101)

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
        with mock.patch("course.autograder.hand_ins.archives.LARGEST_DIRECTORY", 70_000):
            found = self.take(self.write_zip({f"data/{i:05}.csv": b"" for i in range(2000)}))
        self.assertIn("too many files", found.ignored["hw6.zip"])

    def test_many_files_do_not_take_long(self):
        path = self.write_zip({f"data/{i:05}": b"" for i in range(20_000)} | FILES)
        start = time.process_time()
        self.assertEqual(self.taken(path), FILES)
        self.assertLess(time.process_time() - start, 10)

    def test_temporary_copies_are_closed(self):
        before = n_open_files()
        self.test_damage()
        self.test_an_inner_bomb()
        self.take(self.write_zip({"a.zip": zipped(FILES)}))
        self.assertEqual(n_open_files(), before)
