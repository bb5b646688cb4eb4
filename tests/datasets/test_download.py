"""Downloads: caching, checksums, atomic writes, server faults."""

import errno
import gzip
import os
import re
import socket
import threading
import unittest
from pathlib import Path
from unittest import mock

import pooch

from neural_networks.datasets.files import download
from tests.support import file_server
from tests.support.downloads import CHUNK, CONTENT, OTHER, SIZE, DownloadTest, sha256


class TestDownload(DownloadTest):
    def test_a_file(self):
        self.assertEqual(self.silently(self.good()), [self.path])
        self.is_whole()
        self.assertEqual(self.asked(), [("/data.bin/0", None)])

    def test_file_permissions(self):
        self.silently(self.good())
        plain = self.root / "plain"
        plain.touch()
        self.assertEqual(self.path.stat().st_mode, plain.stat().st_mode)

    def test_existing_files_are_not_downloaded(self):
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
        there = self.server.address("elsewhere", file_server.whole(CONTENT))
        self.silently(self.file(file_server.redirect(there)))
        self.is_whole()
        self.assertEqual([path for path, _ in self.asked()], ["/data.bin/0", "/elsewhere"])

    def test_unknown_length(self):
        self.silently(self.file(file_server.whole(CONTENT, Content_Length=None)))
        self.is_whole()

    def test_a_compressed_file_stays_compressed(self):
        packed = gzip.compress(CONTENT)
        for encoding in ("gzip", "x-gzip"):
            answer = file_server.whole(packed, Content_Type="text/csv", Content_Encoding=encoding)
            (path,) = self.silently(self.file(answer, name=encoding, content=packed))
            self.assertEqual(path.read_bytes(), packed)

    def test_no_compression_in_transit(self):
        seen = []

        def answer(handler):
            seen.append(handler.headers["Accept-Encoding"])
            handler.send(200, CONTENT)

        self.silently(self.file(answer))
        self.assertEqual(seen, ["identity"])

    def test_a_file_served_as_html(self):
        self.silently(self.file(file_server.whole(CONTENT, Content_Type="text/html")))
        self.is_whole()

    def test_pooch_logs_nothing(self):
        with self.assertNoLogs(pooch.get_logger()):
            self.silently(self.file(file_server.status(404), file_server.whole(CONTENT)))


class TestExistingFiles(DownloadTest):
    def used(self, content, file=None):
        """Assert that an existing file is used unchanged; return the output."""
        self.put(content)
        os.utime(self.path, ns=(1, 2))
        self.assertEqual(self.fetch(file or self.good()), [self.path])
        self.assertEqual(self.path.read_bytes(), content)
        self.assertEqual(self.path.stat().st_mtime_ns, 2)
        self.assertEqual(self.names(), ["data.bin"])
        self.assertEqual((self.asked(), self.err), ([], ""))
        return self.out

    def test_the_published_file(self):
        self.assertEqual(self.used(CONTENT), "")

    def test_another_size(self):
        with mock.patch.object(download, "_sha256", side_effect=AssertionError("not needed")):
            out = self.used(b"mine")
        self.assertEqual(
            out,
            f"{self.path} differs from the published file (it has 4 bytes, not {SIZE}); "
            "it is used anyway.\n",
        )

    def test_another_content(self):
        self.assertEqual(
            self.used(OTHER),
            f"{self.path} differs from the published file (its sha256 is {sha256(OTHER)[:8]}…, not "
            f"{sha256(CONTENT)[:8]}…); it is used anyway.\n",
        )

    def test_it_is_kept_when_another_file_is_downloaded(self):
        self.put(b"mine")
        self.fetch(self.good(), self.good(name="other"))
        self.assertEqual(self.path.read_bytes(), b"mine")
        self.assertEqual(self.names(), ["data.bin", "other"])

    def test_a_read_only_folder(self):
        with mock.patch.object(os, "access", return_value=False):
            self.assertEqual(self.used(CONTENT), "")

    def test_during_another_download(self):
        self.put(CONTENT)
        with download._folder_lock(self.folder):
            self.assertEqual(self.used(CONTENT), "")

    def test_a_link_to_a_file(self):
        self.put(CONTENT, self.root / "original")
        self.path.symlink_to(self.root / "original")
        self.silently(self.good())
        self.assertTrue(self.path.is_symlink())

    def test_folders_pipes_and_broken_links(self):
        self.folder.mkdir(parents=True)
        for path in (self.path, self.part):
            for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")):
                with self.subTest(path=path.name, make=make):
                    make(path)
                    before = path.lstat()
                    self.assertEqual(self.failure(self.good()), f"{path} is not a regular file")
                    self.assertEqual(path.lstat().st_ino, before.st_ino)
                    self.assertEqual(self.names(), [path.name])
                    (path.rmdir if path.is_dir() else path.unlink)()
        self.assertEqual(self.asked(), [])

    def test_unreadable_files(self):
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
    """Close the connection without a response."""
    handler.close_connection = True


def unused_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


class TestAddresses(DownloadTest):
    """Failing addresses: the message, and the next address that is tried."""

    def fails(self, answer, reason, requests=1, left=()):
        """Assert the reason for giving up an address, and the number of requests."""
        self.folder.mkdir(parents=True)
        bad = self.file(answer)
        lines = self.failure(bad).splitlines()
        self.assertEqual(lines[0], "data.bin cannot be downloaded:")
        self.assertEqual(lines[1], f"  {bad.addresses[0]}")
        self.assertRegex(lines[2], f"^    {reason}$")
        self.assertEqual(len(self.asked()), requests)
        self.assertEqual(self.names(), list(left))
        self.silently(self.file(answer, file_server.ranges(CONTENT)))
        self.assertEqual(self.asked()[-1][0], "/data.bin/1")
        self.is_whole()

    def test_not_found(self):
        self.fails(file_server.status(404, b"<html>", Content_Type="text/html"), "404 Not Found")

    def test_an_html_page(self):
        self.fails(file_server.page(), "the response is an HTML page")

    def test_an_html_page_of_unknown_length(self):
        answer = file_server.whole(OTHER, Content_Type="text/HTML", Content_Length=None)
        self.fails(answer, "the response is an HTML page")

    def test_another_length(self):
        reason = f"the response has {len(CONTENT) + 1} bytes, not {len(CONTENT)}"
        self.fails(file_server.whole(CONTENT + b"1"), reason)

    def test_too_many_bytes_of_unknown_length(self):
        answer = file_server.whole(CONTENT + OTHER, Content_Length=None)
        self.fails(answer, f"the response has more than {len(CONTENT)} bytes")

    def test_another_content(self):
        reason = f"sha256 is {sha256(OTHER)}, not {sha256(CONTENT)}"
        self.fails(file_server.whole(OTHER), reason)

    def test_no_content(self):
        self.fails(file_server.status(204), "204 No Content")

    def test_an_interrupted_response(self):
        answer = file_server.cut_off(CONTENT, after=3 * CHUNK)
        reason = f"broke off after {3 * CHUNK:,} of {SIZE} bytes"
        self.fails(answer, reason, requests=3, left=["data.bin.part"])

    def test_a_response_interrupted_at_once(self):
        answer = file_server.cut_off(CONTENT, after=0)
        self.fails(answer, f"broke off after 0 of {SIZE} bytes", requests=3)

    def test_an_interrupted_response_of_unknown_length(self):
        answer = file_server.cut_off(CONTENT, after=CHUNK, Content_Length=None)
        reason = f"broke off after {CHUNK:,} of {SIZE} bytes"
        self.fails(answer, reason, requests=3, left=["data.bin.part"])

    def test_a_busy_server(self):
        self.fails(file_server.status(503), "503 Service Unavailable", requests=3)
        self.assertEqual(self.sleep.mock_calls, [mock.call(1), mock.call(2)] * 2)

    def test_a_closed_connection(self):
        self.fails(hang_up, "Remote end closed connection without response")

    def test_a_refused_connection(self):
        address = f"http://127.0.0.1:{unused_port()}/data.bin"
        self.fails(address, "Connection refused", requests=0)

    def test_an_unknown_host(self):
        real = socket.getaddrinfo
        unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        def look_up(host, *arguments, **options):
            if host == "unknown.example":
                raise unknown
            return real(host, *arguments, **options)

        with mock.patch.object(socket, "getaddrinfo", look_up):
            self.fails("http://unknown.example/data.bin", unknown.strerror, requests=0)

    def test_an_invalid_address(self):
        self.fails("http:///data.bin", ".*No host supplied", requests=0)

    def test_endless_redirection(self):
        answer = file_server.redirect(f"http://127.0.0.1:{self.server.server_port}/data.bin/0")
        self.fails(answer, "Exceeded 30 redirects.", requests=31)

    def test_a_timeout_before_the_response(self):
        never = threading.Event()
        self.addCleanup(never.set)
        self.enterContext(mock.patch.object(download, "TIMEOUTS", (5, 0.5)))
        self.fails(lambda handler: never.wait(10), "timed out")

    def test_a_timeout_within_the_response(self):
        never = threading.Event()
        self.addCleanup(never.set)
        self.enterContext(mock.patch.object(download, "TIMEOUTS", (5, 0.5)))
        self.enterContext(mock.patch.object(download, "RETRIES", 0))
        answer = file_server.slow(CONTENT[: 4 * CHUNK] + CONTENT, never)
        with mock.patch.object(download._Transfer, "_check_length"):
            have = (len(CONTENT) + 4 * CHUNK) // 2 // CHUNK * CHUNK
            message = self.failure(self.file(answer))
        self.assertIn(f"    broke off after {have:,} of {SIZE} bytes\n", message)

    def test_timeouts(self):
        with mock.patch.object(pooch, "HTTPDownloader", side_effect=KeyboardInterrupt) as made:
            self.assertRaises(KeyboardInterrupt, self.fetch, self.good())
        self.assertEqual(made.call_args.kwargs["timeout"], (10, 30))

    def test_a_failure_while_another_error_is_handled(self):
        file = self.file(f"http://127.0.0.1:{unused_port()}/data.bin")
        try:
            raise FileNotFoundError(errno.ENOENT, "the file that was to be downloaded")
        except FileNotFoundError:
            self.assertIn("\n    Connection refused\n", self.failure(file))


class TestRetries(DownloadTest):
    def test_temporary_failures(self):
        for code in (429, 500, 502, 503, 504):
            with self.subTest(code=code):
                self.server.requests.clear()
                self.sleep.reset_mock()
                busy = file_server.one_after_the_other(
                    file_server.status(code), file_server.whole(CONTENT)
                )
                self.silently(self.file(busy, name=str(code)))
                self.assertEqual(len(self.asked()), 2)
                self.sleep.assert_called_once_with(download.WAIT)

    def test_number_of_attempts(self):
        for retries in (0, 1, 4):
            self.server.requests.clear()
            with mock.patch.object(download, "RETRIES", retries):
                self.failure(self.file(file_server.status(503), file_server.status(503)))
            self.assertEqual(len(self.asked()), 2 * (retries + 1))

    def test_an_interrupted_response_is_resumed(self):
        cut = file_server.cut_off(CONTENT, after=2 * CHUNK + 100)
        self.silently(self.file(file_server.one_after_the_other(cut, file_server.ranges(CONTENT))))
        self.is_whole()
        self.assertEqual(self.ranges_asked(), [0, 2 * CHUNK])

    def test_another_address_resumes(self):
        cut = file_server.cut_off(CONTENT, after=2 * CHUNK)
        self.enterContext(mock.patch.object(download, "RETRIES", 0))
        self.silently(self.file(cut, file_server.status(404), file_server.ranges(CONTENT)))
        self.is_whole()
        self.assertEqual(self.ranges_asked(), [0, 2 * CHUNK, 2 * CHUNK])


class TestMessage(DownloadTest):
    def test_complete_message(self):
        file = self.file(file_server.status(404), file_server.page())
        first, second = file.addresses
        self.assertEqual(
            self.failure(file),
            f"""data.bin cannot be downloaded:
  {first}
    404 Not Found
  {second}
    the response is an HTML page
To do it by hand, with a browser,
  fetch      {first}
  or         {second}
             ({SIZE} bytes, sha256 {sha256(CONTENT)})
  put it at  {self.path}
and run the same command again.""",
        )

    def test_files_still_missing(self):
        files = [self.good(name="a"), self.file(file_server.page(), name="b"), self.good(name="c")]
        message = self.failure(*files)
        self.assertTrue(message.startswith("b cannot be downloaded:\n"), message)
        places = re.findall(r"put it at  (.*)", message)
        self.assertEqual(places, [str(self.folder / "b"), str(self.folder / "c")])
        self.assertEqual(self.names(), ["a"])
        self.assertEqual([path for path, _ in self.asked()], ["/a/0", "/b/0"])

    def test_bytes_kept(self):
        file = self.file(file_server.cut_off(CONTENT, after=CHUNK), file_server.status(404))
        kept = (
            f"8,192 of {SIZE} bytes are kept in {self.part}: the same command resumes from there."
        )
        self.assertIn(f"    404 Not Found\n{kept}\nTo do it by hand", self.failure(file))
        self.part_is(CHUNK)

    def test_a_file_copied_by_hand_is_used(self):
        file = self.file(file_server.page())
        self.failure(file)
        self.path.write_bytes(CONTENT)
        self.assertEqual(self.silently(file), [self.path])
        self.assertEqual(len(self.asked()), 1)


if __name__ == "__main__":
    unittest.main()
