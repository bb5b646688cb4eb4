"""Downloads: resumed, checked against a hash, and written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from neural_networks.datasets.files.catalogue import RemoteFile
from neural_networks.utils.progress import progress, tqdm

try:
    import fcntl
except ImportError:  # Windows: no lock; files still appear whole
    fcntl = None  # type: ignore[assignment]

RETRIES = 2
"""Number of further attempts at an address after a temporary failure."""

WAIT = 1.0
"""Seconds before the second attempt; doubled before each further one."""

TIMEOUTS = (10.0, 30.0)
"""Timeouts in seconds: for the connection, and for the next bytes."""

_CHUNK, _HASHED_CHUNK = 2**13, 2**20
_OK, _PARTIAL = 200, 206
_TEMPORARY = (_PARTIAL, 429, 500, 502, 503, 504)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DownloadError(OSError):
    """A file cannot be downloaded; the message gives the reason and the steps to take."""


class _Failure(Exception):
    """An address does not provide the file; with ``retry``, the failure may be temporary."""

    def __init__(self, reason: str, retry: bool = False) -> None:
        super().__init__(reason)
        self.retry = retry


def fetch(files: Sequence[RemoteFile], folder: Path) -> list[Path]:
    """Download the files that a folder does not contain yet.

    Existing files are never changed; a line is printed if one differs from the published file.
    An interrupted download leaves ``NAME.part``, and the next one resumes from there. Progress is
    shown if standard error is a terminal.

    Parameters
    ----------
    files : sequence of RemoteFile
        The files; their addresses are tried in order.
    folder : Path
        The target folder, created if missing.

    Returns
    -------
    list of Path
        Paths of the files in the folder.

    Raises
    ------
    DownloadError
        If all addresses of a file fail, if a file cannot be read or written, or if another
        download into this folder is running.
    """
    folder = folder.absolute()
    paths = [folder / file.name for file in files]
    for file, path in zip(files, paths, strict=True):
        if _exists(path):
            _report_difference(file, path)
    if not all(_exists(path) for path in paths):
        _make_folder(folder)
        with _folder_lock(folder):
            _download_missing(files, folder)
    return paths


def _exists(path: Path) -> bool:
    """True if a file exists; ``DownloadError`` if something else has its name."""
    with _as_download_error(f"look for {path}"):
        exists = path.is_file()
    if not exists and os.path.lexists(path):
        raise DownloadError(f"{path} is not a regular file")
    return exists


def _size(path: Path) -> int:
    return path.stat().st_size if _exists(path) else 0


def _part(path: Path) -> Path:
    """The path of a file's incomplete download."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def _as_download_error(intent: str) -> Iterator[None]:
    """A context that turns an ``OSError`` into a ``DownloadError``: cannot ``intent``."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"cannot {intent}: {error.strerror or error}") from error


def _report_difference(file: RemoteFile, path: Path) -> None:
    """Print a line if a file differs from the published one."""
    with _as_download_error(f"read {path}"):
        size = _size(path)
        digest = _sha256(path) if size == file.size else ""
    if digest == file.sha256:
        return
    if digest:
        difference = f"its sha256 is {digest[:8]}…, not {file.sha256[:8]}…"
    else:
        difference = f"it has {size:,} bytes, not {file.size:,}"
    print(f"{path} differs from the published file ({difference}); it is used anyway.")


def _sha256(path: Path) -> str:
    digest, name = hashlib.sha256(), path.name.removesuffix(".part")
    with path.open("rb") as file, _bar(f"checking {name}", _size(path)) as bar:
        while chunk := file.read(_HASHED_CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()


def _bar(what: str, size: int, start: int = 0) -> tqdm[Any]:
    """Progress in bytes: a bar of at most 80 characters, or a line now and then."""
    return progress(
        tqdm,
        desc=what,
        total=size,
        initial=start,
        unit="B",
        unit_scale=True,
        ncols=min(80, shutil.get_terminal_size().columns) - 1,
        leave=False,
    )


def _make_folder(folder: Path) -> None:
    with _as_download_error(f"write in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """An exclusive lock on a folder, against other downloads.

    The lock is on the folder itself and ends with the process, so a crash leaves no lock file.
    """
    if fcntl is None:
        yield
        return
    with _as_download_error(f"read {folder}"):
        handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DownloadError(f"another download into {folder} is running") from None
    except OSError:
        pass  # a file system without locks


def _download_missing(files: Sequence[RemoteFile], folder: Path) -> None:
    # Check again under the lock: another download may just have ended.
    missing = [file for file in files if not _exists(folder / file.name)]
    needed = sum(file.size - _size(_part(folder / file.name)) for file in missing)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(f"{needed:,} bytes are needed in {folder}, but only {free:,} are free")
    for done, file in enumerate(missing):
        try:
            _download(file, folder / file.name)
        except _Failure as failure:
            raise DownloadError(f"{failure}\n{_manual_steps(missing[done:], folder)}") from failure


def _manual_steps(files: Sequence[RemoteFile], folder: Path) -> str:
    """Instructions for downloading files with a browser."""
    lines = ["To do it by hand, with a browser,"]
    for file in files:
        first, *others = file.addresses
        lines += [f"  fetch      {first}", *(f"  or         {address}" for address in others)]
        lines += [f"             ({file.size:,} bytes, sha256 {file.sha256})"]
        lines += [f"  put it at  {folder / file.name}"]
    return "\n".join([*lines, "and run the same command again."])


def _download(file: RemoteFile, path: Path) -> None:
    """Try the addresses in order."""
    part = _part(path)
    reasons = [f"{file.name} cannot be downloaded:"]
    try:
        for address in file.addresses:
            try:
                return _try(file, address, path)
            except _Failure as failure:
                reasons += [f"  {address}", f"    {failure}"]
    except KeyboardInterrupt:
        if have := _size(part):
            print(f"\n{_kept(have, file, part)}", file=sys.stderr)
        raise
    except OSError as error:
        raise _unwritable(error, file, part) from error
    if have := _size(part):
        reasons.append(_kept(have, file, part))
    raise _Failure("\n".join(reasons))


def _kept(have: int, file: RemoteFile, part: Path) -> str:
    return (
        f"{have:,} of {file.size:,} bytes are kept in {part}: the same command resumes from there."
    )


def _unwritable(error: OSError, file: RemoteFile, part: Path) -> DownloadError:
    if error.errno not in _FULL:
        return DownloadError(f"cannot write {part}: {error.strerror or error}")
    part.unlink(missing_ok=True)
    return DownloadError(
        f"no space left in {part.parent}: {file.name} has {file.size:,} bytes, and none of them "
        "are kept"
    )


def _try(file: RemoteFile, address: str, path: Path) -> None:
    """Try an address, repeatedly after temporary failures."""
    for attempt in range(RETRIES + 1):
        try:
            return _attempt(file, address, path)
        except _Failure as failure:
            if attempt == RETRIES or not failure.retry:
                raise
        time.sleep(WAIT * 2**attempt)


def _attempt(file: RemoteFile, address: str, path: Path) -> None:
    """Download the missing bytes, check the whole file, and put it in place."""
    part = _part(path)
    if _size(part) > file.size:
        part.unlink()
    transfer = _Transfer(file, part)
    if transfer.start != file.size:
        transfer.run(address)
    digest = _sha256(part)
    if digest != file.sha256:
        part.unlink()
        # Resumed bytes may come from another version or address.
        raise _Failure(f"sha256 is {digest}, not {file.sha256}", retry=transfer.start > 0)
    part.replace(path)


class _Transfer:
    """Transfer of a file's missing bytes from an address to a ``.part`` file.

    Pooch downloads into this object, which acts as its output file; a response hook of requests,
    the library below pooch, passes each response to ``check_response`` first.

    Parameters
    ----------
    file : RemoteFile
        The file to download.
    part : Path
        Path of the incomplete file; its bytes are not requested again.
    """

    sink: IO[bytes]
    bar: tqdm[Any]

    def __init__(self, file: RemoteFile, part: Path) -> None:
        self.file = file
        self.part = part
        self.start = _size(part)
        self.began = False
        self.opened = ExitStack()

    def run(self, address: str) -> None:
        """Download with pooch; after a failure, the ``.part`` keeps the bytes received."""
        from requests import RequestException

        outer = sys.exception()
        try:
            with self.opened:
                self._downloader()(address, self, None)
        except RequestException as error:
            if not self.began:
                raise _Failure(_cause(error, outer)) from error
        finally:
            if not 0 < _size(self.part) <= self.file.size:
                self.part.unlink(missing_ok=True)
        have, size = _size(self.part), self.file.size
        if have < size:
            raise _Failure(f"broke off after {have:,} of {size:,} bytes", retry=True)

    def _downloader(self) -> Any:
        from pooch import HTTPDownloader

        # With compression in transit, the length would be unknown.
        headers = {"Accept-Encoding": "identity"}
        if self.start:
            headers["Range"] = f"bytes={self.start}-"
        return HTTPDownloader(
            chunk_size=_CHUNK,
            timeout=TIMEOUTS,
            headers=headers,
            hooks={"response": self.check_response},
        )

    def check_response(self, response: Any, **_: Any) -> None:
        """Open the ``.part`` if the response is the requested file or range."""
        self.opened.callback(response.close)
        if response.is_redirect:
            return
        self._check_status(response)
        self._check_length(response.headers)
        # Otherwise requests would decompress a file that is served with this header.
        response.raw.headers.pop("Content-Encoding", None)
        self.sink = self.opened.enter_context(self.part.open("ab" if self.start else "wb"))
        self.bar = self.opened.enter_context(_bar(self.file.name, self.file.size, self.start))
        self.began = True

    def _check_status(self, response: Any) -> None:
        """Accept the whole file or the missing range."""
        status, size = response.status_code, self.file.size
        if status == _OK:
            self.start = 0
            return
        rest = f"bytes {self.start}-{size - 1}/{size}"
        if status == _PARTIAL and response.headers.get("Content-Range") == rest:
            return
        if status == _PARTIAL:
            self.part.unlink(missing_ok=True)
        raise _Failure(f"{status} {response.reason}", retry=status in _TEMPORARY)

    def _check_length(self, headers: Mapping[str, str]) -> None:
        """Refuse a response of another length before it is downloaded."""
        length, expected = headers.get("Content-Length"), self.file.size - self.start
        if length == str(expected):
            return
        if "html" in headers.get("Content-Type", "").lower():
            raise _Failure("the response is an HTML page")
        if length is not None:
            raise _Failure(f"the response has {length} bytes, not {expected}")

    def write(self, chunk: bytes) -> None:
        """Write a chunk; called by pooch."""
        self.sink.write(chunk)
        self.bar.update(len(chunk))
        if self.sink.tell() > self.file.size:
            raise _Failure(f"the response has more than {self.file.size} bytes")

    def flush(self) -> None:
        """Flush the file; called by pooch after each chunk."""
        self.sink.flush()


def _cause(error: BaseException, outer: BaseException | None) -> str:
    """The root cause of an error, in the system's words, such as "Connection refused".

    ``outer`` is an exception that was already being handled; the chain ends before it.
    """
    while (deeper := error.__cause__ or error.__context__) not in (None, outer):
        error = deeper
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
