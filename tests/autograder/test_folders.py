"""Links, devices and sizes in a folder that is handed in."""

import os
import time
from unittest import mock

from course.autograder.hand_ins import folders, stage
from tests.autograder.small_exam import (
    ACTIVATIONS,
    CONV,
    FILES,
    LOSSES,
    StageTest,
)


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
        self.replace(CONV, os.mkfifo)
        with self.assertRaisesRegex(folders.Refused, "no regular file"):
            source.read(CONV, 100)
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
            for j in range(400):
                (self.hand_in / f"data{i}" / f"{j}").touch()
        start = time.process_time()
        self.assertEqual(self.take().files, FILES)
        self.assertLess(time.process_time() - start, 5)

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
