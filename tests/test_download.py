"""Files are downloaded once, checked, and there whole or not at all, whatever a server does."""

import contextlib
import errno
import gzip
import hashlib
import io
import os
import re
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pooch
from tqdm import tqdm

from neural_networks.datasets import download
from neural_networks.datasets.catalogue import RemoteFile
from neural_networks.datasets.download import DownloadError, fetch
from tests import server
from tests.helpers import InFolder

CHUNK = 2**13
CONTENT = np.random.default_rng(0).bytes(5 * CHUNK + 1234)
OTHER = np.random.default_rng(1).bytes(len(CONTENT))
SIZE = f"{len(CONTENT):,}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def after_some_chunks(error: BaseException, chunks: int):
    """Let downloads fail in this way when so many chunks have come."""
    write, left = download._Transfer.write, [chunks]

    def failing(self, chunk):
        if left[0] == 0:
            raise error
        left[0] -= 1
        write(self, chunk)

    return mock.patch.object(download._Transfer, "write", failing)


class DownloadTest(InFolder):
    """A test with a server, and a folder that does not exist yet."""

    def setUp(self):
        super().setUp()
        self.folder = self.root / "Daten für alle" / "δ"
        self.path = self.folder / "data.bin"
        self.part = self.folder / "data.bin.part"
        self.server = self.enterContext(server.Server())
        self.enterContext(mock.patch.dict(os.environ, {"no_proxy": "*", "COLUMNS": "100"}))
        self.sleep = self.enterContext(mock.patch.object(download.time, "sleep"))

    def file(self, *answers, name="data.bin", content=CONTENT):
        """A file whose addresses answer so, at /data.bin/0, /data.bin/1 and so on."""
        addresses = [
            answer if isinstance(answer, str) else self.server.address(f"{name}/{n}", answer)
            for n, answer in enumerate(answers)
        ]
        return RemoteFile(name, addresses, len(content), sha256(content))

    def good(self, **options):
        return self.file(server.ranges(CONTENT), **options)

    def fetch(self, *files, folder=None):
        """Fetch; the paths. What was printed is in ``self.out`` and ``self.err``."""
        out, err = io.StringIO(), io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                return fetch(files, folder or self.folder)
        finally:
            self.out, self.err = out.getvalue(), err.getvalue()

    def silently(self, *files):
        paths = self.fetch(*files)
        self.assertEqual(self.out + self.err, "")
        return paths

    def failure(self, *files):
        """Fetch, which must fail; the message."""
        with self.assertRaises(DownloadError) as caught:
            self.fetch(*files)
        self.assertEqual(self.out + self.err, "")
        return str(caught.exception)

    def put(self, content, path=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        (path or self.path).write_bytes(content)

    def names(self):
        """What is in the folder."""
        return sorted(path.name for path in self.folder.iterdir())

    def is_whole(self):
        """The file is there, and nothing else."""
        self.assertEqual(self.names(), ["data.bin"])
        self.assertEqual(self.path.read_bytes(), CONTENT)

    def is_empty(self):
        self.assertEqual(self.names(), [])

    def part_is(self, length):
        """There is the beginning of the file, and nothing else."""
        self.assertEqual(self.names(), ["data.bin.part"])
        self.assertEqual(self.part.read_bytes(), CONTENT[:length])

    def ranges_asked(self):
        """The first byte of each request."""
        starts = [re.findall(r"bytes=(\d+)-", asked or "bytes=0-") for _, asked in self.asked()]
        return [int(start) for (start,) in starts]

    def asked(self):
        return self.server.requests


class TestDownload(DownloadTest):
    def test_a_file(self):
        self.assertEqual(self.silently(self.good()), [self.path])
        self.is_whole()
        self.assertEqual(self.asked(), [("/data.bin/0", None)])

    def test_everybody_may_read_it(self):
        self.silently(self.good())
        plain = self.root / "plain"
        plain.touch()
        self.assertEqual(self.path.stat().st_mode, plain.stat().st_mode)

    def test_files_that_are_there_are_not_fetched(self):
        files = [self.good(name=name) for name in ("a", "b", "c")]
        self.assertEqual(self.silently(files[1]), [self.folder / "b"])
        self.server.requests.clear()
        self.assertEqual(self.silently(*files), [self.folder / name for name in "abc"])
        self.assertEqual([path for path, _ in self.asked()], ["/a/0", "/c/0"])
        self.silently(*files)
        self.assertEqual(len(self.asked()), 2)

    def test_a_relative_folder(self):
        folder = Path(os.path.relpath(self.folder))
        self.assertEqual(self.fetch(self.good(), folder=folder), [Path.cwd() / folder / "data.bin"])
        self.is_whole()

    def test_a_redirection(self):
        there = self.server.address("elsewhere", server.whole(CONTENT))
        self.silently(self.file(server.redirect(there)))
        self.is_whole()
        self.assertEqual([path for path, _ in self.asked()], ["/data.bin/0", "/elsewhere"])

    def test_a_server_that_does_not_tell_the_length(self):
        self.silently(self.file(server.whole(CONTENT, Content_Length=None)))
        self.is_whole()

    def test_a_compressed_file_is_not_unpacked(self):
        packed = gzip.compress(CONTENT)
        for encoding in ("gzip", "x-gzip"):
            answer = server.whole(packed, Content_Type="text/csv", Content_Encoding=encoding)
            (path,) = self.silently(self.file(answer, name=encoding, content=packed))
            self.assertEqual(path.read_bytes(), packed)

    def test_it_asks_for_what_is_not_compressed_on_its_way(self):
        seen = []

        def answer(handler):
            seen.append(handler.headers["Accept-Encoding"])
            handler.send(200, CONTENT)

        self.silently(self.file(answer))
        self.assertEqual(seen, ["identity"])

    def test_html_that_is_the_file(self):
        self.silently(self.file(server.whole(CONTENT, Content_Type="text/html")))
        self.is_whole()

    def test_pooch_logs_nothing(self):
        with self.assertNoLogs(pooch.get_logger()):
            self.silently(self.file(server.status(404), server.whole(CONTENT)))


class TestFilesThatAreThere(DownloadTest):
    def used(self, content, file=None):
        """This file must be used as it is; what was printed."""
        self.put(content)
        os.utime(self.path, ns=(1, 2))
        self.assertEqual(self.fetch(file or self.good()), [self.path])
        self.assertEqual(self.path.read_bytes(), content)
        self.assertEqual(self.path.stat().st_mtime_ns, 2)
        self.assertEqual(self.names(), ["data.bin"])
        self.assertEqual((self.asked(), self.err), ([], ""))
        return self.out

    def test_the_publishers(self):
        self.assertEqual(self.used(CONTENT), "")

    def test_another_size(self):
        with mock.patch.object(download, "_sha256", side_effect=AssertionError("not needed")):
            out = self.used(b"mine")
        self.assertEqual(
            out,
            f"{self.path} is not the publisher's file (it has 4 bytes, not {SIZE}); "
            "it is used all the same.\n",
        )

    def test_another_content(self):
        self.assertEqual(
            self.used(OTHER),
            f"{self.path} is not the publisher's file (its sha256 is {sha256(OTHER)[:8]}…, not "
            f"{sha256(CONTENT)[:8]}…); it is used all the same.\n",
        )

    def test_it_stays_when_another_file_is_fetched(self):
        self.put(b"mine")
        self.fetch(self.good(), self.good(name="other"))
        self.assertEqual(self.path.read_bytes(), b"mine")
        self.assertEqual(self.names(), ["data.bin", "other"])

    def test_a_folder_that_may_not_be_written_to(self):
        with mock.patch.object(os, "access", return_value=False):
            self.assertEqual(self.used(CONTENT), "")

    def test_while_another_download_is_running(self):
        self.put(CONTENT)
        with download._alone_in(self.folder):
            self.assertEqual(self.used(CONTENT), "")

    def test_a_link_to_a_file(self):
        self.put(CONTENT, self.root / "original")
        self.path.symlink_to(self.root / "original")
        self.silently(self.good())
        self.assertTrue(self.path.is_symlink())

    def test_what_is_no_file(self):
        self.folder.mkdir(parents=True)
        for path in (self.path, self.part):
            for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")):
                with self.subTest(path=path.name, make=make):
                    make(path)
                    before = path.lstat()
                    self.assertEqual(self.failure(self.good()), f"{path} is no regular file")
                    self.assertEqual(path.lstat().st_ino, before.st_ino)
                    self.assertEqual(self.names(), [path.name])
                    (path.rmdir if path.is_dir() else path.unlink)()
        self.assertEqual(self.asked(), [])

    def test_what_cannot_be_read(self):
        self.put(CONTENT)
        denied = PermissionError(errno.EACCES, "Permission denied")
        with mock.patch.object(Path, "open", side_effect=denied):
            self.assertEqual(
                self.failure(self.good()), f"cannot read {self.path}: {denied.strerror}"
            )
        with mock.patch.object(Path, "is_file", side_effect=denied):
            message = self.failure(self.good())
        self.assertEqual(message, f"cannot look for {self.path}: {denied.strerror}")


def hang_up(handler):
    """Close the connection without an answer."""
    handler.close_connection = True


def unused_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


class TestAddresses(DownloadTest):
    """What may be wrong with an address, in the message's words; then the next one is tried."""

    def fails(self, answer, reason, requests=1, left=()):
        """An address that answers so is given up for this reason, after so many requests."""
        self.folder.mkdir(parents=True)
        bad = self.file(answer)
        lines = self.failure(bad).splitlines()
        self.assertEqual(lines[0], "data.bin cannot be downloaded:")
        self.assertEqual(lines[1], f"  {bad.addresses[0]}")
        self.assertRegex(lines[2], f"^    {reason}$")
        self.assertEqual(len(self.asked()), requests)
        self.assertEqual(self.names(), list(left))
        self.silently(self.file(answer, server.ranges(CONTENT)))
        self.assertEqual(self.asked()[-1][0], "/data.bin/1")
        self.is_whole()

    def test_no_such_file(self):
        self.fails(server.status(404, b"<html>", Content_Type="text/html"), "404 Not Found")

    def test_a_page(self):
        self.fails(server.page(), "the answer is an HTML page")

    def test_a_page_of_unknown_length(self):
        answer = server.whole(OTHER, Content_Type="text/HTML", Content_Length=None)
        self.fails(answer, "the answer is an HTML page")

    def test_another_length(self):
        reason = f"the answer has {len(CONTENT) + 1} bytes, not {len(CONTENT)}"
        self.fails(server.whole(CONTENT + b"1"), reason)

    def test_too_much_of_unknown_length(self):
        answer = server.whole(CONTENT + OTHER, Content_Length=None)
        self.fails(answer, f"the answer has more than {len(CONTENT)} bytes")

    def test_another_content(self):
        reason = f"sha256 is {sha256(OTHER)}, not {sha256(CONTENT)}"
        self.fails(server.whole(OTHER), reason)

    def test_nothing(self):
        self.fails(server.status(204), "204 No Content")

    def test_an_answer_that_breaks_off(self):
        answer = server.cut_off(CONTENT, after=3 * CHUNK)
        reason = f"broke off after {3 * CHUNK:,} of {SIZE} bytes"
        self.fails(answer, reason, requests=3, left=["data.bin.part"])

    def test_an_answer_that_breaks_off_at_once(self):
        answer = server.cut_off(CONTENT, after=0)
        self.fails(answer, f"broke off after 0 of {SIZE} bytes", requests=3)

    def test_an_answer_of_unknown_length_that_breaks_off(self):
        answer = server.cut_off(CONTENT, after=CHUNK, Content_Length=None)
        reason = f"broke off after {CHUNK:,} of {SIZE} bytes"
        self.fails(answer, reason, requests=3, left=["data.bin.part"])

    def test_a_server_that_is_busy(self):
        self.fails(server.status(503), "503 Service Unavailable", requests=3)
        self.assertEqual(self.sleep.mock_calls, [mock.call(1), mock.call(2)] * 2)

    def test_a_server_that_hangs_up(self):
        self.fails(hang_up, "Remote end closed connection without response")

    def test_a_server_that_is_not_running(self):
        address = f"http://127.0.0.1:{unused_port()}/data.bin"
        self.fails(address, "Connection refused", requests=0)

    def test_a_server_that_nobody_knows(self):
        real = socket.getaddrinfo
        unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        def look_up(host, *arguments, **options):
            if host == "nobody.example":
                raise unknown
            return real(host, *arguments, **options)

        with mock.patch.object(socket, "getaddrinfo", look_up):
            self.fails("http://nobody.example/data.bin", unknown.strerror, requests=0)

    def test_addresses_that_are_none(self):
        self.fails("http:///data.bin", ".*No host supplied", requests=0)

    def test_a_redirection_without_end(self):
        answer = server.redirect(f"http://127.0.0.1:{self.server.server_port}/data.bin/0")
        self.fails(answer, "Exceeded 30 redirects.", requests=31)

    def test_servers_that_are_too_slow(self):
        never = threading.Event()
        self.addCleanup(never.set)
        self.enterContext(mock.patch.object(download, "TIMEOUTS", (5, 0.1)))
        self.fails(lambda handler: never.wait(10), "timed out")

    def test_servers_that_fall_asleep(self):
        never = threading.Event()
        self.addCleanup(never.set)
        self.enterContext(mock.patch.object(download, "TIMEOUTS", (5, 0.1)))
        self.enterContext(mock.patch.object(download, "RETRIES", 0))
        answer = server.slow(CONTENT[: 4 * CHUNK] + CONTENT, threading.Event(), never)
        with mock.patch.object(download._Transfer, "_check_length"):
            have = (len(CONTENT) + 4 * CHUNK) // 2 // CHUNK * CHUNK
            message = self.failure(self.file(answer))
        self.assertIn(f"    broke off after {have:,} of {SIZE} bytes\n", message)

    def test_how_long_it_waits_for_answers(self):
        with mock.patch.object(pooch, "HTTPDownloader", side_effect=KeyboardInterrupt) as made:
            self.assertRaises(KeyboardInterrupt, self.fetch, self.good())
        self.assertEqual(made.call_args.kwargs["timeout"], (10, 30))

    def test_while_another_error_is_handled(self):
        file = self.file(f"http://127.0.0.1:{unused_port()}/data.bin")
        try:
            raise FileNotFoundError(errno.ENOENT, "the file that was to be downloaded")
        except FileNotFoundError:
            self.assertIn("\n    Connection refused\n", self.failure(file))


class TestTryingAgain(DownloadTest):
    def test_a_server_that_was_busy(self):
        for code in (429, 500, 502, 503, 504):
            with self.subTest(code=code):
                self.server.requests.clear()
                self.sleep.reset_mock()
                busy = server.one_after_the_other(server.status(code), server.whole(CONTENT))
                self.silently(self.file(busy, name=str(code)))
                self.assertEqual(len(self.asked()), 2)
                self.sleep.assert_called_once_with(download.WAIT)

    def test_as_often_as_the_constant_says(self):
        for retries in (0, 1, 4):
            self.server.requests.clear()
            with mock.patch.object(download, "RETRIES", retries):
                self.failure(self.file(server.status(503), server.status(503)))
            self.assertEqual(len(self.asked()), 2 * (retries + 1))

    def test_an_answer_that_broke_off_goes_on(self):
        cut = server.cut_off(CONTENT, after=2 * CHUNK + 100)
        self.silently(self.file(server.one_after_the_other(cut, server.ranges(CONTENT))))
        self.is_whole()
        self.assertEqual(self.ranges_asked(), [0, 2 * CHUNK])

    def test_another_address_goes_on(self):
        cut = server.cut_off(CONTENT, after=2 * CHUNK)
        self.enterContext(mock.patch.object(download, "RETRIES", 0))
        self.silently(self.file(cut, server.status(404), server.ranges(CONTENT)))
        self.is_whole()
        self.assertEqual(self.ranges_asked(), [0, 2 * CHUNK, 2 * CHUNK])


class TestMessage(DownloadTest):
    def test_all_of_it(self):
        file = self.file(server.status(404), server.page())
        first, second = file.addresses
        self.assertEqual(
            self.failure(file),
            f"""data.bin cannot be downloaded:
  {first}
    404 Not Found
  {second}
    the answer is an HTML page
To do it by hand, with a browser,
  fetch      {first}
  or         {second}
             ({SIZE} bytes, sha256 {sha256(CONTENT)})
  put it at  {self.path}
and run the same command again.""",
        )

    def test_the_files_that_are_missing_still(self):
        files = [self.good(name="a"), self.file(server.page(), name="b"), self.good(name="c")]
        message = self.failure(*files)
        self.assertTrue(message.startswith("b cannot be downloaded:\n"), message)
        places = re.findall(r"put it at  (.*)", message)
        self.assertEqual(places, [str(self.folder / "b"), str(self.folder / "c")])
        self.assertEqual(self.names(), ["a"])
        self.assertEqual([path for path, _ in self.asked()], ["/a/0", "/b/0"])

    def test_what_is_kept(self):
        file = self.file(server.cut_off(CONTENT, after=CHUNK), server.status(404))
        kept = (
            f"8,192 of {SIZE} bytes are kept in {self.part}: the same command goes on from there."
        )
        self.assertIn(f"    404 Not Found\n{kept}\nTo do it by hand", self.failure(file))
        self.part_is(CHUNK)

    def test_what_was_put_there_by_hand_is_used(self):
        file = self.file(server.page())
        self.failure(file)
        self.path.write_bytes(CONTENT)
        self.assertEqual(self.silently(file), [self.path])
        self.assertEqual(len(self.asked()), 1)


class TestGoingOn(DownloadTest):
    """With a ``.part`` from before, a download must end well after requests from these bytes."""

    def goes_on(self, part, answer, *starts):
        self.put(part, self.part)
        self.silently(self.file(answer))
        self.is_whole()
        self.assertEqual(self.ranges_asked(), list(starts))

    def test_from_where_it_was(self):
        self.goes_on(CONTENT[:-1], server.ranges(CONTENT), len(CONTENT) - 1)

    def test_from_the_start_where_ranges_are_ignored(self):
        self.goes_on(CONTENT[:1000], server.whole(CONTENT), 1000)

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
                other = server.status(206, CONTENT[1000:], Content_Range=told)
                whole = server.whole(CONTENT)
                self.goes_on(CONTENT[:1000], server.one_after_the_other(other, whole), 1000, 0)

    def test_from_the_start_after_too_many_bytes(self):
        self.goes_on(CONTENT + b"1", server.ranges(CONTENT), len(CONTENT) + 1, 0)

    def test_from_the_start_after_a_wrong_beginning(self):
        self.goes_on(OTHER[:1000], server.ranges(CONTENT), 1000, 0)

    def test_all_bytes_are_there(self):
        self.goes_on(CONTENT, server.ranges(CONTENT))

    def test_all_bytes_are_there_but_wrong(self):
        self.goes_on(OTHER, server.ranges(CONTENT), 0)

    def test_a_wrong_file_is_not_asked_for_twice(self):
        self.put(CONTENT[:1000], self.part)
        self.failure(self.file(server.whole(OTHER)))
        self.assertEqual(self.ranges_asked(), [1000])
        self.is_empty()

    def test_bad_addresses_leave_the_part(self):
        self.put(CONTENT[:1000], self.part)
        answers = [server.page(), server.status(404), server.status(503), server.status(204)]
        message = self.failure(self.file(*answers, server.whole(b"short")))
        self.part_is(1000)
        self.assertIn(f"1,000 of {SIZE} bytes are kept", message)


class TestInterrupt(DownloadTest):
    """Ctrl-C keeps what has come, and says so."""

    def interrupted(self):
        self.assertRaises(KeyboardInterrupt, self.fetch, self.good())
        self.assertEqual(self.out, "")

    def kept(self, have):
        self.part_is(have)
        self.assertEqual(
            self.err,
            f"\n{have:,} of {SIZE} bytes are kept in {self.part}: "
            "the same command goes on from there.\n",
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

    def test_while_it_is_checked(self):
        with mock.patch.object(download, "_sha256", side_effect=KeyboardInterrupt):
            self.interrupted()
        self.kept(len(CONTENT))

    def test_while_it_waits(self):
        self.sleep.side_effect = KeyboardInterrupt
        self.put(CONTENT[:7], self.part)
        self.assertRaises(KeyboardInterrupt, self.fetch, self.file(server.status(503)))
        self.kept(7)


class TestSpace(DownloadTest):
    def with_free(self, free):
        usage = mock.Mock(free=free)
        return mock.patch.object(download.shutil, "disk_usage", return_value=usage)

    def test_too_little(self):
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

    def test_enough(self):
        self.put(b"mine")
        self.put(CONTENT[:1000], self.folder / "b.part")
        with self.with_free(len(CONTENT) - 1000):
            self.fetch(self.good(), self.good(name="b"))
        self.assertEqual((self.folder / "b").read_bytes(), CONTENT)

    def test_of_the_folders_disk(self):
        with self.with_free(len(CONTENT)) as usage:
            self.fetch(self.good())
        usage.assert_called_once_with(self.folder)

    def test_it_ends_in_the_middle(self):
        for number in (errno.ENOSPC, errno.EDQUOT):
            with self.subTest(number=number):
                self.server.requests.clear()
                file = self.file(server.whole(CONTENT), server.whole(CONTENT))
                with after_some_chunks(OSError(number, os.strerror(number)), 2):
                    message = self.failure(file)
                self.assertRegex(message, f"^no space left in {self.folder}: data.bin has {SIZE} ")
                self.is_empty()
                self.assertEqual(len(self.asked()), 1)

    @unittest.skipUnless(Path("/dev/full").exists(), "there is no /dev/full")
    def test_it_is_the_system_that_says_so(self):
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

    def test_other_trouble_keeps_what_has_come(self):
        file = self.file(server.whole(CONTENT), server.whole(CONTENT))
        with after_some_chunks(OSError(errno.EIO, "Input/output error"), 2):
            message = self.failure(file)
        self.assertEqual(message, f"cannot write {self.part}: Input/output error")
        self.part_is(2 * CHUNK)
        self.assertEqual(len(self.asked()), 1)


class TestFolder(DownloadTest):
    def refused(self, message):
        self.assertEqual(self.failure(self.good()), message)
        self.assertEqual(self.asked(), [])

    def test_a_file_in_its_place(self):
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
from neural_networks.datasets.catalogue import RemoteFile
from neural_networks.datasets.download import fetch
name, address, size, sha256, folder = sys.argv[1:]
fetch([RemoteFile(name, [address], int(size), sha256)], Path(folder))
"""


class TestTwoAtOnce(DownloadTest):
    def setUp(self):
        super().setUp()
        self.half_is_out, self.go_on = threading.Event(), threading.Event()
        self.addCleanup(self.go_on.set)
        self.slow = self.file(server.slow(CONTENT, self.half_is_out, self.go_on))

    def test_the_second_one_touches_nothing(self):
        first = threading.Thread(target=fetch, args=([self.slow], self.folder))
        first.start()
        self.addCleanup(first.join)
        self.addCleanup(self.go_on.set)
        self.assertTrue(self.half_is_out.wait(10))
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
        with download._alone_in(self.folder):
            self.fetch(self.good(), folder=self.root / "other")
        self.is_empty()

    def test_the_lock_ends_with_a_failure(self):
        for answer in (server.page(), server.status(404), server.whole(CONTENT)):
            with contextlib.suppress(DownloadError):
                self.fetch(self.file(answer))
        self.is_whole()

    def test_the_lock_ends_with_a_killed_process(self):
        file, code = self.slow, [sys.executable, "-c", SCRIPT]
        arguments = [file.name, file.addresses[0], str(file.size), file.sha256, str(self.folder)]
        process = subprocess.Popen(code + arguments, cwd=Path(__file__).parents[1])
        self.assertTrue(self.half_is_out.wait(30))
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

    def test_the_other_one_has_just_ended(self):
        def lock(*_):
            self.put(CONTENT)

        with mock.patch.object(download.fcntl, "flock", lock):
            self.silently(self.good())
        self.is_whole()
        self.assertEqual(self.asked(), [])


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Noted(tqdm):
    """A bar that is noted when it is closed."""

    bars: tuple = ()

    def close(self):
        if not self.disable:
            Noted.bars += ((self.desc.removesuffix(": "), self.initial, self.n, self.total),)
        super().close()


class TestProgress(DownloadTest):
    def shown(self, *files):
        """What a terminal shows."""
        terminal = Terminal()
        with contextlib.redirect_stderr(terminal):
            fetch(files, self.folder)
        return terminal.getvalue()

    def bars(self, *files):
        """The bars' names, where they began, where they ended and should have ended."""
        Noted.bars = ()
        with mock.patch.object(download, "tqdm", Noted):
            self.shown(*files)
        return list(Noted.bars)

    def test_it_counts_bytes(self):
        all_of_it = (0, len(CONTENT), len(CONTENT))
        both = [("data.bin", *all_of_it), ("checking data.bin", *all_of_it)]
        self.assertEqual(self.bars(self.good()), both)
        self.assertEqual(self.bars(self.good()), both[1:])

    def test_it_goes_on_from_what_was_there(self):
        self.put(CONTENT[:1000], self.part)
        bars = self.bars(self.good())
        self.assertEqual(bars[0], ("data.bin", 1000, len(CONTENT), len(CONTENT)))

    def test_it_begins_anew_where_ranges_are_ignored(self):
        self.put(CONTENT[:1000], self.part)
        bars = self.bars(self.file(server.whole(CONTENT)))
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
        self.assertEqual(shown.split("\r")[-2].strip(), "")
        self.assertEqual(shown.split("\r")[-1], "")


if __name__ == "__main__":
    unittest.main()
