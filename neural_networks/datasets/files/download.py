"""Files come from their publishers: once, checked, and whole or not at all."""

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

from tqdm import tqdm

from neural_networks.datasets.files.catalogue import RemoteFile

try:
    import fcntl
except ImportError:  # Windows: no lock, but files still appear whole
    fcntl = None  # type: ignore[assignment]

RETRIES = 2
"""How often an address is tried again that may answer better in a moment."""

WAIT = 1.0
"""Seconds until then; every time twice as many."""

TIMEOUTS = (10.0, 30.0)
"""Seconds until there must be a connection, and until the next bytes must come."""

_CHUNK, _HASHED_CHUNK = 2**13, 2**20
_OK, _PARTIAL = 200, 206
_PASSING = (_PARTIAL, 429, 500, 502, 503, 504)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DownloadError(OSError):
    """Files cannot be had; the message says why, and what to do."""


class _Failure(Exception):
    """An address does not give the file, but if ``again``, it may in a moment."""

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def fetch(files: Sequence[RemoteFile], folder: Path) -> list[Path]:
    """Have the files in a folder: those that are not there yet are downloaded.

    What is there stays as it is. If it is not the publisher's, a line says so. A download that
    breaks off leaves ``NAME.part``, and the next one goes on from there. Progress is shown if
    standard error is a terminal.

    Parameters
    ----------
    files : sequence of RemoteFile
        What to have. Their addresses are tried in their order.
    folder : Path
        Where to put it; it is made if need be.

    Returns
    -------
    list of Path
        The files, as they are called in the folder.

    Raises
    ------
    DownloadError
        If a file can be had from none of its addresses, cannot be written or read, or if
        another download into this folder is running.
    """
    folder = folder.absolute()
    paths = [folder / file.name for file in files]
    for file, path in zip(files, paths, strict=True):
        if _is_there(path):
            _compare(file, path)
    if not all(_is_there(path) for path in paths):
        _make(folder)
        with _alone_in(folder):
            _download_missing(files, folder)
    return paths


def _is_there(path: Path) -> bool:
    """Whether there is a file, and not something else in its place."""
    with _clearly(f"look for {path}"):
        there = path.is_file()
    if not there and os.path.lexists(path):
        raise DownloadError(f"{path} is no regular file")
    return there


def _size(path: Path) -> int:
    return path.stat().st_size if _is_there(path) else 0


def _part(path: Path) -> Path:
    """Where the beginning of a file is kept until all of it is there."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def _clearly(intent: str) -> Iterator[None]:
    """Say what could not be done when the system does not allow it."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"cannot {intent}: {error.strerror or error}") from error


def _compare(file: RemoteFile, path: Path) -> None:
    """Print a line if a file is not the publisher's."""
    with _clearly(f"read {path}"):
        size = _size(path)
        digest = _sha256(path) if size == file.size else ""
    if digest == file.sha256:
        return
    if digest:
        difference = f"its sha256 is {digest[:8]}…, not {file.sha256[:8]}…"
    else:
        difference = f"it has {size:,} bytes, not {file.size:,}"
    print(f"{path} is not the publisher's file ({difference}); it is used all the same.")


def _sha256(path: Path) -> str:
    digest, name = hashlib.sha256(), path.name.removesuffix(".part")
    with path.open("rb") as file, _bar(f"checking {name}", _size(path)) as bar:
        while chunk := file.read(_HASHED_CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()


def _bar(what: str, size: int, start: int = 0) -> tqdm[Any]:
    """A bar of bytes, of 80 characters at most; silent if standard error is no terminal."""
    return tqdm(
        desc=what,
        total=size,
        initial=start,
        unit="B",
        unit_scale=True,
        ncols=min(80, shutil.get_terminal_size().columns) - 1,
        leave=False,
        disable=None,
    )


def _make(folder: Path) -> None:
    with _clearly(f"write in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other downloads out of a folder.

    The folder itself is locked, until the process ends at the latest, however it ends: there is
    no file that a crash could leave behind.
    """
    if fcntl is None:
        yield
        return
    with _clearly(f"read {folder}"):
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
    # Another download may have ended just now, so what is missing is looked up once more.
    missing = [file for file in files if not _is_there(folder / file.name)]
    needed = sum(file.size - _size(_part(folder / file.name)) for file in missing)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(f"{needed:,} bytes are needed in {folder}, but only {free:,} are free")
    for done, file in enumerate(missing):
        try:
            _download(file, folder / file.name)
        except _Failure as failure:
            raise DownloadError(f"{failure}\n{_by_hand(missing[done:], folder)}") from failure


def _by_hand(files: Sequence[RemoteFile], folder: Path) -> str:
    """How to do without a download."""
    lines = ["To do it by hand, with a browser,"]
    for file in files:
        first, *others = file.addresses
        lines += [f"  fetch      {first}", *(f"  or         {address}" for address in others)]
        lines += [f"             ({file.size:,} bytes, sha256 {file.sha256})"]
        lines += [f"  put it at  {folder / file.name}"]
    return "\n".join([*lines, "and run the same command again."])


def _download(file: RemoteFile, path: Path) -> None:
    """Try the addresses in their order."""
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
        f"{have:,} of {file.size:,} bytes are kept in {part}: the same command goes on from there."
    )


def _unwritable(error: OSError, file: RemoteFile, part: Path) -> DownloadError:
    if error.errno not in _FULL:
        return DownloadError(f"cannot write {part}: {error.strerror or error}")
    part.unlink(missing_ok=True)
    return DownloadError(
        f"no space left in {part.parent}: {file.name} has {file.size:,} bytes, of which none are "
        "kept now"
    )


def _try(file: RemoteFile, address: str, path: Path) -> None:
    """Try an address, and again where there is hope."""
    for attempt in range(RETRIES + 1):
        try:
            return _attempt(file, address, path)
        except _Failure as failure:
            if attempt == RETRIES or not failure.again:
                raise
        time.sleep(WAIT * 2**attempt)


def _attempt(file: RemoteFile, address: str, path: Path) -> None:
    """Download what is missing, check the whole, and put it in place."""
    part = _part(path)
    if _size(part) > file.size:
        part.unlink()
    transfer = _Transfer(file, part)
    if transfer.start != file.size:
        transfer.run(address)
    digest = _sha256(part)
    if digest != file.sha256:
        part.unlink()
        # A beginning from another time or address may be to blame.
        raise _Failure(f"sha256 is {digest}, not {file.sha256}", again=transfer.start > 0)
    part.replace(path)


class _Transfer:
    """The way of bytes from an address to a ``.part``.

    Pooch asks for them and writes them into this object; requests, which it uses, shows each
    answer to ``judge`` first.

    Parameters
    ----------
    file : RemoteFile
        What is to come.
    part : Path
        Where it is kept. What is there already is not asked for.
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
        """Let pooch download; what has come stays in the ``.part`` if the rest fails to."""
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
            raise _Failure(f"broke off after {have:,} of {size:,} bytes", again=True)

    def _downloader(self) -> Any:
        from pooch import HTTPDownloader

        # A file that is compressed on its way, and unpacked here, would have no known length.
        headers = {"Accept-Encoding": "identity"}
        if self.start:
            headers["Range"] = f"bytes={self.start}-"
        return HTTPDownloader(
            chunk_size=_CHUNK, timeout=TIMEOUTS, headers=headers, hooks={"response": self.judge}
        )

    def judge(self, response: Any, **_: Any) -> None:
        """Open the ``.part`` if the answer is what was asked for."""
        self.opened.callback(response.close)
        if response.is_redirect:
            return
        self._check_status(response)
        self._check_length(response.headers)
        # A compressed file is wanted as it lies there; requests would unpack it.
        response.raw.headers.pop("Content-Encoding", None)
        self.sink = self.opened.enter_context(self.part.open("ab" if self.start else "wb"))
        self.bar = self.opened.enter_context(_bar(self.file.name, self.file.size, self.start))
        self.began = True

    def _check_status(self, response: Any) -> None:
        """Accept the whole file or the missing rest of it."""
        status, size = response.status_code, self.file.size
        if status == _OK:
            self.start = 0
            return
        rest = f"bytes {self.start}-{size - 1}/{size}"
        if status == _PARTIAL and response.headers.get("Content-Range") == rest:
            return
        if status == _PARTIAL:
            self.part.unlink(missing_ok=True)
        raise _Failure(f"{status} {response.reason}", again=status in _PASSING)

    def _check_length(self, headers: Mapping[str, str]) -> None:
        """Refuse what cannot be the file before it comes."""
        length, expected = headers.get("Content-Length"), self.file.size - self.start
        if length == str(expected):
            return
        if "html" in headers.get("Content-Type", "").lower():
            raise _Failure("the answer is an HTML page")
        if length is not None:
            raise _Failure(f"the answer has {length} bytes, not {expected}")

    def write(self, chunk: bytes) -> None:
        """Take some bytes from pooch."""
        self.sink.write(chunk)
        self.bar.update(len(chunk))
        if self.sink.tell() > self.file.size:
            raise _Failure(f"the answer has more than {self.file.size} bytes")

    def flush(self) -> None:
        """Pooch asks for this after each chunk."""
        self.sink.flush()


def _cause(error: BaseException, outer: BaseException | None) -> str:
    """What the system says, such as "Connection refused", at the bottom of an error.

    ``outer`` was being handled before, and is no part of it.
    """
    while (deeper := error.__cause__ or error.__context__) not in (None, outer):
        error = deeper
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
