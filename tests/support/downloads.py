"""Base class for tests of downloads: a server, a folder, and files with given responses."""

import contextlib
import hashlib
import io
import os
import re
from unittest import mock

import numpy as np

from neural_networks.datasets.files import download
from neural_networks.datasets.files.catalogue import RemoteFile
from neural_networks.datasets.files.download import DownloadError, fetch
from tests.support import file_server
from tests.support.arrays import InFolder

CHUNK = 2**13
CONTENT = np.random.default_rng(0).bytes(5 * CHUNK + 1234)
OTHER = np.random.default_rng(1).bytes(len(CONTENT))
SIZE = f"{len(CONTENT):,}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def after_some_chunks(error: BaseException, chunks: int):
    """A patch that lets downloads fail with this error after so many chunks."""
    write, left = download._Transfer.write, [chunks]

    def failing(self, chunk):
        if left[0] == 0:
            raise error
        left[0] -= 1
        write(self, chunk)

    return mock.patch.object(download._Transfer, "write", failing)


class DownloadTest(InFolder):
    """A test with a server and a folder that does not exist yet."""

    def setUp(self):
        super().setUp()
        self.folder = self.root / "Daten für alle" / "δ"
        self.path = self.folder / "data.bin"
        self.part = self.folder / "data.bin.part"
        self.server = self.enterContext(file_server.Server())
        self.enterContext(mock.patch.dict(os.environ, {"no_proxy": "*", "COLUMNS": "100"}))
        self.sleep = self.enterContext(mock.patch.object(download, "time")).sleep

    def file(self, *answers, name="data.bin", content=CONTENT):
        """A file with one address per answer: /data.bin/0, /data.bin/1 and so on."""
        addresses = [
            answer if isinstance(answer, str) else self.server.address(f"{name}/{n}", answer)
            for n, answer in enumerate(answers)
        ]
        return RemoteFile(name, addresses, len(content), sha256(content))

    def good(self, **options):
        return self.file(file_server.ranges(CONTENT), **options)

    def fetch(self, *files, folder=None):
        """The paths of the files; the output is kept in ``self.out`` and ``self.err``."""
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
        """The message of a download that must fail."""
        with self.assertRaises(DownloadError) as caught:
            self.fetch(*files)
        self.assertEqual(self.out + self.err, "")
        return str(caught.exception)

    def put(self, content, path=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        (path or self.path).write_bytes(content)

    def names(self):
        """File names in the folder."""
        return sorted(path.name for path in self.folder.iterdir())

    def is_whole(self):
        """Assert that the folder contains the complete file alone."""
        self.assertEqual(self.names(), ["data.bin"])
        self.assertEqual(self.path.read_bytes(), CONTENT)

    def is_empty(self):
        self.assertEqual(self.names(), [])

    def part_is(self, length):
        """Assert that the folder contains a ``.part`` of this length alone."""
        self.assertEqual(self.names(), ["data.bin.part"])
        self.assertEqual(self.part.read_bytes(), CONTENT[:length])

    def ranges_asked(self):
        """The first byte of each request."""
        starts = [re.findall(r"bytes=(\d+)-", asked or "bytes=0-") for _, asked in self.asked()]
        return [int(start) for (start,) in starts]

    def asked(self):
        return self.server.requests
