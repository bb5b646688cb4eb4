"""Downloads: resuming, interrupts, disk space, locks, progress."""

import contextlib
import errno
import io
import os
import re
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

from tqdm import tqdm

from neural_networks.datasets.files import download
from neural_networks.datasets.files.download import DownloadError, fetch
from tests.support import file_server
from tests.support.downloads import CHUNK, CONTENT, OTHER, SIZE, DownloadTest, after_some_chunks


class TestResuming(DownloadTest):
    """Downloads that resume a ``.part``: the first byte of each request, and the result."""

    def resumes(self, part, answer, *starts):
        self.put(part, self.part)
        self.silently(self.file(answer))
        self.is_whole()
        self.assertEqual(self.ranges_asked(), list(starts))

    def test_from_the_last_byte(self):
        self.resumes(CONTENT[:-1], file_server.ranges(CONTENT), len(CONTENT) - 1)

    def test_from_the_start_if_ranges_are_ignored(self):
        self.resumes(CONTENT[:1000], file_server.whole(CONTENT), 1000)

    def test_from_the_start_after_another_range(self):
        last, size = len(CONTENT) - 1, len(CONTENT)
        for told in (
            f"bytes 0-{last}/{size}",
            f"bytes 1000-{last}/{size + 1}",
            f"bytes 1000-{last - 1}/{size}",
            None,
        ):
            with self.subTest(told=told):
                self.server.requests.clear()
                self.path.unlink(missing_ok=True)
                other = file_server.status(206, CONTENT[1000:], Content_Range=told)
                whole = file_server.whole(CONTENT)
                self.resumes(CONTENT[:1000], file_server.one_after_the_other(other, whole), 1000, 0)

    def test_from_the_start_after_too_many_bytes(self):
        self.resumes(CONTENT + b"1", file_server.ranges(CONTENT), 0)

    def test_from_the_start_after_a_wrong_beginning(self):
        self.resumes(OTHER[:1000], file_server.ranges(CONTENT), 1000, 0)

    def test_a_complete_part(self):
        self.resumes(CONTENT, file_server.ranges(CONTENT))

    def test_a_complete_but_wrong_part(self):
        self.resumes(OTHER, file_server.ranges(CONTENT), 0)

    def test_a_wrong_file_is_requested_once(self):
        self.put(CONTENT[:1000], self.part)
        self.failure(self.file(file_server.whole(OTHER)))
        self.assertEqual(self.ranges_asked(), [1000])
        self.is_empty()

    def test_bad_addresses_leave_the_part(self):
        self.put(CONTENT[:1000], self.part)
        answers = [
            file_server.page(),
            file_server.status(404),
            file_server.status(503),
            file_server.status(204),
        ]
        shorter = [file_server.ranges(CONTENT[:500]), file_server.whole(b"short")]
        message = self.failure(self.file(*answers, *shorter))
        self.part_is(1000)
        self.assertIn("    416 Requested Range Not Satisfiable\n", message)
        self.assertEqual(self.ranges_asked(), [1000] * 8)  # three for the busy server
        self.assertIn(f"1,000 of {SIZE} bytes are kept", message)


class TestInterrupt(DownloadTest):
    """Ctrl-C keeps the bytes received, with a message."""

    def interrupted(self):
        self.assertRaises(KeyboardInterrupt, self.fetch, self.good())
        self.assertEqual(self.out, "")

    def kept(self, have):
        self.part_is(have)
        self.assertEqual(
            self.err,
            f"\n{have:,} of {SIZE} bytes are kept in {self.part}: "
            "the same command resumes from there.\n",
        )

    def test_in_the_middle(self):
        with after_some_chunks(KeyboardInterrupt(), 2):
            self.interrupted()
        self.kept(2 * CHUNK)
        self.silently(self.good())
        self.is_whole()
        self.assertEqual(self.ranges_asked(), [0, 2 * CHUNK])

    def test_before_the_first_byte(self):
        with after_some_chunks(KeyboardInterrupt(), 0):
            self.interrupted()
        self.is_empty()
        self.assertEqual(self.err, "")

    def test_during_the_check(self):
        with mock.patch.object(download, "_sha256", side_effect=KeyboardInterrupt):
            self.interrupted()
        self.kept(len(CONTENT))

    def test_during_a_wait(self):
        self.sleep.side_effect = KeyboardInterrupt
        self.put(CONTENT[:7], self.part)
        self.assertRaises(KeyboardInterrupt, self.fetch, self.file(file_server.status(503)))
        self.kept(7)


class TestSpace(DownloadTest):
    def with_free(self, free):
        usage = mock.Mock(free=free)
        return mock.patch.object(download.shutil, "disk_usage", return_value=usage)

    def test_too_little_space(self):
        files = [self.good(name="a"), self.good(name="b")]
        with self.with_free(2 * len(CONTENT) - 1):
            message = self.failure(*files)
        self.assertEqual(
            message,
            f"{2 * len(CONTENT):,} bytes are needed in {self.folder}, "
            f"but only {2 * len(CONTENT) - 1:,} are free",
        )
        self.is_empty()
        self.assertEqual(self.asked(), [])

    def test_enough_space(self):
        self.put(b"mine")
        self.put(CONTENT[:1000], self.folder / "b.part")
        with self.with_free(len(CONTENT) - 1000):
            self.fetch(self.good(), self.good(name="b"))
        self.assertEqual((self.folder / "b").read_bytes(), CONTENT)

    def test_space_on_the_disk_of_the_folder(self):
        with self.with_free(len(CONTENT)) as usage:
            self.fetch(self.good())
        usage.assert_called_once_with(self.folder)

    def test_a_disk_that_fills_up(self):
        for number in (errno.ENOSPC, errno.EDQUOT):
            with self.subTest(number=number):
                self.server.requests.clear()
                file = self.file(file_server.whole(CONTENT), file_server.whole(CONTENT))
                with after_some_chunks(OSError(number, os.strerror(number)), 2):
                    message = self.failure(file)
                self.assertRegex(message, f"^no space left in {self.folder}: data.bin has {SIZE} ")
                self.is_empty()
                self.assertEqual(len(self.asked()), 1)

    @unittest.skipUnless(Path("/dev/full").exists(), "there is no /dev/full")
    def test_a_full_disk_reported_by_the_system(self):
        opened, real = [], Path.open

        def full(path, mode="r", **options):
            if path == self.part and mode != "rb":
                real(path, mode).close()
                opened.append(mode)
                return real(Path("/dev/full"), mode)
            return real(path, mode, **options)

        with mock.patch.object(Path, "open", full):
            self.assertIn("no space left", self.failure(self.good()))
        self.assertEqual(opened, ["wb"])
        self.is_empty()

    def test_other_errors_keep_the_part(self):
        file = self.file(file_server.whole(CONTENT), file_server.whole(CONTENT))
        with after_some_chunks(OSError(errno.EIO, "Input/output error"), 2):
            message = self.failure(file)
        self.assertEqual(message, f"cannot write {self.part}: Input/output error")
        self.part_is(2 * CHUNK)
        self.assertEqual(len(self.asked()), 1)


class TestFolder(DownloadTest):
    def refused(self, message):
        self.assertEqual(self.failure(self.good()), message)
        self.assertEqual(self.asked(), [])

    def test_a_file_with_the_name_of_the_folder(self):
        self.folder.parent.mkdir()
        self.folder.write_text("a file")
        self.refused(f"cannot write in {self.folder}: File exists")
        self.assertEqual(self.folder.read_text(), "a file")

    def test_a_file_above_it(self):
        self.folder.parent.write_text("a file")
        self.refused(f"cannot write in {self.folder}: Not a directory")

    def test_without_permission(self):
        self.folder.mkdir(parents=True)
        with mock.patch.object(os, "access", return_value=False) as access:
            self.refused(f"cannot write in {self.folder}: Permission denied")
        access.assert_called_once_with(self.folder, os.W_OK | os.X_OK)
        self.is_empty()

    def test_without_permission_to_read(self):
        denied = PermissionError(errno.EACCES, "Permission denied")
        with mock.patch.object(os, "open", side_effect=denied):
            self.refused(f"cannot read {self.folder}: Permission denied")


SCRIPT = """
import sys
from pathlib import Path
from neural_networks.datasets.files.catalogue import RemoteFile
from neural_networks.datasets.files.download import fetch
name, address, size, sha256, folder = sys.argv[1:]
fetch([RemoteFile(name, [address], int(size), sha256)], Path(folder))
"""


class TestTwoDownloads(DownloadTest):
    def setUp(self):
        super().setUp()
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.slow = self.file(file_server.slow(CONTENT, self.go_on))

    def wait_for_half(self):
        """Wait until the ``.part`` contains all whole chunks of the first half."""
        half = len(CONTENT) // 2 // CHUNK * CHUNK
        end = time.monotonic() + 30
        while not self.part.exists() or self.part.stat().st_size < half:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.005)

    def test_the_second_download_changes_nothing(self):
        first = threading.Thread(target=fetch, args=([self.slow], self.folder))
        first.start()
        self.addCleanup(first.join)
        self.addCleanup(self.go_on.set)
        self.wait_for_half()
        message = self.failure(self.slow, self.good(name="other"))
        self.assertEqual(message, f"another download into {self.folder} is running")
        self.assertEqual(len(self.asked()), 1)
        self.assertEqual(self.names(), ["data.bin.part"])
        self.go_on.set()
        first.join()
        self.is_whole()
        self.silently(self.slow, self.good(name="other"))

    def test_in_another_folder(self):
        self.folder.mkdir(parents=True)
        with download._folder_lock(self.folder):
            self.fetch(self.good(), folder=self.root / "other")
        self.is_empty()

    def test_the_lock_ends_with_a_failure(self):
        for answer in (file_server.page(), file_server.status(404), file_server.whole(CONTENT)):
            with contextlib.suppress(DownloadError):
                self.fetch(self.file(answer))
        self.is_whole()

    def test_the_lock_ends_with_a_killed_process(self):
        file, code = self.slow, [sys.executable, "-c", SCRIPT]
        arguments = [file.name, file.addresses[0], str(file.size), file.sha256, str(self.folder)]
        process = subprocess.Popen(
            code + arguments, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_for_half()
        self.assertIn("another download", self.failure(self.good()))
        process.kill()
        process.wait()
        self.assertEqual(self.names(), ["data.bin.part"])
        self.silently(self.good())
        self.is_whole()

    def test_without_locks(self):
        with mock.patch.object(download, "fcntl", None):
            self.silently(self.good())
        self.is_whole()

    def test_on_a_disk_without_locks(self):
        none = OSError(errno.ENOLCK, "No locks available")
        with mock.patch.object(download.fcntl, "flock", side_effect=none) as flock:
            self.silently(self.good())
        flock.assert_called_once()
        self.is_whole()

    def test_another_download_has_just_ended(self):
        def lock(*_):
            self.put(CONTENT)

        with mock.patch.object(download.fcntl, "flock", lock):
            self.silently(self.good())
        self.is_whole()
        self.assertEqual(self.asked(), [])


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Recorded(tqdm):
    """A bar that is recorded when it is closed."""

    bars: tuple = ()

    def close(self):
        if not self.disable:
            Recorded.bars += ((self.desc.removesuffix(": "), self.initial, self.n, self.total),)
        super().close()


class TestProgress(DownloadTest):
    def shown(self, *files):
        """The output on a terminal."""
        terminal = Terminal()
        with contextlib.redirect_stderr(terminal):
            fetch(files, self.folder)
        return terminal.getvalue()

    def bars(self, *files):
        """Name, start, end and expected end of each bar."""
        Recorded.bars = ()
        with mock.patch.object(download, "tqdm", Recorded):
            self.shown(*files)
        return list(Recorded.bars)

    def test_it_counts_bytes(self):
        all_of_it = (0, len(CONTENT), len(CONTENT))
        both = [("data.bin", *all_of_it), ("checking data.bin", *all_of_it)]
        self.assertEqual(self.bars(self.good()), both)
        self.assertEqual(self.bars(self.good()), both[1:])

    def test_it_starts_at_the_resumed_byte(self):
        self.put(CONTENT[:1000], self.part)
        bars = self.bars(self.good())
        self.assertEqual(bars[0], ("data.bin", 1000, len(CONTENT), len(CONTENT)))

    def test_it_starts_at_zero_if_ranges_are_ignored(self):
        self.put(CONTENT[:1000], self.part)
        bars = self.bars(self.file(file_server.whole(CONTENT)))
        self.assertEqual(bars[0], ("data.bin", 0, len(CONTENT), len(CONTENT)))

    def test_it_fits_the_terminal(self):
        name = "train-images-of-a-long-name.gz"
        for columns in (100, 60):
            with self.subTest(columns), mock.patch.dict(os.environ, COLUMNS=str(columns)):
                shown = self.shown(self.good(name=f"{columns}-{name}"))
                lines = re.split(r"[\r\n]", shown)
                self.assertGreater(len(lines), 3)
                self.assertIn(f"{columns}-{name}: ", shown)
                self.assertLess(max(map(len, lines)), min(columns, 80))

    def test_it_leaves_nothing_on_the_terminal(self):
        shown = self.shown(self.good())
        self.assertNotIn("\n", shown)
        self.assertIn("/42.2k ", shown)
        self.assertEqual(shown.split("\r")[-2].strip(), "")
        self.assertEqual(shown.split("\r")[-1], "")


if __name__ == "__main__":
    unittest.main()
